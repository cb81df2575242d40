"""Filters of rows that follow one another: what an array gives is what single rows give."""

from __future__ import annotations

import numpy as np
import pytest

from imu.quaternion import ARRAYS, FLOATS


def one_by_one(start, values, shares):
    out = []
    for value, share in zip(values.tolist(), shares.tolist(), strict=True):
        now, start = FLOATS.follow(start, value, share)
        out.append(now)
    return np.array(out)


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.0083, 0.153, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("rows", [0, 1, 7, 200, 40_000])
def test_rows_of_one_share_are_followed_at_once_as_one_by_one(share, rows):
    values = np.cumsum(np.random.default_rng(rows).normal(size=rows))
    found, end = ARRAYS.follow(0.3, values, share)
    expected = one_by_one(0.3, values, np.full(rows, share))
    assert found == pytest.approx(expected, abs=1e-10)
    assert end == (found[-1] if rows else 0.3)


def test_a_row_of_another_share_is_followed_by_its_own():
    random = np.random.default_rng(2)
    values, shares = random.normal(size=5000), np.full(5000, 0.1)
    shares[[0, 70, 71, 4999]] = 0.7, 0.01, 1.0, 0.4
    found, _ = ARRAYS.follow(-1.0, values, shares)
    assert found == pytest.approx(one_by_one(-1.0, values, shares), abs=1e-10)


def test_what_is_unknown_leaves_the_rows_before_it_alone():
    values = np.ones(5000)
    values[3000] = np.nan
    found, _ = ARRAYS.follow(0.0, values, 0.1)
    assert not np.isnan(found[:3000]).any()
    assert np.isnan(found[3000:]).all()
