"""A calibration as a file: written by export, taken by import, analyse and live."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hipturn as package
from hipturn.errors import UserError
from hipturn.units.calibration_file import (
    last_calibration,
    parse_calibration,
    read_calibration,
)
from imu.recording import open_session
from imu.sample import Side

GOOD = {
    "format": "hipturn-calibration",
    "version": 1,
    "legs": {"right": {"thigh": [1, 0, 0, 0], "shank": [0, 1, 0, 0], "sigma_deg": 1.5}},
}


def edited(**changes):
    leg = {**GOOD["legs"]["right"], **changes.pop("leg", {})}
    leg = {name: value for name, value in leg.items() if value is not ...}
    return json.dumps({**GOOD, "legs": {"right": leg}, **changes}).encode()


def put_calibration(folder: Path, **changes) -> None:
    """Change fields of the right leg's calibration in a session's header; `...` removes one."""
    path = folder / "session.json"
    header = json.loads(path.read_text())
    leg = header["calibration"]["right"] | changes
    header["calibration"]["right"] = {n: v for n, v in leg.items() if v is not ...}
    path.write_text(json.dumps(header))


@pytest.fixture
def live_session(hipturn, tmp_path):
    """Return a function that records the virtual wearer live and gives the session's folder."""

    def run(*options):
        code, out, err = hipturn(
            "live", "--virtual", "--speed", "max", "--terminal", "--dir", tmp_path / "live",
            "--exercise", "prone_windshield_wiper", "--wearer", "W1", *options,
        )  # fmt: skip
        assert code == 0, err
        return Path(out.splitlines()[-1].removeprefix("session: ")), out

    return run


def test_a_file_tells_each_leg_and_what_it_holds_besides_is_ignored():
    legs = parse_calibration(edited(leg={"glue": "tape"}, made_by="hand"))
    assert list(legs) == [Side.RIGHT]
    assert legs[Side.RIGHT].q_shank == (0.0, 1.0, 0.0, 0.0)
    assert legs[Side.RIGHT].sigma_rad == pytest.approx(np.radians(1.5))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"[]", "not a JSON object"),
        (b'{"format": "hipturn session"}', "is no calibration"),
        (edited(version=2), "reads version 1"),
        (edited(legs={}), "neither left nor right"),
        (edited(legs=[]), "neither left nor right"),
        (edited(legs={"right": 3}), "legs.right is no object"),
        (edited(leg={"shank": ...}), "right.shank is missing"),
        (edited(leg={"sigma_deg": ...}), "right.sigma_deg is missing"),
        (edited(leg={"sigma_deg": -1}), "right.sigma_deg is not a number"),
        (edited(leg={"sigma_deg": True}), "right.sigma_deg is not a number"),
        (edited(leg={"thigh": [1, 0, 0]}), "right.thigh is not four numbers"),
        (edited(leg={"thigh": [0, 0, 0, 0]}), "right.thigh has the length 0"),
        (edited(leg={"thigh": "wxyz"}), "right.thigh is not four numbers"),
        (edited(pelvis=[9, 9, 9, 9]), "pelvis has the length 18"),
        (edited(leg={"thigh": [2, 0, 0, 0], "sigma_deg": 99}), "right.sigma_deg"),
    ],
)
def test_a_wrong_file_is_refused_with_every_problem(text, said, tmp_path, hipturn):
    path = tmp_path / "calibration.json"
    path.write_bytes(text)
    code, out, err = hipturn("analyse", "demo/seated_internal_rotation", "--calibration", path)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert said in err
    assert str(path) in err


def test_an_exported_calibration_gives_the_same_repetitions(hipturn, make_session, tmp_path):
    session = make_session()
    code, out, err = hipturn("export", session, "--to", "calibration", "--out", tmp_path / "c")
    assert code == 0, err
    path = tmp_path / "c" / "calibration.json"
    assert out.strip() == str(path)
    options = ("--no-report", "--out")
    assert hipturn("analyse", session, *options, tmp_path / "own")[0] == 0
    found = hipturn("analyse", session, *options, tmp_path / "given", "--calibration", path)
    assert found[0] == 0, found[2]
    own, given = (pd.read_csv(tmp_path / name / "reps.csv") for name in ("own", "given"))
    assert given["status"].tolist() == own["status"].tolist()
    np.testing.assert_allclose(given["peak_deg"], own["peak_deg"], atol=0.3)
    # another calibration is another analysis: the manifest does not take it for done
    again = hipturn("analyse", session, *options, tmp_path / "given")
    assert "unchanged" not in again[1]


def test_a_session_stands_for_its_calibration(hipturn, make_session):
    session = make_session()
    found = read_calibration(str(session))
    assert list(found.legs) == [Side.RIGHT]
    assert found.legs[Side.RIGHT].q_thigh is not None


def test_an_import_keeps_the_given_axes_and_finds_the_rest(hipturn, make_session, tmp_path):
    session = make_session(marks=False)
    result = package.analyse(package.open(session))
    hipturn("export", session, "--to", "calibration", "--out", tmp_path)
    frames = result.recording.frames
    rows = ["t,tw,tx,ty,tz,sw,sx,sy,sz"]
    set_from = frames.time_s > result.windows[Side.RIGHT].bends[1] + 0.2  # neither stand nor bends
    whole = set_from & ~np.isnan(frames.q).any(axis=(1, 2))
    for t, (thigh, shank) in zip(frames.time_s[whole], frames.q[whole], strict=True):
        rows.append(",".join(f"{x:.9f}" for x in (t, *thigh, *shank)))
    (tmp_path / "set.csv").write_text(
        "\n".join(rows).replace("tw,tx,ty,tz", THIGH).replace("sw,sx,sy,sz", SHANK) + "\n"
    )
    code, _, err = hipturn(
        "import", "csv", "--right-thigh", tmp_path / "set.csv", "--right-shank",
        tmp_path / "set.csv", "--time", "t", "--quaternion",
        "{place}_w,{place}_x,{place}_y,{place}_z", "--exercise", "seated_internal_rotation",
        "--out", tmp_path / "set", "--calibration", tmp_path / "calibration.json",
    )  # fmt: skip
    assert code == 0, err
    header = open_session(tmp_path / "set").header
    assert header.calibration["right"]["kind"] == "axes"
    again = package.analyse(package.open(tmp_path / "set"))
    assert again.summary["valid"].tolist() == result.summary["valid"].tolist() == [3]
    np.testing.assert_allclose(
        again.summary["peak_median_deg"], result.summary["peak_median_deg"], atol=0.5
    )


THIGH = ",".join(f"right_thigh_{part}" for part in "wxyz")
SHANK = ",".join(f"right_shank_{part}" for part in "wxyz")


def test_a_calibration_of_the_other_leg_is_refused(hipturn, make_session, tmp_path):
    session = make_session()
    left = json.dumps({**GOOD, "legs": {"left": GOOD["legs"]["right"]}})
    (tmp_path / "left.json").write_text(left)
    code, _, err = hipturn("analyse", session, "--calibration", tmp_path / "left.json")
    assert code == 1
    assert "is of the left leg and the units are on the right one" in err


def test_live_takes_the_last_calibration_and_one_bend(live_session):
    first, _ = live_session("--seed", "5")
    second, out = live_session("--seed", "5", "--calibration", "last")
    assert "Bend and straighten the knee once" in out
    kept = open_session(second).header.calibration["right"]
    before = open_session(first).header.calibration["right"]
    np.testing.assert_allclose(kept["z_shank"], before["z_shank"], atol=1e-9)
    assert kept["kept_off_rad"] < 0.02
    assert before["sigma_axes_rad"] < kept["sigma_axes_rad"] < 1.1 * before["sigma_axes_rad"]
    assert kept["ready_s"] < before["ready_s"] + 0.1


def test_a_calibration_is_the_last_one_for_an_hour(live_session):
    folder, _ = live_session("--seed", "5")
    begun = open_session(folder).header.started_at
    root = str(folder.parent)
    kept = last_calibration(root, "W1", begun + timedelta(minutes=59)).legs[Side.RIGHT]
    assert kept.found.kept_from == folder.name
    with pytest.raises(UserError, match="calibrated 61 min ago") as refused:
        last_calibration(root, "W1", begun + timedelta(minutes=61))
    assert "calibrate once without --calibration" in str(refused.value)


def test_live_refuses_the_calibration_of_another_wearers_straps(live_session, hipturn, tmp_path):
    live_session("--seed", "5")
    _, out = live_session("--seed", "6", "--calibration", "last", "--seconds", "40")
    assert "Begin the set" not in out


def test_there_is_no_last_calibration_in_an_empty_folder(hipturn, tmp_path):
    code, _, err = hipturn(
        "live", "--virtual", "--terminal", "--dir", tmp_path, "--calibration", "last"
    )
    assert code == 1
    assert "there is no session with a calibration" in err


def test_a_strange_field_of_a_stored_calibration_is_kept_and_ignored(live_session, hipturn):
    folder, _ = live_session("--seed", "5")
    put_calibration(folder, strange_key={"deep": [1]}, another=None)
    code, out, err = hipturn("history", "--wearer", "W1", "--dir", folder.parent)
    assert code == 0, err
    assert "prone_windshield_wiper" in out
    assert "strange_key" in (folder / "session.json").read_text()


def test_a_missing_field_of_a_stored_calibration_is_a_sentence(live_session, hipturn):
    folder, _ = live_session("--seed", "5")
    put_calibration(folder, y_shank=..., ready_s="soon")
    code, _, err = hipturn("analyse", folder, "--out", folder.parent / "tables")
    assert code == 1
    assert err.count("\n") == 1
    assert "right.ready_s is not a number, right.y_shank is missing" in err
    (folder / "summary.json").unlink(missing_ok=True)
    code, _, err = hipturn("history", "--wearer", "W1", "--dir", folder.parent)
    assert code == 0, err
