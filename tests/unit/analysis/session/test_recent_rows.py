"""What the live path keeps of the past, and what that costs."""

import gc
import math

import numpy as np
import pytest

from analysis.session.recent_rows import BLOCK_ROWS, RecentRows


def filled(rows: int, rate_hz: float = 60.0) -> tuple[RecentRows, np.ndarray]:
    past, random = RecentRows(3), np.random.default_rng(5)
    table = np.column_stack((np.arange(rows) / rate_hz, random.normal(size=(rows, 2))))
    for row in table.tolist():
        past.add(*row)
    return past, table


@pytest.mark.parametrize("rows", [1, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 4 * BLOCK_ROWS])
def test_every_row_between_two_times_comes_back_as_it_was(rows: int) -> None:
    past, table = filled(rows)
    time_s = table[:, 0]
    for first, last in ((0, rows - 1), (rows // 2, rows - 1), (rows // 3, rows // 2)):
        found = past.between(time_s[first], time_s[last])
        assert np.array_equal(found, table[first : last + 1].T)
    assert np.array_equal(past.between(-math.inf, math.inf), table.T)
    assert past.between(time_s[-1] + 1.0, math.inf).shape == (3, 0)


def test_a_hole_where_nothing_was_known_comes_back_as_a_hole() -> None:
    past = RecentRows(2)
    past.add(0.0, math.nan)
    assert math.isnan(past.between(0.0, 0.0)[1, 0])


def test_what_was_handed_out_does_not_change_with_what_comes_later() -> None:
    past, table = filled(10)
    found = past.between(0.0, 1.0)
    past.add(10.0 / 60.0, 7.0, 7.0)
    assert np.array_equal(found, table.T)


def test_forgetting_gives_up_only_what_is_older_and_keeps_no_more_than_a_block_of_it() -> None:
    past, table = filled(3 * BLOCK_ROWS + 7)
    until = 2 * BLOCK_ROWS + 50
    past.forget(table[until, 0])
    left = past.between(-math.inf, math.inf)
    assert np.array_equal(left[:, -(len(table) - until) :], table[until:].T)
    assert left.shape[1] < len(table) - until + BLOCK_ROWS


def test_the_newest_rows_are_kept_however_old_they_are() -> None:
    past, table = filled(5)
    past.forget(math.inf)
    assert np.array_equal(past.between(-math.inf, math.inf), table.T)


def test_minutes_of_rows_are_next_to_nothing_for_the_garbage_collector_to_walk_through() -> None:
    gc.collect()
    before = len(gc.get_objects())
    past, table = filled(6000)
    del table
    gc.collect()
    assert len(gc.get_objects()) - before < 100
    assert past.between(-math.inf, math.inf).shape == (3, 6000)
