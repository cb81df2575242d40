"""A scan finds the units that have a profile, and shows names that a stranger sent safely."""

from __future__ import annotations

import asyncio
import tomllib
from typing import TYPE_CHECKING

from peripheral import SERVICE, Peripheral
from sessions import Links, linked, until

from imu.air.scan import Found, find
from imu.profiles.profile import Profile, load_profiles, parse_profile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fake_bluez import FakeBluez

UNIT = """
schema = 1
name = "NAME"
heading = "arbitrary"
write = []
match = { MATCH }
rates = { allowed = [60], default = 60 }
[stream.quat]
uuid = "6a7e0002-5b2c-4d7e-9a51-0c8f2b6d4e10"
length = 20
field.quat = { offset = 4, type = "i16", count = 4, scale = 1 }
"""


def profiles(**matches: str) -> dict[str, Profile]:
    return {
        name: parse_profile(tomllib.loads(UNIT.replace("NAME", name).replace("MATCH", match)), name)
        for name, match in matches.items()
    }


def seen(
    air: FakeBluez,
    known: dict[str, Profile],
    until: Callable[[Sequence[Found]], bool] | None = None,  # of `find`
    timeout_s: float = 0.6,
) -> list[Found]:
    async def scan() -> list[Found]:
        async with air:
            return await find(timeout_s, known, until=until)

    return asyncio.run(scan())


def test_units_are_known_by_name_service_or_company_and_the_nearest_comes_first(
    air: FakeBluez,
) -> None:
    known = profiles(
        dot='name_prefix = ["Movella DOT"]',
        own=f'service_uuids = ["{SERVICE}"]',
        other="company_id = 0x0030",
    )
    air.units = [
        Peripheral("D4:22:CD:00:00:01", "Movella DOT", advertised=[], rssi=-80),
        Peripheral("D4:22:CD:00:00:02", "", rssi=-40),
        Peripheral("D4:22:CD:00:00:03", "Board", advertised=[], company_id=0x30, rssi=-60),
        Peripheral("D4:22:CD:00:00:04", "Headphones", advertised=[], company_id=0x4C, rssi=-30),
    ]
    found = seen(air, known)
    assert [(unit.profile.id, unit.rssi) for unit in found] == [
        ("own", -40),
        ("other", -60),
        ("dot", -80),
    ]
    assert [unit.address[-2:] for unit in found] == ["02", "03", "01"]
    assert found[2].name == "Movella DOT"


def test_names_lose_what_would_harm_a_terminal(air: FakeBluez) -> None:
    hostile = "Movella DOT\x1b[2J\r\n\u202egnp.exe"
    air.units = [Peripheral("D4:22:CD:00:00:01", hostile, advertised=[])]
    [unit] = seen(air, profiles(dot='name_prefix = ["Movella DOT"]'))
    assert unit.name == "Movella DOT[2Jgnp.exe"


def test_a_scan_ends_when_all_are_there(air: FakeBluez) -> None:
    air.units = [Peripheral(f"D4:22:CD:00:00:0{number}") for number in range(3)]
    found = seen(
        air,
        profiles(own=f'service_uuids = ["{SERVICE}"]'),
        until=lambda units: len(units) == 3,
        timeout_s=3600.0,
    )
    assert len(found) == 3
    assert air.scans == 1


def test_a_unit_still_held_from_a_killed_session_is_found_though_it_is_silent(
    air: FakeBluez,
) -> None:
    known = profiles(dot='name_prefix = ["Movella DOT"]', own=f'service_uuids = ["{SERVICE}"]')
    air.units = [Peripheral("D4:22:CD:00:00:01"), Peripheral("D4:22:CD:00:00:02", "Movella DOT")]
    for unit in air.units:
        air.hold(unit)
    air.units[1].services = dict(list(air.units[1].services.items())[1:])

    async def scan() -> tuple[list[Found], Links]:
        async with air:
            found = await find(0.3, known)
            async with linked(air.units[:1]) as caught:
                await until(lambda: len(caught[1].samples) > 60)
        return found, caught

    found, (_, catch) = asyncio.run(scan())
    assert [(unit.profile.id, unit.address[-2:]) for unit in found] == [
        ("own", "01"),
        ("dot", "02"),
    ]
    assert catch.payloads(0) == air.units[0].sent
    assert not air.units[0].connected


def test_nobody_in_range_is_an_empty_list(air: FakeBluez) -> None:
    assert seen(air, profiles(own=f'service_uuids = ["{SERVICE}"]'), timeout_s=0.2) == []


def test_units_that_cannot_be_used_are_named_with_the_reason(air: FakeBluez) -> None:
    fdf3 = "0000fdf3-0000-1000-8000-00805f9b34fb"
    air.units = [
        Peripheral("D4:22:CD:00:00:01", "HaritoraX2-0042", advertised=[]),
        Peripheral("D4:22:CD:00:00:02", "Movesense 204830000001", advertised=[fdf3]),
        Peripheral("D4:22:CD:00:00:03", "HaritoraXW-0042", advertised=[]),
    ]
    unusable: dict[str, str] = {}

    async def scan() -> list[Found]:
        async with air:
            return await find(0.6, load_profiles(), unusable=unusable)

    assert [unit.profile.id for unit in asyncio.run(scan())] == ["haritorax_wireless"]
    said = sorted(unusable.values())
    assert said[0].startswith("HaritoraX2-0042 (D4:22:CD:00:00:01): HaritoraX 2 sends two segments")
    assert "needs firmware with the GATT sensor data service" in said[1]
