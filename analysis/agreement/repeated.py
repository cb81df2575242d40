"""A wearer's own repeated tests: how far two readings differ by chance.

Over days, each with the units strapped and calibrated anew, the spread of the readings about their
trend is the standard error of measurement; a change larger than 1.96 √2 times that is more than
chance (MDC95; Weir 2005, J Strength Cond Res 19(1):231-240). The sets of one day share their straps
and their calibration, so their spread is told as that of a day and never judges a change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from analysis.agreement.intraclass import MDC_FACTOR, UNKNOWN, Estimate, spread_interval
from imu.sample import FloatArray

DAYS_MIN = 5
"""Fewer days tell a spread within a factor of four at best."""
TREND_COSTS = 2
"""A straight line takes two degrees of freedom: level and slope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One value of a test on a day, degrees."""

    day: date
    value_deg: float
    set: int = 0
    """Of its session; readings of one set are trials of one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """What repeated readings of one test of one leg tell."""

    days: int
    readings: int
    mean_deg: float
    trend_deg_per_week: float
    """Removed before the spread is taken; NaN with fewer than three days."""
    sem: Estimate
    """Standard error of a day's reading, with its interval; NaN with fewer than five days."""
    mdc95: Estimate
    within_day_deg: float
    """Spread of the readings of one day about that day's mean: not for judging a change."""


def repeated(readings: Sequence[Reading]) -> Repeated:
    """Return the error of measurement that repeated readings show."""
    by_day: dict[date, list[float]] = {}
    for reading in readings:
        if not math.isnan(reading.value_deg):
            by_day.setdefault(reading.day, []).append(reading.value_deg)
    days = sorted(by_day)
    means = np.array([np.mean(by_day[day]) for day in days], dtype=float)
    at = np.array([(day - days[0]).days for day in days], dtype=float)
    slope, left = _without_trend(at, means)
    sem = UNKNOWN
    if len(days) >= DAYS_MIN:
        freedom = len(days) - TREND_COSTS
        sem = spread_interval(math.sqrt(float(np.sum(left**2)) / freedom), freedom)
    return Repeated(
        days=len(days),
        readings=sum(len(values) for values in by_day.values()),
        mean_deg=float(means.mean()) if len(means) else math.nan,
        trend_deg_per_week=7.0 * slope,
        sem=sem,
        mdc95=Estimate(
            value=MDC_FACTOR * sem.value, low=MDC_FACTOR * sem.low, high=MDC_FACTOR * sem.high
        ),
        within_day_deg=_within(list(by_day.values())),
    )


def _without_trend(at: FloatArray, values: FloatArray) -> tuple[float, FloatArray]:
    """Return the slope of a straight line through values (n,) and what is left of them."""
    if len(values) <= TREND_COSTS:
        return math.nan, np.zeros(len(values))
    slope, level = np.polyfit(at, values, 1)
    left: FloatArray = values - (slope * at + level)
    return float(slope), left


def _within(groups: list[list[float]]) -> float:
    """Return the pooled standard deviation inside groups; NaN where none has two values."""
    freedom = sum(len(group) - 1 for group in groups)
    if freedom < 1:
        return math.nan
    squares = sum(float(np.sum((np.array(g) - np.mean(g)) ** 2)) for g in groups)
    return math.sqrt(squares / freedom)
