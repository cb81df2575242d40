"""The movement under way: where it began, how far it has gone, whether it still gets on."""

from __future__ import annotations

import math


class Swing:
    """Follows the angle of a moving leg, in degrees and seconds."""

    __slots__ = (
        "_mark",
        "_progress_deg",
        "mark_s",
        "onset_s",
        "peak",
        "peak_s",
        "peaks",
        "risen_from_s",
        "sat",
        "top",
        "valley",
    )

    def __init__(self, progress_deg: float, angle_deg: float) -> None:
        """Go by steps of so much: what gets no further has stopped."""
        self._progress_deg = progress_deg
        self.valley = angle_deg
        """Lowest angle since it last turned down."""
        self.begin(0.0, angle_deg, 0.0)

    def begin(self, time_s: float, angle_deg: float, risen_from_s: float) -> None:
        """Begin a movement."""
        self.onset_s = self.peak_s = time_s
        self.risen_from_s = risen_from_s
        """When the angle last did not rise."""
        self.peak = self.top = self._mark = angle_deg
        """Highest angle; `top` is that since it last turned up."""
        self.mark_s = time_s
        """When it last got on."""
        self.peaks = 1
        self.sat = -math.inf
        """Where the leg sat for long on the way up."""

    def rise(self, time_s: float, angle_deg: float) -> None:
        """Take a sample of the way up."""
        if angle_deg <= self.top:
            return
        self.top = angle_deg
        if angle_deg > self.peak:
            self.peak, self.peak_s = angle_deg, time_s
        if angle_deg > self._mark + self._progress_deg:
            self._mark, self.mark_s = angle_deg, time_s

    def turn_down(self, time_s: float, angle_deg: float) -> None:
        """Begin the way back."""
        self.valley = self._mark = angle_deg
        self.mark_s = time_s

    def fall(self, time_s: float, angle_deg: float) -> None:
        """Take a sample of the way back."""
        if angle_deg >= self.valley:
            return
        self.valley = angle_deg
        if angle_deg < self._mark - self._progress_deg:
            self._mark, self.mark_s = angle_deg, time_s

    def turn_up(self, time_s: float, angle_deg: float) -> None:
        """Go up again before the leg was back: one peak more."""
        self.top = self._mark = angle_deg
        self.mark_s = time_s
        self.peaks += 1
