"""Load an exercise of the catalogue, or say which one was meant.

An exercise is a TOML file in `analysis/exercises/catalogue/`. Its start pose is given as joint
angles of a nominal wearer; what each unit should see of gravity there follows from them
(`analysis.exercises.nominal_pose`), so that pose checks, posture gates and zero points have one
source.
"""

from __future__ import annotations

import difflib
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from analysis.exercises.exercise import CatalogueError, Exercise
from analysis.exercises.exercise_file import merged, parse, plain, shown

CATALOGUE = Path(__file__).parent / "catalogue"


@cache
def load(exercise_id: str) -> Exercise:
    """Return one exercise of the catalogue.

    Raises
    ------
    CatalogueError
        When there is no such exercise, or its file is wrong.
    """
    known = ids()
    if exercise_id not in known:
        near = difflib.get_close_matches(exercise_id, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "`hipturn exercises` lists them all"
        raise CatalogueError(f"there is no exercise {shown(exercise_id)}: {hint}")
    return parse(_document(exercise_id), exercise_id)


def _document(exercise_id: str) -> dict[str, Any]:
    """Return the TOML document of an exercise, with what it takes from another one."""
    path = CATALOGUE / f"{exercise_id}.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, nested too deeply
        raise CatalogueError(
            f"exercise {exercise_id}: {path.name} is no TOML: {plain(str(error))}"
        ) from None
    base = data.get("like")
    if base is None:
        return data
    if base not in ids() or base == exercise_id:
        raise CatalogueError(f"exercise {exercise_id}: like = {shown(base)} is no other exercise")
    original = tomllib.loads((CATALOGUE / f"{base}.toml").read_text(encoding="utf-8"))
    if "like" in original:
        raise CatalogueError(
            f"exercise {exercise_id}: like = {shown(base)} is itself like another; name that one"
        )
    return merged(data, original)


@cache
def ids() -> tuple[str, ...]:
    """Return the ids of all exercises, sorted."""
    return tuple(sorted(path.stem for path in CATALOGUE.glob("*.toml")))
