"""Follow one leg as it goes: angles, posture, repetitions and holds, one frame at a time.

`analysis.session.leg_record` does the same over a whole recording.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from analysis.angle.counted_signal import (
    pelvis_share_deg,
    signal_of,
    start_level_deg,
)
from analysis.angle.leg_angles import LegAngles, LegFusion
from analysis.calibrate.calibration import LegCalibration
from analysis.count.circles import CircleMachine
from analysis.count.in_place import InPlace
from analysis.count.movement import NOTHING, Movement, RepSettings, Step
from analysis.count.repetition_machine import DOWN, LOST, REST, SETTLE, UP, RepMachine
from analysis.count.sets import SetCounter
from analysis.count.start_position import AWAY, posture
from analysis.exercises import Exercise
from analysis.grade.grade import LEAD_S, Grader, MeasuredMovement, MovementSamples
from analysis.session.alarms import Alarm, AlarmWatch
from analysis.session.recent_rows import Past
from imu.quaternion import FLOATS, Quaternion
from imu.sample import FloatArray

KEEP_S, KEEP_UNTOLD_S = 90.0, 900.0
"""How much of the past the live path keeps at rest, and of a movement that is not told yet."""
DEG = 180.0 / math.pi
Spans = Sequence[tuple[float, float]]
"""Between which seconds movements count: after the first and up to the second of each pair."""
ALWAYS: Spans = ((-math.inf, math.inf),)
NEVER = (math.inf, math.inf)


class Numbered(NamedTuple):
    """A completed movement with the set and the repetition number it got; 0 where it got none."""

    movement: MeasuredMovement
    set: int
    rep: int


class LegUpdate(NamedTuple):
    """What one frame brought for one leg."""

    time_s: float
    angles: LegAngles[float]
    rotation_deg: float
    """NaN where the angle is refused."""
    sigma_deg: float
    phase: str
    set: int
    reps: int
    """Valid repetitions announced in the current set."""
    hold_s: float
    announced: Movement | None
    completed: Numbered | None
    alarm: Alarm | None = None
    signal_deg: float = math.nan
    """What is counted: the rotation, or what stands for it where the exercise has a proxy."""
    set_open: bool = False


class LegMonitor:
    """One leg, one frame at a time."""

    def __init__(
        self,
        calibration: LegCalibration,
        exercise: Exercise,
        rate_hz: float,
        counted_s: Spans = ALWAYS,
    ) -> None:
        """Follow a calibrated leg; each span of `counted_s` begins a set."""
        self.calibration = calibration
        self.exercise = exercise
        self._spans = deque(counted_s)
        self._span = self._next_span()
        self._fusion = LegFusion(calibration, exercise, rate_hz, FLOATS)
        self._in_place = InPlace(calibration, exercise, rate_hz)
        self._machine = rep_machine(calibration, exercise)
        self._grader = Grader(exercise)
        self._sets = SetCounter(exercise.dose.reps[1])
        self._alarms = AlarmWatch(calibration, exercise, rate_hz)
        self._frames = 0
        self._share_deg = 0.0
        self._past = Past(len(MovementSamples.__dataclass_fields__))
        self._last_s = 0.0

    def push(
        self,
        time_s: float,
        q_thigh: Quaternion | None,
        q_shank: Quaternion | None,
        interpolated: bool,
        q_pelvis: Quaternion | None = None,
    ) -> LegUpdate:
        """Take one frame and return what it brought."""
        angles = self._fusion.push(time_s, q_thigh, q_shank, q_pelvis)
        signal, sigma = signal_of(angles, self.exercise, FLOATS)
        known = signal == signal  # False where NaN
        lost = angles.lost == 1.0
        seen = known and not lost
        where = posture(angles, self.calibration, self.exercise, FLOATS) if seen else AWAY
        announced, numbered, alarm = None, None, None
        if self._frames % self._alarms.every == 0:
            heard = (q_thigh is not None, q_shank is not None)
            alarm = self._alarms.push(time_s, angles, where, heard, interpolated)
        self._frames += 1
        where = self._in_place.push(time_s, angles, signal / DEG, where)
        if time_s > self._span[1]:
            announced, numbered = self._leave_span(time_s)
        if time_s > self._span[0]:
            self._last_s = time_s
            counted = self._without_pelvis(signal, angles)
            self._keep(time_s, counted, sigma, angles, interpolated)
            if isinstance(self._machine, CircleMachine):
                self._machine.see_foot(math.sin(angles.shank_elevation))
            step = self._machine.push(time_s, counted, where)
            if step is not NOTHING:  # never at the first sample of a span
                announced, numbered = self._take(step, time_s)
            if self._machine.is_resting:
                self._sets.rest(time_s, absent=self._machine.is_absent)
                untold_s = max(self._machine.untold_from_s - LEAD_S, time_s - KEEP_UNTOLD_S)
                self._past.forget(min(time_s - KEEP_S, untold_s))
        told_sigma = math.nan if lost else math.hypot(sigma, self._alarms.slip_rad * DEG)
        sure = self.exercise.has_hip_angle and told_sigma <= self.exercise.max_sigma_deg
        return LegUpdate(
            time_s,
            angles,
            signal if sure else math.nan,
            told_sigma,
            phase_of(self._machine),
            self._sets.set,
            self._sets.announced,
            self._machine.held_s,
            announced,
            numbered,
            alarm,
            signal,
            self._sets.is_open,
        )

    def _without_pelvis(self, signal_deg: float, angles: LegAngles[float]) -> float:
        """Return what counts: what a pelvis with a unit added to a rotation is no repetition."""
        self._share_deg = pelvis_share_deg(angles, self.exercise, self._share_deg, FLOATS)
        return signal_deg - self._share_deg

    def finish(self) -> Numbered | None:
        """End the recording; return the movement that was still open, if any."""
        return self._take(self._machine.finish(self._last_s), self._last_s)[1]

    def stop_counting(self, time_s: float) -> None:
        """End the span that is open at an instant; later movements do not count."""
        if self._span[0] < time_s < self._span[1]:
            self._span = (self._span[0], time_s)

    def count_from(self, time_s: float) -> None:
        """Begin a span, and with it a set, after an instant."""
        self._spans.append((time_s, math.inf))
        if self._span == NEVER:
            self._span = self._next_span()

    def _next_span(self) -> tuple[float, float]:
        return self._spans.popleft() if self._spans else NEVER

    def _leave_span(self, time_s: float) -> tuple[Movement | None, Numbered | None]:
        """End a set where its span ends, and wait for the next."""
        while time_s > self._span[1]:
            self._span = self._next_span()
        found = self._take(self._machine.finish(self._last_s), self._last_s)
        self._sets.close()
        return found

    def _take(self, step: Step, now_s: float) -> tuple[Movement | None, Numbered | None]:
        announced, completed = step
        if announced is not None:
            self._sets.announce(announced)
        return announced, self._measure(completed, now_s) if completed is not None else None

    def _keep(
        self,
        time_s: float,
        signal: float,
        sigma: float,
        angles: LegAngles[float],
        interpolated: bool,
    ) -> None:
        self._past.add(
            time_s,
            signal,
            (angles.knee_flexion - self.calibration.knee_flexion_rad) * DEG,
            angles.thigh_elevation * DEG,
            angles.adduction * DEG,
            sigma,
            interpolated,
            angles.pelvis_rotation * DEG,
        )

    def _measure(self, movement: Movement, now_s: float) -> Numbered:
        window = self._past.between(movement.onset_s - LEAD_S, now_s)
        measured = self._grader.measure(movement, MovementSamples(**_named(window)))
        return Numbered(measured, *self._sets.number(movement))


def rep_machine(calibration: LegCalibration, exercise: Exercise) -> RepMachine | CircleMachine:
    """Return what counts the movements of an exercise, from its start pose on."""
    kind = CircleMachine if exercise.circles else RepMachine
    return kind(RepSettings.of(exercise), start_level_deg(calibration, exercise))


def phase_of(machine: RepMachine | CircleMachine) -> str:
    """Return the phase as the tables name it: rest, up, hold, down or away."""
    state = machine.state
    if state is UP or state is DOWN:
        if machine.held_s > 0.3:
            return "hold"
        return "up" if state is UP else "down"
    if state is REST or state is LOST:
        return "rest"
    return "down" if state is SETTLE else "away"


def _named(columns: FloatArray) -> dict[str, FloatArray]:
    return dict(zip(MovementSamples.__dataclass_fields__, columns, strict=True))
