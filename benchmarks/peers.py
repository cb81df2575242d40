"""The hip angle of one hour: by us, and by what people would use instead. Time and error.

    python benchmarks/peers.py [--minutes 60] [--frames 2000] [--wearers 5] [--long 10]

Time: a virtual wearer does one set for an hour with two 60 Hz units that send quaternions and raw
data. Error: in that hour, and in the median over several wearers, whom nothing was tuned on, in a
set of two exercises each and in sets of ten minutes; on one wearer luck decides as much as the
method, and in a short set what grows has not grown yet.

Every method starts from the samples in memory and ends with the angle. Methods of others are given
the true headings in the start pose, which their users do not have, and a zero there.

ours               one time base, calibration, common heading, angle and its uncertainty
ours, raw          the same from acceleration and rotation rate alone
pandas             nearest samples joined by time, thigh against its place in the start pose, ZXY
windowed hinge     the same, its heading by optimisation in a sliding window over the knee (as qmt
                   does it, written again from its papers), on our time base and axes of the thigh
                   unit
qmt                the same by the package itself
madgwick, mahony   orientations by the ahrs package from raw data, then as pandas
imufusion          orientations by the imufusion package from raw data, then as pandas
per frame          hip and knee angles that fit both units best, frame by frame by least squares, as
                   OpenSense does it: axes from the start pose, units that count alike; on evenly
                   spaced frames, its time scaled to all of them; written again

Not methods of others but parts of ours, each with something else in place of one:

per frame, axes    our axes and our common heading at the start, then per frame
ours on mahony     orientations by the ahrs package from raw data, then our axes and definitions
ours, windowed     our chain with the windowed heading written again
ours on qmt        our chain with the heading of the qmt package
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).parents[1]))

from analysis.angle.leg_angles import angles_of_recording
from analysis.calibrate.calibration import LegCalibration, LegFrames
from analysis.calibrate.long_axes import segment_axes
from analysis.exercises import level_pelvis, nominal_hip, rotation_about
from analysis.session import analyse as sessions
from analysis.session.counting import signal_of
from analysis.session.recording import leg_units
from benchmarks.accuracy.methods import (
    columns_of,
    from_pose,
    pelvis_heading,
    to_true_earth,
    windowed_hinge,
)
from benchmarks.accuracy.packages import imufusion_orientations, installed
from benchmarks.accuracy.worn import Worn, recording_of
from imu.clocks.timeline import align, until_last_complete
from imu.fuse.host_fusion import with_orientations
from imu.quaternion import ARRAYS
from imu.sample import FloatArray, SampleTable, Segment, Side
from imu.virtual.wearer import WearerSettings, Wearing, wear

EXERCISE, SIDE, SEED = "seated_internal_rotation", Side.RIGHT, 7
REPS_PER_MINUTE = 10.2
EXERCISES, FIRST_SEED, SET_REPS = (EXERCISE, "prone_windshield_wiper"), 100, 12
FIRST_LONG_SEED, LONG_REPS = 200, 102
"""Ten minutes."""
PACKAGES = {"qmt": "qmt", "ours on qmt": "qmt", "imufusion": "imufusion"}
"""Methods that are the package itself, by what it is called."""
QUICK = ("ours", "ours, raw", "pandas")
REPEATS = 5
"""How often a method that takes less than a second is timed; the quickest time counts."""
RAD_ROUNDS = 1e-4
"""A fit ends when it no longer turns by more."""


@dataclass(frozen=True, slots=True)
class Score:
    """What one method took and how far it was off."""

    name: str
    seconds: float
    rmse_deg: float


def session_of(wearing: Wearing, table: SampleTable) -> tuple[Worn, LegCalibration]:
    """Return the session on one time base, calibrated; what every method of ours begins with."""
    frames = until_last_complete(align(table, wearing.units, "independent"), wearing.units)
    recording = replace(wearing_recording(wearing), frames=frames)
    (leg,) = leg_units(wearing.units)
    worn = Worn(
        wearing=wearing,
        recording=recording,
        result=None,  # type: ignore[arg-type]  # no table is needed here
        side=SIDE,
        frames=recording.leg(leg),
        windows=sessions.windows_of_marks(wearing.marks),
        sets_s=sessions.spans(wearing.marks, "set"),
    )
    _, found = sessions.calibrate_leg(recording, worn.frames, worn.exercise, SIDE)
    assert found.calibration is not None
    return worn, found.calibration


_RECORDINGS: dict[int, sessions.Recording] = {}


def wearing_recording(wearing: Wearing) -> sessions.Recording:
    """Return what is known of a session besides its frames, made once and not timed."""
    if id(wearing) not in _RECORDINGS:
        _RECORDINGS[id(wearing)] = recording_of(wearing)
    return _RECORDINGS[id(wearing)]


def by_us(wearing: Wearing, table: SampleTable) -> tuple[Worn, FloatArray]:
    """Return our angle at every frame, degrees."""
    session, calibration = session_of(wearing, table)
    rate_hz = session.recording.rate_hz
    series = angles_of_recording(calibration, session.exercise, rate_hz, session.frames)
    return session, signal_of(series, session.exercise, ARRAYS)[0]


def by_filter(wearing: Wearing, table: SampleTable, name: str) -> tuple[Worn, FloatArray]:
    """Return our angle from orientations that a filter makes of raw data."""
    bare = replace(table, q=np.full_like(table.q, np.nan))
    return by_us(wearing, with_orientations(bare, wearing.units, name)[0])  # type: ignore[arg-type]


def by_windowed_hinge(wearing: Wearing, table: SampleTable, **how: bool) -> tuple[Worn, FloatArray]:
    """Return the angle with headings found in a sliding window (see `windowed_hinge`)."""
    session, calibration = session_of(wearing, table)
    return session, from_pose(windowed_hinge(session, calibration, **how), session)


def by_pandas(table: SampleTable, session: Worn) -> tuple[Worn, FloatArray]:
    """Return the angle as a plain data frame gives it: thigh against its place in the start pose.

    The nearest samples are joined by the time they arrived at; third angle of ZXY.
    """
    names = ["w", "x", "y", "z"]
    thigh, shank = (
        pd.DataFrame(table.q[rows], columns=names)
        .assign(t=table.host_time_ns[rows] * 1e-9)
        .dropna()
        for rows in (np.flatnonzero(table.unit == index) for index in _units_of(session))
    )
    both = pd.merge_asof(thigh, shank, on="t", direction="nearest", suffixes=("", "_shank"))
    q_shank = both[[f"{name}_shank" for name in names]].to_numpy()
    frames = LegFrames(both["t"].to_numpy(), both[names].to_numpy(), q_shank)
    joined = replace(session, frames=frames)
    level, hip = level_pelvis(session.exercise.position, SIDE), nominal_hip(session.exercise, SIDE)
    pelvis = rotation_about(2, pelvis_heading(session, level)) @ level
    true_earth = to_true_earth(joined, frames.q_thigh, Segment.THIGH)
    unit = Rotation.from_quat(true_earth, scalar_first=True)
    mean = unit[joined.in_pose()].mean()
    femur = unit * (mean.inv() * Rotation.from_matrix(pelvis @ hip))
    m = (Rotation.from_matrix(pelvis).inv() * femur).as_matrix()
    return joined, from_pose(np.arctan2(-m[:, 2, 0], m[:, 2, 2]), joined)


def _units_of(session: Worn) -> tuple[int, int]:
    (leg,) = leg_units(session.recording.units)
    assert leg.thigh is not None
    return leg.thigh, leg.shank


def by_ahrs(
    wearing: Wearing, table: SampleTable, name: str, session: Worn
) -> tuple[Worn, FloatArray]:
    """Return the same from orientations that a filter of ahrs makes of raw data."""
    bare = replace(table, q=np.full_like(table.q, np.nan))
    return by_pandas(with_orientations(bare, wearing.units, name)[0], session)  # type: ignore[arg-type]


def by_frame(
    session: Worn, count: int, calibration: LegCalibration | None = None
) -> tuple[np.ndarray, FloatArray]:
    """Return rows and the angle that fits both units best there, three angles and the knee's.

    The units' places on the segments come from the start pose as it should be, or from our
    calibration.
    """
    side, start = SIDE, np.zeros(4)
    start[:3] = Rotation.from_matrix(nominal_hip(session.exercise, side)).as_euler("ZXY")
    start[3] = -np.pi / 2
    if calibration is None:
        pelvis, measured = _from_start_pose(session)
        known = ~np.isnan(measured).any(axis=(0, 2, 3))
        in_pose = known & session.in_pose()
        means = [_mean(one[in_pose]) for one in measured]
        offsets = [m.T @ mean for m, mean in zip(_model(pelvis, start), means, strict=True)]
    else:
        pelvis, measured, offsets = _from_calibration(session, calibration)
        known = ~np.isnan(measured).any(axis=(0, 2, 3))

    def off(x: FloatArray, row: int) -> FloatArray:
        return np.concatenate(
            [
                _vee((model @ offset).T @ one[row])
                for model, offset, one in zip(_model(pelvis, x), offsets, measured, strict=True)
            ]
        )

    def fitted(rows: np.ndarray) -> FloatArray:
        found, x = [], start
        for row in rows:
            x = least_squares(off, x, args=(row,), method="lm", xtol=RAD_ROUNDS).x
            found.append(x[2])
        return np.array(found)

    in_pose_rows = np.flatnonzero(known & session.in_pose())
    zero = float(np.mean(fitted(in_pose_rows[:: max(1, len(in_pose_rows) // 20)])))
    inside = np.flatnonzero(known & session.in_set)
    rows = inside[np.linspace(0, len(inside) - 1, count).astype(int)]
    return rows, side.sign * np.degrees(fitted(rows) - zero)


def _from_start_pose(session: Worn) -> tuple[FloatArray, FloatArray]:
    """Return the pelvis, and the orientations (2, n, 3, 3) of both units with true headings."""
    pairs = ((Segment.THIGH, session.frames.q_thigh), (Segment.SHANK, session.frames.q_shank))
    measured = [columns_of(to_true_earth(session, q, segment)) for segment, q in pairs]
    level = level_pelvis(session.exercise.position, SIDE)
    return rotation_about(2, pelvis_heading(session, level)) @ level, np.array(measured)


def _from_calibration(
    session: Worn, c: LegCalibration
) -> tuple[FloatArray, FloatArray, list[FloatArray]]:
    """Return the same with our heading and pelvis, and how our axes lie in the units."""
    assert c.y_thigh is not None
    thigh, shank = (columns_of(q) for q in (session.frames.q_thigh, session.frames.q_shank))
    thigh = rotation_about(2, -c.heading_rad) @ thigh
    # the knee axis in the thigh unit: where the shank's points in the start pose
    both = ~np.isnan(thigh[:, 0, 0]) & ~np.isnan(shank[:, 0, 0]) & session.in_pose()
    z_thigh = _mean(thigh[both]).T @ _mean(shank[both]) @ np.asarray(c.z_shank)
    axes = ((c.y_thigh, z_thigh), (c.y_shank, c.z_shank))
    offsets = [segment_axes(np.asarray(y), np.asarray(z)).T for y, z in axes]
    return np.asarray(c.pelvis).T, np.array((thigh, shank)), offsets


def _model(pelvis: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the orientations of femur and shank for three hip angles and the knee's, radians."""
    femur = pelvis @ rotation_about(2, x[0]) @ rotation_about(0, x[1]) @ rotation_about(1, x[2])
    return femur, femur @ rotation_about(2, x[3])


def _vee(m: FloatArray) -> FloatArray:
    return np.array([m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]]) / 2.0


def _mean(matrices: FloatArray) -> FloatArray:
    u, _, v = np.linalg.svd(np.mean(matrices, axis=0))
    mean: FloatArray = u @ v
    return mean


def error_deg(session: Worn, time_s: FloatArray, angle_deg: FloatArray) -> float:
    """Return the RMSE inside the set against the truth, degrees."""
    off = angle_deg - session.wearing.truth.angle_at(SIDE, time_s)
    start_s, end_s = session.sets_s[0]
    return float(np.sqrt(np.nanmean(off[(time_s >= start_s) & (time_s <= end_s)] ** 2)))


def timed(work: Callable[[], tuple[Worn, FloatArray]]) -> tuple[float, Worn, FloatArray]:
    """Return the processor time of one method, and what it found."""
    begun = time.process_time()
    session, angle = work()
    return time.process_time() - begun, session, angle


def scores(
    wearing: Wearing, table: SampleTable, frames: int, only: Sequence[str] = ()
) -> Iterator[Score]:
    """Yield the score of every method, or of some, ours first."""
    wearing_recording(wearing)
    session, calibration = session_of(wearing, table)
    methods: dict[str, Callable[[], tuple[Worn, FloatArray]]] = {
        "ours": lambda: by_us(wearing, table),
        "ours, raw": lambda: by_filter(wearing, table, "vqf"),
        "pandas": lambda: by_pandas(table, session),
        "madgwick": lambda: by_ahrs(wearing, table, "madgwick", session),
        "mahony": lambda: by_ahrs(wearing, table, "mahony", session),
        "windowed hinge": lambda: by_windowed_hinge(wearing, table),
        "ours on mahony": lambda: by_filter(wearing, table, "mahony"),
        "ours, windowed": lambda: by_windowed_hinge(wearing, table, of_shank=True),
        "qmt": lambda: by_windowed_hinge(wearing, table, by_qmt=True),
        "ours on qmt": lambda: by_windowed_hinge(wearing, table, of_shank=True, by_qmt=True),
        "imufusion": lambda: by_pandas(imufusion_orientations(table, len(wearing.units)), session),
    }
    if only:
        methods = {name: methods[name] for name in methods if name in only}
    missing = [name for name, package in PACKAGES.items() if not installed(package)]
    for name in missing:
        methods.pop(name, None)
    for name, work in methods.items():
        runs = [timed(work) for _ in range(REPEATS if name in QUICK else 1)]
        _, worn, angle = runs[0]
        seconds = min(seconds for seconds, _, _ in runs)
        yield Score(name, seconds, error_deg(session, worn.frames.time_s, angle))
    fitted = (("per frame", None), ("per frame, axes", calibration))
    for name, axes in (one for one in fitted if not only or one[0] in only):
        begun = time.process_time()
        rows, angle = by_frame(session, frames, axes)
        seconds = (time.process_time() - begun) * len(session.frames.time_s) / frames
        yield Score(name, seconds, error_deg(session, session.frames.time_s[rows], angle))


def worn_with_raw(exercise: str, seed: int, reps: int) -> tuple[Wearing, SampleTable]:
    """Return a wearer whose units send quaternions and raw data, and the samples."""
    settings = WearerSettings(reps=reps, sensor_output="quaternion+raw")
    wearing = wear(exercise, SIDE.value, seed, settings)
    return wearing, SampleTable.from_samples(wearing.samples)


def one_hour(minutes: float, frames: int, only: Sequence[str]) -> None:
    """Print time and error of every method on one long set."""
    wearing, table = worn_with_raw(EXERCISE, SEED, round(minutes * REPS_PER_MINUTE))
    print(f"{wearing.samples[-1].host_time_ns / 6e10:.1f} min, {len(table)} samples")
    print(f"{'':16}{'time':>9}{'ratio':>8}{'error':>9}{'ratio':>8}")
    first: Score | None = None
    for one in scores(wearing, table, frames, only):
        first = first or one
        times, errors = one.seconds / first.seconds, one.rmse_deg / first.rmse_deg
        print(
            f"{one.name:16}{one.seconds:7.2f} s{times:8.2f}{one.rmse_deg:8.2f}°{errors:8.1f}",
            flush=True,
        )


def several_wearers(
    exercises: Sequence[str], seeds: range, reps: int, frames: int, only: Sequence[str]
) -> None:
    """Print the median error of every method over wearers, and on how many ours is smaller."""
    errors: dict[str, list[float]] = {}
    for exercise in exercises:
        for seed in seeds:
            _RECORDINGS.clear()
            for one in scores(*worn_with_raw(exercise, seed, reps), frames, only):
                errors.setdefault(one.name, []).append(one.rmse_deg)
    ours = np.array(errors["ours"])
    print(f"\n{len(ours)} sets of {reps}: {', '.join(exercises)}")
    print(f"{'':16}{'median':>9}{'ratio':>8}{'worst':>9}{'ours is smaller':>18}")
    for name, found in errors.items():
        median, wins = float(np.median(found)), int(np.sum(ours < np.array(found)))
        of = "" if name == "ours" else f"{wins} of {len(ours)}"
        ratio = median / np.median(ours)
        print(f"{name:16}{median:8.2f}°{ratio:8.1f}{max(found):8.2f}°{of:>18}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0, help="0 leaves the hour out")
    parser.add_argument("--frames", type=int, default=2000, help="fitted frame by frame")
    parser.add_argument("--wearers", type=int, default=5, help="of each of two exercises")
    parser.add_argument("--long", type=int, default=10, help="wearers who do ten minutes each")
    parser.add_argument("--only", default="", help="these methods, with `;` between")
    options = parser.parse_args()
    only = [name for name in options.only.split(";") if name]
    for name, package in PACKAGES.items():
        if not installed(package):
            print(f"{name} is left out: {package} is not installed (extra [peers])")
    if options.minutes:
        one_hour(options.minutes, options.frames, only)
    if options.wearers:
        seeds = range(FIRST_SEED, FIRST_SEED + options.wearers)
        several_wearers(EXERCISES, seeds, SET_REPS, options.frames // 10, only)
    if options.long:
        seeds = range(FIRST_LONG_SEED, FIRST_LONG_SEED + options.long)
        several_wearers(EXERCISES[:1], seeds, LONG_REPS, options.frames // 10, only)


if __name__ == "__main__":
    main()
