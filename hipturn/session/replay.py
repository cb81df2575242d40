"""A recorded session again, through the same tracker that live uses."""

from __future__ import annotations

import math
from typing import cast

from analysis.calibrate.given_axes import GivenAxes
from analysis.calibrate.hold_pose import AnyCalibration
from analysis.session import analyse as sessions
from analysis.session.leg_monitor import LegUpdate
from analysis.session.recording import leg_units
from hipturn.session.live import LiveSession, paced, stoppable
from hipturn.session.pipeline import (
    Tracker,
    broken_of,
    calibrations_of,
    exercise_of,
    marks_of,
    read_recording,
    reconnects_of,
)
from hipturn.session.terminal import open_display
from hipturn.words import ENGLISH, words_of
from imu.fuse.orientation import FilterName
from imu.recording import Session
from imu.sample import Side

CORRECTED = ("reject", "accept", "bad_from")
"""Edits of what a leg shows, beside those of what the session is."""


class Corrected:
    """What a leg shows as people corrected it: the movements and numbers that the tables have."""

    def __init__(self, result: sessions.Result) -> None:
        """Take the session, analysed."""
        legs = result.edited.movements
        self._known = {(side, n.movement.announced_s): n for side in legs for n in legs[side]}
        self._bad_from_s = result.edited.bad_from_s
        self._is_counted = result.recording.entry.is_counted
        self._last = dict.fromkeys(legs, (0, 0))

    def __call__(self, side: Side, update: LegUpdate) -> LegUpdate:
        """Return what one frame of a leg brought, corrected."""
        announced = update.announced
        now = self._known.get((side, announced.announced_s)) if announced is not None else None
        if announced is not None and now is not None:
            m = now.movement
            announced = announced._replace(status=m.status, reason=m.reject_reason)
            if m.status == "valid":
                self._last[side] = now.set, now.rep
        completed = (self._known.get((side, n.movement.announced_s), n) for n in update.completed)
        update = update._replace(announced=announced, completed=tuple(completed))
        if self._is_counted:
            set_, rep = self._last[side]
            update = update._replace(set=set_, reps=rep)
        if update.time_s >= self._bad_from_s.get(side, math.inf):
            unknown = math.nan
            return update._replace(rotation_deg=unknown, sigma_deg=unknown, signal_deg=unknown)
        return update


def replay(session: Session, speed: float | None, language: str = ENGLISH) -> None:
    """Show a session in the terminal; `speed` 1 is real time, None as fast as it goes.

    Raises
    ------
    imu.recording.SessionError
        When the session cannot be read.
    """
    exercise = exercise_of(session)
    tracker, refusals = tracker_of(session)
    words = words_of(language)
    title = f"{words.says(exercise.name)} — {session.header.session_id}"
    display = open_display(exercise, title, words)
    try:
        for sentence in refusals:
            display.say(sentence)
        with stoppable():
            LiveSession(tracker, display).drive(session.samples(), paced(speed))
    finally:
        display.close()


def tracker_of(session: Session) -> tuple[Tracker, list[str]]:
    """Return a tracker with the session's calibrations, and why a leg has none.

    A session recorded live brings its calibrations; for others they are made from its marks or
    from what it shows, as `analyse` does.
    """
    header = session.header
    exercise = exercise_of(session)
    tracker = Tracker(
        header.units,
        header.clock,
        exercise,
        orientation_filter=cast("FilterName", header.orientation_filter or "vqf"),
        marks=marks_of(session),
        reconnects=reconnects_of(session),
        broken=broken_of(session),
    )
    refusals: list[str] = []
    if any(edit.kind in CORRECTED for edit in session.edits):
        tracker.corrected = Corrected(sessions.analyse(read_recording(session)))
    if not exercise.needs_calibration:
        return tracker, refusals
    stored = calibrations_of(session)
    made = {side: one for side, one in stored.items() if not isinstance(one, GivenAxes)}
    for one in made.values():
        tracker.use(one)
    anew = header.calibration != session.recorded.calibration
    if made and not anew:
        return tracker, refusals
    recording = read_recording(session)
    for units in leg_units(header.units):
        if units.side in made:
            continue
        side, frames = units.side, recording.leg(units)
        calibration: AnyCalibration | None
        if exercise.is_held:
            _, calibration, result = sessions.calibrate_hold(recording, frames, exercise, side)
        else:
            _, result = sessions.calibrate_leg(recording, frames, exercise, side)
            calibration = result.calibration
        refusals += [f"{side} leg: {sentence}" for sentence in result.sentences]
        if calibration is not None:
            tracker.use(calibration)
    return tracker, refusals
