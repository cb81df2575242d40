"""Shows a visit on every page, and takes what any page asks for.

What is possible when is the table of `hipturn.visit`; each `stage` message lists these commands as
`can`, any other is refused with a sentence. Commands from any page come here one at a time; what
they lead to is carried out by `hipturn.session.visiting`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from hipturn.course import Course, Item, Refused, Stage, changed, one_item
from hipturn.errors import UserError
from hipturn.history.present_wearer import PresentWearer
from hipturn.plan import PlanItem, SideChoice, load_plan, read_plan, routines
from hipturn.safety import note_told, tell, untold
from hipturn.server.commands import Command, RefusedCommandError
from hipturn.server.conditions import Conditions, see_units
from hipturn.server.hub import Hub, now_ms
from hipturn.server.library import Library
from hipturn.server.page_display import BothDisplays, PageDisplay, now_s, tell_units
from hipturn.server.recorded import exercise_data
from hipturn.server.unfinished import unfinished_visit, wearers_of
from hipturn.session.live import LiveSession
from hipturn.session.pipeline import Tracker
from hipturn.session.rigs import Rig
from hipturn.session.start import go_on_alone
from hipturn.session.terminal import Display, PlainDisplay
from hipturn.session.virtual_session import VIRTUAL
from hipturn.session.visiting import TICK_S, TROUBLE, Host
from hipturn.units.check_units import check_units
from hipturn.units.kit import remember_checked
from hipturn.units.rest_check import RestFinding
from hipturn.visit import STAGES, Visit
from hipturn.words import ENGLISH, Said, said_of, told, words_of
from imu.air.link_state import Link
from imu.recording import check_space
from imu.sample import Unit

CHOICES = ("plan", "exercise", "side", "dose", "goal")
"""Commands of `today`: each makes another course of what is chosen."""
WHO = ("choose", "new", "nobody")
"""Commands that say who exercises."""
QUIT = "quit"
"""Ends hipturn, whatever the stage."""


class Desk:
    """Leads pages from the first view to the summary."""

    def __init__(
        self,
        hub: Hub,
        library: Library,
        course: Course,
        rig_of: Callable[[bool], Rig],
        root: Path,
        *,
        say: Callable[[str], None],
        virtual: bool | None = None,
        wearer: str = "",
        synchronise: bool = False,
        language: str = "",
    ) -> None:
        """Begin at the first view, or at `today` when `virtual` says which units."""
        self._hub, self._library, self._root = hub, library, root
        self._say, self._words = say, words_of(language or ENGLISH)
        self._given = course
        """What was asked for on the command line."""
        self.quit = asyncio.Event()
        self.done = asyncio.Event()
        """Set when a session has been closed."""
        self.folders: list[Path] = []
        self._more: dict[str, Any] = {}
        self._stage = Stage.HOME
        self._conditions = Conditions()
        self._follows: asyncio.Task[None] | None = None
        self._units: asyncio.Task[None] | None = None
        self._page: PageDisplay | None = None
        """Where the session that runs is shown."""
        self.visit = Visit(course, waits=rig_of(bool(virtual)).speed is not None)
        if virtual is not None:
            self.visit.stage, self.visit.virtual = Stage.TODAY, virtual
        self._present = PresentWearer(root, wearer)
        self.visit.wearer = wearer
        self.host = Host(self.visit, rig_of, self, synchronise=synchronise)
        self._offer()
        self.tell()

    @property
    def busy(self) -> bool:
        """Return whether a session is being recorded, or comes by itself."""
        return self.visit.session != "none" or self.visit.stage in (
            Stage.COUNTDOWN, Stage.CALIBRATE, Stage.SET, Stage.RESULT,
        )  # fmt: skip

    def can(self) -> list[str]:
        """Return the commands that are obeyed now."""
        return [QUIT, *self.visit.can()]

    def obey(self, command: Command) -> None:
        """Do what a page asks for.

        Raises
        ------
        RefusedCommandError
            When the command does not belong to the present stage or cannot be done right now.
        """
        do = command["do"]
        values = {name: value for name, value in command.items() if name != "do"}
        if do == QUIT:
            self.quit.set()
            return
        try:
            if do in WHO and do in STAGES[self.visit.stage]:
                self._present.choose(values.get("wearer", ""), values.get("language", ""))
            if do == "answer" and not self.visit.why_not(do):
                where, text = values.get("question", 0), values.get("text", "")
                exercise = self.visit.item.exercise
                self._present.keep_answer(self.visit.wearer, exercise, where, text)
            if do in CHOICES and do in STAGES[self.visit.stage]:
                values = {"course": self._chosen(do, values)}
            self.host.command(do, values)
        except (Refused, *TROUBLE) as error:
            raise RefusedCommandError(said_of(error)) from None
        if do == "start":
            note_told(self._root, self._wearer)

    def begin(self) -> None:
        """Follow the units' clock from now on."""
        if self._follows is None:
            self._follows = asyncio.create_task(self.host.follow())

    async def run_unattended(self) -> str:
        """Do the visit without anybody to click; return why it failed, or nothing."""
        tell(self._root, self._wearer, self._say)
        self.begin()
        self.visit.delay_s = 0
        while self.visit.stage is not Stage.SUMMARY and not self.visit.problem:
            go_on_alone(self.host)
            await asyncio.sleep(TICK_S)
        return self.visit.problem

    async def close(self) -> None:
        """End what is under way; a recording is closed as always."""
        await self.host.close()
        if self._follows is not None:
            self._follows.cancel()

    # ---- what is chosen for today

    def _chosen(self, do: str, values: dict[str, Any]) -> Course:
        """Return the course that a choice leads to.

        Raises
        ------
        UserError, analysis.exercises.CatalogueError
            When there is no such plan or exercise, or it cannot be done so.
        """
        course = self.visit.walk.course
        if do == "plan":
            return self._planned(values.get("plan", ""), values.get("toml", ""))
        if course.name:
            course = Course.one(Item.of(one_item(course.items[0].asked.exercise, "right")))
        item = course.items[0]
        asked, goal_deg = item.asked, item.goal_deg
        if do == "goal":
            goal_deg = values.get("target_deg", goal_deg)
            if values.get("keep"):
                for side in asked.sides:
                    self._present.keep_goal(self.visit.wearer, item.exercise, side, goal_deg)
                goal_deg = None
            return changed(course, asked, goal_deg)
        if do == "exercise":
            asked, goal_deg = self._exercise(asked, values), None
        elif do == "side":
            asked = replace(asked, sides=sides_for(item, values.get("side", "right")))
        else:
            asked = replace(asked, **values)
        return changed(course, asked, goal_deg)

    def _exercise(self, asked: PlanItem, values: dict[str, Any]) -> PlanItem:
        other = values.get("exercise", asked.exercise)
        if other == asked.exercise:
            return replace(asked, **values)
        new = one_item(other, asked.sides[0], (self._root,))
        new = replace(new, sides=sides_for(Item.of(new), asked.sides[0]))
        return replace(new, **{name: v for name, v in values.items() if name != "exercise"})

    def _planned(self, name: str, text: str) -> Course:
        if text:
            plan = read_plan(text, self._root)
            if plan.wearer and not self.visit.virtual and plan.wearer != self.visit.wearer:
                raise UserError(Said("trouble.plan_for", wearer=plan.wearer))
            self._given = Course.of(plan)
            return self._given
        if not name:
            return Course.one(Item.of(one_item(self.visit.item.asked.exercise, "right")))
        if name == self._given.name:
            return self._given
        return Course.of(load_plan(name if name in routines() else "", self._root))

    # ---- what is shown: the host's front

    def show(self, **more: Any) -> None:  # noqa: ANN401 (JSON)
        """Tell more about the stage."""
        self._more.update(more)
        self._more.pop("asked", None)
        if isinstance(asked := self._more.get("ask"), Said):
            self._more["asked"] = told(asked)
        self.tell()

    def say(self, text: str) -> None:
        """Say something on the page and in the terminal."""
        self._say(self._words.said(text))
        self._hub.happened("say", **told(text))

    def recount(self, side: str, by: int) -> None:
        """Show so many repetitions more, or fewer, in the set of a leg, or of both."""
        if self._page is not None:
            self._page.recount(side, by)

    def put_off(self, ident: str) -> None:
        """Show a condition no more."""
        self._conditions.put_off(ident)
        self._tell_conditions()

    def tell(self) -> None:
        """Tell every page how the visit stands."""
        visit = self.visit
        if visit.stage is not self._stage:
            self._entered(visit.stage)
        self._hub.newest({"type": "stage", **self._message(), **self._more}, keep=True)
        self._tell_conditions()

    def _entered(self, stage: Stage) -> None:
        """Forget what was shown of the stage before."""
        self._stage = stage
        keep = ("sides", "key") if stage in (Stage.SET, Stage.RESULT, Stage.SUMMARY) else ()
        self._more = {name: self._more[name] for name in keep if name in self._more}
        if stage is Stage.READY:
            self._more |= {"checklist": self._checklist()}
            self._more["safety"] = list(untold(self._root, self._wearer))
        if stage is Stage.HOME:
            self._offer()
        if stage is Stage.WEARER:
            self._more["wearers"] = self._present.offered(wearers_of(self._library))

    def _offer(self) -> None:
        """Look for a visit to go on with."""
        self.visit.unfinished = unfinished_visit(self._root, self._given)

    def _message(self) -> dict[str, Any]:
        visit, item, walk = self.visit, self.visit.item, self.visit.walk
        message: dict[str, Any] = {
            "stage": visit.stage,
            "can": self.can(),
            "virtual": visit.virtual,
            "wearer": visit.wearer,
            "language": self._present.language(visit.wearer),
            "goals": self._present.goals(visit.wearer, item.exercise, item.goals_deg),
            "plan": self._plan_message(),
            "exercise": exercise_data(item.exercise),
            "working": visit.working or visit.session == "closing",
            "paused": visit.paused,
            "set": walk.step.set,
            "phones": list(visit.phones),
            "asking": visit.asking,
            "said": visit.said[-1] if visit.said else "",
            "answers": dict(visit.answers),
        }
        if visit.stage is Stage.TODAY and item.exercise.questions and visit.wearer:
            message["answered"] = self._present.answered(visit.wearer, item.exercise)
        if visit.problem:
            message |= {"problem": visit.problem, "problem_said": told(visit.problem)}
        if visit.stage is Stage.UNITS and self.host.findings:
            message["findings"] = [
                asdict(found) | told(found.remedy) for found in self.host.findings
            ]
        if visit.stage in (Stage.COUNTDOWN, Stage.RESULT):
            left_s = max(0.0, visit.until_s - visit.now_s) / (self.host.rig.speed or 1.0)
            message["until"] = round(now_ms() + 1000 * left_s)
            message["silent"] = list(visit.silent)
        if visit.stage is Stage.RESULT and (later := walk.next_step) is not None:
            then = walk.course.items[later.item]
            message["next"] = {
                "name": then.exercise.name,
                "side": later.side,
                "set": later.set,
                "same": later.leg == walk.step.leg,
                "moves": visit.strap_moves,
            }
        if visit.stage is Stage.HOME and (unfinished := visit.unfinished) is not None:
            message["unfinished"] = {"done": len(unfinished.done), "of": unfinished.of}
        return message

    def _plan_message(self) -> dict[str, Any]:
        visit, item, walk = self.visit, self.visit.item, self.visit.walk
        dose, asked = item.exercise.dose, item.asked
        named = [self._given.name] if self._given.name else []
        return {
            "name": walk.course.name,
            "names": [*named, *routines()] if visit.stage is Stage.TODAY else [],
            "item": walk.step.item + 1,
            "of": len(walk.course.items),
            "done": walk.legs_done,
            "legs": walk.legs,
            "exercise": item.exercise.id,
            "side": walk.step.side,
            "sides": list(asked.sides),
            "target_deg": item.goal_deg,
            "reps": dose.reps[0],
            "sets": item.sets,
            "hold_s": dose.hold_s[0],
            "test": asked.test,
            "active": asked.active,
            "delay_s": visit.delay_s,
        }

    def _checklist(self) -> list[dict[str, Any]]:
        """Return what must be good before the start, each row with what to do when it is not.

        What was left out is neither good nor bad: `good` is None.
        """
        rows = [
            _row(Said("checklist.unit", unit=found.label), not found.remedy, _figures(found))
            for found in self.host.findings
        ]
        if not rows:
            rows = [_row(Said("checklist.at_rest"), None, Said("checklist.unchecked"))]
        nearly_full = check_space(self._root)
        room = nearly_full or Said("checklist.room")
        return [*rows, _row(Said("checklist.disk"), not nearly_full, room)]

    @property
    def _wearer(self) -> str:
        """Return who is to be told what is safe; a simulated wearer is nobody."""
        wearer = self.visit.wearer or self.host.rig.wish().wearer
        return "" if self.visit.virtual and wearer == VIRTUAL else wearer

    async def check(self) -> None:
        """Lead through the guided check of the units in range."""
        done = await check_units([], lambda text: self.show(ask=text))
        remember_checked(done.outcomes)
        findings = [
            (Said("looked_at.of", unit=verdict.unit, what=finding.what), finding)
            for verdict in done.verdicts
            for finding in verdict.findings
        ] + [(finding.what, finding) for finding in done.together]
        rows = [_row(what, one.good, one.text) for what, one in findings]
        self.show(checklist=sorted(rows, key=lambda row: bool(row["good"])))

    def display(self, tracker: Tracker, title: str) -> Display:
        """Return the page and plain lines on the terminal."""
        self._forget_conditions()
        reps = tracker.exercise.dose.reps[0]
        self._page = PageDisplay(self._hub, tracker, tracker.exercise, reps, self._conditions)
        return BothDisplays(self._page, PlainDisplay(tracker.exercise, title, self._words))

    def began(
        self,
        session: LiveSession,
        units: Sequence[Unit],
        links: Sequence[Link],
        clock_ns: Callable[[], int],
    ) -> None:
        """Follow a session that has begun."""
        self.show(sides=[str(side) for side in session.tracker.sides])
        if self._units is not None:
            self._units.cancel()
        self._units = asyncio.create_task(
            tell_units(self._hub, units, links, clock_ns, self._look_at_units)
        )

    def _look_at_units(self, told: list[dict[str, Any]]) -> None:
        see_units(self._conditions, told, now_s())
        self._tell_conditions()

    def _tell_conditions(self) -> None:
        told = self._conditions.told(now_s(), self.visit.can())
        if told is not None:
            self._hub.newest({"type": "conditions", "conditions": told}, keep=True)

    def _forget_conditions(self) -> None:
        self._conditions = Conditions()
        self._hub.newest({"type": "conditions", "conditions": []}, keep=True)

    def recorded(self, folder: Path) -> None:
        """Work a closed session out for the page."""
        if self._units is not None:
            self._units.cancel()
        self._forget_conditions()
        self.folders.append(folder)
        key = self._library.add(folder)
        self._more["key"] = key
        self._analysis = asyncio.create_task(self._analysed(folder, key))

    async def _analysed(self, folder: Path, key: str) -> None:
        try:
            found = await self._library.analysed(key)
            for line in found.lines if found else ():
                self._say(self._words.said(line))
        except TROUBLE as error:
            self.say(Said.together(("hipturn", said_of(error)), ": "))
        self._say(f"session: {folder}")
        self._hub.happened("done", key=key)
        self.done.set()


def sides_for(item: Item, side: str) -> tuple[SideChoice, ...]:
    """Return the sides of an item that are asked for: `each` is right, then left."""
    if side == "each":
        return ("right", "left")
    if side == "both" and not item.exercise.both_legs:
        return ("right",)
    return (side,)  # type: ignore[return-value]  # checked where it came in


def _row(what: str, good: bool | None, text: str) -> dict[str, Any]:
    return {"what": what, "title": told(what), "good": good, **told(text)}


def _figures(found: RestFinding) -> str:
    """Return what a unit did at rest, or what to do about it."""
    if found.remedy:
        return found.remedy
    known = "checklist.figures" if found.battery is None else "checklist.figures_battery"
    return Said(known, **asdict(found))
