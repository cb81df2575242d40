"""What earlier recordings say of a visit that was not finished, and of who was there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from analysis.exercises import CatalogueError
from hipturn.course import Course, Leg, Unfinished
from hipturn.errors import UserError
from hipturn.plan import load_plan, routines
from hipturn.server.library import Library
from hipturn.session.pipeline import declared_of
from hipturn.session.virtual_session import VIRTUAL
from hipturn.session_paths import SESSION_FILE
from imu.recording import Session, SessionError, open_session

OFFERED_FOR = timedelta(hours=12)
"""A visit of another day is another visit."""
LOOKED_AT = 60
"""A visit has no more sessions than this."""
WEARERS = 12
"""So many are offered; another one is typed."""


def unfinished_visit(root: Path, given: Course, now: datetime | None = None) -> Unfinished | None:
    """Return the newest visit, when it is not done and not old; None otherwise.

    Parameters
    ----------
    root
        Where the recordings are.
    given
        The course of the command line, whose plan may be no ready-made one.
    now
        The time; None: the present.
    """
    now = now or datetime.now(UTC)
    sessions = [one for one in _newest(root) if now - one.header.started_at < OFFERED_FOR]
    of_visits = [(declared_of(one), one) for one in sessions]
    newest = next((told for told, _ in of_visits if told.get("visit")), None)
    if newest is None:
        return None
    course = _course_of(newest.get("plan"), given, root)
    mine = [(told, one) for told, one in of_visits if told.get("visit") == newest["visit"]]
    if course is None:
        return None
    done = frozenset(_leg(told, one) for told, one in mine if _is_done(one))
    header = mine[0][1].header
    virtual = header.source == "virtual"
    wearer = "" if virtual and header.wearer == VIRTUAL else header.wearer
    left = {step.leg for step in course.steps()} - done
    known = Unfinished(str(newest["visit"]), wearer, virtual, course, done)
    return known if left and done else None


def wearers_of(library: Library) -> list[str]:
    """Return the pseudonyms of earlier recordings, the newest first."""
    found: dict[str, None] = {}
    for session in _newest(library.root):
        if session.header.wearer and session.header.wearer != VIRTUAL:
            found.setdefault(session.header.wearer)
    return list(found)[:WEARERS]


def _newest(root: Path) -> Iterator[Session]:
    if not root.is_dir():
        return
    folders = sorted(
        (path for path in root.iterdir() if (path / SESSION_FILE).is_file()), reverse=True
    )
    for folder in folders[:LOOKED_AT]:
        try:
            yield open_session(folder)
        except (SessionError, OSError):
            continue


def _course_of(plan: Any, given: Course, root: Path) -> Course | None:  # noqa: ANN401 (JSON)
    """Return the course of a plan that is known by its text; None where it is not."""
    if not isinstance(plan, dict):
        return None
    if given.name and plan.get("sha256") == given.sha256:
        return given
    for name in routines():
        try:
            known = load_plan(name, root)
            if known.sha256 == plan.get("sha256"):
                return Course.of(known)
        except (UserError, CatalogueError):
            continue
    return None


def _leg(told: dict[str, Any], session: Session) -> Leg:
    return int(told.get("item", 1)) - 1, session.header.side


def _is_done(session: Session) -> bool:
    """Return whether a session was closed, and something was done in it."""
    kinds = {event["type"] for event in session.events()}
    return session.header.state == "closed" and bool(kinds & {"movement", "announcement"})
