"""How far each method was from the truth in one wearer's session: a row of figures per method.

`rmse_deg` is what the method is judged by: over all frames of the sets for an angle by gravity,
over each repetition from its own start for one by heading. `from_pose_deg` judges all methods
alike, ours too: an angle by gravity from its own start pose, one by heading from each
repetition's start.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from analysis.angle.uncertainty import hidden_deg
from benchmarks.accuracy.methods import OURS, others, ours
from benchmarks.accuracy.worn import Worn
from imu.sample import FloatArray
from imu.virtual.person.truth import TrueRep

Row = dict[str, Any]
STARTS_WITHIN_S = 0.3
"""A repetition whose first known frame is later than this has no start to be scored from."""


def rows_of(session: Worn, *, alone: bool = False) -> list[Row]:
    """Return the scores of every method; of ours alone if asked, or where it was refused."""
    calibrated = session.result.calibrations[session.side]
    if calibrated.calibration is None:
        return [{"method": OURS, "refused": " ".join(calibrated.sentences)}]
    angle, sigma = ours(session)
    truth = session.truth_deg
    zero = float(np.nanmean(truth[session.in_pose()]))
    mine = _row(OURS, angle, truth, session) | _own_figures(angle, sigma, truth, session)
    rows = [mine]
    if alone:
        return rows
    for name, other in others(session, calibrated.calibration).items():
        from_pose = truth - zero
        rows.append(_row(name, other, np.abs(from_pose) if "tilt" in name else from_pose, session))
    return rows


def _row(method: str, angle: FloatArray, truth: FloatArray, session: Worn) -> Row:
    """Return what is scored alike for every method."""
    error = angle - truth
    heading = session.exercise.angle == "heading"
    reps = session.wearing.truth.reps[session.side]
    by_rep = per_rep(error, session)
    in_set = error[session.in_set]
    start = float(np.nanmean(error[session.in_pose()])) if not heading else 0.0
    moved = by_rep if heading else in_set
    return {
        "method": method,
        "refused": "",
        "rmse_deg": _rms(moved),
        "from_pose_deg": _rms(by_rep) if heading else _rms(in_set - start),
        "per_rep_deg": _rms(by_rep),
        "peak_deg": _peak_error(angle, truth, reps, session, from_start=heading),
        "bias_deg": _mean(in_set),
        "worst_deg": float(np.nanmax(np.abs(in_set), initial=0.0)),
    }


def _own_figures(angle: FloatArray, sigma: FloatArray, truth: FloatArray, session: Worn) -> Row:
    """Return what only our angle has: validity, its σ, its leaps, and the repetitions found."""
    error = angle - truth
    inside = session.in_set
    known = inside & ~np.isnan(error)
    off, s = np.abs(error[known]), sigma[known]
    valid = session.result.reps
    valid = valid[(valid["status"] == "valid") & (valid["side"] == str(session.side))]
    true_reps = [r for r in session.wearing.truth.reps[session.side] if r.kind == "rep"]
    ranges = [abs(float(a) - b.rom_deg) for a, b in zip(valid["rom_deg"], true_reps, strict=False)]
    leap, leap_s, gap_leap = _leaps(error, inside, session)
    hidden = hidden_deg(session.exercise, angle[known])
    return {
        "valid_share": float(np.mean(~np.isnan(error[inside]))),
        "frames": int(known.sum()),
        "within_1s": int(np.sum(off <= s)),
        "within_2s": int(np.sum(off <= 2 * s)),
        "within_anatomy": int(np.sum(off <= 2 * s + hidden)),
        "sigma_deg": _mean(s),
        "still_off_deg": _mean(error[session.in_pose()]),
        **_zero(error, session),
        "leap_deg": leap,
        "leap_s": leap_s,
        "gap_leap_deg": gap_leap,
        "reps_found": len(valid),
        "reps_true": len(true_reps),
        "knee_named": bool(valid["faults"].str.contains("knee_angle").any()),
        "range_deg": float(np.mean(ranges)) if len(valid) == len(true_reps) and ranges else np.nan,
    }


def _zero(error: FloatArray, session: Worn) -> Row:
    """Return how far the error between repetitions is from that of the first set.

    `zero_moved_deg` is the farthest that any set's is, which sway and the wearer's returns move
    too; `zero_drifted_deg` how far the last quarter's mean is from that of the first.
    """
    number, resting = session.set_number, session.resting
    sets = range(1, number.max() + 1)
    at_rest = np.array([_mean(error[resting & (number == n)]) for n in sets])
    quarter = max(1, len(at_rest) // 4)
    return {
        "zero_moved_deg": float(np.nanmax(np.abs(at_rest - at_rest[0]))),
        "zero_drifted_deg": abs(_mean(at_rest[-quarter:]) - _mean(at_rest[:quarter])),
    }


def per_rep(error: FloatArray, session: Worn) -> FloatArray:
    """Return the error over all repetitions, each from its own start."""
    parts = []
    for rep in session.wearing.truth.reps[session.side]:
        part = error[_during(session, rep.start_s, rep.end_s)]
        start = _start(part, session)
        if start is not None:
            parts.append(part - start)
    return np.concatenate(parts) if parts else np.array([np.nan])


def _start(part: FloatArray, session: Worn) -> float | None:
    """Return the error at a repetition's start: over the first tenth of a second that is known."""
    rate_hz = session.recording.rate_hz
    early = part[: max(2, int(STARTS_WITHIN_S * rate_hz))]
    known = early[~np.isnan(early)][: max(1, round(0.1 * rate_hz))]
    return float(known.mean()) if len(known) else None


def _peak_error(
    angle: FloatArray,
    truth: FloatArray,
    reps: tuple[TrueRep, ...],
    session: Worn,
    *,
    from_start: bool,
) -> float:
    """Return the median error of the repetitions' maxima, without sign."""
    off = []
    for rep in reps:
        during = _during(session, rep.start_s, rep.end_s)
        mine, real = angle[during], truth[during]
        if np.isnan(mine).all():
            continue
        start = _start(mine - real, session) if from_start else 0.0
        if start is not None:
            off.append(abs(np.nanmax(mine) - np.max(real) - start))
    return float(np.median(off)) if off else np.nan


def _during(session: Worn, start_s: float, end_s: float) -> slice:
    first, last = np.searchsorted(session.frames.time_s, (start_s, end_s))
    return slice(int(first), int(last) + 1)


def _leaps(error: FloatArray, inside: np.ndarray, session: Worn) -> tuple[float, float, float]:
    """Return the largest change of the error from frame to frame, when, and that over gaps."""
    number = session.set_number
    rows = np.flatnonzero(inside & ~np.isnan(error))
    change = np.where(np.diff(number[rows]) == 0, np.abs(np.diff(error[rows])), 0.0)
    apart = np.diff(rows) > 1
    beside = np.where(apart, 0.0, change)
    if not len(beside):
        return np.nan, np.nan, np.nan
    worst = int(np.argmax(beside))
    over_gaps = float(np.max(change[apart], initial=0.0))
    return float(beside[worst]), float(session.frames.time_s[rows[worst + 1]]), over_gaps


def _rms(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    return float(np.sqrt(np.mean(known**2))) if len(known) else np.nan


def _mean(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    return float(np.mean(known)) if len(known) else np.nan
