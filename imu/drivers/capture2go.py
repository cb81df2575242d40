"""Capture2Go: packages with checksums, and quaternions in 64 bits.

Orientation is the unit's own 6-axis one; its heading offset to magnetic north is not applied. The
unit would also answer what its clock shows; it is not asked, for the arrivals of its samples bound
its clock well enough (`imu.clocks.clock`), and only they are in a recording.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from bleak import BleakClient

from imu.air.radio_errors import RadioError, Trouble
from imu.drivers import capture2go_packages as c2g
from imu.drivers.capture2go_packages import Package, PackageReader, pack, reading_of
from imu.drivers.reading import Reading, Reason, count
from imu.drivers.talk import Notifications, attempt, characteristic, put
from imu.drivers.unit_fields import CodedDriver
from imu.profiles.unit_layout import Profile
from imu.profiles.write_guard import CAPTURE2GO_COMMAND as COMMAND

STREAMING, RECORDING = 2, 3  # what the unit is doing
CHARGE_MASK = 0x7F  # the highest bit says that it is charging
STATUS_EVERY_S = 1
# Which byte of the measurement mode turns each stream on.
MODES = {"full_6d": 1, "quat_float": 3, "quat_fixed": 4}
# The bytes of the measurement mode that say which streams are sent at which rate.
OUTPUT = slice(8, 14)


class Capture2GoDriver(CodedDriver):
    """Starts, reads and stops a Capture2Go unit."""

    def __init__(self, profile: Profile, stream: str | None, rate_hz: float | None) -> None:
        super().__init__(profile, stream, rate_hz)
        self._reader = PackageReader(self.rejected)
        self._charge: int | None = None
        self._notifications: Notifications | None = None

    def decode(self, payload: bytes) -> list[Reading]:
        """Return the samples that are complete with this notification; never raises."""
        readings = []
        for package in self._reader.packages(payload):
            reading = reading_of(package)
            if isinstance(reading, Reason):
                count(self.rejected, reading)
            elif reading is not None:
                readings.append(reading)
            elif (status := _status(package)) is not None:
                self._charge = status.charge
            else:
                count(self.rejected, Reason.OTHER_MESSAGE)
        return readings

    async def start(self, client: BleakClient, receive: Callable[[bytes], None]) -> None:
        """Subscribe, then choose what is measured and start it.

        Raises
        ------
        BleakError, OSError, RadioError
            When the unit cannot be started, records to its own memory, or says that it sends
            something else than it was set to.
        """
        self._reader.reset()
        self._notifications = Notifications(receive)
        await client.start_notify(characteristic(client, self._layout.uuid), self._notifications)
        status = await self._ask_status(client, self._notifications)
        if status is not None and status.state == RECORDING:
            raise RadioError(
                Trouble.BUSY,
                "the Capture2Go unit is recording to its own memory: end that recording in its "
                "app first",
            )
        if status is not None and status.state == STREAMING:
            await self._put(client, pack(c2g.STOP_AND_CLEAR))
        await self._set_mode(client, self._notifications)
        await self._put(client, pack(c2g.START_STREAMING))

    async def stop(self, client: BleakClient) -> None:
        """Stop the unit as far as it still listens; never raises."""
        self._notifications = None
        await attempt(lambda: self._put(client, pack(c2g.STOP_STREAMING)))
        await attempt(lambda: client.stop_notify(characteristic(client, self._layout.uuid)))

    async def battery(self, client: BleakClient) -> int | None:
        """Return the charge in percent; None when the unit does not report it."""
        if self._notifications is not None and self._charge is not None:
            return self._charge
        borrowed = self._notifications is None
        notifications = self._notifications or Notifications(lambda _: None)
        target = characteristic(client, self._layout.uuid)
        if borrowed:
            await attempt(lambda: client.start_notify(target, notifications))
        found = await attempt(lambda: self._ask_status(client, notifications))
        if borrowed:
            await attempt(lambda: client.stop_notify(target))
        return found.charge if found else None

    async def _set_mode(self, client: BleakClient, notifications: Notifications) -> None:
        """Choose what is measured; the unit answers with what it now measures."""
        wanted, reader = self._mode(), PackageReader({})

        def reply(payload: bytes) -> bytes | None:
            modes = (
                p.body for p in reader.packages(payload) if p.header == c2g.MEASUREMENT_MODE_IS
            )
            return next((mode for mode in modes if len(mode) == len(wanted)), None)

        command = pack(c2g.SET_MEASUREMENT_MODE, wanted)
        said = await notifications.ask(lambda: self._put(client, command), reply)
        if said is not None and said[OUTPUT] != wanted[OUTPUT]:
            raise RadioError(
                Trouble.REJECTED,
                f"the unit was set to measurement mode {wanted[OUTPUT].hex(' ')} and says"
                f" {said[OUTPUT].hex(' ')}: switch it off and on, or look in its maker's app"
                " whether it can be set so",
            )

    async def _ask_status(
        self, client: BleakClient, notifications: Notifications
    ) -> _Status | None:
        reader = PackageReader({})

        def reply(payload: bytes) -> _Status | None:
            return next(filter(None, map(_status, reader.packages(payload))), None)

        return await notifications.ask(lambda: self._put(client, pack(c2g.GET_STATUS)), reply)

    def _mode(self) -> bytes:
        """Return the measurement mode that turns the stream on and all others off."""
        modes = [0] * 8
        modes[MODES[self.stream]] = self.profile.rates.codes[self.rate_hz]
        modes[6] = STATUS_EVERY_S
        without_magnet = 1
        return c2g.MEASUREMENT_MODE.pack(0, *modes, 0, 0, 0, 0, 0, without_magnet)

    async def _put(self, client: BleakClient, package: bytes) -> None:
        await put(client, characteristic(client, COMMAND), COMMAND, package)


class _Status(NamedTuple):
    """What the unit says about itself once a second."""

    state: int
    charge: int
    """Percent."""


def _status(package: Package) -> _Status | None:
    """Return the status in a package; None for another kind of package."""
    if package.header != c2g.STATUS or len(package.body) != c2g.STATUS_BODY.size:
        return None
    _, state, *_, charge, _ = c2g.STATUS_BODY.unpack(package.body)
    return _Status(state, min(charge & CHARGE_MASK, 100))
