"""Files of other tools: the exact headers, the quirks, and whatever else may stand in a file."""

from __future__ import annotations

import importlib.util
import math
import random
import sys
import tracemalloc
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from imu.importers import ImportFileError
from imu.importers.column_map import checked, read_map, write_map
from imu.importers.generic_csv import import_csv
from imu.importers.metabase import import_metabase
from imu.importers.opensense import import_opensense
from imu.importers.xsens.xsens_dot import import_dot
from imu.importers.xsens.xsens_dot_server import import_server
from imu.sample import Segment, Side

SPEC = importlib.util.spec_from_file_location(
    "importer_files", Path(__file__).parents[1] / "importer_files.py"
)
assert SPEC
assert SPEC.loader
files = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(files)

THIGH, SHANK = (Segment.THIGH, Side.RIGHT), (Segment.SHANK, Side.RIGHT)
PELVIS = (Segment.PELVIS, None)
BY_ADDRESS = dict(zip((THIGH, SHANK), files.ADDRESSES, strict=True))
MAP = checked(
    {
        "time": "t", "time_unit": "ms", "quaternion": ["qw", "qx", "qy", "qz"],
        "acceleration": ["ax", "ay", "az"], "acceleration_unit": "g",
        "gyroscope": ["gx", "gy", "gz"], "gyroscope_unit": "deg/s",
    }
)  # fmt: skip
DOT = (
    "sep=,\nDeviceTag:,T1\nSyncStatus:,Synced\nOutputRate:,60Hz\nMeasurement Mode:,Custom Mode 5\n"
    "StartTime:,2025-07-11_20:06:00_086 WEST\n\nPacketCounter,SampleTimeFine,"
    "Quat_W,Quat_X,Quat_Y,Quat_Z\n"
    + "".join(f"{k},{5_000_000 + 16667 * k},{files.cells(files.turned(k))}\n" for k in range(60))
)  # fmt: skip


@pytest.fixture
def write(tmp_path):
    def save(content, name="file.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return save


def turned(session, unit=0):
    """Return the half angles of a unit's orientations."""
    q = session.table.of(unit).q
    return np.arctan2(q[:, 1], q[:, 0])


# -- the DOT server ------------------------------------------------------------------------------


def test_the_server_file_is_split_by_address(write):
    session = import_server(write(files.server()), BY_ADDRESS)
    assert [unit.label for unit in session.units] == ["right thigh", "right shank"]
    assert session.started_at == datetime(2020, 6, 12, 4, 22, 28, tzinfo=UTC)
    for unit in (0, 1):
        np.testing.assert_allclose(turned(session, unit), 0.005 * np.arange(60), atol=1e-8)
        assert session.units[unit].rate_hz == pytest.approx(60, abs=0.1)
    starts = [session.table.of(unit).host_time_ns[0] for unit in (0, 1)]
    assert starts[1] - starts[0] == pytest.approx(4_321_500, abs=1000)
    assert any("tens of milliseconds" in text for text in session.warnings)


def test_an_address_may_be_written_in_any_way(write):
    odd = {THIGH: "D4-CA-6E-F1-82-8C", SHANK: "d4ca6ef18558"}
    assert len(import_server(write(files.server()), odd).table) == 120


def test_an_address_that_is_not_in_the_file_is_refused_with_those_that_are(write):
    with pytest.raises(ImportFileError, match="there is no unit aa:bb; there are d4ca6ef1828c"):
        import_server(write(files.server()), {THIGH: "aa:bb"})


def test_the_server_s_euler_modes_are_refused(write):
    head = files.SERVER.replace(
        "Quaternion_w,Quaternion_x,Quaternion_y,Quaternion_z", "Euler_x,Euler_y,Euler_z"
    )
    with pytest.raises(ImportFileError, match="carries no quaternions"):
        import_server(write(head), BY_ADDRESS)


def test_rate_quantities_of_the_server_are_fused_later(write):
    head = "Timestamp,Address,Acc_x,Acc_y,Acc_z,Gyr_x,Gyr_y,Gyr_z,Mag_x,Mag_y,Mag_z\n"
    rows = [f"{1e6 + 16667 * k},{files.ADDRESSES[0]},0,0,9.8,180,0,0,1,1,1" for k in range(30)]
    session = import_server(write(head + "\n".join(rows) + "\n"), {THIGH: files.ADDRESSES[0]})
    assert np.isnan(session.table.q).all()
    np.testing.assert_allclose(session.table.gyr[:, 0], math.pi)


# -- MetaBase ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "columns"), [(files.IOS, files.IOS_Q), (files.ANDROID, files.ANDROID_Q)],
    ids=["iOS", "Android"],
)  # fmt: skip
def test_both_headers_of_metabase_are_known(write, head, columns):
    session = import_metabase({THIGH: [write(files.metabase(head, columns))]})
    np.testing.assert_allclose(turned(session), 0.005 * np.arange(60), atol=2e-3)
    assert session.units[0].rate_hz == pytest.approx(100.0)
    assert session.started_at == datetime(2018, 12, 31, 16, tzinfo=timezone(timedelta(hours=-8)))


def test_acceleration_and_rate_of_one_unit_are_put_together(write):
    acc = write(files.metabase(files.IOS, files.AXES.format(unit="g"), row="0,0,1"), "acc.csv")
    gyr = write(
        files.metabase(files.IOS, files.AXES.format(unit="deg/s"), row="180,0,0"), "gyr.csv"
    )
    session = import_metabase({THIGH: [acc, gyr]})
    assert np.isnan(session.table.q).all()
    np.testing.assert_allclose(session.table.acc[:, 2], 9.80665)
    np.testing.assert_allclose(session.table.gyr[:, 0], math.pi)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("pitch (deg),roll (deg),yaw (deg),heading (deg)\n", "these are Euler angles"),
        ("illuminance (lx)\n", "no stream that can be used"),
    ],
)
def test_other_streams_of_metabase_are_refused(write, columns, said):
    with pytest.raises(ImportFileError, match=said):
        import_metabase({THIGH: [write(files.metabase(files.IOS, columns, row="1,2,3,4"))]})


def test_acceleration_alone_gives_no_orientation(write):
    acc = write(files.metabase(files.IOS, files.AXES.format(unit="g"), row="0,0,1"))
    with pytest.raises(ImportFileError, match="not both acceleration and rotation rate"):
        import_metabase({THIGH: [acc]})


def test_the_same_stream_twice_is_refused(write):
    one = write(files.metabase(files.IOS, files.IOS_Q))
    with pytest.raises(ImportFileError, match="the same stream"):
        import_metabase({THIGH: [one, one]})


# -- OpenSense -----------------------------------------------------------------------------------


def test_bodies_of_an_sto_file_are_segments(write):
    session = import_opensense(write(files.sto(), "o.sto"))
    assert [unit.label for unit in session.units] == ["pelvis", "right thigh", "right shank"]
    assert session.clock == "shared"
    assert session.units[0].rate_hz == pytest.approx(60, abs=0.01)
    np.testing.assert_allclose(turned(session, 2), 0.005 * np.arange(60), atol=1e-8)


def test_other_bodies_are_left_out_and_named(write):
    names = "torso_imu\tfemur_l_imu\ttibia_l_imu\tcalcn_l_imu\thumerus_r_imu"
    session = import_opensense(write(files.sto(names=names), "o.sto"))
    assert [unit.label for unit in session.units] == ["left thigh", "left shank"]
    assert any("torso_imu, calcn_l_imu, humerus_r_imu" in text for text in session.warnings)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("DataType=Quaternion", "DataType=double"), "not Quaternion"),
        (("endheader\n", ""), "no line is endheader"),
        (("time\t", "frame\t"), "do not begin with time"),
        (("femur_r_imu", "tibia_r_imu"), "two columns are called tibia_r_imu"),
        (("pelvis_imu\tfemur_r_imu\ttibia_r_imu", "a\tb\tc"), "no column is a body we know"),
    ],
)
def test_what_is_no_orientation_file_is_refused(write, change, said):
    with pytest.raises(ImportFileError, match=said):
        import_opensense(write(files.sto().replace(*change), "o.sto"))


def test_rows_without_an_orientation_are_dropped_and_counted(write):
    text = files.sto().replace("0.016667\t1.", "0.016667\tnan,0,0,0\t1.", 0)
    rows = text.splitlines()
    rows[10] = rows[10].split("\t")[0] + "\tnan,nan,nan,nan" * 3
    session = import_opensense(write("\n".join(rows) + "\n", "o.sto"))
    assert len(session.table.of(0)) == 59
    assert any("1 rows dropped" in text for text in session.warnings)


# -- any CSV -------------------------------------------------------------------------------------


def test_a_column_map_says_what_is_what(write):
    session = import_csv({THIGH: write(files.plain())}, MAP)
    np.testing.assert_allclose(turned(session), 0.005 * np.arange(60), atol=1e-8)
    np.testing.assert_allclose(session.table.acc[:, 2], 9.80665)
    np.testing.assert_allclose(session.table.gyr[:, 0], 1.0)
    assert session.units[0].rate_hz == pytest.approx(100.0)


def test_a_column_map_is_kept_and_read_again(tmp_path):
    path = tmp_path / "map.toml"
    write_map(MAP, path)
    assert read_map(path) == MAP
    with pytest.raises(ImportFileError, match="cannot be written"):
        write_map(MAP, path)  # nothing is overwritten


def test_quaternions_that_lead_from_earth_to_sensor_are_turned_round(write):
    inverse = checked({"time": "t", "time_unit": "ms", "quaternion": ["qw", "qx", "qy", "qz"],
                       "inverse": True})  # fmt: skip
    session = import_csv({THIGH: write(files.plain())}, inverse)
    np.testing.assert_allclose(turned(session), -0.005 * np.arange(60), atol=1e-8)


def test_one_file_may_hold_several_units_row_by_row(write):
    rows = ["sensor,t,qw,qx,qy,qz"]
    for k in range(30):
        rows += [f"{name},{10 * k},{files.cells(files.turned(k))}"
                 for name in ("Right_Thigh", "right shank", "other")]  # fmt: skip
    path = write("\n".join(rows) + "\n")
    columns = checked({"time": "t", "time_unit": "ms", "unit": "sensor",
                       "quaternion": ["qw", "qx", "qy", "qz"]})  # fmt: skip
    session = import_csv({THIGH: path, SHANK: path}, columns)
    assert [len(session.table.of(unit)) for unit in (0, 1)] == [30, 30]
    with pytest.raises(ImportFileError, match="no row is of the unit 'pelvis'"):
        import_csv({PELVIS: path}, columns)


def test_one_file_may_hold_several_units_side_by_side(write):
    head = "t," + ",".join(f"{p}_{c}" for p in ("right_thigh", "right_shank") for c in "wxyz")
    rows = [f"{k / 50},{files.cells(files.turned(k))},{files.cells(files.turned(2 * k))}"
            for k in range(30)]  # fmt: skip
    path = write(head + "\n" + "\n".join(rows) + "\n")
    columns = checked({"time": "t", "quaternion": [f"{{place}}_{c}" for c in "wxyz"]})
    session = import_csv({THIGH: path, SHANK: path}, columns)
    np.testing.assert_allclose(turned(session, 1), 2 * turned(session, 0), atol=1e-8)


def test_one_file_for_two_units_that_nothing_tells_apart_is_refused(write):
    path = write(files.plain())
    with pytest.raises(ImportFileError, match="does not tell them apart"):
        import_csv({THIGH: path, SHANK: path}, MAP)


def test_a_missing_column_is_refused_with_those_there_are(write):
    with pytest.raises(ImportFileError, match="the column 'qz' is missing; there are: t, qw"):
        import_csv({THIGH: write(files.plain().replace("qz", "q4"))}, MAP)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "time is missing"),
        ("time = 3", "time is no text"),
        ('time = "t"', "neither quaternion, nor both"),
        ('time = "t"\nquaternion = ["a", "b"]', "not a list of 4 column names"),
        ('time = "t"\ntime_unit = "min"\nquaternion = ["a","b","c","d"]', "time_unit is none of"),
        ('time = "t"\nquaternion = ["a","b","c","d"]\nfoo = 1', "foo is unknown"),
        ("time = ", "Invalid value"),
        ("x = " + "[" * 5000, "file.csv"),
        ("#" * 30_000, "too long"),
    ],
)
def test_a_wrong_column_map_is_refused_in_one_line(write, text, said):
    with pytest.raises(ImportFileError, match=said) as caught:
        read_map(write(text))
    assert "\n" not in str(caught.value)


# -- hostile files -------------------------------------------------------------------------------


READERS = {
    "xsens-dot": (DOT, lambda path: import_dot({THIGH: path})),
    "xsens-dot-server": (files.server(20), lambda path: import_server(path, BY_ADDRESS)),
    "metabase": (
        files.metabase(files.ANDROID, files.ANDROID_Q),
        lambda path: import_metabase({THIGH: [path]}),
    ),
    "opensense": (files.sto(), import_opensense),
    "csv": (files.plain(), lambda path: import_csv({THIGH: path}, MAP)),
}
PIECES = (
    b"nan", b"inf", b"-inf", b"1e308", b"-1e308", b"1e-320", b"99999999999999999999", b"-1", b"0",
    b"=1+1", b"\x00", b"\xff\xfe", b"\x1b[2J", b",", b"\t", b";", b"\n", b"\r", b'"', b"1_0",
    b"time", b"endheader", b"PacketCounter", "\u0661".encode(), b"\xef\xbb\xbf", b"http://x/",
)  # fmt: skip


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Return a file with one to six things done to it."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data) + 1)
        length = chance.choice((1, 1, 2, 8, 40, 400))
        what = chance.randrange(6)
        if what == 0:
            del data[at : at + length]
        elif what == 1:
            data[at:at] = chance.choice(PIECES)
        elif what == 2:
            data[at : at + length] = chance.choice(PIECES)
        elif what == 3:
            data[at:at] = data[at : at + length]
        elif what == 4:
            data[at : at + 1] = bytes([chance.randrange(256)])
        else:
            del data[at:]
    return bytes(data)


def survive(name: str, path: Path, count: int, seed: int) -> tuple[int, int]:
    """Import mutated files; return how many were read and how many refused."""
    content, read = READERS[name]
    chance = random.Random(seed)  # noqa: S311
    good, said = 0, []
    for _ in range(count):
        path.write_bytes(mutated(content.encode(), chance))
        try:
            session = read(path)
        except ImportFileError as error:
            said.append(str(error))
        else:
            q = session.table.q
            assert np.isfinite(q[~np.isnan(q).all(axis=1)]).all()
            assert (np.diff(session.table.host_time_ns) >= 0).all()
            good += 1
    assert all(sentence.isprintable() for sentence in said)  # and so on one line
    return good, len(said)


@pytest.mark.parametrize("name", READERS)
def test_no_mutated_file_gets_through_as_anything_but_a_sentence(name, tmp_path):
    good, refused = survive(name, tmp_path / "file.csv", 400, 1)
    assert good > 40
    assert refused > 20


@pytest.mark.long
@pytest.mark.parametrize("name", READERS)
def test_fifty_thousand_mutated_files(name, tmp_path):
    good, refused = survive(name, tmp_path / "file.csv", 10_000, 2)
    assert good + refused == 10_000


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 5000, b"\n" * 100_000, b"x" * 1_000_000, b",".join([b"time"] * 5000)],
    ids=["empty", "zeros", "lines", "one long line", "many columns"],
)
def test_what_is_no_such_file_is_refused_in_one_line(name, content, write):
    with pytest.raises(ImportFileError) as caught:
        READERS[name][1](write(content))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", READERS)
def test_memory_does_not_grow_with_what_is_not_used(name, write):
    """A file of 20 MB that holds nothing but one endless line is not read into memory."""
    path = write(READERS[name][0].encode() + b"7" * 20_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(ImportFileError, match="longer than 4000"):
            READERS[name][1](path)
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes there")
@pytest.mark.parametrize("name", READERS)
def test_a_pipe_or_an_address_is_not_opened(name, tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("http://127.0.0.1:9/file.csv")):
        with pytest.raises(ImportFileError):
            READERS[name][1](path)
