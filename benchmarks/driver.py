"""What an archive costs besides the analysis: planning, recognising, handing out, memory.

    python benchmarks/driver.py [--sessions 10000]
    python benchmarks/driver.py --cluster [--sessions 5000]

The sessions have headers and no samples, and the work writes a summary of one row. Printed are, for
one wearer and a thousand, a tenth of the sessions and all: milliseconds a session for listing, for
planning, for recognising each as unchanged, and kilobytes a session that the process has grown by.

With `--cluster` a Dask scheduler and two workers run in processes of their own, the work sleeps for
20 ms, and one worker is killed half way. Printed are the scheduler's processor time a session, the
seconds to the first result, and whether the tables are those of a local run. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from hipturn.archive.batch import Job, Options, Outcome  # noqa: E402
from hipturn.archive.cluster import on_cluster  # noqa: E402
from hipturn.archive.manifest import OUTPUTS, signature  # noqa: E402
from hipturn.archive.plan import Plan  # noqa: E402
from hipturn.archive.run import Groups, Run, Runner  # noqa: E402
from hipturn.session_paths import demo_root, sessions_below  # noqa: E402

STARTED = datetime(2025, 1, 6, 9, 0, tzinfo=UTC)
WORK_S = 0.02
LEG = dict.fromkeys((f"figure_{number}" for number in range(24)), 12.345)


def fill(folder: Path, sessions: int, wearers: int) -> None:
    """Make so many sessions of so many wearers with a real header and no samples."""
    header = json.loads(next(demo_root().glob("*/session.json")).read_text())
    for number in range(sessions):
        started_at = STARTED + timedelta(hours=number)
        place = folder / f"s{number * 7919 % sessions:06d}"  # names say nothing about time
        place.mkdir(parents=True, exist_ok=True)
        header |= {"wearer": f"W{number % wearers:04d}", "started_at": started_at.isoformat()}
        (place / "session.json").write_text(json.dumps(header, indent=2))
        (place / "samples.arrows").write_bytes(b"none")


def simulated(jobs: Sequence[Job], wait_s: float = 0.0) -> Iterator[Outcome]:
    """Do as if: a summary of one row, and what a real session leaves in the journal."""
    for job in jobs:
        time.sleep(wait_s)
        job.out.mkdir(parents=True, exist_ok=True)
        row = f"{job.name},{len(job.earlier)}\n"
        (job.out / "summary.csv").write_text("session_id,earlier\n" + row)
        entry = {"session": str(job.session), "inputs": {"session.json": "0" * 64}}
        seen = signature(job.out, OUTPUTS)
        yield Outcome({**entry, "notes": [], "problem": ""}, row, [LEG], seen)


def here(_: object, groups: Groups) -> Iterator[tuple[Job, Outcome]]:
    """Run the simulated work in this process."""
    for group in groups(2):
        yield from zip(group, simulated(group), strict=True)


def run_all(archive: Path, out: Path, runner: Runner) -> Run:
    """Run an archive and close it."""
    with Plan([str(archive)]) as plan:
        run = Run(plan, out, Options())
        run.analyse(lambda _: None, run=runner)
        run.close()
    return run


def per_session(sessions: int, begun: tuple[float, float]) -> str:
    """Return time and processor time since then, in milliseconds a session."""
    wall, processor = time.perf_counter() - begun[0], time.process_time() - begun[1]
    return f"{1e3 * wall / sessions:.3f} ({1e3 * processor / sessions:.3f})"


def now() -> tuple[float, float]:
    """Return time and processor time."""
    return time.perf_counter(), time.process_time()


def grown_kb() -> float:
    """Return the largest memory of this process so far, in kB."""
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def costs(sessions: int, wearers: int) -> None:
    """Print what so many sessions of so many wearers cost; in a process of its own."""
    with tempfile.TemporaryDirectory() as place:
        archive, out = Path(place, "archive"), Path(place, "tables")
        fill(archive, 50, wearers)
        run_all(archive, out, here)  # imports and caches
        fill(archive, sessions, wearers)
        before_kb = grown_kb()
        begun = now()
        assert sum(1 for _ in sessions_below(archive)) == sessions
        listing = per_session(sessions, begun)
        begun = now()
        with Plan([str(archive)]) as plan:
            assert sum(1 for _ in plan.in_order()) == sessions
        planning = per_session(sessions, begun)
        begun = now()
        run_all(archive, out, here)
        running = per_session(sessions, begun)
        begun = now()
        done = run_all(archive, out, here).tally.done_before
        recognising = per_session(sessions, begun)
        kb = (grown_kb() - before_kb) / sessions
        print(
            f"{sessions:6} of {wearers:4}: listing {listing}, listing and planning {planning},"
            f" all but the analysis {running}, {done} recognised {recognising} ms, {kb:.2f} kB",
            flush=True,
        )


def on_dask(sessions: int) -> None:
    """Print what a scheduler with two workers, of which one is killed, costs."""
    import psutil

    with tempfile.TemporaryDirectory() as place:
        archive, told = Path(place, "archive"), Path(place, "scheduler.json")
        fill(archive, sessions, 100)
        local, remote = Path(place, "local"), Path(place, "remote")
        run_all(archive, local, here)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        start = partial(subprocess.Popen, cwd=place, env=environment, stderr=subprocess.DEVNULL)
        scheduler = start([sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0",
                           "--no-dashboard", "--scheduler-file", str(told)])  # fmt: skip
        while not told.exists():
            time.sleep(0.1)
        address = json.loads(told.read_text())["address"]
        workers = [
            start(
                [
                    sys.executable,
                    "-m",
                    "distributed.cli.dask_worker",
                    address,
                    "--nthreads",
                    "1",
                    "--no-nanny",
                    "--no-dashboard",
                ]
            )
            for _ in range(2)
        ]
        time.sleep(8.0)
        try:
            dask(archive, remote, address, psutil.Process(scheduler.pid), workers[0], sessions)
        finally:
            for process in (*workers, scheduler):
                process.kill()
                process.wait()
        same = [
            (local / name / "summary.csv").read_bytes()
            == (remote / name / "summary.csv").read_bytes()
            for name in (f"s{number:06d}" for number in range(sessions))
        ]
        whole = (local / "summary.csv").read_bytes() == (remote / "summary.csv").read_bytes()
        print(f"{sum(same)} of {sessions} tables and the whole summary ({whole}) are the same")


def dask(
    archive: Path, out: Path, address: str, scheduler: object, victim: subprocess.Popen[bytes],
    sessions: int,
) -> None:  # fmt: skip
    """Run an archive on a scheduler, kill a worker half way, and print what it cost."""
    before = sum(scheduler.cpu_times()[:2])  # type: ignore[attr-defined]
    begun, first, count = time.perf_counter(), [0.0], [0]

    def runner(_: object, groups: Groups) -> Iterable[tuple[Job, Outcome | str]]:
        begun_here = time.perf_counter()
        for job, outcome in on_cluster(address, partial(simulated, wait_s=WORK_S), groups):
            first[0] = first[0] or time.perf_counter() - begun_here
            count[0] += 1
            if count[0] == sessions // 2:
                os.kill(victim.pid, signal.SIGKILL)
            yield job, outcome

    run_all(archive, out, runner)
    spent = sum(scheduler.cpu_times()[:2]) - before  # type: ignore[attr-defined]
    print(
        f"scheduler {1e3 * spent / sessions:.3f} ms a session, first result after {first[0]:.2f} s,"
        f" all after {time.perf_counter() - begun:.0f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int)
    parser.add_argument("--wearers", type=int, help="only these, in this process")
    parser.add_argument("--cluster", action="store_true")
    options = parser.parse_args()
    if options.cluster:
        on_dask(options.sessions or 5000)
        return
    sessions = options.sessions or 10_000
    if options.wearers:
        costs(sessions, options.wearers)
        return
    print("milliseconds a session of time (of this process's processor time), memory grown")
    for count in (sessions // 10, sessions):
        for wearers in (1, 1000):
            words = ["--sessions", str(count), "--wearers", str(wearers)]
            subprocess.run([sys.executable, __file__, *words], check=True)


if __name__ == "__main__":
    main()
