"""How accurate the hip angle is on virtual wearers, beside two simple methods on the same data.

    python benchmarks/accuracy.py [--seeds FROM COUNT] [--no-marks] [--exercise ID ...]

Every figure compares the angle of the whole chain (radio, clocks, losses, calibration, fusion) with
the truth of the wearer, over the samples between the marks of the set. The two simple methods are
scored from their own start pose, which flatters them.

thigh twist   rotation of the thigh unit about the thigh's long axis, against gravity
shank tilt    change of the shank's elevation
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from analysis import exercises, sessions
from analysis.axes import up_in_sensor
from analysis.calibration import LegFrames
from analysis.recording import Recording
from imu.losses import losses
from imu.sample import SampleTable, Side
from imu.timeline import align, until_last_complete
from imu.virtual.wearer import Wearing, wear

GRAVITY = (
    "prone_windshield_wiper",
    "prone_rotation_test",
    "ninety_ninety_lift",
    "seated_internal_rotation",
    "side_lying_ankle_lift",
    "seated_leg_extension_twist",
)
HEADING = ("standing_banded_rotation", "supine_rotation_test")


@dataclass(frozen=True)
class Score:
    """One session against its truth; degrees."""

    exercise: str
    refused: str
    rmse: float = np.nan
    worst: float = np.nan
    bias: float = np.nan
    valid_share: float = np.nan
    within_two_sigma: float = np.nan
    reps: tuple[int, int] = (0, 0)
    range_errors: tuple[float, ...] = ()
    thigh_rmse: float = np.nan
    shank_rmse: float = np.nan


def recording_of(wearing: Wearing, *, marks: bool = True) -> Recording:
    """Return a virtual session as analysis wants it, without going through a file."""
    table = SampleTable.from_samples(wearing.samples)
    lost = losses(table, wearing.units)
    return Recording(
        session_id="virtual",
        wearer="virtual",
        started_at="2026-01-01T00:00:00+00:00",
        exercise=wearing.exercise,
        units=wearing.units,
        frames=until_last_complete(align(table, wearing.units, "independent")),
        marks=wearing.marks if marks else (),
        lost_percent=100 * max(loss.share for loss in lost),
        longest_gap_s=max(loss.longest_gap_s for loss in lost),
    )


def score(job: tuple[str, Side, int, bool]) -> Score:
    """Return how one wearer's set came out."""
    exercise, side, seed, marks = job
    wearing = wear(exercise, side.value, seed)
    recording = recording_of(wearing, marks=marks)
    result = sessions.analyse(recording)
    calibration = result.calibrations[side]
    if calibration.calibration is None:
        return Score(exercise, f"{exercise} {side} {seed}: {' '.join(calibration.sentences)}")
    start_s, end_s = sessions.spans(wearing.marks, "set")[0]
    rows = result.angles[result.angles["time_s"].between(start_s, end_s)]
    time_s = rows["time_s"].to_numpy(float)
    truth = wearing.truth.angle_at(side, time_s)
    error = rows["hip_internal_rotation_deg"].to_numpy(float) - truth
    sigma = rows["uncertainty_deg"].to_numpy(float)
    known = ~np.isnan(error)
    valid = result.reps[result.reps["status"] == "valid"]
    true_reps = [rep for rep in wearing.truth.reps[side] if rep.kind == "rep"]
    found = zip(valid["rom_deg"], true_reps, strict=False)
    same = len(valid) == len(true_reps)
    scored = Score(
        exercise,
        "",
        rmse=_rms(error),
        worst=float(np.nanmax(np.abs(error))),
        bias=float(np.nanmean(error)),
        valid_share=float(known.mean()),
        within_two_sigma=float(np.mean(np.abs(error[known]) <= 2 * sigma[known])),
        reps=(len(valid), len(true_reps)),
        range_errors=tuple(float(a) - b.rom_deg for a, b in found) if same else (),
    )
    return replace(scored, **_baselines(recording, wearing, side, (start_s, end_s)))


def _baselines(
    recording: Recording, wearing: Wearing, side: Side, during: tuple[float, float]
) -> dict[str, float]:
    frames = LegFrames(recording.frames.time_s, recording.frames.q[:, 0], recording.frames.q[:, 1])
    windows = sessions.windows_of_marks(wearing.marks)
    assert windows.stand
    assert windows.pose
    stand, pose, moving = (frames.between(w) for w in (windows.stand, windows.pose, during))
    y_thigh = up_in_sensor(stand.q_thigh).mean(axis=0)
    y_shank = up_in_sensor(stand.q_shank).mean(axis=0)
    truth = wearing.truth.angle_at(side, moving.time_s)
    truth = truth - np.mean(wearing.truth.angle_at(side, pose.time_s))

    def twist(q: np.ndarray) -> np.ndarray:
        up = up_in_sensor(q)
        e1 = np.cross(y_thigh, [1.0, 0.0, 0.0] if abs(y_thigh[0]) < 0.9 else [0.0, 1.0, 0.0])
        e1 /= np.linalg.norm(e1)
        e2 = np.cross(y_thigh / np.linalg.norm(y_thigh), e1)
        # the unit turns one way about y, gravity turns the other way in its frame
        return np.unwrap(-np.arctan2(up @ e2, up @ e1))

    def tilt(q: np.ndarray) -> np.ndarray:
        return np.arcsin(np.clip(up_in_sensor(q) @ y_shank / np.linalg.norm(y_shank), -1, 1))

    thigh = side.sign * np.degrees(twist(moving.q_thigh) - np.mean(twist(pose.q_thigh)))
    thigh = (thigh + 180) % 360 - 180
    shank = np.degrees(np.abs(tilt(moving.q_shank) - np.mean(tilt(pose.q_shank))))
    return {"thigh_rmse": _rms(thigh - truth), "shank_rmse": _rms(shank - np.abs(truth))}


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean(np.square(values))))


def report(scores: list[Score], names: tuple[str, ...]) -> None:
    """Print a row per exercise and one over all."""
    print(
        f"{'exercise':<28}{'RMSE median':>12}{'worst':>7}{'valid %':>9}{'least':>7}"
        f"{'reps exact':>12}{'|range err|':>12}{'≤ 2σ %':>8}{'thigh twist':>13}{'shank tilt':>12}"
    )
    for name in (*names, "all"):
        mine = [s for s in scores if s.exercise in ((name,) if name != "all" else names)]
        good = [s for s in mine if not s.refused]
        if not good:
            continue
        rmse = [s.rmse for s in good]
        ranges = np.abs([e for s in good for e in s.range_errors])
        exact = sum(s.reps[0] == s.reps[1] for s in good)
        valid = [100 * s.valid_share for s in good]
        print(
            f"{name:<28}{np.median(rmse):>11.2f}°{max(rmse):>6.2f}°{np.mean(valid):>9.1f}"
            f"{min(valid):>7.1f}{f'{exact}/{len(mine)}':>12}{np.mean(ranges):>11.2f}°"
            f"{100 * np.mean([s.within_two_sigma for s in good]):>8.1f}"
            f"{np.median([s.thigh_rmse for s in good]):>12.2f}°"
            f"{np.median([s.shank_rmse for s in good]):>11.2f}°"
        )
    refused = [s.refused for s in scores if s.refused]
    print(f"refused: {len(refused)} of {len(scores)}", *refused, sep="\n  ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", nargs=2, type=int, default=(100, 5), metavar=("FROM", "COUNT"))
    parser.add_argument("--no-marks", action="store_true", help="find the calibration by itself")
    parser.add_argument("--exercise", nargs="*", choices=exercises.ids())
    options = parser.parse_args()
    seeds = range(options.seeds[0], options.seeds[0] + options.seeds[1])
    names = tuple(options.exercise or (*GRAVITY, *HEADING))
    jobs = list(product(names, Side, seeds, [not options.no_marks]))
    with ProcessPoolExecutor(2) as pool:
        scores = list(pool.map(score, jobs))
    print(f"{len(jobs)} sets of virtual wearers, seeds {seeds[0]}–{seeds[-1]}, both sides")
    for title, kind in (("gravity", GRAVITY), ("heading (no bar, drifts)", HEADING)):
        chosen = tuple(name for name in kind if name in names)
        if chosen:
            print(f"\n{title}")
            report([s for s in scores if s.exercise in chosen], chosen)


if __name__ == "__main__":
    main()
