"""One exercise of the catalogue, as data: what is measured, how it starts, what counts."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

Mode = Literal["gravity", "heading", "proxy", "hold", "timer"]
Signal = Literal[
    "hip_rotation", "leg_roll", "leg_roll_outwards", "thigh_elevation", "thigh_lowering"
]
CHOICES = {
    "position": ("prone", "supine", "seated", "floor", "side_lying", "standing", "kneeling"),
    "mode": ("gravity", "heading", "proxy", "hold", "timer"),
    "angle": ("gravity", "heading"),
    "zero": ("absolute", "pose"),
    "signal": (
        "hip_rotation",
        "leg_roll",
        "leg_roll_outwards",
        "thigh_elevation",
        "thigh_lowering",
    ),
    "pelvis": ("", "upright", "prone", "supine", "side_lying"),
}
SIGNAL_NAMES = {
    "hip_rotation": "hip internal rotation",
    "leg_roll": "leg roll, inwards",
    "leg_roll_outwards": "leg roll, outwards",
    "thigh_elevation": "thigh elevation",
    "thigh_lowering": "thigh lowering",
}
ROLLS = {"hip_rotation": 1.0, "leg_roll": 1.0, "leg_roll_outwards": -1.0}
ELEVATIONS = {"thigh_elevation": 1.0, "thigh_lowering": -1.0}
"""Signals that are a turn of the leg, or how high the thigh is; with the way that counts."""
COUNTED = ("gravity", "heading", "proxy")
TOLERANCE_DEG = 25.0
"""How far a joint may be from the start pose: it lets real sets pass and keeps walking out."""


class CatalogueError(Exception):
    """An exercise is unknown or its file is wrong; the sentence says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """The start pose of a nominal wearer, and how far from it still counts as being in it."""

    hip_flexion_deg: float = 0.0
    hip_adduction_deg: float = 0.0
    hip_rotation_deg: float = 0.0
    knee_flexion_deg: float = 0.0
    thigh_tolerance_deg: float = TOLERANCE_DEG
    knee_tolerance_deg: float = TOLERANCE_DEG
    bends_standing: bool = False
    """Whether the calibration bends are done standing, since the position rules them out."""
    pelvis: str = ""
    """How the pelvis lies where the position does not say so: on all fours it lies as prone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """What the source prescribes for one side."""

    reps: tuple[int, int] = (1, 1)
    sets: int = 1
    hold_s: tuple[float, float] = (0.0, 0.0)
    breaths: tuple[int, int] | None = None
    """Breaths that a hold lasts, where the source counts breaths; `hold_s` follows from them."""
    breath_s: float = 5.0
    """Seconds a breath, for the pacer."""
    given: bool = True
    """False where the source gives no dose: the numbers are then a default to be changed."""

    range_deg: float = 0.0
    """The wearer's own range where a plan knows it: half of it is asked of a repetition."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Dose:
        """Return the dose that `to_json` wrote."""
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        return cls(**given)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """One entry of the catalogue."""

    id: str
    name: str
    source: str
    position: str
    mode: Mode
    measured: str
    """What the number is, in a sentence for people."""
    rep: str
    """What one repetition is."""
    pose: Pose
    dose: Dose
    how: tuple[str, ...]
    cautions: tuple[str, ...]
    also_called: tuple[str, ...] = ()
    angle: Literal["gravity", "heading"] = "gravity"
    zero: Literal["absolute", "pose"] = "pose"
    """`absolute`: the inclinometer's zero (0° seated, 180° prone); `pose`: the start pose."""
    signal: Signal = "hip_rotation"
    """What is counted; anything else than the hip's rotation leaves the hip angle empty."""
    both_legs: bool = False
    """Whether both legs move together, so that one repetition takes both."""
    alternating: bool = False
    """Whether the sides take turns within one set."""
    circles: bool = False
    """Whether a repetition is two circles in order, the second with the foot above the knee."""
    assessment: bool = False
    """Whether it is a test: three trials, their mean and largest."""
    min_range_deg: float = 0.0
    """Smaller movements are partial."""
    typical_range_deg: float = 0.0
    """Expected range before the wearer's own is known."""
    onset_deg: float = 0.0
    """Smallest movement that is looked at."""
    peak_rest_max_s: float = math.inf
    """A longer rest at the far end is another activity, not a repetition."""
    foot_stays: bool = False
    """Whether the foot keeps its place from one repetition to the next."""
    max_sigma_deg: float = 3.0
    """Larger uncertainty empties the angle."""
    thigh_lift_fault_deg: float = 12.0
    thigh_swing_fault_deg: float = 12.0
    knee_fault_deg: float = 15.0
    """The fault thresholds: changes since the start of a repetition."""
    not_judged: tuple[str, ...] = ()
    """Faults that this movement would always show, or that cannot be seen in it."""
    unseen: tuple[str, ...] = ()
    """What the sensors cannot see of it."""
    questions: tuple[str, ...] = ()
    """What is asked; the answers go into the session's notes."""

    @property
    def zero_rad(self) -> float | None:
        """Return the fixed zero of the inclinometer angle, or None where the pose gives it."""
        if self.zero == "pose":
            return None
        return math.pi if self.position == "prone" else 0.0

    @property
    def lies(self) -> str:
        """Return how the pelvis lies in the start pose."""
        return self.pose.pelvis or self.position

    @property
    def is_counted(self) -> bool:
        """Say whether repetitions are counted; else it is a hold or a timer."""
        return self.mode in COUNTED

    @property
    def is_held(self) -> bool:
        """Say whether it is a guided hold: a position is kept for as long as asked."""
        return self.mode == "hold"

    @property
    def is_timed(self) -> bool:
        """Say whether time merely passes: nothing is measured, so nothing is calibrated."""
        return self.mode == "timer"

    @property
    def needs_calibration(self) -> bool:
        """Say whether the units have to be told from the leg first."""
        return not self.is_timed

    @property
    def has_hip_angle(self) -> bool:
        """Say whether the hip's internal rotation is measured."""
        return self.is_counted and self.signal == "hip_rotation"

    @property
    def moves_thigh(self) -> bool:
        """Say whether the thigh leaves its place as part of the movement."""
        return self.signal != "hip_rotation"

    @property
    def counts_elevation(self) -> bool:
        """Say whether how high the thigh is counts, which no knee enters."""
        return self.signal in ELEVATIONS

    def with_dose(self, dose: Dose | None) -> Exercise:
        """Return the exercise with another dose, such as a plan's; None leaves its own."""
        return self if dose is None else replace(self, dose=dose)
