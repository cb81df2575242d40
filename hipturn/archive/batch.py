"""Analyse many sessions: tables for each and one summary over all.

`analyse_one` is what every worker does, here or on another machine. What a session came from is
hashed first, and a session whose tables were made from the same by the same is not done again.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.exercises import CatalogueError
from analysis.session import analyse as sessions
from hipturn.archive.manifest import Entry, ManifestWriter, output_hashes, session_hashes, software
from hipturn.archive.processes import in_processes
from hipturn.errors import UserError, disk_text, fault_text
from hipturn.export.csv import Decimal, join_tables, read_rows, write_tables
from hipturn.history.earlier import candidates, completed, past_of
from hipturn.history.stored import store_summary
from hipturn.report.entry import calibrated_live
from hipturn.session.pipeline import read_recording
from hipturn.units.calibration_file import Calibration
from imu.fuse.orientation import FilterName
from imu.recording import SessionError, open_session

if TYPE_CHECKING:
    import pandas as pd

    from analysis.session.recording import Recording
    from imu.recording import Session


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one session."""

    session: Path
    summary: list[dict[str, Any]]
    sentences: tuple[str, ...]
    problem: str
    """Why there are no tables; empty when there are."""
    entry: Entry = field(default_factory=dict)
    """What the manifest keeps of it."""
    done_before: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One session to analyse."""

    session: Path
    out: Path
    report: bool
    orientation_filter: FilterName | None = None
    earlier: tuple[Path, ...] = ()
    """Sessions to measure the change from, the newest first (see `hipturn.history.earlier`)."""
    parquet: Path | None = None
    """The folder of a partitioned data set that the tables are written into too."""
    calibration: Calibration | None = None
    """How the units sit, where that is given rather than found in the session."""
    decimal: Decimal = "point"
    """How the numbers of the CSV tables are written."""
    xlsx: bool = False
    """Whether the tables are written as a workbook too."""
    as_recorded: bool = False
    """Whether what people corrected afterwards is left out."""
    known: Entry | None = None
    """An earlier run, from its manifest."""
    url: str = ""
    """Where the session lies when it has to be fetched; `session` is its name then."""

    @property
    def options(self) -> dict[str, Any]:
        """Return what was asked for, as the manifest keeps it."""
        legs = self.calibration.legs if self.calibration else {}
        told = {
            "calibration": {str(side): leg.to_json() for side, leg in legs.items()},
            "decimal": self.decimal if self.decimal != "point" else "",
            "xlsx": self.xlsx,
            "as_recorded": self.as_recorded,
        }
        return {name: value for name, value in told.items() if value} | {
            "report": self.report,
            "filter": self.orientation_filter,
            "parquet": self.parquet is not None,
        }


Runner = Callable[[Callable[[Job], Outcome], Sequence[Job]], Iterable[tuple[Job, Outcome | str]]]
"""Does every job and yields each as it ends, with its outcome or why it was lost."""


def analyse_one(job: Job) -> Outcome:
    """Write one session's tables, and its report when wanted; a damaged one says why.

    No session stops the others: an error in hipturn itself is an outcome too.
    """
    try:
        with _at_hand(job) as folder:
            session = open_session(folder, as_recorded=job.as_recorded)
            made_from = _made_from(job, folder)
            if _is_done(job, made_from):
                return _done_before(job)
            result = _analysed(job, session)
    except (SessionError, CatalogueError, UserError) as error:
        return failed(job, str(error))
    except OSError as error:
        return failed(job, disk_text(error, job.out))
    except Exception as error:
        if os.environ.get("HIPTURN_DEBUG"):
            raise
        return failed(job, fault_text(error, f"{job.session.name} is kept as it is"))
    outputs = {"outputs": output_hashes(job.out)}
    entry = {**made_from, **outputs, "problem": "", "notes": list(result.sentences)}
    rows: list[dict[str, Any]] = result.summary.to_dict("records")  # type: ignore[assignment]
    return Outcome(job.session, rows, result.sentences, "", entry)


def _at_hand(job: Job) -> AbstractContextManager[Path]:
    """Give the folder of a session, fetched when it is elsewhere."""
    if not job.url:
        return nullcontext(job.session)
    from hipturn.archive.remote import fetched

    return fetched(job.url)


def failed(job: Job, problem: str) -> Outcome:
    """Return the outcome of a session that has no tables."""
    entry = {"session": job.url or str(job.session), "software": software(), "options": job.options}
    return Outcome(job.session, [], (), problem, {**entry, "problem": problem})


def _analysed(job: Job, session: Session) -> sessions.Result:
    for left in job.out.glob("*.part"):  # by a process that was killed while it wrote
        left.unlink(missing_ok=True)
    result = sessions.analyse(_recording(job, session))
    usual = job.orientation_filter is None and job.calibration is None and not job.as_recorded
    if usual and not job.url:
        store_summary(job.session, result.summary)
    exercise = result.recording.entry
    past = past_of(result.summary, exercise, job.earlier)
    result = replace(result, summary=completed(result.summary, exercise, past))
    write_tables(result, job.out, job.decimal)
    if job.xlsx:
        from hipturn.export.xlsx import WORKBOOK, write_workbook

        write_workbook(result, job.out / WORKBOOK)
    if job.report:
        from hipturn.report import Entry as Page  # matplotlib only when wanted
        from hipturn.report import write_report

        page = Page(result, past, calibrated_live(session))
        write_report([page], job.out / "report.pdf")
    if job.parquet is not None:
        from hipturn.export.parquet import write_partitions

        write_partitions(result, job.parquet, job.out.name)
    return result


def _recording(job: Job, session: Session) -> Recording:
    recording = read_recording(session, job.orientation_filter)
    if job.calibration is None:
        return recording
    return replace(recording, calibrations=job.calibration.for_units(recording.units))


def _made_from(job: Job, folder: Path) -> Entry:
    """Return everything that decides what the tables hold."""
    return {
        "session": job.url or str(job.session),
        "inputs": session_hashes(folder),
        "compared_with": {path.name: session_hashes(path) for path in job.earlier},
        "software": software(),
        "options": job.options,
    }


def _is_done(job: Job, made_from: Entry) -> bool:
    known = job.known
    if known is None or known.get("problem") or {n: known.get(n) for n in made_from} != made_from:
        return False
    if job.parquet is not None:
        from hipturn.export.parquet import partitions

        if not all(path.exists() for path in partitions(job.parquet, job.out.name).values()):
            return False
    outputs = known.get("outputs")
    return bool(outputs) and outputs == output_hashes(job.out)


def _done_before(job: Job) -> Outcome:
    assert job.known is not None  # noqa: S101 (looked at before)
    said = tuple(str(text) for text in job.known.get("notes", ()))
    rows = read_rows(job.out / "summary.csv")
    return Outcome(job.session, rows, said, "", job.known, done_before=True)


def jobs_for(found: Sequence[Path | str], out: Path, **options: Any) -> list[Job]:  # noqa: ANN401
    """Return a job for each session: one writes into `out`, several each into a folder of it.

    Sessions of one name in several folders are named after their folders too. A text is
    a URL: such a session is fetched, and compared with no earlier one.

    Raises
    ------
    UserError
        When even those are the same.
    """
    if len(found) == 1:
        return [_job(found[0], out, options)]
    full = [path.resolve() if isinstance(path, Path) else Path(path) for path in found]
    shared = Counter(path.name for path in full)
    names = [p.name if shared[p.name] == 1 else f"{p.parent.name}__{p.name}" for p in full]
    for name, count in Counter(names).items():
        if count > 1:
            raise UserError(f"{count} sessions would be written to {name}: rename their folders")
    return [_job(path, out / name, options) for path, name in zip(found, names, strict=True)]


def _job(place: Path | str, out: Path, options: dict[str, Any]) -> Job:
    if isinstance(place, Path):
        return Job(place, out, **options)
    return Job(Path(Path(place).name), out, url=place, **options)


def analyse_all(
    jobs: Sequence[Job],
    out: Path,
    done: Callable[[Outcome], object],
    *,
    workers: int = 1,
    run: Runner | None = None,
) -> list[Outcome]:
    """Analyse sessions, several at a time when asked; outcomes keep the order of the jobs.

    Parameters
    ----------
    jobs
        From `jobs_for`.
    out
        Where manifest.json goes.
    done
        Called with each outcome as it comes.
    workers
        How many processes of this computer work, unless `run` does.
    run
        Runs the jobs instead, such as a cluster.

    Raises
    ------
    UserError
        When `out` cannot be written.
    """
    manifest = ManifestWriter(out)
    earlier = candidates([job.session for job in jobs if not job.url])
    ready = [
        replace(
            job,
            earlier=tuple(earlier.get(job.session, ())),
            known=manifest.known.get(_name(job, out)),
        )
        for job in jobs
    ]
    found: dict[Path, Outcome] = {}
    try:
        for job, outcome in (run or partial(_locally, workers=workers))(analyse_one, ready):
            ended = failed(job, outcome) if isinstance(outcome, str) else outcome
            manifest.note(_name(job, out), ended.entry)
            found[job.out] = ended
            done(ended)
    except BaseException:
        manifest.leave()
        raise
    manifest.close()
    return [found[job.out] for job in jobs]


def _name(job: Job, out: Path) -> str:
    return "." if job.out == out else job.out.name


def _locally(
    work: Callable[[Job], Outcome], jobs: Sequence[Job], workers: int
) -> Iterator[tuple[Job, Outcome | str]]:
    if workers <= 1 or len(jobs) == 1:
        return ((job, work(job)) for job in jobs)
    return in_processes(work, jobs, workers)


def write_overall_summary(jobs: Sequence[Job], outcomes: Sequence[Outcome], folder: Path) -> Path:
    """Write summary.csv over all sessions that could be analysed: the rows of each one's own."""
    tables = [
        job.out / "summary.csv"
        for job, outcome in zip(jobs, outcomes, strict=True)
        if not outcome.problem
    ]
    return join_tables(tables, folder / "summary.csv")


def overall_summary(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """Return the summary rows of all sessions, in order."""
    import pandas as pd

    from analysis.session.tables import SUMMARY_COLUMNS

    rows = [row for outcome in outcomes for row in outcome.summary]
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))
