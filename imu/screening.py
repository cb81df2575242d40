"""Which recorded samples count: once for a sample (live, replay), once for arrays (batch).

Both apply the same rules in the same order and give the same bits; a property test holds them
equal. NaN means missing: a vector with a NaN in it is taken as not sent. A sample is dropped, and
counted under the first reason that applies, when it is

=================== ============================================================================
no_such_unit        of a unit that the session does not list
time_out_of_range   before the session's start or more than 24 h after it
out_of_range        infinite, or beyond what a sensor on a leg can read
no_orientation      without quaternion and without both acceleration and rotation rate
not_unit            a quaternion of length outside (0.5, 2), zero and infinite included
time_backwards      older than a sample that arrived before it
repeated            the same device time and sequence as the sample before it of its unit
=================== ============================================================================

A quaternion of any other length is scaled to one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np

from imu.quaternion import Quaternion, Vector
from imu.sample import BoolArray, FloatArray, Sample, SampleTable

MAX_HOST_TIME_NS = 24 * 3600 * 10**9  # a longer recording was forgotten, or is an attack
MAX_ACC_MPS2 = 4000.0  # 400 g: high-g ranges end there
MAX_GYR_RADPS = 100.0  # 5700 °/s: the fastest gyroscopes end at 4000 °/s
MIN_LENGTH_SQUARED, MAX_LENGTH_SQUARED = 0.25, 4.0
# Rounding leaves a scaled quaternion within 1e-15 of one. It is not scaled again, so a sample that
# was screened before it was recorded keeps its bits.
LENGTH_SQUARED_TOLERANCE = 1e-12


class Screening:
    """Lets the usable samples of one session through, in arrival order.

    Attributes
    ----------
    dropped
        Reason → number of samples, only reasons that occurred.
    """

    def __init__(self, units: int) -> None:
        self.dropped: dict[str, int] = {}
        self._units = units
        self._host_time_ns = 0
        self._counters: dict[int, tuple[int | None, int | None]] = {}

    def push(self, sample: Sample) -> Sample | None:
        """Return the sample as it counts, with a unit quaternion; None when it is dropped."""
        acc, gyr, q = _sent(sample.acc), _sent(sample.gyr), sample.q
        length_squared = 1.0
        if q is not None:
            w, x, y, z = q
            length_squared = w * w + x * x + y * y + z * z
            if length_squared != length_squared:  # a part is NaN
                q = None
        reason = (
            self._unusable(sample)
            or _unreadable(acc, gyr, q, length_squared)
            or self._late_or_repeated(sample)
        )
        if reason:
            self.dropped[reason] = self.dropped.get(reason, 0) + 1
            return None
        if q is not None and abs(length_squared - 1.0) > LENGTH_SQUARED_TOLERANCE:
            length = math.sqrt(length_squared)
            q = (q[0] / length, q[1] / length, q[2] / length, q[3] / length)
        if q is sample.q and acc is sample.acc and gyr is sample.gyr:
            return sample  # the usual one; a copy would cost as much as all checks
        return sample._replace(q=q, acc=acc, gyr=gyr)

    def _unusable(self, sample: Sample) -> str:
        if not 0 <= sample.unit < self._units:
            return "no_such_unit"
        return "" if 0 <= sample.host_time_ns <= MAX_HOST_TIME_NS else "time_out_of_range"

    def _late_or_repeated(self, sample: Sample) -> str:
        if sample.host_time_ns < self._host_time_ns:
            return "time_backwards"
        self._host_time_ns = sample.host_time_ns
        counters = (sample.device_time, sample.sequence)
        if sample.device_time is not None and counters == self._counters.get(sample.unit):
            return "repeated"
        self._counters[sample.unit] = counters
        return ""


def _sent(vector: Vector | None) -> Vector | None:
    if vector is None:
        return None
    x, y, z = vector
    return None if x != x or y != y or z != z else vector


def _unreadable(
    acc: Vector | None, gyr: Vector | None, q: Quaternion | None, length_squared: float
) -> str:
    if acc is not None and max(map(abs, acc)) > MAX_ACC_MPS2:
        return "out_of_range"
    if gyr is not None and max(map(abs, gyr)) > MAX_GYR_RADPS:
        return "out_of_range"
    if q is None:
        return "no_orientation" if acc is None or gyr is None else ""
    return "" if MIN_LENGTH_SQUARED < length_squared < MAX_LENGTH_SQUARED else "not_unit"


def screen_table(table: SampleTable, units: int) -> tuple[SampleTable, dict[str, int]]:
    """Return the samples that count, and how many were dropped for which reason.

    The batch form of `Screening`, for a session with this many units.
    """
    table = replace(
        table, q=_sent_array(table.q), acc=_sent_array(table.acc), gyr=_sent_array(table.gyr)
    )
    rules: tuple[tuple[str, Callable[[SampleTable], BoolArray]], ...] = (
        ("no_such_unit", lambda t: (t.unit < 0) | (t.unit >= units)),
        ("time_out_of_range", _time_out_of_range),
        ("out_of_range", _out_of_range),
        ("no_orientation", _no_orientation),
        ("not_unit", _not_unit),
        ("time_backwards", _time_backwards),
        ("repeated", _repeated),
    )
    dropped = {}
    for reason, rule in rules:
        bad = rule(table)
        if bad.any():
            dropped[reason] = int(np.count_nonzero(bad))
            table = _select(table, ~bad)
    length_squared = _length_squared(table.q)[:, None]
    scale = np.abs(length_squared - 1.0) > LENGTH_SQUARED_TOLERANCE
    if not scale.any():
        return table, dropped
    q = np.where(scale, table.q / np.sqrt(length_squared), table.q)
    return replace(table, q=q), dropped


def _select(table: SampleTable, keep: BoolArray) -> SampleTable:
    return SampleTable(*(getattr(table, field.name)[keep] for field in fields(table)))


def _sent_array(vectors: FloatArray) -> FloatArray:
    missing = [np.isnan(part) for part in vectors.T]
    if all(np.array_equal(part, missing[0]) for part in missing):
        return vectors
    return np.where(np.any(missing, axis=0)[:, None], np.nan, vectors)


def _length_squared(q: FloatArray) -> FloatArray:
    # summed in the order of the tuple form, so that both round alike
    w, x, y, z = q.T
    with np.errstate(over="ignore"):  # a hostile 1e200 becomes infinite and is dropped
        total: FloatArray = w * w + x * x + y * y + z * z
    return total


def _time_out_of_range(table: SampleTable) -> BoolArray:
    return (table.host_time_ns < 0) | (table.host_time_ns > MAX_HOST_TIME_NS)


def _out_of_range(table: SampleTable) -> BoolArray:
    limits = ((table.acc, MAX_ACC_MPS2), (table.gyr, MAX_GYR_RADPS))
    bad = np.zeros(len(table), dtype=np.bool_)
    for vectors, limit in limits:
        for part in vectors.T:
            bad |= np.abs(part) > limit
    return bad


def _no_orientation(table: SampleTable) -> BoolArray:
    raw_missing = np.isnan(table.acc[:, 0]) | np.isnan(table.gyr[:, 0])
    return np.logical_and(np.isnan(table.q[:, 0]), raw_missing)


def _not_unit(table: SampleTable) -> BoolArray:
    length_squared = _length_squared(table.q)
    inside = (length_squared > MIN_LENGTH_SQUARED) & (length_squared < MAX_LENGTH_SQUARED)
    return ~(inside | np.isnan(length_squared))


def _time_backwards(table: SampleTable) -> BoolArray:
    latest = np.maximum.accumulate(table.host_time_ns)
    return table.host_time_ns < latest


def _repeated(table: SampleTable) -> BoolArray:
    repeated = np.zeros(len(table), dtype=np.bool_)
    for unit in np.unique(table.unit):
        rows = np.flatnonzero(table.unit == unit)
        time, sequence = table.device_time[rows], table.sequence[rows]
        same = (time[1:] == time[:-1]) & (sequence[1:] == sequence[:-1]) & (time[1:] >= 0)
        repeated[rows[1:]] = same
    return repeated
