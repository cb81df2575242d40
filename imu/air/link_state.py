"""The states, events and counts of a link, and how long it waits between attempts."""

from __future__ import annotations

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
    """Subscribing, then writing set-up and start commands."""
    STREAMING = "streaming"
    STOPPING = "stopping"
    """Writing stop commands where the unit still listens, and disconnecting."""
    LOST = "lost"
    """Waiting a moment before the next try."""


class LinkEventKind(StrEnum):
    """What happened to a link."""

    STATE = "state"
    """The link went into another state."""
    CONNECTED = "connected"
    """The first data of the first connection is about to be delivered."""
    RECONNECTED = "reconnected"
    """The first data of a later connection is about to be delivered: a new clock epoch begins."""
    LOST = "lost"
    """The data stopped."""
    FAILED = "failed"
    """A try to connect or start failed, for a reason other than that of the try before."""
    OVERFLOW = "overflow"
    """Notifications were thrown away because the queue was full; `value` tells how many so far."""
    BATTERY = "battery"
    """The unit told its charge; `value` is in percent."""


@dataclass(frozen=True, slots=True)
class LinkEvent:
    """Something that happened to a link."""

    unit: int
    kind: LinkEventKind
    host_time_ns: int
    """By the link's clock; of `connected` and `reconnected`, when the first data arrived."""
    state: LinkState
    text: str = ""
    """Of `lost` and `failed`: what is wrong and what to do."""
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
    """Connections on which data arrived."""


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
    tries: int = 3
    """How often a unit that never sent data is tried."""
    search_after: int = 2
    """Failures in a row after which the unit is searched for again."""
    first_pause_s: float = 0.125
    """Before the first try to reconnect; doubles with each failure."""
    longest_pause_s: float = 1.0
    first_data_s: float = 3.0
    """For a unit to send after its start command; some let their filters settle first."""
    shortest_silence_s: float = 1.0
    """A unit silent for this long, and for ten samples, is given up and connected anew."""
    silence_samples: float = 10.0
    stop_s: float = 2.0
    """For the stop commands on the way out."""
    disconnect_s: float = 3.0
    battery_period_s: float = 60.0
    battery_s: float = 5.0
    """For a reading of the battery."""

    def pause_s(self, failures: int) -> float:
        """Return how long to wait after so many failures in a row."""
        return min(self.longest_pause_s, self.first_pause_s * 2.0 ** min(failures, 10))


DEFAULT_TIMING = LinkTiming()
