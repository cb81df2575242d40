"""The exercises a virtual wearer can do: start poses, what the angle is, how far people get.

First those whose hip rotation is measured, then proxies, which carry more than the hip's rotation
or nothing of it, then positions that are kept and times that pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from imu.virtual.person.movement import Carry, Movement, PelvisPosition

__all__ = ["MOVEMENTS", "Movement", "PelvisPosition", "movement_of"]

UPRIGHT, PRONE, SUPINE, SIDE_LYING = PelvisPosition

Pose = tuple[float, float, float, float]
"""Hip flexion, adduction and internal rotation, and knee flexion, in degrees."""
SEATED: Pose = (90.0, 0.0, 0.0, 90.0)
FACE_DOWN: Pose = (0.0, 0.0, 0.0, 90.0)
BACK_LEG: Pose = (90.0, -45.0, 88.0, 90.0)
"""Of the 90-90: thigh flat on the floor and out to the side, turned in until the shank lies on the
floor behind, which makes the knee axis nearly vertical."""
TOES_UP: Pose = (90.0, 0.0, -8.0, 8.0)
"""Toes up at rest means a leg that lies a little turned out."""
KNEE_UP: Pose = (135.0, 0.0, 0.0, 90.0)


def _repeated(
    exercise: str,
    pelvis: PelvisPosition,
    pose: Pose,
    amplitude: tuple[float, float, float, float],
    reps: int,
    **more: Any,  # noqa: ANN401 (other fields of a movement)
) -> Movement:
    """Return a movement that is repeated.

    `amplitude` is mean and SD over wearers, the least and the most, in degrees: the spread of
    healthy adults inside the size each exercise is expected to have.
    """
    return Movement(
        exercise=exercise,
        pelvis=pelvis,
        flexion_deg=pose[0],
        adduction_deg=pose[1],
        rotation_deg=pose[2],
        knee_flexion_deg=pose[3],
        amplitude_deg=amplitude[0],
        amplitude_sd_deg=amplitude[1],
        amplitude_range_deg=amplitude[2:],
        reps=reps,
        **more,
    )


def _kept(exercise: str, pelvis: PelvisPosition, pose: Pose, held_s: float) -> Movement:
    """Return a position that is kept, or a time that passes."""
    return _repeated(exercise, pelvis, pose, (1.0, 0.0, 1.0, 1.0), 0, held_s=held_s)


TEST_HOLD_S = (1.2, 3.0)
BRIEF_HOLD_S = (0.2, 0.8)

_ALL = (
    _repeated(
        "prone_windshield_wiper", PRONE, FACE_DOWN, (30.0, 5.0, 20.0, 45.0), 10,
        phi0_deg=180.0, both_legs=True,
    ),
    _repeated("ninety_ninety_lift", UPRIGHT, BACK_LEG, (12.0, 2.5, 5.0, 20.0), 8),
    _repeated(
        "seated_internal_rotation", UPRIGHT, SEATED, (30.0, 5.0, 20.0, 45.0), 20, phi0_deg=0.0
    ),
    _repeated(
        "side_lying_ankle_lift", SIDE_LYING, (45.0, 0.0, 0.0, 80.0), (18.0, 4.0, 8.0, 30.0), 15
    ),
    _repeated("seated_leg_extension_twist", UPRIGHT, TOES_UP, (25.0, 4.0, 15.0, 40.0), 20),
    _repeated(
        "standing_banded_rotation", UPRIGHT, (10.0, 0.0, 0.0, 15.0), (18.0, 4.0, 10.0, 30.0), 8,
        angle="heading",
    ),
    _repeated(
        "prone_rotation_test", PRONE, FACE_DOWN, (33.0, 6.0, 5.0, 55.0), 3,
        phi0_deg=180.0, hold_s=TEST_HOLD_S,
    ),
    _repeated(
        "supine_rotation_test", SUPINE, SEATED, (33.0, 6.0, 20.0, 50.0), 3,
        angle="heading", hold_s=TEST_HOLD_S,
    ),
)  # fmt: skip

_OTHERS = (
    _repeated("seated_rotation_drill", UPRIGHT, SEATED, (27.0, 4.0, 18.0, 42.0), 10, phi0_deg=0.0),
    _repeated(
        "prone_rotation_arc_test", PRONE, FACE_DOWN, (33.0, 6.0, 10.0, 55.0), 3,
        phi0_deg=180.0, hold_s=TEST_HOLD_S, outward_deg=(40.0, 6.0),
    ),
    _repeated(
        "seated_rotation_arc_test", UPRIGHT, SEATED, (33.0, 6.0, 10.0, 55.0), 3,
        phi0_deg=0.0, hold_s=TEST_HOLD_S, outward_deg=(35.0, 6.0),
    ),
    _repeated("ninety_ninety_foot_lift", UPRIGHT, BACK_LEG, (12.0, 2.5, 6.0, 20.0), 20),
    *(
        _repeated(name, UPRIGHT, KNEE_UP, (55.0, 6.0, 40.0, 75.0), 20, hold_s=(0.3, 1.0))
        for name in ("floor_internal_rotation", "floor_knee_drop")
    ),
    _repeated(
        "squatting_internal_rotation", UPRIGHT, (90.0, 0.0, 0.0, 125.0), (65.0, 6.0, 50.0, 85.0), 5,
        hold_s=(0.7, 1.5), bends_standing=True, alternating=True,
    ),
    _repeated(
        "straight_leg_raise_test", SUPINE, (0.0, 0.0, 0.0, 0.0), (70.0, 8.0, 50.0, 88.0), 3,
        hold_s=TEST_HOLD_S, bends_standing=True, carry=Carry(flexion=1.0),
    ),
    _repeated(
        "elevated_split_squat", UPRIGHT, (45.0, 0.0, 0.0, 40.0), (45.0, 4.0, 36.0, 58.0), 8,
        hold_s=BRIEF_HOLD_S, bends_standing=True, carry=Carry(flexion=1.0, knee=1.5),
    ),
    _repeated(
        "crossover_step_up", UPRIGHT, SEATED, (75.0, 4.0, 62.0, 86.0), 8,
        hold_s=BRIEF_HOLD_S, bends_standing=True, carry=Carry(flexion=-1.0, knee=-1.0),
    ),
    _repeated(
        "table_top_circles", PRONE, SEATED, (70.0, 5.0, 58.0, 80.0), 5, hold_s=BRIEF_HOLD_S,
        carry=Carry(adduction=-1.0), second_carry=Carry(adduction=-1.0, rotation=0.4),
    ),
    _repeated(
        "warrior_half_moon", PRONE, (0.0, 0.0, 0.0, 5.0), (70.0, 7.0, 52.0, 88.0), 3,
        hold_s=(0.8, 2.0), bends_standing=True, carry=Carry(pelvis=-1.0),
    ),
    _repeated("banded_seated_rotation", UPRIGHT, SEATED, (25.0, 4.0, 17.0, 38.0), 6, phi0_deg=0.0),
    _repeated(
        "banded_prone_rotation", PRONE, FACE_DOWN, (22.0, 4.0, 12.0, 35.0), 10, phi0_deg=180.0
    ),
    _repeated(
        "ninety_ninety_switches", UPRIGHT, KNEE_UP, (55.0, 6.0, 40.0, 75.0), 6,
        hold_s=(0.5, 1.5), alternating=True,
    ),
    _repeated(
        "hip_airplane", PRONE, (0.0, 0.0, 0.0, 5.0), (65.0, 7.0, 50.0, 85.0), 4,
        hold_s=(0.5, 1.5), bends_standing=True, carry=Carry(pelvis=-1.0),
    ),
    _repeated(
        "quadruped_rock_back", PRONE, (115.0, 0.0, 0.0, 115.0), (28.0, 4.0, 18.0, 40.0), 8,
        hold_s=BRIEF_HOLD_S,
        carry=Carry(flexion=1.0, knee=1.0),
    ),
    _kept("isometric_rotation_hold", PRONE, (0.0, 0.0, 20.0, 90.0), 12.0),
    _kept("contract_relax_rotation", UPRIGHT, (90.0, 0.0, 30.0, 90.0), 5.0),
    _kept("hurdle_stretch", UPRIGHT, BACK_LEG, 33.0),
    _kept("standing_hip_stretch", UPRIGHT, (90.0, -20.0, -80.0, 90.0), 33.0),
    _kept("lying_rotation_stretch", SUPINE, (45.0, 0.0, 35.0, 90.0), 33.0),
    _kept("banded_hip_stretch", UPRIGHT, (135.0, 0.0, 20.0, 90.0), 33.0),
    _kept("twisted_legs_stretch", UPRIGHT, (100.0, -20.0, 60.0, 90.0), 33.0),
    _kept("lying_band_stretch", SUPINE, (90.0, 0.0, 30.0, 90.0), 33.0),
    _kept("revolved_pyramid", UPRIGHT, (-20.0, 0.0, 10.0, 0.0), 28.0),
    _kept("front_hip_ball_roll", PRONE, (0.0, 0.0, 0.0, 0.0), 120.0),
    _kept("lateral_rotator_ball_roll", UPRIGHT, (90.0, 0.0, 0.0, 20.0), 120.0),
    _kept("side_hip_massage", SIDE_LYING, (30.0, 0.0, 0.0, 30.0), 180.0),
    _kept("arm_bar", SUPINE, (0.0, 0.0, 0.0, 0.0), 60.0),
    _kept("movement_checks", UPRIGHT, (0.0, 0.0, 0.0, 0.0), 60.0),
    _kept("self_checks", UPRIGHT, (0.0, 0.0, 0.0, 0.0), 60.0),
)  # fmt: skip

MOVEMENTS: Mapping[str, Movement] = MappingProxyType({m.exercise: m for m in _ALL})
"""Every movement that turns the hip in, by its exercise id."""


def movement_of(exercise: str) -> Movement:
    """Return the movement of an exercise.

    Raises
    ------
    ValueError
        When the virtual wearer does not know the exercise.
    """
    known = {m.exercise: m for m in (*_ALL, *_OTHERS)}
    if exercise not in known:
        raise ValueError(
            f"the virtual wearer does not know the exercise {exercise!r}; it knows"
            f" {', '.join(known)}"
        )
    return known[exercise]
