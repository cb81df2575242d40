"""Polar Verity Sense: acceleration and rotation rate as two streams of differences, joined here.

The unit sends frames of one kind or the other, each with the time of its last sample in ns and its
samples as a first one and differences packed in bits. A reading is one rotation rate, with the
acceleration at its time between the two next to it. Sources: the vendor's polar-ble-sdk,
documentation/products/PolarVeritySense.md, technical_documentation/online_measurement.pdf, and the
SDK's own BlePMDClient, AccData and GyrData.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bleak import BleakClient

from imu.air.radio_errors import RadioError, Trouble
from imu.drivers.reading import Reading, Reason, acceleration_of, count, rotation_rate_of
from imu.drivers.talk import Notifications, attempt, characteristic, put, read_battery
from imu.drivers.unit_fields import CodedDriver
from imu.profiles.unit_layout import MAX_NOTIFICATION_BYTES, Profile
from imu.profiles.write_guard import POLAR_CONTROL as CONTROL
from imu.quaternion import Vector
from imu.sample import STANDARD_GRAVITY

START, STOP, REPLY = 0x02, 0x03, 0xF0
ACC, GYR = 0x02, 0x05
NAMES = {ACC: "acceleration", GYR: "rotation rate"}
TAKEN, ALREADY = 0, 6  # what the unit says to a start
ACC_RANGE_G, GYR_RANGE_DPS = 8, 2000
FACTOR, SIZES = 5, {0: 2, 1: 2, 2: 2, 3: 4, 4: 1, 5: 4}  # settings in a reply: kind → bytes

HEAD = struct.Struct("<BQB")  # kind, ns of the last sample, type of frame
COMPRESSED = 0x80
IN_G, IN_MG = 0, 1  # types of frames of acceleration
FIRST = struct.Struct("<3h")
AXES = 3
MAX_DELTA_BITS = 32
NS_PER_S = 1e9
FULL_SCALE = 32768
APART_NS = 100_000_000
"""Accelerations farther apart than this have a lost frame between them: 52 a second come."""
TIME_MASK = (1 << 63) - 1  # recordings keep counters as signed 64-bit numbers
HELD = 256
"""Samples that wait for the other kind; a frame holds some 70 at most."""


class _Timed(NamedTuple):
    time_ns: int
    numbers: Vector


class PolarDriver(CodedDriver):
    """Starts, reads and stops a Polar Verity Sense."""

    def __init__(self, profile: Profile, stream: str | None, rate_hz: float | None) -> None:
        super().__init__(profile, stream, rate_hz)
        self._factors: dict[int, float] = {}
        self._forget()

    async def start(self, client: BleakClient, receive: Callable[[bytes], None]) -> None:
        """Subscribe, then start both measurements.

        Raises
        ------
        BleakError, OSError, RadioError
            When the unit cannot be started or refuses a measurement.
        """
        self._forget()
        await client.start_notify(characteristic(client, self._layout.uuid), Notifications(receive))
        replies = Notifications(lambda _: None)
        await client.start_notify(characteristic(client, CONTROL), replies)
        for kind in (ACC, GYR):
            status, factor = await self._ask(client, replies, self._start(kind))
            if status == ALREADY:  # another app left it on: with settings that are not known
                await self._ask(client, replies, bytes((STOP, kind)))
                status, factor = await self._ask(client, replies, self._start(kind))
            if status not in (TAKEN, None):
                raise RadioError(
                    Trouble.REJECTED,
                    f"the Polar unit refuses to send {NAMES[kind]} (status {status}): end its"
                    " recording or swimming mode, and switch it off and on",
                )
            if factor is not None:
                self._factors[kind] = factor

    async def stop(self, client: BleakClient) -> None:
        """Stop the unit as far as it still listens; never raises."""
        for kind in (GYR, ACC):
            command = bytes((STOP, kind))
            await attempt(lambda c=command: self._put(client, c))  # type: ignore[misc]
        for uuid in (CONTROL, self._layout.uuid):
            await attempt(lambda u=uuid: client.stop_notify(characteristic(client, u)))  # type: ignore[misc]

    async def battery(self, client: BleakClient) -> int | None:
        """Return the charge in percent; None when the unit does not report it."""
        return await read_battery(client, self.profile.battery) if self.profile.battery else None

    def decode(self, payload: bytes) -> list[Reading]:
        """Return the samples that are complete with this notification; never raises."""
        if len(payload) > MAX_NOTIFICATION_BYTES:
            count(self.rejected, Reason.TOO_LONG)
            return []
        kind = payload[0] if payload else None
        if kind not in (ACC, GYR):
            count(self.rejected, Reason.OTHER_MESSAGE)
            return []
        samples = self._frame(kind, payload)
        if isinstance(samples, Reason):
            count(self.rejected, samples)
            return []
        held = self._acc if kind == ACC else self._gyr
        held += samples
        for _ in range(max(0, len(held) - HELD)):  # the other kind does not come
            held.pop(0)
            count(self.rejected, Reason.PART_MISSING)
        return self._join()

    def _forget(self) -> None:
        """Begin anew: the link was lost."""
        self._acc: list[_Timed] = []
        self._gyr: list[_Timed] = []
        self._last_ns: dict[int, int] = {}

    def _start(self, kind: int) -> bytes:
        """Return the command that starts a measurement: rate, 16 bits, range, three axes."""
        wide = ACC_RANGE_G if kind == ACC else GYR_RANGE_DPS
        settings = ((0, round(self.rate_hz)), (1, 16), (2, wide))
        parts = [struct.pack("<BBH", name, 1, value) for name, value in settings]
        return bytes((START, kind)) + b"".join(parts) + bytes((4, 1, AXES))

    async def _ask(
        self, client: BleakClient, replies: Notifications, command: bytes
    ) -> tuple[int | None, float | None]:
        """Return what the unit says to a command: status and factor; None where it does not."""

        def find(payload: bytes) -> bytes | None:
            known = payload[:3] == bytes((REPLY, *command[:2])) and len(payload) > 3
            return payload[3:] if known else None

        reply = await replies.ask(lambda: self._put(client, command), find)
        return (None, None) if reply is None else (reply[0], _factor(reply[2:]))

    async def _put(self, client: BleakClient, command: bytes) -> None:
        await put(client, characteristic(client, CONTROL), CONTROL, command, response=True)

    def _frame(self, kind: int, payload: bytes) -> list[_Timed] | Reason:
        """Return the samples of a frame, with their times."""
        if len(payload) < HEAD.size + FIRST.size:
            return Reason.TOO_SHORT
        _, last_ns, form = HEAD.unpack_from(payload)
        compressed = bool(form & COMPRESSED)
        scale = self._scale(kind, form & ~COMPRESSED)
        if scale is None or not (compressed or (kind, form) == (ACC, IN_MG)):
            return Reason.OTHER_MESSAGE
        rows = _rows(payload[HEAD.size :], compressed=compressed)
        if isinstance(rows, Reason):
            return rows
        times = self._times(kind, last_ns, len(rows))
        samples = []
        check = acceleration_of if kind == ACC else rotation_rate_of
        for time_ns, row in zip(times, rows, strict=True):
            vector = check([scale * number for number in row])
            if isinstance(vector, Reason):
                count(self.rejected, vector)
            else:
                samples.append(_Timed(time_ns, vector))
        return samples

    def _scale(self, kind: int, form: int) -> float | None:
        """Return what a number is multiplied with, to m/s² or rad/s; None for an unknown form."""
        if kind == GYR:
            factor = self._factors.get(GYR, GYR_RANGE_DPS / FULL_SCALE)
            return math.radians(factor) if form == 0 else None
        factor = self._factors.get(ACC, ACC_RANGE_G / FULL_SCALE)
        if form == IN_MG:  # where no factor was told, one count is one thousandth of a g
            factor = self._factors.get(ACC, 1.0) / 1000.0
        return factor * STANDARD_GRAVITY if form in (IN_G, IN_MG) else None

    def _times(self, kind: int, last_ns: int, number: int) -> list[int]:
        """Return the time of each sample: evenly from the frame before, of which one was the last.

        After a lost frame, and at first, samples are as far apart as the rate says.
        """
        nominal_ns = NS_PER_S / self.rate_hz
        step_ns = (last_ns - self._last_ns.get(kind, 0)) / number
        if not 0.5 < step_ns / nominal_ns < 1.5:
            step_ns = nominal_ns
        self._last_ns[kind] = last_ns
        return [last_ns - round(step_ns * ahead) for ahead in reversed(range(number))]

    def _join(self) -> list[Reading]:
        """Return a reading for each rotation rate whose acceleration is known."""
        readings: list[Reading] = []
        slack_ns = NS_PER_S / self.rate_hz
        while self._gyr and self._acc:
            time_ns, gyr = self._gyr[0]
            while len(self._acc) > 1 and self._acc[1].time_ns <= time_ns:
                self._acc.pop(0)
            before, *after = self._acc[:2]
            if not after and time_ns > before.time_ns:
                break  # the next frame of acceleration brings it
            self._gyr.pop(0)
            acc = _at(time_ns, before, after[0] if after else before, slack_ns)
            if acc is None:
                count(self.rejected, Reason.PART_MISSING)
            else:
                readings.append(Reading(time_ns & TIME_MASK, None, None, acc, gyr))
        return readings


def _at(time_ns: int, before: _Timed, after: _Timed, slack_ns: float) -> Vector | None:
    """Return the acceleration at a time between two; None where none is near enough."""
    if time_ns <= before.time_ns:  # the first ones of a stream
        return before.numbers if before.time_ns - time_ns <= slack_ns else None
    span_ns = after.time_ns - before.time_ns
    if span_ns > APART_NS:
        return None
    share = (time_ns - before.time_ns) / span_ns
    x, y, z = (a + share * (b - a) for a, b in zip(before.numbers, after.numbers, strict=True))
    return (x, y, z)


def _rows(data: bytes, *, compressed: bool) -> list[Sequence[int]] | Reason:
    """Return the numbers of a frame's samples, three each."""
    if not compressed:
        if len(data) % FIRST.size:
            return Reason.TOO_SHORT
        return list(FIRST.iter_unpack(data))
    row = FIRST.unpack_from(data)
    rows: list[Sequence[int]] = [row]
    at = FIRST.size
    while at < len(data):
        if at + 2 > len(data):
            return Reason.TOO_SHORT
        bits, number = data[at], data[at + 1]
        size = math.ceil(bits * number * AXES / 8)
        block = data[at + 2 : at + 2 + size]
        if len(block) < size or not 0 < bits <= MAX_DELTA_BITS:
            return Reason.TOO_SHORT
        packed, sign, mask = int.from_bytes(block, "little"), 1 << (bits - 1), (1 << bits) - 1
        for sample in range(number):
            places = (bits * (AXES * sample + axis) for axis in range(AXES))
            deltas = ((((packed >> place) & mask) ^ sign) - sign for place in places)
            x, y, z = (value + delta for value, delta in zip(row, deltas, strict=True))
            row = (x, y, z)
            rows.append(row)
        at += 2 + size
    return rows


def _factor(settings: bytes) -> float | None:
    """Return the factor among the settings in a reply; None where none makes sense."""
    at = 0
    while at + 2 <= len(settings):
        name, number = settings[at], settings[at + 1]
        size = SIZES.get(name, 0) * number
        if not size or at + 2 + size > len(settings):
            return None
        if name == FACTOR:
            (factor,) = struct.unpack_from("<f", settings, at + 2)
            return float(factor) if math.isfinite(factor) and factor > 0 else None
        at += 2 + size
    return None
