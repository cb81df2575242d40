"""CSV files of the Movella (formerly Xsens) DOT app → one session, one file a unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import numpy as np

from imu.importers import Hints, ImportedSession, ImportFileError, Placement
from imu.importers.alignment import Track, merge
from imu.importers.tracks import check_placements
from imu.importers.xsens.dot_clock import TIME_BITS
from imu.importers.xsens.dot_file import TICK_S, DotFile, read_dot_file
from imu.importers.xsens.dot_set import aligned, started_apart, with_zones
from imu.sample import Clock, IntArray, Unit

__all__ = ["DotFile", "import_dot", "read_dot_file"]

# The packet counter runs on past 2**16: it counts from one for the whole recording.
_SEQUENCE_BITS = 32


def import_dot(files: Mapping[Placement, Path], hints: Hints | None = None) -> ImportedSession:
    """Turn the app's files of one recording into a session.

    Units that the app recorded as one synchronised set share one clock and are aligned by it;
    others are aligned by the start times in their files, with a warning. Modes without
    orientation leave it NaN, to be fused from acceleration and rotation rate.

    Parameters
    ----------
    files : Mapping
        Segment and side (None for the pelvis) of each unit to its file; at least one.
    hints
        The rate where SampleTimeFine is missing or rounded, and offsets between clocks.

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
    check_placements(files)
    hints = hints or Hints()
    dots = [read_dot_file(path, hints) for path in files.values()]
    _refuse_copies(dots)
    warnings = [sentence for dot in dots for sentence in (*dot.notes, *_loss_warnings(dot))]
    dots = with_zones(dots, warnings)
    shared, running_us = aligned(dots, warnings)
    offset_us = [round(hints.offset_s.get(place, 0.0) / TICK_S) for place in files]
    running_us = [running + by for running, by in zip(running_us, offset_us, strict=True)]
    _refuse_strangers(dots, running_us, offset_us)
    earliest_us = min(int(running[0]) for running in running_us)
    tracks = [
        Track(
            (running - earliest_us) * 1000,
            (dot.time_us + by) % (1 << TIME_BITS) if shared else dot.time_us,
            dot.packet_counter,
            dot.q,
            dot.acc,
            dot.gyr,
        )
        for dot, running, by in zip(dots, running_us, offset_us, strict=True)
    ]
    first = dots[min(range(len(dots)), key=lambda i: int(running_us[i][0]))]
    units = tuple(_unit(place, dot) for place, dot in zip(files, dots, strict=True))
    clock: Clock = "shared" if shared else "independent"
    return ImportedSession(
        units,
        merge(tracks),
        clock,
        _started_at(first, warnings),
        warnings,
        origin_s=earliest_us * TICK_S if shared else None,
    )


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


def _refuse_strangers(
    dots: Sequence[DotFile], running_us: Sequence[IntArray], offset_us: Sequence[int]
) -> None:
    """Raise when the recordings have no moment in common."""
    for i, k in combinations(range(len(dots)), 2):
        one, other = running_us[i], running_us[k]
        apart = one[-1] < other[0] or other[-1] < one[0]
        told = offset_us[i] != offset_us[k]
        if apart or (not told and started_apart(dots[i], dots[k])):
            raise ImportFileError(
                dots[k].path,
                "",
                f"it has no moment in common with {dots[i].path}",
                "give files of one recording",
            )


def _started_at(dot: DotFile, warnings: list[str]) -> datetime | None:
    if dot.start_time is None:
        warnings.append(f"{dot.path.name} tells no start time.")
        return None
    if dot.start_time.tzinfo is None:
        warnings.append(
            f"{dot.path.name} tells its start time without a zone that is the same everywhere"
            f"{f' ({dot.zone})' if dot.zone else ''}: it is taken as UTC."
        )
        return dot.start_time.replace(tzinfo=UTC)
    return dot.start_time


def _loss_warnings(dot: DotFile) -> list[str]:
    sentences = dot.dropped.sentence(dot.path, dot.rows)
    if dot.lost:
        samples = "sample was" if dot.lost == 1 else "samples were"
        sentences.append(f"{dot.path.name}: {dot.lost} {samples} lost on the way.")
    return sentences
