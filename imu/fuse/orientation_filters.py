"""Four orientation filters behind one small face: vqf, and three of the ahrs package.

Each turns sensor vectors to the earth, z up, from specific force (m/s²) and rotation rate (rad/s)
at a fixed rate. Each starts at the smallest turn that brings the first specific force upright, so
the heading is the same for all and arbitrary. Samples must be finite; `imu.fuse.orientation` sees
to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, Protocol

import numpy as np
from vqf import VQF

from imu.quaternion import FLOATS, IDENTITY, Quaternion, Vector, multiply, normalise, rotate
from imu.sample import FloatArray

FilterName = Literal["vqf", "madgwick", "mahony", "ekf"]
Advance = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
"""Quaternion, rotation rate and specific force to the next quaternion."""

TAU_S = 3.0
"""Time constant with which vqf follows gravity: the filter's own default, stated."""

# A limb that is held still is not at rest: it sinks by some tenths of a degree a second, always the
# same way, and vqf, which trusts rest to 0.03 °/s, takes that for the gyroscope's bias. Its trust
# is right until the bias is known; from then on, rest counts as little as motion does.
_BIAS_KNOWN_RADPS = math.radians(0.1)
_BIAS_SIGMA_REST_DPS = 0.1

# Madgwick's published gain for acceleration and rotation rate alone, 0.033 rad/s, follows gravity
# at 3.8 °/s (Madgwick, Harrison and Vaidyanathan 2011, doi 10.1109/ICORR.2011.5975346).
_MADGWICK_GAIN = 0.033
# The ahrs package's own integral gain, 0.3, winds up under acceleration: 5.0° against 3.0° in leg
# swings. Gravity is followed with a time constant of 1.4 s.
_MAHONY_PROPORTIONAL = 0.74
_MAHONY_INTEGRAL = 0.0012
# What it stands for is never used without a magnetometer; naming one spares the package its
# model of the earth's field, which depends on today's date.
_EKF_UNUSED_DIP_DEG = 60.0
# Exactly zero rotation makes the package's Madgwick and Mahony skip the step, gravity included.
_NEARLY_ZERO_RADPS = 1e-12
_UPSIDE_DOWN = 1e-6


class OrientationFilter(Protocol):
    """What `imu.fuse.orientation` asks of a filter."""

    converges_s: float
    """How long a fresh inclination takes to be as good as it gets, in motion."""

    def step(self, acc: Vector, gyr: Vector) -> Quaternion:
        """Take one sample and return the orientation after it."""

    def run(self, acc: FloatArray, gyr: FloatArray) -> FloatArray:
        """Take samples of shape (n, 3) and return the orientations (n, 4): as `step` by `step`."""

    def restart(self) -> None:
        """Hold the heading and take the inclination afresh from the next samples."""

    def level(self, acc: Vector) -> None:
        """Trust this specific force, of a unit at rest, to be gravity."""


def make_filter(name: FilterName, rate_hz: float) -> OrientationFilter:
    """Return a fresh filter.

    Parameters
    ----------
    name : str
        One of `vqf`, `madgwick`, `mahony`, `ekf`.
    rate_hz : float
        Samples per second, the same throughout.

    Raises
    ------
    ValueError
        When the name is none of these.
    """
    if name == "vqf":
        return _Vqf(rate_hz)
    if name in ("madgwick", "mahony", "ekf"):
        return _Ahrs(_ahrs_step(name, rate_hz))
    raise ValueError(f"no orientation filter is called {name!r}; use vqf, madgwick, mahony or ekf")


def _ahrs_step(name: FilterName, rate_hz: float) -> Advance:
    # here, because few choose these and the import takes as long as numpy's
    from ahrs.filters import EKF, Madgwick, Mahony

    if name == "madgwick":
        madgwick = Madgwick(frequency=rate_hz, gain=_MADGWICK_GAIN)
        return lambda q, gyr, acc: madgwick.updateIMU(q, gyr=gyr, acc=acc)
    if name == "mahony":
        mahony = Mahony(frequency=rate_hz, k_P=_MAHONY_PROPORTIONAL, k_I=_MAHONY_INTEGRAL)
        return lambda q, gyr, acc: mahony.updateIMU(q, gyr=gyr, acc=acc)
    # Its NED takes the specific force at rest to point along +z: that is our z up.
    ekf = EKF(frequency=rate_hz, frame="NED", magnetic_ref=_EKF_UNUSED_DIP_DEG)
    return lambda q, gyr, acc: ekf.update(q, gyr=gyr, acc=acc)


class _Vqf:
    """VQF without magnetometer (Laidig and Seel 2023, doi 10.1016/j.inffus.2022.10.014)."""

    # Until then it takes the plain mean of gravity, which a swing hardly disturbs.
    converges_s = TAU_S

    def __init__(self, rate_hz: float) -> None:
        self._vqf = VQF(1.0 / rate_hz, tauAcc=TAU_S)
        self._next: VQF | None = VQF(
            1.0 / rate_hz, tauAcc=TAU_S, biasSigmaRest=_BIAS_SIGMA_REST_DPS
        )
        self._fresh: dict[str, Any] = self._vqf.state

    def step(self, acc: Vector, gyr: Vector) -> Quaternion:
        self._vqf.update(np.array(gyr), np.array(acc))
        if self._next is not None and self._vqf.getBiasEstimate()[1] < _BIAS_KNOWN_RADPS:
            self._go_on()
        w, x, y, z = self._vqf.getQuat6D().tolist()
        return (w, x, y, z)

    def run(self, acc: FloatArray, gyr: FloatArray) -> FloatArray:
        q: FloatArray = np.empty((len(acc), 4))
        i = 0
        while i < len(acc) and self._next is not None:
            q[i] = self.step(tuple(acc[i].tolist()), tuple(gyr[i].tolist()))
            i += 1
        if i < len(acc):
            rest = (np.ascontiguousarray(raw[i:], dtype=np.float64) for raw in (gyr, acc))
            q[i:] = self._vqf.updateBatch(*rest)["quat6D"]
        return q

    def _go_on(self) -> None:
        """Go on with the filter that no longer takes rest for the truth.

        It begins as unsure of the bias as at the start: the first second of rest was one sway.
        """
        assert self._next is not None  # noqa: S101 (asked before)
        self._next.state = self._vqf.state | {"biasP": self._fresh["biasP"]}
        self._vqf, self._next = self._next, None

    def restart(self) -> None:
        state = self._vqf.state
        kept = {name: state[name] for name in ("gyrQuat", "accQuat", "bias", "biasP")}
        self._vqf.state = self._fresh | kept

    def level(self, acc: Vector) -> None:
        state, coefficients = self._vqf.state, self._vqf.coeffs
        b, a = np.array(coefficients["accLpB"]), np.array(coefficients["accLpA"])
        # vqf smooths gravity in the frame its gyroscope alone has turned to
        gravity = rotate(tuple(state["gyrQuat"]), acc)
        state["accLpState"] = [
            memory
            for component in gravity
            for memory in self._vqf.filterInitialState(component, b, a).tolist()
        ]
        self._vqf.state = state


class _Ahrs:
    """A filter of the ahrs package, with its traps covered; we keep the quaternion ourselves."""

    # Madgwick rights 23° in this time, the others all but 1 % of any error.
    converges_s = 6.0

    def __init__(self, advance: Advance) -> None:
        self._advance = advance
        self._q = IDENTITY
        self._restarting = True

    def step(self, acc: Vector, gyr: Vector) -> Quaternion:
        if self._restarting:
            self._restarting = False
            self.level(acc)
            return self._q
        if gyr == (0.0, 0.0, 0.0):
            gyr = (_NEARLY_ZERO_RADPS, 0.0, 0.0)
        # Madgwick's gradient vanishes for a sensor that is exactly upside down to its estimate
        with np.errstate(divide="ignore", invalid="ignore"):
            w, x, y, z = np.asarray(
                self._advance(np.array(self._q), np.array(gyr), np.array(acc))
            ).tolist()
        if math.isfinite(w + x + y + z):
            self._q = (w, x, y, z)
        else:
            self.level(acc)
        return self._q

    def run(self, acc: FloatArray, gyr: FloatArray) -> FloatArray:
        q = np.empty((len(acc), 4))
        for i, (a, g) in enumerate(zip(acc.tolist(), gyr.tolist(), strict=True)):
            q[i] = self.step(tuple(a), tuple(g))
        return q

    def restart(self) -> None:
        self._restarting = True

    def level(self, acc: Vector) -> None:
        self._q = levelled(self._q, acc)


def levelled(q: Quaternion, acc: Vector) -> Quaternion:
    """Return q turned the shortest way so that the specific force points up.

    Parameters
    ----------
    q : Quaternion
        Sensor → earth.
    acc : Vector
        Specific force in the sensor frame, any unit, not zero.

    Returns
    -------
    Quaternion
        Sensor → earth with `acc` along +z, by the inclination correction of Laidig and Seel 2023
        (doi 10.1016/j.inffus.2022.10.014).
    """
    x, y, z = rotate(q, acc)
    length = math.sqrt(x * x + y * y + z * z)
    w = math.sqrt(max(0.0, (z / length + 1.0) / 2.0))
    if w < _UPSIDE_DOWN:
        return multiply((0.0, 1.0, 0.0, 0.0), q)
    correction = (w, y / length / (2.0 * w), -x / length / (2.0 * w), 0.0)
    return normalise(multiply(correction, q), FLOATS)
