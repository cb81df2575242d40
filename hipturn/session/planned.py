"""Walk through a plan: one session an exercise and side, with a countdown in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import click

from hipturn.plan import Plan, PlanItem, SideChoice

CUES_S = (60, 30, 10, 3, 2, 1)
Start = Callable[[PlanItem, SideChoice], Path]
"""Runs one session of an item on a side."""


def walk(
    plan: Plan,
    start: Start,
    done: Callable[[Path], None],
    *,
    wait: bool,
    chosen: Sequence[str] = (),
) -> None:
    """Run every session of a plan in order; `wait` counts the rests down in real time.

    `chosen` are the exercises to do where an item offers several.
    """
    items = [_choice(item, chosen) for item in plan.items]
    steps = [(item, side) for item in items for side in item.sides]
    for number, (item, side) in enumerate(steps, 1):
        click.echo(f"{plan.name}: {number} of {len(steps)}, {item.entry.name}, {side}")
        if item.instead:
            click.echo(f"or choose with --choose: {', '.join(item.instead)}")
        done(start(item, side))
        if wait and number < len(steps):
            _rest(item.rest_s)


def _choice(item: PlanItem, chosen: Sequence[str]) -> PlanItem:
    """Return an item with the exercise that was chosen among those it offers."""
    wanted = next((other for other in item.instead if other in chosen), None)
    if wanted is None:
        return item
    others = (item.exercise, *(other for other in item.instead if other != wanted))
    return replace(item, exercise=wanted, instead=others)


def _rest(seconds: float) -> None:
    click.echo(f"rest for {seconds:.0f} s")
    end = time.monotonic() + seconds
    for cue in [cue for cue in CUES_S if cue < seconds]:
        time.sleep(max(0.0, end - cue - time.monotonic()))
        click.echo(f"{cue} s")
    time.sleep(max(0.0, end - time.monotonic()))
