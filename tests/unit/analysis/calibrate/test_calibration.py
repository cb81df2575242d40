"""Calibration from ideal legs: axes, signs and zeros right, and every refusal with its sentence."""

from __future__ import annotations

import json
import math
import re
from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from analysis.angle.leg_angles import angles_of_recording
from analysis.calibrate.calibration import (
    LegCalibration,
    LegFrames,
    Windows,
    calibrate,
)
from analysis.calibrate.knee_axis import angular_velocity, count_bends
from analysis.exercises import load
from imu.quaternion import by_rows, multiply
from imu.sample import Side

RATE_HZ = 60.0
SIDES = tuple(Side)
EIGHT = (
    "prone_windshield_wiper",
    "prone_rotation_test",
    "ninety_ninety_lift",
    "seated_internal_rotation",
    "side_lying_ankle_lift",
    "seated_leg_extension_twist",
    "standing_banded_rotation",
    "supine_rotation_test",
)
# The inclinometer's angle in the start pose, which is where the zero must lie.
ZERO_DEG = {
    "prone_windshield_wiper": 180.0,
    "prone_rotation_test": 180.0,
    "ninety_ninety_lift": 90.0,
    "seated_internal_rotation": 0.0,
    "side_lying_ankle_lift": 90.0,
    "seated_leg_extension_twist": -8.0,
    "standing_banded_rotation": 0.0,  # against the pelvis
    "supine_rotation_test": 0.0,
}


@pytest.fixture(scope="module")
def ideal_leg(new_leg):
    """Return a function that gives a leg led through a clean calibration, made once."""

    @cache
    def build(exercise, side, seed=1):
        leg = new_leg(exercise, side, seed).calibration()
        frames = leg.frames()
        leg.frames = lambda: frames
        return leg

    return build


def calibrated(leg, **changed):
    """Return the result of calibrating a leg, its windows changed where asked."""
    return calibrate(leg.frames(), replace(leg.windows, **changed), load(leg.exercise), leg.side)


def passed(leg, **changed):
    result = calibrated(leg, **changed)
    assert result.calibration is not None, result.sentences
    return result.calibration


def refused(leg, **changed):
    """Return the sentences of a refusal."""
    result = calibrated(leg, **changed)
    assert result.calibration is None
    return " | ".join(result.sentences)


def off_deg(axis, mounting, along):
    """Return how far a calibrated axis is from where the strap's mounting puts it."""
    true = mounting.inv().apply(along)
    return math.degrees(math.acos(min(1.0, float(np.dot(axis, true)))))


def wrapped_deg(angle_deg):
    return (angle_deg + 180.0) % 360.0 - 180.0


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("exercise", EIGHT)
def test_axes_are_found_within_half_a_degree_with_any_mounting_and_heading(
    ideal_leg, exercise, side, seed
):
    leg = ideal_leg(exercise, side, seed)
    found = passed(leg)
    assert found.y_thigh is not None
    assert off_deg(found.y_thigh, leg.thigh.mounting, [0, 1, 0]) < 0.5
    assert off_deg(found.y_shank, leg.shank.mounting, [0, 1, 0]) < 0.5
    assert off_deg(found.z_shank, leg.shank.mounting, [0, 0, 1]) < 0.5  # and not its opposite


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("exercise", EIGHT)
def test_straightening_the_knee_turns_the_shank_positively_about_its_axis(
    ideal_leg, exercise, side
):
    leg = ideal_leg(exercise, side)
    found = passed(leg)
    frames = leg.frames()
    moments, omega = angular_velocity(frames.time_s, frames.q_shank)
    knee = np.interp(moments, frames.time_s, leg.joints()[:, 4])
    bending = (moments > leg.windows.bends[0]) & (moments < leg.windows.bends[1])
    extension = np.gradient(-knee, moments)
    turning = omega @ np.array(found.z_shank)
    assert np.corrcoef(turning[bending], extension[bending])[0, 1] > 0.999


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("exercise", EIGHT)
def test_the_zero_is_right_and_counting_starts_at_the_start_pose(ideal_leg, exercise, side):
    found = passed(ideal_leg(exercise, side))
    zero_deg = math.degrees(found.zero_rad)
    assert wrapped_deg(zero_deg - ZERO_DEG[exercise]) == pytest.approx(0.0, abs=0.1)
    assert math.degrees(found.start_rotation_rad) == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("side", SIDES)
def test_a_leg_that_starts_turned_in_says_so_where_the_zero_is_the_inclinometers(new_leg, side):
    pose = (90.0, 0.0, 6.0, 90.0)
    found = passed(new_leg("seated_internal_rotation", side, 5, pose=pose).calibration())
    assert math.degrees(found.start_rotation_rad) == pytest.approx(6.0, abs=0.1)
    assert found.zero_rad == 0.0


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("exercise", EIGHT)
def test_the_start_pose_is_kept_as_elevations_and_knee_angle(
    ideal_leg, exercise, side, start_poses
):
    leg = ideal_leg(exercise, side)
    found = passed(leg)
    femur, shank = (segment[-1].as_matrix() for segment in leg.segments()[1:])
    for got_rad, segment in (
        (found.thigh_elevation_rad, femur),
        (found.shank_elevation_rad, shank),
    ):
        assert math.sin(got_rad) == pytest.approx(-segment[2, 1], abs=0.002)
    knee_deg = start_poses[exercise][1][3]
    assert math.degrees(found.knee_flexion_rad) == pytest.approx(knee_deg, abs=0.5)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("exercise", EIGHT[:7])  # an upright thigh shows none
def test_the_common_heading_is_that_of_the_two_units(ideal_leg, exercise, side):
    leg = ideal_leg(exercise, side)
    found = passed(leg)
    apart_deg = leg.thigh.heading_deg - leg.shank.heading_deg
    off = wrapped_deg(math.degrees(found.heading_rad) - apart_deg)
    assert off == pytest.approx(0.0, abs=1.0)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("exercise", EIGHT)
def test_the_frozen_pelvis_faces_where_the_wearer_faces(ideal_leg, exercise, side):
    leg = ideal_leg(exercise, side)
    found = passed(leg)
    femur = leg.segments()[1][-1]
    hip = np.array((leg.pose[0], side.sign * leg.pose[1], side.sign * leg.pose[2]))
    pelvis = femur * Rotation.from_euler("ZXY", hip, degrees=True).inv()
    seen = Rotation.from_euler("z", leg.shank.heading_deg, degrees=True) * pelvis
    assert np.abs(np.array(found.pelvis).T - seen.as_matrix()).max() < 0.01


@settings(max_examples=15, deadline=None)
@given(
    exercise=st.sampled_from(EIGHT),
    side=st.sampled_from(SIDES),
    turn_deg=st.floats(-180.0, 180.0),
    own_deg=st.floats(-180.0, 180.0),
)
def test_turning_the_whole_person_or_a_units_north_changes_nothing(
    new_leg, exercise, side, turn_deg, own_deg
):
    leg = new_leg(exercise, side, 9).calibration()
    before = passed(leg)
    leg.heading_deg += turn_deg
    leg.thigh.heading_deg += own_deg
    after = passed(leg)
    # only what is seen from an earth may follow it; an upright thigh shows no heading at all
    for field in fields(LegCalibration):
        a, b = getattr(before, field.name), getattr(after, field.name)
        if field.name in ("heading_rad", "z_thigh") and exercise == "supine_rotation_test":
            continue
        if field.name == "heading_rad":
            assert math.remainder(b - a - math.radians(own_deg), 2 * math.pi) == pytest.approx(
                0.0, abs=1e-3
            )
        elif field.name == "pelvis":
            turned = np.array(a) @ Rotation.from_euler("z", turn_deg, degrees=True).as_matrix().T
            assert np.array(b) == pytest.approx(turned, abs=1e-3)
        elif isinstance(a, float | tuple):
            assert np.array(b) == pytest.approx(np.array(a), abs=1e-3)
        else:
            assert b == a


def test_angles_may_be_given_once_the_last_step_is_over(ideal_leg):
    leg = ideal_leg("prone_windshield_wiper", Side.RIGHT)
    assert passed(leg).ready_s == leg.windows.bends[1]


@pytest.mark.parametrize("exercise", EIGHT)
def test_json_gives_back_exactly_what_was_written(ideal_leg, exercise):
    found = passed(ideal_leg(exercise, Side.LEFT))
    text = json.dumps(found.to_json(), allow_nan=False)
    back = LegCalibration.from_json(json.loads(text))
    assert back == found
    assert isinstance(back.side, Side)


def test_json_keeps_a_calibration_without_a_thigh_axis(ideal_leg):
    leg = ideal_leg("seated_internal_rotation", Side.LEFT)
    found = passed(leg, stand=None)
    assert found.y_thigh is None
    assert LegCalibration.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_a_good_calibration_has_figures_within_their_limits_and_nothing_to_say(ideal_leg):
    result = calibrated(ideal_leg("prone_windshield_wiper", Side.RIGHT))
    assert {check.name for check in result.checks} == {
        "knee bends",
        "thigh share",
        "hinge eigenvalue ratio",
        "hinge split-half angle",
        "start pose still",
        "stand still",
        "thigh pose angle",
        "shank pose angle",
        "hinge against shank",
        "hinge consistency",
        "front of the thigh",
    }
    assert all(check.passed for check in result.checks)
    assert result.sentences == ()
    assert next(c.value for c in result.checks if c.name == "knee bends") == 5.0


# Refusals


@pytest.mark.parametrize("exercise", EIGHT)
def test_without_a_start_pose_there_is_no_angle(ideal_leg, exercise):
    said = refused(ideal_leg(exercise, Side.RIGHT), pose=None)
    assert said == (
        "no start pose found: hold the start position still for 3 s before the knee bends"
    )


@pytest.mark.parametrize("exercise", EIGHT)
def test_without_bends_there_is_no_angle(ideal_leg, exercise):
    said = refused(ideal_leg(exercise, Side.RIGHT), bends=None)
    assert said.startswith("no knee bends found: bend and straighten the knee five times")


def test_without_anything_both_missing_steps_are_said(ideal_leg):
    leg = ideal_leg("prone_windshield_wiper", Side.RIGHT)
    result = calibrate(leg.frames(), Windows(), load(leg.exercise), leg.side)
    assert result.calibration is None
    assert len(result.sentences) == 2


def test_a_window_without_samples_counts_as_missing(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT).calibration()
    assert "no start pose found" in refused(leg, pose=(500.0, 503.0))
    frames = leg.frames()
    in_bends = (frames.time_s >= leg.windows.bends[0]) & (frames.time_s <= leg.windows.bends[1])
    frames.q_shank[in_bends] = np.nan
    result = calibrate(frames, leg.windows, load(leg.exercise), leg.side)
    assert result.calibration is None
    assert "no knee bends found" in result.sentences[0]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("size_deg", [40.0, 55.0, 75.0])
def test_two_bends_are_too_few_however_large(new_leg, size_deg, side):
    leg = new_leg("seated_internal_rotation", side)
    leg.still(3.0, "stand").go(3.0, leg.pose).still(3.0, "pose").bends(2, size_deg)
    assert "too few knee bends" in refused(leg)


def test_three_bends_are_enough(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT).calibration(bends=3)
    result = calibrated(leg)
    assert result.calibration is not None
    assert next(c.value for c in result.checks if c.name == "knee bends") == 3.0


def test_bends_of_fifteen_degrees_do_not_count(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT)
    leg.still(3.0, "stand").go(3.0, leg.pose).still(3.0, "pose").bends(5, 15.0)
    assert "too few knee bends" in refused(leg)


@pytest.mark.parametrize(
    ("low_deg", "top_deg", "bends"),
    [(0, 24, 0), (0, 30, 4), (0, 49, 4), (0, 55, 4), (0, 120, 4), (20, 90, 4), (44, 90, 4)],
)
def test_each_bend_counts_once_at_any_size(low_deg, top_deg, bends):
    first = np.linspace(0.0, low_deg, 20)
    beat = np.concatenate((np.linspace(low_deg, top_deg, 80), np.linspace(top_deg, low_deg, 80)))
    angle = np.radians(np.concatenate((first, np.tile(beat, 4))))
    assert count_bends(angle) == bends
    assert count_bends(-angle) == bends


@pytest.mark.parametrize("exercise", ["prone_windshield_wiper", "standing_banded_rotation"])
def test_a_thigh_that_moves_with_the_shank_is_refused(new_leg, exercise):
    leg = new_leg(exercise, Side.RIGHT)
    leg.still(3.0, "stand").go(3.0, leg.pose).still(3.0, "pose").bends(5, flexion=35.0)
    said = refused(leg)
    assert "of the turning during the knee bends" in said
    assert "keep the thigh still and bend only the knee" in said


def slipping(leg, axis, law):
    """Return the sentences of a refusal when the shank turns about another axis too."""
    begin, end = leg.windows.bends

    def slip(time_s):
        share = np.clip((time_s - begin) / (end - begin), 0.0, 1.0)
        return law(share)

    result = calibrate(leg.frames(axis, slip), leg.windows, load(leg.exercise), leg.side)
    assert result.calibration is None
    return " | ".join(result.sentences)


@pytest.mark.parametrize("axis", ["x", "y"])
@pytest.mark.parametrize("side", SIDES)
def test_a_shank_that_turns_about_two_axes_is_refused(new_leg, side, axis):
    leg = new_leg("prone_windshield_wiper", side).calibration()
    said = slipping(leg, axis, lambda share: 10.0 * np.sin(2 * np.pi * 10 * share))
    assert "did not turn about one axis" in said


def test_a_knee_axis_that_wanders_is_refused(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT).calibration()
    said = slipping(leg, "y", lambda share: 16.0 * share)  # the strap creeps around the shank
    assert "between the first and the last bends: check the strap and repeat the bends" in said


@pytest.mark.parametrize(
    "along",
    [{"rotation": 12.0}, {"flexion": 12.0}, {"adduction": 8.0}],
    ids=lambda a: next(iter(a)),
)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("exercise", EIGHT[:6])
def test_a_thigh_that_gives_a_little_does_not_tilt_the_knee_axis(new_leg, exercise, side, along):
    leg = new_leg(exercise, side, 14)
    leg.still(3.0, "stand").go(3.0, leg.pose).still(3.0, "pose").bends(**along).still(2.0)
    found = passed(leg)
    assert off_deg(found.z_shank, leg.shank.mounting, [0, 0, 1]) < 2.0
    assert math.degrees(found.start_rotation_rad) == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("still", ["pose", "stand"])
def test_moving_during_a_still_step_is_refused(new_leg, still):
    leg = new_leg("seated_internal_rotation", Side.RIGHT).calibration()
    begin, end = leg.named[still]
    leg.named[still] = (begin, end + 0.9) if still == "stand" else (begin - 0.9, end)
    name = "start pose" if still == "pose" else "stand"
    said = refused(leg)
    assert f"during the {name}: repeat it and keep still" in said
    assert "the leg moved by" in said


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("exercise", EIGHT)
def test_swapped_units_are_refused_and_said(ideal_leg, exercise, side):
    leg = ideal_leg(exercise, side)
    frames = leg.frames()
    swapped = LegFrames(frames.time_s, frames.q_shank, frames.q_thigh)
    result = calibrate(swapped, leg.windows, load(exercise), side)
    assert result.calibration is None
    assert "are swapped" in " | ".join(result.sentences)


def test_another_position_than_the_exercises_is_refused(ideal_leg):
    leg = ideal_leg("seated_internal_rotation", Side.RIGHT)
    result = calibrate(leg.frames(), leg.windows, load("prone_windshield_wiper"), leg.side)
    assert result.calibration is None
    assert any(
        "the shank is 180° from the start position of Prone windshield wiper: check the position"
        in sentence
        for sentence in result.sentences
    )


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("exercise", "knee_deg"),
    [("side_lying_ankle_lift", -35.0), ("ninety_ninety_lift", -35.0), ("ninety_ninety_lift", 45.0)],
)
def test_a_knee_that_gravity_does_not_show_is_told_from_the_way_there(
    new_leg, start_poses, exercise, knee_deg, side
):
    *hip, knee = start_poses[exercise][1]
    leg = new_leg(exercise, side, pose=(*hip, knee + knee_deg)).calibration()
    off = re.search(r"the knee is bent (\d+)° more or less than", refused(leg))
    assert off is not None
    assert float(off[1]) == pytest.approx(abs(knee_deg), abs=5.0)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("knee_deg", [-15.0, 15.0])
@pytest.mark.parametrize("exercise", ["side_lying_ankle_lift", "ninety_ninety_lift"])
def test_a_knee_a_little_off_the_start_position_is_measured_all_the_same(
    new_leg, start_poses, exercise, knee_deg, side
):
    *hip, knee = start_poses[exercise][1]
    passed(new_leg(exercise, side, pose=(*hip, knee + knee_deg)).calibration())


def test_a_knee_axis_along_the_shank_is_refused(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT)
    leg.still(3.0, "stand").go(3.0, leg.pose).still(3.0, "pose")
    begun = leg.now_s
    for _ in range(5):  # the whole leg rolls out: a shank that turns about its own length
        leg.go(1.4, leg.turned(-35.0, knee=-88.0)).go(1.4, leg.turned(0.0, knee=-88.0))
    leg.named["bends"] = (begun + 1.4, leg.now_s)
    assert "keep the thigh still and bend only the knee" in refused(leg)


def test_who_stands_aslant_is_told_to_stand_straighter(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT)
    leg.go(0.1, (0.0, 24.0, 0.0, 0.0), 0.0).still(3.0, "stand")
    leg.go(3.0, leg.pose).still(3.0, "pose").bends().still(2.0)
    assert "from being across the shank: stand straighter" in refused(leg)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    "exercise", ["seated_internal_rotation", "prone_windshield_wiper", "seated_leg_extension_twist"]
)
def test_without_a_stand_the_angle_has_a_larger_sigma_and_a_sentence(ideal_leg, exercise, side):
    leg = ideal_leg(exercise, side)
    with_stand, result = passed(leg), calibrated(leg, stand=None)
    without = result.calibration
    assert without is not None
    assert without.sigma_axes_rad > with_stand.sigma_axes_rad
    assert result.sentences == (
        "no standing pose found: the shank's long axis is taken from the start pose and the"
        " uncertainty is wider",
    )
    assert off_deg(without.y_shank, leg.shank.mounting, [0, 1, 0]) < 0.5
    assert off_deg(without.z_shank, leg.shank.mounting, [0, 0, 1]) < 0.5
    assert wrapped_deg(math.degrees(without.zero_rad) - ZERO_DEG[exercise]) == pytest.approx(
        0.0, abs=0.5
    )


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("exercise", ["ninety_ninety_lift", "side_lying_ankle_lift"])
def test_without_a_stand_ninety_ninety_and_side_lying_refuse_and_ask_for_one(
    ideal_leg, exercise, side
):
    leg = ideal_leg(exercise, side)
    assert refused(leg, stand=None) == (
        f"no standing pose found: {load(exercise).name} needs one, because its start pose does not"
        " show the leg's long axes: stand still for 3 s, feet forward"
    )


@pytest.mark.parametrize("side", SIDES)
def test_without_a_stand_an_upright_thighs_axis_is_gravitys(ideal_leg, side):
    leg = ideal_leg("supine_rotation_test", side)
    found = passed(leg, stand=None)
    assert found.y_thigh is not None
    assert off_deg(found.y_thigh, leg.thigh.mounting, [0, 1, 0]) < 0.5


# The knee's sign, and a shank unit alone


@pytest.mark.parametrize("side", list(Side))
def test_an_upright_thigh_shows_the_knees_sign_when_the_first_bend_goes_the_other_way(
    new_leg, side
):
    exercise = "supine_rotation_test"
    leg = new_leg(exercise, side, 21)
    leg.still(3.0, "stand").go(3.0, leg.pose).still(3.0, "pose").bends(size_deg=-50.0).still(2.0)
    usual = passed(new_leg(exercise, side, 21).calibration())
    assert passed(leg).z_shank == pytest.approx(usual.z_shank, abs=1e-3)


@pytest.mark.parametrize("exercise", ["side_lying_ankle_lift", "ninety_ninety_lift"])
def test_where_the_other_leg_would_look_alike_the_wrong_way_is_refused(new_leg, exercise):
    leg = new_leg(exercise, Side.RIGHT, 22)
    leg.still(3.0, "stand").go(3.0, leg.pose).still(3.0, "pose").bends(size_deg=-50.0).still(2.0)
    assert "wrong way" in refused(leg)


@pytest.mark.parametrize("exercise", EIGHT)
def test_a_shank_unit_alone_reads_the_inclinometers_angle(new_leg, exercise):
    leg = new_leg(exercise, Side.LEFT, 23).calibration()
    leg.go(1.5, leg.turned(20.0)).still(2.0)
    worn = leg.frames()
    alone = replace(worn, q_thigh=np.tile([1.0, 0.0, 0.0, 0.0], (len(worn.time_s), 1)))
    alone = replace(alone, thigh_worn=False)
    result = calibrate(alone, leg.windows, load(exercise), leg.side)
    assert result.calibration is not None, result.sentences
    assert result.calibration.y_thigh is None
    after = alone.rows(alone.time_s > result.calibration.ready_s)
    series = angles_of_recording(result.calibration, load(exercise), RATE_HZ, after)
    assert math.degrees(float(np.mean(series.rotation[-30:]))) == pytest.approx(20.0, abs=1.0)
    both = calibrate(worn, leg.windows, load(exercise), leg.side).calibration
    assert both is not None
    sure = angles_of_recording(
        both, load(exercise), RATE_HZ, worn.rows(after.time_s[0] <= worn.time_s)
    )
    assert np.mean(series.sigma[-30:]) >= np.mean(sure.sigma[-30:])
    assert np.isnan(series.knee_flexion).all()


@pytest.mark.parametrize("segment", ["thigh", "shank"])
def test_a_unit_that_sent_nothing_is_named_and_no_pose_is_missed(new_leg, segment):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 3).calibration()
    frames = leg.frames()
    getattr(frames, f"q_{segment}")[:] = np.nan
    result = calibrate(frames, leg.windows, load(leg.exercise), leg.side)
    assert result.calibration is None
    assert result.sentences == (
        f"the {segment} unit sent nothing: check that it is charged, switched on and in reach",
    )


@pytest.mark.parametrize("segment", ["thigh", "shank"])
def test_a_heading_that_runs_away_is_not_said_to_be_a_leg_that_moved(new_leg, segment):
    leg = new_leg("seated_internal_rotation", Side.RIGHT, 61).calibration()
    frames = leg.frames()
    about = np.radians(4.0) * frames.time_s / 2.0
    away = np.stack((np.cos(about), 0.0 * about, 0.0 * about, np.sin(about)), axis=1)
    q = by_rows(multiply, away, getattr(frames, f"q_{segment}"))
    result = calibrate(
        replace(frames, **{f"q_{segment}": q}), leg.windows, load(leg.exercise), leg.side
    )
    assert result.calibration is None
    assert f"the heading of the {segment} unit ran away" in " ".join(result.sentences)
    assert "the leg moved" not in " ".join(result.sentences)
