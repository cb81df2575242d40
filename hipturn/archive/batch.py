"""Analyse one session, or a few of a wearer's one after the other: what every worker does.

What a session came from is hashed first, and a session whose tables were made from the same by the
same is not done again. It does not matter which process does a session, here or elsewhere.
"""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from analysis.exercises import CatalogueError, Exercise
from analysis.session import analyse as sessions
from hipturn.archive.journal import Noted
from hipturn.archive.manifest import (
    OUTPUTS,
    Entry,
    output_hashes,
    session_hashes,
    signature,
    software,
)
from hipturn.archive.outputs import made_for
from hipturn.errors import UserError, disk_text, fault_text
from hipturn.export.csv import Decimal, write_table, write_tables
from hipturn.history.earlier import Past, completed, past_from, summary_of
from hipturn.history.stored import Row, rows_of, store_legs, stored_summary
from hipturn.report.entry import calibrated_live
from hipturn.session.pipeline import read_recording
from hipturn.units.calibration_file import Calibration
from hipturn.words import ENGLISH, words_of
from imu.fuse.orientation import FilterName
from imu.recording import SessionError, open_session

if TYPE_CHECKING:
    import pandas as pd

    from analysis.session.recording import Recording
    from imu.recording import Session


@dataclass(frozen=True, slots=True)
class Before:
    """An earlier session that one is compared with."""

    folder: Path
    started_at: datetime
    signature: str
    """What its files look like."""
    promised: bool
    """Whether this run analyses it: it is waited for."""
    legs: list[Row] | None = None
    """What was found in it (`hipturn.history.stored`); None where that is not known yet."""
    inputs: dict[str, str] | None = None
    """The hashes of its files, where they are known."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for, the same for all sessions of a run."""

    report: bool = False
    orientation_filter: FilterName | None = None
    parquet: Path | None = None
    """The folder of a data set that the tables are written into too."""
    calibration: Calibration | None = None
    """How the units sit, where that is given rather than found in the session."""
    decimal: Decimal = "point"
    """How the numbers of the CSV tables are written."""
    xlsx: bool = False
    """Whether the tables are written as a workbook too."""
    as_recorded: bool = False
    """Whether what people corrected afterwards is left out."""
    language: str = ENGLISH
    """Of the reports."""

    @property
    def as_found(self) -> bool:
        """Whether sessions are analysed as `hipturn history` does, so that results can be kept."""
        usual = self.orientation_filter is None and self.calibration is None
        return usual and not self.as_recorded

    def to_json(self) -> dict[str, Any]:
        """Return what was asked for, as the manifest keeps it."""
        legs = self.calibration.legs if self.calibration else {}
        told = {
            "calibration": {str(side): leg.to_json() for side, leg in legs.items()},
            "decimal": self.decimal if self.decimal != "point" else "",
            "xlsx": self.xlsx,
            "as_recorded": self.as_recorded,
            "language": self.language if self.language != ENGLISH else "",
        }
        return {name: value for name, value in told.items() if value} | {
            "report": self.report,
            "filter": self.orientation_filter,
            "parquet": self.parquet is not None,
        }


@dataclass(frozen=True, slots=True)
class Job:
    """One session to analyse."""

    place: int
    """Its place in the plan."""
    session: Path
    out: Path
    name: str
    """What its tables are called: the last part of `out`, or `.` where there is one session."""
    options: Options
    signature: str = ""
    """What its files looked like when it was planned."""
    size: int = 0
    """Of its samples, in bytes."""
    earlier: tuple[Before, ...] = ()
    """Sessions to measure the change from, the newest first (see `hipturn.history.earlier`)."""
    out_url: str = ""
    """Where the tables go when that is no folder: `out` is the path in it then."""
    url: str = ""
    """Where the session lies when it has to be fetched; `session` is its name then."""
    known: Noted | None = None
    """What an earlier run noted."""
    waited_with: bytes = b""
    """What an earlier part of this run found, where only the comparison is missing."""

    @property
    def partition(self) -> str:
        """What the session is called in the data set that all share."""
        alone = bool(self.out_url) and self.name == "."
        return PurePosixPath(self.out_url).name if alone else self.out.name


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one session."""

    entry: Entry
    """What the manifest keeps of it; its `problem` is empty where there are tables."""
    rows: str = ""
    """The rows of its summary.csv, as they stand there."""
    legs: list[Row] | None = field(default_factory=list)
    """What later sessions are compared with; None where it is not known any more."""
    seen: str = ""
    """What the tables look like from outside (`hipturn.archive.manifest.signature`)."""
    done_before: bool = False
    waits_with: bytes = b""
    """Not empty: an earlier session that this run analyses was not known yet; what to go on with
    when all are."""

    files: dict[str, bytes] = field(default_factory=dict)
    """What is still to be written below `out_url`, by the process that started the run."""

    @property
    def problem(self) -> str:
        """Why there are no tables; empty when there are."""
        return str(self.entry["problem"])


@dataclass(frozen=True, slots=True)
class _Found:
    """What a comparison and its tables need of one session's analysis."""

    summary: pd.DataFrame
    exercise: Exercise
    legs: list[Row]
    sentences: tuple[str, ...]
    inputs: dict[str, str]


def analyse_group(jobs: Sequence[Job]) -> Iterator[Outcome]:
    """Analyse sessions one after the other; each knows what was found in those before it."""
    found: dict[Path, Outcome] = {}
    for job in jobs:
        known = replace(job, earlier=tuple(_with_found(b, found) for b in job.earlier))
        outcome = analyse_one(known)
        if len(jobs) > 1:
            found[job.session] = outcome
        yield outcome


def _with_found(before: Before, found: dict[Path, Outcome]) -> Before:
    outcome = found.get(before.folder)
    if outcome is None or not before.promised:
        return before
    return replace(before, legs=outcome.legs, inputs=outcome.entry.get("inputs"))


def analyse_one(job: Job) -> Outcome:
    """Write one session's tables, and its report when wanted; a damaged one says why.

    No session stops the others: an error in hipturn itself is an outcome too.
    """
    try:
        if not job.out_url:
            return _tables_of(job)
        from hipturn.export.parquet import PARQUET

        with made_for(job.out_url, job.name) as (folder, left):
            parquet = folder / PARQUET if job.options.parquet else None
            options = replace(job.options, parquet=parquet)
            outcome = _tables_of(replace(job, out=folder / job.name, options=options))
        return replace(outcome, files=left)
    except (SessionError, CatalogueError, UserError) as error:
        return failed(job, str(error))
    except OSError as error:
        return failed(job, disk_text(error, job.out))
    except Exception as error:
        if os.environ.get("HIPTURN_DEBUG"):
            raise
        return failed(job, fault_text(error, f"{job.session.name} is kept as it is"))


def _tables_of(job: Job) -> Outcome:
    if job.waited_with and not (job.options.report or job.options.xlsx or job.out_url):
        return _compared(job, pickle.loads(job.waited_with))  # noqa: S301 (of this very run)
    with _at_hand(job) as folder:
        session = open_session(folder, as_recorded=job.options.as_recorded)
        inputs = session_hashes(folder)
        if job.known and (before := _done_before(job, job.known, inputs)):
            return before
        return _analysed(job, session, inputs)


def _at_hand(job: Job) -> AbstractContextManager[Path]:
    """Give the folder of a session, fetched when it is elsewhere."""
    if not job.url:
        return nullcontext(job.session)
    from hipturn.archive.remote import fetched

    return fetched(job.url, job.signature)


def failed(job: Job, problem: str) -> Outcome:
    """Return the outcome of a session that has no tables."""
    entry = {
        "session": job.url or str(job.session),
        "software": software(),
        "options": job.options.to_json(),
        "problem": problem,
    }
    return Outcome(entry)


def _analysed(job: Job, session: Session, inputs: dict[str, str]) -> Outcome:
    for left in job.out.glob("*.part"):  # by a process that was killed while it wrote
        left.unlink(missing_ok=True)
    result = sessions.analyse(_recording(job, session))
    legs = rows_of(result.summary)
    if job.options.as_found and not job.url:
        store_legs(job.session, legs)
    found = _Found(result.summary, result.recording.entry, legs, result.sentences, inputs)
    past = _past(job, found)
    if past is not None:
        result = replace(result, summary=completed(result.summary, found.exercise, past))
    write_tables(result, job.out, job.options.decimal)
    if job.options.parquet is not None:
        from hipturn.export.parquet import write_partitions

        write_partitions(result, job.options.parquet, job.partition)
    if past is None:
        return _outcome(job, found, waits_with=pickle.dumps(found))
    if job.options.xlsx:
        from hipturn.export.xlsx import WORKBOOK, write_workbook

        write_workbook(result, job.out / WORKBOOK)
    if job.options.report:
        from hipturn.report import Entry as Page  # matplotlib only when wanted
        from hipturn.report import write_report

        page = Page(result, past, calibrated_live(session), words_of(job.options.language))
        write_report([page], job.out / "report.pdf")
    return _outcome(job, found)


def _compared(job: Job, found: _Found) -> Outcome:
    """Write the summary again with what the earlier sessions say."""
    past = _past(job, found)
    if past is None:
        raise AssertionError("whoever waited is called when nothing is waited for")
    summary = completed(found.summary, found.exercise, past)
    write_table(summary, job.out / "summary.csv", job.options.decimal)
    if job.options.parquet is not None:
        from hipturn.export.parquet import write_partition

        write_partition(summary, "summary", job.options.parquet, job.partition)
    return _outcome(job, found)


def _past(job: Job, found: _Found) -> Past | None:
    """Return what the earlier sessions say; None while one of them is still waited for."""
    if any(before.promised and before.legs is None for before in job.earlier):
        return None
    known = (
        (b.started_at, summary_of(b.folder) if b.legs is None else b.legs) for b in job.earlier
    )
    return past_from(found.summary, found.exercise, known)


def _outcome(job: Job, found: _Found, *, waits_with: bytes = b"") -> Outcome:
    made_from = {"inputs": found.inputs} if waits_with else _made_from(job, found.inputs)
    seen = signature(job.out, OUTPUTS)
    outputs = {} if waits_with else output_hashes(job.out)
    entry = {**made_from, "outputs": outputs, "problem": "", "notes": list(found.sentences)}
    return Outcome(entry, _summary_rows(job.out), found.legs, seen, waits_with=waits_with)


def _done_before(job: Job, known: Noted, inputs: dict[str, str]) -> Outcome | None:
    """Return what an earlier run noted, where all that decides about the tables is the same."""
    entry = json.loads(known.entry)
    made_from = _made_from(job, inputs)
    if entry.get("problem") or {name: entry.get(name) for name in made_from} != made_from:
        return None
    if job.options.parquet is not None:
        from hipturn.export.parquet import partitions

        if not all(p.exists() for p in partitions(job.options.parquet, job.partition).values()):
            return None
    seen = signature(job.out, OUTPUTS)
    if not entry.get("outputs") or entry["outputs"] != output_hashes(job.out):
        return None
    legs = json.loads(known.legs) if known.legs else stored_summary(job.session)
    return Outcome(entry, _summary_rows(job.out), legs, seen, done_before=True)


def _summary_rows(out: Path) -> str:
    """Return summary.csv without its header; no cell of ours holds a line end."""
    return (out / "summary.csv").read_text(encoding="utf-8-sig").partition("\n")[2]


def _recording(job: Job, session: Session) -> Recording:
    recording = read_recording(session, job.options.orientation_filter)
    if job.options.calibration is None:
        return recording
    return replace(recording, calibrations=job.options.calibration.for_units(recording.units))


def _made_from(job: Job, inputs: dict[str, str]) -> Entry:
    """Return everything that decides what the tables hold."""
    return {
        "session": job.url or str(job.session),
        "inputs": inputs,
        "compared_with": {
            b.folder.name: b.inputs or _hashes(b.folder, b.signature) for b in job.earlier
        },
        "software": software(),
        "options": job.options.to_json(),
    }


@lru_cache(maxsize=256)
def _hashes(folder: Path, _signature: str) -> dict[str, str]:
    """Return the hashes of a session that several are compared with, made once."""
    return session_hashes(folder)
