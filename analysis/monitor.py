"""Follow one leg: angles, posture, repetitions and holds, live or over a whole recording.

`LegMonitor` takes one frame at a time; `follow_leg` takes a recording, computes the angles in numpy
and feeds the same rep machine and the same grader, so that both count alike.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analysis.alarms import Alarm, AlarmWatch
from analysis.calibration import LegCalibration, LegFrames
from analysis.circles import CircleMachine
from analysis.exercises import Array, Exercise
from analysis.fusion import LegAngles, LegFusion
from analysis.grading import LEAD_S, Grader, MeasuredMovement, MovementSamples
from analysis.in_place import InPlace, places
from analysis.leg_series import LegSeries, fuse_leg
from analysis.movement import NOTHING, Movement, RepSettings, Step
from analysis.past import Past
from analysis.posture import AWAY, Posture, posture, postures
from analysis.rep_series import circle_steps, steps_of
from analysis.reps import DOWN, LOST, REST, SETTLE, UP, RepMachine
from analysis.sets import SetCounter
from analysis.signals import (
    pelvis_share_deg,
    pelvis_shares_deg,
    signal_of,
    signal_series,
    start_level_deg,
)
from imu.quaternion import Quaternion

KEEP_S, KEEP_UNTOLD_S = 90.0, 900.0
"""How much of the past the live path keeps at rest, and of a movement that is not told yet."""
DEG = 180.0 / math.pi
Spans = Sequence[tuple[float, float]]
"""Between which seconds movements count: after the first and up to the second of each pair."""
ALWAYS: Spans = ((-math.inf, math.inf),)
NEVER = (math.inf, math.inf)
POSTURES = tuple(Posture)
"""By their number, which is what a recording's arrays hold."""


class Numbered(NamedTuple):
    """A completed movement with the set and the repetition number it got; 0 where it got none."""

    movement: MeasuredMovement
    set: int
    rep: int


class LegUpdate(NamedTuple):
    """What one frame brought for one leg."""

    time_s: float
    angles: LegAngles
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
        self._fusion = LegFusion(calibration, exercise, rate_hz)
        self._in_place = InPlace(calibration, exercise, rate_hz)
        self._machine = _machine(calibration, exercise)
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
        signal, sigma = signal_of(angles, self.exercise)
        known = signal == signal  # False where NaN
        where = posture(angles, self.calibration, self.exercise) if known else AWAY
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
        told_sigma = math.hypot(sigma, self._alarms.slip_rad * DEG)
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

    def _without_pelvis(self, signal_deg: float, angles: LegAngles) -> float:
        """Return what counts: what a pelvis with a unit added to a rotation is no repetition."""
        if not math.isnan(angles.pelvis_rotation):
            self._share_deg = pelvis_share_deg(angles, self.exercise)
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
        angles: LegAngles,
        interpolated: bool,
    ) -> None:
        self._past.add(
            time_s,
            signal,
            angles.knee_flexion * DEG,
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


@dataclass(frozen=True, slots=True)
class LegRecord:
    """One leg over a whole recording."""

    series: LegSeries
    rotation_deg: Array
    """NaN where refused, and where the exercise has no hip angle."""
    away: npt.NDArray[np.bool_]
    movements: tuple[Numbered, ...]
    alarms: tuple[Alarm, ...]
    sigma_deg: Array
    """1 σ of the rotation; wider where a strap slipped."""
    signal_deg: Array
    """What was counted: the rotation, or what stands for it; NaN where refused."""


def follow_leg(
    calibration: LegCalibration,
    exercise: Exercise,
    rate_hz: float,
    frames: LegFrames,
    interpolated: npt.NDArray[np.bool_],
    counted_s: Spans,
    *,
    refine: bool = False,
) -> LegRecord:
    """Return angles and movements of one leg over a recording.

    Movements are counted inside the spans of `counted_s`: from the end of the calibration, or as
    the marks of the sets say; each span begins a set. Angles before the calibration ended come
    from the same calibration.
    """
    series = _joined_series(calibration, exercise, rate_hz, frames, refine=refine)
    signal, sigma = signal_series(series, exercise)
    where = np.where(~np.isnan(signal), postures(series, calibration, exercise), AWAY)
    columns = {
        "time_s": frames.time_s,
        "angle_deg": signal - pelvis_shares_deg(series, exercise),
        "knee_deg": np.degrees(series.knee_flexion),
        "thigh_deg": np.degrees(series.thigh_elevation),
        "swing_deg": np.degrees(series.adduction),
        "sigma_deg": sigma,
        "interpolated": interpolated.astype(np.float64),
        "pelvis_deg": np.degrees(series.pelvis_rotation),
    }
    inside = np.zeros(len(frames.time_s), dtype=np.bool_)
    for start_s, end_s in counted_s:
        inside |= (frames.time_s > start_s) & (frames.time_s <= end_s)
    counted = {name: column[inside] for name, column in columns.items()}
    foot = np.sin(series.shank_elevation[inside])
    placed = places(series, frames.time_s, signal / DEG, where, calibration, exercise, rate_hz)[
        inside
    ]
    movements = _count(calibration, exercise, counted, placed, foot, counted_s)
    watch = AlarmWatch(calibration, exercise, rate_hz)
    alarms, slip_rad = _watched(watch, calibration, frames, series, where, interpolated)
    sigma = np.hypot(sigma, slip_rad * DEG)
    with np.errstate(invalid="ignore"):
        sure = exercise.has_hip_angle & (sigma <= exercise.max_sigma_deg)
    rotation = np.where(sure, signal, np.nan)
    away = where == AWAY
    return LegRecord(series, rotation, away, movements, tuple(alarms), sigma, signal)


def _watched(
    watch: AlarmWatch,
    calibration: LegCalibration,
    frames: LegFrames,
    series: LegSeries,
    where: npt.NDArray[np.int64],
    interpolated: npt.NDArray[np.bool_],
) -> tuple[list[Alarm], Array]:
    """Return the alarms of a recording, and how far (n,) its angle is off by a slipped strap."""
    first = int(np.searchsorted(frames.time_s, calibration.ready_s, "right"))
    rows = slice(first, None, watch.every)
    heard = (~np.isnan(q[rows, 0]) for q in (frames.q_thigh, frames.q_shank))
    seen = (frames.time_s[rows], where[rows], *heard, interpolated[rows])
    columns = (getattr(series, name)[rows] for name in LegAngles._fields)
    slip_rad, alarms = np.zeros(len(frames.time_s)), []
    slipped_rad, row = 0.0, first
    for (t, place, thigh, shank, filled), values in zip(
        zip(*(column.tolist() for column in seen), strict=True),
        zip(*(column.tolist() for column in columns), strict=True),
        strict=True,
    ):
        known = (thigh, shank)
        alarm = watch.push(t, LegAngles._make(values), POSTURES[place], known, filled)
        if alarm is not None:
            alarms.append(alarm)
        if watch.slip_rad > slipped_rad:
            slip_rad[row:] = slipped_rad = watch.slip_rad
        row += watch.every
    return alarms, slip_rad


def _joined_series(
    calibration: LegCalibration,
    exercise: Exercise,
    rate_hz: float,
    frames: LegFrames,
    *,
    refine: bool,
) -> LegSeries:
    """Start the fusion where the live path starts it, and serve what came before by itself."""
    first = int(np.searchsorted(frames.time_s, calibration.ready_s, "right"))
    parts = [
        fuse_leg(
            calibration,
            exercise,
            rate_hz,
            frames.rows(part),
            refine=refine,
        )
        for part in (slice(0, first), slice(first, None))
    ]
    return LegSeries(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in LegSeries.__dataclass_fields__
        )
    )


def _count(
    calibration: LegCalibration,
    exercise: Exercise,
    columns: dict[str, Array],
    where: npt.NDArray[np.int64],
    foot: Array,
    counted_s: Spans,
) -> tuple[Numbered, ...]:
    machine = _machine(calibration, exercise)
    grader, sets = Grader(exercise), SetCounter(exercise.dose.reps[1])
    found: list[Numbered] = []
    time_s = columns["time_s"]

    def take(step: Step, now_s: float) -> None:
        announced, completed = step
        if announced is not None:
            sets.announce(announced)
        if completed is not None:
            first = int(np.searchsorted(time_s, completed.onset_s - LEAD_S))
            part = slice(first, int(np.searchsorted(time_s, now_s, "right")))
            window = {name: column[part] for name, column in columns.items()}
            measured = grader.measure(completed, MovementSamples(**window))
            found.append(Numbered(measured, *sets.number(completed)))

    for start_s, end_s in counted_s:
        first, last = np.searchsorted(time_s, (start_s, end_s), "right")
        part = slice(first, last)
        seen = (time_s[part], columns["angle_deg"][part], where[part])
        if isinstance(machine, CircleMachine):
            steps = circle_steps(machine, *seen, foot[part])
        else:
            steps = steps_of(machine, *seen)
        for t, step in steps:
            take(step, t)
        if last > first:
            take(machine.finish(float(time_s[last - 1])), float(time_s[last - 1]))
        sets.close()
    return tuple(found)


def _machine(calibration: LegCalibration, exercise: Exercise) -> RepMachine | CircleMachine:
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


def _named(columns: Array) -> dict[str, Array]:
    return dict(zip(MovementSamples.__dataclass_fields__, columns, strict=True))
