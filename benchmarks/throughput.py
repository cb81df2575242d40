"""How fast a recorded hour becomes tables, and what one live frame costs.

    python benchmarks/throughput.py [--minutes 60] [--profile]

Times are of the processor, so that a busy computer does not change them much. One core: a two-unit
60 Hz session is read from disk, put on one time base, calibrated, fused, counted and written as the
three tables, without the report. The live figures are the time from a sample's arrival to the
update it completes, in the same process, for the first ten minutes: with two units on one leg, and
with five, on both legs and the pelvis.
"""

from __future__ import annotations

import argparse
import cProfile
import itertools
import pstats
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from analysis.session import analyse as sessions
from hipturn.export.csv import write_tables
from hipturn.session.pipeline import read_recording
from hipturn.session.replay import tracker_of
from hipturn.session.virtual_session import record_wearing
from imu.recording import Session, open_session
from imu.sample import Sample
from imu.virtual.wearer import WearerSettings, wear

LIVE_S = 600.0
RUNS = 5
REPLAYS = 3
SLOW_US = 200.0
"""What a hundredth of the frames of a single replay may exceed."""


def to_tables(folder: Path, out: Path) -> float:
    """Return the seconds from disk to tables."""
    begun = time.process_time()
    result = sessions.analyse(read_recording(open_session(folder)))
    write_tables(result, out)
    return time.process_time() - begun


def live_costs(folder: Path) -> np.ndarray:
    """Return the microseconds of every push that completed a frame, a row per replay.

    The least of several replays tells what a frame costs by itself, because what else a computer
    does falls on other frames each time; a replay by itself tells what a wearer gets.
    """
    session = open_session(folder)
    samples = list(itertools.takewhile(lambda s: s.host_time_ns < LIVE_S * 1e9, session.samples()))
    return np.array([_replayed(session, samples) for _ in range(REPLAYS)])


def _replayed(session: Session, samples: list[Sample]) -> list[float]:
    tracker, _ = tracker_of(session)
    costs: list[float] = []
    for sample in samples:
        begun = time.thread_time_ns()
        updates = tracker.push(sample)
        spent = time.thread_time_ns() - begun
        if updates and updates[0].legs:
            costs += [spent / 1000 / len(updates)] * len(updates)
    return costs


def print_live(folder: Path, units: str) -> None:
    """Print what a live frame costs."""
    replays = live_costs(folder)
    costs = replays.min(axis=0)
    p50, p99 = np.percentile(costs, [50, 99])
    each = ", ".join(f"{p:.0f}" for p in np.percentile(replays, 99, axis=1))
    over = ", ".join(f"{share:.2f}" for share in 100.0 * (replays > SLOW_US).mean(axis=1))
    print(
        f"live frame, {units}: median {p50:.0f} µs, p99 {p99:.0f} µs, largest {costs.max():.0f} µs"
        f" (least of {REPLAYS} replays); p99 of each replay {each} µs,"
        f" over {SLOW_US:.0f} µs {over} % of its frames"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder, five = Path(place, "hour"), Path(place, "five")
        reps = round(options.minutes * 60 / 5.0)
        wearing = wear("seated_internal_rotation", "right", 7, WearerSettings(reps=reps))
        record_wearing(folder, wearing, datetime(2026, 1, 1, tzinfo=UTC))
        length_s = wearing.samples[-1].host_time_ns * 1e-9
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        print(f"{length_s / 60:.1f} min, {len(wearing.samples)} samples, {size:.0f} MB")
        del wearing
        if options.profile:
            with cProfile.Profile() as profile:
                to_tables(folder, Path(place, "out"))
            pstats.Stats(profile).sort_stats("tottime").print_stats(35)
        runs = sorted(to_tables(folder, Path(place, "out")) for _ in range(RUNS))
        best, middle = runs[0], runs[RUNS // 2]
        print(
            f"disk to tables: {best:.2f} s, {length_s / best:.0f} times real time"
            f" (median of {RUNS}: {middle:.2f} s, {length_s / middle:.0f})"
        )
        print_live(folder, "two units")
        settings = WearerSettings(reps=round(LIVE_S / 5.0), pelvis_unit=True)
        wearing = wear("prone_windshield_wiper", "both", 7, settings)
        assert len(wearing.units) == 5
        record_wearing(five, wearing, datetime(2026, 1, 1, tzinfo=UTC))
        print_live(five, "five units")


if __name__ == "__main__":
    main()
