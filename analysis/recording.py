"""What analysis needs to know of a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.calibration import LegFrames
from analysis.exercise import Dose
from analysis.hold_pose import AnyCalibration
from imu.sample import FrameTable, Side, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What analysis needs to know of a session: aligned frames and who did what when."""

    session_id: str
    wearer: str
    started_at: str
    exercise: str
    units: tuple[Unit, ...]
    frames: FrameTable
    marks: Sequence[tuple[float, str]] = ()
    calibrations: Mapping[Side, AnyCalibration] | None = None
    """Calibrations made while recording; None lets the recording be calibrated from itself."""
    lost_percent: float = 0.0
    longest_gap_s: float = 0.0
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

    def leg(self, thigh: int, shank: int) -> LegFrames:
        """Return the frames of the leg whose units have these indices."""
        q = self.frames.q
        return LegFrames(self.frames.time_s, q[:, thigh], q[:, shank])
