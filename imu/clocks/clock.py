"""Each unit's own clock → one time: unwrap, epochs, lower envelope.

A sample's arrival shows when it was heard, which is late by a delay that changes with every packet
and is never negative. The unit's own clock shows evenly when it was measured, but starts anywhere
and runs a little fast or slow. The lower envelope joins the two: it follows the unit's clock, run
fast by a leak no real clock exceeds, and is pulled back by every arrival that it would overtake:

    tᵢ = min(hᵢ, tᵢ₋₁ + (dᵢ − dᵢ₋₁)(1 + leak))
       = eᵢ + min(h₀ − e₀, …, hᵢ − eᵢ),  eᵢ = dᵢ(1 + leak)

with arrival h and device time d. It is the scheme of Movella's `xsens_dot_server` (bleHandler.js,
setSynchronizedTimestamp), with one change: the minimum runs over the last half to one window, so a
clock that is slower than the leak allows lags by a bounded amount instead of ever more. Every
minimum uses arrivals up to now only, so the same numbers come out live and from a recording.

Units that send no usable time are counted by their packet counter, or sample by sample, and paced
by `imu.clocks.pacing`: their rate may be off by a percent, and lost samples may be invisible.

Units that count time together (`clock = "shared"`) need no envelope: their counters are unwrapped
against one base.

These are the live objects. `imu.clocks.unit_times` does the same arithmetic, in the same order, for
whole recordings and gives the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from imu.clocks.counter import DROP, EPOCH, NS_PER_S, Counter, has_clock
from imu.clocks.pacing import BurstPacer
from imu.sample import Clock, Sample, Unit

# The bound that Movella's own server uses; crystals keep within ±60 ppm.
LEAK = 200e-6
# Half the window of the minimum. The fastest packets recur within a second or two.
HALF_WINDOW_NS = 5_000_000_000
# A silence longer than a few connection intervals counts as this much. What follows it may be the
# backlog of a stall: windows and deadlines are measured in time in which something was heard.
MAX_FLOW_NS = 100_000_000
# Smallest distance of two samples of one unit: what times are written to, so no two look alike.
MIN_STEP_S = 1e-6


class Clocks(Protocol):
    """When the samples of several units were measured."""

    def time_s(self, sample: Sample) -> float | None:
        """Return when a sample was measured; None for one that does not count."""

    def new_epoch(self, unit: int) -> None:
        """Forget what the unit's counter said: it may have restarted."""


def share_clock(units: Sequence[Unit], clock: Clock) -> bool:
    """Return whether units that are said to share a clock also count it alike."""
    ticks = {(unit.tick_s, unit.time_bits) for unit in units}
    return clock == "shared" and len(ticks) == 1 and all(has_clock(unit) for unit in units)


class DeviceClock:
    """Maps the samples of one unit, in order of arrival, to the host's time.

    Times increase by at least a microsecond from sample to sample and are never later than the
    arrival, but for those microseconds.
    """

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._counter: Counter | None = None
        self._pacer: BurstPacer | None = None
        self._counts = 0
        self._flow_ns = 0
        self._host_ns = 0
        self._block = 0
        self._floor = self._floor_before = math.inf
        self._begun = False
        self._rising = _Rising(None)

    def new_epoch(self) -> None:
        """Begin anew with the next sample: the unit was reconnected and may have restarted."""
        if self._counter:
            self._counter.restart()

    def time_s(self, sample: Sample) -> float | None:
        """Return when the sample was measured, in seconds of the host's clock.

        Returns
        -------
        float or None
            None for a sample that does not count: repeated, late, or without the counter that the
            unit's time is taken from.
        """
        counter = self._counter
        if counter is None:
            counter = Counter(self._unit, sequenced=sample.sequence is not None)
            self._counter, self._host_ns = counter, sample.host_time_ns
            self._pacer = counter.pacer()
        host_ns = sample.host_time_ns
        step = counter.step(counter.raw(sample), host_ns)
        if step == DROP:
            return None
        if self._pacer:
            time_s = self._pacer.time_s(host_ns / NS_PER_S, step)
        else:
            time_s = self._enveloped(host_ns, step, counter.pace.tick_s)
        self._begun = True
        return self._rising.next_s(time_s)

    def _enveloped(self, host_ns: int, step: int, tick_s: float) -> float:
        """Return when a sample was measured, by the lower envelope."""
        self._advance(host_ns)
        if step == EPOCH:
            self._counts = 0
            self._floor = self._floor_before = math.inf
        else:
            self._counts += step
        paced_s = self._counts * (tick_s * (1.0 + LEAK))
        self._floor = min(self._floor, host_ns / NS_PER_S - paced_s)
        return paced_s + min(self._floor, self._floor_before)

    def _advance(self, host_ns: int) -> None:
        """Let the older half of the window go when the newer one is full."""
        if self._begun:
            self._flow_ns += flow_ns(host_ns - self._host_ns)
        self._host_ns = host_ns
        block = self._flow_ns // HALF_WINDOW_NS
        if block != self._block:
            self._block = block
            self._floor_before, self._floor = self._floor, math.inf


class IndependentClocks:
    """The clocks of units that do not share one, each mapped to the host's time."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self._clocks = [DeviceClock(unit) for unit in units]

    def time_s(self, sample: Sample) -> float | None:
        """Return when a sample was measured; None for one that does not count."""
        return self._clocks[sample.unit].time_s(sample)

    def new_epoch(self, unit: int) -> None:
        """Begin anew with the unit's next sample."""
        self._clocks[unit].new_epoch()


class SharedClock:
    """One clock that several units count alike, unwrapped against one base.

    Zero is the first sample that arrives; samples measured before it have negative times. A unit
    whose counter departs from the others' by more than `MAX_JUMP_S` lost the common base (it was
    switched off). From then on its own clock is followed as if nothing were shared, and laid
    beside the others': both are known on the host's clock.
    """

    def __init__(self, units: Sequence[Unit]) -> None:
        self._counters = [Counter(unit, sequenced=False) for unit in units]
        self._counts: list[int | None] = [None] * len(units)
        self._base: int | None = None
        self._latest = (0, 0)
        self._hosts = IndependentClocks(units)
        self._host_ahead_s = 0.0
        """What the host's clock shows more than the shared one, at the last sample of the base."""
        self._astray: dict[int, _Rising] = {}

    def new_epoch(self, unit: int) -> None:
        """Place the unit's next sample by its arrival, on the common base where it fits."""
        self._counters[unit].restart()
        self._hosts.new_epoch(unit)

    def time_s(self, sample: Sample) -> float | None:
        """Return when a sample was measured, from the first one; None if it does not count."""
        unit = sample.unit
        counter, last = self._counters[unit], self._counts[unit]
        raw = counter.raw(sample)
        step = counter.step(raw, sample.host_time_ns)
        if raw is None or step == DROP:
            return None
        host_s = self._hosts.time_s(sample) or 0.0  # it counts there as it does here
        counts: int | None
        if unit in self._astray:
            counts = None
        elif last is not None and step != EPOCH:
            counts = last + step
        elif self._base is None:
            self._base, counts = raw, 0
        else:
            counts = place(counter, raw - self._base, sample.host_time_ns, self._latest, last)
        if counts is None:
            rising = self._astray.get(unit)
            if rising is None:
                rising = _Rising(None if last is None else last * counter.pace.tick_s)
                self._astray[unit] = rising
            return rising.next_s(host_s - self._host_ahead_s)
        self._counts[unit] = counts
        self._latest = (counts, sample.host_time_ns)
        time_s = counts * counter.pace.tick_s
        self._host_ahead_s = host_s - time_s
        return time_s


class _Rising:
    """Times put off where needed to be a microsecond apart; the live form of `increasing`."""

    def __init__(self, last_s: float | None) -> None:
        self._highest = -math.inf if last_s is None else last_s
        self._index = -1 if last_s is None else 0

    def next_s(self, time_s: float) -> float:
        """Return the time of the next sample."""
        self._index += 1
        self._highest = max(self._highest, time_s - self._index * MIN_STEP_S)
        return self._highest + self._index * MIN_STEP_S


def place(
    counter: Counter, from_base: int, host_ns: int, latest: tuple[int, int], last: int | None
) -> int | None:
    """Return the counts at which a unit enters the shared clock; None where it does not fit.

    Parameters
    ----------
    counter
        The unit's counter.
    from_base
        Its raw reading minus the base's, before any wrap is undone.
    host_ns
        When the sample arrived.
    latest
        Counts and arrival of the sample of the base, of any unit, that arrived before it.
    last
        Counts of the unit's own last sample, which the new one must follow; None without one.
    """
    tick_s = counter.pace.tick_s
    expected = latest[0] + round((host_ns - latest[1]) / NS_PER_S / tick_s)
    off = counter.signed(from_base - expected)
    if abs(off * tick_s) > counter.pace.jump_s:
        return None
    counts = expected + off
    return counts if last is None else max(counts, last + 1)


def flow_ns(silence_ns: int) -> int:
    """Return how much of the time between two arrivals counts as time in which data flowed."""
    if silence_ns < 0:
        return 0
    return silence_ns if silence_ns < MAX_FLOW_NS else MAX_FLOW_NS
