"""Gravity as a witness while units stream: at rest, acceleration must point up in the earth.

One pose may only tell that something is wrong. What is wrong is named after three poses in which
gravity points along directions of the unit at least 30° apart; before that, and where several
changes explain them, all that would fit are named.
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
ONE_G = 0.15
"""Share of one g: a mean that is farther off is no gravity at rest, or in another unit."""


class Doubt(NamedTuple):
    """What gravity shows of a unit that is read wrongly."""

    off_deg: float
    """How far the acceleration points off up, in the worst pose."""
    poses: int
    fits: tuple[str, ...]
    """Every change of the profile that would fit; empty where none does."""

    @property
    def named(self) -> bool:
        """Return whether the poses were enough to name what is wrong."""
        return self.poses >= ENOUGH_POSES

    def sentence(self, unit: str) -> str:
        """Return what is wrong with a unit's profile, and what to do."""
        off = f"the {unit} unit is read wrongly: at rest its acceleration points"
        off += f" {self.off_deg:.0f}° off up"
        if not self.named:
            return f"{off}; do not rely on its angles, and run `hipturn doctor --units`"
        seen = f"{off} in {self.poses} poses"
        if not self.fits:
            return f"{seen}, and no single change explains it: run `hipturn doctor --units`"
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

    def push(self, sample: Sample) -> Doubt | None:
        """Take a sample as it came; return a doubt when there is a new one to tell."""
        if sample.acc is None:
            return None
        pose = self._still.push(sample)
        if pose is None or pose.acc is None or not _is_gravity(pose.acc):
            return None
        self._keep(pose, pose.acc)
        return self._judge()

    def _keep(self, pose: Pose, acc: Vector) -> None:
        """Keep poses that differ; a pose seen again replaces the one before."""
        size = math.hypot(*acc)
        down = (acc[0] / size, acc[1] / size, acc[2] / size)
        apart = [one for one in self._poses if _dot(one[1], down) < APART_COS]
        self._poses = [*apart, (pose, down)]

    def _judge(self) -> Doubt | None:
        q = np.array([pose.q for pose, _ in self._poses])
        acc = np.array([pose.acc for pose, _ in self._poses])
        off_deg = float(off_up_deg(q, acc).max())
        poses = len(self._poses)
        if off_deg <= UPRIGHT_DEG:
            self._told = 0
            return None
        if self._told and (poses < ENOUGH_POSES or self._told >= ENOUGH_POSES):
            return None
        self._told = poses
        return doubt_of(self._convention, Evidence(q, acc), off_deg)


def doubt_of(convention: Convention, evidence: Evidence, off_deg: float) -> Doubt:
    """Return what poses show of a unit that is read wrongly."""
    poses = len(evidence.q)
    fits = fitting(convention, evidence) if poses >= ENOUGH_POSES else []
    words = tuple(change_words(convention, one) for one in fits)
    return Doubt(off_deg, poses, words)


def _is_gravity(acc: Vector) -> bool:
    return abs(math.hypot(*acc) / STANDARD_GRAVITY - 1.0) <= ONE_G


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
