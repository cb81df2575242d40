"""CSV files of MetaBase (MbientLab), iOS or Android → one session; one file a unit and stream.

The app writes each stream to a file of its own. A unit needs its quaternions, or both its
acceleration and its rotation rate. Headers differ: iOS says `epoc (ms)` and `timestamp (-0800)`,
Android `epoch (ms)` and `time (-08:00)`, with stray spaces; so they are matched by pattern.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np

from imu.importers import ImportedSession, ImportFileError, Placement
from imu.importers.number_table import find_header, numbered_lines, numbers, whole_rows
from imu.importers.tracks import Recorded, check_placements, session_of
from imu.sample import FloatArray

PROFILE = "metamotion"
STANDARD_GRAVITY = 9.80665
_EPOCH = re.compile(r"epoch? ?\(ms\)", re.ASCII)
_ELAPSED = re.compile(r"elapsed ?\(s\)", re.ASCII)
_ZONE = re.compile(r"time(?:stamp)? ?\(([+-])(\d\d):?(\d\d)\)", re.ASCII)
_STREAMS = {
    "quaternion": tuple(re.compile(rf"{axis} ?\(number\)", re.ASCII) for axis in "wxyz"),
    "acceleration": tuple(re.compile(rf"{axis}-axis ?\(g\)", re.ASCII) for axis in "xyz"),
    "rate": tuple(re.compile(rf"{axis}-axis ?\(deg/s\)", re.ASCII) for axis in "xyz"),
}
_EULER = re.compile(r"(pitch|roll|yaw) ?\(deg\)", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Stream:
    kind: str
    time_s: FloatArray
    values: FloatArray
    zone: timezone
    rows: int
    dropped: Counter[str]


def import_metabase(files: Mapping[Placement, Sequence[Path]]) -> ImportedSession:
    """Turn MetaBase's files of one recording into a session.

    Parameters
    ----------
    files
        Where each unit was strapped, and its files: quaternions, or acceleration and rate.

    Raises
    ------
    ImportFileError
        When a file is no such table or its rows are not usable.
    ValueError
        When no file is given or a side is missing.
    """
    check_placements(files)
    read = {place: [(path, _read(path)) for path in paths] for place, paths in files.items()}
    recorded = [_recorded(place, streams) for place, streams in read.items()]
    zone = next(stream.zone for streams in read.values() for _, stream in streams)
    warnings = []
    if len(recorded) > 1:
        warnings.append(
            "MetaBase does not synchronise units: they are aligned by the phone's time in the"
            " files, which can be tens of milliseconds wrong."
        )
    return session_of(recorded, lambda epoch_s: _moment(epoch_s, zone), warnings)


def _moment(epoch_s: float, zone: timezone) -> datetime | None:
    try:
        return datetime.fromtimestamp(epoch_s, UTC).astimezone(zone)
    except (ValueError, OverflowError, OSError):
        return None


def _read(path: Path) -> _Stream:
    dropped: Counter[str] = Counter()
    with closing(numbered_lines(path)) as source:
        header = find_header(
            path,
            source,
            lambda names: bool(names) and _EPOCH.fullmatch(names[0]) is not None,
            "a CSV file of MetaBase",
        )
        kind, columns = _stream_of(path, header.columns, header.line)
        values = array("d")
        for cells in whole_rows(path, source, header, dropped):
            row = numbers([cells[0], *(cells[i] for i in columns)], header.delimiter)
            if row is None:
                dropped["with cells that are no numbers"] += 1
            else:
                values.extend(row)
    table = np.frombuffer(values, dtype=np.float64).reshape(-1, 1 + len(columns))
    rows = len(table) + dropped.total()
    finite = table[np.isfinite(table[:, 0])]
    return _Stream(kind, finite[:, 0] * 1e-3, finite[:, 1:], _zone(header.columns), rows, dropped)


def _stream_of(path: Path, names: tuple[str, ...], line: int) -> tuple[str, list[int]]:
    for kind, patterns in _STREAMS.items():
        found = [[i for i, name in enumerate(names) if p.fullmatch(name)] for p in patterns]
        if all(len(where) == 1 for where in found):
            return kind, [where[0] for where in found]
    euler = any(_EULER.fullmatch(name) for name in names)
    raise ImportFileError(
        path,
        f"line {line}",
        "these are Euler angles" if euler else "the columns are no stream that can be used",
        "export the quaternions, or both acceleration and angular velocity",
    )


def _zone(names: tuple[str, ...]) -> timezone:
    for name in names:
        match = _ZONE.fullmatch(name)
        if match:
            sign, hours, minutes = match.groups()
            offset = timedelta(hours=int(hours), minutes=int(minutes))
            if offset < timedelta(hours=24):
                return timezone(-offset if sign == "-" else offset)
    return UTC


def _recorded(place: Placement, streams: Sequence[tuple[Path, _Stream]]) -> Recorded:
    kinds = {stream.kind: stream for _, stream in streams}
    path = streams[0][0]
    if len(kinds) < len(streams):
        raise ImportFileError(
            streams[-1][0], "", "two files of one unit hold the same stream", "give each once"
        )
    chosen = kinds.get("quaternion") or kinds.get("rate") or streams[0][1]
    acc = kinds.get("acceleration")
    rate = kinds.get("rate")
    dropped = sum((stream.dropped for stream in kinds.values()), Counter[str]())
    return Recorded(
        path=path,
        place=place,
        time_s=chosen.time_s,
        q=chosen.values if chosen.kind == "quaternion" else None,
        acc=None if acc is None else STANDARD_GRAVITY * _at(chosen, acc),
        gyr=None if rate is None else np.deg2rad(_at(chosen, rate)),
        profile=PROFILE,
        name=path.stem[:60],
        rows=chosen.rows,
        dropped=dropped,
    )


def _at(wanted: _Stream, stream: _Stream) -> FloatArray:
    """Return a stream's values (n, 3) at the instants of another, NaN where it has none near."""
    if stream is wanted:
        return stream.values
    order = np.argsort(stream.time_s, kind="stable")
    time_s, values = stream.time_s[order], stream.values[order]
    if not len(time_s) or not len(wanted.time_s):
        return np.full((len(wanted.time_s), 3), np.nan)
    after = np.clip(np.searchsorted(time_s, wanted.time_s), 1, max(len(time_s) - 1, 1))
    before = after - 1
    after = np.minimum(after, len(time_s) - 1)
    nearer = np.abs(time_s[after] - wanted.time_s) < np.abs(time_s[before] - wanted.time_s)
    index = np.where(nearer, after, before)
    out: FloatArray = values[index]
    apart = np.abs(time_s[index] - wanted.time_s)
    step_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    return np.where((apart <= step_s)[:, None], out, np.nan)
