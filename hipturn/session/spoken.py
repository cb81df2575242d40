"""Announcements in words, for the terminal, the page and its voice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.exercises import Exercise
from analysis.session.announcements import Announcement, Kind

_WORDS = {
    Kind.REP: "rep {rep} / {target}, {value:.0f}°",
    Kind.PARTIAL: "too small to count, {value:.0f}°",
    Kind.REJECTED: "not counted ({reason})",
    Kind.HOLD_SECOND: "{value:.0f} s",
    Kind.HALF_WAY: "half way, {value:.0f} s left",
    Kind.BREATH_IN: "breathe in ({value:.0f})",
    Kind.BREATH_OUT: "breathe out ({value:.0f})",
    Kind.TARGET_REACHED: "target reached, {value:.0f} {unit}",
    Kind.HOLD_END: "ended after {value:.0f} s",
    Kind.FAULT: "rep {rep}: {reason}",
    Kind.SET_END: "set {set} over, {value:.0f} repetitions",
}


VISIT_WORDS = {
    "rest": "set {set} of {of} done: rest for {seconds} s",
    "cue": "{seconds} s",
    "begin": "begin set {set}",
}
"""What a visit says, by `hipturn.course.Say.key`."""
SMALL = "small, {value:.0f}°; the record of the test has it where it was held"
"""Of a test no movement is too small: a stiff hip is the finding."""


def visit_sentence(key: str, args: Mapping[str, Any]) -> str:
    """Return what a visit says as a line for people."""
    return VISIT_WORDS[key].format(**args)


def sentence(said: Announcement, exercise: Exercise) -> str:
    """Return an announcement as a line for people."""
    if said.kind is Kind.ALARM:
        return f"{said.side} leg: {said.text}"
    kind = said.kind
    told = SMALL if kind is Kind.PARTIAL and exercise.assessment else _WORDS[kind]
    words = told.format(
        rep=said.rep,
        set=said.set,
        value=said.value,
        target=exercise.dose.reps[0],
        unit="s held" if said.reason == "hold" else "repetitions",
        reason=said.reason.replace("_", " "),
    )
    strap = ": check the strap" if said.reason == "sensor_shift" else ""
    return f"{said.side}: {words}{strap}"
