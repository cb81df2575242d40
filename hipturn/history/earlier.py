"""What earlier sessions of a wearer say about this one: the last, the first, the other leg.

Like is compared with like: a test with a test, active with active, passive with passive.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from analysis.exercises import CatalogueError, Exercise
from analysis.session.assessment import compared_deg, put_difference
from analysis.session.tables import records
from hipturn.history.index import INDEX_FILE, history_index
from hipturn.history.stored import Row, store_summary, stored_summary
from imu.recording import SessionError, open_session
from imu.recording.edits import read_edited_header

if TYPE_CHECKING:
    import pandas as pd

    from analysis.agreement.repeated import Repeated
    from analysis.session.analyse import Result
    from imu.recording import SessionHeader

SAME_VISIT = timedelta(hours=24)
"""A leg measured alone is compared with the other leg, measured at most this long before."""
NO_YEAR = 1970
"""The epoch stands for a start time that no file gives."""
LOOKED_AT_MAX = 12
"""So many earlier sessions are searched for one with a valid repetition of the leg."""
FIRST_MAX = 3
"""... and so many from the beginning, for the baseline."""


Looked = TypeVar("Looked")


class Earlier(NamedTuple):
    """The session that something is compared with."""

    start_time: str
    deg: float
    """What is compared (`compared_deg`)."""


class _Known(NamedTuple):
    wearer: str
    exercise: str
    started_at: datetime

    @classmethod
    def of(cls, header: SessionHeader) -> _Known:
        """Return what matters of a header."""
        return cls(header.wearer, header.exercise, header.started_at)


class Past(NamedTuple):
    """What a wearer's earlier sessions of an exercise hold."""

    last: dict[str, Earlier]
    """The last session before, by side."""
    other_leg: Earlier | None
    """The other leg's, when this session has one leg and the other was measured just before."""
    first: Mapping[str, Earlier] = MappingProxyType({})
    """The first session of all, by side."""
    own: Mapping[str, Repeated] = MappingProxyType({})
    """What the wearer's own earlier tests tell of chance, by side, where they are enough."""


def candidates(folders: Sequence[Path]) -> dict[Path, list[Path]]:
    """Return, for each session, the earlier ones of its wearer and exercise, the newest first.

    Looked for beside each folder and among all of them. A session without a wearer, or whose start
    is not known, has none.
    """
    headers = {folder.resolve(): header for folder in folders if (header := _header(folder))}
    known = {path: _Known.of(header) for path, header in headers.items()}
    for root in {folder.resolve().parent for folder in folders}:
        with history_index(root, keep=(root / INDEX_FILE).exists()) as index:
            known |= {
                root / name: _Known(wearer, exercise, datetime.fromisoformat(start))
                for name, wearer, exercise, start in index.execute(
                    "SELECT folder, wearer, exercise, start_time FROM counted WHERE problem = ''"
                )
            }
    alike: dict[tuple[str, str], list[tuple[datetime, Path]]] = {}
    for path, one in known.items():
        if one.wearer and one.started_at.year != NO_YEAR:
            alike.setdefault((one.wearer, one.exercise), []).append((one.started_at, path))
    return {folder: _before(known.get(folder.resolve()), alike) for folder in folders}


def _before(
    mine: _Known | None, alike: Mapping[tuple[str, str], list[tuple[datetime, Path]]]
) -> list[Path]:
    if mine is None or mine.started_at.year == NO_YEAR:
        return []
    sessions = alike.get((mine.wearer, mine.exercise), [])
    before = sorted((one for one in sessions if one[0] < mine.started_at), reverse=True)
    return [path for _, path in looked_at(before)]


def looked_at(before: Sequence[Looked]) -> Iterable[Looked]:
    """Return those of the earlier sessions, newest first, that one is compared with."""
    return dict.fromkeys((*before[:LOOKED_AT_MAX], *before[-FIRST_MAX:]))


def own_change(readings: Iterable[tuple[date, float]]) -> Repeated | None:
    """Return what a wearer's own earlier tests tell of chance; None where they are too few.

    It is preferred to a published change, which is of other people, testers and tools.

    Parameters
    ----------
    readings
        The day and the degrees of each test.
    """
    from analysis.agreement.repeated import Reading, repeated  # scipy.stats takes a second

    found = repeated([Reading(day=day, value_deg=deg) for day, deg in readings])
    return None if math.isnan(found.mdc95.value) else found


def judges_itself(row: Mapping[Any, Any]) -> bool:
    """Say whether a row is of a test that may count for the wearer's own detectable change."""
    is_test, active = kind_of(row)
    return is_test and active is not None


def past_of(summary: pd.DataFrame, exercise: Exercise, folders: Sequence[Path]) -> Past:
    """Return what the earlier sessions, newest first, say of the legs of a summary."""
    headers = ((folder, _header(folder)) for folder in folders)
    known = ((header.started_at, summary_of(folder)) for folder, header in headers if header)
    return past_from(summary, exercise, known)


def past_from(
    summary: pd.DataFrame, exercise: Exercise, earlier: Iterable[tuple[datetime, list[Row]]]
) -> Past:
    """Return the same from the starts and summaries (`stored_summary`) of the earlier sessions."""
    rows = {str(row["side"]): row for row in records(summary)}
    last: dict[str, Earlier] = {}
    first: dict[str, Earlier] = {}
    readings: dict[str, list[tuple[date, float]]] = {}
    other_leg: Earlier | None = None
    for begun, legs in earlier if rows else ():
        started_at = datetime.fromisoformat(str(summary["start_time"].iloc[0]))
        same_visit = started_at - begun <= SAME_VISIT
        start_time = begun.isoformat(timespec="milliseconds")
        for leg in legs:
            deg, side = compared_deg(exercise, leg), str(leg["side"])
            mine = rows.get(side, next(iter(rows.values())))
            if deg != deg or kind_of(mine) != kind_of(leg):
                continue
            one = Earlier(start_time, deg)
            if side in rows:
                last.setdefault(side, one)
                first[side] = one
                if judges_itself(leg):
                    readings.setdefault(side, []).append((begun.date(), deg))
            elif same_visit and other_leg is None:
                other_leg = one
    own = {side: found for side, of in readings.items() if (found := own_change(of))}
    return Past(last, other_leg, first, own)


def own_changes(
    result: Result, folder: Path, among: Mapping[Path, list[Path]] | None = None
) -> Mapping[str, Repeated]:
    """Return what the wearer's own earlier tests tell of chance, by leg, where they are enough.

    Parameters
    ----------
    result
        Of the session.
    folder
        Where it is.
    among
        What `candidates` found of it and of others; None looks beside it.
    """
    if not result.tests:
        return {}
    earlier = (candidates([folder]) if among is None else among)[folder]
    return past_of(result.summary, result.recording.entry, earlier).own


def kind_of(row: Mapping[Any, Any]) -> tuple[bool, bool | None]:
    """Return whether a row of a summary is of a test, and who moved the leg; like with like."""
    mean, active = row.get("end_mean_deg"), row.get("active")
    is_test = mean is not None and mean == mean
    if active is None or str(active) == "<NA>" or active != active:
        return is_test, None if is_test else True  # an exercise is active
    return is_test, bool(active)


def completed(summary: pd.DataFrame, exercise: Exercise, past: Past) -> pd.DataFrame:
    """Return the summary with the columns that other sessions fill."""
    table = summary.copy()
    for index, row in zip(summary.index, records(summary), strict=True):
        now_deg, mdc_deg = compared_deg(exercise, row), float(row["mdc_deg"])
        if (own := past.own.get(str(row["side"]))) is not None:
            table.loc[index, "mdc_deg"] = mdc_deg = round(own.mdc95.value, 3)
        for name, found in (
            ("change_since_last_deg", past.last),
            ("change_since_baseline_deg", past.first),
        ):
            before = found.get(str(row["side"]))
            if before is not None and now_deg == now_deg:
                table.loc[index, name] = change = round(now_deg - before.deg, 3) + 0.0
                if name == "change_since_last_deg" and mdc_deg == mdc_deg:
                    table.loc[index, "change_exceeds_mdc"] = abs(change) > mdc_deg
    if len(table) == 1 and past.other_leg is not None:
        (row,) = records(summary)
        sign = 1.0 if str(row["side"]) == "right" else -1.0
        apart = sign * (compared_deg(exercise, row) - past.other_leg.deg)
        put_difference(table, exercise, apart)
    return table


def summary_of(folder: Path) -> list[Row]:
    """Return a session's summary, a row a leg: the stored one, else from analysing it now.

    A session that cannot be analysed has none.
    """
    stored = stored_summary(folder)
    if stored is not None:
        return stored
    from analysis.session import analyse as sessions
    from hipturn.session.pipeline import read_recording

    try:
        result = sessions.analyse(read_recording(open_session(folder)))
    except (SessionError, CatalogueError):
        return []
    return store_summary(folder, result.summary)


def _header(folder: Path) -> SessionHeader | None:
    try:
        return read_edited_header(folder)[0]
    except SessionError:
        return None  # said when the session itself is opened
