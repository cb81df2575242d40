"""The zeros of angles by heading over a whole recording: the return zero, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analysis.angle.return_zero import ReturnZero
from analysis.angle.uncertainty import sigma_headings
from analysis.leg import LegCalibration
from imu.sample import FloatArray


class Moving(NamedTuple):
    """What renews a zero, (n,) each."""

    time_s: FloatArray
    raw: FloatArray
    """The angle before any zero; NaN where there is none."""
    speed: FloatArray
    in_pose: npt.NDArray[np.bool_]
    known: npt.NDArray[np.bool_]

    def rows(self, c: LegCalibration) -> npt.NDArray[np.intp]:
        """Return the rows with an angle from the calibration on."""
        return np.flatnonzero(self.known & ~np.isnan(self.raw) & (self.time_s >= c.ready_s))

    def of(self, rows: npt.NDArray[np.intp]) -> Iterator[tuple[int, float, float, float, bool]]:
        """Return row, time, angle, speed and whether in the start pose, of each row."""
        columns = (self.time_s, self.raw, self.speed, self.in_pose)
        return zip(rows.tolist(), *(column[rows].tolist() for column in columns), strict=True)


def slopes_as_in_pose(
    c: LegCalibration, thigh_up: FloatArray, shank_elevation: FloatArray
) -> npt.NDArray[np.bool_]:
    """Return where (n,) thigh and shank slope about as in the start pose.

    `thigh_up` is the vertical component of the femur's long axis.
    """
    off_thigh = np.abs(np.arcsin(np.clip(-thigh_up, -1.0, 1.0)) - c.thigh_elevation_rad)
    off_shank = np.abs(shank_elevation - c.shank_elevation_rad)
    out: npt.NDArray[np.bool_] = np.maximum(off_thigh, off_shank) < ReturnZero.OUT_RAD
    return out


def pelvis_rezeroed(c: LegCalibration, moving: Moving) -> FloatArray:
    """Return what a pelvis added to an angle by heading (n,), from its own zero."""
    zero, out = ReturnZero(0.0, c.zeroed_s), np.full(len(moving.raw), np.nan)
    for row, t, angle, v, in_pose in moving.of(moving.rows(c)):
        out[row] = zero.push(t, angle, v, in_pose=in_pose)
    return out


def rezeroed(
    c: LegCalibration, moving: Moving, *, refine: bool
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Run the same `ReturnZero` over a recording; before calibration ended there is no angle.

    Returns
    -------
    tuple
        The angle, its σ, the zero, and where that is lost, (n,) each.
    """
    time_s, raw = moving.time_s, moving.raw
    zero = ReturnZero(c.zero_rad, c.zeroed_s)
    rotation, since_s, offset = (np.full(len(raw), np.nan) for _ in range(3))
    lost = np.zeros(len(raw))
    # when the zero was where, and whether a return showed it; at a loss it is only left there
    known = [(zero.since_s, zero.offset_rad, True)]
    rows = moving.rows(c)
    for row, t, angle, v, in_pose in moving.of(rows):
        was_lost = zero.is_lost
        rotation[row] = zero.push(t, angle, v, in_pose=in_pose)
        offset[row], since_s[row], lost[row] = zero.offset_rad, zero.since_s, zero.is_lost
        if zero.is_lost and not was_lost:  # nothing runs from there to the next zero
            known.append((t, zero.offset_rad, False))
        if zero.since_s > known[-1][0]:
            known.append((zero.since_s, zero.target_rad, True))
    since = time_s - since_s
    if refine and len(rows):
        at_s, targets, is_return = (np.array(column) for column in zip(*known, strict=True))
        offset[rows] = np.interp(time_s[rows], at_s, np.unwrap(targets))
        rotation[rows] = wrapped(raw[rows] - offset[rows])
        again_s = np.append(np.where(is_return, at_s, np.inf), np.inf)  # a loss shows nothing
        until = again_s[np.searchsorted(at_s, time_s[rows])] - time_s[rows]
        since[rows] = np.minimum(since[rows], until)
    sigma = np.where(np.isnan(since), np.nan, sigma_headings(since))
    return rotation, sigma, offset, lost


def wrapped(angle: FloatArray) -> FloatArray:
    """Return angles (n,) in rad between -π and π."""
    return angle - 2.0 * np.pi * np.round(angle / (2.0 * np.pi))
