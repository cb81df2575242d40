"""`hipturn configure`: set a unit's rate, filter profile and name, and report what it now has."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from bleak import BleakClient

from hipturn.errors import UserError
from hipturn.units.unit_setup import find_unit, visit
from imu.air.radio_errors import RADIO_ERRORS, Backend
from imu.air.scan import Found
from imu.air.unit_settings import (
    check_choice,
    check_name,
    read_choice,
    read_rate,
    read_text,
    write_choice,
    write_text,
)
from imu.drivers import Driver, driver_for
from imu.drivers.talk import RateNotTakenError
from imu.profiles.unit_layout import Profile

WATCH_S = 3.0
RATE_TOLERANCE = 0.1
"""Three seconds of samples, some of them lost, give a rate no closer than this share."""
READ_AGAIN_S = 0.5
"""Some units need a moment before they report their new setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a unit is to be set to; None stays as it is."""

    rate_hz: float | None = None
    filter_profile: str | None = None
    name: str | None = None

    @property
    def streams(self) -> bool:
        """Return whether the unit is to show its rate; also when nothing else is wanted."""
        return self.rate_hz is not None or (self.filter_profile is None and self.name is None)


@dataclass(frozen=True, slots=True)
class Change:
    """One setting, as the unit reported it before and after."""

    what: str
    before: str
    after: str
    wanted: str
    of: str = ""
    """The unit of measurement."""

    @property
    def took(self) -> bool:
        """Return whether the unit now has the wanted setting."""
        return self.after == self.wanted

    @property
    def sentence(self) -> str:
        """Return what became of the setting."""
        if not self.took:
            left = f"it says {self.after}{self.of}" if self.after else "it tells none"
            return f"{self.what} {self.wanted}{self.of} not taken, {left}"
        if self.before == self.after:
            return f"{self.what} {self.after}{self.of}, as it was"
        return f"{self.what} {self.before or '–'} → {self.after}{self.of}"


@dataclass(frozen=True, slots=True)
class Watched:
    """What a unit sent after its rate was set."""

    stream: str
    rate_hz: float
    """What it was set to."""
    measured_hz: float
    """What it sent."""
    change: Change | None
    """The values the unit reported before and after; None when it reports none."""
    battery: int | None
    sets_rate: bool = True
    """Whether it can be told its rate at all."""

    @property
    def keeps_its_rate(self) -> bool:
        """Return whether the unit sends what it was set to, within a tenth."""
        return abs(self.measured_hz - self.rate_hz) <= RATE_TOLERANCE * self.rate_hz

    @property
    def sentence(self) -> str:
        """Return the rate before, now, and as it was seen."""
        said = f"rate set to {self.rate_hz:g} Hz, which it does not tell"
        if not self.sets_rate:
            said = f"rate {self.rate_hz:g} Hz wanted, which cannot be set from here"
        rate = self.change.sentence if self.change else said
        charge = "" if self.battery is None else f", battery {self.battery} %"
        return f"{rate}, sends {self.measured_hz:.1f} Hz ({self.stream}){charge}"


@dataclass(frozen=True, slots=True)
class Configured:
    """What became of a unit."""

    found: Found
    changes: tuple[Change, ...]
    watched: Watched | None

    @property
    def sentences(self) -> list[str]:
        """Return what changed and what did not, a line each."""
        said = [change.sentence for change in self.changes]
        return said + ([self.watched.sentence] if self.watched else [])

    @property
    def refused(self) -> list[str]:
        """Return the settings that the unit did not take."""
        rate = self.watched.change if self.watched else None
        changes = (*self.changes, *([rate] if rate else []))
        return [change.what for change in changes if not change.took]


async def configure(text: str, wanted: Wanted, backend: Backend | None = None) -> Configured:
    """Set a unit, by address or name, and read back what it kept.

    Everything wanted is checked against the unit's profile before anything is written. When the
    rate is among it, or nothing is, the unit streams for a few seconds and its samples are counted.

    Raises
    ------
    UserError
        When the unit is not in range, or its profile does not have such a setting.
    imu.air.radio_errors.RadioError
        When it cannot be reached or started.
    """
    found = await find_unit(text, backend)
    try:
        steps = _steps(found.profile, wanted)
        driver = driver_for(found.profile, rate_hz=wanted.rate_hz)
    except ValueError as error:
        raise UserError(str(error)) from None
    async with visit(found, backend) as client:
        changes = [await step(client) for step in steps]
        watched = await _watch(client, driver) if wanted.streams else None
    return Configured(found, tuple(changes), watched)


def _steps(profile: Profile, wanted: Wanted) -> list[Callable[[BleakClient], Awaitable[Change]]]:
    """Return what is to be done on the connected unit, each checked."""
    steps: list[Callable[[BleakClient], Awaitable[Change]]] = []
    if wanted.filter_profile is not None:
        choice, way = check_choice(profile, wanted.filter_profile), wanted.filter_profile
        read, write = partial(read_choice, setting=choice), partial(write_choice, setting=choice)
        steps.append(partial(_set, "filter profile", way, read, write))
    if wanted.name is not None:
        naming = check_name(profile, wanted.name)
        read, write = partial(read_text, setting=naming), partial(write_text, setting=naming)
        steps.append(partial(_set, "name", wanted.name, read, write))
    return steps


async def _set(
    what: str,
    wanted: str,
    read: Callable[[BleakClient], Awaitable[str]],
    write: Callable[..., Awaitable[None]],
    client: BleakClient,
) -> Change:
    """Write a setting unless the unit has it already, for it wears out flash; read it back."""
    before = await read(client)
    if before == wanted:
        return Change(what, before, before, wanted)
    try:
        await write(client, wanted=wanted)
    except RADIO_ERRORS:
        if not client.is_connected:
            raise
        return Change(what, before, await read(client), wanted)  # the unit refused it
    after = await read(client)
    if after != wanted:
        await asyncio.sleep(READ_AGAIN_S)
        after = await read(client)
    return Change(what, before, after, wanted)


async def _watch(client: BleakClient, driver: Driver) -> Watched:
    """Set a unit's rate by starting it, and count what it then sends."""
    rates, samples = driver.profile.rates, 0

    def receive(payload: bytes) -> None:
        nonlocal samples
        samples += len(driver.decode(payload))

    before_hz, measured_hz, battery = await read_rate(client, rates), 0.0, None
    try:
        await driver.start(client, receive)
        await asyncio.sleep(1.0)  # the first second is not the unit's usual one
        samples, begun = 0, time.monotonic()
        await asyncio.sleep(WATCH_S)
        measured_hz = samples / (time.monotonic() - begun)
        battery = await driver.battery(client)
    except RateNotTakenError:
        pass  # it was not started, so it sends nothing; what it says is told below
    finally:
        await driver.stop(client)
    change, after_hz = None, await read_rate(client, rates)
    if after_hz is not None:
        before = "" if before_hz is None else f"{before_hz:g}"
        change = Change("rate", before, f"{after_hz:g}", f"{driver.rate_hz:g}", " Hz")
    sets_rate = driver.profile.sets_rate
    return Watched(driver.stream, driver.rate_hz, measured_hz, change, battery, sets_rate)
