"""Decides which requests the page's server answers.

Loopback is open to this computer's own user; a network needs the token of this run. Host names are
compared whole, so that a name a stranger's DNS answers for (`localhost.evil.example`) is refused,
and the origin of every socket must be one of our own, so that no other page can command a session.
"""

from __future__ import annotations

import hmac
import http.cookies
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
COOKIE = "hipturn"
READING = ("GET", "HEAD")
COOKIE_RULES = "; HttpOnly; SameSite=Lax; Path=/"
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self' ws://{host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Door:
    """Which names the server answers to, and the token that a network needs."""

    hosts: frozenset[str]
    """Host names without port, lower case."""
    port: int
    token: str = ""
    """Empty on loopback."""

    @classmethod
    def of(cls, address: str, port: int, token: str = "", more: Iterable[str] = ()) -> Door:
        """Return the door of a bound address: its own name, loopback's if it is that, and more."""
        own = LOOPBACK if address in ("127.0.0.1", "::1") else (address,)
        return cls(frozenset(name.lower() for name in (*own, *more)), port, token)

    def knows_host(self, host: str) -> bool:
        """Return whether a Host header is one of our names, exactly, with our port or none."""
        name, port = split_port(host.lower())
        return name in self.hosts and port in ("", str(self.port))

    def knows_origin(self, origin: str) -> bool:
        """Return whether an Origin header is a page of ours."""
        scheme, _, host = origin.partition("://")
        return scheme == "http" and split_port(host)[1] != "" and self.knows_host(host)

    def knows_token(self, given: str) -> bool:
        """Return whether a token is ours, in a time that does not tell how much of it is."""
        return hmac.compare_digest(given.encode(), self.token.encode())


def split_port(host: str) -> tuple[str, str]:
    """Return name and port of a Host header; what follows a colon and is no number stays."""
    name, colon, port = host.rpartition(":")
    if colon and port.isdigit() and not name.endswith(":"):
        return name, port
    return host, ""


class Guard:
    """Lets through what the door allows; everything else ends here."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or socket."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if scope["type"] == "websocket":
            if refusal is None:
                await self._app(scope, receive, send)
            else:
                await receive()  # the handshake
                await send({"type": "websocket.close", "code": 1008})  # answers 403
            return
        host = headers.get("host", "")

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_headers_for(host)]
            await send(message)

        answer: ASGIApp = refusal if refusal is not None else self._app
        await answer(scope, receive, guarded)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """Return what to answer instead, or None when the request may pass."""
        door = self._door
        if len(headers.getlist("host")) != 1 or not door.knows_host(headers["host"]):
            return PlainTextResponse("hipturn does not answer to this name.\n", 400)
        if scope["type"] == "websocket":
            if not door.knows_origin(headers.get("origin", "")):
                return PlainTextResponse("", 403)
        elif scope["method"] not in READING:
            return PlainTextResponse("Only reading is done this way.\n", 405)
        if not door.token:
            return None
        if door.knows_token(_cookie(headers)):
            return None
        query = urllib.parse.parse_qs(scope["query_string"].decode("latin-1"))
        if scope["type"] == "http" and door.knows_token(query.get("t", [""])[0]):
            answer = RedirectResponse("/", 303)
            answer.headers["set-cookie"] = f"{COOKIE}={door.token}{COOKIE_RULES}"
            return answer
        return PlainTextResponse(
            "Open the link, or scan the code, that hipturn printed when it started.\n", 403
        )


def _cookie(headers: Headers) -> str:
    try:
        jar = http.cookies.SimpleCookie(headers.get("cookie", "")[:4096])
    except http.cookies.CookieError:
        return ""
    return jar[COOKIE].value if COOKIE in jar else ""


def _headers_for(host: str) -> list[tuple[bytes, bytes]]:
    named = {**SECURITY_HEADERS, "Content-Security-Policy": POLICY.format(host=host)}
    return [(name.lower().encode(), value.encode()) for name, value in named.items()]
