"""Figures of a piece of an angle: its slope, its tremor, its smoothness, its holes.

Degrees and seconds; arrays (n,) of known samples in order of time. What needs a regular rate is put
on an even grid first, so that lost samples are straight lines and not jumps of phase.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from imu.sample import FloatArray

TREMOR_BAND_HZ = (4.0, 12.0)
"""Tremor of a limb lies here; movement on purpose is slower."""
TREMOR_MIN_SAMPLES = 16
"""Fewer samples have too few lines of the spectrum in the band."""
STROKE_MIN_SAMPLES = 8
"""A stroke of 0.3 s at 25 Hz; fewer have no spectrum."""
SPARC_HZ = 10.0
SPARC_AMPLITUDE = 0.05
SPARC_PADDING = 4
"""Cut-off, amplitude threshold and padding levels of spectral arc length, as its authors set them
(Balasubramanian et al. 2015, J NeuroEng Rehabil 12:112; reference code siva82kb/SPARC)."""


def middle(values: FloatArray) -> float:
    """Return the median of known values, shape (n,), n > 0.

    The same as `numpy.median` in a fifth of its time, which on pieces of a second is overhead.
    """
    return _middle_of(values.copy())


def _middle_of(ordered: FloatArray) -> float:
    """Return the median of values (n,) that may be put in order."""
    ordered.sort()
    half = len(ordered) // 2
    if len(ordered) % 2:
        return float(ordered[half])
    return float((ordered[half - 1] + ordered[half]) / 2.0)


def step_s(time_s: FloatArray) -> float:
    """Return the usual time between samples; 1 where there are not two."""
    return _middle_of(time_s[1:] - time_s[:-1]) if len(time_s) > 1 else 1.0


def evenly(time_s: FloatArray, values: FloatArray) -> tuple[FloatArray, float]:
    """Return the values on an even grid from the first sample on, and its step in seconds."""
    grid, dt = _grid(time_s)
    return np.interp(grid, time_s, values), dt


def _grid(time_s: FloatArray) -> tuple[FloatArray, float]:
    dt = step_s(time_s)
    n = round((float(time_s[-1]) - float(time_s[0])) / dt) + 1
    return time_s[0] + dt * np.arange(n), dt


def smoothed(even: FloatArray, sigma: float) -> FloatArray:
    """Return evenly sampled values (n,) under a Gaussian window; nothing is shifted in time.

    `sigma` is in samples. Beyond its ends the first and the last value go on. It is
    `scipy.ndimage.gaussian_filter1d` in a third of its time on pieces of a second, and without its
    import.
    """
    weights = _gaussian(sigma)
    radius = len(weights) // 2
    padded = np.empty(len(even) + 2 * radius)
    padded[:radius], padded[radius : radius + len(even)] = even[0], even
    padded[radius + len(even) :] = even[-1]
    return np.correlate(padded, weights, "valid")


@lru_cache(maxsize=64)
def _gaussian(sigma: float) -> FloatArray:
    """Return the weights of a Gaussian window out to four times its standard deviation, samples."""
    radius = int(4.0 * sigma + 0.5)
    weights = np.exp(-0.5 / (sigma * sigma) * np.arange(-radius, radius + 1) ** 2)
    out: FloatArray = weights / weights.sum()
    return out


@lru_cache(maxsize=256)
def _hann(n: int) -> tuple[FloatArray, float]:
    """Return a Hann window (n,) and the sum of its squares."""
    window = np.hanning(n)
    return window, float((window**2).sum())


def slopes(even: FloatArray, dt: float) -> FloatArray:
    """Return the slope of evenly sampled values, shape (n,), n > 1: central, one-sided at the ends.

    The same as `numpy.gradient`, which takes several times as long on a piece of a second.
    """
    out = np.empty_like(even)
    out[1:-1] = (even[2:] - even[:-2]) / (2.0 * dt)
    out[0], out[-1] = (even[1] - even[0]) / dt, (even[-1] - even[-2]) / dt
    return out


def velocity(time_s: FloatArray, angle_deg: FloatArray, sigma_s: float) -> FloatArray:
    """Return the slope of the smoothed angle at the samples, in degrees a second."""
    if len(time_s) < 3:
        return np.zeros(len(time_s))
    grid, dt = _grid(time_s)
    even = np.interp(grid, time_s, angle_deg)
    return np.interp(time_s, grid, slopes(smoothed(even, sigma_s / dt), dt))


def longest_gap_s(time_s: FloatArray) -> float:
    """Return the longest hole, 0 where the samples are regular."""
    if len(time_s) < 3:
        return 0.0
    steps = time_s[1:] - time_s[:-1]
    longest = float(steps.max())
    return longest if longest > 1.5 * middle(steps) else 0.0


def tremor_dps(time_s: FloatArray, angle_deg: FloatArray) -> float:
    """Return the RMS angular velocity between 4 and 12 Hz; NaN where rate or length forbid it.

    From the spectrum of the angle times its angular frequency: a difference quotient would take
    three quarters of a 12 Hz tremor at 60 samples a second.
    """
    if len(time_s) < TREMOR_MIN_SAMPLES:
        return math.nan
    even, dt = evenly(time_s, angle_deg)
    if 0.5 / dt < TREMOR_BAND_HZ[1]:
        return math.nan
    n = len(even)
    # the ends are brought to zero: a step between them would leak into the band
    line = even[0] + np.arange(n) * ((even[-1] - even[0]) / (n - 1))
    window, power = _hann(n)
    hz = np.fft.rfftfreq(n, dt)
    low, high = hz.searchsorted(TREMOR_BAND_HZ[0]), hz.searchsorted(TREMOR_BAND_HZ[1], "right")
    spectrum = np.abs(np.fft.rfft((even - line) * window)[low:high]) * 2.0 * np.pi * hz[low:high]
    return math.sqrt(2.0 * float((spectrum**2).sum()) / (n * power))


def sparc(time_s: FloatArray, angle_deg: FloatArray) -> float:
    """Return the spectral arc length of one stroke, closer to 0 is smoother; NaN if too short.

    Balasubramanian, Melendez-Calderon, Roby-Brami, Burdet 2015, J NeuroEng Rehab 12:112, with its
    own constants: 10 Hz, amplitude threshold 0.05, four levels of zero padding.
    """
    if len(time_s) < STROKE_MIN_SAMPLES:
        return math.nan
    even, dt = evenly(time_s, angle_deg)
    size = 2 ** (math.ceil(math.log2(len(even))) + SPARC_PADDING)
    spectrum = np.abs(np.fft.rfft(slopes(even, dt), size))
    largest = spectrum.max()
    if largest <= 0.0:
        return math.nan
    hz = np.fft.rfftfreq(size, dt)
    spectrum = spectrum[: hz.searchsorted(SPARC_HZ, "right")] / largest
    kept = np.flatnonzero(spectrum >= SPARC_AMPLITUDE)
    f, s = hz[kept[0] : kept[-1] + 1], spectrum[kept[0] : kept[-1] + 1]
    if len(f) < 2:
        return math.nan
    steps = ((f[1:] - f[:-1]) / (f[-1] - f[0])) ** 2 + (s[1:] - s[:-1]) ** 2
    return -float(np.sqrt(steps).sum())
