"""The search for stand, start pose and bends in recordings that carry no marks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analysis.calibrate.calibration import LegFrames, Windows, calibrate
from analysis.calibrate.find_steps import find_windows
from analysis.exercises import load
from imu.quaternion import by_rows, multiply
from imu.sample import Side

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


def found_in(leg, frames=None):
    return find_windows(frames or leg.frames(), load(leg.exercise), leg.side)


def assert_near(found, true, slack_s=0.5):
    assert found is not None
    assert found == pytest.approx(true, abs=slack_s)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("exercise", EIGHT)
def test_stand_pose_and_bends_are_found_in_a_clean_script(new_leg, exercise, side):
    leg = new_leg(exercise, side, 51).calibration().reps(4, 20.0)
    found = found_in(leg)
    assert_near(found.stand, leg.windows.stand)
    assert_near(found.pose, leg.windows.pose)
    assert_near(found.bends, leg.windows.bends)


@pytest.mark.parametrize("exercise", EIGHT)
def test_what_is_found_calibrates_as_the_marks_do(new_leg, exercise):
    leg = new_leg(exercise, Side.LEFT, 52).calibration().reps(2, 20.0)
    frames, entry = leg.frames(), load(exercise)
    marked = calibrate(frames, leg.windows, entry, leg.side).calibration
    found = calibrate(frames, found_in(leg), entry, leg.side).calibration
    assert found is not None
    assert np.dot(found.z_shank, marked.z_shank) > np.cos(np.radians(0.5))
    assert np.dot(found.y_shank, marked.y_shank) > np.cos(np.radians(0.5))
    assert found.zero_rad == pytest.approx(marked.zero_rad, abs=0.005)


@pytest.mark.parametrize("rest_s", [0.5, 2.0, 3.5])
@pytest.mark.parametrize("exercise", ["prone_windshield_wiper", "side_lying_ankle_lift"])
def test_bends_with_rests_between_are_one_row(new_leg, exercise, rest_s):
    leg = new_leg(exercise, Side.RIGHT, 53).calibration(rest_s=rest_s)
    found = found_in(leg)
    begin, end = leg.windows.bends
    assert_near(found.bends, (begin, end - rest_s))
    assert_near(found.pose, leg.windows.pose)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("exercise", EIGHT)
def test_repetitions_are_not_taken_for_bends(new_leg, exercise, side):
    leg = new_leg(exercise, side, 54, thigh={"skin_share": 0.5})
    leg.still(3.0, "stand").go(3.0, leg.pose).still(3.0).reps(8, 30.0).still(3.0)
    assert found_in(leg).bends is None


@pytest.mark.parametrize("exercise", ["prone_windshield_wiper", "ninety_ninety_lift"])
def test_bends_are_found_even_after_repetitions(new_leg, exercise):
    leg = new_leg(exercise, Side.RIGHT, 55)
    leg.still(3.0, "stand").go(3.0, leg.pose).still(2.0).reps(3, 25.0)
    leg.still(3.0, "pose").bends().still(2.0)
    found = found_in(leg)
    assert_near(found.bends, leg.windows.bends)
    assert_near(found.pose, (leg.windows.pose[0], leg.windows.pose[1]), slack_s=1.0)


def test_two_bends_are_no_row_of_bends(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 56).calibration(bends=2)
    assert found_in(leg).bends is None


def test_bends_with_a_moving_thigh_are_none(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 57)
    leg.still(3.0).go(3.0, leg.pose).still(3.0).bends(5, flexion=35.0).still(2.0)
    assert found_in(leg).bends is None


def test_what_did_not_happen_is_none(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 58)
    moving = replace(leg, steps=[], named={})
    moving.go(3.0, moving.pose)
    assert found_in(moving) == Windows()
    only_stand = replace(leg, steps=[], named={}, now_s=0.0).still(4.0)
    found = found_in(only_stand)
    assert found.stand is None
    assert found.bends is None
    no_stand = replace(leg, steps=[], named={}, now_s=0.0)
    no_stand.go(1.0, no_stand.pose).still(3.0, "pose").bends().still(2.0)
    found = found_in(no_stand)
    assert found.stand is None
    assert_near(found.pose, no_stand.windows.pose)
    assert_near(found.bends, no_stand.windows.bends)


def test_an_empty_recording_shows_nothing(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 59)
    empty = LegFrames(np.empty(0), np.empty((0, 4)), np.empty((0, 4)))
    assert found_in(leg, empty) == Windows()
    gone = LegFrames(np.arange(600) / 60, np.full((600, 4), np.nan), np.full((600, 4), np.nan))
    assert found_in(leg, gone) == Windows()


@pytest.mark.parametrize("exercise", ["prone_windshield_wiper", "seated_internal_rotation"])
def test_a_wearer_who_walks_about_first_is_ignored(new_leg, exercise):
    leg = new_leg(exercise, Side.RIGHT, 60)
    for _ in range(6):  # steps: hip and knee swing together
        leg.go(0.5, (30.0, 0.0, 0.0, 60.0), 0.0).go(0.5, (-15.0, 3.0, 5.0, 5.0), 0.0)
    leg.go(0.5, (0.0, 0.0, 0.0, 0.0), 0.0).still(1.0)
    for _ in range(3):  # crouches to pick things up
        leg.go(1.0, (80.0, 0.0, 0.0, 90.0), 0.0).go(1.0, (0.0, 0.0, 0.0, 0.0), 0.0)
    leg.still(4.0, "stand").go(3.0, leg.pose).still(3.0, "pose").bends().still(2.0)
    found = found_in(leg)
    assert_near(found.stand, leg.windows.stand)
    assert_near(found.pose, leg.windows.pose)
    assert_near(found.bends, leg.windows.bends)


def test_a_seat_taken_before_is_no_stand(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 61)
    leg.still(3.0, "stand").go(2.0, (90.0, 0.0, 0.0, 90.0), 0.0).still(5.0)
    leg.go(3.0, leg.pose).still(3.0, "pose").bends().still(2.0)
    found = found_in(leg)
    assert_near(found.stand, leg.windows.stand)
    assert_near(found.pose, leg.windows.pose)


def test_of_two_stands_the_later_counts(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 62)
    leg.still(3.0).go(1.0, (40.0, 0.0, 0.0, 40.0), 0.0).go(1.0, (0.0, 0.0, 0.0, 0.0), 0.0)
    leg.still(3.0, "stand").go(3.0, leg.pose).still(3.0, "pose").bends().still(2.0)
    assert_near(found_in(leg).stand, leg.windows.stand)


def test_gaps_do_not_hide_the_steps(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 63).calibration()
    frames = leg.frames()
    rng = np.random.default_rng(1)
    for begin in rng.integers(0, len(frames.time_s), 25):
        frames.q_thigh[begin : begin + 5] = np.nan
    for begin in rng.integers(0, len(frames.time_s), 25):
        frames.q_shank[begin : begin + 5] = np.nan
    found = found_in(leg, frames)
    assert_near(found.stand, leg.windows.stand)
    assert_near(found.pose, leg.windows.pose)
    assert_near(found.bends, leg.windows.bends)


def test_a_silence_of_seconds_does_not_join_two_still_periods(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 65)
    leg.still(3.0, "stand").go(3.0, leg.pose).still(3.0).reps(2, 25.0)
    leg.still(3.0, "pose").bends().still(2.0)
    frames = leg.frames()
    unheard = (frames.time_s > 7.0) & (frames.time_s < leg.windows.pose[0] + 0.5)
    frames.q_shank[unheard] = np.nan
    assert_near(found_in(leg, frames).pose, leg.windows.pose, slack_s=0.6)


@pytest.mark.parametrize("exercise", EIGHT)
def test_bends_of_swapped_units_are_found_so_that_calibration_can_say_so(new_leg, exercise):
    leg = new_leg(exercise, Side.RIGHT, 64).calibration()
    frames = leg.frames()
    swapped = LegFrames(frames.time_s, frames.q_shank, frames.q_thigh)
    found = found_in(leg, swapped)
    assert_near(found.bends, leg.windows.bends)
    result = calibrate(swapped, found, load(exercise), leg.side)
    assert result.calibration is None
    assert "are swapped" in " ".join(result.sentences)


def test_a_slow_way_from_the_stand_to_a_start_pose_near_it_is_in_neither(new_leg):
    leg = new_leg("standing_banded_rotation", Side.RIGHT, 57)
    leg.still(4.0, "stand").go(4.0, leg.pose).still(4.0, "pose").bends(way=1.0).still(2.0)
    found = found_in(leg)
    assert found.stand is not None
    assert found.pose is not None
    assert found.stand[1] < 6.0 < found.pose[0]


def test_who_turned_round_before_the_bends_has_no_start_pose_by_heading(new_leg):
    leg = new_leg("standing_banded_rotation", Side.RIGHT, 58)
    frames = leg.calibration().frames()
    begin_s = leg.windows.bends[0]
    away = np.radians(17.0) * np.clip((frames.time_s - begin_s + 1.2) / 0.9, 0.0, 1.0)
    turn = np.stack((np.cos(away / 2), 0 * away, 0 * away, np.sin(away / 2)), axis=1)
    turned = (by_rows(multiply, turn, q) for q in (frames.q_thigh, frames.q_shank))
    found = found_in(leg, LegFrames(frames.time_s, *turned))
    assert found.bends is not None
    assert found.pose is None
