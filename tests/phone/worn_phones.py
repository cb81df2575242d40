"""A virtual wearer who wears phones: rows as browsers give them, a session, and its error."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
from phones import attitude, hand_rows, turn

import hipturn
from hipturn.phone.worn import WornPhone
from hipturn.session.radio_session import Wish, hold_session
from imu.phone.batch import Batch, Row, write_batch
from imu.quaternion import rotate
from imu.sample import Segment, Side
from imu.virtual.wearer import WearerSettings, wear

CLEAN = {
    "upright_units": True,
    "sensor_output": "raw",
    "gyro_bias_sd_dps": 0.0,
    "gyro_scale_sd": 0.0,
    "acc_bias_sd_mg": 0.0,
    "mount_sd_deg": 8.0,
}
WORN_AT_S = 8.0
"""On the phone's clock: it is turned over in the hand before."""
FIVE = {"reps": 5, "start_pose_sd_deg": 0.0, **CLEAN}


@dataclass
class WornRows:
    """What one phone measures, and where it is."""

    place: tuple
    rows: list[Row]


def worn(exercise, side=Side.RIGHT, seed=1, places=None, jitter_s=0.003, **changes):
    """Return the wearing, and what the phones of some places (all of them) measure."""
    wearing = wear(exercise, side.value, seed, WearerSettings(**(FIVE | changes)))
    rng = np.random.default_rng(seed)
    found = []
    for unit, trace in zip(wearing.units, wearing.traces, strict=True):
        if places is not None and (unit.segment, unit.side) not in places:
            continue
        grid = wearing.truth.time_s - wearing.truth.time_s[0]
        times = np.arange(0.02, grid[-1], 1 / 60)
        times = times + jitter_s * rng.uniform(-1.0, 1.0, len(times))
        columns = [np.interp(times, grid, c) for c in (*trace.acc.T, *trace.gyr.T)]
        rows = [
            Row(WORN_AT_S + t, tuple(values[:3]), tuple(values[3:]))
            for t, *values in zip(times.tolist(), *(c.tolist() for c in columns), strict=True)
        ]
        rows = [Row(row.time_s, tuple(row.acc), tuple(row.gyr)) for row in rows]
        found.append(WornRows((unit.segment, unit.side), rows))
    return wearing, found


def in_hand_and_worn(phone):
    """Return all that a phone measures: turned over, brought to its place, worn."""
    hand, first = hand_rows(), phone.rows[0]
    (u, v), steps = (np.array(row.acc) / np.linalg.norm(row.acc) for row in (hand[-1], first)), 58
    axis = np.cross(u, v)
    axis = axis / max(np.linalg.norm(axis), 1e-9)
    angle = float(np.arccos(np.clip(u @ v, -1.0, 1.0)))
    brought = []
    for i in range(1, steps):
        share = i / steps
        # gravity turns in the phone about the axis, so the phone turns the other way
        turned, rate = (
            rotate(turn(axis, angle * share * share * (3 - 2 * share)), tuple(u)),
            6 * angle,
        )
        rate *= share * (1 - share) * 60 / steps
        acc, gyr = (
            tuple(float(x) for x in vector) for vector in (9.81 * np.array(turned), -rate * axis)
        )
        brought.append(Row(hand[-1].time_s + i / 60, acc, gyr))
    return [*hand, *brought, *phone.rows]


def merged(phones):
    """Return (time, index of the phone, batch, rows) of all phones in order of sending."""
    sent = []
    for index, phone in enumerate(phones):
        rows = in_hand_and_worn(phone)
        for i in range(0, len(rows), 3):
            part = tuple(rows[i : i + 3])
            sent.append((part[-1].time_s, index, part))
    return sorted(sent, key=lambda one: one[:2])


async def passes(done):
    """Let everything else run until something is true."""
    while not done():  # noqa: ASYNC110 (what it waits for has no event)
        await asyncio.sleep(0)


def session_of(exercise, phones, root, *, sign=1):
    """Hold a session with phones as fast as it goes; return its folder."""
    units = [WornPhone.on(phone.place) for phone in phones]
    now = [0.0]

    async def run():
        stop = asyncio.Event()
        wish = Wish(exercise=exercise, root=str(root), source="virtual")
        task = asyncio.create_task(
            hold_session(units, wish, stop, clock_ns=lambda: int(now[0] * 1e9))
        )
        await passes(lambda: task.done() or all(unit.at.link is not None for unit in units))
        for index, unit in enumerate(units):
            unit.at.link.hello(f"{index:016x}", 1.0)
        for number, (time_s, index, part) in enumerate(merged(phones)):
            if task.done():
                break
            now[0] = time_s + 0.02
            turned = tuple(row._replace(acc=tuple(sign * a for a in row.acc)) for row in part)
            units[index].at.link.hear(write_batch(Batch(number, time_s, turned)))
            if time_s < WORN_AT_S:
                units[index].at.link.attitude(*attitude(part[-1]))
            await asyncio.sleep(0)
            waiting = units[index].at.link._queue
            await passes(lambda waiting=waiting: waiting.qsize() <= 3)
        stop.set()
        return await task

    return asyncio.run(run())


def error_of(folder, wearing, side=Side.RIGHT):
    """Return the errors (deg) of a session's angle in its set, and its result."""
    session = hipturn.open(folder)
    result = hipturn.analyse(session)
    first_s = session.table().device_time[0] * 1e-6 - WORN_AT_S
    angles = result.angles[result.angles.side == str(side)]
    # both count from the same instant: of the wearer's motion
    moved_s = angles.time_s.to_numpy() + first_s + wearing.truth.time_s[0]
    marks = {label: time_s for time_s, label in wearing.marks}
    inside = (moved_s >= marks["set_start"]) & (moved_s <= marks["set_end"])
    truth = wearing.truth.angle_at(side, moved_s)
    error = angles.hip_internal_rotation_deg.to_numpy(float) - truth
    return error[inside], result


def best_fit(times_s, angles, wearing, side=Side.RIGHT):
    """Return how far (s) angles lag behind the wearer's truth, and their error (deg) but for that.

    `times_s` count from the wearer's first moment.
    """
    marks = {label: time_s - wearing.truth.time_s[0] for time_s, label in wearing.marks}
    inside = (times_s >= marks["set_start"]) & (times_s <= marks["set_end"]) & ~np.isnan(angles)
    fits = []
    for lag_s in np.arange(-0.3, 0.8, 0.01):
        truth = wearing.truth.angle_at(side, times_s[inside] - lag_s + wearing.truth.time_s[0])
        fits.append((float(np.sqrt(np.nanmean((angles[inside] - truth) ** 2))), float(lag_s)))
    rmse, lag_s = min(fits)
    return lag_s, rmse


SHANK, THIGH = (Segment.SHANK, Side.RIGHT), (Segment.THIGH, Side.RIGHT)
