"""One exercise of the catalogue, as data: what is measured, how it starts, what counts."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from imu.sample import FloatArray, Side

Mode = Literal["gravity", "heading", "proxy", "hold", "timer", "free"]
Signal = Literal[
    "hip_rotation", "leg_roll", "leg_roll_outwards", "thigh_elevation", "thigh_lowering"
]
Basis = Literal["gravity", "heading"]
Zero = Literal["absolute", "pose"]
CHOICES: dict[str, tuple[str, ...]] = {
    "position": ("prone", "supine", "seated", "floor", "side_lying", "standing", "kneeling"),
    "mode": get_args(Mode),
    "angle": get_args(Basis),
    "zero": get_args(Zero),
    "signal": get_args(Signal),
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
STOP = "Stop when it hurts sharply, pinches in the groin, or the knee complains."
"""Stands in every entry, after the cautions of its own."""
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
    at_least: bool = False
    """Whether the source gives the dose as the least."""
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
    worn_on: str = "the leg that moves"
    """Which leg wears the units; the side of a session is that leg's."""
    easier: tuple[str, ...] = ()
    harder: tuple[str, ...] = ()
    """How its source scales it."""
    like: str = ""
    """The catalogue's entry that it takes from whatever it does not say itself."""
    angle: Basis = "gravity"
    zero: Zero = "pose"
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
    both_ways: bool = False
    """Whether a trial goes inwards as far as it goes, and then outwards."""
    resisted: bool = False
    """Whether something pulls against the leg: no published value is of that."""
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
    def is_free(self) -> bool:
        """Say whether the leg is only measured: no start pose, no bends, no repetitions."""
        return self.mode == "free"

    @property
    def needs_calibration(self) -> bool:
        """Say whether the units have to be told from the leg first."""
        return not (self.is_timed or self.is_free)

    @property
    def has_hip_angle(self) -> bool:
        """Say whether the hip's internal rotation is measured."""
        return self.is_counted and self.signal == "hip_rotation"

    @property
    def quantity(self) -> str:
        """Return what its number is, in the field's words."""
        if self.is_counted:
            return SIGNAL_NAMES[self.signal]
        return "time" if self.is_timed else "time held" if self.is_held else "movement"

    @property
    def has_end_position(self) -> bool:
        """Say whether its angle has a zero of its own: then end positions compare, else ranges."""
        return self.has_hip_angle and self.zero == "absolute"

    @property
    def zero_text(self) -> str:
        """Return what its 0° is, as a sentence; empty where there is no angle."""
        if not self.is_counted:
            return ""
        if self.counts_elevation:
            return "0° is a level thigh; the range counts from the start position."
        if self.has_end_position:
            return "0° is the plumb shin."
        return "0° is the wearer's own start position."

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


def rotation_about(axis: int, angle_rad: float) -> FloatArray:
    """Return the matrix that turns by an angle about axis 0 (x), 1 (y) or 2 (z), shape (3, 3)."""
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = c
    matrix[i, j], matrix[j, i] = -s, s
    return matrix


def level_pelvis(position: str, side: Side) -> FloatArray:
    """Return the pelvis axes (columns x, y, z; earth frame, z up) of a level pelvis, heading 0.

    x points forwards, y to the head and z to the wearer's right (ISB; Wu et al. 2002). Lying on the
    side, the leg of interest is on top.
    """
    up, ahead, across = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0]), None
    if position == "prone":
        x, y = -up, ahead
    elif position == "supine":
        x, y = up, ahead
    elif position == "side_lying":
        z, y = side.sign * up, ahead
        return np.stack((np.cross(y, z), y, z), axis=1)
    else:
        x, y = ahead, up
    across = np.cross(x, y)
    return np.stack((x, y, across), axis=1)


def hip_matrix(
    flexion_deg: float, adduction_deg: float, rotation_deg: float, side: Side
) -> FloatArray:
    """Return the femur in the pelvis frame from ISB angles (intrinsic ZXY; Wu et al. 2002)."""
    return (
        rotation_about(2, math.radians(flexion_deg))
        @ rotation_about(0, side.sign * math.radians(adduction_deg))
        @ rotation_about(1, side.sign * math.radians(rotation_deg))
    )


def nominal_hip(exercise: Exercise, side: Side) -> FloatArray:
    """Return the femur in the pelvis frame at the start pose of a nominal wearer."""
    pose = exercise.pose
    return hip_matrix(pose.hip_flexion_deg, pose.hip_adduction_deg, pose.hip_rotation_deg, side)


def nominal_up(exercise: Exercise, side: Side) -> tuple[FloatArray, FloatArray]:
    """Return earth's up in the frames of femur and shank at the nominal start pose, each (3,)."""
    femur = level_pelvis(exercise.lies, side) @ nominal_hip(exercise, side)
    shank = femur @ rotation_about(2, -math.radians(exercise.pose.knee_flexion_deg))
    return femur[2], shank[2]
