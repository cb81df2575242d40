"""Lead a wearer whose units sit as they did before: the start position, then one knee bend.

The bend is the proof that the straps are where the stored calibration has them: the knee's axis,
seen again, has to be the stored one.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from analysis.calibrate.calibration import CalibrationResult
from analysis.calibrate.checks import Check, at_least, at_most
from analysis.calibrate.given_axes import GivenAxes, calibrate_given, pose_checks
from analysis.calibrate.guide import LOOK_AT_S, Guide, GuideUpdate, Step
from analysis.calibrate.knee_axis import (
    BEND_SPEED_RAD_S,
    MOVING_MIN,
    angular_velocity,
    count_bends,
    knee_velocity,
    principal_axis,
    turned_about,
)
from analysis.calibrate.leg_axes import turned
from analysis.calibrate.start_heading import heading_of_movement
from analysis.exercises import Exercise
from analysis.leg import LegFrames, Windows
from imu.sample import FloatArray

AXIS_MAX_RAD = math.radians(20.0)
"""One bend shows the axis within about 8°; a unit strapped anew is rarely within 20°."""
LOOKS_MIN = 2
"""A still period is long enough for a start position at its second look, after 2 s."""


class GivenGuide(Guide):
    """Guides one leg with given axes: start position, one bend, ready."""

    def __init__(
        self, given: GivenAxes, exercise: Exercise, rate_hz: float, *, thigh_worn: bool = True
    ) -> None:
        """Guide a leg; `given` tells how its units sit."""
        super().__init__(exercise, given.side, rate_hz, thigh_worn=thigh_worn)
        self._given = given
        self._pose: tuple[float, float] | None = None
        self._bend: tuple[float, float] | None = None
        self._since = -math.inf
        self.step = Step.BENDS if exercise.pose.bends_standing else Step.POSE

    def _look(self, time_s: float) -> GuideUpdate | None:
        still = (time_s - LOOK_AT_S[self._looked - 1], time_s)
        if self.step is Step.BENDS:
            return self._look_at_bend(self._frames(), still)
        return self._look_at_pose(self._frames(), still) if self._looked >= LOOKS_MIN else None

    def _look_at_pose(self, frames: LegFrames, still: tuple[float, float]) -> GuideUpdate | None:
        failed = [
            check
            for check in pose_checks(self._given, frames.between(still), self._exercise)
            if not check.passed
        ]
        if failed:
            return self._say(failed)
        self._pose, self._since = still, still[1]
        if self._bend is not None:
            return self._finish(frames, still[1])
        return self._reach(Step.BENDS, Windows(pose=still))

    def _look_at_bend(self, frames: LegFrames, still: tuple[float, float]) -> GuideUpdate | None:
        window = (max(self._since, float(frames.time_s[0])), still[0])
        checks = bend_checks(self._given, frames.between(window))
        failed = [check for check in checks if not check.passed]
        if failed:
            return self._say(failed)
        self._bend, self._since = window, still[1]
        if self._pose is not None:
            return self._finish(frames, still[1])
        return self._reach(Step.POSE, Windows(bends=window))

    def _say(self, failed: list[Check]) -> GuideUpdate | None:
        """Say what is wrong, once for each time that the wearer moved and is still again."""
        if self._looked < len(LOOK_AT_S) or self._moved <= self._moved_min:
            return None
        self._moved = 0
        return GuideUpdate(self.step, CalibrationResult(None, tuple(failed)), Windows())

    def _finish(self, frames: LegFrames, time_s: float) -> GuideUpdate:
        assert self._bend is not None  # noqa: S101 (both were seen)
        windows = Windows(pose=self._pose, bends=self._bend)
        result = calibrate_given(self._given, frames, windows, self._exercise)
        if result.calibration is None:
            self._pose = self._bend = None
            return self._reach_again(result, windows)
        self.step = Step.READY
        self._rows.clear()
        self._pelvis.clear()
        seen = tuple(bend_checks(self._given, frames.between(self._bend)))
        ready = replace(result.calibration, ready_s=time_s)
        return GuideUpdate(self.step, CalibrationResult(ready, (*result.checks, *seen)), windows)

    def _reach_again(self, result: CalibrationResult, windows: Windows) -> GuideUpdate:
        self._reach(Step.BENDS if self._bends_standing else Step.POSE, windows)
        return GuideUpdate(self.step, result, windows)


def bend_checks(given: GivenAxes, bend: LegFrames) -> list[Check]:
    """Return whether the knee was bent, and how far its axis is from the stored one."""
    if len(bend.time_s) < MOVING_MIN:
        return [at_least("knee bends", 0, 1, "no bend")]
    _, shank = angular_velocity(bend.time_s, bend.q_shank)
    moving = np.linalg.norm(shank, axis=1) > BEND_SPEED_RAD_S
    fast = _hinge_velocity(given, bend, shank)[moving]
    if len(fast) < MOVING_MIN:
        return [at_least("knee bends", 0, 1, "no bend")]
    axis, _ = principal_axis(fast)
    stored = given.axes.z_shank
    off = math.acos(min(1.0, abs(float(axis @ stored))))
    return [
        at_least("knee bends", count_bends(turned_about(axis, bend.q_shank)), 1, "no bend"),
        at_most("knee axis against the stored one", off, AXIS_MAX_RAD, "axis differs"),
    ]


def _hinge_velocity(given: GivenAxes, bend: LegFrames, shank: FloatArray) -> FloatArray:
    """Return how fast the knee turns (m, 3), in the shank unit; the shank where it is alone."""
    axes = given.axes
    if axes.y_thigh is None or not bend.thigh_worn:
        return shank
    heading, _ = heading_of_movement(
        turned(bend.q_thigh, axes.y_thigh),
        turned(bend.q_shank, axes.z_shank),
        turned(bend.q_shank, axes.y_shank),
    )
    return knee_velocity(bend.time_s, bend.q_thigh, bend.q_shank, heading)
