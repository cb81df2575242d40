"""What the terminal reads out: the angle that is told, not the one that goes on being counted."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from analysis.exercises import load
from analysis.session.leg_monitor import LegUpdate
from hipturn.session.terminal import large_text, reading
from hipturn.words import words_of

WIPER, RAISE = load("prone_windshield_wiper"), load("straight_leg_raise_test")


def leg(rotation_deg, signal_deg=17.0):
    return LegUpdate(
        time_s=1.0,
        angles=SimpleNamespace(),
        rotation_deg=rotation_deg,
        sigma_deg=math.nan,
        phase="rest",
        set=1,
        reps=0,
        hold_s=0.0,
        announced=None,
        completed=None,
        signal_deg=signal_deg,
    )


def read(*given):
    return reading(*given, words_of())


@pytest.mark.parametrize("told", [large_text, read])
def test_a_refused_hip_angle_is_not_shown_though_it_is_still_counted(told):
    assert told(leg(17.0), WIPER) == "17°"
    assert told(leg(math.nan), WIPER) == "– –"


def test_what_is_counted_in_place_of_a_hip_angle_is_shown_under_its_own_name():
    assert read(leg(math.nan), RAISE) == "thigh elevation 17°"
    assert large_text(leg(math.nan), RAISE) == "17°"
