"""Movesense: asks for measurements by path, and joins what was sent in two parts.

The unit sends acceleration and rotation rate in blocks: n accelerations, then n rotation rates. It
does not fuse them, so readings have no orientation. Sources: sensein/movesense-py,
docs/movesense-api.md and src/movesense/protocol.py; the time is that of a block's first sample.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

from bleak import BleakClient

from imu.air.radio_errors import RadioError, Trouble
from imu.drivers.reading import (
    Reading,
    Reason,
    acceleration_of,
    count,
    rotation_rate_of,
)
from imu.drivers.talk import Notifications, attempt, characteristic, put, read_battery
from imu.drivers.unit_fields import CodedDriver
from imu.profiles.unit_layout import MAX_NOTIFICATION_BYTES, Profile
from imu.profiles.write_guard import MOVESENSE_COMMAND as COMMAND

SUBSCRIBE, UNSUBSCRIBE = 1, 2
RESULT, DATA, DATA_PART_2 = 1, 2, 3
REFERENCE = 99  # what the unit puts into each message of this subscription
ACCEPTED = range(200, 300)

HEAD = struct.Struct("<BBI")  # kind, reference, milliseconds
PAIR_BYTES = 24  # acceleration and rotation rate of one sample
BLOCKS_PER_S = 13  # messages a second, whatever the rate: the unit gathers samples


class MovesenseDriver(CodedDriver):
    """Starts, reads and stops a Movesense unit."""

    def __init__(self, profile: Profile, stream: str | None, rate_hz: float | None) -> None:
        super().__init__(profile, stream, rate_hz)
        self._expected = HEAD.size + PAIR_BYTES * max(1, round(self.rate_hz / BLOCKS_PER_S))
        self._part = b""
        self._splits = False

    async def start(self, client: BleakClient, receive: Callable[[bytes], None]) -> None:
        """Subscribe, then ask for the measurement.

        Raises
        ------
        BleakError, OSError, RadioError
            When the unit cannot be started or refuses the measurement.
        """
        self._part, self._splits = b"", False
        notifications = Notifications(receive)
        await client.start_notify(characteristic(client, self._layout.uuid), notifications)
        path = f"/Meas/IMU6/{self.rate_hz:.0f}"

        async def ask() -> None:
            command = bytes((SUBSCRIBE, REFERENCE)) + path.encode()
            await put(client, characteristic(client, COMMAND), COMMAND, command)

        status = await notifications.ask(ask, _status)
        if status is not None and status not in ACCEPTED:
            raise RadioError(
                Trouble.REJECTED,
                f"the Movesense unit refuses {path} (status {status}): choose another rate, or "
                "update its firmware to one with the GATT sensor data service",
            )

    async def stop(self, client: BleakClient) -> None:
        """Stop the unit as far as it still listens; never raises."""
        command = bytes((UNSUBSCRIBE, REFERENCE))
        await attempt(lambda: put(client, characteristic(client, COMMAND), COMMAND, command))
        await attempt(lambda: client.stop_notify(characteristic(client, self._layout.uuid)))

    async def battery(self, client: BleakClient) -> int | None:
        """Return the charge in percent; None when the unit does not report it."""
        return await read_battery(client, self.profile.battery) if self.profile.battery else None

    def decode(self, payload: bytes) -> list[Reading]:
        """Return the samples that are complete with this notification; never raises."""
        if len(payload) > MAX_NOTIFICATION_BYTES:
            count(self.rejected, Reason.TOO_LONG)
            return []
        kind = payload[0] if len(payload) > 1 and payload[1] == REFERENCE else None
        if kind == DATA:
            return self._first_part(payload)
        if kind == DATA_PART_2:
            return self._second_part(payload)
        count(self.rejected, Reason.OTHER_MESSAGE)
        return []

    def _first_part(self, payload: bytes) -> list[Reading]:
        """Return the samples of a whole block, or hold back what may be half of one."""
        readings = self._flush()
        if len(payload) == self._expected:
            return readings + self._block(payload)
        self._part = payload
        return readings

    def _flush(self) -> list[Reading]:
        """Return the samples of a block that turned out to have no second part."""
        part, self._part = self._part, b""
        if not part:
            return []
        if self._splits:  # then this one lost its second part
            count(self.rejected, Reason.PART_MISSING)
            return []
        return self._block(part)

    def _second_part(self, payload: bytes) -> list[Reading]:
        """Return the samples of a block whose second part this is."""
        part, self._part = self._part, b""
        self._splits = True
        if not part:
            count(self.rejected, Reason.PART_MISSING)
            return []
        return self._block(part + payload[2:])

    def _block(self, block: bytes) -> list[Reading]:
        """Return the samples of a whole block."""
        samples, rest = divmod(len(block) - HEAD.size, PAIR_BYTES)
        if samples < 1 or rest:
            count(self.rejected, Reason.TOO_SHORT)
            return []
        time_ms = HEAD.unpack_from(block)[2]
        numbers = struct.unpack_from(f"<{6 * samples}f", block, HEAD.size)
        readings = []
        for i in range(samples):
            acc = acceleration_of(numbers[3 * i : 3 * i + 3])
            first = 3 * (samples + i)
            gyr = rotation_rate_of([math.radians(rate) for rate in numbers[first : first + 3]])
            if isinstance(acc, Reason):
                count(self.rejected, acc)
            elif isinstance(gyr, Reason):
                count(self.rejected, gyr)
            else:
                time = (time_ms + round(1000.0 * i / self.rate_hz)) & 0xFFFFFFFF
                readings.append(Reading(time, None, None, acc, gyr))
        return readings


def _status(payload: bytes) -> int | None:
    """Return how the unit took the subscription; None for another message."""
    if len(payload) >= 4 and payload[:2] == bytes((RESULT, REFERENCE)):
        return int.from_bytes(payload[2:4], "little")
    # Data without a reply before it: the reply was lost.
    return ACCEPTED[0] if payload[:2] == bytes((DATA, REFERENCE)) else None
