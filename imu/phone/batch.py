"""What a phone sends: a batch of rows, little endian, and which of them can be measurements.

```
u8   1, the version        u8  rows, 0 to 64      u16  number of the batch, wrapping
f32  0, reserved           f64 performance.now() when it was sent, ms
```
then each row: `f64` event.timeStamp in ms, `f32` acceleration with gravity x y z in m/s², `f32`
rotation rate x y z in rad/s, both in the phone's own axes and as its browser gives them.
"""

from __future__ import annotations

import math
import struct
from typing import NamedTuple

from imu.quaternion import Vector

VERSION = 1
HEADER = struct.Struct("<BBHfd")
ROW = struct.Struct("<d6f")
MAX_ROWS = 64
"""A second of the fastest phones; batches come every 50 ms."""
MAX_BYTES = HEADER.size + MAX_ROWS * ROW.size
MAX_PER_SECOND = 40
"""Batches: twice what a phone sends; a phone that was cut off sends what it kept in large ones."""
MAX_ACC_MPS2 = 200.0
"""20 g: no leg is accelerated as much, and phones measure up to 8 or 16 g."""
MAX_GYR_RADPS = 40.0
"""2300 °/s: phones measure up to 2000 °/s."""
MAX_TIME_S = 31 * 24 * 3600.0
"""Since the page was opened."""


class Row(NamedTuple):
    """One measurement."""

    time_s: float
    """On the phone's own clock, since its page was opened."""
    acc: Vector
    """m/s², with gravity, as the browser has it: some have it the other way round."""
    gyr: Vector
    """rad/s."""


class Batch(NamedTuple):
    """What arrived at once."""

    number: int
    """Counts the phone's batches, modulo 2**16."""
    sent_s: float
    """On the phone's own clock."""
    rows: tuple[Row, ...]


class BatchError(ValueError):
    """These bytes are no batch; the sentence says why."""


def read_batch(data: bytes) -> Batch:
    """Return the batch that bytes hold; its rows may still be anything.

    Raises
    ------
    BatchError
        When they are of another length or version, or have too many rows.
    """
    if len(data) < HEADER.size:
        raise BatchError(f"a batch has at least {HEADER.size} bytes, this one {len(data)}")
    version, count, number, _, sent_ms = HEADER.unpack_from(data)
    if version != VERSION:
        raise BatchError(f"a batch of version {version}: reload the phone's page")
    if count > MAX_ROWS or len(data) != HEADER.size + count * ROW.size:
        raise BatchError(f"a batch says {count} rows, of {MAX_ROWS} at most, in {len(data)} bytes")
    rows = tuple(
        Row(numbers[0] * 1e-3, numbers[1:4], numbers[4:7])
        for numbers in ROW.iter_unpack(data[HEADER.size :])
    )
    return Batch(number, sent_ms * 1e-3, rows)


def read_batches(data: bytes) -> list[Batch]:
    """Return the batches that bytes hold one after the other, as a recording keeps them.

    Raises
    ------
    BatchError
        When one of them is no batch.
    """
    found = []
    while data:
        size = HEADER.size + ROW.size * (data[1] if len(data) > 1 else 0)
        found.append(read_batch(data[:size]))
        data = data[size:]
    return found


def write_batch(batch: Batch) -> bytes:
    """Return a batch as a phone sends it."""
    head = HEADER.pack(VERSION, len(batch.rows), batch.number % 2**16, 0.0, batch.sent_s * 1e3)
    rows = (ROW.pack(row.time_s * 1e3, *row.acc, *row.gyr) for row in batch.rows)
    return head + b"".join(rows)


class RowScreen:
    """Lets the rows through that can be measurements, in order of time.

    Attributes
    ----------
    dropped
        Reason → number of rows: `not_finite`, `out_of_range`, `not later than the last`.
    """

    def __init__(self) -> None:
        self.dropped: dict[str, int] = {}
        self._last_s = -math.inf

    def restart(self) -> None:
        """Take the next row at any time: the phone's clock began anew."""
        self._last_s = -math.inf

    def push(self, row: Row) -> bool:
        """Return whether a row counts."""
        if reason := self._reason(row):
            self.dropped[reason] = self.dropped.get(reason, 0) + 1
            return False
        self._last_s = row.time_s
        return True

    def _reason(self, row: Row) -> str:
        if not all(map(math.isfinite, (row.time_s, *row.acc, *row.gyr))):
            return "not_finite"
        fast = any(abs(g) > MAX_GYR_RADPS for g in row.gyr)
        if fast or any(abs(a) > MAX_ACC_MPS2 for a in row.acc):
            return "out_of_range"
        if not 0.0 <= row.time_s <= MAX_TIME_S:
            return "out_of_range"
        return "" if row.time_s > self._last_s else "not later than the last"
