"""Plans: which exercises, on which sides, how many sets and repetitions, with how much rest.

A plan is a TOML file of the user's, or one of the ready-made routines that come with the package.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

from analysis.exercises import CatalogueError, Dose, Exercise
from analysis.exercises.catalogue import plain, shown
from hipturn import own_exercises
from hipturn.errors import UserError
from hipturn.words import Said, said_of
from imu.strict_toml import parse_toml, read_toml

ROUTINES = Path(__file__).parent / "routines"
SideChoice = Literal["left", "right", "both"]
MAX_BYTES = 65_536
REST_S = 60.0
"""Rest between sets, and between one side or exercise and the next, where a plan says nothing."""
KEYS = {
    "exercise", "sides", "sets", "reps", "hold_s", "rest_s", "range_deg", "test", "active",
    "instead", "note", "goal_deg",
}  # fmt: skip
PASTED = "pasted"
"""What a plan without a name is called where no file has one."""
NOTE_MAX = 500
"""Characters: what fits on a card."""
GOAL_MAX_DEG = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanItem:
    """One exercise of a plan; what is None follows the exercise's own dose."""

    exercise: str
    sides: tuple[SideChoice, ...] = ("right", "left")
    sets: int | None = None
    reps: int | None = None
    hold_s: float | None = None
    rest_s: float = REST_S
    range_deg: float = 0.0
    """The wearer's own range, where it is known: half of it is asked of a repetition."""
    test: bool = False
    """Whether a set of an exercise is made a test."""
    active: bool | None = None
    """Who moves the leg in a test: the wearer, or someone else; None where it is not told."""
    instead: tuple[str, ...] = ()
    """Exercises to choose from in place of this one."""
    note: str = ""
    """What the therapist says to it, for the card and the page."""
    goal_deg: Mapping[str, float] = field(default_factory=dict)
    """What to aim at, by leg, in degrees of the exercise's own angle."""
    beside: tuple[Path, ...] = ()
    """Folders whose `exercises/` may hold an own one."""

    def choosing(self, chosen: Sequence[str]) -> PlanItem:
        """Return the item with the exercise that is chosen among those it offers."""
        wanted = next((other for other in self.instead if other in chosen), None)
        if wanted is None:
            return self
        others = (self.exercise, *(other for other in self.instead if other != wanted))
        return replace(self, exercise=wanted, instead=others)

    @property
    def entry(self) -> Exercise:
        """Return the exercise itself."""
        return own_exercises.find(self.exercise, *self.beside)

    @property
    def dose(self) -> Dose:
        """Return the exercise's dose with what the plan changes."""
        dose = self.entry.dose
        reps = dose.reps if self.reps is None else (self.reps, self.reps)
        hold = dose.hold_s if self.hold_s is None else (self.hold_s, self.hold_s)
        breaths = dose.breaths if self.hold_s is None else None
        sets = dose.sets if self.sets is None else self.sets
        return replace(
            dose,
            reps=reps,
            hold_s=hold,
            breaths=breaths,
            sets=sets,
            given=True,
            range_deg=self.range_deg,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A routine, in order."""

    name: str
    items: tuple[PlanItem, ...]
    wearer: str = ""
    """A pseudonym; empty where it is anybody's."""
    note: str = ""
    """What the therapist says to all of it."""
    sha256: str = ""
    """Of its text, by which it is known again; empty where it came from no file."""

    def choosing(self, chosen: Sequence[str]) -> Plan:
        """Return the plan with the exercises that are chosen where an item offers several."""
        return replace(self, items=tuple(item.choosing(chosen) for item in self.items))


def routines() -> tuple[str, ...]:
    """Return the names of the ready-made plans, sorted."""
    return tuple(sorted(path.stem for path in ROUTINES.glob("*.toml")))


def load_plan(name: str, *beside: Path) -> Plan:
    """Return the plan of a file, or a ready-made one by its name.

    Own exercises are looked for in `exercises/` of the file's folder and of those `beside`.

    Raises
    ------
    UserError
        When there is no such plan, or listing every problem of its file.
    """
    path = ROUTINES / f"{name}.toml" if name in routines() else Path(name)
    try:
        data = read_toml(path, MAX_BYTES)
    except FileNotFoundError:
        known = ", ".join(routines())
        raise UserError(Said("plan_fault.none", name=repr(name), known=known)) from None
    except OSError as error:
        why = str(error.strerror)
        raise UserError(Said("plan_fault.unread", name=repr(name), why=why)) from None
    except ValueError as error:
        why = plain(str(error))
        raise UserError(Said("plan_fault.no_toml", name=plain(name), why=why)) from None
    plan = parse_plan(data, path.name, path.parent, *beside)
    return replace(plan, sha256=sha256(path.read_bytes()).hexdigest())


def read_plan(text: str, *beside: Path) -> Plan:
    """Return the plan of a text, as of a file that holds it.

    Raises
    ------
    UserError
        Listing every problem of it.
    """
    try:
        data = parse_toml(text)
    except ValueError as error:
        raise UserError(Said("plan_fault.text", why=plain(str(error)))) from None
    return replace(parse_plan(data, PASTED, *beside), sha256=sha256(text.encode()).hexdigest())


def parse_plan(data: dict[str, Any], file: str, *beside: Path) -> Plan:
    """Return the plan that a TOML document describes.

    Raises
    ------
    UserError
        Listing every problem of the document.
    """
    listed = data.get("items")
    unknown = sorted(data.keys() - {"name", "items", "wearer", "note"})
    problems: list[str] = [Said("plan_fault.unknown", key=plain(key)) for key in unknown]
    if not isinstance(listed, list) or not listed:
        problems.append(Said("plan_fault.no_items"))
        listed = []
    if not isinstance(data.get("name", ""), str):
        problems.append(Said("plan_fault.name", shown=shown(data["name"])))
    problems += [*_note_problems(data), *_wearer_problems(data.get("wearer", ""))]
    for number, item in enumerate(listed, 1):
        found = _problems(item, beside)
        problems += [Said("plan_fault.item", number=number, what=what) for what in found]
    if problems:
        raise UserError(Said("plan_fault.of", file=file, what=Said.together(problems, "; ")))
    items = tuple(_item(item, beside) for item in listed)
    told = {key: data[key] for key in ("wearer", "note") if key in data}
    return Plan(name=data.get("name", file), items=items, **told)


def _note_problems(data: dict[str, Any]) -> list[str]:
    note = data.get("note", "")
    if isinstance(note, str) and len(note) <= NOTE_MAX:
        return []
    return [Said("plan_fault.note", shown=shown(note), most=NOTE_MAX)]


def _wearer_problems(wearer: Any) -> list[str]:  # noqa: ANN401 (any TOML value)
    if wearer == "":
        return []
    from hipturn.history.edits import (
        check_pseudonym,  # the recordings' reader only where one is named
    )

    try:
        check_pseudonym(wearer if isinstance(wearer, str) else shown(wearer))
    except UserError as error:
        return [Said("plan_fault.wearer", why=said_of(error))]
    return []


def _goal_problems(goal: Any, exercise: Exercise | None) -> list[str]:  # noqa: ANN401 (any TOML value)
    if not isinstance(goal, dict) or goal.keys() - {"left", "right"}:
        return [Said("plan_fault.goals", shown=shown(goal), like="{ left = 24, right = 28 }")]
    if goal and exercise is not None and not exercise.is_counted:
        return [Said("plan_fault.no_degrees", exercise=exercise.id)]
    return [
        Said("plan_fault.goal", side=side, shown=shown(value), most=GOAL_MAX_DEG)
        for side, value in goal.items()
        if type(value) not in (int, float) or not 0 <= value <= GOAL_MAX_DEG
    ]


def _item(item: dict[str, Any], beside: tuple[Path, ...]) -> PlanItem:
    told: dict[str, Any] = {
        name: tuple(v) if isinstance(v, list) else v for name, v in item.items()
    }
    told["beside"] = beside
    both = own_exercises.find(item["exercise"], *beside).both_legs
    if both:
        told.setdefault("sides", ("both",))
    return PlanItem(**told)


def _problems(item: Any, beside: tuple[Path, ...]) -> list[str]:  # noqa: ANN401 (any TOML value)
    if not isinstance(item, dict):
        return [Said("plan_fault.no_table")]
    unknown = sorted(item.keys() - KEYS)
    problems: list[str] = [Said("plan_fault.unknown", key=plain(key)) for key in unknown]
    exercise = _named(item.get("exercise", ""), beside, problems)
    problems += [*_note_problems(item), *_goal_problems(item.get("goal_deg", {}), exercise)]
    instead = item.get("instead", [])
    if isinstance(instead, list):
        for other in instead:
            _named(other, beside, problems)
    else:
        problems.append(Said("plan_fault.instead", shown=shown(instead)))
    problems += [
        Said("plan_fault.not_bool", name=key, shown=shown(item[key]))
        for key in ("test", "active")
        if type(item.get(key, True)) is not bool
    ]
    if item.get("test") is True and exercise is not None and not exercise.has_hip_angle:
        problems.append(Said("plan_fault.no_test", exercise=exercise.id))
    sides = item.get("sides", ["right"])
    if not (isinstance(sides, list) and sides and all(s in get_args(SideChoice) for s in sides)):
        problems.append(Said("plan_fault.sides", shown=shown(sides)))
    elif exercise is not None and "both" in sides and not exercise.both_legs:
        problems.append(Said("plan_fault.one_leg", exercise=exercise.id))
    range_deg = item.get("range_deg", 0.0)
    if type(range_deg) not in (int, float) or not 0 <= range_deg <= 90:
        problems.append(Said("plan_fault.range", shown=shown(range_deg)))
    for key, whole in (("sets", True), ("reps", True), ("hold_s", False), ("rest_s", False)):
        value = item.get(key, 1)
        kinds = (int,) if whole else (int, float)
        if type(value) not in kinds or not (1 if whole else 0) <= value <= 3600:
            fault = "plan_fault.whole" if whole else "plan_fault.seconds"
            problems.append(Said(fault, name=key, shown=shown(value)))
    return problems


def _named(named: Any, beside: tuple[Path, ...], problems: list[str]) -> Exercise | None:  # noqa: ANN401
    """Return the exercise that a plan names; None, with a problem, where there is none."""
    try:
        return own_exercises.find(named if isinstance(named, str) else shown(named), *beside)
    except CatalogueError as error:
        problems.append(str(error))
        return None
