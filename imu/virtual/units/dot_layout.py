"""What a Movella DOT looks like from outside: its characteristics, its payloads, its errors.

Layouts are those of the Movella DOT BLE Services Specification (2023); numbers are little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import numpy as np

Property = Literal["read", "write", "notify"]
"""What can be done with a characteristic."""


def uuid_of(number: int) -> str:
    """Return the UUID of one of the vendor's services or characteristics."""
    return f"1517{number:04x}-4947-11e9-8646-d663bd873d93"


NAME = "Movella DOT"
COMPANY_ID = 0x0886
DEVICE_INFO, DEVICE_CONTROL, DEVICE_REPORT = map(uuid_of, (0x1001, 0x1002, 0x1004))
CONTROL, LONG, MEDIUM, SHORT = map(uuid_of, (0x2001, 0x2002, 0x2003, 0x2004))
BATTERY = uuid_of(0x3001)
MESSAGES, ACKNOWLEDGEMENT, NOTIFICATION = map(uuid_of, (0x7001, 0x7002, 0x7003))
SERVICES: Mapping[str, Mapping[str, tuple[Property, ...]]] = MappingProxyType(
    {
        uuid_of(0x1000): {
            DEVICE_INFO: ("read",),
            DEVICE_CONTROL: ("read", "write"),
            DEVICE_REPORT: ("notify",),
        },
        uuid_of(0x2000): {
            CONTROL: ("read", "write"),
            LONG: ("notify",),
            MEDIUM: ("notify",),
            SHORT: ("notify",),
        },
        uuid_of(0x3000): {BATTERY: ("read", "notify")},
        uuid_of(0x7000): {
            MESSAGES: ("write",),
            ACKNOWLEDGEMENT: ("read",),
            NOTIFICATION: ("notify",),
        },
    }
)
"""Service → characteristic → its properties."""

TIME, QUATERNION, ACCELERATION, ROTATION_RATE = (
    ("time_us", "<u4"),
    ("q", "<f4", (4,)),
    ("acc_mps2", "<f4", (3,)),
    ("gyr_dps", "<f4", (3,)),
)
MODES = {
    5: (SHORT, np.dtype([TIME, QUATERNION])),
    24: (MEDIUM, np.dtype([TIME, QUATERNION, ROTATION_RATE])),
    26: (LONG, np.dtype([TIME, QUATERNION, ACCELERATION, ROTATION_RATE])),
}
"""Measurement mode → the characteristic it notifies, and the layout of a payload."""

RATES_HZ = (1, 4, 10, 12, 15, 20, 30, 60, 120)
"""Real units record at 120 Hz, but stream at 60 Hz at most."""
DEFAULT_MTU = 247
MTU_OVERHEAD = 3
# Bits of byte 0 of a write to the device control: which of its settings count.
SET_TAG, SET_RATE, SET_FILTER = 0x08, 0x10, 0x20
TAG_SIZE_AT, TAG_AT, RATE_AT, FILTER_AT = 7, 8, 24, 26
TAG_BYTES = 16
FILTERS = (0, 1)  # general, dynamic

# Codes of the attribute protocol (Core Specification 5.4, vol. 3, F, 3.4.1.1).
READ_NOT_PERMITTED, WRITE_NOT_PERMITTED = 0x02, 0x03
WRONG_LENGTH, VALUE_NOT_ALLOWED = 0x0D, 0x13


class RefusedError(Exception):
    """The unit answers a request with an error.

    Attributes
    ----------
    code
        Of the attribute protocol.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"the emulated unit answers with the attribute error 0x{code:02x}")
        self.code = code


SYNCHRONISE = bytes((2, 7, 1))  # what a message to synchronise begins with; an address follows
STOP_SYNCHRONISING = bytes((2, 1, 2, 0xFB))
NOT_SYNCHRONISED = bytes((2, 2, 3, 1, 0xF8))


def synchronised(root_address: str) -> bytes:
    """Return what a unit says that took over the clock of a root: success, and whose it is."""
    message = bytes((2, 8, 3, 0)) + bytes.fromhex(root_address.replace(":", ""))[::-1]
    return message + bytes((-sum(message) & 0xFF,))


def sync_root(message: bytes) -> str:
    """Return the address whose clock a message asks the unit to take over.

    Raises
    ------
    RefusedError
        When it is another message, or damaged.
    """
    if len(message) != 10 or message[:3] != SYNCHRONISE or sum(message) & 0xFF:
        raise RefusedError(VALUE_NOT_ALLOWED)
    return message[8:2:-1].hex(":").upper()


def device_info(address: str, serial: int) -> bytes:
    """Return a unit's description of itself.

    Address, firmware, when that was built, version of the radio software, serial, product code.

    Parameters
    ----------
    address
        Written as `D4:22:CD:00:00:01`.
    serial
        A number of 64 bits.
    """
    return struct.pack(
        "<6s3BH5BIQ6s",
        bytes.fromhex(address.replace(":", ""))[::-1],
        *(3, 0, 0),
        *(2023, 7, 1, 12, 0, 0),
        7_000_001,
        serial,
        b"XS-T01",
    )
