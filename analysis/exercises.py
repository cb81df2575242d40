"""The catalogue of exercises: load, validate, look up.

An exercise is a TOML file in `analysis/catalogue/`. Its start pose is given as joint angles of a
nominal wearer; what each unit should see of gravity there follows from them, so that pose checks,
posture gates and zero points have one source.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.exercise import CatalogueError, Dose, Exercise, Pose
from analysis.exercise_file import merged, parse, plain, shown
from imu.sample import Side

__all__ = [
    "CATALOGUE",
    "Array",
    "CatalogueError",
    "Dose",
    "Exercise",
    "Pose",
    "hip_matrix",
    "ids",
    "level_pelvis",
    "load",
    "nominal_hip",
    "nominal_up",
    "parse",
    "rotation_about",
]

Array = npt.NDArray[np.float64]
CATALOGUE = Path(__file__).parent / "catalogue"


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
    femur = level_pelvis(exercise.lies, side) @ nominal_hip(exercise, side)
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
