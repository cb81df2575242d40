"""Several units' recordings → one table in time order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imu.sample import FloatArray, IntArray, SampleTable


@dataclass(frozen=True, slots=True)
class Track:
    """One unit's recording, on the session's clock."""

    host_time_ns: IntArray
    """Shape (n,), counted from the session's first sample."""
    device_time: IntArray
    sequence: IntArray
    q: FloatArray
    """Shape (n, 4), wxyz, NaN where the unit sent none."""
    acc: FloatArray
    """Shape (n, 3), m/s²."""
    gyr: FloatArray
    """Shape (n, 3), rad/s."""


def unwrap(counter: IntArray, bits: int, near: int | None = None) -> IntArray:
    """Return a wrapping counter as a running one.

    Parameters
    ----------
    counter : numpy.ndarray
        Shape (n,), raw values in [0, 2**bits), never half a period or more apart.
    bits : int
        Width of the counter.
    near : int, optional
        Another unit's raw value at about the time of the first one. The result then counts on
        that unit's scale, also when the counter wraps between the two.

    Returns
    -------
    numpy.ndarray
        Shape (n,); the first value is the raw one, or its equal nearest to `near`.
    """
    period = 1 << bits
    first = int(counter[0])
    if near is not None:
        first = near + _signed(first - near, period)
    step = (np.diff(counter) + period // 2) % period - period // 2
    return np.concatenate(([0], np.cumsum(step))).astype(np.int64) + first


def merge(tracks: Sequence[Track]) -> SampleTable:
    """Return the samples of all units in time order; at one instant in the order of the units."""
    host_time_ns = np.concatenate([track.host_time_ns for track in tracks])
    unit = np.repeat(np.arange(len(tracks)), [len(track.host_time_ns) for track in tracks])
    order = np.lexsort((unit, host_time_ns))
    return SampleTable(
        unit=unit[order].astype(np.int64),
        host_time_ns=host_time_ns[order],
        device_time=np.concatenate([track.device_time for track in tracks])[order],
        sequence=np.concatenate([track.sequence for track in tracks])[order],
        q=np.concatenate([track.q for track in tracks])[order],
        acc=np.concatenate([track.acc for track in tracks])[order],
        gyr=np.concatenate([track.gyr for track in tracks])[order],
    )


def longest_forward(time: IntArray) -> IntArray:
    """Return which values to keep so that time runs forwards and the fewest are lost.

    A single wild time stamp is dropped itself, whichever way it points; it does not take the
    samples after it along.

    Parameters
    ----------
    time : numpy.ndarray
        Shape (n,), unwrapped.

    Returns
    -------
    numpy.ndarray
        Indices of a longest strictly increasing subsequence (patience sorting: Fredman 1975,
        Discrete Mathematics 11(1):29-35, doi 10.1016/0012-365X(75)90103-X).
    """
    if np.all(np.diff(time) > 0):
        return np.arange(len(time))
    return _patience([int(value) for value in time])


def _patience(values: list[int]) -> IntArray:
    tails: list[int] = []  # smallest last value of an increasing run of each length
    tail_index: list[int] = []
    previous = [-1] * len(values)
    for index, value in enumerate(values):
        length = bisect_left(tails, value)
        previous[index] = tail_index[length - 1] if length else -1
        if length == len(tails):
            tails.append(value)
            tail_index.append(index)
        else:
            tails[length] = value
            tail_index[length] = index
    kept: list[int] = []
    index = tail_index[-1]
    while index >= 0:
        kept.append(index)
        index = previous[index]
    return np.array(kept[::-1], dtype=np.int64)


def _signed(difference: int, period: int) -> int:
    return (difference + period // 2) % period - period // 2
