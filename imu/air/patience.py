"""Wait out troubles that pass, as after a resume or beside another program that scans."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container
from typing import TypeVar

from bleak import BleakClient
from bleak.backends.device import BLEDevice

from imu.air.link_state import DEFAULT_TIMING, LinkTiming
from imu.air.radio_errors import (
    NEEDS_A_PERSON,
    PASSES,
    RADIO_ERRORS,
    Backend,
    RadioError,
    Trouble,
    explain,
    trouble_of,
)

T = TypeVar("T")

PASSES_IN_A_CONNECT = frozenset(Trouble) - NEEDS_A_PERSON - {Trouble.NOT_FOUND}


async def patiently(
    step: Callable[[], Awaitable[T]],
    passes: Container[Trouble] = PASSES,
    timing: LinkTiming = DEFAULT_TIMING,
) -> T:
    """Return what a step gives; do it again, after growing pauses, while its trouble may pass.

    Raises
    ------
    RadioError
        When the trouble does not pass by itself, or has not within `timing.patience_s`.
    """
    until_s, failures = asyncio.get_running_loop().time() + timing.patience_s, 0
    while True:
        try:
            return await step()
        except RADIO_ERRORS as error:
            failures += 1
            trouble, pause_s = trouble_of(error), timing.pause_s(failures)
            over = asyncio.get_running_loop().time() + pause_s > until_s
            if trouble not in passes or over:
                raise RadioError(trouble, explain(error)) from error
        await asyncio.sleep(pause_s)


def client_of(
    device: BLEDevice | str,
    backend: Backend | None = None,
    *,
    gone: Callable[[BleakClient], None] | None = None,
    pair: bool = False,
    timeout_s: float = DEFAULT_TIMING.connect_s,
) -> BleakClient:
    """Return what connects to a unit.

    Windows is asked not to believe its cache of a unit's services: it keeps those of older
    firmware, for units that are not paired.
    """
    return BleakClient(
        device,
        gone,
        timeout=timeout_s,
        pair=pair,
        winrt={"use_cached_services": False},
        backend=backend.client if backend else None,
    )
