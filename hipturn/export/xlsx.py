"""The tables of a session as one Excel workbook of typed cells.

Numbers are numbers and text is text, so that no spreadsheet of any country reads a decimal point as
a thousands mark, and no cell is run as a formula.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pandas as pd
import xlsxwriter

from hipturn import __version__
from hipturn.clinical_words import test_lines

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook

    from analysis.session.analyse import Result
    from imu.recording import Session

WORKBOOK = "tables.xlsx"
WHOLE = {name: name for name in ("reps", "sets", "summary", "angles", "notes")}
"""The sheets beside the CSV tables, and what is on each."""
FOR_READING = {"Summary": "summary", "Sets": "sets", "Reps": "reps", "About": "notes"}
"""Those of a workbook that somebody opens to read: no row for each sample."""
SPREADSHEET = "spreadsheet.xlsx"
ROWS_MAX = 1_048_575
"""Of a sheet, under its header: what Excel can open; a longer table goes on in another sheet."""
CELL_MAX = 32_767
"""Characters of a cell, by the same limit."""
BLOCK = 10_000
"""Rows that are plain values at a time: hours of angles would fill the memory."""
WIDTH_MIN, WIDTH_MAX = 8, 40
NOT_KNOWN = datetime(2000, 1, 1)
"""Stands for the start of a session that no file told."""


def export_xlsx(result: Result, session: Session, folder: Path) -> list[Path]:  # noqa: ARG001
    """Write spreadsheet.xlsx: summary, sets, repetitions and what to know of them."""
    return [write_workbook(result, folder / SPREADSHEET, FOR_READING)]


def write_workbook(
    result: Result, path: Path, sheets: Mapping[str, str] = MappingProxyType(WHOLE)
) -> Path:
    """Write tables as sheets of one workbook, by the sheets' names, or leave none."""
    part = path.with_name(f".{path.name}.part")
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    try:
        with xlsxwriter.Workbook(part, options) as book:
            book.set_properties({"title": result.recording.session_id, "created": _begun(result)})
            head = book.add_format({"bold": True})
            for title, name in sheets.items():
                table = _notes(result) if name == "notes" else getattr(result, name)
                _write_sheets(book, title, table, head)
        return part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write_sheets(book: Workbook, name: str, table: pd.DataFrame, head: Format) -> None:
    for number, first in enumerate(range(0, max(len(table), 1), ROWS_MAX), start=1):
        sheet = book.add_worksheet(name if number == 1 else f"{name} {number}")
        sheet.freeze_panes(1, 0)
        for column, title in enumerate(table.columns):
            sheet.set_column(column, column, min(max(len(title) + 1, WIDTH_MIN), WIDTH_MAX))
            sheet.write_string(0, column, title, head)
        for row, cells in enumerate(_rows(table.iloc[first : first + ROWS_MAX]), start=1):
            for column, cell in enumerate(cells):
                if isinstance(cell, bool):
                    sheet.write_boolean(row, column, cell)
                elif isinstance(cell, int | float):
                    sheet.write_number(row, column, cell)
                elif cell:
                    sheet.write_string(row, column, cell)


def _rows(table: pd.DataFrame) -> Iterator[tuple[bool | float | str, ...]]:
    """Yield the rows as plain values; what is not known is an empty text."""
    for first in range(0, len(table), BLOCK):
        part = table.iloc[first : first + BLOCK]
        columns = [[_plain(cell) for cell in part[name].tolist()] for name in part.columns]
        yield from zip(*columns, strict=True)


def _plain(cell: Any) -> bool | float | str:  # noqa: ANN401 (a table's cell)
    if cell is None or cell is pd.NA:
        return ""
    if isinstance(cell, bool | int):
        return cell
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else ""
    return str(cell)[:CELL_MAX]


def _notes(result: Result) -> pd.DataFrame:
    """Return what a reader of the figures has to know, a row each."""
    recording = result.recording
    exercise = recording.entry
    rows = [
        ("session", recording.session_id),
        ("started", recording.started_at),
        ("exercise", exercise.name),
        ("measured", exercise.measured),
        ("software", f"hipturn {__version__}"),
        *(("test", line.strip()) for line in test_lines(result.tests.values())),
        *(("corrected", sentence) for sentence in result.corrections),
        *(("note", sentence) for sentence in result.sentences),
        ("note", "Not a diagnosis."),
    ]
    return pd.DataFrame(rows, columns=["what", "text"])


def _begun(result: Result) -> datetime:
    """Return the session's start: a workbook of the same session is the same, whenever written."""
    if not result.recording.started_at:
        return NOT_KNOWN
    return datetime.fromisoformat(result.recording.started_at).replace(tzinfo=None)
