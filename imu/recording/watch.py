"""Writes a recording to disk on time while no samples arrive."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any

# A few times in what is left between a full batch and the quarter second that is promised.
CHECK_S = 0.02


class Watch:
    """Calls a method every 20 ms from a thread of its own, until stopped.

    The thread keeps nothing alive: it ends when the method's object is gone, and with the process.
    """

    def __init__(self, method: Callable[[], None]) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=_look_after,
            args=(weakref.WeakMethod(method), self._stop),
            name="session-watch",
            daemon=True,
        )
        self._thread.start()

    def stop(self) -> None:
        """Return when the method is not running and will not run again."""
        self._stop.set()
        if self._thread is not threading.current_thread():
            self._thread.join()


def _look_after(method: weakref.WeakMethod[Any], stop: threading.Event) -> None:
    while not stop.wait(CHECK_S):
        call = method()
        if call is None:
            return
        call()
        del call  # or the object would live as long as this thread
