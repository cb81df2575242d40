"""Lead a wearer through the calibration without hands: see each step by itself and say so.

The guide watches for still periods. At each one it looks back over what it has seen with the same
search that finds the steps in a recording (`analysis.calibrate.find_steps`), so that live and later
analysis agree on what was a stand, a start pose and knee bends.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace
from enum import Enum
from typing import NamedTuple

import numpy as np

from analysis.calibrate.calibration import (
    ANY_MOUNTS,
    CalibrationResult,
    LegFrames,
    Mounts,
    Windows,
    calibrate,
)
from analysis.calibrate.checks import Check, not_found, upright_check
from analysis.calibrate.find_steps import (
    SILENCE_MAX_S,
    STILL_LAG_S,
    STILL_RAD_S,
    bends_in,
    find_windows,
    is_stand,
    same_position,
)
from analysis.calibrate.hold_pose import PoseCalibration, calibrate_pose
from analysis.calibrate.knee_axis import BENDS_MIN
from analysis.calibrate.long_axes import axes_from_stand, mean_up
from analysis.exercises import Exercise
from imu.quaternion import Quaternion
from imu.sample import FloatArray, Side

LOOK_AT_S = (1.2, 2.0, 3.0)
"""A still period is looked at when it has lasted this long."""
BENDS_ASKED = 5
"""Five, of which three must be good: enough to compare two halves."""
MOVED_MIN_S = 2.0
"""After moving this long and being still again, the wearer has tried what was asked for."""
KEEP_S = 120.0
"""Steps are looked for this far back; a slower wearer stands again."""


class Step(Enum):
    """What the wearer is asked for next."""

    STAND = "stand"
    POSE = "pose"
    BENDS = "bends"
    READY = "ready"


class GuideUpdate(NamedTuple):
    """A step reached, or an attempt that did not pass: then the result says why."""

    step: Step
    result: CalibrationResult | None
    windows: Windows
    hold: PoseCalibration | None = None
    """The calibration of a guided hold, which needs no knee bends."""


class Guide:
    """Guides one leg to its calibration."""

    def __init__(
        self,
        exercise: Exercise,
        side: Side,
        rate_hz: float,
        *,
        thigh_worn: bool = True,
        mounts: Mounts = ANY_MOUNTS,
    ) -> None:
        """Guide a leg; without a unit on the thigh, `push` gets the same for it at any time."""
        self.step = Step.STAND
        self.bends_asked = BENDS_ASKED
        self._exercise, self._side, self._thigh_worn = exercise, side, thigh_worn
        self._mounts = mounts
        self._bends_standing = exercise.pose.bends_standing
        self._lag = max(1, round(STILL_LAG_S * rate_hz))
        self._rows: deque[tuple[float, Quaternion, Quaternion]] = deque(
            maxlen=round(KEEP_S * rate_hz)
        )
        self._pelvis: deque[Quaternion | None] = deque(maxlen=self._rows.maxlen)
        self._still_from: float | None = None
        self._looked = 0
        self._stood: LegFrames | None = None
        self._moved = 0
        self._moved_min = round(MOVED_MIN_S * rate_hz)

    def push(
        self,
        time_s: float,
        q_thigh: Quaternion | None,
        q_shank: Quaternion | None,
        q_pelvis: Quaternion | None = None,
    ) -> GuideUpdate | None:
        """Take one frame; return what changed, if anything did."""
        if self.step is Step.READY:
            return None
        if q_thigh is None or q_shank is None:
            return None
        self._rows.append((time_s, q_thigh, q_shank))
        self._pelvis.append(q_pelvis)
        if not self._is_still():
            self._still_from, self._looked = None, 0
            self._moved += 1
            return None
        if self._still_from is None:
            self._still_from = time_s
        if self._looked == len(LOOK_AT_S) or time_s - self._still_from < LOOK_AT_S[self._looked]:
            return None
        self._looked += 1
        return self._look(time_s)

    def _is_still(self) -> bool:
        if len(self._rows) <= self._lag:
            return False
        then, now = self._rows[-1 - self._lag], self._rows[-1]
        lag_s = now[0] - then[0]
        if lag_s > SILENCE_MAX_S:
            return False
        # the angle between two orientations is twice the arc cosine of their product
        return all(
            2.0 * math.acos(min(1.0, abs(sum(p * q for p, q in zip(a, b, strict=True)))))
            < STILL_RAD_S * lag_s
            for a, b in zip(then[1:], now[1:], strict=True)
        )

    def _frames(self) -> LegFrames:
        """Return what was seen so far."""
        rows = list(self._rows)
        return LegFrames(
            np.array([row[0] for row in rows]),
            np.array([row[1] for row in rows]),
            np.array([row[2] for row in rows]),
            self._pelvis_rows(),
            self._thigh_worn,
            self._mounts,
        )

    def _look(self, time_s: float) -> GuideUpdate | None:
        frames = self._frames()
        windows = find_windows(frames, self._exercise, self._side)
        if windows.bends is not None and windows.pose is not None:
            return self._calibrate(time_s, frames, windows)
        last_look = self._looked == len(LOOK_AT_S)
        if self._bent_from_nowhere(frames, windows, last_look=last_look):
            # the calibration says that there is no start pose
            result = calibrate(frames, windows, self._exercise, self._side)
            return self._refuse(result, windows)
        if self.step is Step.STAND and last_look:
            self._stood = frames.between((time_s - LOOK_AT_S[-1], time_s))
            if failed := self._upside_down(self._stood):
                return GuideUpdate(self.step, CalibrationResult(None, tuple(failed)), windows)
            return self._reach(Step.BENDS if self._bends_standing else Step.POSE, windows)
        if self._bends_standing:
            if self.step is Step.BENDS and windows.bends is not None:
                return self._reach(Step.POSE, windows)
        elif self.step is Step.POSE and windows.stand is not None and self._looked >= 2:
            if self._exercise.is_held:
                return self._begin_hold(time_s, frames, windows)
            return self._reach(Step.BENDS, windows)
        if last_look and self._moved > self._moved_min:
            return self._explain(time_s, frames, windows)
        return None

    def _upside_down(self, stand: LegFrames) -> list[Check]:
        """Return the failed checks of units that are known to be worn upright."""
        mounts = self._mounts
        known = [("shank", mounts.shank_upright, stand.q_shank)]
        known.append(("thigh", mounts.thigh_upright, stand.q_thigh))
        checks = [upright_check(name, float(mean_up(q)[1])) for name, worn, q in known if worn]
        return [check for check in checks if not check.passed]

    def _bent_from_nowhere(self, frames: LegFrames, windows: Windows, *, last_look: bool) -> bool:
        """Say whether the knee was bent as asked, but from a position that was not kept still."""
        if windows.bends is None or self._bends_standing or self.step is Step.STAND:
            return False
        asked = BENDS_MIN if last_look else BENDS_ASKED
        return bends_in(frames, windows.bends) >= asked

    def _pelvis_rows(self) -> FloatArray | None:
        """Return the pelvis's orientations, None where it wears no unit."""
        if all(q is None for q in self._pelvis):
            return None
        unknown = (math.nan,) * 4
        return np.array([unknown if q is None else q for q in self._pelvis])

    def _begin_hold(self, time_s: float, frames: LegFrames, windows: Windows) -> GuideUpdate | None:
        found, result = calibrate_pose(frames, windows, self._exercise, self._side)
        if found is None:
            return GuideUpdate(self.step, result, windows)
        self.step = Step.READY
        self._rows.clear()
        self._pelvis.clear()
        ready = replace(found, ready_s=time_s)
        return GuideUpdate(self.step, result, windows, ready)

    def _reach(self, step: Step, windows: Windows) -> GuideUpdate:
        self.step, self._moved = step, 0
        return GuideUpdate(step, None, windows)

    def _explain(self, time_s: float, frames: LegFrames, windows: Windows) -> GuideUpdate | None:
        """Say why the step was not accepted after the wearer moved and was still again."""
        self._moved = 0
        failed: list[Check] = []
        if self.step is Step.BENDS:
            failed = [not_found("knee bends", "no bends")]
        elif self.step is Step.POSE and self._stood is not None:
            failed = self._off_pose(frames.between((time_s - LOOK_AT_S[-1], time_s)))
        if not failed:
            return None
        return GuideUpdate(self.step, CalibrationResult(None, tuple(failed)), windows)

    def _off_pose(self, pose: LegFrames) -> list[Check]:
        """Return what keeps a stillness from being the start pose; nothing where it is."""
        stand, fits = self._stood, (self._exercise, self._side)
        assert stand is not None  # noqa: S101 (asked before)
        stood, posed = (stand.q_thigh, stand.q_shank), (pose.q_thigh, pose.q_shank)
        _, _, checks = axes_from_stand(stood, posed, *fits)
        failed = [check for check in checks if not check.passed]
        if failed and pose.thigh_worn:
            _, _, exchanged = axes_from_stand(stood[::-1], posed[::-1], *fits)
            if all(check.passed for check in exchanged):
                return [not_found("units in place", "look swapped")]
        return failed

    def _calibrate(self, time_s: float, frames: LegFrames, windows: Windows) -> GuideUpdate | None:
        result = calibrate(frames, windows, self._exercise, self._side)
        bends = next((c.value for c in result.checks if c.name == "knee bends"), 0.0)
        if bends < BENDS_ASKED and self._looked < len(LOOK_AT_S):
            return None  # a short pause between bends is not their end
        both = [window for window in (windows.pose, windows.bends) if window is not None]
        if frames.has_hole(min(begin for begin, _ in both), max(end for _, end in both)):
            result = CalibrationResult(None, (not_found("units heard", "away"),))
        if result.calibration is not None and self._bent_where_it_stood(frames, windows):
            failed = not_found("start pose", "stand as pose")
            result = CalibrationResult(None, (failed,))
        if result.calibration is None:
            return self._refuse(result, windows)
        self.step = Step.READY
        self._rows.clear()  # nothing is looked for any more
        self._pelvis.clear()
        ready = replace(result.calibration, ready_s=time_s)
        return GuideUpdate(self.step, CalibrationResult(ready, result.checks), windows)

    def _bent_where_it_stood(self, frames: LegFrames, windows: Windows) -> bool:
        """Say whether the start pose is where the leg was when it was asked to stand.

        Without a stand nothing else tells who bends the knee standing from who does it lying.
        """
        if windows.stand is not None or windows.pose is None or self._stood is None:
            return False
        pose = frames.between(windows.pose)
        fits = is_stand(self._stood, pose, self._exercise, self._side)
        return same_position(self._stood, pose) and not fits

    def _refuse(self, result: CalibrationResult, windows: Windows) -> GuideUpdate:
        self._forget(windows)
        first = Step.BENDS if self._bends_standing else Step.POSE
        self._reach(first if windows.stand else Step.STAND, windows)
        if self.step is Step.STAND:
            self._looked = len(LOOK_AT_S)  # this stillness is the start pose's
        return GuideUpdate(self.step, result, windows)

    def _forget(self, refused: Windows) -> None:
        """Forget a refused start pose and its bends, or they would be found again and again."""
        assert refused.bends is not None  # noqa: S101 (nothing is refused without)
        begun = refused.bends if self._bends_standing or refused.pose is None else refused.pose
        start_s, end_s = begun[0], refused.end_s
        kept = [
            both
            for both in zip(self._rows, self._pelvis, strict=True)
            if not start_s <= both[0][0] <= end_s
        ]
        self._rows = deque((row for row, _ in kept), self._rows.maxlen)
        self._pelvis = deque((q for _, q in kept), self._rows.maxlen)
