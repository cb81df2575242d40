"""Joins the rooms: samples → one time base → angles, repetitions, holds.

`Tracker` is the streaming core that live and replay use, one sample at a time; `read_recording`
prepares a whole session for `analysis.session.analyse.analyse`. Both see the same frames.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, cast

from analysis import exercises
from analysis.calibrate.given_axes import GivenAxes
from analysis.calibrate.guide import BENDS_ASKED, Guide, GuideUpdate, Step
from analysis.calibrate.guide_given import GivenGuide
from analysis.calibrate.hold_pose import AnyCalibration, PoseCalibration
from analysis.count.sets import CommonNumbers
from analysis.exercises import Dose, Exercise, parse
from analysis.leg import LegCalibration, Spans, Windows
from analysis.session.analyse import counted_spans
from analysis.session.announcements import Announcement, Announcer
from analysis.session.counting import start_level_deg
from analysis.session.holds_and_timers import HoldMonitor, TimerMonitor
from analysis.session.leg_monitor import LegMonitor, LegUpdate, Monitor
from analysis.session.recording import LegUnits, Recording, leg_units, mounts_of
from analysis.session.stored import StoredCalibration, stored_calibrations
from hipturn.errors import printable
from hipturn.session_paths import SESSION_FILE
from hipturn.words import Said
from imu.clocks.losses import losses
from imu.clocks.rate_watch import rate_troubles
from imu.clocks.timeline import Timeline, align, until_last_complete
from imu.clocks.unit_times import Reconnects
from imu.fuse.host_fusion import HostFusion, with_orientations
from imu.fuse.orientation import FilterName
from imu.fuse.own_rate import OwnRate
from imu.quaternion import IDENTITY
from imu.recording import Session, SessionError
from imu.recording.edits import calibrated_units, edited_marks
from imu.sample import Clock, Frame, Sample, SampleTable, Side, Unit
from imu.screening import Screening


class Update(NamedTuple):
    """What one frame brought."""

    time_s: float
    frame: Frame
    legs: Mapping[Side, LegUpdate]
    """Of every leg that is calibrated."""
    guided: Mapping[Side, GuideUpdate]
    """Of every leg whose calibration moved on."""
    announcements: tuple[Announcement, ...] = ()
    """What to say, write down and sound, in this order."""


class Tracker:
    """From samples to hip angles and repetitions, one sample at a time.

    Give it calibrations (`use`) or let it guide the wearer through one (`guided`). It reads no
    clock: time advances with the samples, so the same samples give the same updates.
    """

    def __init__(
        self,
        units: Sequence[Unit],
        clock: Clock,
        exercise: Exercise,
        *,
        guided: bool = False,
        orientation_filter: FilterName = "vqf",
        marks: Sequence[tuple[float, str]] = (),
        reconnects: Reconnects = (),
        given: Mapping[Side, GivenAxes] | None = None,
        broken: Reconnects = (),
    ) -> None:
        """Prepare for the units of a session and one exercise.

        A leg whose axes are `given` is guided to its start position and one knee bend only.

        `marks` say which sets count; `reconnects` are the units and host times (ns) from which on
        a unit's clock may have restarted, `broken` those at which a unit's link broke, from the
        recording's events.
        """
        self.exercise = exercise
        self.units = units
        self._screening = Screening(len(units))
        self._fusion = HostFusion(units, orientation_filter)
        self._timeline = Timeline(units, clock)
        self._legs = leg_units(units)
        self._rate_hz = max(unit.rate_hz for unit in units)
        self._marks = marks
        self._reconnects = sorted(reconnects, key=lambda reconnect: reconnect[1], reverse=True)
        self._broken = sorted(broken, key=lambda event: event[1], reverse=True)
        self._waiting: dict[Side, AnyCalibration] = {}
        self._monitors: dict[Side, Monitor] = {}
        self._announcer = Announcer(exercise)
        self.corrected: Callable[[Side, LegUpdate], LegUpdate] | None = None
        """What a leg shows as people corrected it afterwards; None shows what was measured."""
        self._frame: Frame | None = None
        """The last one."""
        self._common = (
            CommonNumbers() if exercise.both_legs and len(self._legs) == len(Side) else None
        )
        self._given = dict(given or {}) if exercise.is_counted else {}
        self._guides = (
            {leg.side: self._guide(leg) for leg in self._legs}
            if guided and exercise.needs_calibration
            else {}
        )
        if exercise.is_timed:
            spans = counted_spans(marks, 0.0)
            self._monitors = {side: TimerMonitor(exercise, spans) for side in self.sides}

    @property
    def sides(self) -> tuple[Side, ...]:
        """Return the legs that are measured."""
        return tuple(leg.side for leg in self._legs)

    @property
    def steps(self) -> dict[Side, Step]:
        """Return what each guided leg is asked for."""
        return {side: guide.step for side, guide in self._guides.items()}

    @property
    def calibrations(self) -> dict[Side, LegCalibration]:
        """Return the calibrations that angles come from now."""
        return {
            side: monitor.calibration
            for side, monitor in self._monitors.items()
            if monitor.calibration is not None
        }

    @property
    def is_following(self) -> bool:
        """Say whether a leg, a hold or a time is followed by now, so that it can be paused."""
        return bool(self._monitors)

    @property
    def start_levels_deg(self) -> dict[Side, float]:
        """Return the angle of each calibrated leg's start pose, where counting starts from."""
        return {
            side: start_level_deg(calibration, self.exercise)
            for side, calibration in self.calibrations.items()
        }

    def bends_asked(self, side: Side) -> int:
        """Return how many knee bends a leg's calibration asks for."""
        guide = self._guides.get(side)
        return BENDS_ASKED if guide is None else guide.bends_asked

    def _guide(self, leg: LegUnits) -> Guide:
        worn, given = leg.thigh is not None, self._given.get(leg.side)
        rate_hz, mounts = self._rate_hz, mounts_of(self.units, leg)
        if given is not None:
            return GivenGuide(given, self.exercise, rate_hz, thigh_worn=worn, mounts=mounts)
        return Guide(self.exercise, leg.side, rate_hz, thigh_worn=worn, mounts=mounts)

    def units_of(self, side: Side) -> LegUnits:
        """Return which units a leg is measured by."""
        return next(leg for leg in self._legs if leg.side is side)

    def stop_counting(self, time_s: float) -> None:
        """Count no movement after an instant, as a mark `set_end` there would."""
        for monitor in self._monitors.values():
            monitor.stop_counting(time_s)

    def count_from(self, time_s: float) -> None:
        """Count movements after an instant, as a new set, as a mark `set_start` there would."""
        for monitor in self._monitors.values():
            monitor.count_from(time_s)

    def use(self, calibration: AnyCalibration) -> None:
        """Take a calibration; angles begin after its `ready_s`."""
        self._waiting[calibration.side] = calibration

    def new_epoch(self, unit: int) -> None:
        """Say that a unit was reconnected: from its next sample on its clock may have restarted."""
        self._fusion.new_epoch(unit)
        self._timeline.new_epoch(unit)

    def broken(self, unit: int, host_time_ns: int) -> None:
        """Say that a unit's link broke: it is not waited for until its next sample."""
        self._broken.insert(0, (unit, host_time_ns))

    def push(self, sample: Sample) -> list[Update]:
        """Take one sample and return what the frames that it completes bring."""
        while self._broken and self._broken[-1][1] <= sample.host_time_ns:
            self._timeline.broken(self._broken.pop()[0])
        while self._reconnects and self._reconnects[-1][1] <= sample.host_time_ns:
            self.new_epoch(self._reconnects.pop()[0])
        counted = self._screening.push(sample)
        if counted is None:
            return []
        oriented = self._fusion.push(counted)
        return [self._update(frame) for frame in self._timeline.push(oriented)]

    def own_rate(self, unit: int) -> OwnRate | None:
        """Return what the clock of a raw unit showed, None until it is measured."""
        return self._fusion.own_rate(unit)

    @property
    def dropped(self) -> dict[str, int]:
        """Return how many samples did not count, by reason."""
        return dict(self._screening.dropped)

    def finish(self) -> list[Update]:
        """End the stream: return the last updates.

        The very last is of the same frame as the one before it and tells what was still open.
        """
        updates = [self._update(frame) for frame in self._timeline.flush()]
        last = {
            side: self._monitors[side].finish() for side in self.sides if side in self._monitors
        }
        legs = {side: leg for side, leg in last.items() if leg is not None}
        if self._frame is not None:
            told = self._told(self._frame, legs, {})
            updates += [told] if told.announcements else []
        return updates

    def _update(self, frame: Frame) -> Update:
        legs: dict[Side, LegUpdate] = {}
        guided: dict[Side, GuideUpdate] = {}
        for leg in self._legs:
            side, q = leg.side, frame.q
            thigh = IDENTITY if leg.thigh is None else q[leg.thigh]
            pelvis = None if leg.pelvis is None else q[leg.pelvis]
            monitor = self._monitor(side, frame.time_s)
            if monitor is not None:
                legs[side] = monitor.push(
                    frame.time_s, thigh, q[leg.shank], frame.interpolated, pelvis
                )
            elif side in self._guides:
                news = self._guides[side].push(frame.time_s, thigh, q[leg.shank], pelvis)
                if news is not None:
                    guided[side] = news
                    ready = news.hold or (news.result.calibration if news.result else None)
                    if news.step is Step.READY and ready is not None:
                        self.use(ready)
        self._frame = frame
        return self._told(frame, legs, guided)

    def _told(
        self, frame: Frame, legs: dict[Side, LegUpdate], guided: dict[Side, GuideUpdate]
    ) -> Update:
        if self.corrected is not None:
            legs = {side: self.corrected(side, leg) for side, leg in legs.items()}
        said = [a for side, leg in legs.items() for a in self._announcer.push(side, leg)]
        return Update(frame.time_s, frame, legs, guided, tuple(said))

    def _monitor(self, side: Side, time_s: float) -> Monitor | None:
        waiting = self._waiting.get(side)
        if waiting is not None and time_s > waiting.ready_s:
            del self._waiting[side]
            spans = counted_spans(self._marks, waiting.ready_s)
            self._monitors[side] = self._monitor_of(waiting, spans)
        return self._monitors.get(side)

    def _monitor_of(self, waiting: AnyCalibration, spans: Spans) -> Monitor:
        if isinstance(waiting, PoseCalibration):
            return HoldMonitor(waiting, self.exercise, spans)
        return LegMonitor(waiting, self.exercise, self._rate_hz, spans, self._common)


def read_recording(session: Session, orientation_filter: FilterName | None = None) -> Recording:
    """Return a session as analysis wants it: oriented, on one time base, with marks and losses.

    Raises
    ------
    imu.recording.SessionError
        When the session cannot be read, or its exercise is unknown.
    """
    entry = exercise_of(session)  # before the samples are read
    calibrations = calibrations_of(session)
    header = session.header
    name = orientation_filter or cast("FilterName", header.orientation_filter or "vqf")
    reconnects = reconnects_of(session)
    table, own_rates = with_orientations(session.table(), header.units, name, reconnects)
    lost = losses(table, header.units, reconnects)
    declared = declared_of(session)
    return Recording(
        session_id=header.session_id,
        wearer=header.wearer,
        started_at=header.start_text(),
        exercise=header.exercise,
        units=header.units,
        frames=until_last_complete(
            align(table, header.units, header.clock, reconnects, broken_of(session)), header.units
        ),
        marks=marks_of(session),
        calibrations=calibrations or None,
        lost_percent=100.0 * max((loss.share for loss in lost), default=0.0),
        longest_gap_s=max((loss.longest_gap_s for loss in lost), default=0.0),
        silent_s=tuple(loss.silent_s for loss in lost),
        notes=(
            *map(printable, header.notes),
            *rate_sentences(table, own_rates, header.units),
            *_dropped_sentences(session),
            *session.edit_problems,
            *_unread_sentences(session),
            *(printable(str(e["text"])) for e in session.events() if e["type"] == "misread"),
        ),
        active=declared.get("active"),
        is_test=bool(declared.get("test", False)),
        dose=dose_of(session),
        own=entry if declared.get("exercise") else None,
        windows=_windows_of(session),
        edits=session.edits,
    )


def _windows_of(session: Session) -> dict[Side, Windows]:
    """Return when each leg calibrated, where an edit has its calibration made anew."""
    before, header = session.recorded.calibration or {}, session.header
    found: dict[Side, Windows] = {}
    for event in session.events():
        told, side = event.get("windows"), event.get("side")
        if event["type"] != "calibration" or side not in before or not isinstance(told, dict):
            continue
        shank = calibrated_units(session.recorded, side)["shank"]  # worn on that leg, or the other
        now = None if shank is None else header.units[shank].side
        if now is not None and now not in (header.calibration or {}):
            steps = {
                n: (float(told[n][0]), float(told[n][1]))
                for n in ("stand", "pose", "bends")
                if n in told
            }
            found[now] = Windows(**steps)
    return found


def exercise_of(session: Session) -> Exercise:
    """Return what a session's wearer does, with the dose that a plan asked for.

    Raises
    ------
    imu.recording.SessionError
        When this version has no such exercise; the error names the session.
    """
    try:
        own = own_of(session)
        return (own or exercises.load(session.header.exercise)).with_dose(dose_of(session))
    except exercises.CatalogueError as error:
        problem, _, remedy = str(error).partition(": ")
        raise SessionError(session.path / SESSION_FILE, problem, remedy) from None


def own_of(session: Session) -> Exercise | None:
    """Return the exercise of the user's own that a session brings with it; None: the catalogue's.

    Raises
    ------
    analysis.exercises.CatalogueError
        Listing every problem of the copy.
    """
    stored = declared_of(session).get("exercise")
    return parse(stored, session.header.exercise) if isinstance(stored, dict) else None


def calibrations_of(session: Session) -> dict[Side, StoredCalibration]:
    """Return the calibration of each leg that a session keeps.

    Raises
    ------
    imu.recording.SessionError
        When a field is missing or wrong; names every one.
    """
    try:
        return stored_calibrations(session.header.calibration)
    except ValueError as error:
        raise SessionError(
            session.path / SESSION_FILE,
            f"the calibration cannot be used: {error}",
            "remove `calibration` from it to have the session calibrated from its own data",
        ) from None


def declared_of(session: Session) -> dict[str, Any]:
    """Return what was said of a session before it began, as corrected; empty where nothing was."""
    said = next((event for event in session.events() if event["type"] == "declared"), {})
    if session.header.exercise != session.recorded.exercise:
        said = {name: v for name, v in said.items() if name not in ("dose", "exercise")}
    return said


def dose_of(session: Session) -> Dose | None:
    """Return the dose that a plan asked for; None where the exercise's own counts."""
    stored = declared_of(session).get("dose")
    dose = Dose.from_json(stored) if stored else None
    for edit in session.edits:
        if edit.kind == "dose":
            asked: dict[str, Any] = {n: v if n == "sets" else (v, v) for n, v in edit.value.items()}
            if "hold_s" in asked:
                asked["breaths"] = None
            dose = replace(dose or _own_dose(session), **asked, given=True)
    return dose


def _own_dose(session: Session) -> Dose:
    return (own_of(session) or exercises.load(session.header.exercise)).dose


def marks_of(session: Session) -> list[tuple[float, str]]:
    """Return the labelled moments of a session in order of time, its sets as they were trimmed."""
    events = session.events()
    marks = [(float(e["time_s"]), str(e.get("label"))) for e in events if e["type"] == "mark"]
    return edited_marks(marks, session.edits)


def reconnects_of(session: Session) -> list[tuple[int, int]]:
    """Return when which unit came back after its link was lost: unit and host time in ns."""
    return [
        (int(e["unit"]), int(e["host_time_ns"]))
        for e in session.events()
        if e["type"] == "reconnected"
    ]


def broken_of(session: Session) -> list[tuple[int, int]]:
    """Return when which unit's link was said to be lost: unit and host time in ns."""
    return [
        (int(e["unit"]), int(e["host_time_ns"]))
        for e in session.events()
        if e["type"] == "link" and e.get("what") == "lost"
    ]


def rate_sentences(
    table: SampleTable, own_rates: Mapping[int, OwnRate], units: Sequence[Unit]
) -> list[str]:
    """Return what is to be said of units that do not send as they were set to."""
    own = {index: own_rate.sentence(units[index]) for index, own_rate in own_rates.items()}
    said = rate_troubles(table, units) | {i: sentence for i, sentence in own.items() if sentence}
    return [sentence for _, sentence in sorted(said.items())]


def _unread_sentences(session: Session) -> list[str]:
    """Return, for each unit, how many of its messages could not be read and why."""
    units = session.header.units
    return [
        Said(
            "note.unread",
            count=e["unread"],
            unit=units[int(e["unit"])].label,
            cause=printable(str(e["cause"])),
        )
        for e in session.events()
        if e["type"] == "unread" and 0 <= int(e["unit"]) < len(units)
    ]


def _dropped_sentences(session: Session) -> list[str]:
    dropped = session.dropped.items()
    said = [Said("note.dropped", count=count, reason=reason) for reason, count in dropped]
    return [*said, Said("note.cut")] if session.cut else [*said]


def rotation_text(rotation_deg: float) -> str:
    """Return an angle for reading at a distance: whole degrees, or dashes when refused."""
    return "– –" if math.isnan(rotation_deg) else f"{round(rotation_deg)}°"
