"""OpenSense `.sto` files of orientations → one session; the units share one clock.

The table begins after the line `endheader`: `time` and a column for each body, `femur_r_imu` and
so on, separated by tabs; a cell is a quaternion `w,x,y,z`, sensor to an earth whose z points up.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from imu.importers import Hints, ImportedSession, ImportFileError, Placement, printable
from imu.importers.alignment import Track, longest_forward, merge
from imu.importers.text import text_file
from imu.importers.text.dropped import (
    BACKWARDS,
    CUT,
    NO_ROTATION,
    NOT_FINITE,
    Dropped,
    drop_where,
    in_row,
    refuse_if_most_fell,
)
from imu.importers.witnesses.rows import rate_of, refuse_bad_span, ticks_of, unit_length
from imu.importers.witnesses.stamps import repeats, spread
from imu.sample import FloatArray, IntArray, Segment, Side, Unit

BODIES = {"pelvis": Segment.PELVIS, "femur": Segment.THIGH, "tibia": Segment.SHANK}
SIDES = {"r": Side.RIGHT, "l": Side.LEFT, None: None}
TICK_S = 1e-9
ABSURD_S = 1e20
_COLUMN = re.compile(r"(pelvis|femur|tibia)(?:_([rl]))?_imu", re.ASCII)
_HEADER_LINES = 200
_COLUMNS_MAX = 64
_RATE_TOLERANCE = 0.05


def import_opensense(path: Path, hints: Hints | None = None) -> ImportedSession:
    """Turn a `.sto` file of quaternions into a session.

    Columns of other bodies are left out with a warning. `DataType=Quaternion` is needed; a rate in
    the header that the times contradict is not believed.

    Raises
    ------
    ImportFileError
        When the file is no such table, holds no body we know, or too few rows are usable.
    """
    dropped = Dropped()
    with closing(text_file.lines(path)) as lines:
        source = enumerate(lines, start=1)
        fields = _read_header(path, source)
        number, names = _column_names(path, source)
        places, ignored = _places(path, number, names)
        time_s, q, rows_at = _read_rows(path, source, len(names), list(places), dropped)
    rows = len(time_s) + dropped.total()
    time_s, q = _usable(time_s, q, rows_at, dropped)
    refuse_if_most_fell(path, len(time_s), rows, dropped, f"below line {number}")
    measured_hz = rate_of(path, "column time", time_s)
    refuse_bad_span(path, "column time", time_s)
    ns = np.rint((time_s - time_s[0]) / TICK_S).astype(np.int64)
    tracks = _tracks(ns, q, list(places.values()), hints or Hints())
    rate_hz = _rate_hz(fields.get("datarate", ""), measured_hz)
    units = tuple(
        Unit(segment=s, side=side, rate_hz=rate_hz, profile="opensense", name=names[column],
             tick_s=TICK_S, time_bits=63, sequence_bits=32)
        for column, (s, side) in places.items()
    )  # fmt: skip
    warnings = [f"{path.name} tells no start time."]
    if ignored:
        warnings.append(f"{path.name}: left out the bodies {', '.join(ignored)}.")
    if dropped:
        warnings.append(f"{path.name}: {dropped.total()} rows dropped ({dropped.told()}).")
    return ImportedSession(
        units, merge(tracks), "shared", None, warnings, origin_s=float(time_s[0])
    )


def _tracks(ns: IntArray, q: FloatArray, places: list[Placement], hints: Hints) -> list[Track]:
    """Return a track for each place; a unit whose clock differs is moved as a person says."""
    empty = np.full((len(ns), 3), np.nan)
    moved_ns = [round(hints.offset_s.get(place, 0.0) / TICK_S) for place in places]
    first_ns = min(moved_ns)
    return [
        Track(at, at, np.arange(len(ns)), q[:, i], empty, empty)
        for i, by in enumerate(moved_ns)
        for at in [ns + (by - first_ns)]
    ]


def _read_header(path: Path, source: Iterator[tuple[int, str]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for number, line in source:
        key, _, value = line.strip().partition("=")
        if key.casefold() == "endheader":
            kind = fields.get("datatype", "")
            if kind.casefold() != "quaternion":
                raise ImportFileError(
                    path,
                    f"line {number}",
                    f"the data type is '{printable(kind, 40)}', not Quaternion",
                    "give the file of sensor orientations",
                )
            return fields
        fields.setdefault(key.strip().casefold(), value.strip())
        if number >= _HEADER_LINES:
            break
    raise ImportFileError(
        path, "", "no line is endheader", "give an OpenSense .sto file of orientations"
    )


def _rate_hz(text: str, measured_hz: float) -> float:
    """Return the rate the header names, unless the times contradict it."""
    match = re.fullmatch(r"\d{1,5}(?:\.\d{1,9})?", text, re.ASCII)
    named_hz = float(match.group()) if match else 0.0
    return named_hz if abs(named_hz - measured_hz) <= _RATE_TOLERANCE * measured_hz else measured_hz


def _column_names(path: Path, source: Iterator[tuple[int, str]]) -> tuple[int, list[str]]:
    for number, line in source:
        names = [name.strip() for name in line.rstrip("\r\n\t ").split("\t")]
        if names == [""]:
            continue
        if names[0].casefold() != "time" or not 2 <= len(names) <= _COLUMNS_MAX:
            raise ImportFileError(
                path, f"line {number}", "the columns do not begin with time", "export it again"
            )
        return number, names
    raise ImportFileError(path, "", "there is no table after endheader", "export it again")


def _places(path: Path, line: int, names: list[str]) -> tuple[dict[int, Placement], list[str]]:
    """Return where each known column's unit was strapped, and the names of the others."""
    places: dict[int, Placement] = {}
    ignored = []
    for column, name in enumerate(names[1:], start=1):
        match = _COLUMN.fullmatch(name)
        place = (BODIES[match[1]], SIDES[match[2]]) if match else None
        if place is None or (place[0] is Segment.PELVIS) != (place[1] is None):
            ignored.append(printable(name, 40))
        elif place in places.values():
            raise ImportFileError(
                path, f"line {line}", f"two columns are called {name}", "export it again"
            )
        else:
            places[column] = place
    if not places:
        raise ImportFileError(
            path,
            f"line {line}",
            "no column is a body we know",
            "name them pelvis_imu, femur_r_imu, tibia_r_imu, femur_l_imu, tibia_l_imu",
        )
    return places, ignored


def _read_rows(
    path: Path,
    source: Iterator[tuple[int, str]],
    width: int,
    used: list[int],
    dropped: Dropped,
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return times (n,), quaternions (n, used, 4) and the line of each row (n,)."""
    values, lines = array("d"), array("q")
    for number, raw in source:
        line = raw.rstrip("\r\n\t ")
        if not line:
            continue
        if number > text_file.MAX_ROWS:
            raise ImportFileError(
                path, f"line {number}", f"more than {text_file.MAX_ROWS} rows", "cut it"
            )
        cells = line.split("\t")
        numbers = _numbers(cells, used) if len(cells) == width else None
        if numbers is None:
            cut = not raw.endswith("\n")
            reason = CUT if cut else "with cells that are no quaternions"
            dropped.fell(reason, 1, f"line {number}", _wrong_cell(cells, used))
        else:
            values.extend(numbers)
            lines.append(number)
    table = np.frombuffer(values, dtype=np.float64).reshape(-1, 1 + 4 * len(used))
    rows_at = np.frombuffer(lines, dtype=np.int64)
    return table[:, 0], table[:, 1:].reshape(-1, len(used), 4), rows_at


def _wrong_cell(cells: list[str], used: list[int]) -> str:
    """Return the first cell of a row that cannot be used; the last one where cells are missing."""
    whole = [c for c in (0, *used) if c < len(cells)]
    bad = (cells[c] for c in whole if _numbers([cells[0], cells[c]], [1] if c else []) is None)
    return next(bad, cells[-1])


def _numbers(cells: list[str], used: list[int]) -> list[float] | None:
    texts = [cells[0]]
    for column in used:
        parts = cells[column].split(",")
        if len(parts) != 4:
            return None
        texts += parts
    if any("_" in text for text in texts):  # Python's own digit separator, no measurement
        return None
    try:
        return [float(text) for text in texts]
    except ValueError:
        return None


def _usable(
    time_s: FloatArray, q: FloatArray, lines: IntArray, dropped: Dropped
) -> tuple[FloatArray, FloatArray]:
    """Return the rows whose numbers a unit can have said, time running forwards."""
    flat = np.column_stack((time_s, q.reshape(len(q), q.shape[1] * 4)))
    bad = in_row(~np.isfinite(flat)) | (np.abs(time_s) > ABSURD_S)
    drop_where(dropped, bad, NOT_FINITE, lines, flat)
    time_s, q, lines = time_s[~bad], q[~bad], lines[~bad]
    bad = in_row(~unit_length(q))
    drop_where(dropped, bad, NO_ROTATION, lines, q.reshape(len(q), q.shape[1] * 4))
    time_s, q, lines = time_s[~bad], q[~bad], lines[~bad]
    bad = repeats(time_s, q.reshape(len(q), q.shape[1] * 4))
    drop_where(dropped, bad, BACKWARDS, lines, time_s[:, None])
    time_s, q, lines = time_s[~bad], q[~bad], lines[~bad]
    if not len(time_s):
        return time_s, q
    time_s = spread(time_s)
    keep = longest_forward(ticks_of(time_s - time_s[0], TICK_S))
    fell = np.ones(len(time_s), dtype=np.bool_)
    fell[keep] = False
    drop_where(dropped, fell, BACKWARDS, lines, time_s[:, None])
    return time_s[keep], q[keep]
