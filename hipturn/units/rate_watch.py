"""Checks that every unit sends as many samples as it was set to, counted as they arrive."""

from __future__ import annotations

from collections.abc import Sequence

from imu.sample import Unit

WINDOW_S = 5.0
FEW_SHARE, MANY_SHARE = 0.75, 1.1
"""Below the one samples are lost on the way; above the other the unit was set otherwise."""
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
        return ""
