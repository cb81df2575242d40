"""An event loop that does not wait: its clock jumps to the next thing that is due.

All that waits here is on the loop's own clock, and sockets within one process are read as soon as
they were written to. So minutes of radio take as long as they take to compute.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Jumping(selectors.DefaultSelector):
    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if events or timeout is None or timeout <= 0:
            return events if events or timeout is not None else super().select(0.01)
        self.now_s += timeout
        return []


class FastLoop(asyncio.SelectorEventLoop):
    """A loop whose time is that of what it runs."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s

    def jump(self, seconds: float) -> None:
        """Let time pass in which nothing runs, as in a computer that sleeps."""
        self._jumping.now_s += seconds


def run_fast(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end without waiting."""
    with asyncio.Runner(loop_factory=FastLoop) as runner:
        return runner.run(main)


def clock_ns() -> int:
    """Return the running loop's time, as a session's clock."""
    return round(asyncio.get_running_loop().time() * 1e9)
