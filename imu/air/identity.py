"""Reads a connected unit's identity: serial number, model, firmware."""

from __future__ import annotations

import struct
from contextlib import suppress

from bleak import BleakClient

from imu.air.radio_errors import RADIO_ERRORS, printable
from imu.profiles.unit_layout import Profile

# Serial Number String of the Device Information Service, Bluetooth Assigned Numbers.
SERIAL_NUMBER_STRING = "00002a25-0000-1000-8000-00805f9b34fb"


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
