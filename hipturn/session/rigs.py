"""The units of a visit: real ones or a virtual wearer's, with the same methods."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import click

from analysis.exercises import Exercise
from hipturn.course import BeginSession, Course, Item
from hipturn.errors import UserError
from hipturn.own_exercises import is_own
from hipturn.plan import SideChoice
from hipturn.session.open_links import OpenLinks
from hipturn.session.radio_session import Place, Strapped, Wish, clock_from_now, strap
from hipturn.session.virtual_session import NOTE, VIRTUAL, settings_for, write_truth
from hipturn.units.kit import KitUnit, read_kit
from hipturn.units.shake import SHAKEN_RAD_S, ShakeWatch, tell_apart
from hipturn.units.unit_setup import SCAN_S
from imu.air.radio_errors import Backend
from imu.air.scan import Found, find
from imu.profiles.profile import load_profiles
from imu.sample import Segment, Side
from imu.virtual.on_air.air import VirtualAir
from imu.virtual.on_air.backend import backend_of
from imu.virtual.wearer import WearerSettings, Wearing, standing, wear

SHOW_EVERY_S = 0.2
"""A shaken unit lights up within this time."""
STAND_S = 12.0
"""A virtual wearer stands this long: five seconds for the check at rest, the rest for links."""
BOTH = "prone_windshield_wiper"
"""An exercise of both legs, so that a wearer of four units can stand."""

Show = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Enacted:
    """What the wearer of the units does meanwhile, as far as hipturn moves them itself."""

    begin: Callable[[], None] = lambda: None
    """Called once the session takes samples: a virtual wearer begins then, and not before."""
    again: Callable[[int | None], None] = lambda _: None
    """Called when the guide asks for more: for so many knee bends in all; None: for every step."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a virtual wearer has finished; never of a person."""
    closed: Callable[[Path, float], None] = lambda *_: None
    """Called with the folder of the closed session and its first sample's time on the clock, s."""


class Rig(Protocol):
    """Where units come from."""

    virtual: bool
    speed: float | None
    """Seconds of its clock in one of the wall's; None: as fast as it goes."""
    backend: Backend | None

    async def find(
        self, course: Course, show: Show, *, shake: bool = False, phones: Sequence[str] = ()
    ) -> OpenLinks:
        """Find the units of a course and know where each is strapped; nothing runs yet.

        `phones` are the segments that phones are worn on, in place of units on the air.

        Raises
        ------
        UserError
            When a unit is not in range, or it is not known which goes where.
        imu.air.radio_errors.RadioError
            When this computer cannot scan.
        """

    async def enact(self, item: Item, begin: BeginSession) -> Enacted:
        """Return what a virtual wearer is going to do; a person does what is asked for.

        Raises
        ------
        UserError
            When the virtual wearer does not do this exercise, or not so.
        """

    def wish(self) -> Wish:
        """Return what every session of the visit is to be."""


class VirtualRig:
    """A simulated wearer, whose units keep clock and mounting over all sessions of a visit."""

    virtual = True

    def __init__(self, seed: int, speed: float | None, wish: Wish) -> None:
        self.speed = speed
        self.backend: Backend | None = None
        self._seed, self._wish = seed, wish
        self._air: VirtualAir | None = None

    async def find(
        self,
        course: Course,
        show: Show,
        *,
        shake: bool = False,  # noqa: ARG002
        phones: Sequence[str] = (),  # noqa: ARG002
    ) -> OpenLinks:
        """Find the units; they know where they are."""
        sides = sides_of(course)
        side = sides[0] if len(sides) == 1 else "both"
        exercise = BOTH if side == "both" else enacted(course.items[0].exercise)
        air, units = await _tried(standing, exercise, side, self._seed, STAND_S, self.speed)
        self._air, self.backend = air, Backend(*backend_of(air))
        wanted = {(unit.segment, unit.side): KitUnit(unit.address) for unit in units}
        strapped = await strap(wanted, lambda _: None, self.backend)
        show({"found": [row_of(s.found, place=s.unit.label) for s in strapped]})
        return OpenLinks(strapped, air.clock_ns, self.backend)

    async def enact(self, item: Item, begin: BeginSession) -> Enacted:
        """Return how the exercise is done, with as many sets as are left."""
        assert self._air is not None  # noqa: S101 (its units were found)
        air, name, side = self._air, enacted(item.exercise), begin.step.side
        dose = replace(item.exercise.dose, sets=begin.sets)
        rest_s = item.asked.rest_s

        def moved(bends: int | None) -> Wearing:
            settings = settings_for(name, side, self._seed, dose, rest_s, bends)
            return wear(name, side, self._seed, settings or WearerSettings())

        wearing, begun_s = await _tried(moved, begin.bends), 0.0

        def start() -> None:
            nonlocal begun_s
            begun_s = wearing.first_s + air.go_on(wearing.traces)

        def again(bends: int | None) -> None:
            nonlocal wearing
            wearing = moved(bends)
            # not at once: the unit whose sample made the guide ask is still sending
            asyncio.get_running_loop().call_soon(start)

        def closed(folder: Path, zero_s: float) -> None:
            write_truth(folder, wearing, later_s=begun_s - zero_s)

        return Enacted(start, again, air.ended, closed)

    def wish(self) -> Wish:
        """Return what every session of the visit is to be."""
        return replace(
            self._wish, wearer=self._wish.wearer or VIRTUAL, source="virtual", notes=(NOTE,)
        )


class RadioRig:
    """Real units: those named or remembered, or those that are shaken."""

    virtual = False
    speed: float | None = 1.0

    def __init__(
        self, wanted_on: Callable[[SideChoice], Mapping[Place, KitUnit]], wish: Wish
    ) -> None:
        """Take which units are wanted on which legs; none are those that will be shaken."""
        self._wanted_on, self._wish = wanted_on, wish
        self.backend: Backend | None = None
        self._notes: tuple[str, ...] = ()
        """What a reader of the recording has to know of these units."""

    async def find(
        self, course: Course, show: Show, *, shake: bool = False, phones: Sequence[str] = ()
    ) -> OpenLinks:
        """Find the units that are wanted, or ask the wearer to shake them one by one."""
        if phones:
            from hipturn.phone.invited import InvitedPhones  # its listener is heavy to load
            from hipturn.phone.start import NEVER_TRIED

            self._notes = (NEVER_TRIED,)
            return InvitedPhones.worn_on(course.steps()[0].side, phones, show)
        self._notes = ()
        wanted = {} if shake else self._wanted(course)
        if wanted:
            strapped = await strap(wanted, lambda _: None)
            show({"found": [row_of(s.found, place=s.unit.label) for s in strapped]})
            return OpenLinks(strapped, clock_from_now())
        heard: list[Found] = []

        def hear(units: Sequence[Found]) -> bool:
            heard[:] = sorted(units, key=lambda unit: -unit.rssi)
            show({"found": [row_of(unit) for unit in heard]})
            return False

        seen = await find(SCAN_S, load_profiles(), until=hear)
        sides = sides_of(course)
        four = len(seen) >= 2 * len(Side) and len(sides) > 1
        places = places_of("both" if four else course.steps()[0].side)
        return OpenLinks(await shaken(seen, places, show), clock_from_now())

    def _wanted(self, course: Course) -> Mapping[Place, KitUnit]:
        """Return the units of both legs where both are asked for and known, else of the first."""
        first = course.steps()[0].side
        if first == "both" or len(sides_of(course)) == 1:
            return self._wanted_on(first)
        known = [dict(self._wanted_on(side)) for side in ("right", "left")]
        if all((Segment.SHANK, side) in {**known[0], **known[1]} for side in Side) and (
            known[0].get((Segment.SHANK, Side.RIGHT)) != known[1].get((Segment.SHANK, Side.LEFT))
        ):
            return {**known[0], **known[1]}
        return self._wanted_on(first)

    async def enact(self, item: Item, begin: BeginSession) -> Enacted:  # noqa: ARG002
        """Return nothing: a person does what is asked for."""
        return Enacted()

    def wish(self) -> Wish:
        """Return what every session of the visit is to be."""
        return replace(self._wish, notes=(*self._wish.notes, *self._notes))


def sides_of(course: Course) -> list[SideChoice]:
    """Return the legs that a course moves, each by itself or both together."""
    sides = {step.side for step in course.steps()}
    return ["both"] if "both" in sides else sorted(sides)


async def _tried(make: Callable[..., Any], *args: Any) -> Any:  # noqa: ANN401 (what it makes)
    """Return what is made in a thread; it may take seconds.

    Raises
    ------
    UserError
        When the virtual wearer does not do this exercise, or not so.
    """
    try:
        return await asyncio.to_thread(make, *args)
    except ValueError as error:
        raise UserError(str(error)) from None


def enacted(exercise: Exercise) -> str:
    """Return the exercise that a virtual wearer does: for an own one, the one that it is like."""
    return exercise.like if is_own(exercise.id) and exercise.like else exercise.id


def places_of(side: SideChoice) -> list[Place]:
    """Return where units go: thigh and shank of each leg."""
    legs = [Side.RIGHT, Side.LEFT] if side == "both" else [Side(side)]
    return [(segment, leg) for leg in legs for segment in (Segment.THIGH, Segment.SHANK)]


def wanted_units(side: SideChoice, named: Mapping[str, str | None]) -> dict[Place, KitUnit]:
    """Return the unit of each place: named on the command line, else remembered in the kit."""
    given: dict[Place, KitUnit] = {}
    for option, unit in named.items():
        if unit is None:
            continue
        told, _, segment = option.rpartition("_")
        if not told and segment != Segment.PELVIS and side == "both":
            raise click.UsageError("with both legs, name --right-thigh, --left-thigh and so on")
        leg = None if segment == Segment.PELVIS else Side(told or side)
        given[Segment(segment), leg] = KitUnit(unit)
    if given:
        return given
    legs = [Side.LEFT, Side.RIGHT] if side == "both" else [Side(side)]
    remembered: dict[Place, KitUnit] = {}
    for place, known in read_kit().items():
        told, _, segment = place.rpartition("-")
        if not told or Side(told) in legs:
            remembered[Segment(segment), Side(told) if told else None] = known
    return remembered


async def shaken(
    seen: Sequence[Found],
    places: Sequence[Place],
    show: Callable[[dict[str, Any]], None],
    backend: Backend | None = None,
) -> list[Strapped]:
    """Return where units go by shaking, and light up meanwhile the row of the one that moves."""
    watch, said = ShakeWatch(), [""]

    def say(text: str) -> None:
        said[0] = text

    async def light() -> None:
        while True:
            rows = [
                row_of(unit, moving=min(1.0, watch.speed_rad_s(index) / SHAKEN_RAD_S))
                for index, unit in enumerate(seen)
            ]
            show({"found": rows, "ask": said[0]})
            await asyncio.sleep(SHOW_EVERY_S)

    task = asyncio.create_task(light())
    try:
        strapped = await tell_apart(seen, places, say, backend, watch)
    finally:
        task.cancel()
    show({"found": [row_of(s.found, place=s.unit.label) for s in strapped]})
    return strapped


def row_of(unit: Found, *, place: str = "", moving: float = 0.0) -> dict[str, Any]:
    """Return a unit as the page lists it."""
    return {
        "name": unit.name or "unit without a name",
        "profile": unit.profile.name,
        "end": unit.address[-5:],
        "rssi": unit.rssi,
        "place": place,
        "moving": round(moving, 2) if math.isfinite(moving) else 0.0,
    }
