"""`hipturn import` as people type it: a session to analyse, or one line and nothing left."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hipturn as package
from hipturn.session_paths import demo_root
from imu.recording import open_session
from imu.virtual.wearer import WearerSettings, wear

EXERCISE = "seated_internal_rotation"
ADDRESS = {"thigh": "d4:ca:6e:f1:82:8c", "shank": "d4:ca:6e:f1:85:58"}


@pytest.fixture(scope="module")
def source():
    """Return a demo session, its units' even samples and its marks."""
    session = open_session(demo_root() / EXERCISE)
    result = package.analyse(session)
    frames = result.recording.frames
    whole = ~np.isnan(frames.q).any(axis=(1, 2))
    return result, frames.time_s[whole], frames.q[whole]


@pytest.fixture
def marks(source, tmp_path):
    result, time_s, _ = source
    rows = [f"{max(0.0, t - time_s[0]):.9f},{label}\n" for t, label in result.recording.marks]
    path = tmp_path / "marks.csv"
    path.write_text("time_s,label\n" + "".join(rows))
    return path


def same_ranges(folder: Path, source, within_deg: float) -> None:
    again = package.analyse(package.open(folder))
    expected = source[0].summary
    assert again.summary["valid"].tolist() == expected["valid"].tolist()
    np.testing.assert_allclose(
        again.summary["rom_median_deg"], expected["rom_median_deg"], atol=within_deg
    )


def finish(hipturn, *arguments):
    code, out, err = hipturn("import", *arguments)
    assert code == 0, err
    return Path(out.splitlines()[-1].removeprefix("session: "))


def from_server(hipturn, source, marks, tmp_path, exercise):
    """Return the session that a file of the server gives."""
    _, time_s, q = source
    rows = ["Timestamp,Address,Quaternion_w,Quaternion_x,Quaternion_y,Quaternion_z"]
    for t, row in zip(time_s, q, strict=True):
        for address, one in zip(ADDRESS.values(), row, strict=True):
            rows.append(f"{3.39398e11 + 1e6 * t},{address}," + ",".join(map(str, one)))
    (tmp_path / "r.csv").write_text("\n".join(rows) + "\n")
    return finish(
        hipturn, "xsens-dot-server", tmp_path / "r.csv", "--left-thigh", ADDRESS["thigh"],
        "--left-shank", ADDRESS["shank"], "--exercise", exercise, "--marks", marks,
        "--out", tmp_path / "s",
    )  # fmt: skip


def test_a_server_file(hipturn, source, marks, tmp_path):
    folder = from_server(hipturn, source, marks, tmp_path, EXERCISE)
    same_ranges(folder, source, 0.05)
    assert json.loads((folder / "session.json").read_text())["source"] == "import xsens-dot-server"


def test_an_import_keeps_the_copy_of_an_own_exercise(hipturn, source, marks, tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text(f'like = "{EXERCISE}"\nname = "Mine"\n')
    folder = from_server(hipturn, source, marks, tmp_path, mine)
    same_ranges(folder, source, 0.05)
    mine.unlink()
    entry = package.analyse(package.open(folder)).recording.entry
    assert (entry.id, entry.name) == ("mine", "Mine")


def test_metabase_files(hipturn, source, marks, tmp_path):
    _, time_s, q = source
    for index, name in enumerate(("thigh", "shank")):
        rows = ["epoc (ms),timestamp (+0100),elapsed (s),w (number),x (number),y (number),"
                "z (number)"]  # fmt: skip
        for t, row in zip(time_s, q[:, index], strict=True):
            said = ",".join(f"{x:.3f}" for x in row)  # the app writes three decimals
            rows.append(f"{1546300800000 + round(1000 * t)},x,{t:.3f},{said}")
        (tmp_path / f"{name}.csv").write_text("\n".join(rows) + "\n")
    folder = finish(
        hipturn, "metabase", "--left-thigh", tmp_path / "thigh.csv", "--left-shank",
        tmp_path / "shank.csv", "--exercise", EXERCISE, "--marks", marks, "--out", tmp_path / "s",
    )  # fmt: skip
    same_ranges(folder, source, 0.3)
    assert package.open(folder).header.started_at.isoformat() == "2019-01-01T01:00:00.017000+01:00"


def test_any_csv_with_a_map_that_is_kept(hipturn, source, marks, tmp_path):
    _, time_s, q = source
    for index, name in enumerate(("thigh", "shank")):
        table = pd.DataFrame(q[:, index], columns=list("abcd"))
        table.insert(0, "ms", 1000 * time_s)
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    files = ("--left-thigh", tmp_path / "thigh.csv", "--left-shank", tmp_path / "shank.csv")
    said = ("--exercise", EXERCISE, "--marks", marks)
    told = ("--time", "ms:ms", "--quaternion", "a,b,c,d", "--save-map", tmp_path / "m.toml")
    first = finish(hipturn, "csv", *files, *told, *said, "--out", tmp_path / "1")
    again = finish(
        hipturn, "csv", *files, "--map", tmp_path / "m.toml", *said, "--out", tmp_path / "2"
    )
    same_ranges(first, source, 0.02)
    assert (first / "samples.arrows").read_bytes() == (again / "samples.arrows").read_bytes()


def test_our_own_samples_csv_comes_back_as_a_session(hipturn, source, tmp_path):
    hipturn("export", f"demo/{EXERCISE}", "--to", "csv", "--out", tmp_path / "t")
    samples = tmp_path / "t" / "samples.csv"
    folder = finish(
        hipturn, "csv", "--left-thigh", samples, "--left-shank", samples, "--time",
        "host_time_ns:ns", "--quaternion", "qw,qx,qy,qz", "--unit-column", "unit",
        "--exercise", EXERCISE, "--out", tmp_path / "s",
    )  # fmt: skip
    # only the times of arrival are left, several samples at once, and no marks
    same_ranges(folder, source, 0.5)
    assert any("arrived, several at once" in note for note in package.open(folder).header.notes)


@pytest.fixture(scope="module")
def tables():
    """Return a set's true ranges, and each unit's samples under plain names, shape (n, 11)."""
    settings = WearerSettings(
        reps=3, sensor_output="quaternion+raw", loss_share=0.0, clock_sd_ppm=0.0,
        device_epoch_ticks=0,
    )  # fmt: skip
    wearing = wear(EXERCISE, "left", 8, settings)
    found = {}
    for index, unit in enumerate(wearing.units):
        mine = [sample for sample in wearing.samples if sample.unit == index]
        table = pd.DataFrame(
            [[s.device_time / 1e6, *s.q, *s.acc, *np.rad2deg(s.gyr)] for s in mine],
            columns=["s", *"wxyz", *(f"acc_{a}" for a in "xyz"), *(f"gyr_{a}" for a in "xyz")],
        )
        found[str(unit.segment)] = table
    return [rep.rom_deg for rep in wearing.truth.reps[unit.side] if rep.kind == "rep"], found


def named(table: pd.DataFrame, mode: str, quaternion: str) -> pd.DataFrame:
    """Return the columns that a mode of the DOT has, under its names."""
    if mode == "raw":
        names = {f"{kind}_{a}": f"{kind.title()}_{a}" for kind in ("acc", "gyr") for a in "xyz"}
    else:
        names = {a: f"{quaternion}_{a}" for a in "wxyz"}
    return table[list(names)].rename(columns=names)


def as_xsens_dot(tables, mode, folder):
    for name, table in tables.items():
        said = named(table, mode, "Quat")
        said.insert(0, "PacketCounter", np.arange(len(said)))
        said.insert(1, "SampleTimeFine", (1e6 * table["s"]).round().astype(int))
        (folder / f"{name}.csv").write_text(f"DeviceTag:,{name}\n\n" + said.to_csv(index=False))
    return ["--left-thigh", folder / "thigh.csv", "--left-shank", folder / "shank.csv"]


def as_xsens_dot_server(tables, mode, folder):
    rows = []
    for name, table in tables.items():
        said = named(table, mode, "Quaternion")
        said.insert(0, "Timestamp", 1e6 * table["s"] + 3.39398e11)
        said.insert(1, "Address", ADDRESS[name])
        rows.append(said)
    pd.concat(rows).sort_values("Timestamp").to_csv(folder / "r.csv", index=False)
    return [
        folder / "r.csv", "--left-thigh", ADDRESS["thigh"], "--left-shank", ADDRESS["shank"]
    ]  # fmt: skip


def as_metabase(tables, mode, folder):
    streams = {"q": {a: f"{a} (number)" for a in "wxyz"}}
    if mode == "raw":
        units = {"acc": "g", "gyr": "deg/s"}
        streams = {k: {f"{k}_{a}": f"{a}-axis ({u})" for a in "xyz"} for k, u in units.items()}
    told = []
    for name, table in tables.items():
        for stream, names in streams.items():
            path = folder / f"{name}_{stream}.csv"
            said = table[list(names)] / (9.80665 if stream == "acc" else 1.0)
            said.insert(0, "epoc (ms)", (1e3 * table["s"]).round().astype(int) + 1546300800000)
            said.insert(1, "timestamp (+0100)", "x")
            said.insert(2, "elapsed (s)", table["s"])
            said.rename(columns=names).to_csv(path, index=False)
            told += [f"--left-{name}", path]
    return told


def as_opensense(tables, mode, folder):
    cells = {
        body: table[list("wxyz")].astype(str).agg(",".join, axis=1)
        for body, table in zip(("femur_l_imu", "tibia_l_imu"), tables.values(), strict=True)
    }
    said = pd.DataFrame({"time": tables["thigh"]["s"]} | cells).dropna()
    head = "DataRate=60\nDataType=Quaternion\nendheader\n"
    (folder / "o.sto").write_text(head + said.to_csv(sep="\t", index=False))
    return [folder / "o.sto"]


def as_csv(tables, mode, folder):
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    told = ["--left-thigh", folder / "thigh.csv", "--left-shank", folder / "shank.csv"]
    told += ["--time", "s"]
    if mode == "raw":
        acc, gyr = "acc_x,acc_y,acc_z:m/s2", "gyr_x,gyr_y,gyr_z:deg/s"
        return [*told, "--acceleration", acc, "--gyroscope", gyr]
    return [*told, "--quaternion", "w,x,y,z"]


WRITERS = {
    "xsens-dot": as_xsens_dot,
    "xsens-dot-server": as_xsens_dot_server,
    "metabase": as_metabase,
    "opensense": as_opensense,  # orientations only
    "csv": as_csv,
}


@pytest.mark.parametrize(
    ("form", "mode"),
    [(form, "quaternion") for form in WRITERS]
    + [(form, "raw") for form in WRITERS if form != "opensense"],
)
def test_each_tool_s_file_leads_to_the_angles_of_the_set(hipturn, tables, tmp_path, form, mode):
    true_deg, units = tables
    given = WRITERS[form](units, mode, tmp_path)
    folder = finish(hipturn, form, *given, "--exercise", EXERCISE, "--out", tmp_path / "s")
    result = package.analyse(package.open(folder))
    assert result.angles["valid"].any()
    assert result.reps["status"].tolist() == ["valid"] * len(true_deg)
    np.testing.assert_allclose(result.reps["rom_deg"], true_deg, atol=3.0)


def test_columns_that_make_no_map_are_told_in_one_line(hipturn, tmp_path):
    code, _, err = hipturn(
        "import", "csv", "--left-thigh", tmp_path / "x", "--time", "t:min", "--quaternion", "a,b",
        "--exercise", EXERCISE, "--out", tmp_path / "s",
    )  # fmt: skip
    assert code == 1
    assert err == (
        "hipturn: the columns: quaternion is not a list of 4 column names;"
        " time_unit is none of s, ms, us, ns; give them by options or --map\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("xsens-dot-server", "FILE", "--left-thigh", "aa"),
        ("metabase", "--left-thigh", "FILE"),
        ("opensense", "FILE"),
        ("csv", "--left-thigh", "FILE", "--time", "t", "--quaternion", "a,b,c,d"),
    ],
    ids=lambda arguments: arguments[0],
)
@pytest.mark.parametrize("content", [b"", b"%PDF-1.7\n", b"time\n1\n", b"PK\x03\x04" * 99])
def test_another_file_is_refused_in_one_line_and_nothing_is_left(
    hipturn, arguments, content, tmp_path
):
    path = tmp_path / "file.bin"
    path.write_bytes(content)
    given = [path if word == "FILE" else word for word in arguments]
    code, _, err = hipturn("import", *given, "--exercise", EXERCISE, "--out", tmp_path / "s")
    assert code == 1
    assert err.startswith(f"hipturn: {path}")
    assert err.count("\n") == 1
    assert not (tmp_path / "s").exists()


def test_a_start_that_no_file_tells_can_be_said(hipturn, source, marks, tmp_path):
    hipturn("export", f"demo/{EXERCISE}", "--to", "opensim", "--out", tmp_path)
    said = ("import", "opensense", tmp_path / "orientations.sto", "--exercise", EXERCISE)
    code, _, _ = hipturn(*said, "--started", "2026-03-01T10:30+01:00", "--out", tmp_path / "s")
    assert code == 0
    assert package.open(tmp_path / "s").header.started_at.timestamp() == 1772357400
    code, _, err = hipturn(*said, "--started", "yesterday", "--out", tmp_path / "t")
    assert code == 2
    assert "--started 'yesterday' is no time" in err


def test_without_a_unit_it_is_wrong_usage(hipturn, tmp_path):
    code, _, err = hipturn("import", "metabase", "--exercise", EXERCISE, "--out", tmp_path / "s")
    assert code == 2
    assert "give at least one unit" in err
