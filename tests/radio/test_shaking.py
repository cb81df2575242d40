"""Units are told apart by shaking the one that is asked for, on the air and as another process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from shaken import PLACES, Shakes, shaken_units

from hipturn.errors import UserError
from hipturn.session.radio_session import Strapped
from hipturn.units.shake import tell_apart
from imu.air.radio_errors import Backend
from imu.air.scan import find
from imu.profiles.profile import load_profiles
from imu.virtual.on_air.air import VirtualAir
from imu.virtual.on_air.backend import backend_of

ROOT = Path(__file__).parents[2]


def told_apart(
    count: int, shakes: Shakes, seconds: float = 20.0
) -> tuple[list[str], list[Strapped]]:
    """Shake units on the air as planned; return what was said and where each unit goes."""
    air, said = VirtualAir(shaken_units(count, shakes, seconds)), []

    async def run() -> list[Strapped]:
        backend = Backend(*backend_of(air))
        found = await find(
            5.0, load_profiles(), backend=backend, until=lambda seen: len(seen) == count
        )
        async with asyncio.timeout(60.0):
            return await tell_apart(found, PLACES[:count], said.append, backend)

    strapped = asyncio.run(run())
    assert all(not unit.measuring for unit in air.units)
    assert len(air.advertising()) == count, "a link was left behind"
    return said, strapped


@pytest.mark.parametrize("thigh", [0, 1])
def test_of_two_units_the_shaken_one_goes_on_the_thigh_and_the_other_on_the_shank(thigh):
    said, strapped = told_apart(2, [(0.5, 20.0, thigh)])
    assert [one.place for one in strapped] == PLACES[:2]
    assert [one.found.address[-1] for one in strapped] == [str(1 + thigh), str(2 - thigh)]
    assert said[:2] == [
        "Connecting to 2 units…",
        "Shake the unit that goes on the right thigh, and keep the others still.",
    ]
    assert said[2].endswith("goes on the right thigh.")
    assert len(said) == 3


def test_four_units_are_asked_for_one_after_the_other():
    order = [2, 0, 3]
    # who was told where it goes may be shaken on: nobody looks at it any more
    shakes = [(0.5 + 4.0 * number, 60.0, unit) for number, unit in enumerate(order)]
    said, strapped = told_apart(4, shakes, 60.0)
    assert [int(one.found.address[-1]) - 1 for one in strapped] == [*order, 1]
    assert [one.place for one in strapped] == PLACES
    asked = [text.split("goes on the ")[1].split(",")[0] for text in said if "Shake" in text]
    assert asked == ["right thigh", "right shank", "left thigh"]


def test_two_units_that_move_at_once_are_said_so_and_decide_nothing(monkeypatch):
    monkeypatch.setattr("hipturn.units.shake.CONFUSED_S", 0.5)
    both = [(0.5, 3.5, 0), (0.5, 3.5, 1)]
    said, strapped = told_apart(2, [*both, (6.0, 20.0, 1)])
    assert "Several units move at once: shake only the one asked for." in said
    assert [one.found.address[-1] for one in strapped] == ["2", "1"]


@pytest.mark.parametrize("shakes", [[], [(0.0, 9.0, 0), (0.0, 9.0, 1)]], ids=["nobody", "both"])
def test_where_nobody_shakes_one_unit_it_ends_with_what_to_do(monkeypatch, shakes):
    monkeypatch.setattr("hipturn.units.shake.PATIENCE_S", 2.0)
    with pytest.raises(UserError, match="no unit was shaken for the right thigh: start again, or"):
        told_apart(2, shakes)


def test_more_units_than_places_are_refused_before_anything_is_connected():
    air = VirtualAir(shaken_units(3, [], 5.0))

    async def run() -> None:
        backend = Backend(*backend_of(air))
        found = await find(5.0, load_profiles(), backend=backend, until=lambda seen: len(seen) == 3)
        await tell_apart(found, PLACES[:2], lambda _: None, backend)

    with pytest.raises(UserError, match="2 units are needed and 3 are in range"):
        asyncio.run(run())
    assert not any(unit.told_to_start for unit in air.units)


@pytest.mark.skipif(sys.platform != "linux", reason="emulates BlueZ")
def test_live_without_names_asks_for_a_shake_and_records_what_goes_where(tmp_path):
    from fake_bluez import FakeBluez
    from worn import Motion, WornDot

    units = shaken_units(2, [(1.0, 30.0, 1)], 60.0)
    motion = Motion(units)
    bluez = FakeBluez(tmp_path / "bus", limit_s=90.0)
    bluez.units = [WornDot(unit, 26, motion) for unit in units]
    environment = {
        **os.environ,
        "DBUS_SYSTEM_BUS_ADDRESS": bluez.address,
        "HIPTURN_RECORDINGS": str(tmp_path / "recordings"),
        "HIPTURN_CONFIG": str(tmp_path / "config"),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }

    async def run() -> tuple[int | None, str]:
        async with bluez:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "hipturn", "live", "--terminal"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                cwd=tmp_path,
                env=environment,
            )
            said = ""
            assert process.stdout is not None
            try:
                while "shank: battery" not in said or "thigh: battery" not in said:
                    line = await process.stdout.readline()
                    assert line, said
                    said += line.decode()
                await asyncio.sleep(0.5)
                process.send_signal(signal.SIGINT)
                rest = await process.stdout.read()
                return await process.wait(), said + rest.decode()
            finally:
                if process.returncode is None:
                    process.kill()

    code, said = asyncio.run(run())
    assert code == 130, said
    assert "Traceback" not in said
    assert "The unit Movella DOT (D4:22:CD:00:00:02) goes on the right thigh." in said
    (folder,) = (tmp_path / "recordings").iterdir()
    header = json.loads((folder / "session.json").read_text())
    worn = {unit["segment"]: unit["address"] for unit in header["units"]}
    assert worn == {"thigh": units[1].address, "shank": units[0].address}
    assert header["state"] == "closed"
    assert bluez.collisions == 0
