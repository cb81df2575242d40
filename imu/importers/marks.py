"""The marks of an imported recording: when the wearer stood, held still, bent, exercised."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from imu.importers import ImportFileError, printable
from imu.importers.text import text_file

__all__ = ["KINDS", "LABELS", "read_marks"]

KINDS = ("stand", "pose", "knee", "set")
LABELS = tuple(f"{kind}_{end}" for kind in KINDS for end in ("start", "end"))

_MARKS_MAX = 10_000
_HEADER = ["time_s", "label"]


class _Mark(NamedTuple):
    time_s: float
    label: str
    line: int

    @property
    def kind(self) -> str:
        return self.label.partition("_")[0]

    @property
    def starts(self) -> bool:
        return self.label.endswith("_start")


def read_marks(path: Path) -> list[tuple[float, str]]:
    """Read a `time_s,label` file.

    Every `…_start` needs its `…_end`; intervals may follow each other and may touch, but not
    overlap. Any kind may be missing or come more than once. Rows may be in any order; a
    spreadsheet's semicolons with decimal commas are understood.

    Parameters
    ----------
    path : pathlib.Path
        A CSV file; the header row may be missing.

    Returns
    -------
    list of (float, str)
        Seconds since the session's first sample and label, in time order.

    Raises
    ------
    ImportFileError
        When a time or label is none, or an interval is open, empty, reversed or overlapping.
    """
    with closing(text_file.lines(path)) as source:
        marks = list(_marks(path, source))
    if not marks:
        raise ImportFileError(
            path, "", "the file holds no marks", f"write rows of time_s,label ({_allowed()})"
        )
    # at one instant, what ends there makes room for what starts there
    marks.sort(key=lambda mark: (mark.time_s, mark.starts))
    _check_intervals(path, marks)
    return [(mark.time_s, mark.label) for mark in marks]


def _marks(path: Path, source: Iterator[str]) -> Iterator[_Mark]:
    delimiter = ","
    for number, line in enumerate(source, start=1):
        if not line.strip(" \t\r\n,;"):
            continue
        if number > _MARKS_MAX:
            raise _error(path, number, f"more than {_MARKS_MAX} lines", "keep the marks needed")
        if ";" in line:
            delimiter = ";"
        cells = [cell.strip(' \t\r\n"') for cell in line.split(delimiter)]
        while cells and not cells[-1]:
            cells.pop()
        if [cell.casefold() for cell in cells] == _HEADER or cells[0].casefold() == "sep=":
            continue
        yield _mark(path, number, cells)


def _mark(path: Path, number: int, cells: list[str]) -> _Mark:
    if len(cells) != 2:
        raise _error(path, number, f"{len(cells)} cells instead of 2", "write time_s,label")
    text, label = cells[0].replace(",", "."), cells[1].casefold()
    try:
        time_s = float(text)
    except ValueError:
        time_s = math.nan
    if not 0.0 <= time_s < math.inf:
        raise _error(
            path,
            number,
            f"'{printable(cells[0], 40)}' is no time",
            "write seconds since the first sample, such as 12.5",
        )
    if label not in LABELS:
        raise _error(
            path, number, f"'{printable(cells[1], 40)}' is no label", f"use one of {_allowed()}"
        )
    return _Mark(time_s, label, number)


def _check_intervals(path: Path, marks: list[_Mark]) -> None:
    """Raise unless the marks, in time order, open and close one interval after the other."""
    running: _Mark | None = None
    for mark in marks:
        if running is None and not mark.starts:
            raise _error(
                path,
                mark.line,
                f"{mark.label} at {mark.time_s:g} s has no {mark.kind}_start before it",
                f"an interval needs a start and a later end ({_allowed()})",
            )
        if running is not None and (mark.starts or mark.kind != running.kind):
            raise _error(
                path,
                mark.line,
                f"{mark.label} at {mark.time_s:g} s comes before the end of what began with"
                f" {running.label} at {running.time_s:g} s",
                f"end {running.kind} with {running.kind}_end first ({_allowed()})",
            )
        running = mark if mark.starts else None
    if running is not None:
        raise _error(
            path,
            running.line,
            f"{running.label} at {running.time_s:g} s has no {running.kind}_end after it",
            f"an interval needs a start and a later end ({_allowed()})",
        )


def _allowed() -> str:
    return ", ".join(LABELS)


def _error(path: Path, line: int, reason: str, remedy: str) -> ImportFileError:
    return ImportFileError(path, f"line {line}", reason, remedy)
