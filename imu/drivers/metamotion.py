"""MetaMotion: reads which inertial chip is inside, then uses that chip's profile.

The units look alike on the air, but the R, RL and C carry a BMI160 and the S a BMI270, which are
set up with different bytes. Sources: mbientlab/MetaWear-SDK-Cpp, src/metawear/sensor/cpp
(module info of the accelerometer, implementation numbers).
"""

from __future__ import annotations

from collections.abc import Callable

from bleak import BleakClient

from imu.air.radio_errors import RadioError, Trouble
from imu.drivers.talk import Notifications, attempt, characteristic, put
from imu.drivers.toml_driver import TomlDriver
from imu.profiles.profile import load_profiles
from imu.profiles.unit_layout import Profile
from imu.profiles.write_guard import METAWEAR_COMMAND as COMMAND

NOTIFY = "326a9006-85cb-9195-d9dd-464cfbbae75a"
ASK_ACCELEROMETER = b"\x03\x80"
# What the unit calls its accelerometer → the profile.
CHIPS = {1: "metamotion_bmi160", 4: "metamotion_bmi270"}


class MetaMotionDriver(TomlDriver):
    """A `TomlDriver` whose profile is chosen by the unit itself; final after `start`."""

    def __init__(self, profile: Profile, stream: str | None, rate_hz: float | None) -> None:
        super().__init__(profile, stream, rate_hz)
        self._wanted_hz = rate_hz
        self._probed = False

    async def start(self, client: BleakClient, receive: Callable[[bytes], None]) -> None:
        """Ask for the chip the first time, then set the unit up and start it.

        Raises
        ------
        BleakError, OSError, RadioError
            When the unit cannot be started, or has no chip that fuses on board.
        """
        if not self._probed:
            chip = await probe_chip(client)
            if chip is not None:
                self._use(chip)
        await super().start(client, receive)

    def _use(self, chip: int) -> None:
        """Go on with the profile of a chip."""
        profile_id = CHIPS.get(chip)
        if profile_id is None:
            raise RadioError(
                Trouble.MISFIT,
                f"this MetaWear unit has a motion chip (number {chip}) without orientation on "
                "board: use a MetaMotion R, RL, C or S",
            )
        self._probed = True
        if profile_id != self.profile.id:
            chosen = load_profiles()[profile_id]
            stream = self._wanted if self._wanted in chosen.streams else None
            rate_hz = self._wanted_hz if self._wanted_hz in chosen.rates.allowed else None
            super().__init__(chosen, stream, rate_hz)


async def probe_chip(client: BleakClient) -> int | None:
    """Return the number of the unit's accelerometer, None when it does not answer.

    Raises
    ------
    BleakError, OSError
        When the link fails.
    """
    notifications = Notifications(lambda _: None)
    await client.start_notify(characteristic(client, NOTIFY), notifications)

    async def ask() -> None:
        await put(client, characteristic(client, COMMAND), COMMAND, ASK_ACCELEROMETER)

    def reply(payload: bytes) -> int | None:
        return payload[2] if payload.startswith(ASK_ACCELEROMETER) and len(payload) > 2 else None

    try:
        return await notifications.ask(ask, reply)
    finally:
        await attempt(lambda: client.stop_notify(characteristic(client, NOTIFY)))
