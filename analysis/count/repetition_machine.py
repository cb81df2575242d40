"""Repetitions from an angle, one sample at a time.

A state machine on the joint angle (degrees, internal rotation positive): counting goes by the
prominence of a movement, grading by its return to the start. A repetition is announced when the
leg is back or has stopped, and complete when it rests or the next one begins. A recording feeds the
same object, so live and replay count alike. Memory does not grow with time.
"""

from __future__ import annotations

import math
from enum import Enum

from analysis.count.angle_filter import SmoothedAngle
from analysis.count.in_place import START, PostureGate
from analysis.count.knocks import Jump, JumpFilter
from analysis.count.levels import RestLevel, Swing, WearerRange
from analysis.count.movement import NOTHING, REJECT_REASONS, Movement, Outcome, RepSettings

__all__ = ["NOTHING", "REJECT_REASONS", "Movement", "Outcome", "RepMachine", "RepSettings", "State"]

# Looking up a member of an enumeration costs as much as a filter step.
BUMP, SHIFT = Jump.BUMP, Jump.SHIFT


class State(Enum):
    """Where the machine is; `OFF` until the start position is held."""

    OFF = "away"
    REST = "rest"
    UP = "up"
    DOWN = "down"
    SETTLE = "settle"
    """Back far enough to count; not yet at rest."""
    LOST = "lost"
    """A hole hid part of a movement: waiting until the leg is back or quiet."""


OFF, REST, UP, DOWN, SETTLE, LOST = State


class RepMachine:
    """Counts the movements of one leg."""

    def __init__(self, settings: RepSettings, start_level_deg: float) -> None:
        """Start from the angle of the calibrated start pose."""
        self.settings = settings
        self.state = OFF
        self.held_s = 0.0
        """How long the leg has been holding near the peak of the movement under way."""
        self._jumps = JumpFilter()
        self._smooth = SmoothedAngle(settings.quiet_dps)
        self._gate = PostureGate(settings)
        self._rest = RestLevel(settings, start_level_deg)
        # the movement under way
        self._swing = Swing(settings.progress_deg, start_level_deg)
        self._pending: Movement | None = None
        self._passes = False
        """Whether the movement that is nearly back is not on its way to the start position."""
        self._bumped_s = -math.inf
        """When a knock was last bridged."""
        self._shifted = False
        """Whether a slip waits for the movement before it to be complete."""
        # the wearer
        self._is_proved = False
        """Whether a valid repetition has shown which way is up."""
        self._range = WearerRange(settings)

    @property
    def range_deg(self) -> float:
        """Return the wearer's range so far: the median of the last five valid repetitions."""
        return self._range.deg

    @property
    def is_resting(self) -> bool:
        """Say whether no movement is under way."""
        return self.state is REST or self.state is OFF

    @property
    def untold_from_s(self) -> float:
        """Return when what has ended and is not told yet began; infinity where nothing has."""
        return math.inf if self._pending is None else self._pending.onset_s

    @property
    def is_absent(self) -> bool:
        """Say whether the wearer has been out of the start position for long."""
        return self._gate.absent

    @property
    def is_under_way(self) -> bool:
        """Say whether a movement has begun that may yet be announced."""
        return self.state is UP or self.state is DOWN or self.state is SETTLE

    def push(
        self,
        time_s: float,
        angle_deg: float,
        posture: int,
        shank_sine: float = 0.0,  # noqa: ARG002 (as of circles; here the foot decides nothing)
    ) -> Outcome:
        """Take one sample; an angle of NaN is a hole and only time passes."""
        if angle_deg != angle_deg:
            return NOTHING
        state, smooth = self.state, self._smooth
        gap_s = time_s - smooth.time_s
        hidden = gap_s > self.settings.gap_s
        if hidden:
            self._gate.hide(gap_s)
        self._gate.push(time_s, posture, moving=state is not REST and state is not OFF)
        if hidden:
            outcome = self._after_gap(time_s, angle_deg, gap_s)
            if outcome is not None:
                return outcome
        else:
            jump = self._jumps.push(time_s, angle_deg, smooth.quiet_from)
            smooth.push(time_s, self._jumps.angle)
            if jump is BUMP:
                self._bumped_s = time_s
            elif jump is SHIFT or self._shifted:
                return self._after_shift(time_s)
        if state is UP:
            return self._up(time_s)
        return self._at_rest(time_s, gap_s) if state is REST else self._react(state, time_s)

    def _react(self, state: State, time_s: float) -> Outcome:
        if state is DOWN:
            return self._down(time_s)
        if state is SETTLE:
            return self._settle(time_s)
        return self._off(time_s) if state is OFF else self._lost(time_s)

    def finish(self, time_s: float) -> Outcome:
        """End the set: a movement under way is closed. The next sample begins anew."""
        outcome = self._finish(time_s)
        self.state, self.held_s = OFF, 0.0
        self._smooth.restart(-math.inf, 0.0)
        return outcome

    def _finish(self, time_s: float) -> Outcome:
        if self.state is DOWN and self._has_returned():
            movement = self._close(self._judged(time_s, stopped_short=True))
            return Outcome(movement, self._complete().completed)
        if self.state is UP or self.state is DOWN:
            return self._reject(time_s, "timeout", OFF)
        return self._end_settling(time_s)

    # --- slipping straps ----------------------------------------------------------------------

    def _after_shift(self, time_s: float) -> Outcome:
        """Drop the movement under way and rest where the leg now seems to be: a strap slipped."""
        self._shifted = self._pending is not None
        if self._pending is not None:
            outcome = self._end_settling(time_s)
            self.state = REST
            return outcome
        if self.state is OFF or self.state is LOST:
            self._smooth.restart(time_s, self._jumps.angle)
            self._rest.settle(self._jumps.angle)
            return NOTHING
        if self.state is REST:
            self._begin(time_s)
        self._smooth.restart(time_s, self._jumps.angle)
        return self._reject(time_s, "sensor_shift", REST)

    def begin_anew(self, time_s: float) -> Outcome:
        """Take where the leg is now for its start pose: the zero was renewed there."""
        if self.state is UP or self.state is DOWN:
            outcome = self._reject(time_s, "sensor_shift", REST)
        else:
            outcome = self._end_settling(time_s)
            self.state = REST if self.state is SETTLE else self.state
        self._rest.begin(self._smooth.fast)
        return outcome

    # --- holes in the data --------------------------------------------------------------------

    def _after_gap(self, time_s: float, angle: float, gap_s: float) -> Outcome | None:
        """Go on after a long hole, or reject what it hid; None where the state decides."""
        before, state, rose = self._smooth.fast, self.state, self._is_rising()
        self._smooth.restart(time_s, angle)
        self._jumps.restart(time_s, angle)
        if gap_s == math.inf:  # the first sample
            if self._gate.posture == START:
                # Calibration has just seen the start pose: the first rep needs no rest before it.
                self.state = REST
                self._rest.enter(self._rest.level)
            return NOTHING
        short = gap_s < self.settings.gap_max_s
        if state is UP or state is DOWN:
            # from a hold on it is the way back, unless all of that is hidden
            above = angle - self._rest.level
            back = not rose and above > self.settings.close_deg(self._size_deg)
            onward = angle <= before + 1.0 if state is DOWN else angle >= before - 1.0 or back
            return None if short and onward else self._reject(time_s, "gap", LOST)
        resting = state is REST or state is SETTLE
        risen = self._has_risen(angle)
        if resting and risen and not short and self._gate.may_start(time_s):
            return self._risen_unseen(time_s)
        return None

    def _risen_unseen(self, time_s: float) -> Outcome:
        """Leave alone what follows a hole: a movement whose beginning nobody knows."""
        if self._pending is None:
            self._begin(time_s)
            return self._reject(time_s, "gap", LOST)
        outcome = self._end_settling(time_s)
        self.state = LOST
        return outcome

    # --- states -----------------------------------------------------------------------------

    def _off(self, time_s: float) -> Outcome:
        settled = time_s - self._smooth.quiet_from >= self.settings.arm_s / 2
        if settled and self._gate.is_in(time_s):
            self._rest.settle(self._smooth.fast)
            self.state = REST
        return NOTHING

    def _at_rest(self, time_s: float, dt: float) -> Outcome:
        smooth, rest = self._smooth, self._rest
        x = smooth.fast
        if x < rest.low:
            rest.sink(x)
        rising = smooth.slope > 0.0 and self._gate.may_start(time_s)
        if rising and self._has_risen(x):
            return self._start(time_s)
        if self._gate.is_out(time_s):
            self.state = OFF
            return self._complete()
        quiet_s = time_s - smooth.quiet_from
        if quiet_s >= self.settings.settled_s:
            rest.follow(x, smooth.slope, quiet_s, dt)
        if self._pending is not None:
            return self._rested(self._pending, time_s, x)
        return NOTHING

    def _rested(self, movement: Movement, time_s: float, x: float) -> Outcome:
        """Complete the announced movement once the leg rests; one that paused may yet come back."""
        s = self.settings
        if movement.stopped_short and x - movement.level_deg <= s.close_deg(movement.range_deg):
            self._pending = movement._replace(stopped_short=False, back_s=time_s)
        elif self._has_stopped(time_s, s.new_rest_s if movement.stopped_short else s.settled_s):
            return self._complete()
        return NOTHING

    def _up(self, time_s: float) -> Outcome:
        # most rows are of a stroke: what is asked first of each rule is the cheap half of it
        s, x, swing, rest = self.settings, self._smooth.fast, self._swing, self._rest
        if x > swing.top:
            swing.rise(time_s, x)
        below = rest.anchor > rest.level and self._has_only_swung_back
        if below and self._has_come_to_rest(time_s):
            rest.resume(x, rest.anchor)
            self.state = REST
            return NOTHING
        if rest.home - rest.level > s.rest_step_deg and self._is_home_again(time_s):
            return self._rest_at_home(time_s)
        size, quiet_s = swing.peak - rest.level, time_s - self._smooth.quiet_from
        held_s = quiet_s if quiet_s > 0.0 and x - rest.level >= 0.7 * size else 0.0
        self.held_s = held_s
        strayed = time_s - self._gate.out_from > s.strayed_s
        if strayed or held_s > s.peak_rest_max_s or size > s.max_range_deg:
            return self._reject(time_s, "posture", OFF)
        fallen = swing.top - x
        if fallen >= s.reversal_min_deg and fallen >= s.reversal_deg(size):
            self.state = DOWN
            swing.turn_down(time_s, x)
        elif quiet_s > s.stuck_s and time_s - swing.mark_s > s.stuck_s:
            if size < s.valid_range_deg:
                return self._reject(time_s, "creep", REST)
            swing.sit(x)
        elif 0.0 < swing.sat - rest.level < s.seat_share * size:
            return self._rise_from_seat(time_s)
        return NOTHING

    def _rise_from_seat(self, time_s: float) -> Outcome:
        """Begin anew from where it sat for long, low in what it became: that was a new rest."""
        outcome = self._reject(time_s, "creep", UP)
        self._rest.settle(self._swing.sat)
        self._begin(time_s)
        return outcome

    def _down(self, time_s: float) -> Outcome:
        s, x, swing, rest = self.settings, self._smooth.fast, self._swing, self._rest
        above, size = x - rest.level, swing.peak - rest.level
        quiet_s = time_s - self._smooth.quiet_from
        if x < swing.valley:
            swing.fall(time_s, x)
        held_s = quiet_s if quiet_s > 0.0 and above >= 0.65 * size else 0.0
        self.held_s = held_s
        if time_s - self._gate.out_from > s.strayed_s or held_s > s.peak_rest_max_s:
            return self._reject(time_s, "posture", OFF)
        if rest.home - rest.level > s.rest_step_deg and self._is_home_again(time_s):
            return self._rest_at_home(time_s)
        risen = x - swing.valley
        if above <= s.close_deg(size):
            self._pending = self._judged(time_s, stopped_short=False)
            self._passes = self._gate.is_away(time_s)
            self.state = SETTLE
        elif risen >= s.reversal_min_deg and risen >= s.reversal_deg(size):
            return self._turn_up(time_s)
        elif self._has_come_to_rest(time_s) and self._has_returned():
            movement = self._close(self._judged(time_s, stopped_short=True))
            self._enter_rest(x)
            return Outcome(movement, None)
        elif time_s - swing.mark_s > s.stuck_s:
            if above < 0.5 * size:
                return self._reject(time_s, "stopped_short", REST)
            swing.sit(x)
        return NOTHING

    def _rest_at_home(self, time_s: float) -> Outcome:
        """End the movement that came from below the start pose: only what rose above it counts."""
        x, rest = self._smooth.fast, self._rest
        has_risen = self._swing.peak - rest.home >= self._range.onset_deg
        if has_risen:
            rest.resume(x, rest.home)
        movement = None
        if has_risen or not self._is_proved:
            movement = self._close(self._judged(time_s, stopped_short=False))
        rest.resume(x, rest.home)
        self.state = REST
        self.held_s = 0.0
        return NOTHING if movement is None else Outcome(movement, None)

    def _turn_up(self, time_s: float) -> Outcome:
        """Turn round before the leg is back: a new movement after a large fall, else a dip."""
        if self._has_returned():
            movement = self._close(self._judged(time_s, stopped_short=True))
            return Outcome(movement, self._start(time_s).completed)
        self.state = UP
        self._swing.turn_up(time_s, self._smooth.fast)
        return NOTHING

    def _settle(self, time_s: float) -> Outcome:
        assert self._pending is not None  # noqa: S101 (entered with one)
        s, x, swing = self.settings, self._smooth.fast, self._swing
        self.held_s = 0.0
        swing.sink(x)
        size = self._pending.range_deg
        back = x - self._rest.level <= s.final_deg(size)
        again = x - swing.valley >= s.reversal_deg(size)
        stopped = self._has_come_to_rest(time_s)
        if not (back or again or stopped or self._gate.is_out(time_s)):
            return NOTHING
        movement = self._final(self._pending._replace(back_s=time_s), time_s, early=again)
        self._enter_rest(x)
        if again and self._gate.may_start(time_s):
            return Outcome(movement, self._start(time_s).completed)
        return Outcome(movement, None)

    def _final(self, movement: Movement, time_s: float, *, early: bool) -> Movement:
        """Announce a movement that is back: only who is back in place has done the exercise.

        Announced before it is there, it need only have been on the way.
        """
        gate = self._gate
        off = self._passes if early else gate.is_away(time_s) or not gate.was_in(time_s)
        if movement.status != "rejected" and off:
            movement = movement._replace(status="rejected", reason="posture")
        return self._close(movement._replace(announced_s=time_s))

    def _end_settling(self, time_s: float) -> Outcome:
        """Announce what was about to be, and complete what has been announced."""
        announced = None
        if self._pending is not None and self.state is SETTLE:
            announced = self._final(self._pending, time_s, early=True)
        return Outcome(announced, self._complete().completed)

    def _lost(self, time_s: float) -> Outcome:
        x = self._smooth.fast
        if self._gate.is_out(time_s):
            self.state = OFF
        elif self._has_stopped(time_s, self.settings.new_rest_s):
            self._rest.settle(x)
            self.state = REST
        elif x - self._rest.level <= self._range.onset_deg:
            self._enter_rest(x)
        return NOTHING

    # --- from one movement to the next --------------------------------------------------------

    def _enter_rest(self, low: float) -> None:
        # who rests farther above the rest than a whole repetition goes rests elsewhere now
        enter = self._rest.settle if low - self._rest.level > self._range.deg else self._rest.enter
        enter(low)
        self.state = REST

    def _begin(self, time_s: float) -> None:
        self._swing.begin(time_s, self._smooth.fast, self._smooth.rising_from)

    def _start(self, time_s: float) -> Outcome:
        """Begin a movement: the one announced before it is complete."""
        outcome = self._complete()
        self._rest.leave()
        self._begin(time_s)
        self.state = UP
        return outcome

    def _close(self, movement: Movement) -> Movement:
        """Announce a movement; it stays pending until it is complete."""
        self._pending = movement
        if movement.status == "valid":
            self._is_proved = True
            self._gate.take_note()
            if not movement.stopped_short:
                self._rest.home = movement.level_deg
            self._range.learn(movement.range_deg)
        return movement

    def _complete(self) -> Outcome:
        if self._pending is None:
            return NOTHING
        movement, self._pending = self._pending, None
        return Outcome(None, movement)

    def _reject(self, time_s: float, reason: str, state: State) -> Outcome:
        movement = self._movement(time_s, "rejected", reason)
        self.held_s = 0.0
        self.state = state
        if state is REST:
            self._rest.settle(self._smooth.fast)
        return Outcome(movement, movement)

    # --- judgement --------------------------------------------------------------------------

    @property
    def _size_deg(self) -> float:
        """Return how far the movement under way has gone."""
        return self._swing.peak - self._rest.level

    @property
    def _has_only_swung_back(self) -> bool:
        """Say whether the movement under way began below the rest and is not above it."""
        onset_deg, rest = self._range.onset_deg, self._rest
        return rest.anchor - rest.level > onset_deg and self._swing.peak - rest.anchor < onset_deg

    def _is_home_again(self, time_s: float) -> bool:
        """Say whether the leg rests in the start pose after it has been below it."""
        rest, onset_deg = self._rest, self._range.onset_deg
        near_deg = max(onset_deg, self.settings.rest_step_deg)
        is_near = abs(self._smooth.fast - rest.home) < near_deg < rest.home - rest.level
        return is_near and self._has_come_to_rest(time_s)

    def _has_risen(self, angle_deg: float) -> bool:
        """Say whether the leg is as far from where it rests as a movement begins."""
        onset_deg = self._range.onset_deg
        return angle_deg - self._rest.base(onset_deg) > onset_deg

    def _has_returned(self) -> bool:
        """Say whether the leg fell far enough for a repetition, wherever it is now."""
        s, swing = self.settings, self._swing
        least = s.split_share * min(self._size_deg, self._range.deg)
        return swing.top - swing.valley >= max(least, s.valid_range_deg)

    def _has_stopped(self, time_s: float, for_s: float) -> bool:
        """Say whether the leg has come to rest; a slow return is quiet long before it."""
        smooth = self._smooth
        still = -self.settings.still_dps < smooth.slope < self.settings.still_dps
        return still and time_s - smooth.quiet_from >= for_s

    def _is_rising(self) -> bool:
        return self._smooth.slope >= self.settings.quiet_dps

    def _has_come_to_rest(self, time_s: float) -> bool:
        """Say whether the leg has just stopped on its way back, however quick it was."""
        steady = time_s - self._smooth.steady_from >= self.settings.steady_s
        return steady or self._has_stopped(time_s, self.settings.settled_s)

    def _judged(self, time_s: float, *, stopped_short: bool) -> Movement:
        risen_from_s = self._swing.risen_from_s
        if time_s - risen_from_s < self.settings.min_duration_s:
            reason = "impact" if self._bumped_s >= risen_from_s else "too_short"
            return self._movement(time_s, "rejected", reason)
        large = self._size_deg >= self.settings.valid_range_deg
        if not self._is_proved and self._went_outwards():
            return self._movement(time_s, "rejected", "wrong_direction")
        status = "valid" if large else "partial"
        return self._movement(time_s, status, stopped_short=stopped_short)

    def _went_outwards(self) -> bool:
        """Say whether it went farther below the start pose than above it: a sign is flipped."""
        opposite = self._rest.home - self._rest.level
        return opposite > max(self._swing.peak - self._rest.home, self._range.onset_deg)

    def _movement(
        self, time_s: float, status: str, reason: str = "", *, stopped_short: bool = False
    ) -> Movement:
        return Movement(
            status=status,
            reason=reason,
            onset_s=self._swing.onset_s,
            peak_s=self._swing.peak_s,
            announced_s=time_s,
            back_s=time_s,
            level_deg=self._rest.level,
            anchor_deg=self._rest.anchor,
            range_deg=self._size_deg,
            peaks=self._swing.peaks,
            stopped_short=stopped_short,
            after_absence=self._gate.absent,
            bumped=self._bumped_s >= self._swing.onset_s,
        )
