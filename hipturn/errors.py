"""The one error that the command turns into a line for people."""

from __future__ import annotations

import logging


class UserError(Exception):
    """An error the user can correct: one sentence with what, where and what to do."""


def without_stray_warnings() -> None:
    """Keep libraries from telling people what we say in sentences of our own, or what is no matter.

    matplotlib tells where it keeps its fonts when there is no home folder. asyncio tells of a radio
    service that dies during a scan, and of a phone that doubts our certificate.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)


def printable(text: str) -> str:
    """Return a text for the terminal: a recording from elsewhere must not command it."""
    return "".join(c if c.isprintable() else " " for c in text)


def disk_text(error: OSError, otherwise: object = "the system") -> str:
    """Return what to say when the system refuses a file."""
    why = (error.strerror or type(error).__name__).lower()
    return f"{error.filename or otherwise}: {why}; check the path, the disk and its permissions"


def fault_text(error: Exception, kept: str = "recordings are kept as they are") -> str:
    """Return what to say when the program itself is wrong."""
    return (
        f"a bug in hipturn ({type(error).__name__}: {error}); {kept}."
        " Please report it with what HIPTURN_DEBUG=1 prints"
    )
