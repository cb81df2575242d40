"""The catalogue of exercises as text and as plain data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from analysis import exercises
from analysis.exercises import SIGNAL_NAMES, Exercise
from hipturn.own_exercises import find, own
from hipturn.session_paths import recordings_root

MODES = {
    "gravity": "degrees against gravity",
    "heading": "hip rotation within a repetition, relative to the last still return",
    "proxy": "counted by a proxy, never called hip rotation",
    "hold": "guided hold",
    "timer": "timed, not measured",
    "free": "measured against gravity, nothing counted",
}


def listing() -> str:
    """Return all exercises by how they are measured."""
    lines: list[str] = []
    for mode, meaning in MODES.items():
        found = [e for e in map(exercises.load, exercises.ids()) if e.mode == mode]
        if found:
            lines += [f"{mode}: {meaning}", *[f"  {e.id:<28} {e.name}" for e in found], ""]
    mine = own(recordings_root())
    if mine:
        lines += ["own: yours", *[f"  {e.id:<28} {e.name}" for e in mine], ""]
    return "\n".join([*lines, "`hipturn exercises ID` explains one."])


def explain(exercise_id: str) -> str:
    """Return one exercise: what is measured, how to do it, what counts."""
    e = find(exercise_id, recordings_root())
    called = f", also called {', '.join(e.also_called)}" if e.also_called else ""
    lines = [
        f"{e.name} ({e.id}){called}",
        f"position: {e.position.replace('_', ' ')}    source: {e.source}",
        f"measured: {e.measured} [{_basis(e)}]",
        f"one repetition: {e.rep}" if e.is_counted else f"once: {e.rep}",
        f"units on: {e.worn_on}",
        f"dose: {_dose(e)}",
        *_counting(e),
        "",
        *[f"  {i}. {line}" for i, line in enumerate(e.how, 1)],
        "",
        *[f"  {way}: {'; '.join(ways)}" for way, ways in _scaling(e)],
        *[f"  ! {line}" for line in e.cautions],
    ]
    if e.questions:
        lines += ["", "asked, and written into the session:", *[f"  ? {q}" for q in e.questions]]
    if e.unseen:
        lines += ["", f"the sensors cannot see: {'; '.join(e.unseen)}"]
    return "\n".join(lines)


def _scaling(e: Exercise) -> list[tuple[str, tuple[str, ...]]]:
    return [(way, ways) for way, ways in (("easier", e.easier), ("harder", e.harder)) if ways]


def as_data(exercise_id: str | None) -> list[dict[str, Any]]:
    """Return one exercise, or all, as plain values."""
    wanted = [exercise_id] if exercise_id else exercises.ids()
    return [asdict(find(name, recordings_root())) for name in wanted]


def _basis(e: Exercise) -> str:
    if not e.is_counted:
        return f"{e.mode}, {MODES[e.mode]}"
    return ", ".join(dict.fromkeys((e.mode, SIGNAL_NAMES[e.signal], e.angle)))


def _counting(e: Exercise) -> list[str]:
    if not e.is_counted:
        return []
    lines = [f"counts from {e.min_range_deg:g}°; smaller movements are partial"]
    if e.assessment:
        lines = [f"listed as repetitions from {e.min_range_deg:g}°; trials are of any size"]
    if e.circles:
        lines.append("two circles in order make one repetition")
    if e.both_legs:
        lines.append("both legs together make one repetition")
    if e.alternating:
        lines.append("the sides take turns and are counted each for itself")
    if e.assessment:
        lines.append("a test: three trials, their mean and the largest, each held for a second;")
        lines.append("mark each trial before it begins (m in the terminal, Mark on the page)")
    if e.both_ways:
        lines.append("a trial goes inwards and then outwards")
    return lines


def _dose(e: Exercise) -> str:
    if e.is_counted:
        sets = f"{e.dose.sets} sets of " if e.dose.sets > 1 else ""
        hold = f", hold {_span(*e.dose.hold_s)} s" if e.dose.hold_s[1] else ""
        each = "repetitions of both legs together" if e.both_legs else "repetitions a side"
        said = f"{sets}{_span(*e.dose.reps)} {each}{hold}"
    elif e.dose.breaths is not None:
        seconds = f"{_span(*e.dose.hold_s)} s at {e.dose.breath_s:g} s each"
        said = f"{_span(*e.dose.breaths)} breaths a side ({seconds})"
    else:
        said = f"{_span(*e.dose.hold_s)} s" + ("" if e.questions else " a side")
    said = f"at least {said}" if e.dose.at_least else said
    return said if e.dose.given else f"{said} (the source gives none: choose your own)"


def _span(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g}–{high:g}"
