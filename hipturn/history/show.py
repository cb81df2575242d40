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
from hipturn.history.wearers import Wearer, answers_data
from hipturn.words import ENGLISH, Said, Words, words_of

Progress = Callable[[int], AbstractContextManager[Callable[[str], object]]]
"""Called with the number of sessions to analyse; each call of the result reports one as done."""

COLUMNS = (
    "start",
    "leg",
    "reps",
    "controlled",
    "peak",
    "range",
    "hold",
    "test",
    "change",
    "since_first",
    "pain",
)
WIDTHS = (17, 6, 7, 11, 6, 6, 7, 6, 8, 10, 5)
HOW = {True: "active", False: "passive"}


def show_history(
    root: Path,
    wearer: str | None,
    figure: Path | None,
    progress: Progress,
    *,
    as_json: bool,
    language: str = ENGLISH,
) -> list[str]:
    """Return the lines of a wearer's trend; without a wearer, of all there are.

    JSON is the same in every language.

    Raises
    ------
    UserError
        When the wearer has no session, or a figure is wanted without one.
    """
    words = words_of(language)
    with history_index(root) as index:
        known = [row["wearer"] for row in trend.wearers(index)]
        if wearer is None and len(known) == 1:
            wearer = known[0]
        if wearer is None:
            if figure is not None:
                raise UserError(Said("trouble.figure_of_one"))
            rows, bad = trend.wearers(index), trend.damaged(index)
            if as_json:
                return [_json({"wearers": rows, "damaged": bad})]
            told = [*_overview(words, rows), *_damaged_lines(words, bad)]
            return [*told, *_copy_lines(words, trend.copies(index))]
        if wearer not in known:
            near = ", ".join(map(repr, known[:20]))
            key = "trouble.no_such_wearer" if known else "trouble.no_session_of"
            raise UserError(Said(key, root=str(root), wearer=repr(wearer), known=near))
        new = trend.not_analysed(index, wearer)
        if new:
            with progress(len(new)) as done:
                trend.fill(index, root, new, done)
        rows, bad = trend.trend(index, root, wearer), trend.damaged(index, wearer)
        again, plans = trend.copies(index, wearer), trend.adherence(index, wearer)
    known_as = read_wearers(root / WEARERS_FILE).known.get(wearer, Wearer())
    if figure is not None and rows:
        from hipturn.history.trend_figure import draw_trend

        draw_trend(rows, figure, known_as.goals, language)
    if as_json:
        answers = answers_data(known_as)
        found = {"wearer": wearer, "sessions": rows, "plans": plans, "answers": answers}
        return [_json({**found, "damaged": bad})]
    lines = [*_trend_lines(words, rows), *_plan_lines(words, plans)]
    lines += _answer_lines(words, known_as)
    return [*lines, *_damaged_lines(words, bad), *_copy_lines(words, again)]


def _overview(words: Words, rows: list[dict[str, Any]]) -> list[str]:
    lines = []
    for row in rows:
        name = printable(row["wearer"]) or words("history.nobody")
        sessions = words("history.sessions", count=f"{row['sessions']:>5}")
        lines.append(f"{name:<24} {sessions}  {_period(words, row['first'], row['last'])}")
    return lines or [words("history.none")]


def _json(data: dict[str, Any]) -> str:
    bad = [one._asdict() for one in data["damaged"]]
    return json.dumps(data | {"damaged": bad}, indent=2, ensure_ascii=False)


def _plan_lines(words: Words, plans: list[dict[str, Any]]) -> list[str]:
    return [
        words(
            "history.plan",
            plan=printable(plan["plan"]),
            n=plan["visits"],
            done=plan["done"],
            asked=plan["asked"],
        )
        for plan in plans
    ]


def _answer_lines(words: Words, wearer: Wearer) -> list[str]:
    return [
        f"{one.day.isoformat()}: {words.says(printable(one.question))} – {printable(one.text)}"
        for one in wearer.answers
        if one.text
    ]


def _damaged_lines(words: Words, bad: list[trend.Damaged]) -> list[str]:
    return [words("history.damaged", folder=one.folder, problem=one.problem) for one in bad]


def _copy_lines(words: Words, copies: list[tuple[str, str]]) -> list[str]:
    return [words("history.copy", folder=folder, original=first) for folder, first in copies]


def _trend_lines(words: Words, rows: list[dict[str, Any]]) -> list[str]:
    lines: list[str] = []
    group: tuple[str, str] | None = None
    heads = tuple(words.of("history_head", name) for name in COLUMNS)
    for row in rows:
        if (row["exercise"], row["position"]) != group:
            group = row["exercise"], row["position"]
            lines += ["", _heading(words, row), _line(heads, heads)]
        share = row["controlled_share"]
        cells = (
            _start(words, row["start_time"]),
            words.of("side", row["side"]),
            f"{row['valid']}/{row['target_reps']}",
            "" if share is None else words.number(share, ".0%"),
            _figure(words, row["peak_median_deg"], "°", 0),
            _figure(words, row["rom_median_deg"], "°", 0),
            _figure(words, row["hold_median_s"], " s", 1),
            _figure(words, row["end_mean_deg"], "°", 0),
            _change(words, row["change_since_last_deg"], row["change_exceeds_mdc"]),
            _change(words, row["change_since_baseline_deg"], row["baseline_exceeds_mdc"]),
            _figure(words, row["pain_max_0_10"], "", 0),
        )
        lines.append(_line(cells, heads))
        if row["trials_deg"]:
            lines.append(f"{'':>17} {_trials(words, row)}")
    if not lines:
        return [words("trend.none")]
    return [*lines[1:], "", words("history.legend"), words("history.star")]


def _heading(words: Words, row: dict[str, Any]) -> str:
    mdc = row["mdc_deg"]
    head = f"{row['exercise']}, {words.of('position', row['position'])}: "
    compared = {"quantity": row["quantity"], "compared": row["compared"], "mdc": mdc}
    if not row["quantity"]:
        return head
    if mdc is None or row["compared_deg"] is None or row["mdc_own"]:
        return head + words("history.compared", **compared)
    return head + words("history.compared_mdc", **compared)


def _trials(words: Words, row: dict[str, Any]) -> str:
    values = [
        f"{words.number(float(text), '.0f')}°" if text else "–"
        for text in row["trials_deg"].split(";")
    ]
    key = "history.trials" if row["active"] is None else "history.trials_how"
    parts = [words(key, how=HOW.get(row["active"]), values=", ".join(values))]
    external = row["external_rotation_deg"]
    if external is not None and row["end_mean_deg"] is not None:
        parts.append(neutral_zero(external, row["end_mean_deg"]))
    if row["trials_left_out"]:
        parts.append(words("history.left_out", which=row["trials_left_out"]))
    if row["mdc_own"]:
        parts.append(words("history.judged", own=row["mdc_own"]))
    return "; ".join(parts)


def _figure(words: Words, value: float | None, unit: str, digits: int) -> str:
    """Return a number, or nothing: timed exercises have no angle."""
    return "" if value is None else f"{words.number(value, f'.{digits}f')}{unit}"


def _period(words: Words, first: str | None, last: str | None) -> str:
    if not (first and last):
        return words("history.no_dates")
    return words("report.period", first=first[:10], last=last[:10])


def _start(words: Words, start_time: str | None) -> str:
    return start_time[:16].replace("T", " ") if start_time else words("history.no_start")


def _change(words: Words, change: float | None, exceeds: bool | None) -> str:
    """Return the change, with a star where it exceeds the minimal detectable change."""
    return "" if change is None else f"{words.number(change, '+.0f')}°{'*' if exceeds else ''}"


def _line(cells: tuple[str, ...], heads: tuple[str, ...]) -> str:
    """Return a line of the table; a column is as wide as its head at least."""
    columns = zip(cells, heads, WIDTHS, strict=True)
    return " ".join(f"{cell:>{max(width, len(head))}}" for cell, head, width in columns).rstrip()
