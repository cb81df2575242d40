"""What goes wrong while the wearer exercises, said aloud: slipped straps, headings, silence, rate.

The thigh unit sees the femur turn too, less by what its skin lags behind, and in proportion. So the
two ways to the rotation, by the shank's knee axis and by the thigh unit alone, keep to one line
through the start pose; a strap that slips leaves it and stays off it. A unit that turns about the
vertical without tilting, because its strap slipped round an upright limb or its heading was
disturbed, leaves the common heading that the knee's hinge shows. Both are looked at in the start
position only: on the way to it and off it straps are touched and limbs go anywhere.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from statistics import median

from analysis.calibration import LegCalibration
from analysis.fusion import LegAngles
from analysis.posture import Posture

LOOKS_HZ = 10.0
STILL_RAD_S = math.radians(6.0)
STILL_S = 0.4
# Before the wearer has shown how much the thigh's skin follows, any usual share is believed.
GAIN, GAIN_SPREAD = 0.7, 0.25
GAIN_FROM_RAD = math.radians(10.0)
GAIN_COUNT = 3
OFF_LINE_RAD = math.radians(7.0)
OFF_LINE_SHARE = 0.08
TURNED_RAD = math.radians(8.0)
TURNED_S = 0.5
SILENT_S = 1.0
RATE_MIN_HZ = 22.0
RATE_WATCH_S = 5.0
AGAIN_S = 30.0
"""The same alarm is not said more often."""

TEXTS = {
    "slip": "the strap on the {segment} slipped: in the start position the two units differ by"
    " {deg:.0f}°; tighten it and calibrate again",
    "heading": "the units turned against each other by {deg:.0f}° about the vertical: a strap"
    " slipped round the limb, or something magnetic is near; check both and calibrate again",
    "wrong_way": "the first repetitions go the other way: turn the foot outwards, check which leg"
    " wears the units, and that left and right are not exchanged",
    "silent": "the {segment} unit is silent: bring it closer, or check that it is switched on",
    "slow": "only {hz:.0f} samples a second arrive: bring the units closer or set a higher rate",
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something a person should mend."""

    time_s: float
    kind: str
    """A key of `TEXTS`."""
    text: str


class AlarmWatch:
    """Watches one leg from its calibration on, a few times a second."""

    def __init__(self, calibration: LegCalibration, rate_hz: float) -> None:
        self._start = calibration.start_rotation_rad
        self._rate_hz = rate_hz
        self.every = max(1, round(rate_hz / LOOKS_HZ))
        """Only each so many-th frame is to be pushed."""
        self.slip_rad = 0.0
        """By how much the shank's strap slipped, as far as it was seen: the angle is off by it."""
        self._still: list[tuple[float, float]] = []
        self._still_from: float | None = None
        self._turned: deque[float] = deque(maxlen=round(TURNED_S * LOOKS_HZ))
        self._gains: deque[float] = deque(maxlen=15)
        self._heard_s: dict[str, float] = {}
        self._complete: deque[float] = deque(maxlen=round(RATE_WATCH_S * LOOKS_HZ))
        self._said_s: dict[str, float] = {}

    def push(
        self,
        time_s: float,
        angles: LegAngles,
        where: Posture,
        known: tuple[bool, bool],
        interpolated: bool,
    ) -> Alarm | None:
        """Take one frame and say what is wrong, one thing at a time.

        `known` says whether thigh and shank have an orientation, `interpolated` whether one of them
        was filled in between samples.
        """
        found = self._silence(time_s, known) or self._rate(time_s, known, interpolated)
        if not all(known) or where == Posture.AWAY:
            self._still_from = None
            self._still.clear()
            self._turned.clear()
            return found
        return found or self._turn(time_s, angles) or self._line(time_s, angles, where)

    def wrong_way(self, time_s: float) -> Alarm | None:
        """Say that the first repetitions went the other way."""
        return self._say(time_s, "wrong_way")

    def _silence(self, time_s: float, known: tuple[bool, bool]) -> Alarm | None:
        for segment, here in zip(("thigh", "shank"), known, strict=True):
            heard_s = self._heard_s.setdefault(segment, time_s)
            if here:
                self._heard_s[segment] = time_s
            elif time_s - heard_s > SILENT_S:
                return self._say(time_s, "silent", about=segment, segment=segment)
        return None

    def _rate(self, time_s: float, known: tuple[bool, bool], interpolated: bool) -> Alarm | None:
        if not all(known):
            return None
        self._complete.append(0.0 if interpolated else 1.0)
        if len(self._complete) < (self._complete.maxlen or 0):
            return None
        rate_hz = self._rate_hz * sum(self._complete) / len(self._complete)
        return self._say(time_s, "slow", hz=rate_hz) if rate_hz < RATE_MIN_HZ else None

    def _turn(self, time_s: float, angles: LegAngles) -> Alarm | None:
        """Look for a turn of one unit against the other about the vertical."""
        if math.isnan(angles.hinge_residual):
            self._turned.clear()
            return None
        self._turned.append(angles.hinge_residual)
        if len(self._turned) < (self._turned.maxlen or 0):
            return None
        smallest = min(self._turned) if self._turned[-1] > 0 else -max(self._turned)
        if smallest < TURNED_RAD:
            return None
        return self._say(time_s, "heading", deg=math.degrees(abs(self._turned[0])))

    def _line(self, time_s: float, angles: LegAngles, where: Posture) -> Alarm | None:
        """Look whether thigh and shank still tell of the same rotation."""
        still = angles.speed < STILL_RAD_S and where == Posture.START
        if not still or math.isnan(angles.thigh_rotation):
            self._still_from = None
            self._still.clear()
            return None
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

    def _judge(self, time_s: float, shank: float, thigh: float) -> Alarm | None:
        learned = len(self._gains) >= GAIN_COUNT
        gain, spread = (median(self._gains), 0.0) if learned else (GAIN, GAIN_SPREAD)
        off = abs(thigh - gain * shank) - spread * abs(shank)
        if off <= OFF_LINE_RAD + OFF_LINE_SHARE * abs(shank):
            if abs(shank) > GAIN_FROM_RAD:
                self._gains.append(thigh / shank)
            return None
        if abs(thigh) > abs(shank):
            return self._say(time_s, "slip", about="thigh", segment="thigh", deg=math.degrees(off))
        self.slip_rad = max(self.slip_rad, abs(off) / gain)
        return self._say(time_s, "slip", about="shank", segment="shank", deg=math.degrees(off))

    def _say(self, time_s: float, kind: str, about: str = "", **words: float | str) -> Alarm | None:
        key = kind + about
        if time_s - self._said_s.get(key, -math.inf) < AGAIN_S:
            return None
        self._said_s[key] = time_s
        return Alarm(time_s, kind, TEXTS[kind].format(**words))
