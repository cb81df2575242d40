"""A live session over Bluetooth: find the units, hold their links, feed the session.

The same code runs real radios and the virtual wearer's, which stands in for the system's Bluetooth
behind bleak.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import click

from analysis.exercises import Dose, Exercise
from hipturn import __version__, own_exercises
from hipturn.errors import UserError
from hipturn.session.keys import watched_keys
from hipturn.session.live import LiveSession
from hipturn.session.lsl import LslDisplay, load_library
from hipturn.session.open_links import Air, OpenLinks, WornUnit
from hipturn.session.pipeline import Tracker
from hipturn.session.terminal import Display, open_display
from hipturn.session_paths import recordings_root
from hipturn.units.calibration_file import Calibration
from hipturn.units.kit import KitUnit, never_checked
from hipturn.units.unit_setup import SCAN_S, by_address, find_by_serial, not_in_range, the_one
from hipturn.words import ENGLISH, Said, Words, units_said, words_of
from imu.air.link import UnitLink
from imu.air.link_state import Link, LinkEvent
from imu.air.radio_errors import Backend
from imu.air.scan import Found, find
from imu.conventions.gravity_witness import GravityWitness
from imu.conventions.reread import convention_of
from imu.drivers import Driver, driver_for
from imu.profiles.profile import load_profiles
from imu.recording import SessionHeader, SessionWriter, check_space, recorded_side, session_folder
from imu.sample import Clock, Sample, Segment, Side, Unit

Place = tuple[Segment, Side | None]


@dataclass(frozen=True, slots=True)
class Strapped:
    """A unit on the air and where it is strapped."""

    place: Place
    found: Found
    driver: Driver

    @property
    def unit(self) -> Unit:
        """Return the unit as session.json describes it."""
        segment, side = self.place
        return Unit(
            segment=segment,
            side=side,
            profile=self.found.profile.name,
            name=self.found.name,
            address=self.found.address,
            **self.driver.unit_fields(),
        )

    @property
    def rejected(self) -> Mapping[str, int]:
        """Return how many of its messages could not be read, by reason."""
        return self.driver.rejected

    def moved(self, place: Place) -> Strapped:
        """Return the same unit, worn at another place."""
        return replace(self, place=place)

    def witness(self) -> GravityWitness:
        """Return what watches whether its profile reads it rightly."""
        return GravityWitness(convention_of(self.driver.profile, self.driver.stream))

    def link(
        self,
        index: int,
        deliver: Callable[[Sample], None],
        note: Callable[[LinkEvent], None],
        clock_ns: Callable[[], int],
        air: Air,
    ) -> Link:
        """Return its link over Bluetooth."""
        return UnitLink(
            self.found.device,
            self.driver,
            index,
            deliver,
            note,
            clock_ns,
            connect_lock=air.lock,
            backend=air.backend,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a live session is to be."""

    exercise: str
    wearer: str = ""
    source: str = "live"
    title: str = ""
    notes: tuple[str, ...] = ()
    clock: Clock = "independent"
    """Whether the units were given one clock."""
    seconds: float | None = None
    root: str | None = None
    active: bool | None = None
    """Whether the wearer moves the leg (or a helper does); None when it was not stated."""
    is_test: bool = False
    lsl: bool = False
    """Whether to stream to Lab Streaming Layer too."""
    dose: Dose | None = None
    """What is asked for; None: what the exercise's source asks for."""
    visit: dict[str, Any] | None = None
    """The visit, the plan and the item that the session is of, as `declared` keeps them."""
    calibration: Calibration | None = None
    """How the units sit, where it is known; one knee bend then takes the place of the steps."""
    language: str = ENGLISH
    """Of what the terminal says."""

    @property
    def words(self) -> Words:
        """Return the texts of the language."""
        return words_of(self.language)

    def say(self, text: str) -> None:
        """Print a line in the language of the terminal."""
        click.echo(self.words.said(text))

    @property
    def entry(self) -> Exercise:
        """Return the exercise, of the catalogue or the user's own.

        Raises
        ------
        analysis.exercises.CatalogueError
            When there is none.
        """
        return own_exercises.find(self.exercise, recordings_root(self.root))


class Audience(Protocol):
    """Receives a session: makes its display, and may command it once it has begun."""

    def display(self, tracker: Tracker, title: str) -> Display:
        """Return where the session is shown."""

    def began(
        self,
        session: LiveSession,
        units: Sequence[Unit],
        links: Sequence[Link],
        clock_ns: Callable[[], int],
    ) -> None:
        """Know that the links are being made."""


class TerminalAudience:
    """The terminal: a drawn read-out, or plain lines when the output is not a terminal."""

    def __init__(self, words: Words) -> None:
        """Wait for a session."""
        self._words = words
        self._session: LiveSession | None = None

    def display(self, tracker: Tracker, title: str) -> Display:
        """Return the terminal."""
        return open_display(tracker.exercise, title, self._words)

    def began(self, session: LiveSession, *_: object) -> None:
        """Know which session the keys are for."""
        self._session = session

    def mark(self) -> None:
        """Mark that a trial is asked for now."""
        if self._session is not None:
            self._session.mark("trial")
            self._session.display.say(Said("led.trial_marked"))


async def strap(
    wanted: Mapping[Place, KitUnit], say: Callable[[str], None], backend: Backend | None = None
) -> list[Strapped]:
    """Find the units wanted, each by address or name, or else by a remembered serial number.

    Units named by address end the scan as soon as all are heard. With a name it is listened out,
    for another unit of that name may be heard last.

    Raises
    ------
    UserError
        When a unit is not in range, a name fits several, or one unit is named for two places.
    imu.air.radio_errors.RadioError
        When this computer cannot scan.
    """
    say(Said("units.looking_for"))

    def all_here(seen: Sequence[Found]) -> bool:
        return all(by_address(unit.address, seen) for unit in wanted.values())

    unusable: dict[str, str] = {}
    profiles = load_profiles()
    seen = await find(SCAN_S, profiles, backend=backend, until=all_here, unusable=unusable)
    chosen: dict[Place, Found] = {}
    for place, unit in wanted.items():
        found = the_one(unit.address, seen)
        if found is None:
            free = [one for one in seen if one not in chosen.values()]
            found = await find_by_serial(unit, free, backend)
        if found is None:
            raise not_in_range(unit.address, seen, unusable)
        chosen[place] = found
    strapped = [
        Strapped(place, found, driver_for(found.profile)) for place, found in chosen.items()
    ]
    check_places(strapped)
    return strapped


def check_places(strapped: Sequence[WornUnit]) -> None:
    """Refuse a unit for two places, and two units for one.

    Raises
    ------
    UserError
        Names the unit, or the place.
    """
    for a, b in itertools.combinations(strapped, 2):
        one, other = a.unit, b.unit
        if one.address == other.address and one.address:
            unit = f"{one.name} ({one.address})" if one.name else one.address
            raise UserError(
                Said("trouble.named_twice", name=unit, unit=one.label, other=other.label)
            )
        if a.place == b.place:
            names = f"{one.address or one.name}, {other.address or other.name}"
            raise UserError(Said("trouble.two_on_one", unit=one.label, names=names))


async def run_session(
    strapped: Sequence[WornUnit],
    wish: Wish,
    *,
    backend: Backend | None = None,
    ended: asyncio.Event | None = None,
    clock_ns: Callable[[], int] | None = None,
    begun: Callable[[Path], None] = lambda _: None,
    key: Callable[[str], None] = lambda _: None,
) -> Path:
    """Stream, calibrate, count and record until asked to stop; return the session's folder.

    Ends by `ended` (a virtual wearer is done), the wish's seconds, the key q, Ctrl-C or SIGTERM.
    `begun` is called with the folder as soon as it exists, `key` with every other key pressed.

    Raises
    ------
    KeyboardInterrupt
        When stopped by Ctrl-C or SIGTERM; the session is closed then.
    imu.air.radio_errors.RadioError
        When a unit never sent data; a session without a sample is removed.
    UserError
        When it was ended before any sample came.
    """
    stop, interrupted = ended or asyncio.Event(), asyncio.Event()
    audience = TerminalAudience(wish.words)

    def pressed(pressed_key: str) -> None:
        if pressed_key == "q":
            stop.set()
        elif pressed_key == "m":
            audience.mark()
        else:
            key(pressed_key)

    with stopping(stop, interrupted), watched_keys(pressed):
        try:
            folder = await hold_session(
                strapped,
                wish,
                stop,
                backend=backend,
                clock_ns=clock_ns,
                begun=begun,
                audience=audience,
            )
        except UserError:
            if not interrupted.is_set():
                raise
    if interrupted.is_set():
        raise KeyboardInterrupt
    return folder


async def hold_session(
    strapped: Sequence[WornUnit],
    wish: Wish,
    stop: asyncio.Event,
    *,
    backend: Backend | None = None,
    clock_ns: Callable[[], int] | None = None,
    begun: Callable[[Path], None] = lambda _: None,
    audience: Audience | None = None,
    links: OpenLinks | None = None,
) -> Path:
    """Stream, calibrate, count and record until `stop`; return the session's closed folder.

    With `links` that are open, the session listens to those of `strapped` and leaves them open; its
    time counts from its first sample. Without, it makes and ends links of its own.

    Raises
    ------
    imu.air.radio_errors.RadioError
        When a unit never sent data; a session without a sample is removed.
    UserError
        When it was ended before any sample came, or a unit's profile reads it wrongly.
    """
    check_places(strapped)
    audience = audience or TerminalAudience(wish.words)
    session, writer = _begin(strapped, wish, audience)
    session.when_done, session.seconds = stop.set, wish.seconds
    begun(writer.folder)
    try:
        if links is None:
            clock = clock_ns or clock_from_now()
            own = OpenLinks(strapped, clock, backend)
            # units may be silent; a virtual wearer's clock may race, so its samples give the time
            if wish.seconds is not None and backend is None:
                asyncio.get_running_loop().call_later(wish.seconds, stop.set)
            units = units_said(unit.label for unit in own.units)
            session.display.say(Said("led.connecting", units=units))
            with own.followed(session, stop, from_now=True) as listener:
                audience.began(session, own.units, own.links, clock)
                await own.run(stop)
        else:
            with links.followed(session, stop, strapped) as listener:
                audience.began(session, listener.units, listener.links, listener.clock_ns)
                await stop.wait()
        if listener.failure is not None:
            raise listener.failure
        session.finish()
    finally:
        session.display.close()
        _end(session, writer)
    if session.misread:
        raise UserError(Said("trouble.misread", why=session.misread, folder=str(writer.folder)))
    if not session.samples:
        raise UserError(Said("trouble.no_sample"))
    return writer.folder


def _begin(
    strapped: Sequence[WornUnit], wish: Wish, audience: Audience
) -> tuple[LiveSession, SessionWriter]:
    """Create the session on disk, and what follows and shows it."""
    exercise = wish.entry.with_dose(wish.dose)
    if wish.lsl:
        load_library()  # before a session is begun, if it cannot be
    units = tuple(one.unit for one in strapped)
    unchecked = never_checked(units) if wish.source == "live" else []
    started_at, side = datetime.now().astimezone(), recorded_side(units)
    folder = session_folder(recordings_root(wish.root), started_at, exercise.id, side)
    header = SessionHeader(
        started_at=started_at,
        exercise=exercise.id,
        side=side,
        units=units,
        source=wish.source,
        software=f"hipturn {__version__}",
        wearer=wish.wearer,
        clock=wish.clock,
        notes=(*wish.notes, *unchecked),
    )
    given = wish.calibration.for_units(units) if wish.calibration else None
    tracker = Tracker(units, wish.clock, exercise, guided=True, given=given)
    nearly_full = check_space(folder.parent)
    writer = SessionWriter.create(folder, header)
    own = own_exercises.stored(exercise)
    if wish.active is not None or wish.is_test or wish.dose or own or wish.visit:
        writer.event(
            {
                "type": "declared",
                "time_s": 0.0,
                "active": wish.active,
                "test": wish.is_test,
                "dose": wish.dose.to_json() if wish.dose is not None else None,
                "exercise": own,
                **(wish.visit or {}),
            }
        )

    def display_of(tracker: Tracker) -> Display:
        shown = audience.display(tracker, wish.title or exercise.name)
        return LslDisplay(shown, tracker.units, folder.name) if wish.lsl else shown

    display = display_of(tracker)
    if nearly_full:
        display.say(nearly_full)
    session = LiveSession(tracker, display, writer)
    session.reopen = display_of
    session.witnesses = [one.witness() for one in strapped]
    for sentence in unchecked:
        display.say(sentence)
    return session, writer


def clock_from_now() -> Callable[[], int]:
    """Return a monotonic clock in nanoseconds that begins at 0 now."""
    zero_ns = time.monotonic_ns()
    return lambda: time.monotonic_ns() - zero_ns


def _end(session: LiveSession, writer: SessionWriter) -> None:
    """Close a session, or remove it when nothing ever arrived."""
    if session.samples:
        writer.close()
    else:
        writer.discard()


@contextmanager
def stopping(stop: asyncio.Event, interrupted: asyncio.Event) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the session from inside the loop, so that links are closed."""
    loop = asyncio.get_running_loop()

    def end(*_: object) -> None:
        interrupted.set()
        loop.call_soon_threadsafe(stop.set)

    before = {name: signal.signal(name, end) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
