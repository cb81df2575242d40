"""Number repetitions and sets as they are announced, of one leg or of both together.

Both legs turn in together in some exercises: a repetition of one leg and one of the other that
reach their end range at about the same time are one repetition, with one set and one number. The
number is given when a leg's repetition is announced, so that what is said is what the table says.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from analysis.count.movement import Movement
from imu.sample import Side

SET_REST_MIN_S = 6.0
SET_REST_TEMPOS = 3.0
DONE_REST_S = 3.0
"""Rest that ends a set once its repetitions are done."""
APART_MIN_S = 0.5
APART_SHARE = 0.3
"""Of the duration of a repetition: legs whose end ranges lie no farther apart are together."""
SILENT_S = 1.0
"""A leg unheard for longer has no repetition that counts under way: its gap rejects it."""


GONE_S = 120.0
"""A leg that comes back within this goes on with its set."""


class SetCounter:
    """Numbers repetitions and sets; a set ends with a long rest or with leaving the position."""

    def __init__(self, target_reps: int) -> None:
        """Take the most repetitions that one set asks for."""
        self.set = 0
        self.announced = 0
        self._target = target_reps
        self._open = False
        self._last_s = -math.inf
        self._tempos: deque[float] = deque(maxlen=5)
        self._rest_max_s = SET_REST_MIN_S

    @property
    def is_open(self) -> bool:
        """Say whether a set is under way."""
        return self._open

    def close(self) -> None:
        """End the set: the next repetition begins another."""
        self._open = False

    def rest(self, time_s: float, *, absent: bool) -> None:
        """Take that the leg rests; the set is over once it has rested, or been away, for long."""
        if self._open and (absent or time_s - self._last_s > self._rest_max_s):
            self._open = False

    def hide(self, hole_s: float) -> None:
        """Take that the leg was not seen for a while: that is no rest, but ends a set at last."""
        if hole_s > GONE_S:
            self._open = False
        else:
            self._last_s += hole_s

    def announce(self, movement: Movement) -> None:
        """Count an announced movement into its set."""
        if movement.status != "valid":
            return
        rested_s = movement.onset_s - self._last_s
        if not self._open or movement.after_absence or rested_s > self._rest_max_s:
            self.set += 1
            self.announced = 0
            self._open = True
        self.announced += 1
        self._last_s = movement.announced_s
        self._tempos.append(movement.announced_s - movement.onset_s)
        tempo_s = median(self._tempos)
        done = self.announced >= self._target
        self._rest_max_s = DONE_REST_S if done else max(SET_REST_MIN_S, SET_REST_TEMPOS * tempo_s)


When = Callable[[], tuple[float, float]]
"""The middle of a repetition's hold, or its peak, and how long the repetition took, in seconds."""


@dataclass(slots=True)
class RepNumber:
    """The set and the number of an announced movement; 0 where it has none."""

    set: int
    rep: int = 0
    is_settled: bool = True
    """Whether it is known by now if the other leg took part."""
    is_alone: bool = False
    """Whether the other leg should have taken part and did not."""


@dataclass(slots=True)
class _Partner:
    """What one leg last showed of itself."""

    heard_s: float = -math.inf
    is_moving: bool = False
    own_set: int = 0
    """By its own count, of its last repetition in the common set; 0 where it has had none."""


class CommonNumbers:
    """One number for what both legs do together; a leg without its partner keeps its own turn."""

    def __init__(self) -> None:
        self._legs = {side: _Partner() for side in Side}
        self._set = self._rep = 0
        self._waiting: deque[tuple[Side, When, RepNumber]] = deque()
        """Repetitions of one leg whose partner may be under way."""
        self._enders: list[Callable[[], None]] = []

    def join(self, end: Callable[[], None]) -> None:
        """Take a leg, by what ends its recording: it may announce a last repetition then."""
        self._enders.append(end)

    def see(self, side: Side, time_s: float, *, is_moving: bool) -> None:
        """Take one frame of a leg: whether a movement is under way or about to be announced."""
        leg = self._legs[side]
        leg.heard_s, leg.is_moving = time_s, is_moving
        if self._waiting:
            self._part(time_s)

    def announce(self, side: Side, own_set: int, when: When) -> RepNumber:
        """Return the number of a repetition that one leg announces now.

        Parameters
        ----------
        side, own_set
            Whose it is, and in which set of that leg by itself.
        when
            When it was; asked for only while one of the other leg waits.
        """
        number = self._joined(side, when)
        if number is None:
            number = self._next(side, own_set)
            self._waiting.append((side, when, number))
        self._legs[side].own_set = own_set
        return number

    def end(self) -> None:
        """End the recording of all legs together: the last of one may belong to another's."""
        for end in self._enders:
            end()
        self._leave_alone()

    def _leave_alone(self) -> None:
        for *_, number in self._waiting:
            number.is_settled = number.is_alone = True
        self._waiting.clear()

    def _joined(self, side: Side, when: When) -> RepNumber | None:
        """Return the number of the waiting repetition that this one is the other half of."""
        while self._waiting and self._waiting[0][0] is not side:
            _, other_when, waiting = self._waiting[0]
            (middle_s, duration_s), (other_s, other_duration_s) = when(), other_when()
            mean_s = (duration_s + other_duration_s) / 2
            together = abs(middle_s - other_s) <= max(APART_MIN_S, APART_SHARE * mean_s)
            if not together and middle_s < other_s:
                break  # the one that waits may yet find its own
            self._waiting.popleft()
            waiting.is_settled, waiting.is_alone = True, not together
            if together:
                return RepNumber(waiting.set, waiting.rep)
        return None

    def _next(self, side: Side, own_set: int) -> RepNumber:
        """Return the next number; a leg that begins a set of its own begins one for both."""
        leg = self._legs[side]
        if self._set == 0 or leg.own_set not in (0, own_set):
            self._set, self._rep = self._set + 1, 0
            for each in self._legs.values():
                each.own_set = 0
        self._rep += 1
        return RepNumber(self._set, self._rep, is_settled=False)

    def _part(self, time_s: float) -> None:
        """Leave alone what waits for a leg that rests, or is not heard of."""
        side = self._waiting[0][0]
        partners = [leg for other, leg in self._legs.items() if other is not side]
        if any(leg.is_moving and time_s - leg.heard_s <= SILENT_S for leg in partners):
            return
        self._leave_alone()
