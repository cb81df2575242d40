"""The routes: the page's files, recordings to look at, and the one socket."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect

from analysis import exercises
from analysis.exercises import CatalogueError
from hipturn import __version__
from hipturn.errors import UserError, fault_text
from hipturn.export.saved import FILES, How
from hipturn.own_exercises import own
from hipturn.server.commands import Rate, RefusedCommandError, parse
from hipturn.server.door.guard import Door, Guard
from hipturn.server.hub import Hub, Viewer, encode, now_ms
from hipturn.server.library import Analysed, Library, correct, parse_correction
from hipturn.server.messages import VERSION
from hipturn.server.recorded import exercise_data
from hipturn.words import ENGLISH, Said, Words, best, languages, said_of, told, words_of
from imu.recording import SessionError

if TYPE_CHECKING:
    from hipturn.export.csv import Decimal

PAGE = Path(__file__).parent.parent / "page"
FILE_NAME = re.compile(r"(?:(?:poses|views)/)?[a-z][a-z0-9_]{0,40}\.(?:html|css|js|svg)")
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
WRITTEN = re.compile(r"(?<=>)( ?)([^<>]+)(?=</text|</tspan|<tspan)")
"""What is written in a picture: its side, and words beside it."""
TOO_MANY, TOO_FAST = 4008, 4029
CLOSED = {
    TOO_MANY: "eight pages are open already: close one of them",
    TOO_FAST: "too many commands",
}
"""Codes of a closed socket; 4000 to 4999 are for applications (RFC 6455)."""
Obey = Callable[[dict[str, Any]], None]


def build_app(
    hub: Hub,
    door: Door,
    library: Library,
    obey: Obey,
    *,
    greeting: dict[str, Any] | None = None,
    know: Callable[[Any], None] = lambda _: None,
) -> ASGIApp:
    """Return the whole application, guarded; `know` hears which connections are ours."""
    found = _Answers(hub, library, obey, greeting or {})
    routes = [
        Route("/", found.page_file),
        Route("/page/{name:path}", found.page_file),
        Route("/api/words", found.words),
        Route("/api/exercises", found.exercises),
        Route("/api/wearers", found.wearers),
        Route("/api/wearers/{wearer}/trend", found.trend),
        Route("/api/sessions", found.sessions),
        Route("/api/sessions/{key}", found.session),
        Route("/api/sessions/{key}/columns", found.columns),
        Route("/api/sessions/{key}/{table}.csv", found.table),
        Route("/api/sessions/{key}/{file}", found.saved),
        Route("/qr.svg", found.code),
        WebSocketRoute("/ws", found.socket),
    ]
    return Guard(Starlette(routes=routes), door, know)


class _Answers:
    """What each route answers."""

    def __init__(self, hub: Hub, library: Library, obey: Obey, greeting: dict[str, Any]) -> None:
        self._hub, self._library, self._obey, self._greeting = hub, library, obey, greeting

    async def page_file(self, request: Request) -> Response:
        """Answer with one of the page's own files."""
        name = request.path_params.get("name", "index.html")
        if not FILE_NAME.fullmatch(name) or not (PAGE / name).is_file():
            return Response("There is no such page.\n", 404)
        words = words_of(self._language(request))
        if name.startswith("poses/") and words.language != ENGLISH:
            drawn = (PAGE / name).read_text(encoding="utf-8")
            return Response(in_words(drawn, words), media_type=TYPES[".svg"])
        return FileResponse(PAGE / name, media_type=TYPES[Path(name).suffix])

    async def words(self, request: Request) -> Response:
        """Answer with the texts of the viewer's language."""
        return words_answer(request, self._greeting.get("language", ""))

    def _language(self, request: Request) -> str:
        """Return the language that a page asks for, or that hipturn was started with."""
        return best(request.query_params.get("lang", ""), self._greeting.get("language", ""))

    async def exercises(self, _: Request) -> Response:
        """Answer with the catalogue."""
        known = [exercise_data(exercises.load(name)) for name in exercises.ids()]
        known += [exercise_data(one) for one in own(self._library.root)]
        return JSONResponse(known)

    async def sessions(self, _: Request) -> Response:
        """Answer with the recordings there are."""
        return JSONResponse(await asyncio.to_thread(self._library.listing))

    async def wearers(self, _: Request) -> Response:
        """Answer with the wearers there are."""
        try:
            return JSONResponse(await asyncio.to_thread(self._library.wearers))
        except UserError as error:
            return _problem(said_of(error), 422)

    async def trend(self, request: Request) -> Response:
        """Answer with the trend of a wearer."""
        try:
            found = await self._library.trend(request.path_params["wearer"])
        except UserError as error:
            return _problem(said_of(error), 422)
        if found is None:
            return _problem(Said("why.no_wearer"), 404)
        return JSONResponse(found)

    async def session(self, request: Request) -> Response:
        """Answer with a recording's description."""

        async def answer(found: Analysed) -> Response:
            return Response(
                json.dumps(found.description, allow_nan=False), media_type="application/json"
            )

        return await self._of(request, answer)

    async def columns(self, request: Request) -> Response:
        """Answer with a recording's columns."""

        async def answer(found: Analysed) -> Response:
            return Response(found.columns, media_type="application/octet-stream")

        return await self._of(request, answer)

    async def table(self, request: Request) -> Response:
        """Answer with one of the tables; `?decimal=comma` for some countries."""
        name = request.path_params["table"]

        async def answer(found: Analysed) -> Response:
            if name not in ("angles", "reps", "sets", "summary"):
                return Response("There is no such table.\n", 404)
            data = await self._library.table(found, name, _decimal(request))
            return _download(data, "text/csv; charset=utf-8", f"{found.path.name}_{name}.csv")

        return await self._of(request, answer)

    async def saved(self, request: Request) -> Response:
        """Answer with a file to take along; `?decimal=comma` for some countries."""
        name = request.path_params["file"]
        how = How(_decimal(request), self._language(request))
        if name not in FILES:
            return Response("There is no such file.\n", 404)

        async def answer(found: Analysed) -> Response:
            kind, ending, _ = FILES[name]
            data = await self._library.saved(found, name, how)
            if not ending:
                return Response(data, media_type=kind)
            return _download(data, kind, f"{found.path.name}{ending}")

        return await self._of(request, answer)

    async def code(self, _: Request) -> Response:
        """Answer with the QR code of our own address, where there is a network."""
        url = self._greeting.get("url", "")
        if not url:
            return Response("This page is on this computer only.\n", 404)
        import io

        import segno

        drawn = io.BytesIO()
        segno.make(url, error="m").save(drawn, kind="svg", scale=6, border=3, light="#fff")
        return Response(drawn.getvalue(), media_type="image/svg+xml")

    async def socket(self, socket: WebSocket) -> None:
        """Serve one viewer until it goes."""
        await socket.accept()
        viewer = self._hub.join()
        if viewer is None:
            await socket.close(TOO_MANY, CLOSED[TOO_MANY])
            return
        try:
            shown = {key: value for key, value in self._greeting.items() if key != "url"}
            hello = {"type": "hello", "version": VERSION, "software": __version__, **shown}
            await socket.send_text(encode({**hello, "viewer": viewer.number, "at": now_ms()}))
            await self._talk(socket, viewer)
        except (WebSocketDisconnect, OSError):
            pass
        finally:
            self._hub.leave(viewer)

    async def _talk(self, socket: WebSocket, viewer: Viewer) -> None:
        """Send and listen at once; whichever ends first ends both."""
        tasks = {
            asyncio.create_task(viewer.serve(socket.send_text)),
            asyncio.create_task(self._listen(socket, viewer)),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self, socket: WebSocket, viewer: Viewer) -> None:
        rate = Rate(time.monotonic)
        while True:
            text = await socket.receive_text()
            if rate.exceeded():
                await socket.close(TOO_FAST, CLOSED[TOO_FAST])
                return
            try:
                said = parse_correction(text)
                if said is None:
                    self._obey(parse(text))
                else:
                    viewer.append(encode({**await correct(self._library, said), "at": now_ms()}))
            except RefusedCommandError as error:
                refused = {"type": "event", "what": "refused", **told(said_of(error))}
                viewer.append(encode({**refused, "at": now_ms()}))

    async def _of(
        self, request: Request, answer: Callable[[Analysed], Awaitable[Response]]
    ) -> Response:
        """Answer about the recording that the path names by key."""
        try:
            found = await self._library.analysed(request.path_params["key"])
            if found is None:
                return _problem(Said("why.no_recording"), 404)
            return await answer(found)
        except (SessionError, CatalogueError, UserError) as error:
            return _problem(said_of(error), 422)
        except Exception as error:  # a fault of ours: the page says so and goes on
            return _problem(fault_text(error), 500)


def _problem(text: str, status: int) -> Response:
    """Answer why something cannot be had."""
    return JSONResponse({"problem": text, "problem_said": told(text)}, status)


def in_words(drawing: str, words: Words) -> str:
    """Return a picture with what is written in it in another language."""
    return WRITTEN.sub(lambda text: text[1] + words.says(text[2]), drawing)


def words_answer(request: Request, started: str = "") -> Response:
    """Answer with every text, in the first language of these that there is, else in English.

    The one that the viewer chose (`lang`), that the command was `started` with, the wearer's
    (`wearer`), the browser's.
    """
    asked, headers = request.query_params, request.headers
    browsers = headers.get("accept-language", "")
    language = best(asked.get("lang", ""), started, asked.get("wearer", ""), browsers)
    told = json.dumps(
        {
            "language": language,
            "languages": [_language(code) for code in languages()],
            "words": words_of(language).texts,
        },
        ensure_ascii=False,
    ).encode()
    tag = {"ETag": f'"{hashlib.sha256(told).hexdigest()[:16]}"', "Cache-Control": "no-cache"}
    if headers.get("if-none-match") == tag["ETag"]:
        return Response(status_code=304, headers=tag)
    return Response(told, media_type="application/json", headers=tag)


def _language(code: str) -> dict[str, Any]:
    """Return a language for the choice of one; a draft as long as no native speaker checked it."""
    own = words_of(code).texts
    draft = code != ENGLISH and not own.get("language.checked_by")
    return {"code": code, "name": own["language.name"], "draft": draft}


def _decimal(request: Request) -> Decimal:
    return "comma" if request.query_params.get("decimal") == "comma" else "point"


def _download(data: bytes, kind: str, name: str) -> Response:
    safe = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    headers = {"Content-Disposition": f'attachment; filename="{safe}"'}
    return Response(data, media_type=kind, headers=headers)
