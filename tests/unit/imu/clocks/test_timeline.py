"""One time base: grid and own instants, gaps, late samples, and live equal to whole recordings."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.clocks.timeline import Timeline, align, until_last_complete
from imu.quaternion import FLOATS, from_axis_angle
from imu.sample import Sample, SampleTable, Segment, Side, Unit
from imu.virtual.on_air.delivery import arrivals

THIGH = Unit(segment=Segment.THIGH, side=Side.RIGHT, rate_hz=60.0, tick_s=1e-6)
SHANK = replace(THIGH, segment=Segment.SHANK)
LEG = (THIGH, SHANK)
TURN_RADPS = 2.0
NAN = (math.nan,) * 4


def turned(angle_rad):
    return from_axis_angle((0.0, 0.0, 1.0), angle_rad, FLOATS)


def angle_of(q):
    """Return the angle about z of quaternions, modulo 2π."""
    return 2.0 * np.arctan2(q[..., 3], q[..., 0])


def wrapped(angle_rad):
    return (angle_rad + np.pi) % (2.0 * np.pi) - np.pi


def wrong_rad(frames):
    """Return how far each unit of (n, units) is from where it was at the frame's time."""
    return wrapped(angle_of(frames.q) - TURN_RADPS * frames.time_s[:, None])


def heard(unit, true_s, delay_s=0.01, epoch=0, tick_s=1e-6, bits=32, **kwargs):
    """Return what a unit that turns at TURN_RADPS sends at an instant."""
    ticks = (round(true_s / tick_s) + epoch) % 2**bits
    q = turned(TURN_RADPS * true_s)
    host_ns = round((true_s + delay_s) * 1e9)
    return Sample(unit, host_ns, ticks, None, q)._replace(**kwargs)


def in_order(*streams):
    return sorted(chain(*streams), key=lambda sample: (sample.host_time_ns, sample.unit))


def table_of(samples):
    columns = [(s.unit, s.host_time_ns, s.device_time, s.sequence) for s in samples]
    columns = [[-1 if value is None else value for value in row] for row in columns]
    numbers = np.array(columns, dtype=np.int64).reshape(-1, 4).T
    q = np.array([NAN if s.q is None else s.q for s in samples], dtype=float).reshape(-1, 4)
    nothing = np.full((len(samples), 3), np.nan)
    return SampleTable(*numbers, q, nothing, nothing)


def live(units, clock, samples, reconnects=(), broken=()):
    """Return the frames of a timeline, each with the arrival (s) that made it due."""
    timeline, waiting, breaking = Timeline(units, clock), list(reconnects), list(broken)
    frames = []
    for sample in samples:
        while breaking and breaking[0][1] <= sample.host_time_ns:
            timeline.broken(breaking.pop(0)[0])
        while waiting and waiting[0][1] <= sample.host_time_ns:
            timeline.new_epoch(waiting.pop(0)[0])
        frames += [(frame, sample.host_time_ns / 1e9) for frame in timeline.push(sample)]
    return frames + [(frame, math.inf) for frame in timeline.flush()], timeline


def both(units, clock, samples, reconnects=(), broken=()):
    """Return the whole recording's frames, having seen that the live ones are the same."""
    timed, _ = live(units, clock, samples, reconnects, broken)
    frames = [frame for frame, _ in timed]
    whole = align(table_of(samples), units, clock, reconnects, broken)
    assert whole.time_s.tolist() == [frame.time_s for frame in frames]
    assert whole.interpolated.tolist() == [frame.interpolated for frame in frames]
    q = [[NAN if q is None else q for q in frame.q] for frame in frames]
    q = np.array(q, dtype=float).reshape(-1, len(units), 4)
    np.testing.assert_allclose(whole.q, q, rtol=0, atol=1e-12)
    assert np.all(np.diff(whole.time_s) > 0)
    return whole


def missing(frames, unit):
    return np.isnan(frames.q[:, unit, 0])


def shared_leg(lost=((), ()), seconds=2, offset_s=0.0, rate_hz=60.0, **kwargs):
    """Return samples of two units whose instants are the same but for an offset."""
    count = round(seconds * rate_hz)
    return in_order(
        *(
            [
                heard(unit, i / rate_hz + unit * offset_s, **kwargs)
                for i in range(count)
                if i not in lost[unit]
            ]
            for unit in (0, 1)
        )
    )


def independent_leg(seconds=2.0, thigh_lost=(), shank_lost=(), shank_phase_s=0.004):
    """Return samples of two units with clocks and phases of their own."""
    count = round(seconds * 60)
    thigh = [heard(0, i / 60, epoch=7) for i in range(count) if i not in thigh_lost]
    shank = [
        heard(1, i / 60 + shank_phase_s, epoch=2**31) for i in range(count) if i not in shank_lost
    ]
    return in_order(thigh, shank)


# --- units that do not share a clock -------------------------------------------------------------


def test_independent_units_are_put_on_a_grid_that_starts_at_the_first_sample():
    frames = both(LEG, "independent", independent_leg())
    # the shank's first sample is heard 4 ms after the thigh's: the first instant of both is 1/60 s
    np.testing.assert_array_equal(frames.time_s, np.arange(1, len(frames) + 1) / 60)
    assert not frames.interpolated.any()
    assert len(frames) == 118


def test_the_grid_has_the_fastest_units_rate():
    fast = replace(SHANK, rate_hz=100.0)
    samples = in_order(
        [heard(0, i / 60) for i in range(120)], [heard(1, i / 100 + 0.001) for i in range(200)]
    )
    frames = both((THIGH, fast), "independent", samples)
    np.testing.assert_array_equal(frames.time_s, np.arange(1, len(frames) + 1) / 100)
    assert not frames.interpolated.any()  # the slower unit falls between, nothing was lost


def test_a_unit_that_turns_evenly_is_interpolated_to_the_right_angle():
    frames = both(LEG, "independent", independent_leg(shank_lost=range(60, 65)))
    assert not np.isnan(frames.q).any()
    assert np.abs(wrong_rad(frames)).max() < 1e-7
    # lost from 60/60 to 64/60 + 4 ms: the instants between their neighbours are marked
    np.testing.assert_array_equal(frames.time_s[frames.interpolated], np.arange(60, 66) / 60)


def test_a_sample_on_an_instant_is_used_as_it_is():
    samples = [heard(0, i / 50, q=turned(i * i * 0.01)) for i in range(100)]
    frames = both([replace(THIGH, rate_hz=50.0)], "shared", samples)
    np.testing.assert_array_equal(frames.q[:, 0], [sample.q for sample in samples])


def test_the_short_way_is_taken_when_neighbours_lie_on_opposite_halves_of_the_sphere():
    samples = independent_leg()
    samples = [
        s._replace(q=tuple(-c for c in s.q)) if i % 3 == 0 else s for i, s in enumerate(samples)
    ]
    frames = both(LEG, "independent", samples)
    assert np.abs(wrong_rad(frames)).max() < 1e-7


@pytest.mark.parametrize(("lost", "filled"), [(1, True), (5, True), (6, False), (30, False)])
@pytest.mark.parametrize("clock", ["independent", "shared"])
def test_gaps_of_up_to_100_ms_are_filled_and_longer_ones_never(clock, lost, filled):
    gap = range(60, 60 + lost)
    samples = independent_leg(shank_lost=gap) if clock == "independent" else shared_leg(((), gap))
    frames = both(LEG, clock, samples)
    inside = (frames.time_s > 60 / 60 - 0.001) & (frames.time_s < (59 + lost) / 60 + 0.001)
    assert inside.sum() == lost
    assert np.all(missing(frames, 1)[inside] != filled)
    assert not missing(frames, 1)[~inside].any() or not filled
    assert np.all(frames.interpolated[inside] == filled)
    assert not missing(frames, 0).any()


def test_100_ms_are_100_ms_on_a_clock_that_measures_them_a_little_too_long():
    lost = range(60, 65)
    samples = [
        heard(unit, i / 60, device_time=i * 16_667)  # six periods of 16667 µs, 100.002 ms
        for i in range(120)
        for unit in (0, 1)
        if unit == 0 or i not in lost
    ]
    assert not missing(both(LEG, "shared", samples), 1).any()


def test_instants_end_with_the_last_at_which_all_units_have_data():
    samples = in_order(
        [heard(0, i / 60) for i in range(120)], [heard(1, i / 60 + 0.004) for i in range(110)]
    )
    frames = both(LEG, "independent", samples)
    assert frames.time_s[-1] == 109 / 60


def test_a_unit_that_falls_silent_for_good_leaves_a_tail_that_can_be_cut():
    samples = independent_leg(seconds=8.0, shank_lost=range(120, 480))
    frames = both(LEG, "independent", samples)
    assert 3.6 < frames.time_s[-1] < 4.1
    cut = until_last_complete(frames, LEG)
    assert cut.time_s[-1] == 119 / 60
    assert not np.isnan(cut.q).any()


def test_the_frames_of_a_leg_outlast_a_unit_of_the_other():
    other = [replace(unit, side=Side.LEFT) for unit in LEG]
    samples = in_order(
        *([heard(unit, i / 60 + 0.004 * unit) for i in range(480)] for unit in range(3)),
        [heard(3, i / 60) for i in range(120)],
    )
    frames = both((*LEG, *other), "independent", samples)
    assert until_last_complete(frames, (*LEG, *other)).time_s[-1] == frames.time_s[-1] > 3.6


def test_turning_units_with_clocks_60_ppm_off_stay_together_for_ten_minutes():
    rng = np.random.default_rng(5)
    streams = []
    for unit, (ppm, interval_s) in enumerate([(60.0, 0.03), (-60.0, 0.045)]):
        true_s = np.arange(rng.uniform(0, 1 / 60), 600.0, 1 / 60)
        delay_s = arrivals(true_s, interval_s, rng.uniform(0, interval_s)) - true_s + 0.002
        device_s = true_s * (1.0 + ppm * 1e-6)
        streams.append(
            [
                heard(unit, t, d, device_time=round(c * 1e6), q=turned(TURN_RADPS * t))
                for t, d, c in zip(true_s, delay_s, device_s, strict=True)
                if rng.random() > 0.01
            ]
        )
    frames = align(table_of(in_order(*streams)), LEG, "independent")
    apart_s = wrapped(np.diff(angle_of(frames.q), axis=1)[:, 0]) / TURN_RADPS
    assert len(frames) > 35_900
    assert np.sqrt(np.nanmean(apart_s**2)) < 0.003
    assert np.nanmax(np.abs(apart_s[600:])) < 0.005


# --- late samples --------------------------------------------------------------------------------


def stalled(stall_s, unit=1, start_s=1.0, seconds=6.0):
    """Return a leg of which one unit's samples are held up and then come all at once."""
    end_s = start_s + stall_s
    late = [
        s._replace(host_time_ns=round(end_s * 1e9))
        if s.unit == unit and start_s < s.host_time_ns / 1e9 < end_s
        else s
        for s in independent_leg(seconds=seconds)
    ]
    return sorted(late, key=lambda sample: sample.host_time_ns)


@pytest.mark.parametrize("seconds", [0.2, 0.5, 1.5, 3.5])
@pytest.mark.parametrize("unit", [0, 1])
def test_a_stall_of_up_to_four_seconds_costs_nothing_while_the_link_stands(seconds, unit):
    frames = both(LEG, "independent", stalled(seconds, unit))
    assert not np.isnan(frames.q).any()
    assert not frames.interpolated.any()
    assert np.abs(wrapped(np.diff(angle_of(frames.q), axis=1))).max() < 0.003 * TURN_RADPS


def test_what_comes_more_than_four_seconds_late_comes_too_late():
    frames = both(LEG, "independent", stalled(4.5, seconds=8.0))
    assert missing(frames, 1).sum() == pytest.approx(0.5 * 60, abs=4)
    assert not missing(frames, 0).any()
    np.testing.assert_allclose(np.diff(frames.time_s), 1 / 60, atol=1e-12)


def test_nobody_waits_for_a_unit_whose_link_broke():
    samples = independent_leg(seconds=4.0, shank_lost=range(90, 200))
    broken = [(1, 1_800_000_000)]
    timed, _ = live(LEG, "independent", samples, (), broken)
    for frame, due_s in timed:
        # samples arrive 10 ms after they were measured
        assert due_s - 0.01 - frame.time_s < (0.32 if frame.time_s < 1.8 else 0.02)
    frames = both(LEG, "independent", samples, (), broken)
    assert missing(frames, 1).sum() == pytest.approx(110, abs=2)
    assert not missing(frames, 0).any()


def test_frames_come_with_the_last_of_their_samples_when_nothing_is_lost():
    timed, _ = live(LEG, "independent", independent_leg())
    for frame, due_s in timed:
        assert due_s - 0.01 - frame.time_s < 1.01 / 60


def test_nobody_is_late_while_nothing_is_heard_from_anyone():
    held_up = [
        # the shank falls silent a moment before the thigh does
        s._replace(host_time_ns=2_000_000_000) if 1.0 - 0.1 * s.unit < at_s < 2.0 else s
        for s in independent_leg(seconds=3.0)
        for at_s in [s.host_time_ns / 1e9]
    ]
    held_up.sort(key=lambda s: (s.host_time_ns, s.unit))  # all of the thigh, then of the shank
    frames = both(LEG, "independent", held_up)
    assert not np.isnan(frames.q).any()


def test_a_silence_of_all_units_over_ten_seconds_gets_no_grid():
    before = independent_leg(seconds=2.0, shank_lost=range(114, 120))
    after = [s._replace(host_time_ns=s.host_time_ns + 3_600 * 10**9) for s in independent_leg(2.0)]
    frames = both(LEG, "independent", before + after)
    assert len(frames) < 250
    assert np.diff(frames.time_s).max() > 3_590
    np.testing.assert_allclose(frames.time_s * 60, np.round(frames.time_s * 60), atol=1e-6)
    for heard_after in range(5):  # also when it ends soon after the silence
        both(LEG, "independent", before + after[:heard_after])


# --- units that share a clock --------------------------------------------------------------------


def test_units_that_share_a_clock_keep_their_own_instants():
    samples = shared_leg(epoch=2**32 - 30_000)  # wraps after 30 ms
    frames = both(LEG, "shared", samples)
    np.testing.assert_allclose(frames.time_s, np.arange(120) / 60, atol=1e-6)
    np.testing.assert_array_equal(
        frames.q[:, 0], [sample.q for sample in samples if sample.unit == 0]
    )
    assert not frames.interpolated.any()


def test_the_zero_is_the_earliest_first_sample_also_when_it_is_not_the_first_to_arrive():
    samples = shared_leg()
    thigh = [s._replace(host_time_ns=s.host_time_ns + 40_000_000) for s in samples if s.unit == 0]
    shank = [s for s in samples if s.unit == 1][2:]
    frames = both(LEG, "shared", in_order(thigh, shank))
    np.testing.assert_allclose(frames.time_s[0], 2 / 60, atol=1e-6)
    np.testing.assert_array_equal(frames.q[0], [turned(TURN_RADPS * 2 / 60)] * 2)


def test_a_sample_that_one_unit_lost_is_filled_and_one_that_all_lost_is_no_row():
    frames = both(LEG, "shared", shared_leg(((60, 80), (70, 80))))
    kept = [i for i in range(120) if i != 80]
    np.testing.assert_allclose(frames.time_s, np.array(kept) / 60, atol=2e-6)
    assert [kept[i] for i in np.flatnonzero(frames.interpolated)] == [60, 70]
    assert np.abs(wrong_rad(frames)).max() < 1e-5


def test_instants_closer_than_a_quarter_period_are_one_from_the_first_to_the_last_row():
    frames = both(LEG, "shared", shared_leg(offset_s=0.003))
    np.testing.assert_allclose(frames.time_s, np.arange(120) / 60, atol=1e-6)
    np.testing.assert_array_equal(
        frames.q[:, 1], [turned(TURN_RADPS * (i / 60 + 0.003)) for i in range(120)]
    )


def test_units_that_say_they_share_a_clock_but_sample_at_other_instants_are_put_on_the_grid():
    samples = shared_leg(offset_s=0.008)
    frames = both(LEG, "shared", samples)
    whole = align(table_of(samples), LEG, "independent")
    np.testing.assert_array_equal(frames.time_s, whole.time_s)
    np.testing.assert_array_equal(frames.q, whole.q)


def test_a_faster_and_a_slower_unit_can_share_a_clock():
    units = (replace(THIGH, rate_hz=120.0), SHANK)
    samples = in_order(
        [heard(0, i / 120) for i in range(240)], [heard(1, i / 60) for i in range(120)]
    )
    frames = both(units, "shared", samples)
    np.testing.assert_allclose(frames.time_s, np.arange(239) / 120, atol=1e-6)
    assert not frames.interpolated.any()
    assert not np.isnan(frames.q).any()


def test_units_that_claim_one_clock_but_started_theirs_apart_are_still_put_together():
    samples = [
        s._replace(device_time=s.device_time + 900_000_000) if s.unit else s
        for s in shared_leg(offset_s=0.007)
    ]
    frames = both(LEG, "shared", samples)
    assert len(frames) > 115
    assert np.abs(wrong_rad(frames)).max() < 1e-7


def test_a_recording_too_short_to_tell_is_given_out_at_the_end():
    timed, _ = live(LEG, "shared", shared_leg(seconds=0.2))
    assert len(timed) == 12
    assert all(due_s == math.inf for _, due_s in timed)


# --- what does not count -------------------------------------------------------------------------


@pytest.mark.parametrize("clock", ["independent", "shared"])
def test_samples_that_do_not_count_are_dropped_and_counted(clock):
    good = shared_leg() if clock == "shared" else independent_leg()
    bad = list(good)
    bad[100:100] = [good[99], good[60]]
    bad[150:150] = [good[60]._replace(q=None)]
    expected, frames = both(LEG, clock, good), both(LEG, clock, bad)
    np.testing.assert_array_equal(frames.q, expected.q)
    assert sum(live(LEG, clock, bad)[1].dropped) == 3


@pytest.mark.parametrize("clock", ["independent", "shared"])
def test_an_unknown_orientation_keeps_its_instant_and_is_never_filled(clock):
    good = shared_leg() if clock == "shared" else independent_leg()
    unknown = [
        s._replace(q=None) if s.unit == 0 and 200 <= i < 204 else s for i, s in enumerate(good)
    ]
    expected, frames = both(LEG, clock, good), both(LEG, clock, unknown)
    np.testing.assert_array_equal(frames.time_s, expected.time_s)
    np.testing.assert_array_equal(frames.q[:, 1], expected.q[:, 1])
    empty = np.isnan(frames.q[:, 0, 0])
    assert 2 <= empty.sum() <= 4
    np.testing.assert_array_equal(frames.q[~empty], expected.q[~empty])


def test_no_unit_no_frame():
    samples = [sample for sample in independent_leg() if sample.unit == 0]
    assert len(both(LEG, "independent", samples)) == 0
    assert len(both(LEG, "shared", samples)) == 0
    assert len(both(LEG, "independent", [])) == 0
    assert align(table_of([]), LEG, "shared").q.shape == (0, 2, 4)


def test_a_unit_that_comes_a_minute_late_starts_the_frames_and_nothing_piles_up_until_then():
    samples = [s for s in independent_leg(seconds=62.0) if s.unit == 0 or s.host_time_ns > 60e9]
    frames = both(LEG, "independent", samples)
    assert frames.time_s[0] == pytest.approx(60.0, abs=0.02)
    timeline = Timeline(LEG, "shared")
    for sample in samples[:3500]:
        assert timeline.push(sample) == []
    for aligner in (timeline._aligner, timeline._rival):
        assert max(len(track) for track in aligner._tracks) < 270  # the wait of four seconds
        assert len(aligner._fronts) < 270
    assert len(timeline._aligner._instants._waiting) < 270


# --- live is the whole recording -----------------------------------------------------------------


@st.composite
def radios(draw, clock):
    """Draw one unit's rate, clock and luck."""
    return {
        "rate_hz": draw(st.floats(25.0, 120.0)),
        "ppm": 0.0 if clock == "shared" else draw(st.floats(-100.0, 100.0)),
        "start_s": draw(st.floats(0.0, 0.5)),
        "interval_s": draw(st.floats(0.01, 0.06)),
        "lost": draw(st.floats(0.0, 0.1)),
        # (start, length) of times in which samples are held up, and in which they are lost
        "stalls": draw(st.lists(st.tuples(st.floats(0, 6), st.floats(0.1, 2.5)), max_size=2)),
        "outages": draw(st.lists(st.tuples(st.floats(0, 6), st.floats(0.05, 3)), max_size=2)),
        "restart_s": draw(st.one_of(st.none(), st.floats(1.0, 6.0))),
        "has_clock": clock == "shared" or draw(st.booleans()),
        "numbered": draw(st.booleans()),
        "epoch": draw(st.integers(0, 2**32 - 1)),
    }


def broadcast(index, radio, unit, rng, seconds=7.0):
    """Return what arrives of one unit, faults included."""
    count = int((seconds - radio["start_s"]) * unit.rate_hz)
    true_s = (math.ceil(radio["start_s"] * unit.rate_hz) + np.arange(count)) / unit.rate_hz
    arrival_s = arrivals(true_s, radio["interval_s"], 0.0) + 0.001
    for start_s, length_s in radio["stalls"]:
        held_up = (arrival_s > start_s) & (arrival_s < start_s + length_s)
        arrival_s[held_up] = start_s + length_s
    arrival_s = np.maximum.accumulate(arrival_s)
    kept = rng.random(count) >= radio["lost"]
    for start_s, length_s in radio["outages"]:
        kept &= (true_s < start_s) | (true_s > start_s + length_s)
    samples = []
    for i in np.flatnonzero(kept):
        device_s = true_s[i] * (1.0 + radio["ppm"] * 1e-6)
        if radio["restart_s"] and true_s[i] > radio["restart_s"]:
            device_s -= radio["restart_s"] - 0.1
        sample = heard(
            index,
            device_s,
            tick_s=unit.tick_s or 1e-6,
            bits=unit.time_bits,
            epoch=radio["epoch"],
            host_time_ns=int(arrival_s[i] * 1e9),
            sequence=int(i) % 2**unit.sequence_bits if radio["numbered"] else None,
            q=turned(TURN_RADPS * true_s[i]),
        )
        samples.append(sample)
        fault = rng.random()
        if fault < 0.01:
            samples.append(sample)
        elif fault < 0.02:
            samples.append(sample._replace(device_time=int(rng.integers(2**unit.time_bits))))
        elif fault < 0.03:
            samples.append(sample._replace(q=None))
    return samples


@st.composite
def sessions(draw):
    """Draw units, the clock they claim, all that was heard of them, reconnects, broken links."""
    clock = draw(st.sampled_from(["independent", "shared"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    tick_s, bits = draw(st.sampled_from([(1e-6, 32), (1e-6, 20), (1e-3, 16), (1 / 32768, 24)]))
    drawn = draw(st.lists(radios(clock), min_size=1, max_size=3))
    one_rate, one_epoch = draw(st.booleans()), clock == "shared"
    units, streams = [], []
    for index, radio in enumerate(drawn):
        radio["rate_hz"] = drawn[0]["rate_hz"] if one_rate else radio["rate_hz"]
        radio["epoch"] = drawn[0]["epoch"] if one_epoch else radio["epoch"]
        unit = replace(
            THIGH,
            rate_hz=radio["rate_hz"],
            tick_s=tick_s if radio["has_clock"] else None,
            time_bits=bits,
            sequence_bits=draw(st.sampled_from([8, 16])),
        )
        units.append(unit)
        streams.append(broadcast(index, radio, unit, rng))
    reconnects = draw(
        st.lists(st.tuples(st.integers(0, len(units) - 1), st.integers(0, 7 * 10**9)), max_size=2)
    )
    broken = draw(
        st.lists(st.tuples(st.integers(0, len(units) - 1), st.integers(0, 7 * 10**9)), max_size=3)
    )
    samples = sorted(chain(*streams), key=lambda sample: sample.host_time_ns)
    return units, clock, samples, *(sorted(e, key=lambda one: one[1]) for e in (reconnects, broken))


@settings(max_examples=80, deadline=None)
@given(sessions())
def test_live_frames_are_those_of_the_whole_recording(session):
    units, clock, samples, reconnects, broken = session
    frames = both(units, clock, samples, reconnects, broken)
    filled = frames.q[~np.isnan(frames.q[..., 0])]
    np.testing.assert_allclose(np.linalg.norm(filled, axis=-1), 1.0, atol=1e-12)
