"""What a guided hold needs to know of a wearer: where gravity is in both units in the position.

No knee bends and no axes: a stretch cannot be bent in, and no hip angle is told of it. The stand
before it shows that the position is the exercise's and that thigh and shank were not swapped.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from analysis.calibrate.calibration import CalibrationResult, LegCalibration, LegFrames, Windows
from analysis.calibrate.checks import not_found
from analysis.calibrate.long_axes import axes_from_stand, check_still, mean_up
from analysis.exercises import Exercise
from imu.quaternion import Vector
from imu.sample import FloatArray, Side

FRAMES_MIN = 10
"""A window with fewer frames shows nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseCalibration:
    """Earth's up in the two units, unit vectors, while the wearer is in the position."""

    side: Side
    exercise: str
    ready_s: float
    """The session second from which the time may run."""
    up_thigh: Vector
    up_shank: Vector

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; floats survive exactly."""
        return {"kind": "pose", **asdict(self)}


AnyCalibration = LegCalibration | PoseCalibration


def calibrate_pose(
    frames: LegFrames, windows: Windows, exercise: Exercise, side: Side
) -> tuple[PoseCalibration | None, CalibrationResult]:
    """Return where gravity is in the still position, and the checks; None where one failed."""
    pose = frames.between(windows.pose) if windows.pose else None
    if pose is None or windows.pose is None or len(pose.time_s) < FRAMES_MIN:
        return None, CalibrationResult(None, (not_found("start pose", "no pose"),))
    units, seconds = (pose.q_thigh, pose.q_shank), float(pose.time_s[-1] - pose.time_s[0])
    tilt_rad, worn = pose.mounts.tilt_sigma_rad, pose.thigh_worn
    checks = [check_still(*units, seconds, "start pose", tilt_rad, thigh_worn=worn)]
    if windows.stand is not None:
        stand = frames.between(windows.stand)
        if len(stand.time_s) >= FRAMES_MIN:
            pairs = ((stand.q_thigh, stand.q_shank), (pose.q_thigh, pose.q_shank))
            checks += axes_from_stand(*pairs, exercise, side)[2]
    result = CalibrationResult(None, tuple(checks))
    if not all(check.passed for check in checks):
        return None, result
    found = PoseCalibration(
        side=side,
        exercise=exercise.id,
        ready_s=windows.pose[1],
        up_thigh=_vector(mean_up(pose.q_thigh)),
        up_shank=_vector(mean_up(pose.q_shank)),
    )
    return found, result


def _vector(v: FloatArray) -> Vector:
    return (float(v[0]), float(v[1]), float(v[2]))
