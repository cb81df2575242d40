"""A clinic's archive: so many one-set sessions to tables, by the command, on this computer.

    python benchmarks/archive.py [--sessions 1000] [--workers 2] [--report] [--keep DIR]

Sessions are worn once: some distinct ones by the virtual wearer (six exercises, both legs, other
wearers), the rest are the same samples under other wearers and days. Then the command runs on half
of them and on all of them. Printed are the times, how they compare with real time, what doubling
costs, and the largest memory of any process. Linux and macOS only.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from hipturn.virtual_session import record_wearing  # noqa: E402
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


def analysed(folder: Path, out: Path, workers: int, *, report: bool) -> tuple[float, float]:
    """Return how long the command takes for an archive, and its processor time of all workers."""
    shutil.rmtree(out, ignore_errors=True)
    words = ["analyse", str(folder), "--out", str(out), "--workers", str(workers)]
    command = [sys.executable, "-m", "hipturn", *words, "--report" if report else "--no-report"]
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    spent, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr[-2000:]
    return spent, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--distinct", type=int, default=60, help="worn ones among them")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--report", action="store_true", help="with report.pdf of each")
    parser.add_argument("--keep", type=Path, help="where worn sessions stay for the next run")
    options = parser.parse_args()
    with ExitStack() as stack:
        place = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        place.mkdir(parents=True, exist_ok=True)
        kinds = worn(place, min(options.distinct, options.sessions))
        spent = {}
        for count in (options.sessions // 2, options.sessions):
            hours = fill(place / "archive", kinds, count)
            out = place / "tables"
            seconds, processor_s = analysed(
                place / "archive", out, options.workers, report=options.report
            )
            spent[count] = (seconds, processor_s)
            written = sum(1 for _ in out.glob("*/summary.csv"))
            per = f"{seconds / count:.2f} s each, {hours * 3600 / seconds:.0f} times real time"
            print(
                f"{written} of {count} sessions, {hours:.1f} h: {seconds:.0f} s, {per},"
                f" processors {processor_s:.0f} s",
                flush=True,
            )
        half, whole = spent.values()
        times, processors = (b / a for a, b in zip(half, whole, strict=True))
        print(
            f"twice the sessions: {times:.2f} times the time, {processors:.2f} of the processors'"
        )
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"largest memory of a process: {largest:.0f} MB")


if __name__ == "__main__":
    main()
