"""Hip internal rotation of one leg, with its uncertainty and what it rests on.

The femur's long axis y comes from the thigh unit, its knee axis z from the shank unit, because the
thigh's skin lags behind the femur when it turns about its long axis, and the shank does not. Both
are brought to the shank unit's heading by the knee hinge (`analysis.heading`).

* `gravity`: φ = side · atan2(z·u, x·u) with x = y × z and up u, minus the exercise's zero. This is
  the clinical inclinometer's angle; heading and drift do not enter it.
* `heading`: third angle of intrinsic ZXY of the femur against a pelvis frozen at the start pose
  (Wu et al. 2002), minus its value there, renewed at still returns.

`LegFusion` takes one frame at a time in plain floats; `fuse_leg` does a whole recording in numpy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analysis.calibration import LegCalibration, LegFrames
from analysis.exercises import Array, Exercise, nominal_up
from analysis.heading import HingeHeading, HingeRule, ReturnZero, hinge_heading
from analysis.pelvis import roll, roll_array, turn, turn_array
from analysis.sigma import (
    KNEE_UNKNOWN_RAD,
    SLOPE_UNKNOWN,
    sigma_heading,
    sigma_headings,
    sigma_inclination,
    sigma_inclinations,
)
from imu.quaternion import (
    Quaternion,
    Vector,
    conjugate_array,
    multiply_array,
    rotate,
    rotate_array,
)

SPEED_SMOOTHING_S = 0.15
TWO_PI = 2.0 * math.pi


class LegAngles(NamedTuple):
    """One leg at one instant; radians; NaN where it is not known."""

    rotation: float
    """Hip internal rotation by the exercise's definition, positive inwards on either side."""
    sigma: float
    """1 σ of the sensor chain."""
    flexion: float
    adduction: float
    knee_flexion: float
    thigh_elevation: float
    """0 level, −π/2 standing."""
    shank_elevation: float
    hinge_up: float
    """Vertical component of the knee axis: near ±1 the knee angle rests on heading."""
    speed: float
    """Angular speed of the faster unit, rad/s, smoothed."""
    thigh_rotation: float
    """The rotation as the thigh unit alone shows it, with the skin's lag."""
    pelvis_rotation: float
    """What the pelvis contributed to the rotation, positive when it adds; needs its own unit."""
    across: float
    """How far from square the shank's knee axis is to the thigh unit's long axis."""
    hinge_residual: float
    """How far this frame's common heading is from the last seconds'; NaN where none is seen."""


UNKNOWN = LegAngles(*([math.nan] * len(LegAngles._fields)))


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


def hinge_rule(exercise: Exercise, calibration: LegCalibration, rate_hz: float) -> HingeRule:
    """Return how the knee ties the headings of the two units in an exercise."""
    front = float(nominal_up(exercise, calibration.side)[0][0])
    return HingeRule(
        front_sign=0 if abs(front) < 0.5 else int(math.copysign(1, front)),
        delta_rad=calibration.heading_rad,
        weight_s=calibration.heading_weight_s,
        knee_flexion_rad=calibration.knee_flexion_rad,
        rate_hz=rate_hz,
    )


class LegFusion:
    """The angles of one leg, one frame at a time."""

    def __init__(self, calibration: LegCalibration, exercise: Exercise, rate_hz: float) -> None:
        self.calibration = calibration
        self.exercise = exercise
        self._side = calibration.side.sign
        self._heading = HingeHeading(hinge_rule(exercise, calibration, rate_hz))
        self._speed = 0.0
        self._last: tuple[float, Quaternion, Quaternion] | None = None
        self.zero = ReturnZero(calibration.zero_rad, calibration.zeroed_s)
        self.pelvis_zero = ReturnZero(0.0, calibration.zeroed_s)

    def push(
        self,
        time_s: float,
        q_thigh: Quaternion | None,
        q_shank: Quaternion | None,
        q_pelvis: Quaternion | None = None,
    ) -> LegAngles:
        """Return the leg's angles; all unknown while thigh or shank has a gap."""
        if q_thigh is None or q_shank is None:
            return UNKNOWN
        c = self.calibration
        speed = self._speed_of(time_s, q_thigh, q_shank)
        z = rotate(q_shank, c.z_shank)
        shank_y = rotate(q_shank, c.y_shank)
        z_thigh = None
        if c.y_thigh is None:
            y = rotate(q_shank, c.y_femur_in_shank or c.y_shank)
        else:
            thigh_y = rotate(q_thigh, c.y_thigh)
            delta = self._heading.push(thigh_y, z, shank_y)
            cd, sd = math.cos(delta), math.sin(delta)
            y = _turned_back(thigh_y, cd, sd)
            if c.z_thigh is not None:
                z_thigh = _turned_back(rotate(q_thigh, c.z_thigh), cd, sd)
        return self._angles(time_s, Axes(y, z, shank_y, z_thigh, q_pelvis), speed)

    def _speed_of(self, time_s: float, q_thigh: Quaternion, q_shank: Quaternion) -> float:
        last, self._last = self._last, (time_s, q_thigh, q_shank)
        if last is not None and time_s > last[0]:
            turn, dt = max(_turn(last[1], q_thigh), _turn(last[2], q_shank)), time_s - last[0]
            self._speed += -math.expm1(-dt / SPEED_SMOOTHING_S) * (turn / dt - self._speed)
        return self._speed

    def _angles(self, time_s: float, axes: Axes, speed: float) -> LegAngles:
        c = self.calibration
        y, shank_y = axes.y, axes.shank_y
        z = _across(axes.z, y)
        x = (y[1] * z[2] - y[2] * z[1], y[2] * z[0] - y[0] * z[2], y[0] * z[1] - y[1] * z[0])
        level = math.sqrt(max(1.0 - y[2] * y[2], 1e-12))
        rotation = self._rotation(y, z)
        thigh = self._rotation(y, axes.z_thigh) if axes.z_thigh is not None else math.nan
        pelvis = self._pelvis(y, axes.q_pelvis)
        if self.exercise.angle == "gravity":
            rotation = math.remainder(rotation - c.zero_rad, TWO_PI)
            thigh = math.remainder(thigh - c.zero_rad, TWO_PI)
            sigma = sigma_inclination(speed) / level
            if c.y_thigh is None:
                sigma = math.hypot(
                    sigma, KNEE_UNKNOWN_RAD * abs(z[2]) * max(abs(y[2]), SLOPE_UNKNOWN)
                )
        else:
            rotation = self.zero.push(time_s, rotation, speed)
            thigh = math.remainder(thigh - self.zero.offset_rad, TWO_PI)
            if not math.isnan(pelvis):
                pelvis = self.pelvis_zero.push(time_s, pelvis, speed)
            sigma = sigma_heading(time_s - self.zero.since_s)
        (ax, ay, az), (bx, by, bz), (gx, gy, gz) = c.pelvis
        knee = math.atan2(
            shank_y[0] * x[0] + shank_y[1] * x[1] + shank_y[2] * x[2],
            shank_y[0] * y[0] + shank_y[1] * y[1] + shank_y[2] * y[2],
        )
        return LegAngles(
            rotation,
            math.hypot(sigma, c.sigma_axes_rad),
            math.atan2(-(y[0] * ax + y[1] * ay + y[2] * az), y[0] * bx + y[1] * by + y[2] * bz),
            self._side * math.asin(max(-1.0, min(1.0, y[0] * gx + y[1] * gy + y[2] * gz))),
            knee if c.y_thigh is not None else math.nan,
            math.asin(max(-1.0, min(1.0, -y[2]))) if c.y_thigh is not None else math.nan,
            math.asin(max(-1.0, min(1.0, -shank_y[2]))),
            z[2],
            speed,
            thigh,
            pelvis,
            _across_rad(axes.z, y) if c.y_thigh is not None else math.nan,
            self._heading.residual_rad if c.y_thigh is not None else math.nan,
        )

    def _rotation(self, y: Vector, z: Vector) -> float:
        """Return the angle of a knee axis across a long axis by the definition, before any zero."""
        if self.exercise.angle == "gravity":
            return self._side * math.atan2(z[2], y[0] * z[1] - y[1] * z[0])
        px, py, pz = self.calibration.pelvis[2]
        ex, ey, ez = y[1] * pz - y[2] * py, y[2] * px - y[0] * pz, y[0] * py - y[1] * px
        sine = ex * z[0] + ey * z[1] + ez * z[2]
        # e = y × p and x = y × z, so that e·x = p·z − (y·z)(p·y)
        along = px * y[0] + py * y[1] + pz * y[2]
        cosine = (
            px * z[0] + py * z[1] + pz * z[2] - along * (y[0] * z[0] + y[1] * z[1] + y[2] * z[2])
        )
        return self._side * math.atan2(sine, cosine)

    def _pelvis(self, y: Vector, q_pelvis: Quaternion | None) -> float:
        pelvis = self.calibration.pelvis_unit
        if pelvis is None or q_pelvis is None:
            return math.nan
        found = roll if self.exercise.angle == "gravity" else turn
        return self._side * found(pelvis, q_pelvis, y)


class Axes(NamedTuple):
    """One instant's axes in the shank unit's earth."""

    y: Vector
    """Long axis of the femur."""
    z: Vector
    """Knee axis as the shank unit carries it."""
    shank_y: Vector
    z_thigh: Vector | None
    """Knee axis as the thigh unit carries it."""
    q_pelvis: Quaternion | None


def _turned_back(v: Vector, cosine: float, sine: float) -> Vector:
    """Return an axis turned back about the vertical by an angle."""
    return (cosine * v[0] + sine * v[1], cosine * v[1] - sine * v[0], v[2])


def _across_rad(z: Vector, y: Vector) -> float:
    """Return how far (rad) two unit vectors are from square."""
    return math.asin(max(-1.0, min(1.0, z[0] * y[0] + z[1] * y[1] + z[2] * y[2])))


def _across(z: Vector, y: Vector) -> Vector:
    """Return an axis made perpendicular to a unit vector, of length one."""
    along = z[0] * y[0] + z[1] * y[1] + z[2] * y[2]
    zx, zy, zz = z[0] - along * y[0], z[1] - along * y[1], z[2] - along * y[2]
    n = math.sqrt(zx * zx + zy * zy + zz * zz)
    return (zx / n, zy / n, zz / n)


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


def _turn(a: Quaternion, b: Quaternion) -> float:
    """Return the angle between two orientations, accurate for small ones."""
    x = a[0] * b[1] - a[1] * b[0] - a[2] * b[3] + a[3] * b[2]
    y = a[0] * b[2] + a[1] * b[3] - a[2] * b[0] - a[3] * b[1]
    z = a[0] * b[3] - a[1] * b[2] + a[2] * b[1] - a[3] * b[0]
    return 2.0 * math.asin(min(1.0, math.sqrt(x * x + y * y + z * z)))


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
    return angle - TWO_PI * np.round(angle / TWO_PI)
