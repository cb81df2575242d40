"""One leg's data: orientations of its units, when it calibrated, and what came of that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from analysis.calibrate.pelvis_unit import PelvisUnit
from imu.quaternion import Vector
from imu.sample import FloatArray, Side

Spans = Sequence[tuple[float, float]]
"""Between which seconds movements count: after the first and up to the second of each pair."""
VECTORS = (
    "y_thigh", "y_shank", "z_shank", "y_femur_in_shank", "z_thigh", "up_thigh", "up_shank",
)  # fmt: skip
UNSEEN_S = 2.0
"""After a longer hole a unit may have started anew, and with another heading: a restart with its
connection and set-up takes no less."""


class Mounts(NamedTuple):
    """What is known of a leg's units before anything is measured."""

    thigh_upright: bool = False
    """Whether the unit's y axis goes up the limb, as that of a phone does."""
    shank_upright: bool = False
    """The same of the shank's; its x axis then lies along the knee's axis, either way round."""
    tilt_sigma_rad: float | None = None
    """1 σ that the worse accelerometer gives an inclination; None: that of a common motion unit."""


ANY_MOUNTS = Mounts()


@dataclass(frozen=True, slots=True)
class LegFrames:
    """Both units of one leg on the common time base; orientations (n, 4) wxyz, NaN in gaps."""

    time_s: FloatArray
    q_thigh: FloatArray
    q_shank: FloatArray
    q_pelvis: FloatArray | None = None
    """Of a unit on the pelvis, where one is worn."""
    thigh_worn: bool = True
    """False where only the shank wears a unit; the thigh's orientations then say nothing."""
    mounts: Mounts = ANY_MOUNTS

    def rows(self, which: slice | npt.NDArray[np.bool_]) -> LegFrames:
        """Return some of the frames."""
        pelvis = None if self.q_pelvis is None else self.q_pelvis[which]
        thigh, shank = self.q_thigh[which], self.q_shank[which]
        return LegFrames(self.time_s[which], thigh, shank, pelvis, self.thigh_worn, self.mounts)

    def between(self, window: tuple[float, float]) -> LegFrames:
        """Return the frames of a window that have both orientations."""
        keep = (self.time_s >= window[0]) & (self.time_s <= window[1])
        keep &= ~(np.isnan(self.q_thigh[:, 0]) | np.isnan(self.q_shank[:, 0]))
        return self.rows(keep)

    def has_hole(self, begin_s: float, end_s: float) -> bool:
        """Say whether a unit may have got another heading between two seconds."""
        seen_s = self.between((begin_s, end_s)).time_s
        return bool(np.any(np.diff(seen_s) > UNSEEN_S))


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """When the wearer did what, in seconds of the session; None where it did not happen."""

    stand: tuple[float, float] | None = None
    pose: tuple[float, float] | None = None
    bends: tuple[float, float] | None = None

    @property
    def steps(self) -> list[tuple[float, float]]:
        """Return the steps that happened."""
        return [step for step in (self.stand, self.pose, self.bends) if step is not None]

    @property
    def end_s(self) -> float:
        """Return when the last step ended."""
        return max((end_s for _, end_s in self.steps), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegCalibration:
    """What turns two orientations into a leg. Vectors in sensor frames; angles in radians."""

    side: Side
    exercise: str
    ready_s: float
    """The session second from which angles may be given."""
    zeroed_s: float
    """The session second of the start pose, from which on an angle by heading drifts."""
    y_thigh: Vector | None
    """Long axis in the thigh unit; None when the thigh unit could not be aligned."""
    y_shank: Vector
    z_shank: Vector
    y_femur_in_shank: Vector | None
    """Long axis of the femur carried by the shank at a fixed knee angle; only without `y_thigh`."""
    heading_rad: float
    """Turn about the vertical that brings the shank unit's earth to the thigh unit's."""
    heading_weight_s: float
    zero_rad: float
    start_rotation_rad: float
    """The angle in the start pose, from that zero: where counting starts from."""
    pelvis: tuple[Vector, Vector, Vector]
    """Pelvis axes x, y, z frozen at the start pose, in the shank unit's earth."""
    thigh_elevation_rad: float
    shank_elevation_rad: float
    knee_flexion_rad: float
    sigma_axes_rad: float
    """Uncertainty of the segment axes (1 σ) that the bends and poses leave."""
    sigma_thigh_elevation_rad: float | None = None
    sigma_knee_flexion_rad: float | None = None
    """What stand, start pose and straight knee leave open (1 σ) of the thigh's elevation and of the
    knee's flexion; None without a thigh unit, or in a session older than this."""
    sigma_drift_rad_s: float = math.radians(0.1)
    """How fast a heading drifts (1 σ) by what the units' stillness taught them of their bias."""
    across_rad: float = 0.0
    """How far from square the shank's knee axis was to the femur's long axis in the start pose."""
    z_thigh: Vector | None = None
    """Knee axis in the thigh unit, as it was in the start pose; the skin makes it lag."""
    pelvis_unit: PelvisUnit | None = None
    sigma_relative_rad: float | None = None
    """1 σ of the axes by poses and bends alone; `sigma_axes_rad` has what an absolute zero adds.
    None where axes were given by a file, or in a session older than this."""
    up_thigh: Vector | None = None
    up_shank: Vector | None = None
    """Up in each unit in the start pose: where a strap that kept its place has it again."""
    kept_off_rad: float | None = None
    """How far the proving bend's knee axis was from the one that was kept; None where nothing was
    kept from an earlier calibration."""
    kept_from: str = ""
    """The session whose full calibration was kept; empty for a full calibration."""
    sigma_tilt_rad: float | None = None
    """1 σ that the accelerometers give an inclination; None: that of common motion units."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; floats survive exactly."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> LegCalibration:
        """Return the calibration that `to_json` wrote."""
        given = dict(data)
        for name in VECTORS:
            given[name] = tuple(given[name]) if given.get(name) is not None else None
        given["pelvis"] = tuple(tuple(axis) for axis in given["pelvis"])
        if given.get("pelvis_unit"):
            given["pelvis_unit"] = PelvisUnit.from_json(given["pelvis_unit"])
        given["side"] = Side(given["side"])
        return cls(**given)
