"""The common heading through the knee, and the zero of angles that drift."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from analysis.first_heading import heading_from_pose
from analysis.heading import (
    FORGETTING_S,
    KNEE_FORGETTING_S,
    HingeHeading,
    HingeRule,
    ReturnZero,
    hinge_heading,
)

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
        heading.push(tuple(y), tuple(z), tuple(shank_y))
    return heading.delta_rad


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
    heading = HingeHeading(rule(front_sign, delta_rad=DELTA_RAD - 1.0))
    seen = axes(femur, 90.0)
    assert off_rad(push_still(heading, FORGETTING_S / 10, *seen), DELTA_RAD) > 0.5
    assert off_rad(push_still(heading, 8 * FORGETTING_S, *seen), DELTA_RAD) < 0.005


@pytest.mark.parametrize("knee_deg", [20.0, 80.0, 90.0])
@pytest.mark.parametrize("slope_deg", [-20.0, 0.0, 20.0])
@pytest.mark.parametrize("turned_deg", [60.0, 90.0, 120.0, -90.0])
def test_with_the_hinge_vertical_the_knees_bend_gives_the_heading(turned_deg, slope_deg, knee_deg):
    seen = axes(femur_with(turned_deg, slope_deg), knee_deg)
    heading = HingeHeading(rule(0, DELTA_RAD - 1.0, knee_rad=math.radians(knee_deg)))
    assert off_rad(push_still(heading, 8 * KNEE_FORGETTING_S, *seen), DELTA_RAD) < 0.005


@pytest.mark.parametrize("slope_deg", [0.0, 5.0])
def test_a_level_hinge_rule_is_frozen_while_the_hinge_is_vertical(slope_deg):
    heading = HingeHeading(rule(1, delta_rad=0.3))
    seen = axes(femur_with(90.0, slope_deg), 90.0)
    assert push_still(heading, 30.0, *seen) == 0.3
    assert heading.consistency == 1.0


@pytest.mark.parametrize("knee_deg", [0.0, 90.0])
def test_an_upright_thigh_freezes_the_heading(knee_deg):
    seen = axes(Rotation.from_euler("x", 90.0, degrees=True), knee_deg)
    assert seen[0] == pytest.approx([0.0, 0.0, 1.0])
    for front_sign in (0, 1):
        heading = HingeHeading(rule(front_sign, delta_rad=0.3))
        assert push_still(heading, 30.0, *seen) == 0.3


def test_a_bend_of_the_knee_is_forgotten_within_its_time_constant():
    femur = femur_with(90.0)
    heading = HingeHeading(rule(0, DELTA_RAD, weight_s=KNEE_FORGETTING_S))
    bent = axes(femur, 70.0)
    moved = off_rad(push_still(heading, 1.0, *bent), DELTA_RAD)
    assert math.radians(1.0) < moved < math.radians(8.0)
    assert off_rad(push_still(heading, 40.0, *axes(femur, 90.0)), DELTA_RAD) < 0.002


def test_consistency_is_one_while_headings_agree_and_drops_when_they_do_not():
    heading = HingeHeading(rule(1, DELTA_RAD))
    agreeing = axes(femur_with(10.0), 90.0)
    push_still(heading, 10.0, *agreeing)
    assert heading.consistency == pytest.approx(1.0, abs=1e-6)
    for step in range(600):
        away = 1.4 if step % 2 else -1.4
        heading.push(*map(tuple, axes(femur_with(10.0), 90.0, DELTA_RAD + away)))
    assert heading.consistency < 0.4


def test_a_steady_drift_is_followed_with_the_lag_of_the_time_constant():
    heading = HingeHeading(rule(1, 0.0))
    drift = math.radians(0.1)  # a second: two units that drift 3° a minute apart
    for step in range(round(20 * RATE_HZ)):
        true = drift * step / RATE_HZ
        heading.push(*map(tuple, axes(femur_with(0.0), 90.0, true)))
    assert true - heading.delta_rad == pytest.approx(drift * FORGETTING_S, rel=0.05)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    front_sign=st.sampled_from([-1, 0, 1]),
    delta=st.floats(-3.0, 3.0),
    knee=st.floats(0.0, 2.0),
)
def test_a_recording_gives_the_heading_that_one_frame_at_a_time_gives(
    seed, front_sign, delta, knee
):
    rng = np.random.default_rng(seed)
    given_rule = rule(front_sign, delta, weight_s=rng.uniform(0.1, 4.0), knee_rad=knee)
    vectors = rng.normal(size=(3, 200, 3))
    y, z, shank_y = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    gaps = rng.random(200) < 0.2
    y[gaps] = z[gaps] = shank_y[gaps] = np.nan
    whole, residual = hinge_heading(given_rule, y, z, shank_y)
    live = HingeHeading(given_rule)
    for i in range(200):
        if not gaps[i]:
            live.push(tuple(y[i].tolist()), tuple(z[i].tolist()), tuple(shank_y[i].tolist()))
        assert off_rad(whole[i], live.delta_rad) < 1e-12
        seen = math.nan if gaps[i] else live.residual_rad
        assert residual[i] == pytest.approx(seen, abs=1e-9, nan_ok=True)


def test_a_recording_without_a_usable_frame_keeps_the_calibrated_heading():
    nothing = np.full((5, 3), np.nan)
    delta, residual = hinge_heading(rule(1, 0.7), nothing, nothing, nothing)
    assert delta.tolist() == [0.7] * 5
    assert np.isnan(residual).all()


@pytest.mark.parametrize("knee_deg", [8.0, 90.0])
@pytest.mark.parametrize("front_deg", [0.0, 90.0, 180.0])
def test_the_start_pose_and_the_bends_give_the_heading(front_deg, knee_deg):
    femur = femur_with(front_deg, 10.0)
    pose = tuple(np.tile(axis, (60, 1)) for axis in axes(femur, knee_deg))
    bends = [axes(femur, angle) for angle in np.linspace(20.0, 90.0, 90)]
    delta, weight_s = heading_from_pose(
        pose,
        [(np.array([b[0] for b in bends]), np.array([b[1] for b in bends]))],
        math.radians(knee_deg),
        math.cos(math.radians(front_deg)),
    )
    assert off_rad(delta, DELTA_RAD) < math.radians(0.5)
    assert 0.0 < weight_s <= FORGETTING_S


def test_a_level_hinge_is_trusted_more_than_a_vertical_one():
    weights = []
    for front_deg in (0.0, 90.0):
        still = tuple(np.tile(axis, (60, 1)) for axis in axes(femur_with(front_deg), 90.0))
        weights.append(
            heading_from_pose(still, [still[:2]], SQUARE, math.cos(math.radians(front_deg)))[1]
        )
    assert weights[0] > 5 * weights[1]


# The zero of angles that rest on heading

STILL = 0.0
MOVING = math.radians(30.0)


def run(zero, seconds, angle_rad, speed, from_s, **how):
    """Push an angle, given as a number or a function of time; return the readings."""
    times = from_s + np.arange(1, round(seconds * RATE_HZ) + 1) / RATE_HZ
    angle_at = angle_rad if callable(angle_rad) else lambda _: angle_rad
    return times[-1], [zero.push(t, angle_at(t), speed, **how) for t in times.tolist()]


def test_a_still_return_renews_the_zero_and_keeps_how_far_it_had_drifted():
    zero = ReturnZero(0.5, 0.0)
    drifted = 0.5 + math.radians(3.0)
    now, readings = run(zero, 3.0, drifted, STILL, 0.0)
    assert readings[0] == pytest.approx(math.radians(3.0), abs=math.radians(0.2))
    assert readings[-1] == pytest.approx(0.0, abs=1e-6)
    assert zero.offset_rad == pytest.approx(drifted, abs=1e-6)
    assert now - zero.since_s < 1.0


def test_a_renewed_zero_does_not_shoot_past_the_angle():
    zero = ReturnZero(0.0, 0.0)
    _, readings = run(zero, 4.0, math.radians(4.5), STILL, 0.0)
    assert min(readings) > -math.radians(0.05)


def test_the_residual_of_a_return_is_told():
    zero = ReturnZero(0.0, 0.0)
    run(zero, 0.5, math.radians(2.0), STILL, 0.0)
    assert math.degrees(zero.residual_rad) == pytest.approx(2.0, abs=0.2)


@pytest.mark.parametrize("peak_deg", [6.0, 15.0, 70.0, -30.0])
def test_a_held_peak_does_not_become_the_zero(peak_deg):
    zero = ReturnZero(0.0, 0.0)
    now, _ = run(zero, 2.0, 0.0, STILL, 0.0)
    returned_s = zero.since_s
    now, _ = run(zero, 1.0, math.radians(peak_deg), MOVING, now)
    now, readings = run(zero, 10.0, math.radians(peak_deg), STILL, now)
    assert math.degrees(readings[-1]) == pytest.approx(peak_deg, abs=1e-6)
    assert zero.since_s == returned_s


def test_who_left_the_start_pose_may_face_another_way_and_gets_a_new_zero():
    zero = ReturnZero(0.0, 0.0)
    now, _ = run(zero, 2.0, 0.0, STILL, 0.0)
    now, _ = run(zero, 0.15, math.radians(30.0), MOVING, now, in_pose=False)
    assert not zero.is_lost  # a knock is no step
    now, _ = run(zero, 0.5, math.radians(30.0), MOVING, now, in_pose=False)
    assert zero.is_lost
    now, _ = run(zero, 3.0, math.radians(40.0), STILL, now, in_pose=False)
    assert zero.is_lost
    now, _ = run(zero, 0.7, math.radians(40.0), STILL, now)
    assert zero.is_lost
    now, readings = run(zero, 0.3, math.radians(40.0), STILL, now)
    assert not zero.is_lost
    assert math.degrees(readings[-1]) == pytest.approx(0.0, abs=1e-6)
    assert zero.since_s == pytest.approx(now - 0.2, abs=0.1)


def test_no_hip_turns_by_more_than_75_degrees_so_its_wearer_did():
    zero = ReturnZero(0.0, 0.0)
    now, _ = run(zero, 2.0, 0.0, STILL, 0.0)
    now, _ = run(zero, 1.0, math.radians(74.0), MOVING, now)
    assert not zero.is_lost
    now, _ = run(zero, 1.0, math.radians(-160.0), MOVING, now)
    assert zero.is_lost
    _, readings = run(zero, 1.0, math.radians(-160.0), STILL, now)
    assert not zero.is_lost
    assert math.degrees(readings[-1]) == pytest.approx(0.0, abs=1e-6)


def test_a_unit_that_does_not_know_its_bias_yet_is_followed_from_the_first_return_on():
    drift_rad_s = math.radians(0.45)
    zero = ReturnZero(0.0, 0.0)
    now = 14.0  # the knee bends took so long
    for still_s in (3.0, 1.0, 1.0, 1.0):
        now, _ = run(zero, 4.0, math.radians(40.0), MOVING, now)
        for _ in range(round(still_s * RATE_HZ)):
            now, readings = run(zero, 1 / RATE_HZ, drift_rad_s * now, STILL, now)
    assert abs(math.degrees(readings[-1])) < 1.0


@pytest.mark.parametrize("wait_s", [5.0, 20.0, 60.0])
def test_a_leg_that_is_far_from_the_zero_is_not_back_however_long_it_took(wait_s):
    zero = ReturnZero(0.0, 0.0)
    _, readings = run(zero, 2.0, math.radians(20.0), STILL, wait_s)
    assert math.degrees(readings[-1]) == pytest.approx(20.0, abs=1e-6)


def test_passing_the_zero_in_motion_does_not_renew_it():
    zero = ReturnZero(0.0, 0.0)
    _, readings = run(zero, 5.0, math.radians(2.0), MOVING, 0.0)
    assert readings[-1] == math.radians(2.0)
    assert zero.since_s == 0.0


def test_the_slow_beginning_of_a_movement_is_not_taken_for_drift():
    zero = ReturnZero(0.0, 0.0)
    now, _ = run(zero, 3.0, 0.0, STILL, 0.0)

    def creeping(t):
        return math.radians(2.0) * (t - now)  # slower than what counts as moving

    began = now
    for _ in range(60):
        began, _ = run(zero, 1 / RATE_HZ, creeping, math.radians(2.0), began)
    _, readings = run(zero, 0.5, math.radians(30.0), MOVING, began)
    assert math.degrees(readings[-1]) > 28.0


@pytest.mark.parametrize("stroke_s", [5.0, 8.0, 10.0])
def test_strokes_that_are_never_faster_than_what_counts_as_still_are_not_taken_for_drift(stroke_s):
    zero = ReturnZero(0.0, 0.0)
    now, _ = run(zero, 3.0, 0.0, STILL, 0.0)
    period_s = 2 * stroke_s + 1.5

    def set_at(t):  # minimum jerk to 18° and back, and a rest
        since = (t - 3.0) % period_s
        u = min(since / stroke_s, max(0.0, 2.0 - since / stroke_s))
        return math.radians(18.0) * u**3 * (10.0 - 15.0 * u + 6.0 * u * u)

    off = []
    for _ in range(round(5 * period_s * RATE_HZ)):
        dt = 1 / RATE_HZ
        speed = abs(set_at(now + dt) - set_at(now)) / dt
        now, (reading,) = run(zero, dt, set_at, speed, now)
        off.append(abs(reading - set_at(now)))
    assert math.degrees(max(off)) < 1.5


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_reading_never_jumps_by_more_than_the_pace_of_the_zero(seed):
    rng = np.random.default_rng(seed)
    zero = ReturnZero(rng.uniform(-3, 3), 0.0)
    angle, now, before = zero.offset_rad, 0.0, zero.offset_rad
    for _ in range(400):
        dt = float(rng.choice([1 / 60, 1 / 30, 0.5], p=[0.8, 0.15, 0.05]))  # and gaps
        now += dt
        angle += float(rng.normal(0.0, 0.01))
        reading = zero.push(now, angle, float(rng.choice([STILL, MOVING], p=[0.9, 0.1])))
        stepped = zero.offset_rad - before
        assert abs(stepped) <= ReturnZero.PACE_RAD_S * min(dt, 0.1) + 1e-12
        expected = math.remainder(angle - zero.offset_rad, 2 * math.pi)
        assert off_rad(reading, expected) < 1e-9
        before = zero.offset_rad


def test_a_zero_near_half_a_turn_wraps():
    zero = ReturnZero(math.pi - 0.01, 0.0)
    _, readings = run(zero, 2.0, -math.pi + 0.02, STILL, 0.0)
    assert readings[0] == pytest.approx(0.03, abs=0.005)
    assert readings[-1] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("hole_s", [0.09, 0.5])
def test_a_zero_on_its_way_does_not_leap_over_a_hole(hole_s):
    zero, time_s = ReturnZero(0.0, 0.0), 0.0
    while zero.target_rad == 0.0:
        time_s += 1 / 60
        zero.push(time_s, math.radians(2.0), STILL)
    before = zero.offset_rad
    zero.push(time_s + hole_s, math.radians(2.0), STILL)
    assert 0.0 < zero.offset_rad - before <= math.radians(0.2) + 1e-12
