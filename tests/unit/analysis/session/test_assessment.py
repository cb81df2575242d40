"""Tests of range: what is made of the trials, and what stands beside it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from analysis.exercises import load
from analysis.session.analyse import analyse
from hipturn.clinical_words import neutral_zero, side_text, test_lines, verdict
from imu.sample import Side
from imu.virtual.wearer import WearerSettings, wear

test_lines.__test__ = False  # a function of the product, and no test
PRONE, SEATED = load("prone_rotation_test"), load("seated_internal_rotation")


@pytest.fixture(scope="module")
def tested(recording_of):
    """Return a function that gives a virtual wearer's test, analysed once."""
    known = {}

    def build(exercise="prone_rotation_test", seed=3, active=False, is_test=False, **settings):
        key = (exercise, seed, active, is_test, *sorted(settings.items()))
        if key not in known:
            worn = wear(exercise, "right", seed, WearerSettings(**settings))
            recording = replace(recording_of(worn), active=active, is_test=is_test)
            known[key] = worn, analyse(recording)
        return known[key]

    return build


def test_three_trials_give_their_mean_and_their_largest_end_position(tested):
    worn, result = tested()
    test = result.tests[Side.RIGHT]
    held = [
        np.median(worn.truth.angle_deg[Side.RIGHT][(worn.truth.time_s > r.hold_start_s)
                                                   & (worn.truth.time_s < r.hold_end_s)])
        for r in worn.truth.reps[Side.RIGHT]
    ]  # fmt: skip
    assert [trial.left_out for trial in test.trials] == [""] * 3
    assert test.mean_deg == pytest.approx(np.mean(held), abs=1.5)
    assert test.largest_deg == max(trial.value_deg for trial in test.trials)
    (row,) = result.summary.to_dict("records")
    assert row["end_mean_deg"] == round(test.mean_deg, 3)
    assert row["trials_deg"] == ";".join(f"{trial.value_deg:.3f}" for trial in test.trials)
    assert bool(row["active"]) is False


def test_a_stiff_hip_has_its_trials_and_a_set_counts_nothing_under_its_minimum(tested):
    _, result = tested(amplitude_deg=3.5, return_sd_deg=0.2, rest_s=(2.0, 3.0))
    assert len(result.tests[Side.RIGHT].good) == 3
    _, plain = tested(
        "seated_internal_rotation", active=None, amplitude_deg=3.5, reps=3, return_sd_deg=0.2
    )
    assert plain.tests == {}
    assert (plain.reps["status"] != "valid").all()
    assert math.isnan(plain.summary["end_mean_deg"].iloc[0])


def test_a_grade_is_of_a_passive_drop_in_lying_prone_and_says_it_is_no_diagnosis(tested):
    assert "Not a diagnosis" in "".join(test_lines([tested()[1].tests[Side.RIGHT]]))
    for active in (True, None):
        assert tested(active=active)[1].tests[Side.RIGHT].grade == ""
    seated = tested("seated_internal_rotation", active=False, is_test=True, reps=3, hold_s=(1.5, 2))
    assert seated[1].tests[Side.RIGHT].grade == ""


@pytest.mark.parametrize("exercise", ["prone_rotation_arc_test", "seated_rotation_arc_test"])
def test_both_ends_of_rotation_come_from_one_set(tested, exercise):
    worn, result = tested(exercise)
    test, angle = result.tests[Side.RIGHT], worn.truth.angle_deg[Side.RIGHT]
    inside = worn.truth.time_s > worn.truth.reps[Side.RIGHT][0].start_s
    assert len(test.good) == 3
    assert test.external_deg == pytest.approx(-angle[inside].min(), abs=2.0)
    assert test.arc_deg == pytest.approx(test.external_deg + test.mean_deg)
    assert "ER–0–IR" in test_lines([test])[0]
    assert result.summary["valid"].iloc[0] == 3


@pytest.mark.parametrize(
    ("external", "internal", "written"),
    [(45.0, 35.0, "45–0–35"), (45.0, -2.2, "45–2–0"), (-3.0, 35.0, "0–3–35"), (0.2, 0.1, "0–0–0")],
)
def test_rotation_is_written_in_the_order_of_the_neutral_zero_method(external, internal, written):
    assert neutral_zero(external, internal) == f"ER–0–IR {written}"


def row(difference, mdc, flag=""):
    return {
        "side_difference_deg": difference, "mdc_deg": mdc, "side_flag": flag, "end_mean_deg": 30.0,
    }  # fmt: skip


def test_a_difference_of_sides_is_never_called_equal():
    for difference in (0.2, 3.0, 8.0, -12.0):
        for mdc in (math.nan, 5.4):
            said = side_text(PRONE, [row(difference, mdc)])
            assert "equal" not in said
            assert ("detectable" in said) is (mdc == 5.4)
    assert "more than the detectable change of 5.4°" in side_text(SEATED, [row(9.0, 5.4)])
    assert "within the detectable change of 5.4°" in side_text(SEATED, [row(-5.0, 5.4)])


def test_nothing_is_claimed_where_no_detectable_change_is_known():
    assert verdict(30.0, math.nan) == verdict(30.0, None) == ""


def test_a_straight_leg_raise_is_a_range_of_elevation_and_no_hip_rotation(tested):
    _, result = tested("straight_leg_raise_test")
    test = result.tests[Side.RIGHT]
    assert (test.quantity, test.is_end_position) == ("thigh elevation", False)
    assert 45.0 < test.mean_deg < 95.0
    assert test.detectable.deg == 10.2
    assert "rotation" not in test_lines([test])[0]
    assert result.summary["side_flag"].iloc[0] == ""


def test_by_heading_a_trial_must_return_within_3_degrees(tested):
    test = tested("supine_rotation_test", seed=4, return_sd_deg=6.0)[1].tests[Side.RIGHT]
    assert ["off its start" in trial.left_out for trial in test.trials] == [True, True, False]
    assert len(test.good) == 1


def test_without_a_trial_that_counts_nothing_is_claimed(tested):
    test = tested(hold_s=(0.2, 0.4))[1].tests[Side.RIGHT]
    assert math.isnan(test.mean_deg)
    assert test.grade == ""
    lines = test_lines([test])
    assert "no trial counts" in lines[0]
    assert all("not 1" in line for line in lines[1:4])


def test_a_turning_pelvis_leaves_a_trial_out_and_its_share_is_told(tested):
    test = tested(pelvis_unit=True, pelvis_roll_deg=12.0)[1].tests[Side.RIGHT]
    assert all(trial.left_out == "compensated (pelvis)" for trial in test.trials)
    clean = tested(pelvis_unit=True)[1].tests[Side.RIGHT]
    assert abs(clean.pelvis_deg) < 3.0
