"""What goes wrong in a set of ten repetitions of 30°, and must not change the count.

On series of angles at 25, 60 and 100 samples a second; `test_adversity_worn.py` does the same
through the whole chain. What `test_reps.py` has already (drift, tremor, pauses, double peaks,
pulses, losses, walking, tempo, holds, ranges) is not repeated here.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from analysis.count.in_place import Posture
from analysis.count.knocks import Jump, JumpFilter
from analysis.count.movement import RepSettings
from analysis.count.repetition_machine import RepMachine

SETTINGS = RepSettings(onset_deg=3.0, min_range_deg=12.0, typical_range_deg=30.0)
RATES = pytest.mark.parametrize("rate_hz", [25, 60, 100])
REP_S = 4.0
"""1.2 s out, 0.8 s held, 1.2 s back, 0.8 s of rest; the first begins at 2 s."""


def smooth(tau):
    tau = np.clip(tau, 0.0, 1.0)
    return tau**3 * (10 - 15 * tau + 6 * tau**2)


def ten(rate_hz, top=30.0, count=10, seed=0):
    """Return times and angles of a set; ranges may be one for each repetition."""
    tops = np.broadcast_to(np.asarray(top, dtype=float), count)
    time_s = np.arange(0.0, 2.0 + REP_S * count + 3.0, 1.0 / rate_hz)
    angle = np.zeros_like(time_s)
    for i, one in enumerate(tops):
        t = time_s - 2.0 - REP_S * i
        angle += one * (smooth(t / 1.2) - smooth((t - 2.0) / 1.2))
    return time_s, angle + 0.05 * np.random.default_rng(seed).standard_normal(len(angle))


def run(time_s, angle, machine=None):
    machine = machine or RepMachine(SETTINGS, 0.0)
    found = []
    for t, x in zip(time_s.tolist(), angle.tolist(), strict=True):
        step = machine.push(t, x, int(Posture.START))
        found += [step.completed] if step.completed else []
    last = machine.finish(float(time_s[-1])).completed
    return found + ([last] if last else [])


def outcome(movements):
    return dict(Counter(m.reason or m.status for m in movements))


def spiked(time_s, angle, at_s, size_deg, for_s):
    for start in at_s:
        angle = angle + size_deg * ((time_s >= start) & (time_s < start + for_s))
    return angle


# Knocks


@RATES
@pytest.mark.parametrize("size_deg", [40.0, -40.0, 15.0])
@pytest.mark.parametrize("offset_s", [0.6, 1.6, 2.6, 3.7])
def test_spikes_of_65_ms_anywhere_change_no_count(rate_hz, size_deg, offset_s):
    time_s, angle = ten(rate_hz)
    at_s = 2.0 + REP_S * np.arange(10) + offset_s  # on the way out, held, on the way back, at rest
    movements = run(time_s, spiked(time_s, angle, at_s, size_deg, 0.065))
    assert outcome(movements) == {"valid": 10}
    ranges = [m.range_deg for m in movements]
    assert ranges == pytest.approx([30.0] * 10, abs=3.0 if rate_hz == 25 else 1.5)
    if abs(size_deg) == 40.0 and offset_s == 1.6:
        assert sum(m.bumped for m in movements) >= 9


@RATES
def test_a_repetition_without_a_knock_is_not_flagged(rate_hz):
    for top in (20.0, 45.0, 70.0):
        assert not any(m.bumped for m in run(*ten(rate_hz, top)))


@RATES
@pytest.mark.parametrize("kind", ["cough", "sneeze"])
def test_a_cough_or_a_sneeze_shakes_the_leg_and_adds_nothing(rate_hz, kind):
    time_s, angle = ten(rate_hz)
    for start in 2.0 + REP_S * np.arange(10) + 3.4:
        t = time_s - start
        if kind == "cough":  # three jerks of 4° in a second
            angle = angle + 4 * np.exp(-(((t % 0.33) / 0.05) ** 2)) * ((t > 0) & (t < 1.0))
        else:  # one jerk of 10°, gone in a quarter of a second
            angle = angle + 10 * np.exp(-(((t - 0.12) / 0.06) ** 2))
    found = outcome(run(time_s, angle))
    assert found.pop("valid") == 10
    assert set(found) <= {"too_short", "impact", "partial"}


@RATES
def test_kicks_at_rest_are_no_repetitions(rate_hz):
    time_s = np.arange(0.0, 60.0, 1.0 / rate_hz)
    found = outcome(run(time_s, spiked(time_s, 0 * time_s, np.arange(3, 58, 2.5), 40.0, 0.12)))
    assert "valid" not in found


# Slipping straps


@RATES
@pytest.mark.parametrize("size_deg", [10.0, -10.0, 25.0])
def test_a_strap_that_slips_at_rest_is_told_and_takes_no_repetition(rate_hz, size_deg):
    time_s, angle = ten(rate_hz, count=12)
    # two rests are long enough for it to happen in
    quiet = np.where(time_s < 25.6, time_s, np.maximum(25.6, time_s - 4.0))
    angle = np.interp(quiet, time_s, angle) + size_deg * (time_s > 27.5)
    movements = run(time_s, angle)
    found = outcome(movements)
    assert found.pop("sensor_shift") == 1
    assert found.pop("valid") == 12
    assert not found
    ranges = [m.range_deg for m in movements if m.status == "valid"]
    assert ranges == pytest.approx([30.0] * len(ranges), abs=1.5)


@RATES
@pytest.mark.parametrize("size_deg", [10.0, -10.0])
@pytest.mark.parametrize("offset_s", [0.4, 0.6, 2.5])
def test_a_strap_that_slips_during_a_stroke_costs_one_repetition_at_most(
    rate_hz, size_deg, offset_s
):
    time_s, angle = ten(rate_hz)
    slipped = angle + size_deg * (time_s > 2.0 + 5 * REP_S + offset_s)
    found = outcome(run(time_s, slipped))
    assert 9 <= found.pop("valid") <= 10
    assert sum(found.values()) <= 1


@RATES
@pytest.mark.parametrize("size_deg", [10.0, -10.0])
def test_a_strap_that_slips_in_a_hold_drops_that_repetition_and_says_so(rate_hz, size_deg):
    steps = np.arange(0.0, 5.0, 1.0 / rate_hz)
    one = 30.0 * (smooth((steps - 0.5) / 1.0) - smooth((steps - 3.5) / 1.0))
    angle = np.concatenate((np.zeros(2 * rate_hz), np.tile(one, 4), np.zeros(3 * rate_hz)))
    time_s = np.arange(len(angle)) / rate_hz
    slipped = angle + size_deg * (time_s > 2.0 + 5.0 + 2.6)
    found = outcome(run(time_s, slipped))
    assert found["sensor_shift"] == 1
    assert found["valid"] == 3


@RATES
def test_no_stroke_however_quick_is_taken_for_a_slip(rate_hz):
    for stroke_s in (0.3, 0.4, 0.6):
        t = np.arange(0.0, 3.0, 1.0 / rate_hz)
        one = 30.0 * (smooth((t - 0.5) / stroke_s) - smooth((t - 2.0) / stroke_s))
        angle = np.concatenate((np.zeros(2 * rate_hz), np.tile(one, 10), np.zeros(2 * rate_hz)))
        assert outcome(run(np.arange(len(angle)) / rate_hz, angle)) == {"valid": 10}


def test_a_step_is_a_slip_only_between_two_quiet_stretches():
    def jumps(quiet, after):
        jump_filter = JumpFilter()
        jump_filter.restart(0.0, 0.0)
        seen = [
            jump_filter.push(
                i / 60, 0.0 if i < 60 else after(i - 60), -math.inf if quiet else math.inf
            )
            for i in range(1, 120)
        ]
        return set(seen) - {Jump.NONE}

    assert jumps(True, lambda _: 10.0) == {Jump.SHIFT}
    assert jumps(False, lambda _: 10.0) == set()
    assert jumps(True, lambda i: 10.0 + i) == set()
    assert jumps(True, lambda i: 40.0 if i < 4 else 0.0) == {Jump.BUMP}


# Units, signs, clocks


@RATES
@pytest.mark.parametrize("gain", [0.97, 1.03, 0.3, 0.5, 2.0])
def test_a_gain_or_another_persons_range_changes_no_count(rate_hz, gain):
    time_s, angle = ten(rate_hz)
    scaled = RepSettings(
        onset_deg=3.0, min_range_deg=min(12.0, 12.0 * gain), typical_range_deg=30.0
    )
    assert outcome(run(time_s, gain * angle, RepMachine(scaled, 0.0))) == {"valid": 10}


def test_a_rate_that_changes_mid_set_changes_no_count():
    slow, fast = ten(25, count=5), ten(100, count=5)
    time_s = np.concatenate((slow[0], slow[0][-1] + 0.04 + fast[0]))
    assert outcome(run(time_s, np.concatenate((slow[1], fast[1])))) == {"valid": 10}


@RATES
@pytest.mark.parametrize("jump_s", [0.3, 0.45])
def test_a_clock_that_steps_forward_changes_no_count(rate_hz, jump_s):
    time_s, angle = ten(rate_hz)
    for at_s in np.arange(3.0, 40.0, 3.3):
        assert outcome(run(time_s + jump_s * (time_s > at_s), angle)) == {"valid": 10}, at_s


@RATES
@pytest.mark.parametrize("tops", [(12.5, 40.0), (40.0, 12.5)])
def test_with_the_range_of_the_smallest_known_every_repetition_counts(rate_hz, tops):
    known = RepSettings(
        onset_deg=3.0, min_range_deg=12.0, typical_range_deg=12.0, calibrated_range_deg=12.0
    )
    time_s, angle = ten(rate_hz, np.linspace(*tops, 10))
    assert outcome(run(time_s, angle, RepMachine(known, 0.0))) == {"valid": 10}
