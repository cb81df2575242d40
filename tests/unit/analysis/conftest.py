"""A leg made of joint angles: the truth that the analysis of legs is held against.

Written with scipy's rotations alone, sharing nothing with the code under test. Frames, both legs
alike: x forwards, y from knee to hip (to the head for the pelvis), z to the wearer's right. Earth:
z up. Degrees; internal rotation and adduction positive on either leg.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from analysis.calibrate.calibration import LegFrames, Windows
from analysis.session.recording import Recording
from imu.clocks.timeline import align, until_last_complete
from imu.sample import SampleTable, Side
from imu.virtual.wearer import Wearing

RATE_HZ = 60.0
STAND = (0.0, 0.0, 0.0, 0.0)
# Position of the pelvis, and hip flexion, adduction, rotation and knee flexion of the start pose.
START = {
    "prone_windshield_wiper": ("prone", (0.0, 0.0, 0.0, 90.0)),
    "prone_rotation_test": ("prone", (0.0, 0.0, 0.0, 90.0)),
    "ninety_ninety_lift": ("upright", (90.0, -45.0, 90.0, 90.0)),
    "seated_internal_rotation": ("upright", (90.0, 0.0, 0.0, 90.0)),
    "side_lying_ankle_lift": ("side_lying", (45.0, 0.0, 0.0, 80.0)),
    "seated_leg_extension_twist": ("upright", (90.0, 0.0, -8.0, 8.0)),
    "standing_banded_rotation": ("upright", (10.0, 0.0, 0.0, 15.0)),
    "supine_rotation_test": ("supine", (90.0, 0.0, 0.0, 90.0)),
}


def lying(position: str, side: Side, heading_deg: float) -> Rotation:
    """Return pelvis → earth of a level pelvis; on the side, this leg is on top."""
    tip = {
        "upright": Rotation.identity(),
        "prone": Rotation.from_euler("z", -90, degrees=True),
        "supine": Rotation.from_euler("z", 90, degrees=True),
        "side_lying": Rotation.from_euler("x", -90 * side.sign, degrees=True),
    }[position]
    upright = Rotation.from_euler("x", 90, degrees=True)  # y to the sky, x ahead
    return Rotation.from_euler("z", heading_deg, degrees=True) * upright * tip


def about(axis: str, angles_deg: np.ndarray) -> Rotation:
    """Return turns by angles (n,) about one axis."""
    return Rotation.from_euler(axis, angles_deg[:, None], degrees=True)


def wxyz(rotation: Rotation) -> np.ndarray:
    return np.roll(rotation.as_quat(), 1, axis=-1)


@dataclass(kw_only=True)
class Strap:
    """How one unit sits: its mounting (sensor → segment), its own north, its drift."""

    mounting: Rotation
    heading_deg: float
    drift_deg_per_min: float = 0.0
    skin_share: float = 0.0

    def orientations(self, segment: Rotation, twist_deg: np.ndarray, time_s: np.ndarray):
        """Return what the unit says (n, 4) while its skin follows a twist about y but in part."""
        north = about("z", self.heading_deg + self.drift_deg_per_min * time_s / 60)
        skin = about("y", -self.skin_share * twist_deg)
        return wxyz(north * segment * skin * self.mounting)


@dataclass(kw_only=True)
class Leg:
    """A leg that is led through its calibration and its exercise, step by step."""

    exercise: str
    side: Side
    thigh: Strap
    shank: Strap
    pose: tuple[float, float, float, float]
    turn_deg: float
    """Heading of the whole person in the start pose, away from that of the stand."""
    heading_deg: float
    steps: list[tuple[float, float, tuple[float, ...]]] = field(default_factory=list)
    """Seconds, share of the way to the start position, joint angles at the end."""
    named: dict[str, tuple[float, float]] = field(default_factory=dict)
    now_s: float = 0.0
    pelvis: Strap | None = None
    lean_deg: Callable[[np.ndarray], np.ndarray] = np.zeros_like
    """How far the trunk leans forwards on hips that keep their place, by time."""
    roll_deg: Callable[[np.ndarray], np.ndarray] = np.zeros_like
    """How far pelvis and leg roll together about the thigh's long axis, by time."""

    def go(self, seconds: float, joints: tuple[float, ...], position: float = 1.0) -> Leg:
        self.steps.append((seconds, position, joints))
        self.now_s += seconds
        return self

    def still(self, seconds: float, name: str = "") -> Leg:
        position, joints = self.steps[-1][1:] if self.steps else (0.0, STAND)
        if name:
            self.named[name] = (self.now_s, self.now_s + seconds)
        return self.go(seconds, joints, position)

    def turned(self, rotation_deg: float, **extra: float) -> tuple[float, ...]:
        """Return the start pose turned inwards, with flexion, adduction or knee changed."""
        flexion, adduction, rotation, knee = self.pose
        return (
            flexion + extra.get("flexion", 0.0),
            adduction + extra.get("adduction", 0.0),
            rotation + rotation_deg,
            knee + extra.get("knee", 0.0),
        )

    def bends(
        self,
        count: int = 5,
        size_deg: float = 55.0,
        rest_s: float = 0.0,
        *,
        name: str = "bends",
        **along: float,
    ) -> Leg:
        """Bend and straighten the knee; `along` moves the hip in step with it, in degrees."""
        begun = self.now_s
        knee = -size_deg if self.pose[3] >= 45.0 else size_deg
        rotation = along.pop("rotation", 0.0)
        for _ in range(count):
            self.go(1.4, self.turned(rotation, knee=knee, **along)).go(1.4, self.pose)
            if rest_s:
                self.still(rest_s)
        if name:
            self.named[name] = (begun, self.now_s)
        return self

    def calibration(self, bends: int = 5, rest_s: float = 0.0) -> Leg:
        """Stand, take the start pose, bend the knee, keep still."""
        self.still(3.0, "stand").go(3.0, self.pose).still(3.0, "pose")
        return self.bends(bends, rest_s=rest_s).still(2.0)

    def reps(self, count: int, rotation_deg: float, hold_s: float = 0.5) -> Leg:
        for _ in range(count):
            self.go(1.4, self.turned(rotation_deg)).still(hold_s).go(1.4, self.pose).still(0.5)
        return self

    @property
    def windows(self) -> Windows:
        return Windows(**self.named)

    def time_s(self) -> np.ndarray:
        return np.arange(round(self.now_s * RATE_HZ) + 1) / RATE_HZ

    def joints(self) -> np.ndarray:
        """Return position share, flexion, adduction, rotation and knee over time, shape (n, 5)."""
        time_s = self.time_s()
        last = np.array((0.0, *STAND))
        out = np.tile(last, (len(time_s), 1))
        start = 0.0
        for seconds, position, joints in self.steps:
            after = np.array((position, *joints))
            tau = np.clip((time_s - start) / seconds, 0.0, 1.0)[:, None]
            smooth = tau**3 * (10 - 15 * tau + 6 * tau**2)
            now = time_s >= start
            out[now] = (last + smooth * (after - last))[now]
            last, start = after, start + seconds
        return out

    def segments(self) -> tuple[Rotation, Rotation, Rotation]:
        """Return pelvis → earth, femur → earth and shank → earth over time."""
        share, flexion, adduction, rotation, knee = self.joints().T
        ends = (
            lying("upright", self.side, self.heading_deg),
            lying(START[self.exercise][0], self.side, self.heading_deg + self.turn_deg),
        )
        pelvis = Slerp([0.0, 1.0], Rotation.concatenate(ends))(np.clip(share, 0.0, 1.0))
        sign = self.side.sign
        hip = np.stack((flexion, sign * adduction, sign * rotation), axis=1)
        femur = pelvis * Rotation.from_euler("ZXY", hip, degrees=True)
        roll = np.radians(self.roll_deg(self.time_s()))[:, None] * femur.as_matrix()[:, :, 1]
        rolled = Rotation.from_rotvec(roll)
        trunk = rolled * pelvis * about("z", -self.lean_deg(self.time_s()))
        femur = rolled * femur
        return trunk, femur, femur * about("z", -knee)

    def frames(self, axis: str = "", slip: Callable[..., np.ndarray] | None = None) -> LegFrames:
        """Return what the two units say; the shank's may slip about its axis by a law of time."""
        time_s = self.time_s()
        trunk, femur, shank = self.segments()
        if slip is not None:
            shank = shank * about(axis, slip(time_s))
        twist = self.side.sign * (self.joints()[:, 3] - self.pose[2])
        return LegFrames(
            time_s,
            self.thigh.orientations(femur, twist, time_s),
            self.shank.orientations(shank, twist, time_s),
            self.pelvis.orientations(trunk, 0.0 * twist, time_s) if self.pelvis else None,
        )

    def inclinometer_deg(self) -> np.ndarray:
        """Return the angle of the femur's front from the vertical plane of the thigh, (n,)."""
        axes = self.segments()[1].as_matrix()
        return self.side.sign * np.degrees(np.arctan2(axes[:, 2, 2], axes[:, 2, 0]))


@pytest.fixture(scope="session")
def new_leg() -> Callable[..., Leg]:
    """Return a function that makes a leg with random straps: any mounting, any north."""

    def build(exercise: str, side: Side, seed: int = 0, **given: object) -> Leg:
        rng = np.random.default_rng(seed)
        straps = [
            Strap(mounting=Rotation.from_quat(rng.normal(size=4)), heading_deg=rng.uniform(0, 360))
            for _ in range(2)
        ]
        thigh = replace(straps[0], **given.pop("thigh", {}))
        shank = replace(straps[1], **given.pop("shank", {}))
        made = {
            "pose": START[exercise][1],
            "turn_deg": rng.uniform(-90, 90),
            "heading_deg": rng.uniform(0, 360),
            **given,
        }
        return Leg(exercise=exercise, side=side, thigh=thigh, shank=shank, **made)

    return build


@pytest.fixture(scope="session")
def recording_of() -> Callable[[Wearing], Recording]:
    """Return a function that makes of a virtual session what analysis wants, without a file."""

    def build(wearing: Wearing) -> Recording:
        frames = align(SampleTable.from_samples(wearing.samples), wearing.units, "independent")
        return Recording(
            session_id="virtual",
            wearer="virtual",
            started_at="2026-01-01T00:00:00+00:00",
            exercise=wearing.exercise,
            units=wearing.units,
            frames=until_last_complete(frames, wearing.units),
            marks=wearing.marks,
        )

    return build


@pytest.fixture(scope="session")
def start_poses() -> dict[str, tuple[str, tuple[float, float, float, float]]]:
    """Return the position and the joint angles of every start pose, as people describe them."""
    return START
