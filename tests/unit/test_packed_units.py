"""Units whose bytes are packed here, by their makers' numbers alone, count ten of ten.

The packers share nothing with the decoders: layouts and conventions are those of the units, and the
orientation of the virtual wearer's units is put into each unit's own convention before.
"""

from __future__ import annotations

import asyncio
import math
import struct
from datetime import UTC, datetime

import numpy as np
import pytest
from bleak.backends.service import BleakGATTServiceCollection
from scipy.spatial.transform import Rotation, Slerp

import hipturn
from imu.drivers import driver_for
from imu.profiles.profile import load_profiles
from imu.recording import SessionHeader, SessionWriter
from imu.sample import Sample, Side, Unit
from imu.virtual.wearer import WearerSettings, wear

EXERCISE = "seated_internal_rotation"
REPS = 10
STARTED = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
G = 9.81


def wxyz(rotation):
    return rotation.as_quat()[:, [3, 0, 1, 2]]


def i16(numbers):
    return np.clip(np.rint(numbers), -32768, 32767).astype("<i2")


def mocopi(q_zup, acc, times_s):
    """Return packets of 36 bytes; the earth of the unit has y up, and x as before."""
    q = wxyz(Rotation.from_euler("x", -90, degrees=True) * q_zup) * 8192
    packets, before = [], i16(q)[0]
    for row, time_s, a in zip(i16(q), times_s, acc / G, strict=True):
        ticks = round((1_683_608_812 + time_s) / 256e-9)
        halves = a.astype("<f2").tobytes()
        packets.append(
            b"\xb0" + struct.pack("<Q", ticks)[:7] + row.tobytes() + before.tobytes() + halves * 2
        )
        before = row
    return packets


def thingy(q_zup, acc, times_s):
    """Return four numbers of 32 bits, one is 2^30; the earth of the unit has z down."""
    q = wxyz(Rotation.from_euler("x", 180, degrees=True) * q_zup)
    return [row.tobytes() for row in np.rint(q * 2**30).astype("<i4")]


def haritorax(q_zup, acc, times_s):
    """Return x, y, z, w and the acceleration, 2048 a g."""
    q = i16(q_zup.as_quat() * 16384)
    return [a.tobytes() + b.tobytes() for a, b in zip(q, i16(acc / G * 2048), strict=True)]


UNITS = {  # profile → packer, samples a second, bytes of a message
    "sony_mocopi": (mocopi, 50.0, 36),
    "nordic_thingy52": (thingy, 100.0, 16),
    "haritorax_wireless": (haritorax, 50.0, 14),
}


def sampled(trace, hz, settings):
    """Return times, orientations (z up, an own heading) and accelerations of one unit."""
    grid_s = np.arange(len(trace.acc)) / settings.fusion_hz
    times_s = np.arange(0.05, grid_s[-1], 1.0 / hz)
    q = Rotation.from_quat(trace.q_earth_sensor[:, [1, 2, 3, 0]])
    acc = np.stack([np.interp(times_s, grid_s, axis) for axis in trace.acc.T], axis=1)
    gyr = np.stack([np.interp(times_s, grid_s, axis) for axis in trace.gyr.T], axis=1)
    return times_s, Slerp(grid_s, q)(times_s), acc, gyr


def arrivals(times_s, index):
    """Return when the messages of a unit arrive: in bursts, every 30 ms, some 15 ms late."""
    return np.ceil((times_s + 0.002) / 0.03) * 0.03 + 0.005 * index


def counted(tmp_path, wearing, drivers, heard):
    """Record what drivers read in (arrival, unit, bytes), and return the analysed session."""
    units = [
        Unit(
            segment=unit.segment,
            side=unit.side,
            profile=driver.profile.name,
            **driver.unit_fields(),
        )
        for unit, driver in zip(wearing.units, drivers, strict=True)
    ]
    header = SessionHeader(
        started_at=STARTED, exercise=EXERCISE, side="right", units=tuple(units), source="import",
        software="test",
    )  # fmt: skip
    read, begun_s = 0, min(heard)[0]  # a session's time counts from its first arrival
    with SessionWriter.create(tmp_path / "session", header) as writer:
        for arrived_s, index, payload in sorted(heard):
            for reading in drivers[index].decode(payload):
                read += 1
                writer.write(Sample(index, round((arrived_s - begun_s) * 1e9), *reading, None))
        for time_s, label in wearing.marks:
            at_s = max(0.0, time_s + first_of(wearing) - begun_s)
            writer.event({"type": "mark", "time_s": at_s, "label": label})
    assert all(driver.rejected == {} for driver in drivers)
    return read, hipturn.analyse(hipturn.open(tmp_path / "session"))


def check(result, wearing, first_s, lags_s=(0.0,), within_deg=1.0):
    """Hold an analysed session to the truth: ten of ten, and near it at one of some lags."""
    assert (result.reps.status == "valid").sum() == REPS
    angles = result.angles[result.angles.valid & result.angles.set.notna()]

    def off_deg(lag_s):
        truth = wearing.truth.angle_at(Side.RIGHT, angles.time_s + first_s + lag_s)
        return math.sqrt(((angles.hip_internal_rotation_deg - truth) ** 2).mean())

    assert min(map(off_deg, lags_s)) < within_deg


def worn(seed):
    settings = WearerSettings(reps=REPS, rest_s=(0.4, 0.8), hold_s=(0.4, 0.8))
    return settings, wear(EXERCISE, "right", seed, settings)


@pytest.mark.parametrize("name", UNITS)
def test_ten_of_ten_are_counted_within_a_degree(tmp_path, name):
    pack, hz, size = UNITS[name]
    settings, wearing = worn(5)
    profile = load_profiles()[name]
    drivers = [driver_for(profile, rate_hz=hz) for _ in wearing.units]
    heard = []
    for index, trace in enumerate(wearing.traces):
        times_s, q, acc, _ = sampled(trace, hz, settings)
        packets = pack(q, acc, times_s)
        assert {len(packet) for packet in packets} == {size}
        heard += [(a, index, p) for a, p in zip(arrivals(times_s, index), packets, strict=True)]
    read, result = counted(tmp_path, wearing, drivers, heard)
    assert read == len(heard)
    check(result, wearing, min(heard)[0] - first_of(wearing))


def first_of(wearing):
    """Return what the wearer's own time counts from, on the motion's clock."""
    return -float(wearing.truth.time_s[0])


# ---------------------------------------------------------------- Polar


def squeezed(rows, kind, form, last_ns):
    """Return a frame of differences: head, first sample, then blocks of packed bits."""
    deltas = np.diff(rows, axis=0)
    frame = bytes([kind]) + struct.pack("<Q", last_ns) + bytes([form | 0x80])
    frame += np.asarray(rows[0], "<i2").tobytes()
    for at in range(0, len(deltas), 11):
        block = deltas[at : at + 11]
        bits = max(int(np.abs(block).max()).bit_length() + 1, 2)
        string = "".join(  # the lowest bit first
            format(int(value) & ((1 << bits) - 1), f"0{bits}b")[::-1] for value in block.ravel()
        )
        string += "0" * (-len(string) % 8)
        packed = bytes(int(string[i : i + 8][::-1], 2) for i in range(0, len(string), 8))
        frame += bytes([bits, len(block)]) + packed
    return frame


class PolarService:
    """The PMD service of a unit: settings, starts, stops, and how it answers."""

    def __init__(self, factors):
        self.factors, self.on, self.asked = factors, set(), []

    def answer(self, command):
        self.asked.append(command)
        code, kind = command[0], command[1]
        if code == 3:
            self.on.discard(kind)
            return bytes([0xF0, 3, kind, 0, 0])
        if kind in self.on:
            return bytes([0xF0, 2, kind, 6, 0])
        self.on.add(kind)
        return bytes([0xF0, 2, kind, 0, 0, 5, 1]) + struct.pack("<f", self.factors[kind])


class PolarClient:
    """As bleak's client, of such a service."""

    is_connected = True

    def __init__(self, service):
        self.service, self.told = service, {}
        self.services = BleakGATTServiceCollection()

    async def start_notify(self, target, callback):
        self.told[target] = callback

    async def stop_notify(self, target):
        del self.told[target]

    async def write_gatt_char(self, target, data, *, response):
        assert response
        reply = self.service.answer(bytes(data))
        self.told["fb005c81-02e7-f387-1cad-8acd2d8df0c8"](None, bytearray(reply))


def polar_frames(trace, settings, index, hz):
    """Return (arrival, unit, frame) of both measurements, whose samples are not at one instant."""
    heard = []
    epoch_ns = 820_000_000_000_000_000 + index * 10**9
    for kind, shift_s, per_frame in ((2, 0.0, 36), (5, 0.004, 29)):
        times_s = sampled(trace, hz, settings)[0] + shift_s
        times_s = times_s[times_s < len(trace.acc) / settings.fusion_hz]
        grid_s = np.arange(len(trace.acc)) / settings.fusion_hz
        source = trace.acc / G * 4096 if kind == 2 else np.degrees(trace.gyr) * 16.384
        rows = np.stack([np.interp(times_s, grid_s, axis) for axis in source.T], axis=1)
        rows = i16(rows).astype(int)
        for at in range(0, len(rows), per_frame):
            part = rows[at : at + per_frame]
            last_s = times_s[at + len(part) - 1]
            frame = squeezed(part, kind, 0, epoch_ns + round(last_s * 1e9))
            heard.append((math.ceil(last_s / 0.03) * 0.03 + 0.01, index, frame))
    return heard


def test_a_polar_unit_counts_ten_of_ten_from_frames_of_differences(tmp_path):
    settings, wearing = worn(6)
    hz = 52.0
    drivers, heard = [], []
    for index, trace in enumerate(wearing.traces):
        driver = driver_for(load_profiles()["polar_verity_sense"])
        client = PolarClient(PolarService({2: 8 / 32768, 5: 2000 / 32768}))
        asyncio.run(driver.start(client, lambda _: None))
        assert client.service.asked == [
            bytes.fromhex("02 02 00 01 34 00 01 01 10 00 02 01 08 00 04 01 03"),
            bytes.fromhex("02 05 00 01 34 00 01 01 10 00 02 01 d0 07 04 01 03"),
        ]
        drivers.append(driver)
        heard += polar_frames(trace, settings, index, hz)
    read, result = counted(tmp_path, wearing, drivers, heard)
    sent = sum(rows for _, _, frame in heard for rows in [rows_in(frame)] if frame[0] == 5)
    assert sent - 2 * len(drivers) <= read <= sent  # the last ones wait for an acceleration
    # two frames a second leave the time of arrival uncertain, and 52 samples of a gyroscope a turn
    first_s = min(heard)[0] - first_of(wearing)
    check(result, wearing, first_s, np.arange(-0.1, 0.1, 0.01), within_deg=1.5)


def rows_in(frame):
    """Return how many samples a frame holds."""
    rows, at = 1, 16
    while at < len(frame):
        bits, number = frame[at], frame[at + 1]
        rows, at = rows + number, at + 2 + math.ceil(bits * number * 3 / 8)
    return rows
