"""The number types that profiles name: `u8` to `f64`, little-endian unless they end in `be`."""

from __future__ import annotations

from typing import NamedTuple

CODES = {
    "u8": "B",
    "i8": "b",
    "u16": "H",
    "i16": "h",
    "u32": "I",
    "i32": "i",
    "u64": "Q",
    "i64": "q",
    "f16": "e",
    "f32": "f",
    "f64": "d",
}


class NumberType(NamedTuple):
    """How one number lies in bytes."""

    order: str
    """`<` or `>` of `struct`."""
    code: str
    """The letter of `struct`."""
    size: int
    """Bytes."""

    @property
    def whole(self) -> bool:
        """Return whether it holds whole numbers only."""
        return self.code not in "efd"


NUMBER_TYPES = {
    name + suffix: NumberType(order, code, int(name[1:]) // 8)
    for name, code in CODES.items()
    for suffix, order in (("", "<"), ("be", ">"))
}
