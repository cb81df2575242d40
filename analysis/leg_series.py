"""The angles of one leg over a whole recording: `analysis.fusion` in numpy.

Live and batch give the same numbers; with `refine` a recording allows more than live, because what
comes later counts too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.exercises import Array, Exercise
from analysis.fusion import SPEED_SMOOTHING_S, hinge_rule
from analysis.heading import ReturnZero, hinge_heading
from analysis.leg import LegCalibration, LegFrames
from analysis.pelvis import roll_array, turn_array
from analysis.sigma import KNEE_UNKNOWN_RAD, SLOPE_UNKNOWN, sigma_headings, sigma_inclinations
from imu.quaternion import Vector, conjugate_array, multiply_array, rotate_array


@dataclass(frozen=True, slots=True)
class LegSeries:
    """`LegAngles` for a whole recording: one array (n,) per name."""

    rotation: Array
    sigma: Array
    flexion: Array
    adduction: Array
    knee_flexion: Array
    thigh_elevation: Array
    shank_elevation: Array
    hinge_up: Array
    speed: Array
    thigh_rotation: Array
    pelvis_rotation: Array
    across: Array
    hinge_residual: Array


def fuse_leg(
    calibration: LegCalibration,
    exercise: Exercise,
    rate_hz: float,
    frames: LegFrames,
    *,
    refine: bool = False,
) -> LegSeries:
    """Return the angles of one leg over a whole recording: `LegFusion` in numpy.

    With `refine` what comes later counts too: the common heading is taken from both sides, and the
    zero of an angle by heading runs straight from one still return to the next.
    """
    c, side = calibration, calibration.side.sign
    n = len(frames.time_s)
    known = ~(np.isnan(frames.q_thigh[:, 0]) | np.isnan(frames.q_shank[:, 0]))
    q_thigh = np.where(known[:, None], frames.q_thigh, np.nan)
    q_shank = np.where(known[:, None], frames.q_shank, np.nan)
    speed = _speeds(frames.time_s, q_thigh, q_shank, known)
    z, shank_y = _rotated(q_shank, c.z_shank), _rotated(q_shank, c.y_shank)
    z_thigh, residual = np.full((n, 3), np.nan), np.full(n, np.nan)
    if c.y_thigh is None:
        y = _rotated(q_shank, c.y_femur_in_shank or c.y_shank)
    else:
        thigh_y = _rotated(q_thigh, c.y_thigh)
        delta, residual = hinge_heading(
            hinge_rule(exercise, c, rate_hz), thigh_y, z, shank_y, two_sided=refine
        )
        y = _all_turned_back(thigh_y, delta)
        if c.z_thigh is not None:
            z_thigh = _all_turned_back(_rotated(q_thigh, c.z_thigh), delta)
    along = np.sum(z * y, axis=-1, keepdims=True)
    z = z - along * y
    z = z / np.sqrt(np.sum(z * z, axis=-1, keepdims=True))
    x = np.cross(y, z)
    axes = np.asarray(c.pelvis)
    raw, thigh = (_rotations(exercise, c, y, axis) for axis in (z, z_thigh))
    pelvis = _pelvis_rotations(exercise, c, y, frames.q_pelvis)
    if exercise.angle == "gravity":
        rotation, thigh = _wrap(raw - c.zero_rad), _wrap(thigh - c.zero_rad)
        sigma = sigma_inclinations(speed) / np.sqrt(np.maximum(1.0 - y[:, 2] ** 2, 1e-12))
        if c.y_thigh is None:
            slope = np.maximum(np.abs(y[:, 2]), SLOPE_UNKNOWN)
            sigma = np.hypot(sigma, KNEE_UNKNOWN_RAD * np.abs(z[:, 2]) * slope)
    else:
        rotation, sigma, offset = _rezeroed(c, frames.time_s, raw, speed, known, refine=refine)
        thigh = _wrap(thigh - offset)
        pelvis = _pelvis_rezeroed(c, frames.time_s, pelvis, speed)
    thigh_known = np.full(n, c.y_thigh is not None)
    return LegSeries(
        rotation=rotation,
        sigma=np.hypot(sigma, c.sigma_axes_rad),
        flexion=np.arctan2(-(y @ axes[0]), y @ axes[1]),
        adduction=side * np.arcsin(np.clip(y @ axes[2], -1.0, 1.0)),
        knee_flexion=np.where(
            thigh_known,
            np.arctan2(np.sum(shank_y * x, axis=-1), np.sum(shank_y * y, axis=-1)),
            np.nan,
        ),
        thigh_elevation=np.where(thigh_known, np.arcsin(np.clip(-y[:, 2], -1.0, 1.0)), np.nan),
        shank_elevation=np.arcsin(np.clip(-shank_y[:, 2], -1.0, 1.0)),
        hinge_up=z[:, 2],
        speed=speed,
        thigh_rotation=thigh,
        pelvis_rotation=pelvis,
        across=np.where(thigh_known, np.arcsin(np.clip(along[:, 0], -1.0, 1.0)), np.nan),
        hinge_residual=np.where(known, residual, np.nan),
    )


def _all_turned_back(v: Array, angle: Array) -> Array:
    """Return axes (n, 3) turned back about the vertical by angles (n,)."""
    c, s = np.cos(angle), np.sin(angle)
    return np.stack((c * v[:, 0] + s * v[:, 1], c * v[:, 1] - s * v[:, 0], v[:, 2]), axis=-1)


def _rotations(exercise: Exercise, c: LegCalibration, y: Array, z: Array) -> Array:
    """Return the angles (n,) of knee axes across long axes, by the definition, before any zero."""
    sign = c.side.sign
    if exercise.angle == "gravity":
        sine, cosine = z[:, 2], y[:, 0] * z[:, 1] - y[:, 1] * z[:, 0]
    else:
        p = np.asarray(c.pelvis[2])
        sine = np.sum(np.cross(y, p) * z, axis=-1)
        cosine = z @ p - (y @ p) * np.sum(y * z, axis=-1)
    out: Array = sign * np.arctan2(sine, cosine)
    return out


def _pelvis_rotations(
    exercise: Exercise, c: LegCalibration, y: Array, q_pelvis: Array | None
) -> Array:
    if c.pelvis_unit is None or q_pelvis is None:
        return np.full(len(y), np.nan)
    found = roll_array if exercise.angle == "gravity" else turn_array
    return c.side.sign * found(c.pelvis_unit, q_pelvis, y)


def _pelvis_rezeroed(c: LegCalibration, time_s: Array, raw: Array, speed: Array) -> Array:
    zero, out = ReturnZero(0.0, c.zeroed_s), np.full(len(raw), np.nan)
    for row in np.flatnonzero(~np.isnan(raw) & (time_s >= c.ready_s)).tolist():
        out[row] = zero.push(float(time_s[row]), float(raw[row]), float(speed[row]))
    return out


def _rezeroed(
    c: LegCalibration,
    time_s: Array,
    raw: Array,
    speed: Array,
    known: npt.NDArray[np.bool_],
    *,
    refine: bool,
) -> tuple[Array, Array, Array]:
    """Run the same `ReturnZero` over a recording; before calibration ended there is no angle."""
    zero = ReturnZero(c.zero_rad, c.zeroed_s)
    rotation, since_s, offset = (np.full(len(raw), np.nan) for _ in range(3))
    returns = [(zero.since_s, zero.offset_rad)]
    rows = np.flatnonzero(known & (time_s >= c.ready_s))
    columns = zip(
        rows.tolist(), time_s[rows].tolist(), raw[rows].tolist(), speed[rows].tolist(), strict=True
    )
    for row, t, angle, v in columns:
        rotation[row] = zero.push(t, angle, v)
        offset[row], since_s[row] = zero.offset_rad, zero.since_s
        if zero.since_s > returns[-1][0]:
            returns.append((zero.since_s, zero.target_rad))
    since = time_s - since_s
    if refine and len(rows):
        at_s, targets = (np.array(column) for column in zip(*returns, strict=True))
        offset[rows] = np.interp(time_s[rows], at_s, np.unwrap(targets))
        rotation[rows] = _wrap(raw[rows] - offset[rows])
        until = np.append(at_s, np.inf)[np.searchsorted(at_s, time_s[rows])] - time_s[rows]
        since[rows] = np.minimum(since[rows], until)
    sigma = np.where(np.isnan(since), np.nan, sigma_headings(since))
    return rotation, sigma, offset


def _speeds(time_s: Array, q_thigh: Array, q_shank: Array, known: npt.NDArray[np.bool_]) -> Array:
    rows = np.flatnonzero(known)
    speed = np.full(len(time_s), np.nan)
    if len(rows) == 0:
        return speed
    turn = np.zeros(len(rows))
    for q in (q_thigh[rows], q_shank[rows]):
        between = multiply_array(conjugate_array(q[:-1]), q[1:])[:, 1:]
        sine = np.minimum(1.0, np.sqrt(np.sum(between**2, axis=-1)))
        turn[1:] = np.maximum(turn[1:], 2.0 * np.arcsin(sine))
    dt = np.diff(time_s[rows])
    turn[1:] /= dt
    gain = -np.expm1(-np.concatenate(([0.0], dt)) / SPEED_SMOOTHING_S)
    smooth, smoothed = 0.0, []
    for now, share in zip(turn.tolist(), gain.tolist(), strict=True):
        smooth += share * (now - smooth)
        smoothed.append(smooth)
    speed[rows] = smoothed
    return speed


def _rotated(q: Array, axis: Vector) -> Array:
    return rotate_array(q, np.broadcast_to(np.asarray(axis), (len(q), 3)))


def _wrap(angle: Array) -> Array:
    return angle - 2.0 * np.pi * np.round(angle / (2.0 * np.pi))
