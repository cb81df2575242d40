"""A recorded session: what analysis needs to know of it, and its legs followed over all of it.

The angles are computed at once; then the rows go one by one through the same `Counting`, the same
posture and the same alarms as live, so that live and recorded count alike.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analysis.angle.free_movement import FreeAngles
from analysis.angle.leg_angles import LegAngles, angles_of_recording
from analysis.count.in_place import AWAY, InPlace, placed, posture
from analysis.count.sets import CommonNumbers
from analysis.exercises import Dose, Exercise, load
from analysis.leg import LegCalibration, LegFrames, Mounts, Spans, Windows
from analysis.session.alarms import Alarm, AlarmWatch, Shift, sigma_shift, without_shift
from analysis.session.counting import (
    DEG,
    Counting,
    Numbered,
    pelvis_share_deg,
    shift_deg,
    signal_of,
    slip_share,
    start_level_deg,
)
from analysis.session.stored import StoredCalibration
from imu.quaternion import ARRAYS, IDENTITY
from imu.sample import BoolArray, Edit, FloatArray, FrameTable, IntArray, Segment, Side, Unit


class LegUnits(NamedTuple):
    """Which of a session's units one leg is measured by, as indices."""

    side: Side
    thigh: int | None
    """None where the shank's unit works alone, as an inclinometer."""
    shank: int
    pelvis: int | None


def leg_units(units: Sequence[Unit]) -> list[LegUnits]:
    """Return every leg that has a shank unit, with what else it has; the left one first."""
    where = {(unit.side, unit.segment): index for index, unit in enumerate(units)}
    pelvis = where.get((None, Segment.PELVIS))
    return [
        LegUnits(side, where.get((side, Segment.THIGH)), where[side, Segment.SHANK], pelvis)
        for side in (Side.LEFT, Side.RIGHT)
        if (side, Segment.SHANK) in where
    ]


def mounts_of(units: Sequence[Unit], leg: LegUnits) -> Mounts:
    """Return what a session knows beforehand of the units of one of its legs."""
    thigh, shank = None if leg.thigh is None else units[leg.thigh], units[leg.shank]
    tilts = [one.tilt_sigma_deg for one in (thigh, shank) if one and one.tilt_sigma_deg]
    return Mounts(
        thigh_upright=thigh is not None and thigh.upright,
        shank_upright=shank.upright,
        tilt_sigma_rad=math.radians(max(tilts)) if tilts else None,
    )


def missing_units(units: Sequence[Unit]) -> list[str]:
    """Return a sentence for every leg that lacks a unit."""
    worn = {(unit.side, unit.segment) for unit in units}
    said = []
    for side in Side:
        thigh, shank = (side, Segment.THIGH) in worn, (side, Segment.SHANK) in worn
        if thigh and not shank:
            said.append(f"{side} leg: there is no shank unit, so there is no hip angle")
        if shank and not thigh:
            said.append(
                f"{side} leg: there is no thigh unit, so the shank's reads as an inclinometer does:"
                " with the knee taken to be bent as the exercise has it"
            )
    return said


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What analysis needs to know of a session: aligned frames and who did what when."""

    session_id: str
    wearer: str
    started_at: str
    """ISO 8601 with zone; empty when it is not known."""
    exercise: str
    units: tuple[Unit, ...]
    frames: FrameTable
    marks: Sequence[tuple[float, str]] = ()
    calibrations: Mapping[Side, StoredCalibration] | None = None
    """Calibrations made while recording, or axes that were given.

    None lets the recording be calibrated from itself.
    """
    lost_percent: float = 0.0
    longest_gap_s: float = 0.0
    silent_s: tuple[float, ...] = ()
    """How long before the end each unit was heard for the last time."""
    notes: tuple[str, ...] = ()
    active: bool | None = None
    """Whether the wearer moved the leg, or someone else, or gravity; None where nobody said."""
    dose: Dose | None = None
    """What a plan asked for instead of the exercise's own dose."""
    is_test: bool = False
    """Whether the session was declared a test of an exercise that is not one by itself."""
    own: Exercise | None = None
    """An exercise of the user's own, which the session brings with it."""
    windows: Mapping[Side, Windows] | None = None
    """When a leg calibrated, where its calibration is to be made anew and no mark tells."""
    edits: tuple[Edit, ...] = ()
    """What people said of it afterwards and did not take back, in order of time."""

    @property
    def entry(self) -> Exercise:
        """Return what is done, with the dose that a plan asked for.

        Raises
        ------
        analysis.exercises.CatalogueError
            When the exercise is unknown.
        """
        return (self.own or load(self.exercise)).with_dose(self.dose)

    @property
    def rate_hz(self) -> float:
        """Return the rate of the fastest unit."""
        return max(unit.rate_hz for unit in self.units)

    def leg(self, units: LegUnits) -> LegFrames:
        """Return the frames of a leg."""
        q, worn = self.frames.q, units.thigh is not None
        thigh = q[:, units.thigh] if worn else np.tile(IDENTITY, (len(q), 1))
        pelvis = None if units.pelvis is None else q[:, units.pelvis]
        mounts = mounts_of(self.units, units)
        return LegFrames(self.frames.time_s, thigh, q[:, units.shank], pelvis, worn, mounts)


Row = tuple[float, float, int, float, float]
"""Time, the angle that counts, posture, the sine of the shank's elevation, and what a renewed zero
has moved the angle by."""


@dataclass(frozen=True, slots=True)
class LegRecord:
    """One leg over a whole recording."""

    series: LegAngles[FloatArray]
    rotation_deg: FloatArray
    """NaN where refused, away from the start position, and where the exercise has no hip angle."""
    away: npt.NDArray[np.bool_]
    movements: tuple[Numbered, ...]
    alarms: tuple[Alarm, ...]
    sigma_deg: FloatArray
    """1 σ of the rotation; wider where a strap slipped, NaN where the zero is lost."""
    signal_deg: FloatArray
    """What was counted: the rotation, or what stands for it; NaN where refused."""
    shifted: BoolArray | None = None
    """From where on a strap is known to have slipped; None where nobody watched."""
    free: FreeAngles | None = None
    """Of free movement, which has no hip angle: each angle with its own uncertainty."""

    def without_angles(self, rows: BoolArray) -> LegRecord:
        """Return the record with some of its rows (n,) unknown."""

        def emptied(column: FloatArray) -> FloatArray:
            return np.where(rows, np.nan, column)

        return replace(
            self,
            series=LegAngles(*map(emptied, self.series)),
            rotation_deg=emptied(self.rotation_deg),
            sigma_deg=emptied(self.sigma_deg),
            signal_deg=emptied(self.signal_deg),
            free=None if self.free is None else FreeAngles(*map(emptied, self.free)),
        )


@dataclass(frozen=True, slots=True)
class RecordedLeg:
    """What following one leg of a recording needs."""

    calibration: LegCalibration
    frames: LegFrames
    counted_s: Spans
    """Movements count inside these: from the end of the calibration, or as the marks of the sets
    say; each span begins a set."""

    def start_deg(self, exercise: Exercise) -> float:
        """Return the counted angle in the start position."""
        return start_level_deg(self.calibration, exercise)


def free_record(found: FreeAngles) -> LegRecord:
    """Return the record of a leg in free movement, of which nothing is counted."""
    count = len(found.knee_flexion)
    nothing = np.full(count, np.nan)
    series = LegAngles(*([nothing] * len(LegAngles._fields)))._replace(
        knee_flexion=found.knee_flexion,
        thigh_elevation=found.thigh_elevation,
        shank_elevation=found.shank_elevation,
    )
    there = np.zeros(count, dtype=np.bool_)
    return LegRecord(series, nothing, there, (), (), nothing, nothing, free=found)


def inside_of(leg: RecordedLeg) -> BoolArray:
    """Return which rows (n,) of a leg count: inside a set, after the calibration."""
    time_s = leg.frames.time_s
    inside = np.zeros(len(time_s), dtype=np.bool_)
    for start_s, end_s in leg.counted_s:
        inside |= (time_s > start_s) & (time_s <= end_s)
    inside[: int(np.searchsorted(time_s, leg.calibration.ready_s, "right"))] = False
    return inside


class AllRows:
    """Every row of a recording in which movements count."""

    def __init__(self, columns: tuple[FloatArray, ...]) -> None:
        """Take columns (n,), the first of them the time in seconds, which increases."""
        self._columns = columns

    def between(self, start_s: float, end_s: float) -> tuple[FloatArray, ...]:
        """Return the rows from a time to another, both included, column by column."""
        part = self._part(start_s, end_s)
        return tuple(column[part] for column in self._columns)

    def angles(self, start_s: float, end_s: float) -> tuple[FloatArray, ...]:
        """Return time and angle of these rows."""
        part = self._part(start_s, end_s)
        return tuple(column[part] for column in self._columns[:2])

    def _part(self, start_s: float, end_s: float) -> slice:
        time_s = self._columns[0]
        return slice(int(time_s.searchsorted(start_s)), int(time_s.searchsorted(end_s, "right")))

    def forget(self, until_s: float) -> None:
        """Give up nothing: it is all there anyway."""


class _Followed:
    """One leg of a recording: its angles, and what counts them row by row."""

    def __init__(
        self,
        leg: RecordedLeg,
        exercise: Exercise,
        rate_hz: float,
        interpolated: BoolArray,
        common: CommonNumbers | None,
    ) -> None:
        calibration, frames = leg.calibration, leg.frames
        self._exercise = exercise
        series = _joined_angles(calibration, exercise, rate_hz, frames)
        watch = AlarmWatch(calibration, exercise, rate_hz)
        self._alarms, shift = _watched(watch, calibration, exercise, frames, series)
        self._series = series = without_shift(series, shift.zero, ARRAYS)
        self._signal, sigma, self._where = _placed(series, calibration, exercise)
        self._lost = series.lost == 1.0
        first = int(np.searchsorted(frames.time_s, calibration.ready_s, "right"))
        angles = [column[first:] for column in series]
        where = self._where.copy()
        where[first:] = placed(
            InPlace(calibration, exercise, rate_hz, recorded=True),
            frames.time_s[first:],
            angles,
            self._signal[first:] / DEG,
            where[first:],
            np.diff(shift.zero[first:], prepend=0.0) != 0.0,
        )
        self._shifted = shift.is_open
        off = series.rotation - calibration.start_rotation_rad
        off_deg = sigma_shift(off, shift.sigma, shift.share, ARRAYS) * DEG
        self._sigma = np.where(self._lost, np.nan, np.hypot(sigma, off_deg))
        columns = (
            frames.time_s,
            self._signal - pelvis_share_deg(series, exercise, 0.0, ARRAYS),
            np.degrees(series.knee_flexion - calibration.knee_flexion_rad),
            np.degrees(series.thigh_elevation),
            np.degrees(series.adduction),
            self._sigma,
            interpolated.astype(np.float64),
            np.degrees(series.pelvis_rotation),
            slip_share(shift.sigma, shift.is_open, ARRAYS),
        )
        inside = inside_of(leg)
        counted = tuple(column[inside] for column in columns)
        foot = np.sin(series.shank_elevation[inside])
        zero_deg = shift_deg(shift.zero[inside], exercise)
        self._rows = (*counted[:2], where[inside], foot, zero_deg)
        self._counting = Counting(calibration, exercise, leg.counted_s, AllRows(counted), common)
        self._movements: list[Numbered] = []

    def rows(self) -> Iterator[Row]:
        """Yield what counts, row by row."""
        return zip(*(column.tolist() for column in self._rows), strict=True)

    def take_turns(self) -> Iterator[tuple[float, _Followed, Row]]:
        """Yield each row with its time and its leg."""
        for row in self.rows():
            yield row[0], self, row

    def count(self, rows: Iterable[Row]) -> None:
        """Count some rows."""
        push, found = self._counting.push, self._movements
        for row in rows:
            completed = push(*row).completed
            if completed:
                found += completed

    def finish(self) -> None:
        """Take what was still open."""
        self._movements += self._counting.finish().completed

    def record(self) -> LegRecord:
        """Return the leg over the whole recording."""
        with np.errstate(invalid="ignore"):
            sure = self._exercise.has_hip_angle & (self._sigma <= self._exercise.max_sigma_deg)
        away = self._where == AWAY
        return LegRecord(
            self._series,
            np.where(sure & ~away, self._signal, np.nan),
            away,
            tuple(self._movements),
            tuple(self._alarms),
            self._sigma,
            self._signal,
            self._shifted,
        )


def follow_legs(
    legs: Mapping[Side, RecordedLeg],
    exercise: Exercise,
    rate_hz: float,
    interpolated: BoolArray,
) -> dict[Side, LegRecord]:
    """Return angles and movements of the legs of a recording.

    Angles before the calibration ended come from the same calibration. Where a repetition takes
    both legs they are counted side by side, frame by frame as live.
    """
    common = CommonNumbers() if exercise.both_legs and len(legs) == 2 else None
    followed = {
        side: _Followed(leg, exercise, rate_hz, interpolated, common) for side, leg in legs.items()
    }
    if common is None:
        for leg in followed.values():
            leg.count(leg.rows())
    else:
        streams = (leg.take_turns() for leg in followed.values())
        for _, leg, row in heapq.merge(*streams, key=itemgetter(0)):
            leg.count((row,))
    for leg in followed.values():
        leg.finish()
    return {side: leg.record() for side, leg in followed.items()}


class _Shifts(NamedTuple):
    """`Shift` over a recording, each (n,)."""

    zero: FloatArray
    sigma: FloatArray
    share: FloatArray
    is_open: BoolArray

    def begin(self, row: int, shift: Shift) -> None:
        """Take what holds from a row on."""
        for column, value in zip(self, shift, strict=True):
            column[row:] = value


def _watched(
    watch: AlarmWatch,
    calibration: LegCalibration,
    exercise: Exercise,
    frames: LegFrames,
    series: LegAngles[FloatArray],
) -> tuple[list[Alarm], _Shifts]:
    """Return the alarms of a recording, and what slipped straps make of its rows."""
    count = len(frames.time_s)
    zero, sigma, share = np.zeros((3, count))
    shifts = _Shifts(zero, sigma, share, np.zeros(count, dtype=np.bool_))
    row = int(np.searchsorted(frames.time_s, calibration.ready_s, "right"))
    alarms: list[Alarm] = []
    while row < count:  # once, and again from each renewed zero on
        rows, before = slice(row, None, watch.every), watch.shift
        part = LegAngles(*(column[rows] for column in series))
        part = without_shift(part, np.full(len(part.rotation), before.zero), ARRAYS)
        _, _, where = _placed(part, calibration, exercise)
        heard = (~np.isnan(q[rows, 0]) for q in (frames.q_thigh, frames.q_shank))
        seen = zip(
            *(column.tolist() for column in (frames.time_s[rows], where, *heard)), strict=True
        )
        values = zip(*(column.tolist() for column in part), strict=True)
        for (t, at, thigh, shank), angles in zip(seen, values, strict=True):
            alarm = watch.push(t, LegAngles._make(angles), at, (thigh, shank))
            held = watch.shift
            if alarm is not None:
                alarms.append(alarm)
            anew = held.zero != before.zero
            if held is not before:
                shifts.begin(row + anew, held)
            row, before = row + watch.every, held
            if anew:
                break
    return alarms, shifts


def _placed(
    series: LegAngles[FloatArray], calibration: LegCalibration, exercise: Exercise
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return the angle that counts, its 1 σ (deg), and the posture, each (n,)."""
    signal, sigma = signal_of(series, exercise, ARRAYS)
    seen = ~np.isnan(signal) & (series.lost != 1.0)
    where = np.where(seen, posture(series, calibration, exercise, ARRAYS), AWAY)
    return signal, sigma, where.astype(np.int64)


def _joined_angles(
    calibration: LegCalibration, exercise: Exercise, rate_hz: float, frames: LegFrames
) -> LegAngles[FloatArray]:
    """Start the fusion where the live path starts it, and serve what came before by itself."""
    first = int(np.searchsorted(frames.time_s, calibration.ready_s, "right"))
    parts = [
        angles_of_recording(calibration, exercise, rate_hz, frames.rows(part))
        for part in (slice(0, first), slice(first, None))
    ]
    return LegAngles(*map(np.concatenate, zip(*parts, strict=True)))
