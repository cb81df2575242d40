"""PacketCounter, SampleTimeFine and OutputRate of one file, compared: when each sample was.

Each of them fails in its own way. A spreadsheet rounds SampleTimeFine, the PC SDK counts it in
0.1 ms, and it restarts when a unit is switched on; the counter may be rounded too. What two of them
agree on is kept and said; what is not settled is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from imu.importers import ImportFileError
from imu.importers.alignment import unwrap
from imu.importers.witnesses.stamps import TIED_MOST, spread
from imu.sample import BoolArray, FloatArray, IntArray

TIME_BITS = 32
RATES_HZ = (1.0, 4.0, 10.0, 12.0, 15.0, 20.0, 30.0, 60.0, 120.0)
"""The output rates that a DOT offers."""
RATE_TOLERANCE = 0.05
TICKS_US = {100.0: "0.1 ms", 1000.0: "1 ms", 10.0: "10 µs"}
FASTEST_HZ = 1000.0
SOUND_SHARE = 0.75
"""A counter of which this share of steps counts a few packets is sound."""
STEPS_MOST = 1000
JUMP_US = 300_000.0
FORWARD_US = 60_000_000.0
"""A shorter jump forwards may be a real break, though the counter denies it."""
SEGMENT_ROWS = 10
"""Fewer rows at another time are wild stamps, not a clock that restarted."""
ALIGNS_US = 300_000.0
"""Two clocks that are rounded to more than this do not align two units."""
US_PER_S = 1e6


@dataclass(frozen=True, slots=True)
class DotClock:
    """When each row was measured."""

    running_us: IntArray
    """Shape (n,), without wraps, on the scale of the raw first value."""
    packet_counter: IntArray
    """Shape (n,), raw; −1 where the counter is not sound."""
    counted: bool
    """Whether the counter is sound: then a repeated packet is a repeated row."""
    aligns: bool = True
    """Whether the scale is exact enough to align this unit with another."""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Rows:
    path: Path
    rows: Sequence[int] | IntArray
    """The number of each row below the column names, from 1."""
    packets: IntArray
    """Steps of the counter, shape (n − 1,), wraps undone."""
    raw: IntArray


def clock_of(
    path: Path,
    rows: Sequence[int] | IntArray,
    packet: FloatArray,
    raw_us: FloatArray | None,
    named_hz: float | None,
    told_hz: float | None,
) -> DotClock:
    """Return when each row was measured.

    Parameters
    ----------
    rows
        The number of each row below the column names.
    packet, raw_us
        PacketCounter and SampleTimeFine as they stand in the file, shape (n,); without the second
        the counter and the told rate must do.
    named_hz, told_hz
        OutputRate, and what a person says.

    Raises
    ------
    ImportFileError
        When clock and counter contradict each other and it is not settled which is right.
    """
    counter = packet.astype(np.int64)
    if raw_us is None:
        return DotClock(_by_counter(counter, told_hz or 1.0), counter, counted=True)
    raw = raw_us.astype(np.int64)
    if len(raw) < 3:
        return DotClock(unwrap(raw, TIME_BITS) if len(raw) else raw, counter, counted=True)
    told = _Rows(path, rows, _packet_steps(counter), raw)
    sound = float(np.mean((told.packets > 0) & (told.packets <= STEPS_MOST))) >= SOUND_SHARE
    steps = np.diff(unwrap(raw, TIME_BITS)).astype(np.float64)
    tied = float(np.mean((steps == 0) & (told.packets != 0))) if sound else np.mean(steps == 0)
    if tied > TIED_MOST:
        return _of_rounded(told, counter, sound, steps, named_hz or told_hz)
    notes: list[str] = []
    if not sound and np.mean(steps > 0) >= SOUND_SHARE and np.mean(told.packets == 0) > TIED_MOST:
        notes.append(
            f"{path.name}: PacketCounter stands still in {int(np.sum(told.packets == 0))} rows:"
            " SampleTimeFine alone tells the times."
        )
        told = _Rows(path, rows, np.ones_like(told.packets), raw)
        counter = np.full(len(counter), -1, dtype=np.int64)
    steps *= _tick_us(told, steps, named_hz or told_hz, notes)
    steps = _without_restarts(told, steps, sound, named_hz, notes)
    running = np.concatenate(([0.0], np.cumsum(steps))) + float(raw[0])
    return DotClock(
        np.rint(running).astype(np.int64), counter, counted=bool(counter[0] >= 0), notes=notes
    )


def _packet_steps(counter: IntArray) -> IntArray:
    """Return the steps of a counter, shape (n − 1,), with wraps at 2**16 or 2**32 undone."""
    steps = np.diff(counter)
    for bits in (16, 32):
        wrapped = steps + (1 << bits)
        steps = np.where((steps < 0) & (wrapped > 0) & (wrapped <= STEPS_MOST), wrapped, steps)
    return steps


def _by_counter(counter: IntArray, rate_hz: float) -> IntArray:
    packets = np.concatenate(([0], np.cumsum(_packet_steps(counter))))
    running: IntArray = np.rint(packets * (US_PER_S / rate_hz)).astype(np.int64)
    return running


def _of_rounded(
    told: _Rows, counter: IntArray, sound: bool, steps: FloatArray, rate_hz: float | None
) -> DotClock:
    """Return the times of rows whose SampleTimeFine many share."""
    running = unwrap(told.raw, TIME_BITS)
    count = f"SampleTimeFine is the same in {int(np.sum(steps == 0)):,} rows"
    if not sound:
        if len(np.unique(running)) < 3:
            raise ImportFileError(
                told.path, f"row {told.rows[1]}", f"{count} ('{told.raw[1]}') and PacketCounter"
                " does not count on", "export the recording again, not through a spreadsheet",
            )  # fmt: skip
        spread_us = np.rint(spread(running.astype(np.float64))).astype(np.int64)
        notes = [f"{told.path.name}: {count}: the samples of a packet are spread evenly."]
        return DotClock(spread_us, np.full_like(counter, -1), counted=False, notes=notes)
    if rate_hz is None:
        raise ImportFileError(
            told.path, f"row {told.rows[1]}", f"{count}, as a spreadsheet rounds it"
            f" ('{told.raw[1]:.2e}'), and no OutputRate is told", "give --rate HZ",
        )  # fmt: skip
    by_counter = _by_counter(counter, rate_hz)
    forward = steps[steps > 0]
    grain_us = float(np.median(forward)) if len(forward) else np.inf
    late_us = int(np.median(running - by_counter)) if grain_us <= ALIGNS_US else int(running[0])
    note = (
        f"{told.path.name}: {count}, as a spreadsheet rounds it: the times are those of"
        f" PacketCounter at {rate_hz:g} Hz."
    )
    return DotClock(
        by_counter + late_us, counter, counted=True, aligns=grain_us <= ALIGNS_US, notes=[note]
    )


def _tick_us(told: _Rows, steps: FloatArray, named_hz: float | None, notes: list[str]) -> float:
    """Return how many microseconds a count of SampleTimeFine is."""
    each = steps / np.maximum(told.packets, 1)
    step_us = float(np.median(each[each > 0])) if (each > 0).any() else 0.0
    if step_us <= 0.0:
        return 1.0
    for tick_us, words in TICKS_US.items():
        rate_hz = US_PER_S / (step_us * tick_us)
        if named_hz is not None:
            settled = abs(rate_hz / named_hz - 1.0) <= RATE_TOLERANCE
        else:
            offered = any(abs(rate_hz / one - 1.0) <= RATE_TOLERANCE for one in RATES_HZ)
            settled = US_PER_S / step_us > FASTEST_HZ and offered
        if settled:
            shows = (
                f"OutputRate {named_hz:g} Hz" if named_hz else f"a unit's rate of {offered:g} Hz"
            )
            notes.append(
                f"{told.path.name}: SampleTimeFine counts {words}, not µs, as {shows} shows."
            )
            return tick_us
    return 1.0


def _without_restarts(
    told: _Rows, steps: FloatArray, sound: bool, named_hz: float | None, notes: list[str]
) -> FloatArray:
    """Return the steps with those where the clock restarted as long as the counter tells."""
    flowing = (steps > 0) & (told.packets > 0)
    if not flowing.any():
        return steps
    period_us = float(np.median(steps[flowing] / told.packets[flowing]))
    if named_hz is not None and abs(period_us * named_hz / US_PER_S - 1.0) <= RATE_TOLERANCE:
        period_us = US_PER_S / named_hz
    off_us = steps - period_us * np.maximum(told.packets, 0)
    breaks = _lasting((off_us < -JUMP_US) | (off_us > FORWARD_US))
    for at in np.flatnonzero(breaks):
        row, cell = f"{told.rows[int(at) + 1]:,}", told.raw[at + 1]
        if sound and 0 < told.packets[at] <= STEPS_MOST:
            lost = int(told.packets[at]) - 1
            nothing = "nothing is lost" if not lost else f"{lost} samples are lost"
            notes.append(
                f"{told.path.name}: SampleTimeFine restarts at row {row} ('{cell}'); PacketCounter"
                f" shows that {nothing}."
            )
            steps[at] = period_us * told.packets[at]
        elif steps[at] < 0 or told.packets[at] < 0:
            also = "and PacketCounter restart" if sound else "restarts"
            raise ImportFileError(
                told.path, f"row {row}", f"SampleTimeFine {also} ('{cell}'), and nothing tells how"
                " long the break was", "cut the file there and give both parts with --append",
            )  # fmt: skip
    return steps


def _lasting(jumps: BoolArray) -> BoolArray:
    """Return the jumps (n − 1,) after which, and before which, the clock runs for many rows."""
    at = np.flatnonzero(jumps)
    if not len(at) or len(at) > len(jumps) // SEGMENT_ROWS:
        return np.zeros_like(jumps)
    ends = np.concatenate(([-1], at, [len(jumps)]))
    length = np.diff(ends)
    good = np.zeros_like(jumps)
    good[at] = (length[:-1] >= SEGMENT_ROWS) & (length[1:] >= SEGMENT_ROWS)
    return good
