"""Whether memory stays flat in a live session that lasts for hours.

    python benchmarks/memory.py [--hours 2]

Linux only. A virtual wearer of four 60 Hz units is calibrated; then one set is done over and over,
as fast as it goes: recorded, put on one time base, measured, counted and shown, as `hipturn live`
does it. Printed is the memory of this process at equal distances of session time, and the growth
per hour from the first quarter on, which a session of hours must be able to ignore.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from analysis import exercises  # noqa: E402
from hipturn.live import LiveSession  # noqa: E402
from hipturn.pipeline import Tracker  # noqa: E402
from hipturn.terminal import open_screen  # noqa: E402
from hipturn.virtual_session import header_of  # noqa: E402
from imu.recording import SessionWriter  # noqa: E402
from imu.sample import Sample  # noqa: E402
from imu.virtual.wearer import Wearing, wear  # noqa: E402

EXERCISE = "prone_windshield_wiper"
LOOKS = 12
NS_PER_S = 1_000_000_000


def resident_mb() -> float:
    """Return the memory of this process that is in use."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def over_and_over(wearing: Wearing, hours: float) -> Iterator[Sample]:
    """Yield the whole session, then its set again and again, the clocks going on."""
    yield from wearing.samples
    marks = {label: time_s for time_s, label in wearing.marks}
    first_ns, last_ns = (round(marks[f"set_{end}"] * NS_PER_S) for end in ("start", "end"))
    again = [s for s in wearing.samples if first_ns <= s.host_time_ns < last_ns]
    shift_ns = wearing.samples[-1].host_time_ns + NS_PER_S - first_ns
    while first_ns + shift_ns < hours * 3600 * NS_PER_S:
        for s in again:
            later_us = shift_ns // 1000
            yield s._replace(
                host_time_ns=s.host_time_ns + shift_ns,
                device_time=((s.device_time or 0) + later_us) % 2**32,
                sequence=None,
            )
        shift_ns += last_ns - first_ns


def follow(session: LiveSession, samples: Iterator[Sample], hours: float) -> list[float]:
    """Take all samples; return the memory in use at equal distances of session time, in MB."""
    every_ns = round(hours * 3600 * NS_PER_S / LOOKS)
    looks: list[float] = []
    for sample in samples:
        session.take(sample)
        if sample.host_time_ns >= (len(looks) + 1) * every_ns:
            looks.append(resident_mb())
    return looks


def growth_mb_per_hour(looks: Sequence[float], hours: float) -> float:
    """Return the slope of a line through all looks but the first quarter."""
    at_h = (1 + np.arange(len(looks))) * hours / LOOKS
    settled = slice(LOOKS // 4, None)
    return float(np.polyfit(at_h[settled], looks[settled], 1)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=2.0)
    hours = parser.parse_args().hours
    wearing = wear(EXERCISE, "both", 3)
    exercise = exercises.load(EXERCISE)
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory())
        void = stack.enter_context(Path(os.devnull).open("w"))
        header = header_of(wearing, datetime.now(UTC))
        stack.enter_context(contextlib.redirect_stdout(void))
        writer = SessionWriter.create(Path(place, "session"), header)
        tracker = Tracker(wearing.units, "independent", exercise, guided=True)
        session = LiveSession(tracker, open_screen(exercise, "memory"), writer)
        begun_s = time.perf_counter()
        looks = follow(session, over_and_over(wearing, hours), hours)
        spent_s = time.perf_counter() - begun_s
        session.screen.close()
        writer.close()
        written_mb = sum(path.stat().st_size for path in writer.folder.iterdir()) / 1e6
    legs = ", ".join(str(side) for side in tracker.sides)
    print(f"{session.samples} samples of {len(wearing.units)} units, {hours:g} h, legs: {legs}")
    print("memory   " + "  ".join(f"{look:.1f}" for look in looks) + "  MB")
    print(f"growth   {growth_mb_per_hour(looks, hours):+.2f} MB an hour")
    print(f"disk     {written_mb / hours:.1f} MB an hour")
    print(f"speed    {hours * 3600 / spent_s:.0f} times real time")


if __name__ == "__main__":
    main()
