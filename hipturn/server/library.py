"""The recordings that a viewer may open: named by a key that we give, never by a path."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from analysis import exercises
from analysis.exercises import CatalogueError
from analysis.session import analyse as sessions
from analysis.session.analyse import Result
from hipturn.server.recorded import columns_of, description
from hipturn.session.pipeline import read_recording
from hipturn.session_paths import SESSION_FILE, demo_root
from imu.recording import SessionError, open_session

NEWEST = 200
"""More recordings than this are not listed; name an older one on the command line."""
KEPT = 3
"""So many analysed recordings stay in memory: two to compare, and one more."""


class Analysed:
    """A recording with everything that is shown of it."""

    def __init__(self, key: str, path: Path, *, demo: bool) -> None:
        session = open_session(path)
        self.path = path
        self.result: Result = sessions.analyse(read_recording(session))
        self.description: dict[str, Any] = description(key, session, self.result, demo=demo)
        self.columns: bytes = columns_of(self.result)


class Library:
    """Recordings by key: the demo sessions, those under one folder, and those named."""

    def __init__(self, root: Path, named: Iterable[Path] = ()) -> None:
        self._root = root
        self._named = {path.resolve().name: path for path in named}
        self._analysed: dict[str, Analysed] = {}
        self._one_at_a_time = threading.Lock()

    def add(self, path: Path) -> str:
        """Take a recording in and return its key."""
        self._named[path.name] = path
        return path.name

    def known(self) -> dict[str, Path]:
        """Return every recording by key, the newest first, the demo sessions last."""
        found = dict(self._named)
        if self._root.is_dir():
            there = sorted(
                (path for path in self._root.iterdir() if (path / SESSION_FILE).is_file()),
                key=lambda path: path.name,
                reverse=True,
            )
            for path in there[:NEWEST]:
                found.setdefault(path.name, path)
        demos = sorted(path.parent for path in demo_root().glob(f"*/{SESSION_FILE}"))
        return found | {f"demo.{path.name}": path for path in demos}

    def listing(self) -> list[dict[str, Any]]:
        """Return what is known of every recording without analysing it."""
        rows = []
        for key, path in self.known().items():
            try:
                header = open_session(path).header
                name = exercises.load(header.exercise).name
            except (SessionError, CatalogueError, OSError):
                continue  # opening it by its key tells what is wrong with it
            rows.append(
                {
                    "key": key,
                    "name": name,
                    "exercise": header.exercise,
                    "side": header.side,
                    "started_at": header.start_text("seconds"),
                    "demo": key.startswith("demo."),
                    "virtual": header.source == "virtual",
                }
            )
        return rows

    async def analysed(self, key: str) -> Analysed | None:
        """Return a recording with its angles and repetitions; None when there is no such key.

        Raises
        ------
        imu.recording.SessionError
            When it cannot be read, or its exercise is unknown.
        """
        return await asyncio.to_thread(self._analyse, key)

    def _analyse(self, key: str) -> Analysed | None:
        with self._one_at_a_time:
            if key in self._analysed:
                return self._analysed[key]
            path = self.known().get(key)
            if path is None:
                return None
            found = Analysed(key, path, demo=key.startswith("demo."))
            while len(self._analysed) >= KEPT:
                self._analysed.pop(next(iter(self._analysed)))
            self._analysed[key] = found
            return found

    async def made(self, analysed: Analysed, make: Callable[[Result, Path], Any]) -> bytes:
        """Return a file made from a recording, such as its report."""
        return await asyncio.to_thread(_made, analysed.result, make)


def _made(result: Result, make: Callable[[Result, Path], Any]) -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="hipturn-") as folder:
        path = Path(folder, "file")
        make(result, path)
        return path.read_bytes()
