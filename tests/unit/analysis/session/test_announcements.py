"""What is said, when, and that live, file and replay say the same."""

from __future__ import annotations

import json
import math

import pytest

from analysis.angle.leg_angles import UNKNOWN
from analysis.count.movement import Movement
from analysis.exercises import load
from analysis.session.announcements import Announcement, Announcer, Kind
from analysis.session.leg_monitor import LegUpdate
from imu.sample import Side


def movement(status="valid", reason="", at_s=4.0) -> Movement:
    return Movement(
        status=status, reason=reason, onset_s=at_s - 3, peak_s=at_s - 2, announced_s=at_s,
        back_s=at_s, level_deg=0.0, anchor_deg=0.0, range_deg=31.0, peaks=1, stopped_short=False,
        after_absence=False,
    )  # fmt: skip


def update(time_s, **given) -> LegUpdate:
    fields = {
        "angles": UNKNOWN, "rotation_deg": 0.0, "sigma_deg": 0.5, "phase": "rest", "set": 1,
        "reps": 0, "hold_s": 0.0, "set_open": True,
    }  # fmt: skip
    return LegUpdate(time_s=time_s, **(fields | given))


def said(exercise, updates) -> list[Announcement]:
    announcer = Announcer(load(exercise))
    return [a for each in updates for a in announcer.push(Side.RIGHT, each)]


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [("valid", "", Kind.REP), ("partial", "", Kind.PARTIAL), ("rejected", "gap", Kind.REJECTED)],
)
def test_every_movement_is_said_once_at_the_sample_that_brought_it(status, reason, kind):
    found = said(
        "ninety_ninety_lift",
        [update(3.9), update(4.0, reps=3, announced=movement(status, reason)), update(4.1, reps=3)],
    )
    assert [(a.kind, a.time_s, a.rep, a.reason) for a in found] == [(kind, 4.0, 3, reason)]


def test_each_second_of_a_prescribed_hold_is_said_and_its_target_once():
    held = [update(5.0 + 0.1 * i, phase="hold", hold_s=0.1 * i) for i in range(36)]
    found = said("prone_windshield_wiper", [*held, update(9.0)])
    assert [(a.kind, a.value) for a in found] == [
        (Kind.HOLD_SECOND, 1.0),
        (Kind.HOLD_SECOND, 2.0),
        (Kind.TARGET_REACHED, 2.0),
        (Kind.HOLD_SECOND, 3.0),
    ]


def test_where_no_hold_is_asked_for_none_is_counted_aloud():
    held = [update(5.0 + 0.1 * i, phase="hold", hold_s=0.1 * i) for i in range(36)]
    assert said("seated_internal_rotation", held) == []


def test_the_target_is_reached_once_and_the_set_ends_once():
    reps = [update(4.0 * n, reps=n, announced=movement(at_s=4.0 * n)) for n in range(1, 11)]
    over = [update(45.0, reps=10, set_open=False), update(46.0, reps=10, set_open=False)]
    found = said("ninety_ninety_lift", [*reps, *over])
    rest = [(a.kind, a.value) for a in found if a.kind is not Kind.REP]
    assert rest == [(Kind.TARGET_REACHED, 8.0), (Kind.SET_END, 10.0)]


def test_a_session_that_ends_in_a_set_ends_the_set():
    announcer = Announcer(load("ninety_ninety_lift"))
    announcer.push(Side.LEFT, update(1.0))
    over = update(2.0, reps=4, set_open=False)
    (last,) = announcer.push(Side.LEFT, over)
    assert (last.kind, last.value, last.side) == (Kind.SET_END, 4.0, Side.LEFT)
    assert announcer.push(Side.LEFT, over) == []


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_a_line_of_json(kind):
    event = Announcement(kind, 1.5, Side.RIGHT, 1, 2, 3.0, "why").to_event()
    assert json.loads(json.dumps(event, allow_nan=False)) == event
    assert event["kind"] == str(kind)
    assert math.isfinite(event["time_s"])
