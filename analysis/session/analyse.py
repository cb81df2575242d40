"""Whole recordings: from aligned frames and marks to angles, repetitions and a summary.

The tables are pandas DataFrames with the columns that the outside relies on; degrees and seconds of
the session, internal rotation positive on either side.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pandas as pd

from analysis.angle.free_movement import free_angles, free_axes
from analysis.calibrate.calibration import CalibrationResult, calibrate
from analysis.calibrate.find_steps import find_windows
from analysis.calibrate.given_axes import GivenAxes, calibrate_given
from analysis.calibrate.hold_pose import PoseCalibration, calibrate_pose
from analysis.edits import Applied, apply
from analysis.exercises import Exercise
from analysis.leg import LegCalibration, LegFrames, Spans, Windows
from analysis.session.alarms import Alarm, fell_silent
from analysis.session.assessment import Assessment, assess
from analysis.session.holds_and_timers import HoldMonitor, TimerMonitor, follow_guided
from analysis.session.recording import (
    LegRecord,
    LegUnits,
    RecordedLeg,
    Recording,
    follow_legs,
    free_record,
    inside_of,
    leg_units,
    missing_units,
)
from analysis.session.tables import angle_table, rep_table, set_table, summary_table
from imu.sample import FloatArray, Side

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The tables of one session and how the calibration went."""

    recording: Recording
    angles: pd.DataFrame
    reps: pd.DataFrame
    summary: pd.DataFrame
    calibrations: dict[Side, CalibrationResult]
    windows: dict[Side, Windows]
    alarms: dict[Side, tuple[Alarm, ...]]
    """What went wrong after the calibration, leg by leg."""
    sentences: tuple[str, ...]
    """What a person should know: refusals, warnings, losses."""
    tests: dict[Side, Assessment] = field(default_factory=dict)
    """The record of each leg's test, where the session is one."""
    signals: dict[Side, FloatArray] = field(default_factory=dict)
    """What was counted, at the rows of `angles`: the hip angle or its proxy; NaN where refused."""
    sets: pd.DataFrame = field(default_factory=pd.DataFrame)
    """The table of sets, with what people said of each."""
    edited: Applied = field(default_factory=lambda: Applied({}))
    """The movements as people corrected them, and what else they said."""

    @property
    def corrections(self) -> tuple[str, ...]:
        """Return who corrected what, when, and what was measured: a sentence each."""
        return self.edited.corrections

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the angle over time with repetitions and uncertainty; return the Axes."""
        from analysis.session.plots import plot_angle  # matplotlib only when a figure is wanted

        return plot_angle(self.recording.entry, self.angles, self.reps, self.signals, ax)


def analyse(recording: Recording) -> Result:
    """Return the tables of a session.

    Raises
    ------
    analysis.exercises.CatalogueError
        When the exercise is unknown.
    """
    exercise = recording.entry
    calibrations: dict[Side, CalibrationResult] = {}
    windows: dict[Side, Windows] = {}
    legs: dict[Side, RecordedLeg] = {}
    records: dict[Side, LegRecord] = {}
    sentences = list(recording.notes)
    for units in leg_units(recording.units):
        side, frames = units.side, recording.leg(units)
        if exercise.is_counted:
            windows[side], result = calibrate_leg(recording, frames, exercise, side)
            if result.calibration is not None:
                spans = counted_spans(recording.marks, result.calibration.ready_s)
                legs[side] = RecordedLeg(result.calibration, frames, spans)
        else:
            follow = _follow_free if exercise.is_free else _follow_guided
            windows[side], result, record = follow(recording, exercise, side, frames)
            if record is not None:
                records[side] = record
        calibrations[side] = result
        sentences += [f"{side} leg: {sentence}" for sentence in result.sentences]
    records |= follow_legs(
        legs,
        exercise,
        recording.rate_hz if legs else 0.0,
        recording.frames.interpolated,
    )
    edited, records = _edited(recording, exercise, records)
    sentences += edited.notes
    alarms = {
        leg.side: (*records[leg.side].alarms, *_fell_silent(recording, leg))
        for leg in leg_units(recording.units)
        if leg.side in records
    }
    sentences += [
        f"{side} leg: {a.text} ({a.time_s:.0f} s)" for side in alarms for a in alarms[side]
    ]
    sentences += missing_units(recording.units)
    if not calibrations:
        sentences.append("no leg has a shank unit: there is no hip angle")
    reps = rep_table(recording, exercise, records)
    sets = set_table(recording, exercise, reps, edited.sets)
    tests = assess(
        exercise,
        recording,
        {
            side: (records[side], inside_of(leg), leg.start_deg(exercise))
            for side, leg in legs.items()
        },
    )
    return Result(
        recording=recording,
        angles=angle_table(
            recording, exercise, {side: of.steps for side, of in windows.items()}, records
        ),
        reps=reps,
        summary=summary_table(
            recording, exercise, list(calibrations), reps, tests, sets, edited.kinds
        ),
        calibrations=calibrations,
        windows=windows,
        alarms=alarms,
        sentences=tuple(dict.fromkeys(sentences)),
        tests=tests,
        signals={side: record.signal_deg for side, record in records.items()},
        sets=sets,
        edited=edited,
    )


def _edited(
    recording: Recording, exercise: Exercise, records: Mapping[Side, LegRecord]
) -> tuple[Applied, dict[Side, LegRecord]]:
    """Return what people said, and the legs as they have them."""
    measured = {side: record.movements for side, record in records.items()}
    paired = exercise.both_legs and len(records) == len(Side)
    edited = apply(measured, recording.edits, paired=paired)
    now = {
        side: replace(record, movements=edited.movements[side]) for side, record in records.items()
    }
    for side, from_s in edited.bad_from_s.items():
        now[side] = now[side].without_angles(recording.frames.time_s >= from_s)
    return edited, now


def _fell_silent(recording: Recording, leg: LegUnits) -> list[Alarm]:
    """Return an alarm for each unit of a leg that was not heard to the end."""
    end_s = float(recording.frames.time_s[-1]) if len(recording.frames.time_s) else 0.0
    worn = (("thigh", leg.thigh), ("shank", leg.shank), ("pelvis", leg.pelvis))
    found = [
        fell_silent(segment, recording.silent_s[index], end_s)
        for segment, index in worn
        if index is not None and index < len(recording.silent_s)
    ]
    return [alarm for alarm in found if alarm is not None]


def _follow_guided(
    recording: Recording, exercise: Exercise, side: Side, frames: LegFrames
) -> tuple[Windows, CalibrationResult, LegRecord | None]:
    """Return where one leg was to be held and for how long it was; a timer asks for no place."""
    if not exercise.needs_calibration:
        timer = TimerMonitor(exercise, counted_spans(recording.marks, 0.0))
        record = follow_guided(timer, frames, -math.inf)
        return Windows(), CalibrationResult(None, ()), record
    windows, pose, result = calibrate_hold(recording, frames, exercise, side)
    if pose is None:
        return windows, result, None
    hold = HoldMonitor(pose, exercise, counted_spans(recording.marks, pose.ready_s))
    return windows, result, follow_guided(hold, frames, pose.ready_s)


def _follow_free(
    recording: Recording, exercise: Exercise, side: Side, frames: LegFrames
) -> tuple[Windows, CalibrationResult, LegRecord | None]:
    """Return what one leg of a free movement shows; None where nothing tells how its units sit."""
    windows = _known_windows(recording, side)
    stored = (recording.calibrations or {}).get(side)
    axes, result = free_axes(frames, windows, stored if isinstance(stored, GivenAxes) else None)
    if axes is None:
        return windows, result, None
    found = free_angles(axes, frames, side, math.radians(exercise.max_sigma_deg))
    return windows, result, free_record(found)


def calibrate_leg(
    recording: Recording, frames: LegFrames, exercise: Exercise, side: Side
) -> tuple[Windows, CalibrationResult]:
    """Return the stored calibration, or one with given axes, from the marks or from the frames."""
    marked = _known_windows(recording, side)
    stored = (recording.calibrations or {}).get(side)
    if isinstance(stored, LegCalibration):
        return marked, CalibrationResult(stored, ())
    if isinstance(stored, GivenAxes):
        return marked, calibrate_given(stored, frames, marked, exercise)
    if marked == Windows():
        marked = find_windows(frames, exercise, side)
    return marked, calibrate(frames, marked, exercise, side)


def calibrate_hold(
    recording: Recording, frames: LegFrames, exercise: Exercise, side: Side
) -> tuple[Windows, PoseCalibration | None, CalibrationResult]:
    """Return the position of a guided hold: stored, by the marks, or the last stillness shown."""
    marked = _known_windows(recording, side)
    stored = (recording.calibrations or {}).get(side)
    if isinstance(stored, PoseCalibration):
        return marked, stored, CalibrationResult(None, ())
    if marked == Windows():
        marked = find_windows(frames, exercise, side)
    return marked, *calibrate_pose(frames, marked, exercise, side)


def _known_windows(recording: Recording, side: Side) -> Windows:
    """Return when a leg calibrated, as its live calibration told, or the marks tell."""
    return (recording.windows or {}).get(side) or windows_of_marks(recording.marks)


def windows_of_marks(marks: Sequence[tuple[float, str]]) -> Windows:
    """Return the calibration windows that marks tell: the last of each before the first set."""
    first_set = next((t for t, label in sorted(marks) if label == "set_start"), math.inf)
    found: dict[str, tuple[float, float]] = {}
    for name in ("stand", "pose", "knee"):
        pairs = spans(marks, name)
        before = [pair for pair in pairs if pair[0] < first_set] or pairs
        if before:
            found[name] = before[-1]
    return Windows(stand=found.get("stand"), pose=found.get("pose"), bends=found.get("knee"))


def spans(marks: Sequence[tuple[float, str]], name: str) -> list[tuple[float, float]]:
    """Return the (start, end) seconds of every marked stretch of one name, in order.

    Stretches do not overlap: where a start is marked twice, the later one is meant.
    """
    found: list[tuple[float, float]] = []
    start: float | None = None
    for time_s, label in sorted(marks):
        if label == f"{name}_start":
            start = time_s
        elif label == f"{name}_end" and start is not None and time_s > start:
            found.append((start, time_s))
            start = None
    return found


def counted_spans(marks: Sequence[tuple[float, str]], ready_s: float) -> Spans:
    """Return between which seconds movements count: the marked sets, else from calibration on.

    A first set without a start begins with the calibration's end, a last one without an end lasts
    as long as the recording.
    """
    sets = [mark for mark in sorted(marks) if mark[1] in ("set_start", "set_end")]
    if not sets or sets[0][1] == "set_end":
        sets.insert(0, (ready_s, "set_start"))
    if sets[-1][1] == "set_start":
        sets.append((math.inf, "set_end"))
    return spans(sets, "set")
