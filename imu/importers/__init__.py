"""What all importers of other tools' files share.

An importer reads foreign text with `imu.importers.text_file`, lines the units up with
`imu.importers.alignment`, and returns an `ImportedSession`. Whatever is wrong with a file is
said once, in one line, as `ImportFileError`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from imu.sample import Clock, SampleTable, Segment, Side, Unit

__all__ = ["ImportFileError", "ImportedSession", "Placement"]

Placement = tuple[Segment, Side | None]
"""Where the unit of a file was strapped; the side is None for the pelvis only."""


class ImportFileError(Exception):
    """A file cannot be imported: one line with file, place, reason and remedy.

    Attributes
    ----------
    path : pathlib.Path
        The file at fault.
    place : str
        Where in it, such as `line 7`; empty when the whole file is meant.
    """

    def __init__(self, path: Path, place: str, reason: str, remedy: str) -> None:
        where = f"{path}, {place}" if place else f"{path}"
        super().__init__(printable(f"{where}: {reason}; {remedy}"))
        self.path = path
        self.place = place


@dataclass(frozen=True, slots=True)
class ImportedSession:
    """What an import yields: everything a session on disk needs except the wearer's choices."""

    units: tuple[Unit, ...]
    table: SampleTable
    """All units in time order; `host_time_ns` counts from the session's first sample."""
    clock: Clock
    """`shared` when the units' own clocks ran as one."""
    started_at: datetime | None
    """Wall time of the first sample, with a zone; None when no file tells it."""
    warnings: list[str] = field(default_factory=list)
    """Sentences for the person who imports."""


def printable(text: str, limit: int = 500) -> str:
    """Return foreign text on one line, fit for a terminal.

    Parameters
    ----------
    text : str
        Anything found in a file or a file name.
    limit : int
        Longest result, in characters.

    Returns
    -------
    str
        The text with control characters (line ends, escapes) replaced by `?`.
    """
    return "".join(c if c.isprintable() else "?" for c in text[:limit])
