"""The trials of a test in the angle of one leg: where each ended, of any size and either sign.

A trial runs from its cue to the return or the next cue; without cues, from a departure from rest.
Its end position is its furthest plateau of a second. A stiff hip is the finding, not a failed
measurement: no least range is asked for, and a leg that was cued and does not move is a trial. The
repetitions of an exercise are counted elsewhere, and not here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from imu.sample import BoolArray, FloatArray

DEPART_DEG = 1.5
"""A leg this far from its rest has begun a trial: ten times the sway of a leg at rest."""
CUED_DEPART_DEG = 0.6
"""The same after a cue, when a movement is expected: four times the sway."""
PLATEAU_S = 1.0
"""How long an end position is kept, as testers keep it."""
PLATEAU_DEG, PLATEAU_SHARE = 0.5, 0.08
"""How far the angle may wander within that second: three times the sway of a leg at rest, or this
share of the trial, for legs held against gravity sink by 12 to 14 % over a hold."""
HELD_DPS, HELD_SHARE_PER_S = 4.0, 0.12
"""... and how fast, in degrees and in trials a second: the slow end of a stroke is no plateau."""
BACK_DEG, BACK_SHARE = 1.0, 0.30
"""So near to its rest the leg is back."""
SWUNG_SHARE = 0.5
"""A leg that swings past its rest by less than this share of its trial has only come back."""
HALF = 0.5
"""A leg that fell by this share and rises again begins the next trial from there."""
SMOOTH_S = 0.25
"""Smoothing of the angle in which trials are looked for; levels come from the angle itself."""
QUIET_DPS = 2.0
"""A leg slower than this has come back; a stroke of 35° in 8 s is, within a degree of its end."""
DRIFT_DPS, DRIFT_S = 1.0, 3.0
"""At rest the rest level follows what is slower than this, with this time constant: a heading that
drifts, and not a slow departure of a stiff hip."""
REST_S = 0.5
"""The rest before a first trial, or a cue, is the median of so long."""
MOVED_DEG = 5.0
"""A set that begins farther from the start position begins in the middle of a trial."""
JUMP_DEG, BESIDE = 0.5, 5
"""So far in one sample, with so many calm ones on either side, jumps the angle of a still leg whose
zero is renewed."""
GAP_S = 0.5
"""A longer hole in the angle ends what is under way."""


class Plateau(NamedTuple):
    """Where a leg was kept."""

    level_deg: float
    duration_s: float
    start_s: float
    end_s: float


class Excursion(NamedTuple):
    """One way from rest and back; the way is +1 inwards, −1 outwards."""

    start_s: float
    end_s: float
    rest_deg: float
    way: int
    cued: bool
    plateau: Plateau | None
    """None where nothing was kept for a second."""
    longest_s: float
    """How long the leg was kept at its far end, a second or less."""
    far_deg: float
    """How far from its rest it went, kept there or not."""
    back_deg: float
    """Where it was when it had returned, or at its end."""

    @property
    def size_deg(self) -> float:
        """Return how far it went from its rest; NaN without a plateau."""
        return math.nan if self.plateau is None else self.plateau.level_deg - self.rest_deg


def excursions(
    time_s: FloatArray,
    angle_deg: FloatArray,
    start_deg: float,
    cues_s: Sequence[float] = (),
    *,
    both_ways: bool = False,
) -> list[Excursion]:
    """Return what one leg did in a set, in order of time.

    Parameters
    ----------
    time_s, angle_deg
        The set, shape (n,); NaN where the angle is refused.
    start_deg
        The angle of the start position, where the leg is taken to rest at first.
    cues_s
        Moments at which a trial was asked for; with any, nothing else is a trial.
    both_ways
        Whether a trial goes inwards and then outwards: each way is an excursion of its own. Else a
        leg that swings past its rest on the way back has a new rest there.
    """
    found: list[Excursion] = []
    if cues_s:
        for begin_s, end_s in zip(cues_s, (*cues_s[1:], math.inf), strict=True):
            inside = (time_s >= begin_s) & (time_s < end_s) & ~np.isnan(angle_deg)
            before = (time_s >= begin_s - REST_S) & (time_s <= begin_s) & ~np.isnan(angle_deg)
            rest_deg = float(np.median(angle_deg[before])) if before.any() else start_deg
            run = _Run.of(time_s[inside], angle_deg[inside])
            found += _cued(run, rest_deg, start_deg, begin_s, both_ways=both_ways)
        return found
    for run in _runs(time_s, angle_deg):
        first_deg = float(np.median(run.angle_deg[: run.samples(REST_S)]))
        rest_deg = first_deg if abs(first_deg - start_deg) <= MOVED_DEG else start_deg
        departures = _departures(run, rest_deg, DEPART_DEG, both_ways=both_ways)
        found += [each for each in departures if both_ways or not _is_return(each, start_deg)]
    return found


class _Run:
    """A stretch of known angles."""

    def __init__(self, time_s: FloatArray, angle_deg: FloatArray, calm: FloatArray) -> None:
        self.time_s, self.angle_deg, self.calm = time_s, angle_deg, calm
        steps = np.diff(time_s)
        self.dt = float(np.median(steps)) if len(steps) else SMOOTH_S

    @classmethod
    def of(cls, time_s: FloatArray, angle_deg: FloatArray) -> _Run:
        run = cls(time_s, angle_deg, angle_deg)
        half = run.samples(SMOOTH_S) // 2
        if half and len(angle_deg) > 2 * half:
            padded = np.pad(angle_deg, half, mode="edge")
            run.calm = np.convolve(padded, np.ones(2 * half + 1) / (2 * half + 1), mode="valid")
        return run

    def samples(self, seconds: float) -> int:
        return max(1, round(seconds / self.dt))


def _runs(time_s: FloatArray, angle_deg: FloatArray) -> Iterator[_Run]:
    known = np.flatnonzero(~np.isnan(angle_deg))
    if not len(known):
        return
    ends = np.diff(time_s[known]) > GAP_S
    breaks = np.flatnonzero(ends | _renewals(angle_deg[known])) + 1
    for rows in np.split(known, breaks):
        if time_s[rows[-1]] - time_s[rows[0]] >= PLATEAU_S:
            yield _Run.of(time_s[rows], angle_deg[rows])


def _renewals(angle_deg: FloatArray) -> BoolArray:
    """Return after which samples (n − 1,) of a still leg its zero was renewed: the angle jumps."""
    steps = np.abs(np.diff(angle_deg))
    jumps = steps > JUMP_DEG
    for i in np.flatnonzero(jumps):
        beside = np.concatenate((steps[max(0, i - BESIDE) : i], steps[i + 1 : i + 1 + BESIDE]))
        jumps[i] = not len(beside) or beside.max() < JUMP_DEG / BESIDE
    return jumps


def _cued(
    run: _Run, rest_deg: float, start_deg: float, cue_s: float, *, both_ways: bool
) -> Iterator[Excursion]:
    """Yield the one trial of a cue, and the way back to the other side where there was one."""
    if len(run.time_s) < 2:
        return
    found = list(_departures(run, rest_deg, CUED_DEPART_DEG, both_ways=both_ways))
    still = len(run.time_s)
    if found and _only_goes_back(found[0], start_deg):
        still = int(np.searchsorted(run.time_s, found[0].start_s))
        found = [] if still >= run.samples(PLATEAU_S) else found
    if not found:  # it was asked to move and did not
        yield _excursion(run, slice(0, still), rest_deg, 1)._replace(start_s=cue_s, cued=True)
        return
    first = found[0]
    yield first._replace(start_s=cue_s, cued=True)
    if both_ways:
        yield from (other._replace(cued=True) for other in found[1:2] if other.way != first.way)


def _departures(
    run: _Run, rest_deg: float, depart_deg: float, *, both_ways: bool
) -> Iterator[Excursion]:
    """Yield every departure from rest with its return."""
    speeds = np.abs(np.gradient(run.calm, run.dt)) if len(run.calm) > 1 else np.zeros(1)
    values, follow = run.calm.tolist(), min(1.0, run.dt / DRIFT_S)
    way, start, rest_from, far, valley = 0, 0, 0, 0.0, math.inf
    before: Excursion | None = None
    """The one that crossed the rest and went on to the other side."""
    for i, (x, speed) in enumerate(zip(values, speeds.tolist(), strict=True)):
        if way == 0:
            if abs(x - rest_deg) < depart_deg:
                rest_deg += follow * (x - rest_deg) if speed < DRIFT_DPS else 0.0
                continue
            way = 1 if x > rest_deg else -1
            start = _left_rest(values, rest_from, i, rest_deg, depart_deg)
            far, valley = 0.0, math.inf
        out = way * (x - rest_deg)
        if out > far:
            far, valley = out, math.inf
        valley = min(valley, out)
        if valley > HALF * far:
            continue
        near_deg = max(min(BACK_DEG, HALF * far), BACK_SHARE * far)
        again = out - valley >= near_deg
        back = out <= near_deg and speed < QUIET_DPS
        crossed = out <= -DEPART_DEG
        if again or back or crossed:
            found = _excursion(run, slice(start, i), rest_deg, way)
            if both_ways or not _swung_past(found, before):
                yield found
            before = found if crossed else None
            rest_deg = rest_deg if crossed else rest_deg + way * valley if again else x
            way, rest_from = 0, i
    if way:
        yield _excursion(run, slice(start, len(values)), rest_deg, way)


def _swung_past(each: Excursion, before: Excursion | None) -> bool:
    """Say whether it is the end of the way back of the one before, and no trial."""
    if before is None or each.plateau is None or before.plateau is None:
        return before is not None and each.plateau is None
    return abs(each.size_deg) < SWUNG_SHARE * abs(before.size_deg)


def _is_return(each: Excursion, start_deg: float) -> bool:
    """Say whether it went back to the start position, from a rest that lay elsewhere."""
    if each.plateau is None:
        return False
    return abs(each.plateau.level_deg - start_deg) < abs(each.rest_deg - start_deg)


def _only_goes_back(each: Excursion, start_deg: float) -> bool:
    """Say whether it began clearly off the start position and went no farther than back to it."""
    off_deg = each.way * (start_deg - each.rest_deg)
    return off_deg > 2.0 * CUED_DEPART_DEG and each.far_deg <= off_deg + CUED_DEPART_DEG


def _left_rest(values: list[float], first: int, i: int, rest_deg: float, depart_deg: float) -> int:
    """Return where the departure that is noticed at `i` began."""
    while i > first and abs(values[i - 1] - rest_deg) > depart_deg / 3.0:
        i -= 1
    return i


def _excursion(run: _Run, rows: slice, rest_deg: float, way: int) -> Excursion:
    time_s = run.time_s[rows]
    plateau, longest_s = _furthest(run, rows, rest_deg, way)
    return Excursion(
        start_s=float(time_s[0]),
        end_s=float(time_s[-1]),
        rest_deg=rest_deg,
        way=way,
        cued=False,
        plateau=plateau,
        longest_s=longest_s,
        far_deg=float(np.max(way * (run.calm[rows] - rest_deg))),
        back_deg=float(run.calm[rows][-1]),
    )


def _furthest(run: _Run, rows: slice, rest_deg: float, way: int) -> tuple[Plateau | None, float]:
    """Return the furthest plateau of a second, and for how long the far end was kept at most."""
    time_s, calm, angle = run.time_s[rows], run.calm[rows], run.angle_deg[rows]
    if len(calm) < 2:
        return None, 0.0
    out = way * (calm - rest_deg)
    top = float(np.max(out))
    allowed = max(PLATEAU_DEG, PLATEAU_SHARE * top)
    slow = np.abs(np.gradient(calm, run.dt)) < max(HELD_DPS, HELD_SHARE_PER_S * top)
    length = run.samples(PLATEAU_S)
    longest_s = min(_longest((out >= top - allowed) & slow) * run.dt, PLATEAU_S)
    if len(out) < length:
        return None, longest_s
    windows = np.lib.stride_tricks.sliding_window_view(out, length)
    still = windows.max(axis=1) - windows.min(axis=1) <= allowed
    still &= np.lib.stride_tricks.sliding_window_view(slow, length).all(axis=1)
    if top >= CUED_DEPART_DEG:  # it moved: the rest it left and came back to is no end position
        still &= windows.min(axis=1) >= HALF * top
    if not still.any():
        return None, longest_s
    best = int(np.argmax(np.where(still, windows.mean(axis=1), -math.inf)))
    first, last = best, best + length - 1
    level = float(np.median(angle[first : last + 1]))
    near = (np.abs(calm - level) <= allowed) & slow
    while first > 0 and near[first - 1]:
        first -= 1
    while last < len(near) - 1 and near[last + 1]:
        last += 1
    held_s = float(time_s[last] - time_s[first])
    return Plateau(level, held_s, float(time_s[first]), float(time_s[last])), PLATEAU_S


def _longest(flags: BoolArray) -> int:
    """Return the length of the longest run of true flags."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return int(np.max(edges[1::2] - edges[::2])) if len(edges) else 0
