"""What analysis needs to know of a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from analysis.calibrate.hold_pose import AnyCalibration
from analysis.exercises.exercise import Dose
from analysis.leg import LegFrames
from imu.quaternion import IDENTITY
from imu.sample import FrameTable, Segment, Side, Unit


class LegUnits(NamedTuple):
    """Which of a session's units one leg is measured by, as indices."""

    side: Side
    thigh: int | None
    """None where the shank's unit works alone, as an inclinometer."""
    shank: int
    pelvis: int | None


def leg_units(units: Sequence[Unit]) -> list[LegUnits]:
    """Return every leg that has a shank unit, with what else it has; the left one first."""
    where = {(unit.side, unit.segment): index for index, unit in enumerate(units)}
    pelvis = where.get((None, Segment.PELVIS))
    return [
        LegUnits(side, where.get((side, Segment.THIGH)), where[side, Segment.SHANK], pelvis)
        for side in (Side.LEFT, Side.RIGHT)
        if (side, Segment.SHANK) in where
    ]


def missing_units(units: Sequence[Unit]) -> list[str]:
    """Return a sentence for every leg that lacks a unit."""
    worn = {(unit.side, unit.segment) for unit in units}
    said = []
    for side in Side:
        thigh, shank = (side, Segment.THIGH) in worn, (side, Segment.SHANK) in worn
        if thigh and not shank:
            said.append(f"{side} leg: there is no shank unit, so there is no hip angle")
        if shank and not thigh:
            said.append(
                f"{side} leg: there is no thigh unit, so the shank's reads as an inclinometer does:"
                " with the knee taken to be bent as the exercise has it"
            )
    return said


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What analysis needs to know of a session: aligned frames and who did what when."""

    session_id: str
    wearer: str
    started_at: str
    """ISO 8601 with zone; empty when it is not known."""
    exercise: str
    units: tuple[Unit, ...]
    frames: FrameTable
    marks: Sequence[tuple[float, str]] = ()
    calibrations: Mapping[Side, AnyCalibration] | None = None
    """Calibrations made while recording; None lets the recording be calibrated from itself."""
    lost_percent: float = 0.0
    longest_gap_s: float = 0.0
    silent_s: tuple[float, ...] = ()
    """How long before the end each unit was heard for the last time."""
    notes: tuple[str, ...] = ()
    active: bool | None = None
    """Whether the wearer moved the leg, or someone else, or gravity; None where nobody said."""
    dose: Dose | None = None
    """What a plan asked for instead of the exercise's own dose."""
    is_test: bool = False
    """Whether the session was declared a test of an exercise that is not one by itself."""

    @property
    def rate_hz(self) -> float:
        """Return the rate of the fastest unit."""
        return max(unit.rate_hz for unit in self.units)

    def leg(self, units: LegUnits) -> LegFrames:
        """Return the frames of a leg."""
        q, worn = self.frames.q, units.thigh is not None
        thigh = q[:, units.thigh] if worn else np.tile(IDENTITY, (len(q), 1))
        pelvis = None if units.pelvis is None else q[:, units.pelvis]
        return LegFrames(self.frames.time_s, thigh, q[:, units.shank], pelvis, worn)
