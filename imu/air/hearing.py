"""What a connection brought of late: life is samples, not bytes.

A unit whose messages cannot be read is as good as silent, but is reported otherwise. Times are
given, never asked for.
"""

from __future__ import annotations

from collections.abc import Mapping

from imu.air.link_state import LinkTiming
from imu.air.radio_errors import SENTENCES, RadioError, Trouble
from imu.drivers.reading import what_is_wrong

NS_PER_S = 1e9
# So few messages without a sample are replies and the like: the unit does not stream at all.
FEW_MESSAGES = 5
# Messages of which a share is told when part of them cannot be read: five seconds at 60 Hz.
PART_MESSAGES = 300
PART_SHARE = 0.05


class Hearing:
    """Follows one connection's messages and samples.

    Parameters
    ----------
    timing
        How long silence may be.
    rejected
        The driver's own count of what was not taken, by reason; it goes on counting.
    """

    def __init__(self, timing: LinkTiming, rejected: Mapping[str, int]) -> None:
        self._timing, self._rejected = timing, rejected
        self._before: dict[str, int] = {}
        self._since_ns = 0
        self._heard_ns: int | None = None
        self._sampled = False
        self._unread = 0
        self._unread_since_ns = 0
        self._counted = self._counted_unread = 0
        self._told: dict[str, int] = dict(rejected)

    def begin(self, now_ns: int) -> None:
        """Start a connection."""
        self._since_ns, self._heard_ns, self._sampled = now_ns, None, False
        self._forget(now_ns)

    def excuse(self, now_ns: int) -> None:
        """Note that the computer was busy or asleep: what was sent meanwhile is still to come."""
        self._since_ns = self._unread_since_ns = now_ns
        self._unread = 0

    def hear(self, now_ns: int) -> None:
        """Note that a message arrived."""
        self._heard_ns = now_ns

    def read(self, heard_ns: int, samples: int) -> None:
        """Take how many samples a message held."""
        self._counted += 1
        if samples:
            self._sampled = True
            self._forget(heard_ns)
            return
        if not self._unread:
            self._unread_since_ns = max(self._unread_since_ns, heard_ns)
        self._unread += 1
        self._counted_unread += 1

    def silent_s(self, now_ns: int) -> float:
        """Return for how long nothing was heard."""
        since_ns = max(self._since_ns, self._heard_ns or self._since_ns)
        return (now_ns - since_ns) / NS_PER_S

    def trouble(self, now_ns: int, rate_hz: float) -> RadioError | None:
        """Return why the connection is to be given up; None while it may go on."""
        timing = self._timing
        unread_s = (now_ns - self._unread_since_ns) / NS_PER_S
        if self._unread > FEW_MESSAGES and unread_s >= timing.unreadable_s:
            return self._unreadable()
        limit_s = timing.drop_s(rate_hz) if self._sampled else timing.first_data_s
        return RadioError(Trouble.SILENT) if self.silent_s(now_ns) >= limit_s else None

    def part_unreadable(self) -> str:
        """Return, after every few seconds of messages, that many could not be read; else empty."""
        if self._counted < PART_MESSAGES:
            return ""
        counted, unread = self._counted, self._counted_unread
        cause = what_is_wrong(_newly(self._told, self._rejected))
        self._counted = self._counted_unread = 0
        self._told = dict(self._rejected)
        if unread <= PART_SHARE * counted:
            return ""
        return (
            f"sends data that cannot be read in part ({unread} of {counted} messages: {cause}):"
            " bring it closer; if that does not help, switch it off and on"
        )

    def _unreadable(self) -> RadioError:
        cause = what_is_wrong(_newly(self._before, self._rejected))
        count = f"{self._unread} of {self._unread} messages"
        sentence = SENTENCES[Trouble.UNREADABLE]
        said, _, remedy = sentence.partition(": ")
        return RadioError(Trouble.UNREADABLE, f"{said} ({count}: {cause}): {remedy}")

    def _forget(self, now_ns: int) -> None:
        self._unread, self._unread_since_ns = 0, now_ns
        self._before = dict(self._rejected)


def _newly(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    """Return what was counted since."""
    return {reason: n - before.get(reason, 0) for reason, n in now.items()}
