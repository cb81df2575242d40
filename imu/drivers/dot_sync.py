"""Give several Movella DOT units one clock.

Each unit is sent the address of one of them, whose clock all take over. The units drop their links,
agree among themselves for about 12 s, and have to be connected again to say how it went. Afterwards
their times share one base until they are switched off.

Source: xsens/xsens_dot_server, syncManager.js and bleHandler.js (vendor).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from bleak import BleakClient

from imu.air.radio_errors import RADIO_ERRORS, RadioError, Trouble
from imu.drivers.talk import attempt, characteristic, put
from imu.profiles.write_guard import DOT_MESSAGES as MESSAGES

ACKNOWLEDGEMENT = "15177002-4947-11e9-8646-d663bd873d93"

SYNCING = 2
START_SYNCING = 1
SYNCING_RESULT = 3
SUCCESS = 0

AGREE_S = 12.0
SETTLE_S = 1.0  # the result is there a second after the unit was connected again
CONNECT_TRIES = 3

Sleep = Callable[[float], Awaitable[None]]


def sync_command(root_address: str) -> bytes:
    """Return what starts the synchronisation with a unit's address: `D4:22:CD:00:12:34`.

    Raises
    ------
    ValueError
        When the address has not six bytes; macOS hides addresses.
    """
    pieces = root_address.split(":")
    try:
        address = bytes(int(piece, 16) for piece in pieces)
    except ValueError:
        address = b""
    if len(address) != 6:
        raise ValueError(
            f"{root_address!r} is not a Bluetooth address, which synchronisation needs: "
            "on a Mac use the units without synchronisation"
        )
    message = bytes((SYNCING, len(address) + 1, START_SYNCING)) + address[::-1]
    return message + bytes((-sum(message) & 0xFF,))


def sync_result(message: bytes) -> bool | None:
    """Return whether a unit says that it was synchronised; None when it says something else."""
    if len(message) < 5 or sum(message[:5]) & 0xFF:
        return None
    if message[0] != SYNCING or message[2] != SYNCING_RESULT:
        return None
    return message[3] == SUCCESS


async def synchronise(
    clients: Sequence[BleakClient],
    reconnect: Callable[[BleakClient], Awaitable[None]],
    *,
    sleep: Sleep = asyncio.sleep,
) -> list[bool]:
    """Synchronise connected units, and leave them connected again.

    Parameters
    ----------
    clients
        Two or more, connected, not streaming. The first one's clock is taken over by all.
    reconnect
        Connects a unit again whose link was dropped.
    sleep
        Waits this many seconds.

    Returns
    -------
    list of bool
        Whether each unit was synchronised. All must be, for their times to be compared.

    Raises
    ------
    ValueError
        When the first unit's address is not known.
    RadioError
        When there are fewer than two units.
    BleakError, OSError
        When the address cannot be sent to a unit.
    """
    if len(clients) < 2:
        raise RadioError(Trouble.MISFIT, "synchronisation needs two or more DOT units: add one")
    command = sync_command(clients[0].address)
    for client in clients:
        await put(client, characteristic(client, MESSAGES), MESSAGES, command)
    await sleep(AGREE_S)
    for client in clients:
        await _connect_again(client, reconnect)
    await sleep(SETTLE_S)
    return [await _ask_result(client) for client in clients]


async def _connect_again(
    client: BleakClient, reconnect: Callable[[BleakClient], Awaitable[None]]
) -> None:
    """Connect a unit again, one after the other as BlueZ wants it."""
    if client.is_connected:  # the system has not noticed yet that the unit dropped the link
        await attempt(client.disconnect)
    for attempts_left in reversed(range(CONNECT_TRIES)):
        try:
            await reconnect(client)
        except RADIO_ERRORS:
            if not attempts_left:
                raise
        else:
            return


async def _ask_result(client: BleakClient) -> bool:
    """Return whether a unit was synchronised."""
    try:
        message = await client.read_gatt_char(characteristic(client, ACKNOWLEDGEMENT))
    except RADIO_ERRORS:
        return False
    return bool(sync_result(bytes(message)))
