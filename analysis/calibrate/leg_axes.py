"""What a wearer did to calibrate, and the segment axes that it gives in the units."""

from __future__ import annotations

import math
from dataclasses import dataclass

from analysis.calibrate.checks import Check
from analysis.calibrate.knee_axis import find_hinge
from analysis.calibrate.long_axes import axes_from_pose, axes_from_stand, carried_femur, check_still
from analysis.calibrate.start_heading import heading_from_pose
from analysis.exercises import Exercise, nominal_up
from analysis.leg import LegFrames
from imu.quaternion import by_rows, rotate
from imu.sample import FloatArray, Side

HEADING_ROUNDS = 2
"""The knee axis gives the heading, the heading a better knee axis; two rounds settle both."""


@dataclass(frozen=True, slots=True)
class Steps:
    """What the wearer did: the frames of each step."""

    stand: LegFrames | None
    pose: LegFrames
    bends: LegFrames
    move: LegFrames
    """From the stand to the start pose."""
    exercise: Exercise
    side: Side


@dataclass(frozen=True, slots=True)
class SegmentAxes:
    """Segment axes in the units; the fields of the same names in `LegCalibration`."""

    y_thigh: FloatArray | None
    y_shank: FloatArray
    z_shank: FloatArray
    y_femur_in_shank: FloatArray | None
    sigma_rad: float


def find_axes(steps: Steps, *, extends: bool) -> tuple[SegmentAxes | None, list[Check]]:
    """Return the segment axes, None where they cannot be told, and every figure they rest on."""
    if steps.stand is None:
        return _axes_without_stand(steps, extends=extends)
    return _axes_with_stand(steps, steps.stand, extends=extends)


def _axes_with_stand(
    steps: Steps, stand: LegFrames, *, extends: bool
) -> tuple[SegmentAxes | None, list[Check]]:
    pose, worn = steps.pose, steps.pose.thigh_worn
    in_stand, in_pose = (stand.q_thigh, stand.q_shank), (pose.q_thigh, pose.q_shank)
    y_thigh, y_shank, fit = axes_from_stand(in_stand, in_pose, steps.exercise, steps.side)
    z_shank, sigma, figures = _hinge(steps, extends=extends)
    for _ in range(HEADING_ROUNDS if worn else 0):
        if z_shank is not None:
            # the common heading shows what the thigh itself moved, and that is taken off
            heading, _ = common_heading(steps, (y_thigh, y_shank, z_shank))
            z_shank, sigma, figures = _hinge(steps, heading, extends=extends)
    checks = [*figures, still_check(stand, "stand"), *(fit if worn else fit[1:])]
    if z_shank is None:
        return None, checks
    if worn:
        return SegmentAxes(y_thigh, y_shank, z_shank, None, sigma), checks
    carried = carried_femur(y_shank, z_shank, steps.exercise)
    return SegmentAxes(None, y_shank, z_shank, carried, sigma), checks


def _axes_without_stand(steps: Steps, *, extends: bool) -> tuple[SegmentAxes | None, list[Check]]:
    pose = steps.pose
    z_shank, sigma, checks = _hinge(steps, extends=extends)
    if z_shank is None:
        return None, checks
    found, check = axes_from_pose(
        (pose.q_thigh, pose.q_shank), z_shank, steps.exercise, steps.side, worn=pose.thigh_worn
    )
    checks.append(check)
    if found is None:
        return None, checks
    y_thigh, y_shank, y_carried, sigma_y = found
    return SegmentAxes(y_thigh, y_shank, z_shank, y_carried, math.hypot(sigma, sigma_y)), checks


def _hinge(
    steps: Steps, heading_rad: float | None = None, *, extends: bool
) -> tuple[FloatArray | None, float, list[Check]]:
    bends = steps.bends
    return find_hinge(
        bends.time_s, bends.q_thigh, bends.q_shank, extends=extends, heading_rad=heading_rad
    )


def common_heading(
    steps: Steps, axes: tuple[FloatArray, FloatArray, FloatArray]
) -> tuple[float, float]:
    """Return the turn of the shank unit's earth to the thigh unit's, and its weight in seconds."""
    y_thigh, y_shank, z_shank = axes
    pose, bends, move = steps.pose, steps.bends, steps.move
    return heading_from_pose(
        (
            turned(pose.q_thigh, y_thigh),
            turned(pose.q_shank, z_shank),
            turned(pose.q_shank, y_shank),
        ),
        [(turned(m.q_thigh, y_thigh), turned(m.q_shank, z_shank)) for m in (bends, move)],
        math.radians(steps.exercise.pose.knee_flexion_deg),
        float(nominal_up(steps.exercise, steps.side)[0][0]),
    )


def still_check(part: LegFrames, during: str) -> Check:
    """Return the check that a leg kept still during a step."""
    seconds = float(part.time_s[-1] - part.time_s[0])
    return check_still(part.q_thigh, part.q_shank, seconds, during)


def turned(q: FloatArray, axis: FloatArray) -> FloatArray:
    """Return an axis (3,) of a unit in its earth, by its orientations (n, 4), shape (n, 3)."""
    return by_rows(rotate, q, axis)
