"""Repetitions over each other: stretched to one length, gaps kept, other movements left out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.session.overlay import overlay

TIME_S = np.arange(0.0, 20.0, 0.02)


def tables(peaks_deg, durations_s, status=None):
    """Return angles of half sine waves, one after the other, and their table."""
    angle, rows, at = np.zeros_like(TIME_S), [], 1.0
    for number, (peak, length) in enumerate(zip(peaks_deg, durations_s, strict=True)):
        inside = (at <= TIME_S) & (at + length >= TIME_S)
        angle[inside] = peak * np.sin(np.pi * (TIME_S[inside] - at) / length)
        said = status[number] if status else "valid"
        rows.append({"side": "right", "status": said, "start_s": at, "end_s": at + length})
        at += length + 1.0
    angles = pd.DataFrame({"side": "right", "time_s": TIME_S, "hip_internal_rotation_deg": angle})
    return angles, pd.DataFrame(rows)


def test_repetitions_of_any_duration_lie_over_each_other():
    found = overlay(*tables([30.0, 30.0], [2.0, 4.0]), "right")
    assert found.reps_deg.shape == (2, 101)
    np.testing.assert_allclose(found.reps_deg[0], found.reps_deg[1], atol=0.05)
    np.testing.assert_allclose(found.sd_deg, 0.0, atol=0.05)
    assert found.mean_deg[50] == pytest.approx(30.0, abs=0.05)


def test_mean_and_sd_are_those_of_the_repetitions():
    found = overlay(*tables([20.0, 30.0, 40.0], [2.0, 2.0, 2.0]), "right")
    assert found.mean_deg[50] == pytest.approx(30.0, abs=0.05)
    assert found.sd_deg[50] == pytest.approx(10.0, abs=0.05)


def test_what_is_not_valid_or_of_the_other_leg_is_left_out():
    angles, reps = tables([30.0, 8.0, 30.0], [2.0] * 3, ["valid", "partial", "rejected"])
    assert len(overlay(angles, reps, "right").reps_deg) == 1
    assert overlay(angles, reps.assign(side="left"), "right").reps_deg.shape == (0, 101)


def test_a_gap_is_no_line_and_does_not_spoil_the_mean():
    angles, reps = tables([30.0, 30.0], [2.0, 2.0])
    gap = (angles["time_s"] > 1.8) & (angles["time_s"] < 2.2)
    angles.loc[gap, "hip_internal_rotation_deg"] = np.nan
    found = overlay(angles, reps, "right")
    assert np.isnan(found.reps_deg[0, 50])
    assert found.mean_deg[50] == pytest.approx(30.0, abs=0.05)


def test_one_repetition_has_no_sd():
    found = overlay(*tables([30.0], [2.0]), "right")
    assert np.isnan(found.sd_deg).all()
