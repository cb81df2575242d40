"""Number repetitions and sets as they come."""

from __future__ import annotations

import math
from collections import deque
from statistics import median

from analysis.count.movement import Movement

SET_REST_MIN_S = 6.0
SET_REST_TEMPOS = 3.0
DONE_REST_S = 3.0
"""Rest that ends a set once its repetitions are done."""


class SetCounter:
    """Numbers repetitions and sets; a set ends with a long rest or with leaving the position."""

    def __init__(self, target_reps: int) -> None:
        """Take the most repetitions that one set asks for."""
        self.set = 0
        self.announced = 0
        self._target = target_reps
        self._open = False
        self._completed: dict[int, int] = {}
        self._sets: deque[tuple[float, int]] = deque()
        self._last_s = -math.inf
        self._tempos: deque[float] = deque(maxlen=5)
        self._rest_max_s = SET_REST_MIN_S

    @property
    def is_open(self) -> bool:
        """Say whether a set is under way."""
        return self._open

    def close(self) -> None:
        """End the set: the next repetition begins another."""
        self._open = False

    def rest(self, time_s: float, *, absent: bool) -> None:
        """Take that the leg rests; the set is over once it has rested, or been away, for long."""
        if self._open and (absent or time_s - self._last_s > self._rest_max_s):
            self._open = False

    def announce(self, movement: Movement) -> None:
        """Count an announced movement into its set."""
        if movement.status != "valid":
            return
        rested_s = movement.onset_s - self._last_s
        if not self._open or movement.after_absence or rested_s > self._rest_max_s:
            self.set += 1
            self.announced = 0
            self._open = True
        self.announced += 1
        self._last_s = movement.announced_s
        self._tempos.append(movement.announced_s - movement.onset_s)
        self._sets.append((movement.onset_s, self.set))
        tempo_s = median(self._tempos)
        done = self.announced >= self._target
        self._rest_max_s = DONE_REST_S if done else max(SET_REST_MIN_S, SET_REST_TEMPOS * tempo_s)

    def number(self, movement: Movement) -> tuple[int, int]:
        """Return the set and the number of a completed movement; no number unless it is valid."""
        if movement.status != "valid":
            return self.set, 0
        onset, of_set = self._sets.popleft()
        assert onset == movement.onset_s  # noqa: S101 (completed in the order they were announced)
        self._completed[of_set] = self._completed.get(of_set, 0) + 1
        return of_set, self._completed[of_set]
