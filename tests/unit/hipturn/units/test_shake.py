"""Units are told apart by shaking one while the others rest."""

from __future__ import annotations

import math

from hipturn.units.shake import ShakeWatch
from imu.quaternion import FLOATS, from_axis_angle
from imu.sample import Sample

AXIS = (0.0, 0.6, 0.8)


def feed(watch, unit, swing_deg, seconds=2.0, hz=3.0, from_s=0.0, raw=False):
    """Swing a unit to and fro at 60 Hz."""
    for i in range(int(seconds * 60)):
        t = from_s + i / 60.0
        angle = math.radians(swing_deg) * math.sin(2 * math.pi * hz * t)
        rate = math.radians(swing_deg) * 2 * math.pi * hz * math.cos(2 * math.pi * hz * t)
        gyr = tuple(rate * a for a in AXIS)
        q = None if raw else from_axis_angle(AXIS, angle, FLOATS)
        watch.push(Sample(unit, round(t * 1e9), None, None, q, None, gyr if raw else None))


def test_the_unit_that_is_shaken_is_found():
    watch = ShakeWatch()
    feed(watch, 0, 1.0)
    feed(watch, 1, 30.0)
    assert watch.shaken([0, 1]) == 1
    assert watch.shaken([0]) is None


def test_units_that_send_raw_data_can_be_shaken_too():
    watch = ShakeWatch()
    feed(watch, 0, 30.0, raw=True)
    feed(watch, 1, 1.0, raw=True)
    assert watch.shaken([0, 1]) == 0


def test_when_both_move_nothing_is_guessed():
    watch = ShakeWatch()
    feed(watch, 0, 25.0)
    feed(watch, 1, 30.0)
    assert watch.shaken([0, 1]) is None


def test_a_slow_turn_or_a_knock_is_no_shaking():
    watch = ShakeWatch()
    feed(watch, 0, 30.0, hz=0.3)
    feed(watch, 1, 0.5)
    assert watch.shaken([0, 1]) is None
    feed(watch, 1, 40.0, seconds=0.1, from_s=2.0)
    assert watch.shaken([0, 1]) is None


def test_shaking_is_forgotten_when_it_ends():
    watch = ShakeWatch()
    feed(watch, 0, 1.0)
    feed(watch, 1, 30.0)
    feed(watch, 1, 1.0, seconds=5.0, from_s=2.0)
    assert watch.shaken([0, 1]) is None
