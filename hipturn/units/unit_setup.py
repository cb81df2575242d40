"""Connects to units briefly: to find one, to read its serial number, to hear several stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from bleak import BleakClient

from hipturn.errors import UserError
from hipturn.units.kit import KitUnit
from imu.air.identity import read_serial
from imu.air.link import ConnectLock, UnitLink
from imu.air.link_state import DEFAULT_TIMING
from imu.air.radio_errors import RADIO_ERRORS, Backend, RadioError, explain, trouble_of
from imu.air.scan import Found, find
from imu.drivers import Driver
from imu.profiles.profile import load_profiles
from imu.sample import Sample

SCAN_S = 8.0
"""Long enough to hear several advertisements of a slow unit."""


async def find_unit(text: str, backend: Backend | None = None) -> Found:
    """Return the one unit in range that an address or a name means.

    Raises
    ------
    UserError
        When it is not in range, or a name fits several.
    imu.air.radio_errors.RadioError
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
    async with visit(found, backend) as client:
        serial = await read_serial(client, found.profile)
    return KitUnit(found.address, found.name, serial, found.profile.id)


async def find_by_serial(wanted: KitUnit, seen: list[Found], backend: Backend | None) -> str | None:
    """Return the address under which a remembered unit is seen now, asking those of its kind.

    Some systems give a unit another address on every computer; its serial number stays.
    """
    for found in seen:
        if wanted.serial and found.profile.id == wanted.profile:
            async with visit(found, backend) as client:
                if await read_serial(client, found.profile) == wanted.serial:
                    return found.address
    return None


@asynccontextmanager
async def visit(found: Found, backend: Backend | None) -> AsyncIterator[BleakClient]:
    """Hold a link to a unit inside the `async with`.

    Raises
    ------
    imu.air.radio_errors.RadioError
        When the unit cannot be reached, or what is asked of it fails.
    """
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


@asynccontextmanager
async def listening(
    units: Sequence[tuple[Found, Driver]],
    receive: Callable[[Sample], None],
    clock_ns: Callable[[], int],
    backend: Backend | None,
) -> AsyncIterator[list[UnitLink]]:
    """Let units stream inside the `async with`; samples are numbered as the units are in order.

    Raises
    ------
    imu.air.radio_errors.RadioError
        When a unit cannot be reached.
    """
    stop, lock = asyncio.Event(), ConnectLock()
    links = [
        UnitLink(
            found.device,
            driver,
            index,
            receive,
            lambda _: None,
            clock_ns,
            connect_lock=lock,
            backend=backend,
        )
        for index, (found, driver) in enumerate(units)
    ]
    try:
        async with asyncio.TaskGroup() as tasks:
            for link in links:
                tasks.create_task(link.run(stop))
            try:
                yield links
            finally:
                stop.set()
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
