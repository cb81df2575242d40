"""What one page of the report is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from analysis import exercises

if TYPE_CHECKING:
    from analysis.exercises import Exercise
    from analysis.sessions import Result


@dataclass(frozen=True, slots=True)
class Earlier:
    """The session that a change is measured from."""

    start_time: str
    rom_median_deg: float


@dataclass(frozen=True, slots=True)
class Entry:
    """One session of the report, its summary complete with the changes since the last one."""

    result: Result
    earlier: Mapping[str, Earlier] = field(default_factory=dict)
    """By side; a side without an earlier session of this exercise is missing."""

    @property
    def exercise(self) -> Exercise:
        """Return the catalogue's entry."""
        return exercises.load(self.result.recording.exercise)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of summary.csv."""
        rows: list[dict[str, Any]] = self.result.summary.to_dict("records")  # type: ignore[assignment]
        return rows
