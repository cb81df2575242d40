"""A replay announces what was announced live, at the same moments."""

from __future__ import annotations

import pytest

from hipturn.session.live import LiveSession, paced
from hipturn.session.radio_session import Wish
from hipturn.session.replay import tracker_of
from hipturn.session.start import start_virtual
from imu.recording import open_session


class Listener:
    """A screen that keeps the announcements."""

    def __init__(self):
        self.heard = []

    def show(self, update):
        self.heard += [said.to_event() for said in update.announcements]

    def say(self, text):
        """Words for people are not compared."""

    def close(self):
        """Nothing is held."""


@pytest.mark.parametrize(
    "exercise", ["prone_rotation_test", "warrior_half_moon", "revolved_pyramid", "arm_bar"]
)
def test_a_replay_says_what_was_said_live(exercise, tmp_path, capsys):
    folder = start_virtual(Wish(exercise=exercise, root=str(tmp_path)), seed=2)
    session = open_session(folder)
    kinds = ("movement", "announcement")
    recorded = [event for event in session.events() if event["type"] in kinds]
    listener = Listener()
    tracker, _ = tracker_of(session)
    LiveSession(tracker, listener).drive(session.samples(), paced(None))
    assert listener.heard
    assert listener.heard == recorded
