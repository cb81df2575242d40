"""Writes a session: nothing is overwritten, a kill at any time costs a quarter second at most."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from imu.recording.append_file import AppendFile
from imu.recording.arrow_messages import END_OF_STREAM
from imu.recording.arrow_stream import (
    MAX_SAMPLES_BYTES,
    encode_samples,
    encode_schema,
    encode_table,
)
from imu.recording.compact import compact
from imu.recording.events import MAX_EVENTS_BYTES, format_event
from imu.recording.folder import (
    EVENTS_FILE,
    HEADER_FILE,
    SAMPLES_FILE,
    FolderLock,
    SessionError,
    check_name,
    replace_file,
    sync_folder,
    unreadable,
)
from imu.recording.header import SessionHeader, State, format_header
from imu.recording.watch import Watch
from imu.sample import Sample, SampleTable
from imu.screening import MAX_HOST_TIME_NS

# A batch ends with the first sample this long after its first, and when none comes by the watch a
# moment later. What a kill can cost stays under the quarter second that is promised, also on a
# computer that is busy for 50 ms.
BATCH_NS = 150_000_000
BATCH_S = 0.17
SYNC_S = 1.0
MAX_BUFFERED = 8192  # samples; bounds memory when time stands still


class SessionWriter:
    """Writes one session; make it with `SessionWriter.create` and use it as a context manager.

    Leaving the block closes the session. Leaving it by an exception keeps everything recorded and
    the state `open`, as the death of the process would. It belongs to one thread; one of its own
    flushes and forces to the disk what waits while no sample comes.
    """

    def __init__(self, folder: Path, header: SessionHeader) -> None:
        self.folder = folder
        self.header = header
        self._rows: list[Sample] = []
        self._rows_since_s = self._synced_s = time.monotonic()
        self._unsynced = False
        self._failure: SessionError | None = None
        self._guard = threading.RLock()  # between the recorder's thread and the watch's
        self._syncing: Future[None] | None = None
        self._syncer = ThreadPoolExecutor(1, thread_name_prefix="session-sync")
        self._open = True
        with contextlib.ExitStack() as undo:  # runs only when a step fails
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
            self._lock = FolderLock(folder)  # first, or an open header could pass for an orphan's
            undo.callback(self._lock.release)
            replace_file(folder / HEADER_FILE, [format_header(header)])
            self._samples = AppendFile(folder / SAMPLES_FILE, MAX_SAMPLES_BYTES)
            undo.callback(self._samples.close)
            self._events = AppendFile(folder / EVENTS_FILE, MAX_EVENTS_BYTES)
            undo.callback(self._events.close)
            self._samples.append(encode_schema())
            undo.pop_all()
        sync_folder(folder)
        # Arrow looks for pandas at its first array: 0.2 s that must not delay the first samples
        encode_samples([Sample(0, 0, None, None, None)])
        self._watch = Watch(self._look_after)

    @classmethod
    def create(cls, folder: Path, header: SessionHeader) -> SessionWriter:
        """Begin a session in a folder that does not exist yet.

        Its name becomes the header's `session_id`, the state `open`.

        Raises
        ------
        SessionError
            When the name is taken or odd, the header is wrong, or the disk refuses. Nothing is
            left behind then.
        """
        header = replace(header, session_id=check_name(folder.name), state="open")
        try:
            format_header(header)
        except ValueError as error:
            raise SessionError(folder, str(error), "correct it and begin again") from None
        try:
            folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700)
        except OSError as error:
            if os.path.lexists(folder):
                raise SessionError(
                    folder, "is already there", "choose another name, nothing is overwritten"
                ) from None
            raise unreadable(folder, error) from None
        return cls(folder, header)

    def write(self, sample: Sample) -> None:
        """Record one sample as it came.

        Raises
        ------
        SessionError
            When the disk refuses; what was recorded before is kept.
        ValueError
            When the session is closed or does not list the sample's unit.
        """
        if not self._open or not 0 <= sample.unit < len(self.header.units):
            raise ValueError(f"the session is closed or lists no unit {sample.unit}")
        with self._guard:
            self._raise_failure()
            rows = self._rows
            if not rows:
                self._rows_since_s = time.monotonic()
            rows.append(sample)
            if sample.host_time_ns - rows[0].host_time_ns >= BATCH_NS or len(rows) >= MAX_BUFFERED:
                self.flush()
                self._sync_each_second()

    def write_table(self, table: SampleTable) -> None:
        """Record many samples at once, in arrival order, for an import.

        Raises
        ------
        SessionError
            When a sample is of no listed unit, outside the session's time or before its
            predecessor, or when the disk refuses.
        """
        self._check_table(table)
        with self._guard:
            self.flush()
            for message in encode_table(table):
                self._samples.append(message)
            self._unsynced = True

    def event(self, event: dict[str, Any]) -> None:
        """Record an event other than a sample: a text `type`, a number `time_s`, and more.

        The samples before it reach the disk first, so an event never speaks of unknown ones.

        Raises
        ------
        SessionError
            When the disk refuses.
        ValueError
            When the event could not be read back.
        """
        line = format_event(event)
        with self._guard:
            self.flush()
            self._events.append(line)
            self._unsynced = True

    def update(self, **changes: Any) -> None:  # noqa: ANN401 - the fields of SessionHeader
        """Replace fields of the header, at once and whole.

        Raises
        ------
        SessionError
            When the disk refuses; the old header is still there then.
        ValueError
            When the header could not be read back.
        """
        header = replace(self.header, **changes)
        replace_file(self.folder / HEADER_FILE, [format_header(header)])
        self.header = header

    def flush(self) -> None:
        """Hand the samples of the last quarter second to the system, e.g. when a unit is lost.

        Raises
        ------
        SessionError
            When the disk refuses, or refused when the watch flushed.
        """
        with self._guard:
            self._raise_failure()
            if self._rows:
                rows, self._rows = self._rows, []
                self._unsynced = True
                self._samples.append(encode_samples(rows))

    def close(self, state: State = "closed") -> None:
        """Write what is left and end the session; a second time does nothing.

        Raises
        ------
        SessionError
            When the disk refuses; the state is still `open` then.
        """
        if not self._open:
            return
        try:
            self.flush()
            self._samples.append(END_OF_STREAM)
            self._end_files()
            self.update(state=state)
            with contextlib.suppress(SessionError):  # no room for it: what is there is whole
                compact(self.folder / SAMPLES_FILE)
        finally:
            self._end_files()
            self._lock.release()

    def discard(self) -> None:
        """End the session and remove its folder, so that a failed import leaves nothing behind."""
        self._end_files()
        self._lock.release()
        shutil.rmtree(self.folder)

    def _end_files(self) -> None:
        self._open = False
        self._watch.stop()
        self._syncer.shutdown()
        self._samples.close()
        self._events.close()

    def _check_table(self, table: SampleTable) -> None:
        time = table.host_time_ns
        problems = {
            f"is of no unit of the {len(self.header.units)} listed": (table.unit < 0)
            | (table.unit >= len(self.header.units)),
            "is before the start or more than 24 h after it": (time < 0)
            | (time > MAX_HOST_TIME_NS),
            "is older than the one before it": np.diff(time, prepend=time[:1]) < 0,
        }
        for problem, bad in problems.items():
            if bad.any():
                raise SessionError(
                    self.folder,
                    f"sample {int(np.argmax(bad))} {problem}",
                    "check the file that it comes from",
                )

    def _look_after(self) -> None:
        """Do what is due while no sample arrives; a disk error is raised with the next sample."""
        with self._guard:
            if not self._open or self._failure:
                return
            try:
                if self._rows and time.monotonic() - self._rows_since_s >= BATCH_S:
                    self.flush()
                self._sync_each_second()
            except SessionError as error:
                self._failure = error

    def _raise_failure(self) -> None:
        """Raise, once, the failure of an earlier write that no caller was waiting for."""
        failure, self._failure = self._failure, None
        if failure:
            raise failure

    def _sync_each_second(self) -> None:
        """Force files to the disk in the background: a slow disk must not delay the next sample."""
        now_s = time.monotonic()
        if not self._unsynced or now_s - self._synced_s < SYNC_S:
            return
        if self._syncing is not None and not self._syncing.done():
            return  # the disk is still busy with the last time
        try:
            if self._syncing is not None:
                self._syncing.result()
        except OSError as error:
            raise unreadable(self.folder / SAMPLES_FILE, error) from None
        self._synced_s, self._unsynced = now_s, False
        self._syncing = self._syncer.submit(self._sync)

    def _sync(self) -> None:
        self._samples.sync()
        self._events.sync()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            with contextlib.suppress(SessionError):  # the first error is the one to report
                self.close(state="open")
