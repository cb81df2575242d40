"""Files for other tools: what their own readers and validators say of them."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest

import hipturn as package
from hipturn.export.csv import write_table
from hipturn.session_paths import demo_root
from imu.sample import Side

DEMO = sorted(path.name for path in demo_root().iterdir())
OFFICE = shutil.which("soffice") or shutil.which("libreoffice")
BIDS = shutil.which("bids-validator-deno") or shutil.which(
    "bids-validator-deno", path=str(Path(sys.executable).parent)
)


@cache
def result(name):
    return package.analyse(package.open(demo_root() / name))


def run(hipturn, *arguments):
    code, out, err = hipturn(*arguments)
    assert code == 0, err
    return [Path(line) for line in out.splitlines()]


# -- OpenSim -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DEMO)
def test_an_sto_file_that_is_imported_again_gives_the_same_angles(name, hipturn, tmp_path):
    run(hipturn, "export", f"demo/{name}", "--to", "opensim", "--out", tmp_path)
    again = tmp_path / "again"
    code, _, err = hipturn(
        "import", "opensense", tmp_path / "orientations.sto", "--exercise", name,
        "--marks", tmp_path / "marks.csv", "--out", again,
    )  # fmt: skip
    assert code == 0, err
    first, second = result(name).angles, package.analyse(package.open(again)).angles
    shift_s = first["time_s"].min() - second["time_s"].min()
    first = first[first["phase"] != "calibrating"]
    key = ["side", "time_s"]
    first = first.assign(time_s=first["time_s"].round(4))
    second = second.assign(time_s=(second["time_s"] + shift_s).round(4))
    column = "hip_internal_rotation_deg"
    both = first.merge(second, on=key)[[f"{column}_x", f"{column}_y"]].dropna()
    assert len(both) > 0.98 * first[column].notna().sum()
    assert (both[f"{column}_x"] - both[f"{column}_y"]).abs().max() < 0.01


def test_an_sto_file_has_the_header_and_the_bodies_that_opensim_knows(hipturn, tmp_path):
    run(hipturn, "export", "demo/prone_windshield_wiper", "--to", "opensim", "--out", tmp_path)
    lines = (tmp_path / "orientations.sto").read_text().splitlines()
    assert lines[:6] == [
        "DataRate=60.000000", "DataType=Quaternion", "version=3", "OpenSimVersion=4.1",
        "wearer=virtual", "endheader",
    ]  # fmt: skip
    bodies = ["femur_l_imu", "femur_r_imu", "tibia_l_imu", "tibia_r_imu"]
    assert sorted(lines[6].split("\t")[1:]) == bodies
    assert lines[6].startswith("time\t")
    cells = [line.split("\t") for line in lines[7:]]
    q = np.array([[cell.split(",") for cell in row[1:]] for row in cells], dtype=float)
    assert q.shape[1:] == (4, 4)
    np.testing.assert_allclose(np.linalg.norm(q, axis=2), 1.0, atol=1e-6)  # no NaN, too
    times = [float(row[0]) for row in cells]
    assert times == sorted(set(times))


def rotated(cell, vector):
    """Return a vector of the sensor in the earth of an .sto file."""
    w, x, y, z = map(float, cell.split(","))
    axis = np.array([x, y, z])
    return np.array(vector) + 2 * np.cross(axis, np.cross(axis, vector) + w * np.array(vector))


def test_all_units_of_an_sto_file_share_a_heading(hipturn, tmp_path):
    """Standing with the feet forward, the knee axes of both legs point to the right, along -y."""
    run(hipturn, "export", "demo/prone_windshield_wiper", "--to", "opensim", "--out", tmp_path)
    whole = result("prone_windshield_wiper")
    stand = rows_of(tmp_path / "placement.sto", 0.0)
    pose_s = sum(whole.windows[Side.RIGHT].pose) / 2 - whole.recording.frames.time_s[0]
    prone = rows_of(tmp_path / "orientations.sto", pose_s)
    to_hip = {}
    for side, letter in ((Side.RIGHT, "r"), (Side.LEFT, "l")):
        calibration = whole.calibrations[side].calibration
        right = rotated(stand[f"tibia_{letter}_imu"], calibration.z_shank)
        assert np.degrees(np.arctan2(right[1], right[0])) == pytest.approx(-90.0, abs=0.5)
        # lying prone the thigh unit's own axis is at right angles to the shank unit's knee axis
        hip = rotated(prone[f"femur_{letter}_imu"], calibration.y_thigh)
        knee = rotated(prone[f"tibia_{letter}_imu"], calibration.z_shank)
        assert abs(hip @ knee) < np.sin(np.radians(5.0))
        to_hip[side] = np.degrees(np.arctan2(hip[1], hip[0]))
    assert to_hip[Side.RIGHT] == pytest.approx(to_hip[Side.LEFT], abs=10.0)


def rows_of(path, at_s):
    """Return the cells of the row nearest to a time, by column."""
    lines = path.read_text().splitlines()
    rows = [line.split("\t") for line in lines[7:]]
    nearest = min(rows, key=lambda row: abs(float(row[0]) - at_s))
    return dict(zip(lines[6].split("\t"), nearest, strict=True))


@pytest.mark.parametrize(
    ("name", "side", "letter"),
    [("prone_windshield_wiper", "right", "r"), ("seated_internal_rotation", "left", "l")],
)
def test_opensim_places_the_units_and_solves_the_leg(name, side, letter, hipturn, tmp_path):
    """The knee that OpenSim's own tools find from the file bends as ours does."""
    osim = pytest.importorskip("opensim", reason="pip install opensim")
    run(hipturn, "export", f"demo/{name}", "--to", "opensim", "--out", tmp_path)
    leg_model(osim, letter).printToXML(str(tmp_path / "leg.osim"))
    up = osim.Vec3(-1.5707963, 0.0, 0.0)
    placer = osim.IMUPlacer()
    placer.set_model_file(str(tmp_path / "leg.osim"))
    placer.set_orientation_file_for_calibration(str(tmp_path / "placement.sto"))
    placer.set_sensor_to_opensim_rotations(up)
    assert placer.run(False)
    placer.getCalibratedModel().printToXML(str(tmp_path / "placed.osim"))
    solver = osim.IMUInverseKinematicsTool()
    solver.set_model_file(str(tmp_path / "placed.osim"))
    solver.set_orientations_file(str(tmp_path / "orientations.sto"))
    solver.set_sensor_to_opensim_rotations(up)
    solver.set_results_directory(str(tmp_path))
    solver.set_time_range(0, 0.0)
    solver.set_time_range(1, 1000.0)  # else it ends after two seconds
    assert solver.run(False)
    lines = (tmp_path / "ik_orientations.mot").read_text().splitlines()
    first = lines.index("endheader") + 1
    found = pd.DataFrame(
        [line.split("\t") for line in lines[first + 1 :]], columns=lines[first].split("\t")
    ).astype(float)
    ours = result(name).angles
    ours = ours[ours["side"] == side]
    knee = np.interp(found["time"], ours["time_s"], ours["knee_flexion_deg"])
    assert len(found) > 5000
    assert np.nanmedian(np.abs(-found["knee_angle"] - knee)) < 1.0


def leg_model(osim, letter):
    """Return a leg of two bodies: a ball joint at the hip, a hinge at the knee."""
    model = osim.Model()
    nothing = osim.Vec3(0)
    bodies = []
    for name in ("pelvis", f"femur_{letter}", f"tibia_{letter}"):
        bodies.append(osim.Body(name, 1.0, nothing, osim.Inertia(0.1, 0.1, 0.1)))
        model.addBody(bodies[-1])
    pelvis, femur, tibia = bodies
    joints = (
        osim.WeldJoint("ground", model.getGround(), nothing, nothing, pelvis, nothing, nothing),
        osim.BallJoint("hip", pelvis, nothing, nothing, femur, nothing, nothing),
        osim.PinJoint("knee", femur, osim.Vec3(0, -0.4, 0), nothing, tibia, nothing, nothing),
    )
    joints[2].updCoordinate().setName("knee_angle")
    for joint in joints:
        model.addJoint(joint)
    model.finalizeConnections()
    return model


def test_a_session_without_a_common_stretch_is_not_exported(hipturn, tmp_path, make_session):
    from dataclasses import replace

    from hipturn.errors import UserError
    from hipturn.export.opensim import export_opensim

    session = package.open(make_session())
    base = package.analyse(session)
    frames = replace(base.recording.frames, q=base.recording.frames.q * np.nan)
    empty = replace(base, recording=replace(base.recording, frames=frames))
    with pytest.raises(UserError, match="no stretch in which all units"):
        export_opensim(empty, session, tmp_path)
    assert not (tmp_path / "orientations.sto").exists()


# -- Motion-BIDS ---------------------------------------------------------------------------------


@pytest.mark.skipif(
    BIDS is None, reason="bids-validator-deno is missing: pip install hipturn[validators]"
)
def test_the_official_validator_finds_no_error_in_a_motion_bids_dataset(hipturn, tmp_path):
    run(hipturn, "export", "demo", "--to", "motion-bids", "--out", tmp_path)
    done = subprocess.run([BIDS, str(tmp_path), "--json"], capture_output=True, text=True)
    report = json.loads(done.stdout)
    errors = [i for i in report["issues"]["issues"] if i["severity"] == "error"]
    assert errors == []
    assert report["summary"]["dataTypes"] == ["motion"]
    assert len(report["summary"]["tasks"]) == len(DEMO)
    # and it does find one where there is one
    (channels,) = tmp_path.rglob("*NinetyNinetyLift*_channels.tsv")
    channels.write_text(channels.read_text().replace("component\t", "komponent\t"))
    done = subprocess.run([BIDS, str(tmp_path), "--json"], capture_output=True, text=True)
    assert any(i["severity"] == "error" for i in json.loads(done.stdout)["issues"]["issues"])


def test_motion_bids_rows_and_channels_fit(hipturn, tmp_path):
    run(hipturn, "export", "demo/ninety_ninety_lift", "--to", "motion-bids", "--out", tmp_path)
    (motion,) = tmp_path.rglob("*_motion.tsv")
    (channels,) = tmp_path.rglob("*_channels.tsv")
    table = pd.read_csv(motion, sep="\t", header=None, na_values="n/a")
    names = pd.read_csv(channels, sep="\t", keep_default_na=False)
    assert table.shape[1] == len(names)
    angle = table[list(names["type"]).index("JNTANG")]
    expected = result("ninety_ninety_lift").angles["hip_internal_rotation_deg"]
    np.testing.assert_allclose(angle, expected, atol=0.0006, equal_nan=True)
    latency = table[list(names["type"]).index("LATENCY")]
    assert latency[0] == 0
    assert (latency.diff()[1:] > 0).all()


def test_sessions_of_one_dataset_keep_each_other(hipturn, tmp_path):
    for name in DEMO:
        run(hipturn, "export", f"demo/{name}", "--to", "motion-bids", "--out", tmp_path)
    assert len(list(tmp_path.rglob("*_motion.tsv"))) == len(DEMO)
    assert (
        tmp_path / "participants.tsv"
    ).read_text() == "participant_id\tpseudonym\nsub-virtual\tvirtual\n"


# -- FHIR ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DEMO)
def test_a_fhir_bundle_fits_the_published_resources(name, hipturn, tmp_path):
    resources = pytest.importorskip(
        "fhir.resources.R4B.bundle", reason="pip install fhir.resources"
    )
    (path,) = run(hipturn, "export", f"demo/{name}", "--to", "fhir", "--out", tmp_path)
    bundle = resources.Bundle.model_validate_json(path.read_text())
    summary = result(name).summary
    observations = {entry.fullUrl: entry.resource for entry in bundle.entry}
    legs = [one for one in observations.values() if one.hasMember]
    assert [float(leg.valueQuantity.value) for leg in legs] == list(summary["peak_median_deg"])
    for leg, row in zip(legs, summary.to_dict("records"), strict=True):
        assert len(leg.hasMember) == row["valid"]
        assert all(member.reference in observations for member in leg.hasMember)
        assert leg.bodySite.text == f"{row['side']} hip joint"
        assert leg.status == "final"


def test_fhir_codes_are_those_of_public_pages_and_no_loinc_is_made_up(hipturn, tmp_path):
    (path,) = run(hipturn, "export", f"demo/{DEMO[0]}", "--to", "fhir", "--out", tmp_path)
    text = path.read_text()
    assert "loinc" not in text.lower()
    found = {(c["system"], c["code"]) for c in codings(json.loads(text))}
    assert found == {
        ("http://snomed.info/sct", "364564000"),
        ("http://snomed.info/sct", "24136001"),
        ("http://terminology.hl7.org/CodeSystem/observation-category", "exam"),
    }


def codings(value):
    """Yield every coding in a JSON value."""
    if isinstance(value, dict):
        yield from value.get("coding", [])
        for part in value.values():
            yield from codings(part)
    elif isinstance(value, list):
        for part in value:
            yield from codings(part)


def test_an_angle_by_heading_has_no_value_in_fhir(hipturn, tmp_path, make_session):
    pytest.importorskip("fhir.resources.R4B.bundle", reason="pip install fhir.resources")
    folder = make_session(exercise="standing_banded_rotation")
    (path,) = run(hipturn, "export", folder, "--to", "fhir", "--out", tmp_path)
    entries = [entry["resource"] for entry in json.loads(path.read_text())["entry"]]
    assert all("valueQuantity" not in one for one in entries)
    assert {one["dataAbsentReason"]["coding"][0]["code"] for one in entries} == {"unsupported"}


def test_the_same_session_gives_the_same_bundle(hipturn, tmp_path):
    texts = []
    for name in ("1", "2"):
        (path,) = run(
            hipturn, "export", f"demo/{DEMO[0]}", "--to", "fhir", "--out", tmp_path / name
        )
        texts.append(path.read_text())
    assert texts[0] == texts[1]


# -- tables --------------------------------------------------------------------------------------


def test_parquet_holds_the_tables_with_their_types(hipturn, tmp_path):
    name = "prone_windshield_wiper"
    paths = run(hipturn, "export", f"demo/{name}", "--to", "parquet", "--out", tmp_path)
    assert sorted(path.name for path in paths) == [
        "angles.parquet", "reps.parquet", "samples.parquet", "sets.parquet", "summary.parquet",
    ]  # fmt: skip
    for table in ("angles", "reps", "sets", "summary"):
        back = pyarrow.parquet.read_table(tmp_path / f"{table}.parquet").to_pandas()
        expected = getattr(result(name), table)
        assert list(back.columns) == list(expected.columns)
        assert len(back) == len(expected)
        for column in expected.select_dtypes("float"):
            np.testing.assert_array_equal(back[column], expected[column])


def test_csv_is_read_by_pandas_with_numbers_as_numbers(hipturn, tmp_path):
    name = "prone_windshield_wiper"
    run(hipturn, "export", f"demo/{name}", "--to", "csv", "--out", tmp_path)
    reps = pd.read_csv(tmp_path / "reps.csv")
    assert reps["end_residual_deg"].dtype == float
    assert (reps["end_residual_deg"] < 0).any()  # negative angles survive
    np.testing.assert_array_equal(
        reps["end_residual_deg"], result(name).reps["end_residual_deg"].to_numpy()
    )


HOSTILE = ('=cmd|" /C calc"!A0', "+1+1", "-2+3", "@SUM(A1)", '=HYPERLINK("http://x","y")')


@pytest.mark.skipif(OFFICE is None, reason="LibreOffice is missing")
def test_a_spreadsheet_keeps_numbers_and_runs_no_cell(tmp_path):
    table = pd.DataFrame(
        {
            "wearer": [*HOSTILE, "W01"],
            "peak_deg": [-12.3, 0.5, -0.001, 31.25, 1e-3, -45.0],
            "note": ["a,b", 'say "x"', "line\nbreak", "°", "", "plain"],
        }
    )
    path = write_table(table, tmp_path / "t.csv")
    done = subprocess.run(
        [OFFICE, "--headless", f"-env:UserInstallation=file://{tmp_path}/profile",
         "--convert-to", "xlsx", "--outdir", str(tmp_path), str(path)],
        capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert (tmp_path / "t.xlsx").exists(), done.stderr
    sheet = unzipped(tmp_path / "t.xlsx")
    assert "<f" not in sheet["xl/worksheets/sheet1.xml"]  # no cell became a formula
    done = subprocess.run(
        [OFFICE, "--headless", f"-env:UserInstallation=file://{tmp_path}/profile",
         "--convert-to", "csv", "--outdir", str(tmp_path / "back"), str(tmp_path / "t.xlsx")],
        capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    with (tmp_path / "back" / "t.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["peak_deg"]) for row in rows] == list(table["peak_deg"])
    assert [row["wearer"].removeprefix("'") for row in rows] == list(table["wearer"])


def unzipped(path: Path) -> dict[str, str]:
    """Return the parts of an .xlsx file."""
    import zipfile

    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist() if ".xml" in name}


@pytest.mark.skipif(OFFICE is None, reason="LibreOffice is missing")
def test_a_spreadsheet_opens_reps_csv_of_a_session(hipturn, tmp_path):
    run(hipturn, "export", f"demo/{DEMO[0]}", "--to", "csv", "--out", tmp_path)
    subprocess.run(
        [OFFICE, "--headless", f"-env:UserInstallation=file://{tmp_path}/profile",
         "--convert-to", "xlsx", "--outdir", str(tmp_path), str(tmp_path / "reps.csv")],
        capture_output=True, timeout=180, check=True,
    )  # fmt: skip
    sheet = unzipped(tmp_path / "reps.xlsx")["xl/worksheets/sheet1.xml"]
    assert "<f" not in sheet
    for peak in result(DEMO[0]).reps["peak_deg"]:
        assert f"<v>{peak:g}</v>" in sheet


def test_another_form_is_refused(hipturn):
    code, _, err = hipturn("export", "demo", "--to", "c3d")
    assert code == 2
    assert "'c3d' is not one of 'csv', 'opensim', 'motion-bids', 'parquet', 'fhir'" in err
