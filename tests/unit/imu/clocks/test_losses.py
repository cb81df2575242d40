"""Lost samples: by packet counter, by the unit's clock, by time, and at the end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imu.clocks.losses import losses
from imu.sample import SampleTable, Segment, Side, Unit

UNIT = Unit(segment=Segment.THIGH, side=Side.RIGHT, rate_hz=60.0, tick_s=1e-6)
COUNTERS = pytest.mark.parametrize(
    ("unit", "numbered"),
    [
        (UNIT, True),
        (UNIT, False),
        (replace(UNIT, sequence_bits=8), True),
        (replace(UNIT, sequence_bits=63), True),
        (replace(UNIT, tick_s=None), True),
        (replace(UNIT, tick_s=None), False),
    ],
    ids=["clock and sequence", "clock", "short sequence", "long sequence", "sequence", "nothing"],
)


def table_of(kept, unit=UNIT, numbered=True, index=0, repeated=()):
    """Return what arrives, evenly, of the samples in `kept`."""
    number = np.sort(np.concatenate([kept, repeated])).astype(int)
    time_s = number / 60.0
    ticks = np.round(time_s * 1e6).astype(int) + 2**32 - 10**6
    return SampleTable(
        np.full(len(number), index),
        np.round((time_s + 0.01) * 1e9).astype(int),
        ticks % 2**32 if unit.tick_s else np.full(len(number), -1),
        (number + 200) & (2**unit.sequence_bits - 1) if numbered else np.full(len(number), -1),
        np.tile([1.0, 0.0, 0.0, 0.0], (len(number), 1)),
        np.full((len(number), 3), np.nan),
        np.full((len(number), 3), np.nan),
    )


def joined(*tables):
    columns = zip(
        *((t.unit, t.host_time_ns, t.device_time, t.sequence, t.q, t.acc, t.gyr) for t in tables),
        strict=True,
    )
    columns = [np.concatenate(column) for column in columns]
    order = np.argsort(columns[1], kind="stable")
    return SampleTable(*(column[order] for column in columns))


@COUNTERS
def test_samples_that_never_arrived_are_counted(unit, numbered):
    kept = [i for i in range(1200) if i not in (100, 101, 102, 600) and not 800 <= i < 860]
    (loss,) = losses(table_of(kept, unit, numbered), [unit])
    assert (loss.received, loss.lost, loss.dropped) == (1200 - 64, 64, 0)
    assert loss.share == pytest.approx(64 / 1200)
    assert loss.longest_gap_s == pytest.approx(61 / 60, abs=0.02)


@COUNTERS
def test_nothing_lost_is_nothing_lost(unit, numbered):
    (loss,) = losses(table_of(range(1200), unit, numbered), [unit])
    assert (loss.received, loss.lost, loss.share) == (1200, 0, 0.0)
    assert loss.longest_gap_s == pytest.approx(1 / 60, abs=1e-3)


def test_a_gap_longer_than_the_packet_counter_is_counted_in_full_at_any_rate():
    unit = replace(UNIT, sequence_bits=8, rate_hz=60.5)  # it says 60.5 and sends 60
    kept = [i for i in range(2000) if not 500 <= i < 1500]
    assert losses(table_of(kept, unit), [unit])[0].lost == 1000


@pytest.mark.parametrize("back", [40, 600])
def test_a_packet_counter_that_restarts_is_not_believed(back):
    table = table_of([i for i in range(1200) if not 600 <= i < 630])
    number = table.sequence - np.where(np.arange(len(table)) < 600, 0, back)
    assert losses(replace(table, sequence=number), [UNIT])[0].lost == 30


def test_repeated_samples_are_dropped_not_received():
    table = table_of(range(600), repeated=(10, 20, 30))
    (loss,) = losses(table, [UNIT])
    assert (loss.received, loss.dropped, loss.lost) == (600, 3, 0)


def test_a_unit_that_falls_silent_for_good_loses_until_the_end():
    table = joined(table_of(range(1200)), table_of(range(600), index=1))
    whole, half = losses(table, [UNIT, UNIT])
    assert whole.lost == 0
    assert half.lost == pytest.approx(600, abs=1)
    assert half.longest_gap_s == pytest.approx(10.0, abs=0.02)


def test_a_unit_that_comes_late_has_lost_nothing_before():
    table = joined(table_of(range(1200)), table_of(range(600, 1200), index=1))
    assert [loss.lost for loss in losses(table, [UNIT, UNIT])] == [0, 0]


def test_a_unit_never_heard_lost_everything_and_an_empty_recording_nothing():
    unheard = losses(table_of(range(601)), [UNIT, UNIT])[1]
    assert (unheard.received, unheard.lost, unheard.share) == (0, 600, 1.0)
    assert unheard.longest_gap_s == pytest.approx(10.0)
    (nothing,) = losses(table_of([]), [UNIT])
    assert (nothing.received, nothing.lost, nothing.share, nothing.longest_gap_s) == (0, 0, 0, 0)
