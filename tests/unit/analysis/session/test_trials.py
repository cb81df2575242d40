"""Trials of a test in an angle: of any size and either sign, with cues and without."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.session.trials import excursions

RATE_HZ = 60.0


def angle(*steps, start=0.0, sway=0.1):
    """Return time and angle: (seconds, level reached at their end) by smooth strokes."""
    levels, now = [], start
    for seconds, level in steps:
        tau = np.arange(1, round(seconds * RATE_HZ) + 1) / (seconds * RATE_HZ)
        levels.append(now + (level - now) * tau**3 * (10 - 15 * tau + 6 * tau**2))
        now = level
    deg = np.concatenate(levels)
    time_s = np.arange(len(deg)) / RATE_HZ
    return time_s, deg + sway * np.sin(1.3 * time_s)


def trial(level, hold_s=2.0, back=0.0):
    return ((1.5, level), (hold_s, level), (1.5, back), (1.5, back))


def levels(found):
    return [round(each.plateau.level_deg, 0) + 0.0 for each in found if each.plateau]


@pytest.mark.parametrize("level", [35.0, 24.0, 5.0, 3.0, -2.0])
def test_three_trials_of_any_size_and_sign_are_three_trials(level):
    found = excursions(*angle((2.0, 0.0), *trial(level) * 3), 0.0)
    assert levels(found) == [level] * 3


def test_a_leg_at_rest_has_no_trial():
    assert excursions(*angle((20.0, 0.0), sway=0.4), 0.0) == []


def test_a_leg_that_was_cued_and_does_not_move_is_a_trial_at_its_level():
    time_s, deg = angle((12.0, -2.0), start=-2.0)
    found = excursions(time_s, deg, -2.0, [2.0, 6.0])
    assert levels(found) == [-2.0, -2.0]
    assert all(each.cued for each in found)


def test_a_leg_that_was_at_its_end_when_it_was_cued_and_goes_back_is_a_trial_there():
    time_s, deg = angle((4.0, -3.8), (1.5, -2.0), (3.0, -2.0), start=-3.8, sway=0.05)
    (found,) = excursions(time_s, deg, -1.3, [1.0])
    assert found.plateau.level_deg == pytest.approx(-3.8, abs=0.2)


def test_a_cue_makes_a_trial_of_a_movement_smaller_than_a_departure():
    time_s, deg = angle((2.0, 0.0), *trial(-1.0) * 2, sway=0.05)
    assert excursions(time_s, deg, 0.0) == []
    assert levels(excursions(time_s, deg, 0.0, [1.9, 8.4])) == [-1.0, -1.0]


def test_a_short_hold_is_a_trial_without_a_plateau():
    (found,) = excursions(*angle((2.0, 0.0), *trial(30.0, hold_s=0.3)), 0.0)
    assert found.plateau is None
    assert 0.2 < found.longest_s < 1.0


def test_the_end_position_is_the_furthest_second_and_not_the_overshoot():
    steps = ((1.5, 38.0), (0.3, 34.0), (2.0, 33.5), (1.5, 0.0), (2.0, 0.0))
    (found,) = excursions(*angle((2.0, 0.0), *steps), 0.0)
    assert found.plateau.level_deg == pytest.approx(34.0, abs=0.6)


def test_a_dip_in_a_hold_is_no_second_trial():
    steps = ((1.5, 30.0), (1.2, 30.0), (0.6, 22.0), (0.6, 29.0), (1.2, 29.0), (1.5, 0.0))
    assert len(excursions(*angle((2.0, 0.0), *steps, (2.0, 0.0)), 0.0)) == 1


def test_swinging_past_the_rest_on_the_way_back_is_no_trial():
    found = excursions(*angle((2.0, 0.0), *trial(30.0, back=-3.0), *trial(30.0)), 0.0)
    assert levels(found) == [30.0, 30.0]


def test_both_ways_each_way_is_found_with_its_end():
    sweep = ((1.5, 35.0), (1.5, 35.0), (3.0, -42.0), (1.5, -42.0), (1.5, 0.0), (1.5, 0.0))
    found = excursions(*angle((2.0, 0.0), *sweep * 2), 0.0, both_ways=True)
    assert levels(found) == [35.0, -42.0] * 2
    assert [each.way for each in found] == [1, -1] * 2


def test_a_hole_ends_what_is_under_way_and_begins_no_trial_by_itself():
    time_s, deg = angle((2.0, 0.0), *trial(30.0, hold_s=4.0), *trial(30.0))
    deg[(time_s > 4.0) & (time_s < 5.0)] = np.nan
    found = excursions(time_s, deg, 0.0)
    assert levels(found)[-1] == 30.0
    assert all(each.way > 0 for each in found)
