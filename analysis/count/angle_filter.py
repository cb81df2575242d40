"""What the rep machine sees of an angle: a fast trace, a slow slope, how long it has been quiet.

Two filters of two equal poles each, one sample at a time. The fast one decides thresholds, 64 ms
late; the slope of the slow one decides what is quiet, because the raw rate of a 4 Hz tremor of one
degree is 25 °/s and would never be.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import numpy as np
from scipy.signal import lfilter

from imu.sample import BoolArray, FloatArray

FAST_HZ = 5.0
SLOW_HZ = 1.5
SLOPE_S = 0.3
"""The slope is taken over this long."""
STEADY_DEG = 0.5
SAME_STEP_S = 1e-6
"""Steps that differ by less share their filter gains; a regular clock jitters by rounding."""


class SmoothedRun(NamedTuple):
    """What `SmoothedAngle` is after each of the samples of a run, name by name."""

    fast: list[float]
    slope: list[float]
    quiet_from: list[float]
    rising_from: list[float]
    steady_from: list[float]


class SmoothedAngle:
    """Follows an angle in degrees; memory holds a slope's length of samples and no more."""

    __slots__ = (
        "_dt",
        "_fast1",
        "_fast_gain",
        "_past",
        "_quiet_dps",
        "_slow",
        "_slow1",
        "_slow_gain",
        "fast",
        "quiet_from",
        "rising_from",
        "slope",
        "steady_at",
        "steady_from",
        "time_s",
    )

    def __init__(self, quiet_dps: float) -> None:
        """Call slower than `quiet_dps` quiet."""
        self._quiet_dps = quiet_dps
        self._dt = self._fast_gain = self._slow_gain = 0.0
        self._past: deque[tuple[float, float]] = deque()
        self.restart(-math.inf, 0.0)

    def restart(self, time_s: float, angle_deg: float) -> None:
        """Forget the past and begin at an angle, neither moving nor quiet."""
        self.time_s = time_s
        self.fast = self._fast1 = self._slow = self._slow1 = angle_deg
        self.slope = 0.0
        """Slow slope in degrees a second."""
        self.quiet_from = math.inf
        """Since when the slope has been quiet; infinity while it is not."""
        self.rising_from = time_s
        """When the fast trace last did not rise."""
        self.steady_at, self.steady_from = angle_deg, math.inf
        """Where the fast trace has stayed, and since when; sooner than the slope after a quick
        stroke, but a tremor never stays."""
        self._past.clear()
        self._past.append((time_s, angle_deg))

    def keep_step(self, dt: FloatArray) -> BoolArray:
        """Return which steps (n,), in seconds, are as long as the last one."""
        return (dt - self._dt > -SAME_STEP_S) & (dt - self._dt < SAME_STEP_S)

    def push_run(self, time_s: FloatArray, angle_deg: FloatArray) -> SmoothedRun:
        """Take samples (n,) whose steps are all as long as the last one: `push` in numpy."""
        before, quiet_before = self.fast, self.quiet_from != math.inf
        self._fast1, first = followed(self._fast1, angle_deg, self._fast_gain)
        self.fast, fast = followed(self.fast, first, self._fast_gain)
        self._slow1, slow1 = followed(self._slow1, angle_deg, self._slow_gain)
        self._slow, slow = followed(self._slow, slow1, self._slow_gain)
        slope = self._slopes(time_s, slow)
        quiet = (slope > -self._quiet_dps) & (slope < self._quiet_dps)
        began = quiet & ~np.concatenate(([quiet_before], quiet[:-1]))
        fell = fast <= np.concatenate(([before], fast[:-1]))
        run = SmoothedRun(
            fast.tolist(),
            slope.tolist(),
            np.where(quiet, _latest(time_s, began, self.quiet_from), math.inf).tolist(),
            _latest(time_s, fell, self.rising_from).tolist(),
            self._steadied(time_s.tolist(), fast.tolist()),
        )
        self.time_s, self.slope = float(time_s[-1]), run.slope[-1]
        self.quiet_from, self.rising_from = run.quiet_from[-1], run.rising_from[-1]
        return run

    def _steadied(self, time_s: list[float], fast: list[float]) -> list[float]:
        """Return since when the fast trace has stayed where it is, at each sample of a run."""
        at, since, found = self.steady_at, self.steady_from, []
        for t, x in zip(time_s, fast, strict=True):
            if not -STEADY_DEG < x - at < STEADY_DEG:
                at, since = x, t
            found.append(since)
        self.steady_at, self.steady_from = at, since
        return found

    def _slopes(self, now: FloatArray, slow: FloatArray) -> FloatArray:
        """Return the slow slope at each sample of a run, and keep what the next one needs."""
        past = self._past
        past_s = np.concatenate(([t for t, _ in past], now))
        values = np.concatenate(([value for _, value in past], slow))
        then = np.maximum(np.searchsorted(past_s, now - SLOPE_S + SAME_STEP_S, "right") - 1, 0)
        span = now - past_s[then]
        rest = slice(int(then[-1]), None)
        self._past = deque(zip(past_s[rest].tolist(), values[rest].tolist(), strict=True))
        slope: FloatArray = (values[len(past) :] - values[then]) / np.maximum(span, SLOPE_S / 2)
        return slope

    def push(self, time_s: float, angle_deg: float) -> None:
        """Take one sample, later than the last."""
        dt = time_s - self.time_s
        self.time_s = time_s
        if not -SAME_STEP_S < dt - self._dt < SAME_STEP_S:
            self._dt = dt
            self._fast_gain = 1.0 - math.exp(-2.0 * math.pi * FAST_HZ * dt)
            self._slow_gain = 1.0 - math.exp(-2.0 * math.pi * SLOW_HZ * dt)
        gain, before = self._fast_gain, self.fast
        keep = 1.0 - gain
        fast1 = self._fast1 = keep * self._fast1 + gain * angle_deg
        fast = self.fast = keep * before + gain * fast1
        if not -STEADY_DEG < fast - self.steady_at < STEADY_DEG:
            self.steady_at, self.steady_from = fast, time_s
        if fast <= before:
            self.rising_from = time_s
        gain = self._slow_gain
        keep = 1.0 - gain
        slow1 = self._slow1 = keep * self._slow1 + gain * angle_deg
        slow = self._slow = keep * self._slow + gain * slow1
        past = self._past
        past.append((time_s, slow))
        since = time_s - SLOPE_S + SAME_STEP_S
        while past[1][0] <= since:
            past.popleft()
        then_s, then = past[0]
        span = time_s - then_s
        slope = self.slope = (slow - then) / (span if span > SLOPE_S / 2 else SLOPE_S / 2)
        quiet_dps = self._quiet_dps
        if not -quiet_dps < slope < quiet_dps:
            self.quiet_from = math.inf
        elif self.quiet_from == math.inf:
            self.quiet_from = time_s


def followed(start: float, values: FloatArray, gain: float) -> tuple[float, FloatArray]:
    """Return the last and all values of a pole that follows values (n,) from a start."""
    keep = 1.0 - gain
    out: FloatArray = lfilter([gain], [1.0, -keep], values, zi=[keep * start])[0]
    return float(out[-1]), out


def _latest(time_s: FloatArray, marked: BoolArray, before: float) -> FloatArray:
    """Return the last marked time up to each sample, (n,); `before` where there is none."""
    last = np.maximum.accumulate(np.where(marked, np.arange(len(time_s)), -1))
    return np.where(last >= 0, time_s[last], before)
