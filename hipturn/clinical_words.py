"""What is said of a test and of differences: the same words in terminal, report, FHIR and page.

Whole degrees, because more is noise. A difference is judged against the smallest detectable change
of its posture and kind; where none is known nothing is claimed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from analysis.exercises import CONTEXT, Detectable, Exercise, Norm
from analysis.exercises.reference_values import HOW as HOW_MEASURED
from analysis.session.assessment import SIDE_FLAG_DEG, compared_name
from hipturn.words import Said, words_of

if TYPE_CHECKING:
    from analysis.agreement.repeated import Repeated
    from analysis.session.assessment import Assessment, Trial

NO_OWN: Mapping[str, Repeated] = MappingProxyType({})
HOW = {True: "active", False: "passive", None: "active or passive not told"}
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
    lines: list[str] = [*record_lines(found)]
    if not found:
        return []
    lines += [Said("test.published", norm=norm_text(norm)) for norm in found[0].norms]
    mine = [test.side for test in found if test.side in own]
    lines += [Said("test.own", side=str(side), own=own_text(own[side])) for side in mine]
    if found[0].detectable is not None and len(mine) < len(found):
        lines.append(Said("test.detectable", change=detectable_text(found[0].detectable)))
    if found[0].norms:
        lines += [Said("test.line", text=text) for text in CONTEXT]
    return lines


def record_lines(tests: Iterable[Assessment]) -> list[Said]:
    """Return what was measured of each leg, without what is published."""
    return [line for test in tests for line in (_head(test), *_trial_lines(test), *_unsure(test))]


def _head(test: Assessment) -> Said:
    good = test.good
    what = "end position" if test.is_end_position else "range"
    head = {"side": str(test.side), "how": HOW[test.active], "quantity": test.quantity}
    if not good:
        return Said("test.none", what=what, **head)
    parts: list[str] = [
        Said(
            "test.mean",
            what=what,
            mean=whole(test.mean_deg),
            n=len(good),
            values=", ".join(whole(trial.value_deg) for trial in good),
            **head,
        ),
        Said("test.largest", deg=whole(test.largest_deg)),
        Said("test.start", deg=whole(test.start_deg)),
        Said("test.held", seconds=test.plateau_s),
    ]
    if not math.isnan(test.external_deg):
        parts.append(neutral_zero(test.external_deg, test.mean_deg))
        parts.append(Said("test.arc", deg=whole(test.arc_deg)))
    if not math.isnan(test.pelvis_deg):
        parts.append(Said("test.pelvis", deg=whole(test.pelvis_deg)))
    if test.grade:
        parts.append(Said("test.grade", grade=test.grade))
    return Said.together(parts, ", ")


def _trial_lines(test: Assessment) -> list[Said]:
    return [
        Said("test.left_out", number=number, value=_value(trial), why=trial.left_out)
        for number, trial in enumerate(test.trials, 1)
        if trial.left_out
    ]


def _unsure(test: Assessment) -> list[Said]:
    """Return a caution where trials are hardly larger than a leg that settles down."""
    sizes = [abs(t.value_deg - test.is_end_position * t.start_deg) for t in test.good if not t.cued]
    if not sizes or min(sizes) >= SMALL_DEG:
        return []
    return [Said("test.unsure", small=SMALL_DEG)]


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
    # of two legs the larger, and none where one leg's is not known
    known = [each["mdc_deg"] for each in rows if _known(each["mdc_deg"])]
    key = "larger" if difference > 0.0 else "smaller"
    said = Said(
        f"sides.{'same' if round(difference) == 0 else key}",
        what=compared_name(exercise, row),
        deg=whole(abs(difference)),
        verdict=verdict(difference, max(known) if len(known) == len(rows) else None),
    )
    if row["side_flag"] == "asymmetry":
        return Said.together([said, Said("sides.apart", deg=SIDE_FLAG_DEG)])
    return said


def verdict(difference_deg: float, mdc_deg: float | None) -> str:
    """Return how a difference stands to the detectable change; nothing where none is known."""
    if not _known(mdc_deg):
        return ""
    assert mdc_deg is not None  # noqa: S101 (known)
    more = abs(difference_deg) > mdc_deg
    return Said("sides.more_than" if more else "sides.within", mdc=mdc_deg)


def own_text(own: Repeated) -> Said:
    """Return a wearer's own detectable change, with its interval and the days it rests on."""
    mdc = own.mdc95
    return Said("sides.own", mdc=mdc.value, low=mdc.low, high=mdc.high, days=own.days)


def norm_text(norm: Norm) -> Said:
    """Return a published value with how it was measured."""
    return Said(
        "published.norm" if norm.sd_deg is None else "published.norm_sd",
        norm.text,
        posture=norm.posture.replace("_", ", hip "),
        mean=norm.mean_deg,
        sd=norm.sd_deg,
        n_of=norm.n,
        age=norm.age,
        sex=norm.sex,
        how=HOW_MEASURED[norm.active],
        method=norm.method,
        source=norm.source,
        read=norm.read,
    )


def norm_brief(norm: Norm) -> Said:
    """Return a published value for a line that holds several."""
    return Said(
        "published.brief" if norm.sd_deg is None else "published.brief_sd",
        norm.brief,
        mean=norm.mean_deg,
        sd=norm.sd_deg,
        n_of=norm.n,
        sex=norm.sex,
        source=" ".join(norm.source.split(",")[0].split()),
    )


def detectable_text(found: Detectable) -> Said:
    """Return a published smallest detectable change with how it was measured."""
    return Said(
        "published.detectable",
        found.text,
        deg=found.deg,
        posture=found.posture.replace("_", ", hip "),
        how=HOW_MEASURED[found.active],
        n_of=found.n,
        method=found.method,
        source=found.source,
        read=found.read,
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
    return [*lines, Said("test.line", text=difference)] if difference else lines


def whole(degrees: float) -> str:
    """Return an angle in whole degrees, without a minus before zero."""
    return "–" if math.isnan(degrees) else f"{round(degrees) + 0}".replace("-", "−")


def _known(value: float | None) -> bool:
    return value is not None and value == value
