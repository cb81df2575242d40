"""Which recorded samples count: sample by sample (live, replay), or all of a table (batch).

The rules stand once, over the columns of one sample or of many. NaN means missing: a vector with a
NaN in it is taken as not sent. A sample is dropped, and counted under the first reason that
applies, when it is

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
from dataclasses import fields, replace
from typing import Any

import numpy as np

from imu.quaternion import (
    ARRAYS,
    FLOATS,
    Number,
    Numbers,
    Truth,
    Wxyz,
    Xyz,
    table_of,
    wxyz,
    xyz,
)
from imu.sample import BoolArray, FloatArray, Sample, SampleTable

MAX_HOST_TIME_NS = 24 * 3600 * 10**9  # a longer recording was forgotten, or is an attack
MAX_ACC_MPS2 = 4000.0  # 400 g: high-g ranges end there
MAX_GYR_RADPS = 100.0  # 5700 °/s: the fastest gyroscopes end at 4000 °/s
MIN_LENGTH_SQUARED, MAX_LENGTH_SQUARED = 0.25, 4.0
# Rounding leaves a scaled quaternion within 1e-15 of one. It is not scaled again, so a sample that
# was screened before it was recorded keeps its bits.
LENGTH_SQUARED_TOLERANCE = 1e-12
FAULTS = ("no_such_unit", "time_out_of_range", "out_of_range", "no_orientation", "not_unit")
"""What a sample has by itself; then come `time_backwards` and `repeated`, by those before it."""
NO_VECTOR = (math.nan, math.nan, math.nan)
NO_QUATERNION = (math.nan, math.nan, math.nan, math.nan)
Counts = Any
"""A whole number of one sample, −1 where it was not sent, or an array of them."""


class Screening:
    """Lets the usable samples of one session through, in arrival order.

    Attributes
    ----------
    dropped
        Reason → number of samples, only reasons that occurred.
    """

    def __init__(self, units: int, of: Numbers[Any] = FLOATS) -> None:
        self.dropped: dict[str, int] = {}
        self._units = units
        self._of = of
        self._host_time_ns: Counts = 0
        self._counters: dict[int, tuple[Counts, Counts]] = {}

    def push(self, sample: Sample) -> Sample | None:
        """Return the sample as it counts, with a unit quaternion; None when it is dropped."""
        unit, host_time_ns, device_time, sequence, q, acc, gyr, _ = sample
        q, acc, gyr = q or NO_QUATERNION, acc or NO_VECTOR, gyr or NO_VECTOR
        bad, absent = faults(unit, host_time_ns, (q, acc, gyr), self._units)
        if True in bad:
            reason = FAULTS[bad.index(True)]
        elif self._is_late(host_time_ns):
            reason = "time_backwards"
        elif self._is_repeated(unit, _sent(device_time), _sent(sequence)):
            reason = "repeated"
        else:
            return self._kept(sample, *absent)
        self._drop(reason)
        return None

    def _kept(self, sample: Sample, no_q: bool, no_acc: bool, no_gyr: bool) -> Sample:
        q = None if no_q or sample.q is None else scaled(sample.q, FLOATS)
        acc, gyr = None if no_acc else sample.acc, None if no_gyr else sample.gyr
        if q is sample.q and acc is sample.acc and gyr is sample.gyr:
            return sample  # the usual one; a copy would cost as much as all checks
        return sample._replace(q=q, acc=acc, gyr=gyr)

    def push_table(self, table: SampleTable) -> SampleTable:
        """Return those of many samples that count."""
        vectors = wxyz(table.q), xyz(table.acc), xyz(table.gyr)
        with np.errstate(over="ignore"):  # a hostile 1e200 becomes infinite and is dropped
            bad, _ = faults(table.unit, table.host_time_ns, vectors, self._units)
        good = np.ones(len(table), dtype=np.bool_)
        for reason, found in zip(FAULTS, bad, strict=True):
            self._drop(reason, int(np.count_nonzero(found & good)))
            good &= ~found
        table = _select(table, good)
        if not len(table):
            return table
        table = self._without(table, "time_backwards", self._is_late(table.host_time_ns))
        repeated = np.zeros(len(table), dtype=np.bool_)
        for unit in np.unique(table.unit).tolist():
            rows = table.unit == unit
            repeated[rows] = self._is_repeated(unit, table.device_time[rows], table.sequence[rows])
        table = self._without(table, "repeated", repeated)
        q, acc, gyr = wxyz(table.q), xyz(table.acc), xyz(table.gyr)
        with np.errstate(over="ignore"):  # of a quaternion that counts as not sent, for its NaN
            unit_q = table_of(scaled(q, ARRAYS))
        return replace(
            table,
            q=_whole(unit_q, missing(q)),
            acc=_whole(table.acc, missing(acc)),
            gyr=_whole(table.gyr, missing(gyr)),
        )

    def _drop(self, reason: str, count: int = 1) -> None:
        if count:
            self.dropped[reason] = self.dropped.get(reason, 0) + count

    def _without(self, table: SampleTable, reason: str, bad: BoolArray) -> SampleTable:
        self._drop(reason, int(np.count_nonzero(bad)))
        return _select(table, ~bad)

    def _is_late(self, host_time_ns: Counts) -> Truth:
        newest = self._of.highest(self._host_time_ns, host_time_ns)
        self._host_time_ns = self._of.last(newest)
        return host_time_ns < newest

    def _is_repeated(self, unit: int, device_time: Counts, sequence: Counts) -> Truth:
        now, last = (device_time, sequence), self._counters.get(unit, (-1, -1))
        before, self._counters[unit] = self._of.shift(now, last)
        return (device_time == before[0]) & (device_time >= 0) & (sequence == before[1])


def screen_table(table: SampleTable, units: int) -> tuple[SampleTable, dict[str, int]]:
    """Return the samples that count, and how many were dropped for which reason.

    The session has so many units. An hour of two is screened 19 times as fast as sample by sample.
    """
    screening = Screening(units, ARRAYS)
    return screening.push_table(table), screening.dropped


def faults(
    unit: Counts,
    host_time_ns: Counts,
    vectors: tuple[Wxyz[Number], Xyz[Number], Xyz[Number]],
    units: int,
) -> tuple[tuple[Truth, ...], tuple[Truth, Truth, Truth]]:
    """Return where each of `FAULTS` holds, and where each vector was not sent.

    `vectors` are quaternion, acceleration and rotation rate.
    """
    q, acc, gyr = vectors
    squared = q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]
    no_q = squared != squared  # NaN
    (no_acc, fast_acc), (no_gyr, fast_gyr) = _judged(acc, MAX_ACC_MPS2), _judged(gyr, MAX_GYR_RADPS)
    bad = (
        (unit < 0) | (unit >= units),
        (host_time_ns < 0) | (host_time_ns > MAX_HOST_TIME_NS),
        fast_acc | fast_gyr,
        no_q & (no_acc | no_gyr),
        (squared <= MIN_LENGTH_SQUARED) | (squared >= MAX_LENGTH_SQUARED),
    )
    return bad, (no_q, no_acc, no_gyr)


def missing(vector: Wxyz[Number] | Xyz[Number]) -> Truth:
    """Return where a part of a vector is NaN."""
    nan = (vector[0] != vector[0]) | (vector[1] != vector[1]) | (vector[2] != vector[2])
    return nan | (vector[-1] != vector[-1])


def scaled(q: Wxyz[Number], of: Numbers[Number]) -> Wxyz[Number]:
    """Return a quaternion of length one; the same bits where it has that already."""
    squared = q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]
    off = abs(squared - 1.0) > LENGTH_SQUARED_TOLERANCE
    if off is False:  # one sample, as usual
        return q
    length = of.where(off, of.sqrt(squared), 1.0)
    return (q[0] / length, q[1] / length, q[2] / length, q[3] / length)


def _judged(vector: Xyz[Number], limit: float) -> tuple[Truth, Truth]:
    """Return where a part of a vector is missing, and where none is and one is beyond a limit."""
    if vector is NO_VECTOR:  # most units send neither acceleration nor rotation rate
        return True, False
    none = missing(vector)
    beyond = (abs(vector[0]) > limit) | (abs(vector[1]) > limit) | (abs(vector[2]) > limit)
    return none, beyond > none


def _sent(count: int | None) -> int:
    return -1 if count is None else count


def _select(table: SampleTable, keep: BoolArray) -> SampleTable:
    if keep.all():
        return table
    return SampleTable(*(getattr(table, field.name)[keep] for field in fields(table)))


def _whole(vectors: FloatArray, missing: BoolArray) -> FloatArray:
    """Return vectors (n, k) with no part where one is missing."""
    return np.where(missing[:, None], np.nan, vectors) if missing.any() else vectors
