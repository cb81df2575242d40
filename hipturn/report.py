"""The page a therapist files: one PDF page with the angle, the repetitions and their quality."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from analysis import exercises
from analysis.plots import plot_angle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.sessions import Result

A4_INCHES = (8.27, 11.69)
ROWS_MAX = 30
SENTENCES_MAX = 4
DISCLAIMER = (
    "Not a diagnosis. Two units on one leg cannot tell hip rotation from rotation of the pelvis;"
    " skin and knee play are not in the uncertainty."
)
TABLE = {
    "side": "side", "rep": "rep", "status": "status", "start_s": "start s", "peak_deg": "peak °",
    "rom_deg": "range °", "up_s": "up s", "hold_s": "hold s", "down_s": "down s",
    "end_residual_deg": "left over °", "controlled": "controlled", "faults": "faults",
}  # fmt: skip


def write_report(result: Result, path: Path) -> None:
    """Write a one-page PDF; text stays text and fonts are embedded."""
    with mpl.rc_context({"pdf.fonttype": 42, "font.size": 9}):
        # margins leave room for the holes of a file
        layout = ConstrainedLayoutEngine(rect=(0.06, 0.04, 0.88, 0.92))
        figure = Figure(figsize=A4_INCHES, layout=layout)
        head, angle, table, foot = figure.subplots(
            4, 1, gridspec_kw={"height_ratios": (1.5, 3.0, 5.0, 1.3)}
        )
        _head(head, result)
        plot_angle(result, angle)
        _table(table, result)
        _foot(foot, result)
        figure.savefig(path, metadata={"Title": result.recording.session_id, "Author": "hipturn"})


def _head(ax: Axes, result: Result) -> None:
    recording = result.recording
    exercise = exercises.load(recording.exercise)
    ax.axis("off")
    ax.text(0, 1, exercise.name, fontsize=16, weight="bold", va="top", transform=ax.transAxes)
    lines = [
        f"wearer {recording.wearer or '–'}   ·   {recording.started_at[:16].replace('T', ' ')}"
        f"   ·   position {exercise.position.replace('_', ' ')}",
        textwrap.fill(f"measured: {exercise.measured}", 95),
        *[_summary_line(row) for row in result.summary.to_dict("records")],
    ]
    ax.text(0, 0.72, "\n".join(lines), va="top", transform=ax.transAxes, wrap=True)


def _summary_line(row: dict[Any, Any]) -> str:
    if not row["valid"]:
        return f"{row['side']} leg: no valid repetition"
    return (
        f"{row['side']} leg: {row['valid']} of {row['target_reps']} repetitions,"
        f" {row['controlled']} controlled, {row['partial']} partial, {row['rejected']} rejected;"
        f" range {row['rom_median_deg']:.0f}° (largest {row['rom_max_deg']:.0f}°),"
        f" hold {row['hold_median_s']:.1f} s, tempo {row['tempo_median_s']:.1f} s"
    )


def _table(ax: Axes, result: Result) -> None:
    ax.axis("off")
    rows: list[dict[str, Any]] = result.reps.head(ROWS_MAX).to_dict("records")  # type: ignore[assignment]
    if not rows:
        ax.text(0, 1, "No movement was found.", va="top", transform=ax.transAxes)
        return
    cells = [[_cell(row[name]) for name in TABLE] for row in rows]
    widths = [0.06, 0.05, 0.09, 0.09, 0.08, 0.08, 0.07, 0.08, 0.08, 0.10, 0.10, 0.16]
    drawn = ax.table(
        cells, colLabels=list(TABLE.values()), loc="upper left", cellLoc="right", colWidths=widths
    )
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(7)
    for cell in drawn.get_celld().values():
        cell.set_linewidth(0.3)
    if len(result.reps) > ROWS_MAX:
        more = f"{len(result.reps) - ROWS_MAX} more rows are in reps.csv"
        ax.text(0, 0, more, fontsize=7, transform=ax.transAxes)


def _cell(value: Any) -> str:  # noqa: ANN401 (a table holds values of any type)
    if value is None or value != value or str(value) == "<NA>":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.1f}"
    return str(value).replace("_", " ").replace(";", ", ")


def _foot(ax: Axes, result: Result) -> None:
    ax.axis("off")
    row = result.summary.iloc[0].to_dict() if len(result.summary) else {}
    said = result.sentences[:SENTENCES_MAX]
    quality = (
        f"Lost samples {row['lost_samples_percent']:.1f} %, longest gap"
        f" {row['longest_gap_ms']:.0f} ms. "
        if row
        else ""
    )
    text = "\n".join(textwrap.fill(line, 120) for line in (quality, *said, DISCLAIMER))
    ax.text(0, 1, text, va="top", fontsize=7, wrap=True, transform=ax.transAxes)
