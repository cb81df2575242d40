"""Whether the wearer is in place: nothing is counted away from the start position."""

from __future__ import annotations

import math

from analysis.count.movement import RepSettings
from analysis.count.start_position import Posture

# Plain numbers: comparing with members of an enumeration would double the time of a sample.
AWAY, THIGH, START = int(Posture.AWAY), int(Posture.THIGH), int(Posture.START)


class PostureGate:
    """Remembers since when the leg has been in the start position or out of it."""

    __slots__ = ("_settings", "absent", "in_from", "out_from", "posture", "seen_s")

    def __init__(self, settings: RepSettings) -> None:
        self._settings = settings
        self.posture = AWAY
        self.in_from = self.out_from = math.inf
        self.seen_s = -math.inf
        """When the leg was last in the start position."""
        self.absent = False
        """Whether the leg has been out of place for long; whoever has taken note clears it."""

    def push(self, time_s: float, posture: int, *, moving: bool) -> None:
        """Take one sample; while the leg moves, its shank may be anywhere."""
        self.posture = posture
        if posture == START:
            self.out_from = math.inf
            self.seen_s = time_s
            if self.in_from == math.inf:
                self.in_from = time_s
            return
        self.in_from = math.inf
        if moving and posture == THIGH:
            self.out_from = math.inf
        elif self.out_from == math.inf:
            self.out_from = time_s
        elif time_s - self.out_from >= self._settings.absent_s:
            self.absent = True

    def is_in(self, time_s: float) -> bool:
        """Say whether the start position has been held long enough to begin."""
        return time_s - self.in_from >= self._settings.arm_s

    def is_out(self, time_s: float) -> bool:
        """Say whether the leg has been out of place for too long to go on."""
        return time_s - self.out_from > self._settings.disarm_s

    def has_strayed(self, time_s: float) -> bool:
        """Say whether the leg has been out of place for too long for a movement to go on."""
        return time_s - self.out_from > self._settings.strayed_s

    def may_start(self, time_s: float) -> bool:
        """Say whether a movement that begins now begins where the exercise does."""
        return self.was_in(time_s) and self.posture != AWAY

    def was_in(self, time_s: float) -> bool:
        """Say whether the start position has just been seen."""
        return time_s - self.seen_s <= self._settings.in_place_s

    def is_away(self, time_s: float) -> bool:
        """Say whether the leg is out of place, and not just for a knock's length."""
        return time_s - self.out_from > self._settings.passing_s
