"""The catalogue of exercises: load, validate, look up.

An exercise is a TOML file in `analysis/catalogue/`. Its start pose is given as joint angles of a
nominal wearer; what each unit should see of gravity there follows from them, so that pose checks,
posture gates and zero points have one source.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from imu.sample import Side

Array = npt.NDArray[np.float64]
CATALOGUE = Path(__file__).parent / "catalogue"
CHOICES = {
    "position": ("prone", "supine", "seated", "floor", "side_lying", "standing", "kneeling"),
    "mode": ("M1", "M2", "M3", "M4", "M5"),
    "angle": ("gravity", "heading"),
    "zero": ("absolute", "pose"),
}
ABOVE_ZERO = (
    "min_range_deg",
    "typical_range_deg",
    "onset_deg",
    "max_sigma_deg",
    "thigh_lift_fault_deg",
    "thigh_tolerance_deg",
    "knee_tolerance_deg",
)


class CatalogueError(Exception):
    """An exercise is unknown or its file is wrong; the sentence says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """The start pose of a nominal wearer, and how far from it still counts as being in it."""

    hip_flexion_deg: float
    hip_adduction_deg: float
    hip_rotation_deg: float
    knee_flexion_deg: float
    thigh_tolerance_deg: float
    knee_tolerance_deg: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """What the source prescribes for one side."""

    reps: tuple[int, int]
    sets: int = 1
    hold_s: tuple[float, float] = (0.0, 0.0)
    breaths: tuple[int, int] | None = None
    """Breaths that a hold lasts, where the source counts breaths; `hold_s` follows from them."""
    breath_s: float = 5.0
    """Seconds a breath, for the pacer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """One entry of the catalogue."""

    id: str
    name: str
    source: str
    position: str
    mode: Literal["M1", "M2", "M3", "M4", "M5"]
    angle: Literal["gravity", "heading"]
    zero: Literal["absolute", "pose"]
    """`absolute`: the inclinometer's zero (0° seated, 180° prone); `pose`: the start pose."""
    measured: str
    """What the number is, in a sentence for people."""
    rep: str
    """What one repetition is."""
    both_legs: bool
    """Whether both legs move together, so that one repetition takes both."""
    pose: Pose
    dose: Dose
    min_range_deg: float
    """Smaller movements are partial."""
    typical_range_deg: float
    """Expected range before the wearer's own is known."""
    onset_deg: float
    """Smallest movement that is looked at."""
    max_sigma_deg: float
    """Larger uncertainty empties the angle."""
    thigh_lift_fault_deg: float
    how: tuple[str, ...]
    cautions: tuple[str, ...]

    @property
    def zero_rad(self) -> float | None:
        """Return the fixed zero of the inclinometer angle, or None where the pose gives it."""
        if self.zero == "pose":
            return None
        return math.pi if self.position == "prone" else 0.0


def rotation_about(axis: int, angle_rad: float) -> Array:
    """Return the matrix that turns by an angle about axis 0 (x), 1 (y) or 2 (z), shape (3, 3)."""
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = c
    matrix[i, j], matrix[j, i] = -s, s
    return matrix


def level_pelvis(position: str, side: Side) -> Array:
    """Return the pelvis axes (columns x, y, z; earth frame, z up) of a level pelvis, heading 0.

    x points forwards, y to the head and z to the wearer's right (ISB; Wu et al. 2002). Lying on the
    side, the leg of interest is on top.
    """
    up, ahead, across = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0]), None
    if position == "prone":
        x, y = -up, ahead
    elif position == "supine":
        x, y = up, ahead
    elif position == "side_lying":
        z, y = side.sign * up, ahead
        return np.stack((np.cross(y, z), y, z), axis=1)
    else:
        x, y = ahead, up
    across = np.cross(x, y)
    return np.stack((x, y, across), axis=1)


def hip_matrix(flexion_deg: float, adduction_deg: float, rotation_deg: float, side: Side) -> Array:
    """Return the femur in the pelvis frame from ISB angles (intrinsic ZXY; Wu et al. 2002)."""
    return (
        rotation_about(2, math.radians(flexion_deg))
        @ rotation_about(0, side.sign * math.radians(adduction_deg))
        @ rotation_about(1, side.sign * math.radians(rotation_deg))
    )


def nominal_hip(exercise: Exercise, side: Side) -> Array:
    """Return the femur in the pelvis frame at the start pose of a nominal wearer."""
    pose = exercise.pose
    return hip_matrix(pose.hip_flexion_deg, pose.hip_adduction_deg, pose.hip_rotation_deg, side)


def nominal_up(exercise: Exercise, side: Side) -> tuple[Array, Array]:
    """Return earth's up in the frames of femur and shank at the nominal start pose, each (3,)."""
    femur = level_pelvis(exercise.position, side) @ nominal_hip(exercise, side)
    shank = femur @ rotation_about(2, -math.radians(exercise.pose.knee_flexion_deg))
    return femur[2], shank[2]


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
        raise CatalogueError(f"there is no exercise {exercise_id!r}: {hint}")
    path = CATALOGUE / f"{exercise_id}.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"exercise {exercise_id}: {path.name} is no TOML: {error}") from None
    return parse(data, exercise_id)


@cache
def ids() -> tuple[str, ...]:
    """Return the ids of all exercises, sorted."""
    return tuple(sorted(path.stem for path in CATALOGUE.glob("*.toml")))


def parse(data: dict[str, Any], exercise_id: str) -> Exercise:
    """Return the exercise that a TOML document describes.

    Raises
    ------
    CatalogueError
        Listing every problem of the document.
    """
    tables = {name: data.get(name, {}) for name in ("pose", "dose")}
    problems = [f"{name} is no table" for name, t in tables.items() if not isinstance(t, dict)]
    pose, dose = (table if isinstance(table, dict) else {} for table in tables.values())
    problems += [
        *_field_problems(data, Exercise, "", {"id"}),
        *_field_problems(pose, Pose, "pose.", set()),
        *_field_problems(dose, Dose, "dose.", set()),
    ]
    for key, allowed in CHOICES.items():
        if key in data and data[key] not in allowed:
            problems.append(f"{key} = {data[key]!r} is none of {', '.join(allowed)}")
    if problems:
        raise CatalogueError(f"exercise {exercise_id}: {'; '.join(problems)}")
    listed = {key: _tuples(value) for key, value in data.items() if key not in tables}
    prescribed = {key: _tuples(value) for key, value in dose.items()}
    return Exercise(id=exercise_id, pose=Pose(**pose), dose=Dose(**prescribed), **listed)


def _field_problems(
    data: dict[str, Any], kind: type[Exercise | Pose | Dose], prefix: str, given: set[str]
) -> list[str]:
    kinds = {field.name: str(field.type) for field in fields(kind) if field.name not in given}
    optional = {"sets", "hold_s", "breaths", "breath_s"}
    missing = [
        f"{prefix}{name} is missing" for name in sorted(kinds.keys() - optional - data.keys())
    ]
    unknown = [f"{prefix}{name} is unknown" for name in sorted(data.keys() - kinds.keys())]
    wrong = [
        f"{prefix}{name} = {value!r} is not {VALUES[kinds[name]][0]}"
        for name, value in data.items()
        if kinds.get(name) in VALUES and not VALUES[kinds[name]][1](value)
    ]
    low = [
        f"{prefix}{name} = {value!r} is not above 0"
        for name, value in data.items()
        if name in ABOVE_ZERO and _is_number(value) and value <= 0
    ]
    return missing + unknown + wrong + low


def _is_number(value: Any) -> bool:  # noqa: ANN401 (a TOML value is of any type)
    return type(value) in (int, float) and math.isfinite(value)


def _is_span(value: Any) -> bool:  # noqa: ANN401
    pair = isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))
    return pair and 0 <= value[0] <= value[1]


VALUES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "str": ("text", lambda value: isinstance(value, str)),
    "bool": ("true or false", lambda value: isinstance(value, bool)),
    "float": ("a number", _is_number),
    "int": ("a whole number from 1 up", lambda value: type(value) is int and value >= 1),
    "tuple[float, float]": ("a pair of numbers, the lower first", _is_span),
    "tuple[int, int]": (
        "a pair of whole numbers, the lower first",
        lambda value: _is_span(value) and all(type(part) is int for part in value),
    ),
    "tuple[int, int] | None": (
        "a pair of whole numbers, the lower first",
        lambda value: _is_span(value) and all(type(part) is int for part in value),
    ),
    "tuple[str, ...]": (
        "a list of texts",
        lambda value: isinstance(value, list) and all(isinstance(part, str) for part in value),
    ),
}
"""What a value of a field's type is called, and how to tell one."""


def _tuples(value: Any) -> Any:  # noqa: ANN401 (a TOML value is of any type)
    return tuple(value) if isinstance(value, list) else value
