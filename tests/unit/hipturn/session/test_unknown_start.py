"""A start that no file told stays unknown wherever it could be read: no date is made up."""

from __future__ import annotations

import json
import shutil
import subprocess

import pandas as pd
import pytest

from hipturn.history import trend_figure
from hipturn.server.library import Library
from hipturn.session_paths import demo_root


@pytest.fixture
def undated(tmp_path):
    """Return a session as an import leaves it whose files tell no time of day."""
    folder = tmp_path / "recordings" / "undated"
    shutil.copytree(demo_root() / "seated_internal_rotation", folder)
    header = json.loads((folder / "session.json").read_text())
    header |= {"session_id": "undated", "started_at": "1970-01-01T00:00:00+00:00"}
    (folder / "session.json").write_text(json.dumps(header))
    return folder


def test_tables_leave_the_start_empty(undated, hipturn, tmp_path):
    code, _, _ = hipturn("analyse", undated, "--out", tmp_path / "t", "--no-report")
    assert code == 0
    for name in ("reps", "summary"):
        table = pd.read_csv(tmp_path / "t" / f"{name}.csv")
        assert len(table)
        assert table["start_time"].isna().all(), name


def pages_of(hipturn, pdf, *sessions):
    if shutil.which("pdftotext") is None:
        pytest.skip("there is no pdftotext: apt-get install poppler-utils")
    code, _, err = hipturn("report", *sessions, "-o", pdf)
    assert code == 0, err
    text = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, text=True)
    return text.stdout.split("\f")


def test_the_cover_of_a_report_says_that_the_date_is_not_known(undated, hipturn, tmp_path):
    cover, page, *_ = pages_of(hipturn, tmp_path / "report.pdf", undated)
    assert cover.splitlines()[1].endswith("date not known")
    assert "date not known" in page
    assert "1970" not in cover + page


def test_a_report_of_dated_and_undated_sessions_tells_the_days_it_knows(undated, hipturn, tmp_path):
    dated = shutil.copytree(demo_root() / "seated_internal_rotation", undated.parent / "dated")
    cover, first, second, *_ = pages_of(hipturn, tmp_path / "report.pdf", undated, dated)
    assert cover.splitlines()[1].endswith("2026-01-05")
    assert "2026-01-05" in first
    assert "date not known" in second


def test_history_tells_no_date_and_draws_none(undated, hipturn, tmp_path, monkeypatch):
    drawn: list[str] = []
    monkeypatch.setattr(trend_figure, "_day", drawn.append)
    root = undated.parent
    _, out, _ = hipturn("history", "--dir", root, "--json")
    assert [row["start_time"] for row in json.loads(out)["sessions"]] == [None]
    code, out, err = hipturn("history", "--dir", root, "-o", tmp_path / "trend.pdf")
    assert code == 0, err
    assert "not known" in out
    assert drawn == []


def test_the_overview_of_wearers_tells_no_date(undated, hipturn):
    other = shutil.copytree(undated, undated.parent / "other")
    header = json.loads((other / "session.json").read_text())
    (other / "session.json").write_text(json.dumps(header | {"wearer": "W2"}))
    _, out, _ = hipturn("history", "--dir", undated.parent)
    assert out.count("dates not known") == 2
    assert "1970" not in out


def test_exports_make_up_no_date(undated, hipturn, tmp_path):
    for form in ("fhir", "motion-bids"):
        code, _, err = hipturn("export", undated, "--to", form, "--out", tmp_path / form)
        assert code == 0, err
    bundle = json.loads((tmp_path / "fhir" / "bundle.json").read_text())
    assert all("effectivePeriod" not in entry["resource"] for entry in bundle["entry"])
    assert [path.name for path in (tmp_path / "motion-bids").glob("sub-*/ses-*")] == ["ses-undated"]


def test_the_page_is_told_no_date(undated):
    rows = Library(undated.parent).listing()
    assert [row["started_at"] for row in rows if not row["demo"]] == [""]
