"""Whatever happens to units and radio, in any order: nothing is lost that arrived, nobody hangs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fast_time import clock_ns, run_fast
from peripheral import BATTERY_SERVICE, Characteristic, Peripheral
from sessions import Catch, ReferenceDriver, linked, until

from imu.air.link import UnitLink

if TYPE_CHECKING:
    from fake_bluez import FakeBluez

SERIAL = "00002a25-0000-1000-8000-00805f9b34fb"
SESSION_S = 60.0
BACK_WITHIN_S = 30.0
"""After the last trouble: a search of a unit that is gone holds the radio for ten seconds."""

Trouble = Callable[["FakeBluez", Peripheral, random.Random], "object"]


async def outage(air: FakeBluez, unit: Peripheral, chance: random.Random) -> None:
    unit.reachable = False
    air.break_link(unit)
    await asyncio.sleep(chance.uniform(0.1, 6.0))
    unit.be_back(air.flow_s)


async def switched_off_and_on(air: FakeBluez, unit: Peripheral, chance: random.Random) -> None:
    await outage(air, unit, chance)
    unit.restart()


async def stall(air: FakeBluez, unit: Peripheral, chance: random.Random) -> None:
    unit.stalls.append((0.0, chance.uniform(0.5, 3.0)))
    await asyncio.sleep(3.5)


async def mute(air: FakeBluez, unit: Peripheral, chance: random.Random) -> None:
    unit.mute = True
    await asyncio.sleep(chance.uniform(0.5, 7.0))
    unit.mute = False


async def unreadable(air: FakeBluez, unit: Peripheral, chance: random.Random) -> None:
    unit.disturb = lambda _, payload: [payload[:8]]
    await asyncio.sleep(chance.uniform(0.5, 6.0))
    unit.disturb = None


async def forgotten(air: FakeBluez, unit: Peripheral, chance: random.Random) -> None:
    if unit.known and air.serving:
        air.forget(unit)


async def errors(air: FakeBluez, unit: Peripheral, chance: random.Random) -> None:
    member = chance.choice(["Connect", "StartNotify", "WriteValue"])
    said = chance.choice(["le-connection-abort-by-remote", "Software caused connection abort"])
    air.errors.setdefault(member, []).append(("org.bluez.Error.Failed", said))
    air.break_link(unit)


async def crash(air: FakeBluez, unit: Peripheral, chance: random.Random) -> None:
    air.crash(goodbye=chance.random() < 0.5)
    await asyncio.sleep(chance.uniform(0.3, 8.0))
    air.revive()


async def off(air: FakeBluez, unit: Peripheral, chance: random.Random) -> None:
    air.switch(on=False)
    await asyncio.sleep(chance.uniform(0.5, 6.0))
    air.switch(on=True)


UNIT_TROUBLES = (outage, switched_off_and_on, stall, mute, unreadable, forgotten, errors)
RADIO_TROUBLES = (crash, off)
OF_THE_RADIO = ("Bluetooth service", "switched off", "adapter")


@asynccontextmanager
async def in_session(air: FakeBluez) -> AsyncIterator[tuple[list[UnitLink], Catch]]:
    async with (
        air,
        linked(air.units, driver=lambda: ReferenceDriver(60.0), clock_ns=clock_ns) as caught,
    ):
        await until(lambda: all(link.counts.samples for link in caught[0]))
        yield caught


def units() -> list[Peripheral]:
    made = [Peripheral(f"D4:22:CD:00:00:0{n}", rate_hz=60.0, seed=n) for n in (1, 2)]
    for unit in made:
        unit.services[BATTERY_SERVICE].append(Characteristic(SERIAL, ["read"], b"A1"))
    return made


def survive(socket: Path, seed: int, session_s: float) -> None:
    """Draw troubles, live through them, and look whether all that arrived is there once."""
    from fake_bluez import FakeBluez

    chance = random.Random(seed)  # noqa: S311
    kinds = UNIT_TROUBLES if chance.random() < 0.5 else UNIT_TROUBLES + RADIO_TROUBLES
    drawn: list[str] = []
    air = FakeBluez(socket, limit_s=session_s + 200.0)
    air.units = units()

    async def live() -> tuple[list[UnitLink], Catch]:
        async with in_session(air) as (links, catch):
            end_s = asyncio.get_running_loop().time() + session_s
            while asyncio.get_running_loop().time() < end_s:
                await asyncio.sleep(chance.uniform(0.2, 6.0))
                trouble = chance.choice(kinds)
                drawn.append(trouble.__name__)
                await trouble(air, chance.choice(air.units), chance)
            await until(lambda: all(str(link.state) == "streaming" for link in links), 60.0)
            assert asyncio.get_running_loop().time() < end_s + BACK_WITHIN_S + 10.0, drawn
            counts = [link.counts.samples for link in links]
            await until(
                lambda: all(
                    link.counts.samples > count for link, count in zip(links, counts, strict=True)
                )
            )
        return links, catch

    _, catch = run_fast(live())
    for index, unit in enumerate(air.units):
        readable = [payload for payload in unit.sent if len(payload) > 8]
        assert catch.payloads(index) == readable, (seed, drawn)
    texts = catch.texts("lost") + catch.texts("failed")
    if not {"crash", "off"} & set(drawn):
        assert not [text for text in texts if any(part in text for part in OF_THE_RADIO)], drawn
    if "unreadable" not in drawn:
        assert not [text for text in texts if "cannot be read" in text], drawn
    assert not air.faults, drawn


@pytest.mark.parametrize("seed", range(4))
def test_nothing_that_arrived_is_lost_in_half_a_minute_of_random_troubles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'bus'}")
    survive(tmp_path / "bus", seed, SESSION_S / 2)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 300))
def test_nothing_that_arrived_is_lost_in_a_minute_of_random_troubles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'bus'}")
    survive(tmp_path / "bus", seed, SESSION_S)
