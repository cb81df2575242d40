"""Bytes to send, written as text: `10 00*23 {rate:u16} 00*6`.

Four kinds of pieces, separated by spaces: `0A` is a byte, `0A0B` two bytes, `00*6` the same bytes
several times, `{rate:u16}` a number by name and type. Nothing else exists in the language: it
cannot loop, read or grow beyond what Bluetooth carries in one write.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from imu.profiles.number_types import NUMBER_TYPES, NumberType

MAX_BYTES = 512  # the longest value of a characteristic (Core Specification 5.4, vol. 3, F, 3.2.9)
MAX_CHARACTERS = 2048  # 512 bytes written out take 1535

_BYTES = re.compile(r"((?:[0-9A-Fa-f]{2})+)(?:\*([0-9]{1,3}))?")
_NUMBER = re.compile(r"\{([a-z_]{1,20}):([a-z0-9]{1,6})\}")


@dataclass(frozen=True, slots=True)
class HexTemplate:
    """Bytes with numbers to fill in."""

    text: str
    pieces: tuple[bytes | tuple[str, NumberType], ...]
    """Bytes as they are, or the name and type of a number."""

    @property
    def names(self) -> frozenset[str]:
        """Return the names of the numbers to fill in."""
        return frozenset(piece[0] for piece in self.pieces if isinstance(piece, tuple))

    def render(self, values: Mapping[str, float]) -> bytes:
        """Return the bytes with the numbers filled in.

        Raises
        ------
        ValueError
            When a number is missing or does not fit its type.
        """
        return b"".join(
            piece if isinstance(piece, bytes) else _pack(*piece, values) for piece in self.pieces
        )


def parse_template(text: str) -> HexTemplate:
    """Return the template that a text describes.

    Raises
    ------
    ValueError
        When the text is empty, too long, or has a piece that is neither bytes nor a number.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"has {len(text)} characters, at most {MAX_CHARACTERS} are allowed")
    pieces = tuple(_piece(token) for token in text.split())
    size = sum(len(piece) if isinstance(piece, bytes) else piece[1].size for piece in pieces)
    if not 1 <= size <= MAX_BYTES:
        raise ValueError(f"gives {size} bytes, 1 to {MAX_BYTES} are possible")
    return HexTemplate(text, pieces)


def _piece(token: str) -> bytes | tuple[str, NumberType]:
    """Return what one piece of the text stands for."""
    if found := _BYTES.fullmatch(token):
        return bytes.fromhex(found[1]) * int(found[2] or 1)
    found = _NUMBER.fullmatch(token)
    if found is None:
        raise ValueError(
            f"cannot read {token[:40]!r}: write bytes as 0A or 00*6, numbers as {{rate:u16}}"
        )
    if found[2] not in NUMBER_TYPES:
        raise ValueError(
            f"does not know the type {found[2]!r}: use one of {', '.join(NUMBER_TYPES)}"
        )
    return found[1], NUMBER_TYPES[found[2]]


def _pack(name: str, kind: NumberType, values: Mapping[str, float]) -> bytes:
    """Return one number as bytes."""
    if name not in values:
        known = ", ".join(sorted(values)) or "none"
        raise ValueError(f"asks for {name!r}, but there is only: {known}")
    value = values[name]
    try:
        return struct.pack(kind.order + kind.code, round(value) if kind.whole else value)
    except (struct.error, OverflowError):
        raise ValueError(f"{name} = {value:g} does not fit its type") from None
