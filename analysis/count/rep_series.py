"""The movements of a whole recording: `RepMachine` fed as fast as its samples allow.

Where samples follow one another evenly and none jumps, what the machine's filters make of them does
not depend on its state: a run of them is filtered first, and the machine only decides; in a hold
it has nothing to decide until the leg leaves it. Everywhere else samples are pushed one at a time.
The steps are those of `RepMachine.push`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from analysis.count.angle_filter import SmoothedRun
from analysis.count.circles import CircleMachine
from analysis.count.knocks import JUMP_DEG
from analysis.count.movement import NOTHING, Step
from analysis.count.repetition_machine import RepMachine
from imu.sample import FloatArray, IntArray

RUN = 4096
"""Samples filtered at once: enough to be fast, few enough to stay in a processor's cache."""
AHEAD = 256
"""Samples looked at ahead in a hold, in which nothing happens."""
SHORT = 32
"""Shorter runs are not worth their arrays."""
SINGLE = 8
"""Samples pushed one at a time where a run is broken."""


def steps_of(
    machine: RepMachine, time_s: FloatArray, angle_deg: FloatArray, where: IntArray
) -> Iterator[tuple[float, Step]]:
    """Yield the steps that are not `NOTHING`, each with its time.

    Parameters
    ----------
    machine
        It goes on from where it is; what yields is to be used before the next step is asked for.
    time_s, angle_deg, where
        Shape (n,): increasing times, angles with NaN in holes, and `Posture`.
    """
    known = ~np.isnan(angle_deg)
    time_s, angle_deg, where = time_s[known], angle_deg[known], where[known]
    dt = np.diff(time_s, prepend=-np.inf)
    plain = np.abs(np.diff(angle_deg, prepend=np.inf)) < JUMP_DEG
    plain &= dt <= machine.settings.gap_s
    first = 0
    while first < len(time_s):
        ahead = slice(first, first + RUN)
        even = plain[ahead] & machine.foreseeable(dt[ahead])
        count = len(even) if even.all() else int(np.argmin(even))
        taken = count if count >= SHORT else SINGLE
        part = slice(first, first + taken)
        if count >= SHORT:
            seen = machine.foresee(time_s[part], angle_deg[part])
            yield from _foreseen(machine, (time_s[part], dt[part], where[part]), seen)
        else:
            yield from _pushed(machine, (time_s[part], angle_deg[part], where[part]))
        first += taken


def circle_steps(
    machine: CircleMachine,
    time_s: FloatArray,
    angle_deg: FloatArray,
    where: IntArray,
    foot: FloatArray,
) -> Iterator[tuple[float, Step]]:
    """Yield the same of circles, given also how high the foot is, shape (n,)."""
    columns = (column.tolist() for column in (time_s, angle_deg, where, foot))
    for t, angle, posture, height in zip(*columns, strict=True):
        machine.see_foot(height)
        step = machine.push(t, angle, posture)
        if step is not NOTHING:
            yield t, step


def _foreseen(
    machine: RepMachine, columns: tuple[FloatArray, FloatArray, IntArray], seen: SmoothedRun
) -> Iterator[tuple[float, Step]]:
    push = machine.push_foreseen
    time_s, _, where = columns
    fast, tried = np.array(seen.fast), 0
    samples = zip(*(column.tolist() for column in columns), zip(*seen, strict=True), strict=True)
    numbered = enumerate(samples, 1)
    for after, sample in numbered:
        step = push(*sample)
        if step is not NOTHING:
            yield sample[0], step
        elif after > tried and machine.is_below_top:
            ahead = slice(after, after + AHEAD)
            idle = machine.idle(time_s[ahead], where[ahead], fast[ahead])
            for _ in islice(numbered, max(idle - 1, 0)):  # the last one tells how long it held
                pass
            tried = after + max(idle, AHEAD // 16)


def _pushed(
    machine: RepMachine, columns: Sequence[FloatArray | IntArray]
) -> Iterator[tuple[float, Step]]:
    for sample in zip(*(column.tolist() for column in columns), strict=True):
        step = machine.push(*sample)
        if step is not NOTHING:
            yield sample[0], step
