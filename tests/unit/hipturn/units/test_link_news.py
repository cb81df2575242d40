"""What a session says of its units: how they connect, their batteries, and who sends too little."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace

import pytest
from rich.console import Console

from analysis import exercises
from hipturn.errors import UserError
from hipturn.session.terminal import DrawnDisplay
from hipturn.units.link_news import LinkNews
from hipturn.units.unit_setup import until_all_stream
from hipturn.words import words_of
from imu.air.link_state import LinkEvent, LinkEventKind, LinkState
from imu.sample import Segment, Side, Unit

THIGH = Unit(segment=Segment.THIGH, side=Side.RIGHT, rate_hz=60.0)
SHANK = Unit(segment=Segment.SHANK, side=Side.RIGHT, rate_hz=60.0)


class Session:
    """Keeps what is said and recorded."""

    def __init__(self):
        self.display = self.tracker = self
        self.units = [THIGH, SHANK]
        self.said, self.events, self.breaks = [], [], []

    def say(self, text):
        self.said.append(text)

    def event(self, kind, host_time_ns, **more):
        self.events.append((kind, more))

    def lost(self, unit, host_time_ns):
        self.breaks.append(unit)

    def reconnected(self, unit, host_time_ns):
        pass


def told(*events):
    """Return what a session says of events (unit, kind or state, more)."""
    session = Session()
    news = LinkNews(session, lambda: session.say("Stand still."))
    for unit, what, *more in events:
        if isinstance(what, LinkState):
            event = LinkEvent(unit, LinkEventKind.STATE, 0, what)
        else:
            value = more[0] if more and isinstance(more[0], int) else None
            text = more[0] if more and isinstance(more[0], str) else ""
            event = LinkEvent(unit, what, 0, LinkState.STREAMING, text, value)
        news.note(event)
    return session, news


def test_a_unit_is_named_as_people_corrected_where_it_is_worn():
    session, news = told()
    session.units = [replace(unit, side=Side.LEFT) for unit in session.units]
    news.note(LinkEvent(1, LinkEventKind.LOST, 0, LinkState.SEARCHING, "lost"))
    assert session.said == ["left shank: lost"]


def test_nobody_is_asked_to_stand_still_before_every_unit_streams():
    session, _ = told(
        (0, LinkState.CONNECTING),
        (1, LinkState.CONNECTING),
        (0, LinkState.STARTING),
        (0, LinkEventKind.CONNECTED),
        (1, LinkState.SEARCHING),
        (1, LinkState.CONNECTING),
        (1, LinkEventKind.CONNECTED),
    )
    assert session.said == [
        "right thigh: connecting",
        "right shank: connecting",
        "right thigh: streaming (1 of 2)",
        "right shank: searching",
        "right shank: connecting",
        "right shank: streaming (2 of 2)",
        "Stand still.",
    ]


def test_a_battery_is_spoken_of_at_first_and_at_15_and_5_percent():
    charges = (40, 39, 16, 15, 14, 6, 5, 4)
    session, _ = told(*((1, LinkEventKind.BATTERY, charge) for charge in charges))
    assert session.said == [
        "right shank: battery 40 %",
        "right shank: battery at 15 %: charge it after this session",
        "right shank: battery at 5 %: charge it now",
    ]


def test_a_battery_that_is_low_from_the_start_is_said_once():
    session, _ = told((0, LinkEventKind.BATTERY, 12), (0, LinkEventKind.BATTERY, 11))
    assert session.said == ["right thigh: battery at 12 %: charge it after this session"]


def test_data_that_cannot_be_read_is_said_and_recorded_with_its_cause():
    text = "sends data that cannot be read in part (30 of 300 messages: cut in the middle): …"
    session, news = told((0, LinkEventKind.UNREADABLE, text))
    assert session.said == [f"right thigh: {text}"]
    news.ended([{}, {"not_unit": 20, "too_short": 3, "other_message": 7}], 9)
    assert session.events[-1] == (
        "unread",
        {
            "unit": 1,
            "unread": 23,
            "cause": "zeros or other numbers in place of an orientation, shorter than its profile"
            " says",
        },
    )


def test_a_lost_link_is_known_to_who_waits_for_the_unit():
    session, _ = told((1, LinkEventKind.LOST, "gone"))
    assert session.breaks == [1]


def test_the_number_in_the_terminal_ages_and_the_last_picture_stays(monkeypatch):
    now_s = [100.0]
    display = DrawnDisplay(
        exercises.load("prone_windshield_wiper"), "title", words_of(), lambda: now_s[0]
    )
    display._live.stop()

    def drawn():
        paper = io.StringIO()
        Console(width=60, file=paper).print(display._draw())
        return paper.getvalue()

    display.show(_Update())
    assert "no data" not in drawn()
    assert "█▀▀▀" in drawn()
    now_s[0] += 1.5
    assert "no data for 2 s" in drawn()
    assert "█▀▀▀" not in drawn(), "an old number would be taken for the angle now"
    display.close()
    assert "█▀▀▀" in drawn()


class _Leg:
    phase, hold_s, reps, rotation_deg, signal_deg, sigma_deg = "up", 0.0, 3, 25.0, 25.0, 1.0


class _Update:
    time_s, announcements = 12.0, ()
    legs = {Side.RIGHT: _Leg()}  # noqa: RUF012


class _Link:
    def __init__(self, state):
        self.state = state


def test_a_unit_that_never_streams_ends_the_wait_with_a_sentence():
    links = [_Link(LinkState.STREAMING), _Link(LinkState.CONNECTING)]
    with pytest.raises(UserError) as caught:
        asyncio.run(until_all_stream(links, ["right thigh", "right shank"], limit_s=0.2))
    assert str(caught.value) == (
        "no samples of the right shank unit within 0 s: switch it off and on, bring it within 5 m,"
        " and begin again"
    )
