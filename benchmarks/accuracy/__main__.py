"""How accurate the hip angle is on virtual wearers, beside four other methods on the same data.

    python -m benchmarks.accuracy                               every condition, a few wearers
    python -m benchmarks.accuracy --conditions defaults --wearers 25 --seeds 9300
    python -m benchmarks.accuracy --conditions drift            half an hour of sets
    python -m benchmarks.accuracy --calibrations --alarms       planted faults and clean sessions
    python -m benchmarks.accuracy --slips                       what is shown after a strap slipped
    python -m benchmarks.accuracy --fidgets --wearers 16        a start pose that is not kept still
    python -m benchmarks.accuracy --causes                      what each source of error costs
    python -m benchmarks.accuracy --gaps                        what lost samples do to the error

Every figure compares the angle of the whole chain (radio, clocks, losses, calibration, fusion) with
the truth of the wearer, in degrees. Wearers differ between exercises and are the same in every
condition; the right leg is worn for even seeds, the left one for odd seeds.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd

from benchmarks.accuracy import causes, fidgets, gaps, planted, tables
from benchmarks.accuracy.conditions import GROUPS, Condition, chosen
from benchmarks.accuracy.scores import Row, rows_of
from benchmarks.accuracy.worn import EXERCISES, side_of, worn

Job = tuple[Condition, str, int, bool, bool]


def seeds_of(exercise: str, first: int, wearers: int) -> range:
    """Return the seeds of an exercise's wearers: no two exercises share one."""
    start = first + EXERCISES.index(exercise) * wearers
    return range(start, start + wearers)


def score(job: Job) -> list[Row]:
    """Return the scores of one wearer under one condition."""
    condition, exercise, seed, marks, alone = job
    side = side_of(seed)
    session = worn(exercise, side, seed, condition.settings, marks=marks)
    about = {"condition": condition.name, "exercise": exercise, "side": str(side), "seed": seed}
    return [about | row for row in rows_of(session, alone=alone)]


def scored(options: argparse.Namespace, pool: ProcessPoolExecutor) -> pd.DataFrame:
    """Return the scores of all wearers under all chosen conditions."""
    jobs: list[Job] = [
        (condition, exercise, seed, not options.no_marks, options.alone)
        for condition in chosen(options.conditions)
        for exercise in options.exercise
        for seed in seeds_of(exercise, options.seeds, options.wearers)
    ]
    rows = [row for found in pool.map(score, jobs, chunksize=4) for row in found]
    return pd.DataFrame(rows)


def show(title: str, table: pd.DataFrame, options: argparse.Namespace) -> None:
    """Print a table, and add it to the Markdown page when one is asked for."""
    print(f"\n{title}\n\n{tables.printed(table)}", flush=True)
    if options.markdown:
        with options.markdown.open("a", encoding="utf-8") as page:
            page.write(f"### {title}\n\n{tables.markdown(table)}\n\n")


def options_of() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--wearers", type=int, default=2, help="for each exercise")
    parser.add_argument("--seeds", type=int, default=100, metavar="FROM")
    parser.add_argument("--exercise", nargs="+", choices=EXERCISES, default=EXERCISES)
    parser.add_argument("--conditions", nargs="+", metavar="NAME", help=", ".join(GROUPS))
    parser.add_argument("--no-marks", action="store_true", help="find the calibration by itself")
    parser.add_argument("--alone", action="store_true", help="our angle, no other method")
    parser.add_argument("--csv", type=Path, help="write a row per wearer, condition and method")
    parser.add_argument("--markdown", type=Path, help="write the tables as Markdown")
    parser.add_argument("--calibrations", action="store_true", help="planted bad calibrations")
    parser.add_argument("--alarms", action="store_true", help="planted faults of units")
    parser.add_argument("--slips", action="store_true", help="what is shown after a slip")
    parser.add_argument("--fidgets", action="store_true", help="a start pose not kept still")
    parser.add_argument("--causes", action="store_true", help="take errors away one by one")
    parser.add_argument("--gaps", action="store_true", help="with and without losses")
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args()


def main() -> None:
    options = options_of()
    if options.markdown:
        options.markdown.write_text("", encoding="utf-8")
    with ProcessPoolExecutor(options.processes) as pool:
        if options.calibrations or options.alarms:
            for title, table in planted.measured(options, pool):
                show(title, table, options)
        elif options.slips:
            show("after a strap slipped by 15 to 35°", planted.slips(options, pool), options)
        elif options.fidgets:
            show("a start pose that is not kept still", fidgets.table(options, pool), options)
        elif options.causes:
            title = "RMSE when one source of error is taken away"
            show(title, causes.table(options, pool), options)
        elif options.gaps:
            show("what losses do to the error", gaps.table(options, pool), options)
        else:
            scores = scored(options, pool)
            if options.csv:
                scores.to_csv(options.csv, index=False)
            show("our angle", tables.summary(scores), options)
            show("% of samples within 1 σ / 2 σ", tables.coverage(scores), options)
            if not options.alone:
                show("every method from the same start", tables.comparison(scores), options)
            print("\nrefused:", *(tables.refusals(scores) or ["none"]), sep="\n  ")


if __name__ == "__main__":
    main()
