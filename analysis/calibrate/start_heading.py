"""The common heading of thigh and shank in the start pose, from gravity and the way there.

The knee axis, seen by the shank unit, is perpendicular to the femur's long axis, seen by the thigh
unit; only one turn about the vertical between their earths makes it so, wherever the hinge is not
upright (Laidig, Lehmann, Bégin, Seel 2019). The pose, the bends and the way from standing are
asked; where the hinge stayed upright, the nominal pose stands in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from analysis.angle.hinge_heading import FORGETTING_S, WEIGHT_MIN, hinge_opening, level_share
from analysis.calibrate.long_axes import SIGMA_STAND_THIGH_RAD, tangents
from analysis.leg import LegFrames
from imu.quaternion import ARRAYS, by_rows, rotate, xyz
from imu.sample import FloatArray

PERPENDICULAR_SIGMA = 0.05
"""How far from perpendicular two calibrated axes are in one pose, as a sine: about 3°."""
SIGMA_SQUARE_RAD = math.radians(5.0)
"""How far a knee's axis is from square to the femur: its tilt, 5° rms on people."""
SIGMA_LONG_AXIS_RAD = SIGMA_STAND_THIGH_RAD
STRAIGHT_RAD, SIGMA_STRAIGHT_RAD = math.radians(10.0), math.radians(5.0)
"""How far beyond straight a knee may seem to go while the long axes are off, and how sure that is.
"""
ROWS = 30
"""So many frames of a step are asked."""
COARSE_DEG = 5.0
APART_RAD = math.radians(45.0)
"""Headings nearer to each other are one."""
KNEE_PRIOR_SIGMA_RAD = math.radians(15.0)
"""How far a wearer's start pose is from the nominal knee angle."""
FRONT_PRIOR_SIGMA = 0.25
"""How far from the nominal one the share of the femur's front that faces up is: 15° of flexion."""
SEEN_MAX = 400
"""So many instants of a movement show its heading as well as all of them."""
LEVEL_SEEN = 0.1
"""Share of gravity across both axes that a way must have somewhere to show a heading."""
MISFIT_SEEN, MISFIT_RATIO = 0.01, 1.45
"""How badly allowed knees must fit (a sine), also beside the best one, for that to say so."""


class HeadingFit(NamedTuple):
    """One heading that fits what was seen, and the femur's long axis that goes with it."""

    cost: float
    """How badly it fits: a sum of squares, each in units of its own uncertainty."""
    delta_rad: float
    """The turn of the shank unit's earth to the thigh unit's."""
    y_thigh: FloatArray
    """The femur's long axis in the thigh unit (3,)."""
    weight_s: float


class Seen(NamedTuple):
    """What the fit rests on: frames of each step, axes in the units (3,), and the nominal pose."""

    pose: LegFrames
    others: Sequence[LegFrames]
    """The bends, the way from standing, and the stand: nearly every movement shows what a start
    pose with its hinge upright does not."""
    y_thigh: FloatArray
    """Where the stand or the start pose has the femur's long axis; it may be some degrees off."""
    y_shank: FloatArray
    z_shank: FloatArray
    knee_flexion_rad: float
    front_up: float
    """How much of the femur's front faces up in the nominal pose."""


def fit_headings(seen: Seen) -> list[HeadingFit]:
    """Return the headings that fit, best first: one, or two where two are apart by far.

    For each heading the femur's long axis is moved as far from where the stand had it as its
    uncertainty and the knee's axis ask for.
    """
    rows = _Rows.of([part for part in (seen.pose, *seen.others) if len(part.time_s)], seen)
    across = tangents(seen.y_thigh)

    def fitted(delta: FloatArray) -> tuple[FloatArray, FloatArray]:
        factors = np.stack((np.cos(delta), np.sin(delta), np.ones_like(delta)), axis=-1)
        weights = _weights(factors, rows)
        y = _long_axes(weights, seen.y_thigh, across)
        moved = np.sum((y - seen.y_thigh) ** 2, axis=1) / SIGMA_LONG_AXIS_RAD**2
        misfit = np.einsum("da,dab,db->d", y, weights, y)
        off = _off_nominal(delta, y, rows, seen)
        return moved + misfit + off + _bent_forwards(factors, y, rows), y

    coarse = np.radians(np.arange(-180.0, 180.0, COARSE_DEG))
    cost, _ = fitted(coarse)
    valleys = np.flatnonzero((cost <= np.roll(cost, 1)) & (cost < np.roll(cost, -1)))
    found: list[HeadingFit] = []
    for at in valleys[np.argsort(cost[valleys])]:
        delta, width = float(coarse[at]), math.radians(COARSE_DEG)
        if any(
            abs(math.remainder(delta - other.delta_rad, 2 * math.pi)) < APART_RAD for other in found
        ):
            continue
        for _ in range(2):
            grid = delta + np.linspace(-width, width, 41)
            delta, width = float(grid[np.argmin(fitted(grid)[0])]), width / 15.0
        total, y = fitted(np.array([delta]))
        level = _level_seen(rows, y[0])
        found.append(
            HeadingFit(
                float(total[0]), math.remainder(delta, 2 * math.pi), y[0], level * FORGETTING_S
            )
        )
    return sorted(found, key=lambda fit: fit.cost)[:2]


class _Rows(NamedTuple):
    """The frames of all steps, thinned out, as what the fit asks of them.

    An axis of the shank unit's earth, turned about the vertical by δ and seen by the thigh unit, is
    cos δ, sin δ and 1 times three vectors of that unit; three times three numbers for each of its
    products with the femur's long axis.
    """

    thigh: FloatArray
    """Columns of the thigh unit's axes in its earth (n, 3, 3)."""
    shank_z: FloatArray
    shank_y: FloatArray
    """Knee axis and shank's long axis in the shank unit's earth (n, 3)."""
    pose: tuple[FloatArray, FloatArray, FloatArray]
    """The means of these three over the start pose."""
    steps: int
    share: FloatArray
    """What each row counts (n,): all of a step together are one."""
    mean: FloatArray
    """The mean knee axis in the thigh unit (3, 3): its rows times cos δ, sin δ and 1, summed."""
    second: FloatArray
    """The mean products of the parts of that axis (3, 3, 3, 3), likewise."""
    along: FloatArray
    across: FloatArray
    """The shank's long axis in the thigh unit, and the knee axis × it, each (9, n), likewise."""

    @classmethod
    def of(cls, steps: Sequence[LegFrames], seen: Seen) -> _Rows:
        few = [step.rows(slice(None, None, max(1, len(step.time_s) // ROWS))) for step in steps]
        q_thigh, q_shank = (
            np.concatenate(q)
            for q in zip(*((one.q_thigh, one.q_shank) for one in few), strict=True)
        )
        counts = [len(one.time_s) for one in few]
        share = np.repeat([1.0 / count for count in counts], counts)
        z, y = (by_rows(rotate, q_shank, axis) for axis in (seen.z_shank, seen.y_shank))
        thigh = np.stack([by_rows(rotate, q_thigh, e) for e in np.eye(3)], axis=-1)
        axis, pose = _terms(z, thigh), slice(counts[0])
        weighed = axis * (share / len(few))[:, None]
        second = np.tensordot(weighed, axis, axes=(1, 1)).transpose(0, 2, 1, 3)
        along, across = _terms(y, thigh), _terms(np.cross(z, y), thigh)
        return cls(
            thigh,
            z,
            y,
            (thigh[pose].mean(axis=0), z[pose].mean(axis=0), y[pose].mean(axis=0)),
            len(few),
            share,
            weighed.sum(axis=1),
            second,
            *(term.transpose(0, 2, 1).reshape(9, -1) for term in (along, across)),
        )


def _terms(axis: FloatArray, thigh: FloatArray) -> FloatArray:
    """Return what cos δ, sin δ and 1 are multiplied by (3, n, 3) for an axis (n, 3) turned by δ."""
    x, y, z = axis.T[..., None]
    ahead, aside, up = thigh[:, 0], thigh[:, 1], thigh[:, 2]
    return np.stack((x * ahead + y * aside, x * aside - y * ahead, z * up))


def _weights(factors: FloatArray, rows: _Rows) -> FloatArray:
    """Return the matrices W (d, 3, 3) by which y·W·y says how far y is from across the hinge.

    `factors` are cos δ, sin δ and 1 (d, 3).
    """
    mean = factors @ rows.mean
    products = (factors[:, :, None] * factors[:, None, :]).reshape(-1, 9)
    spread = (products @ rows.second.reshape(9, 9)).reshape(-1, 3, 3)
    outer = mean[:, :, None] * mean[:, None, :]
    spread = rows.steps * (spread - outer)
    out: FloatArray = spread / PERPENDICULAR_SIGMA**2 + outer / SIGMA_SQUARE_RAD**2
    return out


def _long_axes(weights: FloatArray, y: FloatArray, across: FloatArray) -> FloatArray:
    """Return the femur's long axis (d, 3) that fits each heading best, near to `y`."""
    hessian = across @ weights @ across.T + np.eye(2) / SIGMA_LONG_AXIS_RAD**2
    off = np.linalg.solve(hessian, -(across @ weights @ y)[..., None])[..., 0]
    moved = y + off @ across
    out: FloatArray = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return out


def _off_nominal(delta: FloatArray, y: FloatArray, rows: _Rows, seen: Seen) -> FloatArray:
    """Return how far (d,) knee and femur's front are from the nominal start pose."""
    thigh, shank_z, shank_y = rows.pose
    thigh_y = y @ thigh.T
    off_knee = _knee_flexion(delta, thigh_y, shank_z, shank_y) - seen.knee_flexion_rad
    off_knee = (off_knee + np.pi) % (2 * np.pi) - np.pi
    c, s = np.cos(delta), np.sin(delta)
    front = thigh_y[:, 0] * (s * shank_z[0] + c * shank_z[1]) - thigh_y[:, 1] * (
        c * shank_z[0] - s * shank_z[1]
    )
    off_front = front - seen.front_up
    out: FloatArray = (off_knee / KNEE_PRIOR_SIGMA_RAD) ** 2 + (off_front / FRONT_PRIOR_SIGMA) ** 2
    return out


def _bent_forwards(factors: FloatArray, y: FloatArray, rows: _Rows) -> FloatArray:
    """Return how much (d,) a knee seems to bend forwards, which none does."""
    products = (factors[:, :, None] * y[:, None, :]).reshape(-1, 9)
    knee = np.arctan2(products @ rows.across, products @ rows.along)
    beyond = np.minimum(0.0, knee + STRAIGHT_RAD) / SIGMA_STRAIGHT_RAD
    out: FloatArray = beyond**2 @ rows.share
    return out


def _level_seen(rows: _Rows, y: FloatArray) -> float:
    """Return how much of gravity across femur and hinge shows a heading, 0.05…1."""
    femur_up, hinge_up = rows.thigh[:, 2] @ y, rows.shank_z[:, 2]
    seen = 1.0 - float(np.mean(femur_up) ** 2 + np.mean(hinge_up) ** 2)
    return max(seen, 0.05)


def heading_of_movement(y: FloatArray, z: FloatArray, shank_y: FloatArray) -> tuple[float, float]:
    """Return the turn δ (rad) of the shank unit's earth to the thigh unit's, and its weight in s.

    For a leg of which no start pose is known: δ keeps the hinge across the femur over all that was
    seen, and of the two that a hinge which never turns would allow, the knee bends backwards.

    Parameters
    ----------
    y, z, shank_y
        Femur long axis (n, 3) in the thigh unit's earth, knee axis and shank long axis (n, 3) in
        the shank unit's.
    """
    step = max(1, len(y) // SEEN_MAX)
    y, z, shank_y = y[::step], z[::step], shank_y[::step]

    def cost(delta: FloatArray) -> FloatArray:
        along = _along(delta, y, z)
        bent = np.stack([_knee_flexion(delta, *row) for row in zip(y, z, shank_y, strict=True)])
        wrong = np.minimum(bent, 0.0) / KNEE_PRIOR_SIGMA_RAD
        total: FloatArray = np.mean(along**2, axis=1) / PERPENDICULAR_SIGMA**2 + np.mean(
            wrong**2, axis=0
        )
        return total

    best, width = 0.0, np.pi
    for _ in range(5):
        grid = best + np.linspace(-width, width, 181)
        best, width = float(grid[np.argmin(cost(grid))]), width / 45.0
    seen = float(np.mean(np.maximum(0.0, 1.0 - y[:, 2] ** 2 - z[:, 2] ** 2)))
    return math.remainder(best, 2 * math.pi), max(seen, 0.05) * FORGETTING_S


def knee_on_the_way(
    pose: tuple[FloatArray, FloatArray, FloatArray],
    move: tuple[FloatArray, FloatArray],
    knee_flexion_rad: float,
    within_rad: float,
) -> float | None:
    """Return the knee flexion (rad) in the start pose that the way there shows, where it is wrong.

    Where the hinge is upright, gravity does not tell the knee's angle and `fit_headings` leans
    on the nominal one. The way there needs no such help where the hinge was level in part of it.

    Parameters
    ----------
    pose, move
        Over the start pose, in each unit's earth: femur long axis (n, 3) from the thigh unit, knee
        axis (n, 3) and shank long axis (n, 3) from the shank unit. `move` (m, 3) each is
        the way from the stand.
    knee_flexion_rad, within_rad
        The nominal start pose's, and how far from it a knee may be.

    Returns
    -------
    float or None
        None where a knee within that fits the way there about as well as any other.
    """
    y, z = move
    level = (1.0 - y[:, 2] ** 2) * (1.0 - z[:, 2] ** 2)
    if len(y) == 0 or not np.any(level > LEVEL_SEEN):
        return None
    delta = np.radians(np.arange(-180.0, 180.0))
    misfit = np.sqrt(_along(delta, y, z) ** 2 @ level / level.sum())
    knee = _knee_flexion(delta, *(axis.mean(axis=0) for axis in pose))
    allowed = np.cos(knee - knee_flexion_rad) >= math.cos(within_rad)
    best, within = misfit.min(), misfit[allowed].min(initial=np.inf)
    wrong = within > max(MISFIT_SEEN, MISFIT_RATIO * best)
    return float(knee[int(np.argmin(misfit))]) if wrong else None


def _along(delta: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
    """Return y·z (d, n) of axes (n, 3), the second one turned by every angle (d,)."""
    c, s = np.cos(delta)[:, None], np.sin(delta)[:, None]
    out: FloatArray = (
        y[:, 0] * (c * z[:, 0] - s * z[:, 1])
        + y[:, 1] * (s * z[:, 0] + c * z[:, 1])
        + y[:, 2] * z[:, 2]
    )
    return out


def _knee_flexion(
    delta: FloatArray, y: FloatArray, z: FloatArray, shank_y: FloatArray
) -> FloatArray:
    """Return the knee's flexion (...,) of y (..., 3), and of z and shank_y turned by δ."""
    c, s = np.cos(delta), np.sin(delta)

    def turned(v: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        vx, vy, vz = v[..., 0], v[..., 1], v[..., 2]
        return c * vx - s * vy, s * vx + c * vy, vz

    (lx, ly, lz), (zx, zy, zz) = turned(shank_y), turned(z)
    yx, yy, yz = y[..., 0], y[..., 1], y[..., 2]
    across = lx * (yy * zz - yz * zy) + ly * (yz * zx - yx * zz) + lz * (yx * zy - yy * zx)
    angle: FloatArray = np.arctan2(across, lx * yx + ly * yy + lz * yz)
    return angle


def hinge_consistency(y: FloatArray, z: FloatArray, delta_rad: float) -> float | None:
    """Return R̄ in 0…1, how well one heading fits all of a movement; None where nothing shows it.

    Of the two headings that keep the knee axis z (n, 3) across the femur's long axis y (n, 3), each
    in its unit's earth, the one nearer to `delta_rad` counts, weighted as `HingeHeading` does.
    """
    level = level_share(xyz(y), xyz(z))
    used = level > WEIGHT_MIN * WEIGHT_MIN
    if np.count_nonzero(used) < len(y) / 4:
        return None
    level, seen_y, seen_z = level[used], xyz(y[used]), xyz(z[used])
    opening = hinge_opening(seen_y, seen_z, ARRAYS)
    apart = np.arctan2(seen_y[1], seen_y[0]) - np.arctan2(seen_z[1], seen_z[0])
    roots = apart + np.array([[1.0], [-1.0]]) * opening
    nearer = np.max(np.cos(roots - delta_rad), axis=0)
    return float(np.sum(level * nearer) / np.sum(level))
