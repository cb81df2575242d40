"""Faults of units, planted in a session at a chosen moment: a slip, a turned heading, silence.

`StrapSlip`, `HeadingTurn` and `Silence` go into `WearerSettings.faults`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from imu.quaternion import ARRAYS, by_rows, from_axis_angle, multiply, table_of
from imu.sample import FloatArray, Segment, Side
from imu.virtual.person.motion import Plan, smooth

Part = Literal["before", "up", "hold", "down", "after"]
BESIDE_S = 0.25
"""How long before a movement starts, or after it ended, a fault beside it is half done."""


@dataclass(frozen=True, slots=True)
class InRep:
    """A moment given by a repetition, counted from 1: the middle of its strokes, or beside it."""

    rep: int
    part: Part


@dataclass(frozen=True, slots=True, kw_only=True)
class StrapSlip:
    """A unit turns on its segment and stays so."""

    segment: Segment
    side: Side | None = None
    """None: of the only leg, or of the pelvis."""
    at: float | InRep
    """When it is half done: seconds from the script's start, or a moment of a repetition."""
    turn_deg: float
    axis: tuple[float, float, float] = (0.0, 1.0, 0.0)
    """In the segment's frame: y is its long axis, about which straps slip."""
    lasts_s: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadingTurn:
    """The heading of a unit's fusion turns and stays turned, as by iron near its compass."""

    segment: Segment
    side: Side | None = None
    at: float | InRep
    """When it is half done."""
    turn_deg: float
    lasts_s: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Nothing of a unit arrives from a moment on; `on_air` has link losses for that instead."""

    segment: Segment
    side: Side | None = None
    at: float | InRep


Fault = StrapSlip | HeadingTurn | Silence


def problems_of(faults: Sequence[Fault]) -> list[str]:
    """List what is wrong with planted faults, one sentence each."""
    found = []
    for fault in faults:
        name = type(fault).__name__
        if not isinstance(fault.at, InRep) and not (math.isfinite(fault.at) and fault.at >= 0):
            found.append(f"the moment of a {name} ({fault.at}) must be a number from 0 up")
        if isinstance(fault, StrapSlip) and not math.isclose(math.hypot(*fault.axis), 1.0):
            found.append(f"the axis of a StrapSlip {fault.axis} must have length 1")
        if not isinstance(fault, Silence) and not fault.lasts_s > 0:
            found.append(f"the length of a {name} ({fault.lasts_s} s) must be above 0")
    return found


def moment_s(at: float | InRep, side: Side, laid: Plan) -> float:
    """Return a moment in seconds from the script's start.

    Raises
    ------
    ValueError
        When the script has no such repetition.
    """
    if not isinstance(at, InRep):
        return at
    reps = laid.reps[side]
    if not 1 <= at.rep <= len(reps):
        raise ValueError(
            f"a fault is planted in repetition {at.rep} but the set has {len(reps)}; "
            "choose one of these"
        )
    rep = reps[at.rep - 1]
    match at.part:
        case "before":
            return rep.start_s - BESIDE_S
        case "up":
            return (rep.start_s + rep.hold_start_s) / 2
        case "hold":
            return (rep.hold_start_s + rep.hold_end_s) / 2
        case "down":
            return (rep.hold_end_s + rep.end_s) / 2
        case "after":
            return rep.end_s + BESIDE_S


@dataclass(frozen=True, slots=True)
class UnitFaults:
    """The faults of one unit, with their moments in seconds from the script's start."""

    slips: tuple[tuple[float, StrapSlip], ...] = ()
    headings: tuple[tuple[float, HeadingTurn], ...] = ()
    silent_from_s: float = math.inf

    def slipped(self, time_s: FloatArray) -> FloatArray | None:
        """Return the unit's turn on its segment, shape (n, 4); None where it never slips."""
        turned: FloatArray | None = None
        for middle_s, slip in self.slips:
            angle = np.radians(slip.turn_deg) * _ramp(time_s, middle_s, slip.lasts_s)
            q = table_of(from_axis_angle(slip.axis, angle, ARRAYS))
            turned = q if turned is None else by_rows(multiply, turned, q)
        return turned

    def heading_rad(self, time_s: FloatArray) -> FloatArray | float:
        """Return how far the fused heading has turned, shape (n,); 0 where it never turns."""
        turned: FloatArray | float = 0.0
        for middle_s, fault in self.headings:
            turned = turned + np.radians(fault.turn_deg) * _ramp(time_s, middle_s, fault.lasts_s)
        return turned


def faults_of(
    faults: Sequence[Fault], segment: Segment, side: Side | None, laid: Plan
) -> UnitFaults:
    """Return the faults of the unit on one segment.

    Raises
    ------
    ValueError
        When a moment names a repetition that the script does not have.
    """
    leg = side or laid.sides[0]
    own = [f for f in faults if f.segment is segment and f.side in (None, side)]
    at = [moment_s(fault.at, leg, laid) for fault in own]
    pairs = list(zip(at, own, strict=True))
    return UnitFaults(
        slips=tuple((t, f) for t, f in pairs if isinstance(f, StrapSlip)),
        headings=tuple((t, f) for t, f in pairs if isinstance(f, HeadingTurn)),
        silent_from_s=min((t for t, f in pairs if isinstance(f, Silence)), default=math.inf),
    )


def _ramp(time_s: FloatArray, middle_s: float, lasts_s: float) -> FloatArray:
    """Return a share that goes smoothly from 0 to 1 about a moment, shape (n,)."""
    return smooth(np.clip((time_s - middle_s) / lasts_s + 0.5, 0.0, 1.0))
