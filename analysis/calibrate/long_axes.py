"""Long axes of thigh and shank in their units, from gravity in a still stand or start pose.

A still stand shows both: standing, y points up. Without a stand, the exercise's nominal start
pose is used in its place, with a wider uncertainty, if gravity lies across the knee's hinge
there; in the other start poses it says nothing about the long axes.
"""

from __future__ import annotations

import math

import numpy as np

from analysis.calibrate.checks import Check, at_most, not_found
from analysis.exercises import Exercise, level_pelvis, nominal_hip, nominal_up, rotation_about
from imu.quaternion import by_rows, conjugate, rotate
from imu.sample import FloatArray, Side

UP = np.array([0.0, 0.0, 1.0])
STILL_MAX_RAD = math.radians(3.0)
"""Sway of a standing wearer stays within this; a shift of the feet does not."""
HEADING_DRIFT_RAD_S = math.radians(0.2)
"""A heading without a magnetometer may drift this fast; that is no movement."""
POSE_MAX_RAD = math.radians(30.0)
"""How far a wearer's start pose may be from the nominal one."""
WELL_SEEN = 0.5
"""Below this share of gravity across the hinge, a pose says nothing about the shank's long axis."""
ALONG_THIGH = 0.9
"""Above this share of gravity along it, a thigh's long axis is gravity's direction."""
SIGMA_STAND_THIGH_RAD, SIGMA_STAND_SHANK_RAD = math.radians(7.0), math.radians(10.0)
"""How far from the vertical thigh and shank are in a stand: 3 to 14° and 9 to 13° on two people."""
SIGMA_THIGH_POSE_RAD = 0.05
"""How far from the vertical a nominally upright thigh is in a start pose: about 3°."""
SIGMA_SHANK_POSE_RAD = math.radians(1.0)
"""What the turn of the shank's long axis about the hinge, unknown by a few degrees, costs."""


def up_in_sensor(q: FloatArray) -> FloatArray:
    """Return earth's up in the sensor frame, shape (..., 3), of orientations (..., 4)."""
    return by_rows(rotate, by_rows(conjugate, q), UP)


def mean_up(q: FloatArray) -> FloatArray:
    """Return earth's mean up (3,) in the frame of a still sensor with orientations (n, 4)."""
    # The first quarter is left out: an on-board filter still settles after the movement before it.
    return unit(up_in_sensor(q[len(q) // 4 :]).mean(axis=0))


def check_still(
    q_thigh: FloatArray,
    q_shank: FloatArray,
    seconds: float,
    during: str,
    tilt_sigma_rad: float | None = None,
    *,
    thigh_worn: bool = True,
) -> Check:
    """Return the check that neither unit's orientation (n, 4 each) strayed from its mean.

    Turning about the vertical counts too, beyond the drift of a heading in that time. A unit that
    was turned into the position settles on what its accelerometer takes for the vertical there;
    where that is known to be off (`tilt_sigma_rad`, 1 σ), it may move by as much.
    """
    drift, units = HEADING_DRIFT_RAD_S * seconds, (q_thigh, q_shank)
    turns = [_largest_turn(q) - drift for q in units]
    strays = [_largest_stray(up_in_sensor(q)) for q in units]
    most = math.hypot(STILL_MAX_RAD, 2.0 * (tilt_sigma_rad or 0.0))
    name = f"{during} still"
    if thigh_worn and max(strays) <= most and min(turns) <= most < max(turns):
        # a leg that turns takes both units along
        segment = "thigh" if turns[0] > turns[1] else "shank"
        words = {"segment": segment, "seconds": f"{seconds:.0f}"}
        return at_most(name, max(turns) + drift, most, "heading runs", **words)
    return at_most(name, max(*strays, *turns), most, "moved", during=during)


def axes_from_stand(
    stand: tuple[FloatArray, FloatArray],
    pose: tuple[FloatArray, FloatArray],
    exercise: Exercise,
    side: Side,
) -> tuple[FloatArray, FloatArray, list[Check]]:
    """Return y (3,) of thigh and shank in their units, and how well the start pose fits them.

    `stand` and `pose` are the orientations (n, 4) of thigh and shank over the still periods.
    """
    y_thigh, y_shank = mean_up(stand[0]), mean_up(stand[1])
    checks = []
    expected = nominal_up(exercise, side)
    for segment, y, q, up in zip(
        ("thigh", "shank"), (y_thigh, y_shank), pose, expected, strict=True
    ):
        off = abs(angle_between(y, mean_up(q)) - math.acos(float(np.clip(up[1], -1.0, 1.0))))
        checks.append(
            at_most(
                f"{segment} pose angle",
                off,
                POSE_MAX_RAD,
                "wrong pose",
                segment=segment,
                exercise=exercise.name,
            )
        )
    return y_thigh, y_shank, checks


def axes_from_pose(
    pose: tuple[FloatArray, FloatArray],
    z_shank: FloatArray,
    exercise: Exercise,
    side: Side,
    *,
    worn: bool = True,
) -> tuple[tuple[FloatArray | None, FloatArray, FloatArray | None, float] | None, Check]:
    """Return the axes without a stand, or None where the start pose does not show them.

    `pose` are the orientations (n, 4) of thigh and shank, `worn` says whether the thigh has a unit.

    Returns
    -------
    tuple
        y of the thigh unit (3,) or None where it stays unknown, y of the shank unit (3,), the
        femur's y carried by the shank unit (3,) where the thigh's is None, their 1 σ in rad; and
        the check that says so.
    """
    thigh_up, shank_up = nominal_up(exercise, side)
    if math.hypot(shank_up[0], shank_up[1]) <= WELL_SEEN:
        return None, not_found("stand", "no stand, refused", exercise=exercise.name)
    check = not_found("stand", "no stand, wider", passed=True)
    # TRIAD about the hinge: turn the nominal pose about z until gravity is where it was measured.
    up = mean_up(pose[1])
    flat = unit(up - (up @ z_shank) * z_shank)
    nominal = math.atan2(shank_up[1], shank_up[0])
    forward = math.cos(nominal) * flat - math.sin(nominal) * np.cross(z_shank, flat)
    y_shank = np.cross(z_shank, forward)
    if worn and abs(thigh_up[1]) > ALONG_THIGH:
        y_thigh = math.copysign(1.0, thigh_up[1]) * mean_up(pose[0])
        return (y_thigh, y_shank, None, SIGMA_THIGH_POSE_RAD), check
    carried = carried_femur(y_shank, z_shank, exercise)
    return (None, y_shank, carried, SIGMA_SHANK_POSE_RAD), check


def carried_femur(y_shank: FloatArray, z_shank: FloatArray, exercise: Exercise) -> FloatArray:
    """Return the femur's long axis (3,) in the shank unit at the exercise's nominal knee angle."""
    knee = math.radians(exercise.pose.knee_flexion_deg)
    carried: FloatArray = math.cos(knee) * y_shank - math.sin(knee) * np.cross(y_shank, z_shank)
    return unit(carried)


def segment_axes(y: FloatArray, z: FloatArray) -> FloatArray:
    """Return axes as columns x, y, z (3, 3) from a long axis and a knee axis made perpendicular."""
    y = unit(y)
    z = unit(z - (z @ y) * y)
    return np.stack((np.cross(y, z), y, z), axis=1)


def pelvis_of(exercise: Exercise, side: Side, femur: FloatArray) -> FloatArray:
    """Return a level pelvis (columns x, y, z) turned to the heading that the start pose tells."""
    seen = femur @ nominal_hip(exercise, side).T
    level = level_pelvis(exercise.lies, side)
    m = level @ seen.T
    heading = math.atan2(m[0, 1] - m[1, 0], m[0, 0] + m[1, 1])
    turned: FloatArray = rotation_about(2, heading) @ level
    return turned


def angle_between(a: FloatArray, b: FloatArray) -> float:
    """Return the angle in rad between two unit vectors (3,)."""
    return math.acos(float(np.clip(a @ b, -1.0, 1.0)))


def tangents(v: FloatArray) -> FloatArray:
    """Return two unit vectors (2, 3) across a unit vector (3,) and each other."""
    first = unit(np.cross(v, np.eye(3)[int(np.argmin(np.abs(v)))]))
    return np.stack((first, np.cross(v, first)))


def unit(v: FloatArray) -> FloatArray:
    """Return a vector (3,) scaled to length one."""
    scaled: FloatArray = v / np.linalg.norm(v)
    return scaled


def _largest_turn(q: FloatArray) -> float:
    """Return the largest angle (rad) between orientations (n, 4) and their mean."""
    signed = q * np.where(q @ q[0] < 0.0, -1.0, 1.0)[:, None]
    mean = signed.mean(axis=0) / np.linalg.norm(signed.mean(axis=0))
    # the sine of half the angle, for the cosine of a small one has no digits left
    apart = np.linalg.norm(signed - mean, axis=1).max()
    return 4.0 * math.asin(min(1.0, float(apart) / 2.0))


def _largest_stray(directions: FloatArray) -> float:
    mean = unit(directions.mean(axis=0))
    return float(np.max(np.arccos(np.clip(directions @ mean, -1.0, 1.0))))
