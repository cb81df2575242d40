"""Repetitions over each other: stretched to one length, gaps kept, other movements left out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.session.overlay import overlay
from analysis.session.since_last_session import with_changes

TIME_S = np.arange(0.0, 20.0, 0.02)


def tables(peaks_deg, durations_s, status=None):
    """Return angles of half sine waves, one after the other, and their table."""
    angle, rows, at = np.zeros_like(TIME_S), [], 1.0
    for number, (peak, length) in enumerate(zip(peaks_deg, durations_s, strict=True)):
        inside = (at <= TIME_S) & (at + length >= TIME_S)
        angle[inside] = peak * np.sin(np.pi * (TIME_S[inside] - at) / length)
        said = status[number] if status else "valid"
        rows.append({"side": "right", "status": said, "start_s": at, "end_s": at + length})
        at += length + 1.0
    angles = pd.DataFrame({"side": "right", "time_s": TIME_S, "hip_internal_rotation_deg": angle})
    return angles, pd.DataFrame(rows)


def test_repetitions_of_any_duration_lie_over_each_other():
    found = overlay(*tables([30.0, 30.0], [2.0, 4.0]), "right")
    assert found.reps_deg.shape == (2, 101)
    np.testing.assert_allclose(found.reps_deg[0], found.reps_deg[1], atol=0.05)
    np.testing.assert_allclose(found.sd_deg, 0.0, atol=0.05)
    assert found.mean_deg[50] == pytest.approx(30.0, abs=0.05)


def test_mean_and_sd_are_those_of_the_repetitions():
    found = overlay(*tables([20.0, 30.0, 40.0], [2.0, 2.0, 2.0]), "right")
    assert found.mean_deg[50] == pytest.approx(30.0, abs=0.05)
    assert found.sd_deg[50] == pytest.approx(10.0, abs=0.05)


def test_what_is_not_valid_or_of_the_other_leg_is_left_out():
    angles, reps = tables([30.0, 8.0, 30.0], [2.0] * 3, ["valid", "partial", "rejected"])
    assert len(overlay(angles, reps, "right").reps_deg) == 1
    assert overlay(angles, reps.assign(side="left"), "right").reps_deg.shape == (0, 101)


def test_a_gap_is_no_line_and_does_not_spoil_the_mean():
    angles, reps = tables([30.0, 30.0], [2.0, 2.0])
    gap = (angles["time_s"] > 1.8) & (angles["time_s"] < 2.2)
    angles.loc[gap, "hip_internal_rotation_deg"] = np.nan
    found = overlay(angles, reps, "right")
    assert np.isnan(found.reps_deg[0, 50])
    assert found.mean_deg[50] == pytest.approx(30.0, abs=0.05)


def test_one_repetition_has_no_sd():
    found = overlay(*tables([30.0], [2.0]), "right")
    assert np.isnan(found.sd_deg).all()


def summary(side="right", rom_deg=30.0):
    return pd.DataFrame(
        [{"side": side, "rom_median_deg": rom_deg, "side_difference_deg": np.nan, "side_flag": "",
          "change_since_last_deg": np.nan, "mdc_deg": 5.4, "change_exceeds_mdc": None}]
    ).astype({"change_exceeds_mdc": "boolean"})  # fmt: skip


@pytest.mark.parametrize(
    ("before_deg", "change_deg", "exceeds"), [(24.0, 6.0, True), (33.0, -3.0, False)]
)
def test_the_change_is_the_median_range_s(before_deg, change_deg, exceeds):
    (row,) = with_changes(summary(), {"right": before_deg, "left": 1.0}).to_dict("records")
    assert row["change_since_last_deg"] == change_deg
    assert row["change_exceeds_mdc"] == exceeds


def test_a_change_whose_detectable_size_is_not_known_is_not_judged():
    unknown = summary().assign(mdc_deg=np.nan)
    (row,) = with_changes(unknown, {"right": 24.0}).to_dict("records")
    assert row["change_since_last_deg"] == 6.0
    assert pd.isna(row["change_exceeds_mdc"])


@pytest.mark.parametrize(
    ("side", "other_deg", "difference_deg", "flag"),
    [("right", 29.0, 1.0, ""), ("right", 23.0, 7.0, "borderline"), ("left", 18.0, -12.0,
     "asymmetry")],
)  # fmt: skip
def test_a_leg_is_compared_with_the_other_right_minus_left(side, other_deg, difference_deg, flag):
    (row,) = with_changes(summary(side), {}, other_deg).to_dict("records")
    assert row["side_difference_deg"] == difference_deg
    assert row["side_flag"] == flag


def test_without_an_earlier_session_the_columns_stay_empty():
    (row,) = with_changes(summary(), {}).to_dict("records")
    assert np.isnan(row["change_since_last_deg"])
    assert pd.isna(row["change_exceeds_mdc"])
    assert row["side_flag"] == ""
