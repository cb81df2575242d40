"""CSV files of the Movella (formerly Xsens) DOT app → one session, one file a unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

import numpy as np

from imu.importers import ImportedSession, ImportFileError, Placement
from imu.importers.alignment import Track, merge, unwrap
from imu.importers.xsens.dot_file import TICK_S, DotFile, read_dot_file
from imu.importers.xsens.dot_table import TIME_BITS, describe_dropped
from imu.sample import Clock, IntArray, Segment, Unit

__all__ = ["DotFile", "import_dot", "read_dot_file"]

# The packet counter runs on past 2**16: it counts from one for the whole recording.
_SEQUENCE_BITS = 32
# Start times are the phone's, written when each file was opened; a set's lie well within this.
_START_SLACK_S = 60.0


def import_dot(files: Mapping[Placement, Path]) -> ImportedSession:
    """Turn the app's files of one recording into a session.

    Units that the app recorded as one synchronised set share one clock and are aligned by it;
    others are aligned by the start times in their files, with a warning. Modes without
    orientation leave it NaN, to be fused from acceleration and rotation rate.

    Parameters
    ----------
    files : Mapping
        Segment and side (None for the pelvis) of each unit to its file; at least one.

    Returns
    -------
    ImportedSession
        Units in the order of `files`.

    Raises
    ------
    ImportFileError
        When a file cannot be used, is given twice, or the files do not overlap in time.
    ValueError
        When no file is given, or a side is missing or out of place.
    """
    _check_placements(files)
    dots = [read_dot_file(path) for path in files.values()]
    _refuse_copies(dots)
    warnings = [sentence for dot in dots for sentence in _loss_warnings(dot)]
    # a unit alone shares its clock with itself
    shared = len(dots) == 1 or all(dot.synced for dot in dots)
    running_us = _on_shared_clock(dots) if shared else _by_start_times(dots, warnings)
    _refuse_strangers(dots, running_us)
    earliest_us = min(int(running[0]) for running in running_us)
    tracks = [
        Track(
            (running - earliest_us) * 1000, dot.time_us, dot.packet_counter, dot.q, dot.acc, dot.gyr
        )
        for dot, running in zip(dots, running_us, strict=True)
    ]
    first = dots[min(range(len(dots)), key=lambda i: int(running_us[i][0]))]
    units = tuple(_unit(place, dot) for place, dot in zip(files, dots, strict=True))
    clock: Clock = "shared" if shared else "independent"
    return ImportedSession(units, merge(tracks), clock, _started_at(first, warnings), warnings)


def _check_placements(files: Mapping[Placement, Path]) -> None:
    if not files:
        raise ValueError("no file to import; give at least one unit's file")
    for segment, side in files:
        if (side is None) != (segment is Segment.PELVIS):
            raise ValueError(f"the {segment} {'has no side' if side else 'needs a side'}")


def _unit(place: Placement, dot: DotFile) -> Unit:
    segment, side = place
    return Unit(
        segment=segment,
        side=side,
        rate_hz=dot.rate_hz,
        profile="xsens-dot",
        name=dot.tag,
        firmware=dot.firmware,
        # The unit's filter leans on its magnetometer, but steel in floors, chairs and beds turns
        # each unit's north differently: two headings of one set are never taken to agree.
        heading="arbitrary",
        tick_s=TICK_S,
        time_bits=TIME_BITS,
        sequence_bits=_SEQUENCE_BITS,
    )


def _refuse_copies(dots: Sequence[DotFile]) -> None:
    for one, other in combinations(dots, 2):
        same_data = np.array_equal(one.time_us, other.time_us) and all(
            np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)
            for name in ("q", "acc", "gyr")
        )
        if same_data or one.path.samefile(other.path):
            raise ImportFileError(
                other.path,
                "",
                f"this is the same recording as {one.path}",
                "give each unit its own file",
            )


def _refuse_strangers(dots: Sequence[DotFile], running_us: Sequence[IntArray]) -> None:
    """Raise when the recordings have no moment in common."""
    for i, k in combinations(range(len(dots)), 2):
        one, other = running_us[i], running_us[k]
        apart = one[-1] < other[0] or other[-1] < one[0]
        if apart or _started_apart(dots[i], dots[k]):
            raise ImportFileError(
                dots[k].path,
                "",
                f"it has no moment in common with {dots[i].path}",
                "give files of one recording",
            )


def _started_apart(one: DotFile, other: DotFile) -> bool:
    """Tell whether the start times, where both are known, leave no common moment.

    Synchronised clocks of two days can overlap by chance: they wrap every 72 minutes.
    """
    if one.start_time is None or other.start_time is None:
        return False
    first, second = _comparable([one.start_time, other.start_time])
    earlier = one if first <= second else other
    length_s = float(earlier.running_us[-1] - earlier.running_us[0]) * TICK_S
    return abs((second - first).total_seconds()) > length_s + _START_SLACK_S


def _on_shared_clock(dots: Sequence[DotFile]) -> list[IntArray]:
    """Return each unit's microseconds on the first unit's scale, wraps undone."""
    near = int(dots[0].time_us[0])
    return [unwrap(dot.time_us, TIME_BITS, near) for dot in dots]


def _by_start_times(dots: Sequence[DotFile], warnings: list[str]) -> list[IntArray]:
    """Return each unit's microseconds since the earliest start, by the start times."""
    starts = [dot.start_time for dot in dots if dot.start_time is not None]
    if len(starts) < len(dots):
        warnings.append(
            "The units were not recorded as one synchronised set and not every file has a start"
            " time: all are taken to start together, which can be seconds wrong; movement of one"
            " segment against another is not reliable."
        )
        return [dot.running_us - dot.time_us[0] for dot in dots]
    warnings.append(
        "The units were not recorded as one synchronised set: they are aligned by the start times"
        " in their files, which can be tenths of a second wrong; synchronise the units in the app"
        " before the next recording."
    )
    starts = _comparable(starts)
    earliest = min(starts)
    return [
        dot.running_us - dot.time_us[0] + (start - earliest) // timedelta(microseconds=1)
        for dot, start in zip(dots, starts, strict=True)
    ]


def _comparable(starts: Sequence[datetime]) -> list[datetime]:
    """Return the start times as they are, or all as local text where a zone is unknown."""
    if all(start.tzinfo is not None for start in starts):
        return list(starts)
    return [start.replace(tzinfo=None) for start in starts]


def _started_at(dot: DotFile, warnings: list[str]) -> datetime | None:
    if dot.start_time is None:
        warnings.append(f"{dot.path.name} tells no start time.")
        return None
    if dot.start_time.tzinfo is None:
        warnings.append(
            f"{dot.path.name} tells its start time without a zone that is the same everywhere:"
            " it is taken as UTC."
        )
        return dot.start_time.replace(tzinfo=UTC)
    return dot.start_time


def _loss_warnings(dot: DotFile) -> list[str]:
    sentences = []
    if dot.dropped:
        sentences.append(
            f"{dot.path.name}: {sum(dot.dropped.values())} of {dot.rows} rows dropped"
            f" ({describe_dropped(dot.dropped)})."
        )
    if dot.lost:
        samples = "sample was" if dot.lost == 1 else "samples were"
        sentences.append(f"{dot.path.name}: {dot.lost} {samples} lost on the way.")
    return sentences
