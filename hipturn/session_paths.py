"""Where recordings are: the user's folder, and the demo sessions that come with the package."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
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


def named(text: str) -> Path:
    """Return the path that a word of the command names: a path, `demo` or `demo/NAME`."""
    path = Path(text)
    if not path.exists() and path.parts[:1] == (DEMO,) and ".." not in path.parts:
        return demo_root().joinpath(*path.parts[1:])
    return path


def sessions_below(
    folder: Path | str, parents: tuple[str, ...] = ()
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the sessions up to three folders deep, in order, with the folders between.

    Nothing is below a session, and a folder that cannot be listed holds nothing.
    """
    if not parents and os.path.exists(f"{folder}/{SESSION_FILE}"):  # noqa: PTH110 (speed)
        return
    names: list[str] = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir())
    for name in names:
        path = os.path.join(folder, name)  # noqa: PTH118
        if os.path.exists(f"{path}/{SESSION_FILE}"):  # noqa: PTH110
            if not in_bin(Path(path)):
                yield path, parents
        elif len(parents) + 1 < len(DEPTHS):
            yield from sessions_below(path, (*parents, name))


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
        path = named(text)
        inside = [Path(folder) for folder, _ in sessions_below(path)]
        found += inside or [path]  # opening it reports what is missing
    if not found:
        raise UserError("no session was named; give a session folder, or `demo`")
    return list(dict.fromkeys(found))
