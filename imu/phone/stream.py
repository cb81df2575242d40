"""From a phone's batches to readings: checked first, then on an even grid.

Nothing is given out before gravity has told the sign of the acceleration and the phone has been
turned over once. A phone that comes back keeps both; one whose page was opened anew begins a new
clock, another phone begins from nothing.
"""

from __future__ import annotations

import math
from enum import Enum

from imu.drivers.reading import Reading
from imu.even_rate import EvenRate
from imu.phone.batch import Row, RowScreen, read_batch
from imu.phone.hand_check import HandCheck, Verdict
from imu.phone.profile import PhoneProfile
from imu.phone.sign import SignFinder

TIME_BITS = 32


class Asked(Enum):
    """What the wearer is asked to do with a phone before it counts."""

    TURN = "turn"
    """Turn it over once."""
    UPRIGHT = "upright"
    """Hold it still: turning has not shown which way its acceleration points."""
    OTHER = "other"
    """Nothing helps: what it calls turning does not fit gravity."""
    NOTHING = "nothing"


class PhoneStream:
    """One place's phone.

    Attributes
    ----------
    asked
        What the wearer is asked for.
    misfit
        What does not fit in a phone of which another one is asked for; empty where that is unknown.
    taken
        How many rows counted.
    sent_s
        When the last batch was sent, on the phone's own clock.
    """

    def __init__(self, profile: PhoneProfile) -> None:
        self._profile = profile
        self._phone, self._origin = "", 0.0
        self._screen = RowScreen()
        self.sent_s = math.nan
        self.taken = 0
        self._begin()

    def _begin(self) -> None:
        self.asked = Asked.TURN
        self.misfit = ""
        self._sign, self._hand = SignFinder(), HandCheck()
        self._newest: Row | None = None
        self._grid = EvenRate(self._profile.rate_hz)

    @property
    def dropped(self) -> dict[str, int]:
        """Return how many rows did not count, by reason."""
        return self._screen.dropped

    @property
    def progress(self) -> float:
        """Return how much of the turning is done, from 0 to 1."""
        return self._hand.progress

    @property
    def is_known(self) -> bool:
        """Return whether a phone has said who it is."""
        return bool(self._phone)

    @property
    def hidden_turn_deg(self) -> float:
        """Return how far gravity has turned in it while it told of hardly any turning."""
        return self._hand.hidden_turn_deg

    @property
    def sign(self) -> int | None:
        """Return what its acceleration is multiplied by; None while that is not known."""
        return self._sign.sign

    def hello(self, phone: str, origin: float, *, points_up: bool = False) -> bool:
        """Take who the phone is and when its page was opened; return whether its clock is new.

        `points_up` says that its acceleration is known to point up at rest.
        """
        if (phone, origin) == (self._phone, self._origin):
            return False
        if phone != self._phone:
            self._begin()
            self._sign.sign = 1 if points_up else None
        self._phone, self._origin = phone, origin
        self._screen.restart()
        self._newest = None
        self._grid = EvenRate(self._profile.rate_hz)
        return True

    def attitude(self, beta_deg: float, gamma_deg: float) -> None:
        """Take a deviceorientation event, which follows the rows measured before it."""
        if self._newest is not None and self.asked is not Asked.NOTHING:
            self._sign.push(beta_deg, gamma_deg, self._newest.acc, self._newest.gyr)
            self._judge()

    def take(self, data: bytes) -> list[Reading]:
        """Take a batch; return the readings that it completes, none before the checks passed.

        Raises
        ------
        imu.phone.batch.BatchError
            When it is no batch.
        """
        batch = read_batch(data)
        self.sent_s = batch.sent_s
        found: list[Reading] = []
        for row in batch.rows:
            if not self._screen.push(row):
                continue
            self.taken += 1
            self._newest = row
            if self.asked is Asked.NOTHING:
                found += self._on_grid(row)
            else:
                self._hand.push(row)
                self._judge()
        return found

    def _judge(self) -> None:
        """Say what is asked for now."""
        verdict = self._hand.verdict
        if verdict is Verdict.SOUND:
            self.asked = Asked.UPRIGHT if self._sign.sign is None else Asked.NOTHING
        elif verdict is Verdict.UNFIT:
            self.asked, self.misfit = Asked.OTHER, self._hand.misfit
            self._hand = HandCheck()  # it may be tried again

    def _on_grid(self, row: Row) -> list[Reading]:
        sign = self._sign.sign
        assert sign is not None  # noqa: S101 (both checks have passed)
        ticks = 1.0 / (self._profile.rate_hz * self._profile.tick_s)
        found = []
        for k, (ax, ay, az, gx, gy, gz) in self._grid.push(row.time_s, (*row.acc, *row.gyr)):
            acc = (sign * ax, sign * ay, sign * az)
            found.append(Reading(round(k * ticks) % 2**TIME_BITS, None, None, acc, (gx, gy, gz)))
        return found
