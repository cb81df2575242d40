"""One visit, from who exercises to what they take home: what is possible, and what follows.

`STAGES`, at the end, is the one table of it. A `Visit` is pure: commands, announcements, the state
of the links and the time come in, effects go out. The page's desk and the terminal carry the
effects out (`hipturn.session.visiting`). Between a begun session and its end no other one begins.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Literal

from analysis.session.announcements import Announcement, Kind
from hipturn.course import (
    AFTER_SET_S,
    CUES_S,
    DELAY_S,
    LAST_CARD_S,
    MORE_REST_S,
    Append,
    BeginSession,
    CheckUnits,
    Counting,
    Course,
    Effects,
    EndSession,
    FindUnits,
    Item,
    KeepNothing,
    LeaveUnits,
    Mark,
    PutOff,
    Reassign,
    Refused,
    Say,
    Stage,
    Status,
    Unfinished,
    Values,
    Walk,
)
from imu.sample import Side


class Visit:
    """Where one visit is, and what follows from what happens.

    Parameters
    ----------
    course
        What is to be done, until something else is chosen.
    ident
        Names it in its recordings; empty until units are looked for.
    waits
        Whether rests take their time; not at full speed, where time stands still between sessions.
    """

    def __init__(self, course: Course, ident: str = "", *, waits: bool = True) -> None:
        self.ident, self.waits = ident, waits
        self.stage = Stage.HOME
        self.wearer = ""
        self.virtual = False
        self.delay_s = DELAY_S
        self.working = False
        """Whether units are being found or looked at."""
        self.found = False
        """Whether the units are known and linked."""
        self.all_worn = False
        """Whether both legs wear units, so that no strap moves from leg to leg."""
        self.problem = ""
        self.paused = False
        self.answers: dict[str, int | str] = {}
        """What was said of the set; what is not answered stays empty."""
        self.unfinished: Unfinished | None = None
        self.silent: tuple[str, ...] = ()
        """Labels of the units that send nothing now."""
        self.until_s = math.inf
        """When a countdown or a rest is over."""
        self.now_s = 0.0
        self.session: Literal["none", "open", "closing"] = "none"
        self.keeps = False
        """Whether the session goes on with how the units sat in the last one."""
        self._awaits_closing = False
        """Whether a session begins as soon as the one before is closed."""
        self._done: set[Side] = set()
        self._heard_set = 0
        self._set_ends_s = math.inf
        self._stopped_counting = False
        self._cues: list[int] = []
        self.walk = Walk(course)

    # ---- what is told

    @property
    def item(self) -> Item:
        """The exercise of the present step."""
        return self.walk.item

    @property
    def strap_moves(self) -> bool:
        """Return whether units go onto the other leg before the next step."""
        later = self.walk.next_step
        return later is not None and later.side != self.walk.step.side and not self.all_worn

    def can(self) -> list[str]:
        """Return the commands that are obeyed now."""
        return [do for do in STAGES[self.stage] if not self.why_not(do)]

    def why_not(self, do: str) -> str:
        """Return why a command is not possible now; nothing when it is."""
        if do not in STAGES[self.stage]:
            possible = ", ".join(self.can()) or "nothing"
            return f"`{do}` does not belong to the stage `{self.stage}`; possible now: {possible}"
        guard = GUARDS.get((self.stage, do)) or GUARDS.get((None, do))
        return guard(self) if guard else ""

    # ---- what comes in

    def command(self, do: str, values: Values | None = None) -> Effects:
        """Do what somebody asks for.

        Raises
        ------
        Refused
            When the command is not possible now.
        """
        if why := self.why_not(do):
            raise Refused(why)
        return STAGES[self.stage][do](self, {"do": do, **(values or {})})

    def tick(self, time_s: float) -> Effects:
        """Advance to a time of the units' clock, seconds; it never runs backwards."""
        self.now_s = max(self.now_s, time_s)
        if self.stage is Stage.SET and self.now_s >= self._set_ends_s:
            return self._finish_set("completed")
        if self.stage not in (Stage.COUNTDOWN, Stage.RESULT):
            return []
        waits = self.waits or self.session == "open"
        if waits and (left_s := self.until_s - self.now_s) > 0.0:
            return self._cue(left_s)
        begins = self.stage is Stage.COUNTDOWN
        if self.silent and (begins or self.walk.next_step):
            return []  # it goes on once every unit is heard
        if begins:
            return self._begin()
        return [] if self.strap_moves or self.session == "closing" else self._go_on()

    def hear(self, said: Announcement) -> Effects:
        """Take what was announced of the session."""
        if self.stage is Stage.RESULT and self.session == "open" and said.kind is Kind.REP:
            return self._go_on() if said.set > self._heard_set else []
        if self.stage is not Stage.SET or not self.item.ends_set(said):
            return []
        self._done.add(said.side)
        self._heard_set = max(self._heard_set, said.set)
        if self._done >= self.walk.step.sides:
            self._set_ends_s = self.now_s + AFTER_SET_S
        return []

    def calibrated(self) -> Effects:
        """Take that every leg of the session is calibrated, or needs no calibration."""
        if self.stage is Stage.CALIBRATE and self.session == "open":  # not the one that closes
            self.stage = Stage.SET
        return []

    def links(self, silent: Iterable[str]) -> None:
        """Take which units, by label, send nothing now."""
        self.silent = tuple(silent)

    def units_found(self, *, all_worn: bool) -> Effects:
        """Take that the units are known and linked; they are looked at next."""
        self.found, self.all_worn, self.problem = True, all_worn, ""
        return []

    def units_rested(self, *, good: bool) -> Effects:
        """Take how the units were at rest; when all is well the visit goes on."""
        if self.stage is Stage.UNITS and self.working:
            self.working = False
            if good:
                self.stage = Stage.STRAPS
        return []

    def failed(self, problem: str) -> Effects:
        """Take that units could not be found, looked at or checked, and what to do."""
        if self.stage in (Stage.UNITS, Stage.CHECK):
            self.working, self.problem = False, problem
        return []

    def checked(self) -> Effects:
        """Take that the guided check is over."""
        self.working = False
        return []

    def session_ended(self, problem: str = "") -> Effects:
        """Take that the recording is closed, or could not be begun, and why."""
        by_itself = self.session == "open"
        self.session = "none"
        if self._awaits_closing:
            self._awaits_closing = False
            return self._begin()
        self.problem = problem
        if by_itself and problem:
            self.walk.settle([self.walk.at], "not-started")
            self.stage = Stage.READY
        elif by_itself:
            self.walk.settle([self.walk.at], "completed" if self.stage is Stage.SET else "stopped")
            self.walk.settle(self.walk.leg_steps(), "stopped")
            return self._rest()
        return []

    # ---- the handlers of the table

    def _home(self, _: Values) -> Effects:
        linked = self.found or self.working
        self.stage, self.problem, self.working, self.found = Stage.HOME, "", False, False
        self.ident = ""
        return [LeaveUnits()] if linked else []

    def _check(self, _: Values) -> Effects:
        self.stage, self.problem, self.working = Stage.CHECK, "", True
        return [CheckUnits()]

    def _ask_wearer(self, _: Values) -> Effects:
        self.stage, self.virtual = Stage.WEARER, False
        return []

    def _practise(self, _: Values) -> Effects:
        self.stage, self.virtual, self.wearer = Stage.TODAY, True, ""
        self.walk = Walk(self.walk.course)
        return []

    def _resume_visit(self, _: Values) -> Effects:
        if (before := self.unfinished) is None:
            return []
        self.ident, self.wearer, self.virtual = before.visit, before.wearer, before.virtual
        self.walk = Walk(before.course, before.done)
        return self._on_to_units({})

    def _choose(self, values: Values) -> Effects:
        self.wearer = values.get("wearer", "")
        self.stage = Stage.TODAY
        self.walk = Walk(self.walk.course)
        return []

    def _change(self, values: Values) -> Effects:
        self.walk = Walk(values["course"])
        return []

    def _back(self, _: Values) -> Effects:
        before = {
            Stage.CHECK: Stage.HOME,
            Stage.WEARER: Stage.HOME,
            Stage.TODAY: Stage.HOME if self.virtual else Stage.WEARER,
            Stage.UNITS: Stage.TODAY,
            Stage.STRAPS: Stage.UNITS,
            Stage.READY: Stage.STRAPS,
        }[self.stage]
        leaves = self.stage is Stage.UNITS
        self.stage, self.problem, self.working = before, "", False
        self.found = self.found and not leaves
        return [LeaveUnits()] if leaves else []

    def _on_to_units(self, values: Values) -> Effects:
        self.stage = Stage.UNITS
        return self._find(values)

    def _shake(self, values: Values) -> Effects:
        self._find(values)
        return [FindUnits(shake=True)]

    def _find(self, _: Values) -> Effects:
        self.working, self.found, self.problem = True, False, ""
        return [FindUnits()]

    def _to(self, stage: Stage) -> Effects:
        self.stage, self.problem, self.working = stage, "", False
        return []

    def _delay(self, values: Values) -> Effects:
        self.delay_s = values["delay_s"]
        return []

    def _start(self, _: Values) -> Effects:
        self.until_s, self._cues = self.now_s + self.delay_s, []
        return self._to(Stage.COUNTDOWN)

    def _mark(self, values: Values) -> Effects:
        return [Mark(values.get("label") or "mark")]

    def _answer(self, values: Values) -> Effects:
        do, value = values["do"], next(v for name, v in values.items() if name != "do")
        self.answers[do] = value
        return [Append(do, value)]

    def _later(self, values: Values) -> Effects:
        return [PutOff(values.get("id", ""))]

    def _pause(self, _: Values) -> Effects:
        self.paused = True
        return [Counting(on=False)]

    def _resume(self, _: Values) -> Effects:
        self.paused = False
        return [Counting(on=True)]

    def _swap(self, _: Values) -> Effects:
        return [Reassign("swap")]

    def _other_leg(self, _: Values) -> Effects:
        """Take the leg for the other one; of an item on both, the other comes afterwards."""
        self.walk.turn_sides()
        return [Reassign("other_leg")]

    def _done_early(self, _: Values) -> Effects:
        effects: Effects = [] if self.paused else [Counting(on=False)]
        self._stopped_counting, self.paused = True, False
        return effects + self._finish_set("stopped")

    def _calibrate_in_full(self, _: Values) -> Effects:
        return [KeepNothing(), *self._end(), *self._begin()]

    def _stop_calibrating(self, _: Values) -> Effects:
        self.walk.settle([self.walk.at], "not-started")
        self.stage, self._awaits_closing = Stage.READY, False
        return self._end()

    def _stop_item(self, _: Values) -> Effects:
        self.walk.settle(self.walk.leg_steps(), "stopped")
        return [*self._end(), *self._rest()]

    def _again(self, _: Values) -> Effects:
        self.walk.status[self.walk.at] = "in-progress"
        return self._set() if self.session == "open" else self._begin()

    def _more_rest(self, _: Values) -> Effects:
        self.until_s = max(self.until_s, self.now_s) + MORE_REST_S
        return []

    def _skip_step(self, _: Values) -> Effects:
        if (skipped := self.walk.later()) is not None:
            self.walk.status[skipped] = "cancelled"
        if (later := self.walk.next_step) is None:
            return self._go_on()
        return [] if later.leg == self.walk.step.leg else self._end()

    def _stop_visit(self, _: Values) -> Effects:
        self.walk.settle(range(len(self.walk.steps)), "cancelled")
        return [*self._end(), *self._sum_up()]

    # ---- what they share

    def _begin(self, _: Values | None = None) -> Effects:
        """Begin a session of this step, as soon as the one before is closed."""
        self.stage, self.problem, self.paused, self.keeps = Stage.CALIBRATE, "", False, False
        self.walk.status[self.walk.at] = "in-progress"
        self._fresh_set()
        self._heard_set = 0
        if self.session != "none":
            self._awaits_closing = True
            return []
        self.session = "open"
        return [BeginSession(self.walk.step, self.walk.sets_left())]

    def _end(self) -> Effects:
        """Close the session; nothing where none is open."""
        self.paused = False
        if self.session != "open":
            return []
        self.session = "closing"
        return [EndSession()]

    def _fresh_set(self) -> None:
        self._done, self._set_ends_s, self._stopped_counting = set(), math.inf, False
        self.answers = {}

    def _set(self) -> Effects:
        """Go on with a set of the session that is open."""
        effects: Effects = [Counting(on=True)] if self._stopped_counting else []
        self.stage, self.walk.status[self.walk.at] = Stage.SET, "in-progress"
        self._fresh_set()
        return [*effects, Say("begin", {"set": self.walk.step.set})]

    def _finish_set(self, status: Status) -> Effects:
        """Go to the result of this set; the session ends with the last set of its leg."""
        self.walk.status[self.walk.at] = status
        goes_on = (later := self.walk.next_step) and later.leg == self.walk.step.leg
        return [*([] if goes_on else self._end()), *self._rest()]

    def _rest(self) -> Effects:
        """Show the result, and rest where something follows."""
        later = self.walk.next_step
        rest_s = LAST_CARD_S if later is None else self.item.asked.rest_s
        self.stage, self.until_s = Stage.RESULT, self.now_s + rest_s
        self._set_ends_s = math.inf
        self._cues = [cue for cue in CUES_S if cue < rest_s] if later is not None else []
        if later is None or later.leg != self.walk.step.leg:
            return []
        of = self.item.sets
        return [Say("rest", {"set": self.walk.step.set, "of": of, "seconds": round(rest_s)})]

    def _cue(self, left_s: float) -> Effects:
        """Say how many seconds of a rest are left, at some of them."""
        if self.stage is not Stage.RESULT or not self._cues or left_s > self._cues[0]:
            return []
        return [Say("cue", {"seconds": self._cues.pop(0)})]

    def _go_on(self, _: Values | None = None) -> Effects:
        """Go from a result to what follows."""
        later = self.walk.later()
        if later is None:
            return [*self._end(), *self._sum_up()]
        moves, before = self.strap_moves, self.walk.step
        self.walk.at = later
        if self.session == "open" and self.walk.step.leg == before.leg:
            return self._set()
        return [*self._end(), *(self._to(Stage.STRAPS) if moves else self._begin())]

    def _sum_up(self) -> Effects:
        self.stage, self.found = Stage.SUMMARY, False
        return [LeaveUnits()]


# -- the table -----------------------------------------------------------------------------------

Handler = Callable[[Visit, Values], Effects]
Guard = Callable[[Visit], str]

_BUSY = "this step is still running: wait for it"


def _unless_working(visit: Visit) -> str:
    return _BUSY if visit.working else ""


def _when_known(visit: Visit) -> str:
    if visit.working:
        return f"{_BUSY}, or leave it out with `skip`"
    return "" if visit.found else "the units are not found yet: find them with `retry`"


def _while_looked_at(visit: Visit) -> str:
    if not visit.found:
        return "the units are not found yet, and without them nothing can be measured"
    return "" if visit.working else "nothing is running that could be left out"


def _when_heard(visit: Visit) -> str:
    if not visit.found:
        return "the units are not linked: go back to `units`"
    if not visit.silent:
        return ""
    return f"{' and '.join(visit.silent)}: silent; bring it closer, and see that it is switched on"


GUARDS: dict[tuple[Stage | None, str], Guard] = {
    (None, "go_on"): lambda v: "" if v.unfinished else "there is no visit to go on with",
    (Stage.CHECK, "check"): _unless_working,
    (Stage.TODAY, "next"): lambda v: v.walk.course.only_asks,
    (Stage.UNITS, "next"): _when_known,
    (Stage.UNITS, "skip"): _while_looked_at,
    (Stage.UNITS, "retry"): _unless_working,
    (Stage.UNITS, "shake"): lambda v: (
        "the simulated wearer's units are known" if v.virtual else _unless_working(v)
    ),
    (Stage.UNITS, "swap"): _when_known,
    (Stage.READY, "start"): _when_heard,
    (Stage.COUNTDOWN, "now"): _when_heard,
    (None, "other_leg"): lambda v: "both legs wear units" if v.walk.step.side == "both" else "",
    (Stage.CALIBRATE, "full"): lambda v: "" if v.keeps else "all is calibrated anew already",
    (None, "pause"): lambda v: "counting is paused already" if v.paused else "",
    (None, "resume"): lambda v: "" if v.paused else "counting is not paused",
    (Stage.RESULT, "skip"): lambda v: (
        "" if v.walk.next_step else "nothing follows that could be left out"
    ),
}
"""What a command of the table needs besides its stage: a sentence when that is not given."""

_STRAPS: Handler = lambda visit, _: visit._to(Stage.STRAPS)  # noqa: E731
_READY: Handler = lambda visit, _: visit._to(Stage.READY)  # noqa: E731
_HOME: dict[str, Handler] = {"home": Visit._home}

STAGES: dict[Stage, dict[str, Handler]] = {
    Stage.HOME: {
        "wearer": Visit._ask_wearer, "go_on": Visit._resume_visit, "practise": Visit._practise,
        "check": Visit._check,
    },
    Stage.CHECK: {"check": Visit._check, "back": Visit._back, **_HOME},
    Stage.WEARER: {
        "choose": Visit._choose, "new": Visit._choose, "nobody": Visit._choose,
        "back": Visit._back, **_HOME,
    },
    Stage.TODAY: {
        **dict.fromkeys(("plan", "exercise", "side", "dose", "goal"), Visit._change),
        "next": Visit._on_to_units, "back": Visit._back, **_HOME,
    },
    Stage.UNITS: {
        "shake": Visit._shake, "swap": Visit._swap, "retry": Visit._find,
        "skip": _STRAPS, "next": _STRAPS, "back": Visit._back, **_HOME,
    },
    Stage.STRAPS: {"done": _READY, "back": Visit._back, **_HOME},
    Stage.READY: {"start": Visit._start, "delay": Visit._delay, "back": Visit._back, **_HOME},
    Stage.COUNTDOWN: {"now": Visit._begin, "cancel": _READY, **_HOME},
    Stage.CALIBRATE: {
        "swap": Visit._swap, "other_leg": Visit._other_leg, "later": Visit._later,
        "full": Visit._calibrate_in_full, "stop": Visit._stop_calibrating,
    },
    Stage.SET: {
        "mark": Visit._mark, "pause": Visit._pause, "resume": Visit._resume,
        "swap": Visit._swap, "other_leg": Visit._other_leg, "later": Visit._later,
        "done": Visit._done_early, "stop": Visit._stop_item,
    },
    Stage.RESULT: {
        **dict.fromkeys(("pain", "effort", "note", "count"), Visit._answer),
        "again": Visit._again, "more_rest": Visit._more_rest, "skip": Visit._skip_step,
        "next": Visit._go_on, "stop": Visit._stop_visit, "later": Visit._later,
    },
    Stage.SUMMARY: _HOME,
}  # fmt: skip
"""What may be asked for at each stage, and what is done then (docs/live-protocol.md)."""
