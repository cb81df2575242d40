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
from scipy.signal import lfilter

from analysis.calibration import LegCalibration, LegFrames
from analysis.exercises import Array, Exercise, nominal_up
from analysis.heading import HingeHeading, HingeRule, ReturnZero, hinge_heading
from imu.quaternion import (
    Quaternion,
    Vector,
    conjugate_array,
    multiply_array,
    rotate,
    rotate_array,
)

SPEED_SMOOTHING_S = 0.15
# Inclination errors of six-axis fusion by class of motion (BROAD: still, slow, fast), widened by
# what an uncalibrated accelerometer adds (10 mg, a common data-sheet figure).
SIGMA_STILL_RAD = math.radians(0.5)
SIGMA_SLOW_RAD = math.radians(0.8)
SIGMA_FAST_RAD = math.radians(1.5)
SIGMA_ACCELEROMETER_RAD = math.radians(0.45)
SLOW_RAD_S = math.radians(40.0)
FAST_RAD_S = math.radians(200.0)
# Heading since the last still return: what one return differs from the next, and the drift.
SIGMA_RETURN_RAD = math.radians(1.0)
SIGMA_DRIFT_RAD_S = math.radians(0.1)
KNEE_UNKNOWN_RAD = math.radians(10.0)
SLOPE_UNKNOWN = 0.26  # sine of 15°, a thigh's usual slope where no thigh unit tells it
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
        self._smooth = 1.0 - math.exp(-1.0 / (SPEED_SMOOTHING_S * rate_hz))
        self._speed = 0.0
        self._last: tuple[float, Quaternion, Quaternion] | None = None
        self.zero = ReturnZero(calibration.zero_rad, calibration.zeroed_s)

    def push(
        self, time_s: float, q_thigh: Quaternion | None, q_shank: Quaternion | None
    ) -> LegAngles:
        """Return the leg's angles; all unknown while either unit has a gap."""
        if q_thigh is None or q_shank is None:
            return UNKNOWN
        c = self.calibration
        speed = self._speed_of(time_s, q_thigh, q_shank)
        z = rotate(q_shank, c.z_shank)
        shank_y = rotate(q_shank, c.y_shank)
        if c.y_thigh is None:
            y = rotate(q_shank, c.y_femur_in_shank or c.y_shank)
        else:
            thigh_y = rotate(q_thigh, c.y_thigh)
            delta = self._heading.push(thigh_y, z, shank_y)
            cd, sd = math.cos(delta), math.sin(delta)
            y = (cd * thigh_y[0] + sd * thigh_y[1], cd * thigh_y[1] - sd * thigh_y[0], thigh_y[2])
        return self._angles(time_s, y, z, shank_y, speed)

    def _speed_of(self, time_s: float, q_thigh: Quaternion, q_shank: Quaternion) -> float:
        last, self._last = self._last, (time_s, q_thigh, q_shank)
        if last is not None and time_s > last[0]:
            turn = max(_turn(last[1], q_thigh), _turn(last[2], q_shank))
            self._speed += self._smooth * (turn / (time_s - last[0]) - self._speed)
        return self._speed

    def _angles(
        self, time_s: float, y: Vector, z: Vector, shank_y: Vector, speed: float
    ) -> LegAngles:
        c = self.calibration
        along = z[0] * y[0] + z[1] * y[1] + z[2] * y[2]
        zx, zy, zz = z[0] - along * y[0], z[1] - along * y[1], z[2] - along * y[2]
        n = math.sqrt(zx * zx + zy * zy + zz * zz)
        zx, zy, zz = zx / n, zy / n, zz / n
        xx, xy, xz = y[1] * zz - y[2] * zy, y[2] * zx - y[0] * zz, y[0] * zy - y[1] * zx
        level = math.sqrt(max(1.0 - y[2] * y[2], 1e-12))
        if self.exercise.angle == "gravity":
            phi = self._side * math.atan2(zz, xz)
            rotation = math.remainder(phi - c.zero_rad, TWO_PI)
            sigma = _sigma_inclination(speed) / level
            if c.y_thigh is None:
                sigma = math.hypot(
                    sigma, KNEE_UNKNOWN_RAD * abs(zz) * max(abs(y[2]), SLOPE_UNKNOWN)
                )
        else:
            px, py, pz = c.pelvis[2]
            ex, ey, ez = y[1] * pz - y[2] * py, y[2] * px - y[0] * pz, y[0] * py - y[1] * px
            raw = self._side * math.atan2(ex * zx + ey * zy + ez * zz, ex * xx + ey * xy + ez * xz)
            rotation = self.zero.push(time_s, raw, speed)
            sigma = math.hypot(SIGMA_RETURN_RAD, SIGMA_DRIFT_RAD_S * (time_s - self.zero.since_s))
        (ax, ay, az), (bx, by, bz), (gx, gy, gz) = c.pelvis
        knee = math.atan2(
            shank_y[0] * xx + shank_y[1] * xy + shank_y[2] * xz,
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
            zz,
            speed,
        )


def fuse_leg(
    calibration: LegCalibration, exercise: Exercise, rate_hz: float, frames: LegFrames
) -> LegSeries:
    """Return the angles of one leg over a whole recording: `LegFusion` in numpy."""
    c, side = calibration, calibration.side.sign
    n = len(frames.time_s)
    known = ~(np.isnan(frames.q_thigh[:, 0]) | np.isnan(frames.q_shank[:, 0]))
    q_thigh = np.where(known[:, None], frames.q_thigh, np.nan)
    q_shank = np.where(known[:, None], frames.q_shank, np.nan)
    speed = _speeds(frames.time_s, q_thigh, q_shank, known, rate_hz)
    z, shank_y = _rotated(q_shank, c.z_shank), _rotated(q_shank, c.y_shank)
    if c.y_thigh is None:
        y = _rotated(q_shank, c.y_femur_in_shank or c.y_shank)
    else:
        thigh_y = _rotated(q_thigh, c.y_thigh)
        delta = hinge_heading(hinge_rule(exercise, c, rate_hz), thigh_y, z, shank_y)
        cd, sd = np.cos(delta), np.sin(delta)
        y = np.stack(
            (
                cd * thigh_y[:, 0] + sd * thigh_y[:, 1],
                cd * thigh_y[:, 1] - sd * thigh_y[:, 0],
                thigh_y[:, 2],
            ),
            axis=-1,
        )
    z = z - np.sum(z * y, axis=-1, keepdims=True) * y
    z = z / np.sqrt(np.sum(z * z, axis=-1, keepdims=True))
    x = np.cross(y, z)
    pelvis = np.asarray(c.pelvis)
    if exercise.angle == "gravity":
        rotation = _wrap(side * np.arctan2(z[:, 2], x[:, 2]) - c.zero_rad)
        sigma = _sigma_inclinations(speed) / np.sqrt(np.maximum(1.0 - y[:, 2] ** 2, 1e-12))
        if c.y_thigh is None:
            slope = np.maximum(np.abs(y[:, 2]), SLOPE_UNKNOWN)
            sigma = np.hypot(sigma, KNEE_UNKNOWN_RAD * np.abs(z[:, 2]) * slope)
    else:
        e = np.cross(y, pelvis[2])
        raw = side * np.arctan2(np.sum(e * z, axis=-1), np.sum(e * x, axis=-1))
        rotation, sigma = _rezeroed(c, frames.time_s, raw, speed, known)
    thigh_known = np.full(n, c.y_thigh is not None)
    return LegSeries(
        rotation=rotation,
        sigma=np.hypot(sigma, c.sigma_axes_rad),
        flexion=np.arctan2(-(y @ pelvis[0]), y @ pelvis[1]),
        adduction=side * np.arcsin(np.clip(y @ pelvis[2], -1.0, 1.0)),
        knee_flexion=np.where(
            thigh_known,
            np.arctan2(np.sum(shank_y * x, axis=-1), np.sum(shank_y * y, axis=-1)),
            np.nan,
        ),
        thigh_elevation=np.where(thigh_known, np.arcsin(np.clip(-y[:, 2], -1.0, 1.0)), np.nan),
        shank_elevation=np.arcsin(np.clip(-shank_y[:, 2], -1.0, 1.0)),
        hinge_up=z[:, 2],
        speed=speed,
    )


def _rezeroed(
    c: LegCalibration, time_s: Array, raw: Array, speed: Array, known: npt.NDArray[np.bool_]
) -> tuple[Array, Array]:
    """Run the same `ReturnZero` over a recording; before calibration ended there is no angle."""
    zero = ReturnZero(c.zero_rad, c.zeroed_s)
    rotation, sigma = np.full(len(raw), np.nan), np.full(len(raw), np.nan)
    rows = np.flatnonzero(known & (time_s >= c.ready_s))
    columns = zip(
        rows.tolist(), time_s[rows].tolist(), raw[rows].tolist(), speed[rows].tolist(), strict=True
    )
    for row, t, angle, v in columns:
        rotation[row] = zero.push(t, angle, v)
        sigma[row] = math.hypot(SIGMA_RETURN_RAD, SIGMA_DRIFT_RAD_S * (t - zero.since_s))
    return rotation, sigma


def _turn(a: Quaternion, b: Quaternion) -> float:
    """Return the angle between two orientations, accurate for small ones."""
    x = a[0] * b[1] - a[1] * b[0] - a[2] * b[3] + a[3] * b[2]
    y = a[0] * b[2] + a[1] * b[3] - a[2] * b[0] - a[3] * b[1]
    z = a[0] * b[3] - a[1] * b[2] + a[2] * b[1] - a[3] * b[0]
    return 2.0 * math.asin(min(1.0, math.sqrt(x * x + y * y + z * z)))


def _speeds(
    time_s: Array, q_thigh: Array, q_shank: Array, known: npt.NDArray[np.bool_], rate_hz: float
) -> Array:
    rows = np.flatnonzero(known)
    speed = np.full(len(time_s), np.nan)
    if len(rows) == 0:
        return speed
    turn = np.zeros(len(rows))
    for q in (q_thigh[rows], q_shank[rows]):
        between = multiply_array(conjugate_array(q[:-1]), q[1:])[:, 1:]
        sine = np.minimum(1.0, np.sqrt(np.sum(between**2, axis=-1)))
        turn[1:] = np.maximum(turn[1:], 2.0 * np.arcsin(sine))
    turn[1:] /= np.diff(time_s[rows])
    gain = 1.0 - math.exp(-1.0 / (SPEED_SMOOTHING_S * rate_hz))
    # the first frame has no predecessor and leaves the speed at zero
    speed[rows] = lfilter([gain], [1.0, gain - 1.0], turn)
    return speed


def _rotated(q: Array, axis: Vector) -> Array:
    return rotate_array(q, np.broadcast_to(np.asarray(axis), (len(q), 3)))


def _wrap(angle: Array) -> Array:
    return angle - TWO_PI * np.round(angle / TWO_PI)


def _sigma_inclination(speed: float) -> float:
    """Return the 1 σ of an inclination at an angular speed: still, slow and fast, joined."""
    slow = min(speed / SLOW_RAD_S, 1.0)
    fast = min(max((speed - SLOW_RAD_S) / (FAST_RAD_S - SLOW_RAD_S), 0.0), 1.0)
    motion = (
        SIGMA_STILL_RAD
        + (SIGMA_SLOW_RAD - SIGMA_STILL_RAD) * slow
        + (SIGMA_FAST_RAD - SIGMA_SLOW_RAD) * fast
    )
    return math.hypot(motion, SIGMA_ACCELEROMETER_RAD)


def _sigma_inclinations(speed: Array) -> Array:
    slow = np.minimum(speed / SLOW_RAD_S, 1.0)
    fast = np.clip((speed - SLOW_RAD_S) / (FAST_RAD_S - SLOW_RAD_S), 0.0, 1.0)
    motion = (
        SIGMA_STILL_RAD
        + (SIGMA_SLOW_RAD - SIGMA_STILL_RAD) * slow
        + (SIGMA_FAST_RAD - SIGMA_SLOW_RAD) * fast
    )
    out: Array = np.hypot(motion, SIGMA_ACCELEROMETER_RAD)
    return out
