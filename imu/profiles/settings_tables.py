"""The settings tables of a profile: what a unit keeps, where it lies and how it is written."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from types import MappingProxyType

from imu.profiles.checked_tables import Table
from imu.profiles.number_types import NUMBER_TYPES
from imu.profiles.unit_layout import ChoiceSetting, Mark, Profile, TextSetting
from imu.profiles.write_guard import forbidden

MAX_OFFSET = 511
MAX_NAME_BYTES = (
    248  # what Bluetooth allows a device's name (Core Specification 5.4, vol. 3, C, 12)
)
# A write to a unit's settings repeats everything that the unit held before; the setting itself lies
# in the first bytes.
CHECKED_BYTES = 64


def read_settings(table: Table) -> tuple[ChoiceSetting | None, TextSetting | None]:
    """Return filter profile and name, as far as `[setting.…]` describes them."""
    found = table.under(
        "setting", lambda s: (s.under("filter_profile", _read_choice), s.under("name", _read_text))
    )
    return found or (None, None)


def read_number(entry: Table) -> tuple[int, str]:
    """Return offset and struct layout of the number in `field`."""

    def read(field: Table) -> tuple[int, str]:
        kind = NUMBER_TYPES[field.text("type", choices=tuple(NUMBER_TYPES)) or "u8"]
        return field.whole("offset", 0, MAX_OFFSET), kind.order + kind.code

    return entry.under("field", read, required=True) or (0, "<B")


def _read_choice(entry: Table) -> ChoiceSetting:
    offset, layout = read_number(entry)
    choices = entry.table("choices", required=True)
    names = choices.keys() if choices else []
    if choices and not names:
        choices.problem("is empty")
    values = {name: choices.whole(name, 0, 255) for name in names} if choices else {}
    if values and not _fit(values.values(), layout):
        entry.problem("the numbers of choices do not fit the type of field")
    return ChoiceSetting(
        uuid=entry.uuid("uuid"),
        offset=offset,
        layout=layout,
        mark=_read_mark(entry),
        choices=MappingProxyType(values),
    )


def _fit(values: Iterable[int], layout: str) -> bool:
    try:
        return all(struct.pack(layout, value) for value in values)
    except (struct.error, OverflowError):
        return False


def _read_text(entry: Table) -> TextSetting:
    text = entry.table("text", required=True)
    setting = TextSetting(
        uuid=entry.uuid("uuid"),
        mark=_read_mark(entry),
        offset=text.whole("offset", 0, MAX_OFFSET) if text and text.has("offset") else None,
        length=text.whole("length", 1, MAX_NAME_BYTES) if text else 1,
        size_at=text.whole("size_at", 0, MAX_OFFSET) if text and text.has("size_at") else None,
    )
    if text is not None:
        text.done()
    if setting.offset is None and (setting.mark or setting.size_at is not None):
        entry.problem("mark and size_at need text.offset: without it the text is all there is")
    return setting


def _read_mark(entry: Table) -> Mark | None:
    return entry.under(
        "mark",
        lambda m: Mark(offset=m.whole("offset", 0, MAX_OFFSET), value=m.whole("value", 0, 255)),
    )


def unsafe_settings(profile: Profile) -> Iterator[str]:
    """Say which settings a profile must not write."""
    for name, setting in (("filter_profile", profile.filter_profile), ("name", profile.naming)):
        if setting is None:
            continue
        if setting.uuid not in profile.writable:
            yield f"setting.{name} writes to {setting.uuid}, which is not listed in write"
        for payload in _worst_payloads(setting):
            if reason := forbidden(setting.uuid, payload):
                yield f"setting.{name} {reason}, which is never sent"
                break


def _worst_payloads(setting: ChoiceSetting | TextSetting) -> Iterator[bytes]:
    """Return what a write could hold at worst: all bits set where the setting may set them."""
    payload = bytearray(CHECKED_BYTES)
    if isinstance(setting, TextSetting):
        start, end = setting.offset or 0, (setting.offset or 0) + setting.length
        payload[start:end] = b"\xff" * setting.length
    if setting.mark is not None and setting.mark.offset < CHECKED_BYTES:
        payload[setting.mark.offset] = setting.mark.value
    if isinstance(setting, TextSetting):
        yield bytes(payload)
        return
    for value in setting.choices.values():
        changed = bytearray(payload)
        if setting.offset < CHECKED_BYTES:
            changed[setting.offset] = value
        yield bytes(changed)
