"""Decides which requests the page's server answers.

Each needs the token, on loopback too, where every user of this computer can knock. Host names are
compared whole, so that a name a stranger's DNS answers for (`localhost.evil.example`) is refused,
and the origin of every socket must be one of our own, so that no other page can command a session.
"""

from __future__ import annotations

import hmac
import http.cookies
import re
import urllib.parse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
LANGUAGE = re.compile(r"[a-z]{2}")
READING = ("GET", "HEAD")
COOKIE_RULES = "; HttpOnly; SameSite=Lax; Path=/"
"""Lax, because the link is followed from a file or a scanned code."""
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
    "connect-src 'self' {socket}://{host}; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Door:
    """Which names the server answers to, and the token that it wants."""

    hosts: frozenset[str]
    """Host names without port, lower case."""
    port: int
    token: str
    tls: bool = False
    """Whether connections are encrypted."""

    @classmethod
    def of(
        cls, address: str, port: int, token: str, more: Iterable[str] = (), *, tls: bool = False
    ) -> Door:
        """Return the door of a bound address: its own name, loopback's if it is that, and more."""
        own = LOOPBACK if address in ("127.0.0.1", "::1") else (address,)
        return cls(frozenset(name.lower() for name in (*own, *more)), port, token, tls)

    @property
    def cookie(self) -> str:
        """Return the cookie's name: browsers keep one jar for all ports of a computer."""
        return f"hipturn_{self.port}"

    @property
    def setting_cookie(self) -> str:
        """Return the header that gives a browser the token."""
        return f"{self.cookie}={self.token}{COOKIE_RULES}" + ("; Secure" if self.tls else "")

    def knows_host(self, host: str) -> bool:
        """Return whether a Host header is one of our names, exactly, with our port or none."""
        name, port = split_port(host.lower())
        return name in self.hosts and port in ("", str(self.port))

    def knows_origin(self, origin: str) -> bool:
        """Return whether an Origin header is a page of ours."""
        scheme, _, host = origin.partition("://")
        ours = "https" if self.tls else "http"
        return scheme == ours and split_port(host)[1] != "" and self.knows_host(host)

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

    def __init__(
        self, app: ASGIApp, door: Door, know: Callable[[Any], None] = lambda _: None
    ) -> None:
        """Guard `app`; `know` is told the address of each connection that showed the token."""
        self._app, self._door, self._know = app, door, know

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or socket."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is None:
            self._know(scope["client"])
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
                own = message.get("headers", [])
                told = {name.lower() for name, _ in own}
                more = [pair for pair in self._headers_for(host) if pair[0] not in told]
                message["headers"] = [*own, *more]
            await send(message)

        answer: ASGIApp = refusal if refusal is not None else self._app
        await answer(scope, receive, guarded)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """Return what to answer instead, or None when the request may pass."""
        door = self._door
        if len(headers.getlist("host")) != 1 or not door.knows_host(headers["host"]):
            return _refused("hipturn does not answer to this name.\n", 400)
        if scope["type"] == "websocket":
            if not door.knows_origin(headers.get("origin", "")):
                return _refused("", 403)
        elif scope["method"] not in READING:
            return _refused("Only reading is done this way.\n", 405)
        if door.knows_token(_cookie(headers, door.cookie)):
            return None
        query = urllib.parse.parse_qs(scope["query_string"].decode("latin-1"))
        if scope["type"] == "http" and door.knows_token(query.get("t", [""])[0]):
            language = query.get("lang", [""])[0]
            kept = f"?lang={language}" if LANGUAGE.fullmatch(language) else ""
            answer = RedirectResponse(f"/{kept}", 303)
            answer.headers["set-cookie"] = door.setting_cookie
            return answer
        return _refused(
            "Open the link, or scan the code, that hipturn printed when it started.\n", 403
        )

    def _headers_for(self, host: str) -> list[tuple[bytes, bytes]]:
        policy = POLICY.format(host=host, socket="wss" if self._door.tls else "ws")
        named = {**SECURITY_HEADERS, "Content-Security-Policy": policy}
        return [(name.lower().encode(), value.encode()) for name, value in named.items()]


def _refused(text: str, status: int) -> Response:
    """Return a refusal, the last answer of its connection."""
    return PlainTextResponse(text, status, {"Connection": "close"})


def _cookie(headers: Headers, name: str) -> str:
    try:
        jar = http.cookies.SimpleCookie(headers.get("cookie", "")[:4096])
    except http.cookies.CookieError:
        return ""
    return jar[name].value if name in jar else ""
