"""The kit: which unit is strapped where, remembered by serial and address, and how checks went.

It lives in the user's own settings folder, or in $HIPTURN_CONFIG.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hipturn.errors import UserError
from hipturn.session_paths import settings_folder

if TYPE_CHECKING:
    from imu.sample import Unit

PLACES = ("right-thigh", "right-shank", "left-thigh", "left-shank", "pelvis")
FILE = "kit.json"
CHECKED = "checked"
MAX_BYTES = 100_000
"""Hundreds of units; a larger file is not ours."""


@dataclass(frozen=True, slots=True)
class KitUnit:
    """One remembered unit."""

    address: str
    name: str = ""
    serial: str = ""
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """How the guided check of one unit went (`hipturn doctor --units`)."""

    address: str
    serial: str
    profile: str
    on: str
    """The day, ISO 8601."""
    passed: bool


def kit_path() -> Path:
    """Return where the kit is remembered."""
    return settings_folder() / FILE


def read_kit() -> dict[str, KitUnit]:
    """Return the remembered units by place; none when nothing was remembered.

    Raises
    ------
    UserError
        When the file is damaged.
    """
    data = _read()
    try:
        units = {place: KitUnit(**data[place]) for place in PLACES if place in data}
    except TypeError:
        raise _damaged() from None
    if not all(isinstance(text, str) for unit in units.values() for text in astuple(unit)):
        raise _damaged()
    return units


def read_checked() -> list[Checked]:
    """Return how the guided checks of units went, the oldest first.

    Raises
    ------
    UserError
        When the file is damaged.
    """
    try:
        outcomes = [Checked(**one) for one in _read().get(CHECKED, [])]
    except TypeError:
        raise _damaged() from None
    if not all(isinstance(text, str | bool) for one in outcomes for text in astuple(one)):
        raise _damaged()
    return outcomes


def remember_checked(outcomes: Sequence[Checked]) -> None:
    """Remember how a check went, in place of what was remembered of the same units."""
    new = {one.serial or one.address for one in outcomes}
    kept = [one for one in read_checked() if (one.serial or one.address) not in new]
    _write(read_kit(), [*kept, *outcomes])


def never_checked(units: Sequence[Unit]) -> list[str]:
    """Return a sentence for each unit that has not passed the guided check."""
    passed = [one for one in read_checked() if one.passed]
    serials = {unit.address: unit.serial for unit in read_kit().values()}
    known = {one.address for one in passed} | {one.serial for one in passed if one.serial}
    return [
        f"the {unit.label} unit was never checked: `hipturn doctor --units`"
        for unit in units
        if unit.address  # a phone has none, and is checked in the hand
        and not known & {unit.address, unit.serial, serials.get(unit.address, unit.address)}
    ]


def _read() -> dict[str, Any]:
    """Return what the file holds; nothing where there is none."""
    path = kit_path()
    if not path.exists():
        return {}
    try:
        with path.open(encoding="utf-8") as file:
            data = json.loads(file.read(MAX_BYTES))  # a longer file is cut and no JSON then
    except (ValueError, RecursionError):
        raise _damaged() from None
    if not isinstance(data, dict):
        raise _damaged()
    return data


def _damaged() -> UserError:
    return UserError(f"{kit_path()}: is no list of units; remove it and set up the kit anew")


def remember(place: str, unit: KitUnit) -> None:
    """Remember a unit for a place, and no longer for any other."""
    kept = {p: u for p, u in read_kit().items() if u.address != unit.address}
    _write(kept | {place: unit}, read_checked())


def forget(place: str) -> None:
    """Forget the unit of a place.

    Raises
    ------
    UserError
        When none is remembered there.
    """
    kit = read_kit()
    if place not in kit:
        raise UserError(f"no unit is remembered for the {place.replace('-', ' ')}")
    del kit[place]
    _write(kit, read_checked())


def _write(kit: dict[str, KitUnit], checked: Sequence[Checked]) -> None:
    path = kit_path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    data: dict[str, Any] = {place: asdict(unit) for place, unit in kit.items()}
    if checked:
        data[CHECKED] = [asdict(one) for one in checked]
    text = json.dumps(data, indent=2)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    Path(temporary).replace(path)
