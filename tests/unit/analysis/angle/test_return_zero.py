"""The zero of angles that rest on heading: renewed at still returns, lost by who walks about."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.angle.return_zero import ReturnZero

RATE_HZ = 60.0
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
        assert abs(math.remainder(reading - expected, 2 * math.pi)) < 1e-9
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
