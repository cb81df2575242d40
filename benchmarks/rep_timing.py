"""How soon a repetition is announced, and how well a hold is timed, at 60 samples a second.

    python benchmarks/rep_timing.py

Minimum-jerk strokes with known truth. A hold's truth is the time that the true angle spends inside
the band that defines a hold (20 % of the range, at least 4°, about its level, and above 65 % of the
range) at under 4 °/s.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from analysis.count.in_place import Posture
from analysis.count.movement import RepSettings
from analysis.count.repetition_machine import RepMachine
from analysis.grade.strokes import measure_hold

RATE_HZ, FINE_HZ = 60, 1000
SETTINGS = RepSettings(onset_deg=3.0, min_range_deg=12.0, typical_range_deg=30.0)
STROKES_S = (0.7, 1.0, 1.5, 2.0, 2.5, 3.0)
NOISE_DEG = 0.05


def smooth(tau: np.ndarray) -> np.ndarray:
    tau = np.clip(tau, 0.0, 1.0)
    return tau**3 * (10 - 15 * tau + 6 * tau**2)


def one_rep(
    top: float, bottom: float, stroke_s: float, hold_s: float, sag: float, rest_s: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return fine times and the true angle of one repetition after a second of rest."""
    t = np.arange(0.0, 1.0 + 2 * stroke_s + hold_s + rest_s, 1.0 / FINE_HZ)
    up_end, down = 1.0 + stroke_s, 1.0 + stroke_s + hold_s
    held = np.clip((t - up_end) / max(hold_s, 1e-9), 0.0, 1.0)
    angle = top * smooth((t - 1.0) / stroke_s) - sag * top * held
    return t, angle + (bottom - (1 - sag) * top) * smooth((t - down) / stroke_s)


def announced(t: np.ndarray, angle: np.ndarray, rng: np.random.Generator) -> list[float]:
    machine = RepMachine(SETTINGS, 0.0)
    found = []
    seen = np.arange(0.0, t[-1], 1.0 / RATE_HZ)
    values = np.interp(seen, t, angle) + NOISE_DEG * rng.standard_normal(len(seen))
    for time, value in zip(seen.tolist(), values.tolist(), strict=True):
        step = machine.push(time, value, int(Posture.START))
        found += [step.announced.announced_s] if step.announced else []
    return found


def latencies() -> None:
    rng = np.random.default_rng(0)
    returned, stopped = [], []
    for top, stroke_s, hold_s in product((15, 20, 30, 45, 60), (*STROKES_S, 0.5, 4.0), (0.0, 1.0)):
        for bottom in (0.0, 0.05):
            t, angle = one_rep(top, bottom * top, stroke_s, hold_s, 0.03, 3.0)
            below = np.flatnonzero((angle < 0.1 * top) & (t > 1.0 + stroke_s))[0]
            returned += [a - t[below] for a in announced(t, angle, rng)[:1]]
        for bottom in (0.2, 0.3, 0.4):
            if 0.97 * top - bottom * top < 1.1 * SETTINGS.min_range_deg:
                continue  # it does not fall far enough to have been one
            t, angle = one_rep(top, bottom * top, stroke_s, hold_s, 0.03, 3.0)
            end_s = 1.0 + 2 * stroke_s + hold_s
            stopped += [a - end_s for a in announced(t, angle, rng)[:1]]
    print(f"{len(returned)} repetitions that return below a tenth of their range, after that:")
    p95_ms = 1000 * np.percentile(returned, 95)
    print(f"  median {1000 * np.median(returned):4.0f} ms   p95 {p95_ms:4.0f} ms")
    print(f"{len(stopped)} that stop at 20 to 40 % of it, after the stop:")
    print(f"  median {1000 * np.median(stopped):4.0f} ms   largest {1000 * max(stopped):4.0f} ms")


def true_hold_s(angle: np.ndarray, top: float, level: float) -> float:
    slow = np.abs(np.gradient(angle) * FINE_HZ) < 4.0
    near = (np.abs(angle - level) <= max(4.0, 0.2 * top)) & (angle >= 0.65 * top)
    return float(np.sum(slow & near)) / FINE_HZ


def holds() -> None:
    rng = np.random.default_rng(1)
    rows: dict[str, list[float]] = {}
    added = {
        "still": lambda t: 0 * t,
        "breath": lambda t: 0.5 * np.sin(2 * np.pi * 0.25 * t),
        "tremor": lambda t: 0.3 * np.sin(2 * np.pi * 8.0 * t),
    }
    grid = product((12.0, 20.0, 30.0, 45.0), STROKES_S, (0.8, 1.5, 3.0, 6.0), (0.0, 0.05, 0.13))
    for (top, stroke_s, hold_s, sag), (name, extra) in product(list(grid), added.items()):
        t, angle = one_rep(top, 0.0, stroke_s, hold_s, sag, 0.0)
        angle = angle + (extra(t) if name != "tremor" else 0.0)
        # what trembles is told by its mean course: nobody holds still at 15 °/s
        truth = true_hold_s(angle, top, (1 - sag / 2) * top)
        noisy = angle + (extra(t) if name == "tremor" else 0.0)
        seen = np.arange(1.0, t[-1], 1.0 / RATE_HZ)
        values = np.interp(seen, t, noisy) + NOISE_DEG * rng.standard_normal(len(seen))
        hold = measure_hold(seen, values, 0.0, top)
        rows.setdefault(name, []).append((hold.duration_s if hold else 0.0) - truth)
    everything = np.abs(np.concatenate(list(rows.values())))
    print(f"\nholds of 0.8 to 6 s, sagging 0 to 13 %, strokes of 0.7 to 3 s: {len(everything)}")
    for name, errors in rows.items():
        size, bias = np.mean(np.abs(errors)), np.mean(errors)
        print(f"  {name:<8} mean |error| {size:.2f} s, bias {bias:+.2f} s")
    p95_s = np.percentile(everything, 95)
    print(f"  all      mean |error| {everything.mean():.2f} s, p95 {p95_s:.2f} s")
    false = 0
    for top, stroke_s in product((12.0, 20.0, 30.0, 45.0), (0.5, *STROKES_S)):
        t, angle = one_rep(top, 0.0, stroke_s, 0.0, 0.0, 0.0)
        if true_hold_s(angle, top, top) >= 0.3:
            continue  # slow enough at the top to be a hold by definition
        seen = np.arange(1.0, t[-1], 1.0 / RATE_HZ)
        values = np.interp(seen, t, angle) + NOISE_DEG * rng.standard_normal(len(seen))
        false += measure_hold(seen, values, 0.0, top) is not None
    print(f"  holds reported where there is none: {false}")


if __name__ == "__main__":
    latencies()
    holds()
