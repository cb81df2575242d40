"""Whether a live session that lasts for hours stays flat, loses nothing and does not drift.

    python benchmarks/memory.py [--hours 8] [--side right]

Linux only. A virtual wearer of 60 Hz units is calibrated; then one set is done over and over, as
fast as it goes: recorded, put on one time base, measured, counted and shown, as `hipturn live` does
it. The clocks of the units run apart and wrap, and the headings of their orientations drift apart.
Printed is the memory of this process, what the recording holds of what was sent, and how far the
angle is from the truth at the end compared with the beginning. Ends with 1 when a promise is
broken: a sample is missing, memory goes on growing, or the angle drifted by more than the
uncertainty that stands beside it.
"""

from __future__ import annotations

import argparse
import math
import struct
import sys
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from analysis import exercises  # noqa: E402
from hipturn.session.live import LiveSession  # noqa: E402
from hipturn.session.pipeline import Tracker, Update  # noqa: E402
from hipturn.session.virtual_session import header_of  # noqa: E402
from imu.quaternion import Quaternion, multiply  # noqa: E402
from imu.recording import SessionWriter, open_session  # noqa: E402
from imu.sample import Sample  # noqa: E402
from imu.virtual.wearer import Wearing, wear  # noqa: E402

EXERCISE = "prone_windshield_wiper"
NS_PER_S = 1_000_000_000
LOOK_S = 60.0
SETTLED_S = 600.0
"""Memory may grow until here: caches fill, the allocator finds its size."""
GROWTH_MB = 0.5
"""Allowed from then on, however long it lasts. Eight hours took 0.00 and 0.35 MB: Python keeps up
to 2000 tuples of every length for later."""
COUNTER = 2**32
WRAPS_S = (180.0, 200.0, 220.0, 240.0)
"""When the microsecond counter of each unit wraps for the first time; then every 72 minutes."""
SKEW = (40e-6, -40e-6, 15e-6, -25e-6)
"""How much faster than the computer's clock each unit's runs; crystals keep to about 40 ppm."""
DRIFT_DEG_PER_H = (20.0, -15.0, 10.0, -25.0)
"""How fast each unit's heading turns; without a magnetometer nothing holds it."""


def own_mb() -> float:
    """Return the memory of this process that is in use, without files that are mapped into it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (kib,) = (line.split()[1] for line in lines if line.startswith("RssAnon:"))
    return int(kib) * 1024 / 1e6


@dataclass
class Loop:
    """A set that is done again and again, and where in it a session is."""

    wearing: Wearing

    def __post_init__(self) -> None:
        marks = {label: time_s for time_s, label in self.wearing.marks}
        self.first_s, self.last_s = marks["set_start"], marks["set_end"]
        self.begins_s = self.wearing.samples[-1].host_time_ns / NS_PER_S + 1.0

    def samples(self, hours: float) -> Iterator[Sample]:
        """Yield the whole session, then its set over and over, clocks and headings going on."""
        samples = before_wrap(self.wearing.samples)
        yield from map(aged, samples)
        first_ns, last_ns = round(self.first_s * NS_PER_S), round(self.last_s * NS_PER_S)
        again = [s for s in samples if first_ns <= s.host_time_ns < last_ns]
        shift_ns = round(self.begins_s * NS_PER_S) - first_ns
        while first_ns + shift_ns < hours * 3600 * NS_PER_S:
            for sample in again:
                yield aged(later(sample, shift_ns))
            shift_ns += last_ns - first_ns

    def at(self, time_s: float) -> float:
        """Return the moment of the first session that is done again at a later one."""
        if time_s < self.begins_s:
            return time_s
        return self.first_s + (time_s - self.begins_s) % (self.last_s - self.first_s)


def before_wrap(samples: list[Sample]) -> list[Sample]:
    """Return samples of units whose counters wrap soon after the start."""
    first: dict[int, int] = {}
    for s in samples:
        first.setdefault(s.unit, (s.device_time or 0) + round(WRAPS_S[s.unit] * 1e6))
    return [
        s._replace(device_time=((s.device_time or 0) - first[s.unit]) % COUNTER) for s in samples
    ]


def later(sample: Sample, shift_ns: int) -> Sample:
    """Return a sample as it would come later, from a clock that runs on at its own speed."""
    shift_us = round(shift_ns / 1000 * (1.0 + SKEW[sample.unit]))
    device_time = ((sample.device_time or 0) + shift_us) % COUNTER
    return sample._replace(
        host_time_ns=sample.host_time_ns + shift_ns, device_time=device_time, sequence=None
    )


def aged(sample: Sample) -> Sample:
    """Return a sample whose heading has drifted since the start."""
    if sample.q is None:
        return sample
    hours = sample.host_time_ns / NS_PER_S / 3600
    half = math.radians(DRIFT_DEG_PER_H[sample.unit] * hours) / 2
    turn: Quaternion = (math.cos(half), 0.0, 0.0, math.sin(half))
    return sample._replace(q=multiply(turn, sample.q))


def fingerprint(samples: Iterable[Sample], so_far: int = 0) -> int:
    """Return a sum that a missing, doubled or misplaced sample would change."""
    for s in samples:
        so_far = zlib.crc32(struct.pack("<qqq", s.unit, s.host_time_ns, s.device_time), so_far)
    return so_far


@dataclass
class Watched:
    """A screen that notes how far the angle is from the truth, instead of drawing."""

    loop: Loop
    hours: float
    refused: int = 0
    shown: int = 0
    noted: int = 0

    def __post_init__(self) -> None:
        # time in s, error and stated uncertainty in degrees, of an angle a second of either leg;
        # all of it is taken before the first look at the memory, so as not to be seen there
        self.errors = np.full((round(2 * self.hours * 3600) + 1000, 3), np.nan)

    def show(self, update: Update) -> None:
        """Compare."""
        for side, leg in update.legs.items():
            self.shown += 1
            if math.isnan(leg.rotation_deg):
                self.refused += 1
            elif self.shown % 60 == 0:
                at_s = self.loop.at(update.time_s)
                truth = float(self.loop.wearing.truth.angle_at(side, at_s))
                self.errors[self.noted] = update.time_s, leg.rotation_deg - truth, leg.sigma_deg
                self.noted += 1

    def say(self, text: str) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True)
class Soak:
    """What hours came to."""

    sent: int
    recorded: int
    same: bool
    """Whether the recording holds every sample that was sent, once and in its place."""
    looks_mb: tuple[float, ...]
    """Memory at every minute of session time."""
    drift_deg: float
    """Mean error of the last ten minutes less that of the first ten (a quarter, if shorter)."""
    rms_deg: float
    sigma_deg: float
    """The uncertainty that stood beside the angle, in the middle."""
    refused: float
    """Share of angles that were refused after the calibration."""
    written_mb: float
    speed: float

    @property
    def growth_mb(self) -> float:
        """Return how much more memory is in use at the end than when it had settled."""
        looks = self.looks_mb
        settled = min(round(SETTLED_S / LOOK_S), len(looks) // 2)
        return float(
            np.median(looks[-settled // 2 :]) - np.median(looks[settled - 1 : settled + 2])
        )

    @property
    def kept(self) -> bool:
        """Return whether every promise was kept."""
        lost = self.sent - self.recorded
        flat = self.growth_mb <= GROWTH_MB
        return lost == 0 and self.same and flat and abs(self.drift_deg) <= self.sigma_deg


def soak(hours: float, side: str) -> Soak:
    """Live through hours."""
    loop = Loop(wear(EXERCISE, side, 3))
    exercise = exercises.load(EXERCISE)
    with tempfile.TemporaryDirectory() as place:
        header = header_of(loop.wearing, datetime.now(UTC))
        writer = SessionWriter.create(Path(place, "session"), header)
        tracker = Tracker(loop.wearing.units, "independent", exercise, guided=True)
        screen = Watched(loop, hours)
        session = LiveSession(tracker, screen, writer)
        looks, total, begun_s = [], 0, time.perf_counter()
        for sample in loop.samples(hours):
            session.take(sample)
            total = fingerprint([sample], total)
            if sample.host_time_ns >= (len(looks) + 1) * LOOK_S * NS_PER_S:
                looks.append(own_mb())
        spent_s = time.perf_counter() - begun_s
        writer.close()
        recorded, again = 0, 0
        for sample in open_session(writer.folder).samples():
            recorded, again = recorded + 1, fingerprint([sample], again)
        written_mb = sum(path.stat().st_size for path in writer.folder.iterdir()) / 1e6
    times_s, errors, sigmas = screen.errors[: screen.noted].T
    good = ~np.isnan(errors)
    window_s = min(600.0, (times_s[-1] - times_s[0]) / 4)
    first, last = times_s < times_s[0] + window_s, times_s > times_s[-1] - window_s
    return Soak(
        sent=session.samples,
        recorded=recorded,
        same=again == total,
        looks_mb=tuple(looks),
        drift_deg=float(np.mean(errors[last & good]) - np.mean(errors[first & good])),
        rms_deg=float(np.sqrt(np.mean(errors[good] ** 2))),
        sigma_deg=float(np.median(sigmas)),
        refused=screen.refused / screen.shown,
        written_mb=written_mb,
        speed=hours * 3600 / spent_s,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=8.0)
    parser.add_argument("--side", choices=("left", "right", "both"), default="right")
    options = parser.parse_args()
    found = soak(options.hours, options.side)
    every = max(1, len(found.looks_mb) // 12)
    print("memory   " + "  ".join(f"{look:.1f}" for look in found.looks_mb[::every]) + "  MB")
    print(f"growth   {found.growth_mb:+.2f} MB since the first ten minutes")
    lost = found.sent - found.recorded
    print(f"samples  {found.sent} sent, {lost} lost, all in place: {found.same}")
    print(f"drift    {found.drift_deg:+.3f} deg, stated uncertainty {found.sigma_deg:.3f} deg")
    print(f"error    {found.rms_deg:.3f} deg RMS, {100 * found.refused:.2f} % refused")
    print(f"disk     {found.written_mb / options.hours:.1f} MB an hour")
    print(f"speed    {found.speed:.0f} times real time")
    sys.exit(0 if found.kept else 1)


if __name__ == "__main__":
    main()
