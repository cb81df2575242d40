"""What goes wrong while the wearer exercises, said aloud: slipped straps, headings, silence.

The thigh unit sees the femur turn too, less by what its skin lags behind, and in proportion. So the
two ways to the rotation, by the shank's knee axis and by the thigh unit alone, keep to one line
through the start pose; a strap that slips leaves it and stays off it. A unit that turns about the
vertical without tilting, because its strap slipped round an upright limb or its heading was
disturbed, leaves the common heading that the knee's hinge shows. Both are looked at in the start
position only: on the way to it and off it straps are touched and limbs go anywhere.

From an alarm on, `Shift` holds what it makes of the angle. When the leg rests in the start pose
again, which both units show, the zero is renewed there.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from analysis.angle.leg_angles import LegAngles
from analysis.count.in_place import AWAY, ROLL_SEEN_MAX_RAD, START
from analysis.exercises import ROLLS, Exercise
from analysis.leg import LegCalibration
from imu.quaternion import Number, Numbers

LOOKS_HZ = 10.0
STILL_RAD_S = math.radians(6.0)
STILL_S = 0.4
# Before the wearer has shown how much the thigh's skin follows, any usual share is believed.
GAIN, GAIN_SPREAD = 0.7, 0.25
GAIN_FROM_RAD = math.radians(10.0)
GAIN_COUNT = 2
OFF_LINE_RAD = math.radians(6.0)
OFF_LINE_SHARE = 0.05
REST_RAD = math.radians(6.0)
DRIFT_RAD_S = math.radians(0.2)
"""What the headings of two common units drift against each other at most."""
TURNED_RAD = math.radians(8.0)
TILTED_RAD = math.radians(8.0)
TILT_SHARE = 0.17
"""Of a tilted knee axis, what it makes of the start pose's angle: a strap turned by 35° about the
shank put it 2 to 6° off."""
TILT_UNSEEN, TILT_TOLD = 1.2, 0.7
"""A tilt is larger than its alarm sees, because the common heading follows it. A turn of the hip is
told too small by one minus its cosine, and so much of that is one σ."""
RESTS_RAD = math.radians(3.0)
"""A leg that the thigh unit has so near to the start pose is back in it."""
AT_ONCE_S = 1.6
"""A strap slips within so long; a leg that stayed where it was has not moved there and back."""
LONG_S = 5.0
"""Who keeps still for longer rests, unless holds are to be longer."""
RENEWED_RAD = math.radians(1.5)
"""1 σ of a zero by one return, and how far two rests that show the same zero may differ."""
TURNED_S = 0.5
BACK_S = 3.0
"""Who comes back lets the headings find together first: their time constant is 2 s."""
SILENT_S = 1.0
AWAY_DEG = 8.0
OUTWARDS_COUNT = 2
AGAIN_S = {"silent": 30.0, "heading": 30.0, "renewed": 0.0}
"""How soon the same alarm may be said again; the others are said once."""

TEXTS = {
    "slip": "the strap on the {segment} slipped: in the start position the two units differ by"
    " {deg:.0f}°; tighten it and calibrate again",
    "tilt": "the knee axis is {deg:.0f}° from where it was against the thigh: a strap slipped;"
    " tighten it and calibrate again",
    "heading": "the units turned against each other by {deg:.0f}° about the vertical: a strap"
    " slipped round the limb, or something magnetic is near; check both and calibrate again",
    "renewed": "the zero was renewed in the start position, where the angle was {deg:.0f}° off"
    " after a strap slipped; to be sure, tighten it and calibrate again",
    "wrong_way": "the first repetitions go the other way: turn the foot outwards, check which leg"
    " wears the units, and that left and right are not exchanged",
    "silent": "the {segment} unit is silent: bring it closer, or check that it is switched on",
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something a person should mend."""

    time_s: float
    kind: str
    """A key of `TEXTS`."""
    text: str
    words: tuple[tuple[str, float | str], ...] = ()
    """What is filled in, for other languages."""


class Shift(NamedTuple):
    """What straps that slipped make of the angle, as far as it was seen; radians."""

    zero: float = 0.0
    """What the start pose reads too much, as its renewed zero has it."""
    sigma: float = 0.0
    """1 σ of what the start pose reads."""
    share: float = 0.0
    """1 σ of a turn away from it, as a share of the turn."""
    is_open: bool = False
    """Whether a strap is known to have slipped, and no renewed zero holds all that it did."""


NO_SHIFT = Shift()


def without_shift(
    angles: LegAngles[Number], zero: Number, of: Numbers[Number]
) -> LegAngles[Number]:
    """Return angles whose rotation counts from a renewed zero, `Shift.zero`; 0 changes nothing."""
    renewed = of.wrap(angles.rotation - zero)
    return angles._replace(rotation=of.where(zero == 0.0, angles.rotation, renewed))


def sigma_shift(from_start: Number, sigma: Number, share: Number, of: Numbers[Number]) -> Number:
    """Return the 1 σ (rad) of what slips make of an angle, by how far it is from the start pose.

    `sigma` and `share` are those of a `Shift`.
    """
    return of.hypot(sigma, share * abs(of.wrap(from_start)))


class _Still(NamedTuple):
    """A short stillness: the rotation from the start pose as each unit has it, rad."""

    time_s: float
    """When it ended."""
    shank: float
    thigh: float
    """By the thigh unit, with what its skin lags made up for."""


class WhichStrap:
    """Tells whose strap slipped, the thigh's or the shank's, from stillnesses since then.

    Either way the two units tell apart rotations. Who kept still while it slipped kept one of the
    two. Else the one is right that has the leg's rest in the start pose: the near end of a
    repetition, or a stillness that is longer than any hold.
    """

    def __init__(self, before: _Still | None, way: float, rest_s: float) -> None:
        """Take the last stillness before, the way of repetitions (±1), and how long no hold is (s).

        Where they may go either way, the way is 0.
        """
        self.stills: list[_Still] = []
        self._before, self._way, self._rest_s = before, way, rest_s

    def push(self, still: _Still, quiet_from_s: float) -> str | None:
        """Take a stillness, and since when the leg has kept still; return the segment if told."""
        self.stills.append(still)
        before, self._before = self._before, None
        if before is not None and still.time_s - before.time_s <= AT_ONCE_S:
            thigh_moved = abs(still.thigh - before.thigh)
            shank_moved = abs(still.shank - before.shank)
            if min(thigh_moved, shank_moved) <= RESTS_RAD:
                return "shank" if thigh_moved < shank_moved else "thigh"
        ends = [still]
        if still.time_s - quiet_from_s < self._rest_s:
            shanks = [self._way * one.shank for one in self.stills]
            if max(shanks) - min(shanks) < REST_RAD:
                return None
            ends = [
                min(self.stills, key=lambda one: self._way * one.shank),
                min(self.stills, key=lambda one: self._way * one.thigh),
            ]
        by_shank, by_thigh = abs(ends[0].shank), abs(ends[-1].thigh)
        if min(by_shank, by_thigh) > RESTS_RAD:
            return None
        return "shank" if by_thigh < by_shank else "thigh"


class AlarmWatch:
    """Watches one leg from its calibration on, a few times a second."""

    def __init__(self, calibration: LegCalibration, exercise: Exercise, rate_hz: float) -> None:
        self._start = calibration.start_rotation_rad
        self.every = max(1, round(rate_hz / LOOKS_HZ))
        """Only each so many-th frame is to be pushed."""
        self.shift = NO_SHIFT
        """What slips make of this frame, and, where its zero is another one, of the next."""
        self._across = calibration.across_rad
        self._drifts = exercise.angle == "heading"
        self._moves_thigh = exercise.moves_thigh
        self._direction = Direction(calibration, exercise)
        self._still: list[tuple[float, float]] = []
        self._still_from: float | None = None
        self._before: tuple[float, float] | None = None
        self._away_s = -math.inf
        self._line_at: tuple[float, float] | None = (calibration.zeroed_s, 0.0)
        self._turned: deque[float] = deque(maxlen=round(TURNED_S * LOOKS_HZ))
        self._tilted: deque[float] = deque(maxlen=round(TURNED_S * LOOKS_HZ))
        self._gains: deque[float] = deque(maxlen=15)
        self._seen_rad = 0.0
        """The largest tilt or turn of the knee's axis so far."""
        self._zero_from: float | None = None
        """The zero of the last rest, while one is to be renewed."""
        self._renews = False
        self._slipped: WhichStrap | None = None
        """A slip of which it is not known yet whose strap it was."""
        self._unslipped = NO_SHIFT
        """What was known before it."""
        self._kept: _Still | None = None
        """The last stillness in which the units kept to their line."""
        self._line_rad = 0.0
        """Where the line is by gravity: elsewhere once the thigh's strap slipped."""
        self._quiet_from = math.inf
        one_way = not (exercise.both_ways or exercise.moves_thigh)
        self._way = ROLLS.get(exercise.signal, 0.0) if one_way else 0.0
        self._rest_s = max(LONG_S, 2.0 * exercise.dose.hold_s[1])
        self._heard_s: dict[str, float] = {}
        self._said_s: dict[str, float] = {}

    def push(
        self, time_s: float, angles: LegAngles[float], where: int, known: tuple[bool, bool]
    ) -> Alarm | None:
        """Take one frame and say what is wrong, one thing at a time.

        `known` says whether thigh and shank have an orientation.
        """
        found = self._silence(time_s, known)
        lost = angles.lost == 1.0
        if lost:  # units have drifted against each other meanwhile; the next rest shows how far
            self._line_at = self._before = None
        seen = all(known) and where != AWAY and not lost
        if seen and self._direction.push(angles.rotation) and not self._said("slip"):
            found = found or self._say(time_s, "wrong_way")
        if where == AWAY and all(known):  # a hole is no absence
            self._away_s = time_s
        if not seen or (self._moves_thigh and where != START):
            self._still_from, self._quiet_from = None, math.inf
            self._still.clear()
            self._turned.clear()
            self._tilted.clear()
            return found
        if time_s - self._away_s >= BACK_S:
            found = found or self._turn(time_s, angles, where) or self._tilt(time_s, angles)
        return found or self._line(time_s, angles)

    def _silence(self, time_s: float, known: tuple[bool, bool]) -> Alarm | None:
        for segment, here in zip(("thigh", "shank"), known, strict=True):
            heard_s = self._heard_s.setdefault(segment, time_s)
            if here:
                self._heard_s[segment] = time_s
            elif time_s - heard_s > SILENT_S:
                return self._say(time_s, "silent", about=segment, segment=segment)
        return None

    def _turn(self, time_s: float, angles: LegAngles[float], where: int) -> Alarm | None:
        """Look for a turn of one unit against the other about the vertical."""
        # elsewhere the limb may lie the other way up, where the hinge shows another heading
        residual = angles.hinge_residual if where == START else math.nan
        off = _lasting(self._turned, residual, TURNED_RAD)
        if off < TURNED_RAD:
            return None
        if not self._drifts:
            self._tilted_by(off)
        return self._say(time_s, "heading", deg=math.degrees(off))

    def _tilt(self, time_s: float, angles: LegAngles[float]) -> Alarm | None:
        """Look for a knee axis that is no longer across the thigh."""
        off = _lasting(self._tilted, angles.across - self._across, TILTED_RAD)
        if off < TILTED_RAD:
            return None
        self._tilted_by(off)
        return self._say(time_s, "tilt", deg=math.degrees(off))

    def _tilted_by(self, off_rad: float) -> None:
        """Take that the knee's axis is so far off, and unsure what the start pose reads."""
        if off_rad <= self._seen_rad + RENEWED_RAD:
            return
        self._seen_rad, shift = off_rad, self.shift
        share = TILT_TOLD * (1.0 - math.cos(TILT_UNSEEN * off_rad))
        sigma = max(shift.sigma, TILT_SHARE * off_rad)
        self.shift = Shift(shift.zero, sigma, max(shift.share, share), is_open=True)
        self._renews = True

    def _line(self, time_s: float, angles: LegAngles[float]) -> Alarm | None:
        """Look whether thigh and shank still tell of the same rotation."""
        # a steep thigh hides its roll from gravity
        hidden = not self._drifts and abs(angles.thigh_elevation) > ROLL_SEEN_MAX_RAD
        if hidden or not angles.speed < STILL_RAD_S or math.isnan(angles.thigh_rotation):
            self._still_from, self._quiet_from = None, math.inf
            self._still.clear()
            return None
        self._quiet_from = min(self._quiet_from, time_s)
        if self._still_from is None:
            self._still_from = time_s
        self._still.append((angles.rotation, angles.thigh_rotation))
        if time_s - self._still_from < STILL_S:
            return None
        shank, thigh = (
            self._from_start(median(column)) for column in zip(*self._still, strict=True)
        )
        self._still_from = None
        self._still.clear()
        return self._judge(time_s, shank, thigh)

    def _from_start(self, angle: float) -> float:
        return math.remainder(angle - self._start, 2.0 * math.pi)

    def _gain(self, shank: float, thigh: float) -> tuple[float, float]:
        """Return how much of a turn the thigh's skin follows, and how far that may be off."""
        before, self._before = self._before, (shank, thigh)
        if before is not None and abs(shank - before[0]) > GAIN_FROM_RAD:
            # between two moments, so that a slip long before is not in it
            gain = (thigh - before[1]) / (shank - before[0])
            if abs(gain - GAIN) < 1.5 * GAIN_SPREAD:
                self._gains.append(gain)
        learned = len(self._gains) >= GAIN_COUNT
        return (median(self._gains), 0.0) if learned else (GAIN, GAIN_SPREAD)

    def _judge(self, time_s: float, shank: float, thigh: float) -> Alarm | None:
        gain, spread = self._gain(shank, thigh)
        if self._line_at is None:
            if abs(shank) <= REST_RAD:
                self._line_at = (time_s, thigh - gain * shank)
            return None
        reference, allowed = self._reference(time_s, self._line_at)
        # headings drift apart by more than half a turn
        thigh = reference + math.remainder(thigh - reference, 2.0 * math.pi)
        by_thigh = (thigh - reference) / gain
        if self._slipped is not None:
            return self._tell_apart(time_s, _Still(time_s, shank, by_thigh), gain)
        if self._renews and abs(by_thigh) <= RESTS_RAD:
            renewed = self._renew(time_s, shank - by_thigh)
            if renewed is not None:
                return renewed
        before, self._kept = self._kept, _Still(time_s, shank, by_thigh)
        if min(abs(shank), abs(thigh - reference)) > REST_RAD:
            return None  # away from rest nobody could tell which of the two it was
        line = thigh - gain * shank
        off = abs(line - reference)
        limit = math.hypot(OFF_LINE_RAD + OFF_LINE_SHARE * abs(shank), allowed)
        if off <= limit:
            self._line_at = (time_s, line)
        if off <= math.hypot(limit, spread * shank):
            return None
        self._slipped, self._unslipped = WhichStrap(before, self._way, self._rest_s), self.shift
        sigma = max(self.shift.sigma, off / gain)
        self.shift = self.shift._replace(sigma=sigma, is_open=True)
        renewed = self._tell_apart(time_s, self._kept, gain)
        segment = "thigh or shank"
        if self._slipped is None:
            segment = "shank" if self._renews else "thigh"
        said = self._say(time_s, "slip", segment=segment, deg=math.degrees(off))
        return said or renewed

    def _tell_apart(self, time_s: float, still: _Still, gain: float) -> Alarm | None:
        """Take a stillness since a slip; once it is known whose strap it was, renew that zero."""
        assert self._slipped is not None  # noqa: S101 (asked before)
        segment = self._slipped.push(still, self._quiet_from)
        if segment is None:
            return None
        stills, self._slipped, self._kept = self._slipped.stills, None, None
        if segment == "thigh":  # it does not carry the angle
            self.shift = self._unslipped
            reference = gain * (still.thigh - still.shank)
            self._line_rad += reference
            if self._line_at is not None:
                self._line_at = (time_s, self._line_at[1] + reference)
            self._said_s.pop("slip", None)
            return None
        self._renews = True
        for rest in stills:
            if abs(rest.thigh) <= RESTS_RAD:
                if rest is still:  # the leg rests now, which is where counting may go on
                    return self._renew(time_s, rest.shank - rest.thigh)
                self._zero_from = rest.shank - rest.thigh
        return None

    def _renew(self, time_s: float, zero: float) -> Alarm | None:
        """Renew the zero where two rests in the start pose show the same one; say if it moved."""
        before, self._zero_from = self._zero_from, zero
        if before is None or abs(zero - before) > RENEWED_RAD:
            return None
        self._zero_from, self._renews = None, False
        moved, shift = (zero + before) / 2.0, self.shift
        is_moved = abs(moved) > RENEWED_RAD
        renewed = math.remainder(shift.zero + moved, 2.0 * math.pi) if is_moved else shift.zero
        self.shift = Shift(renewed, RENEWED_RAD, shift.share, is_open=shift.share > 0.0)
        if not is_moved:
            return None
        self._before = self._kept = None
        self._said_s.pop("slip", None)
        return self._say(time_s, "renewed", deg=abs(math.degrees(moved)))

    def _reference(self, time_s: float, line_at: tuple[float, float]) -> tuple[float, float]:
        """Return where the line should be and by how much it may have drifted: nothing by gravity.

        By heading the two units drift against each other, so that only a step tells.
        """
        if not self._drifts:
            return self._line_rad, 0.0
        seen_s, line = line_at
        return line, DRIFT_RAD_S * (time_s - seen_s)

    def _said(self, kind: str) -> bool:
        return any(key.startswith(kind) for key in self._said_s)

    def _say(self, time_s: float, kind: str, about: str = "", **words: float | str) -> Alarm | None:
        key = kind + about
        if time_s - self._said_s.get(key, -math.inf) < AGAIN_S.get(kind, math.inf):
            return None
        self._said_s[key] = time_s
        return Alarm(time_s, kind, TEXTS[kind].format(**words), tuple(words.items()))


def fell_silent(segment: str, silent_s: float, end_s: float) -> Alarm | None:
    """Say that a unit was not heard again before a recording ended at `end_s`."""
    if silent_s <= SILENT_S:
        return None
    text = TEXTS["silent"].format(segment=segment)
    return Alarm(end_s, "silent", text, (("segment", segment),))


class Direction:
    """Tells whether the first repetitions go inwards: the sign of the knee axis rests on it.

    Sensors alone cannot tell a leg from its mirror image. The first two movements away from the
    start pose tell: both outwards, and the sign is wrong, or left and right are exchanged.
    """

    def __init__(self, calibration: LegCalibration, exercise: Exercise) -> None:
        self._start = calibration.start_rotation_rad
        self._counted_way = ROLLS.get(exercise.signal, 0.0)
        self._away = math.radians(max(AWAY_DEG, exercise.min_range_deg / 2.0))
        self._farthest = 0.0
        self._outwards = 0
        self.proved = not self._counted_way  # an elevation tells of no side

    def push(self, rotation: float) -> bool:
        """Take an angle; return whether the first two movements both went the other way."""
        if self.proved:
            return False
        off = self._counted_way * math.remainder(rotation - self._start, 2.0 * math.pi)
        if abs(off) > max(abs(self._farthest), self._away):
            self._farthest = off
        elif self._farthest and abs(off) < abs(self._farthest) / 2.0:  # and back
            self.proved = self._farthest > 0.0
            self._outwards += 1
            self._farthest = 0.0
            return not self.proved and self._outwards == OUTWARDS_COUNT
        return False


def _lasting(last: deque[float], value: float, least: float) -> float:
    """Return how far from zero, on one side, all of the last values are.

    0 where one is unknown, and where the newest is nearer than `least`.
    """
    if math.isnan(value):
        last.clear()
        return 0.0
    last.append(value)
    if -least < value < least or len(last) < (last.maxlen or 0):
        return 0.0
    return max(min(last), -max(last), 0.0)
