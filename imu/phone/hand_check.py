"""Whether a phone's axes and units of measurement are what they should be: turn it over once.

While it turns, gravity must turn in its axes as its rotation rate says. Over windows of 0.2 s what
the rate predicts is compared with what the acceleration shows: the slope of one on the other is 1
for a sound phone, below 0.8 where axes are permuted, and below 0.1 where °/s are taken for rad/s.
The sign of the acceleration does not enter: it turns with its own prediction.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

import numpy as np

from imu.phone.batch import Row
from imu.quaternion import Vector
from imu.sample import STANDARD_GRAVITY, FloatArray

WINDOW_S = 0.2
FAST_RADPS = math.radians(30.0)
"""Mean rate of a window that counts: slower, and rounding of 0.1 m/s² hides the turn."""
SLOPE, CORRELATION = (0.9, 1.1), 0.9
ENOUGH_RAD = math.radians(150.0)
"""How far gravity must have turned, by the rate: turning it face down and back is 360°."""
ENOUGH_WINDOWS = 8
"""Fewer agree by chance, and a rate in wrong units seems to turn it all at once."""
TRIED_RAD = math.radians(360.0)
"""Turned as much without agreement it does not fit, and the hand is not to blame."""
GRAVITY_G = 0.05
"""Share of one g: the mean at rest is 9.3 to 10.3 m/s², or it is no gravity in m/s²."""
REST_ROWS = 30
"""Half a second of rest."""
AS_NAMED = ((0, 1, 2), (1.0, 1.0, 1.0))
"""Order and signs of a rotation rate that is about the axes of its names."""


class Verdict(Enum):
    """What turning a phone over has shown."""

    OPEN = "open"
    SOUND = "sound"
    UNFIT = "unfit"


class _Window(NamedTuple):
    """What one window says of a turn."""

    up_by_rate: FloatArray
    """Integral of up (rows) times rotation rate (columns), shape (3, 3): of the rate in any order
    and with any signs it gives the turn of up that the rate predicts."""
    measured: FloatArray
    """How far up has turned in the phone, shape (3,)."""

    def predicted(
        self, order: tuple[int, ...] = AS_NAMED[0], signs: Sequence[float] = AS_NAMED[1]
    ) -> FloatArray:
        """Return the turn of up, shape (3,), by the rate in another order, with other signs."""
        m = self.up_by_rate[:, order] * signs
        return np.array([m[1, 2] - m[2, 1], m[2, 0] - m[0, 2], m[0, 1] - m[1, 0]])


class HandCheck:
    """Watches a phone that is turned over.

    Attributes
    ----------
    verdict
        What it has shown so far; `SOUND` and `UNFIT` stay.
    """

    def __init__(self) -> None:
        self.verdict = Verdict.OPEN
        self._window: list[Row] = []
        self._windows: list[_Window] = []
        self._turned_rad, self._hidden_rad = 0.0, 0.0
        self._rest = (0, 0.0)

    @property
    def progress(self) -> float:
        """Return how much of the turning is done, from 0 to 1."""
        return min(1.0, self._turned_rad / ENOUGH_RAD)

    def push(self, row: Row) -> None:
        """Take a row, later than the last."""
        if self.verdict is not Verdict.OPEN:
            return
        self._rest_row(row)
        if self._window and row.time_s - self._window[-1].time_s > WINDOW_S / 2:
            self._window = []  # a stall: what it turned meanwhile is not known
        self._window.append(row)
        if row.time_s - self._window[0].time_s >= WINDOW_S:
            self._compare(self._window)
            self._window = [row]
            self.verdict = self._judged()

    def _rest_row(self, row: Row) -> None:
        """Take a row of a phone that hardly turns, whatever its acceleration is."""
        if math.hypot(*row.gyr) < FAST_RADPS / 4:
            count, total = self._rest
            self._rest = (count + 1, total + math.hypot(*row.acc))

    def _compare(self, rows: list[Row]) -> None:
        """Add a window's turn: predicted by the rate, and measured by gravity's direction."""
        rates = [math.hypot(*row.gyr) for row in rows]
        if sum(rates) / len(rates) < FAST_RADPS:
            turned_rad = math.dist(_direction(rows[0].acc), _direction(rows[-1].acc))
            self._hidden_rad += turned_rad if turned_rad > FAST_RADPS * WINDOW_S else 0.0
            return
        ups = np.array([_direction(row.acc) for row in rows])
        rate = np.array([row.gyr for row in rows])
        times = np.array([row.time_s for row in rows])
        product = ups[:, :, None] * rate[:, None, :]
        window = _Window(np.trapezoid(product, times, axis=0), ups[-1] - ups[0])
        self._windows.append(window)
        self._turned_rad += float(np.linalg.norm(window.predicted()))

    def _judged(self) -> Verdict:
        few = len(self._windows) < ENOUGH_WINDOWS or self._rest[0] < REST_ROWS
        if few or self._turned_rad < ENOUGH_RAD:
            return Verdict.OPEN
        slope, correlation = self._fit()
        fits = SLOPE[0] <= slope <= SLOPE[1] and correlation > CORRELATION
        if fits and abs(self._rest_g - 1.0) <= GRAVITY_G:
            return Verdict.SOUND
        return Verdict.UNFIT if self._turned_rad > TRIED_RAD else Verdict.OPEN

    @property
    def _rest_g(self) -> float:
        """Return the mean size of the acceleration at rest, in g."""
        count, total = self._rest
        return total / max(count, 1) / STANDARD_GRAVITY

    def _fit(
        self, order: tuple[int, ...] = AS_NAMED[0], signs: Sequence[float] = AS_NAMED[1]
    ) -> tuple[float, float]:
        """Return slope and correlation of measured on predicted turns, the rate taken otherwise."""
        predicted = np.array([window.predicted(order, signs) for window in self._windows])
        measured = np.array([window.measured for window in self._windows])
        pp, mm = float((predicted**2).sum()), float((measured**2).sum())
        pm = float((predicted * measured).sum())
        return pm / max(pp, 1e-12), pm / max(math.sqrt(pp * mm), 1e-12)

    @property
    def misfit(self) -> str:
        """Return what of an unfit phone does not fit, where one change of it would."""
        if abs(self._rest_g - 1.0) > GRAVITY_G:
            return f"its acceleration at rest is {self._rest_g:.2f} g"
        readings = [
            (self._fit(order, signs), order, signs)
            for order in itertools.permutations(range(3))
            for signs in itertools.product((1.0, -1.0), repeat=3)
        ]
        (slope, correlation), order, signs = max(readings, key=lambda one: one[0][1])
        if correlation <= CORRELATION:
            return ""
        found = []
        if (order, signs) != AS_NAMED:
            named = zip("xyz", order, signs, strict=True)
            axes = ", ".join(f"{axis} is {'-' * (sign < 0)}{'xyz'[at]}" for axis, at, sign in named)
            found.append(f"its rotation rate has other axes or signs ({axes} of what it tells)")
        if not SLOPE[0] <= slope <= SLOPE[1]:
            times = 1.0 / slope
            found.append(f"its rotation rate is {times:.3g} times as large as gravity turns")
            if SLOPE[0] <= math.radians(times) <= SLOPE[1]:
                found.append("degrees are taken for radians")
        return ", and ".join(found)

    @property
    def hidden_turn_deg(self) -> float:
        """Return how far gravity has turned while the rate told of hardly any turning."""
        return math.degrees(self._hidden_rad)


def _direction(acc: Vector) -> Vector:
    size = max(math.hypot(*acc), 1e-9)
    return (acc[0] / size, acc[1] / size, acc[2] / size)
