"""`hipturn live --phone`: codes for the phones, what to say, and the session with them."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click

from hipturn.phone.listener import Listener, phones_welcome
from hipturn.phone.phyphox import EXPERIMENT, PhyphoxPhone, codes
from hipturn.phone.worn import WornPhone
from hipturn.plan import SideChoice
from hipturn.safety import tell
from hipturn.session.radio_session import Place, Wish, run_session, strap
from hipturn.session.rigs import wanted_units
from hipturn.session.start import asked, tell_rescued
from hipturn.session_paths import recordings_root
from hipturn.units.kit import KitUnit
from hipturn.words import Said
from imu.sample import Segment, Side

PHONE = "phone"
"""What `--shank` and the others name in place of a unit on the air."""
NEVER_TRIED = (
    "Phones were tried in simulation and in browsers with made-up sensors only, never on a person;"
    " expect the level of an angle to be right within about 3°."
)
"""A note of the recording, and so in English."""
CLOSE_DOOR_S = 1.5
"""For the phones to be told that they may be taken off."""


def start_phones(
    wish: Wish,
    side: SideChoice,
    named: Mapping[str, str | None],
    *,
    address: str | None = None,
    phyphox: str | None = None,
) -> Path:
    """Run a session with phones, and with the units on the air that are named beside them.

    Raises
    ------
    click.UsageError
        When a place is named that the side does not have.
    hipturn.errors.UserError
        As of a session, and when phones cannot connect to this computer.
    """
    phones, units = divided(side, named)
    shank = next((one for one in phones if one.place[0] is Segment.SHANK), None)
    if phyphox is not None and (shank is None or side == "both"):
        raise click.UsageError(Said("trouble.phyphox_named"))
    app = PhyphoxPhone(phyphox, shank.at) if phyphox is not None and shank is not None else None
    browsers = [one for one in phones if app is None or one is not shank]
    tell(recordings_root(wish.root), wish.wearer, wish.say)
    tell_rescued(wish.root)
    wish = replace(wish, notes=(*asked(wish.entry), NEVER_TRIED))

    async def run() -> Path:
        strapped = await strap(units, wish.say) if units else []

        def pressed(key: str) -> None:
            if key == "y":
                for phone in browsers:
                    phone.at.admit()

        async with contextlib.AsyncExitStack() as opened:
            if browsers:
                welcome = phones_welcome([phone.at for phone in browsers], address)
                invite(browsers, await opened.enter_async_context(welcome), wish.say)
            if app is not None:
                invite_phyphox(wish.say)
                await app.ready(wish.say)
                task = asyncio.create_task(app.stream())
                opened.callback(task.cancel)
            folder = await run_session([*strapped, *phones], wish, key=pressed)
            if browsers:
                await asyncio.sleep(CLOSE_DOOR_S)
            return folder

    return asyncio.run(run())


def divided(
    side: SideChoice, named: Mapping[str, str | None]
) -> tuple[list[WornPhone], dict[Place, KitUnit]]:
    """Return the places of phones, and the units of the others; without a name a shank is a phone.

    Raises
    ------
    click.UsageError
        When a place is named that the side does not have.
    """
    given = {option: unit for option, unit in named.items() if unit is not None}
    if PHONE not in given.values():
        legs = (Side.RIGHT, Side.LEFT) if side == "both" else (Side(side),)
        shanks = {f"{leg}_shank": PHONE for leg in legs}
        shank_named = {"shank", *shanks} & given.keys()
        if shank_named:
            raise click.UsageError(Said("trouble.phone_named"))
        given |= shanks
    places: dict[Place, KitUnit] = wanted_units(side, given)
    phones = [WornPhone.on(place) for place, unit in places.items() if unit.address == PHONE]
    return phones, {place: unit for place, unit in places.items() if unit.address != PHONE}


def invite(phones: Sequence[WornPhone], listener: Listener, say: Callable[[str], None]) -> None:
    """Say how each phone gets to its place, with a code to scan where there is a terminal."""
    say(NEVER_TRIED)
    warn(listener, say)
    for phone in phones:
        show_code(phone, listener, say)
        say(_strapping(phone.place[0], phone.at.label))


def warn(listener: Listener, say: Callable[[str], None]) -> None:
    """Say what the phone will say of the connection."""
    say(Said("phones.warns", address=listener.address, fingerprint=listener.fingerprint))


def show_code(phone: WornPhone, listener: Listener, say: Callable[[str], None]) -> None:
    """Show the link of a phone's place, as a code too where there is a terminal."""
    import segno

    url = listener.url(phone.at)
    say(Said("phones.scan", unit=phone.at.label))
    if sys.stdout.isatty():
        segno.make(url, error="l").terminal(compact=True)
    say(Said("looked_at.of", unit=Said("unit_named", unit=phone.at.label), what=url))


def invite_phyphox(say: Callable[[str], None]) -> None:
    """Say how a phone with phyphox becomes the shank's unit, with the codes of our experiment."""
    say(NEVER_TRIED)
    show_experiment(say)
    say(_strapping(Segment.SHANK, "shank"))


def show_experiment(say: Callable[[str], None]) -> None:
    """Say how our experiment gets onto a phone with phyphox."""
    import segno

    say(Said("phones.phyphox"))
    for code in codes():
        if sys.stdout.isatty():
            segno.make(code, error="l", mode="byte").terminal(compact=True)
    say(Said("phones.experiment", path=str(EXPERIMENT)))


def _strapping(segment: Segment, label: str) -> Said:
    """Return how a phone is strapped on."""
    where = Said("phones.then_strap", unit=label, segment=str(segment))
    return Said.together((where, Said("phones.snug"), Said("phones.side_button")))
