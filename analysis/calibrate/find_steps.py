"""Find the stand, the start pose and the knee bends in a recording, without any marks.

Still periods are those in which both units turn slower than a few degrees a second. Bends are
movements in a row in which the shank turns about one axis, several times, while the thigh hardly
turns; in every exercise the thigh turns too. The start pose is the still period just before them,
if the bends began as the leg was in it; the stand is an earlier one from which both units turned by
what the exercise's start pose asks for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from analysis.calibrate.knee_axis import (
    BENDS_MIN,
    THIGH_SHARE_MAX,
    angular_velocity,
    count_bends,
    principal_axis,
    thigh_share,
    turned_about,
)
from analysis.calibrate.long_axes import POSE_MAX_RAD, angle_between, unit, up_in_sensor
from analysis.exercises import Exercise, nominal_up
from analysis.leg import LegFrames, Windows
from imu.quaternion import ARRAYS, by_rows, conjugate, multiply, rotation_vector, wxyz
from imu.sample import FloatArray, Side

STILL_RAD_S = math.radians(6.0)
"""A wearer who keeps still sways more slowly; sitting down and bending are faster."""
STILL_LAG_S = 0.3
"""Speed is the turn over this long, so that tremor and noise do not end a still period."""
STILL_MIN_S = 1.5
"""A shorter pause is a stop on the way; three seconds are asked for."""
LOOK_S, STRAY_MAX_RAD = 0.25, math.radians(3.0)
"""Looked at so often, a leg that strays further from where it has been has left its place."""
SILENCE_MAX_S = 1.0
"""Within a longer gap the wearer may have moved and come back."""
STAND_MIN_S = 2.0
"""A stand gives the long axes, so it is averaged over longer than a pose."""
PELVIS_ROWS_MIN = 50
"""With fewer the pelvis's unit says nothing about how long it kept still."""
PAUSE_MAX_S = 4.0
"""A longer rest ends the bends."""
SAME_AXIS = math.cos(math.radians(20.0))
"""Bends of one knee share an axis within this; a skewed strap moves it by less."""
BEND_HINGE_SHARE = 0.85
"""A bend turns about one axis by this share; a step or a roll does not."""
BEND_TURN_MIN_RAD = math.radians(15.0)
"""A smaller turn is a shift of the leg."""
BEND_MARGIN_S = 0.2
"""The bends are taken to begin so long before they are seen: the leg is still in its start pose."""
SHIFT_MAX_RAD = math.radians(20.0)
"""Who shifts in a position stays this near to it; a stand is further from most start poses."""

ROUND_MAX_RAD = math.radians(8.0)
"""Who turned round by more since the start pose has another zero, where that is a heading; units
drift by less until the bends."""


def find_windows(frames: LegFrames, exercise: Exercise, side: Side) -> Windows:
    """Return the calibration windows a recording shows; those it does not show are None."""
    known = ~(np.isnan(frames.q_thigh[:, 0]) | np.isnan(frames.q_shank[:, 0]))
    time_s = frames.time_s[known]
    if len(time_s) < 50:
        return Windows()
    q_thigh, q_shank = frames.q_thigh[known], frames.q_shank[known]
    speed = np.maximum(_lag_speed(time_s, q_thigh), _lag_speed(time_s, q_shank))
    heard = np.diff(time_s, prepend=time_s[0]) <= SILENCE_MAX_S
    seen = frames.rows(known)
    stills = [
        part
        for run in _runs(time_s, heard & (speed < STILL_RAD_S), STILL_MIN_S)
        for part in _kept(seen, run)
    ]
    moves = _runs(time_s, heard & (speed >= STILL_RAD_S), 0.1)
    # Where only the thigh's unit bends, the two are swapped: that too is a find, and is refused.
    bends = _find_bends(seen, moves) or _find_bends(LegFrames(time_s, q_shank, q_thigh), moves)
    if exercise.pose.bends_standing and bends is not None:
        return _standing_windows(seen, stills, bends, exercise, side)
    before = [run for run in stills if bends is None or run[1] <= bends[0] + STILL_LAG_S]
    if not before:
        return Windows(bends=bends)
    pose = before[-1]
    in_pose = pose
    if bends is not None:
        posed, begun = seen.between(pose), seen.between(_begin(bends))
        round_rad = _turned_round(posed, begun) if exercise.angle == "heading" else 0.0
        if not same_position(posed, begun) or round_rad > ROUND_MAX_RAD:
            in_pose = _begin(bends)
    # where the start pose was not kept still, the last stillness is the stand, or on the way
    kept = in_pose == pose
    earlier = before[:-1] if kept else before
    stands = [run for run in earlier if run[1] - run[0] >= STAND_MIN_S]
    posed = seen.between(in_pose)
    fitting = [run for run in stands if is_stand(seen.between(run), posed, exercise, side)]
    stand = _without_bow(seen, fitting[-1]) if fitting else None
    return Windows(stand=stand, pose=pose if kept else None, bends=bends)


def still_periods(frames: LegFrames, min_s: float = STILL_MIN_S) -> list[tuple[float, float]]:
    """Return every stretch (from, to) of at least `min_s` in which both units keep still."""
    known = ~(np.isnan(frames.q_thigh[:, 0]) | np.isnan(frames.q_shank[:, 0]))
    time_s = frames.time_s[known]
    if len(time_s) < 50:
        return []
    parts = (frames.q_thigh[known], frames.q_shank[known])
    speed = np.maximum(*(_lag_speed(time_s, q) for q in parts))
    heard = np.diff(time_s, prepend=time_s[0]) <= SILENCE_MAX_S
    return _runs(time_s, heard & (speed < STILL_RAD_S), min_s)


def _standing_windows(
    frames: LegFrames,
    stills: list[tuple[float, float]],
    bends: tuple[float, float],
    exercise: Exercise,
    side: Side,
) -> Windows:
    """Return the windows where the knee was bent standing: stand, bends, and then the pose."""
    stands = [run for run in stills if run[1] <= bends[0] + STILL_LAG_S]
    stand = next((run for run in reversed(stands) if run[1] - run[0] >= STAND_MIN_S), None)
    if stand is None:
        return Windows(bends=bends)
    stand = _without_bow(frames, stand)
    poses = [run for run in stills if run[0] >= bends[1] - STILL_LAG_S]
    stood = frames.between(stand)
    fitting = [run for run in poses if is_stand(stood, frames.between(run), exercise, side)]
    return Windows(stand=stand, pose=fitting[0] if fitting else None, bends=bends)


def _without_bow(frames: LegFrames, stand: tuple[float, float]) -> tuple[float, float]:
    """Return a stand up to where the pelvis moves: a wearer can bow with still legs."""
    if frames.q_pelvis is None:
        return stand
    rows = ~np.isnan(frames.q_pelvis[:, 0])
    rows &= (frames.time_s >= stand[0]) & (frames.time_s <= stand[1])
    time_s, q = frames.time_s[rows], frames.q_pelvis[rows]
    if len(time_s) < PELVIS_ROWS_MIN:
        return stand
    heard = np.diff(time_s, prepend=time_s[0]) <= SILENCE_MAX_S
    still = _runs(time_s, heard & (_lag_speed(time_s, q) < STILL_RAD_S), STAND_MIN_S)
    return still[0] if still else stand


def _lag_speed(time_s: FloatArray, q: FloatArray) -> FloatArray:
    """Return the mean angular speed (n,) in rad/s over a lag centred on each sample."""
    lag = max(1, round(STILL_LAG_S / float(np.median(np.diff(time_s)))))
    turn = by_rows(
        rotation_vector, by_rows(multiply, by_rows(conjugate, q[:-lag]), q[lag:]), of=ARRAYS
    )
    speed = np.linalg.norm(turn, axis=1) / (time_s[lag:] - time_s[:-lag])
    return np.concatenate((np.full(lag // 2, speed[0]), speed, np.full(lag - lag // 2, speed[-1])))


def _runs(
    time_s: FloatArray, flags: npt.NDArray[np.bool_], min_s: float
) -> list[tuple[float, float]]:
    """Return the stretches (from, to) in which the flag stays true for at least `min_s`."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    pairs = zip(edges[::2], edges[1::2] - 1, strict=True)
    runs = [(float(time_s[a]), float(time_s[b])) for a, b in pairs]
    return [run for run in runs if run[1] - run[0] >= min_s]


def _find_bends(
    frames: LegFrames, movements: list[tuple[float, float]]
) -> tuple[float, float] | None:
    """Return the first row of bend-like movements about one axis that holds enough bends."""
    row: list[tuple[float, float]] = []
    row_axis: FloatArray | None = None
    for start, end in [*movements, (math.inf, math.inf)]:
        axis = _bend_axis(frames.between((start, end)))
        goes_on = (
            row_axis is not None
            and axis is not None
            and abs(float(axis @ row_axis)) > SAME_AXIS
            and start - row[-1][1] < PAUSE_MAX_S
        )
        if not goes_on:
            if row and bends_in(frames, (row[0][0], row[-1][1])) >= BENDS_MIN:
                break
            row, row_axis = [], axis
        if axis is not None:
            row.append((start, end))
    # a margin on both sides, so that the bends start and end from the pose
    return (row[0][0] - BEND_MARGIN_S, row[-1][1] + BEND_MARGIN_S) if row else None


def _kept(frames: LegFrames, run: tuple[float, float]) -> list[tuple[float, float]]:
    """Return the parts of a still period in which the leg kept its place, in order.

    A short way is slow, such as from standing straight to standing with the knees a little bent.
    """
    part = frames.between(run)
    rows = range(0, len(part.time_s), max(1, int(np.searchsorted(part.time_s, run[0] + LOOK_S))))
    time_s = [*part.time_s[list(rows)].tolist(), run[1]]
    looks = _Looks(part, rows)
    found: list[tuple[float, float]] = []
    end = len(rows)
    while end > 0:  # from its end, which is what counts
        first = end - 1
        while first > 0 and looks.stray(first, end, first - 1) <= STRAY_MAX_RAD:
            first -= 1
        begin, next_end = first, first
        while end - begin > 1 and looks.stray(begin, end, begin) > STRAY_MAX_RAD / 2.0:
            begin += 1
        while end - begin > 1 and looks.stray(begin, end, end - 1) > STRAY_MAX_RAD / 2.0:
            end -= 1
        found.append((time_s[begin], time_s[end]))
        end = next_end
    return [kept for kept in found[::-1] if kept[1] - kept[0] >= STILL_MIN_S]


class _Looks:
    """Where the units of a leg are in each of the looks at a still period."""

    def __init__(self, part: LegFrames, rows: Sequence[int]) -> None:
        """Take frames, and the row at which each look begins."""
        worn = (part.q_shank, part.q_thigh) if part.thigh_worn else (part.q_shank,)
        self._tilts = [_summed(up_in_sensor(q), rows) for q in worn]
        self._turns = [_summed(q * np.sign(q @ q[0])[:, None], rows) for q in worn]

    def stray(self, begin: int, end: int, one: int) -> float:
        """Return how far (rad) one look strays from the mean of some.

        By gravity in the worst unit; about the vertical as far as both turn, for the heading of
        one may run away.
        """
        tilts = (_angle(sums, begin, end, one) for sums in self._tilts)
        turns = (2.0 * _angle(sums, begin, end, one) for sums in self._turns)
        return max(*tilts, min(turns))


def _summed(vectors: FloatArray, rows: Sequence[int]) -> FloatArray:
    """Return the sums (looks + 1, k) of vectors (n, k) up to each look."""
    sums = np.cumsum(np.add.reduceat(vectors, rows), axis=0)
    return np.concatenate((np.zeros((1, sums.shape[1])), sums))


def _angle(sums: FloatArray, begin: int, end: int, one: int) -> float:
    """Return the angle (rad) between the mean vectors of some looks and of one."""
    a, b = sums[end] - sums[begin], sums[one + 1] - sums[one]
    return math.acos(min(1.0, float(a @ b) / math.sqrt(float(a @ a) * float(b @ b))))


def _begin(bends: tuple[float, float]) -> tuple[float, float]:
    """Return the last moment before the bends; where it was not heard, the first one of them."""
    return bends[0], bends[0] + 1.5 * BEND_MARGIN_S


def same_position(a: LegFrames, b: LegFrames) -> bool:
    """Say whether gravity shows every unit that is worn alike in two still periods."""
    pairs = [(a.q_shank, b.q_shank)]
    if a.thigh_worn:
        pairs.append((a.q_thigh, b.q_thigh))
    return all(_tilted(q_a, q_b) <= SHIFT_MAX_RAD for q_a, q_b in pairs)


def _turned_round(a: LegFrames, b: LegFrames) -> float:
    """Return how far (rad) the shank turned about the vertical between two still periods."""
    first, then = ((q * np.sign(q @ q[0])[:, None]).sum(axis=0) for q in (a.q_shank, b.q_shank))
    w, _, _, z = multiply(wxyz(then), conjugate(wxyz(first)))
    return abs(math.remainder(2.0 * math.atan2(z, w), 2.0 * math.pi))


def _tilted(q_a: FloatArray, q_b: FloatArray) -> float:
    """Return how far (rad) gravity moved in a unit between two sets of orientations (n, 4)."""
    a, b = up_in_sensor(q_a).mean(axis=0), up_in_sensor(q_b).mean(axis=0)
    return angle_between(unit(a), unit(b))


def _bend_axis(part: LegFrames) -> FloatArray | None:
    """Return the axis (3,) the shank turned about, if only the knee moved."""
    if len(part.time_s) < 8:
        return None
    _, shank = angular_velocity(part.time_s, part.q_shank)
    _, thigh = angular_velocity(part.time_s, part.q_thigh)
    step_s = float(np.median(np.diff(part.time_s)))
    axis, share = principal_axis(shank)
    alone = thigh_share(thigh, shank) < THIGH_SHARE_MAX
    large = float(np.sum(np.linalg.norm(shank, axis=1))) * step_s > BEND_TURN_MIN_RAD
    return axis if share > BEND_HINGE_SHARE and alone and large else None


def bends_in(frames: LegFrames, window: tuple[float, float]) -> int:
    """Return how many knee bends a window shows."""
    part = frames.between(window)
    _, omega = angular_velocity(part.time_s, part.q_shank)
    axis, _ = principal_axis(omega)
    return count_bends(turned_about(axis, part.q_shank))


def is_stand(a: LegFrames, b: LegFrames, exercise: Exercise, side: Side) -> bool:
    """Say whether the units turned from `a` to the start pose `b` by what the exercise asks for."""
    pairs = ((a.q_thigh, b.q_thigh), (a.q_shank, b.q_shank))
    for segment, (q_a, q_b), up in zip(
        ("thigh", "shank"), pairs, nominal_up(exercise, side), strict=True
    ):
        if segment == "thigh" and not a.thigh_worn:
            continue
        if abs(_tilted(q_a, q_b) - math.acos(min(1.0, max(-1.0, float(up[1]))))) > POSE_MAX_RAD:
            return False
    return True
