"""Carries out what a visit wants: links held through it, one session after the other, words.

The page's desk and the terminal both are a `Front` of the same `Host`. A host has at most one
session and one set of links; what takes time runs as a task, so that a command never waits.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import click

from analysis.calibrate.guide import BENDS_ASKED
from analysis.calibrate.guide import Step as GuideStep
from analysis.exercises import CatalogueError
from analysis.session.announcements import Kind
from hipturn.course import (
    AdmitPhone,
    Append,
    BeginSession,
    CheckUnits,
    Counting,
    Effects,
    EndSession,
    FindUnits,
    KeepNothing,
    LeaveUnits,
    Mark,
    PutOff,
    Reassign,
    Recount,
    Say,
    Stage,
    Undo,
)
from hipturn.errors import UserError
from hipturn.history.edits import add_edit, say_worn, undo_edit
from hipturn.session.live import LiveSession
from hipturn.session.one_clock import give_one_clock
from hipturn.session.open_links import OpenLinks
from hipturn.session.pipeline import Tracker, Update
from hipturn.session.radio_session import Audience, Place, Strapped, Wish, hold_session
from hipturn.session.rigs import Enacted, Rig, row_of, sides_of
from hipturn.session.terminal import Display
from hipturn.units.kept_calibrations import KeptCalibrations, bends_of
from hipturn.units.rest_check import RestFinding, look_at_rest
from hipturn.visit import Visit
from hipturn.words import Said, said_of, units_said
from imu.air.link_state import Link
from imu.air.radio_errors import RadioError
from imu.profiles.profile import ProfileError
from imu.recording import SessionError
from imu.sample import Clock, Segment, Side, Unit

TICK_S = 0.1
"""A countdown is followed this often; its seconds are seen, not its tenths."""
BY = "wearer"
"""Who says what is said in a visit."""
TROUBLE = (
    UserError, RadioError, SessionError, CatalogueError, ProfileError, click.ClickException,
)  # fmt: skip
"""What says itself what to do."""


class Front(Audience, Protocol):
    """Where a visit and its sessions are shown."""

    def tell(self) -> None:
        """Show how the visit stands."""

    def show(self, **more: Any) -> None:  # noqa: ANN401 (JSON)
        """Show more about the stage."""

    def say(self, text: str) -> None:
        """Say something that matters."""

    def put_off(self, ident: str) -> None:
        """Show a condition no more."""

    def recount(self, side: str, by: int) -> None:
        """Show so many repetitions more, or fewer, in the set of a leg, or of both."""

    def recorded(self, folder: Path) -> None:
        """Know that a session is closed."""

    async def check(self) -> None:
        """Lead through the guided check of units."""


@dataclass(frozen=True, slots=True)
class _Audience:
    """Hands a session to the host and to its front."""

    host: Host
    front: Front

    def display(self, tracker: Tracker, title: str) -> Display:
        return self.front.display(tracker, title)

    def began(
        self,
        session: LiveSession,
        units: Sequence[Unit],
        links: Sequence[Link],
        clock_ns: Callable[[], int],
    ) -> None:
        self.host.began(session, clock_ns)
        self.front.began(session, units, links, clock_ns)


class Host:
    """Carries out the effects of one visit after the other.

    Parameters
    ----------
    visit
        What decides.
    rig_of
        Returns real units, or, for True, the simulated wearer's.
    front
        Where it is shown.
    synchronise
        Whether to give the units one clock before their links are opened.
    """

    def __init__(
        self,
        visit: Visit,
        rig_of: Callable[[bool], Rig],
        front: Front,
        *,
        synchronise: bool = False,
    ) -> None:
        self.visit, self.front = visit, front
        self._rig_of, self._synchronise = rig_of, synchronise
        self.rig = rig_of(visit.virtual)
        self.session: LiveSession | None = None
        self.links: OpenLinks | None = None
        self.findings: list[RestFinding] = []
        """Of the units at rest; empty where that was left out."""
        self._kept = KeptCalibrations()
        self._clock: Clock = "independent"
        self._session_clock_ns: Callable[[], int] = lambda: 0
        self._of_result: tuple[Path, float, str] | None = None
        """The session that a result is of, a second of it, and the leg."""
        self._of_rep: tuple[float, float] | None = None
        """Of the last repetition: the second of its peak, and its range in degrees."""
        self._said: list[tuple[Path, str]] = []
        """The edits that this visit has made: their session and id, the latest last."""
        self._begin_motion: Callable[[], None] = lambda: None
        self._enacted, self._bends = Enacted(), BENDS_ASKED
        """What a virtual wearer does, and how many knee bends it was asked for."""
        self._stop, self._leave = asyncio.Event(), asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    # ---- what is asked for

    def command(self, do: str, values: dict[str, Any] | None = None) -> None:
        """Do what somebody asks for.

        Raises
        ------
        hipturn.course.Refused
            When it is not possible now.
        """
        self.carry(self.visit.command(do, values))
        self.front.tell()

    def carry(self, effects: Effects) -> None:
        """Carry effects out, in order."""
        for effect in effects:
            self._carry_one(effect)

    def _carry_one(self, effect: Any) -> None:  # noqa: ANN401 (an Effect)
        match effect:
            case BeginSession():
                self._stop = asyncio.Event()
                self._start("session", self._record(effect, self._stop))
            case EndSession():
                self._stop.set()
            case FindUnits() | LeaveUnits() | CheckUnits():
                self._start("units", self._with_units(effect, self._tasks.get("units")))
            case Reassign(how):
                self._reassign(how)
            case KeepNothing():
                self._kept.forget()
            case Counting() | Mark():
                self._tell_session(effect)
            case Append() | Undo():
                self._say_of_set(effect)
            case _:
                self._tell_people(effect)

    def _tell_people(self, effect: Recount | PutOff | Say | AdmitPhone) -> None:
        """Carry out what is shown or said, and who is let in."""
        match effect:
            case Recount(by):
                self.front.recount(self.visit.walk.step.side, by)
            case PutOff(ident):
                self.front.put_off(ident)
            case Say(key, args):
                self.front.say(Said(f"visit.{key}", **args))
            case AdmitPhone() if self.links is not None:
                self.links.admit()

    def _say_of_set(self, effect: Append | Undo) -> None:
        """Add what somebody says of the set to its session, open or closed; or take it back."""
        if isinstance(effect, Undo):
            said_of, ident = self._said.pop()
            undo_edit(said_of, ident, by=BY)
            return
        if self._of_result is None:
            return
        kind, value = effect
        folder, at_s, side = self._of_result
        saw: dict[str, Any] = {}
        if kind == "reject" and self._of_rep is not None:
            at_s, range_deg = self._of_rep
            saw = {"status": "valid", "range_deg": round(range_deg, 1)}
        edit = add_edit(folder, kind, by=BY, side=side, at_s=at_s, value=value, saw=saw)
        self._said.append((folder, edit.id))

    def _tell_session(self, effect: Counting | Mark) -> None:
        session = self.session
        if session is None:
            return
        if isinstance(effect, Mark):
            session.mark(effect.label)
        elif effect.on:
            session.resume()
        else:
            session.pause()

    async def close(self) -> None:
        """End what is under way; a recording is closed as always, and links are ended."""
        self._stop.set()
        if (session := self._tasks.get("session")) is not None:
            await asyncio.gather(session, return_exceptions=True)
        self._start("units", self._with_units(LeaveUnits(), self._tasks.get("units")))
        await asyncio.gather(self._tasks["units"], return_exceptions=True)

    async def follow(self) -> None:
        """Advance the visit with its units' clock, until cancelled."""
        while True:
            self.tick()
            await asyncio.sleep(TICK_S)

    def tick(self) -> None:
        """Advance the visit to the present time of its units' clock."""
        links = self.links
        if links is None:
            return
        before = self._standing()
        silent = [] if self.visit.virtual else links.silent
        self.visit.links(silent)
        self.visit.asking = links.asking
        self._kept.heard(silent, self._now_s)
        self.carry(self.visit.tick(self._now_s))
        if self._standing() != before:
            self.front.tell()

    @property
    def _now_s(self) -> float:
        """Return the time of the units' clock."""
        return self.links.clock_ns() * 1e-9 if self.links is not None else 0.0

    def _standing(self) -> tuple[Any, ...]:
        visit = self.visit
        return visit.stage, visit.walk.at, visit.silent, visit.session, visit.asking

    # ---- tasks

    def _start(self, name: str, work: Coroutine[None, None, None]) -> None:
        self._tasks[name] = asyncio.create_task(self._watched(work))

    async def _watched(self, work: Coroutine[None, None, None]) -> None:
        """Do some work; a fault of ours is told, for nobody may stand before a still screen."""
        try:
            await work
        except TROUBLE as error:
            self._trouble(said_of(error))
        except Exception as error:
            self._trouble(bug_said(error))
        self.front.tell()

    def _trouble(self, text: str) -> None:
        if asyncio.current_task() not in self._tasks.values():
            return  # something else was asked for meanwhile
        self.front.say(Said.together(("hipturn", text), ": "))
        self.visit.failed(text)

    async def _left(self, before: asyncio.Task[None] | None) -> None:
        """End the links, once no session listens to them any more."""
        session = self._tasks.get("session")
        if session is not None:
            await asyncio.wait({session})
        self._leave.set()
        for task in (before, self._tasks.get("links")):
            if task is not None and not task.done():
                if task is before:
                    task.cancel()
                await asyncio.wait({task})
        self.links = None

    async def _with_units(
        self, effect: FindUnits | LeaveUnits | CheckUnits, before: asyncio.Task[None] | None
    ) -> None:
        """Do one thing after the other with the units: each needs the links of the one before."""
        await self._left(before)
        if isinstance(effect, FindUnits):
            await self._find(effect)
        elif isinstance(effect, CheckUnits):
            await self.front.check()
            self.carry(self.visit.checked())

    async def _find(self, effect: FindUnits) -> None:
        """Find the units, open their links, and look at them at rest."""
        visit, self.findings = self.visit, []
        self._kept.forget()
        if not visit.ident:
            visit.ident = secrets.token_hex(4)
        rig = self.rig = self._rig_of(visit.virtual)
        links = await rig.find(
            visit.walk.course,
            lambda told: self.front.show(**told),
            shake=effect.shake,
            phones=effect.phones,
        )
        if self._synchronise and effect.phones:
            raise UserError(Said("trouble.phones_clock"))
        if self._synchronise:
            self._clock = await give_one_clock(_on_air(links), self.front.say, rig.backend)
        self._leave = asyncio.Event()
        self._tasks["links"] = asyncio.create_task(self._watched(links.run(self._leave)))
        self.links = links
        await links.ready()
        worn = {one.place for one in links.strapped}
        legs = all((Segment.SHANK, side) in worn for side in Side)
        wanted = sides_of(visit.walk.course)
        self.carry(visit.units_found(all_worn=legs or len(wanted) == 1))
        self.front.tell()
        self.findings = await look_at_rest(
            links, lambda share: self.front.show(progress=round(share, 2))
        )
        good = not any(found.remedy for found in self.findings)
        self.carry(visit.units_rested(good=good))

    async def _record(self, begin: BeginSession, stop: asyncio.Event) -> None:
        """Hold one session from its first sample to its closed recording."""
        problem = ""
        try:
            folder = await self._held(begin, stop)
            self.front.recorded(folder)
        except TROUBLE as error:
            problem = said_of(error)
        except Exception as error:  # the next session must not wait for ever for this one's end
            problem = bug_said(error)
        finally:
            self.session = None
        if problem:
            self.front.say(Said.together(("hipturn", problem), ": "))
        self.carry(self.visit.session_ended(problem))

    async def _held(self, begin: BeginSession, stop: asyncio.Event) -> Path:
        links = self.links
        if links is None:
            raise UserError(Said("trouble.not_linked"))
        self._wear_on(links, begin.step.side)
        worn = links.on(begin.step.side)
        wish = self._wish(begin, [one.unit for one in worn])
        begin = begin._replace(bends=bends_of(wish.calibration))
        self._enacted = enacted = await self.rig.enact(self.visit.item, begin)
        self._bends = begin.bends or BENDS_ASKED
        waiters: list[asyncio.Task[None]] = []

        def begin_motion() -> None:
            enacted.begin()
            waiters.append(asyncio.create_task(_stop_after(enacted.ended, stop)))

        self._begin_motion = begin_motion
        try:
            folder = await hold_session(
                worn,
                wish,
                stop,
                audience=_Audience(self, self.front),
                links=links,
            )
        finally:
            for waiter in waiters:
                waiter.cancel()
        enacted.closed(folder, (links.clock_ns() - self._session_clock_ns()) * 1e-9)
        return folder

    def _wish(self, begin: BeginSession, units: Sequence[Unit]) -> Wish:
        """Return what the session is to be, and of which visit it is."""
        visit, wish, item = self.visit, self.rig.wish(), self.visit.item
        course = visit.walk.course
        asked = item.asked
        kept = self._kept.for_units(units, self._now_s) or wish.calibration
        visit.keeps = kept is not None and item.exercise.is_counted
        return replace(
            wish,
            calibration=kept if visit.keeps else None,
            exercise=item.exercise.id,
            title=item.exercise.name + (" — virtual wearer" if visit.virtual else ""),
            wearer=visit.wearer or wish.wearer,
            clock=self._clock,
            active=asked.active if wish.active is None else wish.active,
            is_test=asked.test or wish.is_test,
            dose=None if item.is_endless else replace(item.exercise.dose, sets=begin.sets),
            visit={
                "visit": visit.ident,
                "plan": {"name": course.name, "sha256": course.sha256} if course.name else None,
                "item": begin.step.item + 1,
                "of": len(course.items),
            },
        )

    def began(self, session: LiveSession, clock_ns: Callable[[], int]) -> None:
        """Follow a session that has begun."""
        self.session, self._session_clock_ns = session, clock_ns
        session.follow = self._followed
        self._begin_motion()
        self.front.tell()

    def _followed(self, update: Update) -> None:
        """Let the visit hear what one frame of the session brought."""
        visit, before = self.visit, self._standing()
        session = self.session
        if session is None:
            return
        if visit.stage is Stage.CALIBRATE and all(
            step is GuideStep.READY for step in session.tracker.steps.values()
        ):
            self.carry(visit.calibrated())
        if visit.stage is not Stage.RESULT and session.writer is not None:
            self._of_result = session.writer.folder, update.time_s, visit.walk.step.side
        for side, news in update.guided.items():
            if (bends := session.tracker.bends_asked(side)) > self._bends:
                self._bends = bends
                self._enacted.again(None if bends == BENDS_ASKED else bends)
            found = news.result.calibration if news.result else None
            if news.step is GuideStep.READY and found is not None and session.writer is not None:
                self._kept.proven(
                    found, session.tracker.units, session.writer.folder.name, self._now_s
                )
        for said in update.announcements:
            self._kept.hear(said)
            if said.kind is Kind.REP and said.movement is not None:
                self._of_rep = said.movement.peak_s, said.movement.range_deg
            self.carry(visit.hear(said))
        self.tick()
        if self._standing() != before:
            self.front.tell()

    def _wear_on(self, links: OpenLinks, side: str) -> None:
        """Take that the one pair of units is worn on the leg that is next."""
        if side != "both" and not any(one.place[1] == side for one in links.strapped):
            self._kept.forget()
            links.wear(lambda place: (place[0], Side(side) if place[1] else None))

    def _reassign(self, how: str) -> None:
        """Take the units as worn otherwise; a running session goes on as if they always had."""
        links, session = self.links, self.session
        if links is None:
            return
        legs = set(Side) if session is None else self.visit.walk.step.sides
        other = swapped if how == "swap" else turned
        links.wear(lambda place: place if how == "swap" and place[1] not in legs else other(place))
        if session is None or session.writer is None:
            on_air = [one for one in links.strapped if isinstance(one, Strapped)]
            self.front.show(found=[row_of(s.found, place=s.unit.label) for s in on_air])
            return
        pairs = zip(links.strapped, links.links, strict=True)
        link_of = {one.unit.address: link for one, link in pairs}
        kind: Literal["swap", "side"] = "swap" if how == "swap" else "side"
        say_worn(session.writer.folder, kind, self.visit.walk.step.side, by=BY)
        session.reassign()
        units = session.tracker.units
        heard = [link_of[unit.address] for unit in units]
        self.front.began(session, units, heard, self._session_clock_ns)
        self.front.say(Said("visit.reassigned", units=units_said(unit.label for unit in units)))


def bug_said(error: Exception) -> Said:
    """Return what to say when the program itself is wrong."""
    return Said("trouble.bug", what=f"{type(error).__name__}: {error}")


def _on_air(links: OpenLinks) -> list[Strapped]:
    """Return the units of a visit: all of them are on the air."""
    return cast("list[Strapped]", links.strapped)


def swapped(place: Place) -> Place:
    """Return the other segment of a leg."""
    other = {Segment.THIGH: Segment.SHANK, Segment.SHANK: Segment.THIGH}
    return other.get(place[0], place[0]), place[1]


def turned(place: Place) -> Place:
    """Return the same segment of the other leg."""
    other = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}
    return place[0], other[place[1]] if place[1] else None


async def _stop_after(ended: asyncio.Event, stop: asyncio.Event) -> None:
    await ended.wait()
    stop.set()
