"""Checks that every unit sends as many samples as it was set to, counted as they arrive.

`RateWatch` takes them one at a time; `rate_troubles` asks it about a whole recording.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imu.clocks.counter import NS_PER_S
from imu.sample import SampleTable, Unit

WINDOW_S = 5.0
FEW_SHARE, MANY_SHARE = 0.75, 1.1
"""Below the one samples are lost on the way; above the other the unit was set otherwise."""
RATE_MIN_HZ = 22.0
"""A unit at 25 a second that loses a tenth; fewer do not show the strokes of a quick repetition."""
SILENT_S = 1.0
"""A window with such a silence says nothing: that a unit was silent is said by its link."""
SETTLE_S = 0.5
"""After it comes what the unit kept meanwhile, in a heap."""
AGAIN_S = 60.0


class RateWatch:
    """Counts the samples of each unit.

    Parameters
    ----------
    units
        What samples count into; their rates are what they were set to.
    """

    def __init__(self, units: Sequence[Unit]) -> None:
        self._units = units
        self._began_s: list[float | None] = [None] * len(units)
        self._last_s = [0.0] * len(units)
        self._counted = [0] * len(units)
        self._told_s = [-AGAIN_S] * len(units)

    def push(self, unit: int, host_s: float) -> str:
        """Count a sample that arrived; return what is to be said now, mostly nothing."""
        began_s, silent_s = self._began_s[unit], host_s - self._last_s[unit]
        self._last_s[unit] = host_s
        if began_s is None or silent_s >= SILENT_S:
            self._began_s[unit], self._counted[unit] = host_s + SETTLE_S, 0
            return ""
        if host_s < began_s:
            return ""
        self._counted[unit] += 1
        if host_s < began_s + WINDOW_S:
            return ""
        rate_hz = self._counted[unit] / (host_s - began_s)
        self._began_s[unit], self._counted[unit] = host_s, 0
        said = self._judge(self._units[unit], rate_hz)
        if not said or host_s < self._told_s[unit] + AGAIN_S:
            return ""
        self._told_s[unit] = host_s
        return said

    @staticmethod
    def _judge(unit: Unit, rate_hz: float) -> str:
        sends = f"the {unit.label} unit sends {rate_hz:.0f}"
        if rate_hz < FEW_SHARE * unit.rate_hz:
            return (
                f"{sends} of {unit.rate_hz:.0f} samples a second: bring it closer, and take phones"
                " and other radios away"
            )
        if rate_hz > MANY_SHARE * unit.rate_hz:
            return (
                f"{sends} samples a second, not the {unit.rate_hz:.0f} it was set to: set it again"
                " with `hipturn configure`"
            )
        if rate_hz < RATE_MIN_HZ:
            return (
                f"{sends} samples a second, too few to follow a leg: set a higher rate with"
                " `hipturn configure`"
            )
        return ""


def rate_troubles(table: SampleTable, units: Sequence[Unit]) -> dict[int, str]:
    """Return what is first to be said of each unit of a recording, and when (s); mostly nothing."""
    odd = [index for index, unit in enumerate(units) if not _is_regular(table, index, unit)]
    watch, found = RateWatch(units), dict[int, str]()
    rows = np.flatnonzero(np.isin(table.unit, odd))
    arrivals = (table.unit[rows].tolist(), (table.host_time_ns[rows] / NS_PER_S).tolist())
    for index, host_s in zip(*arrivals, strict=True):
        said = watch.push(index, host_s)
        if said:
            found.setdefault(index, f"{said} ({host_s:.0f} s)")
    return found


def _is_regular(table: SampleTable, index: int, unit: Unit) -> bool:
    """Say whether every second but the first and last has as many samples as it should."""
    seconds = table.host_time_ns[table.unit == index] // NS_PER_S
    counts = np.diff(np.flatnonzero(np.diff(seconds)))
    low_hz = max(FEW_SHARE * unit.rate_hz, RATE_MIN_HZ)
    return bool(np.all((counts >= low_hz) & (counts <= MANY_SHARE * unit.rate_hz)))
