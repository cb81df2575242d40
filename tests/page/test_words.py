"""The page in every language: its words are those of Python, and there is room for longer ones."""

from __future__ import annotations

import re

import pytest
from window import AFAR, eventually

import hipturn.words as catalogue
from hipturn.server.hub import now_ms
from hipturn.words import NUMBER, PLACE, Said, best, languages, told, units_said, words_of

ACCENTS = str.maketrans("aeiouAEIOUncs", "áéïöüÁÉÏÖÜñçš")
FILLED = (
    "return import('/page/words.js')"
    ".then(found => arguments[0].map(([key, args]) => found.word(key, args)))"
)
STAGES = {
    "home": {"unfinished": {"done": 1, "of": 12}},
    "wearer": {"wearers": ["K7", "W12345678901234567"]},
    "today": {"wearer": "K7", "goals": {"right": {"deg": 24.0, "source": "wearer"}}},
    "units": {
        # a unit that is known leaves nothing to skip, and no phone waits to be let in
        "can": ["swap", "shake", "retry", "phone", "next", "back", "home"],
        "working": False,
        "problem": "the shank unit is not in range: switch it on",
        "found": [
            {"place": "right shank", "name": "DOT", "profile": "movella_dot", "end": "A1:02",
             "moving": 0.0, "rssi": -60}
        ],
    },
    "straps": {},
    "ready": {"safety": ["Before you begin.", "Stop when it hurts."], "checklist": []},
    "countdown": {"silent": ["right shank"]},
    "calibrate": {},
    "set": {},
    "result": {"next": {"name": "Prone windshield wiper", "side": "left", "set": 2,
                        "same": False, "moves": True}},
    "summary": {"key": "", "working": False},
}  # fmt: skip
OFTEN = [("today", "small phone"), ("set", "small phone on its side"), ("result", "small phone")]


def sample(texts, key):
    """Return values for the places of a text."""
    found = {}
    for name, spec in PLACE.findall(texts[key]):
        if spec and not NUMBER.fullmatch(spec):
            values = [k.rpartition(".")[2] for k in texts if k.startswith(f"{spec}.")]
            value = values[0] if values else "range"
        else:
            value = 12.34 if spec else "K7"
        found[name[0].lower() + name[1:]] = value
    return found


@pytest.mark.parametrize("language", languages())
def test_the_page_fills_texts_in_as_python_does(feed, browser, language):
    feed.live(stage="home")
    browser.open(f"{feed.url}&lang={language}", "small phone")
    words = words_of(language)
    asked = [(key, sample(words.texts, key)) for key in words.texts if not key.startswith("says.")]
    asked += [
        (key.rpartition(".")[0], {**sample(words.texts, key), "n": n})
        for key in words.texts
        if key.endswith(".other")
        for n in (0, 1, 2, 21)
    ]
    asked += [("guide.still", {"seconds": s}) for s in (0.0, -0.04, 3.96, 100.0)]
    shown = browser.run(FILLED, asked)
    pairs = zip(asked, shown, strict=True)
    wrong = [
        (key, told, words(key, **args)) for (key, args), told in pairs if told != words(key, **args)
    ]
    assert wrong == []


def test_what_is_wrong_is_said_in_the_language_of_the_viewer(feed, browser):
    wrong = "WT901 (C3:01): the unit is connected but sends nothing: switch it off and on"
    rested = Said("rested.moved", unit="left shank")
    row = {"what": "WT901", "title": told(Said("looked_at.drift")), "good": False, **told(rested)}
    feed.live(stage="check", working=False, checklist=[row])
    browser.open(f"{feed.url}&lang=de", "small phone")
    eventually(lambda: "Drift" in browser.text("card"), 8)
    assert "Der Sensor Unterschenkel links wurde bewegt" in browser.text("card")
    for problem, german in (
        (Said("trouble.no_samples", units=units_said(["pelvis"]), seconds=60.0), "In 60 s kamen"),
        (wrong, "WT901 (C3:01): Der Sensor ist verbunden"),
    ):
        feed.live(stage="check", working=False, problem=problem, problem_said=told(problem))
        eventually(lambda german=german: german in browser.text("card"), 8)
    asked = Said("book.turn")
    feed.live(stage="check", working=True, ask=asked, asked=told(asked))
    eventually(lambda: "Drehen Sie das Buch" in browser.text("ask"), 8)


def longer(text):
    """Return a text with accents, two fifths longer, its places untouched."""
    parts = re.split(r"(\{[^{}]*\})", text)
    parts = [part if part.startswith("{") else part.translate(ACCENTS) for part in parts]
    words = [word for part in parts[::2] for word in part.split()]
    more, missing = [], round(0.4 * sum(map(len, words)))
    for word in words:
        if missing > 0 and len(word) > 1:
            more.append(word)
            missing -= len(word) + 1
    return " ".join(["".join(parts), *more])


@pytest.fixture
def pseudo(tmp_path, monkeypatch):
    """Put a language in place whose texts are longer, with the plurals of Polish."""
    english = catalogue.read("en")
    texts = {
        key: text if key.startswith(("distance", "percent", "side_letter")) else longer(text)
        for key, text in english.items()
    }
    for key in [key for key in texts if key.endswith(".other")]:
        for form in ("few", "many"):
            texts[key.replace(".other", f".{form}")] = f"{texts[key]} ({form})"
    lines = "\n".join(f'"{key}" = {text!r}' for key, text in texts.items() if "'" not in text)
    (tmp_path / "pl.toml").write_text(lines)
    (tmp_path / "en.toml").write_text((catalogue.FOLDER / "en.toml").read_text())
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    words_of.cache_clear()
    yield "pl"
    words_of.cache_clear()


def crowded(feed, browser, language, chosen):
    """Return what has no room, by stage and size."""
    wrong = []
    assert best(language) == language
    for number, (stage, size) in enumerate(chosen):
        feed.live(stage=stage, **{"until": now_ms() + 9000, **STAGES[stage]})
        if stage == "calibrate":
            leg = {"step": "bends", "checks": [], "sign": "open", "start_deg": None}
            legs = {"type": "calibration", "legs": {"right": leg}}
            feed.do(feed.hub.newest, legs, keep=True)
        if stage == "set":
            feed.frame(31.0)
        if number == 0:
            browser.open(f"{feed.url}&lang={language}", size)
        browser.size(size)
        eventually(lambda stage=stage: browser.run(SHOWN) == stage, 8)
        browser.run("return new Promise(done => setTimeout(done, 150))")
        wrong += [f"{stage}, {size}: {one}" for one in browser.misplaced() + browser.run(WIDE)]
    assert browser.complaints() == []
    return wrong


SHOWN = "return document.body.dataset.stage"
# What is wider than its place, but for what scrolls by itself.
WIDE = """
const tight = [...document.querySelectorAll("#card button, #foot button")]
  .filter(node => node.checkVisibility() && node.scrollWidth > node.clientWidth + 1)
  .map(node => `${node.id || node.textContent} has no room for its words`);
return tight.concat([...document.querySelectorAll("#card *, #head *, #foot *, #banner")]
  .filter(node => node.checkVisibility() && !node.closest(".scroll, select, canvas, #title"))
  .filter(node => node.getBoundingClientRect().right > innerWidth + 1)
  .map(node => `${node.id || node.className || node.tagName} is wider than the window`));
"""


@pytest.mark.parametrize("language", languages()[1:])
def test_a_language_has_room_where_it_is_tightest(feed, browser, language):
    assert crowded(feed, browser, language, OFTEN) == []


def test_a_longer_language_has_room_where_people_exercise(feed, browser, pseudo):
    assert crowded(feed, browser, pseudo, OFTEN) == []
    told = browser.run(FILLED, [("to_fix", {"n": n}) for n in (1, 2, 5)])
    assert [text.rpartition("(")[2] for text in told[1:]] == ["few)", "many)"]


@pytest.mark.long
@pytest.mark.parametrize("language", [*languages()[1:], "pseudo"])
def test_every_stage_has_room_in_every_language_and_layout(feed, browser, language, request):
    code = request.getfixturevalue("pseudo") if language == "pseudo" else language
    chosen = [(stage, size) for stage in STAGES for size in AFAR]
    wrong = crowded(feed, browser, code, chosen)
    assert not wrong, "\n".join(wrong)
