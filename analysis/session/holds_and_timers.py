"""Guided holds and timers: how long a position was kept, or a time that merely passes.

A hold runs while both units are near the calibrated position and hardly turn; a short breach pauses
it, a longer one ends it. A timer measures nothing and says so. Both take one frame at a time, live
and over a recording alike.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from analysis.angle.leg_angles import UNKNOWN, LegAngles
from analysis.calibrate.hold_pose import PoseCalibration
from analysis.exercises import Exercise
from analysis.grade.grade import HOLD_SHARE, MeasuredMovement
from analysis.leg import LegFrames, Spans
from analysis.session.counting import ALWAYS, NEVER, CountedSpans, Numbered
from analysis.session.leg_monitor import LegUpdate, Monitor
from analysis.session.recording import LegRecord
from imu.quaternion import Quaternion, Vector, rotate, turn_rad

STILL_RAD_S = math.radians(10.0)
"""Root mean square over a second of either unit's turning: steady, but breathing."""
WINDOW_S = 1.0
SHANK_TOLERANCE_DEG = 25.0
BREACH_S = 2.0
"""A breach this long pauses the time; a longer one ends the hold."""
SILENCE_S = 0.5
"""Lost samples hide no more than this of a hold."""
HOLD_MIN_S = 3.0
"""Shorter stillness is a pause on the way, no hold."""
GET_READY_S = 5.0
"""A timer begins so long after its session does."""


class Steadiness:
    """How fast one unit turns: now, and as a root mean square over the last second."""

    def __init__(self) -> None:
        self.now = math.inf
        self._last: tuple[float, Quaternion] | None = None
        self._squares: deque[tuple[float, float]] = deque()
        self._sum = 0.0

    def push(self, time_s: float, q: Quaternion) -> None:
        """Take one orientation."""
        last, self._last = self._last, (time_s, q)
        if last is None or time_s <= last[0]:
            return
        self.now = turn_rad(last[1], q) / (time_s - last[0])
        squares = self._squares
        squares.append((time_s, self.now * self.now))
        self._sum += self.now * self.now
        while squares[0][0] <= time_s - WINDOW_S:
            self._sum -= squares.popleft()[1]

    @property
    def rms(self) -> float:
        """Return the root mean square in rad/s; infinite before anything was seen."""
        return math.sqrt(max(self._sum, 0.0) / len(self._squares)) if self._squares else math.inf


class HoldMonitor:
    """One leg in a guided hold, one frame at a time."""

    def __init__(
        self, calibration: PoseCalibration, exercise: Exercise, counted_s: Spans = ALWAYS
    ) -> None:
        """Follow a wearer whose position is known; only inside the spans does the time run."""
        self.calibration = None
        """A hold tells no hip angle."""
        self.exercise = exercise
        self._pose = calibration
        self._spans = CountedSpans(counted_s)
        self._thigh, self._shank = Steadiness(), Steadiness()
        self._thigh_cos = math.cos(math.radians(exercise.pose.thigh_tolerance_deg))
        self._shank_cos = math.cos(math.radians(SHANK_TOLERANCE_DEG))
        self._ready_since = math.inf
        """Since when the leg has been in place and not moved, by the speed of the moment."""
        self._start_s = self._good_s = self._time_s = 0.0
        self.held_s = 0.0
        self._count = 0

    def push(
        self,
        time_s: float,
        q_thigh: Quaternion | None,
        q_shank: Quaternion | None,
        interpolated: bool,  # noqa: ARG002 (as of the other monitors; an angle is not told)
        q_pelvis: Quaternion | None = None,  # noqa: ARG002
    ) -> LegUpdate:
        """Take one frame and return what it brought."""
        ended = None
        if time_s > self._spans.end_s:
            ended = self._end()
            self._spans.pass_on(time_s)
        if q_thigh is None or q_shank is None:
            if time_s - self._time_s > SILENCE_S:
                self._ready_since = math.inf  # nobody knows what it did
            if self.held_s > 0.0 and time_s - self._good_s > BREACH_S:
                ended = self._end() or ended
            return _update(time_s, "away", self._count, self.held_s, ended)
        in_place = self._in_place(q_thigh, q_shank)
        self._thigh.push(time_s, q_thigh)
        self._shank.push(time_s, q_shank)
        steady = in_place and max(self._thigh.rms, self._shank.rms) < STILL_RAD_S
        calm = in_place and max(self._thigh.now, self._shank.now) < STILL_RAD_S
        if not calm:
            self._ready_since = math.inf
        elif self._ready_since == math.inf:
            self._ready_since = time_s
        if time_s > self._spans.start_s:
            ended = self._time(time_s, steady) or ended
        self._time_s = time_s
        phase = "hold" if self.held_s > 0.0 and steady else "rest" if in_place else "away"
        return _update(time_s, phase, self._count, self.held_s, ended)

    def finish(self) -> LegUpdate | None:
        """End the recording; return the hold that was still open, None where no frame ever came."""
        return _update(self._time_s, "away", self._count, 0.0, self._end())

    def stop_counting(self, time_s: float) -> None:
        """Let the time run no longer than to an instant."""
        self._spans.stop(time_s)

    def count_from(self, time_s: float) -> None:
        """Let the time run again from an instant on."""
        self._spans.begin(time_s)

    def _in_place(self, q_thigh: Quaternion, q_shank: Quaternion) -> bool:
        return (
            _cosine(q_thigh, self._pose.up_thigh) >= self._thigh_cos
            and _cosine(q_shank, self._pose.up_shank) >= self._shank_cos
        )

    def _time(self, time_s: float, steady: bool) -> Numbered | None:
        if self.held_s > 0.0:
            if steady:
                no_breach = self._good_s == self._time_s
                if no_breach and time_s - self._good_s <= SILENCE_S:
                    self.held_s += time_s - self._good_s
                self._good_s = time_s
            elif time_s - self._good_s > BREACH_S:
                return self._end()
        elif steady and self._ready_since < math.inf:
            self._start_s = max(self._ready_since, self._spans.start_s, self._pose.ready_s)
            self.held_s = max(time_s - self._start_s, 1e-6)
            self._good_s = time_s
        return None

    def _end(self) -> Numbered | None:
        held_s, self.held_s = self.held_s, 0.0
        if held_s < HOLD_MIN_S:
            return None
        self._count += 1
        return _hold(self._start_s, self._good_s, held_s, self.exercise, self._count)


class TimerMonitor:
    """A timed item, one frame at a time: nothing is measured but the time."""

    def __init__(self, exercise: Exercise, counted_s: Spans = ALWAYS) -> None:
        """Begin a little after the first frame, or with the first span."""
        self.calibration = None
        """Nothing is measured."""
        self.exercise = exercise
        self._span = next(iter(counted_s), NEVER)
        self._start_s = math.nan
        self._end_s = self._time_s = 0.0
        self._done = False

    def push(
        self,
        time_s: float,
        q_thigh: Quaternion | None,  # noqa: ARG002 (nothing is measured)
        q_shank: Quaternion | None,  # noqa: ARG002
        interpolated: bool,  # noqa: ARG002
        q_pelvis: Quaternion | None = None,  # noqa: ARG002
    ) -> LegUpdate:
        """Take one frame and return what it brought."""
        if math.isnan(self._start_s):
            begin = self._span[0] if self._span[0] > 0.0 else time_s + GET_READY_S
            self._start_s, limit_s = begin, begin + self.exercise.dose.hold_s[1]
            self._end_s = min(limit_s, self._span[1])
        self._time_s = time_s
        if self._done or time_s <= self._start_s:
            return _update(time_s, "rest", int(self._done), 0.0, None)
        held_s = min(time_s, self._end_s) - self._start_s
        ended = self._ended(self._end_s) if time_s >= self._end_s else None
        return _update(time_s, "hold", int(self._done), held_s, ended)

    def finish(self) -> LegUpdate | None:
        """End the recording; return the time that was still running, None where no frame came."""
        if math.isnan(self._start_s):
            return None
        started = not self._done and self._time_s > self._start_s
        ended = self._ended(self._time_s) if started else None
        return _update(self._time_s, "rest", int(self._done), 0.0, ended)

    def stop_counting(self, time_s: float) -> None:
        """Let the time run no longer than to an instant."""
        self._end_s = min(self._end_s, time_s)
        self._span = (self._span[0], min(self._span[1], time_s))

    def count_from(self, time_s: float) -> None:
        """Leave it: an item is timed once."""

    def _ended(self, end_s: float) -> Numbered:
        self._done = True
        return _hold(self._start_s, end_s, end_s - self._start_s, self.exercise, 1)


def _cosine(q: Quaternion, up_in_sensor: Vector) -> float:
    """Return the cosine between the vertical and where it was in the calibrated position."""
    return rotate(q, up_in_sensor)[2]


def _update(
    time_s: float, phase: str, count: int, held_s: float, ended: Numbered | None
) -> LegUpdate:
    return LegUpdate(
        time_s=time_s,
        angles=UNKNOWN,
        rotation_deg=math.nan,
        sigma_deg=math.nan,
        phase=phase,
        set=1,
        reps=count,
        hold_s=held_s,
        completed=() if ended is None else (ended,),
    )


def _hold(start_s: float, end_s: float, held_s: float, exercise: Exercise, number: int) -> Numbered:
    short = held_s < HOLD_SHARE * exercise.dose.hold_s[0]
    measured = MeasuredMovement(
        status="hold",
        start_s=start_s,
        end_s=end_s,
        announced_s=end_s,
        hold_s=held_s,
        hold_start_s=start_s,
        hold_end_s=end_s,
        faults=("hold_short",) if short else (),
    )
    return Numbered(measured, 1, number)


def follow_guided(monitor: Monitor, frames: LegFrames, after_s: float) -> LegRecord:
    """Return the holds of one leg over a recording, from the same object as live."""
    n = len(frames.time_s)
    away = np.ones(n, dtype=np.bool_)
    movements: list[Numbered] = []
    rows = zip(
        frames.time_s.tolist(), frames.q_thigh.tolist(), frames.q_shank.tolist(), strict=True
    )
    for index, (time_s, q_thigh, q_shank) in enumerate(rows):
        if time_s <= after_s:
            continue
        update = monitor.push(time_s, _known(q_thigh), _known(q_shank), False)
        away[index] = update.phase == "away"
        movements += update.completed
    last = monitor.finish()
    if last is not None:
        movements += last.completed
    nothing = np.full(n, np.nan)
    series = LegAngles(*([nothing] * len(LegAngles._fields)))
    return LegRecord(series, nothing, away, tuple(movements), (), nothing, nothing)


def _known(q: list[float]) -> Quaternion | None:
    return None if q[0] != q[0] else (q[0], q[1], q[2], q[3])
