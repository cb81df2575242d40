"""Where recordings are: the user's folder, and the demo sessions that come with the package."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from hipturn.errors import UserError

DEMO = "demo"
SESSION_FILE = "session.json"
DEPTHS = ("*", "*/*", "*/*/*")
"""Where sessions lie in a folder of them: archives have a folder a clinic, a year, a wearer."""


def recordings_root(chosen: str | None = None) -> Path:
    """Return where new sessions go: the choice, else $HIPTURN_RECORDINGS, else ./recordings."""
    return Path(chosen or os.environ.get("HIPTURN_RECORDINGS") or "recordings")


def settings_folder() -> Path:
    """Return where the user's own settings are: $HIPTURN_CONFIG, else where the system has them."""
    import click

    return Path(os.environ.get("HIPTURN_CONFIG") or click.get_app_dir("hipturn"))


def demo_root() -> Path:
    """Return the folder of the demo sessions, installed or in a checkout."""
    installed = Path(__file__).parent / DEMO
    return installed if installed.is_dir() else Path(__file__).parent.parent / "recordings" / DEMO


def in_bin(folder: Path) -> bool:
    """Say whether a session is in the bin, hidden until it is taken out; a damaged one is not."""
    if not (folder / "edits.jsonl").is_file():
        return False
    from imu.recording import SessionError  # pyarrow only where somebody said something
    from imu.recording.edits import is_binned, read_edits

    try:
        return is_binned(read_edits(folder).standing)
    except SessionError:
        return False


def find_anywhere(texts: Iterable[str]) -> list[Path | str]:
    """Return the sessions that paths and URLs name; those behind a URL as texts.

    Raises
    ------
    UserError
        When one of them is neither a session nor a folder that holds one.
    """
    from hipturn.archive.remote import find_remote, is_url

    found: list[Path | str] = []
    for text in texts:
        found += find_remote(text) if is_url(text) else find_sessions([text])
    return list(dict.fromkeys(found))


def find_sessions(paths: Iterable[str]) -> list[Path]:
    """Return the sessions that paths name: sessions, folders of sessions, `demo`, `demo/NAME`.

    A session in the bin is found by its own name only.

    Raises
    ------
    UserError
        When a path is neither a session nor a folder that holds one.
    """
    found: list[Path] = []
    for text in paths:
        path = Path(text)
        if not path.exists() and path.parts[:1] == (DEMO,) and ".." not in path.parts:
            path = demo_root().joinpath(*path.parts[1:])
        inside = sorted(
            child.parent
            for depth in DEPTHS
            for child in path.glob(f"{depth}/{SESSION_FILE}")
            if not in_bin(child.parent)
        )
        if path.is_dir() and not (path / SESSION_FILE).exists() and inside:
            found += inside
        else:
            found.append(path)  # opening it reports what is missing
    if not found:
        raise UserError("no session was named; give a session folder, or `demo`")
    return list(dict.fromkeys(found))
