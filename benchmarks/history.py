"""How long the history of a practice takes: 2,000 sessions of 50 wearers.

`python benchmarks/history.py` in a checkout. Folders are as `hipturn live` leaves them: samples,
events, header, and the summary that analysis found.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "unit" / "hipturn"))

from many_sessions import many

from hipturn.history import trend
from hipturn.history.index import INDEX_FILE, history_index

TRIALS = 5


def seconds(root: Path, wearer: str) -> tuple[float, int]:
    """Return how long one wearer's trend takes, opening the index included."""
    start = time.perf_counter()
    with history_index(root) as index:
        rows = len(trend.trend(index, wearer))
    return time.perf_counter() - start, rows


def main() -> None:
    """Print the time to build the index and to answer from it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--wearers", type=int, default=50)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "recordings"
        many(root, chosen.sessions, chosen.wearers)
        first_s, rows = seconds(root, "W07")
        again_s = sorted(seconds(root, f"W{number:02d}")[0] for number in range(TRIALS))
        (root / INDEX_FILE).unlink()
        rebuilt_s, rows_again = seconds(root, "W07")
    assert rows == rows_again > 0
    print(f"{chosen.sessions} sessions of {chosen.wearers} wearers")
    each_ms = 1e3 * first_s / chosen.sessions
    print(f"index built and first trend  {first_s:6.2f} s, {each_ms:.2f} ms each")
    print(f"index deleted, built again   {rebuilt_s:6.2f} s")
    median_s = again_s[len(again_s) // 2]
    print(f"a wearer's trend ({rows} rows)   {median_s:6.3f} s, worst {again_s[-1]:.3f} s")


if __name__ == "__main__":
    main()
