"""One heading for thigh and shank, through the knee hinge.

Units without a trusted magnetometer each have their own north. The knee ties them: its axis, seen
by the shank unit, stays perpendicular to the femur's long axis, seen by the thigh unit. Each frame
gives the turn δ about the vertical that makes it so, weighted by how well gravity shows it, and
δ is their weighted circular mean with exponential forgetting (the closed form of qmt's
one-dimensional hinge correction; Laidig, Lehmann, Bégin, Seel 2019). The long axis is used instead
of the thigh's own knee axis because the thigh's skin lags behind when the femur turns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Generic

from imu.quaternion import Number, Numbers, Xyz

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
    """How many seconds of a well seen heading the one of the calibration counts for."""
    knee_flexion_rad: float
    """Of the start pose."""
    rate_hz: float

    @property
    def share(self) -> float:
        """Return what one frame counts in the mean."""
        tau_s = FORGETTING_S if self.front_sign else KNEE_FORGETTING_S
        return -math.expm1(-1.0 / (tau_s * self.rate_hz))


class HingeHeading(Generic[Number]):
    """The common heading, one frame at a time or many at once."""

    def __init__(self, rule: HingeRule, of: Numbers[Number]) -> None:
        self._rule = rule
        self._of: Numbers[Number] = of
        self._share = rule.share
        self._knee = (math.sin(rule.knee_flexion_rad), math.cos(rule.knee_flexion_rad))
        weight = rule.weight_s * rule.rate_hz * self._share
        self._along = weight * math.cos(rule.delta_rad)
        self._aside = weight * math.sin(rule.delta_rad)
        self._delta_rad = rule.delta_rad

    def restart(self) -> None:
        """Take that a unit may have another heading: keep the last one only until one is seen."""
        self._along = self._aside = 0.0

    def push(
        self, y: Xyz[Number], z: Xyz[Number], shank_y: Xyz[Number]
    ) -> tuple[Number, Number, Number]:
        """Take femur long axis, knee axis and shank long axis in their units' earths.

        Returns
        -------
        tuple
            δ in rad; how far a frame's own δ was from that of the frames before it, NaN where it
            shows none; and how well δ is known since the last restart, from 0 to 1, NaN likewise.
        """
        of, before_rad = self._of, self._delta_rad
        if self._rule.front_sign:
            level = level_share(y, z)
        else:
            level = (1.0 - y[2] * y[2]) * (1.0 - shank_y[2] * shank_y[2])
        shown = level > WEIGHT_MIN * WEIGHT_MIN
        seen = of.pick(shown, (level, y, z, shank_y))
        if seen is None:
            return of.hold(shown, level, before_rad), math.nan * level, math.nan * level
        level, root = seen[0], self._root(*seen[1:])
        along, self._along = of.follow(self._along, level * of.cos(root), self._share)
        aside, self._aside = of.follow(self._aside, level * of.sin(root), self._share)
        delta = of.atan2(aside, along)
        residual = of.wrap(root - of.before(delta, before_rad))
        self._delta_rad = of.last(delta)
        return (
            of.hold(shown, of.spread(shown, delta, math.nan), before_rad),
            of.spread(shown, residual, math.nan),
            of.spread(shown, of.hypot(along, aside), math.nan),
        )

    def _root(self, y: Xyz[Number], z: Xyz[Number], shank_y: Xyz[Number]) -> Number:
        """Return the turn that one frame shows by itself."""
        of = self._of
        if self._rule.front_sign:
            opening = hinge_opening(y, z, of)
            return of.atan2(y[1], y[0]) - of.atan2(z[1], z[0]) + self._rule.front_sign * opening
        sine, cosine = self._knee
        apart = of.atan2(z[2] * sine, cosine - y[2] * shank_y[2])
        return of.atan2(y[1], y[0]) - of.atan2(shank_y[1], shank_y[0]) - apart


def level_share(y: Xyz[Number], z: Xyz[Number]) -> Number:
    """Return the share (squared) of gravity across both a long axis and a knee axis."""
    return 1.0 - y[2] * y[2] - z[2] * z[2]


def hinge_opening(y: Xyz[Number], z: Xyz[Number], of: Numbers[Number]) -> Number:
    """Return how far (rad) the headings of two axes are apart where they are perpendicular."""
    across = of.sqrt((y[0] * y[0] + y[1] * y[1]) * (z[0] * z[0] + z[1] * z[1]))
    return of.acos(-y[2] * z[2] / across)
