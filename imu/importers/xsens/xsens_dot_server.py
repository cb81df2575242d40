"""CSV files of the Xsens DOT server → one session; all units are rows of one file.

`Timestamp` is in microseconds of the server's computer, with decimals; `Address` says which unit.
Times of different units were put on one scale by the server when each of its packets came, so
they can be tens of milliseconds off against each other.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imu.importers import Hints, ImportedSession, ImportFileError, Placement, printable
from imu.importers.text.dropped import Dropped, refuse_if_most_fell
from imu.importers.text.number_table import Header, find_header, numbered_lines, read_numbers
from imu.importers.tracks import Recorded, check_placements, session_of
from imu.sample import FloatArray, IntArray

GROUPS = {
    "quaternion": re.compile(r"(?:quaternion|quat|q)_?([wxyz])", re.ASCII),
    "acceleration": re.compile(r"acc(?:eleration)?_?([xyz])", re.ASCII),
    "rates": re.compile(r"gyr(?:oscope)?_?([xyz])", re.ASCII),
}
"""Column names by version: `q_w` in the first public one, `Quaternion_w` later."""
_AXES = {"quaternion": "wxyz", "acceleration": "xyz", "rates": "xyz"}
UNITS_MAX = 32
PROFILE = "xsens-dot"


def import_server(
    path: Path, addresses: Mapping[Placement, str], hints: Hints | None = None
) -> ImportedSession:
    """Turn one file of the server into a session.

    Parameters
    ----------
    path
        In a measurement mode with quaternions, or with acceleration and rotation rate.
    addresses
        Where each unit, by its address, was strapped. Units of the file that are not named are
        left out.
    hints
        Offsets between clocks.

    Raises
    ------
    ImportFileError
        When the file is no such table, an address is not in it, contradicts itself, or its rows
        are not usable.
    ValueError
        When no unit is named, one twice, or a side is missing.
    """
    check_placements(addresses)
    wanted = {place: _plain(address) for place, address in addresses.items()}
    if len(set(wanted.values())) < len(wanted):
        raise ValueError("one address is given for two places")
    dropped = Dropped()
    with closing(numbered_lines(path)) as source:
        header = find_header(
            path, source, lambda names: {"timestamp", "address"} <= set(names),
            "a CSV file of the Xsens DOT server",
        )  # fmt: skip
        groups = _groups(path, header)
        found = _read(path, source, header, groups, dropped)
    kept = sum(len(one.lines) for one in found.values())
    refuse_if_most_fell(path, kept, kept + dropped.total(), dropped, header.place)
    warnings = [
        "The server tells the times at which packets came: units can be tens of milliseconds off"
        " against each other."
    ]
    if dropped:
        warnings.append(f"{path.name}: {dropped.total()} rows dropped ({dropped.told()}).")
    recorded = [
        _recorded(path, place, addresses[place], found, address, groups)
        for place, address in wanted.items()
    ]
    started_at = _started_at(header, warnings, path)
    return session_of(recorded, lambda _: started_at, warnings, hints)


def _groups(path: Path, header: Header) -> dict[str, list[int]]:
    """Return where the columns of each quantity are that there is."""
    found: dict[str, list[int]] = {}
    for name, pattern in GROUPS.items():
        where = {m[1]: i for i, c in enumerate(header.columns) if (m := pattern.fullmatch(c))}
        if set(where) == set(_AXES[name]):
            found[name] = [where[axis] for axis in _AXES[name]]
    if "quaternion" not in found and not {"acceleration", "rates"} <= set(found):
        raise ImportFileError(
            path,
            f"line {header.line}",
            "this measurement mode carries no quaternions, nor both acceleration and rate",
            "record in Extended (Quaternion), or in Rate quantities",
        )
    return found


def _plain(address: str) -> str:
    return re.sub(r"[^0-9a-f]", "", address.casefold())


class _Unit(NamedTuple):
    values: FloatArray
    """Shape (n, 1 + columns), the time first."""
    lines: IntArray


def _read(
    path: Path,
    source: Iterator[tuple[int, str]],
    header: Header,
    groups: Mapping[str, Sequence[int]],
    dropped: Dropped,
) -> dict[str, _Unit]:
    """Return the rows of each unit by its plain address."""
    used = [header.index(path, "timestamp"), *(i for group in groups.values() for i in group)]
    told = header.index(path, "address")
    number: dict[str, int] = {}
    of_row = array("l")

    def of_a_unit(cells: list[str]) -> bool:
        address = _plain(cells[told])
        if not address:
            dropped.fell("with no address", 1, "column Address", cells[told])
            return False
        if address not in number and len(number) >= UNITS_MAX:
            raise ImportFileError(
                path, "column Address", f"more than {UNITS_MAX} units", "give one recording"
            )
        of_row.append(number.setdefault(address, len(number)))
        return True

    table = read_numbers(path, source, header, used, dropped, of_a_unit, of_row.pop)
    unit = np.frombuffer(of_row, dtype=np.dtype("l"))
    return {
        address: _Unit(table.values[unit == index], table.lines[unit == index])
        for address, index in number.items()
        if (unit == index).any()
    }


def _recorded(
    path: Path,
    place: Placement,
    told: str,
    found: Mapping[str, _Unit],
    address: str,
    groups: Mapping[str, Sequence[int]],
) -> Recorded:
    if address not in found:
        raise ImportFileError(
            path,
            "column Address",
            f"there is no unit {printable(told, 40)}",
            f"there are {printable(', '.join(sorted(found)), 200) or 'none'}",
        )
    mine = found[address]
    columns: dict[str, FloatArray] = {}
    at = 1
    for name, group in groups.items():
        columns[name] = mine.values[:, at : at + len(group)]
        at += len(group)
    rates = columns.get("rates")
    with np.errstate(over="ignore"):
        rates = None if rates is None else np.deg2rad(rates)
    return Recorded(
        path=path,
        place=place,
        time_s=mine.values[:, 0] * 1e-6,
        q=columns.get("quaternion"),
        acc=columns.get("acceleration"),
        gyr=rates,
        profile=PROFILE,
        name=printable(told, 40),
        lines=mine.lines,
        rows=len(mine.lines),
        dropped=Dropped(),
    )


def _started_at(header: Header, warnings: list[str], path: Path) -> datetime | None:
    try:
        # such as `Fri, 12 Jun 2020 04:22:28 GMT`
        started_at = parsedate_to_datetime(header.fields.get("starttime", ""))
    except (ValueError, TypeError, IndexError, OverflowError):
        started_at = None
    if started_at is None or started_at.tzinfo is None:
        warnings.append(f"{path.name} tells no start time.")
        return None
    return started_at
