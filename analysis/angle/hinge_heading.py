"""One heading for thigh and shank, through the knee hinge.

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
