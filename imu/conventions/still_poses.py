"""Finds the moments at which one unit is still, sample by sample."""

from __future__ import annotations

import math
from typing import NamedTuple

from imu.quaternion import Quaternion, Vector
from imu.sample import Sample

STILL_S = 1.0
STILL_COS = math.cos(math.radians(2.0) / 2.0)
"""Of half of 2°: a unit at rest wanders less in a second, and a hand that carries it more."""
STILL_MPS2 = 0.6
"""Of each axis: some ten times the noise of such accelerometers."""
BREAK_S = 0.5
"""After such a silence nothing is known of what came before."""


class Pose(NamedTuple):
    """A unit while it lay still."""

    time_ns: int
    """Host time at which it had been still for a second."""
    q: Quaternion
    """At that time, sensor → earth."""
    acc: Vector | None
    """Mean of the second in m/s²; None where the unit sends none."""


class StillPoses:
    """Takes the samples of one unit and returns a pose once for each time that it lies still."""

    def __init__(self) -> None:
        self._first: Sample | None = None
        """What the samples since are compared with."""
        self._newest_ns = 0
        self._sum = (0.0, 0.0, 0.0)
        self._count = 0
        self._told = False

    @property
    def since_ns(self) -> int | None:
        """Return since when the unit has been still; None before its first sample."""
        return None if self._first is None else self._first.host_time_ns

    def push(self, sample: Sample) -> Pose | None:
        """Take an oriented sample; return a pose when the unit has just been still for long."""
        if sample.q is None:
            return None
        first, silent_s = self._first, (sample.host_time_ns - self._newest_ns) * 1e-9
        self._newest_ns = sample.host_time_ns
        if first is None or silent_s > BREAK_S or _moved(first, sample):
            self._first, self._told = sample, False
            self._sum, self._count = (0.0, 0.0, 0.0), 0
            first = sample
        if self._told:
            return None
        if sample.acc is not None:
            x, y, z = self._sum
            self._sum = (x + sample.acc[0], y + sample.acc[1], z + sample.acc[2])
            self._count += 1
        if (sample.host_time_ns - first.host_time_ns) * 1e-9 < STILL_S:
            return None
        self._told = True
        x, y, z = self._sum
        n = self._count
        return Pose(sample.host_time_ns, sample.q, (x / n, y / n, z / n) if n else None)


def _moved(first: Sample, now: Sample) -> bool:
    """Return whether a unit was turned or accelerated since; every live sample passes here."""
    a, b = first.q, now.q
    assert a is not None  # noqa: S101 (only oriented samples are kept)
    assert b is not None  # noqa: S101
    if abs(a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3]) < STILL_COS:
        return True
    c, d = first.acc, now.acc
    if c is None or d is None:
        return False
    x, y, z = c[0] - d[0], c[1] - d[1], c[2] - d[2]
    return abs(x) > STILL_MPS2 or abs(y) > STILL_MPS2 or abs(z) > STILL_MPS2
