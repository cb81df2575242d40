"""How well repetitions are counted on real people, beside two simple counters on the same angle.

    python benchmarks/reps.py [--data FOLDER] [--each] [--disturbed]

FOLDER is that of the Physical Therapy Exercises data (A. Yurtman and B. Barshan, CC BY 4.0, doi
10.24432/C5JK60), by default uci_physical_therapy under $HIPTURN_TEST_DATA. Two people did four leg
exercises in thirty repetitions each: ten as asked, ten too fast, ten of too small a range.

The angle is that about the movement's own axis: the first principal axis of the angular velocity of
the unit that moves most, in the template repetitions of the same person, with the sign of the way
out; raw 25 Hz data are fused on the host first. Every parameter comes from these template
repetitions and none from what is counted. Correct, fast and low are told apart as in the product:
by range and duration against the first three repetitions of the set; the range is that of the unit
whose templates tell low from correct best, of those that move at least a quarter as much.

peaks            scipy.signal.find_peaks on the low-passed angle, forwards and backwards; prominence
                 half the smallest template
autocorrelation  length of the moving parts over the lag of their autocorrelation's highest peak

With `--disturbed` each recording is counted six times more with things put into two of its rests
that are no repetitions: the leg goes 15 to 80° below its rest for up to six seconds and comes
back, or rests from then on up to 12° elsewhere.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path

import numpy as np
from scipy.signal import butter, find_peaks, sosfiltfilt

from analysis.count.in_place import Posture
from analysis.count.movement import Movement, RepSettings
from analysis.count.repetition_machine import RepMachine
from analysis.grade.grade import LEAD_S
from analysis.grade.strokes import Course, Strokes, find_reach, find_strokes
from imu.fuse.orientation import fuse
from imu.quaternion import by_rows, conjugate, rotate

RATE_HZ = 25.0
SUBJECTS, EXERCISES = (1, 2), (1, 3, 4, 5)
NAMES = {1: "knee extension", 3: "straight-leg raise", 4: "hip abduction", 5: "hip extension"}
KINDS = {1: "correct", 2: "fast", 3: "low"}
LEG_UNITS = ("u1", "u2", "u3", "u4")
TRUE_REPS = 30
ONSET_SHARE = 0.15
ONSET_MIN_DEG = 2.0
SMALLEST_SHARE = 0.5
"""A repetition is at least half the smallest template, whatever its kind."""
CALIBRATION_REPS = 3
GRADING_MOVES = 0.25
"""A unit that grades moves at least so much as the one that counts, in summed squared rates."""
LOW_SHARE, FAST_SHARE = 0.8, 0.7
"""Below this share of the person's own range and duration a repetition is low, or fast."""


SEEDS = 6
DISTURBED = ("excursion", "shift", "both")
REST_S = 0.6
"""Shorter rests are left alone."""

Span = tuple[float, float]


@dataclass(frozen=True)
class Template:
    """What the template repetitions tell: unit, axis, and how large repetitions are."""

    unit: str
    axis: np.ndarray
    """Unit vector in the sensor frame, shape (3,), positive on the way out."""
    zero: np.ndarray
    """Up in the sensor frame at rest, shape (3,)."""
    ranges_deg: dict[str, float]


@dataclass(frozen=True)
class Known:
    """One person's templates of one exercise: what counts and what grades."""

    counting: Template
    grading: Template


@dataclass(frozen=True)
class Counted:
    """One session, counted."""

    subject: int
    exercise: int
    strokes: list[Strokes]
    ranges_deg: list[float]
    """Of each repetition, by the unit that grades."""
    statuses: list[str]
    peaks: int
    autocorrelation: int
    angle: np.ndarray
    settings: RepSettings

    @property
    def reps(self) -> int:
        return len(self.strokes)


def orientation(data: dict[str, np.ndarray], unit: str) -> np.ndarray:
    """Return sensor → earth (n, 4) of one raw unit."""
    raw = data[unit].astype(np.float64)
    time_s = np.arange(len(raw)) / RATE_HZ
    q, _ = fuse(time_s, raw[:, :3], raw[:, 3:6], RATE_HZ)
    return q


def up_of(q: np.ndarray) -> np.ndarray:
    """Return earth's up in the sensor frame, shape (n, 3)."""
    return by_rows(rotate, by_rows(conjugate, q), np.broadcast_to([0.0, 0.0, 1.0], (len(q), 3)))


def own_angle(q: np.ndarray, template: Template) -> np.ndarray:
    """Return the turn about the movement's own axis against gravity, shape (n,), degrees."""
    axis, zero = template.axis, template.zero
    first = zero - (zero @ axis) * axis
    first /= np.linalg.norm(first)
    second = np.cross(axis, first)
    up = up_of(q)
    # the unit turns one way, gravity the other in its frame
    return np.degrees(np.unwrap(-np.arctan2(up @ second, up @ first)))


def learn(folder: Path, subject: int, exercise: int, spans: dict[str, Span]) -> Known:
    """Return what the template repetitions of one person and exercise tell."""
    data = dict(np.load(folder / "template" / f"s{subject}_e{exercise}.npz"))
    rows = {kind: slice(round(a) - 1, round(b)) for kind, (a, b) in spans.items()}
    moved = {u: sum(float(np.sum(data[u][r, 3:6] ** 2)) for r in rows.values()) for u in LEG_UNITS}
    most = max(moved.values())
    moving = [learn_unit(data, u, rows) for u in LEG_UNITS if moved[u] >= GRADING_MOVES * most]
    counting = next(t for t in moving if moved[t.unit] == most)
    return Known(counting, min(moving, key=lambda t: t.ranges_deg["low"] / t.ranges_deg["correct"]))


def learn_unit(data: dict[str, np.ndarray], unit: str, rows: dict[str, slice]) -> Template:
    """Return axis, sign, zero and ranges of one unit."""
    omega = np.concatenate([data[unit][r, 3:6] for r in rows.values()]).astype(np.float64)
    axis = np.linalg.eigh(omega.T @ omega)[1][:, -1]
    q = orientation(data, unit)
    start = max(rows["correct"].start, 1)
    zero = up_of(q[start - 1 : start + 3]).mean(axis=0)
    zero /= np.linalg.norm(zero)
    angle = own_angle(q, Template(unit, axis, zero, {}))
    away = angle[rows["correct"]] - angle[rows["correct"].start]
    if abs(away.min()) > abs(away.max()):
        axis, angle = -axis, -angle
    return Template(unit, axis, zero, {kind: float(np.ptp(angle[r])) for kind, r in rows.items()})


def settings_of(template: Template) -> RepSettings:
    """Return the rep machine's settings, from the templates alone."""
    smallest = min(template.ranges_deg.values())
    return RepSettings(
        onset_deg=max(ONSET_MIN_DEG, ONSET_SHARE * smallest),
        min_range_deg=SMALLEST_SHARE * smallest,
        typical_range_deg=template.ranges_deg["correct"],
    )


def count(time_s: np.ndarray, angle: np.ndarray, settings: RepSettings) -> list[Movement]:
    """Return the completed movements."""
    machine = RepMachine(settings, float(np.median(angle[:5])))
    found = []
    for t, x in zip(time_s.tolist(), angle.tolist(), strict=True):
        step = machine.push(t, x, int(Posture.START))
        found += [step.completed] if step.completed else []
    last = machine.finish(float(time_s[-1])).completed
    return found + ([last] if last else [])


def slope(seconds: float) -> np.ndarray:
    """Return a smooth way from 0 to 1."""
    return 0.5 - 0.5 * np.cos(np.linspace(0.0, np.pi, max(2, round(seconds * RATE_HZ))))


def still(seconds: float) -> np.ndarray:
    return np.ones(round(seconds * RATE_HZ))


def excursion(base: float, chance: np.random.Generator) -> np.ndarray:
    """Return a leg that goes below its rest, wobbles there or not, and comes back."""
    deep, low_s = chance.uniform(15.0, 80.0), chance.uniform(0.5, 6.0)
    wobble = chance.choice([0.0, 0.15]) * chance.standard_normal(len(still(low_s))).cumsum()
    low = base - deep + wobble
    down = base - deep * slope(chance.uniform(0.2, 1.5))
    back = low[-1] + (base - low[-1]) * slope(chance.uniform(0.2, 1.5))
    return np.concatenate((down, low, back, base * still(chance.uniform(0.5, 6.0))))


def disturbed(
    angle: np.ndarray, movements: list[Movement], kind: str, chance: np.random.Generator
) -> np.ndarray:
    """Return an angle with something that is no repetition in two of its rests."""
    rests = [
        round((one.back_s + other.onset_s) / 2 * RATE_HZ)
        for one, other in pairwise(m for m in movements if m.status == "valid")
        if other.onset_s - one.back_s > REST_S
    ]
    picked = chance.choice([10, *rests], size=min(2, len(rests) + 1), replace=False)
    for at in sorted(picked.tolist(), reverse=True):
        base = float(angle[at])
        if kind != "shift":
            angle = np.concatenate((angle[:at], excursion(base, chance), angle[at:]))
        if kind != "excursion":
            by = chance.uniform(-12.0, 12.0)
            way = base + by * slope(chance.uniform(0.5, 3.0))
            rest = (base + by) * still(chance.uniform(2.0, 10.0))
            angle = np.concatenate((angle[:at], way, rest, angle[at:] + by))
    return angle


def report_disturbed(angles: list[tuple[np.ndarray, RepSettings]]) -> None:
    """Print how well the same people are counted when they do other things between."""
    print()
    for kind in DISTURBED:
        errors = []
        for seed in range(SEEDS):
            chance = np.random.default_rng(seed)
            for angle, settings in angles:
                time_s = np.arange(len(angle)) / RATE_HZ
                other = disturbed(angle, count(time_s, angle, settings), kind, chance)
                found = count(np.arange(len(other)) / RATE_HZ, other, settings)
                errors.append(sum(m.status == "valid" for m in found) - TRUE_REPS)
        off = np.abs(errors)
        print(
            f"with {kind:<11} miscount {100 * off.sum() / (TRUE_REPS * len(off)):5.2f} %"
            f"   exact {np.sum(off == 0)}/{len(off)}   within 1 {np.sum(off <= 1)}/{len(off)}"
        )


def by_peaks(angle: np.ndarray, template: Template) -> int:
    smooth = sosfiltfilt(butter(2, 2.0, fs=RATE_HZ, output="sos"), angle)
    prominence = SMALLEST_SHARE * min(template.ranges_deg.values())
    return len(find_peaks(smooth, prominence=prominence)[0])


def by_autocorrelation(angle: np.ndarray) -> int:
    """Return the moving time over the dominant period, each of the three parts for itself."""
    speed = np.abs(np.gradient(angle) * RATE_HZ)
    moving = np.convolve(speed, np.ones(125) / 125, mode="same") > 3.0
    edges = np.flatnonzero(np.diff(np.concatenate(([False], moving, [False])).astype(np.int8)))
    total = 0
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        part = angle[start:end] - angle[start:end].mean()
        if len(part) < 4 * RATE_HZ:
            continue
        lags = np.correlate(part, part, mode="full")[len(part) - 1 :]
        lags = lags / lags[0]
        peaks, _ = find_peaks(lags[: len(part) // 2], prominence=0.1)
        peaks = peaks[peaks > RATE_HZ]
        if len(peaks):
            total += round(len(part) / peaks[np.argmax(lags[peaks])])
    return total


def session(folder: Path, subject: int, exercise: int, known: Known) -> Counted:
    """Return what one session gives, counted by all three."""
    data = dict(np.load(folder / "test" / f"s{subject}_e{exercise}.npz"))
    template = known.counting
    graded = own_angle(orientation(data, known.grading.unit), known.grading)
    angle = own_angle(orientation(data, template.unit), template)
    time_s = np.arange(len(angle)) / RATE_HZ
    movements = count(time_s, angle, settings_of(template))
    strokes = []
    for m in (m for m in movements if m.status == "valid"):
        window = (time_s >= m.onset_s - LEAD_S) & (time_s <= m.back_s + 1.0)
        course = Course.of(time_s[window], angle[window])
        strokes.append(find_strokes(m, course, find_reach(m, course)))
    return Counted(
        subject,
        exercise,
        strokes,
        [float(np.ptp(graded[s.inside(time_s)])) for s in strokes],
        [m.reason or m.status for m in movements],
        by_peaks(angle, template),
        by_autocorrelation(angle),
        angle,
        settings_of(template),
    )


def kinds_of(s: Counted) -> list[str]:
    """Return what each repetition is, against the first three of the session."""
    rom = float(np.median(s.ranges_deg[:CALIBRATION_REPS]))
    whole = float(np.median([stroke.whole_s for stroke in s.strokes[:CALIBRATION_REPS]]))

    def kind(range_deg: float, whole_s: float) -> str:
        if range_deg < LOW_SHARE * rom:
            return "low"
        return "fast" if whole_s < FAST_SHARE * whole else "correct"

    return [kind(r, stroke.whole_s) for r, stroke in zip(s.ranges_deg, s.strokes, strict=True)]


def matched(strokes: list[Strokes], labels: list[Span]) -> list[tuple[int, int]]:
    """Return which repetition is which label: peak inside the label, each at most once."""
    pairs, used = [], set()
    for i, s in enumerate(strokes):
        for j, (start, end) in enumerate(labels):
            if j not in used and start - 0.2 <= s.peak_s <= end + 0.2:
                pairs.append((i, j))
                used.add(j)
                break
    return pairs


def read_times(path: Path, *keys: str) -> dict[tuple[int, ...], Span]:
    with path.open(encoding="utf-8") as file:
        return {
            tuple(int(row[key]) for key in keys): (float(row["start_n"]), float(row["end_n"]))
            for row in csv.DictReader(file)
        }


def report(sessions: list[Counted]) -> None:
    """Print the counts beside those of the simple counters."""
    print(f"{'':<34}{'hipturn':>9}{'peaks':>8}{'autocorr.':>11}    of {TRUE_REPS}")
    for s in sessions:
        name = f"subject {s.subject}, {NAMES[s.exercise]}"
        print(f"{name:<34}{s.reps:>9}{s.peaks:>8}{s.autocorrelation:>11}")
    rows = {
        "hipturn": [s.reps for s in sessions],
        "peaks": [s.peaks for s in sessions],
        "autocorrelation": [s.autocorrelation for s in sessions],
    }
    print()
    for name, counts in rows.items():
        errors = np.abs(np.array(counts) - TRUE_REPS)
        print(
            f"{name:<16} miscount {100 * errors.sum() / (TRUE_REPS * len(counts)):5.2f} %"
            f"   exact {np.sum(errors == 0)}/{len(counts)}"
            f"   within 1 {np.sum(errors <= 1)}/{len(counts)}"
        )


def report_times(
    sessions: list[Counted], labels: dict[tuple[int, ...], tuple[float, float]]
) -> None:
    """Print how far starts and ends are from the labels of subject 1."""
    starts, ends, total = [], [], 0
    for s in (s for s in sessions if s.subject == 1):
        mine = [
            ((a - 1) / RATE_HZ, (b - 1) / RATE_HZ)
            for key, (a, b) in sorted(labels.items())
            if key[0] == s.exercise
        ]
        total += len(mine)
        for i, j in matched(s.strokes, mine):
            starts.append(s.strokes[i].start_s - mine[j][0])
            ends.append(s.strokes[i].end_s - mine[j][1])
    print(f"\nsubject 1 against hand labels to 0.2 s: {len(starts)} of {total} found")
    for name, errors in (("start", starts), ("end", ends)):
        size = np.abs(errors)
        print(
            f"  {name:<6} median |error| {np.median(size):.2f} s,"
            f" p95 {np.percentile(size, 95):.2f} s, bias {np.mean(errors):+.2f} s"
        )


def report_kinds(sessions: list[Counted]) -> None:
    """Print how well correct, fast and low are told apart, where thirty were counted."""
    table: dict[tuple[str, str], int] = defaultdict(int)
    for s in sessions:
        if s.reps != TRUE_REPS:
            continue
        for i, found in enumerate(kinds_of(s)):
            table[KINDS[1 + i // 10], found] += 1
    total = sum(table.values())
    right = sum(table[kind, kind] for kind in KINDS.values())
    print(f"\ncorrect, fast and low told apart: {100 * right / max(total, 1):.1f} % of {total}")
    print(f"{'':<10}" + "".join(f"{kind:>10}" for kind in KINDS.values()))
    for true in KINDS.values():
        print(f"{true:<10}" + "".join(f"{table[true, found]:>10}" for found in KINDS.values()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, metavar="FOLDER")
    parser.add_argument("--disturbed", action="store_true", help="and with other things between")
    parser.add_argument("--each", action="store_true", help="print every session's movements")
    options = parser.parse_args()
    root = os.environ.get("HIPTURN_TEST_DATA", "")
    folder = options.data or Path(root, "uci_physical_therapy")
    if not folder.is_dir():
        parser.error(f"{folder} is no folder: set HIPTURN_TEST_DATA or give --data")
    times = read_times(folder / "template_times.csv", "subject", "exercise", "execution_type")
    sessions = []
    for subject, exercise in product(SUBJECTS, EXERCISES):
        spans = {kind: times[subject, exercise, number] for number, kind in KINDS.items()}
        known = learn(folder, subject, exercise, spans)
        counted = session(folder, subject, exercise, known)
        sessions.append(counted)
        if options.each:
            print(subject, NAMES[exercise], known.counting.unit, known.grading.unit)
            print("   ", [status for status in counted.statuses if status != "valid"])
            print("   ", [round(r) for r in counted.ranges_deg])
            print("   ", [round(s.whole_s, 1) for s in counted.strokes])
    report(sessions)
    labels = read_times(folder / "test_times_subject1.csv", "exercise", "execution_type", "rep")
    report_times(sessions, labels)
    report_kinds(sessions)
    if options.disturbed:
        report_disturbed([(s.angle, s.settings) for s in sessions])


if __name__ == "__main__":
    main()
