"""What a guided check shows of each unit: figures, faults, and the change of the profile."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from hipturn.units.doctor import Finding
from hipturn.units.rest_check import DRIFT_DPS_MAX, LOST_PERCENT_MAX, MOVED_DPS, drift_dps
from hipturn.units.unit_check import CIRCLE, JUMP_RAD, LEFT_EDGE, TASKS, TURNS, UnitCheck
from hipturn.words import Said
from imu.clocks.losses import losses
from imu.conventions.case_axes import axes_seen
from imu.conventions.frame_length import unread_words
from imu.conventions.reread import (
    Convention,
    Evidence,
    Turn,
    all_words,
    convention_of,
    fitting,
    off_up_deg,
    reread,
    turn_deg,
)
from imu.conventions.still_poses import Pose
from imu.profiles.unit_layout import Case, Profile
from imu.quaternion import ARRAYS, Quaternion, by_rows, conjugate, multiply, rotation_vector
from imu.sample import STANDARD_GRAVITY, FloatArray, Sample, SampleTable, Unit

RATE_SHARE = 0.1
"""Sensors without a quartz run up to a few percent off; the next rate is a fifth away or more."""
CLOCK_SHARE = 0.02
"""Arrival is uncertain by some 0.1 s in 30 s; a wrong tick is off by far more."""
CIRCLE_OFF_DEG = 20.0
"""Four quarter turns of a unit that is 3 % off are 11° off, and a hand misses by 2° a time."""
QUARTER_OFF_DEG = 15.0
"""One quarter turn: 3 % of it, and a hand that misses by 2° at both ends."""
HALF = (35.0, 57.0)
"""What a quarter turn is read as where the angle is halved, in degrees."""
ONE_G_SHARE = 0.15
"""Cheap accelerometers are wrong by a few percent; the next unit is 9.8 times as large."""
NO_GRAVITY = 0.3
"""Of one g: less than this at rest is no acceleration with gravity."""
FEWEST_POSES = CIRCLE.stop + 1
"""The whole turn and one tip: fewer leave several readings possible."""
RATES_AGREE = (0.6, 1.6)
"""Rotation rate over the turn of the orientation, summed; deg/s for rad/s is off by 57."""
ALIKE = 0.8
"""Cosine between two series of turns that are meant to be one."""
MOVED_ENOUGH_RAD = math.radians(90.0)
ALIKE_DEG = 20.0
"""Two units on one book turn alike but for 3 % each and the book's give."""
AXES = "xyz"


class Checkable(Protocol):
    """What is known of a unit that is checked: on the air, or a phone."""

    @property
    def name(self) -> str:
        """Return what people call it."""

    @property
    def convention(self) -> Convention:
        """Return how it is read."""

    @property
    def case(self) -> Case | None:
        """Return where its axes are in its case; None where that cannot be seen."""

    def seen(self, key: str, **figures: Any) -> Said:  # noqa: ANN401 (text or number)
        """Return what is seen of it, by its key in the table `seen`, and what mends it."""

    def change(self, fits: Sequence[Convention]) -> str:
        """Return what mends a unit that other conventions explain."""

    def unread(self) -> str:
        """Return why no sample of it could be read, and what to do."""

    def more(self, resting: Sequence[Sample]) -> Iterator[Finding]:
        """Return what else its samples at rest show."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A unit on the air that is checked."""

    name: str
    """What people call it."""
    profile: Profile
    stream: str
    payloads: Sequence[bytes] = ()
    """Some of its notifications as they came, for where no sample can be read in them."""

    @property
    def convention(self) -> Convention:
        """Return how its profile reads it."""
        return convention_of(self.profile, self.stream)

    @property
    def case(self) -> Case | None:
        """Return where its axes are in its case; None where that cannot be seen."""
        return self.profile.case

    def seen(self, key: str, **figures: Any) -> Said:  # noqa: ANN401 (text or number)
        """Return what is seen of it, and the change of its profile."""
        return Said(f"seen.{key}", **figures)

    def change(self, fits: Sequence[Convention]) -> str:
        """Return every change of its profile that fits."""
        return all_words(self.convention, fits)

    def unread(self) -> str:
        """Return why no sample could be read, and the change of the profile."""
        return unread_words(self.profile.streams[self.stream], self.payloads)

    def more(self, resting: Sequence[Sample]) -> Iterator[Finding]:  # noqa: ARG002
        """Return nothing: what every unit shows is all."""
        yield from ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check showed of one unit."""

    unit: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Return whether nothing is wrong with it."""
        return _all_good(self.findings)


def verdicts(check: UnitCheck, subjects: Sequence[Checkable]) -> list[Verdict]:
    """Return what a check that is over showed of each of its units."""
    table = SampleTable.from_samples(check.resting)
    lost = losses(table, check.units) if len(table) else ()
    found = []
    for index, (unit, subject) in enumerate(zip(check.units, subjects, strict=True)):
        own = [sample for sample in check.resting if sample.unit == index]
        if not own:
            text = subject.unread()
            found.append(Verdict(subject.name, (Finding(Said("looked_at.samples"), False, text),)))
            continue
        findings = [*_at_rest(subject, unit, own, check.rested_s, lost[index].share)]
        findings += subject.more(own)
        moving = [sample for sample in check.moving if sample.unit == index]
        seen = list(_in_poses(subject, check, index, moving))
        case = subject.case
        if case is not None and len(check.poses[index]) == len(TASKS) and _all_good(seen):
            seen.append(_axes_of_case(subject, case, _table(check.poses[index])))
        findings += seen
        found.append(Verdict(subject.name, tuple(findings)))
    return found


def _all_good(findings: Sequence[Finding]) -> bool:
    return all(finding.good for finding in findings)


def turn_alike(check: UnitCheck, names: Sequence[str]) -> Iterator[Finding]:
    """Return, for each further unit on the book, whether it turned as the first did."""
    whole = [unit for unit, poses in enumerate(check.poses) if len(poses) == len(TASKS)]
    tables = {unit: _table(check.poses[unit]) for unit in whole}
    for other in whole[1:]:
        sizes = [[_size_deg(tables[unit], turn) for turn in TURNS] for unit in (whole[0], other)]
        off_deg = max(abs(a - b) for a, b in zip(*sizes, strict=True))
        key = "seen.alike" if off_deg <= ALIKE_DEG else "seen.differently"
        pair = Said("and_then", first=names[whole[0]], then=names[other])
        yield Finding(pair, off_deg <= ALIKE_DEG, Said(key, deg=off_deg))


def _size_deg(q: FloatArray, turn: Turn) -> float:
    return float(np.linalg.norm(turn_deg(q, turn)))


def _at_rest(
    subject: Checkable, unit: Unit, samples: Sequence[Sample], rested_s: float, lost_share: float
) -> Iterator[Finding]:
    """Return rate, clock, losses and drift of one unit."""
    rate_hz = (len(samples) - 1) / max(rested_s, 1.0)
    clock = _clock_share(unit, samples)
    own_hz = _own_hz(unit, samples)
    yield _rate(subject, unit, rate_hz, own_hz)
    if clock is not None:
        yield _clock(subject, unit, clock)
    if own_hz is not None:  # without clock and counter, what is lost shows in the rate only
        lost = 100.0 * lost_share
        key = "lost" if lost <= LOST_PERCENT_MAX else "lost_much"
        yield Finding(
            Said("looked_at.loss"), lost <= LOST_PERCENT_MAX, subject.seen(key, percent=lost)
        )
    yield _drift(subject, drift_dps(samples))


def _rate(subject: Checkable, unit: Unit, rate_hz: float, own_hz: float | None) -> Finding:
    what = Said("looked_at.rate")
    sends_hz = rate_hz if own_hz is None else own_hz
    rates = {"rate_hz": rate_hz, "of": unit.rate_hz, "sends_hz": sends_hz}
    if _off(sends_hz, unit.rate_hz) <= RATE_SHARE:
        return Finding(what, True, subject.seen("rate", **rates))
    key = "rate_lost" if own_hz is None and rate_hz < unit.rate_hz else "rate_other"
    return Finding(what, False, subject.seen(key, **rates))


def _off(value: float, wanted: float) -> float:
    return abs(value / wanted - 1.0)


def _own_hz(unit: Unit, samples: Sequence[Sample]) -> float | None:
    """Return the samples a second by the unit's own counter or clock; None where it has neither."""
    span_s = (samples[-1].host_time_ns - samples[0].host_time_ns) * 1e-9
    counted = _counted([s.sequence for s in samples], unit.sequence_bits)
    if counted is not None and span_s > 0:
        return counted / span_s
    ticks = _steps([s.device_time for s in samples], unit.time_bits)
    ahead = ticks[ticks > 0] if ticks is not None else np.zeros(0)
    if unit.tick_s is None or not len(ahead):
        return None
    # by arrival, not by its own seconds, whose length is another question
    whole = float(ahead.sum())
    return whole / float(np.median(ahead)) / span_s if span_s > 0 else None


def _clock_share(unit: Unit, samples: Sequence[Sample]) -> float | None:
    """Return how many seconds the unit's clock counts in one of this computer's."""
    counted = _counted([sample.device_time for sample in samples], unit.time_bits)
    span_s = (samples[-1].host_time_ns - samples[0].host_time_ns) * 1e-9
    if counted is None or unit.tick_s is None or span_s <= 0:
        return None
    return counted * unit.tick_s / span_s


def _steps(counts: Sequence[int | None], bits: int) -> FloatArray | None:
    """Return how far a wrapping counter went from each sample to the next."""
    known = [count for count in counts if count is not None]
    if len(known) < 2 or len(known) < len(counts):
        return None
    half = 1 << (bits - 1)
    pairs = itertools.pairwise(known)
    return np.array([((b - a + half) % (2 * half)) - half for a, b in pairs], dtype=np.float64)


def _counted(counts: Sequence[int | None], bits: int) -> float | None:
    steps = _steps(counts, bits)
    return None if steps is None else float(steps.sum())


def _clock(subject: Checkable, unit: Unit, share: float) -> Finding:
    what = Said("looked_at.clock")
    if abs(share - 1.0) <= CLOCK_SHARE:
        return Finding(what, True, subject.seen("clock", share=share))
    if share <= 0 or unit.tick_s is None:
        return Finding(what, False, subject.seen("clock_stands"))
    lasts, unit_s = f"{1.0 / share:.3g}", f"{unit.tick_s / share:.4g}"
    return Finding(what, False, subject.seen("clock_other", lasts=lasts, unit_s=unit_s))


def _drift(subject: Checkable, dps: float) -> Finding:
    key = "drift" if dps <= DRIFT_DPS_MAX else "drifts"
    if dps > MOVED_DPS:
        key = "moved"
    return Finding(Said("looked_at.drift"), dps <= DRIFT_DPS_MAX, subject.seen(key, dps=dps))


def _in_poses(
    subject: Checkable, check: UnitCheck, unit: int, moving: Sequence[Sample]
) -> Iterator[Finding]:
    """Return what acceleration and orientation of one unit show.

    A unit that misses a step is judged by the poses before it: a wrong reading may be what made it
    seem to move, as an orientation of half the angle does where it jumps over by half a turn.
    """
    now = subject.convention
    poses = check.poses[unit]
    whole = len(poses) == len(TASKS)
    if not whole:
        text = subject.seen("not_followed", task=TASKS[len(poses)].text)
        missed = Finding(Said("looked_at.orientation"), False, text)
        if len(poses) < FEWEST_POSES:
            yield missed
            return
    turns = tuple(turn for turn in TURNS if turn.after < len(poses))
    q, acc = _table(poses), _accelerations(poses)
    if acc is not None:
        size = _acceleration(subject, acc)
        yield size
        if not size.good:
            acc = None
    fits = fitting(now, Evidence(q, acc, turns))
    if not fits and _jumps_by_half(now, check.jumps(unit)):
        fits = [replace(now, doubled=True)]
    rates = _Rates.of(moving)
    if rates is not None and len(fits) > 1:  # the rotation rate tells some of them apart
        fits = [one for one in fits if rates.agree(now, one)] or fits
    if whole or fits != [now]:
        yield _orientation(subject, fits, q, acc, turns)
    if not whole:
        yield missed
    elif rates is not None and fits:
        yield rates.finding(subject, fits[0])


def _jumps_by_half(now: Convention, jumps: Sequence[tuple[Quaternion, Quaternion]]) -> bool:
    """Say whether an orientation jumped, and twice its angle did not."""
    if not jumps:
        return False
    before, after = (np.array(side) for side in zip(*jumps, strict=True))
    doubled = replace(now, doubled=not now.doubled)
    sides = [reread(side, now, doubled) for side in (before, after)]
    apart = by_rows(
        rotation_vector, by_rows(multiply, by_rows(conjugate, sides[0]), sides[1]), of=ARRAYS
    )
    return float(np.median(np.linalg.norm(apart, axis=1))) < JUMP_RAD / 2.0


def _table(poses: Sequence[Pose]) -> FloatArray:
    return np.array([pose.q for pose in poses])


def _accelerations(poses: Sequence[Pose]) -> FloatArray | None:
    if any(pose.acc is None for pose in poses):
        return None
    return np.array([pose.acc for pose in poses], dtype=np.float64)


def _acceleration(subject: Checkable, acc: FloatArray) -> Finding:
    size = float(np.median(np.linalg.norm(acc, axis=1))) / STANDARD_GRAVITY
    key, factor = "scale_acc", f"{1.0 / size:.3g}" if size else ""
    if abs(size - 1.0) <= ONE_G_SHARE:
        key = "acc"
    elif abs(size * STANDARD_GRAVITY - 1.0) <= ONE_G_SHARE:
        key = "acc_in_g"
    elif abs(size / STANDARD_GRAVITY - 1.0) <= ONE_G_SHARE:
        key = "acc_in_mps"
    elif size < NO_GRAVITY:
        key = "no_gravity"
    text = subject.seen(key, size=size, factor=factor)
    return Finding(Said("looked_at.acceleration"), key == "acc", text)


def _orientation(
    subject: Checkable,
    fits: Sequence[Convention],
    q: FloatArray,
    acc: FloatArray | None,
    turns: Sequence[Turn],
) -> Finding:
    sizes = [_size_deg(q, turn) for turn in turns]
    lefts = [turn_deg(q, TURNS[task - 1]) for task in CIRCLE]
    circle = abs(sum(float(turn[2]) for turn in lefts))
    quarter, tip = float(np.median(sizes[: len(CIRCLE)])), float(np.median(sizes[len(CIRCLE) :]))
    now, what = subject.convention, Said("looked_at.orientation")
    turned = {"quarter": quarter, "tip": tip, "circle": circle}
    seen = subject.seen("turns", **turned)
    if fits == [now]:
        if acc is not None:
            seen = subject.seen("turns_up", up=float(off_up_deg(q, acc).max()), **turned)
        off = abs(circle - 360.0)
        good = off <= CIRCLE_OFF_DEG and abs(quarter - 90.0) <= QUARTER_OFF_DEG
        return Finding(what, good, seen if good else _so(seen, subject.seen("same_edge")))
    return Finding(
        what, False, _so(seen, subject.change(fits) if fits else _no_change(subject, quarter))
    )


def _axes_of_case(subject: Checkable, case: Case, q: FloatArray) -> Finding:
    """Return whether a unit turns about the axes that its case shows when it is tipped."""
    ahead, up = axes_seen(q[LEFT_EDGE - 1], q[LEFT_EDGE])
    what, axes = Said("looked_at.axes"), {"ahead": ahead, "up": up}
    if (ahead, up) == (case.ahead, case.up):
        return Finding(what, True, subject.seen("axes", **axes))
    text = subject.seen("other_axes", case_ahead=case.ahead, case_up=case.up, lay=case.lay, **axes)
    return Finding(what, False, text)


def _no_change(subject: Checkable, quarter_deg: float) -> Said:
    if HALF[0] <= quarter_deg <= HALF[1]:
        return subject.seen("half")
    if quarter_deg > 180.0 - QUARTER_OFF_DEG:
        return subject.seen("twice")
    return subject.seen("unexplained")


def _so(seen: str, change: str) -> Said:
    """Return what was seen, and what to do about it."""
    return Said.together((seen, change), ": ")


class _Rates:
    """The rotation rate of a unit while it was turned, beside its orientation."""

    def __init__(self, q: FloatArray, gyr: FloatArray) -> None:
        self._q, self._gyr = q, gyr

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> _Rates | None:
        """Return the rates of samples; None where the unit sends none, or was hardly turned."""
        both = [(one.q, one.gyr) for one in samples if one.q is not None and one.gyr is not None]
        if len(both) < 2:
            return None
        span_s = (samples[-1].host_time_ns - samples[0].host_time_ns) * 1e-9
        rate_hz = (len(samples) - 1) / max(span_s, 1e-3)  # not what it was set to
        q = np.array([q for q, _ in both], dtype=np.float64)
        gyr = np.array([gyr for _, gyr in both], dtype=np.float64)[1:] / rate_hz
        rates = cls(q, gyr)
        return rates if np.linalg.norm(rates._turns(q), axis=1).sum() > MOVED_ENOUGH_RAD else None

    @staticmethod
    def _turns(q: FloatArray) -> FloatArray:
        """Return the turns in the unit's axes from each sample to the next, shape (n − 1, 3)."""
        steps = by_rows(multiply, by_rows(conjugate, q[:-1]), q[1:])
        return by_rows(rotation_vector, steps, of=ARRAYS)

    def agree(self, now: Convention, then: Convention) -> bool:
        """Return whether the rates are those of the orientation as another convention reads it."""
        return self._likeness(self._turns(reread(self._q, now, then)), self._gyr) >= ALIKE

    def finding(self, subject: Checkable, then: Convention) -> Finding:
        """Return what the rates show, and what to change."""
        turns = self._turns(reread(self._q, subject.convention, then))
        whole = float(np.linalg.norm(turns, axis=1).sum())
        ratio = float(np.linalg.norm(self._gyr, axis=1).sum()) / whole
        what, seen = Said("looked_at.rotation_rate"), subject.seen("turning", ratio=ratio)
        if not RATES_AGREE[0] <= ratio <= RATES_AGREE[1]:
            return Finding(what, False, _so(seen, _rate_change(subject, ratio)))
        if self._likeness(turns, self._gyr) >= ALIKE:
            return Finding(what, True, seen)
        seen = subject.seen("turning_otherwise", ratio=ratio)
        return Finding(what, False, _so(seen, self._axes(subject, turns)))

    @staticmethod
    def _likeness(turns: FloatArray, gyr: FloatArray) -> float:
        """Return the cosine between both over the whole check."""
        both = float(np.linalg.norm(turns) * np.linalg.norm(gyr))
        return float((turns * gyr).sum()) / max(both, 1e-12)

    def _axes(self, subject: Checkable, turns: FloatArray) -> Said:
        """Return which order and signs make the rates those of the orientation."""
        for order in itertools.permutations(range(3)):
            for signs in itertools.product((1.0, -1.0), repeat=3):
                if self._likeness(turns, self._gyr[:, order] * np.array(signs)) >= ALIKE:
                    axes = ", ".join(
                        f"{name} = {'-' if sign < 0 else ''}{AXES[at]}"
                        for name, at, sign in zip(AXES, order, signs, strict=True)
                    )
                    return subject.seen("gyr_axes", axes=axes)
        return subject.seen("gyr_wrong")


def _rate_change(subject: Checkable, ratio: float) -> Said:
    low, high = RATES_AGREE
    if low <= math.radians(ratio) <= high:
        return subject.seen("gyr_in_deg")
    if low <= math.degrees(ratio) <= high:
        return subject.seen("gyr_in_rad")
    return subject.seen("gyr_scale")


__all__ = ["Checkable", "Subject", "Verdict", "turn_alike", "verdicts"]
