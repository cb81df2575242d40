"""Serves the page: on this computer only, or on one address of the network."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import threading
import webbrowser
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from hipturn.errors import UserError
from hipturn.server.app import Obey, build_app
from hipturn.server.commands import MAX_BYTES
from hipturn.server.door.certificate import Identity, given_identity, own_identity
from hipturn.server.door.guard import Door
from hipturn.server.door.link import new_token, own_token
from hipturn.server.door.porter import Porter
from hipturn.server.hub import Hub
from hipturn.server.library import Library
from hipturn.words import Said

PORT = 8777
"""Any free number would do; this one is short to type."""
PORTS_TRIED = 10
"""Several sessions on one computer each find a port."""
STARTING_S = 30.0
"""A server that has not started by then will not start; a busy computer takes ten seconds."""
PING_S = 15.0
"""A viewer that answers no ping for this long is gone."""
WARNING = "Anyone on this network who has this link can see and control your session.\n"
IN_THE_CLEAR = "Use it only on a network that you trust, at home for example; nothing is encrypted."


Know = Callable[[Any], None]
"""Takes the address of a connection that showed the token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageChoice:
    """How the page is served."""

    lan: bool = False
    port: int | None = None
    """None: the usual one, or the next that is free."""
    open_browser: bool = True
    hosts: tuple[str, ...] = field(default=())
    """More names under which this computer may be asked."""
    tls: bool = False
    """Encrypted, on the network only."""
    certificate: tuple[Path, Path] | None = None
    """One's own certificate and key, in place of one made here."""
    language: str = ""
    """Of pages on which none was chosen, two letters; empty: the wearer's, else the browser's."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the page is."""

    bound: socket.socket
    door: Door
    url: str
    """With the token."""
    tls: ssl.SSLContext | None = None
    fingerprint: str = ""
    """Of the certificate, as a browser shows it."""


def bind(choice: PageChoice) -> Place:
    """Take an address and a port.

    Raises
    ------
    UserError
        When there is no network, or the port is taken.
    """
    address = lan_address() if choice.lan else "127.0.0.1"
    identity = _identity(choice, address) if choice.tls else None
    bound = listening(address, choice.port)
    port = int(bound.getsockname()[1])
    token = new_token() if choice.lan else own_token()
    door = Door.of(address, port, token, choice.hosts, tls=choice.tls)
    # a certificate of one's own is for a name, which --allow-host tells
    name = choice.hosts[0] if choice.certificate and choice.hosts else address
    url = f"{'https' if choice.tls else 'http'}://{name}:{port}/?t={token}"
    if identity is None:
        return Place(bound, door, url)
    return Place(bound, door, url, identity.context, identity.fingerprint)


def _identity(choice: PageChoice, address: str) -> Identity:
    if choice.certificate is not None:
        return given_identity(*choice.certificate)
    return own_identity(address)


def listening(address: str, port: int | None) -> socket.socket:
    """Return a socket bound to a port of an address; None: the usual one, or the next free one.

    Raises
    ------
    UserError
        When it cannot be used.
    """
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
        raise UserError(Said("trouble.no_network"))
    return address


def encrypted_text(place: Place) -> str:
    """Return what to say of an encrypted page."""
    return (
        "It is encrypted. A certificate made here has nobody to vouch for it, so the browser warns;"
        f" go on only if the warning names {place.bound.getsockname()[0]} and the certificate has"
        f" this SHA-256 fingerprint:\n{place.fingerprint}"
    )


def announce(place: Place, choice: PageChoice, say: Callable[[str], None]) -> None:
    """Say where the page is, with a warning and a code where it is on the network."""
    if choice.lan:
        import segno

        say(WARNING + (IN_THE_CLEAR if place.tls is None else encrypted_text(place)))
        if sys.stdout.isatty():
            segno.make(place.url, error="l").terminal(compact=True)
    say(f"page: {place.url}")


@contextmanager
def _no_signals(_: uvicorn.Server) -> Iterator[None]:
    """Leave Ctrl-C to the session, which closes its recording first."""
    yield


class _Server(uvicorn.Server):
    """Speaks HTTP and WebSocket on connections that the porter takes."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002
        """Begin; uvicorn would take connections without end here."""
        self.servers = []
        self.started = True

    def protocol(self) -> asyncio.Protocol:
        """Return what speaks on one connection."""
        make: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = make(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol


@asynccontextmanager
async def served(
    place: Place, hub: Hub, library: Library, obey: Obey, greeting: dict[str, Any]
) -> AsyncIterator[None]:
    """Serve the page in this event loop, beside the radio links, until the block is left."""

    def app_of(know: Know) -> ASGIApp:
        return build_app(hub, place.door, library, obey, greeting=greeting, know=know)

    async with serving(place.bound, app_of, place.tls):
        yield


@asynccontextmanager
async def serving(
    bound: socket.socket, app_of: Callable[[Know], ASGIApp], tls: ssl.SSLContext | None = None
) -> AsyncIterator[None]:
    """Serve an application on a bound socket, in this event loop, until the block is left.

    The application says of each connection that showed a token that it is known (`Know`).
    """
    porter = Porter(bound, tls)
    app = app_of(porter.know)
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
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    server.capture_signals = lambda: _no_signals(server)  # type: ignore[method-assign]
    task = asyncio.create_task(server.serve(sockets=[bound]))
    async with asyncio.timeout(STARTING_S):
        while not server.started and not task.done():  # noqa: ASYNC110 (uvicorn has no other sign)
            await asyncio.sleep(0.01)
    door = asyncio.create_task(porter.work(server.protocol))
    try:
        yield
    finally:
        door.cancel()
        server.should_exit = True
        await asyncio.gather(door, task, return_exceptions=True)
        await porter.close()


def open_browser(path: Path) -> None:
    """Open a local file without waiting: some browsers answer only when they are closed."""
    threading.Thread(target=webbrowser.open, args=(path.as_uri(),), daemon=True).start()
