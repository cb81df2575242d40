"""A whole recording for the page: a description, and columns of numbers for drawing.

The columns go over in one piece, so that any moment of an hour is shown at once.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from analysis.calibrate.calibration import LegCalibration, LegFrames
from analysis.exercises import Exercise
from analysis.session.analyse import Result
from analysis.session.counting import start_level_deg
from analysis.session.recording import leg_units
from analysis.session.tables import PHASES
from hipturn.clinical_words import of_rows
from hipturn.server.messages import VERSION, bones_of
from hipturn.session.spoken import notes_said
from hipturn.words import told
from imu.quaternion import ARRAYS, wxyz
from imu.recording import Session
from imu.sample import FloatArray, Side

GAP_MS = 100.0
"""A longer stretch without an angle is shown as a gap."""
NOT_KNOWN = -32768
REP_FIELDS = (
    "side", "set", "rep", "status", "reject_reason", "start_s", "peak_s", "end_s", "start_deg",
    "peak_deg", "rom_deg", "up_s", "hold_s", "down_s", "controlled", "faults", "pain_0_10",
    "measured_status", "edited",
)  # fmt: skip


def exercise_data(exercise: Exercise) -> dict[str, Any]:
    """Return what the page needs to know of an exercise."""
    same = (
        "id", "name", "position", "both_legs", "measured", "quantity", "assessment",
        "min_range_deg", "how", "cautions", "worn_on", "easier", "harder", "questions",
    )  # fmt: skip
    return {
        **{name: getattr(exercise, name) for name in same},
        "basis": exercise.angle,
        "counted": exercise.is_counted or exercise.is_free,
        "has_hip_angle": exercise.has_hip_angle,
        "compared": "end position" if exercise.has_end_position else "range",
        "reps": exercise.dose.reps[0],
        "sets": exercise.dose.sets,
        "hold_s": exercise.dose.hold_s[0],
        "target_deg": exercise.typical_range_deg,
        "pose": {
            "hip_flexion_deg": exercise.pose.hip_flexion_deg,
            "knee_flexion_deg": exercise.pose.knee_flexion_deg,
        },
    }


def description(key: str, session: Session, result: Result, *, demo: bool) -> dict[str, Any]:
    """Return a recording without its columns."""
    header, recording = session.header, result.recording
    exercise = recording.entry
    time_s = recording.frames.time_s
    return {
        "version": VERSION,
        "key": key,
        "demo": demo,
        "virtual": header.source == "virtual",
        "started_at": header.start_text("seconds"),
        "side": header.side,
        "wearer": header.wearer,
        "exercise": exercise_data(exercise),
        "start_deg": {
            str(side): round(start_level_deg(found.calibration, exercise), 2)
            for side, found in result.calibrations.items()
            if found.calibration is not None
        },
        "duration_s": float(time_s[-1]) if len(time_s) else 0.0,
        "frames": len(time_s),
        "sides": [str(side) for side in _sides(result)],
        "phases": PHASES,
        "reps": _plain(result.reps[list(REP_FIELDS)].to_dict("records")),
        "sets": _plain(result.sets[["side", "set", "start_s", "end_s"]].to_dict("records")),
        "summary": _plain(result.summary.to_dict("records")),
        "test": (test := of_rows(result.tests, exercise, result.summary.to_dict("records"))),
        "test_said": [told(line) for line in test],
        "marks": [[t, label] for t, label in recording.marks],
        "gaps": _gaps(result),
        "notes": list(result.sentences),
        "notes_said": [told(text) for text in notes_said(result)],
        "units": [unit.label for unit in header.units],
    }


def columns_of(result: Result) -> bytes:
    """Return the columns of a recording, one after the other, little-endian.

    First `time_s` (float32, n). Then for each side in order: degrees, sd (float32, n each; NaN
    where unknown), thigh and shank as unit vectors in thousandths (int16, 6 n, row by row, −32768
    where unknown), phase (uint8, n, padded with zeros to a multiple of four bytes).
    """
    parts = [result.recording.frames.time_s.astype("<f4").tobytes()]
    for leg in leg_units(result.recording.units):
        rows = result.angles[result.angles["side"] == str(leg.side)]
        for name in ("hip_internal_rotation_deg", "uncertainty_deg"):
            parts.append(rows[name].to_numpy(np.float64).astype("<f4").tobytes())
        found = result.calibrations[leg.side].calibration
        drawn = _bones(rows, found, result.recording.leg(leg))
        parts.append(drawn.astype("<i2").tobytes())
        phase = rows["phase"].cat.codes.to_numpy().astype(np.uint8).tobytes()
        parts.append(phase + bytes(-len(phase) % 4))
    return b"".join(parts)


def _bones(rows: Any, calibration: LegCalibration | None, frames: LegFrames) -> FloatArray:  # noqa: ANN401 (a DataFrame)
    """Return what is drawn of the leg in every row, shape (n, 6)."""
    n = len(rows)
    if calibration is None:
        return np.full((n, 6), NOT_KNOWN)
    flexion = np.radians(rows["hip_flexion_deg"].to_numpy(np.float64))
    adduction = np.radians(rows["hip_adduction_deg"].to_numpy(np.float64))
    drawn = bones_of(flexion, adduction, wxyz(frames.q_shank), calibration, ARRAYS)
    both = np.stack(drawn, axis=-1)
    known = np.isfinite(both).all(axis=-1, keepdims=True)
    out: FloatArray = np.where(known, np.round(np.nan_to_num(both)), NOT_KNOWN)
    return out


def _sides(result: Result) -> list[Side]:
    return [leg.side for leg in leg_units(result.recording.units)]


def _gaps(result: Result) -> list[list[float]]:
    """Return where, once there were angles, none is known, as [start, end] of any leg."""
    found: list[list[float]] = []
    for side in _sides(result):
        rows = result.angles[result.angles["side"] == str(side)]
        time_s = rows["time_s"].to_numpy(np.float64)
        known = np.flatnonzero(rows["valid"].to_numpy(np.bool_))
        if len(known) < 2:
            continue
        wide = np.flatnonzero(np.diff(time_s[known]) * 1000.0 > GAP_MS)
        found += [[float(time_s[known[i]]), float(time_s[known[i + 1]])] for i in wide]
    return sorted(found)


def _plain(rows: list[dict[Any, Any]]) -> list[dict[str, Any]]:
    return [{str(name): _value(value) for name, value in row.items()} for row in rows]


def _value(value: Any) -> Any:  # noqa: ANN401 (a table holds values of any type)
    if value is None or value != value or str(value) == "<NA>":
        return None
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return str(value)
