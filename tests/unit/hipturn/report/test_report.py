"""The report: the numbers of the tables, as text, on paper, in grey, for one wearer."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from datetime import date, datetime
from functools import cache
from pathlib import Path

import matplotlib.image
import pandas as pd
import pytest

import hipturn as package
from analysis.agreement.repeated import Reading, repeated
from analysis.exercises import CONTEXT, ids, load
from analysis.exercises.reference_values import NORMS
from hipturn.clinical_words import side_text
from hipturn.errors import UserError
from hipturn.history.earlier import Earlier, Past, completed
from hipturn.report import Entry, write_report
from hipturn.report.judgements import comparisons, quality
from hipturn.report.words import figure, measures, reading, rep_tables, sources
from hipturn.session_paths import demo_root
from hipturn.words import words_of

DEMO = sorted(path.name for path in demo_root().iterdir())
poppler = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler-utils is missing")


@cache
def entry(name: str) -> Entry:
    return Entry(package.analyse(package.open(demo_root() / name)))


def text_of(path: Path, *options: str) -> str:
    command = ["pdftotext", *options, str(path), "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def demo_pdf(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.pdf"
    return write_report([entry(name) for name in DEMO], path)


def test_every_study_that_is_named_says_how_much_of_it_was_read():
    row = {"side_difference_deg": 12.0, "mdc_deg": None, "side_flag": "asymmetry"}
    sides = side_text(load("prone_windshield_wiper"), [row | {"end_mean_deg": None}])
    tests = [entry.source for entry in map(load, ids()) if "et al." in entry.source]
    assert tests
    assert "et al." in sides
    for said in (*CONTEXT, *reading([]), sides, *tests):
        for study in said.split("et al.")[1:]:
            assert re.search(r"read (as an abstract|in full)", study), said


@poppler
def test_the_text_of_the_pdf_is_text(demo_pdf):
    text = text_of(demo_pdf)
    for words in ("Not a diagnosis", "Prone windshield wiper", "End-feel", "Pain at end range",
                  "Made by a simulated wearer", "Kouyoumdjian et al. 2012", "position prone",
                  "longest gap", "Calibration, right leg"):  # fmt: skip
        assert words in text, words


@poppler
def test_there_is_a_cover_and_a_page_for_each_exercise(demo_pdf):
    pages = text_of(demo_pdf).rstrip("\f").split("\f")
    assert len(pages) == 1 + len(DEMO)
    assert "How to read the pages" in pages[0]
    for name, page in zip(DEMO, pages[1:], strict=True):
        assert entry(name).exercise.name in page
        assert "continued" not in page


@poppler
@pytest.mark.parametrize("name", DEMO)
def test_the_numbers_are_those_of_summary_csv(name, tmp_path, hipturn):
    hipturn("analyse", demo_root() / name, "--out", tmp_path)
    rows = pd.read_csv(tmp_path / "summary.csv").to_dict("records")
    lines = text_of(tmp_path / "report.pdf", "-layout").splitlines()

    def said(label):
        (line,) = (line for line in lines if label in line)
        return line.split(label)[1]

    for label, first, second in (
        ("peak, median / largest", "peak_median_deg", "peak_max_deg"),
        ("range, median / largest", "rom_median_deg", "rom_max_deg"),
    ):
        expected = [f"{row[first]:.0f}° / {row[second]:.0f}°" for row in rows]
        assert re.findall(r"-?\d+° / -?\d+°", said(label)) == expected
    (controlled,) = re.findall(r" controlled +(\d+(?: +\d+)*)$", "\n".join(lines), re.MULTILINE)
    assert controlled.split() == [str(row["controlled"]) for row in rows]
    holds = [f"{row['hold_median_s']:.1f}" for row in rows]
    assert re.findall(r"\d+\.\d(?= s)", said("hold, median"))[: len(rows)] == holds
    lost, gap = rows[0]["lost_samples_percent"], rows[0]["longest_gap_ms"]
    assert f"Samples lost {lost:.1f} %, longest gap {gap:.0f} ms" in "\n".join(lines)


@pytest.mark.parametrize("name", DEMO)
def test_every_movement_stands_in_the_table(name):
    result = entry(name).result
    for table, side in zip(rep_tables(entry(name)), result.summary["side"], strict=True):
        reps = result.reps[result.reps["side"] == side]
        peak = table.head.index("peak")
        assert [row[peak] for row in table.rows] == [figure(p, "°") for p in reps["peak_deg"]]


@poppler
def test_fonts_are_embedded_and_pictures_are_none(demo_pdf):
    fonts = subprocess.run(["pdffonts", demo_pdf], capture_output=True, text=True, check=True)
    rows = [line.split() for line in fonts.stdout.splitlines()[2:]]
    assert rows
    assert all(row[-5] == "yes" for row in rows)  # the column "emb"
    images = subprocess.run(["pdfimages", "-list", demo_pdf], capture_output=True, check=True)
    assert len(images.stdout.splitlines()) == 2  # its head only: everything is vectors


@poppler
@pytest.mark.parametrize(("paper", "points"), [("a4", (595, 842)), ("letter", (612, 792))])
def test_the_paper_is_the_one_asked_for(paper, points, tmp_path):
    path = write_report([entry(DEMO[0])], tmp_path / "r.pdf", paper)
    info = subprocess.run(["pdfinfo", path], capture_output=True, text=True, check=True).stdout
    size = re.search(r"Page size: +([\d.]+) x ([\d.]+)", info)
    assert size
    assert tuple(round(float(side)) for side in size.groups()) == points
    assert "Pages:           2" in info


@poppler
@pytest.mark.parametrize("paper", ["a4", "letter"])
def test_nothing_lies_over_the_foot_or_off_the_page(paper, tmp_path):
    path = write_report([entry(name) for name in DEMO], tmp_path / "r.pdf", paper)
    text = text_of(path, "-bbox")
    page = None
    for line in text.splitlines():
        size = re.search(r'<page width="([\d.]+)" height="([\d.]+)"', line)
        page = tuple(map(float, size.groups())) if size else page
        word = re.search(r'xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.]+)" yMax="([\d.]+)"', line)
        if word and page:
            left, top, right, bottom = map(float, word.groups())
            assert 20 < left < right < page[0] - 10, line
            assert 20 < top < bottom < page[1] - 10, line


def test_a_picture_holds_all_pages_one_below_the_other(tmp_path):
    picture = matplotlib.image.imread(write_report([entry(DEMO[0])], tmp_path / "r.png"))
    assert picture.shape[0] == 2 * int(11.69 * 150)
    half = picture.shape[0] // 2
    assert (picture[:half, :, :3].min(), picture[half:, :, :3].min()) < (0.2, 0.2)


def test_in_grey_the_legs_differ_by_their_lines():
    ax = entry("prone_windshield_wiper").result.plot()
    styles = {str(line.get_label()).split()[0]: line.get_linestyle() for line in ax.lines}
    assert styles["left"] != styles["right"]


@pytest.mark.parametrize(
    ("language", "told"),
    [("de", ("Innenrotation der Hüfte", "linkes Bein", "Verlorene Messwerte", "zu kurz gehalten")),
     ("es", ("Rotación interna de cadera", "pierna izquierda", "Muestras perdidas"))],
)  # fmt: skip
def test_a_report_is_of_one_language_with_its_decimal_sign(tmp_path, language, told):
    made = replace(entry("prone_windshield_wiper"), words=words_of(language))
    text = write_report([made], tmp_path / "r.html").read_text(encoding="utf-8")
    assert f'<html lang="{language}">' in text
    assert [word for word in told if word not in text] == []
    body = re.sub(r"<svg.*?</svg>|<style.*?</style>", "", text, flags=re.DOTALL)
    assert not re.search(
        r"\b(repetitions|controlled|right leg|median|checks|since|Units|hold)\b", body
    )
    assert re.search(r"\d,\d s", body)
    assert not re.search(r"\d\.\d+(?:°| s\b| %)", body)


def test_html_is_one_file_that_loads_and_runs_nothing(tmp_path):
    base = entry(DEMO[0])
    hostile = replace(base.result.recording, wearer="<script>alert(1)</script>")
    made = Entry(replace(base.result, recording=hostile))
    text = write_report([made], tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text
    loaded = re.findall(r'(?:src|href)="([^"#]*)"', text)
    assert [link for link in loaded if link] == []
    assert "default-src &#x27;none&#x27;" in text or "default-src 'none'" in text
    for words in ("Not a diagnosis", "Every", "Calibration"):
        assert words in text
    assert text.count("<svg") == 2


def test_the_same_sessions_give_the_same_file(tmp_path):
    first = write_report([entry(DEMO[0])], tmp_path / "1.pdf").read_bytes()
    assert write_report([entry(DEMO[0])], tmp_path / "2.pdf").read_bytes() == first


def test_sessions_of_two_wearers_are_not_filed_together(tmp_path):
    base = entry(DEMO[0])
    other = Entry(replace(base.result, recording=replace(base.result.recording, wearer="b")))
    with pytest.raises(UserError, match="2 wearers"):
        write_report([base, other], tmp_path / "r.pdf")
    assert not (tmp_path / "r.pdf").exists()


def test_another_suffix_is_refused_before_anything_is_analysed(hipturn, tmp_path):
    code, _, err = hipturn("report", "demo", "-o", tmp_path / "report.docx")
    assert code == 1
    assert err.startswith(f"hipturn: {tmp_path}/report.docx: a report is a .pdf, .png, .html file")


def test_the_command_writes_the_report_of_a_folder(hipturn, tmp_path):
    code, out, _ = hipturn("report", "demo", "-o", tmp_path / "all.pdf", "--paper", "letter")
    assert (code, out.strip()) == (0, str(tmp_path / "all.pdf"))


def with_past(rom_deg: float) -> Entry:
    base = entry("seated_internal_rotation")
    past = Past({"left": Earlier("2025-12-24T10:00:00+00:00", rom_deg)}, None)
    return Entry(
        replace(base.result, summary=completed(base.result.summary, base.exercise, past)), past
    )


@pytest.mark.parametrize(
    ("earlier_deg", "verdict"),
    [(10.0, "more than the detectable"), (27.0, "within the detectable")],
)
def test_the_change_since_last_time_is_judged_by_the_minimal_detectable_change(
    earlier_deg, verdict
):
    made = with_past(earlier_deg)
    (row,) = made.rows
    assert row["change_since_last_deg"] == pytest.approx(row["peak_median_deg"] - earlier_deg)
    assert row["change_exceeds_mdc"] == ("more" in verdict)
    (sentence,) = (text for text in comparisons(made) if text.startswith("Since"))
    assert verdict in sentence
    assert "on 2025-12-24 10:00" in sentence
    change = figure(row["change_since_last_deg"], "°", signed=True)
    assert change in sentence
    assert measures(made).rows[-2][1] == change


def test_a_wearers_own_detectable_change_judges_both_and_is_named_with_interval_and_days():
    result = entry("seated_internal_rotation").result
    (side,) = result.summary["side"]
    days = [Reading(day=date(2025, 12, day), value_deg=30.0 + day % 3) for day in range(1, 7)]
    own = repeated(days)
    earlier = Earlier("2025-12-24T10:00:00+00:00", 10.0)
    past = Past({side: earlier}, earlier, {side: earlier}, {side: own})
    whole = completed(result.summary, result.recording.entry, past)
    said = comparisons(Entry(replace(result, summary=whole), past))
    assert sum(f"the detectable change of {own.mdc95.value:.1f}°" in text for text in said) == 2
    (named,) = (text for text in said if text.startswith("Judged by the wearer's own"))
    assert f"{own.mdc95.low:.1f} to {own.mdc95.high:.1f}°, n = 6 days" in named


def test_legs_are_judged_by_the_larger_change_and_by_none_where_one_is_not_known():
    row = {"side_difference_deg": 6.0, "side_flag": "", "end_mean_deg": None}
    for left, right, said in ((3.0, 5.4, "more than the detectable change of 5.4°"),
                              (3.0, float("nan"), "than the left's.")):  # fmt: skip
        rows = [row | {"mdc_deg": left}, row | {"mdc_deg": right}]
        assert said in side_text(load("seated_internal_rotation"), rows)


@pytest.mark.parametrize("start", ["Since last time", "Left against right"])
def test_no_difference_is_judged_where_no_detectable_change_is_known(start):
    result = entry("seated_internal_rotation").result
    earlier = Earlier("2025-12-24T10:00:00+00:00", 10.0)
    past = Past({"left": earlier}, earlier)
    unknown = completed(result.summary.assign(mdc_deg=float("nan")), result.recording.entry, past)
    (sentence,) = (
        text
        for text in comparisons(Entry(replace(result, summary=unknown), past))
        if text.startswith(start)
    )
    assert "detectable" not in sentence
    assert "equal" not in sentence
    assert "within" not in sentence.replace("within half a degree", "")


def test_published_values_stand_with_people_method_and_source_and_for_this_posture_only():
    said = {name: " ".join(comparisons(entry(name))) for name in DEMO}
    behind = {name: " ".join(sources([entry(name)])) for name in DEMO}
    for norm in NORMS:
        for name in DEMO:
            here = entry(name).exercise.position == norm.posture
            assert (norm.brief in said[name]) == here
            assert (norm.text in behind[name]) == here
            for words in (f"n = {norm.n}", norm.age, norm.sex, norm.method, norm.source):
                assert words in norm.text
    assert "none for this posture" in said["ninety_ninety_lift"]


@pytest.mark.parametrize(
    ("exercise", "hidden"),
    [("seated_internal_rotation", "3°"), ("seated_leg_extension_twist", "4°")],
)
def test_what_knee_and_skin_may_add_stands_beside_the_uncertainty(exercise, hidden):
    result = entry("seated_internal_rotation").result
    summary = result.summary.assign(peak_max_deg=35.0)
    recording = replace(result.recording, exercise=exercise)
    said = quality(Entry(replace(result, recording=recording, summary=summary)))
    assert f"or hide up to {hidden} at the largest peak" in said[0]


def test_a_session_without_an_angle_still_has_its_page(make_session, hipturn, tmp_path):
    folder = make_session()
    events = (folder / "events.jsonl").read_text().splitlines()
    kept = [line for line in events if "knee" not in line]
    (folder / "events.jsonl").write_text("\n".join(kept) + "\n")
    code, _, _ = hipturn("report", folder, "-o", tmp_path / "r.pdf")
    assert code == 0
    made = Entry(package.analyse(package.open(folder)))
    assert any("no knee bends found" in text.lower() for text in quality(made))


def test_many_repetitions_go_on_to_a_further_page(tmp_path):
    base = entry("seated_internal_rotation").result
    reps = pd.concat([base.reps] * 6, ignore_index=True)
    path = write_report([Entry(replace(base, reps=reps))], tmp_path / "r.pdf")
    if shutil.which("pdftotext"):
        pages = text_of(path, "-layout").rstrip("\f").split("\f")
        rows = [line for page in pages[1:] for line in page.splitlines() if " valid " in line]
        assert len(rows) == 60
        assert "more on the next page" in pages[1]
        assert "continued" in pages[2]


@poppler
def test_the_cover_tells_the_page_on_which_each_exercise_begins(tmp_path):
    base = entry("seated_internal_rotation")
    reps = pd.concat([base.result.reps] * 6, ignore_index=True)
    long = Entry(replace(base.result, reps=reps))
    path = write_report([long, entry("ninety_ninety_lift")], tmp_path / "r.pdf")
    pages = text_of(path, "-layout").rstrip("\f").split("\f")
    (line,) = (line for line in pages[0].splitlines() if line.startswith("90-90 lift"))
    page = int(re.split(r"\d\d:\d\d", line)[1].split()[0])
    assert page == 4
    assert pages[page - 1].lstrip().startswith("90-90 lift")


@pytest.mark.parametrize(
    ("value", "text"), [(float("nan"), "–"), (-0.4, "0°"), (-12.3, "−12°"), (5.0, "5°")]
)
def test_unknown_is_a_dash_and_there_is_no_minus_zero(value, text):
    assert figure(value, "°") == text


def test_odd_letters_in_a_reference_are_no_obstacle(tmp_path):
    base = entry(DEMO[0])
    odd = replace(base.result.recording, wearer="患者 $x^2$ 1")
    assert write_report([Entry(replace(base.result, recording=odd))], tmp_path / "r.pdf").exists()


@poppler
def test_when_who_and_which_session_stand_on_the_page(demo_pdf):
    pages = text_of(demo_pdf).split("\f")
    for name, page in zip(DEMO, pages[1:], strict=False):
        recording = entry(name).result.recording
        started = datetime.fromisoformat(recording.started_at)
        assert f"{started:%Y-%m-%d %H:%M}" in page
        assert f"session {recording.session_id}" in page
        assert f"Wearer {recording.wearer}" in page
