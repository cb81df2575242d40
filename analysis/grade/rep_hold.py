"""How long a repetition was held at its far end: the plateau, not the time near the maximum.

Holds against gravity droop by 12 to 14 % from an overshoot peak, so a band around the maximum
reports half of them. A hold begins when the slope is small high up in the movement, takes its
level from its first half second, and lasts while the angle stays near that level.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from analysis.grade.metrics import evenly, middle, slopes, smoothed
from imu.sample import FloatArray

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

Flags = np.typing.NDArray[np.bool_]


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
    calm = smoothed(even, dt, CALM_S)
    limit = max(STEADY_DPS, STEADY_SHARE_PER_S * range_deg)
    steady = np.abs(slopes(calm, dt)) < limit
    sharp = np.abs(slopes(smoothed(even, dt, SHARP_S), dt)) < limit
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


def _beginnings(flags: Flags) -> list[int]:
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


def _widened(steady: Flags, start: int, end: int, most: int) -> tuple[int, int]:
    """Return the ends moved outwards over samples that are steady too, by `most` at most."""
    first, last = start, end
    while first > max(0, start - most) and steady[first - 1]:
        first -= 1
    while last < min(len(steady) - 1, end + most) and steady[last + 1]:
        last += 1
    return first, last
