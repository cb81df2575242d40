"""What `hipturn live` starts: real units, or a virtual wearer's."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from pathlib import Path

import click

from analysis.exercises import Exercise
from hipturn.errors import UserError
from hipturn.own_exercises import is_own
from hipturn.plan import SideChoice
from hipturn.safety import tell
from hipturn.session.one_clock import give_one_clock
from hipturn.session.questions import asked
from hipturn.session.radio_session import Place, Wish, run_session, strap
from hipturn.session.virtual_session import NOTE, VIRTUAL, settings_for, write_truth
from hipturn.session_paths import recordings_root
from hipturn.units.kit import KitUnit, read_kit
from hipturn.units.shake import tell_apart
from hipturn.units.unit_setup import SCAN_S
from imu.air.radio_errors import Backend
from imu.air.scan import find
from imu.profiles.profile import load_profiles
from imu.recording import rescue_orphans
from imu.sample import Segment, Side
from imu.virtual.on_air.backend import backend_of
from imu.virtual.wearer import on_air


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
    tell(recordings_root(wish.root), wish.wearer, click.echo)
    try:
        settings = (
            None
            if wish.dose is None
            else settings_for(enacted(entry), side, seed, wish.dose, wish.rest_s)
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
        strapped = await strap(wanted, click.echo, backend)
        clock = await give_one_clock(strapped, click.echo, backend) if synchronise else wish.clock
        return await run_session(
            strapped,
            replace(wish, clock=clock),
            backend=backend,
            ended=air.ended,
            clock_ns=air.clock_ns,
            begun=lambda folder: write_truth(folder, wearing),
        )

    return _run(run())


def enacted(exercise: Exercise) -> str:
    """Return the exercise that a virtual wearer does: for an own one, the one that it is like."""
    return exercise.like if is_own(exercise.id) and exercise.like else exercise.id


def start_radio(
    wish: Wish,
    side: SideChoice,
    named: Mapping[str, str | None],
    *,
    synchronise: bool = False,
) -> Path:
    """Run a session with the units named, those remembered, or those that are shaken."""
    wanted = wanted_units(side, named)
    tell(recordings_root(wish.root), wish.wearer, click.echo)
    wish = replace(wish, notes=asked(wish.entry))
    tell_rescued(wish.root)

    async def run() -> Path:
        if wanted:
            strapped = await strap(wanted, click.echo)
        else:
            click.echo("Looking for units…")
            seen = await find(SCAN_S, load_profiles())
            strapped = await tell_apart(seen, places_of(side), click.echo)
        clock = await give_one_clock(strapped, click.echo) if synchronise else wish.clock
        return await run_session(strapped, replace(wish, clock=clock))

    return _run(run())


def tell_rescued(root: str | None) -> None:
    """Rescue the sessions whose writer died, and say so before a new one starts."""
    for folder, rescue in rescue_orphans(recordings_root(root)):
        click.echo(f"{folder}: {rescue.sentence}")


def _run(session: Coroutine[None, None, Path]) -> Path:
    # The Bluetooth service may die during a scan: say so in a sentence of our own.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    return asyncio.run(session)


def places_of(side: SideChoice) -> list[Place]:
    """Return where units go: thigh and shank of each leg."""
    legs = [Side.RIGHT, Side.LEFT] if side == "both" else [Side(side)]
    return [(segment, leg) for leg in legs for segment in (Segment.THIGH, Segment.SHANK)]


def wanted_units(side: SideChoice, named: Mapping[str, str | None]) -> dict[Place, KitUnit]:
    """Return the unit of each place: named on the command line, else remembered in the kit."""
    given: dict[Place, KitUnit] = {}
    for option, unit in named.items():
        if unit is None:
            continue
        told, _, segment = option.rpartition("_")
        if not told and segment != Segment.PELVIS and side == "both":
            raise click.UsageError("with both legs, name --right-thigh, --left-thigh and so on")
        leg = None if segment == Segment.PELVIS else Side(told or side)
        given[Segment(segment), leg] = KitUnit(unit)
    if given:
        return given
    legs = [Side.LEFT, Side.RIGHT] if side == "both" else [Side(side)]
    remembered: dict[Place, KitUnit] = {}
    for place, known in read_kit().items():
        told, _, segment = place.rpartition("-")
        if not told or Side(told) in legs:
            remembered[Segment(segment), Side(told) if told else None] = known
    return remembered
