"""The common heading of thigh and shank through the knee."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from analysis.angle.hinge_heading import (
    FORGETTING_S,
    KNEE_FORGETTING_S,
    HingeHeading,
    HingeRule,
)
from imu.quaternion import ARRAYS, FLOATS, xyz

RATE_HZ = 60.0
DELTA_RAD = math.radians(70.0)
SQUARE = math.radians(90.0)


def rule(front_sign=1, delta_rad=0.0, weight_s=2.0, knee_rad=SQUARE):
    return HingeRule(
        front_sign=front_sign,
        delta_rad=delta_rad,
        weight_s=weight_s,
        knee_flexion_rad=knee_rad,
        rate_hz=RATE_HZ,
    )


def axes(femur, knee_deg, delta_rad=DELTA_RAD):
    """Return y of the femur, and z and y of the shank as its unit sees them from its own north."""
    shank = femur * Rotation.from_euler("z", -knee_deg, degrees=True)
    north = Rotation.from_euler("z", -delta_rad)
    y = femur.apply([0.0, 1.0, 0.0])
    return y, (north * shank).apply([0.0, 0.0, 1.0]), (north * shank).apply([0.0, 1.0, 0.0])


def femur_with(front_deg, slope_deg=0.0):
    """Return a femur whose front is turned this far from up about its length, the knee higher."""
    level = Rotation.from_matrix(np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]]))
    tilt = Rotation.from_euler("y", -slope_deg, degrees=True)
    return tilt * level * Rotation.from_euler("y", front_deg, degrees=True)


def push_still(heading, seconds, y, z, shank_y):
    for _ in range(round(seconds * RATE_HZ)):
        delta_rad, _, _ = heading.push(tuple(y), tuple(z), tuple(shank_y))
    return delta_rad


def off_rad(a, b):
    return abs(math.remainder(a - b, 2 * math.pi))


def test_the_femur_of_these_tests_is_level_with_its_front_up():
    x, y, _ = femur_with(0.0).as_matrix().T
    assert x == pytest.approx([0.0, 0.0, 1.0])
    assert y[2] == pytest.approx(0.0)
    assert femur_with(0.0, 20.0).as_matrix()[2, 1] == pytest.approx(-math.sin(math.radians(20.0)))


@pytest.mark.parametrize("slope_deg", [-20.0, 0.0, 20.0])
@pytest.mark.parametrize("turned_deg", [-30.0, 0.0, 40.0])
@pytest.mark.parametrize("front_sign", [1, -1])
def test_the_heading_converges_from_a_wrong_one_through_a_level_hinge(
    front_sign, turned_deg, slope_deg
):
    femur = femur_with(turned_deg if front_sign > 0 else 180.0 + turned_deg, slope_deg)
    heading = HingeHeading(rule(front_sign, delta_rad=DELTA_RAD - 1.0), FLOATS)
    seen = axes(femur, 90.0)
    assert off_rad(push_still(heading, FORGETTING_S / 10, *seen), DELTA_RAD) > 0.5
    assert off_rad(push_still(heading, 8 * FORGETTING_S, *seen), DELTA_RAD) < 0.005


@pytest.mark.parametrize("knee_deg", [20.0, 80.0, 90.0])
@pytest.mark.parametrize("slope_deg", [-20.0, 0.0, 20.0])
@pytest.mark.parametrize("turned_deg", [60.0, 90.0, 120.0, -90.0])
def test_with_the_hinge_vertical_the_knees_bend_gives_the_heading(turned_deg, slope_deg, knee_deg):
    seen = axes(femur_with(turned_deg, slope_deg), knee_deg)
    heading = HingeHeading(rule(0, DELTA_RAD - 1.0, knee_rad=math.radians(knee_deg)), FLOATS)
    assert off_rad(push_still(heading, 8 * KNEE_FORGETTING_S, *seen), DELTA_RAD) < 0.005


@pytest.mark.parametrize("slope_deg", [0.0, 5.0])
def test_a_level_hinge_rule_is_frozen_while_the_hinge_is_vertical(slope_deg):
    heading = HingeHeading(rule(1, delta_rad=0.3), FLOATS)
    seen = axes(femur_with(90.0, slope_deg), 90.0)
    assert push_still(heading, 30.0, *seen) == 0.3


@pytest.mark.parametrize("knee_deg", [0.0, 90.0])
def test_an_upright_thigh_freezes_the_heading(knee_deg):
    seen = axes(Rotation.from_euler("x", 90.0, degrees=True), knee_deg)
    assert seen[0] == pytest.approx([0.0, 0.0, 1.0])
    for front_sign in (0, 1):
        heading = HingeHeading(rule(front_sign, delta_rad=0.3), FLOATS)
        assert push_still(heading, 30.0, *seen) == 0.3


def test_a_bend_of_the_knee_is_forgotten_within_its_time_constant():
    femur = femur_with(90.0)
    heading = HingeHeading(rule(0, DELTA_RAD, weight_s=KNEE_FORGETTING_S), FLOATS)
    bent = axes(femur, 70.0)
    moved = off_rad(push_still(heading, 1.0, *bent), DELTA_RAD)
    assert math.radians(1.0) < moved < math.radians(8.0)
    assert off_rad(push_still(heading, 40.0, *axes(femur, 90.0)), DELTA_RAD) < 0.002


def test_a_steady_drift_is_followed_with_the_lag_of_the_time_constant():
    heading = HingeHeading(rule(1, 0.0), FLOATS)
    drift = math.radians(0.1)  # a second: two units that drift 3° a minute apart
    for step in range(round(20 * RATE_HZ)):
        true = drift * step / RATE_HZ
        delta_rad, _, _ = heading.push(*map(tuple, axes(femur_with(0.0), 90.0, true)))
    assert true - delta_rad == pytest.approx(drift * FORGETTING_S, rel=0.05)


def test_a_recording_without_a_usable_frame_keeps_the_calibrated_heading():
    nothing = xyz(np.full((5, 3), np.nan))
    delta, residual, known = HingeHeading(rule(1, 0.7), ARRAYS).push(nothing, nothing, nothing)
    assert delta.tolist() == [0.7] * 5
    assert np.isnan(residual).all()
    assert np.isnan(known).all()


def test_after_a_restart_the_first_frames_give_the_heading_and_how_well_it_is_known():
    heading, there = HingeHeading(rule(1, 0.0), FLOATS), axes(femur_with(0.0), 90.0, 2.0)
    known = [heading.push(*map(tuple, axes(femur_with(0.0), 90.0, 0.0)))[2]]
    heading.restart()
    for _ in range(round(3 * RATE_HZ)):
        delta_rad, _, now = heading.push(*map(tuple, there))
        known.append(now)
        assert delta_rad == pytest.approx(2.0, abs=1e-9)
    assert known[0] > 0.9
    assert known[1] < 0.02
    assert known[1:] == sorted(known[1:])
    assert known[-1] == pytest.approx(1.0 - math.exp(-3.0 / FORGETTING_S), abs=0.01)
