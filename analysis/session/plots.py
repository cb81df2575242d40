"""Figures of a session: the angle over time with repetitions, holds and the uncertainty band."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.exercises import SIGNAL_NAMES, Exercise
from imu.sample import Side

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes

    from imu.sample import FloatArray

# Okabe and Ito's palette: apart for colour-blind readers, and by lightness in grey print.
SIDE_COLOURS = {"right": "#0072B2", "left": "#D55E00"}
SIDE_LINES = {"right": "-", "left": (0, (5, 1.5))}
"""Solid and dashed: in grey print the two colours are nearly one."""
HOLD_COLOUR, REJECTED_COLOUR = "#009E73", "#999999"


def plot_angle(
    exercise: Exercise,
    angles: pd.DataFrame,
    reps: pd.DataFrame,
    signals: Mapping[Side, FloatArray],
    ax: Axes | None = None,
) -> Axes:
    """Draw hip internal rotation, or what was counted instead of it, over time; return the Axes.

    Repetitions are shaded and numbered, holds are bars under them, rejected and partial movements
    are hatched, the band is ±1 σ of the sensor chain. Gaps stay gaps.
    """
    if ax is None:
        import matplotlib.pyplot as plt  # the report draws into figures of its own

        _, ax = plt.subplots(figsize=(10, 4), layout="constrained")
    for side, rows in angles.groupby("side", observed=True):
        if exercise.has_hip_angle:
            _draw_side(ax, str(side), rows)
        elif exercise.is_counted and Side(str(side)) in signals:
            _draw_proxy(ax, str(side), rows, signals[Side(str(side))])
    _draw_movements(ax, reps)
    ax.set_xlabel("time (s)")
    if exercise.is_counted:
        ax.set_ylabel(f"{SIGNAL_NAMES[exercise.signal]} (°)")
    else:
        ax.set_ylabel("held" if exercise.is_held else "timed, not measured")
        ax.set_yticks([])
    ax.axhline(0.0, color="0.6", linewidth=0.8, zorder=0)
    ax.margins(x=0.01)
    ax.spines[["top", "right"]].set_visible(False)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False, ncols=4)
    return ax


def _draw_side(ax: Axes, side: str, rows: pd.DataFrame) -> None:
    colour = SIDE_COLOURS[side]
    time_s = rows["time_s"].to_numpy(float)
    angle = rows["hip_internal_rotation_deg"].to_numpy(float)
    # on the way to the start position the angle has no meaning for the exercise
    doing = ~rows["phase"].isin(["calibrating", "away"]).to_numpy(bool)
    angle = np.where(doing, angle, np.nan)
    sigma = rows["uncertainty_deg"].to_numpy(float)
    ax.fill_between(time_s, angle - sigma, angle + sigma, color=colour, alpha=0.25, linewidth=0)
    line = SIDE_LINES[side]
    ax.plot(time_s, angle, color=colour, linewidth=1.2, linestyle=line, label=f"{side} leg, ±1 σ")


def _draw_proxy(ax: Axes, side: str, rows: pd.DataFrame, signal_deg: FloatArray) -> None:
    doing = ~rows["phase"].isin(["calibrating"]).to_numpy(bool)
    angle = np.where(doing, signal_deg, np.nan)
    time_s = rows["time_s"].to_numpy(float)
    ax.plot(time_s, angle, color=SIDE_COLOURS[side], linewidth=1.2, label=f"{side} leg")


def _draw_movements(ax: Axes, reps: pd.DataFrame) -> None:
    low = ax.get_ylim()[0]
    numbered: set[tuple[int, int]] = set()
    told: set[str] = set()  # each kind stands in the legend once
    of_legs = reps[reps["side"] != "both"]  # those have the angles
    rows: list[dict[str, Any]] = of_legs.to_dict("records")  # type: ignore[assignment]
    for row in rows:
        if row["status"] == "hold":
            ax.axvspan(row["start_s"], row["end_s"], color=HOLD_COLOUR, alpha=0.25, linewidth=0)
            continue
        if row["status"] != "valid":
            ax.axvspan(
                row["start_s"],
                row["end_s"],
                facecolor="none",
                edgecolor=REJECTED_COLOUR,
                hatch="///",
                label=None if told & {"rejected"} else "partial or rejected",
            )
            told.add("rejected")
            continue
        if row["hold_s"] > 0:
            start = row["start_s"] + row["up_s"]
            ax.plot(
                [start, start + row["hold_s"]],
                [low, low],
                color=HOLD_COLOUR,
                linewidth=4,
                solid_capstyle="butt",
                clip_on=False,
                label=None if told & {"hold"} else "hold",
            )
            told.add("hold")
        if (row["set"], row["rep"]) in numbered:
            continue  # the other leg of the same repetition
        numbered.add((row["set"], row["rep"]))
        ax.axvspan(row["start_s"], row["end_s"], color="0.5", alpha=0.12, linewidth=0)
        ax.annotate(
            str(row["rep"]),
            (row["peak_s"], row["peak_deg"]),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
