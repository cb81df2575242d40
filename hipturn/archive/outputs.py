"""Where tables go: a folder, or a URL that fsspec writes (s3://, gs://, sftp://, memory://).

Behind a URL each session's tables are made in a temporary folder of the worker and put there whole;
the journal and what is over all sessions are made here and put there when the run ends.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hipturn.archive.manifest import OUTPUTS, signature
from hipturn.archive.remote import check_scheme, explained, opened, version_of

SCHEMES = ("file", "s3", "gs", "abfs", "sftp", "memory")
"""What tables are written to."""
IN_FOLDERS = ("file", "sftp")
"""Those of them where a folder has to be made first."""
IN_PROCESS = "memory://"
"""What a worker cannot write to for others: its files come back with its results."""


class Folder:
    """A folder of this computer, or one that all workers share."""

    url = ""

    def __init__(self, path: Path) -> None:
        self.path = path

    def seen(self, name: str) -> str:
        """Return what a session's tables look like (`hipturn.archive.manifest.signature`)."""
        return signature(self.path / name, OUTPUTS)

    def has(self, name: str) -> bool:
        """Return whether a session's tables are there."""
        return (self.path / name).is_dir()

    def look(self) -> None:
        """Look again at what is there."""

    def put_all(self) -> None:
        """Put the journal and what is over all sessions where they belong: they are there."""

    def close(self) -> None:
        """Let go of it."""


class Remote(Folder):
    """A place behind a URL; `path` is a temporary folder for what is over all sessions.

    Raises
    ------
    UserError
        When it cannot be reached.
    """

    def __init__(self, url: str, journal: str, over_all: tuple[str, ...]) -> None:
        check_scheme(url, SCHEMES)
        self.url, self._over_all = url.rstrip("/"), (journal, *over_all)
        self._temporary = tempfile.TemporaryDirectory(prefix="hipturn-")
        super().__init__(Path(self._temporary.name))
        self._there: dict[str, str] = {}
        self.look()
        with explained(url), contextlib.suppress(FileNotFoundError):
            system, root = opened(url)
            (self.path / journal).write_bytes(system.cat_file(f"{root}/{journal}"))

    def look(self) -> None:
        """Note which tables are there; one listing."""
        with explained(self.url):
            system, root = opened(self.url)
            system.invalidate_cache()
            files = {
                path[len(root) + 1 :]: version_of(info)
                for path, info in system.find(root, maxdepth=2, detail=True).items()
            }
        names = {name.rpartition("/")[0] for name in files if name.endswith("/summary.csv")}
        names |= {""} if "summary.csv" in files else set()
        self._there = {
            name or ".": " ".join(
                files.get(f"{name}/{table}".lstrip("/"), "-") for table in OUTPUTS
            )
            for name in names
        }

    def seen(self, name: str) -> str:
        """Return what the last listing shows of a session's tables."""
        return self._there.get(name, "")

    def has(self, name: str) -> bool:
        """Return whether the last listing shows a session's tables."""
        return name in self._there

    def put_all(self) -> None:
        """Put the journal and what is over all sessions there."""
        files = {
            name: (self.path / name).read_bytes()
            for name in self._over_all
            if (self.path / name).exists()
        }
        put(self.url, files)

    def close(self) -> None:
        """Remove the temporary folder."""
        self._temporary.cleanup()


@contextlib.contextmanager
def made_for(url: str, name: str) -> Iterator[tuple[Path, dict[str, bytes]]]:
    """Give a temporary folder for one session's tables and put there what is in it at the end.

    Parameters
    ----------
    url
        Of the folder of all tables.
    name
        Of the session's own folder in it, or `.`.

    Yields
    ------
    Path, dict[str, bytes]
        The folder that stands for the URL, and after the block the files that are still to be put
        there by the process that started the run.

    Raises
    ------
    UserError
        When they cannot be written.
    """
    left: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory(prefix="hipturn-") as place:
        folder = Path(place)
        (folder / name).mkdir(exist_ok=True)
        if not url.startswith(IN_PROCESS):
            with explained(url), contextlib.suppress(FileNotFoundError):
                # entries made by hand are not written over
                system, root = opened(url)
                (folder / name / "reps.csv").write_bytes(
                    system.cat_file(f"{root}/{name}/reps.csv".replace("/./", "/"))
                )
        yield folder, left
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        if url.startswith(IN_PROCESS):
            left |= files
        else:
            put(url, files)


def put(url: str, files: dict[str, bytes]) -> None:
    """Write files below a URL, one request each.

    Raises
    ------
    UserError
        When one cannot be written.
    """
    with explained(url):
        system, root = opened(url)
        for name, content in files.items():
            path = f"{root}/{name}"
            if url.startswith(IN_FOLDERS):
                system.makedirs(path.rpartition("/")[0], exist_ok=True)
            system.pipe_file(path, content)


def place_of(out: Path | str, journal: str, over_all: tuple[str, ...]) -> Folder:
    """Return the place that `--out` names; the journal and what is over all sessions by name."""
    return Remote(out, journal, over_all) if isinstance(out, str) else Folder(out)
