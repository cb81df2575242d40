"""A unit on the bench: the firmware's core, driver and link on a board that is not there.

Any Python runs this file; `world` puts the radio in place of `bluetooth`.
"""

import struct

import world
from hipturn_unit.link import Link
from hipturn_unit.mpu6886 import DIVISORS, MPU6886, SAMPLE_HZ
from hipturn_unit.records import RATE
from hipturn_unit.unit import Unit

LOOKS_MS = (8, 11, 9, 13)


class Bench:
    """One unit, switched on."""

    def __init__(self, off_per_mille=0, begun_us=0, signal=world.waves):
        self.world = world.World(begun_us)
        self.sensor = world.Sensor(self.world, off_per_mille, signal)
        self.air = world.AIR
        self.air.__init__()
        self.names = []
        self.unit = Unit(
            MPU6886(self.sensor, self.world.sleep_ms),
            SAMPLE_HZ,
            DIVISORS,
            Link("hipturn B2C3", "A1B2C3"),
            self.world.ticks_us,
            self.world.ticks_diff,
            lambda: 3725,
            self.names.append,
            "hipturn B2C3",
        )
        self._look = 0

    def start(self, rate_hz, mtu=247):
        """Connect, and write the rate twice, as hipturn does."""
        self.air.connect(mtu)
        self.write_rate(rate_hz)
        self.write_rate(rate_hz)

    def write_rate(self, rate_hz):
        self.air.write(RATE, struct.pack("<H", rate_hz))

    def turn(self):
        self.unit.turn()
        self.world.sleep_ms(LOOKS_MS[self._look])
        self._look = (self._look + 1) % len(LOOKS_MS)

    def run(self, seconds):
        """Let time pass."""
        end_us = self.world.now_us + int(1000000 * seconds)
        while self.world.now_us < end_us:
            self.turn()

    def records(self):
        """Return what was sent: (time in µs, number, acceleration, rotation rate), as raw."""
        found = []
        for payload in self.air.sent:
            for at in range(0, len(payload), 20):
                time, ax, ay, az, _, number, gx, gy, gz = struct.unpack(
                    "<IhhhhHhhh", payload[at : at + 20]
                )
                found.append((time, number, (ax, ay, az), (gx, gy, gz)))
        return found
