"""Free movement: what a leg shows against gravity, without a start pose and without repetitions.

The elevation of the thigh needs its long axis; the bend of the knee and the thigh's turn about its
own axis need the knee's axis too. Both come from a calibration that is given, or from a marked
stand and marked knee bends; what neither tells stays empty. There is no hip rotation: nothing says
where the pelvis is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from analysis.angle.leg_angles import Speed, across, in_runs, knee_flexion, turned_back
from analysis.angle.uncertainty import SIGMA_ACCELEROMETER_RAD, sigma_inclination
from analysis.calibrate.calibration import CalibrationResult
from analysis.calibrate.checks import Check, not_found
from analysis.calibrate.given_axes import GivenAxes
from analysis.calibrate.knee_axis import find_hinge, knee_velocity, principal_axis
from analysis.calibrate.leg_axes import SIGMA_ABSOLUTE_RAD, turned
from analysis.calibrate.long_axes import (
    SIGMA_STAND_SHANK_RAD,
    SIGMA_STAND_THIGH_RAD,
    mean_up,
)
from analysis.calibrate.start_heading import heading_of_movement
from analysis.leg import LegFrames, Windows
from imu.quaternion import ARRAYS, wxyz, xyz
from imu.sample import FloatArray, Side

UPRIGHT_RAD = math.radians(30.0)
"""Nearer to the vertical a thigh hides its turn about its own axis from gravity."""
HEADING_SIGMA_RAD = math.radians(5.0)
"""How well the first seconds tell the common heading."""
WANDER_RAD_SQRT_S = math.radians(1.0)
"""How two headings part: a gyroscope's bias of 0.5 °/s that was not learnt, over seconds."""
ACROSS_SIGMA = math.radians(1.5)
"""How far from square a knee axis is to the femur, as a sine: inclination errors of both units."""
ONE_ERROR_S = 0.5
"""An error of inclination lasts about as long as a movement."""
BEGIN_S = 10.0
"""The first seconds tell the common heading; over longer ones it drifts."""
NO_LONGER = 3.0 * ACROSS_SIGMA
"""A heading that leaves a knee axis farther from square, over the first seconds after a long hole,
is that of a unit before it started anew."""
FRAMES_MIN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeAxes:
    """What is known of a leg's axes, in its units."""

    y_thigh: FloatArray
    y_shank: FloatArray
    z_shank: FloatArray | None
    """None where nothing shows the knee's axis."""
    sigma_thigh_rad: float
    sigma_shank_rad: float
    sigma_hinge_rad: float


class FreeAngles(NamedTuple):
    """A free leg over a whole recording, radians (n,); NaN where it is not known."""

    thigh_elevation: FloatArray
    thigh_elevation_sigma: FloatArray
    shank_elevation: FloatArray
    knee_flexion: FloatArray
    knee_flexion_sigma: FloatArray
    rotation: FloatArray
    """The thigh's turn about its own axis against gravity, positive inwards."""
    rotation_sigma: FloatArray


def free_axes(
    frames: LegFrames, windows: Windows, given: GivenAxes | None
) -> tuple[FreeAxes | None, CalibrationResult]:
    """Return what is known of the axes, None where nothing is, and what to say of it."""
    if given is not None and given.q_thigh is not None and frames.thigh_worn:
        axes, sigma = given.axes, given.sigma_rad
        assert axes.y_thigh is not None  # noqa: S101 (asked before)
        known = FreeAxes(
            y_thigh=axes.y_thigh, y_shank=axes.y_shank, z_shank=axes.z_shank,
            sigma_thigh_rad=sigma, sigma_shank_rad=sigma, sigma_hinge_rad=sigma,
        )  # fmt: skip
        return known, CalibrationResult(None, ())
    stand = frames.between(windows.stand) if windows.stand else None
    if stand is None or len(stand.time_s) < FRAMES_MIN or not frames.thigh_worn:
        return None, CalibrationResult(None, (not_found("stand", "no free axes"),))
    y_thigh, y_shank = mean_up(stand.q_thigh), mean_up(stand.q_shank)
    z_shank, sigma_hinge, checks = _hinge(frames, windows, y_thigh, y_shank)
    known = FreeAxes(
        y_thigh=y_thigh, y_shank=y_shank, z_shank=z_shank, sigma_thigh_rad=SIGMA_STAND_THIGH_RAD,
        sigma_shank_rad=SIGMA_STAND_SHANK_RAD, sigma_hinge_rad=sigma_hinge,
    )  # fmt: skip
    return known, CalibrationResult(None, tuple(checks))


def _hinge(
    frames: LegFrames, windows: Windows, y_thigh: FloatArray, y_shank: FloatArray
) -> tuple[FloatArray | None, float, list[Check]]:
    """Return the knee's axis in the shank unit from marked bends, with the thigh's turn taken off.

    Bends begin straight after a stand; in a squat the thigh moves as much as the shank.
    """
    bends = frames.between(windows.bends) if windows.bends else None
    missing = [not_found("knee bends", "no free bends", passed=True)]
    if bends is None or len(bends.time_s) < FRAMES_MIN:
        return None, math.nan, missing
    found = find_hinge(bends.time_s, bends.q_thigh, bends.q_shank, extends=False)
    z, sigma = found.axis, found.sigma_rad
    if z is None:
        return None, math.nan, missing
    for _ in range(3):  # the axis gives the heading, the heading a better axis
        heading, _ = heading_of_movement(
            turned(bends.q_thigh, y_thigh), turned(bends.q_shank, z), turned(bends.q_shank, y_shank)
        )
        velocity = knee_velocity(bends.time_s, bends.q_thigh, bends.q_shank, heading)
        better, _ = principal_axis(velocity)
        z = better if better @ z > 0.0 else -better
    return z, math.hypot(sigma, SIGMA_ABSOLUTE_RAD), []


def free_angles(axes: FreeAxes, frames: LegFrames, side: Side, max_sigma_rad: float) -> FreeAngles:
    """Return the angles of a free leg; a turn whose 1 σ is above a limit stays empty."""
    n = len(frames.time_s)
    known = ~(np.isnan(frames.q_thigh[:, 0]) | np.isnan(frames.q_shank[:, 0]))
    rows = np.flatnonzero(known)
    found = np.full((len(FreeAngles._fields), n), np.nan)
    if len(rows) >= FRAMES_MIN:
        found[:, rows] = _of_rows(axes, frames.rows(known), side, max_sigma_rad)
    return FreeAngles(*found)


def _of_rows(axes: FreeAxes, frames: LegFrames, side: Side, max_sigma_rad: float) -> FloatArray:
    y, shank_y = turned(frames.q_thigh, axes.y_thigh), turned(frames.q_shank, axes.y_shank)
    speed = Speed(ARRAYS).push(frames.time_s, wxyz(frames.q_thigh), wxyz(frames.q_shank))
    tilt_rad = frames.mounts.tilt_sigma_rad or SIGMA_ACCELEROMETER_RAD
    inclined = np.asarray(sigma_inclination(speed, tilt_rad, ARRAYS))
    thigh, shank = (np.arcsin(np.clip(-v[:, 2], -1.0, 1.0)) for v in (y, shank_y))
    thigh_sigma = np.hypot(inclined, axes.sigma_thigh_rad)
    if axes.z_shank is None:
        unknown = np.full(len(y), np.nan)
        return np.stack((thigh, thigh_sigma, shank, *[unknown] * 4))
    z = turned(frames.q_shank, axes.z_shank)
    delta, off_heading = follow_heading(frames.time_s, y, z, shank_y)
    femur = turned_back(xyz(y), np.cos(delta), np.sin(delta))
    hinge, _ = across(xyz(z), femur, ARRAYS)
    knee = knee_flexion(xyz(shank_y), femur, hinge, ARRAYS)
    long_axes = math.hypot(axes.sigma_thigh_rad, axes.sigma_shank_rad)
    knee_sigma = np.sqrt(2.0 * inclined**2 + (off_heading * np.abs(hinge[2])) ** 2 + long_axes**2)
    level = np.sqrt(np.maximum(1.0 - y[:, 2] ** 2, 1e-12))
    rotation = side.sign * np.arctan2(hinge[2], femur[0] * hinge[1] - femur[1] * hinge[0])
    rotation_sigma = np.hypot(inclined, axes.sigma_hinge_rad) / level
    hidden = (level < math.sin(UPRIGHT_RAD)) | (rotation_sigma > max_sigma_rad)
    rotation, rotation_sigma = (np.where(hidden, np.nan, v) for v in (rotation, rotation_sigma))
    return np.stack((thigh, thigh_sigma, shank, knee, knee_sigma, rotation, rotation_sigma))


def follow_heading(
    time_s: FloatArray, y: FloatArray, z: FloatArray, shank_y: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the turn of the shank unit's earth to the thigh unit's, and its 1 σ, rad (n,).

    The hinge stays across the femur: each instant says so, as far as a turn would change it, and a
    Kalman filter of one state follows. A free leg has no pose that would tell the two turns of one
    instant apart; the first seconds together do, and again after a long hole, if the heading of
    before does not fit any more.
    """
    # y · z with z turned by δ is a cos δ + b sin δ + c
    a, b = y[:, 0] * z[:, 0] + y[:, 1] * z[:, 1], y[:, 1] * z[:, 0] - y[:, 0] * z[:, 1]
    c = y[:, 2] * z[:, 2]
    delta, variance = np.empty(len(y)), np.empty(len(y))
    now, spread = math.nan, 0.0
    before_s = float(time_s[0])
    for run in in_runs(time_s):
        begin_s = float(time_s[run.start])
        ten_s = int(np.searchsorted(time_s, begin_s + BEGIN_S, "right"))
        first = slice(run.start, min(ten_s, run.stop))
        along = a[first] * math.cos(now) + b[first] * math.sin(now) + c[first]
        if not math.sqrt(np.mean(along**2)) <= NO_LONGER:  # at the beginning it is NaN
            now, _ = heading_of_movement(y[first], z[first], shank_y[first])
            spread, before_s = HEADING_SIGMA_RAD**2, begin_s
        columns = (column[run].tolist() for column in (time_s, a, b, c))
        for i, (t, a_i, b_i, c_i) in enumerate(zip(*columns, strict=True), run.start):
            step_s, before_s = max(t - before_s, 1e-6), t
            spread += WANDER_RAD_SQRT_S**2 * step_s
            cosine, sine = math.cos(now), math.sin(now)
            slope = b_i * cosine - a_i * sine
            # errors of half a second are one error: a sample counts for its share of that
            noise = ACROSS_SIGMA**2 * ONE_ERROR_S / step_s
            gain = spread * slope / (slope * slope * spread + noise)
            now -= gain * (a_i * cosine + b_i * sine + c_i)
            spread *= 1.0 - gain * slope
            delta[i], variance[i] = now, spread
    return delta, np.sqrt(variance)
