"""Profile files: what is refused and why, which unit is which, and what is never written."""

import copy
import re
import textwrap
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.profiles.evidence_table import evidence_table
from imu.profiles.hex_template import MAX_BYTES, parse_template
from imu.profiles.profile import ProfileError, load_profile, load_profiles, match, parse_profile
from imu.profiles.profile_check import check_file
from imu.profiles.write_guard import DOT_CONTROL, DOT_MESSAGES, forbidden

FOLDER = Path(__file__).parents[4] / "firmware_config"
README = (FOLDER / "README.md").read_text()
GOOD = """
schema = 1
name = "Acme"
heading = "arbitrary"
write = ["a1c20002-5d1f-4e36-8a0b-0d9c6f1e7b22"]
[match]
name_prefix = ["ACME-"]
[rates]
allowed = [30, 60]
default = 60
[[setup]]
bytes = "{rate:u16}"
[stream.one]
uuid = "a1c20003-5d1f-4e36-8a0b-0d9c6f1e7b22"
length = 12
time = { offset = 2, type = "u16", unit_s = 1e-3 }
start = ["01"]
field.quat = { offset = 4, type = "i16", count = 4, order = "xyzw", divide = 16384 }
"""


def problems_of(text: str) -> list[str]:
    with pytest.raises(ProfileError) as caught:
        parse_profile(tomllib.loads(text), "acme")
    return list(caught.value.problems)


def test_every_unit_of_the_promise_has_a_profile() -> None:
    assert set(load_profiles()) == {
        "adafruit_quaternion",
        "arduino_ble_imu",
        "arduino_nicla_sense_me",
        "bluest",
        "capture2go",
        "haritorax_wireless",
        "hipturn_reference",
        "metamotion_bmi160",
        "metamotion_bmi270",
        "movella_dot",
        "movesense",
        "nordic_thingy52",
        "polar_verity_sense",
        "sony_mocopi",
        "witmotion_ble5",
    }


def test_the_readme_names_every_profile() -> None:
    assert all(f"`{name}`" in README for name in load_profiles())


def test_the_readme_says_what_each_profile_rests_on_as_the_files_do() -> None:
    assert evidence_table(load_profiles()) in README


@pytest.mark.parametrize("name", sorted(load_profiles()))
def test_every_profile_of_ours_says_what_it_rests_on(name: str) -> None:
    profile = load_profiles()[name]
    needed = {"identity", "layout", "direction"}
    streams = profile.streams.values()
    needed |= {"clock"} if any(stream.time for stream in streams) else set()
    needed |= {"earth_frame"} if any(s.quat or s.euler_zyx_deg for s in streams) else set()
    needed |= {"commands"} if profile.writable else set()
    assert needed <= profile.evidence.keys()


READ_BACK_BY_CODE = {"capture2go", "movesense", "polar_verity_sense"}
"""The driver waits for the unit's answer to what it was set to; tests of drivers show it."""


@pytest.mark.parametrize("name", sorted(load_profiles()))
def test_every_profile_reads_its_settings_back_or_says_why_not(name: str) -> None:
    profile = load_profiles()[name]
    writes = [*profile.setup, *(w for stream in profile.streams.values() for w in stream.start)]
    told = profile.rates.held is not None or any(write.read_back for write in writes)
    if not told and name not in READ_BACK_BY_CODE:
        assert "read back" in profile.notes


def test_units_whose_own_firmware_sets_the_rate_are_known() -> None:
    assert {name for name, profile in load_profiles().items() if not profile.sets_rate} == {
        "arduino_ble_imu",
        "bluest",
        "haritorax_wireless",
        "metamotion_bmi160",
        "metamotion_bmi270",
        "sony_mocopi",
    }


def test_the_axes_of_a_case_are_two() -> None:
    case = '[case]\nlay = "arrow ahead"\nahead = "-x"\nup = "x"\n'
    assert problems_of(GOOD + case) == ["case: ahead and up are one axis"]
    assert "case: up" in problems_of(GOOD + case.replace('"x"', '"up"'))[0]


def test_checking_a_profile_shows_its_notes() -> None:
    report = check_file(FOLDER / "arduino_nicla_sense_me.toml")
    assert "  to know: Sends no time. Its rate cannot be read back" in "\n".join(report.lines)


def test_changing_what_was_loaded_does_not_change_the_next_load() -> None:
    load_profiles().clear()
    assert "movella_dot" in load_profiles()


@pytest.mark.parametrize(
    ("name", "services", "companies", "expected"),
    [
        ("Movella DOT", [], [], "movella_dot"),
        ("Xsens DOT", [], [], "movella_dot"),
        (None, [], [0x0886], "movella_dot"),
        ("MetaWear", [], [], "metamotion_bmi160"),
        ("Left", ["326A9000-85CB-9195-D9DD-464CFBBAE75A"], [], "metamotion_bmi160"),
        ("Thingy", [], [0x0059], "nordic_thingy52"),
        ("renamed", ["ef680100-9b35-4933-9b10-52ffa9740042"], [], "nordic_thingy52"),
        ("WT901BLE67", [], [], "witmotion_ble5"),
        ("BWT901BLE5.0", [], [], "witmotion_ble5"),
        ("IOT_DEMO", [], [0x0030], "bluest"),
        ("NICLA", [], [], "arduino_nicla_sense_me"),
        ("CLUE", ["adaf0d00-c332-42a8-93bd-25e905756cb8"], [], "adafruit_quaternion"),
        ("ESP32", ["509b0001-ebe1-4aa5-bc51-11004b78d5cb"], [], "arduino_ble_imu"),
        ("QM-SS1 0001A", [], [], "sony_mocopi"),
        ("HaritoraXW-1234", [], [], "haritorax_wireless"),
        ("HaritoraX2-1234", ["00dbec3a-90aa-11ed-a1eb-0242ac120002"], [], None),
        ("ST", [], [0x0201], "bluest"),
        ("WT901SDCL-BT50", [], [], "witmotion_ble5"),
        ("hipturn left", [], [], "hipturn_reference"),
        ("Movesense 204830000001", [], [], "movesense"),
        ("IMU_ab1234", [], [], "capture2go"),
        ("Movesense 204830000001", ["0000fdf3-0000-1000-8000-00805f9b34fb"], [], None),
        (
            "Movesense 204830000001",
            ["0000fdf3-0000-1000-8000-00805f9b34fb", "34802252-7185-4d5d-b431-630e7050e8f0"],
            [],
            "movesense",
        ),
        ("Polar Sense 8C4F5A21", [], [0x006B], "polar_verity_sense"),
        ("Polar H10 8C4F5A21", [], [0x006B], None),
        ("Tile", [], [0x0059], None),
        (None, [], [], None),
        ("", ["0000180f-0000-1000-8000-00805f9b34fb"], [], None),
    ],
)
def test_a_unit_is_known_by_what_it_says_on_the_air(
    name: str | None, services: list[str], companies: list[int], expected: str | None
) -> None:
    found = match(name, services, companies, load_profiles())
    assert (found.id if found else None) == expected


def test_a_service_says_more_than_a_name_and_a_longer_name_more_than_a_shorter_one() -> None:
    def profile(name: str, how: str) -> str:
        return GOOD.replace('name_prefix = ["ACME-"]', how).replace("Acme", name)

    profiles = {
        name: parse_profile(tomllib.loads(profile(name, how)), name)
        for name, how in {
            "company": "company_id = 7",
            "short": 'name_contains = "A"',
            "long": 'name_prefix = ["AC"]',
            "service": 'service_uuids = ["a1c20001-5d1f-4e36-8a0b-0d9c6f1e7b22"]',
        }.items()
    }
    service = ["a1c20001-5d1f-4e36-8a0b-0d9c6f1e7b22"]

    def known(*said: object) -> str | None:
        found = match(*said, profiles)  # type: ignore[arg-type]
        return found.id if found else None

    assert known("ACME", service, [7]) == "service"
    assert known("ACME", [], [7]) == "long"
    assert known("xA", [], [7]) == "short"
    assert known("x", [], [7]) == "company"


def test_all_problems_of_a_file_are_listed_at_once() -> None:
    text = (
        GOOD.replace("schema = 1", "schema = 2")
        .replace("length = 12", "lenght = 12")
        .replace("default = 60", "default = 50")
        .replace('type = "i16"', 'type = "i17"')
    )
    found = "\n".join(problems_of(text))
    assert "schema must be from 1 to 1" in found
    assert "stream.one: length is missing" in found
    assert "stream.one: unknown key 'lenght', did you mean length?" in found
    assert "default 50 is not among the allowed rates" in found
    assert "stream.one.field.quat: type = 'i17' must be one of" in found


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name_prefix = ["ACME-"]', "", "match: needs name_prefix"),
        ('["ACME-"]', '[""]', "an empty name would match every unit"),
        ("length = 12", "length = 11", "field.quat ends at byte 12, but length is 11"),
        ("offset = 2, type", "offset = 11, type", "time ends at byte 13, but length is 12"),
        ('type = "u16", unit_s', 'type = "f32", unit_s', "a counter has no decimals"),
        ("unit_s = 1e-3", "unit_s = 100", "time: unit_s must be from 1e-09 to 10"),
        ('"xyzw"', '"xyzz"', "order must hold each of wxyz once"),
        ("divide = 16384", "sign = { z = 2 }", "z must be from -1 to 1"),
        ("divide = 16384", "sign = { q = 1 }", "unknown key 'q'"),
        (
            "[match]",
            '[evidence]\nlayout = "guess"\n[match]',
            "captured, vendor, one source, derived",
        ),
        ("[match]", '[evidence]\nhope = "vendor"\n[match]', "unknown key 'hope'"),
        ("count = 4", "count = 5", "count must be from 3 to 4"),
        ('start = ["01"]', 'start = ["0"]', "cannot read '0': write bytes as 0A"),
        ('start = ["01"]', 'start = ["{rat:u8}"]', "asks for 'rat', but there is only"),
        ('start = ["01"]', 'start = ["{code:u8}"]', "asks for 'code'"),
        ('start = ["01"]', 'start = ["00*513"]', "gives 513 bytes"),
        ('start = ["01"]', "start = [7]", "start[1] must be a text or a table"),
        ('"{rate:u16}"', '"{rate:i8} {period_ms:i8} {rate:u32}"', ""),
        ("allowed = [30, 60]", "allowed = [30, 60, 300]", ""),
        ('"a1c20003', '"zzzz0003', "is not a UUID such as 2A19"),
        ("[stream.one]", "[stream.One]", "must be at most 30 letters"),
        ('name = "Acme"', 'name = "Ac\\u001bme"', "name must be a text of at most 500 printable"),
        ('heading = "arbitrary"', 'heading = "north"', "must be one of: arbitrary, magnetic"),
        ("allowed = [30, 60]", "allowed = [30, inf]", "allowed must be numbers from 1 to 2000"),
        (
            'start = ["01"]',
            'start = [{ bytes = "01", delay_s = 9 }]',
            "delay_s must be from 0 to 5",
        ),
        (
            'start = ["01"]',
            "repeat = { offset = 4, stride = 6 }",
            "field.quat ends at byte 12 of the record, but stride is 6",
        ),
        ('name = "Acme"', 'name = "Acme"\ndriver = "os.system"', "driver = 'os.system' must be"),
        ('name = "Acme"', 'name = "Acme"\ndriver = "movesense"', "named: imu6"),
        ("length = 12", 'length = 12\nframing = "driver"', "which needs a driver"),
        ("length = 12", 'length = 12\nframing = "line"', "line is missing"),
        ("length = 12", 'length = 12\nframing = "sync"', "framing sync needs a header"),
        (
            "length = 12",
            'framing = "line"\nline = "Q {}{} {} {}"',
            "stream.one: line must have something between two numbers",
        ),
        ("length = 12", 'framing = "line"\nline = "Q"', "line must have 1 to 32 numbers"),
        ("length = 12", 'length = 12\nsync = "56"\nheader = "55"', "must begin with sync"),
        ('start = ["01"]', "field.euler_zyx_deg = { offset = 0, type = 'i16' }", "one is enough"),
    ],
)
def test_what_is_wrong_in_a_file_is_said(old: str, new: str, said: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new)
    if said:
        assert said in "\n".join(problems_of(text))
    else:
        parse_profile(tomllib.loads(text), "acme")


def test_a_profile_writes_to_nothing_that_it_does_not_list() -> None:
    other = 'start = [{ uuid = "a1c20009-5d1f-4e36-8a0b-0d9c6f1e7b22", bytes = "01" }]'
    [problem] = problems_of(GOOD.replace('start = ["01"]', other))
    assert "writes to a1c20009-5d1f-4e36-8a0b-0d9c6f1e7b22, which is not listed in write" in problem
    unlisted = problems_of(GOOD.replace('write = ["a1c20002-5d1f-4e36-8a0b-0d9c6f1e7b22"]', ""))
    assert "setup writes to no characteristic, which is not listed in write" in unlisted


@pytest.mark.parametrize(
    ("uuid", "command", "said"),
    [
        ("0000ffe9-0000-1000-8000-00805f9a34fb", "FF AA 65 01 00", "bootloader (register 0x65)"),
        ("0000FFE9-0000-1000-8000-00805F9A34FB", "FFAA*1 65 0100", "bootloader (register 0x65)"),
        ("0000ffe9-0000-1000-8000-00805f9a34fb", "FF AA 27 FF AA 65 00", "bootloader"),
        ("0000ffe9-0000-1000-8000-00805f9a34fb", "FF AA 00 00 00", "writes the flash memory"),
        (DOT_CONTROL, "02 00 01 00*29", "switches the unit off"),
        (DOT_CONTROL, "12 00 01 00*21 {rate:u16} 00*6", "switches the unit off"),
        (DOT_MESSAGES, "01 01 30 CE", "is neither the start nor the end of a synchronisation"),
        ("fb005c81-02e7-f387-1cad-8acd2d8df0c8", "05 00", "records or changes its mode"),
        ("326a9001-85cb-9195-d9dd-464cfbbae75a", "FE 02", "starts its bootloader"),
        ("8ec90001-f315-4f60-9fb8-838830daea50", "01", "for firmware updates"),
    ],
)
def test_commands_that_harm_a_unit_are_refused(uuid: str, command: str, said: str) -> None:
    text = GOOD.replace("a1c20002-5d1f-4e36-8a0b-0d9c6f1e7b22", uuid)
    found = problems_of(text.replace('start = ["01"]', f'start = ["{command}"]'))
    assert said in "\n".join(found)


SETTINGS = """
[setting.filter_profile]
uuid = "a1c20002-5d1f-4e36-8a0b-0d9c6f1e7b22"
mark = { offset = 0, value = 0x20 }
field = { offset = 2, type = "u8" }
choices = { general = 0, dynamic = 1 }
[setting.name]
uuid = "a1c20002-5d1f-4e36-8a0b-0d9c6f1e7b22"
mark = { offset = 0, value = 0x08 }
text = { offset = 8, length = 16, size_at = 7 }
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('type = "u8"', 'type = "u8"', ""),
        ('field = { offset = 2, type = "u8" }', "", "setting.filter_profile: field is missing"),
        ("{ general = 0, dynamic = 1 }", "{}", "choices: is empty"),
        ("dynamic = 1", "dynamic = 256", "dynamic must be from 0 to 255"),
        ('"u8" }\nchoices = { general = 0', '"i8" }\nchoices = { general = 200', "do not fit"),
        ("offset = 8, ", "", "mark and size_at need text.offset"),
        ("length = 16", "length = 300", "length must be from 1 to 248"),
        ("[setting.name]", "[setting.nmae]", "setting: unknown key 'nmae', did you mean name?"),
        ("a1c20002", "a1c20009", "setting.filter_profile writes to a1c20009"),
        # the settings of a DOT, where a mark of 2 and a 1 in byte 2 switch the unit off
        ("value = 0x20", "value = 0x22", "filter_profile switches the unit off"),
        (
            "0x08 }\ntext = { offset = 8",
            "0x0A }\ntext = { offset = 2",
            "name switches the unit off",
        ),
    ],
)
def test_settings_are_checked_like_all_that_is_written(old: str, new: str, said: str) -> None:
    assert old in SETTINGS
    text = GOOD + SETTINGS.replace(old, new)
    if "switches" in said:
        text = text.replace("a1c20002-5d1f-4e36-8a0b-0d9c6f1e7b22", DOT_CONTROL)
    if said:
        assert said in "\n".join(problems_of(text))
    else:
        parse_profile(tomllib.loads(text), "acme")


@pytest.mark.parametrize("rate", [101, 0xAA])
def test_a_harmful_command_cannot_hide_in_a_number(rate: int) -> None:
    text = GOOD.replace(
        "a1c20002-5d1f-4e36-8a0b-0d9c6f1e7b22", "0000ffe9-0000-1000-8000-00805f9a34fb"
    )
    text = text.replace("allowed = [30, 60]", f"allowed = [60, {rate}]")
    command = {101: "FF AA {rate:u8} 00", 0xAA: "FF {rate:u8} 65 00"}[rate]
    found = problems_of(text.replace('start = ["01"]', f'start = ["{command}"]'))
    assert "register 0x65" in "\n".join(found)


def test_setting_a_dot_up_does_not_switch_it_off() -> None:
    assert forbidden(DOT_CONTROL, bytes.fromhex("10" + "00" * 23 + "3c00" + "00" * 6)) == ""


def test_bytes_are_written_as_in_the_readme() -> None:
    template = parse_template("10 00*3 {rate:u16} 0A0B*2 {period_ms:i32be}")
    rendered = template.render({"rate": 60.0, "period_ms": 10.0})
    assert rendered == bytes.fromhex("10 000000 3c00 0a0b0a0b 0000000a")
    assert template.names == {"rate", "period_ms"}


@given(st.text(max_size=200))
def test_any_text_is_a_template_or_refused(text: str) -> None:
    try:
        rendered = parse_template(text).render({})
    except ValueError:
        return
    assert 1 <= len(rendered) <= MAX_BYTES


def test_a_file_that_is_no_toml_or_too_long_is_refused(tmp_path: Path) -> None:
    for content, said in [
        (b"\xff", "cannot be read as TOML"),
        (b"a = ", "cannot be read as TOML"),
        (b"a=" + b"[" * 20000, "cannot be read as TOML"),
        (b"#" * 70000, "has more than 65536 bytes"),
    ]:
        path = tmp_path / "bad.toml"
        path.write_bytes(content)
        with pytest.raises(ProfileError, match=said):
            load_profile(path)


STRAY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**400, max_value=10**401),
    st.floats(),
    st.text(max_size=20),
    st.lists(st.one_of(st.integers(), st.text(max_size=3), st.floats()), max_size=4),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_file_with_anything_anywhere_is_a_profile_or_refused(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(load_profiles())))
    document = tomllib.loads((FOLDER / f"{name}.toml").read_text())
    changed = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(1, 3))):
        table = changed
        while True:
            key = data.draw(st.sampled_from(sorted(table)))
            inner = table[key]
            if isinstance(inner, dict) and inner and data.draw(st.booleans()):
                table = inner
                continue
            table[key] = data.draw(STRAY)
            break
    with suppress(ProfileError):
        parse_profile(changed, name)


def example() -> str:
    found = re.search(r"```toml\n(.*?)```", README, re.DOTALL)
    assert found
    return textwrap.dedent("   " + found[1])


def test_the_example_of_the_readme_is_a_profile_and_reads_as_shown(tmp_path: Path) -> None:
    (tmp_path / "acme_tracker.toml").write_text(example())
    shown = re.search(r"```text\n(.*?)```", README, re.DOTALL)
    assert shown
    command, *lines = textwrap.dedent("   " + shown[1].lstrip()).rstrip().splitlines()
    payloads = command.split("acme_tracker.toml")[1].split()
    report = check_file(tmp_path / "acme_tracker.toml", payloads)
    assert report.usable
    assert list(report.lines) == lines


def test_checking_a_file_says_what_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "acme_tracker.toml"
    assert "cannot be read: No such file" in check_file(path).lines[0]
    path.write_text(example())
    report = check_file(path, ["A5", "0xA5:07", "zz", "", "B5" * 12])
    said = "\n".join(report.lines)
    assert not report.usable
    assert "notification 1: 1 bytes, no samples\n  not taken: too_short (1)" in said
    assert "notification 2: 2 bytes, no samples\n  not taken: too_short (1)" in said
    assert "notification 3: this is not hex bytes" in said
    assert "notification 4: this is not hex bytes" in said
    assert "not taken: other_message (1)" in said
    assert check_file(path, stream="two").lines == (
        "Acme Tracker has no stream 'two': choose one of orientation",
    )
    path.write_text(example().replace("length = 12", "length = 4"))
    assert check_file(path).lines[0] == "acme_tracker.toml is not a usable profile:"
    assert not check_file(path).usable


def test_checking_reads_bytes_of_units_that_need_code() -> None:
    half = "02 63 e8030000" + "0000803f" * 6
    report = check_file(FOLDER / "movesense.toml", [half, half])
    assert "held back until the next notification completes it" in "\n".join(report.lines)
    assert "acc       +1.000 +1.000 +1.000 m/s², 1.732 in all" in "\n".join(report.lines)
