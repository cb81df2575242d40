"""The first common heading of thigh and shank, and the long axes that go with it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from analysis.angle.hinge_heading import FORGETTING_S
from analysis.calibrate.start_heading import Seen, fit_headings
from analysis.leg import LegFrames

DELTA_DEG = 70.0
Y, Z = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
STANDING = Rotation.from_matrix(np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]))
NOTHING = np.empty(0)


def seated(front_deg, slope_deg=0.0):
    """Return a femur whose front is turned this far from up about its length, the knee higher."""
    level = Rotation.from_matrix(np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]]))
    tilt = Rotation.from_euler("y", -slope_deg, degrees=True)
    return tilt * level * Rotation.from_euler("y", front_deg, degrees=True)


def frames(femurs, knees_deg):
    """Return what units aligned with the segments see, the shank's from a north of its own."""
    femurs = Rotation.concatenate(femurs)
    shanks = femurs * Rotation.from_euler("z", -np.asarray(knees_deg, float)[:, None], degrees=True)
    north = Rotation.from_euler("z", -DELTA_DEG, degrees=True)
    thigh, shank = (turns.as_quat(scalar_first=True) for turns in (femurs, north * shanks))
    return LegFrames(np.arange(len(thigh)) / 60.0, thigh, shank)


def still(femur, knee_deg, count=60):
    return frames([femur] * count, [knee_deg] * count)


def bends(femur, low_deg=20.0, top_deg=90.0):
    return frames([femur] * 90, np.linspace(low_deg, top_deg, 90))


def seen(pose, *others, knee_deg, front_up, y_thigh=Y):
    return Seen(pose, others, y_thigh, Y, Z, math.radians(knee_deg), front_up)


def off_deg(fit):
    return abs(math.degrees(math.remainder(fit.delta_rad - math.radians(DELTA_DEG), 2 * math.pi)))


def off_axis_deg(y):
    return math.degrees(math.acos(min(1.0, float(y @ Y))))


@pytest.mark.parametrize("knee_deg", [8.0, 90.0])
@pytest.mark.parametrize("front_deg", [0.0, 90.0, 180.0])
def test_the_start_pose_and_the_bends_give_the_heading(front_deg, knee_deg):
    femur = seated(front_deg, 10.0)
    found = fit_headings(
        seen(
            still(femur, knee_deg),
            bends(femur),
            knee_deg=knee_deg,
            front_up=math.cos(math.radians(front_deg)),
        )
    )[0]
    assert off_deg(found) < 0.5
    assert 0.0 < found.weight_s <= FORGETTING_S


def test_a_level_hinge_is_trusted_more_than_a_vertical_one():
    weights = []
    for front_deg in (0.0, 90.0):
        pose = still(seated(front_deg), 90.0)
        front_up = math.cos(math.radians(front_deg))
        weights.append(fit_headings(seen(pose, knee_deg=90.0, front_up=front_up))[0].weight_s)
    assert weights[0] > 5 * weights[1]


@pytest.mark.parametrize("off", [10.0, -10.0])
@pytest.mark.parametrize("aside", [True, False])
def test_a_stand_ten_degrees_off_does_not_mirror_an_upright_thigh(off, aside):
    """The long axis is taken to be upright, and the thigh that bends the knee leans and moves."""
    leans = Rotation.from_euler("x" if aside else "z", off, degrees=True)
    standing = STANDING * leans.inv()
    lifts = [
        standing * Rotation.from_euler("z", lift, degrees=True) for lift in np.linspace(0, 25, 90)
    ]
    found = fit_headings(
        seen(
            still(standing, 5.0),
            frames(lifts, np.linspace(10.0, 80.0, 90)),
            still(standing, 5.0),
            knee_deg=15.0,
            front_up=math.sin(math.radians(10.0)),
            y_thigh=standing.inv().apply([0.0, 0.0, 1.0]),
        )
    )[0]
    assert off_deg(found) < 45.0


def test_the_hinge_shows_how_far_the_thigh_of_a_stand_leans_aside():
    """Feet apart, both segments lean out, and the knee's axis, known from the bends, with them."""
    standing = STANDING * Rotation.from_euler("x", -12.0, degrees=True)
    taken = standing.inv().apply([0.0, 0.0, 1.0])
    sat = seated(0.0)
    found = fit_headings(
        seen(
            still(sat, 90.0),
            bends(sat),
            still(standing, 0.0),
            knee_deg=90.0,
            front_up=1.0,
            y_thigh=taken,
        )
    )[0]
    before, after = (
        math.degrees(math.acos(min(1.0, float(y @ Y)))) for y in (taken, found.y_thigh)
    )
    assert before == pytest.approx(12.0, abs=0.1)
    assert after < 6.0
    assert off_deg(found) < 3.0
