"""Tell whether the wearer is in the exercise's start position.

Measured against the calibrated start pose, not against the book's: thigh elevation, shank
elevation, and the knee angle where gravity shows it.
"""

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from analysis.angle.leg_angles import LegAngles
from analysis.angle.leg_series import LegSeries
from analysis.calibrate.calibration import LegCalibration
from analysis.exercises import Exercise

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


def posture(angles: LegAngles, calibration: LegCalibration, exercise: Exercise) -> Posture:
    """Return the posture at one instant; unknown angles are AWAY."""
    thigh_max = math.radians(exercise.pose.thigh_tolerance_deg)
    knee_max = math.radians(exercise.pose.knee_tolerance_deg)
    if calibration.y_thigh is not None:
        if not abs(angles.thigh_elevation - calibration.thigh_elevation_rad) <= thigh_max:
            return THIGH if exercise.moves_thigh else AWAY
    elif math.isnan(angles.shank_elevation):
        return AWAY
    off_knee = math.remainder(angles.knee_flexion - calibration.knee_flexion_rad, 2 * math.pi)
    lost = abs(angles.hinge_up) < HINGE_SEEN_MAX and abs(off_knee) > KNEE_LOST_RAD
    if lost and not exercise.moves_thigh:
        return AWAY
    if abs(angles.shank_elevation - calibration.shank_elevation_rad) > SHANK_TOLERANCE_RAD:
        return THIGH
    if abs(angles.hinge_up) < HINGE_LEVEL_MAX and abs(off_knee) > knee_max:
        return THIGH
    off_roll = math.remainder(angles.rotation - calibration.start_rotation_rad, 2 * math.pi)
    steep = abs(angles.thigh_elevation) > ROLL_SEEN_MAX_RAD
    if exercise.angle == "gravity" and not steep and abs(off_roll) > ROLL_TOLERANCE_RAD:
        return THIGH
    return START


def postures(
    series: LegSeries, calibration: LegCalibration, exercise: Exercise
) -> npt.NDArray[np.int8]:
    """Return the posture (n,) over a whole recording: `posture` in numpy."""
    thigh_max = math.radians(exercise.pose.thigh_tolerance_deg)
    knee_max = math.radians(exercise.pose.knee_tolerance_deg)
    with np.errstate(invalid="ignore"):
        if calibration.y_thigh is not None:
            off_thigh = np.abs(series.thigh_elevation - calibration.thigh_elevation_rad)
            thigh = off_thigh <= thigh_max
        else:
            thigh = ~np.isnan(series.shank_elevation)
        off_shank = np.abs(series.shank_elevation - calibration.shank_elevation_rad)
        turn = 2 * np.pi
        off_knee = series.knee_flexion - calibration.knee_flexion_rad
        off_knee = np.abs(off_knee - turn * np.round(off_knee / turn))
        bent = (np.abs(series.hinge_up) < HINGE_LEVEL_MAX) & (off_knee > knee_max)
        off_roll = series.rotation - calibration.start_rotation_rad
        off_roll = np.abs(off_roll - turn * np.round(off_roll / turn))
        steep = np.abs(series.thigh_elevation) > ROLL_SEEN_MAX_RAD
        rolled = ~steep & (off_roll > ROLL_TOLERANCE_RAD) & (exercise.angle == "gravity")
        start = thigh & ~rolled & ~(off_shank > SHANK_TOLERANCE_RAD) & ~bent
        if exercise.moves_thigh:
            thigh = np.ones_like(thigh)
        else:
            lost = (np.abs(series.hinge_up) < HINGE_SEEN_MAX) & (off_knee > KNEE_LOST_RAD)
            thigh, start = thigh & ~lost, start & ~lost
    out: npt.NDArray[np.int8] = thigh.astype(np.int8) + start.astype(np.int8)
    return out
