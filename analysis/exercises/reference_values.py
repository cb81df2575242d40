"""Published values of hip rotation, each with the posture and the way it was measured in.

A value is here only when its posture, direction, number of people, method and source are known, and
how much of it was read: `full` text or `abstract`. Positions differ by several degrees, either way,
and tools by about 4.5° (Roach et al. 2013), so values of one posture are never shown for another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from analysis.exercises.exercise import Exercise

Read = Literal["full", "abstract"]
"""How much of a source was read."""
STRAIGHT_HIP_MAX_DEG = 30.0
"""A hip flexed less is compared with values measured with a straight hip."""
RIGHT_ANGLE_DEG = (60.0, 120.0)
"""Joint angles that a study's "extended" and "flexed to 90°" stand for."""
RAISE = "straight-leg raise"
HOW = {True: "active", False: "passive", None: "active and passive, or not stated"}


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
    read: Read

    @property
    def text(self) -> str:
        """Return it as a line for people."""
        posture = self.posture.replace("_", ", hip ")
        spread = "" if self.sd_deg is None else f" ± {self.sd_deg:g}"
        return (
            f"{posture}: {self.mean_deg:g}{spread}° (n = {self.n}, {self.age}, {self.sex},"
            f" {HOW[self.active]}, {self.method}; {self.source}; {_read(self.read)})"
        )

    @property
    def brief(self) -> str:
        """Return it for a line that holds several; `text` has method and source in full."""
        spread = "" if self.sd_deg is None else f" ± {self.sd_deg:g}"
        author_year = " ".join(self.source.split(",")[0].split())
        return f"{self.mean_deg:g}{spread}° (n = {self.n}, {self.sex}, {author_year})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detectable:
    """The smallest change of one test that is more than the measurement's error, in degrees."""

    posture: str
    active: bool
    deg: float
    n: int
    method: str
    source: str
    read: Read

    @property
    def text(self) -> str:
        """Return it as a line for people."""
        return (
            f"{self.deg:g}° ({self.posture}, {HOW[self.active]}, n = {self.n}, {self.method};"
            f" {self.source}; {_read(self.read)})"
        )


def _read(read: Read) -> str:
    return "read in full" if read == "full" else "read as an abstract"


_KOUYOUMDJIAN = "Kouyoumdjian et al. 2012, Orthopaedics & Traumatology: Surgery & Research 98:17-23"
_KRAUSE = "Krause et al. 2015, Knee Surgery, Sports Traumatology, Arthroscopy 23:2562-2567"


def _photographed(posture: str, mean_deg: float) -> Norm:
    return Norm(
        posture=posture,
        active=None,
        mean_deg=mean_deg,
        sd_deg=None,
        n=120,
        age="20-60 years, less with age",
        sex="71 women, 49 men",
        method="photographs, no significant difference between positions",
        source=_KOUYOUMDJIAN,
        read="abstract",
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
        method=f"digital inclinometer, {which} mean of two examiners",
        source=_KRAUSE,
        read="abstract",
    )


NORMS: tuple[Norm, ...] = (
    _photographed("prone", 35.2),
    _photographed("supine_straight", 29.6),
    _photographed("seated", 37.9),
    _inclinometer("lowest", 30.7),
    _inclinometer("highest", 32.8),
)


def posture_of(exercise: Exercise) -> str | None:
    """Return the posture of the studies that an exercise's start pose is; None where it is none.

    A straight leg that is raised from lying on the back is a posture of its own, and no rotation.
    No study is of a leg that something pulls against.
    """
    if exercise.resisted:
        return None
    pose = exercise.pose
    low, high = RIGHT_ANGLE_DEG
    if not exercise.has_hip_angle:
        raised = exercise.counts_elevation and exercise.position == "supine"
        return RAISE if raised and pose.knee_flexion_deg < low else None
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


DETECTABLE = (
    Detectable(
        posture="seated", active=True, deg=5.4, n=25, method="digital inclinometer, single leg",
        source=_KRAUSE, read="abstract",
    ),
    Detectable(
        posture="supine", active=False, deg=16.4, n=41,
        method="phone on the shin, hip and knee at 90°, the larger of one tester's 10.9 to 16.4°",
        source="Spork et al. 2021, Sports 9(11):148, doi 10.3390/sports9110148", read="abstract",
    ),
    Detectable(
        posture=RAISE, active=False, deg=10.2, n=36, method="phone, between testers",
        source="Reliability of range of motion in straight leg raise and hip extension tests 2024,"
        " doi 10.1016/j.jbmt.2024.05.033", read="abstract",
    ),
)  # fmt: skip
"""For the end position of internal rotation, and for the straight-leg raise. Of a prone test, of
external rotation, of the whole arc and of proxies none is known."""


def detectable_change(exercise: Exercise, active: bool | None) -> Detectable | None:
    """Return the smallest detectable change of a test; None where none is known.

    Parameters
    ----------
    exercise
        Its start pose tells the posture.
    active
        Whether the wearer moved the leg; None, where nobody said, has none.
    """
    posture = posture_of(exercise)
    return next(
        (each for each in DETECTABLE if each.posture == posture and each.active is active), None
    )


GOOD_DEG, ATHLETE_DEG, LACKING_DEG = 30.0, 45.0, 10.0
"""The prone test as its source (000) grades a passive drop: 30° is good, 45° is seen in athletes; a
leg that barely moves (its author's 5°) lacks rotation. That less than 10° is "barely" is ours."""


def prone_grade(angle_deg: float) -> str:
    """Return what the source of the prone test says of an angle, rounded as it is shown."""
    shown_deg = round(angle_deg)
    if shown_deg >= ATHLETE_DEG:
        return f"as in athletes ({ATHLETE_DEG:g}°)"
    if shown_deg >= GOOD_DEG:
        return f"good ({GOOD_DEG:g}°)"
    if shown_deg >= LACKING_DEG:
        return f"less than good ({GOOD_DEG:g}°)"
    return f"barely moves: lacking (less than {LACKING_DEG:g}° is our reading of the source)"


CONTEXT = (
    "Goniometer and inclinometer differ by 4.5° on average (Roach et al. 2013, Int J Sports Phys"
    " Ther 8(5):680-688, n = 30, read as an abstract).",
    "Goniometers read 2 to 19° more than electromagnetic tracking, over passive hip motions"
    " (Nussbaumer et al. 2010, BMC Musculoskeletal Disorders 11:194, doi 10.1186/1471-2474-11-194,"
    " 15 patients and 15 others, read as an abstract).",
    "One cut-off of 30° cannot serve every position and both sexes: passive internal rotation was"
    " larger lying prone than on the back with hip and knee at 90°, and larger in women (Jiang et"
    " al., Harbin Sport University, hip joint rotational range of motion in prone and supine"
    " positions, n = 120, phone, read as an abstract).",
    "Hip rotation falls with age (Kouyoumdjian et al. 2012, read as an abstract), so a mean over 20"
    " to 60 years is no limit for anyone.",
    "For supine and seated tests together, internal and external rotation, 6.1 to 8.6° are"
    " published as detectable (Gradoz et al. 2018, J Sport Rehabil, n = 19, passive, read as an"
    " abstract).",
    "Turning the shin turns the knee too: lying prone, a knee that was not held added 6° to women's"
    " passive rotation and nothing significant to men's (Harris-Hayes et al. 2007, Physiotherapy"
    " Theory and Practice 23(6):315-323, n = 10 each, which way is not said, read as an abstract).",
)
"""What a reader should know beside every value; no verdict."""
