"""The wearer in motion: a plan, the wearer's errors and sway in; segment attitudes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from imu.quaternion import ARRAYS, by_rows, rotate, slerp, table_of, wxyz
from imu.sample import FloatArray, Side
from imu.virtual.chance import Chance
from imu.virtual.person.body import (
    JointAngles,
    X,
    Y,
    Z,
    chain,
    leg_attitudes,
    pelvis_attitude,
    start_pose,
    turn,
)
from imu.virtual.person.motion import Channel, Plan, curve, grid, sway
from imu.virtual.person.movements import Movement, PelvisPosition
from imu.virtual.settings import WearerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyMotion:
    """What the true body does, on an even grid."""

    time_s: FloatArray
    """Shape (n,), from 0."""
    q_earth_pelvis: FloatArray
    """Shape (n, 4)."""
    joints: Mapping[Side, JointAngles]
    """Shape (n,) each."""
    q_earth_femur: Mapping[Side, FloatArray]
    q_earth_shank: Mapping[Side, FloatArray]


@dataclass(frozen=True, slots=True)
class _Stance:
    """Where this wearer stands and lies: headings, and the errors of the poses in radians."""

    stand_heading_rad: float
    pose_heading_rad: float
    stand_error_rad: Mapping[Side, FloatArray]
    """Flexion, adduction, rotation, knee; shape (4,)."""
    pose_error_rad: Mapping[Side, FloatArray]
    knee_axis_rad: Mapping[Side, FloatArray]
    """How far the knee's axis is turned and tilted; shape (2,)."""


def enact(movement: Movement, laid: Plan, chance: Chance, settings: WearerSettings) -> BodyMotion:
    """Return the attitudes of every segment while a plan is carried out.

    Parameters
    ----------
    movement
        The exercise, for its start pose.
    laid
        The script in time.
    chance
        The wearer's random streams; those for the body, the sway and the pelvis are used up.
    settings
        Sizes of the errors and of the sway, and the rate of the grid.
    """
    time_s = grid(laid.end_s, settings.fusion_hz)
    stance = _draw_stance(chance, settings)
    q_earth_pelvis = _pelvis(movement, laid, stance, time_s)
    lean_rad = _lean(movement, laid, settings, time_s)
    q_earth_pelvis = chain(
        q_earth_pelvis, turn(Z, -lean_rad), _pelvis_sway(chance, settings, time_s)
    )
    joints, femurs, shanks = {}, {}, {}
    for side in laid.sides:
        still = _joints(movement, laid, side, stance, chance, settings, time_s)
        # the legs stay where they are while the trunk leans
        joints[side] = replace(still, flexion_rad=still.flexion_rad + lean_rad)
        femurs[side], shanks[side] = leg_attitudes(q_earth_pelvis, joints[side], side)
    return BodyMotion(
        time_s=time_s,
        q_earth_pelvis=q_earth_pelvis,
        joints=joints,
        q_earth_femur=femurs,
        q_earth_shank=shanks,
    )


def _draw_stance(chance: Chance, settings: WearerSettings) -> _Stance:
    heading_rad = 2.0 * np.pi * chance.body.random()
    turn_rad = np.radians(settings.turn_sd_deg) * chance.body.standard_normal()
    z = chance.body.standard_normal((2, 2, 4))
    stand = np.radians(settings.stand_sd_deg) * z[0]
    pose = np.radians(settings.start_pose_sd_deg) * z[1]
    off_deg = settings.knee_axis_turn_sd_deg, settings.knee_axis_tilt_sd_deg
    axes = np.radians(off_deg) * chance.knee.standard_normal((2, 2))
    return _Stance(
        stand_heading_rad=heading_rad,
        pose_heading_rad=heading_rad + turn_rad,
        stand_error_rad={Side.RIGHT: stand[0], Side.LEFT: stand[1]},
        pose_error_rad={Side.RIGHT: pose[0], Side.LEFT: pose[1]},
        knee_axis_rad={Side.RIGHT: axes[0], Side.LEFT: axes[1]},
    )


def _share(laid: Plan, side: Side, time_s: FloatArray) -> FloatArray:
    """Return how far from standing to the start pose the wearer is, 0 to 1, shape (n,)."""
    if laid.starts_in_position:
        return np.ones_like(time_s)
    return curve(laid, Channel.POSITION, side, time_s)


def _pelvis(movement: Movement, laid: Plan, stance: _Stance, time_s: FloatArray) -> FloatArray:
    """Return pelvis → earth without sway, shape (n, 4)."""
    side = laid.sides[0]
    standing = pelvis_attitude(PelvisPosition.UPRIGHT, side, stance.stand_heading_rad)
    lying = pelvis_attitude(movement.pelvis, side, stance.pose_heading_rad)
    q_earth_pelvis = table_of(
        slerp(wxyz(standing), wxyz(lying), _share(laid, side, time_s), ARRAYS)
    )
    if (Channel.PELVIS, side) not in laid.strokes:
        return q_earth_pelvis
    q_earth_femur, _ = leg_attitudes(lying, start_pose(movement), side)
    along_thigh = by_rows(rotate, q_earth_femur, Y)
    turn_rad = side.sign * np.radians(curve(laid, Channel.PELVIS, side, time_s))
    return chain(turn(along_thigh, turn_rad), q_earth_pelvis)


def _lean(
    movement: Movement, laid: Plan, settings: WearerSettings, time_s: FloatArray
) -> FloatArray:
    """Return how far the trunk leans forwards on the way to sitting or standing, shape (n,), rad.

    People lean to sit down, and a unit on the pelvis learns from it where forwards is.
    """
    if not settings.pelvis_unit or movement.pelvis is not PelvisPosition.UPRIGHT:
        return np.zeros_like(time_s)
    share = _share(laid, laid.sides[0], time_s)
    lean_rad: FloatArray = np.radians(settings.lean_deg) * np.sin(np.pi * share)
    return lean_rad


def _pelvis_sway(chance: Chance, settings: WearerSettings, time_s: FloatArray) -> FloatArray:
    """Return the small turns of the pelvis about its own axes, shape (n, 4)."""
    rms = (settings.pelvis_sway_deg,) * 3
    angles = np.radians(sway(chance.pelvis, time_s, rms, settings.pelvis_sway_below_hz))
    return chain(turn(X, angles[0]), turn(Y, angles[1]), turn(Z, angles[2]))


def _tremor(laid: Plan, settings: WearerSettings, time_s: FloatArray) -> FloatArray:
    """Return what a tremor adds to the hip's rotation, shape (n,), rad."""
    begins_s = max((t for t, label in laid.marks if label in ("pose_end", "knee_end")), default=0.0)
    trembling = np.sin(2.0 * np.pi * settings.tremor_hz * (time_s - begins_s))
    tremor: FloatArray = np.radians(settings.tremor_deg) * trembling * (time_s > begins_s)
    return tremor


def _bent(laid: Plan, knee_rad: FloatArray, time_s: FloatArray) -> FloatArray:
    """Return what the knee does in the calibration's bends (n,), rad; 0 before and after."""
    marks = {label: moment_s for moment_s, label in laid.marks}
    if "knee_start" not in marks:
        return np.zeros_like(time_s)
    inside = (time_s >= marks["knee_start"]) & (time_s <= marks["knee_end"])
    return np.where(inside, knee_rad, 0.0)


def _joints(
    movement: Movement,
    laid: Plan,
    side: Side,
    stance: _Stance,
    chance: Chance,
    settings: WearerSettings,
    time_s: FloatArray,
) -> JointAngles:
    """Return the joint angles of one leg over time."""
    share = _share(laid, side, time_s)
    nominal = start_pose(movement)
    pose = stance.pose_error_rad[side] + np.array(
        (nominal.flexion_rad, nominal.adduction_rad, nominal.rotation_rad, nominal.knee_rad)
    )
    pose += np.radians(settings.pose_off_deg)
    stand = stance.stand_error_rad[side]
    rotation, flexion, adduction = np.radians(
        sway(
            chance.sway[side],
            time_s,
            (settings.sway_rotation_deg, settings.sway_flexion_deg, settings.sway_adduction_deg),
            settings.sway_below_hz,
        )
    )
    rotation += _tremor(laid, settings, time_s)
    moved_rad = {
        channel: np.radians(curve(laid, channel, side, time_s))
        for channel in (Channel.FLEXION, Channel.ADDUCTION, Channel.ROTATION, Channel.KNEE)
    }
    base = stand[:, None] + share * (pose - stand)[:, None]
    play_share = moved_rad[Channel.ROTATION] / np.radians(movement.amplitude_deg)
    lifted_rad = settings.bend_thigh_share * np.abs(_bent(laid, moved_rad[Channel.KNEE], time_s))
    axis_turn_rad, axis_tilt_rad = stance.knee_axis_rad[side].tolist()
    return JointAngles(
        axis_turn_rad=axis_turn_rad,
        axis_tilt_rad=axis_tilt_rad,
        flexion_rad=base[0] + moved_rad[Channel.FLEXION] + flexion + lifted_rad,
        adduction_rad=base[1] + moved_rad[Channel.ADDUCTION] + adduction,
        rotation_rad=base[2] + moved_rad[Channel.ROTATION] + rotation,
        knee_rad=base[3] + moved_rad[Channel.KNEE],
        play_rad=np.radians(settings.knee_play_deg) * play_share,
    )
