"""What a calibration costs that is kept from the last set and proven by one knee bend.

python -m benchmarks.kept [--wearers N]

Each wearer calibrates in full once and does a second set with the same straps: led to the start
position and one knee bend, or once more in full. Then a strap is turned in between.

The time from Next to counting is that of the samples: the wearer stands, takes the position, keeps
still, bends once; in full, stands first and bends five times.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace

import numpy as np

from analysis import exercises
from analysis.calibrate.calibration import LegFrames, calibrate
from analysis.calibrate.given_axes import axes_given_by
from analysis.calibrate.guide import Guide, Step
from analysis.calibrate.guide_given import GivenGuide
from analysis.exercises import Exercise
from analysis.leg import LegCalibration
from analysis.session import analyse as sessions
from analysis.session.recording import RecordedLeg, follow_legs, leg_units
from benchmarks.accuracy.worn import recording_of, side_of
from imu.quaternion import FLOATS, by_rows, from_axis_angle, multiply
from imu.virtual.wearer import WearerSettings, Wearing, wear

EXERCISES = ("seated_internal_rotation", "prone_windshield_wiper", "ninety_ninety_lift")
RATE_HZ = 60.0
AGAIN = WearerSettings(stands=False, bends=1)
FROM_NEXT = WearerSettings(stand_s=0.5, bends=1)
"""Next is tapped standing: half a second, 4 s into the position, 4 s still, one bend, still."""
ASKED_S = 15.0
"""From Next to counting, median."""
TURNS_DEG = (2.0, 5.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0)
ANEW = 100_000
"""What a wearer's seed grows by for the second set."""


def legs_of(wearing: Wearing, seed: int) -> LegFrames:
    """Return the frames of the leg that a wearer of a seed wears the units on."""
    recording = recording_of(wearing)
    (leg,) = (leg for leg in leg_units(recording.units) if leg.side is side_of(seed))
    return recording.leg(leg)


def turned_strap(frames: LegFrames, segment: str, axis: np.ndarray, deg: float) -> LegFrames:
    """Return frames of a unit that was turned on its segment about an axis (3,) of its own."""
    turn = np.array(from_axis_angle(tuple(axis), math.radians(deg), FLOATS))
    name = f"q_{segment}"
    q = getattr(frames, name)
    return replace(frames, **{name: by_rows(multiply, q, np.broadcast_to(turn, q.shape))})


def led(guide: Guide, frames: LegFrames) -> tuple[LegCalibration | None, float]:
    """Return what a guide ends with, and the second in which the wearer may begin to count."""
    for t, thigh, shank in zip(frames.time_s, frames.q_thigh, frames.q_shank, strict=True):
        if np.isnan(thigh[0]) or np.isnan(shank[0]):
            continue
        news = guide.push(float(t), tuple(map(float, thigh)), tuple(map(float, shank)))
        if news is not None and news.step is Step.READY and news.result is not None:
            return news.result.calibration, float(t)
    return None, math.nan


def kept_guide(given: LegCalibration, exercise: Exercise) -> GivenGuide:
    """Return the guide of a kept calibration."""
    return GivenGuide(axes_given_by(given), exercise, RATE_HZ)


def error_deg(
    calibration: LegCalibration, frames: LegFrames, wearing: Wearing, exercise: Exercise
) -> tuple[float, float]:
    """Return the median error of the angle in the set, and the share of it within 2 σ."""
    side = calibration.side
    (span,) = sessions.spans(wearing.marks, "set")
    none = np.zeros(len(frames.time_s), dtype=bool)
    record = follow_legs({side: RecordedLeg(calibration, frames, [span])}, exercise, RATE_HZ, none)[
        side
    ]
    rows = (frames.time_s >= span[0]) & (frames.time_s <= span[1])
    off = np.abs(record.signal_deg - wearing.truth.angle_at(side, frames.time_s))[rows]
    sigma = np.asarray(record.sigma_deg)[rows]
    known = np.isfinite(off) & np.isfinite(sigma)
    return float(np.median(off[known])), float(np.mean(off[known] <= 2 * sigma[known]))


def counting_s(
    given: LegCalibration, again: LegFrames, full: LegFrames, exercise: Exercise
) -> tuple[float, float]:
    """Return when counting begins, kept and in full; NaN where more is asked for."""
    kept, again_s = led(kept_guide(given, exercise), again)
    _, full_s = led(Guide(exercise, given.side, RATE_HZ), full)
    is_kept = kept is not None and kept.kept_off_rad is not None
    return again_s if is_kept else math.nan, full_s


def tell_times(from_next: dict[str, dict[str, list[float]]]) -> None:
    """Print how long it takes from Next to counting, by exercise and way."""
    together: dict[str, list[float]] = {}
    for told in from_next.values():
        for how, all_s in told.items():
            together.setdefault(how, []).extend(all_s)
    for name, told in (*from_next.items(), ("all", together)):
        led_to = {how: [s for s in all_s if s == s] for how, all_s in told.items()}
        times = [
            f"{how} {np.median(all_s):.1f} s (90 % within {np.percentile(all_s, 90):.1f} s,"
            f" {np.mean(np.array(all_s) <= ASKED_S):.0%} within {ASKED_S:.0f} s, of {len(all_s)})"
            for how, all_s in led_to.items()
        ]
        print(f"from Next to counting, median, {name}: {'; '.join(times)}")


def main() -> None:
    """Print what a kept calibration costs, and which turned straps are kept."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--wearers", type=int, default=200)
    wearers = parser.parse_args().wearers
    kept_all, full_all, refused, tries = [], [], 0, 0
    from_next: dict[str, dict[str, list[float]]] = {name: {} for name in EXERCISES}
    turned: dict[tuple[str, float], list[tuple[bool, float]]] = {}
    rng = np.random.default_rng(5)
    for seed in range(wearers):
        for name in EXERCISES:
            exercise, side = exercises.load(name), side_of(seed)
            first = wear(name, side.value, seed)
            windows = sessions.windows_of_marks(first.marks)
            found = calibrate(legs_of(first, seed), windows, exercise, side).calibration
            if found is None:
                continue
            tries += 1
            again = wear(name, side.value, seed + ANEW, replace(AGAIN, mounted_as=seed))
            frames = legs_of(again, seed)
            kept, _ = led(kept_guide(found, exercise), frames)
            full = wear(name, side.value, seed + ANEW, replace(WearerSettings(), mounted_as=seed))
            full_frames = legs_of(full, seed)
            whole = calibrate(
                full_frames, sessions.windows_of_marks(full.marks), exercise, side
            ).calibration
            if kept is None or kept.kept_off_rad is None:
                refused += 1
            else:
                kept_all.append(error_deg(kept, frames, again, exercise)[0])
                if whole is not None:
                    full_all.append(error_deg(whole, full_frames, full, exercise)[0])
            up = wear(name, side.value, seed + ANEW, replace(FROM_NEXT, mounted_as=seed))
            again_s, full_s = counting_s(found, legs_of(up, seed), full_frames, exercise)
            from_next[name].setdefault("kept", []).append(again_s)
            from_next[name].setdefault("in full", []).append(full_s)
            knee = np.array(found.z_shank)
            across = np.cross(knee, rng.normal(size=3))
            across /= np.linalg.norm(across)
            anyhow = rng.normal(size=3)
            anyhow /= np.linalg.norm(anyhow)
            for kind, segment, axis in (
                ("shank, across the knee axis", "shank", across),
                ("shank, about the knee axis", "shank", knee),
                ("thigh, about any axis", "thigh", anyhow),
            ):
                deg = float(rng.choice(TURNS_DEG))
                bent = turned_strap(frames, segment, axis, deg)
                one, _ = led(kept_guide(found, exercise), bent)
                inside = math.nan
                if one is not None:
                    inside = error_deg(one, bent, again, exercise)[1]
                turned.setdefault((kind, deg), []).append((one is not None, inside))
    print(f"{tries} sets: kept {len(kept_all)}, asked for more {refused}")
    print(f"median error, kept {np.median(kept_all):.2f}°, in full {np.median(full_all):.2f}°")
    tell_times(from_next)
    for (kind, deg), all_of in sorted(turned.items()):
        inside = [share for was_kept, share in all_of if was_kept]
        told = f", {np.mean(inside):.0%} of their angles within 2 σ" if inside else ""
        print(f"{kind}, {deg:2.0f}°: kept {len(inside)} of {len(all_of)}{told}")


if __name__ == "__main__":
    main()
