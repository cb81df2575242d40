"""Removes a wearer everywhere: lists all, locks the sessions, removes, checks the rest."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from hipturn.archive.journal import JOURNAL_FILE, JOURNAL_FILES, forget_entries
from hipturn.archive.manifest import MANIFEST_FILE
from hipturn.errors import UserError
from hipturn.export.csv import dialect_of
from hipturn.export.motion_bids import PARTICIPANTS, label_of, other_participants
from hipturn.export.parquet import PARQUET, partitions
from hipturn.history.index import INDEX_FILE, history_index
from hipturn.history.traces import (
    DRAWN,
    MAX_BYTES,
    files_below,
    links_below,
    naming,
    text_in,
    word,
)
from hipturn.safety import SAFETY_FILE, forget_told
from hipturn.session_paths import SESSION_FILE
from imu.recording import SessionError
from imu.recording.edits import read_edited_header, rewrite_edits
from imu.recording.folder import EDITS_FILE, FolderLock, read_header, replace_file
from imu.recording.strict_json import format_object, parse_object
from imu.sample import Edit

TABLES = ("summary.csv", "reps.csv", "sets.csv")
"""Tables with a column `wearer`."""
WRITTEN = (
    "angles.csv", "reps.csv", "sets.csv", "samples.csv", "report.pdf", "summary.csv",
    "manifest.json", "bundle.json", "orientations.sto", "placement.sto", "marks.csv",
    "calibration.json", "tables.xlsx", *JOURNAL_FILES,
    *(f"{name}.parquet" for name in ("angles", "reps", "sets", "summary", "samples")),
)  # fmt: skip
"""What `analyse` and `export` write into a folder of one session."""
NOTED = (JOURNAL_FILE, MANIFEST_FILE)
"""What is known of many sessions: each is a row or an entry."""
INDEX_FILES = (INDEX_FILE, *(f"{INDEX_FILE}-{end}" for end in ("journal", "wal", "shm")))
FORGOTTEN = "(forgotten)"
"""Stands where a note named a wearer."""
MARK = "hipturn"
"""Stands in every report, figure and workbook of ours."""


@dataclass(slots=True)
class Forgotten:
    """What was removed, what could not be, and what still names the wearer."""

    sessions: list[Path] = field(default_factory=list)
    scrubbed: list[Path] = field(default_factory=list)
    """Sessions that were moved to another wearer, and name this one no more."""
    tables: list[Path] = field(default_factory=list)
    """Files and folders removed, and tables that lost its rows."""
    failed: list[str] = field(default_factory=list)
    remaining: list[Path] = field(default_factory=list)
    """Files that hold the reference for another reason, or could not be changed."""

    @property
    def complete(self) -> bool:
        """Return whether a search for the reference finds nothing any more."""
        return not self.failed and not self.remaining

    @property
    def lines(self) -> list[str]:
        """Return what to tell the person who asked."""
        return [
            *[f"removed session {path}" for path in self.sessions],
            *[f"removed the name from {path}, another wearer's now" for path in self.scrubbed],
            *[f"removed tables {path}" for path in self.tables],
            *[f"not removed: {text}" for text in self.failed],
            *[f"still names the wearer, look at it yourself: {path}" for path in self.remaining],
        ]


def sessions_of(root: Path, wearer: str) -> list[Path]:
    """Return the session folders of a wearer at any depth, damaged ones that name it included.

    Those that were moved to this wearer are among them; those moved away are not.

    Raises
    ------
    UserError
        When no session is or was of this wearer, or one of them is behind a link.
    """
    if not wearer:
        raise UserError("sessions without a wearer belong to nobody; name a wearer")
    for link in links_below(root):
        if _is_of(link, wearer) or any(
            _is_of(p.parent, wearer) for p in link.glob("*/" + SESSION_FILE)
        ):
            raise UserError(
                f"{link}: is a link to sessions of {wearer!r}; nothing was removed: forget in the"
                " folder it leads to, then remove the link"
            )
    found = [path.parent for path in files_below(root) if path.name == SESSION_FILE]
    mine = [folder for folder in found if _is_of(folder, wearer)]
    if not mine and not any(_named_once(folder, wearer) for folder in found):
        raise UserError(f"{root}: no session of wearer {wearer!r}; `hipturn history` lists them")
    return mine


def forget(root: Path, wearer: str, *others: Path) -> Forgotten:
    """Remove a wearer's sessions, its rows of the index, and what was made from its sessions.

    Parameters
    ----------
    root
        Holds the session folders, at any depth.
    wearer
        The reference, exactly.
    others
        Folders that tables, reports and exports were written to; may be missing.

    Raises
    ------
    UserError
        When there is no such wearer, or a link leads to it; nothing is removed then.
    SessionError
        When one of the sessions is being recorded; nothing is removed then.
    """
    sessions = sessions_of(root, wearer)
    moved = [
        path.parent
        for path in files_below(root)
        if path.name == SESSION_FILE
        and path.parent not in sessions
        and _named_once(path.parent, wearer)
    ]
    trees = _trees([root, *others])
    done = Forgotten()
    with contextlib.ExitStack() as locks:
        for folder in (*sessions, *moved):
            locks.callback(FolderLock(folder).release)  # raises when a process records into it
        done.scrubbed = [
            folder for folder in moved if _tried(partial(_scrub, folder, wearer), folder, done)
        ]
        done.tables = [
            path
            for part in (_forget_made, _forget_noted)
            for tree in trees
            for path in part(tree, wearer, sessions, done)
        ]
    for folder in sessions:
        if _tried(partial(shutil.rmtree, folder), folder, done):
            done.sessions.append(folder)
            _prune(folder.parent, root)
    for tree in trees:
        _renew_indexes(tree, done)
    done.remaining = [path for tree in trees for path in _left(tree, wearer)]
    return done


def _prune(folder: Path, root: Path) -> None:
    """Remove folders that are empty now: an archive has one a wearer, by name."""
    with contextlib.suppress(OSError):
        while folder != root and folder.is_relative_to(root):
            folder.rmdir()
            folder = folder.parent


def _trees(folders: list[Path]) -> list[Path]:
    """Return the folders to search, without those that lie in another of them."""
    there = list(dict.fromkeys(f.resolve() for f in folders if f.is_dir()))
    return [f for f in there if not any(f != g and f.is_relative_to(g) for g in there)]


def _tried(remove: Callable[[], object], path: Path, done: Forgotten) -> bool:
    """Return whether a removal went well; what went wrong is noted, and the rest goes on."""
    try:
        remove()
    except (OSError, SessionError) as error:
        why = getattr(error, "strerror", None) or str(error)
        done.failed.append(f"{path} ({why})")
        return False
    return True


def _is_of(folder: Path, wearer: str) -> bool:
    try:
        return read_edited_header(folder)[0].wearer == wearer
    except SessionError:
        with contextlib.suppress(OSError):
            text = (folder / SESSION_FILE).read_bytes()[:MAX_BYTES]
            named = re.compile(rb'"wearer"\s*:\s*' + re.escape(json.dumps(wearer).encode()))
            return named.search(text) is not None
        return False


def _named_once(folder: Path, wearer: str) -> bool:
    """Say whether a session was of a wearer before it was corrected, or an edit names one."""
    with contextlib.suppress(SessionError, OSError):
        if read_header(folder).wearer == wearer:
            return True
        edits = folder / EDITS_FILE
        return edits.is_file() and word(wearer).search(text_in(edits)) is not None
    return False


def _scrub(folder: Path, wearer: str) -> None:
    """Take a name out of a session that was moved to another wearer: the one rewrite there is."""
    now = read_edited_header(folder)[0].wearer
    header = folder / SESSION_FILE
    data = parse_object(header.read_bytes())
    replace_file(header, [format_object(data | {"wearer": now}, indent=2), b"\n"])

    def without_name(value: Any) -> Any:  # noqa: ANN401 (JSON)
        if isinstance(value, str):
            return word(wearer).sub(FORGOTTEN, value)
        if isinstance(value, dict):
            return {key: without_name(item) for key, item in value.items()}
        return [without_name(item) for item in value] if isinstance(value, list) else value

    def cleaned(edit: Edit) -> Edit | None:
        if edit.kind == "wearer":
            return None  # session.json says it now
        return replace(edit, by=without_name(edit.by), value=without_name(edit.value),
                       saw=without_name(dict(edit.saw)))  # fmt: skip

    rewrite_edits(folder, cleaned)


def _forget_made(tree: Path, wearer: str, sessions: list[Path], done: Forgotten) -> Iterator[Path]:
    """Remove what was made from a wearer's sessions; yield what is gone or was rewritten."""
    sought = word(wearer)
    resolved = {folder.resolve() for folder in sessions}
    # all is listed before anything is removed
    found = [
        path
        for path in files_below(tree)
        if not any(parent in resolved for parent in path.parents)
        and (
            path.name == PARTICIPANTS
            or sought.search(str(path.name))
            or sought.search(text_in(path))
        )
    ]
    for path in found:
        if not path.exists():
            continue  # gone with its folder
        if path.name == PARTICIPANTS:
            yield from _forget_participant(path, wearer, done)
        elif path.name == SAFETY_FILE:
            if _tried(partial(forget_told, path, wearer), path, done):
                yield path
        elif path.name in TABLES:
            yield from _forget_rows(path, wearer, done)
        elif path.name in WRITTEN and path.name not in NOTED:  # whose entries go one by one
            yield from _remove_written(path.parent, done)
        elif path.suffix in DRAWN or path.suffix == ".xlsx":
            says = text_in(path)
            if (MARK in says or "session_id" in says) and _tried(path.unlink, path, done):
                yield path


def _forget_rows(table: Path, wearer: str, done: Forgotten) -> Iterator[Path]:
    """Remove a wearer's rows of a table; with nobody else in it, its folder's tables too."""
    with contextlib.suppress(ValueError, csv.Error, IndexError):
        dialect = dialect_of(table)
        lines = io.StringIO(table.read_text(encoding="utf-8-sig"), newline="")
        head, *rows = list(csv.reader(lines, delimiter=dialect.delimiter))
        column = head.index("wearer")
        # a cell that looks like a formula was written with a quote in front
        kept = [row for row in rows if row[column].removeprefix("'") != wearer]
        if len(kept) == len(rows):
            return
        if not kept:
            yield from _remove_written(table.parent, done)
            return
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=dialect.delimiter, lineterminator="\n").writerows([head, *kept])
        written = [dialect.mark, text.getvalue().encode()]
        if _tried(lambda: replace_file(table, written), table, done):
            yield table


def _remove_written(folder: Path, done: Forgotten) -> Iterator[Path]:
    """Remove what `analyse` and `export` write; what else is in the folder stays."""
    paths = [folder / name for name in WRITTEN]
    paths += [folder / "refined" / name for name in WRITTEN]
    shared = list(partitions(folder.parent / PARQUET, folder.name).values())
    for path in [*paths, *shared]:
        if path.exists() and _tried(path.unlink, path, done):
            yield path
    for place in [folder / "refined", *[path.parent for path in shared]]:
        with contextlib.suppress(OSError):
            place.rmdir()
    with contextlib.suppress(OSError):  # something else is in it
        folder.rmdir()


def _forget_noted(tree: Path, wearer: str, sessions: list[Path], done: Forgotten) -> Iterator[Path]:
    """Remove what journals and manifests know of a wearer's sessions; yield the manifests."""
    sought = word(wearer)
    resolved = {folder.resolve() for folder in sessions}

    def is_mine(entry: str, rows: str) -> bool:
        data = json.loads(entry)
        session = Path(data.get("session", "")).resolve()
        return bool(sought.search(f"{data} {rows}")) or session in resolved

    outs = dict.fromkeys(path.parent for path in files_below(tree) if path.name in NOTED)
    for out in outs:
        try:
            if forget_entries(out, is_mine):
                yield out / MANIFEST_FILE
        except UserError as error:
            done.failed.append(str(error))


def _forget_participant(people: Path, wearer: str, done: Forgotten) -> Iterator[Path]:
    """Remove a participant of a Motion-BIDS dataset; with nobody else in it, the dataset."""
    kept = other_participants(people, wearer)
    if kept is None:
        return
    folder = people.parent / f"sub-{label_of(wearer)}"
    if folder.is_dir() and _tried(lambda: shutil.rmtree(folder), folder, done):
        yield folder
    if len(kept) > 1:
        text = "\n".join([*kept, ""]).encode()
        if _tried(lambda: replace_file(people, [text]), people, done):
            yield people
        return
    for name in ("dataset_description.json", "participants.json", "README", PARTICIPANTS):
        path = people.parent / name
        if path.exists() and _tried(path.unlink, path, done):
            yield path
    with contextlib.suppress(OSError):
        people.parent.rmdir()


def _renew_indexes(tree: Path, done: Forgotten) -> None:
    """Make each index anew from the folders that are left, so that no freed page holds anything."""
    for index in [path for path in files_below(tree) if path.name == INDEX_FILE]:
        for name in INDEX_FILES:
            path = index.parent / name
            _tried(partial(path.unlink, missing_ok=True), path, done)
        if any(index.parent.glob(f"*/{SESSION_FILE}")):
            with history_index(index.parent):
                pass
        else:
            _prune(index.parent, tree)


def _left(tree: Path, wearer: str) -> Iterator[Path]:
    """Yield what still holds the reference, or the name that Motion-BIDS makes of it."""
    yield from naming(tree, wearer)
    label = f"sub-{label_of(wearer)}"
    for people in [path for path in files_below(tree) if path.name == PARTICIPANTS]:
        if other_participants(people, wearer) is not None and (people.parent / label).exists():
            yield people.parent / label
