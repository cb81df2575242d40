"""What a unit sends: exact steps of its own crystal, whatever sensor, loop and radio do."""

from __future__ import annotations

import itertools

import pytest
import world
from bench import Bench
from hipturn_unit.grid import INTERVAL_WEIGHT, TICKS_A_US, US_A_SECOND, Grid

RATES = (30, 60, 100, 120)
SAWTOOTH_US = 32
"""One of the signal that tells the time: 16 bits are 2.1 s."""
LEARNT_S = 5.0


def stepped(records, number=1):
    """Whether numbers and times of records go on evenly."""
    return {(b[1] - a[1]) % 2**16 for a, b in itertools.pairwise(records)} == {number}


def steps_us(records):
    return {(b[0] - a[0]) % 2**32 for a, b in itertools.pairwise(records)}


def timed(off_per_mille, rate_hz, stalls=()):
    """Return how far each record's mean lies from the middle of its interval, in µs, and when."""
    period_us = 5000 * 1000 / (1000 + off_per_mille)

    def clock(index, axis):
        """Return the middle of what a sample covers, as a sawtooth."""
        middle_us = 3217 + (index - 0.5) * period_us
        return int(middle_us / SAWTOOTH_US) % 2**16 - 2**15

    bench = Bench(off_per_mille, signal=clock)
    # The sensor began to sample when the board was switched on, the unit's clock 150 ms later.
    origin_us = bench.world.now_us
    bench.world.stalls = [(int(at_s * 1e6), int(long_s * 1e6)) for at_s, long_s in stalls]
    bench.start(rate_hz)
    bench.run(10)
    found = []
    for time_us, _, (x, _, _), _ in bench.records():
        true_us = origin_us + time_us - 5e5 / rate_hz
        true = true_us / SAWTOOTH_US % 2**16
        if 1500 < true < 2**16 - 1500:  # the sawtooth turns farther away than an interval
            found.append((time_us / 1e6, (x + 2**15 - true) * SAWTOOTH_US))
    return bench, found


@pytest.mark.parametrize("off_per_mille", [-60, -19, 0, 26, 60])
@pytest.mark.parametrize("rate_hz", RATES)
def test_records_lie_where_they_say_whatever_the_oscillator_and_the_loop_do(rate_hz, off_per_mille):
    stalls = [(at_s, 0.04) for at_s in range(1, 10)]
    bench, found = timed(off_per_mille, rate_hz, stalls)
    late = [off_us for at_s, off_us in found if at_s > LEARNT_S]
    mean_us = sum(late) / len(late)
    sd_us = (sum((off - mean_us) ** 2 for off in late) / len(late)) ** 0.5
    assert sd_us <= 500
    assert abs(mean_us) <= 500
    records = bench.records()
    assert stepped(records)
    assert steps_us(records) <= {1_000_000 // rate_hz, 1_000_000 // rate_hz + 1}


def test_no_rounding_becomes_a_drift():
    """A constant of 1 °/s by 16.4 is 16 in one record, and must stay 1 °/s in a thousand."""
    bench = Bench(13, signal=lambda index, axis: -5 if axis > 3 else 3)
    bench.start(100)
    bench.run(60)
    records = bench.records()
    acc = sum(record[2][0] for record in records) / len(records)
    gyr = sum(record[3][2] for record in records) / len(records)
    assert acc == 3
    assert gyr == pytest.approx(-5 * 16 / 16.4, abs=0.001)


def test_the_largest_numbers_of_the_sensor_stay_whole():
    values = []
    grid = Grid(200, (INTERVAL_WEIGHT,) * 6, lambda grid: values.append(list(grid.values)))
    grid.start(30, 0, 0)
    for sign in (32767, -32768):
        for _ in range(60):
            grid.look(10000, 100, 2)
            grid.take([sign] * 7)
            grid.take([sign] * 7)
    assert values[0] == [32767] * 7
    assert values[-1] == [-32768] * 7


@pytest.mark.parametrize("rate_hz", RATES)
def test_the_interval_of_every_rate_is_a_whole_number_of_weights(rate_hz):
    ticks = US_A_SECOND * TICKS_A_US
    assert ticks % (rate_hz * INTERVAL_WEIGHT) == 0
    assert INTERVAL_WEIGHT * 2**15 < 2**30


@pytest.mark.parametrize("begun_us", [2**30 - 3_000_000, 2**29 - 3_000_000])
def test_the_wrap_of_the_ticks_is_not_seen(begun_us):
    bench = Bench(26, begun_us=begun_us)
    bench.start(60)
    bench.run(6)
    records = bench.records()
    assert len(records) > 340
    assert stepped(records)
    assert steps_us(records) == {16666, 16667}


def test_the_time_wraps_at_32_bits_and_the_number_at_16():
    bench = Bench(-19)
    for _ in range(9):  # nothing is sent for 71 minutes
        bench.unit.turn()
        bench.world.now_us += 477_000_000
    bench.unit._grid.number = 2**16 - 200
    bench.start(100)
    bench.run(4)
    records = bench.records()
    assert records[0][0] > 2**32 - 3_000_000
    assert records[-1][0] < 2_000_000
    assert records[0][1] > records[-1][1]
    assert stepped(records)
    assert steps_us(records) == {10000}


def test_a_stall_of_03_s_costs_nothing():
    bench = Bench(60)
    bench.world.stalls = [(3_000_000, 300_000)]
    bench.start(100)
    bench.run(6)
    records = bench.records()
    assert stepped(records)
    assert len(records) > 570


@pytest.mark.parametrize("rate_hz", RATES)
def test_after_a_longer_stall_number_and_time_jump_by_what_was_lost(rate_hz):
    bench = Bench(26, signal=lambda index, axis: 4000)
    bench.world.stalls = [(3_000_000, 2_000_000), (6_000_000, 700_000)]
    bench.start(rate_hz)
    bench.run(9)
    records = bench.records()
    jumps = [(b[1] - a[1], b[0] - a[0]) for a, b in itertools.pairwise(records) if b[1] != a[1] + 1]
    assert len(jumps) == 2
    assert {record[2][0] for record in records} == {4000}  # none from a part of its interval
    for (number, time_us), stall_s in zip(jumps, (2.0, 0.7), strict=True):
        assert time_us == pytest.approx(number * 1e6 / rate_hz, abs=1)
        assert stall_s <= time_us / 1e6 <= stall_s + 0.02 + 3 / rate_hz


def test_a_full_radio_loses_notifications_and_the_numbers_tell():
    bench = Bench()
    bench.start(100)
    bench.run(2)
    bench.air.full = True
    bench.run(1)
    bench.air.full = False
    bench.run(2)
    records = bench.records()
    jumps = [b[1] - a[1] for a, b in itertools.pairwise(records) if b[1] != a[1] + 1]
    assert len(jumps) == 1
    assert jumps[0] == bench.unit.unsent * 5 + 1


@pytest.mark.parametrize(
    ("rate_hz", "mtu", "held"),
    [(30, 247, 1), (60, 247, 3), (100, 247, 5), (120, 247, 6), (120, 23, 1), (100, 62, 2)],
)
def test_as_many_records_are_sent_at_once_as_the_link_carries(rate_hz, mtu, held):
    bench = Bench()
    bench.start(rate_hz, mtu)
    bench.run(2)
    assert {len(payload) for payload in bench.air.sent} == {20 * held}
    assert stepped(bench.records())


def test_the_fake_sensor_loses_what_its_buffer_cannot_hold():
    time = world.World()
    sensor = world.Sensor(time)
    two = bytearray(2)
    for passed_ms, held in ((100, 20), (1000, 73)):
        time.now_us = 1000 * passed_ms
        sensor.readfrom_mem_into(0x68, world.FIFO_COUNT, two)
        assert (two[0] << 8 | two[1]) // world.FRAME_BYTES == held
