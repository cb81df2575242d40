"""Several units → one time base: frames, with a gap where a unit is lost, singly or all at once.

Units that share a clock keep their own instants; units that do not are put on a grid at the
fastest unit's nominal rate. A unit that has no sample at an instant is filled by slerp between its
neighbours when they are no more than 100 ms apart, else it is empty. `interpolated` marks a frame
for which a lost sample was bridged, not one that merely falls between two samples.

When is a frame due? As soon as every unit has a sample at or after its instant. A unit whose link
stands is waited for, since a stalled radio delivers later what it holds back, but no longer than
`PLAYOUT_NS` after the first unit reached the instant: what comes later comes too late and the frame
stays empty there. A unit whose link broke (`broken`) is not waited for until its next sample. The
wait is measured in arrival stamps, in which a silence of all units counts as no more than 100 ms:
while every unit is silent, none of them is late. So every decision rests on the samples, their
order of arrival and the stamps of broken links alone. A replay repeats it, and `align` repeats it
for a whole recording: after each arrival it is known up to which instant no frame is outstanding,
and what an instant waits for came in time when it arrived no later than the first such arrival.

A unit's times only increase, so nothing that arrives later changes what such a sample bounds.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import numpy as np

from imu.clocks.clock import Clocks, IndependentClocks, SharedClock, flow_ns, share_clock
from imu.clocks.frame_times import (
    Grid,
    Instants,
    OwnInstants,
    coincide,
    grid_instants,
    own_instants,
)
from imu.clocks.losses import Loss, losses
from imu.clocks.unit_times import (
    PLAYOUT_NS,
    Arrivals,
    Lane,
    Reconnects,
    flow_array_ns,
    independent_lanes,
    reached_by_all,
    shared_lanes,
)
from imu.quaternion import ARRAYS, FLOATS, Quaternion, slerp, table_of, wxyz
from imu.sample import (
    Clock,
    FloatArray,
    Frame,
    FrameTable,
    IntArray,
    Sample,
    SampleTable,
    Unit,
)

__all__ = ["Loss", "Timeline", "align", "losses", "until_last_complete"]

MAX_GAP_S = 0.1
# What 100 ms can measure too much: a clock that ticks in 16667 µs, or is run fast by its leak.
GAP_TOLERANCE_S = 1e-4
LONGEST_FILL_S = MAX_GAP_S + GAP_TOLERANCE_S
# Neighbours further apart than this many nominal periods have lost a sample between them.
LOST_PERIODS = 1.5
# So many instants at a time are filled: what that takes fits into a processor's cache, which is
# twice as fast as a whole hour at once.
BLOCK = 16_384
# How long instants are watched to see whether units that say they share a clock really do.
PROBE_S = 0.5


class Timeline:
    """Puts samples, pushed in order of arrival, on one time base.

    Parameters
    ----------
    units
        What `Sample.unit` counts into.
    clock
        `shared` when the units count time together. Where fewer than half of their instants in
        the first half second coincide, they are treated as independent.
    """

    def __init__(self, units: Sequence[Unit], clock: Clock) -> None:
        self._aligner = _Aligner(units, IndependentClocks(units), Grid(units))
        self._rival: _Aligner | None = None
        self._held: list[Frame] = []
        self._rival_held: list[Frame] = []
        if share_clock(units, clock):
            self._rival = self._aligner
            self._aligner = _Aligner(units, SharedClock(units), OwnInstants(units))

    @property
    def dropped(self) -> tuple[int, ...]:
        """Return how many samples of each unit did not count: repeated, late, not oriented."""
        return tuple(self._aligner.dropped)

    def new_epoch(self, unit: int) -> None:
        """Say that a unit was reconnected: its counter may have restarted."""
        self._aligner.clocks.new_epoch(unit)
        if self._rival:
            self._rival.clocks.new_epoch(unit)

    def broken(self, unit: int) -> None:
        """Say that a unit's link broke: it is not waited for until its next sample."""
        self._aligner.broken(unit)
        if self._rival:
            self._rival.broken(unit)

    def push(self, sample: Sample) -> list[Frame]:
        """Take one sample and return the frames that it makes due, in order of time."""
        frames = self._aligner.push(sample)
        if self._rival is None:
            return frames
        self._held += frames
        self._rival_held += self._rival.push(sample)
        return self._decide() if self._aligner.ready >= self._aligner.probe_end else []

    def flush(self) -> list[Frame]:
        """Return, at the end, the frames held back to see whether the units share a clock."""
        return [] if self._rival is None else self._decide()

    def _decide(self) -> list[Frame]:
        """Go on with the units' own instants where they coincide, else with the grid."""
        held = self._held
        if self._rival and not coincide(self._aligner.probe):
            self._aligner, held = self._rival, self._rival_held
        self._rival, self._held, self._rival_held = None, [], []
        return held


class _Aligner:
    """Makes frames of units whose clocks and instants are decided."""

    def __init__(self, units: Sequence[Unit], clocks: Clocks, instants: Instants) -> None:
        self.clocks = clocks
        self.dropped = [0] * len(units)
        self.ready = -math.inf  # no frame up to here is outstanding
        self.probe: list[list[bool]] = []
        self.probe_end = math.inf
        self._instants = instants
        self._lost_s = [LOST_PERIODS / unit.rate_hz for unit in units]
        # of each unit, the last sample at or before the instant in work and all after it
        self._tracks: list[deque[tuple[float, Quaternion | None]]] = [deque() for _ in units]
        self._firsts: dict[int, float] = {}
        # up to where each unit is not waited for: its newest time, or all while its link is broken
        self._reached = [-math.inf] * len(units)
        self._broken: set[int] = set()
        self._flow_ns = self._host_ns = 0
        # each new newest time of any unit, and the flow then, until the wait for it is over
        self._fronts: deque[tuple[float, int]] = deque()
        self._front = self._horizon = -math.inf

    def push(self, sample: Sample) -> list[Frame]:
        """Take one sample and return the frames that it makes due."""
        unit, q = sample.unit, sample.q
        at = self.clocks.time_s(sample)
        if at is None:
            self.dropped[unit] += 1
            return []
        self._broken.discard(unit)
        self._tracks[unit].append((at, q))
        self._instants.note(at)
        self._wait(at, sample.host_time_ns)
        self._reached[unit] = max(self._reached[unit], at)
        for absent in self._broken:
            self._reached[absent] = self._front
        if len(self._firsts) < len(self._tracks) and not self._begin(unit, at):
            return []
        self.ready = max(min(self._reached), self._horizon)
        return [self._frame(*instant) for instant in self._instants.due(self.ready)]

    def broken(self, unit: int) -> None:
        """Say that a unit's link broke."""
        self._broken.add(unit)

    def _wait(self, at: float, host_ns: int) -> None:
        """Advance the horizon: up to there the wait is over."""
        if self._firsts:
            self._flow_ns += flow_ns(host_ns - self._host_ns)
        self._host_ns = host_ns
        if at > self._front:
            self._front = at
            self._fronts.append((at, self._flow_ns))
        while self._fronts and self._flow_ns - self._fronts[0][1] > PLAYOUT_NS:
            self._horizon = self._fronts.popleft()[0]

    def _begin(self, unit: int, at: float) -> bool:
        """Note a unit's first sample; return whether this was the last unit to begin."""
        self._firsts.setdefault(unit, at)
        self._instants.forget(self._horizon)
        for track in self._tracks:
            while len(track) > 1 and track[1][0] <= self._horizon:
                track.popleft()
        if len(self._firsts) < len(self._tracks):
            return False
        firsts = tuple(self._firsts.values())
        self.probe_end = max(firsts) + PROBE_S
        self._instants.start(firsts, self._horizon)
        return True

    def _frame(self, at: float, time_s: float) -> Frame:
        """Return all units at an instant that is due."""
        end = at + self._instants.reach_s
        values = []
        bridged = False
        own = []
        for track, lost_s in zip(self._tracks, self._lost_s, strict=True):
            q, apart_s = _value(track, at, end)
            values.append(q)
            own.append(apart_s == 0.0)
            bridged = bridged or lost_s < apart_s <= LONGEST_FILL_S
        if at <= self.probe_end:
            self.probe.append(own)
        return Frame(time_s, tuple(values), bridged)


def _value(
    track: deque[tuple[float, Quaternion | None]], at: float, end: float
) -> tuple[Quaternion | None, float]:
    """Return a unit's orientation at an instant, and how far its neighbours are apart in seconds.

    They are 0 apart when the unit has a sample of its own from `at` to before `end`, and infinitely
    when there is no later one. Samples that no later instant needs leave the track.
    """
    while len(track) > 1 and track[1][0] <= at:
        track.popleft()
    before, q = track[0]
    if before >= at:
        return q, 0.0
    if len(track) == 1:
        return None, math.inf
    after, q_after = track[1]
    if after < end:
        return q_after, 0.0
    apart = after - before
    if q is None or q_after is None or apart > LONGEST_FILL_S:
        return None, apart
    return slerp(q, q_after, (at - before) / apart, FLOATS), apart


def align(
    table: SampleTable,
    units: Sequence[Unit],
    clock: Clock,
    reconnects: Reconnects = (),
    broken: Reconnects = (),
) -> FrameTable:
    """Put a whole recording on one time base: the frames that `Timeline` gives, at once.

    Parameters
    ----------
    table
        All samples that count (`imu.screening`) in order of arrival.
    units
        What `table.unit` counts into.
    clock
        As for `Timeline`.
    reconnects
        For each call of `Timeline.new_epoch`, the unit and a host time (ns): the unit's first
        sample from then on begins the epoch.
    broken
        For each call of `Timeline.broken`, the unit and the host time (ns) from which on it is
        not waited for.

    Returns
    -------
    FrameTable
        Empty when a unit has no sample that counts.
    """
    if share_clock(units, clock):
        lanes = shared_lanes(table, units, reconnects)
        frames, probe = _frames(table, lanes, units, broken, own=True)
        if coincide(probe):
            return frames
    lanes = independent_lanes(table, units, reconnects)
    return _frames(table, lanes, units, broken, own=False)[0]


def until_last_complete(frames: FrameTable, units: Sequence[Unit]) -> FrameTable:
    """Return the frames up to the last one at which a leg has an orientation of all its units.

    A unit that falls silent leaves frames without it, since at that time it may still
    return. Afterwards these frames are known to be beyond the end. The other leg goes on.
    """
    known = ~np.isnan(frames.q[:, :, 0])
    sides = {unit.side for unit in units} - {None}
    legs = ([unit.side is side for unit in units] for side in sides)
    complete = np.flatnonzero(np.logical_or.reduce([known[:, leg].all(axis=1) for leg in legs]))
    end = int(complete[-1]) + 1 if len(complete) else 0
    return FrameTable(frames.time_s[:end], frames.q[:end], frames.interpolated[:end])


def _frames(
    table: SampleTable,
    lanes: Sequence[Lane],
    units: Sequence[Unit],
    broken: Reconnects,
    *,
    own: bool,
) -> tuple[FrameTable, list[list[bool]]]:
    """Return all frames, and which units have a sample of their own at the probed instants."""
    if not all(len(lane.rows) for lane in lanes):
        empty = FrameTable(np.empty(0), np.empty((0, len(units), 4)), np.empty(0, dtype=np.bool_))
        return empty, []
    rows = np.concatenate([lane.rows for lane in lanes])
    order = np.argsort(rows, kind="stable")  # the lanes are in order already, so it only merges
    rows, times = rows[order], np.concatenate([lane.time_s for lane in lanes])[order]
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    places = np.split(place, np.cumsum([len(lane.rows) for lane in lanes])[:-1])
    host_ns, front = table.host_time_ns[rows], np.maximum.accumulate(times)
    arrived = [(p, lane.time_s) for p, lane in zip(places, lanes, strict=True)]
    reached = reached_by_all(front, host_ns, arrived, broken)
    arrivals = Arrivals(front, flow_array_ns(host_ns), reached)
    noted = times[np.arange(len(rows)) <= arrivals.due(times)]
    begin = sorted(lanes, key=lambda lane: int(lane.rows[0]))
    firsts = [float(lane.time_s[0]) for lane in begin]
    after = float(arrivals.horizon[np.searchsorted(rows, begin[-1].rows[0])])
    choose = own_instants if own else grid_instants
    at, time_s, reach_s = choose(noted, units, firsts, after, float(arrivals.ready[-1]))
    due = arrivals.due(at)
    filled = [
        _fill(lane, table.q, (at, at + reach_s), arrival, due)
        for lane, arrival in zip(lanes, places, strict=True)
    ]
    apart_s = np.stack([apart for _, apart in filled], axis=1)
    lost_s = LOST_PERIODS / np.array([unit.rate_hz for unit in units])
    bridged = np.any((apart_s > lost_s) & (apart_s <= LONGEST_FILL_S), axis=1)
    probed = int(np.searchsorted(at, max(firsts) + PROBE_S, "right"))
    frames = FrameTable(time_s, np.stack([q for q, _ in filled], axis=1), bridged)
    return frames, (apart_s[:probed] == 0.0).tolist()


def _fill(
    lane: Lane,
    q: FloatArray,
    instants: tuple[FloatArray, FloatArray],
    arrival: IntArray,
    due: IntArray,
) -> tuple[FloatArray, FloatArray]:
    """Return a unit's orientations (m, 4) at instants (m,) and how far its neighbours are apart.

    The batch form of `_value`, with the samples that arrived before each instant's wait was over:
    `arrival` is when each of the lane's samples came, `due` with which arrival each frame was made.
    """
    at, end = instants
    later = _earlier(lane.time_s, at)
    parts = [
        _filled(lane, q, (at[part], end[part]), later[part], arrival, due[part])
        for part in (slice(first, first + BLOCK) for first in range(0, max(len(at), 1), BLOCK))
    ]
    values, apart = zip(*parts, strict=True)
    return np.concatenate(values), np.concatenate(apart)


def _filled(
    lane: Lane,
    q: FloatArray,
    instants: tuple[FloatArray, FloatArray],
    later: IntArray,
    arrival: IntArray,
    due: IntArray,
) -> tuple[FloatArray, FloatArray]:
    at, end = instants
    b, a = np.minimum(later, len(lane.rows) - 1), np.maximum(later - 1, 0)
    arrived = (arrival[b] <= due) & (later < len(lane.rows))
    after, before = lane.time_s[b], lane.time_s[a]
    own = arrived & ((after == at) | (after < end))
    apart = np.where(own, 0.0, np.where(arrived, after - before, np.inf))
    values = np.full((len(at), 4), np.nan)
    values[own] = q[lane.rows[b[own]]]
    between = ~own & (apart <= LONGEST_FILL_S)
    a, b, share = a[between], b[between], (at - before)[between] / apart[between]
    values[between] = table_of(slerp(wxyz(q[lane.rows[a]]), wxyz(q[lane.rows[b]]), share, ARRAYS))
    return values, apart


def _earlier(time_s: FloatArray, at: FloatArray) -> IntArray:
    """Return how many of the times (n,) are before each instant (m,), both ascending.

    Instants of an even grid are counted into, in a fifth of the time that a search takes.
    """
    if len(at) > 1:
        step = float(at[-1] - at[0]) / (len(at) - 1)
        place = np.floor((time_s - at[0]) / step).clip(-1, len(at) - 1).astype(np.int64) + 1
        edges = np.concatenate(([-np.inf], at, [np.inf]))
        if np.all((edges[place] <= time_s) & (time_s < edges[place + 1])):  # no rounding, no hole
            counted: IntArray = np.cumsum(np.bincount(place, minlength=len(at) + 1))[:-1]
            return counted
    return np.searchsorted(time_s, at)
