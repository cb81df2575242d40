"""Columns of numbers → one unit's track, and tracks → a session: for tools that write plain times.

What a file says in several ways is compared first. What no unit can have said is dropped and
counted; time runs forwards; every unit's times are on one scale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imu.importers import Hints, ImportedSession, ImportFileError, Placement
from imu.importers.alignment import Track, longest_forward, merge
from imu.importers.text.dropped import (
    BACKWARDS,
    NO_ROTATION,
    NOT_FINITE,
    OUT_OF_RANGE,
    Dropped,
    drop_where,
    in_row,
    refuse_if_most_fell,
)
from imu.importers.witnesses.gravity import Witnessed, read_rightly, sized
from imu.importers.witnesses.rows import (
    ACC_MAX_MPS2,
    GYR_MAX_RADPS,
    come_in_bursts,
    rate_of,
    refuse_bad_span,
    ticks_of,
    unit_length,
)
from imu.importers.witnesses.stamps import repeats, spread
from imu.importers.witnesses.turning import turned_rightly
from imu.quaternion import ARRAYS, by_rows, normalise
from imu.sample import BoolArray, Clock, FloatArray, IntArray, Segment, Unit

TICK_S = 1e-6
ABSURD_S, ABSURD = 1e20, 1e9
"""Beyond any clock in any unit, and any raw count; kept from overflowing."""
ARRIVALS = (
    "The times are those at which samples arrived, several at once: when each was measured is"
    " estimated from them."
)


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
    lines: IntArray
    """Shape (n,), the line of each row in its file."""
    rows: int
    dropped: Dropped
    time_unit: str = ""
    """The unit of time that a person told; empty where the file says it."""
    notes: list[str] = field(default_factory=list)
    """What had to be assumed or mended."""

    @property
    def columns(self) -> list[FloatArray]:
        """Return the quantities that there are."""
        return [one for one in (self.q, self.acc, self.gyr) if one is not None]

    def only(self, keep: BoolArray | IntArray) -> Recorded:
        """Return some of the rows."""
        return replace(
            self,
            time_s=self.time_s[keep],
            q=None if self.q is None else self.q[keep],
            acc=None if self.acc is None else self.acc[keep],
            gyr=None if self.gyr is None else self.gyr[keep],
            lines=self.lines[keep],
        )


def session_of(
    recorded: Sequence[Recorded],
    started_at: Callable[[float], datetime | None],
    warnings: list[str],
    hints: Hints | None = None,
) -> ImportedSession:
    """Return the session of several units' columns.

    Parameters
    ----------
    recorded
        What each unit's columns hold.
    started_at
        Tells the wall time at a second of the units' scale, None when it is not known.
    warnings
        Sentences for the person who imports; what was mended and dropped is added.
    hints
        What a person says besides; only the offsets matter here.

    Raises
    ------
    ImportFileError
        When a unit has no orientation and nothing to fuse one from, too few usable rows, absurd
        times, contradicts itself, or has no moment in common with another.
    """
    offset_s = hints.offset_s if hints else {}
    kept = _agreeing([_kept(one) for one in recorded])
    kept = [replace(one, time_s=one.time_s + offset_s.get(one.place, 0.0)) for one in kept]
    _refuse_strangers(kept)
    first_s = min(float(one.time_s[0]) for one in kept)
    arrivals = any(come_in_bursts(one.time_s) for one in kept)
    if arrivals:
        warnings.append(ARRIVALS)
    units = tuple(_unit(one, arrivals=arrivals) for one in kept)
    tracks = [_track(one, first_s, arrivals=arrivals) for one in kept]
    for one in kept:
        warnings += [*one.notes, *one.dropped.sentence(one.path, one.rows)]
    clock: Clock = "independent" if arrivals else "shared"
    return ImportedSession(
        units, merge(tracks), clock, started_at(first_s), warnings, origin_s=first_s
    )


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


class Said(NamedTuple):
    """One unit's quantities as its file gives them."""

    path: Path
    time_s: FloatArray
    """Shape (n,), increasing."""
    q: FloatArray | None
    """Shape (n, 4), wxyz."""
    acc: FloatArray | None
    """Shape (n, 3), m/s²."""
    gyr: FloatArray | None
    """Shape (n, 3), rad/s."""


class Believed(NamedTuple):
    """One unit's quantities as they agree with each other."""

    q: FloatArray | None
    acc: FloatArray | None
    gyr: FloatArray | None
    notes: list[str]
    """What was mended."""


def believed(units: Sequence[Said]) -> list[Believed]:
    """Return orientation, acceleration and rates of units of one tool as they agree.

    Raises
    ------
    ImportFileError
        When they contradict each other and what is meant is not settled.
    """
    sure = [
        (one.acc, list[str]())
        if one.acc is None
        else sized(one.path, one.acc, needed=one.q is None)
        for one in units
    ]
    witnessed = [
        Witnessed(one.path, one.q, acc)
        for one, (acc, _) in zip(units, sure, strict=True)
        if one.q is not None
    ]
    read, mended = read_rightly(witnessed)
    orientations = iter(read)
    found: list[Believed] = []
    for one, (acc, notes) in zip(units, sure, strict=True):
        q = None if one.q is None else next(orientations)
        gyr = one.gyr
        if gyr is not None:
            q, gyr, said = turned_rightly(one.path, one.time_s, q, acc, gyr)
            notes = notes + said
        found.append(Believed(q, acc, gyr, mended + notes if not found else notes))
    return found


def _kept(one: Recorded) -> Recorded:
    """Return the rows with numbers, in order of time."""
    if one.q is None and (one.acc is None or one.gyr is None):
        raise ImportFileError(
            one.path,
            "",
            "there are no quaternions, and not both acceleration and rotation rate",
            "record quaternions, or both of the others",
        )
    forward = _forward(_finite(one))
    refuse_if_most_fell(one.path, len(forward.time_s), one.rows, one.dropped, "")
    rate_of(one.path, "its times", forward.time_s, one.time_unit)
    refuse_bad_span(one.path, "its times", forward.time_s)
    return replace(
        forward, q=None if forward.q is None else by_rows(normalise, forward.q, of=ARRAYS)
    )


def _agreeing(kept: Sequence[Recorded]) -> list[Recorded]:
    """Return units as what they say agrees, without what no unit can have measured."""
    found = []
    meant = believed([Said(one.path, one.time_s, one.q, one.acc, one.gyr) for one in kept])
    for one, (q, acc, gyr, notes) in zip(kept, meant, strict=True):
        inside = _inside(replace(one, q=q, acc=acc, gyr=gyr, notes=[*one.notes, *notes]))
        refuse_if_most_fell(one.path, len(inside.time_s), one.rows, one.dropped, "")
        found.append(inside)
    return found


def _finite(one: Recorded) -> Recorded:
    values = np.column_stack((one.time_s, *one.columns))
    bad = ~np.isfinite(values).all(axis=1) | (np.abs(one.time_s) > ABSURD_S)
    drop_where(one.dropped, bad, NOT_FINITE, one.lines, values)
    one = one.only(~bad) if bad.any() else one
    one = replace(one, acc=_bounded(one.acc), gyr=_bounded(one.gyr))
    if one.q is not None:
        bad = ~unit_length(one.q)
        drop_where(one.dropped, bad, NO_ROTATION, one.lines, one.q)
        one = one.only(~bad) if bad.any() else one
    return one


def _bounded(values: FloatArray | None) -> FloatArray | None:
    return None if values is None else np.clip(values, -ABSURD, ABSURD)


def _forward(one: Recorded) -> Recorded:
    """Return the rows in order of time, with those of a shared stamp spread."""
    again = repeats(one.time_s, *one.columns)
    drop_where(one.dropped, again, BACKWARDS, one.lines, one.time_s[:, None])
    one = one.only(~again) if again.any() else one
    if not len(one.time_s):
        return one
    time_s = spread(one.time_s)
    index = longest_forward(ticks_of(time_s - time_s[0], TICK_S))
    if len(index) < len(time_s):
        fell = np.ones(len(time_s), dtype=np.bool_)
        fell[index] = False
        drop_where(one.dropped, fell, BACKWARDS, one.lines, one.time_s[:, None])
    return replace(one, time_s=time_s).only(index)


def _inside(one: Recorded) -> Recorded:
    """Return the rows whose numbers a unit can have measured."""
    for values, limit in ((one.acc, ACC_MAX_MPS2), (one.gyr, GYR_MAX_RADPS)):
        if values is not None:
            bad = in_row(np.abs(values) > limit)
            if bad.any():
                drop_where(one.dropped, bad, OUT_OF_RANGE, one.lines, values)
                return _inside(one.only(~bad))
    return one


def _refuse_strangers(kept: Sequence[Recorded]) -> None:
    for i, one in enumerate(kept):
        for other in kept[i + 1 :]:
            if one.time_s[-1] < other.time_s[0] or other.time_s[-1] < one.time_s[0]:
                raise ImportFileError(
                    other.path,
                    "",
                    f"it has no moment in common with {one.path}",
                    "give files of one recording, or --offset where the clocks differ",
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
