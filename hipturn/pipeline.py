"""Where the rooms meet: samples → one time base → angles, repetitions, holds.

`Tracker` is the streaming core that live and replay use, one sample at a time; `read_recording`
prepares a whole session for `analysis.sessions.analyse`. Both see the same frames.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

from analysis.calibration import LegCalibration
from analysis.exercises import Exercise
from analysis.guide import Guide, GuideUpdate, Step
from analysis.monitor import LegMonitor, LegUpdate, Numbered, start_level_deg
from analysis.recording import Recording
from analysis.sessions import counted_spans, leg_units
from imu.host_fusion import HostFusion, with_orientations
from imu.lanes import Reconnects
from imu.losses import losses
from imu.orientation import FilterName
from imu.recording import Session
from imu.sample import Clock, Frame, Sample, Side, Unit
from imu.screening import Screen
from imu.timeline import Timeline, align, until_last_complete


class Update(NamedTuple):
    """What one frame brought."""

    time_s: float
    frame: Frame
    legs: Mapping[Side, LegUpdate]
    """Of every leg that is calibrated."""
    guided: Mapping[Side, GuideUpdate]
    """Of every leg whose calibration moved on."""


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
    ) -> None:
        """Prepare for the units of a session and one exercise.

        `marks` say which sets count; `reconnects` are the units and host times (ns) from which on
        a unit's clock may have restarted, as a recording tells them.
        """
        self.exercise = exercise
        self._screen = Screen(len(units))
        self._fusion = HostFusion(units, orientation_filter)
        self._timeline = Timeline(units, clock)
        self._legs = leg_units(units)
        self._rate_hz = max(unit.rate_hz for unit in units)
        self._marks = marks
        self._reconnects = sorted(reconnects, key=lambda reconnect: reconnect[1], reverse=True)
        self._waiting: dict[Side, LegCalibration] = {}
        self._monitors: dict[Side, LegMonitor] = {}
        self._guides = (
            {side: Guide(exercise, side, self._rate_hz) for side, _, _ in self._legs}
            if guided
            else {}
        )

    @property
    def sides(self) -> tuple[Side, ...]:
        """Return the legs that have both units."""
        return tuple(side for side, _, _ in self._legs)

    @property
    def steps(self) -> dict[Side, Step]:
        """Return what each guided leg is asked for."""
        return {side: guide.step for side, guide in self._guides.items()}

    @property
    def calibrations(self) -> dict[Side, LegCalibration]:
        """Return the calibrations that angles come from now."""
        return {side: monitor.calibration for side, monitor in self._monitors.items()}

    @property
    def start_levels_deg(self) -> dict[Side, float]:
        """Return the angle of each calibrated leg's start pose, where counting starts from."""
        return {
            side: start_level_deg(calibration, self.exercise)
            for side, calibration in self.calibrations.items()
        }

    def unit_indices(self, side: Side) -> tuple[int, int]:
        """Return which units are on the thigh and the shank of a leg."""
        return next((thigh, shank) for leg, thigh, shank in self._legs if leg is side)

    def stop_counting(self, time_s: float) -> None:
        """Count no movement after an instant, as a mark `set_end` there would."""
        for monitor in self._monitors.values():
            monitor.stop_counting(time_s)

    def count_from(self, time_s: float) -> None:
        """Count movements after an instant, as a new set, as a mark `set_start` there would."""
        for monitor in self._monitors.values():
            monitor.count_from(time_s)

    def use(self, calibration: LegCalibration) -> None:
        """Take a calibration; angles begin after its `ready_s`."""
        self._waiting[calibration.side] = calibration

    def new_epoch(self, unit: int) -> None:
        """Say that a unit was reconnected: from its next sample on its clock may have restarted."""
        self._timeline.new_epoch(unit)

    def push(self, sample: Sample) -> list[Update]:
        """Take one sample and return what the frames that it completes bring."""
        while self._reconnects and self._reconnects[-1][1] <= sample.host_time_ns:
            self.new_epoch(self._reconnects.pop()[0])
        counted = self._screen.push(sample)
        if counted is None:
            return []
        oriented = self._fusion.push(counted)
        return [self._update(frame) for frame in self._timeline.push(oriented)]

    @property
    def dropped(self) -> dict[str, int]:
        """Return how many samples did not count, by reason."""
        return dict(self._screen.dropped)

    def finish(self) -> tuple[list[Update], dict[Side, Numbered]]:
        """End the stream: return the last updates, and each leg's movement that was still open."""
        updates = [self._update(frame) for frame in self._timeline.flush()]
        ended = {side: monitor.finish() for side, monitor in self._monitors.items()}
        return updates, {side: last for side, last in ended.items() if last is not None}

    def _update(self, frame: Frame) -> Update:
        legs: dict[Side, LegUpdate] = {}
        guided: dict[Side, GuideUpdate] = {}
        for side, thigh, shank in self._legs:
            monitor = self._monitor(side, frame.time_s)
            if monitor is not None:
                legs[side] = monitor.push(
                    frame.time_s, frame.q[thigh], frame.q[shank], frame.interpolated
                )
            elif side in self._guides:
                news = self._guides[side].push(frame.time_s, frame.q[thigh], frame.q[shank])
                if news is not None:
                    guided[side] = news
                    if news.step is Step.READY and news.result and news.result.calibration:
                        self.use(news.result.calibration)
        return Update(frame.time_s, frame, legs, guided)

    def _monitor(self, side: Side, time_s: float) -> LegMonitor | None:
        waiting = self._waiting.get(side)
        if waiting is not None and time_s > waiting.ready_s:
            del self._waiting[side]
            self._monitors[side] = LegMonitor(
                waiting,
                self.exercise,
                self._rate_hz,
                counted_spans(self._marks, waiting.ready_s),
            )
        return self._monitors.get(side)


def read_recording(
    session: Session, orientation_filter: FilterName | None = None, *, refine: bool = False
) -> Recording:
    """Return a session as analysis wants it: oriented, on one time base, with marks and losses.

    With `refine` the clocks are those of the whole recording (exact lower hull), not live ones.

    Raises
    ------
    imu.recording.SessionError
        When the session cannot be read.
    """
    header = session.header
    name = orientation_filter or cast("FilterName", header.orientation_filter or "vqf")
    table = with_orientations(session.table(), header.units, name)
    reconnects = reconnects_of(session)
    lost = losses(table, header.units, reconnects)
    stored = header.calibration or {}
    return Recording(
        session_id=header.session_id,
        wearer=header.wearer,
        started_at=header.started_at.isoformat(timespec="milliseconds"),
        exercise=header.exercise,
        units=header.units,
        frames=until_last_complete(
            align(table, header.units, header.clock, reconnects, refine=refine)
        ),
        marks=marks_of(session),
        calibrations={Side(s): LegCalibration.from_json(c) for s, c in stored.items()} or None,
        lost_percent=100.0 * max((loss.share for loss in lost), default=0.0),
        longest_gap_s=max((loss.longest_gap_s for loss in lost), default=0.0),
        notes=(*header.notes, *_dropped_sentences(session)),
    )


def marks_of(session: Session) -> list[tuple[float, str]]:
    """Return the labelled moments of a session in order of time."""
    events = session.events()
    marks = [(float(e["time_s"]), str(e.get("label"))) for e in events if e["type"] == "mark"]
    return sorted(marks)


def reconnects_of(session: Session) -> list[tuple[int, int]]:
    """Return when which unit came back after its link was lost: unit and host time in ns."""
    return [
        (int(e["unit"]), int(e["host_time_ns"]))
        for e in session.events()
        if e["type"] == "reconnected"
    ]


def _dropped_sentences(session: Session) -> list[str]:
    said = [f"{count} samples were dropped: {reason}" for reason, count in session.dropped.items()]
    if session.cut:
        said.append("the recording's end was cut off; everything before is here")
    return said


def rotation_text(rotation_deg: float) -> str:
    """Return an angle for reading at a distance: whole degrees, or dashes when refused."""
    return "– –" if math.isnan(rotation_deg) else f"{round(rotation_deg)}°"
