"""How long a position was held: the plateau, not the time near the maximum.

Holds against gravity droop by 12 to 14 % from an overshoot peak, so a band around the maximum
reports half of them. A hold begins when the slope is small high up in the movement, takes its
level from its first half second, and lasts while the angle stays near that level.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from analysis.exercises import Array

SLOPE_WINDOW_S = 0.2
BEGIN_SHARE = 0.70
STAY_SHARE = 0.65
BEGIN_MIN_S = 0.3
LEVEL_S = 0.5
BRIDGE_S = 0.3
STEADY_DPS = 4.0
STEADY_SHARE_PER_S = 0.12
BAND_DEG = 4.0
BAND_SHARE = 0.20


class Hold(NamedTuple):
    """The longest plateau of a movement."""

    duration_s: float
    start_s: float
    end_s: float
    droop_dps: float
    """How fast the angle sank while held; positive is sinking."""


def slope(time_s: Array, angle_deg: Array, window_s: float = SLOPE_WINDOW_S) -> Array:
    """Return the centred slope (n,) in degrees a second over a window."""
    if len(time_s) < 3:
        return np.zeros(len(time_s))
    half = max(1, round(window_s / 2 / float(np.median(np.diff(time_s)))))
    low = np.maximum(np.arange(len(time_s)) - half, 0)
    high = np.minimum(np.arange(len(time_s)) + half, len(time_s) - 1)
    out: Array = (angle_deg[high] - angle_deg[low]) / (time_s[high] - time_s[low])
    return out


def measure_hold(
    time_s: Array, angle_deg: Array, level_deg: float, range_deg: float
) -> Hold | None:
    """Return the longest hold of one movement, or None where nothing was held.

    Parameters
    ----------
    time_s, angle_deg
        One movement, shape (n,), without NaN.
    level_deg, range_deg
        The level it started from and how far it went.
    """
    e = angle_deg - level_deg
    limit = max(STEADY_DPS, STEADY_SHARE_PER_S * range_deg)
    steady = np.abs(slope(time_s, angle_deg)) < limit
    high = steady & (e >= BEGIN_SHARE * range_deg)
    best: Hold | None = None
    begin = 0
    for start, end in _runs(high):
        if start < begin or time_s[end] - time_s[start] < BEGIN_MIN_S:
            continue
        begin = _last_near(time_s, angle_deg, e, start, range_deg)
        last_steady = start + int(np.flatnonzero(steady[start : begin + 1])[-1])
        span = float(time_s[last_steady] - time_s[start])
        if best is None or span > best.duration_s:
            sank = float(angle_deg[start] - angle_deg[last_steady])
            best = Hold(
                span, float(time_s[start]), float(time_s[last_steady]), sank / max(span, 1e-9)
            )
    return best


def _last_near(time_s: Array, angle_deg: Array, e: Array, start: int, range_deg: float) -> int:
    """Return the index at which the angle last stays near the hold's level, breaches bridged."""
    first = angle_deg[start : int(np.searchsorted(time_s, time_s[start] + LEVEL_S))]
    band = max(BAND_DEG, BAND_SHARE * range_deg)
    near = (np.abs(angle_deg - np.median(first)) <= band) & (e >= STAY_SHARE * range_deg)
    inside = np.flatnonzero(near[start:]) + start
    breaks = np.flatnonzero(np.diff(time_s[inside]) > BRIDGE_S)
    return int(inside[breaks[0]] if len(breaks) else inside[-1])


def _runs(flags: np.typing.NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]
