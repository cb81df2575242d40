"""What is said of a test and of differences: the same words in terminal, report, FHIR and page.

Whole degrees, because more is noise. A difference is judged against the smallest detectable change
of its posture and kind; where none is known nothing is claimed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from analysis.exercises import CONTEXT, Exercise
from analysis.session.tables import SIDE_FLAG_DEG, compared_name
from hipturn.words import Said, words_of

if TYPE_CHECKING:
    from analysis.agreement.repeated import Repeated
    from analysis.session.assessment import Assessment, Trial

NO_OWN: Mapping[str, Repeated] = MappingProxyType({})
HOW = {True: "active", False: "passive", None: "active or passive not told"}
NO_DIAGNOSIS = "Not a diagnosis."
SMALL_DEG = 5.0
"""Returns of a healthy leg scatter by 1°, so a movement this small may be one."""
AFTER = "ER–0–IR"
"""The order of the neutral-zero method: outwards, zero, inwards."""


def check_said(name: str, value: float | None) -> str:
    """Return what a figure of a calibration tells a person; one without words, as it is called."""
    key = f"check.{name}"
    known = value is not None and math.isfinite(value) and key in words_of()
    return Said(key, value=value) if known else name


def test_lines(
    tests: Iterable[Assessment],
    own: Mapping[str, Repeated] = NO_OWN,  # noqa: PT028 (of a hip, not of pytest)
) -> list[str]:
    """Return the record of each leg, a line for every fact; nothing where there was no test.

    The wearer's own detectable change, by leg, takes the place of a published one.
    """
    found = list(tests)
    lines = record_lines(found)
    if not found:
        return []
    lines += [f"  published, {norm.text}" for norm in found[0].norms]
    mine = [test.side for test in found if test.side in own]
    lines += [f"  {side} leg: {own_text(own[side])}" for side in mine]
    if found[0].detectable is not None and len(mine) < len(found):
        lines.append(f"  smallest detectable change: {found[0].detectable.text}")
    if found[0].norms:
        lines += [f"  {text}" for text in CONTEXT]
    return lines


def record_lines(tests: Iterable[Assessment]) -> list[str]:
    """Return what was measured of each leg, without what is published."""
    return [line for test in tests for line in (_head(test), *_trial_lines(test), *_unsure(test))]


def _head(test: Assessment) -> str:
    good = test.good
    what = "end position" if test.is_end_position else "range"
    head = f"test, {test.side}, {HOW[test.active]}: {test.quantity}, {what}"
    if not good:
        return f"{head}: no trial counts"
    values = ", ".join(whole(trial.value_deg) for trial in good)
    parts = [
        f"{head} {whole(test.mean_deg)}° (mean of {len(good)}: {values})",
        f"largest {whole(test.largest_deg)}°",
        f"from {whole(test.start_deg)}°",
        f"held {test.plateau_s:.1f} s",
    ]
    if not math.isnan(test.external_deg):
        parts += [neutral_zero(test.external_deg, test.mean_deg), f"arc {whole(test.arc_deg)}°"]
    if not math.isnan(test.pelvis_deg):
        parts.append(f"of it the pelvis {whole(test.pelvis_deg)}°")
    if test.grade:
        parts.append(f"the test's source: {test.grade}. {NO_DIAGNOSIS}")
    return ", ".join(parts)


def _trial_lines(test: Assessment) -> list[str]:
    return [
        f"  trial {number} left out: {_value(trial)}{trial.left_out}"
        for number, trial in enumerate(test.trials, 1)
        if trial.left_out
    ]


def _unsure(test: Assessment) -> list[str]:
    """Return a caution where trials are hardly larger than a leg that settles down."""
    sizes = [abs(t.value_deg - test.is_end_position * t.start_deg) for t in test.good if not t.cued]
    if not sizes or min(sizes) >= SMALL_DEG:
        return []
    return [
        f"  trials of less than {SMALL_DEG:.0f}° are told from a leg that settles down only where"
        " each is marked: press Mark on the page, or m in the terminal, before the leg moves"
    ]


def _value(trial: Trial) -> str:
    return "" if math.isnan(trial.value_deg) else f"{whole(trial.value_deg)}°, "


def neutral_zero(external_deg: float, internal_deg: float) -> str:
    """Return a rotation as testers write it, `ER–0–IR 45–0–35`.

    A hip that stops 2° short of zero on the way in is `45–2–0`; on the way out, `0–2–35`.
    """
    out, into = round(external_deg), round(internal_deg)
    short = max(0, -into, -out)
    return f"{AFTER} {max(0, out)}–{short}–{max(0, into)}"


def side_text(exercise: Exercise, rows: list[dict[str, Any]]) -> str:
    """Return how the right leg differs from the left; empty where one of them is not known."""
    if not rows or not _known(rows[0]["side_difference_deg"]):
        return ""
    row = rows[0]
    difference = float(row["side_difference_deg"])
    way = "larger" if difference > 0.0 else "smaller"
    size = f"{whole(abs(difference))}° {way} than the left's"
    if round(difference) == 0:
        size = "within half a degree of the left's"
    said = f"the right leg's {compared_name(exercise, row)} is {size}"
    # of two legs the larger, and none where one leg's is not known
    known = [each["mdc_deg"] for each in rows if _known(each["mdc_deg"])]
    said += verdict(difference, max(known) if len(known) == len(rows) else None)
    if row["side_flag"] == "asymmetry":
        said += f". It reaches {SIDE_FLAG_DEG:.0f}°, from where a published grouping of passive"
        said += " rotation tells the sides apart (Ellison et al. 1990, read as an abstract)"
    return f"{said}."


def verdict(difference_deg: float, mdc_deg: float | None) -> str:
    """Return how a difference stands to the detectable change; nothing where none is known."""
    if not _known(mdc_deg):
        return ""
    assert mdc_deg is not None  # noqa: S101 (known)
    how = "more than" if abs(difference_deg) > mdc_deg else "within"
    return f", {how} the detectable change of {mdc_deg:.1f}°"


def own_text(own: Repeated) -> str:
    """Return a wearer's own detectable change, with its interval and the days it rests on."""
    mdc = own.mdc95
    return (
        f"the wearer's own detectable change {mdc.value:.1f}° (95 % interval {mdc.low:.1f} to"
        f" {mdc.high:.1f}°, n = {own.days} days)"
    )


def of_rows(
    tests: Mapping[Any, Assessment],
    exercise: Exercise,
    rows: list[Any],
    own: Mapping[str, Repeated] = NO_OWN,
) -> list[str]:
    """Return everything that is said of a session's tests."""
    lines = test_lines(tests.values(), own)
    difference = side_text(exercise, rows) if lines else ""
    return [*lines, f"  {difference}"] if difference else lines


def whole(degrees: float) -> str:
    """Return an angle in whole degrees, without a minus before zero."""
    return "–" if math.isnan(degrees) else f"{round(degrees) + 0}".replace("-", "−")


def _known(value: float | None) -> bool:
    return value is not None and value == value
