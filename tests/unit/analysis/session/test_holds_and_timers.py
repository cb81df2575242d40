"""Guided holds and timers: the time runs in the position and only there."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analysis.calibrate.calibration import LegFrames, Windows
from analysis.calibrate.hold_pose import PoseCalibration, calibrate_pose
from analysis.exercises import load
from analysis.session.holds_and_timers import GET_READY_S, HoldMonitor, TimerMonitor, follow_guided
from analysis.session.leg_monitor import LegUpdate
from analysis.session.stored import stored_calibrations
from imu.sample import Side

STRETCH = load("hurdle_stretch")
HZ = 60.0
POSE = PoseCalibration(
    side=Side.RIGHT, exercise="hurdle_stretch", ready_s=0.0,
    up_thigh=(0.0, 0.0, 1.0), up_shank=(0.0, 0.0, 1.0),
)  # fmt: skip


def tilted(angle_deg):
    """Return orientations (n, 4) of a unit tilted about a level axis by angles (n,)."""
    half = np.radians(np.asarray(angle_deg, dtype=float)) / 2
    return np.stack((np.cos(half), np.sin(half), 0 * half, 0 * half), axis=1)


def steps(*parts):
    """Return a tilt over time from (seconds, degrees at its end) by smooth strokes."""
    angle, last = [], 0.0
    for seconds, target in parts:
        tau = np.arange(1, round(seconds * HZ) + 1) / (seconds * HZ)
        angle.append(last + (target - last) * tau**3 * (10 - 15 * tau + 6 * tau**2))
        last = target
    return np.concatenate(angle)


def held(thigh_deg, shank_deg=None, known=None, **given):
    """Return the updates and the finished holds of a wearer whose units tilt so."""
    monitor = HoldMonitor(POSE, STRETCH, **given)
    thigh = tilted(thigh_deg)
    shank = tilted(np.zeros(len(thigh)) if shank_deg is None else shank_deg)
    updates = []
    for i in range(len(thigh)):
        there = known is None or known[i]
        q = (tuple(thigh[i]), tuple(shank[i])) if there else (None, None)
        updates.append(monitor.push((i + 1) / HZ, *q, False))
    return updates, [n.movement for told in (*updates, monitor.finish()) for n in told.completed]


def test_a_position_kept_is_one_hold_as_long_as_it_was_kept():
    _, holds = held(steps((31.0, 0.0), (1.0, 60.0), (5.0, 60.0)))
    (hold,) = holds
    assert hold.status == "hold"
    assert hold.hold_s == pytest.approx(31.0, abs=0.5)
    assert hold.faults == ()
    assert math.isnan(hold.rom_deg)


@pytest.mark.parametrize("unit", ["thigh", "shank"])
def test_out_of_the_position_the_time_does_not_run(unit):
    away = steps((1.0, 40.0), (20.0, 40.0))
    still = np.zeros(len(away))
    updates, holds = held(*((away, still) if unit == "thigh" else (still, away)))
    assert holds == []
    assert updates[-1].phase == "away"


def test_a_short_breach_pauses_and_a_long_one_ends_the_hold():
    short = steps((10.0, 0.0), (0.5, 35.0), (0.5, 0.0), (10.0, 0.0))
    (hold,) = held(short)[1]
    assert hold.hold_s == pytest.approx(19.0, abs=1.0)
    assert hold.end_s - hold.start_s == pytest.approx(21.0, abs=0.5)
    long = steps((10.0, 0.0), (0.5, 35.0), (4.0, 35.0), (0.5, 0.0), (10.0, 0.0))
    assert [round(h.hold_s) for h in held(long)[1]] == [10, 10]


def test_moving_in_the_position_is_no_hold():
    t = np.arange(0, 20, 1 / HZ)
    assert held(10 * np.sin(2 * np.pi * 0.5 * t))[1] == []  # up to 31°/s
    breathing = 1.5 * np.sin(2 * np.pi * 0.25 * t)
    assert [round(h.hold_s) for h in held(breathing)[1]] == [20]


def test_lost_samples_take_nothing_from_a_hold_and_a_long_silence_ends_it():
    t = np.arange(0, 20, 1 / HZ)
    bursts = (t % 5.0) > 0.3
    assert held(np.zeros(len(t)), known=bursts)[1][0].hold_s == pytest.approx(20.0, abs=0.5)
    silent = (t < 8.0) | (t > 12.0)
    assert [round(h.hold_s) for h in held(np.zeros(len(t)), known=silent)[1]] == [8, 8]


def test_a_hold_shorter_than_asked_is_a_fault_and_a_moment_is_no_hold():
    (hold,) = held(steps((20.0, 0.0)))[1]
    assert hold.faults == ("hold_short",)
    assert held(steps((2.5, 0.0)))[1] == []


def test_only_inside_a_marked_set_does_the_time_run():
    (hold,) = held(steps((30.0, 0.0)), counted_s=((10.0, 20.0),))[1]
    assert (hold.start_s, hold.hold_s) == (pytest.approx(10.0), pytest.approx(10.0, abs=0.1))


def test_the_time_is_told_while_it_runs_and_never_a_hip_angle():
    updates, _ = held(steps((12.0, 0.0)))
    assert updates[-1].hold_s == pytest.approx(12.0, abs=0.2)
    assert {update.phase for update in updates} == {"hold", "rest"}
    assert all(math.isnan(update.rotation_deg) for update in updates)
    assert all(isinstance(update, LegUpdate) for update in updates)


def test_over_a_recording_a_hold_is_the_same_as_live():
    angle = steps((10.0, 0.0), (0.5, 35.0), (4.0, 35.0), (0.5, 0.0), (10.0, 0.0))
    time_s = np.arange(1, len(angle) + 1) / HZ
    frames = LegFrames(time_s, tilted(angle), tilted(0 * angle))
    record = follow_guided(HoldMonitor(POSE, STRETCH), frames, -math.inf)
    batch = [n.movement for n in record.movements]
    assert [(h.start_s, h.end_s, h.hold_s) for h in batch] == [
        (h.start_s, h.end_s, h.hold_s) for h in held(angle)[1]
    ]
    assert np.isnan(record.rotation_deg).all()


def test_the_position_is_taken_from_a_still_pose_and_survives_the_file():
    time_s = np.arange(0, 6, 1 / HZ)
    frames = LegFrames(time_s, tilted(0 * time_s + 90.0), tilted(0 * time_s))
    found, _ = calibrate_pose(frames, Windows(pose=(1.0, 4.0)), STRETCH, Side.RIGHT)
    assert found is not None
    assert found.up_thigh == pytest.approx((0.0, 1.0, 0.0), abs=1e-9)
    assert stored_calibrations({"right": found.to_json()}) == {Side.RIGHT: found}


def test_a_moving_pose_and_the_wrong_pose_are_refused_with_a_reason():
    time_s = np.arange(0, 12, 1 / HZ)
    moving = LegFrames(time_s, tilted(20 * time_s), tilted(0 * time_s))
    found, result = calibrate_pose(moving, Windows(pose=(1.0, 4.0)), STRETCH, Side.RIGHT)
    assert found is None
    assert result.sentences
    standing = LegFrames(time_s, tilted(0 * time_s), tilted(0 * time_s))
    windows = Windows(stand=(0.0, 4.0), pose=(6.0, 10.0))
    found, result = calibrate_pose(standing, windows, STRETCH, Side.RIGHT)
    assert found is None
    assert any("pose" in check.name for check in result.checks if not check.passed)


def test_a_timer_begins_after_a_moment_to_get_ready_and_ends_by_itself():
    timer = TimerMonitor(load("arm_bar"))
    updates = [timer.push(i / 10, None, None, False) for i in range(800)]
    begun = next(update for update in updates if update.phase == "hold")
    assert begun.time_s == pytest.approx(GET_READY_S, abs=0.11)
    (ended,) = [update for update in updates if update.completed]
    assert ended.completed[0].movement.hold_s == pytest.approx(60.0)
    assert ended.hold_s == pytest.approx(60.0)
    assert updates[-1].hold_s == 0.0
    assert timer.finish().completed == ()


def test_a_timer_cut_off_tells_what_passed():
    timer = TimerMonitor(load("arm_bar"))
    for i in range(300):
        timer.push(i / 10, None, None, False)
    (last,) = timer.finish().completed
    assert last.movement.hold_s == pytest.approx(24.9, abs=0.1)
    assert last.movement.faults == ("hold_short",)
