"""A whole profile from its table, and what it must not write."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import get_args

from imu.profiles.checked_tables import Table
from imu.profiles.settings_tables import read_number, read_settings, unsafe_settings
from imu.profiles.stream_tables import read_stream, read_write, read_writes
from imu.profiles.unit_layout import (
    EVIDENCE_OF,
    MIN_MTU,
    SIGNED_AXES,
    Battery,
    Case,
    DriverName,
    Evidence,
    Held,
    Match,
    Profile,
    Rates,
    ReadBack,
    Stream,
    Unsupported,
    Write,
    write_values,
)
from imu.profiles.write_guard import FIRMWARE_UPDATE, forbidden

SCHEMA = 1
# The streams that each driver written in code knows; the others read any that is described.
CODE_STREAMS: dict[DriverName, tuple[str, ...]] = {
    "toml": (),
    "metamotion": (),
    "movesense": ("imu6",),
    "capture2go": ("full_6d", "quat_float", "quat_fixed"),
    "polar": ("acceleration_rotation",),
}
MAX_STREAMS = 16
EARTH_FRAMES = ("ENU", "NWU", "NED", "YUP")
MAX_WRITES = 32
MAX_MTU = 517

_STREAM_NAME = re.compile(r"[a-z0-9_]{1,30}")


def read_profile(table: Table, name: str) -> Profile:
    """Return the profile, with stand-ins for what is wrong."""
    table.whole("schema", SCHEMA, SCHEMA)
    title = table.text("name")
    heading = table.text("heading", choices=("arbitrary", "magnetic"))
    min_mtu = table.whole("min_mtu", MIN_MTU, MAX_MTU, MIN_MTU)
    writable = table.uuids("write")
    for uuid in sorted(FIRMWARE_UPDATE.intersection(writable)):
        table.problem(f"write lists {uuid}, which is for firmware updates")
    default_uuid = writable[0] if writable else ""
    streams = _read_streams(table, heading or "arbitrary", min_mtu, default_uuid)
    filter_profile, naming = read_settings(table)
    profile = Profile(
        id=name,
        name=title,
        driver=table.text("driver", "toml", tuple(CODE_STREAMS)),  # type: ignore[arg-type]
        rotation=table.text("rotation", "sensor_to_earth", ("sensor_to_earth", "earth_to_sensor")),  # type: ignore[arg-type]
        earth_frame=table.text("earth_frame", "ENU", EARTH_FRAMES),  # type: ignore[arg-type]
        synchronisation=table.text("synchronisation", "", ("", "dot")),  # type: ignore[arg-type]
        pairing=bool(table.flag("pairing", False)),
        writable=writable,
        match=_read_match(table),
        battery=table.under("battery", lambda entry: _read_battery(entry, default_uuid)),
        serial=table.under("serial", _read_held),
        rates=_read_rates(table),
        filter_profile=filter_profile,
        naming=naming,
        setup=read_writes(table, "setup", default_uuid),
        streams=MappingProxyType(streams),
        prefer=table.texts("prefer") or tuple(streams),
        case=table.under("case", read_case),
        notes=table.text("notes", ""),
        evidence=MappingProxyType(table.under("evidence", _read_evidence) or {}),
    )
    table.done()
    for stream in profile.prefer:
        if stream not in streams:
            table.problem(f"prefer names {stream!r}, but there is no such stream")
    _check_driver(table, profile)
    return profile


def read_case(entry: Table) -> Case:
    """Return where the axes are in the case."""
    axes = tuple(SIGNED_AXES)
    case = Case(
        lay=entry.text("lay"),
        ahead=entry.text("ahead", choices=axes),
        up=entry.text("up", choices=axes),
    )
    if case.ahead and case.ahead[-1:] == case.up[-1:]:
        entry.problem("ahead and up are one axis")
    return case


def _read_evidence(entry: Table) -> dict[str, Evidence]:
    """Return what each part of the profile rests on."""
    kinds = get_args(Evidence)
    said = {name: entry.text(name, choices=kinds) for name in EVIDENCE_OF if entry.has(name)}
    return {name: kind for name, kind in said.items() if kind}  # type: ignore[misc]


def _check_driver(table: Table, profile: Profile) -> None:
    """Say where the streams are not what the driver reads."""
    known = CODE_STREAMS[profile.driver]
    for stream in profile.streams.values():
        if known and (stream.name not in known or stream.framing != "driver"):
            table.problem(
                f"the driver {profile.driver} reads streams with framing = 'driver' named: "
                f"{', '.join(known)}"
            )
        if not known and stream.framing == "driver":
            table.problem(f"stream.{stream.name} has framing = 'driver', which needs a driver")
    if profile.driver == "capture2go" and not profile.rates.codes:
        table.problem("the driver capture2go needs rates.code")


def _read_streams(table: Table, heading: str, min_mtu: int, default_uuid: str) -> dict[str, Stream]:
    """Return the streams by name, in the file's order."""
    streams: dict[str, Stream] = {}
    found = table.table("stream", required=True)
    names = found.keys() if found else []
    if found and not 1 <= len(names) <= MAX_STREAMS:
        found.problem(f"there must be 1 to {MAX_STREAMS} streams")
    for name in names[:MAX_STREAMS]:
        if found and not _STREAM_NAME.fullmatch(name):
            found.problem(f"{name[:40]!r} must be at most 30 letters a-z, digits and _")
        stream = found.table(name) if found else None
        if stream is not None:
            streams[name] = read_stream(stream, name, heading, min_mtu, default_uuid)  # type: ignore[arg-type]
    return streams


def _read_match(table: Table) -> Match:
    """Return how the unit is known."""
    entry = table.table("match", required=True)
    if entry is None:
        return Match(
            name_prefix=(), name_contains=(), service_uuids=frozenset(), company_ids=frozenset()
        )
    match = Match(
        name_prefix=entry.texts("name_prefix"),
        name_contains=entry.texts("name_contains"),
        service_uuids=frozenset(entry.uuids("service_uuids")),
        company_ids=frozenset(int(number) for number in entry.numbers("company_id", 0, 0xFFFF)),
        unsupported=tuple(map(_read_unsupported, entry.entries("unsupported", "text"))),
    )
    entry.done()
    named = (*match.name_prefix, *match.name_contains)
    if not (named or match.service_uuids or match.company_ids):
        entry.problem("needs name_prefix, name_contains, service_uuids or company_id")
    if not all(named):
        entry.problem("an empty name would match every unit")
    return match


def _read_unsupported(entry: Table) -> Unsupported:
    """Return units that look like others of a profile, and why they cannot be used."""
    found = Unsupported(
        name_prefix=entry.texts("name_prefix"),
        service_uuids=frozenset(entry.uuids("service_uuids")),
        text=entry.text("text"),
    )
    entry.done()
    if not (found.name_prefix or found.service_uuids) or not all(found.name_prefix):
        entry.problem("needs name_prefix or service_uuids")
    return found


def _read_battery(entry: Table, default_uuid: str) -> Battery:
    """Return where the charge is read."""
    polls = [read_write(poll, "bytes", default_uuid) for poll in entry.entries("poll", "bytes")]
    poll = polls[0] if polls else None
    reply = entry.bytes_("reply")
    if poll is not None and not reply:
        entry.problem("poll needs reply, the bytes that the answer begins with")
    offset, layout = read_number(entry)
    return Battery(
        uuid=entry.uuid("uuid"),
        offset=offset,
        layout=layout,
        poll=poll,
        reply=reply[0] if reply else b"",
        table=_read_charge_table(entry),
    )


def _read_held(entry: Table) -> Held:
    """Return where a number is read: `uuid` and `field`."""
    offset, layout = read_number(entry)
    return Held(uuid=entry.uuid("uuid"), offset=offset, layout=layout)


def _read_charge_table(entry: Table) -> tuple[tuple[float, int], ...]:
    """Return (more than this, percent) pairs, falling."""
    rows: list[tuple[float, int]] = []
    for row in entry.lists("table"):
        if len(row) == 2 and 0 <= row[1] <= 100:
            rows.append((row[0], int(row[1])))
        else:
            entry.problem("table must hold pairs of a number and a percentage")
    if rows != sorted(rows, reverse=True):
        entry.problem("table must begin with the highest number")
    return tuple(rows)


def _read_rates(table: Table) -> Rates:
    """Return the rates that the unit can be set to."""
    entry = table.table("rates", required=True)
    if entry is None:
        return Rates(allowed=(1.0,), codes={}, default=1.0)
    codes: dict[float, int] = {}
    coded = entry.table("code")
    for key in coded.keys() if coded else []:
        rate = _rate(key)
        if coded and rate is None:
            coded.problem(f"{key[:40]!r} is not a rate from 1 to 2000 Hz")
        elif coded and rate is not None:
            codes[rate] = coded.whole(key, 0, 2**32 - 1)
    allowed = tuple(map(float, entry.numbers("allowed", 1.0, 2000.0))) or tuple(codes)
    if codes and set(allowed) != set(codes):
        entry.problem("allowed and code must hold the same rates, allowed may be left out")
    default = float(entry.number("default", 1.0, 2000.0))
    held = entry.under("held", _read_held)
    entry.done()
    if default not in allowed:
        entry.problem(f"default {default:g} is not among the allowed rates")
    return Rates(allowed=allowed, codes=MappingProxyType(codes), default=default, held=held)


def _rate(text: str) -> float | None:
    """Return a rate that is written as a key; None when it is none."""
    try:
        rate = float(text)
    except ValueError:
        return None
    return rate if 1.0 <= rate <= 2000.0 else None


def unsafe(profile: Profile) -> Iterator[str]:
    """Say what a profile must not write, and what it cannot."""
    for where, writes in _all_writes(profile):
        if len(writes) > MAX_WRITES:
            yield f"{where} has {len(writes)} commands, at most {MAX_WRITES} are allowed"
        for write in writes:
            yield from dict.fromkeys(_unsafe_write(profile, where, write))
    yield from unsafe_settings(profile)


def _all_writes(profile: Profile) -> Iterator[tuple[str, Sequence[Write]]]:
    """Return all that a profile ever writes, and where it says so."""
    yield "setup", profile.setup
    for stream in profile.streams.values():
        yield f"stream.{stream.name}.start", stream.start
        yield f"stream.{stream.name}.stop", stream.stop
    if profile.battery and profile.battery.poll:
        yield "battery.poll", (profile.battery.poll,)


def _unsafe_write(profile: Profile, where: str, write: Write) -> Iterator[str]:
    """Say what is wrong with one command at any of the rates."""
    if write.uuid not in profile.writable:
        named = write.uuid or "no characteristic"
        yield f"{where} writes to {named}, which is not listed in write"
    for rate in profile.rates.allowed:
        values = write_values(profile.rates, rate)
        try:
            payload = write.template.render(values)
            asked = _rendered(write.read_back, values)
        except ValueError as error:
            yield f"{where}: {write.template.text[:40]!r} {error}"
            continue
        for sent in (payload, asked):
            if reason := forbidden(write.uuid, sent):
                yield f"{where}: {write.template.text[:40]!r} {reason}, which is never sent"
        if write.compare and sum(write.compare) > len(payload):
            yield f"{where}: compare goes beyond the {len(payload)} bytes that are sent"


def _rendered(read_back: ReadBack | None, values: Mapping[str, float]) -> bytes:
    """Return what is asked to read a setting back; nothing where nothing is.

    Raises
    ------
    ValueError
        When the question or the value asks for a number that there is not.
    """
    if read_back is None:
        return b""
    read_back.value.render(values)
    return read_back.ask.render(values) if read_back.ask else b""
