"""`hipturn reliability` and `hipturn agreement` as people type them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from hipturn.session.virtual_session import header_of
from imu.recording import SessionWriter
from imu.virtual.wearer import WearerSettings, wear

STARTED = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)


@pytest.fixture
def days():
    """Return a function that records a wearer's test on some days."""

    def record(count, root):
        for day in range(count):
            wearing = wear("seated_internal_rotation", "right", 30 + day, WearerSettings(reps=3))
            header = header_of(wearing, STARTED + timedelta(days=3 * day), "W1")
            with SessionWriter.create(root / f"day{day}", header) as writer:
                for sample in wearing.samples:
                    writer.write(sample)
                for time_s, label in wearing.marks:
                    writer.event({"type": "mark", "time_s": round(time_s, 6), "label": label})
        return root

    return record


def test_five_days_give_a_detectable_change_and_four_give_none(hipturn, days, tmp_path):
    root = days(5, tmp_path / "r")
    code, out, err = hipturn("reliability", root)
    assert code == 0, err
    assert "5 readings on 5 days" in out
    assert "MDC95" in out.splitlines()[1]
    assert "n = 5 days" in out
    code, out, _ = hipturn("reliability", *(root / f"day{day}" for day in range(4)))
    assert code == 0
    assert "no MDC95" in out


def test_its_json_is_only_json(hipturn, days, tmp_path):
    code, out, _ = hipturn("reliability", days(2, tmp_path / "r"), "--json")
    assert code == 0
    (row,) = json.loads(out)
    assert (row["wearer"], row["side"], row["days"]) == ("W1", "right", 2)
    assert row["mdc95"]["value"] is None


def test_sessions_without_repetitions_are_one_line(hipturn, tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "session.json").write_text("{}")
    code, _, err = hipturn("reliability", tmp_path / "s")
    assert code == 1
    assert "no session has a reading" in err


def readings(path, *, extra=""):
    rng = np.random.default_rng(3)
    rows = ["wearer,leg,test,rater,day,method,deg"]
    for w in range(10):
        truth = rng.normal(30.0, 8.0)
        for method, bias in (("goniometer", 4.0), ("phone", 0.0)):
            for rater in ("A", "B"):
                deg = truth + bias + rng.normal(0.0, 1.0)
                rows.append(f"W{w},left,prone,{rater},2026-03-01,{method},{deg:.1f}")
    path.write_text("\n".join(rows) + "\n" + extra)
    return path


def test_agreement_finds_a_planted_bias_and_writes_table_figure_and_paragraph(hipturn, tmp_path):
    path = readings(tmp_path / "r.csv", extra="W99,left,prone,A,2026-03-01,phone,\n")
    code, out, err = hipturn("agreement", path, "--out", tmp_path / "a")
    assert code == 0, err
    table = pd.read_csv(tmp_path / "a" / "agreement.csv")
    row = table[table["between"] == "methods"].iloc[0]
    assert (row["first"], row["second"]) == ("goniometer", "phone")
    assert row["bias_low_deg"] < 4.0 < row["bias_high_deg"]
    assert row["icc_3_1"] > row["icc_2_1"]
    assert "goniometer minus phone" in out
    assert (tmp_path / "a" / "agreement.pdf").stat().st_size > 500
    assert "1.96" in (tmp_path / "a" / "methods.txt").read_text()


def test_sessions_stand_beside_the_readings(hipturn, days, tmp_path):
    root = days(1, tmp_path / "r")
    path = tmp_path / "r.csv"
    path.write_text(
        "wearer,leg,test,rater,day,method,deg\n"
        "W1,right,seated_internal_rotation,,2026-03-01,goniometer,\n"
        "W1,right,seated_internal_rotation,,2026-03-01,goniometer,30\n"
    )
    code, out, err = hipturn("agreement", path, "--sessions", root, "--out", tmp_path / "a")
    assert code == 0, err
    assert "goniometer minus hipturn" in out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no table"),
        ("wearer,deg\nW1,3\n", "lacks the columns leg, test, rater, day, method"),
        ("wearer,leg,test,rater,day,method,deg\nW1,l,t,A,1,m,x\n", "'x' is no angle"),
        ("wearer,leg,test,rater,day,method,deg\nW1,l,t,A,1,m,999\n", "'999' is no angle"),
        ("wearer,leg,test,rater,day,method,deg\nW1,l,t,A,1,m,3\n", "nothing was read twice"),
    ],
)
def test_readings_that_cannot_serve_are_one_line(hipturn, tmp_path, text, said):
    (tmp_path / "r.csv").write_text(text)
    code, _, err = hipturn("agreement", tmp_path / "r.csv", "--out", tmp_path / "a")
    assert (code, err.count("\n")) == (1, 1)
    assert said in err
