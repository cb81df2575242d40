"""Measure a completed movement and grade it: controlled or not, and why not.

Counting happened in `analysis.reps`; here the samples of one movement become the figures of a table
row. Thresholds for grading are apart from those for counting.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from analysis.exercises import Array, Exercise
from analysis.holds import Hold, measure_hold, slope
from analysis.reps import Movement

LEAD_S = 2.0
"""How long before the onset a movement's samples are kept, to find where it began."""
STROKE_MIN_S = 1.0
STROKE_SHARE = 0.7
RANGE_SHARE = 0.8
RESIDUAL_MIN_DEG = 5.0
RESIDUAL_SHARE = 0.2
HOLD_SHARE = 0.8
KNEE_FAULT_DEG = 15.0
SWING_FAULT_DEG = 12.0
SHAKY_DPS = 5.0
TREMOR_BAND_HZ = (4.0, 12.0)
CALIBRATION_REPS = 3
"""The wearer's own range and tempo are the medians of this many first valid repetitions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementSamples:
    """The samples around one movement; degrees and seconds, shape (n,), NaN where unknown."""

    time_s: Array
    angle_deg: Array
    knee_deg: Array
    thigh_deg: Array
    swing_deg: Array
    sigma_deg: Array
    interpolated: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredMovement:
    """One row of the table of repetitions, apart from who, when and its number."""

    status: str
    reject_reason: str
    start_s: float
    peak_s: float
    end_s: float
    announced_s: float
    start_deg: float
    peak_deg: float
    rom_deg: float
    end_residual_deg: float
    up_s: float
    hold_s: float
    hold_start_s: float
    hold_end_s: float
    down_s: float
    peak_velocity_dps: float
    tremor_dps: float
    smoothness_up: float
    smoothness_down: float
    knee_flexion_change_deg: float
    thigh_elevation_change_deg: float
    controlled: bool | None
    faults: tuple[str, ...]
    flags: tuple[str, ...]
    peaks: int
    pulses: int
    confidence: float
    uncertainty_deg: float
    gap_ms: float


class Grader:
    """Measures and grades the movements of one leg in order, learning the wearer's own range."""

    def __init__(self, exercise: Exercise) -> None:
        self._exercise = exercise
        self._ranges: deque[float] = deque(maxlen=CALIBRATION_REPS)
        self._tempos: deque[float] = deque(maxlen=CALIBRATION_REPS)
        self._learned = 0

    def measure(self, movement: Movement, samples: MovementSamples) -> MeasuredMovement:
        """Return the figures of one movement and its grade."""
        known = ~np.isnan(samples.angle_deg)
        time_s, angle = samples.time_s[known], samples.angle_deg[known]
        start, peak, end = _bounds(time_s, angle, movement)
        level = float(np.median(angle[max(0, start - 6) : start + 1]))
        rom = float(angle[peak]) - level
        hold = measure_hold(time_s[start : end + 1], angle[start : end + 1], level, rom)
        up_end = hold.start_s if hold else float(time_s[peak])
        down_start = hold.end_s if hold else float(time_s[peak])
        up_s, down_s = up_end - float(time_s[start]), float(time_s[end]) - down_start
        velocity = slope(time_s, angle, 0.05)
        inside = (samples.time_s >= time_s[start]) & (samples.time_s <= time_s[end])
        residual = float(np.median(angle[end : end + 6])) - level
        tremor = _tremor(time_s[start : end + 1], velocity[start : end + 1])
        knee = _change(samples.knee_deg[inside])
        thigh = _change(samples.thigh_deg[inside])
        swing = _change(samples.swing_deg[inside])
        faults = self._faults(
            rom, up_s, down_s, residual, hold, tremor=tremor, knee=knee, thigh=thigh, swing=swing
        )
        valid = movement.status == "valid"
        if valid:
            self._learn(rom, min(up_s, down_s))
        up_part = slice(start, int(np.searchsorted(time_s, up_end)) + 1)
        down_part = slice(int(np.searchsorted(time_s, down_start)), end + 1)
        interpolated = samples.interpolated[inside] > 0
        flags = [
            name
            for name, on in (
                ("interpolated", bool(interpolated.any())),
                ("stopped_short", movement.stopped_short),
            )
            if on
        ]
        missing = np.isnan(samples.angle_deg[inside])
        return MeasuredMovement(
            status=movement.status,
            reject_reason=movement.reason,
            start_s=float(time_s[start]),
            peak_s=float(time_s[peak]),
            end_s=float(time_s[end]),
            announced_s=movement.announced_s,
            start_deg=level,
            peak_deg=float(angle[peak]),
            rom_deg=rom,
            end_residual_deg=residual,
            up_s=up_s,
            hold_s=hold.duration_s if hold else 0.0,
            hold_start_s=up_end,
            hold_end_s=down_start,
            down_s=down_s,
            peak_velocity_dps=float(np.max(np.abs(velocity[start : end + 1]))),
            tremor_dps=tremor,
            smoothness_up=_sparc(time_s[up_part], velocity[up_part]),
            smoothness_down=_sparc(time_s[down_part], velocity[down_part]),
            knee_flexion_change_deg=knee,
            thigh_elevation_change_deg=thigh,
            controlled=(not faults and movement.peaks == 1) if valid else None,
            faults=tuple(faults) if valid else (),
            flags=tuple(flags),
            peaks=movement.peaks,
            pulses=movement.peaks - 1 if movement.peaks > 2 else 0,
            confidence=1.0 - float(np.mean(missing | interpolated)) if inside.any() else 0.0,
            uncertainty_deg=float(samples.sigma_deg[known][peak]),
            gap_ms=1000.0 * _longest_gap(time_s[start : end + 1]),
        )

    def _learn(self, rom: float, stroke_s: float) -> None:
        if self._learned < CALIBRATION_REPS:
            self._learned += 1
            self._ranges.append(rom)
            self._tempos.append(stroke_s)

    def _faults(
        self,
        rom: float,
        up_s: float,
        down_s: float,
        residual: float,
        hold: Hold | None,
        *,
        tremor: float,
        knee: float,
        thigh: float,
        swing: float,
    ) -> list[str]:
        e = self._exercise
        learned = self._learned >= CALIBRATION_REPS
        stroke_min = STROKE_MIN_S
        if learned:
            stroke_min = min(STROKE_MIN_S, STROKE_SHARE * float(np.median(self._tempos)))
        held = hold.duration_s if hold else 0.0
        wanted = e.dose.hold_s[0]
        tests = (
            ("knee_angle", abs(knee) > KNEE_FAULT_DEG),
            ("thigh_lift", abs(thigh) > e.thigh_lift_fault_deg),
            ("thigh_swing", abs(swing) > SWING_FAULT_DEG),
            ("too_fast", min(up_s, down_s) < stroke_min),
            ("not_returned", abs(residual) > max(RESIDUAL_MIN_DEG, RESIDUAL_SHARE * rom)),
            ("hold_short", wanted > 0.0 and held < HOLD_SHARE * wanted),
            ("shaky", tremor > SHAKY_DPS),
            ("range_short", learned and rom < RANGE_SHARE * float(np.median(self._ranges))),
        )
        return [name for name, found in tests if found]


def _bounds(time_s: Array, angle: Array, movement: Movement) -> tuple[int, int, int]:
    """Return the indices of start, peak and end: where the strokes begin and stop moving."""
    still_dps = max(1.0, min(4.0, 0.12 * movement.range_deg))
    v = slope(time_s, angle, 0.1)
    onset = min(int(np.searchsorted(time_s, movement.onset_s)), len(time_s) - 1)
    start = onset
    # the fast filter lags: step back onto the stroke first, then down to where it began
    while start > 0 and v[start - 1] > still_dps:
        start -= 1
    last = min(int(np.searchsorted(time_s, movement.announced_s, "right")), len(time_s)) - 1
    peak = start + int(np.argmax(angle[start : max(last, start) + 1]))
    end = max(last, peak)
    if movement.status == "rejected":
        return start, peak, end
    while end < len(time_s) - 1 and v[end] < -still_dps:
        end += 1
    while end > peak + 1 and abs(v[end]) < still_dps and abs(v[end - 1]) < still_dps:
        end -= 1
    return start, peak, end


def _change(values: Array) -> float:
    """Return the largest signed departure from the first value; NaN where nothing is known."""
    values = values[~np.isnan(values)]
    if len(values) == 0:
        return math.nan
    away = values - values[0]
    return float(away[np.argmax(np.abs(away))])


def _longest_gap(time_s: Array) -> float:
    """Return the longest hole in seconds, 0 where the samples are regular."""
    if len(time_s) < 3:
        return 0.0
    dt = np.diff(time_s)
    longest = float(dt.max())
    return longest if longest > 1.5 * float(np.median(dt)) else 0.0


def _tremor(time_s: Array, velocity: Array) -> float:
    """Return the RMS velocity in 4–12 Hz; NaN where the rate or the length does not allow it."""
    n = len(time_s)
    if n < 16:
        return math.nan
    dt = float(np.median(np.diff(time_s)))
    if 0.5 / dt < TREMOR_BAND_HZ[1]:
        return math.nan
    window = np.hanning(n)
    spectrum = np.fft.rfft((velocity - velocity.mean()) * window)
    hz = np.fft.rfftfreq(n, dt)
    band = (hz >= TREMOR_BAND_HZ[0]) & (hz <= TREMOR_BAND_HZ[1])
    power = 2.0 * float(np.sum(np.abs(spectrum[band]) ** 2)) / (n * float(np.sum(window**2)))
    return math.sqrt(power)


def _sparc(time_s: Array, velocity: Array) -> float:
    """Return the spectral arc length of one stroke, closer to 0 is smoother; NaN if too short.

    Balasubramanian, Melendez-Calderon, Roby-Brami, Burdet 2015, J NeuroEng Rehab 12:112, with its
    own constants: 10 Hz, amplitude threshold 0.05, four levels of zero padding.
    """
    n = len(time_s)
    if n < 8:
        return math.nan
    dt = float(np.median(np.diff(time_s)))
    size = 2 ** (math.ceil(math.log2(n)) + 4)
    spectrum = np.abs(np.fft.rfft(velocity, size))
    if spectrum.max() <= 0.0:
        return math.nan
    spectrum = spectrum / spectrum.max()
    hz = np.fft.rfftfreq(size, dt)
    kept = np.flatnonzero((hz <= 10.0) & (spectrum >= 0.05))
    part = slice(kept[0], kept[-1] + 1)
    f, s = hz[part], spectrum[part]
    if len(f) < 2:
        return math.nan
    span = f[-1] - f[0]
    return -float(np.sum(np.sqrt((np.diff(f) / span) ** 2 + np.diff(s) ** 2)))
