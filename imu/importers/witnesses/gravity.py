"""Acceleration as a witness: how large it is at rest, and where the quaternions say it points.

At rest an accelerometer reads 9.8 m/s² away from the earth's centre. Turned by a unit's
quaternions into the earth it therefore points up, in every posture the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imu.importers import ImportFileError
from imu.quaternion import by_rows, conjugate, multiply, rotate
from imu.sample import STANDARD_GRAVITY, FloatArray

QUIET_SHARE = 0.2
"""The quietest windows of a recording are taken as rest: everybody stands still at times."""
STILL_SHARE, STILL_WINDOWS = 0.1, 5
"""A window is still when it varies by less than this share of what it reads (of 1 where that is
less, as without gravity); so many of them are needed."""
WINDOW_SAMPLES = 16
EVIDENCE_SAMPLES = (100, 20_000)
"""Fewer samples settle nothing, more cost time and tell the same."""
SIZE_TOLERANCE = 0.15
"""Cheap accelerometers are wrong by a few percent; the next unit is 9.8 times as large."""
NO_GRAVITY = 0.1
"""Of standard gravity: less than this at rest is what is left when gravity is taken out."""
CALM_MPS2 = 1.5
FITS_DEG = 12.0
"""Acceleration of a moving leg points up to within a few degrees in the mean of a posture."""
AGREES_DEG = 6.0
DIFFERS_DEG = 25.0
BETTER, RIVAL = 3.0, 2.0
"""A reading counts as meant when it is so many times nearer than the one told, and no other is
within so many times of it."""
POSTURES_DEG = 20.0
"""Postures that differ by less than this do not tell one reading from another."""

_SIZES = (  # rest as told over standard gravity, and what that shows
    (1.0 / STANDARD_GRAVITY, STANDARD_GRAVITY, "in g"),
    (STANDARD_GRAVITY, 1.0 / STANDARD_GRAVITY, "in m/s²"),
    (1000.0 / STANDARD_GRAVITY, STANDARD_GRAVITY / 1000.0, "in mg"),
    (1000.0, 1e-3, "in thousandths"),
)
_UP = {
    "z up": (1.0, 0.0, 0.0, 0.0),
    "z down": (0.0, 1.0, 0.0, 0.0),
    "y up": (np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0),
    "y down": (np.sqrt(0.5), -np.sqrt(0.5), 0.0, 0.0),
    "x up": (np.sqrt(0.5), 0.0, -np.sqrt(0.5), 0.0),
    "x down": (np.sqrt(0.5), 0.0, np.sqrt(0.5), 0.0),
}
"""Quaternion that turns an earth of this kind into one whose z points up."""
_READINGS = {
    "as told": "",
    "inverse": "they lead from earth to sensor (--inverse)",
    "x,y,z,w": "their order is x,y,z,w",
    "x,y,z,w inverse": "their order is x,y,z,w and they lead from earth to sensor (--inverse)",
}


class _Postures(NamedTuple):
    q: FloatArray
    """Shape (n, 4), as told."""
    up: FloatArray
    """Shape (n, 3), where the acceleration points in the unit's axes, of length one."""


class _Fit(NamedTuple):
    reading: str
    up: str

    @property
    def words(self) -> str:
        axis = "" if self.up == "z up" else f"the earth's {self.up[0]} points {self.up[2:]}"
        return " and ".join(word for word in (_READINGS[self.reading], axis) if word)


def sized(path: Path, acc: FloatArray, *, needed: bool) -> tuple[FloatArray | None, list[str]]:
    """Return acceleration in m/s² by its size at rest, and what was mended.

    Parameters
    ----------
    acc
        Shape (n, 3), as the file or the person tells, in m/s².
    needed
        Whether there is nothing without it; else an acceleration without gravity is left out.

    Raises
    ------
    ImportFileError
        When a needed acceleration has no gravity or a size of no known unit.
    """
    rest = _rest_mps2(acc)
    if rest is None or abs(rest / STANDARD_GRAVITY - 1.0) <= SIZE_TOLERANCE:
        return acc, []
    for ratio, factor, words in _SIZES:
        if abs(rest / STANDARD_GRAVITY / ratio - 1.0) <= SIZE_TOLERANCE:
            said = f"{path.name}: acceleration at rest is {rest:.4g}, not 9.8: it is taken as"
            return acc * factor, [f"{said} {words}."]
    told = f"the acceleration at rest is {rest:.3g} m/s², not 9.8"
    taken_out = rest < NO_GRAVITY * STANDARD_GRAVITY
    if taken_out:
        told += ": gravity was taken out"
    if not needed:
        return None, [f"{path.name}: {told}; it is left out."]
    scale = f"say its unit, or for raw counts --scale acceleration={STANDARD_GRAVITY / rest:.3g}"
    remedy = "export the acceleration with gravity" if taken_out else scale
    raise ImportFileError(path, "", told, remedy)


def _rest_mps2(acc: FloatArray) -> float | None:
    """Return |acc| at rest, None where too little or nothing steady is there."""
    count = len(acc) // WINDOW_SAMPLES
    if len(acc) < EVIDENCE_SAMPLES[0]:
        return None
    windows = np.clip(acc[: count * WINDOW_SAMPLES], -1e6, 1e6).reshape(count, WINDOW_SAMPLES, 3)
    unrest = windows.std(axis=1).sum(axis=1)
    sizes = np.linalg.norm(windows.mean(axis=1), axis=1)
    still = unrest < STILL_SHARE * np.maximum(sizes, 1.0)
    if np.sum(still) < STILL_WINDOWS:
        return None  # one squat, say: the leg never rests
    sizes = sizes[still & (unrest <= np.quantile(unrest[still], QUIET_SHARE))]
    rest = float(np.median(sizes))
    steady = float(np.median(np.abs(sizes - rest))) <= SIZE_TOLERANCE * max(rest, STANDARD_GRAVITY)
    return rest if steady else None


class Witnessed(NamedTuple):
    """One unit's orientations, and the acceleration that tells how they are meant."""

    path: Path
    q: FloatArray
    """Shape (n, 4), as the person told: wxyz, sensor to an earth whose z points up."""
    acc: FloatArray | None
    """Shape (n, 3), m/s²; None where the file has none."""


def read_rightly(units: Sequence[Witnessed]) -> tuple[list[FloatArray], list[str]]:
    """Return quaternions as the acceleration in the same files shows them to be meant.

    Files of one tool are meant alike, so what all of them show together is tried first, and what
    each shows by itself only then.

    Parameters
    ----------
    units
        All units of one tool.

    Raises
    ------
    ImportFileError
        When they contradict each other and no reading, or more than one, fits.
    """
    found = [None if one.acc is None else _postures(one.q, one.acc) for one in units]
    known = [one for one in found if one is not None]
    if len(known) > 1:
        fit, told_deg = _best(known)
        if fit is not None and told_deg > AGREES_DEG and fit.up != "z down":
            said = f"the accelerations, turned by the quaternions, point {told_deg:.0f}° off up"
            note = f"{units[0].path.name} and the others: {said}: {fit.words}; so they are read."
            return [reread(one.q, fit.reading, fit.up) for one in units], [note]
    read, notes = [], []
    for one, evidence in zip(units, found, strict=True):
        q, said_of_it = (one.q, list[str]()) if evidence is None else _alone(one, evidence)
        read.append(q)
        notes += said_of_it
    return read, notes


def _alone(one: Witnessed, evidence: _Postures) -> tuple[FloatArray, list[str]]:
    fit, told_deg = _best([evidence])
    said = f"the acceleration, turned by the quaternions, points {told_deg:.0f}° away from up"
    if fit is not None and fit.up != "z down":
        note = f"{one.path.name}: {said}: {fit.words}; so they are read."
        return reread(one.q, fit.reading, fit.up), [note]
    if told_deg <= DIFFERS_DEG:
        return one.q, []
    if fit is not None:
        raise ImportFileError(
            one.path, "", f"{said}: {fit.words}, or the acceleration has the opposite sign",
            "give --earth z-down or --scale acceleration=-1",
        )  # fmt: skip
    fits = [one for one, _ in _fits(evidence)]
    if not fits:
        raise ImportFileError(
            one.path, "", f"{said}, and no order, inverse or axis explains it",
            "check that both are of one unit and one set of axes, or leave the acceleration out",
        )  # fmt: skip
    words = "; or ".join(fit.words or "the axes of both differ" for fit in fits)
    raise ImportFileError(one.path, "", f"{said}; it fits if {words}", "say which it is")


def _best(known: Sequence[_Postures]) -> tuple[_Fit | None, float]:
    """Return the one reading that fits far better than the one told, and how far off that is."""
    evidence = _Postures(
        np.concatenate([one.q for one in known]), np.concatenate([one.up for one in known])
    )
    up = by_rows(rotate, evidence.q, evidence.up)
    told_deg = float(np.median(_angle_deg(up, np.array([0.0, 0.0, 1.0]))))
    if told_deg <= AGREES_DEG:
        return None, told_deg
    fits = _fits(evidence)
    if not fits or fits[0][0] == _Fit("as told", "z up"):
        return None, told_deg
    best, off_deg = fits[0]
    rivals = [one for one, deg in fits[1:] if deg < RIVAL * off_deg]
    clearly = off_deg * BETTER <= told_deg and not rivals
    return (best if clearly else None), told_deg


def reread(q: FloatArray, reading: str = "as told", up: str = "z up") -> FloatArray:
    """Return quaternions (n, 4) as wxyz, sensor to an earth whose z points up.

    Parameters
    ----------
    reading
        `as told`, `inverse`, `x,y,z,w` or `x,y,z,w inverse`.
    up
        Which axis of their earth points up: `z up`, `z down`, `y up` …
    """
    if reading.startswith("x"):
        q = q[:, [3, 0, 1, 2]]
    if reading.endswith("inverse"):
        q = by_rows(conjugate, q)
    return q if up == "z up" else by_rows(multiply, np.tile(_UP[up], (len(q), 1)), q)


def _postures(q: FloatArray, acc: FloatArray) -> _Postures | None:
    """Return calm samples, a like number of each posture; None when there are too few."""
    fewest, most = EVIDENCE_SAMPLES
    stride = max(1, len(q) // most)
    q, acc = q[::stride], acc[::stride]
    size = np.linalg.norm(np.clip(acc, -1e6, 1e6), axis=1)
    calm = np.abs(size - STANDARD_GRAVITY) < CALM_MPS2
    if np.sum(calm) < fewest:
        return None
    q, direction = q[calm], acc[calm] / size[calm, None]
    cell = np.unique(np.rint(2.0 * direction), axis=0, return_inverse=True)[1].ravel()
    order = np.argsort(cell, kind="stable")
    starts = np.flatnonzero(np.diff(np.append(-1, cell[order])))
    place = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    some = order[place < fewest]
    return _Postures(q[some], direction[some])


def _fits(evidence: _Postures) -> list[tuple[_Fit, float]]:
    """Return the readings under which all postures agree on one axis of the earth as up.

    Each comes with how far off that axis the postures are, in degrees; the nearest first.
    """
    differ_deg = np.quantile(_angle_deg(evidence.up, _mean(evidence.up)), 0.9)
    if differ_deg < POSTURES_DEG:
        return []
    found = []
    for reading in _READINGS:
        up = by_rows(rotate, reread(evidence.q, reading), evidence.up)
        mean = _mean(up)
        axis = int(np.argmax(np.abs(mean)))
        exact = np.zeros(3)
        exact[axis] = np.sign(mean[axis])
        off_deg = _angle_deg(up, exact)
        if np.quantile(off_deg, 0.75) <= FITS_DEG:
            fit = _Fit(reading, f"{'xyz'[axis]} {'up' if mean[axis] > 0 else 'down'}")
            found.append((fit, float(np.median(off_deg))))
    return sorted(found, key=lambda one: one[1])


def _mean(vectors: FloatArray) -> FloatArray:
    mean = vectors.mean(axis=0)
    unit: FloatArray = mean / max(float(np.linalg.norm(mean)), 1e-9)
    return unit


def _angle_deg(vectors: FloatArray, axis: FloatArray) -> FloatArray:
    angle: FloatArray = np.rad2deg(np.arccos(np.clip(vectors @ axis, -1.0, 1.0)))
    return angle
