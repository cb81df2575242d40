"""Rotation rates as a witness: they must turn gravity, or the quaternions, as far as these turn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from imu.importers import ImportFileError
from imu.importers.witnesses.gravity import reread
from imu.quaternion import (
    ARRAYS,
    by_rows,
    conjugate,
    from_axis_angle,
    multiply,
    rotate,
    rotation_vector,
    table_of,
    xyz,
)
from imu.sample import STANDARD_GRAVITY, BoolArray, FloatArray, IntArray

BLOCK_S = 0.8
"""Long enough for a leg to turn by more than the noise, short enough for drift not to matter."""
OVERLAP = 4
CALM_MPS2 = 0.5
"""At either end of a block the acceleration must be gravity's alone to tell where down is."""
BLOCKS = (15, 2000)
"""Fewer blocks in which the leg turns settle nothing, more cost time and tell the same."""
TURNS_RAD = 0.1
AGREES, FITS, WORSE = 0.5, 0.35, 1.5
"""What is left of a turn once the rates have explained it, as a share of the turn."""
CLEARLY = 0.5
NEARLY = 0.2
"""Less is left of files of real people and boxes that are in order (0.06 to 0.24)."""
PACED = 0.25
PACES = np.geomspace(1.0 / 3.0, 3.0, 15)
FINER = np.geomspace(0.925, 1.08, 9)
SAME_PACE = 1.15
"""Nearer paces are within what bias and shaking do to files in order (0.94 to 1.23)."""
STEPS_MAX = 400

_FACTORS = {
    np.pi / 180.0: "deg/s, not rad/s",
    180.0 / np.pi: "rad/s, not deg/s",
}
_READINGS = {
    "inverse": "the quaternions lead from earth to sensor (--inverse)",
    "x,y,z,w": "the quaternions' order is x,y,z,w",
    "x,y,z,w inverse": "the quaternions' order is x,y,z,w, from earth to sensor (--inverse)",
}


def turned_rightly(
    path: Path, time_s: FloatArray, q: FloatArray | None, acc: FloatArray | None, gyr: FloatArray
) -> tuple[FloatArray | None, FloatArray | None, list[str]]:
    """Return quaternions and rates (rad/s) as each shows the other to be meant.

    Parameters
    ----------
    time_s
        Shape (n,), increasing.
    q
        Shape (n, 4), wxyz; None for a unit that sends acceleration and rates only.
    acc
        Shape (n, 3), m/s²; settles what the quaternions mean, else the rates may.
    gyr
        Shape (n, 3), as the file or the person tells, in rad/s.

    Returns
    -------
    tuple
        Quaternions, rates (None where they contradict the quaternions), and what was mended.

    Raises
    ------
    ImportFileError
        When raw rates turn the other way than gravity shows, or another share as far.
    """
    start, end = _blocks(time_s)
    if len(start) < BLOCKS[0]:
        return q, gyr, []
    told = _left(start, end, time_s, q, acc, gyr, 1.0)
    if q is None:
        _refuse_another_pace(path, time_s, lambda f: _left(start, end, time_s, q, acc, gyr, f))
    if told is None or told <= AGREES:
        return q, gyr, []
    tried = {f: _left(start, end, time_s, q, acc, gyr, f) or told for f in (*_FACTORS, -1.0)}
    best = min(tried, key=lambda factor: tried[factor])
    fits = tried[best] <= min(FITS, CLEARLY * told)
    if fits and best in _FACTORS:
        said = f"{path.name}: the rates turn the unit as far as it turns if they are in"
        return q, gyr * best, [f"{said} {_FACTORS[best]}; so they are read."]
    if q is not None and acc is None:
        for reading, words in _READINGS.items():
            other = reread(q, reading)
            left = _left(start, end, time_s, other, None, gyr, 1.0)
            if left is not None and left <= min(FITS, CLEARLY * told):
                return other, gyr, [f"{path.name}: the rates show that {words}; so they are read."]
    if told < WORSE and not fits:
        return q, gyr, []
    return _contradicted(path, q, reverse=fits)


def _contradicted(
    path: Path, q: FloatArray | None, *, reverse: bool
) -> tuple[FloatArray | None, FloatArray | None, list[str]]:
    """Return what is left where the rates do not turn the unit as it turns."""
    way = ": they turn the other way" if reverse else ""
    if q is not None:
        said = "the rates do not turn the unit as its quaternions do"
        return q, None, [f"{path.name}: {said}{way}; they are left out."]
    remedy = (
        "check that acceleration and rates have the same axes, or give --scale gyroscope=-1"
        if reverse
        else "check that both are of one unit and one set of axes; such a unit gives no angle"
    )
    said = f"the unit contradicts itself: its rates do not turn it as its gravity turns{way}"
    raise ImportFileError(path, "", said, remedy)


def _refuse_another_pace(
    path: Path, time_s: FloatArray, left: Callable[[float], float | None]
) -> None:
    """Refuse raw rates that turn the unit too far or not far enough: then its times are wrong.

    `left` tells what the rates, times a factor, leave of the turns; None without turns.
    """
    told = left(1.0)
    if told is None or told <= NEARLY:
        return

    def best(factors: FloatArray) -> tuple[float, float]:
        tried = [(left(float(factor)), float(factor)) for factor in factors]
        return min((share, factor) for share, factor in tried if share is not None)

    share, factor = best(best(PACES)[1] * FINER)
    if share > min(PACED, CLEARLY * told) or 1.0 / SAME_PACE < factor < SAME_PACE:
        return
    told_hz = 1.0 / float(np.median(np.diff(time_s)))
    raise ImportFileError(
        path,
        "",
        f"the rates turn the unit about {1.0 / factor:.2g} times as far as its gravity turns",
        f"if its samples came at about {told_hz / factor:.0f} a second, and not at {told_hz:.3g},"
        " correct its times or give --rate; if the rates have another scale, give"
        f" --scale gyroscope={factor:.2g}",
    )


def _blocks(time_s: FloatArray) -> tuple[IntArray, IntArray]:
    """Return first and last sample of stretches without a gap, `BLOCK_S` long."""
    step_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    if not step_s > 0.0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    length = int(np.clip(np.rint(BLOCK_S / step_s), 2, STEPS_MAX))
    start = np.arange(1, len(time_s) - length - 1, max(1, length // OVERLAP))
    whole = time_s[start + length] - time_s[start] < 1.5 * length * step_s
    start = start[whole]
    return start, start + length


def _left(
    start: IntArray,
    end: IntArray,
    time_s: FloatArray,
    q: FloatArray | None,
    acc: FloatArray | None,
    gyr: FloatArray,
    factor: float,
) -> float | None:
    """Return which share of the turns the rates leave unexplained; None without turns."""
    if q is not None:
        turn = by_rows(multiply, by_rows(conjugate, q[start]), q[end])
        size = _size(turn)
        index = _some(size)
        if index is None:
            return None
        by_rates = _integrated(start[index], end[index], time_s, gyr * factor)
        left = _size(by_rows(multiply, by_rows(conjugate, by_rates), turn[index]))
        return float(np.median(left / size[index]))
    if acc is None:
        return None
    calm = _is_calm(acc, start) & _is_calm(acc, end)
    start, end = start[calm], end[calm]
    before, after = _direction(acc, start), _direction(acc, end)
    size = _between(before, after)
    index = _some(size)
    if index is None:
        return None
    by_rates = _integrated(start[index], end[index], time_s, gyr * factor)
    left = _between(by_rows(rotate, by_rows(conjugate, by_rates), before[index]), after[index])
    return float(np.median(left / size[index]))


def _some(size: FloatArray) -> IntArray | None:
    """Return the blocks in which the unit turns, at most `BLOCKS`; None when there are too few."""
    index = np.flatnonzero(size > TURNS_RAD)
    if len(index) < BLOCKS[0]:
        return None
    return index[:: max(1, len(index) // BLOCKS[1])]


def _integrated(start: IntArray, end: IntArray, time_s: FloatArray, gyr: FloatArray) -> FloatArray:
    """Return the turns (n, 4), sensor at the end → sensor at the start, that the rates make."""
    turn = np.zeros((len(start), 4))
    turn[:, 0] = 1.0
    for step in range(int(end[0] - start[0]) if len(start) else 0):
        at = start + step
        rate = 0.5 * (gyr[at] + gyr[at + 1])
        angle = np.linalg.norm(rate, axis=1) * (time_s[at + 1] - time_s[at])
        axis = rate / np.maximum(np.linalg.norm(rate, axis=1), 1e-12)[:, None]
        turn = by_rows(multiply, turn, table_of(from_axis_angle(xyz(axis), angle, ARRAYS)))
    return turn


def _size(q: FloatArray) -> FloatArray:
    size: FloatArray = np.linalg.norm(by_rows(rotation_vector, q, of=ARRAYS), axis=1)
    return size


def _direction(acc: FloatArray, at: IntArray) -> FloatArray:
    mean = (acc[at - 1] + acc[at] + acc[at + 1]) / 3.0
    direction: FloatArray = mean / np.maximum(np.linalg.norm(mean, axis=1), 1e-9)[:, None]
    return direction


def _is_calm(acc: FloatArray, at: IntArray) -> BoolArray:
    size = np.linalg.norm(acc[at - 1] + acc[at] + acc[at + 1], axis=1) / 3.0
    calm: BoolArray = np.abs(size - STANDARD_GRAVITY) < CALM_MPS2
    return calm


def _between(a: FloatArray, b: FloatArray) -> FloatArray:
    angle: FloatArray = np.arccos(np.clip(np.sum(a * b, axis=1), -1.0, 1.0))
    return angle
