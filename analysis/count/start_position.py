"""Tell whether the wearer is in the exercise's start position.

Measured against the calibrated start pose, not against the book's: thigh elevation, shank
elevation, and the knee angle where gravity shows it.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Any, overload

from analysis.angle.leg_angles import LegAngles
from analysis.exercises import Exercise
from analysis.leg import LegCalibration
from imu.quaternion import Numbers
from imu.sample import FloatArray, IntArray

HINGE_LEVEL_MAX = math.sin(math.radians(45.0))
"""With the knee axis steeper than this the knee angle rests on heading and decides nothing."""
HINGE_SEEN_MAX = 0.95
"""With the knee axis steeper than this even a large change of the knee angle is not believed."""
KNEE_LOST_RAD = math.radians(50.0)
"""A knee that is off by more is in another movement."""
ROLL_TOLERANCE_RAD = math.radians(40.0)
"""A leg that is rolled by more lies another way, such as on the side instead of the back."""
ROLL_SEEN_MAX_RAD = math.radians(60.0)
"""A steeper thigh hides its roll."""
SHANK_TOLERANCE_RAD = math.radians(25.0)


class Posture(IntEnum):
    """How much of the start position the leg is in."""

    AWAY = 0
    THIGH = 1
    """The thigh is where the exercise wants it, or is meant to move; the rest may be on its way."""
    START = 2
    """The start position."""


AWAY, THIGH, START = Posture  # looking up a member costs as much as a comparison of angles


@overload
def posture(
    angles: LegAngles[float],
    calibration: LegCalibration,
    exercise: Exercise,
    of: Numbers[float],
) -> Posture: ...
@overload
def posture(
    angles: LegAngles[FloatArray],
    calibration: LegCalibration,
    exercise: Exercise,
    of: Numbers[FloatArray],
) -> IntArray: ...
def posture(
    angles: LegAngles[Any], calibration: LegCalibration, exercise: Exercise, of: Numbers[Any]
) -> Posture | IntArray:
    """Return the posture at an instant, or its number at each of n; unknown angles are AWAY."""
    thigh_max = math.radians(exercise.pose.thigh_tolerance_deg)
    knee_max = math.radians(exercise.pose.knee_tolerance_deg)
    off_shank = abs(angles.shank_elevation - calibration.shank_elevation_rad)
    if calibration.y_thigh is not None:
        off_thigh = abs(angles.thigh_elevation - calibration.thigh_elevation_rad)
        in_place = off_thigh <= thigh_max
    else:
        in_place = off_shank == off_shank  # False where NaN
    hinge_up = abs(angles.hinge_up)
    off_knee = abs(of.wrap(angles.knee_flexion - calibration.knee_flexion_rad))
    elsewhere = off_shank > SHANK_TOLERANCE_RAD
    elsewhere = elsewhere | ((hinge_up < HINGE_LEVEL_MAX) & (off_knee > knee_max))
    if exercise.angle == "gravity":
        off_roll = abs(of.wrap(angles.rotation - calibration.start_rotation_rad))
        steep = abs(angles.thigh_elevation) > ROLL_SEEN_MAX_RAD
        elsewhere = elsewhere | (off_roll > of.where(steep, math.inf, ROLL_TOLERANCE_RAD))
    near = of.where(elsewhere, THIGH, START)
    if exercise.moves_thigh:
        return of.where(in_place, near, THIGH)  # type: ignore[no-any-return]
    lost = (hinge_up < HINGE_SEEN_MAX) & (off_knee > KNEE_LOST_RAD)
    return of.where(lost, AWAY, of.where(in_place, near, AWAY))  # type: ignore[no-any-return]
