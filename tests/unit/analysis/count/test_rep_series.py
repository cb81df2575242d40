"""A recording is counted as it was live, whatever its samples do."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.count.movement import NOTHING
from analysis.count.rep_series import steps_of
from analysis.count.repetition_machine import RepMachine, RepSettings
from analysis.count.start_position import Posture

SETTINGS = RepSettings(onset_deg=3.0, min_range_deg=12.0, typical_range_deg=30.0)
RATE_HZ = 60.0


def wandering(seed: int, seconds: float = 240.0):
    """Return a leg that moves and pauses at will, with holes, knocks, slips and other postures."""
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE_HZ)
    time_s = np.arange(n) / RATE_HZ
    at = np.cumsum(rng.exponential(1.2, 400))
    to = np.where(rng.random(400) < 0.5, 0.0, rng.uniform(-5.0, 45.0, 400))
    angle = np.interp(time_s, np.concatenate(([0.0, 3.0], 3.0 + at)), [0.0, 0.0, *to])
    angle = np.convolve(np.pad(angle, 12, "edge"), np.hanning(25) / np.hanning(25).sum(), "valid")
    angle += 0.1 * rng.standard_normal(n) + np.cumsum(0.004 * rng.standard_normal(n))
    where = np.full(n, int(Posture.START))
    for first in rng.integers(300, n - 200, 12).tolist():
        kind, length = rng.integers(5), int(rng.integers(3, 90))
        part = slice(first, first + length)
        if kind == 0:
            angle[part] = np.nan
        elif kind == 1:
            angle[first : first + 5] += rng.choice([-20.0, 20.0])
        elif kind == 2:
            angle[first:] += rng.choice([-12.0, 12.0])
        else:
            where[part] = kind - 3  # away, or with the shank elsewhere
    where[rng.random(n) < 0.0002] = int(Posture.THIGH)
    return time_s, angle, where


def one_by_one(machine: RepMachine, time_s, angle_deg, where):
    rows = zip(time_s.tolist(), angle_deg.tolist(), where.tolist(), strict=True)
    steps = ((row[0], machine.push(*row)) for row in rows)
    return [(t, step) for t, step in steps if step is not NOTHING]


def same(a, b) -> bool:
    """Return whether two lists of steps are equal: numbers to a billionth, all else exactly."""
    flat = [
        [(t, kind, *(movement or ())) for t, step in steps for kind, movement in enumerate(step)]
        for steps in (a, b)
    ]
    return len(flat[0]) == len(flat[1]) and all(
        len(x) == len(y)
        and all(
            p == pytest.approx(q, rel=0, abs=1e-9) if isinstance(p, float) else p == q
            for p, q in zip(x, y, strict=True)
        )
        for x, y in zip(*flat, strict=True)
    )


@pytest.mark.parametrize("seed", range(12))
def test_a_recording_gives_the_steps_that_its_samples_gave_one_by_one(seed):
    samples = wandering(seed)
    live, batch = RepMachine(SETTINGS, 0.0), RepMachine(SETTINGS, 0.0)
    expected, found = one_by_one(live, *samples), list(steps_of(batch, *samples))
    assert len(expected) > 20
    assert same(found, expected)
    # and both go on alike
    later = (samples[0] + 300.0, *wandering(seed + 100)[1:])
    assert same(list(steps_of(batch, *later)), one_by_one(live, *later))


@pytest.mark.parametrize("jitter_s", [1e-7, 2e-6, 2e-3])
def test_uneven_steps_change_nothing(jitter_s):
    time_s, angle, where = wandering(5)
    time_s = time_s + jitter_s * np.random.default_rng(0).random(len(time_s))
    samples = (time_s[::2], angle[::2], where[::2])
    machines = [RepMachine(SETTINGS, 0.0) for _ in range(2)]
    assert same(list(steps_of(machines[0], *samples)), one_by_one(machines[1], *samples))


def test_a_recording_may_be_given_in_pieces():
    samples = wandering(3)
    whole, pieces = RepMachine(SETTINGS, 0.0), RepMachine(SETTINGS, 0.0)
    found = []
    for first in range(0, len(samples[0]), 333):
        found += list(steps_of(pieces, *(column[first : first + 333] for column in samples)))
    assert same(found, list(steps_of(whole, *samples)))


def test_in_a_hold_next_to_nothing_is_asked_of_the_machine():
    time_s = np.arange(0.0, 12.0, 1.0 / RATE_HZ)
    angle = np.interp(time_s, [0, 3, 4, 8, 9, 12], [0.0, 0.0, 30.0, 29.0, 0.0, 0.0])
    where, machine = np.full(len(time_s), int(Posture.START)), RepMachine(SETTINGS, 0.0)
    asked = []
    push = machine.push_foreseen
    machine.push_foreseen = lambda *sample: asked.append(sample[0]) or push(*sample)
    (valid,) = [s.completed for _, s in steps_of(machine, time_s, angle, where) if s.completed]
    assert valid.status == "valid"
    assert sum(4.5 < t < 8.0 for t in asked) < 10
