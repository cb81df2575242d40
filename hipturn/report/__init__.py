"""The report that a therapist files: a cover and a page for each session's exercise.

PDF (A4 or Letter), one tall PNG, or one HTML file with nothing outside itself. The three say the
same words and numbers, which come from `hipturn.report.words`; figures are vectors in PDF and HTML.
"""

from __future__ import annotations

from pathlib import Path

from hipturn.errors import UserError
from hipturn.report.entry import Entry

__all__ = ["Entry", "check_suffix", "write_report"]

SUFFIXES = (".pdf", ".png", ".html")


def write_report(entries: list[Entry], path: Path, paper: str = "a4") -> Path:
    """Write the report of one wearer's sessions; the suffix of the path says as what.

    Raises
    ------
    UserError
        When the suffix is not supported, the sessions are of several wearers, or there are too
        many for one picture.
    """
    suffix = check_suffix(path)
    wearers = sorted({entry.result.recording.wearer for entry in entries})
    if len(wearers) > 1:
        raise UserError(
            f"the sessions are of {len(wearers)} wearers; make a report for each, so that no one"
            " files one person's values with another's"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    if suffix == ".html":
        from hipturn.report.html import write_html

        return write_html(entries, path)
    from hipturn.report.pages import write_pages

    return write_pages(entries, path, paper)


def check_suffix(path: Path) -> str:
    """Return the suffix that says as what a report is written.

    Raises
    ------
    UserError
        When the suffix is not supported.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(f"{path}: a report is a {', '.join(SUFFIXES)} file; choose one of them")
    return suffix
