"""What `hipturn live` starts: real units, or a virtual wearer's."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from analysis.exercises import Exercise
from hipturn.course import Course, Stage
from hipturn.errors import UserError
from hipturn.plan import REST_S, SideChoice
from hipturn.safety import tell
from hipturn.session.keys import watched_keys
from hipturn.session.live import LiveSession
from hipturn.session.one_clock import give_one_clock
from hipturn.session.pipeline import Tracker
from hipturn.session.radio_session import Wish, run_session, stopping, strap
from hipturn.session.rigs import Rig, enacted, places_of, wanted_units
from hipturn.session.terminal import Display, open_display
from hipturn.session.virtual_session import NOTE, VIRTUAL, settings_for, write_truth
from hipturn.session.visiting import TICK_S, Host
from hipturn.session_paths import recordings_root
from hipturn.units.kit import KitUnit
from hipturn.units.shake import tell_apart
from hipturn.units.unit_setup import SCAN_S
from hipturn.visit import Visit
from hipturn.words import Said, Words
from imu.air.radio_errors import Backend
from imu.air.scan import find
from imu.profiles.profile import load_profiles
from imu.recording import rescue_orphans
from imu.virtual.on_air.backend import backend_of
from imu.virtual.wearer import on_air

UNANSWERED = "not answered"
"""Stands for an answer to a question that sensors cannot answer, where nobody can type."""


def start_virtual(
    wish: Wish,
    side: SideChoice = "right",
    *,
    seed: int = 1,
    speed: float | None = None,
    synchronise: bool = False,
) -> Path:
    """Run a session of a virtual wearer, on the air of its own; return the session's folder.

    The truth of what the wearer did stands beside the samples. Without a speed (times real time) it
    runs as fast as it can; `synchronise` gives the units one clock first.
    """
    entry = wish.entry
    tell_rescued(wish.root)
    tell(recordings_root(wish.root), wish.wearer, wish.say)
    try:
        settings = (
            None
            if wish.dose is None
            else settings_for(enacted(entry), side, seed, wish.dose, REST_S)
        )
        air, wearing = on_air(enacted(entry), side, seed, settings, speed)
    except ValueError as error:  # the virtual wearer does not do this exercise, or not so
        raise UserError(str(error)) from None
    backend = Backend(*backend_of(air))
    wanted = {(unit.segment, unit.side): KitUnit(unit.address) for unit in wearing.units}
    wish = replace(
        wish,
        wearer=wish.wearer or VIRTUAL,
        source="virtual",
        title=f"{entry.name} — virtual wearer",
        notes=(NOTE, *asked(entry)),
    )

    async def run() -> Path:
        strapped = await strap(wanted, wish.say, backend)
        clock = await give_one_clock(strapped, wish.say, backend) if synchronise else wish.clock
        return await run_session(
            strapped,
            replace(wish, clock=clock),
            backend=backend,
            ended=air.ended,
            clock_ns=air.clock_ns,
            begun=lambda folder: write_truth(folder, wearing),
        )

    return asyncio.run(run())


def start_radio(
    wish: Wish,
    side: SideChoice,
    named: Mapping[str, str | None],
    *,
    synchronise: bool = False,
) -> Path:
    """Run a session with the units named, those remembered, or those that are shaken."""
    wanted = wanted_units(side, named)
    tell(recordings_root(wish.root), wish.wearer, wish.say)
    wish = replace(wish, notes=asked(wish.entry))
    tell_rescued(wish.root)

    async def run() -> Path:
        if wanted:
            strapped = await strap(wanted, wish.say)
        else:
            wish.say(Said("units.looking"))
            seen = await find(SCAN_S, load_profiles())
            strapped = await tell_apart(seen, places_of(side), wish.say)
        clock = await give_one_clock(strapped, wish.say) if synchronise else wish.clock
        return await run_session(strapped, replace(wish, clock=clock))

    return asyncio.run(run())


def tell_rescued(root: str | None) -> None:
    """Rescue the sessions whose writer died, and say so before a new one starts."""
    for folder, rescue in rescue_orphans(recordings_root(root)):
        click.echo(f"{folder}: {rescue.sentence}")


def asked(exercise: Exercise) -> tuple[str, ...]:
    """Return a note for each question of an exercise, asked where someone can type an answer."""
    can_type = sys.stdin is not None and sys.stdin.isatty()
    return tuple(f"{question} – {_answer(question, can_type)}" for question in exercise.questions)


def _answer(question: str, can_type: bool) -> str:
    if not can_type:
        return UNANSWERED
    said = str(click.prompt(question, default="", show_default=False)).strip()
    return said or UNANSWERED


class TerminalFront:
    """A visit in the terminal: nobody taps, so it goes on by itself wherever it can."""

    def __init__(self, visit: Visit, done: Callable[[Path], None], words: Words) -> None:
        """Show a visit; `done` is told each closed session."""
        self._visit, self._done, self._words = visit, done, words
        self.session: LiveSession | None = None
        self._asked = ""

    def tell(self) -> None:
        """Say nothing: what matters is said as it happens."""

    def show(self, **more: Any) -> None:  # noqa: ANN401 (JSON)
        """Say what the wearer is asked for."""
        asked_for = more.get("ask", "")
        if asked_for and asked_for != self._asked:
            self._asked = asked_for
            click.echo(self._words.said(asked_for))

    def say(self, text: str) -> None:
        """Print a line."""
        click.echo(self._words.said(text))

    def put_off(self, ident: str) -> None:
        """Do nothing: a line that was printed is not shown any longer."""

    def recount(self, side: str, by: int) -> None:
        """Do nothing: nobody takes a repetition back here."""

    def display(self, tracker: Tracker, title: str) -> Display:
        """Return the terminal, below a line that says what comes."""
        walk = self._visit.walk
        self.say(
            Said(
                "visit.item",
                plan=walk.course.name,
                leg=walk.legs_done + 1,
                of=walk.legs,
                exercise=walk.item.exercise.name,
                side=walk.step.side,
            )
        )
        if walk.item.asked.instead:
            self.say(Said("visit.choose", exercises=", ".join(walk.item.asked.instead)))
        return open_display(tracker.exercise, title, self._words)

    def began(self, session: LiveSession, *_: object) -> None:
        """Know which session the keys are for."""
        self.session = session

    def recorded(self, folder: Path) -> None:
        """Say how it went."""
        self.session = None
        self._done(folder)

    async def check(self) -> None:
        """Refuse: `hipturn doctor --units` leads through it here."""
        raise UserError(Said("trouble.check_elsewhere"))


def walk_plan(
    course: Course,
    rig_of: Callable[[bool], Rig],
    done: Callable[[Path], None],
    *,
    virtual: bool,
    synchronise: bool = False,
) -> None:
    """Do a visit in the terminal, from the first session to the last.

    Raises
    ------
    KeyboardInterrupt
        When stopped by Ctrl-C or SIGTERM; the session is closed then.
    UserError
        When a unit or an exercise is at fault, with what to do about it.
    """
    rig = rig_of(virtual)
    wish = rig.wish()
    tell_rescued(wish.root)
    told = "" if virtual else wish.wearer
    tell(recordings_root(wish.root), told, wish.say)
    asyncio.run(_walk(course, rig_of, done, virtual=virtual, synchronise=synchronise))


async def _walk(
    course: Course,
    rig_of: Callable[[bool], Rig],
    done: Callable[[Path], None],
    *,
    virtual: bool,
    synchronise: bool,
) -> None:
    visit = Visit(course, waits=rig_of(virtual).speed is not None)
    visit.virtual, visit.stage, visit.delay_s = virtual, Stage.TODAY, 0
    front = TerminalFront(visit, done, rig_of(virtual).wish().words)
    host = Host(visit, rig_of, front, synchronise=synchronise)
    interrupted, over = asyncio.Event(), asyncio.Event()

    def pressed(key: str) -> None:
        if key == "q" and "stop" in visit.can():
            host.command("stop")
        elif key == "m" and front.session is not None:
            front.session.mark("trial")

    with stopping(over, interrupted), watched_keys(pressed):
        follower = asyncio.create_task(host.follow())
        try:
            while visit.stage is not Stage.SUMMARY and not visit.problem and not over.is_set():
                go_on_alone(host)
                await asyncio.sleep(TICK_S / 2.0)
        finally:
            await host.close()
            follower.cancel()
    if interrupted.is_set():
        raise KeyboardInterrupt
    if visit.problem:
        raise UserError(visit.problem)


def go_on_alone(host: Host) -> None:
    """Do the one thing that a visit waits for a person to tap, where nobody is there to tap."""
    visit = host.visit
    over = visit.now_s >= visit.until_s or not visit.waits
    moves = visit.stage is Stage.RESULT and visit.session == "none" and visit.strap_moves and over
    if moves and (later := visit.walk.next_step) is not None:
        host.front.say(Said("visit.move", side=later.side))
    taps = {Stage.TODAY: "next", Stage.UNITS: "next", Stage.STRAPS: "done", Stage.READY: "start"}
    do = "next" if moves else taps.get(visit.stage, "")
    if do in visit.can():
        host.command(do)
