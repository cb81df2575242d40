"""Measure a completed movement and grade it: controlled or not, and why not.

Counting happened in `analysis.count.repetition_machine`; here the samples of one movement become
the figures of a table row. Thresholds for grading are apart from those for counting.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from analysis.count.movement import Movement
from analysis.exercises import Exercise
from analysis.grade.metrics import longest_gap_s, sparc, tremor_dps, velocity
from analysis.grade.strokes import Strokes, between, residual_limit_deg
from imu.sample import FloatArray

LEAD_S = 2.0
"""How long before the onset a movement's samples are kept, to find where it began."""
SPEED_S = 0.025
"""Smoothing of the velocity whose peak is reported: it takes 1 % off a stroke of 0.7 s."""
STROKE_MIN_S = 0.85
"""A stroke of one second, less its slow ends, which belong to the rest and to the hold."""
TEMPO_SHARE = 0.7
"""A repetition faster than this share of the wearer's own tempo is too fast."""
RANGE_SHARE = 0.8
"""A repetition below this share of the wearer's own range is short."""
HOLD_SHARE = 0.8
"""A hold below this share of the prescribed time is short: wearers count seconds unevenly."""
PELVIS_FAULT_DEG = 5.0
"""The pelvis adds this much when it turns along; less is within its sway and its unit's error."""
SHAKY_DPS = 5.0
"""Tremor beyond this (rms): at 6 Hz a swing of 0.2°, far above the noise of a gyroscope."""
UNGRADED = ("thigh_swing", "asymmetry")
"""Faults that are told and do not make a repetition uncontrolled: the first rests on a heading, the
second is of both legs."""
HABITS = ("too_fast", "range_short", *UNGRADED)
"""Faults of what is being learnt: a repetition with none but these is otherwise correct."""
RENEWED = 0.5
BY_ZERO = ("not_returned", "range_short")
"""Faults that are not charged after a slip: they rest on a zero and a range from before it."""
CALIBRATION_REPS = 3
"""The wearer's own range and tempo are the medians of this many first correct repetitions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementSamples:
    """The samples around one movement; degrees and seconds, shape (n,), NaN where unknown."""

    time_s: FloatArray
    angle_deg: FloatArray
    knee_deg: FloatArray
    """Flexion beyond that of the start pose."""
    thigh_deg: FloatArray
    swing_deg: FloatArray
    sigma_deg: FloatArray
    interpolated: FloatArray
    pelvis_deg: FloatArray
    """What the pelvis added to the rotation."""
    shifted: FloatArray
    """1 while a strap is known to have slipped, `RENEWED` once a renewed zero holds what it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredMovement:
    """One row of the table of repetitions, without wearer, time and number; NaN where unknown."""

    status: str
    reject_reason: str = ""
    start_s: float
    peak_s: float = math.nan
    end_s: float
    announced_s: float
    start_deg: float = math.nan
    """Where it was measured from: the angle at `start_s`, or the rest level where the repetition
    before it did not return."""
    peak_deg: float = math.nan
    rom_deg: float = math.nan
    """Peak minus start."""
    end_residual_deg: float = math.nan
    """How far above its rest position it ended: the start pose, or where the leg last rested."""
    up_s: float = math.nan
    hold_s: float
    hold_start_s: float
    hold_end_s: float
    down_s: float = math.nan
    peak_velocity_dps: float = math.nan
    tremor_dps: float = math.nan
    smoothness_up: float = math.nan
    smoothness_down: float = math.nan
    knee_flexion_change_deg: float = math.nan
    """Largest signed departure from the start pose: a knee that creeps does so over a whole set."""
    thigh_elevation_change_deg: float = math.nan
    """Largest signed departure from the first value."""
    pelvis_change_deg: float = math.nan
    """What the pelvis added; NaN without a unit on it."""
    controlled: bool | None = None
    """None unless it is valid."""
    faults: tuple[str, ...]
    flags: tuple[str, ...] = ()
    peaks: int = 0
    pulses: int = 0
    """Times it turned back less than half way and went on."""
    confidence: float = math.nan
    uncertainty_deg: float = math.nan
    gap_ms: float = math.nan


class _Figures(NamedTuple):
    """What else is said of a movement; NaN where unknown."""

    residual_deg: float
    tremor_dps: float
    knee_deg: float
    """Largest signed departure from the start pose."""
    thigh_deg: float
    """Largest signed departure from the first value, as for the swing."""
    swing_deg: float
    pelvis_deg: float
    interpolated: bool
    shifted: bool
    renewed: bool
    confidence: float
    uncertainty_deg: float


class _Own(NamedTuple):
    """What the wearer's first correct repetitions were like, in the median."""

    rom_deg: float
    shorter_s: float
    whole_s: float


class Grader:
    """Measures and grades the movements of one leg in order, learning the wearer's own range.

    A repetition is controlled when it is as large as the wearer's own range asks, both strokes took
    their time, it returned, was held as prescribed, went up once, knee and thigh kept their place
    and nothing trembled; each criterion that failed is one of its faults.
    """

    def __init__(self, exercise: Exercise) -> None:
        self._exercise = exercise
        self._first: list[_Own] = []
        self._own: _Own | None = None
        """The wearer's own range and tempo, once they are known."""

    def measure(
        self, movement: Movement, samples: MovementSamples, strokes: Strokes
    ) -> MeasuredMovement:
        """Return the figures of one movement that is complete, and its grade."""
        figures = _figures(samples, strokes, self._rest_deg(movement, strokes))
        if movement.status != "valid":
            return _row(movement, strokes, figures, faults=(), controlled=None)
        faults = self._faults(strokes, figures)
        if movement.peaks == 1 and not figures.renewed and not set(faults) - set(HABITS):
            self._learn(strokes)
        controlled = movement.peaks == 1 and not set(faults) - set(UNGRADED)
        return _row(movement, strokes, figures, faults=faults, controlled=controlled)

    def _rest_deg(self, movement: Movement, strokes: Strokes) -> float:
        """Return what a return is judged by; a heading drifts, so there by its own beginning."""
        gravity = self._exercise.angle == "gravity"
        return movement.anchor_deg if gravity else strokes.level_deg

    def _learn(self, strokes: Strokes) -> None:
        if self._own is not None:
            return
        shorter_s = min(strokes.up_s, strokes.down_s)
        self._first.append(_Own(strokes.rom_deg, shorter_s, strokes.whole_s))
        if len(self._first) == CALIBRATION_REPS:
            self._own = _Own(*(float(value) for value in np.median(self._first, axis=0)))

    def _faults(self, strokes: Strokes, figures: _Figures) -> tuple[str, ...]:
        """Return what was wrong; nothing is charged to a wearer whose strap has slipped."""
        if figures.shifted:
            return ()
        e, own = self._exercise, self._own
        stroke_min_s, whole_min_s, rom_min = STROKE_MIN_S, 0.0, 0.0
        if own is not None:
            stroke_min_s = min(STROKE_MIN_S, TEMPO_SHARE * own.shorter_s)
            whole_min_s, rom_min = TEMPO_SHARE * own.whole_s, RANGE_SHARE * own.rom_deg
        hasty = min(strokes.up_s, strokes.down_s) < stroke_min_s or strokes.whole_s < whole_min_s
        residual_max = residual_limit_deg(strokes.rom_deg)
        tests = (
            ("knee_angle", abs(figures.knee_deg) > e.knee_fault_deg),
            ("thigh_lift", abs(figures.thigh_deg) > e.thigh_lift_fault_deg),
            ("thigh_swing", abs(figures.swing_deg) > e.thigh_swing_fault_deg),
            ("pelvis", abs(figures.pelvis_deg) > PELVIS_FAULT_DEG),
            ("too_fast", hasty),
            ("not_returned", abs(figures.residual_deg) > residual_max),
            ("hold_short", strokes.hold_s < HOLD_SHARE * e.dose.hold_s[0]),
            ("shaky", figures.tremor_dps > SHAKY_DPS),
            ("range_short", strokes.rom_deg < rom_min),
        )
        left_out = (*e.not_judged, *(BY_ZERO if figures.renewed else ()))
        return tuple(name for name, found in tests if found and name not in left_out)


def _largest(values: FloatArray) -> float:
    """Return the value farthest from 0, with its sign; NaN where nothing is known."""
    unknown = np.isnan(values)
    if unknown.any():
        values = values[~unknown]
    return float(values[np.abs(values).argmax()]) if len(values) else math.nan


def _departure(values: FloatArray) -> float:
    """Return the largest signed departure from the first known value; NaN where there is none."""
    known = np.flatnonzero(~np.isnan(values))
    return _largest(values - values[known[0]]) if len(known) else math.nan


def _figures(samples: MovementSamples, strokes: Strokes, rest_deg: float) -> _Figures:
    inside = strokes.inside(samples.time_s)
    filled = samples.interpolated[inside] > 0.0
    missing = np.isnan(samples.angle_deg[inside])
    at_peak = int(samples.time_s.searchsorted(strokes.peak_s))
    return _Figures(
        residual_deg=strokes.end_deg - rest_deg,
        tremor_dps=tremor_dps(strokes.time_s, strokes.angle_deg),
        knee_deg=_largest(samples.knee_deg[inside]),
        thigh_deg=_departure(samples.thigh_deg[inside]),
        swing_deg=_departure(samples.swing_deg[inside]),
        pelvis_deg=_departure(samples.pelvis_deg[inside]),
        interpolated=bool(filled.any()),
        shifted=bool((samples.shifted[inside] > RENEWED).any()),
        renewed=bool(samples.shifted[inside].any()),
        confidence=1.0 - float((missing | filled).mean()),
        uncertainty_deg=float(samples.sigma_deg[at_peak]),
    )


def _smoothness(strokes: Strokes, start_s: float, end_s: float) -> float:
    """Return the smoothness of one stroke; of strokes only, because a hold looks like jerks."""
    stroke = between(strokes.time_s, start_s, end_s)
    return sparc(strokes.time_s[stroke], strokes.angle_deg[stroke])


def _row(
    movement: Movement,
    strokes: Strokes,
    figures: _Figures,
    *,
    faults: tuple[str, ...],
    controlled: bool | None,
) -> MeasuredMovement:
    speed = np.abs(velocity(strokes.time_s, strokes.angle_deg, SPEED_S))
    named = (
        ("bump", movement.bumped),
        ("interpolated", figures.interpolated),
        ("sensor_shift", figures.shifted),
        ("stopped_short", movement.stopped_short),
    )
    return MeasuredMovement(
        status=movement.status,
        reject_reason=movement.reason,
        start_s=strokes.start_s,
        peak_s=strokes.peak_s,
        end_s=strokes.end_s,
        announced_s=movement.announced_s,
        start_deg=strokes.level_deg,
        peak_deg=strokes.peak_deg,
        rom_deg=strokes.rom_deg,
        end_residual_deg=figures.residual_deg,
        up_s=strokes.up_s,
        hold_s=strokes.hold_s,
        hold_start_s=strokes.up_end_s,
        hold_end_s=strokes.down_start_s,
        down_s=strokes.down_s,
        peak_velocity_dps=float(speed.max()),
        tremor_dps=figures.tremor_dps,
        smoothness_up=_smoothness(strokes, strokes.start_s, strokes.up_end_s),
        smoothness_down=_smoothness(strokes, strokes.down_start_s, strokes.end_s),
        knee_flexion_change_deg=figures.knee_deg,
        thigh_elevation_change_deg=figures.thigh_deg,
        pelvis_change_deg=figures.pelvis_deg,
        controlled=controlled,
        faults=faults,
        flags=tuple(name for name, on in named if on),
        peaks=movement.peaks,
        pulses=movement.peaks - 1,
        confidence=figures.confidence,
        uncertainty_deg=figures.uncertainty_deg,
        gap_ms=1000.0 * longest_gap_s(strokes.time_s),
    )
