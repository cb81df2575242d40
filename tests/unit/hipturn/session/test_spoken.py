"""What is announced, in words."""

from __future__ import annotations

import pytest

from analysis.exercises import load
from analysis.session.announcements import Announcement, Kind
from hipturn.server.hub import Hub
from hipturn.server.page_display import PageDisplay
from hipturn.session.spoken import sentence
from imu.sample import Side

CHAIR = load("seated_internal_rotation")


@pytest.mark.parametrize("kind", list(Kind))
def test_every_announcement_has_words_that_name_the_leg(kind):
    said = Announcement(kind, 3.0, Side.LEFT, set=1, rep=2, value=4.0, text="a strap slipped")
    assert sentence(said, CHAIR).startswith("left")


def test_an_alarm_is_said_in_its_own_words():
    said = Announcement(Kind.ALARM, 3.0, Side.RIGHT, reason="slip", text="a strap slipped")
    assert sentence(said, CHAIR) == "right leg: a strap slipped"
    assert said.to_event()["text"] == "a strap slipped"


class _Tracker:
    sides = (Side.RIGHT,)


def test_the_page_hears_alarms_and_cues_and_leaves_seconds_to_itself(monkeypatch):
    heard = []
    monkeypatch.setattr(Hub, "happened", lambda _, what, **more: heard.append((what, more)))
    screen = PageDisplay(Hub(), _Tracker(), CHAIR, 10)
    for kind in (Kind.ALARM, Kind.HOLD_SECOND, Kind.BREATH_IN):
        screen._announce(Announcement(kind, 3.0, Side.RIGHT, value=2.0, text="a strap slipped"))
    assert [what for what, _ in heard] == ["alarm", "cue"]
    assert heard[0][1]["text"] == "right leg: a strap slipped"
