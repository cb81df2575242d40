"""The packages of Capture2Go units: framing with checksum, and what is in them.

Source: sensorstim/capture2go_sdk, protocol/Capture2Go_Communication_Protocol.md (MIT). Each
notification begins with a byte 0xFF − n, then n whole real-time packages, then the next piece of a
stream of packages that may straddle notifications.
"""

from __future__ import annotations

import math
import struct
import zlib
from typing import NamedTuple

from imu.drivers.reading import (
    Reading,
    Reason,
    acceleration_of,
    count,
    quaternion_of,
    rotation_rate_of,
)
from imu.profiles.unit_layout import MAX_NOTIFICATION_BYTES
from imu.quaternion import Quaternion

STOP_AND_CLEAR = 0x0158
SET_MEASUREMENT_MODE, MEASUREMENT_MODE_IS = 0x0120, 0x0122
START_STREAMING, STOP_STREAMING = 0x0150, 0x0152
GET_STATUS, STATUS = 0x0200, 0x0201
FULL_6D_FIXED = range(0x0251, 0x0257)
QUAT_FIXED = range(0x0281, 0x0288)
QUAT_FLOAT = range(0x0291, 0x0297)

START_BYTE = 2
HEAD = struct.Struct("<BIBH")  # start byte, CRC-32 of header and body, body's size, header
CHECKED_FROM = 6  # the header's first byte
MAX_BODY_BYTES = 236
MAX_REAL_TIME = 3

MEASUREMENT_MODE = struct.Struct("<q8BHBQ3B")
STATUS_BODY = struct.Struct("<q2B3h3B")
FULL_BODY = struct.Struct("<q3h3hQhB")
FIXED_BODY = struct.Struct("<qQhB")
FLOAT_BODY = struct.Struct("<q4ff3B")

GYR_SCALE = math.radians(2000.0) / 32768.0
ACC_SCALE = 16.0 / 32768.0 * 9.81  # the vendor's g
TIME_MASK = 2**63 - 1
PACKED_BITS = 20
PACKED_MASK = 2**PACKED_BITS - 1


class Package(NamedTuple):
    """One message of the unit, its checksum right."""

    header: int
    body: bytes


def pack(header: int, body: bytes = b"") -> bytes:
    """Return a package as it is sent."""
    checked = struct.pack("<H", header) + body
    return struct.pack("<BIB", START_BYTE, zlib.crc32(checked), len(body)) + checked


class PackageReader:
    """Cuts notifications into packages; holds back less than one.

    Parameters
    ----------
    rejected
        Gets the counts of what is not a package.
    """

    def __init__(self, rejected: dict[str, int]) -> None:
        self._rejected = rejected
        self._buffer = bytearray()

    def reset(self) -> None:
        """Forget what was held back."""
        self._buffer.clear()

    def packages(self, payload: bytes) -> list[Package]:
        """Return the packages that are complete with this notification."""
        real_time = 0xFF - payload[0] if payload else 0
        if not payload or real_time > MAX_REAL_TIME or len(payload) > MAX_NOTIFICATION_BYTES:
            count(self._rejected, Reason.OUT_OF_STEP)
            return []
        found: list[Package] = []
        at = 1
        for _ in range(real_time):
            package = _package_at(payload, at)
            if package is None:
                count(self._rejected, Reason.CHECKSUM)
                return found
            found.append(package)
            at += HEAD.size + len(package.body)
        self._buffer += payload[at:]
        return found + self._buffered()

    def _buffered(self) -> list[Package]:
        """Return the whole packages of the stream, skipping what is none."""
        found: list[Package] = []
        at, skipped = 0, False
        while _complete(self._buffer, at):
            package = _package_at(self._buffer, at)
            if package is not None:
                found.append(package)
                at += HEAD.size + len(package.body)
                continue
            skipped = True
            following = self._buffer.find(START_BYTE, at + 1)
            at = following if following >= 0 else len(self._buffer)
        if skipped:
            count(self._rejected, Reason.CHECKSUM)
        del self._buffer[:at]
        return found


def _complete(buffer: bytes | bytearray, at: int) -> bool:
    """Return whether a package is here whole, or certainly none begins here."""
    left = len(buffer) - at
    if left < HEAD.size:
        return False
    _, _, size, _ = HEAD.unpack_from(buffer, at)
    return buffer[at] != START_BYTE or size > MAX_BODY_BYTES or left >= HEAD.size + size


def _package_at(buffer: bytes | bytearray, at: int) -> Package | None:
    """Return the package that lies here; None when there is none, or not all of it."""
    if len(buffer) - at < HEAD.size:
        return None
    start, crc, size, header = HEAD.unpack_from(buffer, at)
    end = at + HEAD.size + size
    if start != START_BYTE or size > MAX_BODY_BYTES or end > len(buffer):
        return None
    if zlib.crc32(buffer[at + CHECKED_FROM : end]) != crc:
        return None
    return Package(header, bytes(buffer[at + HEAD.size : end]))


def reading_of(package: Package) -> Reading | Reason | None:
    """Return the sample of a package, why it is none, or None for another kind of package."""
    header, body = package
    for headers, layout in (
        (FULL_6D_FIXED, FULL_BODY),
        (QUAT_FIXED, FIXED_BODY),
        (QUAT_FLOAT, FLOAT_BODY),
    ):
        if header in headers:
            if len(body) != layout.size:
                return Reason.TOO_SHORT
            return _reading(header, layout.unpack(body))
    return None


def _reading(header: int, numbers: tuple[float, ...]) -> Reading | Reason:
    """Return the sample of a package's numbers; the heading offset to the magnet is left out."""
    acc = gyr = None
    q: Quaternion | Reason
    if header in QUAT_FLOAT:
        q = quaternion_of(*numbers[1:5])
    else:
        q = unpack_quaternion(int(numbers[-3]))
    if header in FULL_6D_FIXED:
        gyr = rotation_rate_of([number * GYR_SCALE for number in numbers[1:4]])
        acc = acceleration_of([number * ACC_SCALE for number in numbers[4:7]])
    for value in (q, acc, gyr):
        if isinstance(value, Reason):
            return value
    return Reading(int(numbers[0]) & TIME_MASK, None, q, acc, gyr)  # type: ignore[arg-type]


def unpack_quaternion(packed: int) -> Quaternion | Reason:
    """Return the quaternion of 64 bits: its three smallest numbers in 20 bits each.

    Bits 60 and 61 name the number that was left out; it is positive. Bits 62 and 63 are flags.
    """
    left_out = packed >> 60 & 3
    q = [0.0, 0.0, 0.0, 0.0]
    squared = 0.0
    for i in (3, 2, 1):
        value = (packed & PACKED_MASK) / PACKED_MASK * math.sqrt(2.0) - math.sqrt(0.5)
        q[(left_out + i) % 4] = value
        squared += value * value
        packed >>= PACKED_BITS
    if squared > 1.0:
        return Reason.NOT_UNIT
    q[left_out] = math.sqrt(1.0 - squared)
    return quaternion_of(*q)
