"""Sensor to segment: from a stand, a start pose and a few knee bends to a leg that can be measured.

Segment axes, both legs alike (ISB; Wu et al. 2002): y from knee to hip, z along the knee axis to
the wearer's right, x = y × z forwards. A still stand gives y of both units (`analysis.axes`), the
bends give z of the shank (`analysis.hinge`), the start pose gives zero, posture and the common
heading of the two units. Every step has a figure, a limit and a remedy (`analysis.checks`); what
fails refuses the angle instead of bending it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from analysis.axes import (
    angle_between,
    axes_from_pose,
    axes_from_stand,
    check_still,
    pelvis_of,
    segment_axes,
    unit,
)
from analysis.checks import Check, at_most, not_found
from analysis.exercises import Array, Exercise, rotation_about
from analysis.heading import heading_from_pose
from analysis.hinge import find_hinge
from imu.quaternion import Vector, rotate_array
from imu.sample import Side

FRAMES_MIN = 10
"""A window with fewer frames shows nothing."""
HINGE_TO_SHANK_MAX_RAD = math.radians(20.0)
HEADING_ROUNDS = 2
"""The knee axis gives the heading, the heading a better knee axis; two rounds settle both."""
STRAIGHT_KNEE_RAD = math.radians(45.0)
"""A knee bent less than this in the start pose is bent by the knee bends, not straightened."""


@dataclass(frozen=True, slots=True)
class LegFrames:
    """Both units of one leg on the common time base; orientations (n, 4) wxyz, NaN in gaps."""

    time_s: Array
    q_thigh: Array
    q_shank: Array

    def between(self, window: tuple[float, float]) -> LegFrames:
        """Return the frames of a window that have both orientations."""
        keep = (self.time_s >= window[0]) & (self.time_s <= window[1])
        keep &= ~(np.isnan(self.q_thigh[:, 0]) | np.isnan(self.q_shank[:, 0]))
        return LegFrames(self.time_s[keep], self.q_thigh[keep], self.q_shank[keep])


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """When the wearer did what, in seconds of the session; None where it did not happen."""

    stand: tuple[float, float] | None = None
    pose: tuple[float, float] | None = None
    bends: tuple[float, float] | None = None

    @property
    def end_s(self) -> float:
        """Return when the last step ended."""
        return max((w[1] for w in (self.stand, self.pose, self.bends) if w), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegCalibration:
    """What turns two orientations into a leg. Vectors in sensor frames; angles in radians."""

    side: Side
    exercise: str
    ready_s: float
    """The session second from which angles may be given."""
    zeroed_s: float
    """The session second of the start pose, from which on an angle by heading drifts."""
    y_thigh: Vector | None
    """Long axis in the thigh unit; None when the thigh unit could not be aligned."""
    y_shank: Vector
    z_shank: Vector
    y_femur_in_shank: Vector | None
    """Long axis of the femur carried by the shank at a fixed knee angle; only without `y_thigh`."""
    heading_rad: float
    """Turn about the vertical that brings the shank unit's earth to the thigh unit's."""
    heading_weight_s: float
    zero_rad: float
    start_rotation_rad: float
    """The angle in the start pose, from that zero: where counting starts from."""
    pelvis: tuple[Vector, Vector, Vector]
    """Pelvis axes x, y, z frozen at the start pose, in the shank unit's earth."""
    thigh_elevation_rad: float
    shank_elevation_rad: float
    knee_flexion_rad: float
    sigma_axes_rad: float
    """Uncertainty of the segment axes (1 σ) that the bends and poses leave."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; floats survive exactly."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> LegCalibration:
        """Return the calibration that `to_json` wrote."""
        given = dict(data)
        for name in ("y_thigh", "y_shank", "z_shank", "y_femur_in_shank"):
            given[name] = tuple(given[name]) if given[name] is not None else None
        given["pelvis"] = tuple(tuple(axis) for axis in given["pelvis"])
        given["side"] = Side(given["side"])
        return cls(**given)


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
class _Axes:
    """Segment axes in the units; the fields of the same names in `LegCalibration`."""

    y_thigh: Array | None
    y_shank: Array
    z_shank: Array
    y_femur_in_shank: Array | None
    sigma_rad: float


def calibrate(
    frames: LegFrames, windows: Windows, exercise: Exercise, side: Side
) -> CalibrationResult:
    """Calibrate one leg from the windows the wearer stood, posed and bent in.

    Never raises for poor data: the result then holds no calibration and says why.
    """
    stand, pose, bends = (
        _part(frames, window) for window in (windows.stand, windows.pose, windows.bends)
    )
    if pose is None or bends is None:
        steps = (("start pose", pose, "no pose"), ("knee bends", bends, "no bends"))
        missing = tuple(not_found(name, remedy) for name, part, remedy in steps if part is None)
        return CalibrationResult(None, missing)
    axes, checks = _axes(stand, pose, bends, exercise, side)
    if axes is None or not all(check.passed for check in checks):
        return CalibrationResult(None, tuple(checks))
    leg = _finish(pose, bends, exercise, side, windows.end_s, axes)
    return CalibrationResult(leg, tuple(checks))


def _part(frames: LegFrames, window: tuple[float, float] | None) -> LegFrames | None:
    part = frames.between(window) if window else None
    return part if part is not None and len(part.time_s) >= FRAMES_MIN else None


def _axes(
    stand: LegFrames | None, pose: LegFrames, bends: LegFrames, exercise: Exercise, side: Side
) -> tuple[_Axes | None, list[Check]]:
    """Return the segment axes, None where they cannot be told, and every figure they rest on."""
    if stand is None:
        axes, checks = _axes_without_stand(pose, bends, exercise, side)
    else:
        axes, checks = _axes_with_stand(stand, pose, bends, exercise, side)
    checks.append(check_still(pose.q_thigh, pose.q_shank, "start pose"))
    if axes is not None:
        off = abs(angle_between(axes.z_shank, axes.y_shank) - math.pi / 2)
        checks.append(at_most("hinge against shank", off, HINGE_TO_SHANK_MAX_RAD, "hinge across"))
    return axes, checks


def _axes_with_stand(
    stand: LegFrames, pose: LegFrames, bends: LegFrames, exercise: Exercise, side: Side
) -> tuple[_Axes | None, list[Check]]:
    in_stand, in_pose = (stand.q_thigh, stand.q_shank), (pose.q_thigh, pose.q_shank)
    y_thigh, y_shank, fit = axes_from_stand(in_stand, in_pose, exercise, side)
    z_shank, sigma, figures = _hinge(bends, exercise)
    for _ in range(HEADING_ROUNDS):
        if z_shank is not None:
            # the common heading shows what the thigh itself moved, and that is taken off
            heading, _ = _heading(pose, bends, exercise, (y_thigh, y_shank, z_shank))
            z_shank, sigma, figures = _hinge(bends, exercise, heading)
    checks = [*figures, check_still(*in_stand, "stand"), *fit]
    if z_shank is None:
        return None, checks
    return _Axes(y_thigh, y_shank, z_shank, None, sigma), checks


def _axes_without_stand(
    pose: LegFrames, bends: LegFrames, exercise: Exercise, side: Side
) -> tuple[_Axes | None, list[Check]]:
    z_shank, sigma, checks = _hinge(bends, exercise)
    if z_shank is None:
        return None, checks
    found, check = axes_from_pose((pose.q_thigh, pose.q_shank), z_shank, exercise, side)
    checks.append(check)
    if found is None:
        return None, checks
    y_thigh, y_shank, y_carried, sigma_y = found
    return _Axes(y_thigh, y_shank, z_shank, y_carried, math.hypot(sigma, sigma_y)), checks


def _hinge(
    bends: LegFrames, exercise: Exercise, heading_rad: float | None = None
) -> tuple[Array | None, float, list[Check]]:
    bent = math.radians(exercise.pose.knee_flexion_deg) >= STRAIGHT_KNEE_RAD
    extends = bent and not exercise.pose.bends_standing
    return find_hinge(
        bends.time_s, bends.q_thigh, bends.q_shank, extends=extends, heading_rad=heading_rad
    )


def _heading(
    pose: LegFrames, bends: LegFrames, exercise: Exercise, axes: tuple[Array, Array, Array]
) -> tuple[float, float]:
    """Return the turn of the shank unit's earth to the thigh unit's, and its weight in seconds."""
    y_thigh, y_shank, z_shank = axes
    return heading_from_pose(
        (
            _turned(pose.q_thigh, y_thigh),
            _turned(pose.q_shank, z_shank),
            _turned(pose.q_shank, y_shank),
        ),
        (_turned(bends.q_thigh, y_thigh), _turned(bends.q_shank, z_shank)),
        math.radians(exercise.pose.knee_flexion_deg),
    )


def _finish(
    pose: LegFrames,
    bends: LegFrames,
    exercise: Exercise,
    side: Side,
    ready_s: float,
    axes: _Axes,
) -> LegCalibration:
    shank_z, shank_y = _turned(pose.q_shank, axes.z_shank), _turned(pose.q_shank, axes.y_shank)
    if axes.y_thigh is None:
        assert axes.y_femur_in_shank is not None  # noqa: S101 (one of the two is always there)
        heading, weight = 0.0, 0.0
        femur_y = _turned(pose.q_shank, axes.y_femur_in_shank)
    else:
        thigh_y = _turned(pose.q_thigh, axes.y_thigh)
        heading, weight = _heading(
            pose, bends, exercise, (axes.y_thigh, axes.y_shank, axes.z_shank)
        )
        femur_y = thigh_y @ rotation_about(2, -heading).T
    femur = segment_axes(femur_y.mean(axis=0), shank_z.mean(axis=0))
    pelvis = pelvis_of(exercise, side, femur)
    start = _raw_rotation(exercise, side, femur, pelvis)
    zero = start if exercise.zero_rad is None else exercise.zero_rad
    shank_mean = unit(shank_y.mean(axis=0))
    return LegCalibration(
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
        sigma_axes_rad=axes.sigma_rad,
    )


def _raw_rotation(exercise: Exercise, side: Side, femur: Array, pelvis: Array) -> float:
    """Return the rotation before any zero, by the exercise's definition."""
    if exercise.angle == "heading":
        across = np.cross(femur[:, 1], pelvis[:, 2])
        return side.sign * math.atan2(float(across @ femur[:, 2]), float(across @ femur[:, 0]))
    return side.sign * math.atan2(float(femur[2, 2]), float(femur[2, 0]))


def _turned(q: Array, axis: Array) -> Array:
    return rotate_array(q, np.broadcast_to(axis, (len(q), 3)))


def _vector(v: Array) -> Vector:
    return (float(v[0]), float(v[1]), float(v[2]))
