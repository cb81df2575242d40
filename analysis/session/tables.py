"""The tables of a session: columns that the outside relies on, degrees and seconds.

`angles` has a row per sample, `reps` a row per movement, `sets` a row per set and side, `summary` a
row per exercise and side. What people corrected or said afterwards stands in them as such.
Internal rotation is positive on either side; what is not known is empty.
What is compared, left with right and with other sessions, is the end position where the angle has a
zero of its own, and the range where its zero is the start position.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from analysis.edits import SaidOfSet
from analysis.exercises import Exercise, detectable_change
from analysis.session.assessment import (
    Assessment,
    cells_of_test,
    compared_deg,
    is_active,
    put_difference,
)
from analysis.session.recording import LegRecord, Recording, leg_units
from imu.sample import FloatArray, Side

ANGLE_COLUMNS = (
    "time_s", "side", "hip_internal_rotation_deg", "uncertainty_deg", "basis", "hip_flexion_deg",
    "hip_adduction_deg", "knee_flexion_deg", "thigh_elevation_deg", "pelvis_rotation_deg", "valid",
    "set", "rep", "phase", "knee_flexion_uncertainty_deg", "thigh_elevation_uncertainty_deg",
    "sensor_shift", "thigh_rotation_gravity_deg",
)  # fmt: skip
SUMMARY_COLUMNS = (
    "session_id", "wearer", "start_time", "exercise", "side", "sets", "valid", "partial",
    "rejected", "target_reps", "controlled", "rom_median_deg", "rom_max_deg", "rom_iqr_deg",
    "peak_median_deg", "peak_max_deg", "hold_median_s", "tempo_median_s", "side_difference_deg",
    "side_flag", "change_since_last_deg", "mdc_deg", "change_exceeds_mdc", "lost_samples_percent",
    "longest_gap_ms", "active", "test_position", "trials_deg", "trials_left_out", "end_mean_deg",
    "end_largest_deg", "plateau_s", "external_rotation_deg", "total_arc_deg",
    "change_since_baseline_deg", "counted_by_hand", "pain_max_0_10", "effort_max_0_10", "edited",
)  # fmt: skip
SET_COLUMNS = (
    "session_id", "wearer", "start_time", "exercise", "side", "set", "start_s", "end_s", "valid",
    "partial", "rejected", "target_reps", "counted_by_hand", "rom_median_deg", "hold_median_s",
    "controlled", "interrupted_s", "pain_0_10", "effort_0_10", "note", "edited",
)  # fmt: skip
INTERRUPTED_S = 1.0
"""A leg unheard for longer was interrupted; shorter holes are told as lost samples."""


MOVED = (
    "side", "set", "status", "faults", "start_s", "end_s", "rom_deg", "peak_deg", "hold_s",
    "controlled", "pain_0_10", "edited",
)  # fmt: skip
"""What sets and summary ask of each repetition."""

Row = dict[str, Any]
Spans = Sequence[tuple[float, float]]
PHASES = ("up", "hold", "down", "rest", "away", "calibrating")
SIDES = tuple(Side)
SIDE_INDEX = pd.Index([str(side) for side in SIDES])


def angle_table(
    recording: Recording,
    exercise: Exercise,
    steps: Mapping[Side, Spans],
    records: Mapping[Side, LegRecord],
) -> pd.DataFrame:
    """Return a row per sample and leg; a leg whose calibration was refused has empty angles.

    `steps` are each leg's steps of calibration, in seconds.
    """
    parts = [
        _angle_columns(recording, exercise, side, steps[side], records.get(side)) for side in steps
    ]
    if not parts:
        return pd.DataFrame(columns=list(ANGLE_COLUMNS))
    return pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True)


def _angle_columns(
    recording: Recording, exercise: Exercise, side: Side, steps: Spans, record: LegRecord | None
) -> dict[str, object]:
    time_s = recording.frames.time_s
    n = len(time_s)
    empty = np.full(n, np.nan)
    phase = np.full(n, 3, dtype=np.int8)
    sets, reps = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    if record is not None:
        phase[record.away] = PHASES.index("away")
        _paint(time_s, record, phase, sets, reps)
    for window in _calibrating(steps, record):
        phase[_rows(time_s, *window)] = PHASES.index("calibrating")
    rotation = empty if record is None else record.rotation_deg
    valid = ~np.isnan(rotation)
    series = record.series if record is not None else None
    free = record.free if record is not None else None
    sigma = empty if record is None else np.where(valid, _rounded(record.sigma_deg), np.nan)
    shifted = None if record is None else record.shifted

    def degrees(name: str) -> FloatArray:
        return empty if series is None else _degrees(getattr(series, name))

    return {
        "time_s": np.round(time_s, 6),
        "side": pd.Categorical.from_codes(np.full(n, SIDES.index(side), np.int8), SIDE_INDEX),
        "hip_internal_rotation_deg": _rounded(rotation),
        "uncertainty_deg": sigma if free is None else _degrees(free.rotation_sigma),
        "basis": pd.Categorical.from_codes(valid.astype(np.int8) - 1, pd.Index([exercise.angle])),
        "hip_flexion_deg": degrees("flexion"),
        "hip_adduction_deg": degrees("adduction"),
        "knee_flexion_deg": degrees("knee_flexion"),
        "thigh_elevation_deg": degrees("thigh_elevation"),
        "pelvis_rotation_deg": degrees("pelvis_rotation"),
        "valid": valid,
        "set": pd.arrays.IntegerArray(sets, sets == 0),
        "rep": pd.arrays.IntegerArray(reps, reps == 0),
        "phase": pd.Categorical.from_codes(phase, pd.Index(PHASES)),
        "knee_flexion_uncertainty_deg": empty
        if free is None
        else _degrees(free.knee_flexion_sigma),
        "thigh_elevation_uncertainty_deg": (
            empty if free is None else _degrees(free.thigh_elevation_sigma)
        ),
        "sensor_shift": np.zeros(n, dtype=np.bool_) if shifted is None else shifted,
        "thigh_rotation_gravity_deg": empty if free is None else _degrees(free.rotation),
    }


def _degrees(angle_rad: FloatArray) -> FloatArray:
    return _rounded(np.degrees(angle_rad))


def _calibrating(steps: Spans, record: LegRecord | None) -> Spans:
    """Return when the wearer calibrated: from the first step to the last, if nothing else was."""
    if not steps:
        return []
    whole = (min(start for start, _ in steps), max(end for _, end in steps))
    moved = record.movements if record is not None else ()
    between = any(whole[0] < numbered.movement.peak_s < whole[1] for numbered in moved)
    return steps if between else [whole]


def _rounded(angle_deg: FloatArray) -> FloatArray:
    return np.round(angle_deg, 3) + 0.0  # no minus zero


def _rows(time_s: FloatArray, start_s: float, end_s: float) -> slice:
    first = int(np.searchsorted(time_s, start_s))
    return slice(first, max(first, int(np.searchsorted(time_s, end_s, "right"))))


def _paint(
    time_s: FloatArray,
    record: LegRecord,
    phase: np.typing.NDArray[np.int8],
    sets: np.typing.NDArray[np.int64],
    reps: np.typing.NDArray[np.int64],
) -> None:
    """Write each repetition's phases and numbers into the columns; others leave no trace."""
    for m, set_, rep, _ in record.movements:
        if m.status not in ("valid", "hold"):
            continue
        for code, (start, end) in enumerate(
            ((m.start_s, m.hold_start_s), (m.hold_start_s, m.hold_end_s), (m.hold_end_s, m.end_s))
        ):
            if end > start:
                phase[_rows(time_s, start, end)] = code
        whole = _rows(time_s, m.start_s, m.end_s)
        sets[whole], reps[whole] = set_, rep


def set_table(
    recording: Recording,
    exercise: Exercise,
    reps: pd.DataFrame,
    said: Mapping[tuple[Side, int], SaidOfSet] = MappingProxyType({}),
) -> pd.DataFrame:
    """Return a row per leg and set: what was measured, and what people said of it."""
    moved, rows = records(reps, MOVED), []
    for units in leg_units(recording.units):
        side, frames = units.side, recording.leg(units)
        mine = [row for row in moved if row["side"] == str(side) and row["set"] is not pd.NA]
        for set_ in sorted({int(row["set"]) for row in mine}):
            of = [row for row in mine if row["set"] == set_]
            valid = _valid(of)
            whole = valid or of
            span = min(row["start_s"] for row in whole), max(row["end_s"] for row in whole)
            holes_s = np.diff(frames.between(span).time_s)
            told = said.get((side, set_), SaidOfSet())
            kinds = [kind for row in of for kind in str(row["edited"]).split(";") if kind]
            rows.append(
                {
                    **_session_cells(recording, exercise, side),
                    "set": set_,
                    "start_s": span[0],
                    "end_s": span[1],
                    **_counts(of),
                    "target_reps": exercise.dose.reps[0],
                    "counted_by_hand": told.counted_by_hand,
                    "rom_median_deg": _statistic(np.median, _column(valid, "rom_deg")),
                    "hold_median_s": _statistic(np.median, _held(exercise, of)),
                    "controlled": sum(row["controlled"] is True for row in valid),
                    "interrupted_s": round(float(holes_s[holes_s > INTERRUPTED_S].sum()), 3),
                    "pain_0_10": told.pain,
                    "effort_0_10": told.effort,
                    "note": "; ".join(filter(None, (told.end_feel, told.note))),
                    "edited": ";".join(dict.fromkeys((*kinds, *told.kinds))),
                }
            )
    return _typed(rows, SET_COLUMNS, "Int64")


def _session_cells(recording: Recording, exercise: Exercise, side: Side) -> dict[str, object]:
    return {
        "session_id": recording.session_id,
        "wearer": recording.wearer,
        "start_time": recording.started_at,
        "exercise": exercise.id,
        "side": str(side),
    }


def records(table: pd.DataFrame, names: Sequence[str] = ()) -> list[Row]:
    """Return the rows of a table with some of its columns, or with all.

    The same as `to_dict("records")`, which takes five times as long on the tables of a session.
    """
    names = names or list(table.columns)
    cells = zip(*(table[name].tolist() for name in names), strict=True)
    return [dict(zip(names, row, strict=True)) for row in cells]


def _typed(rows: Sequence[Row], names: Sequence[str], of_figures: str = "str") -> pd.DataFrame:
    """Return a table of reps or sets, each column in its type."""
    cells = {name: [row[name] for row in rows] for name in names}
    typed = ((name, _dtype(name, of_figures)) for name in names)
    return pd.DataFrame({n: pd.array(cells[n], dtype=t) for n, t in typed})  # type: ignore[call-overload]


def _column(moved: Sequence[Row], name: str) -> FloatArray:
    return np.array([row[name] for row in moved], dtype=np.float64)


def _valid(moved: Sequence[Row]) -> list[Row]:
    """Return what counts: of a guided hold or a timer, what lasted as long as was asked."""
    return [
        row
        for row in moved
        if row["status"] == "valid" or (row["status"] == "hold" and row["faults"] == "")
    ]


def _held(exercise: Exercise, moved: Sequence[Row]) -> FloatArray:
    """Return how long each repetition was held, or each guided hold lasted, in seconds."""
    held = [row for row in moved if row["status"] == "hold"]
    return _column(_valid(moved) if exercise.is_counted else held, "hold_s")


def _counts(moved: Sequence[Row]) -> dict[str, object]:
    statuses = [row["status"] for row in moved]
    return {
        "valid": len(_valid(moved)),
        "partial": statuses.count("partial"),
        "rejected": statuses.count("rejected"),
    }


def summary_table(
    recording: Recording,
    exercise: Exercise,
    sides: Sequence[Side],
    reps: pd.DataFrame,
    tests: Mapping[Side, Assessment],
    sets: pd.DataFrame | None = None,
    edited: Mapping[Side, Sequence[str]] = MappingProxyType({}),
) -> pd.DataFrame:
    """Return a row per side; with both sides, their difference and whether it matters.

    `edited` names the kinds of edit that had a say in a side's figures.
    """
    sets = set_table(recording, exercise, reps) if sets is None else sets
    moved, sets_said = records(reps, MOVED), records(sets)
    rows = [
        {
            **_summary_row(recording, exercise, side, moved),
            **cells_of_test(tests.get(side)),
            **_said_cells(side, moved, sets_said),
            "edited": ";".join(edited.get(side, ())),
        }
        for side in sides
    ]
    table = pd.DataFrame(
        {name: [row.get(name, math.nan) for row in rows] for name in SUMMARY_COLUMNS}
    )
    compared = {str(row["side"]): compared_deg(exercise, row) for row in rows}
    if len(compared) == 2:
        put_difference(table, exercise, compared["right"] - compared["left"])
    for name in ("change_exceeds_mdc", "active"):
        table[name] = table[name].astype("boolean")
    for name in ("counted_by_hand", "pain_max_0_10", "effort_max_0_10"):
        table[name] = table[name].astype("Int64")
    return table


def _said_cells(side: Side, moved: Sequence[Row], sets: Sequence[Row]) -> dict[str, object]:
    """Return what people said of a leg; what they did not count in a set was measured."""
    mine = [row for row in sets if row["side"] == str(side)]
    by_hand = [row["counted_by_hand"] for row in mine]
    counted = [
        row["valid"] if hand is pd.NA else hand for row, hand in zip(mine, by_hand, strict=True)
    ]
    pain = [row["pain_0_10"] for row in mine]
    pain += [
        int(row["pain_0_10"]) for row in moved if row["side"] == str(side) and row["pain_0_10"]
    ]
    effort = [row["effort_0_10"] for row in mine]
    return {
        "counted_by_hand": None if all(hand is pd.NA for hand in by_hand) else sum(counted),
        "pain_max_0_10": max((level for level in pain if level is not pd.NA), default=None),
        "effort_max_0_10": max((level for level in effort if level is not pd.NA), default=None),
    }


def _summary_row(
    recording: Recording, exercise: Exercise, side: Side, moved: Sequence[Row]
) -> dict[str, object]:
    mine = [row for row in moved if row["side"] == str(side)]
    valid = _valid(mine)
    rom, peak = _column(valid, "rom_deg"), _column(valid, "peak_deg")
    tempo = _column(valid, "end_s") - _column(valid, "start_s")
    known = detectable_change(exercise, is_active(exercise, recording))
    return {
        **_session_cells(recording, exercise, side),
        "sets": len({row["set"] for row in valid if row["set"] is not pd.NA}),
        **_counts(mine),
        # a plan asks for its sets, a source for one set or for more than one
        "target_reps": exercise.dose.reps[0] * (exercise.dose.sets if recording.dose else 1),
        "controlled": sum(row["controlled"] is True for row in valid),
        "rom_median_deg": _statistic(np.median, rom),
        "rom_max_deg": _statistic(np.max, rom),
        "rom_iqr_deg": _statistic(_iqr, rom),
        "peak_median_deg": _statistic(np.median, peak),
        "peak_max_deg": _statistic(np.max, peak),
        "hold_median_s": _statistic(np.median, _held(exercise, mine)),
        "tempo_median_s": _statistic(np.median, tempo) if exercise.is_counted else math.nan,
        "side_difference_deg": math.nan,
        "side_flag": "",
        "change_since_last_deg": math.nan,
        "mdc_deg": known.deg if known is not None else math.nan,
        "change_exceeds_mdc": None,
        "lost_samples_percent": round(recording.lost_percent, 3),
        "longest_gap_ms": round(1000.0 * recording.longest_gap_s, 1),
        "active": recording.active,
        "change_since_baseline_deg": math.nan,
    }


def _statistic(function: object, values: FloatArray) -> float:
    values = values[~np.isnan(values)]
    return round(float(function(values)), 3) if len(values) else math.nan  # type: ignore[operator]


def _iqr(values: FloatArray) -> float:
    low, high = np.percentile(values, [25, 75])
    return float(high - low)


REP_COLUMNS = (
    "session_id", "wearer", "start_time", "exercise", "side", "position", "mode", "measured", "set",
    "rep", "status", "reject_reason", "start_s", "peak_s", "end_s", "start_deg", "peak_deg",
    "rom_deg", "end_residual_deg", "up_s", "hold_s", "down_s", "rest_before_s",
    "peak_velocity_dps", "tremor_dps", "smoothness_up", "smoothness_down",
    "knee_flexion_change_deg", "thigh_elevation_change_deg", "pelvis_change_deg", "controlled",
    "faults", "flags", "peaks", "pulses", "active", "confidence", "basis", "uncertainty_deg",
    "gap_ms", "pain_0_10", "end_feel", "note", "measured_status", "edited",
)  # fmt: skip
SHARES = ("smoothness_up", "smoothness_down", "confidence")
ASYMMETRY_DEG, ASYMMETRY_SHARE = 10.0, 0.20
"""Legs of one repetition that differ by more, or by more of the larger, are the fault `asymmetry`:
within `SIDE_FLAG_DEG` two sides count as equal, but of a small range that is half."""


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
    return _typed(rows, REP_COLUMNS)


def _dtype(name: str, of_figures: str = "str") -> str:
    """Return the type of a column of reps and sets; `of_figures` is that of what is no text."""
    if name in ("set", "rep", "peaks", "pulses"):
        return "Int64"
    if of_figures == "str" and name in ("controlled", "active"):
        return "boolean"
    if name == "measured":
        return "bool"
    if name.endswith(("_s", "_deg", "_dps", "_ms")) or name in SHARES:
        return "float64"
    texts = ("session_id", "wearer", "start_time", "exercise", "side", "note", "edited")
    return "str" if name in texts else of_figures


def _leg_rows(recording: Recording, exercise: Exercise, side: Side, record: LegRecord) -> list[Row]:
    rows, before_s = [], math.nan
    same = {
        **_session_cells(recording, exercise, side),
        "position": exercise.position,
        "mode": exercise.mode,
        "measured": not exercise.is_timed,
        "active": recording.active,
        "basis": exercise.angle if exercise.is_counted else "",
    }
    for m, set_, rep, said in record.movements:
        copied = {
            name: getattr(m, name) for name in REP_COLUMNS if name in type(m).__dataclass_fields__
        }
        figures = copied | {"rest_before_s": m.start_s - before_s}
        before_s = m.end_s
        rounded = {
            name: round(value, 6 if name.endswith("_s") else 3)
            if isinstance(value, float)
            else value
            for name, value in figures.items()
        }
        rows.append(
            rounded
            | same
            | {
                "set": set_ or None,
                "rep": rep or None,
                "faults": ";".join(m.faults),
                "flags": ";".join(m.flags),
                "pain_0_10": said.pain,
                "end_feel": said.end_feel,
                "note": said.note,
                "measured_status": said.measured_status or m.status,
                "edited": ";".join(said.kinds),
            }
        )
    return rows


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
    measured = {name: math.nan for name in REP_COLUMNS if _dtype(name) == "float64"}
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
        "controlled": None
        if any(leg["controlled"] is None for leg in legs)
        else all(leg["controlled"] for leg in legs),
        "edited": listed("edited"),
        **{
            name: "; ".join(dict.fromkeys(filter(None, (leg[name] for leg in legs))))
            for name in ("end_feel", "note")
        },
        "pain_0_10": max((leg["pain_0_10"] for leg in legs), key=lambda cell: int(cell or -1)),
        "faults": ";".join(filter(None, (listed("faults"), uneven))),
        "flags": listed("flags"),
        "peaks": max(leg["peaks"] for leg in legs),
        "pulses": max(leg["pulses"] for leg in legs),
        "confidence": min(leg["confidence"] for leg in legs),
        "gap_ms": max(leg["gap_ms"] for leg in legs),
    }
