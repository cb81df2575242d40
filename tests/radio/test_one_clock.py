"""DOT units over Bluetooth are given one clock, for which they drop their links and come back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sessions import until

from hipturn.session.one_clock import give_one_clock
from hipturn.session.radio_session import strap
from hipturn.units.kit import KitUnit
from imu.virtual.units.dot_layout import MESSAGES
from imu.virtual.wearer import WearerSettings, on_air

if TYPE_CHECKING:
    from fake_bluez import FakeBluez


@pytest.mark.parametrize("refusals", [0, 2, 3])
def test_units_agree_though_a_connect_fails_in_between(
    air: FakeBluez, monkeypatch: pytest.MonkeyPatch, refusals: int
) -> None:
    from worn import Motion, WornDot

    monkeypatch.setattr("imu.drivers.dot_sync.AGREE_S", 0.2)
    monkeypatch.setattr("imu.drivers.dot_sync.SETTLE_S", 0.0)
    monkeypatch.setattr("imu.drivers.dot_sync.TAKE_S", 0.1)
    virtual, wearing = on_air("prone_windshield_wiper", "both", 4, WearerSettings(reps=1))
    motion = Motion(virtual.units)
    units = [WornDot(unit, 26, motion) for unit in virtual.units]
    air.units = list(units)
    wanted = {(unit.segment, unit.side): KitUnit(unit.address) for unit in wearing.units}
    said: list[str] = []

    async def run() -> str:
        async with air:
            strapped = await strap(wanted, said.append)
            told = asyncio.create_task(give_one_clock(strapped, said.append))
            await until(lambda: sum(uuid == MESSAGES for uuid, _ in units[-1].commands) == 2)
            units[2].refusals = refusals
            return await told

    clock = asyncio.run(run())
    told = [sum(uuid == MESSAGES for uuid, _ in unit.commands) for unit in units]
    assert told == [2, 2, 2, 2]  # to leave an earlier clock, and whose to take over
    assert not any(unit.connected for unit in units)
    if refusals < 3:
        assert said[-1] == "All 4 units share one clock, until they are switched off."
        assert clock == "shared"
    else:
        assert "do not share a clock (the unit refused the connection" in said[-1]
        assert clock == "independent"
