"""The virtual wearer on the air: found, connected and read like any other units, through bleak."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError

from imu.air.link import ConnectLock, LinkEvent, LinkEventKind, UnitLink
from imu.air.radio_errors import Backend
from imu.air.scan import Found, find
from imu.clocks.losses import losses
from imu.drivers import Driver, driver_for
from imu.profiles.profile import load_profiles
from imu.quaternion import FLOATS, by_rows, conjugate, normalise, rotate
from imu.sample import Sample, SampleTable, Segment, Side
from imu.virtual.chance import chance_from
from imu.virtual.on_air.air import VirtualAir
from imu.virtual.on_air.backend import backend_of
from imu.virtual.on_air.delivery import means_over, orientations_at, transmit
from imu.virtual.person.script import Still, TakePosition
from imu.virtual.units.dot_unit import DotUnit, LinkLoss
from imu.virtual.wearer import WearerSettings, Wearing, on_air

EXERCISE = "prone_windshield_wiper"
LEG = (Segment.THIGH, Segment.SHANK)
# Standing up for a while and sitting down: 9 s.
SHORT = WearerSettings(script=(Still(4.0, "stand"), TakePosition(3.0), Still(2.0, "pose")))
PLACES = [(segment, side) for side in (Side.RIGHT, Side.LEFT) for segment in LEG]
# Ends a test that hangs, and decides none.
LIMIT_S = 60.0
PAYLOADS = {5: "<I4f", 24: "<I4f3f", 26: "<I4f3f3f"}


def uuid(number: int) -> str:
    return f"1517{number:04x}-4947-11e9-8646-d663bd873d93"


@dataclass
class Session:
    """What came in from one air."""

    air: VirtualAir
    wearing: Wearing
    found: list[Found] = field(default_factory=list)
    drivers: list[Driver] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    events: list[LinkEvent] = field(default_factory=list)

    def of(self, unit: int) -> list[Sample]:
        return [sample for sample in self.samples if sample.unit == unit]

    def payloads(self, unit: int) -> list[bytes]:
        return [sample.payload for sample in self.of(unit) if sample.payload is not None]

    def told(self, kind: LinkEventKind) -> list[LinkEvent]:
        return [event for event in self.events if event.kind is kind]


def run(air: VirtualAir, wearing: Wearing, *, stream: str | None = None) -> Session:
    """Find all units, hold a link to each, and stop when the motion is over."""
    session = Session(air, wearing)

    async def live() -> None:
        backend = Backend(*backend_of(air))
        session.found = await find(
            5.0, load_profiles(), backend=backend, until=lambda seen: len(seen) == len(air.units)
        )
        devices = {found.address: found for found in session.found}
        stop, lock = asyncio.Event(), ConnectLock()
        async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as tasks:
            for index, unit in enumerate(wearing.units):
                found = devices[unit.address]
                session.drivers.append(driver_for(found.profile, stream=stream))
                link = UnitLink(
                    found.device,
                    session.drivers[-1],
                    index,
                    session.samples.append,
                    session.events.append,
                    air.clock_ns,
                    connect_lock=lock,
                    backend=backend,
                )
                tasks.create_task(link.run(stop))
            await air.ended.wait()
            stop.set()

    asyncio.run(live())
    return session


@pytest.fixture(scope="module")
def both() -> Session:
    """Return the session of a wearer of four units, longer than 90 s, as fast as it goes."""
    return run(*on_air(EXERCISE, "both", 3, WearerSettings(sensor_output="quaternion+raw"), None))


def test_a_scan_finds_all_units_with_their_profile_the_strongest_first(both):
    assert [found.address for found in both.found] == [unit.address for unit in both.wearing.units]
    assert {(found.name, found.profile.id) for found in both.found} == {
        ("Movella DOT", "movella_dot")
    }
    strengths = [found.rssi for found in both.found]
    assert strengths == sorted(set(strengths), reverse=True)


def test_four_units_deliver_every_sample_of_a_90_s_set_when_its_radio_would(both):
    assert both.air.units[0].end_s > 90.0
    expected = both.wearing.samples
    # The units go on while the last connection events of the motion are waited for.
    received = both.samples[: len(expected)]
    assert 0 <= len(both.samples) - len(expected) < 4 * 60 * 0.15
    stamps = [[(s.unit, s.device_time) for s in samples] for samples in (received, expected)]
    assert stamps[0] == stamps[1]
    begun_ns = received[0].host_time_ns
    for got, sent in zip(received, expected, strict=True):
        assert abs(got.host_time_ns - begun_ns - sent.host_time_ns) <= 1


@pytest.mark.parametrize("unit", range(4))
def test_samples_are_what_the_units_measured_bit_for_bit(both, unit):
    trace, settings = both.wearing.traces[unit], WearerSettings()
    sent = transmit(both.air.units[unit].end_s, chance_from(3).units[PLACES[unit]], settings)
    grid_s = np.arange(len(trace.acc)) / settings.fusion_hz
    q = orientations_at(trace.q_earth_sensor, grid_s, sent.instant_s).astype(np.float32)
    acc = means_over(trace.acc, grid_s, sent.instant_s, 1 / 60).astype(np.float32)
    gyr = np.degrees(means_over(trace.gyr, grid_s, sent.instant_s, 1 / 60)).astype(np.float32)
    assert both.drivers[unit].stream == "mode_26"
    assert both.drivers[unit].rejected == {}
    got = both.of(unit)[: len(sent.instant_s)]
    assert [sample.device_time for sample in got] == sent.device_time.tolist()
    assert [sample.q for sample in got] == [normalise(tuple(row), FLOATS) for row in q.tolist()]
    assert [sample.acc for sample in got] == [tuple(row) for row in acc.tolist()]
    rate_dps = np.degrees([sample.gyr for sample in got]).astype(np.float32)
    np.testing.assert_array_equal(rate_dps, gyr)
    fields = [struct.unpack(PAYLOADS[26], sample.payload) for sample in got]
    assert [row[1:5] for row in fields] == [tuple(row) for row in q.tolist()]


def test_what_arrives_is_the_wearers_true_attitude_but_for_heading_and_sensor_errors(both):
    for index, trace in enumerate(both.wearing.traces):
        got = both.of(index)[1000:4000:100]
        # Between bursts the arrival lags by at most a connection interval: 45 ms of a slow motion.
        row = [round(sample.host_time_ns * 1e-9 * 480) for sample in got]
        up = by_rows(
            rotate, trace.q_earth_sensor_true[row] * [1, -1, -1, -1], np.array([0, 0, 1.0])
        )
        said = [rotate(conjugate(sample.q), (0.0, 0.0, 1.0)) for sample in got]
        angle_deg = np.degrees(np.arccos(np.clip(np.sum(up * said, axis=1), -1.0, 1.0)))
        assert np.median(angle_deg) < 2.0
        assert angle_deg.max() < 8.0


def test_what_the_radio_lost_is_told_by_the_units_own_time(both):
    table = SampleTable.from_samples(both.samples)
    units = [
        replace(unit, **driver.unit_fields())
        for unit, driver in zip(both.wearing.units, both.drivers, strict=True)
    ]
    report = losses(table, units)
    for index, place in enumerate(PLACES):
        times_us = np.unwrap([float(s.device_time) for s in both.of(index)], period=2.0**32)
        steps = np.rint(np.diff(times_us) * 60e-6)
        assert report[index].received == len(both.of(index))
        assert report[index].lost == int(np.sum(steps - 1.0)) > 0
        kept = transmit(60.0, chance_from(3).units[place], WearerSettings()).sequence
        dropped = int(np.sum(np.diff(kept) % 2**16 - 1))
        assert int(np.sum(steps[: len(kept) - 1] - 1.0)) == dropped


def test_the_same_seed_sends_the_same_bytes_and_another_seed_others(both):
    settings = WearerSettings(sensor_output="quaternion+raw")
    again = run(*on_air(EXERCISE, "both", 3, settings, None))
    assert again.samples == both.samples
    other = run(*on_air(EXERCISE, "both", 4, SHORT, None))
    assert other.payloads(0)[0] != both.payloads(0)[0]


def test_the_speed_changes_nothing_of_what_is_sent():
    fastest = run(*on_air(EXERCISE, "right", 5, SHORT, None))
    paced = run(*on_air(EXERCISE, "right", 5, SHORT, 20.0))
    for unit in (0, 1):
        sent = fastest.payloads(unit)
        assert len(sent) > 500
        assert paced.payloads(unit)[: len(sent)] == sent


@pytest.mark.parametrize("restarts", [True, False])
def test_a_lost_link_comes_back_as_a_new_epoch_and_nothing_of_the_gap_is_invented(restarts):
    settings = replace(SHORT, loss_share=0.0)
    planned = {1: [LinkLoss(2.0, 1.5, restarts), LinkLoss(5.0, 0.5, restarts)]}
    air, wearing = on_air(EXERCISE, "right", 5, settings, None, losses=planned)
    session = run(air, wearing)
    lost, back = session.told(LinkEventKind.LOST), session.told(LinkEventKind.RECONNECTED)
    assert [event.unit for event in (*lost, *back)] == [1] * 4
    assert [event.host_time_ns for event in lost] == [2_000_000_000, 5_000_000_000]
    assert session.of(0) == run(*on_air(EXERCISE, "right", 5, settings, None)).of(0)

    got = session.of(1)
    arrival_s = np.array([sample.host_time_ns for sample in got]) * 1e-9
    for event, (begin_s, end_s) in zip(back, ((2.0, 3.5), (5.0, 5.5)), strict=True):
        assert not np.any((arrival_s > begin_s) & (arrival_s < end_s))
        assert end_s < event.host_time_ns * 1e-9 < end_s + 0.1
    time_us = [sample.device_time or 0 for sample in got]
    first_again = int(np.searchsorted(arrival_s, 3.5))
    if restarts:
        # The clock begins anew when the link breaks, a second and a half before it is heard again.
        assert time_us[first_again] == pytest.approx(1.5e6, abs=40_000)
    else:
        step_us = (time_us[first_again] - time_us[first_again - 1]) % 2**32
        assert 1.5e6 - 40_000 < step_us < 1.5e6 + 100_000

    units = [replace(unit, tick_s=1e-6, time_bits=32) for unit in wearing.units]
    reconnects = [(event.unit, event.host_time_ns) for event in back]
    report = losses(SampleTable.from_samples(session.samples), units, reconnects)
    assert (report[0].lost, report[1].dropped) == (0, 0)
    assert report[1].lost == pytest.approx(2.0 * 60, abs=8)


def test_standing_still_waits_until_the_last_unit_is_told_to_measure():
    air, wearing = on_air(EXERCISE, "right", 5, SHORT, 50.0)

    async def start_one_after_the_other() -> list[bytes]:
        heard: list[bytes] = []
        async with client_of(air, 0) as thigh, client_of(air, 1) as shank:
            await thigh.start_notify(uuid(0x2004), lambda _, data: heard.append(bytes(data)))
            await thigh.write_gatt_char(uuid(0x2001), b"\x01\x01\x05", response=True)
            await asyncio.sleep(0.1)  # five seconds of the wearer
            assert air.clock_ns() == 0
            assert heard == []
            await shank.write_gatt_char(uuid(0x2001), b"\x01\x01\x05", response=True)
            async with asyncio.timeout(LIMIT_S):
                await air.ended.wait()
        return heard

    heard = asyncio.run(start_one_after_the_other())
    first = next(sample for sample in wearing.samples if sample.unit == 0)
    assert struct.unpack(PAYLOADS[5], heard[0]) == (first.device_time, *(first.q or ()))


def client_of(air: VirtualAir, unit: int, **options: float) -> BleakClient:
    return BleakClient(air.units[unit].address, backend=backend_of(air)[1], **options)


@pytest.mark.parametrize(("mode", "number"), [(5, 0x2004), (24, 0x2003), (26, 0x2002)])
def test_each_mode_fills_its_own_characteristic(mode, number):
    settings = replace(SHORT, sensor_output="quaternion+raw")
    air, wearing = on_air(EXERCISE, "right", 5, settings, None)
    heard: dict[int, list[bytes]] = {0x2002: [], 0x2003: [], 0x2004: []}

    async def listen() -> None:
        async with client_of(air, 0) as client, client_of(air, 1) as other:
            for key, payloads in heard.items():
                await client.start_notify(uuid(key), lambda _, data, p=payloads: p.append(data))
            for one in (client, other):
                await one.write_gatt_char(uuid(0x2001), bytes((1, 1, mode)), response=True)
            assert await client.read_gatt_char(uuid(0x2001)) == bytes((1, 1, mode))
            await air.ended.wait()

    asyncio.run(listen())
    assert [key for key, payloads in heard.items() if payloads] == [number]
    sent = [sample for sample in wearing.samples if sample.unit == 0]
    for payload, sample in zip(heard[number], sent, strict=False):
        time_us, *numbers = struct.unpack(PAYLOADS[mode], payload)
        rate_dps = np.degrees(sample.gyr or ()).tolist()
        raw = {5: [], 24: rate_dps, 26: [*(sample.acc or ()), *rate_dps]}[mode]
        assert time_us == sample.device_time
        assert numbers == pytest.approx([*(sample.q or ()), *raw], rel=1e-6)


@pytest.mark.parametrize("stream", ["mode_24", "mode_5"])
def test_the_driver_reads_the_smaller_modes_too(stream):
    session = run(*on_air(EXERCISE, "right", 5, SHORT, None), stream=stream)
    assert len(session.samples) >= len(session.wearing.samples)
    for got, sent in zip(session.samples, session.wearing.samples, strict=False):
        assert (got.unit, got.device_time) == (sent.unit, sent.device_time)
        assert got.q == normalise(sent.q, FLOATS)
        assert (got.gyr is None) == (stream == "mode_5")
        assert got.acc is None


def test_a_link_that_carries_20_bytes_gets_the_mode_that_fits():
    air, wearing = on_air(EXERCISE, "right", 5, SHORT, None)
    for unit in air.units:
        unit.mtu = 23
    session = run(air, wearing)
    assert {driver.stream for driver in session.drivers} == {"mode_5"}
    assert {len(payload) for payload in session.payloads(0)} == {20}


def test_what_a_link_cannot_carry_is_cut_off():
    unit = dot(mtu=40)
    unit.subscribe(uuid(0x2002), wanted=True)
    unit.write(uuid(0x2001), b"\x01\x01\x1a", 0.0)
    assert {len(payload) for _, payload in unit.due(1.0)} == {37}


def test_a_unit_that_is_started_again_in_another_mode_keeps_its_clock():
    unit = dot()
    times_us: list[int] = []
    for mode, number, begin_s in ((5, 0x2004, 0.0), (26, 0x2002, 1.5)):
        unit.subscribe(uuid(number), wanted=True)
        unit.write(uuid(0x2001), bytes((1, 1, mode)), begin_s)
        for characteristic, payload in unit.due(begin_s + 1.0):
            assert characteristic == uuid(number)
            times_us.append(struct.unpack_from("<I", payload)[0])
        unit.write(uuid(0x2001), bytes((1, 0, mode)), begin_s + 1.0)
        assert unit.due(begin_s + 1.5) == []
    periods = (np.diff(times_us) % 2**32) * 60e-6
    np.testing.assert_allclose(periods, np.rint(periods), atol=1e-4)
    # Half a second was not measured, and what waited for the connection event is lost.
    assert 30 <= max(periods) <= 35


def test_a_unit_sends_at_the_rate_it_was_set_to():
    air, _ = on_air(EXERCISE, "right", 5, replace(SHORT, loss_share=0.0), None)
    heard: list[int] = []

    def take(_: object, data: bytearray) -> None:
        heard.append(struct.unpack_from("<I", data)[0])

    async def listen() -> None:
        async with client_of(air, 0) as client, client_of(air, 1) as other:
            await client.start_notify(uuid(0x2004), take)
            command = bytes((0x10, *bytes(23), *struct.pack("<H", 120), *bytes(6)))
            await client.write_gatt_char(uuid(0x1002), command, response=True)
            assert struct.unpack_from("<H", await client.read_gatt_char(uuid(0x1002)), 24) == (120,)
            for one in (client, other):
                await one.write_gatt_char(uuid(0x2001), b"\x01\x01\x05", response=True)
            await air.ended.wait()

    asyncio.run(listen())
    steps_us = {(after - before) % 2**32 for before, after in pairwise(heard)}
    assert steps_us <= {8332, 8333, 8334}
    assert len(heard) == pytest.approx(9.1 * 120, abs=8)


def test_a_unit_says_who_it_is_and_how_full_it_is():
    air, wearing = on_air(EXERCISE, "left", 5, SHORT, None)

    async def ask() -> tuple[bytes, bytes]:
        async with client_of(air, 0) as client:
            info = await client.read_gatt_char(uuid(0x1001))
            return bytes(info), bytes(await client.read_gatt_char(uuid(0x3001)))

    info, battery = asyncio.run(ask())
    assert len(info) == 34
    assert f"{struct.unpack_from('<Q', info, 20)[0]:012X}" == wearing.units[0].serial
    assert info[5::-1].hex(":").upper() == wearing.units[0].address
    assert battery == bytes((87, 0))
    right = on_air(EXERCISE, "right", 5, SHORT, None)[1]
    assert len({unit.serial for unit in (*wearing.units, *right.units)}) == 4


@pytest.mark.parametrize(
    ("number", "value"),
    [
        (0x2001, b"\x01\x01\x07"),  # a mode that is not emulated
        (0x2001, b"\x01\x01"),
        (0x1002, b"\x10" + bytes(23) + b"\x3d\x00" + bytes(6)),  # 61 Hz
        (0x1002, b"\x10\x00"),
        (0x3001, b"\x01"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(number, value):
    air, _ = on_air(EXERCISE, "right", 5, SHORT, None)

    async def send() -> None:
        async with client_of(air, 0) as client:
            with pytest.raises(BleakGATTProtocolError):
                await client.write_gatt_char(uuid(number), value, response=True)
            await client.write_gatt_char(uuid(number), value, response=False)
            with pytest.raises(BleakGATTProtocolError):
                await client.read_gatt_char(uuid(0x2004))

    asyncio.run(send())
    assert not air.units[0].told_to_start


def test_a_unit_that_is_held_is_neither_heard_nor_connected_again():
    air, _ = on_air(EXERCISE, "right", 5, SHORT, None)

    async def attempt() -> None:
        scanner = backend_of(air)[0]
        async with client_of(air, 0) as first:
            assert first.is_connected
            heard = await BleakScanner.discover(0.05, backend=scanner)
            assert [device.address for device in heard] == [air.units[1].address]
            with pytest.raises(TimeoutError):
                await client_of(air, 0, timeout=0.05).connect()
        assert not first.is_connected
        with pytest.raises(BleakError):
            await first.write_gatt_char(uuid(0x2001), b"\x01\x00\x05", response=True)
        assert len(await BleakScanner.discover(0.05, backend=scanner)) == 2
        with pytest.raises(BleakDeviceNotFoundError):
            await BleakClient("00:00:00:00:00:00", backend=backend_of(air)[1]).connect()

    asyncio.run(attempt())


def dot(**settings: object) -> DotUnit:
    _, wearing = on_air(EXERCISE, "right", 5, SHORT, None)
    known = {"address": "D4:22:CD:00:00:01", "serial": 1, **settings}
    return DotUnit(wearing.traces[0], chance_from(5).units[PLACES[0]], SHORT, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "make",
    [
        lambda: VirtualAir([]),
        lambda: VirtualAir([dot(), dot()]),
        lambda: VirtualAir([dot()], 0.0),
        lambda: dot(losses=[LinkLoss(2.0, 3.0), LinkLoss(4.0, 1.0)]),
    ],
)
def test_an_air_that_makes_no_sense_is_refused(make: Callable[[], object]):
    with pytest.raises(ValueError, match=r"must be above 0|address of its own|overlap"):
        make()
