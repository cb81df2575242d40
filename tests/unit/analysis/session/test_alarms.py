"""A strap that slips is said, also where headings drift apart; drift alone is not."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from analysis import exercises
from analysis.angle.leg_angles import UNKNOWN
from analysis.count.in_place import Posture
from analysis.session import analyse as sessions
from analysis.session.alarms import LOOKS_HZ, NO_SHIFT, AlarmWatch, without_shift
from imu.quaternion import FLOATS
from imu.virtual.wearer import wear

FOLLOWS = 0.73
"""How much of the femur's turn the thigh's skin follows."""
REP_S, RISE_S, HOLD_S = 6.0, 1.0, 2.0
PEAK_DEG = 25.0


def hip_at(t):
    """Return the hip's rotation (deg) and speed (deg/s): up, held, down, and at rest."""
    since = t % REP_S
    if since < RISE_S:
        return PEAK_DEG * since / RISE_S, PEAK_DEG / RISE_S
    if since < RISE_S + HOLD_S:
        return PEAK_DEG, 0.0
    if since < 2 * RISE_S + HOLD_S:
        return PEAK_DEG * (2 * RISE_S + HOLD_S - since) / RISE_S, PEAK_DEG / RISE_S
    return 0.0, 0.0


def watched(exercise, reps, drift_dps=0.0, slip_deg=0.0, slips_s=math.inf, thigh_slip_deg=0.0):
    """Return the watch of a leg whose straps slip, what it said, and how each look was off, deg.

    The last is a pair for each: how far the angle was off, and 1 σ of what slips made of it.
    """
    calibration = SimpleNamespace(start_rotation_rad=0.0, across_rad=0.0, zeroed_s=0.0)
    watch = AlarmWatch(calibration, exercises.load(exercise), 60.0)
    said, looks = [], []
    for look in range(round(reps * REP_S * LOOKS_HZ)):
        t = look / LOOKS_HZ
        hip, speed = hip_at(t)
        angles = UNKNOWN._replace(
            rotation=math.radians(hip + slip_deg * (t > slips_s)),
            thigh_rotation=math.radians(
                FOLLOWS * hip + drift_dps * t + thigh_slip_deg * (t > slips_s)
            ),
            speed=math.radians(speed),
        )
        before = watch.shift
        angles = without_shift(angles, before.zero, FLOATS)
        alarm = watch.push(t, angles, Posture.START, (True, True))
        said += [alarm.kind] if alarm else []
        held = watch.shift if watch.shift.zero == before.zero else before
        looks.append((math.degrees(angles.rotation) - hip, math.degrees(held.sigma)))
    return watch, said, looks


def alarms(*args):
    """Return what is said while the thigh's reading drifts and the shank's strap slips."""
    return watched(*args)[1]


@pytest.mark.parametrize("exercise", ["standing_banded_rotation", "supine_rotation_test"])
@pytest.mark.parametrize("slip_deg", [12.0, -12.0, 18.0])
@pytest.mark.parametrize("rep", [1, 3, 8])
@pytest.mark.parametrize("drift_dps", [0.0, 0.15, -0.15])
def test_a_slip_is_said_while_headings_drift_apart(exercise, slip_deg, rep, drift_dps):
    slips_s = rep * REP_S - 1.0  # at rest
    assert alarms(exercise, rep + 3, drift_dps) == []
    assert "slip" in alarms(exercise, rep + 3, drift_dps, slip_deg, slips_s)


@pytest.mark.parametrize("drift_dps", [0.0, 0.2, -0.2])
def test_headings_that_drift_apart_are_no_slip(drift_dps):
    assert alarms("standing_banded_rotation", 20, drift_dps) == []


@pytest.mark.parametrize("drift_dps", [0.2, -0.2])
def test_headings_that_have_drifted_half_a_turn_apart_are_no_slip(drift_dps):
    assert alarms("standing_banded_rotation", 160, drift_dps) == []


def test_by_gravity_a_slip_is_said_before_the_skins_share_is_known():
    assert "slip" in alarms("prone_windshield_wiper", 2, 0.0, 11.0, 0.0)


@pytest.mark.parametrize("slips_s", [18.5, 19.5, 21.5, 23.0], ids=["up", "held", "down", "rest"])
@pytest.mark.parametrize("slip_deg", [25.0, -25.0, 15.0])
def test_after_a_slip_the_zero_is_renewed_whenever_it_came(slip_deg, slips_s):
    watch, said, looks = watched("prone_windshield_wiper", 8, 0.0, slip_deg, slips_s)
    assert said == ["slip", "renewed"]
    assert math.degrees(watch.shift.zero) == pytest.approx(slip_deg, abs=1.5)
    assert not watch.shift.is_open
    alarmed = [(off, sigma) for off, sigma in looks if sigma]
    assert all(abs(off) <= 2.0 * sigma for off, sigma in alarmed)


@pytest.mark.parametrize("slips_s", [18.5, 19.5, 21.5, 23.0], ids=["up", "held", "down", "rest"])
@pytest.mark.parametrize("slip_deg", [20.0, -20.0])
def test_the_strap_of_the_thigh_moves_no_zero(slip_deg, slips_s):
    watch, said, _ = watched("prone_windshield_wiper", 8, slips_s=slips_s, thigh_slip_deg=slip_deg)
    assert said == ["slip"]
    assert watch.shift == NO_SHIFT


@pytest.mark.parametrize(
    ("exercise", "side", "seed"),
    [
        ("warrior_half_moon", "right", 11),  # its leg rolls outwards
        ("straight_leg_raise_test", "left", 11),  # no roll is counted
        ("table_top_circles", "right", 12),  # a steep thigh hides its roll
    ],
)
def test_an_exercise_that_is_not_a_turn_inwards_raises_no_alarm(recording_of, exercise, side, seed):
    alarms = sessions.analyse(recording_of(wear(exercise, side, seed))).alarms
    assert [alarm.kind for leg in alarms.values() for alarm in leg] == []


@pytest.mark.parametrize(("where", "said"), [(Posture.START, ["heading"]), (Posture.THIGH, [])])
def test_headings_are_compared_in_the_start_position_only(where, said):
    # who sits up from lying prone has the front of the thigh up, and its hinge shows another root
    calibration = SimpleNamespace(start_rotation_rad=0.0, across_rad=0.0, zeroed_s=0.0)
    watch = AlarmWatch(calibration, exercises.load("prone_windshield_wiper"), 60.0)
    angles = UNKNOWN._replace(
        rotation=0.0, thigh_rotation=0.0, speed=0.0, hinge_residual=math.radians(40.0)
    )
    looks = [look / LOOKS_HZ for look in range(20)]
    found = [watch.push(t, angles, where, (True, True)) for t in looks]
    assert [alarm.kind for alarm in found if alarm] == said


@pytest.mark.parametrize(
    ("known", "first_s"), [((True, True), 4.4), ((True, False), 1.4)], ids=["away", "a hole"]
)
def test_who_comes_back_lets_the_headings_find_together_before_they_are_compared(known, first_s):
    calibration = SimpleNamespace(start_rotation_rad=0.0, across_rad=0.0, zeroed_s=0.0)
    watch = AlarmWatch(calibration, exercises.load("prone_windshield_wiper"), 60.0)
    apart = UNKNOWN._replace(
        rotation=0.0, thigh_rotation=0.0, speed=0.0, hinge_residual=math.radians(40.0)
    )
    said = []
    for look in range(60):
        there = look > 10
        where = Posture.START if there else Posture.AWAY
        alarm = watch.push(look / LOOKS_HZ, apart, where, (True, True) if there else known)
        said += [(look / LOOKS_HZ, alarm.kind)] if alarm else []
    assert [kind for _, kind in said] == ["heading"]
    assert said[0][0] == pytest.approx(first_s, abs=0.15)
