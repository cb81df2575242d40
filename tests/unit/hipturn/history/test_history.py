"""History: the folders are the truth, positions are never mixed, and forgetting leaves no trace."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from analysis import exercises
from analysis.agreement.repeated import Reading, repeated
from hipturn import analyse
from hipturn import open as open_session_of_hipturn
from hipturn.commands.summary_text import summary_lines
from hipturn.history import trend
from hipturn.history.earlier import candidates, completed, own_changes, past_of, summary_of
from hipturn.history.index import INDEX_FILE, history_index
from hipturn.history.stored import SUMMARY_FILE, stored_summary
from hipturn.history.wearer_book import WEARERS_FILE, WearerBook, last_ranges_deg
from hipturn.history.wearers import Goal, Wearer, Wearers, as_text
from hipturn.session.virtual_session import record_wearing
from imu.recording import SessionError
from imu.recording.folder import FolderLock
from imu.virtual.wearer import WearerSettings, wear

SPEC = importlib.util.spec_from_file_location(
    "many_sessions", Path(__file__).parents[1] / "many_sessions.py"
)
assert SPEC
assert SPEC.loader
made = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(made)


@pytest.fixture(scope="module")
def worn(tmp_path_factory):
    return made.worn(tmp_path_factory.mktemp("worn"))


@pytest.fixture
def root(tmp_path, worn):
    """Return a folder with six sessions of two wearers, of two exercises."""
    folder = tmp_path / "recordings"
    for number in range(6):
        made.like(
            worn[0] if number % 3 else worn[2],
            folder / f"s{number}",
            "W1" if number < 4 else "W10",
            made.STARTED + timedelta(days=number),
            rom_deg=20.0 + 4.0 * number,
        )
    return folder


def trend_of(root: Path, wearer: str) -> list[dict[str, object]]:
    with history_index(root) as index:
        return trend.trend(index, root, wearer)


def test_the_trend_goes_by_exercise_and_position_and_never_mixes_them(root):
    rows = trend_of(root, "W1")
    assert [(row["exercise"], row["session"]) for row in rows] == [
        ("prone_windshield_wiper", "s0"), ("prone_windshield_wiper", "s3"),
        ("seated_internal_rotation", "s1"), ("seated_internal_rotation", "s2"),
    ]  # fmt: skip
    assert {row["position"] for row in rows if "prone" in str(row["exercise"])} == {"prone"}
    # the change is from the row above of the same exercise, not from the day before
    assert [row["change_since_last_deg"] for row in rows] == [None, 12.0, None, 4.0]
    # lying prone none is known; seated, the range is compared with 5.4°
    assert [row["change_exceeds_mdc"] for row in rows] == [None, None, None, False]


def test_a_session_whose_start_is_not_known_is_listed_and_not_compared(root, worn, hipturn):
    epoch = made.STARTED.replace(year=1970, month=1, day=1, hour=0)
    made.like(worn[0], root / "undated", "W1", epoch, rom_deg=99.0)
    rows = [row for row in trend_of(root, "W1") if "seated" in str(row["exercise"])]
    assert [row["session"] for row in rows] == ["undated", "s1", "s2"]
    assert [row["change_since_last_deg"] for row in rows] == [None, None, 4.0]
    _, out, _ = hipturn("history", "--wearer", "W1", "--dir", root)
    assert "not known" in out


def test_an_exercise_without_an_angle_has_a_trend_of_its_other_figures(root, worn, hipturn):
    for number in (1, 2):
        folder = root / f"timed{number}"
        started = made.STARTED + timedelta(days=number)
        made.like(worn[1], folder, "W7", started, rom_deg=0.0)
        stored = json.loads((folder / SUMMARY_FILE).read_text())
        stored["legs"][0] |= {"rom_median_deg": None, "peak_median_deg": None}
        (folder / SUMMARY_FILE).write_text(json.dumps(stored))
    code, out, err = hipturn("history", "--wearer", "W7", "--dir", root)
    assert (code, err) == (0, "")
    assert out.count("left") == 2
    assert "°" not in out


@pytest.mark.parametrize(
    "exercise",
    [e for e in map(exercises.load, exercises.ids()) if e.is_counted and not e.has_hip_angle],
    ids=lambda exercise: exercise.id,
)
def test_a_change_whose_detectable_size_is_not_known_is_told_and_not_judged(
    exercise, hipturn, tmp_path
):
    done = tmp_path / "done"
    record_wearing(done, wear(exercise.id, "right", 21, WearerSettings(reps=1)), made.STARTED)
    summary_of(done)
    root = tmp_path / "recordings"
    for number, rom_deg in enumerate((20.0, 40.0)):
        started = made.STARTED + timedelta(days=number)
        made.like(done, root / f"s{number}", "W1", started, rom_deg=rom_deg)
    rows = [row for row in trend_of(root, "W1") if row["side"] == "right"]
    assert [row["change_since_last_deg"] for row in rows] == [None, 20.0]
    assert [row["change_exceeds_mdc"] for row in rows] == [None, None]
    code, out, err = hipturn("history", "--wearer", "W1", "--dir", root)
    assert (code, err) == (0, "")
    assert "+20°\n" in out


def test_a_slow_change_is_seen_against_the_first_session(worn, hipturn, tmp_path):
    root = tmp_path / "slow"
    for number in range(4):
        started = made.STARTED + timedelta(days=7 * number)
        made.like(worn[0], root / f"s{number}", "W1", started, rom_deg=20.0 + 4.0 * number)
    rows = trend_of(root, "W1")
    assert [row["change_exceeds_mdc"] for row in rows] == [None, False, False, False]
    assert [row["change_since_baseline_deg"] for row in rows] == [None, 4.0, 8.0, 12.0]
    assert [row["baseline_exceeds_mdc"] for row in rows] == [None, False, True, True]
    code, out, err = hipturn("history", "--wearer", "W1", "--dir", root)
    assert (code, err) == (0, "")
    ends = [line.split()[-2:] for line in out.splitlines() if " right " in line]
    assert ends[1:] == [["+4°", "+4°"], ["+4°", "+8°*"], ["+4°", "+12°*"]]


def with_tests(worn, root, degrees, *, active):
    """Make a folder with a wearer's test, a day each, and return the days."""
    days = [made.STARTED + timedelta(days=2 * number) for number in range(len(degrees))]
    for number, (started, deg) in enumerate(zip(days, degrees, strict=True)):
        folder = root / f"s{number}"
        made.like(worn[2], folder, "W1", started, rom_deg=deg)
        stored = json.loads((folder / SUMMARY_FILE).read_text())
        stored["legs"][0] |= {"active": active, "end_mean_deg": deg, "trials_deg": f"{deg}"}
        (folder / SUMMARY_FILE).write_text(json.dumps(stored))
    return days


DEGREES = (31.0, 29.5, 32.0, 30.0, 31.5, 38.0, 32.0)


def test_five_days_of_a_wearers_own_test_judge_the_next_where_none_is_published(
    worn, hipturn, tmp_path
):
    root = tmp_path / "own"
    days = with_tests(worn, root, DEGREES, active=0)
    pairs = list(zip(days, DEGREES, strict=True))[:5]
    own = repeated([Reading(day=day.date(), value_deg=deg) for day, deg in pairs])
    rows = trend_of(root, "W1")
    assert [row["mdc_deg"] for row in rows[:5]] == [None] * 5
    assert rows[5]["mdc_deg"] == pytest.approx(own.mdc95.value, abs=1e-3)
    assert [row["change_exceeds_mdc"] for row in rows[:6]] == [None] * 5 + [True]
    assert rows[5]["baseline_exceeds_mdc"]
    code, out, err = hipturn("history", "--wearer", "W1", "--dir", root, "-o", tmp_path / "t.png")
    assert (code, err) == (0, "")
    low, high = own.mdc95.low, own.mdc95.high
    interval = f"{own.mdc95.value:.1f}° (95 % interval {low:.1f} to {high:.1f}°, n = 5 days)"
    assert f"the wearer's own detectable change {interval}" in out
    # and the tables and the report judge by the same
    entry = exercises.load("prone_windshield_wiper")
    (leg,) = stored_summary(root / "s5")
    now = pd.DataFrame([leg | {"start_time": days[5].isoformat(), "mdc_deg": float("nan")}])
    past = past_of(now, entry, candidates([root / "s5"])[root / "s5"])
    (row,) = completed(now, entry, past).to_dict("records")
    assert row["mdc_deg"] == rows[5]["mdc_deg"]
    assert row["change_exceeds_mdc"]


def declare(folder, **said):
    """Give a session events of its own, which begin with what was declared."""
    events = folder / "events.jsonl"
    old = events.read_bytes()
    events.unlink()  # it may be another session's too
    line = json.dumps({"type": "declared", "time_s": 0.0, "dose": None, "exercise": None} | said)
    events.write_bytes(line.encode() + b"\n" + old)


def test_a_wearers_own_change_is_named_in_the_terminal_and_in_fhir(worn, hipturn, tmp_path):
    root = tmp_path / "own"
    days = with_tests(worn, root, DEGREES[:5], active=0)
    today = root / "s5"
    made.like(worn[2], today, "W1", days[-1] + timedelta(days=2), rom_deg=0.0)
    declare(today, test=True, active=False)
    (today / SUMMARY_FILE).unlink()
    pairs = zip(days, DEGREES, strict=False)
    own = repeated([Reading(day=day.date(), value_deg=deg) for day, deg in pairs])
    said = f"the wearer's own detectable change {own.mdc95.value:.1f}° (95 % interval"
    code, _, err = hipturn("export", today, "--to", "fhir", "--out", tmp_path / "fhir")
    assert (code, err) == (0, "")
    bundle = json.loads((tmp_path / "fhir" / "bundle.json").read_text())
    legs = [entry["resource"] for entry in bundle["entry"]]
    notes = [note["text"] for leg in legs for note in leg["note"]]
    side = stored_summary(root / "s4")[0]["side"]
    assert [text for text in notes if text.startswith(f"{side} leg: {said}")]
    values = {
        part["valueQuantity"]["value"]
        for leg in legs
        for part in leg["component"]
        if "the wearer's own tests" in part["code"]["text"]
    }
    assert values == {round(own.mdc95.value, 3)}
    result = analyse(open_session_of_hipturn(today))
    lines = summary_lines(result, own_changes(result, today))
    assert [line for line in lines if said in line]
    assert not [line for line in summary_lines(result) if said in line]


def test_pain_stands_in_the_trend_and_in_its_figure(worn, hipturn, tmp_path):
    root = tmp_path / "pain"
    for number, pain in enumerate((None, 6, 3)):
        folder = root / f"s{number}"
        started = made.STARTED + timedelta(days=7 * number)
        made.like(worn[0], folder, "W1", started, rom_deg=30.0)
        stored = json.loads((folder / SUMMARY_FILE).read_text())
        stored["legs"][0]["pain_max_0_10"] = pain
        (folder / SUMMARY_FILE).write_text(json.dumps(stored))
    assert [row["pain_max_0_10"] for row in trend_of(root, "W1")] == [None, 6, 3]
    goal = Goal("seated_internal_rotation", "right", 35.0, made.STARTED.date())
    goals = Wearers({"W1": Wearer(goals=(goal,))})
    (root / WEARERS_FILE).write_text(as_text(goals))
    code, out, err = hipturn("history", "--wearer", "W1", "--dir", root, "-o", tmp_path / "t.png")
    assert (code, err) == (0, "")
    ends = [line.split()[-1] for line in out.splitlines() if " right " in line]
    assert ends[1:] == ["6", "3"]
    assert "pain: the largest told, 0 to 10" in out


def test_the_trend_tells_how_many_sessions_of_a_plan_were_done(worn, hipturn, tmp_path):
    root = tmp_path / "plan"
    plan = {"name": "My morning", "sha256": "0" * 64}
    done = [("a", 1), ("a", 2), ("a", 2), ("b", 1), ("b", 3)]  # one again; one left out
    for number, (visit, item) in enumerate(done):
        folder = root / f"s{number}"
        made.like(worn[0], folder, "W1", made.STARTED + timedelta(days=number), rom_deg=30.0)
        declare(folder, test=False, active=None, visit=visit, plan=plan, item=item, of=3)
    empty = root / "s5"  # begun, and nothing counted
    made.like(worn[0], empty, "W1", made.STARTED + timedelta(days=5), rom_deg=30.0)
    declare(empty, visit="b", plan=plan, item=2, of=3)
    made.like(worn[0], root / "alone", "W1", made.STARTED, rom_deg=30.0)
    for folder in root.iterdir():
        stored = json.loads((folder / SUMMARY_FILE).read_text())
        stored["made_from"] = made.made_from(folder)
        if folder == empty:
            stored["legs"][0] |= {"valid": 0, "hold_median_s": None}
        (folder / SUMMARY_FILE).write_text(json.dumps(stored))
    with history_index(root) as index:
        (row,) = trend.adherence(index, "W1")
        assert trend.adherence(index, "W2") == []
    assert row == {"plan": "My morning", "visits": 2, "asked": 6, "done": 4}
    _, out, _ = hipturn("history", "--wearer", "W1", "--dir", root)
    assert "plan My morning: 2 visits, 4 of 6 sessions done" in out


@pytest.mark.parametrize(
    ("degrees", "active"), [(DEGREES[:5], 0), (DEGREES, None)], ids=["four days", "not told"]
)
def test_no_own_change_judges_before_five_days_or_where_nobody_said_who_moved_the_leg(
    worn, tmp_path, degrees, active
):
    root = tmp_path / "own"
    with_tests(worn, root, degrees, active=active)
    assert {row["mdc_deg"] for row in trend_of(root, "W1")} == {None}


def test_legs_are_apart(root, worn):
    made.like(worn[1], root / "left", "W1", made.STARTED + timedelta(days=2), rom_deg=5.0)
    rows = [row for row in trend_of(root, "W1") if row["side"] == "left"]
    assert [row["change_since_last_deg"] for row in rows] == [None]


def test_deleting_the_index_loses_nothing(root):
    before = trend_of(root, "W1")
    (root / INDEX_FILE).unlink()
    assert trend_of(root, "W1") == before


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + b"x" * 5000, b"no index"])
def test_a_damaged_index_is_made_again(root, content):
    before = trend_of(root, "W1")
    (root / INDEX_FILE).write_bytes(content)
    assert trend_of(root, "W1") == before


def test_an_index_of_another_version_is_made_again(root):
    before = trend_of(root, "W1")
    with sqlite3.connect(root / INDEX_FILE) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    assert trend_of(root, "W1") == before


def test_a_stored_summary_is_found_again_when_it_is_gone(root):
    before = trend_of(root, "W1")
    for name in ("s1", "s2"):
        (root / name / SUMMARY_FILE).unlink()
    with history_index(root) as index:
        assert trend.not_analysed(index, "W1") == ["s1", "s2"]
        trend.fill(index, root, ["s1", "s2"], lambda _: None)
    assert stored_summary(root / "s1")
    # what is found now is what the samples hold
    (again,) = {
        row["rom_median_deg"] for row in trend_of(root, "W1") if "seated" in row["exercise"]
    }
    assert again not in {row["rom_median_deg"] for row in before}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_text("{"),
        lambda path: path.write_text("[" * 100_000),
        lambda path: path.write_text(path.read_text().replace("hipturn 0", "hipturn 9")),
        lambda path: path.write_text(path.read_text().replace('"right"', '"both"')),
        lambda path: path.write_text(path.read_text().replace('"valid": 3', '"valid": "=1+1"')),
        lambda path: path.write_text("x" * 200_000),
    ],
    ids=["cut", "deep", "another version", "no leg", "text for a number", "huge"],
)
def test_a_summary_that_does_not_fit_does_not_count(root, spoil):
    spoil(root / "s1" / SUMMARY_FILE)
    assert stored_summary(root / "s1") is None


def test_a_session_that_changed_is_read_again(root):
    assert len(trend_of(root, "W1")) == 4
    shutil.rmtree(root / "s3")
    header = json.loads((root / "s2" / "session.json").read_text())
    (root / "s2" / "session.json").write_text(json.dumps(header | {"wearer": "W2"}))
    assert [row["session"] for row in trend_of(root, "W1")] == ["s0", "s1"]
    with history_index(root) as index:
        assert trend.not_analysed(index, "W2") == ["s2"]


def test_a_damaged_session_is_listed_and_harms_no_other(root, hipturn):
    (root / "s1" / "session.json").write_text("{")
    (root / "s2" / SUMMARY_FILE).unlink()
    (root / "s2" / "samples.arrows").unlink()
    (root / "s2" / "samples.arrows").write_bytes(b"nothing")
    code, out, _ = hipturn("history", "--wearer", "W1", "--dir", root, "--json")
    assert code == 0
    shown = json.loads(out)
    assert [row["session"] for row in shown["sessions"]] == ["s0", "s3"]
    assert [one["folder"] for one in shown["damaged"]] == ["s1", "s2"]
    code, out, _ = hipturn("history", "--dir", root)
    assert [line for line in out.splitlines() if line.startswith("damaged: ")]


def test_wearers_are_listed_without_one(root, hipturn):
    code, out, _ = hipturn("history", "--dir", root)
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()] == [["W1", "4"], ["W10", "2"]]


def test_the_table_and_the_figure_of_a_wearer(root, hipturn, tmp_path):
    code, out, err = hipturn("history", "--wearer", "W1", "--dir", root, "-o", tmp_path / "t.png")
    assert (code, err) == (0, "")
    assert "prone_windshield_wiper, prone" in out
    assert "+12°" in out  # lying prone, where no detectable change is known
    assert "+12°*" not in out
    assert "+4°" in out
    assert "smallest detectable change 5.4°" in out
    assert "*: more than" in out
    assert (tmp_path / "t.png").read_bytes().startswith(b"\x89PNG")


def test_an_unknown_wearer_is_told_who_there_is(root, hipturn):
    code, _, err = hipturn("history", "--wearer", "W3", "--dir", root)
    assert code == 1
    assert err == f"hipturn: {root}: no session of wearer 'W3'; there are 'W1', 'W10'\n"


def test_a_folder_that_cannot_be_written_still_has_a_history(root, monkeypatch):
    from hipturn.history import index as module

    monkeypatch.setattr(module, "_connect", lambda _: sqlite3.connect("/nowhere/at/all"))
    assert len(trend_of(root, "W1")) == 4
    assert not (root / INDEX_FILE).exists()


def test_the_index_is_its_owners_alone(root):
    trend_of(root, "W1")
    assert (root / INDEX_FILE).stat().st_mode & 0o077 == 0


# -- what analyse makes of it --------------------------------------------------------------------


def test_analyse_tells_the_change_since_the_last_session(root, hipturn, tmp_path):
    code, _, _ = hipturn("analyse", root / "s2", "--out", tmp_path / "t", "--no-report")
    assert code == 0
    (row,) = pd.read_csv(tmp_path / "t" / "summary.csv").to_dict("records")
    assert row["change_since_last_deg"] == pytest.approx(row["peak_median_deg"] - 24.0)
    assert row["change_exceeds_mdc"] == (abs(row["change_since_last_deg"]) > row["mdc_deg"])


def test_the_first_session_has_no_change_and_another_position_is_no_last_time(
    root, hipturn, tmp_path
):
    for name in ("s0", "s1"):
        hipturn("analyse", root / name, "--out", tmp_path / name, "--no-report")
        (row,) = pd.read_csv(tmp_path / name / "summary.csv").to_dict("records")
        assert pd.isna(row["change_since_last_deg"])
        assert pd.isna(row["change_exceeds_mdc"])


def test_the_other_leg_of_the_same_visit_is_compared(root, worn, hipturn, tmp_path):
    started = made.STARTED + timedelta(days=2, minutes=10)
    made.like(worn[1], root / "left", "W1", started, rom_deg=5.0)
    hipturn("analyse", root / "left", "--out", tmp_path / "t", "--no-report")
    (row,) = pd.read_csv(tmp_path / "t" / "summary.csv").to_dict("records")
    assert row["side"] == "left"
    assert row["side_difference_deg"] == pytest.approx(28.0 - row["peak_median_deg"])  # s2's
    size = abs(row["side_difference_deg"])
    flag = "asymmetry" if size >= 10 else "borderline" if size >= 6 else ""
    assert row["side_flag"] == (flag or pytest.approx(float("nan"), nan_ok=True))


# -- forgetting ----------------------------------------------------------------------------------


def naming(folder: Path, text: str) -> list[Path]:
    """Return every file below a folder with a text anywhere in its name or bytes."""
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and (text in str(path.relative_to(folder)) or text.encode() in
                               path.read_bytes())
    ]  # fmt: skip


def test_forget_leaves_no_trace_in_folders_index_or_tables(root, hipturn, tmp_path, worn):
    reference = "patient-4711"
    for number, started in enumerate((made.STARTED, made.STARTED + timedelta(days=3))):
        made.like(worn[0], root / f"p{number}", reference, started, rom_deg=20.0)
    # a damaged one that still names the wearer
    damaged = root / "p0" / "session.json"
    damaged.write_text(damaged.read_text()[:-5])
    trend_of(root, reference)
    tables = tmp_path / "tables"
    hipturn("analyse", root / "p1", root / "s0", "--out", tables, "--no-report")
    assert naming(tmp_path, reference)
    code, out, _ = hipturn("forget", reference, "--dir", root, "--tables", tables, "--yes")
    assert code == 0
    assert f"removed session {root / 'p0'}" in out
    assert f"removed session {root / 'p1'}" in out
    assert "still names" not in out
    assert naming(tmp_path, reference) == []
    # the others are as they were
    assert len(trend_of(root, "W1")) == 4
    assert list(pd.read_csv(tables / "summary.csv")["wearer"]) == ["W1"]


def test_forgetting_one_reference_keeps_those_that_begin_alike(root, hipturn):
    code, _, _ = hipturn("forget", "W1", "--dir", root, "--yes")
    assert code == 0
    assert sorted(path.name for path in root.iterdir() if path.is_dir()) == ["s4", "s5"]
    assert len(trend_of(root, "W10")) == 2


def test_a_file_that_names_the_wearer_for_another_reason_is_told_and_kept(root, hipturn):
    (root / "notes.txt").write_text("called W1 on Monday")
    _, out, _ = hipturn("forget", "W1", "--dir", root, "--yes")
    assert f"still names the wearer, look at it yourself: {root / 'notes.txt'}" in out
    assert (root / "notes.txt").exists()


def test_nothing_is_removed_while_a_session_is_recorded(root, hipturn):
    lock = FolderLock(root / "s1")
    try:
        with pytest.raises(SessionError):
            FolderLock(root / "s1")
        code, _, err = hipturn("forget", "W1", "--dir", root, "--yes")
    finally:
        lock.release()
    assert code == 1
    assert "is being recorded by another process" in err
    assert len(trend_of(root, "W1")) == 4


@pytest.mark.parametrize("reference", ["W3", ""])
def test_a_reference_without_sessions_removes_nothing(root, hipturn, reference):
    before = sorted(root.iterdir())
    code, _, err = hipturn("forget", reference, "--dir", root, "--yes")
    assert code == 1
    assert err.startswith("hipturn: ")
    assert sorted(root.iterdir()) == before


def test_other_files_beside_tables_stay(root, hipturn, tmp_path):
    tables = tmp_path / "tables"
    hipturn("analyse", root / "s0", "--out", tables, "--no-report")
    (tables / "thesis.txt").write_text("mine")
    hipturn("forget", "W1", "--dir", root, "--tables", tables, "--yes")
    assert [path.name for path in tables.iterdir()] == ["thesis.txt"]


def test_without_a_goal_the_range_of_last_time_is_one(root):
    with history_index(root) as index:
        exercise, leg = index.execute(
            "SELECT exercise, leg FROM sessions JOIN legs USING (folder) WHERE folder = 's2'"
        ).fetchone()
    assert (
        last_ranges_deg(root, "W1", exercise)[leg] == 28.0
    )  # of the third day, 24° the day before
    assert WearerBook(root).goals("W1", exercise)[leg] == (28.0, "last time")
    assert last_ranges_deg(root, "W2", exercise) == {}
