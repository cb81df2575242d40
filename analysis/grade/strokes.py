"""Where the strokes of a movement begin and end: out, hold, back.

The rep machine knows roughly, and late; here the samples of the whole movement tell when its
strokes began and stopped moving, and how long it was held at its far end.

A hold is the plateau, not the time near the maximum: holds against gravity droop by 12 to 14 % from
an overshoot peak, so a band around the maximum reports half of them. It begins when the slope is
small high up in the movement, takes its level from its first half second, and lasts while the angle
stays near that level.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from analysis.count.movement import Movement
from analysis.grade.metrics import evenly, middle, slopes, smoothed, velocity
from imu.sample import BoolArray, FloatArray

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
CALM_S = 0.1
"""Smoothing that finds a plateau: a tremor of 4 Hz and 1° has a slope of 1 °/s left."""
SHARP_S = 0.05
"""Smoothing that finds its ends: the other one takes 0.1 s off each beside a quick stroke."""
ENDS_S = 0.3
"""How far an end may lie beyond what the calm trace shows."""
BEGIN_SHARE = 0.70
STAY_SHARE = 0.65
"""A hold begins above the one share of the range and lasts above the other: holds against gravity
sink by 12 to 14 % from the peak that the swing reaches."""
HOLD_MIN_S = 0.3
"""A shorter plateau is the turn between the two strokes."""
LEVEL_S = 0.5
"""The level of a hold is the median of its beginning, before it sinks."""
BRIDGE_S = 0.3
"""A shorter departure from the level is a twitch within the hold."""
STEADY_DPS = 4.0
STEADY_SHARE_PER_S = 0.12
"""Slower than this, in degrees and in ranges a second, is held: a sinking leg, but no stroke."""
BAND_DEG = 4.0
BAND_SHARE = 0.20
"""How far a hold may leave its level, in degrees and in ranges: sinking and a twitch together."""


class Course(NamedTuple):
    """The known samples around one movement, shape (n,), and the slope that tells its strokes."""

    time_s: FloatArray
    angle_deg: FloatArray
    slope_dps: FloatArray

    @classmethod
    def of(cls, time_s: FloatArray, angle_deg: FloatArray) -> Course:
        """Take the samples around a movement, in order of time; NaN is a hole."""
        if math.isnan(angle_deg.dot(angle_deg)):  # the cheapest way to see whether one is NaN
            known = ~np.isnan(angle_deg)
            time_s, angle_deg = time_s[known], angle_deg[known]
        return cls(time_s, angle_deg, velocity(time_s, angle_deg, SMOOTHING_S))


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

    @property
    def middle_s(self) -> float:
        """The middle of its hold, or its peak: while holding, the highest sample is chance."""
        return (self.up_end_s + self.down_start_s) / 2

    def inside(self, time_s: FloatArray) -> slice:
        """Return which of some increasing times lie in the movement."""
        return between(time_s, self.start_s, self.end_s)


def find_reach(movement: Movement, course: Course) -> Reach:
    """Return how far a movement went.

    It is asked live, at the frame that announces the movement: there each call of numpy costs as
    much as a dozen of Python's own, because none is in the processor's cache.
    """
    times, angle_deg = course.time_s.tolist(), course.angle_deg
    start = _onset(times, movement)
    slope = course.slope_dps[: start + 1].tolist()
    still = _still_dps(slope, movement.range_deg)
    while start > 0 and slope[start - 1] > still:
        start -= 1
    end = max(_back(times, movement), start)
    peak = start + int(angle_deg[start : end + 1].argmax())
    before = angle_deg[bisect_left(times, times[start] - START_S) : start + 1]
    level = middle(before)
    if level - movement.level_deg > residual_limit_deg(movement.range_deg):
        level = movement.level_deg  # the one before did not return
    return Reach(times[start], level, times[peak], float(angle_deg[peak]))


def find_strokes(movement: Movement, course: Course, reach: Reach) -> Strokes:
    """Return the strokes of a movement that went so far."""
    time_s, angle_deg, _ = course
    start, peak = time_s.searchsorted((reach.start_s, reach.peak_s)).tolist()
    end = _end(movement, course, start, peak)
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


def _onset(times: Sequence[float], movement: Movement) -> int:
    return min(bisect_left(times, movement.onset_s), len(times) - 1)


def _back(times: Sequence[float], movement: Movement) -> int:
    return bisect_right(times, movement.back_s) - 1


def _end(movement: Movement, course: Course, start: int, peak: int) -> int:
    """Return the index where the way back stops moving."""
    times = course.time_s.tolist()
    last, end = len(times) - 1, max(_back(times, movement), start)
    if movement.status == "rejected":
        return end
    v = course.slope_dps.tolist()
    still = _still_dps(v[: _onset(times, movement) + 1], movement.range_deg)
    while end < last and v[end] < -still:
        end += 1
    while end > peak + 1 and abs(v[end]) < still and abs(v[end - 1]) < still:
        end -= 1
    return end


def _still_dps(before: Sequence[float], range_deg: float) -> float:
    """Return below which slope the leg is still: little, but above the sway of the rest before."""
    ordered, quarter = sorted(before), len(before) // 4
    # Sway goes both ways, the slow beginning of a movement only one: that is no sway.
    both_ways = min(-ordered[quarter], ordered[-1 - quarter])
    sway = SWAY_FACTOR * max(0.0, both_ways)
    return max(STILL_DPS, min(sway, STILL_MAX_DPS, STILL_MAX_SHARE_PER_S * range_deg))


class Hold(NamedTuple):
    """The longest plateau of a movement."""

    duration_s: float
    start_s: float
    end_s: float
    droop_dps: float
    """How fast the angle sank while held; positive is sinking."""


def measure_hold(
    time_s: FloatArray, angle_deg: FloatArray, level_deg: float, range_deg: float
) -> Hold | None:
    """Return the longest hold of one movement, or None where nothing was held.

    Parameters
    ----------
    time_s, angle_deg
        One movement, shape (n,), without NaN.
    level_deg, range_deg
        The level it started from and how far it went.
    """
    if len(time_s) < 3:
        return None
    even, dt = evenly(time_s, angle_deg - level_deg)
    calm = smoothed(even, CALM_S / dt)
    limit = max(STEADY_DPS, STEADY_SHARE_PER_S * range_deg)
    steady = np.abs(slopes(calm, dt)) < limit
    sharp = np.abs(slopes(smoothed(even, SHARP_S / dt), dt)) < limit
    best, best_span, last = (0, 0), 0, -1
    for start in _beginnings(steady & (calm >= BEGIN_SHARE * range_deg)):
        if start <= last:  # part of the hold before
            continue
        last = _last_near(calm, start, range_deg, dt)
        held = start + int(np.flatnonzero(steady[start : last + 1])[-1])
        ends = _widened(sharp, start, held, round(ENDS_S / dt))
        if ends[1] - ends[0] > best_span:
            best, best_span = ends, ends[1] - ends[0]
    duration_s = best_span * dt
    if duration_s < HOLD_MIN_S:
        return None
    start_s = float(time_s[0]) + best[0] * dt
    droop = float(calm[best[0]] - calm[best[1]]) / duration_s
    return Hold(duration_s, start_s, start_s + duration_s, droop)


def _beginnings(flags: BoolArray) -> list[int]:
    """Return where each run of true flags begins."""
    begins = flags.copy()
    begins[1:] &= ~flags[:-1]
    found: list[int] = np.flatnonzero(begins).tolist()
    return found


def _last_near(calm: FloatArray, start: int, range_deg: float, dt: float) -> int:
    """Return the index at which the angle last stays near the hold's level, breaches bridged."""
    level = middle(calm[start : start + max(1, round(LEVEL_S / dt))])
    band = max(BAND_DEG, BAND_SHARE * range_deg)
    near = (np.abs(calm - level) <= band) & (calm >= STAY_SHARE * range_deg)
    inside = start + np.flatnonzero(np.concatenate(([True], near[start + 1 :])))
    breaks = np.flatnonzero((inside[1:] - inside[:-1]) * dt > BRIDGE_S)
    return int(inside[breaks[0]] if len(breaks) else inside[-1])


def _widened(steady: BoolArray, start: int, end: int, most: int) -> tuple[int, int]:
    """Return the ends moved outwards over samples that are steady too, by `most` at most."""
    first, last = start, end
    while first > max(0, start - most) and steady[first - 1]:
        first -= 1
    while last < min(len(steady) - 1, end + most) and steady[last + 1]:
        last += 1
    return first, last
