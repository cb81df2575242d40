"""The commands of a viewer: checked when they arrive, limited in number."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hipturn.history.wearers import PSEUDONYM
from hipturn.words import Said, languages

MAX_BYTES = 4096
"""Many times the longest command that the page sends."""
PER_SECOND = 20
"""Faster than a person taps, slower than would cost the session its time."""
LABEL_MAX = 80
"""A label is a word or two; this is one line of a table."""

Command = dict[str, Any]
"""A checked command: `do`, and the values that go with it."""

COMMANDS = {
    "home": "back to the first screen",
    "wearer": "begin a visit with units, or ask once more: who is it?",
    "go_on": "go on with the visit that was not finished",
    "practise": "begin a visit with the simulated wearer",
    "check": "lead through the guided check of the units in range",
    "choose": "one of the wearers known; `wearer`",
    "new": "a wearer not known yet; `wearer`, a pseudonym, and their `language`",
    "nobody": "no wearer: the recordings name nobody",
    "plan": "a plan by its name, `plan`, or as text, `toml`; an empty name is one exercise",
    "exercise": "one exercise; `exercise`, and `test`, `active` where it is made a test",
    "side": "the leg; `side`, of which `each` is right, then left",
    "dose": "`reps`, `sets`, `hold_s` of the exercise",
    "goal": "`target_deg` of a repetition, from the start position; `keep` it for the wearer",
    "answer": "what the wearer answers to a question: its place, `question`, from 0 on, and `text`",
    "next": "go on to what follows",
    "back": "one step back",
    "shake": "find out by shaking which unit goes where",
    "phone": "phones are the units; `places`, of shank, thigh and pelvis",
    "admit": "a place goes to the phone that asks for it",
    "swap": "thigh and shank unit are exchanged: use them so",
    "retry": "find the units again",
    "skip": "leave out the check at rest, or the next set",
    "done": "the straps are on; in a set: it is over",
    "start": "begin after the delay",
    "delay": "time to lie down in; `delay_s`",
    "now": "begin without waiting any longer",
    "cancel": "do not begin",
    "other_leg": "the units are on the other leg",
    "full": "calibrate everything, where the last calibration was being kept",
    "not_mine": "the last repetition of the set is none",
    "slipped": "a strap slipped: one knee bend proves where it is, and the set begins anew",
    "undo": "what was said last is taken back",
    "mark": "a labelled moment in the recording; `label`",
    "pause": "count nothing until `resume`; the recording goes on",
    "resume": "count again, as a new set",
    "later": "show a condition no more; its `id`",
    "pain": "pain in the set, `level` from 0 to 10",
    "effort": "effort of the set, `level` from 0 to 10",
    "note": "what else there is to say of the set; `text`",
    "count": "the repetitions of the set as a person counted them; `reps`",
    "again": "the same set once more",
    "more_rest": "half a minute more of rest",
    "stop": "end the exercise; in a result: the visit",
    "quit": "end hipturn",
}
PLAN_MAX = 3000
"""A plan of thirty items, and within a command even where it is escaped."""
PLACES = ("pelvis", "shank", "thigh")
"""Where phones are worn; nothing is measured without the shank."""
SIDES = ("left", "right", "both", "each")


class RefusedCommandError(Exception):
    """A command that cannot be obeyed; the sentence says why."""


class Rate:
    """Counts what came in during the last second."""

    def __init__(self, clock_s: Callable[[], float], most: int = PER_SECOND) -> None:
        self._clock_s, self._most = clock_s, most
        self._times: list[float] = []

    def exceeded(self) -> bool:
        """Count one more command and return whether it is too many."""
        now_s = self._clock_s()
        self._times = [t for t in self._times if t > now_s - 1.0]
        self._times.append(now_s)
        return len(self._times) > self._most


def parse(text: str) -> Command:
    """Return a command with checked values.

    Raises
    ------
    RefusedCommandError
        When the command does not exist or a value is not allowed.
    """
    if len(text.encode()) > MAX_BYTES:
        raise RefusedCommandError(f"a command has at most {MAX_BYTES} bytes")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise RefusedCommandError("a command is a JSON object") from None
    what = data.get("do") if isinstance(data, dict) else None
    if not isinstance(what, str) or what not in COMMANDS:
        raise RefusedCommandError(f"a command has `do`, one of: {', '.join(COMMANDS)}")
    return {"do": what, **_values(data)}


def _values(data: dict[str, Any]) -> dict[str, Any]:
    known = {name: CHECKS[name](value) for name, value in data.items() if name in CHECKS}
    unknown = data.keys() - CHECKS.keys() - {"do"}
    if unknown:
        raise RefusedCommandError(f"unknown: {', '.join(sorted(map(repr, unknown)))[:80]}")
    return known


def _whole(name: str, low: int, high: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:  # noqa: ANN401 (JSON)
        if type(value) is not int or not low <= value <= high:
            raise RefusedCommandError(f"{name} is a whole number from {low} to {high}")
        return value

    return check


def _degrees(value: Any) -> float:  # noqa: ANN401 (JSON)
    if type(value) not in (int, float) or not 1 <= value <= 90:  # NaN is in no range
        raise RefusedCommandError(Said("why.goal"))
    return float(value)


def _side(value: Any) -> str:  # noqa: ANN401 (JSON)
    if value not in SIDES:
        raise RefusedCommandError(f"side is one of {', '.join(SIDES)}")
    return str(value)


def _text(value: Any) -> str:  # noqa: ANN401 (JSON)
    if not isinstance(value, str) or len(value) > LABEL_MAX:
        raise RefusedCommandError(Said("why.long_text", most=LABEL_MAX))
    return "".join(c for c in value if c.isprintable())


def _yes(value: Any) -> bool:  # noqa: ANN401 (JSON)
    if not isinstance(value, bool):
        raise RefusedCommandError("test is true or false")
    return value


def _who_moves(value: Any) -> bool | None:  # noqa: ANN401 (JSON)
    if value is not None and not isinstance(value, bool):
        raise RefusedCommandError("active is true, false, or null where it is not told")
    return value


def _toml(value: Any) -> str:  # noqa: ANN401 (JSON)
    if not isinstance(value, str) or len(value) > PLAN_MAX:
        raise RefusedCommandError(Said("why.long_plan", most=PLAN_MAX))
    return value


def _places(value: Any) -> list[str]:  # noqa: ANN401 (JSON)
    whole = isinstance(value, list) and 0 < len(value) <= len(PLACES)
    if not whole or any(place not in PLACES for place in value) or "shank" not in value:
        raise RefusedCommandError(f"places is a list of {', '.join(PLACES)}, with shank")
    return sorted(set(value))


def _wearer(value: Any) -> str:  # noqa: ANN401 (JSON)
    if not isinstance(value, str) or not PSEUDONYM.fullmatch(value):
        raise RefusedCommandError(Said("why.wearer"))
    return value


def _language(value: Any) -> str:  # noqa: ANN401 (JSON)
    if value not in languages():
        raise RefusedCommandError(f"language is one of {', '.join(languages())}")
    return str(value)


def _seconds(value: Any) -> float:  # noqa: ANN401 (JSON)
    if type(value) not in (int, float) or not 1 <= value <= 3600:
        raise RefusedCommandError("hold_s is a number of seconds from 1 to 3600")
    return float(value)


CHECKS: dict[str, Callable[[Any], Any]] = {
    "wearer": _wearer,
    "language": _language,
    "places": _places,
    "plan": _text,
    "toml": _toml,
    "exercise": _text,
    "test": _yes,
    "active": _who_moves,
    "sets": _whole("sets", 1, 20),
    "hold_s": _seconds,
    "id": _text,
    "text": _text,
    "question": _whole("question", 0, 99),
    "level": _whole("level", 0, 10),
    "side": _side,
    "target_deg": _degrees,
    "reps": _whole("reps", 1, 100),
    "delay_s": _whole("delay_s", 0, 60),
    "label": _text,
    "keep": _yes,
}
