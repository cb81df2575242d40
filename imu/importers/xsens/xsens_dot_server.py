"""CSV files of the Xsens DOT server → one session; all units are rows of one file.

`Timestamp` is in microseconds of the server's computer, with decimals; `Address` says which unit.
Times of different units were put on one scale by the server when each of its packets came, so
they can be tens of milliseconds off against each other.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import numpy as np

from imu.importers import ImportedSession, ImportFileError, Placement, printable
from imu.importers.number_table import Header, find_header, numbered_lines, numbers, whole_rows
from imu.importers.tracks import Recorded, check_placements, session_of
from imu.sample import FloatArray

QUATERNION = ("quaternion_w", "quaternion_x", "quaternion_y", "quaternion_z")
ACC = ("acc_x", "acc_y", "acc_z")
GYR = ("gyr_x", "gyr_y", "gyr_z")
UNITS_MAX = 32
PROFILE = "xsens-dot"


def import_server(path: Path, addresses: Mapping[Placement, str]) -> ImportedSession:
    """Turn one file of the server into a session.

    Parameters
    ----------
    path
        In a measurement mode with quaternions, or with acceleration and rotation rate.
    addresses
        Where each unit, by its address, was strapped. Units of the file that are not named are
        left out.

    Raises
    ------
    ImportFileError
        When the file is no such table, an address is not in it, or its rows are not usable.
    ValueError
        When no unit is named, one twice, or a side is missing.
    """
    check_placements(addresses)
    wanted = {place: _plain(address) for place, address in addresses.items()}
    if len(set(wanted.values())) < len(wanted):
        raise ValueError("one address is given for two places")
    dropped: Counter[str] = Counter()
    with closing(numbered_lines(path)) as source:
        header = find_header(
            path, source, lambda names: names[:2] == ("timestamp", "address"),
            "a CSV file of the Xsens DOT server",
        )  # fmt: skip
        groups: list[tuple[str, ...]] = [
            g for g in (QUATERNION, ACC, GYR) if set(g) <= set(header.columns)
        ]
        if QUATERNION not in groups and not {ACC, GYR} <= set(groups):
            raise ImportFileError(
                path,
                f"line {header.line}",
                "this measurement mode carries no quaternions, nor both acceleration and rate",
                "record in Extended (Quaternion), or in Rate quantities",
            )
        values = _read(path, source, header, groups, dropped)
    warnings = [
        "The server tells the times at which packets came: units can be tens of milliseconds off"
        " against each other."
    ]
    if dropped:
        told = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
        warnings.append(f"{path.name}: {dropped.total()} rows dropped ({told}).")
    recorded = [
        _recorded(path, place, addresses[place], values.get(address), groups, set(values))
        for place, address in wanted.items()
    ]
    started_at = _started_at(header, warnings, path)
    return session_of(recorded, lambda _: started_at, warnings)


def _plain(address: str) -> str:
    return re.sub(r"[^0-9a-f]", "", address.casefold())


def _read(
    path: Path,
    source: object,
    header: Header,
    groups: list[tuple[str, ...]],
    dropped: Counter[str],
) -> dict[str, FloatArray]:
    """Return the numbers of each unit, shape (n, 1 + columns), by its plain address."""
    names = ["timestamp", *(name for group in groups for name in group)]
    used = [header.index(path, name) for name in names]
    told = header.index(path, "address")
    found: dict[str, array[float]] = {}
    for cells in whole_rows(path, source, header, dropped):  # type: ignore[arg-type]
        values = numbers([cells[i] for i in used], header.delimiter)
        address = _plain(cells[told])
        if values is None or not address:
            dropped["with cells that are no numbers or addresses"] += 1
            continue
        if address not in found and len(found) >= UNITS_MAX:
            raise ImportFileError(
                path, "column Address", f"more than {UNITS_MAX} units", "give one recording"
            )
        found.setdefault(address, array("d")).extend(values)
    return {
        address: np.frombuffer(values, dtype=np.float64).reshape(-1, len(used))
        for address, values in found.items()
    }


def _recorded(
    path: Path,
    place: Placement,
    address: str,
    values: FloatArray | None,
    groups: list[tuple[str, ...]],
    known: set[str],
) -> Recorded:
    if values is None:
        raise ImportFileError(
            path,
            "column Address",
            f"there is no unit {printable(address, 40)}",
            f"there are {printable(', '.join(sorted(known)), 200) or 'none'}",
        )
    columns: dict[tuple[str, ...], FloatArray] = {}
    at = 1
    for group in groups:
        columns[group] = values[:, at : at + len(group)]
        at += len(group)
    gyr = columns.get(GYR)
    return Recorded(
        path=path,
        place=place,
        time_s=values[:, 0] * 1e-6,
        q=columns.get(QUATERNION),
        acc=columns.get(ACC),
        gyr=None if gyr is None else np.deg2rad(gyr),
        profile=PROFILE,
        name=printable(address, 40),
        rows=len(values),
        dropped=Counter(),
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
