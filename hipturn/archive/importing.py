"""Other tools' files → a session folder, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from hipturn import __version__, own_exercises
from hipturn.history.index import same_recordings
from hipturn.units.calibration_file import Calibration
from imu.importers import ImportedSession, Placement
from imu.importers.marks import read_marks
from imu.importers.same_recording import samples_hash
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
    calibration: Calibration | None = None
    """How the units sit, where it is known; zero and start position still come from the data."""


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
    header = _header(form, imported, wish)
    again = same_recordings(wish.out.resolve().parent, header.samples_hash)
    writer = SessionWriter.create(wish.out, header)
    try:
        own = own_exercises.stored(own_exercises.find(wish.exercise, wish.out.resolve().parent))
        if own:
            declared = {"active": None, "test": False, "dose": None, "exercise": own}
            writer.event({"type": "declared", "time_s": 0.0, **declared})
        writer.write_table(imported.table)
        for time_s, label in labels:
            writer.event({"type": "mark", "time_s": time_s, "label": label})
        for time_s in imported.gaps_s:
            writer.event({"type": "gap", "time_s": time_s, "why": "another file begins here"})
        writer.close()
    except BaseException:
        writer.discard()
        raise
    return [
        *imported.warnings,
        *(f"This recording is already there as {name}: history counts it once." for name in again),
    ]


def _axes_json(imported: ImportedSession, wish: Wish) -> dict[str, Any] | None:
    """Return the given axes as a session's header keeps them."""
    if wish.calibration is None:
        return None
    legs = wish.calibration.for_units(imported.units)
    return {str(side): axes.to_json() for side, axes in legs.items()}


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
        calibration=_axes_json(imported, wish),
        samples_hash=samples_hash(imported.table),
        notes=tuple(imported.warnings),
    )
