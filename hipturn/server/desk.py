"""What happens when: the steps from the first screen to the report, told to every page.

The desk is the only one who begins and ends sessions. Commands from any page come to it one at a
time; what takes time runs as a task beside it, so a command is never kept waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from analysis import exercises
from analysis.exercises import CatalogueError
from hipturn.errors import UserError
from hipturn.server.hub import Hub, now_ms
from hipturn.server.library import Library
from hipturn.server.recorded import exercise_data
from hipturn.server.rigs import Planned, Rig, Worn
from hipturn.server.screen import BothScreens, Link, PageScreen, tell_units
from hipturn.session.live import LiveSession
from hipturn.session.pipeline import Tracker
from hipturn.session.radio_session import hold_session
from hipturn.session.terminal import PlainScreen, Screen
from hipturn.units.rest_check import RestFinding, watch_rest
from imu.air.radio_errors import RadioError
from imu.profiles.profile import ProfileError
from imu.recording import SessionError, check_space
from imu.sample import Side, Unit

TROUBLE = (
    UserError, RadioError, SessionError, CatalogueError, ProfileError, click.ClickException,
)  # fmt: skip
STEPS = ("plan", "connect", "rest", "straps", "ready")
"""Before a session, in this order; `home` comes before them, `live` and `done` after."""


class Desk:
    """Leads from the first screen to the report."""

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
        """Begin at the first screen, or at the plan when `virtual` says which units."""
        self._hub, self._library, self._rig_of, self._root = hub, library, rig_of, root
        self._say = say
        self.planned = planned
        self.stage = "home" if virtual is None else "plan"
        self.folders: list[Path] = []
        self.quit = asyncio.Event()
        self.done = asyncio.Event()
        """Set when a session has been closed."""
        self._rig = rig_of(bool(virtual))
        self._more: dict[str, Any] = {}
        self._findings: list[RestFinding] = []
        self._session: LiveSession | None = None
        self._screen: PageScreen | None = None
        self._stop = asyncio.Event()
        self._again = False
        self._task: asyncio.Task[None] | None = None
        self._helpers: set[asyncio.Task[None]] = set()
        self._tell()

    @property
    def busy(self) -> bool:
        """Return whether a session is being recorded."""
        return self._session is not None

    def obey(self, command: dict[str, Any]) -> None:
        """Do what a page asks for, where it makes sense now."""
        do = command["do"]
        if do == "quit":
            self._stop.set()
            self.quit.set()
        elif do == "home" and self.stage not in ("live",):
            self._enter("home", None)
        elif do == "connect" and self.stage in ("home", "done", "plan"):
            self._rig = self._rig_of(command.get("virtual", False))
            self._enter("plan", None)
        elif do == "plan" and self.stage in ("plan", "straps", "ready", "done"):
            self._plan(command)
        elif do in ("next", "skip", "back") and self.stage in STEPS:
            self._walk(do)
        elif do == "start" and self.stage in ("ready", "done"):
            self._enter("countdown", self._count_down)
        elif self.stage in ("countdown", "live"):
            self._while_live(do, command)

    async def run_unattended(self) -> str:
        """Do a session without anybody to click; return why it failed, or nothing."""
        self._enter("live", self._begin_unattended)
        assert self._task is not None  # noqa: S101 (entered just now)
        await asyncio.wait({self._task})
        return str(self._more.get("problem", ""))

    async def close(self) -> None:
        """End what is under way; a recording is closed as always."""
        self._stop.set()
        if self._task is not None:
            if self.stage != "live":
                self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _plan(self, command: dict[str, Any]) -> None:
        wanted = {name: value for name, value in command.items() if name != "do"}
        try:
            exercise = exercises.load(wanted.get("exercise", self.planned.exercise))
        except CatalogueError as error:
            self._hub.happened("refused", text=str(error))
            return
        planned = self.planned
        if exercise.id != planned.exercise:
            planned = plan_for(exercise.id, planned.side, planned.delay_s)
        planned = replace(planned, **wanted)
        if planned.side == "both" and not exercise.both_legs:
            planned = replace(planned, side="right")
        self.planned = planned
        self._tell()

    def _walk(self, do: str) -> None:
        at = STEPS.index(self.stage)
        if do == "back":
            if at == 0:
                self._enter("home", None)
            else:
                self._step(STEPS[at - 1])
        elif self._more.get("problem") and do == "next":
            self._step(self.stage)
        elif self._more.get("working") and do == "next":
            return
        elif at + 1 < len(STEPS):
            self._step(STEPS[at + 1])

    def _step(self, step: str) -> None:
        work = {"connect": self._connect, "rest": self._rest, "ready": self._ready}
        self._enter(step, work.get(step))

    def _while_live(self, do: str, command: dict[str, Any]) -> None:
        session = self._session
        if self.stage == "countdown":
            if do in ("stop", "back"):
                self._step("ready")
            elif do == "skip":
                self._enter("live", self._live)
        elif do == "stop":
            self._stop.set()
        elif do == "rezero":
            if command.get("side") in ("left", "right") and self.planned.side != "both":
                self.planned = replace(self.planned, side=command["side"])
                self._rig.wear_on(Side(command["side"]))
            self._again = True
            self._stop.set()
        elif session is not None and do == "mark":
            session.mark(command.get("label") or "mark")
            self._hub.happened("mark", label=command.get("label") or "mark")
        elif session is not None and do in ("pause", "resume", "skip"):
            self._count_or_not(session, do)

    def _count_or_not(self, session: LiveSession, do: str) -> None:
        if do in ("pause", "skip"):
            session.pause()
        if do in ("resume", "skip"):
            session.resume()
        self._more["paused"] = session.paused
        self._tell()

    def _enter(self, stage: str, work: Callable[[], Awaitable[None]] | None) -> None:
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
            if self.stage in ("live", "countdown"):
                self.stage = "ready"
                self._more = {}
            self._show(problem=str(error), working=False)
        except Exception as error:  # the page must not stand still without a word
            self._say(f"hipturn: a fault of ours ({type(error).__name__}: {error})")
            self._show(problem=f"a fault of ours ({type(error).__name__}: {error})", working=False)

    def _show(self, **more: Any) -> None:  # noqa: ANN401 (JSON)
        self._more.update(more)
        self._tell()

    def _tell(self) -> None:
        """Tell every page how things stand."""
        self._hub.newest(
            {
                "type": "stage",
                "stage": self.stage,
                "virtual": self._rig.virtual,
                "plan": asdict(self.planned),
                "exercise": exercise_data(exercises.load(self.planned.exercise)),
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

    async def _ready(self) -> None:
        self._show(working=False, checklist=self._checklist())

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
        self._enter("live", self._live)

    async def _begin_unattended(self) -> None:
        await self._rig.connect(self.planned, lambda _: None)
        await self._live()

    async def _live(self) -> None:
        self._stop, self._again = asyncio.Event(), False
        worn = await self._rig.for_session(self.planned)
        if self._stop.is_set():
            return
        folder = await self._record(worn)
        if self._again:
            self._enter("countdown", self._count_down)
            return
        key = self._library.add(folder)
        self.stage, self._more = "done", {"key": key, "working": True}
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

    def screen(self, tracker: Tracker, title: str) -> Screen:
        """Return the page and plain lines on the terminal."""
        page = PageScreen(self._hub, tracker, tracker.exercise, self.planned.reps)
        return BothScreens(page, PlainScreen(tracker.exercise, title))

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


def plan_for(exercise_id: str, side: str, delay_s: int = 10) -> Planned:
    """Return the plan that the catalogue suggests for an exercise.

    Raises
    ------
    analysis.exercises.CatalogueError
        When there is no such exercise.
    """
    exercise = exercises.load(exercise_id)
    return Planned(
        exercise=exercise_id,
        side=side,  # type: ignore[arg-type]  # checked where it came in
        target_deg=exercise.typical_range_deg,
        reps=exercise.dose.reps[0],
        delay_s=delay_s,
    )


def _row(what: str, good: bool, text: str) -> dict[str, Any]:
    return {"what": what, "good": good, "text": text}


def _figures(found: RestFinding) -> str:
    charge = "" if found.battery is None else f", battery {found.battery} %"
    return f"{found.rate_hz:.0f} of {found.nominal_hz:.0f} samples a second{charge}"
