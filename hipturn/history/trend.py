"""The trend of one wearer: every session's figures, by exercise, position and leg.

Values of different positions never share a row group, a mean or a line of the figure, and neither
do tests and sets, or active and passive: positions differ by several degrees, either way.
"""

from __future__ import annotations

import contextlib
import math
import os
import sqlite3
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from analysis.exercises import CatalogueError, Exercise, load
from analysis.session.assessment import compared_deg, compared_name
from hipturn.clinical_words import own_text
from hipturn.errors import fault_text
from hipturn.history.earlier import judges_itself, kind_of, looked_at, own_change
from hipturn.history.index import put_problem, put_summary
from hipturn.history.stored import FIGURES, TEXTS, store_summary
from imu.recording import SessionError, open_session

if TYPE_CHECKING:
    from analysis.agreement.repeated import Repeated

COLUMNS = (
    "wearer", "exercise", "position", "side", "start_time", "session", "valid", "target_reps",
    "controlled", "controlled_share", "peak_median_deg", "peak_max_deg", "rom_median_deg",
    "rom_max_deg", "hold_median_s", "tempo_median_s", "change_since_last_deg", "mdc_deg",
    "change_exceeds_mdc", "quantity", "active", "trials_deg", "trials_left_out", "end_mean_deg",
    "end_largest_deg", "external_rotation_deg", "total_arc_deg", "compared", "compared_deg",
    "change_since_baseline_deg", "baseline_exceeds_mdc", "mdc_own", "pain_max_0_10",
)  # fmt: skip
NO_START = "1970-01-01"
"""The epoch stands for a start time that no file gives: such a session is listed, not compared."""


class Damaged(NamedTuple):
    """A session that cannot be read, and why."""

    folder: str
    problem: str


def wearers(index: sqlite3.Connection) -> list[dict[str, Any]]:
    """Return every wearer with the number of sessions and the first and last start."""
    rows = index.execute(
        "SELECT wearer, count(*), min(known), max(known)"
        " FROM (SELECT wearer, iif(start_time LIKE ?, NULL, start_time) AS known FROM counted)"
        " WHERE wearer IS NOT NULL GROUP BY wearer ORDER BY wearer",
        (f"{NO_START}%",),
    )
    return [
        {"wearer": wearer, "sessions": count, "first": first, "last": last}
        for wearer, count, first, last in rows
    ]


def damaged(index: sqlite3.Connection, wearer: str | None = None) -> list[Damaged]:
    """Return the damaged sessions, of one wearer and of those whose wearer cannot be read."""
    rows = index.execute(
        "SELECT folder, problem FROM sessions WHERE problem <> '' AND NOT binned"
        " AND (:wearer IS NULL OR wearer IS NULL OR wearer = :wearer) ORDER BY folder",
        {"wearer": wearer},
    )
    return [Damaged(*row) for row in rows]


def copies(index: sqlite3.Connection, wearer: str | None = None) -> list[tuple[str, str]]:
    """Return the folders that hold a recording again, each with the folder that is counted."""
    rows = index.execute(
        "SELECT folder, original FROM copies"
        " WHERE :wearer IS NULL OR wearer = :wearer ORDER BY folder",
        {"wearer": wearer},
    )
    return [(folder, original) for folder, original in rows]


def not_analysed(index: sqlite3.Connection, wearer: str) -> list[str]:
    """Return the folders of a wearer whose figures are not known yet."""
    rows = index.execute(
        "SELECT folder FROM counted WHERE wearer = ? AND NOT analysed AND problem = ''"
        " ORDER BY start_utc",
        (wearer,),
    )
    return [folder for (folder,) in rows]


def adherence(index: sqlite3.Connection, wearer: str) -> list[dict[str, Any]]:
    """Return, for each plan of a wearer, its visits, and how many of their sessions were done.

    Each visit asks for one session an item; `asked` is the sum over the visits that were begun. A
    session is done when it has a repetition, a hold or a trial that counts; what was done again is
    one. The keys are `plan`, `visits`, `asked` and `done`.
    """
    rows = index.execute(
        "SELECT plan, count(*), sum(asked), sum(done) FROM ("
        " SELECT plan, visit, max(items) AS asked, count(DISTINCT iif(EXISTS ("
        "  SELECT 1 FROM legs WHERE legs.folder = counted.folder"
        "  AND (valid > 0 OR trials_deg <> '' OR hold_median_s > 0)), item, NULL)) AS done"
        " FROM counted WHERE wearer = ? AND problem = '' AND visit IS NOT NULL"
        " GROUP BY plan, visit) GROUP BY plan ORDER BY plan",
        (wearer,),
    )
    names = ("plan", "visits", "asked", "done")
    return [dict(zip(names, row, strict=True)) for row in rows]


def fill(
    index: sqlite3.Connection, root: Path, folders: list[str], done: Callable[[str], object]
) -> None:
    """Analyse sessions and keep what is found; a damaged one is marked and harms no other."""
    from analysis.session import analyse as sessions
    from hipturn.session.pipeline import read_recording

    for name in folders:
        try:
            result = sessions.analyse(read_recording(open_session(root / name)))
        except (SessionError, CatalogueError) as error:
            put_problem(index, name, str(error))
        except Exception as error:  # a fault of ours in one session must not hide the others
            if os.environ.get("HIPTURN_DEBUG"):
                raise
            put_problem(index, name, fault_text(error))
        else:
            put_summary(index, root, name, store_summary(root / name, result.summary))
        done(name)


def trend(index: sqlite3.Connection, root: Path, wearer: str) -> list[dict[str, Any]]:
    """Return a row (`COLUMNS`) for each session and leg with something to compare, in order.

    Ordered by exercise, position, leg and time. The changes are those of what is compared
    (`compared_deg`), since the row before and since the first of the same exercise, position, leg
    and kind. A start that is not known is None, and so is whether a change exceeds a minimal
    detectable one that is not known. `mdc_own` says in words where `mdc_deg` is the wearer's own,
    and is empty where it is published.
    """
    sessions = _sessions(index, wearer)
    rows = index.execute(
        f"SELECT exercise, leg, start_time, folder, {', '.join((*FIGURES, *TEXTS))}"  # noqa: S608 (our names)
        " FROM counted JOIN legs USING (folder) WHERE wearer = ? AND problem = ''"
        " AND (valid > 0 OR trials_deg <> '') ORDER BY exercise, leg, start_utc",
        (wearer,),
    )
    found: list[dict[str, Any]] = []
    past: dict[tuple[Any, ...], dict[str, tuple[date, float]]] = {}
    for exercise_id, leg, start_time, folder, *values in rows:
        row = dict(zip((*FIGURES, *TEXTS), values, strict=True))
        exercise = _entry(root / folder, exercise_id)
        now_deg = math.nan if exercise is None else compared_deg(exercise, row)
        kind = kind_of(row)
        earlier: dict[str, tuple[date, float]] = {}
        own: Repeated | None = None
        if start_time.startswith(NO_START):
            start_time = None
        elif now_deg == now_deg:
            place = "" if exercise is None else exercise.position
            earlier = past.setdefault((exercise_id, place, leg, kind), {})
            if judges_itself(row):
                before = looked_at(_before(sessions[exercise_id], folder))
                own = own_change([earlier[name] for name in before if name in earlier])
        if own is not None:
            row["mdc_deg"] = round(own.mdc95.value, 3)
        of = [deg for _, deg in earlier.values()]
        last, first = (None if not of else round(now_deg - of[at], 3) + 0.0 for at in (-1, 0))
        if start_time is not None and now_deg == now_deg:
            earlier[folder] = date.fromisoformat(start_time[:10]), now_deg
        found.append(
            {name: row.get(name) for name in COLUMNS}
            | {
                "wearer": wearer,
                "exercise": exercise_id,
                "position": "" if exercise is None else exercise.position,
                "quantity": "" if exercise is None else exercise.quantity,
                "side": leg,
                "start_time": start_time,
                "session": folder,
                "valid": int(row["valid"]),
                "target_reps": int(row["target_reps"]),
                "controlled": int(row["controlled"]),
                "controlled_share": (
                    round(row["controlled"] / row["valid"], 3) if row["valid"] else None
                ),
                "active": None if row["active"] is None else bool(row["active"]),
                "compared": "" if exercise is None else compared_name(exercise, row),
                "compared_deg": None if now_deg != now_deg else now_deg,
                "change_since_last_deg": last,
                "change_exceeds_mdc": _exceeds(last, row["mdc_deg"]),
                "change_since_baseline_deg": first,
                "baseline_exceeds_mdc": _exceeds(first, row["mdc_deg"]),
                "mdc_own": "" if own is None else own_text(own),
            }
        )
    return found


def _sessions(index: sqlite3.Connection, wearer: str) -> dict[str, list[tuple[float, str]]]:
    """Return the dated sessions of each exercise of a wearer, the newest first."""
    found: dict[str, list[tuple[float, str]]] = {}
    for exercise_id, start_utc, folder in index.execute(
        "SELECT exercise, start_utc, folder FROM counted WHERE wearer = ? AND problem = ''"
        " AND start_time NOT LIKE ? ORDER BY start_utc DESC, folder DESC",
        (wearer, f"{NO_START}%"),
    ):
        found.setdefault(exercise_id, []).append((start_utc, folder))
    return found


def _before(sessions: list[tuple[float, str]], folder: str) -> list[str]:
    """Return the folders of the sessions before one, the newest first."""
    started = next(start for start, name in sessions if name == folder)
    return [name for start, name in sessions if start < started]


def _exceeds(change_deg: float | None, mdc_deg: float | None) -> bool | None:
    return None if change_deg is None or mdc_deg is None else abs(change_deg) > mdc_deg


def _entry(folder: Path, exercise_id: str) -> Exercise | None:
    """Return a session's exercise; None where this version knows none and it brings none."""
    with contextlib.suppress(CatalogueError):
        return load(exercise_id)
    from hipturn.session.pipeline import exercise_of

    with contextlib.suppress(SessionError):
        return exercise_of(open_session(folder))
    return None
