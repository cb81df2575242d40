"""A file that only grows, and reports a full disk at once."""

from __future__ import annotations

import contextlib
import os
from io import FileIO
from pathlib import Path

from imu.recording.folder import SessionError


class AppendFile:
    """A new file, for its owner only; what was appended survives the death of this process.

    Raises
    ------
    FileExistsError
        When the name is taken: nothing is ever overwritten.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.size = 0
        self._path = path
        self._max_bytes = max_bytes
        self._failed = False
        self._file = FileIO(path, "x", opener=lambda name, flags: os.open(name, flags, 0o600))

    def append(self, data: bytes) -> None:
        """Hand all of `data` to the system before returning.

        Raises
        ------
        SessionError
            When the file would grow too long or the disk refuses. After a refusal the file may
            end in a part of `data`, so nothing more is appended: the same error comes again.
        """
        if self.size + len(data) > self._max_bytes:
            raise SessionError(
                self._path, f"would grow over {self._max_bytes} bytes", "begin a new session"
            )
        if self._failed:
            raise self._refused("an earlier write failed")
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._failed = True
            raise self._refused(error.strerror) from None
        self.size += len(data)

    def sync(self) -> None:
        """Force everything appended to the disk, so that it survives a power cut."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Force everything to the disk and close; a second time does nothing."""
        if not self._file.closed:
            with contextlib.suppress(OSError):  # the system has it all, more cannot be done
                self.sync()
            self._file.close()

    def _refused(self, reason: str | None) -> SessionError:
        return SessionError(
            self._path, f"cannot grow ({reason})", "free some space; what it holds is kept"
        )
