"""Which sessions there are and which earlier ones each is compared with, in an index on disk.

Folders are listed once and each header is read once, in whatever order they come. What a session is
compared with follows from the index, ordered by start within a wearer's exercise, so that it costs
the same for any names, and memory for one wearer's last few sessions only.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from hipturn.archive.manifest import INPUTS, signature
from hipturn.archive.remote import find_remote, is_url
from hipturn.errors import UserError
from hipturn.history.earlier import FIRST_MAX, LOOKED_AT_MAX, NO_YEAR
from hipturn.session_paths import SESSION_FILE, named, sessions_below
from imu.recording import SessionError
from imu.recording.folder import EDITS_FILE, SAMPLES_FILE
from imu.recording.strict_json import MAX_TEXT_BYTES

_SCHEMA = """
PRAGMA journal_mode = OFF;
CREATE TABLE sessions (
    place INTEGER PRIMARY KEY, path TEXT NOT NULL, real TEXT NOT NULL UNIQUE, parent TEXT NOT NULL,
    name TEXT NOT NULL, url INTEGER NOT NULL, wanted INTEGER NOT NULL, signature TEXT NOT NULL,
    size INTEGER NOT NULL, wearer TEXT NOT NULL, exercise TEXT NOT NULL, start TEXT NOT NULL,
    start_utc REAL, samples TEXT NOT NULL
);
CREATE TABLE listed (parent TEXT PRIMARY KEY);
CREATE TABLE waiting (place INTEGER PRIMARY KEY, with_what BLOB NOT NULL);
"""
_FIELDS = "place, path, url, name, wanted, signature, size, start"
_COPY = """(SELECT 1 FROM sessions AS first WHERE sessions.samples <> ''
    AND first.samples = sessions.samples AND first.exercise = sessions.exercise
    AND first.wearer = sessions.wearer AND first.parent = sessions.parent
    AND first.real < sessions.real)"""
"""An imported recording that is in the folder twice counts once."""


class Planned(NamedTuple):
    """One session as the plan knows it."""

    place: int
    """Where it stands among all, in the order in which they were named."""
    path: str
    url: int
    """1 where `path` is a URL."""
    name: str
    """What its tables are called."""
    wanted: int
    """0 where it is only compared with."""
    signature: str
    size: int
    """Of its samples, in bytes; 0 where that is not known."""
    start: str
    """ISO 8601 with zone; empty when it is not known."""


class Plan:
    """The sessions to analyse, in a temporary index on disk that ends with this object.

    Raises
    ------
    UserError
        When nothing is there, or two sessions would be written to one place.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._index = sqlite3.connect("", isolation_level=None)
        self._index.executescript(_SCHEMA)
        self._index.execute("BEGIN")
        for text in texts:
            self._take_url(text) if is_url(text) else self._take_path(text)
        self.count = int(self._one("SELECT count(*) FROM sessions"))
        if not self.count:
            raise UserError("no session was named; give a session folder, or `demo`")
        self._name_apart()
        self._take_neighbours()
        self._index.execute("CREATE INDEX copies ON sessions (samples) WHERE samples <> ''")
        self._index.execute("COMMIT")

    def __enter__(self) -> Plan:
        return self

    def __exit__(self, *_: object) -> None:
        self._index.close()

    @property
    def first(self) -> str:
        """The first session that was named, as a path or URL."""
        return str(self._one("SELECT path FROM sessions WHERE place = 1"))

    def named(self) -> Iterator[Planned]:
        """Yield the sessions to analyse in the order in which they were named."""
        query = f"SELECT {_FIELDS} FROM sessions WHERE wanted ORDER BY place"  # noqa: S608 (ours)
        yield from map(Planned._make, self._index.execute(query))

    def in_order(self, *, waiting: bool = False) -> Iterator[tuple[Planned, tuple[Planned, ...]]]:
        """Yield each session to analyse, with the earlier ones it is compared with, newest first.

        Wearer by wearer, exercise by exercise, by start; `waiting` yields only those of `wait`.
        """
        rows = self._index.execute(
            f"SELECT {_FIELDS}, wearer, exercise, start_utc, EXISTS {_COPY},"  # noqa: S608 (ours)
            " place IN (SELECT place FROM waiting)"
            " FROM sessions ORDER BY wearer, exercise, start_utc, real"
        )
        whose: tuple[str, str] = ("", "")
        before = _Before()
        for *fields, wearer, exercise, start_utc, is_copy, waits in rows:
            one = Planned._make(fields)
            if (wearer, exercise) != whose:
                whose, before = (wearer, exercise), _Before()
            known = bool(wearer) and start_utc is not None
            if one.wanted and (waits or not waiting):
                yield one, before.of(start_utc) if known else ()
            if known and not is_copy:
                before.take(start_utc, one)

    def wait(self, place: int, with_what: bytes) -> None:
        """Keep what a session brings that is compared when all others are done."""
        self._index.execute("INSERT OR REPLACE INTO waiting VALUES (?, ?)", (place, with_what))

    def waited_with(self, place: int) -> bytes:
        """Return what `wait` kept."""
        found: bytes = self._one("SELECT with_what FROM waiting WHERE place = ?", place)
        return found

    @property
    def waiting(self) -> int:
        """How many sessions wait."""
        return int(self._one("SELECT count(*) FROM waiting"))

    def _one(self, query: str, *values: object) -> Any:  # noqa: ANN401 (a cell)
        return self._index.execute(query, values).fetchone()[0]

    def _take_url(self, url: str) -> None:
        for session in find_remote(url):
            self._put(session.url, session.url, 1, session.signature, session.size, url=1)

    def _take_path(self, text: str) -> None:
        path = named(text)
        inside = False
        real = os.path.realpath(path)
        for folder, parents in sessions_below(path):
            inside = True
            below = os.path.join(real, *parents)  # noqa: PTH118 (a hundred thousand times)
            self._list(below)
            name = os.path.basename(folder)  # noqa: PTH119
            self._take_folder(folder, os.path.join(below, name), 1)  # noqa: PTH118
        if not inside:
            self._take_folder(str(path), real, 1)  # opening it reports what is missing

    def _list(self, parent: str) -> None:
        self._index.execute("INSERT OR IGNORE INTO listed VALUES (?)", (parent,))

    def _take_neighbours(self) -> None:
        """Take the sessions beside those that were named: they may be earlier ones."""
        alone = self._index.execute(
            "SELECT DISTINCT parent FROM sessions WHERE wanted AND NOT url"
            " AND parent NOT IN (SELECT parent FROM listed)"
        ).fetchall()
        for (parent,) in alone:
            for folder, parents in sessions_below(Path(parent)):
                if not parents:
                    self._take_folder(folder, folder, 0)

    def _take_folder(self, path: str, real: str, wanted: int) -> None:
        seen = signature(path, INPUTS)
        files = dict(zip(INPUTS, seen.split(" "), strict=True))
        samples = files[SAMPLES_FILE].partition(":")[0]
        words = _words_of(path) if files[EDITS_FILE] == "-" else _edited_words_of(Path(path))
        self._put(path, real, wanted, seen, 0 if samples == "-" else int(samples), words)

    def _put(
        self, path: str, real: str, wanted: int, seen: str, size: int,
        words: tuple[str, str, str, str] = ("", "", "", ""), *, url: int = 0,
    ) -> None:  # fmt: skip
        wearer, exercise, start, samples = words
        start_utc = datetime.fromisoformat(start).timestamp() if start else None
        parent, _, name = real.rstrip("/").rpartition(os.sep if not url else "/")
        self._index.execute(
            "INSERT OR IGNORE INTO sessions VALUES"
            " (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (path, real, parent, name, url, wanted, seen, size,
             wearer, exercise, start, start_utc, samples),
        )  # fmt: skip

    def _name_apart(self) -> None:
        """Name sessions of one name in several folders after their folders too."""
        self._index.execute("CREATE INDEX names ON sessions (name)")
        shared = self._index.execute(
            "SELECT place, parent, name FROM sessions WHERE name IN"
            " (SELECT name FROM sessions GROUP BY name HAVING count(*) > 1)"
        ).fetchall()
        self._index.executemany(
            "UPDATE sessions SET name = ? WHERE place = ?",
            [(f"{Path(parent).name}__{name}", place) for place, parent, name in shared],
        )
        still = self._index.execute(
            "SELECT count(*), name FROM sessions GROUP BY name HAVING count(*) > 1 LIMIT 1"
        ).fetchone()
        if still:
            raise UserError(f"{still[0]} sessions would be written to {still[1]}: rename them")


class _Before:
    """A wearer's sessions of an exercise so far, those that the next one is compared with."""

    def __init__(self) -> None:
        self._first: list[Planned] = []
        self._last: deque[Planned] = deque(maxlen=LOOKED_AT_MAX)
        self._same_start: list[Planned] = []
        self._start_utc = 0.0

    def take(self, start_utc: float, one: Planned) -> None:
        self._pass(start_utc)
        self._same_start.append(one)

    def of(self, start_utc: float) -> tuple[Planned, ...]:
        self._pass(start_utc)
        return tuple(dict.fromkeys((*reversed(self._last), *reversed(self._first))))

    def _pass(self, start_utc: float) -> None:
        if start_utc == self._start_utc:
            return
        self._last += self._same_start
        self._first += self._same_start[: FIRST_MAX - len(self._first)]
        self._same_start, self._start_utc = [], start_utc


def _words_of(folder: str) -> tuple[str, str, str, str]:
    """Return wearer, exercise, start and hash of the samples as the header has them.

    Only what decides the order is looked at; whether the session can be used is said when it is
    opened. A header that cannot be read gives four empty texts.
    """
    try:
        handle = os.open(f"{folder}/{SESSION_FILE}", os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            header = json.loads(os.read(handle, min(MAX_TEXT_BYTES, os.fstat(handle).st_size)))
        finally:
            os.close(handle)
        started_at = datetime.fromisoformat(header["started_at"])
        words = [header.get(key, "") for key in ("wearer", "exercise", "samples_hash")]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "", "", "", ""
    wearer, exercise, samples = (word if isinstance(word, str) else "" for word in words)
    known = started_at.tzinfo is not None and started_at.year != NO_YEAR
    return wearer, exercise, header["started_at"] if known else "", samples


def _edited_words_of(folder: Path) -> tuple[str, str, str, str]:
    """Return the same of a session that people corrected, as it stands now."""
    from imu.recording.edits import read_edited_header

    try:
        header, _ = read_edited_header(folder)
    except SessionError:
        return "", "", "", ""
    start = "" if header.started_at.year == NO_YEAR else header.started_at.isoformat()
    return header.wearer, header.exercise, start, header.samples_hash
