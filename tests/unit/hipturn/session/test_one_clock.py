"""DOT units are given one clock before a session, and keep it through what happens in one."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from hipturn.errors import UserError
from hipturn.session.one_clock import give_one_clock
from hipturn.session.pipeline import read_recording, reconnects_of
from hipturn.session.radio_session import Wish, run_session, strap
from hipturn.session.replay import tracker_of
from hipturn.units.kit import KitUnit
from imu.air.radio_errors import Backend
from imu.clocks.unit_times import shared_lanes
from imu.profiles.profile import load_profiles
from imu.recording import Session, open_session
from imu.sample import Side
from imu.virtual.on_air.backend import backend_of
from imu.virtual.units.dot_layout import DEVICE_CONTROL, MESSAGES, RefusedError
from imu.virtual.units.dot_unit import DotUnit
from imu.virtual.wearer import LinkLoss, WearerSettings, Wearing, on_air

EXERCISE = "seated_internal_rotation"
BRISK = WearerSettings(reps=4, move_s=2.0, still_s=1.5, rest_s=(0.6, 1.0), hold_s=(0.4, 0.8))
PERIOD_S = 1 / 60


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr("imu.drivers.dot_sync.AGREE_S", 0.0)
    monkeypatch.setattr("imu.drivers.dot_sync.SETTLE_S", 0.0)
    monkeypatch.setattr("imu.drivers.dot_sync.TAKE_S", 0.0)


@dataclass
class Run:
    """One session of units that were to be synchronised."""

    wearing: Wearing
    said: list[str] = field(default_factory=list)
    folder: Path = Path()

    @property
    def session(self) -> Session:
        return open_session(self.folder)

    def events(self, kind: str) -> list[dict]:
        return [event for event in self.session.events() if event["type"] == kind]

    def apart_s(self) -> np.ndarray:
        """Return how far the shank's samples lie from the thigh's nearest; all measure at once."""
        session = self.session
        table, units = session.table(), session.header.units
        lanes = shared_lanes(table, units, reconnects_of(session))
        phase = np.median(lanes[0].time_s % PERIOD_S)
        off_s = (lanes[1].time_s - phase + PERIOD_S / 2) % PERIOD_S - PERIOD_S / 2
        return np.abs(off_s)


def run(root, losses=None, before=lambda units: None) -> Run:
    """Find, synchronise and follow the units of a virtual wearer.

    `before` does to the units what happened to them earlier in the day.
    """
    air, wearing = on_air(
        EXERCISE, "right", 8, replace(BRISK, clock_sd_ppm=0.0), None, losses=losses or {}
    )
    before(air.units)
    backend, done = Backend(*backend_of(air)), Run(wearing)
    wanted = {(unit.segment, unit.side): KitUnit(unit.address) for unit in wearing.units}

    async def live() -> None:
        strapped = await strap(wanted, done.said.append, backend)
        clock = await give_one_clock(strapped, done.said.append, backend)
        wish = Wish(exercise=EXERCISE, root=str(root), clock=clock)
        done.folder = await run_session(
            strapped, wish, backend=backend, ended=air.ended, clock_ns=air.clock_ns
        )

    asyncio.run(live())
    return done


def check_replay_and_count(done: Run) -> None:
    """Live, replay and the batch see the same; every repetition was counted."""
    tracker, _ = tracker_of(done.session)
    again, frames = [], []
    for sample in done.session.samples():
        for update in tracker.push(sample):
            frames.append(update.frame)
            again += [leg.announced for leg in update.legs.values() if leg.announced]
    live = done.events("movement")
    assert [(e["time_s"], e["range_deg"]) for e in live] == [
        (m.announced_s, m.range_deg) for m in again
    ]
    assert [event["status"] for event in live] == ["valid"] * BRISK.reps
    table = read_recording(done.session).frames
    n = len(table)
    assert n > 1000
    np.testing.assert_array_equal(table.time_s, [frame.time_s for frame in frames[:n]])


def test_units_that_agreed_share_one_clock_and_measure_at_one_instant(tmp_path):
    done = run(tmp_path)
    assert done.said[-1] == "All 2 units share one clock, until they are switched off."
    assert done.session.header.clock == "shared"
    assert json.loads((done.folder / "session.json").read_text())["clock"] == "shared"
    assert done.apart_s().max() < 1e-5
    check_replay_and_count(done)


def test_units_share_a_clock_in_the_second_session_of_the_day_and_take_their_rate(tmp_path):
    def earlier(units):
        for unit in units:  # another app: both followed the shank, at 30 Hz, which is locked now
            unit.write(DEVICE_CONTROL, bytes((0x10, *bytes(23), 30, *bytes(7))), 0.0)
            unit.follow(units[1])
        units[1].follow(units[1])
        with pytest.raises(RefusedError):
            units[0].write(DEVICE_CONTROL, bytes((0x10, *bytes(23), 60, *bytes(7))), 0.0)
        units[0].write(MESSAGES, bytes.fromhex("020701010000cd22d432"), 0.0)
        assert not units[0].root_address  # what it shares already it does not leave by itself

    done = run(tmp_path, before=earlier)
    assert done.session.header.clock == "shared"
    assert [unit.rate_hz for unit in done.session.header.units] == [60, 60]
    assert done.apart_s().max() < 0.002
    check_replay_and_count(done)


def test_units_whose_link_is_not_ended_do_not_agree(tmp_path, monkeypatch):
    async def stay(_) -> None:
        pass

    monkeypatch.setattr("imu.drivers.dot_sync.attempt", stay)
    monkeypatch.setattr("imu.drivers.dot_sync._connect_again", lambda *_: stay(None))
    done = run(tmp_path)
    assert "did not agree); going on with a clock for each" in done.said[-1]
    check_replay_and_count(done)


@pytest.mark.parametrize(("restarts", "limit_s"), [(False, 1e-5), (True, 0.004)])
def test_a_unit_that_comes_back_has_the_common_clock_unless_it_was_switched_off(
    tmp_path, restarts, limit_s
):
    at_s = run(tmp_path / "before").wearing.truth.reps[Side.RIGHT][2].end_s
    done = run(tmp_path / "after", {1: [LinkLoss(at_s + 0.1, 0.3, restarts)]})
    assert len(done.events("reconnected")) == 1
    assert done.session.header.clock == "shared"
    apart_s = done.apart_s()
    assert np.median(apart_s[-300:]) < limit_s
    assert np.median(apart_s[:300]) < 1e-5
    check_replay_and_count(done)


def test_where_a_unit_did_not_agree_each_has_its_own_clock(tmp_path, monkeypatch):
    follow = DotUnit.follow

    def deaf(unit, root):
        follow(unit, root if unit is root else None)

    monkeypatch.setattr(DotUnit, "follow", deaf)
    done = run(tmp_path)
    assert done.said[-1] == (
        "The units do not share a clock (right shank did not agree);"
        " going on with a clock for each."
    )
    assert done.session.header.clock == "independent"
    check_replay_and_count(done)


def test_where_the_system_hides_addresses_each_has_its_own_clock(tmp_path, monkeypatch):
    def hidden(_):
        raise ValueError("'6B1F' is not a Bluetooth address")

    monkeypatch.setattr("imu.drivers.dot_sync.sync_command", hidden)
    done = run(tmp_path)
    assert "is not a Bluetooth address); going on with a clock for each" in done.said[-1]
    assert done.session.header.clock == "independent"


def test_units_that_cannot_be_synchronised_are_refused_by_name():
    air, wearing = on_air(EXERCISE, "right", 8, BRISK)
    backend = Backend(*backend_of(air))
    wanted = {(unit.segment, unit.side): KitUnit(unit.address) for unit in wearing.units}

    async def refused(change) -> None:
        strapped = change(await strap(wanted, lambda _: None, backend))
        await give_one_clock(strapped, lambda _: None, backend)

    def thingy(strapped):
        profile = load_profiles()["nordic_thingy52"]
        return [replace(one, found=replace(one.found, profile=profile)) for one in strapped]

    with pytest.raises(UserError, match="Nordic Thingy:52 units cannot be synchronised, and one"):
        asyncio.run(refused(thingy))
    with pytest.raises(UserError, match="needs two or more units"):
        asyncio.run(refused(lambda strapped: strapped[:1]))
