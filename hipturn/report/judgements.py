"""What the report compares and what its numbers rest on, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.angle.uncertainty import hidden_deg
from analysis.exercises import norms_for
from analysis.session.assessment import compared_name
from hipturn.clinical_words import (
    check_said,
    norm_brief,
    own_text,
    record_lines,
    side_text,
    verdict,
)
from hipturn.report.words import MARK, UNKNOWN, date_of, figure
from hipturn.session.spoken import notes_said
from hipturn.words import Said

if TYPE_CHECKING:
    from analysis.calibrate.checks import Check
    from hipturn.history.earlier import Earlier
    from hipturn.report.entry import Entry


CORRECTIONS_MAX = 8
"""A page has room for no more beside everything else."""


def comparisons(entry: Entry) -> list[str]:
    """Return the test, left against right, this session against others, this wearer with others."""
    tests = record_lines(entry.result.tests.values())
    return [*tests, *_sides(entry), *_changes(entry), *_published(entry)]


def _sides(entry: Entry) -> list[str]:
    if not entry.rows or not entry.exercise.is_counted:
        return []
    said = side_text(entry.exercise, entry.rows)
    if not said:
        return [Said("compared.one_leg")]
    other = entry.past.other_leg
    if other is None:
        return [Said("compared.sides", said=said)]
    return [Said("compared.sides_on", date=date_of(other.start_time), said=said)]


def _changes(entry: Entry) -> list[str]:
    if not entry.exercise.is_counted:
        return []
    said: list[str] = []
    for row in entry.rows:
        side = str(row["side"])
        last, first = entry.past.last.get(side), entry.past.first.get(side)
        if last is None:
            said.append(Said("compared.no_earlier_leg", side=side))
            continue
        said.append(_change("compared.since_last", entry, row, "last", last))
        if first is not None and first != last:
            said.append(_change("compared.since_first", entry, row, "baseline", first))
    if len(said) == 2 and not entry.past.last:
        return [Said("compared.no_earlier")]
    said += [
        Said("compared.judged_by", own=own_text(own), side=side)
        for side, own in entry.past.own.items()
    ]
    return said


def _change(key: str, entry: Entry, row: dict[str, Any], since: str, before: Earlier) -> Said:
    change = float(row[f"change_since_{since}_deg"])
    return Said(
        key,
        side=str(row["side"]),
        what=compared_name(entry.exercise, row),
        change=figure(change, "°", signed=True),
        before=figure(before.deg, "°"),
        date=date_of(before.start_time),
        verdict=verdict(change, row["mdc_deg"]),
    )


def _published(entry: Entry) -> list[str]:
    exercise = entry.exercise
    if not exercise.has_hip_angle:
        return []
    norms = norms_for(exercise)
    if not norms:
        return [Said("compared.no_published", position=exercise.position)]
    peaks = [
        Said("compared.peak", side=str(row["side"]), peak=figure(row["peak_max_deg"], "°"))
        for row in entry.rows
        if row["valid"]
    ]
    return [
        Said(
            "compared.published",
            position=exercise.position,
            means=Said.together(map(norm_brief, norms), "; "),
            peaks=Said.together(peaks, ", ") if peaks else UNKNOWN,
        )
    ]


def quality(entry: Entry) -> list[str]:
    """Return what the numbers rest on: losses, gaps, calibration figures, notes."""
    said: list[str] = []
    if entry.rows:
        row = entry.rows[0]
        lost = Said(
            "quality.lost",
            lost=figure(row["lost_samples_percent"], " %", 1),
            gap=figure(row["longest_gap_ms"], " ms"),
        )
        said.append(Said.together(filter(None, [lost, *_uncertainty(entry)])))
    for side, result in entry.result.calibrations.items():
        figures = [
            _checked(check) for check in result.checks if check.unit == "deg" or not check.passed
        ]
        if figures:
            passed = sum(check.passed for check in result.checks)
            said.append(
                Said(
                    "quality.calibration",
                    side=str(side),
                    passed=passed,
                    of=len(result.checks),
                    figures=Said.together(figures, ", "),
                )
            )
    said += [
        Said(
            "quality.calibrated_live",
            side=str(side),
            figures=Said.together((check_said(*figure) for figure in figures.items()), ", "),
        )
        for side, figures in entry.calibrated.items()
        if figures
    ]
    said += _corrections(entry)
    said += [
        Said("quality.note" if text.endswith(".") else "quality.note_end", text=text)
        for text in notes_said(entry.result)
        if "virtual wearer" not in text  # that stands at the top of the page
    ]
    return said


def _corrections(entry: Entry) -> list[str]:
    """Return who corrected what, when, and what was measured."""
    lines = entry.result.corrections
    said = [f"{MARK} {line}." for line in lines[:CORRECTIONS_MAX]]
    more = len(lines) - len(said)
    return [*said, Said("quality.more_corrections", mark=MARK, n=more)] if more else said


def _checked(check: Check) -> str:
    if check.unit == "found":
        return Said("quality.not_found", name=check.name)
    unit = "°" if check.unit == "deg" else ""
    limit = figure(check.limit, unit, 0 if unit else 2)
    key = "quality.passed" if check.passed else "quality.failed"
    return Said(key, what=check_said(check.name, check.value), limit=limit)


def _uncertainty(entry: Entry) -> list[Said]:
    if not entry.exercise.has_hip_angle:
        return [Said("quality.proxy", quantity=entry.exercise.quantity)]
    angles = entry.result.angles
    doing = angles[angles["phase"].isin(["up", "hold", "down"])]["uncertainty_deg"].dropna()
    if not len(doing):
        return [Said("quality.no_angle")]
    sure = Said("quality.sigma", median=float(doing.median()), largest=float(doing.max()))
    return [sure, *_anatomy(entry)]


def _anatomy(entry: Entry) -> list[Said]:
    """Return what knee and skin may add to the largest peak, which no sensor sees."""
    peaks = [float(row["peak_max_deg"]) for row in entry.rows if row["valid"]]
    if not peaks or not entry.exercise.has_hip_angle:
        return []
    hidden = max(hidden_deg(entry.exercise, peak) for peak in peaks)
    return [Said("quality.anatomy", hidden=hidden)]
