"""A session's angles beside a reference's: for each angle, and for each repetition of it.

The clocks are brought together first (`analysis.agreement.lag`); the offset between two zeros is
kept in one set of figures and removed in the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.agreement.differences import Differences, differences, share_within, short_way
from analysis.agreement.intraclass import Intraclass, intraclass
from analysis.agreement.lag import Lag, find_lag, interpolated
from imu.sample import FloatArray, Side

ANGLES = {
    "hip_internal_rotation_deg": "uncertainty_deg",
    "thigh_rotation_gravity_deg": "uncertainty_deg",
    "hip_flexion_deg": "",
    "hip_adduction_deg": "",
    "knee_flexion_deg": "knee_flexion_uncertainty_deg",
    "thigh_elevation_deg": "thigh_elevation_uncertainty_deg",
    "pelvis_rotation_deg": "",
}
"""Angles that can be compared, and the column of their 1 σ where there is one."""
LAG_ANGLES_MOVE_DEG = 5.0
"""An angle that moves less shows its noise, not the lag."""
SAMPLES_MIN = 10
"""Fewer common samples are no comparison."""
REP_STATUS = ("valid", "partial", "hold")

TABLE_COLUMNS = (
    "angle", "side", "set", "rep", "samples", "seconds", "lag_s", "rmse_deg", "bias_deg",
    "rmse_offset_removed_deg", "limit_low_deg", "limit_high_deg", "r", "sigma_median_deg",
    "within_1_sigma", "within_2_sigma", "within_1_sigma_offset_removed",
    "within_2_sigma_offset_removed", "peak_deg", "reference_peak_deg", "peaks", "peak_icc_2_1",
    "peak_icc_low", "peak_icc_high", "peak_bias_deg", "peak_limit_low_deg", "peak_limit_high_deg",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a laboratory measured of one leg; degrees by column name, NaN where empty."""

    time_s: FloatArray
    angles: Mapping[str, FloatArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One stretch of one angle, compared."""

    found: Differences
    seconds: float
    sigma_median_deg: float
    within: tuple[float, float]
    """Share of errors within 1 and within 2 σ, the offset kept."""
    within_offset_removed: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """One repetition of one angle, compared; peaks are the largest values on either side."""

    set: int
    rep: int
    start_s: float
    end_s: float
    part: Part
    peak_deg: float
    reference_peak_deg: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One angle of one leg, the reference at the session's instants."""

    angle: str
    side: Side
    time_s: FloatArray
    ours_deg: FloatArray
    reference_deg: FloatArray
    sigma_deg: FloatArray
    whole: Part
    repetitions: tuple[Repetition, ...]
    peaks: Differences
    """Our peaks minus the reference's."""
    peaks_agree: Intraclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """A session compared with a reference."""

    session_id: str
    lag: Lag
    compared: tuple[Compared, ...]


def validate(
    session_id: str,
    angles: pd.DataFrame,
    reps: pd.DataFrame,
    reference: Mapping[Side, Reference],
    *,
    max_lag_s: float,
) -> Validation | None:
    """Compare the angles of a session with a reference's.

    Parameters
    ----------
    session_id
        What the session is called.
    angles, reps
        The session's tables.
    reference
        What was measured of each leg; its clock is one for both.
    max_lag_s
        How far apart the clocks may be.

    Returns
    -------
    Validation or None
        None where the two have no angle that moves, or no moment, in common.
    """
    legs = {side: angles[angles["side"] == str(side)] for side in reference}
    legs = {side: leg for side, leg in legs.items() if len(leg)}
    lag = _common_lag(legs, reference, max_lag_s)
    if lag is None:
        return None
    compared = [
        one
        for side, leg in legs.items()
        for name in shared_angles(leg, reference[side])
        if (one := _compare(name, side, leg, reps, reference[side], lag.lag_s)) is not None
    ]
    if not compared:
        return None
    return Validation(session_id=session_id, lag=lag, compared=tuple(compared))


def shared_angles(leg: pd.DataFrame, reference: Reference) -> list[str]:
    """Return the angles that both have values of."""
    return [
        name
        for name in ANGLES
        if name in leg and name in reference.angles and bool(leg[name].notna().any())
    ]


def table_of(found: Validation) -> pd.DataFrame:
    """Return a row for each angle (empty `rep`), and one for each repetition of it."""
    rows = [row for one in found.compared for row in _rows(one, found.lag.lag_s)]
    table = pd.DataFrame(rows, columns=list(TABLE_COLUMNS))
    for name in ("set", "rep", "samples", "peaks"):
        table[name] = table[name].astype("Int64")
    decimals = {n: 3 for n in TABLE_COLUMNS if n not in ("angle", "side", "set", "rep")}
    return table.round(decimals)


def _common_lag(
    legs: Mapping[Side, pd.DataFrame], reference: Mapping[Side, Reference], max_lag_s: float
) -> Lag | None:
    """Return the lag that all legs and all angles that move show together."""
    found = []
    for side, leg in legs.items():
        names = shared_angles(leg, reference[side])
        moving = [n for n in names if np.nanmax(leg[n]) - np.nanmin(leg[n]) > LAG_ANGLES_MOVE_DEG]
        time_s = leg["time_s"].to_numpy(float)
        lag = find_lag(
            time_s,
            [leg[name].to_numpy(float) for name in moving],
            reference[side].time_s,
            [reference[side].angles[name] for name in moving],
            max_lag_s,
        )
        if lag is not None:
            found.append(lag)
    return max(found, key=lambda lag: lag.r) if found else None


def _compare(
    name: str, side: Side, leg: pd.DataFrame, reps: pd.DataFrame, reference: Reference, lag_s: float
) -> Compared | None:
    time_s, ours = leg["time_s"].to_numpy(float), leg[name].to_numpy(float)
    theirs = interpolated(reference.time_s + lag_s, reference.angles[name], time_s)
    theirs = ours - short_way(ours - theirs)
    if np.count_nonzero(~np.isnan(ours - theirs)) < SAMPLES_MIN:
        return None
    sigma_name = ANGLES[name]
    sigma = leg[sigma_name].to_numpy(float) if sigma_name in leg else np.full(len(ours), np.nan)
    bias = differences(ours, theirs).bias_deg
    repetitions = tuple(
        one
        for row in _reps_of(reps, side)
        if (one := _repetition(row, time_s, ours, theirs, sigma, bias)) is not None
    )
    peaks = np.array([(one.peak_deg, one.reference_peak_deg) for one in repetitions])
    peaks = peaks.reshape(-1, 2)
    return Compared(
        angle=name,
        side=side,
        time_s=time_s,
        ours_deg=ours,
        reference_deg=theirs,
        sigma_deg=sigma,
        whole=_part(time_s, ours, theirs, sigma, bias),
        repetitions=repetitions,
        peaks=differences(peaks[:, 0], peaks[:, 1]),
        peaks_agree=intraclass(peaks),
    )


def _part(
    time_s: FloatArray, ours: FloatArray, theirs: FloatArray, sigma: FloatArray, bias: float
) -> Part:
    """Return the figures of a stretch; `bias` is the offset to remove for the shares."""
    error = ours - theirs
    both = ~np.isnan(error)
    known = both & ~np.isnan(sigma)
    step_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    return Part(
        found=differences(ours, theirs),
        seconds=step_s * int(np.count_nonzero(both)),
        sigma_median_deg=float(np.median(sigma[known])) if known.any() else math.nan,
        within=(share_within(error, sigma, 1.0), share_within(error, sigma, 2.0)),
        within_offset_removed=(
            share_within(error - bias, sigma, 1.0),
            share_within(error - bias, sigma, 2.0),
        ),
    )


def _reps_of(reps: pd.DataFrame, side: Side) -> Sequence[dict[str, Any]]:
    mine = reps[(reps["side"] == str(side)) & reps["status"].isin(REP_STATUS)]
    rows: list[dict[str, Any]] = mine.to_dict("records")  # type: ignore[assignment]
    return rows


def _repetition(
    row: Mapping[str, Any],
    time_s: FloatArray,
    ours: FloatArray,
    theirs: FloatArray,
    sigma: FloatArray,
    bias: float,
) -> Repetition | None:
    first, last = np.searchsorted(time_s, (row["start_s"], row["end_s"]))
    rows = slice(int(first), int(last) + 1)
    a, b = ours[rows], theirs[rows]
    both = ~np.isnan(a - b)
    if np.count_nonzero(both) < SAMPLES_MIN:
        return None
    return Repetition(
        set=_number(row["set"]),
        rep=_number(row["rep"]),
        start_s=float(row["start_s"]),
        end_s=float(row["end_s"]),
        part=_part(time_s[rows], a, b, sigma[rows], bias),
        peak_deg=float(a[both].max()),
        reference_peak_deg=float(b[both].max()),
    )


def _number(value: Any) -> int:  # noqa: ANN401 (a table's cell)
    return 0 if pd.isna(value) else int(value)


def _rows(one: Compared, lag_s: float) -> list[dict[str, object]]:
    who = {"angle": one.angle, "side": str(one.side), "lag_s": lag_s}
    low, high = one.peaks.limits_deg
    agree = one.peaks_agree.icc_2_1
    whole = {
        "peaks": len(one.repetitions),
        "peak_icc_2_1": agree.value,
        "peak_icc_low": agree.low,
        "peak_icc_high": agree.high,
        "peak_bias_deg": one.peaks.bias_deg,
        "peak_limit_low_deg": low,
        "peak_limit_high_deg": high,
    }
    rows: list[dict[str, object]] = [{**who, **_figures(one.whole), **whole}]
    for rep in one.repetitions:
        peaks = {"peak_deg": rep.peak_deg, "reference_peak_deg": rep.reference_peak_deg}
        number = {"set": rep.set, "rep": rep.rep}
        rows.append({**who, **number, **_figures(rep.part), **peaks})
    return rows


def _figures(part: Part) -> dict[str, object]:
    found = part.found
    low, high = found.limits_deg
    return {
        "samples": found.pairs,
        "seconds": part.seconds,
        "rmse_deg": found.rmse_deg,
        "bias_deg": found.bias_deg,
        "rmse_offset_removed_deg": found.rmse_without_bias_deg,
        "limit_low_deg": low,
        "limit_high_deg": high,
        "r": found.r,
        "sigma_median_deg": part.sigma_median_deg,
        "within_1_sigma": part.within[0],
        "within_2_sigma": part.within[1],
        "within_1_sigma_offset_removed": part.within_offset_removed[0],
        "within_2_sigma_offset_removed": part.within_offset_removed[1],
    }
