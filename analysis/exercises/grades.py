"""What a tested angle means by its own sources: the prone test's grades, measurement error."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.exercises.exercise import Exercise
from analysis.exercises.reference_values import posture_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Detectable:
    """The smallest change in one posture that is more than the measurement's error, in degrees."""

    posture: str
    low_deg: float
    high_deg: float
    method: str
    source: str


DETECTABLE = (
    Detectable(
        posture="seated", low_deg=5.4, high_deg=5.4, method="active, digital inclinometer",
        source="Krause et al. 2015",
    ),
    Detectable(
        posture="supine", low_deg=6.1, high_deg=8.6, method="hip and knee at 90°",
        source="Gradoz et al. 2018",
    ),
)  # fmt: skip
GOOD_DEG, ATHLETE_DEG, LACKING_DEG = 30.0, 45.0, 10.0
"""The prone test as its source grades it: 30° is good, 45° is seen in athletes; a leg that barely
moves (its author's 5°) lacks rotation, taken here as less than 10°."""


def detectable_of(exercise: Exercise) -> Detectable | None:
    """Return the smallest detectable change in the posture of an exercise; None if unpublished."""
    posture = posture_of(exercise)
    return next((each for each in DETECTABLE if each.posture == posture), None)


def prone_grade(angle_deg: float) -> str:
    """Return what the source of the prone test says of an angle."""
    if angle_deg >= ATHLETE_DEG:
        return f"as in athletes ({ATHLETE_DEG:g}°)"
    if angle_deg >= GOOD_DEG:
        return f"good ({GOOD_DEG:g}°)"
    if angle_deg >= LACKING_DEG:
        return f"less than good ({GOOD_DEG:g}°)"
    return "barely moves: lacking"
