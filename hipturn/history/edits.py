"""Say something of a recorded session: stamp it, check it, and add it to edits.jsonl."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hipturn import __version__
from hipturn.errors import UserError, printable
from hipturn.history.wearers import PSEUDONYM
from hipturn.session_paths import SESSION_FILE
from hipturn.words import Said
from imu.recording import SessionError, open_session
from imu.recording.edits import KINDS, OTHER_SIDE, append_edit, read_edits
from imu.recording.folder import EDITS_FILE, FolderLock
from imu.sample import Edit

if TYPE_CHECKING:
    import pandas as pd

    from analysis.session.analyse import Result

NEAR_S = 0.5
"""As of `analysis.edits`."""
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
    UserError
        When a wearer is no pseudonym.
    """
    session = open_session(folder)
    if kind == "wearer" and value:
        check_pseudonym(str(value))
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
        there = ", ".join(known) or Said("trouble.none")
        raise UserError(Said("trouble.no_edit", folder=str(folder), id=repr(id_), there=there))
    if known[id_].kind != "undo" and known[id_] not in log.standing:
        raise UserError(Said("trouble.taken_back", folder=str(folder), id=id_))
    edit = replace(_new("undo", by), of=id_)
    append_edit(folder, edit)
    return edit


def say_worn(folder: Path, kind: Literal["swap", "side"], side: str, *, by: str = BY) -> None:
    """Say, while a session runs, that its units are worn otherwise; said again, it is taken back.

    `side` is the leg that they are on.

    Raises
    ------
    SessionError
        When it is no session, or the disk refuses.
    """
    before = [edit for edit in read_edits(folder).standing if edit.kind == kind]
    for edit in before:
        undo_edit(folder, edit.id, by=by)
    if before:
        return
    if kind == "swap":
        add_edit(folder, kind, by=by, side=side)
    else:
        saw = {"side": open_session(folder).recorded.side}
        add_edit(folder, kind, by=by, value=side, saw=saw)


def _new(kind: str, by: str) -> Edit:
    return Edit(
        id=secrets.token_hex(4),
        at=datetime.now().astimezone().isoformat(timespec="milliseconds"),
        by=by,
        kind=kind,
        software=f"hipturn {__version__}",
    )


@dataclass(frozen=True, slots=True)
class Where:
    """What of a session an edit is of."""

    side: str
    at_s: float
    target: Literal["set", "movement"]
    saw: dict[str, Any]
    """What is measured there."""


def find_place(
    result: Result, side: str, *, at_s: float | None = None, set_: int | None = None
) -> Where:
    """Return where a second, or a set by its number, is in a session.

    Parameters
    ----------
    result
        The session analysed.
    side
        `left`, `right`, `both`; empty where only one can be meant.
    at_s
        A second: the movement there.
    set_
        The number of a set; without either, the only set.

    Raises
    ------
    UserError
        When several can be meant, or nothing is there.
    """
    legs = [str(side) for side in result.calibrations]
    if not side:
        side = legs[0] if len(legs) == 1 else "both" if result.recording.entry.both_legs else ""
    if not side:
        raise UserError(Said("trouble.which_leg"))
    mine = legs if side == "both" else [side]
    if at_s is not None:
        return Where(side, at_s, "movement", _movement_at(result, mine, at_s))
    sets = result.sets[result.sets["side"].isin(mine)]
    known = sorted({int(number) for number in sets["set"]})
    if set_ is None and len(known) == 1:
        set_ = known[0]
    if set_ not in known:
        there = ", ".join(map(str, known)) or Said("trouble.none")
        raise UserError(Said("trouble.which_set", there=there))
    found = sets[sets["set"] == set_]
    start_s, end_s = float(found["start_s"].min()), float(found["end_s"].max())
    saw = {"start_s": start_s, "end_s": end_s, "valid": int(found["valid"].max())}
    return Where(side, float(found["start_s"].max()), "set", saw)


def _movement_at(result: Result, legs: list[str], at_s: float) -> dict[str, Any]:
    reps = result.reps[result.reps["side"].isin(legs)]
    inside = reps[(reps["start_s"] <= at_s) & (at_s <= reps["end_s"])]
    near = inside if len(inside) else reps[(reps["peak_s"] - at_s).abs() <= NEAR_S]
    if not len(near):
        there = ", ".join(f"{start:.1f} to {end:.1f}" for start, end in zip(
            reps["start_s"], reps["end_s"], strict=True))  # fmt: skip
        raise UserError(Said("trouble.no_movement", at=at_s, there=there or Said("trouble.none")))
    rows = near.to_dict("records")
    row = min(rows, key=lambda row: abs(float(row["peak_s"]) - at_s))
    range_deg = float(row["rom_deg"])
    known = {"range_deg": round(range_deg, 1)} if range_deg == range_deg else {}
    return {"status": str(row["measured_status"]), **known}


def take_in(folder: Path, table: Path, *, by: str = BY) -> list[Edit]:
    """Take in the cells that somebody filled by hand in a session's reps.csv or sets.csv.

    Every cell is checked before the first is taken in; those that the session has already are
    passed over.

    Raises
    ------
    UserError
        When the table is of another session, or a cell cannot be used; names every one.
    """
    from analysis.session import analyse as sessions
    from hipturn.export.csv import read_cells
    from hipturn.session.pipeline import read_recording

    session = open_session(folder)
    result = sessions.analyse(read_recording(session))
    rows = read_cells(table)
    ids = {row.get("session_id", "") for row in rows} - {session.header.session_id}
    if ids:
        of, mine = ", ".join(sorted(ids)), session.header.session_id
        raise UserError(Said("trouble.other_table", table=str(table), of=of, mine=mine))
    of_reps = bool(rows) and "peak_s" in rows[0]
    known = result.reps if of_reps else result.sets
    said: list[tuple[str, dict[str, Any]]] = []
    problems: list[str] = []
    for number, row in enumerate(rows, start=2):
        there = _same_row(known, row)
        for column, (kind, is_number) in CELLS.items():
            cell = row.get(column, "").strip()
            if not cell or (there is not None and cell == _cell(there[column])):
                continue
            value: Any = cell
            if is_number:
                try:
                    value = int(float(cell.replace(",", ".")))
                except ValueError:
                    value = -1
            if there is None:
                problems.append(Said("trouble.no_row", number=number))
            elif not KINDS[kind].fits(value):
                cell_of = {"number": number, "column": column, "cell": repr(cell)}
                problems.append(Said("trouble.wrong_cell", wanted=KINDS[kind].wanted, **cell_of))
            else:
                at_s = there["peak_s" if of_reps else "start_s"]
                at_s = there["start_s"] if at_s != at_s else at_s
                target = "movement" if of_reps else "set"
                where = {"side": row["side"], "at_s": float(at_s), "target": target}
                said.append((kind, {**where, "value": value}))
    if problems:
        listed = Said.together(problems, "; ")
        raise UserError(Said("trouble.nothing_taken_in", table=str(table), problems=listed))
    return [add_edit(folder, kind, by=by, **more) for kind, more in said]


CELLS = {
    "pain_0_10": ("pain", True),
    "effort_0_10": ("effort", True),
    "counted_by_hand": ("count", True),
    "end_feel": ("end_feel", False),
    "note": ("note", False),
}
"""Columns that people fill in: the edit that keeps such a cell, and whether it is a number."""


def _same_row(known: pd.DataFrame, row: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the session's own row of a table's row: of the same leg, at the same second."""
    start_s = float(row["start_s"].replace(",", "."))
    near = known[(known["side"] == row["side"]) & ((known["start_s"] - start_s).abs() <= NEAR_S)]
    if not len(near):
        return None
    found: dict[str, Any] = near.iloc[0].to_dict()  # type: ignore[assignment]
    return found


def _cell(value: Any) -> str:  # noqa: ANN401 (a table's cell)
    return "" if str(value) in ("<NA>", "nan", "None") else str(value)


def check_pseudonym(text: str) -> str:
    """Return a wearer's reference.

    Raises
    ------
    UserError
        When it is none, or might be a name.
    """
    if not PSEUDONYM.fullmatch(text):
        raise UserError(Said("trouble.no_pseudonym", text=repr(printable(text))))
    return text


def binned(root: Path) -> list[tuple[Path, Edit]]:
    """Return the sessions below a folder that are in the bin, with what put each there."""
    found: list[tuple[Path, Edit]] = []
    for path in sorted(root.rglob(EDITS_FILE)):
        if not (path.parent / SESSION_FILE).is_file() or path.is_symlink():
            continue
        try:
            said = [edit for edit in read_edits(path.parent).standing if edit.kind == "bin"]
        except SessionError:
            continue  # said when the session itself is opened
        found += [(path.parent, said[-1])] if said else []
    return found


def remove_binned(root: Path) -> list[Path]:
    """Remove for good what is in the bin; return what is gone.

    Raises
    ------
    SessionError
        When a session is being recorded; it and those after it stay.
    """
    gone = []
    for path, _ in binned(root):
        FolderLock(path).release()  # raises when a process records into it
        shutil.rmtree(path)
        gone.append(path)
    return gone
