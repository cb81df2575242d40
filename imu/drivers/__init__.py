"""Starts, reads and stops units: by their profile, or by code where a profile is not enough.

`driver_for` gives the driver of a profile. All drivers have the same methods, so no caller needs to
know which one it has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bleak import BleakClient

from imu.drivers.capture2go import Capture2GoDriver
from imu.drivers.metamotion import MetaMotionDriver
from imu.drivers.movesense import MovesenseDriver
from imu.drivers.polar import PolarDriver
from imu.drivers.reading import Reading
from imu.drivers.toml_driver import TomlDriver
from imu.drivers.unit_fields import UnitFields
from imu.profiles.unit_layout import DriverName, Profile

__all__ = ["Driver", "UnitFields", "driver_for"]


class Driver(Protocol):
    """One unit's language."""

    @property
    def profile(self) -> Profile:
        """What the unit is."""

    @property
    def stream(self) -> str:
        """Which of its streams is used, final after `start`."""

    @property
    def rate_hz(self) -> float:
        """Samples per second that the unit is set to."""

    @property
    def rejected(self) -> dict[str, int]:
        """Reason → how often something was not taken; `imu.drivers.reading` explains them."""

    def unit_fields(self) -> UnitFields:
        """Return what `imu.sample.Unit` wants to know, final after `start`."""

    def decode(self, payload: bytes) -> list[Reading]:
        """Return the samples complete with this notification, oldest first; never raises."""

    async def start(self, client: BleakClient, receive: Callable[[bytes], None]) -> None:
        """Subscribe, then set the unit up and start it.

        Raises
        ------
        BleakError, OSError, RadioError
            When the unit cannot be started.
        """

    async def stop(self, client: BleakClient) -> None:
        """Stop the unit as far as it still listens; never raises."""

    async def battery(self, client: BleakClient) -> int | None:
        """Return the charge in percent; None when the unit does not report it."""


DRIVERS: dict[DriverName, Callable[[Profile, str | None, float | None], Driver]] = {
    "toml": TomlDriver,
    "metamotion": MetaMotionDriver,
    "movesense": MovesenseDriver,
    "capture2go": Capture2GoDriver,
    "polar": PolarDriver,
}


def driver_for(
    profile: Profile, *, stream: str | None = None, rate_hz: float | None = None
) -> Driver:
    """Return the driver of a unit.

    Parameters
    ----------
    profile
        What the unit is.
    stream
        Which stream to use; None is the best that the unit and the link can carry.
    rate_hz
        Samples per second; None is the profile's default.

    Raises
    ------
    ValueError
        When the profile has no such stream or rate.
    """
    if stream is not None and stream not in profile.streams:
        known = ", ".join(profile.streams)
        raise ValueError(f"{profile.name} has no stream {stream!r}: choose one of {known}")
    if rate_hz is not None and rate_hz not in profile.rates.allowed:
        known = ", ".join(f"{rate:g}" for rate in profile.rates.allowed)
        raise ValueError(f"{profile.name} cannot send at {rate_hz:g} Hz: choose one of {known}")
    return DRIVERS[profile.driver](profile, stream, rate_hz)
