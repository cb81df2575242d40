"""Orientations for OpenSim's IMU tools (OpenSense): `.sto` files of quaternions.

Columns are `pelvis_imu`, `femur_r_imu`, `tibia_r_imu`, `femur_l_imu`, `tibia_l_imu`, each cell
`w,x,y,z`, sensor to an earth whose z points up: give the tools
`sensor_to_opensim_rotations = -1.5707963 0 0`. The units of a calibrated leg are turned about the
vertical into one heading, x ahead of the wearer in the stand (without one: in the start position):
the tools take all units to share one earth, and the model to face x in the placement. Rows in which
a unit has a gap are left out; the tools know no NaN.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.exercises import level_pelvis
from analysis.session.recording import leg_units
from hipturn.errors import UserError, printable
from hipturn.export.csv import write_table
from hipturn.session.pipeline import marks_of
from imu.quaternion import FLOATS, by_rows, from_axis_angle, multiply, rotate
from imu.recording.folder import replace_file
from imu.sample import FloatArray, Segment, Side

if TYPE_CHECKING:
    from analysis.calibrate.calibration import LegCalibration
    from analysis.session.analyse import Result
    from analysis.session.recording import Recording
    from imu.recording import Session
    from imu.sample import Unit

BODIES = {Segment.PELVIS: "pelvis", Segment.THIGH: "femur", Segment.SHANK: "tibia"}
LETTERS = {Side.RIGHT: "_r", Side.LEFT: "_l", None: ""}
UP = (0.0, 0.0, 1.0)
ROWS_MIN = 2
DECIMALS = 9
"""Of a quaternion: a hundred thousandth of a degree."""


def column_of(unit: Unit) -> str:
    """Return what OpenSim's tools call the unit."""
    return f"{BODIES[unit.segment]}{LETTERS[unit.side]}_imu"


def export_opensim(result: Result, session: Session, folder: Path) -> list[Path]:
    """Write the orientations, those of the stand for the placer, and the marks.

    Returns
    -------
    list of Path
        `orientations.sto`; `placement.sto` with the mean of the still stand, where there was one;
        `marks.csv` in seconds of the first row, to import the file again.

    Raises
    ------
    UserError
        When there are not two rows in which every unit has an orientation.
    """
    recording = result.recording
    marks = _marks(result, session)
    stand = _stand(marks)
    q = _one_heading(result, stand)
    whole = ~np.isnan(q).any(axis=(1, 2))
    if whole.sum() < ROWS_MIN:
        raise UserError(
            f"{session.path}: there is no stretch in which all units have an orientation; OpenSim"
            " needs one"
        )
    time_s = recording.frames.time_s
    names = [column_of(unit) for unit in recording.units]
    about = recording.rate_hz, recording.wearer
    paths = [_write_sto(folder / "orientations.sto", about, names, time_s[whole], q[whole])]
    still = whole & (time_s >= stand[0]) & (time_s <= stand[1]) if stand else None
    if still is not None and still.any():
        mean = _mean(q[still])[None]
        paths.append(_write_sto(folder / "placement.sto", about, names, np.zeros(1), mean))
    if marks:
        paths.append(_write_marks(folder / "marks.csv", marks, float(time_s[whole][0])))
    return paths


def _one_heading(result: Result, stand: tuple[float, float] | None) -> FloatArray:
    """Return the orientations (n, units, 4) with every calibrated leg in one heading."""
    recording = result.recording
    exercise = recording.entry
    q = recording.frames.q.copy()
    for side, thigh, shank, _ in leg_units(recording.units):
        calibration = result.calibrations[side].calibration
        if calibration is None:
            continue
        ahead = _ahead_in_stand(recording, shank, calibration, stand)
        if ahead is None:
            ahead = _ahead_in_pose(calibration, level_pelvis(exercise.position, side))
        # both turn the shank's earth; heading_rad takes that to the thigh's
        for unit, turn in ((shank, ahead), (thigh, ahead - calibration.heading_rad)):
            if unit is None:
                continue
            q[:, unit] = by_rows(multiply, from_axis_angle(UP, turn, FLOATS), q[:, unit])
    return q


def _ahead_in_stand(
    recording: Recording,
    shank: int,
    calibration: LegCalibration,
    stand: tuple[float, float] | None,
) -> float | None:
    """Return the turn of the shank's earth after which the knee axis of the stand points right.

    Feet forward, x is then ahead. None where the wearer did not stand.
    """
    if stand is None:
        return None
    time_s, q = recording.frames.time_s, recording.frames.q[:, shank]
    still = (time_s >= stand[0]) & (time_s <= stand[1]) & ~np.isnan(q).any(axis=1)
    if not still.any():
        return None
    right = by_rows(rotate, q[still], calibration.z_shank).mean(axis=0)
    return -math.pi / 2 - math.atan2(right[1], right[0])


def _ahead_in_pose(calibration: LegCalibration, level: FloatArray) -> float:
    """Return the turn of the shank's earth after which the start pose's pelvis looks along x."""
    axes = np.array(calibration.pelvis).T  # columns x, y, z
    flat = int(np.argmax(np.hypot(level[0], level[1])))  # the axis that lies most level
    seen, wanted = axes[:, flat], level[:, flat]
    return math.atan2(wanted[1], wanted[0]) - math.atan2(seen[1], seen[0])


def _stand(marks: list[tuple[float, str]]) -> tuple[float, float] | None:
    """Return the first marked stand."""
    start = next((time for time, label in marks if label == "stand_start"), None)
    end = next((time for time, label in marks if label == "stand_end"), None)
    return None if start is None or end is None else (start, end)


def _marks(result: Result, session: Session) -> list[tuple[float, str]]:
    """Return the session's marks, else those of the calibration windows that were found or seen.

    A session recorded live has its windows in the events of the calibration.
    """
    marks = marks_of(session)
    if marks:
        return marks
    windows = [{"stand": w.stand, "pose": w.pose, "knee": w.bends} for w in result.windows.values()]
    for event in session.events():
        told = event.get("windows") if event["type"] == "calibration" else None
        if isinstance(told, dict):
            names = {"stand": "stand", "pose": "pose", "bends": "knee"}
            windows.append({names[name]: span for name, span in told.items() if name in names})
    found = {name: span for each in windows for name, span in each.items() if span}
    return sorted(
        (float(time), f"{name}_{end}")
        for name, span in found.items()
        for time, end in zip(span, ("start", "end"), strict=True)
    )


def _mean(q: FloatArray) -> FloatArray:
    """Return the mean orientation (units, 4) of frames (n, units, 4) that are nearly alike."""
    # the eigenvector to the greatest eigenvalue of the sum of q qT (Markley et al. 2007)
    products = np.einsum("nui,nuj->uij", q, q)
    _, vectors = np.linalg.eigh(products)
    mean: FloatArray = vectors[..., -1]
    return mean


def _write_sto(
    path: Path, about: tuple[float, str], names: list[str], time_s: FloatArray, q: FloatArray
) -> Path:
    """Write orientations (n, units, 4) at times (n,) in seconds, about a rate and a wearer."""
    rate_hz, wearer = about
    head = (
        f"DataRate={rate_hz:.6f}\nDataType=Quaternion\nversion=3\nOpenSimVersion=4.1\n"
        f"wearer={printable(wearer)}\nendheader\n"
    )
    rows = [
        "\t".join([f"{t:.9f}", *(",".join(f"{x:.{DECIMALS}f}" for x in unit) for unit in row)])
        for t, row in zip(time_s.tolist(), q.tolist(), strict=True)
    ]
    text = head + "\t".join(["time", *names]) + "\n" + "\n".join(rows) + "\n"
    replace_file(path, [text.encode()])
    return path


def _write_marks(path: Path, marks: list[tuple[float, str]], first_s: float) -> Path:
    """Write marks in seconds of the first row; a span that ended before it is left out."""
    ended = {
        label.rpartition("_")[0]
        for time, label in marks
        if label.endswith("_end") and time <= first_s
    }
    rows = [
        {"time_s": f"{max(0.0, time - first_s):.9f}", "label": label}
        for time, label in marks
        if label.rpartition("_")[0] not in ended
    ]
    return write_table(pd.DataFrame(rows, columns=["time_s", "label"]), path)
