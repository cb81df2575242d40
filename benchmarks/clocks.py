"""How well two units that do not share a clock are put on one time base.

    python benchmarks/clocks.py [--minutes 10] [--seeds 20] [--rates 50 60 100 120]

Two units with the same least delay are heard every 30 and every 60 ms, their oscillators 60 ppm
fast and slow, 2 % of their samples lost, 5 % of their packets repeated, with a stall of up to
0.8 s every 20 s. Units without a clock have oscillators 1 % fast and slow instead. The error is
how much later one unit's samples are placed than the other's, against when they were measured:
rms over the session from its tenth second on, median and worst over the seeds, in ms.

A unit is heard in one of finitely many phases of its period against the connection interval,
which are the greatest common divisor of the two apart. As long as its oscillator keeps within one
of them nobody can tell where in it: `phase` is the larger bound of the two units.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from math import gcd

import numpy as np

from imu.clocks.unit_times import independent_lanes
from imu.sample import FloatArray, SampleTable, Segment, Side, Unit
from imu.virtual.on_air.rough_air import RoughAir, on_the_air

INTERVALS_S = (0.030, 0.060)
CRYSTAL_PPM = 60.0
CHIP_PPM = 10_000.0
SETTLED_S = 10.0
UNIT = Unit(segment=Segment.THIGH, side=Side.RIGHT, rate_hz=60.0, tick_s=1e-6)

Late = tuple[FloatArray, FloatArray]
"""When samples were measured, and how much later than that they are placed; in seconds."""


def late(unit: Unit, measured_s: FloatArray, table: SampleTable) -> Late:
    """Return how late the product's clocks place a unit's samples."""
    lane = independent_lanes(table, [unit])[0]
    return measured_s[lane.rows], lane.time_s - measured_s[lane.rows]


def late_by_arrival(measured_s: FloatArray, table: SampleTable) -> Late:
    return measured_s, table.host_time_ns / 1e9 - measured_s


def late_by_least_squares(measured_s: FloatArray, table: SampleTable) -> Late:
    device_s = np.unwrap(table.device_time.astype(float), period=2.0**32) * 1e-6
    slope, start_s = np.polyfit(device_s - device_s[0], table.host_time_ns / 1e9, 1)
    return measured_s, start_s + slope * (device_s - device_s[0]) - measured_s


def apart_ms(one: Late, other: Late) -> float:
    """Return the rms of how much later one unit's samples are placed than the other's."""
    end_s = min(one[0][-1], other[0][-1])
    at = np.arange(SETTLED_S, end_s, 1.0 / 60.0)
    difference = np.interp(at, *one) - np.interp(at, *other)
    return float(1e3 * np.sqrt(np.mean(difference**2)))


def pair(
    rate_hz: float, ppm: float, duration_s: float, seed: int
) -> Iterator[tuple[FloatArray, SampleTable]]:
    """Yield two units on the air: one of them fast, the other slow."""
    rng = np.random.default_rng(seed)
    sign = 1.0 if seed % 2 else -1.0
    unit = replace(UNIT, rate_hz=rate_hz)
    for interval_s, fast_ppm in zip(INTERVALS_S, (sign * ppm, -sign * ppm), strict=True):
        air = RoughAir(interval_s=interval_s, fast_ppm=fast_ppm)
        yield on_the_air(unit, 0, air, duration_s, rng)


def without_numbers(table: SampleTable) -> SampleTable:
    return replace(table, sequence=np.full(len(table), -1))


def errors_ms(rate_hz: float, duration_s: float, seed: int) -> dict[str, float]:
    """Return the alignment error of each method for one pair of units."""
    unit = replace(UNIT, rate_hz=rate_hz)
    bare = replace(unit, tick_s=None)
    crystals = list(pair(rate_hz, CRYSTAL_PPM, duration_s, seed))
    chips = list(pair(rate_hz, CHIP_PPM, duration_s, seed))
    unnumbered = [(measured_s, without_numbers(table)) for measured_s, table in chips]
    return {
        "arrival": apart_ms(*(late_by_arrival(*heard) for heard in crystals)),
        "least squares": apart_ms(*(late_by_least_squares(*heard) for heard in crystals)),
        "live": apart_ms(*(late(unit, *heard) for heard in crystals)),
        "no clock": apart_ms(*(late(bare, *heard) for heard in unnumbered)),
        "numbers only": apart_ms(*(late(bare, *heard) for heard in chips)),
    }


def phase_bound_ms(rate_hz: float) -> float:
    """Return the larger of the two greatest common divisors of period and interval."""
    period = 1 / Fraction(rate_hz)
    return max(1e3 * float(common(period, Fraction(str(i)))) for i in INTERVALS_S)


def common(a: Fraction, b: Fraction) -> Fraction:
    """Return the largest number of which both are multiples."""
    return Fraction(
        gcd(a.numerator * b.denominator, b.numerator * a.denominator), a.denominator * b.denominator
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--rates", type=float, nargs="+", default=[50.0, 60.0, 100.0, 120.0])
    options = parser.parse_args()
    print("alignment error of two units, ms rms: median (worst)")
    for rate_hz in options.rates:
        runs = [errors_ms(rate_hz, 60.0 * options.minutes, seed) for seed in range(options.seeds)]
        print(f"\n{rate_hz:g} Hz, phase {phase_bound_ms(rate_hz):.1f} ms")
        for method in runs[0]:
            values = [run[method] for run in runs]
            print(f"  {method:18}{np.median(values):8.2f} ({np.max(values):.2f})", flush=True)


if __name__ == "__main__":
    main()
