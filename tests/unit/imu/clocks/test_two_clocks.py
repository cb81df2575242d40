"""Two units on rough air, each with its own clock or none, are put on one time base."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imu.clocks.clock import DeviceClock
from imu.clocks.pacing import BurstPacer
from imu.clocks.unit_times import independent_lanes
from imu.sample import Sample, Segment, Side, Unit
from imu.virtual.on_air.rough_air import RoughAir, on_the_air

UNIT = Unit(segment=Segment.THIGH, side=Side.RIGHT, rate_hz=60.0, tick_s=1e-6)
BARE = replace(UNIT, tick_s=None)
SEEDS = 2
MINUTES = 2


def late_of(unit, table, measured_s):
    lane = independent_lanes(table, [unit])[0]
    return measured_s[lane.rows], lane.time_s - measured_s[lane.rows]


def apart_ms(unit, seed, fast_ppm, *, numbered=True):
    """Return the rms of how much later one of two units is placed than the other."""
    rng = np.random.default_rng(seed)
    sign = 1 - 2 * (seed % 2)
    lates = []
    for interval_s, ppm in ((0.03, sign * fast_ppm), (0.06, -sign * fast_ppm)):
        air = RoughAir(interval_s=interval_s, fast_ppm=ppm)
        measured_s, table = on_the_air(unit, 0, air, 60.0 * MINUTES, rng)
        if not numbered:
            table = replace(table, sequence=np.full(len(table), -1))
        lates.append(late_of(unit, table, measured_s))
    at = np.arange(10.0, 60.0 * MINUTES - 1.0, 1 / 60)
    difference = np.interp(at, *lates[0]) - np.interp(at, *lates[1])
    return 1e3 * np.sqrt(np.mean(difference**2))


def test_live_clocks_are_together_to_two_milliseconds():
    errors = [apart_ms(UNIT, seed, 60.0) for seed in range(5)]
    assert np.median(errors) <= 2.0
    assert max(errors) <= 3.0


@pytest.mark.parametrize("fast_ppm", [60.0, 10_000.0])
def test_units_without_clock_or_number_are_together_to_ten_milliseconds(fast_ppm):
    errors = [apart_ms(BARE, seed, fast_ppm, numbered=False) for seed in range(SEEDS)]
    assert max(errors) <= 10.0


@pytest.mark.parametrize("fast_ppm", [60.0, 10_000.0])
def test_units_that_number_their_samples_are_together_to_three_milliseconds(fast_ppm):
    assert max(apart_ms(BARE, seed, fast_ppm) for seed in range(SEEDS)) <= 3.0


@pytest.mark.parametrize("numbered", [True, False])
@pytest.mark.parametrize("fast_ppm", [-11_000.0, -6_000.0, 0.0, 6_500.0, 12_000.0])
def test_the_rate_of_a_unit_without_clock_is_learned(fast_ppm, numbered):
    air = RoughAir(interval_s=0.03, fast_ppm=fast_ppm)
    _, table = on_the_air(BARE, 0, air, 90.0, np.random.default_rng(7))
    pacer = BurstPacer(60.0, numbered=numbered)
    steps = np.diff(table.sequence, prepend=table.sequence[0] + 1)  # the first begins: −1
    for host_ns, step in zip(table.host_time_ns.tolist(), steps.tolist(), strict=True):
        pacer.time_s(host_ns / 1e9, step if numbered else max(min(step, 1), -1))
    assert -1e6 * pacer.period_off == pytest.approx(fast_ppm, abs=2500)


def test_what_was_learned_of_the_rate_outlives_a_reconnect():
    air = RoughAir(interval_s=0.03, fast_ppm=9_000.0)
    measured_s, table = on_the_air(BARE, 0, air, 100.0, np.random.default_rng(3))
    clock, late_s = DeviceClock(BARE), []
    for i, (host_ns, number) in enumerate(zip(table.host_time_ns, table.sequence, strict=True)):
        if i == 3600:
            clock.new_epoch()
        sample = Sample(0, int(host_ns), None, int(number), None)
        late_s.append(clock.time_s(sample) - measured_s[i])
    # a rate 0.9 % off would drift by 9 ms within the second
    assert np.ptp(late_s[3630:3690]) < 0.006


@pytest.mark.parametrize("interval_s", [0.0075, 0.015, 0.05])
def test_a_time_is_never_later_than_the_arrival_and_in_the_end_little_earlier(interval_s):
    air = RoughAir(interval_s=interval_s, fast_ppm=-9_000.0)
    measured_s, table = on_the_air(BARE, 0, air, 60.0, np.random.default_rng(4))
    measured_s, late_s = late_of(BARE, table, measured_s)
    assert np.all(measured_s + late_s <= table.host_time_ns / 1e9 + 1e-3)
    settled = late_s[measured_s > 20.0]
    assert np.std(settled) < 0.004
    assert abs(np.mean(settled)) < 0.012


def test_a_burst_of_losses_and_a_long_silence_are_overcome_within_half_a_second():
    air = RoughAir(interval_s=0.03, lost=0.0, repeated=0.0, stall_every_s=1000.0)
    measured_s, table = on_the_air(BARE, 0, air, 30.0, np.random.default_rng(5))
    kept = ~((measured_s > 10.0) & (measured_s < 10.4) | (measured_s > 20.0) & (measured_s < 21.5))
    table = replace(table, **{n: getattr(table, n)[kept] for n in type(table).__dataclass_fields__})
    table = replace(table, sequence=np.full(len(table), -1))
    measured_s, late_s = late_of(BARE, table, measured_s[kept])
    for again_s in (10.4, 21.5):
        back = (measured_s > again_s + 0.5) & (measured_s < again_s + 5.0)
        assert np.max(np.abs(late_s[back])) < 0.012


def test_a_backlog_that_drains_over_many_bursts_is_forgotten_when_it_is_over():
    measured_s = np.arange(0.0, 30.0, 1 / 60)
    arrival_s = 0.002 + np.ceil(measured_s / 0.03) * 0.03
    held_up = np.flatnonzero((arrival_s > 10.0) & (arrival_s < 12.0))
    drained_s = 12.0 + 0.03 * (np.arange(len(measured_s) - held_up[0]) // 10)  # ten a burst
    arrival_s[held_up[0] :] = np.maximum(arrival_s[held_up[0] :], drained_s)
    clock = DeviceClock(BARE)
    samples = [Sample(0, round(at * 1e9), None, None, None) for at in arrival_s]
    late_s = np.array([clock.time_s(sample) for sample in samples]) - measured_s
    over_s = float(measured_s[np.flatnonzero(arrival_s - measured_s > 0.04)[-1]])
    again = measured_s > over_s + 0.5
    assert np.max(np.abs(late_s[again])) < 0.012
    assert np.std(late_s[again]) < 0.004
