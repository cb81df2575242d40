"""The recordings that a viewer may open: named by a key that we give, never by a path."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from analysis import exercises
from analysis.exercises import CatalogueError
from analysis.session import analyse as sessions
from analysis.session.analyse import Result
from hipturn.commands.summary_text import summary_lines
from hipturn.errors import UserError, printable
from hipturn.export.saved import How, saved
from hipturn.history.earlier import own_changes
from hipturn.history.edits import add_edit, undo_edit
from hipturn.history.index import history_index
from hipturn.history.trend import adherence, fill, not_analysed, trend, wearers
from hipturn.history.wearer_book import WEARERS_FILE, read_wearers
from hipturn.history.wearers import LEGS, Wearer
from hipturn.server.commands import MAX_BYTES, RefusedCommandError
from hipturn.server.recorded import columns_of, description
from hipturn.server.workshop import Workshop
from hipturn.session.pipeline import exercise_of, read_recording
from hipturn.session_paths import SESSION_FILE, demo_root, in_bin
from hipturn.words import Said, said_of
from imu.recording import SessionError, open_session
from imu.recording.folder import EDITS_FILE, read_header

if TYPE_CHECKING:
    from hipturn.export.csv import Decimal
    from imu.recording import SessionHeader

NEWEST = 200
"""More recordings than this are not listed; name an older one on the command line."""
KEPT = 3
"""So many analysed recordings stay in memory: two to compare, and one more."""


@dataclass(frozen=True, slots=True)
class Analysed:
    """What is shown of an analysed recording."""

    path: Path
    state: tuple[int, int]
    """Of what people said of it, when it was analysed."""
    description: dict[str, Any]
    columns: bytes
    lines: tuple[str, ...]
    """How it went, for people."""


class Library:
    """Recordings by key: the demo sessions, those under one folder, and those named."""

    def __init__(self, root: Path, named: Iterable[Path] = (), only: str = "") -> None:
        """Take the folder of recordings, those named, and the one wearer to show, if it is one."""
        self.root, self.only = root, only
        self._named = {path.resolve().name: path for path in named}
        self._analysed: dict[str, Analysed] = {}
        self._workshop = Workshop()
        self._press = Workshop()
        """Makes files. A report is made ahead: nobody who looks at something else waits for it."""

    def add(self, path: Path) -> str:
        """Take a recording in and return its key."""
        self._named[path.name] = path
        return path.name

    def known(self, *, binned: bool = False) -> dict[str, Path]:
        """Return every recording by key, the newest first, the demo sessions last.

        Those in the bin are left out, unless they are wanted too.
        """
        found = dict(self._named)
        if self.root.is_dir():
            there = sorted(
                (
                    path
                    for path in self.root.iterdir()
                    if (path / SESSION_FILE).is_file() and (binned or not in_bin(path))
                ),
                key=lambda path: path.name,
                reverse=True,
            )
            if self.only:
                there = [path for path in there if _wearer_of(path) == self.only]
            for path in there[:NEWEST]:
                found.setdefault(path.name, path)
        demos = sorted(path.parent for path in demo_root().glob(f"*/{SESSION_FILE}"))
        return found | {f"demo.{path.name}": path for path in demos}

    def listing(self) -> list[dict[str, Any]]:
        """Return what is known of every recording without analysing it.

        What cannot be read comes last, with a `problem` in place of all else.
        """
        rows: list[dict[str, Any]] = []
        broken: list[dict[str, Any]] = []
        for key, path in self.known().items():
            try:
                session = open_session(path)
                header, name = session.header, exercise_of(session).name
            except (SessionError, CatalogueError, OSError) as error:
                broken.append({"key": key, "problem": printable(str(error))})
                continue
            rows.append(
                {
                    "key": key,
                    "name": name,
                    "exercise": header.exercise,
                    "side": header.side,
                    "started_at": header.start_text("seconds"),
                    "demo": key.startswith("demo."),
                    "virtual": header.source == "virtual",
                    "wearer": "" if key.startswith("demo.") else header.wearer,
                }
            )
        return rows + broken

    def wearers(self) -> list[dict[str, Any]]:
        """Return every wearer with sessions or goals: how many sessions, the first and the last.

        Raises
        ------
        UserError
            When the list of wearers is damaged.
        """
        with history_index(self.root) as index:
            found = {row["wearer"]: row for row in wearers(index) if row["wearer"]}
        for name in read_wearers(self.root / WEARERS_FILE).known:
            found.setdefault(name, {"wearer": name, "sessions": 0, "first": None, "last": None})
        return [found[name] for name in sorted(found) if self.only in ("", name)]

    async def trend(self, wearer: str) -> dict[str, Any] | None:
        """Return the trend of a wearer; None where there is no such wearer."""
        known = await asyncio.to_thread(self.wearers)
        if wearer not in {row["wearer"] for row in known}:
            return None
        return await self._workshop.do(_trend, self.root, wearer)

    async def begin(self) -> None:
        """Get ready: loading what analyses takes a second or two."""
        await self._workshop.do(_ready)

    def close(self) -> None:
        """End what is being made."""
        self._workshop.close()
        self._press.close()

    async def analysed(self, key: str) -> Analysed | None:
        """Return a recording with its angles and repetitions; None when there is no such key.

        Raises
        ------
        imu.recording.SessionError
            When it cannot be read, or its exercise is unknown.
        UserError
            When it was ended from outside.
        """
        known = self._analysed.get(key)
        if known is None or known.state != _state_of_edits(known.path):
            self._analysed.pop(key, None)
            path = await asyncio.to_thread(lambda: self.known().get(key))
            if path is None:
                return None
            found = await self._workshop.do(_shown, key, path, key.startswith("demo."))
            while len(self._analysed) >= KEPT:
                self._analysed.pop(next(iter(self._analysed)))
            self._analysed[key] = found
        return self._analysed[key]

    async def table(self, analysed: Analysed, name: str, decimal: str) -> bytes:
        """Return one of the tables of a recording as CSV, decimals as asked."""
        return await self._press.do(_table, analysed.path, name, decimal)

    async def saved(self, analysed: Analysed, name: str, how: How) -> bytes:
        """Return one of `hipturn.export.saved.FILES` of a recording, as asked."""
        return await self._press.do(_saved, analysed.path, name, how)


def _state_of_edits(path: Path) -> tuple[int, int]:
    """Return what changes when somebody corrects a recording: when, and how long it is."""
    try:
        status = (path / EDITS_FILE).stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


# -- what a viewer says of a recording, whatever stage a session is in -----------------------------

BY = "at the page"
KEY_MAX = 200
VALUES = ("side", "at_s", "value", "target", "saw")
"""What an edit may have beside its kind; each kind checks its own."""


class Correction(NamedTuple):
    """A viewer's word on a recording."""

    key: str
    """Of the recording."""
    kind: str
    """One of `imu.recording.edits.KINDS`; `undo` takes back the edit with the id in `of`."""
    of: str
    more: dict[str, Any]


def parse_correction(text: str) -> Correction | None:
    """Return what a viewer says of a recording; None where the message is something else.

    Raises
    ------
    RefusedCommandError
        When it names no recording, or holds what no edit has.
    """
    if len(text.encode()) > MAX_BYTES:
        return None  # refused as a command
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or data.get("do") != "edit":
        return None
    key, kind, of = (data.get(name, "") for name in ("key", "kind", "of"))
    unknown = data.keys() - {"do", "key", "kind", "of", *VALUES}
    texts = all(isinstance(said, str) and len(said) <= KEY_MAX for said in (key, kind, of))
    if unknown or not texts or not isinstance(data.get("saw", {}), dict):
        raise RefusedCommandError(
            "`edit` has texts `key`, `kind` and `of`, an object `saw`, and what its kind has"
        )
    return Correction(key, kind, of, {name: data[name] for name in VALUES if name in data})


async def correct(library: Library, said: Correction) -> dict[str, Any]:
    """Add what a viewer says to the recording, and return what to answer.

    Raises
    ------
    RefusedCommandError
        When there is no such recording, it is a demo, or the edit is not allowed.
    """
    undoes = said.kind == "undo"  # of a bin too
    path = await asyncio.to_thread(lambda: library.known(binned=undoes).get(said.key))
    if path is None:
        raise RefusedCommandError(Said("why.no_recording"))
    if said.key.startswith("demo."):
        raise RefusedCommandError(Said("why.demo"))
    work = (
        partial(undo_edit, path, said.of, by=BY)
        if undoes
        else partial(add_edit, path, said.kind, by=BY, **said.more)
    )
    try:
        edit = await asyncio.to_thread(work)
    except (SessionError, UserError, TypeError, ValueError) as error:
        raise RefusedCommandError(said_of(error)) from None
    return {"type": "event", "what": "edited", "key": said.key, "kind": said.kind, "id": edit.id}


# -- in a workshop's process -----------------------------------------------------------------------


def _ready() -> None:
    """Do nothing: what the work needs has been loaded by then."""


def _result(path: Path) -> Result:
    return _result_of(path, _state_of_edits(path))


@lru_cache(maxsize=KEPT)
def _result_of(path: Path, _state: tuple[int, int]) -> Result:
    return sessions.analyse(read_recording(open_session(path)))


@lru_cache(maxsize=4 * NEWEST)
def _wearer_at(path: Path, _: int) -> str:
    try:
        return read_header(path).wearer
    except SessionError:
        return ""


def _wearer_of(path: Path) -> str:
    """Return whose a session is; empty where that cannot be read."""
    try:
        return _wearer_at(path, (path / SESSION_FILE).stat().st_mtime_ns)
    except OSError:
        return ""


TREND = (
    "exercise", "position", "quantity", "compared", "side", "start_time", "session", "valid",
    "target_reps", "controlled_share", "compared_deg", "mdc_deg", "mdc_own", "active", "trials_deg",
    "change_since_last_deg", "change_exceeds_mdc", "pain_max_0_10",
)  # fmt: skip
"""What the page shows of each session and leg of a trend."""


def _trend(root: Path, wearer: str) -> dict[str, Any]:
    with history_index(root) as index:
        fill(index, root, not_analysed(index, wearer), lambda _: None)
        rows, plans = trend(index, root, wearer), adherence(index, wearer)
    goals = read_wearers(root / WEARERS_FILE).known.get(wearer, Wearer()).goals
    return {
        "wearer": wearer,
        "rows": [{name: row[name] for name in TREND} | _named(row["exercise"]) for row in rows],
        "plans": plans,
        "goals": [goal._asdict() | {"day": goal.day.isoformat()} for goal in goals],
    }


def _named(exercise: str) -> dict[str, str]:
    try:
        return {"name": exercises.load(exercise).name}
    except CatalogueError:
        return {"name": exercise.replace("_", " ")}


def _shown(key: str, path: Path, demo: bool) -> Analysed:
    state = _state_of_edits(path)
    result = _result(path)
    session = open_session(path)
    told = description(key, session, result, demo=demo)
    typical = result.recording.entry.typical_range_deg
    told["goals"] = (
        dict.fromkeys(told["sides"], typical) if demo else _goals(path.parent, session.header)
    )
    return Analysed(
        path,
        state,
        told,
        columns_of(result),
        tuple(summary_lines(result, {} if demo else own_changes(result, path))),
    )


def _goals(root: Path, header: SessionHeader) -> dict[str, float]:
    """Return the goals, degrees by leg, that the wearer had on the day of a session."""
    with contextlib.suppress(UserError):  # a damaged list is told where wearers are listed
        wearer = read_wearers(root / WEARERS_FILE).known.get(header.wearer, Wearer())
        day = header.started_at.date()
        then = replace(wearer, goals=tuple(goal for goal in wearer.goals if goal.day <= day))
        found = {leg: then.goal(header.exercise, leg) for leg in LEGS}
        return {leg: goal.deg for leg, goal in found.items() if goal is not None}
    return {}


def _table(path: Path, name: str, decimal: Decimal) -> bytes:
    import tempfile

    from hipturn.export.csv import write_table

    with tempfile.TemporaryDirectory(prefix="hipturn-") as folder:
        table = write_table(getattr(_result(path), name), Path(folder, "table.csv"), decimal)
        return table.read_bytes()


def _saved(path: Path, name: str, how: How) -> bytes:
    return saved(path, name, lambda: _result(path), how)
