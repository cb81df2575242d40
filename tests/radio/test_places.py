"""A place has one unit, and a unit one place."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from peripheral import Characteristic, Peripheral

from hipturn.errors import UserError
from hipturn.session import radio_session
from hipturn.session.radio_session import Place, Strapped, Wish, hold_session, strap
from hipturn.units import unit_setup
from hipturn.units.kit import KitUnit
from imu.sample import Segment, Side

if TYPE_CHECKING:
    from pathlib import Path

    from fake_bluez import FakeBluez

FIRST, SECOND, THIRD = (f"D4:22:CD:00:00:0{number}" for number in (1, 2, 3))
THIGH: Place = (Segment.THIGH, Side.RIGHT)
SHANK: Place = (Segment.SHANK, Side.RIGHT)
SERIAL = "00002a25-0000-1000-8000-00805f9b34fb"
INFORMATION = "0000180a-0000-1000-8000-00805f9b34fb"


def dots(*addresses: str) -> list[Peripheral]:
    return [Peripheral(address, "Movella DOT") for address in addresses]


def strapped(air: FakeBluez, wanted: dict[Place, KitUnit], late_s: float = 0.0) -> list[Strapped]:
    """Return where the units go; the last one is heard only after so long."""

    async def find() -> list[Strapped]:
        async def appear() -> None:
            await asyncio.sleep(late_s)
            air.units[-1].reachable = True

        async with air:
            air.units[-1].reachable = not late_s
            _, found = await asyncio.gather(appear(), strap(wanted, lambda _: None))
            return found

    return asyncio.run(find())


def test_a_name_that_two_units_share_is_refused_though_the_second_is_heard_late(
    air: FakeBluez, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(radio_session, "SCAN_S", 1.0)
    air.units = dots(FIRST, SECOND)
    named = {THIGH: KitUnit("Movella DOT"), SHANK: KitUnit(SECOND)}
    with pytest.raises(UserError) as caught:
        strapped(air, named, late_s=0.4)
    assert str(caught.value) == (
        f"several units are called Movella DOT: name one by address ({FIRST}, {SECOND})"
    )


@pytest.mark.parametrize("other", [FIRST, FIRST.lower(), "Movella DOT"])
def test_one_unit_for_two_places_is_refused(
    air: FakeBluez, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    monkeypatch.setattr(radio_session, "SCAN_S", 0.5)
    air.units = dots(FIRST)
    with pytest.raises(UserError) as caught:
        strapped(air, {THIGH: KitUnit(FIRST), SHANK: KitUnit(other)})
    assert str(caught.value) == (
        f"the unit Movella DOT ({FIRST}) is named for the right thigh and for the right shank:"
        " name another one for one of them"
    )


def test_two_units_for_one_place_are_refused_before_a_session_begins(
    air: FakeBluez, tmp_path: Path
) -> None:
    air.units = dots(FIRST, SECOND)
    both = strapped(air, {THIGH: KitUnit(FIRST), SHANK: KitUnit(SECOND)})
    twice = [Strapped(THIGH, one.found, one.driver) for one in both]
    wish = Wish(exercise="prone_windshield_wiper", root=str(tmp_path))
    with pytest.raises(UserError) as caught:
        asyncio.run(hold_session(twice, wish, asyncio.Event()))
    assert str(caught.value) == (
        f"two units are named for the right thigh ({FIRST}, {SECOND}): name one of them for"
        " another place"
    )
    assert not list(tmp_path.iterdir())


def test_units_named_by_address_end_the_scan_as_soon_as_they_are_heard(
    air: FakeBluez, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(radio_session, "SCAN_S", 3600.0)
    air.units = dots(FIRST, SECOND)
    found = strapped(air, {THIGH: KitUnit(FIRST), SHANK: KitUnit(SECOND)})
    assert [(one.place, one.found.address) for one in found] == [(THIGH, FIRST), (SHANK, SECOND)]


def test_a_unit_known_by_its_serial_number_is_found_though_another_of_its_kind_refuses(
    air: FakeBluez, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(radio_session, "SCAN_S", 0.5)
    monkeypatch.setattr(unit_setup, "VISIT_S", 0.5)
    refusing, hanging, wanted = [Peripheral(address) for address in (FIRST, SECOND, THIRD)]
    refusing.refusals, refusing.rssi = 100, -30
    hanging.connect_s, hanging.rssi = 1e9, -40
    wanted.services[INFORMATION] = [Characteristic(SERIAL, ["read"], b"A17")]
    air.units = [refusing, hanging, wanted]
    remembered = KitUnit("D4:22:CD:00:00:09", serial="A17", profile="hipturn_reference")
    [one] = strapped(air, {THIGH: remembered})
    assert one.found.address == THIRD
