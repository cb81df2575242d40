"""From the first screen to the report, as a person clicks through it, at every size."""

from __future__ import annotations

import io
import json
import signal
import urllib.request
import zipfile

import pytest
from click.testing import CliRunner
from window import SIZES, eventually

from hipturn.commands.cli import cli


def fetched(browser, url):
    """Return a file that the page offers to this browser."""
    cookies = "; ".join(f"{one['name']}={one['value']}" for one in browser.window.get_cookies())
    asked = urllib.request.Request(url, headers={"Cookie": cookies})  # noqa: S310 (our own address)
    return urllib.request.urlopen(asked)  # noqa: S310


def past_the_check(browser, then="Strap the units on"):
    """Go on to the straps, which it does by itself where all units are good."""

    def there():
        # not `click`, which would wait for a button that this step may leave behind any moment
        browser.run("const b = document.getElementById('next'); if (b && !b.disabled) b.click()")
        return then in browser.text("card")

    eventually(there, 60)


def looks_right(browser):
    """Check the layout at every size; leave the window at the last."""
    for size in SIZES:
        browser.size(size)
        assert browser.misplaced() == [], f"{browser.view()} at {size}"


def test_from_the_first_screen_to_the_report(hipturn_page, browser, tmp_path):
    process, url = hipturn_page(
        "live", "--virtual", "--speed", "2", "--exercise", "ninety_ninety_lift"
    )
    browser.open(url, "phone")
    host = url.split("/")[2]
    browser.click("back")  # to the first screen, which plays the demo
    eventually(lambda: browser.view() == "home" and browser.number() not in (None, "– –"))
    looks_right(browser)
    browser.click("practise")
    eventually(lambda: browser.view() == "wizard")
    browser.size("phone")
    for _ in range(5):
        was = browser.run("return document.querySelector('.stepper output').textContent")
        browser.run("document.querySelector('.stepper button').click()")
        eventually(
            lambda was=was: (
                browser.run("return document.querySelector('.stepper output').textContent") != was
            )
        )
    looks_right(browser)
    browser.size("on its side")
    browser.click("next")
    eventually(lambda: "Leave the units on the table" in browser.text("card"))
    looks_right(browser)
    past_the_check(browser)
    browser.size("tablet")
    eventually(
        lambda: browser.run(
            "return [...document.querySelectorAll('#card img')].every(i => i.naturalWidth > 0)"
        )
    )
    looks_right(browser)
    browser.click("done")
    browser.click("delay-5")
    eventually(lambda: "5 s" in browser.text("start"))
    assert "samples a second" in browser.text("card")
    looks_right(browser)
    browser.size("laptop")
    browser.click("start")
    eventually(lambda: browser.text("countdown") in "54321", 3)
    looks_right(browser)
    assert browser.sounds() >= 1  # the test beep came with the tap
    browser.click("now")
    eventually(lambda: browser.view() == "live", 10)
    eventually(lambda: browser.text("guideSteps").startswith("Stand"), 10)
    looks_right(browser)
    eventually(lambda: browser.run("return document.getElementById('guide').hidden"), 40)
    eventually(lambda: browser.text("repsNow") in ("1", "2"))
    looks_right(browser)
    browser.click("mark")
    eventually(lambda: browser.view() == "result", 40)
    assert "3/3 ✓" in browser.text("legs")
    looks_right(browser)
    browser.click("next")
    eventually(lambda: browser.run("return !!document.getElementById('save')"), 120)
    assert "3 of" in browser.text("card")
    looks_right(browser)
    browser.click("save")
    with fetched(browser, browser.run("return document.getElementById('saveCsv').href")) as answer:
        tables = zipfile.ZipFile(io.BytesIO(answer.read()))
    assert len(tables.read("reps.csv").decode().splitlines()) == 4
    with fetched(
        browser, browser.run("return document.getElementById('saveReport').href")
    ) as answer:
        assert answer.read(5) == b"%PDF-"
    browser.run("document.getElementById('dialog').close()")
    browser.click("compare")
    eventually(
        lambda: (
            browser.view() == "compare"
            and browser.run("return !!document.getElementById('overlay')")
        ),
    )
    looks_right(browser)
    browser.click("leave")
    browser.click("watch")
    eventually(
        lambda: (
            browser.view() == "replay"
            and browser.run("return !!document.getElementById('transport')")
        ),
        10,
    )
    looks_right(browser)
    assert browser.hosts() == {host}
    assert browser.complaints() == []
    events = next((tmp_path / "recordings").glob("*/events.jsonl")).read_text()
    assert '"label": "mark"' in events.replace('":"', '": "')
    process.send_signal(signal.SIGINT)
    said, complained = process.communicate(timeout=20)
    assert "3 of 3 reps" in said
    assert "Traceback" not in complained


PLAN = """name = "Morning"
[[items]]
exercise = "ninety_ninety_lift"
sides = ["right"]
sets = 2
reps = 2
rest_s = 90
[[items]]
exercise = "prone_windshield_wiper"
reps = 2
rest_s = 5
"""


SMALL_PLAN = """name = "Evening"
wearer = "K7"
[[items]]
exercise = "ninety_ninety_lift"
sides = ["right"]
sets = 1
reps = 2
"""


@pytest.mark.long
def test_a_plan_is_opened_done_packed_and_unpacked_elsewhere_where_the_trend_has_it(
    hipturn_page, browser, tmp_path
):
    (tmp_path / "evening.toml").write_text(SMALL_PLAN, encoding="utf-8")
    process, url = hipturn_page("live", "--virtual", "--speed", "max", "--wearer", "K7")
    browser.open(url, "small phone")

    def paste(text):
        browser.click("openPlan")
        browser.run("document.getElementById('planText').value = arguments[0]", text)
        browser.click("takePlan")

    paste(SMALL_PLAN.replace("ninety_ninety_lift", "headstand"))
    eventually(lambda: "headstand" in browser.text("banner"))
    paste(SMALL_PLAN)
    eventually(lambda: "Evening: one exercise" in browser.text("card"))
    browser.run(
        "const p = document.getElementById('plan'); p.value = '';"
        " p.dispatchEvent(new Event('change'))"
    )
    eventually(lambda: "Evening: one" not in browser.text("card"))
    browser.click("openPlan")
    browser.find("id", "planFile").send_keys(str(tmp_path / "evening.toml"))
    eventually(lambda: "Evening" in browser.find("id", "planText").get_property("value"))
    browser.click("takePlan")
    eventually(lambda: "Evening: one exercise" in browser.text("card"))
    browser.click("next")
    past_the_check(browser)
    browser.click("done")
    browser.click("start")
    eventually(lambda: browser.run("return !!document.getElementById('save')"), 120)
    assert browser.complaints() == []
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    recordings, elsewhere = tmp_path / "recordings", tmp_path / "elsewhere"
    commanded("pack", "--wearer", "K7", "--dir", recordings, "-o", tmp_path / "K7.hipturn.zip")
    commanded("unpack", tmp_path / "K7.hipturn.zip", "--dir", elsewhere)
    (row,) = json.loads(commanded("history", "--wearer", "K7", "--dir", elsewhere, "--json"))[
        "sessions"
    ]
    assert (row["exercise"], row["side"], row["valid"]) == ("ninety_ninety_lift", "right", 2)


def commanded(*words):
    done = CliRunner().invoke(cli, list(map(str, words)))
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.long
def test_a_plan_runs_with_one_tap_and_outlives_a_reload_in_its_rest(
    hipturn_page, browser, tmp_path
):
    (tmp_path / "plan.toml").write_text(PLAN, encoding="utf-8")
    _, url = hipturn_page(
        "live", "--virtual", "--speed", "3", "--wearer", "K7", "--plan", tmp_path / "plan.toml"
    )
    browser.open(url, "phone")
    eventually(lambda: "Morning: 2 exercises, 2 legs" in browser.text("card"))
    browser.click("next")
    past_the_check(browser)
    browser.click("done")
    browser.click("start")  # the one tap; all else is by itself
    eventually(lambda: browser.view() == "result", 90)
    assert browser.text("next") == "Next: set 2"
    browser.click("pain-3")
    eventually(
        lambda: browser.run("return document.querySelector('#pain-3').ariaPressed") == "true"
    )
    assert "2/2 ✓" in browser.text("legs")
    browser.window.refresh()
    eventually(lambda: browser.view() == "result" and browser.text("rest") is not None, 10)
    eventually(lambda: "2/2 ✓" in browser.text("legs"))
    looks_right(browser)
    eventually(lambda: browser.view() == "live", 90)  # the rest is over
    eventually(lambda: "Prone windshield wiper" in (browser.text("next") or ""), 60)
    eventually(
        lambda: (
            browser.view() == "done" and browser.run("return !!document.getElementById('save')")
        ),
        120,
    )
    folders = sorted((tmp_path / "recordings").glob("2*"))
    assert [folder.name[17:] for folder in folders] == [
        "ninety_ninety_lift_right", "prone_windshield_wiper_both",
    ]  # fmt: skip
    headers = [json.loads((folder / "session.json").read_text()) for folder in folders]
    said = [json.loads(line) for line in (folders[0] / "edits.jsonl").read_text().splitlines()]
    assert [(edit["kind"], edit["value"], edit["side"]) for edit in said] == [("pain", 3, "right")]
    assert {(header["state"], header["wearer"]) for header in headers} == {("closed", "K7")}
    assert browser.complaints() == []


def test_just_look_begins_where_something_moves_and_a_phone_reaches_the_results(feed, browser):
    feed.live(stage="home")
    browser.open(feed.url, "phone")
    browser.click("look")
    eventually(lambda: browser.view() == "replay" and browser.text("clock"))
    at_s = float(browser.run("return document.getElementById('seek').value"))
    assert at_s > 20.0  # the calibration is before
    browser.click("toResult")
    eventually(lambda: browser.view() == "compare", 20)
    browser.click("save")
    shown = "return [...document.querySelectorAll('#savings a')].map(a => a.checkVisibility())"
    assert browser.run(shown) == [True] * 4


@pytest.mark.parametrize(
    "name",
    [
        "prone_windshield_wiper",
        pytest.param("seated_internal_rotation", marks=pytest.mark.long),
    ],
)
def test_a_replay_ends_where_the_analysis_does(hipturn_page, browser, name):
    import hipturn

    _, url = hipturn_page("replay", f"demo/{name}")
    browser.open(url + "#t=73.2", "laptop")
    eventually(lambda: (browser.text("clock") or "").startswith("1:13.2"))
    looks_right(browser)
    result = hipturn.analyse(hipturn.open(f"{package_demo()}/{name}"))
    browser.run(
        "const s = document.getElementById('seek'); s.value = s.max;"
        " s.dispatchEvent(new Event('input'))"
    )
    for side, rows in result.angles.groupby("side", observed=True):
        last = rows["hip_internal_rotation_deg"].iloc[-1]
        wanted = f"{round(last)}°".replace("-", "−")
        eventually(lambda side=side, wanted=wanted: browser.number(side) == wanted, 3)
    valid = result.reps[result.reps["status"] == "valid"].groupby("side").size()
    assert {browser.text("repsNow")} == {str(count) for count in valid}
    # the link to a moment follows, and keys step through repetitions
    assert "t=" in browser.run("return location.hash")
    first = result.reps["start_s"].min()
    browser.run(
        "document.activeElement.blur();"
        " document.dispatchEvent(new KeyboardEvent('keydown', {key: 'Home'}))"
    )
    browser.run("document.dispatchEvent(new KeyboardEvent('keydown', {key: ']'}))")
    eventually(
        lambda: (
            abs(float(browser.run("return document.getElementById('seek').value")) - first + 0.5)
            < 0.6
        ),
        3,
    )
    assert browser.complaints() == []


def package_demo():
    from hipturn.session_paths import demo_root

    return demo_root()
