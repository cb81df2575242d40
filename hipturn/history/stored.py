"""What analysis found in a session, kept in its folder so that it is found once.

`summary.json` says which samples, events, edits and header it was made from, and by which version;
when one of them is another, it does not count.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hipturn import __version__
from hipturn.session_paths import demo_root
from imu.recording import SessionError
from imu.recording.folder import (
    EDITS_FILE,
    EVENTS_FILE,
    HEADER_FILE,
    SAMPLES_FILE,
    replace_file,
)
from imu.recording.strict_json import parse_object

if TYPE_CHECKING:
    import pandas as pd

SUMMARY_FILE = "summary.json"
MAX_BYTES = 100_000
LEGS_MAX = 2
FIGURES = (
    "sets", "valid", "partial", "rejected", "target_reps", "controlled", "rom_median_deg",
    "rom_max_deg", "rom_iqr_deg", "peak_median_deg", "peak_max_deg", "hold_median_s",
    "tempo_median_s", "mdc_deg", "lost_samples_percent", "longest_gap_ms", "active",
    "end_mean_deg", "end_largest_deg", "plateau_s", "external_rotation_deg", "total_arc_deg",
    "counted_by_hand", "pain_max_0_10", "effort_max_0_10",
)  # fmt: skip
"""The columns of summary.csv that the session alone decides, as numbers; `active` is 1 or 0."""
TEXTS = ("trials_deg", "trials_left_out", "edited")
"""Those that are text."""

Row = dict[str, Any]


def store_summary(folder: Path, summary: pd.DataFrame) -> list[Row]:
    """Keep a session's summary in its folder and return its rows; empty cells are None.

    A folder that cannot be written stays as it is, and so does a demo session.
    """
    return store_legs(folder, rows_of(summary))


def store_legs(folder: Path, rows: list[Row]) -> list[Row]:
    """Keep the rows of a session's summary in its folder, as `store_summary` does; return them."""
    if folder.resolve().is_relative_to(demo_root().resolve()):
        return rows
    # OSError: the folder went away; SessionError: the disk refuses. Neither costs the tables.
    with contextlib.suppress(OSError, SessionError):
        text = json.dumps({"made_from": made_from(folder), "legs": rows}, indent=1)
        replace_file(folder / SUMMARY_FILE, [text.encode() + b"\n"])
    return rows


def rows_of(summary: pd.DataFrame) -> list[Row]:
    """Return what is kept of a summary, a row for each leg."""
    from analysis.session.tables import records  # pandas, which whoever has a summary has loaded

    return [
        {"side": str(row["side"])}
        | {name: _number(row[name]) for name in FIGURES}
        | {name: str(row[name]) for name in TEXTS}
        for row in records(summary, ("side", *FIGURES, *TEXTS))
    ]


def stored_summary(folder: Path) -> list[Row] | None:
    """Return a row for each leg as `store_summary` kept them; None when there are none that fit."""
    path = folder / SUMMARY_FILE
    try:
        if path.is_symlink() or path.stat().st_size > MAX_BYTES:
            return None
        data = parse_object(path.read_bytes())
        if data.get("made_from") != made_from(folder):
            return None
    except (OSError, ValueError):
        return None
    legs = data.get("legs")
    if not isinstance(legs, list) or len(legs) > LEGS_MAX or not all(map(_is_leg, legs)):
        return None
    return legs


def made_from(folder: Path) -> Row:
    """Return what a summary of this folder would be made from.

    Raises
    ------
    OSError
        When header or samples are missing.
    """
    header = hashlib.sha256((folder / HEADER_FILE).read_bytes()).hexdigest()
    events = folder / EVENTS_FILE
    return {
        "software": f"hipturn {__version__}",
        "session": header,
        "samples_bytes": (folder / SAMPLES_FILE).stat().st_size,
        "events_bytes": events.stat().st_size if events.exists() else 0,
        **_hash_of_edits(folder),
    }


def _hash_of_edits(folder: Path) -> Row:
    """Return the SHA-256 of what people said of a session; nothing where nobody did."""
    edits = folder / EDITS_FILE
    if not edits.is_file():
        return {}
    return {"edits": hashlib.sha256(edits.read_bytes()).hexdigest()}


def _number(value: Any) -> float | int | None:  # noqa: ANN401 (a table's cell)
    if value is None or str(value) == "<NA>" or value != value:
        return None
    return int(value) if float(value).is_integer() else float(value)


def _is_leg(row: Any) -> bool:  # noqa: ANN401 (a JSON value)
    return (
        isinstance(row, dict)
        and row.get("side") in ("left", "right")
        and all(row.get(name) is None or type(row.get(name)) in (int, float) for name in FIGURES)
        and all(type(row.get(name)) is str for name in TEXTS)
    )
