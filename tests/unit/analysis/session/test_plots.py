"""The figure of a session: gaps stay gaps, every movement is marked, nothing warns."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache

os.environ["MPLBACKEND"] = "Agg"

import matplotlib.pyplot as plt
import numpy as np
import pytest

from analysis.exercises import load
from analysis.session.analyse import Result, analyse
from analysis.session.recording import Recording
from imu.clocks.timeline import align
from imu.sample import FrameTable, SampleTable
from imu.virtual.wearer import WearerSettings, wear


@cache
def result(side="right") -> Result:
    """Return a set of four, two with a hole of two seconds in the data."""
    wearing = wear("prone_windshield_wiper", side, 9, WearerSettings(reps=4))
    frames = align(SampleTable.from_samples(wearing.samples), wearing.units, "independent")
    start_s = next(time for time, label in wearing.marks if label == "set_start")
    q = frames.q.copy()
    q[(frames.time_s > start_s + 9.0) & (frames.time_s < start_s + 11.0)] = np.nan
    return analyse(
        Recording(
            session_id="s", wearer="w", started_at="2026-01-01T00:00:00+00:00",
            exercise=wearing.exercise, units=wearing.units, marks=wearing.marks,
            frames=FrameTable(frames.time_s, q, frames.interpolated),
        )
    )  # fmt: skip


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def drawn(ax) -> None:
    """Draw for real: most warnings come only then."""
    ax.figure.canvas.draw()


def line_of(ax, side):
    (line,) = (line for line in ax.lines if str(line.get_label()).startswith(side))
    return line


def test_a_gap_in_the_angle_is_a_gap_in_the_line():
    ax = result().plot()
    drawn(ax)
    angles = result().angles
    time_s, angle = line_of(ax, "right").get_data()
    assert np.array_equal(time_s, angles["time_s"])
    shown = ~np.isnan(np.asarray(angle, float))
    doing = ~angles["phase"].isin(["calibrating", "away"])
    assert np.array_equal(shown, (angles["valid"] & doing).to_numpy())
    assert not shown[~angles["valid"]].any()
    assert shown.any()


def test_every_repetition_is_numbered_and_every_hold_a_bar():
    reps = result().reps
    valid = reps[reps["status"] == "valid"]
    assert 0 < len(valid) < len(reps)  # the hole rejected some
    ax = result().plot()
    drawn(ax)
    assert [text.get_text() for text in ax.texts] == [str(rep) for rep in valid["rep"]]
    places = [text.xy for text in ax.texts]
    assert places == list(zip(valid["peak_s"], valid["peak_deg"], strict=True))
    bars = [line.get_xdata() for line in ax.lines if line.get_linewidth() == 4]
    lengths = [float(bar[1] - bar[0]) for bar in bars]
    assert lengths == pytest.approx(valid["hold_s"][valid["hold_s"] > 0].tolist())
    hatched = [patch for patch in ax.patches if patch.get_hatch()]
    assert len(hatched) == len(reps) - len(valid)


def test_both_legs_are_drawn_and_a_common_repetition_is_numbered_once():
    ax = result("both").plot()
    drawn(ax)
    assert line_of(ax, "left").get_color() != line_of(ax, "right").get_color()
    reps = result("both").reps
    valid = reps[(reps["status"] == "valid") & (reps["side"] != "both")]
    common = valid[["set", "rep"]].drop_duplicates()
    assert [text.get_text() for text in ax.texts] == [str(rep) for rep in common["rep"]]
    assert np.isfinite([text.xy for text in ax.texts]).all()


def test_a_given_axes_is_drawn_into_and_returned():
    _, ax = plt.subplots()
    assert result().plot(ax) is ax
    assert ax.get_xlabel() == "time (s)"
    assert ax.get_ylabel() == "hip internal rotation (°)"
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("missing", ["calibration", "shank"])
def test_a_session_without_any_angle_is_drawn_empty(missing):
    recording = result().recording
    if missing == "calibration":
        marks = [mark for mark in recording.marks if not mark[1].startswith("knee")]
        refused = analyse(replace(recording, marks=marks))
    else:
        frames = recording.frames
        one = FrameTable(frames.time_s, frames.q[:, :1], frames.interpolated)
        refused = analyse(replace(recording, units=recording.units[:1], frames=one))
    ax = refused.plot()
    drawn(ax)
    assert ax.texts == [] or len(ax.texts) == 0


@pytest.mark.parametrize(
    ("exercise", "label"),
    [
        ("table_top_circles", "thigh elevation (°)"),
        ("warrior_half_moon", "leg roll, outwards (°)"),
        ("twisted_legs_stretch", "held"),
        ("arm_bar", "timed, not measured"),
    ],
)
def test_what_is_no_hip_rotation_is_drawn_under_its_own_name(exercise, label):
    wearing = wear(exercise, "right", 2)
    frames = align(SampleTable.from_samples(wearing.samples), wearing.units, "independent")
    result = analyse(
        Recording(
            session_id="s", wearer="w", started_at="2026-01-01T00:00:00+00:00",
            exercise=exercise, units=wearing.units, frames=frames, marks=wearing.marks,
        )
    )  # fmt: skip
    ax = result.plot()
    assert ax.get_ylabel() == label
    drawn = [line for line in ax.get_lines() if len(line.get_xdata()) > 100]
    assert len(drawn) == (1 if load(exercise).is_counted else 0)
    for line in drawn:
        assert np.nanmax(line.get_ydata()) - np.nanmin(line.get_ydata()) > 40.0
    plt.close(ax.figure)
