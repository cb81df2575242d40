"""The summary of a session as lines of text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from analysis.exercises import CatalogueError, Exercise, load
from hipturn.clinical_words import NO_OWN, of_rows, whole
from hipturn.session.spoken import notes_said
from hipturn.words import Said

if TYPE_CHECKING:
    from analysis.agreement.repeated import Repeated
    from analysis.session.analyse import Result


def summary_lines(result: Result, own: Mapping[str, Repeated] = NO_OWN) -> list[str]:
    """Return a line for each leg, then what a person should know, in English as other languages.

    Parameters
    ----------
    result
        Of a session.
    own
        The wearer's own detectable change by leg, where there is one.
    """
    rows: list[dict[str, Any]] = result.summary.to_dict("records")  # type: ignore[assignment]
    exercise = result.recording.entry
    lines: list[str] = [row_line(row, exercise) for row in rows]
    lines += of_rows(result.tests, exercise, rows, own)
    return lines + [Said("summary.note", text=text) for text in notes_said(result)]


def row_line(row: dict[str, Any], exercise: Exercise | None = None) -> Said:
    """Return one row of summary.csv as a sentence.

    Without an exercise it is the catalogue's; of one that this version does not know, the figures
    are told without what they are.
    """
    entry = exercise or _known(row["exercise"])
    held = entry is not None and not entry.is_counted
    parts = _held(row, entry) if entry is not None and held else _counted(row, entry)
    if row["partial"]:
        parts.append(Said("summary.partial", count=row["partial"]))
    if row["rejected"]:
        parts.append(Said("summary.rejected", count=row["rejected"]))
    parts.append(Said("summary.lost", percent=row["lost_samples_percent"]))
    return Said.together(parts, ", ")


def _known(exercise_id: str) -> Exercise | None:
    try:
        return load(exercise_id)
    except CatalogueError:
        return None


def _counted(row: dict[str, Any], exercise: Exercise | None) -> list[Said]:
    of_leg = {"exercise": row["exercise"], "side": row["side"]}
    parts = [Said("summary.reps", valid=row["valid"], of=row["target_reps"], **of_leg)]
    if row["valid"]:
        what = "range" if exercise is None or exercise.has_hip_angle else exercise.quantity
        median, largest = row["rom_median_deg"], row["rom_max_deg"]
        parts += [
            Said("summary.controlled", count=row["controlled"]),
            Said("summary.range", what=what, median=median, largest=largest),
            Said("summary.hold", seconds=row["hold_median_s"]),
            Said("summary.tempo", seconds=row["tempo_median_s"]),
        ]
    mean = row["end_mean_deg"]
    if mean == mean:  # it was a test
        largest = whole(row["end_largest_deg"])
        parts.append(Said("summary.test", mean=whole(mean), largest=largest))
    return parts


def _held(row: dict[str, Any], exercise: Exercise) -> list[Said]:
    of_leg = {"exercise": row["exercise"], "side": row["side"]}
    if exercise.is_free:
        return [Said("summary.free", **of_leg)]
    of_s, held_s = exercise.dose.hold_s[0], row["hold_median_s"]
    if math.isnan(held_s):
        return [Said("summary.nothing_held", of=of_s, **of_leg)]
    key = "summary.timed" if exercise.is_timed else "summary.held"
    return [Said(key, seconds=held_s, of=of_s, **of_leg)]
