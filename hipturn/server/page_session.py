"""Everything that runs with the page: one event loop for its server, the radio and the session."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from hipturn.course import Course, Item, one_item
from hipturn.errors import UserError
from hipturn.server.desk import Desk
from hipturn.server.door.link import leading_file
from hipturn.server.hub import Hub
from hipturn.server.library import Library
from hipturn.server.serve import PageChoice, announce, bind, open_browser, served
from hipturn.session.keys import watched_keys
from hipturn.session.radio_session import Wish, stopping
from hipturn.session.rigs import RadioRig, Rig, VirtualRig, wanted_units
from hipturn.session_paths import demo_root, find_sessions, recordings_root
from imu.recording import open_session, rescue_orphans

DEMO_EXERCISE = "prone_windshield_wiper"
UNATTENDED_S = 30.0
"""When no page has been opened by then, the session begins without one."""
LINGER_S = 10.0
"""After a session the server waits this long without a page: a reload closes it briefly."""


def run_page(
    choice: PageChoice,
    *,
    course: Course | None = None,
    virtual: bool | None = None,
    named: Mapping[str, str | None] | None = None,
    wish: Wish | None = None,
    seed: int = 1,
    speed: float | None = 1.0,
    shown: str = "",
    synchronise: bool = False,
) -> None:
    """Serve the page until it is asked to end; print the sessions recorded meanwhile.

    Parameters
    ----------
    choice
        How the page is served.
    course, virtual, named, wish, seed, speed, synchronise
        The visit to come, as of `hipturn live`; with `virtual` None the page begins at its first
        screen, and it is served until Ctrl-C. `speed` is also that of a session shown.
    shown
        A session to show first, as `hipturn replay` takes it.

    Raises
    ------
    UserError
        When the address or the port cannot be used.
    imu.recording.SessionError
        When the session to show cannot be read.
    KeyboardInterrupt
        When stopped by Ctrl-C or SIGTERM; a recording is closed then.
    """
    course = course or Course.one(Item.of(one_item(DEMO_EXERCISE, "both")))
    wish = wish or Wish(exercise=course.items[0].exercise.id)
    root = recordings_root(wish.root)
    for folder, rescue in rescue_orphans(root):
        click.echo(f"{folder}: {rescue.sentence}")

    def rig_of(simulated: bool) -> Rig:
        if simulated:
            return VirtualRig(seed, speed, wish)
        return RadioRig(lambda leg: wanted_units(leg, named or {}), wish)

    if virtual is False:
        wanted_units(course.steps()[0].side, named or {})  # refuse now what cannot work
    paths = find_sessions([shown]) if shown else []
    for path in paths:
        open_session(path)  # refuse here, not on the page, what cannot be read
    hub = Hub()
    library = Library(root, paths if not within_demo(paths) else (), only=wish.wearer)
    asyncio.run(
        _serve(
            choice,
            hub,
            library,
            lambda: Desk(
                hub,
                library,
                course,
                rig_of,
                root,
                say=click.echo,
                virtual=virtual,
                wearer=wish.wearer,
                synchronise=synchronise,
                language=choice.language,
            ),
            first=key_of(library, paths) if paths else f"demo.{DEMO_EXERCISE}",
            look=bool(paths),
            speed=speed,
            once=virtual is not None,
        )
    )


def within_demo(named: list[Path]) -> bool:
    """Return whether sessions are those that come with the package."""
    return bool(named) and all(path.resolve().parent == demo_root().resolve() for path in named)


def key_of(library: Library, named: list[Path]) -> str:
    """Return the key of the first of some sessions."""
    there = named[0].resolve()
    return next(key for key, path in library.known().items() if path.resolve() == there)


async def _serve(
    choice: PageChoice,
    hub: Hub,
    library: Library,
    open_desk: Callable[[], Desk],
    *,
    first: str,
    look: bool,
    speed: float | None,
    once: bool,
) -> None:
    place = bind(choice)
    desk = open_desk()
    greeting = {"lan": choice.lan, "first": first, "look": look, "speed": speed or 1.0}
    greeting["language"] = choice.language
    if choice.lan:
        greeting["url"] = place.url
    interrupted = asyncio.Event()

    def pressed(key: str) -> None:
        if key == "q":
            desk.quit.set()

    with contextlib.ExitStack() as kept, stopping(desk.quit, interrupted), watched_keys(pressed):
        desk.begin()
        async with served(place, hub, library, desk.obey, greeting):
            announce(place, choice, click.echo)
            if choice.open_browser:
                open_browser(kept.enter_context(leading_file(place.url, library.root)))
            ready = asyncio.create_task(library.begin())
            watcher = asyncio.create_task(_watch(desk, hub)) if once else None
            try:
                await desk.quit.wait()
            finally:
                await desk.close()
                library.close()
                await asyncio.gather(ready, return_exceptions=True)
    if interrupted.is_set():
        raise KeyboardInterrupt
    if watcher is not None and watcher.done():
        watcher.result()  # raises what went wrong without a page
    elif watcher is not None:
        watcher.cancel()


async def _watch(desk: Desk, hub: Hub) -> None:
    """Begin when no page is opened in time, and end when all is done and no page is open."""
    try:
        async with asyncio.timeout(UNATTENDED_S):
            await hub.seen.wait()
    except TimeoutError:
        click.echo("no page was opened: the session begins without it")
        problem = await desk.run_unattended()
        if problem:
            desk.quit.set()
            raise UserError(problem) from None
    await desk.done.wait()
    while True:
        await hub.empty.wait()
        await asyncio.sleep(LINGER_S)
        if hub.empty.is_set() and not desk.busy:
            desk.quit.set()
            return
