"""Lead a wearer through the calibration without hands: see each step by itself and say so.

The guide watches for still periods. At each one it looks back over what it has seen with the same
search that finds the steps in a recording (`analysis.protocol`), so that live and later analysis
agree on what was a stand, a start pose and knee bends.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace
from enum import Enum
from typing import NamedTuple

import numpy as np

from analysis.calibration import CalibrationResult, LegFrames, Windows, calibrate
from analysis.exercises import Exercise
from analysis.protocol import STILL_LAG_S, STILL_RAD_S, find_windows
from imu.quaternion import Quaternion
from imu.sample import Side

LOOK_AT_S = (1.2, 2.0, 3.0)
"""A still period is looked at when it has lasted this long."""
BENDS_ASKED = 5
KEEP_S = 120.0
"""Steps further back are not looked for; who needs longer stands again."""
_NAN: Quaternion = (math.nan, math.nan, math.nan, math.nan)


class Step(Enum):
    """What the wearer is asked for next."""

    STAND = "Stand still, feet forward."
    POSE = "Take the start position and keep still."
    BENDS = "Bend and straighten the knee five times, then keep still."
    READY = "Ready."


class GuideUpdate(NamedTuple):
    """A step reached, or a calibration that did not pass."""

    step: Step
    result: CalibrationResult | None
    windows: Windows


class Guide:
    """Guides one leg to its calibration."""

    def __init__(self, exercise: Exercise, side: Side, rate_hz: float) -> None:
        self.step = Step.STAND
        self._exercise, self._side = exercise, side
        self._lag = max(1, round(STILL_LAG_S * rate_hz))
        self._rows: deque[tuple[float, Quaternion, Quaternion]] = deque(
            maxlen=round(KEEP_S * rate_hz)
        )
        self._still_from: float | None = None
        self._looked = 0
        self._refused: Windows | None = None

    def push(
        self, time_s: float, q_thigh: Quaternion | None, q_shank: Quaternion | None
    ) -> GuideUpdate | None:
        """Take one frame; return what changed, if anything did."""
        if self.step is Step.READY:
            return None
        self._rows.append((time_s, q_thigh or _NAN, q_shank or _NAN))
        if not self._is_still():
            self._still_from, self._looked = None, 0
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
        limit = STILL_RAD_S * (now[0] - then[0])
        # the angle between two orientations is twice the arc cosine of their product
        return all(
            2.0 * math.acos(min(1.0, abs(sum(p * q for p, q in zip(a, b, strict=True))))) < limit
            if a[0] == a[0] and b[0] == b[0]
            else False
            for a, b in ((then[1], now[1]), (then[2], now[2]))
        )

    def _look(self, time_s: float) -> GuideUpdate | None:
        rows = list(self._rows)
        frames = LegFrames(
            np.array([row[0] for row in rows]),
            np.array([row[1] for row in rows]),
            np.array([row[2] for row in rows]),
        )
        windows = find_windows(frames, self._exercise, self._side)
        if windows.bends is not None and windows.pose is not None:
            return self._calibrate(time_s, frames, windows)
        if self.step is Step.STAND and self._looked == len(LOOK_AT_S):
            self.step = Step.POSE
            return GuideUpdate(self.step, None, windows)
        if self.step is Step.POSE and windows.stand is not None and self._looked >= 2:
            self.step = Step.BENDS
            return GuideUpdate(self.step, None, windows)
        return None

    def _calibrate(self, time_s: float, frames: LegFrames, windows: Windows) -> GuideUpdate | None:
        if self._refused is not None and windows.bends == self._refused.bends:
            return None
        result = calibrate(frames, windows, self._exercise, self._side)
        bends = next((c.value for c in result.checks if c.name == "knee bends"), 0.0)
        if bends < BENDS_ASKED and self._looked < len(LOOK_AT_S):
            return None  # a short pause between bends is not their end
        if result.calibration is None:
            self._refused = windows
            self.step = Step.POSE
            return GuideUpdate(self.step, result, windows)
        self.step = Step.READY
        ready = replace(result.calibration, ready_s=time_s)
        return GuideUpdate(self.step, CalibrationResult(ready, result.checks), windows)
