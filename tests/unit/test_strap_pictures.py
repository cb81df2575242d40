"""The strap pictures come from one body model: the same places on either leg, in every position."""

from __future__ import annotations

import importlib.util
import math
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from analysis import exercises

SCRIPT = Path(__file__).parents[2] / "docs" / "images" / "draw_poses.py"
SPEC = importlib.util.spec_from_file_location("draw_poses", SCRIPT)
assert SPEC
assert SPEC.loader
drawing = importlib.util.module_from_spec(SPEC)
sys.modules["draw_poses"] = drawing
SPEC.loader.exec_module(drawing)

NAMES = [(name, side) for name in drawing.PICTURES for side in ("left", "right")]
WORN = [one for one in NAMES if one[0] != "phone"]


def parts(name, side):
    """Return the parts of a shipped picture by id."""
    tree = ElementTree.parse(drawing.POSES / f"{name}_{side}.svg")  # noqa: S314 (our own file)
    return {part.get("id"): part for part in tree.iter() if part.get("id")}


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+\.?\d*", text)]


def share(unit, segment):
    """Return where along its segment a unit sits, from the upper joint."""
    x, y = numbers(unit.get("data-on"))
    ax, ay, bx, by = numbers(segment.get("d"))
    along = (bx - ax, by - ay)
    return ((x - ax) * along[0] + (y - ay) * along[1]) / (along[0] ** 2 + along[1] ** 2)


@pytest.mark.parametrize(("name", "side"), NAMES)
def test_the_shipped_picture_is_the_one_that_the_model_draws(name, side):
    shipped = (drawing.POSES / f"{name}_{side}.svg").read_text(encoding="utf-8")
    assert shipped == drawing.picture(name, side)


@pytest.mark.parametrize(("name", "side"), WORN)
def test_units_sit_at_the_same_share_of_their_segment_everywhere(name, side):
    found = parts(name, side)
    for segment in ("thigh", "shank"):
        at = share(found[f"unit-{segment}"], found[segment])
        assert at == pytest.approx(drawing.SHARE, abs=0.01)
    assert found["unit-thigh"].get("data-hidden") == "0"  # the outside of the thigh is in view


@pytest.mark.parametrize(("name", "side"), NAMES)
def test_a_picture_says_which_leg_from_where_and_which_way_the_foot_goes(name, side):
    found = parts(name, side)
    assert "".join(found["side"].itertext()) == f"{side[0].upper()} {side}"
    assert found["view"].text.startswith("seen from ")
    path = numbers(found["arrow"][0].get("d"))
    assert math.dist(path[:2], path[-2:]) > 4.0  # it can be seen to lead somewhere


def test_a_phone_has_a_picture_of_its_own():
    found = parts("phone", "right")
    assert "unit-thigh" not in found
    assert share(found["unit-shank"], found["shank"]) == pytest.approx(0.25, abs=0.01)


def test_every_position_of_the_catalogue_has_a_picture():
    wanted = {exercises.load(name).position for name in exercises.ids()}
    assert wanted <= set(drawing.PICTURES)


def test_the_left_picture_is_the_mirror_image_of_the_right_one():
    for name in drawing.PICTURES:
        left, right = (numbers(parts(name, side)["shank"].get("d")) for side in ("left", "right"))
        mirrored = [drawing.WIDTH - x if k % 2 == 0 else x for k, x in enumerate(right)]
        assert left == pytest.approx(mirrored, abs=0.11)
