"""The messages to a viewer: the read-out as flat, short JSON (docs/live-protocol.md)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from analysis.calibrate.calibration import CalibrationResult, LegCalibration
from analysis.session.leg_monitor import LegUpdate
from hipturn.clinical_words import check_said
from imu.quaternion import FLOATS, Number, Numbers, Quaternion, Vector, Wxyz, Xyz, rotate
from imu.sample import Side

VERSION = 2
"""Of the messages; a page of another version asks to be loaded again."""
LEVEL_SHARE = 0.7
"""An axis that rises less than this (45°) is level enough to show which way is ahead."""
PER_MILLE = 1000.0
"""Bones are sent as whole thousandths: 0.06° of direction."""


def finite(value: float, digits: int) -> float | None:
    """Return a number as JSON has it: rounded, and None where it is not known."""
    return round(value, digits) if math.isfinite(value) else None


def leg_message(
    leg: LegUpdate, calibration: LegCalibration | None, q_shank: Quaternion | None
) -> dict[str, Any]:
    """Return one leg of a read-out."""
    return {
        "deg": finite(leg.rotation_deg, 1),
        "sd": finite(leg.sigma_deg, 1),
        "phase": leg.phase,
        "hold": round(leg.hold_s, 1),
        "leg": bones(leg, calibration, q_shank),
    }


def bones(
    leg: LegUpdate, calibration: LegCalibration | None, q_shank: Quaternion | None
) -> list[int] | None:
    """Return thigh and shank for drawing: two unit vectors in thousandths, hip → knee → ankle.

    Components are ahead, aside (up × ahead) and up; ahead is where the wearer faces, or, when
    lying, where the feet are.
    """
    flexion, adduction = leg.angles.flexion, leg.angles.adduction
    if calibration is None or q_shank is None or not math.isfinite(flexion + adduction):
        return None
    return [round(part) for part in bones_of(flexion, adduction, q_shank, calibration, FLOATS)]


def bones_of(
    flexion: Number,
    adduction: Number,
    q_shank: Wxyz[Number],
    calibration: LegCalibration,
    of: Numbers[Number],
) -> list[Number]:
    """Return the components of `bones`, not rounded, from ISB angles (rad) of the hip."""
    thigh = thigh_direction(flexion, adduction, calibration, of)
    x, y, z = rotate(q_shank, calibration.y_shank)
    axes = drawing_axes(calibration.pelvis)
    return [PER_MILLE * _dot(v, axis) for v in (thigh, (-x, -y, -z)) for axis in axes]


def thigh_direction(
    flexion: Number, adduction: Number, calibration: LegCalibration, of: Numbers[Number]
) -> Xyz[Number]:
    """Return the direction from hip to knee in the shank unit's earth, from ISB angles (rad)."""
    px, py, pz = calibration.pelvis
    a, b = of.cos(adduction) * of.sin(flexion), -of.cos(adduction) * of.cos(flexion)
    c = -calibration.side.sign * of.sin(adduction)
    return (
        a * px[0] + b * py[0] + c * pz[0],
        a * px[1] + b * py[1] + c * pz[1],
        a * px[2] + b * py[2] + c * pz[2],
    )


def drawing_axes(pelvis: tuple[Vector, Vector, Vector]) -> tuple[Vector, Vector, Vector]:
    """Return ahead, aside and up in the shank unit's earth."""
    front, head, _ = pelvis
    x, y = (front[0], front[1]) if abs(front[2]) < LEVEL_SHARE else (-head[0], -head[1])
    n = math.hypot(x, y)
    return (x / n, y / n, 0.0), (-y / n, x / n, 0.0), (0.0, 0.0, 1.0)


def checks_message(result: CalibrationResult | None) -> list[dict[str, Any]]:
    """Return the figures of a calibration with their limits and what to do about a fail."""
    if result is None:
        return []
    return [
        {
            "name": check.name,
            "said": check.name if check.unit == "found" else check_said(check.name, check.value),
            "value": finite(check.value, 2),
            "limit": finite(check.limit, 2),
            "unit": check.unit,
            "passed": check.passed,
            "text": check.sentence,
        }
        for check in result.checks
    ]


def frame_message(time_s: float, legs: Mapping[Side, dict[str, Any]]) -> dict[str, Any]:
    """Return a read-out."""
    return {"type": "frame", "time_s": round(time_s, 2), **{str(s): leg for s, leg in legs.items()}}


def _dot(a: Xyz[Number], b: Vector) -> Number:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
