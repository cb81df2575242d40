"""How sure an angle is: 1 σ of the sensor chain, from causes that were measured.

Inclination of six-axis fusion gets worse with motion; an angle that rests on heading gets worse
with the time since its zero. What the segment axes cost comes from the calibration and is added by
who uses these. How far knee and skin may take an angle from the hip's own rotation no unit shows
and no calibration finds: that is anatomy and stands beside it (`hidden_deg`). Only what the shin's
skin of nearly everybody does to a straight leg's roll is in σ, because there it is the larger part
of the error.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from analysis.exercises import Exercise
from imu.quaternion import Number, Numbers

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
SIGMA_DRIFT_UNLEARNT_RAD_S = math.radians(0.5)
"""The same of units that saw no still second, and do not know the bias of their gyroscopes."""
BIAS_LEARNT_S = 1.0
"""One still second is enough: over 10 s, a rigid chain then drifts by what is said here."""
ROLL_SHARE = 0.03
"""Of a straight leg's roll, which is read through the shin's skin."""
KNEE_PLAY_DEG = 3.0
"""Frontal give of a bent knee, which moves the shin as the hip's rotation does. A knee that is not
held adds 6° in women, and in men 1.5° that are not significant, to passive rotation lying prone
(Harris-Hayes et al. 2007, Physiotherapy Theory and Practice 23:315-323, n = 10 each, read as an
abstract); half of the most is taken for active movement, which is ours."""
SHIN_SKIN_SHARE = 0.1
"""Of a straight leg's roll, what may be skin in anybody: assumed, not measured."""


class UnseenKnee(NamedTuple):
    """What a knee is off the angle that it is taken to have, where no unit sees it."""

    off_rad: float
    slope: float
    """The least that the thigh is taken to slope, as a sine: a level thigh needs no knee."""


KNEE_HELD = UnseenKnee(math.radians(8.0), 0.0)
"""Taken to keep the angle of the start pose, because that gives the common heading."""
KNEE_UNKNOWN = UnseenKnee(math.radians(10.0), math.sin(math.radians(15.0)))
"""Without a thigh unit, which would tell the slope too."""


def sigma_accelerometer(exercise: Exercise, tilt_rad: float | None = None) -> float:
    """Return the 1 σ (rad) that an uncalibrated accelerometer gives to an angle by gravity.

    `tilt_rad` is that of an inclination by the units that are worn; None: by common motion units.
    """
    worse = 1.0 if tilt_rad is None else tilt_rad / SIGMA_ACCELEROMETER_RAD
    absolute = exercise.zero == "absolute"
    return worse * (SIGMA_ACCELEROMETER_RAD if absolute else SIGMA_ACCELEROMETER_POSE_RAD)


def sigma_inclination(speed: Number, accelerometer: float, of: Numbers[Number]) -> Number:
    """Return the 1 σ (rad) of an inclination at an angular speed in rad/s."""
    slow = of.smaller(speed / SLOW_RAD_S, 1.0)
    fast = (speed - SLOW_RAD_S) / (FAST_RAD_S - SLOW_RAD_S)
    fast = of.smaller(of.larger(fast, 0.0), 1.0)
    motion = (
        SIGMA_STILL_RAD
        + (SIGMA_SLOW_RAD - SIGMA_STILL_RAD) * slow
        + (SIGMA_FAST_RAD - SIGMA_SLOW_RAD) * fast
    )
    return of.hypot(motion, accelerometer)


def sigma_knee(
    knee: UnseenKnee, moved: Number, hinge_up: Number, thigh_up: Number, of: Numbers[Number]
) -> Number:
    """Return the 1 σ (rad) that an unseen knee gives an angle by gravity.

    It enters as far as its axis is upright and the thigh slopes (their vertical components).
    `moved` is how far (rad) the common heading is from that of the start pose: units drift, or the
    knee has left its angle by as much.
    """
    off = of.hypot(moved, knee.off_rad)
    return off * abs(hinge_up) * of.larger(abs(thigh_up), knee.slope)


def sigma_drift(still_s: float) -> float:
    """Return the 1 σ (rad/s) that a heading drifts by, of units that kept still for so long."""
    return SIGMA_DRIFT_RAD_S if still_s >= BIAS_LEARNT_S else SIGMA_DRIFT_UNLEARNT_RAD_S


def sigma_heading(since_zero_s: Number, drift_rad_s: float, of: Numbers[Number]) -> Number:
    """Return the 1 σ (rad) of an angle that rests on heading, by the seconds since its zero."""
    return of.hypot(drift_rad_s * since_zero_s, SIGMA_RETURN_RAD)


def sigma_roll(rotation: Number, knee_flexion: Number, of: Numbers[Number]) -> Number:
    """Return the 1 σ (rad) that the shin's skin gives a rotation (rad), by the knee's angle.

    A bent knee shows the rotation by where the shin points, a straight one by how it rolls; where
    the angle is not known (NaN) nothing is added.
    """
    straight = of.cos(knee_flexion)
    return ROLL_SHARE * abs(rotation) * of.where(straight > 0.0, straight, 0.0)


def hidden_deg(exercise: Exercise, angle_deg: Number) -> Number:
    """Return how much of an angle (deg), or of each of several (n,), may be knee and skin, deg.

    A bent knee shows the rotation by where the shin points, a straight one by how it rolls. Who has
    less of knee play and loose skin is measured better than this says.
    """
    knee = math.radians(exercise.pose.knee_flexion_deg)
    skin_share = SHIN_SKIN_SHARE * max(math.cos(knee), 0.0)
    return KNEE_PLAY_DEG * max(math.sin(knee), 0.0) + skin_share * abs(angle_deg)
