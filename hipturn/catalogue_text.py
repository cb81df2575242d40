"""The catalogue of exercises as text and as plain data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from analysis import exercises
from analysis.exercises import Exercise

MODES = {
    "M1": "hip rotation in degrees, against gravity",
    "M2": "counted by a proxy, never called hip rotation",
    "M3": "hip rotation within a repetition, relative to the last still return",
    "M4": "guided hold",
    "M5": "timed, not measured",
}


def listing() -> str:
    """Return all exercises by how they are measured."""
    lines: list[str] = []
    for mode, meaning in MODES.items():
        found = [e for e in map(exercises.load, exercises.ids()) if e.mode == mode]
        if found:
            lines += [f"{mode}: {meaning}", *[f"  {e.id:<28} {e.name}" for e in found], ""]
    return "\n".join([*lines, "`hipturn exercises ID` explains one."])


def explain(exercise_id: str) -> str:
    """Return one exercise: what is measured, how to do it, what counts."""
    e = exercises.load(exercise_id)
    return "\n".join(
        [
            f"{e.name} ({e.id})",
            f"position: {e.position.replace('_', ' ')}    source: {e.source}",
            f"measured: {e.measured} [{e.mode}, {e.angle}]",
            f"one repetition: {e.rep}",
            f"dose: {_dose(e)}",
            f"counts from {e.min_range_deg:g}°; smaller movements are partial",
            "",
            *[f"  {i}. {line}" for i, line in enumerate(e.how, 1)],
            "",
            *[f"  ! {line}" for line in e.cautions],
        ]
    )


def as_data(exercise_id: str | None) -> list[dict[str, Any]]:
    """Return one exercise, or all, as plain values."""
    wanted = [exercise_id] if exercise_id else exercises.ids()
    return [asdict(exercises.load(name)) for name in wanted]


def _dose(e: Exercise) -> str:
    low, high = e.dose.reps
    reps = f"{low}" if low == high else f"{low}–{high}"
    sets = f"{e.dose.sets} sets of " if e.dose.sets > 1 else ""
    hold = f", hold {e.dose.hold_s[0]:g}–{e.dose.hold_s[1]:g} s" if e.dose.hold_s[1] else ""
    return f"{sets}{reps} repetitions a side{hold}"
