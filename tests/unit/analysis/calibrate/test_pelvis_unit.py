"""The pelvis's share: counted apart with a unit on it, never guessed where it cannot be told."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from analysis.angle.leg_angles import angles_of_recording
from analysis.calibrate.calibration import LegCalibration, calibrate
from analysis.calibrate.find_steps import find_windows
from analysis.exercises import load
from analysis.session.analyse import analyse
from imu.sample import Side
from imu.virtual.wearer import WearerSettings, wear

RATE_HZ = 60.0
SIDES = tuple(Side)
LYING = ("prone_windshield_wiper", "prone_rotation_test", "side_lying_ankle_lift")
UPRIGHT = ("seated_internal_rotation", "seated_leg_extension_twist", "ninety_ninety_lift")
HEADING = ("standing_banded_rotation", "supine_rotation_test")


def strapped(new_leg, exercise, side, seed=0, *, lean=True):
    """Return a leg with a unit on the pelvis; upright wearers bow on their way to the pose."""
    leg = new_leg(exercise, side, seed)
    rng = np.random.default_rng(seed)
    leg.pelvis = type(leg.thigh)(
        mounting=Rotation.from_quat(rng.normal(size=4)), heading_deg=rng.uniform(0, 360)
    )
    leg.calibration()
    if lean:
        leg.lean_deg = lambda t: 25.0 * np.exp(-(((t - 4.5) / 0.6) ** 2))
    return leg


def found(leg):
    result = calibrate(leg.frames(), leg.windows, load(leg.exercise), leg.side)
    assert result.calibration is not None, result.sentences
    return result.calibration, result.sentences


def rolled_at_the_end(leg, roll_deg):
    """Roll pelvis and leg about the thigh after the calibration; keep it."""
    start_s = leg.now_s
    leg.still(4.0)
    leg.roll_deg = lambda t: leg.side.sign * roll_deg * np.clip((t - start_s) / 0.5, 0.0, 1.0)


def shares_deg(leg, calibration):
    """Return hip rotation and pelvis's share over the last half second, in the mean."""
    frames = leg.frames()
    after = frames.rows(frames.time_s > calibration.ready_s)
    series = angles_of_recording(calibration, load(leg.exercise), RATE_HZ, after)
    return tuple(
        math.degrees(float(np.mean(getattr(series, name)[-30:])))
        for name in ("rotation", "pelvis_rotation")
    )


@pytest.mark.parametrize("exercise", [*LYING, *UPRIGHT, *HEADING])
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("roll_deg", [8.0, -8.0])
def test_a_pelvis_that_rolls_with_the_leg_is_told_as_its_share(new_leg, exercise, side, roll_deg):
    leg = strapped(new_leg, exercise, side, 11)
    rolled_at_the_end(leg, roll_deg)
    rotation, share = shares_deg(leg, found(leg)[0])
    assert rotation == pytest.approx(roll_deg, abs=0.5)
    assert share == pytest.approx(roll_deg, abs=0.5)


@pytest.mark.parametrize("exercise", [*LYING, *UPRIGHT, *HEADING])
def test_a_leg_that_turns_alone_leaves_the_pelvis_nothing(new_leg, exercise):
    leg = strapped(new_leg, exercise, Side.LEFT, 12)
    calibration, _ = found(leg.go(1.5, leg.turned(20.0)).still(2.0))
    rotation, share = shares_deg(leg, calibration)
    assert rotation == pytest.approx(20.0, abs=0.7)
    assert share == pytest.approx(0.0, abs=0.2)


@pytest.mark.parametrize("exercise", UPRIGHT)
def test_without_a_bow_an_upright_pelvis_is_not_told_and_the_remedy_is_said(new_leg, exercise):
    leg = strapped(new_leg, exercise, Side.RIGHT, 13, lean=False)
    rolled_at_the_end(leg, 8.0)
    calibration, sentences = found(leg)
    assert calibration.pelvis_unit is None
    assert any("bow" in sentence for sentence in sentences)
    assert math.isnan(shares_deg(leg, calibration)[1])


@pytest.mark.parametrize("exercise", UPRIGHT)
@pytest.mark.parametrize("side", SIDES)
def test_a_bow_on_legs_that_stand_still_is_found_without_marks(new_leg, exercise, side):
    leg = strapped(new_leg, exercise, side, 15, lean=False)
    leg.steps[0] = (9.0, *leg.steps[0][1:])  # the first step is the stand
    leg.now_s += 6.0
    leg.lean_deg = lambda t: 40.0 * np.exp(-(((t - 6.0) / 0.6) ** 2))
    rolled_at_the_end(leg, 8.0)
    frames, entry = leg.frames(), load(exercise)
    windows = find_windows(frames, entry, side)
    assert windows.stand is not None
    assert windows.stand[1] < 6.0
    calibration = calibrate(frames, windows, entry, side).calibration
    assert calibration is not None
    assert calibration.pelvis_unit is not None
    assert shares_deg(leg, calibration)[1] == pytest.approx(8.0, abs=0.5)


def test_without_a_stand_the_share_is_not_told_but_the_angle_is(new_leg):
    leg = strapped(new_leg, "prone_windshield_wiper", Side.RIGHT, 14)
    del leg.named["stand"]
    calibration, _ = found(leg)
    assert calibration.pelvis_unit is None


def test_a_silent_pelvis_unit_costs_its_share_only(new_leg):
    leg = strapped(new_leg, "prone_windshield_wiper", Side.RIGHT, 15)
    frames = leg.frames()
    frames.q_pelvis[:] = np.nan
    result = calibrate(frames, leg.windows, load(leg.exercise), leg.side)
    assert result.calibration is not None
    assert result.calibration.pelvis_unit is None
    assert any("pelvis unit sent nothing" in sentence for sentence in result.sentences)


def test_json_gives_back_the_pelvis_unit(new_leg):
    calibration, _ = found(strapped(new_leg, "prone_windshield_wiper", Side.RIGHT, 17))
    text = json.dumps(calibration.to_json(), allow_nan=False)
    assert LegCalibration.from_json(json.loads(text)) == calibration


def test_a_calibration_stored_before_pelvis_units_still_opens(new_leg):
    calibration, _ = found(strapped(new_leg, "prone_windshield_wiper", Side.RIGHT, 18))
    stored = calibration.to_json()
    del stored["pelvis_unit"], stored["z_thigh"]
    opened = LegCalibration.from_json(stored)
    assert opened.pelvis_unit is None
    assert opened.z_thigh is None


@pytest.mark.parametrize(
    "exercise", ["prone_windshield_wiper", "seated_internal_rotation", "side_lying_ankle_lift"]
)
def test_a_wearer_who_helps_with_the_pelvis_is_told_so_and_the_hip_is_not_credited(
    recording_of, exercise
):
    wearing = wear(
        exercise, "right", 51, WearerSettings(reps=4, pelvis_unit=True, pelvis_roll_deg=8.0)
    )
    result = analyse(recording_of(wearing))
    reps = result.reps[result.reps["status"] == "valid"]
    assert len(reps) == 4
    assert reps["pelvis_change_deg"].to_numpy() == pytest.approx(np.full(4, 8.0), abs=1.5)
    assert all("pelvis" in faults for faults in reps["faults"])
    in_set = [time_s for time_s, label in wearing.marks if label.startswith("set")]
    rows = result.angles[result.angles["time_s"].between(*in_set)]
    hip_deg = rows["hip_internal_rotation_deg"] - rows["pelvis_rotation_deg"]
    truth = wearing.truth
    own_deg = truth.at(
        truth.angle_deg[Side.RIGHT] - truth.pelvis_turn_deg[Side.RIGHT], rows["time_s"]
    )
    error = hip_deg.to_numpy(float) - own_deg
    assert np.sqrt(np.nanmean(error**2)) < 1.5
