"""Sensors of phones on simulated wearers: the level, honest uncertainties, never a set as bends."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.session import analyse as sessions
from benchmarks.accuracy.conditions import REAL
from benchmarks.accuracy.worn import recording_of, side_of
from benchmarks.phones import EXERCISES, PHONE, coverage, score, set_as_bends, shank_alone
from imu.sample import Side
from imu.virtual.wearer import WearerSettings, wear


@pytest.mark.long
@pytest.mark.parametrize("thigh", [False, True])
def test_two_hundred_wearers_with_phones(thigh):
    scores = [score(EXERCISES[i % 5], 62000 + i, thigh=thigh) for i in range(200)]
    good = [one for one in scores if not one.refused]
    within_1, within_2 = coverage(good)
    assert len(good) >= 180
    assert np.median([one.rmse_deg for one in good]) < 1.8
    assert within_1 >= 0.60
    assert within_2 >= 0.90
    assert sum(one.exact for one in good) >= 0.97 * len(good)
    assert not any(one.set_as_bends for one in scores)


def test_a_set_is_not_taken_for_the_knee_bends_of_a_phone():
    settings = WearerSettings(**PHONE, tilt_sigma_deg=1.7, reps=5)
    wearing = shank_alone(wear("seated_internal_rotation", "right", 62500, settings))
    assert not set_as_bends(wearing, Side.RIGHT)


@pytest.mark.parametrize(
    ("exercise", "seed"), [("seated_internal_rotation", 81026), ("prone_rotation_test", 81049)]
)
def test_what_the_knee_does_in_a_set_is_not_taken_for_bends_of_two_phones(exercise, seed):
    side = side_of(seed)
    settings = WearerSettings(**(REAL.changes | PHONE), tilt_sigma_deg=1.7)
    wearing = wear(exercise, side.value, seed, settings)
    assert sessions.analyse(recording_of(wearing)).calibrations[side].calibration is not None
    assert not set_as_bends(wearing, side)
