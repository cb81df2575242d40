"""The angles of one leg over a whole recording: `analysis.angle.leg_angles` in numpy.

Live and batch give the same numbers; with `refine` a recording allows more than live, because what
comes later counts too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analysis.angle.hinge_heading import hinge_heading
from analysis.angle.leg_angles import SPEED_SMOOTHING_S, hinge_rule, unseen_knee
from analysis.angle.uncertainty import sigma_accelerometer, sigma_inclinations, sigma_knees
from analysis.angle.zero_series import Moving, pelvis_rezeroed, rezeroed, slopes_as_in_pose, wrapped
from analysis.calibrate.pelvis_unit import roll_array, turn_array
from analysis.count.angle_filter import followed
from analysis.exercises import Exercise
from analysis.leg import LegCalibration, LegFrames
from imu.quaternion import Vector
from imu.sample import FloatArray

SAME_GAIN = 1e-9
"""Shares that differ by less, relatively, are one: times of an eight-hour recording round so."""
BLOCK = 16_384
"""So many rows at a time fit into a processor's cache: faster than a whole hour at once."""
SHORT_RUN = 32
"""Shorter runs are not worth a filter."""


@dataclass(frozen=True, slots=True)
class LegSeries:
    """`LegAngles` for a whole recording: one array (n,) per name."""

    rotation: FloatArray
    sigma: FloatArray
    flexion: FloatArray
    adduction: FloatArray
    knee_flexion: FloatArray
    thigh_elevation: FloatArray
    shank_elevation: FloatArray
    hinge_up: FloatArray
    speed: FloatArray
    thigh_rotation: FloatArray
    pelvis_rotation: FloatArray
    across: FloatArray
    hinge_residual: FloatArray
    lost: FloatArray


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
    c, n = calibration, len(frames.time_s)
    known = ~(np.isnan(frames.q_thigh[:, 0]) | np.isnan(frames.q_shank[:, 0]))
    q_thigh, q_shank = (_by_part(q, known) for q in (frames.q_thigh, frames.q_shank))
    speed = _speeds(frames.time_s, q_thigh, q_shank, known)
    z, shank_y = _rotated(q_shank, c.z_shank), _rotated(q_shank, c.y_shank)
    delta, residual = np.full(n, c.heading_rad), np.full(n, np.nan)
    if c.y_thigh is None:
        y = _rotated(q_shank, c.y_femur_in_shank or c.y_shank)
    else:
        y = _rotated(q_thigh, c.y_thigh)
        rule = hinge_rule(exercise, c, rate_hz)
        delta, residual = hinge_heading(rule, y.T, z.T, shank_y.T, two_sided=refine)
    z_thigh = None if c.z_thigh is None else _rotated(q_thigh, c.z_thigh)
    parts = [
        _leg_axes(
            exercise, c, delta[part], y[:, part], z[:, part], shank_y[:, part],
            None if z_thigh is None else z_thigh[:, part],
            None if frames.q_pelvis is None else frames.q_pelvis[part],
        )
        for part in _blocks(n)
    ]  # fmt: skip
    seen = _Seen(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    lost = np.zeros(n)
    if exercise.angle == "gravity":
        rotation, thigh = wrapped(seen.raw - c.zero_rad), wrapped(seen.thigh - c.zero_rad)
        pelvis = seen.pelvis
        sigma = sigma_inclinations(speed, sigma_accelerometer(exercise))
        sigma /= np.sqrt(np.maximum(1.0 - seen.up**2, 1e-12))
        knee = unseen_knee(c, exercise)
        if knee is not None:
            moved = wrapped(delta - c.heading_rad)
            sigma = np.hypot(sigma, sigma_knees(knee, moved, seen.hinge_up, seen.up))
    else:
        in_pose = slopes_as_in_pose(c, seen.up, seen.shank_elevation)
        moving = Moving(frames.time_s, seen.raw, speed, in_pose, known)
        rotation, sigma, offset, lost = rezeroed(c, moving, refine=refine)
        thigh = wrapped(seen.thigh - offset)
        pelvis = pelvis_rezeroed(c, moving._replace(raw=seen.pelvis))
    return LegSeries(
        rotation=rotation,
        sigma=np.hypot(sigma, c.sigma_axes_rad),
        flexion=seen.flexion,
        adduction=seen.adduction,
        knee_flexion=seen.knee_flexion,
        thigh_elevation=seen.thigh_elevation,
        shank_elevation=seen.shank_elevation,
        hinge_up=seen.hinge_up,
        speed=speed,
        thigh_rotation=thigh,
        pelvis_rotation=pelvis,
        across=seen.across,
        hinge_residual=np.where(known, residual, np.nan),
        lost=np.where(known, lost, np.nan),
    )


class _Seen(NamedTuple):
    """What the axes of a leg show at each instant by themselves, (n,) each; radians."""

    raw: FloatArray
    """The rotation before any zero."""
    thigh: FloatArray
    """The same as the thigh unit alone shows it."""
    pelvis: FloatArray
    flexion: FloatArray
    adduction: FloatArray
    knee_flexion: FloatArray
    thigh_elevation: FloatArray
    shank_elevation: FloatArray
    hinge_up: FloatArray
    across: FloatArray
    up: FloatArray
    """Vertical component of the femur's long axis."""


def _leg_axes(
    exercise: Exercise,
    c: LegCalibration,
    delta: FloatArray,
    y: FloatArray,
    z: FloatArray,
    shank_y: FloatArray,
    z_thigh: FloatArray | None,
    q_pelvis: FloatArray | None,
) -> _Seen:
    """Return what axes (3, n) show; the thigh unit's are turned back by delta (n,)."""
    unknown = np.full(delta.shape, np.nan)
    thigh = unknown
    if c.y_thigh is not None:
        cosine, sine = np.cos(delta), np.sin(delta)
        y = _all_turned_back(y, cosine, sine)
    along = _dot(z, y)
    z = z - along * y
    z /= np.sqrt(_dot(z, z))
    if c.y_thigh is not None and z_thigh is not None:
        thigh = _rotations(exercise, c, y, _all_turned_back(z_thigh, cosine, sine))
    ahead, upwards, aside = (_dot(y, axis) for axis in c.pelvis)
    two_units = c.y_thigh is not None
    return _Seen(
        raw=_rotations(exercise, c, y, z),
        thigh=thigh,
        pelvis=_pelvis_rotations(exercise, c, y.T, q_pelvis),
        flexion=np.arctan2(-ahead, upwards),
        adduction=c.side.sign * np.arcsin(np.clip(aside, -1.0, 1.0)),
        knee_flexion=_knee_flexion(shank_y, y, z) if two_units else unknown,
        thigh_elevation=_elevation(y) if two_units else unknown,
        shank_elevation=_elevation(shank_y),
        hinge_up=z[2],
        across=np.arcsin(np.clip(along, -1.0, 1.0)) if two_units else unknown,
        up=y[2],
    )


def _blocks(n: int) -> list[slice]:
    """Return the rows of a recording in blocks; one for a recording without any."""
    return [slice(first, first + BLOCK) for first in range(0, max(n, 1), BLOCK)]


def _by_part(q: FloatArray, known: npt.NDArray[np.bool_]) -> FloatArray:
    """Return orientations (n, 4) as w, x, y, z (4, n), NaN where the leg is not known.

    Vectors here are (3, n), because numpy is twice as fast along a part as across the parts.
    """
    out: FloatArray = np.where(known, q.T, np.nan)
    return out


def _dot(a: FloatArray, b: FloatArray | Vector) -> FloatArray:
    """Return the scalar products (n,) of vectors (3, n) with vectors (3, n), or with one (3,)."""
    out: FloatArray = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    return out


def _elevation(long_axis: FloatArray) -> FloatArray:
    """Return how far the foot-side end of long axes (3, n) is above the level."""
    out: FloatArray = np.arcsin(np.clip(-long_axis[2], -1.0, 1.0))
    return out


def _knee_flexion(shank_y: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
    """Return the angle (n,) between the long axes of femur and shank about the knee's axis."""
    x = (y[1] * z[2] - y[2] * z[1], y[2] * z[0] - y[0] * z[2], y[0] * z[1] - y[1] * z[0])
    out: FloatArray = np.arctan2(_dot(shank_y, x), _dot(shank_y, y))
    return out


def _all_turned_back(v: FloatArray, cosine: FloatArray, sine: FloatArray) -> FloatArray:
    """Return axes (3, n) turned back about the vertical by angles (n,)."""
    return np.stack((cosine * v[0] + sine * v[1], cosine * v[1] - sine * v[0], v[2]))


def _rotations(exercise: Exercise, c: LegCalibration, y: FloatArray, z: FloatArray) -> FloatArray:
    """Return the angles (n,) of knee axes across long axes, by the definition, before any zero."""
    sign = c.side.sign
    if exercise.angle == "gravity":
        sine, cosine = z[2], y[0] * z[1] - y[1] * z[0]
    else:
        px, py, pz = p = c.pelvis[2]
        sine = _dot(z, (y[1] * pz - y[2] * py, y[2] * px - y[0] * pz, y[0] * py - y[1] * px))
        cosine = _dot(z, p) - _dot(y, p) * _dot(y, z)
    out: FloatArray = sign * np.arctan2(sine, cosine)
    return out


def _pelvis_rotations(
    exercise: Exercise, c: LegCalibration, y: FloatArray, q_pelvis: FloatArray | None
) -> FloatArray:
    if c.pelvis_unit is None or q_pelvis is None:
        return np.full(len(y), np.nan)
    found = roll_array if exercise.angle == "gravity" else turn_array
    return c.side.sign * found(c.pelvis_unit, q_pelvis, y)


def _speeds(
    time_s: FloatArray, q_thigh: FloatArray, q_shank: FloatArray, known: npt.NDArray[np.bool_]
) -> FloatArray:
    rows = np.flatnonzero(known)
    speed = np.full(len(time_s), np.nan)
    if len(rows) == 0:
        return speed
    turn = np.zeros(len(rows))
    for q in (q_thigh[:, rows], q_shank[:, rows]):
        turn[1:] = np.maximum(turn[1:], _turns(q[:, :-1], q[:, 1:]))
    dt = np.diff(time_s[rows])
    turn[1:] /= dt
    gain = -np.expm1(-np.concatenate(([0.0], dt)) / SPEED_SMOOTHING_S)
    speed[rows] = _with_holes(turn, gain)
    return speed


def _with_holes(values: FloatArray, gain: FloatArray) -> FloatArray:
    """Return what follows values (n,) from 0, going a share (n,) of the way with each of them.

    Between holes all shares are alike but for the rounding of time, and a filter takes them at
    once; other steps are taken one at a time.
    """
    out, usual = np.empty(len(values)), float(np.median(gain))
    odd = np.flatnonzero(np.abs(gain - usual) > SAME_GAIN * usual).tolist()
    if len(odd) * SHORT_RUN > len(values):
        odd = list(range(len(values)))
    now, first = 0.0, 0
    for at in [*odd, len(values)]:
        if at > first:
            now, out[first:at] = followed(now, values[first:at], usual)
        if at < len(values):
            out[at] = now = now + float(gain[at]) * (float(values[at]) - now)
        first = at + 1
    return out


def _turns(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the angles (n,) between orientations (4, n), accurate for small ones."""
    x = a[0] * b[1] - a[1] * b[0] - a[2] * b[3] + a[3] * b[2]
    y = a[0] * b[2] + a[1] * b[3] - a[2] * b[0] - a[3] * b[1]
    z = a[0] * b[3] - a[1] * b[2] + a[2] * b[1] - a[3] * b[0]
    out: FloatArray = 2.0 * np.arcsin(np.minimum(1.0, np.sqrt(x * x + y * y + z * z)))
    return out


def _rotated(q: FloatArray, axis: Vector) -> FloatArray:
    """Return an axis of the unit (3,) in the earth of its orientations (4, n): (3, n)."""
    out = np.empty((3, q.shape[1]))
    a, b, c = axis
    for part in _blocks(q.shape[1]):
        w, x, y, z = q[:, part]
        tx, ty, tz = 2.0 * (y * c - z * b), 2.0 * (z * a - x * c), 2.0 * (x * b - y * a)
        out[0, part] = a + w * tx + y * tz - z * ty
        out[1, part] = b + w * ty + z * tx - x * tz
        out[2, part] = c + w * tz + x * ty - y * tx
    return out
