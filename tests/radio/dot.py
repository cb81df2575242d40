"""A Movella DOT on the air, in the payload modes with a quaternion that are in use."""

from __future__ import annotations

import math
import struct
from typing import Any

from peripheral import Characteristic, Peripheral


def uuid(number: str) -> str:
    return f"1517{number}-4947-11e9-8646-d663bd873d93"


INFORMATION, SETTINGS, CONTROL, CHARGE = uuid("1001"), uuid("1002"), uuid("2001"), uuid("3001")
LONG, MEDIUM, SHORT = uuid("2002"), uuid("2003"), uuid("2004")
MODES = {5: (SHORT, 23), 24: (MEDIUM, 40), 26: (LONG, 247)}
"""Mode → where its payload arrives, and a link that carries it but no longer one."""

Q = (math.cos(0.3), math.sin(0.3), 0.0, 0.0)
ACC_MPS2 = (0.5, -1.0, 9.75)
GYR_DPS = (90.0, -45.0, 0.25)


def encode(mode: int, time_us: int) -> bytes:
    payload = struct.pack("<I4f", time_us % 2**32, *Q)
    if mode == 26:
        payload += struct.pack("<3f", *ACC_MPS2)
    if mode in (24, 26):
        payload += struct.pack("<3f", *GYR_DPS)
    return payload


def dot(address: str, mode: int, **settings: Any) -> Peripheral:
    """Return a DOT whose link carries no longer payload than that of a mode."""
    data, mtu = MODES[mode]
    services = {
        uuid("1000"): [
            Characteristic(INFORMATION, ["read"], bytes(34)),
            Characteristic(SETTINGS, ["read", "write"], bytes(32)),
        ],
        uuid("2000"): [
            Characteristic(CONTROL, ["read", "write"]),
            *(Characteristic(number, ["notify"]) for number in (LONG, MEDIUM, SHORT)),
        ],
        uuid("3000"): [Characteristic(CHARGE, ["read", "notify"], b"\x42\x00")],
    }
    return Peripheral(
        address,
        name="Movella DOT",
        company_id=0x0886,
        advertised=[],
        services=services,
        mtu=mtu,
        data=data,
        control=CONTROL,
        start=bytes((1, 1, mode)),
        stop=bytes((1, 0, mode)),
        encode=lambda _, time_us: encode(mode, time_us),
        rate_hz=60.0,
        **settings,
    )
