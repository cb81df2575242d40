"""A stalled radio loses nothing, and a Bluetooth service that restarts keeps nobody away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from peripheral import BATTERY_SERVICE, Characteristic, Peripheral
from sessions import Links, linked, missing, until

if TYPE_CHECKING:
    from fake_bluez import FakeBluez

THIGH, SHANK, OTHER = (f"D4:22:CD:00:00:0{number}" for number in (1, 2, 3))
SERIAL = "00002a25-0000-1000-8000-00805f9b34fb"
BACK_WITHIN_S = 3.0


def test_a_stall_of_a_second_and_a_half_loses_nothing_and_keeps_the_link(air: FakeBluez) -> None:
    unit = Peripheral(THIGH, stalls=[(0.5, 1.5), (0.5, 1.5)])
    air.units = [unit]

    async def stream() -> Links:
        async with air, linked([unit]) as caught:
            await until(lambda: len(caught[1].samples) > 500)
        return caught

    _, catch = asyncio.run(stream())
    assert catch.payloads(0) == unit.sent
    assert missing(catch.samples) == 0
    assert unit.connects == 1
    assert "silent" in catch.states(), "which blanks the number"
    assert not catch.texts("lost")


@pytest.mark.parametrize("goodbye", [False, True])
@pytest.mark.parametrize("dead_s", [0.5, 6.0])
def test_units_are_back_within_three_seconds_of_a_restarted_bluetooth_service(
    air: FakeBluez, dead_s: float, goodbye: bool
) -> None:
    units = [Peripheral(THIGH), Peripheral(SHANK, seed=1)]
    for unit in units:  # something to read, as every real unit has
        unit.services[BATTERY_SERVICE].append(Characteristic(SERIAL, ["read"], b"A17"))
    air.units = units
    back_s: list[float] = []

    async def stream() -> Links:
        async with air, linked(units) as caught:
            catch = caught[1]
            await until(lambda: all(len(catch.of(index)) > 60 for index in range(2)))
            air.crash(goodbye=goodbye)
            alive_s = air.flow_s + dead_s
            await until(lambda: air.flow_s > alive_s)
            air.revive()
            await until(lambda: len(catch.reconnects()) == 2)
            back_s.append(air.flow_s - alive_s)
        return caught

    _, catch = asyncio.run(stream())
    assert back_s[0] < BACK_WITHIN_S
    for index, unit in enumerate(units):
        assert catch.payloads(index) == unit.sent


def test_a_unit_that_comes_back_under_another_address_is_known_by_its_serial_number(
    air: FakeBluez,
) -> None:
    units = [Peripheral(THIGH), Peripheral(SHANK, seed=1)]
    for number, unit in enumerate(units):
        unit.services[BATTERY_SERVICE].append(
            Characteristic(SERIAL, ["read"], f"A{number}".encode())
        )
    air.units = units[:1]

    async def stream() -> Links:
        async with air, linked(units[:1]) as caught:
            catch = caught[1]
            await until(lambda: len(catch.samples) > 60)
            air.units.insert(0, units[1])  # another one of the same name
            air.readdress(units[0], OTHER)
            await until(lambda: "reconnected" in catch.kinds())
        return caught

    _, catch = asyncio.run(stream())
    assert catch.payloads(0) == units[0].sent
    assert catch.texts("moved") == [f"is back under another address ({OTHER})"]
    assert not units[1].starts
