"""The definition of the angle against poses whose angle is known without computing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imu.sample import Side
from imu.virtual.person.body import (
    JointAngles,
    gravity_phi,
    leg_attitudes,
    pelvis_attitude,
    start_pose,
    thigh_elevation,
)
from imu.virtual.person.movements import MOVEMENTS, PelvisPosition, movement_of
from imu.virtual.person.truth import true_angle

SIDES = tuple(Side)
POSES = {
    "seated": ("seated_internal_rotation", {}),
    "seated, thigh sloping down 15°": ("seated_internal_rotation", {"flexion_deg": 75.0}),
    "seated, thigh sloping up 15°": ("seated_internal_rotation", {"flexion_deg": 105.0}),
    "seated, abducted 20°": ("seated_internal_rotation", {"adduction_deg": -20.0}),
    "prone": ("prone_windshield_wiper", {}),
    "prone, abducted 15°": ("prone_rotation_test", {"adduction_deg": -15.0}),
    "prone, knee off square": ("prone_rotation_test", {"knee_flexion_deg": 70.0}),
    "side-lying": ("side_lying_ankle_lift", {}),
    "straight knee": ("seated_leg_extension_twist", {}),
    "90-90 back leg": ("ninety_ninety_lift", {}),
    "standing": ("standing_banded_rotation", {}),
    "supine 90/90": ("supine_rotation_test", {}),
}
# Degrees: rounding of the arithmetic is 1e-12, so half a hundredth leaves no room for a rule.
TOLERANCE_DEG = 0.005


def read_pose(
    exercise: str,
    side: Side,
    rotation_deg: float,
    *,
    heading_deg: float = 0.0,
    **start_deg: float,
) -> float:
    """Return what the definition reads when a perfect start pose is turned inwards, in degrees.

    `start_deg` holds angles of the start pose where they are not the exercise's own: a sloped
    thigh, a leg held out to the side, another knee. The whole body is turned by `heading_deg`.
    """
    movement = replace(movement_of(exercise), **start_deg)
    rotation = np.radians(movement.rotation_deg + np.array([0.0, rotation_deg]))
    joints = JointAngles(
        flexion_rad=np.full(2, np.radians(movement.flexion_deg)),
        adduction_rad=np.full(2, np.radians(movement.adduction_deg)),
        rotation_rad=rotation,
        knee_rad=np.full(2, np.radians(movement.knee_flexion_deg)),
        play_rad=np.zeros(2),
    )
    pelvis = pelvis_attitude(movement.pelvis, side, np.radians(heading_deg))
    q_earth_femur, _ = leg_attitudes(pelvis, joints, side)
    return float(true_angle(movement, side, q_earth_femur, np.array([True, False]))[1])


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("pose", POSES)
def test_thirty_degrees_of_rotation_read_thirty_degrees_in_every_pose(pose, side):
    exercise, changes = POSES[pose]
    for rotation_deg in (30.0, 12.0, 0.0, -10.0):
        read_deg = read_pose(exercise, side, rotation_deg, **changes)
        assert read_deg == pytest.approx(rotation_deg, abs=TOLERANCE_DEG)


@given(
    exercise=st.sampled_from(sorted(MOVEMENTS)),
    side=st.sampled_from(SIDES),
    rotation_deg=st.floats(-30.0, 60.0),
    heading_deg=st.floats(-360.0, 360.0),
)
def test_turning_the_whole_wearer_does_not_change_the_angle(
    exercise, side, rotation_deg, heading_deg
):
    read_deg = read_pose(exercise, side, rotation_deg, heading_deg=heading_deg)
    assert read_deg == pytest.approx(rotation_deg, abs=TOLERANCE_DEG)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("exercise", "phi_deg"),
    [
        ("seated_internal_rotation", 0.0),
        ("prone_windshield_wiper", 180.0),
        ("side_lying_ankle_lift", 90.0),
        ("ninety_ninety_lift", 88.0),
    ],
)
def test_start_poses_have_the_phi_of_the_definition_on_both_legs(exercise, phi_deg, side):
    movement = movement_of(exercise)
    femur, _ = leg_attitudes(
        pelvis_attitude(movement.pelvis, side, 0.7), start_pose(movement), side
    )
    off_deg = np.degrees(gravity_phi(femur, side)) - phi_deg
    assert (off_deg + 180.0) % 360.0 - 180.0 == pytest.approx(0.0, abs=TOLERANCE_DEG)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("exercise", "elevation_deg", "shank_down_deg"),
    [
        # Elevation of hip → knee, and of knee → ankle, above the horizontal.
        ("prone_windshield_wiper", 0.0, 90.0),
        ("seated_internal_rotation", 0.0, -90.0),
        ("seated_leg_extension_twist", 0.0, -8.0),
        ("side_lying_ankle_lift", 0.0, 0.0),
        ("ninety_ninety_lift", 0.0, -2.0),
        ("standing_banded_rotation", -80.0, -85.0),
        ("supine_rotation_test", 90.0, 0.0),
    ],
)
def test_thigh_and_shank_of_a_start_pose_lie_as_the_pose_is_described(
    exercise, elevation_deg, shank_down_deg, side
):
    movement = movement_of(exercise)
    femur, shank = leg_attitudes(
        pelvis_attitude(movement.pelvis, side, -1.1), start_pose(movement), side
    )
    assert np.degrees(thigh_elevation(femur)) == pytest.approx(elevation_deg, abs=0.1)
    assert np.degrees(thigh_elevation(shank)) == pytest.approx(shank_down_deg, abs=0.1)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("exercise", "moves_to"),
    [
        ("prone_windshield_wiper", "outside"),
        ("seated_internal_rotation", "outside"),
        ("side_lying_ankle_lift", "up"),
        ("ninety_ninety_lift", "up"),
        ("supine_rotation_test", "outside"),
        ("standing_banded_rotation", "outside"),
    ],
)
def test_internal_rotation_takes_the_foot_outwards_or_up_on_both_legs(exercise, moves_to, side):
    movement = movement_of(exercise)
    pelvis = pelvis_attitude(movement.pelvis, side, 0.0)
    pose = start_pose(movement)
    turned = JointAngles(
        flexion_rad=pose.flexion_rad,
        adduction_rad=pose.adduction_rad,
        rotation_rad=pose.rotation_rad + np.radians(10.0),
        knee_rad=pose.knee_rad,
        play_rad=pose.play_rad,
    )
    foot = [
        _matrix(leg_attitudes(pelvis, joints, side)[1]) @ (0.0, -1.0, 0.0)
        for joints in (pose, turned)
    ]
    outside = side.sign * _matrix(pelvis) @ (0.0, 0.0, 1.0)
    direction = outside if moves_to == "outside" else np.array([0.0, 0.0, 1.0])
    assert (foot[1] - foot[0]) @ direction > 0.02


@given(
    side=st.sampled_from(SIDES),
    position=st.sampled_from(tuple(PelvisPosition)),
    angles_deg=st.tuples(*[st.floats(-60.0, 120.0)] * 4),
)
def test_the_leg_follows_the_isb_hip_as_computed_by_another_library(side, position, angles_deg):
    flexion, adduction, rotation, knee = np.radians(angles_deg)
    pelvis = pelvis_attitude(position, side, 0.4)
    femur, shank = leg_attitudes(
        pelvis,
        JointAngles(
            flexion_rad=flexion,
            adduction_rad=adduction,
            rotation_rad=rotation,
            knee_rad=knee,
            play_rad=np.zeros(()),
        ),
        side,
    )
    hip = Rotation.from_euler("ZXY", [flexion, side.sign * adduction, side.sign * rotation])
    expected = _matrix(pelvis) @ hip.as_matrix()
    np.testing.assert_allclose(_matrix(femur), expected, atol=1e-12)
    bent = expected @ Rotation.from_euler("z", -knee).as_matrix()
    np.testing.assert_allclose(_matrix(shank), bent, atol=1e-12)


@pytest.mark.parametrize("side", SIDES)
def test_knee_play_at_a_square_knee_looks_like_internal_rotation_of_the_shank(side):
    pelvis = pelvis_attitude(PelvisPosition.UPRIGHT, side, 0.0)
    square = np.pi / 2

    def shank_of(rotation_deg: float, play_deg: float) -> np.ndarray:
        joints = JointAngles(
            flexion_rad=np.array(square),
            adduction_rad=np.zeros(()),
            rotation_rad=np.radians(rotation_deg),
            knee_rad=np.array(square),
            play_rad=np.radians(play_deg),
        )
        return _matrix(leg_attitudes(pelvis, joints, side)[1])

    np.testing.assert_allclose(shank_of(30.0, 3.0), shank_of(33.0, 0.0), atol=1e-12)


def test_an_exercise_the_wearer_does_not_know_is_named_in_the_error():
    with pytest.raises(ValueError, match=r"does not know the exercise 'squat'; it knows prone_"):
        read_pose("squat", Side.RIGHT, 10.0)


def _matrix(q: np.ndarray) -> np.ndarray:
    return Rotation.from_quat(q, scalar_first=True).as_matrix()
