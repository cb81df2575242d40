"""Whole recordings: which samples count, and when each of them was measured.

The batch form of `imu.clocks.clock`: the same arithmetic in the same order, so the times are those
that the live clocks give, to the last bit. A lane is what remains of one unit's samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from imu.clocks.clock import HALF_WINDOW_NS, LEAK, MAX_FLOW_NS, MIN_STEP_S, place
from imu.clocks.counter import DROP, EPOCH, NS_PER_S, Counter, has_clock
from imu.clocks.pacing import BurstPacer
from imu.sample import BoolArray, FloatArray, IntArray, SampleTable, Unit

# The longest gap that is filled, and five connection intervals of 30 ms for its end to arrive.
PLAYOUT_NS = 250_000_000

Reconnects = Sequence[tuple[int, int]]
"""(unit, host_time_ns) from which on that unit counts anew, as `new_epoch` says live."""


@dataclass(frozen=True, slots=True)
class Lane:
    """The samples of one unit that count, and when they were measured."""

    rows: IntArray
    """Shape (n,), increasing: rows of the table."""
    step: IntArray
    """Shape (n,): counts since the sample before; −1 where an epoch begins."""
    time_s: FloatArray
    """Shape (n,), strictly increasing."""


@dataclass(frozen=True)
class Arrivals:
    """How long each instant waits, over all units' samples in order of arrival."""

    rows: IntArray
    """Shape (n,), increasing: rows of the table that count."""
    front: FloatArray
    """Shape (n,): the newest time of any unit so far."""
    flow_ns: IntArray
    """Shape (n,): time so far in which data flowed."""

    @cached_property
    def _over(self) -> IntArray:
        """With which arrival the wait is over that began with each arrival (n,)."""
        return np.searchsorted(self.flow_ns, self.flow_ns + PLAYOUT_NS, "right")

    def deadline(self, at: FloatArray) -> IntArray:
        """Return the arrival with which the wait for each instant (m,) is over."""
        return self._over[np.searchsorted(self.front, at)]

    def horizon(self, arrival: int) -> float:
        """Return up to where the wait is over after an arrival; −inf before any was long enough."""
        waited = int(np.searchsorted(self.flow_ns, self.flow_ns[arrival] - PLAYOUT_NS))
        return float(self.front[waited - 1]) if waited else -math.inf


_Found = tuple[IntArray, IntArray, Counter]
"""Rows that count, the step to each of them, and the counter it comes from."""


def flow_array_ns(host_ns: IntArray) -> IntArray:
    """Return the time in which data flowed up to each of the arrivals (n,), in ns."""
    return np.cumsum(np.clip(np.diff(host_ns, prepend=host_ns[:1]), 0, MAX_FLOW_NS))


def independent_lanes(
    table: SampleTable, units: Sequence[Unit], reconnects: Reconnects = ()
) -> list[Lane]:
    """Map the samples of units that do not share a clock: the batch form of IndependentClocks.

    Parameters
    ----------
    table
        All samples that count (`imu.screening`) in order of arrival.
    units
        What `table.unit` counts into.
    reconnects
        Where a unit counts anew.
    """
    lanes = []
    for index, unit in enumerate(units):
        rows, step, counter = _accepted(table, index, unit, reconnects)
        host_ns, pacer = table.host_time_ns[rows], counter.pacer()
        if pacer is None:
            time_s = _envelope(host_ns, step, counter.pace.tick_s)
        else:
            time_s = _paced(host_ns, step, pacer)
        lanes.append(Lane(rows, step, time_s))
    return lanes


def shared_lanes(
    table: SampleTable, units: Sequence[Unit], reconnects: Reconnects = ()
) -> list[Lane]:
    """Map the samples of units that share a clock: the batch form of SharedClock.

    Parameters are those of `independent_lanes`.
    """
    found = [_accepted(table, i, unit, reconnects) for i, unit in enumerate(units)]
    relative = [np.cumsum(np.maximum(step, 0)) for _, step, _ in found]
    shifts: list[list[int]] = [[] for _ in units]
    # how many samples of each unit are of the base; the rest came after it lost that
    based = [len(rows) for rows, _, _ in found]
    base = 0
    for row, u, i in _epochs_in_order(found):
        if i >= based[u]:
            continue
        latest = _latest_before(row, table.host_time_ns, found, relative, shifts, based)
        counts: int | None = 0
        if latest is None:
            base = int(table.device_time[row])
        else:
            last = int(relative[u][i - 1]) + shifts[u][-1] if i else None
            from_base, host_ns = int(table.device_time[row]) - base, int(table.host_time_ns[row])
            counts = place(found[u][2], from_base, host_ns, latest, last)
        if counts is None:
            based[u] = i
        else:
            shifts[u].append(counts - int(relative[u][i]))
    times = []
    for u, (_, step, counter) in enumerate(found):
        kept = slice(0, based[u])
        ticks = _shifted(relative[u][kept], step[kept], shifts[u]).astype(np.float64)
        times.append(ticks * counter.pace.tick_s)
    if any(len(time_s) < len(rows) for time_s, (rows, _, _) in zip(times, found, strict=True)):
        times = _with_astray(table, found, times)
    return [Lane(rows, step, time_s) for (rows, step, _), time_s in zip(found, times, strict=True)]


def _with_astray(
    table: SampleTable, found: Sequence[_Found], based_s: Sequence[FloatArray]
) -> list[FloatArray]:
    """Return all times of each unit, given those (n,) until it lost the common base."""
    host_s = [
        _envelope(table.host_time_ns[rows], step, counter.pace.tick_s)
        for rows, step, counter in found
    ]
    rows = np.concatenate([r[: len(t)] for (r, _, _), t in zip(found, based_s, strict=True)])
    ahead_s = np.concatenate([h[: len(t)] - t for h, t in zip(host_s, based_s, strict=True)])
    order = np.argsort(rows)
    rows, ahead_s = rows[order], ahead_s[order]
    times = []
    for (own, _, _), at_s, time_s in zip(found, host_s, based_s, strict=True):
        astray = slice(len(time_s), None)
        last = time_s[-1:]
        laid_s = at_s[astray] - ahead_s[np.searchsorted(rows, own[astray]) - 1]
        rising_s = increasing(np.concatenate((last, laid_s)))[len(last) :]
        times.append(np.concatenate((time_s, rising_s)))
    return times


def _epochs_in_order(found: Sequence[_Found]) -> list[tuple[int, int, int]]:
    """Return (row, unit, index in the unit) of all first samples of epochs, by arrival."""
    return sorted(
        (int(rows[i]), unit, int(i))
        for unit, (rows, step, _) in enumerate(found)
        for i in np.flatnonzero(step == EPOCH)
    )


def _latest_before(
    row: int,
    host_ns: IntArray,
    found: Sequence[_Found],
    relative: Sequence[IntArray],
    shifts: Sequence[Sequence[int]],
    based: Sequence[int],
) -> tuple[int, int] | None:
    """Return counts and arrival of the last sample of the base before a row, None without one."""
    before = [
        int(np.searchsorted(rows[:count], row)) - 1
        for (rows, _, _), count in zip(found, based, strict=True)
    ]
    heard = [(int(found[u][0][i]), u, i) for u, i in enumerate(before) if i >= 0]
    if not heard:
        return None
    latest, unit, index = max(heard)
    return int(relative[unit][index]) + shifts[unit][-1], int(host_ns[latest])


def _shifted(relative: IntArray, step: IntArray, shifts: Sequence[int]) -> IntArray:
    """Return counts of the shared clock, given where each epoch begins on it."""
    if not shifts:
        return relative
    shift: IntArray = np.asarray(shifts, dtype=np.int64)[np.cumsum(step == EPOCH) - 1]
    return relative + shift


def _accepted(table: SampleTable, unit_index: int, unit: Unit, reconnects: Reconnects) -> _Found:
    """Return the samples of one unit that count, and the step to each of them."""
    rows = np.flatnonzero(table.unit == unit_index)
    sequenced = bool(len(rows)) and bool(table.sequence[rows[0]] >= 0)
    counter = Counter(unit, sequenced=sequenced)
    if has_clock(unit):
        raw = table.device_time[rows]
    else:
        raw = table.sequence[rows] if sequenced else np.arange(len(rows))
    rows, raw = rows[raw >= 0], raw[raw >= 0]
    host_ns = table.host_time_ns[rows]
    restarts = np.zeros(len(rows), dtype=np.bool_)
    restarts[:1] = True
    for reconnected, since_ns in reconnects:
        if reconnected == unit_index:
            restarts[np.flatnonzero(host_ns >= since_ns)[:1]] = True
    step = _steps(raw, host_ns, restarts, counter)
    return rows[step != DROP], step[step != DROP], counter


def _steps(raw: IntArray, host_ns: IntArray, restarts: BoolArray, counter: Counter) -> IntArray:
    """Return the step to each sample from the last one before it that counts."""
    pace = counter.pace
    spare = 64 - pace.bits
    forward = (np.diff(raw, prepend=raw[:1]) << spare) >> spare  # the sign extended from `bits`
    silence_s = np.diff(host_ns, prepend=host_ns[:1]) / NS_PER_S
    away = np.abs(forward * pace.tick_s - silence_s) > pace.jump_s
    step = np.where(restarts | away, EPOCH, np.maximum(forward, DROP))
    settled = 0
    for odd in np.flatnonzero(step == DROP).tolist():
        if odd < settled:
            continue
        # those after a dropped sample are compared with the one before it, until one counts
        last = (int(raw[odd - 1]), int(host_ns[odd - 1]))
        settled = odd + 1
        while settled < len(raw) and step[settled - 1] == DROP:
            if not restarts[settled]:
                reading = (int(raw[settled]), int(host_ns[settled]))
                step[settled] = counter.between(*last, *reading)
            settled += 1
    return step


def _paced(host_ns: IntArray, step: IntArray, pacer: BurstPacer) -> FloatArray:
    """Return the time of each sample of a unit without a clock, on the host's clock."""
    heard_s: list[float] = (host_ns / NS_PER_S).tolist()
    return increasing(np.array(list(map(pacer.time_s, heard_s, step.tolist())), dtype=np.float64))


def increasing(time_s: FloatArray) -> FloatArray:
    """Return times (n,) put off where needed to be a microsecond apart."""
    steps_s = np.arange(len(time_s)) * MIN_STEP_S
    later: FloatArray = np.maximum.accumulate(time_s - steps_s)
    return later + steps_s


def _envelope(host_ns: IntArray, step: IntArray, tick_s: float) -> FloatArray:
    """Return the time of each sample on the host's clock: the batch form of DeviceClock."""
    if not len(step):
        return np.empty(0)
    begins = step == EPOCH
    counts = np.cumsum(np.maximum(step, 0))
    counts = counts - counts[begins][np.cumsum(begins) - 1]
    paced_s = counts * (tick_s * (1.0 + LEAK))
    floor = host_ns / NS_PER_S - paced_s
    block = flow_array_ns(host_ns) // HALF_WINDOW_NS
    starts = np.flatnonzero(begins | (np.diff(block, prepend=block[:1]) != 0))
    ends = np.append(starts[1:], len(step))
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        np.minimum.accumulate(floor[start:end], out=floor[start:end])
    before = np.append(np.inf, floor[ends[:-1] - 1])
    before[begins[starts]] = np.inf
    floor = np.minimum(floor, np.repeat(before, ends - starts))
    return increasing(paced_s + floor)
