"""Reads a table of unknown origin: checks every value, keeps every problem, raises nothing.

A value that is missing or wrong becomes a harmless stand-in and a sentence in the list of
problems, so one reading finds them all. The caller raises at the end when the list is not empty.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from imu.profiles.hex_template import HexTemplate, parse_template

T = TypeVar("T")

MAX_TEXT = 500
MAX_ENTRIES = 64

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SHORT_UUID = re.compile(r"(?:0000)?([0-9a-f]{4})")


def full_uuid(text: str) -> str | None:
    """Return a UUID as 36 lower-case characters, `2A19` included; None when it is none."""
    text = text.strip().lower()
    if short := _SHORT_UUID.fullmatch(text):
        return f"0000{short[1]}-0000-1000-8000-00805f9b34fb"
    return text if _UUID.fullmatch(text) else None


class Table:
    """One table of a profile.

    Parameters
    ----------
    data
        The keys and values.
    where
        The table's name for the reader, `stream.mode_5`; empty for the whole file.
    problems
        Gets a sentence for each thing that is wrong.
    """

    def __init__(self, data: Mapping[str, object], where: str, problems: list[str]) -> None:
        self._data = data
        self._where = where
        self._problems = problems
        self._asked: list[str] = []

    def problem(self, text: str) -> None:
        """Say what is wrong in this table."""
        self._problems.append(f"{self._where}: {text}" if self._where else text)

    def has(self, key: str) -> bool:
        """Return whether the key is there."""
        return key in self._data

    def peek(self, key: str) -> object:
        """Return a value unchecked, to see which kind it is."""
        return self._data.get(key)

    def keys(self) -> list[str]:
        """Return the table's keys, at most as many as anybody needs."""
        if len(self._data) > MAX_ENTRIES:
            self.problem(f"has {len(self._data)} entries, at most {MAX_ENTRIES} are allowed")
        return list(self._data)[:MAX_ENTRIES]

    def _take(self, key: str, *, required: bool) -> object:
        self._asked.append(key)
        if key not in self._data and required:
            self.problem(f"{key} is missing")
        return self._data.get(key)

    def text(self, key: str, default: str | None = None, choices: Sequence[str] = ()) -> str:
        """Return a text, one of the choices where there are any."""
        value = self._take(key, required=default is None)
        if value is None:
            return default or ""
        if not isinstance(value, str) or len(value) > MAX_TEXT or not value.isprintable():
            self.problem(f"{key} must be a text of at most {MAX_TEXT} printable characters")
            return default or ""
        if choices and value not in choices:
            self.problem(f"{key} = {value[:40]!r} must be one of: {', '.join(choices)}")
            return default or choices[0]
        return value

    def number(self, key: str, low: float, high: float, default: float | None = None) -> float:
        """Return a number from low to high."""
        value = self._take(key, required=default is None)
        if value is None:
            return low if default is None else default
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.problem(f"{key} must be a number")
        elif low <= value <= high:
            return value
        else:
            self.problem(f"{key} must be from {low:g} to {high:g}")
        return low if default is None else default

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """Return a whole number from low to high."""
        value = self.number(key, low, high, default)
        if value != int(value):
            self.problem(f"{key} must be a whole number")
        return int(value)

    def flag(self, key: str, default: bool | None) -> bool | None:
        """Return true or false, or the default where the key is missing."""
        value = self._take(key, required=False)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.problem(f"{key} must be true or false")
        return default

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a text or a list of texts; none where the key is missing."""
        values = self._list(key)
        texts = tuple(v for v in values if isinstance(v, str) and len(v) <= MAX_TEXT)
        if len(texts) < len(values):
            self.problem(f"{key} must be a text or a list of texts")
        return texts

    def numbers(self, key: str, low: float, high: float) -> tuple[float, ...]:
        """Return a number or a list of numbers from low to high; none where the key is missing."""
        values = self._list(key)
        numbers = tuple(
            v
            for v in values
            if isinstance(v, int | float) and not isinstance(v, bool) and low <= v <= high
        )
        if len(numbers) < len(values):
            self.problem(f"{key} must be numbers from {low:g} to {high:g}")
        return numbers

    def lists(self, key: str) -> list[list[float]]:
        """Return a list of lists of numbers; none where the key is missing."""
        found: list[list[float]] = []
        for value in self._list(key):
            row = value if isinstance(value, list) else [value]
            numbers = [v for v in row if isinstance(v, int | float) and not isinstance(v, bool)]
            if len(numbers) < len(row) or any(not abs(v) < 1e9 for v in numbers):
                self.problem(f"{key} must be a list of lists of numbers")
            else:
                found.append(numbers)
        return found

    def _list(self, key: str) -> list[object]:
        value = self._take(key, required=False)
        values = value if isinstance(value, list) else [] if value is None else [value]
        if len(values) > MAX_ENTRIES:
            self.problem(f"{key} has {len(values)} entries, at most {MAX_ENTRIES} are allowed")
        return values[:MAX_ENTRIES]

    def uuid(self, key: str) -> str:
        """Return a UUID in full."""
        return self._full(key, self.text(key)) if self.has(key) else self.text(key)

    def uuids(self, key: str) -> tuple[str, ...]:
        """Return a list of UUIDs in full; none where the key is missing."""
        return tuple(self._full(key, text) for text in self.texts(key))

    def _full(self, key: str, text: str) -> str:
        full = full_uuid(text)
        if full is None:
            self.problem(
                f"{key} = {text[:40]!r} is not a UUID such as 2A19 or "
                "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
            )
        return full or ""

    def template(self, key: str) -> HexTemplate | None:
        """Return bytes to send; None when they cannot be read."""
        text = self.text(key)
        if not text:
            return None
        try:
            return parse_template(text)
        except ValueError as error:
            self.problem(f"{key} {error}")
            return None

    def bytes_(self, key: str) -> tuple[bytes, ...]:
        """Return a text or a list of texts such as `55 61` as bytes."""
        found = []
        for text in self.texts(key):
            try:
                found.append(parse_template(text).render({}))
            except ValueError as error:
                self.problem(f"{key} {error}")
        return tuple(found)

    def table(self, key: str, *, required: bool = False) -> Table | None:
        """Return the table under a key; None where it is missing."""
        value = self._take(key, required=required)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.problem(f"{key} must be a table")
            return None
        return Table(value, f"{self._where}.{key}" if self._where else key, self._problems)

    def under(self, key: str, read: Callable[[Table], T], *, required: bool = False) -> T | None:
        """Return what is read of the table under a key, all of it; None where it is missing."""
        entry = self.table(key, required=required)
        if entry is None:
            return None
        found = read(entry)
        entry.done()
        return found

    def entries(self, key: str, text_key: str) -> list[Table]:
        """Return a list of tables; a bare text stands for a table with that text only."""
        found = []
        for i, value in enumerate(self._list(key), start=1):
            where = f"{self._where}.{key}[{i}]" if self._where else f"{key}[{i}]"
            if isinstance(value, str | dict):
                entry = {text_key: value} if isinstance(value, str) else value
                found.append(Table(entry, where, self._problems))
            else:
                self.problem(f"{key}[{i}] must be a text or a table")
        return found

    def done(self) -> None:
        """Report the keys that were never read."""
        for key in self.keys():
            if key not in self._asked:
                near = difflib.get_close_matches(str(key), self._asked, n=1)
                hint = f", did you mean {near[0]}?" if near else ""
                self.problem(f"unknown key {str(key)[:40]!r}{hint}")
