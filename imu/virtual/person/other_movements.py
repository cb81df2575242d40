"""The rest of what a virtual wearer can do: doses of known movements, proxies, holds, timed items.

A proxy carries more than the hip's rotation, or nothing of it; a hold keeps its start pose; during
a timed item the wearer merely lies, sits or stands there.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from imu.virtual.person.movement import Carry, Movement, PelvisPosition

UPRIGHT, PRONE = PelvisPosition.UPRIGHT, PelvisPosition.PRONE
SUPINE, SIDE_LYING = PelvisPosition.SUPINE, PelvisPosition.SIDE_LYING

_DOSES = (
    Movement(
        exercise="seated_rotation_drill",
        pelvis=UPRIGHT,
        flexion_deg=90.0,
        phi0_deg=0.0,
        amplitude_deg=27.0,
        amplitude_sd_deg=4.0,
        amplitude_range_deg=(18.0, 42.0),
        reps=10,
    ),
    Movement(
        exercise="ninety_ninety_foot_lift",
        pelvis=UPRIGHT,
        flexion_deg=90.0,
        adduction_deg=-45.0,
        rotation_deg=88.0,
        amplitude_deg=12.0,
        amplitude_sd_deg=2.5,
        amplitude_range_deg=(6.0, 20.0),
        reps=20,
    ),
)


def _knee_drop(exercise: str) -> Movement:
    return Movement(
        exercise=exercise,
        pelvis=UPRIGHT,
        flexion_deg=135.0,
        amplitude_deg=55.0,
        amplitude_sd_deg=6.0,
        amplitude_range_deg=(40.0, 75.0),
        reps=20,
        hold_s=(0.3, 1.0),
    )


_PROXIES = (
    _knee_drop("floor_internal_rotation"),
    _knee_drop("floor_knee_drop"),
    Movement(
        exercise="squatting_internal_rotation",
        bends_standing=True,
        pelvis=UPRIGHT,
        flexion_deg=90.0,
        knee_flexion_deg=125.0,
        amplitude_deg=65.0,
        amplitude_sd_deg=6.0,
        amplitude_range_deg=(50.0, 85.0),
        reps=5,
        hold_s=(0.7, 1.5),
        alternating=True,
    ),
    Movement(
        exercise="straight_leg_raise_test",
        bends_standing=True,
        pelvis=SUPINE,
        flexion_deg=0.0,
        knee_flexion_deg=0.0,
        amplitude_deg=70.0,
        amplitude_sd_deg=8.0,
        amplitude_range_deg=(50.0, 88.0),
        reps=3,
        hold_s=(1.2, 3.0),
        carry=Carry(flexion=1.0),
    ),
    Movement(
        exercise="elevated_split_squat",
        bends_standing=True,
        pelvis=UPRIGHT,
        flexion_deg=45.0,
        knee_flexion_deg=40.0,
        amplitude_deg=45.0,
        amplitude_sd_deg=4.0,
        amplitude_range_deg=(36.0, 58.0),
        reps=8,
        hold_s=(0.2, 0.8),
        carry=Carry(flexion=1.0, knee=1.5),
    ),
    Movement(
        exercise="crossover_step_up",
        bends_standing=True,
        pelvis=UPRIGHT,
        flexion_deg=90.0,
        amplitude_deg=75.0,
        amplitude_sd_deg=4.0,
        amplitude_range_deg=(62.0, 86.0),
        reps=8,
        hold_s=(0.2, 0.8),
        carry=Carry(flexion=-1.0, knee=-1.0),
    ),
    Movement(
        exercise="table_top_circles",
        pelvis=PRONE,
        flexion_deg=90.0,
        amplitude_deg=70.0,
        amplitude_sd_deg=5.0,
        amplitude_range_deg=(58.0, 80.0),
        reps=5,
        hold_s=(0.2, 0.8),
        carry=Carry(adduction=-1.0),
        second_carry=Carry(adduction=-1.0, rotation=0.4),
    ),
    Movement(
        exercise="warrior_half_moon",
        bends_standing=True,
        pelvis=PRONE,
        flexion_deg=0.0,
        knee_flexion_deg=5.0,
        amplitude_deg=70.0,
        amplitude_sd_deg=7.0,
        amplitude_range_deg=(52.0, 88.0),
        reps=3,
        hold_s=(0.8, 2.0),
        carry=Carry(pelvis=-1.0),
    ),
)


def _kept(
    exercise: str,
    pelvis: PelvisPosition,
    pose: tuple[float, float, float, float],
    held_s: float,
) -> Movement:
    """Return a position, as flexion, adduction, rotation and knee flexion, that is kept."""
    flexion, adduction, rotation, knee = pose
    return Movement(
        exercise=exercise,
        pelvis=pelvis,
        flexion_deg=flexion,
        adduction_deg=adduction,
        rotation_deg=rotation,
        knee_flexion_deg=knee,
        amplitude_deg=1.0,
        amplitude_sd_deg=0.0,
        amplitude_range_deg=(1.0, 1.0),
        reps=0,
        held_s=held_s,
    )


_HOLDS = (
    _kept("hurdle_stretch", UPRIGHT, (90.0, -45.0, 88.0, 90.0), 33.0),
    _kept("standing_hip_stretch", UPRIGHT, (90.0, -20.0, -80.0, 90.0), 33.0),
    _kept("lying_rotation_stretch", SUPINE, (45.0, 0.0, 35.0, 90.0), 33.0),
    _kept("banded_hip_stretch", UPRIGHT, (135.0, 0.0, 20.0, 90.0), 33.0),
    _kept("twisted_legs_stretch", UPRIGHT, (100.0, -20.0, 60.0, 90.0), 33.0),
    _kept("lying_band_stretch", SUPINE, (90.0, 0.0, 30.0, 90.0), 33.0),
    _kept("revolved_pyramid", UPRIGHT, (-20.0, 0.0, 10.0, 0.0), 28.0),
)
_TIMED = (
    _kept("front_hip_ball_roll", PRONE, (0.0, 0.0, 0.0, 0.0), 120.0),
    _kept("lateral_rotator_ball_roll", UPRIGHT, (90.0, 0.0, 0.0, 20.0), 120.0),
    _kept("side_hip_massage", SIDE_LYING, (30.0, 0.0, 0.0, 30.0), 180.0),
    _kept("arm_bar", SUPINE, (0.0, 0.0, 0.0, 0.0), 60.0),
    _kept("movement_checks", UPRIGHT, (0.0, 0.0, 0.0, 0.0), 60.0),
    _kept("self_checks", UPRIGHT, (0.0, 0.0, 0.0, 0.0), 60.0),
)

OTHER_MOVEMENTS: Mapping[str, Movement] = MappingProxyType(
    {m.exercise: m for m in (*_DOSES, *_PROXIES, *_HOLDS, *_TIMED)}
)
"""Every one of them by its exercise id."""
