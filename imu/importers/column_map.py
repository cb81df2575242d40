"""Which columns of a foreign table mean what: given once, kept in a TOML file.

```toml
time = "t"
time_unit = "ms"
quaternion = ["qw", "qx", "qy", "qz"]
gyroscope = ["gx", "gy", "gz"]
gyroscope_unit = "deg/s"

[places.right_shank]
quaternion = ["w2", "x2", "y2", "z2"]
```

Maps of tools that many use come with the package, as TOML files in `maps/` that hold one or more
`[[map]]`: the first that fits a file is taken.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatch
from importlib.resources import files
from itertools import permutations
from pathlib import Path
from typing import Any, cast

from imu.importers import ImportFileError, printable
from imu.sample import STANDARD_GRAVITY
from imu.strict_toml import read_toml

SAMPLES = "samples"
"""Time unit of a column that counts samples: seconds follow from the rate."""
TIME_UNITS = {"s": 1.0, "ms": 1e-3, "0.1ms": 1e-4, "us": 1e-6, "ns": 1e-9, SAMPLES: 1.0}
ACC_UNITS = {"m/s2": 1.0, "g": STANDARD_GRAVITY, "mg": STANDARD_GRAVITY * 1e-3}
GYR_UNITS = {"rad/s": 1.0, "deg/s": 0.017453292519943295, "mdeg/s": 1.7453292519943296e-5}
ANGLE_UNITS = {"rad": 1.0, "deg": 0.017453292519943295}
EARTHS = {"z-up": "z up", "z-down": "z down", "y-up": "y up"}
ORDERS = tuple("".join(order) for axes in ("XYZ", "xyz") for order in permutations(axes))
"""Sequences of turns, in capitals about the axes as they turn along, else about fixed ones."""
PLACE = "{place}"
"""Stands for `right_thigh` and so on in a column's name, where one file has columns for each."""
PLACES = ("right_thigh", "right_shank", "left_thigh", "left_shank", "pelvis")
MAX_BYTES = 20_000
NAME_CHARACTERS = 200
SCALE_MAX = 1e9
_SIZES = {"quaternion": 4, "matrix": 9, "euler": 3, "acceleration": 3, "gyroscope": 3}
_ORIENTATIONS = ("quaternion", "matrix", "euler")
_TEXTS = ("time", "unit", "file", "rate_field")
_CHOICES = {
    "time_unit": TIME_UNITS, "acceleration_unit": ACC_UNITS, "gyroscope_unit": GYR_UNITS,
    "euler_unit": ANGLE_UNITS, "euler_order": ORDERS, "earth": EARTHS,
}  # fmt: skip
_OF_READY_MAPS = ("0.1ms", SAMPLES)
_SCALES = ("scale", "quaternion_scale", "acceleration_scale", "gyroscope_scale")


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMap:
    """Which columns mean what; see `checked` for the checks."""

    time: str = ""
    """Empty where there is no such column and the rate is told."""
    time_unit: str = "s"
    rate_field: str = ""
    """Line above the table that tells the rate, such as `Update Rate`, for times in samples."""
    quaternion: tuple[str, ...] = ()
    """Four names, in the order w, x, y, z."""
    matrix: tuple[str, ...] = ()
    """Nine names of a rotation matrix, row by row."""
    euler: tuple[str, ...] = ()
    """Three names: the angles about x, y and z (roll, pitch, yaw)."""
    euler_order: str = "ZYX"
    euler_unit: str = ""
    """Empty: degrees where an angle is beyond a turn in radians, else radians."""
    inverse: bool = False
    """Whether the orientations lead from earth to sensor, not from sensor to earth."""
    earth: str = "z-up"
    """Which axis of the orientations' earth points where."""
    acceleration: tuple[str, ...] = ()
    acceleration_unit: str = "m/s2"
    gyroscope: tuple[str, ...] = ()
    gyroscope_unit: str = "rad/s"
    scale: float = 0.0
    """What one count of raw columns is in their unit; 0 where none are raw."""
    quaternion_scale: float = 0.0
    acceleration_scale: float = 0.0
    gyroscope_scale: float = 0.0
    unit: str = ""
    """A column that says which unit a row is of; its values are `right thigh`, `pelvis` …"""
    file: str = ""
    """Pattern of the file's name, such as `*gyroscope*`, where columns alone do not tell."""
    places: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What differs for one place, such as `right_thigh`."""

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """Return the columns of each quantity that there is."""
        every = {name: getattr(self, name) for name in _SIZES}
        return {name: columns for name, columns in every.items() if columns}

    def of(self, place: str) -> ColumnMap:
        """Return the map for one place, such as `right_thigh`."""
        mine = replace(self, **dict(self.places.get(place, {})), places={})
        lists: dict[str, Any] = {
            name: tuple(text.replace(PLACE, place) for text in columns)
            for name, columns in mine.groups.items()
        }
        return replace(mine, time=mine.time.replace(PLACE, place), **lists)

    def is_for(self, path: Path) -> bool:
        """Tell whether a file of this name may be meant."""
        return not self.file or fnmatch(path.name.casefold(), self.file)


def checked(data: dict[str, Any], *, timed: bool = True) -> ColumnMap:
    """Return the map that a TOML document or options describe.

    Parameters
    ----------
    timed
        Whether a time is needed; it is not where the rate is told.

    Raises
    ------
    ValueError
        Listing every problem.
    """
    places = data.get("places", {})
    problems = [*_wrong_places(places), *_wrong_fields(data)]
    if not problems:
        for name, changed in places.items():
            problems += [f"{name}: {problem}" for problem in _wrong_fields(changed)]
    if not problems:
        wholes = [data | changed for changed in places.values()] or [data]
        problems = list(dict.fromkeys(p for one in wholes for p in _missing(one, timed=timed)))
    if problems:
        raise ValueError("; ".join(problems))
    own = {name: _tuples(dict(changed)) for name, changed in places.items()}
    return ColumnMap(**_tuples({k: v for k, v in data.items() if k != "places"}), places=own)


def _tuples(data: dict[str, Any]) -> dict[str, Any]:
    return data | {name: tuple(data[name]) for name in _SIZES if name in data}


def _wrong_places(places: object) -> Iterator[str]:
    if not isinstance(places, dict) or not all(isinstance(v, dict) for v in places.values()):
        yield "places is not a table of tables"
        return
    for name, changed in places.items():
        if name not in PLACES:
            yield f"places.{printable(str(name), 40)} is none of {', '.join(PLACES)}"
        if "places" in changed:
            yield f"places.{printable(str(name), 40)} holds places"


def _wrong_fields(data: Mapping[str, Any]) -> Iterator[str]:
    known = {one.name for one in fields(ColumnMap)}
    yield from (f"{printable(str(n), 40)} is unknown" for n in sorted(data.keys() - known))
    for name in (*_TEXTS, *_CHOICES):
        if name in data and not _is_name(data[name], empty=True):
            yield f"{name} is no text"
    if not isinstance(data.get("inverse", False), bool):
        yield "inverse is not true or false"
    for name in _SCALES:
        if name in data and not _is_scale(data[name]):
            yield f"{name} is no number"
    for name, size in _SIZES.items():
        names = data.get(name, [])
        whole = isinstance(names, list | tuple) and all(map(_is_name, names))
        if not whole or len(names) not in (0, size):
            yield f"{name} is not a list of {size} column names"
    for name, allowed in _CHOICES.items():
        if isinstance(data.get(name), str) and data[name] not in allowed:
            shown = [word for word in allowed if word not in _OF_READY_MAPS]
            yield f"{name} is none of {', '.join(shown)}"


def _is_name(value: object, *, empty: bool = False) -> bool:
    if not isinstance(value, str) or len(value) > NAME_CHARACTERS:
        return False
    return empty or bool(value.strip())


def _is_scale(value: object) -> bool:
    return type(value) in (int, float) and 0.0 < abs(cast(float, value)) < SCALE_MAX


def _missing(data: Mapping[str, Any], *, timed: bool) -> Iterator[str]:
    if timed and not data.get("time"):
        yield "time is missing (where there is no such column, give --rate)"
    oriented = any(data.get(name) for name in _ORIENTATIONS)
    if not oriented and not (data.get("acceleration") and data.get("gyroscope")):
        yield "there is neither quaternion, nor both acceleration and gyroscope"


def read_map(path: Path, *, timed: bool = True) -> ColumnMap:
    """Return the map in a TOML file.

    Raises
    ------
    ImportFileError
        When it cannot be read, or listing every problem.
    """
    try:
        return checked(read_toml(path, MAX_BYTES), timed=timed)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ImportFileError(path, "", f"cannot be read ({reason})", "check the path") from None
    except ValueError as error:  # no TOML, no UTF-8, or wrong fields
        raise ImportFileError(path, "", str(error), "mend the column map") from None


def ready_names() -> list[str]:
    """Return the names of the maps that come with the package."""
    folder = files("imu.importers") / "maps"
    return sorted(
        one.name.removesuffix(".toml") for one in folder.iterdir() if one.name.endswith(".toml")
    )


def ready_maps(name: str) -> tuple[ColumnMap, ...]:
    """Return the maps of a tool by its name, such as `phyphox`; the first that fits counts.

    Raises
    ------
    KeyError
        When there is none of this name.
    """
    if name not in ready_names():
        raise KeyError(name)
    text = (files("imu.importers") / "maps" / f"{name}.toml").read_text(encoding="utf-8")
    return tuple(ColumnMap(**_tuples(one)) for one in tomllib.loads(text)["map"])


def write_map(columns: ColumnMap, path: Path) -> None:
    """Keep a map as a TOML file; a file that is there stays.

    Raises
    ------
    ImportFileError
        When the file is there already or cannot be written.
    """
    lines = []
    for one in fields(columns):
        value = getattr(columns, one.name)
        if one.name != "places" and value != one.default:
            lines.append(_line(one.name, value))
    for place, changed in columns.places.items():
        lines.append(f"\n[places.{place}]\n")
        lines += [_line(name, value) for name, value in changed.items()]
    try:
        with path.open("x", encoding="utf-8") as file:
            file.writelines(lines)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ImportFileError(
            path, "", f"cannot be written ({reason})", "choose another name"
        ) from None


def _line(name: str, value: object) -> str:
    # JSON's text, list, number and truth values are TOML's too
    return f"{name} = {json.dumps(value, ensure_ascii=False)}\n"
