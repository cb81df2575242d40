"""The common heading of thigh and shank in the start pose, from gravity and the way there.

The knee axis, seen by the shank unit, is perpendicular to the femur's long axis, seen by the thigh
unit; only one turn about the vertical between their earths makes it so, wherever the hinge is not
upright (Laidig, Lehmann, Bégin, Seel 2019). The pose, the bends and the way from standing are
asked; where the hinge stayed upright, the nominal pose stands in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from analysis.angle.hinge_heading import FORGETTING_S, WEIGHT_MIN, hinge_opening, level_share
from imu.quaternion import ARRAYS, xyz
from imu.sample import FloatArray

PERPENDICULAR_SIGMA = 0.05
"""How far from perpendicular two calibrated axes are in one pose, as a sine: about 3°."""
KNEE_PRIOR_SIGMA_RAD = math.radians(15.0)
"""How far a wearer's start pose is from the nominal knee angle."""
FRONT_PRIOR_SIGMA = 0.25
"""How far from the nominal one the share of the femur's front that faces up is: 15° of flexion."""
LEVEL_SEEN = 0.1
"""Share of gravity across both axes that a way must have somewhere to show a heading."""
MISFIT_SEEN, MISFIT_RATIO = 0.01, 1.45
"""How badly allowed knees must fit (a sine), also beside the best one, for that to say so."""


def heading_from_pose(
    pose: tuple[FloatArray, FloatArray, FloatArray],
    moves: Sequence[tuple[FloatArray, FloatArray]],
    knee_flexion_rad: float,
    front_up: float,
) -> tuple[float, float]:
    """Return the turn δ (rad) of the shank unit's earth to the thigh unit's, and its weight in s.

    Parameters
    ----------
    pose
        Over the start pose, in each unit's earth: femur long axis (n, 3) from the thigh unit, knee
        axis (n, 3) and shank long axis (n, 3) from the shank unit.
    moves
        Femur long axis and knee axis (m, 3) over the bends, and on the way from standing, where
        nearly every movement shows what a start pose with its hinge upright does not.
    knee_flexion_rad, front_up
        The nominal start pose's knee, and how much of its femur's front faces up: they tell the two
        solutions apart and stand in where gravity shows neither.
    """
    thigh_y, shank_z, shank_y = (axis.mean(axis=0) for axis in pose)
    parts = [
        (y[:: max(1, len(y) // 50)], z[:: max(1, len(y) // 50)]) for y, z in (pose[:2], *moves)
    ]
    ys, zs = (np.concatenate(axes) for axes in zip(*parts, strict=True))

    def cost(delta: FloatArray) -> FloatArray:
        along = _along(delta, ys, zs)
        off_knee = _knee_flexion(delta, thigh_y, shank_z, shank_y) - knee_flexion_rad
        off_knee = (off_knee + np.pi) % (2 * np.pi) - np.pi
        c, s = np.cos(delta), np.sin(delta)
        front = thigh_y[0] * (s * shank_z[0] + c * shank_z[1]) - thigh_y[1] * (
            c * shank_z[0] - s * shank_z[1]
        )
        total: FloatArray = (
            np.mean(along**2, axis=1) / PERPENDICULAR_SIGMA**2
            + (off_knee / KNEE_PRIOR_SIGMA_RAD) ** 2
            + ((front - front_up) / FRONT_PRIOR_SIGMA) ** 2
        )
        return total

    best, width = 0.0, np.pi
    for _ in range(5):  # coarse to fine; the cost has at most two valleys, apart by far more
        grid = best + np.linspace(-width, width, 181)
        best, width = float(grid[np.argmin(cost(grid))]), width / 45.0
    seen = max(0.0, 1.0 - float(np.mean(ys[:, 2]) ** 2 + np.mean(zs[:, 2]) ** 2))
    return math.remainder(best, 2 * math.pi), max(seen, 0.05) * FORGETTING_S


def knee_on_the_way(
    pose: tuple[FloatArray, FloatArray, FloatArray],
    move: tuple[FloatArray, FloatArray],
    knee_flexion_rad: float,
    within_rad: float,
) -> float | None:
    """Return the knee flexion (rad) in the start pose that the way there shows, where it is wrong.

    Where the hinge is upright, gravity does not tell the knee's angle and `heading_from_pose` leans
    on the nominal one. The way there needs no such help where the hinge was level in part of it.

    Parameters
    ----------
    pose, move
        As `heading_from_pose` takes them; `move` (m, 3) each is the way from the stand.
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
    c, s = np.cos(delta), np.sin(delta)

    def turned(v: FloatArray) -> FloatArray:
        return np.stack(
            (c * v[0] - s * v[1], s * v[0] + c * v[1], np.full_like(delta, v[2])), axis=-1
        )

    x = np.cross(y, turned(z))
    long_axis = turned(shank_y)
    angle: FloatArray = np.arctan2(np.sum(long_axis * x, axis=-1), long_axis @ y)
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
