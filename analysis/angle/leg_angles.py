"""Hip internal rotation of one leg, with its uncertainty and what it rests on.

The femur's long axis y comes from the thigh unit, its knee axis z from the shank unit, because the
thigh's skin lags behind the femur when it turns about its long axis, and the shank does not. Both
are brought to the shank unit's heading by the knee hinge (`analysis.angle.hinge_heading`).

* `gravity`: φ = side · atan2(z·u, x·u) with x = y × z and up u, minus the exercise's zero. This is
  the clinical inclinometer's angle; heading and drift do not enter it.
* `heading`: third angle of intrinsic ZXY of the femur against a pelvis frozen at the start pose
  (Wu et al. 2002), minus its value there, renewed at still returns.

`LegFusion` takes one frame at a time in plain floats; `analysis.angle.leg_series` does a whole
recording.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from analysis.angle.hinge_heading import HingeHeading, HingeRule
from analysis.angle.return_zero import ReturnZero
from analysis.angle.uncertainty import (
    KNEE_HELD,
    KNEE_UNKNOWN,
    UnseenKnee,
    sigma_accelerometer,
    sigma_heading,
    sigma_inclination,
    sigma_knee,
)
from analysis.calibrate.calibration import LegCalibration
from analysis.calibrate.pelvis_unit import roll, turn
from analysis.exercises import Exercise, nominal_up
from imu.quaternion import Quaternion, Vector, rotate
from imu.sample import Side

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
    lost: float
    """1 while nobody knows the zero of an angle by heading, because its wearer was elsewhere."""


UNKNOWN = LegAngles(*([math.nan] * len(LegAngles._fields)))


def front_sign(exercise: Exercise, side: Side) -> int:
    """Return 1 where the femur's front faces up in the start pose, -1 down, 0 sideways."""
    front = float(nominal_up(exercise, side)[0][0])
    return 0 if abs(front) < 0.5 else int(math.copysign(1, front))


def hinge_rule(exercise: Exercise, calibration: LegCalibration, rate_hz: float) -> HingeRule:
    """Return how the knee ties the headings of the two units in an exercise."""
    return HingeRule(
        front_sign=front_sign(exercise, calibration.side),
        delta_rad=calibration.heading_rad,
        weight_s=calibration.heading_weight_s,
        knee_flexion_rad=calibration.knee_flexion_rad,
        rate_hz=rate_hz,
    )


def unseen_knee(calibration: LegCalibration, exercise: Exercise) -> UnseenKnee | None:
    """Return what is taken of a knee that no unit sees; None where it is seen or does not enter."""
    if calibration.y_thigh is None:
        return KNEE_UNKNOWN
    if front_sign(exercise, calibration.side) or exercise.counts_elevation:
        return None
    return KNEE_HELD


class LegFusion:
    """The angles of one leg, one frame at a time."""

    def __init__(self, calibration: LegCalibration, exercise: Exercise, rate_hz: float) -> None:
        self.calibration = calibration
        self.exercise = exercise
        self._side = calibration.side.sign
        self._heading = HingeHeading(hinge_rule(exercise, calibration, rate_hz))
        self._accelerometer = sigma_accelerometer(exercise)
        self._unseen_knee = unseen_knee(calibration, exercise)
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
        z_thigh, delta = None, c.heading_rad
        if c.y_thigh is None:
            y = rotate(q_shank, c.y_femur_in_shank or c.y_shank)
        else:
            thigh_y = rotate(q_thigh, c.y_thigh)
            delta = self._heading.push(thigh_y, z, shank_y)
            cd, sd = math.cos(delta), math.sin(delta)
            y = _turned_back(thigh_y, cd, sd)
            if c.z_thigh is not None:
                z_thigh = _turned_back(rotate(q_thigh, c.z_thigh), cd, sd)
        return self._angles(time_s, Axes(y, z, shank_y, z_thigh, q_pelvis, delta), speed)

    def _speed_of(self, time_s: float, q_thigh: Quaternion, q_shank: Quaternion) -> float:
        last, self._last = self._last, (time_s, q_thigh, q_shank)
        if last is not None and time_s > last[0]:
            sine = math.sqrt(max(_half_turn(last[1], q_thigh), _half_turn(last[2], q_shank)))
            turn, dt = 2.0 * math.asin(min(1.0, sine)), time_s - last[0]
            self._speed += -math.expm1(-dt / SPEED_SMOOTHING_S) * (turn / dt - self._speed)
        return self._speed

    def _angles(self, time_s: float, axes: Axes, speed: float) -> LegAngles:
        c = self.calibration
        y = axes.y
        (yx, yy, yz), (sx, sy, sz) = y, axes.shank_y
        z, along = _across(axes.z, y)
        zx, zy, zz = z
        level = math.sqrt(max(1.0 - yz * yz, 1e-12))
        thigh_elevation = math.asin(max(-1.0, min(1.0, -yz)))
        shank_elevation = math.asin(max(-1.0, min(1.0, -sz)))
        rotation = self._rotation(y, z)
        thigh = self._rotation(y, axes.z_thigh) if axes.z_thigh is not None else math.nan
        pelvis = self._pelvis(y, axes.q_pelvis)
        if self.exercise.angle == "gravity":
            rotation = math.remainder(rotation - c.zero_rad, TWO_PI)
            thigh = math.remainder(thigh - c.zero_rad, TWO_PI)
            sigma = sigma_inclination(speed, self._accelerometer) / level
            if self._unseen_knee is not None:
                moved = math.remainder(axes.delta - c.heading_rad, TWO_PI)
                sigma = math.hypot(sigma, sigma_knee(self._unseen_knee, moved, zz, yz))
        else:
            in_pose = (
                abs(thigh_elevation - c.thigh_elevation_rad) < ReturnZero.OUT_RAD
                and abs(shank_elevation - c.shank_elevation_rad) < ReturnZero.OUT_RAD
            )
            rotation = self.zero.push(time_s, rotation, speed, in_pose=in_pose)
            thigh = math.remainder(thigh - self.zero.offset_rad, TWO_PI)
            if not math.isnan(pelvis):
                pelvis = self.pelvis_zero.push(time_s, pelvis, speed, in_pose=in_pose)
            sigma = sigma_heading(time_s - self.zero.since_s)
        (ax, ay, az), (bx, by, bz), (gx, gy, gz) = c.pelvis
        knee = math.atan2(  # over x = y × z and y
            sx * (yy * zz - yz * zy) + sy * (yz * zx - yx * zz) + sz * (yx * zy - yy * zx),
            sx * yx + sy * yy + sz * yz,
        )
        return LegAngles(
            rotation,
            math.hypot(sigma, c.sigma_axes_rad),
            math.atan2(-(yx * ax + yy * ay + yz * az), yx * bx + yy * by + yz * bz),
            self._side * math.asin(max(-1.0, min(1.0, yx * gx + yy * gy + yz * gz))),
            knee if c.y_thigh is not None else math.nan,
            thigh_elevation if c.y_thigh is not None else math.nan,
            shank_elevation,
            zz,
            speed,
            thigh,
            pelvis,
            math.asin(max(-1.0, min(1.0, along))) if c.y_thigh is not None else math.nan,
            self._heading.residual_rad if c.y_thigh is not None else math.nan,
            float(self.zero.is_lost),
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
    delta: float
    """The heading that they have in common, the shank unit's earth to the thigh unit's."""


def _turned_back(v: Vector, cosine: float, sine: float) -> Vector:
    """Return an axis turned back about the vertical by an angle."""
    return (cosine * v[0] + sine * v[1], cosine * v[1] - sine * v[0], v[2])


def _across(z: Vector, y: Vector) -> tuple[Vector, float]:
    """Return an axis made perpendicular to a unit vector, of length one; and its part along it."""
    (zx, zy, zz), (yx, yy, yz) = z, y
    along = zx * yx + zy * yy + zz * yz
    zx, zy, zz = zx - along * yx, zy - along * yy, zz - along * yz
    n = math.sqrt(zx * zx + zy * zy + zz * zz)
    return (zx / n, zy / n, zz / n), along


def _half_turn(a: Quaternion, b: Quaternion) -> float:
    """Return the squared sine of half the angle between orientations, exact for small ones too."""
    aw, ax, ay, az = a
    bw, bx, by, bz = b
    x = aw * bx - ax * bw - ay * bz + az * by
    y = aw * by + ax * bz - ay * bw - az * bx
    z = aw * bz - ax * by + ay * bx - az * bw
    return x * x + y * y + z * z
