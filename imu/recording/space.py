"""Checks, before a recording starts, that the disk has room for it."""

from __future__ import annotations

import shutil
from pathlib import Path

# A sample takes 111 bytes in a batch, and its payload up to 63; a batch's own description takes
# 840 bytes seven times a second. Five units are the most that are worn at once.
BYTES_PER_SAMPLE = 174
BATCH_BYTES_PER_S = 5_900
UNITS = 5
UNIT_HZ = 60
BYTES_PER_HOUR = 3600 * (BYTES_PER_SAMPLE * UNITS * UNIT_HZ + BATCH_BYTES_PER_S)
# Less room than this is worth a word before starting. Sessions last an hour at most.
HOURS = 2


def check_space(folder: Path) -> str | None:
    """Return what to say when the disk that `folder` is on, or will be on, is nearly full.

    Returns
    -------
    str or None
        One sentence with the free bytes and what an hour of five units takes; None when there is
        room for two such hours.
    """
    try:
        there = next(path for path in (folder, *folder.resolve().parents) if path.exists())
        free = shutil.disk_usage(there).free
    except (OSError, RuntimeError) as error:  # RuntimeError: a ring of links, before Python 3.13
        reason = getattr(error, "strerror", None) or str(error)
        return f"{folder}: the free space is unknown ({reason}); check the disk"
    if free >= HOURS * BYTES_PER_HOUR:
        return None
    return (
        f"{folder}: the disk is nearly full, {_said(free)} are free and an hour of five units takes"
        f" up to {_said(BYTES_PER_HOUR)}; free some space or record elsewhere with --dir"
    )


def _said(count: int) -> str:
    """Return a number of bytes as people say it."""
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"
