"""How far this wearer moves, learnt from the repetitions so far."""

from __future__ import annotations

from collections import deque

from analysis.count.movement import RepSettings

LAST = 5


class WearerRange:
    """The median of the last valid repetitions, and the onset that follows from it; degrees."""

    __slots__ = ("_last", "_settings", "deg", "onset_deg")

    def __init__(self, settings: RepSettings) -> None:
        self._settings = settings
        self._last: deque[float] = deque(maxlen=LAST)
        self._take()

    def learn(self, range_deg: float) -> None:
        """Take a valid repetition."""
        self._last.append(range_deg)
        self._take()

    def _take(self) -> None:
        s = self._settings
        ordered = sorted(self._last) or [s.typical_range_deg]
        middle = len(ordered) // 2
        self.deg = (ordered[middle] + ordered[-1 - middle]) / 2
        """The exercise's typical range, until there is one."""
        # never above half the smallest repetition, or a small one after large ones would be missed
        self.onset_deg = max(s.onset_deg, min(s.onset_share * self.deg, s.valid_range_deg / 2))
        """A movement begins so far above the rest."""
