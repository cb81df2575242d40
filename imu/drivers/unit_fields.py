"""The fields of `imu.sample.Unit` that a driver knows, and what drivers in code begin with."""

from __future__ import annotations

from typing import Literal, TypedDict

from imu.profiles.unit_layout import Profile, Stream

# Used where a stream has no such counter, as `imu.sample.Unit` has it.
DEFAULT_TIME_BITS = 32
DEFAULT_SEQUENCE_BITS = 16


class UnitFields(TypedDict):
    """The fields of `imu.sample.Unit` of the same names."""

    rate_hz: float
    heading: Literal["arbitrary", "magnetic"]
    tick_s: float | None
    time_bits: int
    sequence_bits: int


def fields_of(stream: Stream, rate_hz: float) -> UnitFields:
    """Return the fields that follow from a stream and the rate it runs at."""
    time, sequence = stream.time, stream.sequence
    return UnitFields(
        rate_hz=rate_hz,
        heading=stream.heading,
        tick_s=time.tick_s if time else None,
        time_bits=time.bits if time else DEFAULT_TIME_BITS,
        sequence_bits=sequence.bits if sequence else DEFAULT_SEQUENCE_BITS,
    )


class CodedDriver:
    """What drivers of units that need code have in common."""

    def __init__(self, profile: Profile, stream: str | None, rate_hz: float | None) -> None:
        """Take what the unit is, which stream and rate to use; None is the best of each."""
        self.profile = profile
        self.stream = stream or profile.prefer[0]
        self.rate_hz = rate_hz or profile.rates.default
        self.rejected: dict[str, int] = {}
        self._layout = profile.streams[self.stream]

    def unit_fields(self) -> UnitFields:
        """Return what `imu.sample.Unit` wants to know."""
        return fields_of(self._layout, self.rate_hz)
