"""How thigh and shank slope, from every pose that says something: the stand, the start, the knee.

A stand has thigh and shank upright, a chair or the floor has the thigh level, and a straight knee
has both in line. People do none of it exactly, so each is believed as far as people were seen to be
off it, and what is left is the uncertainty of the thigh's elevation and of the knee's flexion. Both
long axes are turned about the knee's axis only: across it they are tied by the hinge
(`analysis.calibrate.start_heading`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from analysis.calibrate.long_axes import (
    SIGMA_STAND_SHANK_RAD,
    SIGMA_STAND_THIGH_RAD,
    WELL_SEEN,
    mean_up,
    segment_axes,
)
from analysis.exercises import Exercise, nominal_up, rotation_about
from analysis.leg import LegFrames
from imu.quaternion import by_rows, conjugate, rotate
from imu.sample import FloatArray, Side

SIGMA_POSE_THIGH_RAD = math.radians(7.0)
"""How far a thigh slopes off the nominal start pose: sitting ones are 5 to 10° off level."""
SIGMA_POSE_SHANK_RAD = math.radians(10.0)
STRAIGHT_KNEE_RAD = math.radians(20.0)
"""A nominal knee below this is straight: then both long axes are in line but for its bend."""
SIGMA_STRAIGHT_KNEE_RAD = math.radians(5.0)
"""How far a straight knee is off straight; people stand with 0 to 7°."""


class LongAxes(NamedTuple):
    """Long axes in the units and the 1 σ of what they show, rad."""

    y_thigh: FloatArray
    y_shank: FloatArray
    sigma_thigh_elevation_rad: float
    sigma_knee_flexion_rad: float


@dataclass(frozen=True, slots=True)
class Leg:
    """A leg's axes in its units before the poses are weighed, each (3,)."""

    y_thigh: FloatArray
    y_shank: FloatArray
    z_shank: FloatArray
    heading_rad: float
    """The turn that brings the shank unit's earth to the thigh unit's."""


def weighed(
    leg: Leg,
    stand: LegFrames,
    pose: LegFrames,
    exercise: Exercise,
    side: Side,
    rotation_sigma_rad: float,
) -> LongAxes:
    """Return the long axes that stand, start pose and straight knee agree on best.

    Parameters
    ----------
    leg
        Its axes as the stand and the hinge have them.
    stand, pose
        The frames of the two; a start pose that is the stand itself says nothing more.
    exercise, side
        They tell the nominal start pose.
    rotation_sigma_rad
        1 σ of the hip's rotation: the thigh's axis never moves it by more.
    """
    information = np.diag((SIGMA_STAND_THIGH_RAD**-2, SIGMA_STAND_SHANK_RAD**-2))
    wanted = np.zeros(2)
    tie = np.array((1.0, -1.0))  # turning the thigh's axis by ε bends the knee by ε
    straight = [(_knee(leg, stand), 0.0)]
    if pose.time_s[0] > stand.time_s[-1] or pose.time_s[-1] < stand.time_s[0]:
        thigh_off, shank_off = _off_pose(leg, pose, exercise, side)
        posed = ((thigh_off, SIGMA_POSE_THIGH_RAD), (shank_off, SIGMA_POSE_SHANK_RAD))
        for which, (off, sigma) in enumerate(posed):
            if off is not None:
                information[which, which] += sigma**-2
                wanted[which] += off / sigma**2
        nominal = math.radians(exercise.pose.knee_flexion_deg)
        if nominal < STRAIGHT_KNEE_RAD:
            straight.append((_knee(leg, pose), nominal))
    for knee, nominal in straight:
        information += np.outer(tie, tie) / SIGMA_STRAIGHT_KNEE_RAD**2
        wanted += tie * (nominal - knee) / SIGMA_STRAIGHT_KNEE_RAD**2
    covariance = np.linalg.inv(information)
    thigh, shank = (covariance @ wanted).tolist()
    z_thigh = _hinge_in_thigh(leg, pose)
    thigh = _no_further(leg.y_thigh, z_thigh, pose, thigh, rotation_sigma_rad)
    return LongAxes(
        _turned_about(z_thigh, leg.y_thigh, thigh),
        _turned_about(leg.z_shank, leg.y_shank, shank),
        math.sqrt(covariance[0, 0]),
        math.sqrt(float(tie @ covariance @ tie)),
    )


def _off_pose(
    leg: Leg, pose: LegFrames, exercise: Exercise, side: Side
) -> tuple[float | None, float | None]:
    """Return how far (rad) thigh and shank slope off the nominal pose; None where unseen."""
    nominal = nominal_up(exercise, side)
    pairs = (
        (leg.y_thigh, _hinge_in_thigh(leg, pose), pose.q_thigh, nominal[0]),
        (leg.y_shank, leg.z_shank, pose.q_shank, nominal[1]),
    )
    thigh, shank = (_between(mean_up(q) @ segment_axes(y, z), should) for y, z, q, should in pairs)
    return thigh, shank


def _between(up: FloatArray, should: FloatArray) -> float | None:
    """Return the turn about z (rad) from one direction to another, None where it is not seen."""
    if min(math.hypot(*up[:2]), math.hypot(*should[:2])) < WELL_SEEN:
        return None
    turn = math.atan2(should[0], should[1]) - math.atan2(up[0], up[1])
    return math.remainder(turn, 2 * math.pi)


def _knee(leg: Leg, part: LegFrames) -> float:
    """Return the knee's mean flexion (rad) over a step."""
    to_thigh = rotation_about(2, leg.heading_rad).T
    y = _mean(part.q_thigh, leg.y_thigh)
    x, y, _ = segment_axes(y, _mean(part.q_shank, leg.z_shank) @ to_thigh).T
    shank_y = _mean(part.q_shank, leg.y_shank) @ to_thigh
    return math.atan2(float(shank_y @ x), float(shank_y @ y))


def _hinge_in_thigh(leg: Leg, part: LegFrames) -> FloatArray:
    """Return the knee's axis in the thigh unit (3,) over a step."""
    z = by_rows(rotate, part.q_shank, leg.z_shank) @ rotation_about(2, leg.heading_rad).T
    seen = by_rows(rotate, by_rows(conjugate, part.q_thigh), z).mean(axis=0)
    return segment_axes(leg.y_thigh, seen)[:, 2]


def _mean(q: FloatArray, axis: FloatArray) -> FloatArray:
    out: FloatArray = by_rows(rotate, q, axis).mean(axis=0)
    return out


def _turned_about(z: FloatArray, y: FloatArray, angle_rad: float) -> FloatArray:
    x, _, z = segment_axes(y, z).T
    along = (y @ z) * z
    across = y - along
    sine = math.sin(angle_rad) * float(np.linalg.norm(across))
    turned: FloatArray = along + math.cos(angle_rad) * across - sine * x
    return turned


def _no_further(
    y: FloatArray, z: FloatArray, pose: LegFrames, angle_rad: float, most_rad: float
) -> float:
    """Return the turn of the long axis, less where it moves the hip's rotation too far."""
    up = mean_up(pose.q_thigh)

    def rotation(turn_rad: float) -> float:
        x, _, across = segment_axes(_turned_about(z, y, turn_rad), z).T
        return math.atan2(float(across @ up), float(x @ up))

    moved = abs(math.remainder(rotation(angle_rad) - rotation(0.0), 2 * math.pi))
    return angle_rad if moved <= most_rad else angle_rad * most_rad / moved
