"""The worked example of docs/adding-an-exercise.md is right, and its tables are complete."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from analysis.exercises import (
    CatalogueError,
    Dose,
    Exercise,
    Pose,
    hip_matrix,
    ids,
    level_pelvis,
    nominal_up,
    parse,
    rotation_about,
)
from imu.sample import Side
from imu.virtual.person.movements import Movement, PelvisPosition

PAGE = Path(__file__).parents[2] / "docs" / "adding-an-exercise.md"
TEXT = PAGE.read_text(encoding="utf-8")
ID = "supine_table_edge_rotation"


def example() -> dict[str, object]:
    """Return the page's TOML document."""
    found = re.search(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    assert found
    return tomllib.loads(found[1])


def listed(first_cell: str) -> list[str]:
    """Return the field names in the first column of one of the page's tables."""
    table = TEXT.split(f"\n| {first_cell} | What |\n")[1].split("\n\n")[0]
    return [
        name
        for line in table.splitlines()[1:]
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    ]


def test_the_example_is_a_valid_exercise_that_the_catalogue_does_not_have_yet():
    exercise = parse(example(), ID)
    assert exercise.zero_rad == 0.0
    assert ID not in ids()


def test_an_example_without_a_field_is_refused_with_its_name():
    broken = example()
    del broken["rep"]
    with pytest.raises(CatalogueError, match="rep is missing"):
        parse(broken, ID)


@pytest.mark.parametrize("side", Side)
def test_the_example_lies_flat_with_the_shin_hanging(side):
    thigh_up, shank_up = nominal_up(parse(example(), ID), side)
    assert thigh_up == pytest.approx([1.0, 0.0, 0.0])  # its front faces the ceiling
    assert shank_up == pytest.approx([0.0, 1.0, 0.0])  # its knee is above its ankle


@pytest.mark.parametrize("side", Side)
def test_in_the_example_turning_in_takes_the_foot_outwards(side):
    pelvis = level_pelvis("supine", side)
    femur = pelvis @ hip_matrix(0.0, 0.0, 20.0, side)
    foot = femur @ rotation_about(2, -math.pi / 2) @ np.array([0.0, -1.0, 0.0])
    outwards = side.sign * pelvis[:, 2]
    assert foot @ outwards == pytest.approx(math.sin(math.radians(20.0)))
    phi = side.sign * math.atan2(femur[2, 2], femur[2, 0])
    assert math.degrees(phi) == pytest.approx(20.0)


def test_the_virtual_wearer_of_the_example_does_the_same_exercise():
    found = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert found
    code = "\n".join(line.removeprefix("   ") for line in found[1].splitlines())
    movement = eval(code, {"Movement": Movement, "PelvisPosition": PelvisPosition})  # noqa: S307
    exercise = parse(example(), movement.exercise)
    assert movement.pelvis == exercise.position
    assert movement.angle == exercise.angle
    assert math.radians(movement.phi0_deg) == exercise.zero_rad
    assert movement.reps == exercise.dose.reps[0]
    assert (movement.flexion_deg, movement.knee_flexion_deg) == (
        exercise.pose.hip_flexion_deg,
        exercise.pose.knee_flexion_deg,
    )


def test_the_page_lists_every_field_of_an_exercise():
    for cell, kind in (
        ("Field", Exercise),
        ("Field of `[pose]`", Pose),
        ("Field of `[dose]`", Dose),
    ):
        names = {field.name for field in fields(kind)} - {"id"}
        assert sorted(listed(cell)) == sorted(names)
