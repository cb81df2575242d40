"""What a wearer did to calibrate, and the segment axes that it gives in the units."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from analysis.calibrate.checks import Check
from analysis.calibrate.elevations import (
    SIGMA_POSE_SHANK_RAD,
    SIGMA_POSE_THIGH_RAD,
    Leg,
    weighed,
)
from analysis.calibrate.knee_axis import Hinge, find_hinge
from analysis.calibrate.long_axes import axes_from_pose, axes_from_stand, carried_femur, check_still
from analysis.calibrate.start_heading import HeadingFit, Seen, fit_headings
from analysis.exercises import Exercise, nominal_up
from analysis.leg import LegFrames
from imu.quaternion import by_rows, rotate
from imu.sample import FloatArray, Side

SHARE_SCALE = 0.02
"""So much less of the bends about one axis weighs as much as one standard deviation."""
SIGMA_ABSOLUTE_RAD = math.radians(2.0)
"""How far a knee axis from bends is turned about the shank on people; bends that agree with each
other do not show it, and an absolute angle has it in full."""
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

    @property
    def still_s(self) -> float:
        """Return the longest stillness (s) that was asked for and kept."""
        kept = (self.pose,) if self.stand is None else (self.stand, self.pose)
        return max(float(part.time_s[-1] - part.time_s[0]) for part in kept)


@dataclass(frozen=True, slots=True)
class SegmentAxes:
    """Segment axes in the units; the fields of the same names in `LegCalibration`."""

    y_thigh: FloatArray | None
    y_shank: FloatArray
    z_shank: FloatArray
    y_femur_in_shank: FloatArray | None
    sigma_rad: float
    heading_rad: float = 0.0
    heading_weight_s: float = 0.0
    sigma_thigh_elevation_rad: float | None = None
    sigma_knee_flexion_rad: float | None = None


def find_axes(steps: Steps, *, extends: bool) -> tuple[SegmentAxes | None, list[Check]]:
    """Return the segment axes, None where they cannot be found, and every figure they rest on."""
    if steps.stand is None:
        return _axes_without_stand(steps, extends=extends)
    return _axes_with_stand(steps, steps.stand, extends=extends)


def _axes_with_stand(
    steps: Steps, stand: LegFrames, *, extends: bool
) -> tuple[SegmentAxes | None, list[Check]]:
    pose, worn = steps.pose, steps.pose.thigh_worn
    in_stand, in_pose = (stand.q_thigh, stand.q_shank), (pose.q_thigh, pose.q_shank)
    y_thigh, y_shank, fit = axes_from_stand(in_stand, in_pose, steps.exercise, steps.side)
    hinge = _hinge(steps, extends=extends)
    found = None
    if worn and hinge.axis is not None:
        found, hinge = _best(steps, (y_thigh, y_shank), hinge, extends=extends)
    checks = [*hinge.checks, still_check(stand, "stand"), *(fit if worn else fit[1:])]
    if hinge.axis is None:
        return None, checks
    if found is None:
        carried = carried_femur(y_shank, hinge.axis, steps.exercise)
        return SegmentAxes(None, y_shank, hinge.axis, carried, hinge.sigma_rad), checks
    leg = Leg(found.y_thigh, y_shank, hinge.axis, found.delta_rad)
    sigma = absolute_sigma(hinge.sigma_rad, steps.exercise)
    long_axes = weighed(leg, stand, pose, steps.exercise, steps.side, sigma)
    return SegmentAxes(
        long_axes.y_thigh,
        long_axes.y_shank,
        hinge.axis,
        None,
        hinge.sigma_rad,
        found.delta_rad,
        found.weight_s,
        long_axes.sigma_thigh_elevation_rad,
        long_axes.sigma_knee_flexion_rad,
    ), checks


def _best(
    steps: Steps, long_axes: tuple[FloatArray, FloatArray], hinge: Hinge, *, extends: bool
) -> tuple[HeadingFit | None, Hinge]:
    """Return the heading that fits best with its own knee axis, and that axis.

    The common heading shows what the thigh itself moved, and that is taken off the bends. A leg and
    its mirror image fit the start pose alike; the bends, each with its own axis, do not.
    """
    assert hinge.axis is not None  # noqa: S101 (asked before)
    tried: list[tuple[float, HeadingFit, Hinge]] = []
    for first in _fits(steps, long_axes, hinge.axis):
        fit, own = first, hinge
        for _ in range(HEADING_ROUNDS):
            own = _hinge(steps, fit.delta_rad, extends=extends)
            if own.axis is None:
                break
            fits = _fits(steps, long_axes, own.axis)
            fit = max(fits, key=lambda near: math.cos(near.delta_rad - first.delta_rad))
        if own.axis is not None:
            tried.append((fit.cost + (1.0 - own.share) / SHARE_SCALE, fit, own))
    if not tried:
        return None, _hinge(steps, extends=extends)._replace(axis=None)
    _, fit, own = min(tried, key=lambda one: one[0])
    return fit, own


def _axes_without_stand(steps: Steps, *, extends: bool) -> tuple[SegmentAxes | None, list[Check]]:
    pose = steps.pose
    z_shank, sigma, _, checks = _hinge(steps, extends=extends)
    if z_shank is None:
        return None, checks
    found, check = axes_from_pose(
        (pose.q_thigh, pose.q_shank), z_shank, steps.exercise, steps.side, worn=pose.thigh_worn
    )
    checks.append(check)
    if found is None:
        return None, checks
    y_thigh, y_shank, y_carried, sigma_y = found
    axes = SegmentAxes(y_thigh, y_shank, z_shank, y_carried, math.hypot(sigma, sigma_y))
    if y_thigh is None:
        return axes, checks
    return replace(
        with_heading(steps, axes),
        sigma_thigh_elevation_rad=SIGMA_POSE_THIGH_RAD,
        sigma_knee_flexion_rad=math.hypot(SIGMA_POSE_THIGH_RAD, SIGMA_POSE_SHANK_RAD),
    ), checks


def with_heading(steps: Steps, axes: SegmentAxes) -> SegmentAxes:
    """Return axes of two units with the common heading that the steps show best."""
    if axes.y_thigh is None:
        return axes
    fit = _fits(steps, (axes.y_thigh, axes.y_shank), axes.z_shank)[0]
    return replace(axes, heading_rad=fit.delta_rad, heading_weight_s=fit.weight_s)


def absolute_sigma(sigma_rad: float, exercise: Exercise) -> float:
    """Return the 1 σ (rad) that the axes give an angle, from that of the knee axis by its bends.

    Where the zero is the inclinometer's, how far a person's knee axis is off counts in full.
    """
    absolute = exercise.zero == "absolute"
    return math.hypot(sigma_rad, SIGMA_ABSOLUTE_RAD) if absolute else sigma_rad


def _hinge(steps: Steps, heading_rad: float | None = None, *, extends: bool) -> Hinge:
    bends = steps.bends
    return find_hinge(
        bends.time_s, bends.q_thigh, bends.q_shank, extends=extends, heading_rad=heading_rad
    )


def _fits(
    steps: Steps, long_axes: tuple[FloatArray, FloatArray], z_shank: FloatArray
) -> list[HeadingFit]:
    stand = () if steps.stand is None else (steps.stand,)
    return fit_headings(
        Seen(
            steps.pose,
            (steps.bends, steps.move, *stand),
            *long_axes,
            z_shank,
            math.radians(steps.exercise.pose.knee_flexion_deg),
            float(nominal_up(steps.exercise, steps.side)[0][0]),
        )
    )


def still_check(part: LegFrames, during: str) -> Check:
    """Return the check that a leg kept still during a step."""
    seconds = float(part.time_s[-1] - part.time_s[0])
    tilt_rad = part.mounts.tilt_sigma_rad
    return check_still(
        part.q_thigh, part.q_shank, seconds, during, tilt_rad, thigh_worn=part.thigh_worn
    )


def turned(q: FloatArray, axis: FloatArray) -> FloatArray:
    """Return an axis (3,) of a unit in its earth, by its orientations (n, 4), shape (n, 3)."""
    return by_rows(rotate, q, axis)
