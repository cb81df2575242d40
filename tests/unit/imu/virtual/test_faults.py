"""Faults planted in a virtual session happen to the unit, by the size and at the moment asked."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.accuracy.swapped import swap_segments, swap_sides
from imu.quaternion import by_rows, conjugate, multiply
from imu.sample import Segment, Side
from imu.virtual.settings import WearerSettings
from imu.virtual.units.faults import HeadingTurn, InRep, Silence, StrapSlip
from imu.virtual.wearer import wear

RIGHT = Side.RIGHT
SHORT = WearerSettings(reps=3)
SEATED = ("seated_internal_rotation", "right", 40)


def pair(*faults):
    """Return the same session with faults and without."""
    return wear(*SEATED, replace(SHORT, faults=faults)), wear(*SEATED, SHORT)


def turned_deg(faulty, plain, unit, name="q_earth_sensor_true"):
    """Return how far a unit is turned from where it would have been, over time."""
    q = [getattr(w.traces[unit], name) for w in (faulty, plain)]
    between = by_rows(multiply, by_rows(conjugate, q[1]), q[0])
    return np.degrees(2.0 * np.arccos(np.clip(np.abs(between[:, 0]), 0.0, 1.0)))


@pytest.mark.parametrize("part", ["before", "up", "hold", "down", "after"])
def test_a_strap_slips_by_its_angle_within_half_a_second_of_its_moment(part):
    slip = StrapSlip(segment=Segment.SHANK, at=InRep(2, part), turn_deg=12.0)
    faulty, plain = pair(slip)
    rep = plain.truth.reps[RIGHT][1]
    moment = {
        "before": rep.start_s - 0.25,
        "up": (rep.start_s + rep.hold_start_s) / 2,
        "hold": (rep.hold_start_s + rep.hold_end_s) / 2,
        "down": (rep.hold_end_s + rep.end_s) / 2,
        "after": rep.end_s + 0.25,
    }[part]
    turned = turned_deg(faulty, plain, 1)
    time_s = faulty.truth.time_s
    assert turned[time_s < moment - 0.26].max() < 1e-5
    assert turned[time_s > moment + 0.26] == pytest.approx(12.0, abs=1e-3)
    assert np.interp(moment, time_s, turned) == pytest.approx(6.0, abs=0.2)
    assert turned_deg(faulty, plain, 0).max() < 1e-5
    assert faulty.truth.angle_deg[RIGHT].tobytes() == plain.truth.angle_deg[RIGHT].tobytes()


def test_a_slip_is_felt_by_the_gyro_and_told_by_the_fusion():
    slip = StrapSlip(segment=Segment.THIGH, at=5.0, turn_deg=20.0, axis=(1.0, 0.0, 0.0))
    faulty, plain = pair(slip)
    told = turned_deg(faulty, plain, 0, "q_earth_sensor")
    assert told[-1] == pytest.approx(20.0, abs=1.5)
    during = abs(faulty.truth.time_s - 5.0) < 0.3
    extra = np.degrees(faulty.traces[0].gyr - plain.traces[0].gyr)[during]
    assert np.linalg.norm(extra, axis=1).max() == pytest.approx(20.0 * 1.875 / 0.5, rel=0.05)


def test_a_disturbed_heading_turns_what_the_fusion_tells_about_the_vertical_and_nothing_else():
    fault = HeadingTurn(segment=Segment.SHANK, at=20.0, turn_deg=-30.0, lasts_s=4.0)
    faulty, plain = pair(fault)
    assert turned_deg(faulty, plain, 1).max() < 1e-5
    before, after = (faulty.traces[1].q_earth_sensor, plain.traces[1].q_earth_sensor)
    turn = by_rows(multiply, before, by_rows(conjugate, after))
    assert abs(turn[:, 1:3]).max() < 1e-9
    angle = np.degrees(2.0 * np.arctan2(turn[:, 3], turn[:, 0]))
    time_s = faulty.truth.time_s
    assert angle[time_s < 17.5] == pytest.approx(0.0, abs=1e-6)
    assert angle[time_s > 22.5] == pytest.approx(-30.0, abs=1e-6)


def test_a_silent_unit_sends_nothing_any_more_and_the_other_one_goes_on():
    faulty, plain = pair(Silence(segment=Segment.THIGH, at=15.0))
    last_s = [max(s.host_time_ns for s in faulty.samples if s.unit == u) / 1e9 for u in (0, 1)]
    assert last_s[0] == pytest.approx(15.0, abs=0.15)
    assert last_s[1] == pytest.approx(plain.truth.time_s[-1], abs=0.15)
    assert [s for s in faulty.samples if s.unit == 1] == [s for s in plain.samples if s.unit == 1]


def test_a_fault_of_one_leg_leaves_the_other_leg_alone():
    slip = StrapSlip(segment=Segment.SHANK, side=Side.LEFT, at=10.0, turn_deg=15.0)
    both = ("prone_windshield_wiper", "both", 41)
    faulty, plain = wear(*both, replace(SHORT, faults=(slip,))), wear(*both, SHORT)
    sizes = [turned_deg(faulty, plain, unit).max() for unit in range(4)]
    assert sizes == pytest.approx([0.0, 0.0, 0.0, 15.0], abs=1e-3)


def test_swapped_units_say_the_other_place_and_send_what_they_sent():
    plain = wear(*SEATED, SHORT)
    swapped = swap_segments(plain)
    assert [u.segment for u in swapped.units] == [Segment.SHANK, Segment.THIGH]
    assert swapped.samples == plain.samples
    assert [u.side for u in swap_sides(plain).units] == [Side.LEFT, Side.LEFT]
    assert swap_sides(plain).truth is plain.truth


def test_faults_that_cannot_be_planted_are_refused_with_a_sentence():
    with pytest.raises(ValueError, match="repetition 4 but the set has 3"):
        wear(*SEATED, replace(SHORT, faults=(Silence(segment=Segment.SHANK, at=InRep(4, "up")),)))
    slip = StrapSlip(segment=Segment.SHANK, at=1.0, turn_deg=5.0, axis=(1.0, 1.0, 0.0))
    with pytest.raises(ValueError, match="axis of a StrapSlip"):
        WearerSettings(faults=(slip,))
    with pytest.raises(ValueError, match="moment of a Silence"):
        WearerSettings(faults=(Silence(segment=Segment.SHANK, at=math.nan),))
