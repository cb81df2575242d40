"""Sessions behind a URL that fsspec knows (s3://, gs://, sftp://, file://): copied, then analysed.

What reads a session trusts nothing and needs a file to seek in; a copy of some ten megabytes is
cheaper than teaching it the network.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from hipturn.errors import UserError, printable
from hipturn.session_paths import DEPTHS, SESSION_FILE

SCHEMES = ("file", "s3", "gs", "abfs", "sftp", "https")
"""Disks, object stores and file servers whose traffic is encrypted."""
FILES = (SESSION_FILE, "samples.arrows", "events.jsonl", "edits.jsonl")


def is_url(text: str) -> bool:
    """Return whether a text names a place that fsspec reads."""
    return "://" in text


def check_scheme(url: str) -> None:
    """Refuse what fsspec would also open: other people's formats, chains, a shell on a far host.

    Raises
    ------
    UserError
        When the scheme is none of `SCHEMES`.
    """
    scheme = url.partition("://")[0]
    if scheme not in SCHEMES or "::" in url:
        raise UserError(
            f"{printable(url)}: sessions are read from {', '.join(f'{s}://' for s in SCHEMES)} only"
        )


def find_remote(url: str) -> list[str]:
    """Return the URLs of the sessions at or below a URL, in order.

    Raises
    ------
    UserError
        When fsspec or what it needs for this kind of URL is missing, or nothing is there.
    """
    with _explained(url):
        system, root = _opened(url)
        if system.exists(f"{root}/{SESSION_FILE}"):
            return [url]
        found = {path for depth in DEPTHS for path in system.glob(f"{root}/{depth}/{SESSION_FILE}")}
        sessions = [system.unstrip_protocol(path.rpartition("/")[0]) for path in sorted(found)]
    if not sessions:
        raise UserError(f"{url}: holds no session; give a session folder or a folder of them")
    return sessions


@contextlib.contextmanager
def fetched(url: str) -> Iterator[Path]:
    """Give a copy of a session's folder, for as long as the block lasts.

    Raises
    ------
    UserError
        When it cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="hipturn-") as place:
        folder = Path(place, PurePosixPath(url.rstrip("/")).name)
        folder.mkdir(mode=0o700)
        with _explained(url):
            system, root = _opened(url)
            for name in FILES:
                if system.exists(f"{root}/{name}"):
                    system.get_file(f"{root}/{name}", str(folder / name))
        yield folder


def _opened(url: str) -> tuple[Any, str]:
    check_scheme(url)
    from fsspec.core import url_to_fs

    system, root = url_to_fs(url)
    return system, root.rstrip("/")


@contextlib.contextmanager
def _explained(url: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise UserError(
            f"{url}: {error}; sessions behind a URL need pip install 'hipturn[cluster]' and the"
            " package that fsspec names for it"
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(f"{url}: cannot be read ({error}); check the address") from None
