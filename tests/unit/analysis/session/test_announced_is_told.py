"""What was announced live is what the table says, whatever the stream had to go through."""

from __future__ import annotations

import math
import operator
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.exercises import load
from analysis.session.analyse import analyse, calibrate_hold, calibrate_leg
from analysis.session.announcements import MOVEMENT_KINDS, Kind
from analysis.session.recording import Recording, leg_units
from hipturn.session.pipeline import Tracker
from imu.clocks.timeline import align, until_last_complete
from imu.sample import SampleTable, Side
from imu.virtual.wearer import WearerSettings, wear

KINDS = {"valid": Kind.REP, "partial": Kind.PARTIAL, "rejected": Kind.REJECTED}
WORN = {
    "both": ("prone_windshield_wiper", "both"),
    "one": ("ninety_ninety_lift", "left"),
    "circles": ("table_top_circles", "right"),
    "hold": ("lying_rotation_stretch", "right"),
}


@cache
def worn(which):
    exercise, side = WORN[which]
    return wear(exercise, side, 17, WearerSettings(reps=1 if which == "hold" else 4))


def quaternion_about(axis, angle):
    q = np.zeros(4)
    q[0], q[1 + axis] = np.cos(angle / 2), np.sin(angle / 2)
    return q


def turned(q, by):
    """Return q ⊗ by: the unit turned on its segment."""
    w, x, y, z = q
    a, b, c, d = by
    return (
        w * a - x * b - y * c - z * d,
        w * b + x * a + y * d - z * c,
        w * c - x * d + y * a + z * b,
        w * d + x * c - y * b + z * a,
    )


def disturbed(samples, wearing, what):
    """Return the samples after gaps, knocks and slips: (kind, unit, share, length, size)."""
    marked = {label: t for t, label in wearing.marks}
    begun_s = marked.get("set_start", marked["pose_end"])
    end_s = samples[-1].host_time_ns * 1e-9
    out = list(samples)
    for kind, unit, share, length_s, size_deg in what:
        start_s = begun_s + share * (end_s - begun_s)
        stop_s = start_s + length_s if kind == "gap" else start_s + 0.08
        by, kept = quaternion_about(unit % 3, np.radians(size_deg)), []
        for sample in out:
            t = sample.host_time_ns * 1e-9
            hit = sample.unit == unit % len(wearing.units) and t > start_s
            if hit and kind == "gap" and t <= stop_s:
                continue
            if hit and (kind == "slip" or (kind == "knock" and t <= stop_s)):
                kept.append(sample._replace(q=turned(sample.q, by)))
            else:
                kept.append(sample)
        out = kept
    return out


def recording_of(wearing, samples):
    """Return the stream as a recording that brings the calibrations it begins with."""
    frames = until_last_complete(
        align(SampleTable.from_samples(samples), wearing.units, "independent"), wearing.units
    )
    recording = Recording(
        session_id="s", wearer="w", started_at="", exercise=wearing.exercise, units=wearing.units,
        frames=frames, marks=wearing.marks,
    )  # fmt: skip
    exercise, found = load(wearing.exercise), {}
    for leg in leg_units(wearing.units):
        calibrate = calibrate_leg if exercise.is_counted else calibrate_hold
        *_, pose, result = (None, *calibrate(recording, recording.leg(leg), exercise, leg.side))
        found[leg.side] = result.calibration if exercise.is_counted else pose
    return replace(recording, calibrations=found)


def announced(recording, samples):
    """Return what is said of the stream, sample by sample."""
    exercise = load(recording.exercise)
    tracker = Tracker(recording.units, "independent", exercise, marks=recording.marks)
    for calibration in recording.calibrations.values():
        tracker.use(calibration)
    updates = [update for sample in samples for update in tracker.push(sample)]
    updates += tracker.finish()
    return [said for update in updates for said in update.announcements]


def said_movements(said):
    """Return what was said of every movement and hold, in order of side and time."""
    movements = [
        (str(a.side), round(a.movement.peak_s, 6), str(a.kind), a.set, a.reason, a.value)
        + ((a.rep,) if a.kind is Kind.REP else (0,))
        for a in said
        if a.kind in MOVEMENT_KINDS
    ]
    holds = [
        (str(a.side), math.nan, "hold", a.set, "", a.value, a.rep)
        for a in said
        if a.kind is Kind.HOLD_END
    ]
    return sorted(movements) + holds


def told_movements(reps):
    """Return the same of the rows of the table of repetitions."""
    rows = reps[reps["side"] != "both"].to_dict("records")
    movements = [
        (
            row["side"], row["peak_s"], str(KINDS[row["status"]]), number(row["set"]),
            row["reject_reason"], row["rom_deg"], number(row["rep"]),
        )
        for row in rows
        if row["status"] != "hold"
    ]  # fmt: skip
    holds = [
        (row["side"], math.nan, "hold", row["set"], "", row["hold_s"], row["rep"])
        for row in rows
        if row["status"] == "hold"
    ]
    return sorted(movements) + holds


def number(value):
    return 0 if pd.isna(value) else int(value)


def faults(said, reps):
    """Return the faults that were said, and those in the rows of the legs."""
    rows = reps[(reps["side"] != "both") & (reps["status"] == "valid")].to_dict("records")
    in_rows = [
        (row["side"], row["set"], row["rep"], fault)
        for row in rows
        for fault in row["faults"].split(";")
        if fault
    ]
    aloud = [(str(a.side), a.set, a.rep, a.reason) for a in said if a.kind is Kind.FAULT]
    return sorted(aloud), sorted(in_rows)


def assert_what_was_announced_is_what_the_table_says(wearing, samples):
    recording = recording_of(wearing, samples)
    said, reps = announced(recording, samples), analyse(recording).reps
    aloud, told = said_movements(said), told_movements(reps)
    assert len(aloud) == len(told)
    for one, other in zip(aloud, told, strict=True):
        assert (one[0], *one[2:5], one[6]) == (other[0], *other[2:5], other[6])
        assert one[1] == pytest.approx(other[1], abs=1e-5, nan_ok=True)  # the peak's second
        assert one[5] == pytest.approx(other[5], abs=1e-3)  # degrees, or seconds of a hold
    assert operator.eq(*faults(said, reps))
    return reps


DISTURBANCES = st.lists(
    st.tuples(
        st.sampled_from(["gap", "gap", "knock", "slip"]),
        st.integers(0, 3),
        st.floats(0.0, 0.95),
        st.floats(0.1, 9.0),
        st.floats(-40.0, 40.0),
    ),
    max_size=4,
)


@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(which=st.sampled_from(["both", "both", *WORN]), what=DISTURBANCES)
def test_announcements_equal_the_rows_of_the_table_in_number_set_and_values(which, what):
    wearing = worn(which)
    samples = disturbed(wearing.samples, wearing, what)
    assert_what_was_announced_is_what_the_table_says(wearing, samples)


def test_when_a_unit_is_silent_to_the_end_the_other_leg_is_told_to_its_end():
    wearing = worn("both")
    samples = disturbed(wearing.samples, wearing, [("gap", 0, 0.8125, 5.0, 0.0)])
    reps = assert_what_was_announced_is_what_the_table_says(wearing, samples)
    silent_s = max(s.host_time_ns for s in samples if s.unit == 0) * 1e-9
    assert reps["peak_s"].max() > silent_s


def test_after_a_gap_on_one_leg_both_legs_are_counted_alike_aloud_and_in_the_table():
    wearing = worn("both")
    second = wearing.truth.reps[Side.LEFT][1]
    left = [i for i, unit in enumerate(wearing.units) if unit.side is Side.LEFT]
    samples = [
        sample
        for sample in wearing.samples
        if not (
            sample.unit in left and second.start_s < sample.host_time_ns * 1e-9 < second.end_s - 0.2
        )
    ]
    reps = assert_what_was_announced_is_what_the_table_says(wearing, samples)
    valid = reps[reps["status"] == "valid"]
    right, left = (valid[valid["side"] == side] for side in ("right", "left"))
    assert right["rep"].tolist() == [1, 2, 3, 4]
    assert left["rep"].tolist() == [1, 3, 4]
    assert ["async" in flags for flags in right["flags"]] == [False, True, False, False]
