"""Tests: three trials of a position, their mean and their largest, beside what is published.

The value of a trial is the level of its plateau, held for a second or more, not the highest sample.
A trial in which the wearer compensated is told and left out.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.exercises import Exercise
from analysis.exercises.reference_values import (
    Norm,
    detectable_of,
    norms_for,
    posture_of,
    prone_grade,
)
from analysis.session.tables import SIDE_FLAG_DEG

TRIALS = 3
PLATEAU_MIN_S = 1.0
COMPENSATIONS = ("pelvis", "knee_angle")
"""Faults with which the angle is not the hip's."""
HEADING_RETURN_MAX_DEG = 3.0
"""By heading a trial counts only when its return shows how little it drifted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One trial of a test, in degrees."""

    start_deg: float
    plateau_deg: float
    plateau_s: float
    left_out: str
    """Why it does not count; empty when it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """One leg's test."""

    exercise: str
    side: str
    active: bool | None
    """Whether the wearer moved the leg; None where nobody said."""
    trials: tuple[Trial, ...]
    mean_deg: float
    """Of the trials that count; NaN without any."""
    largest_deg: float
    start_deg: float
    """Mean start: not at zero is told, never hidden."""
    grade: str
    """What the test's own source says; empty for other positions."""
    norms: tuple[Norm, ...]
    detectable_deg: float
    """The smallest difference beyond the measurement's error; NaN where none is published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SideDifference:
    """Right minus left, and what it means."""

    degrees: float
    detectable_deg: float
    """The smallest difference beyond the measurement's error; NaN where none is published."""
    text: str


def assess(
    exercise: Exercise, reps: pd.DataFrame, angles: pd.DataFrame, active: bool | None = None
) -> dict[str, Assessment]:
    """Return each leg's test from the tables of a session."""
    sides = [side for side in ("left", "right") if (reps["side"] == side).any()]
    return {side: _of_leg(exercise, side, reps, angles, active) for side in sides}


def _of_leg(
    exercise: Exercise, side: str, reps: pd.DataFrame, angles: pd.DataFrame, active: bool | None
) -> Assessment:
    mine = reps[(reps["side"] == side) & (reps["status"] == "valid")]
    column = "hip_internal_rotation_deg" if exercise.has_hip_angle else "thigh_elevation_deg"
    leg = angles[angles["side"].astype(str) == side]
    trials: list[Trial] = []
    for row in mine.to_dict("records"):
        trials.append(_trial(exercise, row, leg, column))
        if sum(not trial.left_out for trial in trials) == TRIALS:
            break
    good = [trial for trial in trials if not trial.left_out]
    levels = [trial.plateau_deg for trial in good]
    mean = float(np.mean(levels)) if levels else math.nan
    known = detectable_of(exercise)
    return Assessment(
        exercise=exercise.id,
        side=side,
        active=active,
        trials=tuple(trials),
        mean_deg=mean,
        largest_deg=max(levels, default=math.nan),
        start_deg=float(np.mean([t.start_deg for t in good])) if good else math.nan,
        grade=prone_grade(mean) if good and posture_of(exercise) == "prone" else "",
        norms=tuple(norms_for(exercise, active)),
        detectable_deg=known.high_deg if known is not None else math.nan,
    )


def _trial(
    exercise: Exercise, row: Mapping[Hashable, Any], leg: pd.DataFrame, column: str
) -> Trial:
    held = leg[(leg["set"] == row["set"]) & (leg["rep"] == row["rep"]) & (leg["phase"] == "hold")]
    level = float(held[column].median()) if len(held) else math.nan
    plateau_s = float(row["hold_s"])
    residual = abs(float(row["end_residual_deg"]))
    faults = str(row["faults"]).split(";")
    compensated = [fault for fault in COMPENSATIONS if fault in faults]
    if compensated:
        why = f"compensated ({compensated[0].replace('_', ' ')})"
    elif plateau_s < PLATEAU_MIN_S or math.isnan(level):
        why = f"held for {plateau_s:.1f} s, not {PLATEAU_MIN_S:g}"
    elif exercise.angle == "heading" and residual > HEADING_RETURN_MAX_DEG:
        why = f"returned {residual:.0f}° off its start"
    else:
        why = ""
    return Trial(
        start_deg=float(row["start_deg"]),
        plateau_deg=level,
        plateau_s=plateau_s,
        left_out=why,
    )


def side_difference(tests: Mapping[str, Assessment]) -> SideDifference | None:
    """Return how the legs differ; None without both."""
    if len(tests) < 2:
        return None
    degrees = tests["right"].mean_deg - tests["left"].mean_deg
    if math.isnan(degrees):
        return None
    limit = tests["right"].detectable_deg
    if abs(degrees) >= SIDE_FLAG_DEG:
        text = f"sides differ by {abs(degrees):.0f}°: asymmetry ({SIDE_FLAG_DEG:g}° or more)"
    elif math.isnan(limit):
        text = f"sides differ by {abs(degrees):.0f}°: counted as equal below {SIDE_FLAG_DEG:g}°"
    elif abs(degrees) <= limit:
        text = f"sides differ by {abs(degrees):.0f}°: within measurement error ({limit:g}°)"
    else:
        text = f"sides differ by {abs(degrees):.0f}°: more than measurement error ({limit:g}°)"
    return SideDifference(degrees=degrees, detectable_deg=limit, text=text)


def lines_of(tests: Mapping[str, Assessment]) -> list[str]:
    """Return the tests as lines for people; whole degrees, because more is noise."""
    lines: list[str] = []
    for test in tests.values():
        said = {True: "active", False: "passive", None: "active or passive not said"}[test.active]
        good = sum(not trial.left_out for trial in test.trials)
        if not good:
            lines.append(f"test, {test.side}: no trial counts")
        else:
            grade = f"; the test's source: {test.grade}" if test.grade else ""
            lines.append(
                f"test, {test.side}, {said}: {_whole(test.start_deg)}–{_whole(test.mean_deg)}°"
                f" (mean of {good}), largest {_whole(test.largest_deg)}°{grade}"
            )
        lines += [
            f"  trial {number} left out: {trial.left_out}"
            for number, trial in enumerate(test.trials, 1)
            if trial.left_out
        ]
    lines += [f"  published, {norm.text}" for norm in next(iter(tests.values())).norms]
    difference = side_difference(tests)
    return [*lines, f"  {difference.text}"] if difference is not None else lines


def _whole(degrees: float) -> str:
    return f"{round(degrees)}"
