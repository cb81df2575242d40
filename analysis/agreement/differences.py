"""Differences between two measurements: bias, limits of agreement, error, correlation.

Bland JM, Altman DG (1986). Statistical methods for assessing agreement between two methods of
clinical measurement. Lancet 327:307-310, doi 10.1016/S0140-6736(86)90837-8. With several pairs a
subject the spread is that within and that between subjects together (Bland and Altman 2007,
J Biopharm Stat 17(4):571-582, doi 10.1080/10543400701329422, section 3).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as t_distribution

from analysis.agreement.intraclass import LEVEL, Estimate
from imu.sample import FloatArray

NORMAL = 1.96
"""Limits of agreement hold 95 % of normal differences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """One measurement minus the other; degrees, NaN where there are too few pairs."""

    pairs: int
    bias_deg: float
    """Mean difference."""
    rmse_deg: float
    """Root mean square difference, the bias in it."""
    rmse_without_bias_deg: float
    spread_deg: float
    """Standard deviation of the differences, of one subject and between subjects together."""
    r: float
    """Pearson's correlation."""
    subjects: int
    """How many the pairs are of."""
    bias_error_deg: float
    """Standard error of the bias, by the means of the subjects."""

    @property
    def limits_deg(self) -> tuple[float, float]:
        """Return the limits of agreement: bias ± 1.96 standard deviations."""
        far = NORMAL * self.spread_deg
        return self.bias_deg - far, self.bias_deg + far


def differences(
    ours: FloatArray, theirs: FloatArray, subjects: Sequence[Hashable] | None = None
) -> Differences:
    """Return what the differences of pairs (n,) tell; pairs with an empty side are left out.

    Parameters
    ----------
    ours, theirs
        Degrees; their difference is taken the short way round the circle.
    subjects
        Whose each pair is, where one may have several; None takes each for its own.
    """
    whole = ~(np.isnan(ours) | np.isnan(theirs))
    a, d = ours[whole], short_way(ours[whole] - theirs[whole])
    n = len(d)
    if n == 0:
        nothing = math.nan
        return Differences(
            pairs=0, bias_deg=nothing, rmse_deg=nothing, rmse_without_bias_deg=nothing,
            spread_deg=nothing, r=nothing, subjects=0, bias_error_deg=nothing,
        )  # fmt: skip
    named = range(len(ours)) if subjects is None else subjects
    groups: dict[Hashable, list[float]] = {}
    for subject, value in zip(np.flatnonzero(whole).tolist(), d.tolist(), strict=True):
        groups.setdefault(named[subject], []).append(value)
    parts = [np.array(group) for group in groups.values()]
    bias = float(d.mean())
    return Differences(
        pairs=n,
        bias_deg=bias,
        rmse_deg=float(np.sqrt(np.mean(d**2))),
        rmse_without_bias_deg=float(np.sqrt(np.mean((d - bias) ** 2))),
        spread_deg=_spread(d, parts),
        r=correlation(a, a - d),
        subjects=len(parts),
        bias_error_deg=_error_of_mean(parts),
    )


def bias_interval(found: Differences) -> Estimate:
    """Return the bias with its interval, for subjects that are independent of each other."""
    if found.subjects < 2:
        return Estimate(value=found.bias_deg, low=math.nan, high=math.nan)
    far = float(t_distribution.ppf((1 + LEVEL) / 2, found.subjects - 1)) * found.bias_error_deg
    return Estimate(value=found.bias_deg, low=found.bias_deg - far, high=found.bias_deg + far)


def correlation(a: FloatArray, b: FloatArray) -> float:
    """Return Pearson's r; NaN where one of them never changes or there are fewer than three."""
    if len(a) < 3 or np.ptp(a) == 0.0 or np.ptp(b) == 0.0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])


def share_within(error_deg: FloatArray, sigma_deg: FloatArray, times: float) -> float:
    """Return the share of errors (n,) of at most so many σ; NaN where no σ is known."""
    known = ~(np.isnan(error_deg) | np.isnan(sigma_deg))
    if not known.any():
        return math.nan
    return float(np.mean(np.abs(error_deg[known]) <= times * sigma_deg[known]))


def short_way(angle_deg: FloatArray) -> FloatArray:
    """Return angles (n,) in [-180, 180)."""
    out: FloatArray = (angle_deg + 180.0) % 360.0 - 180.0
    return out


def _spread(d: FloatArray, groups: Sequence[FloatArray]) -> float:
    """Return the standard deviation of one new subject's one difference."""
    n, m = len(d), len(groups)
    if n < 2:
        return math.nan
    if m in (1, n):
        return float(d.std(ddof=1))
    sizes = np.array([len(group) for group in groups], dtype=float)
    means = np.array([group.mean() for group in groups])
    within = sum(float(np.sum((group - group.mean()) ** 2)) for group in groups) / (n - m)
    between = float(np.sum(sizes * (means - d.mean()) ** 2)) / (m - 1)
    typical = (n - float(np.sum(sizes**2)) / n) / (m - 1)
    return math.sqrt(max(0.0, (between - within) / typical) + within)


def _error_of_mean(groups: Sequence[FloatArray]) -> float:
    """Return the standard error of the mean over subjects."""
    if len(groups) < 2:
        return math.nan
    means = np.array([group.mean() for group in groups])
    return float(means.std(ddof=1)) / math.sqrt(len(means))
