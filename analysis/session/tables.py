"""The tables of a session: columns that the outside relies on, degrees and seconds.

`angles` has a row per sample, `reps` a row per movement, `summary` a row per exercise and side.
Internal rotation is positive on either side; what is not known is empty.
What is compared, left with right and with other sessions, is the end position where the angle has a
zero of its own, and the range where its zero is the start position.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.exercises import Exercise, detectable_change
from analysis.leg import Windows
from analysis.session.assessment import Assessment, is_active
from analysis.session.counting import Numbered
from analysis.session.recording import LegRecord, Recording
from imu.sample import FloatArray, Side

ANGLE_COLUMNS = (
    "time_s", "side", "hip_internal_rotation_deg", "uncertainty_deg", "basis", "hip_flexion_deg",
    "hip_adduction_deg", "knee_flexion_deg", "thigh_elevation_deg", "pelvis_rotation_deg", "valid",
    "set", "rep", "phase", "knee_flexion_uncertainty_deg", "thigh_elevation_uncertainty_deg",
    "sensor_shift", "thigh_rotation_gravity_deg",
)  # fmt: skip
SIDE_BORDERLINE_DEG, SIDE_FLAG_DEG = 6.0, 10.0
"""Of rotation: Ellison et al. 1990 (Phys Ther 70:537-541, passive, n = 100 and 50 with low back
pain, read as an abstract) call measurements equal within 10°. 6° is ours: whole degrees above the
least change that is published as detectable of rotation (5.4°)."""

SUMMARY_COLUMNS = (
    "session_id", "wearer", "start_time", "exercise", "side", "sets", "valid", "partial",
    "rejected", "target_reps", "controlled", "rom_median_deg", "rom_max_deg", "rom_iqr_deg",
    "peak_median_deg", "peak_max_deg", "hold_median_s", "tempo_median_s", "side_difference_deg",
    "side_flag", "change_since_last_deg", "mdc_deg", "change_exceeds_mdc", "lost_samples_percent",
    "longest_gap_ms", "active", "test_position", "trials_deg", "trials_left_out", "end_mean_deg",
    "end_largest_deg", "plateau_s", "external_rotation_deg", "total_arc_deg",
    "change_since_baseline_deg",
)  # fmt: skip


PHASES = ("up", "hold", "down", "rest", "away", "calibrating")
SIDES = tuple(Side)
SIDE_INDEX = pd.Index([str(side) for side in SIDES])


def angle_table(
    recording: Recording,
    exercise: Exercise,
    windows: Mapping[Side, Windows],
    records: Mapping[Side, LegRecord],
) -> pd.DataFrame:
    """Return a row per sample and leg; a leg whose calibration was refused has empty angles."""
    parts = [
        _angle_columns(recording, exercise, side, windows[side], records.get(side))
        for side in windows
    ]
    if not parts:
        return pd.DataFrame(columns=list(ANGLE_COLUMNS))
    return pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True)


def _angle_columns(
    recording: Recording, exercise: Exercise, side: Side, windows: Windows, record: LegRecord | None
) -> dict[str, object]:
    time_s = recording.frames.time_s
    n = len(time_s)
    empty = np.full(n, np.nan)
    phase = np.full(n, 3, dtype=np.int8)
    sets, reps = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    if record is not None:
        phase[record.away] = PHASES.index("away")
        for numbered in record.movements:
            _paint(time_s, numbered, phase, sets, reps)
    for window in _calibrating(windows, record):
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


def _calibrating(windows: Windows, record: LegRecord | None) -> list[tuple[float, float]]:
    """Return when the wearer calibrated: from the first step to the last, if nothing else was."""
    steps = [w for w in (windows.stand, windows.pose, windows.bends) if w is not None]
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
    numbered: Numbered,
    phase: np.typing.NDArray[np.int8],
    sets: np.typing.NDArray[np.int64],
    reps: np.typing.NDArray[np.int64],
) -> None:
    """Write one repetition's phases and numbers into the columns; others leave no trace."""
    m = numbered.movement
    if m.status not in ("valid", "hold"):
        return
    for code, (start, end) in enumerate(
        ((m.start_s, m.hold_start_s), (m.hold_start_s, m.hold_end_s), (m.hold_end_s, m.end_s))
    ):
        if end > start:
            phase[_rows(time_s, start, end)] = code
    whole = _rows(time_s, m.start_s, m.end_s)
    sets[whole], reps[whole] = numbered.set, numbered.rep


def summary_table(
    recording: Recording,
    exercise: Exercise,
    sides: Sequence[Side],
    reps: pd.DataFrame,
    tests: Mapping[Side, Assessment],
) -> pd.DataFrame:
    """Return a row per side; with both sides, their difference and whether it matters."""
    rows = [
        {**_summary_row(recording, exercise, side, reps), **_test_cells(tests.get(side))}
        for side in sides
    ]
    table = pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))
    compared = {str(row["side"]): compared_deg(exercise, row) for row in rows}
    if len(compared) == 2:
        put_difference(table, exercise, compared["right"] - compared["left"])
    for name in ("change_exceeds_mdc", "active"):
        table[name] = table[name].astype("boolean")
    return table


def compared_deg(exercise: Exercise, row: Mapping[Any, Any]) -> float:
    """Return the figure of a summary's row that is compared; NaN where there is none.

    The test's mean, where it was a test; else the median end position, or the median range.
    """
    usual = "peak_median_deg" if exercise.has_end_position else "rom_median_deg"
    for name in ("end_mean_deg", usual):
        value = row.get(name)
        if value is not None and value == value:
            return float(value)
    return math.nan


def compared_name(exercise: Exercise, row: Mapping[Any, Any]) -> str:
    """Return what `compared_deg` returned, in words."""
    value = row.get("end_mean_deg")
    is_test = value is not None and value == value
    what = "end position" if exercise.has_end_position else "range"
    return f"{'mean' if is_test else 'median'} {what}"


def side_flag(exercise: Exercise, difference_deg: float) -> str:
    """Return whether a difference of sides matters: empty, `borderline` or `asymmetry`.

    Of rotation only: what is published of other movements is no grouping of sides.
    """
    if not exercise.has_hip_angle or not difference_deg >= SIDE_BORDERLINE_DEG:
        return ""
    return "asymmetry" if difference_deg >= SIDE_FLAG_DEG else "borderline"


def put_difference(table: pd.DataFrame, exercise: Exercise, difference_deg: float) -> None:
    """Write how the right leg differs from the left."""
    if difference_deg == difference_deg:
        table["side_difference_deg"] = round(difference_deg, 3) + 0.0
        table["side_flag"] = side_flag(exercise, abs(difference_deg))


def _summary_row(
    recording: Recording, exercise: Exercise, side: Side, reps: pd.DataFrame
) -> dict[str, object]:
    mine = reps[reps["side"] == str(side)]
    # of a guided hold or a timer, what lasted as long as was asked counts
    lasted = (mine["status"] == "hold") & (mine["faults"] == "")
    valid = mine[(mine["status"] == "valid") | lasted]
    rom, peak = valid["rom_deg"].to_numpy(float), valid["peak_deg"].to_numpy(float)
    held = valid if exercise.is_counted else mine
    tempo = (valid["end_s"] - valid["start_s"]).to_numpy(float)
    known = detectable_change(exercise, is_active(exercise, recording))
    return {
        "session_id": recording.session_id,
        "wearer": recording.wearer,
        "start_time": recording.started_at,
        "exercise": exercise.id,
        "side": str(side),
        "sets": int(valid["set"].nunique()),
        "valid": len(valid),
        "partial": int((mine["status"] == "partial").sum()),
        "rejected": int((mine["status"] == "rejected").sum()),
        # a plan asks for its sets, a source for one set or for more than one
        "target_reps": exercise.dose.reps[0] * (exercise.dose.sets if recording.dose else 1),
        "controlled": int(valid["controlled"].sum()),
        "rom_median_deg": _statistic(np.median, rom),
        "rom_max_deg": _statistic(np.max, rom),
        "rom_iqr_deg": _statistic(_iqr, rom),
        "peak_median_deg": _statistic(np.median, peak),
        "peak_max_deg": _statistic(np.max, peak),
        "hold_median_s": _statistic(np.median, held["hold_s"].to_numpy(float)),
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


def _test_cells(test: Assessment | None) -> dict[str, object]:
    """Return the cells of a leg's test; empty where the session is none."""
    if test is None:
        unknown = ("end_mean_deg", "end_largest_deg", "plateau_s", "external_rotation_deg",
                   "total_arc_deg")  # fmt: skip
        texts = dict.fromkeys(("test_position", "trials_deg", "trials_left_out"), "")
        return {**texts, **dict.fromkeys(unknown, math.nan)}
    return {
        "test_position": test.position,
        "trials_deg": ";".join(_cell(trial.value_deg) for trial in test.trials),
        "trials_left_out": "; ".join(
            f"{number}: {trial.left_out}"
            for number, trial in enumerate(test.trials, 1)
            if trial.left_out
        ),
        "end_mean_deg": round(test.mean_deg, 3),
        "end_largest_deg": round(test.largest_deg, 3),
        "plateau_s": round(test.plateau_s, 3),
        "external_rotation_deg": round(test.external_deg, 3),
        "total_arc_deg": round(test.arc_deg, 3),
    }


def _cell(value_deg: float) -> str:
    return "" if math.isnan(value_deg) else f"{value_deg:.3f}"


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
    "gap_ms", "pain_0_10", "end_feel", "note",
)  # fmt: skip
SHARES = ("smoothness_up", "smoothness_down", "confidence")
ASYMMETRY_DEG, ASYMMETRY_SHARE = 10.0, 0.20
"""Legs of one repetition that differ by more, or by more of the larger, are the fault `asymmetry`:
within `SIDE_FLAG_DEG` two sides count as equal, but of a small range that is half."""
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
