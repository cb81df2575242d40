"""The encrypted listener that phones connect to: `/unit` and what its page needs, nothing else.

A phone sends over a socket (`/unit/ws`). Where its browser refuses one, it posts the same messages
to `/unit/batch`, and what it is told comes with the answer. A phone may send its motion and let go;
it commands, watches and reads nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.cookies
import json
import socket
import time
import urllib.parse
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from hipturn.phone.places import (
    Hello,
    MessageError,
    PhonePlace,
    is_phone,
    place_of,
    read_message,
)
from hipturn.server.app import PAGE, TOO_FAST, TYPES, words_answer
from hipturn.server.commands import Rate
from hipturn.server.door.certificate import own_identity
from hipturn.server.door.guard import SECURITY_HEADERS, Door
from hipturn.server.serve import Know, lan_address, listening, serving
from hipturn.words import Said, told
from imu.phone.batch import MAX_BYTES, MAX_PER_SECOND

FILES = {"": "unit.html", "unit.js": "unit.js", "unit.css": "unit.css",
         "words.js": "words.js"}  # fmt: skip
"""What there is below `/unit/`, and which file of the page it is."""
GONE = 4003
"""The phone was let go; another number than a page that is too fast has (`TOO_FAST`)."""
UNREADABLE = 1003
MAX_POSTING = 16
"""Phones without a socket: more than there are places, for those that wait."""
TELL_EVERY_S = 0.1
PING_S = 1.0
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self' wss://{host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PERMISSIONS = (
    "accelerometer=(self), gyroscope=(self), screen-wake-lock=(self), camera=(), microphone=(),"
    " geolocation=()"
)
COOKIE_RULES = "; HttpOnly; Secure; SameSite=Lax; Path=/unit"


@dataclass(frozen=True, slots=True)
class Listener:
    """Where phones connect."""

    address: str
    port: int
    fingerprint: str
    """Of the certificate, as a browser shows it."""

    def url(self, place: PhonePlace) -> str:
        """Return the link of a place, with its token."""
        name = urllib.parse.quote(place.label)
        return f"https://{self.address}:{self.port}/unit?t={place.token}#{name}"


@asynccontextmanager
async def phones_welcome(
    places: Sequence[PhonePlace], address: str | None = None
) -> AsyncIterator[Listener]:
    """Listen for the phones of some places until the block is left; their tokens are dead then.

    Raises
    ------
    UserError
        When there is no network, no port, or the extra [tls] is not installed.
    """
    address = address or lan_address()
    identity = own_identity(address)
    bound: socket.socket = listening(address, None)
    port = int(bound.getsockname()[1])
    door = Door.of(address, port, "", tls=True)

    def app_of(know: Know) -> ASGIApp:
        return PhoneGuard(_app(), door, places, know)

    async with serving(bound, app_of, identity.context):
        yield Listener(address, port, identity.fingerprint)


class PhoneGuard:
    """Answers those that show the token of a place; everything else ends here."""

    def __init__(self, app: ASGIApp, door: Door, places: Sequence[PhonePlace], know: Know) -> None:
        """Guard `app`; the door tells names and origins, the places have the tokens."""
        self._app, self._door, self._places, self._know = app, door, places, know
        self._cookie = f"hipturn_unit_{door.port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or socket."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal, place = self._judged(scope, headers)
        if place is not None:
            self._know(scope["client"])
        if scope["type"] == "websocket":
            if refusal is None:
                await self._app({**scope, "state": {"place": place}}, receive, send)
            else:
                await receive()  # the handshake
                await send({"type": "websocket.close", "code": 1008})  # answers 403
            return
        policy = POLICY.format(host=headers.get("host", ""))
        named = SECURITY_HEADERS | {
            "Permissions-Policy": PERMISSIONS, "Content-Security-Policy": policy,
        }  # fmt: skip
        more = [(name.lower().encode(), value.encode()) for name, value in named.items()]

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *more]
            await send(message)

        answer: ASGIApp = refusal if refusal is not None else self._app
        await answer({**scope, "state": {"place": place}}, receive, guarded)

    def _judged(self, scope: Scope, headers: Headers) -> tuple[Response | None, PhonePlace | None]:
        """Return what to answer instead, and the place whose token was shown."""
        door, path = self._door, scope["path"]
        if path != "/unit" and not path.startswith("/unit/"):
            return _refused("There is nothing here.\n", 404), None
        if len(headers.getlist("host")) != 1 or not door.knows_host(headers["host"]):
            return _refused("hipturn does not answer to this name.\n", 400), None
        sends = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")
        if sends and not door.knows_origin(headers.get("origin", "")):
            return _refused("Only the page of this address may send.\n", 403), None
        place = place_of(self._shown(headers), self._places)
        if place is not None:
            return None, place
        query = urllib.parse.parse_qs(scope["query_string"].decode("latin-1"))
        place = place_of(query.get("t", [""])[0], self._places)
        if place is None or scope["type"] != "http" or path != "/unit":
            return _refused("Scan the code that hipturn shows on the computer.\n", 403), None
        answer = FileResponse(PAGE / FILES[""], media_type=TYPES[".html"])
        answer.headers["set-cookie"] = f"{self._cookie}={place.token}{COOKIE_RULES}"
        return answer, place

    def _shown(self, headers: Headers) -> str:
        jar = http.cookies.SimpleCookie()
        with contextlib.suppress(http.cookies.CookieError):
            jar.load(headers.get("cookie", "")[:4096])
        return jar[self._cookie].value if self._cookie in jar else ""


def _refused(text: str, status: int) -> Response:
    """Return a refusal, the last answer of its connection."""
    return PlainTextResponse(text, status, {"Connection": "close"})


def _app() -> ASGIApp:
    posted: dict[tuple[str, str], _Posted] = {}

    async def page_file(request: Request) -> Response:
        name = request.path_params.get("name", "")
        if name not in FILES:
            return Response("There is no such page.\n", 404)
        kind = TYPES[f".{FILES[name].partition('.')[2]}"]
        return FileResponse(PAGE / FILES[name], media_type=kind)

    async def words(request: Request) -> Response:
        return words_answer(request)

    async def take_posted(request: Request) -> Response:
        place: PhonePlace = request.state.place
        data = b""
        async for piece in request.stream():
            data += piece
            if len(data) > MAX_BYTES:
                return Response("A batch is shorter.\n", 413)
        phone = request.query_params.get("phone", "")
        who = (place.token, phone)
        if who not in posted and (not is_phone(phone) or len(posted) >= MAX_POSTING):
            return Response("No phone of ours.\n", 400)
        one = posted.setdefault(who, _Posted(place, phone))
        is_text = request.headers.get("content-type", "").startswith("application/json")
        return JSONResponse(one.take(data, is_text=is_text))

    async def talk(socket: WebSocket) -> None:
        await _Talk(socket, socket.state.place).serve()

    return Starlette(
        routes=[
            Route("/unit", page_file),
            Route("/unit/batch", take_posted, methods=["POST"]),
            Route("/unit/words", words),
            Route("/unit/{name}", page_file),
            WebSocketRoute("/unit/ws", talk),
        ]
    )


class _Phone:
    """One phone at one place: what it sends, and what it is told."""

    def __init__(self, place: PhonePlace, name: str = "") -> None:
        self._place, self._name = place, name
        """The name is that of the only phone that it may be; empty for any."""
        self._hello: Hello | None = None
        self._holds = False
        self._batches, self._texts = (Rate(time.monotonic, MAX_PER_SECOND) for _ in range(2))
        self.ended = 0
        """The code to close with, once that is due."""

    def take(self, data: str | bytes) -> None:
        """Take a message or a batch."""
        rate = self._texts if isinstance(data, str) else self._batches
        if rate.exceeded():
            self.ended = TOO_FAST
            return
        if not isinstance(data, str):
            if self._hello is None:
                self.ended = UNREADABLE
            elif self.holds() and self._place.link is not None:
                self._place.link.hear(data)
            return
        try:
            self._message(read_message(data))
        except MessageError:
            self.ended = UNREADABLE

    def _message(self, message: dict[str, Any]) -> None:
        if self._hello is None or "hello" in message:
            self._hello, self._holds = Hello(message), False
            if self._name not in ("", self._hello.phone):
                raise MessageError("a phone says its own name")
            self.holds()
        elif "let_go" in message and self._holds:
            self._place.give_up()
            self.ended = GONE
        elif self.holds():
            self._place.told(message)

    def holds(self) -> bool:
        """Return whether this phone has the place; greet its link as soon as both are there."""
        place, hello = self._place, self._hello
        if hello is None or place.link is None:
            return False
        if self._holds and place.holder != hello.phone:
            self.ended = GONE
            self._holds = False
        elif not self._holds and not self.ended and place.ask(hello.phone):
            self._holds = True
            if place.let_go != self.let_go:  # of another page of the same phone
                place.let_go()
            place.let_go = self.let_go
            place.link.hello(hello.phone, hello.origin)
        return self._holds

    def let_go(self) -> None:
        """End this phone's visit: another has the place."""
        self.ended = GONE

    @property
    def says(self) -> str:
        """Return what the phone shows."""
        place = self._place
        if place.link is None or self._hello is None:
            return Said("phone.wait")
        return place.link.said if self.holds() else Said("phone.taken", unit=place.label)

    @property
    def is_over(self) -> bool:
        """Return whether the session has ended."""
        return self._place.link is not None and self._place.link.is_over


def _say(text: str) -> dict[str, Any]:
    """Return what the phone is to show."""
    return {"say": text, **told(text)}


class _Posted:
    """A phone without a socket."""

    def __init__(self, place: PhonePlace, name: str) -> None:
        self._place, self._name = place, name
        self._phone = _Phone(place, name)

    def take(self, data: bytes, *, is_text: bool) -> dict[str, Any]:
        """Take what was posted; return what the phone is told."""
        if self._phone.ended:
            self._phone = _Phone(self._place, self._name)
        self._phone.take(data.decode(errors="replace") if is_text else data)
        answer = {**_say(self._phone.says), "stop": self._phone.is_over}
        return answer | ({"close": self._phone.ended} if self._phone.ended else {})


class _Talk:
    """A phone with a socket."""

    def __init__(self, socket: WebSocket, place: PhonePlace) -> None:
        self._socket = socket
        self._phone = _Phone(place)

    async def serve(self) -> None:
        """Listen and tell until one of the two ends."""
        await self._socket.accept()
        tasks = {asyncio.create_task(self._listen()), asyncio.create_task(self._tell())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                with contextlib.suppress(WebSocketDisconnect, OSError):
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            data = message.get("bytes")
            self._phone.take(message.get("text") or "" if data is None else data)
            if self._phone.ended:
                await self._socket.close(self._phone.ended)
                return

    async def _tell(self) -> None:
        before, ping, next_s = "", 0, 0.0
        while True:
            says = self._phone.says
            if says != before:
                await self._socket.send_text(json.dumps(_say(says), ensure_ascii=False))
                before = says
            if self._phone.is_over:
                await self._socket.send_text(json.dumps({"stop": True}))
                await self._socket.close(1000)
                return
            if self._phone.ended:
                await self._socket.close(self._phone.ended)
                return
            if time.monotonic() >= next_s:
                ping, next_s = ping + 1, time.monotonic() + PING_S
                await self._socket.send_text(json.dumps({"ping": ping}))
            await asyncio.sleep(TELL_EVERY_S)
