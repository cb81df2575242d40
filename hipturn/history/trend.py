"""The trend of one wearer: every session's figures, by exercise, position and leg.

Values of different positions never share a row group, a mean or a line of the figure: eight to nine
degrees between positions are normal.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from analysis.exercises import CatalogueError, load
from hipturn.errors import fault_text
from hipturn.history.index import put_problem, put_summary
from hipturn.history.stored import store_summary
from imu.recording import SessionError, open_session

COLUMNS = (
    "wearer", "exercise", "position", "side", "start_time", "session", "valid", "target_reps",
    "controlled", "controlled_share", "peak_median_deg", "peak_max_deg", "rom_median_deg",
    "rom_max_deg", "hold_median_s", "tempo_median_s", "change_since_last_deg", "mdc_deg",
    "change_exceeds_mdc",
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
        "SELECT folder, problem FROM sessions WHERE problem <> ''"
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


def trend(index: sqlite3.Connection, wearer: str) -> list[dict[str, Any]]:
    """Return a row (`COLUMNS`) for each session and leg with a valid repetition, in order.

    Ordered by exercise, position, leg and time; the change is the median range's since the row
    before of the same exercise, position and leg. A start that is not known is None, and so is
    whether a change exceeds a minimal detectable one that is not known.
    """
    figures = (
        "valid", "target_reps", "controlled", "peak_median_deg", "peak_max_deg", "rom_median_deg",
        "rom_max_deg", "hold_median_s", "tempo_median_s", "mdc_deg",
    )  # fmt: skip
    rows = index.execute(
        f"SELECT exercise, leg, start_time, folder, {', '.join(figures)}"  # noqa: S608 (our names)
        " FROM counted JOIN legs USING (folder) WHERE wearer = ? AND problem = '' AND valid > 0"
        " ORDER BY exercise, leg, start_utc",
        (wearer,),
    )
    found: list[dict[str, Any]] = []
    before: dict[tuple[str, str, str], float] = {}
    for exercise, leg, start_time, folder, *values in rows:
        row = dict(zip(figures, values, strict=True))
        key = (exercise, _position(exercise), leg)
        change = None
        if start_time.startswith(NO_START):
            start_time = None
        elif row["rom_median_deg"] is not None:
            change = row["rom_median_deg"] - before[key] if key in before else None
            before[key] = row["rom_median_deg"]
        mdc_deg = row["mdc_deg"]
        exceeds = None if change is None or mdc_deg is None else abs(change) > mdc_deg
        row |= {
            "wearer": wearer,
            "exercise": exercise,
            "position": key[1],
            "side": leg,
            "start_time": start_time,
            "session": folder,
            "valid": int(row["valid"]),
            "target_reps": int(row["target_reps"]),
            "controlled": int(row["controlled"]),
            "controlled_share": round(row["controlled"] / row["valid"], 3),
            "change_since_last_deg": None if change is None else round(change, 3) + 0.0,
            "change_exceeds_mdc": exceeds,
        }
        found.append({name: row[name] for name in COLUMNS})
    return found


def _position(exercise: str) -> str:
    try:
        return load(exercise).position
    except CatalogueError:
        return ""  # an exercise that this version does not know is a group of its own
