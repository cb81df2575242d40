"""Prints a checksum of all that a unit sends in four seconds, for each rate and oscillator."""

import binascii

from bench import Bench

for rate_hz in (30, 60, 100, 120):
    for off_per_mille in (-60, 0, 26):
        bench = Bench(off_per_mille)
        bench.world.stalls = [(1000000, 40000), (2000000, 900000)]
        bench.start(rate_hz)
        bench.run(4)
        crc = 0
        for payload in bench.air.sent:
            crc = binascii.crc32(payload, crc)
        print(rate_hz, off_per_mille, len(bench.air.sent), f"{crc:08x}")
