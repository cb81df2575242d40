"""Wearers on the page: who exercises, their recordings, their goals and how they went on."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from datetime import datetime, timedelta, timezone

import pytest
from click.testing import CliRunner
from made_up import Feed
from test_accessibility import axe, violations  # noqa: F401 (a fixture)
from window import AFAR, eventually

from analysis.exercises import load
from hipturn.commands.cli import cli
from hipturn.course import Course, Item, one_item
from hipturn.history.stored import FIGURES, SUMMARY_FILE, TEXTS, made_from
from hipturn.history.wearer_book import WearerBook, forget_wearer
from hipturn.history.wearers import Goal
from hipturn.server.commands import RefusedCommandError
from hipturn.server.desk import Desk
from hipturn.server.hub import Hub
from hipturn.server.library import Library
from hipturn.server.recorded import exercise_data
from hipturn.session.radio_session import Wish
from hipturn.session.rigs import VirtualRig
from hipturn.session_paths import demo_root

STARTED = datetime(2026, 11, 2, 9, 0, tzinfo=timezone(timedelta(hours=1)))
EXERCISE = "seated_internal_rotation"


def recorded(root, wearer, day, deg, plan="", **of_leg):
    """Put a session of a wearer into a folder: the demo's samples, a range as told."""
    demo, folder = demo_root() / EXERCISE, root / f"{wearer}_{day}"
    folder.mkdir(parents=True)
    for name in ("samples.arrows", "events.jsonl"):
        try:
            os.link(demo / name, folder / name)
        except OSError:
            shutil.copy(demo / name, folder / name)
    header = json.loads((demo / "session.json").read_text())
    header |= {"wearer": wearer, "session_id": folder.name, "source": "live"}
    header["started_at"] = (STARTED + timedelta(days=day)).isoformat()
    (folder / "session.json").write_text(json.dumps(header))
    if plan:
        events = (folder / "events.jsonl").read_text()
        of = {"type": "declared", "time_s": 0.0, "visit": f"v{day}", "plan": {"name": plan}}
        of |= {"item": 1, "of": 2}
        (folder / "events.jsonl").unlink()
        (folder / "events.jsonl").write_text(json.dumps(of) + "\n" + events)
    leg = dict.fromkeys(FIGURES, None) | dict.fromkeys(TEXTS, "") | {"side": "right"}
    leg |= {"sets": 1, "valid": 10, "partial": 0, "rejected": 0, "target_reps": 10}
    leg |= {"controlled": 8, "rom_median_deg": deg, "peak_median_deg": deg, "mdc_deg": 5.0}
    leg |= of_leg
    told = {"made_from": made_from(folder), "legs": [leg]}
    (folder / SUMMARY_FILE).write_text(json.dumps(told))


@pytest.fixture
def root(tmp_path):
    """Return a folder with three sessions of K7, one of K8, and a goal of K7."""
    folder = tmp_path / "recordings"
    for day, deg in ((0, 20.0), (7, 24.0), (14, 29.0)):
        recorded(folder, "K7", day, deg)
    recorded(folder, "K8", 3, 33.0)
    WearerBook(folder).aim("K7", Goal(EXERCISE, "right", 30.0, STARTED.date()))
    return folder


@pytest.fixture
def worn(root):
    """Return a server that shows these recordings."""
    opened = Feed(root=root)
    yield opened
    opened.close()


def test_a_page_for_one_wearer_knows_nobody_else(root):
    library = Library(root, only="K7")
    assert {row["wearer"] for row in library.listing() if not row["demo"]} == {"K7"}
    assert [row["wearer"] for row in library.wearers()] == ["K7"]
    assert not any(key.startswith("K8") for key in library.known())
    assert [row["wearer"] for row in Library(root).wearers()] == ["K7", "K8"]


def test_recordings_stand_under_their_wearer_and_lead_to_the_trend(worn, browser, axe):  # noqa: F811
    worn.live(stage="home")
    browser.open(worn.url, "small laptop")
    browser.click("open")
    eventually(lambda: "Trend of K7" in browser.text("card"), 20)
    headings = browser.run(
        "return [...document.querySelectorAll('#card h3')].map(h => h.innerText)"
    )
    assert headings == ["K8", "K7", "Demo recordings"]
    assert violations(browser, axe) == []
    browser.run("document.querySelectorAll('.heading button')[1].click()")
    eventually(lambda: "K7: the trend" in browser.text("card"), 30)
    cells = browser.run("return [...document.querySelectorAll('td')].map(cell => cell.innerText)")
    assert "29° ± 5°" in cells
    assert "30°" in cells  # the goal
    for theme in ("light", "dark"):
        browser.run("document.documentElement.dataset.theme = arguments[0]", theme)
        assert violations(browser, axe) == []
    for size in AFAR:
        browser.size(size)
        assert browser.misplaced() == []
    assert browser.complaints() == []


def test_the_trend_tells_pain_single_trials_and_what_was_done_of_a_plan(root, browser, axe):  # noqa: F811
    recorded(root, "K9", 1, 21.0, "Mondays", pain_max_0_10=4, trials_deg="20.5;21.0;21.5")
    recorded(root, "K9", 8, 26.0, "Mondays", trials_deg="25.0;26.0;27.0")
    opened = Feed(root=root)
    try:
        opened.live(stage="home")
        for size, language in (("small phone", "en"), ("small laptop", "de")):
            browser.open(f"{opened.url}&lang={language}", size)
            browser.click("wearers")
            browser.click("trend-K9")
            eventually(lambda: "Mondays" in browser.text("card"), 30)
            told = {
                "en": ("2 of 4", "4 of 10", "trials"),
                "de": ("2 von 4", "4 von 10", "Versuche"),
            }
            assert [text for text in told[language] if text not in browser.text("card")] == []
            assert browser.misplaced() == []
            assert violations(browser, axe) == []
        assert browser.complaints() == []
    finally:
        opened.close()


def test_the_first_view_leads_to_every_wearers_trend(worn, browser, axe):  # noqa: F811
    worn.live(stage="home")
    browser.open(worn.url, "small phone")
    browser.click("wearers")
    eventually(lambda: "3 sessions" in browser.text("card"), 20)
    assert "one session" in browser.text("card")
    assert violations(browser, axe) == []
    browser.click("trend-K8")
    eventually(lambda: "K8: the trend" in browser.text("card"), 30)
    assert browser.complaints() == []


def test_a_goal_says_whose_it_is_and_without_one_there_is_no_zone(worn, browser):
    plan = {"exercise": EXERCISE, "side": "right", "sides": ["right"], "target_deg": None}
    plan |= {"reps": 10, "sets": 1, "hold_s": 0.0, "delay_s": 0, "name": "", "names": []}
    plan |= {"item": 1, "of": 1, "legs": 1, "done": 0, "test": False, "active": None}
    goal = {"right": {"deg": 24.0, "source": "last time"}}
    worn.live(stage="today", wearer="K7", goals=goal, plan=plan)
    browser.open(worn.url, "small phone")
    eventually(lambda: "24°, as far as last time" in browser.text("goalOf"))
    goal = {"right": {"deg": 26.0, "source": "plan"}}
    worn.live(stage="today", wearer="K7", goals=goal, plan=plan | {"target_deg": 26.0})
    browser.click("keepGoal")
    eventually(lambda: worn.obeyed[-1:] == [{"do": "goal", "target_deg": 26.0, "keep": True}])
    worn.live(plan=plan, goals={"right": {"deg": None, "source": "none"}})
    eventually(lambda: browser.run("return document.getElementById('guide').hidden"), 8)
    worn.frame(30.0)
    eventually(lambda: browser.number() == "30°", 3)
    assert "zone" not in browser.angle_classes()
    worn.live(plan=plan, goals={"right": {"deg": 30.0, "source": "wearer"}})
    worn.frame(31.0)
    eventually(lambda: "zone" in browser.angle_classes(), 3)


def desk_on(root, wearer="", virtual=True):
    wish = Wish(exercise=EXERCISE, root=str(root))
    course = Course.one(Item.of(one_item(EXERCISE, "right")))
    return Desk(
        Hub(), Library(root, only=wearer), course, lambda _: VirtualRig(1, None, wish), root,
        say=lambda _: None, virtual=virtual, wearer=wearer,
    )  # fmt: skip


def goal_told(desk, leg="right"):
    return desk._message()["goals"][leg]


def test_a_step_aims_at_the_wearers_own_goal_and_a_new_one_is_kept(root):
    async def run():
        desk = desk_on(root, virtual=None)
        assert goal_told(desk) == {"deg": None, "source": "none"}
        desk.obey({"do": "wearer"})
        assert sorted(desk._more["wearers"]) == ["K7", "K8"]
        desk.obey({"do": "choose", "wearer": "K7"})
        assert goal_told(desk) == {"deg": 30.0, "source": "wearer"}
        desk.obey({"do": "goal", "target_deg": 25.0})
        assert goal_told(desk) == {"deg": 25.0, "source": "plan"}
        desk.obey({"do": "goal", "target_deg": 25.0, "keep": True})
        assert goal_told(desk) == {"deg": 25.0, "source": "wearer"}
        await desk.close()

    asyncio.run(run())
    assert WearerBook(root).read().known["K7"].goal(EXERCISE, "right").deg == 25.0


def test_a_page_for_one_wearer_takes_nobody_else(root):
    async def run():
        desk = desk_on(root, wearer="K7", virtual=None)
        desk.obey({"do": "wearer"})
        assert desk._more["wearers"] == ["K7"]
        for do, wearer in (("choose", "K8"), ("new", "K9"), ("nobody", "")):
            with pytest.raises(RefusedCommandError, match="K7 only"):
                desk.obey({"do": do, "wearer": wearer})
        await desk.close()

    asyncio.run(run())


def test_answers_to_questions_are_kept_with_the_wearer_and_go_with_them(root):
    async def run():
        desk = desk_on(root, wearer="K7")
        desk.obey({"do": "exercise", "exercise": "self_checks"})
        desk.obey({"do": "answer", "question": 0, "text": "no"})
        desk.obey({"do": "answer", "question": 4, "text": "the left, on stairs"})
        desk.obey({"do": "answer", "question": 0, "text": "a little"})  # of the same day
        assert desk._message()["answered"] == ["a little", "", "", "", "the left, on stairs"]
        with pytest.raises(RefusedCommandError, match="asks 5 questions"):
            desk.obey({"do": "answer", "question": 5, "text": "?"})
        desk.obey({"do": "exercise", "exercise": EXERCISE})
        with pytest.raises(RefusedCommandError, match="nothing is asked here"):
            desk.obey({"do": "answer", "question": 0, "text": "no"})
        await desk.close()
        nobody = desk_on(root)
        nobody.obey({"do": "exercise", "exercise": "self_checks"})
        assert "answered" not in nobody._message()
        with pytest.raises(RefusedCommandError, match="choose who exercises"):
            nobody.obey({"do": "answer", "question": 0, "text": "no"})
        await nobody.close()

    asyncio.run(run())
    kept = WearerBook(root).read().known["K7"].answers
    assert [(one.exercise, one.text) for one in kept] == [
        ("self_checks", "the left, on stairs"), ("self_checks", "a little"),
    ]  # fmt: skip
    told = CliRunner().invoke(cli, ["history", "--wearer", "K7", "--dir", str(root)]).output
    assert f"{kept[1].day}: Is sitting cross-legged" in told
    assert "– a little" in told
    assert forget_wearer(WearerBook(root).path, "K7")
    assert not WearerBook(root).path.exists()


def test_a_question_is_answered_on_the_page_where_it_is_asked(feed, browser):
    asked = exercise_data(load("self_checks"))
    feed.live(stage="today", wearer="K7", exercise=asked, answered=["no", "", "", "", ""])
    browser.open(feed.url, "phone")
    eventually(lambda: browser.find("id", "answer-0").get_property("value") == "no")
    assert browser.run("return document.getElementById('next')") is None  # no unit is needed
    assert "Leg" not in browser.text("card")
    browser.find("id", "answer-1").send_keys("yes, to the left")
    feed.live(stage="today", wearer="K7", exercise=asked, answered=["no", "", "", "", "later"])
    eventually(lambda: browser.find("id", "answer-4").get_property("value") == "later")
    assert browser.find("id", "answer-1").get_property("value") == "yes, to the left"
    browser.find("id", "answer-1").send_keys("\t")
    wanted = {"do": "answer", "question": 1, "text": "yes, to the left"}
    eventually(lambda: feed.obeyed[-1:] == [wanted])
    assert browser.complaints() == []
