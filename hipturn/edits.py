"""Say something of a recorded session: stamp it, check it, and add it to edits.jsonl."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from hipturn import __version__
from hipturn.errors import UserError
from imu.recording import open_session
from imu.recording.edits import KINDS, OTHER_SIDE, append_edit, read_edits
from imu.sample import Edit

BY = "therapist"
"""Who speaks where nobody says."""


def add_edit(
    folder: Path,
    kind: str,
    *,
    by: str = BY,
    side: str = "",
    at_s: float | None = None,
    value: Any = None,  # noqa: ANN401 (JSON, by kind)
    target: Literal["set", "movement"] = "set",
    saw: Mapping[str, Any] | None = None,
) -> Edit:
    """Add what somebody says of a session, now; it is on the disk when this returns.

    A recorder may still be writing the session.

    Parameters
    ----------
    folder
        The session.
    kind
        One of `imu.recording.edits.KINDS` but `undo`.
    by
        Who says it, in words of their own.
    side
        `left`, `right` or `both`, as the session shows its legs now.
    at_s
        Which movement or set is meant, by a second of the session.
    value
        What is said, as the kind has it: a wearer, degrees, a text …
    target
        Whether pain, an end-feel or a note is of the set or of one movement.
    saw
        What was measured there, such as `status` and `range_deg`.

    Raises
    ------
    SessionError
        When it is no session, the kind says something else, or the disk refuses.
    """
    session = open_session(folder)
    if session.sides_exchanged:  # in the file, legs are as they were recorded
        side = OTHER_SIDE.get(side, side)
    asked = KINDS.get(kind)
    if asked is not None and asked.has_side and not side:
        side = session.recorded.side
    edit = replace(_new(kind, by), side=side, at_s=at_s, value=value, target=target, saw=saw or {})
    append_edit(folder, edit)
    return edit


def undo_edit(folder: Path, id_: str, *, by: str = BY) -> Edit:
    """Take an edit back, now; taking back an `undo` makes what it undid stand again.

    Raises
    ------
    UserError
        When the session has no edit with this id, or it is taken back already.
    SessionError
        When the disk refuses.
    """
    log = read_edits(folder)
    known = {edit.id: edit for edit in log.edits}
    if id_ not in known:
        there = ", ".join(known) or "none"
        raise UserError(f"{folder}: has no edit {id_!r}; there are: {there}")
    if known[id_].kind != "undo" and known[id_] not in log.standing:
        raise UserError(f"{folder}: edit {id_} is taken back already")
    edit = replace(_new("undo", by), of=id_)
    append_edit(folder, edit)
    return edit


def _new(kind: str, by: str) -> Edit:
    return Edit(
        id=secrets.token_hex(4),
        at=datetime.now().astimezone().isoformat(timespec="milliseconds"),
        by=by,
        kind=kind,
        software=f"hipturn {__version__}",
    )
