"""Figures of agreement: an angle over time beside its reference, and Bland-Altman plots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from analysis.agreement.readings import Comparison
from analysis.agreement.validation import Compared, Validation
from analysis.agreement.words import title_of
from imu.sample import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.agreement.differences import Differences

OURS, REFERENCE, LIMITS = "#1f5f8b", "#222222", "#b3541e"
DOTS_MAX = 3000
"""More dots than this only make a figure slow."""
ROW_CM = 7.0
WIDTH_CM = 27.0
CM = 1.0 / 2.54


def validation_figure(found: Validation) -> Figure:
    """Return a row for each angle: over time with its σ on the left, agreement on the right."""
    rows = len(found.compared)
    figure = Figure(figsize=(WIDTH_CM * CM, ROW_CM * CM * rows), layout="constrained")
    axes = figure.subplots(rows, 2, squeeze=False, width_ratios=(2, 1))
    for (over_time, agreement), one in zip(axes, found.compared, strict=True):
        _over_time(over_time, one)
        differ = one.ours_deg - one.reference_deg
        mean = (one.ours_deg + one.reference_deg) / 2.0
        _bland_altman(agreement, mean, differ, one.whole.found)
        peaks = np.array([(p.peak_deg, p.reference_peak_deg) for p in one.repetitions])
        if len(peaks):
            agreement.plot(
                peaks.mean(axis=1), peaks[:, 0] - peaks[:, 1], "o", color=OURS, label="peaks"
            )
            agreement.legend(loc="best", fontsize="small")
        agreement.set_ylabel("session − reference (°)")
    figure.suptitle(f"{found.session_id} beside its reference")
    return figure


def agreement_figure(comparisons: Sequence[Comparison]) -> Figure:
    """Return a Bland-Altman plot for each pairing of methods, raters and days."""
    pairs = [(one, pairing) for one in comparisons for pairing in one.pairings]
    columns = min(3, len(pairs)) or 1
    rows = -(-len(pairs) // columns) or 1
    figure = Figure(figsize=(WIDTH_CM * CM, ROW_CM * CM * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax, (one, pairing) in zip(axes, pairs, strict=False):
        _bland_altman(ax, pairing.mean_deg, pairing.difference_deg, pairing.found)
        within = f", {one.within}" if one.within else ""
        ax.set_title(f"{one.test}{within}", fontsize="medium")
        ax.set_ylabel(f"{pairing.first} − {pairing.second} (°)")
    for ax in axes[len(pairs) :]:
        ax.set_axis_off()
    return figure


def _over_time(ax: Axes, one: Compared) -> None:
    ax.plot(
        one.time_s, one.reference_deg, color=REFERENCE, lw=1.0, label="reference", rasterized=True
    )
    ax.plot(one.time_s, one.ours_deg, color=OURS, lw=1.0, label="session", rasterized=True)
    if not np.isnan(one.sigma_deg).all():
        low, high = one.ours_deg - one.sigma_deg, one.ours_deg + one.sigma_deg
        ax.fill_between(
            one.time_s, low, high, color=OURS, alpha=0.25, lw=0, label="± 1 σ", rasterized=True
        )
    for rep in one.repetitions:
        ax.axvspan(rep.start_s, rep.end_s, color="#000000", alpha=0.05, lw=0)
    ax.set_title(title_of(one), fontsize="medium")
    ax.set_xlabel("time (s)")
    ax.set_ylabel("angle (°)")
    ax.legend(loc="best", fontsize="small")


def _bland_altman(ax: Axes, mean: FloatArray, differ: FloatArray, found: Differences) -> None:
    known = np.flatnonzero(~np.isnan(differ))
    shown = known[:: max(1, len(known) // DOTS_MAX)]
    ax.plot(mean[shown], differ[shown], ".", color=OURS, alpha=0.4, ms=4, rasterized=True)
    lines = ((found.bias_deg, "-"), *((limit, "--") for limit in found.limits_deg))
    for value, style in lines:
        if value == value:
            ax.axhline(value, color=LIMITS, ls=style, lw=1.0)
            ax.annotate(
                f"{value:+.1f}°", (1.0, value), xycoords=("axes fraction", "data"),
                ha="right", va="bottom", fontsize="small", color=LIMITS,
            )  # fmt: skip
    ax.set_xlabel("mean of both (°)")
