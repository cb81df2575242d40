"""events.jsonl: the events of a session other than samples, one JSON object a line.

Each event has a text `type` and a number `time_s`, seconds from the session's first sample; the
rest is up to the type.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imu.recording.folder import check_file, unreadable
from imu.recording.strict_json import Fields, format_object, parse_object

MAX_EVENTS_BYTES = 64_000_000
MAX_TIME_S = 1e6  # eleven days; marks of an import may lie a little outside the session


@dataclass(slots=True)
class EventLog:
    """What an events.jsonl holds."""

    events: list[dict[str, Any]] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    """The text of each event, without its line end."""
    faults: list[str] = field(default_factory=list)
    """A phrase for each complete line that is no event."""
    cut: bool = False
    """True when the last line was not finished."""


def format_event(event: dict[str, Any]) -> bytes:
    """Return an event as a line.

    Raises
    ------
    ValueError
        When it could not be read back.
    """
    line = format_object(event)
    _parse(line)
    return line + b"\n"


def read_events(path: Path) -> EventLog:
    """Return the events of a file, in the order written; none when there is no such file.

    Raises
    ------
    SessionError
        When the file cannot be read at all.
    """
    if not path.is_symlink() and not path.exists():
        return EventLog()
    check_file(path, MAX_EVENTS_BYTES)
    try:
        *lines, tail = path.read_bytes().split(b"\n")
    except OSError as error:
        raise unreadable(path, error) from None
    log = EventLog()
    for number, line in enumerate(lines, start=1):
        problem = _take(log, line)
        if problem:
            log.faults.append(f"line {number} is {problem}")
    # an object that was closed is whole, even when an editor left out the line end
    log.cut = bool(tail) and bool(_take(log, tail))
    return log


def _take(log: EventLog, line: bytes) -> str:
    """Add a line to the log, or return why it is no event."""
    try:
        event = _parse(line)
    except ValueError as error:
        return str(error)
    log.events.append(event)
    log.lines.append(line)
    return ""


def _parse(line: bytes) -> dict[str, Any]:
    event = parse_object(line)
    problems: list[str] = []
    fields = Fields(event, problems)
    fields.text("type")
    fields.number("time_s", -MAX_TIME_S, MAX_TIME_S)
    if problems:
        raise ValueError(f"no event: {', '.join(problems)}")
    return event
