"""Leads through the sets of one exercise: counts them, times the rests, says when all are done.

Also says again what a calibration waits for, and ends a session whose calibration never comes.

Time is that of the samples, as everywhere; a coach hears announcements and sees frames pass.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

from analysis.exercises import Exercise
from analysis.session.announcements import Announcement, Kind
from imu.sample import Side

AFTER_LAST_S = 4.0
"""How long a session goes on after its last set, so that the last repetition is complete."""
CUES_S = (60, 30, 10, 5, 3, 2, 1)
"""Seconds left of a rest that are spoken."""
AGAIN_S = 60.0
"""A calibration says again what it waits for when nothing has happened for so long."""
GIVE_UP_S = 600.0
"""No calibration takes so long: nobody is there, or the units show nothing of the leg."""


class Coach:
    """Follows one exercise through its sets; `is_done` ends the session."""

    def __init__(
        self,
        exercise: Exercise,
        sides: Sequence[Side],
        rest_s: float,
        say: Callable[[str], None],
    ) -> None:
        """Ask for the sets of the exercise's dose on these legs."""
        self._exercise, self._sides = exercise, tuple(sides)
        self._rest_s, self._say = rest_s, say
        self._sets: Counter[Side] = Counter()
        self._set = 0
        self._rest_until_s = -math.inf
        self._cues: list[int] = []
        self._end_s = math.inf
        self._now_s = 0.0

    @property
    def is_done(self) -> bool:
        """Say whether every set is done."""
        return self._now_s >= self._end_s

    def hear(self, said: Announcement) -> None:
        """Take an announcement."""
        if not self._ends_a_set(said):
            return
        self._sets[said.side] += 1
        done = min(self._sets[side] for side in self._sides)
        if done == self._set:
            return
        self._set = done
        if done >= self._exercise.dose.sets:
            self._end_s = said.time_s + AFTER_LAST_S
            return
        self._rest_until_s = said.time_s + self._rest_s
        self._cues = [cue for cue in CUES_S if cue < self._rest_s] + [0]
        self._say(f"set {done} of {self._exercise.dose.sets} done: rest for {self._rest_s:.0f} s")

    def see(self, time_s: float) -> None:
        """Advance to a time of the session; count down the rest."""
        self._now_s = time_s
        left_s = self._rest_until_s - time_s
        while self._cues and left_s <= self._cues[0]:
            cue = self._cues.pop(0)
            self._say(f"{cue} s" if cue else f"begin set {self._set + 1}")

    def _ends_a_set(self, said: Announcement) -> bool:
        if self._exercise.is_timed:
            return said.kind is Kind.HOLD_END
        wanted = "reps" if self._exercise.is_counted else "hold"
        return said.kind is Kind.TARGET_REACHED and said.reason == wanted


class CalibrationWait:
    """Waits with the wearer for the calibration of the first leg; time is that of the samples."""

    def __init__(self) -> None:
        self._since_s: float | None = None
        self._again_s = math.inf

    def heard(self, time_s: float) -> None:
        """Take that a step was reached, or that an attempt was told why it did not pass."""
        self._since_s = time_s if self._since_s is None else self._since_s
        self._again_s = time_s + AGAIN_S

    def see(self, time_s: float, asked: str, exercise: Exercise) -> str:
        """Advance to a time; return what is to be said, mostly nothing.

        `asked` is what the wearer is asked for.
        """
        if self._since_s is None:
            self.heard(time_s)
        if self.is_over(time_s):
            return (
                f"No leg was calibrated within {GIVE_UP_S / 60.0:.0f} minutes, so the session ends:"
                f" read how it is done (`hipturn exercises {exercise.id}`), check that the units"
                " are on the leg, and begin again."
            )
        if time_s < self._again_s:
            return ""
        self._again_s = time_s + AGAIN_S
        return f"Still waiting: {asked}"

    def is_over(self, time_s: float) -> bool:
        """Say whether it has taken too long."""
        return self._since_s is not None and time_s - self._since_s >= GIVE_UP_S
