"""How the units sat in a session, as a file that `--calibration` takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from analysis.calibrate.given_axes import axes_given_by
from hipturn.errors import UserError
from hipturn.units.calibration_file import format_calibration
from imu.recording.folder import replace_file

if TYPE_CHECKING:
    from analysis.session.analyse import Result
    from imu.recording import Session

FILE = "calibration.json"


def export_calibration(result: Result, session: Session, folder: Path) -> list[Path]:
    """Write calibration.json.

    Raises
    ------
    UserError
        When no leg of the session is calibrated; says why.
    """
    found = {side: one.calibration for side, one in result.calibrations.items()}
    legs = {side: axes_given_by(leg) for side, leg in found.items() if leg is not None}
    if not legs:
        why = " ".join(result.sentences) or "its exercise needs none"
        raise UserError(f"{session.path}: has no calibration to export: {why}")
    replace_file(folder / FILE, [format_calibration(legs)])
    return [folder / FILE]
