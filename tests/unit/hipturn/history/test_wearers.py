"""Wearers: who is preselected, which goal a step has, and what their file takes."""

from __future__ import annotations

import json
import stat
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hipturn.errors import UserError
from hipturn.history import forget as forgetting
from hipturn.history.wearer_book import WEARERS_FILE, WearerBook
from hipturn.history.wearers import (
    LEGS,
    Answer,
    Goal,
    Wearer,
    Wearers,
    as_text,
    from_text,
    step_goal,
)

NOW = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
WIPER = "prone_windshield_wiper"
GOAL = Goal(WIPER, "right", 28.0, date(2026, 11, 1))


def test_nobody_is_preselected_after_twelve_hours():
    wearers = Wearers({}).choosing("K7", NOW)
    assert wearers.preselected(NOW + timedelta(hours=11, minutes=59)) == "K7"
    assert wearers.preselected(NOW + timedelta(hours=12, seconds=1)) == ""
    assert wearers.preselected(NOW - timedelta(seconds=1)) == ""  # a clock that was set back
    assert wearers.choosing("", NOW).preselected(NOW) == ""


@pytest.mark.parametrize("name", ["", "-K7", "Anna Schmidt", "K" * 21, "K7\n", "ä", "../K7"])
def test_what_may_be_a_name_or_a_path_is_no_pseudonym(tmp_path, name):
    with pytest.raises(UserError, match="for example K7"):
        WearerBook(tmp_path).aim(name, GOAL)
    assert not (tmp_path / WEARERS_FILE).exists()


def test_a_step_takes_the_plan_then_the_wearer_then_last_time():
    wearer = Wearer(goals=(GOAL, GOAL._replace(deg=31.0, day=date(2026, 11, 20)), GOAL))
    asked = {"exercise": WIPER, "leg": "right"}
    assert step_goal(25.0, wearer, 22.0, **asked) == (25.0, "plan")
    assert step_goal(None, wearer, 22.0, **asked) == (31.0, "wearer")
    assert step_goal(None, wearer, 22.0, WIPER, "left") == (22.0, "last time")
    assert step_goal(None, None, 22.0, **asked) == (22.0, "last time")
    nothing = step_goal(None, wearer, None, WIPER, "left")
    assert nothing.source == "none"
    assert nothing.deg != nothing.deg


goals = st.builds(
    Goal,
    st.text(max_size=8),
    st.sampled_from(LEGS),
    st.floats(0.5, 90.0),
    st.dates(date(2000, 1, 1), date(2100, 1, 1)),
)
names = st.text("aZ7_-", min_size=1, max_size=19).map(lambda rest: "K" + rest)
answers = st.builds(Answer, st.text(max_size=8), st.text(), st.text(), st.just(GOAL.day))
people = st.dictionaries(
    names,
    st.builds(Wearer, st.just("de"), st.tuples(goals, goals), st.lists(answers).map(tuple)),
)


@settings(max_examples=30, deadline=None)
@given(people)
def test_the_file_gives_back_what_was_written(known):
    wearers = Wearers(known)
    assert from_text(as_text(wearers).encode()) == wearers
    if known:
        chosen = wearers.choosing(next(iter(known)), NOW)
        assert from_text(as_text(chosen).encode()) == chosen


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"format": "hipturn wearers", "version": 9, "wearers": {}}',
        '{"format": "hipturn wearers", "version": 1}',
        '{"format": "hipturn wearers", "version": 1, "wearers": {"A B": {}}}',
        '{"format": "hipturn wearers", "version": 1, "wearers": {"K7": []}}',
        '{"format": "hipturn wearers", "version": 1, "wearers": {"K7": {"goals": [{}]}}}',
        '{"format": "hipturn wearers", "version": 1, "wearers": {"K7": {"answers": [{}]}}}',
        '{"format": "hipturn wearers", "version": 1, "wearers": {"K7": {"answers": {}}}}',
        '{"format": "hipturn wearers", "version": 1, "wearers": {}, "last": {"wearer": "K7"}}',
        '{"format": "hipturn wearers", "version": 1, "wearers": {"K7": {"goals": [{"exercise":'
        ' "x", "leg": "right", "deg": NaN, "from": "2026-11-28"}]}}}',
        '{"format": "hipturn wearers", "version": 1, "wearers": {"K7": {}}, "last": {"wearer":'
        ' "K7", "at": "soon"}}',
    ],
)
def test_a_damaged_file_is_refused_and_stays(tmp_path, text):
    path = tmp_path / WEARERS_FILE
    path.write_text(text)
    with pytest.raises(UserError, match="mend the file"):
        WearerBook(tmp_path).choose("K7", NOW)
    assert path.read_text() == text


def test_the_file_is_for_its_owner_only_and_keeps_goals(tmp_path):
    book = WearerBook(tmp_path / "new")
    book.choose("K7", NOW)
    book.aim("K7", GOAL)
    book.aim("K7", GOAL._replace(deg=30.0))  # of the same day: corrected
    assert stat.S_IMODE(book.path.stat().st_mode) == 0o600
    assert book.present(NOW) == "K7"
    assert [goal.deg for goal in book.read().known["K7"].goals] == [30.0]
    assert book.goals("K7", WIPER)["right"] == (30.0, "wearer")
    assert book.goals("", WIPER)["right"].source == "none"
    planned = book.goals("K7", WIPER, {"right": 24.0})
    assert planned["right"] == (24.0, "plan")
    assert planned["left"].source != "plan"
    with pytest.raises(UserError, match="90°"):
        book.aim("K7", GOAL._replace(deg=float("nan")))


def test_a_page_locked_to_a_wearer_takes_nobody_else(tmp_path):
    book = WearerBook(tmp_path, locked="K7")
    assert book.present(NOW) == "K7"
    with pytest.raises(UserError, match="K7 only"):
        book.choose("K8", NOW)
    with pytest.raises(UserError, match="K7 only"):
        book.choose("", NOW)
    with pytest.raises(UserError, match="pseudonym"):
        WearerBook(tmp_path, locked="Anna Schmidt")


def test_forgetting_takes_the_goals_and_leaves_those_of_others(tmp_path):
    book = WearerBook(tmp_path)
    for name in ("K7", "K70"):
        book.aim(name, GOAL)
    book.choose("K7", NOW)
    done = forgetting.forget(tmp_path, "K7")  # known by goals alone: no session yet
    assert done.complete, done.lines
    assert done.tables == [book.path]
    assert list(json.loads(book.path.read_text())["wearers"]) == ["K70"]
    assert book.present(NOW) == ""
    forgetting.forget(tmp_path, "K70")
    assert not book.path.exists()
    with pytest.raises(UserError, match="no session of wearer 'K7'"):
        forgetting.forget(tmp_path, "K7")
