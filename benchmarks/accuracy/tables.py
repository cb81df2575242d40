"""Rows of scores to tables that are read: printed, and as Markdown."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.accuracy.conditions import CONDITIONS, DRIFT, REAL
from benchmarks.accuracy.methods import METHODS, OTHERS, OURS
from benchmarks.accuracy.worn import EXERCISES, GRAVITY, HEADING

ORDER = [c.name for c in (*CONDITIONS, REAL, DRIFT)]


def kind_of(exercise: str) -> str:
    return "heading" if exercise in HEADING else "gravity"


def summary(scores: pd.DataFrame) -> pd.DataFrame:
    """Return a row per condition and exercise, and one for each kind of angle, of our angle."""
    mine = scores[scores["method"] == OURS]
    rows = []
    for condition in _present(mine["condition"], ORDER):
        part = mine[mine["condition"] == condition]
        groups = [(name, part[part["exercise"] == name]) for name in EXERCISES]
        for kind, names in (("all gravity", GRAVITY), ("all heading", HEADING)):
            groups.append((kind, part[part["exercise"].isin(names)]))
        rows += [_summary_row(condition, name, group) for name, group in groups if len(group)]
    return pd.DataFrame(rows)


def _summary_row(condition: str, name: str, group: pd.DataFrame) -> dict[str, object]:
    good = group[group["refused"] == ""]
    frames = max(float(good["frames"].sum()), 1.0)
    return {
        "condition": condition,
        "exercise": name,
        "wearers": len(group),
        "refused": len(group) - len(good),
        "RMSE": _median(good["rmse_deg"]),
        "95 %": _high(good["rmse_deg"]),
        "worst": good["rmse_deg"].max(),
        "from pose": _median(good["from_pose_deg"]),
        "peak": _median(good["peak_deg"]),
        "≤1σ %": 100 * float(good["within_1s"].sum()) / frames,
        "≤2σ %": 100 * float(good["within_2s"].sum()) / frames,
        "with anatomy %": 100 * float(good["within_anatomy"].sum()) / frames,
        "σ": _median(good["sigma_deg"]),
        "zero moved": good["zero_moved_deg"].max(),
        "zero drifted": good["zero_drifted_deg"].max(),
        "leap": good["leap_deg"].max(),
        "gap leap": good["gap_leap_deg"].max(),
        "valid %": 100 * good["valid_share"].mean(),
        "reps exact": f"{int((good['reps_found'] == good['reps_true']).sum())}/{len(group)}",
        "knee named": f"{int(good['knee_named'].sum())}/{len(good)}",
        "range": good["range_deg"].mean(),
    }


def coverage(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the percent of samples within 1 σ / 2 σ: a row per condition, exercises across."""
    mine = scores[(scores["method"] == OURS) & (scores["refused"] == "")]
    sums = mine.groupby(["condition", "exercise"])[["frames", "within_1s", "within_2s"]].sum()
    shares = 100.0 * sums[["within_1s", "within_2s"]].div(sums["frames"].clip(lower=1), axis=0)
    shares["cell"] = [f"{one:.1f}/{two:.1f}" for one, two in shares.to_numpy()]
    cells = shares.pivot_table(
        index="condition", columns="exercise", values="cell", aggfunc="first", sort=False
    )
    cells = cells.loc[_present(mine["condition"], ORDER), _present(mine["exercise"], EXERCISES)]
    return cells.rename_axis(columns=None).reset_index()


def refusals(scores: pd.DataFrame) -> list[str]:
    """Return what was refused, how often and in which conditions."""
    refused = scores[scores["refused"] != ""]
    return [
        f"{len(part)} times, {', '.join(dict.fromkeys(part['condition']))}: {sentence}"
        for sentence, part in refused.groupby("refused", sort=False)
    ]


def comparison(scores: pd.DataFrame) -> pd.DataFrame:
    """Return median RMSE per method from the same start, and how many times better ours is."""
    rows = []
    for condition in _present(scores["condition"], ORDER):
        for exercise in EXERCISES:
            part = scores[
                (scores["condition"] == condition)
                & (scores["exercise"] == exercise)
                & (scores["refused"] == "")
            ]
            if not len(part):
                continue
            medians = part.groupby("method")["from_pose_deg"].median()
            row: dict[str, object] = {"condition": condition, "exercise": exercise}
            row |= {m: medians.get(m, np.nan) for m in METHODS}
            best = min(medians.get(m, np.inf) for m in OTHERS)
            row["best other / ours"] = best / medians[OURS]
            row["thigh / ours"] = medians["thigh twist"] / medians[OURS]
            rows.append(row)
    return pd.DataFrame(rows)


def printed(table: pd.DataFrame) -> str:
    """Return a table as text with numbers of two decimals."""
    return table.to_string(index=False, float_format=lambda v: f"{v:.2f}")


def markdown(table: pd.DataFrame) -> str:
    """Return a table as Markdown, numbers with two decimals."""
    lines = ["| " + " | ".join(map(str, table.columns)) + " |", "|" + "---|" * len(table.columns)]
    for row in table.itertuples(index=False):
        lines.append("| " + " | ".join(_cell(value) for value in row) + " |")
    return "\n".join(lines)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.2f}"
    return str(value)


def _present(column: pd.Series, order: list[str]) -> list[str]:
    there = set(column)
    return [name for name in order if name in there]


def _median(values: pd.Series) -> float:
    return float(values.median())


def _high(values: pd.Series) -> float:
    known = values.dropna()
    return float(np.percentile(known, 95)) if len(known) else np.nan
