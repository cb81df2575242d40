"""Talking to one connected unit: find its characteristics, send commands, wait for replies."""

from __future__ import annotations

import asyncio
import functools
import struct
import warnings
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TypeVar

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic

from imu.air.radio_errors import RADIO_ERRORS, RadioError, Trouble
from imu.profiles.unit_layout import (
    MTU_OVERHEAD,
    Battery,
    Held,
    Profile,
    Rates,
    ReadBack,
    Write,
    write_values,
)
from imu.profiles.write_guard import forbidden

T = TypeVar("T")

SMALLEST_ROOM = 20  # bytes in a notification on any link
REPLY_TIMEOUT_S = 2.0
READ_AGAIN_S = 0.5
STOP_TIMEOUT_S = 2.0  # a unit that went away must not hold up the end of a session


class Notifications:
    """The subscribed notifications: hands each on, also to a call that waits for a reply."""

    def __init__(self, receive: Callable[[bytes], None]) -> None:
        self.answers = True
        """Whether the last question was answered."""
        self._receive = receive
        self._looks: list[Callable[[bytes], None]] = []

    def __call__(self, _sender: BleakGATTCharacteristic, data: bytearray) -> None:
        """Take a notification."""
        payload = bytes(data)  # bleak may use the buffer again
        self._receive(payload)
        for look in self._looks:
            look(payload)

    async def ask(
        self,
        question: Callable[[], Awaitable[None]],
        find: Callable[[bytes], T | None],
    ) -> T | None:
        """Return the reply to a question, or None when none comes in time.

        Parameters
        ----------
        question
            Sends it.
        find
            Returns the reply that a notification holds, None when it holds another message.
        """
        reply: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def look(payload: bytes) -> None:
            found = find(payload)
            if found is not None and not reply.done():
                reply.set_result(found)

        self._looks.append(look)
        try:
            async with asyncio.timeout(REPLY_TIMEOUT_S):
                await question()
                found = await reply
        except TimeoutError:
            self.answers = False
            return None
        else:
            self.answers = True
            return found
        finally:
            self._looks.remove(look)


def characteristic(client: BleakClient, uuid: str, near: str = "") -> BleakGATTCharacteristic | str:
    """Return a characteristic of the unit, or its UUID when the unit does not have it.

    Parameters
    ----------
    client
        Connected.
    uuid
        Which one. Some units have several with the same UUID, one in each service.
    near
        Another characteristic, in whose service it is then searched.
    """
    found = _all(client, uuid)
    services = {c.service_uuid for c in _all(client, near)} if len(found) > 1 else set()
    return next((c for c in found if c.service_uuid in services), found[0] if found else uuid)


def has(client: BleakClient, uuid: str) -> bool:
    """Return whether the unit has a characteristic."""
    return bool(_all(client, uuid))


def _all(client: BleakClient, uuid: str) -> list[BleakGATTCharacteristic]:
    with suppress(*RADIO_ERRORS):
        return [c for c in client.services.characteristics.values() if c.uuid.lower() == uuid]
    return []


def room(client: BleakClient, uuid: str) -> int:
    """Return how many bytes a notification of a characteristic can hold on this link, at least."""
    sizes = [SMALLEST_ROOM]
    target = characteristic(client, uuid)
    if isinstance(target, BleakGATTCharacteristic):
        sizes.append(target.max_write_without_response_size)
    # On Linux this says 23 and warns that it does not know; elsewhere it is the negotiated size.
    with warnings.catch_warnings(), suppress(NotImplementedError, *RADIO_ERRORS):
        warnings.simplefilter("ignore")
        sizes.append(client.mtu_size - MTU_OVERHEAD)
    return max(sizes)


async def send(
    client: BleakClient,
    write: Write,
    values: Mapping[str, float],
    near: str = "",
    notifications: Notifications | None = None,
) -> None:
    """Send one command of a profile.

    Parameters
    ----------
    client
        Connected.
    write
        The command. Optional ones may fail.
    values
        The numbers that it asks for.
    near
        A characteristic in the same service.
    notifications
        Where the unit answers; settings that have to be asked for are not read back without.

    Raises
    ------
    BleakError, OSError, RadioError
        When it cannot be sent and is not optional, or the unit says that it did not take it.
    """
    target = characteristic(client, write.uuid, near)
    payload: bytes | None = write.template.render(values)
    try:
        if payload is not None and (write.patch_at is not None or write.compare):
            payload = _changed(write, payload, await _held(client, write, target))
        if payload is not None:
            await put(client, target, write.uuid, payload, response=write.response)
    except RADIO_ERRORS:
        if not write.optional:
            raise
    if write.delay_s:
        await asyncio.sleep(write.delay_s)
    if write.read_back is not None:
        await _make_sure(client, target, write.uuid, write.read_back, values, notifications)


async def _make_sure(
    client: BleakClient,
    target: BleakGATTCharacteristic | str,
    uuid: str,
    read_back: ReadBack,
    values: Mapping[str, float],
    notifications: Notifications | None,
) -> None:
    """Read a setting back; one that the unit does not tell is believed."""
    wanted = read_back.value.render(values)

    async def held() -> bytes | None:
        if read_back.ask is None:
            with suppress(*RADIO_ERRORS):
                return bytes(await client.read_gatt_char(target))[: len(wanted)]
        elif notifications is not None and notifications.answers:
            return await notifications.ask(
                functools.partial(put, client, target, uuid, read_back.ask.render(values)),
                functools.partial(_after, read_back.reply, len(wanted)),
            )
        return None

    said = await held()
    if said is not None and said != wanted:
        await asyncio.sleep(READ_AGAIN_S)  # some units need a moment until they tell it
        said = await held()
    if said is not None and said != wanted:
        raise RadioError(
            Trouble.REJECTED,
            f"the unit was set to {read_back.what} {wanted.hex(' ')} and says {said.hex(' ')}:"
            " switch it off and on, or look in its maker's app whether it can be set so",
        )


def _after(reply: bytes, size: int, payload: bytes) -> bytes | None:
    """Return the bytes of a notification that follow the beginning of a reply."""
    at = payload.find(reply)
    found = payload[at + len(reply) : at + len(reply) + size] if at >= 0 else b""
    return found if len(found) == size else None


async def set_up(
    client: BleakClient,
    profile: Profile,
    rate_hz: float,
    near: str = "",
    notifications: Notifications | None = None,
) -> None:
    """Write a profile's settings to a unit, and read back what it tells of them.

    Raises
    ------
    BleakError, OSError, RadioError
        When they cannot be written, or the unit says that it keeps others.
    """
    values = write_values(profile.rates, rate_hz)
    for write in profile.setup:
        await send(client, write, values, near, notifications)
    await check_rate(client, profile.rates, rate_hz)


async def put(
    client: BleakClient,
    target: BleakGATTCharacteristic | str,
    uuid: str,
    payload: bytes,
    *,
    response: bool | None = None,
) -> None:
    """Write bytes to a characteristic, unless they would harm the unit.

    Raises
    ------
    RadioError
        When they would.
    BleakError, OSError
        When the write fails.
    """
    if reason := forbidden(uuid, payload):
        raise RadioError(
            Trouble.MISFIT,
            f"the profile wants to send {payload[:8].hex(' ')}, which {reason}: correct it",
        )
    if response is None:
        response = isinstance(target, str) or "write" in target.properties
    await client.write_gatt_char(target, payload, response=response)


async def _held(
    client: BleakClient, write: Write, target: BleakGATTCharacteristic | str
) -> bytes | None:
    """Return a characteristic's value; None when it cannot be read and is not needed."""
    try:
        return bytes(await client.read_gatt_char(target))
    except RADIO_ERRORS:
        if write.patch_at is not None:
            raise
        return None


def _changed(write: Write, payload: bytes, held: bytes | None) -> bytes | None:
    """Return what is to be written, None when the characteristic holds it already.

    Units keep such settings in flash memory, which wears out.
    """
    if held is None:
        return payload
    if write.patch_at is not None:
        patched = held[: write.patch_at] + payload + held[write.patch_at + len(payload) :]
        if len(patched) != len(held):
            raise RadioError(Trouble.MISFIT)
        return None if patched == held else patched
    offset, length = write.compare or (0, 0)
    part = slice(offset, offset + length)
    return None if held[part] == payload[part] else payload


async def attempt(step: Callable[[], Awaitable[T]]) -> T | None:
    """Do something that may fail and may not take long; return what it gave, None if it failed."""
    with suppress(Exception):
        async with asyncio.timeout(STOP_TIMEOUT_S):
            return await step()
    return None


async def read_battery(client: BleakClient, battery: Battery) -> int | None:
    """Return the charge in percent as it is read; None when the unit does not report it."""
    with suppress(*RADIO_ERRORS):
        held = await client.read_gatt_char(characteristic(client, battery.uuid))
        return charge(battery, bytes(held))
    return None


def charge(battery: Battery, message: bytes) -> int | None:
    """Return the charge in percent that a message holds; None when it holds none."""
    try:
        value = float(struct.unpack_from(battery.layout, message, battery.offset)[0])
    except struct.error:
        return None
    if battery.table:
        return next((percent for above, percent in battery.table if value > above), 0)
    return round(value) if 0 <= value <= 100 else None


async def read_rate(client: BleakClient, rates: Rates) -> float | None:
    """Return the rate in Hz that the unit says it is set to; None when it does not tell."""
    if rates.held is None:
        return None
    number = await read_number(client, rates.held)
    if number is None or not rates.codes:
        return number
    return next((rate for rate, code in rates.codes.items() if code == number), None)


async def read_number(client: BleakClient, held: Held) -> float | None:
    """Return a number that the unit keeps; None when it does not tell."""
    with suppress(*RADIO_ERRORS, struct.error):
        value = bytes(await client.read_gatt_char(characteristic(client, held.uuid)))
        return float(struct.unpack_from(held.layout, value, held.offset)[0])
    return None


class RateNotTakenError(RadioError):
    """A unit that says it keeps another rate than the one it was set to."""


async def check_rate(client: BleakClient, rates: Rates, wanted_hz: float) -> None:
    """Read back the rate that a unit was set to.

    Some units need a moment until they tell it. One that tells a rate that units of its kind do not
    have tells nothing.

    Raises
    ------
    RateNotTakenError
        When it says that it is set to another rate.
    """
    held_hz = await read_rate(client, rates)
    if held_hz != wanted_hz and held_hz in rates.allowed:
        await asyncio.sleep(READ_AGAIN_S)
        held_hz = await read_rate(client, rates)
    if held_hz is not None and held_hz in rates.allowed and held_hz != wanted_hz:
        raise RateNotTakenError(
            Trouble.REJECTED,
            f"the unit was set to {wanted_hz:g} samples a second and says {held_hz:g}: switch it"
            " off and on, or choose another rate with `hipturn configure`",
        )
