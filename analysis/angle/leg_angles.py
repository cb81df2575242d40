"""Hip internal rotation of one leg with its uncertainty; unknown (NaN) where a unit is lost.

The femur's long axis y comes from the thigh unit, its knee axis z from the shank unit, because the
thigh's skin lags behind the femur when it turns about its long axis, and the shank does not. Both
are brought to the shank unit's heading by the knee hinge (`analysis.angle.hinge_heading`).

* `gravity`: φ = side · atan2(z·u, x·u) with x = y × z and up u, minus the exercise's zero. This is
  the clinical inclinometer's angle; heading and drift do not enter it.
* `heading`: third angle of intrinsic ZXY of the femur against a pelvis frozen at the start pose
  (Wu et al. 2002), minus its value there, renewed at still returns.

`LegFusion` takes one frame at a time in floats or many at once in arrays;
`angles_of_recording` feeds it a whole recording.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, Generic, NamedTuple

import numpy as np

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
from analysis.calibrate.pelvis_unit import roll, turn
from analysis.exercises import Exercise, nominal_up
from analysis.leg import UNSEEN_S, LegCalibration, LegFrames
from imu.quaternion import (
    ARRAYS,
    Number,
    Numbers,
    Quaternion,
    Wxyz,
    Xyz,
    rotate,
    wxyz,
)
from imu.sample import FloatArray, IntArray, Side

SPEED_SMOOTHING_S = 0.15
HINGE_LEVEL_MAX = math.sin(math.radians(45.0))
"""With the knee axis steeper than this the knee angle rests on heading and decides nothing."""
HIP_MAX_DEG, BEYOND_RANGE_MAX_DEG = 90.0, 40.0
"""No hip turns further, nor beyond an exercise's usual range by so much: such an angle is wrong,
and its uncertainty unknown."""
TOGETHER_S, TOGETHER = 3.0, 0.2
"""After a long hole the headings of both units get so long to come together, or until they are
known so well, which takes half a second of a well seen hinge. The hole lasts until then."""
BLOCK = 16_384
"""So many rows at a time fit into a processor's cache: faster than a whole hour at once."""


class LegAngles(NamedTuple, Generic[Number]):
    """One leg at one instant (floats), or at each of n (arrays); radians; NaN where unknown."""

    rotation: Number
    """Hip internal rotation by the exercise's definition, positive inwards on either side."""
    sigma: Number
    """1 σ of the sensor chain."""
    flexion: Number
    adduction: Number
    knee_flexion: Number
    thigh_elevation: Number
    """0 level, −π/2 standing."""
    shank_elevation: Number
    hinge_up: Number
    """Vertical component of the knee axis: near ±1 the knee angle rests on heading."""
    speed: Number
    """Angular speed of the faster unit, rad/s, smoothed."""
    thigh_rotation: Number
    """The rotation as the thigh unit alone shows it, with the skin's lag."""
    pelvis_rotation: Number
    """What the pelvis contributed to the rotation, positive when it adds; needs its own unit."""
    across: Number
    """How far from square the shank's knee axis is to the thigh unit's long axis; NaN where their
    common heading is not known yet after a long hole."""
    hinge_residual: Number
    """How far this frame's common heading is from the last seconds'; NaN where none is seen."""
    lost: Number
    """1 while nobody knows the zero of an angle by heading, because its wearer was elsewhere."""


UNKNOWN: LegAngles[Any] = LegAngles(*([math.nan] * len(LegAngles._fields)))


def angles_of_recording(
    calibration: LegCalibration, exercise: Exercise, rate_hz: float, frames: LegFrames
) -> LegAngles[FloatArray]:
    """Return the angles (n,) of one leg over a whole recording; NaN where a unit has a gap.

    An angle by heading is unknown before the calibration has ended.
    """
    fusion = LegFusion(calibration, exercise, rate_hz, ARRAYS)
    known = ~(np.isnan(frames.q_thigh[:, 0]) | np.isnan(frames.q_shank[:, 0]))
    rows = np.flatnonzero(known)
    out = np.full((len(LegAngles._fields), len(known)), np.nan)
    for part in in_blocks(frames.time_s, rows):
        q_pelvis = None if frames.q_pelvis is None else wxyz(frames.q_pelvis[part])
        found = fusion.push(
            frames.time_s[part], wxyz(frames.q_thigh[part]), wxyz(frames.q_shank[part]), q_pelvis
        )
        for column, values in zip(out, found, strict=True):
            column[part] = values
    return LegAngles(*out)


def in_runs(time_s: FloatArray) -> Iterator[slice]:
    """Yield the rows between holes of more than `UNSEEN_S`; none where there are no rows."""
    holes = np.flatnonzero(np.diff(time_s) > UNSEEN_S) + 1
    ends = [0, *holes.tolist(), len(time_s)]
    yield from (slice(*both) for both in itertools.pairwise(ends) if both[0] < both[1])


def in_blocks(time_s: FloatArray, rows: IntArray) -> Iterator[IntArray]:
    """Yield rows block by block; each hole of more than `UNSEEN_S` lies between two blocks."""
    for run in in_runs(time_s[rows]):
        for first in range(run.start, run.stop, BLOCK):
            yield rows[first : min(first + BLOCK, run.stop)]


def front_sign(exercise: Exercise, side: Side) -> int:
    """Return 1 where the femur's front faces up in the start pose, -1 down, 0 sideways."""
    front = float(nominal_up(exercise, side)[0][0])
    return 0 if abs(front) < 0.5 else int(math.copysign(1, front))


def hip_limit(exercise: Exercise) -> float:
    """Return the hip rotation (rad) beyond which an angle is wrong; other turns have no limit."""
    if not exercise.has_hip_angle:
        return math.inf
    beyond_deg = exercise.typical_range_deg + BEYOND_RANGE_MAX_DEG
    return math.radians(min(HIP_MAX_DEG, beyond_deg))


def unseen_knee(calibration: LegCalibration, exercise: Exercise) -> UnseenKnee | None:
    """Return what is taken of a knee that no unit sees; None where it is seen or does not enter."""
    if calibration.y_thigh is None:
        return KNEE_UNKNOWN
    if front_sign(exercise, calibration.side) or exercise.counts_elevation:
        return None
    return KNEE_HELD


class Speed(Generic[Number]):
    """The smoothed angular speed of the faster of two units."""

    def __init__(self, of: Numbers[Number]) -> None:
        self._of: Numbers[Number] = of
        self._speed = 0.0
        self._last: tuple[float, Quaternion, Quaternion] | None = None
        """Time and orientations in the last frame."""

    def push(self, time_s: Number, q_thigh: Wxyz[Number], q_shank: Wxyz[Number]) -> Number:
        """Take orientations of both units; return the speed, rad/s."""
        of = self._of
        before, self._last = of.shift((time_s, q_thigh, q_shank), self._last)
        before_s, before_thigh, before_shank = before
        turned = of.larger(half_turn(before_thigh, q_thigh), half_turn(before_shank, q_shank))
        dt = of.larger(time_s - before_s, 0.0)
        rate = 2.0 * of.asin(of.sqrt(turned)) / of.where(dt > 0.0, dt, 1.0)
        share = -of.expm1(-dt / SPEED_SMOOTHING_S)
        speed, self._speed = of.follow(self._speed, rate, share)
        return speed


class LegFusion(Generic[Number]):
    """The angles of one leg: the same formulas and the same memory, live and recorded."""

    def __init__(
        self,
        calibration: LegCalibration,
        exercise: Exercise,
        rate_hz: float,
        of: Numbers[Number],
    ) -> None:
        """Take frames of floats or of arrays, as `of` says."""
        c = calibration
        self.calibration, self.exercise = c, exercise
        self._of: Numbers[Number] = of
        self._side = c.side.sign
        self._heading: HingeHeading[Number] = HingeHeading(
            HingeRule(
                front_sign=front_sign(exercise, c.side),
                delta_rad=c.heading_rad,
                weight_s=c.heading_weight_s,
                knee_flexion_rad=c.knee_flexion_rad,
                rate_hz=rate_hz,
            ),
            of,
        )
        self._accelerometer = sigma_accelerometer(exercise, c.sigma_tilt_rad)
        self._unseen_knee = unseen_knee(c, exercise)
        self._most_rad = hip_limit(exercise)
        self._speed: Speed[Number] = Speed(of)
        self._seen_s, self._together_s = math.inf, -math.inf
        self._reference_rad = c.heading_rad
        """The common heading of the start pose, or that of the return after a long hole."""
        self._known = 1.0
        """How well the common heading is known since the last long hole."""
        self.zero = ReturnZero(c.zero_rad, c.zeroed_s)
        self.pelvis_zero = ReturnZero(0.0, c.zeroed_s)

    def push(
        self,
        time_s: Number,
        q_thigh: Wxyz[Number] | None,
        q_shank: Wxyz[Number] | None,
        q_pelvis: Wxyz[Number] | None = None,
    ) -> LegAngles[Number]:
        """Return the leg's angles; all unknown while thigh or shank has a gap (None).

        A hole of more than `UNSEEN_S` lies before the first of many frames, never among them.
        """
        if q_thigh is None or q_shank is None:
            return UNKNOWN
        c, of = self.calibration, self._of
        if of.first(time_s) - self._seen_s > UNSEEN_S:
            self._heading.restart()
            self._known = 0.0
            self._together_s = of.first(time_s) + TOGETHER_S
        self._seen_s = of.last(time_s)
        speed = self._speed.push(time_s, q_thigh, q_shank)
        z, shank_y = rotate(q_shank, c.z_shank), rotate(q_shank, c.y_shank)
        if c.y_thigh is None:
            y = rotate(q_shank, c.y_femur_in_shank or c.y_shank)
            moved, residual = 0.0 * z[2], math.nan * z[2]
            return self._angles(time_s, speed, y, z, shank_y, None, q_pelvis, moved, residual)
        thigh_y = rotate(q_thigh, c.y_thigh)
        delta, residual, shown = self._heading.push(thigh_y, z, shank_y)
        cosine, sine = of.cos(delta), of.sin(delta)
        y = turned_back(thigh_y, cosine, sine)
        z_thigh = None
        if c.z_thigh is not None:
            z_thigh = turned_back(rotate(q_thigh, c.z_thigh), cosine, sine)
        axes = (y, z, shank_y, z_thigh, q_pelvis)
        if self._known >= TOGETHER:
            moved = of.wrap(delta - self._reference_rad)
            return self._angles(time_s, speed, *axes, moved, residual)
        known = of.highest(self._known, of.where(shown == shown, shown, 0.0))
        apart = (known < TOGETHER) & (time_s < self._together_s)
        reference = of.hold(apart, delta, self._reference_rad)
        self._reference_rad, self._known = of.last(reference), of.last(known)
        angles = self._angles(time_s, speed, *axes, of.wrap(delta - reference), residual)
        return angles._replace(
            sigma=of.where(apart, math.nan, angles.sigma),
            across=of.where(known >= TOGETHER, angles.across, math.nan),
        )

    def _angles(
        self,
        time_s: Number,
        speed: Number,
        y: Xyz[Number],
        z: Xyz[Number],
        shank_y: Xyz[Number],
        z_thigh: Xyz[Number] | None,
        q_pelvis: Wxyz[Number] | None,
        moved: Number,
        residual: Number,
    ) -> LegAngles[Number]:
        """Return the angles of axes in the shank unit's earth.

        `y` is the femur's long axis, `z` and `z_thigh` are the knee's axis as the shank unit and as
        the thigh unit carry it, `shank_y` is the shank's long axis. The common heading has `moved`
        so far from that of the calibration; `residual` is `LegAngles.hinge_residual`.
        """
        c, of, two_units = self.calibration, self._of, self.calibration.y_thigh is not None
        z, along = across(z, y, of)
        unknown = math.nan * along
        thigh_elevation, shank_elevation = of.asin(-y[2]), of.asin(-shank_y[2])
        raw, thigh, pelvis, lost = self._rotation(y, z), unknown, unknown, 0.0 * along
        if z_thigh is not None:
            thigh = self._rotation(y, z_thigh)
        if q_pelvis is not None:
            pelvis = self._pelvis(y, q_pelvis)
        if self.exercise.angle == "gravity":
            rotation, thigh = of.wrap(raw - c.zero_rad), of.wrap(thigh - c.zero_rad)
            sigma = sigma_inclination(speed, self._accelerometer, of)
            sigma = sigma / of.sqrt(of.larger(1.0 - y[2] * y[2], 1e-12))
            if self._unseen_knee is not None:
                knee = sigma_knee(self._unseen_knee, moved, z[2], y[2], of)
                sigma = of.hypot(sigma, knee)
        else:
            in_pose = of.larger(
                abs(thigh_elevation - c.thigh_elevation_rad),
                abs(shank_elevation - c.shank_elevation_rad),
            )
            seen = (time_s, raw, speed, in_pose < ReturnZero.OUT_RAD, pelvis)
            rotation, offset, since_s, lost, pelvis = of.each(self._zeroed, *seen)
            thigh = of.wrap(thigh - offset)
            sigma = sigma_heading(time_s - since_s, c.sigma_drift_rad_s, of)
        sigma = of.where(abs(rotation) <= self._most_rad, sigma, math.nan)
        ahead, upwards, aside = c.pelvis
        angles = (
            rotation,
            of.hypot(sigma, c.sigma_axes_rad),
            of.atan2(-_dot(y, ahead), _dot(y, upwards)),
            self._side * of.asin(_dot(y, aside)),
            knee_flexion(shank_y, y, z, of) if two_units else unknown,
            thigh_elevation if two_units else unknown,
            shank_elevation,
            z[2],
            speed,
            thigh,
            pelvis,
            of.asin(along) if two_units else unknown,
            residual,
            lost,
        )
        return LegAngles._make(angles)  # half the time of a call with 14 arguments

    def _zeroed(
        self, time_s: float, raw: float, speed: float, in_pose: bool, pelvis: float
    ) -> tuple[float, float, float, float, float]:
        """Return one frame's angle, its zero, since when, whether lost, and the pelvis's angle."""
        zero, nan = self.zero, math.nan
        if time_s < self.calibration.ready_s:
            return nan, nan, nan, 0.0, nan
        if time_s - zero.last_s > UNSEEN_S:
            zero.lose()
        rotation = zero.push(time_s, raw, speed, in_pose=in_pose)
        if pelvis == pelvis:  # False where NaN
            if time_s - self.pelvis_zero.last_s > UNSEEN_S:
                self.pelvis_zero.lose()
            pelvis = self.pelvis_zero.push(time_s, pelvis, speed, in_pose=in_pose)
        return rotation, zero.offset_rad, zero.since_s, float(zero.is_lost), pelvis

    def _rotation(self, y: Xyz[Number], z: Xyz[Number]) -> Number:
        """Return the angle of a knee axis across a long axis by the definition, before any zero."""
        if self.exercise.angle == "gravity":
            return self._side * self._of.atan2(z[2], y[0] * z[1] - y[1] * z[0])
        px, py, pz = p = self.calibration.pelvis[2]
        e = (y[1] * pz - y[2] * py, y[2] * px - y[0] * pz, y[0] * py - y[1] * px)
        # e = y × p and x = y × z, so that e·x = p·z − (y·z)(p·y)
        cosine = _dot(z, p) - _dot(y, p) * _dot(y, z)
        return self._side * self._of.atan2(_dot(z, e), cosine)

    def _pelvis(self, y: Xyz[Number], q_pelvis: Wxyz[Number]) -> Number:
        unit = self.calibration.pelvis_unit
        if unit is None:
            return math.nan * y[2]
        found = roll if self.exercise.angle == "gravity" else turn
        return self._side * found(unit, q_pelvis, y, self._of)


def _dot(a: Xyz[Number], b: Xyz[Number] | Xyz[float]) -> Number:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def turned_back(v: Xyz[Number], cosine: Number, sine: Number) -> Xyz[Number]:
    """Return an axis turned back about the vertical by an angle."""
    return (cosine * v[0] + sine * v[1], cosine * v[1] - sine * v[0], v[2])


def across(z: Xyz[Number], y: Xyz[Number], of: Numbers[Number]) -> tuple[Xyz[Number], Number]:
    """Return an axis made perpendicular to a unit vector, of length one; and its part along it."""
    along = _dot(z, y)
    zx, zy, zz = z[0] - along * y[0], z[1] - along * y[1], z[2] - along * y[2]
    n = of.sqrt(zx * zx + zy * zy + zz * zz)
    return (zx / n, zy / n, zz / n), along


def knee_flexion(
    shank_y: Xyz[Number], y: Xyz[Number], z: Xyz[Number], of: Numbers[Number]
) -> Number:
    """Return the angle between the long axes of femur and shank about the knee's axis."""
    x = (y[1] * z[2] - y[2] * z[1], y[2] * z[0] - y[0] * z[2], y[0] * z[1] - y[1] * z[0])
    return of.atan2(_dot(shank_y, x), _dot(shank_y, y))


def half_turn(a: Wxyz[Number], b: Wxyz[Number]) -> Number:
    """Return the squared sine of half the angle between orientations, exact for small ones too."""
    aw, ax, ay, az = a
    bw, bx, by, bz = b
    x = aw * bx - ax * bw - ay * bz + az * by
    y = aw * by + ax * bz - ay * bw - az * bx
    z = aw * bz - ax * by + ay * bx - az * bw
    return x * x + y * y + z * z
