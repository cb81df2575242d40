"""Give several Movella DOT units one clock.

Each unit is told to leave the clock of an earlier synchronisation, set to its rate, which it keeps
locked while it shares a clock, and sent the address of one of them, whose clock all take over. Then
its link is ended; the units agree among themselves, and have to be connected again to say how it
went. Afterwards their times share one base until they are switched off.

Order and times: the vendor's BLE specification, revision C, 5.3.5; xsens/xsens_dot_server,
syncManager.js and bleHandler.js.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from bleak import BleakClient

from imu.air.radio_errors import RADIO_ERRORS, RadioError, Trouble
from imu.drivers.talk import attempt, characteristic, put
from imu.profiles.write_guard import DOT_MESSAGES as MESSAGES

ACKNOWLEDGEMENT = "15177002-4947-11e9-8646-d663bd873d93"

SYNCING = 2
START_SYNCING, STOP_SYNCING = 1, 2
SYNCING_RESULT = 3
SUCCESS = 0
HEAD_BYTES = 2  # what the message is about, and how many bytes follow before the checksum

TAKE_S = 0.8  # for a unit to take the command, before its link is ended
AGREE_S = 14.0
SETTLE_S = 1.5  # for the result to be there after the unit was connected again
ASK_TRIES = 3  # until then it may show the command again
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
    return _message(bytes((START_SYNCING,)) + address[::-1])


def stop_command() -> bytes:
    """Return what ends an earlier synchronisation."""
    return _message(bytes((STOP_SYNCING,)))


def _message(data: bytes) -> bytes:
    """Return a message about synchronising: all its bytes add up to 0."""
    message = bytes((SYNCING, len(data))) + data
    return message + bytes((-sum(message) & 0xFF,))


def sync_result(message: bytes) -> bool | None:
    """Return whether a unit says that it was synchronised; None when it says something else.

    The result may be followed by more, and more bytes may follow the message.
    """
    size = HEAD_BYTES + message[1] + 1 if len(message) > HEAD_BYTES else 0
    whole = message[:size]
    if not size or len(whole) < size or sum(whole) & 0xFF or whole[0] != SYNCING:
        return None
    data = whole[HEAD_BYTES:-1]
    if len(data) < 2 or data[0] != SYNCING_RESULT:
        return None
    return data[1] == SUCCESS


async def synchronise(
    clients: Sequence[BleakClient],
    reconnect: Callable[[BleakClient], Awaitable[None]],
    set_up: Callable[[BleakClient], Awaitable[None]],
    *,
    sleep: Sleep = asyncio.sleep,
) -> list[bool]:
    """Synchronise connected units, and leave them connected again.

    Parameters
    ----------
    clients
        Two or more, connected, not streaming. The first one's clock is taken over by all.
    reconnect
        Connects a unit again.
    set_up
        Writes rate and other settings to a connected unit.
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
        with suppress(*RADIO_ERRORS):  # a unit that shares no clock may refuse it
            await put(client, characteristic(client, MESSAGES), MESSAGES, stop_command())
        await set_up(client)
    for client in clients:
        await put(client, characteristic(client, MESSAGES), MESSAGES, command)
    await sleep(TAKE_S)
    for client in clients:
        await attempt(client.disconnect)
    await sleep(AGREE_S)
    for client in clients:
        await _connect_again(client, reconnect)
    await sleep(SETTLE_S)
    return [await _ask_result(client, sleep) for client in clients]


async def _connect_again(
    client: BleakClient, reconnect: Callable[[BleakClient], Awaitable[None]]
) -> None:
    """Connect a unit again, one after the other as BlueZ wants it."""
    for attempts_left in reversed(range(CONNECT_TRIES)):
        try:
            await reconnect(client)
        except RADIO_ERRORS:
            if not attempts_left:
                raise
        else:
            return


async def _ask_result(client: BleakClient, sleep: Sleep) -> bool:
    """Return whether a unit was synchronised."""
    for _ in range(ASK_TRIES):
        try:
            message = await client.read_gatt_char(characteristic(client, ACKNOWLEDGEMENT))
        except RADIO_ERRORS:
            return False
        result = sync_result(bytes(message))
        if result is not None:
            return result
        await sleep(SETTLE_S)
    return False
