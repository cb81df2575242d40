"""Repetitions that take both legs: which of the left goes with which of the right.

Both legs turn in together, so a repetition of one leg and one of the other that reach their end
range at about the same time are one repetition. What has no partner is flagged `async`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from analysis.grade.grade import MeasuredMovement
from analysis.session.leg_monitor import Numbered
from analysis.session.leg_record import LegRecord
from imu.sample import Side

APART_MIN_S = 0.5
APART_SHARE = 0.3
"""Of the duration of the repetition."""

Event = dict[Side, int]
"""Which movement of which leg took part."""


def pair_legs(records: Mapping[Side, LegRecord]) -> dict[Side, LegRecord]:
    """Return both legs with common numbers: one set and repetition has one number on either leg."""
    movements = {side: list(record.movements) for side, record in records.items()}
    now: dict[Side, int] = {}
    set_, rep = 0, 0
    for event in _events(movements):
        own = {side: movements[side][index].set for side, index in event.items()}
        if set_ == 0 or any(now.get(side, number) != number for side, number in own.items()):
            now, set_, rep = {}, set_ + 1, 0
        now |= own
        rep += 1
        for side, index in event.items():
            movement = movements[side][index].movement
            if len(event) == 1:
                movement = replace(movement, flags=(*movement.flags, "async"))
            movements[side][index] = Numbered(movement, set_, rep)
    return {side: replace(records[side], movements=tuple(movements[side])) for side in records}


def are_together(left: MeasuredMovement, right: MeasuredMovement) -> bool:
    """Say whether two movements reach their end range at about the same time."""
    duration_s = (left.end_s - left.start_s + right.end_s - right.start_s) / 2
    return abs(_middle_s(left) - _middle_s(right)) <= max(APART_MIN_S, APART_SHARE * duration_s)


def _events(movements: Mapping[Side, list[Numbered]]) -> Iterator[Event]:
    """Yield the valid repetitions in order of time, alone or with their partner."""
    waiting = {
        side: [i for i, numbered in enumerate(of_leg) if numbered.movement.status == "valid"]
        for side, of_leg in movements.items()
    }
    while any(waiting.values()):
        first = {side: indices[0] for side, indices in waiting.items() if indices}
        heads = {side: movements[side][index].movement for side, index in first.items()}
        if len(heads) < 2 or not are_together(*heads.values()):
            side = min(heads, key=lambda side: _middle_s(heads[side]))
            first = {side: first[side]}
        for side in first:
            waiting[side].pop(0)
        yield first


def _middle_s(movement: MeasuredMovement) -> float:
    """Return the middle of the hold, or the peak: while holding, the highest sample is chance."""
    return (movement.hold_start_s + movement.hold_end_s) / 2
