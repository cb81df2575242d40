"""A sheet of paper to write down from the top: text, tables and figures at measured places.

Everything is in inches from the paper's upper left corner. Text is wrapped by the widths of its
letters, so that what was planned to fit does fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D

from hipturn.errors import printable
from hipturn.words import Words, words_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAPERS = {"a4": (8.27, 11.69), "letter": (8.5, 11.0)}
LEFT_IN, RIGHT_IN, TOP_IN, BOTTOM_IN = 0.8, 0.5, 0.5, 0.62
"""The left margin leaves room for the holes of a file."""
LINE = 1.32
"""Line height as a multiple of the letters' size."""
TEXT_PT, TABLE_PT, SMALL_PT = 8.0, 7.5, 7.0
HEADING_IN = 0.05 + (TEXT_PT + 1.0) * LINE / 72.0 + 0.03
"""Height of a small heading with the room around it."""


@dataclass
class Sheet:
    """One page; `y_in` is how far down it is written."""

    paper: str
    words: Words = field(default_factory=words_of)
    """Of the language in which it is written."""
    figure: Figure = field(init=False)
    y_in: float = TOP_IN

    def __post_init__(self) -> None:
        self.figure = Figure(figsize=PAPERS[self.paper])

    @property
    def width_in(self) -> float:
        """Return the width between the margins."""
        return PAPERS[self.paper][0] - LEFT_IN - RIGHT_IN

    @property
    def left_in(self) -> float:
        """Return how much height is left above the foot."""
        return PAPERS[self.paper][1] - BOTTOM_IN - self.y_in

    def letters(
        self,
        x_in: float,
        y_in: float,
        text: str,
        size_pt: float,
        **style: Any,  # noqa: ANN401 (whatever matplotlib knows)
    ) -> None:
        """Put a line of text below a place between the margins; `ha` says which end is there."""
        width, height = PAPERS[self.paper]
        self.figure.text(
            (LEFT_IN + x_in) / width,
            1.0 - (y_in + size_pt / 72.0) / height,
            printable(
                self.words.said(text)
            ),  # marks that turn text round would let it say something else
            fontsize=size_pt,
            va="baseline",
            parse_math=False,
            **style,
        )

    def write(
        self,
        text: str,
        size_pt: float = TEXT_PT,
        *,
        gap_in: float = 0.04,
        weight: str = "normal",
        x_in: float = 0.0,
    ) -> None:
        """Write a paragraph from `x_in` to the right margin and move down below it."""
        lines = wrapped(self.words.said(text), size_pt, self.width_in - x_in, weight)
        for line in lines:
            self.letters(x_in, self.y_in, line, size_pt, weight=weight)
            self.y_in += size_pt * LINE / 72.0
        self.y_in += gap_in

    def rule(self, gap_in: float = 0.06) -> None:
        """Draw a line across the page."""
        width, height = PAPERS[self.paper]
        self.y_in += gap_in / 2
        y = 1.0 - self.y_in / height
        line_x = [LEFT_IN / width, 1.0 - RIGHT_IN / width]
        self.figure.add_artist(_line(line_x, [y, y], 0.6))
        self.y_in += gap_in

    def heading(self, text: str) -> None:
        """Write a small heading."""
        self.y_in += 0.05
        self.write(text, TEXT_PT + 1.0, weight="bold", gap_in=0.03)

    def axes(self, x_in: float, width_in: float, height_in: float) -> Axes:
        """Return axes whose box lies at the pen; the pen does not move."""
        width, height = PAPERS[self.paper]
        return self.figure.add_axes(
            (
                (LEFT_IN + x_in) / width,
                1.0 - (self.y_in + height_in) / height,
                width_in / width,
                height_in / height,
            )
        )

    def table(
        self,
        head: Sequence[str],
        rows: Sequence[Sequence[str]],
        shares: Sequence[float],
        *,
        x_in: float = 0.0,
        width_in: float | None = None,
        size_pt: float = TABLE_PT,
    ) -> float:
        """Draw a table with its corner at the pen and return its height; the pen does not move.

        The first column is set left, the others right; `shares` are relative widths. A cell that
        is too wide is set smaller.
        """
        whole = self.width_in if width_in is None else width_in
        edges = [whole * sum(shares[:i]) / sum(shares) for i in range(len(shares) + 1)]
        page_width, page_height = PAPERS[self.paper]
        line_in = row_height_in(size_pt)
        y_in = self.y_in
        for number, cells in enumerate((head, *rows)):
            for i, cell in enumerate(map(self.words.said, cells)):
                left = i == 0
                at = x_in + (edges[i] if left else edges[i + 1] - 0.04)
                weight = "bold" if number == 0 else "normal"
                room_in = edges[i + 1] - edges[i] - 0.06
                wide_in = text_width_in(cell, size_pt, weight)
                fitting_pt = size_pt * min(1.0, room_in / max(wide_in, 1e-6))
                self.letters(
                    at,
                    y_in + 0.012,
                    cell,
                    fitting_pt,
                    ha="left" if left else "right",
                    weight=weight,
                )
            y_in += line_in
            line_x = [(LEFT_IN + x_in + e) / page_width for e in (0.0, whole)]
            self.figure.add_artist(
                _line(line_x, [1.0 - y_in / page_height] * 2, 0.6 if number == 0 else 0.2)
            )
        return y_in - self.y_in

    def foot(self, left: str, right: str) -> None:
        """Write the foot of the page."""
        y_in = PAPERS[self.paper][1] - BOTTOM_IN + 0.16
        self.letters(0.0, y_in, left, SMALL_PT)
        self.letters(self.width_in, y_in, right, SMALL_PT, ha="right")


def row_height_in(size_pt: float = TABLE_PT) -> float:
    """Return the height of one row of a table."""
    return size_pt * 1.4 / 72.0


def paragraph_height_in(
    text: str, width_in: float, words: Words, size_pt: float = TEXT_PT
) -> float:
    """Return how high `Sheet.write` will be, its gap included."""
    return len(wrapped(words.said(text), size_pt, width_in)) * size_pt * LINE / 72.0 + 0.04


def wrapped(text: str, size_pt: float, width_in: float, weight: str = "normal") -> list[str]:
    """Return a paragraph in lines that are no wider than the page; words are kept whole."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width_in(longer, size_pt, weight) > width_in:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def text_width_in(text: str, size_pt: float, weight: str = "normal") -> float:
    """Return the width of a line in the report's font."""
    return sum(_advance(letter, weight) for letter in text) * size_pt / 72.0


@cache
def _advance(letter: str, weight: str) -> float:
    """Return the width of a letter as a share of the font's size."""
    font = get_font(findfont(FontProperties(weight=weight)))
    if ord(letter) not in font.get_charmap():
        return 1.0  # a box is drawn
    font.set_size(100.0, 72)
    return font.load_char(ord(letter)).linearHoriAdvance / 65536.0 / 100.0


def _line(x: list[float], y: list[float], width_pt: float) -> Line2D:
    return Line2D(x, y, color="0.2", linewidth=width_pt)
