"""Other tools' files → a session folder, whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from hipturn import __version__
from imu.importers import ImportedSession, Placement
from imu.importers.marks import read_marks
from imu.importers.xsens_dot import import_dot
from imu.recording import SessionHeader, SessionWriter, recorded_side


def import_xsens_dot(
    files: Mapping[Placement, Path],
    folder: Path,
    exercise: str,
    *,
    marks: Path | None,
    wearer: str,
    orientation_filter: str,
) -> list[str]:
    """Turn DOT app files into a session; return the sentences to show.

    Raises
    ------
    imu.importers.ImportFileError
        When a file cannot be used.
    imu.recording.SessionError
        When the folder is taken or cannot be written. Nothing is left behind then.
    """
    labels = read_marks(marks) if marks else []
    imported = import_dot(files)
    writer = SessionWriter.create(folder, _header(imported, exercise, wearer, orientation_filter))
    try:
        writer.write_table(imported.table)
        for time_s, label in labels:
            writer.event({"type": "mark", "time_s": time_s, "label": label})
        writer.close()
    except BaseException:
        writer.discard()
        raise
    return imported.warnings


def _header(
    imported: ImportedSession, exercise: str, wearer: str, orientation_filter: str
) -> SessionHeader:
    raw = bool((imported.table.q != imported.table.q).all())
    return SessionHeader(
        # No file told the time: the epoch says so better than the moment of the import would.
        started_at=imported.started_at or datetime.fromtimestamp(0, UTC),
        exercise=exercise,
        side=recorded_side(imported.units),
        units=imported.units,
        source="import xsens-dot",
        software=f"hipturn {__version__}",
        wearer=wearer,
        clock=imported.clock,
        orientation_filter=orientation_filter if raw else None,
        notes=tuple(imported.warnings),
    )
