"""What each command, announcement and moment of a visit leads to.

Pure: commands, announcements, the state of the links and the time come in, effects go out. Which
command is obeyed when is the table of `hipturn.visit.table`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from analysis.session.announcements import Announcement, Kind
from hipturn.course import (
    AFTER_SET_S,
    CUES_S,
    DELAY_S,
    LAST_CARD_S,
    MORE_REST_S,
    AdmitPhone,
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
    Recount,
    Say,
    Stage,
    Status,
    Undo,
    Unfinished,
    Values,
    Walk,
)
from imu.sample import Side


class Handlers:
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
        self.said: list[str] = []
        """What was said of this visit's recordings and may be taken back, the latest last."""
        self.phones: tuple[str, ...] = ()
        """The segments that phones are worn on; empty where the units are on the air."""
        self.asking = ""
        """The place that a second phone asks for; empty where none does."""
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
        self.reps: dict[Side, int] = {}
        """The repetitions that each leg has announced in this set, without those taken back."""
        self._recounts = False
        """Whether one was taken back: then these numbers say when the set is done."""
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

    # ---- what comes in

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
        if self.stage is not Stage.SET:
            return []
        if said.kind is Kind.REP:
            self.reps[said.side] = self.reps.get(said.side, 0) + 1
        if not self._ends_set(said):
            return []
        self._done.add(said.side)
        self._heard_set = max(self._heard_set, said.set)
        if self._done >= self.walk.step.sides:
            self._set_ends_s = self.now_s + AFTER_SET_S
        return []

    def _ends_set(self, said: Announcement) -> bool:
        """Return whether a leg's set is done; by our own count once a repetition was taken back."""
        if not self._recounts or not self.item.exercise.is_counted:
            return self.item.ends_set(said)
        wanted = self.item.exercise.dose.reps[0]
        return not self.item.is_endless and self.reps.get(said.side, 0) >= wanted

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
        self.ident, self.phones, self.asking = "", (), ""
        return [LeaveUnits()] if linked else []

    def _check(self, _: Values) -> Effects:
        self.stage, self.problem, self.working = Stage.CHECK, "", True
        return [CheckUnits()]

    def _ask_wearer(self, _: Values) -> Effects:
        self.stage, self.virtual = Stage.WEARER, False
        return []

    def _whose(self, _: Values) -> Effects:
        """Ask once more who exercises; the units stay those of a person, or the simulated ones."""
        return self._to(Stage.WEARER)

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
        self.stage, self.said = Stage.UNITS, []
        return self._find(values)

    def _shake(self, values: Values) -> Effects:
        self.phones = ()
        self._find(values)
        return [FindUnits(shake=True)]

    def _find(self, _: Values) -> Effects:
        self.working, self.found, self.problem = True, False, ""
        return [FindUnits(phones=self.phones)]

    def _use_phones(self, values: Values) -> Effects:
        self.phones = tuple(values.get("places", ("shank",)))
        return self._find(values)

    def _admit(self, _: Values) -> Effects:
        self.asking = ""
        return [AdmitPhone()]

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
        return self._say(Append(do, value))

    def _say(self, append: Append) -> Effects:
        self.said.append(append.kind)
        return [append]

    def _not_mine(self, _: Values) -> Effects:
        """Take the last repetition back: it was none."""
        return [*self._say(Append("reject", None)), *self._recount(-1)]

    def _recount(self, by: int) -> Effects:
        """Change the count of the set; a set that was done may have one to do again."""
        self._recounts = True
        for side in self.walk.step.sides:
            self.reps[side] = max(0, self.reps.get(side, 0) + by)
        if by < 0:
            self._done, self._set_ends_s = set(), math.inf
        return [Recount(by)]

    def _slipped(self, _: Values) -> Effects:
        """Prove by one knee bend where the straps are; what comes after this moment is void."""
        return [*self._say(Append("bad_from", None)), *self._end(), *self._begin()]

    def _undo(self, _: Values) -> Effects:
        """Take back what was said last."""
        kind = self.said.pop()
        self.answers.pop(kind, None)
        again = self._recount(1) if kind == "reject" and self.stage is Stage.SET else []
        return [Undo(), *again]

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
        self.answers, self.reps, self._recounts = {}, {}, False

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
