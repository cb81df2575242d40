"""Unit quaternions (w, x, y, z), once for tuples and once for arrays.

A quaternion rotates vectors of its own frame into the frame it is named for: `q_earth_thigh`
takes a thigh vector to the earth. Products chain from right to left. The functions for tuples
serve the live path, where a numpy call per sample would cost fifty microseconds; those ending in
`_array` take arrays of shape (..., 4) or (..., 3) and serve whole recordings. A property test holds
the two equal. NaN in gives NaN out.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Quaternion = tuple[float, float, float, float]
Vector = tuple[float, float, float]
Array = npt.NDArray[np.float64]

IDENTITY: Quaternion = (1.0, 0.0, 0.0, 0.0)
# Below this angle (rad) slerp and a straight line agree to 1e-9, and sin(angle) is safe to avoid.
SLERP_LINEAR_RAD = 1e-4


def multiply(a: Quaternion, b: Quaternion) -> Quaternion:
    """Return the Hamilton product a ⊗ b: rotate by b, then by a."""
    aw, ax, ay, az = a
    bw, bx, by, bz = b
    return (
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    )


def conjugate(q: Quaternion) -> Quaternion:
    """Return the inverse rotation of a unit quaternion."""
    return (q[0], -q[1], -q[2], -q[3])


def norm(q: Quaternion) -> float:
    """Return the length of a quaternion."""
    return math.sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3])


def normalise(q: Quaternion) -> Quaternion:
    """Return q scaled to length one.

    Raises
    ------
    ZeroDivisionError
        When q is zero.
    """
    n = norm(q)
    return (q[0] / n, q[1] / n, q[2] / n, q[3] / n)


def rotate(q: Quaternion, v: Vector) -> Vector:
    """Return v, given in the frame of q, in the frame that q leads to."""
    w, x, y, z = q
    a, b, c = v
    # v + 2w(r × v) + 2 r × (r × v), with r the vector part
    tx = 2.0 * (y * c - z * b)
    ty = 2.0 * (z * a - x * c)
    tz = 2.0 * (x * b - y * a)
    return (
        a + w * tx + y * tz - z * ty,
        b + w * ty + z * tx - x * tz,
        c + w * tz + x * ty - y * tx,
    )


def slerp(a: Quaternion, b: Quaternion, u: float) -> Quaternion:
    """Return the rotation a share u of the shortest way from a to b (Shoemake 1985)."""
    aw, ax, ay, az = a
    bw, bx, by, bz = b
    dot = aw * bw + ax * bx + ay * by + az * bz
    angle = math.acos(min(abs(dot), 1.0))
    if angle < SLERP_LINEAR_RAD:
        ka, kb = 1.0 - u, u
    else:
        s = math.sin(angle)
        ka, kb = math.sin((1.0 - u) * angle) / s, math.sin(u * angle) / s
    if dot < 0.0:  # the same rotation on the other half of the sphere
        kb = -kb
    w, x, y, z = ka * aw + kb * bw, ka * ax + kb * bx, ka * ay + kb * by, ka * az + kb * bz
    n = math.sqrt(w * w + x * x + y * y + z * z)  # `normalise`, without two calls a unit and frame
    return (w / n, x / n, y / n, z / n)


def from_axis_angle(axis: Vector, angle_rad: float) -> Quaternion:
    """Return the rotation by an angle about a unit axis."""
    s = math.sin(angle_rad / 2.0)
    return (math.cos(angle_rad / 2.0), axis[0] * s, axis[1] * s, axis[2] * s)


def multiply_array(a: Array, b: Array) -> Array:
    """Return a ⊗ b for arrays of shape (..., 4) that broadcast."""
    aw, ax, ay, az = a[..., 0], a[..., 1], a[..., 2], a[..., 3]
    bw, bx, by, bz = b[..., 0], b[..., 1], b[..., 2], b[..., 3]
    return np.stack(
        (
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ),
        axis=-1,
    )


def conjugate_array(q: Array) -> Array:
    """Return the inverse rotations, shape (..., 4)."""
    inverse: Array = q * np.array([1.0, -1.0, -1.0, -1.0])
    return inverse


def normalise_array(q: Array) -> Array:
    """Return q scaled to length one along the last axis; NaN where the length is zero."""
    n = np.sqrt(np.sum(q * q, axis=-1, keepdims=True))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(n > 0.0, q / n, np.nan)


def rotate_array(q: Array, v: Array) -> Array:
    """Return vectors (..., 3) in the frames that the quaternions (..., 4) lead to."""
    w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    a, b, c = v[..., 0], v[..., 1], v[..., 2]
    tx = 2.0 * (y * c - z * b)
    ty = 2.0 * (z * a - x * c)
    tz = 2.0 * (x * b - y * a)
    return np.stack(
        (
            a + w * tx + y * tz - z * ty,
            b + w * ty + z * tx - x * tz,
            c + w * tz + x * ty - y * tx,
        ),
        axis=-1,
    )


def slerp_array(a: Array, b: Array, u: Array) -> Array:
    """Return the rotations a share u (...) of the way from a (..., 4) to b (..., 4)."""
    # part by part: sums along an axis of four take several times as long
    aw, ax, ay, az = (np.ascontiguousarray(a[..., part]) for part in range(4))
    bw, bx, by, bz = (np.ascontiguousarray(b[..., part]) for part in range(4))
    dot = aw * bw + ax * bx + ay * by + az * bz
    angle = np.arccos(np.minimum(np.abs(dot), 1.0))
    near = angle < SLERP_LINEAR_RAD
    s = np.where(near, 1.0, np.sin(angle))
    ka = np.where(near, 1.0 - u, np.sin((1.0 - u) * angle) / s)
    kb = np.where(near, u, np.sin(u * angle) / s)
    kb = np.where(dot < 0.0, -kb, kb)  # the same rotation on the other half of the sphere
    w, x, y, z = ka * aw + kb * bw, ka * ax + kb * bx, ka * ay + kb * by, ka * az + kb * bz
    n = np.sqrt(w * w + x * x + y * y + z * z)
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = np.stack((w / n, x / n, y / n, z / n), axis=-1)
    return np.where((n > 0.0)[..., None], scaled, np.nan)


def from_axis_angle_array(axis: Array, angle_rad: Array) -> Array:
    """Return rotations by angles (...) about unit axes (..., 3)."""
    half = np.asarray(angle_rad, dtype=np.float64) / 2.0
    return np.concatenate(
        (np.cos(half)[..., None], np.sin(half)[..., None] * np.asarray(axis)), axis=-1
    )


def rotation_vector_array(q: Array) -> Array:
    """Return the rotation vectors (..., 3) in rad, at most π long, of quaternions (..., 4)."""
    q = np.where(q[..., :1] < 0.0, -q, q)
    length = np.sqrt(np.sum(q[..., 1:] ** 2, axis=-1))
    angle = 2.0 * np.arctan2(length, q[..., 0])
    # angle/length tends to 2 for small rotations of unit quaternions
    scale = np.where(length > 1e-12, angle / np.where(length > 1e-12, length, 1.0), 2.0)
    return q[..., 1:] * scale[..., None]
