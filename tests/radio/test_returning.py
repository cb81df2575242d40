"""A unit that had data is never given up: it is back as soon as it is in reach."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import TYPE_CHECKING

from peripheral import Peripheral
from sessions import Links, linked, missing, strapped, until

from imu.air.link import LinkTiming
from imu.air.scan import find_device
from imu.clocks.losses import losses
from imu.clocks.timeline import Timeline
from imu.sample import SampleTable

if TYPE_CHECKING:
    from fake_bluez import FakeBluez

THIGH, SHANK = "D4:22:CD:00:00:01", "D4:22:CD:00:00:02"
# By the emulation's clock, which stands still while this process is kept from running.
BACK_WITHIN_S = 2.0


def test_a_connect_that_fails_twice_is_tried_a_third_time_after_a_new_scan(air: FakeBluez) -> None:
    unit = Peripheral(THIGH, refusals=2)
    air.units = [unit]

    async def stream() -> Links:
        async with air:
            device = await find_device(THIGH, 5.0)
            async with linked([unit], devices=[device]) as caught:
                await until(lambda: len(caught[1].samples) > 60)
        return caught

    _, catch = asyncio.run(stream())
    assert catch.payloads(0) == unit.sent
    assert catch.kinds().count("failed") == 1, "the same trouble is told once"
    assert "refused" in catch.texts("failed")[0]
    assert "reconnected" not in catch.kinds()
    visited = catch.states()
    assert visited.count("connecting") == 3
    assert visited.count("searching") == 1
    assert visited.index("searching") > visited.index("lost")
    assert air.scans == 2


def test_a_unit_switched_off_and_on_begins_a_new_epoch(air: FakeBluez) -> None:
    unit = Peripheral(THIGH, begin_us=3_000_000_000, outages=[(0.5, 0.3)])
    air.units = [unit]

    async def stream() -> Links:
        async with air, linked([unit]) as caught:
            await until(lambda: not unit.reachable)
            unit.begin_us = 0
            unit.restart()
            await until(lambda: len(caught[1].samples) > 120)
        return caught

    _, catch = asyncio.run(stream())
    assert catch.payloads(0) == unit.sent
    order = [str(event.kind) for event in catch.events if event.kind != "state"]
    assert [kind for kind in order if kind != "battery"] == ["connected", "lost", "reconnected"]
    [(index, since_ns)] = catch.reconnects()
    before = [sample for sample in catch.samples if sample.host_time_ns < since_ns]
    after = [sample for sample in catch.samples if sample.host_time_ns >= since_ns]
    assert min(sample.device_time or 0 for sample in before) >= 3_000_000_000
    assert max(sample.device_time or 0 for sample in after) < 3_000_000
    assert missing(before) == missing(after) == 0
    timeline = Timeline(strapped(1), "independent")
    frames = [frame for sample in before for frame in timeline.push(sample)]
    timeline.new_epoch(index)
    frames += [frame for sample in after for frame in timeline.push(sample)]
    assert timeline.dropped == (0,)
    assert all(b.time_s > a.time_s for a, b in itertools.pairwise(frames))
    assert losses(SampleTable.from_samples(catch.samples), strapped(1), [(0, since_ns)])[0].lost > 0


def test_a_unit_that_is_gone_for_good_does_not_keep_another_one_away(air: FakeBluez) -> None:
    dead = Peripheral(THIGH, outages=[(0.3, 1e9)])
    unit = Peripheral(SHANK, outages=[(0.8, 0.4), (0.5, 1.0), (0.5, 0.2)], seed=1)
    air.units = [dead, unit]

    async def stream() -> Links:
        async with air, linked([dead, unit]) as caught:
            await until(lambda: len(unit.waits_s) == 3)
        return caught

    _, catch = asyncio.run(stream())
    assert max(unit.waits_s) < BACK_WITHIN_S
    assert catch.payloads(0) == dead.sent
    assert catch.payloads(1) == unit.sent
    assert len(catch.texts("lost")) == 4


def test_a_unit_that_falls_silent_while_connected_is_connected_anew(air: FakeBluez) -> None:
    unit = Peripheral(THIGH)
    air.units = [unit]

    async def stream() -> Links:
        async with air, linked([unit]) as caught:
            await until(lambda: len(caught[1].samples) > 60)
            unit.mute = True
            await until(lambda: unit.connects == 2)
            unit.mute = False
            await until(lambda: "reconnected" in caught[1].kinds())
        return caught

    _, catch = asyncio.run(stream())
    assert catch.payloads(0) == unit.sent
    assert "sends nothing" in catch.texts("lost")[0]
    assert catch.kinds().count("reconnected") == 1


def test_a_unit_that_the_system_has_forgotten_is_scanned_for_again(air: FakeBluez) -> None:
    unit = Peripheral(THIGH)
    air.units = [unit]

    async def stream() -> Links:
        async with air, linked([unit]) as caught:
            await until(lambda: len(caught[1].samples) > 60)
            air.forget(unit)
            await until(lambda: "reconnected" in caught[1].kinds())
        return caught

    _, catch = asyncio.run(stream())
    assert catch.payloads(0) == unit.sent
    assert air.scans == 2
    assert catch.states().count("connecting") == 3, "it is searched for after the first failure"


def test_the_bus_dies_and_comes_back(air: FakeBluez) -> None:
    air.units = [Peripheral(THIGH), Peripheral(SHANK, seed=1)]

    async def stream() -> Links:
        async with air, linked(air.units) as caught:
            catch = caught[1]
            await until(lambda: all(len(catch.of(index)) > 60 for index in range(2)))
            air.die()
            await until(lambda: all("failed" in catch.kinds(index) for index in range(2)))
            await air.listen()
            await until(lambda: len(catch.reconnects()) == 2)
        return caught

    _, catch = asyncio.run(stream())
    for index, unit in enumerate(air.units):
        # what was on its way in the socket when the bus died is lost with it
        received = catch.payloads(index)
        assert set(received) <= set(unit.sent)
        assert missing(catch.of(index)) + len(received) <= unit.measured
        told = [kind for kind in catch.kinds(index) if kind != "battery"]
        assert told[:3] == ["connected", "lost", "failed"]
        assert told[-1] == "reconnected"
    assert "systemctl start bluetooth" in catch.texts("failed")[0]


def test_bluetooth_switched_off_and_on_in_a_session(air: FakeBluez) -> None:
    unit = Peripheral(THIGH)
    air.units = [unit]

    async def stream() -> Links:
        async with air, linked([unit]) as caught:
            await until(lambda: len(caught[1].samples) > 60)
            air.switch(on=False)
            on_again_s = air.flow_s + 4.5
            await until(lambda: air.flow_s > on_again_s)
            air.switch(on=True)
            unit.be_back(air.flow_s)
            await until(lambda: "reconnected" in caught[1].kinds())
        return caught

    _, catch = asyncio.run(stream())
    assert catch.payloads(0) == unit.sent
    told = catch.texts("failed")
    assert all("switch it on" in text for text in told)
    assert len(told) == len(set(told)), "the same trouble is told once"
    assert max(unit.waits_s) < BACK_WITHIN_S


def test_a_pulled_adapter_is_said_and_plugged_in_again_the_sensors_come_back_by_themselves(
    air: FakeBluez,
) -> None:
    units = [Peripheral(THIGH), Peripheral(SHANK, seed=1)]
    air.units = units

    async def stream() -> Links:
        async with air, linked(units) as caught:
            catch = caught[1]
            await until(lambda: all(len(catch.of(index)) > 60 for index in range(2)))
            air.unplug()
            await until(lambda: sum("plug in" in text for text in catch.texts("failed")) == 2)
            air.plug_in()
            await until(lambda: len(catch.reconnects()) == 2)
        return caught

    _, catch = asyncio.run(stream())
    for index, unit in enumerate(units):
        assert catch.payloads(index) == unit.sent
        told = [kind for kind in catch.kinds(index) if kind != "battery"]
        # first that the unit is out of sight, then, having looked for it, why
        assert told == ["connected", "lost", "failed", "failed", "reconnected"]


def test_sensors_come_back_by_themselves_and_their_state_is_never_older_than_about_a_second(
    air: FakeBluez,
) -> None:
    unit = Peripheral(THIGH, outages=[(0.6, 1.5)])
    air.units = [unit]
    seen: list[tuple[float, bool, str]] = []

    async def stream() -> Links:
        async with air, linked([unit]) as caught:
            [link], catch = caught
            await until(lambda: len(catch.samples) > 30)
            while "reconnected" not in catch.kinds():
                seen.append((air.flow_s, unit.reachable, str(link.state)))
                await asyncio.sleep(0.005)
            unit.mute = True  # the link stands and says nothing: only a watch can tell
            fell_s = air.flow_s
            await until(lambda: str(link.state) == "silent")
            assert air.flow_s - fell_s < 1.3
            await until(lambda: len(catch.texts("lost")) == 2)
            assert 3.5 < air.flow_s - fell_s < 4.5
        return caught

    asyncio.run(stream())
    gone_s = min(at_s for at_s, here, _ in seen if not here)
    wrong = [at_s for at_s, here, state in seen if not here and state == "streaming"]
    assert max(wrong, default=gone_s) - gone_s < 1.0
    assert max(unit.waits_s) < BACK_WITHIN_S


def test_a_computer_that_was_busy_does_not_blame_the_unit(air: FakeBluez) -> None:
    unit = Peripheral(THIGH)
    air.units = [unit]
    timing = LinkTiming(shortest_silence_s=0.075, silence_samples=1.0)

    async def stream() -> Links:
        async with air, linked([unit], timing=timing) as caught:
            await until(lambda: len(caught[1].samples) > 60)
            for pause_s in (0.2, 0.211, 0.223):
                await asyncio.sleep(pause_s)
                time.sleep(0.7)  # noqa: ASYNC251 - keeps the event loop from running
            before = len(caught[1].samples)
            await until(lambda: len(caught[1].samples) > before + 240)
        return caught

    _, catch = asyncio.run(stream())
    assert catch.payloads(0) == unit.sent
    assert unit.connects == 1
