"""What a unit sends is delivered as it came; nonsense is counted and harms nobody."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from typing import TYPE_CHECKING

from peripheral import BATTERY, PAYLOAD, Characteristic, Peripheral
from sessions import Links, ReferenceDriver, linked, strapped, until

from imu.air.link import LinkTiming
from imu.clocks.timeline import Timeline

if TYPE_CHECKING:
    from fake_bluez import FakeBluez

THIGH = "D4:22:CD:00:00:01"


def test_repeated_and_reordered_notifications_are_delivered_once_to_the_time_base(
    air: FakeBluez,
) -> None:
    held: list[bytes] = []

    def disturb(number: int, payload: bytes) -> list[bytes]:
        if number % 10 == 3:
            return [payload, payload]
        if number % 10 == 6:
            held.append(payload)
            return []
        return [payload, held.pop()] if held else [payload]

    unit = Peripheral(THIGH, disturb=disturb, quota=120)
    air.units = [unit]

    async def stream() -> Links:
        async with air, linked([unit]) as caught:
            await until(lambda: len(caught[1].samples) >= 132)
        return caught

    _, catch = asyncio.run(stream())
    assert catch.payloads(0) == unit.sent
    timeline = Timeline(strapped(1), "independent")
    for sample in catch.samples:
        timeline.push(sample)
    assert timeline.dropped == (24,), "12 repeats and 12 late ones"


def test_hostile_notifications_are_counted_and_the_rest_goes_on(air: FakeBluez) -> None:
    chance = random.Random(1)  # noqa: S311
    nonsense = [
        b"",
        b"\x00",
        b"\xff" * 20,
        bytes(20),
        bytes(244),
        b"\xff" * 512,
        *(chance.randbytes(length) for length in (1, 19, 21, 100)),
    ]

    def disturb(number: int, payload: bytes) -> list[bytes]:
        return [nonsense[number % len(nonsense)], payload]

    unit = Peripheral(THIGH, disturb=disturb, quota=120)
    air.units = [unit]
    driver = ReferenceDriver()

    async def stream() -> Links:
        async with air, linked([unit], driver=lambda: driver) as caught:
            await until(lambda: caught[0][0].counts.notifications >= 240)
        return caught

    links, catch = asyncio.run(stream())
    good = unit.sent[1::2]
    assert catch.payloads(0) == good
    assert sum(driver.rejected.values()) == 120
    assert links[0].counts.samples == len(good)
    assert unit.connects == 1


def test_a_full_queue_is_counted_and_said(air: FakeBluez) -> None:
    unit = Peripheral(THIGH)
    air.units = [unit]

    async def stream() -> Links:
        async with air, linked([unit], queue_length=16) as caught:
            await until(lambda: len(caught[1].samples) > 10)
            flood = [PAYLOAD.pack(number, 32767, *[0] * 7) for number in range(200)]
            for payload in flood:  # all at once, before anybody can work anything off
                air.notify(unit, payload)
            unit.sent += flood
            begun = len(caught[1].samples)
            await until(lambda: len(caught[1].samples) > begun + 60)
        return caught

    links, catch = asyncio.run(stream())
    counts = links[0].counts
    assert counts.overflowed > 0
    assert counts.notifications + counts.overflowed == len(unit.sent)
    told = [event for event in catch.events if event.kind == "overflow"]
    assert told[-1].value == counts.overflowed
    assert "faster than" in told[-1].text


def test_the_battery_is_read_at_connect_and_from_then_on(air: FakeBluez) -> None:
    unit = Peripheral(THIGH, outages=[(0.5, 0.1)])
    air.units = [unit]

    async def stream() -> Links:
        async with air, linked([unit], timing=LinkTiming(battery_period_s=0.2)) as caught:
            await until(lambda: caught[1].kinds().count("battery") >= 3)
            charge = unit.characteristic(BATTERY)
            assert charge is not None
            charge.value = b"\x10"
            await until(lambda: caught[0][0].battery_percent == 16)
        return caught

    _, catch = asyncio.run(stream())
    assert catch.payloads(0) == unit.sent
    values = [event.value for event in catch.events if event.kind == "battery"]
    assert values[0] == 87
    assert values[-1] == 16
    assert set(air.reads) == {BATTERY}


def test_a_unit_without_a_battery_service_streams_all_the_same(air: FakeBluez) -> None:
    unit = Peripheral(THIGH)
    del unit.services[next(uuid for uuid in unit.services if "180f" in uuid)]
    air.units = [unit]

    async def stream() -> Links:
        async with air, linked([unit]) as caught:
            await until(lambda: len(caught[1].samples) > 60)
        return caught

    links, catch = asyncio.run(stream())
    assert "battery" not in catch.kinds()
    assert links[0].battery_percent is None


def test_a_unit_that_tells_its_services_late_is_waited_for(air: FakeBluez) -> None:
    unit = Peripheral(THIGH, resolve_s=1.0)
    unit.services["0000180a-0000-1000-8000-00805f9b34fb"] = [
        Characteristic("00002a26-0000-1000-8000-00805f9b34fb", ["read"], b"1.0")
    ]
    air.units = [unit]

    async def stream() -> Links:
        async with air, linked([unit]) as caught:
            await until(lambda: len(caught[1].samples) > 60)
        return caught

    _, catch = asyncio.run(stream())
    assert catch.payloads(0) == unit.sent
    assert "failed" not in catch.kinds()


def test_a_unit_that_must_be_paired_is_paired(air: FakeBluez) -> None:
    class Pairing(ReferenceDriver):
        def __init__(self) -> None:
            super().__init__()
            self.profile = dataclasses.replace(self.profile, pairing=True)

    unit = Peripheral(THIGH)
    air.units = [unit]

    async def stream() -> Links:
        async with air, linked([unit], driver=Pairing) as caught:
            await until(lambda: len(caught[1].samples) > 60)
        return caught

    _, catch = asyncio.run(stream())
    assert unit.paired
    assert catch.payloads(0) == unit.sent
