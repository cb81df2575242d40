"""What was found, as a paragraph for the methods of a paper and a line for the terminal."""

from __future__ import annotations

import math

from analysis.agreement.repeated import DAYS_MIN, Repeated
from analysis.agreement.validation import Compared, Part, Validation

SOURCES = (
    "Bland JM, Altman DG (1986) Lancet 327:307-310, doi 10.1016/S0140-6736(86)90837-8.",
    "Shrout PE, Fleiss JL (1979) Psychol Bull 86:420-428, doi 10.1037/0033-2909.86.2.420.",
)


def title_of(one: Compared) -> str:
    """Return what an angle of a leg is called: `right knee flexion`."""
    return f"{one.side} {name_of(one.angle)}"


def name_of(angle: str) -> str:
    """Return what a column of angles is called."""
    return angle.removesuffix("_deg").replace("_", " ")


def lag_sentence(found: Validation) -> str:
    """Return how the clocks were brought together, and a warning where nothing shows how."""
    lag = found.lag
    text = f"lag: {lag.lag_s:+.3f} s added to the reference's times (mean r {lag.r:.3f})"
    if not lag.is_sure:
        text += "; the two hardly look alike: check that the reference is of this session and leg"
    return text


def validation_lines(found: Validation) -> list[str]:
    """Return a line for each angle, the lag first."""
    return [lag_sentence(found), *(f"{title_of(one)}: {_figures(one)}" for one in found.compared)]


def methods_of(found: Validation, source: str, software: str) -> str:
    """Return the paragraph, with what it rests on.

    Parameters
    ----------
    found
        What was compared.
    source
        What the reference is called.
    software
        What measured the session: `hipturn 0.1.0`.
    """
    lag = found.lag
    parts = [
        f"Angles of the session {found.session_id} ({software}) were compared with the reference"
        f" {source}.",
        "The clocks were aligned by the lag at which the angles that move are most alike"
        f" ({lag.lag_s:+.3f} s added to the reference's times, mean r {lag.r:.3f}), and the"
        " reference was interpolated linearly to the session's instants, over gaps of at most"
        " 100 ms.",
        "Given are the root mean square error (RMSE) with the offset between the two zeros kept and"
        " removed, the mean difference with 95 % limits of agreement (session minus reference;"
        " Bland and Altman 1986), Pearson's r, the share of errors within one and two of the"
        " standard uncertainties σ that the session itself states, and for the peaks of repetitions"
        " ICC(2,1) with its 95 % interval (two-way random, absolute agreement, single measures;"
        " Shrout and Fleiss 1979).",
        "Samples of one recording depend on each other, so figures over samples carry no interval.",
    ]
    parts += [f"{title_of(one).capitalize()}: {_figures(one)}." for one in found.compared]
    return "\n".join((" ".join(parts), "", *SOURCES))


def repeated_lines(who: str, found: Repeated) -> list[str]:
    """Return what repeated tests of one leg tell, as lines."""
    head = f"{who}: {found.readings} readings on {_count(found.days, 'day')}"
    head += f", mean {found.mean_deg:.1f}°"
    lines = [head]
    if not math.isnan(found.sem.value):
        sem, mdc = found.sem, found.mdc95
        lines.append(
            f"  SEM {sem.value:.1f}° ({sem.low:.1f} to {sem.high:.1f}°), MDC95 {mdc.value:.1f}°"
            f" ({mdc.low:.1f} to {mdc.high:.1f}°), n = {found.days} days, a trend of"
            f" {found.trend_deg_per_week:+.1f}° a week removed"
        )
    else:
        lines.append(
            f"  no MDC95: it takes the same test on {DAYS_MIN} days, strapped and calibrated anew"
            f" each day, and there are {found.days}"
        )
    if not math.isnan(found.within_day_deg):
        lines.append(
            f"  within a day the readings differ by {found.within_day_deg:.1f}° (1 SD): that says"
            " how steady a session is, and judges no change"
        )
    return lines


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _figures(one: Compared) -> str:
    part, found = one.whole, one.whole.found
    low, high = found.limits_deg
    text = (
        f"RMSE {found.rmse_deg:.2f}° ({found.rmse_without_bias_deg:.2f}° with the offset removed),"
        f" bias {found.bias_deg:+.2f}° (limits of agreement {low:+.2f} to {high:+.2f}°),"
        f" r {found.r:.3f}, {part.seconds:.0f} s"
    )
    text += _sigma(part)
    agree = one.peaks_agree.icc_2_1
    if not math.isnan(agree.value):
        text += (
            f"; peaks of {len(one.repetitions)} repetitions: ICC(2,1) {agree.value:.2f}"
            f" ({agree.low:.2f} to {agree.high:.2f}), bias {one.peaks.bias_deg:+.2f}°"
        )
    return text


def _sigma(part: Part) -> str:
    if math.isnan(part.sigma_median_deg):
        return ""
    return (
        f"; σ {part.sigma_median_deg:.2f}° in the median, {part.within[0]:.0%} within 1 σ,"
        f" {part.within[1]:.0%} within 2 σ"
    )
