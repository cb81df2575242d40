"""What each unit of a recording lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imu.clocks.counter import MAX_JUMP_S, NS_PER_S, has_clock
from imu.clocks.unit_times import Lane, Reconnects, independent_lanes
from imu.sample import FloatArray, IntArray, SampleTable, Unit

# A unit this long without a sample at the end fell silent; what is shorter may be on its way.
SILENT_S = 1.0


@dataclass(frozen=True, slots=True)
class Loss:
    """What one unit lost."""

    received: int
    """Samples that count."""
    lost: int
    """Samples that the unit sent, or should have sent, between and after them."""
    dropped: int
    """Samples that arrived but do not count: repeated or late."""
    longest_gap_s: float
    """Longest time from one sample that counts to the next one, or to the end."""

    silent_s: float = 0.0
    """How long before the end of the recording the unit was heard for the last time."""

    @property
    def share(self) -> float:
        """Return the lost share of all samples, in [0, 1]; 0 when none was to be expected."""
        return self.lost / max(self.received + self.lost, 1)


def losses(
    table: SampleTable, units: Sequence[Unit], reconnects: Reconnects = ()
) -> tuple[Loss, ...]:
    """Return what each unit lost.

    Lost samples are counted by the packet counter where it fits the time that passed, else by that
    time and the nominal rate: of the unit's own clock where it has one. Without clock and counter
    a single loss inside a burst cannot be seen, and the figure is an estimate. A unit that falls
    silent for good loses until the end of the recording; what precedes its first sample is no loss.

    Parameters
    ----------
    table
        All samples in order of arrival.
    units
        What `table.unit` counts into.
    reconnects
        As for `align`.
    """
    lanes = independent_lanes(table, units, reconnects)
    heard = [table.host_time_ns[lane.rows[[0, -1]]] for lane in lanes if len(lane.rows)]
    begin_ns = min((int(first) for first, _ in heard), default=0)
    end_ns = max((int(last) for _, last in heard), default=0)
    return tuple(
        _loss(table, lane, units[index], int(np.sum(table.unit == index)), (begin_ns, end_ns))
        for index, lane in enumerate(lanes)
    )


def _loss(
    table: SampleTable, lane: Lane, unit: Unit, arrived: int, span_ns: tuple[int, int]
) -> Loss:
    """Return what one unit lost of a session that lasts from the first to the last arrival."""
    received = len(lane.rows)
    begin_ns, end_ns = span_ns
    last_ns = int(table.host_time_ns[lane.rows[-1]]) if received else begin_ns
    silent_s = (end_ns - last_ns) / NS_PER_S
    apart_s = _apart_s(lane, unit)
    missing = int(np.sum(_missing(apart_s, table.sequence[lane.rows], unit)))
    gaps_s = [float(np.max(apart_s, initial=0.0))]
    if silent_s > SILENT_S:
        missing += round(silent_s * unit.rate_hz)
        gaps_s.append(silent_s)
    return Loss(received, missing, arrived - received, max(gaps_s), max(silent_s, 0.0))


def _apart_s(lane: Lane, unit: Unit) -> FloatArray:
    """Return the time from each sample to the next one, shape (n − 1,)."""
    by_arrival: FloatArray = np.diff(lane.time_s)
    if unit.tick_s is None or not has_clock(unit):
        return by_arrival
    counted = lane.step[1:]
    return np.where(counted > 0, counted * unit.tick_s, by_arrival)  # an epoch's first is −1


def _missing(apart_s: FloatArray, sequence: IntArray, unit: Unit) -> IntArray:
    """Return how many samples were lost between each sample and the next one, shape (n − 1,)."""
    expected = apart_s * unit.rate_hz
    period = 1 << unit.sequence_bits
    # modulo and times `period`, which int64 cannot hold at 63 bits
    ahead = np.diff(sequence) & (period - 1)
    ahead += np.rint((expected - ahead) / period).astype(np.int64) << unit.sequence_bits
    fits = (ahead > 0) & (np.abs(ahead - expected) <= MAX_JUMP_S * unit.rate_hz)
    numbered = (sequence[1:] >= 0) & (sequence[:-1] >= 0)
    by_time = np.maximum(np.rint(expected).astype(np.int64), 1)
    missing: IntArray = np.where(fits & numbered, ahead, by_time) - 1
    return missing
