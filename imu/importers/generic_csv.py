"""Any CSV file with a time and quaternions (or acceleration and rate) → one session.

A column map says what is what (`imu.importers.column_map`). Units stand in files of their own, in
one file row by row with a column that names the unit, or side by side in columns of their own. All
times must be on one clock.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import numpy as np

from imu.importers import ImportedSession, ImportFileError, Placement
from imu.importers.column_map import ACC_UNITS, GYR_UNITS, TIME_UNITS, ColumnMap
from imu.importers.number_table import find_header, numbered_lines, numbers, whole_rows
from imu.importers.tracks import Recorded, check_placements, session_of
from imu.quaternion import by_rows, conjugate
from imu.sample import FloatArray

PROFILE = "csv"


def import_csv(files: Mapping[Placement, Path], columns: ColumnMap) -> ImportedSession:
    """Turn CSV files into a session.

    Parameters
    ----------
    files
        Where each unit was strapped, and its file; one file may be given for several.
    columns
        What is what.

    Raises
    ------
    ImportFileError
        When a file lacks a column, or its rows are not usable.
    ValueError
        When no file is given or a side is missing.
    """
    check_placements(files)
    if not columns.unit and columns.of("a") == columns:
        _refuse_same(files)
    recorded = [_read(path, place, columns) for place, path in files.items()]
    first = next(iter(files.values()))
    warnings = [f"{first.name} tells no start time."]
    return session_of(recorded, lambda _: None, warnings)


def _refuse_same(files: Mapping[Placement, Path]) -> None:
    """Refuse one file for two units that nothing in the map tells apart."""
    seen: set[Path] = set()
    for path in files.values():
        if path.resolve() in seen:
            raise ImportFileError(
                path,
                "",
                "the file is given for two units and the column map does not tell them apart",
                "map the column that names the unit, or write {place} in the columns' names",
            )
        seen.add(path.resolve())


def _read(path: Path, place: Placement, columns: ColumnMap) -> Recorded:
    segment, side = place
    label = f"{side} {segment}" if side else str(segment)
    mine = columns.of(label.replace(" ", "_"))
    wanted = mine.time.strip().casefold()
    dropped: Counter[str] = Counter()
    groups = mine.groups
    with closing(numbered_lines(path)) as source:
        header = find_header(
            path, source, lambda names: wanted in names, f"a CSV file with the column {mine.time!r}"
        )
        names = [mine.time, *(name for group in groups.values() for name in group)]
        used = [header.index(path, name) for name in names]
        told = header.index(path, mine.unit) if mine.unit else None
        values = array("d")
        for cells in whole_rows(path, source, header, dropped):
            if told is not None and _plain(cells[told]) != _plain(label):
                continue
            row = numbers([cells[i] for i in used], header.delimiter)
            if row is None:
                dropped["with cells that are no numbers"] += 1
            else:
                values.extend(row)
    table = np.frombuffer(values, dtype=np.float64).reshape(-1, len(used))
    if not len(table) and told is not None:
        raise ImportFileError(
            path, f"column {mine.unit!r}", f"no row is of the unit {label!r}", "check its values"
        )
    parts: dict[str, FloatArray] = {}
    at = 1
    for name, group in groups.items():
        parts[name] = table[:, at : at + len(group)]
        at += len(group)
    q, acc, gyr = (parts.get(name) for name in ("quaternion", "acceleration", "gyroscope"))
    if q is not None and mine.inverse:
        q = by_rows(conjugate, q)
    with np.errstate(over="ignore"):
        return Recorded(
            path=path,
            place=place,
            time_s=table[:, 0] * TIME_UNITS[mine.time_unit],
            q=q,
            acc=None if acc is None else acc * ACC_UNITS[mine.acceleration_unit],
            gyr=None if gyr is None else gyr * GYR_UNITS[mine.gyroscope_unit],
            profile=PROFILE,
            name=label,
            rows=len(table) + dropped.total(),
            dropped=dropped,
        )


def _plain(text: str) -> str:
    return " ".join(text.casefold().replace("_", " ").replace("-", " ").split())
