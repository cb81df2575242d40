"""One unit on rough air: when it measured, and what was heard of it when.

Everything that makes arrival a poor clock, and nothing else: no motion, no orientation. The unit
samples by its own oscillator. Samples leave in bursts, with the next connection event, and are
heard together. A packet that has to be repeated waits for the event after, and all behind it with
it. Every so often nothing gets through for a while, and then everything at once. Some samples are
lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imu.sample import FloatArray, SampleTable, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class RoughAir:
    """How one unit is heard."""

    interval_s: float
    """Between connection events, which keep to the host's clock."""
    fast_ppm: float = 0.0
    """By how much the unit's oscillator is fast; it clocks the samples and the device time."""
    lost: float = 0.02
    """Share of samples that never arrive, each by chance."""
    repeated: float = 0.05
    """Share of packets that need a second connection event."""
    stall_every_s: float = 20.0
    """Within each such stretch nothing is heard once, for 0.2 to 0.8 s."""
    least_delay_s: float = 0.002
    """Between measurement and arrival at best. On real air the newest packet of a burst also waits
    half a millisecond for each before it, which no clock can see; here it does not."""


def on_the_air(
    unit: Unit, index: int, air: RoughAir, duration_s: float, rng: np.random.Generator
) -> tuple[FloatArray, SampleTable]:
    """Return when samples were measured, on the host's clock, and the samples as they arrived.

    Parameters
    ----------
    unit
        Its rate, its clock if it has one, and the widths of its counters. Samples are numbered.
    index
        What the samples' unit is.
    air
        How it is heard.
    duration_s
        For how long, from 0.
    rng
        Where chance comes from.

    Returns
    -------
    tuple
        Instants (n,) in seconds, and n samples; all orientations are the identity.
    """
    pace = 1.0 + air.fast_ppm * 1e-6
    step_s = 1.0 / (unit.rate_hz * pace)
    measured_s = np.arange(rng.uniform(0.0, step_s), duration_s, step_s)
    first_s = rng.uniform(0.0, air.interval_s)
    arrival_s = first_s + np.ceil((measured_s - first_s) / air.interval_s) * air.interval_s
    arrival_s += air.least_delay_s
    arrival_s += air.interval_s * (rng.random(len(measured_s)) < air.repeated)
    for begin_s in np.arange(0.0, duration_s, air.stall_every_s):
        stall_s = begin_s + rng.uniform(0.0, air.stall_every_s - 0.8)
        over_s = stall_s + rng.uniform(0.2, 0.8)
        arrival_s[(arrival_s > stall_s) & (arrival_s < over_s)] = over_s
    arrival_s = np.maximum.accumulate(arrival_s)  # packets keep their order
    kept = np.flatnonzero(rng.random(len(measured_s)) >= air.lost)
    count = len(kept)
    ticks = np.full(count, -1)
    if unit.tick_s is not None:
        epoch = int(rng.integers(2**unit.time_bits))
        counted = np.round(measured_s[kept] * pace / unit.tick_s).astype(np.int64)
        ticks = (epoch + counted) % 2**unit.time_bits
    nothing = np.full((count, 3), np.nan)
    table = SampleTable(
        unit=np.full(count, index),
        host_time_ns=np.rint(arrival_s[kept] * 1e9).astype(np.int64),
        device_time=ticks,
        sequence=kept % 2**unit.sequence_bits,
        q=np.tile((1.0, 0.0, 0.0, 0.0), (count, 1)),
        acc=nothing,
        gyr=nothing.copy(),
    )
    return measured_s[kept], table
