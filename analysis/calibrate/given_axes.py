"""Segment axes that are given rather than found: calibrate a leg with a stored mounting.

A calibration file says how each unit sits on its segment and nothing else. Zero, start position
and the common heading come from the data: from the marked start position, or the first still period
in it. Where the data show none, an exercise whose zero is plumb keeps that zero, and every other
one is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.calibrate.calibration import (
    FRAMES_MIN,
    MOVE_MAX_S,
    CalibrationResult,
    finish_leg,
)
from analysis.calibrate.checks import Check, at_most, not_found
from analysis.calibrate.find_steps import still_periods
from analysis.calibrate.leg_axes import (
    SegmentAxes,
    Steps,
    absolute_sigma,
    still_check,
    turned,
    with_heading,
)
from analysis.calibrate.long_axes import (
    POSE_MAX_RAD,
    angle_between,
    carried_femur,
    mean_up,
    unit,
)
from analysis.calibrate.pelvis_unit import unit_of_given_axes
from analysis.calibrate.start_heading import heading_of_movement
from analysis.exercises import Exercise, nominal_up
from analysis.leg import LegCalibration, LegFrames, Windows
from imu.quaternion import FLOATS, Quaternion, Vector, conjugate, from_axis_angle, multiply, rotate
from imu.sample import FloatArray, Side

X: Vector = (1.0, 0.0, 0.0)
Y: Vector = (0.0, 1.0, 0.0)
Z: Vector = (0.0, 0.0, 1.0)
KEPT_POSE_MAX_RAD = math.radians(12.0)
"""A start position taken again is within a few degrees; a unit strapped anew rarely is."""
FIRST_S = 1.0
"""So much of a recording without a start position stands for where the leg began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenAxes:
    """How the units of one leg sit, as a calibration file tells it.

    Each quaternion (w, x, y, z) turns a vector from the unit's axes into the segment's: x forwards,
    y up the leg, z to the wearer's right.
    """

    side: Side
    q_shank: Quaternion
    q_thigh: Quaternion | None = None
    """None where the thigh wears no unit."""
    q_pelvis: Quaternion | None = None
    sigma_rad: float
    """1 σ of the axes; nothing else enters it."""
    bends: int = 1
    """So many knee bends prove them; more where a link broke since they were found."""
    found: LegCalibration | None = None
    """The wearer's own calibration that they are kept from; None where a file gives them."""

    @property
    def axes(self) -> SegmentAxes:
        """Return the segment axes in the units, without the femur that a shank alone carries."""
        thigh = self.q_thigh
        return SegmentAxes(
            None if thigh is None else _in_unit(thigh, Y),
            _in_unit(self.q_shank, Y),
            _in_unit(self.q_shank, Z),
            None,
            self.sigma_rad,
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; floats survive exactly but for the turn into degrees."""
        told = {"thigh": self.q_thigh, "shank": self.q_shank, "pelvis": self.q_pelvis}
        quaternions = {name: list(q) for name, q in told.items() if q is not None}
        sigma = {"sigma_deg": math.degrees(self.sigma_rad)}
        return {"kind": "axes", "side": str(self.side), **quaternions, **sigma}


def axes_given_by(leg: LegCalibration, session_id: str = "") -> GivenAxes:
    """Return the part of a calibration that lasts as long as the straps stay where they are.

    `session_id` names the session that it is from; one that was kept there names an older one.
    """
    thigh = None
    if leg.y_thigh is not None and leg.z_thigh is not None:
        thigh = _mounting(np.array(leg.y_thigh), np.array(leg.z_thigh), exact="y")
    pelvis = None
    if leg.pelvis_unit is not None:
        q_earth_pelvis = _of_matrix(np.array(leg.pelvis).T)
        north = from_axis_angle(Z, leg.pelvis_unit.heading_rad, FLOATS)
        pelvis = multiply(conjugate(q_earth_pelvis), multiply(north, leg.pelvis_unit.q_pose))
    return GivenAxes(
        side=leg.side,
        q_thigh=thigh,
        q_shank=_mounting(np.array(leg.y_shank), np.array(leg.z_shank), exact="z"),
        q_pelvis=pelvis,
        sigma_rad=leg.sigma_axes_rad,
        found=replace(leg, kept_from=leg.kept_from or session_id),
    )


def with_knee_axis(given: GivenAxes, z_shank: FloatArray, sigma_rad: float) -> GivenAxes:
    """Return the axes with another knee axis (3,) in the shank unit, of 1 σ `sigma_rad`.

    The long axes stay, but for what makes the shank's square to its knee axis.
    """
    q_shank = _mounting(_in_unit(given.q_shank, Y), z_shank, exact="z")
    return _with_sigma(replace(given, q_shank=q_shank), sigma_rad)


def proven(given: GivenAxes, off_rad: float, unsure_rad: float) -> GivenAxes:
    """Return the axes, with how far knee bends had their knee axis from where it was.

    They are less sure by `unsure_rad`: that again where the axis is kept all the same, and nothing
    where it was found anew, for then the difference is mended.
    """
    known = given.sigma_rad
    if given.found is not None and given.found.sigma_relative_rad is not None:
        known = given.found.sigma_relative_rad
    kept = _with_sigma(given, math.hypot(known, unsure_rad))
    if kept.found is None:
        return kept
    return replace(kept, found=replace(kept.found, kept_off_rad=off_rad))


def _with_sigma(given: GivenAxes, sigma_rad: float) -> GivenAxes:
    found = given.found
    if found is not None and found.sigma_relative_rad is not None:
        found = replace(found, sigma_relative_rad=sigma_rad)
    return replace(given, sigma_rad=sigma_rad, found=found)


def calibrate_given(
    given: GivenAxes, frames: LegFrames, windows: Windows, exercise: Exercise
) -> CalibrationResult:
    """Calibrate one leg with axes that are given; never raises for poor data.

    Parameters
    ----------
    given
        How the units sit.
    frames
        The whole recording, or what of it was seen so far.
    windows
        The marked steps; a start position that is not marked is looked for.
    exercise
        It tells the start position and the zero.
    """
    given = given if frames.thigh_worn else replace(given, q_thigh=None)
    if frames.thigh_worn and given.q_thigh is None:
        return CalibrationResult(None, (not_found("thigh axes", "no thigh axes"),))
    pose = windows.pose or find_start_pose(given, frames, exercise)
    part = None if pose is None else frames.between(pose)
    if part is not None and pose is not None and len(part.time_s) >= FRAMES_MIN:
        return _from_pose(given, frames, replace(windows, pose=pose), exercise)
    if exercise.zero_rad is None:
        check = not_found("start pose", "no pose, axes given", exercise=exercise.name)
        return CalibrationResult(None, (check,))
    return _plumb(given, frames, exercise)


def find_start_pose(
    given: GivenAxes, frames: LegFrames, exercise: Exercise
) -> tuple[float, float] | None:
    """Return the first still period (from, to) in which the leg is in its start position."""
    for period in still_periods(frames):
        if all(check.passed for check in pose_checks(given, frames.between(period), exercise)):
            return period
    return None


def pose_checks(given: GivenAxes, pose: LegFrames, exercise: Exercise) -> list[Check]:
    """Return how far gravity in each segment is from where the start position has it."""
    seen = [("shank", given.q_shank, pose.q_shank, 1)]
    if given.q_thigh is not None:
        seen.insert(0, ("thigh", given.q_thigh, pose.q_thigh, 0))
    expected = nominal_up(exercise, given.side)
    return [
        at_most(
            f"{segment} pose angle",
            angle_between(_in_segment(mounting, mean_up(q)), expected[index]),
            POSE_MAX_RAD,
            "wrong pose",
            segment=segment,
            exercise=exercise.name,
        )
        for segment, mounting, q, index in seen
    ]


def kept_checks(given: GivenAxes, pose: LegFrames, exercise: Exercise) -> list[Check]:
    """Return how far gravity in each unit is from the last start position of the same exercise.

    A unit that turned about the knee's axis, or on the thigh, shows here and in no knee bend.
    """
    found = given.found
    if found is None or found.exercise != exercise.id:
        return []
    seen = [("shank", found.up_shank, pose.q_shank), ("thigh", found.up_thigh, pose.q_thigh)]
    return [
        at_most(
            f"{segment} against the last start pose",
            angle_between(mean_up(q), np.array(up)),
            KEPT_POSE_MAX_RAD,
            "pose differs",
            segment=segment,
        )
        for segment, up, q in seen
        if up is not None and (segment == "shank" or given.q_thigh is not None)
    ]


def _from_pose(
    given: GivenAxes, frames: LegFrames, windows: Windows, exercise: Exercise
) -> CalibrationResult:
    assert windows.pose is not None  # noqa: S101 (asked before)
    pose = frames.between(windows.pose)
    stand, bends = (frames.between(w) if w else None for w in (windows.stand, windows.bends))
    begin_s = max(frames.time_s[0], windows.pose[0] - MOVE_MAX_S)
    move = frames.between((begin_s, windows.pose[0]))
    nothing = frames.rows(slice(0, 0))
    steps = Steps(stand, pose, nothing if bends is None else bends, move, exercise, given.side)
    leg = _with_given(
        given,
        finish_leg(steps, with_heading(steps, _axes(given, exercise)), windows.end_s)[0],
        exercise,
    )
    checks = [*pose_checks(given, pose, exercise), still_check(pose, "start pose")]
    if not all(check.passed for check in checks):
        return CalibrationResult(None, tuple(checks))
    if given.q_pelvis is not None and frames.q_pelvis is not None:
        found, check = unit_of_given_axes(
            given.q_pelvis, frames.q_pelvis[_inside(frames, windows.pose)], np.array(leg.pelvis).T
        )
        leg, checks = replace(leg, pelvis_unit=found), [*checks, check]
    return CalibrationResult(leg, tuple(checks))


def _plumb(given: GivenAxes, frames: LegFrames, exercise: Exercise) -> CalibrationResult:
    """Calibrate from the beginning of a recording that shows no start position."""
    known = ~(np.isnan(frames.q_thigh[:, 0]) | np.isnan(frames.q_shank[:, 0]))
    seen = frames.rows(known)
    if len(seen.time_s) < FRAMES_MIN:
        return CalibrationResult(None, (not_found("frames", "no frames"),))
    begin_s, axes = float(seen.time_s[0]), _axes(given, exercise)
    nothing, first = seen.rows(slice(0, 0)), seen.between((begin_s, begin_s + FIRST_S))
    if axes.y_thigh is not None:
        early = seen.between((begin_s, begin_s + MOVE_MAX_S))
        heading, weight = heading_of_movement(
            turned(early.q_thigh, axes.y_thigh),
            turned(early.q_shank, axes.z_shank),
            turned(early.q_shank, axes.y_shank),
        )
        axes = replace(axes, heading_rad=heading, heading_weight_s=weight)
    steps = Steps(None, first, nothing, nothing, exercise, given.side)
    leg, _ = finish_leg(steps, axes, begin_s)
    thigh_up, shank_up = nominal_up(exercise, given.side)
    leg = replace(
        _with_given(given, leg, exercise),
        start_rotation_rad=math.radians(exercise.pose.hip_rotation_deg),
        thigh_elevation_rad=math.asin(-float(np.clip(thigh_up[1], -1.0, 1.0))),
        shank_elevation_rad=math.asin(-float(np.clip(shank_up[1], -1.0, 1.0))),
        knee_flexion_rad=math.radians(exercise.pose.knee_flexion_deg),
    )
    check = not_found("start pose", "no pose, plumb", passed=True)
    return CalibrationResult(leg, (check,))


def _axes(given: GivenAxes, exercise: Exercise) -> SegmentAxes:
    axes = given.axes
    if axes.y_thigh is not None:
        return axes
    carried = carried_femur(axes.y_shank, axes.z_shank, exercise)
    return replace(axes, y_femur_in_shank=carried)


def _with_given(given: GivenAxes, leg: LegCalibration, exercise: Exercise) -> LegCalibration:
    """Return the leg with the thigh's knee axis and the uncertainty of axes that are given."""
    leg = replace(leg, sigma_axes_rad=given.sigma_rad, sigma_relative_rad=None)
    found = given.found
    if found is not None:
        leg = replace(
            leg,
            sigma_thigh_elevation_rad=found.sigma_thigh_elevation_rad,
            sigma_knee_flexion_rad=found.sigma_knee_flexion_rad,
            kept_off_rad=found.kept_off_rad,
            kept_from=found.kept_from,
        )
        if found.sigma_relative_rad is not None:
            sigma = found.sigma_relative_rad
            absolute = absolute_sigma(sigma, exercise)
            leg = replace(leg, sigma_axes_rad=absolute, sigma_relative_rad=sigma)
    if given.q_thigh is None:
        return leg
    x, y, z = _in_unit(given.q_thigh, Z)
    return replace(leg, z_thigh=(float(x), float(y), float(z)))


def _inside(frames: LegFrames, window: tuple[float, float]) -> slice:
    first, last = np.searchsorted(frames.time_s, window)
    return slice(int(first), int(last) + 1)


def _in_unit(mounting: Quaternion, axis: Vector) -> FloatArray:
    """Return a segment's axis in its unit (3,)."""
    return np.array(rotate(conjugate(mounting), axis))


def _in_segment(mounting: Quaternion, v: FloatArray) -> FloatArray:
    return unit(np.array(rotate(mounting, (float(v[0]), float(v[1]), float(v[2])))))


def _mounting(y: FloatArray, z: FloatArray, *, exact: str) -> Quaternion:
    """Return unit → segment from a long axis and a knee axis (3,) in the unit.

    Of axes that are not quite square the `exact` one keeps its place: the rotation is read from the
    thigh's y and the shank's z.
    """
    y, z = unit(y), unit(z)
    if exact == "y":
        z = unit(z - (z @ y) * y)
    else:
        y = unit(y - (y @ z) * z)
    return _of_matrix(np.stack((np.cross(y, z), y, z)))


def _of_matrix(matrix: FloatArray) -> Quaternion:
    from scipy.spatial.transform import Rotation  # few sessions bring axes, and it takes 0.2 s

    rotation = Rotation.from_matrix(matrix)
    x, y, z, w = (float(part) for part in rotation.as_quat(canonical=True))
    return (w, x, y, z)
