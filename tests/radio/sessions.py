"""Links to units, what they deliver, and a plain driver."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from bleak import BleakClient
from bleak.backends.device import BLEDevice
from bleak.exc import BleakError
from peripheral import BATTERY, CONTROL, DATA, PAYLOAD, START, STOP, Peripheral

from imu.air.link import ConnectLock, LinkEvent, LinkEventKind, LinkTiming, UnitLink
from imu.air.link_state import DEFAULT_TIMING
from imu.drivers import Driver, UnitFields
from imu.drivers.reading import Reading
from imu.profiles.profile import load_profiles
from imu.sample import Sample, Segment, Side, Unit


class ReferenceDriver:
    """Starts and stops by a command and reads the reference payload, with as little as it takes."""

    stream = "reference"

    def __init__(self, rate_hz: float = 120.0) -> None:
        self.profile = load_profiles()["hipturn_reference"]
        self.rate_hz = rate_hz
        self.rejected: dict[str, int] = {}

    def unit_fields(self) -> UnitFields:
        return UnitFields(
            rate_hz=self.rate_hz,
            heading="arbitrary",
            tick_s=1e-6,
            time_bits=32,
            sequence_bits=16,
        )

    async def start(self, client: BleakClient, receive: Callable[[bytes], None]) -> None:
        await client.start_notify(DATA, lambda _, data: receive(bytes(data)))
        await client.write_gatt_char(CONTROL, START, response=True)

    async def stop(self, client: BleakClient) -> None:
        with suppress(BleakError, OSError, EOFError):
            await client.write_gatt_char(CONTROL, STOP, response=True)

    async def battery(self, client: BleakClient) -> int | None:
        return (await client.read_gatt_char(BATTERY))[0]

    def decode(self, payload: bytes) -> list[Reading]:
        if len(payload) != PAYLOAD.size:
            self.rejected["length"] = self.rejected.get("length", 0) + 1
            return []
        time_us, w, x, y, z, sequence, *rate = PAYLOAD.unpack(payload)
        q = (w / 32767, x / 32767, y / 32767, z / 32767)
        if not 0.5 < math.hypot(*q) < 2.0:
            self.rejected["norm"] = self.rejected.get("norm", 0) + 1
            return []
        gx, gy, gz = (math.radians(value / 16) for value in rate)
        return [Reading(time_us, sequence, q, None, (gx, gy, gz))]


@dataclass
class Catch:
    """What links delivered."""

    units: int
    samples: list[Sample] = field(default_factory=list)
    events: list[LinkEvent] = field(default_factory=list)

    def of(self, unit: int) -> list[Sample]:
        return [sample for sample in self.samples if sample.unit == unit]

    def payloads(self, unit: int) -> list[bytes]:
        return [sample.payload for sample in self.of(unit) if sample.payload is not None]

    def kinds(self, unit: int = 0) -> list[str]:
        """All events of a unit that are not mere changes of state."""
        told = (event for event in self.events if event.unit == unit)
        return [str(event.kind) for event in told if event.kind is not LinkEventKind.STATE]

    def states(self, unit: int = 0) -> list[str]:
        told = (event for event in self.events if event.unit == unit)
        return [str(event.state) for event in told if event.kind is LinkEventKind.STATE]

    def texts(self, kind: str) -> list[str]:
        return [event.text for event in self.events if event.kind == kind]

    def reconnects(self) -> list[tuple[int, int]]:
        again = (event for event in self.events if event.kind == "reconnected")
        return [(event.unit, event.host_time_ns) for event in again]


Links = tuple[list[UnitLink], Catch]


@asynccontextmanager
async def linked(
    units: Sequence[Peripheral],
    *,
    devices: Sequence[BLEDevice | str] | None = None,
    driver: Callable[[], Driver] = ReferenceDriver,
    timing: LinkTiming = DEFAULT_TIMING,
    queue_length: int = 4096,
    clock_ns: Callable[[], int] = time.monotonic_ns,
) -> AsyncIterator[Links]:
    """Run a link to each unit inside the `async with`, and stop them at its end."""
    catch = Catch(len(units))
    stop, lock = asyncio.Event(), ConnectLock()
    links = [
        UnitLink(
            devices[index] if devices else unit.address,
            driver(),
            index,
            catch.samples.append,
            catch.events.append,
            clock_ns,
            connect_lock=lock,
            timing=timing,
            queue_length=queue_length,
        )
        for index, unit in enumerate(units)
    ]
    async with asyncio.TaskGroup() as tasks:
        for link in links:
            tasks.create_task(link.run(stop))
        yield links, catch
        stop.set()


async def until(condition: Callable[[], bool], limit_s: float = 40.0) -> None:
    """Wait for a condition; the limit only ends a test that failed."""
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - conditions are on what others collect
            await asyncio.sleep(0.01)


def strapped(count: int, rate_hz: float = 120.0) -> list[Unit]:
    """Units as a session describes them."""
    places: list[tuple[Segment, Side | None]] = [
        (Segment.THIGH, Side.RIGHT),
        (Segment.SHANK, Side.RIGHT),
    ]
    places += [(Segment.THIGH, Side.LEFT), (Segment.SHANK, Side.LEFT), (Segment.PELVIS, None)]
    return [
        Unit(segment=segment, side=side, rate_hz=rate_hz, tick_s=1e-6)
        for segment, side in places[:count]
    ]


def missing(samples: Sequence[Sample]) -> int:
    """How many numbers the samples of one unit skip."""
    numbers = [sample.sequence or 0 for sample in samples]
    steps = [(b - a) % 2**16 for a, b in itertools.pairwise(numbers)]
    return sum(steps) - len(steps)
