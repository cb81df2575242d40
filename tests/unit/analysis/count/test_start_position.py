"""Whether the wearer is in the start position: its thresholds."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from analysis.angle.leg_angles import UNKNOWN, LegAngles, angles_of_recording
from analysis.calibrate.calibration import calibrate
from analysis.count.start_position import Posture, posture
from analysis.exercises import load
from imu.quaternion import ARRAYS, FLOATS
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


def test_the_start_pose_itself_is_the_start_position(calibration, at_start):
    assert posture(at_start, calibration, EXERCISE, FLOATS) is Posture.START


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
        assert posture(moved, calibration, EXERCISE, FLOATS) is expected


def test_tolerances_are_the_exercises_own(calibration, at_start):
    lifted = at_start._replace(
        thigh_elevation=at_start.thigh_elevation + math.radians(30.0),
        knee_flexion=at_start.knee_flexion + math.radians(28.0),
    )
    wide = replace(
        EXERCISE,
        pose=replace(EXERCISE.pose, thigh_tolerance_deg=31.0, knee_tolerance_deg=29.0),
    )
    assert posture(lifted, calibration, EXERCISE, FLOATS) is Posture.AWAY
    assert posture(lifted, calibration, wide, FLOATS) is Posture.START


@pytest.mark.parametrize(
    ("tilt_deg", "expected"), [(44.0, Posture.THIGH), (46.0, Posture.START), (-46.0, Posture.START)]
)
def test_the_knee_decides_only_while_gravity_shows_it(calibration, at_start, tilt_deg, expected):
    bent = at_start._replace(
        knee_flexion=at_start.knee_flexion + math.radians(40.0),
        hinge_up=math.sin(math.radians(tilt_deg)),
    )
    assert posture(bent, calibration, EXERCISE, FLOATS) is expected


def test_a_knee_on_the_other_side_of_half_a_turn_is_near(calibration, at_start):
    near_pi = replace(calibration, knee_flexion_rad=math.pi - 0.01)
    over = at_start._replace(knee_flexion=-math.pi + 0.01)
    assert posture(over, near_pi, EXERCISE, FLOATS) is Posture.START


def test_what_is_unknown_is_away(calibration):
    assert posture(UNKNOWN, calibration, EXERCISE, FLOATS) is Posture.AWAY
    no_thigh = replace(calibration, y_thigh=None)
    assert posture(UNKNOWN, no_thigh, EXERCISE, FLOATS) is Posture.AWAY


def test_without_a_thigh_axis_the_shank_alone_decides(calibration, at_start):
    no_thigh = replace(calibration, y_thigh=None)
    shank_only = at_start._replace(thigh_elevation=math.nan, knee_flexion=math.nan)
    assert posture(shank_only, no_thigh, EXERCISE, FLOATS) is Posture.START
    sunk = shank_only._replace(shank_elevation=at_start.shank_elevation - math.radians(26.0))
    assert posture(sunk, no_thigh, EXERCISE, FLOATS) is Posture.THIGH


@pytest.mark.parametrize("side", list(Side))
def test_a_wearer_is_away_standing_and_at_the_start_in_the_start_position(new_leg, side):
    leg = new_leg("prone_windshield_wiper", side, 42).calibration()
    leg.reps(2, 30.0)
    frames = leg.frames()
    found = calibrate(frames, leg.windows, EXERCISE, side).calibration
    where = posture(angles_of_recording(found, EXERCISE, 60.0, frames), found, EXERCISE, ARRAYS)

    def seen(begin, end):
        return set(where[(frames.time_s >= begin) & (frames.time_s <= end)].tolist())

    assert seen(*leg.windows.stand) == {Posture.AWAY}
    assert seen(*leg.windows.pose) == {Posture.START}
    # a knee that bends by more than 50° is in no repetition
    assert seen(*leg.windows.bends) == {Posture.AWAY, Posture.THIGH, Posture.START}
