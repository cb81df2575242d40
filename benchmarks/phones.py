"""How well phones measure simulated wearers, and whether a set is ever taken for knee bends.

    python -m benchmarks.phones                    200 wearers, a phone on the shank
    python -m benchmarks.phones --thigh            two phones
    python -m benchmarks.phones --wearers 20 --seeds 61000

Sensors are those of phones: offsets of 30 mg sd, gyroscopes 1 % off, rounding as browsers do it.
Bodies are crooked (`benchmarks.accuracy.conditions.REAL`). Errors are in degrees, over the sets,
against the wearer's true angle.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace

import numpy as np

from analysis.session import analyse as sessions
from benchmarks.accuracy.conditions import REAL
from benchmarks.accuracy.worn import recording_of, side_of
from imu.phone.profile import phone_profile
from imu.sample import FloatArray, Segment
from imu.virtual.wearer import WearerSettings, Wearing, wear

EXERCISES = (
    "seated_internal_rotation",
    "prone_rotation_test",
    "side_lying_ankle_lift",
    "ninety_ninety_lift",
    "seated_leg_extension_twist",
)
PHONE = {
    "upright_units": True,
    "mount_sd_deg": 8.0,
    "acc_bias_sd_mg": 30.0,
    "gyro_scale_sd": 0.01,
    "acc_step_mps2": 0.1,
    "gyro_step_dps": 0.1,
    "sensor_output": "raw",
    "loss_share": 0.0,
}


@dataclass(frozen=True, slots=True)
class Score:
    """One wearer."""

    exercise: str
    refused: str
    error_deg: FloatArray
    sigma_deg: FloatArray
    exact: bool
    """Whether every repetition was counted, and no other."""
    set_as_bends: bool
    """Whether a calibration took the set for knee bends."""

    @property
    def rmse_deg(self) -> float:
        return float(np.sqrt(np.nanmean(self.error_deg**2)))


def score(exercise: str, seed: int, *, thigh: bool) -> Score:
    """Return what phones make of one wearer."""
    side = side_of(seed)
    settings = WearerSettings(
        **(REAL.changes | PHONE), tilt_sigma_deg=phone_profile().tilt_sigma_deg
    )
    wearing = wear(exercise, side.value, seed, settings)
    if not thigh:
        wearing = shank_alone(wearing)
    result = sessions.analyse(recording_of(wearing))
    found = result.calibrations[side]
    angles = result.angles[result.angles.side == str(side)]
    time_s = angles.time_s.to_numpy()
    inside = np.zeros(len(time_s), dtype=bool)
    for start_s, end_s in sessions.spans(wearing.marks, "set"):
        inside |= (time_s >= start_s) & (time_s <= end_s)
    truth = wearing.truth.angle_at(side, time_s)
    error = (angles.hip_internal_rotation_deg.to_numpy(float) - truth)[inside]
    sigma = angles.uncertainty_deg.to_numpy(float)[inside]
    known = ~np.isnan(error)
    counted = int((result.reps.status == "valid").sum())
    return Score(
        exercise,
        "" if found.calibration else " ".join(found.sentences),
        error[known],
        sigma[known],
        counted == len(wearing.truth.reps[side]),
        set_as_bends(wearing, side),
    )


def shank_alone(wearing: Wearing) -> Wearing:
    """Return a session of which only the shank's unit is kept."""
    at = next(i for i, unit in enumerate(wearing.units) if unit.segment is Segment.SHANK)
    samples = [sample._replace(unit=0) for sample in wearing.samples if sample.unit == at]
    return replace(wearing, units=(wearing.units[at],), samples=samples)


def set_as_bends(wearing: Wearing, side: object) -> bool:
    """Return whether the set passes for knee bends, when it is marked as such."""
    other = {"set_start": "knee_start", "set_end": "knee_end"}
    kept = [(at, other.get(label, label)) for at, label in wearing.marks if "knee" not in label]
    recording = replace(recording_of(wearing), marks=kept)
    return sessions.analyse(recording).calibrations[side].calibration is not None  # type: ignore[index]


def lines(scores: list[Score]) -> list[str]:
    """Return the figures, by exercise and for all."""
    said = [f"{'':28} n refused  median   95 %  1 σ/2 σ %  exact  set as bends"]
    for name in (*EXERCISES, "all"):
        rows = [one for one in scores if name in ("all", one.exercise)]
        good = [one for one in rows if not one.refused and len(one.error_deg)]
        if not good:
            continue
        rmse = [one.rmse_deg for one in good]
        within = [100 * share for share in coverage(good)]
        said.append(
            f"{name:26} {len(rows):3} {len(rows) - len(good):7} {np.median(rmse):7.2f}"
            f" {np.quantile(rmse, 0.95):6.2f}  {within[0]:4.0f}/{within[1]:3.0f}"
            f"   {sum(one.exact for one in good):6} {sum(one.set_as_bends for one in rows):6}"
        )
    return said


def coverage(scores: list[Score]) -> tuple[float, float]:
    """Return the shares of all samples within 1 σ and 2 σ."""
    off = np.concatenate([np.abs(one.error_deg) / one.sigma_deg for one in scores])
    return float(np.mean(off <= 1.0)), float(np.mean(off <= 2.0))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.phones")
    parser.add_argument("--wearers", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=60000, metavar="FROM")
    parser.add_argument("--thigh", action="store_true", help="a phone on the thigh too")
    options = parser.parse_args()
    found = [
        score(EXERCISES[i % len(EXERCISES)], options.seeds + i, thigh=options.thigh)
        for i in range(options.wearers)
    ]
    print("\n".join(lines(found)))


if __name__ == "__main__":
    main()
