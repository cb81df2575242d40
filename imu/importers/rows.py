"""What tables of any tool are checked for: rates, spans, quaternions, ranges."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imu.importers import ImportFileError
from imu.sample import BoolArray, FloatArray, IntArray

RATE_LIMITS_HZ = (0.9, 1000.0)
LONGEST_S = 86_400.0
"""A unit's battery lasts half a day; a longer span is made of broken time stamps."""
GAP_S = 0.25
BURST_SHARE = 0.6
"""Of evenly measured samples the median step is the mean one, less what was lost."""
QUATERNION_LENGTH = (0.5, 2.0)
ACC_MAX_MPS2 = 320.0
GYR_MAX_RADPS = 70.0
"""Twice what units measure (±16 g, ±2000 °/s) is no measurement."""


def rate_of(path: Path, place: str, time_s: FloatArray) -> float:
    """Return the rate that time stamps (n,), strictly increasing, show.

    Raises
    ------
    ImportFileError
        When no unit sends so.
    """
    bursts = come_in_bursts(time_s)
    step_s = flowing_step_s(time_s) if bursts else float(np.median(np.diff(time_s)))
    lowest, highest = RATE_LIMITS_HZ
    if not lowest * step_s <= 1.0 <= highest * step_s:
        raise ImportFileError(
            path,
            place,
            f"the samples come every {step_s:.6g} s, which no unit does",
            "export the recording again, times in the unit that the column tells",
        )
    return round(1.0 / step_s, 3)


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
        When they do.
    """
    span_s = float(time_s[-1] - time_s[0])
    if not span_s <= LONGEST_S:
        raise ImportFileError(
            path,
            place,
            f"the samples span {span_s / 3600:.3g} hours, which no battery lasts",
            "export the recording again",
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
