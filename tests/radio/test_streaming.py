"""What units send arrives, all of it, once, in order; what the air swallows is known to be lost."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest
from bleak.backends.device import BLEDevice
from peripheral import STOP, Peripheral
from sessions import Links, linked, missing, strapped, until

from imu.air.scan import find_device
from imu.clocks.losses import losses
from imu.sample import SampleTable

if TYPE_CHECKING:
    from fake_bluez import FakeBluez

# Being back is measured on the emulation's clock, which stands still while this process is kept
# from running, from the moment when the unit is in reach to its first sample.
BACK_WITHIN_S = 2.0


def four_units(**settings: object) -> list[Peripheral]:
    addresses = [f"D4:22:CD:00:00:0{number}" for number in range(4)]
    return [
        Peripheral(address, begin_us=7_000_000 * number, seed=number, **settings)  # type: ignore[arg-type]
        for number, address in enumerate(addresses)
    ]


def test_four_units_at_120_hz_for_ten_seconds_lose_nothing(air: FakeBluez) -> None:
    air.units = four_units(quota=1200)

    async def stream() -> Links:
        async with air:
            first = await find_device(air.units[0].address, 5.0)
            devices: list[BLEDevice | str] = [first, *(unit.address for unit in air.units[1:])]
            async with linked(air.units, devices=devices) as caught:
                await until(lambda: len(caught[1].samples) >= 4800)
            for unit in air.units:
                assert not unit.connected
                assert unit.commands[-1][1] == STOP
        return caught

    links, catch = asyncio.run(stream())
    for index, unit in enumerate(air.units):
        assert len(unit.sent) == 1200
        assert catch.payloads(index) == unit.sent
        assert [sample.sequence for sample in catch.of(index)] == list(range(1200))
        assert links[index].counts.overflowed == 0
        assert sorted(catch.kinds(index)) == ["battery", "connected"]
        assert catch.states(index)[-5:] == [
            "connecting",
            "starting",
            "streaming",
            "stopping",
            "closed",
        ]


def test_ten_percent_loss_and_five_broken_links_a_unit_leave_nothing_unaccounted(
    air: FakeBluez,
) -> None:
    chance = random.Random(4)  # noqa: S311
    air.units = four_units(drop=0.1)
    for unit in air.units:
        unit.outages = [(chance.uniform(0.3, 0.9), chance.uniform(0.1, 0.9)) for _ in range(5)]

    async def stream() -> Links:
        async with air, linked(air.units) as caught:
            await until(lambda: all(len(unit.waits_s) == 5 for unit in air.units))
            enough = [len(unit.sent) + 30 for unit in air.units]
            await until(
                lambda: all(len(caught[1].of(index)) >= count for index, count in enumerate(enough))
            )
        return caught

    links, catch = asyncio.run(stream())
    table = SampleTable.from_samples(catch.samples)
    lost = losses(table, strapped(4), catch.reconnects())
    for index, unit in enumerate(air.units):
        received = catch.of(index)
        assert catch.payloads(index) == unit.sent, "nothing invented, nothing more lost"
        first, last = received[0].sequence, received[-1].sequence
        assert first is not None
        assert last is not None
        swallowed_until_last = last - first + 1 - len(received)
        assert missing(received) == swallowed_until_last == lost[index].lost
        assert lost[index].dropped == 0
        assert unit.swallowed > 0
        assert len(unit.sent) + unit.swallowed + unit.missed == unit.measured
        assert catch.kinds(index).count("reconnected") == 5
        assert catch.kinds(index).count("lost") == 5
        assert links[index].counts.connections == 6
        assert max(unit.waits_s) < BACK_WITHIN_S


@pytest.mark.parametrize("begin_us", [2**32 - 1_000_000, 2**32 - 1])
def test_a_clock_that_wraps_at_two_to_the_32_goes_on(air: FakeBluez, begin_us: int) -> None:
    air.units = [Peripheral("D4:22:CD:00:00:01", begin_us=begin_us, quota=180)]

    async def stream() -> Links:
        async with air, linked(air.units) as caught:
            await until(lambda: len(caught[1].samples) >= 180)
        return caught

    _, catch = asyncio.run(stream())
    times = [sample.device_time or 0 for sample in catch.samples]
    assert min(times) < 2**20 < 2**31 < max(times)
    report = losses(SampleTable.from_samples(catch.samples), strapped(1))[0]
    assert (report.received, report.lost, report.dropped) == (180, 0, 0)
    assert report.longest_gap_s == pytest.approx(1 / 120, abs=2e-6)
