"""Looks at units at rest: whether they keep their rate, lose samples, or drift."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hipturn.session.open_links import OpenLinks
from hipturn.units.unit_setup import until_all_stream
from hipturn.words import Said
from imu.clocks.losses import losses
from imu.quaternion import turn_rad
from imu.sample import Sample, SampleTable, Unit

REST_S = 5.0
"""300 samples at 60 Hz: enough for rate, losses and drift, short enough to wait for."""
SETTLE_S = 0.5
"""The first samples arrive all at once."""
POLL_S = 0.1
RATE_SHARE_MIN = 0.9
LOST_PERCENT_MAX = 5.0
"""Up to 10 % lost, the angle is as good as without (docs/accuracy.md): half of it is left for what
comes when the units are on the body, which shields them."""
DRIFT_DPS_MAX = 1.0
"""A unit at rest turns this fast at most by the bias of its gyroscope."""
MOVED_DPS = 5.0
"""No unit at rest drifts this fast: it was touched."""
BATTERY_MIN = 20
"""Percent: so little that the unit should be charged before a session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestFinding:
    """What one unit did at rest."""

    label: str
    rate_hz: float
    nominal_hz: float
    lost_percent: float
    drift_dps: float
    battery: int | None
    remedy: str
    """What to do; empty when all is well."""


async def look_at_rest(links: OpenLinks, progress: Callable[[float], None]) -> list[RestFinding]:
    """Return what each unit did in `REST_S` of data, once all of them stream.

    Raises
    ------
    hipturn.errors.UserError
        When the units do not all stream within a minute.
    """
    samples: list[Sample] = []
    links.listener = samples.append
    try:
        labels = [unit.label for unit in links.units]
        await until_all_stream(links.links, labels)
        while len(first := _first_of(samples)) < len(labels):  # some have streamed before
            await asyncio.sleep(POLL_S)
            await until_all_stream(links.links, labels)
        begun_ns = max(first.values()) + round(SETTLE_S * 1e9)
        # by the samples: the clock of a virtual wearer at full speed stands still in the end
        while (rested_s := (samples[-1].host_time_ns - begun_ns) * 1e-9) < REST_S:
            progress(min(1.0, max(0.0, rested_s / REST_S)))
            await asyncio.sleep(POLL_S)
    finally:
        links.listener = None
    span = (begun_ns, begun_ns + round(REST_S * 1e9))
    kept = [s for s in samples if span[0] <= s.host_time_ns < span[1]]
    return judge(kept, links.units, [link.battery_percent for link in links.links])


def _first_of(samples: Sequence[Sample]) -> dict[int, int]:
    """Return when the first sample of every unit came, nanoseconds."""
    return {sample.unit: sample.host_time_ns for sample in reversed(samples)}


def judge(
    samples: Sequence[Sample], units: Sequence[Unit], batteries: Sequence[int | None]
) -> list[RestFinding]:
    """Return what each unit did, from the samples of `REST_S` at rest."""
    table = SampleTable.from_samples(samples)
    lost = losses(table, units)
    findings = []
    for index, (unit, battery) in enumerate(zip(units, batteries, strict=True)):
        own = [sample for sample in samples if sample.unit == index]
        figures = {
            "rate_hz": round(len(own) / REST_S, 1),
            "lost_percent": round(100.0 * lost[index].share, 1),
            "drift_dps": round(drift_dps(own), 2),
        }
        findings.append(
            RestFinding(
                label=unit.label,
                nominal_hz=unit.rate_hz,
                battery=battery,
                remedy=_remedy(unit, battery, **figures),
                **figures,
            )
        )
    return findings


def drift_dps(samples: Sequence[Sample]) -> float:
    """Return how fast a unit turned from the first to the last sample, °/s; 0 where unknown."""
    known = [sample for sample in samples if sample.q is not None]
    if len(known) >= 2:
        first, last = known[0], known[-1]
        assert first.q is not None  # noqa: S101 (chosen so)
        assert last.q is not None  # noqa: S101
        seconds = (last.host_time_ns - first.host_time_ns) * 1e-9
        return math.degrees(turn_rad(first.q, last.q)) / seconds if seconds > 0 else 0.0
    rates = [sample.gyr for sample in samples if sample.gyr is not None]
    if not rates:
        return 0.0
    mean = (sum(axis) / len(rates) for axis in zip(*rates, strict=True))
    return math.degrees(math.hypot(*mean))


def _remedy(
    unit: Unit, battery: int | None, rate_hz: float, lost_percent: float, drift_dps: float
) -> str:
    if rate_hz < RATE_SHARE_MIN * unit.rate_hz or lost_percent > LOST_PERCENT_MAX:
        return Said("rested.slow", unit=unit.label, rate_hz=rate_hz, of=unit.rate_hz)
    if drift_dps > MOVED_DPS:
        return Said("rested.moved", unit=unit.label)
    if drift_dps > DRIFT_DPS_MAX:
        return Said("rested.drifts", unit=unit.label, dps=drift_dps)
    if battery is not None and battery < BATTERY_MIN:
        return Said("rested.battery", unit=unit.label, percent=battery)
    return ""
