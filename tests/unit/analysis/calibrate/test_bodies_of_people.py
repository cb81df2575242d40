"""Bodies that are not the book's: stands that lean, and hips that turn as a knee bends."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from analysis.calibrate.calibration import calibrate
from analysis.exercises import load
from analysis.leg import Windows
from analysis.session.recording import leg_units
from imu.quaternion import by_rows, conjugate, multiply
from imu.sample import Segment, Side
from imu.virtual.wearer import WearerSettings, wear

SIDES = tuple(Side)


def calibrated(leg, **changed):
    frames = replace(leg.frames(), **changed)
    return calibrate(frames, leg.windows, load(leg.exercise), leg.side)


def shank_alone(leg):
    """Return the result of a leg that wears no unit on its thigh."""
    nothing = np.tile([1.0, 0.0, 0.0, 0.0], (len(leg.time_s()), 1))
    return calibrated(leg, q_thigh=nothing, thigh_worn=False)


def leaning(new_leg, exercise, lean_deg, side=Side.RIGHT):
    """Return a leg whose stand has the hip bent and the knee straight, so that all of it leans."""
    leg = new_leg(exercise, side, 3)
    leg.go(0.5, (lean_deg, 0.0, 0.0, 0.0), 0.0).still(3.0, "stand")
    return leg.go(3.0, leg.pose).still(3.0, "pose").bends(5).still(2.0)


@pytest.mark.parametrize("exercise", ["supine_rotation_test", "standing_banded_rotation"])
def test_a_stand_that_leans_mirrors_no_heading_of_an_upright_thigh(recording_of, exercise):
    wearing = wear(exercise, "right", 9300, WearerSettings(stand_sd_deg=7.0))
    recording = recording_of(wearing)
    frames = recording.leg(next(iter(leg_units(recording.units))))
    marks = {label: moment_s for moment_s, label in wearing.marks}
    windows = {
        "stand": (marks["stand_start"], marks["stand_end"]),
        "pose": (marks["pose_start"], marks["pose_end"]),
        "bends": (marks["knee_start"], marks["knee_end"]),
    }
    result = calibrate(frames, Windows(**windows), load(exercise), Side.RIGHT)
    assert result.calibration is not None, result.sentences
    row = int(np.searchsorted(frames.time_s, marks["pose_end"])) - 5
    true = int(np.searchsorted(wearing.truth.time_s, frames.time_s[row]))
    norths = []
    for segment, q in ((Segment.THIGH, frames.q_thigh), (Segment.SHANK, frames.q_shank)):
        trace = next(t for t in wearing.traces if t.segment is segment)
        off = by_rows(multiply, trace.q_earth_sensor_true[true], by_rows(conjugate, q[row]))
        norths.append(2.0 * math.atan2(off[3], off[0]))
    off_rad = math.remainder(
        result.calibration.heading_rad - (norths[1] - norths[0]), 2.0 * math.pi
    )
    assert abs(math.degrees(off_rad)) < 45.0


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("lean_deg", [-8.0, 8.0])
def test_a_level_thigh_takes_half_of_what_a_stand_leans_off_its_elevation(new_leg, side, lean_deg):
    found = calibrated(leaning(new_leg, "seated_internal_rotation", lean_deg, side)).calibration
    assert found is not None
    off_deg = abs(math.degrees(found.thigh_elevation_rad))
    assert 2.0 < off_deg < 6.0
    assert off_deg < math.degrees(found.sigma_thigh_elevation_rad)


def test_poses_leave_the_knee_less_sure_than_the_thigh_is_alone_and_both_surer_than_the_stand(
    new_leg,
):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT).calibration()
    found = calibrated(leg).calibration
    assert 3.0 < math.degrees(found.sigma_thigh_elevation_rad) < 7.0
    assert 3.0 < math.degrees(found.sigma_knee_flexion_rad) < math.hypot(7.0, 10.0)


@pytest.mark.parametrize("lean_deg", [-8.0, 8.0])
def test_weighing_the_poses_moves_the_rotation_by_less_than_its_uncertainty(new_leg, lean_deg):
    leg = leaning(new_leg, "seated_internal_rotation", lean_deg)
    found = calibrated(leg).calibration
    assert abs(found.start_rotation_rad) < found.sigma_axes_rad


def test_an_absolute_angle_carries_what_a_knee_axis_is_off_on_people(new_leg):
    sigma_deg = {
        exercise: math.degrees(
            calibrated(new_leg(exercise, Side.LEFT).calibration()).calibration.sigma_axes_rad
        )
        for exercise in ("prone_rotation_test", "side_lying_ankle_lift")
    }
    assert sigma_deg["prone_rotation_test"] == pytest.approx(2.0, abs=0.1)
    assert sigma_deg["side_lying_ankle_lift"] < 0.5


@pytest.mark.parametrize("still_s", [0.6, 1.4])
def test_units_that_saw_no_still_second_drift_faster(new_leg, still_s):
    leg = new_leg("standing_banded_rotation", Side.RIGHT)
    leg.still(still_s, "stand").go(3.0, leg.pose).still(still_s, "pose").bends(5).still(2.0)
    found = calibrated(leg).calibration
    assert math.degrees(found.sigma_drift_rad_s) == pytest.approx(0.5 if still_s < 1.0 else 0.1)


@pytest.mark.parametrize("turned_deg", [30.0, -35.0])
def test_a_shank_alone_does_not_take_hip_rotations_for_knee_bends(new_leg, turned_deg):
    leg = new_leg("seated_internal_rotation", Side.RIGHT)
    leg.still(3.0, "stand").go(3.0, leg.pose).still(3.0, "pose")
    leg.bends(5, size_deg=0.0, rotation=turned_deg).still(2.0)
    result = shank_alone(leg)
    assert result.calibration is None
    assert "as in a rotation of the hip" in " ".join(result.sentences)


@pytest.mark.parametrize("exercise", ["seated_internal_rotation", "side_lying_ankle_lift"])
def test_a_shank_alone_that_the_knee_swings_is_calibrated(new_leg, exercise):
    leg = new_leg(exercise, Side.RIGHT).calibration()
    result = shank_alone(leg)
    assert result.calibration is not None, result.sentences
