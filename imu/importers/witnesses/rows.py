"""What tables of any tool are checked for: rates, spans, quaternions, ranges."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from imu.importers import ImportFileError
from imu.sample import BoolArray, FloatArray, IntArray

RATE_LIMITS_HZ = (0.9, 1000.0)
USUAL_HZ = (5.0, 1000.0)
"""At which rates units that people strap on really send."""
LONGEST_S = 86_400.0
"""A unit's battery lasts half a day; a longer span is made of broken time stamps."""
GAP_S = 0.25
BURST_SHARE = 0.6
"""Of evenly measured samples the median step is the mean one, less what was lost."""
QUATERNION_LENGTH = (0.5, 2.0)
ACC_MAX_MPS2 = 320.0
GYR_MAX_RADPS = 70.0
"""Twice what units measure (±16 g, ±2000 °/s) is no measurement."""
SECONDS_A_YEAR = 31_557_600.0
UNIT_NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


def rate_of(path: Path, place: str, time_s: FloatArray, told: str = "") -> float:
    """Return the rate that time stamps (n,), strictly increasing, show.

    Parameters
    ----------
    told
        The unit that a person said the times are in; empty where the file itself says it.

    Raises
    ------
    ImportFileError
        When no unit sends so; says in which unit of time one would.
    """
    bursts = come_in_bursts(time_s)
    step_s = flowing_step_s(time_s) if bursts else float(np.median(np.diff(time_s)))
    lowest, highest = RATE_LIMITS_HZ
    if not lowest * step_s <= 1.0 <= highest * step_s:
        raise ImportFileError(
            path,
            place,
            f"the samples come every {length_text(step_s)}, which no unit does",
            _unit_that_fits(step_s, told),
        )
    return round(1.0 / step_s, 3)


def length_text(seconds: float) -> str:
    """Return how long something takes, in seconds and, where that is absurd, in years."""
    years = seconds / SECONDS_A_YEAR
    return f"{seconds:.6g} s" + (f" ({years:.3g} years)" if years >= 1.0 else "")


def _unit_that_fits(step_s: float, told: str) -> str:
    factors: Mapping[str, float] = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
    if told not in factors:
        return "export the recording again, times in the unit that the column tells"
    for unit, factor in factors.items():
        as_unit_s = step_s / factors[told] * factor
        if USUAL_HZ[0] * as_unit_s <= 1.0 <= USUAL_HZ[1] * as_unit_s:
            rate_hz = 1.0 / as_unit_s
            return f"as {UNIT_NAMES[unit]} (:{unit}) they would come at {rate_hz:.4g} Hz: say so"
    return "they are in another unit than s, ms, us or ns; give --rate and no time"


def flowing_step_s(time_s: FloatArray) -> float:
    """Return the mean time between samples (n,), gaps left out; that of all where all are gaps."""
    step_s = np.diff(time_s)
    flowing = step_s[step_s <= GAP_S]
    return float(np.mean(flowing if len(flowing) else step_s))


def come_in_bursts(time_s: FloatArray) -> bool:
    """Tell whether times (n,) are those of arrival: several at once, then none for a while."""
    return float(np.median(np.diff(time_s))) < BURST_SHARE * flowing_step_s(time_s)


def refuse_bad_span(path: Path, place: str, time_s: FloatArray) -> None:
    """Refuse time stamps (n,) that span more than a battery lasts.

    Raises
    ------
    ImportFileError
        When they do; names the longest step.
    """
    span_s = float(time_s[-1] - time_s[0])
    if not span_s <= LONGEST_S:
        step_s = np.diff(time_s)
        at = int(np.argmax(step_s))
        raise ImportFileError(
            path,
            place,
            f"the samples span {span_s / 3600:.3g} hours, which no battery lasts: the longest step,"
            f" of {length_text(float(step_s[at]))}, is after row {at + 1}",
            "cut the file there",
        )


def ticks_of(time_s: FloatArray, tick_s: float) -> IntArray:
    """Return finite time stamps (n,) as whole ticks; absurd ones become the farthest there are."""
    farthest_s = 9.0e18 * tick_s
    return np.rint(np.clip(time_s, -farthest_s, farthest_s) / tick_s).astype(np.int64)


def unit_length(q: FloatArray) -> BoolArray:
    """Return whether quaternions (..., 4) are of about length one, shape (...)."""
    # clipped, because the squares of absurd numbers would overflow
    length = np.linalg.norm(np.clip(np.nan_to_num(q, nan=9.0), -9.0, 9.0), axis=-1)
    good: BoolArray = (length > QUATERNION_LENGTH[0]) & (length < QUATERNION_LENGTH[1])
    return good
