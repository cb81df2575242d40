"""Follow one leg as it goes: angles, posture, repetitions and holds, one frame at a time.

`analysis.session.recording` computes the angles of a whole recording at once and feeds the same
`Counting`, the same posture and the same alarms.
"""

from __future__ import annotations

import math
import struct
from bisect import bisect_left, bisect_right
from collections import deque
from typing import NamedTuple, Protocol

import numpy as np

from analysis.angle.leg_angles import LegAngles, LegFusion
from analysis.count.in_place import AWAY, InPlace, posture
from analysis.count.movement import Movement
from analysis.count.sets import CommonNumbers
from analysis.exercises import Exercise
from analysis.leg import LegCalibration, Spans
from analysis.session.alarms import NO_SHIFT, Alarm, AlarmWatch, Shift, sigma_shift, without_shift
from analysis.session.counting import (
    ALWAYS,
    DEG,
    SAMPLE_FIGURES,
    Counting,
    Numbered,
    pelvis_share_deg,
    shift_deg,
    signal_of,
    slip_share,
)
from imu.quaternion import FLOATS, Quaternion
from imu.sample import FloatArray

BLOCK_ROWS = 256
"""Some seconds: a movement is in two or three blocks."""
TIME = struct.Struct("=d")
"""What a row begins with."""


class RecentRows:
    """Rows of so many numbers, the first of them the time in seconds, which increases."""

    def __init__(self, columns: int) -> None:
        self._row = struct.Struct(f"={columns}d")
        self._columns = columns
        self._blocks: deque[tuple[float, bytearray]] = deque()
        """Each with the time of its first row; all full but for the last one."""
        self._used = 0
        """Bytes of the last block."""

    def add(self, *row: float) -> None:
        """Keep a row."""
        if self._used == 0:
            self._blocks.append((row[0], bytearray(BLOCK_ROWS * self._row.size)))
        self._row.pack_into(self._blocks[-1][1], self._used, *row)
        self._used = (self._used + self._row.size) % (BLOCK_ROWS * self._row.size)

    def forget(self, until_s: float) -> None:
        """Give up what is all older than a time."""
        while len(self._blocks) > 1 and self._blocks[1][0] <= until_s:
            self._blocks.popleft()

    def between(self, start_s: float, end_s: float) -> FloatArray:
        """Return a copy of the rows from a time to another, both included, shape (columns, n)."""
        return self._copied(start_s, end_s, self._columns)

    def angles(self, start_s: float, end_s: float) -> FloatArray:
        """Return a copy of the first two columns of these rows, shape (2, n)."""
        return self._copied(start_s, end_s, 2)

    def _copied(self, start_s: float, end_s: float, columns: int) -> FloatArray:
        blocks: list[bytearray] = []
        for first_s, block in reversed(self._blocks):
            blocks.append(block)
            if first_s <= start_s:
                break
        whole, size = b"".join(blocks[::-1]), self._row.size
        unused = BLOCK_ROWS * size - self._used if self._used else 0
        begins = range(0, len(whole) - unused, size)

        def time_s(begin: int) -> float:
            found: float = TIME.unpack_from(whole, begin)[0]
            return found

        first = bisect_left(begins, start_s, key=time_s)
        count = bisect_right(begins, end_s, key=time_s) - first
        rows = np.frombuffer(whole, np.float64, count * self._columns, first * size)
        # a copy whose columns are each in one piece, as those of a whole recording are
        return np.ascontiguousarray(rows.reshape(-1, self._columns)[:, :columns].T)


class LegUpdate(NamedTuple):
    """What one frame brought for one leg."""

    time_s: float
    angles: LegAngles[float]
    rotation_deg: float
    """NaN where the angle is refused, and away from the start position."""
    sigma_deg: float
    phase: str
    set: int
    reps: int
    """The number of this leg's last repetition in its set."""
    hold_s: float
    announced: Movement | None = None
    completed: tuple[Numbered, ...] = ()
    alarm: Alarm | None = None
    signal_deg: float = math.nan
    """What is counted: the rotation, or what stands for it where the exercise has a proxy."""
    set_open: bool = False


class Monitor(Protocol):
    """What follows a leg, whatever the kind of exercise."""

    @property
    def calibration(self) -> LegCalibration | None:
        """Return what the hip angle comes from; None where none is told."""

    def push(
        self,
        time_s: float,
        q_thigh: Quaternion | None,
        q_shank: Quaternion | None,
        interpolated: bool,
        q_pelvis: Quaternion | None = None,
    ) -> LegUpdate:
        """Take one frame and return what it brought."""

    def finish(self) -> LegUpdate | None:
        """End the recording; return what was still open, None where no frame ever came."""

    def stop_counting(self, time_s: float) -> None:
        """Count nothing after an instant, as a mark `set_end` there would."""

    def count_from(self, time_s: float) -> None:
        """Count what comes after an instant, as a new set, as a mark `set_start` would."""


class LegMonitor:
    """One leg, one frame at a time."""

    def __init__(
        self,
        calibration: LegCalibration,
        exercise: Exercise,
        rate_hz: float,
        counted_s: Spans = ALWAYS,
        common: CommonNumbers | None = None,
    ) -> None:
        """Follow a calibrated leg; each span of `counted_s` begins a set."""
        self.calibration = calibration
        self.exercise = exercise
        self._fusion = LegFusion(calibration, exercise, rate_hz, FLOATS)
        self._in_place = InPlace(calibration, exercise, rate_hz)
        self._alarms = AlarmWatch(calibration, exercise, rate_hz)
        self._rows = RecentRows(len(SAMPLE_FIGURES))
        self._counting = Counting(calibration, exercise, counted_s, self._rows, common)
        self._frames = 0
        self._share_deg = 0.0
        self._last: LegUpdate | None = None

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
        shift = self._alarms.shift
        if shift.zero:
            angles = without_shift(angles, shift.zero, FLOATS)
        signal, sigma = signal_of(angles, self.exercise, FLOATS)
        lost = angles.lost == 1.0
        seen = signal == signal and not lost  # False where NaN
        where = posture(angles, self.calibration, self.exercise, FLOATS) if seen else AWAY
        in_pose = where != AWAY
        alarm = None
        if self._frames % self._alarms.every == 0:
            heard = (q_thigh is not None, q_shank is not None)
            alarm = self._alarms.push(time_s, angles, where, heard)
        self._frames += 1
        if signal == signal:
            where = self._in_place.push(time_s, angles, signal / DEG, where)
        else:
            self._in_place.interrupt()
        if self._alarms.shift.zero == shift.zero:
            shift = self._alarms.shift
        else:  # the next angle is from another zero, and no jump
            self._in_place.interrupt()
        # what a pelvis with a unit added to a rotation is no repetition
        self._share_deg = pelvis_share_deg(angles, self.exercise, self._share_deg, FLOATS)
        counted = signal - self._share_deg
        if shift is not NO_SHIFT:
            from_start = angles.rotation - self.calibration.start_rotation_rad
            off = sigma_shift(from_start, shift.sigma, shift.share, FLOATS)
            sigma = math.hypot(sigma, off * DEG)
        told_sigma = math.nan if lost else sigma
        counting = self._counting
        if counting.spans.hold(time_s):
            self._keep(time_s, counted, told_sigma, angles, interpolated, shift)
        sine, zero = math.sin(angles.shank_elevation), shift_deg(shift.zero, self.exercise)
        told = counting.push(time_s, counted, where, sine, zero)
        sure = in_pose and told_sigma <= self.exercise.max_sigma_deg and self.exercise.has_hip_angle
        self._last = LegUpdate(
            time_s,
            angles,
            signal if sure else math.nan,
            told_sigma,
            counting.phase,
            counting.set,
            counting.rep,
            counting.held_s,
            told.announced,
            told.completed,
            alarm,
            signal,
            counting.is_set_open,
        )
        return self._last

    def finish(self) -> LegUpdate | None:
        """End the recording; return what was still open, None where no frame ever came."""
        told, last = self._counting.finish(), self._last
        if last is None:
            return None
        return last._replace(
            set=self._counting.set,
            reps=self._counting.rep,
            hold_s=0.0,
            announced=told.announced,
            completed=told.completed,
            alarm=None,
            set_open=False,
        )

    def stop_counting(self, time_s: float) -> None:
        """End the span that is open at an instant; later movements do not count."""
        self._counting.spans.stop(time_s)

    def count_from(self, time_s: float) -> None:
        """Begin a span, and with it a set, after an instant."""
        self._counting.spans.begin(time_s)

    def _keep(
        self,
        time_s: float,
        signal: float,
        sigma: float,
        angles: LegAngles[float],
        interpolated: bool,
        shift: Shift,
    ) -> None:
        self._rows.add(
            time_s,
            signal,
            (angles.knee_flexion - self.calibration.knee_flexion_rad) * DEG,
            angles.thigh_elevation * DEG,
            angles.adduction * DEG,
            sigma,
            interpolated,
            angles.pelvis_rotation * DEG,
            slip_share(shift.sigma, shift.is_open, FLOATS),
        )
