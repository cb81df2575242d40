"""What is counted: the hip's rotation, or what stands for it where two units cannot tell it.

A proxy is an angle that goes with the movement: how far the leg rolls, how high the thigh rises. It
is counted and shown under its own name, and the hip angle stays empty.
"""

from __future__ import annotations

import math

import numpy as np

from analysis.angle.leg_angles import LegAngles
from analysis.angle.leg_series import LegSeries
from analysis.angle.uncertainty import sigma_roll, sigma_rolls
from analysis.calibrate.calibration import LegCalibration
from analysis.exercises.exercise import ELEVATIONS, ROLLS, Exercise
from imu.sample import FloatArray

DEG = 180.0 / math.pi


def signal_of(angles: LegAngles, exercise: Exercise) -> tuple[float, float]:
    """Return the counted angle and its 1 σ at one instant, in degrees; NaN where refused."""
    sigma = angles.sigma
    if exercise.signal in ROLLS:
        value = ROLLS[exercise.signal] * angles.rotation
        sigma = math.hypot(sigma, sigma_roll(value, angles.knee_flexion))
    else:
        value = ELEVATIONS[exercise.signal] * angles.thigh_elevation
        # A steep thigh hides its roll, by one over this cosine, but not its elevation.
        sigma *= math.cos(angles.thigh_elevation)
    if not sigma <= exercise.max_sigma_deg / DEG:
        value = math.nan
    return value * DEG, sigma * DEG


def signal_series(series: LegSeries, exercise: Exercise) -> tuple[FloatArray, FloatArray]:
    """Return the counted angle and its 1 σ over a recording, (n,) each: `signal_of` in numpy."""
    sigma = series.sigma
    if exercise.signal in ROLLS:
        value = ROLLS[exercise.signal] * series.rotation
        sigma = np.hypot(sigma, sigma_rolls(value, series.knee_flexion))
    else:
        value = ELEVATIONS[exercise.signal] * series.thigh_elevation
        sigma = sigma * np.cos(series.thigh_elevation)
    with np.errstate(invalid="ignore"):
        known = sigma <= exercise.max_sigma_deg / DEG
    return np.where(known, value * DEG, np.nan), sigma * DEG


def pelvis_share_deg(angles: LegAngles, exercise: Exercise) -> float:
    """Return what the pelvis added to the counted angle, in degrees; 0 to what is no rotation."""
    return ROLLS.get(exercise.signal, 0.0) * angles.pelvis_rotation * DEG


def pelvis_shares_deg(series: LegSeries, exercise: Exercise) -> FloatArray:
    """Return what the pelvis added (n,): the last known where its unit has a gap, else nothing."""
    seen = np.flatnonzero(~np.isnan(series.pelvis_rotation))
    shares = np.zeros(len(series.pelvis_rotation))
    if len(seen):
        last = np.searchsorted(seen, np.arange(len(shares)), "right") - 1
        shares = np.where(last >= 0, series.pelvis_rotation[seen[np.maximum(last, 0)]], 0.0)
    return ROLLS.get(exercise.signal, 0.0) * shares * DEG


def start_level_deg(calibration: LegCalibration, exercise: Exercise) -> float:
    """Return the counted angle in the calibrated start pose, where counting starts from."""
    if exercise.signal in ELEVATIONS:
        return ELEVATIONS[exercise.signal] * calibration.thigh_elevation_rad * DEG
    if exercise.zero == "pose" or exercise.angle == "heading":
        return 0.0
    return ROLLS[exercise.signal] * calibration.start_rotation_rad * DEG
