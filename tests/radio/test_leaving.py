"""Units are stopped and disconnected on the way out, whatever the way."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from peripheral import STOP, Peripheral
from sessions import ReferenceDriver, linked, until

from imu.air.link import ConnectLock, LinkState, UnitLink
from imu.sample import Sample

if TYPE_CHECKING:
    from fake_bluez import FakeBluez

THIGH = "D4:22:CD:00:00:01"


class DiskFullError(OSError):
    """What a recorder raises, an error that could come from a radio as well."""


def link_to(
    unit: Peripheral, deliver: object = None, lock: ConnectLock | None = None
) -> tuple[UnitLink, list[Sample]]:
    samples: list[Sample] = []
    link = UnitLink(
        unit.address,
        ReferenceDriver(),
        0,
        deliver or samples.append,  # type: ignore[arg-type]
        lambda _: None,
        time.monotonic_ns,
        connect_lock=lock or ConnectLock(),
    )
    return link, samples


def test_told_to_stop_it_stops_the_unit_and_delivers_what_had_come(air: FakeBluez) -> None:
    unit = Peripheral(THIGH)
    air.units = [unit]

    async def stream() -> None:
        async with air:
            async with linked([unit]) as caught:
                await until(lambda: len(caught[1].samples) > 60)
                states = [caught[0][0].state]
            states.append(caught[0][0].state)
            assert states == [LinkState.STREAMING, LinkState.CLOSED]
            assert caught[1].payloads(0) == unit.sent
            assert unit.commands[-1][1] == STOP
            assert not unit.connected

    asyncio.run(stream())


@pytest.mark.parametrize("times", [1, 2, 3])
def test_cancelled_even_several_times_it_still_disconnects(air: FakeBluez, times: int) -> None:
    unit = Peripheral(THIGH)
    air.units = [unit]

    async def stream() -> None:
        async with air:
            link, samples = link_to(unit)
            with pytest.raises(asyncio.CancelledError):  # noqa: PT012
                async with asyncio.TaskGroup() as tasks:
                    running = tasks.create_task(link.run(asyncio.Event()))
                    await until(lambda: len(samples) > 60)
                    for _ in range(times):
                        running.cancel()
                        await asyncio.sleep(0)
                await running
            await until(lambda: not unit.connected)
            assert link.state is LinkState.CLOSED
            if times == 1:
                assert unit.commands[-1][1] == STOP

    asyncio.run(stream())


@pytest.mark.parametrize("state", ["searching", "connecting", "starting"])
def test_told_to_stop_before_it_streams_it_leaves_no_connection(air: FakeBluez, state: str) -> None:
    unit = Peripheral(THIGH, connect_s=0.3, resolve_s=0.3)
    air.units = [unit]

    async def stream() -> None:
        async with air:
            async with linked([unit]) as caught:
                await until(lambda: state in caught[1].states())
            assert caught[0][0].state is LinkState.CLOSED
            await until(lambda: not unit.connected)
            assert not unit.started

    asyncio.run(stream())


def test_a_recorder_that_fails_ends_the_link_with_its_own_error(air: FakeBluez) -> None:
    unit = Peripheral(THIGH)
    air.units = [unit]
    taken: list[Sample] = []

    def deliver(sample: Sample) -> None:
        taken.append(sample)
        if len(taken) == 50:
            raise DiskFullError("no space left on device")

    async def stream() -> None:
        async with air:
            link, _ = link_to(unit, deliver)
            with pytest.raises(DiskFullError):
                await link.run(asyncio.Event())
            assert not unit.connected
            assert unit.commands[-1][1] == STOP
            assert link.state is LinkState.CLOSED

    asyncio.run(stream())
    assert len(taken) == 50, "who failed gets no more"


def test_a_unit_that_does_not_listen_to_stop_is_disconnected_all_the_same(air: FakeBluez) -> None:
    class Deaf(ReferenceDriver):
        async def stop(self, client: object) -> None:
            await asyncio.sleep(3600)

    unit = Peripheral(THIGH)
    air.units = [unit]

    async def stream() -> None:
        async with air:
            async with linked([unit], driver=Deaf) as caught:
                await until(lambda: len(caught[1].samples) > 10)
            assert not unit.connected

    asyncio.run(stream())


def test_nobody_holds_the_radio_while_another_waits_for_it() -> None:
    async def take_turns() -> list[str]:
        lock, order = ConnectLock(), []

        async def hold(name: str, *, engaged: bool) -> None:
            try:
                async with lock.turn(30.0, lambda: engaged):
                    order.append(f"{name} begins")
                    await asyncio.sleep(3600 if not engaged else 0.3)
                    order.append(f"{name} is done")
            except TimeoutError:
                order.append(f"{name} gives way")

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(hold("first", engaged=False))
            await asyncio.sleep(0)
            tasks.create_task(hold("second", engaged=True))
            await asyncio.sleep(0)
            tasks.create_task(hold("third", engaged=True))
        return order

    assert asyncio.run(take_turns()) == [
        "first begins",
        "first gives way",
        "second begins",
        "second is done",
        "third begins",
        "third is done",
    ]
