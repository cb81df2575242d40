"""What knee and skin may add is told beside the uncertainty, and is enough where they do."""

from __future__ import annotations

import numpy as np
import pytest

from analysis import exercises
from analysis.angle.uncertainty import hidden_deg
from analysis.session import analyse as sessions
from imu.sample import Side
from imu.virtual.wearer import WearerSettings, wear


@pytest.mark.parametrize(
    ("exercise", "angle_deg", "hidden"),
    [
        ("prone_windshield_wiper", 40.0, 3.0),
        ("prone_windshield_wiper", 10.0, 3.0),
        ("seated_leg_extension_twist", 40.0, 4.4),
        ("seated_leg_extension_twist", -40.0, 4.4),
        ("seated_leg_extension_twist", 0.0, 0.4),
    ],
)
def test_a_bent_knee_gives_and_a_straight_legs_skin_lags(exercise, angle_deg, hidden):
    assert hidden_deg(exercises.load(exercise), angle_deg) == pytest.approx(hidden, abs=0.05)


@pytest.mark.parametrize(
    ("exercise", "settings"),
    [
        ("side_lying_ankle_lift", {"knee_play_deg": 3.0}),
        ("seated_leg_extension_twist", {"shank_skin_share": 0.1}),
    ],
)
def test_what_is_hidden_stays_within_uncertainty_and_anatomy(recording_of, exercise, settings):
    wearing = wear(exercise, "right", 9301, WearerSettings(reps=4, **settings))
    angles = sessions.analyse(recording_of(wearing)).angles
    rows = angles.dropna(subset=["hip_internal_rotation_deg"])
    angle = rows["hip_internal_rotation_deg"].to_numpy(float)
    off = np.abs(angle - wearing.truth.angle_at(Side.RIGHT, rows["time_s"].to_numpy(float)))
    sigma = rows["uncertainty_deg"].to_numpy(float)
    hidden = hidden_deg(exercises.load(exercise), angle)
    assert off.max() > 2.0, "nothing was hidden here"
    assert np.mean(off > 2 * sigma) > 0.1, "σ alone would do, so this shows nothing"
    assert np.mean(off <= 2 * sigma + hidden) > 0.99
