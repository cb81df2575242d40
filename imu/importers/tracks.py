"""Columns of numbers → one unit's track, and tracks → a session: for tools that write plain times.

What no unit can have said is dropped and counted; time runs forwards; every unit's times are on
one scale.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from imu.importers import ImportedSession, ImportFileError, Placement
from imu.importers.alignment import Track, longest_forward, merge
from imu.importers.rows import (
    ACC_MAX_MPS2,
    GYR_MAX_RADPS,
    come_in_bursts,
    rate_of,
    refuse_bad_span,
    ticks_of,
    unit_length,
)
from imu.quaternion import ARRAYS, by_rows, normalise
from imu.sample import Clock, FloatArray, Segment, Unit

TICK_S = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What one unit's columns hold, in seconds, m/s² and rad/s; None where there is no column."""

    path: Path
    place: Placement
    time_s: FloatArray
    """Shape (n,), on a scale that all units share."""
    q: FloatArray | None = None
    """Shape (n, 4), wxyz, sensor → earth."""
    acc: FloatArray | None = None
    gyr: FloatArray | None = None
    profile: str
    name: str = ""
    rows: int = 0
    dropped: Counter[str]


def session_of(
    recorded: Sequence[Recorded],
    started_at: Callable[[float], datetime | None],
    warnings: list[str],
) -> ImportedSession:
    """Return the session of several units' columns.

    Parameters
    ----------
    recorded
        What each unit's columns hold.
    started_at
        Tells the wall time at a second of the units' scale, None when it is not known.
    warnings
        Sentences for the person who imports; what was dropped is added.

    Raises
    ------
    ImportFileError
        When a unit has no orientation and nothing to fuse one from, fewer than two usable rows,
        absurd times, or no moment in common with another.
    """
    kept = [_kept(one) for one in recorded]
    _refuse_strangers(kept)
    first_s = min(float(one.time_s[0]) for one in kept)
    arrivals = any(come_in_bursts(one.time_s) for one in kept)
    if arrivals:
        warnings.append(
            "The times are those at which samples arrived, several at once: when each was measured"
            " is estimated from them."
        )
    units = tuple(_unit(one, arrivals=arrivals) for one in kept)
    tracks = [_track(one, first_s, arrivals=arrivals) for one in kept]
    for one in kept:
        if one.dropped:
            told = ", ".join(f"{count} {reason}" for reason, count in one.dropped.items())
            warnings.append(
                f"{one.path.name}: {one.dropped.total()} of {one.rows} rows dropped ({told})."
            )
    clock: Clock = "independent" if arrivals else "shared"
    return ImportedSession(units, merge(tracks), clock, started_at(first_s), warnings)


def check_placements(files: Mapping[Placement, object]) -> None:
    """Refuse a pelvis with a side, and other segments without one.

    Raises
    ------
    ValueError
        When there is one, or no file at all.
    """
    if not files:
        raise ValueError("no file to import; give at least one unit's file")
    for segment, side in files:
        if (side is None) != (segment is Segment.PELVIS):
            raise ValueError(f"the {segment} {'has no side' if side else 'needs a side'}")


def _kept(one: Recorded) -> Recorded:
    """Return the rows that a unit can have said, in order of time."""
    if one.q is None and (one.acc is None or one.gyr is None):
        raise ImportFileError(
            one.path,
            "",
            "there are no quaternions, and not both acceleration and rotation rate",
            "record quaternions, or both of the others",
        )
    columns = [c for c in (one.q, one.acc, one.gyr) if c is not None]
    good = np.isfinite(one.time_s) & np.isfinite(np.concatenate(columns, axis=1)).all(axis=1)
    _count(one, good, "with NaN or infinite values")
    possible = good.copy()
    if one.q is not None:
        possible &= unit_length(one.q)
        _count(one, possible | ~good, "with a quaternion not of length one")
    inside = possible.copy()
    for values, limit in ((one.acc, ACC_MAX_MPS2), (one.gyr, GYR_MAX_RADPS)):
        if values is not None:
            with np.errstate(invalid="ignore"):
                inside &= (np.abs(values) <= limit).all(axis=1)
    _count(one, inside | ~possible, "out of range")
    index = np.flatnonzero(inside)
    if len(index):
        forward = index[longest_forward(ticks_of(one.time_s[index], TICK_S))]
        if len(forward) < len(index):
            one.dropped["repeated or with time running backwards"] += len(index) - len(forward)
        index = forward
    if len(index) < 2:
        raise ImportFileError(
            one.path, "", f"fewer than two of {one.rows} rows are usable", "export it again"
        )
    time_s = one.time_s[index]
    refuse_bad_span(one.path, "its times", time_s)
    return Recorded(
        path=one.path,
        place=one.place,
        time_s=time_s,
        q=None if one.q is None else by_rows(normalise, one.q[index], of=ARRAYS),
        acc=None if one.acc is None else one.acc[index],
        gyr=None if one.gyr is None else one.gyr[index],
        profile=one.profile,
        name=one.name,
        rows=one.rows,
        dropped=one.dropped,
    )


def _count(one: Recorded, good: np.ndarray, reason: str) -> None:
    bad = int((~good).sum())
    if bad:
        one.dropped[reason] += bad


def _refuse_strangers(kept: Sequence[Recorded]) -> None:
    for i, one in enumerate(kept):
        for other in kept[i + 1 :]:
            if one.time_s[-1] < other.time_s[0] or other.time_s[-1] < one.time_s[0]:
                raise ImportFileError(
                    other.path,
                    "",
                    f"it has no moment in common with {one.path}",
                    "give files of one recording",
                )


def _unit(one: Recorded, *, arrivals: bool) -> Unit:
    segment, side = one.place
    return Unit(
        segment=segment,
        side=side,
        rate_hz=rate_of(one.path, "its times", one.time_s),
        profile=one.profile,
        name=one.name,
        tick_s=None if arrivals else TICK_S,
        time_bits=63,
        sequence_bits=32,
    )


def _track(one: Recorded, first_s: float, *, arrivals: bool) -> Track:
    us = np.rint((one.time_s - first_s) / TICK_S).astype(np.int64)
    n = len(us)
    return Track(
        us * 1000,
        np.full(n, -1, dtype=np.int64) if arrivals else us,
        np.full(n, -1, dtype=np.int64),  # no packet counter
        np.full((n, 4), np.nan) if one.q is None else one.q,
        np.full((n, 3), np.nan) if one.acc is None else one.acc,
        np.full((n, 3), np.nan) if one.gyr is None else one.gyr,
    )
