"""What a movement is measured against: the rest it leaves, its own course, the wearer's range.

Two levels of rest. The *level* follows the resting leg and is what a movement is measured from. The
*anchor* is the rest position that a return is judged by: the calibrated start pose, until the leg
settles lower, or rests somewhere else for long.
"""

from __future__ import annotations

import math
from collections import deque

from analysis.count.movement import RepSettings

LAST = 5
"""So many repetitions tell the wearer's range."""


class RestLevel:
    """Follows the angle of a resting leg, in degrees."""

    def __init__(self, settings: RepSettings, start_level_deg: float) -> None:
        """Start from the angle of the calibrated start pose."""
        self._settings = settings
        self.anchor = self.level = start_level_deg
        self.home = start_level_deg
        """The start pose, later where a valid repetition rose from and returned to, or where the
        leg rested for very long; it drifts with a resting leg and follows no stroke."""
        self.low = start_level_deg
        """Lowest angle of this rest."""
        self._ceiling = start_level_deg + settings.rest_step_deg

    def enter(self, angle_deg: float) -> None:
        """Begin a rest; the level stays where it was, however far the leg came back."""
        self.low = angle_deg
        self._ceiling = self.level + self._settings.rest_step_deg

    def sink(self, angle_deg: float) -> None:
        """Take a lower angle of this rest."""
        self.low = angle_deg

    def settle(self, angle_deg: float) -> None:
        """Take where the leg is for its rest position."""
        self.anchor = self.level = angle_deg
        self.enter(angle_deg)

    def begin(self, angle_deg: float) -> None:
        """Take where the leg is for its start pose."""
        self.settle(angle_deg)
        self.home = angle_deg

    def base(self, onset_deg: float) -> float:
        """Return what a movement rises from now: the level, unless the leg is elsewhere."""
        low, level = self.low, self.level
        return level if level - onset_deg <= low <= level else low

    def leave(self) -> None:
        """End the rest: a movement is measured from the level, or from lower down."""
        if self.low < self.level:
            self.level = self.low

    def resume(self, angle_deg: float, level_deg: float) -> None:
        """Rest again at a level after the leg has been below it."""
        self.anchor = self.level = level_deg
        self.enter(angle_deg)

    def follow(self, angle_deg: float, slope_dps: float, quiet_s: float, dt: float) -> None:
        """Follow a quiet leg: down at once, up slowly lest a slow start take its level along."""
        s = self._settings
        above = angle_deg - self.level
        if -s.still_dps < slope_dps < s.still_dps:
            self.home += slope_dps * dt
        if above < 0.0:
            self.level += above * dt / (dt + s.fall_s)
            self.anchor = min(self.anchor, self.level)
        elif slope_dps < s.still_dps:
            risen = self.level + above * dt / (dt + s.rise_s)
            if quiet_s >= s.new_rest_s:
                self.level = self.anchor = risen
            else:
                self.level = max(self.level, min(risen, self._ceiling))
            self.low = max(self.low, self.level)
        if quiet_s >= s.new_home_s:
            self.home = self.level


class Swing:
    """Follows the angle of a moving leg, in degrees and seconds."""

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

    def sink(self, angle_deg: float) -> None:
        """Take a sample of the settling after the way back."""
        self.valley = min(self.valley, angle_deg)

    def sit(self, angle_deg: float) -> None:
        """Take that the leg sits on the way up."""
        self.sat = angle_deg

    def turn_up(self, time_s: float, angle_deg: float) -> None:
        """Go up again before the leg was back: one peak more."""
        self.top = self._mark = angle_deg
        self.mark_s = time_s
        self.peaks += 1


class WearerRange:
    """The median of the last valid repetitions, and the onset that follows from it; degrees."""

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
