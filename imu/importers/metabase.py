"""CSV files of MetaBase (MbientLab), iOS or Android → one session; one file a unit and stream.

The app writes each stream to a file of its own. A unit needs its quaternions, or both its
acceleration and its rotation rate. Headers differ: iOS says `epoc (ms)` and `timestamp (-0800)`,
Android `epoch (ms)` and `time (-08:00)`, with stray spaces; so they are matched by pattern.

A row tells its time three times: `epoch`, which is that of the packet, as text, and as the seconds
`elapsed`. The one that tells the samples apart is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np

from imu.importers import Hints, ImportedSession, ImportFileError, Placement
from imu.importers.streams import ACCELERATION, ORIENTATION, RATES, Stream, joined
from imu.importers.text.dropped import Dropped
from imu.importers.text.number_table import (
    Header,
    NumberRows,
    find_header,
    numbered_lines,
    read_numbers,
    whole_rows,
)
from imu.importers.tracks import check_placements, session_of
from imu.importers.witnesses.stamps import TIED_MOST, tied_share
from imu.importers.witnesses.start_time import parse_start_time
from imu.sample import STANDARD_GRAVITY, FloatArray

PROFILE = "metamotion"
WHOLE_S = 2.0
"""How far the longest time by `epoch` and by `elapsed` may differ while both are whole."""
_EPOCH = re.compile(r"epoch? ?\(ms\)", re.ASCII)
_ELAPSED = re.compile(r"elapsed ?\(s\)", re.ASCII)
_ZONE = re.compile(r"time(?:stamp)? ?\(([+-])(\d\d):?(\d\d)\)", re.ASCII)
_STREAMS = {
    ORIENTATION: tuple(re.compile(rf"{axis} ?\(number\)", re.ASCII) for axis in "wxyz"),
    ACCELERATION: tuple(re.compile(rf"{axis}-axis ?\(g\)", re.ASCII) for axis in "xyz"),
    RATES: tuple(re.compile(rf"{axis}-axis ?\(deg/s\)", re.ASCII) for axis in "xyz"),
}
_FACTORS = {ORIENTATION: 1.0, ACCELERATION: STANDARD_GRAVITY, RATES: np.pi / 180.0}
_EULER = re.compile(r"(pitch|roll|yaw) ?\(deg\)", re.ASCII)


@dataclass(frozen=True, slots=True)
class _File:
    stream: Stream
    zone: timezone
    placed: bool
    """Whether its times are since 1970, so that units can be aligned by them."""


def import_metabase(
    files: Mapping[Placement, Sequence[Path]], hints: Hints | None = None
) -> ImportedSession:
    """Turn MetaBase's files of one recording into a session.

    Parameters
    ----------
    files
        Where each unit was strapped, and its files: quaternions, or acceleration and rate.
    hints
        The rate where no time can be used, and offsets between clocks.

    Raises
    ------
    ImportFileError
        When a file is no such table, contradicts itself, or its rows are not usable.
    ValueError
        When no file is given or a side is missing.
    """
    check_placements(files)
    hints = hints or Hints()
    notes: list[str] = []
    read = {place: [_read(path, hints, notes) for path in paths] for place, paths in files.items()}
    every = [file for files_of_one in read.values() for file in files_of_one]
    placed = all(file.placed for file in every)
    recorded = [
        joined(
            place,
            [file.stream if placed else _from_zero(file.stream) for file in mine],
            profile=PROFILE,
            name=mine[0].stream.path.stem[:60],
        )
        for place, mine in read.items()
    ]
    warnings = _alignment_warnings(placed, len(recorded)) + notes
    zone = every[0].zone
    return session_of(
        recorded, lambda epoch_s: _moment(epoch_s, zone) if placed else None, warnings, hints
    )


def holds(path: Path) -> str:
    """Return which stream a file holds, such as `acceleration`.

    Raises
    ------
    ImportFileError
        When it is no file of MetaBase.
    """
    with closing(numbered_lines(path)) as source:
        header = _header(path, source)
    return _stream_of(path, header.columns, header.line)[0]


def _header(path: Path, source: Iterator[tuple[int, str]]) -> Header:
    return find_header(
        path,
        source,
        lambda names: any(_EPOCH.fullmatch(name) for name in names),
        "a CSV file of MetaBase",
    )


def _alignment_warnings(placed: bool, units: int) -> list[str]:
    if units < 2:
        return []
    if placed:
        return [
            "MetaBase does not synchronise units: they are aligned by the phone's time in the"
            " files, which can be tens of milliseconds wrong."
        ]
    return [
        "MetaBase does not synchronise units and not every file tells when it began: all are taken"
        " to start together, which can be seconds wrong; movement of one segment against another"
        " is not reliable; say what you know with --offset."
    ]


def _moment(epoch_s: float, zone: timezone) -> datetime | None:
    try:
        return datetime.fromtimestamp(epoch_s, UTC).astimezone(zone)
    except (ValueError, OverflowError, OSError):
        return None


def _read(path: Path, hints: Hints, notes: list[str]) -> _File:
    dropped = Dropped()
    with closing(numbered_lines(path)) as source:
        header = _header(path, source)
        kind, columns = _stream_of(path, header.columns, header.line)
        clocks = [i for p in (_EPOCH, _ELAPSED) for i in _matching(p, header.columns)[:1]]
        table = read_numbers(path, source, header, [*clocks, *columns], dropped)
    zone = _zone(header.columns)
    time_s, placed = _times(path, header, table, len(clocks) > 1, hints, notes)
    with np.errstate(over="ignore"):
        values = table.values[:, len(clocks) :] * _FACTORS[kind]
    stream = Stream(
        path=path,
        time_s=time_s,
        groups={kind: values},
        lines=table.lines,
        rows=table.rows,
        dropped=dropped,
    )
    return _File(stream, zone, placed)


def _matching(pattern: re.Pattern[str], names: tuple[str, ...]) -> list[int]:
    return [i for i, name in enumerate(names) if pattern.fullmatch(name)]


def _times(
    path: Path, header: Header, table: NumberRows, has_elapsed: bool, hints: Hints,
    notes: list[str],
) -> tuple[FloatArray, bool]:  # fmt: skip
    """Return seconds (n,) by the clock that tells samples apart, and whether since 1970."""
    epoch_s = table.values[:, 0] * 1e-3
    if not len(epoch_s) or tied_share(epoch_s) <= TIED_MOST:
        return epoch_s, True
    elapsed_s = table.values[:, 1] if has_elapsed else np.zeros_like(epoch_s)
    whole = np.isfinite(elapsed_s) & np.isfinite(epoch_s)
    if has_elapsed and tied_share(elapsed_s) < tied_share(epoch_s) / 2 and whole.any():
        late_s = (epoch_s - elapsed_s)[whole]
        if float(np.ptp(late_s)) <= WHOLE_S:
            notes.append(
                f"{path.name}: samples of one packet share an epoch: the times are those of the"
                " column elapsed (s)."
            )
            return elapsed_s + float(late_s.min()), True  # a packet comes after it was measured
        start_s = _first_stamp(path, header, int(table.lines[np.argmax(whole)]))
        at_start_s = float(elapsed_s[whole][0])
        notes.append(
            f"{path.name}: the epoch is the same in {_repeated(epoch_s)} rows, as a spreadsheet"
            " rounds it: the times are those of the column elapsed (s)."
        )
        return elapsed_s + ((start_s or at_start_s) - at_start_s), start_s is not None
    if tied_share(epoch_s) > 1.0 - TIED_MOST and hints.rate_hz is not None:
        notes.append(f"{path.name}: no column tells the samples apart: the times are by --rate.")
        return (table.lines - header.line - 1) / hints.rate_hz, False
    return epoch_s, True


def _repeated(time_s: FloatArray) -> int:
    return int(np.sum(np.diff(time_s) == 0))


def _first_stamp(path: Path, header: Header, line: int) -> float | None:
    """Return the seconds since 1970 that a row tells as text, None when it tells none."""
    at = [i for i, name in enumerate(header.columns) if _ZONE.fullmatch(name)]
    if not at:
        return None
    with closing(numbered_lines(path)) as source:
        rest = ((number, text) for number, text in source if number >= line)
        _, cells = next(whole_rows(path, rest, header, Dropped()), (0, []))
    text = cells[at[0]].replace(".", ":", 2) if cells else ""
    moment = parse_start_time(text)
    return None if moment is None else moment.replace(tzinfo=_zone(header.columns)).timestamp()


def _from_zero(stream: Stream) -> Stream:
    finite = stream.time_s[np.isfinite(stream.time_s)]
    first_s = float(finite[0]) if len(finite) else 0.0
    return Stream(
        path=stream.path, time_s=stream.time_s - first_s, groups=stream.groups,
        lines=stream.lines, rows=stream.rows, dropped=stream.dropped,
    )  # fmt: skip


def _stream_of(path: Path, names: tuple[str, ...], line: int) -> tuple[str, list[int]]:
    for kind, patterns in _STREAMS.items():
        found = [_matching(pattern, names) for pattern in patterns]
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
