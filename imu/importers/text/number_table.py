"""Tables of numbers in foreign text: find the header, read the rows that are whole.

The delimiter is a comma, or a semicolon or tab where the comma is the decimal sign; cells may be
quoted. Column names are compared in lower case without spaces around them.
"""

from __future__ import annotations

import csv
import re
from array import array
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np

from imu.importers import ImportFileError, printable
from imu.importers.text import text_file
from imu.importers.text.dropped import CUT, NO_NUMBERS, UNEVEN, Dropped
from imu.sample import FloatArray, IntArray

HEADER_LINES = 200
COLUMNS_MAX = 200

Numbered = Iterator[tuple[int, str]]
_QUOTED = re.compile(r'"[^"]*"')
_THOUSANDS = re.compile(r"-?\d{1,3}(?:,\d{3}){2,}(?:\.\d*)?", re.ASCII)
_BLANK = ' \t\r\n"'


@dataclass(frozen=True, slots=True)
class Header:
    """The line of column names, and what stands above it."""

    fields: Mapping[str, str]
    """Key in lower-case letters and digits, such as `starttime`, to value."""
    columns: tuple[str, ...]
    delimiter: str
    line: int

    @property
    def place(self) -> str:
        """Return where the table is, for a sentence."""
        return f"below line {self.line}"

    def index(self, path: Path, name: str) -> int:
        """Return where a column is.

        Raises
        ------
        ImportFileError
            When it is missing or there twice.
        """
        wanted = name.strip().casefold()
        count = self.columns.count(wanted)
        if count != 1:
            there = ", ".join(self.columns[:20])
            raise ImportFileError(
                path,
                f"line {self.line}",
                f"the column {name!r} is {'there twice' if count else 'missing'}",
                f"there are: {printable(there, 200)}",
            )
        return self.columns.index(wanted)


@dataclass(frozen=True, slots=True)
class NumberRows:
    """The rows whose wanted cells are numbers."""

    values: FloatArray
    """Shape (n, columns)."""
    lines: IntArray
    """Shape (n,), the line of each row in the file, from 1."""
    rows: int
    """Rows below the header, kept or not."""


def numbered_lines(path: Path) -> Generator[tuple[int, str], None, None]:
    """Yield the lines of a file with their numbers, from 1."""
    yield from enumerate(text_file.lines(path), start=1)


def find_header(
    path: Path,
    source: Numbered,
    is_header: Callable[[tuple[str, ...]], bool],
    what: str,
    not_found: str = "the line of column names was not found",
) -> Header:
    """Return the first line whose column names are the wanted ones.

    Raises
    ------
    ImportFileError
        When none of the first lines is; `what` says what file to give.
    """
    fields: dict[str, str] = {}
    for number, line in source:
        delimiter = _delimiter(line)
        names = column_names(line, delimiter)
        if len(names) <= COLUMNS_MAX and is_header(names):
            return Header(fields, names, delimiter or ",", number)
        key, found, value = line.partition(delimiter or ":")
        name = "".join(c for c in key.casefold() if c.isalnum())
        if found and name:
            fields.setdefault(name, printable(value.strip(' \t\r\n,;"'), 80))
        if number >= HEADER_LINES:
            break
    raise ImportFileError(path, "", not_found, f"give {what}")


def _delimiter(line: str) -> str:
    """Return the first delimiter outside quotes; nothing when there is none."""
    match = re.search(r"[,;\t]", _QUOTED.sub("", line) if '"' in line else line)
    return match.group() if match else ""


def split_cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line; a quoted one may hold the delimiter."""
    line = line.rstrip("\r\n")
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader((line,), delimiter=delimiter, skipinitialspace=True), [""])
    except csv.Error:  # a lone carriage return or the like
        return line.replace('"', "").split(delimiter)


def column_names(line: str, delimiter: str) -> tuple[str, ...]:
    """Return the names of a header line, in lower case; padding at the end is left out."""
    cells = split_cells(line, delimiter) if delimiter else [line]
    names = [cell.strip(_BLANK).casefold() for cell in cells]
    while names and not names[-1]:  # a spreadsheet pads every line to the same number of cells
        names.pop()
    return tuple(names)


def whole_rows(
    path: Path, source: Numbered, header: Header, dropped: Dropped
) -> Iterator[tuple[int, list[str]]]:
    """Yield line and cells of every row that has as many as there are columns.

    An unterminated last row that was cut is dropped: a cut number would pass as a wrong one.

    Raises
    ------
    ImportFileError
        When there are more rows than a recording has.
    """
    width, delimiter = len(header.columns), header.delimiter
    last_line = header.line + text_file.MAX_ROWS
    before: list[str] = []
    for number, raw in source:
        cells = split_cells(raw, delimiter)
        if len(cells) != width:
            while len(cells) > width and not cells[-1].strip():
                cells.pop()
        if not cells[0].strip() and not any(cell.strip() for cell in cells):
            continue
        if number > last_line:
            raise ImportFileError(
                path,
                f"line {number}",
                f"more than {text_file.MAX_ROWS} rows",
                "export a shorter recording",
            )
        if raw[-1] != "\n" and _cut(cells, width, before):
            dropped.fell(CUT, 1, f"line {number}", raw)
        elif len(cells) != width:
            dropped.fell(UNEVEN, 1, f"line {number} with {len(cells)} cells, not {width}", raw)
        else:
            yield number, cells
            before = cells


def _cut(cells: list[str], width: int, before: list[str]) -> bool:
    """Tell whether an unterminated last row was cut: cells or decimals are missing."""
    if len(cells) != width:
        return True
    return bool(before) and _decimals(cells[-1]) < _decimals(before[-1])


def _decimals(cell: str) -> int:
    return len(cell.strip().replace(",", ".").partition(".")[2])


def read_numbers(
    path: Path,
    source: Numbered,
    header: Header,
    used: Sequence[int],
    dropped: Dropped,
    wanted: Callable[[list[str]], bool] | None = None,
    undo: Callable[[], object] = lambda: None,
) -> NumberRows:
    """Return the numbers in some columns of every row that has them.

    Parameters
    ----------
    used
        Which columns.
    wanted
        Tells from its cells whether a row counts; all do when it is not given.
    undo
        Called when a wanted row falls all the same.

    Raises
    ------
    ImportFileError
        When there are more rows than a recording has.
    """
    values, lines = array("d"), array("q")
    fell_before = dropped.total()
    pick = itemgetter(*used) if len(used) > 1 else lambda cells: (cells[used[0]],)
    for line, cells in whole_rows(path, source, header, dropped):
        if wanted is not None and not wanted(cells):
            continue
        picked = pick(cells)
        try:
            row = [float(cell) for cell in picked]
        except ValueError:
            row = []
        if not row or "_" in "".join(picked):  # Python's own digit separator, no measurement
            row, at = _numbers(picked, header.delimiter)
            if len(row) < len(picked):
                place = f"line {line}, column {header.columns[used[at]]!r}"
                dropped.fell(NO_NUMBERS, 1, printable(place, 60), picked[at])
                undo()
                continue
        values.extend(row)
        lines.append(line)
    table = np.frombuffer(values, dtype=np.float64).reshape(-1, len(used))
    rows = len(table) + dropped.total() - fell_before
    return NumberRows(table, np.frombuffer(lines, dtype=np.int64), rows)


def _numbers(cells: Sequence[str], delimiter: str) -> tuple[list[float], int]:
    """Return the cells as numbers up to the first that is none, and where that is."""
    row: list[float] = []
    for at, cell in enumerate(cells):
        number = _number(cell, delimiter)
        if number is None:
            return row, at
        row.append(number)
    return row, len(cells)


def _number(cell: str, delimiter: str) -> float | None:
    """Return what a cell of a spreadsheet holds: the comma may be its decimal sign."""
    if "_" in cell:
        return None
    if delimiter == "," and _THOUSANDS.fullmatch(cell.strip()):
        cell = cell.replace(",", "")
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        return None
