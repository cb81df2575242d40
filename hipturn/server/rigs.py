"""The units of a session: real ones or a virtual wearer's, with the same methods."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from hipturn import own_exercises
from hipturn.errors import UserError
from hipturn.plan import SideChoice
from hipturn.session.radio_session import Place, Strapped, Wish, clock_from_now, strap
from hipturn.session.start import places_of
from hipturn.session.virtual_session import NOTE, VIRTUAL, write_truth
from hipturn.session_paths import recordings_root
from hipturn.units.kit import KitUnit
from hipturn.units.shake import SHAKEN_RAD_S, ShakeWatch, tell_apart
from hipturn.units.unit_setup import SCAN_S
from imu.air.radio_errors import Backend
from imu.air.scan import Found, find
from imu.profiles.profile import load_profiles
from imu.sample import Side
from imu.virtual.on_air.backend import backend_of
from imu.virtual.wearer import WearerSettings, Wearing, on_air

SHOW_EVERY_S = 0.2
"""A shaken unit lights up within this time."""
REST_STAND_S = 12.0
"""A virtual wearer stands this long: five seconds for the check at rest, the rest for links."""


@dataclass(frozen=True, slots=True)
class Worn:
    """Units ready to be streamed once, and the clock they are streamed on."""

    strapped: list[Strapped]
    backend: Backend | None
    clock_ns: Callable[[], int]
    ended: asyncio.Event
    """Set when a virtual wearer has finished."""
    begun: Callable[[Path], None] = lambda _: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What is to be done."""

    exercise: str
    side: SideChoice
    target_deg: float
    reps: int
    delay_s: int


def plan_for(exercise_id: str, side: str, delay_s: int = 10) -> Planned:
    """Return the plan that the catalogue suggests for an exercise.

    Raises
    ------
    analysis.exercises.CatalogueError
        When there is no such exercise.
    """
    exercise = own_exercises.find(exercise_id, recordings_root())
    return Planned(
        exercise=exercise_id,
        side=side,  # type: ignore[arg-type]  # checked where it came in
        target_deg=exercise.typical_range_deg,
        reps=exercise.dose.reps[0],
        delay_s=delay_s,
    )


class Rig(Protocol):
    """Where units come from."""

    virtual: bool

    async def connect(self, planned: Planned, show: Callable[[dict[str, Any]], None]) -> None:
        """Find the units and know where each is strapped."""

    async def for_rest(self, planned: Planned) -> Worn:
        """Return the units for a check at rest."""

    async def for_session(self, planned: Planned) -> Worn:
        """Return the units for a session."""

    def wear_on(self, side: Side) -> None:
        """Record that the units of one leg are worn on the other."""

    def wish(self, planned: Planned) -> Wish:
        """Return what the session is to be."""


class VirtualRig:
    """A simulated wearer; every use begins anew, with the same wearer."""

    virtual = True

    def __init__(self, seed: int, speed: float | None, wish: Wish) -> None:
        self._seed, self._speed, self._wish = seed, speed, wish

    async def connect(self, planned: Planned, show: Callable[[dict[str, Any]], None]) -> None:
        """Find the units; they know where they are."""
        worn, _ = await self._air(planned, WearerSettings())
        show({"found": [_row(s.found, place=s.unit.label) for s in worn.strapped]})

    async def for_rest(self, planned: Planned) -> Worn:
        """Return units at rest: those of a standing wearer."""
        return (await self._air(planned, WearerSettings(stand_s=REST_STAND_S, reps=1)))[0]

    async def for_session(self, planned: Planned) -> Worn:
        """Return the units of the wearer who does the set."""
        worn, wearing = await self._air(planned, WearerSettings(reps=planned.reps))
        return replace(worn, begun=lambda folder: write_truth(folder, wearing))

    def wear_on(self, side: Side) -> None:
        """Do nothing: a virtual wearer begins anew with each use."""

    def wish(self, planned: Planned) -> Wish:
        """Return what the session is to be."""
        name = own_exercises.find(planned.exercise, recordings_root()).name
        return replace(
            self._wish,
            exercise=planned.exercise,
            wearer=self._wish.wearer or VIRTUAL,
            source="virtual",
            title=f"{name} — virtual wearer",
            notes=(NOTE,),
        )

    async def _air(self, planned: Planned, settings: WearerSettings) -> tuple[Worn, Wearing]:
        try:
            air, wearing = await asyncio.to_thread(
                on_air, planned.exercise, planned.side, self._seed, settings, self._speed
            )
        except ValueError as error:  # the virtual wearer does not do this exercise, or not so
            raise UserError(str(error)) from None
        backend = Backend(*backend_of(air))
        wanted = {(unit.segment, unit.side): KitUnit(unit.address) for unit in wearing.units}
        strapped = await strap(wanted, lambda _: None, backend)
        return Worn(strapped, backend, air.clock_ns, air.ended), wearing


class RadioRig:
    """Real units: those named or remembered, or those that are shaken."""

    virtual = False

    def __init__(
        self, wanted_on: Callable[[SideChoice], Mapping[Place, KitUnit]], wish: Wish
    ) -> None:
        """Take which units are wanted on which legs; none are those that will be shaken."""
        self._wanted_on, self._wish = wanted_on, wish
        self._strapped: list[Strapped] = []

    async def connect(self, planned: Planned, show: Callable[[dict[str, Any]], None]) -> None:
        """Find the units that are wanted, or ask the wearer to shake them one by one."""
        wanted = self._wanted_on(planned.side)
        if wanted:
            self._strapped = await strap(wanted, lambda _: None)
            show({"found": [_row(s.found, place=s.unit.label) for s in self._strapped]})
            return
        heard: list[Found] = []

        def hear(units: Sequence[Found]) -> bool:
            heard[:] = sorted(units, key=lambda unit: -unit.rssi)
            show({"found": [_row(unit) for unit in heard]})
            return False

        seen = await find(SCAN_S, load_profiles(), until=hear)
        self._strapped = await shaken(seen, places_of(planned.side), show)

    async def for_rest(self, planned: Planned) -> Worn:  # noqa: ARG002 (a virtual wearer needs it)
        """Return the units as they were found."""
        return Worn(self._strapped, None, clock_from_now(), asyncio.Event())

    async def for_session(self, planned: Planned) -> Worn:
        """Return the units as they were found."""
        return await self.for_rest(planned)

    def wear_on(self, side: Side) -> None:
        """Record that the units of one leg are worn on the other."""
        self._strapped = [
            replace(one, place=(one.place[0], side if one.place[1] else None))
            for one in self._strapped
        ]

    def wish(self, planned: Planned) -> Wish:
        """Return what the session is to be."""
        return replace(self._wish, exercise=planned.exercise)


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
                _row(unit, moving=min(1.0, watch.speed_rad_s(index) / SHAKEN_RAD_S))
                for index, unit in enumerate(seen)
            ]
            show({"found": rows, "ask": said[0]})
            await asyncio.sleep(SHOW_EVERY_S)

    task = asyncio.create_task(light())
    try:
        strapped = await tell_apart(seen, places, say, backend, watch)
    finally:
        task.cancel()
    show({"found": [_row(s.found, place=s.unit.label) for s in strapped]})
    return strapped


def _row(unit: Found, *, place: str = "", moving: float = 0.0) -> dict[str, Any]:
    return {
        "name": unit.name or "unit without a name",
        "profile": unit.profile.name,
        "end": unit.address[-5:],
        "rssi": unit.rssi,
        "place": place,
        "moving": round(moving, 2) if math.isfinite(moving) else 0.0,
    }
