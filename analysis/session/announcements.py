"""What is said while the wearer exercises: one list of typed events for every listener.

Terminal, page, sound, events.jsonl and replay all get these, made here from the updates of each leg
and from nothing else. Each carries the time of the sample that brought it, so that a replay says
the same at the same moments.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

from analysis.count.movement import Movement
from analysis.exercises import Exercise
from analysis.session.leg_monitor import LegUpdate
from imu.sample import Side


class Kind(StrEnum):
    """What can be said."""

    REP = "rep"
    """A repetition counts; `rep` is its number in the set, `value` its range in degrees."""
    PARTIAL = "partial"
    """Too small to count; `value` is its range in degrees."""
    REJECTED = "rejected"
    """Not counted; `reason` says why."""
    HOLD_SECOND = "hold_second"
    """Another whole second held; `value` is how many by now."""
    HALF_WAY = "half_way"
    """Half of a prescribed hold or time is over; `value` is the seconds left."""
    BREATH_IN = "breath_in"
    """Time to breathe in; `value` is the number of the breath."""
    BREATH_OUT = "breath_out"
    """Time to breathe out; `value` is the number of the breath."""
    TARGET_REACHED = "target_reached"
    """`reason` is `hold` or `reps`; `value` is the seconds or the repetitions asked for."""
    HOLD_END = "hold_end"
    """A guided hold or a timed item ended; `value` is the seconds held."""
    FAULT = "fault"
    """A fault of the repetition just completed; `reason` is its name in the table."""
    SET_END = "set_end"
    """The set is over; `value` is its repetitions."""
    ALARM = "alarm"
    """Something a person should mend; `reason` is its name, `text` the sentence."""


MOVEMENT_KINDS = (Kind.REP, Kind.PARTIAL, Kind.REJECTED)
_KIND_OF = {"valid": Kind.REP, "partial": Kind.PARTIAL, "rejected": Kind.REJECTED}


class Announcement(NamedTuple):
    """One thing said, about one leg."""

    kind: Kind
    time_s: float
    """Session second of the sample that brought it."""
    side: Side
    set: int = 0
    rep: int = 0
    value: float = 0.0
    reason: str = ""
    movement: Movement | None = None
    """What was counted, too small or rejected; None for anything else."""
    text: str = ""
    """What to tell a person, where the rest does not say it."""
    words: tuple[tuple[str, float | str], ...] = ()
    """What is filled in there, for other languages."""

    def to_event(self) -> dict[str, Any]:
        """Return it as events.jsonl holds it; plain JSON values."""
        if self.movement is None:
            return {
                "type": "announcement",
                "time_s": self.time_s,
                "kind": str(self.kind),
                "side": str(self.side),
                "set": self.set,
                "rep": self.rep,
                "value": self.value,
                "reason": self.reason,
                **({"text": self.text} if self.text else {}),
            }
        m = self.movement
        return {
            "type": "movement",
            "time_s": self.time_s,
            "side": str(self.side),
            "status": m.status,
            "reason": m.reason,
            "set": self.set,
            "reps": self.rep,
            "onset_s": m.onset_s,
            "peak_s": m.peak_s,
            "range_deg": m.range_deg,
        }


class _LegVoice:
    """What has been said about one leg."""

    def __init__(self) -> None:
        self.seconds = 0
        self.breaths = 0
        self.half = False
        self.hold_target = False
        self.reps_target_of = 0
        """The last set whose target was reached."""
        self.open_set = 0


class Announcer:
    """Turns the updates of the legs into announcements, in order of time."""

    def __init__(self, exercise: Exercise) -> None:
        """Announce what one exercise asks for."""
        self._dose = exercise.dose
        self._timed = not exercise.is_counted
        self._voices = {side: _LegVoice() for side in Side}

    def push(self, side: Side, update: LegUpdate) -> list[Announcement]:
        """Return what one update of one leg gives to say."""
        voice = self._voices[side]
        said: list[Announcement] = []
        if update.alarm is not None:
            alarm = update.alarm
            said.append(
                Announcement(
                    Kind.ALARM,
                    alarm.time_s,
                    side,
                    reason=alarm.kind,
                    text=alarm.text,
                    words=alarm.words,
                )
            )
        if update.announced is not None:
            said.append(_of_movement(side, update.announced, update.set, update.reps))
        if update.hold_s > 0.0:
            said += self._hold(side, voice, update)
        else:
            voice.seconds, voice.breaths = 0, 0
            voice.half = voice.hold_target = False
        said += self._completed(side, update)
        said += self._set(side, voice, update)
        return said

    def _hold(self, side: Side, voice: _LegVoice, update: LegUpdate) -> list[Announcement]:
        """Return the seconds, cues and target of the hold under way, where one is prescribed."""
        target_s = self._dose.hold_s[0]
        if target_s <= 0.0:
            return []
        said: list[Announcement] = []

        def say(kind: Kind, value: float, reason: str = "") -> None:
            where = (update.set, update.reps)
            said.append(Announcement(kind, update.time_s, side, *where, value, reason))

        if self._dose.breaths is not None:
            half_s = self._dose.breath_s / 2.0
            while voice.breaths * half_s <= update.hold_s and voice.breaths * half_s < target_s:
                kind = Kind.BREATH_OUT if voice.breaths % 2 else Kind.BREATH_IN
                say(kind, float(voice.breaths // 2 + 1))
                voice.breaths += 1
        while voice.seconds + 1 <= update.hold_s:
            voice.seconds += 1
            say(Kind.HOLD_SECOND, float(voice.seconds))
        if self._timed and not voice.half and update.hold_s >= target_s / 2.0:
            voice.half = True
            say(Kind.HALF_WAY, target_s - target_s / 2.0)
        if not voice.hold_target and update.hold_s >= target_s:
            voice.hold_target = True
            say(Kind.TARGET_REACHED, target_s, "hold")
        return said

    def _completed(self, side: Side, update: LegUpdate) -> list[Announcement]:
        said: list[Announcement] = []
        for m, set_, rep, _ in update.completed:
            where = (update.time_s, side, set_, rep)
            if m.status == "hold":
                said.append(Announcement(Kind.HOLD_END, *where, m.hold_s))
            else:
                said += [Announcement(Kind.FAULT, *where, 0.0, fault) for fault in m.faults]
        return said

    def _set(self, side: Side, voice: _LegVoice, update: LegUpdate) -> list[Announcement]:
        said: list[Announcement] = []
        at = (update.time_s, side)
        target = self._dose.reps[0]
        counted = update.announced is not None and update.announced.status == "valid"
        if counted and update.reps >= target and voice.reps_target_of != update.set:
            voice.reps_target_of = update.set
            said.append(
                Announcement(
                    Kind.TARGET_REACHED, *at, update.set, update.reps, float(target), "reps"
                )
            )
        if update.set_open:
            voice.open_set = update.set
        elif voice.open_set:
            said.append(Announcement(Kind.SET_END, *at, voice.open_set, 0, float(update.reps)))
            voice.open_set = 0
        return said


def _of_movement(side: Side, movement: Movement, set_: int, reps: int) -> Announcement:
    return Announcement(
        _KIND_OF[movement.status],
        movement.announced_s,
        side,
        set_,
        reps,
        movement.range_deg,
        movement.reason,
        movement,
    )
