"""Watch one connection until the link or the data is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from bleak import BleakClient

from imu.air.hearing import Hearing
from imu.air.identity import readable
from imu.air.link_state import LinkTiming
from imu.air.radio_errors import (
    LINK_IS_GONE,
    RADIO_ERRORS,
    RadioError,
    Trouble,
    explain,
    trouble_of,
)

# A wake-up later than this says that the computer was busy or asleep, not that the unit was silent.
LATE_S = 0.25


async def watch(
    client: BleakClient,
    gone: asyncio.Event,
    hearing: Hearing,
    rate_hz: float,
    clock_ns: Callable[[], int],
    fell_silent: Callable[[], None],
    timing: LinkTiming,
) -> RadioError:
    """Return what is wrong as soon as the link or the data is gone.

    A silent unit is asked for a reading now and then. No answer says nothing, since a stalled radio
    gives none. An error says that the link is gone, though the system did not tell: so it is after
    a Bluetooth service crashed.

    Parameters
    ----------
    client, gone
        The link, and what is set when the system says that it broke.
    hearing
        What the connection brought.
    rate_hz
        Samples a second that the unit is set to.
    clock_ns
        The clock of `hearing`.
    fell_silent
        Called while nothing is heard.
    timing
        How long to wait for what.
    """
    loop = asyncio.get_running_loop()
    probe: asyncio.Task[RadioError | None] | None = None
    try:
        while True:
            due_s = loop.time() + timing.look_s
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due_s):
                    await gone.wait()
                return RadioError(Trouble.LOST)
            now_ns = clock_ns()
            if loop.time() > due_s + LATE_S:  # what was sent meanwhile is still to be heard
                hearing.excuse(now_ns)
            if (trouble := hearing.trouble(now_ns, rate_hz)) is not None:
                return trouble
            if hearing.silent_s(now_ns) < timing.silence_s(rate_hz):
                continue
            fell_silent()
            if probe is not None and probe.done() and (lost := probe.result()) is not None:
                return lost
            if probe is None or probe.done():
                probe = asyncio.create_task(_probe(client, timing.probe_s))
    finally:
        if probe is not None:
            probe.cancel()


async def _probe(client: BleakClient, limit_s: float) -> RadioError | None:
    """Return that the link is gone when a reading of the unit says so."""
    target = readable(client)
    try:
        async with asyncio.timeout(limit_s):
            if target is not None:
                await client.read_gatt_char(target)
        await asyncio.sleep(limit_s)
    except TimeoutError:
        return None
    except RADIO_ERRORS as error:
        trouble = trouble_of(error)
        return RadioError(trouble, explain(error)) if trouble in LINK_IS_GONE else None
    return None
