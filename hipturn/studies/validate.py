"""`hipturn validate`: a session beside a laboratory's angles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.agreement.figures import validation_figure
from analysis.agreement.validation import ANGLES, table_of, validate
from analysis.agreement.words import methods_of, validation_lines
from analysis.session import analyse as sessions
from hipturn import __version__
from hipturn.errors import UserError
from hipturn.export.csv import write_table
from hipturn.session.pipeline import read_recording
from hipturn.studies.reference import read_reference
from imu.recording import open_session
from imu.recording.folder import replace_file
from imu.sample import Side

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hipturn.units.calibration_file import Calibration

MAX_LAG_S = 10.0
"""Clocks that were set by hand, or started by a shout, are not farther apart."""


def validate_session(
    folder: Path,
    reference: Path,
    out: Path,
    *,
    side: Side | None = None,
    max_lag_s: float = MAX_LAG_S,
    calibration: Calibration | None = None,
) -> list[str]:
    """Compare a session with a reference; write table, figure and paragraph, return the lines.

    Raises
    ------
    UserError
        When the reference cannot be used, or has nothing in common with the session.
    imu.recording.SessionError
        When the session cannot be read.
    """
    recording = read_recording(open_session(str(folder)))
    if calibration is not None:
        given = calibration.for_units(recording.units)
        recording = replace(recording, calibrations=given)
    result = sessions.analyse(recording)
    legs = [one for one in result.calibrations if side in (None, one)]
    if not legs:
        raise UserError(f"{folder}: has no {side or ''} leg to compare; check --side")
    measured = read_reference(reference, legs)
    found = validate(
        recording.session_id, result.angles, result.reps, measured, max_lag_s=max_lag_s
    )
    if found is None:
        shared = sorted({name for leg in measured.values() for name in leg.angles})
        said = " ".join(result.sentences)
        raise UserError(
            f"{reference}: has no angle that moves, at a moment that the session {folder} has one"
            f" too (there: {', '.join(shared)}; of {', '.join(ANGLES)}). {said}".strip()
        )
    out.mkdir(parents=True, exist_ok=True)
    paragraph = methods_of(found, reference.name, f"hipturn {__version__}")
    replace_file(out / "methods.txt", [paragraph.encode() + b"\n"])
    paths = [
        write_table(table_of(found), out / "validation.csv"),
        write_figure(validation_figure(found), out / "validation.pdf"),
        out / "methods.txt",
    ]
    notes = [f"note: {text}" for text in result.sentences]
    return [*validation_lines(found), *notes, "", paragraph, "", *map(str, paths)]


def write_figure(figure: Figure, path: Path) -> Path:
    """Write a figure, whole or not at all; its format by the file's name."""
    part = path.with_name(f".{path.name}.part")
    figure.savefig(part, format=path.suffix.removeprefix("."))
    return part.replace(path)
