"""What tables were made from: hashes of files, software, and what files look like from outside.

A hash decides whether tables are still those of a session. Reading every byte takes milliseconds,
so each file's size and times are kept beside its hash: where they are the same, so is the file.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from hipturn import __version__
from imu.recording.folder import EDITS_FILE, EVENTS_FILE, HEADER_FILE, SAMPLES_FILE

MANIFEST_FILE = "manifest.json"
LIBRARIES = ("ahrs", "numpy", "pandas", "pyarrow", "scipy", "vqf")
"""What else has a say in a figure."""
CHUNK = 1 << 20
INPUTS = (HEADER_FILE, SAMPLES_FILE, EVENTS_FILE, EDITS_FILE)
"""What a session is made of."""
OUTPUTS = ("angles.csv", "reps.csv", "sets.csv", "summary.csv", "report.pdf", "tables.xlsx")
"""What analysis makes of it."""

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
    return _hashes(folder, INPUTS)


def output_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a folder of tables, by name."""
    return _hashes(folder, OUTPUTS)


def _hashes(folder: Path, names: Iterable[str]) -> dict[str, str]:
    return {name: file_hash(folder / name) for name in names if (folder / name).is_file()}


def signature(folder: Path | str, names: Iterable[str]) -> str:
    """Return what tells that files of a folder are the same without reading them.

    Size, both times and the inode of each; a file that was written or replaced differs in one.
    """
    parts = []
    for name in names:
        try:
            s = os.stat(f"{folder}/{name}")  # noqa: PTH116 (a third of the time of Path.stat)
            parts.append(f"{s.st_size}:{s.st_mtime_ns}:{s.st_ctime_ns}:{s.st_ino}")
        except OSError:
            parts.append("-")
    return " ".join(parts)
