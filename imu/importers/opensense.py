"""OpenSense `.sto` files of orientations → one session; the units share one clock.

The table begins after the line `endheader`: `time` and a column for each body, `femur_r_imu` and
so on, separated by tabs; a cell is a quaternion `w,x,y,z`, sensor to an earth whose z points up.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from imu.importers import ImportedSession, ImportFileError, Placement, printable, text_file
from imu.importers.alignment import Track, longest_forward, merge
from imu.importers.rows import rate_of, refuse_bad_span, ticks_of, unit_length
from imu.sample import FloatArray, Segment, Side, Unit

BODIES = {"pelvis": Segment.PELVIS, "femur": Segment.THIGH, "tibia": Segment.SHANK}
SIDES = {"r": Side.RIGHT, "l": Side.LEFT, None: None}
TICK_S = 1e-9
_COLUMN = re.compile(r"(pelvis|femur|tibia)(?:_([rl]))?_imu", re.ASCII)
_HEADER_LINES = 200
_COLUMNS_MAX = 64
_RATE_TOLERANCE = 0.05


def import_opensense(path: Path) -> ImportedSession:
    """Turn a `.sto` file of quaternions into a session.

    Columns of other bodies are left out with a warning. `DataType=Quaternion` is needed; a rate in
    the header that the times contradict is not believed.

    Raises
    ------
    ImportFileError
        When the file is no such table, holds no body we know, or fewer than two rows are usable.
    """
    dropped: Counter[str] = Counter()
    with closing(text_file.lines(path)) as lines:
        source = enumerate(lines, start=1)
        fields = _read_header(path, source)
        number, names = _column_names(path, source)
        places, ignored = _places(path, number, names)
        time_s, q = _read_rows(path, source, len(names), list(places), dropped)
    keep = _usable(time_s, q, dropped)
    time_s, q = time_s[keep], q[keep]
    if len(time_s) < 2:
        raise ImportFileError(
            path, f"below line {number}", "fewer than two rows are usable", "export it again"
        )
    refuse_bad_span(path, "column time", time_s)
    ns = np.rint((time_s - time_s[0]) / TICK_S).astype(np.int64)
    n = len(ns)
    empty = np.full((n, 3), np.nan)
    tracks = [Track(ns, ns, np.arange(n), q[:, i], empty, empty) for i in range(len(places))]
    rate_hz = _rate_hz(fields.get("datarate", ""), rate_of(path, "column time", time_s))
    units = tuple(
        Unit(segment=s, side=side, rate_hz=rate_hz, profile="opensense", name=names[column],
             tick_s=TICK_S, time_bits=63, sequence_bits=32)
        for column, (s, side) in places.items()
    )  # fmt: skip
    warnings = [f"{path.name} tells no start time."]
    if ignored:
        warnings.append(f"{path.name}: left out the bodies {', '.join(ignored)}.")
    if dropped:
        told = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
        warnings.append(f"{path.name}: {dropped.total()} rows dropped ({told}).")
    return ImportedSession(units, merge(tracks), "shared", None, warnings)


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
    dropped: Counter[str],
) -> tuple[FloatArray, FloatArray]:
    """Return times (n,) and quaternions (n, used, 4)."""
    values = array("d")
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
            dropped["cut off at the end" if cut else "with cells that are no quaternions"] += 1
        else:
            values.extend(numbers)
    table = np.frombuffer(values, dtype=np.float64).reshape(-1, 1 + 4 * len(used))
    return table[:, 0], table[:, 1:].reshape(-1, len(used), 4)


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


def _usable(time_s: FloatArray, q: FloatArray, dropped: Counter[str]) -> np.ndarray:
    """Return the indices of rows whose numbers a unit can have said, time running forwards."""
    finite = np.isfinite(time_s) & np.isfinite(q).all(axis=(1, 2))
    good = finite & unit_length(q).all(axis=1)
    if not good.all():
        dropped["with NaN, infinite or no unit quaternions"] += int((~good).sum())
    kept = np.flatnonzero(good)
    if not len(kept):
        return kept
    forward = kept[longest_forward(ticks_of(time_s[kept], TICK_S))]
    if len(forward) < len(kept):
        dropped["repeated or with time running backwards"] += len(kept) - len(forward)
    return forward
