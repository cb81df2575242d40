"""A session as it happens: source → recorder and tracker → display; closed whatever happens."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from analysis.calibrate.guide import GuideUpdate, Step
from analysis.exercises import Exercise
from analysis.session.announcements import Announcement
from hipturn.session.pipeline import Tracker, Update, broken_of, marks_of, reconnects_of
from hipturn.session.spoken import asked, told_of
from hipturn.session.terminal import Display
from hipturn.words import Said
from imu.clocks.rate_watch import RateWatch
from imu.conventions.gravity_witness import GravityWitness
from imu.recording import SessionWriter, open_session, units_of_leg
from imu.sample import Sample, Side, Unit

Pace = Callable[[int], None]
"""Waits until a sample's moment on the session's clock, given in nanoseconds."""
AGAIN_S = 60.0
"""A calibration says again what it waits for when nothing has happened for so long."""
GIVE_UP_S = 600.0
"""No calibration takes so long: nobody is there, or the units show nothing of the leg."""


class LiveSession:
    """Takes samples one at a time: records them, follows them, shows what they bring."""

    def __init__(
        self,
        tracker: Tracker,
        display: Display,
        writer: SessionWriter | None = None,
    ) -> None:
        """Join a tracker and a display, and a recorder when the session is new."""
        self.tracker, self.display, self.writer = tracker, display, writer
        self.when_done: Callable[[], None] = lambda: None
        """Called when the seconds are over, or nothing more can be measured."""
        self.reopen: Callable[[Tracker], Display] = lambda _: display
        """Returns the display of another tracker, in place of this one's."""
        self.follow: Callable[[Update], None] = lambda _: None
        """Called with every update, once it is shown and recorded."""
        self.seconds: float | None = None
        """How long the session is to be, by the times of its samples."""
        self.witnesses: Sequence[GravityWitness] = ()
        """Of every unit, in a session with real or virtual units."""
        self.misread = ""
        """What is wrong with a unit's profile, once that is certain: the session ends then."""
        self.samples = 0
        self.paused = False
        self._rates = RateWatch(tracker.units)
        self._unmeasured = set(range(len(tracker.units)))
        """Units of whose own rate nothing has been said."""
        self._wait: CalibrationWait | None = CalibrationWait() if writer is not None else None
        """For the calibration; None once a leg has one, and in a replay."""
        self._newest_ns = 0
        self._frame_s: float | None = None

    def take(self, sample: Sample) -> None:
        """Take one sample as it arrived."""
        self.samples += 1
        # Several links stamp on one clock but are worked off in turns: arrival never runs back.
        self._newest_ns = max(self._newest_ns, sample.host_time_ns)
        if sample.host_time_ns < self._newest_ns:
            sample = sample._replace(host_time_ns=self._newest_ns)
        if self.writer is not None:
            self.writer.write(sample)
        for update in self.tracker.push(sample):
            self._show(update)
        if self.writer is not None:
            self._watch_rate(sample)
            self._watch_gravity(sample)
        if self.seconds is not None and self._newest_ns * 1e-9 >= self.seconds:
            self.when_done()

    def _watch_rate(self, sample: Sample) -> None:
        """Say, in a new session, which unit does not send at the rate it was set to."""
        unit, own = sample.unit, ""
        own_rate = self.tracker.own_rate(unit) if unit in self._unmeasured else None
        if own_rate is not None:
            self._unmeasured.remove(unit)
            own = own_rate.sentence(self.tracker.units[unit])
        for text in (own, self._rates.push(unit, self._newest_ns * 1e-9)):
            if text:
                self.display.say(text)
                self.event("rate", self._newest_ns, unit=unit, text=text)

    def _watch_gravity(self, sample: Sample) -> None:
        """Say which unit its profile reads wrongly; end the session once that is certain."""
        doubt = self.witnesses[sample.unit].push(sample) if self.witnesses else None
        if doubt is None:
            return
        text = doubt.sentence(self.tracker.units[sample.unit].label)
        self.display.say(text)
        self.event("misread", self._newest_ns, unit=sample.unit, text=text)
        if doubt.is_final:
            self.misread = text
            self.when_done()

    def reconnected(self, unit: int, host_time_ns: int) -> None:
        """Mark that the unit's clock restarts at its next sample."""
        self.tracker.new_epoch(unit)
        self.event("reconnected", host_time_ns, unit=unit)

    def lost(self, unit: int, host_time_ns: int) -> None:
        """Note that a unit's link broke: it is not waited for until it is back."""
        self.tracker.broken(unit, max(host_time_ns, 0))

    def event(self, kind: str, host_time_ns: int, **more: Any) -> None:  # noqa: ANN401 (JSON)
        """Record an event other than a sample."""
        if self.writer is not None:
            at = max(host_time_ns, 0)
            self.writer.event({"type": kind, "time_s": at * 1e-9, "host_time_ns": at, **more})

    def mark(self, label: str) -> None:
        """Record a labelled moment: now, as far as it has been followed."""
        if self._frame_s is not None and self.writer is not None:
            at = {"time_s": self._frame_s, "host_time_ns": self._newest_ns}
            self.writer.event({"type": "mark", **at, "label": label})

    def pause(self) -> bool:
        """Count nothing from now on; return whether there was anything to pause.

        What is recorded goes on, and marks say where the sets were, so a replay counts alike.
        """
        if self.paused or self._frame_s is None or not self.tracker.is_following:
            return False
        self.mark("set_end")
        self.tracker.stop_counting(self._frame_s)
        self.paused = True
        return True

    def resume(self) -> None:
        """Count again, as a new set."""
        if self.paused and self._frame_s is not None:
            self.mark("set_start")
            self.tracker.count_from(self._frame_s)
            self.paused = False

    def reassign(self) -> None:
        """Take the units as worn as the session's edits have it now, from its first sample on.

        What is recorded is followed anew, so nobody stands or bends again.

        Raises
        ------
        imu.recording.SessionError
            When the recording cannot be read or written.
        """
        writer, old = self.writer, self.tracker
        if writer is None:
            return
        writer.flush()
        recorded = open_session(writer.folder)
        units = recorded.header.units
        self.tracker = Tracker(
            units,
            writer.header.clock,
            old.exercise,
            guided=True,
            marks=marks_of(recorded),
            reconnects=reconnects_of(recorded),
            broken=broken_of(recorded),
        )
        self.display.close()
        self.display = self.reopen(self.tracker)
        self._unmeasured = set(range(len(units)))
        for sample in recorded.samples():
            for update in self.tracker.push(sample):
                self._frame_s = update.time_s
                self._keep_calibrations(update)
                self.display.catch_up(update)
                self.follow(update)

    def drive(self, samples: Iterable[Sample], pace: Pace) -> None:
        """Take samples that are there already, at a pace, and finish."""
        for sample in samples:
            pace(sample.host_time_ns)
            self.take(sample)
        self.finish()

    def finish(self) -> None:
        """Show what was still open when the last sample came."""
        for update in self.tracker.finish():
            self._show(update)

    def _show(self, update: Update) -> None:
        self._frame_s = update.time_s
        self.display.show(update)
        for side, news in update.guided.items():
            self.display.say(told_of(side, news, self.tracker))
        self._keep_calibrations(update)
        self._wait_for_calibration(update)
        self._record(update.announcements)
        self.follow(update)

    def _keep_calibrations(self, update: Update) -> None:
        for side, news in update.guided.items():
            if self.writer is not None and news.step is Step.READY and news.result is not None:
                _record_calibration(self.writer, update.time_s, side, news, self.tracker.units)

    def _wait_for_calibration(self, update: Update) -> None:
        """Say again what the guide waits for; end a session that nobody calibrates."""
        wait, steps = self._wait, self.tracker.steps
        if wait is None:
            return
        if not steps or Step.READY in steps.values():
            self._wait = None
            return
        if update.guided:
            wait.heard(update.time_s)
        side, step = next(iter(steps.items()))
        exercise = self.tracker.exercise
        wanted = asked(step, exercise, self.tracker.bends_asked(side))
        if said := wait.see(update.time_s, wanted, exercise):
            self.display.say(said)
        if wait.is_over(update.time_s):
            self._wait = None
            self.event("ended", self._newest_ns, text=said)
            self.when_done()

    def _record(self, announcements: Iterable[Announcement]) -> None:
        if self.writer is not None:
            for announcement in announcements:
                self.writer.event(announcement.to_event())


class CalibrationWait:
    """Waits with the wearer for the calibration of the first leg; time is that of the samples."""

    def __init__(self) -> None:
        self._since_s: float | None = None
        self._again_s = math.inf

    def heard(self, time_s: float) -> None:
        """Take that a step was reached, or that an attempt was told why it did not pass."""
        self._since_s = time_s if self._since_s is None else self._since_s
        self._again_s = time_s + AGAIN_S

    def see(self, time_s: float, asked: str, exercise: Exercise) -> str:
        """Advance to a time; return what is to be said, mostly nothing.

        `asked` is what the wearer is asked for.
        """
        if self._since_s is None:
            self.heard(time_s)
        if self.is_over(time_s):
            return Said("led.gave_up", minutes=GIVE_UP_S / 60.0, exercise=exercise.id)
        if time_s < self._again_s:
            return ""
        self._again_s = time_s + AGAIN_S
        return Said("led.still_waiting", asked=asked)

    def is_over(self, time_s: float) -> bool:
        """Say whether it has taken too long."""
        return self._since_s is not None and time_s - self._since_s >= GIVE_UP_S


def _record_calibration(
    writer: SessionWriter, time_s: float, side: Side, news: GuideUpdate, units: Sequence[Unit]
) -> None:
    assert news.result is not None  # noqa: S101 (the step is READY)
    found = news.hold or news.result.calibration
    assert found is not None  # noqa: S101
    writer.event(
        {
            "type": "calibration",
            "time_s": time_s,
            "side": str(side),
            "windows": {
                name: getattr(news.windows, name)
                for name in ("stand", "pose", "bends")
                if getattr(news.windows, name)
            },
            "checks": {check.name: round(check.value, 4) for check in news.result.checks},
        }
    )
    own = {**found.to_json(), "units": units_of_leg(units, side)}
    writer.update(calibration={**(writer.header.calibration or {}), str(side): own})


def paced(speed: float | None) -> Pace:
    """Return a pace at a multiple of real time, or without waiting for None."""
    if speed is None:
        return lambda _: None
    begun = time.monotonic()

    def wait(host_time_ns: int) -> None:
        left = begun + host_time_ns * 1e-9 / speed - time.monotonic()
        if left > 0:
            time.sleep(left)

    return wait


@contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM end a session as Ctrl-C does: closed, not cut."""

    def stop(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
