"""`hipturn configure --check` reads the golden bytes of every profile and stream as documented.

Captured bytes are marked so; the others were packed once from the documents that the profiles name,
and are kept as text. Numbers beside them are what the documents say of those bytes.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from hipturn.commands.cli import cli
from imu.profiles.profile import load_profiles

FOLDER = Path(__file__).parents[4] / "firmware_config"

METAMOTION = ["19 07 1b9b703f 8c5e4dbd 077f1dbe 78029abe"]  # its maker's own test
METAMOTION_SAYS = {"q": [(0.940, -0.050, -0.154, -0.301)]}
FLAT_AND_TURNED = (0.7071, 0.0, 0.0, 0.7071)
DOT_Q, DOT_ACC = "0000003f 000000bf 0000003f 000000bf", "0000803e 00001cc1 0000c03f"
DOT_GYR, DOT_TIME = "00003443 0000b4c2 0000003f", "d8052244"  # the time is a captured one
DOT_SAYS = {"time": [1143.080408], "q": [(0.5, -0.5, 0.5, -0.5)]}
TURNED_DOT = {"gyr": [(180.0, -90.0, 0.5)]}

# profile, stream → notifications, and what they read as: time in s (of unknown unit: counts),
# sequence, q (wxyz, z up), acc in m/s², gyr in °/s
GOLDEN = {
    ("movella_dot", "mode_5"): ([f"{DOT_TIME} {DOT_Q}"], DOT_SAYS),
    ("movella_dot", "mode_24"): ([f"{DOT_TIME} {DOT_Q} {DOT_GYR}"], DOT_SAYS | TURNED_DOT),
    ("movella_dot", "mode_26"): (
        [f"{DOT_TIME} {DOT_Q} {DOT_ACC} {DOT_GYR}"],
        DOT_SAYS | TURNED_DOT | {"acc": [(0.25, -9.75, 1.5)]},
    ),
    ("metamotion_bmi160", "imu_plus"): (METAMOTION, METAMOTION_SAYS),
    ("metamotion_bmi160", "ndof"): (METAMOTION, METAMOTION_SAYS),
    ("metamotion_bmi270", "imu_plus"): (METAMOTION, METAMOTION_SAYS),
    ("metamotion_bmi270", "ndof"): (METAMOTION, METAMOTION_SAYS),
    ("nordic_thingy52", "quaternion"): (
        ["66666626 cdcccccc 00000000 00000000"],  # (0.6, −0.8, 0, 0) where z points down
        {"q": [(0.8, 0.6, 0.0, 0.0)]},
    ),
    ("witmotion_ble5", "angles"): (
        # two frames, the second with chip time: 1 g on x, 90 °/s about y, yaw 90°
        [
            "5561 0008 0000 0000 0000 c305 0000 0000 0000 0040",
            "5561 0008 0000 0000 0000 c305 0000 0000 0000 0040 1a0b1c11200f2c01",
        ],
        {
            "q": [FLAT_AND_TURNED] * 2,
            "acc": [(9.807, 0.0, 0.0)] * 2,
            "gyr": [(0.0, 90.0, 0.0)] * 2,
        },
    ),
    ("bluest", "compact"): (
        ["ffff e80330f8b80b 000000000000 d8dc0000a00f"],
        {
            "time": [65535],
            "q": [(0.9274, 0.1, -0.2, 0.3), (1, 0, 0, 0), (0.1732, -0.9, 0.0, 0.4)],
        },
    ),
    ("bluest", "float"): (
        ["0700 cdcccc3d cdcc4cbe 9a99993e"],
        {"time": [7], "q": [(0.9274, 0.1, -0.2, 0.3)]},
    ),
    ("arduino_nicla_sense_me", "game_rotation"): (
        ["25 0c 6626 0000 cdcc 0000 0300"],
        {"q": [(0.0, 0.6, 0.0, -0.8)]},
    ),
    ("arduino_nicla_sense_me", "rotation"): (
        ["22 0c 6626 0000 cdcc 0000 0300"],
        {"q": [(0.0, 0.6, 0.0, -0.8)]},
    ),
    ("adafruit_quaternion", "quaternion"): (
        ["00000000 00000000 9a99193f cdcc4c3f"],
        {"q": [(0.0, 0.0, 0.6, 0.8)]},
    ),
    ("arduino_ble_imu", "quaternion_acceleration"): (
        ["01 21 e8fd cdcc4c3f 00000000 00000000 9a99193f 0000803f 00000040 00004040"],
        {"time": [65.0], "q": [(0.8, 0.0, 0.0, 0.6)], "acc": [(1.0, 2.0, 3.0)]},
    ),
    ("arduino_ble_imu", "quaternion"): (
        ["01 20 e8fd cdcc4c3f 00000000 00000000 9a99193f"],
        {"time": [65.0], "q": [(0.8, 0.0, 0.0, 0.6)]},
    ),
    ("sony_mocopi", "quaternion"): (
        # captured; (0.130, 0.309, 0.569, 0.749) where y points up, a quarter turn about x before z
        ["B0 7B B8 6F 4B 61 5D 17 2B 04 E4 09 34 12 F4 17 2A 04 41 0A"],
        {"time": [1683608812.331], "q": [(-0.1266, 0.3104, -0.1273, 0.9320)]},
    ),
    ("haritorax_wireless", "sensor"): (
        ["53 0d 30 d6 cf 0c cb 2c 00 08 3d 00 74 00"],  # captured; xyzw over 16384, 2048 a g
        {"q": [(0.6999, 0.2082, -0.6533, 0.2001)], "acc": [(9.807, 0.292, 0.555)]},
    ),
    ("hipturn_reference", "raw"): (
        [
            "10270000 000000000010 4d01 0100 00000000a005"
            " 204e0000 000000000010 4d01 0200 00000000a005"
        ],
        {
            "time": [0.01, 0.02],
            "sequence": [1, 2],
            "acc": [(0.0, 0.0, 9.807)] * 2,
            "gyr": [(0.0, 0.0, 90.0)] * 2,
        },
    ),
    ("hipturn_reference", "samples"): (
        ["73dfffff cc4c 6666 0000 0000 ffff a005 0000 30fd"],
        {
            "time": [4294.958963],
            "sequence": [65535],
            "q": [(0.6, 0.8, 0.0, 0.0)],
            "gyr": [(90.0, 0.0, -45.0)],
        },
    ),
    ("movesense", "imu6"): (
        # two blocks of one sample: such a short one may be half of one, until the next begins
        [
            "02 63 e8030000 00000000 00000000 c3f51c41 00000000 0000b442 00000000",
            "02 63 f2030000 00000000 00000000 c3f51c41 00000000 0000b442 00000000",
        ],
        {"time": [1.0], "acc": [(0.0, 0.0, 9.81)], "gyr": [(0.0, 90.0, 0.0)]},
    ),
    ("polar_verity_sense", "acceleration_rotation"): (
        # accelerations in thousandths of a g, whole; then a rotation rate, as differences
        [
            "02 0094357700000000 01 0000 0000 e803 0000 0000 e803",
            "05 0094357700000000 80 0000 c305 0000",
        ],
        {"time": [2.0], "acc": [(0.0, 0.0, 9.807)], "gyr": [(0.0, 90.0, 0.0)]},
    ),
    ("capture2go", "full_6d"): (
        [
            "ff 02 fe06e9bc 1f 5202 15cd5b0700000000 0000 0040 0000 0000 0000 0008"
            " c8c90e0080000008 6300 00"
        ],
        {
            "time": [0.123457],
            "q": [(0.8, 0.0, 0.0, 0.6)],
            "acc": [(0.0, 0.0, 9.81)],
            "gyr": [(0.0, 1000.0, 0.0)],
        },
    ),
    ("capture2go", "quat_float"): (
        [
            "ff 02 b7cb9101 1f 9202 e803000000000000 cdcc4c3f 00000000 00000000 9a99193f"
            " 0000c03f 01 00 00"
        ],
        {"time": [0.000001], "q": [(0.8, 0.0, 0.0, 0.6)]},
    ),
    ("capture2go", "quat_fixed"): (
        ["ff 02 1271d489 13 8202 0700000000000000 3736010080000028 0000 00"],
        {"time": [0.0], "q": [(0.0, -0.6, 0.8, 0.0)]},
    ),
}
WORDS = {"time": "time", "sequence": "sequence", "q": r"q \(wxyz\)", "acc": "acc", "gyr": "gyr"}
NUMBER = r"[+-]?\d+(?:\.\d+)?"


def read_by_check(file, stream, notifications):
    """Return what the command says of each quantity, sample by sample."""
    named = ["--stream", stream] if stream else []
    result = CliRunner().invoke(cli, ["configure", "--check", str(file), *named, *notifications])
    assert result.exit_code == 0, result.output
    said = result.output[result.output.index("notification 1") :]
    lines = {name: re.findall(rf"^  {word} +(.*)$", said, re.M) for name, word in WORDS.items()}
    return {name: [_numbers(name, text) for text in texts] for name, texts in lines.items()}


def _numbers(name, text):
    if name == "time":
        return float(re.findall(NUMBER, text)[1 if "=" in text else 0])
    numbers = [float(number) for number in re.findall(NUMBER, text)]
    return numbers[0] if name == "sequence" else tuple(numbers[: 4 if name == "q" else 3])


def hold_to(said, expected):
    for name in WORDS:
        wanted = expected.get(name, [])
        assert len(said[name]) == len(wanted), name
        for number, meant in zip(said[name], wanted, strict=True):
            # 0.03 °/s and 0.001 of a quaternion are half a step of the coarsest of these units
            assert number == pytest.approx(meant, abs=2e-3 if name != "gyr" else 0.05), name


def test_there_are_golden_bytes_of_every_stream_of_every_profile():
    assert GOLDEN.keys() == {
        (name, stream) for name, profile in load_profiles().items() for stream in profile.streams
    }


@pytest.mark.parametrize(("name", "stream"), GOLDEN)
def test_golden_bytes_are_read_as_documented(name, stream):
    notifications, expected = GOLDEN[name, stream]
    hold_to(read_by_check(FOLDER / f"{name}.toml", stream, notifications), expected)


def test_the_captured_free_acceleration_of_a_dot_is_read_by_a_profile_of_that_mode(tmp_path):
    file = tmp_path / "dot_mode_6.toml"
    file.write_text("""
        schema = 1
        name = "DOT, free acceleration"
        heading = "magnetic"
        match = { name_prefix = "Xsens DOT" }
        rates = { allowed = [60], default = 60 }
        [stream.mode_6]
        uuid = "15172004-4947-11e9-8646-d663bd873d93"
        length = 16
        time = { offset = 0, type = "u32", unit_s = 1e-6 }
        field.acc = { offset = 4, type = "f32", unit = "m/s2" }
        field.gyr = { offset = 4, type = "f32", unit = "deg/s" }
    """)
    captured = [
        "d8052244 af964040 6b2aa740 5add14c0 00000000",
        "f3462244 0da53c40 9c13a640 f01009c0",
    ]
    said = read_by_check(file, None, captured)
    assert said["time"] == pytest.approx([1143.080408, 1143.080408 + 0.016667])
    assert said["acc"][0] == pytest.approx((3.009197, 5.223928, -2.3260102), abs=1e-3)


@pytest.mark.parametrize(
    ("name", "bytes_", "why"),
    [
        ("movella_dot", "00" * 20, "too_short"),
        ("capture2go", "ff 02 fe06e9bd 1f 5202" + "00" * 31, "checksum"),
        ("metamotion_bmi160", "03 80 01 02", "other_message"),
    ],
)
def test_bytes_that_are_refused_end_the_check_with_a_fault(name, bytes_, why):
    result = CliRunner().invoke(cli, ["configure", "--check", str(FOLDER / f"{name}.toml"), bytes_])
    assert result.exit_code == 1
    assert why in str(result.exception)
