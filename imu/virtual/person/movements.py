"""The exercises a virtual wearer can do: start poses, what the angle is, how far people get.

Here are those whose hip rotation is measured; `imu.virtual.person.other_movements` has proxies,
holds and timed items.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from imu.virtual.person.movement import Movement, PelvisPosition
from imu.virtual.person.other_movements import OTHER_MOVEMENTS

__all__ = ["MOVEMENTS", "Movement", "PelvisPosition", "movement_of"]

# Amplitudes: spread of healthy adults inside the size each exercise is expected to have.
_ALL = (
    Movement(
        exercise="prone_windshield_wiper",
        pelvis=PelvisPosition.PRONE,
        flexion_deg=0.0,
        phi0_deg=180.0,
        amplitude_deg=30.0,
        amplitude_sd_deg=5.0,
        amplitude_range_deg=(20.0, 45.0),
        reps=10,
        both_legs=True,
    ),
    Movement(
        # The back leg: thigh flat on the floor and out to the side, turned in until the shank
        # lies on the floor behind, which makes the knee axis nearly vertical.
        exercise="ninety_ninety_lift",
        pelvis=PelvisPosition.UPRIGHT,
        flexion_deg=90.0,
        adduction_deg=-45.0,
        rotation_deg=88.0,
        amplitude_deg=12.0,
        amplitude_sd_deg=2.5,
        amplitude_range_deg=(5.0, 20.0),
        reps=8,
    ),
    Movement(
        exercise="seated_internal_rotation",
        pelvis=PelvisPosition.UPRIGHT,
        flexion_deg=90.0,
        phi0_deg=0.0,
        amplitude_deg=30.0,
        amplitude_sd_deg=5.0,
        amplitude_range_deg=(20.0, 45.0),
        reps=20,
    ),
    Movement(
        exercise="side_lying_ankle_lift",
        pelvis=PelvisPosition.SIDE_LYING,
        flexion_deg=45.0,
        knee_flexion_deg=80.0,
        amplitude_deg=18.0,
        amplitude_sd_deg=4.0,
        amplitude_range_deg=(8.0, 30.0),
        reps=15,
    ),
    Movement(
        # Toes up at rest means a leg that lies a little turned out.
        exercise="seated_leg_extension_twist",
        pelvis=PelvisPosition.UPRIGHT,
        flexion_deg=90.0,
        rotation_deg=-8.0,
        knee_flexion_deg=8.0,
        amplitude_deg=25.0,
        amplitude_sd_deg=4.0,
        amplitude_range_deg=(15.0, 40.0),
        reps=20,
    ),
    Movement(
        exercise="standing_banded_rotation",
        pelvis=PelvisPosition.UPRIGHT,
        flexion_deg=10.0,
        knee_flexion_deg=15.0,
        angle="heading",
        amplitude_deg=18.0,
        amplitude_sd_deg=4.0,
        amplitude_range_deg=(10.0, 30.0),
        reps=8,
    ),
    Movement(
        exercise="prone_rotation_test",
        pelvis=PelvisPosition.PRONE,
        flexion_deg=0.0,
        phi0_deg=180.0,
        amplitude_deg=33.0,
        amplitude_sd_deg=6.0,
        amplitude_range_deg=(5.0, 55.0),
        reps=3,
        hold_s=(1.2, 3.0),
    ),
    Movement(
        exercise="supine_rotation_test",
        pelvis=PelvisPosition.SUPINE,
        flexion_deg=90.0,
        angle="heading",
        amplitude_deg=33.0,
        amplitude_sd_deg=6.0,
        amplitude_range_deg=(20.0, 50.0),
        reps=3,
        hold_s=(1.2, 3.0),
    ),
)

MOVEMENTS: Mapping[str, Movement] = MappingProxyType({m.exercise: m for m in _ALL})
"""Every movement that turns the hip in, by its exercise id."""


def movement_of(exercise: str) -> Movement:
    """Return the movement of an exercise.

    Raises
    ------
    ValueError
        When the virtual wearer does not know the exercise.
    """
    known_movements = {**MOVEMENTS, **OTHER_MOVEMENTS}
    try:
        return known_movements[exercise]
    except KeyError:
        known = ", ".join(known_movements)
        raise ValueError(
            f"the virtual wearer does not know the exercise {exercise!r}; it knows {known}"
        ) from None
