"""Published values of hip internal rotation, each with the posture it was measured in.

A value is here only when its posture, number of people, method and source are known: eight to nine
degrees between postures are normal, and tools differ by four. Values of one posture are never shown
for another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.exercises.exercise import Exercise

STRAIGHT_HIP_MAX_DEG = 30.0
"""A hip flexed less is compared with values measured with a straight hip."""
RIGHT_ANGLE_DEG = (60.0, 120.0)
"""Joint angles that a study's "extended" and "flexed to 90°" stand for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Norm:
    """One published mean of hip internal rotation."""

    posture: str
    """`prone`: hip straight, knee at 90°; `supine_straight`: the same lying on the back;
    `supine`: hip and knee at 90°; `seated`: hip and knee at 90°."""
    active: bool | None
    """True for active, False for passive rotation; None: both, or not stated."""
    mean_deg: float
    sd_deg: float | None
    """None where the source gives none."""
    n: int
    age: str
    sex: str
    method: str
    source: str

    @property
    def text(self) -> str:
        """Return it as a line for people."""
        posture = self.posture.replace("_", ", hip ")
        return (
            f"{posture}: {self.mean_deg:g}° (n = {self.n}, {self.age}, {self.sex}, {self.method};"
            f" {self.source})"
        )


_KOUYOUMDJIAN = "Kouyoumdjian et al. 2012, Orthopaedics & Traumatology: Surgery & Research 98:17-23"
_KRAUSE = "Krause et al. 2015, Knee Surgery, Sports Traumatology, Arthroscopy 23:2562-2567"


def _photographed(posture: str, mean_deg: float) -> Norm:
    return Norm(
        posture=posture,
        active=None,
        mean_deg=mean_deg,
        sd_deg=None,
        n=120,
        age="20-60 years",
        sex="71 women, 49 men",
        method="photographs",
        source=_KOUYOUMDJIAN,
    )


def _inclinometer(which: str, mean_deg: float) -> Norm:
    return Norm(
        posture="seated",
        active=None,
        mean_deg=mean_deg,
        sd_deg=None,
        n=25,
        age="22-42 years",
        sex="17 women, 8 men",
        method=f"digital inclinometer, {which} mean of two examiners, active and passive",
        source=_KRAUSE,
    )


NORMS: tuple[Norm, ...] = (
    _photographed("prone", 35.2),
    _photographed("supine_straight", 29.6),
    _photographed("seated", 37.9),
    _inclinometer("lowest", 30.7),
    _inclinometer("highest", 32.8),
)


def posture_of(exercise: Exercise) -> str | None:
    """Return the posture of the studies that an exercise's start pose is; None where it is none."""
    pose = exercise.pose
    low, high = RIGHT_ANGLE_DEG
    if not low <= pose.knee_flexion_deg <= high:
        return None
    if exercise.position in ("prone", "supine") and pose.hip_flexion_deg <= STRAIGHT_HIP_MAX_DEG:
        return "prone" if exercise.position == "prone" else "supine_straight"
    if exercise.position in ("seated", "supine") and low <= pose.hip_flexion_deg <= high:
        return exercise.position
    return None


def norms_for(exercise: Exercise, active: bool | None = None) -> Sequence[Norm]:
    """Return the published values of an exercise's posture.

    Parameters
    ----------
    exercise
        Its start pose tells the posture.
    active
        True or False leaves out what was measured the other way; None takes all.
    """
    posture = posture_of(exercise)
    return [
        norm
        for norm in NORMS
        if norm.posture == posture and (active is None or norm.active in (None, active))
    ]
