"""Walk through a plan: one session an exercise and side, with a countdown in between."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import click

from analysis import exercises
from analysis.exercises import Dose
from hipturn.plan import Plan, SideChoice

CUES_S = (60, 30, 10, 3, 2, 1)
Start = Callable[[str, SideChoice, Dose, float], Path]
"""Runs one session of an exercise on a side, with a dose and the rest between its sets."""


def walk(plan: Plan, start: Start, done: Callable[[Path], None], *, wait: bool) -> None:
    """Run every session of a plan in order; `wait` counts the rests down in real time."""
    steps = [(item, side) for item in plan.items for side in item.sides]
    for number, (item, side) in enumerate(steps, 1):
        name = exercises.load(item.exercise).name
        click.echo(f"{plan.name}: {number} of {len(steps)}, {name}, {side}")
        done(start(item.exercise, side, item.dose, item.rest_s))
        if wait and number < len(steps):
            _rest(item.rest_s)


def _rest(seconds: float) -> None:
    click.echo(f"rest for {seconds:.0f} s")
    end = time.monotonic() + seconds
    for cue in [cue for cue in CUES_S if cue < seconds]:
        time.sleep(max(0.0, end - cue - time.monotonic()))
        click.echo(f"{cue} s")
    time.sleep(max(0.0, end - time.monotonic()))
