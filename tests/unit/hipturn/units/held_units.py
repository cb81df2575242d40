"""Units on a book that a hand turns and tips; shares nothing with what reads them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from imu.sample import Sample, Segment, Side, Unit

G = 9.81
STROKE_S, HELD_S = 1.2, 1.5
VERTICAL, FORWARDS, LEFTWARDS = np.array([0.0, 0, 1]), np.array([1.0, 0, 0]), np.array([0.0, 1, 0])
# each step as the guide asks for it: axis in the person's own directions, degrees
STEPS = (
    *[(VERTICAL, 90.0)] * 4,
    (FORWARDS, -90.0),
    (VERTICAL, 90.0),
    ("back", 0.0),
    (FORWARDS, 90.0),
    ("flat", 0.0),
    (LEFTWARDS, 90.0),
    ("flat", 0.0),
    (LEFTWARDS, -90.0),
)


@dataclass
class Held:
    """One unit's truth: where it pointed, and what an honest one of its kind measures."""

    time_s: np.ndarray
    true: Rotation
    measured: Rotation
    """With its gain and its drift about the vertical, in its own heading."""
    acc: np.ndarray
    gyr: np.ndarray


def book(chance: np.random.Generator, hand_deg: float) -> list[Rotation]:
    """Return where the book lies after each step, book to person; a hand is off in each."""
    exact = [Rotation.identity()]
    for axis, degrees in STEPS:
        last = exact[-1]
        if isinstance(axis, str):
            # flat again, in the heading that it had: a quarter further after the turn on the edge
            before = exact[-3] if axis == "back" else exact[-2]
            turned = Rotation.from_rotvec(np.radians(90.0) * VERTICAL)
            exact.append(turned * before if axis == "back" else before)
        else:
            exact.append(Rotation.from_rotvec(np.radians(degrees) * axis) * last)
    return [
        Rotation.from_rotvec(np.radians(chance.normal(0.0, hand_deg, 3))) * pose for pose in exact
    ]


def hold(
    seed: int,
    *,
    rate_hz: float = 60.0,
    rest_s: float = 30.0,
    gain: float | None = None,
    hand_deg: float = 2.0,
    held_s: float = HELD_S,
    mount: Rotation | None = None,
) -> Held:
    """Return what one unit goes through; it sits on the book in any square attitude, or in one."""
    chance = np.random.default_rng(seed)
    gain = chance.uniform(0.97, 1.03) if gain is None else gain
    poses = book(chance, hand_deg)
    any_square = Rotation.create_group("O")[int(chance.integers(24))]
    mount = any_square if mount is None else mount
    heading = Rotation.from_rotvec(chance.uniform(-math.pi, math.pi) * VERTICAL)
    moments, keys = [0.0, rest_s + 1.0 + held_s], [poses[0], poses[0]]
    for pose in poses[1:]:
        moments += [moments[-1] + STROKE_S, moments[-1] + STROKE_S + held_s]
        keys += [pose, pose]
    moments[-1] += held_s  # the last step is held until the guide says so
    time_s = np.arange(0.0, moments[-1], 1.0 / rate_hz)
    worn = Slerp(moments, Rotation.concatenate(keys))(time_s)
    true = heading * worn * mount
    step = true[:-1].inv() * true[1:]
    body = np.vstack([[0.0, 0, 0], step.as_rotvec()]) * rate_hz
    turned = np.cumsum(true.apply(body)[:, 2]) / rate_hz
    wrong = (gain - 1.0) * turned + math.radians(chance.normal(0.0, 0.03)) * time_s
    noise = Rotation.from_rotvec(np.radians(chance.normal(0.0, 0.05, (len(time_s), 3))))
    own = Rotation.from_rotvec(chance.uniform(-math.pi, math.pi) * VERTICAL)
    measured = own * Rotation.from_rotvec(wrong[:, None] * VERTICAL) * true * noise
    acc = true.inv().apply(np.array([0.0, 0, G])) + chance.normal(0.0, 0.1, 3)
    acc += chance.normal(0.0, 0.03, (len(time_s), 3))
    gyr = body * gain + chance.normal(0.0, 0.003, (len(time_s), 3))
    return Held(time_s, true, measured, acc, gyr)


def numbers_of(rotation: Rotation) -> np.ndarray:
    """Return wxyz, shape (n, 4)."""
    return rotation.as_quat()[:, [3, 0, 1, 2]]


@dataclass
class Sends:
    """What of it a unit sends, and how."""

    has_q: bool = True
    has_acc: bool = True
    has_gyr: bool = True
    tick_s: float | None = 1e-6
    counts: bool = False
    rate_hz: float = 60.0
    """What it was set to."""
    spoil: Callable[[np.ndarray, np.ndarray, np.ndarray], tuple] = field(
        default=lambda q, acc, gyr: (q, acc, gyr)
    )


def samples_of(held: Held, sends: Sends, unit: int = 0, seed: int = 0) -> list[Sample]:
    """Return what arrives, in bursts of a connection interval of 30 ms, 1 % lost."""
    chance = np.random.default_rng(seed + 1000)
    q, acc, gyr = sends.spoil(numbers_of(held.measured), held.acc, held.gyr)
    arrived_ns = np.ceil(held.time_s / 0.03) * 30_000_000
    keep = chance.random(len(q)) > 0.01
    tick = sends.tick_s
    return [
        Sample(
            unit,
            int(arrived_ns[i]),
            None if tick is None else int(held.time_s[i] / tick + 5e5) % 2**32,
            i % 2**16 if sends.counts else None,
            tuple(q[i].tolist()) if sends.has_q else None,
            tuple(acc[i].tolist()) if sends.has_acc else None,
            tuple(gyr[i].tolist()) if sends.has_gyr else None,
        )
        for i in np.flatnonzero(keep).tolist()
    ]


def unit_of(sends: Sends, side: Side = Side.RIGHT) -> Unit:
    """Return the unit as a session describes it."""
    return Unit(segment=Segment.THIGH, side=side, rate_hz=sends.rate_hz, tick_s=sends.tick_s)
