"""Gravity as a witness while units stream: at rest, acceleration must point up in the earth.

One pose may only refuse the unit: nothing can be measured with it until it shows otherwise. What is
wrong is named after three poses in which gravity points along directions of the unit at least 30°
apart; where several changes explain them, all of them are.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from imu.conventions.reread import (
    UPRIGHT_DEG,
    Convention,
    Evidence,
    change_words,
    fitting,
    off_up_deg,
)
from imu.conventions.still_poses import Pose, StillPoses
from imu.quaternion import Vector
from imu.sample import STANDARD_GRAVITY, Sample

APART_COS = math.cos(math.radians(30.0))
ENOUGH_POSES = 3
REFUSE_S = 20.0
"""Time to see that it was the filter's settling, or to hold the unit in two more poses."""
ONE_G = 0.15
"""Share of one g: a mean that is farther off is no gravity at rest, or in another unit."""


class Doubt(NamedTuple):
    """What gravity shows of a unit that is read wrongly."""

    off_deg: float
    """How far the acceleration points off up, in the worst pose."""
    poses: int
    fits: tuple[str, ...]
    """Every change of the profile that would fit; empty where none does."""

    lasted_s: float
    """How long ago the first such pose was."""

    @property
    def named(self) -> bool:
        """Return whether the poses were enough to name what is wrong."""
        return self.poses >= ENOUGH_POSES

    @property
    def is_final(self) -> bool:
        """Return whether the unit cannot be used as its profile is."""
        return bool(self.fits) or self.lasted_s >= REFUSE_S

    def sentence(self, unit: str) -> str:
        """Return what is wrong with a unit's profile, and what to do."""
        off = f"the {unit} unit is read wrongly: at rest its acceleration points"
        off += f" {self.off_deg:.0f}° off up"
        if not self.named and not self.is_final:
            return f"{off}; hold it still in two more positions, and what is wrong is named"
        seen = f"{off} in {self.poses} {'pose' if self.poses == 1 else 'poses'}"
        if not self.fits:
            return f"{seen}: nothing can be measured with it; run `hipturn doctor --units`"
        remedy = "; or ".join(self.fits)
        return f"{seen}: {remedy}, in its profile in firmware_config"


class GravityWitness:
    """Watches one unit.

    Parameters
    ----------
    convention
        How its profile reads it.
    """

    def __init__(self, convention: Convention) -> None:
        self._convention = convention
        self._still = StillPoses()
        self._poses: list[tuple[Pose, Vector]] = []
        self._told = 0
        """Poses of the last doubt that was told."""
        self._since_ns: int | None = None
        """When the first pose was that did not point up."""
        self._is_refused = False

    def push(self, sample: Sample) -> Doubt | None:
        """Take a sample as it came; return a doubt when there is a new one to tell."""
        if sample.acc is None:
            return None
        pose = self._still.push(sample)
        if pose is not None and pose.acc is not None and _is_gravity(pose.acc):
            self._keep(pose, pose.acc)
            return self._judge(sample.host_time_ns)
        if self._since_ns is not None and not self._is_refused:
            lasted_s = (sample.host_time_ns - self._since_ns) * 1e-9
            return self._judge(sample.host_time_ns) if lasted_s >= REFUSE_S else None
        return None

    def _keep(self, pose: Pose, acc: Vector) -> None:
        """Keep poses that differ; a pose seen again replaces the one before."""
        size = math.hypot(*acc)
        down = (acc[0] / size, acc[1] / size, acc[2] / size)
        apart = [one for one in self._poses if _dot(one[1], down) < APART_COS]
        self._poses = [*apart, (pose, down)]

    def _judge(self, now_ns: int) -> Doubt | None:
        q = np.array([pose.q for pose, _ in self._poses])
        acc = np.array([pose.acc for pose, _ in self._poses])
        off_deg = float(off_up_deg(q, acc).max())
        if off_deg <= UPRIGHT_DEG:
            self._since_ns = None
            return None
        self._since_ns = now_ns if self._since_ns is None else self._since_ns
        lasted_s, poses = (now_ns - self._since_ns) * 1e-9, len(self._poses)
        enough = poses >= ENOUGH_POSES > self._told
        if self._is_refused or (self._told and not enough and lasted_s < REFUSE_S):
            return None
        self._told = poses
        fits = fitting(self._convention, Evidence(q, acc)) if poses >= ENOUGH_POSES else []
        words = tuple(change_words(self._convention, one) for one in fits)
        doubt = Doubt(off_deg, poses, words, lasted_s)
        self._is_refused = doubt.is_final
        return doubt


def _is_gravity(acc: Vector) -> bool:
    return abs(math.hypot(*acc) / STANDARD_GRAVITY - 1.0) <= ONE_G


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
