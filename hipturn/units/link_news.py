"""Records and says what happens to the units' links: connecting, streaming, lost, back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hipturn.session.live import LiveSession
from hipturn.words import Said
from imu.air.link_state import LinkEvent, LinkEventKind, LinkState
from imu.drivers.reading import Reason, what_is_wrong
from imu.sample import Unit

BATTERY_LEVELS = (5, 15)
"""Percent at which a battery is spoken of: time to charge it after the session, and before."""
SAID = (
    LinkEventKind.LOST,
    LinkEventKind.FAILED,
    LinkEventKind.OVERFLOW,
    LinkEventKind.UNREADABLE,
    LinkEventKind.MOVED,
    LinkEventKind.BACK,
    LinkEventKind.ASKED,
)
PROGRESS = (LinkState.SEARCHING, LinkState.CONNECTING)


class LinkNews:
    """Receives the events of a session's links.

    Parameters
    ----------
    session
        Where they are recorded and said; `LinkEvent.unit` counts into its tracker's units, which
        people may correct meanwhile.
    all_stream
        Called once, when samples of every unit came.
    """

    def __init__(self, session: LiveSession, all_stream: Callable[[], None]) -> None:
        self._session, self._all_stream = session, all_stream
        self._streaming: set[int] = set()
        self._progress: dict[int, LinkState] = {}
        self._charge: dict[int, int] = {}

    def note(self, event: LinkEvent) -> None:
        """Record what happened to a link, and say what matters."""
        session = self._session
        if event.kind is LinkEventKind.STATE:
            # a unit that stays away goes through three a second: for the eye, not the record
            self._tell_progress(event)
            return
        if event.kind is LinkEventKind.RECONNECTED:
            session.reconnected(event.unit, event.host_time_ns)
            self._say(event.unit, Said("news.back"))
            return
        if event.kind is LinkEventKind.LOST:
            session.lost(event.unit, event.host_time_ns)
        session.event(
            "link",
            event.host_time_ns,
            unit=event.unit,
            what=str(event.kind),
            state=str(event.state),
            text=event.text,
            value=event.value,
        )
        if event.kind in SAID:
            back = event.kind is LinkEventKind.BACK
            self._say(event.unit, Said("news.back") if back else event.text)
        elif event.kind is LinkEventKind.CONNECTED:
            self._stream(event.unit)
        elif event.kind is LinkEventKind.BATTERY and event.value is not None:
            self._tell_charge(event.unit, event.value)

    def streams(self, unit: int) -> None:
        """Take that a unit streams already."""
        self._streaming.add(unit)
        if len(self._streaming) == len(self._units):
            self._all_stream()

    def ended(self, rejected: Sequence[Mapping[str, int]], host_time_ns: int) -> None:
        """Record what of each unit could not be read, by the reasons that its driver counted."""
        for unit, reasons in enumerate(rejected):
            # replies and the like are no data
            unread = {r: n for r, n in reasons.items() if r != Reason.OTHER_MESSAGE and n > 0}
            if unread:
                self._session.event(
                    "unread",
                    host_time_ns,
                    unit=unit,
                    unread=sum(unread.values()),
                    cause=what_is_wrong(unread),
                )

    @property
    def _units(self) -> Sequence[Unit]:
        return self._session.tracker.units

    def _tell_progress(self, event: LinkEvent) -> None:
        """Say how far a unit is, until it streams for the first time."""
        unit, doing = event.unit, event.state
        if doing in PROGRESS and unit not in self._streaming and doing != self._progress.get(unit):
            self._progress[unit] = doing
            self._say(unit, Said("news.doing", state=str(doing)))

    def _stream(self, unit: int) -> None:
        self._streaming.add(unit)
        self._say(unit, Said("news.streaming", n=len(self._streaming), of=len(self._units)))
        if len(self._streaming) == len(self._units):
            self._all_stream()

    def _tell_charge(self, unit: int, percent: int) -> None:
        """Say a battery's charge at first, and again when it falls to a level."""
        before = self._charge.get(unit)
        self._charge[unit] = percent
        level = next((level for level in BATTERY_LEVELS if percent <= level), None)
        if level is not None and (before is None or before > level):
            now = level == BATTERY_LEVELS[0]
            self._say(unit, Said("news.charge_now" if now else "news.charge", percent=percent))
        elif before is None:
            self._say(unit, Said("news.battery", percent=percent))

    def _say(self, unit: int, text: str) -> None:
        self._session.display.say(Said("news.unit", unit=self._units[unit].label, what=text))
