"""A connected unit's settings: read them, write them by the profile, read back the result."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress

from bleak import BleakClient

from imu.air.radio_errors import RADIO_ERRORS, RadioError, Trouble, printable
from imu.drivers.talk import characteristic, put
from imu.profiles.unit_layout import ChoiceSetting, Held, Mark, Profile, Rates, TextSetting

SHORT_OF_IT = "the unit's settings are shorter than its profile says: choose another profile"


def check_choice(profile: Profile, wanted: str) -> ChoiceSetting:
    """Return the setting of the filter profile.

    Raises
    ------
    ValueError
        When units of this profile have none, or none of that name.
    """
    setting = profile.filter_profile
    if setting is None:
        raise ValueError(
            f"{profile.name} has no filter profile that can be chosen: leave --filter-profile out"
        )
    if wanted not in setting.choices:
        known = ", ".join(setting.choices)
        raise ValueError(f"{profile.name} has no filter profile {wanted!r}: choose one of {known}")
    return setting


def check_name(profile: Profile, wanted: str) -> TextSetting:
    """Return the setting of the name.

    Raises
    ------
    ValueError
        When units of this profile keep none, or it is too long or not plain.
    """
    setting = profile.naming
    if setting is None:
        raise ValueError(f"{profile.name} keeps no name that can be changed: leave --name out")
    if not wanted or len(wanted) > setting.length:
        raise ValueError(
            f"a name for {profile.name} has 1 to {setting.length} characters, and"
            f" {wanted[:40]!r} has {len(wanted)}: choose another"
        )
    if not (wanted.isascii() and wanted.isprintable()) or wanted != wanted.strip():
        raise ValueError(
            f"the name {wanted!r} is not plain: use letters without accents, digits, signs, and"
            " spaces only in between"
        )
    return setting


async def read_rate(client: BleakClient, rates: Rates) -> float | None:
    """Return the rate in Hz that the unit says it is set to; None when it does not tell."""
    if rates.held is None:
        return None
    number = await _read_number(client, rates.held)
    if number is None or not rates.codes:
        return number
    return next((rate for rate, code in rates.codes.items() if code == number), None)


async def read_choice(client: BleakClient, setting: ChoiceSetting) -> str:
    """Return what the unit is set to, by name or else as a number; empty when it does not tell."""
    number = await _read_number(client, setting)
    if number is None:
        return ""
    names = (name for name, value in setting.choices.items() if value == number)
    return next(names, f"{number:g}")


async def read_text(client: BleakClient, setting: TextSetting) -> str:
    """Return the text that the unit keeps; empty when it does not tell."""
    with suppress(*RADIO_ERRORS):
        held = bytes(await client.read_gatt_char(characteristic(client, setting.uuid)))
        used = setting.length
        if setting.size_at is not None and setting.size_at < len(held):
            used = min(used, held[setting.size_at])
        start = setting.offset or 0
        return printable(held[start : start + used].split(b"\0")[0].decode("utf-8", "replace"))
    return ""


async def write_choice(client: BleakClient, setting: ChoiceSetting, wanted: str) -> None:
    """Set one of several ways to work; the unit's other settings stay.

    Raises
    ------
    BleakError, OSError, RadioError
        When it cannot be written.
    """
    value = struct.pack(setting.layout, setting.choices[wanted])

    def change(held: bytearray) -> None:
        _replace(held, setting.offset, value)

    await _change(client, setting.uuid, setting.mark, change)


async def write_text(client: BleakClient, setting: TextSetting, wanted: str) -> None:
    """Set a text; the unit's other settings stay.

    Raises
    ------
    BleakError, OSError, RadioError
        When it cannot be written.
    """
    text, offset, size_at = wanted.encode("ascii"), setting.offset, setting.size_at
    if offset is None:
        await put(client, characteristic(client, setting.uuid), setting.uuid, text)
        return

    def change(held: bytearray) -> None:
        _replace(held, offset, text.ljust(setting.length, b"\0"))
        if size_at is not None:
            _replace(held, size_at, bytes((len(text),)))

    await _change(client, setting.uuid, setting.mark, change)


async def _change(
    client: BleakClient, uuid: str, mark: Mark | None, change: Callable[[bytearray], None]
) -> None:
    """Change some of the bytes that a characteristic holds."""
    target = characteristic(client, uuid)
    held = bytearray(await client.read_gatt_char(target))
    change(held)
    if mark is not None:
        _replace(held, mark.offset, bytes((mark.value,)))
    await put(client, target, uuid, bytes(held))


def _replace(held: bytearray, offset: int, value: bytes) -> None:
    if offset + len(value) > len(held):
        raise RadioError(Trouble.MISFIT, SHORT_OF_IT)
    held[offset : offset + len(value)] = value


async def _read_number(client: BleakClient, held: Held) -> float | None:
    with suppress(*RADIO_ERRORS, struct.error):
        value = bytes(await client.read_gatt_char(characteristic(client, held.uuid)))
        return float(struct.unpack_from(held.layout, value, held.offset)[0])
    return None
