"""Planted faults and clean sessions: what is noticed, and what is cried over nothing."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.session import analyse as sessions
from benchmarks.accuracy.swapped import swap_segments, swap_sides
from benchmarks.accuracy.worn import EXERCISES, GRAVITY, recording_of, worn
from imu.sample import Segment, Side
from imu.virtual.person.movements import movement_of
from imu.virtual.units.faults import HeadingTurn, InRep, Silence, StrapSlip
from imu.virtual.wearer import WearerSettings, Wearing, wear

Job = tuple[str, str, int, bool]


def alarms_of(result: sessions.Result) -> set[str]:
    """Return what the analysis complains about: calibration checks that failed, and alarms."""
    checks = {
        check.name
        for calibrated in result.calibrations.values()
        for check in calibrated.checks
        if not check.passed
    }
    return checks | {alarm.kind for alarms in result.alarms.values() for alarm in alarms}


def refused(result: sessions.Result) -> bool:
    """Return whether any leg got no calibration."""
    return any(c.calibration is None for c in result.calibrations.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of planted fault: settings drawn for a wearer, and what is done to the session."""

    name: str
    changes: Callable[[str, np.random.Generator], dict[str, Any]] = lambda _, __: {}
    mix_up: Callable[[Wearing], Wearing] = lambda wearing: wearing
    exercises: tuple[str, ...] = EXERCISES
    said: str | None = None
    """The exercise that the recording claims, where it is not the one that was done."""
    calibration: bool = field(default=False)


def _size(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a size from a range, with either sign."""
    return float(rng.uniform(low, high) * rng.choice((-1.0, 1.0)))


def _slip(part: str) -> Callable[[str, np.random.Generator], dict[str, Any]]:
    def changes(exercise: str, rng: np.random.Generator) -> dict[str, Any]:
        reps = movement_of(exercise).reps
        rep = 1 if part == "before" else int(rng.integers(1, reps if part == "after" else reps + 1))
        segment = Segment.THIGH if rng.random() < 0.5 else Segment.SHANK
        slip = StrapSlip(segment=segment, at=InRep(rep, part), turn_deg=_size(rng, 10, 20))  # type: ignore[arg-type]
        return {"faults": (slip,)}

    return changes


def _heading(exercise: str, rng: np.random.Generator) -> dict[str, Any]:
    rep = int(rng.integers(1, movement_of(exercise).reps + 1))
    segment = Segment.THIGH if rng.random() < 0.5 else Segment.SHANK
    turn = HeadingTurn(segment=segment, at=InRep(rep, "before"), turn_deg=_size(rng, 15, 40))
    return {"faults": (turn,)}


def _silence(exercise: str, rng: np.random.Generator) -> dict[str, Any]:
    rep = int(rng.integers(1, movement_of(exercise).reps + 1))
    segment = Segment.THIGH if rng.random() < 0.5 else Segment.SHANK
    return {"faults": (Silence(segment=segment, at=InRep(rep, "up")),)}


def _off(joint: int) -> Callable[[str, np.random.Generator], dict[str, Any]]:
    def changes(exercise: str, rng: np.random.Generator) -> dict[str, Any]:
        off = [0.0] * 4
        off[joint] = _size(rng, 35, 45)
        if joint == KNEE and movement_of(exercise).knee_flexion_deg < 30.0:
            off[joint] = abs(off[joint])  # a straight knee cannot give way forwards
        return {"pose_off_deg": tuple(off)}

    return changes


def _fixed(**changes: Any) -> Callable[[str, np.random.Generator], dict[str, Any]]:  # noqa: ANN401
    return lambda _exercise, _rng: changes


THIGH, KNEE = 0, 3
PRONE, SEATED, SUPINE = "prone_rotation_test", "seated_internal_rotation", "supine_rotation_test"
_UPRIGHT_HINGE = ("ninety_ninety_lift", "side_lying_ankle_lift")
"""There a hip bent more or less turns the thigh about the vertical, which no angle notices."""
_LEVEL = tuple(e for e in EXERCISES if e not in (*_UPRIGHT_HINGE, "standing_banded_rotation"))
_LYING_KNEE = tuple(
    e for e in EXERCISES if e not in ("supine_rotation_test", "standing_banded_rotation")
)
"""With an upright thigh the knee shows its own sign, and bends the other way are mended."""
CALIBRATIONS = (
    Fault(name="moved in the pose", changes=lambda _, r: {"pose_fidget_deg": r.uniform(6, 15)}),
    Fault(name="moved in the stand", changes=lambda _, r: {"stand_fidget_deg": r.uniform(6, 15)}),
    Fault(name="thigh 35–45° off the pose", changes=_off(THIGH), exercises=_LEVEL),
    Fault(name="knee 35–45° off the pose", changes=_off(KNEE)),
    Fault(name="said prone, sat", exercises=(SEATED,), said=PRONE),
    Fault(name="said seated, lay prone", exercises=(PRONE,), said=SEATED),
    Fault(name="said prone, lay supine", exercises=(SUPINE,), said=PRONE),
    Fault(name="said supine, sat", exercises=(SEATED,), said=SUPINE),
    Fault(name="two bends", changes=_fixed(bends=2)),
    Fault(name="bends of 15°", changes=_fixed(bend_deg=15.0, bend_sd_deg=1.0)),
    Fault(name="bends the wrong way", changes=_fixed(bends_reversed=True), exercises=_LYING_KNEE),
    Fault(name="thigh and shank swapped", mix_up=swap_segments),
    Fault(name="right and left swapped", mix_up=swap_sides),
)
ALARMS = (
    Fault(name="thigh and shank swapped", mix_up=swap_segments),
    Fault(name="right and left swapped", mix_up=swap_sides),
    Fault(name="slip before the set", changes=_slip("before")),
    Fault(name="slip in a stroke", changes=_slip("up")),
    Fault(name="slip in a hold", changes=_slip("hold")),
    Fault(name="slip between repetitions", changes=_slip("after")),
    Fault(name="bends the wrong way", changes=_fixed(bends_reversed=True), exercises=_LYING_KNEE),
    Fault(name="foot the wrong way first", changes=_fixed(wrong_way_reps=2)),
    Fault(name="heading disturbed", changes=_heading),
    Fault(name="thigh 35–45° off the pose", changes=_off(THIGH), exercises=_LEVEL),
    Fault(name="one unit silent", changes=_silence),
    Fault(name="rate of 20 Hz", changes=_fixed(rate_hz=20.0)),
)
CLEAN = Fault(name="clean")
SLIPPED = ("slip", "tilt", "heading")
"""The alarms that a slipped strap may raise."""


def measured(
    options: argparse.Namespace, pool: ProcessPoolExecutor
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield a table of the planted calibrations, and one of the alarms, as asked for."""
    for asked, title, faults in (
        (options.calibrations, "calibrations", CALIBRATIONS),
        (options.alarms, "alarms", ALARMS),
    ):
        if asked:
            jobs = [
                (title, fault.name, seed, not options.no_marks)
                for fault in (*faults, CLEAN)
                for seed in range(options.seeds, options.seeds + options.wearers * _times(fault))
            ]
            rows = pd.DataFrame(pool.map(noticed, jobs, chunksize=4))
            yield title, _shares(rows)


def _times(fault: Fault) -> int:
    """Return how often to repeat: a false alarm is rarer than a fault, so look for it longer."""
    return 2 if fault is CLEAN else 1


def slips(options: argparse.Namespace, pool: ProcessPoolExecutor) -> pd.DataFrame:
    """Return, for each exercise by gravity, what is shown after a strap slipped by 15 to 35°."""
    count = options.wearers * len(GRAVITY)
    rows = pd.DataFrame(pool.map(slipped, range(options.seeds, options.seeds + count), chunksize=4))
    groups = [*rows.groupby("exercise", sort=False), ("all", rows)]
    return pd.DataFrame([_slip_row(name, part) for name, part in groups])


def _slip_row(name: str, rows: pd.DataFrame) -> dict[str, object]:
    said, kept_still = rows[rows["said"]], rows[rows["said"] & rows["rests"]]
    samples = max(int(said["valid"].sum()), 1)
    return {
        "exercise": name,
        "sets": len(rows),
        "said": len(said),
        "valid %": 100.0 * said["valid"].sum() / max(int(said["rows"].sum()), 1),
        "≤1σ %": 100.0 * said["within_1s"].sum() / samples,
        "≤2σ %": 100.0 * said["within_2s"].sum() / samples,
        "sets < 92 %": int((said["within_2s"] < 0.92 * said["valid"]).sum()),
        "worst": said["worst_deg"].max(),
        "charged": int(said["charged"].sum()),
        "with a rest": len(kept_still),
        "again in 10 s": int((kept_still["again_s"] <= 10.0).sum()),
        "counted": int((rows["found"] == rows["done"]).sum()),
    }


def slipped(seed: int) -> dict[str, object]:
    """Return what was shown from the alarm on in one set in which a strap slipped about the limb.

    Every other wearer rests for three seconds or more between repetitions.
    """
    rng = np.random.default_rng((seed, 15))
    exercise, rests = GRAVITY[seed % len(GRAVITY)], seed // len(GRAVITY) % 2 == 1
    side = Side.LEFT if rng.random() < 0.5 else Side.RIGHT
    part = rng.choice(("before", "up", "hold", "down", "after"))
    at = InRep(int(rng.integers(2, movement_of(exercise).reps)), part)
    segment = Segment.THIGH if rng.random() < 0.3 else Segment.SHANK
    slip = StrapSlip(segment=segment, at=at, turn_deg=_size(rng, 15, 35))
    rest_s = {"rest_s": (3.0, 5.0)} if rests else {}
    session = worn(exercise, side, seed, WearerSettings(faults=(slip,), **rest_s))
    alarms = [a for a in session.result.alarms[side] if a.kind in SLIPPED]
    from_s = min((alarm.time_s for alarm in alarms), default=np.inf)
    angles = session.result.angles
    angles = angles[(angles["side"] == str(side)) & (angles["time_s"] > from_s)]
    off = angles["hip_internal_rotation_deg"] - session.wearing.truth.angle_at(
        side, angles["time_s"].to_numpy()
    )
    off = off.abs()[angles["valid"]]
    sigma = angles["uncertainty_deg"][angles["valid"]]
    reps = session.result.reps
    later = reps[(reps["side"] == str(side)) & (reps["end_s"] > from_s)]
    return {
        "seed": seed,
        "exercise": exercise,
        "rests": rests,
        "slip": f"{segment} {slip.turn_deg:.0f}° {part}",
        "said": bool(alarms),
        "alarms": "; ".join(f"{a.kind} {a.time_s:.1f}" for a in session.result.alarms[side]),
        "rows": len(angles),
        "valid": int(angles["valid"].sum()),
        "within_1s": int((off <= sigma).sum()),
        "within_2s": int((off <= 2 * sigma).sum()),
        "worst_deg": float(off.max()) if len(off) else np.nan,
        "charged": int(later["faults"].str.contains("range_short|not_returned").sum()),
        "again_s": _again_s(angles["time_s"][angles["valid"]] - from_s),
        "found": int((reps["status"] == "valid").sum()),
        "done": len([r for r in session.wearing.truth.reps[side] if r.kind == "rep"]),
    }


def _again_s(valid_s: pd.Series) -> float:
    """Return after how many seconds an angle was valid again, by those of the valid samples.

    The first second says nothing: what the alarm tells may still be on its way.
    """
    return float(valid_s[valid_s > 1.0].min()) if (valid_s > 1.0).any() else np.inf


def _shares(rows: pd.DataFrame) -> pd.DataFrame:
    """Return, per kind, how many were refused, how many complained about, and of what."""
    table = rows.groupby("kind", sort=False).agg(
        sessions=("seed", "size"),
        refused=("refused", "mean"),
        complained=("complained", "mean"),
    )
    table["refused"] *= 100.0
    table["complained"] *= 100.0
    said = rows.groupby("kind", sort=False)["alarms"].agg(_common)
    missed = rows[~rows["complained"]].groupby("kind", sort=False)["exercise"].agg(_common)
    table["of"] = said
    table["unnoticed in"] = missed.reindex(table.index).fillna("")
    names = {"refused": "refused %", "complained": "complained %"}
    return table.rename(columns=names).reset_index()


def _common(names: pd.Series) -> str:
    """Return the commonest few entries with their numbers."""
    counts = pd.Series([n for entry in names for n in entry.split("; ") if n]).value_counts()
    return ", ".join(f"{name} {count}" for name, count in counts.head(4).items())


def noticed(job: Job) -> dict[str, object]:
    """Return what the analysis made of one planted session."""
    title, name, seed, marks = job
    faults = CALIBRATIONS if title == "calibrations" else ALARMS
    fault = next(f for f in (*faults, CLEAN) if f.name == name)
    rng = np.random.default_rng((seed, len(name)))
    exercise = fault.exercises[seed % len(fault.exercises)]
    side = Side.LEFT if rng.random() < 0.5 else Side.RIGHT
    settings = WearerSettings(**fault.changes(exercise, rng))
    wearing = fault.mix_up(wear(exercise, side.value, seed, settings))
    wearing = replace(wearing, exercise=fault.said or exercise)
    result = sessions.analyse(recording_of(wearing, marks=marks))
    alarms = alarms_of(result)
    return {
        "kind": name,
        "seed": seed,
        "exercise": exercise,
        "refused": refused(result),
        "complained": bool(alarms),
        "alarms": "; ".join(sorted(alarms)),
    }
