"""Repetitions from an angle, one sample at a time.

A state machine on the joint angle (degrees, internal rotation positive): counting goes by the
prominence of a movement, grading by its return to the start. A repetition is announced when the
leg is back or has stopped, and complete when it rests or the next one begins. The batch path feeds
the same object, so live and replay count alike.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from analysis.exercises import Exercise
from analysis.posture import Posture

REJECT_REASONS = (
    "too_short",
    "impact",
    "gap",
    "sensor_shift",
    "posture",
    "stopped_short",
    "timeout",
    "creep",
    "wrong_direction",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepSettings:
    """When a movement counts. Degrees and seconds; the reasons stand beside the numbers."""

    onset_deg: float
    """Smallest movement that is looked at."""
    min_range_deg: float
    """Smallest movement that is a repetition."""
    typical_range_deg: float
    """Stands in until the wearer's own range is known."""
    onset_share: float = 0.15
    reversal_min_deg: float = 2.0
    """Smallest fall from the peak that ends the way up; above the noise of the angle."""
    reversal_share: float = 0.15
    close_min_deg: float = 1.5
    close_share: float = 0.30
    final_min_deg: float = 1.0
    final_share: float = 0.10
    quiet_dps: float = 4.0
    """Slower than this over 0.3 s is quiet; the raw rate would call a tremor movement."""
    min_duration_s: float = 0.4
    """Shorter swings are bumps."""
    stuck_s: float = 6.0
    gap_s: float = 0.5
    """A longer hole in the data during a movement needs both ends on the same stroke."""
    gap_max_s: float = 1.0
    arm_s: float = 1.0
    disarm_s: float = 1.5

    @classmethod
    def of(cls, exercise: Exercise) -> RepSettings:
        """Return the settings of a catalogue entry."""
        return cls(
            onset_deg=exercise.onset_deg,
            min_range_deg=exercise.min_range_deg,
            typical_range_deg=exercise.typical_range_deg,
        )


class State(Enum):
    """Where the machine is; `OFF` until the start position is held."""

    OFF = "away"
    REST = "rest"
    UP = "up"
    DOWN = "down"
    SETTLE = "settle"
    LOST = "lost"


class Movement(NamedTuple):
    """One movement that was counted, was too small, or was rejected."""

    status: str
    """`valid`, `partial` or `rejected`."""
    reason: str
    """One of `REJECT_REASONS` when rejected, else empty."""
    onset_s: float
    """When it first exceeded the onset threshold."""
    peak_s: float
    announced_s: float
    level_deg: float
    """Rest level it started from."""
    range_deg: float
    """Peak minus level, of the filtered angle."""
    peaks: int
    stopped_short: bool


class Step(NamedTuple):
    """What one sample brought: a movement to announce, one now complete, or neither."""

    announced: Movement | None
    completed: Movement | None


NOTHING = Step(None, None)
FAST_HZ, SLOW_HZ, SLOPE_S = 5.0, 1.5, 0.3


class RepMachine:
    """Counts the movements of one leg."""

    def __init__(self, settings: RepSettings, start_level_deg: float) -> None:
        self.settings = settings
        self.state = State.OFF
        self.held_s = 0.0
        """How long the leg has been holding near the peak of the movement under way."""
        self._anchor = self._level = start_level_deg
        self._first = True
        self._t = math.nan
        self._fast1 = self._fast = self._slow1 = self._slow = start_level_deg
        self._history: deque[tuple[float, float]] = deque()
        self._slope = 0.0
        self._dt = 0.0
        self._gains = (0.0, 0.0)
        self._quiet_from: float | None = None
        self._in_from: float | None = None
        self._out_from: float | None = None
        self._stuck_from = 0.0
        self._onset_s = self._peak_s = 0.0
        self._peak = self._valley = self._lowest = start_level_deg
        self._peaks = 1
        self._ranges: deque[float] = deque(maxlen=5)
        self._valid = 0
        self._pending: Movement | None = None

    @property
    def range_deg(self) -> float:
        """Return the wearer's range so far: the median of the last five valid repetitions."""
        if not self._ranges:
            return self.settings.typical_range_deg
        ordered = sorted(self._ranges)
        middle = len(ordered) // 2
        return ordered[middle] if len(ordered) % 2 else sum(ordered[middle - 1 : middle + 1]) / 2

    def push(self, time_s: float, angle_deg: float, posture: int) -> Step:
        """Take one sample; an angle of NaN is a hole and only time passes."""
        if angle_deg != angle_deg:
            return NOTHING
        if self._first:
            self._first = False
            self._begin(time_s, angle_deg, posture)
            return NOTHING
        dt = time_s - self._t
        self._t = time_s
        if dt > self.settings.gap_s:
            step = self._after_gap(time_s, angle_deg, dt)
            if step is not None:
                return step
        self._filter(time_s, angle_deg, dt)
        self._gate(time_s, posture)
        state = self.state
        if state is State.REST:
            return self._rest(time_s, dt)
        if state is State.UP:
            return self._up(time_s)
        if state is State.DOWN:
            return self._down(time_s)
        if state is State.SETTLE:
            return self._settle(time_s)
        if state is State.LOST:
            return self._lost(time_s)
        return self._off(time_s)

    def finish(self, time_s: float) -> Step:
        """End the recording: a movement under way is rejected, one settling is complete."""
        if self.state in (State.UP, State.DOWN) and self._peak - self._level >= self._onset:
            self._pending = self._movement(time_s, "rejected", "timeout")
            return self._complete(announce=True)
        announced = self._pending if self.state is State.SETTLE else None
        return Step(announced, self._complete(announce=False).completed)

    # --- one sample -------------------------------------------------------------------------

    def _begin(self, time_s: float, angle: float, posture: int) -> None:
        self._t = time_s
        self._fast1 = self._fast = self._slow1 = self._slow = angle
        self._history.append((time_s, angle))
        if posture == Posture.START:
            # Calibration has just seen the start pose: the first rep needs no rest before it.
            self.state = State.REST

    def _filter(self, time_s: float, angle: float, dt: float) -> None:
        if dt != self._dt:
            self._dt = dt
            self._gains = (
                1.0 - math.exp(-2.0 * math.pi * FAST_HZ * dt),
                1.0 - math.exp(-2.0 * math.pi * SLOW_HZ * dt),
            )
        fast, slow = self._gains
        self._fast1 += fast * (angle - self._fast1)
        self._fast += fast * (self._fast1 - self._fast)
        self._slow1 += slow * (angle - self._slow1)
        self._slow += slow * (self._slow1 - self._slow)
        history = self._history
        history.append((time_s, self._slow))
        while len(history) > 2 and history[1][0] <= time_s - SLOPE_S + 1e-6:
            history.popleft()
        then, value = history[0]
        self._slope = (self._slow - value) / max(time_s - then, SLOPE_S / 2)
        if abs(self._slope) < self.settings.quiet_dps:
            if self._quiet_from is None:
                self._quiet_from = time_s
        else:
            self._quiet_from = None

    def _gate(self, time_s: float, posture: int) -> None:
        if posture == Posture.START:
            self._out_from = None
            if self._in_from is None:
                self._in_from = time_s
        else:
            self._in_from = None
        if posture == Posture.START or (
            posture == Posture.THIGH and self.state not in (State.OFF, State.REST)
        ):
            self._out_from = None
        elif self._out_from is None:
            self._out_from = time_s

    def _quiet_s(self, time_s: float) -> float:
        return time_s - self._quiet_from if self._quiet_from is not None else 0.0

    def _is_out(self, time_s: float) -> bool:
        return self._out_from is not None and time_s - self._out_from > self.settings.disarm_s

    # --- states -----------------------------------------------------------------------------

    def _off(self, time_s: float) -> Step:
        held = self._in_from is not None and time_s - self._in_from >= self.settings.arm_s
        if held and self._quiet_s(time_s) >= self.settings.arm_s / 2:
            self.state = State.REST
            self._level = self._fast
        return NOTHING

    def _rest(self, time_s: float, dt: float) -> Step:
        above = self._fast - self._level
        self._lowest = min(self._lowest, self._fast)
        if self._is_out(time_s):
            self.state = State.OFF
            return self._complete(announce=False)
        if above > self._onset and self._slope > 0.0:
            return self._start(time_s)
        quiet = self._quiet_s(time_s)
        if quiet >= 0.25:
            if above > 5.0:
                if quiet >= 1.5:  # a new rest position above the old one
                    self._level = self._fast
            else:
                # down at once, up slowly: a slow start must not pull its own baseline along
                self._level += above * (1.0 - math.exp(-dt / (0.1 if above < 0.0 else 0.5)))
            return self._complete(announce=False)
        return NOTHING

    def _start(self, time_s: float) -> Step:
        step = self._complete(announce=False)
        self.state = State.UP
        self._onset_s = self._stuck_from = time_s
        self._peak, self._peak_s, self._peaks = self._fast, time_s, 1
        return step

    def _up(self, time_s: float) -> Step:
        x, size = self._fast, self._peak - self._level
        if x > self._peak:
            if x > self._peak + 0.05:
                self._stuck_from = time_s
            self._peak, self._peak_s = x, time_s
        if self._is_out(time_s):
            return self._reject(time_s, "posture", State.OFF)
        near = x - self._level >= 0.7 * size
        self.held_s = self._quiet_s(time_s) if near else 0.0
        if self._peak - x >= self._reversal(size):
            self.state = State.DOWN
            self._valley = x
            self._stuck_from = time_s
        elif size < self._min_range and self._quiet_s(time_s) > self.settings.stuck_s:
            self._level = x
            return self._reject(time_s, "creep", State.REST)
        return NOTHING

    def _down(self, time_s: float) -> Step:
        x, size = self._fast, self._peak - self._level
        if x < self._valley:
            if x < self._valley - 0.05:
                self._stuck_from = time_s
            self._valley = x
        if self._is_out(time_s):
            return self._reject(time_s, "posture", State.OFF)
        s = self.settings
        near = x - self._level >= 0.65 * size
        self.held_s = self._quiet_s(time_s) if near else 0.0
        if x - self._level <= max(s.close_min_deg, s.close_share * size):
            self._pending = self._judged(time_s, stopped_short=False)
            self.state = State.SETTLE
        elif x - self._valley >= self._reversal(size):
            fell = self._peak - self._valley
            if fell >= max(0.5 * min(size, self.range_deg), self._min_range):
                return self._split(time_s)
            self.state = State.UP
            self._peaks += 1
        elif x - self._level < 0.5 * size and time_s - self._stuck_from > s.stuck_s:
            self._level = x
            return self._reject(time_s, "stopped_short", State.REST)
        return NOTHING

    def _split(self, time_s: float) -> Step:
        """Close a movement that turned round before it was back, and begin the next."""
        movement = self._judged(time_s, stopped_short=True)
        self._note(movement)
        self._onset_s = self._stuck_from = time_s
        self._peak, self._peak_s, self._peaks = self._fast, time_s, 1
        self.state = State.UP
        return Step(movement, movement)

    def _settle(self, time_s: float) -> Step:
        assert self._pending is not None  # noqa: S101 (entered with one)
        s, x = self.settings, self._fast
        self.held_s = 0.0
        self._valley = min(self._valley, x)
        size = self._pending.range_deg
        back = x - self._level <= max(s.final_min_deg, s.final_share * size)
        again = x - self._valley >= self._reversal(size)
        if not (back or again or self._quiet_s(time_s) >= 0.25):
            return NOTHING
        movement = self._pending._replace(announced_s=time_s)
        self._pending = movement
        self._note(movement)
        self._lowest = x
        if not again:
            self.state = State.REST
            return Step(movement, None)
        return Step(movement, self._start(time_s).completed)

    def _lost(self, time_s: float) -> Step:
        if self._fast - self._level <= self._onset or self._quiet_s(time_s) >= 1.5:
            self.state = State.REST
            self._level = min(self._level, self._fast) if self._fast < self._level else self._level
            if self._quiet_s(time_s) >= 1.5:
                self._level = self._fast
        return NOTHING

    def _after_gap(self, time_s: float, angle: float, gap_s: float) -> Step | None:
        """After a long hole: the same stroke goes on, or the movement is rejected."""
        before = self._fast
        self._fast1 = self._fast = self._slow1 = self._slow = angle
        self._history.clear()
        self._history.append((time_s, angle))
        self._quiet_from = None
        if self.state not in (State.UP, State.DOWN):
            return None
        onward = angle >= before - 1.0 if self.state is State.UP else angle <= before + 1.0
        if gap_s < self.settings.gap_max_s and onward:
            return None
        return self._reject(time_s, "gap", State.LOST)

    # --- judgement --------------------------------------------------------------------------

    @property
    def _onset(self) -> float:
        # never above half the smallest repetition, or a small one after large ones would be missed
        onset = self.settings.onset_share * self.range_deg
        return max(self.settings.onset_deg, min(onset, self._min_range / 2))

    @property
    def _min_range(self) -> float:
        return self.settings.min_range_deg

    def _reversal(self, size: float) -> float:
        return max(self.settings.reversal_min_deg, self.settings.reversal_share * size)

    def _judged(self, time_s: float, *, stopped_short: bool) -> Movement:
        size = self._peak - self._level
        if time_s - self._onset_s < self.settings.min_duration_s:
            return self._movement(time_s, "rejected", "too_short")
        opposite = self._anchor - self._lowest
        if self._valid < 2 and opposite > max(self._peak - self._anchor, self._onset):
            return self._movement(time_s, "rejected", "wrong_direction")
        status = "valid" if size >= self._min_range else "partial"
        return self._movement(time_s, status, "", stopped_short=stopped_short)

    def _movement(
        self, time_s: float, status: str, reason: str, *, stopped_short: bool = False
    ) -> Movement:
        return Movement(
            status=status,
            reason=reason,
            onset_s=self._onset_s,
            peak_s=self._peak_s,
            announced_s=time_s,
            level_deg=self._level,
            range_deg=self._peak - self._level,
            peaks=self._peaks,
            stopped_short=stopped_short,
        )

    def _note(self, movement: Movement) -> None:
        if movement.status == "valid":
            self._valid += 1
            self._ranges.append(movement.range_deg)

    def _reject(self, time_s: float, reason: str, state: State) -> Step:
        self._pending = self._movement(time_s, "rejected", reason)
        self.state = state
        self.held_s = 0.0
        return self._complete(announce=True)

    def _complete(self, *, announce: bool) -> Step:
        if self._pending is None:
            return NOTHING
        movement, self._pending = self._pending, None
        return Step(movement if announce else None, movement)
