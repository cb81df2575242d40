"""The words of a visit: its stages, its steps in order, and what is to be done for it.

Nothing here does anything: `hipturn.visit` decides, `hipturn.session.visiting` carries out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, NamedTuple

from analysis.exercises import Exercise
from analysis.session.announcements import Announcement, Kind
from hipturn.plan import Plan, PlanItem, SideChoice
from hipturn.words import Said
from imu.sample import Side

AFTER_SET_S = 4.0
"""A set goes on so long after its dose, so that its last repetition is complete."""
LAST_CARD_S = 20.0
"""The last result stays this long before the summary: time to answer, short enough to wait for."""
MORE_REST_S = 30.0
"""What one tap adds to a rest: half of the usual one."""
CUES_S = (60, 30, 10, 5, 3, 2, 1)
"""Seconds left of a rest that are spoken."""
DELAY_S = 10
"""Time to lie down in, until another one is chosen."""

Values = dict[str, Any]
"""The checked values of a command."""
Status = Literal["not-started", "in-progress", "completed", "stopped", "cancelled"]
"""Of a step, in the words of FHIR."""


OPEN: tuple[Status, ...] = ("not-started", "in-progress")
Leg = tuple[int, SideChoice]
"""What one session holds: an item and a side, with all its sets."""


class Stage(StrEnum):
    """Where a visit is; in this order, but for what is left out or repeated."""

    HOME = "home"
    CHECK = "check"
    WEARER = "wearer"
    TODAY = "today"
    UNITS = "units"
    STRAPS = "straps"
    READY = "ready"
    COUNTDOWN = "countdown"
    CALIBRATE = "calibrate"
    SET = "set"
    RESULT = "result"
    SUMMARY = "summary"


IN_A_SESSION = (Stage.CALIBRATE, Stage.SET)


class Refused(Exception):  # noqa: N818 (it is no error: somebody tapped too early)
    """A command that is not possible now; the sentence says why."""


class Step(NamedTuple):
    """One set of one leg, or of both together."""

    item: int
    side: SideChoice
    set: int

    @property
    def sides(self) -> frozenset[Side]:
        """Return the legs that move."""
        return frozenset(Side if self.side == "both" else (Side(self.side),))

    @property
    def leg(self) -> Leg:
        """Return the session that it belongs to."""
        return self.item, self.side


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One exercise of a visit: what is asked for, and the exercise with that dose."""

    asked: PlanItem
    exercise: Exercise
    goal_deg: float | None = None
    """What was asked for, from the start position; None leaves it to the wearer's own goal."""
    is_endless: bool = False
    """Whether its session goes on until it is stopped, however many sets are done."""

    @classmethod
    def of(cls, asked: PlanItem, *, endless: bool = False) -> Item:
        """Return an item with the exercise that it names.

        Raises
        ------
        analysis.exercises.CatalogueError
            When there is no such exercise.
        """
        exercise = asked.entry
        return cls(
            asked=asked,
            exercise=exercise if endless else exercise.with_dose(asked.dose),
            is_endless=endless or exercise.is_free,
        )

    @property
    def goals_deg(self) -> Mapping[str, float]:
        """Return what is aimed at, by leg: as asked for here, else as the plan has it."""
        return self.asked.goal_deg if self.goal_deg is None else dict.fromkeys(Side, self.goal_deg)

    @property
    def sets(self) -> int:
        """Return how many sets of each side are asked for."""
        return 1 if self.is_endless else self.exercise.dose.sets

    def ends_set(self, said: Announcement) -> bool:
        """Return whether an announcement says that one leg's set is done."""
        if self.is_endless:
            return False
        if self.exercise.is_timed:
            return said.kind is Kind.HOLD_END
        wanted = "reps" if self.exercise.is_counted else "hold"
        return said.kind is Kind.TARGET_REACHED and said.reason == wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What is done in a visit, in order; without a plan it is one exercise."""

    items: tuple[Item, ...]
    name: str = ""
    """Of the plan; empty without one."""
    sha256: str = ""
    """Of the plan's text."""

    @classmethod
    def of(cls, plan: Plan) -> Course:
        """Return the course of a plan."""
        return cls(
            items=tuple(Item.of(item) for item in plan.items), name=plan.name, sha256=plan.sha256
        )

    @classmethod
    def one(cls, item: Item) -> Course:
        """Return the course of one exercise."""
        return cls(items=(item,))

    @property
    def only_asks(self) -> str:
        """Return why no units are needed, where all that is done is to answer questions."""
        if not all(item.exercise.is_timed and item.exercise.questions for item in self.items):
            return ""
        return Said("why.only_asks")

    def steps(self) -> list[Step]:
        """Return every step in order: all sets of a leg, the other leg, the next item."""
        return [
            Step(number, side, number_of_set)
            for number, item in enumerate(self.items)
            for side in item.asked.sides
            for number_of_set in range(1, item.sets + 1)
        ]


class Walk:
    """How far a course has been walked.

    Parameters
    ----------
    course
        What is to be done.
    done
        The legs of items that an earlier part of the visit has done.
    """

    def __init__(self, course: Course, done: frozenset[Leg] = frozenset()) -> None:
        self.course = course
        self.steps = course.steps()
        self.status: list[Status] = [
            "completed" if step.leg in done else "not-started" for step in self.steps
        ]
        open_ones = (i for i, status in enumerate(self.status) if status == "not-started")
        self.at = next(open_ones, len(self.steps) - 1)

    @property
    def step(self) -> Step:
        """Return the step that is done, was done last, or comes first."""
        return self.steps[self.at]

    @property
    def item(self) -> Item:
        """Return the exercise of the step."""
        return self.course.items[self.step.item]

    @property
    def next_step(self) -> Step | None:
        """Return the step after this one; None after the last."""
        later = self.later()
        return None if later is None else self.steps[later]

    @property
    def legs(self) -> int:
        """Return how many legs of items there are."""
        return len({step.leg for step in self.steps})

    @property
    def legs_done(self) -> int:
        """Return how many legs of items are over."""
        pairs = zip(self.steps, self.status, strict=True)
        return self.legs - len({step.leg for step, status in pairs if status in OPEN})

    def later(self) -> int | None:
        """Return the index of the next step that is to be done."""
        after = range(self.at + 1, len(self.steps))
        return next((i for i in after if self.status[i] == "not-started"), None)

    def leg_steps(self) -> list[int]:
        """Return the indices of the steps that share this step's session."""
        return [i for i, step in enumerate(self.steps) if step.leg == self.step.leg]

    def sets_left(self) -> int:
        """Return how many sets of this leg are to be done, with this one."""
        return 1 + sum(i > self.at and self.status[i] == "not-started" for i in self.leg_steps())

    def settle(self, indices: Iterable[int], status: Status) -> None:
        """Give a status to those steps that are not over."""
        for index in indices:
            if self.status[index] in OPEN:
                self.status[index] = status

    def turn_sides(self) -> None:
        """Take the leg of this step for the other one; the other, where asked for, comes later."""
        turned: dict[SideChoice, SideChoice] = {"left": "right", "right": "left", "both": "both"}
        first, item = self.leg_steps()[0], self.step.item
        for index in range(first, len(self.steps)):
            step = self.steps[index]
            if step.item == item:
                self.steps[index] = step._replace(side=turned[step.side])


class Unfinished(NamedTuple):
    """A visit that ended before its course did."""

    visit: str
    wearer: str
    virtual: bool
    course: Course
    done: frozenset[Leg]
    """The legs of items that are done."""

    @property
    def of(self) -> int:
        """Return how many there are to do."""
        return len({step.leg for step in self.course.steps()})


# -- effects: what the driver of a visit is to do ----------------------------------------------


class BeginSession(NamedTuple):
    """Record and follow a session of one item and side."""

    step: Step
    sets: int
    """How many sets of it are left to do."""
    bends: int | None = None
    """How many knee bends prove that the straps are where they were; None: all is calibrated."""


class EndSession(NamedTuple):
    """Close the recording; `Visit.session_ended` is told when that is done."""


class FindUnits(NamedTuple):
    """Find the units, open their links, and look at them at rest."""

    shake: bool = False
    """Whether to ask for shaking though it is known which unit goes where."""
    phones: tuple[str, ...] = ()
    """The segments that phones are worn on, in place of units on the air."""


class AdmitPhone(NamedTuple):
    """Give a place to the phone that asks for it, in place of the one that has it."""


class LeaveUnits(NamedTuple):
    """Close the links."""


class KeepNothing(NamedTuple):
    """Calibrate in full, whatever is known of the straps."""


class CheckUnits(NamedTuple):
    """Lead through the guided check of the units in range."""


class Reassign(NamedTuple):
    """Take the units as worn otherwise, in a running session from its first sample on."""

    how: Literal["swap", "other_leg"]


class Counting(NamedTuple):
    """Count nothing from now on, or count again, as a new set."""

    on: bool


class Mark(NamedTuple):
    """Mark this moment in the recording."""

    label: str


class Append(NamedTuple):
    """Add what somebody says of the set to the session's edits.

    Without a value it is of the last repetition (`reject`) or of this moment (`bad_from`).
    """

    kind: str
    value: int | str | None


class Undo(NamedTuple):
    """Take back what was appended last."""


class Recount(NamedTuple):
    """Show so many repetitions more, or fewer, in the set that runs."""

    by: int


class PutOff(NamedTuple):
    """Show a condition no more: somebody has looked, or will see to it later."""

    ident: str


class Say(NamedTuple):
    """Tell people: a key of the catalogue, without `visit.`, with its numbers and names."""

    key: str
    args: dict[str, Any]


Effect = (
    BeginSession
    | EndSession
    | FindUnits
    | LeaveUnits
    | KeepNothing
    | CheckUnits
    | Reassign
    | Counting
    | Mark
    | PutOff
    | Append
    | Undo
    | Recount
    | AdmitPhone
    | Say
)
Effects = list[Effect]


def one_item(
    exercise: str,
    side: SideChoice,
    beside: tuple[Path, ...] = (),
    test: bool = False,
    active: bool | None = None,
) -> PlanItem:
    """Return what is done without a plan: one set of an exercise on one side."""
    return PlanItem(
        exercise=exercise, sides=(side,), sets=1, beside=beside, test=test, active=active
    )


def changed(course: Course, asked: PlanItem, goal_deg: float | None = None) -> Course:
    """Return the course of one exercise that is asked for otherwise than in another one."""
    item = Item.of(asked, endless=course.items[0].is_endless)
    return Course.one(item if goal_deg is None else replace(item, goal_deg=goal_deg))
