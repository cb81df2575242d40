"""An SQLite index over session folders; the folders are the truth.

Each look compares every folder's files with what the index was made from and reads those again that
differ. An index that is missing, damaged or of another version is made anew.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hipturn.history.stored import FIGURES, SUMMARY_FILE, TEXTS, Row, stored_summary
from hipturn.session_paths import SESSION_FILE
from imu.recording import SessionError
from imu.recording.edits import read_edited_header
from imu.recording.folder import EDITS_FILE, EVENTS_FILE, SAMPLES_FILE
from imu.recording.strict_json import parse_object

INDEX_FILE = "history.sqlite"
VERSION = 5
FILES = (SESSION_FILE, SAMPLES_FILE, EVENTS_FILE, SUMMARY_FILE, EDITS_FILE)

DECLARED_WITHIN = 65_536
"""Bytes of a session's events; what was declared is the first of them, before anything is moved."""

_SCHEMA = f"""
CREATE TABLE sessions (
    folder TEXT PRIMARY KEY, signature TEXT NOT NULL, wearer TEXT, start_time TEXT,
    start_utc REAL, exercise TEXT, side TEXT, samples TEXT, problem TEXT NOT NULL,
    analysed INTEGER NOT NULL, binned INTEGER NOT NULL,
    visit TEXT, plan TEXT, item INTEGER, items INTEGER
) WITHOUT ROWID;
CREATE INDEX by_wearer ON sessions (wearer, exercise, start_utc);
CREATE INDEX by_samples ON sessions (samples, exercise, wearer);
CREATE VIEW copies AS SELECT later.folder AS folder, min(first.folder) AS original,
    later.wearer AS wearer
    FROM sessions AS later JOIN sessions AS first USING (samples, exercise, wearer)
    WHERE later.samples <> '' AND first.problem = '' AND first.folder < later.folder
    AND NOT first.binned AND NOT later.binned
    GROUP BY later.folder;
CREATE VIEW counted AS SELECT * FROM sessions
    WHERE NOT binned AND folder NOT IN (SELECT folder FROM copies);
CREATE TABLE legs (
    folder TEXT NOT NULL REFERENCES sessions ON DELETE CASCADE, leg TEXT NOT NULL,
    {", ".join(f"{name} REAL" for name in FIGURES)},
    {", ".join(f"{name} TEXT" for name in TEXTS)}, PRIMARY KEY (folder, leg)
) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
"""  # noqa: S608 (the column names are ours)


@contextlib.contextmanager
def history_index(root: Path, *, keep: bool = True) -> Iterator[sqlite3.Connection]:
    """Open the index of a folder of sessions, brought up to date.

    Parameters
    ----------
    root
        Holds the session folders; one that does not exist has no session.
    keep
        Whether the index stays on disk; where it cannot, it is made in memory.
    """
    connection = _open(root / INDEX_FILE if keep and root.is_dir() else None)
    try:
        with connection:
            refresh(connection, root)
        yield connection
    finally:
        connection.close()


def refresh(connection: sqlite3.Connection, root: Path) -> None:
    """Read the folders that are new or have changed; drop what is gone."""
    known = dict(connection.execute("SELECT folder, signature FROM sessions"))
    found = dict(_folders(root))
    for name in known.keys() - found.keys():
        connection.execute("DELETE FROM sessions WHERE folder = ?", (name,))
    for name, signature in found.items():
        if known.get(name) != signature:
            _take(connection, root, name, signature)


def same_recordings(root: Path, samples_hash: str) -> list[str]:
    """Return the folders of `root` that hold the recording with this hash of the samples."""
    with history_index(root, keep=(root / INDEX_FILE).exists()) as connection:
        rows = connection.execute(
            "SELECT folder FROM sessions WHERE samples = ? AND samples <> '' AND NOT binned"
            " ORDER BY folder",
            (samples_hash,),
        )
        return [folder for (folder,) in rows]


def put_summary(connection: sqlite3.Connection, root: Path, name: str, legs: list[Row]) -> None:
    """Take what analysis found in a session that had no summary yet."""
    with connection:
        signature = _signature(root / name)
        connection.execute(
            "UPDATE sessions SET signature = ?, analysed = 1 WHERE folder = ?", (signature, name)
        )
        _put_legs(connection, name, legs)


def put_problem(connection: sqlite3.Connection, name: str, problem: str) -> None:
    """Record that a session is damaged: it is listed as such and not read again."""
    with connection:
        connection.execute("UPDATE sessions SET problem = ? WHERE folder = ?", (problem, name))


def _open(path: Path | None) -> sqlite3.Connection:
    if path is None:
        return _prepared(sqlite3.connect(":memory:"))
    try:
        return _prepared(_connect(path))
    except sqlite3.DatabaseError:  # damaged or of another version
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
    try:
        return _prepared(_connect(path))
    except sqlite3.DatabaseError:  # the folder cannot be written
        return _prepared(sqlite3.connect(":memory:"))


def _connect(path: Path) -> sqlite3.Connection:
    # only its owner may read who did what; SQLite itself would follow the umask
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600)) if os.access(path.parent, os.W_OK) else 0
    return sqlite3.connect(path)


def _prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if version == 0 and tables == 0:
            connection.executescript(_SCHEMA)
        elif version != VERSION:
            raise sqlite3.DatabaseError(f"index version {version}")  # noqa: TRY301 (closed below)
        connection.execute("SELECT folder, problem FROM sessions LIMIT 1").fetchone()
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _folders(root: Path) -> Iterator[tuple[str, str]]:
    """Yield every session folder's name and what its files look like."""
    with contextlib.suppress(OSError), os.scandir(root) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                signature = _signature(Path(entry.path))
                if signature:
                    yield entry.name, signature


def _signature(folder: Path) -> str:
    """Return size and time of every file of a session; empty when it is none."""
    parts = []
    for name in FILES:
        try:
            status = os.stat(f"{folder}/{name}", follow_symlinks=False)  # noqa: PTH116 (speed)
            parts.append(f"{status.st_size}:{status.st_mtime_ns}")
        except OSError:
            parts.append("-")
    return "" if parts[0] == "-" and parts[1] == "-" else " ".join(parts)


def _take(connection: sqlite3.Connection, root: Path, name: str, signature: str) -> None:
    folder = root / name
    row: tuple[Any, ...] = (None,) * 6
    problem, legs, binned = "", None, False
    try:
        header, binned = read_edited_header(folder)
    except SessionError as error:
        problem = f"{error.problem}; {error.remedy}"
    else:
        started = header.started_at
        row = (
            header.wearer,
            started.isoformat(timespec="milliseconds"),
            started.timestamp(),
            header.exercise,
            header.side,
            header.samples_hash,
        )
        legs = stored_summary(folder)
    connection.execute("DELETE FROM sessions WHERE folder = ?", (name,))
    connection.execute(
        f"INSERT INTO sessions VALUES ({', '.join('?' * 15)})",  # noqa: S608 (question marks only)
        (name, signature, *row, problem, legs is not None, binned, *_visit_of(folder)),
    )
    if legs is not None:
        _put_legs(connection, name, legs)


def _visit_of(folder: Path) -> tuple[str, str, int, int] | tuple[None, None, None, None]:
    """Return the visit that a session is of, the plan's name, which item, and of how many.

    They are among the first events; all None where the session is of no plan's visit.
    """
    path = folder / EVENTS_FILE
    head = b""
    with contextlib.suppress(OSError):
        if not path.is_symlink():
            with path.open("rb") as file:
                head = file.read(DECLARED_WITHIN)
    for line in head.split(b"\n"):
        if b'"declared"' not in line:
            continue
        with contextlib.suppress(ValueError):
            event = parse_object(line)
            plan = event.get("plan")
            name = plan.get("name") if isinstance(plan, dict) else None
            found = event.get("visit"), name, event.get("item"), event.get("of")
            if [type(value) for value in found] == [str, str, int, int]:
                return found
    return None, None, None, None


def _put_legs(connection: sqlite3.Connection, name: str, legs: list[Row]) -> None:
    columns = (*FIGURES, *TEXTS)
    marks = ", ".join("?" * (len(columns) + 2))
    connection.execute("DELETE FROM legs WHERE folder = ?", (name,))
    connection.executemany(
        f"INSERT INTO legs VALUES ({marks})",  # noqa: S608 (question marks only)
        [(name, leg["side"], *(leg[column] for column in columns)) for leg in legs],
    )
