"""Made-up phones for the tests here: what a browser would give of a motion that is known."""

from __future__ import annotations

import functools
import math

import numpy as np

from imu.phone.batch import Batch, Row, write_batch
from imu.phone.stream import Asked, PhoneStream
from imu.quaternion import conjugate, multiply, rotate

G = 9.81


def turn(axis, rad):
    """Return the quaternion of a turn about an axis."""
    n = math.hypot(*axis)
    s = math.sin(rad / 2) / n
    return (math.cos(rad / 2), axis[0] * s, axis[1] * s, axis[2] * s)


@functools.cache
def hand_rows(
    start=(1.0, 0.0, 0.0, 0.0), sign=1, step=0.1, jitter_s=0.0, at_s=0.0, seed=1, speed=2.5
):
    """Return the rows of a phone that lies still in a hand, is turned over and back, and is still.

    It turns about an axis that wanders, as hands do.
    """
    rng = np.random.default_rng(seed)
    q, rows, time_s = start, [], 0.0
    dt = 0.005
    next_s = 0.0
    while time_s < 7.0:
        moving = 1.5 < time_s < 5.5
        share = (time_s - 1.5) / 4.0
        rate = speed * math.sin(2 * math.pi * share) if moving else 0.0
        axis = (math.cos(2.0 * share), math.sin(3.0 * share), 0.4 * math.sin(5.0 * share))
        n = math.hypot(*axis)
        w = tuple(rate * a / n for a in axis)
        if time_s >= next_s:
            f = rotate(conjugate(q), (0.0, 0.0, G))
            acc = tuple(sign * rounded(a + 0.05 * rng.standard_normal(), step) for a in f)
            rows.append(Row(at_s + time_s, acc, w))
            next_s += 1 / 60 + jitter_s * float(rng.uniform(-1, 1))
        if rate:
            q = multiply(q, turn(w, math.hypot(*w) * dt))
        time_s += dt
    return tuple(rows)  # it is kept: nobody may add to it


def rounded(value, step):
    return round(value / step) * step if step else value


def attitude(row, sign=1):
    """Return beta (±180°) and gamma (±90°) that a phone at rest tells."""
    x, y, z = (sign * a / math.hypot(*row.acc) for a in row.acc)
    beta, gamma = math.asin(max(-1.0, min(1.0, y))), math.atan2(-x, z)
    if z < 0.0:  # face down: gamma stays within ±90°, and beta does not
        beta, gamma = math.copysign(math.pi, y) - beta, math.atan2(x, -z)
    return math.degrees(beta), max(-89.999, min(89.999, math.degrees(gamma)))


def told(stream: PhoneStream, rows, sign=1, every=3, tells=True):
    """Give a stream rows in batches of three, with an orientation after each; return readings."""
    found = []
    for i in range(0, len(rows), every):
        part = tuple(rows[i : i + every])
        found += stream.take(write_batch(Batch(i, part[-1].time_s, part)))
        if tells:
            stream.attitude(*attitude(part[-1], sign))
    return found


def accepted(stream: PhoneStream, **changes):
    """Return a stream that has been turned over, and the time of its last row."""
    stream.hello("0" * 16, 1.0)
    rows = hand_rows(**changes)
    told(stream, rows, changes.get("sign", 1))
    assert stream.asked is Asked.NOTHING
    return rows[-1].time_s
