"""The column options of `hipturn import csv` → a column map.

A list of columns is read as a line of CSV, so that a quoted name may hold commas and colons. After
the last colon outside quotes may stand a unit; before the first equals sign a place, such as
`right-thigh=`.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hipturn.errors import UserError

if TYPE_CHECKING:
    from imu.importers.column_map import ColumnMap

PLACES = ("right-thigh", "right-shank", "left-thigh", "left-shank", "pelvis")
LISTS = ("quaternion", "matrix", "euler", "acceleration", "gyroscope")
UNITS = {
    "time": ("s", "ms", "us", "ns"),
    "acceleration": ("m/s2", "g", "mg"),
    "gyroscope": ("rad/s", "deg/s", "mdeg/s"),
    "euler": ("rad", "deg"),
}


def told_map(told: Mapping[str, Any], *, timed: bool) -> ColumnMap:
    """Return the column map that options tell.

    Parameters
    ----------
    told
        The options by name; those of columns hold a text for each time they were given.
    timed
        Whether a time column is needed.

    Raises
    ------
    click.UsageError
        When an option is not written as it should be.
    hipturn.errors.UserError
        When what the options tell together cannot be read.
    """
    from imu.importers.column_map import checked

    data: dict[str, Any] = {"inverse": told["inverse"], "earth": told["earth"]}
    places: dict[str, dict[str, Any]] = {}
    for name in ("time", *LISTS):
        for text in told[name]:
            place, rest = _place_and_rest(text)
            kept = data if place is None else places.setdefault(place, {})
            if name in kept:
                raise click.UsageError(f"--{name} is given twice; name a place before each")
            kept.update(_columns(name, rest))
    order, _, unit = str(told["euler_order"] or "").partition(":")
    data |= {"euler_order": order} if order else {}
    data |= {"euler_unit": unit} if unit else {}
    data |= {"unit": told["unit"]} if told["unit"] else {}
    if places:
        data["places"] = places
    try:
        return checked(data | scales(told["scale"]), timed=timed)
    except ValueError as error:
        raise UserError(f"the columns: {error}; give them by options or --map") from None


def scales(texts: Sequence[str]) -> dict[str, float]:
    """Return the fields of a column map that `--scale` tells: one number, or one a quantity.

    Raises
    ------
    click.UsageError
        When it is no number, or of a quantity there is not.
    """
    found: dict[str, float] = {}
    for text in texts:
        name, equals, number = text.rpartition("=")
        field = f"{name.strip()}_scale" if equals else "scale"
        try:
            found[field] = float(number)
        except ValueError:
            raise click.UsageError(f"--scale {text!r}: {number!r} is no number") from None
        if equals and name.strip() not in ("quaternion", "acceleration", "gyroscope"):
            raise click.UsageError(
                f"--scale {text!r}: write NUMBER, or acceleration=, gyroscope= or quaternion=NUMBER"
            )
    return found


def named_maps(name: str, *, timed: bool) -> list[ColumnMap]:
    """Return the maps of a tool, or the one in a file that `--save-map` kept.

    Raises
    ------
    click.UsageError
        When there is neither a file nor a ready-made map of this name.
    """
    from imu.importers.column_map import read_map, ready_maps, ready_names

    path = Path(name)
    if path.exists():
        return [read_map(path, timed=timed)]
    if name in ready_names():
        return list(ready_maps(name))
    raise click.UsageError(
        f"--map {name!r} is no file, and the ready-made maps are {', '.join(ready_names())}"
    )


def offsets(texts: Sequence[str]) -> dict[Any, float]:
    """Return the seconds to add to each place's times, from `right-shank=0.120` and the like.

    Raises
    ------
    click.UsageError
        When one is not written so.
    """
    from hipturn.archive.importing import placed

    found: dict[str, float] = {}
    for text in texts:
        place, rest = _place_and_rest(text)
        try:
            seconds = float(rest)
        except ValueError:
            seconds = float("nan")
        if place is None or not abs(seconds) < 86_400.0:  # a day, longer than any recording
            raise click.UsageError(f"--offset {text!r}: write it as right-shank=0.120, in seconds")
        found[place] = seconds
    return placed(found)


def _place_and_rest(text: str) -> tuple[str | None, str]:
    name, equals, rest = text.partition("=")
    place = name.strip().casefold().replace("_", "-")
    if equals and place in PLACES:
        return place.replace("-", "_"), rest
    return None, text


def _columns(name: str, text: str) -> dict[str, Any]:
    """Return the fields of a column map that one option tells."""
    text, unit = _split_unit(name, text.strip())
    if name == "time":
        return {"time": text.strip().strip('"')} | ({"time_unit": unit} if unit else {})
    try:
        names = next(csv.reader([text], skipinitialspace=True, strict=True), [])
    except csv.Error:
        raise click.UsageError(f"--{name} {text!r}: a quote is not closed") from None
    return {name: names} | ({f"{name}_unit": unit} if unit else {})


def _split_unit(name: str, text: str) -> tuple[str, str]:
    """Return the columns and the unit after the last colon, when it is one and not quoted.

    One word after the only colon is meant as a unit, so that a wrong one is told as that.
    """
    rest, colon, unit = text.rpartition(":")
    meant = unit in UNITS.get(name, ()) or (name in UNITS and unit.isalpha() and ":" not in rest)
    return (rest, unit) if colon and meant else (text, "")
