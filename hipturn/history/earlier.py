"""What earlier sessions of a wearer say about this one."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from analysis.exercises import CatalogueError
from analysis.session.since_last_session import with_changes
from hipturn.history.index import INDEX_FILE, history_index
from hipturn.history.stored import Row, store_summary, stored_summary
from imu.recording import SessionError, open_session
from imu.recording.folder import read_header

if TYPE_CHECKING:
    import pandas as pd

    from imu.recording import SessionHeader

SAME_VISIT = timedelta(hours=24)
"""A leg measured alone is compared with the other leg, measured at most this long before."""
NO_YEAR = 1970
"""The epoch stands for a start time that no file gives."""
LOOKED_AT_MAX = 12
"""So many earlier sessions are searched for one with a valid repetition of the leg."""


class Earlier(NamedTuple):
    """The session that something is compared with."""

    start_time: str
    rom_median_deg: float


class _Known(NamedTuple):
    wearer: str
    exercise: str
    started_at: datetime

    @classmethod
    def of(cls, header: SessionHeader) -> _Known:
        """Return what matters of a header."""
        return cls(header.wearer, header.exercise, header.started_at)


class Past(NamedTuple):
    """What a wearer's earlier sessions of an exercise hold."""

    last: dict[str, Earlier]
    """The last session before, by side."""
    other_leg: Earlier | None
    """The other leg's, when this session has one leg and the other was measured just before."""


def candidates(folders: Sequence[Path]) -> dict[Path, list[Path]]:
    """Return, for each session, the earlier ones of its wearer and exercise, the newest first.

    Looked for beside each folder and among all of them. A session without a wearer, or whose start
    is not known, has none.
    """
    headers = {folder.resolve(): header for folder in folders if (header := _header(folder))}
    known = {path: _Known.of(header) for path, header in headers.items()}
    for root in {folder.resolve().parent for folder in folders}:
        with history_index(root, keep=(root / INDEX_FILE).exists()) as index:
            known |= {
                root / name: _Known(wearer, exercise, datetime.fromisoformat(start))
                for name, wearer, exercise, start in index.execute(
                    "SELECT folder, wearer, exercise, start_time FROM sessions WHERE problem = ''"
                )
            }
    alike: dict[tuple[str, str], list[tuple[datetime, Path]]] = {}
    for path, one in known.items():
        if one.wearer and one.started_at.year != NO_YEAR:
            alike.setdefault((one.wearer, one.exercise), []).append((one.started_at, path))
    return {folder: _before(known.get(folder.resolve()), alike) for folder in folders}


def _before(
    mine: _Known | None, alike: Mapping[tuple[str, str], list[tuple[datetime, Path]]]
) -> list[Path]:
    if mine is None or mine.started_at.year == NO_YEAR:
        return []
    sessions = alike.get((mine.wearer, mine.exercise), [])
    before = [session for session in sessions if session[0] < mine.started_at]
    return [path for _, path in heapq.nlargest(LOOKED_AT_MAX, before)]


def past_of(summary: pd.DataFrame, folders: Sequence[Path]) -> Past:
    """Return what the earlier sessions, newest first, say of the legs of a summary."""
    sides = [str(side) for side in summary["side"]]
    last: dict[str, Earlier] = {}
    other_leg: Earlier | None = None
    for folder in folders:
        header = _header(folder)
        if header is None or not sides:
            continue
        started_at = datetime.fromisoformat(str(summary["start_time"].iloc[0]))
        same_visit = started_at - header.started_at <= SAME_VISIT
        if len(last) == len(sides) and not same_visit:
            break  # nothing more to learn
        start_time = header.started_at.isoformat(timespec="milliseconds")
        for leg in summary_of(folder):
            if not leg["valid"] or leg["rom_median_deg"] is None:
                continue
            earlier = Earlier(start_time, float(leg["rom_median_deg"]))
            if leg["side"] in sides:
                last.setdefault(str(leg["side"]), earlier)
            elif same_visit and other_leg is None:
                other_leg = earlier
    return Past(last, other_leg)


def completed(summary: pd.DataFrame, past: Past) -> pd.DataFrame:
    """Return the summary with the columns that earlier sessions fill."""
    other = past.other_leg.rom_median_deg if past.other_leg else None
    return with_changes(
        summary, {side: one.rom_median_deg for side, one in past.last.items()}, other
    )


def summary_of(folder: Path) -> list[Row]:
    """Return a session's summary, a row a leg: the stored one, else from analysing it now.

    A session that cannot be analysed has none.
    """
    stored = stored_summary(folder)
    if stored is not None:
        return stored
    from analysis.session import analyse as sessions
    from hipturn.session.pipeline import read_recording

    try:
        result = sessions.analyse(read_recording(open_session(folder)))
    except (SessionError, CatalogueError):
        return []
    return store_summary(folder, result.summary)


def _header(folder: Path) -> SessionHeader | None:
    try:
        return read_header(folder)
    except SessionError:
        return None  # said when the session itself is opened
