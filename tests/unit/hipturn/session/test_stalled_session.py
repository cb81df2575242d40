"""A radio that stalls in a session costs nothing, and a unit that is gone holds nobody up."""

from __future__ import annotations

import itertools

import pytest

from analysis import exercises
from analysis.session.announcements import Kind
from hipturn.session.pipeline import Tracker
from imu.virtual.settings import WearerSettings
from imu.virtual.wearer import wear

EXERCISE = "prone_windshield_wiper"
STALL_S = 1.5


@pytest.fixture(scope="module")
def wearing():
    return wear(EXERCISE, "right", 3, WearerSettings(reps=6))


def held_up(samples, stalls):
    """Return samples in order of arrival, those of a unit held up in its stalls."""
    later = []
    for sample in samples:
        for unit, begin_s, end_s in stalls:
            if sample.unit == unit and begin_s < sample.host_time_ns * 1e-9 < end_s:
                sample = sample._replace(host_time_ns=round(end_s * 1e9))
        later.append(sample)
    return sorted(later, key=lambda sample: sample.host_time_ns)


def counted(wearing, samples):
    """Return the range of each repetition announced live, in degrees."""
    tracker = Tracker(wearing.units, "independent", exercises.load(EXERCISE), guided=True)
    told = []
    for sample in samples:
        for update in tracker.push(sample):
            told += [said for said in update.announcements if said.kind is Kind.REP]
    assert [said.rep for said in told] == list(range(1, len(told) + 1))
    return [said.movement.range_deg for said in told]


def test_six_of_six_are_counted_in_a_set_with_three_stalls_of_a_second_and_a_half(wearing):
    smooth = counted(wearing, wearing.samples)
    assert len(smooth) == 6
    begin_s = [s.host_time_ns * 1e-9 for s in wearing.samples][-1] - 20.0
    stalls = [
        (number % 2, begin_s + 5.0 * number, begin_s + 5.0 * number + STALL_S)
        for number in range(3)
    ]
    assert counted(wearing, held_up(wearing.samples, stalls)) == pytest.approx(smooth, abs=0.01)


def test_a_calibration_with_stalls_is_the_one_without(wearing):
    smooth = counted(wearing, wearing.samples)
    stalls = [
        (number % 2, begin_s, begin_s + STALL_S) for number, begin_s in enumerate(range(1, 21, 3))
    ]
    assert counted(wearing, held_up(wearing.samples, stalls)) == pytest.approx(smooth, abs=0.2)


def test_both_radios_stalled_at_once_cost_nothing_either(wearing):
    end_s = wearing.samples[-1].host_time_ns * 1e-9
    stalls = [(unit, end_s - 15.0, end_s - 13.5) for unit in (0, 1)]
    smooth = counted(wearing, wearing.samples)
    assert counted(wearing, held_up(wearing.samples, stalls)) == pytest.approx(smooth, abs=0.01)


def test_the_frames_of_a_unit_whose_link_broke_come_at_once(wearing):
    tracker = Tracker(wearing.units, "independent", exercises.load(EXERCISE))
    lost_s, shank = 8.0, 1
    late_s = []
    for sample in itertools.takewhile(lambda s: s.host_time_ns < 12e9, wearing.samples):
        at_s = sample.host_time_ns * 1e-9
        if sample.unit == shank and at_s > 4.0:
            continue
        if at_s > lost_s and not late_s:
            tracker.broken(shank, round(lost_s * 1e9))
            late_s.append(0.0)
        for update in tracker.push(sample):
            if at_s > lost_s + 0.5:
                late_s.append(at_s - update.time_s)
                assert update.frame.q[shank] is None
    assert len(late_s) > 100
    assert max(late_s) < 0.5
