"""The commands as people type them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import hipturn as package
from analysis.session.tables import ANGLE_COLUMNS, REP_COLUMNS, SUMMARY_COLUMNS
from hipturn.commands.cli import cli
from hipturn.session.replay import tracker_of
from hipturn.session.virtual_session import record_wearing
from imu.recording import open_session
from imu.sample import Side
from imu.virtual.wearer import WearerSettings, wear


def follow(session):
    """Return the angles and the movements that a replay gives."""
    tracker, _ = tracker_of(session)
    angles, movements = [], []
    for sample in session.samples():
        for update in tracker.push(sample):
            for side, leg in update.legs.items():
                angles.append((str(side), update.time_s, leg.rotation_deg, leg.sigma_deg))
                movements += [(str(side), numbered) for numbered in leg.completed]
    ended = [pair for update in tracker.finish() for pair in update.legs.items()]
    return angles, movements + [
        (str(s), numbered) for s, leg in ended for numbered in leg.completed
    ]


@pytest.fixture(scope="module")
def live_root(tmp_path_factory):
    """Return a folder with one session that `live --virtual` recorded, and what it printed."""
    root = tmp_path_factory.mktemp("recordings")
    command = [sys.executable, "-m", "hipturn", "live", "--virtual", "--speed", "max"]
    command += ["--exercise", "prone_windshield_wiper", "--dir", str(root), "--seed", "5"]
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    return root, done


def test_live_virtual_calibrates_counts_and_ends_by_itself(live_root):
    root, done = live_root
    (folder,) = root.iterdir()
    assert done.returncode == 0, done.stderr
    assert "right leg calibrated" in done.stdout
    assert "10 of 10 reps" in done.stdout
    assert done.stdout.rstrip().endswith(f"session: {folder}")
    header = json.loads((folder / "session.json").read_text())
    assert header["state"] == "closed"
    assert header["calibration"].keys() == {"right"}


def test_a_replay_gives_the_live_angles_and_repetitions_bit_for_bit(live_root):
    (folder,) = live_root[0].iterdir()
    session = open_session(folder)
    angles, movements = follow(session)
    again, movements_again = follow(session)
    assert repr(angles) == repr(again)
    assert repr(movements) == repr(movements_again)
    # what live announced stands in the events; the replay announces the very same
    announced = [event for event in session.events() if event["type"] == "movement"]
    replayed = []
    tracker, _ = tracker_of(session)
    for sample in session.samples():
        for update in tracker.push(sample):
            replayed += [leg.announced for leg in update.legs.values() if leg.announced]
    assert [(e["time_s"], e["onset_s"], e["peak_s"], e["range_deg"]) for e in announced] == [
        (m.announced_s, m.onset_s, m.peak_s, m.range_deg) for m in replayed
    ]
    assert len(announced) == 10


def test_the_tables_hold_what_live_saw(live_root):
    (folder,) = live_root[0].iterdir()
    session = open_session(folder)
    angles, movements = follow(session)
    result = package.analyse(session)
    live = pd.DataFrame(angles, columns=["side", "time_s", "angle", "sigma"])
    merged = result.angles.assign(key=result.angles["time_s"].round(5)).merge(
        live.assign(key=live["time_s"].round(5)), on="key"
    )
    assert len(merged) == len(live)
    np.testing.assert_allclose(
        merged["hip_internal_rotation_deg"], merged["angle"], atol=0.00051, equal_nan=True
    )
    for (_, numbered), row in zip(movements, result.reps.to_dict("records"), strict=True):
        assert numbered.rep == row["rep"]
        for name in ("start_s", "peak_s", "end_s", "rom_deg", "hold_s", "end_residual_deg"):
            assert getattr(numbered.movement, name) == pytest.approx(row[name], abs=6e-4)


def test_analyse_writes_the_tables_with_the_promised_columns(hipturn, make_session, tmp_path):
    folder = make_session()
    code, out, _ = hipturn("analyse", folder, "--out", tmp_path / "t")
    assert code == 0
    assert "3 of 20 reps" in out
    for name, columns in (
        ("angles", ANGLE_COLUMNS),
        ("reps", REP_COLUMNS),
        ("summary", SUMMARY_COLUMNS),
    ):
        table = pd.read_csv(tmp_path / "t" / f"{name}.csv")
        assert tuple(table.columns) == columns
        assert len(table) > 0
    assert (tmp_path / "t" / "report.pdf").read_bytes().startswith(b"%PDF")


def test_json_of_analyse_is_only_json(hipturn, make_session, tmp_path):
    code, out, _ = hipturn(
        "analyse", make_session(), "--out", tmp_path / "t", "--json", "--no-report"
    )
    assert code == 0
    assert json.loads(out)[0]["valid"] == 3


def test_marks_and_no_marks_count_the_same(make_session):
    marked = package.analyse(package.open(make_session("marked")))
    bare = package.analyse(package.open(make_session("bare", marks=False)))
    assert len(marked.reps) == len(bare.reps) == 3
    np.testing.assert_allclose(marked.reps["rom_deg"], bare.reps["rom_deg"], atol=1.0)


def test_a_text_cell_is_never_a_formula_and_negative_angles_stay_numbers(
    hipturn, make_session, tmp_path
):
    folder = make_session()
    header = json.loads((folder / "session.json").read_text())
    (folder / "session.json").write_text(json.dumps(header | {"wearer": "=HYPERLINK(1)"}))
    hipturn("analyse", folder, "--out", tmp_path / "t", "--no-report")
    reps = pd.read_csv(tmp_path / "t" / "reps.csv")
    assert set(reps["wearer"]) == {"'=HYPERLINK(1)"}
    angles = pd.read_csv(tmp_path / "t" / "angles.csv")
    assert angles["hip_internal_rotation_deg"].dtype == np.float64
    assert (angles["thigh_elevation_deg"] < 0).any()


def test_entries_made_by_hand_are_not_overwritten(hipturn, make_session, tmp_path):
    folder, out = make_session(), tmp_path / "t"
    hipturn("analyse", folder, "--out", out, "--no-report")
    table = pd.read_csv(out / "reps.csv", dtype=str, keep_default_na=False)
    table.loc[0, "note"] = "tired"
    table.to_csv(out / "reps.csv", index=False)
    code, _, err = hipturn("analyse", folder, "--out", out, "--no-report")
    assert code == 1
    assert "entries made by hand (note)" in err
    assert pd.read_csv(out / "reps.csv")["note"][0] == "tired"


def test_export_csv_adds_every_recorded_sample(hipturn, make_session, tmp_path):
    folder = make_session()
    code, _, _ = hipturn("export", folder, "--to", "csv", "--out", tmp_path / "e")
    assert code == 0
    samples = pd.read_csv(tmp_path / "e" / "samples.csv")
    assert len(samples) == len(package.open(folder).table())
    assert set(samples["unit"]) == {"right thigh", "right shank"}


def test_replay_shows_the_repetitions_of_a_recording(hipturn, make_session):
    code, out, _ = hipturn("replay", make_session(), "--speed", "max")
    assert code == 0
    assert "right: rep 3 / 20" in out
    assert "3 of 20 reps" in out


def test_demo_sessions_can_be_named_anywhere(hipturn, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = hipturn("analyse", "demo", "--no-report")
    assert code == 0
    assert "virtual wearer" in err
    for line in ("prone_windshield_wiper, left: 10", "ninety_ninety_lift, right: 10"):
        assert line in out
    assert len(pd.read_csv("tables/summary.csv")) == 4


def test_exercises_are_listed_and_explained(hipturn):
    assert "ninety_ninety_lift" in hipturn("exercises")[1]
    code, out, _ = hipturn("exercises", "prone_windshield_wiper")
    assert (code, "feet drift out" in out, "hold 2–3 s" in out) == (0, True, True)
    assert len(json.loads(hipturn("exercises", "--json")[1])) >= 8
    code, _, err = hipturn("exercises", "prone_wiper")
    assert (code, "did you mean prone_windshield_wiper?" in err) == (1, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("analyse",),
        ("analyse", "demo", "--workers", "0"),
        ("replay", "demo", "--speed", "0"),
        ("import", "xsens-dot", "--exercise", "seated_internal_rotation", "--out", "x"),
        ("nosuchcommand",),
    ],
)
def test_wrong_usage_exits_with_2(arguments, hipturn):
    assert hipturn(*arguments)[0] == 2


def test_every_command_helps_with_an_example(hipturn):
    def every(command, path):
        yield path
        for name, below in getattr(command, "commands", {}).items():
            yield from every(below, (*path, name))

    for path in every(cli, ()):
        code, out, _ = hipturn(*path, "--help")
        assert code == 0
        assert "Example: hipturn" in out, path


def test_a_kit_without_units_says_so(hipturn, tmp_path, monkeypatch):
    monkeypatch.setenv("HIPTURN_CONFIG", str(tmp_path))
    code, out, _ = hipturn("kit")
    assert code == 0
    assert "hipturn kit set" in out


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_live_session_is_closed_and_exits_with_130(stop, tmp_path):
    command = [sys.executable, "-m", "hipturn", "live", "--virtual", "--dir", str(tmp_path)]
    running = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not list(tmp_path.glob("*/truth.csv")):
        time.sleep(0.05)
        assert running.poll() is None
    (samples,) = tmp_path.glob("*/samples.arrows")
    while samples.stat().st_size < 10_000:  # some batches
        time.sleep(0.05)
        assert running.poll() is None
    os.kill(running.pid, stop)
    _, err = running.communicate(timeout=20)
    assert running.returncode == 130
    assert err.strip() == "hipturn: interrupted"
    (folder,) = tmp_path.iterdir()
    assert json.loads((folder / "session.json").read_text())["state"] == "closed"
    assert len(open_session(folder).table()) > 10


def test_units_that_send_raw_data_are_fused_on_the_host_alike_live_and_later(tmp_path):
    wearing = wear(
        "seated_internal_rotation", "right", 3, WearerSettings(reps=3, sensor_output="raw")
    )
    record_wearing(tmp_path / "raw", wearing, datetime(2026, 1, 1, tzinfo=UTC))
    session = package.open(tmp_path / "raw")
    result = package.analyse(session)
    assert list(result.reps["status"]) == ["valid"] * 3
    angles, _ = follow(session)
    live = np.array([row[2] for row in angles])
    batch = result.angles["hip_internal_rotation_deg"].to_numpy(float)[-len(live) :]
    np.testing.assert_allclose(batch, live, atol=0.00051, equal_nan=True)
    set_s = [t for t, label in wearing.marks if label.startswith("set")]
    rows = result.angles[result.angles["time_s"].between(*set_s)]
    error = rows["hip_internal_rotation_deg"] - wearing.truth.angle_at(Side.RIGHT, rows["time_s"])
    # 60 Hz of raw data know less than 480 Hz on board; 3° is what a slow set allows
    assert np.sqrt(np.nanmean(error**2)) < 3.0


def test_a_fault_of_ours_is_a_line_too_and_a_traceback_only_on_request(
    hipturn, make_session, monkeypatch
):
    def broken(*_arguments, **_keywords):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("hipturn.archive.batch.read_recording", broken)
    folder = make_session()
    code, _, err = hipturn("analyse", folder)
    assert code == 1
    assert err.startswith("hipturn: a bug in hipturn (ZeroDivisionError: a bug); ")
    assert err.count("\n") == 1
    monkeypatch.setenv("HIPTURN_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        hipturn("analyse", folder)


@pytest.mark.parametrize("speed", ["max", "8"])
def test_the_seconds_of_a_virtual_wearer_are_those_of_its_own_clock(speed, hipturn, tmp_path):
    code, _, err = hipturn(
        "live", "--virtual", "--terminal", "--speed", speed, "--seconds", 6, "--dir", tmp_path
    )
    assert code == 0, err
    (folder,) = tmp_path.iterdir()
    last = max(sample.host_time_ns for sample in open_session(folder).samples()) * 1e-9
    assert 5.5 < last < 20.0  # a busy computer notices late; by our clock it would be 48


@pytest.mark.parametrize(
    "wrong", [("--seconds", "-1"), ("--seconds", "nan"), ("--seconds", "inf"), ("--seed", "-3")]
)
def test_seconds_or_a_seed_that_cannot_be_are_wrong_usage(wrong, hipturn, tmp_path):
    code, _, err = hipturn("live", "--virtual", "--terminal", "--dir", tmp_path, *wrong)
    assert code == 2
    assert wrong[0] in err
    assert list(tmp_path.iterdir()) == []


def test_a_session_that_ends_before_a_sample_came_says_so_and_leaves_nothing(
    hipturn, tmp_path, monkeypatch
):
    async def told_to_end_at_once(*_):
        """Bring nothing."""

    monkeypatch.setattr("hipturn.session.open_links.OpenLinks.run", told_to_end_at_once)
    code, _, err = hipturn("live", "--virtual", "--terminal", "--dir", tmp_path)
    assert code == 1
    assert "nothing is recorded" in err
    assert "cannot be opened" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--choose", "hurdle_stretch"], "--choose chooses among what a plan offers: give --plan"),
        (["--plan", "routine_003", "--side", "left"], "--side is in the plan: leave out --plan"),
        (["--seed", "3"], "--seed is of the simulated wearer: give --virtual"),
        (["--virtual", "--thigh", "A"], "--thigh names a real unit: leave out --virtual"),
        (["--virtual", "--port", "9000"], "--port is of the page"),
    ],
)
def test_an_option_that_cannot_be_obeyed_is_refused_and_not_swallowed(options, why):
    done = CliRunner().invoke(cli, ["live", "--terminal", *options])
    assert done.exit_code == 2
    assert why in done.output
