"""Remove a wearer everywhere: the sessions, the index, the tables; then look whether it is so."""

from __future__ import annotations

import contextlib
import csv
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hipturn.archive.manifest import forget_entry
from hipturn.errors import UserError
from hipturn.export.csv import dialect_of
from hipturn.export.parquet import PARQUET, partitions
from hipturn.history.index import INDEX_FILE, history_index
from hipturn.session_paths import SESSION_FILE
from imu.recording import SessionError
from imu.recording.folder import FolderLock, read_header, replace_file

SEARCHED_MAX_BYTES = 50_000_000
NOT_TEXT = frozenset({".arrows", ".png", ".pdf", ".parquet", ".xlsx"})
"""Samples and pictures: a short reference would be found in any of them by chance."""
WRITTEN = (
    "angles.csv", "reps.csv", "samples.csv", "report.pdf", "summary.csv", "tables.xlsx",
    "manifest.json",
)  # fmt: skip


@dataclass(slots=True)
class Forgotten:
    """What was removed, and what still names the wearer."""

    sessions: list[Path] = field(default_factory=list)
    tables: list[Path] = field(default_factory=list)
    remaining: list[Path] = field(default_factory=list)
    """Files that hold the reference for another reason, or could not be changed."""

    @property
    def lines(self) -> list[str]:
        """Return what to tell the person who asked."""
        return [
            *[f"removed session {path}" for path in self.sessions],
            *[f"removed tables {path}" for path in self.tables],
            *[f"still names the wearer, look at it yourself: {path}" for path in self.remaining],
        ]


def sessions_of(root: Path, wearer: str) -> list[Path]:
    """Return the session folders of a wearer, damaged ones that name it included.

    Raises
    ------
    UserError
        When there is none.
    """
    if not wearer:
        raise UserError("sessions without a wearer belong to nobody; name a wearer")
    found = [path.parent for path in sorted(root.glob(f"*/{SESSION_FILE}"))]
    mine = [folder for folder in found if _is_of(folder, wearer)]
    if not mine:
        raise UserError(f"{root}: no session of wearer {wearer!r}; `hipturn history` lists them")
    return mine


def forget(root: Path, wearer: str, tables: Path) -> Forgotten:
    """Remove a wearer's sessions, its rows of the index and its tables.

    Parameters
    ----------
    root
        Holds the session folders.
    wearer
        The reference, exactly.
    tables
        The folder that tables were written to; may be missing.

    Raises
    ------
    UserError
        When there is no such wearer.
    SessionError
        When one of the sessions is being recorded; nothing is removed then.
    """
    done = Forgotten(sessions_of(root, wearer))
    for folder in done.sessions:
        FolderLock(folder).release()  # raises when a process records into it
    for folder in done.sessions:
        shutil.rmtree(folder)
    # made anew from the folders that are left, so that no freed page holds anything
    for name in (INDEX_FILE, f"{INDEX_FILE}-journal", f"{INDEX_FILE}-wal", f"{INDEX_FILE}-shm"):
        (root / name).unlink(missing_ok=True)
    with history_index(root):
        pass
    done.tables = list(_forget_tables(tables, wearer))
    done.remaining = list(_naming(root, wearer))
    if tables.is_dir() and not tables.resolve().is_relative_to(root.resolve()):
        done.remaining += _naming(tables, wearer)
    return done


def _is_of(folder: Path, wearer: str) -> bool:
    try:
        return read_header(folder).wearer == wearer
    except SessionError:
        with contextlib.suppress(OSError):
            text = (folder / SESSION_FILE).read_bytes()[:SEARCHED_MAX_BYTES]
            named = re.compile(rb'"wearer"\s*:\s*' + re.escape(json.dumps(wearer).encode()))
            return named.search(text) is not None
        return False


def _forget_tables(tables: Path, wearer: str) -> Iterator[Path]:
    """Remove folders of tables of the wearer, and its rows in a summary over all."""
    if not tables.is_dir():
        return
    for summary in sorted(tables.rglob("summary.csv")):
        with contextlib.suppress(OSError, ValueError, csv.Error):
            dialect = dialect_of(summary)
            lines = summary.read_text(encoding="utf-8-sig").splitlines()
            head, *rows = list(csv.reader(lines, delimiter=dialect.delimiter))
            column = head.index("wearer")
            # a cell that looks like a formula was written with a quote in front
            kept = [row for row in rows if row[column].removeprefix("'") != wearer]
            if len(kept) == len(rows):
                continue
            if kept:
                written = [_line(row, dialect.delimiter).encode() for row in (head, *kept)]
                replace_file(summary, [dialect.mark, *written])
                yield summary
            else:
                yield from _remove_tables(summary.parent)


def _remove_tables(folder: Path) -> Iterator[Path]:
    """Remove what `analyse` and `export` write; what else is in the folder stays."""
    for name in WRITTEN:
        if (folder / name).exists():
            (folder / name).unlink()
            yield folder / name
    for path in partitions(folder.parent / PARQUET, folder.name).values():
        if path.exists():
            path.unlink()
            yield path
            with contextlib.suppress(OSError):
                path.parent.rmdir()
    if noted := forget_entry(folder.parent, folder.name):
        yield noted
    with contextlib.suppress(OSError):  # something else is in it
        folder.rmdir()


def _line(cells: list[str], delimiter: str) -> str:
    special = {delimiter, '"', "\n"}
    quoted = [f'"{c.replace(chr(34), chr(34) * 2)}"' if set(c) & special else c for c in cells]
    return delimiter.join(quoted) + "\n"


def _naming(root: Path, wearer: str) -> Iterator[Path]:
    """Yield files below a folder that hold the reference as a word, in name or text."""
    word = re.compile(rb"(?<![\w-])" + re.escape(wearer.encode()) + rb"(?![\w-])")
    for path in sorted(root.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        text = b""
        if path.suffix not in NOT_TEXT and path.stat().st_size <= SEARCHED_MAX_BYTES:
            with contextlib.suppress(OSError):
                text = path.read_bytes()
        if word.search(str(path.relative_to(root)).encode()) or word.search(text):
            yield path
