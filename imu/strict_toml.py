"""TOML of unknown origin: a plain file, bounded before it is parsed, nothing endless inside.

Plans, unit profiles and column maps are read through here.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

MAX_DEPTH = 16
"""Ours nest four deep."""
MAX_BITS = 63
"""Of an integer, as TOML 1.0 asks readers to take them."""
MAX_DOTS = 200
"""In one line: each is a table more, and the parser walks all of them for each key."""
_DOTS = re.compile(rf"(?:\.[^.\n]*){{{MAX_DOTS + 1}}}")


def read_plain(path: Path, max_bytes: int) -> bytes:
    """Return the bytes of a plain file; a pipe or a device is refused at once, never waited for.

    Raises
    ------
    OSError
        When it is no plain file, or the system does not let us.
    ValueError
        When it is longer than `max_bytes`.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except ValueError as error:  # a NUL in the name
        raise OSError(errno.EINVAL, str(error)) from None
    with open(handle, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "this is no regular file")
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise ValueError(
            f"this is too long: it has more than {max_bytes} bytes, longer than any such file"
        )
    return content


def read_toml(path: Path, max_bytes: int) -> dict[str, Any]:
    """Return the TOML document of a file.

    Raises
    ------
    OSError
        When it is no plain file, or the system does not let us.
    ValueError
        With the reason in words: too long, not UTF-8, not TOML, nested too deeply,
        or a number without end.
    """
    return parse_toml(read_plain(path, max_bytes).decode())


def parse_toml(text: str) -> dict[str, Any]:
    """Return a TOML document.

    Raises
    ------
    ValueError
        With the reason in words: not TOML, nested too deeply, or a number without end.
    """
    if _DOTS.search(text):
        raise ValueError(f"a line has more than {MAX_DOTS} dots")
    try:
        data = tomllib.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    _check(data)
    return data


def _check(data: dict[str, Any]) -> None:
    waiting: list[tuple[Any, int]] = [(data, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise ValueError("an integer is longer than 64 bits")
        inner = value.values() if isinstance(value, dict) else value
        if isinstance(value, dict | list):
            waiting += [(one, depth + 1) for one in inner]
