"""The open links of a visit's units, which one session after the other listens to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from analysis.calibrate.guide import Step
from hipturn.plan import SideChoice
from hipturn.session.live import LiveSession
from hipturn.session.spoken import asked
from hipturn.units.link_news import LinkNews
from imu.air.link import ConnectLock
from imu.air.link_state import Link, LinkEvent, LinkState
from imu.air.radio_errors import Backend
from imu.conventions.gravity_witness import GravityWitness
from imu.sample import Sample, Side, Unit

if TYPE_CHECKING:
    from hipturn.session.radio_session import Place


class Air(NamedTuple):
    """What the links of one radio share."""

    lock: ConnectLock
    backend: Backend | None


class WornUnit(Protocol):
    """A unit and where it is strapped: on the air, or a phone."""

    @property
    def place(self) -> Place:
        """Return where it is strapped."""

    @property
    def unit(self) -> Unit:
        """Return the unit as session.json describes it."""

    @property
    def rejected(self) -> Mapping[str, int]:
        """Return how much of what it sent could not be read, by reason."""

    def moved(self, place: Place) -> WornUnit:
        """Return the same unit, worn at another place."""

    def witness(self) -> GravityWitness:
        """Return what watches whether its profile reads it rightly."""

    def link(
        self,
        index: int,
        deliver: Callable[[Sample], None],
        note: Callable[[LinkEvent], None],
        clock_ns: Callable[[], int],
        air: Air,
    ) -> Link:
        """Return its link; samples and events carry `index` as their unit."""


class OpenLinks:
    """The links of strapped units, which one session after the other listens to.

    Parameters
    ----------
    strapped
        The units; a place may change later by `wear`, the link stays.
    clock_ns
        What samples are stamped with.
    backend
        Stands in for the system's Bluetooth.
    """

    def __init__(
        self,
        strapped: Sequence[WornUnit],
        clock_ns: Callable[[], int],
        backend: Backend | None = None,
    ) -> None:
        self.strapped: list[WornUnit] = list(strapped)
        self.clock_ns = clock_ns
        self.listener: Callable[[Sample], None] | None = None
        """Receives the samples while no session does."""
        self._heard: _Listener | None = None
        air = Air(ConnectLock(), backend)
        self.links = [
            one.link(index, self._take, self._note, clock_ns, air)
            for index, one in enumerate(strapped)
        ]

    @property
    def units(self) -> list[Unit]:
        """Return the units as a session describes them."""
        return [one.unit for one in self.strapped]

    @property
    def silent(self) -> list[str]:
        """Return the labels of the units whose link brings nothing now."""
        pairs = zip(self.units, self.links, strict=True)
        return [unit.label for unit, link in pairs if link.state is not LinkState.STREAMING]

    async def ready(self) -> None:
        """Wait for what people have to do first; of units on the air that is nothing."""

    @property
    def asking(self) -> str:
        """Return the place that another unit asks for, which a person has to allow; or nothing."""
        return ""

    def admit(self) -> None:
        """Give that place to the unit that asks for it."""

    def on(self, side: SideChoice) -> list[WornUnit]:
        """Return the units of one leg, or of both, and that of the pelvis."""
        return [one for one in self.strapped if one.place[1] in (None, side) or side == "both"]

    def wear(self, place_of: Callable[[Place], Place]) -> None:
        """Take that every unit is worn at another place."""
        self.strapped = [one.moved(place_of(one.place)) for one in self.strapped]

    async def run(self, stop: asyncio.Event) -> None:
        """Hold a link to every unit until asked to stop.

        Raises
        ------
        imu.air.radio_errors.RadioError
            When a unit never sent data.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                for link in self.links:
                    tasks.create_task(link.run(stop))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    @contextmanager
    def followed(
        self,
        session: LiveSession,
        stop: asyncio.Event,
        strapped: Sequence[WornUnit] | None = None,
        *,
        from_now: bool = False,
    ) -> Iterator[_Listener]:
        """Let a session listen to some of the units, all of them unless they are named.

        Its time counts from its first sample, or, with `from_now`, is that of the links' clock.
        """
        kept = [i for i, one in enumerate(self.strapped) if strapped is None or one in strapped]
        self._heard = listener = _Listener(self, session, stop, kept, 0 if from_now else None)
        try:
            yield listener
        finally:
            listener.end()
            self._heard = None

    def _take(self, sample: Sample) -> None:
        if self._heard is not None:
            self._heard.take(sample)
        elif self.listener is not None:
            self.listener(sample)

    def _note(self, event: LinkEvent) -> None:
        if self._heard is not None:
            self._heard.note(event)


class _Listener:
    """A session that listens to open links: its own numbers of units, its own time."""

    def __init__(
        self,
        links: OpenLinks,
        session: LiveSession,
        stop: asyncio.Event,
        kept: Sequence[int],
        zero_ns: int | None,
    ) -> None:
        self._all, self._session, self._stop = links, session, stop
        self._index = {unit: index for index, unit in enumerate(kept)}
        self._zero_ns = zero_ns
        self._worn = [links.strapped[unit] for unit in kept]
        self._rejected = [dict(one.rejected) for one in self._worn]
        self.units = [one.unit for one in self._worn]
        self.links = [links.links[unit] for unit in kept]
        self.failure: Exception | None = None
        """What went wrong with the session; its links are not to blame."""
        self.news = LinkNews(session, self._ask)
        for unit in kept:  # what streams already
            if links.links[unit].state is LinkState.STREAMING:
                self.news.streams(self._index[unit])

    def clock_ns(self) -> int:
        """Return the session's time in nanoseconds; 0 before its first sample."""
        return 0 if self._zero_ns is None else self._all.clock_ns() - self._zero_ns

    def take(self, sample: Sample) -> None:
        """Hand a sample on; a session that cannot take it ends."""
        unit = self._index.get(sample.unit)
        if unit is None or self.failure is not None:
            return
        if self._zero_ns is None:
            self._zero_ns = sample.host_time_ns
        at_ns = sample.host_time_ns - self._zero_ns
        try:
            self._session.take(sample._replace(unit=unit, host_time_ns=at_ns))
        except Exception as error:  # it is raised where the session is held
            self.failure = error
            self._stop.set()

    def note(self, event: LinkEvent) -> None:
        """Hand on what happened to a link."""
        unit = self._index.get(event.unit)
        if unit is not None:
            zero_ns = event.host_time_ns if self._zero_ns is None else self._zero_ns
            at_ns = event.host_time_ns - zero_ns
            self.news.note(replace(event, unit=unit, host_time_ns=at_ns))

    def end(self) -> None:
        """Record what could not be read meanwhile."""
        since = [
            {reason: count - before.get(reason, 0) for reason, count in one.rejected.items()}
            for one, before in zip(self._worn, self._rejected, strict=True)
        ]
        self.news.ended(since, self.clock_ns())

    def _ask(self) -> None:
        """Ask the wearer for the first step once every unit streams."""
        tracker = self._session.tracker
        side, step = next(iter(tracker.steps.items()), (Side.RIGHT, Step.STAND))
        self._session.display.say(asked(step, tracker.exercise, tracker.bends_asked(side)))
