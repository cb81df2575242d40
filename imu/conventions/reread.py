"""What a unit's orientations would be, were its profile to say otherwise, and which change fits.

Every change that a profile can say is tried on the still poses that were seen: the order and the
signs of the numbers, the inverse, the earth, half of the angle, and the axes of the acceleration. A
change fits when acceleration at rest then points up in every pose, and when every turn that a
person made is read as that turn.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal, NamedTuple

import numpy as np

from imu.profiles.unit_layout import TO_UP, EarthFrame, Field, Profile
from imu.quaternion import ARRAYS, by_rows, conjugate, multiply, rotate, rotation_vector
from imu.sample import FloatArray

UP = np.array([0.0, 0.0, 1.0])
UPRIGHT_DEG = 10.0
"""Accelerometers of such units are wrong by up to 50 mg, which tilts gravity by 3°."""
TURN_OFF_DEG = 25.0
"""A hand is off by 2° and a unit by 3 %; readings that differ do so by 45° or more."""
EARTHS: tuple[EarthFrame, ...] = ("ENU", "NED", "YUP")
AXES = "xyz"

Made = Literal["left", "tip"]
"""A quarter turn to the left, about the vertical; a quarter about a level axis of any sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """How the numbers of a unit are read, as its profile says it."""

    earth: EarthFrame = "ENU"
    inverse: bool = False
    order: str = "wxyz"
    """Of the quaternion's numbers as sent; of angles always `wxyz`."""
    flipped: str = ""
    """Which of x, y, z have the other sign."""
    doubled: bool = False
    """Whether the angles are twice what is sent."""
    acc_order: str = AXES
    acc_flipped: str = ""
    angles: bool = False
    """Whether it sends roll, pitch and yaw."""

    @property
    def acc(self) -> tuple[str, str]:
        """Return order and signs of the acceleration."""
        return self.acc_order, self.acc_flipped


class Turn(NamedTuple):
    """What a person did between two poses."""

    before: int
    after: int
    made: Made


@dataclass(frozen=True, slots=True)
class Evidence:
    """Still poses of one unit, and what a person did between them."""

    q: FloatArray
    """Shape (n, 4), as the profile reads them."""
    acc: FloatArray | None
    """Shape (n, 3), m/s²; None where the unit sends none, or not with gravity."""
    turns: tuple[Turn, ...] = ()


def convention_of(profile: Profile, stream: str) -> Convention:
    """Return how a profile reads one of its streams."""
    layout = profile.streams[stream]
    quat = layout.quat
    order, flipped = _sent(quat or layout.euler_zyx_deg)
    acc_order, acc_flipped = _sent(layout.acc)
    return Convention(
        earth="ENU" if profile.earth_frame == "NWU" else profile.earth_frame,
        inverse=profile.rotation == "earth_to_sensor",
        order=order if len(order) == len("wxyz") else "wxyz",
        flipped=flipped,
        acc_order=acc_order,
        acc_flipped=acc_flipped,
        angles=layout.euler_zyx_deg is not None,
    )


def _sent(field: Field | None) -> tuple[str, str]:
    """Return the order of a field's numbers as sent, and which of them are negated."""
    if field is None:
        return AXES, ""
    names = AXES if len(field.picks) == len(AXES) else "wxyz"
    order = "".join(names[field.picks.index(place)] for place in range(len(names)))
    negated = (n for n, scale in zip(names, field.scales, strict=True) if scale < 0)
    return order, "".join(negated)


def reread(q: FloatArray, now: Convention, then: Convention) -> FloatArray:
    """Return orientations as another convention would have read what the unit sent.

    Parameters
    ----------
    q
        Shape (n, 4), wxyz, sensor → earth with z up, as `now` reads them.
    now, then
        What the profile says, and what it might say.
    """
    q = _to_up(q, now.earth, back=True)
    q = by_rows(conjugate, q) if now.inverse else q
    numbers = _signed(q, now.flipped)
    sent = numbers[:, ["wxyz".index(name) for name in now.order]]
    q = _signed(sent[:, [then.order.index(name) for name in "wxyz"]], then.flipped)
    if then.doubled != now.doubled:
        q = _twice_the_angles(q) if then.angles else by_rows(multiply, q, q)
    q = by_rows(conjugate, q) if then.inverse else q
    return _to_up(q, then.earth)


def _to_up(q: FloatArray, earth: EarthFrame, *, back: bool = False) -> FloatArray:
    up = TO_UP.get(earth)
    if up is None:
        return q
    turn = np.tile(conjugate(up) if back else up, (len(q), 1))
    return by_rows(multiply, turn, q)


def _signed(q: FloatArray, flipped: str) -> FloatArray:
    signs = np.array([1.0, *(-1.0 if name in flipped else 1.0 for name in AXES)])
    return np.asarray(q * signs)


def _twice_the_angles(q: FloatArray) -> FloatArray:
    """Return Rz(2 yaw) · Ry(2 pitch) · Rx(2 roll)."""
    w, x, y, z = q.T
    roll = np.arctan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y))
    pitch = np.arcsin(np.clip(2 * (w * y - z * x), -1.0, 1.0))
    yaw = np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    zeros = np.zeros(len(q))
    parts = [  # an angle is twice its half
        np.column_stack([np.cos(angle), *(np.sin(angle) if i == k else zeros for i in range(3))])
        for k, angle in enumerate((roll, pitch, yaw))
    ]
    return by_rows(multiply, by_rows(multiply, parts[2], parts[1]), parts[0])


def reread_acc(acc: FloatArray, now: Convention, then: Convention) -> FloatArray:
    """Return accelerations (n, 3) as another convention would have read them."""
    signs = np.array([-1.0 if name in now.acc_flipped else 1.0 for name in AXES])
    sent = (acc * signs)[:, [AXES.index(name) for name in now.acc_order]]
    signs = np.array([-1.0 if name in then.acc_flipped else 1.0 for name in AXES])
    return np.asarray(sent[:, [then.acc_order.index(name) for name in AXES]] * signs)


def off_up_deg(q: FloatArray, acc: FloatArray) -> FloatArray:
    """Return how far acceleration, turned by the orientations, points off up: (n,) degrees."""
    up = by_rows(rotate, q, acc)
    size = np.maximum(np.linalg.norm(up, axis=1), 1e-9)
    return np.asarray(np.degrees(np.arccos(np.clip(up[:, 2] / size, -1.0, 1.0))))


def turn_deg(q: FloatArray, turn: Turn) -> FloatArray:
    """Return the rotation vector (3,) of a turn in the earth, in degrees."""
    before, after = q[turn.before][None], q[turn.after][None]
    step = by_rows(multiply, after, by_rows(conjugate, before))
    vector = np.degrees(by_rows(rotation_vector, step, of=ARRAYS)[0])
    return np.asarray(vector, dtype=np.float64)


def as_made(q: FloatArray, turn: Turn) -> bool:
    """Return whether a turn is read as the one that a person made."""
    x, y, z = turn_deg(q, turn)
    level = math.hypot(x, y)
    far = math.hypot(level, z - 90.0) if turn.made == "left" else math.hypot(level - 90.0, z)
    return far <= TURN_OFF_DEG


def fitting(now: Convention, evidence: Evidence) -> list[Convention]:
    """Return the changes of a convention that fit, of those with the fewest settings changed.

    The convention itself, alone, where it fits; none where nothing does. Changes of the
    acceleration are tried after those of the orientation.
    """
    if _fits(now, now, evidence):
        return [now]
    found: list[tuple[int, Convention]] = []
    fewest = math.inf
    for changed, then in _orientations(now):
        if changed > fewest:
            break
        q = reread(evidence.q, now, then)
        if not all(as_made(q, turn) for turn in evidence.turns):
            continue
        for more, one in _accelerations(now, then, q, evidence):
            if changed + more <= fewest:
                fewest = changed + more
                found.append((fewest, one))
    best = [one for changed, one in found if changed == fewest]
    return sorted(best, key=lambda one: [_SETTINGS.index(name) for name in changes(now, one)])


_SETTINGS = [field.name for field in fields(Convention)]


def _fits(now: Convention, then: Convention, evidence: Evidence) -> bool:
    q = reread(evidence.q, now, then)
    if not all(as_made(q, turn) for turn in evidence.turns):
        return False
    return next(_accelerations(now, then, q, evidence), (1, then)) == (0, then)


@functools.cache
def _orientations(now: Convention) -> list[tuple[int, Convention]]:
    """Return every reading of the orientation, with how many settings differ; fewest first.

    All three signs together are the inverse, which has its own word. Two signs of angles are two of
    their quaternion; one of them is none.
    """
    orders = ["wxyz"] if now.angles else ["".join(p) for p in itertools.permutations("wxyz")]
    numbers = (0, 2) if now.angles else (0, 1, 2)
    signs = ["".join(c) for n in numbers for c in itertools.combinations(AXES, n)]
    found = [
        replace(now, earth=earth, inverse=inverse, order=order, flipped=flipped, doubled=doubled)
        for doubled in (False, True)
        for order in orders
        for flipped in signs
        for inverse in (now.inverse, not now.inverse)
        for earth in EARTHS
    ]
    return sorted(((len(changes(now, one)), one) for one in found), key=lambda one: one[0])


def _accelerations(
    now: Convention, then: Convention, q: FloatArray, evidence: Evidence
) -> Iterator[tuple[int, Convention]]:
    """Yield the readings of the acceleration that fit, with how many settings differ."""
    if evidence.acc is None:
        yield 0, then
        return
    for order, flipped in _signed_axes(now.acc):
        one = replace(then, acc_order=order, acc_flipped=flipped)
        if np.all(off_up_deg(q, reread_acc(evidence.acc, now, one)) <= UPRIGHT_DEG):
            yield (order != now.acc_order) + (flipped != now.acc_flipped), one


@functools.cache
def _signed_axes(now: tuple[str, str]) -> list[tuple[str, str]]:
    orders = ["".join(p) for p in itertools.permutations(AXES)]
    signs = ["".join(c) for n in range(4) for c in itertools.combinations(AXES, n)]
    found = [(order, flipped) for order in orders for flipped in signs]
    return sorted(found, key=lambda one: (one[0] != now[0]) + (one[1] != now[1]))


def changes(now: Convention, then: Convention) -> list[str]:
    """Return the names of the settings that differ."""
    return [name for name in _SETTINGS if getattr(now, name) != getattr(then, name)]


EARTH_WORDS = {"ENU": "its earth points up", "NED": "its earth points down", "YUP": "its y is up"}


def change_words(now: Convention, then: Convention) -> str:
    """Return what to change in the profile."""
    oriented = "field.euler_zyx_deg" if now.angles else "field.quat"
    words = {
        "earth": f'{EARTH_WORDS[then.earth]}: set earth_frame to "{then.earth}"',
        "inverse": "it sends the inverse: set rotation to "
        + ('"earth_to_sensor"' if then.inverse else '"sensor_to_earth"'),
        "order": f'set order of {oriented} to "{then.order}"',
        "flipped": f"set sign of {oriented} to {_signs(then.flipped)}",
        "doubled": "it sends half of its angle: "
        + ("double the scale of field.euler_zyx_deg" if now.angles else "no profile doubles it"),
        "acc_order": f'set order of field.acc to "{then.acc_order}"',
        "acc_flipped": f"set sign of field.acc to {_signs(then.acc_flipped)}",
    }
    return " and ".join(words[name] for name in changes(now, then))


def _signs(flipped: str) -> str:
    if not flipped:
        return "1 for x, y and z"
    return "{ " + ", ".join(f"{name} = -1" for name in flipped) + " }"


def all_words(now: Convention, fits: Sequence[Convention]) -> str:
    """Return every change that fits, one after the other."""
    return "; or ".join(change_words(now, one) for one in fits)
