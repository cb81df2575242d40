"""edits.jsonl: what people say of a session afterwards, apart from what was measured.

A line is an edit; lines are only ever added, each forced to the disk under a lock of the file, and
a last line that was cut is as if it had never been said. An edit takes another back by its id, so
copies of a session merge by id, in whatever order their lines stand.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from imu.recording.folder import (
    EDITS_FILE,
    SessionError,
    check_file,
    read_header,
    replace_file,
    sync_folder,
    unreadable,
)
from imu.recording.header import RecordedSide, SessionHeader, units_of_leg
from imu.recording.strict_json import Fields, format_object, parse_object
from imu.sample import Edit, Segment, Side, Unit

VERSION = 1
MAX_EDITS_BYTES = 4_000_000
MAX_TIME_S = 1e6  # as of events
TEXT_MAX = 2000
OTHER_SIDE = {"left": "right", "right": "left"}
LOCKED_BYTE = 1 << 40  # of Windows locks, which are of a part of a file: beyond any line
Marks = Sequence[tuple[float, str]]

_ID = re.compile(r"[0-9a-f]{8,32}")
_EXERCISE = re.compile(r"[a-z0-9][a-z0-9_]{0,49}")
_DOSE = {"sets": (1.0, 100.0), "reps": (1.0, 1000.0), "hold_s": (0.0, 3600.0)}


@dataclass(frozen=True, slots=True)
class _Kind:
    """What an edit of one kind has to say."""

    has_side: bool = False
    has_time: bool = False
    wanted: str = ""
    """What its value is; empty where it has none."""
    fits: Callable[[Any], bool] = lambda value: value is None


def _is_number(value: Any, low: float, high: float) -> bool:  # noqa: ANN401 (a JSON value)
    return type(value) in (int, float) and math.isfinite(value) and low <= value <= high


def _is_text(value: Any) -> bool:  # noqa: ANN401 (a JSON value)
    return isinstance(value, str) and len(value) <= TEXT_MAX


def _is_span(value: Any) -> bool:  # noqa: ANN401 (a JSON value)
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(_is_number(t, 0.0, MAX_TIME_S) for t in value)
        and value[0] < value[1]
    )


def _is_dose(value: Any) -> bool:  # noqa: ANN401 (a JSON value)
    if not isinstance(value, dict) or not value or value.keys() - _DOSE.keys():
        return False
    whole = all(type(value[name]) is int for name in value.keys() & {"sets", "reps"})
    return whole and all(_is_number(v, *_DOSE[name]) for name, v in value.items())


_OF_10 = _Kind(True, True, "a whole number from 0 to 10", lambda v: type(v) is int and 0 <= v <= 10)
_TEXT = _Kind(True, True, f"a text of at most {TEXT_MAX} characters", _is_text)
KINDS = {
    "reject": _Kind(True, True),
    "accept": _Kind(True, True),
    "trim": _Kind(False, False, "the set's first and last second", _is_span),
    "count": _Kind(
        True,
        True,
        "a whole number from 0 to 10000",
        lambda v: type(v) is int and 0 <= v <= 10_000,
    ),
    "side": _Kind(
        False, False, "left, right or exchanged", lambda v: v in ("left", "right", "exchanged")
    ),
    "exercise": _Kind(
        False,
        False,
        "an exercise's id",
        lambda v: isinstance(v, str) and _EXERCISE.fullmatch(v) is not None,
    ),
    "swap": _Kind(True, False),
    "dose": _Kind(False, False, "an object of sets, reps and hold_s", _is_dose),
    "goal": _Kind(True, False, "degrees from 0 to 90", lambda v: _is_number(v, 0.0, 90.0)),
    "wearer": _Kind(False, False, "a pseudonym", _is_text),
    "bad_from": _Kind(True, True),
    "pain": _OF_10,
    "effort": _OF_10,
    "end_feel": _TEXT,
    "note": _TEXT,
    "bin": _Kind(),
    "undo": _Kind(),
}
"""Every kind of edit, and what it says."""


@dataclass(frozen=True, slots=True)
class EditLog:
    """What an edits.jsonl holds."""

    edits: tuple[Edit, ...] = ()
    """In order of time, each id once; those that were undone, and their undoing, too."""
    lines: tuple[bytes, ...] = ()
    """Every whole line as it is, without its end: those of newer versions too."""
    problems: tuple[str, ...] = ()
    """A sentence for what changes nothing: unknown versions and kinds, lines that are no edit."""
    cut: bool = False
    """True when the last line was not finished."""

    @property
    def standing(self) -> tuple[Edit, ...]:
        """Return the edits that nobody took back, in order of time."""
        undos = [edit for edit in self.edits if edit.kind == "undo"]
        taken: dict[str, bool] = {}

        def stands(id_: str) -> bool:
            if id_ not in taken:
                taken[id_] = True  # an undoing that undoes itself in the end
                taken[id_] = not any(undo.of == id_ and stands(undo.id) for undo in undos)
            return taken[id_]

        return tuple(edit for edit in self.edits if edit.kind != "undo" and stands(edit.id))


def format_edit(edit: Edit) -> bytes:
    """Return an edit as a line.

    Raises
    ------
    ValueError
        When it could not be read back; lists every problem.
    """
    said: dict[str, Any] = {
        "v": VERSION, "id": edit.id, "at": edit.at, "by": edit.by, "software": edit.software,
        "kind": edit.kind,
    }  # fmt: skip
    if edit.side:
        said["side"] = edit.side
    if edit.at_s is not None:
        said["at_s"] = edit.at_s
    if edit.value is not None:
        said["value"] = edit.value
    if edit.target != "set":
        said["target"] = edit.target
    if edit.of:
        said["of"] = edit.of
    if edit.saw:
        said["saw"] = dict(edit.saw)
    line = format_object(said)
    _edit(said)
    return line + b"\n"


def read_edits(folder: Path) -> EditLog:
    """Return what people said of the session in a folder; nothing when nobody did.

    Raises
    ------
    SessionError
        When the file cannot be read at all.
    """
    path = folder / EDITS_FILE
    if not os.path.lexists(path):
        return EditLog()
    check_file(path, MAX_EDITS_BYTES)
    try:
        return parse_edits(path.read_bytes())
    except OSError as error:
        raise unreadable(path, error) from None


def parse_edits(text: bytes) -> EditLog:
    """Return what the text of an edits.jsonl holds."""
    *lines, tail = text.split(b"\n")
    cut = bool(tail) and not _is_object(tail)
    if tail and not cut:
        lines.append(tail)  # whole, even when an editor left out the line end
    found: dict[str, tuple[bytes, Edit]] = {}
    problems: list[str] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            edit = _edit(parse_object(line))
        except ValueError as error:
            problems.append(f"line {number} of {EDITS_FILE} changes nothing: {error}")
            continue
        known = found.get(edit.id)
        if known is None or line < known[0]:  # of two with one id the same everywhere
            found[edit.id] = line, edit
    edits = sorted((edit for _, edit in found.values()), key=_order)
    whole = tuple(line for line in lines if line.strip())
    return EditLog(tuple(edits), whole, tuple(problems), cut)


def append_edit(folder: Path, edit: Edit) -> None:
    """Add an edit to a session; it has reached the disk when this returns.

    A recorder may be writing the session: only edits.jsonl is locked.

    Raises
    ------
    SessionError
        When the edit says what its kind does not allow, or the disk refuses.
    """
    try:
        line = format_edit(edit)
    except ValueError as error:
        raise SessionError(folder / EDITS_FILE, str(error), "correct it and try again") from None
    _append(folder, lambda _: [line])


def merge_edits(folder: Path, other: bytes) -> int:
    """Add the edits of another copy of a session that this one lacks; return how many.

    Parameters
    ----------
    folder
        The session.
    other
        The text of the copy's edits.jsonl.

    Raises
    ------
    SessionError
        When the disk refuses.
    """
    theirs = parse_edits(other).lines

    def missing(mine: EditLog) -> list[bytes]:
        known = set(mine.lines)
        return [line + b"\n" for line in dict.fromkeys(theirs) if line not in known]

    return _append(folder, missing)


def rewrite_edits(folder: Path, change: Callable[[Edit], Edit | None]) -> None:
    """Put other edits in place of those of a session: to forget a name, and for nothing else.

    Parameters
    ----------
    folder
        The session.
    change
        Returns the edit to keep in place of one; None: it goes. Lines that are no edit go too.

    Raises
    ------
    SessionError
        When the disk refuses.
    """
    with _locked(folder) as file:
        kept = [change(edit) for edit in parse_edits(file.read()).edits]
        lines = [format_edit(edit) for edit in kept if edit is not None]
        if sys.platform == "win32":  # an open file cannot be replaced there
            file.close()
        replace_file(folder / EDITS_FILE, lines)


def _append(folder: Path, lines_for: Callable[[EditLog], Iterable[bytes]]) -> int:
    """Add lines, chosen once the file is locked, and force them to the disk; return how many."""
    path = folder / EDITS_FILE
    with _locked(folder) as file:
        text = file.read()
        mine = parse_edits(text)
        lines = list(lines_for(mine))
        if len(text) + sum(map(len, lines)) > MAX_EDITS_BYTES:
            raise SessionError(
                path, f"would grow over {MAX_EDITS_BYTES} bytes", "too much was said of one session"
            )
        end = len(text)
        if mine.cut:
            end = text.rfind(b"\n") + 1  # it never reached the disk: nobody was told that it had
        ending = b"\n" if end and not text[:end].endswith(b"\n") else b""
        try:
            file.seek(end)
            file.truncate()
            file.write(ending + b"".join(lines))
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            raise unreadable(path, error) from None
    sync_folder(folder)
    return len(lines)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[BinaryIO]:
    """Give edits.jsonl, made where it is missing, while no other process has it."""
    path = folder / EDITS_FILE
    if os.path.lexists(path):
        check_file(path, MAX_EDITS_BYTES)
    try:
        while True:
            flags = (
                os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
            )
            handle = os.open(path, flags, 0o600)
            with open(handle, "rb+") as file:  # noqa: PTH123 - a descriptor, not a path
                _lock(file)
                if sys.platform == "win32" or os.path.samestat(os.fstat(handle), path.stat()):
                    yield file
                    return
                # it was put in place of another file while this process waited
    except OSError as error:
        raise unreadable(path, error) from None


def _lock(file: BinaryIO) -> None:
    """Wait until no other process holds the file; a disk without locks gives none."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            import msvcrt

            file.seek(LOCKED_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
            file.seek(0)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX)


def _is_object(line: bytes) -> bool:
    try:
        parse_object(line)
    except ValueError:
        return False
    return True


def _order(edit: Edit) -> tuple[float, str]:
    return datetime.fromisoformat(edit.at).timestamp(), edit.id


def _edit(data: dict[str, Any]) -> Edit:
    """Return the edit in a line's object; ValueError says what is wrong with it."""
    if data.get("v") != VERSION:
        raise ValueError(f"it is of version {str(data.get('v'))[:20]}, and this is {VERSION}")
    kind = KINDS.get(str(data.get("kind")))
    if kind is None:
        raise ValueError(f"its kind, {str(data.get('kind'))[:40]!r}, is unknown")
    problems: list[str] = []
    fields = Fields(data, problems)
    edit = Edit(
        id=fields.text("id"),
        at=fields.text("at"),
        by=fields.text("by"),
        kind=str(data["kind"]),
        software=fields.text("software", ""),
        side=fields.choice("side", ("left", "right", "both"))
        if kind.has_side or "side" in data
        else "",
        at_s=fields.number("at_s", -MAX_TIME_S, MAX_TIME_S) if kind.has_time else None,
        value=data.get("value"),
        target=cast("Any", fields.choice("target", ("set", "movement")))
        if "target" in data
        else "set",
        of=fields.text("of") if data["kind"] == "undo" else "",
        saw=fields.optional_object("saw") or {},
    )
    if not _ID.fullmatch(edit.id):
        problems.append("id is not 8 to 32 hexadecimal digits")
    if not _has_zone(edit.at):
        problems.append("at is not an ISO 8601 time with a zone")
    if not kind.fits(edit.value):
        problems.append(f"value is not {kind.wanted or 'left out'}")
    if problems:
        raise ValueError(", ".join(problems))
    return edit


def _has_zone(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


# -- what they change of the session itself --------------------------------------------------------


def are_sides_exchanged(recorded: SessionHeader, edits: Iterable[Edit]) -> bool:
    """Say whether what was recorded as one leg is the other: the last word on it counts."""
    said = [str(edit.value) for edit in edits if edit.kind == "side"]
    return bool(said) and (said[-1] == "exchanged" or said[-1] == OTHER_SIDE.get(recorded.side))


def edited_header(recorded: SessionHeader, edits: Sequence[Edit]) -> SessionHeader:
    """Return a header as the standing edits have it; a calibration that does not fit is left out.

    Parameters
    ----------
    recorded
        What session.json says.
    edits
        In order of time, with the legs as they were recorded: the later wins.
    """
    header = recorded
    for edit in edits:
        if edit.kind == "wearer":
            header = replace(header, wearer=str(edit.value))
        elif edit.kind == "exercise":
            header = replace(header, exercise=str(edit.value))
    units = list(header.units)
    for side in {edit.side for edit in edits if edit.kind == "swap"}:
        legs = tuple(Side) if side == "both" else (Side(side),)
        units = [
            replace(unit, segment=_OTHER_SEGMENT[unit.segment]) if unit.side in legs else unit
            for unit in units
        ]
    side = header.side
    if are_sides_exchanged(recorded, edits):
        side = cast("RecordedSide", OTHER_SIDE.get(side, side))
        units = [
            replace(unit, side=Side(OTHER_SIDE[unit.side])) if unit.side else unit for unit in units
        ]
    calibration = _that_fits(recorded, units) if header.exercise == recorded.exercise else None
    return replace(header, units=tuple(units), side=side, calibration=calibration)


def _that_fits(recorded: SessionHeader, units: Sequence[Unit]) -> dict[str, Any] | None:
    """Return the calibration of each leg that was made with its units worn as they are now said."""
    return {
        side: leg
        for side, leg in (recorded.calibration or {}).items()
        if side not in OTHER_SIDE
        or calibrated_units(recorded, side) == units_of_leg(units, Side(side))
    } or None


def calibrated_units(recorded: SessionHeader, side: str) -> dict[str, int | None]:
    """Return which units the calibration of a leg was made with, as `units_of_leg` does.

    It says so itself where somebody corrected during the session how its units are worn.
    """
    worn, leg = units_of_leg(recorded.units, Side(side)), (recorded.calibration or {}).get(side)
    told = leg.get("units") if isinstance(leg, dict) else None
    known = isinstance(told, dict) and all(
        told.get(part) is None or told.get(part) in range(len(recorded.units)) for part in worn
    )
    return {part: told.get(part) for part in worn} if known and told else worn


_OTHER_SEGMENT = {
    Segment.THIGH: Segment.SHANK,
    Segment.SHANK: Segment.THIGH,
    Segment.PELVIS: Segment.PELVIS,
}


def read_edited_header(folder: Path) -> tuple[SessionHeader, bool]:
    """Return what the session in a folder is about, as edited, and whether it is in the bin.

    Raises
    ------
    SessionError
        When it is no session folder, or its header or edits cannot be used.
    """
    edits = read_edits(folder).standing
    return edited_header(read_header(folder), edits), is_binned(edits)


def is_binned(edits: Iterable[Edit]) -> bool:
    """Say whether a session is in the bin."""
    return any(edit.kind == "bin" for edit in edits)


def edited_marks(marks: Marks, edits: Iterable[Edit]) -> list[tuple[float, str]]:
    """Return the labelled moments of a session, with the ends of its sets as they were trimmed.

    What an edit replaces is the span that its person saw; where nothing was marked, movements count
    throughout, and go on counting before and after.
    """
    found = sorted(marks)
    for edit in edits:
        if edit.kind == "trim":
            found = _trimmed(found, edit)
    return found


def _trimmed(marks: list[tuple[float, str]], edit: Edit) -> list[tuple[float, str]]:
    from_s, to_s = (float(second) for second in edit.value)
    first_s, last_s = from_s, to_s
    if _is_span([edit.saw.get("start_s"), edit.saw.get("end_s")]):
        first_s, last_s = min(from_s, edit.saw["start_s"]), max(to_s, edit.saw["end_s"])
    sets = [mark for mark in marks if mark[1] in ("set_start", "set_end")]
    others = [mark for mark in marks if mark not in sets]
    before = [mark for mark in sets if mark[0] < first_s]
    after = [mark for mark in sets if mark[0] > last_s]
    new = [(from_s, "set_start"), (to_s, "set_end")]
    # counting that was under way goes on around it, as sets of its own
    if before[-1][1] == "set_start" if before else not sets or sets[0][1] == "set_end":
        new.append((first_s, "set_end"))
    if after[0][1] == "set_end" if after else not sets or sets[-1][1] == "set_start":
        new.append((last_s, "set_start"))
    return sorted([*others, *before, *new, *after])
