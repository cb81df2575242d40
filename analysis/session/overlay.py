"""All repetitions of a leg laid over each other, and their mean ± SD."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from imu.sample import FloatArray

POINTS = 101
"""One for each percent of a repetition's duration."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """The valid repetitions of one leg over their own duration; degrees, NaN in gaps."""

    percent: FloatArray
    """Shape (101,), 0 at the start of a repetition, 100 at its end."""
    reps_deg: FloatArray
    """Shape (repetitions, 101)."""

    @property
    def mean_deg(self) -> FloatArray:
        """Return the mean of the repetitions, shape (101,)."""
        with warnings.catch_warnings():  # all repetitions may have a gap at one percent
            warnings.simplefilter("ignore", RuntimeWarning)
            mean: FloatArray = np.nanmean(self.reps_deg, axis=0)
        return mean

    @property
    def sd_deg(self) -> FloatArray:
        """Return the sample SD of the repetitions, shape (101,); NaN of fewer than two."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            sd: FloatArray = np.nanstd(self.reps_deg, axis=0, ddof=1)
        return sd


def overlay(angles: pd.DataFrame, reps: pd.DataFrame, side: str) -> Overlay:
    """Return the valid repetitions of a leg, each stretched to 0-100 % of its duration.

    Parameters
    ----------
    angles, reps
        The tables of a session.
    side
        `left` or `right`.
    """
    rows = angles[angles["side"] == side]
    time_s = rows["time_s"].to_numpy(float)
    angle_deg = rows["hip_internal_rotation_deg"].to_numpy(float)
    valid = reps[(reps["side"] == side) & (reps["status"] == "valid")]
    percent = np.linspace(0.0, 100.0, POINTS)
    traces = [
        _resampled(time_s, angle_deg, start + (end - start) * percent / 100.0)
        for start, end in zip(valid["start_s"], valid["end_s"], strict=True)
    ]
    return Overlay(percent, np.array(traces, dtype=np.float64).reshape(-1, POINTS))


def _resampled(time_s: FloatArray, angle_deg: FloatArray, at_s: FloatArray) -> FloatArray:
    """Return the angle at moments; NaN where the sample before or after is."""
    after = np.clip(np.searchsorted(time_s, at_s), 1, len(time_s) - 1)
    share = np.clip(
        (at_s - time_s[after - 1]) / np.maximum(time_s[after] - time_s[after - 1], 1e-9), 0.0, 1.0
    )
    out: FloatArray = angle_deg[after - 1] * (1.0 - share) + angle_deg[after] * share
    return out
