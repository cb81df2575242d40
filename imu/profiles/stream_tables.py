"""The stream tables of a profile: where in a message which number lies."""

from __future__ import annotations

import functools
import math
import re
from typing import TypedDict

from imu.profiles.checked_tables import Table
from imu.profiles.line_pattern import line_pattern
from imu.profiles.number_types import NUMBER_TYPES, NumberType
from imu.profiles.unit_layout import (
    MAX_NOTIFICATION_BYTES,
    MTU_OVERHEAD,
    Clock,
    Counter,
    Field,
    Framing,
    Heading,
    ReadBack,
    Repeat,
    Stream,
    Write,
)
from imu.sample import STANDARD_GRAVITY

FRAMINGS: tuple[Framing, ...] = ("message", "sync", "line", "driver")
UNITS = {
    "quat": {},
    "euler_zyx_deg": {},
    "acc": {"g": STANDARD_GRAVITY, "m/s2": 1.0},
    "gyr": {"deg/s": math.radians(1.0), "rad/s": 1.0},
}
MAX_COUNTER_BITS = 63  # recordings keep counters as signed 64-bit numbers
TEXT_NUMBER = NumberType("<", "d", 8)  # a line's numbers are packed as these before they are read
MAX_DELAY_S = 5.0


class _CounterFields(TypedDict):
    offset: int
    layout: str
    bits: int
    in_record: bool


def read_stream(
    table: Table, name: str, heading: Heading, min_mtu: int, default_uuid: str
) -> Stream:
    """Return a stream; what is wrong is among the table's problems.

    Parameters
    ----------
    table
        What is under `[stream.<name>]`.
    name
        Its name.
    heading
        The unit's heading, unless the stream says otherwise.
    min_mtu
        What the profile asks of every link.
    default_uuid
        Where commands go that name no characteristic.
    """
    framing: Framing = table.text("framing", "message", FRAMINGS)  # type: ignore[assignment]
    line, numbers = _read_line(table) if framing == "line" else (None, 0)
    headers, sync = table.bytes_("header"), table.bytes_("sync")[:1]
    is_text = framing == "line"
    time = table.under("time", lambda entry: _read_clock(entry, is_text=is_text))
    sequence = table.under("seq", lambda entry: Counter(**_read_counter(entry, is_text=is_text)))
    repeat = table.under("repeat", _read_repeat)
    fields = table.under("field", lambda entry: _read_fields(entry, is_text=is_text)) or {}
    length, *longer = (numbers * TEXT_NUMBER.size,) if is_text else _read_lengths(table, framing)
    stream = Stream(
        name=name,
        uuid=table.uuid("uuid"),
        framing=framing,
        headers=headers,
        sync=sync[0] if sync else headers[0][:1] if headers else b"",
        length=length,
        longer=tuple(longer),
        line=line,
        heading=table.text("heading", heading, ("arbitrary", "magnetic")),  # type: ignore[arg-type]
        rate_hz=table.number("rate_hz", 1.0, 2000.0) if table.has("rate_hz") else None,
        time=time,
        sequence=sequence,
        repeat=repeat,
        quat=fields.get("quat"),
        euler_zyx_deg=fields.get("euler_zyx_deg"),
        acc=fields.get("acc"),
        gyr=fields.get("gyr"),
        start=read_writes(table, "start", default_uuid),
        stop=read_writes(table, "stop", default_uuid),
        min_mtu=max(min_mtu, length + MTU_OVERHEAD if framing == "message" else 0),
    )
    table.done()
    _check(table, stream)
    return stream


def _read_lengths(table: Table, framing: Framing) -> list[int]:
    """Return the bytes of a message; of frames that have several lengths the shortest first."""
    if not table.has("length"):
        default = 1 if framing == "driver" else None
        return [table.whole("length", 1, MAX_NOTIFICATION_BYTES, default)]
    found = table.numbers("length", 1, MAX_NOTIFICATION_BYTES)
    if not found or any(length != int(length) for length in found):
        table.problem(f"length must be a whole number from 1 to {MAX_NOTIFICATION_BYTES}")
        return [1]
    if len(found) > 1 and framing != "sync":
        table.problem("length takes several numbers only with framing sync")
    return sorted({int(length) for length in found})


def read_writes(table: Table, key: str, default_uuid: str) -> tuple[Write, ...]:
    """Return a list of commands; those that cannot be read are left out."""
    writes = (read_write(entry, "bytes", default_uuid) for entry in table.entries(key, "bytes"))
    return tuple(write for write in writes if write is not None)


def read_write(entry: Table, key: str, default_uuid: str) -> Write | None:
    """Return one command; None when its bytes cannot be read."""
    template = entry.template(key)
    compare = entry.table("compare")
    write = None
    if template is not None:
        write = Write(
            uuid=entry.uuid("uuid") if entry.has("uuid") else default_uuid,
            template=template,
            delay_s=entry.number("delay_s", 0.0, MAX_DELAY_S, 0.0),
            response=entry.flag("response", None),
            optional=bool(entry.flag("optional", False)),
            patch_at=entry.whole("patch_at", 0, 511) if entry.has("patch_at") else None,
            compare=(compare.whole("offset", 0, 511), compare.whole("length", 1, 512))
            if compare
            else None,
            read_back=entry.under("read_back", _read_back),
        )
        entry.done()
    return write


def _read_back(entry: Table) -> ReadBack | None:
    """Return how a setting is read back; None when its bytes cannot be read."""
    what, value = entry.text("what"), entry.template("value")
    ask = entry.template("ask") if entry.has("ask") else None
    reply = entry.bytes_("reply")[:1]
    if (ask is None) != (not reply):
        entry.problem("needs both ask and reply, or neither")
    if value is None:
        return None
    return ReadBack(what=what, value=value, ask=ask, reply=reply[0] if reply else b"")


def _read_clock(entry: Table, *, is_text: bool) -> Clock:
    """Return where the unit's time lies; one count of `fit` is not known beforehand."""
    counter, tick_s = _read_counter(entry, is_text=is_text), None
    if entry.peek("unit_s") == "fit":
        entry.text("unit_s")
    else:
        tick_s = entry.number("unit_s", 1e-9, 10.0)
    return Clock(**counter, tick_s=tick_s)


def _read_counter(entry: Table, *, is_text: bool) -> _CounterFields:
    """Return where a counter lies."""
    offset = entry.whole("offset", 0, MAX_NOTIFICATION_BYTES)
    kind = TEXT_NUMBER if is_text else _read_type(entry)
    width = MAX_COUNTER_BITS if is_text else min(kind.size * 8, MAX_COUNTER_BITS)
    bits = entry.whole("bits", 1, width, None if is_text else width)
    if not is_text and not kind.whole:
        entry.problem("type must be a whole number, a counter has no decimals")
    return {
        "offset": offset * (TEXT_NUMBER.size if is_text else 1),
        "layout": kind.order + kind.code,
        "bits": bits,
        "in_record": bool(entry.flag("in_record", False)),
    }


def _read_type(entry: Table) -> NumberType:
    """Return the type of a number."""
    return NUMBER_TYPES[entry.text("type", choices=tuple(NUMBER_TYPES)) or "u8"]


def _read_repeat(entry: Table) -> Repeat:
    """Return how samples follow each other in one message."""
    return Repeat(
        offset=entry.whole("offset", 0, MAX_NOTIFICATION_BYTES),
        stride=entry.whole("stride", 1, MAX_NOTIFICATION_BYTES),
        dt_s=entry.number("dt_s", 1e-4, 1.0) if entry.has("dt_s") else None,
        anchor=entry.text("anchor", "first", ("first", "last")),  # type: ignore[arg-type]
    )


def _read_fields(fields: Table, *, is_text: bool) -> dict[str, Field | None]:
    """Return the measured quantities."""
    read = functools.partial(_read_field, is_text=is_text)
    return {key: fields.under(key, functools.partial(read, key)) for key in UNITS}


def _read_field(key: str, entry: Table, *, is_text: bool) -> Field:
    """Return one measured quantity."""
    kind = TEXT_NUMBER if is_text else _read_type(entry)
    offset = entry.whole("offset", 0, MAX_NOTIFICATION_BYTES)
    sent = entry.whole("count", 3, 4, 4) if key == "quat" else entry.whole("count", 3, 3, 3)
    names = "wxyz" if sent == 4 else "xyz"
    order = entry.text("order", names)
    if sorted(order) != sorted(names):
        entry.problem(f"order must hold each of {names} once")
        order = names
    scale = entry.number("scale", 1e-12, 1e12, 1.0) / entry.number("divide", 1e-12, 1e12, 1.0)
    if UNITS[key]:
        scale *= UNITS[key][entry.text("unit", choices=tuple(UNITS[key])) or next(iter(UNITS[key]))]
    signs = entry.table("sign")
    scales = tuple(scale * _sign(signs, name) for name in names)
    if signs:
        signs.done()
    w_optional = key == "quat" and bool(entry.flag("w_optional", False))
    if w_optional and order[-1] != "w":
        entry.problem("w_optional needs w to be the last in order")
        w_optional = False
    return Field(
        offset=offset * (TEXT_NUMBER.size if is_text else 1),
        layout=kind.order + kind.code * sent,
        picks=tuple(order.index(name) for name in names),
        scales=scales,
        w_optional=w_optional,
    )


def _sign(signs: Table | None, name: str) -> float:
    """Return +1 or −1."""
    if signs is None or not signs.has(name):
        return 1.0
    value = signs.number(name, -1.0, 1.0)
    if abs(value) != 1.0:
        signs.problem(f"{name} must be 1 or -1")
    return value


def _read_line(table: Table) -> tuple[re.Pattern[str] | None, int]:
    """Return what a line of text looks like, and how many numbers it holds."""
    try:
        line = line_pattern(table.text("line"))
    except ValueError as error:
        table.problem(f"line {error}")
        return None, 1
    return line, line.groups


def _check(table: Table, stream: Stream) -> None:
    """Say where the parts of a stream contradict each other."""
    if stream.framing == "driver":
        return
    if not (stream.quat or stream.euler_zyx_deg or (stream.acc and stream.gyr)):
        table.problem("needs field.quat, field.euler_zyx_deg, or both field.acc and field.gyr")
    if stream.quat and stream.euler_zyx_deg:
        table.problem("has both field.quat and field.euler_zyx_deg, one is enough")
    if stream.framing == "sync" and not stream.headers:
        table.problem("framing sync needs a header")
    if any(not header.startswith(stream.sync) for header in stream.headers):
        table.problem("every header must begin with sync")
    _check_lengths(table, stream)


def _check_lengths(table: Table, stream: Stream) -> None:
    """Say which numbers lie outside the message or the record."""
    repeat = stream.repeat
    for key in UNITS:
        field: Field | None = getattr(stream, key)
        if field is not None:
            sent = len(field.picks) - field.w_optional
            end = field.offset + _size(field.layout) * sent
            _check_end(table, stream, f"field.{key}", end, in_record=repeat is not None)
            if field.w_optional and repeat:
                table.problem(f"field.{key}.w_optional is not possible with repeat")
    for key, counter in (("time", stream.time), ("seq", stream.sequence)):
        if counter is not None:
            end = counter.offset + _size(counter.layout)
            _check_end(table, stream, key, end, in_record=counter.in_record)
            if counter.in_record and repeat is None:
                table.problem(f"{key}.in_record needs repeat")
    if repeat and repeat.offset + repeat.stride > stream.length:
        table.problem("length must hold at least one record of repeat")


def _check_end(table: Table, stream: Stream, key: str, end: int, *, in_record: bool) -> None:
    """Say when a number ends beyond the message, or beyond its record."""
    stride = stream.repeat.stride if stream.repeat else 0
    if in_record and stride and end > stride:
        table.problem(f"{key} ends at byte {end} of the record, but stride is {stride}")
    elif not in_record and end > stream.length:
        table.problem(f"{key} ends at byte {end}, but length is {stream.length}")


def _size(layout: str) -> int:
    """Return the bytes of one number of a layout."""
    sizes = {kind.code: kind.size for kind in NUMBER_TYPES.values()}
    return sizes[layout[1]]
