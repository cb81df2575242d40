"""Whether the start pose and the knee bends are what the exercise wants, where the data show it."""

from __future__ import annotations

import math

import numpy as np

from analysis.calibrate.checks import Check, at_least, at_most, deg_at_least, upright_check
from analysis.calibrate.leg_axes import SegmentAxes, Steps, turned
from analysis.calibrate.start_heading import hinge_consistency, knee_on_the_way
from analysis.exercises import nominal_up
from analysis.leg import LegCalibration
from imu.sample import FloatArray

FRONT_SEEN = 0.5
"""Below this share of gravity across the femur, a pose does not show which way its front is."""
FRONT_MAX_RAD = math.radians(60.0)
"""A front further off is the back: a mirrored leg is 180° off, a poor pose 30°."""
UPRIGHT_RAD = math.radians(60.0)
"""A thigh raised or lowered beyond this is upright: gravity does not show its front."""
FORWARDS_RAD = math.radians(45.0)
"""A knee that seems to bend this far forwards has an axis of the wrong sign."""
KNEE_MAX_RAD = math.radians(25.0)
"""As far as a knee may be off while repetitions count."""
CONSISTENCY_MIN = 0.95
"""Agreement of the bends on one heading, 1 when all agree; 0.95 is a spread of about 18°."""
SWING_MIN_RAD, SWING_MAX_RAD = math.radians(40.0), math.radians(25.0)
"""How far a shank's slope changes in knee bends: more than in a hip's rotation, or, with the hinge
upright, less."""

KNOWN_HINGE_MAX_RAD = math.radians(35.0)
"""How far the knee may turn from a known x axis: a phone on the flat of the shin lies askew by 20°,
a turn of the hip, which the shank alone takes for a bend, is 90° off."""
DOUBTED_HINGE_MAX_RAD = math.radians(24.0)
"""The same of bends that are small for bends: with a thigh unit too, the little that the knee does
in a set of hip turns may pass for them, about an axis that is 25 to 32° off. In 300 simulated
wearers no bends were both small and so far off."""
SMALL_SWING_RAD = math.radians(50.0)
"""A shank that goes up and down by less is not doubted for that alone: stiff knees do."""


def mount_checks(steps: Steps, axes: SegmentAxes) -> list[Check]:
    """Return the checks of units of which it is known how they are worn."""
    mounts, checks = steps.pose.mounts, list[Check]()
    known = [("shank", mounts.shank_upright, axes.y_shank)]
    if axes.y_thigh is not None:
        known.append(("thigh", mounts.thigh_upright, axes.y_thigh))
    for segment, is_upright, y in known:
        if is_upright:
            checks.append(upright_check(segment, float(y[1])))
    if mounts.shank_upright:
        off = math.acos(min(1.0, abs(float(axes.z_shank[0]))))
        level = steps.pose.thigh_worn and not _hinge_is_upright(steps)
        doubted = level and _swing_rad(steps, axes) < SMALL_SWING_RAD
        most = DOUBTED_HINGE_MAX_RAD if doubted else KNOWN_HINGE_MAX_RAD
        checks.append(at_most("hinge against the side", off, most, "hinge askew"))
    return checks


def _hinge_is_upright(steps: Steps) -> bool:
    """Return whether the knee bends about a vertical axis, so that the shank hardly goes up."""
    return abs(float(nominal_up(steps.exercise, steps.side)[0][2])) > FRONT_SEEN


def _swing_rad(steps: Steps, axes: SegmentAxes) -> float:
    """Return how far the shank went up or down in the bends."""
    up = turned(steps.bends.q_shank, axes.y_shank)[:, 2]
    return float(np.ptp(np.arcsin(np.clip(up, -1.0, 1.0))))


def hinge_check(steps: Steps, axes: SegmentAxes, leg: LegCalibration) -> list[Check]:
    """Return the check that all of the bends agree on the common heading, where they show it."""
    if axes.y_thigh is None:
        return []
    bends = steps.bends
    agreed = hinge_consistency(
        turned(bends.q_thigh, axes.y_thigh), turned(bends.q_shank, axes.z_shank), leg.heading_rad
    )
    if agreed is None:
        return []
    return [at_least("hinge consistency", agreed, CONSISTENCY_MIN, "hinge disagrees")]


def knee_check(steps: Steps, axes: SegmentAxes) -> list[Check]:
    """Return the check of the start pose's knee where gravity does not show it, but the way did."""
    hinge_up = float(nominal_up(steps.exercise, steps.side)[0][2])
    if axes.y_thigh is None or abs(hinge_up) < FRONT_SEEN:
        return []
    pose, move = steps.pose, steps.move
    y_thigh = turned(pose.q_thigh, axes.y_thigh)
    z_shank, y_shank = (turned(pose.q_shank, axis) for axis in (axes.z_shank, axes.y_shank))
    nominal = math.radians(steps.exercise.pose.knee_flexion_deg)
    knee = knee_on_the_way(
        (y_thigh, z_shank, y_shank),
        (turned(move.q_thigh, axes.y_thigh), turned(move.q_shank, axes.z_shank)),
        nominal,
        KNEE_MAX_RAD,
    )
    if knee is None:
        return []
    off = abs(math.remainder(knee - nominal, 2 * math.pi))
    words = {"exercise": steps.exercise.name}
    return [at_most("knee in the start pose", off, KNEE_MAX_RAD, "wrong knee", **words)]


def shank_check(steps: Steps, axes: SegmentAxes) -> list[Check]:
    """Return the check that a shank alone was turned by its knee and not by the hip.

    Both turn it about an axis of its own. Only how far it goes up or down tells them apart: further
    than a hip's rotation takes it, or, where the hinge is upright, hardly at all.
    """
    if steps.pose.thigh_worn:
        return []
    swung, name = _swing_rad(steps, axes), "shank swing in the bends"
    if _hinge_is_upright(steps):
        return [at_most(name, swung, SWING_MAX_RAD, "hip or knee, lying")]
    return [deg_at_least(name, swung, SWING_MIN_RAD, "hip or knee")]


def front_check(steps: Steps, leg: LegCalibration, femur: FloatArray) -> Check:
    """Return the check that the femur's front is where the exercise has it.

    With the front sideways a knee axis of the wrong sign and the wrong leg look alike, so that
    neither is taken for granted; with the front up or down a wrong sign mirrors the whole leg, and
    only the first repetitions tell. With the thigh upright the knee tells: it never bends forwards.
    """
    up = nominal_up(steps.exercise, steps.side)[0]
    if math.hypot(up[0], up[2]) < FRONT_SEEN:
        return at_most(
            "front of the thigh", math.pi * bends_forwards(leg), FRONT_MAX_RAD, "wrong way"
        )
    seen = math.atan2(femur[2, 2], femur[2, 0])
    off = abs(math.remainder(seen - math.atan2(up[2], up[0]), 2 * math.pi))
    remedy = "front" if abs(float(up[0])) > FRONT_SEEN else "wrong way"
    return at_most("front of the thigh", off, FRONT_MAX_RAD, remedy)


def bends_forwards(leg: LegCalibration) -> bool:
    """Say whether the knee of an upright thigh seems to bend forwards, which no knee does."""
    upright = abs(leg.thigh_elevation_rad) > UPRIGHT_RAD
    return leg.y_thigh is not None and upright and leg.knee_flexion_rad < -FORWARDS_RAD
