"""The trend of a wearer drawn: a row of panels for each exercise and position."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, DateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from analysis.session.plots import SIDE_COLOURS, SIDE_LINES
from hipturn.errors import UserError
from hipturn.history.wearers import Goal
from hipturn.words import ENGLISH, Said, Words, words_of

SUFFIXES = (".pdf", ".png", ".svg")
RANGE = "rom_median_deg"
PANELS = (
    ("compared_deg", ""),
    (RANGE, "trend_figure.range"),
    ("hold_median_s", "trend_figure.hold"),
    ("controlled_share", "trend_figure.controlled"),
)
"""What is drawn, and the text of its axis; that of the first is of the exercise."""
PAIN = ("pain_max_0_10", "trend_figure.pain")
"""A panel of its own where somebody told pain."""
MARKERS = {"right": "o", "left": "s"}
ROW_IN = 2.4
ROOM_DAYS = 1.0
ROOM_SHARE = 0.06
"""So that the first and the last session do not stand on the frame."""
FEW_DAYS = 3.0
"""Within fewer days each has its own tick."""


def draw_trend(
    rows: list[dict[str, Any]], path: Path, goals: Sequence[Goal] = (), language: str = ENGLISH
) -> Path:
    """Write the figure of a trend; exercises and positions each have their own row.

    Goals, of a wearer, are drawn into the range, which they are of.

    Raises
    ------
    UserError
        When the suffix is not supported.
    """
    if path.suffix.lower() not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise UserError(Said("trouble.figure_suffix", path=str(path), known=known))
    words = words_of(language)
    title = words("report.of_wearer", title=Said("report.title_other"), wearer=rows[0]["wearer"])
    told = any(row[PAIN[0]] is not None for row in rows)
    panels = (*PANELS, PAIN) if told else PANELS
    groups = list(dict.fromkeys((row["exercise"], row["position"]) for row in rows))
    with mpl.rc_context({"pdf.fonttype": 42, "font.size": 9}):
        figure = Figure(figsize=(11.0, ROW_IN * len(groups) + 0.5), layout="constrained")
        figure.suptitle(title, parse_math=False)
        grid = figure.subplots(len(groups), len(panels), squeeze=False)
        for axes, group in zip(grid, groups, strict=True):
            mine = [row for row in rows if (row["exercise"], row["position"]) == group]
            for ax, (name, label) in zip(axes, panels, strict=True):
                _draw_panel(ax, mine, name, words)
                if label:
                    ax.set_ylabel(words(label))
                if name == RANGE:
                    _draw_goals(ax, [goal for goal in goals if goal.exercise == group[0]], words)
                _set_days(ax, [_day(row["start_time"]) for row in mine if row["start_time"]])
            position = words.of("position", group[1])
            axes[0].set_title(f"{group[0].replace('_', ' ')}, {position}", loc="left")
            what = words.says(mine[0]["quantity"]), words.says(mine[0]["compared"])
            axes[0].set_ylabel(f"{what[0]},\n{what[1]} (°)")
        path.parent.mkdir(parents=True, exist_ok=True)
        # whoever forgets the wearer finds the figure by its title
        about = {"Title": title, "Creator": "hipturn"}
        figure.savefig(path, dpi=150, metadata=about)
    return path


def _day(start_time: str) -> float:
    return float(date2num(datetime.fromisoformat(start_time)))  # type: ignore[no-untyped-call]


def _draw_baseline(ax: Axes, rows: list[dict[str, Any]], side: str, words: Words) -> None:
    """Draw the first value of a leg, its trials, and what is within the detectable change of it.

    Where none is known there is no band.
    """
    colour, first = SIDE_COLOURS[side], rows[0]["compared_deg"]
    # the newest that is known: of the wearer's own tests once they are enough
    mdc = next((row["mdc_deg"] for row in reversed(rows) if row["mdc_deg"] is not None), None)
    label = words("trend_figure.first", side=side)
    ax.axhline(first, color=colour, linewidth=0.8, linestyle=":", label=label)
    if mdc is not None:
        label = words("trend_figure.within", side=side)
        ax.axhspan(first - mdc, first + mdc, color=colour, alpha=0.12, linewidth=0, label=label)
    trials = [
        (_day(row["start_time"]), float(text))
        for row in rows
        for text in (row["trials_deg"] or "").split(";")
        if text
    ]
    if trials:
        label = words("trend_figure.trials", side=side)
        ax.plot(*zip(*trials, strict=True), ".", color=colour, alpha=0.4, label=label)


def _draw_goals(ax: Axes, goals: Sequence[Goal], words: Words) -> None:
    """Draw what each leg aimed at, from the day on at which it was set."""
    for side in dict.fromkeys(goal.leg for goal in goals):
        mine = sorted((goal for goal in goals if goal.leg == side), key=lambda goal: goal.day)
        days = [_day(goal.day.isoformat()) for goal in mine]
        last = max(days[-1], ax.dataLim.x1) if ax.has_data() else days[-1]
        label, colour = words("trend_figure.goal", side=side), SIDE_COLOURS[side]
        degrees = [goal.deg for goal in mine]
        ax.step([*days, last], [*degrees, degrees[-1]], "-.", where="post", color=colour,
                linewidth=0.9, label=label)  # fmt: skip
    if goals:
        ax.legend(frameon=False, fontsize=6)


def _set_days(ax: Axes, days: list[float]) -> None:
    """Let the axis run from the first session to the last, with room beside them."""
    if not days:
        ax.set_xticks([])  # no day to write
        return
    first, last = min(days), max(days)
    room = max(ROOM_DAYS, ROOM_SHARE * (last - first))
    ax.set_xlim(first - room, last + room)
    if last - first < FEW_DAYS:  # hours are what nobody asks for
        by_day = {int(day): day for day in sorted(days)}
        ax.xaxis.set_major_locator(FixedLocator(list(by_day.values())))
        ax.xaxis.set_major_formatter(DateFormatter("%d %b %Y"))  # type: ignore[no-untyped-call]
        return
    locator: Any = AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _draw_panel(ax: Axes, rows: list[dict[str, Any]], name: str, words: Words) -> None:
    dated = [row for row in rows if row["start_time"] and row[name] is not None]
    for side in ("left", "right"):
        mine = [row for row in dated if row["side"] == side]
        if mine and name == PANELS[0][0]:
            _draw_baseline(ax, mine, side, words)
        if mine:
            ax.plot(
                [_day(row["start_time"]) for row in mine],
                [row[name] for row in mine],
                color=SIDE_COLOURS[side],
                linestyle=SIDE_LINES[side],
                marker=MARKERS[side],
                markersize=4.5,
                label=words.of("side", side),
            )
    if name == "controlled_share":
        ax.set_ylim(-0.03, 1.03)
    if name == PAIN[0]:
        ax.set_ylim(-0.3, 10.3)
    if name == PANELS[0][0] and ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize=6)
    ax.spines[["top", "right"]].set_visible(False)
