"""How long `hipturn --help` takes, beside an empty Python.

python benchmarks/startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 15


def seconds(*arguments: str) -> float:
    """Return the median wall time of a Python command."""
    times = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def main() -> None:
    empty = seconds("-c", "pass")
    for command in ("--help", "--version", "analyse --help"):
        taken = seconds("-m", "hipturn", *command.split())
        print(f"hipturn {command}: {taken:.3f} s, {taken / empty:.1f} times an empty Python")


if __name__ == "__main__":
    main()
