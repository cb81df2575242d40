"""What the report compares and what its numbers rest on, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.angle.uncertainty import hidden_deg
from analysis.exercises import norms_for
from analysis.session.tables import compared_name
from hipturn.clinical_words import check_said, own_text, record_lines, side_text, verdict
from hipturn.report.words import MARK, UNKNOWN, date_of, figure, plain

if TYPE_CHECKING:
    from analysis.calibrate.checks import Check
    from hipturn.history.earlier import Earlier
    from hipturn.report.entry import Entry


CORRECTIONS_MAX = 8
"""A page has room for no more beside everything else."""


def comparisons(entry: Entry) -> list[str]:
    """Return the test, left against right, this session against others, this wearer with others."""
    tests = [line.strip() for line in record_lines(entry.result.tests.values())]
    return [*tests, *_sides(entry), *_changes(entry), *_published(entry)]


def _sides(entry: Entry) -> list[str]:
    if not entry.rows or not entry.exercise.is_counted:
        return []
    said = side_text(entry.exercise, entry.rows)
    if not said:
        return ["Left against right: only one leg was measured that day."]
    other = entry.past.other_leg
    when = f" (the other leg: {date_of(other.start_time)})" if other else ""
    return [f"Left against right{when}: {said}"]


def _changes(entry: Entry) -> list[str]:
    if not entry.exercise.is_counted:
        return []
    said = []
    for row in entry.rows:
        side = str(row["side"])
        last, first = entry.past.last.get(side), entry.past.first.get(side)
        if last is None:
            said.append(f"Since last time: no earlier session of the {side} leg to compare with.")
            continue
        what = compared_name(entry.exercise, row)
        said.append(f"Since last time: {side} leg, {what}{_change(row, 'last', last)}.")
        if first is not None and first != last:
            said.append(
                f"Since the first time: {side} leg, {what}{_change(row, 'baseline', first)}."
            )
    if len(said) == 2 and not entry.past.last:
        return ["Since last time: no earlier session of this exercise to compare with."]
    said += [
        f"Judged by {own_text(own)}, {side} leg: the same test on earlier days, the trend removed."
        for side, own in entry.past.own.items()
    ]
    return said


def _change(row: dict[str, Any], since: str, before: Earlier) -> str:
    change = float(row[f"change_since_{since}_deg"])
    return (
        f" {figure(change, '°', signed=True)} (from {figure(before.deg, '°')} on"
        f" {date_of(before.start_time)}){verdict(change, row['mdc_deg'])}"
    )


def _published(entry: Entry) -> list[str]:
    exercise = entry.exercise
    if not exercise.has_hip_angle:
        return []
    norms = norms_for(exercise)
    if not norms:
        return [
            f"Published values: none for this posture ({plain(exercise.position)}); those of other"
            " postures do not apply."
        ]
    peaks = ", ".join(
        f"{row['side']} {figure(row['peak_max_deg'], '°')}" for row in entry.rows if row["valid"]
    )
    return [
        f"Published, {plain(exercise.position)}, means: {'; '.join(norm.brief for norm in norms)}."
        f" This wearer's largest peak: {peaks or UNKNOWN}. How each was measured stands on the"
        " first page."
    ]


def quality(entry: Entry) -> list[str]:
    """Return what the numbers rest on: losses, gaps, calibration figures, notes."""
    said = []
    if entry.rows:
        row = entry.rows[0]
        said.append(
            f"Samples lost {figure(row['lost_samples_percent'], ' %', 1)}, longest gap"
            f" {figure(row['longest_gap_ms'], ' ms')}. {_uncertainty(entry)}"
        )
    for side, result in entry.result.calibrations.items():
        figures = [
            _checked(check) for check in result.checks if check.unit == "deg" or not check.passed
        ]
        if figures:
            passed = sum(check.passed for check in result.checks)
            said.append(
                f"Calibration, {side} leg: {passed} of {len(result.checks)} checks passed;"
                f" {', '.join(figures)}."
            )
    said += [
        f"Calibration, {side} leg, while recording:"
        f" {', '.join(check_said(name, value) for name, value in figures.items())}."
        for side, figures in entry.calibrated.items()
        if figures
    ]
    said += _corrections(entry)
    said += [
        f"{text[:1].upper()}{text[1:].rstrip('.')}."
        for text in entry.result.sentences
        if "virtual wearer" not in text  # that stands at the top of the page
    ]
    return said


def _corrections(entry: Entry) -> list[str]:
    """Return who corrected what, when, and what was measured."""
    lines = entry.result.corrections
    said = [f"{MARK} {line}." for line in lines[:CORRECTIONS_MAX]]
    more = len(lines) - len(said)
    return [*said, f"{MARK} {more} more: see `edited` in reps.csv and sets.csv."] if more else said


def _checked(check: Check) -> str:
    if check.unit == "found":
        return f"{check.name} not found"
    unit = "°" if check.unit == "deg" else ""
    limit = figure(check.limit, unit, 0 if unit else 2)
    said = f"{check_said(check.name, check.value)} (limit {limit})"
    return said if check.passed else f"{said}, failed"


def _uncertainty(entry: Entry) -> str:
    if not entry.exercise.has_hip_angle:
        return f"Counted is the {entry.exercise.quantity}, which is no hip rotation."
    angles = entry.result.angles
    doing = angles[angles["phase"].isin(["up", "hold", "down"])]["uncertainty_deg"].dropna()
    if not len(doing):
        return "There is no angle."
    return (
        f"Uncertainty of the sensors (1 σ) in the repetitions: median {doing.median():.1f}°,"
        f" largest {doing.max():.1f}°. {_anatomy(entry)}"
    )


def _anatomy(entry: Entry) -> str:
    """Return what knee and skin may add to the largest peak, which no sensor sees."""
    peaks = [float(row["peak_max_deg"]) for row in entry.rows if row["valid"]]
    if not peaks or not entry.exercise.has_hip_angle:
        return ""
    hidden = max(hidden_deg(entry.exercise, peak) for peak in peaks)
    return (
        "Beside it stands anatomy, which no sensor sees: the knee's give and the shin's skin may"
        f" add or hide up to {hidden:.0f}° at the largest peak."
    )
