"""What goes over the socket: docs/live-protocol.md, the sizes and the rates it promises."""

from __future__ import annotations

import asyncio
import json
import math
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from made_up import Feed
from websockets.sync.client import connect
from window import eventually

from analysis.session.leg_monitor import LegUpdate
from hipturn.course import Stage
from hipturn.server.commands import COMMANDS
from hipturn.server.hub import BURST, MAX_EVENTS, MESSAGES_PER_S, Hub, Viewer, encode
from hipturn.server.messages import VERSION, bones, frame_message, leg_message
from hipturn.visit import STAGES
from imu.sample import Side

PAGE = (Path(__file__).parents[2] / "docs" / "live-protocol.md").read_text(encoding="utf-8")
PRONE = ((0.0, 0.0, -1.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0))
Q = (1.0, 0.0, 0.0, 0.0)


def leg_update(**changed):
    known = {
        "time_s": 3599.99, "rotation_deg": -123.456, "sigma_deg": 12.345, "phase": "hold",
        "set": 10, "reps": 10, "hold_s": 123.456, "announced": None, "completed": None,
        "angles": SimpleNamespace(flexion=2.9, adduction=-0.7),
    }  # fmt: skip
    return LegUpdate(**(known | changed))


def calibration(side=Side.RIGHT, y_shank=(-0.577, -0.577, -0.577)):
    return SimpleNamespace(pelvis=PRONE, side=side, y_shank=y_shank)


def read_out(**changed):
    legs = {side: leg_message(leg_update(**changed), calibration(side), Q) for side in Side}
    return frame_message(3599.99, legs)


def test_a_read_out_of_both_legs_has_at_most_250_bytes():
    text = encode({**read_out(), "at": 99_999_999})
    assert len(text.encode()) <= 250
    assert json.loads(text)["left"]["deg"] == -123.5


def test_what_is_not_known_is_null_and_never_a_number():
    message = read_out(rotation_deg=math.nan, sigma_deg=math.nan)
    assert message["right"]["deg"] is None
    assert message["right"]["sd"] is None
    assert "NaN" not in encode(message)


def test_bones_point_where_the_leg_is():
    prone = leg_update(angles=SimpleNamespace(flexion=0.0, adduction=0.0))
    upright = calibration(y_shank=(0.0, 0.0, -1.0))  # face down, shin up
    assert bones(prone, upright, Q) == [1000, 0, 0, 0, 0, 1000]
    assert bones(prone, upright, None) is None


def test_the_newest_read_out_replaces_the_one_before():
    viewer = Viewer(1)
    for n in range(100):
        viewer.replace("frame", str(n))
    assert viewer.next() == "99"
    assert viewer.next() is None


def test_what_happened_goes_first_and_the_oldest_is_dropped_when_there_is_no_room():
    viewer = Viewer(1)
    viewer.replace("frame", "frame")
    for n in range(MAX_EVENTS + 5):
        viewer.append(str(n))
    assert viewer.overflowed == 5
    assert [viewer.next() for _ in range(MAX_EVENTS)] == [str(n + 5) for n in range(MAX_EVENTS)]
    assert viewer.next() == "frame"


def test_a_viewer_who_does_not_read_delays_nobody():
    async def run():
        hub, got = Hub(), []
        stuck, good = hub.join(), hub.join()
        never = asyncio.Event()

        async def hang(_):
            await never.wait()

        async def take(text):
            got.append(json.loads(text)["n"])

        tasks = [asyncio.create_task(stuck.serve(hang)), asyncio.create_task(good.serve(take))]
        for n in range(50):
            hub.newest({"type": "frame", "n": n})
            await asyncio.sleep(0.002)
        await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        assert got[-1] == 49
        return json.loads(stuck.next())["n"]

    assert asyncio.run(run()) == 49


def test_more_than_sixty_messages_a_second_are_never_sent():
    async def run():
        viewer, sent = Viewer(1), []

        async def take(text):
            sent.append(time.monotonic())

        task = asyncio.create_task(viewer.serve(take))
        begun = time.monotonic()
        while time.monotonic() < begun + 1.5:
            viewer.replace("frame", "x")
            await asyncio.sleep(0.001)
        task.cancel()
        return sent

    sent = asyncio.run(run())
    busiest = max(sum(a <= b < a + 1.0 for b in sent) for a in sent)
    assert busiest <= MESSAGES_PER_S + BURST


def test_a_newcomer_is_told_how_things_stand():
    hub = Hub()
    hub.newest({"type": "stage", "stage": "ready"}, keep=True)
    hub.newest({"type": "frame", "time_s": 1.0})
    viewer = hub.join()
    assert json.loads(viewer.next())["stage"] == "ready"
    assert viewer.next() is None


def test_a_script_can_listen():
    feed = Feed()
    try:
        origin = f"http://127.0.0.1:{feed.port}"
        cookie = {"Cookie": feed.cookie}
        uri = f"ws://127.0.0.1:{feed.port}/ws"
        with connect(uri, origin=origin, additional_headers=cookie, proxy=None) as opened:
            hello = json.loads(opened.recv(5))
            assert hello["version"] == VERSION
            feed.frame(30.0, time_s=2.5)
            frame = json.loads(opened.recv(5))
            assert frame["type"] == "frame"
            assert frame["right"]["deg"] == 30.0
            assert frame["at"] >= hello["at"]
            opened.send('{"do": "mark", "label": "cough"}')
            eventually(lambda: feed.obeyed)
        assert feed.obeyed == [{"do": "mark", "label": "cough"}]
    finally:
        feed.close()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_described(name):
    assert re.search(rf"^\| `{name}` \|", PAGE, re.MULTILINE)


def test_the_table_of_stages_is_the_one_that_is_obeyed():
    table = PAGE.partition("| Stage | Commands |")[2].partition("\n\n")[0]
    told = {
        stage: re.findall(r"`(\w+)`", commands)
        for stage, commands in re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE)
    }
    assert told == {str(stage): ["quit", *commands] for stage, commands in STAGES.items()}
    assert set(STAGES) == set(Stage)
    assert {do for commands in STAGES.values() for do in commands} | {"quit"} == set(COMMANDS)


@pytest.mark.parametrize(
    "name",
    ["hello", "stage", "units", "guide", "calibration", "count", "conditions", "frame", "event"],
)
def test_every_message_is_described(name):
    assert re.search(rf"^### `{name}`", PAGE, re.MULTILINE)


def test_the_example_of_a_read_out_has_the_fields_of_one():
    example = next(json.loads(t) for t in re.findall(r"^\{.*\}$", PAGE, re.M) if '"frame"' in t)
    real = json.loads(encode({**read_out(), "at": 1}))
    assert example.keys() == real.keys() - {"left"}
    assert example["right"].keys() == real["right"].keys()


def documented_client():
    """Return the program that docs/live-protocol.md prints."""
    return re.search(r"```python\n(.*?)```", PAGE, re.S).group(1)


def test_the_client_of_the_page_listens_with_nothing_but_the_printed_link():
    feed = Feed()
    client = subprocess.Popen(
        [sys.executable, "-u", "-c", documented_client(), feed.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        eventually(lambda: feed.hub.viewers, 30)
        feed.frame(31.5, time_s=2.5)
        assert client.stdout.readline() == "2.5 31.5\n"
    finally:
        feed.close()
        client.kill()
        client.communicate()


def test_a_client_written_from_the_page_alone_leads_a_session_to_its_end(hipturn_page):
    """Follow the five steps of the page and its table; know nothing else of hipturn."""
    process, url = hipturn_page("live", "--virtual", "--speed", "8")
    port, _, token = url.rpartition(":")[2].partition("/?t=")
    cookie = {"Cookie": f"hipturn_{port}={token}"}
    table = dict(re.findall(r"^\| `(\w+)` \| ((?:`\w+` ?)+) \|$", PAGE, re.M))
    answers = {"today": "next", "units": "next", "straps": "done", "ready": "start"}
    site, seen, counted = f"127.0.0.1:{port}", [], False
    with connect(
        f"ws://{site}/ws", origin=f"http://{site}", additional_headers=cookie, proxy=None
    ) as opened:
        while "summary" not in seen:
            message = json.loads(opened.recv(90))
            if message["type"] == "event" and message["what"] == "rep" and not counted:
                counted = True
                opened.send(json.dumps({"do": "stop"}))
            if message["type"] != "stage":
                continue
            stage = message["stage"]
            told = {do.strip("`") for do in table[stage].split()}
            assert set(message["can"]) <= told
            if stage == "ready" and "ready" not in seen:
                opened.send(json.dumps({"do": "delay", "delay_s": 0}))
            elif answers.get(stage) in message["can"] and seen.count(stage) < 40:
                opened.send(json.dumps({"do": answers[stage]}))
            elif stage == "result" and "stop" in message["can"]:
                opened.send(json.dumps({"do": "stop"}))
            seen.append(stage)
    way = [
        "today", "units", "straps", "ready", "countdown", "calibrate", "set", "result", "summary",
    ]  # fmt: skip
    passed = list(dict.fromkeys(seen))
    assert passed == [stage for stage in way if stage in passed]
    # Of stages that follow fast a viewer gets the newest; these wait for what it answers.
    assert {"today", "units", "straps", "ready", "result", "summary"} <= set(passed)
    assert counted
    assert process.poll() is None
