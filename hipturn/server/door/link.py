"""The token of the page's link, and the private file that brings the link to the browser.

Every process of a computer can reach a port of it and read the arguments of every program. So the
page wants a token on loopback too, and the browser is started with the name of a file that only
its owner may read and that leads on to the link.
"""

from __future__ import annotations

import contextlib
import html
import os
import re
import secrets
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hipturn.session_paths import settings_folder
from imu.recording import SessionError
from imu.recording.folder import replace_file

TOKEN_BYTES = 16
"""128 bits: not to be guessed."""
TOKEN_FILE = "page-token"  # noqa: S105 (a file's name)
KEPT_S = 12 * 3600.0
"""An open page outlives a restart of hipturn on the same day; an older link opens nothing."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")
_PAGE = (
    '<!doctype html><meta charset="utf-8"><title>hipturn</title>'
    '<meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0;url={url}">'
    '<p><a href="{url}">hipturn</a>\n'
)


def new_token() -> str:
    """Return a token that nobody has seen."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def own_token() -> str:
    """Return the token of this user's pages on this computer, kept for `KEPT_S`.

    It is made anew when it is older, is not this user's alone, or cannot be kept.
    """
    path = settings_folder() / TOKEN_FILE
    with contextlib.suppress(OSError, ValueError):
        status = path.lstat()
        young = 0.0 <= time.time() - status.st_mtime < KEPT_S
        if young and is_private(path):
            token = path.read_text(encoding="ascii")
            if _TOKEN.fullmatch(token):
                return token
    token = new_token()
    with contextlib.suppress(OSError, SessionError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(path, [token.encode()])
    return token


def is_private(path: Path) -> bool:
    """Return whether a path is a plain file that nobody but this user can read."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return False
    if os.name != "posix":
        return True  # the user's own folder decides there
    return status.st_uid == os.geteuid() and not status.st_mode & 0o077


@contextmanager
def leading_file(url: str, root: Path) -> Iterator[Path]:
    """Keep a file of this user's alone that leads a browser on to `url`, until the block is left.

    It lies beside the recordings, since a browser in a box of its own (snap, Flatpak) sees neither
    temporary nor hidden folders; where others could read it there, in a temporary folder.
    """
    text = _PAGE.format(url=html.escape(url, quote=True)).encode()
    with contextlib.ExitStack() as kept:
        path = _written(root, text)
        if path is None:
            folder = kept.enter_context(tempfile.TemporaryDirectory(prefix="hipturn-"))
            path = _written(Path(folder), text)
        if path is None:
            raise SessionError(root, "no file can be written", "check the disk")
        kept.callback(path.unlink, missing_ok=True)
        yield path


def _written(folder: Path, text: bytes) -> Path | None:
    path = None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix="hipturn-page-", suffix=".html")
        path = Path(name)
        with open(handle, "wb") as file:  # noqa: PTH123 (a descriptor, not a path)
            if is_private(path):  # a stick without modes shows its files to everybody
                file.write(text)
                return path
    except OSError:
        pass
    if path is not None:
        path.unlink(missing_ok=True)
    return None
