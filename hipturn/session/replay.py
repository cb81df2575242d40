"""A recorded session again, through the same tracker that live uses."""

from __future__ import annotations

from typing import cast

from analysis.calibrate.given_axes import GivenAxes
from analysis.calibrate.hold_pose import AnyCalibration
from analysis.session import analyse as sessions
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
from imu.fuse.orientation import FilterName
from imu.recording import Session


def replay(session: Session, speed: float | None) -> None:
    """Show a session in the terminal; `speed` 1 is real time, None as fast as it goes.

    Raises
    ------
    imu.recording.SessionError
        When the session cannot be read.
    """
    exercise = exercise_of(session)
    tracker, refusals = tracker_of(session)
    display = open_display(exercise, f"{exercise.name} — {session.header.session_id}")
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
