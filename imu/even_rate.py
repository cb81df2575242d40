"""Puts uneven rows of numbers on an even grid of time, by straight lines between them.

Browsers and phones hand out motion when they get round to it: steps of 14 to 25 ms for a sensor of
60 Hz, and stalls. A filter takes a fixed step, so what it gets is read off between the rows, by the
times that the source gave them. Nothing is invented in a stall.
"""

from __future__ import annotations

import math

GAP_S = 0.050
"""Between rows further apart than this no grid row lies: a leg turns by 20° in that time."""
_ON_GRID = 1e-6
"""Share of a step by which a time may miss the grid through rounding and still lie on it."""


class EvenRate:
    """One stream of rows on its way to an even grid.

    Parameters
    ----------
    rate_hz
        Grid rows a second; grid row k is at k / rate_hz seconds of the source's own time.
    """

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._last: tuple[float, tuple[float, ...]] | None = None

    def push(self, time_s: float, row: tuple[float, ...]) -> list[tuple[int, tuple[float, ...]]]:
        """Take a row and return the grid rows that it completes.

        Parameters
        ----------
        time_s
            When it was measured, later than the row before it.
        row
            Any numbers, as many each time.

        Returns
        -------
        list
            The number k of each grid row, and its numbers; none in a gap of more than `GAP_S`.

        Raises
        ------
        ValueError
            When the time is not later than the last.
        """
        before, self._last = self._last, (time_s, row)
        last_k = math.floor(time_s * self._rate_hz + _ON_GRID)
        if before is None or time_s - before[0] > GAP_S:
            # the first row after a gap counts where it lies on the grid by itself
            on_grid = abs(last_k - time_s * self._rate_hz) <= _ON_GRID
            return [(last_k, row)] if on_grid else []
        before_s, from_row = before
        if not time_s > before_s:
            raise ValueError(f"a row at {time_s} s follows one at {before_s} s")
        first_k = math.floor(before_s * self._rate_hz + _ON_GRID) + 1
        found = []
        for k in range(first_k, last_k + 1):
            share = min(1.0, (k / self._rate_hz - before_s) / (time_s - before_s))
            between = tuple(a + (b - a) * share for a, b in zip(from_row, row, strict=True))
            found.append((k, between))
        return found
