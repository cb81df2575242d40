"""Methods of others by their own packages, where they are installed: `pip install -e .[peers]`.

`qmt` corrects the heading over a hinge in a sliding window (Laidig et al., EMBC 2019);
`benchmarks.accuracy.windowed` is the same written again from its papers, for where qmt is missing.
`imufusion` makes orientations from raw data (Madgwick's revised filter).
"""

from __future__ import annotations

import importlib.util

import numpy as np

from imu.quaternion import by_rows, conjugate, multiply
from imu.sample import FloatArray, SampleTable

QMT_RATE_HZ = 60.0
"""qmt wants a steady rate that its own 5 Hz divides."""
G_MPS2 = 9.80665


def installed(name: str) -> bool:
    """Return whether a package is there."""
    return importlib.util.find_spec(name) is not None


def qmt_heading(
    time_s: FloatArray, quaternions: tuple[FloatArray, FloatArray], axes: tuple[FloatArray, ...]
) -> FloatArray:
    """Return the turn δ (n,) in rad that brings the second unit's earth to the first one's.

    Parameters
    ----------
    time_s
        Ascending, shape (n,).
    quaternions
        Unit → its own earth, wxyz, shape (n, 4) each; NaN in gaps.
    axes
        The hinge's axis in each unit, shape (3,) each.
    """
    import qmt

    known = ~np.isnan(quaternions[0][:, 0]) & ~np.isnan(quaternions[1][:, 0])
    count = int((time_s[known][-1] - time_s[known][0]) * QMT_RATE_HZ)
    at_s = time_s[known][0] + np.arange(count) / QMT_RATE_HZ
    nearest = np.searchsorted(time_s[known], at_s).clip(0, known.sum() - 1)
    # both units turned so that their z is the hinge
    turned = [
        by_rows(multiply, q[known][nearest], np.broadcast_to(_to_axis(axis), (count, 4)))
        for q, axis in zip(quaternions, axes, strict=True)
    ]
    rates = [_rates(q) for q in turned]
    steady_s = np.arange(count) / QMT_RATE_HZ
    found = qmt.headingCorrection(*rates, *turned, steady_s, np.array([0.0, 0.0, 1.0]), {})
    filtered = np.unwrap(np.asarray(found[2], float).ravel())
    at = (
        at_s[: len(filtered)]
        if len(filtered) == count
        else np.linspace(*at_s[[0, -1]], len(filtered))
    )
    delta: FloatArray = np.interp(time_s, at, filtered)
    return delta


def _to_axis(axis: FloatArray) -> FloatArray:
    """Return the shortest turn of z onto an axis, wxyz."""
    x, y, z = axis / np.linalg.norm(axis)
    q = np.array([1.0 + z, -y, x, 0.0])
    turn: FloatArray = q / np.linalg.norm(q)
    return turn


def _rates(q: FloatArray) -> FloatArray:
    """Return how fast orientations turn, rad/s in the unit's own axes, shape (n, 3)."""
    step = by_rows(multiply, by_rows(conjugate, q[:-1]), q[1:])
    step = step * np.where(step[:, :1] < 0.0, -1.0, 1.0)
    return np.vstack((2.0 * step[:, 1:] * QMT_RATE_HZ, np.zeros((1, 3))))


def imufusion_orientations(table: SampleTable, units: int) -> SampleTable:
    """Return the samples with orientations that imufusion makes of their raw data."""
    from dataclasses import replace

    import imufusion

    q = np.full_like(table.q, np.nan)
    for unit in range(units):
        rows = np.flatnonzero((table.unit == unit) & ~np.isnan(table.acc[:, 0]))
        ahrs = imufusion.Ahrs()
        ahrs.set_sample_period(float(np.mean(np.diff(table.host_time_ns[rows]))) * 1e-9)
        for row in rows:
            ahrs.update_no_magnetometer(np.degrees(table.gyr[row]), table.acc[row] / G_MPS2)
            q[row] = ahrs.get_quaternion()
    return replace(table, q=q)
