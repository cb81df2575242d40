"""Own exercises: a file, a plan that names it, and a session that needs neither elsewhere."""

from __future__ import annotations

import json
import shutil

import pytest

from analysis import exercises
from analysis.exercises import CatalogueError, ids, load, parse
from analysis.exercises.catalogue import document_of
from hipturn import own_exercises

GOOD = """
like = "seated_internal_rotation"
name = "Rotation on the stool"
min_range_deg = 8.0
"""
WHOLE = """
name = "Whole"
source = "mine"
position = "seated"
mode = "gravity"
measured = "how far the foot goes out"
rep = "out and back"
min_range_deg = 10.0
typical_range_deg = 25.0
onset_deg = 3.0
max_sigma_deg = 5.0
angle = "gravity"
zero = "absolute"
both_legs = false
how = ["Sit."]
cautions = []

[pose]
hip_flexion_deg = 90.0
hip_adduction_deg = 0.0
hip_rotation_deg = 0.0
knee_flexion_deg = 90.0
thigh_tolerance_deg = 25.0
knee_tolerance_deg = 25.0

[dose]
reps = [5, 8]
"""


@pytest.fixture(autouse=True)
def none_given(monkeypatch):
    monkeypatch.setattr(own_exercises, "_given", {})
    monkeypatch.delenv("HIPTURN_EXERCISES", raising=False)


@pytest.mark.parametrize("text", [GOOD, WHOLE])
def test_a_file_is_an_exercise_of_its_name(tmp_path, text):
    path = tmp_path / "on_the_stool.toml"
    path.write_text(text)
    found = own_exercises.find(str(path))
    assert (found.id, found.position) == ("on_the_stool", "seated")
    assert own_exercises.find("on_the_stool") == found


@pytest.mark.parametrize("where", ["environment", "beside the recordings"])
def test_an_own_exercise_is_found_by_its_name(tmp_path, monkeypatch, where):
    folder = tmp_path / "exercises"
    folder.mkdir()
    (folder / "on_the_stool.toml").write_text(GOOD)
    if where == "environment":
        monkeypatch.setenv("HIPTURN_EXERCISES", str(folder))
        assert own_exercises.find("on_the_stool").name == "Rotation on the stool"
    else:
        assert own_exercises.find("on_the_stool", tmp_path).name == "Rotation on the stool"
    assert [one.id for one in own_exercises.own(tmp_path)] == ["on_the_stool"]


BROKEN = {
    "no_toml.toml": ("name = ", ["no usable TOML"]),
    "empty_file.toml": ("", ["how is missing", "mode is missing", "pose.knee_flexion_deg is"]),
    "prone_rotation_test.toml": (WHOLE, ["an exercise of ours"]),
    "Up Case.toml": (WHOLE, ["no id"]),
    "far_off.toml": ('like = "seated_rotation"', ["no exercise of the catalogue", "did you mean"]),
    "like_number.toml": ("like = 3", ["like = 3 is no exercise"]),
    "two_faults.toml": (
        WHOLE.replace('"seated"', '"flying"').replace("25.0\nonset", '"much"\nonset'),
        ["position = 'flying' is none of", "typical_range_deg = 'much' is not a number"],
    ),
    "unknown_key.toml": (WHOLE.replace("name =", "colour = 3\nname ="), ["colour is unknown"]),
    "no_pose.toml": (WHOLE.split("[pose]")[0], ["pose.hip_flexion_deg is missing"]),
    "pose_text.toml": (WHOLE.split("[pose]")[0] + "\n", ["dose.reps is missing"]),
    "pose_far.toml": (
        WHOLE.replace("hip_flexion_deg = 90", "hip_flexion_deg = 900"), ["-180 to 180"],
    ),
    "min_above.toml": (WHOLE.replace("= 10.0", "= 60.0"), ["above typical_range_deg"]),
    "onset_above.toml": (WHOLE.replace("= 3.0", "= 20.0"), ["above min_range_deg"]),
    "below_zero.toml": (WHOLE.replace("max_sigma_deg = 5.0", "max_sigma_deg = -5.0"), ["above 0"]),
    "no_reps.toml": (WHOLE.replace("[5, 8]", "[0, 8]"), ["begins below 1"]),
    "reps_turned.toml": (WHOLE.replace("[5, 8]", "[8, 5]"), ["lower first"]),
    "both_and_turns.toml": (
        WHOLE.replace("both_legs = false", "both_legs = true\nalternating = true"), ["exclude"],
    ),
    "heading_zero.toml": (
        WHOLE.replace('angle = "gravity"', 'angle = "heading"'), ["a heading has no zero"],
    ),
    "proxy_unsaid.toml": (WHOLE.replace('mode = "gravity"', 'mode = "proxy"'), ["says what"]),
    "circles_wrong.toml": (WHOLE.replace("both_legs", "circles = true\nboth_legs"), ["circles"]),
    "no_name.toml": (WHOLE.replace('"Whole"', '""'), ["name is empty"]),
    "nan_range.toml": (WHOLE.replace("= 25.0\nonset", "= nan\nonset"), ["not a number"]),
    "huge.toml": ("x = '" + "y" * 70_000 + "'", ["no usable TOML"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused_with_all_its_problems(tmp_path, name):
    text, said = BROKEN[name]
    (tmp_path / name).write_text(text)
    with pytest.raises(CatalogueError) as error:
        own_exercises.find(str(tmp_path / name))
    assert "\n" not in str(error.value)
    for words in said:
        assert words in str(error.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(CatalogueError, match="no such file"):
        own_exercises.find(str(tmp_path / "gone.toml"))


@pytest.mark.parametrize("exercise_id", ids())
def test_the_copy_that_a_session_keeps_is_the_exercise_again(exercise_id):
    entry = load(exercise_id)
    assert parse(json.loads(json.dumps(document_of(entry))), exercise_id) == entry


def test_a_plan_with_an_own_exercise_is_replayed_and_analysed_without_the_file(hipturn, tmp_path):
    folder = tmp_path / "exercises"
    folder.mkdir()
    (folder / "on_the_stool.toml").write_text(GOOD)
    plan = tmp_path / "plan.toml"
    plan.write_text('[[items]]\nexercise = "on_the_stool"\nsides = ["right"]\nreps = 2\n')
    recordings = tmp_path / "recordings"
    code, out, err = hipturn(
        "live", "--virtual", "--terminal", "--speed", "max", "--plan", plan, "--dir", recordings
    )
    assert code == 0, err
    assert "Rotation on the stool" in out
    (session,) = [path for path in recordings.iterdir() if path.is_dir()]
    elsewhere = tmp_path / "elsewhere" / session.name
    shutil.copytree(session, elsewhere)
    shutil.rmtree(folder)
    own_exercises._given.clear()
    with pytest.raises(CatalogueError):
        exercises.load("on_the_stool")
    code, replayed, err = hipturn("replay", elsewhere, "--terminal", "--speed", "max")
    assert code == 0, err
    assert "Rotation on the stool" in replayed
    assert "on_the_stool, right: 2 of 2 reps" in replayed
    for command in (
        ("analyse", elsewhere, "--out", tmp_path / "tables", "--no-report"),
        ("history", "--dir", elsewhere.parent),
        ("export", elsewhere, "--to", "fhir", "--out", tmp_path / "fhir"),
    ):
        code, _, err = hipturn(*command)
        assert (code, err.count("hipturn:")) == (0, 0), err
    text = (tmp_path / "fhir" / "bundle.json").read_text()
    assert "Rotation on the stool" in text
