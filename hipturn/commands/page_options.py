"""The options of everything that can show the page."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from hipturn.server.serve import PageChoice

Command = TypeVar("Command", bound=Callable[..., Any])
NETWORK = "Show the page on the local network too, for a phone: prints a link and a code."


def page_options(command: Command) -> Command:
    """Add the options of everything that can show the page."""
    for option in (
        click.option("--allow-host", "hosts", multiple=True, metavar="NAME", hidden=True),
        click.option("--no-browser", is_flag=True, help="Print the page's address, open nothing."),
        click.option("--port", type=click.IntRange(1, 65535), help="Of the page; else 8777."),
        click.option("--lan", is_flag=True, help=NETWORK),
        click.option(
            "--page/--terminal",
            "page",
            default=None,
            help="Where to show it; the page where a display is likely.",
        ),
    ):
        command = option(command)
    return command


def page_choice(
    lan: bool, port: int | None, no_browser: bool, hosts: tuple[str, ...]
) -> PageChoice:
    """Return how the page is served."""
    from hipturn.server.serve import PageChoice  # the web server only when the page is wanted

    return PageChoice(lan=lan, port=port, open_browser=not no_browser, hosts=hosts)


def page_wanted(page: bool | None, lan: bool, *, default: bool = True) -> bool:
    """Return whether to show the page; `default` is False where it cannot be shown unasked.

    Raises
    ------
    click.UsageError
        When the terminal and the network are asked for at once.
    """
    if page is False and lan:
        raise click.UsageError("--lan shows the page: leave out --terminal")
    if page is None and not lan and not default:
        return False
    return wants_page(True if lan else page)


def has_desktop() -> bool:
    """Return whether a browser window can likely be opened here."""
    if sys.platform in ("darwin", "win32"):
        return not os.environ.get("SSH_CONNECTION")
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def wants_page(page: bool | None) -> bool:
    """Return whether to show the page: as asked, else where a person sits at a desktop."""
    if page is not None:
        return page
    return bool(sys.stdout and sys.stdout.isatty()) and has_desktop()
