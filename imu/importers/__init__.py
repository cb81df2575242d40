"""What all importers of other tools' files share.

An importer reads foreign text with `imu.importers.text.text_file`, lines the units up with
`imu.importers.alignment`, and returns an `ImportedSession`. Whatever is wrong with a file is
said once, in one line, as `ImportFileError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from imu.sample import Clock, SampleTable, Segment, Side, Unit

__all__ = ["Hints", "ImportFileError", "ImportedSession", "Placement"]

Placement = tuple[Segment, Side | None]
"""Where the unit of a file was strapped; the side is None for the pelvis only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What a person says of files besides where each unit was strapped."""

    rate_hz: float | None = None
    """Samples per second, where the files tell no usable time."""
    offset_s: Mapping[Placement, float] = field(default_factory=dict)
    """Seconds to add to a unit's times, where its clock differs."""


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
    origin_s: float | None = None
    """Time of the first sample on the files' own clock; tells whether another file follows."""
    gaps_s: tuple[float, ...] = ()
    """Seconds since the first sample at which a file that does not follow begins."""


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
