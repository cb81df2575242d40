"""The report on paper: sheets of A4 or Letter, as PDF or as one tall picture."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from hipturn import __version__
from hipturn.errors import UserError
from hipturn.report import words
from hipturn.report.drawings import draw_angle, draw_overlay
from hipturn.report.entry import Entry
from hipturn.report.judgements import comparisons, quality
from hipturn.report.sheet import (
    HEADING_IN,
    SMALL_PT,
    TEXT_PT,
    Sheet,
    paragraph_height_in,
    row_height_in,
)
from hipturn.words import Said

PICTURE_DPI = 150
"""Sharp enough to read on a screen."""
PICTURE_PAGES_MAX = 30
"""A taller picture is more than many viewers open."""
STYLE: dict[Any, Any] = {
    "pdf.fonttype": 42,  # fonts embedded whole: text can be searched and copied
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same page on every computer
    "font.size": 8,
    "axes.linewidth": 0.6,
    "legend.fontsize": 7.5,
}
LEFT_OUT, LAYOUT_TABLES = "_drop_tables_default", ("GSUB", "GPOS", "GDEF", "kern", "MATH")
FIGURE_IN = (1.25, 2.6)
"""Lowest and greatest height of a figure."""
ABOVE_IN, BETWEEN_IN, BELOW_IN, BESIDE_IN = 0.3, 0.5, 0.42, 0.5
"""Room around the boxes of the figures for legend, time axes and angle axis."""
HANDS_IN = 0.4
"""Room for what is filled in by hand."""


def write_pages(entries: list[Entry], path: Path, paper: str) -> Path:
    """Write the report as PDF or PNG, by the suffix of the path."""
    with report_style():
        sheets = _sheets(entries, paper)
        for number, sheet in enumerate(sheets, start=1):
            wearer = entries[0].result.recording.wearer or words.UNKNOWN
            sheet.foot(
                Said("report.foot", wearer=wearer, version=__version__),
                Said("report.page_of", page=number, of=len(sheets)),
            )
        wearers = dict.fromkeys(entry.result.recording.wearer for entry in entries)
        # whoever forgets a wearer finds the report by its title
        whose = "; ".join(wearers) or words.UNKNOWN
        title = entries[0].words("report.of_wearer", title=words.title(entries), wearer=whose)
        if path.suffix.lower() == ".png":
            return _write_picture(sheets, path, title)
        return write_sheets(sheets, path, title)


@contextmanager
def report_style() -> Iterator[None]:
    """Draw as a report is drawn; a letter that the font lacks is a box and no warning."""
    with warnings.catch_warnings(), mpl.rc_context(STYLE):
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def _sheets(entries: list[Entry], paper: str) -> list[Sheet]:
    sheets: list[Sheet] = []
    pages = []
    for entry in entries:
        pages.append(str(len(sheets) + 2))  # the cover is page 1
        sheets += _exercise(entry, paper)
    return [_cover(entries, pages, paper), *sheets]


def _cover(entries: list[Entry], pages: list[str], paper: str) -> Sheet:
    sheet = Sheet(paper, entries[0].words)
    recording = entries[0].result.recording
    starts = [entry.result.recording.started_at for entry in entries]
    days = sorted(start[:10] for start in starts if start) or [Said("date_unknown")]
    sheet.write(words.title(entries), 20.0, weight="bold", gap_in=0.05)
    one_day = days[0] == days[-1]
    period = days[0] if one_day else Said("report.period", first=days[0], last=days[-1])
    wearer = recording.wearer or words.UNKNOWN
    sheet.write(Said("report.wearer_period", wearer=wearer, period=period), 11.0, gap_in=0.12)
    if any(words.is_demo(entry) for entry in entries):
        sheet.write(Said(words.DEMO), 10.0, weight="bold", gap_in=0.1)
    sheet.rule()
    table = words.cover(entries, pages)
    rows_max = int((sheet.left_in - 5.4) / row_height_in())
    sheet.y_in += sheet.table(table.head, table.rows[:rows_max], table.shares) + 0.1
    if len(table.rows) > rows_max:
        sheet.write(Said("report.more_rows", n=len(table.rows) - rows_max))
    sheet.write(Said("report.cover_note"), SMALL_PT)
    sheet.heading(Said("report.how_to_read"))
    for paragraph in words.reading(entries):
        sheet.write(paragraph, SMALL_PT)
    sheet.heading(Said("report.to_fill_in"))
    sheet.y_in += 0.06
    for line in ("question", "impression", "plan", "signature"):
        sheet.write(Said(f"report.fill.{line}", line="_" * 60), gap_in=0.16)
    return sheet


def _exercise(entry: Entry, paper: str) -> list[Sheet]:
    sheet = Sheet(paper, entry.words)
    sheet.write(entry.exercise.name, 15.0, weight="bold", gap_in=0.04)
    for line in words.who(entry):
        sheet.write(line, gap_in=0.02)
    if words.is_demo(entry):
        sheet.write(Said(words.DEMO), weight="bold")
    tables = words.rep_tables(entry)
    texts = [*comparisons(entry), *quality(entry)]
    text_in = 3 * HEADING_IN + sum(
        paragraph_height_in(text, sheet.width_in, entry.words) for text in texts
    )
    longest = max((len(table.rows) for table in tables), default=0)
    fixed_in = text_in + ABOVE_IN + BETWEEN_IN + BELOW_IN + HANDS_IN
    room_in = sheet.left_in - fixed_in - 2 * FIGURE_IN[0]
    shown = max(0, min(longest, int(room_in / row_height_in()) - 1))
    spare_in = sheet.left_in - fixed_in - row_height_in() * (shown + 1)
    figure_in = float(np.clip(spare_in / 2, *FIGURE_IN))
    _figures(sheet, entry, figure_in)
    _rep_tables(sheet, tables, 0, shown, longest - shown)
    sheet.heading(Said("report.compared"))
    for text in comparisons(entry):
        sheet.write(text)
    sheet.heading(Said("report.quality"))
    for text in quality(entry):
        sheet.write(text)
    sheet.y_in += 0.16
    sheet.write(Said.together(map(Said, words.BY_HAND), "     "), TEXT_PT)
    return [sheet, *_continued(entry, paper, tables, shown, longest)]


def _figures(sheet: Sheet, entry: Entry, height_in: float) -> None:
    sheet.y_in += ABOVE_IN
    draw_angle(entry, sheet.axes(BESIDE_IN, sheet.width_in - BESIDE_IN, height_in))
    sheet.y_in += height_in + BETWEEN_IN
    half_in = sheet.width_in / 2
    draw_overlay(entry, sheet.axes(BESIDE_IN, half_in - BESIDE_IN - 0.15, height_in))
    table = words.measures(entry)
    sheet.table(table.head, table.rows, table.shares, x_in=half_in + 0.05, width_in=half_in - 0.05)
    sheet.y_in += height_in + BELOW_IN


def _rep_tables(
    sheet: Sheet, tables: list[words.Table], first: int, last: int, more: int = 0
) -> None:
    """Draw rows first..last of every leg's table, legs side by side; `more` follow on a page."""
    legs = Said.together((table.title for table in tables), ", ")
    sheet.heading(Said("report.every_more" if more else "report.every", legs=legs, n_more=more))
    if not any(table.rows for table in tables):
        sheet.write(Said("report.no_movement"))
        return
    each_in = sheet.width_in / len(tables)
    heights = [
        sheet.table(
            table.head,
            table.rows[first:last],
            table.shares,
            x_in=i * each_in + (0.1 if i else 0.0),
            width_in=each_in - (0.1 if i else 0.0),
        )
        for i, table in enumerate(tables)
    ]
    sheet.y_in += max(heights) + 0.04


def _continued(
    entry: Entry, paper: str, tables: list[words.Table], shown: int, longest: int
) -> list[Sheet]:
    """Return further sheets with the rows that the first one had no room for."""
    sheets = []
    while shown < longest:
        sheet = Sheet(paper, entry.words)
        sheet.write(Said("report.continued", exercise=entry.exercise.name), 13.0, weight="bold")
        sheet.write(words.who(entry)[0])
        until = min(longest, shown + int((sheet.left_in - 0.8) / row_height_in()))
        _rep_tables(sheet, tables, shown, until)
        shown = until
        sheets.append(sheet)
    return sheets


def write_sheets(sheets: list[Sheet], path: Path, title: str) -> Path:
    """Write sheets as the pages of a PDF."""
    from matplotlib.backends.backend_pdf import PdfPages

    # no moment of writing inside: the same sessions give the same file
    about = {"Title": title, "Creator": "hipturn", "CreationDate": None}
    with _glyphs_only(), PdfPages(path, metadata=about) as pdf:
        for sheet in sheets:
            pdf.savefig(sheet.figure)
    return path


@contextmanager
def _glyphs_only() -> Iterator[None]:
    """Leave out of embedded fonts what lays text out: a PDF places each letter by itself.

    Reading those tables takes two fifths of a report. matplotlib passes no settings on to
    fontTools; in a version whose list has another name, fonts are embedded unchanged.
    """
    from fontTools.subset import Options

    usual = getattr(Options, LEFT_OUT, None)
    if usual is None:
        yield
        return
    setattr(Options, LEFT_OUT, [*usual, *LAYOUT_TABLES])
    try:
        yield
    finally:
        setattr(Options, LEFT_OUT, usual)


def _write_picture(sheets: list[Sheet], path: Path, title: str) -> Path:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.image import imsave

    if len(sheets) > PICTURE_PAGES_MAX:
        raise UserError(Said("trouble.many_pages", path=str(path), n=len(sheets)))
    pictures = []
    for sheet in sheets:
        canvas: Any = FigureCanvasAgg(sheet.figure)
        sheet.figure.set_dpi(PICTURE_DPI)
        canvas.draw()
        pictures.append(np.asarray(canvas.buffer_rgba())[..., :3])
    imsave(path, np.concatenate(pictures), metadata={"Title": title, "Creator": "hipturn"})
    return path
