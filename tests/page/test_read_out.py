"""The read-out in a real browser: fresh or not, and what is heard."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time

import pytest
from made_up import Feed
from window import eventually

from analysis.exercises import load
from hipturn.safety import SAFETY
from hipturn.server.recorded import exercise_data


def keep_sending(feed, stop, deg=22.0):
    """Send read-outs and repetitions, sixty and two a second."""
    count = 0
    while not stop.is_set():
        count += 1
        feed.frame(deg, time_s=count / 60)
        if count % 30 == 0:
            feed.do(
                feed.hub.happened,
                "rep",
                side="right",
                reps=count // 30,
                set=1,
                range_deg=30.0,
                from_s=0.1,
                to_s=0.2,
                text="rep",
            )
        time.sleep(1 / 60)


@pytest.fixture
def sending():
    """Return a function that keeps a feed sending until it is stopped."""
    running = []

    def start(feed, **more):
        stop = threading.Event()
        thread = threading.Thread(target=keep_sending, args=(feed, stop), kwargs=more)
        thread.start()

        def end():
            stop.set()
            thread.join()

        running.append(end)
        return end

    yield start
    for end in running:
        end()


def test_a_pushed_angle_is_on_the_screen_in_whole_degrees(feed, browser):
    feed.live()
    browser.open(feed.url)
    for deg, text in ((31.4, "31°"), (-12.2, "−12°"), (0.4, "0°"), (-0.4, "0°"), (104.0, "104°")):
        feed.frame(deg)
        eventually(lambda text=text: browser.number() == text, 2)
    assert browser.complaints() == []


def test_old_data_dims_and_then_goes_away_with_the_cause(feed, browser):
    feed.live()
    browser.open(feed.url)
    feed.frame(31.4)
    feed.units()
    eventually(lambda: browser.number() == "31°" and "dim" not in browser.angle_classes(), 2)
    eventually(lambda: "dim" in browser.angle_classes(), 0.9)
    assert browser.number() == "31°"
    # the socket stays open and the status goes on: only the sample is old
    feed.units(silent_s=1.2, state="lost")
    eventually(lambda: browser.number() == "– –", 1.5)
    assert browser.text("words") == "Right shank silent"
    assert "right shank unit silent" in browser.text("remedy")  # what to do is behind "More"
    assert browser.run("return document.querySelector('.angle').innerText").count("31") == 0
    feed.frame(12.0)
    eventually(lambda: browser.number() == "12°", 1)


def test_an_angle_that_is_refused_is_never_shown(feed, browser):
    feed.live()
    browser.open(feed.url)
    feed.frame(20.0)
    eventually(lambda: browser.number() == "20°", 2)
    feed.frame(None)
    eventually(lambda: browser.number() == "– –", 1)
    assert browser.text("words") == "Angle not known"


def family(pid):
    """Return a process and all that descend from it."""
    found = [pid]
    told = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    pairs = [tuple(map(int, line.split())) for line in told.stdout.splitlines()]
    for parent in found:
        found += [child for child, of in pairs if of == parent]
    return found


@pytest.mark.skipif(os.name != "posix", reason="needs SIGSTOP")
def test_after_ten_frozen_seconds_nothing_old_is_heard_or_seen(feed, browser, sending):
    feed.live()
    browser.open(feed.url)
    browser.click("soundButton")
    end = sending(feed, deg=22.0)
    eventually(lambda: browser.sounds() >= 3, 8)  # repetitions are heard
    tree = family(browser.pid)[1:]  # the browser, not its driver
    before = browser.sounds()
    for pid in tree:
        os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(9.6)
        end()
        feed.frame(35.0, time_s=99.0)
        time.sleep(0.4)
    finally:
        for pid in reversed(tree):
            os.kill(pid, signal.SIGCONT)
    eventually(lambda: browser.number() in ("35°", "– –"), 5)
    feed.frame(36.0, time_s=100.0)
    eventually(lambda: browser.number() == "36°", 5)
    # nineteen repetitions fell into the freeze; what is new may be heard: one just before it, and
    # that the data is old or in the zone now
    assert browser.sounds() - before <= 2


def test_after_a_restart_of_the_server_the_page_comes_back_with_its_sound(browser, sending):
    first = Feed()
    first.live()
    browser.open(first.url)
    browser.click("soundButton")
    browser.run("window.__mark = 'the same page'")
    first.frame(20.0)
    eventually(lambda: browser.number() == "20°", 3)
    first.close()
    eventually(lambda: browser.number() == "– –", 3)
    assert browser.text("words") == "hipturn is silent"
    second = Feed(port=first.port)
    begun = time.monotonic()
    try:
        second.live()
        second.frame(44.0)
        end = sending(second, deg=44.0)
        eventually(lambda: browser.number() == "44°", 4)
        assert time.monotonic() - begun < 2.0
        before = browser.sounds()
        eventually(lambda: browser.sounds() > before, 4)
        assert browser.run("return window.__mark") == "the same page"
        end()
    finally:
        second.close()


def test_the_zone_is_told_by_shape_and_words_as_well_as_by_colour(feed, browser):
    feed.live()
    browser.open(feed.url)
    feed.frame(30.0)
    eventually(lambda: "zone" in browser.angle_classes(), 2)
    tag = "return getComputedStyle(document.querySelector('.angle .tag'), '::after').content"
    assert "◎" in browser.run(tag)
    feed.frame(5.0)
    eventually(lambda: "zone" not in browser.angle_classes(), 2)


def condition(key, can=(), about="right", **args):
    args = {"side": "right", **args}
    return {"id": f"{key}:{about}", "key": key, "args": args, "since": 1.0, "can": list(can)}


def test_what_is_wrong_is_there_while_it_is_wrong_the_worst_first_with_one_tap(feed, browser):
    def tell(*conditions):
        feed.do(feed.hub.newest, {"type": "conditions", "conditions": conditions}, keep=True)

    feed.live()
    browser.open(feed.url)
    tell(
        condition("falls", ["other_leg", "swap"]), condition("slow", ["later"], unit="right shank")
    )
    eventually(lambda: browser.text("banner").startswith("Wrong leg? The number falls +1"), 3)
    browser.click("remedy-other_leg")
    eventually(lambda: feed.obeyed == [{"do": "other_leg"}], 3)
    browser.window.refresh()  # nothing is kept on the page: the list comes again
    eventually(lambda: (browser.text("banner") or "").startswith("Wrong leg?"), 10)
    tell(condition("slow", ["later"], unit="right shank"))
    eventually(lambda: browser.text("banner").startswith("right shank unit: move closer"), 3)
    browser.click("remedy-later")
    eventually(lambda: feed.obeyed[-1] == {"do": "later", "id": "slow:right"}, 3)
    tell()
    eventually(lambda: browser.run("return document.getElementById('banner').hidden"), 3)
    tell(condition("silent", unit="right shank"))
    eventually(lambda: browser.text("banner") == "right shank unit silent", 3)
    feed.live(stage="summary")  # a result is no place for what was wrong before
    eventually(lambda: browser.run("return document.getElementById('banner').hidden"), 3)
    assert browser.complaints() == []


def test_a_set_that_was_interrupted_goes_on_and_says_so(feed, browser):
    feed.live()
    browser.open(feed.url)
    leg = {"set": 1, "reps": 7, "range_deg": 24.0, "held_s": 0.0}
    feed.do(feed.hub.newest, {"type": "count", "interrupted": True, "right": leg}, keep=True)
    feed.frame(12.0)
    eventually(lambda: browser.text("repsNow") == "7", 3)
    eventually(lambda: "interrupted" in browser.text("setLine"), 3)


def test_a_result_is_whole_after_a_reload(feed, browser):
    feed.live(stage="result", next=None, goals={"right": {"deg": 30.0, "source": "wearer"}})
    browser.open(feed.url)
    eventually(lambda: "3/10 · 24° of 30°" in (browser.text("legs") or ""), 5)
    leg = {"set": 1, "reps": 10, "range_deg": 24.0, "held_s": 0.0}
    feed.do(feed.hub.newest, {"type": "count", "interrupted": False, "right": leg}, keep=True)
    eventually(lambda: "10/10 ✓" in browser.text("legs"), 5)
    assert browser.text("next") == "Summary"


def test_a_timed_exercise_shows_its_seconds(feed, browser):
    pyramid = exercise_data(load("revolved_pyramid"))
    feed.live(exercise=pyramid)
    browser.open(feed.url)
    leg = {"deg": None, "sd": None, "phase": "hold", "hold": 13.4, "leg": None}
    feed.do(feed.hub.newest, {"type": "frame", "time_s": 20.0, "right": leg})
    eventually(
        lambda: browser.run("return document.querySelector('.num').ariaLabel") == "13 s held", 2
    )


def test_no_step_of_the_calibration_looks_done_before_the_first_message(feed, browser):
    feed.live(stage="calibrate")
    feed.do(feed.hub.newest, {"type": "calibration", "legs": {}}, keep=True)
    browser.open(feed.url)
    eventually(lambda: (browser.text("guideSteps") or "").startswith("Stand"), 5)
    assert browser.run("return document.querySelectorAll('#guideSteps .good').length") == 0
    assert browser.text("guideAsk") == "Stand still"


def test_a_check_that_was_left_out_is_not_ticked(feed, browser):
    rows = [{"what": "units at rest", "good": None, "text": "not checked"}]
    feed.live(stage="ready", checklist=rows, safety=[])
    browser.open(feed.url)
    row = "return document.querySelector('#card .rows .row').textContent"
    eventually(lambda: browser.run(row) == "–units at restnot checked")


def test_names_from_the_air_are_text_and_nothing_else(feed, browser):
    feed.live()
    browser.open(feed.url)
    evil = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"
    feed.units(name=evil, label=evil, silent_s=3.0)
    eventually(lambda: evil in browser.text("units"), 3)
    found = {"name": evil, "profile": evil, "end": "00:01", "rssi": -50, "place": "", "moving": 1.0}
    feed.live(stage="units", working=True, found=[found], ask=evil, problem=evil)
    eventually(lambda: browser.view() == "wizard" and evil in browser.text("card"), 3)
    assert (
        browser.run(
            "return document.querySelectorAll('#card img, #units img, #card script').length"
        )
        == 0
    )
    assert "owned" not in browser.window.title
    assert browser.complaints() == []


def test_the_guided_check_asks_for_one_thing_and_tells_what_it_showed(feed, browser):
    feed.live(stage="check", working=True, ask="Turn the book a quarter to the left.")
    browser.open(feed.url)
    eventually(lambda: browser.text("ask") == "Turn the book a quarter to the left.")
    rows = [
        {"what": "DOT: orientation", "good": False, "text": 'set earth_frame to "NED"'},
        {"what": "DOT: rate", "good": True, "text": "60.0 of 60 samples a second"},
    ]
    feed.live(stage="check", working=False, checklist=rows)
    eventually(lambda: "One thing to fix." in browser.text("card"))
    assert 'set earth_frame to "NED"' in browser.text("card")
    browser.click("check")
    eventually(lambda: {"do": "check"} in feed.obeyed)
    assert browser.complaints() == []


def test_when_not_to_exercise_is_read_before_the_start_and_taken_in_one_tap(feed, browser):
    rows = [{"what": "DOT: rate", "good": True, "text": "60.0 of 60 samples a second"}]
    feed.live(stage="ready", working=False, checklist=rows, safety=list(SAFETY))
    browser.open(feed.url)
    eventually(lambda: browser.find("id", "safety").is_displayed())
    for line in SAFETY:
        assert line in browser.text("safety")
    assert browser.text("start").startswith("I have read it: Start")
    browser.click("start")
    eventually(lambda: {"do": "start"} in feed.obeyed)
    # a wearer who was told before sees none of it
    feed.live(stage="ready", working=False, checklist=rows, safety=[])
    eventually(lambda: browser.text("start").startswith("Start"))
    assert browser.run("return document.getElementById('safety')") is None
    assert browser.complaints() == []
