"""Rescues sessions whose writer died. The part that is cut off is kept as `….damaged`."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imu.recording.arrow_messages import END_OF_STREAM
from imu.recording.arrow_stream import MAX_SAMPLES_BYTES, BatchReader, encode_schema
from imu.recording.edits import EditLog, read_edits
from imu.recording.events import EventLog, read_events
from imu.recording.folder import (
    EDITS_FILE,
    EVENTS_FILE,
    HEADER_FILE,
    LOCK_FILE,
    SAMPLES_FILE,
    FolderLock,
    SessionError,
    check_file,
    read_header,
    replace_file,
    unreadable,
)
from imu.recording.header import with_state
from imu.recording.reader import open_session
from imu.sample import SampleTable

COPY_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Rescue:
    """What a rescue came to."""

    samples: int
    """Usable samples in the session now."""
    seconds: float
    """From the first to the last of them."""
    exit_code: Literal[0, 3, 1]
    """0 the files were whole, 3 partly, 1 nothing could be rescued and nothing was changed."""
    reason: str = ""
    """Why nothing could be rescued, one line."""

    @property
    def sentence(self) -> str:
        """Return what the rescue came to in words."""
        if self.exit_code == 1:
            return f"nothing could be rescued: {self.reason}"
        held = f"{self.samples} samples over {self.seconds:.1f} s"
        if self.exit_code == 0:
            return f"whole, {held}"
        return (
            f"rescued {held}, up to where it was cut or damaged;"
            " the files as they were are kept beside it, ending in .damaged"
        )


def recover(path: Path | str) -> Rescue:
    """Make a session whole again as far as it can be read, and mark it `recovered`.

    A session that was closed and is whole stays as it is.

    Raises
    ------
    SessionError
        When it is no session, a process is still recording it, or the disk refuses.
    """
    folder = Path(path)
    read_header(folder)
    lock = FolderLock(folder)
    try:
        return _recover(folder)
    finally:
        lock.release()


def find_orphans(root: Path) -> list[Path]:
    """Return the sessions in a folder that are open though no process records them, by name.

    Links are not followed, and what is no session or cannot be read is passed over.
    """
    try:
        folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:
        return []
    return [folder for folder in folders if _is_orphan(folder)]


def rescue_orphans(root: Path) -> list[tuple[Path, Rescue]]:
    """Recover every orphan in a folder; return what became of each.

    One that holds no sample is put away, so that it is no orphan any more: it is removed when there
    is nothing to read in it but its header, else it is kept and marked `recovered`. One whose
    samples cannot be read stays as it is. None keeps the others from being rescued.
    """
    rescued = []
    for folder in find_orphans(root):
        try:
            rescued.append((folder, _rescue_orphan(folder)))
        except SessionError as error:
            rescued.append((folder, Rescue(0, 0.0, 1, str(error))))
    return rescued


def _is_orphan(folder: Path) -> bool:
    try:
        if read_header(folder).state != "open":
            return False
        FolderLock(folder).release()
        # its writer may have closed it between the two
        return read_header(folder).state == "open"
    except SessionError:
        return False


def _rescue_orphan(folder: Path) -> Rescue:
    lock = FolderLock(folder)
    removed = False
    try:
        rescue = _recover(folder)
        if rescue.exit_code == 1 and (blank := _is_blank(folder)) is not None:
            removed = blank and _remove_header(folder)
            if not removed:
                _mark_recovered(folder / HEADER_FILE)
            rest = "its empty folder was removed" if removed else "what else it holds is kept"
            return Rescue(0, 0.0, 1, f"it holds no sample that can be used; {rest}")
        return rescue
    finally:
        lock.release()
        if removed:
            with contextlib.suppress(OSError):  # another program put a file there just now
                folder.rmdir()


def _is_blank(folder: Path) -> bool | None:
    """Return whether the samples end where they begin; None if there may be some.

    False says that there is more, and no sample in it that counts.
    """
    samples = folder / SAMPLES_FILE
    try:
        if not os.path.lexists(samples):
            return True
        check_file(samples, MAX_SAMPLES_BYTES)
        begin = encode_schema() + END_OF_STREAM
        with samples.open("rb") as file:
            if begin.startswith(file.read(len(begin) + 1)):
                return True
        session = open_session(folder)
    except (SessionError, OSError):
        return None
    try:
        return None if len(session.table()) else False
    except SessionError:
        return False


def _remove_header(folder: Path) -> bool:
    """Remove the files of a session without samples, unless there is anything else to read."""
    blank = {HEADER_FILE, SAMPLES_FILE, EVENTS_FILE, LOCK_FILE}
    _remove_temporaries(folder)
    if any(path.name not in blank for path in folder.iterdir()):
        return False
    events = folder / EVENTS_FILE
    if os.path.lexists(events) and (events.is_symlink() or events.stat().st_size > 0):
        return False
    for name in (SAMPLES_FILE, EVENTS_FILE, HEADER_FILE):  # the header last: it is still a session
        (folder / name).unlink(missing_ok=True)
    return True


def _recover(folder: Path) -> Rescue:
    try:
        session = open_session(folder)
        table = session.table()
        log = read_events(folder / EVENTS_FILE)
        edits = read_edits(folder)
    except SessionError as error:
        return Rescue(0, 0.0, 1, str(error))
    _remove_temporaries(folder)
    closed = session.header.state == "closed"
    cut = _mend_samples(folder / SAMPLES_FILE, closed=closed)
    lost = _mend_events(folder / EVENTS_FILE, log) or cut
    lost = _mend_edits(folder / EDITS_FILE, edits) or lost
    if lost or session.header.state == "open":
        _mark_recovered(folder / HEADER_FILE)
    return Rescue(len(table), _seconds(table), 3 if lost else 0)


def _remove_temporaries(folder: Path) -> None:
    """Remove what a kill left of a file that was about to replace another."""
    for name in (HEADER_FILE, SAMPLES_FILE, EVENTS_FILE, EDITS_FILE):
        for path in folder.glob(f".{name}.*"):
            path.unlink(missing_ok=True)


def _seconds(table: SampleTable) -> float:
    return float(table.host_time_ns[-1] - table.host_time_ns[0]) / 1e9


def _mend_samples(path: Path, *, closed: bool) -> bool:
    """Leave the whole batches in the file; return whether there was more.

    A file that was closed has an end, so one without an end was cut, possibly between two batches.
    """
    reader = BatchReader(path)
    for _ in reader:
        pass
    cut = reader.cut or (closed and not reader.finished)
    if cut:
        _replace(path, _whole_batches(path, reader.end))
    return cut


def _whole_batches(path: Path, end: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        for start in range(0, end, COPY_BYTES):
            yield file.read(min(COPY_BYTES, end - start))
    yield END_OF_STREAM


def _mend_events(path: Path, log: EventLog) -> bool:
    """Leave the readable lines in the file; return whether there was more."""
    lost = log.cut or bool(log.faults)
    if lost:
        _replace(path, (line + b"\n" for line in log.lines))
    return lost


def _mend_edits(path: Path, log: EditLog) -> bool:
    """Leave the whole lines in the file, those of newer versions too; return if there was more."""
    if log.cut:
        _replace(path, (line + b"\n" for line in log.lines))
    return log.cut


def _mark_recovered(path: Path) -> None:
    try:
        replace_file(path, [with_state(path.read_bytes(), "recovered")])
    except ValueError as error:
        raise SessionError(path, str(error), "shorten it by hand") from None


def _replace(path: Path, content: Iterable[bytes]) -> None:
    """Put something else in place of a file and keep that beside it, or change nothing."""
    original = _keep_original(path)
    try:
        replace_file(path, content)
    except SessionError:
        original.unlink(missing_ok=True)
        raise


def _keep_original(path: Path) -> Path:
    """Give the file a second name that nothing replaces: `….damaged`, then `….damaged_2`."""
    name, copy = f"{path.name}.damaged", 1
    while os.path.lexists(path.with_name(name)):
        copy += 1
        name = f"{path.name}.damaged_{copy}"
    original = path.with_name(name)
    try:
        try:
            original.hardlink_to(path)  # needs no space: a full disk is why many sessions end
        except OSError:
            shutil.copy2(path, original)
    except OSError as error:
        raise unreadable(original, error) from None
    return original
