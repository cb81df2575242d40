"""A whole archive, from the plan to the tables: what is unchanged is skipped, the rest handed out.

Every outcome goes to the journal as it comes, and what is written over all sessions is written from
there, so that a million sessions need no more memory here than ten.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from analysis.session.tables import SUMMARY_COLUMNS
from hipturn.archive.batch import Before, Job, Options, Outcome, analyse_group, failed
from hipturn.archive.journal import JOURNAL_FILE, Journal, Noted
from hipturn.archive.manifest import MANIFEST_FILE, software
from hipturn.archive.outputs import place_of, put
from hipturn.archive.plan import Plan, Planned
from hipturn.archive.processes import in_processes
from hipturn.export.csv import DIALECTS, TEXTS
from imu.recording.folder import replace_file

GROUP_LEAST, GROUP_MOST = 20, 100
"""Sessions that one worker does in turn: so many that handing them out costs little beside the
work, and so few that a lost worker costs little."""
GROUP_BYTES = 50_000_000
"""Of samples: sessions of hours make small groups."""
SHARES = 8
"""So many groups a worker has at least, where there are few sessions: all end at the same time."""

NOT_SEEN = "?"
"""Stands for how tables look that were put behind a URL, until they are listed."""

Work = Callable[[Sequence[Job]], Iterable[Outcome]]
Groups = Callable[[int], Iterable[Sequence[Job]]]
"""Gives the groups for so many workers."""
Runner = Callable[[Work, Groups], Iterable[tuple[Job, Outcome | str]]]
"""Does groups of jobs and yields each job as it ends, with its outcome or why it was lost."""


@dataclass(slots=True)
class Tally:
    """How a run went."""

    good: int = 0
    """Sessions that have tables."""
    bad: int = 0
    done_before: int = 0


class Run:
    """Analyses what a plan holds into a folder.

    Parameters
    ----------
    plan
        The sessions.
    out
        Gets the tables of one session, or a folder for each of several: a folder or a URL.
    options
        What is asked for.

    Raises
    ------
    UserError
        When `out` cannot be written.
    """

    def __init__(self, plan: Plan, out: Path | str, options: Options) -> None:
        self.tally = Tally()
        self._plan, self._options = plan, options
        self._place = place_of(out, JOURNAL_FILE, (MANIFEST_FILE, "summary.csv"))
        self._journal = Journal(self._place.path)
        self._befores: dict[int, Before] = {}
        asked = json.dumps([software(), options.to_json()], sort_keys=True)
        self._asked = hashlib.sha256(asked.encode()).hexdigest()

    def analyse(
        self, done: Callable[[object], object], *, workers: int = 1, run: Runner | None = None
    ) -> Tally:
        """Analyse all sessions, and compare those last that others had to be known for.

        Parameters
        ----------
        done
            Called for each session that has ended.
        workers
            How many processes of this computer work, unless `run` does.
        run
            Hands the groups out instead, such as a cluster.
        """
        run = run or partial(_locally, workers=min(workers, self._plan.count))
        try:
            for again in (False, True):
                if again and not self._plan.waiting:
                    break
                groups = partial(self._groups, done, again=again)
                for job, outcome in run(analyse_group, groups):
                    ended = failed(job, outcome) if isinstance(outcome, str) else outcome
                    self._note(job, ended, done)
        except BaseException:
            self._journal.leave()
            self._place.put_all()
            self._place.close()
            raise
        if self._plan.count > 1 and self.tally.good:
            self._write_summary()
        return self.tally

    def close(self) -> None:
        """Write manifest.json, close the journal, and put both where they belong."""
        if self._place.url:
            self._look_at_what_was_put()
        self._journal.close(self._place.has)
        self._place.put_all()
        self._place.close()

    def told(self) -> Iterator[tuple[str, str, list[str]]]:
        """Yield name, problem and notes of each session, in the order in which they were named."""
        for one in self._plan.named():
            known = self._journal.known(self._name(one))
            if known is not None:
                notes = json.loads(known.entry).get("notes", ()) if not known.problem else ()
                yield Path(one.path).name, known.problem, [str(text) for text in notes]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of all summaries, in the order in which the sessions were named."""
        dialect = DIALECTS[self._options.decimal]
        for text in self._summaries():
            for cells in csv.reader(text.splitlines(), delimiter=dialect.delimiter):
                row = dict(zip(SUMMARY_COLUMNS, cells, strict=True))
                yield {name: _value(name, cell, dialect.decimal) for name, cell in row.items()}

    # -- handing out ---------------------------------------------------------------------------

    def _groups(
        self, done: Callable[[object], object], workers: int, *, again: bool
    ) -> Iterator[list[Job]]:
        """Yield groups of jobs; a wearer's sessions of an exercise stay in one where they can."""
        count = self._plan.waiting if again else self._plan.count
        least = min(GROUP_LEAST, max(1, count // (SHARES * workers)))
        most = min(GROUP_MOST, -(-count // workers)) if workers > 1 else 1
        group: list[Job] = []
        for job in self._jobs(done, again=again):
            full = len(group) >= least or sum(one.size for one in group) > GROUP_BYTES
            goes_on = bool(job.earlier) and not again
            if group and ((full and not goes_on) or len(group) >= most):
                yield group
                group = []
            group.append(job)
        if group:
            yield group

    def _jobs(self, done: Callable[[object], object], *, again: bool) -> Iterator[Job]:
        for one, earlier in self._plan.in_order(waiting=again):
            known = None if again else self._journal.known(self._name(one))
            if known is not None and self._unchanged(one, earlier, known):
                self.tally.done_before += 1
                self.tally.good += 1
                done(None)
                continue
            yield self._job(one, earlier, known, again=again)

    def _job(
        self, one: Planned, earlier: Sequence[Planned], known: Noted | None, *, again: bool
    ) -> Job:
        path, name = Path(one.path), self._name(one)
        return Job(
            one.place,
            Path(path.name) if one.url else path,
            Path(name) if self._place.url else self._place.path / name,
            name,
            self._options,
            one.signature,
            one.size,
            tuple(self._before(other, again=again) for other in earlier),
            self._place.url,
            one.path if one.url else "",
            known if known is not None and known.complete else None,
            self._plan.waited_with(one.place) if again else b"",
        )

    def _before(self, other: Planned, *, again: bool) -> Before:
        """Return an earlier session with what this run knows of it."""
        if (kept := self._befores.get(other.place)) is not None:
            return kept
        started_at = datetime.fromisoformat(other.start)
        before = Before(Path(other.path), started_at, other.signature, promised=False)
        if not other.wanted or not self._options.as_found:
            return before
        known = self._journal.known(self._name(other))
        if known is None or known.inputs != other.signature or not known.legs:
            return replace(before, promised=not again)
        inputs = json.loads(known.entry).get("inputs")
        if len(self._befores) > GROUP_MOST:
            self._befores.clear()
        # one object for all that are compared with it: a group is sent with each once
        found = replace(before, legs=json.loads(known.legs), inputs=inputs)
        return self._befores.setdefault(other.place, found)

    def _name(self, one: Planned) -> str:
        return "." if self._plan.count == 1 else one.name

    # -- taking in -----------------------------------------------------------------------------

    def _note(self, job: Job, outcome: Outcome, done: Callable[[object], object]) -> None:
        if outcome.files:
            put(self._place.url, outcome.files)
        outputs = NOT_SEEN if self._place.url else outcome.seen
        seen = self._seen(job.earlier, outputs) if not outcome.problem else ""
        noted = Noted(
            json.dumps(outcome.entry),
            not outcome.waits_with and not outcome.problem,
            outcome.problem,
            job.signature,
            seen,
            outcome.rows,
            "" if outcome.legs is None else json.dumps(outcome.legs),
        )
        self._journal.note(job.name, noted)
        if outcome.waits_with:
            self._plan.wait(job.place, outcome.waits_with)
            return
        self.tally.good += not outcome.problem
        self.tally.bad += bool(outcome.problem)
        self.tally.done_before += outcome.done_before
        done(outcome)

    def _unchanged(self, one: Planned, earlier: Sequence[Planned], known: Noted) -> bool:
        if not known.complete or known.inputs != one.signature:
            return False
        return known.seen == self._seen(earlier, self._place.seen(self._name(one)))

    def _seen(self, earlier: Iterable[Before | Planned], outputs: str) -> str:
        """Return what decides about tables besides the session's own files, and the tables."""
        compared = hashlib.sha256("\n".join(one.signature for one in earlier).encode()).hexdigest()
        return f"{self._asked} {compared} {outputs}"

    def _look_at_what_was_put(self) -> None:
        """Note what the tables look like that were put behind a URL; one listing for all."""
        self._place.look()
        for one in self._plan.named():
            name = self._name(one)
            known = self._journal.known(name)
            if known is not None and known.seen.endswith(NOT_SEEN):
                seen = known.seen.removesuffix(NOT_SEEN) + self._place.seen(name)
                self._journal.note(name, known._replace(seen=seen))

    # -- over all ------------------------------------------------------------------------------

    def _summaries(self) -> Iterator[str]:
        for one in self._plan.named():
            known = self._journal.known(self._name(one))
            if known is not None and not known.problem:
                yield known.rows

    def _write_summary(self) -> None:
        """Write summary.csv over all sessions that have tables: the rows of each one's own."""
        dialect = DIALECTS[self._options.decimal]
        head = dialect.mark + (dialect.delimiter.join(SUMMARY_COLUMNS) + "\n").encode()
        rows = (text.encode() for text in self._summaries())
        replace_file(self._place.path / "summary.csv", chain([head], rows))


def _locally(work: Work, groups: Groups, workers: int) -> Iterator[tuple[Job, Outcome | str]]:
    if workers > 1:
        yield from in_processes(work, groups, workers)
        return
    for group in groups(1):
        yield from zip(group, work(group), strict=True)


def _value(name: str, cell: str, decimal: str) -> Any:  # noqa: ANN401 (a table's cell)
    """Return a cell of summary.csv as the table had it."""
    if name in TEXTS:
        return cell.removeprefix("'")
    if cell in ("true", "false"):
        return cell == "true"
    if not cell:
        return float("nan")
    return int(cell) if cell.lstrip("-").isdigit() else float(cell.replace(decimal, "."))
