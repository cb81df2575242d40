"""A plan on paper says what its file says, with the page's own pictures."""

from __future__ import annotations

import re

import pypdf
import pytest
from matplotlib.figure import Figure

from analysis import exercises
from hipturn.errors import UserError
from hipturn.plan import load_plan, parse_plan, routines
from hipturn.report.card import POSES, draw_picture, write_card
from hipturn.words import words_of

PLAN = {
    "name": "My morning",
    "wearer": "K7",
    "note": "Every second day.",
    "items": [
        {"exercise": "ninety_ninety_lift", "sides": ["left", "right"], "sets": 2, "reps": 10,
         "rest_s": 45, "goal_deg": {"left": 24, "right": 28.5}, "note": "Knee on the floor."},
        {"exercise": "twisted_legs_stretch", "hold_s": 40},
    ],
}  # fmt: skip


def text_of(path):
    return " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(path).pages).split())


def test_a_card_says_what_the_plan_says(tmp_path):
    plan = parse_plan(PLAN, "plan.toml")
    assert (plan.wearer, plan.note) == ("K7", "Every second day.")
    assert plan.items[0].goal_deg == {"left": 24, "right": 28.5}
    said = text_of(write_card(plan, tmp_path / "card.pdf"))
    for words in (
        "My morning", "Wearer K7", "Every second day.", "1 90-90 lift",
        "Left leg, then right leg: 2 sets of 10 times; rest 45 s.",
        "Aim at: left 24°, right 28.5°.",
        "Knee on the floor.", "Right leg, then left leg: once, hold 40 s; rest 60 s.",
        "page 1 of 1",
    ):  # fmt: skip
        assert words in said
    assert said.count("Stop when it hurts sharply") == 1


def test_a_card_in_spanish_says_all_of_it_in_spanish(tmp_path):
    plan = parse_plan(PLAN, "plan.toml")
    said = text_of(write_card(plan, tmp_path / "card.pdf", language="es"))
    for words in (
        "Persona K7", "1 Elevación en 90-90", "Objetivo: izquierda 24°, derecha 28,5°.",
        "Pierna izquierda, luego pierna derecha: 2 series de 10 veces; descanso 45 s.",
        "D derecha", "página 1 de 1",
    ):  # fmt: skip
        assert words in said
    assert not re.search(r"\b(leg|rest|hold|seen|right)\b", said)


def test_the_command_makes_a_card_of_a_ready_made_plan(hipturn, tmp_path):
    for name in routines()[-2:]:
        out = tmp_path / f"{name}.pdf"
        code, _, err = hipturn("plan", "card", name, "-o", out)
        assert code == 0, err
        said = text_of(out)
        assert all(item.entry.name in said for item in load_plan(name).items)
    assert hipturn("plan", "card", "routine_003", "-o", tmp_path / "card.docx")[0] == 1


@pytest.mark.parametrize("picture", sorted(POSES.glob("*.svg")), ids=lambda path: path.stem)
def test_every_picture_of_the_page_is_drawn_whole(picture):
    ax = Figure().add_axes((0, 0, 1, 1))
    draw_picture(picture, ax, words_of())
    text = picture.read_text()
    drawn = re.findall(r"<(\w+)", text)
    assert set(drawn) <= {"svg", "title", "g", "rect", "path", "text", "tspan"}
    assert len(ax.patches) == drawn.count("rect") + drawn.count("path")
    assert len(ax.texts) == drawn.count("text")


def test_there_is_a_picture_of_every_position():
    positions = {exercises.load(id_).position for id_ in exercises.ids()}
    wanted = {f"{position}_{side}" for position in positions for side in ("left", "right")}
    assert wanted <= {path.stem for path in POSES.glob("*.svg")}


@pytest.mark.parametrize(
    ("where", "value", "problem"),
    [
        ("goal_deg", {"both": 3}, "is not like { left = 24, right = 28 }"),
        ("goal_deg", {"left": 95}, "goal_deg.left = 95 is not degrees from 0 to 90"),
        ("note", 3, "note = 3 is no text"),
        ("wearer", "Jane Doe", "is no pseudonym"),
    ],
)
def test_what_a_plan_cannot_say_is_named(where, value, problem):
    data = {**PLAN, "items": [dict(PLAN["items"][0])]}
    (data if where == "wearer" else data["items"][0])[where] = value
    with pytest.raises(UserError, match=problem):
        parse_plan(data, "plan.toml")
    timed = {"items": [{"exercise": "twisted_legs_stretch", "goal_deg": {"left": 3}}]}
    with pytest.raises(UserError, match="has no degrees to aim at"):
        parse_plan(timed, "plan.toml")
