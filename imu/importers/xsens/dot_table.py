"""The text of a Movella (formerly Xsens) DOT app CSV file → checked numbers by column.

The table is decided by its columns, never by the text of the measurement mode, and found by the
line that names `PacketCounter`: everything above it varies with the app's version and with
what a spreadsheet did to the file since.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imu.importers import Hints, ImportFileError
from imu.importers.alignment import longest_forward
from imu.importers.text.dropped import (
    NO_ROTATION,
    NOT_FINITE,
    OUT_OF_RANGE,
    Dropped,
    drop_where,
    in_row,
    refuse_if_most_fell,
)
from imu.importers.text.number_table import (
    Header,
    NumberRows,
    find_header,
    numbered_lines,
    read_numbers,
)
from imu.importers.witnesses.rows import unit_length
from imu.importers.xsens.dot_clock import TIME_BITS, DotClock, clock_of
from imu.sample import BoolArray, FloatArray, IntArray

QUATERNION = ("quat_w", "quat_x", "quat_y", "quat_z")
EULER = ("euler_x", "euler_y", "euler_z")
ACC = ("acc_x", "acc_y", "acc_z")
GYR = ("gyr_x", "gyr_y", "gyr_z")

_COUNTERS = ("packetcounter", "sampletimefine")
_WHAT = "a CSV file exported by the Movella DOT app"
_NOT_FOUND = "no line starts with PacketCounter"
# The unit measures to ±16 g and ±2000 °/s; twice that is no measurement.
# Angles go once around.
_LIMITS = {ACC: 320.0, GYR: 4000.0, EULER: 360.0}


@dataclass(frozen=True, slots=True)
class DotTable:
    """What the text holds, in the file's own units."""

    fields: Mapping[str, str]
    """Header lines: key in lower-case letters and digits, such as `outputrate`, to value."""
    columns: Mapping[str, FloatArray]
    """Lower-case column name to its numbers, shape (n,), for the columns we use."""
    clock: DotClock
    """When each row was measured; strictly increasing."""
    rows: int
    """Rows below the header, kept or not."""
    dropped: Dropped
    """Rows that were not kept, by reason."""


def read_table(path: Path, hints: Hints | None = None) -> DotTable:
    """Read the rows that a unit can have measured, time running forwards.

    Parameters
    ----------
    path : pathlib.Path
        A CSV file, delimited by commas, or by semicolons or tabs with decimal commas.
    hints
        The rate, where the file has no SampleTimeFine or a rounded one.

    Returns
    -------
    DotTable
        At least two rows, of the two counters and every whole group among quaternion (or else
        Euler angles), acceleration and rotation rate.

    Raises
    ------
    ImportFileError
        When the file is no DOT export, its mode carries no orientation, its clocks contradict each
        other, or too few rows are usable.
    """
    rate_hz = hints.rate_hz if hints else None
    dropped = Dropped()
    with closing(numbered_lines(path)) as source:
        header = find_header(
            path, source, lambda names: "packetcounter" in names, _WHAT, _NOT_FOUND
        )
        used = _used_columns(path, header, rate_hz)
        at = [header.columns.index(name) for name in used]
        table = read_numbers(path, source, header, at, dropped)
    values, lines = _measured(table, used, dropped)
    below = [int(line) - header.line for line in lines]
    clock = clock_of(
        path,
        below,
        values[:, 0],
        values[:, used.index("sampletimefine")] if "sampletimefine" in used else None,
        _named_hz(header.fields.get("outputrate", "")),
        rate_hz,
    )
    values, clock = _forwards(values, lines, clock, dropped)
    refuse_if_most_fell(path, len(values), table.rows, dropped, header.place)
    columns = {name: values[:, i] for i, name in enumerate(used)}
    return DotTable(header.fields, columns, clock, table.rows, dropped)


def _named_hz(text: str) -> float | None:
    """Return the rate that the line `OutputRate` names, such as `60Hz`."""
    match = re.match(r"(\d{1,5}(?:\.\d{1,3})?)\s*(?:hz)?$", text, re.ASCII | re.IGNORECASE)
    return (float(match.group(1)) or None) if match else None


def _used_columns(path: Path, header: Header, rate_hz: float | None) -> tuple[str, ...]:
    place = f"line {header.line}"
    columns = header.columns
    twice = sorted(name for name, count in Counter(columns).items() if name and count > 1)
    if twice:
        raise ImportFileError(
            path, place, f"columns appear twice: {', '.join(twice)}", "export the recording again"
        )
    if "sampletimefine" not in columns and rate_hz is None:
        raise ImportFileError(
            path,
            place,
            "the column SampleTimeFine is missing",
            "export the recording again, or give --rate HZ",
        )
    counters = tuple(name for name in _COUNTERS if name in columns)
    present = [group for group in (QUATERNION, EULER, ACC, GYR) if set(group) <= set(columns)]
    if QUATERNION in present and EULER in present:
        present.remove(EULER)
    oriented = QUATERNION in present or EULER in present
    if not oriented and not (ACC in present and GYR in present):
        raise _no_orientation(path, place, header)
    return counters + tuple(name for group in present for name in group)


def _no_orientation(path: Path, place: str, header: Header) -> ImportFileError:
    mode = header.fields.get("measurementmode") or "+".join(header.columns[2:]) or "no data"
    return ImportFileError(
        path,
        place,
        f"the measurement mode '{mode}' carries no orientation",
        "record in a mode with quaternions (Extended, Complete or Orientation, Custom Mode 3 or 5),"
        " with Euler angles, or with rate quantities",
    )


def _measured(
    table: NumberRows, used: tuple[str, ...], dropped: Dropped
) -> tuple[FloatArray, IntArray]:
    """Return the rows that a unit can have measured, and their lines."""
    values, lines = table.values, table.lines

    def columns(names: tuple[str, ...]) -> FloatArray:
        return values[:, [used.index(name) for name in names]]

    def leave_out(bad: BoolArray, reason: str, names: tuple[str, ...]) -> None:
        nonlocal values, lines
        if bad.any():
            drop_where(dropped, bad, reason, lines, columns(names))
            values, lines = values[~bad], lines[~bad]

    leave_out(in_row(~np.isfinite(values)), NOT_FINITE, used)
    for name in used:
        if name in _COUNTERS:
            count: FloatArray = columns((name,))[:, 0]
            bad = (count < 0) | (count >= 2.0**TIME_BITS) | (count % 1 != 0)
            leave_out(bad, f"with a bad {name}", (name,))
    for group, limit in _LIMITS.items():
        if group[0] in used:
            leave_out(in_row(np.abs(columns(group)) > limit), OUT_OF_RANGE, group)
    if QUATERNION[0] in used:
        leave_out(~unit_length(columns(QUATERNION)), NO_ROTATION, QUATERNION)
    return values, lines


def _forwards(
    values: FloatArray, lines: IntArray, clock: DotClock, dropped: Dropped
) -> tuple[FloatArray, DotClock]:
    """Return the rows without repeats and with time running forwards."""
    index = np.arange(len(values))
    if clock.counted:
        repeated = np.concatenate(([False], np.diff(values[:, 0]) == 0))[: len(values)]
        drop_where(dropped, repeated, "repeated", lines, values[:, :1])
        index = index[~repeated]
    if len(index):
        keep = longest_forward(clock.running_us[index])
        fell = np.ones(len(index), dtype=np.bool_)
        fell[keep] = False
        reason = "with time running backwards"
        drop_where(dropped, fell, reason, lines[index], values[index, 1:2])
        index = index[keep]
    kept = replace(
        clock,
        running_us=clock.running_us[index],
        packet_counter=clock.packet_counter[index],
    )
    return values[index], kept
