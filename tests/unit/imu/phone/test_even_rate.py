"""Uneven rows on an even grid: exact on straight lines, nothing in a gap, no invented rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.even_rate import GAP_S, EvenRate


def gridded(times, row_of, rate_hz=60.0):
    grid = EvenRate(rate_hz)
    return [found for t in times for found in grid.push(float(t), row_of(float(t)))]


def test_a_straight_line_stays_itself_whatever_the_steps_are():
    rng = np.random.default_rng(3)
    times = np.cumsum(rng.uniform(0.014, 0.025, 400))
    rows = gridded(times, lambda t: (2.0 * t - 1.0, -t))
    numbers = [k for k, _ in rows]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    for k, (a, b) in rows:
        assert a == pytest.approx(2.0 * k / 60 - 1.0, abs=1e-9)
        assert b == pytest.approx(-k / 60, abs=1e-9)


@pytest.mark.parametrize("true_hz", [50.0, 58.8, 60.0, 100.0])
def test_every_true_rate_gives_sixty_rows_a_second(true_hz):
    rows = gridded(np.arange(0.003, 10.0, 1 / true_hz), lambda t: (math.sin(t),))
    assert abs(len(rows) - 600) <= 2
    assert max(abs(v - math.sin(k / 60)) for k, (v,) in rows) < 1e-4


def test_no_grid_row_lies_in_a_gap():
    times = [0.0, 0.02, 0.04, 0.30, 0.32, 0.34]
    instants = [k / 60 for k, _ in gridded(times, lambda t: (t,))]
    assert not [t for t in instants if 0.0401 < t < 0.2999]
    assert [t for t in instants if t > 0.3]


def test_a_row_that_is_not_later_is_refused():
    grid = EvenRate(60.0)
    grid.push(1.0, (0.0,))
    with pytest.raises(ValueError, match="follows one at"):
        grid.push(1.0, (0.0,))


@given(st.lists(st.floats(1e-6, 0.2), min_size=1, max_size=60), st.floats(0.0, 1e6))
def test_grid_rows_follow_each_other_and_lie_between_their_neighbours(steps, start):
    times = np.cumsum([start, *steps])
    times = times[np.concatenate(([True], np.diff(times) > 0))]
    rows = gridded(times, lambda t: (t,))
    numbers = [k for k, _ in rows]
    assert numbers == sorted(set(numbers))
    for k, (value,) in rows:
        assert value == pytest.approx(k / 60, abs=1e-4)
        after = np.searchsorted(times, k / 60 - 1e-6)
        assert (
            after == 0
            or times[min(after, len(times) - 1)] - times[after - 1] <= GAP_S + 1e-6
            or (abs(times[min(after, len(times) - 1)] - k / 60) < 1e-4)
        )
