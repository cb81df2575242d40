"""How many connections there may be, how long a stranger may stay, and who is let go first.

Whoever has not shown the token is a stranger, has `STRANGER_S` in all, and makes room for the next
one. So connections that ask for nothing cost the wearer neither the page nor the file descriptors
that units and recordings need.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

STRANGER_S = 5.0
"""From the connection to a whole request with the token, encryption included."""
STRANGERS_PER_ADDRESS = 16
"""Twice what a browser opens at once, before it has the cookie."""
STRANGERS = 48
"""Three such addresses; beyond, the address with the most makes room."""
RESERVE = 64
"""File descriptors kept for units, recordings and reports."""
BACKLOG = 128
BETWEEN_S = 0.005
"""Between two connections taken: a flood of them leaves the event loop to the session."""
CLOSING_S = 0.1
"""For connections to see their end before the event loop has its own."""
AGAIN_S = 0.1
"""After an accept that the system refused, for want of descriptors for example."""


@dataclass(eq=False, slots=True)
class _Visitor:
    link: socket.socket
    address: str
    known: bool = False

    @property
    def here(self) -> bool:
        return self.link.fileno() >= 0

    def show_out(self) -> None:
        with contextlib.suppress(OSError):
            self.link.shutdown(socket.SHUT_RDWR)  # its transport sees the end, and closes


class Porter:
    """Takes the connections of a bound socket, in the session's own event loop.

    Parameters
    ----------
    bound
        The socket to listen at.
    tls
        What connections are encrypted with; None in the clear.
    """

    def __init__(self, bound: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        self._bound, self._tls = bound, tls
        self._visitors: dict[tuple[str, int], _Visitor] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        bound.setblocking(False)
        bound.listen(BACKLOG)  # from now on whoever comes waits

    def know(self, client: tuple[str, int] | None) -> None:
        """Take a connection for one of ours: it has shown the token."""
        visitor = self._visitors.get(client) if client else None
        if visitor is not None:
            visitor.known = True

    async def close(self) -> None:
        """Show everybody out: an encrypted connection would wait for its other side to say so."""
        for visitor in self._visitors.values():
            if visitor.here:
                visitor.show_out()
        await asyncio.sleep(CLOSING_S)

    async def work(self, make_protocol: Callable[[], asyncio.Protocol]) -> None:
        """Take connections until cancelled."""
        loop = asyncio.get_running_loop()
        while self._bound.fileno() >= 0:
            try:
                link, address = await loop.sock_accept(self._bound)
            except OSError:
                await asyncio.sleep(AGAIN_S)
                continue
            self._take(link, address, make_protocol)
            await asyncio.sleep(BETWEEN_S)

    def _take(
        self,
        link: socket.socket,
        address: tuple[str, int],
        make_protocol: Callable[[], asyncio.Protocol],
    ) -> None:
        client = (str(address[0]), int(address[1]))  # as uvicorn names it to the guard
        self._visitors = {key: one for key, one in self._visitors.items() if one.here}
        if not self._room_for(link, client[0]):
            link.close()
            return
        visitor = self._visitors[client] = _Visitor(link, client[0])
        task = asyncio.create_task(self._greet(visitor, make_protocol))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _room_for(self, link: socket.socket, address: str) -> bool:
        """Make room, at a stranger's cost; return whether there is some."""
        strangers = [one for one in self._visitors.values() if not one.known]  # oldest first
        by_address = Counter(one.address for one in strangers)
        # the system gives the lowest free number: as many descriptors are open as this one says
        scarce = link.fileno() > highest_descriptor()
        if by_address[address] >= STRANGERS_PER_ADDRESS:
            crowd = address
        elif scarce or len(strangers) >= STRANGERS:
            crowd = by_address.most_common(1)[0][0] if strangers else ""
        else:
            return True
        oldest = next((one for one in strangers if one.address == crowd), None)
        if oldest is None:
            return False
        oldest.show_out()
        del self._visitors[next(key for key, one in self._visitors.items() if one is oldest)]
        return True

    async def _greet(
        self, visitor: _Visitor, make_protocol: Callable[[], asyncio.Protocol]
    ) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(STRANGER_S, lambda: None if visitor.known else visitor.show_out())
        handshake_s = STRANGER_S if self._tls else None
        with contextlib.suppress(OSError):  # gone again, or no encryption: nobody to tell
            visitor.link.setblocking(False)
            await loop.connect_accepted_socket(
                make_protocol, visitor.link, ssl=self._tls, ssl_handshake_timeout=handshake_s
            )


def highest_descriptor() -> int:
    """Return up to which number a connection's descriptor may go, `RESERVE` below the limit."""
    if sys.platform == "win32":
        return sys.maxsize  # no numbers there, and no such limit
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return sys.maxsize
    return max(limit - RESERVE, limit // 2)
