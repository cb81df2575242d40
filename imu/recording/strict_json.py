"""JSON of unknown origin: bounded before it is parsed, every problem of an object listed at once.

What comes out holds no NaN, no infinity and nothing nested deeper than `MAX_DEPTH`, so what was
read can be written again.
"""

from __future__ import annotations

import json
import math
import re
import reprlib
from typing import Any

MAX_TEXT_BYTES = 1_000_000
MAX_DEPTH = 32  # our own files nest five deep; the parser of the standard library recurses

# A string (closed or not, so that the scan stays linear), or one bracket.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def parse_object(text: bytes) -> dict[str, Any]:
    """Return the JSON object in `text`, which is UTF-8.

    Raises
    ------
    ValueError
        With the reason in words: too long, too deep, not UTF-8, not JSON, not an object,
        or a number that is not finite.
    """
    if len(text) > MAX_TEXT_BYTES:
        raise ValueError(f"{len(text)} bytes long, over the {MAX_TEXT_BYTES} allowed")
    try:
        decoded = text.decode("utf-8-sig")  # editors on Windows put a byte order mark in front
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from None
    if _depth(decoded) > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    try:
        value = json.loads(decoded, parse_constant=_refuse_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"not JSON at line {error.lineno}, column {error.colno} ({error.msg})"
        ) from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - the text is wrong, not a type
    return value


def format_object(value: dict[str, Any], indent: int | None = None) -> bytes:
    """Return `value` as JSON in ASCII, floats written so that they read back exactly.

    Raises
    ------
    ValueError
        When the text could not be read back by `parse_object`.
    """
    text = json.dumps(value, indent=indent, allow_nan=False).encode("ascii")
    parse_object(text)
    return text


def _depth(text: str) -> int:
    """Return the deepest nesting of brackets outside strings."""
    depth = deepest = 0
    for token in _TOKEN.finditer(text):
        character = text[token.start()]
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _refuse_constant(name: str) -> float:
    raise ValueError(f"holds {name}, which is not a number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"holds {reprlib.repr(text)[1:-1]}, which is too large a number")
    return value


class Fields:
    """Takes typed fields out of one JSON object and notes what is wrong instead of raising.

    Parameters
    ----------
    data
        The object, as `parse_object` returned it.
    problems
        Where each problem is appended, one phrase each; shared between nested objects.
    place
        What the object is called in a phrase, with its dot: `units[0].`, or empty.
    """

    def __init__(self, data: dict[str, Any], problems: list[str], place: str = "") -> None:
        self._data = data
        self._problems = problems
        self._place = place

    def _note(self, name: str, wanted: str) -> None:
        if name in self._data:
            shown = reprlib.repr(self._data[name])
            self._problems.append(f"{self._place}{name} is {shown}, not {wanted}")
        else:
            self._problems.append(f"{self._place}{name} is missing")

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text; a missing one is a problem unless there is a default."""
        value = self._data.get(name, default)
        if isinstance(value, str):
            return value
        self._note(name, "a text")
        return ""

    def optional_text(self, name: str) -> str | None:
        """Return a text, or None when it is missing or null."""
        return None if self._data.get(name) is None else self.text(name)

    def choice(self, name: str, options: tuple[str, ...]) -> str:
        """Return one of the options."""
        value = self._data.get(name)
        if isinstance(value, str) and value in options:
            return value
        self._note(name, f"one of {', '.join(options)}")
        return options[0]

    def number(self, name: str, low: float, high: float) -> float:
        """Return a number from low to high, both included."""
        value = self._data.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            return float(value)
        self._note(name, f"a number from {low:g} to {high:g}")
        return low

    def whole(self, name: str, low: int, high: int, default: int) -> int:
        """Return a whole number from low to high, both included."""
        value = self._data.get(name, default)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self._note(name, f"a whole number from {low} to {high}")
        return low

    def sequence(self, name: str, kind: type, wanted: str) -> list[Any]:
        """Return a list whose items are all of one kind."""
        value = self._data.get(name)
        if isinstance(value, list) and all(isinstance(item, kind) for item in value):
            return value
        self._note(name, wanted)
        return []

    def optional_object(self, name: str) -> dict[str, Any] | None:
        """Return a JSON object, or None when it is missing or null."""
        value = self._data.get(name)
        if value is None or isinstance(value, dict):
            return value
        self._note(name, "an object or null")
        return None
