"""One sample as a unit sent it, and the reasons for refusing one.

What cannot be a sample is counted under one of these reasons, and nothing of it is kept:

================= ==============================================================================
too_short         fewer bytes than the sample needs
too_long          more than a notification can hold
other_message     another message on the same characteristic, a reply for example
out_of_step       bytes between frames: the stream was joined or cut in the middle of one
unreadable_line   a line of text that does not look as the profile says, or never ends
checksum          bytes that arrived differently from how they were sent
part_missing      half of a sample that was sent in two parts
not_finite        NaN or infinite numbers
not_unit          a quaternion of length outside (0.5, 2)
out_of_range      beyond what a sensor on a leg can read
================= ==============================================================================
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from imu.quaternion import Quaternion, Vector
from imu.screening import (
    MAX_ACC_MPS2,
    MAX_GYR_RADPS,
    MAX_LENGTH_SQUARED,
    MIN_LENGTH_SQUARED,
)

# Rounding to 16 bits puts three components at most this far outside the unit sphere.
MAX_DERIVED_EXCESS = 0.01
# Angles are sent within ±180° or 0 to 360°.
MAX_EULER_DEG = 720.0


class Reading(NamedTuple):
    """One sample as the unit sent it, in SI units."""

    device_time: int | None
    """The unit's own raw clock counter, wrapping."""
    sequence: int | None
    """The unit's own raw packet counter, wrapping."""
    q: Quaternion | None
    """Sensor → earth (z up), wxyz, length one; None for raw units."""
    acc: Vector | None
    """Specific force in m/s², sensor frame."""
    gyr: Vector | None
    """Angular velocity in rad/s, sensor frame."""


class Reason(StrEnum):
    """Why something is not taken as a sample."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    OTHER_MESSAGE = "other_message"
    OUT_OF_STEP = "out_of_step"
    UNREADABLE_LINE = "unreadable_line"
    CHECKSUM = "checksum"
    PART_MISSING = "part_missing"
    NOT_FINITE = "not_finite"
    NOT_UNIT = "not_unit"
    OUT_OF_RANGE = "out_of_range"


def count(rejected: dict[str, int], reason: Reason) -> None:
    """Add one to a reason's count."""
    rejected[reason.value] = rejected.get(reason.value, 0) + 1


def quaternion_of(w: float, x: float, y: float, z: float) -> Quaternion | Reason:
    """Return the quaternion scaled to length one, or why it is none."""
    squared = w * w + x * x + y * y + z * z
    if MIN_LENGTH_SQUARED < squared < MAX_LENGTH_SQUARED:
        length = math.sqrt(squared)
        return (w / length, x / length, y / length, z / length)
    return Reason.NOT_UNIT if math.isfinite(squared) else Reason.NOT_FINITE


def quaternion_of_vector(x: float, y: float, z: float) -> Quaternion | Reason:
    """Return the quaternion of which only x, y and z were sent; its w is not negative."""
    squared = x * x + y * y + z * z
    if squared > 1.0 + MAX_DERIVED_EXCESS:
        return Reason.NOT_UNIT if math.isfinite(squared) else Reason.NOT_FINITE
    return quaternion_of(math.sqrt(max(0.0, 1.0 - squared)), x, y, z)


def quaternion_of_euler(roll: float, pitch: float, yaw: float) -> Quaternion | Reason:
    """Return the quaternion of angles in degrees: Rz(yaw) · Ry(pitch) · Rx(roll)."""
    angles = _vector((roll, pitch, yaw), MAX_EULER_DEG)
    if isinstance(angles, Reason):
        return angles
    r, p, y = math.radians(roll) / 2, math.radians(pitch) / 2, math.radians(yaw) / 2
    cr, sr, cp, sp, cy, sy = (
        math.cos(r),
        math.sin(r),
        math.cos(p),
        math.sin(p),
        math.cos(y),
        math.sin(y),
    )
    return quaternion_of(
        cy * cp * cr + sy * sp * sr,
        cy * cp * sr - sy * sp * cr,
        cy * sp * cr + sy * cp * sr,
        sy * cp * cr - cy * sp * sr,
    )


def acceleration_of(numbers: Sequence[float]) -> Vector | Reason:
    """Return three numbers in m/s² as specific force, or why they are none."""
    return _vector(numbers, MAX_ACC_MPS2)


def rotation_rate_of(numbers: Sequence[float]) -> Vector | Reason:
    """Return three numbers in rad/s as angular velocity, or why they are none."""
    return _vector(numbers, MAX_GYR_RADPS)


def _vector(numbers: Sequence[float], limit: float) -> Vector | Reason:
    x, y, z = numbers
    if abs(x) <= limit and abs(y) <= limit and abs(z) <= limit:
        return (x, y, z)
    finite = math.isfinite(x) and math.isfinite(y) and math.isfinite(z)
    return Reason.OUT_OF_RANGE if finite else Reason.NOT_FINITE
