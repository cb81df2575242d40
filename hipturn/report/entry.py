"""What one page of the report is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hipturn.history.earlier import Past
from hipturn.words import Words, words_of

if TYPE_CHECKING:
    from analysis.exercises import Exercise
    from analysis.session.analyse import Result
    from imu.recording import Session


NOTHING = Past({}, None)


def calibrated_live(session: Session) -> dict[str, dict[str, float]]:
    """Return the figures of the calibrations in a session's events, by side and name."""
    return {
        str(event.get("side")): {
            str(name): float(value)
            for name, value in event["checks"].items()
            if isinstance(value, int | float)
        }
        for event in session.events()
        if event["type"] == "calibration" and isinstance(event.get("checks"), dict)
    }


@dataclass(frozen=True, slots=True)
class Entry:
    """One session of the report, its summary complete with the changes since the last one."""

    result: Result
    past: Past = NOTHING
    """The sessions that this one is compared with."""
    calibrated: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Figures of a calibration made while recording, by side and name."""
    words: Words = field(default_factory=words_of)
    """Of the language of the report."""

    @property
    def exercise(self) -> Exercise:
        """Return the catalogue's entry."""
        return self.result.recording.entry

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of summary.csv."""
        rows: list[dict[str, Any]] = self.result.summary.to_dict("records")  # type: ignore[assignment]
        return rows
