"""The table of repetitions: a row for every movement that was counted, was small, or rejected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.exercises import Exercise
from analysis.session.counting import Numbered
from analysis.session.leg_record import LegRecord
from analysis.session.recording import Recording
from imu.sample import Side

REP_COLUMNS = (
    "session_id", "wearer", "start_time", "exercise", "side", "position", "mode", "measured", "set",
    "rep", "status", "reject_reason", "start_s", "peak_s", "end_s", "start_deg", "peak_deg",
    "rom_deg", "end_residual_deg", "up_s", "hold_s", "down_s", "rest_before_s",
    "peak_velocity_dps", "tremor_dps", "smoothness_up", "smoothness_down",
    "knee_flexion_change_deg", "thigh_elevation_change_deg", "pelvis_change_deg", "controlled",
    "faults", "flags", "peaks", "pulses", "active", "confidence", "basis", "uncertainty_deg",
    "gap_ms", "pain_0_10", "end_feel", "note",
)  # fmt: skip
SHARES = ("smoothness_up", "smoothness_down", "confidence")
ASYMMETRY_DEG, ASYMMETRY_SHARE = 10.0, 0.20
"""Legs of one repetition that differ by more, or by more of the larger, are the fault `asymmetry`:
within 10° two sides count as equal (Ellison et al. 1990), but of a small range that is half."""
Row = dict[str, Any]


def rep_table(
    recording: Recording, exercise: Exercise, records: Mapping[Side, LegRecord]
) -> pd.DataFrame:
    """Return a row per counted, partial or rejected movement, leg by leg in order of time.

    Where the sides take turns, all rows are in order of time, so that the sequence shows.
    Where a repetition takes both legs, all rows are in order of time, and a row `both` comes before
    the two of its legs: it says when, how sure and how controlled; the legs' rows say how far.
    """
    legs = [_leg_rows(recording, exercise, side, record) for side, record in records.items()]
    rows = [row for leg in legs for row in leg]
    if exercise.both_legs and len(legs) == 2:
        rows = _with_both(*legs)
    elif exercise.alternating:
        rows.sort(key=lambda row: row["start_s"])
    table = pd.DataFrame(rows, columns=list(REP_COLUMNS))
    return table.astype({name: _rep_dtype(name) for name in REP_COLUMNS})


def _rep_dtype(name: str) -> str:
    if name in ("set", "rep", "peaks", "pulses"):
        return "Int64"
    if name in ("controlled", "active"):
        return "boolean"
    if name == "measured":
        return "bool"
    if name.endswith(("_s", "_deg", "_dps", "_ms")) or name in SHARES:
        return "float64"
    return "str"


def _leg_rows(recording: Recording, exercise: Exercise, side: Side, record: LegRecord) -> list[Row]:
    rows, before_s = [], math.nan
    for numbered in record.movements:
        rows.append(_rep_row(recording, exercise, side, numbered, before_s))
        before_s = numbered.movement.end_s
    return rows


def _rep_row(
    recording: Recording, exercise: Exercise, side: Side, numbered: Numbered, before_s: float
) -> Row:
    m = numbered.movement
    copied = {
        name: getattr(m, name) for name in REP_COLUMNS if name in type(m).__dataclass_fields__
    }
    figures = copied | {"rest_before_s": m.start_s - before_s}
    rounded = {
        name: round(value, 6 if name.endswith("_s") else 3) if isinstance(value, float) else value
        for name, value in figures.items()
    }
    return rounded | {
        "session_id": recording.session_id,
        "wearer": recording.wearer,
        "start_time": recording.started_at,
        "exercise": exercise.id,
        "side": str(side),
        "position": exercise.position,
        "mode": exercise.mode,
        "measured": not exercise.is_timed,
        "set": numbered.set or None,
        "rep": numbered.rep or None,
        "faults": ";".join(m.faults),
        "flags": ";".join(m.flags),
        "active": recording.active,
        "basis": exercise.angle if exercise.is_counted else "",
        "pain_0_10": "",
        "end_feel": "",
        "note": "",
    }


def _with_both(left: list[Row], right: list[Row]) -> list[Row]:
    """Return the rows of both legs in order of time, with one for each common repetition."""
    partners = {(row["set"], row["rep"]): row for row in right if row["rep"] is not None}
    ordered: list[tuple[float, Row]] = []
    paired: list[Row] = []
    for row in left:
        partner = partners.get((row["set"], row["rep"])) if row["rep"] is not None else None
        if partner is None:
            ordered.append((row["start_s"], row))
            continue
        both = _both_row(row, partner)
        ordered += [(both["start_s"], each) for each in (both, row, partner)]
        paired.append(partner)
    alone = [row for row in right if not any(row is partner for partner in paired)]
    ordered += [(row["start_s"], row) for row in alone]
    return [row for _, row in sorted(ordered, key=lambda item: item[0])]


def _is_uneven(left: Row, right: Row) -> bool:
    """Say whether one leg went clearly farther than the other."""
    apart = abs(left["rom_deg"] - right["rom_deg"])
    larger = max(left["rom_deg"], right["rom_deg"])
    return bool(apart > ASYMMETRY_DEG or apart > ASYMMETRY_SHARE * larger)


def _both_row(left: Row, right: Row) -> Row:
    measured = {name: math.nan for name in REP_COLUMNS if _rep_dtype(name) == "float64"}
    legs = (left, right)
    uneven = "asymmetry" if _is_uneven(left, right) else ""

    def listed(name: str) -> str:
        words = [word for leg in legs for word in str(leg[name]).split(";") if word]
        return ";".join(dict.fromkeys(words))

    return {
        **left,
        **measured,
        "side": "both",
        "start_s": min(leg["start_s"] for leg in legs),
        "peak_s": round(sum(leg["peak_s"] for leg in legs) / 2, 6),
        "end_s": max(leg["end_s"] for leg in legs),
        "rest_before_s": min(leg["rest_before_s"] for leg in legs),
        "controlled": all(leg["controlled"] for leg in legs),
        "faults": ";".join(filter(None, (listed("faults"), uneven))),
        "flags": listed("flags"),
        "peaks": max(leg["peaks"] for leg in legs),
        "pulses": max(leg["pulses"] for leg in legs),
        "confidence": min(leg["confidence"] for leg in legs),
        "gap_ms": max(leg["gap_ms"] for leg in legs),
    }
