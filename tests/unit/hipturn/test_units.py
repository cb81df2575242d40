"""Units are remembered by serial number, found again under another address, and set up."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from hipturn.errors import UserError
from hipturn.kit import KitUnit, read_kit, remember
from hipturn.radio_session import strap
from hipturn.unit_setup import find_unit, learn, set_rate
from imu.radio import Backend
from imu.sample import Segment, Side
from imu.virtual.backend import backend_of
from imu.virtual.wearer import WearerSettings, on_air

THIGH = (Segment.THIGH, Side.RIGHT)


@pytest.fixture
def kit_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HIPTURN_CONFIG", str(tmp_path))
    return tmp_path


def on_virtual_air(visit):
    """Run a visit to the two units of a virtual wearer."""

    async def run():
        air, wearing = on_air("seated_internal_rotation", "right", 3, WearerSettings(reps=1))
        return await visit(Backend(*backend_of(air)), wearing.units)

    return asyncio.run(run())


def test_the_kit_learns_name_serial_and_profile_of_a_unit(kit_folder):
    async def visit(backend, units):
        return units[0], await learn(units[0].address, backend)

    unit, known = on_virtual_air(visit)
    assert known.address == unit.address
    assert known.profile == "movella_dot"
    assert known.serial
    remember("right-thigh", known)
    assert read_kit() == {"right-thigh": known}
    remember("left-thigh", known)  # one unit is in one place
    assert read_kit() == {"left-thigh": known}


def test_a_unit_with_another_address_is_known_by_its_serial_number():
    async def visit(backend, units):
        known = await learn(units[1].address, backend)
        moved = replace(known, address="00:00:00:00:00:99")
        strapped = await strap({THIGH: moved}, lambda _: None, backend)
        return units[1].address, strapped[0].found.address

    expected, found = on_virtual_air(visit)
    assert found == expected


def test_a_unit_that_is_not_there_is_said_with_what_is():
    async def visit(backend, units):
        with pytest.raises(UserError, match=r"is not in range \(seen: .*\): switch it on"):
            await strap({THIGH: KitUnit("00:00:00:00:00:99")}, lambda _: None, backend)
        with pytest.raises(UserError, match="is not in range"):
            await find_unit("nobody", backend)

    on_virtual_air(visit)


def test_configure_sets_a_rate_and_sees_that_the_unit_keeps_it():
    async def visit(backend, units):
        with pytest.raises(UserError, match="cannot send at 61 Hz: choose one of"):
            await set_rate(units[0].address, 61, backend)
        return await set_rate(units[0].address, 30, backend)

    seen = on_virtual_air(visit)
    assert (seen.stream, seen.rate_hz) == ("mode_26", 30)
    assert seen.battery == 87
