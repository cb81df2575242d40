"""What a leg did in the last while, packed: rows of numbers by time.

A tuple a row would make thousands of objects that the garbage collector walks through again and
again, and that die in one burst when a rest begins; both cost a frame several times its usual time.
Rows go into blocks of bytes instead, and whole blocks are given up.
"""

from __future__ import annotations

import struct
from collections import deque

import numpy as np

from imu.sample import FloatArray

BLOCK_ROWS = 256
"""Some seconds: a movement is in two or three blocks."""


class RecentRows:
    """Rows of so many numbers, the first of them the time in seconds, which increases."""

    def __init__(self, columns: int) -> None:
        self._row = struct.Struct(f"={columns}d")
        self._columns = columns
        self._blocks: deque[tuple[float, bytearray]] = deque()
        """Each with the time of its first row; all full but for the last one."""
        self._used = 0
        """Bytes of the last block."""

    def add(self, *row: float) -> None:
        """Keep a row."""
        if self._used == 0:
            self._blocks.append((row[0], bytearray(BLOCK_ROWS * self._row.size)))
        self._row.pack_into(self._blocks[-1][1], self._used, *row)
        self._used = (self._used + self._row.size) % (BLOCK_ROWS * self._row.size)

    def forget(self, until_s: float) -> None:
        """Give up what is all older than a time."""
        while len(self._blocks) > 1 and self._blocks[1][0] <= until_s:
            self._blocks.popleft()

    def between(self, start_s: float, end_s: float) -> FloatArray:
        """Return a copy of the rows from a time to another, both included, shape (columns, n)."""
        blocks: list[bytearray] = []
        for first_s, block in reversed(self._blocks):
            blocks.append(block)
            if first_s <= start_s:
                break
        rows = np.frombuffer(b"".join(blocks[::-1])).reshape(-1, self._columns)
        if self._used:
            rows = rows[: self._used // self._row.size - BLOCK_ROWS]
        first, last = rows[:, 0].searchsorted(start_s), rows[:, 0].searchsorted(end_s, "right")
        # a copy whose columns are each in one piece, as those of a whole recording are
        return np.ascontiguousarray(rows[first:last].T)
