"""The start pose of a nominal wearer: axes of pelvis, femur and shank from joint angles."""

from __future__ import annotations

import math

import numpy as np

from analysis.exercises.exercise import Exercise
from imu.sample import FloatArray, Side


def rotation_about(axis: int, angle_rad: float) -> FloatArray:
    """Return the matrix that turns by an angle about axis 0 (x), 1 (y) or 2 (z), shape (3, 3)."""
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = c
    matrix[i, j], matrix[j, i] = -s, s
    return matrix


def level_pelvis(position: str, side: Side) -> FloatArray:
    """Return the pelvis axes (columns x, y, z; earth frame, z up) of a level pelvis, heading 0.

    x points forwards, y to the head and z to the wearer's right (ISB; Wu et al. 2002). Lying on the
    side, the leg of interest is on top.
    """
    up, ahead, across = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0]), None
    if position == "prone":
        x, y = -up, ahead
    elif position == "supine":
        x, y = up, ahead
    elif position == "side_lying":
        z, y = side.sign * up, ahead
        return np.stack((np.cross(y, z), y, z), axis=1)
    else:
        x, y = ahead, up
    across = np.cross(x, y)
    return np.stack((x, y, across), axis=1)


def hip_matrix(
    flexion_deg: float, adduction_deg: float, rotation_deg: float, side: Side
) -> FloatArray:
    """Return the femur in the pelvis frame from ISB angles (intrinsic ZXY; Wu et al. 2002)."""
    return (
        rotation_about(2, math.radians(flexion_deg))
        @ rotation_about(0, side.sign * math.radians(adduction_deg))
        @ rotation_about(1, side.sign * math.radians(rotation_deg))
    )


def nominal_hip(exercise: Exercise, side: Side) -> FloatArray:
    """Return the femur in the pelvis frame at the start pose of a nominal wearer."""
    pose = exercise.pose
    return hip_matrix(pose.hip_flexion_deg, pose.hip_adduction_deg, pose.hip_rotation_deg, side)


def nominal_up(exercise: Exercise, side: Side) -> tuple[FloatArray, FloatArray]:
    """Return earth's up in the frames of femur and shank at the nominal start pose, each (3,)."""
    femur = level_pelvis(exercise.lies, side) @ nominal_hip(exercise, side)
    shank = femur @ rotation_about(2, -math.radians(exercise.pose.knee_flexion_deg))
    return femur[2], shank[2]
