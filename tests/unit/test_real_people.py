"""Counting on real people, where their recordings are at hand ($HIPTURN_TEST_DATA)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("HIPTURN_TEST_DATA", ""), "uci_physical_therapy")


@pytest.mark.skipif(not DATA.is_dir(), reason="the recordings are not at hand")
def test_two_people_and_four_exercises_are_counted_as_they_were_done():
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "reps.py"), "--data", str(DATA)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("hipturn "))
    miscount = float(re.search(r"miscount +([\d.]+) %", line)[1])
    assert miscount <= 2.0
    assert "within 1 8/8" in line
    for name in ("start", "end"):
        error = float(re.search(rf"{name} +median \|error\| ([\d.]+) s", done.stdout)[1])
        assert error <= 0.35
    assert float(re.search(r"told apart: ([\d.]+) %", done.stdout)[1]) >= 93.0
