"""From session folders to the entries of a report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from analysis.session import analyse as sessions
from hipturn.history.earlier import candidates, completed, past_of
from hipturn.history.stored import store_summary
from hipturn.report import Entry, write_report
from hipturn.report.entry import calibrated_live
from hipturn.session.pipeline import read_recording
from imu.recording import open_session

__all__ = ["entries_of", "write_report"]


def entries_of(folders: list[Path], done: Callable[[Path], object]) -> list[Entry]:
    """Analyse sessions for a report, in order of time, each with what came before it.

    Raises
    ------
    SessionError
        When a session cannot be read, or its exercise is unknown: a report with one missing would
        not say so.
    """
    earlier = candidates(folders)
    entries = []
    for folder in folders:
        session = open_session(folder)
        result = sessions.analyse(read_recording(session))
        store_summary(folder, result.summary)
        past = past_of(result.summary, earlier[folder])
        whole = replace(result, summary=completed(result.summary, past))
        entries.append(Entry(whole, past, calibrated_live(session)))
        done(folder)
    return sorted(entries, key=_started_at)


def _started_at(entry: Entry) -> datetime:
    """Return the start; sessions whose start is not known come last."""
    known = entry.result.recording.started_at
    return datetime.fromisoformat(known) if known else datetime.max.replace(tzinfo=UTC)
