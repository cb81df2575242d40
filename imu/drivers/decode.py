"""From notifications to readings, by a profile alone.

One decoder for every unit whose messages can be described by numbers at places. It never raises,
whatever arrives, and keeps no more than one unfinished frame.
"""

from __future__ import annotations

import struct

from imu.drivers.framing import framing_of
from imu.drivers.reading import (
    Reading,
    Reason,
    acceleration_of,
    count,
    quaternion_of,
    quaternion_of_euler,
    quaternion_of_vector,
    rotation_rate_of,
)
from imu.profiles.unit_layout import (
    MAX_NOTIFICATION_BYTES,
    TO_UP,
    Counter,
    Field,
    Profile,
    Repeat,
    Stream,
)
from imu.quaternion import Quaternion, conjugate, multiply

__all__ = ["Decoder", "Reading", "Reason"]

MAX_RECORDS = 64  # in one message; units send two or three


class Decoder:
    """Reads the notifications of one unit.

    Parameters
    ----------
    profile
        What the unit is.
    stream
        Which of its streams was started.
    rate_hz
        Samples per second, for units that send several at once; the profile's default when left
        out.
    rejected
        Counts to go on with, after the stream was changed.

    Attributes
    ----------
    rejected
        Reason → how often, only reasons that occurred; `imu.drivers.reading` explains them.
    """

    def __init__(
        self,
        profile: Profile,
        stream: str,
        *,
        rate_hz: float | None = None,
        rejected: dict[str, int] | None = None,
    ) -> None:
        self.rejected: dict[str, int] = {} if rejected is None else rejected
        self._profile = profile
        self._stream = layout = profile.streams[stream]
        self._framing = framing_of(layout, self.rejected)
        rate_hz = layout.rate_hz or rate_hz or profile.rates.default
        self._steps = _steps(layout, layout.repeat, rate_hz)
        self._quat = _Numbers(layout.quat) if layout.quat else None
        self._euler = _Numbers(layout.euler_zyx_deg) if layout.euler_zyx_deg else None
        self._acc = _Numbers(layout.acc) if layout.acc else None
        self._gyr = _Numbers(layout.gyr) if layout.gyr else None
        self._time = _Count(layout.time) if layout.time else None
        self._sequence = _Count(layout.sequence) if layout.sequence else None

    def reset(self) -> None:
        """Forget an unfinished frame: the link was lost."""
        self._framing.reset()

    def decode(self, payload: bytes) -> list[Reading]:
        """Return the samples that are complete with this notification, oldest first.

        What is not a sample is counted in `rejected`.
        """
        if len(payload) > MAX_NOTIFICATION_BYTES:
            count(self.rejected, Reason.TOO_LONG)
            return []
        readings: list[Reading] = []
        for frame in self._framing.frames(payload):
            self._read(frame, readings)
        return readings

    def _read(self, frame: bytes, readings: list[Reading]) -> None:
        """Append the samples of one message."""
        stream = self._stream
        if stream.headers and not frame.startswith(stream.headers):
            count(self.rejected, Reason.OTHER_MESSAGE)
            return
        if len(frame) < stream.length:
            count(self.rejected, Reason.TOO_SHORT)
            return
        repeat = stream.repeat
        if repeat is None:
            self._record(frame, 0, 0, 1, readings)
            return
        records = min((len(frame) - repeat.offset) // repeat.stride, MAX_RECORDS)
        for index in range(records):
            self._record(frame, repeat.offset + index * repeat.stride, index, records, readings)

    def _record(
        self, frame: bytes, base: int, index: int, records: int, readings: list[Reading]
    ) -> None:
        """Append one sample."""
        try:
            q = self._orientation(frame, base)
            acc = acceleration_of(self._acc.read(frame, base)) if self._acc else None
            gyr = rotation_rate_of(self._gyr.read(frame, base)) if self._gyr else None
            time, sequence = self._counters(frame, base, index, records)
        except (ValueError, OverflowError):  # a clock sent as text that is NaN or infinite
            count(self.rejected, Reason.NOT_FINITE)
            return
        if isinstance(q, Reason):
            count(self.rejected, q)
        elif isinstance(acc, Reason):
            count(self.rejected, acc)
        elif isinstance(gyr, Reason):
            count(self.rejected, gyr)
        else:
            readings.append(Reading(time, sequence, q, acc, gyr))

    def _orientation(self, frame: bytes, base: int) -> Quaternion | Reason | None:
        """Return where the sensor points, sensor → earth with z up."""
        q: Quaternion | Reason
        if self._quat:
            numbers = self._quat.read(frame, base)
            q = quaternion_of(*numbers) if len(numbers) == 4 else quaternion_of_vector(*numbers)
        elif self._euler:
            roll, pitch, yaw = self._euler.read(frame, base)
            q = quaternion_of_euler(roll, pitch, yaw)
        else:
            return None
        if isinstance(q, Reason):
            return q
        if self._profile.rotation == "earth_to_sensor":
            q = conjugate(q)
        up = TO_UP.get(self._profile.earth_frame)
        return q if up is None else multiply(up, q)

    def _counters(
        self, frame: bytes, base: int, index: int, records: int
    ) -> tuple[int | None, int | None]:
        """Return the sample's raw time and sequence, None where they cannot be known."""
        repeat = self._stream.repeat
        ahead = index - (records - 1 if repeat and repeat.anchor == "last" else 0)
        time = self._time.read(frame, base, ahead, self._steps) if self._time else None
        sequence = self._sequence.read(frame, base, ahead, 1.0) if self._sequence else None
        return time, sequence


class _Numbers:
    """Reads three or four numbers in the order x, y, z or w, x, y, z."""

    __slots__ = ("_layout", "_offset", "_picks", "_scales", "_short")

    def __init__(self, field: Field) -> None:
        self._layout = struct.Struct(field.layout)
        self._short = struct.Struct(field.layout[:-1]) if field.w_optional else None
        self._offset = field.offset
        self._picks = field.picks
        self._scales = field.scales

    def read(self, frame: bytes, base: int) -> tuple[float, ...]:
        """Return the numbers, scaled; only x, y, z where w was left out."""
        at = base + self._offset
        picks, scales, layout = self._picks, self._scales, self._layout
        if self._short and len(frame) < at + layout.size:
            picks, scales, layout = picks[1:], scales[1:], self._short
        numbers = layout.unpack_from(frame, at)
        return tuple(numbers[pick] * scale for pick, scale in zip(picks, scales, strict=True))


class _Count:
    """Reads a counter that wraps."""

    __slots__ = ("_in_record", "_layout", "_mask", "_offset")

    def __init__(self, counter: Counter) -> None:
        self._layout = struct.Struct(counter.layout)
        self._offset = counter.offset
        self._mask = (1 << counter.bits) - 1
        self._in_record = counter.in_record

    def read(self, frame: bytes, base: int, ahead: int, steps: float | None) -> int | None:
        """Return the count of a sample.

        Parameters
        ----------
        frame, base
            The message, and where the sample's record begins in it.
        ahead
            How many samples after the one that the message's own count belongs to.
        steps
            Counts from one sample to the next; None when unknown.
        """
        raw = int(
            self._layout.unpack_from(frame, self._offset + (base if self._in_record else 0))[0]
        )
        if ahead and not self._in_record:
            if steps is None:
                return None
            raw += round(ahead * steps)
        return raw & self._mask


def _steps(stream: Stream, repeat: Repeat | None, rate_hz: float) -> float | None:
    """Return the clock's counts between samples; None when its unit is unknown."""
    if stream.time is None or stream.time.tick_s is None:
        return None
    dt_s = (repeat.dt_s if repeat else None) or 1.0 / rate_hz
    return dt_s / stream.time.tick_s
