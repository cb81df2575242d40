"""Several files of one unit, each with times of its own → one table: acceleration beside rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imu.importers import ImportFileError, Placement
from imu.importers.alignment import longest_forward
from imu.importers.text.dropped import BACKWARDS, NOT_FINITE, Dropped, drop_where
from imu.importers.tracks import ABSURD_S, TICK_S, Recorded
from imu.importers.witnesses.rows import ticks_of
from imu.importers.witnesses.stamps import repeats, spread
from imu.sample import FloatArray, IntArray

HOLE_STEPS = 5.0
"""Between samples farther apart than this many of its steps a stream tells nothing."""
HOLE_S = 0.1
ORIENTATION, ACCELERATION, RATES = "quaternion", "acceleration", "gyroscope"
_WIDTHS = {ORIENTATION: 4, ACCELERATION: 3, RATES: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What one file holds of one unit, in seconds, m/s² and rad/s."""

    path: Path
    time_s: FloatArray
    """Shape (n,), in the order of the file."""
    groups: Mapping[str, FloatArray]
    """`quaternion` (n, 4), wxyz, sensor → earth, `acceleration` and `gyroscope` (n, 3)."""
    lines: IntArray
    """Shape (n,), the line of each row."""
    rows: int
    dropped: Dropped


def joined(
    place: Placement, streams: Sequence[Stream], *, profile: str, name: str, time_unit: str = ""
) -> Recorded:
    """Return one unit's streams as one table, at the instants of its orientation or its rates.

    Parameters
    ----------
    time_unit
        The unit of time that a person told; empty where the file says it.

    Raises
    ------
    ImportFileError
        When two files hold the same, or have no moment in common.
    """
    seen: dict[str, Path] = {}
    for one in streams:
        for group in one.groups:
            if group in seen:
                raise ImportFileError(
                    one.path, "", f"two files of one unit hold the same stream ({group})",
                    "give each once, or with --append one after the other",
                )  # fmt: skip
            seen[group] = one.path
    first, *others = sorted(streams, key=_rank) if len(streams) > 1 else streams
    whole, dropped, groups, notes = first, first.dropped, dict(first.groups), []
    if others:
        whole, *others = (_in_order(one) for one in (first, *others))
        groups, inside = dict(whole.groups), np.ones(len(whole.time_s), dtype=np.bool_)
        for one in others:
            for group, values in one.groups.items():
                groups[group] = _at(whole.time_s, one.time_s, values)
                inside &= ~np.isnan(groups[group]).any(axis=1)
            dropped = _together(dropped, one.dropped)
        _refuse_apart(whole, others, inside)
        whole, groups = _only(whole, inside), {k: v[inside] for k, v in groups.items()}
        notes = [
            f"{one.path.name} has times of its own: it was read off at those of {whole.path.name}."
            for one in others
            if not np.isin(whole.time_s, one.time_s).all()
        ]
    return Recorded(
        path=whole.path,
        place=place,
        time_s=whole.time_s,
        q=groups.get(ORIENTATION),
        acc=groups.get(ACCELERATION),
        gyr=groups.get(RATES),
        profile=profile,
        name=name,
        lines=whole.lines,
        rows=whole.rows if others else first.rows,
        dropped=dropped,
        time_unit=time_unit,
        notes=notes,
    )


def _rank(stream: Stream) -> int:
    order = (ORIENTATION, RATES, ACCELERATION)
    return min((order.index(group) for group in stream.groups), default=len(order))


def _in_order(one: Stream) -> Stream:
    """Return the rows with finite numbers, time running forwards, shared stamps spread."""
    values = np.column_stack((one.time_s, *one.groups.values()))
    bad = ~np.isfinite(values).all(axis=1) | (np.abs(one.time_s) > ABSURD_S)
    drop_where(one.dropped, bad, NOT_FINITE, one.lines, values)
    finite = _only(one, ~bad)
    again = repeats(finite.time_s, *finite.groups.values())
    drop_where(one.dropped, again, BACKWARDS, finite.lines, finite.time_s[:, None])
    once = _only(finite, ~again)
    if not len(once.time_s):
        return once
    time_s = spread(once.time_s)
    keep = np.zeros(len(time_s), dtype=np.bool_)
    keep[longest_forward(ticks_of(time_s - time_s[0], TICK_S))] = True
    drop_where(one.dropped, ~keep, BACKWARDS, once.lines, time_s[:, None])
    kept = _only(once, keep)
    return Stream(
        path=kept.path, time_s=time_s[keep], groups=kept.groups, lines=kept.lines, rows=kept.rows,
        dropped=kept.dropped,
    )  # fmt: skip


def _only(one: Stream, keep: np.ndarray) -> Stream:
    return Stream(
        path=one.path,
        time_s=one.time_s[keep],
        groups={name: values[keep] for name, values in one.groups.items()},
        lines=one.lines[keep],
        rows=one.rows,
        dropped=one.dropped,
    )


def _at(wanted_s: FloatArray, time_s: FloatArray, values: FloatArray) -> FloatArray:
    """Return a stream's values at other instants, NaN where it has none on both sides near."""
    if len(time_s) < 2:
        return np.full((len(wanted_s), values.shape[1]), np.nan)
    step_s = float(np.median(np.diff(time_s)))
    after = np.clip(np.searchsorted(time_s, wanted_s), 1, len(time_s) - 1)
    hole = time_s[after] - time_s[after - 1] > max(HOLE_S, HOLE_STEPS * step_s)
    outside = (wanted_s < time_s[0] - step_s) | (wanted_s > time_s[-1] + step_s)
    out = np.column_stack([np.interp(wanted_s, time_s, column) for column in values.T])
    out[(hole & (wanted_s != time_s[after]) & (wanted_s != time_s[after - 1])) | outside] = np.nan
    return out


def _together(one: Dropped, other: Dropped) -> Dropped:
    both = Dropped()
    both.update(one)
    both.update(other)
    both.first = one.first or other.first
    return both


def _refuse_apart(whole: Stream, others: Sequence[Stream], inside: np.ndarray) -> None:
    if len(whole.time_s) and all(len(o.time_s) for o in others) and np.sum(inside) < 2:
        raise ImportFileError(
            others[0].path,
            "",
            f"it has no moment in common with {whole.path}",
            "give files of one recording, whose times begin together",
        )
