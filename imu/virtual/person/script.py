"""What a virtual wearer does, as a list of segments: still, change of position, bends, sets.

A script is plain data. The everyday one is drawn by `imu.virtual.person.habits`; any other is a
tuple of these words, often one that was drawn and then altered with `dataclasses.replace`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Still:
    """Keep still, except for the sway that everyone has."""

    duration_s: float
    label: Literal["", "stand", "pose"] = ""
    """Name of the marks set around it; the angle is measured from the one labelled `pose`."""
    fidget_deg: float = 0.0
    """How far the hip flexes and comes back in the middle of it, where it should keep still."""


@dataclass(frozen=True, slots=True)
class TakePosition:
    """Go from standing to the exercise's start pose in one smooth movement."""

    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bend:
    """One bend of the knee and back, by minimum-jerk strokes."""

    size_deg: float
    """Change of knee flexion: negative extends the knee."""
    out_s: float = 1.5
    back_s: float = 1.5
    rest_s: float = 0.2
    """Pause after it."""


@dataclass(frozen=True, slots=True)
class KneeBends:
    """The knee bends of a calibration, in the start pose."""

    bends: tuple[Bend, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rep:
    """One movement of the leg inwards, a hold, and back, by minimum-jerk strokes."""

    amplitude_deg: float
    """Internal rotation at the peak, above the start pose."""
    rest_before_s: float = 1.0
    up_s: float = 1.5
    hold_s: float = 1.0
    down_s: float = 1.5
    outward_deg: float = 0.0
    """How far it goes outwards from the start pose after the hold, to be held there as long."""
    sag_share: float = 0.03
    """Share of the amplitude that is lost while holding."""
    residual_deg: float = 0.0
    """Rotation above the start pose that is left at the end."""
    flexion_deg: float = 0.0
    """Hip flexion that comes with it: a thigh that lifts."""
    adduction_deg: float = 0.0
    """Hip adduction that comes with it: a thigh that swings."""
    knee_deg: float = 0.0
    """Knee flexion that comes with it."""
    pelvis_deg: float = 0.0
    """Turn of the pelvis about the thigh that comes with it; positive helps the leg inwards."""
    kind: Literal["rep", "partial", "circle"] = "rep"
    """What the truth calls it; a circle is the first half of a repetition of two."""


@dataclass(frozen=True, slots=True)
class RepSet:
    """A set of movements; with both legs strapped, each leg follows its own list."""

    reps: tuple[Rep, ...]
    """Of the right leg, or of the only leg."""
    left: tuple[Rep, ...] | None = None
    """Of the left leg when both are strapped; None: the same as the right leg."""
    knee_drift_deg: float = 0.0
    """Knee flexion that creeps in from the set's start to its end, and stays."""


@dataclass(frozen=True, slots=True)
class Path:
    """Movements that are no repetition: the rotation goes from level to level by smooth strokes.

    Levels count from the start pose. The truth lists no repetition for it.
    """

    steps: tuple[tuple[float, float], ...]
    """(duration in seconds, rotation in degrees reached at its end); the same level is a pause."""
    label: Literal["", "outward"] = ""
    """Name of the marks set around it; `outward` is the foot going outwards, to show the sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Get up from the start pose, walk about, and take the start pose again."""

    strides: int
    """Of this leg, each with a swing and a stance."""
    stride_s: float = 1.1
    rise_s: float = 3.0
    """How long getting up takes, and taking the position again."""


Segment = Still | TakePosition | KneeBends | RepSet | Path | Walk
Script = tuple[Segment, ...]
