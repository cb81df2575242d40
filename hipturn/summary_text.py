"""How a session went, in lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.sessions import Result


def summary_lines(result: Result) -> list[str]:
    """Return a line for each leg, then what a person should know."""
    rows: list[dict[str, Any]] = result.summary.to_dict("records")  # type: ignore[assignment]
    return [row_line(row) for row in rows] + [f"note: {text}" for text in result.sentences]


def row_line(row: dict[str, Any]) -> str:
    """Return one row of summary.csv as a sentence."""
    head = f"{row['exercise']}, {row['side']}: {row['valid']} of {row['target_reps']} reps"
    parts = [head]
    if row["valid"]:
        parts += [
            f"{row['controlled']} controlled",
            f"range {row['rom_median_deg']:.0f}° (largest {row['rom_max_deg']:.0f}°)",
            f"hold {row['hold_median_s']:.1f} s",
            f"tempo {row['tempo_median_s']:.1f} s",
        ]
    parts += [f"{row[name]} {name}" for name in ("partial", "rejected") if row[name]]
    parts.append(f"{row['lost_samples_percent']:.1f} % lost")
    return ", ".join(parts)
