"""`hipturn history`: the table and the figure of a trend."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from hipturn.errors import UserError, printable
from hipturn.history import trend
from hipturn.history.index import history_index

Progress = Callable[[int], AbstractContextManager[Callable[[str], object]]]
"""Called with the number of sessions to analyse; each call of the result reports one as done."""

HEAD = ("start", "leg", "reps", "controlled", "peak", "range", "hold", "change")
WIDTHS = (17, 6, 7, 11, 6, 6, 7, 8)


def show_history(
    root: Path, wearer: str | None, figure: Path | None, progress: Progress, *, as_json: bool
) -> list[str]:
    """Return the lines of a wearer's trend; without a wearer, of all there are.

    Raises
    ------
    UserError
        When the wearer has no session, or a figure is wanted without one.
    """
    with history_index(root) as index:
        known = [row["wearer"] for row in trend.wearers(index)]
        if wearer is None and len(known) == 1:
            wearer = known[0]
        if wearer is None:
            if figure is not None:
                raise UserError("a figure is of one wearer; name one with --wearer")
            return _overview(trend.wearers(index), trend.damaged(index), as_json=as_json)
        if wearer not in known:
            near = f"; there are {', '.join(map(repr, known[:20]))}" if known else ""
            raise UserError(f"{root}: no session of wearer {wearer!r}{near}")
        new = trend.not_analysed(index, wearer)
        if new:
            with progress(len(new)) as done:
                trend.fill(index, root, new, done)
        rows, bad = trend.trend(index, wearer), trend.damaged(index, wearer)
    if figure is not None and rows:
        from hipturn.history.trend_figure import draw_trend

        draw_trend(rows, figure)
    if as_json:
        return [_json({"wearer": wearer, "sessions": rows, "damaged": bad})]
    return [*_trend_lines(rows), *_damaged_lines(bad)]


def _overview(rows: list[dict[str, Any]], bad: list[trend.Damaged], *, as_json: bool) -> list[str]:
    if as_json:
        return [_json({"wearers": rows, "damaged": bad})]
    lines = [
        f"{printable(row['wearer']) or '(none)':<24} {row['sessions']:>5} sessions"
        f"  {_period(row['first'], row['last'])}"
        for row in rows
    ]
    return [*(lines or ["no session"]), *_damaged_lines(bad)]


def _json(data: dict[str, Any]) -> str:
    bad = [one._asdict() for one in data["damaged"]]
    return json.dumps(data | {"damaged": bad}, indent=2, ensure_ascii=False)


def _damaged_lines(bad: list[trend.Damaged]) -> list[str]:
    return [f"damaged: {one.folder}: {one.problem}" for one in bad]


def _trend_lines(rows: list[dict[str, Any]]) -> list[str]:
    lines: list[str] = []
    group: tuple[str, str] | None = None
    for row in rows:
        if (row["exercise"], row["position"]) != group:
            group = row["exercise"], row["position"]
            lines += ["", f"{group[0]}, {group[1]}", _line(HEAD)]
        lines.append(
            _line(
                (
                    _start(row["start_time"]),
                    row["side"],
                    f"{row['valid']}/{row['target_reps']}",
                    f"{row['controlled_share']:.0%}",
                    _figure(row["peak_median_deg"], "°", 0),
                    _figure(row["rom_median_deg"], "°", 0),
                    _figure(row["hold_median_s"], " s", 1),
                    _change(row),
                )
            )
        )
    return lines[1:] or ["no valid repetition yet"]


def _figure(value: float | None, unit: str, digits: int) -> str:
    """Return a number, or nothing: timed exercises have no angle."""
    return "" if value is None else f"{value:.{digits}f}{unit}"


def _period(first: str | None, last: str | None) -> str:
    return f"{first[:10]} to {last[:10]}" if first and last else "dates not known"


def _start(start_time: str | None) -> str:
    return start_time[:16].replace("T", " ") if start_time else "not known"


def _change(row: dict[str, Any]) -> str:
    """Return the change, with a star where it exceeds the minimal detectable change."""
    change = row["change_since_last_deg"]
    if change is None:
        return ""
    return f"{change:+.0f}°{'*' if row['change_exceeds_mdc'] else ''}"


def _line(cells: tuple[str, ...]) -> str:
    return " ".join(f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS, strict=True))
