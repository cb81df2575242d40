"""Load an exercise of the catalogue, or say which one was meant.

An exercise is a TOML file in `analysis/exercises/catalogue/`. Its start pose is given as joint
angles of a nominal wearer; what each unit should see of gravity there follows from them
(`analysis.exercises.exercise`), so that pose checks, posture gates and zero points have one
source.
"""

from __future__ import annotations

import difflib
import itertools
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path
from typing import Any

from analysis.exercises.exercise import CHOICES, STOP, CatalogueError, Dose, Exercise, Pose

TABLES = ("pose", "dose")
FORMER_MODES = {"M1": "gravity", "M2": "proxy", "M3": "heading", "M4": "hold", "M5": "timer"}
"""What the modes were called up to version 0.1; own files may still say so."""
LONGEST_SHOWN = 120  # characters of a file in one sentence
LARGEST = 1e9  # of a number in a file: degrees and seconds are far below
ABOVE_ZERO = (
    "min_range_deg", "typical_range_deg", "onset_deg", "max_sigma_deg", "peak_rest_max_s",
    "thigh_lift_fault_deg", "thigh_swing_fault_deg", "knee_fault_deg", "thigh_tolerance_deg",
    "knee_tolerance_deg", "breath_s",
)  # fmt: skip
COUNTED_NEED = (
    "angle", "zero", "both_legs", "min_range_deg", "typical_range_deg", "onset_deg",
    "max_sigma_deg",
)  # fmt: skip
POSE_NEEDS = tuple(field.name for field in fields(Pose) if field.name.endswith("_deg"))


def merged(own: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    """Return a document that takes from another whatever it does not say itself."""
    out = {**base, **own}
    for name in TABLES:
        tables = own.get(name), base.get(name)
        if all(isinstance(table, dict) for table in tables):
            out[name] = {**base[name], **own[name]}
    return out


def parse(data: dict[str, Any], exercise_id: str, known_problems: Sequence[str] = ()) -> Exercise:
    """Return the exercise that a TOML document describes.

    Raises
    ------
    CatalogueError
        Listing every problem of the document, after those that are known already.
    """
    data = _in_words(data)
    tables = {name: data.get(name, {}) for name in TABLES}
    problems = list(known_problems)
    problems += [f"{name} is no table" for name, t in tables.items() if not isinstance(t, dict)]
    pose, dose = (table if isinstance(table, dict) else {} for table in tables.values())
    counted = data.get("mode") not in ("hold", "timer", "free")
    timed = data.get("mode") == "timer"
    problems += [
        *_field_problems(data, Exercise, "", COUNTED_NEED if counted else ()),
        *_field_problems(pose, Pose, "pose.", () if timed else POSE_NEEDS),
        *_field_problems(dose, Dose, "dose.", ("reps",) if counted else ("hold_s",)),
    ]
    problems += [
        f"{key} = {shown(value)} is none of {', '.join(filter(None, CHOICES[key]))}"
        for key, value in {**pose, **data}.items()
        if key in CHOICES and value not in CHOICES[key]
    ]
    proxy = data.get("signal", "hip_rotation") != "hip_rotation"
    if data.get("mode") == "proxy" and not proxy:
        problems.append("signal is missing: a proxy says what it counts")
    problems += _contradictions(data, pose, dose)
    if problems:
        raise CatalogueError(f"exercise {exercise_id}: {'; '.join(problems)}")
    listed = {key: _tuples(value) for key, value in data.items() if key not in tables}
    if STOP not in listed["cautions"]:
        listed["cautions"] = (*listed["cautions"], STOP)
    prescribed = {key: _tuples(value) for key, value in dose.items()}
    return Exercise(id=exercise_id, pose=Pose(**pose), dose=Dose(**prescribed), **listed)


def parse_own(data: dict[str, Any], exercise_id: str, problems: Sequence[str]) -> Exercise:
    """Return the exercise of a user's own document, which may be `like` one of the catalogue.

    Raises
    ------
    CatalogueError
        Listing every problem of the document, after those that are known already.
    """
    base, found = data.get("like"), list(problems)
    if base is None:
        return parse(data, exercise_id, found)
    if base not in ids():
        near = difflib.get_close_matches(base, ids(), n=1) if isinstance(base, str) else []
        hint = f", did you mean {near[0]}" if near else ""
        found.append(f"like = {shown(base)} is no exercise of the catalogue{hint}")
        return parse({**data, "like": ""}, exercise_id, found)
    return parse(merged(data, _document(base)) | {"like": base}, exercise_id, found)


def document_of(exercise: Exercise) -> dict[str, Any]:
    """Return the document that describes an exercise, as plain JSON values; `parse` reads it."""
    needed = {*POSE_NEEDS, "reps", "hold_s", *(COUNTED_NEED if exercise.is_counted else ())}

    def said(of: Exercise | Pose | Dose) -> dict[str, Any]:
        told = {field.name: (getattr(of, field.name), field.default) for field in fields(of)}
        return {
            name: said(value) if isinstance(value, Pose | Dose) else _listed(value)
            for name, (value, usual) in told.items()
            if name != "id" and (value != usual or name in needed)
        }

    return said(exercise)


def _listed(value: Any) -> Any:  # noqa: ANN401 (a field's value)
    return list(value) if isinstance(value, tuple) else value


def _contradictions(data: dict[str, Any], pose: dict[str, Any], dose: dict[str, Any]) -> list[str]:
    """Return what no exercise can be, though each word and number may stand by itself."""
    problems = [f"{name} is empty" for name in ("name", "measured", "rep") if data.get(name) == ""]
    problems += [
        f"pose.{name} = {shown(value)} is not from -180 to 180"
        for name, value in pose.items()
        if name.endswith("_deg") and _is_number(value) and abs(value) > 180.0
    ]
    sizes = [
        (name, data[name])
        for name in ("onset_deg", "min_range_deg", "typical_range_deg")
        if _is_number(data.get(name))
    ]
    problems += [
        f"{name} = {size:g} is above {larger_name} = {larger:g}"
        for (name, size), (larger_name, larger) in itertools.pairwise(sizes)
        if size > larger
    ]
    rotates = data.get("signal", "hip_rotation") == "hip_rotation"
    if data.get("both_ways") is True and not rotates:
        problems.append("both_ways is of hip rotation only, and signal is another")
    if data.get("circles") is True and data.get("signal") != "thigh_elevation":
        problems.append('circles need signal = "thigh_elevation"')
    if data.get("both_legs") is True and data.get("alternating") is True:
        problems.append("both_legs and alternating exclude each other")
    if data.get("zero") == "absolute" and data.get("angle") == "heading":
        problems.append("zero = 'absolute' needs angle = 'gravity': a heading has no zero")
    reps: Any = dose.get("reps")
    if _is_whole_span(reps) and reps[0] < 1:
        problems.append(f"dose.reps = {shown(reps)} begins below 1")
    return problems


def _in_words(data: dict[str, Any]) -> dict[str, Any]:
    """Return a document whose mode, if it is a former one, is called by its word."""
    mode = data.get("mode")
    return {**data, "mode": FORMER_MODES.get(mode, mode)} if isinstance(mode, str) else data


def _field_problems(
    data: dict[str, Any],
    kind: type[Exercise | Pose | Dose],
    prefix: str,
    needed: tuple[str, ...],
) -> list[str]:
    kinds = {field.name: str(field.type) for field in fields(kind) if field.name != "id"}
    always = {f.name for f in fields(kind) if f.default is MISSING and f.name in kinds} - {*TABLES}
    wanted = always | set(needed) | ({*TABLES} if kind is Exercise and needed else set())
    missing = [f"{prefix}{name} is missing" for name in sorted(wanted - data.keys())]
    unknown = [f"{prefix}{plain(name)} is unknown" for name in sorted(data.keys() - kinds.keys())]
    wrong = [
        f"{prefix}{name} = {shown(value)} is not {VALUES[kinds[name]][0]}"
        for name, value in data.items()
        if kinds.get(name) in VALUES and not VALUES[kinds[name]][1](value)
    ]
    low = [
        f"{prefix}{name} = {shown(value)} is not above 0"
        for name, value in data.items()
        if name in ABOVE_ZERO and _is_number(value) and value <= 0
    ]
    return missing + unknown + wrong + low


def shown(value: Any) -> str:  # noqa: ANN401 (a TOML value is of any type)
    """Return a value of a file for a sentence: on one line, not long."""
    try:
        return plain(repr(value))
    except ValueError:  # Python writes no number of thousands of digits
        return "a huge number"


def plain(text: str) -> str:
    """Return text of a file for a sentence: what would move a terminal's cursor is a blank."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return line if len(line) <= LONGEST_SHOWN else f"{line[:LONGEST_SHOWN]}…"


def _is_number(value: Any) -> bool:  # noqa: ANN401 (a TOML value is of any type)
    return type(value) in (int, float) and -LARGEST < value < LARGEST  # NaN is in no range


def _is_span(value: Any) -> bool:  # noqa: ANN401
    pair = isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))
    return pair and 0 <= value[0] <= value[1]


def _is_whole_span(value: Any) -> bool:  # noqa: ANN401
    return _is_span(value) and all(type(part) is int for part in value)


VALUES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "str": ("text", lambda value: isinstance(value, str)),
    "bool": ("true or false", lambda value: isinstance(value, bool)),
    "float": ("a number", _is_number),
    "int": ("a whole number from 1 up", lambda value: type(value) is int and value >= 1),
    "tuple[float, float]": ("a pair of numbers, the lower first", _is_span),
    "tuple[int, int]": ("a pair of whole numbers, the lower first", _is_whole_span),
    "tuple[int, int] | None": ("a pair of whole numbers, the lower first", _is_whole_span),
    "tuple[str, ...]": (
        "a list of texts",
        lambda value: isinstance(value, list) and all(isinstance(part, str) for part in value),
    ),
}
"""What a value of a field's type is called, and how to tell one."""


def _tuples(value: Any) -> Any:  # noqa: ANN401 (a TOML value is of any type)
    return tuple(value) if isinstance(value, list) else value


CATALOGUE = Path(__file__).parent / "catalogue"


@cache
def load(exercise_id: str) -> Exercise:
    """Return one exercise of the catalogue.

    Raises
    ------
    CatalogueError
        When there is no such exercise, or its file is wrong.
    """
    known = ids()
    if exercise_id not in known:
        near = difflib.get_close_matches(exercise_id, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "`hipturn exercises` lists them all"
        raise CatalogueError(f"there is no exercise {shown(exercise_id)}: {hint}")
    return parse(_document(exercise_id), exercise_id)


def _document(exercise_id: str) -> dict[str, Any]:
    """Return the TOML document of an exercise, with what it takes from another one."""
    path = CATALOGUE / f"{exercise_id}.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, nested too deeply
        raise CatalogueError(
            f"exercise {exercise_id}: {path.name} is no TOML: {plain(str(error))}"
        ) from None
    base = data.get("like")
    if base is None:
        return data
    if base not in ids() or base == exercise_id:
        raise CatalogueError(f"exercise {exercise_id}: like = {shown(base)} is no other exercise")
    original = tomllib.loads((CATALOGUE / f"{base}.toml").read_text(encoding="utf-8"))
    if "like" in original:
        raise CatalogueError(
            f"exercise {exercise_id}: like = {shown(base)} is itself like another; name that one"
        )
    return merged(data, original)


@cache
def ids() -> tuple[str, ...]:
    """Return the ids of all exercises, sorted."""
    return tuple(sorted(path.stem for path in CATALOGUE.glob("*.toml")))
