"""What is known of every session analysed into a folder: an SQLite file beside the tables.

Results are appended as they come, so that a run that was stopped goes on where it was; nothing of
it is held in memory. `manifest.json` is written from it for people and other programs.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hipturn.archive.manifest import MANIFEST_FILE, Entry
from hipturn.errors import UserError
from imu.recording.folder import replace_file

JOURNAL_FILE = "journal.sqlite"
JOURNAL_FILES = (JOURNAL_FILE, *(f"{JOURNAL_FILE}-{end}" for end in ("journal", "wal", "shm")))
VERSION = 1
FORMAT = 1
"""Of manifest.json."""
COMMIT_S = 0.2
"""What a crash costs at most; each commit waits for the disk."""
BUSY_S = 60.0
"""A second run into the same folder waits so long for the first one's commit."""

_SCHEMA = f"""
CREATE TABLE sessions (
    name TEXT PRIMARY KEY, entry TEXT NOT NULL, complete INTEGER NOT NULL, problem TEXT NOT NULL,
    inputs TEXT NOT NULL, seen TEXT NOT NULL, rows TEXT NOT NULL, legs TEXT NOT NULL
);
PRAGMA user_version = {VERSION};
"""


class Noted(NamedTuple):
    """What the journal keeps of one session."""

    entry: str
    """Its part of manifest.json, as JSON."""
    complete: bool
    """Whether it has tables with nothing left to do."""
    problem: str
    """Why it has none; empty when it has."""
    inputs: str
    """What its files looked like (`hipturn.archive.manifest.signature`)."""
    seen: str
    """The same of everything else that decides about its tables, and of these."""
    rows: str
    """The rows of its summary.csv, as they stand there."""
    legs: str
    """What later sessions are compared with, as JSON (`hipturn.history.stored`)."""


class Journal:
    """The journal of a folder of tables; a crash loses the newest `COMMIT_S` at most.

    No file is made before the first session that has tables.

    Parameters
    ----------
    out
        The folder; may be missing.

    Raises
    ------
    UserError
        When it cannot be written, from here on.
    """

    def __init__(self, out: Path) -> None:
        self._out, self._path = out, out / JOURNAL_FILE
        self._changed = not (out / MANIFEST_FILE).exists()
        self._on_disk = self._path.exists()
        self._committed = time.monotonic()
        with self._explained():
            self._connection = _opened(self._path) if self._on_disk else _new("")
        if not self._on_disk:
            self._take_manifest()

    def known(self, name: str) -> Noted | None:
        """Return what was noted of a session."""
        row = self._connection.execute(
            "SELECT entry, complete, problem, inputs, seen, rows, legs FROM sessions"
            " WHERE name = ?", (name,)
        ).fetchone()  # fmt: skip
        return None if row is None else Noted(row[0], bool(row[1]), *row[2:])

    def note(self, name: str, noted: Noted) -> None:
        """Take one session."""
        self._changed = True
        with self._explained():
            if not self._on_disk and not noted.problem:
                self._move_to_disk()
            self._connection.execute(
                "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (name, *noted)
            )
            if time.monotonic() - self._committed > COMMIT_S:
                self._connection.commit()
                self._committed = time.monotonic()

    def leave(self) -> None:
        """Stop before the end: what was noted stays for the next run."""
        with self._explained():
            self._connection.commit()
        self._connection.close()

    def close(self, has: Callable[[str], bool] | None = None) -> None:
        """Write manifest.json, sessions in order of name; tables that are gone are left out.

        Parameters
        ----------
        has
            Tells whether tables of a name are there; without it, the folder is looked at.
        """
        try:
            if self._on_disk and self._changed:
                self._leave_out_what_is_gone(has or (lambda name: (self._out / name).is_dir()))
                with self._explained():
                    replace_file(self._out / MANIFEST_FILE, self._text())
        finally:
            self.leave()

    def forget(self, is_meant: Callable[[str, str], bool]) -> bool:
        """Remove sessions by entry and rows; return whether there were any."""
        rows = self._connection.execute("SELECT name, entry, rows FROM sessions")
        meant = [(name,) for name, entry, text in rows if is_meant(entry, text)]
        with self._explained():
            self._connection.executemany("DELETE FROM sessions WHERE name = ?", meant)
        self._changed |= bool(meant)
        return bool(meant)

    def _leave_out_what_is_gone(self, has: Callable[[str], bool]) -> None:
        names = self._connection.execute("SELECT name FROM sessions WHERE problem = ''")
        gone = [(name,) for (name,) in names if not has(name)]
        with self._explained():
            self._connection.executemany("DELETE FROM sessions WHERE name = ?", gone)

    def _text(self) -> Iterator[bytes]:
        yield b'{"format": %d, "sessions": {' % FORMAT
        between = b"\n"
        for name, entry in self._connection.execute(
            "SELECT name, entry FROM sessions ORDER BY name"
        ):
            yield b"%s%s: %s" % (between, json.dumps(name).encode(), entry.encode())
            between = b",\n"
        yield b"\n}}\n"

    def _move_to_disk(self) -> None:
        self._out.mkdir(parents=True, exist_ok=True)
        on_disk = _new(self._path)
        self._connection.commit()
        self._connection.backup(on_disk)
        self._connection.close()
        self._connection, self._on_disk = on_disk, True

    def _take_manifest(self) -> None:
        """Begin with what manifest.json says where there is no journal: it was written before."""
        entries = _read_manifest(self._out)
        for name, entry in entries.items():
            self.note(
                name, Noted(json.dumps(entry), True, str(entry.get("problem", "")), *[""] * 4)
            )
        self._changed = not (self._out / MANIFEST_FILE).exists()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            why = getattr(error, "strerror", None) or error
            raise UserError(f"{self._path}: {why}; make room or choose another --out") from None


def read_manifest(out: Path) -> dict[str, Entry]:
    """Return what is known of the sessions analysed into a folder, by the name of their tables."""
    if not (out / JOURNAL_FILE).exists():
        return _read_manifest(out)
    with contextlib.closing(_opened(out / JOURNAL_FILE)) as connection:
        rows = connection.execute("SELECT name, entry FROM sessions WHERE complete ORDER BY name")
        return {name: json.loads(entry) for name, entry in rows}


def forget_entries(out: Path, is_meant: Callable[[str, str], bool]) -> bool:
    """Remove sessions from a folder's journal and manifest.

    Parameters
    ----------
    out
        A folder of tables that has one of the two.
    is_meant
        Told the entry (JSON) and the rows of summary.csv of each session.

    Returns
    -------
    bool
        Whether there were any.

    Raises
    ------
    UserError
        When they cannot be written.
    """
    journal = Journal(out)
    found = journal.forget(is_meant)
    journal.close()
    return found


def _read_manifest(out: Path) -> dict[str, Entry]:
    """Return the sessions of a manifest.json; one that is missing or damaged knows nothing."""
    try:
        data: Any = json.loads((out / MANIFEST_FILE).read_bytes())  # ours: as long as it has grown
        sessions = data["sessions"] if data["format"] == FORMAT else {}
        return {name: entry for name, entry in sessions.items() if isinstance(entry, dict)}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def _opened(path: Path) -> sqlite3.Connection:
    """Open a journal; one that is damaged or of another version knows nothing."""
    connection = sqlite3.connect(path, timeout=BUSY_S)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute("SELECT name, legs FROM sessions LIMIT 1").fetchone()
        if version == VERSION:
            return _prepared(connection)
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "open" in str(error):
            connection.close()
            raise
    except sqlite3.DatabaseError:
        pass
    connection.close()
    for name in JOURNAL_FILES:
        path.with_name(name).unlink(missing_ok=True)
    return _new(path)


def _new(path: Path | str) -> sqlite3.Connection:
    if isinstance(path, Path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # it names wearers
    connection = _prepared(sqlite3.connect(path, timeout=BUSY_S))
    connection.executescript(_SCHEMA)
    return connection


def _prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.execute("PRAGMA secure_delete = ON")  # what is forgotten is overwritten
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection
