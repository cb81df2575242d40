"""`hipturn reliability`: the error of measurement that a wearer's own repeated tests show."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

import hipturn
from analysis.agreement.repeated import Reading, Repeated, repeated
from analysis.agreement.words import repeated_lines
from hipturn.errors import UserError, printable
from imu.recording import UNKNOWN_START, SessionError

if TYPE_CHECKING:
    from analysis.session.analyse import Result
    from imu.recording import Session


class LegTest(NamedTuple):
    """What has to be the same for two readings to be readings of one thing."""

    wearer: str
    exercise: str
    side: str
    active: bool | None
    called: str

    @property
    def name(self) -> str:
        """Return the test as people call it."""
        how = {True: ", active", False: ", passive", None: ""}[self.active]
        who = f"{printable(self.wearer)}: " if self.wearer else ""
        return f"{who}{self.called}, {self.side}{how}"


def reliability_of(
    folders: Sequence[Path], done: Callable[[], object] = lambda: None
) -> tuple[dict[LegTest, Repeated], list[str]]:
    """Return what repeated sessions tell of each test and leg, and which sessions could not count.

    Raises
    ------
    UserError
        When no session has a reading.
    """
    readings: dict[LegTest, list[Reading]] = {}
    left_out: list[str] = []
    for folder in folders:
        try:
            session = hipturn.open(folder)
            found = list(_readings(session, hipturn.analyse(session)))
        except SessionError as error:
            left_out.append(str(error))
            found = []
        else:
            if not found:
                left_out.append(f"{folder}: has no repetition, or no start time, to count")
        for test, reading in found:
            readings.setdefault(test, []).append(reading)
        done()
    if not readings:
        raise UserError(
            "no session has a reading; give sessions with valid repetitions and a start time"
            + "".join(f"; {text}" for text in left_out[:3])
        )
    return {test: repeated(of) for test, of in sorted(readings.items(), key=str)}, left_out


def lines_of(found: dict[LegTest, Repeated]) -> list[str]:
    """Return what was found, as lines for people."""
    return [line for test, one in found.items() for line in repeated_lines(test.name, one)]


def json_of(found: dict[LegTest, Repeated]) -> str:
    """Return what was found as JSON; what is not known is null."""
    rows = [_known({**test._asdict(), **asdict(one)}) for test, one in found.items()]
    return json.dumps(rows, indent=2, ensure_ascii=False)


def _known(value: object) -> object:
    if isinstance(value, dict):
        return {name: _known(part) for name, part in value.items()}
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 3)
    return value


def _readings(session: Session, result: Result) -> Iterator[tuple[LegTest, Reading]]:
    """Yield a reading for each leg's test; of a set that is none, the mean of its repetitions.

    Where the zero is absolute the end position counts, where it is the start pose the range.
    """
    header, recording = session.header, result.recording
    exercise = recording.entry
    if not exercise.is_counted or header.started_at.year == UNKNOWN_START.year:
        return
    day = header.started_at.date()
    for side, test in result.tests.items():
        if test.good:
            of = LegTest(header.wearer, exercise.id, str(side), recording.active, exercise.name)
            yield of, Reading(day=day, value_deg=test.mean_deg)
    if result.tests:
        return
    column = "peak_deg" if exercise.has_end_position else "rom_deg"
    reps = result.reps[result.reps["status"] == "valid"]
    for key, rows in reps.groupby(["side", "set"], observed=True):
        leg, number = key if isinstance(key, tuple) else (key, 0)
        if str(leg) == "both":
            continue
        value = float(np.mean(rows[column].to_numpy(float)))
        of = LegTest(header.wearer, exercise.id, str(leg), recording.active, exercise.name)
        yield of, Reading(day=day, value_deg=value, set=int(str(number)))
