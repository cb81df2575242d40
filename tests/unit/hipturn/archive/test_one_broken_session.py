"""One session that cannot be read never spoils the rest: it is left out with a sentence."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime

import pandas as pd
import pytest

from hipturn.report import make
from hipturn.server.library import Library
from hipturn.session.virtual_session import record_wearing
from imu.virtual.wearer import WearerSettings, wear

DEEP = "[" * 100_000


def header(folder, **changed):
    path = folder / "session.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


def damage(folder, name, change):
    path = folder / name
    path.write_bytes(change(path.read_bytes()))


BROKEN = {
    "garbage": lambda f: (f / "session.json").write_bytes(bytes(range(256))),
    "deep": lambda f: (f / "session.json").write_text(f'{{"format": {DEEP}'),
    "newer": lambda f: header(f, version=99),
    "other_exercise": lambda f: header(f, exercise="somersault"),
    "calibration": lambda f: header(f, calibration={"right": {"y_thigh": {"a": [DEEP]}}}),
    "no_samples": lambda f: (f / "samples.arrows").unlink(),
    "random_samples": lambda f: damage(f, "samples.arrows", lambda b: b[::-1]),
    "folder_as_file": lambda f: (f / "events.jsonl").unlink() or (f / "events.jsonl").mkdir(),
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Return a folder with two good sessions of a wearer and one broken in each way."""
    root = tmp_path_factory.mktemp("archive")
    for number in range(2):
        wearing = wear("seated_internal_rotation", "right", 21, WearerSettings(reps=2))
        begun = datetime(2026, 3, 1 + number, 10, 30, tzinfo=UTC)
        record_wearing(root / f"good_{number}", wearing, begun)
        header(root / f"good_{number}", wearer="W1")
    for name, spoil in BROKEN.items():
        shutil.copytree(root / "good_0", root / name)
        header(root / name, session_id=name)
        spoil(root / name)
    return root


def sentences_of(said):
    """Return the lines that name a broken session, by it."""
    lines = said.replace("; /", "\n/").splitlines()
    return {name: [line for line in lines if f"/{name}" in line or name in line] for name in BROKEN}


def assert_each_is_told(said, but=()):
    assert "Traceback" not in said
    for name, lines in sentences_of(said).items():
        assert lines or name in but, f"{name} is left out in silence"


def test_analyse_leaves_out_what_cannot_be_read_and_says_so(hipturn, archive, tmp_path):
    out = tmp_path / "tables"
    code, said, errors = hipturn("analyse", archive, "--out", out, "--no-report", "--workers", "1")
    assert code == 1
    assert_each_is_told(said + errors)
    for number in range(2):
        rows = pd.read_csv(out / f"good_{number}" / "reps.csv")
        assert rows["status"].tolist() == ["valid", "valid"]
    assert (out / "summary.csv").read_text().count("\n") == 3


def test_a_report_leaves_out_what_cannot_be_read_and_says_so(hipturn, archive, tmp_path):
    code, _, errors = hipturn("report", archive, "-o", tmp_path / "report.html")
    assert code == 1
    assert_each_is_told(errors)
    assert errors.count("\n") == 1
    assert (tmp_path / "report.html").stat().st_size > 10_000


def test_a_fault_of_ours_in_one_session_costs_a_report_that_one(
    hipturn, archive, tmp_path, monkeypatch
):
    real = make.read_recording

    def faulty(session):
        if session.path.name == "good_0":
            raise KeyError("knee")
        return real(session)

    monkeypatch.setattr(make, "read_recording", faulty)
    folders = [archive / f"good_{number}" for number in range(2)]
    code, _, errors = hipturn("report", *folders, "-o", tmp_path / "report.html")
    assert code == 1
    assert errors.startswith("hipturn: the report is without 1 of 2 sessions: a bug in hipturn")
    assert "good_0 is kept as it is" in errors


def test_history_leaves_out_what_cannot_be_read_and_says_so(hipturn, archive):
    code, said, errors = hipturn("history", "--wearer", "W1", "--dir", archive)
    assert code == 0, errors
    assert said.count("2026-03-0") == 2
    code, said, errors = hipturn("history", "--dir", archive)
    assert code == 0, errors
    # a header that can be read is counted; what is behind it is looked at for a wearer's trend
    assert_each_is_told(said, but=set(BROKEN) - {"garbage", "deep", "newer"})


def test_the_page_lists_the_rest_and_says_what_it_leaves_out(archive):
    rows = Library(archive).listing()
    good = [row["key"] for row in rows if "problem" not in row]
    assert {"good_0", "good_1"} < set(good)
    broken = {row["key"]: row["problem"] for row in rows if "problem" in row}
    assert {"garbage", "deep", "newer", "other_exercise"} <= broken.keys() <= BROKEN.keys()
    assert all("\n" not in problem and problem for problem in broken.values())
