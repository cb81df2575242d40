"""Follow one leg over a whole recording: `analysis.session.leg_monitor` in numpy.

The angles are computed at once and feed the same rep machine and the same grader, so that live and
recorded count alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.angle.counted_signal import pelvis_share_deg, signal_of
from analysis.angle.leg_angles import LegAngles, angles_of_recording
from analysis.calibrate.calibration import LegCalibration, LegFrames
from analysis.count.circles import CircleMachine
from analysis.count.in_place import places
from analysis.count.movement import Step
from analysis.count.rep_series import circle_steps, steps_of
from analysis.count.sets import SetCounter
from analysis.count.start_position import AWAY, Posture, posture
from analysis.exercises import Exercise
from analysis.grade.grade import LEAD_S, Grader, MovementSamples
from analysis.session.alarms import Alarm, AlarmWatch
from analysis.session.leg_monitor import DEG, Numbered, Spans, rep_machine
from imu.quaternion import ARRAYS
from imu.sample import FloatArray

POSTURES = tuple(Posture)
"""By their number, which is what a recording's arrays hold."""


@dataclass(frozen=True, slots=True)
class LegRecord:
    """One leg over a whole recording."""

    series: LegAngles[FloatArray]
    rotation_deg: FloatArray
    """NaN where refused, and where the exercise has no hip angle."""
    away: npt.NDArray[np.bool_]
    movements: tuple[Numbered, ...]
    alarms: tuple[Alarm, ...]
    sigma_deg: FloatArray
    """1 σ of the rotation; wider where a strap slipped, NaN where the zero is lost."""
    signal_deg: FloatArray
    """What was counted: the rotation, or what stands for it; NaN where refused."""


def follow_leg(
    calibration: LegCalibration,
    exercise: Exercise,
    rate_hz: float,
    frames: LegFrames,
    interpolated: npt.NDArray[np.bool_],
    counted_s: Spans,
) -> LegRecord:
    """Return angles and movements of one leg over a recording.

    Movements are counted inside the spans of `counted_s`: from the end of the calibration, or as
    the marks of the sets say; each span begins a set. Angles before the calibration ended come
    from the same calibration.
    """
    series = _joined_series(calibration, exercise, rate_hz, frames)
    signal, sigma = signal_of(series, exercise, ARRAYS)
    lost = series.lost == 1.0
    seen = ~np.isnan(signal) & ~lost
    where = np.where(seen, posture(series, calibration, exercise, ARRAYS), AWAY)
    columns = {
        "time_s": frames.time_s,
        "angle_deg": signal - pelvis_share_deg(series, exercise, 0.0, ARRAYS),
        "knee_deg": np.degrees(series.knee_flexion - calibration.knee_flexion_rad),
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
    sigma = np.where(lost, np.nan, np.hypot(sigma, slip_rad * DEG))
    with np.errstate(invalid="ignore"):
        sure = exercise.has_hip_angle & (sigma <= exercise.max_sigma_deg)
    rotation = np.where(sure, signal, np.nan)
    away = where == AWAY
    return LegRecord(series, rotation, away, movements, tuple(alarms), sigma, signal)


def _watched(
    watch: AlarmWatch,
    calibration: LegCalibration,
    frames: LegFrames,
    series: LegAngles[FloatArray],
    where: npt.NDArray[np.int64],
    interpolated: npt.NDArray[np.bool_],
) -> tuple[list[Alarm], FloatArray]:
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
) -> LegAngles[FloatArray]:
    """Start the fusion where the live path starts it, and serve what came before by itself."""
    first = int(np.searchsorted(frames.time_s, calibration.ready_s, "right"))
    parts = [
        angles_of_recording(
            calibration,
            exercise,
            rate_hz,
            frames.rows(part),
        )
        for part in (slice(0, first), slice(first, None))
    ]
    return LegAngles(*map(np.concatenate, zip(*parts, strict=True)))


def _count(
    calibration: LegCalibration,
    exercise: Exercise,
    columns: dict[str, FloatArray],
    where: npt.NDArray[np.int64],
    foot: FloatArray,
    counted_s: Spans,
) -> tuple[Numbered, ...]:
    machine = rep_machine(calibration, exercise)
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
