"""CSV files of the DOT app: every mode, every quirk, hostile rows, several units on one clock."""

import math
import os
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imu.importers import ImportFileError
from imu.importers.alignment import longest_forward, unwrap
from imu.importers.witnesses.start_time import parse_start_time
from imu.importers.xsens.xsens_dot import import_dot, read_dot_file
from imu.quaternion import FLOATS, from_axis_angle, multiply, norm
from imu.sample import Segment, Side

THIGH = (Segment.THIGH, Side.RIGHT)
SHANK = (Segment.SHANK, Side.RIGHT)
PELVIS = (Segment.PELVIS, None)

COUNTERS = ["PacketCounter", "SampleTimeFine"]
QUAT = ["Quat_W", "Quat_X", "Quat_Y", "Quat_Z"]
EULER = ["Euler_X", "Euler_Y", "Euler_Z"]
FREE = ["FreeAcc_X", "FreeAcc_Y", "FreeAcc_Z"]
ACC = ["Acc_X", "Acc_Y", "Acc_Z"]
GYR = ["Gyr_X", "Gyr_Y", "Gyr_Z"]
MAG = ["Mag_X", "Mag_Y", "Mag_Z"]
DELTA = ["dq_W", "dq_X", "dq_Y", "dq_Z", "dv[1]", "dv[2]", "dv[3]"]

SAID = {
    "Quat_W": 0.6, "Quat_X": 0.0, "Quat_Y": 0.8, "Quat_Z": 0.0, "Euler_X": 10.0, "Euler_Y": -20.0,
    "Euler_Z": 30.0, "Acc_X": 1.0, "Acc_Y": 2.0, "Acc_Z": 9.5, "Gyr_X": 180.0, "Gyr_Y": -90.0,
    "Gyr_Z": 0.5,
}  # fmt: skip
PERIOD_US = 16667
WRAP = 2**32


def row(columns, k, time_us, **changed):
    said = SAID | {"PacketCounter": k + 1, "SampleTimeFine": time_us % WRAP} | changed
    cells = (said.get(name, 0.25) for name in columns)
    return ",".join(f"{cell:.6f}" if isinstance(cell, float) else str(cell) for cell in cells)


def rows(columns, n=10, start_us=5_000_000):
    return [row(columns, k, start_us + k * PERIOD_US) for k in range(n)]


def text(columns, lines, **header):
    said = {
        "DeviceTag": "Thigh 1",
        "FirmwareVersion": "3.0.0",
        "AppVersion": "2023.6.0",
        "SyncStatus": "Synced",
        "OutputRate": "60Hz",
        "FilterProfile": "General",
        "Measurement Mode": "any",
        "StartTime": "2025-07-11_20:06:00_086 WEST",
    } | header
    head = [f"{key}:,{value}" for key, value in said.items() if value is not None]
    return "\n".join(
        [
            "sep=,",
            *head,
            "© Movella Technologies B. V. 2005-2024",
            "",
            ",".join(columns),
            *lines,
            "",
        ]
    )


MODE_24 = COUNTERS + QUAT + GYR
PLAIN = text(MODE_24, rows(MODE_24))


@pytest.fixture
def write(tmp_path):
    def save(content, name="thigh.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return save


def refusal(path):
    with pytest.raises(ImportFileError) as caught:
        read_dot_file(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


# -- what is read ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "has"),
    [
        (COUNTERS + QUAT + FREE + ["Status"], "q"),
        (COUNTERS + QUAT + FREE, "q"),
        (COUNTERS + QUAT, "q"),
        (COUNTERS + QUAT + GYR, "q gyr"),
        (COUNTERS + QUAT + ACC + GYR, "q acc gyr"),
        (COUNTERS + QUAT + DELTA + MAG + ["Status"], "q"),
        (COUNTERS + ACC + GYR, "acc gyr"),
        (COUNTERS + ACC + GYR + MAG, "acc gyr"),
        (COUNTERS + EULER, "q"),
        (COUNTERS + EULER + FREE, "q"),
        (COUNTERS + EULER + FREE + ["Status"], "q"),
        (COUNTERS + EULER + FREE + GYR, "q gyr"),
        (COUNTERS + EULER + FREE + MAG, "q"),
        (COUNTERS + EULER + QUAT, "q"),
    ],
    ids=["2", "3", "5", "24", "26", "25", "20", "21", "4", "16", "7", "22", "23", "both"],
)
def test_every_measurement_mode_gives_what_its_columns_hold(write, columns, has):
    dot = read_dot_file(write(text(columns, rows(columns))))
    assert len(dot) == dot.rows == 10
    assert not dot.dropped
    if "q" in has.split() and "Quat_W" in columns:
        np.testing.assert_allclose(dot.q, np.tile([0.6, 0, 0.8, 0], (10, 1)))
    for name, expected in {
        "acc": [1.0, 2.0, 9.5],
        "gyr": [math.pi, -math.pi / 2, math.radians(0.5)],
    }.items():
        if name in has.split():
            np.testing.assert_allclose(getattr(dot, name), np.tile(expected, (10, 1)))
        else:
            assert np.isnan(getattr(dot, name)).all()
    assert np.isnan(dot.q).all() != ("q" in has.split())


def test_the_header_is_read(write):
    dot = read_dot_file(write(PLAIN))
    assert (dot.tag, dot.firmware, dot.rate_hz) == ("Thigh 1", "3.0.0", 60.0)
    assert (dot.filter_profile, dot.mode, dot.synced) == ("General", "any", True)
    assert dot.start_time == datetime(
        2025, 7, 11, 20, 6, 0, 86_000, tzinfo=timezone(timedelta(hours=1))
    )
    assert dot.packet_counter.tolist() == list(range(1, 11))
    assert dot.time_us.tolist() == [5_000_000 + k * PERIOD_US for k in range(10)]


def test_euler_angles_turn_about_z_then_y_then_x(write):
    columns = COUNTERS + EULER
    q = read_dot_file(write(text(columns, rows(columns)))).q[0]
    yaw = from_axis_angle((0, 0, 1), math.radians(30), FLOATS)
    pitch = from_axis_angle((0, 1, 0), math.radians(-20), FLOATS)
    roll = from_axis_angle((1, 0, 0), math.radians(10), FLOATS)
    np.testing.assert_allclose(q, multiply(multiply(yaw, pitch), roll), atol=1e-12)


def test_quaternions_are_brought_to_length_one(write):
    lines = [*rows(MODE_24), row(MODE_24, 10, 5_200_000, Quat_W=0.63, Quat_Y=0.84)]
    dot = read_dot_file(write(text(MODE_24, lines)))
    np.testing.assert_allclose(dot.q[-1], [0.6, 0, 0.8, 0])


# -- quirks ------------------------------------------------------------------------------------


def same(path, expected):
    dot = read_dot_file(path)
    for name in ("tag", "firmware", "rate_hz", "synced", "start_time", "rows", "dropped"):
        assert getattr(dot, name) == getattr(expected, name)
    for name in ("packet_counter", "time_us", "q", "acc", "gyr"):
        np.testing.assert_array_equal(getattr(dot, name), getattr(expected, name))


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", ",,,\n"),
        PLAIN.rstrip("\n"),
        PLAIN.removeprefix("sep=,\n"),
        PLAIN.replace("DeviceTag:,", "devicetag:,").replace("SyncStatus:", "SYNCSTATUS: "),
        PLAIN.replace("StartTime:,", " StartTime: , "),
        PLAIN.replace("Quat_W,Quat_X", " quat_w , QUAT_X "),
        "\ufeff" + PLAIN,
        ("\ufeff" + PLAIN).encode("utf-16-le"),
        ("\ufeff" + PLAIN).encode("utf-16-be"),
        PLAIN.encode("cp1252"),
        PLAIN.encode("latin-1"),
        PLAIN.replace(",", ";").replace(".", ",").replace("3,0,0", "3.0.0"),
        PLAIN.replace(",", "\t"),
        PLAIN + ",,,,\n\n,,,\n",
        "\n".join(
            '"' + line.replace(",", '","') + '"' if line[:1].isdigit() else line
            for line in PLAIN.splitlines()
        ),
    ],
    ids=[
        "windows", "padded", "no last newline", "no sep", "mixed case", "blanks around keys",
        "blanks around columns", "utf-8 mark", "utf-16-le", "utf-16-be", "cp1252", "latin-1",
        "semicolons and decimal commas", "tabs", "blank rows", "quotes",
    ],
)  # fmt: skip
def test_what_tools_do_to_the_file_changes_nothing(write, content):
    same(write(content), read_dot_file(write(PLAIN, "plain.csv")))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_a_tag_keeps_its_letters_in_every_encoding(write, encoding):
    content = text(MODE_24, rows(MODE_24), DeviceTag="Hüfte – 1").encode(encoding)
    assert read_dot_file(write(content)).tag == "Hüfte – 1"


def test_a_last_row_that_was_cut_is_dropped_and_a_whole_one_is_kept(write):
    whole = PLAIN.rstrip("\n")
    assert len(read_dot_file(write(whole))) == 10
    for cut in range(1, len(whole.splitlines()[-1])):
        dot = read_dot_file(write(whole[:-cut]))
        assert len(dot) == 9, whole[-20:-cut]
        assert dot.dropped == {"cut off at the end": 1}


@given(st.integers(0, len(PLAIN)))
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_file_cut_anywhere_gives_only_rows_that_are_in_the_whole_file(write, cut):
    whole = read_dot_file(write(PLAIN, "plain.csv"))
    try:
        dot = read_dot_file(write(PLAIN[:cut]))
    except ImportFileError:
        return
    np.testing.assert_array_equal(dot.gyr, whole.gyr[: len(dot)])
    np.testing.assert_array_equal(dot.q, whole.q[: len(dot)])


@pytest.mark.parametrize(
    ("said", "expected"),
    [("60Hz", 60.0), ("60 hz", 60.0), ("60", 60.0), (None, 59.999), ("", 59.999), ("?", 59.999)],
)
def test_the_rate_is_the_header_s_or_else_the_clock_s(write, said, expected):
    assert read_dot_file(write(text(MODE_24, rows(MODE_24), OutputRate=said))).rate_hz == expected


def test_a_rate_that_the_clock_contradicts_is_not_believed(write):
    assert read_dot_file(write(text(MODE_24, rows(MODE_24), OutputRate="120Hz"))).rate_hz == 59.999


def test_lost_packets_are_counted_and_do_not_slow_the_rate(write):
    lines = [line for k, line in enumerate(rows(MODE_24, 60)) if k % 3 == 0]
    dot = read_dot_file(write(text(MODE_24, lines, OutputRate=None)))
    assert (len(dot), dot.lost, dot.rate_hz) == (20, 38, 59.999)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2024-12-09_17:33:37_812 CET", "2024-12-09T17:33:37.812000+01:00"),
        ("2025-07-11_20:06:00_086 WEST", "2025-07-11T20:06:00.086000+01:00"),
        ("2025-07-11 20:06:00.086 +0530", "2025-07-11T20:06:00.086000+05:30"),
        ("2025-07-11 20:06:00.086 GMT+08:00", "2025-07-11T20:06:00.086000+08:00"),
        ("2025-07-11 20:06:00.086 -03:00", "2025-07-11T20:06:00.086000-03:00"),
        ("2025-07-11 20:06:00 Z", "2025-07-11T20:06:00+00:00"),
        ("2025-07-11_20:06:00_086 IST", "2025-07-11T20:06:00.086000"),
        ("2025-07-11_20:06:00_086", "2025-07-11T20:06:00.086000"),
    ],
)
def test_start_times_are_understood_and_ambiguous_zones_stay_local(said, expected):
    assert parse_start_time(said).isoformat() == expected


@pytest.mark.parametrize(
    "said", ["", "yesterday", "2025-02-30_10:00:00", "2025-01-01 10:00:00 +99:00", "9" * 4000]
)
def test_what_is_no_start_time_is_none(said):
    assert parse_start_time(said) is None


# -- hostile rows ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"Gyr_X": "abc"}, "with cells that are no numbers"),
        ({"Gyr_X": "1_0"}, "with cells that are no numbers"),
        ({"Gyr_X": ""}, "with cells that are no numbers"),
        ({"Gyr_X": "nan"}, "with NaN or infinite values"),
        ({"Quat_W": "inf"}, "with NaN or infinite values"),
        ({"Quat_W": "1e999"}, "with NaN or infinite values"),
        ({"Quat_W": "1e300"}, "with a quaternion not of length one"),
        ({"Quat_W": 0.0, "Quat_Y": 0.0}, "with a quaternion not of length one"),
        ({"Quat_W": 0.2, "Quat_Y": 0.2}, "with a quaternion not of length one"),
        ({"Quat_W": 2.5}, "with a quaternion not of length one"),
        ({"Gyr_X": "1e9"}, "out of range"),
        ({"SampleTimeFine": -5}, "with a bad sampletimefine"),
        ({"SampleTimeFine": 2**32}, "with a bad sampletimefine"),
        ({"SampleTimeFine": 5.5}, "with a bad sampletimefine"),
        ({"PacketCounter": -1}, "with a bad packetcounter"),
        ({"PacketCounter": 5}, "repeated"),
        ({"SampleTimeFine": 1_000_000}, "with time running backwards"),
        ({"SampleTimeFine": 1_000_000_000}, "with time running backwards"),
        ({"Gyr_X": "0.1,0.2"}, "with too few or too many cells"),
        ({"Gyr_X": "\x00\xff"}, "with cells that are no numbers"),
    ],
)
def test_a_hostile_row_is_dropped_alone_and_counted(write, bad, reason):
    lines = rows(MODE_24)
    lines[5] = row(MODE_24, 5, 5_000_000 + 5 * PERIOD_US, **bad)
    dot = read_dot_file(write(text(MODE_24, lines)))
    assert dot.dropped == {reason: 1}
    assert dot.rows == 10
    assert dot.packet_counter.tolist() == [1, 2, 3, 4, 5, 7, 8, 9, 10]
    assert dot.lost == 1


def test_a_row_with_too_few_cells_is_dropped(write):
    lines = rows(MODE_24)
    lines[5] = lines[5].rpartition(",")[0]
    dot = read_dot_file(write(text(MODE_24, lines)))
    assert dot.dropped == {"with too few or too many cells": 1}


def test_an_acceleration_beyond_any_unit_is_dropped(write):
    columns = COUNTERS + ACC + GYR
    lines = rows(columns)
    lines[5] = row(columns, 5, 5_000_000 + 5 * PERIOD_US, Acc_Z=-1e4)
    assert read_dot_file(write(text(columns, lines))).dropped == {"out of range": 1}


def test_rows_in_the_wrong_order_cost_the_fewest_rows(write):
    lines = rows(MODE_24)
    lines[3], lines[4] = lines[4], lines[3]
    lines.insert(8, lines[6])
    dot = read_dot_file(write(text(MODE_24, lines)))
    assert len(dot) == 9
    assert dot.dropped == {"with time running backwards": 2}


@given(st.binary(max_size=300))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_below_the_rows_leave_only_sane_samples(write, tail):
    try:
        dot = read_dot_file(write(PLAIN.encode() + tail))
    except ImportFileError:  # an endless line
        return
    assert np.all(np.diff(dot.running_us) > 0)
    assert all(abs(norm(q, FLOATS) - 1) < 1e-9 for q in dot.q.tolist())
    assert np.isfinite(dot.gyr).all()


def test_the_time_wraps_after_72_minutes_without_a_loss(write):
    lines = rows(MODE_24, 10, WRAP - 5 * PERIOD_US)
    dot = read_dot_file(write(text(MODE_24, lines)))
    assert not dot.dropped
    assert dot.time_us.max() < WRAP
    assert np.diff(dot.running_us).tolist() == [PERIOD_US] * 9


def test_the_packet_counter_may_wrap(write):
    lines = [row(MODE_24, (65_530 + k) % 65_536 - 1, 5_000_000 + k * PERIOD_US) for k in range(12)]
    dot = read_dot_file(write(text(MODE_24, lines)))
    assert (len(dot), dot.lost, dot.rate_hz) == (12, 0, 60.0)


# -- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "columns",
    [
        COUNTERS + FREE,
        COUNTERS + DELTA,
        COUNTERS + DELTA + MAG,
        COUNTERS + GYR,
        COUNTERS + QUAT[:3],
        COUNTERS,
    ],
)
def test_a_mode_without_orientation_is_named_with_what_to_use(write, columns):
    message = refusal(
        write(text(columns, rows(columns), **{"Measurement Mode": "Free acceleration"}))
    )
    assert "'Free acceleration' carries no orientation" in message
    assert "Custom Mode 3 or 5" in message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("hello\n", "no line starts with PacketCounter"),
        (b"\x89PNG\r\n\x1a\n" + bytes(1000), "no line starts with PacketCounter"),
        (b"PK\x03\x04" + bytes(range(256)) * 20, "is a zip archive"),
        ("x\n" * 1000 + PLAIN, "no line starts with PacketCounter"),
        (text(MODE_24, []), "fewer than two of 0 rows are usable"),
        (text(MODE_24, rows(MODE_24, 1)), "fewer than two of 1 rows are usable"),
        (text(MODE_24, ["a,b,c,d,e,f,g,h,i"] * 5), "5 with cells that are no numbers"),
        (text(MODE_24[:1] + MODE_24[2:], []), "SampleTimeFine is missing"),
        (text([*MODE_24, "Quat_W"], []), "twice: quat_w"),
        ("PacketCounter\n1\n", "SampleTimeFine is missing"),
        (PLAIN + "1," * 5000 + "\n", "longer than 4000"),
    ],
)
def test_what_is_no_recording_is_refused_in_one_line(write, content, said):
    assert re.search(said, refusal(write(content)))


def test_absurd_rates_and_spans_are_refused(write):
    fast = [row(MODE_24, k, 5_000_000 + k) for k in range(10)]
    assert "1e+06 Hz, which no unit sends" in refusal(write(text(MODE_24, fast)))
    slow = [row(MODE_24, k, k * 2_000_000_000) for k in range(10)]
    assert "which no unit sends" in refusal(write(text(MODE_24, slow)))
    holes = rows(MODE_24, 200) + [row(MODE_24, 300 + k, k * 2_000_000_000) for k in range(1, 90)]
    assert "hours, which no battery lasts" in refusal(write(text(MODE_24, holes)))


def test_what_is_no_regular_file_is_refused(tmp_path):
    assert "no regular file" in refusal(tmp_path)
    assert "No such file" in refusal(tmp_path / "none.csv")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path):
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    assert "no regular file" in refusal(pipe)


def test_a_file_beyond_500_mb_is_refused_without_reading_it(tmp_path):
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.truncate(600_000_000)
    assert "600 MB, more than 500 MB" in refusal(path)


def test_more_rows_than_the_limit_are_refused(write, monkeypatch):
    monkeypatch.setattr("imu.importers.text.text_file.MAX_ROWS", 9)
    assert "more than 9 rows" in refusal(write(PLAIN))


def test_foreign_text_never_reaches_the_terminal_raw(write):
    dot = read_dot_file(write(text(MODE_24, rows(MODE_24), DeviceTag="\x1b[2Jevil" + "x" * 900)))
    assert dot.tag.startswith("?[2Jevil")
    assert len(dot.tag) == 80


# -- sessions ----------------------------------------------------------------------------------


def session(write, thigh, shank, **common):
    files = {}
    for place, name, (start_us, n, header) in (
        (THIGH, "thigh.csv", thigh),
        (SHANK, "shank.csv", shank),
    ):
        lines = [
            row(MODE_24, k, start_us + k * PERIOD_US, Gyr_X=float(len(files))) for k in range(n)
        ]
        files[place] = write(
            text(MODE_24, lines, **({"DeviceTag": name[:5]} | common | header)), name
        )
    return import_dot(files)


def test_synchronised_units_share_one_clock(write):
    result = session(write, (5_000_000 + PERIOD_US, 10, {}), (5_000_000, 10, {}))
    table = result.table
    assert result.clock == "shared"
    assert result.warnings == []
    assert [unit.label for unit in result.units] == ["right thigh", "right shank"]
    assert table.host_time_ns[:4].tolist() == [0, PERIOD_US * 1000, PERIOD_US * 1000, 33_334_000]
    assert table.unit[:4].tolist() == [1, 0, 1, 0]
    assert np.all(np.diff(table.host_time_ns) >= 0)
    assert table.of(0).device_time[0] == 5_000_000 + PERIOD_US
    assert table.of(1).sequence.tolist() == list(range(1, 11))
    unit = result.units[0]
    assert (unit.profile, unit.name, unit.heading) == ("xsens-dot", "thigh", "arbitrary")
    assert (unit.tick_s, unit.time_bits, unit.rate_hz) == (1e-6, 32, 60.0)
    assert result.started_at.isoformat() == "2025-07-11T20:06:00.086000+01:00"


@pytest.mark.parametrize("order", [1, -1])
def test_a_clock_that_wraps_between_two_units_first_samples_keeps_them_aligned(write, order):
    early, late = (WRAP - 2 * PERIOD_US, 30, {}), (WRAP + PERIOD_US, 30, {})
    result = session(write, *(early, late)[::order])
    first = result.table.of(0 if order == 1 else 1)
    second = result.table.of(1 if order == 1 else 0)
    assert first.host_time_ns[0] == 0
    assert second.host_time_ns[0] == 3 * PERIOD_US * 1000
    assert second.device_time[0] == PERIOD_US


def test_units_that_were_not_synchronised_are_aligned_by_their_start_times(write):
    result = session(
        write,
        (9_000_000, 30, {"StartTime": "2025-07-11_20:06:00_186 WEST"}),
        (77_000_000, 30, {}),
        SyncStatus="Un-synced",
    )
    assert result.clock == "independent"
    assert result.table.of(0).host_time_ns[0] == 100_000_000
    assert result.table.of(1).host_time_ns[0] == 0
    assert len(result.warnings) == 1
    assert "aligned by the start times" in result.warnings[0]


def test_one_unit_that_was_not_synchronised_is_enough(write):
    result = session(
        write, (5_000_000, 30, {"SyncStatus": "Un-synced"}), (5_000_000 + PERIOD_US, 30, {})
    )
    assert result.clock == "independent"


def test_units_without_start_time_start_together_with_a_stronger_warning(write):
    result = session(
        write, (9_000_000, 30, {"StartTime": None}), (77_000_000, 30, {}), SyncStatus="Un-synced"
    )
    assert result.table.of(0).host_time_ns[0] == result.table.of(1).host_time_ns[0] == 0
    assert any("start together" in sentence for sentence in result.warnings)
    assert any("tells no start time" in sentence for sentence in result.warnings)
    assert result.started_at is None


def test_a_start_time_of_an_ambiguous_zone_is_taken_as_utc_and_said(write):
    result = import_dot(
        {THIGH: write(text(MODE_24, rows(MODE_24), StartTime="2025-07-11_20:06:00_086 IST"))}
    )
    assert result.started_at == datetime(2025, 7, 11, 20, 6, 0, 86_000, tzinfo=UTC)
    assert "taken as UTC" in result.warnings[0]


def test_a_single_unit_needs_no_synchronising(write):
    result = import_dot({PELVIS: write(PLAIN.replace("Synced", "Un-synced"))})
    assert (result.clock, result.warnings) == ("shared", [])
    assert result.units[0].label == "pelvis"


def test_dropped_and_lost_rows_are_said(write):
    lines = rows(MODE_24)
    lines[5] = row(MODE_24, 5, 5_000_000, Gyr_X="x")
    warnings = import_dot({THIGH: write(text(MODE_24, lines))}).warnings
    assert warnings == [
        "thigh.csv: 1 of 10 rows dropped (1 with cells that are no numbers).",
        "thigh.csv: 1 sample was lost on the way.",
    ]


def test_recordings_of_different_sessions_are_refused(write):
    with pytest.raises(ImportFileError, match="no moment in common"):
        session(write, (5_000_000, 10, {}), (900_000_000, 10, {}))
    with pytest.raises(ImportFileError, match="no moment in common"):
        session(
            write,
            (5_000_000, 10, {}),
            (5_000_000, 10, {"StartTime": "2025-07-12_20:06:00_086 WEST"}),
        )
    with pytest.raises(ImportFileError, match="no moment in common"):
        session(
            write,
            (5_000_000, 10, {}),
            (5_000_000, 10, {"StartTime": "2025-07-11_20:06:02_086 WEST"}),
            SyncStatus="Un-synced",
        )


def test_the_same_file_twice_is_refused_also_as_a_copy(write):
    path = write(PLAIN)
    for other in (path, write(PLAIN, "copy.csv"), write(PLAIN.replace("\n", "\r\n"), "again.csv")):
        with pytest.raises(ImportFileError, match="same recording"):
            import_dot({THIGH: path, SHANK: other})


def test_a_side_where_none_belongs_and_no_side_where_one_does_are_refused(write):
    path = write(PLAIN)
    for files in ({}, {(Segment.PELVIS, Side.LEFT): path}, {(Segment.THIGH, None): path}):
        with pytest.raises(ValueError, match=r"side|no file"):
            import_dot(files)


# -- the algebra of counters -------------------------------------------------------------------


@given(
    st.lists(st.integers(0, 2**31 - 1), max_size=50),
    st.integers(0, WRAP - 1),
    st.integers(-(2**30), 2**30),
)
def test_unwrapping_gives_back_the_running_time_on_another_unit_s_scale(steps, first, apart):
    running = np.concatenate(([0], np.cumsum(np.array(steps, dtype=np.int64)))) + first + apart
    np.testing.assert_array_equal(unwrap(running % WRAP, 32, near=first), running)


@given(st.lists(st.integers(-20, 20), min_size=1, max_size=12))
def test_the_fewest_samples_are_dropped_to_make_time_run_forwards(values):
    time = np.array(values, dtype=np.int64)
    kept = time[longest_forward(time)]
    assert np.all(np.diff(kept) > 0)
    longest = [1] * len(values)
    for i, value in enumerate(values):
        longest[i] += max((longest[k] for k in range(i) if values[k] < value), default=0)
    assert len(kept) == max(longest)


# -- a real recording --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def knee():
    root = os.environ.get("HIPTURN_TEST_DATA")
    folder = Path(root or "") / "xsens_dot_knee"
    if not root or not folder.is_dir():
        pytest.skip("the recorded knee is not here: set HIPTURN_TEST_DATA to its folder")
    return {THIGH: folder / "femur.csv", SHANK: folder / "tibia.csv"}


def test_a_real_recording_of_two_units_is_whole(knee):
    for path in knee.values():
        dot = read_dot_file(path)
        assert (dot.rows, len(dot), dot.lost, dot.dropped) == (2658, 2658, 0, {})
        assert set(np.diff(dot.time_us).tolist()) == {PERIOD_US}
        # gravity and calm legs, which a mistaken unit or column would not give
        assert abs(np.median(np.linalg.norm(dot.acc, axis=1)) - 9.81) < 0.5
        assert np.median(np.linalg.norm(dot.gyr, axis=1)) < 3.0


def test_a_real_recording_of_two_units_shares_one_clock(knee):
    result = import_dot(knee)
    assert (result.clock, result.warnings, len(result.table)) == ("shared", [], 5316)
    assert [unit.name for unit in result.units] == ["Femur", "Tibia"]
    assert result.table.of(0).host_time_ns[0] == PERIOD_US * 1000
    assert result.table.of(1).host_time_ns[0] == 0
    assert result.started_at.isoformat() == "2024-12-09T17:33:37.793000+01:00"
