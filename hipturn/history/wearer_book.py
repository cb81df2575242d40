"""The wearers on disk: `wearers.json` beside the recordings, for its owner's eyes only (0600)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from hipturn.errors import UserError
from hipturn.history.index import INDEX_FILE, history_index
from hipturn.history.wearers import (
    GOAL_MAX_DEG,
    LEGS,
    Answer,
    Goal,
    Leg,
    StepGoal,
    Wearer,
    Wearers,
    as_text,
    checked,
    from_text,
    step_goal,
)
from hipturn.words import Said
from imu.recording.folder import replace_file

WEARERS_FILE = "wearers.json"
MAX_BYTES = 2_000_000
"""Some ten thousand goals."""


class WearerBook:
    """The wearers of a folder of recordings; each change is on disk when it returns.

    Parameters
    ----------
    root
        Holds the recordings; made when there is something to keep.
    locked
        The one wearer that the page is for; empty for any.

    Raises
    ------
    UserError
        When `locked` is no pseudonym.
    """

    def __init__(self, root: Path, locked: str = "") -> None:
        self._root, self.locked = root, locked
        if locked:
            _refused(locked)

    @property
    def path(self) -> Path:
        """Where the wearers are kept."""
        return self._root / WEARERS_FILE

    def read(self) -> Wearers:
        """Return the wearers; none where there is no file yet.

        Raises
        ------
        UserError
            When the file is damaged: it is never overwritten unread.
        """
        return read_wearers(self.path)

    def present(self, now: datetime) -> str:
        """Return who is preselected: the one the page is locked to, or chosen in the last 12 h."""
        return self.locked or self.read().preselected(now)

    def choose(self, pseudonym: str, now: datetime, language: str = "") -> None:
        """Take a wearer, known or new, as the one who exercises; an empty text is nobody.

        A new one has the language that is given.

        Raises
        ------
        UserError
            When it is no pseudonym, or the page is locked to another one.
        """
        if self.locked and pseudonym != self.locked:
            raise UserError(Said("trouble.page_of", wearer=self.locked))
        if pseudonym:
            _refused(pseudonym)
        wearers = self.read()
        if language and pseudonym and pseudonym not in wearers.known:
            wearers = wearers.changing(pseudonym, Wearer(language))
        self._write(wearers.choosing(pseudonym, now))

    def aim(self, pseudonym: str, goal: Goal) -> None:
        """Keep a goal of a wearer.

        Raises
        ------
        UserError
            When it is no pseudonym, or no hip reaches so far.
        """
        _refused(pseudonym)
        if not 0 < goal.deg <= GOAL_MAX_DEG:
            raise UserError(Said("trouble.goal_range", most=GOAL_MAX_DEG))
        wearers = self.read()
        wearer = wearers.known.get(pseudonym, Wearer())
        self._write(wearers.changing(pseudonym, wearer.aiming(goal)))

    def answer(self, pseudonym: str, answer: Answer) -> None:
        """Keep what a wearer answered.

        Raises
        ------
        UserError
            When it is no pseudonym.
        """
        _refused(pseudonym)
        wearers = self.read()
        wearer = wearers.known.get(pseudonym, Wearer())
        self._write(wearers.changing(pseudonym, wearer.answering(answer)))

    def goals(
        self, pseudonym: str, exercise: str, planned_deg: Mapping[str, float] | None = None
    ) -> dict[Leg, StepGoal]:
        """Return the goal of a step of an exercise for each leg, and who set it."""
        planned = planned_deg or {}
        wearer = self.read().known.get(pseudonym) if pseudonym else None
        last = last_ranges_deg(self._root, pseudonym, exercise) if pseudonym else {}
        return {
            leg: step_goal(planned.get(leg), wearer, last.get(leg), exercise, leg) for leg in LEGS
        }

    def _write(self, wearers: Wearers) -> None:
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(self.path, [as_text(wearers).encode()])


def read_wearers(path: Path) -> Wearers:
    """Return the wearers of a file; none where there is no such file.

    Raises
    ------
    UserError
        When it is damaged, of another version, or no plain file.
    """
    try:
        if path.is_symlink() or path.stat().st_size > MAX_BYTES:
            raise UserError(Said("trouble.wearers_link", path=str(path)))
        return from_text(path.read_bytes())
    except FileNotFoundError:
        return Wearers({})
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UserError(Said("trouble.wearers_file", path=str(path), why=str(why))) from None


def forget_wearer(path: Path, pseudonym: str) -> bool:
    """Remove a wearer, goals and all, from a file; return whether something was there.

    The file goes with its last wearer.

    Raises
    ------
    UserError
        When the file is damaged.
    imu.recording.SessionError
        When it cannot be written.
    """
    wearers = read_wearers(path)
    if pseudonym not in wearers.known:
        return False
    left = wearers.without(pseudonym)
    if left.known:
        replace_file(path, [as_text(left).encode()])
    else:
        path.unlink()
    return True


def last_ranges_deg(root: Path, wearer: str, exercise: str) -> dict[str, float]:
    """Return the median range of each leg the last time a wearer did an exercise, degrees.

    Only what was analysed before is looked at: a goal must not keep a wearer waiting.
    """
    with history_index(root, keep=(root / INDEX_FILE).exists()) as index:
        rows = index.execute(
            "SELECT leg, rom_median_deg FROM counted JOIN legs USING (folder) WHERE wearer = ?"
            " AND exercise = ? AND problem = '' AND valid > 0 ORDER BY start_utc",
            (wearer, exercise),
        )
        return {leg: deg for leg, deg in rows if deg is not None and math.isfinite(deg)}


def _refused(pseudonym: str) -> None:
    try:
        checked(pseudonym)
    except ValueError as error:
        raise UserError(str(error)) from None
