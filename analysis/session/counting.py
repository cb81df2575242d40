"""Count what one leg does: from rows of its angle to numbered, measured movements.

This is all that counts. Live, each frame is a row as it comes; of a recording the angles are
computed at once, and then fed here row by row. What is announced is measured when it is announced:
the table has the same range and the same number.

What is counted is the hip's rotation, or what stands for it where two units cannot tell it. A proxy
is an angle that goes with the movement: how far the leg rolls, how high the thigh rises. It is
counted and shown under its own name, and the hip angle stays empty.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple, Protocol

from analysis.angle.leg_angles import LegAngles
from analysis.angle.uncertainty import sigma_roll
from analysis.count.circles import CircleMachine
from analysis.count.movement import NOTHING, Movement, Outcome, RepSettings
from analysis.count.repetition_machine import DOWN, LOST, REST, SETTLE, UP, RepMachine
from analysis.count.sets import GONE_S, SILENT_S, CommonNumbers, RepNumber, SetCounter
from analysis.exercises import ELEVATIONS, ROLLS, Exercise
from analysis.grade.grade import LEAD_S, RENEWED, Grader, MeasuredMovement, MovementSamples
from analysis.grade.strokes import Course, Reach, find_reach, find_strokes
from analysis.leg import LegCalibration, Spans
from imu.quaternion import Number, Numbers
from imu.sample import FloatArray

DEG = 180.0 / math.pi
SAMPLE_FIGURES = tuple(MovementSamples.__dataclass_fields__)
"""What is kept of each row that may become part of a movement, in order."""
KEEP_S, KEEP_UNTOLD_S = 90.0, 900.0
"""How much of the past is kept at rest, and of a movement that is not told yet."""
FORGET_EVERY_S = 1.0
"""At rest the past is given up so often."""
HOLDING_S = 0.3
"""Who has held for longer is told to hold, and not to go up or down."""
BELOW_DEG = 1.0
"""Where a trial goes outwards too, what is lower than this below the start counts as resting: the
way in is the repetition, and the way back from outside is none."""
ALWAYS: Spans = ((-math.inf, math.inf),)
NEVER = (math.inf, math.inf)


def signal_of(
    angles: LegAngles[Number], exercise: Exercise, of: Numbers[Number]
) -> tuple[Number, Number]:
    """Return the counted angle and its 1 σ, in degrees; the angle is NaN where it is refused."""
    sigma = angles.sigma
    if exercise.signal in ROLLS:
        value = ROLLS[exercise.signal] * angles.rotation
        sigma = of.hypot(sigma, sigma_roll(value, angles.knee_flexion, of))
    else:
        value = ELEVATIONS[exercise.signal] * angles.thigh_elevation
        # A steep thigh hides its roll, by one over this cosine, but not its elevation.
        sigma = sigma * of.cos(angles.thigh_elevation)
    return of.where(sigma <= exercise.max_sigma_deg / DEG, value * DEG, math.nan), sigma * DEG


def pelvis_share_deg(
    angles: LegAngles[Number], exercise: Exercise, before_deg: float, of: Numbers[Number]
) -> Number:
    """Return what the pelvis added to the counted angle, in degrees; 0 to what is no rotation.

    Where its unit has a gap it is the last known share, given as `before_deg` for the first frame.
    """
    share_deg = ROLLS.get(exercise.signal, 0.0) * angles.pelvis_rotation * DEG
    return of.hold(share_deg == share_deg, share_deg, before_deg)


def shift_deg(zero_rad: Number, exercise: Exercise) -> Number:
    """Return by how much (deg) a renewed zero, `Shift.zero`, has moved the counted angle."""
    return ROLLS.get(exercise.signal, 0.0) * zero_rad * DEG


def slip_share(sigma: Number, is_open: Any, of: Numbers[Number]) -> Number:  # noqa: ANN401
    """Return what a row is told of a slip, as `MovementSamples.shifted` has it.

    By `Shift.sigma` and `Shift.is_open`, a bool or an array of them.
    """
    return of.where(is_open, 1.0, of.where(sigma > 0.0, RENEWED, 0.0))


def start_level_deg(calibration: LegCalibration, exercise: Exercise) -> float:
    """Return the counted angle in the calibrated start pose, where counting starts from."""
    if exercise.signal in ELEVATIONS:
        return ELEVATIONS[exercise.signal] * calibration.thigh_elevation_rad * DEG
    if exercise.zero == "pose" or exercise.angle == "heading":
        return 0.0
    return ROLLS[exercise.signal] * calibration.start_rotation_rad * DEG


class Said(NamedTuple):
    """What people said of a movement afterwards."""

    measured_status: str = ""
    """What it was before, where they changed it."""
    kinds: tuple[str, ...] = ()
    pain: str = ""
    end_feel: str = ""
    note: str = ""


class Numbered(NamedTuple):
    """A completed movement with the set and the repetition number it got; 0 where it got none."""

    movement: MeasuredMovement
    set: int
    rep: int
    said: Said = Said()


class Told(NamedTuple):
    """What one row brought: a movement to announce, and those that are complete now."""

    announced: Movement | None
    completed: tuple[Numbered, ...]


NOTHING_TOLD = Told(None, ())


class Rows(Protocol):
    """What a leg did in the last while, a column for each of `SAMPLE_FIGURES`."""

    def between(self, start_s: float, end_s: float) -> Iterable[FloatArray]:
        """Return the columns (n,) of the rows from a time to another, both included."""

    def angles(self, start_s: float, end_s: float) -> Iterable[FloatArray]:
        """Return the first two of these columns, time and angle."""

    def forget(self, until_s: float) -> None:
        """Give up what is older than a time, if that saves anything."""


class CountedSpans:
    """The spans in which movements count, as time goes through them."""

    def __init__(self, spans: Iterable[tuple[float, float]]) -> None:
        self._next = deque(spans)
        self.start_s, self.end_s = self._taken()

    def hold(self, time_s: float) -> bool:
        """Say whether movements count at an instant, now or later."""
        if self.start_s < time_s <= self.end_s:
            return True
        return any(start_s < time_s <= end_s for start_s, end_s in self._next)

    def pass_on(self, time_s: float) -> None:
        """Go to the span that is open at an instant, or begins after it."""
        while time_s > self.end_s:
            self.start_s, self.end_s = self._taken()

    def stop(self, time_s: float) -> None:
        """End the span that is open at an instant."""
        if self.start_s < time_s < self.end_s:
            self.end_s = time_s

    def begin(self, time_s: float) -> None:
        """Begin a span after an instant."""
        self._next.append((time_s, math.inf))
        if (self.start_s, self.end_s) == NEVER:
            self.start_s, self.end_s = self._taken()

    def _taken(self) -> tuple[float, float]:
        return self._next.popleft() if self._next else NEVER


@dataclass(slots=True)
class _Open:
    """An announced movement that is not complete yet."""

    number: RepNumber
    reach: Reach


class Counting:
    """Counts one leg, one row at a time."""

    def __init__(
        self,
        calibration: LegCalibration,
        exercise: Exercise,
        counted_s: Spans,
        rows: Rows,
        common: CommonNumbers | None = None,
    ) -> None:
        """Count a calibrated leg; each span of `counted_s` begins a set.

        `common` is shared with the other leg where a repetition takes both.
        """
        self.spans = CountedSpans(counted_s)
        self._side = calibration.side
        self._rows = rows
        kind = CircleMachine if exercise.circles else RepMachine
        self._machine = kind(RepSettings.of(exercise), start_level_deg(calibration, exercise))
        start_deg = start_level_deg(calibration, exercise)
        self._floor_deg = start_deg - BELOW_DEG if exercise.both_ways else -math.inf
        self._grader = Grader(exercise)
        self._sets = SetCounter(exercise.dose.reps[1])
        self._common = common
        if common is not None:
            common.join(self._end)
        self._number = RepNumber(0)
        self._open: dict[float, _Open] = {}
        """Announced and not complete, by onset."""
        self._complete: deque[tuple[MeasuredMovement, RepNumber]] = deque()
        """Complete, in this order, while it is not known if the other leg took part."""
        self._announced: Movement | None = None
        self._last_s = self._zero_deg = 0.0
        self._seen_s, self._forget_s = math.inf, -math.inf
        self._has_ended = False

    def push(
        self,
        time_s: float,
        angle_deg: float,
        posture: int,
        shank_sine: float,
        zero_deg: float = 0.0,
    ) -> Told:
        """Take one row.

        Parameters
        ----------
        time_s
            Later than the last.
        angle_deg
            The angle that counts; NaN is a hole.
        posture
            A `Posture`, as it counts.
        shank_sine
            How high the foot is above the knee, for exercises in circles.
        zero_deg
            By how much a zero that was renewed has moved the angle. The leg rests where it changes,
            and what is counted goes on without a jump.
        """
        spans, machine = self.spans, self._machine
        if zero_deg != self._zero_deg:
            self._take(machine.begin_anew(time_s), time_s)
            self._zero_deg = zero_deg
        if time_s > spans.end_s:
            self._leave_span(time_s)
        if time_s > spans.start_s:
            self._last_s = time_s
            seen = angle_deg == angle_deg  # False where NaN
            if not seen or time_s - self._seen_s > SILENT_S:
                self._see_hole(time_s, seen=seen)
            if seen:
                self._seen_s = time_s
            lifted = self._floor_deg if angle_deg < self._floor_deg else angle_deg  # or NaN
            outcome = machine.push(time_s, lifted + zero_deg, posture, shank_sine)
            if outcome is not NOTHING:
                self._take(outcome, time_s)
            if machine.is_resting:
                self._rest(time_s, seen=seen)
            if self._common is not None and seen:
                self._common.see(self._side, time_s, is_moving=machine.is_under_way)
        if self._complete or self._announced is not None:
            return self._told()
        return NOTHING_TOLD

    def _see_hole(self, time_s: float, *, seen: bool) -> None:
        """Tell the sets of a hole in the angle that ends or lasts."""
        hole_s = time_s - self._seen_s
        if hole_s > SILENT_S and (seen or hole_s > GONE_S):
            self._sets.hide(hole_s)

    def _rest(self, time_s: float, *, seen: bool) -> None:
        """Take that no movement is under way: a set may end, and the past is given up."""
        if seen:
            self._sets.rest(time_s, absent=self._machine.is_absent)
        if time_s >= self._forget_s:
            untold_s = max(self._machine.untold_from_s - LEAD_S, time_s - KEEP_UNTOLD_S)
            self._rows.forget(min(time_s - KEEP_S, untold_s))
            self._forget_s = time_s + FORGET_EVERY_S

    def finish(self) -> Told:
        """End the recording; return what was still open."""
        if self._common is None:
            self._end()
        else:
            self._common.end()
        return self._told()

    def _end(self) -> None:
        """Close the movement under way; what it brings is told with `finish`."""
        if not self._has_ended:
            self._has_ended = True
            self._take(self._machine.finish(self._last_s), self._last_s)

    @property
    def set(self) -> int:
        """Return the set of the last repetition."""
        return self._number.set

    @property
    def rep(self) -> int:
        """Return the number of the last repetition in its set."""
        return self._number.rep

    @property
    def is_set_open(self) -> bool:
        """Say whether a set is under way."""
        return self._sets.is_open

    @property
    def held_s(self) -> float:
        """Return how long the leg has been holding near the peak of the movement under way."""
        return self._machine.held_s

    @property
    def phase(self) -> str:
        """Return the phase as the tables name it: rest, up, hold, down or away."""
        state = self._machine.state
        if state is UP or state is DOWN:
            if self._machine.held_s > HOLDING_S:
                return "hold"
            return "up" if state is UP else "down"
        if state is REST or state is LOST:
            return "rest"
        return "down" if state is SETTLE else "away"

    def _leave_span(self, time_s: float) -> None:
        """End a set where its span ends, and wait for the next."""
        self.spans.pass_on(time_s)
        self._take(self._machine.finish(self._last_s), self._last_s)
        self._sets.close()

    def _take(self, outcome: Outcome, now_s: float) -> None:
        announced, completed = outcome
        if announced is not None:
            self._announce(self._from_zero(announced), now_s)
        if completed is not None:
            self._measure(self._from_zero(completed), now_s)

    def _from_zero(self, movement: Movement) -> Movement:
        """Return a movement with its levels as the rows have them, from the renewed zero."""
        zero_deg = self._zero_deg
        return movement._replace(
            level_deg=movement.level_deg - zero_deg, anchor_deg=movement.anchor_deg - zero_deg
        )

    def _announce(self, movement: Movement, now_s: float) -> None:
        self._sets.announce(movement)
        course = Course.of(*self._rows.angles(movement.onset_s - LEAD_S, now_s))
        reach = find_reach(movement, course)
        if movement.status != "valid":
            number = RepNumber(self.set)
        elif self._common is None:
            number = self._number = RepNumber(self._sets.set, self._sets.announced)
        else:

            @cache
            def when() -> tuple[float, float]:
                strokes = find_strokes(movement, course, reach)
                return strokes.middle_s, strokes.whole_s

            number = self._number = self._common.announce(self._side, self._sets.set, when)
        self._open[movement.onset_s] = _Open(number, reach)
        self._announced = movement._replace(peak_s=reach.peak_s, range_deg=reach.rom_deg)

    def _measure(self, movement: Movement, now_s: float) -> None:
        known = self._open.pop(movement.onset_s, None)
        columns = self._rows.between(movement.onset_s - LEAD_S, now_s)
        samples = MovementSamples(**dict(zip(SAMPLE_FIGURES, columns, strict=True)))
        course = Course.of(samples.time_s, samples.angle_deg)
        reach = known.reach if known else find_reach(movement, course)
        strokes = find_strokes(movement, course, reach)
        measured = self._grader.measure(movement, samples, strokes)
        self._complete.append((measured, known.number if known else RepNumber(self.set)))

    def _told(self) -> Told:
        """Return what is to be announced, and what is complete and known to be alone or not."""
        announced, self._announced = self._announced, None
        completed: list[Numbered] = []
        while self._complete and self._complete[0][1].is_settled:
            movement, number = self._complete.popleft()
            if number.is_alone:
                movement = replace(movement, flags=(*movement.flags, "async"))
            completed.append(Numbered(movement, number.set, number.rep))
        return Told(announced, tuple(completed))
