"""Foreign text files, opened by ourselves and read within bounds.

A spreadsheet may have saved the file in any encoding; an attacker may have made it endless. Lines
are therefore decoded one by one, and size, line length and row count are limited, so that no file
can fill the memory.
"""

from __future__ import annotations

import codecs
import io
import stat
from collections.abc import Generator, Iterator
from pathlib import Path

from imu.importers import ImportFileError
from imu.importers.text.file_kind import SNIFFED_BYTES, kind_of

MAX_BYTES = 500_000_000
MAX_ROWS = 5_000_000
# The widest export has some twenty columns of a dozen characters.
MAX_LINE_CHARACTERS = 4_000
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def lines(path: Path) -> Generator[str, None, None]:
    """Yield the lines of a text file, each with the newline that ended it.

    Only the last line can come without a newline: nothing ended it. Line ends of every system
    become a newline. UTF-8, UTF-16 with a byte order mark and Windows-1252 are recognised; bytes
    that fit none of them become U+FFFD.

    Parameters
    ----------
    path : pathlib.Path
        A regular file of at most 500 MB.

    Yields
    ------
    str
        One line.

    Raises
    ------
    ImportFileError
        When the file is missing, no regular file, unreadable, empty, too large, no text (a
        workbook, an archive), or has a line longer than 4000 characters.
    """
    _check(path)
    try:
        with path.open("rb") as raw:
            start = raw.read(SNIFFED_BYTES)
            kind = kind_of(start)
            if kind is not None:
                raise ImportFileError(path, "", f"this is {kind.name}, not text", kind.remedy)
            encoding = _encoding(start)
            raw.seek(0)
            with io.TextIOWrapper(raw, encoding=encoding, errors="replace") as text:
                yield from _decoded(path, text)
    except OSError as error:
        raise _unreadable(path, error) from error


def _decoded(path: Path, text: io.TextIOWrapper) -> Iterator[str]:
    number = 0
    while line := text.readline(MAX_LINE_CHARACTERS + 1):
        number += 1
        if len(line) > MAX_LINE_CHARACTERS and not line.endswith("\n"):
            raise ImportFileError(
                path,
                f"line {number}",
                f"the line is longer than {MAX_LINE_CHARACTERS} characters",
                "this is not a file the recording app wrote, export it again",
            )
        yield line


def _check(path: Path) -> None:
    """Raise unless the path leads to a regular file of a sane size; a pipe would block us."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(status.st_mode):
        raise ImportFileError(path, "", "this is no regular file", "give the path of a file")
    if status.st_size == 0:
        raise ImportFileError(path, "", "the file is empty", "export it again")
    if status.st_size > MAX_BYTES:
        megabytes = MAX_BYTES // 1_000_000
        raise ImportFileError(
            path,
            "",
            f"the file has {status.st_size // 1_000_000} MB, more than {megabytes} MB",
            "export a shorter recording",
        )


def _unreadable(path: Path, error: Exception) -> ImportFileError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return ImportFileError(
        path, "", f"the file cannot be read ({reason})", "check the path and who may read it"
    )


def _encoding(sample: bytes) -> str:
    for mark, name in _BOMS:
        if sample.startswith(mark):
            return name
    try:
        # not final: the sample may end inside a character
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"
