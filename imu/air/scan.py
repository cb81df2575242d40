"""Find units: one scan for all of them, each known by its profile.

What a unit says on the air about itself is text from a stranger: names lose their control
characters before anybody sees them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass

from bleak import BleakAdapter, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from imu.air.patience import patiently
from imu.air.radio_errors import (
    RADIO_ERRORS,
    Backend,
    RadioError,
    Trouble,
    explain,
    printable,
    trouble_of,
)
from imu.profiles.profile import Profile, match, unsupported

__all__ = ["Found", "find", "find_device"]

UNKNOWN_RSSI = -127  # what bleak says where the system does not tell


@dataclass(frozen=True, slots=True)
class Found:
    """A unit in range."""

    device: BLEDevice
    """What bleak connects to."""
    name: str
    """What the unit calls itself, printable; empty when it does not say."""
    profile: Profile
    rssi: int
    """Strength of the signal in dBm: −40 is close by, −90 hardly there, −127 not known."""
    address: str


async def find(
    timeout_s: float,
    profiles: Mapping[str, Profile],
    *,
    backend: Backend | None = None,
    until: Callable[[Sequence[Found]], bool] | None = None,
    unusable: dict[str, str] | None = None,
) -> list[Found]:
    """Return the units in range that have a profile, the strongest signal first.

    An adapter that is busy, or not ready after a resume, is asked again for a quarter of a minute.

    Parameters
    ----------
    timeout_s
        How long to listen. Units advertise every 0.1 to 1 s.
    profiles
        As from `imu.profiles.profile.load_profiles`.
    backend
        Stands in for the system's Bluetooth.
    until
        Asked whenever a unit is heard, with all heard so far; ends the scan when it says so.
    unusable
        Gets, by address, a sentence for each unit that is known and cannot be used.

    Raises
    ------
    RadioError
        When this computer cannot scan.
    """
    seen: dict[str, Found] = {}

    def enough(device: BLEDevice, heard: AdvertisementData) -> bool:
        found = _known(device, heard, profiles)
        if found is None:
            if unusable is not None and (why := _unusable(device, heard, profiles)):
                unusable[device.address] = why
            return False
        seen[found.address] = found
        return until is not None and until(list(seen.values()))

    await patiently(lambda: _listen(timeout_s, enough, backend))
    return sorted(seen.values(), key=lambda found: (-found.rssi, found.address))


async def find_device(
    address: str,
    timeout_s: float,
    *,
    backend: Backend | None = None,
    held: bool = True,
    heard: dict[str, BLEDevice] | None = None,
) -> BLEDevice:
    """Return the device of an address as soon as it is heard.

    Parameters
    ----------
    address, timeout_s, backend
        Whom to listen for, for how long, and where.
    held
        Whether to believe the system about a link that it says it holds. It is wrong about it
        after its service crashed.
    heard
        Gets all devices heard, by address.

    Raises
    ------
    RadioError
        When it is not heard in time, or this computer cannot scan.
    """
    wanted: list[BLEDevice] = []

    def enough(device: BLEDevice, _: AdvertisementData) -> bool:
        if heard is not None:
            heard[device.address] = device
        if device.address.lower() == address.lower():
            wanted.append(device)
        return bool(wanted)

    await _listen(timeout_s, enough, backend, held=held)
    if not wanted:
        raise RadioError(Trouble.NOT_FOUND)
    return wanted[0]


async def _listen(
    timeout_s: float,
    enough: Callable[[BLEDevice, AdvertisementData], bool],
    backend: Backend | None,
    *,
    held: bool = True,
) -> None:
    """Show all devices heard, whenever they are heard, until the time is over or it is enough."""
    try:
        for device, heard in await _held(backend) if held else ():
            if enough(device, heard):
                return
        async with BleakScanner(backend=backend.scanner if backend else None) as scanner:
            with suppress(TimeoutError):
                async with (
                    asyncio.timeout(timeout_s),
                    aclosing(scanner.advertisement_data()) as air,
                ):
                    async for device, heard in air:
                        if enough(device, heard):
                            return
    except RADIO_ERRORS as error:
        raise RadioError(trouble_of(error), explain(error)) from error


async def _held(backend: Backend | None) -> list[tuple[BLEDevice, AdvertisementData]]:
    """Return the devices that the system is connected to, with what they say about themselves.

    These do not advertise. A unit is among them after the program that used it was killed.
    """
    if backend is not None and backend.scanner is not None:
        return []
    try:
        adapter = await BleakAdapter.get()
        devices = await adapter.get_connected_devices()
    except NotImplementedError:
        return []
    return [(device, _told(device)) for device in devices]


def _told(device: BLEDevice) -> AdvertisementData:
    """Return what a connected device says about itself, as if it were heard."""
    properties = device.details.get("props", {}) if isinstance(device.details, dict) else {}
    return AdvertisementData(
        local_name=device.name,
        manufacturer_data=properties.get("ManufacturerData", {}),
        service_data={},
        service_uuids=properties.get("UUIDs", []),
        tx_power=None,
        rssi=properties.get("RSSI", UNKNOWN_RSSI),
        platform_data=(),
    )


def _known(
    device: BLEDevice, heard: AdvertisementData, profiles: Mapping[str, Profile]
) -> Found | None:
    """Return what was heard as a unit; None when no profile fits it."""
    name = printable(heard.local_name or device.name or "")
    profile = match(name or None, heard.service_uuids, heard.manufacturer_data.keys(), profiles)
    if profile is None:
        return None
    return Found(device, name, profile, heard.rssi, device.address)


def _unusable(device: BLEDevice, heard: AdvertisementData, profiles: Mapping[str, Profile]) -> str:
    """Return which unit cannot be used and why; empty for other devices."""
    name = printable(heard.local_name or device.name or "")
    why = unsupported(name, heard.service_uuids, profiles)
    return f"{name} ({device.address}): {why}" if why else ""
