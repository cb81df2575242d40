"""One CSV file of the Movella (formerly Xsens) DOT app → one unit's recording."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from imu.importers import Hints, ImportFileError
from imu.importers.alignment import unwrap
from imu.importers.text.dropped import Dropped
from imu.importers.tracks import Said, believed
from imu.importers.witnesses.start_time import parse_start_time, zone_name
from imu.importers.xsens.dot_clock import TIME_BITS
from imu.importers.xsens.dot_table import (
    ACC,
    EULER,
    GYR,
    QUATERNION,
    DotTable,
    read_table,
)
from imu.quaternion import ARRAYS, by_rows, normalise
from imu.sample import FloatArray, IntArray

TICK_S = 1e-6
# A unit's battery lasts half a day; a longer span is made of broken time stamps.
_LONGEST_S = 86_400.0
_RATE_LIMITS_HZ = (0.9, 1000.0)
# How far the clock may stray from the rate in the header before we believe the clock.
_RATE_TOLERANCE = 0.05


@dataclass(frozen=True, slots=True)
class DotFile:
    """One unit's recording as the app exported it, in radians and SI units."""

    path: Path
    tag: str
    firmware: str
    rate_hz: float
    filter_profile: str
    mode: str
    """The measurement mode as the file words it."""
    synced: bool
    """True when the app recorded this unit as one of a synchronised set."""
    start_time: datetime | None
    """Without a zone when the file names none or an ambiguous one."""
    zone: str
    """The zone as the file names it."""
    packet_counter: IntArray
    """Shape (n,), raw; −1 where it does not count."""
    time_us: IntArray
    """Shape (n,), raw `SampleTimeFine`, or what it should be, in µs wrapping at 2**32."""
    aligns: bool
    """Whether the clock is exact enough to align this unit with another by it."""
    q: FloatArray
    """Shape (n, 4), wxyz, sensor → earth; NaN in modes without orientation."""
    acc: FloatArray
    """Shape (n, 3), specific force in m/s², sensor frame; NaN in modes without it."""
    gyr: FloatArray
    """Shape (n, 3), rad/s, sensor frame; NaN in modes without it."""
    rows: int
    """Rows below the header, kept or not."""
    dropped: Dropped
    """Rows that were not kept, by reason."""
    notes: list[str]
    """What had to be assumed or mended."""

    def __len__(self) -> int:
        return len(self.time_us)

    @property
    def running_us(self) -> IntArray:
        """Return the time without its wraps, shape (n,), from the raw first value on."""
        return unwrap(self.time_us, TIME_BITS)

    @property
    def lost(self) -> int:
        """Return how many samples are missing between the first and the last."""
        periods = np.diff(self.running_us) * TICK_S * self.rate_hz
        return int(np.sum(np.maximum(np.rint(periods) - 1, 0)))


def read_dot_file(path: Path, hints: Hints | None = None) -> DotFile:
    """Read one CSV file of the DOT app.

    Parameters
    ----------
    path : pathlib.Path
        Any measurement mode with quaternions, Euler angles, or acceleration and rotation rate.

    Returns
    -------
    DotFile
        The usable rows, and how many were not.

    Raises
    ------
    ImportFileError
        When the file is no DOT export, its mode carries no orientation, fewer than two rows are
        usable, or its time stamps are absurd.
    """
    table = read_table(path, hints)
    fields, columns, clock = table.fields, table.columns, table.clock
    rate_hz, rate_notes = _rate_hz(
        path, fields.get("outputrate", ""), clock.running_us, clock.packet_counter
    )
    n = len(clock.running_us)
    time_s = clock.running_us.astype(np.float64) * TICK_S
    gyr = np.deg2rad(_vectors(columns, GYR, n))
    q, acc, gyr, notes = _believed(
        path, time_s, _orientation(table), _vectors(columns, ACC, n), gyr
    )
    started = fields.get("starttime", "")
    return DotFile(
        path=path,
        tag=fields.get("devicetag", ""),
        firmware=fields.get("firmwareversion", ""),
        rate_hz=rate_hz,
        filter_profile=fields.get("filterprofile", ""),
        mode=fields.get("measurementmode", ""),
        synced=fields.get("syncstatus", "").casefold() == "synced",
        start_time=parse_start_time(started),
        zone=zone_name(started),
        packet_counter=clock.packet_counter,
        time_us=clock.running_us % (1 << TIME_BITS),
        aligns=clock.aligns,
        q=q,
        acc=acc,
        gyr=gyr,
        rows=table.rows,
        dropped=table.dropped,
        notes=[*clock.notes, *rate_notes, *notes],
    )


def _believed(
    path: Path, time_s: FloatArray, q: FloatArray, acc: FloatArray, gyr: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, list[str]]:
    """Return what the columns mean as they agree with each other; NaN where there are none."""
    there = [None if np.isnan(one).all() else one for one in (q, acc, gyr)]
    ((*meant, notes),) = believed([Said(path, time_s, there[0], there[1], there[2])])
    filled = [
        np.full_like(one, np.nan) if now is None else now
        for one, now in zip((q, acc, gyr), meant, strict=True)
    ]
    return filled[0], filled[1], filled[2], notes


def _vectors(columns: Mapping[str, FloatArray], names: tuple[str, ...], n: int) -> FloatArray:
    if names[0] not in columns:
        return np.full((n, len(names)), np.nan)
    return np.stack([columns[name] for name in names], axis=1)


def _orientation(table: DotTable) -> FloatArray:
    columns = table.columns
    n = len(columns["packetcounter"])
    if "euler_x" not in columns:
        return by_rows(normalise, _vectors(columns, QUATERNION, n), of=ARRAYS)
    # Intrinsic Z-Y-X: yaw about z, then pitch about the new y, then roll about the newest x
    roll, pitch, yaw = np.deg2rad(_vectors(columns, EULER, n)).T / 2.0
    cr, sr = np.cos(roll), np.sin(roll)
    cp, sp = np.cos(pitch), np.sin(pitch)
    cy, sy = np.cos(yaw), np.sin(yaw)
    return np.stack(
        (
            cy * cp * cr + sy * sp * sr,
            cy * cp * sr - sy * sp * cr,
            cy * sp * cr + sy * cp * sr,
            sy * cp * cr - cy * sp * sr,
        ),
        axis=1,
    )


def _rate_hz(
    path: Path, text: str, running_us: IntArray, packet_counter: IntArray
) -> tuple[float, list[str]]:
    """Return the rate the header names, unless the unit's own clock contradicts it: that is said.

    Raises
    ------
    ImportFileError
        When the clock is that of no unit.
    """
    step_us = np.diff(running_us)
    packets = np.diff(packet_counter)
    # per packet, so that lost ones do not slow it down; a counter that wraps steps back once
    measured_hz = 1.0 / (TICK_S * float(np.median(step_us / np.maximum(packets, 1))))
    lowest, highest = _RATE_LIMITS_HZ
    if not lowest <= measured_hz <= highest:
        raise ImportFileError(
            path,
            "column SampleTimeFine",
            f"the samples come at {measured_hz:.6g} Hz, which no unit sends",
            "export the recording again",
        )
    span_s = TICK_S * float(np.sum(step_us))
    if span_s > _LONGEST_S:
        raise ImportFileError(
            path,
            "column SampleTimeFine",
            f"the samples span {span_s / 3600:.0f} hours, which no battery lasts",
            "export the recording again",
        )
    match = re.match(r"(\d{1,5}(?:\.\d{1,3})?)\s*(?:hz)?$", text, re.ASCII | re.IGNORECASE)
    named_hz = float(match.group(1)) if match else 0.0
    if abs(named_hz - measured_hz) <= _RATE_TOLERANCE * measured_hz:
        return named_hz, []
    contradicted = (
        f"{path.name}: its clock shows {measured_hz:.3g} samples a second, not the {named_hz:g} of"
        " OutputRate; the clock is believed."
    )
    return round(measured_hz, 3), [contradicted] if match else []
