"""Reads a session: everything up to the last whole batch, without impossible samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from imu.recording.arrow_stream import BatchReader, samples_of, table_of
from imu.recording.edits import OTHER_SIDE, EditLog, are_sides_exchanged, edited_header, read_edits
from imu.recording.events import read_events
from imu.recording.folder import EVENTS_FILE, SAMPLES_FILE, SessionError, read_header
from imu.recording.header import SessionHeader
from imu.sample import Edit, Sample, SampleTable
from imu.screening import Screening, screen_table

RECOVER_HINT = "run `hipturn recover` on the session"


class Session:
    """A recorded session; make it with `open_session`.

    Attributes
    ----------
    path
        The folder.
    header
        What the session is about: session.json, as people corrected it.
    recorded
        What session.json says.
    edits
        What people said of it and did not take back, in order of time, with the legs as corrected.
    edit_problems
        Sentences for lines of edits.jsonl that change nothing.
    """

    def __init__(self, path: Path, recorded: SessionHeader, log: EditLog | None = None) -> None:
        self.path = path
        self.recorded = recorded
        log = log or EditLog()
        self.header = edited_header(recorded, log.standing)
        self.sides_exchanged = are_sides_exchanged(recorded, log.standing)
        self.edits = tuple(self._as_corrected(edit) for edit in log.standing)
        self.edit_problems = log.problems
        self._dropped: dict[str, int] | None = None
        self._samples_cut = False

    def samples(self) -> Iterator[Sample]:
        """Yield the samples that count (see `imu.screening`) in recorded arrival order.

        One batch at a time is in memory.

        Raises
        ------
        SessionError
            When no sample counts.
        """
        reader = BatchReader(self.path / SAMPLES_FILE)
        screening = Screening(len(self.header.units))
        kept = 0
        for batch in reader:
            for recorded in samples_of(batch):
                sample = screening.push(recorded)
                if sample is not None:
                    kept += 1
                    yield sample
        self._dropped, self._samples_cut = screening.dropped, self._is_cut(reader)
        if kept == 0:
            raise self._useless()

    def table(self) -> SampleTable:
        """Return the samples that count in one table: the same as `samples`, much faster.

        Raises
        ------
        SessionError
            When no sample counts.
        """
        table = self._read_table()
        if len(table) == 0:
            raise self._useless()
        return table

    def events(self) -> list[dict[str, Any]]:
        """Return the events in the order they were written.

        Raises
        ------
        SessionError
            When a finished line is no event.
        """
        path = self.path / EVENTS_FILE
        log = read_events(path)
        if log.faults:
            raise SessionError(path, log.faults[0], RECOVER_HINT)
        return log.events

    def _as_corrected(self, edit: Edit) -> Edit:
        if not self.sides_exchanged:
            return edit
        return replace(edit, side=OTHER_SIDE.get(edit.side, edit.side))

    @property
    def dropped(self) -> dict[str, int]:
        """Return how many recorded samples do not count, by reason (see `imu.screening`)."""
        if self._dropped is None:
            self._read_table()
        return dict(self._dropped or {})

    @property
    def cut(self) -> bool:
        """Return whether the end of the samples is missing or the last event was not whole."""
        if self._dropped is None:
            self._read_table()
        return self._samples_cut or read_events(self.path / EVENTS_FILE).cut

    def _read_table(self) -> SampleTable:
        reader = BatchReader(self.path / SAMPLES_FILE)
        table, self._dropped = screen_table(table_of(list(reader)), len(self.header.units))
        self._samples_cut = self._is_cut(reader)
        return table

    def _is_cut(self, reader: BatchReader) -> bool:
        """Return whether there was more; a cut between two batches shows in a closed session."""
        return reader.cut or (self.header.state == "closed" and not reader.finished)

    def _useless(self) -> SessionError:
        counts = ", ".join(f"{count} {reason}" for reason, count in (self._dropped or {}).items())
        problem = f"holds no usable sample (dropped: {counts})" if counts else "holds no sample"
        return SessionError(self.path / SAMPLES_FILE, problem, "record or import it again")


def open_session(path: Path | str, *, as_recorded: bool = False) -> Session:
    """Open a recorded session for reading; nothing is changed, a cut end is no error.

    Parameters
    ----------
    path
        The folder.
    as_recorded
        Leave out what people corrected afterwards.

    Raises
    ------
    SessionError
        When it is no session, or one that cannot be read.
    """
    folder = Path(path)
    header = read_header(folder)
    BatchReader(folder / SAMPLES_FILE)
    return Session(folder, header, None if as_recorded else read_edits(folder))
