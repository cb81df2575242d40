"""Other tools' files → a session folder, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from hipturn import __version__
from imu.importers import ImportedSession, Placement
from imu.importers.marks import read_marks
from imu.recording import UNKNOWN_START, SessionHeader, SessionWriter, recorded_side
from imu.sample import Segment, Side

Given = TypeVar("Given")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the session is to be."""

    out: Path
    exercise: str
    marks: Path | None = None
    wearer: str = ""
    orientation_filter: str = "vqf"
    started_at: datetime | None = None
    """Start time with zone, for files that have none; it overrides the time in the files."""


def import_session(form: str, wish: Wish, read: Callable[[], ImportedSession]) -> list[str]:
    """Turn other tools' files into a session; return the sentences to show.

    Parameters
    ----------
    form
        What the files are, such as `xsens-dot`.
    wish
        What the session is to be.
    read
        Reads the files.

    Raises
    ------
    imu.importers.ImportFileError
        When a file cannot be used.
    imu.recording.SessionError
        When the folder is taken or cannot be written. Nothing is left behind then.
    """
    labels = read_marks(wish.marks) if wish.marks else []
    imported = read()
    writer = SessionWriter.create(wish.out, _header(form, imported, wish))
    try:
        writer.write_table(imported.table)
        for time_s, label in labels:
            writer.event({"type": "mark", "time_s": time_s, "label": label})
        writer.close()
    except BaseException:
        writer.discard()
        raise
    return imported.warnings


def placed(files: Mapping[str, Given | None]) -> dict[Placement, Given]:
    """Return what was given for each place, from options called `right_thigh` and so on."""
    found: dict[Placement, Given] = {}
    for name, given in files.items():
        side, _, segment = name.rpartition("_")
        if given is not None and given != ():
            found[Segment(segment), Side(side) if side else None] = given
    return found


def _header(form: str, imported: ImportedSession, wish: Wish) -> SessionHeader:
    raw = bool((imported.table.q != imported.table.q).all())
    return SessionHeader(
        # No file has the time: the epoch shows that better than the moment of the import would.
        started_at=wish.started_at or imported.started_at or UNKNOWN_START,
        exercise=wish.exercise,
        side=recorded_side(imported.units),
        units=imported.units,
        source=f"import {form}",
        software=f"hipturn {__version__}",
        wearer=wish.wearer,
        clock=imported.clock,
        orientation_filter=wish.orientation_filter if raw else None,
        notes=tuple(imported.warnings),
    )
