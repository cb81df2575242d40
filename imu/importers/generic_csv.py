"""Any CSV file with a time and orientations (or acceleration and rate) → one session.

A column map says what is what (`imu.importers.column_map`). Units stand in files of their own, in
one file row by row with a column that names the unit, or side by side in columns of their own; a
unit's streams may stand in files of their own. All times must be on one clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from imu.importers import Hints, ImportedSession, ImportFileError, Placement
from imu.importers.alignment import unwrap
from imu.importers.column_map import PLACES, SAMPLES, TIME_UNITS, ColumnMap
from imu.importers.streams import Stream, joined
from imu.importers.text.dropped import Dropped
from imu.importers.text.number_table import (
    Header,
    NumberRows,
    find_header,
    numbered_lines,
    read_numbers,
)
from imu.importers.tracks import Recorded, check_placements, session_of
from imu.importers.turned_columns import in_si
from imu.sample import FloatArray

PROFILE = "csv"
COUNTER_BITS = 16
"""Width of the packet counters that stand in tables."""


def import_csv(
    files: Mapping[Placement, Path | Sequence[Path]],
    columns: ColumnMap | Sequence[ColumnMap],
    hints: Hints | None = None,
) -> ImportedSession:
    """Turn CSV files into a session.

    Parameters
    ----------
    files
        Where each unit was strapped, and its file, or its files where its streams have one each;
        one file may be given for several units.
    columns
        What is what; of several maps the first that fits a file is used.
    hints
        The rate where there is no time, and offsets between clocks.

    Raises
    ------
    ImportFileError
        When a file lacks a column, contradicts itself, or its rows are not usable.
    ValueError
        When no file is given or a side is missing.
    """
    check_placements(files)
    hints = hints or Hints()
    given = {place: [one] if isinstance(one, Path) else list(one) for place, one in files.items()}
    maps = [columns] if isinstance(columns, ColumnMap) else list(columns)
    if not any(one.unit or one.of("a") != one or one.places for one in maps):
        _refuse_same([path for paths in given.values() for path in paths])
    notes: list[str] = []
    recorded = [_recorded(place, paths, maps, hints, notes) for place, paths in given.items()]
    first = next(iter(given.values()))[0]
    warnings = [f"{first.name} tells no start time.", *dict.fromkeys(notes)]
    return session_of(recorded, lambda _: None, warnings, hints)


def holds(path: Path, columns: ColumnMap | Sequence[ColumnMap]) -> tuple[str, ...]:
    """Return which quantities a file holds by its column names, such as `acceleration`.

    Raises
    ------
    ImportFileError
        When its line of column names is not found.
    """
    maps = [columns] if isinstance(columns, ColumnMap) else list(columns)
    maps = [one.of(place) for one in maps for place in PLACES]
    with closing(numbered_lines(path)) as source:
        header = find_header(
            path, source, lambda names: _chosen(path, names, maps) is not None, _wanted(path, maps)
        )
    chosen = _chosen(path, header.columns, maps) or maps[0]
    return tuple(_groups(path, header, chosen, lenient=True))


def _refuse_same(paths: Sequence[Path]) -> None:
    """Refuse one file for two units that nothing in the map tells apart."""
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            raise ImportFileError(
                path,
                "",
                "the file is given for two units and the column map does not tell them apart",
                "map the column that names the unit, or name the place before the columns",
            )
        seen.add(path.resolve())


def _recorded(
    place: Placement, paths: Sequence[Path], maps: Sequence[ColumnMap], hints: Hints,
    notes: list[str],
) -> Recorded:  # fmt: skip
    segment, side = place
    label = f"{side} {segment}" if side else str(segment)
    mine = [one.of(label.replace(" ", "_")) for one in maps]
    lenient = len(paths) > 1 or len(maps) > 1
    streams = [_read(path, label, mine, hints, notes, lenient=lenient) for path in paths]
    unit = mine[0].time_unit if mine[0].time and len(maps) == 1 else ""
    return joined(place, streams, profile=PROFILE, name=label, time_unit=unit)


def _read(
    path: Path, label: str, maps: Sequence[ColumnMap], hints: Hints, notes: list[str],
    *, lenient: bool,
) -> Stream:  # fmt: skip
    """Return what one file holds of one unit."""
    dropped = Dropped()
    with closing(numbered_lines(path)) as source:
        header = find_header(
            path, source, lambda names: _chosen(path, names, maps) is not None, _wanted(path, maps)
        )
        columns = _fitting(path, header, maps, hints)
        groups = _groups(path, header, columns, lenient=lenient)
        timed = [columns.time] if columns.time else []
        names = [*timed, *(name for group in groups.values() for name in group)]
        used = [header.index(path, name) for name in names]
        told = header.index(path, columns.unit) if columns.unit else None
        table = read_numbers(path, source, header, used, dropped, _of_unit(told, label))
    if not len(table.values) and told is not None:
        raise ImportFileError(
            path, f"column {columns.unit!r}", f"no row is of the unit {label!r}", "check its values"
        )
    found: dict[str, FloatArray] = {}
    at = len(timed)
    for name, group in groups.items():
        found[name] = table.values[:, at : at + len(group)]
        at += len(group)
    quantities, said = in_si(found, columns)
    notes += said
    return Stream(
        path=path,
        time_s=_times(table, header, columns, hints),
        groups=quantities,
        lines=table.lines,
        rows=table.rows,
        dropped=dropped,
    )


def _has(names: tuple[str, ...], wanted: str) -> bool:
    return wanted.strip().casefold() in names


def _chosen(path: Path, names: tuple[str, ...], maps: Sequence[ColumnMap]) -> ColumnMap | None:
    """Return the first map that a line of column names fits, None when it fits none."""
    for one in maps:
        groups = one.groups.values()
        whole = any(all(_has(names, name) for name in group) for group in groups)
        timed = bool(one.time) and _has(names, one.time)
        if one.is_for(path) and ((whole and timed) if len(maps) > 1 else (whole or timed)):
            return one
    return None


def _wanted(path: Path, maps: Sequence[ColumnMap]) -> str:
    """Return which file is wanted, for a sentence."""
    meant = [one for one in maps if one.is_for(path)]
    if not meant:
        return f"a file whose name is like {' or '.join(one.file for one in maps)}"
    if len(maps) == 1 and maps[0].time:
        return f"a CSV file with the column {maps[0].time!r}"
    group = next(iter(meant[0].groups.values()))
    return "a CSV file with the columns " + ", ".join((*filter(None, (meant[0].time,)), *group))


def _fitting(path: Path, header: Header, maps: Sequence[ColumnMap], hints: Hints) -> ColumnMap:
    """Return the map to use: the first that fits and whose times can be told.

    Raises
    ------
    ImportFileError
        When times are in samples and nothing tells the rate.
    """
    fitting = [one for one in maps if _chosen(path, header.columns, [one, one]) is not None]
    fitting = fitting or [one for one in [_chosen(path, header.columns, maps)] if one is not None]
    for one in fitting:
        if one.time_unit != SAMPLES or _rate_hz(header, one, hints) is not None:
            return one
    raise ImportFileError(
        path, f"line {header.line}", f"{fitting[0].time} counts samples and no rate is told",
        "give --rate HZ",
    )  # fmt: skip


def _rate_hz(header: Header, columns: ColumnMap, hints: Hints) -> float | None:
    if hints.rate_hz is not None:
        return hints.rate_hz
    key = "".join(c for c in columns.rate_field.casefold() if c.isalnum())
    match = re.match(r"\d{1,4}(?:\.\d{1,6})?", header.fields.get(key, ""), re.ASCII)
    return float(match.group()) or None if match else None


def _groups(
    path: Path, header: Header, columns: ColumnMap, *, lenient: bool
) -> dict[str, tuple[str, ...]]:
    """Return the groups to read: all that are mapped, or those that a file of several holds."""
    groups = columns.groups
    there = {
        name: group for name, group in groups.items() if all(_has(header.columns, n) for n in group)
    }
    used = there if lenient and there else groups
    if columns.time:
        header.index(path, columns.time)
    for name in ("matrix", "euler"):  # one orientation is enough
        if "quaternion" in used or (name == "euler" and "matrix" in used):
            used = {key: group for key, group in used.items() if key != name}
    return used


def _of_unit(told: int | None, label: str) -> Callable[[list[str]], bool] | None:
    if told is None:
        return None
    wanted = _plain(label)
    return lambda cells: _plain(cells[told]) == wanted


def _plain(text: str) -> str:
    return " ".join(text.casefold().replace("_", " ").replace("-", " ").split())


def _times(table: NumberRows, header: Header, columns: ColumnMap, hints: Hints) -> FloatArray:
    """Return the seconds of each row, shape (n,)."""
    if not columns.time:
        rate_hz = hints.rate_hz or 1.0
        rows = table.lines - header.line - 1  # rows that fell took their time too
        return (np.arange(len(rows)) if columns.unit else rows) / rate_hz
    values = table.values[:, 0]
    if columns.time_unit == SAMPLES:
        rate_hz = _rate_hz(header, columns, hints) or 1.0
        return _running(values) / rate_hz
    with np.errstate(over="ignore"):
        return values * TIME_UNITS[columns.time_unit]


def _running(counter: FloatArray) -> FloatArray:
    """Return a packet counter without its wraps."""
    period = 1 << COUNTER_BITS
    if not len(counter) or not np.isfinite(counter).all() or np.any(np.abs(counter) >= period):
        return counter
    return unwrap(np.rint(counter).astype(np.int64), COUNTER_BITS).astype(np.float64)
