"""Who exercises: pseudonyms with a language and dated goals, and which goal a step has.

Nothing here reads a file or a clock; `hipturn.history.wearer_book` keeps the wearers on disk.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple

from imu.recording.strict_json import parse_object

FORMAT, VERSION = "hipturn wearers", 1
PSEUDONYM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,19}")
"""Short enough for every table and file name, and with nothing that a file system minds."""
LANGUAGE = re.compile(r"[a-z]{2}")
PRESELECTED_FOR = timedelta(hours=12)
"""Whoever exercises the next day is asked again: on a shared computer it may be somebody else."""
GOAL_MAX_DEG = 90.0
"""No hip turns further, in either direction."""

Leg = Literal["left", "right"]
LEGS: tuple[Leg, Leg] = ("left", "right")
Source = Literal["plan", "wearer", "last time", "none"]


class Goal(NamedTuple):
    """What a wearer wants to reach in an exercise with a leg, from a day on."""

    exercise: str
    leg: Leg
    deg: float
    day: date


class Answer(NamedTuple):
    """What a wearer answered to a question of an exercise, on a day."""

    exercise: str
    question: str
    """As the catalogue has it, in English: another version may ask in another order."""
    text: str
    day: date


class StepGoal(NamedTuple):
    """The goal of a step for one leg, degrees, and who set it; NaN where nobody did."""

    deg: float
    source: Source


@dataclass(frozen=True, slots=True)
class Wearer:
    """What is known of a wearer beside the recordings."""

    language: str = ""
    """Two letters; empty where it was never chosen."""
    goals: tuple[Goal, ...] = ()
    """In the order in which they were set; the later one of a day counts."""
    answers: tuple[Answer, ...] = ()
    """In the order in which they were given; one a question and day."""

    def goal(self, exercise: str, leg: Leg) -> Goal | None:
        """Return the newest goal of an exercise and leg; None where there is none."""
        mine = [goal for goal in self.goals if (goal.exercise, goal.leg) == (exercise, leg)]
        return max(mine, key=lambda goal: goal.day) if mine else None

    def aiming(self, goal: Goal) -> Wearer:
        """Return the wearer with one more goal; one of the same day is replaced."""
        same = (goal.exercise, goal.leg, goal.day)
        kept = [g for g in self.goals if (g.exercise, g.leg, g.day) != same]
        return replace(self, goals=(*kept, goal))

    def answer(self, exercise: str, question: str) -> str:
        """Return the newest answer to a question; empty where there is none."""
        mine = [a for a in self.answers if (a.exercise, a.question) == (exercise, question)]
        return max(mine, key=lambda answer: answer.day).text if mine else ""

    def answering(self, answer: Answer) -> Wearer:
        """Return the wearer with one more answer; one of the same day is replaced."""
        same = (answer.exercise, answer.question, answer.day)
        kept = [a for a in self.answers if (a.exercise, a.question, a.day) != same]
        return replace(self, answers=(*kept, answer))


@dataclass(frozen=True, slots=True)
class Wearers:
    """All wearers by pseudonym, and who was chosen last."""

    known: Mapping[str, Wearer]
    last: str = ""
    chosen_at: datetime | None = None

    def preselected(self, now: datetime) -> str:
        """Return who is offered first: whoever was chosen in the last 12 h; else nobody."""
        if self.chosen_at is None or not timedelta(0) <= now - self.chosen_at <= PRESELECTED_FOR:
            return ""
        return self.last

    def choosing(self, pseudonym: str, now: datetime) -> Wearers:
        """Return the wearers after one was chosen, who is new or known; nobody is an empty text.

        Raises
        ------
        ValueError
            When it is no pseudonym.
        """
        if not pseudonym:
            return replace(self, last="", chosen_at=None)
        checked(pseudonym)
        known = {**self.known, pseudonym: self.known.get(pseudonym, Wearer())}
        return Wearers(known, pseudonym, now)

    def changing(self, pseudonym: str, wearer: Wearer) -> Wearers:
        """Return the wearers with one of them as given."""
        return replace(self, known={**self.known, checked(pseudonym): wearer})

    def without(self, pseudonym: str) -> Wearers:
        """Return the wearers without one, who is not the last chosen any more either."""
        known = {name: wearer for name, wearer in self.known.items() if name != pseudonym}
        return replace(self, known=known) if self.last != pseudonym else Wearers(known)


def checked(pseudonym: str) -> str:
    """Return a pseudonym as it is.

    Raises
    ------
    ValueError
        When it is none; the sentence says what one looks like.
    """
    if not PSEUDONYM.fullmatch(pseudonym):
        raise ValueError(
            "a pseudonym has 1 to 20 letters, digits, - or _, begins with a letter or a digit, and"
            " is no name: for example K7"
        )
    return pseudonym


def step_goal(
    planned_deg: float | None,
    wearer: Wearer | None,
    last_deg: float | None,
    exercise: str,
    leg: Leg,
) -> StepGoal:
    """Return the goal of a step for a leg: the plan's, else the wearer's, else last time's.

    Parameters
    ----------
    planned_deg
        What the plan sets, degrees; None where it says nothing.
    wearer
        Who exercises; None is nobody in particular.
    last_deg
        The wearer's median range of this exercise and leg last time, degrees; None where there is
        none.
    exercise, leg
        Of the step.
    """
    if planned_deg is not None:
        return StepGoal(planned_deg, "plan")
    own = None if wearer is None else wearer.goal(exercise, leg)
    if own is not None:
        return StepGoal(own.deg, "wearer")
    if last_deg is not None:
        return StepGoal(last_deg, "last time")
    return StepGoal(math.nan, "none")


# ---- as a file


def as_text(wearers: Wearers) -> str:
    """Return the wearers as the file has them."""
    last = None
    if wearers.last and wearers.chosen_at is not None:
        last = {"wearer": wearers.last, "at": wearers.chosen_at.isoformat(timespec="seconds")}
    known = {
        name: {
            **({"language": wearer.language} if wearer.language else {}),
            "goals": [
                {"exercise": g.exercise, "leg": g.leg, "deg": g.deg, "from": g.day.isoformat()}
                for g in wearer.goals
            ],
            **({"answers": answers_data(wearer)} if wearer.answers else {}),
        }
        for name, wearer in sorted(wearers.known.items())
    }
    data = {"format": FORMAT, "version": VERSION, "last": last, "wearers": known}
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def answers_data(wearer: Wearer) -> list[dict[str, str]]:
    """Return a wearer's answers as JSON has them."""
    return [
        {"exercise": a.exercise, "question": a.question, "text": a.text, "on": a.day.isoformat()}
        for a in wearer.answers
    ]


def from_text(data: bytes) -> Wearers:
    """Return the wearers that a file holds.

    Raises
    ------
    ValueError
        When it holds something else; the sentence says what.
    """
    found = parse_object(data)
    if found.get("format") != FORMAT or found.get("version") != VERSION:
        raise ValueError(f"it is no list of wearers of version {VERSION}")
    known = found.get("wearers")
    if not isinstance(known, dict):
        raise ValueError("`wearers` is missing")  # noqa: TRY004 (a fault of the file)
    wearers = {checked(name): _wearer(name, told) for name, told in known.items()}
    last = found.get("last") or {}
    if not isinstance(last, dict) or last.get("wearer", "") not in {"", *wearers}:
        raise ValueError("`last` is none of its wearers")
    at = last.get("at")
    return Wearers(wearers, last.get("wearer", ""), None if at is None else _moment(at))


def _wearer(name: str, told: Any) -> Wearer:  # noqa: ANN401 (any JSON value)
    language = told.get("language", "") if isinstance(told, dict) else None
    goals = told.get("goals", []) if isinstance(told, dict) else None
    if not isinstance(language, str) or not (language == "" or LANGUAGE.fullmatch(language)):
        raise ValueError(f"the language of {name} is not two letters")
    if not isinstance(goals, list):
        raise ValueError(f"the goals of {name} are no list")  # noqa: TRY004 (a fault of the file)
    answers = told.get("answers", [])
    if not isinstance(answers, list):
        raise ValueError(f"the answers of {name} are no list")  # noqa: TRY004 (a fault of the file)
    return Wearer(
        language,
        tuple(_goal(name, goal) for goal in goals),
        tuple(_answer(name, answer) for answer in answers),
    )


def _answer(name: str, told: Any) -> Answer:  # noqa: ANN401 (any JSON value)
    try:
        day = date.fromisoformat(told["on"])
        answer = Answer(told["exercise"], told["question"], told["text"], day)
    except (TypeError, KeyError, ValueError):
        raise ValueError(f"an answer of {name} lacks exercise, question, text or on") from None
    if not all(isinstance(text, str) for text in answer[:3]):
        raise ValueError(f"an answer of {name} is no text")
    return answer


def _goal(name: str, told: Any) -> Goal:  # noqa: ANN401 (any JSON value)
    try:
        goal = Goal(told["exercise"], told["leg"], told["deg"], date.fromisoformat(told["from"]))
    except (TypeError, KeyError, ValueError):
        raise ValueError(f"a goal of {name} lacks exercise, leg, deg or from") from None
    fits = type(goal.deg) in (int, float) and 0 < goal.deg <= GOAL_MAX_DEG  # NaN is in no range
    if not isinstance(goal.exercise, str) or goal.leg not in LEGS or not fits:
        raise ValueError(f"a goal of {name} has a wrong exercise, leg or number of degrees")
    return goal._replace(deg=float(goal.deg))


def _moment(text: Any) -> datetime:  # noqa: ANN401 (any JSON value)
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise ValueError("`at` is no time") from None
    if found.tzinfo is None:
        raise ValueError("`at` has no time zone")
    return found
