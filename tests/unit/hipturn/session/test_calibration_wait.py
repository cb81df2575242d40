"""A calibration that never comes is asked for again, and ends with a sentence."""

from __future__ import annotations

from analysis import exercises
from hipturn.session import live
from hipturn.session.live import LiveSession
from hipturn.session.pipeline import Tracker
from imu.quaternion import FLOATS, from_axis_angle
from imu.sample import Sample, Segment, Side, Unit

EXERCISE = exercises.load("prone_windshield_wiper")
RATE_HZ = 10.0
UNITS = [
    Unit(segment=segment, side=Side.RIGHT, rate_hz=RATE_HZ)
    for segment in (Segment.THIGH, Segment.SHANK)
]


class Screen:
    def __init__(self):
        self.said, self.time_s = [], 0.0

    def show(self, update):
        self.time_s = update.time_s

    def say(self, text):
        self.said.append((round(self.time_s / 10.0) * 10, text))


class Writer:
    header = None

    def __init__(self):
        self.events = []

    def write(self, sample):
        """Nothing is kept."""

    def event(self, event):
        self.events.append(event)


def held(seconds, *, recorded=True):
    """Return what is said to units that never keep still, and when they are let go (s)."""
    screen, writer, done = Screen(), Writer() if recorded else None, []
    session = LiveSession(Tracker(UNITS, "independent", EXERCISE, guided=True), screen, writer)
    session.when_done = lambda: done.append(screen.time_s)
    for number in range(round(seconds * RATE_HZ)):
        q = from_axis_angle((0.0, 0.0, 1.0), 0.5 * number, FLOATS)
        for unit in range(2):
            session.take(Sample(unit, round(number / RATE_HZ * 1e9), None, None, q))
    said = [(at_s, text) for at_s, text in screen.said if "samples a second" not in text]
    return said, done, writer


def test_what_a_calibration_waits_for_is_said_again_and_has_an_end(monkeypatch):
    assert (live.AGAIN_S, live.GIVE_UP_S) == (60.0, 600.0)
    monkeypatch.setattr(live, "GIVE_UP_S", 180.0)
    said, done, writer = held(200.0)
    again = "Still waiting: Stand still, feet forward."
    over = (
        "No leg was calibrated within 3 minutes, so the session ends: read how it is done"
        " (`hipturn exercises prone_windshield_wiper`), check that the units are on the leg, and"
        " begin again."
    )
    assert said == [(60 * n, again) for n in (1, 2)] + [(180, over)]
    assert len(done) == 1
    assert [event["text"] for event in writer.events if event["type"] == "ended"] == [over]


def test_a_replay_waits_for_nothing():
    assert held(70.0, recorded=False)[:2] == ([], [])
