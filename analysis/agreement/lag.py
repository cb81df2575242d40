"""Two recordings of one movement, each by its own clock: how far apart the clocks are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import correlate, correlation_lags

from analysis.agreement.differences import correlation
from imu.sample import FloatArray, IntArray

GRID_S = 0.02
"""The coarse search; a joint does not move by a degree in less."""
SUMMIT = 5
"""Grid steps on either side of the best lag, 0.1 s: far shorter than any movement."""
OVERLAP_MIN = 0.5
"""Of the shorter recording: with less in common, chance finds a likeness."""
ALIKE_MIN = 0.5
"""Below this correlation nothing says that the two saw one movement."""
GAP_MAX_S = 0.1
"""Longer gaps are not filled, as nowhere in a session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How a reference's clock is set against the session's."""

    lag_s: float
    """What is added to the reference's times; positive where its clock is early."""
    r: float
    """How alike the two are then, as a mean correlation, each angle by how far it moves."""

    @property
    def is_sure(self) -> bool:
        """Say whether the two saw the same movement."""
        return self.r >= ALIKE_MIN


def find_lag(
    time_s: FloatArray,
    ours: list[FloatArray],
    reference_s: FloatArray,
    theirs: list[FloatArray],
    max_lag_s: float,
) -> Lag | None:
    """Return the lag at which a reference's angles are most like the session's.

    Parameters
    ----------
    time_s, ours
        Seconds (n,) and angles (n,) in degrees, NaN where empty.
    reference_s, theirs
        The same of the reference, angle by angle.
    max_lag_s
        How far apart the clocks may be.

    Returns
    -------
    Lag or None
        None where no angle moves in both while they overlap.
    """
    pairs = list(zip(map(_unwrapped, ours), map(_unwrapped, theirs), strict=True))
    alike = _likeness_by_lag(time_s, pairs, reference_s, max_lag_s)
    if not alike:
        return None
    lag_s = float(np.clip(_summit(alike), -max_lag_s, max_lag_s))
    seen = [(_alike(time_s, a, reference_s, b, lag_s), _size(a)) for a, b in pairs]
    known = [(r, size) for r, size in seen if r == r]
    whole = sum(size for _, size in known)
    return Lag(lag_s=lag_s, r=sum(r * size for r, size in known) / whole if whole else -1.0)


def _size(angle_deg: FloatArray) -> float:
    """Return how far an angle moves: one that hardly does says little of the lag."""
    return float(np.nanstd(angle_deg))


def _likeness_by_lag(
    time_s: FloatArray,
    pairs: list[tuple[FloatArray, FloatArray]],
    reference_s: FloatArray,
    max_lag_s: float,
) -> dict[int, float]:
    """Return how alike all angles together are at each lag, in steps of the grid."""
    alike: dict[int, float] = {}
    for ours, theirs in pairs:
        a, b = _on_grid(time_s, ours), _on_grid(reference_s, theirs)
        if a is None or b is None:
            continue
        size = _size(a[1])
        steps, r = _masked_correlation(a[1], b[1])
        lags = a[0] - b[0] + steps
        near = ~np.isnan(r) & (np.abs(lags) * GRID_S <= max_lag_s + GRID_S)
        for lag, value in zip(lags[near].tolist(), r[near].tolist(), strict=True):
            alike[lag] = alike.get(lag, 0.0) + size * value
    return alike


def _summit(alike: dict[int, float]) -> float:
    """Return the lag (s) of the greatest likeness, between the steps of the grid.

    A parabola through the steps around it tells: interpolated angles would not, for interpolation
    averages noise and looks best half a sample away from the truth.
    """
    best = max(alike, key=lambda lag: alike[lag])
    around = [lag for lag in range(best - SUMMIT, best + SUMMIT + 1) if lag in alike]
    if len(around) < 2 * SUMMIT + 1:
        return best * GRID_S
    bend, slope, _ = np.polyfit([lag - best for lag in around], [alike[lag] for lag in around], 2)
    step = -slope / (2.0 * bend) if bend < 0.0 else 0.0
    return (best + float(np.clip(step, -SUMMIT, SUMMIT))) * GRID_S


def interpolated(time_s: FloatArray, angle_deg: FloatArray, at_s: FloatArray) -> FloatArray:
    """Return angles (n,) at other times (m,); NaN outside, and in gaps of over 100 ms.

    Slower recordings are filled between neighbouring samples. A turn past 180° goes on.
    """
    known = ~np.isnan(angle_deg)
    if np.count_nonzero(known) < 2:
        return np.full(len(at_s), np.nan)
    t, a = time_s[known], np.unwrap(angle_deg[known], period=360.0)
    out = np.interp(at_s, t, a, left=np.nan, right=np.nan)
    gap_s = max(GAP_MAX_S, 1.5 * float(np.median(np.diff(time_s))))
    after = np.clip(np.searchsorted(t, at_s), 1, len(t) - 1)
    out[t[after] - t[after - 1] > gap_s] = np.nan
    return out


def _unwrapped(angle_deg: FloatArray) -> FloatArray:
    """Return angles (n,) that go on past half a turn; empty ones stay empty."""
    out, known = angle_deg.copy(), ~np.isnan(angle_deg)
    out[known] = np.unwrap(angle_deg[known], period=360.0)
    return out


def _alike(
    time_s: FloatArray, ours: FloatArray, reference_s: FloatArray, theirs: FloatArray, lag_s: float
) -> float:
    """Return the correlation of one angle at a lag; NaN where nothing in common moves."""
    b = interpolated(reference_s + lag_s, theirs, time_s)
    both = ~(np.isnan(ours) | np.isnan(b))
    return correlation(ours[both], b[both])


def _on_grid(time_s: FloatArray, angle_deg: FloatArray) -> tuple[int, FloatArray] | None:
    """Return the first step of an even grid and angles on it; None where they never change."""
    known = np.flatnonzero(~np.isnan(angle_deg))
    if len(known) < 3 or np.ptp(angle_deg[known]) == 0.0:
        return None
    first, last = (int(np.ceil(time_s[known[i]] / GRID_S)) for i in (0, -1))
    at_s: FloatArray = np.arange(first, last, dtype=np.float64) * GRID_S
    out = interpolated(time_s, angle_deg, at_s)
    if np.count_nonzero(~np.isnan(out)) < 3:
        return None
    return first, out - float(np.nanmean(out))


def _masked_correlation(a: FloatArray, b: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return Pearson's r at every shift of b against a, by what both know; NaN for little."""
    in_a, in_b = (~np.isnan(x) for x in (a, b))
    mask_a, mask_b = in_a.astype(float), in_b.astype(float)
    a, b = np.where(in_a, a, 0.0), np.where(in_b, b, 0.0)

    def summed(x: FloatArray, y: FloatArray) -> FloatArray:
        out: FloatArray = correlate(x, y, mode="full", method="fft")
        return out

    n = summed(mask_a, mask_b)
    sa, sb = summed(a, mask_b), summed(mask_a, b)
    saa, sbb, sab = summed(a * a, mask_b), summed(mask_a, b * b), summed(a, b)
    enough = n >= OVERLAP_MIN * min(mask_a.sum(), mask_b.sum())
    spread = (n * saa - sa**2) * (n * sbb - sb**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.where(enough & (spread > 0.0), (n * sab - sa * sb) / np.sqrt(spread), np.nan)
    return correlation_lags(len(a), len(b), mode="full"), np.clip(r, -1.0, 1.0)
