"""Holds on angles made of minimum-jerk strokes whose true plateau is known."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.grade.strokes import measure_hold

FINE_HZ = 1000
ALL_RATES = pytest.mark.parametrize("rate_hz", [25, 60, 100])


def movement(steps, rate_hz=60, added=None, noise_deg=0.03, seed=0):
    """Return the samples of one movement, and the true angle on a fine grid.

    A step is (seconds, angle at its end, kind): `smooth` is a minimum-jerk stroke, `line` a line.
    """
    ends = np.cumsum([step[0] for step in steps])
    fine = np.arange(0.0, ends[-1], 1.0 / FINE_HZ)
    true, last, begun = np.zeros_like(fine), 0.0, 0.0
    for (seconds, target, kind), end in zip(steps, ends, strict=True):
        tau = np.clip((fine - begun) / seconds, 0.0, 1.0)
        share = tau if kind == "line" else tau**3 * (10 - 15 * tau + 6 * tau**2)
        true = np.where(fine >= begun, last + (target - last) * share, true)
        last, begun = target, end
    if added is not None:
        true = true + added(fine)
    time_s = np.arange(0.0, ends[-1] - 1.0 / FINE_HZ, 1.0 / rate_hz)
    noise = noise_deg * np.random.default_rng(seed).standard_normal(len(time_s))
    return time_s, np.interp(time_s, fine, true) + noise, (fine, true)


def stroke_hold_stroke(top, stroke_s, hold_s, end_of_hold=None):
    end = top if end_of_hold is None else end_of_hold
    return [(stroke_s, top, "smooth"), (hold_s, end, "line"), (stroke_s, 0.0, "smooth")]


def true_hold_s(fine, true, level, top, speed=4.0):
    """Return how long the true angle is in the band about a level at under 4 °/s."""
    slow = np.abs(np.gradient(true, fine)) < speed
    near = (np.abs(true - level) <= max(4.0, 0.2 * top)) & (true >= 0.65 * top)
    return float(np.sum(slow & near)) / FINE_HZ


@ALL_RATES
@pytest.mark.parametrize("hold_s", [0.8, 2.0, 4.0])
@pytest.mark.parametrize("stroke_s", [0.7, 1.2, 2.0, 3.0])
def test_a_hold_is_as_long_as_the_angle_stays_in_its_band_within_0_2_s(rate_hz, hold_s, stroke_s):
    for top in (12.0, 20.0, 30.0):
        steps = stroke_hold_stroke(top, stroke_s, hold_s, 0.97 * top)
        time_s, angle, (fine, true) = movement(steps, rate_hz)
        hold = measure_hold(time_s, angle, 0.0, top)
        assert hold.duration_s == pytest.approx(true_hold_s(fine, true, top, top), abs=0.2)
        assert hold.end_s - hold.start_s == pytest.approx(hold.duration_s)
        assert hold.start_s == pytest.approx(stroke_s, abs=0.25 * stroke_s + 0.1)


@pytest.mark.parametrize("share", [0.03, 0.13, 0.18])
def test_a_droop_is_held_all_along_and_its_speed_is_told(share):
    steps = stroke_hold_stroke(30.0, 1.2, 4.0, 30.0 * (1 - share))
    time_s, angle, (fine, true) = movement(steps)
    hold = measure_hold(time_s, angle, 0.0, 30.0)
    assert hold.duration_s == pytest.approx(true_hold_s(fine, true, 29.0, 30.0), abs=0.2)
    assert hold.droop_dps == pytest.approx(30.0 * share / 4.0, abs=0.3)


def test_an_overshoot_peak_does_not_shorten_the_plateau_after_it():
    # 30° reached, 26° held: a band of 10 % about the maximum would find nothing
    steps = [
        (1.0, 30.0, "smooth"),
        (0.5, 26.0, "smooth"),
        (2.0, 26.0, "line"),
        (1.0, 0.0, "smooth"),
    ]
    time_s, angle, _ = movement(steps)
    hold = measure_hold(time_s, angle, 0.0, 30.0)
    assert 2.0 <= hold.duration_s <= 2.8
    assert hold.end_s == pytest.approx(3.5, abs=0.15)


@ALL_RATES
@pytest.mark.parametrize(("tremor_hz", "amplitude_deg"), [(4.0, 1.0), (6.0, 2.0), (10.0, 2.0)])
def test_a_tremor_neither_ends_nor_hides_a_hold(rate_hz, tremor_hz, amplitude_deg):
    def tremor(time_s):
        return amplitude_deg * np.sin(2 * np.pi * tremor_hz * time_s)

    for stroke_s in (0.7, 1.2, 3.0):
        steps = stroke_hold_stroke(30.0, stroke_s, 2.0)
        time_s, angle, _ = movement(steps, rate_hz, tremor)
        _, _, (fine, true) = movement(steps, rate_hz)
        hold = measure_hold(time_s, angle, 0.0, 30.0)
        assert hold.duration_s == pytest.approx(true_hold_s(fine, true, 30.0, 30.0), abs=0.3)


def test_breathing_during_a_hold_does_not_break_it():
    def breath(time_s):
        return 1.5 * np.sin(2 * np.pi * 0.25 * time_s)

    time_s, angle, (fine, true) = movement(stroke_hold_stroke(30.0, 1.2, 8.0), added=breath)
    hold = measure_hold(time_s, angle, 0.0, 30.0)
    assert hold.duration_s == pytest.approx(true_hold_s(fine, true, 30.0, 30.0), abs=0.2)


@pytest.mark.parametrize(("breach_s", "bridged"), [(0.25, True), (0.8, False)])
def test_a_breach_of_up_to_0_3_s_is_bridged_and_a_longer_one_ends_the_hold(breach_s, bridged):
    def sag(time_s):
        return np.where((time_s > 3.0) & (time_s < 3.0 + breach_s), -15.0, 0.0)

    steps = stroke_hold_stroke(30.0, 1.0, 4.0)
    time_s, angle, _ = movement(steps, added=sag)
    hold = measure_hold(time_s, angle, 0.0, 30.0)
    if bridged:
        assert hold.duration_s == pytest.approx(4.1, abs=0.2)
    else:
        assert hold.duration_s == pytest.approx(2.1, abs=0.3)


def test_the_longest_of_two_holds_counts():
    steps = [
        (1.0, 24.0, "smooth"), (1.0, 24.0, "line"), (1.0, 36.0, "smooth"), (3.0, 36.0, "line"),
        (1.0, 0.0, "smooth"),
    ]  # fmt: skip
    time_s, angle, _ = movement(steps)
    hold = measure_hold(time_s, angle, 0.0, 30.0)
    assert hold.start_s == pytest.approx(3.0, abs=0.2)
    assert hold.duration_s == pytest.approx(3.1, abs=0.2)


@ALL_RATES
@pytest.mark.parametrize("stroke_s", [0.5, 0.7, 1.0])
def test_turning_round_at_the_top_is_no_hold(rate_hz, stroke_s):
    steps = [(stroke_s, 30.0, "smooth"), (stroke_s, 0.0, "smooth")]
    assert measure_hold(*movement(steps, rate_hz)[:2], 0.0, 30.0) is None


def test_resting_low_is_no_hold():
    steps = [
        (1.0, 18.0, "smooth"),
        (3.0, 18.0, "line"),
        (0.5, 30.0, "smooth"),
        (0.7, 0.0, "smooth"),
    ]
    assert measure_hold(*movement(steps)[:2], 0.0, 30.0) is None


def test_a_level_above_zero_and_lost_samples_change_nothing():
    time_s, angle, _ = movement(stroke_hold_stroke(30.0, 1.2, 2.0))
    whole = measure_hold(time_s, angle, 0.0, 30.0)
    lifted = measure_hold(time_s, angle + 170.0, 170.0, 30.0)
    assert lifted == pytest.approx(whole)
    kept = np.random.default_rng(1).random(len(time_s)) > 0.1
    kept[[0, -1]] = True
    fewer = measure_hold(time_s[kept], angle[kept], 0.0, 30.0)
    assert fewer.duration_s == pytest.approx(whole.duration_s, abs=0.1)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_few_samples_hold_nothing(n):
    assert measure_hold(np.arange(n) / 60, np.full(n, 30.0), 0.0, 30.0) is None
