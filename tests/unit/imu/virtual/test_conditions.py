"""What a virtual wearer can be put through: each condition changes what it is about."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imu.quaternion import by_rows, conjugate, multiply, rotate
from imu.recording.reader import open_session
from imu.sample import SampleTable, Segment, Side
from imu.virtual.chance import chance_from
from imu.virtual.settings import WearerSettings
from imu.virtual.units.sensors import mounting
from imu.virtual.wearer import wear

DEMO = Path(__file__).parents[4] / "recordings" / "demo"
RIGHT = Side.RIGHT
SHORT = WearerSettings(reps=3)
STEADY = replace(
    SHORT,
    start_pose_sd_deg=0.0,
    sway_rotation_deg=0.0,
    sway_flexion_deg=0.0,
    sway_adduction_deg=0.0,
    pelvis_sway_deg=0.0,
)


def between(wearing, name):
    """Return which instants of the truth lie between the first marks of a name."""
    start_s, end_s = (
        next(t for t, label in wearing.marks if label == f"{name}_{edge}")
        for edge in ("start", "end")
    )
    return (wearing.truth.time_s >= start_s) & (wearing.truth.time_s <= end_s)


def degrees_between(q_a, q_b):
    w = by_rows(multiply, by_rows(conjugate, q_a), q_b)[..., 0]
    return np.degrees(2.0 * np.arccos(np.clip(np.abs(w), 0.0, 1.0)))


@pytest.mark.parametrize(
    ("exercise", "worn", "seed"),
    [
        ("prone_windshield_wiper", "both", 11),
        ("ninety_ninety_lift", "right", 12),
        ("seated_internal_rotation", "left", 13),
    ],
)
def test_the_demo_sessions_still_come_out_as_they_were_recorded(exercise, worn, seed):
    wearing = wear(exercise, worn, seed, WearerSettings(reps=10))
    recorded = open_session(DEMO / exercise).table()
    made = SampleTable.from_samples(wearing.samples)
    for name in ("unit", "device_time", "sequence"):
        assert getattr(made, name).tolist() == getattr(recorded, name).tolist()
    assert made.q == pytest.approx(recorded.q, abs=1e-6)
    with (DEMO / exercise / "truth.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["side"] == worn or worn == "both"]
    for row in rows[::97]:
        angle = wearing.truth.angle_at(Side(row["side"]), float(row["time_s"]))
        assert angle == pytest.approx(float(row["hip_internal_rotation_deg"]), abs=0.02)


@pytest.mark.parametrize(
    "settings",
    [
        {"thigh_skin_share": 0.0},
        {"thigh_skin_share": 0.5},
        {"loss_share": 0.0},
        {"loss_share": 0.1},
        {"rate_hz": 20.0},
        {"rate_hz": 120.0},
        {"knee_play_deg": 3.0},
    ],
    ids=str,
)
def test_skin_losses_rates_and_knee_play_leave_the_true_hip_as_it_was(settings):
    plain, changed = (
        wear("seated_internal_rotation", "right", 21, s)
        for s in (SHORT, replace(SHORT, **settings))
    )
    q_plain, q_changed = (w.truth.q_earth_femur[RIGHT] for w in (plain, changed))
    assert q_plain.tobytes() == q_changed.tobytes()
    seconds = plain.truth.time_s[-1]
    expected = 2 * seconds * changed.units[0].rate_hz * (1 - settings.get("loss_share", 0.01))
    assert len(changed.samples) == pytest.approx(expected, rel=0.06)


@pytest.mark.parametrize("turn_deg", [0.0, 15.0, 30.0])
def test_a_mount_is_turned_from_square_by_exactly_what_is_asked(turn_deg):
    settings = WearerSettings(mount_sd_deg=0.0, mount_turn_deg=turn_deg)
    for seed in range(20):
        mount, _ = mounting(chance_from(seed).units[Segment.THIGH, RIGHT].mount, settings)
        square, _ = mounting(
            chance_from(seed).units[Segment.THIGH, RIGHT].mount, WearerSettings(mount_sd_deg=0.0)
        )
        assert degrees_between(mount, square) == pytest.approx(turn_deg, abs=1e-3)


def test_a_knee_that_creeps_has_bent_so_much_by_the_end_of_the_set_and_the_hip_has_not_moved():
    wearing = wear("seated_internal_rotation", "right", 22, replace(STEADY, knee_drift_deg=20.0))
    plain = wear("seated_internal_rotation", "right", 22, STEADY)
    knee = wearing.truth.knee_flexion_deg[RIGHT][between(wearing, "set")]
    assert knee[-1] - knee[0] == pytest.approx(20.0, abs=0.01)
    assert np.all(np.diff(knee) > -1e-9)
    assert wearing.truth.angle_deg[RIGHT] == pytest.approx(plain.truth.angle_deg[RIGHT], abs=1e-9)
    for legs in zip(wearing.traces, plain.traces, strict=True):
        moved = degrees_between(*(trace.q_earth_sensor_true[-1] for trace in legs))
        expected = 20.0 if legs[0].segment is Segment.SHANK else 0.0
        assert moved == pytest.approx(expected, abs=0.01)


def test_a_knee_that_creeps_over_several_sets_reaches_its_size_in_the_last():
    settings = replace(STEADY, sets=2, set_rest_s=5.0, knee_drift_deg=-10.0)
    knee = wear("prone_rotation_test", "right", 23, settings).truth.knee_flexion_deg[RIGHT]
    assert knee[-1] == pytest.approx(80.0, abs=0.01)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize(
    "exercise", ["seated_internal_rotation", "prone_rotation_test", "ninety_ninety_lift"]
)
def test_a_pelvis_that_rolls_adds_to_the_angle_against_gravity_and_not_to_the_hip(exercise, side):
    settings = replace(STEADY, pelvis_roll_deg=8.0, amplitude_deg=15.0, return_sd_deg=0.0)
    wearing = wear(exercise, str(side), 24, settings)
    truth, in_set = wearing.truth, between(wearing, "set")
    rolled = wear(exercise, str(side), 24, replace(settings, pelvis_roll_deg=0.0)).truth
    peak = np.searchsorted(truth.time_s, truth.reps[side][1].hold_start_s)
    for series, expected in (
        (truth.pelvis_turn_deg, 8.0),
        (rolled.pelvis_turn_deg, 0.0),
    ):
        assert series[side][peak] == pytest.approx(expected, abs=0.01)
    added = (truth.angle_deg[side] - rolled.angle_deg[side])[in_set]
    assert added == pytest.approx(truth.pelvis_turn_deg[side][in_set], abs=0.3)
    own = truth.against_pelvis_deg[side]
    assert own == pytest.approx(rolled.against_pelvis_deg[side], abs=1e-9)
    assert own[peak] - own[-1] == pytest.approx(15.0, abs=2.0)


def test_the_pelvis_unit_feels_the_roll():
    settings = replace(STEADY, pelvis_roll_deg=8.0, pelvis_unit=True)
    wearing = wear("prone_rotation_test", "right", 25, settings)
    pelvis = wearing.traces[-1]
    start, peak = (
        np.searchsorted(wearing.truth.time_s, getattr(wearing.truth.reps[RIGHT][0], name))
        for name in ("start_s", "hold_start_s")
    )
    turned = degrees_between(pelvis.q_earth_sensor_true[start], pelvis.q_earth_sensor_true[peak])
    assert turned == pytest.approx(8.0, abs=0.05)


def test_a_pose_that_is_off_is_off_by_that_much():
    off = replace(STEADY, pose_off_deg=(-35.0, 5.0, 3.0, 20.0))
    wearing = wear("seated_internal_rotation", "left", 26, off)
    plain = wear("seated_internal_rotation", "left", 26, STEADY)
    in_pose = between(wearing, "pose")
    knee, flat_knee = (w.truth.knee_flexion_deg[Side.LEFT][in_pose] for w in (wearing, plain))
    assert knee - flat_knee == pytest.approx(20.0, abs=1e-6)
    slope, flat = (w.truth.thigh_elevation_deg[Side.LEFT][in_pose] for w in (wearing, plain))
    assert slope - flat == pytest.approx(-35.0, abs=0.5)


@pytest.mark.parametrize("name", ["stand", "pose"])
def test_a_wearer_who_fidgets_moves_in_the_still_pose_and_comes_back(name):
    settings = replace(STEADY, **{f"{name}_fidget_deg": 8.0})
    wearing = wear("prone_rotation_test", "right", 27, settings)
    femur = wearing.truth.q_earth_femur[RIGHT][between(wearing, name)]
    assert degrees_between(femur, femur[:1]).max() == pytest.approx(8.0, abs=0.01)
    assert degrees_between(femur[0], femur[-1]) == pytest.approx(0.0, abs=0.01)


def test_a_wearer_who_does_not_stand_begins_in_the_start_pose():
    wearing = wear("seated_internal_rotation", "right", 28, replace(STEADY, stands=False))
    assert wearing.marks[0][1] == "pose_start"
    assert abs(wearing.truth.thigh_elevation_deg[RIGHT][0]) < 0.1


def test_reversed_bends_flex_a_knee_that_should_be_straightened():
    wearing = wear("prone_rotation_test", "right", 29, replace(STEADY, bends_reversed=True))
    knee = wearing.truth.knee_flexion_deg[RIGHT][between(wearing, "knee")]
    assert knee.max() > 130.0
    assert knee.min() > 89.0


def test_the_foot_goes_outwards_once_between_its_marks():
    wearing = wear("seated_internal_rotation", "left", 30, replace(STEADY, foot_outward_deg=12.0))
    angle = wearing.truth.angle_deg[Side.LEFT][between(wearing, "outward")]
    assert angle.max() == pytest.approx(12.0, abs=0.01)
    assert angle[-1] == pytest.approx(angle[0], abs=0.01)


def test_wrong_way_movements_come_first_and_turn_out():
    wearing = wear("seated_internal_rotation", "right", 31, replace(STEADY, wrong_way_reps=2))
    reps = wearing.truth.reps[RIGHT]
    assert [rep.kind for rep in reps] == ["partial", "partial", "rep", "rep", "rep"]
    first = np.searchsorted(wearing.truth.time_s, reps[0].hold_start_s)
    assert wearing.truth.angle_deg[RIGHT][first] < -15.0


def test_several_sets_begin_as_one_does_and_rest_between():
    one = wear("prone_rotation_test", "right", 32, SHORT)
    three = wear("prone_rotation_test", "right", 32, replace(SHORT, sets=3, set_rest_s=20.0))
    starts = [t for t, label in three.marks if label == "set_start"]
    ends = [t for t, label in three.marks if label == "set_end"]
    assert len(starts) == 3
    assert [b - a for a, b in zip(ends, starts[1:], strict=False)] == pytest.approx([20.0, 20.0])
    assert len(three.truth.reps[RIGHT]) == 9
    for mine, first in zip(one.truth.reps[RIGHT], three.truth.reps[RIGHT], strict=False):
        assert mine.rom_deg == pytest.approx(first.rom_deg, abs=0.02)


def test_a_gyro_bias_walks_as_far_as_the_square_root_of_time_says():
    rough = replace(SHORT, gyro_noise_dps_per_sqrt_hz=0.0, gyro_walk_dps_per_sqrt_s=0.01)
    smooth = replace(SHORT, gyro_noise_dps_per_sqrt_hz=0.0)
    walked = []
    for seed in range(8):
        sessions = [wear("prone_rotation_test", "right", seed, s) for s in (rough, smooth)]
        for a, b in zip(*(s.traces for s in sessions), strict=True):
            walk = np.degrees(a.gyr - b.gyr)
            walked += list(walk[-1] / np.sqrt(sessions[0].truth.time_s[-1]))
    assert np.std(walked) == pytest.approx(0.01, rel=0.25)


def test_settings_that_make_no_sense_are_all_named():
    with pytest.raises(ValueError, match="sets must be above 0"):
        WearerSettings(sets=0)
    with pytest.raises(ValueError, match="pose_off_deg"):
        WearerSettings(pose_off_deg=(0.0, 0.0, float("nan"), 0.0))
    with pytest.raises(ValueError, match="knee_drift_deg"):
        WearerSettings(knee_drift_deg=float("inf"))


def test_the_femur_turns_by_what_the_truth_says_against_the_pelvis():
    truth = wear("seated_internal_rotation", "right", 33, replace(SHORT, pelvis_roll_deg=6.0)).truth
    z_pelvis, x, z = (
        by_rows(rotate, q, np.array(axis))
        for q, axis in (
            (truth.q_earth_pelvis, [0.0, 0.0, 1.0]),
            (truth.q_earth_femur[RIGHT], [1.0, 0.0, 0.0]),
            (truth.q_earth_femur[RIGHT], [0.0, 0.0, 1.0]),
        )
    )
    seen = np.degrees(np.arctan2(-np.sum(z_pelvis * x, axis=1), np.sum(z_pelvis * z, axis=1)))
    assert seen == pytest.approx(truth.against_pelvis_deg[RIGHT], abs=1e-6)
