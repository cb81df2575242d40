"""Published values to read a measurement beside, each with its position, sample and method.

Positions are never mixed: the same hip differs by 8° between them, and a goniometer reads 4.5°
other than an inclinometer (Roach et al. 2013). Context for a professional, not a diagnosis.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Norm:
    """What a study found in one position, in degrees."""

    position: str
    low_deg: float
    high_deg: float
    """The same as `low_deg` where one mean is given."""
    n: int
    method: str
    source: str

    @property
    def text(self) -> str:
        """Return it as a line for people."""
        value = f"{self.low_deg:g}"
        if self.high_deg != self.low_deg:
            value += f"–{self.high_deg:g}"
        return f"{self.position}: {value}° (n = {self.n}, {self.method}; {self.source})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detectable:
    """The smallest change in one position that is more than the measurement's error, in degrees."""

    position: str
    low_deg: float
    high_deg: float
    method: str
    source: str


KOUYOUMDJIAN = "Kouyoumdjian et al. 2012"
KRAUSE = "Krause et al. 2015"
GRADOZ = "Gradoz et al. 2018"
SQUARE = "hip and knee at 90°"
PHOTOGRAPHS = "photographs of adults of 20 to 60 years"
NORMS = (
    Norm(
        position="prone", low_deg=35.2, high_deg=35.2, n=120, method=PHOTOGRAPHS,
        source=KOUYOUMDJIAN,
    ),
    Norm(
        position="supine, hip straight", low_deg=29.6, high_deg=29.6, n=120, method=PHOTOGRAPHS,
        source=KOUYOUMDJIAN,
    ),
    Norm(
        position="seated", low_deg=37.9, high_deg=37.9, n=120, method=PHOTOGRAPHS,
        source=KOUYOUMDJIAN,
    ),
    Norm(
        position="seated", low_deg=30.7, high_deg=32.8, n=25, method="digital inclinometer",
        source=KRAUSE,
    ),
    Norm(
        position="seated", low_deg=44.5, high_deg=44.5, n=19, method=SQUARE, source=GRADOZ
    ),
    Norm(
        position="supine, hip at 90°", low_deg=41.6, high_deg=41.6, n=19, method=SQUARE,
        source=GRADOZ,
    ),
)  # fmt: skip
DETECTABLE = (
    Detectable(
        position="seated", low_deg=5.4, high_deg=5.4, method="active, digital inclinometer",
        source=KRAUSE,
    ),
    Detectable(
        position="supine, hip at 90°", low_deg=6.1, high_deg=8.6, method=SQUARE,
        source=GRADOZ,
    ),
)  # fmt: skip
POSITION_OF = {
    "prone_rotation_test": "prone",
    "supine_rotation_test": "supine, hip at 90°",
    "seated_internal_rotation": "seated",
    "seated_rotation_drill": "seated",
    "straight_leg_raise_test": "straight-leg raise",
}
"""In which of these positions an exercise measures."""
GOOD_DEG, ATHLETE_DEG, LACKING_DEG = 30.0, 45.0, 10.0
"""The prone test as its source grades it: 30° is good, 45° is seen in athletes; a leg that barely
moves (its author's 5°) lacks rotation, taken here as less than 10°."""


def norms_of(exercise: str) -> tuple[Norm, ...]:
    """Return the published values in the position of an exercise, by its id."""
    position = POSITION_OF.get(exercise)
    return tuple(norm for norm in NORMS if norm.position == position)


def detectable_of(exercise: str) -> Detectable | None:
    """Return the smallest detectable change in the position of an exercise; None if unpublished."""
    position = POSITION_OF.get(exercise)
    return next((each for each in DETECTABLE if each.position == position), None)


def prone_grade(angle_deg: float) -> str:
    """Return what the source of the prone test says of an angle."""
    if angle_deg >= ATHLETE_DEG:
        return f"as in athletes ({ATHLETE_DEG:g}°)"
    if angle_deg >= GOOD_DEG:
        return f"good ({GOOD_DEG:g}°)"
    if angle_deg >= LACKING_DEG:
        return f"less than good ({GOOD_DEG:g}°)"
    return "barely moves: lacking"
