"""How well a test's record finds the planted end positions: inwards, outwards, stiff hips.

python -m benchmarks.trials [--wearers N]
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

from analysis.session import analyse as sessions
from benchmarks.accuracy.worn import recording_of, side_of
from imu.sample import Side
from imu.virtual.chance import chance_from
from imu.virtual.person.habits import everyday_script
from imu.virtual.person.movements import movement_of
from imu.virtual.person.script import RepSet
from imu.virtual.wearer import WearerSettings, Wearing, wear

PLANTED: tuple[tuple[str, str, float | None], ...] = (
    ("right 35°", "prone_rotation_test", 35.0),
    ("left 24°", "prone_rotation_test", 24.0),
    ("a hip of 3°", "prone_rotation_test", 3.0),
    ("a hip of −2°", "prone_rotation_test", -2.0),
    ("both ways, prone", "prone_rotation_arc_test", None),
    ("both ways, seated", "seated_rotation_arc_test", None),
)
SIGMA_MAX_DEG = 3.0
CUE_S = 0.3
"""A trial is asked for so long before the leg moves."""


def wearing_of(exercise: str, side: Side, seed: int, planted_deg: float | None) -> Wearing:
    """Return a default wearer whose leg goes as far as planted from its start position."""
    if planted_deg is None or planted_deg > 0.0:
        return wear(exercise, side.value, seed, WearerSettings(amplitude_deg=planted_deg))
    # no wearer has a negative range: turn an everyday set round
    usual = WearerSettings(amplitude_deg=-planted_deg)
    script = everyday_script(movement_of(exercise), chance_from(seed), usual, both=False)
    turned = tuple(
        replace(part, reps=tuple(replace(r, amplitude_deg=-r.amplitude_deg) for r in part.reps))
        if isinstance(part, RepSet)
        else part
        for part in script
    )
    return wear(exercise, side.value, seed, replace(usual, script=turned))


def kept_deg(wearing: Wearing, side: Side, trial: int, *, outwards: bool) -> float:
    """Return the true end position of a trial: its furthest second, outwards positive too."""
    truth = wearing.truth
    rep = truth.reps[side][trial]
    rows = (truth.time_s >= rep.start_s) & (truth.time_s <= rep.end_s)
    angle = truth.angle_deg[side][rows]
    if not outwards:
        held = (truth.time_s >= rep.hold_start_s) & (truth.time_s <= rep.hold_end_s)
        return float(np.median(truth.angle_deg[side][held]))
    step = float(np.median(np.diff(truth.time_s)))
    means = np.convolve(angle, np.ones(round(1.0 / step)) / round(1.0 / step), mode="valid")
    return float(-means.min())


def errors_of(
    exercise: str, seed: int, planted_deg: float | None, *, cued: bool = False
) -> tuple[list[float], int]:
    """Return how far each end of a wearer's record is off, and how many trials were found."""
    side = side_of(seed)
    wearing = wearing_of(exercise, side, seed, planted_deg)
    recording = recording_of(wearing)
    cues = [(rep.start_s - CUE_S, "trial") for rep in wearing.truth.reps[side]] if cued else []
    marks = sorted([*recording.marks, *cues])
    result = sessions.analyse(replace(recording, active=False, marks=marks))
    test = result.tests.get(side)
    if test is None:
        return [], 0
    leg = result.angles[result.angles["phase"].isin(["up", "hold", "down"])]
    sigma = float(leg["uncertainty_deg"].median()) if len(leg) else 0.0
    if sigma > SIGMA_MAX_DEG:
        return [], 3
    count = 3
    true_deg = np.mean([kept_deg(wearing, side, i, outwards=False) for i in range(count)])
    good = [t.value_deg for t in test.good[:count]]
    errors = [float(np.mean(good) - true_deg)] if good else [float("nan")]
    if exercise.endswith("arc_test"):
        out_deg = np.mean([kept_deg(wearing, side, i, outwards=True) for i in range(count)])
        errors.append(test.external_deg - float(out_deg))
    return errors, len(good)


def main() -> None:
    """Print a line for each kind of hip."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wearers", type=int, default=50)
    parser.add_argument("--seed", type=int, default=91_000)
    parser.add_argument("--only", default="")
    parser.add_argument("--cued", action="store_true", help="Mark where each trial is asked for.")
    given = parser.parse_args()
    for name, exercise, planted_deg in PLANTED:
        if given.only not in name:  # one kind at a time
            continue
        off: list[float] = []
        counts: list[int] = []
        for seed in range(given.seed, given.seed + given.wearers):
            errors, count = errors_of(exercise, seed, planted_deg, cued=given.cued)
            off += errors
            counts.append(count)
            if any(not abs(e) <= 1.5 for e in errors) or count != 3:
                print(f"   seed {seed}: {[round(e, 2) for e in errors]}, {count} trials")
        size = np.abs(off)
        known = size[~np.isnan(size)]
        print(
            f"{name:<20} n = {len(size)}  median {np.median(known):.2f}°  p95"
            f" {np.percentile(known, 95):.2f}°  worst {known.max():.2f}°  within 1.5°"
            f" {np.mean(size <= 1.5):.0%}  three trials {np.mean(np.array(counts) == 3):.0%}"
        )


if __name__ == "__main__":
    main()
