"""Heading of two units over a hinge, by optimisation in a sliding window, as published.

Laidig, Lehmann, Bégin, Seel, "Magnetometer-free realtime inertial motion tracking by exploitation
of kinematic constraints in 2-DoF joints", EMBC 2019, and Lehmann, Laidig, Seel, "Magnetometer-free
motion tracking of one-dimensional joints by exploiting kinematic constraints", 2020: the hinge's
axis, seen by either unit, has one heading, which gives the turn δ between their earths. δ is found
by Gauss–Newton over the last 8 s, five times a second, rated by how level the axis was, and passed
through a filter with a drift rate of its own. Written from the papers' equations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imu.sample import FloatArray

WINDOW_S = 8.0
EVERY_S = 0.2
SAMPLES_PER_S = 5.0
ROUNDS = 5
RATING_MIN = 0.4
FILTER_S = 5.0
DRIFT_FILTER_S = 5.0


@dataclass
class _Filter:
    """A first-order filter of an angle that drifts at a slowly changing rate."""

    angle: float
    drift: float = 0.0

    def push(self, measured: float, rating: float) -> float:
        predicted = self.angle + self.drift * EVERY_S
        if rating < RATING_MIN:
            self.angle = predicted
            return predicted
        off = np.angle(np.exp(1j * (measured - predicted)))
        gain = rating * (1.0 - np.exp(-EVERY_S / FILTER_S))
        drift_gain = rating * (1.0 - np.exp(-EVERY_S / DRIFT_FILTER_S)) * gain
        self.angle = predicted + gain * off
        self.drift += drift_gain * off / EVERY_S / 2.0
        return self.angle


def windowed_heading(
    time_s: FloatArray, axis_first: FloatArray, axis_second: FloatArray, start_rad: float
) -> FloatArray:
    """Return the turn δ that brings the second unit's earth to the first one's, shape (n,).

    Parameters
    ----------
    time_s
        Ascending, shape (n,).
    axis_first, axis_second
        The hinge's axis in each unit's own earth, shape (n, 3); NaN in gaps.
    start_rad
        δ at the start.
    """
    heading = [np.arctan2(axis[:, 1], axis[:, 0]) for axis in (axis_first, axis_second)]
    level = np.hypot(axis_first[:, 0], axis_first[:, 1])
    level = level * np.hypot(axis_second[:, 0], axis_second[:, 1])
    apart = heading[0] - heading[1]
    known = ~np.isnan(apart)
    at_s = np.arange(time_s[0], time_s[-1] + EVERY_S, EVERY_S)
    rows = np.searchsorted(time_s[known], at_s).clip(0, known.sum() - 1)
    apart, level = apart[known][rows], level[known][rows]
    width = round(WINDOW_S * SAMPLES_PER_S)
    delta, smooth, out = start_rad, _Filter(start_rad), []
    for last in range(len(at_s)):
        window = slice(max(0, last + 1 - width), last + 1)
        delta = _solved(apart[window], level[window], delta)
        out.append(smooth.push(delta, float(np.mean(level[window]))))
    return np.interp(time_s, at_s, np.unwrap(out))


def _solved(apart: FloatArray, weight: FloatArray, delta: float) -> float:
    """Return δ that minimises the sum of (w · (apart − δ))², by Gauss–Newton from the last one."""
    for _ in range(ROUNDS):
        error = weight * np.angle(np.exp(1j * (apart - delta)))
        step = float(np.sum(weight * error) / max(np.sum(weight**2), 1e-9))
        delta += step
        if abs(step) < 1e-6:
            break
    return delta
