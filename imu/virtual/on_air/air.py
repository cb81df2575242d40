"""The air between emulated units and their listeners: it drives the units from the event loop.

`imu.virtual.on_air.backend` puts it behind bleak. Time on the air is the wearer's: it stands still
at 0 until all units have been asked to start measuring, so finding and connecting takes nothing
away from the motion, and the same wearer sends the same bytes however long that took.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Protocol

from imu.virtual.units.dot_unit import DotUnit
from imu.virtual.units.sensors import SensorTrace

# The last samples of a motion wait for a connection event.
LAST_EVENT_S = 0.1
# Packets of one connection event are half a millisecond apart; all are handed over at once.
GATHER_S = 0.001


class Link(Protocol):
    """The holder of the link to a unit."""

    def notified(self, uuid: str, payload: bytes) -> None:
        """Take a notification."""

    def lost(self) -> None:
        """Know that the link is over."""


class VirtualAir:
    """Emulated units within reach.

    Parameters
    ----------
    units
        With distinct addresses.
    speed
        Seconds of the wearer in a second of the event loop. With None there is no waiting: time
        goes from one event to the next as fast as they can be worked off, other tasks have their
        turn after each, and it stands still while a unit that was lost and is back in reach has not
        been started again; at the end of the motion it stops.

    Attributes
    ----------
    units : tuple of DotUnit
    ended : asyncio.Event
        Set when the motion is over and its last samples were sent. Units measure ten minutes more.

    Raises
    ------
    ValueError
        When there are no units, two have the same address, or the speed is not above 0.
    """

    def __init__(self, units: Sequence[DotUnit], speed: float | None = 1.0) -> None:
        if not units or len({unit.address for unit in units}) < len(units):
            raise ValueError("give one or more virtual units, each with an address of its own")
        if speed is not None and not 0.0 < speed < math.inf:
            raise ValueError(f"speed ({speed}) must be above 0, or None for no waiting at all")
        self.units = tuple(units)
        self.ended = asyncio.Event()
        self._speed = speed
        self._end_s = max(unit.end_s for unit in units) + LAST_EVENT_S
        self._free = {unit.address: asyncio.Event() for unit in units}
        for free in self._free.values():
            free.set()
        self._links: dict[str, Link] = {}
        self._awaited: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._begun_s = self._reached_s = 0.0
        self._timer: asyncio.Handle | None = None

    @property
    def now_s(self) -> float:
        """Return the time on the wearer's clock."""
        if self._loop is None or self._speed is None:
            return self._reached_s
        return (self._loop.time() - self._begun_s) * self._speed

    def clock_ns(self) -> int:
        """Return the time on the wearer's clock in nanoseconds, a session's clock."""
        return round(self.now_s * 1e9)

    def advertising(self) -> list[DotUnit]:
        """Return the units that can be heard: in reach, and without a link."""
        return [unit for unit in self.units if self._free[unit.address].is_set()]

    def unit(self, address: str) -> DotUnit | None:
        """Return the unit of an address, however that is written; None when there is none."""
        wanted = address.lower()
        return next((unit for unit in self.units if unit.address.lower() == wanted), None)

    async def connect(self, unit: DotUnit, link: Link) -> None:
        """Give the link to a unit, as soon as the unit can be heard."""
        free = self._free[unit.address]
        await asyncio.sleep(0.0)
        while not free.is_set():
            await free.wait()
        free.clear()
        self._links[unit.address] = link

    def disconnect(self, unit: DotUnit, link: Link) -> None:
        """Take the link back; nothing happens when it is over already."""
        if self._links.get(unit.address) is link:
            del self._links[unit.address]
            unit.release()
            if unit.root_address:
                unit.follow(self.unit(unit.root_address))
            self._free[unit.address].set()
            self._plan()

    def subscribe(self, unit: DotUnit, uuid: str, *, wanted: bool) -> None:
        """Switch notifications of a characteristic on or off."""
        unit.subscribe(uuid, wanted=wanted)

    def write(self, unit: DotUnit, uuid: str, value: bytes) -> None:
        """Send a command.

        Raises
        ------
        imu.virtual.units.dot_layout.RefusedError
            When the unit does not know it.
        """
        unit.write(uuid, value, self.now_s)
        if unit.measuring:
            self._awaited.discard(unit.address)
        if self._loop is None and all(unit.told_to_start for unit in self.units):
            self._loop = asyncio.get_running_loop()
            self._begun_s = self._loop.time()
        self._plan()

    def go_on(self, traces: Sequence[SensorTrace]) -> float:
        """Let the units that are named do another motion from now on; return when it begins.

        `ended` is set again when that is over.
        """
        at_s = self.now_s if self._loop is not None else self._end_s
        for trace in traces:
            for unit in self.units:
                if (unit.segment, unit.side) == (trace.segment, trace.side):
                    unit.go_on(trace, at_s)
        self._end_s = max(unit.end_s for unit in self.units) + LAST_EVENT_S
        self.ended.clear()
        self._plan()
        return at_s

    def _plan(self) -> None:
        """Set the timer for what comes next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        next_s = self._next_s()
        if self._loop is None or next_s == math.inf:
            return
        if self._speed is not None:
            at_s = self._begun_s + next_s / self._speed + GATHER_S
            self._timer = self._loop.call_at(at_s, self._turn)
        elif not self.ended.is_set() and not self._standing():
            self._timer = self._loop.call_soon(self._turn, next_s)

    def _next_s(self) -> float:
        """Return when something happens next."""
        now_s = self.now_s
        moments = [unit.next_s(now_s) for unit in self.units]
        if not self.ended.is_set():
            moments.append(self._end_s)
        return min(moments)

    def _standing(self) -> bool:
        """Return whether time stands still for a unit that is back and not yet started again."""
        back = (self.unit(address) for address in self._awaited)
        return any(unit is not None and unit.in_reach(self._reached_s) for unit in back)

    def _turn(self, next_s: float = 0.0) -> None:
        """Do all that is due."""
        self._reached_s = max(self._reached_s, self.now_s, next_s)
        for unit in self.units:
            self._serve(unit, self._reached_s)
        if self._reached_s >= self._end_s:
            self.ended.set()
        self._plan()

    def _serve(self, unit: DotUnit, now_s: float) -> None:
        """Let one unit send, break its link and come back."""
        while unit.breaks_s <= now_s:
            self._send(unit, unit.breaks_s)
            self._break(unit)
        if unit.in_reach(now_s) and unit.address not in self._links:
            self._free[unit.address].set()
        self._send(unit, now_s)

    def _send(self, unit: DotUnit, now_s: float) -> None:
        """Hand over what a unit sends."""
        link = self._links.get(unit.address)
        if link is not None:
            for uuid, payload in unit.due(now_s):
                link.notified(uuid, payload)

    def _break(self, unit: DotUnit) -> None:
        """Take a unit out of reach."""
        unit.break_link()
        self._free[unit.address].clear()
        link = self._links.pop(unit.address, None)
        if link is not None:
            self._awaited.add(unit.address)
            link.lost()
