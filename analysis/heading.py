"""One heading for thigh and shank, through the knee hinge, and a zero for angles that drift.

Units without a trusted magnetometer each have their own north. The knee ties them: its axis, seen
by the shank unit, stays perpendicular to the femur's long axis, seen by the thigh unit. Each frame
gives the turn δ about the vertical that makes it so, weighted by how well gravity shows it, and
δ is their weighted circular mean with exponential forgetting (the closed form of qmt's
one-dimensional hinge correction; Laidig, Lehmann, Bégin, Seel 2019). The long axis is used instead
of the thigh's own knee axis because the thigh's skin lags behind when the femur turns.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from imu.quaternion import Vector

Array = npt.NDArray[np.float64]

FORGETTING_S = 2.0
"""Time constant; 1 to 2 s is best on hinge chains, longer lags behind drift."""
KNEE_FORGETTING_S = 5.0
"""Time constant where only the knee's bend ties the headings: longer than a movement's wobble."""
WEIGHT_MIN = 0.4
"""Share of gravity across the hinge below which heading is frozen (qmt's ratingMin)."""


@dataclass(frozen=True, slots=True)
class HingeRule:
    """How an exercise ties the headings of thigh and shank.

    With the femur's front up or down the hinge is level and perpendicularity shows δ. With the
    front sideways (side-lying, 90-90) the hinge is vertical, perpendicularity says nothing, and
    the knee's bend of the start pose is taken to last: δ keeps the long axes of thigh and shank at
    the angle they had there. With knee flexion k, long axes y of the femur and s of the shank and
    up u, their headings differ by atan2((z·u) sin k, cos k − (y·u)(s·u)), the ratio of the vertical
    parts of s × y = z sin k and of y·s = cos k, however the thigh slopes and turns.
    """

    front_sign: int
    """+1 where the femur's front faces up, −1 down, 0 sideways."""
    delta_rad: float
    weight_s: float
    knee_flexion_rad: float
    """Of the start pose."""
    rate_hz: float

    @property
    def keep(self) -> float:
        """Return what one frame leaves of the sums before it."""
        tau_s = FORGETTING_S if self.front_sign else KNEE_FORGETTING_S
        return math.exp(-1.0 / (tau_s * self.rate_hz))

    @property
    def start(self) -> complex:
        """Return the weighted sum that the calibration leaves."""
        return cmath.rect(self.weight_s * self.rate_hz, self.delta_rad)


class HingeHeading:
    """The common heading, one frame at a time."""

    def __init__(self, rule: HingeRule) -> None:
        self._rule = rule
        self._keep = rule.keep
        self._knee = (math.sin(rule.knee_flexion_rad), math.cos(rule.knee_flexion_rad))
        self._sum = rule.start
        self._weight = abs(rule.start)
        self.delta_rad = rule.delta_rad
        self.residual_rad = math.nan

    def push(self, y: Vector, z: Vector, shank_y: Vector) -> float:
        """Take femur long axis, knee axis and shank long axis in their units' earths; return δ.

        `residual_rad` is then how far this frame's own δ was from that of the frames before it, NaN
        where it shows none.
        """
        self.residual_rad = math.nan
        sign = self._rule.front_sign
        if sign:
            level = 1.0 - y[2] * y[2] - z[2] * z[2]
        else:
            level = (1.0 - y[2] * y[2]) * (1.0 - shank_y[2] * shank_y[2])
        if level > WEIGHT_MIN * WEIGHT_MIN:
            if sign:
                across = math.sqrt((y[0] * y[0] + y[1] * y[1]) * (z[0] * z[0] + z[1] * z[1]))
                opening = math.acos(max(-1.0, min(1.0, -y[2] * z[2] / across)))
                root = math.atan2(y[1], y[0]) - math.atan2(z[1], z[0]) + sign * opening
            else:
                sine, cosine = self._knee
                root = (
                    math.atan2(y[1], y[0])
                    - math.atan2(shank_y[1], shank_y[0])
                    - math.atan2(z[2] * sine, cosine - y[2] * shank_y[2])
                )
            self.residual_rad = math.remainder(root - self.delta_rad, 2.0 * math.pi)
            self._sum = self._keep * self._sum + complex(
                level * math.cos(root), level * math.sin(root)
            )
            self._weight = self._keep * self._weight + level
            self.delta_rad = math.atan2(self._sum.imag, self._sum.real)
        return self.delta_rad

    @property
    def consistency(self) -> float:
        """Return R̄ in 0…1: 1 when every frame of the last seconds agreed on the heading."""
        return abs(self._sum) / self._weight if self._weight else 0.0


def hinge_heading(
    rule: HingeRule, y: Array, z: Array, shank_y: Array, *, two_sided: bool = False
) -> tuple[Array, Array]:
    """Return δ and its residuals, (n,) each: `HingeHeading` over axes (n, 3), NaN rows skipped.

    With `two_sided` δ is the mean over what comes before and after, which does not lag; residuals
    stay those of live.
    """
    residual = np.full(len(y), np.nan)
    level = 1.0 - y[:, 2] ** 2 - z[:, 2] ** 2
    if not rule.front_sign:
        level = (1.0 - y[:, 2] ** 2) * (1.0 - shank_y[:, 2] ** 2)
    used = level > WEIGHT_MIN * WEIGHT_MIN  # False where NaN
    if not used.any():
        return np.full(len(y), rule.delta_rad), residual
    y, z, shank_y, level = y[used], z[used], shank_y[used], level[used]
    if rule.front_sign:
        across = np.sqrt((y[:, 0] ** 2 + y[:, 1] ** 2) * (z[:, 0] ** 2 + z[:, 1] ** 2))
        opening = np.arccos(np.clip(-y[:, 2] * z[:, 2] / across, -1.0, 1.0))
        root = heading_of(y) - heading_of(z) + rule.front_sign * opening
    else:
        knee = rule.knee_flexion_rad
        apart = np.arctan2(z[:, 2] * np.sin(knee), np.cos(knee) - y[:, 2] * shank_y[:, 2])
        root = heading_of(y) - heading_of(shank_y) - apart
    re = _forget(level * np.cos(root), rule.keep, rule.start.real)
    im = _forget(level * np.sin(root), rule.keep, rule.start.imag)
    delta = np.arctan2(im, re)
    off = root - np.concatenate(([rule.delta_rad], delta[:-1]))
    residual[used] = off - 2 * np.pi * np.round(off / (2 * np.pi))
    if two_sided:
        after = [
            _forget(part[::-1], rule.keep, 0.0)[::-1] - part
            for part in (level * np.cos(root), level * np.sin(root))
        ]
        delta = np.arctan2(im + after[1], re + after[0])
    last = np.cumsum(used) - 1
    return np.where(last >= 0, delta[np.maximum(last, 0)], rule.delta_rad), residual


def heading_of(axis: Array) -> Array:
    """Return where axes (n, 3) point about the vertical, rad, shape (n,)."""
    out: Array = np.arctan2(axis[:, 1], axis[:, 0])
    return out


def _forget(x: Array, keep: float, start: float) -> Array:
    """Return the running sums s ← keep·s + x (n,) that begin from a start value."""
    out: Array = lfilter([1.0], [1.0, -keep], x, zi=[keep * start])[0]
    return out


class ReturnZero:
    """The zero of an angle that rests on heading, renewed when the wearer is back and still.

    A stretch of stillness near the zero that lasts long enough becomes the new zero: its mean, not
    the newest angle, so that the slow beginning of a movement is not taken for drift, and only as
    far as units drift while it lasts, and only if the angle does not run on meanwhile, so that a
    slow movement is not either. The offset
    goes there at a limited rate while the leg keeps still, so that the reading never jumps; how far
    the reading was off is kept as the residual.

    Who leaves the start pose may come back facing another way: the zero is lost then, and the next
    stretch of stillness in the start pose is the new one, wherever that is.
    """

    STILL_RAD_S = math.radians(4.0)
    STILL_S = 0.3
    NEAR_RAD = math.radians(4.0)
    AGAIN_RAD = math.radians(1.0)
    """What a leg that keeps still sways; more is a slow movement, which is not drift."""
    RUN_RAD_S = math.radians(1.0)
    """Faster than this the angle of a leg that rests does not run: it drifts and sways by less."""
    NEAR_DRIFT_RAD_S = math.radians(0.2)
    """What a common unit's heading drifts at most: the longer ago the zero, the less near."""
    FIRST_DRIFT_RAD_S, FIRST_MAX_RAD = math.radians(0.5), math.radians(10.0)
    """The same, and its limit, until the first return: a unit may not know its bias yet."""
    PACE_RAD_S = math.radians(5.0)  # at 25 Hz 0.2° a sample: no step a person could see
    STEP_S = 0.04
    """After a hole it goes no farther than in one sample at 25 Hz."""
    GAP_S = 0.1
    """Who moved in a longer gap is not known to have kept still."""
    OUT_RAD, OUT_S = math.radians(30.0), 0.2
    """A limb this far from its slope in the start pose for so long steps, and may step round."""
    FAR_RAD = math.radians(75.0)
    """No hip turns so far: its wearer did."""
    ANEW_S = 0.8
    """A rest in a new place, and no pause on the way there."""

    def __init__(self, offset_rad: float, now_s: float) -> None:
        self.offset_rad = self.target_rad = offset_rad
        self.since_s = now_s
        self.residual_rad = 0.0
        self.is_lost = False
        self._out_from = math.inf
        self._returned = False
        self._near_rad: float | None = None
        self._first: tuple[float, float] | None = None
        self._still_from: float | None = None
        self._sum, self._count = 0.0, 0
        self._moments = (0.0, 0.0, 0.0)
        """Sums over a stretch of time, of its square, and of angle by time, from its beginning."""
        self._last_s = now_s

    def push(
        self, time_s: float, angle_rad: float, speed_rad_s: float, *, in_pose: bool = True
    ) -> float:
        """Take the raw angle and the leg's speed; return the angle from the current zero.

        `in_pose` is whether the leg is in the start pose, as far as gravity shows it.
        """
        dt = max(time_s - self._last_s, 0.0)
        if dt > self.GAP_S:
            self._near_rad = self._still_from = self._first = None
        dt = min(dt, self.STEP_S)
        self._last_s = time_s
        reading = math.remainder(angle_rad - self.offset_rad, 2.0 * math.pi)
        self._see_whether_lost(time_s, reading, in_pose=in_pose)
        if self.is_lost:
            return self._found_anew(time_s, reading, still=speed_rad_s <= self.STILL_RAD_S)
        if speed_rad_s > self.STILL_RAD_S:
            self._near_rad = self._still_from = self._first = None
            self.target_rad = self.offset_rad  # a repetition keeps the zero that it began with
        else:
            if self._near_rad is None:  # decided once, or a long hold would become near at last
                since_s = time_s - self.since_s
                drifted = self.NEAR_DRIFT_RAD_S * since_s
                if not self._returned:
                    first = min(self.FIRST_DRIFT_RAD_S * since_s, self.FIRST_MAX_RAD)
                    drifted = max(drifted, first)
                self._near_rad = self.NEAR_RAD + drifted
            if abs(reading) <= self._near_rad:
                self._watch(time_s, reading)
            else:
                self._still_from = None
        step = math.remainder(self.target_rad - self.offset_rad, 2.0 * math.pi)
        step = max(-self.PACE_RAD_S * dt, min(self.PACE_RAD_S * dt, step))
        self.offset_rad += step
        return reading - step

    def _see_whether_lost(self, time_s: float, reading: float, *, in_pose: bool) -> None:
        if in_pose:
            self._out_from = math.inf
        elif self._out_from == math.inf:
            self._out_from = time_s
        out = time_s - self._out_from >= self.OUT_S
        if out or (abs(reading) > self.FAR_RAD and not self.is_lost):
            self.is_lost, self._still_from = True, None

    def _found_anew(self, time_s: float, reading: float, *, still: bool) -> float:
        """Return the angle from the zero; where it is a new one, it has just been found."""
        if not still:
            self._still_from = None
            return reading
        mean = self._mean_of_stretch(time_s, reading, self.ANEW_S)
        if mean is None:
            return reading
        reading += self.offset_rad - mean
        self.residual_rad = mean - self.target_rad
        self.offset_rad = self.target_rad = mean
        self.since_s = time_s
        self.is_lost, self._near_rad, self._first = False, None, None
        return reading

    def _mean_of_stretch(self, time_s: float, reading: float, lasts_s: float) -> float | None:
        """Return the mean angle of a still stretch that has lasted so long and did not run on."""
        if self._still_from is None:
            self._still_from, self._sum, self._count = time_s, 0.0, 0
            self._moments = (0.0, 0.0, 0.0)
        angle = self.offset_rad + reading  # the offset may be on its way to the last target
        since_s, (t, tt, at) = time_s - self._still_from, self._moments
        self._moments = (t + since_s, tt + since_s * since_s, at + angle * since_s)
        self._sum += angle
        self._count += 1
        if since_s < lasts_s:
            return None
        self._still_from = None
        return None if abs(self._slope()) > self.RUN_RAD_S else self._sum / self._count

    def _watch(self, time_s: float, reading: float) -> None:
        mean = self._mean_of_stretch(time_s, reading, self.STILL_S)
        if mean is not None:
            if self._first is None:
                self._first = (mean, time_s)
            first_rad, first_s = self._first
            allowed = self.AGAIN_RAD + self.NEAR_DRIFT_RAD_S * (time_s - first_s)
            if abs(mean - first_rad) <= allowed:
                self.residual_rad = mean - self.target_rad
                self.target_rad = mean
                self.since_s = time_s
                self._returned = True

    def _slope(self) -> float:
        """Return how fast (rad/s) the angle ran over the stretch: the line of least squares."""
        n, (t, tt, at) = self._count, self._moments
        spread = n * tt - t * t
        return (n * at - t * self._sum) / spread if spread > 0.0 else 0.0
