"""Several units' files of one recording: whose clock tells when one was beside another.

Synchronised units share SampleTimeFine; the phone's StartTime tells the same more coarsely, and the
units' motion a third time: neighbouring segments move together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import combinations, product

import numpy as np

from imu.importers import ImportFileError
from imu.importers.alignment import unwrap
from imu.importers.witnesses.start_time import zone_offsets
from imu.importers.xsens.dot_clock import TIME_BITS
from imu.importers.xsens.dot_file import TICK_S, DotFile
from imu.quaternion import ARRAYS, by_rows, conjugate, multiply, rotation_vector
from imu.sample import FloatArray, IntArray

START_SLACK_S = 60.0
"""Start times are the phone's, written when each file was opened; a set's lie well within this."""
DIFFER_S = 0.3
"""Start times of a synchronised set agree with its clock to a few hundredths of a second."""
GRID_HZ = 20.0
COMMON_S = 5.0
"""Two segments must move side by side for so long before their motion is a witness."""
ALIKE = 0.5
"""Correlation of the speeds of neighbouring segments that move together."""
CLEARLY = 0.15


def aligned(dots: Sequence[DotFile], warnings: list[str]) -> tuple[bool, list[IntArray]]:
    """Return whether the units share one clock, and each one's microseconds on one scale.

    Parameters
    ----------
    warnings
        Sentences for the person who imports; what was assumed is added.

    Raises
    ------
    ImportFileError
        When the clocks have no moment in common and nothing else tells how they belong together.
    """
    # a unit alone shares its clock with itself
    shared = len(dots) == 1 or all(dot.synced for dot in dots)
    if not shared:
        return False, _by_start_times(dots, warnings)
    if not all(dot.aligns for dot in dots) and len(dots) > 1:
        return False, _by_start_times(dots, warnings, "SampleTimeFine is rounded")
    running_us = _on_shared_clock(dots)
    if len(dots) == 1 or not _contradicted(dots, running_us):
        return True, running_us
    by_start = _by_start_times(dots, [])
    by_clock, by_phone = _alike(dots, running_us), _alike(dots, by_start)
    differ_s = _differ_s(dots, running_us)
    said = f"SampleTimeFine and StartTime of the units differ by {differ_s:.1f} s"
    if by_clock is not None and by_clock >= max(ALIKE, (by_phone or 0.0) + CLEARLY):
        warnings.append(f"{said}: they move together by SampleTimeFine, which is used.")
        return True, running_us
    if by_clock is None and by_phone is None:
        return True, running_us  # refused as files with no moment in common
    moves = by_phone is not None and by_phone >= max(ALIKE, (by_clock or 0.0) + CLEARLY)
    why = "they move together by StartTime, which is used" if moves else "StartTime is used"
    warnings.append(
        f"{said}: {why}; it can be tenths of a second wrong, so synchronise the units in the app"
        " before the next recording."
    )
    return False, by_start


def _contradicted(dots: Sequence[DotFile], running_us: Sequence[IntArray]) -> bool:
    """Tell whether start times that can be compared differ from the shared clock."""
    starts = [dot.start_time for dot in dots if dot.start_time is not None]
    if len(starts) < len(dots) or len({start.tzinfo is None for start in starts}) > 1:
        return False
    if any(started_apart(one, other) for one, other in combinations(dots, 2)):
        return False  # refused as files of different recordings
    return abs(_differ_s(dots, running_us)) > DIFFER_S


def _differ_s(dots: Sequence[DotFile], running_us: Sequence[IntArray]) -> float:
    """Return by how much the clock's first samples differ from the start times, at most."""
    starts = _comparable([dot.start_time for dot in dots if dot.start_time is not None])
    apart = [
        (int(running[0]) - int(running_us[0][0])) * TICK_S - (start - starts[0]).total_seconds()
        for running, start in zip(running_us, starts, strict=True)
    ]
    return max(apart) - min(apart)


def _alike(dots: Sequence[DotFile], running_us: Sequence[IntArray]) -> float | None:
    """Return how much the units' speeds rise and fall together; None where too little is common."""
    first_us = max(int(running[0]) for running in running_us)
    last_us = min(int(running[-1]) for running in running_us)
    count = int((last_us - first_us) * TICK_S * GRID_HZ)
    if count < COMMON_S * GRID_HZ:
        return None
    grid_us = first_us + np.arange(count) * (1.0 / (GRID_HZ * TICK_S))
    speeds = [
        np.interp(grid_us, running[1:].astype(np.float64), _speed(dot))
        for dot, running in zip(dots, running_us, strict=True)
    ]
    if any(float(np.std(speed)) == 0.0 for speed in speeds):
        return None
    return min(float(np.corrcoef(a, b)[0, 1]) for a, b in combinations(speeds, 2))


def _speed(dot: DotFile) -> FloatArray:
    """Return the unit's angular speed at every sample but the first, shape (n − 1,), rad/s."""
    if not np.isnan(dot.gyr).all():
        return np.asarray(np.linalg.norm(dot.gyr[1:], axis=1), dtype=np.float64)
    turn = by_rows(
        rotation_vector, by_rows(multiply, by_rows(conjugate, dot.q[:-1]), dot.q[1:]), of=ARRAYS
    )
    return np.asarray(np.linalg.norm(turn, axis=1) / (np.diff(dot.running_us) * TICK_S))


def started_apart(one: DotFile, other: DotFile) -> bool:
    """Tell whether the start times, where both are known, leave no common moment.

    Synchronised clocks of two days can overlap by chance: they wrap every 72 minutes.
    """
    if one.start_time is None or other.start_time is None:
        return False
    first, second = _comparable([one.start_time, other.start_time])
    return _apart(one, first, other, second)


def _apart(one: DotFile, first: datetime, other: DotFile, second: datetime) -> bool:
    earlier = one if first <= second else other
    length_s = float(earlier.running_us[-1] - earlier.running_us[0]) * TICK_S
    return abs((second - first).total_seconds()) > length_s + START_SLACK_S


def _on_shared_clock(dots: Sequence[DotFile]) -> list[IntArray]:
    """Return each unit's microseconds on the first unit's scale, wraps undone."""
    near = int(dots[0].time_us[0])
    return [unwrap(dot.time_us, TIME_BITS, near) for dot in dots]


def _by_start_times(
    dots: Sequence[DotFile], warnings: list[str], because: str = ""
) -> list[IntArray]:
    """Return each unit's microseconds since the earliest start, by the start times."""
    why = because or "The units were not recorded as one synchronised set"
    starts = [dot.start_time for dot in dots if dot.start_time is not None]
    if len(starts) < len(dots):
        warnings.append(
            f"{why} and not every file has a start"
            " time: all are taken to start together, which can be seconds wrong; movement of one"
            " segment against another is not reliable."
        )
        return [dot.running_us - dot.time_us[0] for dot in dots]
    remedy = "" if because else "; synchronise the units in the app before the next recording"
    warnings.append(
        f"{why}: they are aligned by the start times"
        f" in their files, which can be tenths of a second wrong{remedy}."
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


def with_zones(dots: Sequence[DotFile], warnings: list[str]) -> list[DotFile]:
    """Return the files with a zone that several countries call alike settled by the other files.

    Raises
    ------
    ImportFileError
        When files name different zones, one of them ambiguous, and it is not settled.
    """
    unclear = [d for d in dots if d.start_time and d.start_time.tzinfo is None and d.zone]
    if not unclear or len({dot.zone for dot in dots if dot.start_time}) < 2:
        return list(dots)  # the same words mean the same zone
    names = list(dict.fromkeys(dot.zone for dot in unclear))
    meant = [
        zone_offsets(name, next(d.start_time for d in unclear if d.zone == name and d.start_time))
        for name in names
    ]
    settled = [
        tried
        for choice in product(*meant)
        if _overlap(tried := [_zoned(dot, dict(zip(names, choice, strict=True))) for dot in dots])
    ]
    if len(settled) == 1:
        for dot, now in zip(dots, settled[0], strict=True):
            if now is not dot and now.start_time is not None:
                offset = now.start_time.strftime("%z")
                warnings.append(
                    f"{dot.path.name}: the time zone {dot.zone} is taken as UTC{offset}: only so"
                    " do the recordings overlap."
                )
        return settled[0]
    where = ", ".join(_offset_text(one) for one in meant[0]) if meant[0] else "none that is known"
    raise ImportFileError(
        unclear[0].path,
        "StartTime",
        f"the time zone {names[0]} does not mean the same everywhere (UTC offsets: {where}), and"
        " the files do not settle it",
        "write it as UTC+01:00 or the like",
    )


def _zoned(dot: DotFile, offsets: dict[str, timedelta]) -> DotFile:
    if dot.start_time is None or dot.start_time.tzinfo is not None or dot.zone not in offsets:
        return dot
    zone = timezone(offsets[dot.zone])
    return replace(dot, start_time=dot.start_time.replace(tzinfo=zone))


def _overlap(dots: Sequence[DotFile]) -> bool:
    return not any(started_apart(one, other) for one, other in combinations(dots, 2))


def _offset_text(offset: timedelta) -> str:
    return datetime(2000, 1, 1, tzinfo=timezone(offset)).strftime("%z")
