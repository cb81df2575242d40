"""Where the leg is, as far as counting goes: the posture, unless what it does is no exercise.

A leg that does something foreign to its exercise is away, whatever its pose. And where a foot is to
stay on its place, a leg that comes back to the start position with the foot elsewhere is away until
it has stood there for a while: it has sat down, say, and not stepped down.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from analysis.angle.leg_angles import LegAngles
from analysis.count.other_activity import Signature, foreign
from analysis.count.start_position import AWAY, START, Posture
from analysis.exercises.exercise import Exercise
from analysis.leg import LegCalibration
from imu.quaternion import TWO_PI
from imu.sample import FloatArray

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

    def has_moved(self, time_s: float, tilt: float, roll: float, speed: float) -> bool:
        """Take one frame in the start position; say whether the foot is elsewhere than before."""
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
        return moved

    def leave(self) -> None:
        """Take that the leg is not in the start position."""
        self._still_from = math.inf


class InPlace:
    """The posture of one leg as it counts, one frame at a time."""

    def __init__(self, calibration: LegCalibration, exercise: Exercise, rate_hz: float) -> None:
        self._signature = Signature(calibration, exercise, rate_hz)
        self._foothold = Foothold() if exercise.foot_stays else None

    def push(
        self, time_s: float, angles: LegAngles[float], signal_rad: float, where: Posture
    ) -> Posture:
        """Take one frame, the angle that counts in it and its posture."""
        if self._signature.push(angles, signal_rad):
            where = AWAY
        if self._foothold is None:
            return where
        if where != START:
            self._foothold.leave()
            return where
        tilt = angles.knee_flexion - angles.thigh_elevation
        moved = self._foothold.has_moved(time_s, tilt, angles.rotation, angles.speed)
        return AWAY if moved else where


def places(
    series: LegAngles[FloatArray],
    time_s: FloatArray,
    signal_rad: FloatArray,
    where: npt.NDArray[np.int64],
    calibration: LegCalibration,
    exercise: Exercise,
    rate_hz: float,
) -> npt.NDArray[np.int64]:
    """Return the postures (n,) as they count from the calibration on: `InPlace` in numpy."""
    first = int(np.searchsorted(time_s, calibration.ready_s, "right"))
    strange = foreign(series, signal_rad, calibration, exercise, rate_hz, first)
    out = np.where(strange, int(AWAY), where)
    if not exercise.foot_stays:
        return out
    foothold, tilt = Foothold(), series.knee_flexion - series.thigh_elevation
    columns = [x[first:].tolist() for x in (time_s, tilt, series.rotation, series.speed, out)]
    for row, (t, *pose, speed, posture) in enumerate(zip(*columns, strict=True), first):
        if posture != START:
            foothold.leave()
        elif foothold.has_moved(t, pose[0], pose[1], speed):
            out[row] = AWAY
    return out
