"""Orientations written as angles or matrices, and raw counts → quaternions, m/s² and rad/s."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from imu.importers.column_map import ACC_UNITS, ANGLE_UNITS, EARTHS, GYR_UNITS, ColumnMap
from imu.importers.streams import ACCELERATION, ORIENTATION, RATES
from imu.importers.text.dropped import in_row
from imu.importers.witnesses.gravity import reread
from imu.sample import FloatArray

BEYOND_RAD = 6.4
"""No angle in radians is larger than a turn, written with rounding."""
MATRIX_TOLERANCE = 0.2
"""How far rows of a rotation matrix, as written, may be from unit vectors at right angles."""


def in_si(
    found: Mapping[str, FloatArray], columns: ColumnMap
) -> tuple[dict[str, FloatArray], list[str]]:
    """Return quaternions (wxyz, sensor → earth, z up), m/s² and rad/s, and what was assumed.

    Parameters
    ----------
    found
        The numbers of the map's groups, as the file has them.
    columns
        The map that they follow.
    """
    groups: dict[str, FloatArray] = {}
    notes: list[str] = []
    raw = _raw(found) if columns.scale else set[str]()
    for name, units, told in (
        (ACCELERATION, ACC_UNITS, columns.acceleration_unit),
        (RATES, GYR_UNITS, columns.gyroscope_unit),
    ):
        if name in found:
            factor = units[told] * _scale(columns, name, raw)
            with np.errstate(over="ignore"):
                groups[name] = found[name] * factor
    q = _orientation(found, columns, raw, notes)
    if q is not None:
        reading = "inverse" if columns.inverse else "as told"
        with np.errstate(over="ignore", invalid="ignore"):  # infinite cells: dropped later
            groups[ORIENTATION] = reread(q, reading, EARTHS[columns.earth])
    return groups, notes


def _raw(found: Mapping[str, FloatArray]) -> set[str]:
    """Return the quantities that hold raw counts, which are whole; acceleration if none is."""
    names = [name for name in (ORIENTATION, ACCELERATION, RATES) if name in found]
    whole = {name for name in names if _is_whole(found[name])}
    return whole or ({ACCELERATION} if ACCELERATION in found else set(names))


def _is_whole(values: FloatArray) -> bool:
    finite = values[np.isfinite(values)]
    return bool(np.all(finite == np.rint(finite)) and np.any(np.abs(finite) > 1.0))


def _scale(columns: ColumnMap, name: str, raw: set[str]) -> float:
    own = {
        ORIENTATION: columns.quaternion_scale,
        ACCELERATION: columns.acceleration_scale,
        RATES: columns.gyroscope_scale,
    }[name]
    return own or (columns.scale if name in raw else 0.0) or 1.0


def _orientation(
    found: Mapping[str, FloatArray], columns: ColumnMap, raw: set[str], notes: list[str]
) -> FloatArray | None:
    """Return quaternions (n, 4) as the columns give them; NaN where they are no rotation."""
    if ORIENTATION in found:
        with np.errstate(over="ignore"):
            return found[ORIENTATION] * _scale(columns, ORIENTATION, raw)
    if "matrix" in found:
        return _of_matrices(found["matrix"].reshape(-1, 3, 3))
    if "euler" in found:
        return _of_angles(found["euler"], columns, notes)
    return None


def _of_matrices(matrix: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", over="ignore"):
        product = np.clip(matrix, -9.0, 9.0) @ np.clip(matrix, -9.0, 9.0).transpose(0, 2, 1)
        good = ~in_row(~(np.abs(product - np.eye(3)) < MATRIX_TOLERANCE).reshape(-1, 9))
    good[good] = np.linalg.det(matrix[good]) > 0.0
    out = np.zeros((len(matrix), 4))  # of no length: dropped and counted as no rotation
    out[~np.isfinite(matrix).all(axis=(1, 2))] = np.nan
    if good.any():
        out[good] = Rotation.from_matrix(matrix[good]).as_quat()[:, [3, 0, 1, 2]]
    return out


def _of_angles(angles: FloatArray, columns: ColumnMap, notes: list[str]) -> FloatArray:
    finite = np.isfinite(angles).all(axis=1)
    unit = columns.euler_unit
    if not unit:
        beyond = np.abs(angles[finite]) > BEYOND_RAD
        unit = "deg" if beyond.any() else "rad"
        notes.append(f"The angles are taken as {unit}: say so with --euler-order ORDER:{unit}.")
    out = np.full((len(angles), 4), np.nan)
    if finite.any():
        about = [columns.euler_order.upper().index(axis) for axis in "XYZ"]
        turned = np.empty((int(finite.sum()), 3))
        turned[:, about] = angles[finite] * ANGLE_UNITS[unit]
        rotation = Rotation.from_euler(columns.euler_order, np.remainder(turned, 2.0 * np.pi))
        out[finite] = rotation.as_quat()[:, [3, 0, 1, 2]]
    return out
