"""Where the leg rests, while it rests: the level that a movement rises from.

Two levels. The *level* follows the resting leg and is what a movement is measured from. The
*anchor* is the rest position that a return is judged by: the calibrated start pose, until the leg
settles lower, or rests somewhere else for long.
"""

from __future__ import annotations

from analysis.count.movement import RepSettings


class RestLevel:
    """Follows the angle of a resting leg, in degrees."""

    __slots__ = ("_ceiling", "_settings", "anchor", "home", "level", "low")

    def __init__(self, settings: RepSettings, start_level_deg: float) -> None:
        """Start from the angle of the calibrated start pose."""
        self._settings = settings
        self.anchor = self.level = start_level_deg
        self.home = start_level_deg
        """The start pose; it drifts with a resting leg and follows no stroke."""
        self.low = start_level_deg
        """Lowest angle of this rest."""
        self._ceiling = start_level_deg + settings.rest_step_deg

    def enter(self, angle_deg: float) -> None:
        """Begin a rest; the level stays where it was, however far the leg came back."""
        self.low = angle_deg
        self._ceiling = self.level + self._settings.rest_step_deg

    def settle(self, angle_deg: float) -> None:
        """Take where the leg is for its rest position."""
        self.anchor = self.level = angle_deg
        self.enter(angle_deg)

    def base(self, onset_deg: float) -> float:
        """Return what a movement rises from now: the level, unless the leg is elsewhere."""
        low, level = self.low, self.level
        return level if level - onset_deg <= low <= level else low

    def leave(self) -> None:
        """End the rest: a movement is measured from the level, or from lower down."""
        if self.low < self.level:
            self.level = self.low

    def resume(self, angle_deg: float) -> None:
        """Rest again where the leg rested before it swung below for a moment."""
        self.level = self.anchor
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
