"""Knocks and slipping straps in an angle: jumps that no leg makes.

A knock throws a unit about for a moment: the angle is held still until it is back, for 150 ms at
most. A strap that slips leaves a step between two quiet stretches, before and after which the unit
is not on the same place of the leg. Both are told by the angle alone, because units that fuse on
board send no acceleration: a jump of 8° sets in within one sample, a leg gathers speed over many.
"""

from __future__ import annotations

import math
from enum import Enum

JUMP_DEG = 8.0
JUMP_DPS = 240.0
"""A jump is at least this fast, and ..."""
ABRUPT_DPS = 150.0
"""... so much faster than the sample before: a stroke of 30° in 0.35 s gains 70 °/s in 40 ms."""
FREEZE_S = 0.15
SETTLED_S = 0.3
"""A step is a slip when it stays this long ..."""
SETTLED_DEG = 5.0
"""... within so little."""
QUIET_S = 0.25
"""A leg that was quiet for less was not at rest before the step."""
SAMPLE_MAX_S = 0.1
"""Across a longer step in time nobody knows how fast it went."""


class Jump(Enum):
    """What a sample showed."""

    NONE = 0
    BUMP = 1
    """A knock is over; the angle is back where it was."""
    SHIFT = 2
    """A step has stayed."""


NONE = Jump.NONE  # looking up a member costs as much as a sample


class JumpFilter:
    """Holds an angle in degrees still through knocks, and notices steps; memory does not grow."""

    def __init__(self) -> None:
        self.restart(-math.inf, 0.0)

    def restart(self, time_s: float, angle_deg: float) -> None:
        """Forget the past and begin at an angle."""
        self._time_s = time_s
        self.angle = self._before = angle_deg
        """The angle to go on with; held while a knock lasts."""
        self._moved = self._dt = self._from_s = 0.0
        self._frozen = self._quiet = False
        self._step_s = math.inf
        self._low = self._high = angle_deg

    def push(self, time_s: float, angle_deg: float, quiet_from_s: float) -> Jump:
        """Take one sample, and since when the leg has been quiet (infinity while it is not)."""
        dt, self._time_s = time_s - self._time_s, time_s
        if self._frozen:
            return self._thaw(time_s, angle_deg)
        moved = angle_deg - self.angle
        if -JUMP_DEG < moved < JUMP_DEG:
            self._moved, self._dt = moved, dt
            self.angle = angle_deg
            return NONE if self._step_s == math.inf else self._stayed(time_s, angle_deg)
        return self._leap(time_s, angle_deg, dt, quiet_from_s)

    def _leap(self, time_s: float, angle_deg: float, dt: float, quiet_from_s: float) -> Jump:
        """Hold still where a large step sets in too suddenly for a leg."""
        moved = angle_deg - self.angle
        rate = moved / dt if dt > 0.0 else 0.0
        before = self._moved / self._dt if self._dt > 0.0 else 0.0
        self._step_s = math.inf
        if dt < SAMPLE_MAX_S and abs(rate) > JUMP_DPS and abs(rate - before) > ABRUPT_DPS:
            self._frozen, self._from_s = True, time_s
            self._quiet = time_s - quiet_from_s >= QUIET_S
            return NONE
        self._moved, self._dt = moved, dt
        self.angle = angle_deg
        return NONE

    def _thaw(self, time_s: float, angle_deg: float) -> Jump:
        """Go on once the angle is back, or has stayed away for too long to be a knock."""
        if -JUMP_DEG < angle_deg - self.angle < JUMP_DEG:
            self._frozen, self._moved = False, 0.0
            self.angle = angle_deg
            return Jump.BUMP
        if time_s - self._from_s >= FREEZE_S:
            self._frozen, self._moved = False, 0.0
            self._before, self.angle = self.angle, angle_deg
            if self._quiet:
                self._step_s = time_s
                self._low = self._high = angle_deg
        return NONE

    def _stayed(self, time_s: float, angle_deg: float) -> Jump:
        self._low, self._high = min(self._low, angle_deg), max(self._high, angle_deg)
        if self._high - self._low > SETTLED_DEG:
            self._step_s = math.inf  # it went on: a movement, if a sudden one
        elif time_s - self._step_s >= SETTLED_S:
            self._step_s = math.inf
            middle = (self._low + self._high) / 2
            return Jump.SHIFT if abs(middle - self._before) >= JUMP_DEG else NONE
        return NONE
