"""Where the leg is, as far as counting goes: nothing is counted away from the start position.

A leg that does something foreign to its exercise is away, whatever its pose. And where a foot is to
stay on its place, a leg that comes back to the start position with the foot elsewhere is away until
it has stood there for a while: it has sat down, say, and not stepped down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import numpy as np

from analysis.angle.leg_angles import HINGE_LEVEL_MAX, LegAngles
from analysis.count.movement import RepSettings
from analysis.count.other_activity import Signature
from analysis.exercises import Exercise
from analysis.leg import LegCalibration
from imu.quaternion import ARRAYS, FLOATS, TWO_PI, Numbers
from imu.sample import BoolArray, FloatArray, IntArray

HINGE_SEEN_MAX = 0.95
"""With the knee axis steeper than this even a large change of the knee angle is not believed."""
KNEE_LOST_RAD = math.radians(50.0)
"""A knee that is off by more is in another movement."""
ROLL_TOLERANCE_RAD = math.radians(40.0)
"""A leg that is rolled by more lies another way, such as on the side instead of the back."""
ROLL_SEEN_MAX_RAD = math.radians(60.0)
"""A steeper thigh hides its roll."""
SHANK_TOLERANCE_RAD = math.radians(25.0)


class Posture(IntEnum):
    """How much of the start position the leg is in."""

    AWAY = 0
    THIGH = 1
    """The thigh is where the exercise wants it, or is meant to move; the rest may be on its way."""
    START = 2
    """The start position."""


# Plain numbers: comparing with members of an enumeration would double the time of a sample.
AWAY, THIGH, START = map(int, Posture)


def posture(
    angles: LegAngles[Any], calibration: LegCalibration, exercise: Exercise, of: Numbers[Any]
) -> Any:  # noqa: ANN401 (an int or an array of them)
    """Return the number of the `Posture` at an instant, or at each of n; unknown angles are AWAY.

    Measured against the calibrated start pose, not against the book's: thigh elevation, shank
    elevation, and the knee angle where gravity shows it.
    """
    thigh_max = math.radians(exercise.pose.thigh_tolerance_deg)
    knee_max = math.radians(exercise.pose.knee_tolerance_deg)
    off_shank = abs(angles.shank_elevation - calibration.shank_elevation_rad)
    if calibration.y_thigh is not None:
        off_thigh = abs(angles.thigh_elevation - calibration.thigh_elevation_rad)
        in_place = off_thigh <= thigh_max
    else:
        in_place = off_shank == off_shank  # False where NaN
    hinge_up = abs(angles.hinge_up)
    off_knee = abs(of.wrap(angles.knee_flexion - calibration.knee_flexion_rad))
    elsewhere = off_shank > SHANK_TOLERANCE_RAD
    elsewhere = elsewhere | ((hinge_up < HINGE_LEVEL_MAX) & (off_knee > knee_max))
    if exercise.angle == "gravity":
        off_roll = abs(of.wrap(angles.rotation - calibration.start_rotation_rad))
        steep = abs(angles.thigh_elevation) > ROLL_SEEN_MAX_RAD
        elsewhere = elsewhere | (off_roll > of.where(steep, math.inf, ROLL_TOLERANCE_RAD))
    near = of.where(elsewhere, THIGH, START)
    if exercise.moves_thigh:
        return of.where(in_place, near, THIGH)
    lost = (hinge_up < HINGE_SEEN_MAX) & (off_knee > KNEE_LOST_RAD)
    return of.where(lost, AWAY, of.where(in_place, near, AWAY))


STILL_RAD_S = math.radians(5.0)
STILL_S = 0.3
"""Who stands so still for so long shows where the foot is."""
ANEW_S = 2.0
"""Where it was not before, it takes this long."""
TILT_MAX_RAD = math.radians(10.0)
"""A shank over a foot that stays leans forwards by no more another time; on the way it may."""
ROLL_MAX_RAD = math.radians(12.0)
"""... and sideways."""


class Foothold:
    """Remembers how the shank stood over its foot; memory does not grow."""

    def __init__(self) -> None:
        self._stood: tuple[float, float] | None = None
        self._still_from = math.inf

    def push(
        self,
        time_s: float,
        where: int,
        tilt: float,
        roll: float,
        speed: float,
        fresh: bool = False,
    ) -> tuple[int]:
        """Take one frame; return where it is: away in the start position if the foot is elsewhere.

        `tilt` and `roll` (rad) are how the shank leans forwards and sideways, `speed` is in rad/s;
        `fresh` says that the frames before it are unknown.
        """
        if fresh:
            self.leave()
        if where != START:
            self.leave()
            return (where,)
        if speed > STILL_RAD_S:
            self._still_from = math.inf
        elif self._still_from == math.inf:
            self._still_from = time_s
        stood = self._stood
        moved = stood is not None and (
            abs(math.remainder(tilt - stood[0], TWO_PI)) > TILT_MAX_RAD
            or abs(math.remainder(roll - stood[1], TWO_PI)) > ROLL_MAX_RAD
        )
        if time_s - self._still_from >= (ANEW_S if moved else STILL_S):
            self._stood = (tilt, roll)
        return (AWAY if moved else where,)

    def leave(self) -> None:
        """Take that the leg is not in the start position."""
        self._still_from = math.inf


class InPlace:
    """The posture of one leg as it counts."""

    def __init__(
        self,
        calibration: LegCalibration,
        exercise: Exercise,
        rate_hz: float,
        *,
        recorded: bool = False,
    ) -> None:
        """Watch a calibrated leg, frame by frame or, of a recording, many at once."""
        self._numbers: Numbers[Any] = ARRAYS if recorded else FLOATS
        self._signature = Signature(calibration, exercise, rate_hz, self._numbers)
        self._foothold = Foothold() if exercise.foot_stays else None

    def push(
        self,
        time_s: Any,  # noqa: ANN401
        angles: LegAngles[Any],
        signal_rad: Any,  # noqa: ANN401
        where: Any,  # noqa: ANN401
        fresh: Any = False,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Return the posture of a frame, or of many frames (n,), as it counts.

        Parameters
        ----------
        time_s, angles, signal_rad
            The frame and the angle that counts in it, which is known in each.
        where
            `Posture`, as plain numbers.
        fresh
            Which of many frames follow one whose angle is unknown; live, `interrupt` says so.
        """
        foreign = self._signature.push(angles, signal_rad, fresh)
        where = self._numbers.where(foreign, AWAY, where)
        if self._foothold is None:
            return where
        tilt = angles.knee_flexion - angles.thigh_elevation
        rows = (time_s, where, tilt, angles.rotation, angles.speed)
        if fresh is False:
            return self._numbers.each(self._foothold.push, *rows)[0]
        return self._numbers.each(self._foothold.push, *rows, fresh)[0]

    def interrupt(self) -> None:
        """Take that the angle is unknown for a while."""
        self._signature.interrupt()
        if self._foothold is not None:
            self._foothold.leave()


def placed(
    in_place: InPlace,
    time_s: FloatArray,
    angles: Sequence[FloatArray],
    signal_rad: FloatArray,
    where: IntArray,
    leaps: BoolArray,
) -> IntArray:
    """Return the postures (n,) of a recording as they count; those of unknown angles stay.

    `angles` are the columns of `LegAngles`; `leaps` (n,) says where the angle is from a new zero.
    """
    out, known = where.copy(), np.flatnonzero(~np.isnan(signal_rad))
    if len(known):
        part = LegAngles._make(column[known] for column in angles)
        fresh = (np.diff(known, prepend=-2) > 1) | leaps[known]
        out[known] = in_place.push(time_s[known], part, signal_rad[known], where[known], fresh)
    return out


class PostureGate:
    """Remembers since when the leg has been in the start position or out of it."""

    def __init__(self, settings: RepSettings) -> None:
        self._settings = settings
        self.posture = AWAY
        self.in_from = self.out_from = math.inf
        self.seen_s = -math.inf
        """When the leg was last in the start position."""
        self.absent = False
        """Whether the leg has been out of place for long, until `take_note`."""

    def push(self, time_s: float, posture: int, *, moving: bool) -> None:
        """Take one sample; while the leg moves, its shank may be anywhere."""
        self.posture = posture
        if posture == START:
            self.out_from = math.inf
            self.seen_s = time_s
            if self.in_from == math.inf:
                self.in_from = time_s
            return
        self.in_from = math.inf
        if moving and posture == THIGH:
            self.out_from = math.inf
        elif self.out_from == math.inf:
            self.out_from = time_s
        elif time_s - self.out_from >= self._settings.absent_s:
            self.absent = True

    def hide(self, hole_s: float) -> None:
        """Take that the leg was not seen for a while: it was neither in its place nor out of it."""
        self.in_from = math.inf
        self.out_from += hole_s

    def take_note(self) -> None:
        """Take that a repetition has begun the next set after the absence."""
        self.absent = False

    def is_in(self, time_s: float) -> bool:
        """Say whether the start position has been held long enough to begin."""
        return time_s - self.in_from >= self._settings.arm_s

    def is_out(self, time_s: float) -> bool:
        """Say whether the leg has been out of place for too long to go on."""
        return time_s - self.out_from > self._settings.disarm_s

    def may_start(self, time_s: float) -> bool:
        """Say whether a movement that begins now begins where the exercise does."""
        return self.was_in(time_s) and self.posture != AWAY

    def was_in(self, time_s: float) -> bool:
        """Say whether the start position has just been seen."""
        return time_s - self.seen_s <= self._settings.in_place_s

    def is_away(self, time_s: float) -> bool:
        """Say whether the leg is out of place, and not just for a knock's length."""
        return time_s - self.out_from > self._settings.passing_s
