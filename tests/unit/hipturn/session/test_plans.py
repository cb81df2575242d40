"""Plans: what is read, what is refused, and how one is walked through."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from analysis.count.movement import RepSettings
from analysis.exercises import load
from hipturn.commands.cli import cli
from hipturn.errors import UserError
from hipturn.plan import KEYS, PlanItem, load_plan, parse_plan, routines
from hipturn.session.pipeline import dose_of, read_recording
from hipturn.session.replay import tracker_of
from imu.recording import open_session


def test_every_source_has_a_routine_and_every_routine_can_be_walked_through():
    assert set(routines()) == {
        "routine_000", "routine_001", "routine_002", "routine_003", "tests_of_rotation",
    }  # fmt: skip
    for name in routines():
        plan = load_plan(name)
        assert plan.name
        for item in plan.items:
            exercise = load(item.exercise)
            if name.startswith("routine"):
                assert exercise.source.startswith(name[-3:])
            assert ("both" in item.sides) == exercise.both_legs


def test_what_a_plan_does_not_say_follows_the_exercise():
    dose = PlanItem(exercise="side_lying_ankle_lift").dose
    assert (dose.sets, dose.reps, dose.hold_s) == (2, (15, 15), (0.0, 0.0))
    dose = PlanItem(exercise="revolved_pyramid", hold_s=40.0).dose
    assert (dose.hold_s, dose.breaths) == ((40.0, 40.0), None)
    wiper = parse_plan({"items": [{"exercise": "prone_windshield_wiper"}]}, "mine")
    assert wiper.items[0].sides == ("both",)


def test_a_range_that_a_plan_knows_raises_what_a_repetition_needs():
    item = parse_plan({"items": [{"exercise": "ninety_ninety_lift", "range_deg": 16}]}, "x").items[
        0
    ]
    entry = load("ninety_ninety_lift")
    assert RepSettings.of(entry).valid_range_deg == 4.0
    assert RepSettings.of(entry.with_dose(item.dose)).valid_range_deg == 8.0
    with pytest.raises(UserError, match="range_deg = -1 is not degrees from 0 to 90"):
        parse_plan({"items": [{"exercise": "ninety_ninety_lift", "range_deg": -1}]}, "x")


def test_a_bad_plan_lists_every_problem_at_once():
    items = [
        {"exercise": "prone_windscreen_wiper", "colour": "red"},
        {"exercise": "ninety_ninety_lift", "sides": ["both"], "reps": 0, "rest_s": "long"},
        {"exercise": "ninety_ninety_lift", "sides": "right", "sets": 1.5},
        "lift",
    ]
    with pytest.raises(UserError) as caught:
        parse_plan({"items": items, "title": "x", "name": 3}, "mine.toml")
    said = str(caught.value)
    for problem in (
        "plan mine.toml: ", "title is unknown", "name = 3 is not text",
        "item 1: colour is unknown", "did you mean prone_windshield_wiper?",
        "item 2: ninety_ninety_lift is done with one leg at a time, not both",
        "item 2: reps = 0 is not a whole number from 1 up",
        "item 2: rest_s = 'long' is not seconds from 0 to 3600",
        "item 3: sides = 'right' is no list of left, right or both",
        "item 3: sets = 1.5 is not a whole number from 1 up", "item 4: is no table",
    ):  # fmt: skip
        assert problem in said


@pytest.mark.parametrize("text", ["", "items = 3", "[[items]]", "name = "])
def test_an_empty_or_broken_file_is_refused_in_a_sentence(tmp_path, text):
    path = tmp_path / "plan.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError):
        load_plan(str(path))


def test_an_unknown_plan_names_those_there_are():
    with pytest.raises(UserError, match="one of routine_000, routine_001"):
        load_plan("routine_9")


def test_a_plan_is_walked_through_and_its_sessions_remember_what_it_asked(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'name = "Mine"\n[[items]]\nexercise = "ninety_ninety_lift"\nsides = ["left"]\n'
        "sets = 2\nreps = 3\nrest_s = 8\n"
        '[[items]]\nexercise = "twisted_legs_stretch"\nsides = ["right"]\nhold_s = 10\n',
        encoding="utf-8",
    )
    words = ["live", "--virtual", "--speed", "max", "--plan", str(plan), "--dir", str(tmp_path)]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "Mine: 1 of 2, 90-90 lift, left" in done.output
    assert "set 1 of 2 done: rest for 8 s" in done.output
    assert "Mine: 2 of 2, Twisted legs stretch, right" in done.output
    assert "ninety_ninety_lift, left: 6 of 6 reps" in done.output
    assert "of 10 s" in done.output
    folder = next(path for path in tmp_path.iterdir() if "ninety" in path.name)
    session = open_session(folder)
    assert dose_of(session).reps == (3, 3)
    assert read_recording(session).dose.sets == 2
    assert tracker_of(session)[0].exercise.dose.reps == (3, 3)


def test_the_next_exercise_of_a_leg_asks_for_one_bend_and_no_standing_up(tmp_path):
    plan = tmp_path / "plan.toml"
    items = [
        f'[[items]]\nexercise = "{name}"\nsides = ["{side}"]\nreps = 3\n'
        for name, side in (
            ("seated_internal_rotation", "right"),
            ("prone_windshield_wiper", "right"),
            # a calf turns in its strap when the hip does: one bend tells, and two more mend it
            ("ninety_ninety_lift", "right"),
            ("prone_windshield_wiper", "left"),  # the straps move
        )
    ]
    plan.write_text("".join(items), encoding="utf-8")
    words = ["live", "--virtual", "--speed", "max", "--plan", str(plan), "--dir", str(tmp_path)]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    first, second, third, fourth = done.output.split("3 of 3 reps")[:4]
    assert "Stand still" in first
    assert "five times" in first
    assert "knee once" in second
    assert "Stand still" not in second
    assert "five times" not in second
    assert "done it 3 times" in third
    assert "Stand still" not in third
    assert "Stand still" in fourth
    assert "five times" in fourth
    folders = sorted(path for path in tmp_path.iterdir() if path.is_dir())
    kept = [
        calibration["kept_from"]
        for path in folders
        for calibration in (open_session(path).header.calibration or {}).values()
    ]
    assert kept == ["", folders[0].name, folders[0].name, ""]


PAGE = Path(__file__).parents[4] / "docs" / "plans.md"


def test_the_page_about_plans_lists_every_field_and_its_example_is_one():
    text = PAGE.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert {re.findall(r"`(\w+)`", row)[0] for row in rows} == KEYS
    example = tomllib.loads(re.search(r"```toml\n(.*?)```", text, re.DOTALL)[1])
    plan = parse_plan(example, "example")
    assert [item.sides for item in plan.items] == [("left", "right"), ("right", "left"), ("both",)]
    assert all(f"`{name}`" in text for name in routines())
