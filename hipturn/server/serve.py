"""Serves the page: on this computer only, or on one address of the network."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from hipturn.errors import UserError
from hipturn.server.app import Obey, build_app
from hipturn.server.commands import MAX_BYTES
from hipturn.server.guard import Door
from hipturn.server.hub import Hub
from hipturn.server.library import Library

PORT = 8777
"""Any free number would do; this one is short to type."""
PORTS_TRIED = 10
"""Several sessions on one computer each find a port."""
STARTING_S = 5.0
"""A server that has not started by then will not start."""
PING_S = 15.0
"""A viewer that answers no ping for this long is gone."""
WARNING = (
    "Anyone on this network who has this link can see and control your session.\n"
    "Use it only on a network that you trust, at home for example; nothing is encrypted."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageChoice:
    """How the page is served."""

    lan: bool = False
    port: int | None = None
    """None: the usual one, or the next that is free."""
    open_browser: bool = True
    hosts: tuple[str, ...] = field(default=())
    """More names under which this computer may be asked."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the page is."""

    bound: socket.socket
    door: Door
    url: str
    """With the token, where one is needed."""


def bind(choice: PageChoice) -> Place:
    """Take an address and a port.

    Raises
    ------
    UserError
        When there is no network, or the port is taken.
    """
    address = lan_address() if choice.lan else "127.0.0.1"
    bound = _listening(address, choice.port)
    port = int(bound.getsockname()[1])
    token = secrets.token_urlsafe(16) if choice.lan else ""
    door = Door.of(address, port, token, choice.hosts)
    return Place(bound, door, f"http://{address}:{port}/" + (f"?t={token}" if token else ""))


def _listening(address: str, port: int | None) -> socket.socket:
    wanted = [port] if port is not None else range(PORT, PORT + PORTS_TRIED)
    for number in wanted:
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if sys.platform != "win32":  # there it would share the port with another program
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((address, number))
        except OSError as error:
            bound.close()
            reason = error
        else:
            return bound
    taken = f"port {port}" if port is not None else f"ports {PORT} to {PORT + PORTS_TRIED - 1}"
    raise UserError(
        f"{taken} of {address} cannot be used ({reason.strerror}): end the other hipturn, or choose"
        " another with --port"
    )


def lan_address() -> str:
    """Return this computer's address on its network; nothing is sent to find it.

    Raises
    ------
    UserError
        When it is on no network.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation, RFC 5737
            address = str(probe.getsockname()[0])
        except OSError:
            address = ""
    if not address or address.startswith("127."):
        raise UserError("this computer is on no network: join one, or leave out --lan")
    return address


def announce(place: Place, choice: PageChoice, say: Callable[[str], None]) -> None:
    """Say where the page is, with a warning and a code where it is on the network."""
    if choice.lan:
        import segno

        say(WARNING)
        if sys.stdout.isatty():
            segno.make(place.url, error="l").terminal(compact=True)
    say(f"page: {place.url}")


@contextmanager
def _no_signals(_: uvicorn.Server) -> Iterator[None]:
    """Leave Ctrl-C to the session, which closes its recording first."""
    yield


@asynccontextmanager
async def served(
    place: Place, hub: Hub, library: Library, obey: Obey, greeting: dict[str, Any]
) -> AsyncIterator[None]:
    """Serve the page in this event loop, beside the radio links, until the block is left."""
    app = build_app(hub, place.door, library, obey, greeting=greeting)
    config = uvicorn.Config(
        app,
        ws="websockets-sansio",
        http="h11",
        loop="none",
        lifespan="off",
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        ws_max_size=MAX_BYTES,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        ws_per_message_deflate=False,
        limit_concurrency=64,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    server.capture_signals = lambda: _no_signals(server)  # type: ignore[method-assign]
    task = asyncio.create_task(server.serve(sockets=[place.bound]))
    try:
        async with asyncio.timeout(STARTING_S):
            while not server.started and not task.done():  # noqa: ASYNC110 (uvicorn has no other sign)
                await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await task


def open_browser(url: str) -> None:
    """Open the page without waiting: some browsers answer only when they are closed."""
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
