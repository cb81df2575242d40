"""Exercises of the user's own: TOML files of the catalogue's schema, found by name or by path.

A file is given by its path, lies in `$HIPTURN_EXERCISES`, or in `exercises/` beside the recordings.
Its id is the file's name. A session keeps a copy of it, so a replay needs no file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis import exercises
from analysis.exercises import CatalogueError, Exercise
from analysis.exercises.catalogue import document_of, parse_own, plain
from imu.strict_toml import read_toml

MAX_BYTES = 65_536
FOLDER = "exercises"
SUFFIX = ".toml"
ID = re.compile(r"[a-z0-9][a-z0-9_]{0,49}")
"""As a session's header takes it."""
_given: dict[str, Exercise] = {}
"""Those that this process has found: a plan's are named by their id in another folder."""


def find(text: str, *beside: Path) -> Exercise:
    """Return an exercise by the id of the catalogue, by a file, or by the id of an own one.

    Parameters
    ----------
    text
        An id, or the path of a TOML file.
    beside
        Folders whose `exercises/` may hold it, such as the recordings'.

    Raises
    ------
    CatalogueError
        When there is none, or listing every problem of its file.
    """
    if text.endswith(SUFFIX):
        exercise = _given[Path(text).stem] = read(Path(text))
        return exercise
    if text not in exercises.ids():
        for path in _files(*beside):
            if path.stem == text:
                _given[text] = read(path)
                break
        if text in _given:
            return _given[text]
    return exercises.load(text)


def is_own(exercise_id: str) -> bool:
    """Say whether an exercise is none of the catalogue's."""
    return exercise_id not in exercises.ids()


def own(*beside: Path) -> list[Exercise]:
    """Return the own exercises there are, by id; a file that is wrong is left out."""
    found = dict(_given)
    for path in _files(*beside):
        try:
            found.setdefault(path.stem, read(path))
        except CatalogueError:
            continue  # named, it says what is wrong with it
    return [found[name] for name in sorted(found)]


def read(path: Path) -> Exercise:
    """Return the exercise of a file.

    Raises
    ------
    CatalogueError
        When it cannot be read, or listing every problem of it.
    """
    name = plain(path.stem)
    try:
        data = read_toml(path, MAX_BYTES)
    except FileNotFoundError:
        raise CatalogueError(f"{plain(str(path))}: there is no such file; check the path") from None
    except OSError as error:
        raise CatalogueError(
            f"{plain(str(path))}: cannot be read ({error.strerror}); give a TOML file"
        ) from None
    except ValueError as error:
        raise CatalogueError(
            f"{plain(str(path))} is no usable TOML: {plain(str(error))}; correct the file"
        ) from None
    problems = []
    if not ID.fullmatch(path.stem):
        problems.append(
            f"its name {name!r} is no id: use lower-case letters, digits and underscores"
        )
    elif not is_own(path.stem):
        problems.append(f"{name} is an exercise of ours: rename the file")
    return parse_own(data, name, problems)


def stored(exercise: Exercise) -> dict[str, Any] | None:
    """Return the copy of an own exercise that a session keeps; None for one of the catalogue."""
    return document_of(exercise) if is_own(exercise.id) else None


def _files(*beside: Path) -> Iterator[Path]:
    folders = [folder / FOLDER for folder in beside]
    named = os.environ.get("HIPTURN_EXERCISES")
    if named:
        folders.insert(0, Path(named))
    for folder in folders:
        if folder.is_dir():
            yield from sorted(folder.glob(f"*{SUFFIX}"))
