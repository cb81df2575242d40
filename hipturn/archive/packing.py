"""Sessions in one file, to carry from one computer to another: `hipturn pack`, `hipturn unpack`.

The file is a zip of session folders with the SHA-256 of every file. It is not encrypted. What comes
in is measured before anything is unpacked: how many files, how large, how much larger than packed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hipturn import __version__
from hipturn.archive.manifest import file_hash
from hipturn.errors import UserError, printable
from imu.recording import SessionError, check_name, open_session
from imu.recording.arrow_stream import MAX_SAMPLES_BYTES
from imu.recording.edits import MAX_EDITS_BYTES, merge_edits
from imu.recording.events import MAX_EVENTS_BYTES
from imu.recording.folder import EDITS_FILE, EVENTS_FILE, HEADER_FILE, SAMPLES_FILE, FolderLock
from imu.recording.strict_json import MAX_TEXT_BYTES, parse_object

SUFFIX = ".hipturn.zip"
LIST_FILE = "hipturn-pack.json"
FORMAT = "hipturn pack"
VERSION = 1
LARGEST = {
    HEADER_FILE: MAX_TEXT_BYTES,
    SAMPLES_FILE: MAX_SAMPLES_BYTES,
    EVENTS_FILE: MAX_EVENTS_BYTES,
    EDITS_FILE: MAX_EDITS_BYTES,
}
"""The files of a session, and how long each may be."""
SESSIONS_MAX = 1000
"""Three years of a session a day."""
BYTES_MAX = 20_000_000_000
"""Unpacked: a thousand sessions of half an hour."""
RATIO_MAX = 100
"""So much larger than packed is no recording: samples pack to a half, marks to a twentieth."""
SMALL_BYTES = 100_000
"""A shorter file may be any ratio: it harms nobody."""
SAID = "The file is not encrypted: hand it over, or send it in a way that is."
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The same sessions make the same file, whenever they are packed."""
CHUNK = 1 << 20


def pack(folders: Sequence[Path], out: Path) -> Path:
    """Write sessions into one file, whole or not at all.

    Raises
    ------
    UserError
        When two folders have one name, there are too many, or the file is there already.
    SessionError
        When one of them cannot be read, or is being recorded.
    """
    names = [check_name(folder.name) for folder in folders]
    if len(set(names)) < len(names):
        raise UserError("two sessions have one name; rename a folder")
    if len(names) > SESSIONS_MAX:
        raise UserError(f"{len(names)} sessions are too many for one file; pack {SESSIONS_MAX}")
    if out.exists():
        raise UserError(f"{out}: is there already, and nothing is overwritten; name another file")
    listed: dict[str, dict[str, str]] = {}
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as file:
            for folder, name in sorted(zip(folders, names, strict=True), key=lambda one: one[1]):
                open_session(folder)
                with contextlib.closing(_Held(folder)):
                    there = [each for each in LARGEST if (folder / each).is_file()]
                    listed[name] = {each: file_hash(folder / each) for each in there}
                    for each in there:
                        _put(file, f"{name}/{each}", folder / each)
            about = {"format": FORMAT, "version": VERSION, "software": f"hipturn {__version__}"}
            text = json.dumps(about | {"sessions": listed}, indent=1)
            file.writestr(_entry(LIST_FILE), text)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return out


class _Held:
    """A session that nobody records into while it is packed."""

    def __init__(self, folder: Path) -> None:
        self._lock = FolderLock(folder)

    def close(self) -> None:
        self._lock.release()


def _entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    return info


def _put(file: zipfile.ZipFile, name: str, path: Path) -> None:
    info = _entry(name)
    info.file_size = path.stat().st_size
    with path.open("rb") as source, file.open(info, "w") as target:
        shutil.copyfileobj(source, target, CHUNK)


@dataclass(slots=True)
class Unpacked:
    """What became of a file's sessions."""

    new: list[str] = field(default_factory=list)
    there: list[tuple[str, int]] = field(default_factory=list)
    """Those that were there already, with how many edits came with them."""
    refused: list[str] = field(default_factory=list)
    """A sentence for each that could not be taken."""


def unpack(path: Path, root: Path) -> Unpacked:
    """Take the sessions of a file into a folder; what is there already stays, and gets its edits.

    Raises
    ------
    UserError
        When it is no such file, or is larger than any can be; nothing is unpacked then.
    """
    try:
        with zipfile.ZipFile(path) as file:
            listed = _checked(path, file)
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            room = shutil.disk_usage(root).free
            needed = sum(info.file_size for info in file.infolist())
            if needed > room:
                raise UserError(f"{path}: needs {needed} bytes, and {room} are free; make room")
            done = Unpacked()
            for name, hashes in sorted(listed.items()):
                try:
                    _take(file, root, name, hashes, done)
                except (SessionError, _DamagedError) as error:
                    done.refused.append(f"{name}: {error}")
            return done
    except OSError as error:
        raise UserError(f"{path}: cannot be unpacked ({error.strerror or error})") from None
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise UserError(f"{path}: is damaged, or no file of `hipturn pack` ({error})") from None


class _DamagedError(Exception):
    """A session of the file is not what its list says."""


def _checked(path: Path, file: zipfile.ZipFile) -> dict[str, dict[str, str]]:
    """Return each session's files with their hashes, once nothing in the file can do harm."""

    def refuse(why: str) -> UserError:
        return UserError(f"{path}: {why}; nothing was unpacked: ask for it again")

    infos = file.infolist()
    if len(infos) > len(LARGEST) * SESSIONS_MAX + 1:
        raise refuse(f"holds {len(infos)} files, more than {SESSIONS_MAX} sessions have")
    if sum(info.file_size for info in infos) > BYTES_MAX:
        raise refuse(f"unpacks to more than {BYTES_MAX} bytes")
    names = [info.filename for info in infos]
    if len(set(names)) < len(names):
        raise refuse("holds two files of one name")
    for info in infos:
        if why := _why_not(info):
            raise refuse(f"{printable(info.filename)[:80]!r} {why}")
    if LIST_FILE not in names:
        raise refuse("is no file of `hipturn pack`: it has no list of sessions")
    return _listed(file, refuse)


def _why_not(info: zipfile.ZipInfo) -> str:
    """Return why a file of the archive may not be unpacked; empty where it may."""
    name, _, each = info.filename.rpartition("/")
    is_list = info.filename == LIST_FILE
    if info.file_size > (MAX_TEXT_BYTES if is_list else LARGEST.get(each, 0)):
        return "is no file of a session, or too long"
    if info.file_size > max(SMALL_BYTES, RATIO_MAX * info.compress_size):
        return "unpacks to more than is plausible"
    try:
        check_name(name if not is_list else "list")
    except SessionError:
        return "cannot name a session's file"
    return ""


def _listed(file: zipfile.ZipFile, refuse: Any) -> dict[str, dict[str, str]]:  # noqa: ANN401 (makes an error)
    try:
        data = parse_object(file.read(LIST_FILE))
    except ValueError as error:
        raise refuse(f"its list of sessions is {error}") from None
    if (data.get("format"), data.get("version")) != (FORMAT, VERSION):
        raise refuse("is of another version of hipturn")
    listed, names = data.get("sessions"), set(file.namelist()) - {LIST_FILE}
    told = {
        f"{name}/{each}": digest
        for name, hashes in (listed.items() if isinstance(listed, dict) else ())
        for each, digest in (hashes.items() if isinstance(hashes, dict) else ())
    }
    if told.keys() != names or not all(isinstance(digest, str) for digest in told.values()):
        raise refuse("its list of sessions is not of the files in it")
    return {str(name): dict(hashes) for name, hashes in data["sessions"].items()}


def _take(
    file: zipfile.ZipFile, root: Path, name: str, hashes: dict[str, str], done: Unpacked
) -> None:
    folder = root / name
    if folder.exists():
        same = all(
            (folder / each).is_file() and file_hash(folder / each) == hashes.get(each)
            for each in (SAMPLES_FILE, EVENTS_FILE)
        )
        if not same:
            raise _DamagedError("another session here has this name; unpack it into another --dir")
        edits = file.read(f"{name}/{EDITS_FILE}") if EDITS_FILE in hashes else b""
        if hashlib.sha256(edits).hexdigest() != hashes.get(EDITS_FILE, _hash_of_nothing()):
            raise _DamagedError(f"its {EDITS_FILE} is damaged; ask for it again")
        done.there.append((name, merge_edits(folder, edits) if edits else 0))
        return
    with _beside(root) as place:
        made = place / name
        made.mkdir(mode=0o700)
        for each, digest in hashes.items():
            with file.open(f"{name}/{each}") as source, (made / each).open("xb") as target:
                shutil.copyfileobj(source, target, CHUNK)
            (made / each).chmod(0o600)
            if file_hash(made / each) != digest:
                raise _DamagedError(f"its {each} is damaged; ask for it again")
        open_session(made)
        made.rename(folder)
    done.new.append(name)


def _hash_of_nothing() -> str:
    return hashlib.sha256(b"").hexdigest()


@contextlib.contextmanager
def _beside(root: Path) -> Iterator[Path]:
    """Give a folder on the same disk, gone with what is left in it."""
    with tempfile.TemporaryDirectory(prefix=".unpack-", dir=root) as place:
        yield Path(place)
