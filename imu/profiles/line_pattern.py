"""Lines of text with numbers in them, described as `Quat: {},{},{},{}`.

A description in place of a regular expression: its author needs no regular expressions, and none
can be written that takes forever on a hostile line.
"""

from __future__ import annotations

import re

MAX_NUMBERS = 32

# Possessive: what was matched is never tried again in another way.
SPACE = r"\s*+"
NUMBER = r"([-+]?+(?:\d++(?:\.\d*+)?+|\.\d++)(?:[eE][-+]?+\d++)?+)"


def line_pattern(text: str) -> re.Pattern[str]:
    """Return what a line looks like, with a group for each number.

    Parameters
    ----------
    text
        The line, `{}` for each number. White space may be there or not, but must be where nothing
        else separates two numbers.

    Raises
    ------
    ValueError
        When there are no numbers or too many, or nothing between two of them.
    """
    literals = text.split("{}")
    numbers = len(literals) - 1
    if not 1 <= numbers <= MAX_NUMBERS:
        raise ValueError(f"must have 1 to {MAX_NUMBERS} numbers, each written as {{}}")
    if not all(literals[1:-1]):
        raise ValueError("must have something between two numbers")
    around = [_around(literal) for literal in literals]
    around[1:-1] = [part if part != SPACE else r"\s++" for part in around[1:-1]]
    return re.compile(NUMBER.join(around), re.ASCII)


def _around(literal: str) -> str:
    """Return what a part of a line looks like, however it is spaced."""
    return SPACE + "".join(re.escape(word) + SPACE for word in literal.split())
