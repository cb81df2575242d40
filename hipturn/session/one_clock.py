"""`hipturn live --synchronise`: give the units one clock before a session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from bleak import BleakClient

from hipturn.errors import UserError
from hipturn.session.radio_session import Strapped
from hipturn.words import Said, units_said
from imu.air.patience import PASSES_IN_A_CONNECT, client_of, patiently
from imu.air.radio_errors import RADIO_ERRORS, Backend, explain
from imu.drivers.dot_sync import synchronise
from imu.drivers.talk import attempt, set_up
from imu.sample import Clock

LIMIT_S = 120.0
"""Five units need 16 s and two connects each, which may take a few tries."""


def check_synchronisable(strapped: Sequence[Strapped]) -> None:
    """Refuse units that cannot be given one clock.

    Raises
    ------
    UserError
        When one of them cannot, or there is only one.
    """
    for one in strapped:
        if not one.found.profile.synchronisation:
            kind, label = one.found.profile.name, one.unit.label
            raise UserError(Said("one_clock.cannot", kind=kind, unit=label))
    if len(strapped) < 2:
        raise UserError(Said("one_clock.too_few"))


async def give_one_clock(
    strapped: Sequence[Strapped], say: Callable[[str], None], backend: Backend | None = None
) -> Clock:
    """Synchronise the units and say how it went; return whether they share a clock now.

    It takes about a quarter of a minute, and leaves the units disconnected. What goes wrong is
    said, and the session goes on with a clock for each unit.

    Raises
    ------
    UserError
        When the units are not of a kind that can be synchronised.
    """
    check_synchronisable(strapped)
    say(Said("one_clock.working"))
    clients = [client_of(one.found.device, backend) for one in strapped]
    drivers = {id(client): one.driver for client, one in zip(clients, strapped, strict=True)}

    async def rate_of(client: BleakClient) -> None:
        driver = drivers[id(client)]
        await set_up(client, driver.profile, driver.rate_hz)

    try:
        async with asyncio.timeout(LIMIT_S):
            for client in clients:
                await patiently(client.connect, PASSES_IN_A_CONNECT)
            results = await synchronise(clients, lambda client: client.connect(), rate_of)
    except RADIO_ERRORS as error:
        return _each_its_own(say, explain(error))
    except ValueError as error:  # this system hides the units' addresses
        return _each_its_own(say, str(error))
    finally:
        for client in clients:
            await attempt(client.disconnect)
    failed = [one.unit.label for one, good in zip(strapped, results, strict=True) if not good]
    if failed:
        return _each_its_own(say, Said("one_clock.disagree", units=units_said(failed)))
    say(Said("one_clock.shared", n=len(strapped)))
    return "shared"


def _each_its_own(say: Callable[[str], None], why: str) -> Clock:
    say(Said("one_clock.own", why=why))
    return "independent"
