"""What can be saved of a session from the page: the files that the commands write, as bytes."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hipturn.words import ENGLISH

if TYPE_CHECKING:
    from analysis.session.analyse import Result
    from hipturn.export.csv import Decimal

    Analyse = Callable[[], Result]


class How(NamedTuple):
    """How a file is written for who saves it."""

    decimal: Decimal = "point"
    """How the CSV tables write fractions."""
    language: str = ENGLISH
    """Of the report."""


AS_EVER = How()
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The same tables make the same file, whenever they are saved."""


def _report(path: Path, out: Path, _analyse: Analyse, how: How) -> None:
    from hipturn.report.make import entries_of, write_report

    write_report(entries_of([path], lambda _: None, language=how.language), out)


def _workbook(_path: Path, out: Path, analyse: Analyse, _how: How) -> None:
    from hipturn.export.xlsx import write_workbook

    write_workbook(analyse(), out)


def _spreadsheet(_path: Path, out: Path, analyse: Analyse, _how: How) -> None:
    from hipturn.export.xlsx import FOR_READING, write_workbook

    write_workbook(analyse(), out, FOR_READING)


def _tables(_path: Path, out: Path, analyse: Analyse, how: How) -> None:
    from hipturn.export.csv import write_tables

    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for table in write_tables(analyse(), out.parent / "tables", how.decimal):
            entry = zipfile.ZipInfo(table.name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            file.writestr(entry, table.read_bytes())


def _packed(path: Path, out: Path, _analyse: Analyse, _how: How) -> None:
    from hipturn.archive.packing import pack

    pack([path], out)


class Saved(NamedTuple):
    """A file that can be saved of a session."""

    media_type: str
    name: str
    """What it is called where it is saved, after the session's name; empty: it is only shown."""
    write: Callable[[Path, Path, Analyse, How], None]


_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FILES = {
    "report.pdf": Saved("application/pdf", "_report.pdf", _report),
    "report.png": Saved("image/png", "", _report),
    "spreadsheet.xlsx": Saved(_XLSX, ".xlsx", _spreadsheet),
    "tables.xlsx": Saved(_XLSX, "_tables.xlsx", _workbook),
    "tables.zip": Saved("application/zip", "_tables.zip", _tables),
    "for-my-therapist.zip": Saved("application/zip", ".hipturn.zip", _packed),
}
"""What there is: a report (or, to be printed, its pages as a picture), the workbook that is read
and the one with every sample, the CSV tables, and the recording itself for `hipturn unpack`."""


def saved(path: Path, name: str, analyse: Analyse, how: How = AS_EVER) -> bytes:
    """Return one of `FILES` of a session.

    Parameters
    ----------
    path
        The session's folder.
    name
        One of `FILES`.
    analyse
        Returns the session analysed.
    how
        Decimals and language.

    Raises
    ------
    SessionError, UserError
        When the session cannot be read, or is being recorded.
    """
    with tempfile.TemporaryDirectory(prefix="hipturn-") as folder:
        out = Path(folder, "file").with_suffix(Path(name).suffix)
        FILES[name].write(path, out, analyse, how)
        return out.read_bytes()
