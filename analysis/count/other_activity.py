"""Whether what the leg does can be the exercise at all, whatever else it may be.

The start position alone does not tell: whoever rolls over, walks, sits down or carries the units
about passes through it. What tells, without a model of any of these:

* Units on one leg keep the knee's axis across the thigh and bend the knee the way knees bend. Units
  in somebody's hands do not, nor do those whose headings are still finding together, as they do for
  seconds after the wearer has rolled over.
* An angle that moves although neither unit turns moves by itself.
* An exercise that turns the hip moves thigh and knee little beside it; walking, sitting down and
  taking a position move them most.

`Signature` takes one frame at a time; `foreign` does a whole recording.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analysis.angle.leg_angles import LegAngles
from analysis.angle.return_zero import ReturnZero
from analysis.count.angle_filter import followed
from analysis.count.start_position import HINGE_LEVEL_MAX
from analysis.exercises.exercise import Exercise
from analysis.leg import LegCalibration
from imu.quaternion import TWO_PI
from imu.sample import FloatArray

ACROSS_MAX_RAD = math.radians(35.0)
"""A virtual wearer's units are never 4° off; a strap that slips by 30° costs no repetition."""
UNSETTLED_RAD = math.radians(60.0)
"""Of a frame's own common heading from that of the seconds before it; circles show up to 27°, and
a heading that iron turns need not cost a repetition either."""
KNEE_MIN_RAD, KNEE_MAX_RAD = math.radians(-30.0), math.radians(165.0)
"""What no knee reaches, with room for a strap that has slipped."""
SLOPE_S = 0.1
"""Time constant of a rate, before its size is taken: the noise of one sample is no motion."""
BRIEF_S = 0.3
STROKE_S = 1.0
"""Time constants of mean rates: over a moment, and over about one stroke."""
BESIDE_RAD_S = math.radians(30.0)
"""Mean rate of thigh and knee together beside a turning hip: a thigh that lifts by 12° and a knee
that gives 15° in a stroke are faults, and half of this."""
BESIDE_SHARE = 1.5
"""They must also move this much more than the hip turns."""
ITSELF_RAD_S = math.radians(1.0)
"""Headings of units at rest drift by a fifth of it."""
ITSELF_GAIN = 2.5
"""A sloping thigh turns faster against gravity than the unit on it: 1.3 times is the most seen."""


class _Rates(NamedTuple):
    """Filter gains at a rate of frames."""

    slope: float
    brief: float
    stroke: float

    @classmethod
    def at(cls, rate_hz: float) -> _Rates:
        return cls(*(-math.expm1(-1.0 / (tau * rate_hz)) for tau in (SLOPE_S, BRIEF_S, STROKE_S)))


class Signature:
    """Says of every frame of one leg whether it is foreign to the exercise."""

    def __init__(self, calibration: LegCalibration, exercise: Exercise, rate_hz: float) -> None:
        self._across = calibration.across_rad
        self._turns_hip = not exercise.moves_thigh
        self._itself = _itself(exercise)
        self._rate_hz = rate_hz
        self._gains = _Rates.at(rate_hz)
        self._last: tuple[float, float, float] | None = None
        self._signal = self._thigh = self._knee = 0.0
        """Slopes."""
        self._moving = self._turning = self._counted = self._beside = 0.0
        """Mean rates: of the angle and the units for a moment, of the angle and the rest longer."""

    def push(self, angles: LegAngles[float], signal_rad: float) -> bool:
        """Take one frame and the angle that counts in it; an unknown angle is not foreign."""
        if signal_rad != signal_rad:
            self._last = None
            return False
        thigh, knee = angles.thigh_elevation, angles.knee_flexion
        if thigh != thigh:  # only the shank's axes are known
            thigh = knee = 0.0
        level = abs(angles.hinge_up) <= HINGE_LEVEL_MAX
        self._follow((signal_rad, thigh, knee), angles.speed, level=level)
        off_leg = (
            abs(angles.across - self._across) > ACROSS_MAX_RAD
            or abs(angles.hinge_residual) > UNSETTLED_RAD
            or (level and not KNEE_MIN_RAD <= knee <= KNEE_MAX_RAD)
        )
        by_itself = self._moving > self._itself + ITSELF_GAIN * self._turning
        beside = self._beside > max(BESIDE_RAD_S, BESIDE_SHARE * self._counted)
        return off_leg or by_itself or (self._turns_hip and beside)

    def _follow(self, now: tuple[float, float, float], speed: float, *, level: bool) -> None:
        last, self._last = self._last, now
        signal = thigh = knee = 0.0
        if last is not None:
            signal = math.remainder(now[0] - last[0], TWO_PI) * self._rate_hz
            thigh = (now[1] - last[1]) * self._rate_hz
            knee = math.remainder(now[2] - last[2], TWO_PI) * self._rate_hz
        gains = self._gains
        self._signal += gains.slope * (signal - self._signal)
        self._thigh += gains.slope * (thigh - self._thigh)
        self._knee += gains.slope * (knee - self._knee)
        moved = abs(self._signal)
        beside = abs(self._thigh) + (abs(self._knee) if level else 0.0)
        self._moving += gains.brief * (moved - self._moving)
        self._turning += gains.brief * (speed - self._turning)
        self._counted += gains.stroke * (moved - self._counted)
        self._beside += gains.stroke * (beside - self._beside)


def foreign(
    series: LegAngles[FloatArray],
    signal_rad: FloatArray,
    calibration: LegCalibration,
    exercise: Exercise,
    rate_hz: float,
    first: int = 0,
) -> npt.NDArray[np.bool_]:
    """Return which frames (n,) of a recording are foreign to the exercise: `Signature` in numpy.

    Those before the row `first` are not looked at.
    """
    out = np.zeros(len(signal_rad), dtype=np.bool_)
    rows = first + np.flatnonzero(~np.isnan(signal_rad[first:]))
    if len(rows) == 0:
        return out
    gains, thigh_known = _Rates.at(rate_hz), ~np.isnan(series.thigh_elevation[rows])
    thigh = np.where(thigh_known, series.thigh_elevation[rows], 0.0)
    knee = np.where(thigh_known, series.knee_flexion[rows], 0.0)
    level = np.abs(series.hinge_up[rows]) <= HINGE_LEVEL_MAX
    follows = np.diff(rows, prepend=-2) == 1

    def rate(angle: FloatArray) -> FloatArray:
        step = np.diff(angle, prepend=angle[:1])
        step -= TWO_PI * np.round(step / TWO_PI)
        return np.abs(_mean(np.where(follows, step, 0.0) * rate_hz, gains.slope))

    moved = rate(signal_rad[rows])
    beside = _mean(rate(thigh) + np.where(level, rate(knee), 0.0), gains.stroke)
    turning = _mean(series.speed[rows], gains.brief)
    off_leg = np.abs(series.across[rows] - calibration.across_rad) > ACROSS_MAX_RAD
    off_leg |= np.abs(series.hinge_residual[rows]) > UNSETTLED_RAD
    off_leg |= level & ~((knee >= KNEE_MIN_RAD) & (knee <= KNEE_MAX_RAD))
    found = off_leg | (_mean(moved, gains.brief) > _itself(exercise) + ITSELF_GAIN * turning)
    if not exercise.moves_thigh:
        found |= beside > np.maximum(BESIDE_RAD_S, BESIDE_SHARE * _mean(moved, gains.stroke))
    out[rows] = found
    return out


def _itself(exercise: Exercise) -> float:
    """Return how fast (rad/s) an angle may move by itself; a zero takes it along on its way."""
    return ITSELF_RAD_S + (ReturnZero.PACE_RAD_S if exercise.angle == "heading" else 0.0)


def _mean(x: FloatArray, gain: float) -> FloatArray:
    return followed(0.0, x, gain)[1]
