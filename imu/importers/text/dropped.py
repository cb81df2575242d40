"""Why rows of a file were left out: how many for which reason, and the first offending cell."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from imu.importers import ImportFileError, printable
from imu.sample import BoolArray, FloatArray, IntArray

MOST = 0.5
"""A recording of which more rows than this share fell is not the one that was made."""
CELL_CHARACTERS = 40

NO_NUMBERS = "with cells that are no numbers"
NOT_FINITE = "with NaN or infinite values"
OUT_OF_RANGE = "out of range"
NO_ROTATION = "with a quaternion not of length one"
BACKWARDS = "repeated or with time running backwards"
UNEVEN = "with too few or too many cells"
CUT = "cut off at the end"

_REMEDIES = {
    NO_NUMBERS: "give columns of plain numbers (times in s, ms, us or ns, or --rate and no time)",
    NOT_FINITE: "export it again without empty values",
    OUT_OF_RANGE: "check the unit of the column (g, m/s2, rad/s, deg/s, raw counts)",
    NO_ROTATION: "check which four columns are the quaternion",
    UNEVEN: "check the delimiter and the line of column names",
}


class Dropped(Counter[str]):
    """Counts rows by the reason why they fell, and remembers the first of them."""

    def __init__(self) -> None:
        super().__init__()
        self.first = ""
        """Where the first row that fell is, and its cell, such as `line 7, column 'x': 'abc'`."""

    def fell(self, reason: str, count: int, place: str, cell: object = None) -> None:
        """Take `count` rows as fallen; place and cell are those of the first of them."""
        self[reason] += count
        if not self.first:
            shown = "" if cell is None else f": '{printable(str(cell), CELL_CHARACTERS)}'"
            self.first = place + shown

    def told(self) -> str:
        """Return the reasons as `3 repeated, 1 cut off at the end`."""
        return ", ".join(f"{count} {reason}" for reason, count in self.items() if count)

    def sentence(self, path: Path, rows: int) -> list[str]:
        """Return what is to be told of a file that is used all the same."""
        if not self.total():
            return []
        return [f"{path.name}: {self.total()} of {rows} rows dropped ({self.told()})."]


def refuse_if_most_fell(path: Path, kept: int, rows: int, dropped: Dropped, place: str) -> None:
    """Refuse a file of which too little is left.

    Parameters
    ----------
    kept, rows
        How many rows are usable, and how many there were.
    dropped
        Why the others are not.
    place
        Where the table is, such as `below line 1`.

    Raises
    ------
    ImportFileError
        When fewer than two rows are usable, or more than half fell.
    """
    if kept >= 2 and rows - kept <= MOST * rows:
        return
    if kept < 2:
        reason = f"fewer than two of {rows} rows are usable"
    else:
        reason = f"only {kept} of {rows} rows are usable"
    if dropped.total():
        reason += f" ({dropped.told()}; the first: {dropped.first})"
    worst = max(dropped, key=lambda name: dropped[name], default="")
    raise ImportFileError(path, place, reason, _REMEDIES.get(worst, "export it again"))


def in_row(cells: BoolArray) -> BoolArray:
    """Return in which rows any cell (n, columns) is true, shape (n,)."""
    found: BoolArray = np.asarray(cells.any(axis=1))
    return found


def drop_where(
    dropped: Dropped, bad: BoolArray, reason: str, lines: IntArray, values: FloatArray
) -> None:
    """Count the rows where `bad` (n,) holds; `values` (n, columns) hold the cells at fault."""
    index = np.flatnonzero(bad)
    if len(index):
        row = values[index[0]]
        wild = np.flatnonzero(~np.isfinite(row))
        cell = row[wild[0]] if len(wild) else row[int(np.argmax(np.abs(row)))]
        dropped.fell(reason, len(index), f"line {lines[index[0]]}", f"{cell:g}")
