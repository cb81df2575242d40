"""Axes from a file: how the units sit is given, zero and start position come from the data."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from analysis.calibrate.calibration import Windows, calibrate
from analysis.calibrate.given_axes import GivenAxes, axes_given_by, calibrate_given
from analysis.calibrate.guide import Step
from analysis.calibrate.guide_given import GivenGuide
from analysis.exercises import load
from analysis.session.recording import RecordedLeg, follow_legs
from analysis.session.stored import stored_calibrations
from imu.sample import Side

RATE_HZ = 60.0
SIDES = (Side.LEFT, Side.RIGHT)


def mounting(strap, sigma_deg=0.3):
    """Return what a calibration file says of a strap, w first."""
    return tuple(float(x) for x in np.roll(strap.mounting.as_quat(), 1))


def given_of(leg, sigma_deg=0.3):
    return GivenAxes(
        side=leg.side,
        q_thigh=mounting(leg.thigh),
        q_shank=mounting(leg.shank),
        sigma_rad=math.radians(sigma_deg),
    )


def angles_of(leg, calibration, exercise):
    frames = leg.frames()
    rows = np.zeros(len(frames.time_s), dtype=bool)
    legs = {leg.side: RecordedLeg(calibration, frames, [(calibration.ready_s, 1e9)])}
    return follow_legs(legs, exercise, RATE_HZ, rows)[leg.side]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    "name", ["seated_internal_rotation", "prone_windshield_wiper", "ninety_ninety_lift"]
)
def test_a_leg_is_measured_without_a_stand_and_without_bends(new_leg, name, side):
    leg = new_leg(name, side, 3)
    leg.go(0.5, leg.pose).still(3.0).reps(3, 30.0).still(1.0)
    exercise = load(name)
    result = calibrate_given(given_of(leg), leg.frames(), Windows(), exercise)
    assert result.calibration is not None, result.sentences
    record = angles_of(leg, result.calibration, exercise)
    rom = [m.movement.rom_deg for m in record.movements if m.movement.status == "valid"]
    assert len(rom) == 3
    assert rom == pytest.approx([30.0] * 3, abs=0.5)
    assert result.calibration.sigma_axes_rad == pytest.approx(math.radians(0.3))


def test_what_a_calibration_exports_is_how_the_units_were_strapped(new_leg):
    leg = new_leg("seated_internal_rotation", Side.RIGHT, 5).calibration()
    exercise = load("seated_internal_rotation")
    found = calibrate(leg.frames(), leg.windows, exercise, Side.RIGHT).calibration
    assert found is not None
    told = axes_given_by(found)
    for seen, strap in ((told.q_thigh, leg.thigh), (told.q_shank, leg.shank)):
        cosine = abs(float(np.dot(seen, mounting(strap))))
        assert math.degrees(2 * math.acos(min(1.0, cosine))) < 0.5
    assert told.sigma_rad == found.sigma_axes_rad


def test_a_recording_without_a_start_position_keeps_a_plumb_zero(new_leg):
    leg = new_leg("seated_internal_rotation", Side.RIGHT, 7)
    leg.go(0.5, leg.pose)
    for _ in range(8):  # never still
        leg.go(1.0, leg.turned(35.0, knee=-20.0)).go(1.0, leg.turned(-5.0))
    exercise = load("seated_internal_rotation")
    result = calibrate_given(given_of(leg), leg.frames(), Windows(), exercise)
    assert result.calibration is not None
    assert any("plumb" in sentence for sentence in result.sentences)
    record = angles_of(leg, result.calibration, exercise)
    moving = leg.time_s() > 1.0
    off = record.signal_deg[moving] - leg.inclinometer_deg()[moving]
    assert np.nanmax(np.abs(off)) < 0.5


def test_a_zero_from_the_start_position_needs_one(new_leg):
    leg = new_leg("ninety_ninety_lift", Side.RIGHT, 7)
    leg.go(0.5, leg.pose)
    for _ in range(8):
        leg.go(1.0, leg.turned(35.0)).go(1.0, leg.turned(0.0))
    result = calibrate_given(given_of(leg), leg.frames(), Windows(), load("ninety_ninety_lift"))
    assert result.calibration is None
    assert "hold it still for 3 s" in result.sentences[0]


def test_a_file_of_another_mounting_is_refused_by_gravity(new_leg):
    leg = new_leg("seated_internal_rotation", Side.RIGHT, 9)
    leg.named["pose"] = (0.6, 3.4)
    leg.go(0.5, leg.pose).still(3.0)
    given = given_of(leg)
    turned = replace(given, q_shank=given.q_thigh, q_thigh=given.q_shank)
    result = calibrate_given(turned, leg.frames(), leg.windows, load("seated_internal_rotation"))
    assert result.calibration is None
    assert "from the start position" in result.sentences[0]


def test_given_axes_survive_a_sessions_header(new_leg):
    given = given_of(new_leg("seated_internal_rotation", Side.LEFT, 1))
    (read,) = stored_calibrations({"left": {**given.to_json(), "colour": "red"}}).values()
    assert read.q_thigh == pytest.approx(given.q_thigh, abs=1e-15)
    assert read.sigma_rad == pytest.approx(given.sigma_rad)


def lead(guide, frames):
    """Push every frame until the guide is ready; return what it said."""
    said = []
    for t, thigh, shank in zip(frames.time_s, frames.q_thigh, frames.q_shank, strict=True):
        news = guide.push(float(t), tuple(thigh), tuple(shank))
        if news is not None:
            said.append(news)
    return said


@pytest.mark.parametrize("side", SIDES)
def test_live_the_start_position_and_one_bend_are_enough(new_leg, side):
    leg = new_leg("prone_windshield_wiper", side, 11)
    leg.go(0.5, leg.pose).still(3.5).bends(1).still(3.5)
    guide = GivenGuide(given_of(leg), load("prone_windshield_wiper"), RATE_HZ)
    said = lead(guide, leg.frames())
    assert [news.step for news in said] == [Step.BENDS, Step.READY]
    assert said[-1].result is not None
    assert said[-1].result.calibration is not None


def kept_from(leg, name, **changed):
    """Return the guide that keeps a wearer's own calibration."""
    found = calibrate(leg.frames(), leg.windows, load(name), leg.side).calibration
    assert found is not None
    return found, GivenGuide(axes_given_by(replace(found, **changed)), load(name), RATE_HZ)


def off_about_y(found, deg):
    """Return a knee axis (3,) that a strap's turn about the shank would have moved so far."""
    z, y = np.array(found.z_shank), np.array(found.y_shank)
    turned = math.cos(math.radians(deg)) * z + math.sin(math.radians(deg)) * np.cross(y, z)
    return tuple(float(part) for part in turned)


def set_again(new_leg, name, side, bends, **pose):
    """Return a wearer's calibration and what the same wearer does before the next set."""
    first = new_leg(name, side, 11, **pose).calibration()
    again = new_leg(name, side, 11, **pose)
    again.go(0.5, again.pose).still(3.5)
    for count in bends:
        again.bends(count).still(3.5)
    return first, again


@pytest.mark.parametrize("side", SIDES)
def test_a_kept_calibration_is_as_unsure_as_the_bend_says(new_leg, side):
    name = "seated_internal_rotation"
    first, again = set_again(new_leg, name, side, [1])
    found, guide = kept_from(first, name)
    said = lead(guide, again.frames())
    kept = said[-1].result.calibration
    assert [news.step for news in said] == [Step.BENDS, Step.READY]
    assert kept.kept_off_rad < math.radians(1.0)
    assert kept.z_shank == pytest.approx(found.z_shank, abs=1e-9)
    assert kept.sigma_relative_rad == pytest.approx(
        math.hypot(found.sigma_relative_rad, kept.kept_off_rad)
    )
    assert kept.sigma_knee_flexion_rad == found.sigma_knee_flexion_rad


def test_the_sigma_of_another_zero_comes_with_the_exercise_not_with_the_strap(new_leg):
    """Seated reads from the plumb line, the wiper from its start: what that costs is not kept."""
    first, again = set_again(new_leg, "ninety_ninety_lift", Side.RIGHT, [1])
    found, guide = kept_from(first, "ninety_ninety_lift")
    assert load("ninety_ninety_lift").zero != "absolute"
    lead(guide, again.frames())
    seated = new_leg("seated_internal_rotation", Side.RIGHT, 11)
    seated.go(0.5, seated.pose).still(3.5).bends(1).still(3.5)
    exercise = load("seated_internal_rotation")
    assert exercise.zero == "absolute"
    said = lead(GivenGuide(axes_given_by(found), exercise, RATE_HZ), seated.frames())
    kept = said[-1].result.calibration
    assert kept.sigma_axes_rad > math.radians(2.0) > kept.sigma_relative_rad


def test_a_knee_axis_a_few_degrees_off_is_found_anew_by_two_bends_more(new_leg):
    name = "prone_windshield_wiper"
    first, again = set_again(new_leg, name, Side.RIGHT, [1, 2])
    found, _ = kept_from(first, name)
    _, guide = kept_from(first, name, z_shank=off_about_y(found, 5.0))
    said = lead(guide, again.frames())
    assert [news.step for news in said] == [Step.BENDS, Step.BENDS, Step.READY]
    assert guide.bends_asked == 3
    kept = said[-1].result.calibration
    off = math.acos(min(1.0, float(np.dot(kept.z_shank, found.z_shank))))
    assert off < math.radians(1.0)
    assert kept.y_thigh == pytest.approx(found.y_thigh, abs=1e-9)
    assert kept.kept_off_rad == pytest.approx(math.radians(5.0), abs=math.radians(1.0))
    assert kept.sigma_relative_rad < math.radians(0.5)  # what was mended leaves nothing unsure


@pytest.mark.parametrize("deg", [10.0, 28.0])
def test_live_a_strap_that_moved_is_found_by_the_bend_and_all_is_calibrated_anew(new_leg, deg):
    name = "prone_windshield_wiper"
    first, again = set_again(new_leg, name, Side.RIGHT, [1])
    found, _ = kept_from(first, name)
    _, guide = kept_from(first, name, z_shank=off_about_y(found, deg))
    said = lead(guide, again.frames())
    assert said[-1].step is Step.STAND
    assert "a strap has moved" in said[-1].result.sentences[0]
    assert guide.bends_asked == 5
    whole = new_leg(name, Side.RIGHT, 11).calibration()
    later = whole.frames()
    said = lead(guide, replace(later, time_s=later.time_s + again.frames().time_s[-1] + 0.1))
    assert said[-1].step is Step.READY
    assert said[-1].result.calibration.kept_off_rad is None


def test_a_unit_that_turned_on_the_thigh_is_found_by_gravity(new_leg):
    name = "prone_windshield_wiper"
    first, again = set_again(new_leg, name, Side.RIGHT, [1])
    found, _ = kept_from(first, name)
    away = np.cross(found.up_thigh, (1.0, 0.0, 0.0))
    away /= np.linalg.norm(away)
    tilt = math.radians(18.0)
    up = tuple(math.cos(tilt) * np.array(found.up_thigh) + math.sin(tilt) * away)
    _, guide = kept_from(first, name, up_thigh=up)
    said = lead(guide, again.frames())
    assert said[0].step is Step.STAND
    assert "the thigh unit is 1" in said[0].result.sentences[0]


def test_live_a_squat_is_bent_standing_before_its_start_position(new_leg):
    exercise = load("squatting_internal_rotation")
    assert exercise.pose.bends_standing
    leg = new_leg(
        "seated_internal_rotation", Side.RIGHT, 2,
        pose=(
            exercise.pose.hip_flexion_deg, exercise.pose.hip_adduction_deg,
            exercise.pose.hip_rotation_deg, exercise.pose.knee_flexion_deg,
        ),
    )  # fmt: skip
    standing = (0.0, 0.0, 0.0, 0.0)
    leg.still(2.5).go(1.4, (0.0, 0.0, 0.0, 55.0)).go(1.4, standing).still(3.5)
    leg.go(1.5, leg.pose).still(3.5)
    guide = GivenGuide(given_of(leg), exercise, RATE_HZ)
    assert guide.step is Step.BENDS
    said = lead(guide, leg.frames())
    assert [news.step for news in said if news.result is None] == [Step.POSE]
    assert said[-1].step is Step.READY
