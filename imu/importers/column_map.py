"""Which columns of a foreign table mean what: given once, kept in a TOML file.

```toml
time = "t"
time_unit = "ms"
quaternion = ["qw", "qx", "qy", "qz"]
gyroscope = ["gx", "gy", "gz"]
gyroscope_unit = "deg/s"
```
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from imu.importers import ImportFileError, printable
from imu.strict_toml import read_toml

TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
ACC_UNITS = {"m/s2": 1.0, "g": 9.80665}
GYR_UNITS = {"rad/s": 1.0, "deg/s": 0.017453292519943295}
PLACE = "{place}"
"""Stands for `right_thigh` and so on in a column's name, where one file has columns for each."""
MAX_BYTES = 20_000
_SIZES = {"quaternion": 4, "acceleration": 3, "gyroscope": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMap:
    """Which columns mean what; see `read_map` for the checks."""

    time: str
    time_unit: str = "s"
    quaternion: tuple[str, ...] = ()
    """Four names, in the order w, x, y, z."""
    inverse: bool = False
    """Whether the quaternions lead from earth to sensor, not from sensor to earth."""
    acceleration: tuple[str, ...] = ()
    acceleration_unit: str = "m/s2"
    gyroscope: tuple[str, ...] = ()
    gyroscope_unit: str = "rad/s"
    unit: str = ""
    """A column that says which unit a row is of; its values are `right thigh`, `pelvis` …"""

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """Return the columns of each quantity that there is."""
        every = {name: getattr(self, name) for name in _SIZES}
        return {name: columns for name, columns in every.items() if columns}

    def of(self, place: str) -> ColumnMap:
        """Return the map for one place, such as `right_thigh`."""

        def named(text: str) -> str:
            return text.replace(PLACE, place)

        return ColumnMap(
            time=named(self.time),
            time_unit=self.time_unit,
            quaternion=tuple(map(named, self.quaternion)),
            inverse=self.inverse,
            acceleration=tuple(map(named, self.acceleration)),
            acceleration_unit=self.acceleration_unit,
            gyroscope=tuple(map(named, self.gyroscope)),
            gyroscope_unit=self.gyroscope_unit,
            unit=self.unit,
        )


def checked(data: dict[str, Any]) -> ColumnMap:
    """Return the map that a TOML document or options describe.

    Raises
    ------
    ValueError
        Listing every problem.
    """
    known = {field.name for field in fields(ColumnMap)}
    problems = [f"{printable(str(name), 40)} is unknown" for name in sorted(data.keys() - known)]
    for name in ("time", "time_unit", "unit", "acceleration_unit", "gyroscope_unit"):
        if name in data and (not isinstance(data[name], str) or len(data[name]) > 200):
            problems.append(f"{name} is no text")
    if not data.get("time"):
        problems.append("time is missing")
    if not isinstance(data.get("inverse", False), bool):
        problems.append("inverse is not true or false")
    for name, size in _SIZES.items():
        names = data.get(name, [])
        whole = isinstance(names, list | tuple) and all(
            isinstance(one, str) and one.strip() and len(one) <= 200 for one in names
        )
        if not whole or len(names) not in (0, size):
            problems.append(f"{name} is not a list of {size} column names")
    units = {"time_unit": TIME_UNITS, "acceleration_unit": ACC_UNITS, "gyroscope_unit": GYR_UNITS}
    problems += [
        f"{name} is none of {', '.join(allowed)}"
        for name, allowed in units.items()
        if isinstance(data.get(name), str) and data[name] not in allowed
    ]
    if not data.get("quaternion") and not (data.get("acceleration") and data.get("gyroscope")):
        problems.append("there is neither quaternion, nor both acceleration and gyroscope")
    if problems:
        raise ValueError("; ".join(problems))
    lists = {name: tuple(data[name]) for name in _SIZES if name in data}
    return ColumnMap(**(data | lists))


def read_map(path: Path) -> ColumnMap:
    """Return the map in a TOML file.

    Raises
    ------
    ImportFileError
        When it cannot be read, or listing every problem.
    """
    try:
        return checked(read_toml(path, MAX_BYTES))
    except OSError as error:
        reason = error.strerror or str(error)
        raise ImportFileError(path, "", f"cannot be read ({reason})", "check the path") from None
    except ValueError as error:  # no TOML, no UTF-8, or wrong fields
        raise ImportFileError(path, "", str(error), "mend the column map") from None


def write_map(columns: ColumnMap, path: Path) -> None:
    """Keep a map as a TOML file; a file that is there stays.

    Raises
    ------
    ImportFileError
        When the file is there already or cannot be written.
    """
    lines = []
    for field in fields(columns):
        value = getattr(columns, field.name)
        if value != field.default:  # JSON's text, list and truth values are TOML's too
            lines.append(f"{field.name} = {json.dumps(value, ensure_ascii=False)}\n")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.writelines(lines)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ImportFileError(
            path, "", f"cannot be written ({reason})", "choose another name"
        ) from None
