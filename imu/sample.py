"""The types that all other modules share: units, samples, frames, and what people say of them.

A *sample* is what one unit said once. A *frame* is all units at one instant of the common
time base. Orientations are unit quaternions (w, x, y, z), sensor → earth, earth z up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from imu.quaternion import Quaternion, Vector

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

Clock = Literal["shared", "independent"]

STANDARD_GRAVITY = 9.80665
"""What one g is, m/s²."""


class Segment(StrEnum):
    """The body segment a unit is strapped to."""

    PELVIS = "pelvis"
    THIGH = "thigh"
    SHANK = "shank"


class Side(StrEnum):
    """The leg a unit or an angle belongs to."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def sign(self) -> int:
        """Return +1 for the right leg and −1 for the left: makes internal rotation positive."""
        return 1 if self is Side.RIGHT else -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One strapped unit, as session.json describes it."""

    segment: Segment
    side: Side | None
    """None for the pelvis only."""
    rate_hz: float
    """Nominal samples per second."""
    profile: str = ""
    name: str = ""
    address: str = ""
    serial: str = ""
    firmware: str = ""
    heading: Literal["arbitrary", "magnetic"] = "arbitrary"
    tick_s: float | None = None
    """Seconds of one count of the unit's own clock; None when it sends no time."""
    time_bits: int = 32
    """Width of the raw clock counter, which wraps at 2**time_bits."""
    sequence_bits: int = 16
    """Width of the packet counter, which wraps at 2**sequence_bits."""
    upright: bool = False
    """Whether it is worn with its y axis up the body and, on a leg, its x along the knee's axis."""
    tilt_sigma_deg: float | None = None
    """1 σ that its accelerometer gives an inclination; None: that of a common motion unit."""

    @property
    def label(self) -> str:
        """Return what people call it: `right thigh`, `pelvis`."""
        return f"{self.side} {self.segment}" if self.side else str(self.segment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What a person says of a recording afterwards, apart from what was measured.

    Movements and sets are addressed by leg and time, never by number: another version may count
    them otherwise.
    """

    id: str
    at: str
    """When it was said, ISO 8601 with zone."""
    by: str
    """Who said it: `therapist`, `wearer` or what they call themselves."""
    kind: str
    software: str = ""
    side: str = ""
    """`left`, `right` or `both`; empty where it is of the whole session."""
    at_s: float | None = None
    """Second of the session."""
    value: Any = None
    """What is said, by kind; a JSON value."""
    target: Literal["set", "movement"] = "set"
    """What pain, effort and notes are of."""
    of: str = ""
    """The id of the edit that is undone."""
    saw: Mapping[str, Any] = field(default_factory=dict)
    """What was measured when it was said."""


class Sample(NamedTuple):
    """What one unit said once."""

    unit: int
    """Index into the session's units."""
    host_time_ns: int
    """Monotonic arrival time since the session's start."""
    device_time: int | None
    """The unit's own raw clock counter, wrapping."""
    sequence: int | None
    """The unit's own raw packet counter, wrapping."""
    q: Quaternion | None
    """Sensor → earth; None for a unit that sends raw data only."""
    acc: Vector | None = None
    """Specific force in m/s², sensor frame."""
    gyr: Vector | None = None
    """Angular velocity in rad/s, sensor frame."""
    payload: bytes | None = None
    """The notification as it came."""


class Frame(NamedTuple):
    """All units at one instant of the common time base."""

    time_s: float
    """Seconds since the session's first sample."""
    q: tuple[Quaternion | None, ...]
    """One orientation per unit; None where a gap is open."""
    interpolated: bool
    """True when any orientation was filled between neighbours because a sample was lost."""


@dataclass(frozen=True, slots=True)
class FrameTable:
    """A whole recording on the common time base: the batch form of many `Frame`."""

    time_s: FloatArray
    """Shape (n,), strictly increasing."""
    q: FloatArray
    """Shape (n, units, 4), wxyz, NaN where a gap is open."""
    interpolated: BoolArray
    """Shape (n,)."""

    def __len__(self) -> int:
        return len(self.time_s)


@dataclass(frozen=True, slots=True)
class SampleTable:
    """All samples of a recording in arrival order: the batch form of many `Sample`.

    Missing numbers are NaN; missing counters are −1.
    """

    unit: IntArray
    host_time_ns: IntArray
    device_time: IntArray
    sequence: IntArray
    q: FloatArray
    """Shape (n, 4), wxyz."""
    acc: FloatArray
    """Shape (n, 3), m/s²."""
    gyr: FloatArray
    """Shape (n, 3), rad/s."""

    def __len__(self) -> int:
        return len(self.unit)

    @classmethod
    def from_samples(cls, samples: Sequence[Sample]) -> SampleTable:
        """Return the table of samples given one by one."""
        nan3, nan4 = (float("nan"),) * 3, (float("nan"),) * 4

        def counters(values: Iterable[int | None]) -> IntArray:
            return np.array([-1 if value is None else value for value in values], dtype=np.int64)

        return cls(
            np.array([s.unit for s in samples], dtype=np.int64),
            np.array([s.host_time_ns for s in samples], dtype=np.int64),
            counters(s.device_time for s in samples),
            counters(s.sequence for s in samples),
            np.array([s.q or nan4 for s in samples], dtype=np.float64).reshape(-1, 4),
            np.array([s.acc or nan3 for s in samples], dtype=np.float64).reshape(-1, 3),
            np.array([s.gyr or nan3 for s in samples], dtype=np.float64).reshape(-1, 3),
        )

    def of(self, unit: int) -> SampleTable:
        """Return the samples of one unit."""
        keep = self.unit == unit
        return SampleTable(
            self.unit[keep],
            self.host_time_ns[keep],
            self.device_time[keep],
            self.sequence[keep],
            self.q[keep],
            self.acc[keep],
            self.gyr[keep],
        )
