"""Which way a phone's acceleration points: up at rest, or, as every browser on iOS has it, down.

A phone that is read the wrong way round calibrates, counts, and is 39° wrong. Its make does not
tell, nor does what its browser can do; gravity does. The `deviceorientation` event says where up is
in the phone, and at rest the acceleration must point there.
"""

from __future__ import annotations

import math

from imu.quaternion import Vector

ENOUGH = 10
"""Agreeing events; a phone sends them at up to 60 Hz."""
SURE_MPS2 = 7.0
"""Of the 9.8 m/s² that gravity has along up: 44° between the two, and either sign is out."""
REST_MPS2 = (9.3, 10.3)
"""The size of an acceleration at rest: 9.8 within the offset of a poor phone."""
REST_RADPS = math.radians(20.0)
"""A hand that holds a phone turns it by less."""


def up_in_phone(beta_deg: float, gamma_deg: float) -> Vector:
    """Return the earth's up in the phone's axes, by `beta`, `gamma` of `deviceorientation`.

    W3C Device Orientation, section 4.1: rotations about z by alpha, x by beta, y by gamma,
    intrinsic in this order. The third row of that matrix does not hold alpha, the heading.
    """
    b, g = math.radians(beta_deg), math.radians(gamma_deg)
    return (-math.cos(b) * math.sin(g), math.sin(b), math.cos(b) * math.cos(g))


def is_at_rest(acc: Vector, gyr: Vector) -> bool:
    """Return whether a phone shows gravity alone."""
    still = math.hypot(*gyr) < REST_RADPS
    return still and REST_MPS2[0] <= math.hypot(*acc) <= REST_MPS2[1]


class SignFinder:
    """Finds the sign by which a phone's acceleration is to be multiplied.

    Attributes
    ----------
    sign
        1 or −1; None while it is not known.
    """

    def __init__(self) -> None:
        self.sign: int | None = None
        self._agreed = 0

    def push(self, beta_deg: float, gamma_deg: float, acc: Vector, gyr: Vector) -> None:
        """Take an orientation event and what was measured last before it."""
        if self.sign is not None or not math.isfinite(beta_deg + gamma_deg):
            return
        up = up_in_phone(beta_deg, gamma_deg)
        along = sum(a * u for a, u in zip(acc, up, strict=True))
        if not is_at_rest(acc, gyr) or abs(along) < SURE_MPS2:
            return
        way = 1 if along > 0.0 else -1
        # the events that agree in a row, positive for up
        self._agreed = self._agreed + way if self._agreed * way > 0 else way
        if abs(self._agreed) >= ENOUGH:
            self.sign = way
