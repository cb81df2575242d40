"""Sensor to segment: from a stand, a start pose and a few knee bends to a leg that can be measured.

Segment axes, both legs alike (ISB; Wu et al. 2002): y from knee to hip, z along the knee axis to
the wearer's right, x = y × z forwards. A still stand gives y of both units, the bends give z of the
shank (first principal axis of its angular velocity), the start pose gives zero, posture and the
common heading of the two units. Every step has a figure, a limit and a remedy; what fails refuses
the angle instead of bending it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from analysis.exercises import (
    Array,
    Exercise,
    level_pelvis,
    nominal_hip,
    nominal_up,
    rotation_about,
)
from analysis.heading import heading_from_pose
from imu.quaternion import (
    Vector,
    conjugate_array,
    multiply_array,
    rotate_array,
    rotation_vector_array,
)
from imu.sample import Side

UP = np.array([0.0, 0.0, 1.0])
BEND_SPEED_RAD_S = math.radians(20.0)  # slower samples say more about sway than about the hinge
EIGENVALUE_RATIO_MIN = 0.95
SPLIT_HALF_MAX_RAD = math.radians(5.0)
HINGE_TO_SHANK_MAX_RAD = math.radians(20.0)
BENDS_MIN = 3
BEND_SIZE_RAD = math.radians(25.0)
STILL_MAX_RAD = math.radians(3.0)
POSE_MAX_RAD = math.radians(30.0)
WELL_SEEN = 0.5
"""Below this share of gravity across the hinge, a pose says nothing about the shank's long axis."""


@dataclass(frozen=True, slots=True)
class LegFrames:
    """Both units of one leg on the common time base; orientations (n, 4) wxyz, NaN in gaps."""

    time_s: Array
    q_thigh: Array
    q_shank: Array

    def between(self, window: tuple[float, float]) -> LegFrames:
        """Return the frames of a window that have both orientations."""
        keep = (self.time_s >= window[0]) & (self.time_s <= window[1])
        keep &= ~(np.isnan(self.q_thigh[:, 0]) | np.isnan(self.q_shank[:, 0]))
        return LegFrames(self.time_s[keep], self.q_thigh[keep], self.q_shank[keep])


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """When the wearer did what, in seconds of the session; None where it did not happen."""

    stand: tuple[float, float] | None = None
    pose: tuple[float, float] | None = None
    bends: tuple[float, float] | None = None

    @property
    def end_s(self) -> float:
        """Return when the last step ended."""
        return max((w[1] for w in (self.stand, self.pose, self.bends) if w), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One figure of the calibration, its limit, and what to do when it fails."""

    name: str
    value: float
    limit: float
    unit: str
    passed: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegCalibration:
    """What turns two orientations into a leg. Vectors in sensor frames; angles in radians."""

    side: Side
    exercise: str
    ready_s: float
    """The session second from which angles may be given."""
    y_thigh: Vector | None
    """Long axis in the thigh unit; None when the thigh unit could not be aligned."""
    y_shank: Vector
    z_shank: Vector
    y_femur_in_shank: Vector | None
    """Long axis of the femur carried by the shank at a fixed knee angle; only without `y_thigh`."""
    heading_rad: float
    """Turn about the vertical that brings the shank unit's earth to the thigh unit's."""
    heading_weight_s: float
    knee_heading_rad: float
    """Heading of the femur's long axis minus the shank's in the start pose, in one earth."""
    zero_rad: float
    start_rotation_rad: float
    """The angle in the start pose, from that zero: where counting starts from."""
    pelvis: tuple[Vector, Vector, Vector]
    """Pelvis axes x, y, z frozen at the start pose, in the shank unit's earth."""
    thigh_elevation_rad: float
    shank_elevation_rad: float
    knee_flexion_rad: float
    sigma_axes_rad: float
    """Uncertainty of the segment axes (1 σ) that the bends and poses leave."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; floats survive exactly."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> LegCalibration:
        """Return the calibration that `to_json` wrote."""
        given = dict(data)
        for name in ("y_thigh", "y_shank", "z_shank", "y_femur_in_shank"):
            given[name] = tuple(given[name]) if given[name] is not None else None
        given["pelvis"] = tuple(tuple(axis) for axis in given["pelvis"])
        given["side"] = Side(given["side"])
        return cls(**given)


@dataclass(frozen=True, slots=True)
class CalibrationResult:
    """The calibration, or None with the checks that refused it."""

    calibration: LegCalibration | None
    checks: tuple[Check, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return what to tell the wearer: every failed check and every warning."""
        return tuple(check.sentence for check in self.checks if check.sentence)


def calibrate(
    frames: LegFrames, windows: Windows, exercise: Exercise, side: Side
) -> CalibrationResult:
    """Calibrate one leg from the windows the wearer stood, posed and bent in.

    Never raises for poor data: the result then holds no calibration and says why.
    """
    checks: list[Check] = []
    pose = frames.between(windows.pose) if windows.pose else None
    bends = frames.between(windows.bends) if windows.bends else None
    if not _enough(pose, "start pose", checks) or not _enough(bends, "knee bends", checks):
        return CalibrationResult(None, tuple(checks))
    assert pose is not None  # noqa: S101 (said by _enough)
    assert bends is not None  # noqa: S101 (said by _enough)
    stand = frames.between(windows.stand) if windows.stand else None
    if stand is not None and len(stand.time_s) < 10:
        stand = None
    z_shank, sigma_hinge = _hinge(bends, exercise, checks)
    _check_still(pose, "start pose", checks)
    axes: tuple[Array | None, Array, Array | None, float] | None
    if stand is not None:
        _check_still(stand, "stand", checks)
        axes = _axes_from_stand(stand, pose, exercise, side, checks)
    else:
        axes = _axes_from_pose(pose, z_shank, exercise, side, checks)
    if axes is None or not all(check.passed for check in checks):
        return CalibrationResult(None, tuple(checks))
    y_thigh, y_shank, y_carried, sigma_y = axes
    _check_hinge_against_shank(z_shank, y_shank, checks)
    if not checks[-1].passed:
        return CalibrationResult(None, tuple(checks))
    sigma = math.hypot(sigma_hinge, sigma_y)
    leg = _finish(
        pose, bends, exercise, side, windows.end_s, (y_thigh, y_shank, z_shank, y_carried), sigma
    )
    return CalibrationResult(leg, tuple(checks))


def up_in_sensor(q: Array) -> Array:
    """Return earth's up in the sensor frame, shape (..., 3), of orientations (..., 4)."""
    return rotate_array(conjugate_array(q), np.broadcast_to(UP, (*q.shape[:-1], 3)))


def angular_velocity(time_s: Array, q: Array) -> tuple[Array, Array]:
    """Return midpoints (m,), and angular velocities (m, 3) in rad/s in the sensor frame.

    From differences of neighbouring orientations, so that any unit that sends orientations serves.
    """
    dt = np.diff(time_s)
    turn = rotation_vector_array(multiply_array(conjugate_array(q[:-1]), q[1:]))
    regular = (dt > 0) & (dt < 2.5 * np.median(dt))
    return (time_s[:-1] + dt / 2)[regular], (turn / dt[:, None])[regular]


def turned_about(axis: Array, q: Array) -> Array:
    """Return how far (n,) in rad a sensor has turned about its own axis (3,) since the first."""
    turn = rotation_vector_array(multiply_array(conjugate_array(q[:-1]), q[1:]))
    return np.concatenate(([0.0], np.cumsum(turn @ axis)))


def principal_axis(omega: Array) -> tuple[Array, float]:
    """Return the principal axis (3,) of angular velocities (n, 3) and its eigenvalue share."""
    values, vectors = np.linalg.eigh(omega.T @ omega)
    return vectors[:, -1], float(values[-1] / max(values.sum(), 1e-12))


def count_bends(angle: Array, size_rad: float = BEND_SIZE_RAD) -> int:
    """Return how often an angle (n,) leaves its start by a size and comes back half way."""
    bends, away, top = 0, False, 0.0
    for value in np.abs(angle - angle[0]).tolist():
        if not away and value > size_rad:
            away, top = True, value
        elif away:
            top = max(top, value)
            if value < top / 2:
                away, bends = False, bends + 1
    return bends


def _enough(frames: LegFrames | None, name: str, checks: list[Check]) -> bool:
    found = frames is not None and len(frames.time_s) >= 10
    if not found:
        checks.append(
            Check(
                name=name,
                value=0.0,
                limit=1.0,
                unit="found",
                passed=False,
                sentence=f"no {name} found: hold the start position still for 3 s, then bend and"
                " straighten the knee five times",
            )
        )
    return found


def _check_still(frames: LegFrames, name: str, checks: list[Check]) -> None:
    moved = max(
        float(np.max(_angles_to_mean(up_in_sensor(q)))) for q in (frames.q_thigh, frames.q_shank)
    )
    _add(
        checks,
        f"{name} still",
        moved,
        STILL_MAX_RAD,
        f"the leg moved by {math.degrees(moved):.1f}° during the {name}: repeat it and keep still",
    )


def _hinge(bends: LegFrames, exercise: Exercise, checks: list[Check]) -> tuple[Array, float]:
    """Return the knee axis in the shank unit (3,), extension positive, and its 1 σ in radians."""
    _, omega = angular_velocity(bends.time_s, bends.q_shank)
    moving = np.linalg.norm(omega, axis=1) > BEND_SPEED_RAD_S
    if moving.sum() < 20:
        _add_low(
            checks,
            "knee bends",
            0,
            BENDS_MIN,
            "the shank hardly moved while the knee should"
            " have been bent: bend and straighten it five times",
        )
        return np.array([0.0, 0.0, 1.0]), math.inf
    fast = omega[moving]
    axis, share = principal_axis(fast)
    halves = [principal_axis(half)[0] for half in np.array_split(fast, 2)]
    split = math.acos(min(1.0, abs(float(halves[0] @ halves[1]))))
    angle = turned_about(axis, bends.q_shank)
    # Bends start from the pose: a bent knee is straightened first, a straight one is bent.
    extends = exercise.pose.knee_flexion_deg >= 45.0
    if (float(np.mean(angle)) > 0.0) != extends:
        axis, angle = -axis, -angle
    _add_low(
        checks,
        "knee bends",
        count_bends(angle),
        BENDS_MIN,
        "too few knee bends: bend and straighten the knee five times, by 50° or so",
    )
    _add_low(
        checks,
        "hinge eigenvalue ratio",
        share,
        EIGENVALUE_RATIO_MIN,
        "the shank did not turn about one axis while the knee was bent: keep the thigh still"
        " and bend only the knee",
    )
    _add(
        checks,
        "hinge split-half angle",
        split,
        SPLIT_HALF_MAX_RAD,
        f"the knee axis moved by {math.degrees(split):.1f}° between the first and the last bends:"
        " check the strap and repeat the bends",
    )
    # half the split is the standard error of the mean of two halves
    return axis, max(split / 2.0, math.radians(0.2))


def _axes_from_stand(
    stand: LegFrames, pose: LegFrames, exercise: Exercise, side: Side, checks: list[Check]
) -> tuple[Array, Array, None, float]:
    y_thigh, y_shank = _mean_up(stand.q_thigh), _mean_up(stand.q_shank)
    expected = nominal_up(exercise, side)
    named = (("thigh", y_thigh, pose.q_thigh), ("shank", y_shank, pose.q_shank))
    for (name, y, q), up in zip(named, expected, strict=True):
        off = abs(_angle(y, _mean_up(q)) - math.acos(float(np.clip(up[1], -1.0, 1.0))))
        _add(
            checks,
            f"{name} pose angle",
            off,
            POSE_MAX_RAD,
            f"the {name} is {math.degrees(off):.0f}° from the start position of {exercise.name}:"
            " check the position, and that the units are not swapped",
        )
    return y_thigh, y_shank, None, 0.0


def _axes_from_pose(
    pose: LegFrames, z_shank: Array, exercise: Exercise, side: Side, checks: list[Check]
) -> tuple[Array | None, Array, Array | None, float] | None:
    """Return axes where nobody stood: the nominal pose stands in, at the price of a wider σ."""
    thigh_up, shank_up = nominal_up(exercise, side)
    across = math.hypot(shank_up[0], shank_up[1])
    ok = across > WELL_SEEN
    checks.append(
        Check(
            name="stand",
            value=0.0,
            limit=1.0,
            unit="found",
            passed=ok,
            sentence="no standing pose found: "
            + (
                "the shank's long axis is taken from the start pose and the uncertainty is wider"
                if ok
                else f"{exercise.name} needs one, because its start pose does not show the leg's"
                " long axes: stand still for 3 s, feet forward"
            ),
        )
    )
    if not ok:
        return None
    # TRIAD about the hinge: turn the nominal pose about z until gravity is where it was measured.
    up = _mean_up(pose.q_shank)
    flat = up - (up @ z_shank) * z_shank
    flat /= np.linalg.norm(flat)
    nominal = math.atan2(shank_up[1], shank_up[0])
    forward = math.cos(nominal) * flat - math.sin(nominal) * np.cross(z_shank, flat)
    y_shank = np.cross(z_shank, forward)
    if abs(thigh_up[1]) > 0.9:
        return math.copysign(1.0, thigh_up[1]) * _mean_up(pose.q_thigh), y_shank, None, 0.05
    knee = math.radians(exercise.pose.knee_flexion_deg)
    carried = math.cos(knee) * y_shank - math.sin(knee) * np.cross(y_shank, z_shank)
    return None, y_shank, carried, math.radians(1.0)


def _check_hinge_against_shank(z_shank: Array, y_shank: Array, checks: list[Check]) -> None:
    off = abs(_angle(z_shank, y_shank) - math.pi / 2)
    _add(
        checks,
        "hinge against shank",
        off,
        HINGE_TO_SHANK_MAX_RAD,
        f"the knee axis is {math.degrees(off):.0f}° from being across the shank: stand straighter,"
        " and bend only the knee",
    )


def _finish(
    pose: LegFrames,
    bends: LegFrames,
    exercise: Exercise,
    side: Side,
    ready_s: float,
    axes: tuple[Array | None, Array, Array, Array | None],
    sigma: float,
) -> LegCalibration:
    y_thigh, y_shank, z_shank, y_carried = axes
    knee_nominal = math.radians(exercise.pose.knee_flexion_deg)
    shank_z, shank_y = _turned(pose.q_shank, z_shank), _turned(pose.q_shank, y_shank)
    if y_thigh is None:
        assert y_carried is not None  # noqa: S101 (one of the two is always there)
        heading, weight = 0.0, 0.0
        femur_y = _turned(pose.q_shank, y_carried)
    else:
        thigh_y = _turned(pose.q_thigh, y_thigh)
        heading, weight = heading_from_pose(
            (thigh_y, shank_z, shank_y),
            (_turned(bends.q_thigh, y_thigh), _turned(bends.q_shank, z_shank)),
            knee_nominal,
        )
        femur_y = thigh_y @ rotation_about(2, -heading).T
    femur = _femur(femur_y.mean(axis=0), shank_z.mean(axis=0))
    pelvis = _pelvis(exercise, side, femur)
    start = _raw_rotation(exercise, side, femur, pelvis)
    zero = start if exercise.zero_rad is None else exercise.zero_rad
    shank_mean = _unit(shank_y.mean(axis=0))
    return LegCalibration(
        side=side,
        exercise=exercise.id,
        ready_s=ready_s,
        y_thigh=_vector(y_thigh),
        y_shank=_vector(y_shank) or (0.0, 1.0, 0.0),
        z_shank=_vector(z_shank) or (0.0, 0.0, 1.0),
        y_femur_in_shank=_vector(y_carried),
        heading_rad=heading,
        heading_weight_s=weight,
        knee_heading_rad=math.atan2(femur[1, 1], femur[0, 1])
        - math.atan2(shank_mean[1], shank_mean[0]),
        zero_rad=zero,
        start_rotation_rad=math.remainder(start - zero, 2 * math.pi),
        pelvis=_rows(pelvis),
        thigh_elevation_rad=math.asin(float(np.clip(-femur[2, 1], -1, 1))),
        shank_elevation_rad=math.asin(float(np.clip(-shank_mean[2], -1, 1))),
        knee_flexion_rad=math.atan2(
            float(shank_mean @ femur[:, 0]), float(shank_mean @ femur[:, 1])
        ),
        sigma_axes_rad=sigma,
    )


def _femur(y: Array, z: Array) -> Array:
    """Return femur axes as columns x, y, z from a long axis and a knee axis made perpendicular."""
    y = _unit(y)
    z = _unit(z - (z @ y) * y)
    return np.stack((np.cross(y, z), y, z), axis=1)


def _pelvis(exercise: Exercise, side: Side, femur: Array) -> Array:
    """Return a level pelvis (columns x, y, z) turned to the heading that the start pose tells."""
    seen = femur @ nominal_hip(exercise, side).T
    level = level_pelvis(exercise.position, side)
    m = level @ seen.T
    heading = math.atan2(m[0, 1] - m[1, 0], m[0, 0] + m[1, 1])
    turned: Array = rotation_about(2, heading) @ level
    return turned


def _raw_rotation(exercise: Exercise, side: Side, femur: Array, pelvis: Array) -> float:
    """Return the rotation before any zero, by the exercise's definition."""
    if exercise.angle == "heading":
        across = np.cross(femur[:, 1], pelvis[:, 2])
        return side.sign * math.atan2(float(across @ femur[:, 2]), float(across @ femur[:, 0]))
    return side.sign * math.atan2(float(femur[2, 2]), float(femur[2, 0]))


def _turned(q: Array, axis: Array) -> Array:
    return rotate_array(q, np.broadcast_to(axis, (len(q), 3)))


def _mean_up(q: Array) -> Array:
    # The first quarter is left out: an on-board filter still settles after the movement before it.
    settled = up_in_sensor(q[len(q) // 4 :])
    return _unit(settled.mean(axis=0))


def _angles_to_mean(directions: Array) -> Array:
    mean = _unit(directions.mean(axis=0))
    angles: Array = np.arccos(np.clip(directions @ mean, -1.0, 1.0))
    return angles


def _angle(a: Array, b: Array) -> float:
    return math.acos(float(np.clip(a @ b, -1.0, 1.0)))


def _unit(v: Array) -> Array:
    scaled: Array = v / np.linalg.norm(v)
    return scaled


def _vector(v: Array | None) -> Vector | None:
    return None if v is None else (float(v[0]), float(v[1]), float(v[2]))


def _rows(columns: Array) -> tuple[Vector, Vector, Vector]:
    x, y, z = (_vector(columns[:, i]) for i in range(3))
    assert x and y and z  # noqa: S101, PT018 (three columns)
    return x, y, z


def _add(checks: list[Check], name: str, value_rad: float, limit_rad: float, say: str) -> None:
    ok = value_rad <= limit_rad
    checks.append(
        Check(
            name=name,
            value=math.degrees(value_rad),
            limit=math.degrees(limit_rad),
            unit="deg",
            passed=ok,
            sentence="" if ok else say,
        )
    )


def _add_low(checks: list[Check], name: str, value: float, limit: float, say: str) -> None:
    ok = value >= limit
    checks.append(
        Check(
            name=name,
            value=float(value),
            limit=float(limit),
            unit="",
            passed=ok,
            sentence="" if ok else say,
        )
    )
