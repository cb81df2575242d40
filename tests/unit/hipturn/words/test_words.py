"""Every text stands in a catalogue, and every catalogue has every text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hipturn.words import ENGLISH, FORMS, PLACE, best, languages, read, words_of

ROOT = Path(__file__).parents[4]
PAGE = ROOT / "hipturn" / "page"
SCRIPTS = sorted(PAGE.rglob("*.js"))
OTHERS = [language for language in languages() if language != ENGLISH]
DYNAMIC = re.compile(r"""[`"']([a-z_]+)\.(?:\$\{|\{)|\.of\("([a-z_]+)["]""")
"""Of a key that is put together: `state.${unit.state}`."""
QUOTED = re.compile(r"""["'`]([a-z_]+(?:\.[a-z_]+)*)["'`]""")
ASKED = (
    re.compile(r"""\bwords?\("([a-z_.]+)\""""),
    re.compile(r"""\bwords?\([^"`()]*\? "([a-z_.]+)" : """),
    re.compile(r"""data-(?:word|label)="([a-z_.]+)\""""),
)
FREE = ("language",)
"""Tables that no text is looked up in."""


def base(key):
    """Return a key without its plural form."""
    before, _, last = key.rpartition(".")
    return before if last in FORMS else key


def places(text):
    return {name.lower() for name, _ in PLACE.findall(text)}


def sources():
    for path in (*SCRIPTS, *PAGE.glob("*.html"), *(ROOT / "hipturn").rglob("*.py")):
        yield path, path.read_text(encoding="utf-8")


def test_every_text_that_is_asked_for_is_in_the_catalogue():
    known = words_of(ENGLISH)
    missing = [
        (path.name, key)
        for path, text in sources()
        for asked in ASKED
        for key in asked.findall(text)
        if key not in known
    ]
    assert missing == []


def test_every_text_of_the_catalogue_is_asked_for():
    texts = read(ENGLISH)
    everything = "\n".join(text for _, text in sources())
    quoted = set(QUOTED.findall(everything))
    tables = {one or other for one, other in DYNAMIC.findall(everything)} | {
        spec for text in texts.values() for _, spec in PLACE.findall(text)
    }
    found = {key: base(key).partition(".")[0] for key in texts}
    unused = [key for key in texts if base(key) not in quoted and found[key] not in tables]
    assert [key for key in unused if found[key] not in FREE] == []


@pytest.mark.parametrize("language", OTHERS)
def test_another_language_has_the_same_texts_with_the_same_places(language):
    english, own = read(ENGLISH), read(language)
    elsewhere = ("says.", "fix.", "alarm.", "unit_afar.", "language.checked_by")
    mine = {key for key in own if not key.startswith(elsewhere)}
    assert {base(key) for key in english} - {base(key) for key in mine} == set()
    assert {base(key) for key in mine} - {base(key) for key in english} == set()
    wrong = [key for key in mine & english.keys() if places(own[key]) != places(english[key])]
    assert [key for key in wrong if base(key) == key] == []  # "one" may say the number in words
    assert all(own[key].strip() for key in mine)


@pytest.mark.parametrize("language", languages())
def test_every_table_that_a_text_looks_up_is_there(language):
    texts = words_of(language).texts
    tables = {key.rpartition(".")[0] for key in texts} | {"says"}
    used = {
        spec
        for text in texts.values()
        for _, spec in PLACE.findall(text)
        if spec and re.fullmatch(r"[a-z_]+", spec) and spec != "g"
    }
    assert used <= tables


def test_a_text_is_filled_in_as_its_language_writes_numbers():
    english, german = words_of(ENGLISH), words_of("de")
    assert english("guide.still", seconds=1.25) == "still for 1.2 s"
    assert german("guide.still", seconds=1.26) == "still seit 1,3 s"
    assert german.number(-3.5, ".0f") == "−4"
    assert german.number(float("nan")) == "–"
    assert english.number(0.8, ".0%") == "80 %"
    assert english.number(-0.2, "+.0f") == "0"
    assert english.number(2.4, "+.0f") == "+2"


def test_plurals_tables_and_capitals():
    english = words_of(ENGLISH)
    assert english("to_fix", n=1) == "One thing to fix."
    assert english("to_fix", n=2) == "2 things to fix."
    assert english("distance.silent", unit="right shank") == "Right shank silent"
    assert english("distance.silent", unit="my own unit") == "My own unit silent"
    with pytest.raises(KeyError):
        english("no_such_text")


def test_what_a_language_lacks_is_said_in_english(monkeypatch, tmp_path):
    import hipturn.words as catalogue

    for name in ("en", "de"):
        (tmp_path / f"{name}.toml").write_text(
            'a = "one"\nb.one = "1"\nb.other = "{n}"\n' if name == "en" else 'b.other = "{n} x"\n'
        )
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    catalogue.words_of.cache_clear()
    try:
        german = words_of("de")
        assert german("a") == "one"
        assert german("b", n=2) == "2 x"
        assert "b.one" not in german.texts  # one language in a text
    finally:
        catalogue.words_of.cache_clear()


def test_the_language_is_the_first_that_there_is():
    assert best("", "", "de-AT,de;q=0.9,en;q=0.8") == "de"
    assert best("fr", "es", "de") == "es"
    assert best("fr-FR,fr") == ENGLISH
    assert best("../../etc") == ENGLISH


STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`')
COMMENT = re.compile(r"^\s*(?://|\*|/\*).*$|\s//\s.*$|/\*.*?\*/", re.MULTILINE)
KEYS = {"Enter", "Home", "End", "ArrowLeft", "ArrowRight", "Content-Type"}


def sentences(text):
    """Yield what looks like words for people among the strings of a script."""
    text = COMMENT.sub("", text)
    for found in STRING.finditer(text):
        string = re.sub(r"\$\{[^}]*\}", "", found[1] or found[2] or "")
        line = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
        if string in KEYS or re.search(
            r"class: [^,]*$|setTo\(.*\"class\",[^,]*$|font = |path|d: ", line
        ):
            continue
        if re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", string) or re.match(r"[A-Z][a-z]+\b", string):
            yield string


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_of_the_page_holds_a_sentence(path):
    assert list(sentences(path.read_text(encoding="utf-8"))) == []


def test_a_sentence_in_a_script_is_found():
    assert list(sentences('el("p", {}, "Hold it still.")')) == ["Hold it still."]
    assert list(sentences("button(`x`, `Stop ${n} now`)")) == ["Stop  now"]
    assert list(sentences('el("p", { class: "sheet middle" }) // a remark')) == []
    assert list(sentences('button("next", "Next")')) == ["Next"]


@pytest.mark.parametrize("language", languages())
def test_words_for_a_distance_are_few(language):
    words = words_of(language)
    keys = {base(key).partition(".")[2] for key in words.texts if key.startswith("distance.")}
    told = {
        words(f"distance.{key}", n=n, unit=unit, asked=asked)
        for key in keys
        for n in (1, 5)
        for unit in ("right shank", "left thigh", "pelvis")
        for asked in ("floor", "side_lying", "standing")
    }
    assert [text for text in told if len(text.split()) > 5] == []
