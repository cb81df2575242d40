"""Make the demo sessions again: `python recordings/make_demo.py` in a checkout."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hipturn.session.virtual_session import record_wearing
from imu.virtual.wearer import WearerSettings, wear

DEMO = Path(__file__).parent / "demo"
SESSIONS = (
    ("prone_windshield_wiper", "both", 11),
    ("ninety_ninety_lift", "right", 12),
    ("seated_internal_rotation", "left", 13),
)


def main() -> None:
    """Replace every demo session by a fresh one; the same seeds give the same sessions."""
    for index, (exercise, side, seed) in enumerate(SESSIONS):
        folder = DEMO / exercise
        if folder.exists():
            shutil.rmtree(folder)
        wearing = wear(exercise, side, seed, WearerSettings(reps=10))
        started_at = datetime(2026, 1, 5, 9, 0, tzinfo=UTC) + timedelta(minutes=10 * index)
        record_wearing(folder, wearing, started_at)
        print(folder, f"{len(wearing.samples)} samples")


if __name__ == "__main__":
    main()
