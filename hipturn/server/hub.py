"""The viewers: for each the newest message of each kind, and a bounded queue of events.

Nothing here waits for a viewer. A read-out that was not sent yet is replaced by the next one; a
viewer that cannot keep up sees fewer of them, and never an old one.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

MAX_VIEWERS = 8
"""A wearer, a therapist and their devices; each viewer costs the session time."""
MESSAGES_PER_S = 60.0
"""A screen shows no more pictures a second."""
BURST = 6
"""Messages that may follow one another at once; the mean stays below `MESSAGES_PER_S`."""
MAX_EVENTS = 64
"""Events older than 0.3 s are silent on the page, so the oldest are no loss."""
FRAME = "frame"

Send = Callable[[str], Awaitable[None]]


def encode(message: dict[str, Any]) -> str:
    """Return a message as it goes over the socket: compact JSON, numbers as they are."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


BEGUN_NS = time.monotonic_ns()


def now_ms() -> int:
    """Return milliseconds since the server began, which every message carries as `at`."""
    return (time.monotonic_ns() - BEGUN_NS) // 1_000_000


class Viewer:
    """One open page."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.overflowed = 0
        self._slots: dict[str, str] = {}
        self._events: deque[str] = deque()
        self._wake = asyncio.Event()

    def replace(self, kind: str, text: str) -> None:
        """Put the newest of a kind in place of the one before."""
        self._slots[kind] = text
        self._wake.set()

    def append(self, text: str) -> None:
        """Queue something that happened; the oldest goes when there is no room."""
        if len(self._events) == MAX_EVENTS:
            self._events.popleft()
            self.overflowed += 1
        self._events.append(text)
        self._wake.set()

    def next(self) -> str | None:
        """Return what is to be sent next: what happened, then what changed, then the read-out."""
        if self._events:
            return self._events.popleft()
        for kind in self._slots:
            if kind != FRAME:
                return self._slots.pop(kind)
        return self._slots.pop(FRAME, None)

    async def serve(self, send: Send) -> None:
        """Send what there is, at most `MESSAGES_PER_S`, until cancelled."""
        loop, step_s = asyncio.get_running_loop(), 1.0 / MESSAGES_PER_S
        due_s = loop.time()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while (text := self.next()) is not None:
                await send(text)
                due_s = max(due_s, loop.time() - BURST * step_s) + step_s
                if due_s > loop.time():
                    await asyncio.sleep(due_s - loop.time())


class Hub:
    """All viewers, and the messages that a new one gets first."""

    def __init__(self) -> None:
        self.viewers: list[Viewer] = []
        self.empty = asyncio.Event()
        self.empty.set()
        self.seen = asyncio.Event()
        """Set once the first viewer has joined."""
        self._kept: dict[str, str] = {}
        self._number = 0

    def join(self) -> Viewer | None:
        """Return a new viewer, with the kept messages to send; None when there are too many."""
        if len(self.viewers) >= MAX_VIEWERS:
            return None
        self._number += 1
        viewer = Viewer(self._number)
        for kind, text in self._kept.items():
            viewer.replace(kind, text)
        self.viewers.append(viewer)
        self.empty.clear()
        self.seen.set()
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Forget a viewer."""
        self.viewers.remove(viewer)
        if not self.viewers:
            self.empty.set()

    def newest(self, message: dict[str, Any], *, keep: bool = False) -> None:
        """Send every viewer the newest of its kind; with `keep`, later viewers get it too."""
        kind = str(message["type"])
        if not keep and not self.viewers:
            return
        text = encode({**message, "at": now_ms()})
        if keep:
            self._kept[kind] = text
        for viewer in self.viewers:
            viewer.replace(kind, text)

    def happened(self, what: str, **more: Any) -> None:  # noqa: ANN401 (JSON)
        """Send every viewer an event."""
        if not self.viewers:
            return
        text = encode({"type": "event", "what": what, **more, "at": now_ms()})
        for viewer in self.viewers:
            viewer.append(text)
