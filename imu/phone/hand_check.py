"""Whether a phone's axes and units of measurement are what they should be: turn it over once.

While it turns, gravity must turn in its axes as its rotation rate says. Over windows of 0.2 s what
the rate predicts is compared with what the acceleration shows: the slope of one on the other is 1
for a sound phone, below 0.8 where axes are permuted, and below 0.1 where °/s are taken for rad/s.
The sign of the acceleration does not enter: it turns with its own prediction.
"""

from __future__ import annotations

import math
from enum import Enum

from imu.phone.batch import Row
from imu.quaternion import Vector
from imu.sample import STANDARD_GRAVITY

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


class Verdict(Enum):
    """What turning a phone over has shown."""

    OPEN = "open"
    SOUND = "sound"
    UNFIT = "unfit"


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
        self._windows, self._turned_rad = 0, 0.0
        self._pp = self._pm = self._mm = 0.0
        """Sums of products of predicted and measured turns."""
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
            return
        ups = [_direction(row.acc) for row in rows]
        predicted = [0.0, 0.0, 0.0]
        for before, row, up_before, up in zip(rows[:-1], rows[1:], ups[:-1], ups[1:], strict=True):
            half_s = (row.time_s - before.time_s) / 2.0
            for turn in (_cross(up_before, before.gyr), _cross(up, row.gyr)):
                predicted = [p + t * half_s for p, t in zip(predicted, turn, strict=True)]
        measured = [b - a for a, b in zip(ups[0], ups[-1], strict=True)]
        self._pp += sum(p * p for p in predicted)
        self._mm += sum(m * m for m in measured)
        self._pm += sum(p * m for p, m in zip(predicted, measured, strict=True))
        self._windows += 1
        self._turned_rad += math.hypot(*predicted)

    def _judged(self) -> Verdict:
        few = self._windows < ENOUGH_WINDOWS or self._rest[0] < REST_ROWS
        if few or self._turned_rad < ENOUGH_RAD:
            return Verdict.OPEN
        slope = self._pm / max(self._pp, 1e-12)
        correlation = self._pm / max(math.sqrt(self._pp * self._mm), 1e-12)
        mean_g = self._rest[1] / self._rest[0] / STANDARD_GRAVITY
        fits = SLOPE[0] <= slope <= SLOPE[1] and correlation > CORRELATION
        if fits and abs(mean_g - 1.0) <= GRAVITY_G:
            return Verdict.SOUND
        return Verdict.UNFIT if self._turned_rad > TRIED_RAD else Verdict.OPEN


def _direction(acc: Vector) -> Vector:
    size = max(math.hypot(*acc), 1e-9)
    return (acc[0] / size, acc[1] / size, acc[2] / size)


def _cross(a: Vector, b: Vector) -> Vector:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
