"""What cannot be the exercise, whatever it is: live equal to batch, and what it leaves alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from analysis.angle.leg_angles import UNKNOWN, LegAngles
from analysis.calibrate.calibration import calibrate
from analysis.count.in_place import InPlace, Posture, placed
from analysis.exercises import load
from imu.sample import Side

RATE_HZ = 60.0
AWAY = int(Posture.AWAY)
WIPER, STEP_UP = load("prone_windshield_wiper"), load("crossover_step_up")
STILL = LegAngles(
    rotation=0.0,
    sigma=0.01,
    flexion=0.0,
    adduction=0.0,
    knee_flexion=math.pi / 2,
    thigh_elevation=0.0,
    shank_elevation=math.pi / 2,
    hinge_up=0.0,
    speed=0.0,
    thigh_rotation=0.0,
    pelvis_rotation=math.nan,
    across=0.0,
    hinge_residual=0.0,
    lost=0.0,
)


@pytest.fixture(scope="module")
def calibration(new_leg):
    leg = new_leg("prone_windshield_wiper", Side.RIGHT, 41).calibration()
    return calibrate(leg.frames(), leg.windows, WIPER, leg.side).calibration


def seconds(count):
    return np.arange(round(count * RATE_HZ)) / RATE_HZ


def stroke(time_s, start_s, length_s=1.2):
    tau = np.clip((time_s - start_s) / length_s, 0.0, 1.0)
    return tau**3 * (10 - 15 * tau + 6 * tau**2)


def there_and_back(time_s, deg):
    """Return an angle (n,) in rad that goes out from 1 s and back from 3 s."""
    return math.radians(deg) * (stroke(time_s, 1.0) - stroke(time_s, 3.0))


def frames(time_s, **changes):
    """Return the angles of a leg that keeps still but for what changes, one frame each."""
    columns = {
        name: np.broadcast_to(
            np.asarray(changes.get(name, value), dtype=float), len(time_s)
        ).tolist()
        for name, value in STILL._asdict().items()
    }
    return [LegAngles(*row) for row in zip(*columns.values(), strict=True)]


def turning(*angles):
    """Return the speed (n,) of a unit that turns by all of some angles at once."""
    return sum(np.abs(np.gradient(angle) * RATE_HZ) for angle in angles)


def seen(calibration, exercise, rows):
    """Return what is foreign (n,), the same one frame at a time and over the recording."""
    anywhere = replace(exercise, foot_stays=False)
    time_s, where = np.arange(len(rows)) / RATE_HZ, np.full(len(rows), int(Posture.START))
    signal = np.array([angles.rotation for angles in rows])
    return postures_as_they_count(calibration, anywhere, time_s, rows, where, signal) == AWAY


def postures_as_they_count(calibration, exercise, time_s, rows, where, signal):
    """Return the postures (n,), the same one frame at a time and over the recording."""
    watch, live = InPlace(calibration, exercise, RATE_HZ), []
    for t, row, p, x in zip(time_s.tolist(), rows, where.tolist(), signal.tolist(), strict=True):
        if math.isnan(x):
            watch.interrupt()
        live.append(p if math.isnan(x) else int(watch.push(t, row, x, p)))
    recorded = InPlace(calibration, exercise, RATE_HZ, recorded=True)
    batch = placed(recorded, time_s, np.array(rows).T, signal, where, np.zeros(len(rows), bool))
    assert live == batch.tolist()
    return batch


def test_a_repetition_is_not_foreign_nor_one_with_the_faults_a_repetition_may_have(calibration):
    time_s = seconds(8.0)
    turn, lift, bend = (there_and_back(time_s, deg) for deg in (30.0, 12.0, -15.0))
    alone = frames(time_s, rotation=turn, speed=turning(turn))
    assert not seen(calibration, WIPER, alone).any()
    faulty = frames(
        time_s,
        rotation=turn,
        thigh_elevation=lift,
        knee_flexion=math.pi / 2 + bend,
        speed=turning(turn, lift, bend),
    )
    assert not seen(calibration, WIPER, faulty).any()


def walk(time_s):
    swing = math.radians(25.0) * np.sin(2 * np.pi * 0.9 * time_s)
    knee = math.radians(30.0) * (1.0 - np.cos(2 * np.pi * 0.9 * time_s))
    turn = math.radians(6.0) * np.sin(2 * np.pi * 0.9 * time_s + 1.0)
    return frames(
        time_s,
        rotation=turn,
        thigh_elevation=swing,
        knee_flexion=knee,
        speed=turning(turn, swing, knee),
    )


def test_a_leg_that_walks_turns_no_hip_from_the_second_step_on(calibration):
    time_s = seconds(10.0)
    assert seen(calibration, WIPER, walk(time_s))[time_s > 1.0].all()


def test_where_thigh_and_knee_are_meant_to_move_they_may(calibration):
    assert not seen(calibration, STEP_UP, walk(seconds(10.0))).any()


def test_a_zero_on_its_way_takes_an_angle_by_heading_along_and_is_not_foreign(calibration):
    time_s = seconds(4.0)
    rows = frames(time_s, rotation=np.minimum(0.0, np.radians(5.0) * (time_s - 1.0)), speed=0.0)
    assert not seen(calibration, load("supine_rotation_test"), rows).any()
    assert seen(calibration, WIPER, rows)[(time_s > 0.3) & (time_s < 1.0)].all()


def test_sitting_down_is_foreign_to_a_turning_hip(calibration):
    time_s = seconds(6.0)
    down = math.pi / 2 * stroke(time_s, 1.0, 2.0)
    rows = frames(time_s, thigh_elevation=down, knee_flexion=down, speed=turning(down))
    found = seen(calibration, WIPER, rows)
    assert found[(time_s > 2.0) & (time_s < 3.5)].all()
    assert not found[time_s < 1.2].any()
    assert not found[time_s > 5.5].any()


@pytest.mark.parametrize("exercise", [WIPER, STEP_UP])
@pytest.mark.parametrize(
    ("name", "near_deg", "far_deg"),
    [
        ("across", 34.0, 36.0),
        ("across", -34.0, -36.0),
        ("hinge_residual", 59.0, 61.0),
        ("hinge_residual", -59.0, -61.0),
        ("knee_flexion", -29.0, -31.0),
        ("knee_flexion", 164.0, 166.0),
    ],
)
def test_units_that_no_leg_holds_together_are_foreign_at_once(
    calibration, exercise, name, near_deg, far_deg
):
    square = replace(calibration, across_rad=0.0)
    time_s = seconds(0.2)
    for deg, expected in ((near_deg, False), (far_deg, True)):
        found = seen(square, exercise, frames(time_s, **{name: math.radians(deg)}))
        assert found.tolist() == [expected] * len(time_s)


def test_with_the_hinge_upright_the_knee_decides_nothing(calibration):
    rows = frames(seconds(0.2), hinge_up=0.9, knee_flexion=math.radians(-60.0))
    assert not seen(calibration, WIPER, rows).any()


def test_an_angle_that_moves_while_both_units_rest_is_no_repetition(calibration):
    time_s = seconds(8.0)
    settling = math.radians(12.0) * (1.0 - np.exp(-time_s / 2.0))
    assert seen(calibration, WIPER, frames(time_s, rotation=settling))[30:240].all()
    turned = frames(time_s, rotation=settling, speed=turning(settling))
    assert not seen(calibration, WIPER, turned).any()


@pytest.mark.parametrize("deg_per_min", [2.0, 12.0, 30.0])
def test_drift_is_not_foreign(calibration, deg_per_min):
    time_s = seconds(20.0)
    rows = frames(time_s, rotation=np.radians(deg_per_min / 60.0) * time_s)
    assert not seen(calibration, WIPER, rows).any()


def test_an_angle_that_is_unknown_is_not_foreign_and_what_follows_it_is_no_jump(calibration):
    time_s = seconds(4.0)
    rows = frames(time_s, rotation=np.where(time_s < 2.0, 0.0, math.radians(30.0)))
    rows[90:121] = [UNKNOWN] * 31
    assert not seen(calibration, WIPER, rows).any()


def test_a_shank_unit_alone_is_never_foreign_for_what_it_does_not_show(calibration):
    time_s = seconds(6.0)
    turn = there_and_back(time_s, 30.0)
    alone = dict.fromkeys(("knee_flexion", "thigh_elevation", "across"), math.nan)
    rows = frames(time_s, rotation=turn, speed=turning(turn), hinge_residual=math.nan, **alone)
    assert not seen(calibration, WIPER, rows).any()


@pytest.mark.parametrize("seed", range(5))
def test_live_and_recorded_agree_on_anything(calibration, seed):
    rng = np.random.default_rng(seed)
    time_s = seconds(20.0)
    wild = {
        name: np.cumsum(rng.normal(0.0, size, len(time_s)))
        for name, size in (("rotation", 0.02), ("thigh_elevation", 0.02), ("knee_flexion", 0.04))
    }
    rows = frames(
        time_s,
        **wild,
        hinge_up=np.sin(time_s),
        across=rng.normal(0.0, 0.4, len(time_s)),
        speed=np.abs(rng.normal(0.0, 0.5, len(time_s))),
    )
    for start in rng.integers(0, len(rows) - 60, 4).tolist():
        rows[start : start + 40] = [UNKNOWN] * 40
    for exercise in (WIPER, STEP_UP):
        assert 0.05 < seen(calibration, exercise, rows).mean() < 0.95


# Where a foot is to stay


def stepping(tilts_deg, rolls_deg, still_s=3.0):
    """Return times and frames of a leg that stands somewhere, leaves, and stands elsewhere."""
    each = round((still_s + 2.0) * RATE_HZ)
    time_s = np.arange(each * len(tilts_deg)) / RATE_HZ
    away = (np.arange(len(time_s)) % each) >= round(still_s * RATE_HZ)
    rows = frames(
        time_s,
        knee_flexion=math.pi / 2 + np.radians(np.repeat(tilts_deg, each)),
        rotation=np.radians(np.repeat(rolls_deg, each)),
        speed=np.where(away, 1.0, 0.02),
    )
    return time_s, rows, np.where(away, int(Posture.THIGH), int(Posture.START))


@pytest.mark.parametrize(("tilt", "roll"), [(9.0, 0.0), (-9.0, 0.0), (0.0, 11.0), (0.0, -11.0)])
def test_a_foot_that_is_put_back_nearly_where_it_was_has_stayed(calibration, tilt, roll):
    time_s, rows, where = stepping([0.0, tilt, 0.0], [0.0, roll, 0.0])
    assert (
        postures_as_they_count(calibration, STEP_UP, time_s, rows, where, 0.0 * time_s).tolist()
        == where.tolist()
    )


@pytest.mark.parametrize(("tilt", "roll"), [(15.0, 0.0), (-15.0, 0.0), (0.0, 16.0), (0.0, -16.0)])
def test_a_foot_that_stands_elsewhere_is_in_place_after_two_seconds(calibration, tilt, roll):
    time_s, rows, where = stepping([0.0, tilt], [0.0, roll], 3.0)
    found = postures_as_they_count(calibration, STEP_UP, time_s, rows, where, 0.0 * time_s)
    first = found[time_s < 5.0]
    assert first.tolist() == where[time_s < 5.0].tolist()
    came = time_s - 5.0
    assert (found[(came >= 0.0) & (came < 1.9)] == Posture.AWAY).all()
    assert (found[(came > 2.1) & (came < 3.0)] == Posture.START).all()


def test_other_exercises_do_not_ask_where_the_foot_is(calibration):
    time_s, rows, where = stepping([0.0, 15.0], [0.0, 16.0])
    assert (
        postures_as_they_count(calibration, WIPER, time_s, rows, where, 0.0 * time_s).tolist()
        == where.tolist()
    )
