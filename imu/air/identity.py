"""Reads a connected unit's identity: serial number, model, firmware."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from contextlib import suppress

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice

from imu.air.patience import client_of
from imu.air.radio_errors import RADIO_ERRORS, Backend, printable
from imu.profiles.unit_layout import Profile

# Serial Number String of the Device Information Service, Bluetooth Assigned Numbers.
SERIAL_NUMBER_STRING = "00002a25-0000-1000-8000-00805f9b34fb"


ASK_S = 5.0
"""For a unit to be connected and tell its serial number."""


async def read_serial(client: BleakClient, profile: Profile) -> str:
    """Return the unit's serial number; empty when it does not tell one."""
    where = profile.serial
    uuid = where.uuid if where else SERIAL_NUMBER_STRING
    if client.services.get_characteristic(uuid) is None:
        return ""
    with suppress(*RADIO_ERRORS, struct.error):
        held = bytes(await client.read_gatt_char(uuid))
        if where is None:
            return printable(held.decode("utf-8", "replace").strip("\0 "))
        return f"{struct.unpack_from(where.layout, held, where.offset)[0]:X}"
    return ""


async def same_unit(
    devices: Sequence[BLEDevice], profile: Profile, serial: str, backend: Backend | None = None
) -> BLEDevice | None:
    """Return the device that tells a serial number; one that refuses to be asked is another."""
    for device in devices:
        with suppress(*RADIO_ERRORS):
            async with asyncio.timeout(ASK_S), client_of(device, backend) as client:
                if await read_serial(client, profile) == serial:
                    return device
    return None


def readable(client: BleakClient) -> BleakGATTCharacteristic | None:
    """Return what a unit can be asked for at any time without disturbing what it sends."""
    with suppress(*RADIO_ERRORS):
        for one in client.services.characteristics.values():
            if "read" in one.properties and "notify" not in one.properties:
                return one
    return None
