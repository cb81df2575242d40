"""The kit: which unit is strapped where, remembered by serial and address.

It lives in the user's own settings folder, or in $HIPTURN_CONFIG.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

from hipturn.errors import UserError
from hipturn.session_paths import settings_folder

PLACES = ("right-thigh", "right-shank", "left-thigh", "left-shank", "pelvis")
FILE = "kit.json"
MAX_BYTES = 100_000
"""Hundreds of units; a larger file is not ours."""


@dataclass(frozen=True, slots=True)
class KitUnit:
    """One remembered unit."""

    address: str
    name: str = ""
    serial: str = ""
    profile: str = ""


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
    path = kit_path()
    if not path.exists():
        return {}
    try:
        with path.open(encoding="utf-8") as file:
            data = json.loads(file.read(MAX_BYTES))  # a longer file is cut and no JSON then
        units = {place: KitUnit(**data[place]) for place in PLACES if place in data}
    except (ValueError, TypeError, RecursionError):
        units = None
    texts = [text for unit in (units or {}).values() for text in astuple(unit)]
    if units is None or not all(isinstance(text, str) for text in texts):
        raise UserError(f"{path}: is no list of units; remove it and set up the kit anew")
    return units


def remember(place: str, unit: KitUnit) -> None:
    """Remember a unit for a place, and no longer for any other."""
    kept = {p: u for p, u in read_kit().items() if u.address != unit.address}
    _write(kept | {place: unit})


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
    _write(kit)


def _write(kit: dict[str, KitUnit]) -> None:
    path = kit_path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = json.dumps({place: asdict(unit) for place, unit in kit.items()}, indent=2)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    Path(temporary).replace(path)
