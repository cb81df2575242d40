"""A unit that was gone comes back, perhaps with another heading: no slip, and the count goes on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from analysis.calibrate.calibration import calibrate
from analysis.calibrate.guide import Guide, Step
from analysis.count.movement import RepSettings
from analysis.count.repetition_machine import RepMachine
from analysis.exercises import load
from analysis.leg import LegFrames
from analysis.session.leg_monitor import LegMonitor
from analysis.session.recording import RecordedLeg, follow_legs
from imu.sample import Side

RATE_HZ = 60.0
REPS = 4
"""Before the unit is gone, and after it is back."""
GONE_S = 8.0
REST_S = 3.0
"""After the last repetition before, and before the first one after."""


def gone(frames, which, from_s, turn_deg, gone_s=GONE_S):
    """Return frames of which one unit, or both, are missing a while and then have another north."""
    q = {"thigh": frames.q_thigh.copy(), "shank": frames.q_shank.copy()}
    hole = (frames.time_s >= from_s) & (frames.time_s < from_s + gone_s)
    after = frames.time_s >= from_s + gone_s
    for sign, name in enumerate(("thigh", "shank")):
        if which in (name, "both"):
            # both restart, each with a north of its own
            turn = Rotation.from_euler("z", turn_deg * (1 - 2 * sign), degrees=True)
            table = q[name]
            turned = turn * Rotation.from_quat(np.roll(table[after], -1, axis=1))
            table[after] = np.roll(turned.as_quat(), 1, axis=1)
            table[hole] = np.nan
    return LegFrames(frames.time_s, q["thigh"], q["shank"])


def session(new_leg, exercise, size_deg, side=Side.RIGHT, hidden_s=GONE_S):
    """Return a leg that repeats, rests while a unit is gone, and repeats; and when it is gone."""
    leg = new_leg(exercise, side, 21).calibration().reps(REPS, size_deg)
    from_s = leg.still(REST_S).now_s
    leg.still(hidden_s + REST_S).reps(REPS, size_deg).still(1.0)
    return leg, from_s


def followed(leg, frames):
    """Return the movements, the alarms and the angle of a leg, over all of a recording."""
    exercise = load(leg.exercise)
    calibration = calibrate(frames, leg.windows, exercise, leg.side).calibration
    recorded = RecordedLeg(calibration, frames, ((calibration.ready_s, math.inf),))
    legs = {leg.side: recorded}
    record = follow_legs(legs, exercise, RATE_HZ, np.zeros(len(frames.time_s), bool))[leg.side]
    monitor = LegMonitor(calibration, exercise, RATE_HZ, recorded.counted_s)
    rows = zip(*(a.tolist() for a in (frames.time_s, frames.q_thigh, frames.q_shank)), strict=True)
    live = [
        monitor.push(t, known(thigh), known(shank), False)
        for t, thigh, shank in rows
        if t > calibration.ready_s
    ]
    told = [u.rotation_deg for u in live]
    np.testing.assert_allclose(told, record.rotation_deg[-len(told) :], rtol=0.0, atol=1e-6)
    assert [u.alarm.kind for u in live if u.alarm] == [alarm.kind for alarm in record.alarms]
    done = [n for u in live for n in u.completed] + list(monitor.finish().completed)
    assert [(n.set, n.rep) for n in done] == [(n.set, n.rep) for n in record.movements]
    return record


def known(q):
    return None if q[0] != q[0] else tuple(q)


@pytest.mark.parametrize(
    ("exercise", "size_deg", "which", "turn_deg"),
    [
        ("prone_windshield_wiper", 30.0, "thigh", -120.0),
        ("prone_windshield_wiper", 30.0, "both", 0.0),
        ("ninety_ninety_lift", 12.0, "shank", -120.0),
        ("side_lying_ankle_lift", 18.0, "both", 60.0),
        ("standing_banded_rotation", 18.0, "thigh", 120.0),
        ("standing_banded_rotation", 18.0, "shank", 40.0),
        ("seated_internal_rotation", 25.0, "shank", 40.0),
    ],
)
def test_a_unit_back_with_another_heading_raises_no_alarm_and_the_count_goes_on(
    new_leg, exercise, size_deg, which, turn_deg
):
    leg, from_s = session(new_leg, exercise, size_deg)
    record = followed(leg, gone(leg.frames(), which, from_s, turn_deg))
    done = [(n.movement.status, n.set, n.rep) for n in record.movements]
    assert done == [("valid", 1, rep) for rep in range(1, 2 * REPS + 1)]
    ranges = [n.movement.rom_deg for n in record.movements]
    assert ranges == pytest.approx([size_deg] * 2 * REPS, abs=2.0)
    assert {alarm.kind for alarm in record.alarms} <= {"silent"}
    assert all(from_s < alarm.time_s <= from_s + GONE_S for alarm in record.alarms)


@pytest.mark.parametrize(
    ("exercise", "first_s"),
    [("prone_windshield_wiper", 0.5), ("ninety_ninety_lift", 1.2), ("standing_banded_rotation", 3)],
)
def test_there_is_no_angle_until_the_headings_have_come_together(new_leg, exercise, first_s):
    leg, from_s = session(new_leg, exercise, 15.0)
    frames = gone(leg.frames(), "shank", from_s, 70.0)
    record = followed(leg, frames)
    given_s = frames.time_s[~np.isnan(record.rotation_deg)]
    back_s = from_s + GONE_S
    assert given_s[given_s > from_s][0] - back_s == pytest.approx(first_s, abs=0.15)
    after = (frames.time_s > back_s + first_s + 0.1) & (frames.time_s < back_s + REST_S)
    assert np.nanmax(np.abs(record.rotation_deg[after]), initial=0.0) < 1.0


def test_a_strap_that_slipped_while_its_unit_was_gone_is_told(new_leg):
    leg, from_s = session(new_leg, "prone_windshield_wiper", 30.0)
    slipped = leg.frames("x", lambda time_s: 14.0 * (time_s > from_s + 1.0))
    record = followed(leg, gone(slipped, "shank", from_s, 50.0))
    assert [alarm.kind for alarm in record.alarms if alarm.time_s > from_s + GONE_S] == [
        "slip",
        "renewed",
    ]


@pytest.mark.parametrize(("gone_s", "sets"), [(90.0, {1}), (125.0, {1, 2})])
def test_a_set_goes_on_when_the_leg_is_back_within_two_minutes(new_leg, gone_s, sets):
    leg, from_s = session(new_leg, "prone_windshield_wiper", 30.0, hidden_s=gone_s)
    record = followed(leg, gone(leg.frames(), "both", from_s, 30.0, gone_s))
    assert {n.set for n in record.movements} == sets
    assert len(record.movements) == 2 * REPS


def test_a_leg_that_was_out_of_its_position_when_it_vanished_has_not_been_absent_meanwhile():
    machine = RepMachine(RepSettings(onset_deg=3.0, min_range_deg=12.0, typical_range_deg=30.0), 0)
    for t in range(100):
        machine.push(t / 50, 0.0, 2)
    for t in range(100, 150):  # on its way to or from it for a second
        machine.push(t / 50, 0.0, 1)
    machine.push(23.0, 0.0, 1)
    assert not machine.is_absent
    for t in range(150):
        machine.push(23.0 + t / 50, 0.0, 1)
    assert machine.is_absent


@pytest.mark.parametrize("exercise", ["prone_windshield_wiper", "ninety_ninety_lift"])
def test_a_unit_that_was_away_between_start_pose_and_bends_has_both_repeated(new_leg, exercise):
    leg = new_leg(exercise, Side.RIGHT, 21)
    leg.still(4.0, "stand").go(3.0, leg.pose).still(4.0)
    from_s = leg.now_s + 0.2
    again_s = leg.still(9.0).bends(name="").still(4.0).now_s
    leg.bends().still(4.0).reps(3, 20.0).still(2.0)
    frames = gone(leg.frames(), "shank", from_s, 120.0)
    guide, monitor, refused, done = Guide(load(exercise), leg.side, RATE_HZ), None, [], []
    rows = zip(*(a.tolist() for a in (frames.time_s, frames.q_thigh, frames.q_shank)), strict=True)
    for t, thigh, shank in rows:
        if monitor is not None:
            done += monitor.push(t, known(thigh), known(shank), False).completed
            continue
        news = guide.push(t, known(thigh), known(shank))
        if news is not None and news.result is not None:
            refused += [(t, sentence) for sentence in news.result.sentences]
            if news.step is Step.READY:
                monitor = LegMonitor(news.result.calibration, load(exercise), RATE_HZ)
    assert [sentence for _, sentence in refused] == [
        "a unit was away between the start position and the knee bends and may have started anew:"
        " take the start position again, keep still, and bend the knee"
    ]
    assert refused[0][0] < again_s
    done += monitor.finish().completed
    ranges = [n.movement.rom_deg for n in done if n.movement.status == "valid"]
    assert ranges == pytest.approx([20.0] * 3, abs=0.5)
