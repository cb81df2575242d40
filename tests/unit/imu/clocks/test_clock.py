"""Device clocks: wraps, restarts, the lower envelope, and live equal to whole recordings."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.clocks.clock import (
    LEAK,
    MIN_STEP_S,
    DeviceClock,
    IndependentClocks,
    SharedClock,
    share_clock,
)
from imu.clocks.counter import has_clock
from imu.clocks.unit_times import independent_lanes, shared_lanes
from imu.sample import Sample, SampleTable, Segment, Side, Unit
from imu.virtual.on_air.delivery import arrivals

UNIT = Unit(segment=Segment.THIGH, side=Side.RIGHT, rate_hz=60.0, tick_s=1e-6)
NO_CLOCK = replace(UNIT, tick_s=None)


def heard(host_s, device_time=None, sequence=None, unit=0):
    return Sample(unit, round(host_s * 1e9), device_time, sequence, (1.0, 0.0, 0.0, 0.0))


def table_of(samples):
    columns = [(s.unit, s.host_time_ns, s.device_time, s.sequence) for s in samples]
    columns = [[-1 if value is None else value for value in row] for row in columns]
    numbers = np.array(columns, dtype=np.int64).reshape(-1, 4).T
    nothing = np.full((len(samples), 3), np.nan)
    return SampleTable(*numbers, np.tile([1.0, 0.0, 0.0, 0.0], (len(samples), 1)), nothing, nothing)


def mapped(unit, samples):
    clock = DeviceClock(unit)
    return [clock.time_s(sample) for sample in samples]


def air(rng, duration_s, ppm=0.0, interval_s=0.03, unit=UNIT, lost=0.01, stalls=True):
    """Return when samples were measured and what arrived of them: bursts, retransmits, stalls."""
    true_s = np.arange(rng.uniform(0, 1 / unit.rate_hz), duration_s, 1 / unit.rate_hz)
    arrival_s = 0.002 + arrivals(true_s, interval_s, rng.uniform(0, interval_s))
    arrival_s += interval_s * (rng.random(len(true_s)) < 0.05)
    for start_s in np.arange(5.0, duration_s, 20.0) if stalls else ():
        end_s = start_s + rng.uniform(0.2, 0.8)
        arrival_s[(arrival_s > start_s) & (arrival_s < end_s)] = end_s
    arrival_s = np.maximum.accumulate(arrival_s)
    kept = rng.random(len(true_s)) >= lost
    ticks = np.full(len(true_s), -1)
    if unit.tick_s:
        ticks = np.round(true_s * (1 + ppm * 1e-6) / unit.tick_s).astype(int)
        ticks = (ticks + int(rng.integers(2**31))) % 2**unit.time_bits
    samples = [
        heard(arrival_s[i], int(ticks[i]) if unit.tick_s else None) for i in np.flatnonzero(kept)
    ]
    return true_s[kept], samples


def test_a_counter_that_wraps_counts_on():
    samples = [heard(i / 60, (2**32 - 50_000 + i * 16_667) % 2**32) for i in range(6)]
    np.testing.assert_allclose(np.diff(mapped(UNIT, samples)), 1 / 60, atol=1e-5)


def test_repeated_and_late_samples_do_not_count():
    device = [0, 16_667, 16_667, 0, 33_333, 20_000, 50_000]
    samples = [heard(0.1 + i / 1000, raw) for i, raw in enumerate(device)]
    counted = [time is not None for time in mapped(UNIT, samples)]
    assert counted == [True, True, False, False, True, False, True]


def test_a_sample_without_device_time_does_not_count():
    assert mapped(UNIT, [heard(0.0, 0), heard(0.02), heard(0.04, -1)])[1:] == [None, None]


@pytest.mark.parametrize("jump", [-60_000_000, 60_000_000, -2_100_000, 2_100_000])
def test_a_clock_that_restarts_goes_on_from_its_arrival(jump):
    samples = [heard(i / 60, 70_000_000 + round(i / 60 * 1e6)) for i in range(60)]
    samples += [heard(i / 60, 70_000_000 + round(i / 60 * 1e6) + jump) for i in range(60, 120)]
    times = mapped(UNIT, samples)
    np.testing.assert_allclose(times, [s.host_time_ns / 1e9 for s in samples], atol=1e-3)


def test_a_reconnected_unit_begins_anew_even_when_its_clock_seems_to_go_on():
    clock = DeviceClock(UNIT)
    first = [clock.time_s(heard(i / 60, round(i / 60 * 1e6))) for i in range(60)]
    clock.new_epoch()
    # restarted 1.5 s ago, a jump too small to be seen: without the word it would be a late sample
    assert clock.time_s(heard(2.0, 500_000)) == pytest.approx(2.0)
    assert first[-1] == pytest.approx(59 / 60, abs=1e-3)


def test_a_short_counter_is_given_up_before_its_wrap_can_be_mistaken():
    unit = replace(UNIT, tick_s=1e-4, time_bits=14)  # wraps every 1.64 s
    samples = [heard(i / 60, round(i / 60 * 1e4) % 2**14) for i in range(60)]
    samples += [heard(i / 60, round(i / 60 * 1e4) % 2**14) for i in range(120, 300)]
    times = mapped(unit, samples)
    assert None not in times
    np.testing.assert_allclose(times, [s.host_time_ns / 1e9 for s in samples], atol=2e-3)


@pytest.mark.parametrize("ppm", [-100.0, 0.0, 100.0])
def test_times_are_those_of_the_leaky_envelope(ppm):
    _, samples = air(np.random.default_rng(3), 120.0, ppm)
    times = mapped(UNIT, samples)
    expected = math.inf
    for i, sample in enumerate(samples):
        elapsed = (sample.device_time - samples[i - 1].device_time) % 2**32 * 1e-6
        expected = min(sample.host_time_ns / 1e9, expected + elapsed * (1 + LEAK))
        # times keep a microsecond's distance where the envelope drops on a burst
        assert times[i] == pytest.approx(expected, abs=1e-4 if i < 200 else 2e-6)


@pytest.mark.parametrize("ppm", [-60.0, 60.0])
def test_a_crystal_clock_is_followed_to_a_millisecond_and_a_constant_delay(ppm):
    true_s, samples = air(np.random.default_rng(8), 600.0, ppm)
    late_ms = 1e3 * (np.array(mapped(UNIT, samples)) - true_s)[600:]
    assert np.std(late_ms) < 0.3
    assert 2.0 <= np.mean(late_ms) < 8.0


def test_a_clock_slower_than_any_crystal_lags_by_a_bounded_time():
    true_s, samples = air(np.random.default_rng(1), 300.0, -2000.0)
    late_s = (np.array(mapped(UNIT, samples)) - true_s)[600:]
    assert np.min(late_s) > -0.025  # 1.8 ms for each of the 10 s of the window


def test_no_time_is_later_than_the_arrival_and_all_are_a_microsecond_apart():
    samples = [heard(1.0, i * 16_667) for i in range(40)] + [heard(1.5, 41 * 16_667)]
    times = np.array(mapped(UNIT, samples))
    assert times[0] == 1.0
    assert np.diff(times).min() > 0.999 * MIN_STEP_S
    assert np.all(times <= np.array([1.0] * 40 + [1.5]) + 40 * MIN_STEP_S)


@pytest.mark.parametrize("pace", [0.99, 1.0, 1.01])
def test_a_unit_without_clock_is_paced_to_ten_milliseconds_though_its_rate_is_a_percent_off(pace):
    true_s, samples = air(np.random.default_rng(4), 120.0, unit=NO_CLOCK, lost=0.005)
    samples = [s._replace(host_time_ns=int(s.host_time_ns * pace)) for s in samples]
    late_ms = 1e3 * (np.array(mapped(NO_CLOCK, samples)) - true_s * pace)[600:]
    assert np.std(late_ms) < 10.0
    late_by_arrival_ms = [s.host_time_ns / 1e6 for s in samples] - 1e3 * true_s * pace
    assert np.std(late_ms) < 0.5 * np.std(late_by_arrival_ms[600:])


def test_the_packet_counter_of_a_unit_without_clock_tells_of_lost_samples():
    numbers = [i for i in range(600) if not 300 <= i < 360]
    samples = [heard(i / 60 + 0.01, None, i % 256) for i in numbers]
    times = np.array(mapped(replace(NO_CLOCK, sequence_bits=8), samples))
    np.testing.assert_allclose(times, np.array(numbers) / 60 + 0.01, atol=0.02)


def test_a_unit_without_any_counter_is_back_in_time_half_a_second_after_a_lost_second():
    numbers = np.array([i for i in range(600) if not 300 <= i < 360])
    times = np.array(mapped(NO_CLOCK, [heard(i / 60 + 0.01) for i in numbers]))
    back = numbers > 360 + 30
    np.testing.assert_allclose(times[back], numbers[back] / 60 + 0.01, atol=0.01)


def test_a_stall_without_any_counter_is_seen_as_a_stall():
    host_s = np.arange(600) / 60 + 0.01
    host_s[300:348] = host_s[348]  # 0.8 s come at once
    times = np.array(mapped(NO_CLOCK, [heard(h) for h in host_s]))
    np.testing.assert_allclose(times, np.arange(600) / 60 + 0.01, atol=0.02)


def test_a_clock_that_cannot_tell_samples_apart_is_not_used():
    coarse = replace(UNIT, tick_s=0.01)
    assert not has_clock(coarse)
    samples = [heard(i / 60, i // 10) for i in range(60)]
    np.testing.assert_allclose(np.diff(mapped(coarse, samples)), 1 / 60, atol=1e-3)


def test_units_share_a_clock_only_when_they_count_it_alike():
    assert share_clock([UNIT, UNIT], "shared")
    assert not share_clock([UNIT, UNIT], "independent")
    assert not share_clock([UNIT, replace(UNIT, tick_s=1e-3)], "shared")
    assert not share_clock([UNIT, replace(UNIT, time_bits=24)], "shared")
    assert not share_clock([NO_CLOCK, NO_CLOCK], "shared")


def test_units_that_share_a_clock_keep_one_base_when_it_wraps_between_their_first_samples():
    clock = SharedClock([UNIT, UNIT])
    assert clock.time_s(heard(0.00, 2**32 - 5_000, unit=0)) == 0.0
    assert clock.time_s(heard(0.01, 11_667, unit=1)) == pytest.approx(0.016667)
    assert clock.time_s(heard(0.02, 11_667, unit=0)) == pytest.approx(0.016667)


def test_a_first_sample_measured_before_the_base_has_a_negative_time():
    clock = SharedClock([UNIT, UNIT])
    clock.time_s(heard(0.00, 5_000, unit=0))
    assert clock.time_s(heard(0.01, 2**32 - 11_667, unit=1)) == pytest.approx(-0.016667)


def test_a_unit_that_was_switched_off_goes_on_from_its_arrival_in_the_shared_clock():
    clock = SharedClock([UNIT, UNIT])
    for i in range(60):
        for unit in (0, 1):
            clock.time_s(heard(i / 60, 90_000_000 + round(i / 60 * 1e6), unit=unit))
    clock.time_s(heard(3.0, 93_000_000, unit=0))
    assert clock.time_s(heard(3.01, 400_000, unit=1)) == pytest.approx(3.01, abs=1e-5)
    assert clock.time_s(heard(3.03, 416_667, unit=1)) == pytest.approx(3.026667, abs=1e-5)


@pytest.mark.parametrize("ppm", [-60.0, 60.0])
def test_a_unit_that_lost_the_shared_clock_stays_with_the_others_within_milliseconds(ppm):
    rng = np.random.default_rng(5)
    true_s, streams = [], []
    for unit, interval_s in enumerate((0.03, 0.06)):
        at_s, samples = air(rng, 300.0, interval_s=interval_s)
        true_s.append(at_s)
        # one base for both, until the second unit is switched off and on after 60 s
        lost = unit * (at_s > 60.0)
        ticks = np.round(1e6 * (90.0 * (1 - lost) + (at_s - 60.0 * lost) * (1 + lost * ppm * 1e-6)))
        streams.append(
            [s._replace(unit=unit, device_time=int(t)) for s, t in zip(samples, ticks, strict=True)]
        )
    clock, at = SharedClock([UNIT, UNIT]), [[], []]
    for sample in sorted((s for stream in streams for s in stream), key=lambda s: s.host_time_ns):
        at[sample.unit].append(clock.time_s(sample))
    zero_s = at[0][0] - true_s[0][0]
    assert np.abs(np.array(at[0]) - true_s[0] - zero_s).max() < 1e-5
    off_s = np.array(at[1]) - true_s[1] - zero_s
    assert np.abs(off_s[true_s[1] < 60.0]).max() < 1e-5
    settled_s = off_s[true_s[1] > 63.0]
    assert math.sqrt(np.mean(settled_s**2)) < 0.003


def test_a_reconnect_keeps_a_unit_on_the_shared_clock_across_any_number_of_wraps():
    unit = replace(UNIT, time_bits=24)  # wraps every 16.8 s
    clock = SharedClock([unit, unit])
    for i in range(0, 6000, 6):
        clock.time_s(heard(i / 60 + 0.01, round(i / 60 * 1e6) % 2**24, unit=0))
    clock.time_s(heard(0.02, 0, unit=1))
    clock.new_epoch(1)
    assert clock.time_s(heard(99.93, 99_900_000 % 2**24, unit=1)) == pytest.approx(99.9)


@st.composite
def recordings(draw):
    """Draw units and what arrived of them, with all that goes wrong on the way."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    units, samples = [], []
    tick_s = draw(st.sampled_from([1e-6, 1e-3, 1 / 32768]))
    bits = draw(st.sampled_from([16, 24, 32, 48]))
    for index in range(draw(st.integers(1, 3))):
        rate_hz = draw(st.floats(25.0, 120.0))
        unit = replace(UNIT, rate_hz=rate_hz, tick_s=tick_s, time_bits=bits)
        units.append(unit)
        _, arrived = air(rng, 8.0, draw(st.floats(-100, 100)), unit=unit, lost=0.03)
        numbered = draw(st.booleans())
        for number, sample in enumerate(arrived):
            sequence = number % 65536 if numbered else None
            samples.append(sample._replace(unit=index, sequence=sequence))
            fault = rng.random()
            if fault < 0.01:
                samples.append(samples[-1])
            elif fault < 0.02:
                samples.append(samples[-1]._replace(device_time=int(rng.integers(2**bits))))
            elif fault < 0.03:
                samples.append(samples[max(-20, -len(samples))]._replace(unit=index))
            elif fault < 0.04:
                samples.append(samples[-1]._replace(device_time=None, sequence=None))
    samples.sort(key=lambda sample: sample.host_time_ns)
    reconnects = draw(
        st.lists(st.tuples(st.integers(0, len(units) - 1), st.integers(0, 10**10)), max_size=3)
    )
    return units, samples, sorted(reconnects, key=lambda reconnect: reconnect[1])


def live_lanes(clocks, units, samples, reconnects):
    times = [[] for _ in units]
    rows = [[] for _ in units]
    waiting = list(reconnects)
    for row, sample in enumerate(samples):
        while waiting and waiting[0][1] <= sample.host_time_ns:
            clocks.new_epoch(waiting.pop(0)[0])
        time_s = clocks.time_s(sample)
        if time_s is not None:
            times[sample.unit].append(time_s)
            rows[sample.unit].append(row)
    return times, rows


@settings(max_examples=80, deadline=None)
@given(recordings(), st.sampled_from(["clock", "no clock", "shared"]))
def test_live_times_are_those_of_the_whole_recording_to_the_last_bit(recording, kind):
    units, samples, reconnects = recording
    if kind == "no clock":
        units = [replace(unit, tick_s=None, sequence_bits=8) for unit in units]
    clocks = SharedClock(units) if kind == "shared" else IndependentClocks(units)
    whole = shared_lanes if kind == "shared" else independent_lanes
    times, rows = live_lanes(clocks, units, samples, reconnects)
    lanes = whole(table_of(samples), units, reconnects)
    for lane, time_s, row in zip(lanes, times, rows, strict=True):
        assert lane.rows.tolist() == row
        assert lane.time_s.tolist() == time_s
        assert np.all(np.diff(lane.time_s) > 0)
