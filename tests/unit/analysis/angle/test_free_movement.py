"""Free movement: what gravity shows of a leg that is asked for nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analysis.angle.free_movement import free_angles, free_axes
from analysis.calibrate.calibration import Windows
from analysis.calibrate.given_axes import GivenAxes
from imu.sample import Side

LIMIT = math.radians(5.0)


def moving(new_leg, side):
    """Return a leg that stands, sits down and moves, never still in any start position."""
    leg = new_leg("seated_internal_rotation", side, 4)
    leg.still(3.0, "stand").go(2.0, leg.pose)
    for _ in range(6):
        leg.go(1.0, leg.turned(25.0, knee=-30.0)).go(1.2, leg.turned(-15.0, knee=10.0))
    return leg


def given_of(leg):
    thigh, shank = (
        tuple(float(x) for x in np.roll(strap.mounting.as_quat(), 1))
        for strap in (leg.thigh, leg.shank)
    )
    return GivenAxes(side=leg.side, q_thigh=thigh, q_shank=shank, sigma_rad=math.radians(0.3))


@pytest.mark.parametrize("side", list(Side))
def test_with_given_axes_every_angle_is_the_true_one(new_leg, side):
    leg = moving(new_leg, side)
    frames = leg.frames()
    axes, _ = free_axes(frames, Windows(), given_of(leg))
    assert axes is not None
    found = free_angles(axes, frames, side, LIMIT)
    turned = ~np.isnan(found.rotation)
    off = np.degrees(found.rotation) - leg.inclinometer_deg()
    assert turned.mean() > 0.6
    assert np.abs(off[turned]).max() < 0.5
    knee = leg.joints()[:, 4]
    late = frames.time_s > 3.0
    assert np.abs(np.degrees(found.knee_flexion) - knee)[late].max() < 1.0
    assert not np.isnan(found.thigh_elevation).any()


@pytest.mark.parametrize("turn_deg", [0.0, 90.0, -150.0])
def test_a_unit_back_with_another_heading_after_a_hole_changes_no_angle(new_leg, turn_deg):
    leg = moving(new_leg, Side.RIGHT)
    back_s = leg.now_s
    for _ in range(6):
        leg.go(1.0, leg.turned(25.0, knee=-30.0)).go(1.2, leg.turned(-15.0, knee=10.0))
    frames = leg.frames()
    after = frames.time_s >= back_s
    half = math.radians(turn_deg) / 2.0
    w, x, y, z = frames.q_shank[after].T
    c, s = math.cos(half), math.sin(half)
    frames.q_shank[after] = np.stack(
        (c * w - s * z, c * x - s * y, c * y + s * x, c * z + s * w), 1
    )
    frames.q_shank[(frames.time_s > back_s - 4.0) & ~after] = np.nan
    axes, _ = free_axes(frames, Windows(), given_of(leg))
    found = free_angles(axes, frames, Side.RIGHT, LIMIT)
    knee_off = np.degrees(found.knee_flexion) - leg.joints()[:, 4]
    assert np.abs(knee_off[after]).max() < 1.0
    off = np.degrees(found.rotation[after]) - leg.inclinometer_deg()[after]
    assert np.nanmax(np.abs(off)) < 0.5


def test_a_standing_thigh_hides_its_turn_and_the_cell_is_empty(new_leg):
    leg = moving(new_leg, Side.RIGHT)
    frames = leg.frames()
    axes, _ = free_axes(frames, Windows(), given_of(leg))
    found = free_angles(axes, frames, Side.RIGHT, LIMIT)
    standing = frames.time_s < 3.0
    assert np.isnan(found.rotation[standing]).all()
    assert np.isnan(found.rotation_sigma[standing]).all()
    assert np.isfinite(found.thigh_elevation[standing]).all()


def test_a_stand_alone_gives_the_elevation_with_its_wide_uncertainty(new_leg):
    leg = moving(new_leg, Side.RIGHT)
    frames = leg.frames()
    axes, result = free_axes(frames, Windows(stand=leg.named["stand"]), None)
    assert axes is not None
    assert "no knee bends are marked" in result.sentences[0]
    found = free_angles(axes, frames, Side.RIGHT, LIMIT)
    assert np.isnan(found.knee_flexion).all()
    assert np.degrees(found.thigh_elevation_sigma).min() > 6.9


def test_nothing_marked_and_nothing_given_is_a_sentence(new_leg):
    axes, result = free_axes(moving(new_leg, Side.RIGHT).frames(), Windows(), None)
    assert axes is None
    assert "give --calibration" in result.sentences[0]
