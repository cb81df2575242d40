"""`hipturn doctor --units`: hold units' links while a person does the guided check."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from bleak import BleakClient

from hipturn.errors import UserError
from hipturn.units.doctor import Finding
from hipturn.units.kit import Checked
from hipturn.units.unit_check import UnitCheck
from hipturn.units.unit_setup import SCAN_S, find_unit, links_of, visit
from hipturn.units.unit_verdict import Subject, Verdict, turn_alike, verdicts
from hipturn.words import Said, said_of
from imu.air.identity import read_serial
from imu.air.link_state import Link
from imu.air.radio_errors import Backend, RadioError
from imu.air.scan import Found, find
from imu.drivers import Driver, UnitFields, driver_for
from imu.drivers.reading import Reading
from imu.fuse.host_fusion import HostFusion
from imu.profiles.profile import load_profiles
from imu.profiles.unit_layout import Profile
from imu.sample import Sample, Segment, Unit

KEPT_PAYLOADS = 200
"""Notifications of each unit: two seconds or more, which show how long its frames are."""
MOST_UNITS = 7
"""As many as fit on a book, and more than any exercise uses."""
SILENT_S = 20.0
"""When no unit has sent anything for so long, the check is over."""
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Examined:
    """What a guided check showed."""

    verdicts: tuple[Verdict, ...]
    together: tuple[Finding, ...] = ()
    """Of units that lay on one book."""
    outcomes: tuple[Checked, ...] = ()
    """What the kit remembers: nothing of phones, which have no serial number."""


class _Overheard:
    """A unit's driver that also keeps what the unit sends, for where it cannot be read."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.payloads: list[bytes] = []

    @property
    def profile(self) -> Profile:
        return self._driver.profile

    @property
    def stream(self) -> str:
        return self._driver.stream

    @property
    def rate_hz(self) -> float:
        return self._driver.rate_hz

    @property
    def rejected(self) -> dict[str, int]:
        return self._driver.rejected

    def unit_fields(self) -> UnitFields:
        return self._driver.unit_fields()

    def decode(self, payload: bytes) -> list[Reading]:
        if len(self.payloads) < KEPT_PAYLOADS:
            self.payloads.append(payload)
        return self._driver.decode(payload)

    async def start(self, client: BleakClient, receive: Callable[[bytes], None]) -> None:
        await self._driver.start(client, receive)

    async def stop(self, client: BleakClient) -> None:
        await self._driver.stop(client)

    async def battery(self, client: BleakClient) -> int | None:
        return await self._driver.battery(client)


@dataclass
class GuidedCheck:
    """One guided check under way.

    Attributes
    ----------
    units
        Returns the units as a session describes them, once they stream.
    lay
        How they are laid, as of `UnitCheck`.
    say
        Tells the person what to do.
    clock_ns
        What samples are stamped with.
    """

    units: Callable[[], Sequence[Unit]]
    lay: str
    say: Callable[[str], None]
    clock_ns: Callable[[], int]
    check: UnitCheck | None = None
    fusion: HostFusion | None = None
    newest_ns: int = 0

    def take(self, sample: Sample) -> None:
        """Hand a sample on; the first one of all says that the check begins."""
        if self.check is None or self.fusion is None:
            units = self.units()
            self.check, self.fusion = UnitCheck(units, self.lay), HostFusion(units)
            self.say(self.check.asked)
        self.newest_ns = max(self.newest_ns, sample.host_time_ns)
        text = self.check.push(self.fusion.push(sample._replace(host_time_ns=self.newest_ns)))
        if text:
            self.say(text)

    async def lead(
        self, links: Sequence[Link], hopeless: Callable[[], bool] = lambda: False
    ) -> UnitCheck:
        """Hold the links until the check is over, or it is hopeless; return it."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            holding = [tasks.create_task(self._hold(link, stop)) for link in links]
            try:
                while not self._is_over(holding) and not hopeless():  # noqa: ASYNC110 (no event)
                    await asyncio.sleep(POLL_S)
            finally:
                stop.set()
        return self.check or UnitCheck(self.units())

    async def _hold(self, link: Link, stop: asyncio.Event) -> None:
        """Hold a link; a unit that cannot be read, or goes away, does not end the check."""
        try:
            await link.run(stop)
        except RadioError as error:
            self.say(said_of(error))

    def _is_over(self, holding: Sequence[asyncio.Task[None]]) -> bool:
        """Return whether the check is over, or nothing comes any more."""
        if all(link.done() for link in holding):
            return True
        if self.check is None:
            return False
        silent_s = (self.clock_ns() - self.newest_ns) * 1e-9
        if silent_s > SILENT_S and not self.check.is_over:
            self.say(Said("book.silent"))
            return True
        return self.check.is_over


async def check_units(
    wanted: Sequence[str],
    say: Callable[[str], None],
    *,
    backend: Backend | None = None,
    clock_ns: Callable[[], int] = time.monotonic_ns,
    today: Callable[[], date] = date.today,
) -> Examined:
    """Go through the guided check with the units named, or with all in range.

    Raises
    ------
    UserError
        When a unit is not in range, or there are none or too many.
    imu.air.radio_errors.RadioError
        When this computer cannot scan, or a unit cannot be reached.
    """
    say(Said("units.looking"))
    found = [await find_unit(text, backend) for text in wanted] or await find(
        SCAN_S, load_profiles(), backend=backend
    )
    if not found:
        raise UserError(Said("trouble.none_to_check"))
    if len(found) > MOST_UNITS:
        names = ", ".join(_name(one) for one in found)
        raise UserError(Said("trouble.too_many", seen=len(found), names=names))
    serials = [await _serial(one, backend) for one in found]
    drivers = [_Overheard(driver_for(one.profile)) for one in found]
    pairs = list(zip(found, drivers, strict=True))
    guided = GuidedCheck(
        lambda: [_unit(one, driver) for one, driver in pairs], lay_words(found), say, clock_ns
    )
    say(Said("led.connecting", units=", ".join(_name(one) for one in found)))
    check = await guided.lead(links_of(pairs, guided.take, clock_ns, backend))
    subjects = [
        Subject(_name(one), one.profile, driver.stream, driver.payloads) for one, driver in pairs
    ]
    told = verdicts(check, subjects)
    outcomes = [
        Checked(one.address, serial, one.profile.id, today().isoformat(), verdict.passed)
        for one, serial, verdict in zip(found, serials, told, strict=True)
    ]
    together = turn_alike(check, [subject.name for subject in subjects])
    return Examined(tuple(told), tuple(together), tuple(outcomes))


def lay_words(found: Sequence[Found]) -> str:
    """Return how units are laid whose axes can be seen on their cases; empty where none can."""
    lays = {one.profile.case.lay: one.profile.name for one in found if one.profile.case}
    each = [Said("book.each", kind=name, lay=lay) for lay, name in lays.items()]
    return Said.together(each) if each else ""


async def _serial(found: Found, backend: Backend | None) -> str:
    """Return what the kit knows a unit by on any computer; empty where it does not tell."""
    with suppress(RadioError):
        async with visit(found, backend) as client:
            return await read_serial(client, found.profile)
    return ""


def _unit(found: Found, driver: Driver) -> Unit:
    # where it will be strapped does not matter here
    return Unit(
        segment=Segment.PELVIS,
        side=None,
        name=found.name,
        address=found.address,
        **driver.unit_fields(),
    )


def _name(found: Found) -> str:
    return f"{found.name} ({found.address})" if found.name else found.address
