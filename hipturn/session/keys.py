"""Keys pressed while a session runs; nothing where standard input is no terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

POLL_S = 0.1
"""A key is answered within this time."""


@contextmanager
def watched_keys(pressed: Callable[[str], None]) -> Iterator[None]:
    """Call back for every key, without waiting for Enter, inside a running event loop."""
    if not sys.stdin or not sys.stdin.isatty():
        yield
        return
    if sys.platform == "win32":
        with _windows_keys(pressed):
            yield
    else:
        with _posix_keys(pressed):
            yield


if sys.platform != "win32":
    import termios
    import tty

    @contextmanager
    def _posix_keys(pressed: Callable[[str], None]) -> Iterator[None]:
        loop, terminal = asyncio.get_running_loop(), sys.stdin.fileno()
        before = termios.tcgetattr(terminal)
        tty.setcbreak(terminal)
        loop.add_reader(terminal, lambda: pressed(sys.stdin.read(1)))
        try:
            yield
        finally:
            loop.remove_reader(terminal)
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)
else:
    import msvcrt

    @contextmanager
    def _windows_keys(pressed: Callable[[str], None]) -> Iterator[None]:
        async def poll() -> None:
            while True:
                await asyncio.sleep(POLL_S)
                while msvcrt.kbhit():
                    pressed(msvcrt.getwch())

        task = asyncio.get_running_loop().create_task(poll())
        try:
            yield
        finally:
            task.cancel()
