"""From session folders to the entries of a report."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from analysis.exercises import CatalogueError
from analysis.session import analyse as sessions
from hipturn.errors import fault_text
from hipturn.history.earlier import candidates, completed, past_of
from hipturn.history.stored import store_summary
from hipturn.report import Entry, write_report
from hipturn.report.entry import calibrated_live
from hipturn.session.pipeline import read_recording
from hipturn.words import ENGLISH, Words, words_of
from imu.recording import SessionError, open_session

__all__ = ["entries_of", "write_report"]


def entries_of(
    folders: list[Path],
    done: Callable[[Path], object],
    skipped: Callable[[str], object] | None = None,
    language: str = ENGLISH,
) -> list[Entry]:
    """Analyse sessions for a report, in order of time, each with what came before it.

    Parameters
    ----------
    folders
        The sessions.
    done
        Told each one that is finished.
    skipped
        Told in a sentence each session that is left out, since it cannot be read or is more than
        hipturn can do. Without it, or when none can be read, that is an error.
    language
        Of the report.

    Raises
    ------
    SessionError, CatalogueError
        When a session cannot be read, or its exercise is unknown.
    """
    earlier = candidates(folders)
    entries = []
    for number, folder in enumerate(folders, start=1):
        try:
            entries.append(_entry(folder, earlier[folder], words_of(language)))
        except Exception as error:
            if skipped is None or (number == len(folders) and not entries):
                raise
            ours = not isinstance(error, SessionError | CatalogueError)
            if ours and os.environ.get("HIPTURN_DEBUG"):
                raise
            skipped(fault_text(error, f"{folder.name} is kept as it is") if ours else f"{error}")
        done(folder)
    return sorted(entries, key=_started_at)


def _entry(folder: Path, earlier: list[Path], words: Words) -> Entry:
    session = open_session(folder)
    result = sessions.analyse(read_recording(session))
    store_summary(folder, result.summary)
    exercise = result.recording.entry
    past = past_of(result.summary, exercise, earlier)
    whole = replace(result, summary=completed(result.summary, exercise, past))
    return Entry(whole, past, calibrated_live(session), words)


def _started_at(entry: Entry) -> datetime:
    """Return the start; sessions whose start is not known come last."""
    known = entry.result.recording.started_at
    return datetime.fromisoformat(known) if known else datetime.max.replace(tzinfo=UTC)
