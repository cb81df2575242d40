"""`hipturn history`: the table and the figure of a trend."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from hipturn.clinical_words import neutral_zero
from hipturn.errors import UserError, printable
from hipturn.history import trend
from hipturn.history.index import history_index
from hipturn.history.wearer_book import WEARERS_FILE, read_wearers
from hipturn.history.wearers import Wearer

Progress = Callable[[int], AbstractContextManager[Callable[[str], object]]]
"""Called with the number of sessions to analyse; each call of the result reports one as done."""

HEAD = (
    "start",
    "leg",
    "reps",
    "controlled",
    "peak",
    "range",
    "hold",
    "test",
    "change",
    "since 1st",
    "pain",
)
WIDTHS = (17, 6, 7, 11, 6, 6, 7, 6, 8, 10, 5)
HOW = {True: "active", False: "passive", None: ""}
LEGEND = (
    "reps: done of those asked for; peak and range: medians; test: mean of its trials;"
    " change: since the last session of the same kind; since 1st: since the first of them;"
    " pain: the largest told, 0 to 10.",
    "*: more than the smallest detectable change of this posture and kind, or of the wearer's own"
    " tests on five earlier days or more; no star where it is within it, or where none is known.",
)


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
            lines = _overview(trend.wearers(index), trend.damaged(index), as_json=as_json)
            return lines if as_json else [*lines, *_copy_lines(trend.copies(index))]
        if wearer not in known:
            near = f"; there are {', '.join(map(repr, known[:20]))}" if known else ""
            raise UserError(f"{root}: no session of wearer {wearer!r}{near}")
        new = trend.not_analysed(index, wearer)
        if new:
            with progress(len(new)) as done:
                trend.fill(index, root, new, done)
        rows, bad = trend.trend(index, root, wearer), trend.damaged(index, wearer)
        again, plans = trend.copies(index, wearer), trend.adherence(index, wearer)
    if figure is not None and rows:
        from hipturn.history.trend_figure import draw_trend

        goals = read_wearers(root / WEARERS_FILE).known.get(wearer, Wearer()).goals
        draw_trend(rows, figure, goals)
    if as_json:
        return [_json({"wearer": wearer, "sessions": rows, "plans": plans, "damaged": bad})]
    told = [*_trend_lines(rows), *_plan_lines(plans)]
    return [*told, *_damaged_lines(bad), *_copy_lines(again)]


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


def _plan_lines(plans: list[dict[str, Any]]) -> list[str]:
    return [
        f"plan {printable(plan['plan'])}: {plan['visits']}"
        f" {'visit' if plan['visits'] == 1 else 'visits'}, {plan['done']} of {plan['asked']}"
        " sessions done"
        for plan in plans
    ]


def _damaged_lines(bad: list[trend.Damaged]) -> list[str]:
    return [f"damaged: {one.folder}: {one.problem}" for one in bad]


def _copy_lines(copies: list[tuple[str, str]]) -> list[str]:
    return [
        f"the same recording, counted once: {folder} is {original} again"
        for folder, original in copies
    ]


def _trend_lines(rows: list[dict[str, Any]]) -> list[str]:
    lines: list[str] = []
    group: tuple[str, str] | None = None
    for row in rows:
        if (row["exercise"], row["position"]) != group:
            group = row["exercise"], row["position"]
            lines += ["", _heading(row), _line(HEAD)]
        lines.append(
            _line(
                (
                    _start(row["start_time"]),
                    row["side"],
                    f"{row['valid']}/{row['target_reps']}",
                    "" if row["controlled_share"] is None else f"{row['controlled_share']:.0%}",
                    _figure(row["peak_median_deg"], "°", 0),
                    _figure(row["rom_median_deg"], "°", 0),
                    _figure(row["hold_median_s"], " s", 1),
                    _figure(row["end_mean_deg"], "°", 0),
                    _change(row["change_since_last_deg"], row["change_exceeds_mdc"]),
                    _change(row["change_since_baseline_deg"], row["baseline_exceeds_mdc"]),
                    _figure(row["pain_max_0_10"], "", 0),
                )
            )
        )
        if row["trials_deg"]:
            lines.append(f"{'':>17} {_trials(row)}")
    return [*lines[1:], "", *LEGEND] if lines else ["no valid repetition yet"]


def _heading(row: dict[str, Any]) -> str:
    mdc = row["mdc_deg"]
    known = (
        ""
        if mdc is None or row["compared_deg"] is None or row["mdc_own"]
        else f"; smallest detectable change {mdc:g}°"
    )
    what = f"{row['quantity']}, compared by {row['compared']}" if row["quantity"] else ""
    return f"{row['exercise']}, {row['position']}: {what}{known}"


def _trials(row: dict[str, Any]) -> str:
    values = [f"{float(text):.0f}°" if text else "–" for text in row["trials_deg"].split(";")]
    how = f"{HOW[row['active']]} " if row["active"] is not None else ""
    left_out = f"; left out: {row['trials_left_out']}" if row["trials_left_out"] else ""
    external = row["external_rotation_deg"]
    both = ""
    if external is not None and row["end_mean_deg"] is not None:
        both = f"; {neutral_zero(external, row['end_mean_deg'])}"
    own = f"; judged by {row['mdc_own']}" if row["mdc_own"] else ""
    return f"{how}trials {', '.join(values)}{both}{left_out}{own}"


def _figure(value: float | None, unit: str, digits: int) -> str:
    """Return a number, or nothing: timed exercises have no angle."""
    return "" if value is None else f"{value:.{digits}f}{unit}"


def _period(first: str | None, last: str | None) -> str:
    return f"{first[:10]} to {last[:10]}" if first and last else "dates not known"


def _start(start_time: str | None) -> str:
    return start_time[:16].replace("T", " ") if start_time else "not known"


def _change(change: float | None, exceeds: bool | None) -> str:
    """Return the change, with a star where it exceeds the minimal detectable change."""
    return "" if change is None else f"{change:+.0f}°{'*' if exceeds else ''}"


def _line(cells: tuple[str, ...]) -> str:
    line = " ".join(f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS, strict=True))
    return line.rstrip()
