"""The figures of a report: the angle over time, and the repetitions over each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.exercises import norms_for
from analysis.session.overlay import overlay
from analysis.session.plots import SIDE_COLOURS, SIDE_LINES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from hipturn.report.entry import Entry
    from hipturn.words import Words

LEAD_S = 3.0
"""Shown before the first and after the last movement; calibration is minutes of nothing."""
NUMBERS_SHARE = 0.12
"""Room above the peaks for the repetitions' numbers."""


def draw_angle(entry: Entry, ax: Axes) -> None:
    """Draw the angle from shortly before the first movement to shortly after the last."""
    if not _counted_angles(entry)["hip_internal_rotation_deg"].notna().any():
        _say_nothing(ax, entry.words("figure_text.no_angle"))
        return
    entry.result.plot(ax)
    _in_words(ax, entry.words)
    reps = entry.result.reps
    if len(reps):
        ax.set_xlim(reps["start_s"].min() - LEAD_S, reps["end_s"].max() + LEAD_S)
        low, high = ax.get_ylim()
        ax.set_ylim(low, high + NUMBERS_SHARE * (high - low))


def draw_overlay(entry: Entry, ax: Axes) -> None:
    """Draw every valid repetition, their mean and its band of ± SD, and published means."""
    if not any(row["rom_median_deg"] == row["rom_median_deg"] for row in entry.rows):
        _say_nothing(ax, entry.words("figure_text.no_repetition"))
        return
    angles = _counted_angles(entry)
    for row in entry.rows:
        side = str(row["side"])
        found = overlay(angles, entry.result.reps, side)
        if not len(found.reps_deg):
            continue
        colour, line = SIDE_COLOURS[side], SIDE_LINES[side]
        for trace in found.reps_deg:
            ax.plot(found.percent, trace, color=colour, linewidth=0.4, alpha=0.55, linestyle=line)
        mean, sd = found.mean_deg, found.sd_deg
        if np.isfinite(sd).any():
            ax.fill_between(
                found.percent, mean - sd, mean + sd, color=colour, alpha=0.18, linewidth=0
            )
        label = entry.words("figure_text.mean", side=side, count=len(found.reps_deg))
        ax.plot(found.percent, mean, color=colour, linewidth=2.0, linestyle=line, label=label)
    means = [norm.mean_deg for norm in norms_for(entry.exercise)]
    for i, mean_deg in enumerate(means):
        once = entry.words("figure_text.published") if i == 0 else None
        ax.axhline(mean_deg, color="0.35", linewidth=0.9, linestyle=":", label=once)
    ax.axhline(0.0, color="0.6", linewidth=0.8, zorder=0)
    ax.set_xlim(0, 100)
    ax.set_xlabel(entry.words("figure_text.share"))
    ax.set_ylabel(f"{entry.words.says(entry.exercise.quantity)} (°)")
    ax.spines[["top", "right"]].set_visible(False)
    if ax.get_legend_handles_labels()[0]:
        # the middle of a repetition is high: below it is room
        ax.legend(loc="lower center", framealpha=0.8, edgecolor="none", fontsize=7)


def _in_words(ax: Axes, words: Words) -> None:
    """Say in the report's language what the figure of a session says in English."""
    ax.set_xlabel(words.says(ax.get_xlabel()))
    what, unit, after = ax.get_ylabel().partition(" (°)")
    ax.set_ylabel(words.says(what) + unit + after)
    legend = ax.get_legend()
    for text in legend.get_texts() if legend is not None else ():
        side, comma, rest = text.get_text().partition(", ")
        text.set_text(f"{words.says(side)}{comma}{words.says(rest)}")


def _counted_angles(entry: Entry) -> pd.DataFrame:
    """Return the angles, with what was counted in place of a hip angle that there is not."""
    result = entry.result
    if entry.exercise.has_hip_angle or not entry.exercise.is_counted:
        return result.angles
    signals = [result.signals[side] for side in result.calibrations if side in result.signals]
    if sum(map(len, signals)) != len(result.angles):
        return result.angles
    return result.angles.assign(hip_internal_rotation_deg=np.concatenate(signals))


def _say_nothing(ax: Axes, why: str) -> None:
    ax.axis("off")
    ax.text(0.0, 0.5, why, transform=ax.transAxes)
