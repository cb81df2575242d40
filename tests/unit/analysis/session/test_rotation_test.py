"""Tests of range: what counts as a trial, what is made of three, and what stands beside it."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from analysis.exercises import load
from analysis.exercises.reference_values import DETECTABLE, norms_for, prone_grade
from analysis.session.rotation_test import assess, lines_of, side_difference

PRONE, SUPINE = load("prone_rotation_test"), load("supine_rotation_test")


def tables(levels, side="right", **given):
    """Return the tables of trials whose plateaus have these levels."""
    rows = [
        {
            "side": side, "status": "valid", "set": 1, "rep": n, "start_deg": 2.0, "hold_s": 1.5,
            "end_residual_deg": 0.5, "faults": "", **{k: v[n - 1] for k, v in given.items()},
        }
        for n in range(1, len(levels) + 1)
    ]  # fmt: skip
    angles = [
        {
            "side": side, "set": 1, "rep": n, "phase": phase,
            "hip_internal_rotation_deg": level + off, "thigh_elevation_deg": 60.0,
        }
        for n, level in enumerate(levels, 1)
        for phase, off in (("up", 5.0), ("hold", 0.2), ("hold", 0.0), ("hold", -0.2))
    ]  # fmt: skip
    return pd.DataFrame(rows), pd.DataFrame(angles)


def test_three_trials_give_their_mean_and_their_largest_plateau_not_their_overshoot():
    test = assess(PRONE, *tables([30.0, 32.0, 34.0, 60.0]), active=False)["right"]
    assert (test.mean_deg, test.largest_deg) == (pytest.approx(32.0), pytest.approx(34.0))
    assert len(test.trials) == 3
    assert test.active is False
    assert test.start_deg == 2.0


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"hold_s": [0.8, 1.5, 1.5]}, "held for 0.8 s, not 1"),
        ({"faults": ["pelvis", "", ""]}, "compensated (pelvis)"),
        ({"faults": ["too_fast;knee_angle", "", ""]}, "compensated (knee angle)"),
    ],
)
def test_a_short_plateau_and_a_compensation_leave_a_trial_out_with_the_reason(given, why):
    test = assess(PRONE, *tables([50.0, 30.0, 32.0], **given))["right"]
    assert [trial.left_out for trial in test.trials] == [why, "", ""]
    assert test.mean_deg == pytest.approx(31.0)


def test_by_heading_a_trial_must_return_within_3_degrees():
    given = {"end_residual_deg": [4.0, -3.5, 1.0]}
    assert assess(SUPINE, *tables([30.0] * 3, **given))["right"].trials[2].left_out == ""
    assert assess(PRONE, *tables([30.0] * 3, **given))["right"].mean_deg == pytest.approx(30.0)
    found = assess(SUPINE, *tables([30.0, 31.0, 32.0], **given))["right"]
    assert found.mean_deg == pytest.approx(32.0)


def test_without_a_trial_that_counts_nothing_is_claimed():
    test = assess(PRONE, *tables([30.0], hold_s=[0.2]))["right"]
    assert math.isnan(test.mean_deg)
    assert test.grade == ""
    assert "no trial counts" in lines_of({"right": test})[0]


@pytest.mark.parametrize(
    ("angle", "said"),
    [
        (46.0, "athletes"),
        (45.0, "athletes"),
        (31.0, "good"),
        (29.0, "less than good"),
        (5.0, "lack"),
    ],
)
def test_the_prone_test_is_graded_as_its_source_does(angle, said):
    assert said in prone_grade(angle)
    assert assess(SUPINE, *tables([31.0] * 3))["right"].grade == ""


def both(left, right, exercise=PRONE):
    one, other = tables([left] * 3, "left"), tables([right] * 3)
    return assess(exercise, *(pd.concat(pair) for pair in zip(one, other, strict=True)))


@pytest.mark.parametrize(
    ("exercise", "right", "said"),
    [
        ("prone_rotation_test", 36.0, "counted as equal below 10°"),
        ("prone_rotation_test", 41.0, "asymmetry"),
        ("seated_internal_rotation", 34.0, "within measurement error (5.4°)"),
        ("seated_internal_rotation", 37.0, "more than measurement error (5.4°)"),
        ("supine_rotation_test", 38.0, "within measurement error (8.6°)"),
    ],
)
def test_a_difference_of_the_sides_is_held_against_the_measurement_error(exercise, right, said):
    difference = side_difference(both(30.0, right, load(exercise)))
    assert difference.degrees == pytest.approx(right - 30.0)
    assert said in difference.text


def test_published_values_are_of_the_same_posture_and_errors_name_their_source():
    assert {norm.posture for norm in assess(PRONE, *tables([31.6] * 3))["right"].norms} == {"prone"}
    assert norms_for(load("ninety_ninety_lift")) == []
    assert all(each.source[-4:].isdigit() for each in DETECTABLE)


def test_what_people_read_has_whole_degrees_and_the_start():
    line = lines_of(assess(PRONE, *tables([31.6] * 3), active=True))[0]
    assert line.startswith("test, right, active: 2–32° (mean of 3), largest 32°")
