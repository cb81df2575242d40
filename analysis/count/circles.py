"""Repetitions of two circles: first the shin level, then the foot above the knee.

The rep machine counts each rise of the thigh; here two of them in order become one repetition. A
circle that stays alone, or the second without the first, is partial: nothing is dropped in silence.
"""

from __future__ import annotations

import math

from analysis.count.repetition_machine import Movement, Outcome, RepMachine, RepSettings

FOOT_HIGH = 0.2
"""Sine of the shank's elevation above which the foot is higher than the knee: 12°, more than a shin
that is meant to be level wavers."""


class CircleMachine(RepMachine):
    """Counts pairs of circles of one leg; otherwise as `RepMachine`."""

    def __init__(self, settings: RepSettings, start_level_deg: float) -> None:
        """Start from the thigh's elevation in the calibrated start pose."""
        super().__init__(settings, start_level_deg)
        self._foot = -1.0
        """Highest the foot has been in the circle under way."""
        self._first: Movement | None = None
        """The first circle, while it waits for the second."""
        self._becomes: dict[float, Movement | None] = {}
        """What an announced circle is part of, by its onset; None where it waits."""

    @property
    def untold_from_s(self) -> float:
        """Return when the earliest circle began that is not told yet; infinity without one."""
        first_s = math.inf if self._first is None else self._first.onset_s
        return min(first_s, super().untold_from_s)

    @property
    def is_under_way(self) -> bool:
        """Say whether a pair of circles has begun that may yet be announced."""
        return self._first is not None or super().is_under_way

    def push(
        self, time_s: float, angle_deg: float, posture: int, shank_sine: float = math.nan
    ) -> Outcome:
        """Take one sample of the thigh's elevation, and the sine of the shank's; NaN is a hole."""
        if self.is_resting:
            self._foot = -1.0
        elif shank_sine > self._foot:  # False where NaN
            self._foot = shank_sine
        return self._paired(super().push(time_s, angle_deg, posture))

    def finish(self, time_s: float) -> Outcome:
        """End the set; a first circle without its second is partial."""
        outcome = self._paired(super().finish(time_s))
        first, self._first = self._first, None
        if first is None:
            return outcome
        if outcome.completed is None:
            half = first._replace(status="partial")
            return Outcome(half, half)
        # the movement that the end cut off began with the circle before it
        whole = outcome.completed._replace(onset_s=first.onset_s)
        return Outcome(whole if outcome.announced is not None else None, whole)

    def _paired(self, outcome: Outcome) -> Outcome:
        """Return what a step of the single circles means for the pairs."""
        announced, completed = outcome
        if announced is None:
            return outcome if completed is None else Outcome(None, self._completed(completed))
        if announced.status != "valid":
            return outcome
        said = self._announced(announced)
        over = self._completed(completed) if completed is not None else None
        if said is not None and said.onset_s == announced.onset_s and said.status == "partial":
            return Outcome(said, over)
        orphan = said is not None and said.status == "partial"
        return Outcome(said, said if orphan else over)

    def _announced(self, circle: Movement) -> Movement | None:
        """Take a circle; return the pair it ends, or what stays a half because of it."""
        first = self._first
        if self._foot <= FOOT_HIGH:
            self._first = circle
            self._becomes[circle.onset_s] = None
            return None if first is None else first._replace(status="partial")
        self._first = None
        if first is None:
            said = circle._replace(status="partial")
        else:
            said = circle._replace(
                onset_s=first.onset_s,
                level_deg=first.level_deg,
                anchor_deg=first.anchor_deg,
                range_deg=min(first.range_deg, circle.range_deg),
                peaks=max(first.peaks, circle.peaks),
                after_absence=first.after_absence,
            )
        self._becomes[circle.onset_s] = said
        return said

    def _completed(self, circle: Movement) -> Movement | None:
        """Return a completed circle as it was announced, with what is known only now."""
        if circle.onset_s not in self._becomes:
            return circle
        whole = self._becomes.pop(circle.onset_s)
        if whole is None:
            return None
        return whole._replace(stopped_short=circle.stopped_short, back_s=circle.back_s)
