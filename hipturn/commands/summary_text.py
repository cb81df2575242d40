"""The summary of a session as lines of text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from analysis.exercises import CatalogueError, Exercise, load
from hipturn.clinical_words import NO_OWN, of_rows, whole

if TYPE_CHECKING:
    from analysis.agreement.repeated import Repeated
    from analysis.session.analyse import Result


def summary_lines(result: Result, own: Mapping[str, Repeated] = NO_OWN) -> list[str]:
    """Return a line for each leg, then what a person should know.

    Parameters
    ----------
    result
        Of a session.
    own
        The wearer's own detectable change by leg, where there is one.
    """
    rows: list[dict[str, Any]] = result.summary.to_dict("records")  # type: ignore[assignment]
    exercise = result.recording.entry
    lines = [row_line(row, exercise) for row in rows]
    lines += of_rows(result.tests, exercise, rows, own)
    return lines + [f"note: {text}" for text in result.sentences]


def row_line(row: dict[str, Any], exercise: Exercise | None = None) -> str:
    """Return one row of summary.csv as a sentence.

    Without an exercise it is the catalogue's; of one that this version does not know, the figures
    are told without what they are.
    """
    entry = exercise or _known(row["exercise"])
    held = entry is not None and not entry.is_counted
    parts = _held(row, entry) if entry is not None and held else _counted(row, entry)
    parts += [f"{row[name]} {name}" for name in ("partial", "rejected") if row[name]]
    parts.append(f"{row['lost_samples_percent']:.1f} % lost")
    return ", ".join(parts)


def _known(exercise_id: str) -> Exercise | None:
    try:
        return load(exercise_id)
    except CatalogueError:
        return None


def _counted(row: dict[str, Any], exercise: Exercise | None) -> list[str]:
    parts = [f"{row['exercise']}, {row['side']}: {row['valid']} of {row['target_reps']} reps"]
    if row["valid"]:
        what = "range" if exercise is None or exercise.has_hip_angle else exercise.quantity
        parts += [
            f"{row['controlled']} controlled",
            f"{what} {row['rom_median_deg']:.0f}° (largest {row['rom_max_deg']:.0f}°)",
            f"hold {row['hold_median_s']:.1f} s",
            f"tempo {row['tempo_median_s']:.1f} s",
        ]
    if row["end_mean_deg"] == row["end_mean_deg"]:  # it was a test
        parts.append(
            f"test mean {whole(row['end_mean_deg'])}°, largest {whole(row['end_largest_deg'])}°"
        )
    return parts


def _held(row: dict[str, Any], exercise: Exercise) -> list[str]:
    head = f"{row['exercise']}, {row['side']}: "
    if exercise.is_free:
        return [f"{head}measured, nothing counted"]
    asked = f"of {exercise.dose.hold_s[0]:.0f} s"
    if math.isnan(row["hold_median_s"]):
        return [f"{head}nothing held {asked}"]
    verb = "timed" if exercise.is_timed else "held"
    timed = ", timed, not measured" if exercise.is_timed else ""
    return [f"{head}{verb} {row['hold_median_s']:.0f} {asked}{timed}"]
