"""Connects to units briefly: to find one, to read its serial number, to hear several stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from bleak import BleakClient

from hipturn.errors import UserError
from hipturn.units.kit import KitUnit
from hipturn.words import Said, units_said
from imu.air.identity import read_serial
from imu.air.link import ConnectLock, UnitLink
from imu.air.link_state import Link, LinkState
from imu.air.patience import PASSES_IN_A_CONNECT, client_of, patiently
from imu.air.radio_errors import RADIO_ERRORS, Backend, RadioError, explain, trouble_of
from imu.air.scan import Found, find
from imu.drivers import Driver
from imu.drivers.talk import attempt
from imu.profiles.profile import load_profiles
from imu.sample import Sample

SCAN_S = 8.0
"""Long enough to hear several advertisements of a slow unit."""
VISIT_S = 10.0
"""For one unit to be connected and tell its serial number."""
ALL_STREAM_S = 60.0
"""For all units to stream at once; five of them take some 20 s."""
POLL_S = 0.1


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

    unusable: dict[str, str] = {}
    seen = await find(SCAN_S, load_profiles(), backend=backend, until=here, unusable=unusable)
    unit = the_one(text, seen)
    if unit is not None:
        return unit
    raise not_in_range(text, seen, unusable)


def by_address(text: str, seen: Sequence[Found]) -> Found | None:
    """Return the unit of an address; None when it was not heard, or the text is a name."""
    return next((found for found in seen if found.address.lower() == text.lower()), None)


def the_one(text: str, seen: Sequence[Found]) -> Found | None:
    """Return the unit that an address or a name means; None when no unit heard fits.

    A name is known to be one unit's alone only after the whole scan.

    Raises
    ------
    UserError
        When a name fits several.
    """
    unit = by_address(text, seen)
    hits = [unit] if unit else [found for found in seen if found.name.lower() == text.lower()]
    if len(hits) > 1:
        alike = ", ".join(sorted(found.address for found in hits))
        raise UserError(Said("trouble.alike", name=text, addresses=alike))
    return hits[0] if hits else None


def not_in_range(
    text: str, seen: Sequence[Found], unusable: Mapping[str, str] | None = None
) -> UserError:
    """Return what to say when a unit is not among those seen, or is there and cannot be used."""
    for address, sentence in (unusable or {}).items():
        if text.lower() == address.lower() or sentence.lower().startswith(f"{text.lower()} ("):
            return UserError(sentence)
    near = ", ".join(found.name or found.address for found in seen) or Said("trouble.none")
    return UserError(Said("trouble.not_in_range", name=text, seen=near))


async def learn(text: str, backend: Backend | None = None) -> KitUnit:
    """Connect to a unit and return what the kit remembers of it."""
    found = await find_unit(text, backend)
    async with visit(found, backend) as client:
        serial = await read_serial(client, found.profile)
    return KitUnit(found.address, found.name, serial, found.profile.id)


async def find_by_serial(
    wanted: KitUnit, seen: Sequence[Found], backend: Backend | None
) -> Found | None:
    """Return a remembered unit that has another address now, asking those of its kind.

    Some systems give a unit another address on every computer; its serial number stays. A unit
    that refuses to be asked, or does not answer in time, is not the one.
    """
    for found in seen:
        if wanted.serial and found.profile.id == wanted.profile:
            with suppress(RadioError, TimeoutError):
                async with asyncio.timeout(VISIT_S), visit(found, backend) as client:
                    if await read_serial(client, found.profile) == wanted.serial:
                        return found
    return None


async def until_all_stream(
    links: Sequence[Link], names: Sequence[str], limit_s: float = ALL_STREAM_S
) -> None:
    """Wait for samples of every unit.

    Raises
    ------
    UserError
        When they do not all stream in time; names those that do not.
    """

    def absent() -> list[str]:
        return [
            name
            for name, link in zip(names, links, strict=True)
            if link.state is not LinkState.STREAMING
        ]

    try:
        async with asyncio.timeout(limit_s):
            while absent():  # noqa: ASYNC110 - states of several links
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        if late := absent():
            told = Said("trouble.no_samples", units=units_said(late), seconds=limit_s)
            raise UserError(told) from None


@asynccontextmanager
async def visit(found: Found, backend: Backend | None) -> AsyncIterator[BleakClient]:
    """Hold a link to a unit inside the `async with`.

    Raises
    ------
    imu.air.radio_errors.RadioError
        When the unit cannot be reached, or what is asked of it fails.
    """
    client = client_of(found.device, backend)
    try:
        await patiently(client.connect, PASSES_IN_A_CONNECT)
        try:
            yield client
        finally:
            await attempt(client.disconnect)
    except RADIO_ERRORS as error:
        raise RadioError(trouble_of(error), f"{found.name}: {explain(error)}") from error


def links_of(
    units: Sequence[tuple[Found, Driver]],
    receive: Callable[[Sample], None],
    clock_ns: Callable[[], int],
    backend: Backend | None,
) -> list[UnitLink]:
    """Return links that connect one after the other; samples are numbered as the units are."""
    lock = ConnectLock()
    return [
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
    stop, links = asyncio.Event(), links_of(units, receive, clock_ns, backend)
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
