"""The random numbers of a virtual wearer: one stream for each purpose.

Each purpose has a generator of its own and draws the same numbers whatever the settings are, so
changing one setting changes what it is about and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imu.sample import Segment, Side

# The place of a unit in the seed tree never changes, whichever of them are strapped on.
_UNITS: tuple[tuple[Segment, Side | None], ...] = (
    (Segment.THIGH, Side.RIGHT),
    (Segment.SHANK, Side.RIGHT),
    (Segment.THIGH, Side.LEFT),
    (Segment.SHANK, Side.LEFT),
    (Segment.PELVIS, None),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitChance:
    """The random streams of one unit."""

    mount: np.random.Generator
    errors: np.random.Generator
    noise: np.random.Generator
    clock: np.random.Generator
    loss: np.random.Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """The random streams of one wearer."""

    body: np.random.Generator
    """Heading, errors of the poses."""
    bends: np.random.Generator
    tempo: np.random.Generator
    """Durations of strokes, holds and rests."""
    effort: np.random.Generator
    """Ranges and residuals."""
    left: np.random.Generator
    """How the left leg differs when both move."""
    sway: dict[Side, np.random.Generator]
    pelvis: np.random.Generator
    units: dict[tuple[Segment, Side | None], UnitChance]
    knee: np.random.Generator
    """How far the knees' axes are off."""


def chance_from(seed: int) -> Chance:
    """Return the streams of a seed, a number from 0 up."""
    # what is added comes last, so that all before draw as they did
    body, bends, tempo, effort, left, right_sway, left_sway, pelvis, *units, knee = (
        np.random.SeedSequence(seed).spawn(8 + len(_UNITS) + 1)
    )
    return Chance(
        body=np.random.default_rng(body),
        bends=np.random.default_rng(bends),
        tempo=np.random.default_rng(tempo),
        effort=np.random.default_rng(effort),
        left=np.random.default_rng(left),
        sway={
            Side.RIGHT: np.random.default_rng(right_sway),
            Side.LEFT: np.random.default_rng(left_sway),
        },
        pelvis=np.random.default_rng(pelvis),
        knee=np.random.default_rng(knee),
        units={key: _unit_chance(branch) for key, branch in zip(_UNITS, units, strict=True)},
    )


def _unit_chance(branch: np.random.SeedSequence) -> UnitChance:
    mount, errors, noise, clock, loss = map(np.random.default_rng, branch.spawn(5))
    return UnitChance(mount=mount, errors=errors, noise=noise, clock=clock, loss=loss)
