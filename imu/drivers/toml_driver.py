"""The driver of every unit that its profile describes completely."""

from __future__ import annotations

import functools
from collections.abc import Callable

from bleak import BleakClient

from imu.drivers.decode import Decoder
from imu.drivers.reading import Reading
from imu.drivers.talk import (
    Notifications,
    attempt,
    charge,
    has,
    read_battery,
    room,
    send,
    set_up,
)
from imu.drivers.talk import characteristic as find
from imu.drivers.unit_fields import UnitFields, fields_of
from imu.profiles.unit_layout import MTU_OVERHEAD, Battery, Profile, Write, write_values


class TomlDriver:
    """Sets up, starts, reads and stops a unit by its profile alone.

    Parameters
    ----------
    profile
        What the unit is.
    stream
        Which stream to use; None is the best that the unit and the link can carry, known after
        `start`.
    rate_hz
        Samples per second, one of `profile.rates`; None is the default.

    Attributes
    ----------
    rejected
        Reason → how often, only reasons that occurred; `imu.drivers.reading` explains them.
    """

    def __init__(self, profile: Profile, stream: str | None, rate_hz: float | None) -> None:
        self.profile = profile
        self.rejected: dict[str, int] = {}
        self._wanted = stream
        self._rate_hz = rate_hz or profile.rates.default
        self._notifications: Notifications | None = None
        self.stream = stream or profile.prefer[0]
        self._decoder = self._new_decoder()

    @property
    def rate_hz(self) -> float:
        """Return the samples per second that the unit is set to."""
        return self.profile.streams[self.stream].rate_hz or self._rate_hz

    def unit_fields(self) -> UnitFields:
        """Return what `imu.sample.Unit` wants to know, final after `start`."""
        return fields_of(self.profile.streams[self.stream], self.rate_hz)

    def decode(self, payload: bytes) -> list[Reading]:
        """Return the samples that are complete with this notification; never raises."""
        return self._decoder.decode(payload)

    async def start(self, client: BleakClient, receive: Callable[[bytes], None]) -> None:
        """Subscribe, then set the unit up and start it.

        Raises
        ------
        BleakError, OSError, RadioError
            When the unit cannot be started.
        """
        name = self._wanted or self._best(client)
        if name != self.stream:
            self.stream = name
            self._decoder = self._new_decoder()
        self._decoder.reset()
        stream = self.profile.streams[name]
        self._notifications = Notifications(receive)
        await client.start_notify(find(client, stream.uuid), self._notifications)
        await set_up(client, self.profile, self._rate_hz, stream.uuid, self._notifications)
        for write in stream.start:
            await self._send(client, write)

    async def stop(self, client: BleakClient) -> None:
        """Stop the unit as far as it still listens; never raises."""
        stream = self.profile.streams[self.stream]
        self._notifications = None
        for write in stream.stop:
            await attempt(functools.partial(self._send, client, write))
        await attempt(lambda: client.stop_notify(find(client, stream.uuid)))

    async def battery(self, client: BleakClient) -> int | None:
        """Return the charge in percent; None when the unit does not report it."""
        battery = self.profile.battery
        if battery is None:
            return None
        if battery.poll is None:
            return await read_battery(client, battery)
        return await self._poll(client, battery, battery.poll)

    async def _poll(self, client: BleakClient, battery: Battery, poll: Write) -> int | None:
        """Return the charge that the unit sends on request among its samples."""
        notifications = self._notifications
        borrowed = notifications is None
        if notifications is None:
            notifications = Notifications(lambda _: None)
            await attempt(lambda: client.start_notify(find(client, battery.uuid), notifications))

        def reply(payload: bytes) -> int | None:
            at = payload.find(battery.reply)
            return None if at < 0 else charge(battery, payload[at:])

        ask = functools.partial(notifications.ask, lambda: self._send(client, poll), reply)
        percent = await attempt(ask)
        if borrowed:
            await attempt(lambda: client.stop_notify(find(client, battery.uuid)))
        return percent

    async def _send(self, client: BleakClient, write: Write) -> None:
        values = write_values(self.profile.rates, self._rate_hz)
        near = self.profile.streams[self.stream].uuid
        await send(client, write, values, near, self._notifications)

    def _best(self, client: BleakClient) -> str:
        """Return the first stream preferred that the unit has and the link can carry whole."""
        streams = [self.profile.streams[name] for name in self.profile.prefer]
        offered = [stream for stream in streams if has(client, stream.uuid)] or streams
        for stream in offered:
            if room(client, stream.uuid) >= stream.min_mtu - MTU_OVERHEAD:
                return stream.name
        return min(offered, key=lambda stream: stream.min_mtu).name

    def _new_decoder(self) -> Decoder:
        return Decoder(self.profile, self.stream, rate_hz=self._rate_hz, rejected=self.rejected)
