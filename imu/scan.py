"""Find units: one scan for all of them, each known by its profile.

What a unit says on the air about itself is text from a stranger: names lose their control
characters before anybody sees them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from imu.profile import Profile, match
from imu.radio import RADIO_ERRORS, Backend, RadioError, Trouble, explain, printable, trouble_of

__all__ = ["Found", "find", "find_device"]

Advertisements = AsyncGenerator[tuple[BLEDevice, AdvertisementData], None]


@dataclass(frozen=True, slots=True)
class Found:
    """A unit in range."""

    device: BLEDevice
    """What bleak connects to."""
    name: str
    """What the unit calls itself, printable; empty when it does not say."""
    profile: Profile
    rssi: int
    """Strength of the signal in dBm: −40 is close by, −90 hardly there."""
    address: str


async def find(
    timeout_s: float,
    profiles: Mapping[str, Profile],
    *,
    backend: Backend | None = None,
    until: Callable[[Sequence[Found]], bool] | None = None,
) -> list[Found]:
    """Return the units in range that have a profile, the strongest signal first.

    Parameters
    ----------
    timeout_s
        How long to listen. Units advertise every 0.1 to 1 s.
    profiles
        As from `imu.profile.load_profiles`.
    backend
        Stands in for the system's Bluetooth.
    until
        Asked whenever a unit is heard, with all heard so far; ends the scan when it says so.

    Raises
    ------
    RadioError
        When this computer cannot scan.
    """
    seen: dict[str, Found] = {}
    try:
        async with _heard(timeout_s, backend) as air:
            async for device, heard in air:
                found = _known(device, heard, profiles)
                if found is None:
                    continue
                seen[found.address] = found
                if until is not None and until(list(seen.values())):
                    break
    except RADIO_ERRORS as error:
        raise RadioError(trouble_of(error), explain(error)) from error
    return sorted(seen.values(), key=lambda found: (-found.rssi, found.address))


async def find_device(
    address: str, timeout_s: float, *, backend: Backend | None = None
) -> BLEDevice:
    """Return the device of an address as soon as it is heard.

    Raises
    ------
    RadioError
        When it is not heard in time, or this computer cannot scan.
    """
    wanted = address.lower()
    try:
        async with _heard(timeout_s, backend) as air:
            async for device, _ in air:
                if device.address.lower() == wanted:
                    return device
    except RADIO_ERRORS as error:
        raise RadioError(trouble_of(error), explain(error)) from error
    raise RadioError(Trouble.NOT_FOUND)


@asynccontextmanager
async def _heard(timeout_s: float, backend: Backend | None) -> AsyncIterator[Advertisements]:
    """Scan inside the `async with`, which ends quietly when the time is over."""
    async with BleakScanner(backend=backend.scanner if backend else None) as scanner:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), aclosing(scanner.advertisement_data()) as air:
                yield air


def _known(
    device: BLEDevice, heard: AdvertisementData, profiles: Mapping[str, Profile]
) -> Found | None:
    """Return what was heard as a unit; None when no profile fits it."""
    name = printable(heard.local_name or device.name or "")
    profile = match(name or None, heard.service_uuids, heard.manufacturer_data.keys(), profiles)
    if profile is None:
        return None
    return Found(device, name, profile, heard.rssi, device.address)
