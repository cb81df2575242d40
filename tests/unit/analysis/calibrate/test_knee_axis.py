"""The knee's axis from bends: whose thigh moves, on a free leg and over a foot that stays put."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from analysis.calibrate.knee_axis import COUNTER_TURN_MAX, EIGENVALUE_RATIO_MIN, find_hinge

RATE_HZ = 100.0
Z = np.array([0.0, 0.0, 1.0])


def bends(thigh_share, lean_deg=0.0, shake_deg=0.0):
    """Return five bends by 80°, of which the thigh does a share; it may lean aside and shake."""
    time_s = np.arange(0.0, 15.0, 1 / RATE_HZ)
    bend = 40.0 * (1.0 - np.cos(2 * np.pi * time_s / 3.0))
    wobble = shake_deg * np.sin(2 * np.pi * 9.0 * time_s)
    lean = lean_deg * np.sin(2 * np.pi * time_s / 3.0)
    upright = Rotation.from_matrix(np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]]))
    thigh = upright * Rotation.from_euler(
        "xz", np.stack((lean, thigh_share * bend), axis=-1), degrees=True
    )
    shank = (
        thigh
        * Rotation.from_euler("z", -bend[:, None], degrees=True)
        * Rotation.from_euler("x", wobble[:, None], degrees=True)
    )
    return time_s, thigh.as_quat(scalar_first=True), shank.as_quat(scalar_first=True)


def figures(hinge):
    return {check.name: check for check in hinge.checks}


def off_deg(hinge):
    return math.degrees(math.acos(min(1.0, abs(float(hinge.axis @ Z)))))


def test_a_free_leg_whose_thigh_leans_gives_its_axis_and_is_not_refused():
    """The rear leg of a lunge: the thigh turns a good deal, but not about the knee's axis."""
    found = find_hinge(*bends(0.17, lean_deg=25.0), extends=False, heading_rad=0.0)
    assert off_deg(found) < 0.5
    assert all(check.passed for check in found.checks)


@pytest.mark.parametrize("share", [0.45, 0.72])
def test_bends_over_a_foot_that_stays_put_are_refused_by_what_the_thigh_did(share):
    found = find_hinge(*bends(share), extends=False, heading_rad=0.0)
    failed = [check for check in found.checks if not check.passed]
    assert [check.name for check in failed] == ["thigh share"]
    assert failed[0].value == pytest.approx(share, abs=0.02)
    assert failed[0].limit == COUNTER_TURN_MAX
    assert "with the foot free" in failed[0].sentence


def test_flesh_that_shakes_faster_than_the_knee_bends_does_not_spoil_the_axis():
    found = find_hinge(*bends(0.0, shake_deg=1.0), extends=False, heading_rad=0.0)
    assert figures(found)["hinge eigenvalue ratio"].value > EIGENVALUE_RATIO_MIN
    assert off_deg(found) < 0.5


def test_losses_in_the_bends_do_not_turn_the_knees_axis_round():
    time_s = np.arange(0.0, 15.0, 1.0 / 60.0)
    bend = np.radians(27.0) * (1.0 - np.cos(2.0 * np.pi * time_s / 3.0))
    q = np.stack((np.cos(bend / 2), 0 * bend, 0 * bend, np.sin(bend / 2)), axis=1)
    still = np.tile((1.0, 0.0, 0.0, 0.0), (len(q), 1))
    phase = time_s % 3.0
    heard = ~((phase > 0.5) & (phase < 0.8))  # always on the way out
    hinge = find_hinge(time_s[heard], still[heard], q[heard], extends=True, heading_rad=0.0)
    assert hinge.axis == pytest.approx((0.0, 0.0, 1.0), abs=1e-6)
    assert all(check.passed for check in hinge.checks)
