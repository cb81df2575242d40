"""Tables of numbers in foreign text: find the header, read the rows that are whole.

The delimiter is a comma, or a semicolon or tab where the comma is the decimal sign. Column names
are compared in lower case without spaces around them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imu.importers import ImportFileError, printable, text_file

HEADER_LINES = 200
COLUMNS_MAX = 200

Numbered = Iterator[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Header:
    """The line of column names, and what stands above it."""

    fields: Mapping[str, str]
    """Key in lower-case letters and digits, such as `starttime`, to value."""
    columns: tuple[str, ...]
    delimiter: str
    line: int

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


def numbered_lines(path: Path) -> Generator[tuple[int, str], None, None]:
    """Yield the lines of a file with their numbers, from 1."""
    yield from enumerate(text_file.lines(path), start=1)


def find_header(
    path: Path, source: Numbered, is_header: Callable[[tuple[str, ...]], bool], what: str
) -> Header:
    """Return the first line whose column names are the wanted ones.

    Raises
    ------
    ImportFileError
        When none of the first lines is; `what` says what file to give.
    """
    fields: dict[str, str] = {}
    for number, line in source:
        match = re.search(r"[,;\t]", line)
        delimiter = match.group() if match else ","
        names = column_names(line, delimiter)
        if len(names) <= COLUMNS_MAX and is_header(names):
            return Header(fields, names, delimiter, number)
        if match:
            key = "".join(c for c in line[: match.start()].casefold() if c.isalnum())
            fields.setdefault(key, printable(line[match.end() :].strip(' \t\r\n,;"'), 80))
        if number >= HEADER_LINES:
            break
    raise ImportFileError(path, "", "the line of column names was not found", f"give {what}")


def column_names(line: str, delimiter: str) -> tuple[str, ...]:
    """Return the names of a header line, in lower case; padding at the end is left out."""
    cells = line.split(delimiter) if delimiter else [line]
    names = [cell.strip(' \t\r\n"').casefold() for cell in cells]
    while names and not names[-1]:  # a spreadsheet pads every line to the same number of cells
        names.pop()
    return tuple(names)


def whole_rows(
    path: Path, source: Numbered, header: Header, dropped: Counter[str]
) -> Iterator[list[str]]:
    """Yield the cells of every row that has as many as there are columns.

    An unterminated last row that was cut is dropped: a cut number would pass as a wrong one.

    Raises
    ------
    ImportFileError
        When there are more rows than a recording has.
    """
    width = len(header.columns)
    before: list[str] = []
    for number, raw in source:
        cells = raw.rstrip("\r\n").replace('"', "").split(header.delimiter)
        while len(cells) > width and not cells[-1].strip():
            cells.pop()
        if not any(cell.strip() for cell in cells):
            continue
        if number - header.line > text_file.MAX_ROWS:
            raise ImportFileError(
                path,
                f"line {number}",
                f"more than {text_file.MAX_ROWS} rows",
                "export a shorter recording",
            )
        if not raw.endswith("\n") and _cut(cells, width, before):
            dropped["cut off at the end"] += 1
        elif len(cells) != width:
            dropped["with too few or too many cells"] += 1
        else:
            yield cells
            before = cells


def _cut(cells: list[str], width: int, before: list[str]) -> bool:
    """Tell whether an unterminated last row was cut: cells or decimals are missing."""
    if len(cells) != width:
        return True
    return bool(before) and _decimals(cells[-1]) < _decimals(before[-1])


def _decimals(cell: str) -> int:
    return len(cell.strip().replace(",", ".").partition(".")[2])


def numbers(cells: Sequence[str], delimiter: str) -> list[float] | None:
    """Return cells as numbers; None when one is none."""
    if delimiter != ",":  # saved where the comma is the decimal sign
        cells = [cell.replace(",", ".") for cell in cells]
    if any("_" in cell for cell in cells):  # Python's own digit separator, no measurement
        return None
    try:
        return [float(cell) for cell in cells]
    except ValueError:
        return None
