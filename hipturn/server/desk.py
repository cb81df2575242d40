"""Leads a visit from the first view to the report, and tells every page how it stands.

`STAGES`, at the end, is the one table of what a page may ask for at which stage and what is done
then. Each `stage` message lists these commands as `can`; any other command is refused with a
sentence. Only the desk begins and ends sessions. Commands from any page come to it one at a time;
what takes time runs as a task beside it, so a command is never kept waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import click

from analysis.exercises import CatalogueError
from hipturn import own_exercises
from hipturn.errors import UserError
from hipturn.safety import note_told, tell, untold
from hipturn.server.commands import Command, RefusedCommandError
from hipturn.server.hub import Hub, now_ms
from hipturn.server.library import Library
from hipturn.server.page_display import BothDisplays, Link, PageDisplay, tell_units
from hipturn.server.recorded import exercise_data
from hipturn.server.rigs import Planned, Rig, Worn, plan_for
from hipturn.session.live import LiveSession
from hipturn.session.pipeline import Tracker
from hipturn.session.radio_session import hold_session
from hipturn.session.terminal import Display, PlainDisplay
from hipturn.session.virtual_session import VIRTUAL
from hipturn.units.check_units import check_units
from hipturn.units.kit import remember_checked
from hipturn.units.rest_check import RestFinding, watch_rest
from imu.air.radio_errors import RadioError
from imu.profiles.profile import ProfileError
from imu.recording import SessionError, check_space
from imu.sample import Side, Unit

TROUBLE = (
    UserError, RadioError, SessionError, CatalogueError, ProfileError, click.ClickException,
)  # fmt: skip


class Stage(StrEnum):
    """Where a visit is; in this order, but for what a person leaves out or repeats."""

    HOME = "home"
    CHECK = "check"
    PLAN = "plan"
    CONNECT = "connect"
    REST = "rest"
    STRAPS = "straps"
    READY = "ready"
    COUNTDOWN = "countdown"
    LIVE = "live"
    DONE = "done"


STEPS = (Stage.PLAN, Stage.CONNECT, Stage.REST, Stage.STRAPS, Stage.READY)
"""The cards before a session, which `next` and `back` walk along."""


class Desk:
    """Leads from the first view to the report."""

    def __init__(
        self,
        hub: Hub,
        library: Library,
        planned: Planned,
        rig_of: Callable[[bool], Rig],
        root: Path,
        *,
        say: Callable[[str], None],
        virtual: bool | None = None,
    ) -> None:
        """Begin at the first view, or at the plan when `virtual` says which units."""
        self._hub, self._library, self._rig_of, self._root = hub, library, rig_of, root
        self._say = say
        self.planned = planned
        self.stage = Stage.HOME if virtual is None else Stage.PLAN
        self.folders: list[Path] = []
        self.quit = asyncio.Event()
        self.done = asyncio.Event()
        """Set when a session has been closed."""
        self._rig = rig_of(bool(virtual))
        self._more: dict[str, Any] = {}
        self._findings: list[RestFinding] = []
        self._session: LiveSession | None = None
        self._stop = asyncio.Event()
        self._again = False
        self._task: asyncio.Task[None] | None = None
        self._helpers: set[asyncio.Task[None]] = set()
        self._tell()

    @property
    def busy(self) -> bool:
        """Return whether a session is being recorded."""
        return self._session is not None

    def obey(self, command: Command) -> None:
        """Do what a page asks for.

        Raises
        ------
        RefusedCommandError
            When the command does not belong to the present stage or cannot be done right now.
        """
        do = command["do"]
        if why := self._refusal(do):
            raise RefusedCommandError(why)
        STAGES[self.stage][do](self, command)

    def can(self) -> list[str]:
        """Return the commands that are obeyed now."""
        return [do for do in STAGES[self.stage] if not self._refusal(do)]

    def _refusal(self, do: str) -> str:
        """Return why a command cannot be obeyed now; nothing when it can."""
        if do not in STAGES[self.stage]:
            possible = ", ".join(self.can())
            return f"`{do}` does not belong to the stage `{self.stage}`; possible now: {possible}"
        if do == "next" and self._more.get("working") and not self._more.get("problem"):
            return "this step is still running: wait for it, or leave it out with `skip`"
        if self.stage is Stage.LIVE and do in IN_A_SESSION:
            if self._session is None:
                return "the session has not begun yet: try again in a moment"
            if (do == "resume") is not self._session.paused and do in ("pause", "resume"):
                return "counting is paused already" if do == "pause" else "counting is not paused"
        return ""

    async def run_unattended(self) -> str:
        """Do a session without anybody to click; return why it failed, or nothing."""
        self._enter(Stage.LIVE, self._begin_unattended)
        assert self._task is not None  # noqa: S101 (entered just now)
        await asyncio.wait({self._task})
        return str(self._more.get("problem", ""))

    async def close(self) -> None:
        """End what is under way; a recording is closed as always."""
        self._stop.set()
        if self._task is not None:
            if self.stage is not Stage.LIVE:
                self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # ---- the actions of the table; each takes the command that asked for it

    def end(self, _: Command) -> None:
        """Close what is under way and end hipturn."""
        self._stop.set()
        self.quit.set()

    def go_home(self, _: Command) -> None:
        """Return to the first view."""
        self._enter(Stage.HOME, None)

    def check(self, _: Command) -> None:
        """Lead through the guided check of the units in range, or begin it again."""
        self._enter(Stage.CHECK, self._check)

    def choose_units(self, command: Command) -> None:
        """Take real units or the simulated wearer's, and go on to the plan."""
        self._rig = self._rig_of(command.get("virtual", False))
        self._enter(Stage.PLAN, None)

    def change_plan(self, command: Command) -> None:
        """Change what is to be done."""
        wanted = {name: value for name, value in command.items() if name != "do"}
        try:
            exercise = own_exercises.find(wanted.get("exercise", self.planned.exercise), self._root)
        except CatalogueError as error:
            raise RefusedCommandError(str(error)) from None
        planned = self.planned
        if exercise.id != planned.exercise:
            planned = plan_for(exercise.id, planned.side, planned.delay_s)
        planned = replace(planned, **wanted)
        if planned.side == "both" and not exercise.both_legs:
            planned = replace(planned, side="right")
        self.planned = planned
        self._tell()

    def step_on(self, command: Command) -> None:
        """Go to the next step, or try this one again after a problem."""
        if self._more.get("problem") and command["do"] == "next":
            self._step(self.stage)
        else:
            self._step(STEPS[STEPS.index(self.stage) + 1])

    def step_back(self, _: Command) -> None:
        """Go to the step before; before the first of them is the first view."""
        if self.stage is Stage.COUNTDOWN:
            self._step(Stage.READY)
        elif self.stage is STEPS[0]:
            self._enter(Stage.HOME, None)
        else:
            self._step(STEPS[STEPS.index(self.stage) - 1])

    def try_again(self, _: Command) -> None:
        """Check again whether all is ready."""
        self._step(self.stage)

    def start(self, _: Command) -> None:
        """Begin the session after the delay; the tap that starts it has seen what is safe."""
        note_told(self._root, self._wearer)
        self._enter(Stage.COUNTDOWN, self._count_down)

    def start_now(self, _: Command) -> None:
        """Begin the session without waiting any longer."""
        self._enter(Stage.LIVE, self._live)

    def stop(self, _: Command) -> None:
        """Close the recording and show how it went."""
        self._stop.set()

    def calibrate_again(self, command: Command) -> None:
        """Close the recording and begin another, on the other leg when the command names it."""
        if command.get("side") in ("left", "right") and self.planned.side != "both":
            self.planned = replace(self.planned, side=command["side"])
            self._rig.wear_on(Side(command["side"]))
        self._again = True
        self._stop.set()

    def mark(self, command: Command) -> None:
        """Mark this moment in the recording."""
        label = command.get("label") or "mark"
        self._in_session().mark(label)
        self._hub.happened("mark", label=label)

    def pause(self, _: Command) -> None:
        """Count nothing until `resume`."""
        if not self._in_session().pause():
            raise RefusedCommandError("there is nothing to pause before the calibration is done")
        self._show(paused=True)

    def resume(self, _: Command) -> None:
        """Count again, as a new set."""
        self._in_session().resume()
        self._show(paused=False)

    def begin_set(self, _: Command) -> None:
        """End this set and begin the next."""
        session = self._in_session()
        if not session.paused and not session.pause():
            raise RefusedCommandError("there is no set to end before the calibration is done")
        session.resume()
        self._show(paused=False)

    def _in_session(self) -> LiveSession:
        assert self._session is not None  # noqa: S101 (`_refusal` has looked)
        return self._session

    # ---- how a stage is entered, and the work of each

    def _step(self, step: Stage) -> None:
        work = {Stage.CONNECT: self._connect, Stage.REST: self._rest, Stage.READY: self._ready}
        self._enter(step, work.get(step))

    def _enter(self, stage: Stage, work: Callable[[], Awaitable[None]] | None) -> None:
        """Go to a stage, ending the work of the one before."""
        before = self._task if self._task is not asyncio.current_task() else None
        if before is not None:
            before.cancel()
        self.stage, self._more = stage, {"working": True} if work else {}
        self._tell()
        self._task = asyncio.create_task(self._watched(work, before))

    async def _watched(
        self, work: Callable[[], Awaitable[None]] | None, before: asyncio.Task[None] | None
    ) -> None:
        try:
            if before is not None:  # links it held must be free before they are wanted again
                await asyncio.wait({before})
            if work is not None:
                await work()
        except TROUBLE as error:  # whatever says itself what to do
            self._say(f"hipturn: {error}")
            if self.stage in (Stage.LIVE, Stage.COUNTDOWN):
                self.stage = Stage.READY
                self._more = {}
            self._show(problem=str(error), working=False)
        except Exception as error:  # the page must not stand still without a word
            self._say(f"hipturn: a bug in hipturn ({type(error).__name__}: {error})")
            self._show(problem=f"a bug in hipturn ({type(error).__name__}: {error})", working=False)

    def _show(self, **more: Any) -> None:  # noqa: ANN401 (JSON)
        self._more.update(more)
        self._tell()

    def _tell(self) -> None:
        """Tell every page how things stand."""
        self._hub.newest(
            {
                "type": "stage",
                "stage": self.stage,
                "can": self.can(),
                "virtual": self._rig.virtual,
                "plan": asdict(self.planned),
                "exercise": exercise_data(own_exercises.find(self.planned.exercise, self._root)),
                **self._more,
            },
            keep=True,
        )

    async def _connect(self) -> None:
        await self._rig.connect(self.planned, lambda told: self._show(**told))
        self._show(working=False)

    async def _rest(self) -> None:
        self._findings = []
        worn = await self._rig.for_rest(self.planned)
        self._findings = await watch_rest(
            worn.strapped,
            lambda share: self._show(progress=round(share, 2)),
            backend=worn.backend,
            clock_ns=worn.clock_ns,
        )
        self._show(working=False, findings=[asdict(found) for found in self._findings])

    async def _check(self) -> None:
        done = await check_units([], lambda text: self._show(ask=text))
        remember_checked(done.outcomes)
        findings = [
            (f"{verdict.unit}: {finding.what}", finding)
            for verdict in done.verdicts
            for finding in verdict.findings
        ] + [(finding.what, finding) for finding in done.together]
        rows = [_row(what, finding.good, finding.text) for what, finding in findings]
        self._show(working=False, checklist=sorted(rows, key=lambda row: bool(row["good"])))

    async def _ready(self) -> None:
        safety = untold(self._root, self._wearer)
        self._show(working=False, checklist=self._checklist(), safety=list(safety))

    @property
    def _wearer(self) -> str:
        """Return who is to be told what is safe; a simulated wearer is nobody."""
        wearer = self._rig.wish(self.planned).wearer
        return "" if self._rig.virtual and wearer == VIRTUAL else wearer

    def _checklist(self) -> list[dict[str, Any]]:
        """Return what must be good before the start, each row with what to do when it is not."""
        rows = [
            _row(f"{found.label} unit", not found.remedy, found.remedy or _figures(found))
            for found in self._findings
        ]
        if not rows:
            rows = [_row("units at rest", True, "not checked")]
        nearly_full = check_space(self._root)
        return [*rows, _row("disk", not nearly_full, nearly_full or "room for the recording")]

    async def _count_down(self) -> None:
        until = now_ms() + 1000 * self.planned.delay_s
        self._show(until=until)
        await asyncio.sleep(self.planned.delay_s)
        self._enter(Stage.LIVE, self._live)

    async def _begin_unattended(self) -> None:
        tell(self._root, self._wearer, self._say)
        await self._rig.connect(self.planned, lambda _: None)
        await self._live()

    async def _live(self) -> None:
        self._stop, self._again = asyncio.Event(), False
        worn = await self._rig.for_session(self.planned)
        if self._stop.is_set():  # asked for before the units streamed: nothing was recorded
            self._step(Stage.READY)
            return
        folder = await self._record(worn)
        if self._again:
            self._enter(Stage.COUNTDOWN, self._count_down)
            return
        key = self._library.add(folder)
        self.stage, self._more = Stage.DONE, {"key": key, "working": True}
        self._tell()
        found = await self._library.analysed(key)
        for line in found.lines if found else ():
            self._say(line)
        self._say(f"session: {folder}")
        self._show(working=False)
        self._hub.happened("done", key=key)
        self.done.set()

    async def _record(self, worn: Worn) -> Path:
        def ended(_: asyncio.Task[bool]) -> None:
            self._stop.set()

        stop = self._stop
        watcher = asyncio.create_task(worn.ended.wait())
        watcher.add_done_callback(lambda task: None if task.cancelled() else ended(task))
        try:
            folder = await hold_session(
                worn.strapped,
                self._rig.wish(self.planned),
                stop,
                backend=worn.backend,
                clock_ns=worn.clock_ns,
                begun=worn.begun,
                audience=self,
            )
        finally:
            watcher.cancel()
            for helper in self._helpers:
                helper.cancel()
            self._session = None
        self.folders.append(folder)
        return folder

    def display(self, tracker: Tracker, title: str) -> Display:
        """Return the page and plain lines on the terminal."""
        page = PageDisplay(self._hub, tracker, tracker.exercise, self.planned.reps)
        return BothDisplays(page, PlainDisplay(tracker.exercise, title))

    def began(
        self,
        session: LiveSession,
        units: Sequence[Unit],
        links: Sequence[Link],
        clock_ns: Callable[[], int],
    ) -> None:
        """Follow a session that has begun."""
        self._session = session
        self._show(working=False, paused=False, sides=[str(s) for s in session.tracker.sides])
        task = asyncio.create_task(tell_units(self._hub, units, links, clock_ns))
        self._helpers.add(task)
        task.add_done_callback(self._helpers.discard)


def _row(what: str, good: bool, text: str) -> dict[str, Any]:
    return {"what": what, "good": good, "text": text}


def _figures(found: RestFinding) -> str:
    charge = "" if found.battery is None else f", battery {found.battery} %"
    return f"{found.rate_hz:.0f} of {found.nominal_hz:.0f} samples a second{charge}"


IN_A_SESSION = ("mark", "pause", "resume", "skip")
"""Commands of the stage `live` that need a session that has begun."""

Action = Callable[[Desk, Command], None]
_ALWAYS: dict[str, Action] = {"quit": Desk.end}
_BEFORE: dict[str, Action] = {**_ALWAYS, "home": Desk.go_home}
_STEP: dict[str, Action] = {
    **_BEFORE, "next": Desk.step_on, "skip": Desk.step_on, "back": Desk.step_back,
}  # fmt: skip

STAGES: dict[Stage, dict[str, Action]] = {
    Stage.HOME: {**_BEFORE, "connect": Desk.choose_units, "check": Desk.check},
    Stage.CHECK: {**_BEFORE, "check": Desk.check, "back": Desk.go_home},
    Stage.PLAN: {**_STEP, "connect": Desk.choose_units, "plan": Desk.change_plan},
    Stage.CONNECT: _STEP,
    Stage.REST: _STEP,
    Stage.STRAPS: {**_STEP, "plan": Desk.change_plan},
    Stage.READY: {
        **_BEFORE,
        "plan": Desk.change_plan,
        "next": Desk.try_again,
        "back": Desk.step_back,
        "start": Desk.start,
    },
    Stage.COUNTDOWN: {
        **_BEFORE,
        "back": Desk.step_back,
        "stop": Desk.step_back,
        "skip": Desk.start_now,
    },
    Stage.LIVE: {
        **_ALWAYS,
        "mark": Desk.mark,
        "pause": Desk.pause,
        "resume": Desk.resume,
        "skip": Desk.begin_set,
        "rezero": Desk.calibrate_again,
        "stop": Desk.stop,
    },
    Stage.DONE: {
        **_BEFORE,
        "connect": Desk.choose_units,
        "plan": Desk.change_plan,
        "start": Desk.start,
    },
}
"""What a page may ask for at each stage, and what is done then (docs/live-protocol.md)."""
