"""Acceleration and rotation rate → orientation, for units that do not fuse on board.

`HostFilter` takes one sample at a time, `fuse` a whole recording; both go through the same steps
and give the same quaternions. The earth's z points up; the heading is arbitrary.

What happens at a gap, and why (inclination errors at 60 Hz in simulated leg swings that peak at
120, 390 and 800 °/s; without a gap they are 1.0, 1.6 and 2.5°):

* Neighbours up to 100 ms apart: the lost samples are filled by straight lines. Adds at most 0.7°.
* Up to 250 ms: filled likewise, since that is still the best guess. 200 ms add 0.1, 2.5 and 11°, so
  where the unit turned faster than 120 °/s on either side it is not valid until settled.
* Longer: the turn is unknown (filling 500 ms is 4, 40 and 107° wrong). The heading is kept as it
  was, the inclination is taken afresh from gravity, and nothing is valid until settled.
* The errors of short gaps add up: where more than 5 % of the last seconds were filled, the
  orientation is not valid until settled either.

A recording's start must settle too. Half a second of stillness settles, since it shows gravity
exactly. In motion it takes twice the filter's time constant, 6 s, for wrongly filled samples to be
forgotten; a fresh inclination is as good as it gets after 3 s with vqf (1.2, 2.2 and 3.7°) and 6 s
with the others. The heading after a gap that was not filled may differ from the one before.
"""

from __future__ import annotations

import math

import numpy as np

from imu.fuse.orientation_filters import TAU_S, FilterName, OrientationFilter, make_filter
from imu.quaternion import Number, Quaternion, Truth, Vector, Xyz, xyz
from imu.sample import BoolArray, FloatArray, IntArray

__all__ = ["FilterName", "HostFilter", "fuse", "missing_before"]

FILL_S = 0.1
BRIDGE_S = 0.25
FILL_SLOW_RADPS = math.radians(120.0)
FILL_SLOW_SHARE = 0.5  # what a slow gap counts; its error is a quarter of a fast one's
FORGET_S = 2.0 * TAU_S
STILL_S = 0.5
FILLED_SHARE_MAX = 0.05
# Still: gyroscopes rest at up to 2 °/s and standing people sway by as much.
STILL_GYR_RADPS = math.radians(5.0)
STILL_ACC_MPS2 = 0.5
GRAVITY_MPS2 = 9.81
# Beyond any unit we know (±4000 °/s, ±32 g): no measurement.
ACC_LIMIT_MPS2 = 1000.0
GYR_LIMIT_RADPS = 100.0
RATE_LIMITS_HZ = (1.0, 10_000.0)
_ROUNDING_S = 1e-9


class HostFilter:
    """Orientation of one unit, sample by sample.

    Parameters
    ----------
    name : str
        `vqf`, `madgwick`, `mahony` or `ekf`.
    rate_hz : float
        Samples per second, the unit's true rate rather than its nominal one: 1 % of error turns
        90° into 90.9°. Below 30 Hz expect inclination errors of several degrees.

    Attributes
    ----------
    valid : bool
        Whether the orientation after the last `update` can be relied on.

    Raises
    ------
    ValueError
        When the name or the rate is none we can work with.
    """

    def __init__(self, name: FilterName, rate_hz: float) -> None:
        if not RATE_LIMITS_HZ[0] <= rate_hz <= RATE_LIMITS_HZ[1]:
            raise ValueError(f"rate_hz is {rate_hz}; it must be from 1 to 10000")
        self._filter: OrientationFilter = make_filter(name, rate_hz)
        self._rate_hz = rate_hz
        self._last: tuple[Vector, Vector] | None = None
        self._unusable = 0  # samples since the last usable one
        self._filled_s = 0.0  # time filled lately, forgotten exponentially over FORGET_S
        self._since_gap = 0
        self._still = _StillRun(math.ceil(STILL_S * rate_hz))
        self._settling = 0  # samples until settled
        self._unsettle(self._filter.converges_s)
        self.valid = False

    def update(self, acc: Vector, gyr: Vector, missing: int = 0) -> Quaternion | None:
        """Take one sample.

        Parameters
        ----------
        acc : Vector
            Specific force in m/s², sensor frame.
        gyr : Vector
            Rotation rate in rad/s, sensor frame.
        missing : int
            Samples lost between the one before and this, see `missing_before`.

        Returns
        -------
        Quaternion or None
            Sensor → earth, wxyz; None for a sample that cannot be (NaN, infinite, out of any
            unit's range, no acceleration at all), which counts as lost.
        """
        missing += self._unusable
        if _unusable(acc, gyr):
            self._unusable = missing + 1
            self.valid = False
            return None
        self._unusable = 0
        if missing and self._last is not None:
            self._cross(missing, self._last, (acc, gyr))
        if self._settling:
            self._settle(acc, gyr)
        self._last = (acc, gyr)
        self._since_gap += 1
        self.valid = not self._settling
        return self._filter.step(acc, gyr)

    def _cross(
        self, missing: int, before: tuple[Vector, Vector], after: tuple[Vector, Vector]
    ) -> None:
        """Get over a gap: fill it or start again."""
        gap_s = (missing + 1) / self._rate_hz
        self._filled_s *= math.exp(-self._since_gap / (FORGET_S * self._rate_hz))
        self._since_gap = 0
        if gap_s > BRIDGE_S + _ROUNDING_S:
            self._filter.restart()
            self._unsettle(self._filter.converges_s)
            return
        for lost in range(1, missing + 1):
            share = lost / (missing + 1)
            self._filter.step(
                _between(before[0], after[0], share), _between(before[1], after[1], share)
            )
        fast = max(math.hypot(*before[1]), math.hypot(*after[1])) > FILL_SLOW_RADPS
        self._filled_s += (1.0 if fast else FILL_SLOW_SHARE) * missing / self._rate_hz
        long = gap_s > FILL_S + _ROUNDING_S
        if (long and fast) or self._filled_s > FILLED_SHARE_MAX * FORGET_S:
            self._unsettle(FORGET_S)

    def _unsettle(self, duration_s: float) -> None:
        self._settling = max(self._settling, math.ceil(duration_s * self._rate_hz))
        self._still.clear()

    def _settle(self, acc: Vector, gyr: Vector) -> None:
        self._settling -= 1
        gravity = self._still.push(acc, gyr)
        if gravity is not None:
            self._filter.level(gravity)
            self._settling = 0
        if not self._settling:
            self._filled_s = 0.0

    def _run(self, acc: FloatArray, gyr: FloatArray) -> FloatArray:
        """Take usable samples (n, 3) without a gap, settled: `update` of each, 8.4 times as fast.

        An hour at 60 Hz takes vqf 0.13 s so and 1.1 s sample by sample.
        """
        self._since_gap += len(acc)
        self._last = (_vector(acc[-1]), _vector(gyr[-1]))
        return self._filter.run(acc, gyr)


class _StillRun:
    """Watches for a unit at rest, `needed` samples long."""

    def __init__(self, needed: int) -> None:
        self._needed = needed
        self._run: list[Vector] = []

    def clear(self) -> None:
        self._run = []

    def push(self, acc: Vector, gyr: Vector) -> Vector | None:
        """Return the mean specific force once the run is long enough."""
        still = (
            math.hypot(*gyr) < STILL_GYR_RADPS
            and abs(math.hypot(*acc) - GRAVITY_MPS2) < STILL_ACC_MPS2
        )
        if not still or (self._run and math.dist(acc, self._run[0]) > STILL_ACC_MPS2):
            self._run = []
        if not still:
            return None
        self._run.append(acc)
        if len(self._run) < self._needed:
            return None
        x, y, z = (
            math.fsum(component) / len(self._run) for component in zip(*self._run, strict=True)
        )
        return (x, y, z)


def missing_before(step_s: float, rate_hz: float) -> int:
    """Return how many samples were lost between two that are `step_s` apart."""
    return max(0, round(step_s * rate_hz) - 1)


def fuse(
    time_s: FloatArray,
    acc: FloatArray,
    gyr: FloatArray,
    rate_hz: float,
    filter: FilterName = "vqf",
) -> tuple[FloatArray, BoolArray]:
    """Return the orientation of one unit over a whole recording, forwards in time.

    Parameters
    ----------
    time_s : numpy.ndarray
        Shape (n,), strictly increasing: the samples' own times, lost ones missing.
    acc : numpy.ndarray
        Shape (n, 3), specific force in m/s², sensor frame.
    gyr : numpy.ndarray
        Shape (n, 3), rotation rate in rad/s, sensor frame.
    rate_hz : float
        Samples per second, see `HostFilter`.
    filter : str
        `vqf`, `madgwick`, `mahony` or `ekf`. The last three take some 50 to 120 µs a sample.

    Returns
    -------
    q : numpy.ndarray
        Shape (n, 4), wxyz, sensor → earth; NaN for samples that cannot be.
    valid : numpy.ndarray
        Shape (n,), whether the orientation can be relied on.

    Raises
    ------
    ValueError
        When the shapes do not fit, time does not run forwards, or the times contradict the rate.
    """
    host = HostFilter(filter, rate_hz)
    missing = _checked_missing(time_s, acc, gyr, rate_hz)
    n = len(time_s)
    q = np.full((n, 4), np.nan)
    valid = np.zeros(n, dtype=np.bool_)
    # rows that a settled filter cannot simply run over
    stops = np.append(np.flatnonzero(_unusable(xyz(acc), xyz(gyr)) | (missing > 0)), n)
    i = 0
    while i < n:
        stop = int(stops[np.searchsorted(stops, i)])
        if host.valid and stop > i:
            q[i:stop] = host._run(acc[i:stop], gyr[i:stop])
            valid[i:stop] = True
            i = stop
            continue
        one = host.update(_vector(acc[i]), _vector(gyr[i]), int(missing[i]))
        if one is not None:
            q[i] = one
        valid[i] = host.valid
        i += 1
    return q, valid


def _checked_missing(
    time_s: FloatArray, acc: FloatArray, gyr: FloatArray, rate_hz: float
) -> IntArray:
    """Return the samples lost before each one, shape (n,)."""
    n = len(time_s)
    if time_s.shape != (n,) or acc.shape != (n, 3) or gyr.shape != (n, 3):
        raise ValueError(
            f"time_s, acc and gyr have shapes {time_s.shape}, {acc.shape} and {gyr.shape};"
            " they must be (n,), (n, 3) and (n, 3)"
        )
    steps = np.diff(time_s) * rate_hz
    if not np.all(steps > 0.0) or not np.all(np.isfinite(time_s)):
        raise ValueError("time_s does not run forwards; sort the samples and drop repeats")
    if n > 2:
        typical = float(np.median(steps))
        if abs(typical - max(1, round(typical))) > 0.1:
            raise ValueError(
                f"the samples come every {typical / rate_hz:.6g} s, which is not {rate_hz} Hz;"
                " give the rate they came at"
            )
    lost = np.clip(np.rint(steps) - 1, 0, 2.0**53).astype(np.int64)
    return np.concatenate((np.zeros(min(n, 1), dtype=np.int64), lost))


def _unusable(acc: Xyz[Number], gyr: Xyz[Number]) -> Truth:
    """Return where a sample cannot be; comparisons with NaN are false."""
    (ax, ay, az), (gx, gy, gz) = acc, gyr
    push, turn = ACC_LIMIT_MPS2, GYR_LIMIT_RADPS
    usable = (abs(ax) <= push) & (abs(ay) <= push) & (abs(az) <= push)
    usable = usable & (abs(gx) <= turn) & (abs(gy) <= turn) & (abs(gz) <= turn)
    return (usable & ((ax != 0.0) | (ay != 0.0) | (az != 0.0))) == 0


def _between(a: Vector, b: Vector, share: float) -> Vector:
    return (
        a[0] + (b[0] - a[0]) * share,
        a[1] + (b[1] - a[1]) * share,
        a[2] + (b[2] - a[2]) * share,
    )


def _vector(row: FloatArray) -> Vector:
    x, y, z = row.tolist()
    return (x, y, z)
