"""What a session is about: the header that session.json holds, and its text form.

The text is a JSON object with `format`, `version` and the fields of `SessionHeader`. Reading and
writing share one check, so what was written can be read. Everything in it is data: no name found
inside is ever used as a path.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast, get_args

from imu.recording.strict_json import Fields, format_object, parse_object
from imu.sample import Clock, Segment, Side, Unit

FORMAT = "hipturn session"
VERSION = 1
UNKNOWN_START = datetime.fromtimestamp(0, UTC)
"""Stands for a start time that no file gives."""

State = Literal["open", "closed", "recovered"]
RecordedSide = Literal["left", "right", "both"]

MAX_UNITS = 16  # five carry both legs and the pelvis
TILT_DEG = (0.0, 45.0)  # an accelerometer that is worse shows no inclination
RATE_HZ = (1.0, 2000.0)  # slower says nothing about a movement, faster no Bluetooth unit sends
TICK_S = (1e-9, 10.0)
MAX_COUNTER_BITS = 63  # counters are signed 64-bit numbers on disk

_EXERCISE = re.compile(r"[a-z0-9][a-z0-9_]{0,49}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionHeader:
    """What a session is about, as session.json holds it."""

    session_id: str = ""
    """The folder's name when it was recorded; the writer fills it in."""
    started_at: datetime
    """Wall time, with zone, at which `host_time_ns` was 0; the epoch where no file gives it."""
    exercise: str
    """Id in the catalogue, snake_case."""
    side: RecordedSide
    units: tuple[Unit, ...]
    """`Sample.unit` counts into these."""
    source: str
    """Where the samples come from: `live`, `virtual`, `import xsens-dot`."""
    software: str
    """What wrote it: `hipturn 0.1.0`."""
    wearer: str = ""
    """A pseudonym, never a name."""
    clock: Clock = "independent"
    """Whether the units count time together."""
    calibration: dict[str, Any] | None = None
    """JSON that only the calibration understands."""
    orientation_filter: str | None = None
    """The filter that fused raw units on the host; None when all units fuse on board."""
    notes: tuple[str, ...] = ()
    """Sentences for people, e.g. what an import had to assume."""
    samples_hash: str = ""
    """Of an imported recording: equal where the samples are (`imu.importers.same_recording`)."""
    state: State = "open"

    def start_text(self, timespec: str = "milliseconds") -> str:
        """Return the start as ISO 8601 with zone; nothing when it is not known."""
        known = self.started_at.year != UNKNOWN_START.year
        return self.started_at.isoformat(timespec=timespec) if known else ""


def recorded_side(units: Sequence[Unit]) -> RecordedSide:
    """Return which leg the units of a session are strapped to."""
    sides = {unit.side for unit in units if unit.side}
    if len(sides) == 1:
        return "left" if Side.LEFT in sides else "right"
    return "both"


def units_of_leg(units: Sequence[Unit], side: Side) -> dict[str, int | None]:
    """Return which units are worn on the thigh and the shank of a leg, as indices; None: no unit.

    A calibration keeps it, for it holds only while the same units are worn there.
    """
    places = {(unit.side, unit.segment): index for index, unit in enumerate(units)}
    return {str(part): places.get((side, part)) for part in (Segment.THIGH, Segment.SHANK)}


def format_header(header: SessionHeader) -> bytes:
    """Return the header as the text of session.json.

    Raises
    ------
    ValueError
        When the header could not be read back; lists every problem.
    """
    fields = asdict(header) | {"started_at": header.started_at.isoformat()}
    text = format_object({"format": FORMAT, "version": VERSION} | fields, indent=2)
    parse_header(text)
    return text + b"\n"


def parse_header(text: bytes) -> SessionHeader:
    """Return the header in the text of a session.json.

    Raises
    ------
    ValueError
        Not JSON, not a session, another version, or wrong fields; lists every wrong field.
    """
    data = parse_object(text)
    if data.get("format") != FORMAT:
        raise ValueError(f'not a hipturn session (no "format": "{FORMAT}")')
    if data.get("version") != VERSION:
        shown = str(data.get("version"))[:20]
        raise ValueError(f"format version {shown}, and this hipturn reads version {VERSION}")
    problems: list[str] = []
    fields = Fields(data, problems)
    units = fields.sequence("units", dict, "a list of objects")
    header = SessionHeader(
        session_id=fields.text("session_id"),
        started_at=_started_at(fields.text("started_at"), problems),
        exercise=_exercise(fields.text("exercise"), problems),
        side=cast(RecordedSide, fields.choice("side", get_args(RecordedSide))),
        units=_units(units, problems),
        source=fields.text("source"),
        software=fields.text("software"),
        wearer=fields.text("wearer", ""),
        clock=cast(Clock, fields.choice("clock", get_args(Clock))),
        calibration=fields.optional_object("calibration"),
        orientation_filter=fields.optional_text("orientation_filter"),
        notes=tuple(fields.sequence("notes", str, "a list of texts")),
        samples_hash=fields.text("samples_hash", ""),
        state=cast(State, fields.choice("state", get_args(State))),
    )
    if problems:
        raise ValueError(", ".join(problems))
    return header


def with_state(text: bytes, state: State) -> bytes:
    """Return the text of a session.json with another state and everything else as it is.

    Raises
    ------
    ValueError
        When the text is no JSON object or would grow too long.
    """
    return format_object(parse_object(text) | {"state": state}, indent=2) + b"\n"


def _started_at(text: str, problems: list[str]) -> datetime:
    try:
        started_at = datetime.fromisoformat(text)
    except ValueError:
        started_at = datetime.min
    if started_at.tzinfo is None:
        problems.append("started_at is not an ISO 8601 time with a zone")
    return started_at


def _exercise(text: str, problems: list[str]) -> str:
    if not _EXERCISE.fullmatch(text):
        problems.append("exercise is not an id of lower-case letters, digits and underscores")
    return text


def _units(items: list[dict[str, Any]], problems: list[str]) -> tuple[Unit, ...]:
    if not 1 <= len(items) <= MAX_UNITS:
        problems.append(f"units lists {len(items)} units, not 1 to {MAX_UNITS}")
        return ()
    units = [_unit(item, problems, f"units[{i}].") for i, item in enumerate(items)]
    labels = [unit.label for unit in units]
    problems.extend(
        f"units[{i}] is a second {label}" for i, label in enumerate(labels) if label in labels[:i]
    )
    return tuple(units)


def _unit(item: dict[str, Any], problems: list[str], place: str) -> Unit:
    fields = Fields(item, problems, place)
    pelvis = item.get("segment") == Segment.PELVIS
    if pelvis and item.get("side") is not None:
        problems.append(f"{place}side is given, and a pelvis has none")
    return Unit(
        segment=Segment(fields.choice("segment", tuple(Segment))),
        side=None if pelvis else Side(fields.choice("side", tuple(Side))),
        rate_hz=fields.number("rate_hz", *RATE_HZ),
        profile=fields.text("profile", ""),
        name=fields.text("name", ""),
        address=fields.text("address", ""),
        serial=fields.text("serial", ""),
        firmware=fields.text("firmware", ""),
        heading=cast(
            Literal["arbitrary", "magnetic"], fields.choice("heading", ("arbitrary", "magnetic"))
        ),
        tick_s=None if item.get("tick_s") is None else fields.number("tick_s", *TICK_S),
        time_bits=fields.whole("time_bits", 1, MAX_COUNTER_BITS, default=32),
        sequence_bits=fields.whole("sequence_bits", 1, MAX_COUNTER_BITS, default=16),
        upright=item.get("upright", False) is True,
        tilt_sigma_deg=(
            None
            if item.get("tilt_sigma_deg") is None
            else fields.number("tilt_sigma_deg", *TILT_DEG)
        ),
    )
