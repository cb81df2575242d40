"""What units send comes out as samples: golden bytes, layouts, wraps, joins, and garbage."""

import math
import random
import struct
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.drivers.decode import Decoder, Reading
from imu.drivers.framing import MAX_LINE_BYTES
from imu.drivers.reading import Reason
from imu.profiles.profile import Profile, load_profiles, parse_profile
from imu.profiles.unit_layout import MAX_NOTIFICATION_BYTES
from imu.quaternion import FLOATS, Quaternion, conjugate, from_axis_angle, multiply, norm, rotate

FOLDER = Path(__file__).parents[4] / "firmware_config"
G = 9.80665
HEAD = """
schema = 1
name = "Made up"
heading = "arbitrary"
match.name_prefix = "X"
rates = { allowed = [100], default = 100 }
"""


def decoder(name: str, stream: str | None = None) -> Decoder:
    profile = load_profiles()[name]
    return Decoder(profile, stream or profile.prefer[0])


def made_up(stream: str, head: str = HEAD) -> Decoder:
    profile = parse_profile(tomllib.loads(f"{head}[stream.one]\nuuid = '2A19'\n{stream}"), "x")
    return Decoder(profile, "one")


def only(readings: list[Reading]) -> Reading:
    [reading] = readings
    return reading


def unit(*numbers: float) -> Quaternion:
    length = math.sqrt(sum(number * number for number in numbers))
    w, x, y, z = (number / length for number in numbers)
    return (w, x, y, z)


# ---------------------------------------------------------------- golden bytes, layouts


def test_captured_bytes_of_a_dot_give_the_captured_numbers() -> None:
    mode_6 = made_up(
        'length = 16\ntime = { offset = 0, type = "u32", unit_s = 1e-6 }\n'
        'field.acc = { offset = 4, type = "f32", unit = "m/s2" }\n'
        'field.gyr = { offset = 4, type = "f32", unit = "rad/s" }'
    )
    first = only(mode_6.decode(b'\xd8\x05"D\xaf\x96@@k*\xa7@Z\xdd\x14\xc0\0\0\0\0'))
    assert first.device_time == 1143080408
    assert first.acc == pytest.approx((3.009197, 5.223928, -2.3260102), abs=1e-6)
    second = only(mode_6.decode(b'\xf3F"D\r\xa5<@\x9c\x13\xa6@\xf0\x10\t\xc0'))
    assert second.device_time == 1143080408 + 16667


@pytest.mark.parametrize("padding", [0, 4])
def test_the_three_modes_of_a_dot(padding: int) -> None:
    q, acc, gyr = (0.5, -0.5, 0.5, -0.5), (0.25, -9.75, 1.5), (180.0, -90.0, 0.5)
    rates = tuple(math.radians(rate) for rate in gyr)
    time = 2**32 - 1
    for mode, payload, expected in [
        ("mode_5", struct.pack("<I4f", time, *q), Reading(time, None, q, None, None)),
        (
            "mode_24",
            struct.pack("<I4f3f", time, *q, *gyr),
            Reading(time, None, q, None, rates),  # type: ignore[arg-type]
        ),
        (
            "mode_26",
            struct.pack("<I4f3f3f", time, *q, *acc, *gyr),
            Reading(time, None, q, acc, rates),  # type: ignore[arg-type]
        ),
    ]:
        assert only(decoder("movella_dot", mode).decode(payload + b"\0" * padding)) == expected


@pytest.mark.parametrize("name", ["metamotion_bmi160", "metamotion_bmi270"])
@pytest.mark.parametrize("stream", ["imu_plus", "ndof"])
def test_golden_bytes_of_a_metamotion(name: str, stream: str) -> None:
    payload = bytes.fromhex("1907 1b9b703f 8c5e4dbd 077f1dbe 78029abe")
    q = only(decoder(name, stream).decode(payload)).q
    assert q is not None
    assert q == pytest.approx((0.940, -0.050, -0.154, -0.301), abs=5e-4)
    assert norm(q, FLOATS) == pytest.approx(1.0, abs=1e-12)


def test_replies_of_a_metamotion_are_not_samples() -> None:
    metamotion = decoder("metamotion_bmi160")
    assert metamotion.decode(bytes.fromhex("0380010200")) == []
    assert metamotion.decode(bytes.fromhex("198b")) == []
    assert metamotion.rejected == {"other_message": 2}


def test_a_thingy() -> None:
    payload = struct.pack("<4i", *(round(n * 2**30) for n in (0.6, -0.8, 0.0, 0.0)))
    reading = only(decoder("nordic_thingy52").decode(payload))
    # Its earth has z down: half a turn about x brings it up.
    assert reading.q == pytest.approx((0.8, 0.6, 0.0, 0.0), abs=1e-8)
    assert (reading.device_time, reading.sequence, reading.acc) == (None, None, None)


def wit_frame(roll: float, pitch: float, yaw: float, acc: float = 1.0, gyr: float = 90.0) -> bytes:
    numbers = [acc / 16, 0, 0, 0, gyr / 2000, 0, roll / 180, pitch / 180, yaw / 180]
    return b"\x55\x61" + struct.pack("<9h", *(round(32768 * number) for number in numbers))


def test_a_witmotion() -> None:
    reading = only(decoder("witmotion_ble5").decode(wit_frame(20.0, -30.0, 40.0)))
    turns = [((0.0, 0.0, 1.0), 40.0), ((0.0, 1.0, 0.0), -30.0), ((1.0, 0.0, 0.0), 20.0)]
    yaw, pitch, roll = (from_axis_angle(axis, math.radians(angle), FLOATS) for axis, angle in turns)
    # The angles are sent in steps of 0.0055°.
    assert reading.q == pytest.approx(multiply(multiply(yaw, pitch), roll), abs=1e-4)
    assert reading.acc == pytest.approx((G, 0.0, 0.0), abs=1e-3)
    assert reading.gyr == pytest.approx((0.0, math.radians(90.0), 0.0), abs=1e-3)


def test_three_samples_of_a_bluest_come_in_one_message() -> None:
    vectors = [(1000, -2000, 3000), (0, 0, 0), (-9000, 0, 4000)]
    payload = struct.pack("<H", 65535) + b"".join(struct.pack("<3h", *v) for v in vectors)
    readings = decoder("bluest").decode(payload)
    for reading, vector in zip(readings, vectors, strict=True):
        x, y, z = (number / 10000 for number in vector)
        w = math.sqrt(1 - x * x - y * y - z * z)
        assert reading.q == pytest.approx((w, x, y, z), abs=1e-12)
    # Nobody knows the unit of its clock, so only the first one's time is known.
    assert [reading.device_time for reading in readings] == [65535, None, None]


@pytest.mark.parametrize("sent", [3, 4])
def test_a_bluest_may_leave_w_out(sent: int) -> None:
    numbers = (0.1, -0.2, 0.3, math.sqrt(1 - 0.14))[:sent]
    payload = struct.pack(f"<H{sent}f", 7, *numbers)
    reading = only(decoder("bluest", "float").decode(payload))
    assert reading.q == pytest.approx((math.sqrt(1 - 0.14), 0.1, -0.2, 0.3), abs=1e-6)
    assert reading.device_time == 7


@pytest.mark.parametrize(("stream", "sensor"), [("game_rotation", 37), ("rotation", 34)])
def test_a_nicla(stream: str, sensor: int) -> None:
    nicla = decoder("arduino_nicla_sense_me", stream)
    numbers = (round(0.6 * 16384), 0, round(-0.8 * 16384), 0)  # x, y, z, w
    payload = struct.pack("<BB4hH", sensor, 12, *numbers, 3)
    assert only(nicla.decode(payload)).q == pytest.approx((0.0, 0.6, 0.0, -0.8), abs=1e-4)
    assert nicla.decode(struct.pack("<BB4hH", 4, 12, *numbers, 3)) == []


def test_an_adafruit_board() -> None:
    payload = struct.pack("<4f", 0.0, 0.0, 0.6, 0.8)
    assert only(decoder("adafruit_quaternion").decode(payload)).q == pytest.approx(
        (0.0, 0.0, 0.6, 0.8)
    )


@pytest.mark.parametrize(("flags", "vectors"), [(0x67, 4), (0x27, 3)])
def test_an_arduino_ble_imu(flags: int, vectors: int) -> None:
    payload = struct.pack("<BBH4f", 1, flags, 65000, 0.8, 0.0, 0.0, 0.6)
    payload += b"".join(struct.pack("<3f", 1.0 + n, 2.0 + n, 3.0 + n) for n in range(vectors))
    assert len(payload) == 20 + 12 * vectors
    reading = only(decoder("arduino_ble_imu").decode(payload))
    assert reading.q == pytest.approx((0.8, 0.0, 0.0, 0.6))
    assert reading.acc == pytest.approx((1.0, 2.0, 3.0))
    assert (reading.device_time, reading.gyr) == (65000, None)
    # A link that carries 20 bytes leaves the orientation whole.
    cut = only(decoder("arduino_ble_imu", "quaternion").decode(payload[:20]))
    assert cut == reading._replace(acc=None)


def up_in(q: Quaternion | None) -> tuple[float, ...]:
    """Return earth's up in a unit."""
    assert q is not None
    return rotate(conjugate(q), (0.0, 0.0, 1.0))


def test_a_captured_packet_of_a_mocopi_whose_earth_has_y_up() -> None:
    payload = bytes.fromhex("B07BB86F4B615D172B04E4093412F4172A04410A")
    reading = only(decoder("sony_mocopi").decode(payload))
    assert reading.device_time == 6_576_596_923_168_891  # 2023-05-09 05:06:52 UTC in 256 ns
    assert reading.sequence is None
    sent = (0.130, 0.309, 0.569, 0.749)
    assert up_in(reading.q) == pytest.approx(rotate(conjugate(sent), (0.0, 1.0, 0.0)), abs=0.005)


def test_packets_of_a_mocopi_are_20_ms_apart() -> None:
    fields = load_profiles()["sony_mocopi"].streams["quaternion"].time
    assert fields is not None
    assert fields.tick_s is not None
    assert 78_125 * fields.tick_s == pytest.approx(0.020)


def test_a_captured_packet_of_a_haritorax_whose_gravity_agrees_with_its_orientation() -> None:
    payload = bytes.fromhex("530d30d6cf0ccb2c00083d007400")
    reading = only(decoder("haritorax_wireless").decode(payload))
    assert up_in(reading.q) == pytest.approx((0.998, 0.030, 0.060), abs=1e-3)
    assert reading.acc == pytest.approx((1.000 * G, 0.030 * G, 0.057 * G), abs=0.01)


def test_half_a_message_of_a_haritorax_is_no_sample() -> None:
    haritorax = decoder("haritorax_wireless")
    assert haritorax.decode(bytes.fromhex("530d30d6cf0ccb2c")) == []
    assert haritorax.rejected == {"too_short": 1}


def test_the_reference_payload_holds_one_sample_or_two() -> None:
    def record(time: int, sequence: int, w: float) -> bytes:
        q = [round(32767 * number) for number in (w, math.sqrt(1 - w * w), 0.0, 0.0)]
        return struct.pack("<I4hH3h", time, *q, sequence, 16 * 90, 0, -16 * 45)

    one, two = record(2**32 - 8333, 65535, 0.6), record(0, 0, 0.8)
    for payload, expected in [(one, 1), (one + two, 2), (one + two[:19], 1)]:
        readings = decoder("hipturn_reference", "samples").decode(payload)
        assert [r.device_time for r in readings] == [2**32 - 8333, 0][:expected]
        assert [r.sequence for r in readings] == [65535, 0][:expected]
        assert readings[0].q == pytest.approx((0.6, 0.8, 0.0, 0.0), abs=1e-4)
        gyr = (math.radians(90), 0.0, math.radians(-45))
        assert readings[-1].gyr == pytest.approx(gyr)


# ---------------------------------------------------------------- what profiles can say


@pytest.mark.parametrize("order", ["wxyz", "xyzw", "zyxw", "ywzx"])
def test_components_come_in_any_order_with_any_sign(order: str) -> None:
    values = {"w": 0.1, "x": -0.3, "y": 0.5, "z": 0.8}
    one = made_up(
        f"length = 16\nfield.quat = {{ offset = 0, type = 'f32be', order = '{order}', "
        "sign = { x = -1, w = -1 } }"
    )
    q = only(one.decode(struct.pack(">4f", *(values[name] for name in order)))).q
    assert q == pytest.approx(unit(-0.1, 0.3, 0.5, 0.8), abs=1e-6)


def test_orientations_of_the_earth_in_the_sensor_are_turned_round() -> None:
    layout = "length = 32\nfield.quat = { offset = 0, type = 'f64' }"
    q = unit(0.7, 0.1, -0.2, 0.3)
    one = made_up(layout, HEAD + "rotation = 'earth_to_sensor'\n")
    assert only(one.decode(struct.pack("<4d", *q))).q == pytest.approx(conjugate(q))


def test_an_earth_with_z_down_is_turned_up() -> None:
    layout = "length = 32\nfield.quat = { offset = 0, type = 'f64' }"
    one = made_up(layout, HEAD + "earth_frame = 'NED'\n")
    # The sensor's z points down there, which is (0, 0, −1) where z is up.
    q = only(one.decode(struct.pack("<4d", 1.0, 0.0, 0.0, 0.0))).q
    assert q is not None
    z_up = multiply(multiply(q, (0.0, 0.0, 0.0, 1.0)), conjugate(q))
    assert z_up == pytest.approx((0.0, 0.0, 0.0, -1.0))


@pytest.mark.parametrize("angle", [-179.0, -90.0, 0.0, 45.0, 90.0, 360.0])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_single_angles_turn_about_their_axis(axis: int, angle: float) -> None:
    one = made_up("length = 12\nfield.euler_zyx_deg = { offset = 0, type = 'f32' }")
    angles = [0.0, 0.0, 0.0]
    angles[axis] = angle
    vector = tuple(float(i == axis) for i in range(3))
    expected = from_axis_angle(vector, math.radians(angle), FLOATS)  # type: ignore[arg-type]
    assert only(one.decode(struct.pack("<3f", *angles))).q == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(
    ("anchor", "expected"), [("first", [250, 4, 14]), ("last", [230, 240, 250])]
)
def test_times_within_a_message_lie_a_sample_apart_and_wrap(
    anchor: str, expected: list[int]
) -> None:
    one = made_up(
        "length = 10\ntime = { offset = 0, type = 'u8', unit_s = 1e-3 }\n"
        "seq = { offset = 1, type = 'u8', bits = 4 }\n"
        f"repeat = {{ offset = 2, stride = 8, anchor = '{anchor}' }}\n"
        "field.quat = { offset = 0, type = 'i16', divide = 16384 }"
    )
    # 100 Hz are 10 counts of 1 ms; the clock wraps at 256, the counter at 16.
    record = struct.pack("<4h", 16384, 0, 0, 0)
    readings = one.decode(bytes((250, 0x5F)) + 3 * record)
    assert [r.device_time for r in readings] == expected
    sequence = 15
    first = sequence if anchor == "first" else sequence - 2
    assert [r.sequence for r in readings] == [(first + i) % 16 for i in range(3)]


def test_counters_are_as_wide_as_their_bits() -> None:
    one = made_up(
        "length = 12\ntime = { offset = 0, type = 'i32', bits = 24, unit_s = 1e-6 }\n"
        "field.quat = { offset = 4, type = 'i16', divide = 16384 }"
    )
    payload = struct.pack("<i4h", -1, 16384, 0, 0, 0)
    assert only(one.decode(payload)).device_time == 2**24 - 1


def test_lines_of_text_are_read_across_notifications() -> None:
    one = made_up(
        'framing = "line"\nline = "t={} Quat: {},{}, {} ,{}"\n'
        "time = { offset = 0, bits = 32, unit_s = 1e-3 }\n"
        "field.quat = { offset = 1 }"
    )
    text = b"Quat: half a line\r\nt=12 Quat:0.6,0, -8.0e-1,+0.\r\n\r\nt=13  Quat: 1,0,0,0\nt="
    readings = [r for i in range(0, len(text), 7) for r in one.decode(text[i : i + 7])]
    assert [r.device_time for r in readings] == [12, 13]
    assert readings[0].q == pytest.approx((0.6, 0.0, -0.8, 0.0))
    assert one.rejected == {"unreadable_line": 1}
    one.reset()
    assert only(one.decode(b"t=14 Quat: 1,0,0,0\n")).device_time == 14


def test_numbers_separated_by_spaces_only() -> None:
    one = made_up('framing = "line"\nline = "{} {} {} {}"\nfield.quat = { offset = 0 }')
    assert only(one.decode(b"1 0  0\t0\n")).q == (1.0, 0.0, 0.0, 0.0)
    assert one.decode(b"1000\n") == []


# ---------------------------------------------------------------- frames that straddle


@settings(max_examples=200, deadline=None)
@given(
    angles=st.lists(st.floats(-170, 170), min_size=1, max_size=12),
    cuts=st.lists(st.integers(1, 60), min_size=1, max_size=8),
)
def test_frames_are_found_wherever_notifications_cut_them(
    angles: list[float], cuts: list[int]
) -> None:
    frames = [wit_frame(0.0, 0.0, angle) for angle in angles]
    text = b"".join(frames)
    wit, found, at = decoder("witmotion_ble5"), [], 0
    while at < len(text):
        size = cuts[len(found) % len(cuts)]
        found += wit.decode(text[at : at + size])
        at += size
    # The last frame of all may wait for what follows while it is not sure to be one.
    found += wit.decode(wit_frame(0.0, 0.0, 0.0))
    assert len(found) == len(frames) + 1
    assert wit.rejected == {}


def test_a_frame_that_ends_a_notification_does_not_wait_for_the_next() -> None:
    wit = decoder("witmotion_ble5")
    assert len(wit.decode(wit_frame(1.0, 2.0, 3.0))) == 1
    assert len(wit.decode(wit_frame(1.0, 2.0, 3.0) * 4)) == 4


def test_a_lost_notification_costs_no_more_than_the_frames_it_held_a_piece_of() -> None:
    frames = [wit_frame(0.0, 0.0, 10.0 * i) for i in range(12)]
    text = b"".join(frames)
    pieces = [text[i : i + 50] for i in range(0, len(text), 50)]
    wit = decoder("witmotion_ble5")
    readings = [r for i, piece in enumerate(pieces) if i != 1 for r in wit.decode(piece)]
    whole = [only(decoder("witmotion_ble5").decode(frame)).q for frame in frames]
    # Bytes 50 to 99 are gone: frames 2, 3 and 4. Frame 5 begins the next notification.
    assert [r.q for r in readings] == whole[:2] + whole[5:]
    assert wit.rejected == {"out_of_step": 1}


@pytest.mark.parametrize("size", [20, 23, 28, 56, 60])
def test_a_witmotion_that_adds_chip_time_to_its_frames_is_read(size: int) -> None:
    frames = [wit_frame(0.0, 0.0, 10.0 * i) for i in range(8)]
    clock = bytes.fromhex("1a0b1c11200f2c01")  # year, month, day, hour, minute, second, ms
    text = b"".join(frame + clock for frame in frames)
    wit = decoder("witmotion_ble5")
    readings = [r for at in range(0, len(text), size) for r in wit.decode(text[at : at + size])]
    assert [r.q for r in readings] == [only(decoder("witmotion_ble5").decode(f)).q for f in frames]


def test_register_replies_among_the_frames_are_not_samples() -> None:
    wit = decoder("witmotion_ble5")
    reply = bytes.fromhex("55716400") + struct.pack("<8h", 391, *[0] * 7)
    frame = wit_frame(0.0, 0.0, 5.0)
    assert len(wit.decode(frame + reply + frame)) == 2
    assert wit.rejected == {"other_message": 1}


def test_a_new_link_forgets_half_a_frame() -> None:
    wit = decoder("witmotion_ble5")
    wit.decode(wit_frame(0.0, 0.0, 5.0) + b"\x55\x61\x01")
    wit.reset()
    assert len(wit.decode(wit_frame(0.0, 0.0, 5.0))) == 1
    assert wit.rejected == {}


def test_a_new_link_has_to_find_into_step_again() -> None:
    wit = decoder("witmotion_ble5")
    wit.decode(wit_frame(0.0, 0.0, 5.0))
    wit.reset()
    assert wit.decode(b"\x55\x01" + bytes(18)) == []
    assert wit.rejected == {"out_of_step": 1}


# ---------------------------------------------------------------- garbage


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ((0.5, 0.0, 0.0, 0.0), "not_unit"),
        ((2.0, 0.0, 0.0, 0.0), "not_unit"),
        ((0.0, 0.0, 0.0, 0.0), "not_unit"),
        ((1e30, 0.0, 0.0, 0.0), "not_unit"),
        ((math.nan, 0.0, 0.0, 1.0), "not_finite"),
        ((1.0, math.inf, 0.0, 0.0), "not_finite"),
        ((1.0, 0.0, 0.0, -math.inf), "not_finite"),
    ],
)
def test_what_is_no_orientation_is_dropped_and_counted(
    numbers: tuple[float, ...], reason: str
) -> None:
    adafruit = decoder("adafruit_quaternion")
    assert adafruit.decode(struct.pack("<4f", *numbers)) == []
    assert adafruit.rejected == {reason: 1}


@pytest.mark.parametrize("length", [0.51, 1.0, 1.99])
def test_an_orientation_of_any_length_between_is_scaled_to_one(length: float) -> None:
    reading = only(decoder("adafruit_quaternion").decode(struct.pack("<4f", 0, length, 0, 0)))
    assert reading.q == pytest.approx((0.0, 1.0, 0.0, 0.0), abs=1e-12)


@pytest.mark.parametrize(
    ("value", "reason"),
    [(5000.0, "out_of_range"), (math.nan, "not_finite"), (-math.inf, "not_finite")],
)
@pytest.mark.parametrize("place", range(20, 44, 4))
def test_one_wrong_number_drops_the_sample(value: float, reason: str, place: int) -> None:
    dot = decoder("movella_dot")
    if place >= 32:
        value *= 2  # 10000 °/s
    payload = bytearray(struct.pack("<I10f", 1, 1.0, *[0.0] * 9))
    payload[place : place + 4] = struct.pack("<f", value)
    assert dot.decode(bytes(payload)) == []
    assert dot.rejected == {reason: 1}


def test_three_components_that_leave_no_room_for_w_are_no_orientation() -> None:
    bluest = decoder("bluest")
    assert bluest.decode(struct.pack("<H3h", 0, 9000, 9000, 0)) == []
    assert only(bluest.decode(struct.pack("<H3h", 0, 10001, 0, 0))).q == (0.0, 1.0, 0.0, 0.0)
    assert bluest.rejected == {"not_unit": 1}


@pytest.mark.parametrize("angle", [1e30, math.nan, math.inf])
def test_angles_that_are_none(angle: float) -> None:
    one = made_up("length = 12\nfield.euler_zyx_deg = { offset = 0, type = 'f32' }")
    for angles in [(angle, 0, 0), (0, angle, 0), (0, 0, angle)]:
        assert one.decode(struct.pack("<3f", *angles)) == []
    assert sum(one.rejected.values()) == 3


def test_short_and_long_notifications_are_counted() -> None:
    dot = decoder("movella_dot")
    assert dot.decode(b"") == []
    assert dot.decode(b"\0" * 43) == []
    assert dot.decode(b"\0" * 513) == []
    assert dot.rejected == {"too_short": 2, "too_long": 1}


def test_a_line_that_never_ends_is_not_kept() -> None:
    one = made_up('framing = "line"\nline = "q {},{},{},{}"\nfield.quat = { offset = 0 }')
    for _ in range(100):
        assert one.decode(b"q 1,0,0,0 " * 20) == []
        assert held(one) <= MAX_LINE_BYTES
    assert only(one.decode(b"\nq 1,0,0,0\n")).q == (1.0, 0.0, 0.0, 0.0)
    assert set(one.rejected) == {"unreadable_line"}


@pytest.mark.parametrize("text", [b"q nan,0,0,0\n", b"q 1e999,0,0,0\n", b"q \xff,0,0,0\n"])
def test_lines_with_impossible_numbers(text: bytes) -> None:
    one = made_up(
        'framing = "line"\nline = "q {},{},{},{}"\ntime = { offset = 0, bits = 8, unit_s = 1 }\n'
        "field.quat = { offset = 0 }"
    )
    assert one.decode(text) == []
    assert sum(one.rejected.values()) == 1


def held(one: Decoder) -> int:
    """Return the bytes that a decoder holds back."""
    return len(getattr(one._framing, "_buffer", b""))


EVERY = [
    (profile, stream)
    for profile in load_profiles().values()
    for stream in profile.streams
    if profile.driver in ("toml", "metamotion")
]
TEXT = parse_profile(
    tomllib.loads(
        HEAD + "[stream.one]\nuuid = '2A19'\nframing = 'line'\nline = 'Q {},{},{},{}'\n"
        "field.quat = { offset = 0 }"
    ),
    "text",
)


def seeds(profile: Profile, stream: str) -> list[bytes]:
    """Return notifications that are nearly right."""
    layout = profile.streams[stream]
    header = layout.headers[0] if layout.headers else b""
    whole = header + bytes(range(layout.length - len(header)))
    return [whole, whole + b"\0" * 24, whole[:-1], b"Q 1,0,0,0\n", b"Q 0.5,-0.5,.5,5e-1\r\nQ "]


def mutated(rng: random.Random, payload: bytes) -> bytes:
    data = bytearray(payload)
    for _ in range(rng.randrange(4)):
        kind = rng.randrange(4)
        at = rng.randrange(len(data) + 1)
        if kind == 0 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 1:
            data[at:at] = rng.randbytes(rng.randrange(1, 9))
        elif kind == 2:
            del data[at : at + rng.randrange(1, 9)]
        else:
            data += struct.pack("<f", rng.choice([math.nan, math.inf, 1e38, -0.0, 1e-40]))
    return bytes(data[:600])


def check(readings: list[Reading], profile: Profile, stream: str) -> None:
    layout = profile.streams[stream]
    for reading in readings:
        assert reading.q is not None or (reading.acc and reading.gyr)
        assert reading.q is None or abs(norm(reading.q, FLOATS) - 1.0) < 1e-9
        assert all(map(math.isfinite, (*(reading.acc or ()), *(reading.gyr or ()))))
        for value, counter in [
            (reading.device_time, layout.time),
            (reading.sequence, layout.sequence),
        ]:
            assert value is None or (counter and 0 <= value < 2**counter.bits)


@pytest.mark.parametrize("number", [5000, pytest.param(200_000, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    ("profile", "stream"),
    [*EVERY, (TEXT, "one")],
    ids=lambda value: value if isinstance(value, str) else value.id,
)
def test_thousands_of_wrong_notifications_raise_nothing_and_leave_nothing(
    profile: Profile, stream: str, number: int
) -> None:
    rng = random.Random(f"{profile.id}/{stream}")  # noqa: S311
    one = Decoder(profile, stream)
    nearly = seeds(profile, stream)
    for _ in range(number):
        payload = (
            rng.randbytes(rng.randrange(0, 80))
            if rng.random() < 0.3
            else mutated(rng, rng.choice(nearly))
        )
        check(one.decode(payload), profile, stream)
        assert held(one) <= MAX_NOTIFICATION_BYTES
    assert set(one.rejected) <= {reason.value for reason in Reason}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([*EVERY, (TEXT, "one")]), st.lists(st.binary(max_size=600), max_size=6))
def test_any_bytes_raise_nothing(one: tuple[Profile, str], payloads: list[bytes]) -> None:
    wild = Decoder(*one)
    for payload in payloads:
        check(wild.decode(payload), *one)
        assert held(wild) <= MAX_NOTIFICATION_BYTES


def test_every_profile_without_code_is_in_a_golden_test() -> None:
    source = Path(__file__).read_text()
    assert all(f'"{profile.id}"' in source for profile, _ in EVERY)
