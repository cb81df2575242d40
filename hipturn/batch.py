"""Analyse many sessions: tables for each and one summary over all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis import sessions
from analysis.exercises import CatalogueError
from hipturn.errors import UserError
from hipturn.export.csv import write_table, write_tables
from hipturn.history.earlier import candidates, completed, past_of
from hipturn.history.stored import store_summary
from hipturn.pipeline import read_recording
from hipturn.report.entry import calibrated_live
from imu.orientation import FilterName
from imu.recording import SessionError, open_session

if TYPE_CHECKING:
    import pandas as pd


REFINED = "refined"
"""The folder beside the live values for those that a whole recording allows."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one session."""

    session: Path
    summary: list[dict[str, Any]]
    sentences: tuple[str, ...]
    problem: str
    """Why there are no tables; empty when there are."""


@dataclass(frozen=True, slots=True)
class Job:
    """One session to analyse."""

    session: Path
    out: Path
    report: bool
    orientation_filter: FilterName | None = None
    refine: bool = False
    earlier: tuple[Path, ...] = ()
    """Sessions to measure the change from, the newest first (see `hipturn.history.earlier`)."""


def analyse_one(job: Job) -> Outcome:
    """Write one session's tables, and its report when wanted; a damaged one says why."""
    try:
        session = open_session(job.session)
        result = sessions.analyse(read_recording(session, job.orientation_filter))
        if job.orientation_filter is None:
            store_summary(job.session, result.summary)
        past = past_of(result.summary, job.earlier)
        result = replace(result, summary=completed(result.summary, past))
        write_tables(result, job.out)
        if job.refine:
            refined = read_recording(session, job.orientation_filter, refine=True)
            write_tables(sessions.analyse(refined), job.out / REFINED)
        if job.report:
            from hipturn.report import Entry, write_report  # matplotlib only when wanted

            entry = Entry(result, past, calibrated_live(session))
            write_report([entry], job.out / "report.pdf")
    except (SessionError, CatalogueError, UserError) as error:
        return Outcome(job.session, [], (), str(error))
    except OSError as error:
        return Outcome(job.session, [], (), f"{error.filename or job.out}: {error.strerror}")
    rows: list[dict[str, Any]] = result.summary.to_dict("records")  # type: ignore[assignment]
    return Outcome(job.session, rows, result.sentences, "")


def analyse_all(jobs: list[Job], workers: int, done: Callable[[Outcome], None]) -> list[Outcome]:
    """Analyse sessions, several at a time when asked; outcomes keep the order of the jobs."""
    earlier = candidates([job.session for job in jobs])
    jobs = [replace(job, earlier=tuple(earlier[job.session])) for job in jobs]
    outcomes: list[Outcome] = []
    for outcome in _run(jobs, workers):
        outcomes.append(outcome)
        done(outcome)
    return outcomes


def _run(jobs: list[Job], workers: int) -> Iterator[Outcome]:
    if workers <= 1 or len(jobs) == 1:
        yield from map(analyse_one, jobs)
        return
    with ProcessPoolExecutor(min(workers, len(jobs))) as pool:
        yield from pool.map(analyse_one, jobs)


def write_overall_summary(outcomes: list[Outcome], folder: Path) -> Path:
    """Write summary.csv over all sessions that could be analysed."""
    return write_table(overall_summary(outcomes), folder / "summary.csv")


def overall_summary(outcomes: list[Outcome]) -> pd.DataFrame:
    """Return the summary rows of all sessions, in order."""
    import pandas as pd

    from analysis.tables import SUMMARY_COLUMNS

    rows = [row for outcome in outcomes for row in outcome.summary]
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))
