"""What each source of error costs: the angle again with one of them taken away.

Some are taken from the wearer (a perfect strap, a perfect accelerometer), some from the estimate
(true attitudes of the units, true segment axes), on otherwise the same session.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.angle.leg_angles import angles_of_recording
from analysis.calibrate.calibration import LegFrames, calibrate
from benchmarks.accuracy.scores import per_rep, rows_of
from benchmarks.accuracy.worn import GRAVITY, Worn, side_of, worn
from imu.quaternion import by_rows, conjugate, rotate
from imu.sample import Segment
from imu.virtual.on_air.delivery import orientations_at
from imu.virtual.person.body import Y, Z
from imu.virtual.units.sensors import SensorTrace
from imu.virtual.wearer import WearerSettings

WITHOUT = {
    "as it is": {},
    "no acc bias": {"acc_bias_sd_mg": 0.0},
    "no gyro error": {
        "gyro_bias_sd_dps": 0.0,
        "gyro_scale_sd": 0.0,
        "gyro_noise_dps_per_sqrt_hz": 0.0,
    },
    "no thigh skin": {"thigh_skin_share": 0.0},
    "no shank skin": {"shank_skin_share": 0.0},
    "perfect pose": {"start_pose_sd_deg": 0.0},
    "no loss": {"loss_share": 0.0},
    "no sway": {
        "sway_rotation_deg": 0.0,
        "sway_flexion_deg": 0.0,
        "sway_adduction_deg": 0.0,
        "pelvis_sway_deg": 0.0,
    },
}


def table(options: argparse.Namespace, pool: ProcessPoolExecutor) -> pd.DataFrame:
    """Return the median RMSE per exercise and per what was taken away."""
    jobs = [
        (exercise, options.seeds + i)
        for exercise in options.exercise
        for i in range(options.wearers)
    ]
    rows = pd.DataFrame([row for found in pool.map(_costs, jobs) for row in found])
    wide = rows.pivot_table(
        index="without", columns="exercise", values="rmse_deg", aggfunc="median", sort=False
    )
    return wide.reset_index()


def _costs(job: tuple[str, int]) -> list[dict[str, object]]:
    exercise, seed = job
    side = side_of(seed)
    rows = []
    for name, changes in WITHOUT.items():
        session = worn(exercise, side, seed, WearerSettings(**changes))
        row = rows_of(session)[0]
        rows.append({"exercise": exercise, "without": name, "rmse_deg": row.get("rmse_deg")})
        if name == "as it is" and not row["refused"]:
            given = {"zero of the pose": row["from_pose_deg"]} | _with_oracles(session)
            rows += [
                {"exercise": exercise, "without": oracle, "rmse_deg": rmse}
                for oracle, rmse in given.items()
            ]
    return rows


def _with_oracles(session: Worn) -> dict[str, float]:
    """Return the RMSE with true attitudes, with true axes, and with both."""
    calibration = session.result.calibrations[session.side].calibration
    assert calibration is not None
    true_frames = _true_frames(session)
    true_calibration = calibrate(
        true_frames, session.windows, session.exercise, session.side
    ).calibration
    found = {}
    if true_calibration is not None:
        found["attitude error"] = _rmse(session, true_frames, true_calibration)
    y_thigh, y_shank, z_shank = _true_axes(session)
    axes = {"y_thigh": y_thigh, "z_shank": z_shank, "y_shank": y_shank}
    for name in ("y_thigh", "z_shank"):
        found[f"error of {name}"] = _rmse(
            session, session.frames, replace(calibration, **{name: axes[name]})
        )
    found["error of axes"] = _rmse(session, session.frames, replace(calibration, **axes))
    return found


def _rmse(session: Worn, frames: LegFrames, calibration: object) -> float:
    series = angles_of_recording(calibration, session.exercise, session.recording.rate_hz, frames)
    error = np.degrees(series.rotation) - session.truth_deg
    scored = error[session.in_set] if session.exercise.id in GRAVITY else per_rep(error, session)
    return float(np.sqrt(np.nanmean(scored**2)))


def _true_frames(session: Worn) -> LegFrames:
    """Return the frames as units without any error of attitude would give them."""
    time_s = session.frames.time_s
    found = []
    for segment, q in (
        (Segment.THIGH, session.frames.q_thigh),
        (Segment.SHANK, session.frames.q_shank),
    ):
        true = _trace(session, segment).q_earth_sensor_true
        at = orientations_at(true, session.wearing.truth.time_s, time_s)
        at[np.isnan(q[:, 0])] = np.nan
        found.append(at)
    return LegFrames(time_s, *found)


def _true_axes(session: Worn) -> list[tuple[float, float, float]]:
    """Return y of the thigh and y and z of the shank in their units in the start pose."""
    truth, side = session.wearing.truth, session.side
    at_s = np.mean(session.windows.pose or (0.0, 0.0))
    row = int(np.searchsorted(truth.time_s, at_s))
    found = []
    for segment, bones, axis in (
        (Segment.THIGH, truth.q_earth_femur, Y),
        (Segment.SHANK, truth.q_earth_shank, Y),
        (Segment.SHANK, truth.q_earth_shank, Z),
    ):
        unit = _trace(session, segment).q_earth_sensor_true[row]
        v = by_rows(rotate, by_rows(conjugate, unit), by_rows(rotate, bones[side][row], axis))
        found.append(tuple(float(x) for x in v))
    return found


def _trace(session: Worn, segment: Segment) -> SensorTrace:
    return next(
        t for t in session.wearing.traces if t.segment is segment and t.side is session.side
    )
