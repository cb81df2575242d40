"""What a profile says about one type of unit: how to know it, talk to it and read it.

Plain data. `imu.profiles.profile.parse_profile` makes and checks it, so nothing is checked again
where it is used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from imu.profiles.hex_template import HexTemplate
from imu.quaternion import Quaternion

Framing = Literal["message", "sync", "line", "driver"]
Heading = Literal["arbitrary", "magnetic"]
EarthFrame = Literal["ENU", "NWU", "NED", "YUP"]
DriverName = Literal["toml", "metamotion", "movesense", "capture2go", "polar"]
SynchronisationName = Literal["", "dot"]

TO_UP: Mapping[EarthFrame, Quaternion] = {
    "NED": (0.0, 1.0, 0.0, 0.0),
    "YUP": (math.sqrt(0.5), math.sqrt(0.5), 0.0, 0.0),
}
"""Turns an earth with z down (half a turn about x) or y up (a quarter) into one with z up."""

EVIDENCE_OF = ("identity", "commands", "layout", "direction", "earth_frame", "clock")
"""What a profile can say the evidence for."""
Evidence = Literal["captured", "vendor", "one source", "derived"]

MIN_MTU = 23  # what every link carries, of which 3 bytes are overhead
MTU_OVERHEAD = 3
MAX_NOTIFICATION_BYTES = 512  # the longest value of a characteristic


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """A number that counts and wraps."""

    offset: int
    layout: str
    """Of `struct`, one number."""
    bits: int
    """It wraps at 2**bits."""
    in_record: bool
    """Whether `offset` counts from each record instead of from the message's start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock(Counter):
    """The unit's own clock."""

    tick_s: float | None
    """Seconds of one count; None when it depends on the firmware."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Three or four numbers that belong together."""

    offset: int
    """Bytes from the record's start."""
    layout: str
    """Of `struct`, as many numbers as are sent."""
    picks: tuple[int, ...]
    """Which number sent is x, y, z, or w, x, y, z."""
    scales: tuple[float, ...]
    """What each of x, y, z, or w, x, y, z is multiplied with, sign and unit included."""
    w_optional: bool = False
    """Whether the last number, w, may be left out at the message's end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """Several samples in one message."""

    offset: int
    """Bytes before the first record."""
    stride: int
    """Bytes from one record to the next."""
    dt_s: float | None
    """Time between samples; None is one over the rate."""
    anchor: Literal["first", "last"]
    """The sample that the message's time and sequence belong to."""


SIGNED_AXES: Mapping[str, tuple[float, float, float]] = {
    "x": (1.0, 0.0, 0.0),
    "-x": (-1.0, 0.0, 0.0),
    "y": (0.0, 1.0, 0.0),
    "-y": (0.0, -1.0, 0.0),
    "z": (0.0, 0.0, 1.0),
    "-z": (0.0, 0.0, -1.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Where a unit's axes are in its case, by what can be seen from outside."""

    lay: str
    """How a person lays it on a table: `printed side up, the arrow X away from you`."""
    ahead: str
    """The axis, one of `SIGNED_AXES`, that then points away from the person."""
    up: str
    """And the one that points up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """How a unit tells what it made of a setting."""

    what: str
    """What people call the setting."""
    value: HexTemplate
    """What it must say."""
    ask: HexTemplate | None
    """What asks for it, among its notifications; None where the characteristic is read."""
    reply: bytes
    """What the answer begins with, before the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Bytes to send to a characteristic."""

    uuid: str
    template: HexTemplate
    delay_s: float = 0.0
    """How long the unit needs before the next one."""
    response: bool | None = None
    """Whether the unit acknowledges it; None is what the characteristic offers."""
    optional: bool = False
    """Whether units without it work too."""
    patch_at: int | None = None
    """Replace only these bytes of what the characteristic holds, from here on."""
    compare: tuple[int, int] | None = None
    """(offset, length): send only when these bytes differ from what the characteristic holds."""
    read_back: ReadBack | None = None
    """How it is made sure that the unit took it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One kind of message with samples in it, and how to get it going."""

    name: str
    uuid: str
    framing: Framing
    headers: tuple[bytes, ...]
    """Messages that begin otherwise are something else; empty: all count."""
    sync: bytes
    """What every frame of a `sync` stream begins with."""
    length: int
    """Least bytes of a message, of a `sync` frame the bytes of the shortest."""
    longer: tuple[int, ...]
    """The other lengths that a `sync` frame may have; the rest of such a frame is not read."""
    line: re.Pattern[str] | None
    """What a line of text looks like, one group for each number."""
    heading: Heading
    rate_hz: float | None
    """The stream's own fixed rate; None is the one chosen."""
    time: Clock | None
    sequence: Counter | None
    repeat: Repeat | None
    quat: Field | None
    euler_zyx_deg: Field | None
    acc: Field | None
    gyr: Field | None
    start: tuple[Write, ...]
    stop: tuple[Write, ...]
    min_mtu: int
    """The link must carry this much, or messages arrive cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """Where the charge is read."""

    uuid: str
    """Read from here; for a poll, where the reply arrives."""
    offset: int
    layout: str
    poll: Write | None
    """What asks for it; None when the characteristic is simply read."""
    reply: bytes
    """What the reply to a poll begins with."""
    table: tuple[tuple[float, int], ...]
    """(more than this, percent), falling; empty when the number is percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A number that a characteristic holds."""

    uuid: str
    offset: int
    layout: str
    """Of `struct`, one number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A byte that says, in a write, which of the settings in it count."""

    offset: int
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceSetting(Held):
    """One of several ways to work, kept by the unit."""

    mark: Mark | None
    choices: Mapping[str, int]
    """What people call each, and the unit's number for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSetting:
    """A text kept by the unit: its name."""

    uuid: str
    mark: Mark | None
    offset: int | None
    """None when the characteristic holds nothing but the text."""
    length: int
    """The most bytes; unused ones are zero."""
    size_at: int | None
    """The byte that says how many are used, if there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Samples per second that the unit can be set to."""

    allowed: tuple[float, ...]
    codes: Mapping[float, int]
    """The unit's own number for each rate; empty when it takes the rate itself."""
    default: float
    held: Held | None = None
    """Where the unit reports its rate, or its number for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """Units of the same maker that cannot be used, such as a successor with other messages."""

    name_prefix: tuple[str, ...]
    service_uuids: frozenset[str]
    """What they advertise in place of the profile's own services."""
    text: str
    """Why, for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """How the unit is known on the air."""

    name_prefix: tuple[str, ...]
    name_contains: tuple[str, ...]
    service_uuids: frozenset[str]
    company_ids: frozenset[int]
    unsupported: tuple[Unsupported, ...] = ()
    """Other units that would match else, and cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One type of unit."""

    id: str
    """The file's name: `movella_dot`."""
    name: str
    """What people call it: `Movella DOT`."""
    driver: DriverName
    rotation: Literal["sensor_to_earth", "earth_to_sensor"]
    earth_frame: EarthFrame
    synchronisation: SynchronisationName
    """The code that gives several of these units one clock; empty when they cannot share one."""
    pairing: bool
    """Whether the system has to be paired with the unit first."""
    writable: tuple[str, ...]
    """The only characteristics that are ever written to."""
    match: Match
    battery: Battery | None
    serial: Held | None
    """None when the unit reports it where the Bluetooth standard says (as text), or not at all."""
    rates: Rates
    filter_profile: ChoiceSetting | None
    """How the unit fuses its sensors, where that can be chosen."""
    naming: TextSetting | None
    """Where the unit keeps a name that people give it."""
    setup: tuple[Write, ...]
    streams: Mapping[str, Stream]
    prefer: tuple[str, ...]
    """Streams, the best first; the first that the unit and the link can carry is used."""
    case: Case | None
    """None where its axes cannot be seen from outside, or are not known."""
    notes: str
    evidence: Mapping[str, Evidence]
    """What of `EVIDENCE_OF` rests on what; empty where the profile does not say."""

    @property
    def sets_rate(self) -> bool:
        """Return whether the unit is told its rate; else its own firmware or app decides."""
        writes = [*self.setup, *(write for one in self.streams.values() for write in one.start)]
        of_rate = {"rate", "period_ms", "code"}
        return self.driver not in ("toml", "metamotion") or any(
            of_rate & write.template.names for write in writes
        )


def write_values(rates: Rates, rate_hz: float) -> dict[str, float]:
    """Return the numbers that commands can ask for: rate, period_ms, code where there is one."""
    values = {"rate": rate_hz, "period_ms": 1000.0 / rate_hz}
    if rates.codes:
        values["code"] = rates.codes[rate_hz]
    return values
