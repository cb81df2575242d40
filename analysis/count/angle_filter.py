"""What the rep machine sees of an angle: a fast trace, a slow slope, how long it has been quiet.

Two filters of two equal poles each, one sample at a time. The fast one decides thresholds, 64 ms
late; the slope of the slow one decides what is quiet, because the raw rate of a 4 Hz tremor of one
degree is 25 °/s and would never be.
"""

from __future__ import annotations

import math
from collections import deque

FAST_HZ = 5.0
SLOW_HZ = 1.5
SLOPE_S = 0.3
"""The slope is taken over this long."""
STEADY_DEG = 0.5
SAME_STEP_S = 1e-6
"""Steps that differ by less share their filter gains; a regular clock jitters by rounding."""


class SmoothedAngle:
    """Follows an angle in degrees; memory holds a slope's length of samples and no more."""

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
