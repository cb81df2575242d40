"""phyphox as a source: what to ask its remote access for, and rows from what it answers.

phyphox (phyphox.org) measures acceleration and rotation rate in two streams, each with times of its
own. A row is one acceleration with the rotation rate at its time, by a straight line.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from imu.even_rate import GAP_S
from imu.phone.batch import Row
from imu.quaternion import Vector

ACC = ("acc_time", "accX", "accY", "accZ")
GYR = ("gyr_time", "gyrX", "gyrY", "gyrZ")
MAX_VALUES = 4000
"""Of a buffer in one answer: forty seconds at 100 Hz; the experiment keeps ten."""


NOT_PHYPHOX = "what answers there is not phyphox: check the address"
OTHER_EXPERIMENT = "phyphox has another experiment open: open `hipturn unit` in it"


class PhyphoxError(ValueError):
    """An answer that is none of phyphox with our experiment; the sentence says what to do."""


class PhyphoxReader:
    """Follows both streams of one phone."""

    def __init__(self) -> None:
        self.session = ""
        """Changes when the experiment is opened or cleared anew: its times begin again."""
        self._begin()

    def _begin(self) -> None:
        self._acc_s = self._gyr_s = 0.0
        self._acc: deque[tuple[float, Vector]] = deque()
        self._gyr: deque[tuple[float, Vector]] = deque()

    @property
    def query(self) -> str:
        """Return what to ask for: everything after what is known."""
        parts = []
        for names, since_s in ((ACC, self._acc_s), (GYR, self._gyr_s)):
            time = names[0]
            parts.append(f"{time}={since_s!r}")
            parts += [f"{name}={since_s!r}%7C{time}" for name in names[1:]]
        return "/get?" + "&".join(parts)

    def take(self, answer: object) -> list[Row]:
        """Take an answer; return the rows that it completes, in order of time.

        Raises
        ------
        PhyphoxError
            When it is none.
        """
        buffers, status = _part(answer, "buffer"), _part(answer, "status")
        session = status.get("session")
        if not isinstance(session, str) or len(session) > 64:
            raise PhyphoxError(NOT_PHYPHOX)
        if session != self.session:
            self._begin()
            fresh, self.session = not self.session, session
            if not fresh:
                return []  # its times began anew, and what was asked for counts by the old ones
        self._acc_s = _add(self._acc, buffers, ACC, self._acc_s)
        self._gyr_s = _add(self._gyr, buffers, GYR, self._gyr_s)
        return self._rows()

    def _rows(self) -> list[Row]:
        """Return the accelerations for which the rotation rate is known."""
        rows, acc, gyr = [], self._acc, self._gyr
        while acc and gyr and acc[0][0] <= gyr[-1][0]:
            time_s, push = acc.popleft()
            while len(gyr) > 1 and gyr[1][0] < time_s:
                gyr.popleft()
            (a_s, a), (b_s, b) = gyr[0], gyr[min(1, len(gyr) - 1)]
            if time_s < a_s or b_s - a_s > GAP_S:
                continue
            share = (time_s - a_s) / (b_s - a_s) if b_s > a_s else 0.0
            x, y, z = (p + (q - p) * share for p, q in zip(a, b, strict=True))
            rows.append(Row(time_s, push, (x, y, z)))
        return rows


def check_buffers(config: object) -> None:
    """Refuse an experiment that does not measure what is needed.

    Raises
    ------
    PhyphoxError
        Says which experiment to open.
    """
    found = config.get("buffers") if isinstance(config, dict) else None
    if not isinstance(found, list):
        raise PhyphoxError(NOT_PHYPHOX)
    names = {one.get("name") for one in found if isinstance(one, dict)}
    if not {*ACC, *GYR} <= names:
        raise PhyphoxError(OTHER_EXPERIMENT)


def _part(answer: object, name: str) -> Mapping[str, Any]:
    part = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(part, dict):
        raise PhyphoxError(NOT_PHYPHOX)
    return part


def _add(
    kept: deque[tuple[float, Vector]],
    buffers: Mapping[str, Any],
    names: Sequence[str],
    since_s: float,
) -> float:
    """Keep what is new of a stream; return the time of its last value."""
    columns = [_values(buffers, name) for name in names]
    for time_s, x, y, z in zip(*columns, strict=False):  # one may be a value ahead
        if time_s > since_s and all(map(math.isfinite, (time_s, x, y, z))):
            kept.append((time_s, (x, y, z)))
            since_s = time_s
    return since_s


def _values(buffers: Mapping[str, Any], name: str) -> list[float]:
    """Return the numbers of a buffer; NaN for what is none."""
    values = _part(buffers, name).get("buffer")
    if not isinstance(values, list):
        raise PhyphoxError(OTHER_EXPERIMENT)
    return [
        float(value) if type(value) in (int, float) and abs(value) < 1e12 else math.nan
        for value in values[:MAX_VALUES]
    ]
