"""One exercise as a virtual wearer does it: start pose, what moves, how far and how often.

All poses use the hip and knee angles of `imu.virtual.person.body`, in degrees, alike for both legs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class PelvisPosition(StrEnum):
    """How the pelvis lies in the start pose."""

    UPRIGHT = "upright"
    PRONE = "prone"
    SUPINE = "supine"
    SIDE_LYING = "side_lying"
    """On the other side, so that the moving leg is on top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carry:
    """Degrees that each joint moves for one degree of the movement's range."""

    rotation: float = 0.0
    flexion: float = 0.0
    adduction: float = 0.0
    knee: float = 0.0
    pelvis: float = 0.0
    """Turn of the pelvis about the thigh, positive inwards."""


TURNS_IN = Carry(rotation=1.0)


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
    alternating: bool = False
    """True when both legs take turns."""
    carry: Carry = TURNS_IN
    """What moves: the hip's rotation, or another angle where two units cannot measure that."""
    second_carry: Carry | None = None
    """Where a repetition is two circles: what moves in the second."""
    bends_standing: bool = False
    """True when the knee is bent for the calibration before the start pose is taken."""
    outward_deg: tuple[float, float] = (0.0, 0.0)
    """Mean and SD over wearers of how far the leg goes outwards after it went inwards; 0: it does
    not."""
    held_s: float = 0.0
    """A position that is kept, or a time that passes, instead of repetitions."""
