"""Intraclass correlations of a table of readings, and the errors of measurement behind them.

Shrout PE, Fleiss JL (1979). Intraclass correlations: uses in assessing rater reliability.
Psychol Bull 86(2):420-428, doi 10.1037/0033-2909.86.2.420; intervals as McGraw KO, Wong SP (1996),
Psychol Methods 1(1):30-46, doi 10.1037/1082-989X.1.1.30, tables 7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2
from scipy.stats import f as f_distribution

from imu.sample import FloatArray

LEVEL = 0.95
"""Of every interval."""
SUBJECTS_MIN = 2
RATERS_MIN = 2
MDC_FACTOR = 1.96 * math.sqrt(2.0)
"""From an error of one reading to a difference of two that chance passes once in twenty times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with its 95 % interval; NaN where the data do not tell."""

    value: float
    low: float
    high: float


UNKNOWN = Estimate(value=math.nan, low=math.nan, high=math.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intraclass:
    """What a table of subjects by raters tells."""

    subjects: int
    raters: int
    icc_2_1: Estimate
    """Absolute agreement of single readings by any rater."""
    icc_3_1: Estimate
    """Consistency of single readings by these raters."""
    sem_deg: float
    """Standard error of one reading by any rater: what raters and chance add."""
    mdc95_deg: float
    """The smallest difference of two readings that chance passes in 5 % of cases only."""


def intraclass(table: FloatArray) -> Intraclass:
    """Return ICC(2,1), ICC(3,1), SEM and MDC95 of a table (subjects, raters).

    Rows with an empty cell (NaN) are left out. With fewer than two whole rows, two raters, or
    readings that are all alike, the figures are NaN.
    """
    whole = table[~np.isnan(table).any(axis=1)] if table.size else table.reshape(0, table.shape[-1])
    n, k = whole.shape
    if n < SUBJECTS_MIN or k < RATERS_MIN:
        return Intraclass(
            subjects=n, raters=k, icc_2_1=UNKNOWN, icc_3_1=UNKNOWN,
            sem_deg=math.nan, mdc95_deg=math.nan,
        )  # fmt: skip
    rows, raters, error = mean_squares(whole)
    sem = math.sqrt(max(0.0, (raters - error) / n) + error)
    return Intraclass(
        subjects=n,
        raters=k,
        icc_2_1=_agreement(n, k, rows, raters, error),
        icc_3_1=_consistency(n, k, rows, error),
        sem_deg=sem,
        mdc95_deg=MDC_FACTOR * sem,
    )


def mean_squares(table: FloatArray) -> tuple[float, float, float]:
    """Return the mean squares of subjects, raters and the rest, of a whole table (n, k)."""
    n, k = table.shape
    grand = table.mean()
    of_rows, of_raters = table.mean(axis=1) - grand, table.mean(axis=0) - grand
    rest = table - grand - of_rows[:, None] - of_raters[None, :]
    return (
        float(k * np.sum(of_rows**2) / (n - 1)),
        float(n * np.sum(of_raters**2) / (k - 1)),
        float(np.sum(rest**2) / ((n - 1) * (k - 1))),
    )


def spread_interval(sd: float, freedom: int) -> Estimate:
    """Return a standard deviation with its interval from so many degrees of freedom."""
    if freedom < 1 or math.isnan(sd):
        return UNKNOWN
    low, high = (float(chi2.ppf(p, freedom)) for p in ((1 + LEVEL) / 2, (1 - LEVEL) / 2))
    return Estimate(
        value=sd, low=sd * math.sqrt(freedom / low), high=sd * math.sqrt(freedom / high)
    )


def _agreement(n: int, k: int, rows: float, raters: float, error: float) -> Estimate:
    below = rows + (k - 1) * error + k * (raters - error) / n
    if not below > 0.0:
        return UNKNOWN
    icc = (rows - error) / below
    if error == 0.0:
        return Estimate(value=icc, low=icc, high=icc)
    # Satterthwaite's degrees of freedom of raters and error together
    ratio, whole = raters / error, n * (1 + (k - 1) * icc) - k * icc
    freedom = (
        (k - 1) * (n - 1) * (k * icc * ratio + whole) ** 2
        / ((n - 1) * (k * icc * ratio) ** 2 + whole**2)
    )  # fmt: skip
    upper = float(f_distribution.ppf((1 + LEVEL) / 2, n - 1, freedom))
    lower = float(f_distribution.ppf((1 + LEVEL) / 2, freedom, n - 1))
    rest = k * raters + (k * n - k - n) * error
    return Estimate(
        value=icc,
        low=n * (rows - upper * error) / (upper * rest + n * rows),
        high=n * (lower * rows - error) / (rest + n * lower * rows),
    )


def _consistency(n: int, k: int, rows: float, error: float) -> Estimate:
    below = rows + (k - 1) * error
    if not below > 0.0:
        return UNKNOWN
    icc = (rows - error) / below
    if error == 0.0:
        return Estimate(value=icc, low=icc, high=icc)
    ratio, freedom = rows / error, (n - 1) * (k - 1)
    low = ratio / float(f_distribution.ppf((1 + LEVEL) / 2, n - 1, freedom))
    high = ratio * float(f_distribution.ppf((1 + LEVEL) / 2, freedom, n - 1))
    return Estimate(value=icc, low=(low - 1) / (low + k - 1), high=(high - 1) / (high + k - 1))
