"""The instants at which the common time base has a frame, one by one or all at once.

Units that share a clock keep their own instants, those that coincide made one. Units that do not
are put on a grid. The live objects take samples as they arrive and yield the instants that
are due; the functions take whole recordings and return the same instants.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from imu.sample import FloatArray, Unit

# Instants of one clock closer than this share of the fastest unit's period are one instant.
SAME_INSTANT_PERIODS = 0.25
# No grid through a longer silence of all units, such as a suspended computer's.
MAX_SILENCE_S = 10.0


class Instants(Protocol):
    """Which instants of the common time base get a frame."""

    reach_s: float
    """How much later than the instant a sample may be and still be of it."""

    def note(self, at: float) -> None:
        """See the time of a sample; one that came too late is no later than what was due."""

    def forget(self, until: float) -> None:
        """Give up what passed before all units had data."""

    def start(self, firsts: Sequence[float], after: float) -> None:
        """Begin after an instant, given the times of the units' first samples as they arrived."""

    def due(self, until: float) -> Iterator[tuple[float, float]]:
        """Yield the instants up to one, each on the clock and from the session's first sample."""


class Grid:
    """Instants k / rate from the first sample that arrived, k a whole number.

    Parameters
    ----------
    units
        The fastest one's nominal rate is the grid's.
    """

    def __init__(self, units: Sequence[Unit]) -> None:
        self.reach_s = 0.0
        self._rate_hz = fastest_hz(units)
        self._zero = 0.0
        self._k = 0
        self._front = math.inf
        self._silences: deque[tuple[float, float]] = deque()

    def note(self, at: float) -> None:
        """See the time of a sample."""
        if at - self._front > MAX_SILENCE_S:
            self._silences.append((self._front, at))
        self._front = at if self._front == math.inf else max(self._front, at)

    def forget(self, until: float) -> None:
        """Give up silences that ended."""
        while self._silences and self._silences[0][1] <= until:
            self._silences.popleft()

    def start(self, firsts: Sequence[float], after: float) -> None:
        """Begin with the first instant at which all units have data."""
        self._zero = firsts[0]
        self._k = grid_index(max(*firsts, just_after(after)), self._rate_hz, self._zero)

    def due(self, until: float) -> Iterator[tuple[float, float]]:
        """Yield the instants up to one, each on the clock and from the session's first sample."""
        while (at := self._k / self._rate_hz + self._zero) <= until:
            self.forget(at)
            if self._silences and self._silences[0][0] < at:
                self._k = grid_index(self._silences[0][1], self._rate_hz, self._zero)
                continue
            yield at, self._k / self._rate_hz
            self._k += 1


class OwnInstants:
    """The union of the units' own instants, from the earliest of their first samples.

    An instant is the earliest of those that coincide, and they are those less than a quarter of
    the fastest unit's period after it.
    """

    def __init__(self, units: Sequence[Unit]) -> None:
        self.reach_s = SAME_INSTANT_PERIODS / fastest_hz(units)
        self._zero = 0.0
        self._free = -math.inf
        self._waiting: list[float] = []

    def note(self, at: float) -> None:
        """See the time of a sample."""
        heapq.heappush(self._waiting, at)

    def forget(self, until: float) -> None:
        """Give up what passed before all units had data."""
        while self._waiting and self._waiting[0] <= until:
            heapq.heappop(self._waiting)

    def start(self, firsts: Sequence[float], after: float) -> None:
        """Begin with the first instant at which all units have data."""
        self._zero = min(firsts)
        self._free = own_start(firsts, self.reach_s, after)

    def due(self, until: float) -> Iterator[tuple[float, float]]:
        """Yield the instants up to one, each on the clock and from the session's first sample."""
        while self._waiting and self._waiting[0] <= until:
            at = heapq.heappop(self._waiting)
            if at >= self._free:
                self._free = at + self.reach_s
                yield at, at - self._zero


def grid_instants(
    noted: FloatArray, units: Sequence[Unit], firsts: Sequence[float], after: float, until: float
) -> tuple[FloatArray, FloatArray, float]:
    """Return all instants of a grid: the batch form of `Grid`.

    Parameters
    ----------
    noted
        Shape (n,): times of the samples that did not come too late, as they arrived.
    units
        The fastest one's nominal rate is the grid's.
    firsts
        Times of the units' first samples, as they arrived.
    after, until
        The instants are later than the one and not later than the other.

    Returns
    -------
    tuple
        The instants (m,) on the clock, the same from the session's first sample, and how much
        later than an instant a sample may be and still be of it, in seconds.
    """
    rate_hz, zero = fastest_hz(units), firsts[0]
    front = np.maximum.accumulate(noted)
    start = grid_index(max(*firsts, just_after(after)), rate_hz, zero)
    end = grid_index(just_after(until), rate_hz, zero)
    parts = []
    for i in np.flatnonzero(np.diff(front) > MAX_SILENCE_S).tolist():
        silent = grid_index(just_after(float(front[i])), rate_hz, zero)
        parts.append(np.arange(start, min(silent, end)))
        start = max(start, grid_index(float(front[i + 1]), rate_hz, zero))
    k = np.concatenate((*parts, np.arange(start, end)))
    return k / rate_hz + zero, k / rate_hz, 0.0


def own_instants(
    noted: FloatArray, units: Sequence[Unit], firsts: Sequence[float], after: float, until: float
) -> tuple[FloatArray, FloatArray, float]:
    """Return all instants that units with a shared clock have: the batch form of `OwnInstants`.

    Parameters and results are those of `grid_instants`.
    """
    reach_s = SAME_INSTANT_PERIODS / fastest_hz(units)
    found = np.sort(noted[(noted >= own_start(firsts, reach_s, after)) & (noted <= until)])
    beyond = np.searchsorted(found, found + reach_s).tolist()
    chosen, i = [], 0
    while i < len(found):
        chosen.append(i)
        i = beyond[i]
    at = found[np.asarray(chosen, dtype=np.int64)]
    return at, at - min(firsts), reach_s


def coincide(own: Sequence[Sequence[bool]]) -> bool:
    """Return whether units have instants in common.

    Parameters
    ----------
    own
        For each instant and unit, whether the unit has a sample of its own there.

    Returns
    -------
    bool
        True when each unit shares instants with another at least half as often as the unit with
        the fewest samples has any.
    """
    by_unit = list(zip(*own, strict=True))
    if len(by_unit) < 2:
        return True
    together = [sum(instant) > 1 for instant in own]
    fewest = min(sum(unit) for unit in by_unit)
    shared = [
        sum(here and others for here, others in zip(unit, together, strict=True))
        for unit in by_unit
    ]
    return all(2 * count >= fewest for count in shared)


def fastest_hz(units: Sequence[Unit]) -> float:
    """Return the highest nominal rate."""
    return max(unit.rate_hz for unit in units)


def own_start(firsts: Sequence[float], reach_s: float, after: float) -> float:
    """Return from where on an instant coincides with or follows every unit's first sample."""
    return just_after(max(max(firsts) - reach_s, after))


def grid_index(at: float, rate_hz: float, zero: float) -> int:
    """Return the smallest k ≥ 0 with k / rate + zero ≥ at, as these round."""
    k = max(0, math.ceil((at - zero) * rate_hz))
    while k > 0 and (k - 1) / rate_hz + zero >= at:
        k -= 1
    while k / rate_hz + zero < at:
        k += 1
    return k


def just_after(at: float) -> float:
    """Return the next larger number."""
    return math.nextafter(at, math.inf)
