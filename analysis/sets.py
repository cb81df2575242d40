"""Number repetitions and sets as they come."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from analysis.movement import Movement

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

    def close(self) -> None:
        """End the set: the next repetition begins another."""
        self._open = False

    def announce(self, movement: Movement) -> None:
        """Count an announced movement into its set."""
        if movement.status != "valid":
            return
        rested_s = movement.onset_s - self._last_s
        if not self._open or movement.after_absence or rested_s > self._rest_max_s():
            self.set += 1
            self.announced = 0
            self._open = True
        self.announced += 1
        self._last_s = movement.announced_s
        self._tempos.append(movement.announced_s - movement.onset_s)
        self._sets.append((movement.onset_s, self.set))

    def _rest_max_s(self) -> float:
        if self.announced >= self._target:
            return DONE_REST_S
        return max(SET_REST_MIN_S, SET_REST_TEMPOS * float(np.median(self._tempos)))

    def number(self, movement: Movement) -> tuple[int, int]:
        """Return the set and the number of a completed movement; no number unless it is valid."""
        if movement.status != "valid":
            return self.set, 0
        onset, of_set = self._sets.popleft()
        assert onset == movement.onset_s  # noqa: S101 (completed in the order they were announced)
        self._completed[of_set] = self._completed.get(of_set, 0) + 1
        return of_set, self._completed[of_set]
