"""Does a recording survive SIGKILL? Every sample older than a quarter second must be readable.

    python benchmarks/kill.py [--times 30] [--seed 0]

Each time a process of its own records four units whose samples come in bursts, with silences of up
to a second, events, and headers that are replaced, and is killed at a random moment. The samples'
numbers and arrivals come back through a pipe before they are recorded. Then the session is found
as an orphan, rescued and read. Ends with 1 when a sample is missing that arrived more than 0.25 s
before the kill, not counting time in which the computer left the process waiting.
"""

from __future__ import annotations

import argparse
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from imu.recording import (
    Rescue,
    SessionError,
    SessionHeader,
    SessionWriter,
    find_orphans,
    open_session,
    rescue_orphans,
)
from imu.sample import Sample, Segment, Side, Unit

UNITS = tuple(
    Unit(segment=segment, side=side, rate_hz=60.0, tick_s=1e-6, sequence_bits=32)
    for side in (Side.LEFT, Side.RIGHT)
    for segment in (Segment.THIGH, Segment.SHANK)
)
PROMISED_NS = 250_000_000
LONGEST_S = 1.5
ARRIVED = struct.Struct("<qqq")
"""Number, arrival and planned arrival of a sample; the times in ns of the monotonic clock."""


def plan_s(seed: int) -> Iterator[float]:
    """Yield when bursts arrive: every 30 ms, with silences in between."""
    rng = np.random.default_rng(seed)
    at = 0.0
    while at < LONGEST_S:
        at += 0.03 if rng.random() > 0.1 else rng.uniform(0.2, 1.0)
        yield at


def record(folder: Path, seed: int) -> None:
    """Record until killed, or until the plan is done; tell of every sample on standard output."""
    header = SessionHeader(
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        exercise="seated_internal_rotation",
        side="both",
        units=UNITS,
        source="virtual",
        software="benchmark",
    )
    with SessionWriter.create(folder, header) as writer:
        begun_ns = time.monotonic_ns()
        os.write(1, ARRIVED.pack(-1, begun_ns, begun_ns))
        number = 0
        for burst, at_s in enumerate(plan_s(seed)):
            planned_ns = begun_ns + round(at_s * 1e9)
            time.sleep(max(0.0, (planned_ns - time.monotonic_ns()) / 1e9))
            for _ in range(2 * len(UNITS)):
                now_ns = time.monotonic_ns()
                os.write(1, ARRIVED.pack(number, now_ns, planned_ns))
                writer.write(sample(number, now_ns - begun_ns))
                number += 1
            if burst % 10 == 9:
                writer.event({"type": "note", "time_s": at_s, "number": number})
                writer.update(notes=(f"{number} samples so far",))


def sample(number: int, host_time_ns: int) -> Sample:
    q = (1.0, 0.0, 0.0, 0.0)
    unit = number % len(UNITS)
    return Sample(unit, host_time_ns, number, number, q, payload=ARRIVED.pack(number, 0, 0))


@dataclass(frozen=True, slots=True)
class Strike:
    """What one kill came to."""

    arrived: int
    read: int
    missing: int
    """Samples that are gone though they arrived more than 0.25 s before."""
    oldest_unread_s: float
    """Before the kill; 0 when everything was read."""
    rescue: Rescue | None
    """None when the session was closed already."""


def strike(root: Path, seed: int) -> Strike:
    """Let a process record into root, kill it at a random moment, rescue and read."""
    after_s = np.random.default_rng((seed, 1)).uniform(0.05, LONGEST_S)
    command = [sys.executable, __file__, "--record", str(root / "session"), "--seed", str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        _, begun_ns, _ = ARRIVED.unpack(child.stdout.read(ARRIVED.size))
        time.sleep(max(0.0, begun_ns / 1e9 + after_s - time.monotonic()))
        killed_ns = time.monotonic_ns()
        child.kill()
        said = child.stdout.read()
    arrived = list(ARRIVED.iter_unpack(said[: len(said) // ARRIVED.size * ARRIVED.size]))
    orphans = find_orphans(root)
    rescued = rescue_orphans(root)
    assert [folder for folder, _ in rescued] == orphans
    read = numbers_read(root / "session")
    assert read == list(range(len(read))), "a sample before the last one is missing"
    waited_ns = starved_ns(arrived, seed, begun_ns, killed_ns)
    unread = [at_ns for number, at_ns, _ in arrived if number >= len(read)]
    missing = sum(killed_ns - at_ns > PROMISED_NS + waited_ns for at_ns in unread)
    oldest_s = max([0.0, *((killed_ns - at_ns) / 1e9 for at_ns in unread)])
    return Strike(len(arrived), len(read), missing, oldest_s, rescued[0][1] if rescued else None)


def numbers_read(folder: Path) -> list[int | None]:
    """Return the numbers of the samples that are readable, checked to be as recorded."""
    try:
        samples = list(open_session(folder).samples())
    except SessionError:  # killed before the first batch
        return []
    assert all(one == sample(one.device_time or 0, one.host_time_ns) for one in samples)
    return [one.device_time for one in samples]


def starved_ns(
    arrived: list[tuple[int, int, int]], seed: int, begun_ns: int, killed_ns: int
) -> int:
    """Return the longest time for which the computer left the recording process waiting."""
    late = [at_ns - planned_ns for _, at_ns, planned_ns in arrived]
    planned = [begun_ns + round(at_s * 1e9) for at_s in plan_s(seed)]
    bursts = -(-len(arrived) // (2 * len(UNITS)))
    late += [killed_ns - planned_ns for planned_ns in planned[bursts : bursts + 1]]
    return max(0, *late)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.record:
        record(options.record, options.seed)
        return
    strikes = []
    for seed in range(options.seed, options.seed + options.times):
        with tempfile.TemporaryDirectory() as root:
            strikes.append(strike(Path(root), seed))
        last = strikes[-1]
        what = last.rescue.sentence if last.rescue else "closed before the kill"
        print(
            f"{last.arrived} arrived, {last.read} read, {last.missing} missing, oldest unread"
            f" {last.oldest_unread_s:.3f} s: {what}",
            flush=True,
        )
    missing = sum(one.missing for one in strikes)
    oldest_s = max(one.oldest_unread_s for one in strikes)
    print(f"{len(strikes)} kills, {missing} missing, oldest unread {oldest_s:.3f} s")
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
