"""A unit that is lost in a set, and a computer that dies in a visit, as the page shows them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from made_up import EXERCISE, Feed
from test_story import past_the_check
from window import eventually

import hipturn
from hipturn.course import Course, Item, one_item
from hipturn.session.radio_session import Wish
from hipturn.session.rigs import VirtualRig
from imu.sample import Segment
from imu.virtual.wearer import LinkLoss


@pytest.mark.long
def test_a_unit_lost_at_seven_of_ten_comes_back_and_the_set_goes_on(browser, tmp_path):
    course = Course.one(Item.of(replace(one_item(EXERCISE.id, "right"), reps=10)))
    feed = Feed(root=tmp_path)
    rig = VirtualRig(1, None, Wish(exercise=EXERCISE.id, root=str(tmp_path)))
    told, newest = [], feed.hub.newest

    def noted(message, **how):
        newest(message, **how)
        if message["type"] != "count" or "right" not in message:
            return
        told.append((message["right"]["set"], message["right"]["reps"]))
        air = rig._air
        if told[-1][1] == 7 and air._speed is None and len(set(told)) == len(told):
            shank = next(unit for unit in air.units if unit.segment is Segment.SHANK)
            shank._losses, shank._broken = (LinkLoss(air.now_s + 0.1, 4.0),), 0
            real_time(air)  # people look at what is shown for seconds

    feed.hub.newest = noted
    feed.lead(course, rig, tmp_path)
    try:
        browser.open(feed.url, "phone")
        browser.click("next")
        past_the_check(browser)
        browser.click("done")
        browser.click("start")
        eventually(lambda: browser.text("banner") == "right shank unit silent", 60)
        assert (browser.text("repsNow"), browser.number()) == ("7", "– –")
        eventually(lambda: browser.run("return document.getElementById('banner').hidden"), 20)
        eventually(lambda: browser.number() not in (None, "– –"), 20)
        assert browser.text("repsNow") == "7"
        eventually(lambda: browser.text("setLine").endswith(" · interrupted"), 20)
        feed.do(full_speed, rig._air)
        eventually(lambda: browser.text("save"), 90)
        assert browser.complaints() == []
    finally:
        feed.close()
    assert told == sorted(told)  # the count never fell
    assert {set_ for set_, reps in told if reps} == {1}
    assert told[-1][1] >= 8
    (folder,) = tmp_path.glob("2*")
    result = hipturn.analyse(hipturn.open(folder))
    assert result.sets["set"].tolist() == [1]
    assert result.sets["valid"].tolist() == [told[-1][1]]
    assert result.sets["interrupted_s"][0] >= 3.0


def real_time(air):
    air._speed, air._begun_s = 1.0, asyncio.get_running_loop().time() - air._reached_s


def full_speed(air):
    air._reached_s, air._speed = air.now_s, None
    air._plan()


PLAN = """name = "Noon"
[[items]]
exercise = "arm_bar"
sides = ["right", "left"]
sets = 1
hold_s = 2
rest_s = 1
[[items]]
exercise = "front_hip_ball_roll"
sides = ["right"]
sets = 1
hold_s = 2
rest_s = 1
[[items]]
exercise = "ninety_ninety_lift"
sides = ["right", "left"]
sets = 1
reps = 2
"""


@pytest.mark.long
def test_after_a_killed_visit_the_page_offers_to_go_on_with_what_is_left(
    hipturn_page, browser, tmp_path
):
    (tmp_path / "noon.toml").write_text(PLAN, encoding="utf-8")
    words = ("live", "--virtual", "--speed", "max", "--plan", tmp_path / "noon.toml")
    process, url = hipturn_page(*words)
    browser.open(url, "phone")
    browser.click("next")
    past_the_check(browser)
    browser.click("done")
    browser.click("start")
    recordings = tmp_path / "recordings"
    folder = eventually(lambda: next(recordings.glob("*ninety_ninety_lift_right")), 60)
    eventually(lambda: (folder / "samples.arrows").stat().st_size > 20_000, 20)
    process.kill()  # in the middle of the fourth leg
    process.wait()
    assert json.loads((folder / "session.json").read_text())["state"] == "open"
    _, url = hipturn_page(*words)
    browser.open(url, "phone")
    browser.click("back")
    eventually(lambda: browser.view() == "home")
    assert browser.text("goOn") == "Go on: 3 of 5 done"
    browser.click("goOn")
    past_the_check(browser)
    browser.click("done")
    browser.click("start")
    eventually(lambda: browser.text("save"), 120)
    assert browser.complaints() == []
    states = {}
    for path in sorted(recordings.glob("2*")):
        header = json.loads((path / "session.json").read_text())
        states.setdefault(path.name[17:], []).append(header["state"])
    assert states == {
        "arm_bar_right": ["closed"],
        "arm_bar_left": ["closed"],
        "front_hip_ball_roll_right": ["closed"],
        "ninety_ninety_lift_right": ["recovered", "closed"],
        "ninety_ninety_lift_left": ["closed"],
    }
