"""The guided check over links, as `hipturn doctor --units` runs it, and what the kit keeps."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hipturn.errors import UserError
from hipturn.units import unit_check
from hipturn.units.check_units import check_units
from hipturn.units.kit import (
    Checked,
    KitUnit,
    kit_path,
    never_checked,
    read_checked,
    read_kit,
    remember,
    remember_checked,
)
from hipturn.units.unit_setup import not_in_range
from imu.air.radio_errors import Backend
from imu.sample import Segment, Side, Unit
from imu.virtual.chance import chance_from
from imu.virtual.on_air.air import VirtualAir
from imu.virtual.on_air.backend import backend_of
from imu.virtual.settings import WearerSettings
from imu.virtual.units.dot_unit import DotUnit
from imu.virtual.units.sensors import SensorTrace

_spec = importlib.util.spec_from_file_location(
    "held_units", Path(__file__).parent / "held_units.py"
)
assert _spec
assert _spec.loader
held_units = importlib.util.module_from_spec(_spec)
sys.modules["held_units"] = held_units
_spec.loader.exec_module(held_units)

THIGH = Unit(segment=Segment.THIGH, side=Side.RIGHT, rate_hz=60, address="D4:22:CD:00:00:01")


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch, tmp_path):
    monkeypatch.setattr(unit_check, "REST_S", 4.0)
    monkeypatch.setenv("HIPTURN_CONFIG", str(tmp_path))


def dot(number, seed, *, earth=None):
    """Return a DOT that lies on the book; its earth may not be that of the vendor."""
    settings = WearerSettings(loss_share=0.0)
    held = held_units.hold(seed, rate_hz=settings.fusion_hz, rest_s=5.0)
    measured = held.measured if earth is None else earth * held.measured
    trace = SensorTrace(
        segment=Segment.THIGH,
        side=Side.RIGHT,
        q_earth_sensor_true=held_units.numbers_of(held.true),
        acc=held.acc,
        gyr=held.gyr,
        q_earth_sensor=np.ascontiguousarray(held_units.numbers_of(measured)),
    )
    chance = chance_from(seed).units[Segment.THIGH, Side.RIGHT]
    address = f"D4:22:CD:00:00:{number:02X}"
    return DotUnit(trace, chance, settings, address=address, serial=0xD422CD000000 + number)


def run(*dots):
    air, said = VirtualAir(dots, None), []
    wanted = [one.address for one in dots]  # else the air is listened to for eight seconds
    backend = Backend(*backend_of(air))
    work = check_units(
        wanted,
        said.append,
        backend=backend,
        clock_ns=air.clock_ns,
        today=lambda: date(2026, 3, 1),
    )
    return asyncio.run(work), said


def test_two_sound_units_pass_side_by_side():
    done, said = run(dot(1, 1), dot(2, 2))
    assert [verdict.passed for verdict in done.verdicts] == [True, True], done
    assert [finding.good for finding in done.together] == [True]
    assert done.outcomes[0] == Checked(
        THIGH.address, "D422CD000001", "movella_dot", "2026-03-01", passed=True
    )
    assert said[-1] == "That was all."
    assert len(said) == 2 + len(unit_check.TASKS) + 1


def test_a_unit_of_another_earth_is_named_and_does_not_pass():
    done, _ = run(dot(1, 3, earth=Rotation.from_quat([1, 0, 0, 0])))
    (verdict,) = done.verdicts
    (fault,) = [finding.text for finding in verdict.findings if not finding.good]
    assert 'its earth points down: set earth_frame to "NED"' in fault
    assert not done.outcomes[0].passed


def test_a_unit_is_never_checked_until_it_has_passed():
    told = "the right thigh unit was never checked: `hipturn doctor --units`"
    failed = Checked(THIGH.address, "D422CD000001", "movella_dot", "2026-03-01", passed=False)
    assert never_checked([THIGH]) == [told]
    remember_checked([failed])
    assert never_checked([THIGH]) == [told]
    passed = Checked("6B1F", "D422CD000001", "movella_dot", "2026-03-02", passed=True)
    remember_checked([passed])
    assert read_checked() == [passed]
    assert never_checked([THIGH]) == [told]  # by another address, and its serial is not known
    remember("right-thigh", KitUnit(THIGH.address, "Movella DOT", "D422CD000001", "movella_dot"))
    assert never_checked([THIGH]) == []
    assert read_checked() == [passed]
    assert list(read_kit()) == ["right-thigh"]


@pytest.mark.parametrize("text", ['{"checked": 1}', '{"checked": [{}]}', '{"checked": "x"}', "[]"])
def test_a_damaged_list_of_checks_is_told(text):
    kit_path().write_text(text)
    with pytest.raises(UserError, match="is no list of units"):
        read_checked()


def test_units_are_named_only_with_their_option(hipturn):
    code, _, error = hipturn("doctor", "D4:22:CD:00:00:01")
    assert code == 2
    assert "units are checked with --units" in error


def test_the_kit_tells_which_unit_has_passed_and_when(hipturn):
    remember("right-thigh", KitUnit(THIGH.address, "Movella DOT", "D422CD000001", "movella_dot"))
    assert "never checked" in hipturn("kit")[1]
    remember_checked([Checked("other", "D422CD000001", "movella_dot", "2026-03-02", passed=True)])
    assert "checked 2026-03-02" in hipturn("kit")[1]


def test_a_unit_that_cannot_be_used_is_not_called_out_of_range():
    unusable = {"6B1F": "HaritoraX2-0042 (6B1F): HaritoraX 2 sends two segments in one message"}
    for text in ("6b1f", "HaritoraX2-0042"):
        assert str(not_in_range(text, [], unusable)) == unusable["6B1F"]
    assert "is not in range" in str(not_in_range("HaritoraX2", [], unusable))
