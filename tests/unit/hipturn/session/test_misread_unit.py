"""A unit that its profile reads wrongly is told in a session, and ends it when that is sure."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from hipturn.errors import UserError
from hipturn.session.pipeline import read_recording
from hipturn.session.radio_session import Wish, run_session, strap
from hipturn.units.kit import Checked, KitUnit, remember_checked
from imu.air.radio_errors import Backend
from imu.quaternion import by_rows, multiply
from imu.recording import open_session
from imu.virtual.on_air.backend import backend_of
from imu.virtual.wearer import WearerSettings, on_air

BRISK = WearerSettings(reps=2, rest_s=(0.6, 1.0), hold_s=(0.4, 0.8))
DOWN = (0.0, 1.0, 0.0, 0.0)


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch, tmp_path):
    monkeypatch.setenv("HIPTURN_CONFIG", str(tmp_path / "settings"))


def live(root, misread=(), source="live"):
    """Run a session of a wearer some of whose units have an earth that points down."""
    air, wearing = on_air("seated_internal_rotation", "right", 8, BRISK, None)
    for unit in misread:
        trace = air.units[unit]._trace
        turned = by_rows(
            multiply, np.tile(DOWN, (len(trace.q_earth_sensor), 1)), trace.q_earth_sensor
        )
        air.units[unit]._trace = replace(trace, q_earth_sensor=turned)
    backend = Backend(*backend_of(air))
    wanted = {(unit.segment, unit.side): KitUnit(unit.address) for unit in wearing.units}
    folders = []

    async def session():
        strapped = await strap(wanted, lambda _: None, backend)
        wish = Wish(exercise="seated_internal_rotation", source=source, root=str(root))
        await run_session(
            strapped,
            wish,
            backend=backend,
            ended=air.ended,
            clock_ns=air.clock_ns,
            begun=folders.append,
        )

    try:
        asyncio.run(session())
    finally:
        live.folder = folders[0]
    return open_session(folders[0])


@pytest.mark.parametrize(
    ("unit", "remedy"),
    [
        (0, r"right thigh .* in 2 poses: nothing can be measured with it; run `hipturn doctor"),
        (1, r"right shank .* in 1 pose: nothing can be measured with it; run `hipturn doctor"),
    ],
    ids=["thigh", "shank"],
)
def test_a_unit_whose_earth_points_down_ends_the_session(tmp_path, capsys, unit, remedy):
    with pytest.raises(UserError, match=remedy):
        live(tmp_path, misread=[unit])
    told = [e for e in open_session(live.folder).events() if e["type"] == "misread"]
    assert len(told) == 2
    assert "hold it still in two more positions" in told[0]["text"]
    assert all(event["text"] in capsys.readouterr().out for event in told[:1])
    assert not [e for e in open_session(live.folder).events() if e["type"] == "movement"]
    notes = read_recording(open_session(live.folder)).notes
    assert any("is read wrongly" in note for note in notes)


def test_units_that_never_passed_a_check_are_said_and_noted_until_they_have(tmp_path, capsys):
    told = "the right shank unit was never checked: `hipturn doctor --units`"
    session = live(tmp_path)
    assert told in session.header.notes
    assert told in capsys.readouterr().out
    assert not [e for e in session.events() if e["type"] == "misread"]
    passed = [
        Checked(unit.address, "", "movella_dot", "2026-03-01", passed=True)
        for unit in session.header.units
    ]
    remember_checked(passed)
    assert live(tmp_path).header.notes == ()


def test_virtual_units_need_no_check(tmp_path):
    assert live(tmp_path, source="virtual").header.notes == ()
