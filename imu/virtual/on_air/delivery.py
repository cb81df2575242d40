"""From a unit's own clock to the host: sampling, connection events, bursts and losses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from imu.quaternion import ARRAYS, slerp, table_of, wxyz
from imu.sample import BoolArray, FloatArray, IntArray, Sample
from imu.virtual.chance import UnitChance
from imu.virtual.settings import WearerSettings
from imu.virtual.units.sensors import SensorTrace

TICK_S = 1e-6
TIME_BITS = 32
SEQUENCE_BITS = 16
# Bluetooth counts connection intervals in these steps (Core Specification 5.4, vol. 6, B, 4.5.1).
INTERVAL_STEP_S = 0.00125
# One notification with its acknowledgement and the spaces between takes this long on the air.
PACKET_S = 0.0005


@dataclass(frozen=True, slots=True)
class Transmission:
    """Everything one unit sent that arrived, in order."""

    instant_s: FloatArray
    """When it was measured, on the motion's clock, shape (n,)."""
    arrival_s: FloatArray
    """When the host had it, on the motion's clock, shape (n,)."""
    device_time: IntArray
    """Raw counter of TICK_S, modulo 2**TIME_BITS."""
    sequence: IntArray
    """Raw counter, modulo 2**SEQUENCE_BITS."""
    interval_s: float
    """The connection interval."""


class Beat(NamedTuple):
    """When a unit measures, and what its clock shows then."""

    pace: float
    """Seconds of its clock in a true one."""
    epoch: int
    """What its clock shows at the start of the motion."""
    phase: float
    """When its first sample is, as a share of the period."""


def beat_of(chance: UnitChance, settings: WearerSettings) -> Beat:
    """Return the beat of a unit's own clock; its random streams are used up."""
    return _beat(chance.clock, settings)[0]


def _beat(rng: np.random.Generator, settings: WearerSettings) -> tuple[Beat, int]:
    """Return a unit's beat, and the number of its first sample."""
    pace = 1.0 + settings.clock_sd_ppm * 1e-6 * float(rng.standard_normal())
    epoch, first_sequence = (int(rng.integers(2**bits)) for bits in (TIME_BITS, SEQUENCE_BITS))
    phase = float(rng.random())
    if settings.device_epoch_ticks is not None:
        epoch = settings.device_epoch_ticks
    return Beat(pace, epoch, phase), first_sequence


def transmit(
    duration_s: float, chance: UnitChance, settings: WearerSettings, beat: Beat | None = None
) -> Transmission:
    """Return when a unit measured and when the host heard of it.

    Parameters
    ----------
    duration_s
        Length of the motion.
    chance
        The unit's random streams; those for the clock and the losses are used up.
    settings
        Rate, intervals, losses and clock errors.
    beat
        Of the unit whose clock this one has taken over; None: its own.
    """
    rng = chance.clock
    own, first_sequence = _beat(rng, settings)
    pace, epoch, phase = beat or own
    step_s = 1.0 / (settings.rate_hz * pace)
    instant_s = np.arange(phase * step_s, duration_s, step_s)
    interval_s = _interval(float(rng.random()), settings)
    arrival_s = arrivals(instant_s, interval_s, float(rng.random()) * interval_s)
    ticks = epoch + np.floor(instant_s * pace / TICK_S).astype(np.int64)
    sequence = (first_sequence + np.arange(len(instant_s))) % 2**SEQUENCE_BITS
    sent = Transmission(instant_s, arrival_s, ticks % 2**TIME_BITS, sequence, interval_s)
    return _only(sent, ~losses(len(instant_s), chance.loss, settings))


def until(sent: Transmission, end_s: float) -> Transmission:
    """Return what a unit sent before a moment of the motion's clock: all of it, or till it died."""
    return _only(sent, sent.instant_s < end_s)


def _only(sent: Transmission, kept: BoolArray) -> Transmission:
    return replace(
        sent,
        instant_s=sent.instant_s[kept],
        arrival_s=sent.arrival_s[kept],
        device_time=sent.device_time[kept],
        sequence=sent.sequence[kept],
    )


def arrivals(instant_s: FloatArray, interval_s: float, first_event_s: float) -> FloatArray:
    """Return when each sample reaches the host: with the next connection event, in order.

    Samples that waited for the same event come one after the other.

    Parameters
    ----------
    instant_s
        When they were measured, ascending, shape (n,).
    interval_s
        Time between connection events.
    first_event_s
        When one of these events is.
    """
    event = np.ceil((instant_s - first_event_s) / interval_s)
    first_of_event = np.searchsorted(event, event, side="left")
    place = np.arange(len(event)) - first_of_event
    arrival: FloatArray = first_event_s + event * interval_s + place * PACKET_S
    # More packets than fit into one interval would overtake the next ones.
    return np.maximum.accumulate(arrival)


def losses(count: int, rng: np.random.Generator, settings: WearerSettings) -> BoolArray:
    """Return which of `count` samples never arrive: bursts of even lengths, far apart by chance."""
    lost = np.zeros(count, dtype=np.bool_)
    if settings.loss_share == 0.0:
        return lost
    shortest, longest = settings.loss_burst
    mean_gap = (shortest + longest) / 2.0 * (1.0 - settings.loss_share) / settings.loss_share
    at = 0
    while at < count:
        at += int(rng.geometric(min(1.0, 1.0 / mean_gap)))
        burst = int(rng.integers(shortest, longest + 1))
        lost[at : at + burst] = True
        at += burst
    return lost


def received(
    traces: Sequence[SensorTrace],
    sent: Sequence[Transmission],
    time_s: FloatArray,
    settings: WearerSettings,
) -> tuple[list[Sample], float]:
    """Return the samples of all units in order of arrival, and when the first one arrived.

    Parameters
    ----------
    traces
        What each unit measured, in the order of the session's units.
    sent
        What each unit got through, in the same order.
    time_s
        The grid of the motion, shape (n,).
    settings
        What the units send.

    Returns
    -------
    tuple
        Samples with host times from 0 at the first one; its arrival on the motion's clock, s.
    """
    first_s = min(float(unit.arrival_s[0]) for unit in sent)
    samples: list[Sample] = []
    for index, (trace, unit) in enumerate(zip(traces, sent, strict=True)):
        samples += _samples(index, trace, unit, time_s, first_s, settings)
    samples.sort(key=lambda sample: (sample.host_time_ns, sample.unit))
    return samples, first_s


def _samples(
    index: int,
    trace: SensorTrace,
    sent: Transmission,
    time_s: FloatArray,
    first_s: float,
    settings: WearerSettings,
) -> list[Sample]:
    """Return the samples of one unit."""
    count = len(sent.instant_s)
    host_ns = np.rint((sent.arrival_s - first_s) * 1e9).astype(np.int64).tolist()
    nothing: list[None] = [None] * count
    fused = settings.sensor_output != "raw"
    raw = settings.sensor_output != "quaternion"
    at_s, span_s = sent.instant_s, 1.0 / settings.rate_hz
    q = _as_sent(orientations_at(trace.q_earth_sensor, time_s, at_s)) if fused else nothing
    acc = _raw(trace.acc, time_s, at_s, span_s, settings.acc_step_mps2) if raw else nothing
    gyro_step = math.radians(settings.gyro_step_dps)
    gyr = _raw(trace.gyr, time_s, at_s, span_s, gyro_step) if raw else nothing
    device_time, sequence = sent.device_time.tolist(), sent.sequence.tolist()
    return list(map(Sample, [index] * count, host_ns, device_time, sequence, q, acc, gyr))


def _interval(u: float, settings: WearerSettings) -> float:
    """Return a connection interval in the steps that exist, inside the range where one does."""
    low, high = settings.connection_interval_s
    steps = np.ceil(low / INTERVAL_STEP_S - 1e-9), np.floor(high / INTERVAL_STEP_S + 1e-9)
    if steps[1] < steps[0]:
        return low + u * (high - low)
    return float(steps[0] + np.floor(u * (steps[1] - steps[0] + 1.0))) * INTERVAL_STEP_S


def orientations_at(q: FloatArray, time_s: FloatArray, instant_s: FloatArray) -> FloatArray:
    """Return orientations between the instants of the grid, shape (k, 4).

    Parameters
    ----------
    q
        On the grid, shape (n, 4).
    time_s
        The grid, shape (n,).
    instant_s
        Shape (k,).
    """
    place = np.interp(instant_s, time_s, np.arange(len(time_s), dtype=np.float64))
    before = np.minimum(place.astype(np.int64), len(time_s) - 2)
    return table_of(slerp(wxyz(q[before]), wxyz(q[before + 1]), place - before, ARRAYS))


def means_over(
    values: FloatArray, time_s: FloatArray, instant_s: FloatArray, span_s: float
) -> FloatArray:
    """Return means over the span before each instant, shape (k, 3): what a slower output sends.

    The mean of the rotation rate since the last sample is what carries one orientation to the
    next, and the mean keeps the noise density of the sensor.

    Parameters
    ----------
    values
        On the grid, shape (n, 3).
    time_s
        The grid, shape (n,), from 0, even.
    instant_s
        Shape (k,).
    span_s
        Time between two outputs.
    """
    step_s = time_s[1] - time_s[0]
    total = np.concatenate((np.zeros((1, 3)), np.cumsum(values[1:], axis=0))) * step_s
    from_s = np.maximum(instant_s - span_s, 0.0)
    difference = np.stack(
        [
            np.interp(instant_s, time_s, column) - np.interp(from_s, time_s, column)
            for column in total.T
        ],
        axis=-1,
    )
    mean: FloatArray = difference / np.maximum(instant_s - from_s, 1e-9)[:, None]
    return mean


def _raw(
    values: FloatArray, time_s: FloatArray, instant_s: FloatArray, span_s: float, step: float
) -> list[Any]:
    """Return what a slower output sends of a sensor, rounded to a step where there is one."""
    mean = means_over(values, time_s, instant_s, span_s)
    return _as_sent(np.round(mean / step) * step if step else mean)


def _as_sent(values: FloatArray) -> list[Any]:
    """Return rows of numbers, a tuple each, in the four bytes a unit sends them in."""
    return list(map(tuple, values.astype(np.float32).astype(np.float64).tolist()))
