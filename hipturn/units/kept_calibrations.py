"""What of a visit's calibrations holds for the next session of the same leg.

How the units sit is kept as long as nothing speaks against it; zero, start position and headings
are always found anew, and one knee bend proves the rest (`analysis.calibrate.guide_given`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.calibrate.given_axes import GivenAxes, axes_given_by
from analysis.calibrate.knee_axis import BENDS_MIN
from analysis.leg import LegCalibration
from analysis.session.announcements import Announcement, Kind
from hipturn.units.calibration_file import KEPT_MAX_MIN, Calibration
from imu.sample import Side, Unit

SPOILING = ("tilt", "heading")
"""Alarms after which nobody knows where a strap is; after a slip a knee bend tells."""
SILENT_MAX_S = 60.0
"""A unit that was silent for longer may have been taken off; after less, three bends prove it."""


@dataclass(frozen=True, slots=True)
class _Proven:
    axes: GivenAxes
    units: tuple[Unit, ...]
    full_s: float
    """When the leg was last calibrated in full."""


class KeptCalibrations:
    """The calibrations of one visit that are still good; its time is that of the units' clock, s.

    A calibration goes when a strap tilted, a unit was silent for more than a minute, units were
    found again or taken as worn otherwise, or the last full one is an hour ago.
    """

    def __init__(self) -> None:
        self._legs: dict[Side, _Proven] = {}
        self._silent_from: dict[str, float] = {}
        self._gap_s: dict[str, float] = {}
        """The longest silence of each unit, by label, since its leg was proven."""

    def proven(
        self,
        calibration: LegCalibration,
        units: Sequence[Unit],
        session_id: str,
        now_s: float,
    ) -> None:
        """Take the calibration that a leg has just got in a session, in full or by its bends."""
        side = calibration.side
        own = tuple(unit for unit in units if unit.side == side)
        before = self._legs.get(side)
        kept = calibration.kept_off_rad is not None and before is not None
        full_s = before.full_s if kept and before is not None else now_s
        self._legs[side] = _Proven(axes_given_by(calibration, session_id), own, full_s)
        for unit in own:
            self._gap_s.pop(unit.label, None)

    def hear(self, said: Announcement) -> None:
        """Take what was announced; an alarm about a strap spoils its leg."""
        if said.kind is Kind.ALARM and said.reason in SPOILING:
            self._legs.pop(said.side, None)

    def heard(self, silent: Sequence[str], now_s: float) -> None:
        """Take which units, by label, send nothing now."""
        for label in silent:
            self._silent_from.setdefault(label, now_s)
        for label in [label for label in self._silent_from if label not in silent]:
            gap_s = now_s - self._silent_from.pop(label)
            self._gap_s[label] = max(gap_s, self._gap_s.get(label, 0.0))

    def forget(self) -> None:
        """Keep nothing: straps were touched, or somebody wants the whole calibration."""
        self._legs.clear()
        self._gap_s.clear()

    def for_units(self, units: Sequence[Unit], now_s: float) -> Calibration | None:
        """Return what is kept for units that are worn now; None where it is nothing.

        Of two legs that are measured together both must be kept: they are led as one.
        """
        worn = {unit.side for unit in units if unit.side}
        legs = {side: axes for side in worn if (axes := self._good(side, units, now_s)) is not None}
        if not legs or legs.keys() != worn:
            return None
        return Calibration(legs=legs, source=Path("the last set"), units=units)

    def _good(self, side: Side, units: Sequence[Unit], now_s: float) -> GivenAxes | None:
        proven = self._legs.get(side)
        if proven is None or now_s - proven.full_s > 60.0 * KEPT_MAX_MIN:
            return None
        if {_ident(unit) for unit in units if unit.side == side} != set(map(_ident, proven.units)):
            return None
        gap_s = max((self._gap_s.get(unit.label, 0.0) for unit in proven.units), default=0.0)
        if gap_s > SILENT_MAX_S:
            return None
        return replace(proven.axes, bends=BENDS_MIN) if gap_s > 0.0 else proven.axes


def _ident(unit: Unit) -> tuple[str, str]:
    return unit.label, unit.address or unit.serial


def bends_of(calibration: Calibration | None) -> int | None:
    """Return how many knee bends prove what is kept; None where all is calibrated anew."""
    legs: Mapping[Side, GivenAxes] = {} if calibration is None else calibration.legs
    return max((axes.bends for axes in legs.values()), default=None)
