"""The report as one HTML file with nothing outside itself: no script, no font, no address."""

from __future__ import annotations

import io
from html import escape
from pathlib import Path

from matplotlib.figure import Figure

from hipturn import __version__
from hipturn.errors import printable
from hipturn.report import words
from hipturn.report.drawings import draw_angle, draw_overlay
from hipturn.report.entry import Entry
from hipturn.report.judgements import comparisons, quality
from hipturn.report.pages import report_style
from hipturn.words import Said, Words

CSS = """
body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111}
section{border-top:1px solid #999;margin-top:2rem}
table{border-collapse:collapse;margin:.8rem 0;font-variant-numeric:tabular-nums}
th,td{padding:.15rem .6rem;text-align:right;border-bottom:1px solid #ccc}
th:first-child,td:first-child{text-align:left}
svg{width:100%;height:auto}.demo{font-weight:bold}.small{color:#444;font-size:.9rem}
@media print{section{break-before:page;border:0}}
"""


def write_html(entries: list[Entry], path: Path) -> Path:
    """Write the report as one HTML file."""
    wearer = entries[0].result.recording.wearer or words.UNKNOWN
    into = entries[0].words
    title = _text(words.title(entries), into)
    demo = any(map(words.is_demo, entries))
    body = [
        f"<h1>{title}</h1>",
        _paragraph(Said("report.wearer", wearer=wearer), into),
        *([_paragraph(Said(words.DEMO), into, "demo")] if demo else []),
        _table(words.cover(entries, [Said("report.below")] * len(entries)), into),
        _heading(2, "report.how_to_read", into),
        *[_paragraph(text, into) for text in words.reading(entries)],
        *[_section(entry) for entry in entries],
        _paragraph(f"{into(words.DISCLAIMER)} hipturn {__version__}", into, "small"),
    ]
    # a page that may load and run nothing, whatever stands in a session
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title}, {escape(printable(wearer))}</title><style>{CSS}</style>"
    )
    start = f'<!doctype html><html lang="{into.language}">'
    text = f"{start}<head>{head}</head><body>{''.join(body)}</body></html>"
    path.write_text(text + "\n", encoding="utf-8")
    return path


def _section(entry: Entry) -> str:
    into = entry.words
    parts = [
        f"<h2>{_text(entry.exercise.name, into)}</h2>",
        *[_paragraph(line, into) for line in words.who(entry)],
        *([_paragraph(Said(words.DEMO), into, "demo")] if words.is_demo(entry) else []),
        _drawing(entry, "angle"),
        _table(words.measures(entry), into),
        _drawing(entry, "overlay"),
        *[f"<h3>{_text(t.title, into)}</h3>{_table(t, into)}" for t in words.rep_tables(entry)],
        _heading(3, "report.compared", into),
        *[_paragraph(text, into) for text in comparisons(entry)],
        _heading(3, "report.quality", into),
        *[_paragraph(text, into) for text in quality(entry)],
        *[_paragraph(Said(key), into) for key in words.BY_HAND],
    ]
    return f"<section>{''.join(parts)}</section>"


def _drawing(entry: Entry, which: str) -> str:
    with report_style():
        size = (9.0, 3.4) if which == "angle" else (6.5, 3.6)
        drawing = Figure(figsize=size, layout="constrained")
        ax = drawing.subplots()
        (draw_angle if which == "angle" else draw_overlay)(entry, ax)
        text = io.StringIO()
        drawing.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]


def _text(text: str, into: Words) -> str:
    return escape(printable(into.said(text)))


def _heading(level: int, key: str, into: Words) -> str:
    return f"<h{level}>{_text(Said(key), into)}</h{level}>"


def _paragraph(text: str, into: Words, kind: str = "") -> str:
    return f"<p{f' class={kind}' if kind else ''}>{_text(text, into)}</p>"


def _table(table: words.Table, into: Words) -> str:
    head = "".join(f"<th>{_text(cell, into)}</th>" for cell in table.head)
    rows = "".join(
        "<tr>" + "".join(f"<td>{_text(cell, into)}</td>" for cell in row) + "</tr>"
        for row in table.rows
    )
    return f"<table><tr>{head}</tr>{rows}</table>"
