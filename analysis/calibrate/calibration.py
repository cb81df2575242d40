"""Sensor to segment: from a stand, a start pose and a few knee bends to a leg that can be measured.

Segment axes, both legs alike (ISB; Wu et al. 2002): y from knee to hip, z along the knee axis to
the wearer's right, x = y × z forwards. A still stand gives y of both units
(`analysis.calibrate.long_axes`), the bends give z of the shank (`analysis.calibrate.knee_axis`),
the start pose gives zero, posture and the common heading of the two units. Every step has a figure,
a limit and a remedy (`analysis.calibrate.checks`); what fails refuses the angle instead of bending
it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from analysis.angle.uncertainty import sigma_drift
from analysis.calibrate.checks import Check, at_most, not_found
from analysis.calibrate.leg_axes import (
    SegmentAxes,
    Steps,
    absolute_sigma,
    find_axes,
    still_check,
    turned,
)
from analysis.calibrate.long_axes import angle_between, mean_up, pelvis_of, segment_axes, unit
from analysis.calibrate.pelvis_unit import find_pelvis_unit
from analysis.calibrate.start_checks import (
    bends_forwards,
    front_check,
    hinge_check,
    knee_check,
    mount_checks,
    shank_check,
)
from analysis.exercises import Exercise, rotation_about
from analysis.leg import ANY_MOUNTS, LegCalibration, LegFrames, Mounts, Windows
from imu.quaternion import Vector, by_rows, conjugate, rotate
from imu.sample import FloatArray, Side

__all__ = [
    "ANY_MOUNTS",
    "CalibrationResult",
    "LegCalibration",
    "LegFrames",
    "Mounts",
    "Windows",
    "calibrate",
]

FRAMES_MIN = 10
"""A window with fewer frames shows nothing."""
HINGE_TO_SHANK_MAX_RAD = math.radians(20.0)
"""A knee axis further from square to the shank belongs to another movement than a knee bend."""
STRAIGHT_KNEE_RAD = math.radians(45.0)
"""A knee bent less than this in the start pose is bent by the knee bends, not straightened."""
MOVE_MAX_S = 20.0
"""Headings drift: what is longer ago says nothing about the heading in the start pose."""


@dataclass(frozen=True, slots=True)
class CalibrationResult:
    """The calibration, or None with the checks that refused it."""

    calibration: LegCalibration | None
    checks: tuple[Check, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return what to tell the wearer: every failed check and every warning."""
        return tuple(check.sentence for check in self.checks if check.sentence)


@dataclass(frozen=True, slots=True)
class _Attempt:
    leg: LegCalibration | None
    checks: list[Check]
    flipped: bool = False
    """Whether the knee would bend forwards, so that its axis has the other sign."""


def calibrate(
    frames: LegFrames, windows: Windows, exercise: Exercise, side: Side
) -> CalibrationResult:
    """Calibrate one leg from the windows the wearer stood, posed and bent in.

    Never raises for poor data: the result then holds no calibration and says why.
    """
    silent = _silent(frames)
    if silent:
        checks = [not_found(f"{name} unit heard", "silent", segment=name) for name in silent]
        return CalibrationResult(None, tuple(checks))
    result = _calibrate(frames, windows, exercise, side)
    if result.calibration is None and frames.thigh_worn:
        exchanged = replace(frames, q_thigh=frames.q_shank, q_shank=frames.q_thigh)
        if _calibrate(exchanged, windows, exercise, side).calibration is not None:
            return CalibrationResult(None, (not_found("units in place", "swapped"),))
    return result


def _silent(frames: LegFrames) -> list[str]:
    """Return which units that are worn sent nothing at all; none of a recording without frames."""
    units = {"thigh": frames.q_thigh} if frames.thigh_worn else {}
    units["shank"] = frames.q_shank
    return [name for name, q in units.items() if len(q) and np.isnan(q[:, 0]).all()]


def _calibrate(
    frames: LegFrames, windows: Windows, exercise: Exercise, side: Side
) -> CalibrationResult:
    stand, pose, bends = (
        _part(frames, window) for window in (windows.stand, windows.pose, windows.bends)
    )
    if pose is None or bends is None:
        missing = (("start pose", pose, "no pose"), ("knee bends", bends, "no bends"))
        checks = tuple(not_found(name, remedy) for name, part, remedy in missing if part is None)
        return CalibrationResult(None, checks)
    steps = Steps(stand, pose, bends, _move(frames, windows), exercise, side)
    bent = math.radians(exercise.pose.knee_flexion_deg) >= STRAIGHT_KNEE_RAD
    extends = bent and not exercise.pose.bends_standing
    tried = _attempt(steps, windows.end_s, extends=extends)
    if tried.flipped:  # the knee was first bent the other way
        tried = _attempt(steps, windows.end_s, extends=not extends)
    leg, more = tried.leg, tuple(tried.checks)
    if not all(check.passed for check in more):
        return CalibrationResult(None, more)
    if leg is not None and frames.q_pelvis is not None:
        leg, check = _with_pelvis(leg, frames, windows, exercise)
        more = (*more, check)
    return CalibrationResult(leg, more)


def _move(frames: LegFrames, windows: Windows) -> LegFrames:
    """Return the frames between the stand and the start pose; none without a stand."""
    if windows.stand is None or windows.pose is None:
        return frames.rows(slice(0, 0))
    begin_s = max(windows.stand[1], windows.pose[0] - MOVE_MAX_S)
    return frames.between((begin_s, windows.pose[0]))


def _part(frames: LegFrames, window: tuple[float, float] | None) -> LegFrames | None:
    part = frames.between(window) if window else None
    return part if part is not None and len(part.time_s) >= FRAMES_MIN else None


def _attempt(steps: Steps, ready_s: float, *, extends: bool) -> _Attempt:
    """Calibrate with the knee's first bend taken for an extension, or for a flexion."""
    axes, checks = find_axes(steps, extends=extends)
    checks.append(still_check(steps.pose, "start pose"))
    if axes is None:
        return _Attempt(None, checks)
    off = abs(angle_between(axes.z_shank, axes.y_shank) - math.pi / 2)
    checks.append(at_most("hinge against shank", off, HINGE_TO_SHANK_MAX_RAD, "hinge across"))
    checks += mount_checks(steps, axes)
    if not all(check.passed for check in checks):
        return _Attempt(None, checks)
    leg, femur = finish_leg(steps, axes, ready_s)
    more = [
        *hinge_check(steps, axes, leg),
        *knee_check(steps, axes),
        *shank_check(steps, axes),
        front_check(steps, leg, femur),
    ]
    return _Attempt(leg, [*checks, *more], bends_forwards(leg))


def finish_leg(
    steps: Steps, axes: SegmentAxes, ready_s: float
) -> tuple[LegCalibration, FloatArray]:
    """Return the calibration and the femur (columns x, y, z) in the start pose."""
    pose, exercise, side = steps.pose, steps.exercise, steps.side
    shank_z, shank_y = turned(pose.q_shank, axes.z_shank), turned(pose.q_shank, axes.y_shank)
    heading, weight, z_thigh = 0.0, 0.0, None
    if axes.y_thigh is None:
        assert axes.y_femur_in_shank is not None  # noqa: S101 (one of the two is always there)
        femur_y = turned(pose.q_shank, axes.y_femur_in_shank)
        femur = segment_axes(femur_y.mean(axis=0), shank_z.mean(axis=0))
    else:
        heading, weight = axes.heading_rad, axes.heading_weight_s
        femur_y = turned(pose.q_thigh, axes.y_thigh) @ rotation_about(2, -heading).T
        femur = segment_axes(femur_y.mean(axis=0), shank_z.mean(axis=0))
        z_thigh = _in_thigh(pose.q_thigh, axes.y_thigh, rotation_about(2, heading) @ femur[:, 2])
    pelvis = pelvis_of(exercise, side, femur)
    start = _raw_rotation(exercise, side, femur, pelvis)
    zero = start if exercise.zero_rad is None else exercise.zero_rad
    shank_mean = unit(shank_y.mean(axis=0))
    leg = LegCalibration(
        side=side,
        exercise=exercise.id,
        ready_s=ready_s,
        zeroed_s=float(pose.time_s[-1]),
        y_thigh=None if axes.y_thigh is None else _vector(axes.y_thigh),
        y_shank=_vector(axes.y_shank),
        z_shank=_vector(axes.z_shank),
        y_femur_in_shank=(
            None if axes.y_femur_in_shank is None else _vector(axes.y_femur_in_shank)
        ),
        heading_rad=heading,
        heading_weight_s=weight,
        zero_rad=zero,
        start_rotation_rad=math.remainder(start - zero, 2 * math.pi),
        pelvis=(_vector(pelvis[:, 0]), _vector(pelvis[:, 1]), _vector(pelvis[:, 2])),
        thigh_elevation_rad=math.asin(float(np.clip(-femur[2, 1], -1, 1))),
        shank_elevation_rad=math.asin(float(np.clip(-shank_mean[2], -1, 1))),
        knee_flexion_rad=math.atan2(
            float(shank_mean @ femur[:, 0]), float(shank_mean @ femur[:, 1])
        ),
        sigma_axes_rad=absolute_sigma(axes.sigma_rad, exercise),
        sigma_thigh_elevation_rad=axes.sigma_thigh_elevation_rad,
        sigma_knee_flexion_rad=axes.sigma_knee_flexion_rad,
        sigma_drift_rad_s=sigma_drift(steps.still_s),
        across_rad=_across_rad(femur_y, shank_z),
        z_thigh=z_thigh,
        sigma_relative_rad=axes.sigma_rad,
        up_thigh=None if axes.y_thigh is None else _vector(mean_up(pose.q_thigh)),
        up_shank=_vector(mean_up(pose.q_shank)),
        sigma_tilt_rad=pose.mounts.tilt_sigma_rad,
    )
    return leg, femur


def _across_rad(femur_y: FloatArray, shank_z: FloatArray) -> float:
    """Return how far from square the two axes (n, 3) are, in the mean."""
    return math.asin(float(np.clip(np.mean(np.sum(femur_y * shank_z, axis=1)), -1.0, 1.0)))


def _in_thigh(q_thigh: FloatArray, y_thigh: FloatArray, z: FloatArray) -> Vector:
    """Return the knee axis, given in the thigh unit's earth, in the unit itself."""
    seen = by_rows(rotate, by_rows(conjugate, q_thigh), z)
    return _vector(segment_axes(y_thigh, seen.mean(axis=0))[:, 2])


def _with_pelvis(
    leg: LegCalibration, frames: LegFrames, windows: Windows, exercise: Exercise
) -> tuple[LegCalibration, Check]:
    """Return the calibration with what its pelvis unit shows, and the check of that."""
    assert frames.q_pelvis is not None  # noqa: S101 (asked before)
    assert windows.pose is not None  # noqa: S101 (there is no calibration without)

    def seen(window: tuple[float, float]) -> FloatArray:
        inside = (frames.time_s >= window[0]) & (frames.time_s <= window[1])
        return frames.q_pelvis[inside]  # type: ignore[index]

    stand = windows.stand
    unit_on_pelvis, check = find_pelvis_unit(
        seen(stand) if stand else None,
        seen((stand[1], windows.pose[0])) if stand else np.empty((0, 4)),
        seen(windows.pose),
        exercise,
        leg.side,
        np.array(leg.pelvis).T,
    )
    return replace(leg, pelvis_unit=unit_on_pelvis), check


def _raw_rotation(exercise: Exercise, side: Side, femur: FloatArray, pelvis: FloatArray) -> float:
    """Return the rotation before any zero, by the exercise's definition."""
    if exercise.angle == "heading":
        across = np.cross(femur[:, 1], pelvis[:, 2])
        return side.sign * math.atan2(float(across @ femur[:, 2]), float(across @ femur[:, 0]))
    return side.sign * math.atan2(float(femur[2, 2]), float(femur[2, 0]))


def _vector(v: FloatArray) -> Vector:
    return (float(v[0]), float(v[1]), float(v[2]))
