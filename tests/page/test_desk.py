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
from datetime import UTC, datetime
from pathlib import Path

import pytest

import hipturn
from analysis import exercises
from hipturn.commands.page_options import wants_page
from hipturn.safety import SAFETY, note_told
from hipturn.server import rigs
from hipturn.server.commands import COMMANDS, RefusedCommandError
from hipturn.server.desk import STAGES, Desk, Stage
from hipturn.server.hub import Hub
from hipturn.server.library import Library
from hipturn.server.page_display import PageDisplay
from hipturn.server.rigs import RadioRig, VirtualRig, plan_for, shaken
from hipturn.session.live import LiveSession
from hipturn.session.pipeline import Tracker
from hipturn.session.radio_session import Wish, strap
from hipturn.session.replay import tracker_of
from hipturn.session.start import wanted_units
from hipturn.session.virtual_session import header_of
from hipturn.units.check_units import Examined
from hipturn.units.doctor import Finding
from hipturn.units.kit import Checked, KitUnit, read_checked
from hipturn.units.rest_check import REST_S, judge
from hipturn.units.unit_verdict import Verdict
from imu.air.radio_errors import Backend, RadioError, Trouble
from imu.recording import SessionWriter, open_session
from imu.sample import Sample, Segment, Side, Unit
from imu.virtual.on_air.backend import backend_of
from imu.virtual.wearer import WearerSettings, on_air, wear

EXERCISE = "seated_internal_rotation"
ROOT = Path(__file__).parents[2]


def desk_on(root, wearer=""):
    hub, library = Hub(), Library(root)
    wish = Wish(exercise=EXERCISE, root=str(root), wearer=wearer)
    said = []
    desk = Desk(
        hub, library, plan_for(EXERCISE, "right", 0), lambda _: VirtualRig(1, None, wish), root,
        say=said.append, virtual=True,
    )  # fmt: skip
    return desk, hub, said


async def until(found, seconds=90.0):
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


def test_the_steps_lead_to_a_closed_recording(tmp_path):
    async def run():
        desk, hub, said = desk_on(tmp_path)
        viewer = hub.join()
        desk.obey({"do": "plan", "reps": 3})
        desk.obey({"do": "next"})
        await until(lambda: "problem" in desk._more or desk._more.get("working") is False)
        assert len(desk._more["found"]) == 2
        desk.obey({"do": "next"})
        await until(lambda: desk._more.get("findings"))
        desk.obey({"do": "next"})
        desk.obey({"do": "next"})
        await until(lambda: desk._more.get("checklist"))
        desk.obey({"do": "start"})
        await until(desk.done.is_set)
        assert desk.stage == "done"
        (folder,) = desk.folders
        assert json.loads((folder / "session.json").read_text())["state"] == "closed"
        assert any("3 of 20 reps" in line for line in said)
        told = []
        while (text := viewer.next()) is not None:
            told.append(json.loads(text))
        events = [m["what"] for m in told if m["type"] == "event"]
        assert events.count("rep") == 3
        assert events.count("set") == 1
        assert {"step", "done", "say"} <= set(events)
        count = next(m for m in told if m["type"] == "count")
        assert count["right"] == {"set": 1, "reps": 3}

    asyncio.run(run())


@pytest.mark.parametrize(("wearer", "later"), [("W1", []), ("", [*SAFETY])])
def test_the_page_tells_when_not_to_exercise_until_a_named_wearer_has_begun(
    tmp_path, wearer, later
):
    async def run():
        desk, _, _ = desk_on(tmp_path, wearer)
        await desk._ready()
        assert desk._more["safety"] == [*SAFETY]
        note_told(tmp_path, desk._wearer)
        await desk._ready()
        assert desk._more["safety"] == later

    asyncio.run(run())


def test_stop_closes_the_recording_and_calibrating_again_begins_another(tmp_path):
    async def run():
        desk, _, _ = desk_on(tmp_path)
        desk._rig._speed = 20.0
        desk.obey({"do": "skip"})
        await until(lambda: desk._more.get("found"))
        for _ in range(3):
            desk.obey({"do": "skip"})
        desk.obey({"do": "start"})
        await until(lambda: desk.busy and desk._session.samples > 50)
        desk.obey({"do": "rezero", "side": "left"})
        await until(lambda: len(desk.folders) == 1)
        await until(lambda: desk.busy and desk._session.samples > 50)
        desk.obey({"do": "stop"})
        await until(desk.done.is_set)
        return desk.folders

    first, second = asyncio.run(run())
    assert first.name.endswith("right")
    assert second.name.endswith("left")
    for folder in (first, second):
        assert json.loads((folder / "session.json").read_text())["state"] == "closed"


def stages_told(viewer):
    """Return every `stage` message that a viewer has not read yet."""
    texts = iter(viewer.next, None)
    return [message for message in map(json.loads, texts) if message["type"] == "stage"]


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("do", COMMANDS)
def test_a_command_that_does_not_belong_to_a_stage_is_refused_with_a_sentence(tmp_path, stage, do):
    async def run():
        desk, _, _ = desk_on(tmp_path)
        desk.stage = stage
        if do in STAGES[stage]:
            return
        with pytest.raises(RefusedCommandError, match=rf"`{do}` does not belong .* `{stage}`.*: "):
            desk.obey({"do": do})
        assert desk.stage is stage

    asyncio.run(run())


def test_each_stage_tells_what_can_be_done_now(tmp_path):
    async def run():
        desk, hub, _ = desk_on(tmp_path)
        viewer = hub.join()
        assert stages_told(viewer)[-1]["can"] == list(STAGES[Stage.PLAN])
        desk.obey({"do": "next"})
        assert "next" not in stages_told(viewer)[-1]["can"]  # units are still being looked for
        with pytest.raises(RefusedCommandError, match="still running: wait for it"):
            desk.obey({"do": "next"})
        await until(lambda: desk._more.get("working") is False)
        assert "next" in stages_told(viewer)[-1]["can"]
        await desk.close()

    asyncio.run(run())


def test_a_session_stopped_before_its_units_stream_leads_back_to_ready(tmp_path):
    async def run():
        desk, hub, _ = desk_on(tmp_path)
        viewer = hub.join()
        desk._enter(Stage.LIVE, desk._live)
        assert stages_told(viewer)[-1]["can"] == ["quit", "rezero", "stop"]
        with pytest.raises(RefusedCommandError, match="has not begun yet"):
            desk.obey({"do": "mark"})
        await asyncio.sleep(0)  # the task has begun to make the links
        desk.obey({"do": "stop"})
        await until(lambda: desk.stage is Stage.READY)
        assert desk.folders == []
        await desk.close()

    asyncio.run(run())


def test_counting_is_paused_once_and_only_after_the_calibration(tmp_path):
    async def run():
        desk, _, _ = desk_on(tmp_path)
        desk._rig._speed = 8.0
        desk._enter(Stage.LIVE, desk._live)
        await until(lambda: desk.busy and desk._session.samples > 20)
        for do in ("pause", "skip"):
            with pytest.raises(RefusedCommandError, match="before the calibration is done"):
                desk.obey({"do": do})
        assert "resume" not in desk.can()
        await until(lambda: desk._session.tracker.calibrations, 60)
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

    asyncio.run(run())


def test_what_an_exercise_needs_is_said_where_it_cannot_be_had(tmp_path):
    async def run():
        desk, _, _ = desk_on(tmp_path)
        with pytest.raises(RefusedCommandError, match="there is no exercise"):
            desk.obey({"do": "plan", "exercise": "no_such_thing"})
        desk.obey({"do": "plan", "side": "both"})
        assert desk.planned.side == "right"  # this exercise is done with one leg at a time
        desk.obey({"do": "plan", "exercise": "prone_windshield_wiper", "side": "both"})
        assert desk.planned.side == "both"
        assert desk.planned.reps == exercises.load("prone_windshield_wiper").dose.reps[0]
        await desk.close()

    asyncio.run(run())


def test_without_bluetooth_the_step_says_what_to_do_and_can_be_tried_again(tmp_path, monkeypatch):
    async def no_radio(*_, **__):
        raise RadioError(Trouble.NO_ADAPTER)

    async def run():
        desk, _, _ = desk_on(tmp_path)
        wish = Wish(exercise=EXERCISE, root=str(tmp_path))
        desk._rig = RadioRig(lambda side: wanted_units(side, {}), wish)
        desk.obey({"do": "next"})
        await until(lambda: desk._more.get("problem"))
        assert "plug in a Bluetooth USB adapter" in desk._more["problem"]
        assert desk.stage == "connect"
        desk.obey({"do": "next"})
        assert desk.stage == "connect"
        await until(lambda: desk._more.get("problem"))
        desk._rig = RadioRig(lambda side: wanted_units(side, {"thigh": "A"}), wish)
        desk.planned = plan_for("prone_windshield_wiper", "both")
        desk.obey({"do": "next"})
        await until(lambda: "--right-thigh" in desk._more.get("problem", ""))

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
        if "streaming" in line:
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
        assert desk.stage is Stage.CHECK
        assert desk._more == {"working": True, "ask": "Turn the book."}
        go_on.set()
        await until(lambda: desk._more.get("checklist"))
        assert [(row["what"], row["good"]) for row in desk._more["checklist"]] == [
            ("DOT: orientation", False),
            ("DOT: rate", True),
            ("a and b", True),
        ]
        assert read_checked() == [outcome]
        desk.obey({"do": "back"})
        assert desk.stage is Stage.HOME

    asyncio.run(run())
