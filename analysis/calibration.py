"""Sensor to segment: from a stand, a start pose and a few knee bends to a leg that can be measured.

Segment axes, both legs alike (ISB; Wu et al. 2002): y from knee to hip, z along the knee axis to
the wearer's right, x = y × z forwards. A still stand gives y of both units (`analysis.axes`), the
bends give z of the shank (`analysis.hinge`), the start pose gives zero, posture and the common
heading of the two units. Every step has a figure, a limit and a remedy (`analysis.checks`); what
fails refuses the angle instead of bending it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from analysis.axes import (
    angle_between,
    axes_from_pose,
    axes_from_stand,
    carried_femur,
    check_still,
    pelvis_of,
    segment_axes,
    unit,
)
from analysis.checks import Check, at_least, at_most, not_found
from analysis.exercises import Array, Exercise, nominal_up, rotation_about
from analysis.first_heading import heading_from_pose, hinge_consistency, knee_on_the_way
from analysis.hinge import find_hinge
from analysis.leg import LegCalibration, LegFrames, Windows
from analysis.pelvis import find_pelvis_unit
from imu.quaternion import Vector, conjugate_array, rotate_array
from imu.sample import Side

__all__ = ["CalibrationResult", "LegCalibration", "LegFrames", "Windows", "calibrate"]

FRAMES_MIN = 10
"""A window with fewer frames shows nothing."""
HINGE_TO_SHANK_MAX_RAD = math.radians(20.0)
HEADING_ROUNDS = 2
"""The knee axis gives the heading, the heading a better knee axis; two rounds settle both."""
STRAIGHT_KNEE_RAD = math.radians(45.0)
"""A knee bent less than this in the start pose is bent by the knee bends, not straightened."""
MOVE_MAX_S = 20.0
"""Headings drift: what is longer ago says nothing about the heading in the start pose."""
FRONT_SEEN = 0.5
"""Below this share of gravity across the femur, a pose does not show which way its front is."""
FRONT_MAX_RAD = math.radians(60.0)
UPRIGHT_RAD = math.radians(60.0)
KNEE_MAX_RAD = math.radians(20.0)
CONSISTENCY_MIN = 0.95


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
class _Steps:
    """What the wearer did: the frames of each step."""

    stand: LegFrames | None
    pose: LegFrames
    bends: LegFrames
    move: LegFrames
    """From the stand to the start pose."""
    exercise: Exercise
    side: Side


@dataclass(frozen=True, slots=True)
class _Axes:
    """Segment axes in the units; the fields of the same names in `LegCalibration`."""

    y_thigh: Array | None
    y_shank: Array
    z_shank: Array
    y_femur_in_shank: Array | None
    sigma_rad: float


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
    result = _calibrate(frames, windows, exercise, side)
    if result.calibration is None and frames.thigh_worn:
        exchanged = replace(frames, q_thigh=frames.q_shank, q_shank=frames.q_thigh)
        if _calibrate(exchanged, windows, exercise, side).calibration is not None:
            return CalibrationResult(None, (not_found("units in place", "swapped"),))
    return result


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
    steps = _Steps(stand, pose, bends, _move(frames, windows), exercise, side)
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
    """Return the frames between the stand and the start pose, none where nobody stood."""
    if windows.stand is None or windows.pose is None:
        return frames.rows(slice(0, 0))
    begin_s = max(windows.stand[1], windows.pose[0] - MOVE_MAX_S)
    return frames.between((begin_s, windows.pose[0]))


def _part(frames: LegFrames, window: tuple[float, float] | None) -> LegFrames | None:
    part = frames.between(window) if window else None
    return part if part is not None and len(part.time_s) >= FRAMES_MIN else None


def _attempt(steps: _Steps, ready_s: float, *, extends: bool) -> _Attempt:
    """Calibrate with the knee's first bend taken for an extension, or for a flexion."""
    axes, checks = _axes(steps, extends=extends)
    checks.append(_still(steps.pose, "start pose"))
    if axes is None:
        return _Attempt(None, checks)
    off = abs(angle_between(axes.z_shank, axes.y_shank) - math.pi / 2)
    checks.append(at_most("hinge against shank", off, HINGE_TO_SHANK_MAX_RAD, "hinge across"))
    if not all(check.passed for check in checks):
        return _Attempt(None, checks)
    leg, femur = _finish(steps, axes, ready_s)
    more = [
        *_hinge_check(steps, axes, leg),
        *_knee_check(steps, axes),
        _front_check(steps, leg, femur),
    ]
    return _Attempt(leg, [*checks, *more], _bends_forwards(leg))


def _axes(steps: _Steps, *, extends: bool) -> tuple[_Axes | None, list[Check]]:
    """Return the segment axes, None where they cannot be told, and every figure they rest on."""
    if steps.stand is None:
        return _axes_without_stand(steps, extends=extends)
    return _axes_with_stand(steps, steps.stand, extends=extends)


def _axes_with_stand(
    steps: _Steps, stand: LegFrames, *, extends: bool
) -> tuple[_Axes | None, list[Check]]:
    pose, worn = steps.pose, steps.pose.thigh_worn
    in_stand, in_pose = (stand.q_thigh, stand.q_shank), (pose.q_thigh, pose.q_shank)
    y_thigh, y_shank, fit = axes_from_stand(in_stand, in_pose, steps.exercise, steps.side)
    z_shank, sigma, figures = _hinge(steps, extends=extends)
    for _ in range(HEADING_ROUNDS if worn else 0):
        if z_shank is not None:
            # the common heading shows what the thigh itself moved, and that is taken off
            heading, _ = _heading(steps, (y_thigh, y_shank, z_shank))
            z_shank, sigma, figures = _hinge(steps, heading, extends=extends)
    checks = [*figures, _still(stand, "stand"), *(fit if worn else fit[1:])]
    if z_shank is None:
        return None, checks
    if worn:
        return _Axes(y_thigh, y_shank, z_shank, None, sigma), checks
    carried = carried_femur(y_shank, z_shank, steps.exercise)
    return _Axes(None, y_shank, z_shank, carried, sigma), checks


def _axes_without_stand(steps: _Steps, *, extends: bool) -> tuple[_Axes | None, list[Check]]:
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
    return _Axes(y_thigh, y_shank, z_shank, y_carried, math.hypot(sigma, sigma_y)), checks


def _still(part: LegFrames, during: str) -> Check:
    seconds = float(part.time_s[-1] - part.time_s[0])
    return check_still(part.q_thigh, part.q_shank, seconds, during)


def _hinge(
    steps: _Steps, heading_rad: float | None = None, *, extends: bool
) -> tuple[Array | None, float, list[Check]]:
    bends = steps.bends
    return find_hinge(
        bends.time_s, bends.q_thigh, bends.q_shank, extends=extends, heading_rad=heading_rad
    )


def _heading(steps: _Steps, axes: tuple[Array, Array, Array]) -> tuple[float, float]:
    """Return the turn of the shank unit's earth to the thigh unit's, and its weight in seconds."""
    y_thigh, y_shank, z_shank = axes
    pose, bends, move = steps.pose, steps.bends, steps.move
    return heading_from_pose(
        (
            _turned(pose.q_thigh, y_thigh),
            _turned(pose.q_shank, z_shank),
            _turned(pose.q_shank, y_shank),
        ),
        [(_turned(m.q_thigh, y_thigh), _turned(m.q_shank, z_shank)) for m in (bends, move)],
        math.radians(steps.exercise.pose.knee_flexion_deg),
        float(nominal_up(steps.exercise, steps.side)[0][0]),
    )


def _hinge_check(steps: _Steps, axes: _Axes, leg: LegCalibration) -> list[Check]:
    """Return the check that all of the bends agree on the common heading, where they show it."""
    if axes.y_thigh is None:
        return []
    bends = steps.bends
    agreed = hinge_consistency(
        _turned(bends.q_thigh, axes.y_thigh), _turned(bends.q_shank, axes.z_shank), leg.heading_rad
    )
    if agreed is None:
        return []
    return [at_least("hinge consistency", agreed, CONSISTENCY_MIN, "hinge disagrees")]


def _knee_check(steps: _Steps, axes: _Axes) -> list[Check]:
    """Return the check of the start pose's knee where gravity does not show it, but the way did."""
    front = float(nominal_up(steps.exercise, steps.side)[0][0])
    if axes.y_thigh is None or abs(front) > FRONT_SEEN:
        return []
    pose, move = steps.pose, steps.move
    y_thigh = _turned(pose.q_thigh, axes.y_thigh)
    z_shank, y_shank = (_turned(pose.q_shank, axis) for axis in (axes.z_shank, axes.y_shank))
    nominal = math.radians(steps.exercise.pose.knee_flexion_deg)
    knee = knee_on_the_way(
        (y_thigh, z_shank, y_shank),
        (_turned(move.q_thigh, axes.y_thigh), _turned(move.q_shank, axes.z_shank)),
        nominal,
        KNEE_MAX_RAD,
    )
    if knee is None:
        return []
    off = abs(math.remainder(knee - nominal, 2 * math.pi))
    words = {"exercise": steps.exercise.name}
    return [at_most("knee in the start pose", off, KNEE_MAX_RAD, "wrong knee", **words)]


def _front_check(steps: _Steps, leg: LegCalibration, femur: Array) -> Check:
    """Return the check that the femur's front is where the exercise has it.

    With the front sideways a knee axis of the wrong sign and the wrong leg look alike, so that
    neither is taken for granted; with the front up or down a wrong sign mirrors the whole leg, and
    only the first repetitions tell. With the thigh upright the knee tells: it never bends forwards.
    """
    up = nominal_up(steps.exercise, steps.side)[0]
    if math.hypot(up[0], up[2]) < FRONT_SEEN:
        return at_most(
            "front of the thigh", math.pi * _bends_forwards(leg), FRONT_MAX_RAD, "wrong way"
        )
    seen = math.atan2(femur[2, 2], femur[2, 0])
    off = abs(math.remainder(seen - math.atan2(up[2], up[0]), 2 * math.pi))
    remedy = "front" if abs(float(up[0])) > FRONT_SEEN else "wrong way"
    return at_most("front of the thigh", off, FRONT_MAX_RAD, remedy)


def _bends_forwards(leg: LegCalibration) -> bool:
    upright = abs(leg.thigh_elevation_rad) > UPRIGHT_RAD
    return leg.y_thigh is not None and upright and leg.knee_flexion_rad < -STRAIGHT_KNEE_RAD


def _finish(steps: _Steps, axes: _Axes, ready_s: float) -> tuple[LegCalibration, Array]:
    """Return the calibration and the femur (columns x, y, z) in the start pose."""
    pose, exercise, side = steps.pose, steps.exercise, steps.side
    shank_z, shank_y = _turned(pose.q_shank, axes.z_shank), _turned(pose.q_shank, axes.y_shank)
    heading, weight, z_thigh = 0.0, 0.0, None
    if axes.y_thigh is None:
        assert axes.y_femur_in_shank is not None  # noqa: S101 (one of the two is always there)
        femur_y = _turned(pose.q_shank, axes.y_femur_in_shank)
        femur = segment_axes(femur_y.mean(axis=0), shank_z.mean(axis=0))
    else:
        heading, weight = _heading(steps, (axes.y_thigh, axes.y_shank, axes.z_shank))
        femur_y = _turned(pose.q_thigh, axes.y_thigh) @ rotation_about(2, -heading).T
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
        sigma_axes_rad=axes.sigma_rad,
        across_rad=_across_rad(femur_y, shank_z),
        z_thigh=z_thigh,
    )
    return leg, femur


def _across_rad(femur_y: Array, shank_z: Array) -> float:
    """Return how far from square the two axes (n, 3) are, in the mean."""
    return math.asin(float(np.clip(np.mean(np.sum(femur_y * shank_z, axis=1)), -1.0, 1.0)))


def _in_thigh(q_thigh: Array, y_thigh: Array, z: Array) -> Vector:
    """Return the knee axis, given in the thigh unit's earth, in the unit itself."""
    seen = rotate_array(conjugate_array(q_thigh), np.broadcast_to(z, (len(q_thigh), 3)))
    return _vector(segment_axes(y_thigh, seen.mean(axis=0))[:, 2])


def _with_pelvis(
    leg: LegCalibration, frames: LegFrames, windows: Windows, exercise: Exercise
) -> tuple[LegCalibration, Check]:
    """Return the calibration with what its pelvis unit shows, and the check of that."""
    assert frames.q_pelvis is not None  # noqa: S101 (asked before)
    assert windows.pose is not None  # noqa: S101 (there is no calibration without)

    def seen(window: tuple[float, float]) -> Array:
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
