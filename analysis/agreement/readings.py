"""Readings of clinical tests by several methods, raters and days: how far they agree.

One reading is a value in degrees with whose leg, which test, by whom, on which day and with what it
was read. For each test the methods, the raters of one method, and the days of one rater are set
against each other, pair by pair and as an intraclass correlation.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.agreement.differences import Differences, bias_interval, differences
from analysis.agreement.intraclass import Intraclass, intraclass
from imu.sample import FloatArray

COLUMNS = ("wearer", "leg", "test", "rater", "day", "method", "deg")
FACTORS = {"method": "methods", "rater": "raters", "day": "days"}
"""What may differ between two readings of one leg, and what several of it are called."""
TABLE_COLUMNS = (
    "test", "between", "within", "first", "second", "pairs", "bias_deg", "bias_low_deg",
    "bias_high_deg", "limit_low_deg", "limit_high_deg", "r", "subjects", "icc_2_1", "icc_2_1_low",
    "icc_2_1_high", "icc_3_1", "icc_3_1_low", "icc_3_1_high", "sem_deg", "mdc95_deg", "left_out",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """Two methods, raters or days of one test, reading by reading."""

    first: str
    second: str
    mean_deg: FloatArray
    difference_deg: FloatArray
    """First minus second."""
    found: Differences


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One test: how far its methods, its raters or its days agree."""

    test: str
    between: str
    """`methods`, `raters` or `days`."""
    within: str
    """What the compared readings share, such as the method of two raters."""
    pairings: tuple[Pairing, ...]
    agree: Intraclass
    left_out: int
    """Subjects with an empty cell, which an intraclass correlation cannot use."""


def compare_readings(readings: pd.DataFrame) -> list[Comparison]:
    """Return every comparison that the readings allow, test by test.

    Parameters
    ----------
    readings
        The columns of `COLUMNS`; `deg` a number, the others text. Several readings of one cell are
        trials, and their mean counts.
    """
    cells = readings.groupby(list(COLUMNS[:-1]), sort=True)["deg"].mean().reset_index()
    found: list[Comparison] = []
    for test, rows in cells.groupby("test", sort=True):
        for factor in FACTORS:
            found += _comparisons(str(test), rows, factor)
    return found


def table_of(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """Return a row for each pairing; figures of the whole comparison stand in every row of it."""
    rows = [_row(one, pairing) for one in comparisons for pairing in one.pairings]
    table = pd.DataFrame(rows, columns=list(TABLE_COLUMNS))
    for name in ("pairs", "subjects", "left_out"):
        table[name] = table[name].astype("Int64")
    return table.round(dict.fromkeys(TABLE_COLUMNS[6:], 3))


def _comparisons(test: str, rows: pd.DataFrame, factor: str) -> list[Comparison]:
    """Return the comparisons of one factor: methods across all, raters and days by method."""
    if factor == "method":
        groups: list[tuple[str, pd.DataFrame]] = [("", rows)]
    else:
        groups = [(str(method), part) for method, part in rows.groupby("method", sort=True)]
    found = []
    for within, part in groups:
        if part[factor].nunique() < 2:
            continue
        one = _comparison(test, part, factor, within)
        if one is not None:
            found.append(one)
    return found


def _comparison(test: str, rows: pd.DataFrame, factor: str, within: str) -> Comparison | None:
    keys = [name for name in COLUMNS[:-1] if name not in (factor, "test")]
    wide = rows.pivot_table(index=keys, columns=factor, values="deg", sort=True)
    names = [str(name) for name in wide.columns]
    whose = [(row[0], row[1]) for row in wide.index]
    pairings = tuple(
        pairing
        for a, b in itertools.combinations(range(len(names)), 2)
        if (pairing := _pairing(wide, names, whose, a, b)) is not None
    )
    if not pairings:
        return None
    legs = _fullest(wide)
    agree = intraclass(legs)
    return Comparison(
        test=test,
        between=FACTORS[factor],
        within=within,
        pairings=pairings,
        agree=agree,
        left_out=len(legs) - agree.subjects,
    )


def _fullest(wide: pd.DataFrame) -> FloatArray:
    """Return the readings (legs, raters) under the one condition of which most legs are whole.

    Readings of one leg under other conditions are no further subjects, and their mean would not be
    a single reading: both would make an intraclass correlation look better than it is.
    """
    conditions = wide.index.names[2:]
    parts = [part for _, part in wide.groupby(level=conditions, sort=True)]
    best = max(parts, key=lambda part: int(part.notna().all(axis=1).sum()))
    return best.to_numpy(float)


def _pairing(
    wide: pd.DataFrame, names: list[str], whose: Sequence[Hashable], a: int, b: int
) -> Pairing | None:
    first, second = wide.iloc[:, a].to_numpy(float), wide.iloc[:, b].to_numpy(float)
    both = ~np.isnan(first - second)
    if not both.any():
        return None
    return Pairing(
        first=names[a],
        second=names[b],
        mean_deg=(first + second)[both] / 2.0,
        difference_deg=(first - second)[both],
        found=differences(first, second, whose),
    )


def _row(one: Comparison, pairing: Pairing) -> dict[str, object]:
    low, high = pairing.found.limits_deg
    bias = bias_interval(pairing.found)
    agree, same = one.agree.icc_2_1, one.agree.icc_3_1
    return {
        "test": one.test, "between": one.between, "within": one.within,
        "first": pairing.first, "second": pairing.second, "pairs": pairing.found.pairs,
        "bias_deg": bias.value, "bias_low_deg": bias.low, "bias_high_deg": bias.high,
        "limit_low_deg": low, "limit_high_deg": high, "r": pairing.found.r,
        "subjects": one.agree.subjects, "icc_2_1": agree.value, "icc_2_1_low": agree.low,
        "icc_2_1_high": agree.high, "icc_3_1": same.value, "icc_3_1_low": same.low,
        "icc_3_1_high": same.high, "sem_deg": one.agree.sem_deg,
        "mdc95_deg": one.agree.mdc95_deg, "left_out": one.left_out,
    }  # fmt: skip


def sentence_of(one: Comparison) -> str:
    """Return a comparison as a sentence for the methods of a paper."""
    where = f" ({one.within})" if one.within else ""
    parts = [
        f"{p.first} minus {p.second} {p.found.bias_deg:+.1f}° "
        f"(limits of agreement {p.found.limits_deg[0]:+.1f} to {p.found.limits_deg[1]:+.1f}°, "
        f"{p.found.pairs} pairs)"
        for p in one.pairings
    ]
    text = f"{one.test}, between {one.between}{where}: {'; '.join(parts)}"
    agree, same = one.agree.icc_2_1, one.agree.icc_3_1
    if not math.isnan(agree.value):
        text += (
            f"; ICC(2,1) {agree.value:.2f} ({agree.low:.2f} to {agree.high:.2f}),"
            f" ICC(3,1) {same.value:.2f} ({same.low:.2f} to {same.high:.2f}), n ="
            f" {one.agree.subjects}; SEM {one.agree.sem_deg:.1f}°, MDC95"
            f" {one.agree.mdc95_deg:.1f}°"
        )
    if one.left_out:
        text += f" ({one.left_out} with an empty cell left out of the ICC)"
    return text + "."
