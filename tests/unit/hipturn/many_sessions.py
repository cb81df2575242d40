"""Many session folders quickly: a few are worn, the others share their samples."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hipturn.history.earlier import summary_of
from hipturn.history.stored import SUMMARY_FILE, made_from
from hipturn.session.virtual_session import record_wearing
from imu.virtual.wearer import WearerSettings, wear

STARTED = datetime(2025, 1, 6, 9, 0, tzinfo=UTC)
WORN = (
    ("seated_internal_rotation", "right"),
    ("seated_internal_rotation", "left"),
    ("prone_windshield_wiper", "right"),
)


def worn(folder: Path, reps: int = 3) -> list[Path]:
    """Record one session of each kind, with its summary stored."""
    made = []
    for number, (exercise, side) in enumerate(WORN):
        session = folder / f"worn_{number}"
        wearing = wear(exercise, side, 21 + number, WearerSettings(reps=reps))
        record_wearing(session, wearing, STARTED)
        summary_of(session)
        made.append(session)
    return made


def like(session: Path, folder: Path, wearer: str, started_at: datetime, *, rom_deg: float) -> None:
    """Make a session folder with another's samples (as a link), for another wearer and time."""
    folder.mkdir(parents=True)
    for name in ("samples.arrows", "events.jsonl"):
        try:
            os.link(session / name, folder / name)
        except OSError:
            shutil.copy(session / name, folder / name)
    header = json.loads((session / "session.json").read_text())
    header |= {"wearer": wearer, "session_id": folder.name, "started_at": started_at.isoformat()}
    (folder / "session.json").write_text(json.dumps(header))
    stored = json.loads((session / SUMMARY_FILE).read_text())
    stored["made_from"] = made_from(folder)
    for leg in stored["legs"]:
        leg["rom_median_deg"] = leg["peak_median_deg"] = rom_deg
        if leg["end_mean_deg"] is not None:
            leg["end_mean_deg"] = rom_deg
    (folder / SUMMARY_FILE).write_text(json.dumps(stored))


def many(root: Path, sessions: int, wearers: int) -> None:
    """Make sessions of so many wearers, one a day in turn."""
    kinds = worn(root.parent / "worn")
    for number in range(sessions):
        started_at = STARTED + timedelta(hours=number)
        like(
            kinds[number // wearers % len(kinds)],
            root / f"{started_at:%Y%m%dT%H%M%SZ}_{number}",
            f"W{number % wearers:02d}",
            started_at,
            rom_deg=20.0 + number // wearers * 0.5,
        )
