"""The knee as a hinge: its axis in the shank unit, from the way the unit turns in knee bends.

Angular velocity comes from differences of orientations, so that any unit that sends orientations
serves. The axis is the first principal axis of the shank's angular velocity, its sign such that
straightening the knee is positive: then it points to the wearer's right on either leg.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analysis.calibrate.checks import Check, at_least, at_most, share_at_most
from analysis.grade.metrics import smoothed
from imu.quaternion import ARRAYS, by_rows, conjugate, multiply, rotate, rotation_vector
from imu.sample import FloatArray

BEND_SPEED_RAD_S = math.radians(20.0)  # slower samples say more about sway than about the hinge
MOVING_MIN = 20
"""Fewer moving samples than this are no knee bends."""
EIGENVALUE_RATIO_MIN = 0.95
"""Share of the turning about one axis: loose straps and hip rotation stay below it."""
SPLIT_HALF_MAX_RAD = math.radians(5.0)
"""Halves that differ more do not show one axis; recordings of people gave 0.6 to 11.3°."""
SIGMA_MIN_RAD = math.radians(0.2)
"""Two halves that agree by chance do not make an axis better known than this."""
BENDS_MIN = 3
"""Fewer cannot be split in two halves that both contain a whole bend."""
BEND_SIZE_RAD = math.radians(25.0)
"""A bend that goes this far and back counts: well above sway, within reach of a stiff knee."""
THIGH_SHARE_MAX = 0.35
"""A thigh that turns more than this share of the shank is not standing by while the knee bends."""
COUNTER_TURN_MAX = 0.3
"""Share of the bend that the thigh may do. A free leg's shank does the bending (0 seated, 0.2 the
rear leg of a lunge); over a foot that stays put the thigh does half and more of it (0.4 the front
leg of a lunge, 0.7 a squat), and what its skin and its heading are off goes into the axis."""
BEND_SMOOTHING_S = 0.15
"""1 σ of the smoothing of velocities: knocks of a foot and shaking flesh are faster than a bend."""


def angular_velocity(time_s: FloatArray, q: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return midpoints (m,), and angular velocities (m, 3) in rad/s in the sensor frame.

    Steps over a gap are left out.
    """
    dt, regular = np.diff(time_s), regular_steps(time_s)
    return (time_s[:-1] + dt / 2)[regular], (_turns(q) / dt[:, None])[regular]


def _turns(q: FloatArray) -> FloatArray:
    """Return the turn of each step (n − 1, 3), rad, in the sensor frame."""
    out: FloatArray = by_rows(
        rotation_vector, by_rows(multiply, by_rows(conjugate, q[:-1]), q[1:]), of=ARRAYS
    )
    return out


def regular_steps(time_s: FloatArray) -> npt.NDArray[np.bool_]:
    """Say which steps (n − 1,) from one instant to the next leap over no gap."""
    dt = np.diff(time_s)
    regular: npt.NDArray[np.bool_] = (dt > 0) & (dt < 2.5 * np.median(dt))
    return regular


def turned_about(axis: FloatArray, q: FloatArray) -> FloatArray:
    """Return how far (n,) in rad a sensor has turned about its own axis (3,) since the first."""
    return _added_up(_turns(q), axis)


def _added_up(turns: FloatArray, axis: FloatArray) -> FloatArray:
    """Return how far (n,) turns (n − 1, 3) have gone about an axis (3,) since the first."""
    return np.concatenate(([0.0], np.cumsum(turns @ axis)))


def principal_axis(omega: FloatArray) -> tuple[FloatArray, float]:
    """Return the principal axis (3,) of angular velocities (n, 3) and its eigenvalue share."""
    values, vectors = np.linalg.eigh(omega.T @ omega)
    return vectors[:, -1], float(values[-1] / max(values.sum(), 1e-12))


def thigh_share(thigh: FloatArray, shank: FloatArray) -> float:
    """Return how far the thigh unit turned as a share of the shank unit, from velocities (n, 3)."""
    turned = float(np.sum(np.linalg.norm(thigh, axis=1)))
    return turned / max(float(np.sum(np.linalg.norm(shank, axis=1))), 1e-12)


def count_bends(angle: FloatArray, size_rad: float = BEND_SIZE_RAD) -> int:
    """Return how often an angle (n,) rises by a size above where it was and comes half way back."""
    bends, away, bottom, top = 0, False, 0.0, 0.0
    for value in np.abs(angle - angle[0]).tolist():
        if away:
            top = max(top, value)
            if value < (bottom + top) / 2:
                away, bends, bottom = False, bends + 1, value
        else:
            bottom = min(bottom, value)
            if value > bottom + size_rad:
                away, top = True, value
    return bends


def _knee_turns(q_thigh: FloatArray, q_shank: FloatArray, heading_rad: float) -> FloatArray:
    """Return the shank's turn against the thigh in each step (n − 1, 3), rad, in the shank unit.

    `heading_rad` turns the shank unit's earth to the thigh unit's.
    """
    c, s = math.cos(heading_rad), math.sin(heading_rad)
    in_earth = by_rows(rotate, q_thigh[:-1], _turns(q_thigh))
    in_shanks_earth = in_earth @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    out: FloatArray = _turns(q_shank) - by_rows(
        rotate, by_rows(conjugate, q_shank[:-1]), in_shanks_earth
    )
    return out


def knee_velocity(
    time_s: FloatArray, q_thigh: FloatArray, q_shank: FloatArray, heading_rad: float
) -> FloatArray:
    """Return the shank's angular velocity against the thigh (m, 3) in rad/s, in the shank unit.

    `heading_rad` turns the shank unit's earth to the thigh unit's. Steps over a gap are left out.
    """
    turns = _knee_turns(q_thigh, q_shank, heading_rad)
    out: FloatArray = (turns / np.diff(time_s)[:, None])[regular_steps(time_s)]
    return out


class Hinge(NamedTuple):
    """The knee's axis as bends show it."""

    axis: FloatArray | None
    """In the shank unit (3,); None when the knee did not move."""
    sigma_rad: float
    share: float
    """How much of the knee's turn is about the axis, 0…1."""
    checks: list[Check]
    """The figures it rests on."""


def without_knocks(time_s: FloatArray, velocity: FloatArray) -> FloatArray:
    """Return angular velocities (m, 3) without what is faster than a knee bends."""
    rows = BEND_SMOOTHING_S / float(np.median(np.diff(time_s)))
    return np.stack([smoothed(part, rows) for part in velocity.T], axis=1)


def counter_turn(knee: FloatArray, thigh: FloatArray, axis: FloatArray) -> float:
    """Return the share of the knee's turn that the thigh did, by velocities (n, 3) and axis (3,).

    `knee` is the shank's velocity against the thigh, `thigh` the thigh's own, both in the shank.
    """
    bend = knee @ axis
    return abs(float((thigh @ axis) @ bend)) / max(float(bend @ bend), 1e-12)


def find_hinge(
    time_s: FloatArray,
    q_thigh: FloatArray,
    q_shank: FloatArray,
    *,
    extends: bool,
    heading_rad: float | None = None,
) -> Hinge:
    """Return the knee axis in the shank unit, its 1 σ and the figures it rests on.

    Parameters
    ----------
    time_s, q_thigh, q_shank
        The knee bends: seconds (n,) and orientations (n, 4) of both units, without gaps of NaN.
    extends
        Whether the bends begin by straightening the knee: from a bent start pose.
    heading_rad
        The turn that brings the shank unit's earth to the thigh unit's, where it is known: then
        what the thigh moved is taken off, else it counts as the knee's.
    """
    _, shank = angular_velocity(time_s, q_shank)
    turns, knee = _turns(q_shank), shank
    if heading_rad is not None:
        turns = _knee_turns(q_thigh, q_shank, heading_rad)
        knee = knee_velocity(time_s, q_thigh, q_shank, heading_rad)
    if len(knee) < MOVING_MIN:
        return _idle()
    slow, slow_shank = without_knocks(time_s, knee), without_knocks(time_s, shank)
    moving = np.linalg.norm(knee, axis=1) > BEND_SPEED_RAD_S
    fast = slow[moving]
    if len(fast) < MOVING_MIN:
        return _idle()
    axis, share = principal_axis(fast)
    halves = [principal_axis(half)[0] for half in np.array_split(fast, 2)]
    split = math.acos(min(1.0, abs(float(halves[0] @ halves[1]))))
    angle = _added_up(turns, axis)  # over gaps too, in which the knee goes on
    if (float(np.mean(angle)) > 0.0) != extends:
        axis, angle = -axis, -angle
    if heading_rad is None:
        thigh = without_knocks(time_s, angular_velocity(time_s, q_thigh)[1])
        thighs = share_at_most(
            "thigh share", thigh_share(thigh[moving], fast), THIGH_SHARE_MAX, "thigh moves"
        )
    else:
        turned = counter_turn(fast, (slow_shank - slow)[moving], axis)
        thighs = share_at_most("thigh share", turned, COUNTER_TURN_MAX, "thigh moves")
    checks = [
        at_least("knee bends", count_bends(angle), BENDS_MIN, "few bends"),
        thighs,
        at_least("hinge eigenvalue ratio", share, EIGENVALUE_RATIO_MIN, "two axes"),
        at_most("hinge split-half angle", split, SPLIT_HALF_MAX_RAD, "axis moved"),
    ]
    # half the split is the standard error of the mean of two halves
    return Hinge(axis, max(split / 2.0, SIGMA_MIN_RAD), share, checks)


def _idle() -> Hinge:
    return Hinge(None, math.inf, 0.0, [at_least("knee bends", 0, BENDS_MIN, "shank idle")])
