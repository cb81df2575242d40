"""Steps, checks and commands of a session, without a browser."""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import hipturn
from analysis import exercises
from hipturn.commands.cli import cli
from hipturn.commands.page_options import wants_page
from hipturn.course import Course, Item, Stage, Walk, one_item
from hipturn.plan import load_plan
from hipturn.safety import SAFETY, note_told
from hipturn.server.commands import RefusedCommandError
from hipturn.server.desk import Desk
from hipturn.server.hub import Hub
from hipturn.server.library import Library
from hipturn.server.page_display import PageDisplay
from hipturn.server.unfinished import unfinished_visit
from hipturn.session import rigs
from hipturn.session.live import LiveSession
from hipturn.session.pipeline import Tracker, declared_of
from hipturn.session.radio_session import Wish, strap
from hipturn.session.replay import tracker_of
from hipturn.session.rigs import RadioRig, VirtualRig, shaken, wanted_units
from hipturn.session.virtual_session import header_of
from hipturn.session.visiting import swapped
from hipturn.units.check_units import Examined
from hipturn.units.doctor import Finding
from hipturn.units.kit import Checked, KitUnit, read_checked
from hipturn.units.rest_check import REST_S, judge
from hipturn.units.unit_verdict import Verdict
from hipturn.visit import STAGES
from imu.air.radio_errors import Backend, RadioError, Trouble
from imu.recording import SessionWriter, open_session
from imu.recording.edits import read_edits
from imu.sample import Sample, Segment, Side, Unit
from imu.virtual.on_air.backend import backend_of
from imu.virtual.wearer import LinkLoss, WearerSettings, on_air, wear

EXERCISE = "seated_internal_rotation"
ROOT = Path(__file__).parents[2]


def desk_on(root, wearer="", speed=None, course=None):
    hub, library = Hub(), Library(root)
    wish = Wish(exercise=EXERCISE, root=str(root))
    said = []
    course = course or Course.one(Item.of(replace(one_item(EXERCISE, "right"), reps=3)))
    desk = Desk(
        hub, library, course, lambda _: VirtualRig(1, speed, wish), root,
        say=said.append, virtual=True, wearer=wearer,
    )  # fmt: skip
    desk.visit.delay_s = 0
    desk.begin()
    return desk, hub, said


async def until(found, seconds=90.0):
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


async def to_straps(desk):
    desk.obey({"do": "next"})
    await until(lambda: not desk.visit.working)
    if "next" in desk.can():  # a burst of losses in these five seconds: no reason to stop
        desk.obey({"do": "next"})
    assert desk.visit.stage is Stage.STRAPS


async def to_ready(desk):
    await to_straps(desk)
    desk.obey({"do": "done"})


async def closed(desk):
    await desk.close()
    return [json.loads((folder / "session.json").read_text()) for folder in desk.folders]


def told_to(viewer):
    return list(map(json.loads, iter(viewer.next, None)))


def test_the_stages_lead_to_a_closed_recording(tmp_path):
    async def run():
        desk, hub, said = desk_on(tmp_path)
        viewer = hub.join()
        await to_straps(desk)
        assert len(desk.host.findings) == 2
        desk.obey({"do": "done"})
        rows = {row["what"]: row["good"] for row in desk._more["checklist"]}
        assert rows == {"right thigh unit": False, "right shank unit": True, "disk": True}
        desk.obey({"do": "start"})
        await until(lambda: desk.visit.stage is Stage.SUMMARY)
        await until(desk.done.is_set)
        (header,) = await closed(desk)
        assert header["state"] == "closed"
        summary = [m for m in told_to(hub.join()) if m["type"] == "stage"][-1]
        assert summary["key"] == desk.folders[0].name  # what the page shows of it
        assert any("3 of 3 reps" in line for line in said)
        told = told_to(viewer)
        events = [m["what"] for m in told if m["type"] == "event"]
        assert events.count("rep") == 3
        assert events.count("set") == 1
        assert {"step", "done", "say"} <= set(events)
        count = next(m for m in told if m["type"] == "count")
        assert (count["right"]["set"], count["right"]["reps"]) == (1, 3)
        assert count["right"]["range_deg"] > 10.0

    asyncio.run(run())


def test_a_repetition_that_is_not_mine_counts_neither_now_nor_in_the_tables(tmp_path):
    async def run():
        desk, hub, _ = desk_on(tmp_path)
        await to_ready(desk)
        desk.obey({"do": "start"})
        await until(lambda: sum(desk.visit.reps.values()) == 2)
        counted = json.loads(hub._kept["count"])["right"]["reps"]
        desk.obey({"do": "not_mine"})
        assert json.loads(hub._kept["count"])["right"]["reps"] == counted - 1
        desk.obey({"do": "undo"})
        assert json.loads(hub._kept["count"])["right"]["reps"] == counted
        desk.obey({"do": "not_mine"})
        await until(lambda: desk.visit.stage is Stage.SUMMARY)
        await closed(desk)
        (folder,) = desk.folders
        return folder

    folder = asyncio.run(run())
    (said,) = read_edits(folder).standing
    assert (said.kind, said.by, said.side, said.saw["status"]) == (
        "reject", "wearer", "right", "valid",
    )  # fmt: skip
    assert list(hipturn.analyse(hipturn.open(folder)).reps["status"]) == [
        "valid", "rejected", "valid",
    ]  # fmt: skip


def test_after_a_slip_one_bend_proves_the_strap_and_the_set_begins_anew(tmp_path):
    async def run():
        desk, _, _ = desk_on(tmp_path)
        await to_ready(desk)
        desk.obey({"do": "start"})
        await until(lambda: sum(desk.visit.reps.values()) == 1)
        desk.obey({"do": "slipped"})
        await until(lambda: desk.visit.stage is Stage.SET)
        assert desk.visit.keeps
        await until(lambda: desk.visit.stage is Stage.SUMMARY)
        await closed(desk)
        return desk.folders

    first, second = asyncio.run(run())
    (said,) = read_edits(first).standing
    assert (said.kind, said.side) == ("bad_from", "right")
    assert list(hipturn.analyse(hipturn.open(second)).reps["status"]) == ["valid"] * 3


@pytest.mark.long
def test_a_set_goes_on_after_a_unit_was_lost_and_its_count_never_falls(tmp_path):
    async def run():
        course = Course.one(Item.of(replace(one_item(EXERCISE, "right"), reps=5)))
        desk, hub, _ = desk_on(tmp_path, course=course)
        told, newest = [], hub.newest

        def noted(message, **how):
            if message["type"] == "count":
                told.append((message["interrupted"], *message["right"].values()))
            newest(message, **how)

        hub.newest = noted
        await to_ready(desk)
        desk.obey({"do": "start"})
        await until(lambda: sum(desk.visit.reps.values()) == 2)
        air = desk.host.rig._air
        shank = next(u for u in air.units if u.segment is Segment.SHANK)
        shank._losses, shank._broken = (LinkLoss(air.now_s + 0.1, 3.0),), 0
        await until(lambda: desk.visit.stage is Stage.SUMMARY)
        await closed(desk)
        return desk.folders, told

    (folder,), told = asyncio.run(run())
    counts = [(set_, reps) for _, set_, reps, *_ in told]
    assert counts == sorted(counts)
    assert (True, 1) in {(interrupted, set_) for interrupted, set_, *_ in told}
    assert counts[-1][0] == 1  # no set of its own after the gap
    assert counts[-1][1] >= 4
    assert int((hipturn.analyse(hipturn.open(folder)).reps["status"] == "valid").sum()) >= 4


PLAN = """name = "Mine"
[[items]]
exercise = "ninety_ninety_lift"
sets = 2
reps = 3
rest_s = 8
[[items]]
exercise = "twisted_legs_stretch"
sides = ["right"]
hold_s = 10
"""


def test_a_plan_on_the_page_gives_the_tables_of_the_terminal(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN, encoding="utf-8")
    course = Course.of(load_plan(str(plan)))

    async def run():
        desk, _, _ = desk_on(tmp_path / "page", course=course)
        await to_ready(desk)
        desk.obey({"do": "start"})
        await until(lambda: desk.visit.stage is Stage.SUMMARY, 200)
        assert set(desk.visit.walk.status) == {"completed"}
        await closed(desk)
        return desk.folders

    by_page = asyncio.run(run())
    words = ["live", "--virtual", "--speed", "max", "--plan", str(plan), "--terminal"]
    done = CliRunner().invoke(cli, [*words, "--dir", str(tmp_path / "terminal")])
    assert done.exit_code == 0, done.output
    by_terminal = sorted((tmp_path / "terminal").glob("2*"))
    assert [f.name[17:] for f in by_page] == [f.name[17:] for f in by_terminal] == [
        "ninety_ninety_lift_right", "ninety_ninety_lift_left", "twisted_legs_stretch_right",
    ]  # fmt: skip
    columns = ["side", "set", "rep", "status", "rom_deg", "up_s", "hold_s", "down_s"]
    for one, other in zip(by_page, by_terminal, strict=True):
        tables = [hipturn.analyse(hipturn.open(path)).reps[columns] for path in (one, other)]
        assert len(tables[0]) in (6, 1)
        assert list(tables[0]["status"]) == list(tables[1]["status"])
        assert np.allclose(tables[0]["rom_deg"], tables[1]["rom_deg"], atol=0.5, equal_nan=True)
    told = [declared_of(hipturn.open(path)) for path in by_page]
    assert len({one["visit"] for one in told}) == 1
    assert [(one["item"], one["of"], one["plan"]["name"]) for one in told] == [
        (1, 2, "Mine"), (1, 2, "Mine"), (2, 2, "Mine"),
    ]  # fmt: skip
    assert {one["plan"]["sha256"] for one in told} == {course.sha256}


def test_a_plan_comes_as_text_and_one_for_somebody_else_or_with_a_mistake_is_refused(tmp_path):
    async def run():
        desk, _, _ = desk_on(tmp_path)
        desk.obey({"do": "plan", "toml": PLAN})
        told = desk._message()["plan"]
        assert (told["name"], told["of"], told["legs"]) == ("Mine", 2, 3)
        assert told["names"][0] == "Mine"  # it is offered again
        desk.visit.virtual = False
        for text, why in (
            (f'wearer = "K8"\n{PLAN}', "for K8: go back"),
            (PLAN.replace("sets = 2", "sets = -2"), "sets"),
            ("[[items]", "no usable TOML"),
        ):
            with pytest.raises(RefusedCommandError, match=why):
                desk.obey({"do": "plan", "toml": text})
        assert desk._message()["plan"]["name"] == "Mine"
        await desk.close()

    asyncio.run(run())


@pytest.mark.long
@pytest.mark.parametrize("name", ["tests_of_rotation", "routine_003"])
def test_a_routine_on_the_page_gives_the_tables_of_the_terminal_with_one_tap(tmp_path, name):
    async def run():
        desk, _, _ = desk_on(tmp_path / "page", course=Course.of(load_plan(name)))
        await to_ready(desk)
        desk.obey({"do": "start"})  # the one tap
        await until(lambda: desk.visit.stage is Stage.SUMMARY, 1500)
        assert set(desk.visit.walk.status) <= {"completed", "stopped"}
        await closed(desk)
        return desk.folders

    by_page = asyncio.run(run())
    words = ["live", "--virtual", "--speed", "max", "--plan", name, "--terminal"]
    done = CliRunner().invoke(cli, [*words, "--dir", str(tmp_path / "terminal")])
    assert done.exit_code == 0, done.output
    by_terminal = sorted((tmp_path / "terminal").glob("2*"), key=lambda path: path.name[:16])
    assert [f.name[17:] for f in by_page] == [f.name[17:] for f in by_terminal]
    for one, other in zip(by_page, by_terminal, strict=True):
        tables = [hipturn.analyse(hipturn.open(path)) for path in (one, other)]
        assert list(tables[0].reps["status"]) == list(tables[1].reps["status"])
        told = [table.summary[["side", "valid", "active"]].to_dict("list") for table in tables]
        assert told[0] == told[1]


def test_after_a_crash_the_first_view_offers_to_go_on(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN, encoding="utf-8")
    course = Course.of(load_plan(str(plan)))

    async def run():
        desk, _, _ = desk_on(tmp_path, course=course)
        await to_ready(desk)
        desk.obey({"do": "start"})
        await until(lambda: len(desk.folders) == 1 and desk.visit.stage is Stage.CALIBRATE, 100)
        await closed(desk)  # as if it had died: the second leg is not done
        again, _, _ = desk_on(tmp_path, course=course)
        again.obey({"do": "home"})
        assert again._message()["unfinished"] == {"done": 1, "of": 3}
        again.obey({"do": "go_on"})
        assert again.visit.ident == desk.visit.ident
        assert again.visit.walk.step == (0, "left", 1)
        await closed(again)
        now = datetime.now(UTC) + timedelta(hours=13)
        assert unfinished_visit(tmp_path, course, now) is None

    asyncio.run(run())


@pytest.mark.parametrize(("wearer", "later"), [("W1", []), ("", [*SAFETY])])
def test_the_page_tells_when_not_to_exercise_until_a_named_wearer_has_begun(
    tmp_path, wearer, later
):
    async def run():
        desk, _, _ = desk_on(tmp_path, wearer)
        for expected in ([*SAFETY], later):
            desk._entered(Stage.READY)
            assert desk._more["safety"] == expected
            note_told(tmp_path, desk._wearer)
        await desk.close()

    asyncio.run(run())


def stages_told(viewer):
    """Return every `stage` message that a viewer has not read yet."""
    return [message for message in told_to(viewer) if message["type"] == "stage"]


def test_each_stage_tells_what_can_be_done_now_and_refuses_anything_else(tmp_path):
    async def run():
        desk, hub, _ = desk_on(tmp_path)
        viewer = hub.join()
        not_now = ("undo", "answer")  # nothing is said yet, and nothing asked
        possible = [do for do in STAGES[Stage.TODAY] if do not in not_now]
        assert stages_told(viewer)[-1]["can"] == ["quit", *possible]
        desk.obey({"do": "next"})
        assert "next" not in stages_told(viewer)[-1]["can"]  # units are still being looked for
        with pytest.raises(RefusedCommandError, match="still running: wait for it"):
            desk.obey({"do": "next"})
        with pytest.raises(RefusedCommandError, match="`pause` does not belong to the stage"):
            desk.obey({"do": "pause"})
        await until(lambda: desk.visit.found and not desk.visit.working)
        can = stages_told(viewer)[-1]["can"]
        assert {"next", "retry", "swap", "back", "home"} <= set(can)
        assert "shake" not in can  # the simulated wearer's units are known
        await desk.close()

    asyncio.run(run())


def test_the_other_leg_is_followed_from_the_first_sample_and_an_edit_says_so(tmp_path):
    async def run():
        desk, _, _ = desk_on(tmp_path)
        await to_ready(desk)
        desk.obey({"do": "start"})
        await until(lambda: desk.host.session and desk.host.session.samples > 200)
        for side in ("left", "right", "left"):  # said again, it is taken back
            desk.obey({"do": "other_leg"})
            assert str(desk.host.session.tracker.sides[0]) == side
        assert desk.host.session.tracker._frame.time_s > 1.0  # what was recorded is followed anew
        await until(lambda: desk.visit.stage is Stage.SET)
        desk.obey({"do": "stop"})
        await until(desk.done.is_set)
        await closed(desk)
        return desk.folders

    (folder,) = asyncio.run(run())
    session, recorded = open_session(folder), open_session(folder, as_recorded=True)
    assert [edit.kind for edit in read_edits(folder).edits] == ["side", "undo", "side"]
    for told, side in ((session.header, "left"), (recorded.header, "right")):
        assert (told.state, told.side) == ("closed", side)
        assert {str(unit.side) for unit in told.units} == {side}
    assert list(session.header.calibration) == ["left"]  # of the session itself, not made anew
    assert recorded.header.calibration is None


def test_swapped_units_are_used_so_by_one_tap_and_nobody_stands_again(tmp_path):
    async def run():
        desk, hub, _ = desk_on(tmp_path)
        viewer = hub.join()
        await to_straps(desk)
        desk.host.links.wear(swapped)  # they are put on the wrong way round
        desk.obey({"do": "done"})
        desk.obey({"do": "start"})
        refused = []

        def told_so():
            events = [m for m in told_to(viewer) if m["type"] == "event"]
            refused.extend(m["text"] for m in events if m["what"] == "refused_step")
            return any("are swapped" in text for text in refused)

        await until(told_so)
        desk.obey({"do": "swap"})
        assert desk._conditions.told(1e6, ["swap"]) is None  # what was wrong is forgotten
        await until(desk.done.is_set)
        return await closed(desk), desk.folders

    (header,), (folder,) = asyncio.run(run())
    assert header["state"] == "closed"
    found = hipturn.analyse(hipturn.open(folder))
    assert found.reps["status"].tolist() == ["valid"] * 3
    assert found.summary["edited"].tolist() == ["swap"]
    made = json.loads(json.dumps(found.calibrations[Side.RIGHT].calibration.to_json()))
    assert made.items() <= header["calibration"]["right"].items()  # not made anew
    # what was declared stays reachable, and gives what it would have given
    recorded = hipturn.analyse(hipturn.open(folder, as_recorded=True))
    assert recorded.reps.empty
    assert any("swapped" in text for text in recorded.calibrations[Side.RIGHT].sentences)


def test_counting_is_paused_once_and_only_in_a_set(tmp_path):
    async def run():
        desk, _, _ = desk_on(tmp_path, speed=8.0)
        await to_ready(desk)
        desk.obey({"do": "start"})
        await until(lambda: desk.visit.stage is Stage.CALIBRATE)
        with pytest.raises(RefusedCommandError, match="does not belong to the stage"):
            desk.obey({"do": "pause"})
        await until(lambda: desk.visit.stage is Stage.SET, 60)
        await asyncio.sleep(0.05)
        desk.obey({"do": "pause"})
        assert "pause" not in desk.can()
        with pytest.raises(RefusedCommandError, match="paused already"):
            desk.obey({"do": "pause"})
        desk.obey({"do": "resume"})
        with pytest.raises(RefusedCommandError, match="not paused"):
            desk.obey({"do": "resume"})
        desk.obey({"do": "stop"})
        await until(desk.done.is_set)
        await desk.close()

    asyncio.run(run())


def test_what_an_exercise_needs_is_said_where_it_cannot_be_had(tmp_path):
    async def run():
        desk, _, _ = desk_on(tmp_path)
        with pytest.raises(RefusedCommandError, match="there is no exercise"):
            desk.obey({"do": "exercise", "exercise": "no_such_thing"})
        desk.obey({"do": "side", "side": "both"})
        assert desk.visit.walk.step.side == "right"  # this one is done with one leg at a time
        desk.obey({"do": "exercise", "exercise": "prone_windshield_wiper"})
        desk.obey({"do": "side", "side": "both"})
        assert desk.visit.walk.step.side == "both"
        desk.obey({"do": "exercise", "exercise": EXERCISE, "test": True, "active": False})
        asked = desk.visit.item.asked
        assert (asked.exercise, asked.test, asked.active) == (EXERCISE, True, False)
        desk.obey({"do": "side", "side": "each"})
        desk.obey({"do": "dose", "reps": 4, "sets": 2})
        desk.obey({"do": "goal", "target_deg": 33.0})
        assert [tuple(step) for step in desk.visit.walk.steps] == [
            (0, "right", 1), (0, "right", 2), (0, "left", 1), (0, "left", 2),
        ]  # fmt: skip
        assert desk._message()["plan"]["target_deg"] == 33.0
        desk.obey({"do": "plan", "plan": "tests_of_rotation"})
        assert desk._message()["plan"]["of"] == 4
        await desk.close()

    asyncio.run(run())


def test_without_bluetooth_the_step_says_what_to_do_and_can_be_tried_again(tmp_path, monkeypatch):
    async def no_radio(*_, **__):
        raise RadioError(Trouble.NO_ADAPTER)

    async def run():
        desk, _, _ = desk_on(tmp_path)
        wish = Wish(exercise=EXERCISE, root=str(tmp_path))
        named = {}
        desk.host._rig_of = lambda _: RadioRig(lambda side: wanted_units(side, named), wish)
        desk.obey({"do": "next"})
        await until(lambda: desk.visit.problem)
        assert "plug in a Bluetooth USB adapter" in desk.visit.problem
        assert desk.visit.stage is Stage.UNITS
        desk.obey({"do": "retry"})
        await until(lambda: desk.visit.problem)
        named["thigh"] = "A"
        desk.visit.walk = Walk(Course.one(Item.of(one_item("prone_windshield_wiper", "both"))))
        desk.obey({"do": "retry"})
        await until(lambda: "--right-thigh" in desk.visit.problem)
        await desk.close()

    monkeypatch.setattr(rigs, "find", no_radio)
    monkeypatch.setenv("HIPTURN_CONFIG", str(tmp_path))
    asyncio.run(run())


def rest_samples(unit, rate_hz, seconds=REST_S, turn_dps=0.0, drop=()):
    for n in range(round(rate_hz * seconds)):
        t = n / rate_hz
        half = math.radians(turn_dps * t) / 2
        if n not in drop:
            yield Sample(unit, round(t * 1e9), n * 16667, n, (math.cos(half), 0, 0, math.sin(half)))


def units():
    return [
        Unit(segment=segment, side=Side.RIGHT, rate_hz=60.0, tick_s=1e-6)
        for segment in (Segment.THIGH, Segment.SHANK)
    ]


@pytest.mark.parametrize(
    ("shank", "battery", "words"),
    [
        ({"rate_hz": 60.0}, 80, ""),
        ({"rate_hz": 60.0, "drop": range(0, 300, 3)}, 80, "sends 40 of 60 samples a second: bring"),
        ({"rate_hz": 60.0, "turn_dps": 2.0}, 80, "turns 2.0°/s at rest"),
        ({"rate_hz": 60.0, "turn_dps": 30.0}, 80, "was moved"),
        ({"rate_hz": 60.0}, 12, "battery of the right shank unit is at 12 %: charge it"),
    ],
)
def test_the_check_at_rest_says_what_to_mend(shank, battery, words):
    samples = [*rest_samples(0, 60.0), *rest_samples(1, **shank)]
    samples.sort(key=lambda sample: sample.host_time_ns)
    thigh, found = judge(samples, units(), [80, battery])
    assert thigh.remedy == ""
    assert words in found.remedy
    assert bool(words) == bool(found.remedy)


def test_the_row_of_the_shaken_unit_lights_up(tmp_path):
    async def run():
        air, wearing = on_air(EXERCISE, "right", 3, WearerSettings(reps=3), speed=8.0)
        backend = Backend(*backend_of(air))
        wanted = {(u.segment, u.side): KitUnit(u.address) for u in wearing.units}
        strapped = await strap(wanted, lambda _: None, backend)
        told = []
        task = asyncio.create_task(
            shaken([s.found for s in strapped], list(wanted), told.append, backend)
        )
        await until(lambda: len(told) > 3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return told

    told = asyncio.run(run())
    assert "Shake the unit that goes on the right thigh" in told[-1]["ask"]
    assert {row["place"] for row in told[-1]["found"]} == {""}
    assert all(0.0 <= row["moving"] <= 1.0 for row in told[-1]["found"])


def test_a_pause_counts_nothing_and_a_replay_counts_alike(tmp_path):
    wearing = wear(EXERCISE, "right", 21, WearerSettings(reps=6))
    exercise = exercises.load(EXERCISE)
    header = header_of(wearing, datetime(2026, 3, 1, tzinfo=UTC))
    tracker = Tracker(wearing.units, header.clock, exercise, guided=True)
    reps = wearing.truth.reps[Side.RIGHT]
    pause_s, resume_s = reps[1].end_s + 0.2, reps[3].end_s + 0.2
    writer = SessionWriter.create(tmp_path / "paused", header)
    session = LiveSession(tracker, PageDisplay(Hub(), tracker, exercise, 6), writer)
    for sample in wearing.samples:
        session.take(sample)
        now_s = sample.host_time_ns * 1e-9
        if pause_s < now_s < resume_s and not session.paused:
            assert session.pause()
        if now_s > resume_s:
            session.resume()
    session.finish()
    writer.close()
    recorded = open_session(tmp_path / "paused")
    announced = [e["peak_s"] for e in recorded.events() if e["type"] == "movement"]
    assert len(announced) == 4
    again, _ = tracker_of(recorded)
    replayed = [
        leg.announced.peak_s
        for sample in recorded.samples()
        for update in again.push(sample)
        for leg in update.legs.values()
        if leg.announced
    ]
    assert replayed == announced
    table = hipturn.analyse(recorded).reps
    assert list(table["set"]) == [1, 1, 2, 2]


def test_the_library_knows_recordings_by_key_only(tmp_path):
    library = Library(tmp_path)
    assert all(key.startswith("demo.") for key in library.known())
    for key in ("../demo", "", "..", "/etc/passwd", str(tmp_path)):
        assert asyncio.run(library.analysed(key)) is None


@pytest.mark.parametrize(
    ("asked", "terminal", "display", "page"),
    [
        (None, True, ":0", True),
        (None, True, "", False),
        (None, False, ":0", False),
        (None, False, "", False),
        (True, False, "", True),
        (False, True, ":0", False),
    ],
)
def test_the_page_is_chosen_where_somebody_sits_at_a_display(
    monkeypatch, asked, terminal, display, page
):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal, raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", display)
    assert wants_page(asked) is page


UNATTENDED = (
    "from hipturn.server import page_session; page_session.UNATTENDED_S = 0.2;"
    " page_session.LINGER_S = 0.2; from hipturn.commands.cli import main; main()"
)


def unattended(tmp_path, *options):
    command = [
        sys.executable,
        "-u",
        "-c",
        UNATTENDED,
        "live",
        "--virtual",
        "--page",
        "--no-browser",
    ]
    command += ["--dir", str(tmp_path / "recordings"), *options]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_a_session_begins_without_the_page_when_nobody_opens_it(tmp_path):
    process = unattended(tmp_path, "--speed", "max")
    said, complained = process.communicate(timeout=90)
    assert process.returncode == 0, complained
    assert "no page was opened" in said
    assert "10 of 10 reps" in said


def test_what_goes_wrong_while_nobody_looks_is_said_with_exit_code_1(tmp_path):
    process = unattended(tmp_path, "--exercise", "ninety_ninety_lift", "--side", "both")
    _, complained = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "choose the side right or left" in complained
    assert "Traceback" not in complained


@pytest.mark.skipif(os.name != "posix", reason="needs SIGTERM")
def test_sigterm_closes_the_recording_and_the_page(tmp_path):
    process = unattended(tmp_path)
    for line in process.stdout:
        if "Stand still" in line:
            break
    time.sleep(1.0)
    process.send_signal(signal.SIGTERM)
    _, complained = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in complained
    (folder,) = (tmp_path / "recordings").iterdir()  # the session, and no file for a browser
    assert json.loads((folder / "session.json").read_text())["state"] == "closed"
    assert len(list(open_session(folder).samples())) > 60


def test_a_session_that_cannot_be_read_is_said_before_the_page_opens(tmp_path):
    command = [sys.executable, "-m", "hipturn", "replay", str(tmp_path / "none"), "--page"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 1
    assert "page:" not in done.stdout
    assert done.stderr.count("\n") == 1


def test_the_guided_check_is_led_on_the_page_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("HIPTURN_CONFIG", str(tmp_path / "settings"))
    good, bad = Finding("rate", True, "60.0 of 60"), Finding("orientation", False, "its earth …")
    outcome = Checked("D4:22:CD:00:00:01", "01", "movella_dot", "2026-03-01", passed=False)
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def checked(wanted, say):
        assert wanted == []
        say("Turn the book.")
        asked.set()
        await go_on.wait()
        return Examined(
            (Verdict("DOT", (good, bad)),), (Finding("a and b", True, "alike"),), (outcome,)
        )

    monkeypatch.setattr("hipturn.server.desk.check_units", checked)

    async def run():
        desk, _, _ = desk_on(tmp_path)
        desk.obey({"do": "home"})
        desk.obey({"do": "check"})
        await asked.wait()
        assert desk.visit.stage is Stage.CHECK
        assert desk._more == {"ask": "Turn the book."}
        go_on.set()
        await until(lambda: desk._more.get("checklist"))
        assert [(row["what"], row["good"]) for row in desk._more["checklist"]] == [
            ("DOT: orientation", False),
            ("DOT: rate", True),
            ("a and b", True),
        ]
        assert read_checked() == [outcome]
        desk.obey({"do": "back"})
        assert desk.visit.stage is Stage.HOME
        await desk.close()

    asyncio.run(run())
