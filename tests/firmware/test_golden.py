"""The host reads what the firmware sends: one notification, kept as it was sent."""

from __future__ import annotations

import math

import pytest
from bench import Bench
from click.testing import CliRunner
from interpreters import FIRMWARE

from hipturn.commands.cli import cli
from imu.drivers import driver_for
from imu.profiles.profile import load_profiles

PROFILE = FIRMWARE.parent / "hipturn_reference.toml"
# Flat on a table, turned left by a quarter in a second: 1 g on z, 90 °/s about z (raw: 1476).
FLAT = (0, 0, 4096, 333, 0, 0, 1476)
GOLDEN = (
    "10270000 000000000010 4d01 0100 00000000a005"
    "204e0000 000000000010 4d01 0200 00000000a005"
    "30750000 000000000010 4d01 0300 00000000a005"
    "409c0000 000000000010 4d01 0400 00000000a005"
    "50c30000 000000000010 4d01 0500 00000000a005"
)


def first_notification():
    bench = Bench(signal=lambda index, axis: FLAT[axis])
    bench.start(100)
    bench.unit.turn()
    bench.unit._grid.start(100, 0, 0)  # the golden times count from here
    bench.run(0.2)
    return bench.air.sent[0]


def test_a_notification_is_read_by_the_profile_as_it_was_meant():
    payload = first_notification()
    assert payload == bytes.fromhex(GOLDEN.replace(" ", ""))
    result = CliRunner().invoke(cli, ["configure", "--check", str(PROFILE), payload.hex()])
    assert result.exit_code == 0, result.output
    assert "100 bytes, 5 samples" in result.output
    assert "stream raw" in result.output
    readings = driver_for(load_profiles()["hipturn_reference"]).decode(payload)
    assert [reading.sequence for reading in readings] == [1, 2, 3, 4, 5]
    assert [reading.device_time for reading in readings] == [10000, 20000, 30000, 40000, 50000]
    for reading in readings:
        assert reading.acc == pytest.approx((0.0, 0.0, 9.80665), abs=1e-3)
        assert reading.gyr == pytest.approx((0.0, 0.0, math.radians(90.0)), abs=1e-6)
