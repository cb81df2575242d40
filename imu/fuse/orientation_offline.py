"""Orientation with the future known: for recordings of units that do not fuse on board.

`imu.fuse.orientation.fuse` runs forwards, as live does; here vqf runs over each unbroken stretch in
both directions (offlineVQF, Laidig and Seel 2023: 0.5° against 0.7° of inclination error on BROAD).
What it cannot know, the turn of the heading from one stretch to the next, is the forward run's.
"""

from __future__ import annotations

import numpy as np
from vqf import offlineVQF

from imu.fuse.orientation import FILL_S, fuse
from imu.quaternion import conjugate_array, from_axis_angle_array, multiply_array
from imu.sample import BoolArray, FloatArray

STRETCH_MIN_S = 3.0
"""The time constant of vqf: a shorter stretch knows no more than the forward run."""


def fuse_offline(
    time_s: FloatArray, acc: FloatArray, gyr: FloatArray, rate_hz: float
) -> tuple[FloatArray, BoolArray]:
    """Return the orientation of one unit over a whole recording, in both directions of time.

    Parameters
    ----------
    time_s, acc, gyr, rate_hz
        As of `imu.fuse.orientation.fuse`.

    Returns
    -------
    q : numpy.ndarray
        Shape (n, 4), wxyz, sensor → earth.
    valid : numpy.ndarray
        Shape (n,). Stretches that are too short keep what the forward run says.
    """
    q, valid = fuse(time_s, acc, gyr, rate_hz, "vqf")
    usable = np.isfinite(acc).all(axis=1) & np.isfinite(gyr).all(axis=1)
    rows = np.flatnonzero(usable)
    breaks = np.flatnonzero(np.diff(time_s[rows]) > FILL_S) + 1
    turn_rad, apart_before_rad = 0.0, 0.0
    for stretch in np.split(rows, breaks):
        if not len(stretch) or time_s[stretch[-1]] - time_s[stretch[0]] < STRETCH_MIN_S:
            continue
        found = _stretch(time_s[stretch], acc[stretch], gyr[stretch], rate_hz)
        apart_rad = _headings_apart(q[stretch], found)
        known = ~np.isnan(apart_rad)
        if known.any():
            turn_rad += float(apart_rad[known][0]) - apart_before_rad
            apart_before_rad = float(apart_rad[known][-1])
        vertical = from_axis_angle_array(np.array([0.0, 0.0, 1.0]), np.array(turn_rad))
        q[stretch] = multiply_array(np.broadcast_to(vertical, found.shape), found)
        valid[stretch] = True
    return q, valid


def _stretch(time_s: FloatArray, acc: FloatArray, gyr: FloatArray, rate_hz: float) -> FloatArray:
    """Return orientations at the samples; single lost samples are filled by straight lines."""
    at = np.rint((time_s - time_s[0]) * rate_hz).astype(np.int64)
    grid = np.arange(at[-1] + 1)
    full_acc, full_gyr = (
        np.ascontiguousarray(np.stack([np.interp(grid, at, column) for column in raw.T], axis=1))
        for raw in (acc, gyr)
    )
    fused = offlineVQF(full_gyr, full_acc, None, 1.0 / rate_hz, None)
    found: FloatArray = fused["quat6D"][at]
    return found


def _headings_apart(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the turns (n,) about the vertical from orientations b to a, (n, 4) each."""
    apart = multiply_array(a, conjugate_array(b))
    return 2.0 * np.arctan2(apart[:, 3], apart[:, 0])
