"""What a folder of tables was made from: inputs with SHA-256, software, options, outcomes.

`manifest.json` lies beside the tables. While a run lasts, each finished session is a line of
`manifest.jsonl`, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from hipturn import __version__
from hipturn.errors import UserError
from imu.recording.folder import (
    EDITS_FILE,
    EVENTS_FILE,
    HEADER_FILE,
    SAMPLES_FILE,
    replace_file,
)
from imu.recording.strict_json import parse_object

MANIFEST_FILE = "manifest.json"
JOURNAL_FILE = "manifest.jsonl"
FORMAT = 1
LIBRARIES = ("ahrs", "numpy", "pandas", "pyarrow", "scipy", "vqf")
"""What else has a say in a figure."""
CHUNK = 1 << 20

Entry = dict[str, Any]
"""One session of a manifest, as JSON."""


@cache
def software() -> dict[str, str]:
    """Return the versions of everything that has a say in a result."""
    libraries = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return {"hipturn": __version__, "python": platform.python_version(), **libraries}


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def session_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of what a session is made of, by file; what is missing is left out."""
    paths = [folder / name for name in (HEADER_FILE, SAMPLES_FILE, EVENTS_FILE, EDITS_FILE)]
    return {path.name: file_hash(path) for path in paths if path.is_file()}


def output_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a folder of tables, by path inside it."""
    names = [f"{name}.csv" for name in ("angles", "reps", "sets", "summary")]
    paths = [folder / name for name in (*names, "report.pdf", "tables.xlsx")]
    return {p.relative_to(folder).as_posix(): file_hash(p) for p in paths if p.is_file()}


def read_manifest(out: Path) -> dict[str, Entry]:
    """Return what is known of the sessions analysed into a folder, by the name of their tables.

    A manifest that is missing, damaged or of another format knows nothing: all is done again.
    """
    entries: dict[str, Entry] = {}
    try:
        data = parse_object((out / MANIFEST_FILE).read_bytes())
        if data.get("format") == FORMAT and isinstance(data.get("sessions"), dict):
            entries = {n: e for n, e in data["sessions"].items() if isinstance(e, dict)}
    except (OSError, ValueError):
        entries = {}
    return entries | dict(_journal(out / JOURNAL_FILE))


def _journal(path: Path) -> Iterator[tuple[str, Entry]]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        try:
            entry = parse_object(line)
        except ValueError:
            continue  # the line that was being written when the run ended
        name = entry.pop("name", None)
        if isinstance(name, str):
            yield name, entry


class ManifestWriter:
    """Notes each finished session at once; `close` makes one file of it.

    Nothing is written before the first session that has tables.
    """

    def __init__(self, out: Path) -> None:
        """Go on from what the folder's manifest knows."""
        self._out = out
        self.known = read_manifest(out)
        self._entries: dict[str, Entry] = dict(self.known)
        self._file: TextIO | None = None

    def note(self, name: str, entry: Entry) -> None:
        """Take one finished session.

        Raises
        ------
        UserError
            When the folder cannot be written.
        """
        self._entries[name] = entry
        if entry.get("problem"):
            return  # tried again by the next run
        path = self._out / JOURNAL_FILE
        try:
            if self._file is None:
                self._file = path.open("a", encoding="utf-8")
                self._file.write("\n")  # ends a line that was cut
            self._file.write(json.dumps({"name": name, **entry}) + "\n")
            self._file.flush()
        except OSError as error:
            raise UserError(
                f"{path}: {error.strerror}; make room or choose another --out"
            ) from None

    def leave(self) -> None:
        """Stop before the end: the lines stay for the next run."""
        if self._file is not None:
            self._file.close()

    def close(self) -> None:
        """Write manifest.json, sessions in order of name; tables that are gone are left out."""
        self.leave()
        if self._file is None and not self.known:
            return
        kept = {
            name: entry
            for name, entry in sorted(self._entries.items())
            if entry.get("problem") or (self._out / name).is_dir()
        }
        replace_file(self._out / MANIFEST_FILE, [_text(kept)])
        (self._out / JOURNAL_FILE).unlink(missing_ok=True)


def forget_entry(out: Path, name: str) -> Path | None:
    """Remove one session from a folder's manifest; return the manifest when it was in it."""
    known = read_manifest(out)
    if known.pop(name, None) is None:
        return None
    path = out / MANIFEST_FILE
    replace_file(path, [_text(dict(sorted(known.items())))])
    (out / JOURNAL_FILE).unlink(missing_ok=True)
    return path


def _text(entries: Mapping[str, Entry]) -> bytes:
    return json.dumps({"format": FORMAT, "sessions": entries}, indent=1).encode() + b"\n"
