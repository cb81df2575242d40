"""What is counted: the hip's rotation, or what stands for it where two units cannot tell it.

A proxy is an angle that goes with the movement: how far the leg rolls, how high the thigh rises. It
is counted and shown under its own name, and the hip angle stays empty.
"""

from __future__ import annotations

import math

from analysis.angle.leg_angles import LegAngles
from analysis.angle.uncertainty import sigma_roll
from analysis.exercises.exercise import ELEVATIONS, ROLLS, Exercise
from analysis.leg import LegCalibration
from imu.quaternion import Number, Numbers

DEG = 180.0 / math.pi


def signal_of(
    angles: LegAngles[Number], exercise: Exercise, of: Numbers[Number]
) -> tuple[Number, Number]:
    """Return the counted angle and its 1 σ, in degrees; the angle is NaN where it is refused."""
    sigma = angles.sigma
    if exercise.signal in ROLLS:
        value = ROLLS[exercise.signal] * angles.rotation
        sigma = of.hypot(sigma, sigma_roll(value, angles.knee_flexion, of))
    else:
        value = ELEVATIONS[exercise.signal] * angles.thigh_elevation
        # A steep thigh hides its roll, by one over this cosine, but not its elevation.
        sigma = sigma * of.cos(angles.thigh_elevation)
    return of.where(sigma <= exercise.max_sigma_deg / DEG, value * DEG, math.nan), sigma * DEG


def pelvis_share_deg(
    angles: LegAngles[Number], exercise: Exercise, before_deg: float, of: Numbers[Number]
) -> Number:
    """Return what the pelvis added to the counted angle, in degrees; 0 to what is no rotation.

    Where its unit has a gap it is the last known share, given as `before_deg` for the first frame.
    """
    share_deg = ROLLS.get(exercise.signal, 0.0) * angles.pelvis_rotation * DEG
    return of.hold(share_deg == share_deg, share_deg, before_deg)


def start_level_deg(calibration: LegCalibration, exercise: Exercise) -> float:
    """Return the counted angle in the calibrated start pose, where counting starts from."""
    if exercise.signal in ELEVATIONS:
        return ELEVATIONS[exercise.signal] * calibration.thigh_elevation_rad * DEG
    if exercise.zero == "pose" or exercise.angle == "heading":
        return 0.0
    return ROLLS[exercise.signal] * calibration.start_rotation_rad * DEG
