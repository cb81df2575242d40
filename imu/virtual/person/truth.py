"""What is true of a virtual wearer: the hip angle by its definition, phases and repetitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imu.quaternion import ARRAYS, by_rows, conjugate, multiply, normalise, rotate, rotation_vector
from imu.sample import BoolArray, FloatArray, Side
from imu.virtual.person.body import (
    JointAngles,
    Y,
    Z,
    gravity_phi,
    heading_rotation,
    leg_attitudes,
    pelvis_attitude,
    thigh_elevation,
)
from imu.virtual.person.enact import BodyMotion
from imu.virtual.person.motion import Plan, RepTimes, phase_of
from imu.virtual.person.movements import Movement, movement_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueRep:
    """One movement of one leg as it was; seconds on the session's clock, degrees of true angle."""

    kind: str
    """`rep`, or `partial` where the script says so."""
    start_s: float
    peak_s: float
    """Moment of the largest angle."""
    hold_start_s: float
    hold_end_s: float
    end_s: float
    start_deg: float
    peak_deg: float
    end_deg: float

    @property
    def rom_deg(self) -> float:
        """Return the range from the start to the peak."""
        return self.peak_deg - self.start_deg

    @property
    def hold_s(self) -> float:
        """Return how long the hold lasted."""
        return self.hold_end_s - self.hold_start_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The true wearer on an even grid of instants; every mapping has the legs that moved."""

    time_s: FloatArray
    """Shape (n,), s since the session's first sample; the first instants are before it."""
    angle_deg: Mapping[Side, FloatArray]
    """Hip internal rotation by the exercise's definition; means nothing before the start pose."""
    joint_rotation_deg: Mapping[Side, FloatArray]
    """Internal rotation of the hip joint against the true pelvis, 0 in the start pose."""
    against_pelvis_deg: Mapping[Side, FloatArray]
    """Internal rotation of the hip joint against the true pelvis (ISB), with the zero of
    `angle_deg`: that of the joint where the exercise has one, else the start pose."""
    pelvis_turn_deg: Mapping[Side, FloatArray]
    """Turn of the pelvis about the femur's long axis since the start pose: what the pelvis adds to
    `angle_deg`, positive inwards."""
    knee_flexion_deg: Mapping[Side, FloatArray]
    thigh_elevation_deg: Mapping[Side, FloatArray]
    """Of hip → knee above the horizontal; −90 standing."""
    phase: Mapping[Side, npt.NDArray[np.str_]]
    """`calibrating`, `rest`, `up`, `hold` or `down`."""
    reps: Mapping[Side, tuple[TrueRep, ...]]
    q_earth_pelvis: FloatArray
    """Shape (n, 4)."""
    q_earth_femur: Mapping[Side, FloatArray]
    q_earth_shank: Mapping[Side, FloatArray]

    def angle_at(self, side: Side, times_s: npt.ArrayLike) -> FloatArray:
        """Return the true angle at any instants, by straight lines between those of the grid.

        Parameters
        ----------
        side
            A leg that moved.
        times_s
            Seconds since the session's first sample, shape (...).

        Returns
        -------
        numpy.ndarray
            Degrees, shape (...); NaN before the first and after the last instant.
        """
        return self.at(self.angle_deg[side], times_s)

    def at(self, series: FloatArray, times_s: npt.ArrayLike) -> FloatArray:
        """Return any of the truth's series (n,) at any instants, as `angle_at` does."""
        times_s = np.asarray(times_s, dtype=np.float64)
        found: FloatArray = np.interp(times_s, self.time_s, series, left=np.nan, right=np.nan)
        return found


def true_angle(
    movement: Movement, side: Side, q_earth_femur: FloatArray, in_pose: BoolArray
) -> FloatArray:
    """Return hip internal rotation by the exercise's definition, in degrees, shape (n,).

    Parameters
    ----------
    movement
        The exercise: what the angle is measured against, and its zero.
    side
        Which leg.
    q_earth_femur
        Femur → earth, shape (n, 4).
    in_pose
        Which instants are the still start pose, shape (n,).
    """
    if movement.angle == "gravity":
        raw_rad = gravity_phi(q_earth_femur, side)
    else:
        raw_rad = heading_rotation(q_earth_femur, _frozen_pelvis_z(q_earth_femur[in_pose]), side)
    if movement.phi0_deg is None:
        zero_deg = float(np.degrees(_mean_angle(raw_rad[in_pose])))
    else:
        zero_deg = movement.phi0_deg
    return _wrap_deg(np.degrees(raw_rad) - zero_deg)


def read_pose(
    exercise: str,
    side: Side,
    rotation_deg: float,
    *,
    flexion_deg: float | None = None,
    adduction_deg: float | None = None,
    knee_flexion_deg: float | None = None,
    heading_deg: float = 0.0,
) -> float:
    """Return what the definition reads when a perfect start pose is turned inwards.

    Parameters
    ----------
    exercise
        The exercise's id.
    side
        Which leg.
    rotation_deg
        Internal rotation of the hip beyond the start pose.
    flexion_deg, adduction_deg, knee_flexion_deg
        The start pose's angles where they are not the exercise's own: a sloped thigh, a leg
        held out to the side, another knee.
    heading_deg
        Turn of the whole body.

    Returns
    -------
    float
        Degrees.
    """
    movement = movement_of(exercise)
    turned = np.array([0.0, rotation_deg])
    angles_deg = (
        movement.flexion_deg if flexion_deg is None else flexion_deg,
        movement.adduction_deg if adduction_deg is None else adduction_deg,
        movement.rotation_deg + turned,
        movement.knee_flexion_deg if knee_flexion_deg is None else knee_flexion_deg,
    )
    flexion, adduction, rotation, knee = (np.radians(angle + 0.0 * turned) for angle in angles_deg)
    joints = JointAngles(
        flexion_rad=flexion,
        adduction_rad=adduction,
        rotation_rad=rotation,
        knee_rad=knee,
        play_rad=np.zeros(2),
    )
    pelvis = pelvis_attitude(movement.pelvis, side, np.radians(heading_deg))
    q_earth_femur, _ = leg_attitudes(pelvis, joints, side)
    return float(true_angle(movement, side, q_earth_femur, np.array([True, False]))[1])


def truth_of(movement: Movement, laid: Plan, body: BodyMotion, first_sample_s: float) -> Truth:
    """Return the truth of a motion on the session's clock.

    Parameters
    ----------
    movement
        The exercise.
    laid
        The script in time.
    body
        The motion it became.
    first_sample_s
        Instant of the motion at which the session's clock starts.
    """
    pose_start_s, pose_end_s = laid.pose if laid.pose else (0.0, 0.0)
    in_pose = (body.time_s >= pose_start_s) & (body.time_s <= pose_end_s)
    femurs = body.q_earth_femur
    angle_deg = {side: true_angle(movement, side, femurs[side], in_pose) for side in laid.sides}
    time_s = body.time_s - first_sample_s
    return Truth(
        time_s=time_s,
        angle_deg=angle_deg,
        joint_rotation_deg={
            side: _from_pose_deg(body.joints[side].rotation_rad, in_pose) for side in laid.sides
        },
        against_pelvis_deg={
            side: np.degrees(body.joints[side].rotation_rad)
            if movement.phi0_deg is not None
            else _from_pose_deg(body.joints[side].rotation_rad, in_pose)
            for side in laid.sides
        },
        pelvis_turn_deg={
            side: _pelvis_turn_deg(body.q_earth_pelvis, femurs[side], side, in_pose)
            for side in laid.sides
        },
        knee_flexion_deg={side: np.degrees(body.joints[side].knee_rad) for side in laid.sides},
        thigh_elevation_deg={
            side: np.degrees(thigh_elevation(femurs[side])) for side in laid.sides
        },
        phase={side: phase_of(laid, side, body.time_s) for side in laid.sides},
        reps={
            side: tuple(
                _true_rep(times, time_s, angle_deg[side], first_sample_s)
                for times in laid.reps[side]
            )
            for side in laid.sides
        },
        q_earth_pelvis=body.q_earth_pelvis,
        q_earth_femur=femurs,
        q_earth_shank=body.q_earth_shank,
    )


def _true_rep(
    times: RepTimes, time_s: FloatArray, angle_deg: FloatArray, first_sample_s: float
) -> TrueRep:
    """Return a movement with its angles, on the session's clock."""
    start_s, end_s = times.start_s - first_sample_s, times.end_s - first_sample_s
    first, last = np.searchsorted(time_s, (start_s, end_s))
    last = min(last, len(time_s) - 1)
    peak = first + int(np.argmax(angle_deg[first : last + 1]))
    return TrueRep(
        kind=times.kind,
        start_s=start_s,
        peak_s=float(time_s[peak]),
        hold_start_s=times.hold_start_s - first_sample_s,
        hold_end_s=times.hold_end_s - first_sample_s,
        end_s=end_s,
        start_deg=float(angle_deg[first]),
        peak_deg=float(angle_deg[peak]),
        end_deg=float(angle_deg[last]),
    )


def _frozen_pelvis_z(q_earth_femur: FloatArray) -> FloatArray:
    """Return the z axis, shape (3,), of a level pelvis that faces as the still femur does."""
    z = np.mean(by_rows(rotate, q_earth_femur, Z), axis=0) * np.array([1.0, 1.0, 0.0])
    return np.asarray(z / np.linalg.norm(z), dtype=np.float64)


def _pelvis_turn_deg(
    q_earth_pelvis: FloatArray, q_earth_femur: FloatArray, side: Side, in_pose: BoolArray
) -> FloatArray:
    """Return the pelvis' turn from its mean start pose about the femur's long axis, inwards."""
    start = by_rows(normalise, q_earth_pelvis[in_pose].mean(axis=0), of=ARRAYS)
    since = by_rows(multiply, q_earth_pelvis, by_rows(conjugate, start))
    along = np.sum(
        by_rows(rotation_vector, since, of=ARRAYS) * by_rows(rotate, q_earth_femur, Y), axis=-1
    )
    turn_deg: FloatArray = side.sign * np.degrees(along)
    return turn_deg


def _mean_angle(angle_rad: FloatArray) -> float:
    """Return the mean of angles on the circle."""
    return float(np.arctan2(np.mean(np.sin(angle_rad)), np.mean(np.cos(angle_rad))))


def _wrap_deg(angle_deg: FloatArray) -> FloatArray:
    """Return angles within −180 (included) and 180."""
    wrapped: FloatArray = (angle_deg + 180.0) % 360.0 - 180.0
    return wrapped


def _from_pose_deg(rotation_rad: FloatArray, in_pose: BoolArray) -> FloatArray:
    """Return a joint angle in degrees, 0 over the still start pose."""
    degrees: FloatArray = np.degrees(rotation_rad - np.mean(rotation_rad[in_pose]))
    return degrees
