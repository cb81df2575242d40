"""The statistics of agreement against published worked examples and planted data."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from analysis.agreement.differences import bias_interval, differences, share_within
from analysis.agreement.intraclass import intraclass
from analysis.agreement.lag import find_lag, interpolated
from analysis.agreement.readings import compare_readings, sentence_of, table_of
from analysis.agreement.repeated import Reading, repeated

# Shrout and Fleiss (1979), table 2: six targets, four judges
SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]],
    dtype=float,
)


def test_the_worked_example_of_shrout_and_fleiss():
    found = intraclass(SHROUT_FLEISS)
    assert (found.subjects, found.raters) == (6, 4)
    assert found.icc_2_1.value == pytest.approx(0.29, abs=0.005)
    assert found.icc_3_1.value == pytest.approx(0.71, abs=0.005)
    # the intervals that R's psych::ICC and irr::icc print for the same data
    assert (found.icc_2_1.low, found.icc_2_1.high) == pytest.approx((0.019, 0.761), abs=0.001)
    assert (found.icc_3_1.low, found.icc_3_1.high) == pytest.approx((0.342, 0.946), abs=0.001)


def test_a_row_with_an_empty_cell_is_left_out_of_an_intraclass_correlation():
    holed = np.vstack((SHROUT_FLEISS, [np.nan, 1.0, 2.0, 3.0]))
    assert intraclass(holed) == intraclass(SHROUT_FLEISS)


@pytest.mark.parametrize(
    "table", [np.empty((0, 2)), np.array([[1.0, 2.0]]), np.array([[1.0], [2.0]])]
)
def test_too_small_a_table_gives_no_correlation(table):
    found = intraclass(table)
    assert math.isnan(found.icc_2_1.value)
    assert math.isnan(found.sem_deg)


def test_readings_that_are_all_alike_give_no_correlation():
    assert math.isnan(intraclass(np.full((5, 2), 30.0)).icc_2_1.value)


def test_methods_without_any_error_agree_wholly():
    found = intraclass(np.repeat(np.arange(5.0)[:, None], 2, axis=1))
    assert (found.icc_2_1.value, found.icc_2_1.low, found.icc_2_1.high) == (1.0, 1.0, 1.0)
    assert found.mdc95_deg == 0.0


def test_planted_differences_are_found():
    rng = np.random.default_rng(1)
    truth = rng.normal(30.0, 8.0, 4000)
    found = differences(truth + 2.0 + rng.normal(0.0, 1.5, 4000), truth)
    assert found.bias_deg == pytest.approx(2.0, abs=0.1)
    assert found.rmse_deg == pytest.approx(2.5, abs=0.1)
    assert found.rmse_without_bias_deg == pytest.approx(1.5, abs=0.05)
    assert found.limits_deg == pytest.approx((2.0 - 2.94, 2.0 + 2.94), abs=0.15)


def test_a_difference_across_half_a_turn_is_small():
    found = differences(np.array([179.0, -179.0, 178.0]), np.array([-179.0, 179.0, -178.0]))
    assert found.rmse_deg == pytest.approx(math.sqrt((4 + 4 + 16) / 3))


def test_several_pairs_of_a_wearer_do_not_narrow_the_limits_of_agreement():
    """Ten pairs each of four wearers who differ among themselves by 5°."""
    rng = np.random.default_rng(2)
    widths, inside = [], 0
    for _ in range(200):
        own = rng.normal(0.0, 5.0, 4).repeat(10)
        found = differences(own + rng.normal(0.0, 1.0, 40), np.zeros(40), list("abcd" * 10))
        mixed = differences(own, np.zeros(40), np.arange(4).repeat(10).tolist())
        interval = bias_interval(mixed)
        inside += interval.low <= 0.0 <= interval.high
        widths.append(mixed.spread_deg)
        assert found.pairs == 40
    assert np.sqrt(np.mean(np.square(widths))) == pytest.approx(5.0, rel=0.15)
    assert inside >= 180  # a narrow interval by pairs would hold 0 in about half of the draws


def test_shares_within_sigma_leave_out_what_has_none():
    error = np.array([0.5, -1.5, 2.5, 9.0, np.nan])
    sigma = np.array([1.0, 1.0, 1.0, np.nan, 1.0])
    assert share_within(error, sigma, 1.0) == pytest.approx(1 / 3)
    assert share_within(error, sigma, 2.0) == pytest.approx(2 / 3)
    assert math.isnan(share_within(error, np.full(5, np.nan), 1.0))


@pytest.mark.parametrize("lag_s", [-7.3, -0.015, 0.0, 0.42, 9.9])
def test_a_planted_lag_is_found_to_a_few_milliseconds(lag_s):
    rng = np.random.default_rng(3)
    t = np.arange(0.0, 40.0, 1 / 60)
    knots = np.arange(-20.0, 65.0, 1.1)
    heights = rng.uniform(0.0, 40.0, len(knots))
    reference_s = np.arange(0.0, 40.0, 1 / 100)

    def angle(at_s):
        return np.interp(at_s, knots, heights)

    found = find_lag(t, [angle(t) + 12.0], reference_s, [angle(reference_s + lag_s)], 10.0)
    assert found is not None
    assert found.lag_s == pytest.approx(lag_s, abs=0.004)
    assert found.r > 0.99
    assert found.is_sure


def test_two_recordings_of_different_movements_are_not_taken_for_one():
    rng = np.random.default_rng(4)
    t = np.arange(0.0, 60.0, 1 / 50)
    a, b = (np.interp(t, np.arange(0.0, 61.0, 0.7), rng.normal(0, 10, 88)[:88]) for _ in range(2))
    found = find_lag(t, [a], t, [b], 2.0)
    assert found is None or not found.is_sure


def test_angles_that_never_change_show_no_lag():
    t = np.arange(0.0, 10.0, 0.02)
    assert find_lag(t, [np.zeros(500)], t, [np.sin(t)], 1.0) is None


def test_long_gaps_of_a_reference_stay_empty_and_slow_references_are_filled():
    t = np.array([0.0, 0.02, 0.04, 0.5, 0.52])
    out = interpolated(t, np.array([0.0, 1.0, 2.0, 5.0, 6.0]), np.array([0.03, 0.2, 0.51, 0.6]))
    assert out[[0, 2]] == pytest.approx([1.5, 5.5])
    assert np.isnan(out[[1, 3]]).all()
    slow = np.arange(0.0, 3.0, 0.2)
    assert interpolated(slow, 10 * slow, np.array([0.5])) == pytest.approx([5.0])


def days(values, per_day=1):
    first = date(2026, 3, 1)
    return [
        Reading(day=first + timedelta(days=3 * (i // per_day)), value_deg=float(v))
        for i, v in enumerate(values)
    ]


def test_a_wearers_own_error_of_measurement_holds_the_planted_one_in_its_interval():
    rng = np.random.default_rng(5)
    inside = 0
    for _ in range(200):
        found = repeated(days(30.0 + 0.4 * np.arange(8) + rng.normal(0.0, 2.0, 8)))
        inside += found.sem.low <= 2.0 <= found.sem.high
        assert found.mdc95.value == pytest.approx(2.772 * found.sem.value, rel=1e-3)
    assert inside >= 183  # 95 % of 200, less three standard errors


def test_fewer_than_five_days_give_no_detectable_change():
    found = repeated(days([30.0, 32.0, 31.0, 29.0]))
    assert math.isnan(found.sem.value)
    assert (found.days, found.readings) == (4, 4)


def test_the_readings_of_one_day_never_judge_a_change():
    found = repeated(days([30.0, 32.0, 31.0, 33.0, 30.5, 31.5], per_day=6))
    assert math.isnan(found.mdc95.value)
    assert found.within_day_deg == pytest.approx(np.std([30, 32, 31, 33, 30.5, 31.5], ddof=1))


def test_five_days_say_how_little_they_say():
    found = repeated(days([30.0, 32.0, 31.0, 29.0, 31.5]))
    # three degrees of freedom are left beside level and trend
    assert found.sem.high / found.sem.value == pytest.approx(math.sqrt(3 / chi2.ppf(0.025, 3)))


def planted(rng, wearers, *, raters=("A", "B"), missing=0.0):
    """Return readings with known biases: methods +3°, raters ±, and error of 2°."""
    rows = []
    for w in range(wearers):
        truth = rng.normal(32.0, 8.0)
        for rater in raters:
            for day in ("1", "2"):
                for method, bias in (("goniometer", 3.0), ("hipturn", 0.0)):
                    if rng.uniform() >= missing:
                        deg = truth + bias + rng.normal(0.0, 2.0)
                        rows.append((f"W{w}", "left", "prone", rater, day, method, deg))
    return pd.DataFrame(rows, columns=["wearer", "leg", "test", "rater", "day", "method", "deg"])


@pytest.mark.long
def test_planted_biases_and_errors_lie_within_their_intervals():
    rng = np.random.default_rng(6)
    bias_in = icc_in = count = 0
    for _ in range(200):
        for one in compare_readings(planted(rng, 12, missing=0.05)):
            if one.between == "methods":
                interval = bias_interval(one.pairings[0].found)
                bias_in += interval.low <= 3.0 <= interval.high
            if one.between == "raters" and one.within == "hipturn":
                wanted = 64.0 / (64.0 + 4.0)
                icc_in += one.agree.icc_2_1.low <= wanted <= one.agree.icc_2_1.high
                count += 1
    assert count == 200
    assert bias_in >= 181
    assert icc_in >= 181


def test_one_rater_alone_is_compared_by_method_and_day_only():
    rng = np.random.default_rng(7)
    found = compare_readings(planted(rng, 6, raters=("A",)))
    assert [(one.between, one.within) for one in found] == [
        ("methods", ""), ("days", "goniometer"), ("days", "hipturn"),
    ]  # fmt: skip


@pytest.mark.parametrize("wearers", [2, 3, 30])
def test_few_and_many_wearers_give_a_table_and_a_sentence(wearers):
    found = compare_readings(planted(np.random.default_rng(8), wearers))
    table = table_of(found)
    assert len(table) == 5
    assert table["subjects"].tolist() == [wearers] * 5
    assert all(sentence_of(one).endswith(".") for one in found)
