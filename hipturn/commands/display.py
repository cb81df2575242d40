"""Tells whether there is a display here, and whether the page should be shown on it."""

from __future__ import annotations

import os
import sys


def likely_display() -> bool:
    """Return whether a browser window can likely be opened here."""
    if sys.platform in ("darwin", "win32"):
        return not os.environ.get("SSH_CONNECTION")
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def wants_page(page: bool | None) -> bool:
    """Return whether to show the page: as asked, else where somebody sits at a display."""
    if page is not None:
        return page
    return bool(sys.stdout and sys.stdout.isatty()) and likely_display()
