"""Time stamps that several samples share: the samples of one packet, or of one rounded instant.

A repeated row says nothing new and falls; a new row with an old stamp was measured at a time of
its own, which is somewhere between two stamps.
"""

from __future__ import annotations

import numpy as np

from imu.sample import BoolArray, FloatArray

GAP_STEPS = 1.5
"""A packet that spans more than this many usual packets came after a loss."""
TIED_MOST = 0.05
"""Of stamps that tell samples apart fewer than this share are those of another sample."""


def repeats(time_s: FloatArray, *values: FloatArray) -> BoolArray:
    """Return which rows say again, stamp and all, what the row before said, shape (n,).

    A unit that lies still says the same in every sample of a packet. Where many rows share a stamp
    they are repeats only when nearly all of them are.
    """
    again = np.zeros(len(time_s), dtype=np.bool_)
    if len(time_s) > 1:
        again[1:] = np.diff(time_s) == 0
        for columns in values:
            again[1:] &= (columns[1:] == columns[:-1]).all(axis=1)
    tied = tied_share(time_s)
    if tied > TIED_MOST and np.sum(again) < (1.0 - TIED_MOST) * tied * len(time_s):
        again[:] = False
    return again


def tied_share(time_s: FloatArray) -> float:
    """Return which share of steps (n,) of a clock is none, though a sample came."""
    return float(np.mean(np.diff(time_s) == 0)) if len(time_s) > 1 else 0.0


def spread(time_s: FloatArray) -> FloatArray:
    """Return times with the samples of each shared stamp spread evenly over its packet.

    Parameters
    ----------
    time_s
        Shape (n,), in the order of the file.

    Returns
    -------
    numpy.ndarray
        Shape (n,). The last sample of a packet keeps the packet's stamp, the others come evenly
        between the packet before and it. After a loss, and in the first packet, they come at the
        usual rate; a packet that ends the recording begins at the usual rate, because it may be
        cut.
    """
    n = len(time_s)
    first = np.flatnonzero(np.concatenate(([True], np.diff(time_s) != 0)))
    if len(first) in (n, 1):
        return time_s
    size = np.diff(np.append(first, n))
    step_s = np.diff(time_s[first])
    forward = step_s > 0
    if not forward.any():
        return time_s
    usual_s = float(np.median((step_s / size[1:])[forward]))
    longest_s = GAP_STEPS * float(np.median(step_s[forward]))
    apart_s = np.concatenate(([usual_s], step_s / size[1:]))
    after_loss = np.concatenate(([True], (step_s <= 0) | (step_s > longest_s)))
    apart_s[after_loss] = usual_s
    before_end = np.repeat(size, size) - 1 - (np.arange(n) - np.repeat(first, size))
    out: FloatArray = time_s - before_end * np.repeat(apart_s, size)
    if apart_s[-1] > GAP_STEPS * usual_s and not after_loss[-1]:
        tail = slice(int(first[-1]), n)
        out[tail] = time_s[first[-2]] + usual_s * np.arange(1, int(size[-1]) + 1)
    return out
