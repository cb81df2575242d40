"""The summary of a session as lines of text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from analysis.exercises import load
from analysis.exercises.exercise import SIGNAL_NAMES, Dose, Exercise
from analysis.session.rotation_test import assess, lines_of

if TYPE_CHECKING:
    from analysis.session.analyse import Result


def summary_lines(result: Result) -> list[str]:
    """Return a line for each leg, then what a person should know."""
    rows: list[dict[str, Any]] = result.summary.to_dict("records")  # type: ignore[assignment]
    recording = result.recording
    lines = [row_line(row, recording.dose) for row in rows]
    exercise = load(recording.exercise)
    if exercise.assessment or (recording.is_test and exercise.has_hip_angle):
        tests = assess(exercise, result.reps, result.angles, recording.active)
        lines += lines_of(tests) if tests else ["test: there is no trial"]
    return lines + [f"note: {text}" for text in result.sentences]


def row_line(row: dict[str, Any], dose: Dose | None = None) -> str:
    """Return one row of summary.csv as a sentence; `dose` is a plan's, if there was one."""
    exercise = load(row["exercise"]).with_dose(dose)
    parts = _counted(row, exercise) if exercise.is_counted else _held(row, exercise)
    parts += [f"{row[name]} {name}" for name in ("partial", "rejected") if row[name]]
    parts.append(f"{row['lost_samples_percent']:.1f} % lost")
    return ", ".join(parts)


def _counted(row: dict[str, Any], exercise: Exercise) -> list[str]:
    parts = [f"{row['exercise']}, {row['side']}: {row['valid']} of {row['target_reps']} reps"]
    if row["valid"]:
        what = "range" if exercise.has_hip_angle else SIGNAL_NAMES[exercise.signal]
        parts += [
            f"{row['controlled']} controlled",
            f"{what} {row['rom_median_deg']:.0f}° (largest {row['rom_max_deg']:.0f}°)",
            f"hold {row['hold_median_s']:.1f} s",
            f"tempo {row['tempo_median_s']:.1f} s",
        ]
    return parts


def _held(row: dict[str, Any], exercise: Exercise) -> list[str]:
    head = f"{row['exercise']}, {row['side']}: "
    asked = f"of {exercise.dose.hold_s[0]:.0f} s"
    if math.isnan(row["hold_median_s"]):
        return [f"{head}nothing held {asked}"]
    verb = "timed" if exercise.is_timed else "held"
    timed = ", timed, not measured" if exercise.is_timed else ""
    return [f"{head}{verb} {row['hold_median_s']:.0f} {asked}{timed}"]
