"""What the report compares and what its numbers rest on, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.angle.anatomy import hidden_deg
from analysis.exercises.reference_values import norms_for, posture_of
from analysis.session.tables import SIDE_BORDERLINE_DEG, SIDE_FLAG_DEG
from hipturn.report.words import UNKNOWN, date_of, figure, plain

if TYPE_CHECKING:
    from analysis.calibrate.checks import Check
    from analysis.exercises.reference_values import Norm
    from hipturn.report.entry import Entry


def comparisons(entry: Entry) -> list[str]:
    """Return left against right, this session against the last, this wearer against others."""
    return [*_sides(entry), *_changes(entry), *_published(entry)]


def _sides(entry: Entry) -> list[str]:
    rows = entry.rows
    if not rows:
        return []
    if rows[0]["side_difference_deg"] != rows[0]["side_difference_deg"]:
        return ["Left against right: only one leg was measured that day."]
    difference, mdc = float(rows[0]["side_difference_deg"]), float(rows[0]["mdc_deg"])
    beyond = "more" if abs(difference) > mdc else "not more"
    size = f"{figure(abs(difference), '°')} {'larger' if difference > 0 else 'smaller'} than"
    if round(difference) == 0:
        size = "the same as"
    said = {
        "asymmetry": f"It reaches the {SIDE_FLAG_DEG:.0f}° from which sides count as unequal.",
        "borderline": f"It is borderline ({SIDE_BORDERLINE_DEG:.0f}–{SIDE_FLAG_DEG:.0f}°).",
    }.get(str(rows[0]["side_flag"]), "The sides count as equal.")
    other = entry.past.other_leg
    when = f" (the other leg: {date_of(other.start_time)})" if other else ""
    return [
        f"Left against right{when}: the right leg's median range is {size} the left's"
        f"{_beside_mdc(f'{beyond} than', mdc)}. {said}"
    ]


def _changes(entry: Entry) -> list[str]:
    said = []
    for row in entry.rows:
        side, earlier = str(row["side"]), entry.past.last.get(str(row["side"]))
        if earlier is None:
            said.append(f"Since last time: no earlier session of the {side} leg to compare with.")
            continue
        change, mdc = float(row["change_since_last_deg"]), float(row["mdc_deg"])
        verdict = "more than" if abs(change) > mdc else "within"
        said.append(
            f"Since last time: {side} leg {figure(change, '°', signed=True)}"
            f" (from {figure(earlier.rom_median_deg, '°')} on {date_of(earlier.start_time)})"
            f"{_beside_mdc(verdict, mdc)}."
        )
    if len(said) == 2 and not entry.past.last:
        return ["Since last time: no earlier session of this exercise to compare with."]
    return said


def _beside_mdc(verdict: str, mdc_deg: float) -> str:
    """Return how a difference stands to the minimal detectable change, where one is known."""
    if mdc_deg != mdc_deg:
        return "; no minimal detectable change is known"
    return f", {verdict} the minimal detectable change of {figure(mdc_deg, '°', 1)}"


def _published(entry: Entry) -> list[str]:
    norms, exercise = norms_for(entry.exercise), entry.exercise
    if not norms:
        return [
            f"Published values: none for this posture ({plain(exercise.position)}); those of other"
            " postures do not apply."
        ]
    peaks = ", ".join(
        f"{row['side']} {figure(row['peak_max_deg'], '°')}" for row in entry.rows if row["valid"]
    )
    posture = plain(posture_of(exercise) or "")
    return [
        f"Published, {posture}: " + "; ".join(_norm(norm) for norm in norms) + ". "
        f"This wearer's largest peak: {peaks or UNKNOWN}. Tools and protocols differ by about 4°."
    ]


def _norm(norm: Norm) -> str:
    spread = "" if norm.sd_deg is None else f" ± {norm.sd_deg:.1f}"
    return (
        f"mean {norm.mean_deg:.1f}{spread}° (n = {norm.n}, {norm.sex}, {norm.age}, {norm.method};"
        f" {norm.source})"
    )


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
            f"{check.name} {_checked(check)}"
            for check in result.checks
            if check.unit == "deg" or not check.passed
        ]
        if figures:
            passed = sum(check.passed for check in result.checks)
            said.append(
                f"Calibration, {side} leg: {passed} of {len(result.checks)} checks passed;"
                f" {', '.join(figures)}."
            )
    said += [
        f"Calibration, {side} leg, while recording:"
        f" {', '.join(f'{name} {figure(value, digits=1)}' for name, value in figures.items())}."
        for side, figures in entry.calibrated.items()
        if figures
    ]
    said += [
        f"{text[:1].upper()}{text[1:].rstrip('.')}."
        for text in entry.result.sentences
        if "virtual wearer" not in text  # that stands at the top of the page
    ]
    return said


def _checked(check: Check) -> str:
    unit = "°" if check.unit == "deg" else ""
    value = f"{figure(check.value, unit, 1)} ({figure(check.limit, unit, 0 if unit else 2)})"
    return value if check.passed else f"{value} failed"


def _uncertainty(entry: Entry) -> str:
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
