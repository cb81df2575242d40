"""Movella DOTs, by their own profile and driver: found, set up, streamed, stopped."""

from __future__ import annotations

import asyncio
import itertools
import math
from typing import TYPE_CHECKING

import pytest
from dot import ACC_MPS2, CHARGE, CONTROL, GYR_DPS, INFORMATION, SETTINGS, Q, dot
from sessions import Catch, linked, until

from imu.air.scan import find
from imu.clocks.losses import losses
from imu.drivers import Driver, driver_for
from imu.profiles.profile import load_profiles
from imu.sample import Sample, SampleTable, Segment, Side, Unit

if TYPE_CHECKING:
    from fake_bluez import FakeBluez


@pytest.mark.parametrize("mode", [5, 24, 26])
def test_two_dots_stream_the_longest_payload_that_their_link_carries(
    air: FakeBluez, mode: int
) -> None:
    air.units = [
        dot("D4:22:CD:00:00:01", mode, begin_us=2**32 - 500_000),
        dot("D4:22:CD:00:00:02", mode, outages=[(0.5, 0.2)]),
    ]

    async def stream() -> tuple[list[Driver], Catch]:
        async with air:
            found = await find(20.0, load_profiles(), until=lambda units: len(units) == 2)
            drivers = [driver_for(unit.profile) for unit in found]
            waiting = iter(drivers)
            devices = [unit.device for unit in sorted(found, key=lambda unit: unit.address)]
            async with linked(air.units, devices=devices, driver=lambda: next(waiting)) as caught:
                await until(lambda: len(air.units[1].waits_s) == 1)
                await until(lambda: all(len(caught[1].of(index)) > 90 for index in range(2)))
                for unit in air.units:  # so that nothing is on its way when the link is closed
                    unit.mute = True
                await until(lambda: len(caught[1].samples) == sum(len(u.sent) for u in air.units))
        return drivers, caught[1]

    drivers, catch = asyncio.run(stream())
    for index, unit in enumerate(air.units):
        assert catch.payloads(index) == unit.sent
        assert drivers[index].rejected == {}
        assert drivers[index].stream == f"mode_{mode}"
        assert unit.commands[-1] == (CONTROL, bytes((1, 0, mode)))
        settings = [value for uuid, value in unit.commands if uuid == SETTINGS]
        assert settings[0] == bytes([0x10, *[0] * 23, 60, 0, *[0] * 6])
    assert catch.kinds(0).count("reconnected") == 0
    assert catch.kinds(1).count("reconnected") == 1
    assert {event.value for event in catch.events if event.kind == "battery"} == {0x42}
    assert set(air.reads) <= {CHARGE, SETTINGS, INFORMATION}
    units = [
        Unit(segment=segment, side=Side.RIGHT, **driver.unit_fields())
        for segment, driver in zip((Segment.THIGH, Segment.SHANK), drivers, strict=True)
    ]
    lost = losses(SampleTable.from_samples(catch.samples), units, catch.reconnects())
    assert (lost[0].lost, lost[0].dropped, lost[1].dropped) == (0, 0, 0)
    assert skipped(catch.of(1)) == air.units[1].missed - muted(air, catch)
    # across a reconnect the clock may have begun anew, so the time that passed is what arrivals say
    assert lost[1].lost == pytest.approx(skipped(catch.of(1)), abs=6)
    first = catch.samples[0]
    assert first.q == pytest.approx(Q, abs=1e-6)
    gyr = tuple(math.radians(value) for value in GYR_DPS)
    assert first.gyr == (None if mode == 5 else pytest.approx(gyr))
    assert first.acc == (pytest.approx(ACC_MPS2) if mode == 26 else None)


def skipped(samples: list[Sample]) -> int:
    """How many samples the unit's own clock says are missing between those that came."""
    times = [sample.device_time or 0 for sample in samples]
    periods = [round((b - a) % 2**32 * 60e-6) for a, b in itertools.pairwise(times)]
    return sum(periods) - len(periods)


def muted(air: FakeBluez, catch: Catch) -> int:
    """How many samples the second unit measured after the last one that it sent."""
    unit, last = air.units[1], catch.of(1)[-1].device_time
    assert last is not None
    return unit.measured - 1 - round((last - unit.begin_us) * 60e-6)
