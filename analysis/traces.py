"""Figures of a piece of an angle: its slope, its tremor, its smoothness, its holes.

Degrees and seconds; arrays (n,) of known samples in order of time. What needs a regular rate is put
on an even grid first, so that lost samples are straight lines and not jumps of phase.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import gaussian_filter1d

from analysis.exercises import Array

TREMOR_BAND_HZ = (4.0, 12.0)
TREMOR_MIN_SAMPLES = 16
STROKE_MIN_SAMPLES = 8
"""A stroke of 0.3 s at 25 Hz; fewer have no spectrum."""
SPARC_HZ = 10.0
SPARC_AMPLITUDE = 0.05
SPARC_PADDING = 4


def middle(values: Array) -> float:
    """Return the median of known values, shape (n,), n > 0.

    The same as `numpy.median` in a fifth of its time, which on pieces of a second is overhead.
    """
    ordered = np.sort(values)
    half = len(ordered) // 2
    if len(ordered) % 2:
        return float(ordered[half])
    return float((ordered[half - 1] + ordered[half]) / 2.0)


def step_s(time_s: Array) -> float:
    """Return the usual time between samples; 1 where there are not two."""
    return middle(time_s[1:] - time_s[:-1]) if len(time_s) > 1 else 1.0


def evenly(time_s: Array, values: Array) -> tuple[Array, float]:
    """Return the values on an even grid from the first sample on, and its step in seconds."""
    dt = step_s(time_s)
    n = round((time_s[-1] - time_s[0]) / dt) + 1
    return np.interp(time_s[0] + dt * np.arange(n), time_s, values), dt


def smoothed(even: Array, dt: float, sigma_s: float) -> Array:
    """Return evenly sampled values under a Gaussian window; nothing is shifted in time."""
    out: Array = gaussian_filter1d(even, sigma_s / dt, mode="nearest")
    return out


def slopes(even: Array, dt: float) -> Array:
    """Return the slope of evenly sampled values, shape (n,), n > 1: central, one-sided at the ends.

    The same as `numpy.gradient`, which takes several times as long on a piece of a second.
    """
    out = np.empty_like(even)
    out[1:-1] = (even[2:] - even[:-2]) / (2.0 * dt)
    out[0], out[-1] = (even[1] - even[0]) / dt, (even[-1] - even[-2]) / dt
    return out


def velocity(time_s: Array, angle_deg: Array, sigma_s: float) -> Array:
    """Return the slope of the smoothed angle at the samples, in degrees a second."""
    if len(time_s) < 3:
        return np.zeros(len(time_s))
    even, dt = evenly(time_s, angle_deg)
    grid = time_s[0] + dt * np.arange(len(even))
    return np.interp(time_s, grid, slopes(smoothed(even, dt, sigma_s), dt))


def longest_gap_s(time_s: Array) -> float:
    """Return the longest hole, 0 where the samples are regular."""
    if len(time_s) < 3:
        return 0.0
    longest = float(np.diff(time_s).max())
    return longest if longest > 1.5 * step_s(time_s) else 0.0


def tremor_dps(time_s: Array, angle_deg: Array) -> float:
    """Return the RMS angular velocity between 4 and 12 Hz; NaN where rate or length forbid it.

    From the spectrum of the angle times its angular frequency: a difference quotient would take
    three quarters of a 12 Hz tremor at 60 samples a second.
    """
    if len(time_s) < TREMOR_MIN_SAMPLES or 0.5 / step_s(time_s) < TREMOR_BAND_HZ[1]:
        return math.nan
    even, dt = evenly(time_s, angle_deg)
    n = len(even)
    # the ends are brought to zero: a step between them would leak into the band
    level = even - np.linspace(even[0], even[-1], n)
    window = np.hanning(n)
    hz = np.fft.rfftfreq(n, dt)
    spectrum = np.abs(np.fft.rfft(level * window)) * 2.0 * np.pi * hz
    band = (hz >= TREMOR_BAND_HZ[0]) & (hz <= TREMOR_BAND_HZ[1])
    return math.sqrt(2.0 * float(np.sum(spectrum[band] ** 2)) / (n * float(np.sum(window**2))))


def sparc(time_s: Array, angle_deg: Array) -> float:
    """Return the spectral arc length of one stroke, closer to 0 is smoother; NaN if too short.

    Balasubramanian, Melendez-Calderon, Roby-Brami, Burdet 2015, J NeuroEng Rehab 12:112, with its
    own constants: 10 Hz, amplitude threshold 0.05, four levels of zero padding.
    """
    if len(time_s) < STROKE_MIN_SAMPLES:
        return math.nan
    even, dt = evenly(time_s, angle_deg)
    size = 2 ** (math.ceil(math.log2(len(even))) + SPARC_PADDING)
    spectrum = np.abs(np.fft.rfft(slopes(even, dt), size))
    if spectrum.max() <= 0.0:
        return math.nan
    spectrum = spectrum / spectrum.max()
    hz = np.fft.rfftfreq(size, dt)
    kept = np.flatnonzero((hz <= SPARC_HZ) & (spectrum >= SPARC_AMPLITUDE))
    f, s = hz[kept[0] : kept[-1] + 1], spectrum[kept[0] : kept[-1] + 1]
    if len(f) < 2:
        return math.nan
    return -float(np.sum(np.sqrt((np.diff(f) / (f[-1] - f[0])) ** 2 + np.diff(s) ** 2)))
