"""The link to one unit: connect, set up, stream, watch, reconnect, stop.

    closed → searching → connecting → starting → streaming ⇄ silent → stopping → closed
                 ↑            ↑                                            │
                 └────────────┴────────────────── lost ←───────────────────┘

A link owns its unit from `run` until `run` returns. What the unit sends is stamped and queued in
the callback, and decoded and delivered by a consumer, so nothing slow ever happens in between.

Life is samples: a unit whose messages cannot be read does not stream. A silent unit is waited for
while its link stands, since radios stall and then deliver what the unit kept; after four seconds
the link is made anew. A link that had samples never gives up: it comes back as soon as the unit
does. One that never had any ends with a `RadioError` when its patience is over, at once where
trying again cannot help.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from bleak import BleakClient
from bleak.backends.device import BLEDevice

from imu.air.connect_lock import ConnectLock
from imu.air.hearing import Hearing
from imu.air.identity import read_serial, same_unit
from imu.air.link_state import (
    DEFAULT_TIMING,
    Link,
    LinkCounts,
    LinkEvent,
    LinkEventKind,
    LinkState,
    LinkTiming,
)
from imu.air.patience import client_of
from imu.air.radio_errors import (
    NEEDS_A_PERSON,
    RADIO_ERRORS,
    Backend,
    RadioError,
    Trouble,
    explain,
    printable,
    trouble_of,
)
from imu.air.scan import find_device
from imu.air.watch import watch
from imu.sample import Sample

if TYPE_CHECKING:
    from imu.drivers import Driver

__all__ = [
    "ConnectLock",
    "LinkCounts",
    "LinkEvent",
    "LinkEventKind",
    "LinkState",
    "LinkTiming",
    "UnitLink",
]

# Notifications that may wait for the consumer: half a minute at 120 Hz, 0.2 MB.
QUEUE_LENGTH = 4096
OVERFLOW = (
    "samples came faster than they could be worked off: close other programs, or lower the rate"
)


class UnitLink(Link):
    """Holds the link to one unit.

    Parameters
    ----------
    device
        The unit: what a scan found, or its address.
    driver
        Knows what to write to the unit and how to read what it sends.
    unit
        `Sample.unit` and `LinkEvent.unit`.
    deliver
        Takes each sample, in order of arrival. What it raises ends the link.
    note
        Takes each event, in order with the samples.
    clock_ns
        The session's monotonic clock.
    connect_lock
        Shared by all links of a radio.
    backend
        Stands in for the system's Bluetooth.
    timing
        How long to wait for what.
    queue_length
        How many notifications may wait to be decoded.
    """

    def __init__(
        self,
        device: BLEDevice | str,
        driver: Driver,
        unit: int,
        deliver: Callable[[Sample], None],
        note: Callable[[LinkEvent], None],
        clock_ns: Callable[[], int],
        *,
        connect_lock: ConnectLock,
        backend: Backend | None = None,
        timing: LinkTiming = DEFAULT_TIMING,
        queue_length: int = QUEUE_LENGTH,
    ) -> None:
        super().__init__(unit, note, clock_ns)
        self._device = None if isinstance(device, str) else device
        self._address = device if isinstance(device, str) else device.address
        self._driver, self._deliver = driver, deliver
        self._lock, self._backend, self._timing = connect_lock, backend or Backend(), timing
        self._queue: asyncio.Queue[tuple[int, int, bytes]] = asyncio.Queue(queue_length)
        self._session = self._heard_session = 0
        self._hearing = Hearing(timing, driver.rejected)
        self._told_overflowed = 0
        self._client: BleakClient | None = None
        self._serial = ""
        self._doubts_link = False
        """Whether the system may be wrong in saying that it holds the link."""
        self._battery_due = asyncio.Event()

    @property
    def label(self) -> str:
        """Return what people know the unit by: its name and address, or its address."""
        name = printable((self._device.name if self._device else None) or "")
        return f"{name} ({self._address})" if name else self._address

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the unit streaming until told to stop; stop and disconnect it however this ends.

        Raises
        ------
        RadioError
            When the unit never sent data and trying again does not help.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                life = tasks.create_task(self._live())
                helpers = [tasks.create_task(self._consume()), tasks.create_task(self._power())]
                await stop.wait()
                life.cancel()
                await asyncio.wait({life})
                for helper in helpers:
                    helper.cancel()
        except ExceptionGroup as failed:
            first = failed.exceptions[0]
            raise first from first.__cause__
        finally:
            self._enter(LinkState.CLOSED)

    async def _live(self) -> None:
        """Hold one connection after the other, until cancelled."""
        failures, failing_s = 0, math.inf
        last: Trouble | None = None
        loop = asyncio.get_running_loop()
        try:
            while True:
                before = self.counts.connections
                known = self._device is not None and not self._doubts_link
                searched = not known or failures >= self._timing.search_after
                error = await self._try(search=searched)
                self._drain()
                streamed = self.counts.connections > before
                failures = 0 if streamed else failures + 1
                failing_s = min(failing_s, loop.time())
                trouble = trouble_of(error)
                self._give_up(error, searched=searched, failing_s=failing_s)
                if streamed:
                    self._tell(LinkEventKind.LOST, text=self._sentence(error))
                elif trouble != last:
                    self._tell(LinkEventKind.FAILED, text=self._sentence(error))
                last = trouble
                if trouble is Trouble.NOT_FOUND:  # the system has forgotten what the scan found
                    failures = max(failures, self._timing.search_after)
                self._enter(LinkState.LOST)
                await asyncio.sleep(self._timing.pause_s(failures))
        finally:
            self._drain()

    def _give_up(self, error: Exception, *, searched: bool, failing_s: float) -> None:
        """Raise when a unit that never sent a sample failed for good."""
        trouble = trouble_of(error)
        hopeless = trouble in NEEDS_A_PERSON or (searched and trouble is Trouble.NOT_FOUND)
        failed_for_s = asyncio.get_running_loop().time() - failing_s
        if not self.counts.connections and (hopeless or failed_for_s >= self._timing.patience_s):
            raise RadioError(trouble, self._sentence(error)) from error

    async def _try(self, *, search: bool) -> Exception:
        """Hold one connection for as long as it lasts; return what ended it."""
        gone = asyncio.Event()
        try:
            client = await self._connect(gone, search=search)
            try:
                return await self._stream(client, gone)
            finally:
                self._client = None
                await self._leave(client)
        except RADIO_ERRORS as error:
            return error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return RadioError(Trouble.NO_ANSWER)  # Windows cancelled what bleak waited for

    async def _connect(self, gone: asyncio.Event, *, search: bool) -> BleakClient:
        """Connect, after a search where the unit is not known or does not answer."""
        self._enter(LinkState.SEARCHING if search else LinkState.CONNECTING)
        timing, loop = self._timing, asyncio.get_running_loop()
        # No unit has to give way before the session has begun: units take their turns whole.
        patience_s = timing.give_way_s if self.counts.connections else timing.connect_s
        client: BleakClient | None = None
        begun_s = math.inf

        def engaged() -> bool:
            early = loop.time() < begun_s + patience_s
            return early or (client is not None and client.is_connected)

        limit_s = timing.connect_s + (timing.search_s if search else 0.0)
        async with self._lock.turn(limit_s, engaged):
            begun_s = loop.time()
            if search or self._device is None:
                self._device = await self._search()
                self._doubts_link = False
                self._enter(LinkState.CONNECTING)
            begun_s = loop.time()
            client = client_of(
                self._device,
                self._backend,
                gone=lambda _: gone.set(),
                pair=self._driver.profile.pairing,
                timeout_s=timing.connect_s,
            )
            await client.connect()
            return client

    async def _search(self) -> BLEDevice:
        """Return the unit as the air shows it now: by its address, or else by name and serial."""
        heard: dict[str, BLEDevice] = {}
        try:
            return await find_device(
                self._address,
                self._timing.search_s,
                backend=self._backend,
                held=not self._doubts_link,
                heard=heard,
            )
        except RadioError as error:
            if error.trouble is not Trouble.NOT_FOUND or not self._device or not self._serial:
                raise
            alike = [device for device in heard.values() if device.name == self._device.name]
            found = await same_unit(alike, self._driver.profile, self._serial, self._backend)
            if found is None:
                raise
        self._address = found.address
        self._tell(LinkEventKind.MOVED, text=f"is back under another address ({found.address})")
        return found

    async def _stream(self, client: BleakClient, gone: asyncio.Event) -> RadioError:
        """Start the unit and watch it; return what ended that."""
        self._enter(LinkState.STARTING)
        self._session += 1
        self._doubts_link = True  # until a sample shows that it stands
        self._hearing.begin(self._clock_ns())
        async with asyncio.timeout(self._timing.start_s):
            await self._learn_serial(client)
            await self._driver.start(client, self._receiver())
        self._hearing.begin(self._clock_ns())
        self._client = client
        self._battery_due.set()
        error = await watch(
            client,
            gone,
            self._hearing,
            self._driver.rate_hz,
            self._clock_ns,
            self._fall_silent,
            self._timing,
        )
        self._doubts_link = error.trouble is not Trouble.SILENT and not gone.is_set()
        return error

    def _fall_silent(self) -> None:
        """Tell that the unit is silent; its link stands."""
        if self._state is LinkState.STREAMING:
            self._enter(LinkState.SILENT)

    async def _learn_serial(self, client: BleakClient) -> None:
        """Ask the unit once who it is, to know it again under another address."""
        if not self._serial and not self.counts.connections:
            with suppress(*RADIO_ERRORS):
                async with asyncio.timeout(self._timing.serial_s):
                    self._serial = await read_serial(client, self._driver.profile)

    def _receiver(self) -> Callable[[bytes], None]:
        """Return what takes the notifications of this connection: it stamps and queues them."""
        session, queue, clock_ns, counts = self._session, self._queue, self._clock_ns, self.counts
        hear = self._hearing.hear

        def receive(payload: bytes) -> None:
            heard_ns = clock_ns()
            hear(heard_ns)
            try:
                queue.put_nowait((session, heard_ns, bytes(payload)))
            except asyncio.QueueFull:
                counts.overflowed += 1

        return receive

    async def _leave(self, client: BleakClient) -> None:
        """Write the stop commands where the unit still listens, and disconnect; never fail."""
        timing = self._timing
        try:
            self._enter(LinkState.STOPPING)
            if client.is_connected:
                with suppress(*RADIO_ERRORS):
                    async with asyncio.timeout(timing.stop_s):
                        await self._driver.stop(client)
        finally:
            try:
                async with asyncio.timeout(timing.disconnect_s):
                    await client.disconnect()
            except RADIO_ERRORS:
                self._doubts_link = True

    async def _consume(self) -> None:
        """Decode and deliver what is queued, until cancelled."""
        try:
            while True:
                self._take(*await self._queue.get())
        except Exception:
            self._deliver = _discard  # the receiver of the samples failed, and gets no more
            raise

    def _drain(self) -> None:
        """Deliver what waits in the queue, so that nothing of a connection comes after its end."""
        while not self._queue.empty():
            self._take(*self._queue.get_nowait())

    def _take(self, session: int, heard_ns: int, payload: bytes) -> None:
        """Decode one notification and deliver its samples; the first carries the payload."""
        counts = self.counts
        counts.notifications += 1
        readings = self._driver.decode(payload)
        if session == self._session:
            self._hearing.read(heard_ns, len(readings))
        if readings:
            self._come_alive(session, heard_ns)
        if counts.overflowed > self._told_overflowed:
            self._told_overflowed = counts.overflowed
            self._tell(LinkEventKind.OVERFLOW, text=OVERFLOW, value=counts.overflowed)
        kept: bytes | None = payload
        for reading in readings:
            counts.samples += 1
            self._deliver(Sample(self._unit, heard_ns, *reading, kept))
            kept = None
        if said := self._hearing.part_unreadable():
            self._tell(LinkEventKind.UNREADABLE, text=said)

    def _come_alive(self, session: int, heard_ns: int) -> None:
        """Tell that samples come: for the first time, again, or after a silence."""
        if session > self._heard_session:
            self.counts.connections += 1
            again = self._heard_session > 0
            self._heard_session = session
            kind = LinkEventKind.RECONNECTED if again else LinkEventKind.CONNECTED
            self._tell(kind, heard_ns)
        if session == self._session and self._state in (LinkState.STARTING, LinkState.SILENT):
            self._doubts_link = False
            self._enter(LinkState.STREAMING)

    async def _power(self) -> None:
        """Ask for the battery at each connect and every minute, until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timing.battery_period_s):
                    await self._battery_due.wait()
            self._battery_due.clear()
            client, percent = self._client, None
            with suppress(*RADIO_ERRORS):  # what ends the link is not for this task to say
                async with asyncio.timeout(self._timing.battery_s):
                    percent = await self._driver.battery(client) if client else None
            if percent is not None:
                self.battery_percent = percent
                self._tell(LinkEventKind.BATTERY, value=percent)

    def _sentence(self, error: Exception) -> str:
        """Return which unit has what trouble, and what to do."""
        return f"{self.label}: {explain(error)}"


def _discard(_: Sample) -> None:
    """Discard a sample that is no longer wanted."""
