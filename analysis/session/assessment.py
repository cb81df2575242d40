"""A test's record: one object for the terminal, the tables, report, history, FHIR and the page.

The value of a trial is its end position where the angle has a zero of its own, else its range. A
trial in which the wearer compensated is told and left out; nothing is dropped in silence. Values
are rounded here, to 0.001°, so that what is shown in whole degrees is the same everywhere. Here too
is what of a session is compared with the other leg and with other sessions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.exercises import (
    Detectable,
    Exercise,
    Norm,
    detectable_change,
    norms_for,
    posture_of,
    prone_grade,
)
from analysis.session.recording import LegRecord, Recording
from analysis.session.trials import PLATEAU_S, Excursion, excursions
from imu.sample import BoolArray, Side

if TYPE_CHECKING:
    import pandas as pd

CUE_LABELS = ("trial", "cue", "mark")
"""Marks that ask for a trial; the page's button writes `mark`."""
COMPENSATIONS = ("pelvis", "knee_angle")
"""Faults with which the angle is not the hip's."""
HEADING_RETURN_MAX_DEG = 3.0
"""By heading a trial counts only when its return shows how little it drifted."""
SMALL_SHARE = 0.25
"""An uncued movement smaller than this share of the largest is told, and is no trial: it may be the
wearer settling down. With a cue any size counts."""
SIDE_BORDERLINE_DEG, SIDE_FLAG_DEG = 6.0, 10.0
"""Of rotation: Ellison et al. 1990 (Phys Ther 70:537-541, passive, n = 100 and 50 with low back
pain, read as an abstract) call measurements equal within 10°. 6° is ours: whole degrees above the
least change that is published as detectable of rotation (5.4°)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One trial of a test, in degrees and in seconds of the session."""

    start_s: float
    end_s: float
    start_deg: float
    value_deg: float
    """End position, or range where the zero is the start pose; NaN where nothing was kept."""
    plateau_s: float
    external_deg: float
    """How far outwards from zero, positive; NaN where it was not asked for or not reached."""
    pelvis_deg: float
    """What the pelvis added at the end position; NaN without its unit."""
    left_out: str
    """Why it does not count; empty when it does."""
    cued: bool = False
    """Whether it was asked for by a mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """One leg's test. Means are of the trials that count, NaN without any."""

    exercise: str
    name: str
    quantity: str
    position: str
    side: str
    active: bool | None
    """Whether the wearer moved the leg; None where nobody said."""
    is_end_position: bool
    """Whether the values are end positions; else they are ranges from the start."""
    trials: tuple[Trial, ...]
    """All of them, those that are left out too."""
    mean_deg: float
    largest_deg: float
    start_deg: float
    """Not at zero is told, never hidden."""
    plateau_s: float
    external_deg: float
    """Outwards from zero, where it was asked for."""
    pelvis_deg: float
    grade: str
    """What the test's own source says of a passive drop in lying prone; else empty."""
    norms: tuple[Norm, ...]
    detectable: Detectable | None
    """The smallest difference beyond the measurement's error; None where none is known."""

    @property
    def good(self) -> tuple[Trial, ...]:
        """Return the trials that count."""
        return tuple(trial for trial in self.trials if not trial.left_out)

    @property
    def arc_deg(self) -> float:
        """Return the whole arc from outwards to inwards; NaN where one end is not known."""
        return self.external_deg + self.mean_deg


def is_assessed(exercise: Exercise, recording: Recording) -> bool:
    """Say whether a session is a test, by its exercise or because it was declared one."""
    return exercise.assessment or (recording.is_test and exercise.has_hip_angle)


def is_active(exercise: Exercise, recording: Recording) -> bool | None:
    """Return whether the wearer moved the leg: as declared; an exercise that is no test is active.

    None where nobody said.
    """
    if recording.active is not None or is_assessed(exercise, recording):
        return recording.active
    return True


def assess(
    exercise: Exercise,
    recording: Recording,
    legs: Mapping[Side, tuple[LegRecord, BoolArray, float]],
) -> dict[Side, Assessment]:
    """Return each leg's test; nothing where the session is none.

    Parameters
    ----------
    exercise, recording
        What was done, and who said what of it.
    legs
        Of each leg what was followed, which rows (n,) are inside a set, and the angle of the start
        position in degrees.
    """
    if not is_assessed(exercise, recording):
        return {}
    return {side: _of_leg(exercise, recording, side, *leg) for side, leg in legs.items()}


def cells_of_test(test: Assessment | None) -> dict[str, object]:
    """Return the cells that a leg's test has in the summary; empty where there was none."""
    if test is None:
        unknown = ("end_mean_deg", "end_largest_deg", "plateau_s", "external_rotation_deg",
                   "total_arc_deg")  # fmt: skip
        texts = dict.fromkeys(("test_position", "trials_deg", "trials_left_out"), "")
        return {**texts, **dict.fromkeys(unknown, math.nan)}
    return {
        "test_position": test.position,
        "trials_deg": ";".join(_cell(trial.value_deg) for trial in test.trials),
        "trials_left_out": "; ".join(
            f"{number}: {trial.left_out}"
            for number, trial in enumerate(test.trials, 1)
            if trial.left_out
        ),
        "end_mean_deg": round(test.mean_deg, 3),
        "end_largest_deg": round(test.largest_deg, 3),
        "plateau_s": round(test.plateau_s, 3),
        "external_rotation_deg": round(test.external_deg, 3),
        "total_arc_deg": round(test.arc_deg, 3),
    }


def _cell(value_deg: float) -> str:
    return "" if math.isnan(value_deg) else f"{value_deg:.3f}"


def _of_leg(
    exercise: Exercise,
    recording: Recording,
    side: Side,
    record: LegRecord,
    inside: BoolArray,
    start_deg: float,
) -> Assessment:
    time_s = recording.frames.time_s[inside]
    angle = np.where(record.away | np.isnan(record.signal_deg), np.nan, record.signal_deg)[inside]
    cues_s = [at_s for at_s, label in recording.marks if label in CUE_LABELS]
    cues_s = [at_s for at_s in cues_s if len(time_s) and time_s[0] <= at_s <= time_s[-1]]
    found = excursions(time_s, angle, start_deg, cues_s, both_ways=exercise.both_ways)
    trials = tuple(_trials(exercise, recording, record, found))
    good = [trial for trial in trials if not trial.left_out]
    values = [trial.value_deg for trial in good]
    average = _mean(values)
    graded = bool(good) and posture_of(exercise) == "prone" and recording.active is False
    return Assessment(
        exercise=exercise.id,
        name=exercise.name,
        quantity=exercise.quantity,
        position=exercise.position,
        side=str(side),
        active=recording.active,
        is_end_position=exercise.has_end_position,
        trials=trials,
        mean_deg=average,
        largest_deg=max(values, default=math.nan),
        start_deg=_mean([trial.start_deg for trial in good]),
        plateau_s=round(median([trial.plateau_s for trial in good]), 3) if good else math.nan,
        external_deg=_mean([trial.external_deg for trial in good]),
        pelvis_deg=_mean([trial.pelvis_deg for trial in good]),
        grade=prone_grade(average) if graded else "",
        norms=tuple(norms_for(exercise, recording.active)),
        detectable=detectable_change(exercise, recording.active),
    )


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return round(mean(known), 3) + 0.0 if known else math.nan


def _trials(
    exercise: Exercise, recording: Recording, record: LegRecord, found: Sequence[Excursion]
) -> list[Trial]:
    """Return a trial for each excursion, or for each pair of one inwards and one outwards."""
    largest_deg = max((abs(each.size_deg) for each in found if each.plateau), default=0.0)
    # a small movement that stops nowhere is a leg that settles, or a heading's zero renewed
    found = [
        each
        for each in found
        if each.cued or each.plateau or each.far_deg >= SMALL_SHARE * largest_deg
    ]
    pairs: list[tuple[Excursion | None, Excursion | None]] = []
    waiting: Excursion | None = None
    for each in found:
        if not exercise.both_ways:
            pairs.append((each, None))
        elif waiting is None:
            waiting = each
        elif waiting.way == each.way:
            pairs.append(_both(waiting))
            waiting = each
        else:
            pairs.append(_both(waiting, each))
            waiting = None
    if waiting is not None:
        pairs.append(_both(waiting))
    return [_trial(exercise, recording, record, *pair, largest_deg) for pair in pairs]


def _both(*found: Excursion) -> tuple[Excursion | None, Excursion | None]:
    """Return the way inwards and the way outwards of a trial, in whichever order they were gone."""
    inwards = next((each for each in found if each.way > 0), None)
    return inwards, next((each for each in found if each.way < 0), None)


def _trial(
    exercise: Exercise,
    recording: Recording,
    record: LegRecord,
    inwards: Excursion | None,
    outwards: Excursion | None,
    largest_deg: float,
) -> Trial:
    known = [each for each in (inwards, outwards) if each is not None]
    known.sort(key=lambda each: each.start_s)
    first, last = known[0], known[-1]
    plateau = None if inwards is None else inwards.plateau
    value_deg = math.nan
    if plateau is not None and inwards is not None:
        value_deg = plateau.level_deg if exercise.has_end_position else inwards.size_deg
    out = None if outwards is None else outwards.plateau
    return Trial(
        start_s=first.start_s,
        end_s=last.end_s,
        start_deg=round(first.rest_deg, 3),
        value_deg=round(value_deg, 3) + 0.0,
        plateau_s=plateau.duration_s if plateau is not None else first.longest_s,
        external_deg=math.nan if out is None else round(-out.level_deg, 3) + 0.0,
        pelvis_deg=_pelvis_deg(recording, record, plateau),
        left_out=_why_left_out(exercise, record, inwards, outwards, largest_deg),
        cued=first.cued,
    )


def _pelvis_deg(
    recording: Recording, record: LegRecord, plateau: tuple[float, float, float, float] | None
) -> float:
    """Return what the pelvis added while the end position was kept; NaN without its unit."""
    if plateau is None:
        return math.nan
    time_s, (_, _, start_s, end_s) = recording.frames.time_s, plateau
    rows = (time_s >= start_s) & (time_s <= end_s)
    turned = np.degrees(record.series.pelvis_rotation[rows])
    turned = turned[~np.isnan(turned)]
    return float(np.median(turned)) if len(turned) else math.nan


def _why_left_out(
    exercise: Exercise,
    record: LegRecord,
    inwards: Excursion | None,
    outwards: Excursion | None,
    largest_deg: float,
) -> str:
    """Return why a trial does not count, as a sentence; empty where it does."""
    if inwards is None:
        return "went outwards only"
    last = inwards if outwards is None else outwards
    met = [
        numbered
        for numbered in record.movements
        if numbered.movement.end_s > inwards.start_s and numbered.movement.start_s < last.end_s
    ]
    counted = [numbered.movement for numbered in met]
    if any("reject" in each.said.kinds and each.movement.status == "rejected" for each in met):
        return "rejected by hand"
    faults = {fault for movement in counted for fault in movement.faults}
    compensated = [fault for fault in COMPENSATIONS if fault in faults]
    if compensated:
        return f"compensated ({compensated[0].replace('_', ' ')})"
    if inwards.plateau is None:
        return f"held for {inwards.longest_s:.1f} s, not {PLATEAU_S:g}"
    if not inwards.cued and abs(inwards.size_deg) < SMALL_SHARE * largest_deg:
        return (
            f"moved {abs(inwards.size_deg):.0f}° without a cue, beside {largest_deg:.0f}° in others"
        )
    if exercise.both_ways and (outwards is None or outwards.plateau is None):
        return f"did not go outwards, or held there for less than {PLATEAU_S:g} s"
    drifted_deg = abs(last.back_deg - inwards.rest_deg)
    if counted and not math.isnan(counted[-1].end_residual_deg):
        drifted_deg = abs(counted[-1].end_residual_deg)  # before the heading's zero was renewed
    if exercise.angle == "heading" and drifted_deg > HEADING_RETURN_MAX_DEG:
        return f"returned {drifted_deg:.0f}° off its start"
    return ""


def compared_deg(exercise: Exercise, row: Mapping[Any, Any]) -> float:
    """Return the figure of a summary's row that is compared; NaN where there is none.

    The test's mean, where it was a test; else the median end position, or the median range.
    """
    usual = "peak_median_deg" if exercise.has_end_position else "rom_median_deg"
    for name in ("end_mean_deg", usual):
        value = row.get(name)
        if value is not None and value == value:
            return float(value)
    return math.nan


def compared_name(exercise: Exercise, row: Mapping[Any, Any]) -> str:
    """Return what `compared_deg` returned, in words."""
    value = row.get("end_mean_deg")
    is_test = value is not None and value == value
    what = "end position" if exercise.has_end_position else "range"
    return f"{'mean' if is_test else 'median'} {what}"


def side_flag(exercise: Exercise, difference_deg: float) -> str:
    """Return whether a difference of sides matters: empty, `borderline` or `asymmetry`.

    Of rotation only: what is published of other movements is no grouping of sides.
    """
    if not exercise.has_hip_angle or not difference_deg >= SIDE_BORDERLINE_DEG:
        return ""
    return "asymmetry" if difference_deg >= SIDE_FLAG_DEG else "borderline"


def put_difference(table: pd.DataFrame, exercise: Exercise, difference_deg: float) -> None:
    """Write how the right leg differs from the left."""
    if difference_deg == difference_deg:
        table["side_difference_deg"] = round(difference_deg, 3) + 0.0
        table["side_flag"] = side_flag(exercise, abs(difference_deg))
