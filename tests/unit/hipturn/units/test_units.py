"""Units are remembered by serial number, found again under another address, and set up."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from hipturn.errors import UserError
from hipturn.session.radio_session import strap
from hipturn.units.kit import KitUnit, read_kit, remember
from hipturn.units.unit_choices import Change, Configured, Wanted, configure
from hipturn.units.unit_setup import find_unit, learn
from imu.air.radio_errors import Backend
from imu.air.scan import Found
from imu.profiles.profile import load_profiles
from imu.sample import Segment, Side
from imu.virtual.on_air.backend import backend_of
from imu.virtual.units.dot_layout import VALUE_NOT_ALLOWED, RefusedError
from imu.virtual.units.dot_unit import DotUnit
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
            await configure(units[0].address, Wanted(rate_hz=61), backend)
        return await configure(units[0].address, Wanted(rate_hz=30), backend)

    done = on_virtual_air(visit)
    assert (done.watched.stream, done.watched.rate_hz) == ("mode_26", 30)
    assert done.watched.battery == 87
    assert done.refused == []
    assert done.sentences[0].startswith("rate 60 → 30 Hz, sends ")


def test_configure_says_what_filter_profile_and_name_were_and_are():
    async def visit(backend, units):
        wanted = Wanted(filter_profile="dynamic", name="right thigh")
        first = await configure(units[0].address, wanted, backend)
        again = await configure(units[0].address, replace(wanted, name="RT (1)"), backend)
        return first, again

    first, again = on_virtual_air(visit)
    assert first.sentences == [
        "filter profile general → dynamic",
        "name Movella DOT → right thigh",
    ]
    assert again.sentences == ["filter profile dynamic, as it was", "name right thigh → RT (1)"]
    assert first.refused == again.refused == []
    assert first.watched is None  # nothing was asked about its rate


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(name="seventeen letters"), "has 1 to 16 characters, and .* has 17: choose another"),
        (Wanted(name=""), "has 1 to 16 characters"),
        (Wanted(name="cuisse é"), "is not plain: use letters without accents"),
        (Wanted(name="a\x1b[31mb"), "is not plain"),
        (Wanted(name=" thigh"), "is not plain"),
        (Wanted(filter_profile="loud"), "no filter profile 'loud': choose one of general, dynamic"),
    ],
)
def test_what_a_unit_cannot_be_set_to_is_refused_before_anything_is_written(wanted, said):
    async def visit(backend, units):
        wish = replace(wanted, filter_profile=wanted.filter_profile or "dynamic")
        with pytest.raises(UserError, match=said):
            await configure(units[0].address, wish, backend)
        return await configure(units[0].address, Wanted(filter_profile="general"), backend)

    assert on_virtual_air(visit).sentences == ["filter profile general, as it was"]


def test_a_unit_that_ignores_or_refuses_a_setting_is_said_so(monkeypatch):
    wanted = Wanted(filter_profile="dynamic", name="left")

    async def visit(backend, units):
        return await configure(units[0].address, wanted, backend)

    def refuse(*_):
        raise RefusedError(VALUE_NOT_ALLOWED)

    for answer in (lambda *_: None, refuse):
        monkeypatch.setattr(DotUnit, "_configure", answer)
        done = on_virtual_air(visit)
        assert done.sentences == [
            "filter profile dynamic not taken, it says general",
            "name left not taken, it says Movella DOT",
        ]
        assert done.refused == ["filter profile", "name"]


def test_the_command_prints_what_changed_and_fails_when_something_did_not(hipturn, monkeypatch):
    found = Found(None, "Movella DOT", load_profiles()["movella_dot"], -50, "D4:22:CD:00:00:01")
    changes = (
        Change("filter profile", "general", "dynamic", "dynamic"),
        Change("name", "a", "a", "b"),
    )

    async def done(*_):
        return Configured(found, changes, None)

    monkeypatch.setattr("hipturn.units.unit_choices.configure", done)
    code, out, err = hipturn("configure", "D4:22:CD:00:00:01", "--name", "b")
    assert code == 1
    assert "Movella DOT (D4:22:CD:00:00:01): filter profile general → dynamic" in out
    assert "name b not taken, it says a" in out
    assert "the unit did not take its name" in err
