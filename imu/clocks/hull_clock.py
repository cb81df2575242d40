"""The exact clock for whole recordings: a line under all arrivals.

A sample's arrival h and its unit's own time d obey h = a + b·d + δ, where the delay δ is never
negative and only its least value is the same from packet to packet. The best line is therefore
not the one through the middle of the points (d, h), which takes half of every delay with it, but
the highest one below all of them: max Σ(a + b·dᵢ) under a + b·dᵢ ≤ hᵢ (Moon, Skelly and Towsley
1999, Estimation and removal of clock skew from network delay measurements, INFOCOM, eq. 4). It
runs along the edge of the lower convex hull that spans the mean of d (Zhang, Liu and Xia 2002,
Clock synchronization algorithms for network measurements, INFOCOM). Here b is also kept to what
clocks are capable of, so that a few seconds cannot make it up.

Temperature bends a clock's line over a session: each epoch is cut into pieces of five to ten
minutes, and times go from the middle of one piece's line to the middle of the next.
"""

from __future__ import annotations

import math

import numpy as np

from imu.sample import FloatArray

PIECE_S = 600.0  # the longest; one piece more and they are all shorter than that


def hull_times(device_s: FloatArray, host_s: FloatArray, max_skew: float) -> FloatArray:
    """Return when the samples of one epoch were measured, on the host's clock.

    Parameters
    ----------
    device_s
        Shape (n,), n at least 1: the unit's own time of each sample, strictly increasing.
    host_s
        Shape (n,): when each arrived.
    max_skew
        By which share the two clocks may run apart.

    Returns
    -------
    numpy.ndarray
        Shape (n,), seconds, late by the least delay; later than the arrival by no more than what
        the clocks bend against each other within a piece.
    """
    device_s = device_s - device_s[0]
    lag_s = host_s - device_s  # of the host clock's size, so the line keeps its digits
    pieces = max(1, math.ceil(device_s[-1] / PIECE_S))
    cuts = np.searchsorted(device_s, device_s[-1] * np.arange(1, pieces) / pieces)
    at = [part for part in np.split(np.arange(len(device_s)), cuts) if len(part)]
    lines = [_line_below(device_s[part], lag_s[part], max_skew) for part in at]
    times: FloatArray = device_s + _joined(lines, device_s)
    return times


_Line = tuple[float, float, float]
"""Where the middle of a piece lies, the line's height there, and its slope."""


def _line_below(x: FloatArray, y: FloatArray, max_slope: float) -> _Line:
    """Return the line below the points that is highest at the mean of x, not too steep."""
    middle = float(np.mean(x))
    corners = lower_hull(x, y)
    x, y = x[corners], y[corners]
    slope = 0.0
    if len(x) > 1:
        right = int(np.clip(np.searchsorted(x, middle), 1, len(x) - 1))
        slope = float((y[right] - y[right - 1]) / (x[right] - x[right - 1]))
        slope = min(max(slope, -max_slope), max_slope)
    return middle, float(np.min(y + slope * (middle - x))), slope


def lower_hull(x: FloatArray, y: FloatArray) -> list[int]:
    """Return which points (n,) are corners of their lower convex hull, from left to right.

    Andrew's monotone chain (1979, Information Processing Letters 9, 216-219); x must increase.
    """
    xs, ys = x.tolist(), y.tolist()
    chain: list[int] = []
    for i, (xi, yi) in enumerate(zip(xs, ys, strict=True)):
        while len(chain) > 1:
            a, b = chain[-2], chain[-1]
            if (xs[b] - xs[a]) * (yi - ys[a]) > (ys[b] - ys[a]) * (xi - xs[a]):
                break
            chain.pop()
        chain.append(i)
    return chain


def _joined(lines: list[_Line], x: FloatArray) -> FloatArray:
    """Return the heights at x: from middle to middle, and along the outer lines beyond them."""
    middles, heights, slopes = np.array(lines).T
    inner = np.interp(x, middles, heights)
    before, after = np.minimum(x - middles[0], 0.0), np.maximum(x - middles[-1], 0.0)
    joined: FloatArray = inner + before * slopes[0] + after * slopes[-1]
    return joined
