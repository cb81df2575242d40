"""The strapped units: mounting, skin, lever arms, sensor errors and fusion on board."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation
from vqf import VQF

from imu.quaternion import ARRAYS, by_rows, conjugate, multiply, normalise, rotate, rotation_vector
from imu.sample import FloatArray, Segment, Side
from imu.virtual.chance import UnitChance
from imu.virtual.person.body import X, Y, Z, chain, turn
from imu.virtual.person.enact import BodyMotion
from imu.virtual.settings import WearerSettings
from imu.virtual.units.faults import UnitFaults

GRAVITY_MPS2 = 9.81
THIGH_LENGTH_M = 0.42
# Where the units sit, right leg: distal and outside on the thigh, on the flat of the shin bone
# inside on the shank, on the sacrum behind the pelvis. From the hip, the knee and the hip.
THIGH_UNIT_M = (0.0, -0.30, 0.07)
SHANK_UNIT_M = (0.0, -0.25, -0.04)
PELVIS_UNIT_M = (-0.12, 0.08, 0.0)
PHONE_ON_SEGMENT = np.array([math.sqrt(0.5), 0.0, math.sqrt(0.5), 0.0])
"""Sensor → segment of a phone whose top is up and whose screen looks forwards."""
SOUND = UnitFaults()


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorTrace:
    """One unit over the whole motion, on the grid of the motion."""

    segment: Segment
    side: Side | None
    q_earth_sensor_true: FloatArray
    """Where the unit really pointed, shape (n, 4); its earth frame is the wearer's."""
    acc: FloatArray
    """Measured specific force, m/s², sensor frame, shape (n, 3)."""
    gyr: FloatArray
    """Measured angular velocity, rad/s, shape (n, 3); row i turns instant i − 1 into i."""
    q_earth_sensor: FloatArray
    """What the unit's own fusion says, shape (n, 4); its earth frame has a heading of its own."""


def sense(
    body: BodyMotion,
    segment: Segment,
    side: Side | None,
    chance: UnitChance,
    settings: WearerSettings,
    faults: UnitFaults = SOUND,
) -> SensorTrace:
    """Return what a unit on one segment measures and fuses.

    Parameters
    ----------
    body
        The true motion.
    segment, side
        Where the unit is strapped; no side for the pelvis.
    chance
        The unit's random streams; those for mounting, errors and noise are used up.
    settings
        Sizes of all errors.
    faults
        How the unit slips and its heading turns.
    """
    rate_hz = settings.fusion_hz
    q_earth_skin, position_m = skin_attitude(body, segment, side, settings)
    mount, heading = mounting(chance.mount, settings)
    slipped = faults.slipped(body.time_s)
    q_earth_strap = q_earth_skin if slipped is None else by_rows(multiply, q_earth_skin, slipped)
    q_earth_sensor = by_rows(multiply, q_earth_strap, mount)
    gyr = angular_velocity(q_earth_sensor, rate_hz)
    acc = specific_force(q_earth_sensor, position_m, rate_hz)
    gyr, acc = with_errors(gyr, acc, chance, settings)
    fused = VQF(1.0 / rate_hz).updateBatch(gyr, acc)["quat6D"]
    return SensorTrace(
        segment=segment,
        side=side,
        q_earth_sensor_true=q_earth_sensor,
        acc=acc,
        gyr=gyr,
        q_earth_sensor=by_rows(multiply, turn(Z, heading + faults.heading_rad(body.time_s)), fused),
    )


def skin_attitude(
    body: BodyMotion, segment: Segment, side: Side | None, settings: WearerSettings
) -> tuple[FloatArray, FloatArray]:
    """Return skin → earth (n, 4) and the unit's place in the earth frame (n, 3) in metres.

    The hips stay where they are. The skin lags behind the bone about its long axis: at the thigh
    by a share of the hip's rotation; at the shank by a share of what that rotation turns the
    shank about itself, which is all of it with a straight knee and nothing with a square one.
    """
    if segment is Segment.PELVIS or side is None:
        return body.q_earth_pelvis, by_rows(rotate, body.q_earth_pelvis, np.array(PELVIS_UNIT_M))
    joints, femur = body.joints[side], body.q_earth_femur[side]
    mirror = np.array([1.0, 1.0, side.sign])
    if segment is Segment.THIGH:
        lag = -settings.thigh_skin_share * side.sign * joints.rotation_rad
        q_earth_skin = chain(femur, turn(Y, lag))
        return q_earth_skin, by_rows(rotate, q_earth_skin, mirror * THIGH_UNIT_M)
    own_turn = side.sign * joints.rotation_rad * np.cos(joints.knee_rad)
    q_earth_skin = chain(body.q_earth_shank[side], turn(Y, -settings.shank_skin_share * own_turn))
    knee_m = by_rows(rotate, femur, np.array([0.0, -THIGH_LENGTH_M, 0.0]))
    return q_earth_skin, knee_m + by_rows(rotate, q_earth_skin, mirror * SHANK_UNIT_M)


def mounting(rng: np.random.Generator, settings: WearerSettings) -> tuple[FloatArray, float]:
    """Return sensor → segment, shape (4,), and the heading of the unit's own earth frame in rad.

    One of the 24 attitudes in which a box lies square on a segment, then an error about each axis
    and the turn that all units have.
    """
    square = Rotation.create_group("O").as_quat(scalar_first=True)[rng.integers(24)]
    if settings.upright_units:
        square = PHONE_ON_SEGMENT
    error = np.radians(settings.mount_sd_deg) * rng.standard_normal(3)
    mount = chain(square, turn(X, error[0]), turn(Y, error[1]), turn(Z, error[2]))
    heading_rad = 2.0 * np.pi * float(rng.random())
    if settings.mount_turn_deg:
        axis = rng.standard_normal(3)
        mount = chain(mount, turn(axis / np.linalg.norm(axis), np.radians(settings.mount_turn_deg)))
    return by_rows(normalise, mount, of=ARRAYS), heading_rad


def angular_velocity(q_earth_sensor: FloatArray, rate_hz: float) -> FloatArray:
    """Return the angular velocity in the sensor frame, rad/s, shape (n, 3).

    Row i is the turn from instant i − 1 to i, which a filter adds to its state at i − 1 to get i.
    """
    steps = by_rows(multiply, by_rows(conjugate, q_earth_sensor[:-1]), q_earth_sensor[1:])
    velocity = by_rows(rotation_vector, steps, of=ARRAYS) * rate_hz
    return np.concatenate((velocity[:1], velocity))


def specific_force(
    q_earth_sensor: FloatArray, position_m: FloatArray, rate_hz: float
) -> FloatArray:
    """Return acceleration minus gravity in the sensor frame, m/s², shape (n, 3)."""
    force = np.zeros_like(position_m)
    force[1:-1] = np.diff(position_m, n=2, axis=0) * rate_hz**2
    force[:, 2] += GRAVITY_MPS2
    return by_rows(rotate, by_rows(conjugate, q_earth_sensor), force)


def with_errors(
    gyr: FloatArray, acc: FloatArray, chance: UnitChance, settings: WearerSettings
) -> tuple[FloatArray, FloatArray]:
    """Return angular velocity and specific force with scale errors, biases and white noise.

    A density per √Hz is one-sided: sampled at a rate f it gives a standard deviation of
    density · √(f / 2).
    """
    scale, gyro_bias, acc_bias = chance.errors.standard_normal((3, 3))
    white = chance.noise.standard_normal((len(gyr), 6)) * np.sqrt(settings.fusion_hz / 2.0)
    gyro_noise = np.radians(settings.gyro_noise_dps_per_sqrt_hz)
    acc_noise = settings.acc_noise_ug_per_sqrt_hz * 1e-6 * GRAVITY_MPS2
    if settings.gyro_walk_dps_per_sqrt_s:
        step = np.radians(settings.gyro_walk_dps_per_sqrt_s) / np.sqrt(settings.fusion_hz)
        gyr = gyr + np.cumsum(step * chance.noise.standard_normal(gyr.shape), axis=0)
    gyr = (
        gyr * (1.0 + settings.gyro_scale_sd * scale)
        + np.radians(settings.gyro_bias_sd_dps) * gyro_bias
        + gyro_noise * white[:, :3]
    )
    acc = acc + settings.acc_bias_sd_mg * 1e-3 * GRAVITY_MPS2 * acc_bias + acc_noise * white[:, 3:]
    return gyr, acc
