"""Short visits to a unit: learn its serial number, set its rate and see that it keeps it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bleak import BleakClient

from hipturn.errors import UserError
from hipturn.kit import KitUnit
from imu.drivers import driver_for
from imu.identity import read_serial
from imu.link_state import DEFAULT_TIMING
from imu.profile import load_profiles
from imu.radio import RADIO_ERRORS, Backend, RadioError, explain, trouble_of
from imu.scan import Found, find

SCAN_S = 8.0
WATCH_S = 3.0
RATE_TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class Seen:
    """What a unit did when it was set up."""

    found: Found
    stream: str
    rate_hz: float
    """What it was set to."""
    measured_hz: float
    """What it sent."""
    battery: int | None

    @property
    def keeps_its_rate(self) -> bool:
        """Return whether the unit sends what it was set to, within a tenth."""
        return abs(self.measured_hz - self.rate_hz) <= RATE_TOLERANCE * self.rate_hz


async def find_unit(text: str, backend: Backend | None = None) -> Found:
    """Return the one unit in range that an address or a name means.

    Raises
    ------
    UserError
        When it is not in range, or a name fits several.
    imu.radio.RadioError
        When this computer cannot scan.
    """

    def here(units: Sequence[Found]) -> bool:
        return any(unit.address.lower() == text.lower() for unit in units)

    seen = await find(SCAN_S, load_profiles(), backend=backend, until=here)
    unit = named(text, seen)
    if unit is not None:
        return unit
    alike = ", ".join(unit.address for unit in seen if unit.name.lower() == text.lower())
    if alike:
        raise UserError(f"several units are called {text}: name one by address ({alike})")
    raise not_in_range(text, seen)


def named(text: str, seen: Sequence[Found]) -> Found | None:
    """Return the unit that an address or a name means; a name must be the only one of its kind."""
    wanted = text.lower()
    by_address = [found for found in seen if found.address.lower() == wanted]
    hits = by_address or [found for found in seen if found.name.lower() == wanted]
    return hits[0] if len(hits) == 1 else None


def not_in_range(text: str, seen: Sequence[Found]) -> UserError:
    """Return what to say when a unit is not among those seen."""
    near = ", ".join(found.name or found.address for found in seen) or "none"
    return UserError(
        f"the unit {text} is not in range (seen: {near}): switch it on, move it to wake it, and"
        " bring it within 5 m"
    )


async def learn(text: str, backend: Backend | None = None) -> KitUnit:
    """Connect to a unit and return what the kit remembers of it."""
    found = await find_unit(text, backend)
    async with _visit(found, backend) as client:
        serial = await read_serial(client, found.profile)
    return KitUnit(found.address, found.name, serial, found.profile.id)


async def set_rate(text: str, rate_hz: float | None, backend: Backend | None = None) -> Seen:
    """Set a unit's output rate, or its profile's own, and count what it then sends.

    Raises
    ------
    UserError
        When the unit is not in range or has no such rate.
    imu.radio.RadioError
        When it cannot be reached or started.
    """
    found = await find_unit(text, backend)
    try:
        driver = driver_for(found.profile, rate_hz=rate_hz)
    except ValueError as error:
        raise UserError(str(error)) from None
    samples = 0

    def receive(payload: bytes) -> None:
        nonlocal samples
        samples += len(driver.decode(payload))

    async with _visit(found, backend) as client:
        await driver.start(client, receive)
        try:
            await asyncio.sleep(1.0)  # the first second is not the unit's usual one
            samples, begun = 0, time.monotonic()
            await asyncio.sleep(WATCH_S)
            measured_hz = samples / (time.monotonic() - begun)
            battery = await driver.battery(client)
        finally:
            await driver.stop(client)
    return Seen(found, driver.stream, driver.rate_hz, measured_hz, battery)


async def find_by_serial(wanted: KitUnit, seen: list[Found], backend: Backend | None) -> str | None:
    """Return the address under which a remembered unit is seen now, asking those of its kind.

    Some systems give a unit another address on every computer; its serial number stays.
    """
    for found in seen:
        if wanted.serial and found.profile.id == wanted.profile:
            async with _visit(found, backend) as client:
                if await read_serial(client, found.profile) == wanted.serial:
                    return found.address
    return None


@asynccontextmanager
async def _visit(found: Found, backend: Backend | None) -> AsyncIterator[BleakClient]:
    client = BleakClient(
        found.device,
        timeout=DEFAULT_TIMING.connect_s,
        backend=backend.client if backend else None,
    )
    try:
        async with client:
            yield client
    except RADIO_ERRORS as error:
        raise RadioError(trouble_of(error), f"{found.name}: {explain(error)}") from error
