"""Where the strokes of a movement begin and end: out, hold, back.

The rep machine knows roughly, and late; here the samples of the whole movement tell when its
strokes began and stopped moving.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from analysis.count.movement import Movement
from analysis.grade.metrics import middle, velocity
from analysis.grade.rep_hold import measure_hold
from imu.sample import FloatArray

SMOOTHING_S = 0.05
"""Smoothing of the velocity that finds where a stroke begins: longer would move its slow ends."""
STILL_DPS = 1.0
"""Slower than this is rest for any wearer."""
STILL_MAX_DPS = 4.0
STILL_MAX_SHARE_PER_S = 0.12
"""Faster than this, in degrees and in ranges a second, is a stroke for any wearer; as in holds."""
SWAY_FACTOR = 3.0
"""Between the two, rest is what stays below this multiple of the wearer's own sway."""
START_S, END_S = 0.2, 0.1
"""How much of the rest before and after it a movement's first and last angle are the median of."""
RESIDUAL_MIN_DEG = 5.0
RESIDUAL_SHARE = 0.2
"""How much of the way back may be missing, in degrees and in ranges: less is a loose
return, more is a return that did not happen."""


class Reach(NamedTuple):
    """How far a movement went, as it is told when it is announced; degrees and seconds."""

    start_s: float
    """When the way out began."""
    level_deg: float
    """Where it is measured from: the rest before it, or the rest level where it had none."""
    peak_s: float
    peak_deg: float

    @property
    def rom_deg(self) -> float:
        """Peak minus level."""
        return self.peak_deg - self.level_deg


class Strokes(NamedTuple):
    """One movement, from its first to its last moving sample; degrees and seconds."""

    time_s: FloatArray
    angle_deg: FloatArray
    """Known samples only, as the times."""
    level_deg: float
    """Where it is measured from: the rest before it, or the rest level where it had none."""
    peak_s: float
    peak_deg: float
    end_deg: float
    up_end_s: float
    down_start_s: float
    """Without a hold both strokes meet at the peak."""
    hold_s: float

    @property
    def start_s(self) -> float:
        """When the way out began."""
        return float(self.time_s[0])

    @property
    def end_s(self) -> float:
        """When the way back ended."""
        return float(self.time_s[-1])

    @property
    def rom_deg(self) -> float:
        """Peak minus level."""
        return self.peak_deg - self.level_deg

    @property
    def up_s(self) -> float:
        """Duration of the way out."""
        return self.up_end_s - self.start_s

    @property
    def down_s(self) -> float:
        """Duration of the way back."""
        return self.end_s - self.down_start_s

    @property
    def whole_s(self) -> float:
        """Duration of the movement, with its hold."""
        return self.end_s - self.start_s

    def inside(self, time_s: FloatArray) -> slice:
        """Return which of some increasing times lie in the movement."""
        return between(time_s, self.start_s, self.end_s)


def find_reach(movement: Movement, time_s: FloatArray, angle_deg: FloatArray) -> Reach:
    """Return how far a movement went, given the known samples around it, shape (n,)."""
    slope = velocity(time_s, angle_deg, SMOOTHING_S)
    start = _onset(time_s, movement)
    out = slope[: start + 1]
    still, v = _still_dps(out, movement.range_deg), out.tolist()
    while start > 0 and v[start - 1] > still:
        start -= 1
    end = max(_back(time_s, movement), start)
    peak = start + int(angle_deg[start : end + 1].argmax())
    level = _median(angle_deg, time_s, time_s[start] - START_S, time_s[start])
    if level - movement.level_deg > residual_limit_deg(movement.range_deg):
        level = movement.level_deg  # the one before did not return
    return Reach(float(time_s[start]), level, float(time_s[peak]), float(angle_deg[peak]))


def find_strokes(
    movement: Movement, time_s: FloatArray, angle_deg: FloatArray, reach: Reach
) -> Strokes:
    """Return the strokes of a movement, given the known samples around it, shape (n,)."""
    start, peak = time_s.searchsorted((reach.start_s, reach.peak_s)).tolist()
    end = _end(time_s, angle_deg, movement, start, peak)
    level, peak_s, peak_deg = reach.level_deg, reach.peak_s, reach.peak_deg
    part = slice(start, end + 1)
    hold = measure_hold(time_s[part], angle_deg[part], level, peak_deg - level)
    return Strokes(
        time_s=time_s[part],
        angle_deg=angle_deg[part],
        level_deg=level,
        peak_s=peak_s,
        peak_deg=peak_deg,
        end_deg=_median(angle_deg, time_s, time_s[end], time_s[end] + END_S),
        up_end_s=hold.start_s if hold else peak_s,
        down_start_s=hold.end_s if hold else peak_s,
        hold_s=hold.duration_s if hold else 0.0,
    )


def residual_limit_deg(range_deg: float) -> float:
    """Return how far from its rest position a movement may end and still have returned."""
    return max(RESIDUAL_MIN_DEG, RESIDUAL_SHARE * range_deg)


def between(time_s: FloatArray, start_s: float, end_s: float) -> slice:
    """Return the rows of increasing times (n,) from a start to an end, both included."""
    return slice(int(time_s.searchsorted(start_s)), int(time_s.searchsorted(end_s, "right")))


def _median(values: FloatArray, time_s: FloatArray, start_s: float, end_s: float) -> float:
    return middle(values[between(time_s, start_s, end_s)])


def _onset(time_s: FloatArray, movement: Movement) -> int:
    return min(int(time_s.searchsorted(movement.onset_s)), len(time_s) - 1)


def _back(time_s: FloatArray, movement: Movement) -> int:
    return min(int(time_s.searchsorted(movement.back_s, "right")), len(time_s)) - 1


def _end(
    time_s: FloatArray, angle_deg: FloatArray, movement: Movement, start: int, peak: int
) -> int:
    """Return the index where the way back stops moving."""
    last, end = len(time_s) - 1, max(_back(time_s, movement), start)
    if movement.status == "rejected":
        return end
    slope = velocity(time_s, angle_deg, SMOOTHING_S)
    still = _still_dps(slope[: _onset(time_s, movement) + 1], movement.range_deg)
    v = slope.tolist()
    while end < last and v[end] < -still:
        end += 1
    while end > peak + 1 and abs(v[end]) < still and abs(v[end - 1]) < still:
        end -= 1
    return end


def _still_dps(before: FloatArray, range_deg: float) -> float:
    """Return below which slope the leg is still: little, but above the sway of the rest before."""
    ordered, quarter = np.sort(before), len(before) // 4
    # Sway goes both ways, the slow beginning of a movement only one: that is no sway.
    both_ways = min(-float(ordered[quarter]), float(ordered[-1 - quarter]))
    sway = SWAY_FACTOR * max(0.0, both_ways)
    return max(STILL_DPS, min(sway, STILL_MAX_DPS, STILL_MAX_SHARE_PER_S * range_deg))
