"""`hipturn validate`: a session beside a reference with planted errors, and the worked example."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hipturn as package
from hipturn.export.csv import write_table

PAGE = Path(__file__).parents[4] / "docs" / "validating.md"
KNEE, ROTATION = "knee_flexion_deg", "hip_internal_rotation_deg"


@pytest.fixture
def session(make_session):
    return make_session()


@pytest.fixture
def result(session):
    return package.analyse(package.open(session))


def reference_of(result, path, *, lag_s=0.0, **added):
    """Write the session's own angles as a laboratory would have them: another clock, errors."""
    names = ["time_s", "side", ROTATION, KNEE]
    table = result.angles[names].astype({"side": str})
    table["time_s"] -= lag_s
    for name, error in added.items():
        table[name] += error
    write_table(table, path)
    return path


def row_of(folder, angle):
    table = pd.read_csv(folder / "validation.csv")
    return table[(table["angle"] == angle) & table["rep"].isna()].iloc[0]


def test_the_worked_example_of_the_page_runs_and_prints_what_it_shows(
    hipturn, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    block, shown = re.findall(r"```(?:sh|text)\n(.*?)```", text, re.DOTALL)[:2]
    out = ""
    for line in block.splitlines():
        words = [
            str(found)
            for word in shlex.split(line)
            for found in (Path().glob(word) if "*" in word else [word])
        ]
        code, out, err = hipturn(*words[1:])
        assert code == 0, err
    for name in ("validation.csv", "validation.pdf", "methods.txt"):
        assert (tmp_path / "validation" / name).stat().st_size > 500
    for line, printed in zip(shown.splitlines(), out.splitlines(), strict=False):
        before = [float(x) for x in re.findall(r"[-+]?\d+\.\d+", line)]
        now = [float(x) for x in re.findall(r"[-+]?\d+\.\d+", printed)]
        np.testing.assert_allclose(now[: len(before)][:3], before[:3], atol=0.15)
        assert printed.startswith(line.partition(":")[0])


def test_a_planted_lag_and_offset_are_found_and_told(hipturn, session, result, tmp_path):
    path = reference_of(result, tmp_path / "lab.csv", lag_s=1.25, **{ROTATION: -4.0})
    code, out, err = hipturn("validate", session, "--reference", path, "--out", tmp_path / "v")
    assert code == 0, err
    assert re.search(r"lag: \+1\.2(49|50|51) s", out)
    row = row_of(tmp_path / "v", ROTATION)
    assert row["bias_deg"] == pytest.approx(4.0, abs=0.02)
    assert row["rmse_deg"] == pytest.approx(4.0, abs=0.02)
    assert row["rmse_offset_removed_deg"] < 0.1
    assert row["within_1_sigma"] == pytest.approx(0.0, abs=0.01)
    assert row["within_1_sigma_offset_removed"] > 0.99
    assert row["peaks"] == 3
    assert row["peak_bias_deg"] == pytest.approx(4.0, abs=0.05)
    assert "Shrout and Fleiss" in (tmp_path / "v" / "methods.txt").read_text()


def test_planted_noise_lies_within_its_limits_of_agreement(hipturn, session, result, tmp_path):
    noise = np.random.default_rng(1).normal(0.0, 2.0, len(result.angles))
    path = reference_of(result, tmp_path / "lab.csv", **{ROTATION: noise})
    assert hipturn("validate", session, "--reference", path, "--out", tmp_path / "v")[0] == 0
    row = row_of(tmp_path / "v", ROTATION)
    assert row["rmse_deg"] == pytest.approx(2.0, abs=0.1)
    assert (row["limit_low_deg"], row["limit_high_deg"]) == pytest.approx((-3.92, 3.92), abs=0.2)


def test_each_repetition_has_a_row(hipturn, session, result, tmp_path):
    path = reference_of(result, tmp_path / "lab.csv")
    assert hipturn("validate", session, "--reference", path, "--out", tmp_path / "v")[0] == 0
    table = pd.read_csv(tmp_path / "v" / "validation.csv")
    reps = table[(table["angle"] == KNEE) & table["rep"].notna()]
    assert reps["rep"].tolist() == [1, 2, 3]
    assert (reps["rmse_deg"] < 0.05).all()


def test_a_reference_with_decimal_commas_is_read(hipturn, session, result, tmp_path):
    table = result.angles[["time_s", ROTATION]]
    (tmp_path / "lab.csv").write_text(table.to_csv(index=False, sep=";", decimal=","))
    code, _, err = hipturn(
        "validate", session, "--reference", tmp_path / "lab.csv", "--out", tmp_path / "v"
    )
    assert code == 0, err
    assert row_of(tmp_path / "v", ROTATION)["rmse_deg"] < 0.05


@pytest.mark.parametrize("knee_sign", [1.0, -1.0])
def test_an_opensim_motion_is_read_whichever_way_its_knee_counts(
    hipturn, session, result, tmp_path, knee_sign
):
    angles = result.angles
    mot = pd.DataFrame(
        {
            "time": angles["time_s"],
            "hip_rotation_r": angles[ROTATION],
            "knee_angle_r": knee_sign * angles[KNEE],
        }
    ).dropna()
    head = f"Coordinates\nversion=1\nnRows={len(mot)}\nnColumns=3\ninDegrees=yes\nendheader\n"
    (tmp_path / "ik.mot").write_text(head + mot.to_csv(sep="\t", index=False))
    code, _, err = hipturn(
        "validate", session, "--reference", tmp_path / "ik.mot", "--out", tmp_path / "v"
    )
    assert code == 0, err
    assert row_of(tmp_path / "v", KNEE)["rmse_deg"] < 0.05
    assert row_of(tmp_path / "v", ROTATION)["rmse_deg"] < 0.05


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no table"),
        ("a,b\n1,2\n", "time_s is missing"),
        ("time_s,colour\n1,2\n2,3\n", "none of our angles"),
        (f"time_s,{ROTATION}\n1,x\n2,3\n", "'x' in the column"),
        (f"time_s,{ROTATION}\n2,1\n1,3\n", "times do not rise"),
        (f"time_s,{ROTATION}\n1,\n2,\n", "every angle is empty"),
        (f"time_s,side,{ROTATION}\n1,left,1\n2,left,3\n", "is of the left leg"),
        (f"time_s,{ROTATION}\n9001,1\n9002,3\n", "has no angle that moves"),
        ("inDegrees=yes\nendheader\nhip\n1\n", "`time` is missing"),
    ],
)
def test_a_reference_that_cannot_serve_is_one_line(hipturn, session, tmp_path, text, said):
    (tmp_path / "lab.csv").write_text(text)
    code, _, err = hipturn(
        "validate", session, "--reference", tmp_path / "lab.csv", "--out", tmp_path / "v"
    )
    assert (code, err.count("\n")) == (1, 1)
    assert said in err
    assert not (tmp_path / "v").exists()


def test_a_reference_that_is_not_there_is_one_line(hipturn, session, tmp_path):
    code, _, err = hipturn("validate", session, "--reference", tmp_path / "no.csv")
    assert code == 1
    assert "no.csv: cannot be read" in err
