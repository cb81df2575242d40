"""The text of a Movella (formerly Xsens) DOT app CSV file → checked numbers by column.

The table is decided by its columns, never by the text of the measurement mode, and found by the
line that starts with `PacketCounter`: everything above it varies with the app's version and with
what a spreadsheet did to the file since.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np

from imu.importers import ImportFileError, printable
from imu.importers.alignment import longest_forward, unwrap
from imu.importers.number_table import (
    HEADER_LINES,
    Header,
    column_names,
    numbered_lines,
    numbers,
    whole_rows,
)
from imu.sample import BoolArray, FloatArray

TIME_BITS = 32
QUATERNION = ("quat_w", "quat_x", "quat_y", "quat_z")
EULER = ("euler_x", "euler_y", "euler_z")
ACC = ("acc_x", "acc_y", "acc_z")
GYR = ("gyr_x", "gyr_y", "gyr_z")

_COUNTERS = ("packetcounter", "sampletimefine")
# The unit measures to ±16 g and ±2000 °/s; twice that is no measurement.
# Angles go once around.
_LIMITS = {ACC: 320.0, GYR: 4000.0, EULER: 360.0}
_QUATERNION_LENGTH = (0.5, 2.0)


@dataclass(frozen=True, slots=True)
class DotTable:
    """What the text holds, in the file's own units."""

    fields: Mapping[str, str]
    """Header lines: key in lower-case letters and digits, such as `outputrate`, to value."""
    columns: Mapping[str, FloatArray]
    """Lower-case column name to its numbers, shape (n,), for the columns we use."""
    rows: int
    """Rows below the header, kept or not."""
    dropped: Mapping[str, int]
    """Rows that were not kept, by reason."""


def read_table(path: Path) -> DotTable:
    """Read the rows that a unit can have measured, time running forwards.

    Parameters
    ----------
    path : pathlib.Path
        A CSV file, delimited by commas, or by semicolons or tabs with decimal commas.

    Returns
    -------
    DotTable
        At least two rows, of the two counters and every whole group among quaternion (or else
        Euler angles), acceleration and rotation rate.

    Raises
    ------
    ImportFileError
        When the file is no DOT export, its mode carries no orientation, or fewer than two rows
        are usable.
    """
    dropped: Counter[str] = Counter()
    with closing(numbered_lines(path)) as source:
        header = _read_header(path, source)
        used = _used_columns(path, header)
        values = _read_rows(path, source, header, used, dropped)
    rows = len(values) + dropped.total()
    values = _forwards(_measured(values, used, dropped), dropped)
    if len(values) < 2:
        raise ImportFileError(
            path,
            f"below line {header.line}",
            f"fewer than two of {rows} rows are usable" + _in_brackets(dropped),
            "export the recording again",
        )
    columns = {name: values[:, i] for i, name in enumerate(used)}
    return DotTable(header.fields, columns, rows, dict(dropped))


def describe_dropped(dropped: Mapping[str, int]) -> str:
    """Return what was dropped and why, as `3 repeated, 1 cut off at the end`."""
    return ", ".join(f"{count} {reason}" for reason, count in dropped.items())


def _in_brackets(dropped: Mapping[str, int]) -> str:
    return f" ({describe_dropped(dropped)})" if dropped else ""


def _read_header(path: Path, source: Iterator[tuple[int, str]]) -> Header:
    fields: dict[str, str] = {}
    for number, line in source:
        key, delimiter, value = _first_cell(line)
        name = "".join(c for c in key.casefold() if c.isalnum())
        if name == "packetcounter":
            return Header(fields, column_names(line, delimiter), delimiter, number)
        if delimiter and name:
            fields.setdefault(name, printable(value.strip(' \t\r\n,;"'), 80))
        if number >= HEADER_LINES:
            break
    raise ImportFileError(
        path,
        "",
        "no line starts with PacketCounter",
        "give a CSV file exported by the Movella DOT app",
    )


def _first_cell(line: str) -> tuple[str, str, str]:
    """Return the first cell, the delimiter after it (empty when there is none) and the rest."""
    match = re.search(r"[,;\t]", line)
    if match is None:
        return line, "", ""
    return line[: match.start()], match.group(), line[match.end() :]


def _used_columns(path: Path, header: Header) -> tuple[str, ...]:
    place = f"line {header.line}"
    columns = header.columns
    twice = sorted(name for name, count in Counter(columns).items() if name and count > 1)
    if twice:
        raise ImportFileError(
            path, place, f"columns appear twice: {', '.join(twice)}", "export the recording again"
        )
    for name, column in zip(("PacketCounter", "SampleTimeFine"), _COUNTERS, strict=True):
        if column not in columns:
            raise ImportFileError(
                path, place, f"the column {name} is missing", "export the recording again"
            )
    present = [group for group in (QUATERNION, EULER, ACC, GYR) if set(group) <= set(columns)]
    if QUATERNION in present and EULER in present:
        present.remove(EULER)
    oriented = QUATERNION in present or EULER in present
    if not oriented and not (ACC in present and GYR in present):
        raise _no_orientation(path, place, header)
    return _COUNTERS + tuple(name for group in present for name in group)


def _no_orientation(path: Path, place: str, header: Header) -> ImportFileError:
    mode = header.fields.get("measurementmode") or "+".join(header.columns[2:]) or "no data"
    return ImportFileError(
        path,
        place,
        f"the measurement mode '{mode}' carries no orientation",
        "record in a mode with quaternions (Extended, Complete or Orientation, Custom Mode 3 or 5),"
        " with Euler angles, or with rate quantities",
    )


def _read_rows(
    path: Path,
    source: Iterator[tuple[int, str]],
    header: Header,
    used: tuple[str, ...],
    dropped: Counter[str],
) -> FloatArray:
    """Return the numbers of the used columns, shape (n, used), of every row that has them."""
    pick = itemgetter(*(header.columns.index(name) for name in used))
    values = array("d")
    for cells in whole_rows(path, source, header, dropped):
        row = numbers(pick(cells), header.delimiter)
        if row is None:
            dropped["with cells that are no numbers"] += 1
        else:
            values.extend(row)
    return np.frombuffer(values, dtype=np.float64).reshape(-1, len(used))


def _measured(values: FloatArray, used: tuple[str, ...], dropped: Counter[str]) -> FloatArray:
    """Return the rows that a unit can have measured."""

    def kept(rows: FloatArray, good: BoolArray | np.bool_, reason: str) -> FloatArray:
        if not good.all():
            dropped[reason] += int((~good).sum())
        return rows[good]

    def columns(names: tuple[str, ...]) -> FloatArray:
        return values[:, [used.index(name) for name in names]]

    values = kept(values, np.isfinite(values).all(axis=1), "with NaN or infinite values")
    for name in _COUNTERS:
        count: FloatArray = values[:, used.index(name)]
        good = (count >= 0) & (count < 2.0**TIME_BITS) & (count % 1 == 0)
        values = kept(values, good, f"with a bad {name}")
    for group, limit in _LIMITS.items():
        if group[0] in used:
            values = kept(values, (np.abs(columns(group)) <= limit).all(axis=1), "out of range")
    if QUATERNION[0] in used:
        # clipped, because the squares of absurd numbers would overflow
        length: FloatArray = np.linalg.norm(np.clip(columns(QUATERNION), -9.0, 9.0), axis=1)
        shortest, longest = _QUATERNION_LENGTH
        good = (length > shortest) & (length < longest)
        values = kept(values, good, "with a quaternion not of length one")
    return values


def _forwards(values: FloatArray, dropped: Counter[str]) -> FloatArray:
    """Return the rows without repeats and with time running forwards."""
    if not len(values):
        return values
    repeated = np.concatenate(([False], np.diff(values[:, 0]) == 0))
    if np.any(repeated):
        dropped["repeated"] += int(np.sum(repeated))
        values = values[~repeated]
    keep = longest_forward(unwrap(values[:, 1].astype(np.int64), TIME_BITS))
    if len(keep) < len(values):
        dropped["with time running backwards"] += len(values) - len(keep)
    return values[keep]
