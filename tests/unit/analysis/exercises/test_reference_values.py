"""Published values: each traces to a source, and none is shown for another posture."""

from __future__ import annotations

import dataclasses
import re

import pytest

from analysis import exercises
from analysis.exercises import (
    DETECTABLE,
    NORMS,
    Norm,
    detectable_change,
    norms_for,
    posture_of,
    prone_grade,
)


def untraceable(norm: Norm) -> list[str]:
    """Return what a value lacks to be shown to a person."""
    texts = {name: getattr(norm, name) for name in ("posture", "age", "sex", "method", "source")}
    lacks = [name for name, text in texts.items() if not text.strip()]
    if not norm.n > 1:
        lacks.append("n")
    if not re.search(r"\b(19|20)\d\d\b.*\d", norm.source):
        lacks.append("year and place")
    return lacks


@pytest.mark.parametrize("norm", NORMS, ids=lambda n: f"{n.posture} {n.mean_deg}")
def test_every_value_has_posture_people_method_and_source(norm):
    assert untraceable(norm) == []
    assert 10 < norm.mean_deg < 60


@pytest.mark.parametrize("field", ["posture", "method", "source"])
def test_a_value_without_one_of_them_is_noticed(field):
    assert untraceable(dataclasses.replace(NORMS[0], **{field: ""}))


def test_a_value_without_people_is_noticed():
    assert untraceable(dataclasses.replace(NORMS[0], n=0)) == ["n"]


def test_no_value_is_shown_whose_source_does_not_say_which_way_the_hip_turned():
    assert not [norm.text for norm in NORMS if re.search("which way|Harris-Hayes", norm.text)]


def test_values_known_from_memory_only_are_absent():
    said = " ".join(norm.source for norm in NORMS)
    assert not re.search(r"NHANES|Roach|textbook|AAOS|ACR|\[mem\]|\[K\]", said)


@pytest.mark.parametrize(
    ("exercise", "posture"),
    [
        ("prone_windshield_wiper", "prone"),
        ("prone_rotation_test", "prone"),
        ("seated_internal_rotation", "seated"),
        ("supine_rotation_test", "supine"),
        ("seated_leg_extension_twist", None),  # the knee is straight
        ("ninety_ninety_lift", None),
        ("side_lying_ankle_lift", None),
        ("standing_banded_rotation", None),
    ],
)
def test_values_are_shown_for_the_posture_they_were_measured_in(exercise, posture):
    entry = exercises.load(exercise)
    assert posture_of(entry) == posture
    assert {norm.posture for norm in norms_for(entry)} <= {posture}


def test_seated_values_are_not_those_of_lying_prone():
    prone = norms_for(exercises.load("prone_windshield_wiper"))
    seated = norms_for(exercises.load("seated_internal_rotation"))
    assert [norm.mean_deg for norm in prone] == [35.2]
    assert sorted(norm.mean_deg for norm in seated) == [30.7, 32.8, 37.9]


def test_every_value_says_how_much_of_its_source_was_read_and_who_moved_the_leg():
    for each in (*NORMS, *DETECTABLE):
        assert each.read in ("full", "abstract")
        assert "read " in each.text
        assert any(word in each.text for word in ("active", "passive"))
        assert f"n = {each.n}" in each.text


@pytest.mark.parametrize(
    ("exercise", "active", "known_deg"),
    [
        ("seated_internal_rotation", True, 5.4),
        ("seated_internal_rotation", False, None),
        ("seated_internal_rotation", None, None),
        ("seated_rotation_drill", True, 5.4),
        ("supine_rotation_test", False, 16.4),
        ("supine_rotation_test", True, None),
        ("straight_leg_raise_test", False, 10.2),
        ("straight_leg_raise_test", True, None),
        ("prone_rotation_test", False, None),
        ("prone_windshield_wiper", True, None),
        ("seated_leg_extension_twist", True, None),
        ("elevated_split_squat", True, None),
        ("crossover_step_up", True, None),
        ("hurdle_stretch", True, None),
    ],
)
def test_a_detectable_change_is_of_one_posture_and_one_kind_or_none(exercise, active, known_deg):
    found = detectable_change(exercises.load(exercise), active)
    assert (found.deg if found else None) == known_deg


@pytest.mark.parametrize(
    ("angle_deg", "said"),
    [(46.0, "athletes"), (44.6, "athletes"), (29.6, "good (30°)"), (29.4, "less than good"),
     (9.6, "less than good"), (5.0, "our reading")],
)  # fmt: skip
def test_the_prone_test_is_graded_on_the_rounded_value_that_is_shown(angle_deg, said):
    assert said in prone_grade(angle_deg)
