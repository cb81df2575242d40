"""What is compared: our angle and four others, from the same frames, in degrees over time.

The others get their best case: they are zeroed in the same start pose, and the two that need them
get our axes or a true heading.

ours            the angle of the whole chain
thigh twist     rotation of the thigh unit about the thigh's long axis, against gravity
shank tilt      change of the shank's elevation; it has no sign, so it is held against |truth|
static pose     the thigh unit's place on the femur from the start pose as it should be, with the
                pelvis' and the unit's true headings there; third angle of ZXY
windowed hinge  the thigh unit's own axes from the stand and the bends, its heading by optimisation
                over the knee hinge in a sliding window, as its paper's users have it
our axes, windowed   an ablation: our whole chain, but for the heading, which is the window's
"""

from __future__ import annotations

import numpy as np

from analysis.calibrate.calibration import LegCalibration
from analysis.calibrate.long_axes import up_in_sensor
from analysis.exercises import level_pelvis, nominal_hip, rotation_about
from benchmarks.accuracy.packages import qmt_heading
from benchmarks.accuracy.windowed import windowed_heading
from benchmarks.accuracy.worn import Worn
from imu.quaternion import by_rows, conjugate, multiply, rotate
from imu.sample import FloatArray, Segment

OURS = "ours"
OTHERS = ("thigh twist", "shank tilt", "static pose", "windowed hinge")
ABLATION = "our axes, windowed"
METHODS = (OURS, *OTHERS, ABLATION)


def ours(session: Worn) -> tuple[FloatArray, FloatArray]:
    """Return our angle and its σ at every frame, degrees, NaN where refused."""
    rows = session.result.angles
    rows = rows[rows["side"] == str(session.side)]
    return (
        rows["hip_internal_rotation_deg"].to_numpy(float),
        rows["uncertainty_deg"].to_numpy(float),
    )


def others(session: Worn, calibration: LegCalibration) -> dict[str, FloatArray]:
    """Return the angle of every other method at every frame, degrees, 0 in the start pose."""
    raw = {
        "thigh twist": _thigh_twist(session),
        "static pose": _static_pose(session),
        "windowed hinge": windowed_hinge(session, calibration),
        ABLATION: windowed_hinge(session, calibration, of_shank=True),
    }
    found = {name: from_pose(angle, session) for name, angle in raw.items()}
    found["shank tilt"] = _shank_tilt(session)
    return found


def from_pose(angle_rad: FloatArray, session: Worn) -> FloatArray:
    """Return an angle in degrees, 0 in the start pose, without leaps of a turn."""
    in_pose = np.exp(1j * angle_rad[session.in_pose()])
    zero = np.angle(np.nanmean(in_pose))
    return session.side.sign * np.degrees(np.angle(np.exp(1j * (angle_rad - zero))))


def _still_up(q: FloatArray) -> FloatArray:
    mean = np.nanmean(up_in_sensor(q), axis=0)
    return mean / np.linalg.norm(mean)


def _standing(session: Worn) -> np.ndarray:
    start_s, end_s = session.windows.stand or session.windows.pose or (0.0, 0.0)
    return (session.frames.time_s >= start_s) & (session.frames.time_s <= end_s)


def _thigh_twist(session: Worn) -> FloatArray:
    q = session.frames.q_thigh
    y = _still_up(q[_standing(session)])
    across = np.cross(y, [1.0, 0.0, 0.0] if abs(y[0]) < 0.9 else [0.0, 1.0, 0.0])
    across /= np.linalg.norm(across)
    up = up_in_sensor(q)
    # the unit turns one way about y, gravity turns the other way in its frame
    return -np.arctan2(up @ np.cross(y, across), up @ across)


def _shank_tilt(session: Worn) -> FloatArray:
    q = session.frames.q_shank
    y = _still_up(q[_standing(session)])
    tilt = np.arcsin(np.clip(up_in_sensor(q) @ y, -1.0, 1.0))
    return np.degrees(np.abs(tilt - np.nanmean(tilt[session.in_pose()])))


def _static_pose(session: Worn) -> FloatArray:
    exercise, side = session.exercise, session.side
    level = level_pelvis(exercise.position, side)
    in_pose = session.in_pose()
    pelvis = rotation_about(2, pelvis_heading(session, level)) @ level
    femur = pelvis @ nominal_hip(exercise, side)
    unit = columns_of(to_true_earth(session, session.frames.q_thigh, Segment.THIGH))
    mean = np.nanmean(unit[in_pose], axis=0)
    u, _, v = np.linalg.svd(mean)
    to_femur = (u @ v).T @ femur
    hip = pelvis.T @ (unit @ to_femur)
    # third row of Rz·Rx(a)·Ry(r) is (−cos a sin r, sin a, cos a cos r)
    return np.arctan2(-hip[:, 2, 0], hip[:, 2, 2])


def pelvis_heading(session: Worn, level: FloatArray) -> float:
    truth = session.wearing.truth
    row = _row(session, float(np.mean(session.windows.pose or (0.0, 0.0))))
    m = columns_of(truth.q_earth_pelvis[row : row + 1])[0] @ level.T
    return float(np.arctan2(m[1, 0] - m[0, 1], m[0, 0] + m[1, 1]))


def to_true_earth(session: Worn, q: FloatArray, segment: Segment) -> FloatArray:
    """Return a unit's orientations, given the true heading at the start pose."""
    trace = next(
        t for t in session.wearing.traces if t.segment is segment and t.side is session.side
    )
    row = np.flatnonzero(session.in_pose() & ~np.isnan(q[:, 0]))[-1]
    true = trace.q_earth_sensor_true[_row(session, session.frames.time_s[row])]
    w, _, _, z = by_rows(multiply, true, by_rows(conjugate, q[row]))
    turn = np.array([w, 0.0, 0.0, z]) / np.hypot(w, z)
    return by_rows(multiply, np.broadcast_to(turn, q.shape), q)


def _row(session: Worn, time_s: float) -> int:
    return int(np.searchsorted(session.wearing.truth.time_s, time_s))


def columns_of(q: FloatArray) -> FloatArray:
    """Return the rotation matrices (n, 3, 3) of orientations (n, 4)."""
    return np.stack(
        [by_rows(rotate, q, np.broadcast_to(axis, (len(q), 3))) for axis in np.eye(3)], axis=-1
    )


def windowed_hinge(
    session: Worn, c: LegCalibration, *, of_shank: bool = False, by_qmt: bool = False
) -> FloatArray:
    """Return the rotation (n,) in rad by a windowed heading, NaN where the thigh has no axes.

    The femur turns as the thigh unit does; `of_shank` takes its knee axis from the shank unit, as
    our own chain does, in place of the thigh unit's. `by_qmt` asks the package for the heading.
    """
    frames = session.frames
    z = _turned(frames.q_shank, c.z_shank)
    if c.y_thigh is None:
        return np.full(len(z), np.nan)
    y = _turned(frames.q_thigh, c.y_thigh)
    # the hinge's axis in the thigh unit: where the shank's points in the start pose
    in_pose = session.in_pose() & ~np.isnan(y[:, 0]) & ~np.isnan(z[:, 0])
    in_thighs_earth = z[in_pose] @ rotation_about(2, c.heading_rad).T
    z_thigh = by_rows(rotate, by_rows(conjugate, frames.q_thigh[in_pose]), in_thighs_earth).mean(
        axis=0
    )
    z_thigh /= np.linalg.norm(z_thigh)
    hinge = _turned(frames.q_thigh, z_thigh)
    if by_qmt:
        both = (frames.q_thigh, frames.q_shank)
        delta = qmt_heading(frames.time_s, both, (z_thigh, np.asarray(c.z_shank)))
    else:
        delta = windowed_heading(frames.time_s, hinge, z, c.heading_rad)
    cd, sd = np.cos(delta), np.sin(delta)
    y, hinge = (
        np.stack((cd * v[:, 0] + sd * v[:, 1], cd * v[:, 1] - sd * v[:, 0], v[:, 2]), axis=-1)
        for v in (y, hinge)
    )
    z = z if of_shank else hinge
    z = z - np.sum(z * y, axis=-1, keepdims=True) * y
    z /= np.linalg.norm(z, axis=-1, keepdims=True)
    x = np.cross(y, z)
    if session.exercise.angle == "gravity":
        return np.arctan2(z[:, 2], x[:, 2])
    e = np.cross(y, c.pelvis[2])
    return np.arctan2(np.sum(e * z, axis=-1), np.sum(e * x, axis=-1))


def _turned(q: FloatArray, axis: object) -> FloatArray:
    return by_rows(rotate, q, np.broadcast_to(np.asarray(axis, float), (len(q), 3)))
