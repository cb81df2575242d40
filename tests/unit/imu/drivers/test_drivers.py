"""Drivers talk to their units as the units' makers say, in the right order, and leave in peace."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import struct
import tomllib
import zlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError
from hypothesis import given, settings
from hypothesis import strategies as st

from imu.air.radio_errors import RadioError, Trouble
from imu.drivers import Driver, driver_for
from imu.drivers import talk as talk_module
from imu.drivers.capture2go_packages import unpack_quaternion
from imu.drivers.dot_sync import sync_command, sync_result, synchronise
from imu.drivers.reading import Reading, Reason
from imu.profiles.checked_tables import full_uuid
from imu.profiles.profile import load_profiles, parse_profile
from imu.profiles.unit_layout import Profile
from imu.quaternion import FLOATS, norm
from imu.sample import Segment, Side, Unit

DOT = "1517{}-4947-11e9-8646-d663bd873d93"
ORDINARY = "00000000-1111-2222-3333-444444444444"


def uuid_of(short: str) -> str:
    full = full_uuid(short)
    assert full
    return full


class FakeUnit:
    """A connected client, as bleak's, of a unit that says what the test wants.

    What is done to it is written down in `log`: ("notify", uuid), ("write", uuid, hex, response),
    ("read", uuid), ("silence", uuid).
    """

    def __init__(self, *uuids: str, room: int = 244, address: str = "D4:22:CD:00:12:34") -> None:
        self.services = BleakGATTServiceCollection()
        self.address = address
        self.is_connected = True
        self.mtu_size = 23
        self.log: list[tuple[Any, ...]] = []
        self.holds: dict[str, bytes] = {}
        self.refuses: set[str] = set()
        self.answers: dict[str, list[bytes]] = {}
        self._room = room
        self._callbacks: dict[str, Callable[[Any, bytearray], None]] = {}
        self._handles = 0
        for uuid in uuids:
            self.add(uuid)

    def add(self, uuid: str, *, service: str = ORDINARY, properties: Sequence[str] = ()) -> None:
        self._handles += 1
        home = self.services.get_service(service)
        if home is None:
            home = BleakGATTService(None, 1000 + self._handles, service)
            self.services.add_service(home)
        self.services.add_characteristic(
            BleakGATTCharacteristic(
                None,
                self._handles,
                uuid,
                list(properties or ("read", "write", "notify")),  # type: ignore[arg-type]
                lambda: self._room,
                home,
            )
        )

    def _name(self, target: BleakGATTCharacteristic | str) -> str:
        if isinstance(target, str):
            raise BleakError(f"Characteristic {target} was not found!")
        if target.uuid in self.refuses:
            raise BleakError("refused")
        return target.uuid

    async def start_notify(
        self, target: BleakGATTCharacteristic | str, callback: Callable[[Any, bytearray], None]
    ) -> None:
        name = self._name(target)
        assert name not in self._callbacks, "bleak refuses to subscribe twice"
        self._callbacks[name] = callback
        self.log.append(("notify", name))

    async def stop_notify(self, target: BleakGATTCharacteristic | str) -> None:
        name = self._name(target)
        self._callbacks.pop(name)
        self.log.append(("silence", name))

    async def write_gatt_char(
        self, target: BleakGATTCharacteristic | str, data: bytes, *, response: bool
    ) -> None:
        name = self._name(target)
        self.log.append(("write", name, bytes(data).hex(" "), response))
        if name in self.holds:
            self.holds[name] = bytes(data)
        for answer in self.answers.get(bytes(data).hex(), []):
            self.say(answer)

    async def read_gatt_char(self, target: BleakGATTCharacteristic | str) -> bytearray:
        name = self._name(target)
        self.log.append(("read", name))
        if name not in self.holds:
            raise BleakError("Read Not Permitted")
        return bytearray(self.holds[name])

    async def disconnect(self) -> None:
        self.is_connected = False
        self.log.append(("disconnect",))

    def say(self, payload: bytes) -> None:
        for callback in list(self._callbacks.values()):
            callback(None, bytearray(payload))

    @property
    def writes(self) -> list[str]:
        return [entry[2] for entry in self.log if entry[0] == "write"]

    @property
    def steps(self) -> list[str]:
        return [entry[0] for entry in self.log]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let units that do not answer be given up on soon, and need no time between commands."""
    sleep = asyncio.sleep
    monkeypatch.setattr(talk_module, "REPLY_TIMEOUT_S", 0.02)
    monkeypatch.setattr(asyncio, "sleep", lambda _s: sleep(0))


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def started(driver: Driver, unit: FakeUnit) -> list[bytes]:
    received: list[bytes] = []
    run(driver.start(unit, received.append))  # type: ignore[arg-type]
    return received


def driver(name: str, stream: str | None = None, rate_hz: float | None = None) -> Driver:
    return driver_for(load_profiles()[name], stream=stream, rate_hz=rate_hz)


def whole(profile: Profile, **settings: Any) -> FakeUnit:
    """Return a unit with all characteristics that a profile speaks of."""
    uuids = {stream.uuid for stream in profile.streams.values()} | set(profile.writable)
    if profile.battery:
        uuids.add(profile.battery.uuid)
    unit = FakeUnit(*sorted(uuids), **settings)
    if profile.id == "nordic_thingy52":
        unit.holds[profile.writable[0]] = bytes.fromhex("f401 f401 f401 0a00 01")
    return unit


# ---------------------------------------------------------------- DOT

DOT_UUIDS = [DOT.format(n) for n in ("1002", "2001", "2002", "2003", "2004", "3001")]
RATE_60 = "10 " + "00 " * 23 + "3c 00" + " 00" * 6


@pytest.mark.parametrize(
    ("room", "stream", "code", "uuid"),
    [
        (244, "mode_26", "1a", "2002"),
        (44, "mode_26", "1a", "2002"),
        (43, "mode_24", "18", "2003"),
        (32, "mode_24", "18", "2003"),
        (31, "mode_5", "05", "2004"),
        (20, "mode_5", "05", "2004"),
    ],
)
def test_a_dot_sends_as_much_as_the_link_carries(
    room: int, stream: str, code: str, uuid: str
) -> None:
    unit, dot = FakeUnit(*DOT_UUIDS, room=room), driver("movella_dot")
    started(dot, unit)
    assert dot.stream == stream
    assert unit.log == [
        ("notify", DOT.format(uuid)),
        ("read", DOT.format("1002")),
        ("write", DOT.format("1002"), RATE_60, True),
        ("read", DOT.format("1002")),  # what it made of it
        ("write", DOT.format("2001"), f"01 01 {code}", True),
    ]
    unit.log.clear()
    run(dot.stop(unit))  # type: ignore[arg-type]
    assert unit.log == [
        ("write", DOT.format("2001"), f"01 00 {code}", True),
        ("silence", DOT.format(uuid)),
    ]


def test_the_negotiated_size_counts_where_the_characteristic_does_not_know_it() -> None:
    unit, dot = FakeUnit(*DOT_UUIDS, room=20), driver("movella_dot")
    unit.mtu_size = 47
    started(dot, unit)
    assert dot.stream == "mode_26"


def test_a_dot_that_has_the_rate_already_keeps_it() -> None:
    unit = FakeUnit(*DOT_UUIDS)
    unit.holds[DOT.format("1002")] = bytes.fromhex("00 07" + "55" * 22 + "3c00" + "00" * 6)
    started(driver("movella_dot"), unit)
    assert unit.writes == ["01 01 1a"]
    unit.log.clear()
    started(driver("movella_dot", rate_hz=30), FakeUnit(*DOT_UUIDS))
    other = FakeUnit(*DOT_UUIDS)
    other.holds = unit.holds
    started(driver("movella_dot", rate_hz=30), other)
    assert other.writes == [RATE_60.replace("3c", "1e"), "01 01 1a"]


def test_a_stream_that_was_asked_for_is_used() -> None:
    dot = driver("movella_dot", "mode_5")
    started(dot, FakeUnit(*DOT_UUIDS))
    assert dot.stream == "mode_5"


def test_what_a_dot_sends_is_handed_on_and_read() -> None:
    unit, dot = FakeUnit(*DOT_UUIDS), driver("movella_dot")
    received = started(dot, unit)
    payload = struct.pack("<I10f", 5, 1.0, *[0.0] * 9)
    unit.say(payload)
    assert received == [payload]
    assert type(received[0]) is bytes
    assert dot.decode(received[0]) == [
        Reading(5, None, (1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    ]


def test_counts_of_what_was_rejected_go_on_when_the_link_comes_back_smaller() -> None:
    dot = driver("movella_dot")
    started(dot, FakeUnit(*DOT_UUIDS))
    dot.decode(b"\0" * 20)
    started(dot, FakeUnit(*DOT_UUIDS, room=20))
    assert dot.stream == "mode_5"
    dot.decode(b"\0" * 19)
    assert dot.rejected == {"too_short": 2}


def test_a_driver_knows_what_a_session_writes_down_of_a_unit() -> None:
    unit = Unit(segment=Segment.THIGH, side=Side.RIGHT, **driver("movella_dot").unit_fields())
    assert (unit.tick_s, unit.time_bits, unit.heading, unit.rate_hz) == (1e-6, 32, "magnetic", 60)
    fields = driver("hipturn_reference", rate_hz=120).unit_fields()
    assert (fields["rate_hz"], fields["sequence_bits"], fields["tick_s"]) == (120, 16, 1e-6)
    assert driver("bluest").unit_fields()["tick_s"] is None
    assert driver("capture2go").unit_fields()["time_bits"] == 63
    assert driver("metamotion_bmi160", "ndof").unit_fields()["heading"] == "magnetic"


def test_a_stream_or_rate_that_the_unit_lacks_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="has no stream 'mode_9': choose one of mode_26"):
        driver("movella_dot", "mode_9")
    with pytest.raises(ValueError, match="cannot send at 120 Hz: choose one of 1, 4, 10"):
        driver("movella_dot", rate_hz=120)


# ---------------------------------------------------------------- all units


@pytest.mark.parametrize("name", sorted(load_profiles()))
def test_every_unit_is_subscribed_to_before_anything_is_sent(name: str) -> None:
    unit, one = whole(load_profiles()[name]), driver(name)
    started(one, unit)
    assert unit.steps[0] == "notify"
    silences = [i for i, step in enumerate(unit.steps) if step == "silence"]
    assert unit.steps[(silences or [-1])[-1] + 1] == "notify"
    written = {entry[1] for entry in unit.log if entry[0] == "write"}
    assert written <= set(one.profile.writable)


@pytest.mark.parametrize("name", sorted(load_profiles()))
def test_leaving_a_unit_that_went_away_raises_nothing(name: str) -> None:
    unit, one = whole(load_profiles()[name]), driver(name)
    started(one, unit)
    unit.refuses = {c.uuid for c in unit.services.characteristics.values()}
    run(one.stop(unit))  # type: ignore[arg-type]
    run(one.stop(FakeUnit()))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(load_profiles()))
def test_starting_again_after_a_lost_link_works(name: str) -> None:
    one = driver(name)
    first, second = (whole(load_profiles()[name]) for _ in range(2))
    started(one, first)
    started(one, second)
    listened_to = 1 + (name == "polar_verity_sense")  # it answers commands elsewhere
    assert second.steps.count("notify") - second.steps.count("silence") == listened_to


@pytest.mark.parametrize("name", sorted(load_profiles()))
def test_a_unit_that_refuses_what_it_must_do_is_not_taken_for_started(name: str) -> None:
    profile = load_profiles()[name]
    unit = whole(profile)
    unit.refuses = set(profile.writable) or {s.uuid for s in profile.streams.values()}
    with pytest.raises((BleakError, RadioError)):
        started(driver(name), unit)


def test_a_missing_characteristic_is_an_error_of_the_radio() -> None:
    with pytest.raises(BleakError):
        started(driver("movella_dot"), FakeUnit(DOT.format("1002"), DOT.format("2001")))


# ---------------------------------------------------------------- other units by profile


def test_a_thingy_keeps_its_other_settings() -> None:
    profile = load_profiles()["nordic_thingy52"]
    unit = whole(profile)
    started(driver("nordic_thingy52"), unit)
    assert unit.writes == ["f4 01 f4 01 f4 01 64 00 01"]
    unit.holds[profile.writable[0]] = bytes.fromhex("f401 f401 f401 6400 01")
    again = whole(profile)
    again.holds = unit.holds
    started(driver("nordic_thingy52"), again)
    assert again.writes == []


@pytest.mark.parametrize("held", [b"", b"\0" * 7])
def test_settings_that_are_shorter_than_expected_are_not_written(held: bytes) -> None:
    profile = load_profiles()["nordic_thingy52"]
    unit = whole(profile)
    unit.holds[profile.writable[0]] = held
    with pytest.raises(RadioError):
        started(driver("nordic_thingy52"), unit)
    assert unit.writes == []


def test_what_would_harm_a_unit_together_with_what_it_holds_is_not_written() -> None:
    text = """
        schema = 1
        name = "Patch"
        heading = "magnetic"
        write = ["15171002-4947-11e9-8646-d663bd873d93"]
        match = { name_prefix = "X" }
        rates = { allowed = [60], default = 60 }
        setup = [{ bytes = "02 00", patch_at = 0 }]
        [stream.one]
        uuid = "15172004-4947-11e9-8646-d663bd873d93"
        length = 20
        field.quat = { offset = 4, type = "f32" }
    """
    unit = FakeUnit(*DOT_UUIDS)
    unit.holds[DOT.format("1002")] = bytes.fromhex("00 00 01" + "00" * 29)
    profile = parse_profile(tomllib.loads(text), "patch")
    with pytest.raises(RadioError, match=r"02 00 01 .* switches the unit off"):
        started(driver_for(profile), unit)
    assert unit.writes == []


WIT_SETTINGS = {  # register → what is written to it, at 50 Hz
    0x96: 0,
    0x23: 0,
    0x24: 1,
    0x03: 8,
}


def witmotion(kept: dict[int, int]) -> FakeUnit:
    """Return a WitMotion that says what its registers hold, among its samples."""
    unit = whole(load_profiles()["witmotion_ble5"])
    for register, value in kept.items():
        reply = b"\x55\x71" + bytes((register, 0)) + struct.pack("<8h", value, *[0] * 7)
        unit.answers[f"ffaa27{register:02x}00"] = [b"\x55\x61" + bytes(18), reply]
    return unit


def test_a_witmotion_is_set_up_without_saving_and_read_back() -> None:
    unit = witmotion(WIT_SETTINGS)
    started(driver("witmotion_ble5", rate_hz=50), unit)
    assert unit.writes == [
        "ff aa 69 88 b5",
        *(
            text
            for register, value in WIT_SETTINGS.items()
            for text in (f"ff aa {register:02x} {value:02x} 00", f"ff aa 27 {register:02x} 00")
        ),
    ]
    done = len(unit.writes)
    run(driver("witmotion_ble5").stop(unit))  # type: ignore[arg-type]
    assert unit.writes[done:] == []


def test_a_witmotion_that_does_not_answer_is_asked_once_and_believed() -> None:
    unit = witmotion({})
    started(driver("witmotion_ble5", rate_hz=50), unit)
    assert [text for text in unit.writes if text.startswith("ff aa 27")] == ["ff aa 27 96 00"]
    assert unit.writes[-1] == "ff aa 03 08 00"


@pytest.mark.parametrize(
    ("register", "kept", "told"),
    [
        (0x96, 1, r"output content \(register 0x96\) 00 00 and says 01 00"),
        (0x23, 1, r"mounting \(register 0x23\)"),
        (0x03, 6, r"rate \(register 0x03\) 08 00 and says 06 00"),
    ],
)
def test_a_witmotion_that_keeps_another_setting_is_refused(
    register: int, kept: int, told: str
) -> None:
    with pytest.raises(RadioError, match=told) as caught:
        started(driver("witmotion_ble5", rate_hz=50), witmotion(WIT_SETTINGS | {register: kept}))
    assert caught.value.trouble is Trouble.REJECTED


def test_a_period_that_was_not_taken_is_said() -> None:
    profile = load_profiles()["adafruit_quaternion"]
    unit = whole(profile)
    write = unit.write_gatt_char

    async def rounds(target: Any, data: bytes, *, response: bool) -> None:
        await write(target, struct.pack("<i", 100), response=response)

    unit.holds[profile.writable[0]] = struct.pack("<i", 100)
    started(driver("adafruit_quaternion"), unit)  # it takes what it is told
    unit = whole(profile)
    unit.holds[profile.writable[0]] = struct.pack("<i", 100)
    unit.write_gatt_char = rounds  # type: ignore[method-assign]
    with pytest.raises(RadioError, match="period 0a 00 00 00 and says 64 00 00 00"):
        started(driver("adafruit_quaternion"), unit)


def test_a_nicla_is_told_the_rate_and_stopped_with_none() -> None:
    unit, nicla = whole(load_profiles()["arduino_nicla_sense_me"]), driver("arduino_nicla_sense_me")
    started(nicla, unit)
    assert unit.writes == ["25 00 00 c8 42 00 00 00 00"]
    run(nicla.stop(unit))  # type: ignore[arg-type]
    assert unit.writes[1:] == ["25 00 00 00 00 00 00 00 00"]


def test_of_several_periods_the_one_beside_the_stream_is_set() -> None:
    profile = load_profiles()["adafruit_quaternion"]
    unit = FakeUnit()
    period = profile.writable[0]
    for service in ("adaf0200", "adaf0d00", "adaf0400"):
        unit.add(period, service=f"{service}-c332-42a8-93bd-25e905756cb8")
        if service == "adaf0d00":
            unit.add(
                profile.streams["quaternion"].uuid,
                service="adaf0d00-c332-42a8-93bd-25e905756cb8",
            )
    services = []
    write = unit.write_gatt_char

    async def spy(target: Any, data: bytes, *, response: bool) -> None:
        services.append(target.service_uuid)
        await write(target, data, response=response)

    unit.write_gatt_char = spy  # type: ignore[method-assign]
    started(driver("adafruit_quaternion"), unit)
    assert unit.writes == ["0a 00 00 00"]
    assert services == ["adaf0d00-c332-42a8-93bd-25e905756cb8"]


def test_a_mocopi_is_started() -> None:
    unit = whole(load_profiles()["sony_mocopi"])
    started(driver("sony_mocopi"), unit)
    assert unit.writes == ["7e 03 18 d6 01 00 00"]


def test_a_unit_without_the_first_stream_sends_the_second() -> None:
    profile = load_profiles()["bluest"]
    bluest = driver("bluest")
    started(bluest, FakeUnit(profile.streams["float"].uuid))
    assert bluest.stream == "float"


def test_a_write_is_acknowledged_where_the_characteristic_offers_it() -> None:
    profile = load_profiles()["hipturn_reference"]
    unit = FakeUnit(profile.streams["samples"].uuid)
    unit.add(profile.writable[0], properties=("write-without-response",))
    started(driver("hipturn_reference"), unit)
    assert [entry[2:] for entry in unit.log if entry[0] == "write"] == [("3c 00", False)] * 2


def test_a_command_that_may_fail_fails_quietly() -> None:
    unit = whole(load_profiles()["metamotion_bmi160"])
    refused = "11 09 06 00 06 00 00 00 58 02"
    write = unit.write_gatt_char

    async def picky(target: Any, data: bytes, *, response: bool) -> None:
        if data.hex(" ") == refused:
            raise BleakError("refused")
        await write(target, data, response=response)

    unit.write_gatt_char = picky  # type: ignore[method-assign]
    started(driver("metamotion_bmi160"), unit)
    assert unit.writes[-1] == "19 01 01"


# ---------------------------------------------------------------- battery


@pytest.mark.parametrize(
    ("name", "short", "held", "percent"),
    [
        ("movella_dot", DOT.format("3001"), b"\x2a\x01", 42),
        ("metamotion_bmi160", "2a19", b"\x64", 100),
        ("nordic_thingy52", "2a19", b"\x00", 0),
        ("movesense", "2a19", b"\x37", 55),
        ("nordic_thingy52", "2a19", b"\xff", None),
        ("nordic_thingy52", "2a19", b"", None),
        ("arduino_ble_imu", "2a19", b"\x37", None),
    ],
)
def test_the_charge_is_read(name: str, short: str, held: bytes, percent: int | None) -> None:
    unit = FakeUnit(uuid_of(short))
    unit.holds[uuid_of(short)] = held
    assert run(driver(name).battery(unit)) == percent  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(load_profiles()))
def test_a_unit_that_does_not_tell_its_charge_is_no_error(name: str) -> None:
    assert run(driver(name).battery(FakeUnit())) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("volts", "percent"), [(420, 100), (397, 100), (396, 90), (380, 50), (341, 5), (340, 0)]
)
@pytest.mark.parametrize("streaming", [True, False])
def test_a_witmotion_tells_its_charge_among_its_samples(
    volts: int, percent: int, streaming: bool
) -> None:
    unit, wit = whole(load_profiles()["witmotion_ble5"]), driver("witmotion_ble5")
    samples = b"\x55\x61" + bytes(18)
    unit.answers["ffaa276400"] = [
        samples,
        samples + b"\x55\x71\x64\x00" + struct.pack("<8h", volts, *[0] * 7),
    ]

    async def ask() -> int | None:
        if streaming:
            await wit.start(unit, lambda _: None)  # type: ignore[arg-type]
        return await wit.battery(unit)  # type: ignore[arg-type]

    assert run(ask()) == percent
    assert unit.steps.count("notify") - unit.steps.count("silence") == int(streaming)


# ---------------------------------------------------------------- MetaMotion

IMU_PLUS = (
    "11 09 06 00 06 00 00 00 58 02|19 02 02 12|{}|13 03 28 00|19 07 01|03 02 01 00|13 02 01 00|"
    "03 01 01|13 01 01|19 03 08 00|19 01 01"
)
NDOF = (
    "11 09 06 00 06 00 00 00 58 02|19 02 01 12|{}|13 03 28 00|15 04 04 0e|15 03 06|19 07 01|"
    "03 02 01 00|13 02 01 00|15 02 01 00|03 01 01|13 01 01|15 01 01|19 03 08 00|19 01 01"
)
STOP = "19 01 00|19 03 00 7f|03 01 00|13 01 00|03 02 00 01|13 02 00 01|19 07 00"


@pytest.mark.parametrize("named", ["metamotion_bmi160", "metamotion_bmi270"])
@pytest.mark.parametrize(
    ("chip", "known", "accelerometer"),
    [(1, "metamotion_bmi160", "03 03 28 08"), (4, "metamotion_bmi270", "03 03 a8 02")],
)
@pytest.mark.parametrize(("stream", "commands"), [("imu_plus", IMU_PLUS), ("ndof", NDOF)])
def test_a_metamotion_is_set_up_for_the_chip_that_is_in_it(
    named: str, chip: int, known: str, accelerometer: str, stream: str, commands: str
) -> None:
    unit, meta = whole(load_profiles()[named]), driver(named, stream)
    unit.answers["0380"] = [b"\x19\x07" + bytes(16), bytes((0x03, 0x80, chip, 2))]
    sent = commands.format(accelerometer).split("|")
    asked = ["19 82", "03 83", "13 83"]
    for question, written in zip(asked, sent[1:4], strict=True):
        answer = bytes.fromhex(question) + bytes.fromhex(written)[2:]
        unit.answers[question.replace(" ", "")] = [b"\x19\x07" + bytes(16), answer]
    started(meta, unit)
    assert meta.profile.id == known
    assert unit.steps[:4] == ["notify", "write", "silence", "notify"]
    assert [text for text in unit.writes if text not in asked] == ["03 80", *sent]
    assert [text for text in unit.writes if text in asked] == asked
    unit.log.clear()
    run(meta.stop(unit))  # type: ignore[arg-type]
    if stream == "imu_plus":
        assert unit.writes == STOP.split("|")


def test_a_metamotion_is_asked_for_its_chip_once() -> None:
    meta = driver("metamotion_bmi160")
    for number in range(2):
        unit = whole(meta.profile)
        unit.answers["0380"] = [b"\x03\x80\x04\x02"]
        started(meta, unit)
        assert ("03 80" in unit.writes) is (number == 0)


@pytest.mark.parametrize(
    ("question", "says", "told"),
    [
        ("1982", "1982 01 12", r"fusion \(IMU_PLUS, 6-axis.*02 12 and says 01 12"),
        ("1982", "1982 02 11", r"fusion .*02 12 and says 02 11"),
        ("0383", "0383 27 08", "rate of the accelerometer 28 and says 27"),
        ("1383", "1383 26 00", "rate of the gyroscope 28 and says 26"),
    ],
)
def test_a_metamotion_that_keeps_another_setting_is_refused(
    question: str, says: str, told: str
) -> None:
    unit = whole(load_profiles()["metamotion_bmi160"])
    kept = {"1982": "1982 02 12", "0383": "0383 28 08", "1383": "1383 28 00", question: says}
    unit.answers = {ask: [bytes.fromhex(answer)] for ask, answer in kept.items()}
    with pytest.raises(RadioError, match=told) as caught:
        started(driver("metamotion_bmi160"), unit)
    assert caught.value.trouble is Trouble.REJECTED


def test_a_metamotion_that_does_not_say_is_taken_for_what_its_profile_says() -> None:
    unit, meta = whole(load_profiles()["metamotion_bmi270"]), driver("metamotion_bmi270")
    started(meta, unit)
    assert meta.profile.id == "metamotion_bmi270"
    assert "03 03 a8 02" in unit.writes


def test_a_metawear_without_a_gyroscope_is_refused_in_words() -> None:
    unit = whole(load_profiles()["metamotion_bmi160"])
    unit.answers["0380"] = [b"\x03\x80\x00\x01"]
    with pytest.raises(RadioError, match="without orientation on board") as caught:
        started(driver("metamotion_bmi160"), unit)
    assert caught.value.trouble is Trouble.MISFIT


# ---------------------------------------------------------------- Movesense


def block(time_ms: int, samples: int, first: float = 0.0) -> bytes:
    acc = [float(n) for n in range(3 * samples)]
    gyr = [first + n for n in range(3 * samples)]
    return struct.pack(f"<BBI{6 * samples}f", 2, 99, time_ms, *acc, *gyr)


def test_a_movesense_is_asked_by_path_and_told_to_stop() -> None:
    unit, sense = whole(load_profiles()["movesense"]), driver("movesense")
    unit.answers[(b"\x01\x63/Meas/IMU6/104").hex()] = [b"\x01\x63\xc8\x00"]
    started(sense, unit)
    assert unit.steps == ["notify", "write"]
    assert unit.writes == [b"\x01\x63/Meas/IMU6/104".hex(" ")]
    run(sense.stop(unit))  # type: ignore[arg-type]
    assert unit.writes[1:] == ["02 63"]
    assert unit.steps[2:] == ["write", "silence"]


def test_a_movesense_that_refuses_a_rate_says_so() -> None:
    unit = whole(load_profiles()["movesense"])
    unit.answers[(b"\x01\x63/Meas/IMU6/208").hex()] = [b"\x01\x63\x94\x01"]
    with pytest.raises(RadioError, match=r"refuses /Meas/IMU6/208 \(status 404\)") as caught:
        started(driver("movesense", rate_hz=208), unit)
    assert caught.value.trouble is Trouble.REJECTED


def test_a_block_of_a_movesense_holds_accelerations_then_rotation_rates() -> None:
    readings = driver("movesense").decode(block(2**32 - 5, 8, first=90.0))
    assert len(readings) == 8
    assert readings[1].acc == (3.0, 4.0, 5.0)
    assert readings[1].gyr == pytest.approx([math.radians(n) for n in (93, 94, 95)])
    assert readings[0].q is None
    # 104 Hz in milliseconds, past the wrap.
    times = [(2**32 - 5 + round(1000 * i / 104)) % 2**32 for i in range(8)]
    assert [reading.device_time for reading in readings] == times


@pytest.mark.parametrize("cut", [7, 30, 102, 197])
def test_a_block_in_two_parts_is_joined(cut: int) -> None:
    sense, text = driver("movesense"), block(1000, 8)
    assert sense.decode(text[:cut]) == []
    assert sense.decode(b"\x03\x63" + text[cut:]) == driver("movesense").decode(text)
    assert sense.rejected == {}


def test_a_lost_part_costs_its_block_only() -> None:
    sense, text = driver("movesense"), block(1000, 8)
    first, second = text[:102], b"\x03\x63" + text[102:]
    assert sense.decode(second) == []
    assert sense.decode(first) == []
    assert sense.decode(first) == []
    assert len(sense.decode(second)) == 8
    assert sense.rejected == {"part_missing": 2}


def test_blocks_of_another_size_are_read_when_the_next_one_comes() -> None:
    sense = driver("movesense")
    assert sense.decode(block(0, 4)) == []
    assert [r.device_time for r in sense.decode(block(38, 4))] == [0, 10, 19, 29]


def test_messages_for_others_and_impossible_numbers_are_not_samples() -> None:
    sense = driver("movesense")
    assert sense.decode(b"\x02\x05" + bytes(200)) == []
    assert sense.decode(b"") == []
    assert sense.decode(b"\x01\x63\xc8\x00") == []
    assert sense.rejected == {"other_message": 3}
    bad = bytearray(block(0, 8))
    bad[6:10] = struct.pack("<f", math.nan)
    assert len(sense.decode(bytes(bad))) == 7
    assert sense.rejected["not_finite"] == 1


# ---------------------------------------------------------------- Polar

ACC_START = "02 02 00 01 34 00 01 01 10 00 02 01 08 00 04 01 03"
GYR_START = "02 05 00 01 34 00 01 01 10 00 02 01 d0 07 04 01 03"


def polar_frame(kind: int, last_ms: int, rows: Sequence[tuple[int, int, int]]) -> bytes:
    """Return a frame of a first sample and differences of a byte each."""
    deltas = [
        b - a for one, other in itertools.pairwise(rows) for a, b in zip(one, other, strict=True)
    ]
    block = bytes((8, len(rows) - 1)) + struct.pack(f"{len(deltas)}b", *deltas) if deltas else b""
    return struct.pack("<BQB3h", kind, last_ms * 10**6, 0x80, *rows[0]) + block


def polar_unit(answers: dict[str, list[str]]) -> FakeUnit:
    unit = whole(load_profiles()["polar_verity_sense"])
    for command, replies in answers.items():
        unit.answers[command.replace(" ", "")] = [bytes.fromhex(text) for text in replies]
    return unit


def test_a_polar_unit_is_asked_for_both_and_its_factors_count() -> None:
    sense = driver("polar_verity_sense")
    unit = polar_unit(
        {
            ACC_START: ["f0 02 02 00 00 05 01" + struct.pack("<f", 0.5).hex()],
            GYR_START: ["f0 02 05 00 00 00 01 34 00 05 01" + struct.pack("<f", 2.0).hex()],
        }
    )
    started(sense, unit)
    assert unit.writes == [ACC_START, GYR_START]
    assert sense.decode(polar_frame(2, 100, [(2, 0, 0), (4, 0, 0)])) == []
    (first, second) = sense.decode(polar_frame(5, 100, [(0, 45, 0), (0, 0, -45)]))
    assert first.acc == pytest.approx((9.80665, 0.0, 0.0), abs=1e-6)
    assert second.acc == pytest.approx((2 * 9.80665, 0.0, 0.0), abs=1e-6)
    assert second.gyr == pytest.approx((0.0, 0.0, -math.pi / 2))
    assert (second.device_time, first.device_time) == (100 * 10**6, 100 * 10**6 - round(1e9 / 52))
    unit.log.clear()
    run(sense.stop(unit))  # type: ignore[arg-type]
    assert unit.writes == ["03 05", "03 02"]
    assert unit.steps == ["write", "write", "silence", "silence"]


def test_a_polar_measurement_that_was_left_on_is_started_anew() -> None:
    unit = polar_unit({ACC_START: ["f0 02 02 06 00"]})
    with pytest.raises(RadioError, match=r"refuses to send acceleration \(status 6\)"):
        started(driver("polar_verity_sense"), unit)
    assert unit.writes == [ACC_START, "03 02", ACC_START]


def test_a_polar_unit_that_records_is_refused_in_words() -> None:
    unit = polar_unit({ACC_START: ["f0 02 02 00 00"], GYR_START: ["f0 02 05 0c 00"]})
    with pytest.raises(RadioError, match=r"refuses to send rotation rate.*end its recording"):
        started(driver("polar_verity_sense"), unit)


def test_rotation_rates_wait_for_acceleration_and_a_lost_frame_costs_its_own_only() -> None:
    sense, still = driver("polar_verity_sense"), [(0, 0, 4096)] * 26
    assert sense.decode(polar_frame(5, 500, [(0, 0, 0)] * 26)) == []
    assert len(sense.decode(polar_frame(2, 498, still))) == 25  # the last is after them all
    assert len(sense.decode(polar_frame(2, 998, still))) == 1
    # the frame of acceleration until 1498 ms is lost
    assert len(sense.decode(polar_frame(5, 1000, [(0, 0, 0)] * 26))) == 25
    assert sense.decode(polar_frame(5, 1500, [(0, 0, 0)] * 26)) == []
    read = sense.decode(polar_frame(2, 1998, still))
    assert len(read) == 1 + 26 - sense.rejected["part_missing"]
    assert 20 <= sense.rejected["part_missing"] <= 27


def test_frames_that_are_cut_or_of_another_kind_are_no_samples() -> None:
    sense, whole_frame = driver("polar_verity_sense"), polar_frame(2, 9, [(1, 2, 3), (4, 5, 6)])
    for cut in (1, 9, 15, 17, len(whole_frame) - 1):
        assert sense.decode(whole_frame[:cut]) == []
    assert sense.rejected == {"too_short": 5}
    assert sense.decode(b"\x01" + whole_frame[1:]) == []  # of the pulse
    assert sense.decode(whole_frame[:9] + b"\x83" + whole_frame[10:]) == []  # of an unknown form
    assert sense.decode(b"") == []
    assert sense.rejected["other_message"] == 3
    for _ in range(20):
        sense.decode(polar_frame(5, 9, [(0, 0, 0)] * 50))
    assert sense.rejected["part_missing"] == 20 * 50 - 256  # no acceleration ever came


# ---------------------------------------------------------------- Capture2Go


def package(header: int, body: bytes = b"") -> bytes:
    checked = struct.pack("<H", header) + body
    return b"\x02" + struct.pack("<IB", zlib.crc32(checked), len(body)) + checked


def packed_quaternion(q: Sequence[float]) -> int:
    """Return a quaternion in 64 bits, written from the maker's description."""
    biggest = max(range(4), key=lambda i: abs(q[i]))
    sign = 1 if q[biggest] > 0 else -1
    packed = biggest << 60
    for place, i in enumerate((1, 2, 3)):
        value = sign * q[(biggest + i) % 4]
        packed |= round((value + math.sqrt(0.5)) * 0xFFFFF / math.sqrt(2)) << (40 - 20 * place)
    return packed


STATUS = struct.pack("<q2B3h3B", 5, 1, 2, 0, 0, 0, 0, 128 + 77, 50)
FULL = package(
    0x0252,
    struct.pack(
        "<q3h3hQhB", 123456789, 0, 16384, 0, 0, 0, 2048, packed_quaternion((0.8, 0, 0, 0.6)), 99, 0
    ),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: math.hypot(*q) > 0.1))
def test_quaternions_in_64_bits_come_out_as_they_went_in(numbers: list[float]) -> None:
    q = [number / math.hypot(*numbers) for number in numbers]
    found = unpack_quaternion(packed_quaternion(q) | 3 << 62)
    assert not isinstance(found, Reason)
    # The same rotation, to the 20 bits that each number has.
    assert abs(sum(a * b for a, b in zip(q, found, strict=True))) == pytest.approx(1, abs=1e-10)


def test_the_three_streams_of_a_capture2go() -> None:
    one = driver("capture2go")
    reading = one.decode(b"\xff" + FULL)[0]
    assert reading.device_time == 123456789
    assert reading.q == pytest.approx((0.8, 0, 0, 0.6), abs=2e-6)
    assert reading.gyr == pytest.approx((0, math.radians(1000), 0))
    assert reading.acc == pytest.approx((0, 0, 9.81))
    body = struct.pack("<q4ff3B", -1, 0.8, 0.0, 0.0, 0.6, 1.5, 1, 0, 0)
    assert len(body) == 31
    reading = one.decode(b"\xff" + package(0x0292, body))[0]
    assert reading.q == pytest.approx((0.8, 0, 0, 0.6))
    assert reading.device_time == 2**63 - 1
    body = struct.pack("<qQhB", 7, packed_quaternion((0, -0.6, 0.8, 0)), 0, 0)
    assert len(body) == 19
    found = one.decode(b"\xff" + package(0x0282, body))[0].q
    assert found == pytest.approx((0, -0.6, 0.8, 0), abs=2e-6)
    assert one.rejected == {}


@pytest.mark.parametrize("size", [1, 5, 20, 244])
def test_packages_are_found_wherever_notifications_cut_them(size: int) -> None:
    one, text = driver("capture2go"), FULL * 20
    found = []
    for at in range(0, len(text), size):
        found += one.decode(b"\xff" + text[at : at + size])
    assert len(found) == 20
    assert one.rejected == {}


def test_real_time_packages_come_before_the_rest() -> None:
    one = driver("capture2go")
    real_time = package(0x0287, struct.pack("<qQhB", 1, packed_quaternion((1, 0, 0, 0)), 0, 0))
    readings = one.decode(b"\xff" + FULL[:10])
    readings += one.decode(b"\xfd" + real_time + real_time + FULL[10:])
    assert [reading.device_time for reading in readings] == [1, 1, 123456789]


def test_a_changed_byte_is_noticed_and_the_next_package_read() -> None:
    for at in range(len(FULL)):
        one, wrong = driver("capture2go"), bytearray(FULL)
        wrong[at] ^= 0x10
        found = [r for text in (wrong, FULL, FULL, FULL * 4) for r in one.decode(b"\xff" + text)]
        assert 5 <= len(found) <= 6, at
        assert one.rejected == {"checksum": 1}, at


def test_a_capture2go_is_told_what_to_measure() -> None:
    unit, one = whole(load_profiles()["capture2go"]), driver("capture2go")
    unit.answers[package(0x0200).hex()] = [b"\xff" + package(0x0201, STATUS)]
    started(one, unit)
    mode = "00" * 8 + "00 02 00 00 00 00 01 00" + "0000" + "00" + "00" * 8 + "00 00 01"
    assert unit.writes == [
        package(0x0200).hex(" "),
        package(0x0120, bytes.fromhex(mode)).hex(" "),
        package(0x0150).hex(" "),
    ]
    run(one.stop(unit))  # type: ignore[arg-type]
    assert unit.writes[3:] == [package(0x0152).hex(" ")]


def test_a_capture2go_says_what_it_was_set_to() -> None:
    unit, one = whole(load_profiles()["capture2go"]), driver("capture2go")
    mode = bytes.fromhex("00" * 8 + "00 02 00 00 00 00 01 00" + "0000" + "00" * 9 + "00 00 01")
    command = package(0x0120, mode)
    applied = struct.pack("<q", 77) + mode[8:]  # with the time at which it counts
    answer = package(0x0122, applied)
    unit.answers[command.hex()] = [b"\xff" + answer[:11], b"\xfe" + FULL + answer[11:]]
    started(one, unit)
    assert unit.writes[-1] == package(0x0150).hex(" ")

    at_50_hz = applied[:9] + b"\x03" + applied[10:]
    unit.answers[command.hex()] = [b"\xff" + package(0x0122, at_50_hz)]
    unit.log.clear()
    run(one.stop(unit))  # type: ignore[arg-type]
    with pytest.raises(RadioError, match=r"mode 00 02 00 .* and says 00 03 00") as caught:
        started(one, unit)
    assert caught.value.trouble is Trouble.REJECTED
    assert package(0x0150).hex(" ") not in unit.writes


@pytest.mark.parametrize(("stream", "place"), [("quat_float", 11), ("quat_fixed", 12)])
def test_other_streams_of_a_capture2go_turn_on_another_byte(stream: str, place: int) -> None:
    unit = whole(load_profiles()["capture2go"])
    started(driver("capture2go", stream, 200), unit)
    body = bytes.fromhex(unit.writes[1])[8:]
    assert [i for i in range(8, 14) if body[i]] == [place]
    assert body[place] == 1


def test_a_capture2go_that_streams_already_is_stopped_first() -> None:
    unit = whole(load_profiles()["capture2go"])
    streaming = STATUS[:8] + b"\x02" + STATUS[9:]
    unit.answers[package(0x0200).hex()] = [b"\xff" + package(0x0201, streaming)]
    started(driver("capture2go"), unit)
    assert unit.writes[1] == package(0x0158).hex(" ")


def test_a_capture2go_that_records_is_left_alone() -> None:
    unit = whole(load_profiles()["capture2go"])
    recording = STATUS[:8] + b"\x03" + STATUS[9:]
    unit.answers[package(0x0200).hex()] = [b"\xff" + package(0x0201, recording)]
    with pytest.raises(RadioError, match="recording to its own memory") as caught:
        started(driver("capture2go"), unit)
    assert caught.value.trouble is Trouble.BUSY
    assert len(unit.writes) == 1


@pytest.mark.parametrize("streaming", [True, False])
def test_a_capture2go_tells_its_charge(streaming: bool) -> None:
    unit, one = whole(load_profiles()["capture2go"]), driver("capture2go")
    unit.answers[package(0x0200).hex()] = [b"\xff" + package(0x0201, STATUS)]

    async def ask() -> int | None:
        if streaming:
            await one.start(unit, one.decode)  # type: ignore[arg-type]
        return await one.battery(unit)  # type: ignore[arg-type]

    assert run(ask()) == 77
    assert unit.steps.count("notify") - unit.steps.count("silence") == int(streaming)


# ---------------------------------------------------------------- DOT synchronisation

SYNC_UUIDS = [DOT.format("7001"), DOT.format("7002")]


def test_the_synchronisation_command_is_the_captured_one() -> None:
    assert sync_command("DB:F0:3F:28:7A:C9").hex(" ") == "02 07 01 c9 7a 28 3f f0 db 81"


@pytest.mark.parametrize("address", ["", "0A6B1F1E-5D1F-4E36-8A0B-0D9C6F1E7B22", "1:2:3:4:5:x"])
def test_without_an_address_there_is_no_synchronisation(address: str) -> None:
    with pytest.raises(ValueError, match="on a Mac use the units without synchronisation"):
        sync_command(address)


@pytest.mark.parametrize(
    ("message", "result"),
    [
        ("02020300f9", True),
        ("02020301f8", False),
        ("02020300f8", None),
        ("02020400f8", None),
        ("02080300010000cd22d42f", True),  # longer: whose clock it took over
        ("02080300010000cd22d42f0000", True),  # and what else the characteristic holds
        ("02080301010000cd22d42e", False),
        ("0208030001", None),
        ("020701010000cd22d432", None),  # the command, again
        ("0202", None),
        ("", None),
    ],
)
def test_the_answer_to_a_synchronisation(message: str, result: bool | None) -> None:
    assert sync_result(bytes.fromhex(message)) is result


def synchronised(units: list[FakeUnit], fails: int = 0) -> tuple[list[bool], list[float]]:
    slept: list[float] = []
    failures = [fails]

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def reconnect(client: Any) -> None:
        if failures[0]:
            failures[0] -= 1
            raise TimeoutError
        client.is_connected = True
        client.log.append(("connect",))

    async def set_up(client: Any) -> None:
        client.log.append(("set up",))

    done = run(synchronise(units, reconnect, set_up, sleep=sleep))  # type: ignore[arg-type]
    return done, slept


def test_all_units_take_over_the_clock_of_the_first_one_in_the_vendors_order() -> None:
    units = [FakeUnit(*SYNC_UUIDS, address=f"D4:22:CD:00:00:0{n}") for n in range(3)]
    units[0].holds = units[1].holds = {SYNC_UUIDS[1]: bytes.fromhex("02020300f9")}
    units[2].holds = {SYNC_UUIDS[1]: bytes.fromhex("02020301f8")}
    done, slept = synchronised(units, fails=2)
    assert done == [True, True, False]
    assert slept == [0.8, 14.0, 1.5]
    for unit in units:
        assert unit.writes == ["02 01 02 fb", "02 07 01 00 00 00 cd 22 d4 33"]
        assert unit.steps == ["write", "set up", "write", "disconnect", "connect", "read"]


def test_a_unit_that_still_shows_the_command_is_asked_again() -> None:
    units = [FakeUnit(*SYNC_UUIDS) for _ in range(2)]
    units[0].holds = {SYNC_UUIDS[1]: bytes.fromhex("02020300f9")}
    units[1].holds = {SYNC_UUIDS[1]: sync_command(units[0].address)}
    done, slept = synchronised(units)
    assert done == [True, False]
    assert slept == [0.8, 14.0, 1.5, 1.5, 1.5, 1.5]


def test_a_unit_that_refuses_to_stop_has_nothing_to_stop() -> None:
    units = [FakeUnit(*SYNC_UUIDS) for _ in range(2)]
    write = units[0].write_gatt_char

    async def picky(target: Any, data: bytes, *, response: bool) -> None:
        if bytes(data) == bytes.fromhex("020102fb"):
            raise BleakError("Value Not Allowed")
        await write(target, data, response=response)

    units[0].write_gatt_char = picky  # type: ignore[method-assign]
    for unit in units:
        unit.holds = {SYNC_UUIDS[1]: bytes.fromhex("02020300f9")}
    assert synchronised(units)[0] == [True, True]


def test_a_unit_that_does_not_come_back_is_an_error() -> None:
    with pytest.raises(TimeoutError):
        synchronised([FakeUnit(*SYNC_UUIDS) for _ in range(2)], fails=3)


def test_a_unit_that_does_not_answer_is_not_synchronised() -> None:
    assert synchronised([FakeUnit(*SYNC_UUIDS) for _ in range(2)])[0] == [False, False]


def test_one_unit_alone_cannot_be_synchronised() -> None:
    with pytest.raises(RadioError, match="two or more"):
        synchronised([FakeUnit(*SYNC_UUIDS)])


# ---------------------------------------------------------------- garbage


def held(one: Any) -> int:
    """Return the bytes that a driver holds back."""
    reader = getattr(one, "_reader", None)
    decoder = getattr(one, "_decoder", None)
    framing = getattr(decoder, "_framing", None)
    buffers = (
        getattr(one, "_part", b""),
        getattr(reader, "_buffer", b""),
        getattr(framing, "_buffer", b""),
    )
    return sum(map(len, buffers))


def check(readings: list[Reading], one: Driver) -> None:
    for reading in readings:
        assert reading.q is not None or (reading.acc and reading.gyr)
        assert reading.q is None or abs(norm(reading.q, FLOATS) - 1.0) < 1e-9
        assert all(map(math.isfinite, (*(reading.acc or ()), *(reading.gyr or ()))))
        assert reading.device_time is None or 0 <= reading.device_time < 2**63
    assert held(one) <= 512
    assert set(one.rejected) <= {reason.value for reason in Reason}


NEARLY = [
    block(7, 8),
    block(7, 8)[:100],
    b"\x03\x63" + block(7, 8)[100:],
    b"\xff" + FULL,
    b"\xfe" + FULL + FULL[:20],
    b"\xff" + FULL[20:],
    b"\xff" + package(0x0201, STATUS),
    b"\xff" + package(0x0292, struct.pack("<q4ff3B", 1, *[math.nan] * 4, 0, 0, 0, 0)),
    b"\xff" + package(0x0282, struct.pack("<qQhB", 1, 2**64 - 1, 0, 0)),
    b"\xff" + package(0x0252, b"short"),
    b"\x55\x61" + bytes(18),
    b"\x19\x07" + struct.pack("<4f", 1, 0, 0, 0),
    struct.pack("<I10f", 5, 1.0, *[0.0] * 9),
    b"\x25\x0c" + struct.pack("<4hH", 0, 0, 0, 16384, 0),
]


def mutated(rng: random.Random) -> bytes:
    data = bytearray(rng.choice(NEARLY))
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(3)
        if kind == 0 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 1:
            data[at:at] = rng.randbytes(rng.randrange(1, 9))
        else:
            del data[at : at + rng.randrange(1, 9)]
    return bytes(data)


@pytest.mark.parametrize("number", [5000, pytest.param(200_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", sorted(load_profiles()))
def test_thousands_of_wrong_notifications_raise_nothing_and_leave_nothing(
    name: str, number: int
) -> None:
    rng, one = random.Random(name), driver(name)  # noqa: S311
    for _ in range(number):
        wild = rng.random() < 0.3
        check(one.decode(rng.randbytes(rng.randrange(80)) if wild else mutated(rng)), one)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["movesense", "capture2go", "metamotion_bmi160", "movella_dot"]),
    st.lists(st.one_of(st.binary(max_size=600), st.sampled_from(NEARLY)), max_size=6),
)
def test_any_bytes_raise_nothing(name: str, payloads: list[bytes]) -> None:
    one = driver(name)
    for payload in payloads:
        check(one.decode(payload), one)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(sorted(load_profiles())), st.lists(st.binary(max_size=40), max_size=4))
def test_a_unit_that_answers_with_garbage_is_started_or_refused(
    name: str, answers: list[bytes]
) -> None:
    unit, one = whole(load_profiles()[name]), driver(name)
    write = unit.write_gatt_char

    async def babble(target: Any, data: bytes, *, response: bool) -> None:
        await write(target, data, response=response)
        for answer in answers:
            unit.say(answer)
            unit.say(bytes(data) + answer)

    unit.write_gatt_char = babble  # type: ignore[method-assign]

    async def session() -> None:
        try:
            await one.start(unit, one.decode)  # type: ignore[arg-type]
        except (BleakError, RadioError):
            return
        percent = await one.battery(unit)  # type: ignore[arg-type]
        assert percent is None or 0 <= percent <= 100

    run(session())
    check([], one)
