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
        raise UserError(
            f"there is no plan {name!r}: give a TOML file, or one of {', '.join(routines())}"
        ) from None
    except OSError as error:
        raise UserError(
            f"plan {name!r} cannot be read ({error.strerror}); give a TOML file"
        ) from None
    except ValueError as error:
        raise UserError(
            f"{plain(name)} is no usable TOML: {plain(str(error))}; correct the file"
        ) from None
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
        raise UserError(f"this is no usable TOML: {plain(str(error))}; correct it") from None
    return replace(parse_plan(data, PASTED, *beside), sha256=sha256(text.encode()).hexdigest())


def parse_plan(data: dict[str, Any], file: str, *beside: Path) -> Plan:
    """Return the plan that a TOML document describes.

    Raises
    ------
    UserError
        Listing every problem of the document.
    """
    listed = data.get("items")
    problems = [
        f"{plain(key)} is unknown"
        for key in sorted(data.keys() - {"name", "items", "wearer", "note"})
    ]
    if not isinstance(listed, list) or not listed:
        problems.append("items is missing: write [[items]] with an exercise")
        listed = []
    if not isinstance(data.get("name", ""), str):
        problems.append(f"name = {shown(data['name'])} is not text")
    problems += [*_note_problems(data), *_wearer_problems(data.get("wearer", ""))]
    for number, item in enumerate(listed, 1):
        problems += [f"item {number}: {problem}" for problem in _problems(item, beside)]
    if problems:
        raise UserError(f"plan {file}: {'; '.join(problems)}")
    items = tuple(_item(item, beside) for item in listed)
    told = {key: data[key] for key in ("wearer", "note") if key in data}
    return Plan(name=data.get("name", file), items=items, **told)


def _note_problems(data: dict[str, Any]) -> list[str]:
    note = data.get("note", "")
    if isinstance(note, str) and len(note) <= NOTE_MAX:
        return []
    return [f"note = {shown(note)} is no text of at most {NOTE_MAX} characters"]


def _wearer_problems(wearer: Any) -> list[str]:  # noqa: ANN401 (any TOML value)
    if wearer == "":
        return []
    from hipturn.history.edits import (
        check_pseudonym,  # the recordings' reader only where one is named
    )

    try:
        check_pseudonym(wearer if isinstance(wearer, str) else shown(wearer))
    except UserError as error:
        return [f"wearer: {error}"]
    return []


def _goal_problems(goal: Any, exercise: Exercise | None) -> list[str]:  # noqa: ANN401 (any TOML value)
    if not isinstance(goal, dict) or goal.keys() - {"left", "right"}:
        return [f"goal_deg = {shown(goal)} is not like {{ left = 24, right = 28 }}"]
    if goal and exercise is not None and not exercise.is_counted:
        return [f"{exercise.id} has no degrees to aim at"]
    return [
        f"goal_deg.{side} = {shown(value)} is not degrees from 0 to {GOAL_MAX_DEG:g}"
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
        return ["is no table"]
    problems = [f"{plain(key)} is unknown" for key in sorted(item.keys() - KEYS)]
    exercise = _named(item.get("exercise", ""), beside, problems)
    problems += [*_note_problems(item), *_goal_problems(item.get("goal_deg", {}), exercise)]
    instead = item.get("instead", [])
    if isinstance(instead, list):
        for other in instead:
            _named(other, beside, problems)
    else:
        problems.append(f"instead = {shown(instead)} is no list of exercises")
    problems += [
        f"{key} = {shown(item[key])} is not true or false"
        for key in ("test", "active")
        if type(item.get(key, True)) is not bool
    ]
    if item.get("test") is True and exercise is not None and not exercise.has_hip_angle:
        problems.append(f"{exercise.id} measures no hip rotation, so it is no test of it")
    sides = item.get("sides", ["right"])
    if not (isinstance(sides, list) and sides and all(s in get_args(SideChoice) for s in sides)):
        problems.append(f"sides = {shown(sides)} is no list of left, right or both")
    elif exercise is not None and "both" in sides and not exercise.both_legs:
        problems.append(f"{exercise.id} is done with one leg at a time, not both")
    range_deg = item.get("range_deg", 0.0)
    if type(range_deg) not in (int, float) or not 0 <= range_deg <= 90:
        problems.append(f"range_deg = {shown(range_deg)} is not degrees from 0 to 90")
    for key, whole in (("sets", True), ("reps", True), ("hold_s", False), ("rest_s", False)):
        value = item.get(key, 1)
        kinds = (int,) if whole else (int, float)
        if type(value) not in kinds or not (1 if whole else 0) <= value <= 3600:
            what = "a whole number from 1 up" if whole else "seconds from 0 to 3600"
            problems.append(f"{key} = {shown(value)} is not {what}")
    return problems


def _named(named: Any, beside: tuple[Path, ...], problems: list[str]) -> Exercise | None:  # noqa: ANN401
    """Return the exercise that a plan names; None, with a problem, where there is none."""
    try:
        return own_exercises.find(named if isinstance(named, str) else shown(named), *beside)
    except CatalogueError as error:
        problems.append(str(error))
        return None
