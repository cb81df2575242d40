"""What no unit shows: how far knee and skin may take an angle from the hip's own rotation.

It stands beside the uncertainty of the sensors, not in it but for the usual share of a straight
leg's roll (`analysis.angle.uncertainty`): no calibration finds it, and who has less of it is
measured better than this says.
"""

from __future__ import annotations

import math
from typing import TypeVar

from analysis.exercises import Exercise
from imu.sample import FloatArray

Number = TypeVar("Number", float, FloatArray)

KNEE_PLAY_DEG = 3.0
"""Frontal give of a bent knee, which moves the shin as the hip's rotation does. Held loosely, the
knee adds 1.5° in men to 6° in women to passive rotation lying prone (Harris-Hayes et al. 2007,
Physiotherapy Theory and Practice 23:315-323); half of the most is taken for active movement."""
SHIN_SKIN_SHARE = 0.1
"""Of a straight leg's roll, which is read through the shin's skin: assumed, not measured."""


def hidden_deg(exercise: Exercise, angle_deg: Number) -> Number:
    """Return how much of an angle (deg), or of each of several (n,), may be knee and skin, deg.

    A bent knee shows the rotation by where the shin points, a straight one by how it rolls.
    """
    knee = math.radians(exercise.pose.knee_flexion_deg)
    skin_share = SHIN_SKIN_SHARE * max(math.cos(knee), 0.0)
    return KNEE_PLAY_DEG * max(math.sin(knee), 0.0) + skin_share * abs(angle_deg)
