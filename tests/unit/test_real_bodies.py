"""Calibration and angles on a real leg, where its recording is at hand ($HIPTURN_TEST_DATA)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.real_bodies import calibrated, errors, read, rms
from imu.sample import Side

DATA = Path(os.environ.get("HIPTURN_TEST_DATA", ""), "cmu_leg_exercises")
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the recordings are not at hand")


def test_the_rear_leg_of_lunges_gives_rotation_knee_and_thigh_of_squats_and_heel_raises():
    person = read(DATA, Side.LEFT)
    result = calibrated(person)
    assert result.calibration is not None, result.sentences
    off = errors(person, result.calibration)
    assert rms(off.rotation) <= 4.0
    assert rms(off.rotation_from_own) <= 2.5
    assert rms(off.knee) <= 9.0
    assert rms(off.knee_from_stand) <= 6.0
    assert rms(off.elevation) <= 6.0
    for values, sigma_rad in (
        (off.knee, result.calibration.sigma_knee_flexion_rad),
        (off.elevation, result.calibration.sigma_thigh_elevation_rad),
    ):
        assert np.mean(np.abs(values) <= 2 * np.degrees(sigma_rad)) >= 0.9


def test_the_front_leg_of_lunges_is_refused_because_its_thigh_does_the_bending():
    result = calibrated(read(DATA, Side.RIGHT))
    assert result.calibration is None
    assert "with the foot free" in " ".join(result.sentences)
