"""Who exercises at the page, and the goals of the step before them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from analysis.exercises import Exercise
from hipturn.errors import UserError
from hipturn.history.wearer_book import WearerBook
from hipturn.history.wearers import LEGS, Answer, Goal, Wearer
from hipturn.words import Said


class PresentWearer:
    """The choice of a wearer and of goals at a page, in the book beside the recordings.

    Parameters
    ----------
    root
        Holds the recordings.
    only
        The one wearer that the page is for; empty for any.

    Raises
    ------
    UserError
        When `only` is no pseudonym, or the list of wearers is damaged.
    """

    def __init__(self, root: Path, only: str = "") -> None:
        self._book = WearerBook(root, only)
        self._book.read()  # refuse here, not while somebody exercises, what cannot be read
        self._goals: dict[str, dict[str, Any]] = {}
        self._language = "", ""
        """Of which wearer which language."""
        self._goals_of: tuple[str, str, Mapping[str, float]] | None = None
        self._answered: tuple[str, str, list[str]] = "", "", []
        """Of which wearer and exercise, what was answered last."""

    def offered(self, recorded: Iterable[str]) -> list[str]:
        """Return who can be chosen: whoever was in the last 12 h first, then as recorded."""
        if self._book.locked:
            return [self._book.locked]
        first = self._book.present(_now())
        known = dict.fromkeys([first, *recorded, *self._book.read().known])
        return [name for name in known if name]

    def choose(self, name: str, language: str = "") -> None:
        """Take a wearer, known or new; an empty text is nobody in particular.

        A new one has the language that is given.

        Raises
        ------
        UserError
            When it is no pseudonym, or the page is for another one.
        imu.recording.SessionError
            When the choice cannot be kept.
        """
        self._book.choose(name, _now(), language)
        self._language = "", ""
        self._goals_of, self._answered = None, ("", "", [])

    def language(self, name: str) -> str:
        """Return the language of a wearer, two letters; empty where it was never chosen."""
        if name != self._language[0]:
            self._language = name, self._book.read().known.get(name, Wearer()).language
        return self._language[1]

    def keep_goal(self, name: str, exercise: Exercise, side: str, deg: float | None) -> None:
        """Keep a goal of a wearer for a leg or both, degrees, from today on.

        Raises
        ------
        UserError
            When there is no wearer, or no goal.
        imu.recording.SessionError
            When it cannot be kept.
        """
        if not name or deg is None:
            raise UserError(Said("trouble.goal_of_nobody"))
        for leg in LEGS:
            if side in (leg, "both"):
                self._book.aim(name, Goal(exercise.id, leg, deg, _now().date()))
        self._goals_of = None

    def goals(
        self, name: str, exercise: Exercise, asked_deg: Mapping[str, float]
    ) -> dict[str, dict[str, Any]]:
        """Return the goals of a step: what was asked for, the wearer's own, or last time's.

        By leg `deg`, None where there is no goal, and `source`, as JSON has it. They are looked up
        when the step changes, not for every message.
        """
        wanted = name, exercise.id, asked_deg
        if wanted != self._goals_of:
            found = {}
            if exercise.has_hip_angle:  # time, or another quantity, has no degrees to reach
                found = self._book.goals(name, exercise.id, asked_deg)
            self._goals = {
                leg: {"deg": None if goal.source == "none" else goal.deg, "source": goal.source}
                for leg, goal in found.items()
            }
            self._goals_of = wanted
        return self._goals

    def keep_answer(self, name: str, exercise: Exercise, question: int, text: str) -> None:
        """Keep what a wearer answers today to a question of an exercise, by its place from 0 on.

        Raises
        ------
        UserError
            When it asks no such question.
        imu.recording.SessionError
            When it cannot be kept.
        """
        if question >= len(exercise.questions):
            count = len(exercise.questions)
            raise UserError(Said("trouble.no_question", exercise=exercise.name, count=count))
        asked = exercise.questions[question]
        self._book.answer(name, Answer(exercise.id, asked, text, _now().date()))
        self._answered = "", "", []

    def answered(self, name: str, exercise: Exercise) -> list[str]:
        """Return a wearer's newest answers to the questions of an exercise, in their order."""
        if (name, exercise.id) != self._answered[:2]:
            wearer = self._book.read().known.get(name, Wearer())
            found = [wearer.answer(exercise.id, asked) for asked in exercise.questions]
            self._answered = name, exercise.id, found
        return self._answered[2]


def _now() -> datetime:
    return datetime.now().astimezone()
