"""Files that were recorded one after the other → one session."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from imu.importers import ImportedSession, ImportFileError, Placement, printable
from imu.sample import IntArray, SampleTable

APART_S = 1.0
"""Where nothing tells how long the break between two files was, the next begins so much later."""
FOLLOWS_S = 3600.0
"""Of one recording in several files the next begins within an hour after the last."""
NS_PER_S = 1_000_000_000


def parts_of(
    files: Mapping[Placement, Sequence[Path]], holds: Callable[[Path], Hashable]
) -> list[dict[Placement, list[Path]]]:
    """Return the files of each part of a recording, in order.

    Parameters
    ----------
    files
        Each unit's files, in order of time.
    holds
        Tells what a file holds: a part ends before a file that holds what the part has already.

    Raises
    ------
    ImportFileError
        When the units do not have the same number of parts.
    """
    split = {place: _split(paths, holds) for place, paths in files.items()}
    counts = {place: len(parts) for place, parts in split.items()}
    if len(set(counts.values())) > 1:
        fewest = min(counts, key=lambda place: counts[place])
        raise ImportFileError(
            files[fewest][-1],
            "",
            f"one unit has {counts[fewest]} files in sequence and another {max(counts.values())}",
            "give every unit's files of each part",
        )
    return [
        {place: parts[i] for place, parts in split.items()} for i in range(max(counts.values()))
    ]


def _split(paths: Sequence[Path], holds: Callable[[Path], Hashable]) -> list[list[Path]]:
    parts: list[list[Path]] = []
    seen: set[Hashable] = set()
    for path in paths:
        held = holds(path)
        if not parts or held in seen:
            parts.append([])
            seen = set()
        parts[-1].append(path)
        seen.add(held)
    return parts


def in_sequence(parts: Sequence[ImportedSession], names: Sequence[str]) -> ImportedSession:
    """Return several imports of the same units as one session.

    A part whose clock or start time follows on within an hour keeps its distance; any other begins
    a second after the last sample, a gap that is marked.

    Parameters
    ----------
    parts
        In order of time.
    names
        What the parts are called, for the sentences.

    Raises
    ------
    ImportFileError
        When the parts are not of the same units.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    gaps_s: list[float] = []
    warnings = list(first.warnings)
    tables, starts_ns, end_ns = [first.table], [0], int(first.table.host_time_ns[-1])
    for before, part, name in zip(parts, parts[1:], names[1:], strict=False):
        if [unit.label for unit in part.units] != [unit.label for unit in first.units]:
            raise ImportFileError(
                Path(name), "", "it is not of the same units as the first", "give the same units"
            )
        distance_s = _distance_s(before, part)
        if distance_s is None:
            start_ns = end_ns + round(APART_S * NS_PER_S)
            gaps_s.append(start_ns / NS_PER_S)
            warnings.append(
                f"{printable(name, 80)}: its times do not follow: it is put {APART_S:g} s after the"
                " last sample before it."
            )
        else:
            start_ns = starts_ns[-1] + round(distance_s * NS_PER_S)
        starts_ns.append(start_ns)
        end_ns = start_ns + int(part.table.host_time_ns[-1])
        tables.append(part.table)
        warnings += part.warnings
    counts = all((part.table.device_time >= 0).all() for part in parts)
    table = _joined(tables, starts_ns, counts=counts)
    units = tuple(
        replace(unit, tick_s=1e-6 if counts else None, time_bits=63) for unit in first.units
    )
    return replace(
        first,
        units=units,
        table=table,
        clock="shared" if counts and all(p.clock == "shared" for p in parts) else "independent",
        warnings=list(dict.fromkeys(warnings)),
        gaps_s=tuple(gaps_s),
    )


def _distance_s(before: ImportedSession, part: ImportedSession) -> float | None:
    """Return the seconds from start to start of two parts, None when the second does not follow."""
    length_s = int(before.table.host_time_ns[-1]) / NS_PER_S
    told: list[float] = []
    if before.origin_s is not None and part.origin_s is not None:
        told.append(part.origin_s - before.origin_s)
    if before.started_at is not None and part.started_at is not None:
        told.append((part.started_at - before.started_at).total_seconds())
    return next((one for one in told if length_s < one <= length_s + FOLLOWS_S), None)


def _joined(
    tables: Sequence[SampleTable], starts_ns: Sequence[int], *, counts: bool
) -> SampleTable:
    """Return the samples of all parts; each unit's clock counts µs since the session began."""
    host_ns: IntArray = np.concatenate(
        [table.host_time_ns + start for table, start in zip(tables, starts_ns, strict=True)]
    )
    none = np.full(len(host_ns), -1, dtype=np.int64)
    return SampleTable(
        unit=np.concatenate([table.unit for table in tables]),
        host_time_ns=host_ns,
        device_time=host_ns // 1000 if counts else none,
        sequence=none,  # a packet counter begins anew with each part
        q=np.concatenate([table.q for table in tables]),
        acc=np.concatenate([table.acc for table in tables]),
        gyr=np.concatenate([table.gyr for table in tables]),
    )
