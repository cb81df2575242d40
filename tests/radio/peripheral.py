"""A unit on the air: what it measures, what it sends, and how it misbehaves. No D-Bus, no bleak."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

SERVICE = "6a7e0001-5b2c-4d7e-9a51-0c8f2b6d4e10"
DATA = "6a7e0002-5b2c-4d7e-9a51-0c8f2b6d4e10"
CONTROL = "6a7e0003-5b2c-4d7e-9a51-0c8f2b6d4e10"
BATTERY_SERVICE = "0000180f-0000-1000-8000-00805f9b34fb"
BATTERY = "00002a19-0000-1000-8000-00805f9b34fb"
START, STOP = b"\x01", b"\x00"

PAYLOAD = struct.Struct("<I4hH3h")

Encode = Callable[[int, int], bytes]  # the number of a sample and its time in µs → a payload


def encode_reference(number: int, time_us: int) -> bytes:
    """u32 µs, i16 wxyz / 32767, u16 sequence, i16 rotation rate / 16 in °/s."""
    half = 0.005 * number
    w, x = round(32767 * math.cos(half)), round(32767 * math.sin(half))
    return PAYLOAD.pack(time_us % 2**32, w, x, 0, 0, number % 2**16, 16, 0, 0)


@dataclass
class Characteristic:
    uuid: str
    flags: list[str]
    value: bytes = b""
    notifying: bool = False


def reference_services() -> dict[str, list[Characteristic]]:
    return {
        SERVICE: [Characteristic(DATA, ["notify"]), Characteristic(CONTROL, ["write", "read"])],
        BATTERY_SERVICE: [Characteristic(BATTERY, ["read", "notify"], b"\x57")],
    }


@dataclass
class Peripheral:
    """A unit. It measures from its first start command on, heard or not."""

    address: str
    name: str = "hipturn"
    company_id: int = 0xFFFF
    advertised: list[str] = field(default_factory=lambda: [SERVICE])
    services: dict[str, list[Characteristic]] = field(default_factory=reference_services)
    rssi: int = -60
    mtu: int = 247
    data: str = DATA
    control: str = CONTROL
    start: bytes = START
    stop: bytes = STOP
    encode: Encode = encode_reference
    rate_hz: float = 120.0
    interval_s: float = 0.03
    """Between two connection events; what was measured meanwhile goes out in one burst."""
    begin_us: int = 1_000_000
    """What the unit's clock shows at its first sample."""
    quota: int | None = None
    """Samples to measure; the unit goes on without end when None."""
    drop: float = 0.0
    """Share of samples that the radio swallows."""
    disturb: Callable[[int, bytes], list[bytes]] | None = None
    """What is sent in place of a payload."""
    outages: list[tuple[float, float]] = field(default_factory=list)
    """For each: seconds of streaming until the link breaks, seconds until the unit is in reach."""
    stalls: list[tuple[float, float]] = field(default_factory=list)
    """For each: seconds of streaming until the radio stalls, for how long; the link stands, and
    what was measured meanwhile goes out after it."""
    mute: bool = False
    """Connected, started, and nothing comes."""
    refusals: int = 0
    """Connects still to be refused."""
    reachable: bool = True
    connect_s: float = 0.02
    resolve_s: float = 0.03
    seed: int = 0

    paired: bool = False
    connected: bool = False
    known: bool = False
    """Whether the Bluetooth service has seen it."""
    started: bool = False
    starts: int = 0
    connects: int = 0
    sent: list[bytes] = field(default_factory=list)
    swallowed: int = 0
    """Samples dropped on the air."""
    missed: int = 0
    """Samples measured while nobody listened."""
    waits_s: list[float] = field(default_factory=list)
    """How long each return took, from being reachable again to the first sample."""
    commands: list[tuple[str, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311
        self._began_s: float | None = None
        self._number = 0
        self._due_s = 0.0
        self._heard_s: float | None = None
        self._away_until_s: float | None = None
        self._back_s: float | None = None
        self._stalled_until_s = 0.0
        self.stalled: list[float] = []
        """When each stall began, on the emulation's clock."""

    def characteristic(self, uuid: str) -> Characteristic | None:
        all_of = (c for group in self.services.values() for c in group)
        return next((c for c in all_of if c.uuid == uuid), None)

    def write(self, uuid: str, value: bytes) -> None:
        self.commands.append((uuid, value))
        if uuid == self.control and value == self.start:
            self.started = True
            self.starts += 1
        elif uuid == self.control and value == self.stop:
            self.started = False

    def lose(self) -> None:
        """End the link, from either side."""
        self.connected = self.started = False
        for group in self.services.values():
            for characteristic in group:
                characteristic.notifying = False

    @property
    def measured(self) -> int:
        """How many samples it measured so far."""
        return self._number

    def restart(self) -> None:
        """Switched off and on: clock and counter begin anew."""
        self._began_s = None
        self._number = 0

    def be_back(self, flow_s: float) -> None:
        """Be in reach again; `waits_s` counts from here."""
        self.reachable, self._back_s = True, flow_s

    def tick(self, now_s: float, flow_s: float, break_link: Callable[[], None]) -> list[bytes]:
        """Return what goes out now."""
        self._come_and_go(flow_s, break_link)
        if self._began_s is None:
            if not self.started:
                return []
            self._began_s = now_s
        if now_s < self._due_s or self._stalls(flow_s):
            return []
        self._due_s = now_s + self.interval_s
        due = int((now_s - self._began_s) * self.rate_hz)
        if self.quota is not None:
            due = min(due, self.quota)
        burst: list[bytes] = []
        while self._number < due:
            burst += self._measure(flow_s)
        return burst

    def _stalls(self, flow_s: float) -> bool:
        if self.stalls and self._heard_s is not None:
            streamed_s, stall_s = self.stalls[0]
            if flow_s - self._heard_s >= streamed_s:
                self.stalls.pop(0)
                self._stalled_until_s = flow_s + stall_s
                self._heard_s = self._stalled_until_s
                self.stalled.append(flow_s)
        return flow_s < self._stalled_until_s

    def _measure(self, flow_s: float) -> list[bytes]:
        number, self._number = self._number, self._number + 1
        time_us = self.begin_us + round(number * 1e6 / self.rate_hz)
        data = self.characteristic(self.data)
        if not self.started or data is None or not data.notifying or self.mute:
            self.missed += 1
            return []
        if self._random.random() < self.drop:
            self.swallowed += 1
            return []
        if self._back_s is not None:
            self.waits_s.append(flow_s - self._back_s)
            self._back_s = self._heard_s = None
        if self._heard_s is None:
            self._heard_s = flow_s
        payload = self.encode(number, time_us)
        out = self.disturb(number, payload) if self.disturb else [payload]
        self.sent += out
        return out

    def _come_and_go(self, flow_s: float, break_link: Callable[[], None]) -> None:
        if self._away_until_s is not None:
            if flow_s >= self._away_until_s:
                self._away_until_s = None
                self.be_back(flow_s)
        elif self.outages and self._back_s is None and self._heard_s is not None:
            streamed_s, away_s = self.outages[0]
            if flow_s - self._heard_s >= streamed_s:
                self.outages.pop(0)
                self._away_until_s, self.reachable = flow_s + away_s, False
                break_link()
