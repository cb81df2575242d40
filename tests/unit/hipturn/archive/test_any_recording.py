"""Files as people bring them, from file to angle: the right numbers, or the true cause.

Each kind is made from the virtual wearer's samples, as this tool or that spreadsheet would have
written them; what comes out must be the wearer's true ranges, or one sentence that names the cause.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

import hipturn as package
from imu.quaternion import by_rows, conjugate, multiply
from imu.virtual.wearer import WearerSettings, wear

EXERCISE = "seated_internal_rotation"
Q = list("wxyz")
ACC, GYR = [f"acc_{a}" for a in "xyz"], [f"gyr_{a}" for a in "xyz"]
RATE_HZ = 60.0
EPOCH_MS = 1_730_000_000_000
UNITS = ("thigh", "shank")
ADDRESSES = ("d4:ca:6e:f1:82:8c", "d4:ca:6e:f1:85:58")


@dataclass
class Worn:
    """A set's true ranges, its marks, and each unit's samples: s, w…z, acc_x… (m/s²), gyr_x…."""

    ranges_deg: list[float]
    marks: str
    tables: dict[str, pd.DataFrame]
    angle_at: Callable[[np.ndarray], np.ndarray]
    """The true angle in degrees at seconds since the first sample."""


@pytest.fixture(scope="module")
def worn():
    settings = WearerSettings(
        reps=3, sensor_output="quaternion+raw", loss_share=0.0, clock_sd_ppm=0.0,
        device_epoch_ticks=0,
    )  # fmt: skip
    wearing = wear(EXERCISE, "right", 8, settings)
    tables = {}
    for index, unit in enumerate(wearing.units):
        mine = [sample for sample in wearing.samples if sample.unit == index]
        rows = [[*s.q, *s.acc, *np.rad2deg(s.gyr)] for s in mine]
        table = pd.DataFrame(rows, columns=[*Q, *ACC, *GYR])
        table.insert(0, "s", np.arange(len(mine)) / RATE_HZ)
        table.insert(1, "k", np.arange(len(mine)) + 1)
        tables[str(unit.segment)] = table
    marks = "time_s,label\n" + "".join(f"{t:.3f},{label}\n" for t, label in wearing.marks)
    ranges = [rep.rom_deg for rep in wearing.truth.reps[wearing.units[0].side] if rep.kind == "rep"]
    side = wearing.units[0].side
    return Worn(ranges, marks, tables, lambda at_s: wearing.truth.angle_at(side, at_s))


class Case:
    """Writes files into a folder and remembers the command that is to read them."""

    def __init__(self, folder, worn):
        self.folder, self.tables = folder, {name: t.copy() for name, t in worn.tables.items()}
        self.arguments = []
        (folder / "marks.csv").write_text(worn.marks)

    def file(self, unit, table, name="", **to_csv):
        """Write a table as a unit's file, as it is in this tool's world."""
        path = self.folder / f"{unit}{name}.csv"
        head = to_csv.pop("head", "")
        text = head + table.to_csv(index=to_csv.pop("index", False), **to_csv)
        path.write_text(text, encoding="utf-8")
        self.arguments += [f"--right-{unit}", path]

    def each(self, change, name="", **to_csv):
        for unit, table in self.tables.items():
            self.file(unit, change(table), name, **to_csv)
        return self

    def told(self, form, *more):
        self.arguments = [form, *self.arguments, *more]
        return self


def csv(case, *more):
    return case.told("csv", *more)


QUATERNION = ("--time", "s", "--quaternion", "w,x,y,z")
RAW = ("--acceleration", ",".join(ACC), "--gyroscope", ",".join(GYR) + ":deg/s")
SIMPLE = ["s", *Q]
HEAD = (
    "sep=,\nDeviceTag:,t\nSyncStatus:,{sync}\nOutputRate:,60Hz\n"
    "StartTime: ,2026-11-02_{start} {zone}\n\n"
)


def dot(table, **columns):
    """Return a table of the DOT app; columns replace its counters."""
    us = np.rint(1e6 * table["s"]).astype(np.int64) + 1_000_000_000
    out = pd.DataFrame({"PacketCounter": table["k"], "SampleTimeFine": us} | columns)
    for axis in Q:
        out[f"Quat_{axis.upper()}"] = table[axis].round(6)
    return out


def paced(case, sent_hz):
    """Write raw DOT files of units that were set to 60 a second and sent at another rate.

    The same movement, then, but slower or quicker: times longer, and rates smaller, by one factor.
    """
    slower = RATE_HZ / sent_hz
    marks = pd.read_csv(case.folder / "marks.csv")
    marks["time_s"] *= slower
    marks.to_csv(case.folder / "marks.csv", index=False)
    for unit, table in case.tables.items():
        us = np.rint(1e6 * slower * table["s"]).astype(np.int64) + 1_000_000_000
        out = pd.DataFrame({"PacketCounter": table["k"], "SampleTimeFine": us})
        out[["Acc_X", "Acc_Y", "Acc_Z"]] = table[ACC]
        out[["Gyr_X", "Gyr_Y", "Gyr_Z"]] = table[GYR] / slower
        case.file(unit, out, head=head())
    return case.told("xsens-dot")


def unpaced(case, sent_hz):
    """Write raw files without times, and tell a rate of 60."""
    faster = sent_hz / RATE_HZ
    case.each(lambda t: t[ACC].join(faster * t[GYR]))
    return csv(case, "--rate", "60", *RAW)


def head(sync="Synced", start="10:15:00_000", zone="CET"):
    return HEAD.format(sync=sync, start=start, zone=zone)


def dots(case, change=lambda table: {}, second=None, **heads):
    """Write a DOT file for each unit; `second` changes the shank's, where it differs."""
    for unit, table in case.tables.items():
        changed = second if second is not None and unit == "shank" else change
        case.file(unit, dot(table, **changed(table)), head=head(**heads.get(unit, {})))
    return case.told("xsens-dot")


def metabase(case, epoch=None, elapsed=None):
    for unit, t in case.tables.items():
        ms = np.rint(1000 * t["s"]).astype(np.int64)
        stamp = pd.to_datetime(EPOCH_MS + ms + 3_600_000, unit="ms").dt.strftime(
            "%Y-%m-%dT%H.%M.%S.%f"
        )
        out = pd.DataFrame(
            {
                "epoc (ms)": EPOCH_MS + ms if epoch is None else epoch(ms),
                "timestamp (+0100)": stamp.str[:-3],
                "elapsed (s)": (ms / 1000).map("{:.3f}".format) if elapsed is None else elapsed(ms),
            }
        )
        for axis in Q:
            out[f"{axis} (number)"] = t[axis].round(4)
        case.file(unit, out)
    return case.told("metabase")


def inverse(table):
    out = table.copy()
    out[Q] = by_rows(conjugate, table[Q].to_numpy())
    return out


def on_earth(table, w, x, y, z):
    """Return a table whose quaternions lead to another earth, turned by wxyz."""
    out = table.copy()
    turn = np.tile([w, x, y, z], (len(out), 1))
    out[Q] = by_rows(multiply, turn, table[Q].to_numpy())
    return out


def matrices(table):
    from scipy.spatial.transform import Rotation

    turned = Rotation.from_quat(table[["x", "y", "z", "w"]].to_numpy())
    out = pd.DataFrame(turned.as_matrix().reshape(-1, 9), columns=[f"m{i}" for i in range(9)])
    out[["roll", "pitch", "yaw"]] = turned.as_euler("ZYX", degrees=True)[:, ::-1]
    out.insert(0, "s", table["s"].to_numpy())
    return out


def late(table, seconds):
    out = table.copy()
    out["s"] += seconds
    return out


def restarted(packets):
    def change(table):
        us = np.rint(1e6 * table["s"]).astype(np.int64) + 3_000_000_000
        us[1000:] -= us[1000] - 5000
        counter = table["k"].to_numpy().copy()
        if packets:
            counter[1000:] -= 1000
        return {"SampleTimeFine": us, "PacketCounter": counter}

    return change


def phone(case, names, **to_csv):
    """Write each unit's acceleration and rates into files with times of their own."""
    for unit, t in case.tables.items():
        acc = pd.DataFrame(
            {names["time"]: t["s"], **dict(zip(names["acc"], t[ACC].T.to_numpy(), strict=True))}
        )
        rad = np.deg2rad(t[GYR].to_numpy()).T
        gyr = pd.DataFrame(
            {names["time"]: t["s"] + 0.004, **dict(zip(names["gyr"], rad, strict=True))}
        )
        if names.get("ns"):
            for one in (acc, gyr):
                one[names["time"]] = (
                    np.rint(1e9 * one[names["time"]]).astype(np.int64) + EPOCH_MS * 10**6
                )
        case.file(unit, acc, names["files"][0], **to_csv)
        case.file(unit, gyr, names["files"][1], **to_csv)
    return case


PHYPHOX = {
    "time": "Time (s)", "files": (" Accelerometer", " Gyroscope"),
    "acc": [f"Acceleration {a} (m/s^2)" for a in "xyz"],
    "gyr": [f"Gyroscope {a} (rad/s)" for a in "xyz"],
}  # fmt: skip
LOGGER = {
    "time": "time", "files": ("_TotalAcceleration", "_Gyroscope"), "acc": list("xyz"),
    "gyr": list("xyz"), "ns": True,
}  # fmt: skip


def manager(table, rate=True, columns="q", blank=False):
    lines = "// General information:\n// Update Rate: 60.0Hz\n" if rate else "// MT Manager\n"
    out = pd.DataFrame({"PacketCounter": (table["k"] + 65_000) % 65_536})
    out["SampleTimeFine"] = "" if blank else (table["s"] * 10_000).round().astype(int)
    out[["Acc_X", "Acc_Y", "Acc_Z"]] = table[ACC]
    out[["Gyr_X", "Gyr_Y", "Gyr_Z"]] = np.deg2rad(table[GYR])
    if columns == "q":
        out[[f"Quat_q{i}" for i in range(4)]] = table[Q]
    else:
        turned = matrices(table)
        for i in range(9):
            out[f"Mat[{i // 3 + 1}][{i % 3 + 1}]"] = turned[f"m{i}"]
    return lines, out


def managed(case, *more, **how):
    for unit, t in case.tables.items():
        lines, out = manager(t, **how)
        case.file(unit, out, head=lines, sep="\t")
    return csv(case, "--map", "mt-manager", *more)


def server(case, names, index=False):
    rows = [
        t.assign(Timestamp=511_567_041_444.25 + 1e6 * t["s"], Address=address)
        for t, address in zip(
            case.tables.values(), ("d4:ca:6e:f1:82:8c", "d4:ca:6e:f1:85:58"), strict=True
        )
    ]
    table = (
        pd.concat(rows).sort_values(["Timestamp", "Address"], kind="stable").reset_index(drop=True)
    )
    table = table[["Timestamp", "Address", *Q]].rename(columns=dict(zip(Q, names, strict=True)))
    table.to_csv(case.folder / "server.csv", index=index)
    case.arguments = [
        case.folder / "server.csv", "--right-thigh", ADDRESSES[0], "--right-shank", ADDRESSES[1],
    ]  # fmt: skip
    return case.told("xsens-dot-server")


def halves(case, second_s=None):
    """Write each unit's recording in two files; the second's clock begins where it is told."""
    for unit, t in case.tables.items():
        middle = 360  # while the wearer stands and moves into position
        for name, part in (("_1", t[:middle]), ("_2", t[middle:])):
            if name == "_2" and second_s is not None:
                part = late(part, second_s - part["s"].iloc[0])
            case.file(unit, part[SIMPLE], name)
    if second_s is not None:
        path = case.folder / "marks.csv"
        marks = pd.read_csv(path)
        marks.loc[marks["time_s"] > middle / RATE_HZ, "time_s"] += 1.0 - 1.0 / RATE_HZ
        marks.to_csv(path, index=False)
    return csv(case, *QUATERNION, "--append")


def both(case, table_of, *more):
    """Write both units side by side in one file."""
    thigh, shank = (case.tables[name].reset_index(drop=True) for name in UNITS)
    n = min(len(thigh), len(shank))
    path = case.folder / "both.csv"
    table_of(thigh[:n], shank[:n]).to_csv(path, index=False)
    case.arguments = ["--right-thigh", path, "--right-shank", path]
    return csv(case, *more)


def side_by_side(thigh, shank):
    out = thigh[Q].rename(columns=lambda c: f"{c}1")
    return out.join(shank[Q].rename(columns=lambda c: f"{c}2"))


PLACED = ("--quaternion", "right-thigh=w1,x1,y1,z1", "--quaternion", "right-shank=w2,x2,y2,z2")


def counts(table):
    out = table[["s"]].copy()
    out[ACC] = np.rint(table[ACC] / 9.80665 / 0.000244).astype(int)
    out[GYR] = np.rint(table[GYR] / 0.061).astype(int)
    return out


def rounded(values, digits):
    return [f"{value:.{digits}E}" for value in values]


RIGHT = {
    "01 raw, rates in rad/s": lambda c: csv(
        c.each(lambda t: t[["s", *ACC]].join(np.deg2rad(t[GYR]))), "--time", "s", *RAW[:2],
        "--gyroscope", ",".join(GYR)),
    "01 raw in g": lambda c: csv(
        c.each(lambda t: (t[ACC] / 9.80665).join(t[["s", *GYR]])), "--time", "s",
        "--acceleration", ",".join(ACC) + ":g", *RAW[2:]),
    "01 raw told as m/s², and in g": (lambda c: csv(
        c.each(lambda t: (t[ACC] / 9.80665).join(t[["s", *GYR]])), "--time", "s", *RAW), "in g"),
    "01 rates told as rad/s, and in deg/s": (lambda c: csv(
        c.each(lambda t: t[["s", *ACC, *GYR]]), "--time", "s", *RAW[:2], "--gyroscope",
        ",".join(GYR)), "deg/s, not rad/s"),
    "02 raw counts": lambda c: csv(
        c.each(counts), "--time", "s", "--acceleration", ",".join(ACC) + ":g", *RAW[2:],
        "--scale", "acceleration=0.000244", "--scale", "gyroscope=0.061"),
    "03 inverse": (lambda c: csv(c.each(inverse), *QUATERNION, *RAW), "--inverse"),
    "03 order x,y,z,w": (lambda c: csv(
        c.each(lambda t: t), "--time", "s", "--quaternion", "x,y,z,w", *RAW), "order"),
    "03 y up": (lambda c: csv(
        c.each(lambda t: on_earth(t, np.sqrt(.5), -np.sqrt(.5), 0, 0)), *QUATERNION, *RAW),
        "y points up"),
    "03 z down, told": lambda c: csv(
        c.each(lambda t: on_earth(t, 0, 1, 0, 0)), *QUATERNION, *RAW, "--earth", "z-down"),
    "03 inverse, by the rates alone": (lambda c: csv(
        c.each(inverse), *QUATERNION, *RAW[2:]), "--inverse"),
    "06 epoch rounded": (lambda c: metabase(c, epoch=lambda ms: "1.73000E+12"), "elapsed"),
    "06 epoch rounded to a minute": (lambda c: metabase(
        c, epoch=lambda ms: rounded(EPOCH_MS + ms, 8)), "elapsed"),
    "07 SampleTimeFine rounded": (lambda c: dots(
        c, lambda t: {"SampleTimeFine": rounded(1e9 + 1e6 * t["s"], 2)}), "PacketCounter"),
    "07 SampleTimeFine rounded to 0.1 s": (lambda c: dots(
        c, lambda t: {"SampleTimeFine": rounded(1e9 + 1e6 * t["s"], 4)}), "PacketCounter"),
    "07 PacketCounter rounded": (lambda c: dots(
        c, lambda t: {"PacketCounter": [f"{k + 100_000:.1E}" for k in t["k"]]}),
        "SampleTimeFine alone"),
    "07 SampleTimeFine restarts": (lambda c: dots(c, restarted(False)), "nothing is lost"),
    "07 one clock 2 s off": (lambda c: dots(
        c, second=lambda t: {"SampleTimeFine": np.rint(1e6 * t["s"]).astype(int) + 1_002_000_000}),
        "StartTime"),
    "07 one clock in another epoch": (lambda c: dots(
        c, second=lambda t: {"SampleTimeFine": np.rint(1e6 * t["s"]).astype(int) + 5000}),
        "StartTime"),
    "09 q_w": lambda c: server(c, ["q_w", "q_x", "q_y", "q_z"]),
    "09 Quat_W with an index": lambda c: server(
        c, ["Quat_W", "Quat_X", "Quat_Y", "Quat_Z"], index=True),
    "10 ticks of 0.1 ms": (lambda c: dots(
        c, lambda t: {"SampleTimeFine": np.rint(1e4 * t["s"]).astype(int) + 340_000}), "0.1 ms"),
    "10 ticks of 1 ms": (lambda c: dots(
        c, lambda t: {"SampleTimeFine": np.rint(1e3 * t["s"]).astype(int) + 340_000}), "1 ms"),
    "11 raw, 4 % slow": lambda c: paced(c, 57.6),
    "11 raw, 100 a second instead of 60": (lambda c: paced(c, 100.0),
        "thigh.csv: its clock shows 100 samples a second, not the 60 of OutputRate; the clock is"
        " believed"),
    "12 an index column": lambda c: c.each(dot, index=True).told("xsens-dot"),
    "12 a column before and a semicolon": lambda c: c.each(
        lambda t: dot(t).rename_axis("row"), index=True, sep=";", decimal=",",
        head=head().replace(",", ";")).told("xsens-dot"),
    "13 phyphox": (lambda c: csv(phone(c, PHYPHOX), "--map", "phyphox"), "times of its own"),
    "13 phyphox, tabs and decimal commas": lambda c: csv(
        phone(c, PHYPHOX, sep="\t", decimal=","), "--map", "phyphox"),
    "13 Sensor Logger": lambda c: csv(phone(c, LOGGER), "--map", "sensor-logger"),
    "13 AndroSensor": lambda c: csv(c.each(lambda t: pd.DataFrame(
        {f"ACCELEROMETER {a.upper()} (m/s²)": t[f"acc_{a}"] for a in "xyz"}
        | {f"GYROSCOPE {a.upper()} (rad/s)": np.deg2rad(t[f"gyr_{a}"]) for a in "xyz"}
        | {"Time since start in ms ": (1000 * t["s"]).round().astype(int)}), sep=";"),
        "--map", "androsensor"),
    "14 MT Manager": lambda c: managed(c),
    "14 MT Manager, matrices and no rate": lambda c: managed(c, rate=False, columns="m"),
    "14 MT Manager, blank times": lambda c: managed(c, "--rate", "60", rate=False, blank=True),
    "15 names with comma and colon": lambda c: csv(
        c.each(lambda t: t[SIMPLE].set_axis(["Time, s", *(f"Unit: {a}" for a in Q)], axis=1)),
        "--time", "Time, s", "--quaternion", ",".join(f'"Unit: {a}"' for a in Q)),
    "15 decimal commas in quotes": lambda c: csv(
        c.each(lambda t: t[SIMPLE], decimal=",", quoting=1), *QUATERNION),
    "15 a colon in the time": lambda c: csv(
        c.each(lambda t: t[SIMPLE].rename(columns={"s": "Time: s"})), "--time", "Time: s",
        "--quaternion", "w,x,y,z"),
    "16 no time column": lambda c: csv(
        c.each(lambda t: t[Q]), "--rate", "60", "--quaternion", "w,x,y,z"),
    "16 two units in columns of one file": lambda c: both(
        c, side_by_side, "--rate", "60", *PLACED),
    "16 matrices": lambda c: csv(
        c.each(matrices), "--time", "s", "--matrix", ",".join(f"m{i}" for i in range(9))),
    "16 angles": (lambda c: csv(
        c.each(matrices), "--time", "s", "--euler", "roll,pitch,yaw", "--euler-order", "ZYX"),
        "taken as deg"),
    "16 angles in radians, told": lambda c: csv(
        c.each(lambda t: np.deg2rad(matrices(t)[["roll", "pitch", "yaw"]]).join(t["s"])),
        "--time", "s", "--euler", "roll,pitch,yaw", "--euler-order", "ZYX:rad"),
    "16 a clock that is late": lambda c: csv(
        [c.file(u, late(t, 0.5 * (u == "shank"))[SIMPLE]) for u, t in c.tables.items()] and c,
        *QUATERNION, "--offset", "right-shank=-0.5"),
    "16 two files that follow": lambda c: halves(c),
    "16 two files, the clock anew": (lambda c: halves(c, 0.0), "1 s after"),
    "20 IST beside UTC": (lambda c: dots(
        c, thigh={"sync": "Not Synced", "start": "14:45:00_000", "zone": "IST"},
        shank={"sync": "Not Synced", "start": "09:15:00_000", "zone": "UTC"}), "UTC\\+0530"),
    "20 a zone by its place": lambda c: dots(
        c, thigh={"sync": "Not Synced", "zone": "Europe/Berlin"},
        shank={"sync": "Not Synced", "start": "09:15:00_000", "zone": "UTC"}),
    "21 packets of three": lambda c: metabase(
        c, epoch=lambda ms: EPOCH_MS + ms.groupby(np.arange(len(ms)) // 3).transform("last")),
    "21 packets of three, no elapsed": lambda c: metabase(
        c, epoch=lambda ms: EPOCH_MS + ms.groupby(np.arange(len(ms)) // 3).transform("last"),
        elapsed=lambda ms: (ms.groupby(np.arange(len(ms)) // 3).transform("last") / 1000)),
    "21 times rounded to 0.1 s": lambda c: csv(
        c.each(lambda t: t[SIMPLE].assign(s=np.floor(10 * t["s"]) / 10)), *QUATERNION),
}  # fmt: skip


def run(hipturn, case, out):
    return hipturn(
        "import", *case.arguments, "--exercise", EXERCISE, "--marks", case.folder / "marks.csv",
        "--out", out,
    )  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_the_angles_of_a_file_are_those_of_the_wearer(name, hipturn, worn, tmp_path):
    made = RIGHT[name]
    make, says = made if isinstance(made, tuple) else (made, "")
    case = make(Case(tmp_path, worn))
    code, _, said = run(hipturn, case, tmp_path / "session")
    assert code == 0, said
    assert not says or re.search(says, said), said
    assert "rows dropped" not in said
    reps = package.analyse(package.open(tmp_path / "session")).reps
    found = reps.loc[reps["status"] == "valid", "rom_deg"].tolist()
    np.testing.assert_allclose(found, worn.ranges_deg, atol=1.6)


def attitude(table):
    """Return phyphox's attitude sensor: a time of its own and w, x, y, z."""
    return table[Q].assign(**{"Time (s)": table["s"] + 0.0})[["Time (s)", *Q]]


SAME_ANGLES = {
    "phyphox": (
        lambda c: csv(phone(c, PHYPHOX), "--map", "phyphox"),
        lambda c: csv(
            phone(c, PHYPHOX), "--time", "Time (s)",
            "--acceleration", ",".join(f"Acceleration {a} (m/s^2)" for a in "xyz") + ":m/s2",
            "--gyroscope", ",".join(f"Gyroscope {a} (rad/s)" for a in "xyz") + ":rad/s"),
    ),
    "phyphox, attitude": (
        lambda c: csv(c.each(attitude), "--map", "phyphox"),
        lambda c: csv(c.each(attitude), "--time", "Time (s)", "--quaternion", "w,x,y,z"),
    ),
    "AndroSensor": (
        RIGHT["13 AndroSensor"],
        lambda c: csv(
            c.each(lambda t: (1000 * t["s"]).round().astype(int).to_frame("ms").join(
                t[ACC]).join(np.deg2rad(t[GYR])), sep=";"),
            "--time", "ms:ms", "--acceleration", ",".join(ACC) + ":m/s2",
            "--gyroscope", ",".join(GYR) + ":rad/s"),
    ),
    "Sensor Logger": (
        RIGHT["13 Sensor Logger"],
        lambda c: csv(
            phone(c, LOGGER | {"gyr": ["gx", "gy", "gz"]}), "--time", "time:ns",
            "--acceleration", "x,y,z:m/s2", "--gyroscope", "gx,gy,gz:rad/s"),
    ),
}  # fmt: skip
"""A ready-made map, and the same file with each column and unit told by hand."""


@pytest.mark.parametrize("name", SAME_ANGLES)
def test_a_ready_made_map_gives_the_angles_of_columns_told_by_hand(name, hipturn, worn, tmp_path):
    angles = []
    for kind, make in zip(("map", "hand"), SAME_ANGLES[name], strict=True):
        folder = tmp_path / kind
        folder.mkdir()
        code, _, said = run(hipturn, make(Case(folder, worn)), folder / "session")
        assert code == 0, said
        table = package.analyse(package.open(folder / "session")).angles
        angles.append(table.set_index("time_s")["hip_internal_rotation_deg"])
    by_map, by_hand = angles
    np.testing.assert_allclose(by_map, by_hand, atol=1e-3)
    known = by_map[by_map.notna()]
    assert len(known) > 1000
    off_deg = known.to_numpy() - worn.angle_at(known.index.to_numpy())
    assert np.sqrt(np.mean(off_deg**2)) < 1.6


def simple(case, **more):
    return csv(case.each(lambda t: t[SIMPLE].assign(**more)), *QUATERNION)


def workbook(case, name, inside):
    with zipfile.ZipFile(case.folder / name, "w") as archive:
        archive.writestr(inside, "x" * 1000)
    case.arguments = ["--right-thigh", case.folder / name]
    return case.told("csv", *QUATERNION)


REFUSED = {
    "03 z down, or the sign": (lambda c: csv(
        c.each(lambda t: on_earth(t, 0, 1, 0, 0)), *QUATERNION, *RAW), "z points down.*--earth"),
    "04 gravity taken out": (lambda c: csv(
        c.each(lambda t: t[["s", *GYR]].join(0.02 * t[ACC])), "--time", "s", *RAW),
        "gravity was taken out"),
    "04 raw counts, not told": (lambda c: csv(
        c.each(counts), "--time", "s", *RAW), "--scale acceleration=0.00238"),
    "07 clock and counter restart": (lambda c: dots(c, restarted(True)), "row 1,001.*--append"),
    "11 raw at 100 a second, told as 60": (lambda c: unpaced(c, 100.0),
        "the rates turn the unit about 1.7 times as far as its gravity turns; if its samples came"
        r" at about 10\d a second, and not at 60, correct its times or give --rate; if the rates"
        " have another scale, give --scale gyroscope=0.6"),
    "11 raw at 40 a second, told as 60": (lambda c: unpaced(c, 40.0),
        r"the rates turn the unit about 0.6\d times as far as its gravity turns"),
    "11 raw at 80 a second, told as 60": (lambda c: unpaced(c, 80.0),
        "about 1.[34] times as far as its gravity turns"),
    "17 times as text": (lambda c: simple(c, s="2026-03-29T01:59:40"), "line 2.*2026-03-29T01"),
    "17 clock times as text": (lambda c: simple(c, s="01:59:40.123"), "01:59:40.123"),
    "17 milliseconds told as seconds": (lambda c: csv(
        c.each(lambda t: t[SIMPLE].assign(s=1000 * t["s"])), *QUATERNION), "milliseconds"),
    "17 nanoseconds told as milliseconds": (lambda c: csv(
        c.each(lambda t: t[SIMPLE].assign(s=(1e9 * t["s"]).astype(int) + EPOCH_MS * 10**6)),
        "--time", "s:ms", *QUATERNION[2:]), "nanoseconds"),
    "17 most rows fall": (lambda c: csv(
        c.each(lambda t: t[SIMPLE].assign(w=t["w"].where(t["k"] % 3 == 0))), *QUATERNION),
        "rows are usable.*line 2"),
    "18 a workbook": (lambda c: workbook(c, "a.xlsx", "xl/workbook.xml"), "a workbook"),
    "18 a zip archive": (lambda c: workbook(c, "a.csv", "thigh.csv"), "a zip archive"),
    "20 a zone nobody knows": (lambda c: dots(
        c, thigh={"sync": "Not Synced", "zone": "XYZ"},
        shank={"sync": "Not Synced", "zone": "UTC"}), "XYZ"),
    "20 a zone of two continents": (lambda c: dots(
        c, thigh={"sync": "Not Synced", "zone": "CST"},
        shank={"sync": "Not Synced", "start": "03:15:00_000", "zone": "UTC"}), "CST"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_used_is_refused_with_its_true_cause(name, hipturn, worn, tmp_path):
    make, says = REFUSED[name]
    case = make(Case(tmp_path, worn))
    code, out, said = run(hipturn, case, tmp_path / "session")
    assert (code, out, said.count("\n")) == (1, "", 1), said
    assert re.search(says, said), said
    assert not (tmp_path / "session").exists()


def test_the_same_recording_imported_twice_is_counted_once(hipturn, worn, tmp_path):
    case = csv(Case(tmp_path, worn).each(lambda t: t[SIMPLE]), *QUATERNION, "--wearer", "W7")
    root = tmp_path / "recordings"
    assert run(hipturn, case, root / "first")[0] == 0
    code, _, said = run(hipturn, case, root / "second")
    assert code == 0
    assert "already there as first" in said
    code, shown, _ = hipturn("history", "--dir", root, "--wearer", "W7")
    assert code == 0
    assert "second is first again" in shown
    assert sum("seated" not in line and "right" in line for line in shown.splitlines()) == 1


@pytest.mark.parametrize("name", ["Übung_müller", "練習_1", "тест", "अभ्यास", "ćwiczenie.2"])
def test_a_session_may_be_named_in_any_script(name, hipturn, worn, tmp_path):
    case = csv(Case(tmp_path, worn).each(lambda t: t[SIMPLE]), *QUATERNION)
    assert run(hipturn, case, tmp_path / name)[0] == 0
    assert package.open(tmp_path / name).header.session_id == name


def test_every_example_of_the_csv_help_runs(hipturn, worn, tmp_path, monkeypatch):
    _, shown, _ = hipturn("import", "csv", "--help")
    told = " ".join(shown.split())
    commands = re.findall(r"Example: hipturn (.*?--out SESSION)", told)
    assert len(commands) == 3
    ms = {"s": "t", **{a: f"q{a}" for a in Q}}
    case = Case(tmp_path, worn)
    for unit, t in case.tables.items():
        table = t[SIMPLE].rename(columns=ms)
        table.assign(t=1000 * table["t"]).to_csv(tmp_path / f"{unit[0]}.csv", index=False)
    names = PHYPHOX | {"files": ("_acc", "_gyr")}
    phone(case, names)
    for unit in UNITS:
        for end in names["files"]:
            (tmp_path / f"{unit}{end}.csv").rename(tmp_path / f"{unit[0]}{end}.csv")
    both(case, side_by_side)
    monkeypatch.chdir(tmp_path)
    for number, command in enumerate(commands):
        words = re.sub(r"(\w)- (\w)", r"\1-\2", command).replace("SESSION", f"s{number}").split()
        code, _, said = hipturn(*words)
        assert code == 0, said
