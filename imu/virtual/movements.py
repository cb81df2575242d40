"""The exercises a virtual wearer can do: start poses, what the angle is, how far people get.

All poses use the hip and knee angles of `imu.virtual.body`, in degrees, alike for both legs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal


class PelvisPosition(StrEnum):
    """How the pelvis lies in the start pose."""

    UPRIGHT = "upright"
    PRONE = "prone"
    SUPINE = "supine"
    SIDE_LYING = "side_lying"
    """On the other side, so that the moving leg is on top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One exercise as a wearer does it."""

    exercise: str
    """The exercise's id."""
    pelvis: PelvisPosition
    flexion_deg: float
    """Hip flexion of the start pose."""
    adduction_deg: float = 0.0
    """Hip adduction of the start pose; negative is abduction."""
    rotation_deg: float = 0.0
    """Internal rotation of the hip in the start pose."""
    knee_flexion_deg: float = 90.0
    angle: Literal["gravity", "heading"] = "gravity"
    """What the true angle is measured against."""
    phi0_deg: float | None = None
    """Zero of a gravity angle; None: the angle over the still start pose."""
    amplitude_deg: float
    """Mean over wearers of the rotation from the start pose to the peak."""
    amplitude_sd_deg: float
    """Standard deviation of the amplitude between wearers."""
    amplitude_range_deg: tuple[float, float]
    """No wearer has less or more than this."""
    reps: int
    """Repetitions of one set: the lower end of the prescribed dose."""
    hold_s: tuple[float, float] = (0.4, 3.0)
    """Shortest and longest hold at the peak."""
    both_legs: bool = False
    """True when both legs can move together."""


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
"""Every movement by its exercise id."""


def movement_of(exercise: str) -> Movement:
    """Return the movement of an exercise.

    Raises
    ------
    ValueError
        When the virtual wearer does not know the exercise.
    """
    try:
        return MOVEMENTS[exercise]
    except KeyError:
        known = ", ".join(MOVEMENTS)
        raise ValueError(
            f"the virtual wearer does not know the exercise {exercise!r}; it knows {known}"
        ) from None
