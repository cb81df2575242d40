"""Whole recordings: which units, which marks, which calibration, and what is said about them."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import Literal

import numpy as np
import pandas as pd
import pytest

from analysis.calibrate.calibration import Windows
from analysis.exercises import CatalogueError
from analysis.session.analyse import analyse, counted_spans, spans, windows_of_marks
from analysis.session.recording import Recording, leg_units
from analysis.session.tables import ANGLE_COLUMNS, REP_COLUMNS, SUMMARY_COLUMNS
from imu.clocks.timeline import align
from imu.sample import FrameTable, SampleTable, Segment, Side, Unit
from imu.virtual.wearer import WearerSettings, wear

WornSide = Literal["left", "right", "both"]


@cache
def recording_of(exercise="prone_windshield_wiper", side: WornSide = "right", seed=1, reps=3):
    """Return a virtual session as analysis wants it."""
    wearing = wear(exercise, side, seed, WearerSettings(reps=reps))
    return Recording(
        session_id="a-session",
        wearer="W1",
        started_at="2026-11-22T09:30:00.000+01:00",
        exercise=exercise,
        units=wearing.units,
        frames=align(SampleTable.from_samples(wearing.samples), wearing.units, "independent"),
        marks=wearing.marks,
        lost_percent=1.25,
        longest_gap_s=0.2,
        notes=("a note",),
    )


@cache
def analysed(*args, **kwargs):
    return analyse(recording_of(*args, **kwargs))


def with_units(recording: Recording, keep: list[int]) -> Recording:
    frames = recording.frames
    return replace(
        recording,
        units=tuple(recording.units[i] for i in keep),
        frames=FrameTable(frames.time_s, frames.q[:, keep], frames.interpolated),
    )


def unmarked(recording: Recording, *labels: str) -> Recording:
    marks = [mark for mark in recording.marks if not mark[1].startswith(labels)]
    return replace(recording, marks=marks)


def test_a_session_becomes_three_tables_and_what_a_person_should_know():
    result = analysed()
    assert len(result.angles) == len(result.recording.frames)
    assert (result.reps["status"] == "valid").sum() == 3
    assert len(result.summary) == 1
    assert result.sentences == ("a note",)
    assert result.recording.rate_hz == 60.0


def test_the_same_recording_gives_the_same_tables():
    again = analyse(recording_of())
    for name in ("angles", "reps", "summary"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(analysed(), name))


def test_an_unknown_exercise_is_refused_with_a_hint():
    with pytest.raises(CatalogueError, match="did you mean prone_windshield_wiper"):
        analyse(replace(recording_of(), exercise="prone_windshield_wipper"))


# Units


def test_both_legs_are_analysed_each_by_its_own_units():
    result = analysed(side="both")
    assert set(result.calibrations) == {Side.LEFT, Side.RIGHT}
    assert result.summary["side"].tolist() == ["left", "right"]
    assert result.summary["valid"].tolist() == [3, 3]
    counts = result.angles.groupby("side", observed=True).size()
    assert counts.to_dict() == dict.fromkeys(("left", "right"), len(result.recording.frames))
    alone = analyse(with_units(result.recording, [2, 3]))
    assert alone.summary["side"].tolist() == ["left"]
    left = result.angles[result.angles["side"] == "left"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone.angles, left)


def test_a_leg_without_its_shank_unit_is_named_and_the_other_leg_is_analysed():
    result = analyse(with_units(recording_of(side="both"), [0, 1, 2]))
    assert "left leg: there is no shank unit, so there is no hip angle" in result.sentences
    assert result.summary["side"].tolist() == ["right"]
    result = analyse(with_units(recording_of(side="both"), [1, 2, 3]))
    assert any("reads as an inclinometer does" in sentence for sentence in result.sentences)
    assert result.summary["side"].tolist() == ["left", "right"]


def test_without_any_complete_leg_the_tables_are_empty_with_all_their_columns():
    result = analyse(with_units(recording_of(), [0]))
    assert list(result.angles.columns) == list(ANGLE_COLUMNS)
    assert list(result.reps.columns) == list(REP_COLUMNS)
    assert list(result.summary.columns) == list(SUMMARY_COLUMNS)
    assert len(result.angles) == len(result.reps) == len(result.summary) == 0
    assert "right leg: there is no shank unit, so there is no hip angle" in result.sentences
    assert any("no leg has a shank unit" in sentence for sentence in result.sentences)


def test_legs_are_found_in_any_order_of_units_and_a_pelvis_is_no_leg():
    def unit(segment, side):
        return Unit(segment=segment, side=side, rate_hz=60.0)

    right = [unit(Segment.SHANK, Side.RIGHT), unit(Segment.THIGH, Side.RIGHT)]
    left = [unit(Segment.THIGH, Side.LEFT), unit(Segment.SHANK, Side.LEFT)]
    pelvis = unit(Segment.PELVIS, None)
    assert leg_units([pelvis, *right, *left]) == [(Side.LEFT, 3, 4, 0), (Side.RIGHT, 2, 1, 0)]
    assert leg_units([pelvis]) == []


# Calibration


def test_a_refused_calibration_leaves_the_angles_empty_and_says_why():
    recording = unmarked(recording_of(), "knee")
    result = analyse(recording)
    assert result.calibrations[Side.RIGHT].calibration is None
    assert any(s.startswith("right leg: no knee bends found") for s in result.sentences)
    assert len(result.angles) == len(recording.frames)
    assert result.angles["hip_internal_rotation_deg"].isna().all()
    assert not result.angles["valid"].any()
    assert result.angles["basis"].isna().all()
    assert result.angles["set"].isna().all()
    assert len(result.reps) == 0
    assert result.summary["valid"].tolist() == [0]
    assert np.isnan(result.summary["rom_median_deg"]).all()


def test_without_any_marks_the_calibration_is_found_and_the_same_repetitions_counted():
    result = analyse(replace(recording_of(), marks=()))
    assert result.calibrations[Side.RIGHT].calibration is not None
    marked = analysed().reps
    assert result.reps["status"].tolist() == marked["status"].tolist()
    assert result.reps["rom_deg"].tolist() == pytest.approx(marked["rom_deg"].tolist(), abs=1.5)


def test_a_stored_calibration_is_used_as_it_is():
    calibration = analysed().calibrations[Side.RIGHT].calibration
    stored = replace(
        unmarked(recording_of(), "stand", "pose", "knee"),
        calibrations={Side.RIGHT: calibration},
    )
    result = analyse(stored)
    assert result.calibrations[Side.RIGHT].calibration is calibration
    columns = ["time_s", "hip_internal_rotation_deg"]
    pd.testing.assert_frame_equal(result.angles[columns], analysed().angles[columns])
    pd.testing.assert_frame_equal(result.reps, analysed().reps)


# Marks


def pairs(*named):
    return [m for name, a, b in named for m in ((a, f"{name}_start"), (b, f"{name}_end"))]


def test_marked_windows_are_the_last_of_each_before_the_first_set():
    marks = pairs(
        ("stand", 1, 4), ("pose", 8, 11), ("knee", 12, 20), ("stand", 30, 33), ("pose", 40, 44),
        ("set", 50, 90), ("pose", 95, 99),
    )  # fmt: skip
    expected = Windows(stand=(30, 33), pose=(40, 44), bends=(12, 20))
    assert windows_of_marks(marks) == expected
    assert windows_of_marks(marks[::-1]) == expected
    assert windows_of_marks([]) == Windows()


def test_a_calibration_marked_only_after_the_set_serves_too():
    marks = pairs(("set", 5, 30), ("pose", 40, 44), ("knee", 45, 60))
    assert windows_of_marks(marks) == Windows(pose=(40, 44), bends=(45, 60))


def test_stretches_are_in_order_and_do_not_overlap():
    marks = [*pairs(("set", 50, 60), ("set", 10, 20)), (30, "set_start"), (40, "note")]
    assert spans(marks, "set") == [(10, 20), (50, 60)]
    assert spans([(5, "set_end"), (6, "set_start")], "set") == []
    assert spans([*pairs(("set", 10, 20)), (25, "set_end")], "set") == [(10, 20)]
    assert spans([(8, "set_start"), *pairs(("set", 10, 20))], "set") == [(10, 20)]


def test_each_marked_set_counts_and_nothing_between():
    marks = pairs(("set", 10, 20), ("set", 50, 60))
    assert list(counted_spans(marks, 3.0)) == [(10, 20), (50, 60)]
    assert list(counted_spans(pairs(("pose", 1, 2)), 3.0)) == [(3.0, math.inf)]


def test_a_set_whose_start_or_end_was_not_marked_counts_from_ready_or_to_the_end():
    assert list(counted_spans([(20, "set_end")], 3.0)) == [(3.0, 20)]
    assert list(counted_spans([(20, "set_start")], 3.0)) == [(20, math.inf)]
    marks = [(8, "set_end"), *pairs(("set", 10, 20)), (30, "set_start")]
    assert list(counted_spans(marks, 3.0)) == [(3.0, 8), (10, 20), (30, math.inf)]


def test_marks_split_a_recording_into_its_sets():
    recording = recording_of(reps=4)
    valid = analysed(reps=4).reps
    between = (valid["end_s"][1] + valid["start_s"][2]) / 2
    marks = [*recording.marks, (between, "set_end"), (between, "set_start")]
    result = analyse(replace(recording, marks=marks))
    numbered = result.reps[["set", "rep"]].to_numpy().tolist()
    assert numbered == [[1, 1], [1, 2], [2, 1], [2, 2]]
    assert result.summary["sets"].tolist() == [2]
    last = analyse(replace(recording, marks=[*unmarked(recording, "set").marks, *marks[-1:]]))
    assert len(last.reps) == 2


# Both legs together


def test_a_repetition_of_both_legs_is_a_row_for_both_and_one_for_each():
    reps = analysed(side="both").reps
    assert reps["side"].tolist() == ["both", "left", "right"] * 3
    assert reps["rep"].tolist() == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert set(reps["set"]) == {1}
    assert "async" not in ";".join(reps["flags"])


def test_a_repetition_that_one_leg_lost_does_not_shift_the_partners_of_the_others():
    recording = recording_of(side="both")
    first = analysed(side="both").reps.iloc[0]
    frames = recording.frames
    q = frames.q.copy()
    hidden = (frames.time_s > first["start_s"] + 0.8) & (frames.time_s < first["end_s"] - 0.5)
    left = [i for i, unit in enumerate(recording.units) if unit.side is Side.LEFT]
    q[np.ix_(hidden, left)] = np.nan
    holed = replace(recording, frames=FrameTable(frames.time_s, q, frames.interpolated))
    reps = analyse(holed).reps
    assert reps["side"].tolist()[2:] == ["both", "left", "right"] * 2
    assert reps["rep"].tolist()[2:] == [2, 2, 2, 3, 3, 3]
    alone = reps[:2].set_index("side")
    assert alone["reject_reason"].to_dict() == {"left": "gap", "right": ""}
    assert alone["rep"]["right"] == 1
    assert pd.isna(alone["rep"]["left"])
    assert "async" in alone["flags"]["right"]


def test_an_exercise_of_one_leg_at_a_time_has_no_rows_for_both():
    recording = recording_of(side="both")
    one_leg = replace(recording, exercise="prone_rotation_test")
    reps = analyse(one_leg).reps
    assert set(reps["side"]) <= {"left", "right"}
