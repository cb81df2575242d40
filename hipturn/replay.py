"""Replay a session from Python: `tracker_of`."""

from hipturn.session.replay import tracker_of

__all__ = ["tracker_of"]
