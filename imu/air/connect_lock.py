"""One connect at a time: radios and Bluetooth services fail when they are asked for two at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

LOOK_S = 0.1  # how often the holder of the radio looks whether another link waits


class ConnectLock:
    """Lets links scan and connect in turn, first come, first served.

    A connect to a unit out of range pends until the unit appears. Held that long, the lock would
    keep away a unit that is back. So a turn ends early once another link waits.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._waiting = 0

    @asynccontextmanager
    async def turn(self, limit_s: float, engaged: Callable[[], bool]) -> AsyncIterator[None]:
        """Hold the radio inside the `async with`.

        Parameters
        ----------
        limit_s
            The longest turn.
        engaged
            Asked while another link waits; the turn ends as soon as it says no.

        Raises
        ------
        TimeoutError
            When the turn was over before its work was done.
        """
        await self._acquire()
        try:
            async with asyncio.timeout(limit_s) as limit:
                loop = asyncio.get_running_loop()
                timer: asyncio.TimerHandle

                def look() -> None:
                    nonlocal timer
                    if limit.expired():
                        return
                    if self._waiting and not engaged():
                        limit.reschedule(loop.time())
                    else:
                        timer = loop.call_later(LOOK_S, look)

                timer = loop.call_later(LOOK_S, look)
                try:
                    yield
                finally:
                    timer.cancel()
        finally:
            self._lock.release()

    async def _acquire(self) -> None:
        self._waiting += 1
        try:
            await self._lock.acquire()
        finally:
            self._waiting -= 1
