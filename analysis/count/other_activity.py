"""Whether what the leg does can be the exercise at all, whatever else it may be.

The start position alone does not tell: whoever rolls over, walks, sits down or carries the units
about passes through it. What tells, without a model of any of these:

* Units on one leg keep the knee's axis across the thigh and bend the knee the way knees bend. Units
  in somebody's hands do not, nor do those whose headings are still finding together, as they do for
  seconds after the wearer has rolled over.
* An angle that moves although neither unit turns moves by itself.
* An exercise that turns the hip moves thigh and knee little beside it; walking, sitting down and
  taking a position move them most.

`Signature` takes one frame at a time, or many frames of a recording.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from analysis.angle.leg_angles import HINGE_LEVEL_MAX, LegAngles
from analysis.angle.return_zero import ReturnZero
from analysis.exercises import Exercise
from analysis.leg import LegCalibration
from imu.quaternion import FLOATS, Numbers

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
    """Says of the frames of one leg whether they are foreign to the exercise."""

    def __init__(
        self,
        calibration: LegCalibration,
        exercise: Exercise,
        rate_hz: float,
        numbers: Numbers[Any] = FLOATS,
    ) -> None:
        """Watch a calibrated leg; `numbers` says whether frames come one by one or many at once."""
        self._across = calibration.across_rad
        self._turns_hip = not exercise.moves_thigh
        # a zero on its way takes the angle along
        zero = ReturnZero.PACE_RAD_S if exercise.angle == "heading" else 0.0
        self._itself = ITSELF_RAD_S + zero
        self._rate_hz, self._gains, self._numbers = rate_hz, _Rates.at(rate_hz), numbers
        self._last: tuple[float, float, float] | None = None
        self._signal = self._thigh = self._knee = 0.0
        """Slopes."""
        self._moving = self._turning = self._counted = self._beside = 0.0
        """Mean rates: of the angle and the units for a moment, of the angle and the rest longer."""

    def interrupt(self) -> None:
        """Take that the angle is unknown for a while: what follows it is no jump."""
        self._last = None

    def push(self, angles: LegAngles[Any], signal_rad: Any, fresh: Any = False) -> Any:  # noqa: ANN401
        """Take a frame and the angle that counts in it, or many frames; say which are foreign.

        The angle is known in each; `fresh` says which of many frames follow one where it is not.
        """
        n = self._numbers
        known = angles.thigh_elevation == angles.thigh_elevation
        thigh = n.where(known, angles.thigh_elevation, 0.0)  # only the shank's axes may be known
        knee = n.where(known, angles.knee_flexion, 0.0)
        level = abs(angles.hinge_up) <= HINGE_LEVEL_MAX
        rate_hz = n.where(fresh, 0.0, self._rate_hz)  # what follows a hole is no jump
        by_itself, beside = self._follow((signal_rad, thigh, knee), angles.speed, level, rate_hz)
        off_leg = (
            (abs(angles.across - self._across) > ACROSS_MAX_RAD)
            | (abs(angles.hinge_residual) > UNSETTLED_RAD)
            | n.where((knee >= KNEE_MIN_RAD) & (knee <= KNEE_MAX_RAD), False, level)
        )
        return off_leg | by_itself | (beside & self._turns_hip)

    def _follow(
        self,
        now: tuple[Any, Any, Any],
        speed: Any,  # noqa: ANN401
        level: Any,  # noqa: ANN401
        rate_hz: Any,  # noqa: ANN401
    ) -> tuple[Any, Any]:
        """Return where the angle moves by itself, and where the leg moves beside it."""
        n, gains = self._numbers, self._gains
        before, self._last = n.shift(now, self._last)
        signal, thigh, knee = (
            n.wrap(now[0] - before[0]) * rate_hz,
            (now[1] - before[1]) * rate_hz,
            n.wrap(now[2] - before[2]) * rate_hz,
        )
        signal, self._signal = n.follow(self._signal, signal, gains.slope)
        thigh, self._thigh = n.follow(self._thigh, thigh, gains.slope)
        knee, self._knee = n.follow(self._knee, knee, gains.slope)
        moved = abs(signal)
        rest = abs(thigh) + n.where(level, abs(knee), 0.0)
        moving, self._moving = n.follow(self._moving, moved, gains.brief)
        turning, self._turning = n.follow(self._turning, speed, gains.brief)
        counted, self._counted = n.follow(self._counted, moved, gains.stroke)
        beside, self._beside = n.follow(self._beside, rest, gains.stroke)
        by_itself = moving > self._itself + ITSELF_GAIN * turning
        return by_itself, beside > n.larger(BESIDE_SHARE * counted, BESIDE_RAD_S)
