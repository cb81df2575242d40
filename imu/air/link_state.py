"""What links to units share: states, events and counts; how long one waits between tries."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class LinkState(StrEnum):
    """Where a link is in its life."""

    CLOSED = "closed"
    """Not run yet, or over."""
    SEARCHING = "searching"
    """Waiting for its turn, then scanning for the unit's address."""
    CONNECTING = "connecting"
    """Waiting for its turn, then connecting."""
    STARTING = "starting"
    """Subscribing, writing set-up and start commands, and waiting for the first sample."""
    STREAMING = "streaming"
    """Samples come."""
    SILENT = "silent"
    """Connected, and nothing was heard for a second: the unit may yet send what it measured."""
    STOPPING = "stopping"
    """Writing stop commands where the unit still listens, and disconnecting."""
    LOST = "lost"
    """Waiting a moment before the next try."""


class LinkEventKind(StrEnum):
    """What happened to a link."""

    STATE = "state"
    """The link went into another state."""
    CONNECTED = "connected"
    """The first sample of the first connection is about to be delivered."""
    RECONNECTED = "reconnected"
    """The first sample of a later connection is about to be delivered: a new clock epoch begins."""
    LOST = "lost"
    """The data stopped."""
    FAILED = "failed"
    """A try to connect or start failed, for a reason other than that of the try before."""
    OVERFLOW = "overflow"
    """Notifications were thrown away because the queue was full; `value` tells how many so far."""
    UNREADABLE = "unreadable"
    """Part of what the unit sends cannot be read; the rest goes on."""
    MOVED = "moved"
    """The unit is heard under another address, known by its serial number."""
    BACK = "back"
    """The data goes on after it was lost, by the same clock."""
    ASKED = "asked"
    """Something is asked of the wearer; `text` tells what."""
    BATTERY = "battery"
    """The unit told its charge; `value` is in percent."""


@dataclass(frozen=True, slots=True)
class LinkEvent:
    """Something that happened to a link."""

    unit: int
    kind: LinkEventKind
    host_time_ns: int
    """By the link's clock; of `connected` and `reconnected`, when the first sample arrived."""
    state: LinkState
    text: str = ""
    """Of `lost`, `failed`, `unreadable`, `moved` and `asked`: what is wrong and what to do."""
    value: int | None = None


@dataclass(slots=True)
class LinkCounts:
    """What a link did so far."""

    notifications: int = 0
    """Notifications decoded."""
    samples: int = 0
    """Samples delivered."""
    overflowed: int = 0
    """Notifications thrown away because the queue was full."""
    connections: int = 0
    """Connections on which samples arrived."""


class Link(ABC):
    """The link to one unit, on the air or a phone's: its state, and what happens to it.

    Parameters
    ----------
    unit
        `Sample.unit` and `LinkEvent.unit`.
    note
        Takes each event, in order with the samples.
    clock_ns
        The session's monotonic clock.
    """

    def __init__(
        self, unit: int, note: Callable[[LinkEvent], None], clock_ns: Callable[[], int]
    ) -> None:
        self.counts = LinkCounts()
        self.battery_percent: int | None = None
        self._unit, self._note, self._clock_ns = unit, note, clock_ns
        self._state = LinkState.CLOSED

    @property
    def state(self) -> LinkState:
        """Return where the link is in its life."""
        return self._state

    @property
    @abstractmethod
    def label(self) -> str:
        """Return what people know the unit by."""

    @abstractmethod
    async def run(self, stop: asyncio.Event) -> None:
        """Keep the unit streaming until told to stop; stop and let it go however this ends.

        Raises
        ------
        imu.air.radio_errors.RadioError
            When the unit never sent data and trying again does not help.
        """

    def _enter(self, state: LinkState) -> None:
        """Go into a state and tell."""
        if state is not self._state:
            self._state = state
            self._tell(LinkEventKind.STATE)

    def _tell(
        self,
        kind: LinkEventKind,
        at_ns: int | None = None,
        *,
        text: str = "",
        value: int | None = None,
    ) -> None:
        at_ns = self._clock_ns() if at_ns is None else at_ns
        self._note(LinkEvent(self._unit, kind, at_ns, self._state, text, value))


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTiming:
    """How long a link waits for what, in seconds."""

    search_s: float = 10.0
    """For a unit to be heard."""
    connect_s: float = 20.0
    """For a unit to be connected and tell its services."""
    start_s: float = 30.0
    """For set-up and start commands; synchronising a set of units takes 14 s."""
    give_way_s: float = 0.5
    """For a lost unit to answer, while another link waits to connect: some advertising intervals.
    With n units lost at once a unit that is back waits for at most n − 1 of these."""
    patience_s: float = 15.0
    """For how long after its first failure a unit that never sent a sample is tried again."""
    search_after: int = 2
    """Failures in a row after which the unit is searched for again."""
    first_pause_s: float = 0.125
    """Before the first try to reconnect; doubles with each failure."""
    longest_pause_s: float = 1.0
    first_data_s: float = 3.0
    """For a unit to send after its start command; some let their filters settle first."""
    unreadable_s: float = 2.0
    """For a unit that sends messages to send one that can be read."""
    shortest_silence_s: float = 1.0
    """A unit silent for this long, and for ten samples, is said to be silent."""
    silence_samples: float = 10.0
    drop_silences: float = 4.0
    """After so many such silences the link is given up and made anew. Radios stall for a second or
    two and then deliver all that the unit kept meanwhile; a link dropped too early loses it."""
    probe_s: float = 1.0
    """For a silent unit to answer a reading: an error says that the link is gone."""
    look_s: float = 0.1
    """How often a connection is looked at."""
    serial_s: float = 2.0
    """For a unit to tell its serial number."""
    stop_s: float = 2.0
    """For the stop commands on the way out."""
    disconnect_s: float = 3.0
    battery_period_s: float = 60.0
    battery_s: float = 5.0
    """For a reading of the battery."""

    def pause_s(self, failures: int) -> float:
        """Return how long to wait after so many failures in a row."""
        return min(self.longest_pause_s, self.first_pause_s * 2.0 ** min(failures, 10))

    def silence_s(self, rate_hz: float) -> float:
        """Return after how long a unit is said to be silent."""
        return max(self.shortest_silence_s, self.silence_samples / rate_hz)

    def drop_s(self, rate_hz: float) -> float:
        """Return after how long a silent unit's link is given up."""
        return self.drop_silences * self.silence_s(rate_hz)


DEFAULT_TIMING = LinkTiming()
