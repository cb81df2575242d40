"""A repetition of a recording is corrected by a tap, and by another it is as it was."""

from __future__ import annotations

import asyncio
import json
import shutil

import pytest
from made_up import Feed
from window import eventually

from hipturn.server.commands import RefusedCommandError
from hipturn.server.library import Library, correct, parse_correction
from hipturn.session_paths import demo_root
from imu.recording import open_session
from imu.recording.edits import read_edits

DEMO = demo_root() / "ninety_ninety_lift"


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "recordings" / "mine"
    folder.mkdir(parents=True)
    for name in ("session.json", "samples.arrows", "events.jsonl"):
        shutil.copy(DEMO / name, folder / name)
    return folder.parent


def said(**more):
    return json.dumps({"do": "edit", "key": "mine", "kind": "reject", "side": "right"} | more)


def test_everything_that_people_say_of_a_recording_is_said_by_taps_and_undone(root, browser):
    feed = Feed(root=root)
    try:

        def said():
            return [edit.kind for edit in read_edits(root / "mine").standing]

        def tells(tap, *kinds):
            """Tap, and wait until the row shows the recording with these edits."""
            shown_anew()
            tap()
            eventually(lambda: said() == list(kinds) and shown_anew())

        def shown_anew():
            """Say whether the row was drawn since this was asked last."""
            row = "document.getElementById('corrected').dataset"
            return browser.run(f"const is = !{row}.seen; {row}.seen = 1; return is")

        browser.size("phone")
        browser.window.get("about:blank")
        browser.window.get_log("browser")
        browser.window.get(feed.url)
        browser.window.get(f"{feed.site}/#session=mine&t=40")
        eventually(lambda: browser.view() == "replay")
        loaded = "return document.getElementById('correct')"
        eventually(lambda: browser.run(loaded), 180)  # a process starts, and analyses
        browser.click("correct")
        counted = browser.text("corrected")
        assert counted.startswith("right ")
        browser.click("notMine")
        eventually(lambda: browser.text("corrected") == "right, rejected †")
        row = "const k = document.querySelector('#transport .keys');"
        assert browser.run(f"{row} return k.scrollWidth <= k.clientWidth")  # none is cut off
        (reject,) = read_edits(root / "mine").standing
        assert (reject.kind, reject.by, reject.saw["status"]) == ("reject", "at the page", "valid")
        browser.click("undo")
        eventually(lambda: browser.text("corrected") == counted)
        assert read_edits(root / "mine").standing == ()
        choose = "const s = document.getElementById('painHere'); s.value = '4';"
        tells(lambda: browser.run(f"{choose} s.dispatchEvent(new Event('change'))"), "pain")
        (pain,) = read_edits(root / "mine").standing
        assert (pain.kind, pain.value, pain.target) == ("pain", 4, "movement")
        tells(lambda: browser.click("badFrom"), "pain", "bad_from")
        tells(lambda: browser.click("undo"), "pain")
        browser.click("setEnds")
        drag = "const s = document.getElementById('setFrom'); s.value = '39.5';"
        drop = "for (const e of ['input', 'change']) s.dispatchEvent(new Event(e))"
        tells(lambda: browser.run(f"{drag} {drop}"), "pain", "trim")
        assert "39." in browser.text("corrected")
        browser.click("closeCorrection")
        browser.click("aboutIt")
        eventually(lambda: browser.find("id", "otherWearer")).clear()
        browser.find("id", "otherWearer").send_keys("K7")
        tells(lambda: browser.click("takeWearer"), "pain", "trim", "wearer")
        browser.click("aboutIt")
        eventually(lambda: browser.find("id", "otherWearer").get_property("value") == "K7")
        tells(lambda: browser.click("otherSide"), "pain", "trim", "wearer", "side")
        assert browser.text("title").endswith("left")
        assert open_session(root / "mine").header.wearer == "K7"
        tells(lambda: browser.click("undo"), "pain", "trim", "wearer")
        browser.click("closeCorrection")
        browser.click("toResult")  # there too, a tap on a movement says what it is
        eventually(lambda: browser.run("return !!document.querySelector('.movement')"))
        browser.run("document.querySelector('.movement').click()")
        browser.click("notMine")
        eventually(lambda: said()[-1:] == ["reject"])
        browser.click("undo")
        eventually(lambda: said() == ["pain", "trim", "wearer"])
        assert browser.complaints() == []
    finally:
        feed.close()


def test_only_what_is_of_a_recording_is_taken_for_that():
    assert parse_correction('{"do": "mark", "label": "edit"}') is None
    assert parse_correction("[" * 3000) is None
    assert parse_correction('{"do": "edit", "key": "' + 5000 * "x" + '"}') is None
    for wrong in ({"key": 3}, {"kind": ["reject"]}, {"by": "Jane"}, {"of": 300 * "x"}):
        with pytest.raises(RefusedCommandError, match="`edit` has texts"):
            parse_correction(said(**wrong))


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"key": "demo.ninety_ninety_lift", "at_s": 40.0}, "stay as they are"),
        ({"key": "../recordings/mine", "at_s": 40.0}, "no such recording"),
        ({}, "at_s is missing"),
        ({"at_s": "40"}, "at_s is '40', not a number"),
        ({"at_s": 40.0, "saw": [1]}, "saw"),
        ({"kind": "undo", "of": "00000000"}, "has no edit"),
        ({"kind": "steal", "at_s": 1}, "unknown"),
        ({"kind": "wearer", "value": {"deep": 1}}, "no pseudonym"),
    ],
)
def test_what_no_edit_says_is_refused_with_a_sentence_and_nothing_is_written(more, why, root):
    library = Library(root)
    try:
        with pytest.raises(RefusedCommandError, match=why):
            asyncio.run(correct(library, parse_correction(said(**more))))
    finally:
        library.close()
    assert read_edits(root / "mine").edits == ()
