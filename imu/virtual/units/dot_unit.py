"""An emulated Movella DOT: what it holds, what it obeys, what it sends. No bleak and no clock.

The caller tells it the time, in seconds on the wearer's clock: 0 is when the motion
begins. The same unit, with the same random streams, sends the same bytes at the same moments of
that clock, whenever it was found and connected.
"""

from __future__ import annotations

import copy
import math
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from imu.sample import FloatArray, IntArray, Segment, Side
from imu.virtual.chance import UnitChance
from imu.virtual.on_air.delivery import (
    TIME_BITS,
    Transmission,
    beat_of,
    means_over,
    orientations_at,
    transmit,
)
from imu.virtual.settings import WearerSettings
from imu.virtual.units import dot_layout as dot
from imu.virtual.units.dot_layout import RefusedError
from imu.virtual.units.sensors import SensorTrace

# After the script the wearer stays in the last pose this long, and the units go on measuring.
REST_S = 600.0
"""No rest between two exercises is longer."""


@dataclass(frozen=True, slots=True)
class LinkLoss:
    """A link that breaks, on the wearer's clock."""

    at_s: float
    away_s: float
    """From there until the unit can be reached again."""
    restarts: bool = False
    """Whether the unit's own clock then begins anew from 0, as after it was switched off."""


@dataclass(frozen=True, slots=True)
class _Stream:
    """All that a unit sends in one mode at one rate, in order."""

    uuid: str
    instant_s: list[float]
    arrival_s: list[float]
    payloads: bytes
    size: int


class DotUnit:
    """One emulated unit.

    Parameters
    ----------
    trace
        What it measures, on an even grid of `settings.fusion_hz` from 0.
    chance
        Its random streams; those for the clock and the losses are used, not used up.
    settings
        Its radio: rate until another one is set, connection interval, losses, errors of the clock.
    address, serial
        Its address, written as `D4:22:CD:00:00:01`, and its serial number.
    rssi
        Strength of its signal in dBm.
    mtu
        What the link carries; notifications are cut off at 3 bytes less.
    losses
        When its link breaks, in order.

    Raises
    ------
    ValueError
        When a link loss begins before the one before it is over.
    """

    def __init__(
        self,
        trace: SensorTrace,
        chance: UnitChance,
        settings: WearerSettings,
        *,
        address: str,
        serial: int,
        rssi: int = -55,
        mtu: int = dot.DEFAULT_MTU,
        losses: Sequence[LinkLoss] = (),
    ) -> None:
        if any(before.at_s + before.away_s > after.at_s for before, after in pairwise(losses)):
            raise ValueError("link losses of a unit overlap: begin each after the one before it")
        self.address, self.serial, self.rssi, self.mtu = address, serial, rssi, mtu
        self.name = dot.NAME
        self._trace, self._settings = trace, settings
        self._time_s: FloatArray = np.arange(len(trace.acc)) / settings.fusion_hz
        self._chance = copy.deepcopy(chance)
        self._info = dot.device_info(address, serial)
        self._control = bytearray(32)
        struct.pack_into("<H", self._control, dot.RATE_AT, round(settings.rate_hz))
        self._keep_tag(dot.NAME.encode())
        self._rate_hz = settings.rate_hz
        self._losses = tuple(losses)
        self._broken = 0
        self._away_until_s = -math.inf
        self._subscribed: set[str] = set()
        self._mode = min(dot.MODES)
        self._streams: dict[tuple[int, float], _Stream] = {}
        self._stream: _Stream | None = None
        self._next = 0
        self.told_to_start = False
        self.root_address = ""
        """The address of the unit whose clock it takes over, once its link is over."""
        self._root: DotUnit | None = None

    @property
    def segment(self) -> Segment:
        """Return the segment that it is strapped to."""
        return self._trace.segment

    @property
    def side(self) -> Side | None:
        """Return the leg that it is strapped to."""
        return self._trace.side

    def cut(self, count: int) -> None:
        """End the motion after so many of its instants, before it has begun."""
        whole = self._trace
        self._trace = replace(
            whole,
            q_earth_sensor_true=whole.q_earth_sensor_true[:count],
            acc=whole.acc[:count],
            gyr=whole.gyr[:count],
            q_earth_sensor=whole.q_earth_sensor[:count],
        )
        self._time_s = self._time_s[:count]

    def go_on(self, trace: SensorTrace, at_s: float) -> None:
        """Measure another motion from a moment on; clock, losses and mounting stay as they are.

        From the end of the motion before until then the unit lies still.
        """
        before, count = self._trace, round(at_s * self._settings.fusion_hz)

        def joined(old: FloatArray, new: FloatArray, still: FloatArray) -> FloatArray:
            gap = np.repeat(still[None], max(0, count - len(old)), axis=0)
            return np.concatenate((old[:count], gap, new))

        self._trace = replace(
            before,
            q_earth_sensor_true=joined(
                before.q_earth_sensor_true,
                trace.q_earth_sensor_true,
                before.q_earth_sensor_true[-1],
            ),
            acc=joined(before.acc, trace.acc, before.acc[-1]),
            gyr=joined(before.gyr, trace.gyr, np.zeros(3)),
            q_earth_sensor=joined(
                before.q_earth_sensor, trace.q_earth_sensor, before.q_earth_sensor[-1]
            ),
        )
        self._time_s = np.arange(len(self._trace.acc)) / self._settings.fusion_hz
        self._streams.clear()
        if self._stream is not None:  # what was sent is the beginning of what is sent now
            self._stream = self._streams[self._mode, self._rate_hz] = self._measured(self._mode)

    @property
    def end_s(self) -> float:
        """Return when the motion is over."""
        return float(self._time_s[-1])

    @property
    def measuring(self) -> bool:
        """Return whether the unit was started and not stopped since."""
        return self._stream is not None

    @property
    def breaks_s(self) -> float:
        """Return when the link breaks next, infinity when it does not any more."""
        left = self._losses[self._broken :]
        return left[0].at_s if left else math.inf

    def next_s(self, now_s: float) -> float:
        """Return when there is something to do next: send, break the link, come back."""
        moments = [self.breaks_s]
        if not self.in_reach(now_s):
            moments.append(self._away_until_s)
        if self._stream and self._next < len(self._stream.arrival_s):
            moments.append(self._stream.arrival_s[self._next])
        return min(moments)

    def in_reach(self, now_s: float) -> bool:
        """Return whether the unit can be heard."""
        return now_s >= self._away_until_s

    def break_link(self) -> None:
        """Break the link as planned: the unit is away for a while."""
        loss = self._losses[self._broken]
        self._broken += 1
        self._away_until_s = loss.at_s + loss.away_s
        self.release()

    def release(self) -> None:
        """Forget the link, whichever side ended it: a unit without a link does not measure."""
        self._subscribed.clear()
        self._stream = None

    def subscribe(self, uuid: str, *, wanted: bool) -> None:
        """Switch notifications of a characteristic on or off."""
        if wanted:
            self._subscribed.add(uuid)
        else:
            self._subscribed.discard(uuid)

    def read(self, uuid: str) -> bytes:
        """Return what a characteristic holds.

        Raises
        ------
        RefusedError
            When it cannot be read.
        """
        if uuid == dot.DEVICE_INFO:
            return self._info
        if uuid == dot.DEVICE_CONTROL:
            return bytes(self._control)
        if uuid == dot.CONTROL:
            return bytes((1, self.measuring, self._mode))
        if uuid == dot.BATTERY:
            return bytes((87, 0))  # per cent; not charging
        if uuid == dot.ACKNOWLEDGEMENT:
            return self._acknowledgement()
        raise RefusedError(dot.READ_NOT_PERMITTED)

    def write(self, uuid: str, value: bytes, now_s: float) -> None:
        """Obey a command.

        Raises
        ------
        RefusedError
            When the unit does not know it.
        """
        if uuid == dot.CONTROL:
            self._start_or_stop(value, now_s)
        elif uuid == dot.DEVICE_CONTROL:
            self._configure(value)
        elif uuid == dot.MESSAGES and not self.measuring:
            self._synchronise(value)
        else:
            raise RefusedError(dot.WRITE_NOT_PERMITTED)

    @property
    def synchronised(self) -> bool:
        """Return whether the unit's clock is that of a root, which agreed to be one."""
        return self._root is not None and self._root._root is self._root

    def _synchronise(self, message: bytes) -> None:
        """Leave a common clock, or remember whose to take over; one that has one keeps that."""
        if message == dot.STOP_SYNCHRONISING:
            self._root = None
            self._streams.clear()
        elif self._root is None:
            self.root_address = dot.sync_root(message)

    def _acknowledgement(self) -> bytes:
        if self._root is not None and self.synchronised:
            return dot.synchronised(self._root.address)
        return dot.NOT_SYNCHRONISED

    def follow(self, root: DotUnit | None) -> None:
        """Agree with the root that was named, which may not be there."""
        self._root, self.root_address = root, ""
        self._streams.clear()

    def due(self, now_s: float) -> list[tuple[str, bytes]]:
        """Return what is notified until now and was not returned yet: characteristic and bytes."""
        stream = self._stream
        if stream is None:
            return []
        first, size = self._next, stream.size
        self._next = bisect_right(stream.arrival_s, now_s, lo=first)
        if stream.uuid not in self._subscribed:
            return []
        room = min(size, self.mtu - dot.MTU_OVERHEAD)
        return [
            (stream.uuid, stream.payloads[at : at + room])
            for at in range(first * size, self._next * size, size)
        ]

    def _start_or_stop(self, value: bytes, now_s: float) -> None:
        """Obey `01, 01 start or 00 stop, mode`."""
        if len(value) != 3:
            raise RefusedError(dot.WRONG_LENGTH)
        kind, action, mode = value
        if kind != 1 or action > 1 or mode not in dot.MODES:
            raise RefusedError(dot.VALUE_NOT_ALLOWED)
        self._mode = mode
        if not action:
            self._stream = None
            return
        key = mode, self._rate_hz
        if key not in self._streams:
            self._streams[key] = self._measured(mode)
        self._stream = self._streams[key]
        self._next = bisect_left(self._stream.instant_s, now_s)
        self.told_to_start = True

    def _configure(self, value: bytes) -> None:
        """Obey a write to the device control: byte 0 says which of its fields count."""
        if len(value) != len(self._control):
            raise RefusedError(dot.WRONG_LENGTH)
        if value[0] & dot.SET_RATE:
            (rate_hz,) = struct.unpack_from("<H", value, dot.RATE_AT)
            locked = self.synchronised and rate_hz != self._rate_hz
            if rate_hz not in dot.RATES_HZ or self.measuring or locked:
                raise RefusedError(dot.VALUE_NOT_ALLOWED)
            self._rate_hz = float(rate_hz)
            struct.pack_into("<H", self._control, dot.RATE_AT, rate_hz)
        if value[0] & dot.SET_FILTER:
            if value[dot.FILTER_AT] not in dot.FILTERS:
                raise RefusedError(dot.VALUE_NOT_ALLOWED)
            self._control[dot.FILTER_AT] = value[dot.FILTER_AT]
        if value[0] & dot.SET_TAG:
            size = value[dot.TAG_SIZE_AT]
            if not 1 <= size <= dot.TAG_BYTES:
                raise RefusedError(dot.VALUE_NOT_ALLOWED)
            self._keep_tag(value[dot.TAG_AT : dot.TAG_AT + size])

    def _keep_tag(self, tag: bytes) -> None:
        """Remember what people call the unit; on the air it keeps its own name."""
        self._control[dot.TAG_SIZE_AT] = len(tag)
        self._control[dot.TAG_AT : dot.TAG_AT + dot.TAG_BYTES] = tag.ljust(dot.TAG_BYTES, b"\0")

    def _measured(self, mode: int) -> _Stream:
        """Return what the unit sends in a mode."""
        uuid, layout = dot.MODES[mode]
        settings = replace(self._settings, rate_hz=self._rate_hz)
        beat = None
        if self._root is not None and self.synchronised:
            beat = beat_of(copy.deepcopy(self._root._chance), settings)
        sent = transmit(self.end_s + REST_S, copy.deepcopy(self._chance), settings, beat)
        # Before and after its motion the wearer keeps still.
        instant_s = np.minimum(sent.instant_s, self.end_s)
        span_s = 1.0 / self._rate_hz
        table = np.zeros(len(instant_s), dtype=layout)
        table["time_us"] = self._device_time(sent)
        trace, time_s = self._trace, self._time_s
        table["q"] = orientations_at(trace.q_earth_sensor, time_s, instant_s)
        if "acc_mps2" in (layout.names or ()):
            table["acc_mps2"] = means_over(trace.acc, time_s, instant_s, span_s)
        if "gyr_dps" in (layout.names or ()):
            table["gyr_dps"] = np.degrees(means_over(trace.gyr, time_s, instant_s, span_s))
        return _Stream(
            uuid,
            sent.instant_s.tolist(),
            sent.arrival_s.tolist(),
            table.tobytes(),
            layout.itemsize,
        )

    def _device_time(self, sent: Transmission) -> IntArray:
        """Return the raw clock, from 0 again after each loss of link that restarts it."""
        time_us = sent.device_time.copy()
        for loss in self._losses:
            first = int(np.searchsorted(sent.instant_s, loss.at_s))
            if loss.restarts and first < len(time_us):
                time_us[first:] -= time_us[first]
        time_us %= 2**TIME_BITS
        return time_us
