"""Sessions behind a URL that fsspec knows (s3://, gs://, sftp://, file://): copied, then analysed.

What reads a session trusts nothing and needs a file to seek in; a copy of some ten megabytes is
cheaper than teaching it the network.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from hipturn.archive.manifest import INPUTS
from hipturn.errors import UserError, printable
from hipturn.session_paths import DEPTHS, SESSION_FILE
from imu.recording.folder import SAMPLES_FILE

SCHEMES = ("file", "s3", "gs", "abfs", "sftp", "https")
"""Disks, object stores and file servers whose traffic is encrypted."""


def is_url(text: str) -> bool:
    """Return whether a text names a place that fsspec reads."""
    return "://" in text


def check_scheme(url: str, schemes: tuple[str, ...] = SCHEMES) -> None:
    """Refuse what fsspec would also open: other people's formats, chains, a shell on a far host.

    Raises
    ------
    UserError
        When the scheme is none of `schemes`.
    """
    scheme = url.partition("://")[0]
    if scheme not in schemes or "::" in url:
        what = "sessions are read from" if schemes is SCHEMES else "tables are written to"
        raise UserError(f"{printable(url)}: {what} {', '.join(f'{s}://' for s in schemes)} only")


class RemoteSession(NamedTuple):
    """A session behind a URL, as one listing shows it."""

    url: str
    signature: str
    """Size and version of each file (`hipturn.archive.manifest.signature`)."""
    size: int
    """Of its samples, in bytes."""


def find_remote(url: str) -> list[RemoteSession]:
    """Return the sessions at or up to three folders below a URL, in order; one listing.

    Raises
    ------
    UserError
        When fsspec or what it needs for this kind of URL is missing, or nothing is there.
    """
    check_scheme(url)
    with explained(url):
        system, root = opened(url)
        files = system.find(root, maxdepth=len(DEPTHS) + 1, detail=True)
        heads = [path for path in files if path.endswith(f"/{SESSION_FILE}")]
        if f"{root}/{SESSION_FILE}" in files:
            heads = [f"{root}/{SESSION_FILE}"]
        folders = sorted(path.rpartition("/")[0] for path in heads)
        sessions = [
            RemoteSession(
                url if folder == root else system.unstrip_protocol(folder),
                " ".join(version_of(files.get(f"{folder}/{name}")) for name in INPUTS),
                int((files.get(f"{folder}/{SAMPLES_FILE}") or {}).get("size") or 0),
            )
            for folder in folders
        ]
    if not sessions:
        raise UserError(f"{url}: holds no session; give a session folder or a folder of them")
    return sessions


def version_of(info: dict[str, Any] | None) -> str:
    """Return what a listing tells of one version of a file; `-` where there is none."""
    if info is None:
        return "-"
    told = (
        info.get(key) for key in ("ETag", "etag", "md5Hash", "mtime", "LastModified", "created")
    )
    version = next((str(one) for one in told if one is not None), "")
    return f"{info.get('size')}:{version}".replace(" ", "_")


@contextlib.contextmanager
def fetched(url: str, signature: str) -> Iterator[Path]:
    """Give a copy of a session's folder, for as long as the block lasts; one request a file.

    Parameters
    ----------
    url
        The session.
    signature
        As the listing gave it: what is not there is not asked for.

    Raises
    ------
    UserError
        When it cannot be read.
    """
    there = [name for name, seen in zip(INPUTS, signature.split(" "), strict=True) if seen != "-"]
    with tempfile.TemporaryDirectory(prefix="hipturn-") as place:
        folder = Path(place, PurePosixPath(url.rstrip("/")).name)
        folder.mkdir(mode=0o700)
        check_scheme(url)
        with explained(url):
            system, root = opened(url)
            for name in there:
                (folder / name).write_bytes(system.cat_file(f"{root}/{name}"))
        yield folder


def opened(url: str) -> tuple[Any, str]:
    """Return the file system of a URL whose scheme was checked, and the path in it."""
    from fsspec.core import url_to_fs

    system, root = url_to_fs(url)
    return system, root.rstrip("/")


@contextlib.contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn what goes wrong with a URL into a sentence.

    Raises
    ------
    UserError
        In place of what fsspec raises.
    """
    try:
        yield
    except ImportError as error:
        raise UserError(
            f"{url}: {error}; what is behind a URL needs pip install 'hipturn[cluster]' and the"
            " package that fsspec names for it"
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(f"{url}: cannot be read or written ({error}); check the address") from None
