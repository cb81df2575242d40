"""A BlueZ without a radio, on a D-Bus socket of its own, for bleak's unmodified BlueZ backend.

It answers what bleak asks, in the order of properties and signals that bluetoothd 5.66 shows. One
task moves everything: every few milliseconds units advertise, answer a pending connect and send.

`flow_s` is a clock that stands still while this process is kept from running: each turn counts for
at most 20 ms. What must happen within two seconds is measured with it, so that a busy machine, on
which everything takes longer, does not decide a test.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from dbus_fast import Message, Variant
from dbus_wire import Wire, signal
from peripheral import Characteristic, Peripheral

ADAPTER_PATH = "/org/bluez/hci0"
ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
GATT_SERVICE = "org.bluez.GattService1"
GATT_CHARACTERISTIC = "org.bluez.GattCharacteristic1"
PROPERTIES = "org.freedesktop.DBus.Properties"
OBJECTS = "org.freedesktop.DBus.ObjectManager"
BUS = "org.freedesktop.DBus"

GENERIC = "00001801-0000-1000-8000-00805f9b34fb"  # the service that every unit has

ATT_REJECTED = "Operation failed with ATT error: 0x0e"  # unlikely error

TURN_S = 0.004
LONGEST_TURN_S = 0.02
ADVERTISING_S = 0.1
# bluetoothd gives up a connect to a unit that it does not hear.
PENDING_S = 20.0

Interfaces = dict[str, dict[str, Variant]]


class RefusedError(Exception):
    """A method call that BlueZ answers with an error."""

    def __init__(self, name: str, text: str = "") -> None:
        super().__init__(text)
        self.name = name


class FakeBluez:
    """The bus, the service and the air between it and the units."""

    def __init__(self, socket: Path, limit_s: float | None = 45.0) -> None:
        self.address = f"unix:path={socket}"
        self.units: list[Peripheral] = []
        self.adapters = True
        self.powered = True
        self.serving = True
        """Whether bluetoothd lives; the bus may live on without it."""
        self.errors: dict[str, list[tuple[str, str]]] = {}
        """Method → errors that its next calls are answered with."""
        self.faults: list[Exception] = []
        """What units raised; it ends nothing."""
        self.collisions = 0
        """Scans and connects asked for while another was going on."""
        self.reads: list[str] = []
        self.scans = 0
        self.flow_s = 0.0
        self._socket = socket
        self._limit_s = limit_s  # ends a test that hangs
        self._wires: set[Wire] = set()
        self._clients = 0
        self._scanning = False
        self._advertised_s = 0.0
        self._pending: dict[int, tuple[Wire, Message, float]] = {}
        self._resolving: dict[int, float] = {}
        self._shown: set[str] = set()

    # The bus

    async def __aenter__(self) -> FakeBluez:
        await self.listen()
        self._stack = contextlib.AsyncExitStack()
        await self._stack.enter_async_context(asyncio.timeout(self._limit_s))
        tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
        turning = tasks.create_task(self._turn_for_ever())
        self._stack.callback(turning.cancel)
        self._stack.push_async_callback(self._let_go)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> bool | None:
        try:
            return await self._stack.__aexit__(kind, error, at)
        except BaseExceptionGroup as group:
            if error is None or group.exceptions != (error,):
                raise
            return False  # what the test raised goes on as it was, not in a group

    async def _let_go(self) -> None:
        """Die, and let bleak see its bus close and put it away."""
        self.die()
        await asyncio.sleep(0.05)

    async def listen(self) -> None:
        """Take clients, at the start or after a death."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(self._client, self._socket)

    def die(self) -> None:
        """Take down the bus and the service with all links and all that was known of units."""
        for unit in self.units:
            unit.lose()
            unit.known = False
        self._scanning = False
        self._pending.clear()
        self._resolving.clear()
        self._shown.clear()
        self._server.close()
        self._socket.unlink(missing_ok=True)
        for wire in list(self._wires):
            wire.close()

    def _client(self) -> Wire:
        self._clients += 1
        wire = Wire(f":1.{self._clients}", self._receive, self._wires.discard)
        self._wires.add(wire)
        return wire

    def _receive(self, wire: Wire, message: Message) -> None:
        try:
            reply = self._answer(wire, message)
        except RefusedError as error:
            reply = Message.new_error(message, error.name, str(error))
        if reply is not None:
            self._reply(wire, reply)

    def _reply(self, wire: Wire, reply: Message) -> None:
        reply.sender = ":1.0"
        wire.send(reply)

    def _signal(
        self, path: str, interface: str, member: str, signature: str, body: list[object]
    ) -> None:
        message = signal(path, interface, member, signature, body)
        for wire in list(self._wires):
            if wire.wants(message):
                wire.send(message)

    def _changed(self, path: str, interface: str, properties: dict[str, Variant]) -> None:
        body: list[object] = [interface, properties, []]
        self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", body)

    def _added(self, path: str, interfaces: Interfaces) -> None:
        self._signal("/", OBJECTS, "InterfacesAdded", "oa{sa{sv}}", [path, interfaces])

    # Calls

    def _answer(self, wire: Wire, message: Message) -> Message | None:
        path = message.path or ""
        if message.interface == BUS:
            return self._answer_bus(wire, message)
        if not self.serving:
            raise RefusedError(
                "org.freedesktop.DBus.Error.ServiceUnknown",
                "The name org.bluez was not provided by any .service files",
            )
        if errors := self.errors.get(str(message.member)):
            raise RefusedError(*errors.pop(0))
        if message.member == "GetManagedObjects":
            return Message.new_method_return(message, "a{oa{sa{sv}}}", [self._objects()])
        if message.interface == ADAPTER and path == ADAPTER_PATH:
            return self._answer_adapter(message)
        unit = self._unit(path)
        if message.interface == DEVICE:
            return self._answer_device(wire, message, unit)
        if message.interface == PROPERTIES and message.member == "Set":
            return Message.new_method_return(message)
        if message.interface == GATT_CHARACTERISTIC:
            return self._answer_characteristic(message, unit)
        raise RefusedError("org.freedesktop.DBus.Error.UnknownMethod", str(message.member))

    def _answer_bus(self, wire: Wire, message: Message) -> Message:
        if message.member == "Hello":
            return Message.new_method_return(message, "s", [wire.name])
        if message.member == "AddMatch":
            wire.rules.append(dict(rule.split("=", 1) for rule in message.body[0].split(",")))
            return Message.new_method_return(message)
        if message.member == "RemoveMatch":
            return Message.new_method_return(message)
        if message.member == "GetNameOwner":
            return Message.new_method_return(message, "s", [":1.0"])
        raise RefusedError("org.freedesktop.DBus.Error.UnknownMethod", str(message.member))

    def _answer_adapter(self, message: Message) -> Message:
        if not self.powered:
            raise RefusedError("org.bluez.Error.NotReady", "Resource Not Ready")
        if message.member == "StartDiscovery":
            if self._scanning or self._pending:
                self.collisions += 1
                raise RefusedError("org.bluez.Error.InProgress", "Operation already in progress")
            self._scanning = True
            self.scans += 1
        elif message.member == "StopDiscovery":
            self._scanning = False
        return Message.new_method_return(message)

    def _answer_device(self, wire: Wire, message: Message, unit: Peripheral) -> Message | None:
        if message.member in ("Connect", "Pair"):
            unit.paired = unit.paired or message.member == "Pair"
            return self._connect(wire, message, unit)
        if message.member == "Disconnect":
            pending = self._pending.pop(id(unit), None)
            if pending:
                aborted = RefusedError("org.bluez.Error.Failed", "Operation aborted")
                self._reply(pending[0], Message.new_error(pending[1], aborted.name, str(aborted)))
            if unit.connected:
                unit.lose()
                self._changed(path_of(unit), DEVICE, {"ServicesResolved": Variant("b", False)})
                self._changed(path_of(unit), DEVICE, {"Connected": Variant("b", False)})
            return Message.new_method_return(message)
        raise RefusedError("org.freedesktop.DBus.Error.UnknownMethod", str(message.member))

    def _connect(self, wire: Wire, message: Message, unit: Peripheral) -> Message | None:
        if not self.powered:
            raise RefusedError("org.bluez.Error.NotReady", "Resource Not Ready")
        if self._scanning or self._pending:
            self.collisions += 1
            raise RefusedError("org.bluez.Error.InProgress", "Operation already in progress")
        if unit.refusals:
            unit.refusals -= 1
            raise RefusedError("org.bluez.Error.Failed", "le-connection-refused")
        self._pending[id(unit)] = (wire, message, self.flow_s)
        return None

    def _answer_characteristic(self, message: Message, unit: Peripheral) -> Message:
        if not unit.connected:
            raise RefusedError("org.bluez.Error.Failed", "Not connected")
        path = message.path or ""
        characteristic = characteristics_of(unit)[path]
        if message.member == "ReadValue":
            self.reads.append(characteristic.uuid)
            return Message.new_method_return(message, "ay", [characteristic.value])
        if message.member == "WriteValue":
            try:
                unit.write(characteristic.uuid, bytes(message.body[0]))
            except Exception as error:  # what a unit does not take is no fault of the bus
                self.faults.append(error)
                raise RefusedError("org.bluez.Error.Failed", ATT_REJECTED) from error
            return Message.new_method_return(message)
        if message.member in ("StartNotify", "StopNotify"):
            if "notify" not in characteristic.flags:
                raise RefusedError("org.bluez.Error.NotSupported", "Operation is not supported")
            characteristic.notifying = message.member == "StartNotify"
            notifying = {"Notifying": Variant("b", characteristic.notifying)}
            self._changed(path, GATT_CHARACTERISTIC, notifying)
            return Message.new_method_return(message)
        raise RefusedError("org.freedesktop.DBus.Error.UnknownMethod", str(message.member))

    def _unit(self, path: str) -> Peripheral:
        found = (unit for unit in self.units if unit.known and path.startswith(path_of(unit)))
        unit = next(found, None)
        if unit is None:
            raise RefusedError("org.freedesktop.DBus.Error.UnknownObject", f"no object {path}")
        return unit

    def _objects(self) -> dict[str, Interfaces]:
        if not self.adapters:
            return {}
        roles = Variant("as", ["central", "peripheral"])
        adapter = {"Address": Variant("s", "00:00:00:00:00:01"), "Roles": roles}
        adapter["Powered"] = Variant("b", self.powered)
        objects: dict[str, Interfaces] = {ADAPTER_PATH: {ADAPTER: adapter}}
        for unit in self.units:
            if unit.known:
                objects[path_of(unit)] = {DEVICE: device_properties(unit)}
            if unit.address in self._shown:
                objects |= gatt_objects(unit)
        return objects

    # The air

    async def _turn_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        last_s = loop.time()
        while True:
            await asyncio.sleep(TURN_S)
            now_s = loop.time()
            self.flow_s += min(now_s - last_s, LONGEST_TURN_S)
            last_s = now_s
            if (
                self._scanning
                and self.serving
                and self.flow_s >= self._advertised_s + ADVERTISING_S
            ):
                self._advertised_s = self.flow_s
                self._advertise()
            for unit in self.units:
                self._progress(unit)
                try:
                    payloads = unit.tick(now_s, self.flow_s, self._breaker(unit))
                except Exception as error:
                    self.faults.append(error)
                    continue
                for payload in payloads if self.serving else ():
                    self.notify(unit, payload)

    def _breaker(self, unit: Peripheral) -> Callable[[], None]:
        return lambda: self.break_link(unit)

    def _advertise(self) -> None:
        for unit in self.units:
            if not unit.reachable or unit.connected:
                continue
            if unit.known:
                self._changed(path_of(unit), DEVICE, {"RSSI": Variant("n", unit.rssi)})
            else:
                unit.known = True
                self._added(path_of(unit), {DEVICE: device_properties(unit)})

    def _progress(self, unit: Peripheral) -> None:
        """Go on with a connect."""
        if id(unit) in self._pending:
            wire, call, since_s = self._pending[id(unit)]
            if unit.reachable and self.flow_s >= since_s + unit.connect_s:
                del self._pending[id(unit)]
                unit.connected = True
                unit.connects += 1
                self._changed(path_of(unit), DEVICE, {"Connected": Variant("b", True)})
                self._resolving[id(unit)] = self.flow_s + unit.resolve_s
                self._reply(wire, Message.new_method_return(call))
            elif self.flow_s >= since_s + PENDING_S:
                del self._pending[id(unit)]
                error = "org.bluez.Error.Failed"
                self._reply(wire, Message.new_error(call, error, "le-connection-timeout"))
        if unit.connected and self.flow_s >= self._resolving.get(id(unit), float("inf")):
            del self._resolving[id(unit)]
            self._resolve(unit)

    def _resolve(self, unit: Peripheral) -> None:
        if unit.address not in self._shown:  # they survive a reconnect
            self._shown.add(unit.address)
            for path, interfaces in gatt_objects(unit).items():
                self._added(path, interfaces)
        resolved = {
            "UUIDs": Variant("as", [*unit.services, GENERIC]),
            "ServicesResolved": Variant("b", True),
        }
        self._changed(path_of(unit), DEVICE, resolved)

    def break_link(self, unit: Peripheral) -> None:
        """Let a link break by itself: one change of two properties."""
        self._resolving.pop(id(unit), None)
        if unit.connected:
            unit.lose()
            gone = {"ServicesResolved": Variant("b", False), "Connected": Variant("b", False)}
            self._changed(path_of(unit), DEVICE, gone)

    def crash(self, *, goodbye: bool = False) -> None:
        """Let bluetoothd die while the bus lives on; without a goodbye nobody is told."""
        self._scanning = False
        for wire, call, _ in self._pending.values():
            error = "org.freedesktop.DBus.Error.NoReply"
            self._reply(wire, Message.new_error(call, error, "Message recipient disconnected"))
        self._pending.clear()
        self._resolving.clear()
        self._shown.clear()
        for unit in self.units:
            if goodbye and unit.known:
                body: list[object] = [path_of(unit), [DEVICE]]
                self._signal("/", OBJECTS, "InterfacesRemoved", "oas", body)
            unit.lose()
            unit.known = False
        if goodbye:
            self._signal("/", OBJECTS, "InterfacesRemoved", "oas", [ADAPTER_PATH, [ADAPTER]])
        self.serving = False

    def revive(self) -> None:
        """Let bluetoothd start again; it knows its adapter and no unit."""
        self.serving = True
        self._added(ADAPTER_PATH, self._objects()[ADAPTER_PATH])

    def readdress(self, unit: Peripheral, address: str) -> None:
        """Let a unit come back under another address, as one with random addresses may."""
        self.forget(unit)
        unit.address = address

    def hold(self, unit: Peripheral) -> None:
        """Be connected to a unit from before, by a program that was killed."""
        unit.known = unit.connected = unit.started = True
        self._shown.add(unit.address)

    def forget(self, unit: Peripheral) -> None:
        """Drop what the service knows of a unit, as when it has not heard it for a while."""
        self.break_link(unit)
        self._shown.discard(unit.address)
        unit.known = False
        body: list[object] = [path_of(unit), [DEVICE]]
        self._signal("/", OBJECTS, "InterfacesRemoved", "oas", body)

    def switch(self, *, on: bool) -> None:
        """Somebody switches Bluetooth off or on."""
        self.powered = on
        for unit in self.units:
            if not on:
                self.break_link(unit)
        self._changed(ADAPTER_PATH, ADAPTER, {"Powered": Variant("b", on)})

    def unplug(self) -> None:
        """Somebody pulls the adapter: it goes with all links and all that it knew of units."""
        self.adapters = self._scanning = False
        self._pending.clear()
        for unit in self.units:
            if unit.known:
                self.forget(unit)
        body: list[object] = [ADAPTER_PATH, [ADAPTER]]
        self._signal("/", OBJECTS, "InterfacesRemoved", "oas", body)

    def plug_in(self) -> None:
        """Somebody plugs the adapter in again."""
        self.adapters = True
        self._added(ADAPTER_PATH, self._objects()[ADAPTER_PATH])

    def notify(self, unit: Peripheral, payload: bytes) -> None:
        """Send a notification."""
        for path, characteristic in characteristics_of(unit).items():
            if characteristic.uuid == unit.data and characteristic.notifying:
                self._changed(path, GATT_CHARACTERISTIC, {"Value": Variant("ay", payload)})


def path_of(unit: Peripheral) -> str:
    return f"{ADAPTER_PATH}/dev_{unit.address.replace(':', '_')}"


def device_properties(unit: Peripheral) -> dict[str, Variant]:
    return {
        "Address": Variant("s", unit.address),
        "AddressType": Variant("s", "random"),
        "Name": Variant("s", unit.name),
        "Alias": Variant("s", unit.name),
        "Paired": Variant("b", unit.paired),
        "Bonded": Variant("b", unit.paired),
        "Trusted": Variant("b", False),
        "Blocked": Variant("b", False),
        "LegacyPairing": Variant("b", False),
        "RSSI": Variant("n", unit.rssi),
        "Connected": Variant("b", unit.connected),
        "UUIDs": Variant("as", [*unit.services, GENERIC] if unit.connected else unit.advertised),
        "Adapter": Variant("o", ADAPTER_PATH),
        "ManufacturerData": Variant("a{qv}", {unit.company_id: Variant("ay", b"\x01\x02")}),
        "ServicesResolved": Variant("b", unit.connected),
    }


def services_of(unit: Peripheral) -> dict[str, tuple[str, list[Characteristic]]]:
    return {
        f"{path_of(unit)}/service{0x10 * number:04x}": (uuid, characteristics)
        for number, (uuid, characteristics) in enumerate(unit.services.items(), start=1)
    }


def characteristics_of(unit: Peripheral) -> dict[str, Characteristic]:
    return {
        f"{service}/char{int(service[-4:], 16) + 2 * number:04x}": characteristic
        for service, (_, characteristics) in services_of(unit).items()
        for number, characteristic in enumerate(characteristics, start=1)
    }


def gatt_objects(unit: Peripheral) -> dict[str, Interfaces]:
    objects: dict[str, Interfaces] = {}
    for path, (uuid, _) in services_of(unit).items():
        service = {"UUID": Variant("s", uuid), "Device": Variant("o", path_of(unit))}
        service |= {"Primary": Variant("b", True), "Includes": Variant("ao", [])}
        objects[path] = {GATT_SERVICE: service}
    for path, characteristic in characteristics_of(unit).items():
        properties = {
            "UUID": Variant("s", characteristic.uuid),
            "Service": Variant("o", path.rsplit("/", 1)[0]),
            "Value": Variant("ay", characteristic.value),
            "Notifying": Variant("b", characteristic.notifying),
            "Flags": Variant("as", characteristic.flags),
            "MTU": Variant("q", unit.mtu),
        }
        if "notify" in characteristic.flags:
            properties["NotifyAcquired"] = Variant("b", False)
        objects[path] = {GATT_CHARACTERISTIC: properties}
    return objects
