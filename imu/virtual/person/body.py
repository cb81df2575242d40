"""The wearer's skeleton: joint angles in, attitudes of pelvis, femur and shank out.

Frames, both legs alike: y from the knee to the hip, z to the wearer's right, x = y × z forwards;
the same axes for the pelvis. The hip follows Wu et al. 2002 (doi 10.1016/S0021-9290(01)00222-6):
femur = pelvis · Rz(flexion) · Rx(adduction) · Ry(rotation), the last two mirrored on the left
leg, so that adduction and internal rotation are positive on either side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imu.quaternion import ARRAYS, by_rows, from_axis_angle, multiply, rotate, table_of, xyz
from imu.sample import FloatArray, Side
from imu.virtual.person.movements import Movement, PelvisPosition

X = np.array([1.0, 0.0, 0.0])
Y = np.array([0.0, 1.0, 0.0])
Z = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, slots=True, kw_only=True)
class JointAngles:
    """Hip and knee of one leg in radians, shape (...); internal rotation positive on both legs."""

    flexion_rad: FloatArray
    adduction_rad: FloatArray
    rotation_rad: FloatArray
    knee_rad: FloatArray
    """Flexion, 0 straight."""
    play_rad: FloatArray
    """Frontal give of the knee; with the knee square it looks like internal rotation."""


def chain(first: FloatArray, *rest: FloatArray) -> FloatArray:
    """Return the product of rotations (..., 4), the last one applied first."""
    for q in rest:
        first = by_rows(multiply, first, q)
    return first


def turn(axis: FloatArray, angle_rad: npt.ArrayLike) -> FloatArray:
    """Return rotations (..., 4) by angles (...) about one unit axis (3,)."""
    return table_of(from_axis_angle(xyz(axis), np.asarray(angle_rad, dtype=np.float64), ARRAYS))


def pelvis_attitude(position: PelvisPosition, side: Side, heading_rad: float) -> FloatArray:
    """Return pelvis → earth, shape (4,), for a level pelvis in a position.

    Parameters
    ----------
    position
        How the wearer sits, stands or lies.
    side
        The moving leg: it is on top when lying on the side.
    heading_rad
        Turn of the whole body about the vertical.
    """
    upright = chain(turn(Z, heading_rad), turn(X, math.pi / 2))
    match position:
        case PelvisPosition.UPRIGHT:
            return upright
        case PelvisPosition.PRONE:
            return chain(upright, turn(Z, -math.pi / 2))
        case PelvisPosition.SUPINE:
            return chain(upright, turn(Z, math.pi / 2))
        case PelvisPosition.SIDE_LYING:
            return chain(upright, turn(X, -side.sign * math.pi / 2))


def leg_attitudes(
    q_earth_pelvis: FloatArray, joints: JointAngles, side: Side
) -> tuple[FloatArray, FloatArray]:
    """Return femur → earth and shank → earth, shape (..., 4) each.

    Parameters
    ----------
    q_earth_pelvis
        Pelvis → earth, shape (..., 4).
    joints
        Angles of the leg, shape (...).
    side
        Which leg.
    """
    q_earth_femur = chain(
        q_earth_pelvis,
        turn(Z, joints.flexion_rad),
        turn(X, side.sign * joints.adduction_rad),
        turn(Y, side.sign * joints.rotation_rad),
    )
    q_earth_shank = chain(
        q_earth_femur,
        turn(Z, -joints.knee_rad),
        # At a square knee the shank's x axis points down the femur, hence the minus.
        turn(X, -side.sign * joints.play_rad),
    )
    return q_earth_femur, q_earth_shank


def start_pose(movement: Movement) -> JointAngles:
    """Return the nominal joint angles of a movement's start pose, shape ()."""
    return JointAngles(
        flexion_rad=np.radians(movement.flexion_deg),
        adduction_rad=np.radians(movement.adduction_deg),
        rotation_rad=np.radians(movement.rotation_deg),
        knee_rad=np.radians(movement.knee_flexion_deg),
        play_rad=np.zeros(()),
    )


def gravity_phi(q_earth_femur: FloatArray, side: Side) -> FloatArray:
    """Return φ = side · atan2(z·u, x·u) in radians, shape (...).

    Parameters
    ----------
    q_earth_femur
        Femur → earth, shape (..., 4).
    side
        Which leg.
    """
    z_up = by_rows(rotate, q_earth_femur, Z)[..., 2]
    x_up = by_rows(rotate, q_earth_femur, X)[..., 2]
    phi: FloatArray = side.sign * np.arctan2(z_up, x_up)
    return phi


def heading_rotation(q_earth_femur: FloatArray, z_pelvis: FloatArray, side: Side) -> FloatArray:
    """Return the third angle of intrinsic ZXY of the femur against a pelvis, in radians.

    The third row of Rz·Rx(a)·Ry(r) is (−cos a sin r, sin a, cos a cos r), so the pelvis' z axis
    is all that is needed of it.

    Parameters
    ----------
    q_earth_femur
        Femur → earth, shape (..., 4).
    z_pelvis
        The pelvis' z axis in the earth frame, shape (..., 3).
    side
        Which leg.
    """
    along_x = np.sum(z_pelvis * by_rows(rotate, q_earth_femur, X), axis=-1)
    along_z = np.sum(z_pelvis * by_rows(rotate, q_earth_femur, Z), axis=-1)
    rotation: FloatArray = side.sign * np.arctan2(-along_x, along_z)
    return rotation


def thigh_elevation(q_earth_femur: FloatArray) -> FloatArray:
    """Return the elevation of hip → knee in radians, shape (...): 0 level, −π/2 standing."""
    y_up = by_rows(rotate, q_earth_femur, Y)[..., 2]
    elevation: FloatArray = -np.arcsin(np.clip(y_up, -1.0, 1.0))
    return elevation
