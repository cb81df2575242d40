"""How sure an angle is: 1 σ of the sensor chain, from causes that were measured.

Inclination of six-axis fusion gets worse with motion; an angle that rests on heading gets worse
with the time since its zero. What the segment axes cost comes from the calibration and is added by
who uses these. Skin and knee play are anatomy, not sensors, and stand beside it
(`analysis.angle.anatomy`); only what the shin's skin of nearly everybody does to a straight leg's
roll is in here, because there it is the larger part of the error.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeVar

import numpy as np

from analysis.exercises import Exercise
from imu.sample import FloatArray

Number = TypeVar("Number", float, FloatArray)

# Inclination errors of six-axis fusion by class of motion (BROAD: still, slow, fast), widened by
# what an uncalibrated accelerometer adds (10 mg, a common data-sheet figure).
SIGMA_STILL_RAD = math.radians(0.5)
SIGMA_SLOW_RAD = math.radians(0.8)
SIGMA_FAST_RAD = math.radians(1.5)
SIGMA_ACCELEROMETER_RAD = math.radians(0.42)
SIGMA_ACCELEROMETER_POSE_RAD = math.radians(0.25)
"""What is left of it where the zero is the start pose, in which the same bias was."""
SLOW_RAD_S = math.radians(40.0)
FAST_RAD_S = math.radians(200.0)
# Heading since the last still return: what one return differs from the next, and the drift.
SIGMA_RETURN_RAD = math.radians(0.95)
SIGMA_DRIFT_RAD_S = math.radians(0.1)
ROLL_SHARE = 0.03
"""Of a straight leg's roll, which is read through the shin's skin."""


class UnseenKnee(NamedTuple):
    """What a knee is off the angle that it is taken to have, where no unit sees it."""

    off_rad: float
    slope: float
    """The least that the thigh is taken to slope, as a sine: a level thigh needs no knee."""


KNEE_HELD = UnseenKnee(math.radians(8.0), 0.0)
"""Taken to keep the angle of the start pose, because that gives the common heading."""
KNEE_UNKNOWN = UnseenKnee(math.radians(10.0), math.sin(math.radians(15.0)))
"""Without a thigh unit, which would tell the slope too."""


def sigma_accelerometer(exercise: Exercise) -> float:
    """Return the 1 σ (rad) that an uncalibrated accelerometer gives to an angle by gravity."""
    absolute = exercise.zero == "absolute"
    return SIGMA_ACCELEROMETER_RAD if absolute else SIGMA_ACCELEROMETER_POSE_RAD


def sigma_inclination(speed: float, accelerometer: float) -> float:
    """Return the 1 σ (rad) of an inclination at an angular speed in rad/s."""
    slow = min(speed / SLOW_RAD_S, 1.0)
    fast = min(max((speed - SLOW_RAD_S) / (FAST_RAD_S - SLOW_RAD_S), 0.0), 1.0)
    return math.hypot(_motion(slow, fast), accelerometer)


def sigma_inclinations(speed: FloatArray, accelerometer: float) -> FloatArray:
    """Return `sigma_inclination` of speeds (n,)."""
    slow = np.minimum(speed / SLOW_RAD_S, 1.0)
    fast = np.clip((speed - SLOW_RAD_S) / (FAST_RAD_S - SLOW_RAD_S), 0.0, 1.0)
    out: FloatArray = np.hypot(_motion(slow, fast), accelerometer)
    return out


def _motion(slow: Number, fast: Number) -> Number:
    """Return the error of a class of motion between still, slow and fast."""
    return (
        SIGMA_STILL_RAD
        + (SIGMA_SLOW_RAD - SIGMA_STILL_RAD) * slow
        + (SIGMA_FAST_RAD - SIGMA_SLOW_RAD) * fast
    )


def sigma_knee(knee: UnseenKnee, moved: float, hinge_up: float, thigh_up: float) -> float:
    """Return the 1 σ (rad) that an unseen knee gives an angle by gravity.

    It enters as far as its axis is upright and the thigh slopes (their vertical components).
    `moved` is how far (rad) the common heading is from that of the start pose: units drift, or the
    knee has left its angle by as much.
    """
    off = math.hypot(knee.off_rad, moved)
    return off * abs(hinge_up) * max(abs(thigh_up), knee.slope)


def sigma_knees(
    knee: UnseenKnee, moved: FloatArray, hinge_up: FloatArray, thigh_up: FloatArray
) -> FloatArray:
    """Return `sigma_knee` of rows (n,)."""
    off = np.hypot(knee.off_rad, moved)
    out: FloatArray = off * np.abs(hinge_up) * np.maximum(np.abs(thigh_up), knee.slope)
    return out


def sigma_heading(since_zero_s: float) -> float:
    """Return the 1 σ (rad) of an angle that rests on heading, by the seconds since its zero."""
    return math.hypot(SIGMA_RETURN_RAD, SIGMA_DRIFT_RAD_S * since_zero_s)


def sigma_headings(since_zero_s: FloatArray) -> FloatArray:
    """Return `sigma_heading` of seconds (n,)."""
    out: FloatArray = np.hypot(SIGMA_RETURN_RAD, SIGMA_DRIFT_RAD_S * since_zero_s)
    return out


def sigma_roll(rotation: float, knee_flexion: float) -> float:
    """Return the 1 σ (rad) that the shin's skin gives a rotation (rad), by the knee's angle.

    A bent knee shows the rotation by where the shin points, a straight one by how it rolls; where
    the angle is not known (NaN) nothing is added.
    """
    return ROLL_SHARE * abs(rotation) * max(0.0, math.cos(knee_flexion))


def sigma_rolls(rotation: FloatArray, knee_flexion: FloatArray) -> FloatArray:
    """Return `sigma_roll` of rotations and knee angles (n,)."""
    out: FloatArray = ROLL_SHARE * np.abs(rotation) * np.fmax(0.0, np.cos(knee_flexion))
    return out
