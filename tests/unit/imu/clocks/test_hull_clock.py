"""The exact clock of whole recordings: the highest line below all arrivals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from imu.clocks.hull_clock import PIECE_S, hull_times, lower_hull
from imu.clocks.timeline import align
from imu.clocks.unit_times import independent_lanes
from imu.sample import SampleTable, Segment, Side, Unit
from imu.virtual.on_air.rough_air import RoughAir, on_the_air

UNIT = Unit(segment=Segment.THIGH, side=Side.RIGHT, rate_hz=60.0, tick_s=1e-6)
SHANK = replace(UNIT, segment=Segment.SHANK)


def heard(fast_ppm=60.0, duration_s=120.0, index=0, seed=1, unit=UNIT, **air):
    air = RoughAir(interval_s=0.03, fast_ppm=fast_ppm, **air)
    return on_the_air(unit, index, air, duration_s, np.random.default_rng(seed))


def lane_of(table, unit=UNIT, *, refine, reconnects=()):
    everything = np.ones(len(table), dtype=bool)
    return independent_lanes(table, everything, [unit], reconnects, refine=refine)[0]


def together(*tables):
    """Return the samples of several units in the order they arrived."""
    columns = {
        name: np.concatenate([getattr(table, name) for table in tables])
        for name in SampleTable.__dataclass_fields__
    }
    order = np.argsort(columns["host_time_ns"], kind="stable")
    return SampleTable(**{name: column[order] for name, column in columns.items()})


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.01, 5.0), st.floats(0.0, 1.0)), min_size=1, max_size=30),
    st.sampled_from([2e-4, 0.015, 0.5]),
)
def test_the_line_is_the_solution_of_the_linear_programme(steps, max_skew):
    device_s = np.cumsum([step for step, _ in steps])
    lag_s = np.array([lag for _, lag in steps])
    late_s = hull_times(device_s, device_s + lag_s, max_skew) - device_s
    x = device_s - device_s[0]
    best = linprog(
        [-len(x), -x.sum()],
        np.column_stack([np.ones(len(x)), x]),
        lag_s,
        bounds=[(None, None), (-max_skew, max_skew)],
    )
    # the solver keeps its constraints to 1e-7 a sample
    assert late_s.sum() == pytest.approx(-best.fun, abs=1e-6 + 1e-6 * len(late_s))
    assert np.all(late_s <= lag_s + 1e-9)
    slopes = np.diff(late_s) / np.diff(x)
    np.testing.assert_allclose(slopes, slopes[:1].repeat(len(slopes)), atol=1e-9)
    assert np.all(np.abs(slopes) <= max_skew + 1e-9)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 9)), min_size=1, max_size=40))
def test_every_point_lies_on_or_above_the_hull_and_its_corners_turn_left(steps):
    x = np.cumsum([step for step, _ in steps]).astype(float)
    y = np.array([height for _, height in steps], dtype=float)
    corners = lower_hull(x, y)
    assert corners[0] == 0
    assert corners[-1] == len(x) - 1
    assert np.all(np.interp(x, x[corners], y[corners]) <= y + 1e-12)
    assert np.all(np.diff(np.diff(y[corners]) / np.diff(x[corners])) > 0)


@pytest.mark.parametrize("fast_ppm", [-60.0, 0.0, 60.0, 180.0])
def test_a_delay_that_is_least_now_and_then_is_found_to_the_microsecond(fast_ppm):
    rng = np.random.default_rng(2)
    measured_s = np.arange(0.0, 300.0, 1 / 60)
    delay_s = 0.004 + np.where(rng.random(len(measured_s)) < 0.01, 0.0, rng.exponential(0.03))
    times = hull_times(measured_s * (1 + fast_ppm * 1e-6), measured_s + delay_s, 2e-4)
    np.testing.assert_allclose(times - measured_s, 0.004, atol=2e-5)
    assert np.all(times <= measured_s + delay_s)


def test_a_clock_bent_by_warmth_is_followed_over_an_hour():
    rng = np.random.default_rng(6)
    measured_s = np.arange(0.0, 3600.0, 1 / 25)
    warming_s = 20e-6 * 900.0 * (1 - np.cos(measured_s / 900.0))  # ±20 ppm
    delay_s = rng.exponential(0.02, len(measured_s))
    late_s = hull_times(measured_s + warming_s, measured_s + delay_s, 2e-4) - measured_s
    assert np.std(late_s) < 1e-3
    assert np.max(np.abs(np.diff(late_s) - np.median(np.diff(late_s)))) < 1e-6  # no steps
    assert measured_s[-1] > 5 * PIECE_S


def test_a_few_seconds_cannot_make_up_a_skew_that_no_clock_has():
    device_s = np.arange(5) / 60
    times = hull_times(device_s, device_s + np.array([0.03, 0.02, 0.01, 0.01, 0.0]), 2e-4)
    np.testing.assert_allclose(np.diff(times), 1 / 60, rtol=2.01e-4)


def test_one_sample_is_placed_at_its_arrival():
    assert hull_times(np.array([7.0]), np.array([3.25]), 2e-4).tolist() == [3.25]


def test_refined_times_count_the_same_samples_and_keep_their_distance():
    measured_s, table = heard()
    live, exact = lane_of(table, refine=False), lane_of(table, refine=True)
    np.testing.assert_array_equal(live.rows, exact.rows)
    assert np.std(exact.time_s - measured_s) < 1e-4
    assert np.diff(exact.time_s).min() > 0.016
    assert np.all(exact.time_s <= table.host_time_ns / 1e9 + 1e-9)


def test_each_epoch_has_a_line_of_its_own():
    measured_s, table = heard()
    late = measured_s > 60.0
    restarted = np.where(late, table.device_time + 777_000_000, table.device_time) % 2**32
    table = replace(table, device_time=restarted)
    lane = lane_of(table, refine=True)
    late_s = lane.time_s - measured_s
    assert np.std(late_s[late]) < 2e-4
    assert np.std(late_s[~late]) < 2e-4


@pytest.mark.parametrize("stepped_s", [-1.0, 1.0])
def test_a_clock_that_steps_by_a_second_keeps_its_live_times(stepped_s):
    measured_s, table = heard()
    ticks = np.where(measured_s > 60.0, table.device_time + round(stepped_s * 1e6), 0)
    ticks = np.where(measured_s > 60.0, ticks, table.device_time) % 2**32
    lane = lane_of(replace(table, device_time=ticks), refine=True)
    live = lane_of(replace(table, device_time=ticks), refine=False)
    np.testing.assert_allclose(lane.time_s, live.time_s, atol=1e-9)
    back = measured_s[lane.rows] > 90.0
    assert np.max(np.abs(lane.time_s - measured_s[lane.rows])[back]) < 0.01


def test_a_unit_that_only_numbers_its_samples_has_a_line_and_one_that_does_not_keeps_live_times():
    bare = replace(UNIT, tick_s=None)
    measured_s, table = heard(fast_ppm=8000.0, unit=bare)
    assert np.std(lane_of(table, bare, refine=True).time_s - measured_s) < 2e-4
    _, nameless = heard(fast_ppm=8000.0, unit=bare, lost=0.0)
    kept = np.arange(len(nameless)) != 5000  # a single loss, which shifts the count from there on
    nameless = replace(
        nameless, **{n: getattr(nameless, n)[kept] for n in SampleTable.__dataclass_fields__}
    )
    nameless = replace(nameless, sequence=np.full(len(nameless), -1))
    live = lane_of(nameless, bare, refine=False).time_s
    np.testing.assert_array_equal(lane_of(nameless, bare, refine=True).time_s, live)


def test_what_came_too_late_live_is_there_in_a_refined_recording_and_what_was_lost_is_not():
    measured_s, table = heard(lost=0.0)
    other_s, other = heard(fast_ppm=-60.0, index=1, seed=2, lost=0.0)
    kept = (other_s < 70.0) | (other_s > 71.0)
    other = replace(other, **{n: getattr(other, n)[kept] for n in SampleTable.__dataclass_fields__})
    table = together(table, other)
    own_ns = table.host_time_ns[table.unit == 0]
    stalls_ns = own_ns[:-1][np.diff(own_ns) > 200_000_000]
    broken = [(0, int(begin_ns) + 100_000_000) for begin_ns in stalls_ns]  # and nobody waits
    live = align(table, (UNIT, SHANK), "independent", broken=broken)
    exact = align(table, (UNIT, SHANK), "independent", broken=broken, refine=True)
    empty = np.isnan(exact.q[:, 1, 0])
    assert np.isnan(live.q[:, :, 0]).sum() > 70  # the stalls too
    assert empty.sum() == pytest.approx(60, abs=1)
    assert np.all(np.abs(exact.time_s[empty] + measured_s[0] - 70.5) < 0.52)
    assert not np.isnan(exact.q[:, 0, 0]).any()


def test_units_that_share_a_clock_keep_their_instants_when_refined():
    measured_s, table = heard(lost=0.0, stall_every_s=1000.0)
    late = replace(table, unit=np.ones(len(table), dtype=int))
    late = replace(late, host_time_ns=late.host_time_ns + 11_000_000)
    both = together(table, late)
    live = align(both, (UNIT, SHANK), "shared")
    exact = align(both, (UNIT, SHANK), "shared", refine=True)
    np.testing.assert_array_equal(live.time_s, exact.time_s[: len(live)])
    assert len(exact) == len(measured_s)
