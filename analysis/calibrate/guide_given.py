"""Lead a wearer whose units sit as they did before: the start position, then one knee bend.

The bend is the proof that the straps are where the kept calibration has them: the knee's axis, seen
again, has to be the kept one. One that is a little off is found anew by two bends more, with the
long axes kept. One that is far off, or gravity elsewhere in a unit than in the last start position,
shows a strap that moved: then the whole calibration is asked for.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from analysis.calibrate.calibration import CalibrationResult
from analysis.calibrate.checks import Check, at_least, at_most
from analysis.calibrate.given_axes import (
    GivenAxes,
    calibrate_given,
    kept_checks,
    pose_checks,
    proven,
    with_knee_axis,
)
from analysis.calibrate.guide import BENDS_ASKED, LOOK_AT_S, Guide, GuideUpdate, Step
from analysis.calibrate.knee_axis import (
    BEND_SPEED_RAD_S,
    BENDS_MIN,
    MOVING_MIN,
    Hinge,
    angular_velocity,
    count_bends,
    find_hinge,
    knee_velocity,
    principal_axis,
    turned_about,
)
from analysis.calibrate.leg_axes import turned
from analysis.calibrate.start_heading import heading_of_movement
from analysis.exercises import Exercise
from analysis.leg import ANY_MOUNTS, LegFrames, Mounts, Windows

KEEP_MAX_RAD = math.radians(2.0)
"""One bend shows the axis within 1° (simulated wearers: 95 % within 0.7°); to this it is kept."""
AXIS_MAX_RAD = math.radians(8.0)
"""A knee axis further off is no loose strap but another mounting: nothing of it is kept."""
LOOKS_MIN = 2
"""A still period is long enough for a start position at its second look, after 2 s."""


class Bend(NamedTuple):
    """What knee bends show of a kept knee axis."""

    times: int
    off_rad: float
    """Between the axis seen and the kept one."""


class GivenGuide(Guide):
    """Guides one leg with given axes: start position, one bend, ready."""

    def __init__(
        self,
        given: GivenAxes,
        exercise: Exercise,
        rate_hz: float,
        *,
        thigh_worn: bool = True,
        mounts: Mounts = ANY_MOUNTS,
    ) -> None:
        """Guide a leg; `given` tells how its units sit, and how many bends prove that."""
        super().__init__(exercise, given.side, rate_hz, thigh_worn=thigh_worn, mounts=mounts)
        self._given: GivenAxes | None = given
        self._pose: tuple[float, float] | None = None
        self._bend: tuple[float, float] | None = None
        self._since = -math.inf
        self.bends_asked = given.bends
        self.step = Step.BENDS if exercise.pose.bends_standing else Step.POSE

    def _look(self, time_s: float) -> GuideUpdate | None:
        given = self._given
        if given is None:
            return super()._look(time_s)
        still = (time_s - LOOK_AT_S[self._looked - 1], time_s)
        if self.step is Step.BENDS:
            return self._look_at_bend(given, self._frames(), still)
        return (
            self._look_at_pose(given, self._frames(), still) if self._looked >= LOOKS_MIN else None
        )

    def _look_at_pose(
        self, given: GivenAxes, frames: LegFrames, still: tuple[float, float]
    ) -> GuideUpdate | None:
        pose = frames.between(still)
        failed = _failed(pose_checks(given, pose, self._exercise))
        if failed:
            return self._say(failed)
        failed = _failed(kept_checks(given, pose, self._exercise))
        if failed:
            return self._calibrate_anew(failed) if self._looked == len(LOOK_AT_S) else None
        self._pose, self._since = still, still[1]
        if self._bend is not None:
            return self._finish(given, frames, still[1])
        return self._reach(Step.BENDS, Windows(pose=still))

    def _look_at_bend(
        self, given: GivenAxes, frames: LegFrames, still: tuple[float, float]
    ) -> GuideUpdate | None:
        window = (max(self._since, float(frames.time_s[0])), still[0])
        part = frames.between(window)
        seen = bends_seen(given, part)
        few = at_least("knee bends", seen.times, self.bends_asked, "no bend")
        if not few.passed:
            return self._say([few])
        if seen.off_rad > AXIS_MAX_RAD:
            return self._calibrate_anew([_axis_check(seen.off_rad)])
        if seen.off_rad > KEEP_MAX_RAD and self.bends_asked < BENDS_MIN:
            self.bends_asked = BENDS_MIN
            return self._reach(Step.BENDS, Windows(pose=self._pose))
        unsure_rad = seen.off_rad
        if seen.off_rad > KEEP_MAX_RAD:
            hinge = _hinge(given, part)
            failed = _failed(hinge.checks)
            if failed or hinge.axis is None:
                return self._say(failed)
            given, unsure_rad = with_knee_axis(given, hinge.axis, hinge.sigma_rad), 0.0
        self._given = proven(given, seen.off_rad, unsure_rad)
        self._bend, self._since = window, still[1]
        if self._pose is not None:
            return self._finish(self._given, frames, still[1])
        return self._reach(Step.POSE, Windows(bends=window))

    def _say(self, failed: list[Check]) -> GuideUpdate | None:
        """Say what is wrong, once for each time that the wearer moved and is still again."""
        if self._looked < len(LOOK_AT_S) or self._moved <= self._moved_min:
            return None
        self._moved = 0
        return GuideUpdate(self.step, CalibrationResult(None, tuple(failed)), Windows())

    def _calibrate_anew(self, failed: list[Check]) -> GuideUpdate:
        """Keep nothing: ask for the stand, the start position and all knee bends."""
        self._given, self.bends_asked = None, BENDS_ASKED
        self._rows.clear()
        self._pelvis.clear()
        self._reach(Step.STAND, Windows())
        return GuideUpdate(self.step, CalibrationResult(None, tuple(failed)), Windows())

    def _finish(self, given: GivenAxes, frames: LegFrames, time_s: float) -> GuideUpdate:
        windows = Windows(pose=self._pose, bends=self._bend)
        result = calibrate_given(given, frames, windows, self._exercise)
        if result.calibration is None:
            self._pose = self._bend = None
            self._reach(Step.BENDS if self._bends_standing else Step.POSE, windows)
            return GuideUpdate(self.step, result, windows)
        self.step = Step.READY
        self._rows.clear()
        self._pelvis.clear()
        ready = replace(result.calibration, ready_s=time_s)
        seen = _axis_check(ready.kept_off_rad or 0.0)
        return GuideUpdate(self.step, CalibrationResult(ready, (*result.checks, seen)), windows)


def bends_seen(given: GivenAxes, bend: LegFrames) -> Bend:
    """Return how often the knee was bent, and how far its axis is from the given one."""
    none = Bend(0, 0.0)
    if len(bend.time_s) < MOVING_MIN:
        return none
    _, shank = angular_velocity(bend.time_s, bend.q_shank)
    heading = _heading(given, bend)
    knee = (
        shank
        if heading is None
        else knee_velocity(bend.time_s, bend.q_thigh, bend.q_shank, heading)
    )
    fast = knee[np.linalg.norm(shank, axis=1) > BEND_SPEED_RAD_S]
    if len(fast) < MOVING_MIN:
        return none
    axis, _ = principal_axis(fast)
    off = math.acos(min(1.0, abs(float(axis @ given.axes.z_shank))))
    return Bend(count_bends(turned_about(axis, bend.q_shank)), off)


def _heading(given: GivenAxes, bend: LegFrames) -> float | None:
    """Return the common heading that the bends show; None where the shank is alone."""
    axes = given.axes
    if axes.y_thigh is None or not bend.thigh_worn:
        return None
    heading, _ = heading_of_movement(
        turned(bend.q_thigh, axes.y_thigh),
        turned(bend.q_shank, axes.z_shank),
        turned(bend.q_shank, axes.y_shank),
    )
    return heading


def _hinge(given: GivenAxes, bends: LegFrames) -> Hinge:
    """Return the knee axis that bends show, with the sign of the given one."""
    hinge = find_hinge(
        bends.time_s,
        bends.q_thigh,
        bends.q_shank,
        extends=True,
        heading_rad=_heading(given, bends),
    )
    if hinge.axis is None or float(hinge.axis @ given.axes.z_shank) > 0.0:
        return hinge
    return hinge._replace(axis=-hinge.axis)


def _axis_check(off_rad: float) -> Check:
    return at_most("knee axis against the kept one", off_rad, AXIS_MAX_RAD, "axis differs")


def _failed(checks: list[Check]) -> list[Check]:
    return [check for check in checks if not check.passed]
