"""A laboratory's angles: CSV with `time_s` and columns named as ours, or OpenSim's `.mot`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.agreement.validation import ANGLES, Reference
from hipturn.errors import UserError, printable
from imu.sample import FloatArray, Side

MAX_BYTES = 500_000_000
HEADER_LINES = 200
ROWS_MIN = 2
MOT_ANGLES = {
    "hip_rotation": "hip_internal_rotation_deg",
    "hip_flexion": "hip_flexion_deg",
    "hip_adduction": "hip_adduction_deg",
    "knee_angle": "knee_flexion_deg",
}
"""What OpenSim's models call our angles, without the letter of the side."""
LETTERS = {"_r": Side.RIGHT, "_l": Side.LEFT}


def read_reference(path: Path, sides: Sequence[Side]) -> dict[Side, Reference]:
    """Return what a file holds of each leg that a session has.

    A CSV file may have a column `side`; without one its rows are of the session's only leg.

    Raises
    ------
    UserError
        When it cannot be read, or holds no angle of these legs; says what is missing.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(
                f"{path}: is larger than {MAX_BYTES // 1_000_000} MB; give a part of it"
            )
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: is no text; give CSV or an OpenSim .mot file") from None
    is_mot = "endheader" in text[:100_000].casefold()
    found = dict(_from_mot(path, text) if is_mot else _from_csv(path, text, sides))
    legs = {side: found[side] for side in sides if side in found}
    if not legs:
        told = " and ".join(found) or "no"
        raise UserError(
            f"{path}: is of the {told} leg and the session of the {' and '.join(sides)} one;"
            " give the reference of the same leg"
        )
    return legs


def _from_csv(path: Path, text: str, sides: Sequence[Side]) -> Iterator[tuple[Side, Reference]]:
    table = _table(path, text, text.partition("\n")[0])
    if "time_s" not in table:
        there = printable(", ".join(map(str, table.columns)))[:200]
        raise UserError(f"{path}: the column time_s is missing; there are: {there}")
    names = [name for name in ANGLES if name in table]
    if not names:
        raise UserError(f"{path}: holds none of our angles; name columns {', '.join(ANGLES)}")
    if "side" in table:
        told = table["side"].astype(str).str.strip().str.casefold()
        parts = [(side, table[told == str(side)]) for side in Side]
    elif len(sides) == 1:
        parts = [(sides[0], table)]
    else:
        raise UserError(
            f"{path}: the session has both legs; add a column `side` with left and right, or say"
            " --side"
        )
    for side, part in parts:
        if len(part):
            angles = {name: _numbers(path, part, name) for name in names}
            yield side, _checked(path, _numbers(path, part, "time_s"), angles)


def _table(path: Path, text: str, header: str) -> pd.DataFrame:
    """Return a table whose cells are parted by commas, or by semicolons with decimal commas."""
    comma = ";" in header
    try:
        table = pd.read_csv(
            StringIO(text), sep=";" if comma else ",", decimal="," if comma else ".",
            skipinitialspace=True,
        )  # fmt: skip
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise UserError(f"{path}: is no table ({printable(str(error))[:120]})") from None
    return table.rename(columns=lambda name: str(name).strip())


def _from_mot(path: Path, text: str) -> Iterator[tuple[Side, Reference]]:
    head, _, body = text.partition("endheader")
    if not body:
        head, _, body = text.partition("ENDHEADER")
    radians = any(line.replace(" ", "").casefold() == "indegrees=no" for line in head.splitlines())
    scale = 180.0 / math.pi if radians else 1.0
    try:
        table = pd.read_csv(StringIO(body.lstrip()), sep=r"\s+")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise UserError(f"{path}: is no table ({printable(str(error))[:120]})") from None
    if "time" not in table:
        raise UserError(f"{path}: the column `time` is missing; give an OpenSim .mot file")
    time_s = _numbers(path, table, "time")
    for letter, side in LETTERS.items():
        angles = {
            ours: scale * _numbers(path, table, name + letter)
            for name, ours in MOT_ANGLES.items()
            if name + letter in table
        }
        if angles:
            yield side, _checked(path, time_s, _knees_backwards(angles))


def _knees_backwards(angles: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Return angles whose knee flexion is positive: some of OpenSim's models count it downwards."""
    knee = angles.get("knee_flexion_deg")
    if knee is not None and abs(np.nanmin(knee)) > abs(np.nanmax(knee)):
        return {**angles, "knee_flexion_deg": -knee}
    return angles


def _numbers(path: Path, table: pd.DataFrame, name: str) -> FloatArray:
    column = pd.to_numeric(table[name], errors="coerce").to_numpy(float)
    wrong = np.flatnonzero(np.isnan(column) & table[name].notna().to_numpy())
    if len(wrong):
        cell = printable(str(table[name].iloc[wrong[0]]))[:40]
        raise UserError(f"{path}: {cell!r} in the column {name} is no number (row {wrong[0] + 2})")
    out: FloatArray = np.where(np.isfinite(column), column, np.nan)
    return out


def _checked(path: Path, time_s: FloatArray, angles: dict[str, FloatArray]) -> Reference:
    if len(time_s) < ROWS_MIN or np.isnan(time_s).any() or (np.diff(time_s) <= 0.0).any():
        raise UserError(f"{path}: its times do not rise from row to row; sort it by time_s")
    known = {name: values for name, values in angles.items() if not np.isnan(values).all()}
    if not known:
        raise UserError(f"{path}: every angle is empty")
    return Reference(time_s=time_s, angles=known)
