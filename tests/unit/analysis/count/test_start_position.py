"""Whether the wearer is in the start position: thresholds, and live equal to batch."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.angle.leg_angles import UNKNOWN, LegAngles
from analysis.angle.leg_series import LegSeries, fuse_leg
from analysis.calibrate.calibration import calibrate
from analysis.count.start_position import Posture, posture, postures
from analysis.exercises import load
from imu.sample import Side

EXERCISE = load("prone_windshield_wiper")


@pytest.fixture(scope="module")
def calibration(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 41).calibration()
    return calibrate(leg.frames(), leg.windows, EXERCISE, leg.side).calibration


@pytest.fixture(scope="module")
def at_start(calibration):
    """Return the angles of a leg exactly in its start position."""
    return LegAngles(
        rotation=0.0,
        sigma=0.01,
        flexion=0.0,
        adduction=0.0,
        knee_flexion=calibration.knee_flexion_rad,
        thigh_elevation=calibration.thigh_elevation_rad,
        shank_elevation=calibration.shank_elevation_rad,
        hinge_up=0.0,
        speed=0.0,
        thigh_rotation=0.0,
        pelvis_rotation=0.0,
        across=0.0,
        hinge_residual=0.0,
        lost=0.0,
    )


def series_of(rows):
    return LegSeries(*np.array(rows).T)


def test_the_start_pose_itself_is_the_start_position(calibration, at_start):
    assert posture(at_start, calibration, EXERCISE) is Posture.START


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(
    ("name", "limit_deg", "beyond"),
    [
        ("thigh_elevation", EXERCISE.pose.thigh_tolerance_deg, Posture.AWAY),
        ("shank_elevation", 25.0, Posture.THIGH),
        ("knee_flexion", EXERCISE.pose.knee_tolerance_deg, Posture.THIGH),
    ],
)
def test_each_angle_counts_up_to_its_tolerance_and_no_further(
    calibration, at_start, name, limit_deg, beyond, sign
):
    for off_deg, expected in ((limit_deg - 0.1, Posture.START), (limit_deg + 0.1, beyond)):
        value = getattr(at_start, name) + sign * math.radians(off_deg)
        moved = at_start._replace(**{name: value})
        assert posture(moved, calibration, EXERCISE) is expected
        assert postures(series_of([moved]), calibration, EXERCISE).tolist() == [expected]


def test_tolerances_are_the_exercises_own(calibration, at_start):
    lifted = at_start._replace(
        thigh_elevation=at_start.thigh_elevation + math.radians(30.0),
        knee_flexion=at_start.knee_flexion + math.radians(28.0),
    )
    wide = replace(
        EXERCISE,
        pose=replace(EXERCISE.pose, thigh_tolerance_deg=31.0, knee_tolerance_deg=29.0),
    )
    assert posture(lifted, calibration, EXERCISE) is Posture.AWAY
    assert posture(lifted, calibration, wide) is Posture.START


@pytest.mark.parametrize(
    ("tilt_deg", "expected"), [(44.0, Posture.THIGH), (46.0, Posture.START), (-46.0, Posture.START)]
)
def test_the_knee_decides_only_while_gravity_shows_it(calibration, at_start, tilt_deg, expected):
    bent = at_start._replace(
        knee_flexion=at_start.knee_flexion + math.radians(40.0),
        hinge_up=math.sin(math.radians(tilt_deg)),
    )
    assert posture(bent, calibration, EXERCISE) is expected


def test_a_knee_on_the_other_side_of_half_a_turn_is_near(calibration, at_start):
    near_pi = replace(calibration, knee_flexion_rad=math.pi - 0.01)
    over = at_start._replace(knee_flexion=-math.pi + 0.01)
    assert posture(over, near_pi, EXERCISE) is Posture.START
    assert postures(series_of([over]), near_pi, EXERCISE).tolist() == [Posture.START]


def test_what_is_unknown_is_away(calibration):
    assert posture(UNKNOWN, calibration, EXERCISE) is Posture.AWAY
    assert postures(series_of([UNKNOWN]), calibration, EXERCISE).tolist() == [Posture.AWAY]
    no_thigh = replace(calibration, y_thigh=None)
    assert posture(UNKNOWN, no_thigh, EXERCISE) is Posture.AWAY
    assert postures(series_of([UNKNOWN]), no_thigh, EXERCISE).tolist() == [Posture.AWAY]


def test_without_a_thigh_axis_the_shank_alone_decides(calibration, at_start):
    no_thigh = replace(calibration, y_thigh=None)
    shank_only = at_start._replace(thigh_elevation=math.nan, knee_flexion=math.nan)
    assert posture(shank_only, no_thigh, EXERCISE) is Posture.START
    sunk = shank_only._replace(shank_elevation=at_start.shank_elevation - math.radians(26.0))
    assert posture(sunk, no_thigh, EXERCISE) is Posture.THIGH


angle = st.floats(-4.0, 4.0) | st.just(math.nan)


@settings(max_examples=200, deadline=None)
@given(values=st.tuples(*[angle] * 4), thigh_known=st.booleans())
def test_one_frame_at_a_time_says_what_a_whole_recording_says(
    calibration, at_start, values, thigh_known
):
    knee, thigh, shank, hinge = values
    angles = at_start._replace(
        knee_flexion=knee,
        thigh_elevation=thigh,
        shank_elevation=shank,
        hinge_up=max(-1.0, min(1.0, hinge)) if not math.isnan(hinge) else hinge,
    )
    known = calibration if thigh_known else replace(calibration, y_thigh=None)
    batch = postures(series_of([angles, at_start]), known, EXERCISE)
    assert batch[0] == posture(angles, known, EXERCISE)
    assert batch[1] == Posture.START


@pytest.mark.parametrize("side", list(Side))
def test_a_wearer_is_away_standing_and_at_the_start_in_the_start_position(new_leg, side):
    leg = new_leg("prone_windshield_wiper", side, 42).calibration()
    leg.reps(2, 30.0)
    frames = leg.frames()
    found = calibrate(frames, leg.windows, EXERCISE, side).calibration
    where = postures(fuse_leg(found, EXERCISE, 60.0, frames), found, EXERCISE)

    def seen(begin, end):
        return set(where[(frames.time_s >= begin) & (frames.time_s <= end)].tolist())

    assert seen(*leg.windows.stand) == {Posture.AWAY}
    assert seen(*leg.windows.pose) == {Posture.START}
    # a knee that bends by more than 50° is in no repetition
    assert seen(*leg.windows.bends) == {Posture.AWAY, Posture.THIGH, Posture.START}
