"""Tells how a board measures: `mpremote run check.py`, flat on a table, for ten seconds.

The unit itself must be out: hold button A while you plug the cable in.
"""

import gc
import time

import board_setup
from hipturn_unit.grid import Clock, Grid
from hipturn_unit.records import ACC_PER_G, GYR_PER_DPS
from hipturn_unit.unit import percent_of

RATE_HZ = 100
SECONDS = 10
LOOK_MS = 9


def main():
    """Measure, and print what came out."""
    sums = [0] * 8

    def add(grid):
        for index in range(7):
            sums[index] += grid.values[index]
        sums[7] += 1

    sensor = board_setup.sensor()
    clock = Clock(time.ticks_us, time.ticks_diff)
    grid = Grid(board_setup.SAMPLE_HZ, board_setup.DIVISORS, add)
    sensor.clear()
    clock.read()
    grid.start(RATE_HZ, 0, 0)
    passed_us = busy_us = samples = 0
    gc.collect()
    heap = gc.mem_alloc()
    while passed_us < SECONDS * 1000000:
        time.sleep_ms(LOOK_MS)
        elapsed_us = clock.read()
        passed_us += elapsed_us
        count = sensor.waiting()
        grid.look(elapsed_us, clock.since_us(), count)
        for _ in range(count):
            grid.take(sensor.next())
        samples += count
        busy_us += clock.since_us()
    heap = gc.mem_alloc() - heap
    records = max(1, sums[7])
    acc = [value / records / ACC_PER_G for value in sums[:3]]
    gyr = [value / records / GYR_PER_DPS for value in sums[4:7]]
    percent = percent_of(board_setup.battery_mv())
    print("records:", sums[7], "in", SECONDS, "s; about", RATE_HZ * SECONDS, "are right")
    print("sensor:", samples / SECONDS, "samples a second; 188 to 212 are right")
    print("time a record takes:", busy_us // records, "us; less than 5000 is right")
    print("heap a record takes:", heap // records, "bytes; less than 200 is right")
    print("acceleration in g:", acc, "; flat on the table 0, 0 and 1 are right")
    print("rotation rate in degrees/s:", gyr, "; at rest less than 3 is right")
    print("battery:", board_setup.battery_mv(), "mV,", percent, "%")


main()
