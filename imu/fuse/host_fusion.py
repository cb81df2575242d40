"""Give orientations to units that send raw acceleration and rotation rate only.

`HostFusion` takes samples one at a time, `with_orientations` a whole recording; both use
`imu.fuse.orientation` and give the same orientations. Units that fuse on board pass unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from imu.fuse.orientation import FilterName, HostFilter, fuse, missing_before
from imu.sample import IntArray, Sample, SampleTable, Unit


class HostFusion:
    """Fuses the raw units of a session, sample by sample."""

    def __init__(self, units: Sequence[Unit], filter_name: FilterName = "vqf") -> None:
        self._units = units
        self._name = filter_name
        self._filters: dict[int, HostFilter] = {}
        self._forward: dict[int, _Forward] = {}

    def push(self, sample: Sample) -> Sample:
        """Return the sample with an orientation, or as it came where there is none to rely on.

        A sample that the unit's clock says is repeated or late does not enter the filter.
        """
        if sample.q is not None or sample.acc is None or sample.gyr is None:
            return sample
        unit = self._units[sample.unit]
        counter, period, bits = _counter(unit, sample.device_time, sample.sequence)
        missing = 0
        if counter is not None:
            step = self._forward.setdefault(sample.unit, _Forward(bits)).step(counter)
            if step is None:
                return sample
            missing = missing_before(step / period / unit.rate_hz, unit.rate_hz)
        fusion = self._filters.get(sample.unit)
        if fusion is None:
            fusion = self._filters[sample.unit] = HostFilter(self._name, unit.rate_hz)
        q = fusion.update(sample.acc, sample.gyr, missing)
        return sample._replace(q=q) if q is not None and fusion.valid else sample


def with_orientations(
    table: SampleTable,
    units: Sequence[Unit],
    filter_name: FilterName = "vqf",
) -> SampleTable:
    """Return the recording with orientations for its raw units; NaN where none can be relied on.

    Parameters
    ----------
    table
        A whole recording in arrival order.
    units
        What `table.unit` counts into.
    filter_name
        `vqf`, `madgwick`, `mahony` or `ekf`.
    """
    raw = np.isnan(table.q[:, 0]) & ~np.isnan(table.acc[:, 0]) & ~np.isnan(table.gyr[:, 0])
    if not raw.any():
        return table
    q = table.q.copy()
    for index, unit in enumerate(units):
        rows = np.flatnonzero(raw & (table.unit == index))
        if len(rows):
            _fuse_unit(table, rows, unit, filter_name, q)
    return replace(table, q=q)


def _fuse_unit(
    table: SampleTable,
    rows: IntArray,
    unit: Unit,
    filter_name: FilterName,
    q: np.typing.NDArray[np.float64],
) -> None:
    first = rows[0]
    device = int(table.device_time[first]) if table.device_time[first] >= 0 else None
    sequence = int(table.sequence[first]) if table.sequence[first] >= 0 else None
    counter, period, bits = _counter(unit, device, sequence)
    if counter is None:
        time_s = np.arange(len(rows)) / unit.rate_hz
    else:
        column = table.device_time if device is not None and unit.tick_s else table.sequence
        forward = _Forward(bits)
        steps = [forward.step(count) for count in column[rows].tolist()]
        rows = rows[[step is not None for step in steps]]
        running = np.cumsum([step for step in steps if step is not None])
        time_s = running / period / unit.rate_hz
    acc, gyr = (np.ascontiguousarray(raw[rows]) for raw in (table.acc, table.gyr))
    fused, valid = fuse(time_s, acc, gyr, unit.rate_hz, filter_name)
    q[rows[valid]] = fused[valid]


class _Forward:
    """Follows a wrapping counter of so many bits forwards."""

    def __init__(self, bits: int) -> None:
        self._span = 1 << bits
        self._last: int | None = None

    def step(self, counter: int) -> int | None:
        """Return the step from the count before, 0 to the first; None to one repeated or late."""
        last = counter if self._last is None else self._last
        step = (counter - last) % self._span
        if self._last is not None and not 0 < step < self._span // 2:
            return None
        self._last = counter
        return step


def _counter(
    unit: Unit, device_time: int | None, sequence: int | None
) -> tuple[int | None, float, int]:
    """Return what counts a unit's samples, how much it counts a sample, and its bits."""
    if unit.tick_s and device_time is not None:
        return device_time, 1.0 / (unit.tick_s * unit.rate_hz), unit.time_bits
    return sequence, 1.0, unit.sequence_bits
