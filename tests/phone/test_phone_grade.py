"""Sensors of phones on simulated wearers: the level, honest uncertainties, never a set as bends."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.phones import EXERCISES, coverage, score


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
    assert not any(one.set_as_bends for one in scores) or thigh


def test_a_set_is_not_taken_for_the_knee_bends_of_a_phone():
    found = score("seated_internal_rotation", 62500, thigh=False)
    assert not found.refused
    assert not found.set_as_bends
