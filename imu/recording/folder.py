"""The session folder as files: which names it may have, what may be opened, how files are replaced.

Folders are 0700 and files 0600 where the system knows such modes: a recording is health data.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from imu.recording.header import SessionHeader, parse_header
from imu.recording.strict_json import MAX_TEXT_BYTES

HEADER_FILE = "session.json"
SAMPLES_FILE = "samples.arrows"
EVENTS_FILE = "events.jsonl"
EDITS_FILE = "edits.jsonl"
LOCK_FILE = "writer.lock"

_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)  # a link in place of the lock could lead anywhere
_NAME_CHARACTERS = 80
_NAME_BYTES = 240
"""File systems take names of 255 bytes; temporary files beside a session add to its name."""
_WINDOWS_DEVICES = frozenset(
    ["CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(10))]
)


class SessionError(Exception):
    """A session cannot be read or written: one line with file, reason and remedy.

    Attributes
    ----------
    path
        The file or folder at fault.
    problem
        Where in it and why.
    remedy
        What the person can do.
    """

    def __init__(self, path: Path, problem: str, remedy: str) -> None:
        super().__init__(path, problem, remedy)  # all three, so that it survives pickling
        self.path, self.problem, self.remedy = path, problem, remedy

    def __str__(self) -> str:
        line = f"{self.path}: {self.problem}; {self.remedy}"
        # a folder's name may hold anything, even commands to the terminal
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def check_name(name: str) -> str:
    """Return `name` when a folder may be called so on every system.

    Raises
    ------
    SessionError
        When it could climb out of its folder or is not portable.
    """
    device = name.split(".")[0].upper() in _WINDOWS_DEVICES
    if not _is_portable(name) or device:
        raise SessionError(
            Path(name),
            "cannot name a session",
            "use up to 80 letters, digits, '_', '-' and '.', a letter or digit first and no '.' "
            "last, and none of the names that Windows keeps for devices",
        )
    return name


def _is_portable(name: str) -> bool:
    """Tell whether a name has letters, marks and digits of any script, and begins with one."""
    kinds = [unicodedata.category(c)[0] for c in name]
    return (
        0 < len(name) <= _NAME_CHARACTERS
        and len(name.encode("utf-8", "replace")) <= _NAME_BYTES
        and kinds[0] in "LN"
        and all(kind in "LMN" or c in "_.-" for kind, c in zip(kinds, name, strict=True))
        and not name.endswith(".")
    )


def session_folder(root: Path, started_at: datetime, exercise: str, side: str) -> Path:
    """Return a free path `root/20261122T093000Z_exercise_side`; `_2`, `_3` … when taken.

    Raises
    ------
    ValueError
        When `started_at` has no zone.
    SessionError
        When exercise and side do not make a portable name.
    """
    if started_at.tzinfo is None:
        raise ValueError("started_at needs a time zone")
    stem = f"{started_at.astimezone(UTC):%Y%m%dT%H%M%SZ}_{exercise}_{side}"
    folder, copy = root / check_name(stem), 1
    while os.path.lexists(folder):
        copy += 1
        folder = root / check_name(f"{stem}_{copy}")
    return folder


def read_header(folder: Path) -> SessionHeader:
    """Return what the session in `folder` is about.

    Raises
    ------
    SessionError
        When it is no session folder or its session.json cannot be used.
    """
    hint = f"give the folder that holds {HEADER_FILE}"
    try:
        is_folder = stat.S_ISDIR(folder.stat().st_mode)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise SessionError(folder, f"cannot be opened ({reason})", hint) from None
    if not is_folder:
        raise SessionError(folder, "is a file, and a session is a folder", hint)
    path = folder / HEADER_FILE
    if not os.path.lexists(path):
        raise SessionError(folder, f"is not a session, it holds no {HEADER_FILE}", hint)
    check_file(path, MAX_TEXT_BYTES)
    try:
        return parse_header(path.read_bytes())
    except ValueError as error:
        remedy = "correct it by hand or take it from a copy"
        if str(error).startswith("format version"):
            remedy = "use the hipturn that wrote it, or a newer one"
        raise SessionError(path, str(error), remedy) from None
    except OSError as error:
        raise unreadable(path, error) from None


def check_file(path: Path, max_bytes: int) -> None:
    """Refuse what is not a plain, readable file of this folder of at most `max_bytes`.

    A link out of the folder, a pipe or a device in its place would leak, hang or never end.

    Raises
    ------
    SessionError
        With the reason.
    """
    remedy = "take the file from a copy of the session"
    if not os.path.lexists(path):
        raise SessionError(path, "is missing", remedy)
    try:
        if path.resolve().parent != path.parent.resolve():
            raise SessionError(path, "is a link out of the session's folder", remedy)
        status = path.stat()
    except (OSError, RuntimeError) as error:  # RuntimeError: a ring of links, before Python 3.13
        raise unreadable(path, error) from None
    if not stat.S_ISREG(status.st_mode):
        raise SessionError(path, "is not a plain file", remedy)
    if status.st_size > max_bytes:
        raise SessionError(
            path, f"is {status.st_size} bytes long, over the {max_bytes} allowed", remedy
        )


def unreadable(path: Path, error: Exception) -> SessionError:
    """Return what to raise when the system does not let us read or write a file."""
    reason = getattr(error, "strerror", None) or str(error)
    return SessionError(
        path, f"cannot be read or written ({reason})", "check the disk and its permissions"
    )


def replace_file(path: Path, content: Iterable[bytes]) -> None:
    """Put the pieces of `content` in place of a file: a reader sees the old or the new, whole.

    Raises
    ------
    SessionError
        When the disk refuses; the old file is still there then.
    """
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
                file.writelines(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise unreadable(path, error) from None
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make new names in a folder survive a power cut, where the system can."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):  # some network disks cannot
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class FolderLock:
    """Holds a session folder for one process; the system lets go when that process dies.

    Raises
    ------
    SessionError
        When another process holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK_FILE
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | _NO_FOLLOW, 0o600)
        except OSError as error:
            raise unreadable(self._path, error) from None
        self._file = open(handle, "rb+")  # noqa: PTH123, SIM115 - a descriptor, kept open
        try:
            _lock(self._file)
        except (BlockingIOError, PermissionError):
            self._file.close()
            raise SessionError(
                folder, "is being recorded by another process", "end that recording first"
            ) from None
        except OSError:
            pass  # a disk without locks: as good as it gets there

    def release(self) -> None:
        """Let go and leave no lock file behind."""
        if self._file.closed:
            return
        if sys.platform == "win32":  # an open file cannot be removed there
            self._file.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        self._file.close()


def _lock(file: BinaryIO) -> None:
    """Lock an open file or raise OSError at once."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
