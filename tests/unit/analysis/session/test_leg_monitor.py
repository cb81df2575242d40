"""Following one leg: live and over a recording alike, sets, windows, the limit of uncertainty."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest

from analysis.calibrate.calibration import LegFrames
from analysis.count.movement import Movement
from analysis.count.sets import SetCounter
from analysis.exercises import load
from analysis.session.analyse import calibrate_leg, counted_spans
from analysis.session.leg_monitor import BLOCK_ROWS, LegMonitor, LegUpdate
from analysis.session.recording import RecordedLeg, Recording, follow_legs, leg_units
from imu.clocks.timeline import align
from imu.sample import SampleTable, Segment
from imu.virtual.person.script import Bend, KneeBends, Rep, RepSet, Still, TakePosition
from imu.virtual.units.faults import InRep, StrapSlip
from imu.virtual.wearer import WearerSettings, wear

PHASES = {"rest", "up", "hold", "down", "away"}
CALIBRATION = (
    Still(4.0, "stand"),
    TakePosition(4.0),
    Still(4.0, "pose"),
    KneeBends(tuple(Bend(size_deg=-55.0) for _ in range(5))),
    Still(2.0),
)
TWO_SETS = (
    *CALIBRATION,
    RepSet((Rep(amplitude_deg=30.0),) * 3),
    Still(12.0),
    RepSet((Rep(amplitude_deg=25.0),) * 2),
    Still(2.0),
)


class Worn:
    """One leg of a virtual wearer, aligned and calibrated."""

    def __init__(self, exercise: str, side: str, seed: int, settings: WearerSettings):
        wearing = wear(exercise, side, seed, settings)
        frames = align(SampleTable.from_samples(wearing.samples), wearing.units, "independent")
        self.recording = Recording(
            session_id="s", wearer="w", started_at="2026-01-01T00:00:00+00:00", exercise=exercise,
            units=wearing.units, frames=frames, marks=wearing.marks,
        )  # fmt: skip
        self.truth = wearing.truth
        self.exercise = load(exercise)
        ((self.side, thigh, shank, _),) = leg_units(wearing.units)
        self.frames = LegFrames(frames.time_s, frames.q[:, thigh], frames.q[:, shank])
        self.interpolated = frames.interpolated
        self.rate_hz = self.recording.rate_hz
        _, result = calibrate_leg(self.recording, self.frames, self.exercise, self.side)
        self.calibration = result.calibration

    @property
    def spans(self):
        return counted_spans(self.recording.marks, self.calibration.ready_s)

    def follow(self, *, exercise=None, frames=None, spans=None):
        leg = RecordedLeg(self.calibration, frames or self.frames, spans or self.spans)
        legs = {self.calibration.side: leg}
        return follow_legs(legs, exercise or self.exercise, self.rate_hz, self.interpolated)[
            self.calibration.side
        ]

    def live(self, *, exercise=None, frames=None, spans=None):
        """Return the monitor, what each frame brought, and the movements, one frame at a time."""
        monitor = LegMonitor(
            self.calibration, exercise or self.exercise, self.rate_hz, spans or self.spans
        )
        frames = frames or self.frames
        after = frames.time_s > self.calibration.ready_s
        rows = zip(
            frames.time_s[after].tolist(),
            frames.q_thigh[after].tolist(),
            frames.q_shank[after].tolist(),
            self.interpolated[after].tolist(),
            strict=True,
        )
        updates = [monitor.push(t, known(a), known(b), filled) for t, a, b, filled in rows]
        movements = [numbered for update in updates for numbered in update.completed]
        last = monitor.finish()
        return monitor, updates, [*movements, *(last.completed if last is not None else ())]


def known(q):
    return None if q[0] != q[0] else tuple(q)


@cache
def worn(exercise="prone_windshield_wiper", side="right", seed=1, **settings):
    return Worn(exercise, side, seed, WearerSettings(**({"reps": 6} | settings)))


def assert_same(live, batch):
    """Compare two lists of numbered movements, figures within a millionth."""
    assert [(n.set, n.rep) for n in live] == [(n.set, n.rep) for n in batch]
    for one, other in zip(live, batch, strict=True):
        for field in fields(one.movement):
            a, b = getattr(one.movement, field.name), getattr(other.movement, field.name)
            if isinstance(a, float):
                assert a == pytest.approx(b, abs=1e-6, nan_ok=True), field.name
            else:
                assert a == b, field.name


# Live and batch


@pytest.mark.parametrize(
    ("exercise", "side", "seed"),
    [
        ("prone_windshield_wiper", "right", 1),
        ("ninety_ninety_lift", "left", 2),
        ("seated_internal_rotation", "left", 3),
        ("standing_banded_rotation", "right", 4),
    ],
)
def test_live_and_recorded_give_the_same_angles_and_the_same_repetitions(exercise, side, seed):
    leg = worn(exercise, side, seed)
    batch = leg.follow()
    _, updates, movements = leg.live()
    assert_same(movements, batch.movements)
    valid = [n for n in movements if n.movement.status == "valid"]
    assert len(valid) == sum(rep.kind == "rep" for rep in leg.truth.reps[leg.side])
    angle = np.array([update.rotation_deg for update in updates])
    recorded = batch.rotation_deg[leg.frames.time_s > leg.calibration.ready_s]
    np.testing.assert_allclose(angle, recorded, rtol=0.0, atol=1e-6)


def test_live_and_recorded_agree_with_holes_in_the_data():
    leg = worn()
    frames = LegFrames(leg.frames.time_s, leg.frames.q_thigh.copy(), leg.frames.q_shank)
    start_s = leg.spans[0][0]
    for hole_s, length_s in ((4.0, 0.3), (9.0, 0.8), (15.0, 2.0), (22.0, 6.4)):
        at = frames.time_s - start_s
        frames.q_thigh[(at > hole_s) & (at < hole_s + length_s)] = np.nan
    batch = leg.follow(frames=frames)
    assert_same(leg.live(frames=frames)[2], batch.movements)
    valid = [n for n in batch.movements if n.movement.status == "valid"]
    assert 2 <= len(valid) < len(leg.truth.reps[leg.side])
    hidden = np.isnan(frames.q_thigh[:, 0]) | np.isnan(frames.q_shank[:, 0])
    assert np.isnan(batch.rotation_deg[hidden]).all()


def test_live_and_recorded_agree_on_a_hold_of_two_minutes():
    leg = worn(
        "seated_internal_rotation", seed=5, reps=2, hold_s=(120.0, 120.0), hold_sag_share=0.0
    )
    movements = leg.live()[2]
    assert_same(movements, leg.follow().movements)
    assert [round(n.movement.hold_s / 10.0) for n in movements] == [12, 12]


def test_the_range_of_each_repetition_is_right_within_a_degree():
    leg = worn()
    found = [n.movement for n in leg.follow().movements]
    true = leg.truth.reps[leg.side]
    for movement, rep in zip(found, true, strict=True):
        assert movement.rom_deg == pytest.approx(rep.rom_deg, abs=1.0)
        assert movement.start_s == pytest.approx(rep.start_s, abs=0.3)
        assert movement.end_s == pytest.approx(rep.end_s, abs=0.3)
        assert rep.hold_start_s - 0.4 <= movement.peak_s <= rep.hold_end_s + 0.4


def test_a_live_update_says_phase_set_repetitions_and_hold():
    leg = worn()
    _, updates, movements = leg.live()
    assert {update.phase for update in updates} <= PHASES
    assert {"rest", "up", "hold", "down"} <= {update.phase for update in updates}
    announced = [update for update in updates if update.announced is not None]
    assert [update.reps for update in announced] == list(range(1, len(movements) + 1))
    assert {update.set for update in announced} == {1}
    for update, numbered in zip(announced, movements, strict=True):
        assert update.time_s == update.announced.announced_s == numbered.movement.announced_s
    longest = max(update.hold_s for update in updates)
    held = max(n.movement.hold_s for n in movements)
    assert longest == pytest.approx(held, abs=1.0)
    assert all(isinstance(update, LegUpdate) for update in updates)


def test_beyond_the_limit_of_sigma_the_angle_is_empty_and_nothing_counts():
    leg = worn()
    strict = replace(leg.exercise, max_sigma_deg=0.1)
    batch = leg.follow(exercise=strict)
    assert np.isnan(batch.rotation_deg).all()
    assert batch.away.all()
    assert batch.movements == ()
    _, updates, movements = leg.live(exercise=strict)
    assert all(math.isnan(update.rotation_deg) for update in updates)
    assert {update.phase for update in updates} == {"away"}
    assert movements == []


def test_the_live_path_keeps_no_more_than_its_past_however_much_of_it_was_movement(monkeypatch):
    leg = worn()
    monkeypatch.setattr("analysis.session.counting.KEEP_S", 12.0)
    monitor, _, movements = leg.live()
    kept_s = monitor._rows.between(-math.inf, math.inf)[0]
    assert kept_s[-1] - kept_s[0] <= 12.0 + BLOCK_ROWS / 60.0  # it ends at rest
    assert_same(movements, leg.follow().movements)


# Sets


def two_sets():
    return worn("prone_windshield_wiper", "right", 5, script=TWO_SETS)


def numbers(movements):
    return [(n.set, n.rep) for n in movements if n.movement.status == "valid"]


def test_a_long_rest_splits_sets_without_any_marks():
    leg = two_sets()
    always = ((leg.calibration.ready_s, math.inf),)
    batch = leg.follow(spans=always)
    assert numbers(batch.movements) == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]
    assert_same(leg.live(spans=always)[2], batch.movements)


def test_marked_sets_decide_which_movements_count():
    leg = two_sets()
    assert len(leg.spans) == 2
    batch = leg.follow()
    assert numbers(batch.movements) == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]
    assert_same(leg.live()[2], batch.movements)
    second = leg.follow(spans=leg.spans[1:])
    assert numbers(second.movements) == [(1, 1), (1, 2)]
    assert_same(leg.live(spans=leg.spans[1:])[2], second.movements)


def test_each_marked_set_is_a_set_however_short_the_rest_between():
    leg = worn()
    true = leg.truth.reps[leg.side]
    between_s = (true[3].end_s + true[4].start_s) / 2
    start_s, end_s = leg.spans[0]
    halves = ((start_s, between_s), (between_s, end_s))
    batch = leg.follow(spans=halves)
    assert numbers(batch.movements)[:5] == [(1, 1), (1, 2), (1, 3), (1, 4), (2, 1)]
    assert len(numbers(batch.movements)) == len(true)
    assert_same(leg.live(spans=halves)[2], batch.movements)


def test_a_movement_that_the_end_of_its_set_cuts_off_is_a_timeout():
    leg = worn()
    third = leg.truth.reps[leg.side][2]
    cut = ((leg.spans[0][0], (third.hold_start_s + third.hold_end_s) / 2),)
    batch = leg.follow(spans=cut)
    assert [n.movement.reject_reason for n in batch.movements] == ["", "", "timeout"]
    assert [(n.set, n.rep) for n in batch.movements] == [(1, 1), (1, 2), (1, 0)]
    assert_same(leg.live(spans=cut)[2], batch.movements)


def test_spans_without_samples_bring_nothing():
    leg = worn()
    empty = ((0.0, 0.5), (5000.0, 5001.0))
    assert leg.follow(spans=empty).movements == ()
    assert leg.live(spans=empty)[2] == []


def movement(onset_s, status="valid", *, seconds=4.0, after_absence=False) -> Movement:
    return Movement(
        status=status, reason="", onset_s=onset_s, peak_s=onset_s + seconds / 2,
        announced_s=onset_s + seconds, back_s=onset_s + seconds, level_deg=0.0, anchor_deg=0.0,
        range_deg=30.0, peaks=1, stopped_short=False, after_absence=after_absence,
    )  # fmt: skip


def numbered(movements, target=12):
    sets, found = SetCounter(target), []
    for each in movements:
        sets.announce(each)
        found.append((sets.set, sets.announced if each.status == "valid" else 0))
    return found


def test_a_set_ends_after_six_seconds_or_three_tempos_of_rest():
    quick = [movement(t, seconds=1.5) for t in (0.0, 7.4, 15.0)]  # rests of 5.9 and 6.1 s
    assert numbered(quick) == [(1, 1), (1, 2), (2, 1)]
    slow = [movement(t) for t in (0.0, 15.9, 32.0)]  # rests of 11.9 and 12.1 s
    assert numbered(slow) == [(1, 1), (1, 2), (2, 1)]


def test_once_the_repetitions_are_done_three_seconds_of_rest_end_a_set():
    starts = [0.0, 7.5, 15.0, 22.0, 29.5]  # rests of 3.5, 3.5, 3.0 and 3.5 s
    assert numbered([movement(t) for t in starts], target=2)[:3] == [(1, 1), (1, 2), (2, 1)]
    assert [n[0] for n in numbered([movement(t) for t in starts], target=5)] == [1] * 5


def test_leaving_the_position_ends_a_set():
    moves = [movement(0.0), movement(5.0), movement(10.0, after_absence=True), movement(15.0)]
    assert numbered(moves) == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_only_valid_movements_get_a_number():
    kinds = ["partial", "valid", "rejected", "valid", "partial"]
    moves = [movement(5.0 * i, kind) for i, kind in enumerate(kinds)]
    assert numbered(moves) == [(0, 0), (1, 1), (1, 0), (1, 2), (1, 0)]


def test_a_closed_set_is_followed_by_another():
    sets = SetCounter(10)
    sets.announce(movement(0.0))
    sets.close()
    sets.announce(movement(4.5))
    assert (sets.set, sets.announced) == (2, 1)


def test_after_a_slip_the_zero_is_renewed_at_rest_live_and_recorded_alike():
    slip = StrapSlip(segment=Segment.SHANK, at=InRep(2, "after"), turn_deg=-30.0)
    session = worn("seated_leg_extension_twist", reps=4, rest_s=(3.0, 3.5), faults=(slip,))
    batch = session.follow()
    _, updates, movements = session.live()
    alarms = [update.alarm for update in updates if update.alarm is not None]
    assert [alarm.kind for alarm in alarms] == ["slip", "renewed"]
    assert tuple(alarms) == batch.alarms
    after = session.frames.time_s > session.calibration.ready_s
    told = np.array([(update.rotation_deg, update.sigma_deg) for update in updates]).T
    np.testing.assert_allclose(told[0], batch.rotation_deg[after], atol=1e-9)
    np.testing.assert_allclose(told[1], batch.sigma_deg[after], atol=1e-9)
    assert_same(movements, batch.movements)
    truth = session.truth.angle_at(session.side, session.frames.time_s)
    since = session.frames.time_s > alarms[1].time_s
    assert np.nanmax(np.abs(batch.rotation_deg - truth)[since]) < 3.0
    assert [n.movement.status for n in movements].count("valid") == 4
    assert not np.any(batch.shifted[since][1:])
