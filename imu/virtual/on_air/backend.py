"""Emulated units behind bleak: what `BleakScanner` and `BleakClient` take as their backend."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

from bleak.args import SizedBuffer
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError

from imu.virtual.on_air.air import VirtualAir
from imu.virtual.units.dot_layout import COMPANY_ID, MTU_OVERHEAD, SERVICES, RefusedError
from imu.virtual.units.dot_unit import DotUnit

ADVERTISING_S = 0.1


def backend_of(air: VirtualAir) -> tuple[type[BaseBleakScanner], type[BaseBleakClient]]:
    """Return the classes that put an air behind `BleakScanner` and `BleakClient`.

    bleak wants classes, not objects, so each air gets its own.
    """

    class Scanner(VirtualScanner):
        __doc__ = VirtualScanner.__doc__

    class Client(VirtualClient):
        __doc__ = VirtualClient.__doc__

    Scanner.air = Client.air = air
    return Scanner, Client


class VirtualScanner(BaseBleakScanner):
    """Hears what emulated units advertise."""

    air: ClassVar[VirtualAir]

    def __init__(
        self,
        detection_callback: Callable[[BLEDevice, AdvertisementData], Any] | None,
        service_uuids: list[str] | None,
        scanning_mode: str = "active",  # noqa: ARG002 (bleak's interface)
        **kwargs: Any,  # noqa: ANN401, ARG002 (bleak's interface)
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._timer: asyncio.Handle | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self.seen_devices = {}
        self._timer = asyncio.get_running_loop().call_soon(self._hear)

    async def stop(self) -> None:
        """Listen no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _hear(self) -> None:
        """Hear all units once, and again in a moment."""
        self._timer = asyncio.get_running_loop().call_later(ADVERTISING_S, self._hear)
        for unit in self.air.advertising():
            heard = AdvertisementData(
                local_name=unit.name,
                manufacturer_data={COMPANY_ID: b"\x01\x02"},
                service_data={},
                service_uuids=[],
                tx_power=None,
                rssi=unit.rssi,
                platform_data=(),
            )
            if self.is_allowed_uuid(heard.service_uuids):
                known = unit.address, unit.address, unit.name, None, heard
                self.call_detection_callbacks(self.create_or_update_device(*known), heard)


class VirtualClient(BaseBleakClient):
    """Holds the link to one emulated unit."""

    air: ClassVar[VirtualAir]

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        **kwargs: Any,  # noqa: ANN401 (bleak's interface)
    ) -> None:
        super().__init__(
            address_or_ble_device,
            disconnected_callback=disconnected_callback,
            timeout=timeout,
            **kwargs,
        )
        self._unit: DotUnit | None = None
        self._callbacks: dict[str, NotifyCallback] = {}

    @property
    def name(self) -> str:
        """Return what the unit calls itself, or its address while there is no link."""
        return self._unit.name if self._unit else self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        """Return what the link carries."""
        return self._linked().mtu

    @property
    def is_connected(self) -> bool:
        """Return whether there is a link."""
        return self._unit is not None

    async def connect(self, pair: bool, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Connect as soon as the unit can be heard.

        Raises
        ------
        BleakDeviceNotFoundError
            When there is no such unit.
        TimeoutError
            When it is not heard in time.
        """
        if self._unit is not None:
            raise BleakError("Client is already connected")
        unit = self.air.unit(self.address)
        if unit is None:
            raise BleakDeviceNotFoundError(self.address, f"no virtual unit {self.address}")
        async with asyncio.timeout(self._timeout):
            await self.air.connect(unit, self)
        self._unit = unit
        self.services = _services_of(unit)

    async def disconnect(self) -> None:
        """End the link, if there is one."""
        if self._unit is not None:
            self.air.disconnect(self._unit, self)
            self.lost()

    async def pair(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Do nothing: emulated units need no pairing."""

    async def unpair(self) -> None:
        """Do nothing: emulated units need no pairing."""

    async def read_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        *,
        use_cached: bool = False,  # noqa: ARG002 (bleak's interface)
        **kwargs: Any,  # noqa: ANN401, ARG002
    ) -> bytearray:
        """Return what a characteristic holds."""
        try:
            return bytearray(self._linked().read(characteristic.uuid))
        except RefusedError as error:
            raise BleakGATTProtocolError(error.code) from None

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None:
        """Write to a characteristic."""
        try:
            self.air.write(self._linked(), characteristic.uuid, bytes(data))
        except RefusedError as error:
            if response:
                raise BleakGATTProtocolError(error.code) from None

    async def start_notify(
        self,
        characteristic: BleakGATTCharacteristic,
        callback: NotifyCallback,
        **kwargs: Any,  # noqa: ANN401, ARG002 (bleak's interface)
    ) -> None:
        """Let a characteristic notify."""
        self._linked().subscribe(characteristic.uuid, wanted=True)
        self._callbacks[characteristic.uuid] = callback

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Let a characteristic notify no more."""
        self._linked().subscribe(characteristic.uuid, wanted=False)
        self._callbacks.pop(characteristic.uuid, None)

    async def read_gatt_descriptor(
        self,
        descriptor: BleakGATTDescriptor,  # noqa: ARG002 (bleak's interface)
        *,
        use_cached: bool = False,  # noqa: ARG002
        **kwargs: Any,  # noqa: ANN401, ARG002
    ) -> bytearray:
        """Fail: emulated units have no descriptors."""
        raise BleakError("virtual units have no descriptors")

    async def write_gatt_descriptor(
        self,
        descriptor: BleakGATTDescriptor,  # noqa: ARG002 (bleak's interface)
        data: SizedBuffer,  # noqa: ARG002
    ) -> None:
        """Fail: emulated units have no descriptors."""
        raise BleakError("virtual units have no descriptors")

    def notified(self, uuid: str, payload: bytes) -> None:
        """Take a notification from the air."""
        callback = self._callbacks.get(uuid)
        if callback is not None:
            callback(bytearray(payload))

    def lost(self) -> None:
        """Know that the link is over."""
        self._unit = self.services = None
        self._callbacks.clear()
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    def _linked(self) -> DotUnit:
        """Return the unit, or fail where there is no link."""
        if self._unit is None:
            raise BleakError("Not connected")
        return self._unit


def _services_of(unit: DotUnit) -> BleakGATTServiceCollection:
    """Return what a unit offers, as bleak has it."""
    found = BleakGATTServiceCollection()
    handle = 0
    for service_uuid, characteristics in SERVICES.items():
        handle += 1
        service = BleakGATTService(None, handle, service_uuid)
        found.add_service(service)
        for uuid, properties in characteristics.items():
            handle += 1
            found.add_characteristic(
                BleakGATTCharacteristic(
                    None,
                    handle,
                    uuid,
                    list(properties),
                    lambda: unit.mtu - MTU_OVERHEAD,
                    service,
                )
            )
    return found
