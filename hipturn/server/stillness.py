"""The wearer's progress in a calibration step: seconds of stillness, bends so far."""

from __future__ import annotations

import math
from collections import deque

from analysis.calibrate.find_steps import STILL_LAG_S, STILL_RAD_S
from analysis.calibrate.guide import LOOK_AT_S, Step
from imu.quaternion import Quaternion, turn_rad

NEEDED_S = {Step.STAND: LOOK_AT_S[-1], Step.POSE: LOOK_AT_S[1], Step.BENDS: LOOK_AT_S[1]}
"""How long a step wants stillness."""
BENT_RAD, BACK_RAD = math.radians(30.0), math.radians(15.0)
"""A bend goes beyond the one and returns within the other, so that sway counts none."""
LAG_SLACK = 1.3
"""A lag that is longer by this factor holds a gap: speed over it says nothing."""


class Stillness:
    """Follows the two units of one leg, for the eye only; the guide decides."""

    def __init__(self) -> None:
        self.still_s = 0.0
        self.moves_dps = 0.0
        self.bends = 0
        self._past: deque[tuple[float, Quaternion, Quaternion]] = deque()
        self._since: float | None = None
        self._rest: Quaternion | None = None
        self._bent = False

    def begin(self, step: Step) -> None:
        """Begin a step."""
        self._since, self.still_s, self.bends, self._bent = None, 0.0, 0, False
        self._rest = self._past[-1][2] if step is Step.BENDS and self._past else None

    def push(self, time_s: float, thigh: Quaternion | None, shank: Quaternion | None) -> None:
        """Take one frame."""
        if thigh is None or shank is None:
            self._past.clear()
            self._since, self.still_s = None, 0.0
            return
        past = self._past
        past.append((time_s, thigh, shank))
        while len(past) > 2 and past[1][0] <= time_s - STILL_LAG_S:
            past.popleft()
        lag_s = time_s - past[0][0]
        if not 0.5 * STILL_LAG_S < lag_s < LAG_SLACK * STILL_LAG_S:
            return
        speed = max(turn_rad(past[0][1], thigh), turn_rad(past[0][2], shank)) / lag_s
        self.moves_dps = math.degrees(speed)
        if speed >= STILL_RAD_S:
            self._since = None
        elif self._since is None:
            self._since = time_s
        self.still_s = 0.0 if self._since is None else time_s - self._since
        self._count(shank)

    def _count(self, shank: Quaternion) -> None:
        if self._rest is None:
            return
        bent = turn_rad(self._rest, shank)
        if not self._bent and bent > BENT_RAD:
            self._bent = True
        elif self._bent and bent < BACK_RAD:
            self._bent = False
            self.bends += 1
