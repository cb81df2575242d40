"""Everybody can use the page: axe-core finds nothing serious, and the keyboard is enough."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from window import eventually

AXE = "axe-core@4.14.1"
RUN_AXE = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ["violations"]}).then(found => done(found.violations
  .filter(v => ["serious", "critical"].includes(v.impact))
  .map(v => v.id + ": " + v.nodes.map(n => n.html.slice(0, 120)).join(" | "))));
"""


CHECK = {"name": "knee bends", "said": "5 knee bends", "value": 5.0, "limit": 4.0, "unit": ""}
CHECK |= {"passed": True, "text": ""}


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    """Return axe-core's text: of $HIPTURN_AXE, else from the npm registry."""
    given = os.environ.get("HIPTURN_AXE", "")
    if given and Path(given).is_file():
        return Path(given).read_text(encoding="utf-8")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("axe-core is not here: install npm, or name axe.min.js in $HIPTURN_AXE")
    folder = tmp_path_factory.mktemp("axe")
    command = [npm, "pack", AXE, "--silent", "--pack-destination", str(folder)]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=60)
    packed = next(folder.glob("*.tgz"), None)
    if done.returncode or packed is None:
        pytest.skip("the npm registry cannot be reached for axe-core")
    with tarfile.open(packed) as archive:
        file = archive.extractfile("package/axe.min.js")
        assert file is not None
        return file.read().decode()


def violations(browser, axe):
    """Return what axe-core holds against the view that is shown."""
    # evaluated by the driver, not by the page, whose policy forbids it
    browser.window.execute_cdp_cmd("Runtime.evaluate", {"expression": axe})
    return browser.window.execute_async_script(RUN_AXE)


INVITED = {"label": "right shank", "url": "https://192.168.1.20:8778/unit?t=x", "code": ["101"]}
INVITED |= {"place": "shank", "taken": False, "streams": False, "said": ""}
WARNING = {"address": "192.168.1.20", "fingerprint": "AA:BB"}


@pytest.mark.parametrize("theme", ["dark", pytest.param("light", marks=pytest.mark.long)])
def test_nothing_serious_is_wrong_for_people_who_see_or_move_otherwise(feed, browser, axe, theme):
    check = {"what": "right shank unit", "good": False, "text": "bring it closer"}
    found = {
        "name": "DOT",
        "profile": "Movella DOT",
        "end": "00:01",
        "rssi": -60,
        "place": "right thigh",
        "moving": 0,
    }
    finding = {
        "label": "right thigh",
        "rate_hz": 60.0,
        "nominal_hz": 60.0,
        "lost_percent": 1.0,
        "drift_dps": 0.1,
        "battery": 80,
        "remedy": "",
    }
    stages = [
        {"stage": "home", "unfinished": {"done": 1, "of": 3}},
        {"stage": "wearer", "wearers": ["K7"]},
        {"stage": "today"},
        {"stage": "units", "found": [found], "working": True, "progress": 0.4},
        {"stage": "units", "findings": [finding]},
        {"stage": "units", "phones": ["shank"], "invited": [INVITED], "warning": WARNING},
        {"stage": "straps", "phones": ["shank"]},
        {"stage": "ready", "checklist": [check]},
        {"stage": "countdown", "until": 10**7},
        {"stage": "set", "paused": False},
        {"stage": "result"},
    ]
    feed.live(**stages[0])
    browser.open(feed.url, "laptop")
    browser.run("localStorage.setItem('hipturn.theme', arguments[0])", theme)
    browser.open(feed.url, "laptop")
    wrong = {}
    for stage in stages:
        feed.live(**stage)
        if stage["stage"] == "today":
            browser.click("openPlan")
            wrong["plan"] = violations(browser, axe)
            browser.run("document.getElementById('dialog').close()")
        views = {"home": "home", "set": "live", "result": "result"}
        wanted = views.get(stage["stage"], "wizard")
        eventually(lambda wanted=wanted: browser.view() == wanted)
        if wanted == "live":
            eventually(lambda: browser.run("return document.getElementById('guide').hidden"), 8)
            feed.units()
            feed.frame(30.0)
        wrong[stage["stage"]] = violations(browser, axe)
    feed.live(stage="calibrate")
    leg = {"step": "bends", "checks": [CHECK], "sign": "open", "start_deg": None}
    feed.do(feed.hub.newest, {"type": "calibration", "legs": {"right": leg}}, keep=True)
    eventually(lambda: browser.run("return !document.getElementById('guide').hidden"), 8)
    wrong["calibration"] = violations(browser, axe)
    browser.click("moreButton")
    wrong["more"] = violations(browser, axe)
    feed.live(stage="home")
    browser.open(feed.url + "#session=demo.seated_internal_rotation&t=40", "laptop")
    eventually(lambda: browser.view() == "replay" and browser.text("clock"))
    wrong["replay"] = violations(browser, axe)
    browser.click("save")
    wrong["save"] = violations(browser, axe)
    browser.run("document.getElementById('dialog').close()")
    browser.click("toResult")
    eventually(lambda: "repetitions" in browser.text("card"), 10)
    wrong["results"] = violations(browser, axe)
    browser.click("compare")
    eventually(lambda: browser.run("return !!document.getElementById('overlay')"))
    wrong["compare"] = violations(browser, axe)
    browser.run("localStorage.removeItem('hipturn.theme')")
    assert {view: found for view, found in wrong.items() if found} == {}


def test_the_keyboard_is_enough(feed, browser):
    feed.live()
    browser.open(feed.url, "laptop")
    feed.frame(30.0)
    press = (
        "document.activeElement.blur(); document.dispatchEvent("
        "new KeyboardEvent('keydown', {key: arguments[0], bubbles: true}))"
    )
    browser.run(press, "m")
    browser.run(press, " ")
    eventually(lambda: [c["do"] for c in feed.obeyed] == ["mark", "pause"])
    shown = "return [...document.querySelectorAll('button, a, input')].filter(n => n.offsetParent)"
    assert browser.run(shown + ".filter(n => n.tabIndex < 0).length") == 0
    assert browser.run(shown + ".filter(n => !n.innerText.trim() && !n.ariaLabel).length") == 0


def test_the_keyboard_reaches_the_buttons_of_a_phone_on_its_side_and_what_is_behind_more(
    feed, browser
):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    feed.live()
    browser.open(feed.url, "on its side")
    shows = "return document.getElementById('stop').checkVisibility({opacityProperty: true})"
    eventually(lambda: not browser.run(shows), 8)
    focused = "return document.activeElement.id"

    def tab_to(name):
        for _ in range(20):
            ActionChains(browser.window).send_keys(Keys.TAB).perform()
            if browser.run(focused) == name:
                return
        raise AssertionError(f"{name} is not reached")

    tab_to("moreButton")
    assert browser.run(shows)
    ActionChains(browser.window).send_keys(Keys.ENTER).perform()
    eventually(lambda: browser.find("id", "more").is_displayed(), 3)
    ActionChains(browser.window).send_keys(Keys.ESCAPE).perform()
    eventually(lambda: not browser.find("id", "more").is_displayed(), 3)
    tab_to("stop")
    ActionChains(browser.window).send_keys(Keys.ENTER).perform()
    eventually(lambda: feed.obeyed[-1:] == [{"do": "stop"}], 3)
