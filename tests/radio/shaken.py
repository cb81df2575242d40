"""Emulated DOTs that lie still, and are shaken when somebody shakes them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from imu.quaternion import FLOATS, from_axis_angle
from imu.sample import Segment, Side
from imu.virtual.chance import chance_from
from imu.virtual.settings import WearerSettings
from imu.virtual.units.dot_unit import DotUnit
from imu.virtual.units.sensors import SensorTrace

GRID_HZ = 480.0
SWING_RAD = math.radians(30.0)
SWING_HZ = 3.0
AXIS = (0.0, 0.6, 0.8)
PLACES = [(s, side) for side in (Side.RIGHT, Side.LEFT) for s in (Segment.THIGH, Segment.SHANK)]

Shakes = Sequence[tuple[float, float, int]]
"""From when to when, in seconds, which unit is shaken."""


def shaken_units(count: int, shakes: Shakes, seconds: float) -> list[DotUnit]:
    """Return units that are shaken at their times, and tremble a little otherwise."""
    time_s = np.arange(0.0, seconds, 1.0 / GRID_HZ)
    return [
        DotUnit(
            _trace(index, time_s, [(a, b) for a, b, unit in shakes if unit == index]),
            chance_from(index).units[PLACES[index]],
            WearerSettings(loss_share=0.0),
            address=f"D4:22:CD:00:00:0{index + 1}",
            serial=index + 1,
            rssi=-50 - index,
        )
        for index in range(count)
    ]


def _trace(index: int, time_s: np.ndarray, spans: Sequence[tuple[float, float]]) -> SensorTrace:
    swing = np.full(len(time_s), 0.01)
    for begin_s, end_s in spans:
        swing[(time_s >= begin_s) & (time_s < end_s)] = SWING_RAD
    angle = swing * np.sin(2 * math.pi * SWING_HZ * time_s)
    q = np.array([from_axis_angle(AXIS, float(a), FLOATS) for a in angle])
    gyr = np.gradient(angle, 1.0 / GRID_HZ)[:, None] * np.array(AXIS)
    acc = np.tile([0.0, 0.0, 9.81], (len(time_s), 1))
    segment, side = PLACES[index]
    return SensorTrace(
        segment=segment, side=side, q_earth_sensor_true=q, acc=acc, gyr=gyr, q_earth_sensor=q
    )
