"""What the pelvis adds to the angle of the hip, from a unit strapped to it.

The hip's angle is read against gravity or against a pelvis frozen at the start pose, so a pelvis
that rolls or turns is counted with it, degree for degree. A unit on the pelvis shows how much: the
pelvis's own turn about the femur's long axis since the start pose. How the unit is mounted does not
matter for that, but the headings of its earth and of the shank unit's have to be tied together:

* lying down, the axis to the head, known from the stand, is level, and the start pose tells its
  heading;
* upright, gravity shows nothing that points forwards: the lean with which people sit down, or a
  bow, does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.calibrate.checks import Check, at_most, not_found
from analysis.calibrate.long_axes import angle_between, mean_up, unit, up_in_sensor
from analysis.exercises import Exercise, level_pelvis
from imu.quaternion import (
    Number,
    Numbers,
    Quaternion,
    Vector,
    Wxyz,
    Xyz,
    conjugate,
    multiply,
    rotate,
)
from imu.sample import FloatArray, Side

LYING = 0.5
"""Share of gravity across the pelvis's long axis above which it lies."""
LYING_MAX_RAD = math.radians(35.0)
"""How far the pelvis's long axis may be from level while it lies."""
LEAN_MIN_RAD = math.radians(12.0)
"""A smaller lean does not tell forwards from sideways."""
ONE_WAY_MIN = 0.9
"""Length of the mean direction of a lean: 1 when all of it went one way."""
FRAMES_MIN = 10
"""A window with fewer frames shows nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PelvisUnit:
    """How a unit on the pelvis reads."""

    up: Vector
    """Earth's up in the unit, in the start pose."""
    q_pose: Quaternion
    """The unit's orientation in the start pose."""
    heading_rad: float
    """Turn about the vertical that brings the unit's earth to the shank unit's."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> PelvisUnit:
        """Return what a session's file tells."""
        up, q_pose = tuple(data["up"]), tuple(data["q_pose"])
        return cls(up=up, q_pose=q_pose, heading_rad=data["heading_rad"])


def find_pelvis_unit(
    stand: FloatArray | None,
    between: FloatArray,
    pose: FloatArray,
    exercise: Exercise,
    side: Side,
    pelvis: FloatArray,
) -> tuple[PelvisUnit | None, Check]:
    """Return how the pelvis unit reads, None where its heading is unknown, and the check.

    Parameters
    ----------
    stand, between, pose
        Orientations (n, 4) of the unit while standing, from the stand to the start pose, and in the
        start pose; rows of NaN are skipped. None without a stand.
    exercise, side
        They tell how the pelvis lies in the start pose.
    pelvis
        Its axes as columns x, y, z (3, 3) in the start pose, in the shank unit's earth.
    """
    stand, between, pose = (
        q[~np.isnan(q[:, 0])] if q is not None else np.empty((0, 4)) for q in (stand, between, pose)
    )
    if len(pose) < FRAMES_MIN:
        return None, not_found("pelvis unit", "pelvis silent", passed=True)
    q_pose = _mean_orientation(pose)
    up = mean_up(pose)
    heading, check = _heading(stand, between, up, q_pose, exercise, side, pelvis)
    if heading is None and exercise.angle == "gravity":
        return None, check
    found = PelvisUnit(
        up=(float(up[0]), float(up[1]), float(up[2])),
        q_pose=q_pose,
        # a turn about the vertical, all that standing exercises need, reads the same from any north
        heading_rad=heading or 0.0,
    )
    return found, check


def _heading(
    stand: FloatArray,
    between: FloatArray,
    up: FloatArray,
    q_pose: Quaternion,
    exercise: Exercise,
    side: Side,
    pelvis: FloatArray,
) -> tuple[float | None, Check]:
    if len(stand) < FRAMES_MIN:
        return None, not_found("pelvis unit", "pelvis unknown", passed=True)
    long_axis = mean_up(stand)
    nominal = level_pelvis(exercise.position, side)[2]
    if math.hypot(nominal[0], nominal[2]) > LYING:
        off = abs(angle_between(long_axis, up) - math.pi / 2)
        check = at_most("pelvis pose angle", off, LYING_MAX_RAD, "pelvis upright")
        if check.passed:
            return _between(q_pose, long_axis, pelvis[:, 1]), check
        return None, replace(check, passed=True)  # it costs the pelvis's share, not the angle
    forward, lean = _forward(between, long_axis)
    if forward is None:
        return None, not_found("pelvis lean", "pelvis unknown", passed=True)
    check = Check(
        name="pelvis lean",
        value=math.degrees(lean),
        limit=math.degrees(LEAN_MIN_RAD),
        unit="deg",
        passed=True,
        sentence="",
    )
    return _between(q_pose, forward, pelvis[:, 0]), check


def _between(q_pose: Quaternion, axis: FloatArray, known: FloatArray) -> float:
    """Return the turn from an axis of the unit, in its own earth, to where that axis points."""
    seen = rotate(q_pose, (float(axis[0]), float(axis[1]), float(axis[2])))
    return math.remainder(
        math.atan2(float(known[1]), float(known[0])) - math.atan2(seen[1], seen[0]), 2 * math.pi
    )


def _forward(between: FloatArray, long_axis: FloatArray) -> tuple[FloatArray | None, float]:
    """Return forwards (3,) in the unit from the lean of the trunk, None without; and the lean."""
    if len(between) < FRAMES_MIN:
        return None, 0.0
    ups = up_in_sensor(between)
    lean = np.arccos(np.clip(ups @ long_axis, -1.0, 1.0))
    largest = float(lean.max())
    if largest < LEAN_MIN_RAD:
        return None, largest
    across = ups - (ups @ long_axis)[:, None] * long_axis
    across = across[lean > largest / 2]
    mean = (across / np.linalg.norm(across, axis=1, keepdims=True)).mean(axis=0)
    if np.linalg.norm(mean) < ONE_WAY_MIN:
        return None, largest
    # leaning forwards, the sky moves to the back of the unit
    return -unit(mean), largest


def _mean_orientation(q: FloatArray) -> Quaternion:
    still = q[len(q) // 4 :]
    mean = (still * np.where(still @ still[0] < 0.0, -1.0, 1.0)[:, None]).mean(axis=0)
    mean /= np.linalg.norm(mean)
    return (float(mean[0]), float(mean[1]), float(mean[2]), float(mean[3]))


def roll(pelvis: PelvisUnit, q: Wxyz[Number], y: Xyz[Number], of: Numbers[Number]) -> Number:
    """Return the pelvis's turn (rad) about a femur's long axis since the start pose, by gravity.

    Parameters
    ----------
    pelvis, q
        The unit and its orientation now.
    y
        The femur's long axis in the shank unit's earth; not vertical.
    of
        Whether q and y are of floats or of arrays.
    """
    ex, ey, wz = rotate(q, pelvis.up)
    c, s = math.cos(pelvis.heading_rad), math.sin(pelvis.heading_rad)
    wx, wy = c * ex - s * ey, s * ex + c * ey
    along = y[0] * wx + y[1] * wy + y[2] * wz
    return of.atan2(y[1] * wx - y[0] * wy, wz - y[2] * along)


def turn(pelvis: PelvisUnit, q: Wxyz[Number], y: Xyz[Number], of: Numbers[Number]) -> Number:
    """Return the pelvis's turn (rad) about a femur's long axis since the start pose, by heading.

    Parameters are those of `roll`.
    """
    w, ex, ey, ez = multiply(q, conjugate(pelvis.q_pose))
    c, s = math.cos(pelvis.heading_rad), math.sin(pelvis.heading_rad)
    along = (c * ex - s * ey) * y[0] + (s * ex + c * ey) * y[1] + ez * y[2]
    return of.wrap(2.0 * of.atan2(along, w))
