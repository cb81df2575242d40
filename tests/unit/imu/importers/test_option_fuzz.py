"""Mutated files under every option of the importers: each is read, or refused in one sentence."""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path

import numpy as np
import pytest

from imu.importers import Hints, ImportFileError
from imu.importers.column_map import checked, ready_maps
from imu.importers.generic_csv import holds, import_csv
from imu.importers.metabase import import_metabase
from imu.importers.opensense import import_opensense
from imu.importers.sequence import in_sequence, parts_of
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
HINTS = Hints(rate_hz=60.0, offset_s={THIGH: 0.25})
ROWS = 150
PIECES = (
    b"nan", b"inf", b"1e308", b"-1e308", b"1e-320", b"99999999999999999999", b"-1", b"0", b"=1+1",
    b"\x00", b"\xff\xfe", b"\x1b[2J", b",", b"\t", b";", b"\n", b"\r", b'"', b'","', b"1_0",
    b"E+12", b"PK\x03\x04", b"1,000,000,000", "\u0661".encode(), b"IST", b"//", b"time",
)  # fmt: skip


def turning(k):
    """Return quaternion, acceleration and rates at a row, all of one turning unit."""
    half = 0.4 * np.sin(0.06 * k)
    rate = 60.0 * 2 * 0.4 * 0.06 * np.cos(0.06 * k)
    acc = (0.0, 9.81 * np.sin(2 * half), 9.81 * np.cos(2 * half))
    return (np.cos(half), np.sin(half), 0.0, 0.0), acc, (rate, 0.0, 0.0)


def table(head, cells, separator=","):
    rows = [separator.join(f"{c:.9g}" for c in cells(k, *turning(k))) for k in range(ROWS)]
    return head + "\n" + "\n".join(rows) + "\n"


def dot(k, q, acc, gyr):
    return (k + 1, 1_000_000_000 + 16_667 * k, *q, *acc, *np.rad2deg(gyr))


def matrix(q):
    w, x, y, z = q
    return (
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y), 2 * (x * y + w * z),
        1 - 2 * (x * x + z * z), 2 * (y * z - w * x), 2 * (x * z - w * y), 2 * (y * z + w * x),
        1 - 2 * (x * x + y * y),
    )  # fmt: skip


DOT = "PacketCounter,SampleTimeFine,Quat_W,Quat_X,Quat_Y,Quat_Z,Acc_X,Acc_Y,Acc_Z,Gyr_X,Gyr_Y,Gyr_Z"
SYNCED = "SyncStatus:,Synced\nOutputRate:,60Hz\nStartTime:,2026-11-02_10:15:00_000 {zone}\n\n"
Q_MAP = checked({"time": "t", "quaternion": [*"wxyz"], "inverse": True, "earth": "z-down"})
RATE = checked({"quaternion": [*"wxyz"], "scale": 0.5}, timed=False)
PLACED = checked(
    {
        "places": {
            "right_thigh": {"quaternion": [*"wxyz"]},
            "right_shank": {"quaternion": [*"wxyz"]},
        }
    },
    timed=False,
)
EULER = checked({"time": "t", "euler": ["r", "p", "y"], "euler_order": "xzy"})
MATRIX = checked({"time": "t", "time_unit": "ms", "matrix": [f"m{i}" for i in range(9)]})
RAW = checked({"time": "t", "acceleration": [*"abc"], "gyroscope": [*"def"], "scale": 1.0})


def two_streams(path):
    other = path.with_name("other.csv")
    other.write_text(table("t,d,e,f", lambda k, q, acc, gyr: (k / 60 + 0.003, *gyr)))
    return import_csv({THIGH: [path, other]}, RAW, HINTS)


def appended(path):
    parts = parts_of({THIGH: [path, path]}, lambda one: holds(one, Q_MAP))
    return in_sequence([import_csv(part, Q_MAP) for part in parts], ["one", "two"])


def dots(path):
    other = path.with_name("other.csv")
    other.write_text(SYNCED.format(zone="UTC") + table(DOT, dot))
    return import_dot({THIGH: path, SHANK: other}, HINTS)


READERS = {
    "inverse": (table("t,w,x,y,z", lambda k, q, a, g: (k / 60, *q)),
                lambda p: import_csv({THIGH: p}, Q_MAP, HINTS)),
    "rate and scale": (table("w,x,y,z", lambda k, q, a, g: [2 * c for c in q]),
                       lambda p: import_csv({THIGH: p}, RATE, HINTS)),
    "places": (table("w,x,y,z", lambda k, q, a, g: q),
               lambda p: import_csv({THIGH: p, SHANK: p}, PLACED, HINTS)),
    "euler": (table("t;r;p;y", lambda k, q, a, g: (k / 60, 40 * np.sin(0.06 * k), 1, 2), ";"),
              lambda p: import_csv({THIGH: p}, EULER, HINTS)),
    "matrix": (table("t,m0,m1,m2,m3,m4,m5,m6,m7,m8", lambda k, q, a, g: (16.7 * k, *matrix(q))),
               lambda p: import_csv({THIGH: p}, MATRIX)),
    "raw": (table("t,a,b,c,d,e,f", lambda k, q, a, g: (k / 60, *a, *g)),
            lambda p: import_csv({THIGH: p}, RAW, HINTS)),
    "two streams": (table("t,a,b,c", lambda k, q, a, g: (k / 60, *a)), two_streams),
    "appended": (table("t,w,x,y,z", lambda k, q, a, g: (k / 60, *q)), appended),
    "mt-manager": ("// Update Rate: 60.0Hz\n" + table(
        "PacketCounter\tQuat_q0\tQuat_q1\tQuat_q2\tQuat_q3\tAcc_X\tAcc_Y\tAcc_Z",
        lambda k, q, a, g: (65_500 + k, *q, *a), "\t"),
        lambda p: import_csv({THIGH: p}, ready_maps("mt-manager"))),
    "phyphox": (table('"Time (s)",' + ",".join(
        f'"{w}"' for kind, unit in (("Acceleration", "m/s^2"), ("Gyroscope", "rad/s"))
        for w in (f"{kind} {a} ({unit})" for a in "xyz")), lambda k, q, a, g: (k / 60, *a, *g)),
        lambda p: import_csv({THIGH: p}, ready_maps("phyphox"))),
    "xsens-dot": (SYNCED.format(zone="IST") + table(DOT, dot), dots),
    "xsens-dot-server": (
        files.server(60), lambda p: import_server(p, {THIGH: files.ADDRESSES[0]}, HINTS)),
    "metabase": (
        files.metabase(files.IOS, files.IOS_Q), lambda p: import_metabase({THIGH: [p]}, HINTS)),
    "opensense": (files.sto(), lambda p: import_opensense(p, HINTS)),
}  # fmt: skip


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
            continue
        q = session.table.q
        assert np.isfinite(q[~np.isnan(q).all(axis=1)]).all()
        assert (np.diff(session.table.host_time_ns) >= 0).all()
        assert all(sentence.isprintable() for sentence in session.warnings)
        good += 1
    assert all(sentence.isprintable() for sentence in said)  # and so on one line
    return good, len(said)


@pytest.mark.parametrize("name", READERS)
def test_a_mutated_file_under_options_is_read_or_refused_in_a_sentence(name, tmp_path):
    good, refused = survive(name, tmp_path / "file.csv", 200, 1)
    assert good > 0
    assert refused > 0


@pytest.mark.long
@pytest.mark.parametrize("name", READERS)
def test_ten_thousand_mutated_files_under_options(name, tmp_path):
    resource = pytest.importorskip("resource", reason="memory is told by Unix only")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    good, refused = survive(name, tmp_path / "file.csv", 10_000, 2)
    assert good + refused == 10_000
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * (1 if sys.platform == "darwin" else 1024) < 500_000_000
