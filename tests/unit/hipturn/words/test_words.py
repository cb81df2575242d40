"""Every text stands in a catalogue, and every catalogue has every text."""

from __future__ import annotations

import ast
import copy
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from analysis import exercises
from analysis.calibrate.calibration import CalibrationResult
from analysis.calibrate.checks import REMEDIES, not_found
from analysis.count.movement import REJECT_REASONS
from analysis.exercises import CONTEXT, NORMS, SIGNAL_NAMES
from analysis.session.alarms import TEXTS, Alarm
from analysis.session.announcements import Announcement, Kind
from hipturn.commands.summary_text import row_line
from hipturn.course import Course, Item, one_item
from hipturn.errors import UserError
from hipturn.phone.start import NEVER_TRIED
from hipturn.plan import read_plan
from hipturn.safety import SAFETY
from hipturn.server.app import CLOSED, WRITTEN
from hipturn.server.commands import COMMANDS
from hipturn.session.spoken import notes_said, sentence
from hipturn.session.virtual_session import NOTE as MADE_UP
from hipturn.units.kit import PLACES
from hipturn.visit import STAGES, Visit
from hipturn.words import (
    ENGLISH,
    FORMS,
    PLACE,
    Said,
    best,
    languages,
    read,
    said_of,
    told,
    words_of,
)
from imu.air.link import OVERFLOW
from imu.air.trouble_words import Trouble
from imu.air.trouble_words import sentence as trouble_sentence
from imu.conventions.frame_length import NOTHING_ARRIVES
from imu.phone.phone_link import ASKED as ASKED_OF_PHONES
from imu.phone.phone_link import OVER, STREAMS, PhoneTrouble
from imu.phone.phyphox import NOT_PHYPHOX, OTHER_EXPERIMENT
from imu.profiles.profile import load_profiles
from imu.sample import Side

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
    elsewhere = ("says.", "fix.", "alarm.", "unit_afar.", "at_leg.", "language.checked_by")
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


def test_a_sentence_of_imu_is_known_with_the_name_of_its_unit_before_it():
    english = "WT901 (C3:01): the unit is connected but sends nothing: switch it off and on"
    told = words_of("de")("news.unit", unit="left shank", what=english)
    assert told.startswith("Unterschenkel links: WT901 (C3:01): Der Sensor ist verbunden")
    assert words_of("de").says("K7: nothing known") == "K7: nothing known"


def test_an_error_says_what_it_was_raised_with_and_a_copy_of_it_is_one():
    error = UserError(Said("trouble.plan_for", wearer="K7"))
    assert str(error) == "this plan is for K7: go back and choose K7"
    both = Said.together((said_of(error), "or not"))
    for text in (both, copy.copy(both), copy.deepcopy(both)):
        assert words_of("de").said(text).startswith("Dieser Plan ist für K7")
        assert told(text)["parts"][0]["key"] == "trouble.plan_for"
    assert said_of(OSError(5, "no disk")) == "[Errno 5] no disk"


@pytest.mark.parametrize("language", OTHERS)
def test_every_refusal_of_a_visit_is_said_in_the_language_of_the_viewer(language):
    visit, words = Visit(Course.one(Item.of(one_item("prone_windshield_wiper", "right")))), set()
    for visit.stage in STAGES:
        for visit.working in (False, True):
            for visit.virtual in (False, True):
                for do in COMMANDS:
                    words.add(visit.why_not(do))
    words -= {""}
    assert len(words) > 100
    assert [why for why in words if words_of(language).said(why) == why] == []


def test_every_fault_of_a_plan_that_is_pasted_is_said_in_the_language_of_the_viewer():
    with pytest.raises(UserError) as caught:
        read_plan('key = 1\nname = "x"\nitems = [3, { exercise = "ninety_ninety_lift", sets = 0 }]')
    german = words_of("de").said(said_of(caught.value))
    assert german.startswith("Plan ")
    for fault in ("key ist unbekannt", "Übung 1: ist keine Tabelle", "keine ganze Zahl ab 1"):
        assert fault in german


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


# -- what imu, analysis and the catalogue of exercises say in English themselves

READ = ("name", "measured", "worn_on", "how", "cautions", "questions")
"""What of an exercise people read on the page, on the card and in the report."""


def sentences_elsewhere():
    """Yield every whole sentence that is looked up by its English."""
    for exercise in map(exercises.load, exercises.ids()):
        for name in READ:
            found = getattr(exercise, name)
            yield from (found,) if isinstance(found, str) else found
        yield from filter(None, (exercise.zero_text, exercise.quantity))
    yield from (*SAFETY, *CONTEXT, *SIGNAL_NAMES.values())
    yield from (*ASKED_OF_PHONES.values(), *map(str, PhoneTrouble), STREAMS, OVER)
    yield from (*CLOSED.values(), OVERFLOW, NOTHING_ARRIVES, NEVER_TRIED)
    yield from (NOT_PHYPHOX, OTHER_EXPERIMENT, MADE_UP)
    for unit in PLACES:
        yield f"the {unit.replace('-', ' ')} unit was never checked: `hipturn doctor --units`"
    for system in ("linux", "win32", "darwin"):
        yield from (trouble_sentence(trouble, system) for trouble in Trouble)
    yield from (one.case.lay for one in load_profiles().values() if one.case)
    for norm in NORMS:
        yield from (norm.age, norm.sex, norm.method)
    for picture in (PAGE / "poses").glob("*.svg"):
        yield from (text for _, text in WRITTEN.findall(picture.read_text()) if len(text) > 1)


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_from_elsewhere_is_known_in_every_language(language):
    known = words_of(language)
    missing = {text for text in sentences_elsewhere() if f"says.{text}" not in known.texts}
    assert missing == set()


@pytest.mark.parametrize("language", OTHERS)
def test_every_check_and_alarm_of_analysis_is_known_in_every_language(language):
    own = read(language)
    templates = {f"fix.{key}": text for key, text in REMEDIES.items()}
    templates |= {f"alarm.{key}": text for key, text in TEXTS.items()}
    assert templates.keys() - own.keys() == set()
    more = {key: places(own[key]) - places(text) - {"side"} for key, text in templates.items()}
    assert {key: names for key, names in more.items() if names} == {}  # each has a value


def test_every_reason_and_fault_of_the_tables_has_a_name():
    words = words_of()
    grading = (ROOT / "analysis/grade/grade.py").read_text(encoding="utf-8")
    tests = grading.partition("tests = (")[2].partition("return tuple")[0]
    faults = re.findall(r'\("([a-z_]+)", ', tests)
    assert len(faults) > 5
    assert [name for name in (*REJECT_REASONS, *faults) if f"reason.{name}" not in words] == []


def test_an_alarm_is_told_with_its_key_and_in_the_language_of_the_reader():
    said = Announcement(
        Kind.ALARM, 3.0, Side.LEFT, reason="slip", text="the strap on the thigh slipped",
        words=(("segment", "thigh"), ("deg", 12.3)),
    )  # fmt: skip
    told = sentence(said, exercises.load("prone_windshield_wiper"))
    assert told == "left leg: the strap on the thigh slipped"
    german = words_of("de").said(told)
    assert german.startswith("Linkes Bein: Das Band am Oberschenkel ist verrutscht.")
    assert "12°" in german


def test_what_is_known_of_a_session_is_said_in_the_language_of_the_reader():
    check = not_found("thigh unit heard", "silent", segment="thigh")
    alarm = Alarm(12.0, "silent", "the thigh unit fell silent", (("segment", "thigh"),))
    sentences = (
        MADE_UP,
        "a note of somebody's",
        f"left leg: {check.sentence}",
        f"left leg: {alarm.text} (12 s)",
        "right leg: there is no shank unit, so there is no hip angle",
    )
    calibrations = {Side.LEFT: CalibrationResult(None, (check,))}
    alarms = {Side.LEFT: (alarm,)}
    told = notes_said(
        SimpleNamespace(calibrations=calibrations, alarms=alarms, sentences=sentences)
    )
    assert tuple(map(str, told)) == sentences
    german = [words_of("de").said(text) for text in told]
    assert german[1] == sentences[1]
    assert not {*german[:1], *german[2:]} & {*sentences}
    assert german[2].startswith("Linkes Bein: ")
    assert german[3].endswith("(12 s)")
    assert german[4].endswith("also keinen Hüftwinkel")


def test_how_a_set_went_is_said_in_the_language_of_the_reader():
    row = {
        "exercise": "prone_windshield_wiper", "side": "right", "valid": 9, "target_reps": 10,
        "controlled": 7, "rom_median_deg": 31.4, "rom_max_deg": 36.6, "hold_median_s": 1.25,
        "tempo_median_s": 4.0, "end_mean_deg": float("nan"), "partial": 1, "rejected": 0,
        "lost_samples_percent": 1.04,
    }  # fmt: skip
    line = row_line(row)
    assert line == (
        "prone_windshield_wiper, right: 9 of 10 reps, 7 controlled, range 31° (largest 37°),"
        " hold 1.2 s, tempo 4.0 s, 1 partial, 1.0 % lost"
    )
    assert words_of("de").said(line) == (
        "prone_windshield_wiper, rechts: 9 von 10 Wiederholungen, 7 kontrolliert, Bewegungsumfang"
        " 31° (größter Wert 37°), Halt 1,2 s, Tempo 4,0 s, 1 zu klein, 1,0 % verloren"
    )


# -- no sentence in Python

CONVERTED = (
    "hipturn/session/spoken.py", "hipturn/session/terminal.py", "hipturn/clinical_words.py",
    "hipturn/report/words.py", "hipturn/report/judgements.py", "hipturn/report/pages.py",
    "hipturn/report/html.py", "hipturn/report/drawings.py", "hipturn/report/card.py",
    "hipturn/server/conditions.py", "hipturn/server/page_display.py", "hipturn/server/desk.py",
    "hipturn/visit/table.py", "hipturn/visit/handlers.py", "hipturn/course.py",
    "hipturn/session/visiting.py", "hipturn/session/open_links.py",
    "hipturn/session/radio_session.py", "hipturn/units/shake.py", "hipturn/units/link_news.py",
    "hipturn/units/rest_check.py", "hipturn/units/unit_setup.py", "hipturn/units/unit_check.py",
    "hipturn/units/unit_verdict.py", "hipturn/units/check_units.py", "hipturn/phone/start.py",
    "hipturn/phone/invited.py", "hipturn/phone/phyphox.py", "hipturn/commands/summary_text.py",
    "hipturn/plan.py", "hipturn/session/one_clock.py", "hipturn/session/start.py",
    "hipturn/history/present_wearer.py", "hipturn/history/edits.py",
    "hipturn/history/show.py", "hipturn/history/trend_figure.py",
)  # fmt: skip
"""Rooms whose texts for people, errors among them, are in the catalogue. Not yet: errors of the
command line, `hipturn/commands` and exports."""


def python_sentences(path):
    """Yield strings of three words or more that are no docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if not is_text or id(node) in docs:
            continue
        if re.search(r"[A-Za-z]{2,} [A-Za-z]{2,} [A-Za-z]{2,}", node.value):
            yield node.value


ENGLISH_DATA = {
    "active or passive not told", "Glyph .* missing from font", "units in place", NEVER_TRIED,
}  # fmt: skip
"""Values of tables and recordings, looked up by their English; and a warning of matplotlib's."""


@pytest.mark.parametrize("path", CONVERTED)
def test_no_converted_room_of_python_holds_a_sentence(path):
    assert [text for text in python_sentences(ROOT / path) if text not in ENGLISH_DATA] == []
