"""A start pose that is not kept still: what is shown then, and how soon who obeys is ready.

A wearer fidgets once in each start pose: the thigh moves by some degrees and back. The recording is
analysed with its marks and without; the guide leads either a wearer who does not listen, or one
who obeys: who moves on when asked, and does again what is asked for again.
"""

from __future__ import annotations

import argparse
import math
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd

from analysis.calibrate.guide import Guide, GuideUpdate, Step
from analysis.leg import LegCalibration, LegFrames
from analysis.session import analyse as sessions
from analysis.session.recording import RecordedLeg, Recording, follow_legs, leg_units
from benchmarks.accuracy.worn import EXERCISES, recording_of
from imu.sample import FloatArray, Segment, Side
from imu.virtual.chance import chance_from
from imu.virtual.person.habits import everyday_script
from imu.virtual.person.movements import movement_of
from imu.virtual.person.script import KneeBends, RepSet, Script, Still, TakePosition
from imu.virtual.wearer import WearerSettings, Wearing, wear

FIDGETS_DEG = (2.0, 3.0, 4.0, 6.0)
WAYS = ("marked", "unmarked", "guided", "obeying")
WRONG_DEG, WRONG_UPRIGHT_DEG = 5.0, 8.0
"""An angle further off is wrong; supine and standing, where it rests on heading, this far."""
REACTION_S, WAITS_S = 0.7, 12.0
"""Who obeys begins so long after having been asked, and waits so long to be asked."""
PARTS_MAX = 12
REPS = 3
"""A wrong zero shows in few repetitions."""
Job = tuple[str, int, str]


def table(options: argparse.Namespace, pool: ProcessPoolExecutor) -> pd.DataFrame:
    """Return, for each way, number of units and size, how many were measured and wrong.

    Eight seeds have each size with one unit and two; sixteen have them on both sides.
    """
    seeds = range(options.seeds, options.seeds + options.wearers)
    jobs = list(product(options.exercise, seeds, WAYS))
    return summary(pd.DataFrame(pool.map(fidgeting, jobs, chunksize=4)))


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each way, number of units and size of the fidget."""
    return (
        rows.groupby(["way", "units", "fidget"], sort=False)
        .agg(
            sets=("seed", "size"),
            measured=("measured", "mean"),
            wrong=("wrong", "sum"),
            worst=("worst_deg", "max"),
            ready_s=("ready_s", "median"),
            slowest=("ready_s", "max"),
        )
        .reset_index()
    )


def fidgeting(job: Job) -> dict[str, object]:
    """Return what one wearer who fidgets was shown."""
    exercise, seed, way = job
    two, fidget_deg = seed % 2 == 0, FIDGETS_DEG[seed // 2 % len(FIDGETS_DEG)]
    side = tuple(Side)[(seed // 8 + EXERCISES.index(exercise)) % 2]
    settings = WearerSettings(pose_fidget_deg=fidget_deg, reps=REPS)
    ready_s, said = math.nan, ""
    if way == "obeying":
        wearing, calibration, said = obeyed(exercise, side, seed, settings, two_units=two)
        recording = _with_units(recording_of(wearing), two)
        if calibration is not None:
            ready_s = calibration.ready_s
    else:
        wearing = wear(exercise, side.value, seed, settings)
        recording = _with_units(recording_of(wearing, marks=way == "marked"), two)
        calibration = None
        if way == "guided":
            updates = guided(recording, side)
            calibration = _calibration(updates)
            said = _said(updates)
            ready_s = math.nan if calibration is None else calibration.ready_s
    if way in ("marked", "unmarked"):
        result = sessions.analyse(recording)
        angle = result.angles["hip_internal_rotation_deg"].to_numpy()
        time_s = result.angles["time_s"].to_numpy()
        measured = result.calibrations[side].calibration is not None
        said = " ".join(result.calibrations[side].sentences)
    else:
        time_s, angle = _followed(recording, side, calibration)
        measured = calibration is not None
    off = angle - wearing.truth.angle_at(side, time_s)
    upright = exercise.startswith(("supine", "standing"))
    in_set = _in_set(wearing, time_s)
    worst = float(np.nanmax(np.abs(off[in_set]), initial=0.0)) if in_set.any() else 0.0
    return {
        "exercise": exercise,
        "side": str(side),
        "seed": seed,
        "fidget": fidget_deg,
        "units": 2 if two else 1,
        "way": way,
        "measured": measured,
        "worst_deg": worst,
        "wrong": worst > (WRONG_UPRIGHT_DEG if upright else WRONG_DEG),
        "ready_s": ready_s,
        "said": said,
    }


def _in_set(wearing: Wearing, time_s: FloatArray) -> np.ndarray:
    inside = np.zeros(len(time_s), dtype=bool)
    for start_s, end_s in sessions.spans(wearing.marks, "set"):
        inside |= (time_s >= start_s) & (time_s <= end_s)
    return inside


def _with_units(recording: Recording, two: bool) -> Recording:
    """Return a recording as it is, or that of the shank's unit alone."""
    if two:
        return recording
    kept = [i for i, unit in enumerate(recording.units) if unit.segment is Segment.SHANK]
    frames = replace(
        recording.frames,
        q=recording.frames.q[:, kept],
    )
    return replace(
        recording,
        units=tuple(recording.units[i] for i in kept),
        frames=frames,
        silent_s=tuple(recording.silent_s[i] for i in kept),
    )


def _leg(recording: Recording, side: Side) -> LegFrames:
    return recording.leg(next(leg for leg in leg_units(recording.units) if leg.side is side))


def guided(recording: Recording, side: Side) -> list[tuple[float, GuideUpdate]]:
    """Return what the guide said when, frame by frame."""
    frames = _leg(recording, side)
    guide = Guide(
        recording.entry,
        side,
        recording.rate_hz,
        thigh_worn=frames.thigh_worn,
        mounts=frames.mounts,
    )
    said = []
    rows = zip(
        frames.time_s.tolist(), frames.q_thigh.tolist(), frames.q_shank.tolist(), strict=True
    )
    for time_s, thigh, shank in rows:
        known = (None if q[0] != q[0] else tuple(q) for q in (thigh, shank))
        update = guide.push(time_s, *known)
        if update is not None:
            said.append((time_s, update))
        if guide.step is Step.READY:
            break
    return said


def _calibration(said: list[tuple[float, GuideUpdate]]) -> LegCalibration | None:
    last = said[-1][1] if said else None
    ready = last is not None and last.step is Step.READY and last.result is not None
    return last.result.calibration if ready else None  # type: ignore[union-attr]


def _said(said: list[tuple[float, GuideUpdate]]) -> str:
    return " | ".join(
        f"{t:.1f} {u.step.name}" + (f": {' '.join(u.result.sentences)}" if u.result else "")
        for t, u in said
    )


def _followed(
    recording: Recording, side: Side, calibration: LegCalibration | None
) -> tuple[FloatArray, FloatArray]:
    frames = _leg(recording, side)
    if calibration is None:
        return frames.time_s, np.full(len(frames.time_s), np.nan)
    leg = RecordedLeg(calibration, frames, sessions.counted_spans((), calibration.ready_s))
    record = follow_legs(
        {side: leg}, recording.entry, recording.rate_hz, recording.frames.interpolated
    )[side]
    return frames.time_s, np.where(frames.time_s > calibration.ready_s, record.rotation_deg, np.nan)


def obeyed(
    exercise: str, side: Side, seed: int, settings: WearerSettings, *, two_units: bool
) -> tuple[Wearing, LegCalibration | None, str]:
    """Return the session of a wearer who obeys the guide, and the calibration that came of it.

    The script grows by what is asked for: the wearer waits, and everything is lived through again
    up to where the guide asks for the next thing.
    """
    movement = movement_of(exercise)
    everyday = everyday_script(movement, chance_from(seed), settings, both=False)
    bends = next(part for part in everyday if isinstance(part, KneeBends))
    reps = next(part for part in everyday if isinstance(part, RepSet))
    pose = Still(settings.pose_s, "pose", settings.pose_fidget_deg)
    done: Script = (Still(settings.stand_s, "stand"),)
    posed, said = False, []
    for heard in range(PARTS_MAX):  # the guide says the same again up to where it was heard
        ends_s = _length_s(done)
        waits: Script = (Still(WAITS_S),)
        if not posed:
            waits = (*waits, TakePosition(settings.move_s), pose)
        script = (*done, *waits, reps, Still(settings.still_s))
        wearing = wear(exercise, side.value, seed, replace(settings, script=script))
        ends_s -= wearing.first_s
        recording = _with_units(recording_of(wearing), two_units)
        said = [one for one in guided(recording, side) if one[0] <= ends_s + WAITS_S]
        if heard == len(said) or said[heard][1].step in (Step.READY, Step.STAND):
            break
        asked_s, step = said[heard][0], said[heard][1].step
        done = (*done, Still(max(0.0, asked_s - ends_s) + REACTION_S))
        if step is Step.BENDS:
            done = (*done, bends, Still(settings.still_s))
        else:
            done = (*done, pose) if posed else (*done, TakePosition(settings.move_s), pose)
            posed = True
    return wearing, _calibration(said), _said(said)


def _length_s(script: Script) -> float:
    """Return how long a script of stillness, positions and bends lasts."""
    length_s = 0.0
    for part in script:
        match part:
            case Still() | TakePosition():
                length_s += part.duration_s
            case KneeBends():
                length_s += sum(b.out_s + b.back_s + b.rest_s for b in part.bends)
    return length_s
