"""What losses do to the error: the same wearers with and without them, at the same instants.

Over a gap the truth moves on, and with it whatever error goes with the movement (the shin's skin
lags a share of it). A gap does harm where the error behind it is not what it would be without.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pandas as pd

from benchmarks.accuracy.methods import ours
from benchmarks.accuracy.worn import Worn, side_of, worn
from imu.sample import FloatArray
from imu.virtual.wearer import WearerSettings

RATES_HZ = (60.0, 25.0)
Job = tuple[str, int, float]


def table(options: argparse.Namespace, pool: ProcessPoolExecutor) -> pd.DataFrame:
    """Return the largest figures of each exercise and rate, in degrees."""
    jobs = [
        (exercise, options.seeds + i, rate_hz)
        for rate_hz in RATES_HZ
        for exercise in options.exercise
        for i in range(options.wearers)
    ]
    rows = pd.DataFrame(list(pool.map(measured, jobs)))
    found = rows.groupby(["rate Hz", "exercise"], sort=False)
    return found.agg(
        **{
            "wearers": ("gaps", "size"),
            "gaps": ("gaps", "sum"),
            "neighbours": ("neighbours", "max"),
            "over gaps": ("over", "max"),
            "same time, no loss": ("no_loss", "max"),
            "a gap adds": ("adds", "max"),
            "loss adds, any frame": ("anywhere", "max"),
        }
    ).reset_index()


def measured(job: Job) -> dict[str, object]:
    """Return the largest figures of one wearer at one rate, with and without losses, degrees."""
    exercise, seed, rate_hz = job
    side = side_of(seed)
    session = worn(exercise, side, seed, WearerSettings(rate_hz=rate_hz))
    spared = worn(exercise, side, seed, WearerSettings(rate_hz=rate_hz, loss_share=0.0))
    error, whole = _error(session), _error(spared)
    known = ~np.isnan(whole)
    time_s = session.frames.time_s
    without = np.interp(time_s, spared.frames.time_s[known], whole[known])
    rows = np.flatnonzero(session.in_set & ~np.isnan(error))
    behind = np.flatnonzero(np.diff(rows) > 1)
    first, last = rows[behind + 1], rows[behind]
    beside = np.abs(np.diff(error[rows]))[np.diff(rows) == 1]
    change, unharmed = error[first] - error[last], without[first] - without[last]
    return {
        "rate Hz": rate_hz,
        "exercise": exercise,
        "gaps": len(behind),
        "neighbours": _largest(beside),
        "over": _largest(change),
        "no_loss": _largest(unharmed),
        "adds": _largest(change - unharmed),
        "anywhere": _largest((error - without)[rows]),
    }


def _error(session: Worn) -> FloatArray:
    return ours(session)[0] - session.truth_deg


def _largest(values: FloatArray) -> float:
    return float(np.max(np.abs(values), initial=0.0))
