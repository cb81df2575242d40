"""A clinic's archive: so many one-set sessions to tables, by the command, on this computer.

    python benchmarks/archive.py [--sessions 1000] [--workers 2] [--keep DIR]
    python benchmarks/archive.py --report       the same with report.pdf of each session
    python benchmarks/archive.py --cluster      the same on a Dask cluster that loses a worker

Sessions are worn once: some distinct ones by the virtual wearer (six exercises, both legs, other
wearers), the rest are the same samples under other wearers and days. Then the command runs on half
of them and on all of them. Printed are the times, how they compare with real time, what doubling
costs, and the largest memory of any process. Linux and macOS only.

With `--cluster` the command runs on all of them twice: on this computer's processes, and on a local
Dask cluster of so many workers, of which one is killed (SIGKILL) when half the sessions are done.
Printed are the times, and how many sessions and files are missing, double or different.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from hipturn.session.virtual_session import record_wearing  # noqa: E402
from imu.recording.folder import EVENTS_FILE, SAMPLES_FILE  # noqa: E402
from imu.virtual.wearer import WearerSettings, wear  # noqa: E402

EXERCISES = (
    "seated_internal_rotation",
    "prone_windshield_wiper",
    "ninety_ninety_lift",
    "side_lying_ankle_lift",
    "seated_leg_extension_twist",
    "standing_banded_rotation",
)
STARTED = datetime(2025, 1, 6, 9, 0, tzinfo=UTC)
REPS = 4
SESSIONS_EACH = 10
"""How often a wearer of the archive comes."""


def worn(folder: Path, distinct: int) -> list[tuple[Path, float]]:
    """Record the distinct sessions, or find them; return each with its length in seconds."""
    made = []
    for number in range(distinct):
        session = folder / f"worn_{number:03d}"
        length = folder / f"worn_{number:03d}.seconds"
        if not length.exists():
            shutil.rmtree(session, ignore_errors=True)
            side = ("left", "right")[number % 2]
            exercise = EXERCISES[number // 2 % len(EXERCISES)]
            wearing = wear(exercise, side, 1000 + number, WearerSettings(reps=REPS))
            record_wearing(session, wearing, STARTED)
            length.write_text(str(wearing.samples[-1].host_time_ns * 1e-9))
        made.append((session, float(length.read_text())))
    return made


def fill(folder: Path, kinds: list[tuple[Path, float]], sessions: int) -> float:
    """Make an archive of so many sessions; return its hours of data."""
    shutil.rmtree(folder, ignore_errors=True)
    seconds = 0.0
    for number in range(sessions):
        source, length_s = kinds[number % len(kinds)]
        started_at = STARTED + timedelta(hours=number)
        target = folder / f"{started_at:%Y%m%dT%H%M%SZ}_{number:04d}"
        target.mkdir(parents=True)
        for name in (SAMPLES_FILE, EVENTS_FILE):
            os.link(source / name, target / name)
        header = json.loads((source / "session.json").read_text())
        wearer = f"W{number // SESSIONS_EACH:03d}"
        header |= {"wearer": wearer, "session_id": target.name}
        header |= {"started_at": started_at.isoformat()}
        (target / "session.json").write_text(json.dumps(header))
        seconds += length_s
    return seconds / 3600


def analysed(folder: Path, out: Path, *options: str) -> tuple[float, float]:
    """Return how long the command takes for an archive, and its processor time of all workers."""
    command = command_for(folder, out, *options)
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    spent, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr[-2000:]
    return spent, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def command_for(folder: Path, out: Path, *options: str) -> list[str]:
    """Return the command that analyses an archive into an empty folder."""
    shutil.rmtree(out, ignore_errors=True)
    words = ["analyse", str(folder), "--out", str(out), *options]
    return [sys.executable, "-m", "hipturn", *words]


def doubled(place: Path, kinds: list[tuple[Path, float]], sessions: int, *options: str) -> None:
    """Analyse half the sessions and all of them; print the times and what doubling costs."""
    spent, out = {}, place / "tables"
    for count in (sessions // 2, sessions):
        hours = fill(place / "archive", kinds, count)
        seconds, processor_s = analysed(place / "archive", out, *options)
        spent[count] = (seconds, processor_s)
        print(f"{written(out)} of {count} {told(hours, seconds, count)}", end="")
        print(f", processors {processor_s:.0f} s", flush=True)
    half, whole = spent.values()
    times, processors = (b / a for a, b in zip(half, whole, strict=True))
    print(f"twice the sessions: {times:.2f} times the time, {processors:.2f} of the processors'")


def on_a_cluster(place: Path, kinds: list[tuple[Path, float]], sessions: int, workers: int) -> None:
    """Analyse locally and on a cluster that loses a worker; print what differs."""
    hours = fill(place / "archive", kinds, sessions)
    local, remote = place / "local", place / "remote"
    seconds, _ = analysed(
        place / "archive", local, "--workers", str(workers), "--parquet", "--no-report"
    )
    print(f"here: {written(local)} of {sessions} {told(hours, seconds, sessions)}", flush=True)
    seconds, killed_at = killed_half_way(place, remote, sessions, workers)
    print(f"cluster: {written(remote)} of {sessions} {told(hours, seconds, sessions)}")
    print(f"a worker was killed when {killed_at} sessions were done")
    here, there = (
        {p.relative_to(folder): p for p in folder.rglob("*") if p.is_file()}
        for folder in (local, remote)
    )
    differing = [
        p for p in here.keys() & there.keys() if here[p].read_bytes() != there[p].read_bytes()
    ]
    print(
        f"files: {len(here)} here, {len(here.keys() - there.keys())} of them missing on the"
        f" cluster, {len(there.keys() - here.keys())} there only, {len(differing)} differ"
    )
    names = {folder.name for folder in (place / "archive").iterdir()}
    lines = (remote / "summary.csv").read_text(encoding="utf-8").splitlines()
    rows = Counter(row.split(",", 1)[0] for row in lines[1:])
    double = sum(count > 1 for count in rows.values())
    print(f"sessions: {len(names - rows.keys())} missing, {double} double in summary.csv")


def killed_half_way(place: Path, out: Path, sessions: int, workers: int) -> tuple[float, int]:
    """Return how long a cluster takes that loses a worker, and how many sessions were done then."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        local_directory=str(place / "dask"),
        silence_logs=50,
    ) as cluster:
        address = cluster.scheduler_address
        command = command_for(place / "archive", out, "--cluster", address, "--no-report")
        victim = next(iter(cluster.workers.values())).process.process.pid
        begun = time.perf_counter()
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, cwd=ROOT, **quiet) as running:
            while (done := written(out)) < sessions // 2 and running.poll() is None:
                time.sleep(0.2)
            os.kill(victim, signal.SIGKILL)
            assert running.wait() == 0, "run the command by hand to see what it says"
        return time.perf_counter() - begun, done


def written(out: Path) -> int:
    """Return how many sessions have tables."""
    return sum(1 for _ in out.glob("*/summary.csv"))


def told(hours: float, seconds: float, count: int) -> str:
    """Return how long so many sessions took, in words."""
    per = f"{seconds / count:.2f} s each, {hours * 3600 / seconds:.0f} times real time"
    return f"sessions, {hours:.1f} h: {seconds:.0f} s, {per}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--distinct", type=int, default=60, help="worn ones among them")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--report", action="store_true", help="with report.pdf of each")
    parser.add_argument("--cluster", action="store_true", help="on Dask, and lose a worker")
    parser.add_argument("--keep", type=Path, help="where worn sessions stay for the next run")
    options = parser.parse_args()
    with ExitStack() as stack:
        place = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        place = place.resolve()  # which is how the cluster's workers know it
        place.mkdir(parents=True, exist_ok=True)
        kinds = worn(place, min(options.distinct, options.sessions))
        if options.cluster:
            on_a_cluster(place, kinds, options.sessions, options.workers)
        else:
            report = "--report" if options.report else "--no-report"
            doubled(place, kinds, options.sessions, "--workers", str(options.workers), report)
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"largest memory of a process: {largest:.0f} MB")


if __name__ == "__main__":
    main()
