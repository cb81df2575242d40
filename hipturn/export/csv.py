"""Tables as CSV: UTF-8, a header row, and no cell that a spreadsheet would run.

Numbers have a decimal point between commas; for spreadsheets of countries that write a decimal
comma, `decimal="comma"` writes that, with semicolons between cells and a byte order mark in front.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute
import pyarrow.csv

from hipturn.errors import UserError, printable

if TYPE_CHECKING:
    import pandas as pd

    from analysis.session.analyse import Result
    from imu.recording import Session

Decimal = Literal["point", "comma"]


class Dialect(NamedTuple):
    """How a country's spreadsheets expect a table."""

    delimiter: str
    decimal: str
    mark: bytes
    """What stands in front of the header."""


DIALECTS: dict[Decimal, Dialect] = {
    "point": Dialect(",", ".", b""),
    "comma": Dialect(";", ",", b"\xef\xbb\xbf"),
}
FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""What a spreadsheet runs, in full width too where the language has such signs."""
TEXTS = (
    "session_id", "wearer", "start_time", "exercise", "side", "side_flag", "test_position",
    "trials_deg", "trials_left_out", "edited",
)  # fmt: skip
"""The columns of summary.csv that are text."""
MAX_HEAD = 20_000
"""Of a line of column names, in characters."""
TABLES = ("angles", "reps", "sets", "summary")
"""What a session's tables are called."""
BY_HAND = {"pain_0_10": "pain", "end_feel": "end_feel", "note": "note"}
"""Columns for people to fill in, and the edit that takes such a cell in; a table that holds others
is never overwritten."""


def write_tables(result: Result, folder: Path, decimal: Decimal = "point") -> list[Path]:
    """Write angles.csv, reps.csv, sets.csv and summary.csv into a folder and return their paths.

    Raises
    ------
    UserError
        When the folder cannot be written, or holds a table with entries made by hand.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _refuse_entries_by_hand(folder / "reps.csv", result.reps)
    return [write_table(getattr(result, n), folder / f"{n}.csv", decimal) for n in TABLES]


def write_table(table: pd.DataFrame, path: Path, decimal: Decimal = "point") -> Path:
    """Write one table, whole or not at all; text cells are made safe for spreadsheets."""
    dialect = DIALECTS[decimal]
    # column by column: `Table.from_pandas` takes twice as long on the tables of a session
    arrow = pa.table({name: pa.array(column, from_pandas=True) for name, column in table.items()})
    columns = [_safe(column) for column in arrow.columns]
    if dialect.decimal != ".":
        columns = [_with_comma(column) for column in columns]
    safe = pa.Table.from_arrays(columns, names=arrow.column_names)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(dialect.mark)
            file.write((dialect.delimiter.join(arrow.column_names) + "\n").encode())
            file.write(_rows(safe, dialect.delimiter))
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def read_cells(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table as they are written, without what keeps a cell from being run.

    Raises
    ------
    UserError
        When it cannot be read, or is no table of sets or repetitions.
    """
    import csv

    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, delimiter=dialect_of(path).delimiter))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read ({error}); save it as CSV in UTF-8") from None
    cells = [{name: (cell or "") for name, cell in row.items() if name} for row in rows]
    if cells and not {"side", "start_s", "note"} <= cells[0].keys():
        raise UserError(f"{path}: is no reps.csv or sets.csv: it lacks side, start_s or note")
    return [{n: cell.removeprefix("'") for n, cell in row.items()} for row in cells]


def dialect_of(path: Path) -> Dialect:
    """Return how a table was written, by its line of column names.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        head = file.readline(MAX_HEAD)
    return DIALECTS["comma" if ";" in head else "point"]


def export_csv(
    result: Result, session: Session, folder: Path, decimal: Decimal = "point"
) -> list[Path]:
    """Write the tables and, beside them, every sample as it was recorded (samples.csv)."""
    paths = write_tables(result, folder, decimal)
    samples = sample_table(session).to_pandas()
    return [*paths, write_table(samples, folder / "samples.csv", decimal)]


def sample_table(session: Session) -> pa.Table:
    """Return every sample that counts as it was recorded; what a unit did not send is null."""
    table = session.table()
    units = session.header.units
    arrays = {
        "unit": pa.DictionaryArray.from_arrays(
            pa.array(table.unit), pa.array([unit.label for unit in units])
        ),
        "host_time_ns": pa.array(table.host_time_ns),
        "device_time": pa.array(table.device_time, mask=table.device_time < 0),
        "sequence": pa.array(table.sequence, mask=table.sequence < 0),
    }
    for names, values in (
        ("qw qx qy qz", table.q),
        ("ax ay az", table.acc),
        ("gx gy gz", table.gyr),
    ):
        for i, name in enumerate(names.split()):
            arrays[name] = pa.array(values[:, i], from_pandas=True)
    return pa.table(arrays)


def _with_comma(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return fractions as text with a decimal comma; other columns stay."""
    if not pa.types.is_floating(column.type):
        return column
    return pa.compute.replace_substring(column.cast(pa.string()), ".", ",")


def _rows(table: pa.Table, delimiter: str) -> pa.Buffer:
    """Return CSV rows; text is quoted only where a cell holds a delimiter, quote or line end."""
    for quoting in ("none", "needed"):
        sink = pa.BufferOutputStream()
        options = pa.csv.WriteOptions(
            include_header=False, quoting_style=quoting, delimiter=delimiter
        )
        try:
            pa.csv.write_csv(table, sink, options)
        except pa.ArrowInvalid:
            continue  # a cell needs quotes
        return sink.getvalue()
    raise AssertionError("quoted text can always be written")


def _safe(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return text that starts like a formula with a `'` in front (CWE-1236); numbers stay."""
    if pa.types.is_dictionary(column.type):
        whole = column.combine_chunks().unify_dictionaries() if column.num_chunks > 1 else column
        return pa.chunked_array(
            [
                pa.DictionaryArray.from_arrays(chunk.indices, _quoted(chunk.dictionary)).cast(
                    column.type.value_type
                )
                for chunk in whole.chunks
            ],
            type=column.type.value_type,
        )
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    return pa.chunked_array([_quoted(chunk) for chunk in column.chunks], type=column.type)


def _quoted(texts: pa.Array) -> pa.Array:
    cells = [None if cell is None else _cell(cell) for cell in texts.to_pylist()]
    return pa.array(cells, type=texts.type)


def _cell(text: str) -> str:
    """Return a text as a cell: no control characters, and nothing that is run as a formula."""
    text = printable(text)
    return f"'{text}" if text.lstrip().startswith(FORMULA_STARTS) else text


def _refuse_entries_by_hand(path: Path, reps: pd.DataFrame) -> None:
    """Refuse to write over cells that people filled in and nobody took in."""
    if not path.exists():
        return
    known = {
        (str(row["side"]), round(float(row["start_s"]), 3)): row for row in reps.to_dict("records")
    }
    filled: dict[str, None] = {}
    for row in read_cells(path):
        kinds = row.get("edited", "").split(";")
        start_s = round(float(row["start_s"].replace(",", ".")), 3)
        now: dict[Any, Any] = known.get((row["side"], start_s), {})
        for name, kind in BY_HAND.items():
            if row.get(name) and kind not in kinds and row[name] != now.get(name):
                filled[name] = None
    if filled:
        raise UserError(
            f"{path}: holds entries made by hand ({', '.join(filled)}), which a new table would"
            " lose; take them in with `hipturn edit SESSION --from reps.csv`, or choose another"
            " folder with --out"
        )
