"""The options of everything that can show the page."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click
from click.core import ParameterSource

from hipturn.words import languages

if TYPE_CHECKING:
    from hipturn.server.serve import PageChoice

Command = TypeVar("Command", bound=Callable[..., Any])
LANGUAGE = "Of the page and what is said; else the wearer's, the browser's, English."
NETWORK = "Show the page on the local network too, for a phone: prints a link and a code."


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAt:
    """Where and how the page is wanted, as the options say."""

    lan: bool = False
    tls: bool = False
    tls_cert: str | None = None
    tls_key: str | None = None
    port: int | None = None
    no_browser: bool = False
    hosts: tuple[str, ...] = ()
    language: str = ""

    def choice(self) -> PageChoice:
        """Return how the page is served.

        Raises
        ------
        click.UsageError
            When encryption is asked for where there is no network, or with half of a certificate.
        """
        from hipturn.server.serve import PageChoice  # the web server only when the page is wanted

        if (self.tls_cert is None) != (self.tls_key is None):
            raise click.UsageError("--tls-cert and --tls-key belong together: give both")
        own = None
        if self.tls_cert is not None and self.tls_key is not None:
            own = Path(self.tls_cert), Path(self.tls_key)
        tls = self.tls or own is not None
        if tls and not self.lan:
            raise click.UsageError("--tls encrypts what goes over a network: give --lan too")
        return PageChoice(
            lan=self.lan,
            port=self.port,
            open_browser=not self.no_browser,
            hosts=self.hosts,
            tls=tls,
            certificate=own,
            language=self.language,
        )


def page_options(command: Command) -> Command:
    """Add the options of everything that can show the page, given to it as `page` and `at`."""

    @functools.wraps(command)
    def with_place(*args: Any, **options: Any) -> Any:  # noqa: ANN401 (a command's own)
        at = PageAt(**{name: options.pop(name) for name in PageAt.__dataclass_fields__})
        return command(*args, at=at, **options)

    wrapped: Any = with_place
    for option in (
        click.option(
            "--language", default="", type=click.Choice(("", *languages())), help=LANGUAGE
        ),
        click.option("--allow-host", "hosts", multiple=True, metavar="NAME", hidden=True),
        click.option("--no-browser", is_flag=True, help="Print the page's address, open nothing."),
        click.option("--port", type=click.IntRange(1, 65535), help="Of the page; else 8777."),
        click.option("--tls-key", metavar="PEM", help="The key of --tls-cert."),
        click.option("--tls-cert", metavar="PEM", help="Your own certificate for --tls."),
        click.option("--tls", is_flag=True, help="With --lan: encrypted; the browser will warn."),
        click.option("--lan", is_flag=True, help=NETWORK),
        click.option(
            "--page/--terminal",
            "page",
            default=None,
            help="Where to show it; the page where a display is likely.",
        ),
    ):
        wrapped = option(wrapped)
    return cast("Command", wrapped)


OF_UNITS = (
    "thigh", "shank", "right_thigh", "right_shank", "left_thigh", "left_shank", "pelvis",
)  # fmt: skip
UNHEARD = {
    "virtual": (OF_UNITS, "names a real unit: leave out --virtual"),
    "real": (("seed", "speed"), "is of the simulated wearer: give --virtual"),
    "plan": (("exercise", "side"), "is in the plan: leave out --plan"),
    "one": (("choose",), "chooses among what a plan offers: give --plan"),
    "terminal": (("port", "no_browser", "tls", "tls_cert", "tls_key", "hosts"), "is of the page"),
}
"""Options that each way of `live` cannot obey, and why."""


def refuse_unheard(*, virtual: bool, plan: bool, page: bool) -> None:
    """Refuse what was given on the command line and could not be obeyed.

    Raises
    ------
    click.UsageError
        Names the first such option.
    """
    context = click.get_current_context()
    ways = ("virtual" if virtual else "real", "plan" if plan else "one", "" if page else "terminal")
    for way in ways:
        names, why = UNHEARD.get(way, ((), ""))
        for name in names:
            if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                raise click.UsageError(f"--{name.replace('_', '-')} {why}")


def page_wanted(page: bool | None, lan: bool) -> bool:
    """Return whether to show the page.

    Raises
    ------
    click.UsageError
        When the terminal and the network are asked for at once.
    """
    if page is False and lan:
        raise click.UsageError("--lan shows the page: leave out --terminal")
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
