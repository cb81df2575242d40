"""One unit's raw counter, followed through wraps, repeats and restarts."""

from __future__ import annotations

from dataclasses import dataclass

from imu.clocks.pacing import BurstPacer
from imu.sample import Sample, Unit

NS_PER_S = 1e9
# A clock that departs from the arrivals by more than this restarted or is garbage. Stalls are
# shorter.
MAX_JUMP_S = 2.0
# A clock coarser than this share of the sample period cannot distinguish samples.
MAX_TICK_PERIODS = 0.5
COUNT_BITS = 63  # our own count of samples never wraps

EPOCH = -1  # the step to the first sample of an epoch
DROP = 0  # the step to a sample that does not count


@dataclass(frozen=True, slots=True)
class Pace:
    """What counts a unit's time."""

    tick_s: float
    """Seconds of one count."""
    bits: int

    @property
    def jump_s(self) -> float:
        """Return how far a step may differ from that of the arrivals: less for short counters."""
        return min(MAX_JUMP_S, self.tick_s * 2.0**self.bits / 4.0)


def has_clock(unit: Unit) -> bool:
    """Return whether the unit's own time is fine enough to distinguish its samples."""
    return unit.tick_s is not None and unit.tick_s * unit.rate_hz <= MAX_TICK_PERIODS


def pace_of(unit: Unit, *, sequenced: bool) -> Pace:
    """Return what counts the unit's time; `sequenced` says whether it numbers its packets."""
    if unit.tick_s is not None and has_clock(unit):
        return Pace(unit.tick_s, unit.time_bits)
    return Pace(1.0 / unit.rate_hz, unit.sequence_bits if sequenced else COUNT_BITS)


class Counter:
    """Follows one unit's raw counter through wraps, repeats and restarts."""

    __slots__ = ("_half", "_host_ns", "_jump_s", "_mask", "_raw", "_seen", "_sequenced", "pace")

    def __init__(self, unit: Unit, *, sequenced: bool) -> None:
        self.pace = pace_of(unit, sequenced=sequenced)
        self._sequenced = None if has_clock(unit) else sequenced
        self._half = 1 << (self.pace.bits - 1)
        self._mask = (1 << self.pace.bits) - 1
        self._jump_s = self.pace.jump_s
        self._raw: int | None = None
        self._host_ns = 0
        self._seen = 0

    def restart(self) -> None:
        """Take the next sample as the first of a new epoch."""
        self._raw = None

    def pacer(self) -> BurstPacer | None:
        """Return what paces the unit if it has no clock of its own."""
        numbered = self._sequenced
        return None if numbered is None else BurstPacer(1 / self.pace.tick_s, numbered=numbered)

    def raw(self, sample: Sample) -> int | None:
        """Return what the unit counted; None where the sample lacks it."""
        if self._sequenced is None:
            return sample.device_time
        if self._sequenced:
            return sample.sequence
        self._seen += 1
        return self._seen - 1

    def step(self, raw: int | None, host_ns: int) -> int:
        """Return the counts since the last sample, or that it starts an epoch or does not count."""
        if raw is None or raw < 0:
            return DROP
        step = EPOCH if self._raw is None else self.between(self._raw, self._host_ns, raw, host_ns)
        if step != DROP:
            self._raw, self._host_ns = raw, host_ns
        return step

    def between(self, last_raw: int, last_host_ns: int, raw: int, host_ns: int) -> int:
        """Return the step from one reading of the counter to a later one."""
        forward = self.signed(raw - last_raw)
        if abs(forward * self.pace.tick_s - (host_ns - last_host_ns) / NS_PER_S) > self._jump_s:
            return EPOCH
        return max(forward, DROP)

    def signed(self, difference: int) -> int:
        """Return a difference of counts as the smallest one, forwards or back, modulo the wrap."""
        return ((difference + self._half) & self._mask) - self._half
